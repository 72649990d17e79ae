//! How a value usually moves from reading to reading, learned from the tag itself; and what is unlike it.
//!
//! What a reading has beyond the straight line through those beside it is its restlessness: a ramp has none. Its
//! mean over a window of readings is compared with those of the windows before, on a logarithmic scale: a thermometer and a flow have nothing in common but that each is as restless as it was
//! yesterday. Single jumps do not count into it ([`super::jump`]): many of them are noise.

use super::SensorFault;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

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

/// The newest windows count most: one in so many. What is odd moves the habit as well, far more slowly: an
/// instrument that was exchanged is not sick for ever.
const MEMORY: f64 = 100.0;
const MEMORY_WHEN_ODD: f64 = 500.0;

/// One window that is so unlike the others is enough, or two in a row: standard deviations, and the least
/// factor.
const STRONG: (f64, f64) = (7.0, 3.0);
const ODD: (f64, f64) = (5.0, 1.5);

/// The least standard deviation of the logarithms: with fewer windows than there are hours in a day chance
/// makes it too small.
const LEAST_SD: f64 = 0.05;

/// As long as no habit is known, no single jump is either: of a window's changes those are left out that are so
/// many times the mean of the others, and this many of them at most.
const APART: f64 = 8.0;
const APART_MAX: usize = 16;

/// A window in which so large a share of the readings jumped is noise.
const JUMPY: f64 = 0.1;

/// Habits of a tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Habit {
    /// The newest two values, the newest first.
    last: [Option<f64>; 2],
    window: Window,
    /// Windows seen, up to [`MEMORY`]; mean and variance of the logarithms of their mean changes.
    windows: u32,
    mean: f64,
    variance: f64,
    /// The share of readings that jump, usually.
    jumpy: f64,
    /// The lowest and the highest mean of a window.
    pub(super) span: Option<(f64, f64)>,
    /// The windows in a row that were odd, and how; since when.
    odd: Option<(SensorFault, Timestamp)>,
    odd_windows: u32,
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
    /// Takes a reading that belongs to the tag's course; `jumped` if it stands apart from those beside it.
    pub(super) fn take(&mut self, at: Timestamp, value: f64, jumped: bool, interval_s: f64) {
        let known = self.is_known();
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
        }
    }

    fn is_jumpy(&self) -> bool {
        let share = f64::from(self.window.jumps) / f64::from(self.window.readings.max(1));
        share > JUMPY + 3.0 * self.jumpy
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
        let odd = self.is_known() && beyond(ODD);
        let fault = if away > 0.0 { SensorFault::Noise } else { SensorFault::Attenuated };
        self.judge(odd.then_some(fault), self.is_known() && beyond(STRONG), begin);
        self.learn(away, share, odd);
        if !odd && calm > 0 {
            let mean = window.sum / f64::from(calm);
            let (low, high) = self.span.unwrap_or((mean, mean));
            self.span = Some((low.min(mean), high.max(mean)));
        }
    }

    fn learn(&mut self, away: f64, jumps: f64, odd: bool) {
        let weight = if odd {
            1.0 / MEMORY_WHEN_ODD
        } else {
            self.windows = self.windows.saturating_add(1);
            1.0 / f64::from(self.windows).min(MEMORY)
        };
        self.mean += weight * away;
        if !odd {
            self.variance += weight * ((1.0 - weight) * away * away - self.variance);
            self.jumpy += weight * (jumps - self.jumpy);
        }
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

    /// True if there were enough windows to know one.
    pub(super) fn is_known(&self) -> bool {
        self.windows >= KNOWN
    }

    /// The usual size of a change from reading to reading, and the factor by which windows differ, each once
    /// it is known.
    pub(super) fn usual_change(&self) -> Option<(f64, f64)> {
        let sd = self.variance.sqrt().max(LEAST_SD);
        self.is_known().then(|| (libm::exp(self.mean), libm::exp(2.0 * sd)))
    }

    /// What is wrong by the last windows, and since when.
    pub(super) fn verdict(&self) -> Option<(SensorFault, Timestamp)> {
        self.verdict
    }
}
