//! What an odd time is likely to be: another unit, another time zone, a clock that was never set.

use crate::quality::{Beyond, FUTURE_GUARD, words};
use crate::reading::Timestamp;
use std::time::Duration;

/// An event that is older than this when it comes is no late one: its time is wrong. A broker holds
/// messages for days, and a laboratory takes weeks.
const EVENT_AGE_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The name of a unit, and by what a number of it was multiplied and divided too little.
type Unit = (&'static str, i64, i64);

/// What a number that was read as milliseconds may have been.
const UNITS: [Unit; 3] =
    [("seconds", 1000, 1), ("microseconds", 1, 1000), ("nanoseconds", 1, 1_000_000)];

/// A time zone's distance from UTC is a multiple of this.
const ZONE_STEP_S: i64 = 900;
/// The farthest zones.
const ZONE_MAX_S: i64 = 14 * 3600;
/// How far a clock that shows a zone's time may be off beside that.
const ZONE_ERROR_S: i64 = 60;

/// What is odd about an event's time: ahead of its arrival, or so old that no batch is meant by it. `None` of one that is
/// taken.
#[must_use]
pub fn odd_time(at: Timestamp, received: Timestamp) -> Option<String> {
    let what = if at > received.plus(FUTURE_GUARD) {
        "ahead of its arrival".to_owned()
    } else if at.plus(EVENT_AGE_MAX) < received {
        format!("more than {} days before its arrival", EVENT_AGE_MAX.as_secs() / 86_400)
    } else {
        return None;
    };
    let help = UNITS
        .iter()
        .find(|unit| is_meant(at, received, **unit))
        .map_or_else(String::new, |(unit, ..)| {
            format!("; it looks like {unit}, `ts` is in milliseconds")
        });
    Some(format!("the event's time {at} is {what}{help}"))
}

/// What is odd about the time of a reading, and what the cause may be.
pub(super) fn odd_reading(tag: &str, at: Timestamp, received: Timestamp, beyond: Beyond) -> String {
    let delay = received.since(at);
    let side = match beyond {
        Beyond::Future => "ahead of",
        Beyond::Past => "behind",
    };
    format!(
        "the time {at} of tag `{tag}` is {} {side} its arrival: {}; its readings are stored and not \
         judged",
        words(delay),
        likely_cause(at, received)
    )
}

/// The likely cause of a time that is not that of its arrival, and what to do.
pub(super) fn likely_cause(at: Timestamp, received: Timestamp) -> String {
    // The rule's own unit is not known here: what was read in a unit too small looks like 1970 whatever
    // the unit was.
    let factors = [1000, 1_000_000, 1_000_000_000];
    let scaled = |factor: i64| at.as_nanos().checked_mul(factor);
    let near = |nanos: i64| is_near(nanos, received);
    if factors.iter().filter_map(|factor| scaled(*factor)).any(near) {
        return "it looks like a number in a greater unit than `time_unit` says (`\"ms\"` unless given): \
                set `time_unit = \"s\"`, or what it is"
            .into();
    }
    if factors.iter().any(|factor| near(at.as_nanos() / factor)) {
        return "it looks like a number in a smaller unit than `time_unit` says (`\"ms\"` unless given): \
                set `time_unit = \"us\"` or `\"ns\"`"
            .into();
    }
    if at.as_nanos() < 946_684_800_000_000_000 {
        return "its source's clock was never set".into();
    }
    let seconds = received.since(at) / 1_000_000_000;
    let steps = (seconds.abs() + ZONE_STEP_S / 2) / ZONE_STEP_S;
    let rest = (seconds.abs() - steps * ZONE_STEP_S).abs();
    if steps >= 2 && seconds.abs() <= ZONE_MAX_S + ZONE_ERROR_S && rest <= ZONE_ERROR_S {
        return "it looks like local time sent as UTC, or a clock that forgot about summer time"
            .into();
    }
    "its source's clock is wrong".into()
}

/// True if the number was meant in this unit: then it is of about now.
fn is_meant(at: Timestamp, received: Timestamp, (_, times, over): Unit) -> bool {
    is_near(at.as_nanos().saturating_mul(times) / over, received)
}

fn is_near(nanos: i64, received: Timestamp) -> bool {
    Duration::from_nanos(nanos.abs_diff(received.as_nanos())) < EVENT_AGE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The likely cause of a time (ns) that comes at the end of 2026.
    #[track_caller]
    fn check(at: i64, words: &str) {
        let received = Timestamp::from_nanos(1_795_703_301_000_000_000);
        let cause = likely_cause(Timestamp::from_nanos(at), received);
        assert!(cause.contains(words), "{cause}");
    }

    #[test]
    fn unit_and_zone_are_named() {
        // Seconds read as milliseconds, as microseconds and as nanoseconds.
        check(1_795_703_301_000_000, "greater unit");
        check(1_795_703_301_000, "greater unit");
        check(1_795_703_301, "greater unit");
        // Microseconds read as milliseconds leave no room for a year; as seconds neither.
        check(7_000_000_000, "never set");
        check(946_684_799_000_000_000, "never set");
        check(1_795_703_301_000_000_000 - 8 * 3_600_000_000_000, "local time");
        check(1_795_703_301_000_000_000 + 19_800_020_000_000, "local time");
        check(1_795_703_301_000_000_000 - 3_599_000_000_000, "summer time");
        check(1_795_703_301_000_000_000 - 90_000_000_000, "clock is wrong");
        check(1_795_703_301_000_000_000 - 40 * 3_600_000_000_000, "clock is wrong");
    }
}
