//! Whether a tag's stamps can be believed: guards against the future and the far past, an estimate of
//! how far its clock is off, and clocks that stand still.
//!
//! What is measured is the *delay* of a reading: its arrival less its own time. It is the error of the
//! source's clock, and how long the reading was on its way, and how long a gateway held it. Only its
//! floor speaks of the clock, so each tag keeps the least delays of blocks of five minutes: a backlog that
//! is read after an outage does not lift the floor of a block in which new readings come as well, and
//! while it lasts the floors fall from block to block, which no clock's error does. Three blocks that agree
//! make an offset.
//!
//! A gateway may hold a reading for as long as the tag's own interval, by sending once a minute what it
//! took in that minute. So a delay that the interval explains says nothing, and of a tag that speaks more
//! seldom than [`INTERVAL_MAX`] (a laboratory's) no delay does.
//!
//! All instants of this file but `at` are arrivals: a clock cannot be measured by itself.

mod source;

pub use source::{Reference, SourceClock, Trouble};

use super::{FUTURE_GUARD, SensorFault};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A reading further back than this, and further back than this from what its tag said before, is not
/// believed. A minute less than an hour: a clock that forgot about summer time is an hour back, give or
/// take its own error.
pub const PAST_GUARD: Duration = Duration::from_secs(3540);

/// So far ahead of its arrival a clock is suspect (domain.md 11.2): nothing moves a line's clock further.
pub const AHEAD: Duration = Duration::from_secs(2);
const AHEAD_NANOS: i64 = 2 * SECOND;

/// So far behind a clock is suspect (domain.md 11.2), in ns.
const BEHIND: i64 = 30 * SECOND;

/// Nobody sends live values of the years before; a clock that was never set does.
const YEAR_2000: Timestamp = Timestamp::from_nanos(946_684_800 * SECOND);

/// A block lasts so long, and has so many readings at least.
const BLOCK: Duration = Duration::from_secs(300);
const BLOCK_READINGS: u32 = 5;

/// Floors that differ by no more than this, and by what the interval explains, agree: a clock that runs
/// wrong by a thousandth gains less in three blocks.
const STEADY: i64 = 5 * SECOND;

/// A tag with a longer interval has no delay that its interval does not explain.
const INTERVAL_MAX: i64 = 120 * SECOND;

/// For so long stamps must be out of the guards, or stand still, before anybody is told; and so many of
/// them there must be.
const PATIENCE: Duration = Duration::from_secs(120);
const STREAK: u32 = 3;

/// What others of its source say within this time of the first odd stamp says nothing about it: they may
/// have been under way.
const UNDER_WAY: Duration = Duration::from_secs(30);

const SECOND: i64 = 1_000_000_000;

/// Why a stamp is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beyond {
    /// Ahead of its arrival by more than the guard.
    Future,
    /// Far behind its arrival, and behind what was heard before or older than any plant's data.
    Past,
}

/// Holds a stamp against the guards. `progress` is the newest believed stamp of its tag, or of its source
/// while the tag has none: a source that goes on from where it stopped is catching up, however old that is.
#[must_use]
pub fn beyond(at: Timestamp, received: Timestamp, progress: Option<Timestamp>) -> Option<Beyond> {
    if at > received.plus(FUTURE_GUARD) {
        return Some(Beyond::Future);
    }
    if at >= received.minus(PAST_GUARD) {
        return None;
    }
    let back = progress.is_some_and(|newest| at < newest.minus(PAST_GUARD));
    (back || (at < YEAR_2000 && received >= YEAR_2000)).then_some(Beyond::Past)
}

/// What a clock is told of a reading that has a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The reading's time.
    pub at: Timestamp,
    /// Its arrival.
    pub received: Timestamp,
    /// What the guards say.
    pub beyond: Option<Beyond>,
    /// True if another value of the tag had the same time.
    pub conflict: bool,
    /// False if its delay says nothing: it is a last known value, or of a backlog that is known as one.
    pub measures: bool,
}

/// Odd stamps in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Streak {
    since: Timestamp,
    count: u32,
}

impl Streak {
    /// One more, or the first.
    fn longer(streak: Option<Self>, at: Timestamp) -> Self {
        let Self { since, count } = streak.unwrap_or(Self { since: at, count: 0 });
        Self { since, count: count.saturating_add(1) }
    }

    /// True once there are enough of them, for long enough.
    fn lasts(self, now: Timestamp) -> bool {
        self.count >= STREAK && now >= self.since.plus(PATIENCE)
    }
}

