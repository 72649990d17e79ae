//! How a soft sensor does while it runs: its bias, and how wide its intervals have to be.

use super::super::calibrate;
use super::trust::Trust;
use super::{Raw, SoftSensor, moments, sorted};
use crate::plant::Bounds;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The share of laboratory values that an interval may miss.
const MISSED: f64 = 0.1;

/// How far one value inside or outside moves the share that the next interval is made for, and its bounds.
const STEP: f64 = 0.02;
const BOUNDS: (f64, f64) = (0.01, 0.3);

/// Errors that are remembered.
const REMEMBERED: usize = 200;

/// With fewer errors of a stage those at the end of batches stand for them.
const ERRORS_AT_LEAST: usize = 20;

/// How much of a batch was made when something was foretold of it: what is still to come may be made otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A quarter, or less.
    Quarter,
    /// Half.
    Half,
    /// Three quarters.
    ThreeQuarters,
    /// All of it.
    End,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Quarter, Self::Half, Self::ThreeQuarters, Self::End];

    /// The one that a batch in progress has passed last; before a quarter of it, that.
    #[must_use]
    pub fn of(progress: f64) -> Self {
        let passed = |stage: &&Self| **stage != Self::End && progress >= stage.share();
        Self::ALL.iter().rfind(passed).copied().unwrap_or(Self::Quarter)
    }

    /// The share of the batch that is made, 0–1.
    #[must_use]
    pub fn share(self) -> f64 {
        match self {
            Self::Quarter => 0.25,
            Self::Half => 0.5,
            Self::ThreeQuarters => 0.75,
            Self::End => 1.0,
        }
    }
}

/// Laboratory values against the intervals that were foretold for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Laboratory values.
    pub values: u64,
    /// Those within their intervals.
    pub covered: u64,
}

/// What was foretold at a stage, against what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Errors {
    /// Over their spreads, with the end of the batch, the newest last.
    newest: VecDeque<(Timestamp, f64)>,
    /// The share of them that the next interval is made to miss.
    missing: f64,
    coverage: Coverage,
}

impl Default for Errors {
    fn default() -> Self {
        Self { newest: VecDeque::new(), missing: MISSED, coverage: Coverage::default() }
    }
}

impl Errors {
    fn of(errors: &[(Timestamp, f64)]) -> Self {
        let newest = errors[errors.len().saturating_sub(REMEMBERED)..].iter().copied().collect();
        Self { newest, ..Self::default() }
    }

    fn take(&mut self, said: &Estimate, value: f64, made: Timestamp) {
        let inside = said.low <= value && value <= said.high;
        self.coverage.values += 1;
        self.coverage.covered += u64::from(inside);
        let missed = if inside { 0.0 } else { 1.0 };
        self.missing = (self.missing + STEP * (MISSED - missed)).clamp(BOUNDS.0, BOUNDS.1);
        if self.newest.len() == REMEMBERED {
            self.newest.pop_front();
        }
        self.newest.push_back((made, (value - said.value) / said.spread));
    }

    /// The laboratory value of a batch is another one by now.
    fn revise(&mut self, said: &Estimate, value: f64, made: Timestamp) {
        let Some((_, error)) = self.newest.iter_mut().rev().find(|(one, _)| *one == made) else {
            return;
        };
        let inside = |value: f64| u64::from(said.low <= value && value <= said.high);
        let before = inside(said.value + *error * said.spread);
        self.coverage.covered = (self.coverage.covered + inside(value)).saturating_sub(before);
        *error = (value - said.value) / said.spread;
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.newest.iter().map(|(_, error)| *error)
    }

    /// The bandwidth of a normal kernel over them (Silverman 1986, 3.31): with so few of them a share of them alone goes in
    /// steps, and never says that what was not seen yet may come.
    fn bandwidth(&self) -> f64 {
        let sorted = sorted(self.values().collect());
        let n = sorted.len();
        let (Some(lower), Some(upper)) = (sorted.get(n / 4), sorted.get(3 * n / 4)) else {
            return 0.0;
        };
        let spread = moments(&sorted).1.min((upper - lower) / 1.349);
        0.9 * spread * libm::pow(calibrate::count(n), -0.2)
    }
}

