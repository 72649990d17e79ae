//! Clocks of sources: what is far off moves nothing and is said; what has no time is shown as such.

use super::*;
use crate::decode::{Format, JsonRule, JsonValues, Template};

/// A working day in 2026, s.
const BEGIN: i64 = 1_795_700_000;

/// `mill/{line}/{area}/{tag}` with a time, `bare/{line}/{area}/{tag}` without.
fn rules() -> Vec<Rule> {
    let rule =
        |template: &str, format| Rule::new("plant", Template::parse(template).unwrap(), format);
    let timed = Format::Json(JsonRule {
        values: JsonValues::One("/v".into()),
        time: Some("/ts".into()),
        ..JsonRule::default()
    });
    vec![rule("mill/{line}/{area}/{tag}", timed), rule("bare/{line}/{area}/{tag}", Format::Value)]
}

/// A reading that arrives at a second and says it was measured `by` seconds later.
fn sent(tag: &str, s: i64, by: i64) -> Event {
    #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
    let value = 15.0 + (s % 7) as f64 * 0.01;
    stamped(tag, s, (BEGIN + s + by) * 1000, value)
}

fn stamped(tag: &str, s: i64, ts: i64, value: f64) -> Event {
    Event::Arrival(Arrival {
        broker: "plant".into(),
        received: at(BEGIN + s),
        topic: format!("mill/tm3/dry/{tag}").into(),
        payload: format!(r#"{{"v":{value},"ts":{ts}}}"#).into_bytes().into(),
        retained: false,
        properties: None,
    })
}

/// A second of all tags; `off` stamps `by` seconds later than it is.
fn second(s: i64, off: &str, by: i64) -> [Event; 3] {
    ["bw", "steam", "speed"].map(|tag| sent(tag, s, if tag == off { by } else { 0 }))
}

fn told(effects: &[Effect]) -> Vec<(i64, String)> {
    let told = |effect: &Effect| match effect {
        Effect::Notification(n) => {
            Some((n.at.as_millis() / 1000 - BEGIN, format!("{} {}", n.kind.as_str(), n.title)))
        }
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

fn faults(effects: &[Effect]) -> Vec<String> {
    let fault = |effect: &Effect| match effect {
        Effect::Fault(record) => Some(record.fault.detail.clone()),
        _ => None,
    };
    effects.iter().filter_map(fault).collect()
}

fn flags(effects: &[Effect]) -> BTreeSet<String> {
    let flags = |effect: &Effect| match effect {
        Effect::Reading(record) => Some(format!("{:?}", record.flags)),
        _ => None,
    };
    effects.iter().filter_map(flags).collect()
}

#[test]
fn one_reading_of_the_future_or_of_1970_moves_nothing_and_is_said() {
    for (ts, flag, words) in [
        ((BEGIN + 90_000) * 1000, "future", "25 h ahead of its arrival"),
        (BEGIN, "past", "set `time_unit = \"s\"`"),
        ((BEGIN - 8 * 3600) * 1000, "past", "local time sent as UTC"),
    ] {
        let mut engine = Engine::new(plant(), rules());
        apply(&mut engine, (0..10).flat_map(|s| second(s, "", 0)));
        let clock = engine.clock(LineIx(0));
        let effects = apply(&mut engine, [stamped("bw", 10, ts, 15.5)]);
        assert_eq!(flags(&effects), BTreeSet::from([format!("Flags({flag})")]));
        assert!(faults(&effects)[0].contains(words), "{:?}", faults(&effects));
        assert_eq!(engine.clock(LineIx(0)), clock);
        let effects = apply(&mut engine, (10..20).flat_map(|s| second(s, "", 0)));
        assert_eq!(flags(&effects), BTreeSet::from(["Flags(good)".into()]));
        assert_eq!((faults(&effects), told(&effects)), (vec![], vec![]));
    }
}

#[test]
fn source_of_1970_from_the_first_is_stored_named_and_judged_nowhere() {
    let mut engine = Engine::new(plant(), rules());
    let of_1970 = |s: i64| ["bw", "steam"].map(|tag| stamped(tag, s, BEGIN + s, 15.0));
    let effects = apply(&mut engine, (0..400).flat_map(of_1970));
    assert_eq!(flags(&effects), BTreeSet::from(["Flags(past)".into()]));
    assert_eq!(effects.iter().filter(|e| matches!(e, Effect::Reading(_))).count(), 800);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Frame(_))));
    assert_eq!(faults(&effects).len(), 2, "one for each tag: {:?}", faults(&effects));
    let told = told(&effects);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.starts_with("system.degraded source/plant/tm3"), "{told:?}");
    assert!(told[0].1.contains("`time_unit`?"), "{told:?}");
    assert_eq!(engine.view().sources[0].state, "far-past");
}

#[test]
fn clock_within_the_guard_makes_no_other_tag_late() {
    let mut engine = Engine::new(plant(), rules());
    let effects = apply(&mut engine, (0..600).flat_map(|s| second(s, "steam", 50)));
    assert_eq!(flags(&effects), BTreeSet::from(["Flags(good)".into()]));
    let seen = |tag: usize| {
        let value = |e: &Effect| match e {
            Effect::Frame(f) => Some(f.values[tag].is_finite()),
            _ => None,
        };
        effects.iter().filter_map(value).filter(|seen| *seen).count()
    };
    assert!(seen(0) >= 590 && seen(2) >= 590, "{} {}", seen(0), seen(2));
}

