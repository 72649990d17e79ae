//! What is told of finished batches together.

use super::*;
use crate::decode::Disposition;
use crate::models::Outcome;
use crate::verdict::Call;

fn word(s: i64, id: &str, disposition: Disposition) -> Event {
    batch(s, BatchEvent::Disposition { batch: id.into(), disposition, by: None, note: None })
}

#[test]
fn finished_batches_are_told_with_what_they_were_found_to_be() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "G")];
    events.extend(run(0..30, 15.0));
    events.push(start(30, "B"));
    events.extend(run(30..130, 17.0));
    events.push(start(130, "A"));
    events.extend(run(130..160, 15.0));
    events.push(start(160, "V"));
    events.extend(run(160..190, 15.0));
    events.push(start(190, "O"));
    events.extend(run(190..220, 15.0));
    let begin = BatchEvent::Start { batch: "E".into(), grade: Some("towel".into()) };
    events.push(batch(220, begin));
    events.extend(run(220..250, 15.0));
    events.push(start(250, "P"));
    events.extend(run(250..260, 15.0));
    let unwind = |s, event| {
        let (line, station) = ("tm3".into(), Some("unwind".into()));
        let at = at(s);
        Event::Message(at, Message::Batch(BatchMessage { line, station, at, event }))
    };
    events.push(unwind(255, BatchEvent::Start { batch: "U".into(), grade: None }));
    let end = BatchEvent::End { batch: "U".into(), length_m: None, mass_kg: None };
    events.push(unwind(256, end));
    let action = BatchEvent::Action { batch: "A".into(), text: "refiner".into(), by: None };
    events.extend([
        word(257, "G", Disposition::Release),
        word(257, "B", Disposition::Scrap),
        word(257, "A", Disposition::Release),
        batch(257, action),
        batch(258, BatchEvent::Void { batch: "V".into() }),
    ]);
    apply(&mut engine, events);
    let told = engine.finished_batches(LineIx(0), "facial");
    let words: Vec<_> = told
        .iter()
        .map(|one| (&*one.id, one.found, one.started, one.ended, one.first_flag.is_some()))
        .collect();
    // Neither what never was, nor what runs, nor what another station or grade made; oldest first.
    assert_eq!(
        words,
        [
            ("G", Outcome::Good, at(0), at(30), false),
            ("B", Outcome::Bad, at(30), at(130), true),
            ("A", Outcome::Acted, at(130), at(160), false),
            ("O", Outcome::Open, at(190), at(220), false),
        ]
    );
    assert_eq!(told[1].verdict, Call::OffSpec);
    assert_eq!(engine.finished_batches(LineIx(0), "towel").len(), 1);
    assert_eq!(engine.finished_batches(LineIx(7), "facial"), []);
}
