//! What only the laboratory measures, foretold from the process: a property of the product, and how sure that is.
//!
//! A [`Sample`] is what was kept of the stretch of the process that a laboratory value describes ([`Window`]).
//! [`SoftSensor::fit`] standardises the columns, fits PLS ([`pls`]), and chooses in time order, each step from earlier
//! samples alone ([`walk`]), how many components foretell best and how much of a laboratory value's error is taken over
//! into the next prediction (a *bias update*: what no tag shows, a lot of pulp say, lasts longer than a batch).
//!
//! The tags are weighed against none at all ([`trust`]), by how both did lately.
//!
//! Those errors are of samples that the model did not know, so their quantile is the half width of an interval (split
//! conformal prediction). It follows what happens later ([`Track`], adaptive conformal inference; Gibbs and
//! Candès 2021): after too many values outside it gets wider. A row that is further out, or further from what goes
//! together, than the samples were is *outside*: a prediction of it is a guess, and is named as such.

mod bins;
#[cfg(test)]
mod oracle;
mod pls;
mod scales;
#[cfg(test)]
mod tests;
mod track;
mod trust;
mod walk;
mod window;

pub use bins::Bins;
pub use track::{Coverage, Estimate, Foretold, Stage, Track, any_beyond};
pub use window::Window;

use super::calibrate;
use super::model::ArtifactError;
use super::screen::{Dropped, unusable_columns, unusable_values};
use crate::reading::Timestamp;
use ndarray::Array1;
use pls::Pls;
use scales::{BELIEVED, FARTHEST, Scales};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trust::Trust;
use walk::{Follower, Walk, root_mean_square};

/// Samples that are needed at the least.
pub const SAMPLES_AT_LEAST: usize = 20;

/// Components at most.
const COMPONENTS_MAX: usize = 10;

/// The share of new rows that may lie beyond a limit of range.
const BEYOND: f64 = 0.01;

/// The share of the coefficients' size that a row has to know.
const LEAST_KNOWN: f64 = 0.6;

/// What the process was while a laboratory value was made, and the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When the product was made that was measured.
    pub made: Timestamp,
    /// When the value was known: it helps to foretell nothing made before.
    pub known: Timestamp,
    /// One value for each column, NaN where there is none.
    pub row: Vec<f64>,
    /// What the laboratory found, in the property's unit.
    pub value: f64,
}

/// Samples of one window: the columns of their rows, and the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What the rows are of.
    pub window: Window,
    /// Their columns.
    pub columns: Vec<Arc<str>>,
    /// The samples, in the order in which they were made.
    pub samples: Vec<Sample>,
}

/// A window is no better for an error that is less by so little: before others the first one counts, which stands for what the
/// laboratory is given.
const AS_GOOD: f64 = 1.05;

/// Fits the property by each window, and takes the one that errs least on samples that it did not know; of those that are
/// about as good, the first.
///
/// # Errors
/// When none can be fitted: why not by the first.
pub fn fit_best(candidates: &[Candidate]) -> Result<(Window, SoftSensor), SoftSensorError> {
    let (mut fitted, mut failed) = (Vec::new(), None);
    for Candidate { window, columns, samples } in candidates {
        match SoftSensor::fit(columns, samples) {
            Ok(sensor) => fitted.push((*window, sensor)),
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    let error = |(_, sensor): &(Window, SoftSensor)| sensor.fitness.error;
    let least = fitted.iter().map(error).fold(f64::INFINITY, f64::min);
    let best = fitted.into_iter().find(|one| error(one) <= AS_GOOD * least);
    let none = SoftSensorError::TooFewSamples { have: 0, need: SAMPLES_AT_LEAST };
    best.ok_or_else(|| failed.unwrap_or(none))
}

/// Why no soft sensor can be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SoftSensorError {
    /// Too few laboratory values.
    #[error("{have} laboratory values have a window of the process, {need} are needed")]
    TooFewSamples {
        /// Samples with a value.
        have: usize,
        /// Samples needed.
        need: usize,
    },
    /// No column is left.
    #[error("no column can be used: {}", unusable_columns(.0))]
    NoColumn(Vec<Dropped>),
    /// There is nothing to foretell.
    #[error("all laboratory values are the same")]
    SameValue,
    /// The columns cannot be told from each other.
    #[error("the covariance of {0} columns cannot be solved")]
    NotSolved(usize),
}

/// How a soft sensor came about, and how good it was on samples that it did not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitness {
    /// Samples fitted on.
    pub samples: usize,
    /// Components of the PLS; with none it is the mean with its bias.
    pub components: usize,
    /// The share of an error that goes into the next prediction.
    pub bias_share: f64,
    /// Samples foretold from earlier ones alone.
    pub foretold: usize,
    /// The root of the mean square error of those, in the property's unit.
    pub error: f64,
    /// The same of the last laboratory value that was known.
    pub error_of_last: f64,
    /// The same of the mean of those that were known.
    pub error_of_mean: f64,
    /// The first and the last sample.
    pub span: (Timestamp, Timestamp),
}