/// The delays of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    began: Timestamp,
    count: u32,
    /// The least delays, ascending, ns.
    least: [i64; 3],
}

impl Block {
    fn new(began: Timestamp) -> Self {
        Self { began, count: 0, least: [i64::MAX; 3] }
    }

    fn add(&mut self, delay: i64) {
        self.count = self.count.saturating_add(1);
        if delay < self.least[2] {
            self.least[2] = delay;
            self.least.sort_unstable();
        }
    }

    /// The floor. A clock is ahead only if three readings say so: one stamp may be wrong by itself.
    fn floor(&self) -> Floor {
        let third = self.least[2];
        let nanos = if third < 0 { third } else { self.least[0].max(0) };
        Floor { began: self.began, nanos }
    }
}

/// The floor of the delays in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Floor {
    began: Timestamp,
    nanos: i64,
}

/// What a tag says of its source's clock at the end of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// Between these the error of its clock lies, ns: the floor less what the interval explains, and the
    /// floor; `None` while the blocks do not agree.
    pub offset: Option<(i64, i64)>,
}

/// What is wrong with the stamps of one tag, while those of its source are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Off {
    fault: SensorFault,
    since: Timestamp,
}

/// The clock of one tag: constant in size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TagClock {
    /// The newest stamp that was believed.
    newest: Option<Timestamp>,
    /// The longest time between two stamps lately, ns.
    interval: i64,
    block: Option<Block>,
    /// The floors of the last blocks, newest last.
    floors: Vec<Floor>,
    /// Stamps beyond one of the guards, with none between that was not.
    beyond: Option<(Beyond, Streak)>,
    /// Values that changed while the stamp did not.
    frozen: Option<Streak>,
    /// Stamps that moved on in a row.
    moved: u32,
    /// True if the last block was off: one may be held against what its source was before.
    suspect: bool,
    off: Option<Off>,
}

/// Blocks that have to agree.
const BLOCKS: usize = 3;

impl TagClock {
    /// What is wrong with its stamps, while those of its source are right, and since when.
    #[must_use]
    pub fn off(&self) -> Option<(SensorFault, Timestamp)> {
        self.off.map(|off| (off.fault, off.since))
    }

