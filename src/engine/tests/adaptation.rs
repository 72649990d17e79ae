//! Limits that follow what good batches reach, and what is told of it.

use super::*;
use crate::decode::Disposition;
use crate::models::{FitSpec, Table, fit};
use crate::plant::{Budget, Guard, Way};

/// Seconds of a batch, and the batches in a story.
pub(super) const LONG: i64 = 120;
const BATCHES: i64 = 12;

/// A value that moves as if by chance, the same each time.
fn wobble(s: i64, k: i64) -> f64 {
    let x = (s.wrapping_mul(7_919) + k.wrapping_mul(104_729)).rem_euclid(1_009);
    f64::from(i32::try_from(x).unwrap()) / 1_009.0 - 0.5
}

pub(super) fn values(s: i64, off: f64) -> [f64; 2] {
    [7.0 + wobble(s, 1) + off, 3.0 + wobble(s, 2)]
}

/// A model of twenty batches in which steam was off by as much.
pub(super) fn artifact(off: f64) -> Arc<[u8]> {
    let rows = 20 * LONG;
    let table = Table {
        columns: vec!["steam".into(), "draw".into()],
        values: (0..rows).flat_map(|s| values(s - 100_000, off)).collect(),
        blocks: (0..20).map(|ix| ix * usize::try_from(LONG).unwrap()).collect(),
        ..Table::default()
    };
    let spec = FitSpec {
        frame: Duration::from_secs(1),
        budget: Budget::PerBatches { flags: 1, batches: 20 },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        wanders: BTreeMap::new(),
        ties: BTreeMap::new(),
    };
    fit(&table, &spec).unwrap().to_bytes().into()
}

/// A line with two process tags, and a model of twenty batches in which nothing was off.
pub(super) fn engine(adapt_limits: bool) -> Engine {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag { role: Role::Process, ..Tag::named("draw") });
    plant.models.adapt_limits = adapt_limits;
    plant.models.refit = crate::plant::Refit::Never;
    let mut engine = Engine::new(plant, Vec::new());
    engine.install("tm3", &"facial".into(), 1, artifact(0.0)).unwrap();
    engine
}

/// Batches in each of which steam is off by as much, each followed by this word on it.
pub(super) fn story(off: f64, word: Option<Disposition>) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..=BATCHES {
        let begin = n * LONG;
        events.push(start(begin, &format!("R{n}")));
        if let Some(disposition) = word.filter(|_| n > 0) {
            let event = BatchEvent::Disposition {
                batch: format!("R{}", n - 1).as_str().into(),
                disposition,
                by: None,
                note: None,
            };
            events.push(batch(begin + 1, event));
        }
        for s in begin..begin + LONG {
            let [steam, draw] = values(s, off);
            events.extend([
                reading("bw", s, 15.0 + wobble(s, 3) * 0.1),
                reading("steam", s, steam),
                reading("draw", s, draw),
                reading("speed", s, 600.0),
            ]);
        }
    }
    events
}

/// The batches that were flagged.
fn flagged(effects: &[Effect]) -> BTreeSet<String> {
    let of = |effect: &Effect| match effect {
        Effect::Verdict(document) if document.verdict.is_flag() => {
            document.batch.as_deref().map(str::to_owned)
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn last_record(effects: &[Effect]) -> Option<&WrongFlagsRecord> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::WrongFlags(record) => Some(record),
        _ => None,
    })
}

#[test]
fn limits_follow_what_batches_that_were_released_reach() {
    let mut engine = engine(true);
    let effects = apply(&mut engine, story(0.6, Some(Disposition::Release)));
    let flagged = flagged(&effects);
    assert!(flagged.contains("R0") && flagged.len() < 8, "{flagged:?}");
    assert!(!flagged.contains("R11"), "{flagged:?}");
    let record = last_record(&effects).unwrap();
    assert_eq!(record.realized.good, 12);
    assert_eq!(usize::try_from(record.realized.wrong).unwrap(), flagged.len());
    assert!(record.limit_scale > 1.2, "{record:?}");
    assert_eq!(engine.view().lines[0].wrong_flags.as_ref().unwrap().realized, record.realized);
    let drifted = said(&effects).iter().filter(|text| text.ends_with("model.drifted")).count();
    assert_eq!(drifted, 1, "it is told once");
}

