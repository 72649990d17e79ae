//! How long a tag waits between two readings: whether it has fallen silent, or comes and goes.

use super::Silence;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A tag whose own interval tells when it is silent is silent after so many of them.
const INTERVALS_OF_SILENCE: f64 = 3.0;

/// So many intervals make one known.
const INTERVALS_BEFORE_KNOWN: u32 = 3;

/// How long a tag may be silent whose interval is not known yet.
const SILENCE_AT_FIRST: Duration = Duration::from_secs(900);

/// How long a tag may be silent at least and at most, whatever its interval.
const SILENCE_MIN: Duration = Duration::from_secs(60);
const SILENCE_MAX: Duration = Duration::from_secs(3600);

/// So many usual intervals without a reading, and so many seconds, are a gap.
const GAP: f64 = 2.5;
const GAP_S: f64 = 2.5;

/// Gaps are forgotten with this time constant, s; so many at once are too many.
const GAPS_S: f64 = 900.0;
const TOO_MANY: f64 = 2.5;

/// Where so large a share of the intervals are gaps by habit, the tag speaks when it likes.
const BY_HABIT: f64 = 0.005;
const HABIT_MEMORY: f64 = 2000.0;

/// So many intervals, before gaps are looked for.
const KNOWN: u32 = 100;

/// The intervals of a tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Intervals {
    /// How long it usually waits between two readings at most, s, and from how many this is known.
    longest_s: f64,
    known: u32,
    /// About the median, s, and from how many.
    usual_s: f64,
    seen: u32,
    /// Gaps of late, when the last one ended, and since when they count.
    gaps: f64,
    last_gap: Option<Timestamp>,
    first_gap: Option<Timestamp>,
    often: f64,
}

impl Intervals {
    /// Learns from the time between two readings; one in which the tag was excused tells nothing, and one in
    /// which it was sick nothing of how long it usually waits.
    pub(super) fn follow(&mut self, before: Timestamp, at: Timestamp, excused: bool, well: bool) {
        if excused {
            return;
        }
        let interval = at.seconds_since(before);
        self.look_for_gap(before, at, interval);
        if self.known >= INTERVALS_BEFORE_KNOWN && !well {
            return;
        }
        // The longest lately: a tenth of the way down with each shorter one.
        self.longest_s = interval.max(self.longest_s + 0.1 * (interval - self.longest_s));
        self.known = (self.known + 1).min(INTERVALS_BEFORE_KNOWN);
    }

    fn look_for_gap(&mut self, before: Timestamp, at: Timestamp, interval: f64) {
        if self.seen == 0 {
            self.usual_s = interval;
        }
        self.seen = (self.seen + 1).min(KNOWN);
        let gap = interval > (GAP * self.usual_s).max(GAP_S);
        // Steps of a twentieth to either side find the middle of any distribution.
        let step = 1.05;
        self.usual_s = if interval > self.usual_s {
            (self.usual_s * step).min(interval)
        } else {
            (self.usual_s / step).max(interval)
        };
        self.often += (f64::from(u8::from(gap)) - self.often) / HABIT_MEMORY;
        if !gap || self.seen < KNOWN {
            return;
        }
        let passed = self.last_gap.map_or(f64::INFINITY, |last| at.seconds_since(last));
        self.gaps = self.gaps * libm::exp(-passed / GAPS_S) + 1.0;
        if self.gaps <= 1.5 {
            self.first_gap = Some(before);
        }
        self.last_gap = Some(at);
    }

    /// Since when there have been too many gaps, if there have been at `at`.
    pub(super) fn too_many_gaps(&self, at: Timestamp) -> Option<Timestamp> {
        let many = self.gaps > TOO_MANY && self.often < BY_HABIT && !self.gaps_are_over(at, None);
        many.then_some(self.first_gap)?
    }

    /// True if there was no gap for a while, in which it was not `excused`.
    pub(super) fn gaps_are_over(&self, at: Timestamp, excused: Option<Timestamp>) -> bool {
        let last = self.last_gap.max(excused);
        last.is_none_or(|last| at.seconds_since(last) >= GAPS_S)
    }

    /// How long the tag usually waits between two readings, s.
    pub(super) fn usual_s(&self) -> f64 {
        if self.usual_s > 0.0 { self.usual_s } else { 1.0 }
    }

    /// True if what came between two readings so far apart is not known.
    pub(super) fn is_gap(&self, seconds: f64) -> bool {
        seconds > (GAP * self.usual_s()).max(GAP_S)
    }

    /// For how long the tag may be silent; `None` for ever.
    pub(super) fn silence(&self, silence: Silence) -> Option<Duration> {
        match silence {
            Silence::Allowed => None,
            Silence::After(silence) => Some(silence),
            Silence::ByInterval if self.known < INTERVALS_BEFORE_KNOWN => Some(SILENCE_AT_FIRST),
            Silence::ByInterval => {
                let silence = INTERVALS_OF_SILENCE * self.longest_s.min(SILENCE_MAX.as_secs_f64());
                Some(Duration::from_secs_f64(silence).clamp(SILENCE_MIN, SILENCE_MAX))
            }
        }
    }
}
