//! Orders of people, shelves that end, and floods.

use super::*;
use crate::alarm::{Action, EventKind, IsaState, Notification, Order, Subject, Unmet};

fn component(s: i64, name: &str, works: bool) -> Event {
    let (component, reason) = (name.into(), "it is down".into());
    Event::Command(Command::Component { component, works, reason, at: at(s) })
}

fn order(s: i64, action: Action) -> Order {
    let (by, note) = (Some("shift-a".into()), Some("why".into()));
    Order { alarm: "system/influxdb".into(), action, by, note, at: at(s), occurrence: None }
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
fn another_language_is_that_of_what_is_told_from_then_on_and_nothing_is_lost() {
    use crate::plant::{Language, Speech};
    let locale = |language| crate::words::Locale { language, ..Default::default() };
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [component(1, "influxdb", false), component(1, "store", false)]);
    let speech = Speech { language: Language::Chinese, ..Speech::default() };
    let mut chinese = plant();
    chinese.alarms.speech = speech;
    assert!(engine.reconfigure(chinese, Vec::new()));
    // By the configuration that the checkpoint keeps.
    let mut engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
    let stands = engine.view().alarms;
    let influxdb = stands.iter().find(|alarm| &*alarm.alarm == "system/influxdb").unwrap();
    assert_eq!(&*influxdb.title, "influxdb does not work: it is down");
    assert_eq!(&*influxdb.title(&locale(Language::Chinese)), "influxdb 工作不正常：it is down");
    let titles = |effects: &[Effect]| -> Vec<String> {
        let title = |effect: &Effect| match effect {
            Effect::Notification(event) => Some(event.title.to_string()),
            Effect::Alarm(record) => Some(record.message.to_string()),
            _ => None,
        };
        effects.iter().filter_map(title).collect()
    };
    let effects = apply(&mut engine, [component(9, "influxdb", true)]);
    assert_eq!(titles(&effects), ["influxdb 恢复正常", "influxdb 恢复正常"]);
    // Who has to be told again what stands is told in the language of now.
    let told: Vec<String> = engine.told_alarms().map(|told| told.title.to_string()).collect();
    assert_eq!(told, ["store 工作不正常：it is down"]);
}

#[test]
fn a_flood_is_an_alarm_of_its_own() {
    let mut engine = Engine::new(plant(), Vec::new());
    let many = (0..11).map(|ix| component(ix, &format!("webhook/{ix}"), false));
    apply(&mut engine, many);
    let effects = apply(&mut engine, [Event::Command(Command::Alive { at: at(20) })]);
    assert_eq!(changes(&effects), ["system/alarms raised", "system.degraded"]);
    // Nothing was ever heard of a line: people were told all the same.
    assert_eq!(engine.view().alarm_load.ten_minutes, 12);
    assert!(engine.tells("alarms"));
    // Seven minutes later they are as many; a little after ten there was none lately.
    assert_eq!(
        changes(&apply(&mut engine, [Event::Command(Command::Alive { at: at(420) })])),
        [""; 0]
    );
    let effects = apply(&mut engine, [Event::Command(Command::Alive { at: at(640) })]);
    assert_eq!(changes(&effects), ["system/alarms returned", "system.recovered"]);
}

#[test]
fn an_event_of_a_line_asks_something_of_its_alarms() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..900, 25.0));
    let asked = |s, action: &str, alarm: &str, note: Option<&str>, until: Option<i64>| {
        let event = BatchEvent::Alarm {
            action: action.into(),
            alarm: alarm.into(),
            until: until.map(at),
            by: "shift-a".into(),
            note: note.map(Into::into),
        };
        batch(s, event)
    };
    let effects = apply(&mut engine, [asked(901, "acknowledge", "tm3/batch", None, None)]);
    assert_eq!(changes(&effects), ["tm3/batch acknowledged", "alarm.acknowledged"]);
    let Some(Effect::Alarm(record)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(record.by.as_deref(), Some("shift-a"));
    for (event, fault) in [
        (
            asked(902, "acknowledge", "tm3/batch", None, None),
            "alarm `tm3/batch`: it is acknowledged: there is nothing to acknowledge",
        ),
        (
            asked(902, "acknowledge", "tm4/batch", None, None),
            "alarm `tm4/batch` is none of line `tm3`: those begin with `tm3/`",
        ),
        (
            asked(902, "comment", "tm3/batch", None, None),
            "`comment` of alarm `tm3/batch` has no `note`: say why, so that the next shift knows",
        ),
        (
            asked(902, "shelve", "tm3/batch", Some("known"), None),
            "a shelf needs its end: say until when",
        ),
        (
            asked(902, "reset", "tm3/batch", None, Some(1000)),
            "only a shelf has an end: leave it out",
        ),
    ] {
        let effects = apply(&mut engine, [event]);
        assert_eq!(said(&effects), [format!("fault bad-event: {fault}")]);
        assert_eq!(changes(&effects), [""; 0]);
    }
    let shelve = asked(903, "shelve", "tm3/batch", Some("known"), Some(2000));
    assert_eq!(changes(&apply(&mut engine, [shelve])), ["tm3/batch shelved"]);
}

