//! Sensors that fall sick and recover, reading by reading.

mod habits;

use super::*;
use crate::reading::{Finite, Value};
use crate::reading::{Flags, Reading, SourceQuality, Timestamp};
use std::time::Duration;

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_nanos(s * 1_000_000_000)
}

fn checks() -> Checks {
    Checks {
        range: Some((0.0, 60.0)),
        stuck: Some(Duration::from_secs(300)),
        silence: Silence::After(Duration::from_secs(60)),
        numeric: true,
        habits: true,
        ..Checks::undeclared()
    }
}

/// Feeds one value a second from second 0; returns the changes as text.
fn feed(quality: &mut TagQuality, values: impl Iterator<Item = f64>, from: i64) -> Vec<String> {
    let mut changes = Vec::new();
    for (ix, value) in values.enumerate() {
        let at = seconds(from + i64::try_from(ix).unwrap());
        let reading = Reading {
            at,
            received: at,
            value: Value::Number(Finite::try_from(value).unwrap()),
            quality: SourceQuality::Good,
        };
        let (_, _, change) = quality.assess(&checks(), &reading);
        if let Some(change) = change {
            changes.push(format!(
                "{}s {} {} since {}s",
                at.as_millis() / 1000,
                if change.sick { "sick" } else { "well" },
                change.fault.as_str(),
                change.since.as_millis() / 1000
            ));
        }
    }
    changes
}

fn moving(n: u32) -> impl Iterator<Item = f64> {
    (0..n).map(|ix| 15.0 + f64::from(ix % 7) * 0.01)
}

#[test]
fn still_value_is_stuck_and_recovers_when_it_moves() {
    let mut quality = TagQuality::default();
    let values = moving(20).chain(std::iter::repeat_n(15.0, 400)).chain(moving(3).skip(1));
    assert_eq!(
        feed(&mut quality, values, 0),
        ["320s sick stuck since 20s", "420s well stuck since 20s"]
    );
}

#[test]
fn value_that_never_moved_is_not_stuck() {
    let mut quality = TagQuality::default();
    assert!(feed(&mut quality, std::iter::repeat_n(7.2, 5000), 0).is_empty());
}

#[test]
fn value_that_rests_by_nature_is_given_three_times_as_long() {
    let mut quality = TagQuality::default();
    // Moves every 200 s: resting for 500 s is not yet odd.
    let slow = (0..3000).map(|ix| f64::from(ix / 200));
    assert!(feed(&mut quality, slow, 0).is_empty());
    assert!(feed(&mut quality, std::iter::repeat_n(14.0, 350), 3000).is_empty());
    assert_eq!(feed(&mut quality, std::iter::repeat_n(14.0, 200), 3350).len(), 1);
}

#[test]
fn three_readings_out_of_range_make_a_sensor_sick() {
    let mut quality = TagQuality::default();
    let values = [15.0, 99.0, 99.0, 15.0, 99.0, 98.0, 97.0, 15.0, 15.1, 15.2];
    assert_eq!(
        feed(&mut quality, values.into_iter(), 0),
        ["6s sick range since 5s", "9s well range since 5s"]
    );
}

#[test]
fn silent_tag_is_stale_even_if_it_never_spoke() {
    let mut quality = TagQuality::default();
    assert_eq!(quality.pass(&checks(), seconds(60), seconds(0)), None);
    let change = quality.pass(&checks(), seconds(61), seconds(0)).unwrap();
    assert_eq!((change.fault, change.sick), (SensorFault::Stale, true));
    assert_eq!(quality.pass(&checks(), seconds(99), seconds(0)), None);
}

/// A value that moves each `interval` seconds for two hours, then silence: when it is called stale.
#[track_caller]
fn check_silence(interval: i64, expected_after: i64) {
    let mut quality = TagQuality::default();
    let checks = Checks { silence: Silence::ByInterval, ..checks() };
    let mut last = 0;
    for s in 0..20_000 {
        if s % interval == 0 && s < 7200 {
            // Once it says the same twice.
            let step = s / interval - i64::from(s / interval >= 20);
            #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
            let value = Value::Number(Finite::try_from((step % 9) as f64).unwrap());
            let reading = Reading {
                at: seconds(s),
                received: seconds(s),
                value,
                quality: SourceQuality::Good,
            };
            let (_, _, change) = quality.assess(&checks, &reading);
            assert_eq!(change, None, "at {s} s");
            last = s;
        }
        if quality.pass(&checks, seconds(s), seconds(0)).is_some() {
            assert_eq!((s - last, s > 7000), (expected_after + 1, true));
            return;
        }
    }
    panic!("never stale");
}

#[test]
fn silence_is_held_against_the_tags_own_interval() {
    check_silence(1, 60);
    check_silence(45, 135);
    check_silence(300, 900);
    check_silence(840, 2520);
}

#[test]
fn text_of_a_tag_of_numbers_makes_it_sick() {
    let mut quality = TagQuality::default();
    feed(&mut quality, moving(20), 0);
    let text = |s| Reading {
        at: seconds(s),
        received: seconds(s),
        value: Value::Text("bad".into()),
        quality: SourceQuality::Good,
    };
    let changes: Vec<_> = (20..24).map(|s| quality.assess(&checks(), &text(s))).collect();
    assert!(changes.iter().all(|(flags, usable, _)| *flags == Flags::NO_NUMBER && !usable));
    let fault = changes[2].2.unwrap();
    assert_eq!((fault.fault, fault.sick, fault.since), (SensorFault::NoNumber, true, seconds(19)));
    assert_eq!(feed(&mut quality, moving(5), 24), ["26s well no-number since 19s"]);
    let context = Checks { numeric: false, ..checks() };
    assert_eq!(quality.assess(&context, &text(40)), (Flags::GOOD, false, None));
}

#[test]
fn reading_from_the_future_teaches_nothing() {
    let mut quality = TagQuality::default();
    let reading = Reading {
        at: seconds(100),
        received: seconds(10),
        value: Value::Number(Finite::try_from(1.0).unwrap()),
        quality: SourceQuality::Good,
    };
    let (flags, usable, change) = quality.assess(&checks(), &reading);
    assert_eq!((flags, usable, change), (Flags::FUTURE, false, None));
    assert_eq!(quality.last(), None);
}