    /// The newest stamp that was believed.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// True if its stamps are known to be off while those of its source are not.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.off.is_some()
    }

    /// True for the first stamp beyond a guard after one that was not.
    #[must_use]
    pub fn begins_beyond(&self) -> bool {
        self.beyond.is_some_and(|(_, streak)| streak.count == 1)
    }

    /// How far its stamps are behind their arrival, ns; less than 0 if ahead; `None` while not known.
    #[must_use]
    pub fn offset(&self) -> Option<i64> {
        let floors: &[Floor; BLOCKS] = self.floors.as_slice().try_into().ok()?;
        let mut nanos = floors.map(|floor| floor.nanos);
        nanos.sort_unstable();
        let apart = nanos[2].saturating_sub(nanos[0]);
        let explained = self.interval.min(INTERVAL_MAX / 2);
        (apart <= STEADY.saturating_add(explained)).then_some(nanos[1])
    }

    /// Takes a stamp; the report of the block that it ends.
    pub fn hear(&mut self, stamp: &Stamp) -> Option<Report> {
        let Stamp { at, received, .. } = *stamp;
        self.beyond = stamp.beyond.map(|kind| {
            let same = self.beyond.filter(|(known, _)| *known == kind);
            (kind, Streak::longer(same.map(|(_, streak)| streak), received))
        });
        if stamp.beyond.is_none() {
            self.progress(at);
        }
        if stamp.conflict && self.newest == Some(at) {
            self.frozen = Some(Streak::longer(self.frozen, received));
            self.moved = 0;
        }
        stamp.measures.then(|| self.measure(at, received))?
    }

    fn progress(&mut self, at: Timestamp) {
        if self.newest.is_some_and(|newest| at <= newest) {
            return;
        }
        if let Some(before) = self.newest.replace(at) {
            // The longest lately: a tenth of the way down with each shorter one.
            let interval = at.since(before);
            self.interval = interval.max(self.interval + (interval - self.interval) / 10);
        }
        self.moved = self.moved.saturating_add(1);
        // One that was told stands until the stamps move on again and again.
        if self.off.is_none() || self.moved >= STREAK {
            self.frozen = None;
        }
    }

    fn measure(&mut self, at: Timestamp, received: Timestamp) -> Option<Report> {
        let block = self.block.get_or_insert_with(|| Block::new(received));
        block.add(received.since(at));
        if block.count < BLOCK_READINGS || received < block.began.plus(BLOCK) {
            return None;
        }
        let floor = block.floor();
        self.block = Some(Block::new(received));
        if self.floors.len() == BLOCKS {
            self.floors.remove(0);
        }
        self.floors.push(floor);
        let offset = self.offset().map(|floor| (self.explained(floor), floor));
        Some(Report { at: received, offset })
    }

    /// The floor less what the interval explains: a fifth more than it, for gateways are not punctual.
    fn explained(&self, floor: i64) -> i64 {
        match self.interval {
            interval if interval > INTERVAL_MAX => floor.min(0),
            interval => floor.saturating_sub(interval + interval / 5),
        }
    }

    /// Judges its stamps against those of its source; true if that changed.
    ///
    /// A tag that is off alone is a sensor's fault; where the whole source is off, it is not the tag's.
    pub fn judge(&mut self, source: &SourceClock, now: Timestamp, ended_block: bool) -> bool {
        let before = self.off;
        match before {
            Some(off) => {
                if self.is_well(off.fault, source, ended_block) {
                    self.off = None;
                }
            }
            None => self.off = self.found(source, now, ended_block),
        }
        (before.is_some()) != (self.off.is_some())
    }

    fn found(&mut self, source: &SourceClock, now: Timestamp, ended_block: bool) -> Option<Off> {
        let alone = |streak: &Streak, others: Option<Timestamp>| {
            streak.lasts(now) && others.is_some_and(|heard| heard >= streak.since.plus(UNDER_WAY))
        };
        let beyond = self.beyond.map(|(_, streak)| streak);
        if let Some(streak) = beyond.filter(|streak| alone(streak, source.believed())) {
            return Some(Off { fault: SensorFault::Skew, since: streak.since });
        }
        if let Some(streak) = self.frozen.filter(|streak| alone(streak, source.advanced())) {
            return Some(Off { fault: SensorFault::FrozenClock, since: streak.since });
        }
        if !ended_block {
            return None;
        }
        let suspected = std::mem::take(&mut self.suspect);
        let (reference, offset) = (source.reference()?, self.offset()?);
        let since = self.floors.first()?.began;
        self.suspect = !self.agrees(offset, reference, (AHEAD_NANOS, BEHIND));
        (suspected && self.suspect).then_some(Off { fault: SensorFault::Skew, since })
    }

    fn is_well(&self, fault: SensorFault, source: &SourceClock, ended_block: bool) -> bool {
        if fault == SensorFault::FrozenClock {
            return self.frozen.is_none();
        }
        if self.beyond.is_some() || !ended_block {
            return false;
        }
        // Half the limits, so that a clock at the limit does not come and go.
        let agrees = |reference| {
            let last = self.floors.last();
            last.is_some_and(|floor| {
                self.agrees(floor.nanos, reference, (AHEAD_NANOS / 2, BEHIND / 2))
            })
        };
        source.reference().is_some_and(agrees)
    }

    /// True if a floor lies within limits of its source's clock, or between that and the receiver's: of
    /// two that differ, the one nearer to the arrival is not the one that is off. Its way was shorter, or
    /// it is the source that is wrong, which is told of the source.
    fn agrees(&self, floor: i64, Reference(clock): Reference, (ahead, behind): (i64, i64)) -> bool {
        let (least, most) = (clock.min(0), clock.max(0));
        let explained = self.interval > INTERVAL_MAX || self.explained(floor) <= most;
        floor >= least.saturating_sub(ahead) && (explained || floor <= most.saturating_add(behind))
    }

    /// The receiver's clock leapt: delays before and after it cannot be compared.
    pub fn forget(&mut self) {
        self.block = None;
        self.floors.clear();
        self.beyond = None;
        self.frozen = None;
    }
}

/// A span of time as people say it: `90 s`, `5 h`, `56 years`.
#[must_use]
pub fn words(nanos: i64) -> String {
    let seconds = nanos.unsigned_abs() / SECOND.unsigned_abs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", (seconds + 30) / 60),
        6000..172_800 => format!("{} h", (seconds + 1800) / 3600),
        172_800..63_072_000 => format!("{} days", (seconds + 43_200) / 86_400),
        _ => format!("{} years", (seconds + 15_768_000) / 31_536_000),
    }
}

#[cfg(test)]
mod tests;