#[test]
fn the_alarm_of_a_tag_or_line_that_is_declared_no_more_is_over() {
    let mut engine = Engine::new(plant(), Vec::new());
    let without_steam = |event: &Event| !is_of(event, "steam");
    apply(&mut engine, run(0..10, 15.0));
    apply(&mut engine, run(10..120, 15.0).into_iter().filter(without_steam));
    assert_eq!(engine.view().alarms.len(), 1);
    let mut other = plant();
    other.lines[0].tags.retain(|tag| &*tag.id != "steam");
    assert!(engine.reconfigure(other, Vec::new()));
    let alive = |s| Event::Command(Command::Alive { at: at(s) });
    let effects = apply(&mut engine, [alive(130), alive(131)]);
    assert_eq!(changes(&effects), ["tm3/sensor/steam returned", "sensor.recovered"]);
    assert_eq!(engine.view().alarms.len(), 0);
    // A whole line, whose link is down.
    let link = Event::Command(Command::Link { up: false, at: at(140) });
    assert_eq!(changes(&apply(&mut engine, [link])), ["tm3/blind raised", "line.blind"]);
    let mut other = plant();
    other.lines[0].name = "tm4".into();
    assert!(engine.reconfigure(other, Vec::new()));
    let effects = apply(&mut engine, [alive(150)]);
    assert_eq!(changes(&effects), ["tm3/blind returned", "line.restored"]);
}

/// A plant that tells others of what nobody has acknowledged for five minutes.
fn escalating() -> Plant {
    let mut plant = plant();
    plant.alarms.escalations = vec![Duration::from_secs(300)];
    plant
}

fn escalations(effects: &[Effect]) -> Vec<(i64, &Notification)> {
    fn told(effect: &Effect) -> Option<(i64, &Notification)> {
        let Effect::Notification(event) = effect else { return None };
        let escalates = event.kind == EventKind::AlarmUnacknowledged;
        escalates.then(|| (event.at.as_millis() / 1000, &**event))
    }
    effects.iter().filter_map(told).collect()
}

#[test]
fn what_nobody_acknowledges_is_told_by_the_time_of_its_line_with_the_verdict_of_then() {
    let mut engine = Engine::new(escalating(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    let effects = apply(&mut engine, run(0..1800, 25.0));
    let raised = effects.iter().find_map(|effect| match effect {
        Effect::Notification(event) if event.kind == EventKind::BatchAtRisk => Some(event),
        _ => None,
    });
    let raised = raised.expect("the batch is at risk").at.as_millis() / 1000;
    let told = escalations(&effects);
    let [(s, event)] = told.as_slice() else { panic!("once: {told:?}") };
    assert_eq!((*s, &*event.alarm), (raised + 300, "tm3/batch"));
    let Subject::Batch { verdict, .. } = &event.subject else { panic!("it is of a batch") };
    assert!(verdict.at() > at(raised + 200), "{verdict:?}");
    assert_eq!(verdict.verdict, crate::verdict::Call::OffSpec);
}

#[test]
fn of_a_line_that_is_not_heard_and_of_the_daemon_s_own_parts_the_daemon_s_clock_counts() {
    let mut engine = Engine::new(escalating(), Vec::new());
    apply(&mut engine, run(0..100, 15.0));
    let link = Event::Command(Command::Link { up: false, at: at(140) });
    apply(&mut engine, [link, component(200, "influxdb", false)]);
    for (s, alarm) in [(440, "tm3/blind"), (500, "system/influxdb")] {
        assert!(!engine.would_push(at(s - 1)) && engine.would_push(at(s)), "{s}");
        // A crash before it changes nothing.
        engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
        let effects = apply(&mut engine, [Event::Tick(at(s))]);
        let told = escalations(&effects);
        assert_eq!(
            told.iter().map(|(s, event)| (*s, &*event.alarm)).collect::<Vec<_>>(),
            [(s, alarm)]
        );
        assert!(!engine.would_push(at(s)));
    }
}

/// The sources are half an hour behind, and the link goes down while one of their alarms waits for an answer.
#[test]
fn of_a_line_that_is_behind_its_own_time_goes_on_while_it_is_not_heard() {
    let mut plant = escalating();
    plant.alarms.escalations.push(Duration::from_secs(900));
    let mut engine = Engine::new(plant, Vec::new());
    let behind = |event: Event| match event {
        Event::Message(received, message) => {
            Event::Message(received.plus(Duration::from_secs(1800)), message)
        }
        other => other,
    };
    let mut effects = apply(&mut engine, [behind(start(0, "R1"))]);
    effects.extend(apply(&mut engine, run(0..200, 25.0).into_iter().map(behind)));
    let raised = effects.iter().find_map(|effect| match effect {
        Effect::Notification(event) if event.kind == EventKind::BatchAtRisk => Some(event.at),
        _ => None,
    });
    let raised = raised.expect("the batch is at risk").as_millis() / 1000;
    apply(&mut engine, [Event::Command(Command::Link { up: false, at: at(2000) })]);
    let mut told = Vec::new();
    for s in 2000..3500 {
        if engine.would_push(at(s)) {
            let effects = apply(&mut engine, [Event::Tick(at(s))]);
            told.extend(
                escalations(&effects).iter().map(|(due, event)| (s, *due, event.alarm.to_string())),
            );
        }
    }
    let (batch, blind) = ("tm3/batch".to_owned(), "tm3/blind".to_owned());
    let mut expected = [
        (raised + 1800 + 300, raised + 300, batch.clone()),
        (raised + 1800 + 900, raised + 900, batch),
        (2300, 2300, blind.clone()),
        (2900, 2900, blind),
    ];
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn another_delay_takes_effect_without_losing_what_waits() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [component(0, "influxdb", false)]);
    assert!(!engine.would_push(at(9000)));
    assert!(engine.reconfigure(escalating(), Vec::new()));
    assert!(!engine.would_push(at(299)) && engine.would_push(at(300)));
    let effects = apply(&mut engine, [Event::Tick(at(400))]);
    assert_eq!(changes(&effects), ["alarm.unacknowledged"]);
}
