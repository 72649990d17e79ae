//! Maintenance: what is muted, what is not learned, and when it ends.

use super::*;

fn maintenance(s: i64, until: i64) -> Event {
    let (by, note) = (Some("maker".into()), Some("felt change".into()));
    batch(s, BatchEvent::Maintenance { until: at(until), by, note })
}

/// Changes of alarms with their times, and events, in order.
fn changes(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Alarm(record) => {
            Some(format!("{} {} {}", record.alarm, record.change, record.at.as_millis() / 1000))
        }
        Effect::Notification(event) => Some(event.kind.as_str().to_owned()),
        _ => None,
    };
    effects.iter().filter_map(word).collect()
}

fn link(s: i64, up: bool) -> Event {
    Event::Command(Command::Link { up, at: at(s) })
}

fn view(engine: &Engine) -> LineView {
    engine.view().lines.remove(0)
}

#[test]
fn a_batch_under_maintenance_is_judged_without_an_alarm_and_teaches_nothing() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..600, 15.0));
    let effects = apply(&mut engine, [maintenance(600, 3000)]);
    assert_eq!(changes(&effects), ["tm3/maintenance began 600"]);
    let seen = view(&engine).maintenance.unwrap();
    assert_eq!((seen.since, seen.until), (600_000, 3_000_000));
    // Its basis weight is far outside: nobody need be told who works on it.
    let effects = apply(&mut engine, run(600..1800, 25.0));
    assert_eq!(changes(&effects), ["tm3/batch raised 663", "tm3/batch changed 671"]);
    let document = view(&engine).verdict.unwrap();
    assert_eq!(document.state.as_deref(), Some("maintenance"));
    assert!(document.verdict.is_flag());
    // What became of it is a fact.
    let effects = apply(&mut engine, [start(1800, "R2")]);
    let effects = [effects, apply(&mut engine, run(1800..2400, 15.0))].concat();
    assert!(changes(&effects).contains(&"batch.finished".to_owned()), "{:?}", changes(&effects));
    let release = |s, id: &str| {
        let disposition = crate::decode::Disposition::Release;
        batch(s, BatchEvent::Disposition { batch: id.into(), disposition, by: None, note: None })
    };
    apply(&mut engine, [start(2400, "R3"), release(2410, "R1"), release(2410, "R2")]);
    let effects = apply(&mut engine, run(2400..3600, 15.0));
    assert!(
        changes(&effects).contains(&"tm3/maintenance ended 3000".to_owned()),
        "{:?}",
        changes(&effects)
    );
    assert_eq!(view(&engine).maintenance, None);
    assert_eq!(engine.fit_batches(LineIx(0), "facial"), [] as [Arc<str>; 0]);
    // R4 is made after it.
    apply(&mut engine, [start(3600, "R4")]);
    apply(&mut engine, run(3600..4800, 15.0));
    apply(&mut engine, [start(4800, "R5")]);
    apply(&mut engine, run(4800..4900, 15.0));
    apply(&mut engine, [release(4900, "R4"), release(4900, "R3")]);
    assert_eq!(engine.fit_batches(LineIx(0), "facial"), ["R4".into()]);
}

#[test]
fn a_word_that_comes_late_takes_from_what_was_learned_and_gives_back() {
    let mut engine = Engine::new(plant(), Vec::new());
    let release = |s, id: &str| {
        let disposition = crate::decode::Disposition::Release;
        batch(s, BatchEvent::Disposition { batch: id.into(), disposition, by: None, note: None })
    };
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..1200, 15.0));
    apply(&mut engine, [start(1200, "R2")]);
    apply(&mut engine, run(1200..2400, 15.0));
    apply(&mut engine, [release(2400, "R1")]);
    assert_eq!(engine.fit_batches(LineIx(0), "facial"), ["R1".into()]);
    let effects = apply(&mut engine, [maintenance(300, 900)]);
    assert_eq!(changes(&effects), [""; 0], "it is over, and nobody was muted");
    let records = effects.iter().filter_map(|effect| match effect {
        Effect::Batch(record) => Some((&*record.batch, record.maintenance)),
        _ => None,
    });
    assert_eq!(records.collect::<Vec<_>>(), [("R1", true)]);
    assert_eq!(engine.fit_batches(LineIx(0), "facial"), [] as [Arc<str>; 0]);
    // The same again says nothing, and an end before the batch began gives it back.
    assert!(apply(&mut engine, [maintenance(300, 900)]).is_empty());
    let end = BatchEvent::MaintenanceEnd { by: None, note: None };
    apply(&mut engine, [batch(300, end)]);
    assert_eq!(engine.fit_batches(LineIx(0), "facial"), ["R1".into()]);
}

#[test]
fn while_the_link_is_down_maintenance_ends_by_the_clock_and_the_line_is_blind() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..600, 15.0));
    apply(&mut engine, [maintenance(600, 3000)]);
    assert_eq!(changes(&apply(&mut engine, [link(700, false)])), ["tm3/blind raised 700"]);
    assert!(!engine.would_push(at(2999)) && engine.would_push(at(3000)));
    let mut engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
    assert_eq!(changes(&apply(&mut engine, [Event::Tick(at(2999))])), [""; 0]);
    assert_eq!(
        changes(&apply(&mut engine, [Event::Tick(at(3000))])),
        [
            "tm3/maintenance ended 3000",
            "tm3/blind unsuppressed 3000",
            "tm3/blind raised 3000",
            "line.blind"
        ]
    );
    assert_eq!(
        changes(&apply(&mut engine, [link(3100, true)])),
        ["tm3/blind returned 3100", "line.restored"]
    );
}

#[test]
fn somebody_ends_it_before_its_time_or_puts_it_off() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, run(0..600, 15.0));
    let end = |s| batch(s, BatchEvent::MaintenanceEnd { by: Some("maker".into()), note: None });
    assert_eq!(changes(&apply(&mut engine, [end(600)])), [""; 0], "there is none");
    let effects = apply(&mut engine, [maintenance(610, 3000), maintenance(620, 4000)]);
    assert_eq!(changes(&effects), ["tm3/maintenance began 610"]);
    let seen = view(&engine).maintenance.unwrap();
    assert_eq!((seen.since, seen.until), (610_000, 4_000_000));
    let effects = apply(&mut engine, [end(700)]);
    assert_eq!(changes(&effects), ["tm3/maintenance ended 700"]);
    let record = effects.iter().find_map(|effect| match effect {
        Effect::Alarm(record) => Some(record),
        _ => None,
    });
    let record = record.expect("the end is a record");
    assert_eq!((record.by.as_deref(), record.state), (Some("maker"), "normal"));
}
