//! Absence: silence of a line is not that of its tags, tags that never came are one alarm, and a line that cannot be judged is one.

use super::*;
use crate::alarm::Notification;

/// The events that people are told, with their times.
fn told(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Notification(event) => {
            Some(format!("{} {}", event.kind.as_str(), event.at.as_millis() / 1000))
        }
        _ => None,
    };
    effects.iter().filter_map(word).collect()
}

fn notification<'a>(effects: &'a [Effect], kind: &str) -> &'a Notification {
    let of_kind = |effect: &'a Effect| match effect {
        Effect::Notification(event) if event.kind.as_str() == kind => Some(&**event),
        _ => None,
    };
    effects.iter().find_map(of_kind).expect("it is told")
}

fn health(engine: &Engine) -> Vec<String> {
    engine.view().lines[0].tags.iter().map(|tag| tag.health.to_string()).collect()
}

#[test]
fn a_line_that_has_gone_silent_is_one_alarm_and_none_of_each_tag() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, run(0..600, 15.0));
    // Where nothing is known frames are skipped up to the clock: a tick a second, as in the daemon.
    let effects = apply(&mut engine, (600..700).map(|s| Event::Tick(at(s))));
    let event = notification(&effects, "line.silent");
    assert_eq!(told(&effects), ["line.silent 660"]);
    assert_eq!(&*event.title, "tm3: the line has gone silent");
    assert!(
        event.text.starts_with(
            "Nothing has come of it since 1970-01-01 00:09 +00:00, though its broker is reached."
        ),
        "{}",
        event.text
    );
    assert_eq!(told(&apply(&mut engine, [Event::Tick(at(2400))])), [""; 0]);
    assert_eq!(health(&engine), ["stale", "stale", "stale"]);
    let mut engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
    // It speaks again, but for one of its tags.
    let without_steam = |event: &Event| !is_of(event, "steam");
    let again = run(3000..3200, 15.0).into_iter().filter(without_steam);
    let effects = apply(&mut engine, again);
    assert_eq!(told(&effects), ["line.heard 3000", "sensor.unhealthy 3059"]);
    assert_eq!(health(&engine), ["good", "stale", "good"]);
}

#[test]
fn one_tag_that_is_silent_among_some_that_speak_seldom_is_a_sensor() {
    let mut plant = plant();
    plant.lines[0].tags.retain(|tag| &*tag.id != "speed");
    plant.lines[0].rate.length = None;
    let mut engine = Engine::new(plant, Vec::new());
    // `steam` speaks every five minutes, `bw` every second, until it dies.
    let seldom = |s: &i64| s % 300 == 0;
    let both = (0..1800).flat_map(|s| {
        let steam = Some(s).filter(seldom).map(|s| reading("steam", s, 7.0));
        [reading("bw", s, 15.0 + 0.01 * f64::from(u8::try_from(s % 7).unwrap()))]
            .into_iter()
            .chain(steam)
    });
    apply(&mut engine, both.collect::<Vec<_>>());
    let rest = (1800..3000).flat_map(|s| {
        let steam = Some(s).filter(seldom).map(|s| reading("steam", s, 7.1));
        [Event::Tick(at(s))].into_iter().chain(steam)
    });
    assert_eq!(told(&apply(&mut engine, rest.collect::<Vec<_>>())), ["sensor.unhealthy 1860"]);
}

#[test]
fn a_line_that_stands_still_may_be_silent() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..600, 15.0));
    apply(&mut engine, [batch(600, BatchEvent::Pause { reason: Some("weekend".into()) })]);
    apply(&mut engine, run(600..630, 15.0));
    assert_eq!(told(&apply(&mut engine, [Event::Tick(at(90_000))])), [""; 0]);
}

#[test]
fn tags_that_never_came_are_one_alarm_until_all_have_come() {
    let mut plant = plant();
    plant.lines[0].tags.extend(["lost", "late"].map(Tag::named));
    let mut engine = Engine::new(plant, Vec::new());
    let effects = apply(&mut engine, run(0..1200, 15.0));
    assert_eq!(told(&effects), ["tags.missing 901"]);
    let event = notification(&effects, "tags.missing");
    assert_eq!(&*event.title, "tm3: 2 of 5 tags never came: late, lost");
    assert_eq!(&*event.alarm, "tm3/missing");
    let come = |s: i64, tag: &str| reading(tag, s, 3.0);
    assert_eq!(told(&apply(&mut engine, [come(1201, "late")])), [""; 0]);
    let standing = engine.view().alarms.remove(0);
    assert_eq!(&*standing.title, "tm3: 1 of 5 tags never came: lost");
    let mut engine = Engine::restore(&engine.checkpoint()).expect("it is its own");
    assert_eq!(told(&apply(&mut engine, [come(1202, "lost")])), ["tags.found 1202"]);
    // Both are good sensors by and by, and nobody was told that they were not.
    let both = |s| [run(s..s + 1, 15.0), vec![come(s, "late"), come(s, "lost")]].concat();
    assert_eq!(told(&apply(&mut engine, (1203..1300).flat_map(both))), [""; 0]);
    // What came once and does so no more is a sensor that is stale.
    let effects = apply(&mut engine, run(1300..1500, 15.0));
    let sick = told(&effects);
    assert_eq!(
        sick.iter().filter(|told| told.starts_with("sensor.unhealthy")).count(),
        2,
        "{sick:?}"
    );
}

#[test]
fn a_line_that_cannot_be_judged_for_ten_minutes_is_an_alarm() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..600, 15.0));
    let blindly = run(600..2400, 15.0).into_iter().filter(|event| !is_of(event, "bw"));
    let effects = apply(&mut engine, blindly);
    let sensor = told(&effects)[0].clone();
    assert!(sensor.starts_with("sensor.unhealthy 66"), "{sensor}");
    assert_eq!(told(&effects).len(), 2, "{:?}", told(&effects));
    let event = notification(&effects, "line.unjudged");
    assert_eq!(&*event.title, "tm3: no verdict is possible");
    assert_eq!(&*event.alarm, "tm3/unjudged");
    apply(&mut engine, [start(2400, "R2")]);
    let effects = apply(&mut engine, run(2400..3600, 15.0));
    assert!(
        told(&effects).iter().any(|told| told.starts_with("line.judged")),
        "{:?}",
        told(&effects)
    );
}

#[test]
fn a_tag_of_which_nothing_good_comes_is_missing_until_it_is_declared_no_more() {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag::named("lost"));
    let mut engine = Engine::new(plant, Vec::new());
    assert_eq!(told(&apply(&mut engine, run(0..1200, 15.0))), ["tags.missing 901"]);
    let bad = |s| match reading("lost", s, 3.0) {
        Event::Message(received, Message::Reading(named)) => {
            let named = NamedReading { quality: SourceQuality::Bad, ..named };
            Event::Message(received, Message::Reading(named))
        }
        other => other,
    };
    let both = |s| [run(s..s + 1, 15.0), vec![bad(s)]].concat();
    assert_eq!(told(&apply(&mut engine, (1200..1300).flat_map(both))), [""; 0]);
    assert!(engine.reconfigure(super::plant(), Vec::new()));
    assert_eq!(told(&apply(&mut engine, run(1300..1310, 15.0))), ["tags.found 1298"]);
}