/// What a soft sensor learned of its errors since it was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    bias: f64,
    bias_without: f64,
    trust: Trust,
    /// By [`Stage::ALL`].
    errors: [Errors; 4],
    /// The end of the newest batch that it was held against.
    newest: Option<Timestamp>,
}

/// What a soft sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The property, in its unit.
    pub value: f64,
    /// Nine laboratory values of ten lie between these.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// What errors are taken over: that of [`Raw::spread`], as far as the tags are believed.
    pub spread: f64,
    /// What it is made of.
    pub raw: Raw,
}

impl Track {
    /// That of a sensor just fitted: it begins with the errors on samples that the fit had not seen.
    #[must_use]
    pub fn start(sensor: &SoftSensor) -> Self {
        let [quarter, half, three_quarters] = std::array::from_fn(|_| Errors::default());
        let end = Errors::of(&sensor.errors);
        Self {
            bias: sensor.bias,
            bias_without: sensor.bias_without,
            trust: sensor.trust,
            errors: [quarter, half, three_quarters, end],
            newest: None,
        }
    }

    /// That of a sensor fitted anew: of what was foretold within batches, and of how often intervals held, it knows what the
    /// one before it did.
    #[must_use]
    pub fn follow(sensor: &SoftSensor, before: Self) -> Self {
        let Self { errors: [quarter, half, three_quarters, end], newest, .. } = before;
        let end =
            Errors { missing: end.missing, coverage: end.coverage, ..Errors::of(&sensor.errors) };
        Self { errors: [quarter, half, three_quarters, end], newest, ..Self::start(sensor) }
    }

    fn errors(&self, stage: Stage) -> &Errors {
        let own = &self.errors[stage as usize];
        let enough = own.newest.len() >= ERRORS_AT_LEAST;
        if enough { own } else { &self.errors[Stage::End as usize] }
    }

    /// What the sensor says at a stage of the batch, corrected by what laboratory values said of it.
    #[must_use]
    pub fn estimate(&self, raw: Raw, stage: Stage) -> Estimate {
        let (tags, without) = self.both(raw);
        let weight = self.trust.weight();
        let weighed = |tags: f64, without: f64| weight * tags + (1.0 - weight) * without;
        let value = weighed(tags, without);
        let spread = weighed(raw.spread, raw.spread_without);
        let errors = self.errors(stage);
        let sizes = sorted(errors.values().map(f64::abs).collect());
        let half = calibrate::exceeded_by(&sizes, errors.missing) * spread;
        Estimate { value, low: value - half, high: value + half, spread, raw }
    }

    /// What is said by the tags, and without them, each with its bias.
    fn both(&self, raw: Raw) -> (f64, f64) {
        (raw.value + self.bias, raw.without + self.bias_without)
    }

    /// How often intervals held that were foretold at a stage.
    #[must_use]
    pub fn coverage(&self, stage: Stage) -> Coverage {
        self.errors[stage as usize].coverage
    }

    /// The end of the newest batch whose laboratory value it was held against.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// A laboratory value of a product of which the sensor says this now: it moves the bias, and counts as no value that was
    /// foretold.
    pub fn correct(&mut self, sensor: &SoftSensor, raw: Raw, value: f64) {
        if !raw.outside {
            let (tags, without) = self.both(raw);
            self.trust.learn(value - tags, value - without);
            sensor.follower.take(&mut self.bias, value - raw.value);
            sensor.follower_without.take(&mut self.bias_without, value - raw.without);
        }
    }

    /// A laboratory value of a product for which the sensor had said something at these stages, `made` by then. What lies
    /// outside its range was a guess, by which nothing is judged.
    pub fn learn(
        &mut self,
        sensor: &SoftSensor,
        said: &[(Stage, Estimate)],
        value: f64,
        made: Timestamp,
    ) {
        self.hold(sensor, said, value, |errors, said| errors.take(said, value, made));
        let whole = said.iter().any(|(stage, said)| *stage == Stage::End && !said.raw.outside);
        self.newest = self.newest.max(whole.then_some(made));
    }

