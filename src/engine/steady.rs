//! Whether what a line makes is fit for models: not during a break or a change of grade, nor while the
//! line settles after one.
//!
//! | state | input | next |
//! | --- | --- | --- |
//! | any | a batch of another grade | changing |
//! | steady, settling | the web is off the reel | paused |
//! | paused | the web is on the reel | settling |
//! | settling | `settle` has passed | steady |
//! | changing | on the reel, quality inside its limits for [`INSIDE`] | steady |
//! | changing | `grade_change` has passed | steady |
//!
//! While it is not steady, models neither judge nor learn, and no tag is called stale; what lies
//! outside its limits is counted all the same (domain.md 3.5). Smoothed statistics begin anew after it.

use crate::plant::Line;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A change of grade is over when the quality has been inside for so long.
const INSIDE: Duration = Duration::from_secs(180);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum State {
    #[default]
    Steady,
    Paused,
    Settling {
        until: Timestamp,
    },
    Changing {
        since: Timestamp,
        inside: Option<Timestamp>,
    },
}

/// What is known of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now<'a> {
    /// Its begin and its end.
    pub(super) start: Timestamp,
    /// See above.
    pub(super) end: Timestamp,
    /// True while what is made is no product.
    pub(super) paused: bool,
    /// The grade of the batch.
    pub(super) grade: Option<&'a Arc<str>>,
    /// True if no quality tag is outside its limits.
    pub(super) inside: bool,
}

/// The state of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Steady {
    state: State,
    grade: Option<Arc<str>>,
}

impl Steady {
    /// Takes a frame; true if with it the line has become steady.
    pub(super) fn follow(&mut self, line: &Line, now: Now<'_>) -> bool {
        let other = now.grade.is_some() && self.grade.is_some() && now.grade != self.grade.as_ref();
        if now.grade.is_some() {
            self.grade = now.grade.cloned();
        }
        let before = self.state;
        self.state = match before {
            _ if other => State::Changing { since: now.start, inside: None },
            State::Changing { since, .. } if now.end >= since.plus(line.grade_change) => {
                if now.paused { State::Paused } else { State::Steady }
            }
            State::Changing { since, inside } => {
                let inside = inside.or(Some(now.start)).filter(|_| now.inside && !now.paused);
                if inside.is_some_and(|inside| now.end >= inside.plus(INSIDE)) {
                    State::Steady
                } else {
                    State::Changing { since, inside }
                }
            }
            _ if now.paused => State::Paused,
            State::Paused => State::Settling { until: now.start.plus(line.settle) },
            State::Settling { until } if now.start >= until => State::Steady,
            state => state,
        };
        if self.state == State::Steady { before != State::Steady } else { false }
    }

    /// True if models may judge and learn.
    pub(super) fn is_steady(&self) -> bool {
        self.state == State::Steady
    }

    /// True if something is made: during a break nothing is.
    pub(super) fn is_made(&self) -> bool {
        self.state != State::Paused
    }

    /// The word of the verdict document; none while the line is steady.
    pub(super) fn word(&self) -> Option<&'static str> {
        match self.state {
            State::Steady => None,
            State::Paused => Some("paused"),
            State::Settling { .. } => Some("settling"),
            State::Changing { .. } => Some("grade-change"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of ten seconds: paused, grade, inside; and the words after each.
    #[track_caller]
    fn check(frames: &[(bool, &str, bool, usize)], expected: &[&str]) {
        let line = Line { settle: Duration::from_secs(30), ..Line::named("tm3") };
        let mut steady = Steady::default();
        let mut words: Vec<&str> = Vec::new();
        let mut second = 0;
        let at = |s: i64| Timestamp::from_nanos(s * 1_000_000_000);
        for (paused, grade, inside, times) in frames {
            let grade: Arc<str> = (*grade).into();
            for _ in 0..*times {
                let (start, end) = (at(second), at(second + 10));
                let (paused, inside) = (*paused, *inside);
                let now = Now { start, end, paused, grade: Some(&grade), inside };
                let began = steady.follow(&line, now);
                let word = steady.word().unwrap_or("steady");
                assert_eq!(began, word == "steady" && words.last().is_some_and(|w| *w != word));
                if words.last() != Some(&word) {
                    words.push(word);
                }
                second += 10;
            }
        }
        assert_eq!(words, expected);
    }

    #[test]
    fn a_break_settles() {
        check(
            &[(false, "a", true, 5), (true, "a", true, 9), (false, "a", true, 3)],
            &["steady", "paused", "settling"],
        );
        check(
            &[(false, "a", true, 5), (true, "a", true, 9), (false, "a", true, 5)],
            &["steady", "paused", "settling", "steady"],
        );
    }

    #[test]
    fn a_change_of_grade_ends_when_the_quality_is_inside_or_in_time() {
        let change = (false, "b", false, 60);
        check(
            &[(false, "a", true, 2), change, (false, "b", true, 17)],
            &["steady", "grade-change"],
        );
        check(
            &[(false, "a", true, 2), change, (false, "b", true, 19)],
            &["steady", "grade-change", "steady"],
        );
        // Never inside: half an hour.
        check(
            &[(false, "a", true, 2), (false, "b", false, 200)],
            &["steady", "grade-change", "steady"],
        );
        // The web was off the reel at first.
        check(
            &[(false, "a", true, 2), (true, "b", true, 90), (false, "b", true, 17)],
            &["steady", "grade-change"],
        );
    }

    #[test]
    fn another_grade_during_a_break_is_a_change() {
        check(
            &[(false, "a", true, 2), (true, "a", true, 5), (true, "b", true, 5)],
            &["steady", "paused", "grade-change"],
        );
    }
}
