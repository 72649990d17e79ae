//! What ties tags to each other: each tied tag as a weighted sum of a few others, learned and tried on later batches.
//!
//! With z the standardised minute means a tie says that zᵢ is about Σ wⱼ zⱼ over a few j, each about its mean; its residual
//! is rᵢ = zᵢ − Σ wⱼ zⱼ. (Diagnosis of faults calls that an analytical redundancy, and r a parity residual.)
//! Which tags are tied is declared (two instruments of one speed, flows that add up), or found where it is
//! unmistakable ([`search`]). A relation among set points looks like a tie until the first operator moves one of them:
//! that is why a tie that is found has to hold almost exactly, with weights that were fitted on other batches, and is not
//! looked for among the tags that operators set.
//!
//! Weights and limits are those of the batches that agree about the tie ([`trimmed`]). A limit is wider where the tie is
//! less sure:
//!
//! - where the predictors are far from their means, as the error of a regression's prediction is ([`regression`]);
//! - where the tag itself is further from its mean than it ever was. The weights of instruments that err come out too
//!   small (regression dilution; Fuller, Measurement Error Models, 1987), so the tie falls behind a tag that moves
//!   far, by no more than the share of its variance that the tie leaves.

mod minutes;
mod regression;
mod search;
mod trimmed;

use super::screen::Screened;
use minutes::Minutes;
use regression::Leverage;
use search::Search;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trimmed::Trimmed;

/// Time constants of the smoothing of residuals, s, and of the baseline that they are held against.
pub(super) const QUICK_S: f64 = 180.0;
pub(super) const SLOW_S: f64 = 900.0;
pub(super) const BASELINE_S: f64 = 14_400.0;

/// Blocks that are needed at the least: a quarter of them is tried on, and one may be left out.
const LEAST_BLOCKS: usize = 4;

/// So many times as far from its mean as it ever was, a tag is where its ties may bend.
const FAR: f64 = 1.5;

/// Farther from its mean no value counts, in standard deviations: what stands for no number, as 3.4e38 does, would stay
/// in the smoothed values for a day.
const FARTHEST: f64 = 1000.0;

/// Minutes that are needed at the least for each tag of a tie.
const LEAST_MINUTES: usize = 40;

/// One tag, by others. Columns are the model's own, and all numbers are of standardised values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tie {
    /// The tag.
    pub(super) column: usize,
    /// Its mean in the batches that agree.
    mean: f64,
    terms: Vec<Term>,
    leverage: Leverage,
    /// The limits of the residual, smoothed quickly and slowly, where the predictors are at their means.
    pub(super) limits: [f64; 2],
    /// How far the tag ever was from its mean, smoothed quickly and slowly.
    reached: [f64; 2],
    /// The share of its variance that the tie leaves.
    unexplained: f64,
}

/// A predictor of a tie: its column, weight, and mean in the batches that agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Term {
    column: usize,
    weight: f64,
    mean: f64,
}

/// What a tie says of one row; NaN where a value is missing.
pub(super) struct Prediction {
    /// The tag's deviation from its mean.
    pub(super) deviation: f64,
    pub(super) residual: f64,
    /// How many times as wide the limits are with the predictors where they are.
    pub(super) error: f64,
}

impl Tie {
    /// What it says of these standardised values.
    pub(super) fn predict(&self, z: impl Fn(usize) -> f64) -> Prediction {
        let d: Vec<f64> = self.terms.iter().map(|term| z(term.column) - term.mean).collect();
        let predicted: f64 = self.terms.iter().zip(&d).map(|(term, d)| term.weight * d).sum();
        let deviation = z(self.column) - self.mean;
        let error = self.leverage.prediction_error(&d);
        Prediction { deviation, residual: deviation - predicted, error }
    }

