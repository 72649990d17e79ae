//! A reading far from the one before: a spike, a step, or the same value in another unit.
//!
//! The first such reading waits: if the next one is near it, or goes on the same way, the value has stepped, and a step is
//! news of the process; else it was a spike, and nothing of the process. Near is also what goes on as the last two
//! readings did: what is usual says how much a value bends, and a ramp may be as steep as it likes.

use super::SensorFault;
use super::habit::Habit;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// A change that is so many times the usual one is a jump: more than six standard deviations.
pub(super) const JUMP: f64 = 8.0;

/// A step of so many jumps is a long one.
const LONG: f64 = 5.0;

/// How fast spikes are forgotten, a share with each reading; and how many of them at once are too many.
const FORGOTTEN: f64 = 0.003;
const TOO_MANY: f64 = 2.5;
/// Below this share of too many it is over.
const OVER: f64 = 0.3;

/// Where more than one reading in so many is a spike, there are no single ones.
const NOISE: u32 = 10;

/// Where so large a share of the readings are spikes by habit, nothing is wrong.
const BY_HABIT: f64 = 0.01;
const HABIT_MEMORY: f64 = 2000.0;

/// What goes on the same way goes on by no less and no more than so many times as much: a transient that grows is no ramp.
const AS_MUCH: (f64, f64) = (0.5, 2.0);

/// Factors between units in use: metric and others, per cent and shares, minutes and seconds, prefixes.
const FACTORS: [f64; 14] = [
    10.0, 100.0, 1000.0, 60.0, 3600.0, 2.54, 3.280_84, 6.894_76, 14.503_8, 3.785_41, 4.546_09,
    2.204_62, 9.806_65, 1.609_34,
];
/// How near to a factor is near enough.
const NEAR: f64 = 0.03;

/// What a reading is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Look {
    /// Near the one before.
    Near,
    /// Far from the one before: the next will tell.
    Far,
    /// Near the one before, which was far from the one before that: a step from there.
    Step(f64),
}

/// The last readings of a tag, and its spikes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Jumps {
    near: Option<f64>,
    /// How far that is from the reading before it.
    #[serde(default)]
    slope: Option<f64>,
    far: Option<(Timestamp, f64)>,
    /// Spikes of late, and the share of readings that are spikes by habit.
    spikes: f64,
    often: f64,
    /// The first of those that count, how many came from there on, and in how many readings.
    first: Option<Timestamp>,
    count: u32,
    readings: u32,
}

impl Jumps {
    /// Looks at the next reading.
    pub(super) fn look(&mut self, at: Timestamp, value: f64, habit: &Habit) -> Look {
        let Some((change, factor)) = habit.usual_change() else {
            self.near = Some(value);
            return Look::Near;
        };
        let limit = JUMP * change * factor;
        let Some(near) = self.near else {
            self.near = Some(value);
            return Look::Near;
        };
        self.spikes -= FORGOTTEN * self.spikes;
        self.readings = self.readings.saturating_add(1);
        let mut spiked = false;
        let goes_on = self.slope.is_some_and(|slope| (value - near - slope).abs() <= limit);
        let look = if goes_on || (value - near).abs() <= limit {
            // It stands out from both sides: in a ramp each reading is near one of its neighbours.
            let far = self.far.take();
            spiked = far.is_some_and(|(_, far)| (value - far).abs() > limit);
            self.slope = far.is_none().then_some(value - near);
            self.near = Some(value);
            Look::Near
        } else {
            match self.far.replace((at, value)) {
                Some((_, far))
                    if (value - far).abs() <= limit || goes_the_same_way(near, far, value) =>
                {
                    self.far = None;
                    self.slope = Some(value - far);
                    self.near = Some(value);
                    Look::Step(near)
                }
                before => {
                    spiked = before.is_some();
                    Look::Far
                }
            }
        };
        if spiked {
            self.spikes = (self.spikes + 1.0).min(2.0 * TOO_MANY);
            if self.spikes <= 1.5 {
                self.first = Some(at);
                (self.readings, self.count) = (1, 0);
            }
            self.count = self.count.saturating_add(1);
        }
        self.often += (f64::from(u8::from(spiked)) - self.often) / HABIT_MEMORY;
        look
    }

    /// True if a step is far beyond a jump.
    pub(super) fn is_long(step: f64, habit: &Habit) -> bool {
        habit
            .usual_change()
            .is_some_and(|(change, factor)| step.abs() > LONG * JUMP * change * factor)
    }

    /// Begins anew: what came between is not known.
    pub(super) fn forget(&mut self) {
        self.near = None;
        self.slope = None;
        self.far = None;
    }

    /// Since when there are too many spikes, if there are: where every tenth reading is one, it is noise.
    pub(super) fn too_many(&self) -> Option<(SensorFault, Timestamp)> {
        let many = self.spikes > TOO_MANY && self.often < BY_HABIT;
        let fault = if self.count * NOISE > self.readings {
            SensorFault::Noise
        } else {
            SensorFault::Spike
        };
        many.then_some((fault, self.first?))
    }

    /// True if hardly any came lately.
    pub(super) fn are_over(&self) -> bool {
        self.spikes < OVER * TOO_MANY
    }
}

/// True if the way from the second to the third is about that from the first to the second.
fn goes_the_same_way(first: f64, second: f64, third: f64) -> bool {
    (AS_MUCH.0..=AS_MUCH.1).contains(&((third - second) / (second - first)))
}

/// True if a step leads out of all that the tag has shown, by a factor between units.
pub(super) fn is_of_units(from: f64, to: f64, span: Option<(f64, f64)>) -> bool {
    let Some((low, high)) = span else { return false };
    if is_usual(to, (low, high)) || from == 0.0 {
        return false;
    }
    let near = |expected: f64| (to - expected).abs() <= NEAR * expected.abs();
    FACTORS.iter().any(|factor| near(from * factor) || near(from / factor))
        || near(from * 1.8 + 32.0)
        || near((from - 32.0) / 1.8)
        || near(from + 273.15)
        || near(from - 273.15)
}

/// True if a value lies within what the tag has shown, and as far again beyond.
pub(super) fn is_usual(value: f64, (low, high): (f64, f64)) -> bool {
    let wide = high - low;
    (low - wide..=high + wide).contains(&value)
}
