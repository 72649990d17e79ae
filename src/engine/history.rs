//! The last values of a series by time: which reading repeats one, and which replaces one.
//!
//! InfluxDB has one value of a series at a time, the one that was written last. So a reading whose
//! time may have had another value before must not be sent before that one, and this is the place
//! that knows: it remembers the newest times one by one, and of all others how far they reach.

use crate::reading::{Reading, SourceQuality, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// Times remembered one by one: enough for sources that overtake each other a little, and for a few
/// stamps from the future, at which nothing comes to be compared for long.
const RECENT: usize = 4;

/// How a reading stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing was there at its time: this is certain.
    First,
    /// The same value with the same quality was there.
    Repeat,
    /// Another value was there.
    Conflict,
    /// Something may have been there.
    Uncertain,
}

/// What is known of the values of a series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// Up to here anything may have been; `None` before the first reading.
    forgotten: Option<Timestamp>,
    /// The newest values, in order of their times.
    recent: Vec<Past>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Past {
    at: Timestamp,
    value: Value,
    quality: SourceQuality,
}

impl History {
    /// Takes a reading, whether it can be judged or not.
    pub(super) fn take(&mut self, reading: &Reading) -> Place {
        let past = Past { at: reading.at, value: reading.value.clone(), quality: reading.quality };
        let ix = match self.recent.binary_search_by_key(&reading.at, |past| past.at) {
            Ok(ix) => {
                let before = std::mem::replace(&mut self.recent[ix], past);
                return match self.recent[ix] == before {
                    true => Place::Repeat,
                    false if before.value == reading.value => Place::Uncertain,
                    false => Place::Conflict,
                };
            }
            Err(ix) => ix,
        };
        // The series may have been known under another configuration, with values like this one's.
        let unknown = self.forgotten.is_none();
        if self.forgotten.is_some_and(|forgotten| reading.at <= forgotten) {
            return Place::Uncertain;
        }
        self.recent.insert(ix, past);
        if unknown {
            self.forgotten = Some(reading.at);
            return Place::Uncertain;
        }
        if self.recent.len() > RECENT {
            self.forgotten = self.forgotten.max(Some(self.recent.remove(0).at));
        }
        Place::First
    }

    /// The value with the greatest time.
    pub(super) fn newest(&self) -> Option<(Timestamp, &Value)> {
        self.recent.last().map(|past| (past.at, &past.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn reading(at: i64, value: &str, quality: SourceQuality) -> Reading {
        let at = Timestamp::from_nanos(at);
        Reading { at, received: at, value: Value::Text(value.into()), quality }
    }

    /// `time=value`, with `!` behind it a bad one; prints the first letters of the places.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let mut history = History::default();
        let place = |word: &str| {
            let (at, value) = word.split_once('=').unwrap();
            let good = value.trim_end_matches('!');
            let quality = if good == value { SourceQuality::Good } else { SourceQuality::Bad };
            let place = history.take(&reading(at.parse().unwrap(), good, quality));
            format!("{place:?}").chars().next().unwrap()
        };
        assert_eq!(script.split_whitespace().map(place).collect::<String>(), expected, "{script}");
    }

    #[test]
    fn what_was_at_a_time_is_known_or_called_uncertain() {
        check("5=a 6=b 6=b 6=c 6=c! 6=c!", "UFRCUR");
        check("5=a 5=b 4=c 6=d", "UCUF");
        // The oldest of five is forgotten; those that are remembered are not.
        check("1=a 2=a 3=a 4=a 5=a 1=b 5=b", "UFFFFUC");
        check("2=a 9=a 3=a 3=b 4=a", "UFFCF");
        // One stamp from the future leaves the present alone.
        check("1=a 99=a 2=a 3=a 4=a 5=a 6=a", "UFFFFFF");
    }

    proptest! {
        #[test]
        fn first_is_never_said_of_a_time_that_came_before(times in prop::collection::vec(0_i64..12, 0..60)) {
            let mut history = History::default();
            let mut seen = BTreeSet::new();
            for at in times {
                let place = history.take(&reading(at, "a", SourceQuality::Good));
                prop_assert!(seen.insert(at) || place != Place::First);
                prop_assert!(history.recent.len() <= RECENT);
            }
        }
    }
}