#[test]
fn tag_that_is_off_is_a_sensor_s_fault_for_which_it_is_never_called_silent() {
    for by in [-90, 90, 45, -50] {
        let mut engine = Engine::new(plant(), rules());
        apply(&mut engine, (0..900).flat_map(|s| second(s, "", 0)));
        let effects = apply(&mut engine, (900..2600).flat_map(|s| second(s, "steam", by)));
        let told = told(&effects);
        assert_eq!(told.len(), 1, "{by}: {told:?}");
        let title = "sensor.unhealthy tm3: sensor steam cannot be trusted: its stamps are off";
        assert!(told[0].1 == title && told[0].0 < 900 + 1800, "{by}: {told:?}");
        let view = engine.view();
        assert_eq!((&*view.lines[0].tags[1].health, view.sources[0].state), ("skew", "good"));
        // It comes back from a checkpoint, and once the clock is right it is over.
        let mut engine = Engine::restore(&engine.checkpoint()).unwrap();
        let effects = apply(&mut engine, (2600..3600).flat_map(|s| second(s, "", 0)));
        let words = "sensor.recovered tm3: sensor steam can be trusted again";
        assert_eq!(self::told(&effects).len(), 1, "{by}: {:?}", self::told(&effects));
        assert_eq!(self::told(&effects)[0].1, words, "{by}");
    }
}

#[test]
fn source_that_is_off_is_told_once_and_again_when_it_is_right() {
    let all = |s: i64, by: i64| ["bw", "steam", "speed"].map(|tag| sent(tag, s, by));
    for (by, state) in [(-90, "behind"), (90, "future"), (10, "ahead")] {
        let mut engine = Engine::new(plant(), rules());
        let mut effects = apply(&mut engine, (0..2400).flat_map(|s| all(s, by)));
        assert_eq!(engine.view().sources[0].state, state);
        assert!(engine.tells("source/plant/tm3") && !engine.tells("source/plant/tm4"));
        effects.extend(apply(&mut engine, (2400..5400).flat_map(|s| all(s, 0))));
        let kinds: Vec<String> = told(&effects)
            .into_iter()
            .map(|(_, text)| text.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        let part = "source/plant/tm3";
        let expected = [format!("system.degraded {part}"), format!("system.recovered {part}")];
        assert_eq!(kinds, expected, "{by}");
        assert_eq!(engine.view().sources[0].state, "good");
    }
}

#[test]
fn readings_without_a_time_are_those_of_their_arrival_and_say_so_once() {
    let mut engine = Engine::new(plant(), rules());
    let bare = |s: i64| {
        Event::Arrival(Arrival {
            broker: "plant".into(),
            received: at(BEGIN + s),
            topic: "bare/tm3/dry/steam".into(),
            payload: s.to_string().into_bytes().into(),
            retained: false,
            properties: None,
        })
    };
    let effects = apply(&mut engine, (0..60).map(bare));
    let notes = effects.iter().filter(|e| matches!(e, Effect::NoSourceTime { .. })).count();
    assert_eq!(notes, 1);
    let view = engine.view();
    assert_eq!((view.lines[0].tags[1].time, view.sources[0].time), ("arrival", "arrival"));
    apply(&mut engine, [sent("bw", 60, 0)]);
    let view = engine.view();
    assert_eq!((view.lines[0].tags[0].time, view.sources[0].time), ("source", "both"));
}

#[test]
fn a_leap_of_the_receiver_s_clock_is_no_skew() {
    let mut engine = Engine::new(plant(), rules());
    let mut effects = apply(&mut engine, (0..1200).flat_map(|s| second(s, "", 0)));
    // The receiver's clock was five minutes slow, and is set right.
    let leap = Command::ClockLeap { by_nanos: 300_000_000_000 };
    effects.extend(apply(&mut engine, [Event::Command(leap)]));
    effects.extend(apply(&mut engine, (1500..3600).flat_map(|s| second(s, "", 0))));
    assert_eq!(told(&effects), []);
}

#[test]
fn what_a_broker_held_during_our_absence_is_no_skew() {
    let mut engine = Engine::new(plant(), rules());
    let mut effects = apply(&mut engine, (0..1200).flat_map(|s| second(s, "", 0)));
    effects.extend(apply(&mut engine, [Event::Command(Command::Started { at: at(BEGIN + 9000) })]));
    // Read at the speed at which it came in, for as long as a block and more: nobody reads that slowly.
    let held =
        (1200..3600).flat_map(|s| ["bw", "steam", "speed"].map(|tag| sent(tag, s + 7800, -7800)));
    effects.extend(apply(&mut engine, held));
    effects
        .extend(apply(&mut engine, [Event::Command(Command::CaughtUp { at: at(BEGIN + 11_400) })]));
    let kinds: BTreeSet<String> = told(&effects)
        .into_iter()
        .map(|(_, text)| text.split(' ').next().unwrap().into())
        .collect();
    assert!(!kinds.contains("system.degraded") && !kinds.contains("sensor.unhealthy"), "{kinds:?}");
    assert_eq!(engine.view().sources[0].state, "good");
}