/// What a column has to do with the property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The tag.
    pub column: Arc<str>,
    /// Its importance in the projection (VIP): above 1 it matters more than the mean column, below 0.8 hardly.
    pub importance: f64,
    /// What one standard deviation of the column adds, in the property's unit.
    pub coefficient: f64,
    /// The share of the fits on earlier samples in which that had the same sign.
    pub same_sign: f64,
}

/// A fitted soft sensor. It never changes; what it learns of its errors is its [`Track`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoftSensor {
    columns: Vec<Arc<str>>,
    dropped: Vec<Dropped>,
    /// The positions of the columns used.
    used: Vec<usize>,
    scales: Scales,
    pls: Pls,
    range: Range,
    ranking: Vec<Ranked>,
    fitness: Fitness,
    /// The errors on samples that it did not know, each over its spread, with the time when the sample was made, in order; and
    /// the bias after them.
    errors: Vec<(Timestamp, f64)>,
    bias: f64,
    follower: Follower,
    /// The same of the mean alone, and how both are weighed.
    bias_without: f64,
    follower_without: Follower,
    trust: Trust,
}

/// How far out a row may be: the leverage and the SPE beyond which few of the samples were, foretold from earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Range {
    leverage: f64,
    spe: f64,
}

/// What a fit says of a row before any laboratory value corrects it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// The property by the tags alone, in its unit.
    pub value: f64,
    /// The mean of the samples: what is said without any tag.
    pub without: f64,
    /// The standard error of this prediction over that of a sample in the middle: √(1 + 1/N + tᵀ(TᵀT)⁻¹t).
    pub spread: f64,
    /// The same of what is said without any tag.
    pub spread_without: f64,
    /// True if the row is outside the range of the samples: far out, or with relations that they did not have.
    pub outside: bool,
}

impl SoftSensor {
    /// Fits the property of these samples, which are in the order in which they were made and have a value for each of
    /// `columns`.
    ///
    /// # Errors
    /// When there are too few samples, or nothing varies.
    pub fn fit(columns: &[Arc<str>], samples: &[Sample]) -> Result<Self, SoftSensorError> {
        let have = samples.len();
        if have < SAMPLES_AT_LEAST {
            return Err(SoftSensorError::TooFewSamples { have, need: SAMPLES_AT_LEAST });
        }
        let (used, dropped) = screen(columns, samples);
        if used.is_empty() {
            return Err(SoftSensorError::NoColumn(dropped));
        }
        let still = |sample: &Sample| sample.value.total_cmp(&samples[0].value).is_eq();
        if samples.iter().all(still) {
            return Err(SoftSensorError::SameValue);
        }
        let walk = Walk::over(samples, &used)?;
        let (choice, without) = (walk.choice(), walk.without());
        let (errors, trust) = walk.weighed(&choice, &without);
        let scales = Scales::of(samples, &used)?;
        let pls = scales.fit(samples, &used, choice.components)?;
        let held = walk.held(&choice);
        // Where all are the same, as without a component, nothing can be foreseen from them, nor is anything refused by it.
        let limit = |values: Vec<f64>| {
            let limit = calibrate::exceeded_by(&sorted(values), BEYOND);
            if limit.is_finite() { limit } else { f64::MAX }
        };
        let range = Range {
            leverage: limit(held.iter().map(|one| one.leverage).collect()),
            spe: limit(held.iter().map(|one| one.spe).collect()),
        };
        let ranking = ranking(columns, &used, &pls, &walk.earlier(choice.components));
        let span = (samples[0].made, samples[have - 1].made);
        let fitness = Fitness {
            samples: have,
            components: pls.components(),
            bias_share: choice.follower.share,
            foretold: held.len(),
            error: root_mean_square(errors.iter().map(|(error, _)| *error)),
            error_of_last: walk.error_of_last,
            error_of_mean: walk.error_of_mean,
            span,
        };
        let errors = walk.made().zip(errors).map(|(made, (_, over))| (made, over)).collect();
        Ok(Self {
            columns: columns.to_vec(),
            dropped,
            used,
            scales,
            pls,
            range,
            ranking,
            fitness,
            errors,
            bias: choice.bias,
            follower: choice.follower,
            bias_without: without.bias,
            follower_without: without.follower,
            trust,
        })
    }

    /// Its artifact, with the window whose rows it reads.
    ///
    /// # Panics
    /// Never: all of it has a form.
    #[must_use]
    pub fn to_bytes(&self, window: Window) -> Vec<u8> {
        serde_json::to_vec(&(window, self)).expect("a soft sensor has no map with odd keys")
    }

