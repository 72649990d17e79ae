//! The clock behind many tags: what comes from one broker for one line and area.

use super::{AHEAD_NANOS, BEHIND, Beyond, Report, Stamp, Streak, UNDER_WAY};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Reports kept: of a large source a sample of its tags.
const REPORTS: usize = 64;
/// A report counts for little more than a block, so that each tag has its newest say; a few always count.
/// While a source's clock changes, its tags are not settled, and nobody is held against what it was.
const REPORT_LASTS: Duration = Duration::from_secs(400);
const REPORTS_LEAST: usize = 5;

/// Delays kept for the running median, and the time between two of them: about five minutes.
const DELAYS: usize = 63;
const DELAY_EVERY: Duration = Duration::from_secs(5);

/// The error of a source's clock that is nearest to none and explains what most of its tags say, ns;
/// more than 0 if it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference(pub i64);

/// What is wrong with a source's stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// They are ahead of their arrival by so many ns, and nothing of it is judged.
    Future(i64),
    /// They are so many ns behind their arrival and what was heard before, and nothing of it is judged.
    Past(i64),
    /// Its clock is ahead by so many ns.
    Ahead(i64),
    /// Its clock is behind by so many ns.
    Behind(i64),
    /// Its stamps stand still while values change.
    Frozen,
}

impl Trouble {
    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Future(_) => "future",
            Self::Past(_) => "far-past",
            Self::Ahead(_) => "ahead",
            Self::Behind(_) => "behind",
            Self::Frozen => "frozen-clock",
        }
    }

    /// True for an error that readings show over many minutes.
    fn is_offset(self) -> bool {
        matches!(self, Self::Ahead(_) | Self::Behind(_))
    }
}

/// The clock of a source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SourceClock {
    /// The newest stamp that was believed, and the arrival with which it last grew.
    newest: Option<Timestamp>,
    advanced: Option<Timestamp>,
    /// The last arrival whose stamp was believed.
    believed: Option<Timestamp>,
    /// Stamps beyond the guards, with none between that was believed, and the last delay of them.
    beyond: Option<(Beyond, Streak)>,
    delay_beyond: i64,
    /// Values that changed while no stamp grew.
    frozen: Option<Streak>,
    reports: VecDeque<Report>,
    delays: VecDeque<i64>,
    sampled: Option<Timestamp>,
    trouble: Option<(Trouble, Timestamp)>,
}

impl SourceClock {
    /// The newest stamp that was believed.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The last arrival whose stamp was believed.
    pub(super) fn believed(&self) -> Option<Timestamp> {
        self.believed
    }

    /// The arrival with which the newest stamp last grew.
    pub(super) fn advanced(&self) -> Option<Timestamp> {
        self.advanced
    }

    /// What is wrong with it, and since which arrival.
    #[must_use]
    pub fn trouble(&self) -> Option<(Trouble, Timestamp)> {
        self.trouble
    }

    /// The running median of the delays, ns.
    #[must_use]
    pub fn median_delay(&self) -> Option<i64> {
        let mut delays: Vec<i64> = self.delays.iter().copied().collect();
        delays.sort_unstable();
        delays.get(delays.len() / 2).copied()
    }

    /// The floor of its delays, ns: the median over what its tags report.
    #[must_use]
    pub fn floor(&self) -> Option<i64> {
        Some(self.offset()?.1)
    }

    /// Between these the error of its clock lies by what most reports say; `None` while fewer than half of
    /// them are settled.
    fn offset(&self) -> Option<(i64, i64)> {
        let settled = self.reports.iter().filter_map(|report| report.offset);
        let (mut low, mut high): (Vec<i64>, Vec<i64>) = settled.unzip();
        if low.is_empty() || 2 * low.len() < self.reports.len() {
            return None;
        }
        Some((middle(&mut low), middle(&mut high)))
    }

    /// The error of its clock that is nearest to none.
    pub(super) fn reference(&self) -> Option<Reference> {
        let (low, high) = self.offset()?;
        Some(Reference(if low > 0 { low } else { high.min(0) }))
    }

