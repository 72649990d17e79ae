//! Events of batches in odd orders: what `tests/storms` found, each by itself.

use super::*;
use crate::verdict::Call;

fn lab(s: i64, id: &str, value: f64) -> Event {
    let (batch_id, property) = (id.into(), "tensile".into());
    let unit = None;
    batch(s, BatchEvent::Lab { batch: batch_id, property, value, unit, position: None })
}

fn end(s: i64, id: &str) -> Event {
    batch(s, BatchEvent::End { batch: id.into(), length_m: None, mass_kg: None })
}

fn void(s: i64, id: &str) -> Event {
    batch(s, BatchEvent::Void { batch: id.into() })
}

/// The records of batches: id, verdict, revision, end in s.
fn records(effects: &[Effect]) -> Vec<String> {
    let record = |effect: &Effect| {
        let Effect::Batch(record) = effect else { return None };
        let ended = record.ended.map_or("..".into(), |at| (at.as_millis() / 1000).to_string());
        let verdict = record.verdict.map_or("void", Call::as_str);
        Some(format!("{} {verdict} r{} {ended}", record.batch, record.revision))
    };
    effects.iter().filter_map(record).collect()
}

#[test]
fn what_waited_for_a_batch_is_said_with_its_first_record() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, run(0..20, 15.0));
    let effects = apply(&mut engine, [lab(5, "R1", 110.0), lab(6, "R1", 120.0), start(15, "R1")]);
    assert_eq!(records(&effects), ["R1 unknown r2 .."]);
    let effects = apply(&mut engine, [lab(5, "X", 110.0), lab(6, "X", 90.0), end(10, "X")]);
    assert_eq!(records(&effects), ["X off-spec r3 10"]);
    assert_eq!(said(&effects)[0], "10 batch.finished");
}

#[test]
fn of_two_batches_that_wait_for_one_frame_the_first_is_said_to_begin_and_to_end() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, run(0..20, 15.0));
    apply(&mut engine, [lab(5, "R1", 110.0), start(30, "R1"), start(30, "R2")]);
    let effects = apply(&mut engine, run(20..40, 15.0));
    let records_of_both = records(&effects);
    assert_eq!(records_of_both[..3], ["R1 unknown r1 ..", "R1 unknown r2 30", "R2 unknown r0 .."]);
    // The start of another one that names the grade both begin with, at their instant, says so of the one it ends.
    let named = BatchEvent::Start { batch: "R3".into(), grade: Some("towel".into()) };
    let effects = apply(&mut engine, [batch(30, named)]);
    let of_r2 = |record: &String| record.starts_with("R2");
    assert_eq!(records(&effects).into_iter().filter(of_r2).count(), 1, "{effects:?}");
}

#[test]
fn a_batch_in_progress_that_is_void_has_no_verdict_any_more() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..100, 15.0));
    let mut effects = apply(&mut engine, [void(100, "R1")]);
    effects.extend(apply(&mut engine, run(100..400, 17.0)));
    effects.extend(apply(&mut engine, [lab(400, "R1", 90.0)]));
    assert!(records(&effects).iter().all(|record| record.contains(" void ")), "{effects:?}");
    assert_eq!(engine.view().lines[0].batch.as_ref().unwrap().verdict, None);
    // It was void before it began.
    let effects = apply(&mut engine, [void(401, "R2"), start(395, "R2")]);
    assert_eq!(records(&effects).last().unwrap(), "R2 void r1 ..");
}

#[test]
fn a_batch_of_a_station_in_progress_has_not_the_verdict_of_the_line() {
    let mut engine = Engine::new(plant(), Vec::new());
    let of_station = BatchMessage {
        line: "tm3".into(),
        station: Some("unwind".into()),
        at: at(0),
        event: BatchEvent::Start { batch: "U1".into(), grade: None },
    };
    apply(&mut engine, [start(0, "R1"), Event::Message(at(0), Message::Batch(of_station))]);
    apply(&mut engine, run(0..100, 17.0));
    let effects = apply(&mut engine, [lab(100, "U1", 110.0)]);
    assert_eq!(records(&effects), ["U1 unknown r1 .."]);
}

#[test]
fn an_end_that_comes_late_is_said_no_earlier_than_what_was_said_before() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    let mut effects = apply(&mut engine, run(0..300, 17.0));
    effects.extend(apply(&mut engine, [end(100, "R1")]));
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::BatchVerdict(document) => Some(document),
        _ => None,
    });
    let ended = ended.unwrap();
    assert!(ended.since <= ended.ts, "{ended:?}");
}
