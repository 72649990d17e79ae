//! What is written down of who decided what.

use super::*;
use crate::alarm::{Action, Order};
use crate::engine::AuditRecord;

fn audit(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Audit(record) => {
            let AuditRecord { at, what, .. } = &**record;
            Some(format!("{} {what} {}", at.as_millis() / 1000, record.json()))
        }
        _ => None,
    };
    effects.iter().filter_map(word).collect()
}

#[test]
fn decisions_are_written_down_once() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    let disposition = crate::decode::Disposition::Rework;
    let (by, note) = (Some("shift-a".into()), Some("holes".into()));
    let rework = batch(5, BatchEvent::Disposition { batch: "R1".into(), disposition, by, note });
    let effects = apply(&mut engine, [rework.clone(), rework.clone()]);
    let entry = r#"5 disposition {"line":"tm3","subject":"R1","by":"shift-a","note":"holes","detail":"rework"}"#;
    assert_eq!(audit(&effects), [entry]);
    // Nor after a restart.
    let mut engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
    assert_eq!(audit(&apply(&mut engine, [rework])), [""; 0]);
    let until = BatchEvent::Maintenance { until: at(60), by: None, note: None };
    let void = BatchEvent::Void { batch: "R1".into() };
    assert_eq!(
        audit(&apply(&mut engine, [batch(6, until), batch(7, void)])),
        [
            r#"6 maintenance {"line":"tm3","subject":"tm3","detail":"until 1970-01-01T00:01:00Z"}"#,
            r#"7 void {"line":"tm3","subject":"R1"}"#,
        ]
    );
}

#[test]
fn what_is_not_taken_is_not_written_down() {
    let mut engine = Engine::new(plant(), Vec::new());
    let void = |station: Option<&str>, line: &str, s| {
        let event = BatchEvent::Void { batch: "R1".into() };
        let station = station.map(Into::into);
        let message = BatchMessage { line: line.into(), station, at: at(s), event };
        Event::Message(at(5), Message::Batch(message))
    };
    let refused = [void(Some("a/b"), "tm3", 5), void(None, "tm9", 5), void(None, "tm3", 900_000)];
    let effects = apply(&mut engine, refused);
    assert_eq!((said(&effects).len(), audit(&effects)), (3, Vec::new()));
    assert_eq!(audit(&apply(&mut engine, [void(Some("unwind"), "tm3", 5)])).len(), 1);
}

#[test]
fn orders_are_written_down_when_they_are_followed_and_shelves_that_end_are_not() {
    let mut engine = Engine::new(plant(), Vec::new());
    let component = Command::Component {
        component: "influxdb".into(),
        works: false,
        reason: "down".into(),
        at: at(1),
    };
    apply(&mut engine, [Event::Command(component)]);
    let order = |s, action, alarm: &str| {
        let (by, note) = (Some("shift-a".into()), Some("known".into()));
        let order = Order { alarm: alarm.into(), action, by, note, at: at(s), occurrence: None };
        Event::Command(Command::Alarm(Box::new(order)))
    };
    let effects = apply(
        &mut engine,
        [
            order(2, Action::Shelve { until: at(60) }, "system/influxdb"),
            order(3, Action::Acknowledge, "system/store"),
            Event::Tick(at(61)),
        ],
    );
    assert_eq!(
        audit(&effects),
        [
            r#"2 shelve {"subject":"system/influxdb","by":"shift-a","note":"known","detail":"until 1970-01-01T00:01:00Z"}"#
        ]
    );
}

#[test]
fn another_configuration_is_written_down_with_the_first_thing_that_is_heard_under_it() {
    let mut engine = Engine::new(plant(), Vec::new());
    let alive = |s| Event::Command(Command::Alive { at: at(s) });
    // The first one is no other one.
    assert_eq!(audit(&apply(&mut engine, [alive(8)])), [""; 0]);
    let mut other = plant();
    other.lines[0].idle = Duration::from_secs(90);
    other.lines.push(Line::named("tm4"));
    other.models.learning_batches += 1;
    assert!(engine.reconfigure(other.clone(), Vec::new()));
    let mut engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
    assert_eq!(
        audit(&apply(&mut engine, [alive(9), alive(10)])),
        [r#"9 configuration {"subject":"plant","detail":"line tm3, line tm4 is new, models"}"#]
    );
    // To another one and back before anything is heard: nothing was decided.
    assert!(engine.reconfigure(plant(), Vec::new()));
    assert!(engine.reconfigure(other, Vec::new()));
    assert_eq!(audit(&apply(&mut engine, [alive(11)])), [""; 0]);
}
