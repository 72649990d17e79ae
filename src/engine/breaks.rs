//! Breaks: what the tag says that tells them, and a pause whose end was never told.
//!
//! A `resume` can be lost on its way. A line that runs and measures good product is not at a break, so a
//! pause for one (or for no reason given) ends by itself when the line has run for [`RUNNING`]: its speed,
//! where one is known, is not zero, and the tag that tells breaks says that there is none; where no tag
//! tells, every quality tag with limits keeps coming. A pause for another reason is a person's word: it
//! ends with `resume`, or with the next batch.

use crate::batch::Pause;
use crate::decode::BatchEvent;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So long must a line have run before a pause ends by itself: much longer than a scanner takes to
/// leave the sheet, and no longer than what is lost by it matters.
const RUNNING: Duration = Duration::from_secs(300);

/// A quality tag that has a reading no older than this keeps coming.
pub(super) const FRESH: Duration = Duration::from_secs(120);

/// The breaks of a line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Breaks {
    /// The last word of the tag that tells breaks, and its time.
    said: Option<(Timestamp, bool)>,
    /// Since when the line has run although it is paused.
    running: Option<Timestamp>,
}

impl Breaks {
    /// Takes a value of the tag that tells breaks; the event that it is, if it says something new.
    ///
    /// Only the tag's own time counts: others of the line may be ahead of it.
    pub(super) fn tell(&mut self, at: Timestamp, value: f64) -> Option<BatchEvent> {
        if self.said.is_some_and(|(said_at, _)| at <= said_at) {
            return None;
        }
        let broken = value.abs() > 0.5;
        let before = self.said.replace((at, broken)).is_some_and(|(_, broken)| broken);
        match (before, broken) {
            (false, true) => Some(BatchEvent::Pause { reason: Some("break".into()) }),
            (true, false) => Some(BatchEvent::Resume),
            _ => None,
        }
    }

    /// What the tag says now; `None` where there is none, or it has not said anything.
    pub(super) fn broken(&self) -> Option<bool> {
        self.said.map(|(_, broken)| broken)
    }

    /// Takes a frame from `start` to `end`; true if the pause is over although nobody said so.
    pub(super) fn is_over(
        &mut self,
        pause: Option<&Pause>,
        runs: bool,
        (start, end): (Timestamp, Timestamp),
    ) -> bool {
        let may_end = |pause: &Pause| pause.reason.as_deref().is_none_or(|why| why == "break");
        if !runs || !pause.is_some_and(may_end) {
            self.running = None;
            return false;
        }
        let since = *self.running.get_or_insert(start);
        let over = end >= since.plus(RUNNING);
        if over {
            self.running = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    #[test]
    fn tag_is_held_against_its_own_time() {
        let mut breaks = Breaks::default();
        let mut words = Vec::new();
        for (s, value) in [(10, 0.0), (20, 1.0), (20, 0.0), (15, 0.0), (21, 1.0), (30, 0.0)] {
            words.push(match breaks.tell(at(s), value) {
                Some(BatchEvent::Pause { .. }) => "pause",
                Some(BatchEvent::Resume) => "resume",
                _ => "",
            });
        }
        assert_eq!(words, ["", "pause", "", "", "", "resume"]);
    }

    /// Frames of a minute, running or not; the minute at whose end the pause is over.
    #[track_caller]
    fn check(reason: Option<&str>, runs: &[bool], expected: Option<i64>) {
        let pause = Pause { since: at(0), reason: reason.map(Into::into) };
        let mut breaks = Breaks::default();
        let over = (0..).zip(runs).find_map(|(minute, runs)| {
            let frame = (at(60 * minute), at(60 * minute + 60));
            breaks.is_over(Some(&pause), *runs, frame).then_some(minute + 1)
        });
        assert_eq!(over, expected);
    }

    #[test]
    fn pause_ends_by_itself_when_the_line_has_run_for_five_minutes() {
        check(None, &[false; 20], None);
        check(None, &[true; 20], Some(5));
        check(Some("break"), &[true; 4], None);
        check(Some("break"), &[true, true, false, true, true, true, true, true], Some(8));
        check(Some("felt change"), &[true; 20], None);
    }
}