    /// Reads an artifact.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Window, Self), ArtifactError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The columns of a row that it judges.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// The columns of which nothing was learned, and why.
    #[must_use]
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// True if a sample that was made then is one of those that it was fitted on: those that it was walked over are known by
    /// their time, the others are older.
    #[must_use]
    pub fn knows(&self, made: Timestamp) -> bool {
        let walked = || self.errors.iter().map(|(made, _)| *made);
        walked().next().is_some_and(|first| made < first) || walked().any(|one| one == made)
    }

    /// How good it was.
    #[must_use]
    pub fn fitness(&self) -> &Fitness {
        &self.fitness
    }

    /// The columns that matter, the most important first.
    #[must_use]
    pub fn ranking(&self) -> &[Ranked] {
        &self.ranking
    }

    /// What it says of a row, one value for each of [`Self::columns`], NaN where there is none. `None` where too much
    /// of what it goes by is missing.
    #[must_use]
    pub fn predict(&self, row: &[f64]) -> Option<Raw> {
        let (z, known) = self.scales.standardise(row, &self.used, BELIEVED)?;
        let coefficients = self.pls.coefficients().mapv(f64::abs);
        let all = coefficients.sum();
        let seen: f64 = known.iter().map(|ix| coefficients[*ix]).sum();
        if seen < LEAST_KNOWN * all {
            return None;
        }
        let scores = self.pls.scores(z.view());
        // What is nowhere further than is believed is the same either way, holes are solved for once.
        let far = if self.scales.is_beyond(row, &self.used, BELIEVED) {
            self.scales.standardise(row, &self.used, FARTHEST)?.0
        } else {
            z
        };
        let (leverage, spe) = self.pls.distances(far.view());
        Some(Raw {
            value: self.scales.property + self.pls.predict(&scores),
            without: self.scales.property,
            spread: spread(self.pls.leverage(&scores), self.fitness.samples),
            spread_without: spread(0.0, self.fitness.samples),
            // Where no tag tells anything none is out of its range.
            outside: self.pls.components() > 0
                && (leverage > self.range.leverage || spe > self.range.spe),
        })
    }

    /// What each column adds to a prediction beyond the mean of the samples, in the property's unit, the greatest
    /// first.
    #[must_use]
    pub fn contributions(&self, row: &[f64]) -> Vec<(Arc<str>, f64)> {
        let Some((z, _)) = self.scales.standardise(row, &self.used, BELIEVED) else {
            return Vec::new();
        };
        let parts = self.pls.coefficients() * z;
        let mut parts: Vec<(Arc<str>, f64)> =
            self.used.iter().map(|ix| Arc::clone(&self.columns[*ix])).zip(parts).collect();
        parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        parts
    }
}

/// √(1 + 1/N + h).
#[expect(clippy::cast_precision_loss, reason = "samples are few")]
fn spread(leverage: f64, samples: usize) -> f64 {
    (1.0 + 1.0 / samples as f64 + leverage).sqrt()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The columns that vary and have enough values, and the others with the reason.
fn screen(columns: &[Arc<str>], samples: &[Sample]) -> (Vec<usize>, Vec<Dropped>) {
    let (mut used, mut dropped) = (Vec::new(), Vec::new());
    for (ix, column) in columns.iter().enumerate() {
        match unusable_values(samples.iter().map(|sample| sample.row[ix])) {
            None => used.push(ix),
            Some(why) => {
                dropped.push(Dropped { column: Arc::clone(column), reason: why.to_string() });
            }
        }
    }
    (used, dropped)
}

fn finite(samples: &[Sample], column: usize) -> Vec<f64> {
    samples.iter().map(|sample| sample.row[column]).filter(|value| value.is_finite()).collect()
}

/// Mean and standard deviation (N − 1).
#[expect(clippy::cast_precision_loss, reason = "samples are few")]
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

fn median(values: Vec<f64>) -> f64 {
    let sorted = sorted(values);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

fn ranking(
    columns: &[Arc<str>],
    used: &[usize],
    pls: &Pls,
    earlier_fits: &[Array1<f64>],
) -> Vec<Ranked> {
    let (importance, coefficients) = (pls.importance(), pls.coefficients());
    let same_sign = |ix: usize| {
        let same = |earlier: &&Array1<f64>| earlier[ix] * coefficients[ix] > 0.0;
        calibrate::count(earlier_fits.iter().filter(same).count())
            / calibrate::count(earlier_fits.len().max(1))
    };
    let mut ranking: Vec<Ranked> = used
        .iter()
        .enumerate()
        .map(|(ix, column)| Ranked {
            column: Arc::clone(&columns[*column]),
            importance: importance[ix],
            coefficient: coefficients[ix],
            same_sign: same_sign(ix),
        })
        .collect();
    ranking.sort_by(|a, b| b.importance.total_cmp(&a.importance));
    ranking
}
