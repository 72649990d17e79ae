//! A new grade that borrows a model until it has its own.

use super::*;
use crate::decode::Disposition;
use crate::models::{Lent, Table, fit, fit_borrowed};

/// Seconds of a batch, batches of the old grade, and those that a first model takes.
const LONG: i64 = 100;
const OLD: i64 = 11;
const LEARNING: u32 = 10;

fn wobble(s: i64, k: i64) -> f64 {
    let x = (s.wrapping_mul(7_919) + k.wrapping_mul(104_729)).rem_euclid(1_009);
    f64::from(i32::try_from(x).unwrap()) / 1_009.0 - 0.5
}

/// Of the new grade more is drawn.
fn values(s: i64) -> [f64; 2] {
    let draw = if s < OLD * LONG { 3.0 } else { 30.0 };
    [7.0 + wobble(s, 1), draw + wobble(s, 2)]
}

/// The answer to a request, from the batches that it names.
fn answer(request: &FitRequest) -> Event {
    let mut table = Table { columns: vec!["steam".into(), "draw".into()], ..Table::default() };
    let lent = request.neighbours.iter();
    let lent = lent.map(|one| Lent { grade: Arc::clone(&one.grade), batches: one.batches.clone() });
    table.source.borrowed = lent.collect();
    table.source.batches.clone_from(&request.batches);
    let lent = request.neighbours.iter().flat_map(|one| &one.batches);
    for id in lent.chain(&request.batches) {
        let number: i64 = id[1..].parse().unwrap();
        table.blocks.push(table.rows());
        table.values.extend((number * LONG..(number + 1) * LONG).flat_map(values));
    }
    let model = if request.neighbours.is_empty() {
        fit(&table, &request.spec)
    } else {
        fit_borrowed(table, &request.spec, &mut |_| ())
    };
    let outcome = Ok(model.unwrap().to_bytes().into());
    Event::Model(ModelAnswer { request: request.id, outcome, trial: None })
}

#[test]
fn a_new_grade_is_judged_by_a_borrowed_model_until_it_has_its_own() {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag { role: Role::Process, ..Tag::named("draw") });
    plant.models.learning_batches = LEARNING;
    let facial = facial(&plant);
    plant.grades.insert("towel".into(), facial);
    let mut engine = Engine::new(plant, Vec::new());
    let (mut told, mut learning, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..OLD + 12 {
        let begin = n * LONG;
        let grade = if n < OLD { "facial" } else { "towel" };
        let started =
            BatchEvent::Start { batch: format!("R{n}").as_str().into(), grade: Some(grade.into()) };
        let mut events = vec![batch(begin, started)];
        if n > 0 {
            let event = BatchEvent::Disposition {
                batch: format!("R{}", n - 1).as_str().into(),
                disposition: Disposition::Release,
                by: None,
                note: None,
            };
            events.push(batch(begin + 1, event));
        }
        for s in begin..begin + LONG {
            let [steam, draw] = values(s);
            events.extend([
                reading("bw", s, 15.0),
                reading("steam", s, steam),
                reading("draw", s, draw),
                reading("speed", s, 600.0),
            ]);
        }
        for event in events {
            let effects = apply(&mut engine, [event]);
            for effect in effects {
                match effect {
                    Effect::Fit(request) => {
                        ids.push(request.id);
                        let answered = apply(&mut engine, [answer(&request)]);
                        assert!(answered.is_empty());
                    }
                    Effect::Model(record) => told.push(format!("{} {}", record.grade, n - OLD)),
                    _ => {}
                }
            }
        }
        let document = engine.view().lines[0].verdict.clone().unwrap();
        learning.extend(document.learning.filter(|_| n >= OLD).map(|one| (one.have, one.borrowed)));
    }
    // Four batches are released in the fifth, and what came of it judges from the sixth on.
    assert_eq!(told, ["facial 0", "towel 5", "towel 9", "towel 11"]);
    let borrowed = learning.iter().position(|(_, borrowed)| *borrowed);
    assert_eq!((borrowed, learning[5], learning.len()), (Some(5), (5, true), 11));
    let own = |id: &&u64| **id < 1 << 32;
    assert_eq!(ids.iter().filter(own).collect::<Vec<_>>(), [&1, &2], "ids of an older release");
    assert_eq!(ids.len(), 4);
}
