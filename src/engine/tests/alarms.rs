//! Orders of people, shelves that end, and floods.

use super::*;
use crate::alarm::{Action, IsaState, Order, Unmet};

fn component(s: i64, name: &str, works: bool) -> Event {
    let (component, reason) = (name.into(), "it is down".into());
    Event::Command(Command::Component { component, works, reason, at: at(s) })
}

fn order(s: i64, action: Action) -> Order {
    let (by, note) = (Some("shift-a".into()), Some("why".into()));
    Order { alarm: "system/influxdb".into(), action, by, note, at: at(s) }
}

/// Changes of alarms and events, in order.
fn changes(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Alarm(record) => Some(format!("{} {}", record.alarm, record.change)),
        Effect::Notification(event) => Some(event.kind.as_str().to_owned()),
        _ => None,
    };
    effects.iter().filter_map(word).collect()
}

#[test]
fn orders_take_effect_and_a_shelf_ends_by_a_tick() {
    let mut engine = Engine::new(plant(), Vec::new());
    assert_eq!(engine.check_order(&order(0, Action::Acknowledge)), Err(Unmet::Unknown));
    apply(&mut engine, [component(1, "influxdb", false)]);
    let shelve = order(2, Action::Shelve { until: at(60) });
    assert_eq!(engine.check_order(&shelve), Ok(IsaState::Shelved));
    let effects = apply(&mut engine, [Event::Command(Command::Alarm(Box::new(shelve)))]);
    assert_eq!(changes(&effects), ["system/influxdb shelved"]);
    // What a checkpoint keeps goes on as if nothing had been.
    let kept = engine.checkpoint();
    let mut engine = Engine::restore(&kept).expect("it is its own");
    assert!(!engine.would_push(at(59)) && engine.would_push(at(60)));
    assert_eq!(changes(&apply(&mut engine, [Event::Tick(at(59))])), [""; 0]);
    let effects = apply(&mut engine, [Event::Tick(at(60))]);
    assert_eq!(
        changes(&effects),
        ["system/influxdb unshelved", "system/influxdb raised", "system.degraded"]
    );
    let effects = apply(&mut engine, [component(61, "influxdb", true)]);
    assert_eq!(changes(&effects), ["system/influxdb returned", "system.recovered"]);
}

#[test]
fn a_flood_is_an_alarm_of_its_own() {
    let mut engine = Engine::new(plant(), Vec::new());
    let many = (0..11).map(|ix| component(ix, &format!("webhook/{ix}"), false));
    apply(&mut engine, many);
    let effects = apply(&mut engine, [Event::Command(Command::Alive { at: at(20) })]);
    assert_eq!(changes(&effects), ["system/alarms raised", "system.degraded"]);
    assert!(engine.tells("alarms"));
    // Seven minutes later they are as many; a little after ten there was none lately.
    assert_eq!(
        changes(&apply(&mut engine, [Event::Command(Command::Alive { at: at(420) })])),
        [""; 0]
    );
    let effects = apply(&mut engine, [Event::Command(Command::Alive { at: at(640) })]);
    assert_eq!(changes(&effects), ["system/alarms returned", "system.recovered"]);
}
