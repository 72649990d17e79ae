//! What is counted of a tag in a minute.

use crate::reading::Flags;
use serde::{Deserialize, Serialize};

/// The counts of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Minute {
    /// Readings, repeated ones included.
    pub count: u32,
    /// Those that reached, or may reach, a frame.
    pub good: u32,
    /// Those whose frame was closed.
    pub late: u32,
    /// Repeated ones.
    pub duplicate: u32,
    /// Bad by source or range.
    pub bad: u32,
}

impl Minute {
    /// Counts a reading.
    pub(super) fn count(&mut self, flags: Flags, duplicate: bool) {
        self.count += 1;
        self.duplicate += u32::from(duplicate);
        self.late += u32::from(flags.contains(Flags::LATE));
        let bad = Flags::SOURCE_BAD | Flags::RANGE | Flags::FUTURE | Flags::PAST | Flags::NO_NUMBER;
        let odd = Flags::LATE | Flags::STUCK | Flags::SPIKE | Flags::RAIL;
        self.bad += u32::from(flags.intersects(bad));
        self.good += u32::from(!duplicate && !flags.intersects(bad | odd));
    }

    /// The share `n` of what came; 0 if nothing did.
    #[must_use]
    pub fn share(&self, n: u32) -> f64 {
        if self.count == 0 { 0.0 } else { f64::from(n) / f64::from(self.count) }
    }

    /// Of what came, the share in time for its frame; 1 if nothing came, for nothing was late.
    #[must_use]
    pub fn timeliness(&self) -> f64 {
        1.0 - self.share(self.late)
    }

    /// Of what came in time and once, the share that can be used; 0 if nothing came.
    #[must_use]
    pub fn validity(&self) -> f64 {
        let once = self.count.saturating_sub(self.late + self.duplicate);
        if once == 0 { 0.0 } else { (f64::from(self.good) / f64::from(once)).min(1.0) }
    }

    /// Of the readings of a minute in which one is expected each `interval_s`, how many came, 0–1; `None`
    /// where less than one is.
    #[must_use]
    pub fn completeness(&self, interval_s: f64) -> Option<f64> {
        let expected = 60.0 / interval_s;
        // A reading more or less falls into the next minute.
        let came = f64::from(self.count - self.duplicate.min(self.count));
        (expected >= 1.0 && expected.is_finite()).then(|| (came / expected.floor()).min(1.0))
    }
}
