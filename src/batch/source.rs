//! Finding batches, grades and phases in the values of tags, or in the clock, where no event tells them.

use crate::decode::NAME_BYTES_MAX;
use crate::plant::BatchSource;
use crate::reading::{Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A reel cannot be changed twice within this time: what looks like it is noise.
const DEBOUNCE: Duration = Duration::from_secs(60);

/// A diameter (or length) that falls below this share of its greatest value was turned up.
const FALL: f64 = 0.5;

/// Watches for the beginning of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Finder {
    last: Option<Value>,
    greatest: f64,
    begun: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl Finder {
    /// Looks at a good reading of the tag that tells batches; `Some` if a batch begins at its time.
    pub fn look(
        &mut self,
        source: &BatchSource,
        at: Timestamp,
        value: &Value,
    ) -> Option<Timestamp> {
        if self.newest.is_some_and(|newest| at <= newest) {
            return None;
        }
        self.newest = Some(at);
        let begins = match source {
            BatchSource::Tag(..) => self.last.as_ref() != Some(value),
            BatchSource::TurnUp(_) => {
                let number = value.number()?;
                let fell = number < FALL * self.greatest;
                let long_enough = self.begun.is_none_or(|begun| at >= begun.plus(DEBOUNCE));
                let first = self.last.is_none();
                if fell && long_enough {
                    self.greatest = number;
                } else {
                    self.greatest = self.greatest.max(number);
                }
                first || (fell && long_enough)
            }
            BatchSource::Events | BatchSource::Period(_) | BatchSource::None => false,
        };
        self.last = Some(value.clone());
        begins.then(|| {
            self.begun = Some(at);
            at
        })
    }

    /// Looks at the clock, for batches by period; `Some` with the begin of the period if a new one
    /// began at or before `clock`.
    pub fn look_at_clock(&mut self, every: Duration, clock: Timestamp) -> Option<Timestamp> {
        let begin = clock.floor(every);
        (self.begun != Some(begin)).then(|| {
            self.begun = Some(begin);
            begin
        })
    }
}

/// Watches for a change of a name that a tag tells: of a grade, or a phase.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NameFinder {
    last: Option<Arc<str>>,
    newest: Option<Timestamp>,
}

impl NameFinder {
    /// Looks at a good reading of the tag that tells it; the name, if it is another one.
    pub fn look(&mut self, at: Timestamp, value: &Value) -> Option<Arc<str>> {
        if self.newest.is_some_and(|newest| at <= newest) {
            return None;
        }
        self.newest = Some(at);
        let name = name_of(value).filter(|name| self.last.as_ref() != Some(name))?;
        self.last = Some(Arc::clone(&name));
        Some(name)
    }
}

/// The name that a value is; `None` if it can be none, such as the empty text between two reels.
#[must_use]
pub fn name_of(value: &Value) -> Option<Arc<str>> {
    let name: Arc<str> = match value {
        Value::Number(number) => number.get().to_string().into(),
        Value::Text(text) => text.trim().into(),
    };
    let may_stand = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
    may_stand.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Naming;
    use crate::reading::Finite;

    #[track_caller]
    fn check(source: &BatchSource, values: &[(i64, f64)], expected: &[i64]) {
        let mut finder = Finder::default();
        let begins: Vec<i64> = values
            .iter()
            .filter_map(|(s, value)| {
                let value = Value::Number(Finite::try_from(*value).unwrap());
                finder.look(source, Timestamp::from_nanos(s * 1_000_000_000), &value)
            })
            .map(|at| at.as_millis() / 1000)
            .collect();
        assert_eq!(begins, expected);
    }

    #[test]
    fn reel_id_change_begins_a_batch() {
        check(
            &BatchSource::Tag("reel".into(), Naming::Start),
            &[(0, 7.0), (1, 7.0), (2, 8.0), (1, 9.0), (3, 8.0)],
            &[0, 2],
        );
    }

    #[test]
    fn diameter_that_falls_begins_a_batch_once() {
        check(
            &BatchSource::TurnUp("diameter".into()),
            &[
                (0, 0.5),
                (600, 1.5),
                (1200, 2.5),
                (1201, 0.5),
                (1202, 0.2),
                (1203, 0.5),
                (2400, 2.4),
                (2401, 0.5),
            ],
            &[0, 1201, 2401],
        );
    }

    #[test]
    fn another_grade_is_told_once() {
        let mut finder = NameFinder::default();
        let mut look = |s: i64, text: &str| {
            let at = Timestamp::from_nanos(s * 1_000_000_000);
            finder.look(at, &Value::Text(text.into())).map(|grade| grade.to_string())
        };
        assert_eq!(look(0, "facial").as_deref(), Some("facial"));
        assert_eq!(look(1, " facial "), None);
        assert_eq!(look(2, ""), None);
        assert_eq!(look(3, "facial"), None);
        assert_eq!(look(5, "towel").as_deref(), Some("towel"));
        assert_eq!(look(4, "facial"), None);
    }

    #[test]
    fn names_are_short_and_visible() {
        let text = |text: &str| name_of(&Value::Text(text.into()));
        assert_eq!(text(" R-014 ").as_deref(), Some("R-014"));
        assert_eq!(name_of(&Value::Number(Finite::try_from(14.0).unwrap())).as_deref(), Some("14"));
        for none in ["", "  ", "a\nb", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert_eq!(text(none), None, "{none:?}");
        }
    }

    #[test]
    fn period_begins_at_its_multiples() {
        let mut finder = Finder::default();
        let hour = Duration::from_secs(3600);
        let at = |s: i64| Timestamp::from_nanos(s * 1_000_000_000);
        assert_eq!(finder.look_at_clock(hour, at(3700)), Some(at(3600)));
        assert_eq!(finder.look_at_clock(hour, at(7199)), None);
        assert_eq!(finder.look_at_clock(hour, at(7200)), Some(at(7200)));
    }
}