    /// The laboratory value of a product is another one by now, as after a slip, or as the mean over more places: errors are
    /// those of what holds, and the bias follows it too.
    pub fn revise(
        &mut self,
        sensor: &SoftSensor,
        said: &[(Stage, Estimate)],
        value: f64,
        made: Timestamp,
    ) {
        self.hold(sensor, said, value, |errors, said| errors.revise(said, value, made));
    }

    /// Holds a laboratory value against what was said at each stage; what was said of the whole batch moves the bias.
    fn hold(
        &mut self,
        sensor: &SoftSensor,
        said: &[(Stage, Estimate)],
        value: f64,
        against: impl Fn(&mut Errors, &Estimate),
    ) {
        for (stage, said) in said.iter().filter(|(_, said)| !said.raw.outside) {
            against(&mut self.errors[*stage as usize], said);
            if *stage == Stage::End {
                self.correct(sensor, said.raw, value);
            }
        }
    }
}

/// What is foretold of one property of a batch, and what is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Foretold<'a> {
    /// How its soft sensor does.
    pub track: &'a Track,
    /// What it says.
    pub said: Estimate,
    /// What the property has to lie within.
    pub bounds: Bounds,
}

impl Foretold<'_> {
    /// The chance that the laboratory finds it outside its bounds, 0–1: the share of the errors at such a stage with which it
    /// would, each of them smoothed.
    #[must_use]
    pub fn beyond(&self, stage: Stage) -> f64 {
        let errors = self.track.errors(stage);
        let width = errors.bandwidth();
        share(errors.values().map(|error| self.beyond_with(error, width)))
    }

    /// The same if the error is about this, over its spread.
    fn beyond_with(&self, error: f64, width: f64) -> f64 {
        let (at, width) = (self.said.value + error * self.said.spread, width * self.said.spread);
        let below = self.bounds.low.map_or(0.0, |low| normal((low - at) / width));
        let above = self.bounds.high.map_or(0.0, |high| normal((at - high) / width));
        below + above
    }
}

/// The chance that any of the properties of a batch is outside its bounds, 0–1: the share of past batches with whose errors
/// one would be. Errors of one batch go together, as those of strength along and across do. Where too few batches have all of them, no
/// less than the greatest of the chances.
#[must_use]
pub fn any_beyond(all: &[Foretold<'_>], stage: Stage) -> f64 {
    let greatest = all.iter().map(|one| one.beyond(stage)).fold(0.0, f64::max);
    let Some((first, others)) = all.split_first().filter(|(_, others)| !others.is_empty()) else {
        return greatest;
    };
    let widths: Vec<f64> = others.iter().map(|one| one.track.errors(stage).bandwidth()).collect();
    let width = first.track.errors(stage).bandwidth();
    let chance = |(made, error): &(Timestamp, f64)| {
        let mut none = 1.0 - first.beyond_with(*error, width);
        for (one, width) in others.iter().zip(&widths) {
            // Errors are in the order in which batches were known, which is nearly that of their ends.
            let of_batch = one.track.errors(stage).newest.iter().find(|(other, _)| other == made);
            none *= 1.0 - one.beyond_with(of_batch?.1, *width);
        }
        Some(1.0 - none)
    };
    let chances: Vec<f64> = first.track.errors(stage).newest.iter().filter_map(chance).collect();
    // Of fewer batches than each has it may come out less than one of them.
    if chances.len() < ERRORS_AT_LEAST {
        greatest
    } else {
        greatest.max(share(chances.into_iter()))
    }
}

/// The normal distribution; a step where it has no width.
fn normal(z: f64) -> f64 {
    if z.is_nan() { 0.0 } else { 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2) }
}

/// The mean of chances, drawn towards a half by as much as one more of them would: so many cases tell of nothing that it
/// never happens.
fn share(chances: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = chances.fold((0.0, 0_usize), |(sum, n), chance| (sum + chance, n + 1));
    (sum + 0.5) / calibrate::count(n + 1)
}