#[test]
fn what_is_within_its_guard_band_flags_nothing_and_moves_no_limit() {
    let run = |band: f64, way: Way| {
        let mut engine = engine(true);
        let mut plant = engine.plant().clone();
        for tag in &mut plant.lines[0].tags {
            tag.guard = Guard { band, way };
        }
        engine.reconfigure(plant, Vec::new());
        let effects = apply(&mut engine, story(0.6, Some(Disposition::Release)));
        let scale = last_record(&effects).map(|record| record.limit_scale);
        let explained = engine.explain(LineIx(0));
        (flagged(&effects).len(), scale.unwrap(), explained.guarded)
    };
    // Steam is 0.6 above where it was.
    let (flagged, scale, guarded) = run(2.0, Way::Both);
    assert_eq!(flagged, 0);
    assert!(scale < 1.2, "{scale}");
    assert_eq!(guarded, [Arc::from("steam")]);
    assert_eq!(run(0.3, Way::Below).0, 0);
    let (flagged, _, guarded) = run(0.3, Way::Above);
    assert!(flagged > 0 && guarded.is_empty(), "{flagged} {guarded:?}");
}

#[test]
fn what_nobody_calls_good_is_not_learned() {
    for word in [None, Some(Disposition::Rework), Some(Disposition::Hold)] {
        let effects = apply(&mut engine(true), story(0.6, word));
        assert_eq!(flagged(&effects).len(), 13, "{word:?}");
        assert_eq!(last_record(&effects).map(|record| record.realized.good), None, "{word:?}");
    }
}

#[test]
fn limits_of_a_plant_that_wants_it_so_stay() {
    let effects = apply(&mut engine(false), story(0.6, Some(Disposition::Release)));
    assert_eq!(flagged(&effects).len(), 13);
    let record = last_record(&effects).unwrap();
    assert_eq!((record.realized.good, record.realized.wrong), (12, 12));
    assert!((record.limit_scale - 1.0).abs() < 1e-12);
}

#[test]
fn scale_and_peak_outlive_a_restart_within_a_batch() {
    let events = story(0.6, Some(Disposition::Release));
    let whole = apply(&mut engine(true), events.clone());
    let mut first = engine(true);
    let cut = events.len() / 2 + 100;
    let mut parts = apply(&mut first, events[..cut].to_vec());
    let bytes = first.checkpoint();
    let mut second = Engine::restore(&bytes).unwrap();
    parts.extend(apply(&mut second, events[cut..].to_vec()));
    assert_eq!(whole, parts);
}

#[test]
fn flagged_batch_tells_of_those_in_which_the_same_moved() {
    let effects = apply(&mut engine(true), story(0.9, Some(Disposition::Rework)));
    let of = |id: &str| {
        effects.iter().rev().find_map(|effect| match effect {
            Effect::Verdict(document) if document.batch.as_deref() == Some(id) => {
                Some(document.similar.clone())
            }
            _ => None,
        })
    };
    let names = |similar: &[crate::verdict::Similar]| {
        let words = similar
            .iter()
            .map(|one| format!("{} {}", one.batch, one.disposition.as_deref().unwrap_or("-")));
        words.collect::<Vec<_>>()
    };
    assert_eq!(names(&of("R0").unwrap()), Vec::<String>::new());
    let later = of("R5").unwrap();
    assert_eq!(later.len(), 3, "{later:?}");
    assert!(names(&later).iter().all(|name| name.ends_with("rework")), "{later:?}");
    assert!(later.iter().all(|one| one.likeness > 0.9 && one.verdict.is_flag()), "{later:?}");
    let finished = effects.iter().find_map(|effect| match effect {
        Effect::BatchVerdict(document) if document.batch.as_deref() == Some("R5") => Some(document),
        _ => None,
    });
    assert_eq!(finished.unwrap().similar.len(), 3, "the finished batch keeps them");
}