    /// What is added to the limits with the tag itself at these deviations, smoothed quickly and slowly.
    pub(super) fn beyond_reached(&self, deviation: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|ix| self.unexplained * (deviation[ix].abs() - self.reached[ix]).max(0.0))
    }

    /// True if the tag was never near this deviation, smoothed quickly.
    pub(super) fn is_far(&self, deviation: f64) -> bool {
        deviation.abs() > FAR * self.reached[0]
    }

    /// What an error of one of this column makes of the residual. `None` if it has no part in the tie.
    pub(super) fn part_of(&self, column: usize) -> Option<f64> {
        if self.column == column {
            return Some(1.0);
        }
        self.terms.iter().find(|term| term.column == column).map(|term| -term.weight)
    }

    /// All columns that have a part in it.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.terms.iter().map(|term| term.column).chain([self.column])
    }

    fn new(column: usize, predictors: &[usize], fitted: Trimmed) -> Self {
        let Trimmed { regression, limits, reached, unexplained } = fitted;
        let means = regression.mean.iter().skip(1);
        let terms = predictors.iter().zip(&regression.weights).zip(means);
        Self {
            column,
            mean: regression.mean[0],
            terms: terms
                .map(|((column, weight), mean)| Term {
                    column: *column,
                    weight: *weight,
                    mean: *mean,
                })
                .collect(),
            leverage: regression.leverage,
            limits,
            reached,
            unexplained,
        }
    }

    fn is_sound(&self, columns: usize) -> bool {
        let numbers = self.terms.iter().flat_map(|term| [term.weight, term.mean]);
        self.columns().all(|column| column < columns)
            && numbers.chain([self.mean]).all(f64::is_finite)
            && self.leverage.is_sound(self.terms.len())
            && self.limits.iter().all(|limit| *limit > 0.0 && limit.is_finite())
            && self
                .reached
                .iter()
                .chain([&self.unexplained])
                .all(|most| *most >= 0.0 && most.is_finite())
    }
}

/// The ties of a line and grade; one for a column at most.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Ties {
    mean: Vec<f64>,
    sd: Vec<f64>,
    pub(super) all: Vec<Tie>,
}

impl Ties {
    /// Learns ties. `declared` names for a column those that it agrees with; of the columns in `set` no tie is
    /// looked for that is not declared.
    pub(super) fn fit(
        screened: &Screened,
        names: &[Arc<str>],
        frame_s: f64,
        declared: &BTreeMap<Arc<str>, Vec<Arc<str>>>,
        set: &BTreeSet<&str>,
    ) -> Self {
        let Some(minutes) = Minutes::of(screened, frame_s) else { return Self::default() };
        if minutes.blocks.len() < LEAST_BLOCKS {
            return Self::default();
        }
        let position =
            |name: &Arc<str>| screened.columns.iter().position(|column| names[*column] == *name);
        let search = Search::new(&minutes.blocks);
        let mut all = Vec::new();
        for column in 0..screened.columns.len() {
            let name = &names[screened.columns[column]];
            let predictors = match declared.get(name) {
                Some(others) => {
                    let others: Option<Vec<usize>> = others.iter().map(position).collect();
                    // A tie to a tag that does not vary, or is not there, cannot be tried.
                    let Some(others) = others else { continue };
                    others
                }
                None if set.contains(&**name) => continue,
                None => {
                    let may = |other: usize| !set.contains(&*names[screened.columns[other]]);
                    search.predictors_of(column, may)
                }
            };
            if predictors.is_empty()
                || predictors.contains(&column)
                || minutes.rows() < LEAST_MINUTES * (predictors.len() + 1)
            {
                continue;
            }
            let columns: Vec<usize> = [column].into_iter().chain(predictors.clone()).collect();
            let fitted = Trimmed::fit(&minutes.columns(&columns), minutes.seconds);
            all.extend(fitted.map(|fitted| Tie::new(column, &predictors, fitted)));
        }
        Self { mean: minutes.mean.to_vec(), sd: minutes.sd.to_vec(), all }
    }

    /// The standardised value of a column, by a row of values, within [`FARTHEST`]; NaN where there is none.
    pub(super) fn standardised(&self, row: &[f64], column: usize) -> f64 {
        let value = row.get(column).copied().filter(|value| value.is_finite());
        let z = |value: f64| (value - self.mean[column]) / self.sd[column];
        value.map_or(f64::NAN, |value| z(value).clamp(-FARTHEST, FARTHEST))
    }

    /// The columns that have a part in ties and none of their own.
    pub(super) fn untied(&self) -> BTreeSet<usize> {
        let own: BTreeSet<usize> = self.all.iter().map(|tie| tie.column).collect();
        self.all.iter().flat_map(Tie::columns).filter(|column| !own.contains(column)).collect()
    }

    /// The columns of the model that has these ties.
    pub(super) fn columns(&self) -> usize {
        self.mean.len()
    }

    /// True if the numbers fit to a model of so many columns.
    pub(super) fn are_sound(&self, columns: usize) -> bool {
        self.all.is_empty()
            || (self.mean.len() == columns
                && self.sd.len() == columns
                && self.mean.iter().all(|mean| mean.is_finite())
                && self.sd.iter().all(|sd| *sd > 0.0 && sd.is_finite())
                && self.all.iter().all(|tie| tie.is_sound(columns)))
    }
}

#[cfg(test)]
mod tests;
