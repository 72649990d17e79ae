//! How a value usually moves from reading to reading, learned from the tag itself; and what is unlike it.
//!
//! What a reading has beyond the straight line through those beside it is its restlessness: a ramp has none. Its
//! mean over a window of readings is compared with those of the windows before, on a logarithmic scale: a thermometer and a flow have nothing in common but that each is as restless as it was
//! yesterday. Single jumps do not count into it ([`super::jump`]): many of them are noise.

use super::SensorFault;
use super::jump::JUMP;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Readings in a window: as many as come in ten minutes, within these bounds.
const READINGS: (f64, f64) = (10.0, 240.0);
const WINDOW_S: f64 = 600.0;

/// The second difference of white noise is the square root of three times as large as the first.
const BEND: f64 = 0.577_350_269_189_625_8;

/// Changes that a window needs; a value that changes seldom has longer windows, up to so many times as long.
const CHANGES: u32 = 10;
const LONGEST: u32 = 10;

/// So many windows make a habit.
const KNOWN: u32 = 10;

/// Where batches may go through phases, a habit takes so many whole ones as well: a tag is restless in one phase and
/// calm in the next. Nobody waits longer for them than this: a line may say nothing of its batches, or make one for a
/// week.
const WHOLE_BATCHES: u32 = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 86_400);

/// The newest windows count most: one in so many, or in those of [`WHOLE_BATCHES`], up to a week of them. What is
/// odd moves the habit as well, far more slowly: an instrument that was exchanged is not sick for ever.
const MEMORY: (f64, f64) = (100.0, 1000.0);
const MEMORY_WHEN_ODD: f64 = 500.0;

/// One window that is so unlike the others is enough, or two in a row: standard deviations, and the least
/// factor.
const STRONG: (f64, f64) = (7.0, 3.0);
const ODD: (f64, f64) = (5.0, 1.5);

/// A window so many standard deviations beyond the furthest of late is not odd yet.
const MARGIN: f64 = 2.0;

/// Two odd spells are alike if they differ by no more than this share of the further one.
const ALIKE: f64 = 0.25;

/// The least standard deviation of the logarithms: with fewer windows than there are hours in a day chance
/// makes it too small.
const LEAST_SD: f64 = 0.05;

/// As long as no habit is known, no single jump is either: of a window's changes those are left out that are so
/// many times the mean of the others, and this many of them at most.
const APART: f64 = 8.0;
const APART_MAX: usize = 16;

/// A window in which so large a share of the readings jumped is noise.
const JUMPY: f64 = 0.1;

/// The most restless and the calmest windows of late: no standard deviation tells of a phase that is short.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Envelope {
    /// Of the logarithms of windows, lowest and highest: since the last turn, and between those before, the newest first.
    now: Option<(f64, f64)>,
    before: [Option<(f64, f64)>; WHOLE_BATCHES as usize],
    windows: u32,
}

impl Envelope {
    fn widen(&mut self, size: f64) {
        let (low, high) = self.now.unwrap_or((size, size));
        self.now = Some((low.min(size), high.max(size)));
        self.windows = self.windows.saturating_add(1);
    }

    /// What was seen so many turns ago is forgotten.
    fn turn(&mut self) {
        self.before.rotate_right(1);
        self.before[0] = self.now.take();
        self.windows = 0;
    }

    fn contains(&self, size: f64, margin: f64) -> bool {
        self.parts().any(|(low, _)| low - margin <= size)
            && self.parts().any(|(_, high)| size <= high + margin)
    }

    fn highest(&self) -> f64 {
        self.parts().map(|(_, high)| high).fold(f64::NEG_INFINITY, f64::max)
    }

    fn parts(&self) -> impl Iterator<Item = (f64, f64)> {
        self.now.into_iter().chain(self.before.into_iter().flatten())
    }
}

/// Habits of a tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Habit {
    /// The newest two values, the newest first.
    last: [Option<f64>; 2],
    window: Window,
    /// Windows seen; mean and variance of the logarithms of their mean changes.
    windows: u32,
    mean: f64,
    variance: f64,
    /// The time of the first reading; whole batches since, and the windows that were seen by the end of the last one.
    #[serde(default)]
    since: Option<Timestamp>,
    #[serde(default)]
    batches: u32,
    #[serde(default)]
    windows_before: u32,
    /// Windows of the last whole batch.
    #[serde(default)]
    windows_of_batch: u32,
    /// True once enough was seen.
    #[serde(default)]
    known: bool,
    /// The share of readings that jump, usually.
    jumpy: f64,
    /// The lowest and the highest mean of a window.
    pub(super) span: Option<(f64, f64)>,
    /// The windows in a row that were odd, and how; since when.
    odd: Option<(SensorFault, Timestamp)>,
    odd_windows: u32,
    /// How far the furthest of them is from the mean; and that of the last that ended by itself.
    #[serde(default)]
    odd_away: f64,
    #[serde(default)]
    ended: f64,
    #[serde(default)]
    envelope: Envelope,
    /// What the last windows say.
    verdict: Option<(SensorFault, Timestamp)>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Window {
    begin: Option<Timestamp>,
    readings: u32,
    changes: u32,
    jumps: u32,
    moved: f64,
    /// The largest of the changes, in rising order, while no habit is known.
    #[serde(default)]
    largest: Vec<f64>,
    sum: f64,
}

