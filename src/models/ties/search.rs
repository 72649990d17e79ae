//! Ties that nobody declared: predictors by forward selection, scored on batches that the weights were not fitted on.
//!
//! The score chooses the predictors too, so it flatters; what is asked of it is so much that this does no harm.

use super::minutes::stack;
use super::regression::Moments;
use ndarray::Array2;

/// The share of a tag's squares about the fitted mean, in batches not fitted on, that a tie has to explain to be found.
const UNMISTAKABLE: f64 = 0.95;

/// Predictors in a tie that is found, at most.
const PREDICTORS: usize = 3;

/// The next predictor has to take away so much of what is left.
const LEAST_GAIN: f64 = 0.2;

/// For each trial the moments of what was fitted on, and the squares and products of what it is tried on, about the means
/// of the former.
pub(super) struct Search(Vec<(Moments, Array2<f64>)>);

impl Search {
    /// Two trials, each on later blocks than it is fitted on: the first half and the quarter after it, three quarters and
    /// the last.
    pub(super) fn new(blocks: &[Array2<f64>]) -> Self {
        let n = blocks.len();
        let trial = |(end, tried): (usize, usize)| {
            let moments = Moments::of(&blocks[..end])?;
            let rows = stack(&blocks[end..tried])? - &moments.mean;
            Some((moments, rows.t().dot(&rows)))
        };
        Self([(n / 2, n * 3 / 4), (n * 3 / 4, n)].into_iter().filter_map(trial).collect())
    }

    /// The predictors that tie a column unmistakably; none where nothing does.
    pub(super) fn predictors_of(&self, column: usize, may: impl Fn(usize) -> bool) -> Vec<usize> {
        let Some((_, first)) = self.0.first() else { return Vec::new() };
        let mut predictors: Vec<usize> = Vec::new();
        let mut left = 1.0;
        while predictors.len() < PREDICTORS {
            let candidates = (0..first.nrows())
                .filter(|ix| *ix != column && !predictors.contains(ix) && may(*ix))
                .filter_map(|ix| {
                    let with: Vec<usize> = predictors.iter().copied().chain([ix]).collect();
                    Some((self.unexplained(column, &with)?, ix))
                });
            let Some((best, ix)) = candidates.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if best > (1.0 - LEAST_GAIN) * left {
                break;
            }
            left = best;
            predictors.push(ix);
        }
        if left <= 1.0 - UNMISTAKABLE { predictors } else { Vec::new() }
    }

    /// The share of the column's squares that these leave, in the worse trial.
    fn unexplained(&self, column: usize, predictors: &[usize]) -> Option<f64> {
        let mut worst = 0.0_f64;
        for (moments, squares) in &self.0 {
            let weights = moments.weights(column, predictors)?;
            let mut left = squares[[column, column]];
            for (i, wi) in predictors.iter().zip(&weights) {
                left -= 2.0 * wi * squares[[*i, column]];
                for (j, wj) in predictors.iter().zip(&weights) {
                    left += wi * wj * squares[[*i, *j]];
                }
            }
            worst = worst.max(left / squares[[column, column]].max(f64::MIN_POSITIVE));
        }
        Some(worst)
    }
}
