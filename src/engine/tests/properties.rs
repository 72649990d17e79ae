//! Readings that are dated by the expiry interval of their messages, or by a property.

use super::*;
use crate::decode::{Arrival, Format, PropertyRule, Rule, Template, Wanted};

/// Seconds of a day.
const DAY: u32 = 86_400;

fn rule() -> Rule {
    let time = Some("sent".into());
    let properties = PropertyRule { time, expiry_s: Some(7 * DAY), ..PropertyRule::default() };
    let template = Template::parse("gw/{line}/{tag}").unwrap();
    Rule { properties, ..Rule::new("gw", template, Format::Value) }
}

/// Takes messages that all say the same, each at a second, with what remains of its expiry interval and
/// what its property `sent` says; the time of each reading, s, with its flags.
#[track_caller]
fn check(messages: &[(i64, u32, Option<&str>)], expected: &[&str]) {
    let mut engine = Engine::new(plant(), vec![rule()]);
    let messages = messages.iter().map(|(s, left_s, sent)| {
        let user = sent.map(|sent| ("sent", sent));
        Event::Arrival(Arrival {
            broker: "gw".into(),
            received: at(*s),
            topic: "gw/tm3/basis_weight".into(),
            payload: "15.1".into(),
            retained: false,
            properties: Wanted::by([&rule()]).of(None, Some(*left_s), user),
        })
    });
    let effects = apply(&mut engine, messages);
    let told: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reading(reading) => {
                let flags: Vec<&str> = reading.flags.names().collect();
                Some(format!("{} {}", reading.at.seconds_since(at(0)), flags.join("+")))
            }
            Effect::Fault(record) => Some(format!("{:?}", record.fault)),
            _ => None,
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn equal_messages_without_a_time_are_readings_of_their_own_however_long_they_were_held() {
    // Held for four days, and brought at once; the last one came as it was sent.
    check(
        &[(1, 3 * DAY, None), (1, 3 * DAY + 1, None), (2, 3 * DAY + 3, None), (2, 7 * DAY, None)],
        &[
            "-345599 no-source-time",
            "-345598 no-source-time",
            "-345595 no-source-time",
            "2 no-source-time",
        ],
    );
}

#[test]
fn a_message_with_a_time_is_known_again_whatever_remains_of_its_expiry() {
    check(&[(1, 7 * DAY, Some("1000")), (9, 7 * DAY - 8, Some("1000"))], &["1 "]);
}