impl Window {
    fn count(&mut self, bend: f64, known: bool) {
        self.changes += 1;
        self.moved += bend;
        if !known {
            let ix = self.largest.partition_point(|other| *other < bend);
            self.largest.insert(ix, bend);
            if self.largest.len() > APART_MAX {
                self.largest.remove(0);
            }
        }
    }

    /// The mean of the changes, of those that do not stand apart.
    fn mean_change(&self) -> f64 {
        let (mut moved, mut changes) = (self.moved, f64::from(self.changes));
        for bend in self.largest.iter().rev() {
            let others = (moved - bend) / (changes - 1.0).max(1.0);
            if changes <= f64::from(CHANGES) || *bend <= APART * others {
                break;
            }
            (moved, changes) = (moved - bend, changes - 1.0);
        }
        moved / changes
    }
}

impl Habit {
    /// Takes a reading that belongs to the tag's course; `jumped` if it stands apart from those beside it, `phased` if
    /// batches may go through phases.
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        value: f64,
        jumped: bool,
        (interval_s, phased): (f64, bool),
    ) {
        if self.since.is_none() && self.windows >= KNOWN {
            // The state is that of a release that did not ask for whole batches: what it knew is known.
            self.known = true;
        }
        let known = self.is_known();
        self.since.get_or_insert(at);
        let window = &mut self.window;
        window.begin.get_or_insert(at);
        window.readings += 1;
        if jumped {
            window.jumps += 1;
        } else {
            if let [Some(last), Some(before)] = self.last {
                let bend = (value - 2.0 * last + before).abs() * BEND;
                if bend > 0.0 {
                    window.count(bend, known);
                }
            }
            window.sum += value;
            self.last = [Some(value), self.last[0]];
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is clamped"
        )]
        let wanted = (WINDOW_S / interval_s.max(0.1)).clamp(READINGS.0, READINGS.1) as u32;
        let long = window.readings >= wanted.saturating_mul(LONGEST);
        if window.readings >= wanted && (window.changes >= CHANGES || self.is_jumpy() || long) {
            self.close();
            self.come_to_know(at, phased);
        }
    }

    /// Whether the tag was seen over what its line does.
    fn come_to_know(&mut self, at: Timestamp, phased: bool) {
        let waited = self.since.is_some_and(|since| at >= since.plus(LONGEST_WAIT));
        let whole = !phased || waited || self.batches >= WHOLE_BATCHES;
        self.known |= self.windows >= KNOWN && whole;
    }

    /// A batch that began then is over, and the tag spoke in it.
    pub(super) fn end_batch(&mut self, began: Timestamp) {
        let whole = self.since.is_some_and(|since| since <= began);
        let windows = self.windows.saturating_sub(self.windows_before);
        self.windows_before = self.windows;
        if whole {
            self.batches = self.batches.saturating_add(1);
            self.windows_of_batch = windows;
        }
        if self.envelope.windows >= KNOWN {
            self.envelope.turn();
        }
    }

    fn is_jumpy(&self) -> bool {
        let share = f64::from(self.window.jumps) / f64::from(self.window.readings.max(1));
        share > JUMPY + 3.0 * self.jumpy
    }

    /// The last reading that stood apart was the first of a step, which is the process.
    pub(super) fn step(&mut self) {
        self.window.jumps = self.window.jumps.saturating_sub(1);
        self.skip();
    }

    /// What came between the last reading and the next is not known.
    pub(super) fn skip(&mut self) {
        self.last = [None; 2];
    }

    /// What was being looked at says nothing: the line was not steady, or the sensor sick in another way.
    pub(super) fn forget_window(&mut self) {
        self.window = Window::default();
        self.last = [None; 2];
        self.odd = None;
        self.odd_windows = 0;
        self.odd_away = 0.0;
        self.verdict = None;
    }

    fn close(&mut self) {
        let jumpy = self.is_jumpy() && self.is_known();
        let window = std::mem::take(&mut self.window);
        let begin = window.begin.unwrap_or_default();
        let share = f64::from(window.jumps) / f64::from(window.readings.max(1));
        let calm = window.readings - window.jumps;
        if jumpy {
            self.judge(Some(SensorFault::Noise), true, begin);
            self.jumpy += (share - self.jumpy) / MEMORY_WHEN_ODD;
            self.take_odd(libm::log(1.0 + share * JUMP));
            return;
        }
        if window.changes < CHANGES {
            // It stands still, which is for others to judge.
            return;
        }
        let size = libm::log(window.mean_change());
        let away = size - self.mean;
        let sd = self.variance.sqrt().max(LEAST_SD);
        let beyond = |(sds, factor): (f64, f64)| away.abs() > (sds * sd).max(libm::log(factor));
        let new = self.is_known() && !self.envelope.contains(size, MARGIN * sd);
        let odd = new && beyond(ODD);
        let fault = if away > 0.0 { SensorFault::Noise } else { SensorFault::Attenuated };
        self.judge(odd.then_some(fault), odd && beyond(STRONG), begin);
        if odd {
            self.take_odd(away);
        } else {
            self.end_odd();
            self.learn(size - self.mean);
            self.envelope.widen(size);
            if f64::from(self.envelope.windows) >= MEMORY.1 {
                self.envelope.turn();
            }
            self.jumpy += self.weight() * (share - self.jumpy);
        }
        if !odd && calm > 0 {
            let mean = window.sum / f64::from(calm);
            let (low, high) = self.span.unwrap_or((mean, mean));
            self.span = Some((low.min(mean), high.max(mean)));
        }
    }

    /// What is odd moves the habit slowly, or it would have to stay so for ever.
    fn take_odd(&mut self, away: f64) {
        self.mean += away / MEMORY_WHEN_ODD;
        if away.abs() > self.odd_away.abs() {
            self.odd_away = away;
        }
    }

    /// What ends by itself counts as a window among others, and if the next one is like it, it is a habit: of a phase that
    /// was not seen before.
    fn end_odd(&mut self) {
        let away = std::mem::take(&mut self.odd_away);
        if away == 0.0 {
            return;
        }
        let before = std::mem::replace(&mut self.ended, away);
        if (away - before).abs() <= ALIKE * away.abs().max(before.abs()) {
            self.envelope.widen(self.mean + away);
        }
        self.learn(away);
    }

    fn learn(&mut self, away: f64) {
        self.windows = self.windows.saturating_add(1);
        let weight = self.weight();
        self.mean += weight * away;
        self.variance += weight * ((1.0 - weight) * away * away - self.variance);
    }

    /// The weight of the newest window.
    fn weight(&self) -> f64 {
        let batches = f64::from(WHOLE_BATCHES) * f64::from(self.windows_of_batch);
        1.0 / f64::from(self.windows).min(batches.clamp(MEMORY.0, MEMORY.1))
    }

    fn judge(&mut self, fault: Option<SensorFault>, strong: bool, begin: Timestamp) {
        match (fault, self.odd) {
            (None, _) => (self.odd, self.odd_windows) = (None, 0),
            (Some(fault), Some((before, _))) if fault == before => self.odd_windows += 1,
            (Some(fault), _) => (self.odd, self.odd_windows) = (Some((fault, begin)), 1),
        }
        if self.odd.is_none() || strong || self.odd_windows >= 2 {
            self.verdict = self.odd;
        }
    }

    /// True if enough was seen to know one.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// The usual size of a change from reading to reading, and the factor by which windows differ, each once
    /// it is known: that of the most restless phase, where there are some.
    pub(super) fn usual_change(&self) -> Option<(f64, f64)> {
        let sd = self.variance.sqrt().max(LEAST_SD);
        let further = (self.envelope.highest() - self.mean).max(2.0 * sd);
        self.known.then(|| (libm::exp(self.mean), libm::exp(further)))
    }

    /// What is wrong by the last windows, and since when.
    pub(super) fn verdict(&self) -> Option<(SensorFault, Timestamp)> {
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_release_knew_that_asked_for_no_batches_is_known() {
        let after_a_reading = |windows: u32| {
            let mut habit = Habit { windows, ..Habit::default() };
            habit.take(Timestamp::default(), 1.0, false, (1.0, true));
            habit.is_known()
        };
        assert!(after_a_reading(KNOWN) && !after_a_reading(KNOWN - 1));
    }

    #[test]
    fn what_was_odd_is_a_habit_once_it_comes_again_alike() {
        let widened = |spells: &[f64]| {
            let mut habit = Habit { windows: 100, known: true, ..Habit::default() };
            for spell in spells {
                habit.take_odd(*spell);
                habit.end_odd();
            }
            habit.envelope.windows
        };
        assert_eq!(widened(&[3.0]), 0);
        assert_eq!(widened(&[3.0, 2.8]), 1);
        assert_eq!(widened(&[3.0, -3.0]), 0, "calm is not like restless");
        assert_eq!(widened(&[1.0, 4.0]), 0, "nor is what is far more so");
    }
}