    /// Takes a stamp of one of its tags, and the report if that ended a block; true if its trouble changed.
    pub fn hear(&mut self, stamp: &Stamp, report: Option<Report>) -> bool {
        let Stamp { at, received, .. } = *stamp;
        if let Some(beyond) = stamp.beyond {
            self.delay_beyond = received.since(at);
            let same = self.beyond.filter(|(kind, _)| *kind == beyond);
            self.beyond = Some((beyond, Streak::longer(same.map(|(_, streak)| streak), received)));
        } else {
            self.beyond = None;
            self.believed = self.believed.max(Some(received));
            if self.newest.is_none_or(|newest| at > newest) {
                self.newest = Some(at);
                self.advanced = self.advanced.max(Some(received));
                self.frozen = None;
            }
        }
        if stamp.conflict {
            self.frozen = Some(Streak::longer(self.frozen, received));
        }
        if stamp.measures && self.sampled.is_none_or(|last| received >= last.plus(DELAY_EVERY)) {
            self.sampled = Some(received);
            if self.delays.len() == DELAYS {
                self.delays.pop_front();
            }
            self.delays.push_back(received.since(at));
        }
        if let Some(report) = report {
            self.report(report);
        }
        self.judge(received, report.is_some())
    }

    fn report(&mut self, report: Report) {
        if self.reports.len() == REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
        let oldest = report.at.minus(REPORT_LASTS);
        while self.reports.len() > REPORTS_LEAST
            && self.reports.front().is_some_and(|old| old.at < oldest)
        {
            self.reports.pop_front();
        }
    }

    fn judge(&mut self, now: Timestamp, reported: bool) -> bool {
        let found = self.beyond_guards(now).or_else(|| self.stands_still(now)).or_else(|| {
            // Between two reports the offset is what it was.
            let stands = || self.trouble.filter(|(trouble, _)| trouble.is_offset());
            match self.offset().filter(|_| reported) {
                Some(offset) => self.off(offset, now),
                None => stands(),
            }
        });
        let word = |trouble: Option<(Trouble, Timestamp)>| trouble.map(|(is, _)| is.as_str());
        let changed = word(found) != word(self.trouble);
        match (&mut self.trouble, found) {
            // It goes on, with another figure.
            (Some((is, _)), Some((now, _))) if !changed => *is = now,
            _ => self.trouble = found,
        }
        changed
    }

    fn beyond_guards(&self, now: Timestamp) -> Option<(Trouble, Timestamp)> {
        let (kind, streak) = self.beyond.filter(|(_, streak)| streak.lasts(now))?;
        let trouble = match kind {
            Beyond::Future => Trouble::Future(self.delay_beyond.saturating_neg()),
            Beyond::Past => Trouble::Past(self.delay_beyond),
        };
        Some((trouble, streak.since))
    }

    fn stands_still(&self, now: Timestamp) -> Option<(Trouble, Timestamp)> {
        let streak = self.frozen.filter(|streak| streak.lasts(now))?;
        let moved = self.advanced.is_some_and(|moved| moved >= streak.since.plus(UNDER_WAY));
        (!moved).then_some((Trouble::Frozen, streak.since))
    }

    /// What the reports say.
    fn off(&self, (low, high): (i64, i64), now: Timestamp) -> Option<(Trouble, Timestamp)> {
        let since = self.reports.front().map_or(now, |report| report.at);
        let stands = self.trouble.map(|(trouble, _)| trouble);
        // Half the limits end it, so that a clock at the limit does not come and go.
        let over = |limit: i64, stands: bool| if stands { limit / 2 } else { limit };
        let ahead = over(AHEAD_NANOS, matches!(stands, Some(Trouble::Ahead(_))));
        let behind = over(BEHIND, matches!(stands, Some(Trouble::Behind(_))));
        let trouble = if high < -ahead {
            Some(Trouble::Ahead(high.saturating_neg()))
        } else {
            (low > 0 && high > behind).then_some(Trouble::Behind(high))
        };
        trouble.map(|trouble| (trouble, since))
    }

    /// The receiver's clock leapt: delays before and after it cannot be compared.
    pub fn forget(&mut self) {
        *self = Self { newest: self.newest, trouble: self.trouble, ..Self::default() };
    }
}

/// The median; of two in the middle the one nearer to 0: of two tags, one is right more often than wrong.
fn middle(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    let (low, high) = (values[low], values[high]);
    if low.unsigned_abs() <= high.unsigned_abs() { low } else { high }
}
