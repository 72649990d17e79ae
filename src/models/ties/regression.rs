//! Ridge regression of one column by others, and how far its prediction errs away from where it was fitted.
//!
//! With S the covariance of the predictors and s theirs with the tag, the weights are w = (S + λ diag S)⁻¹ s (Hoerl and
//! Kennard 1970). The prediction of a new row errs with the variance σ²(1 + 1/n + dᵀS⁻¹d / n), d being the predictors'
//! deviations from their means and n the number of observations (Draper and Smith, Applied Regression Analysis, 3rd ed.,
//! 1998, 5.2). What stands behind the 1/n is the leverage here. The 1/n itself is the same everywhere, and in the limits
//! already. Observations are batches and not minutes: minutes follow each other.

use super::minutes::stack;
use linfa_linalg::cholesky::SolveC;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

/// λ, in variances of each column: enough where columns repeat each other, and far below what two speeds that move
/// together leave to the draw between them. In those of the batches at hand: one in another unit may be a million times
/// as wide as all others.
const RIDGE: f64 = 1e-6;

/// The variance of a column that stands still in them, in its variance over all minutes: where it moves nothing is known.
const STILL: f64 = 1e-12;

/// The quadratic form of the leverage: S⁻¹ / n, row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Leverage(Vec<f64>);

impl Leverage {
    /// √(1 + leverage) at these deviations of the predictors: how many times as far as in the middle of what was fitted
    /// on a prediction may err.
    pub(super) fn prediction_error(&self, d: &[f64]) -> f64 {
        let row = |row: &[f64]| -> f64 { row.iter().zip(d).map(|(s, d)| s * d).sum() };
        let leverage: f64 = self.0.chunks(d.len().max(1)).zip(d).map(|(s, d)| d * row(s)).sum();
        // Rounding may leave a little less than zero.
        (1.0 + leverage.max(0.0)).sqrt()
    }

    /// True if it is of so many predictors.
    pub(super) fn is_sound(&self, predictors: usize) -> bool {
        self.0.len() == predictors * predictors && self.0.iter().all(|v| v.is_finite())
    }
}

/// Means, and covariances with the ridge on the diagonal.
pub(super) struct Moments {
    pub(super) mean: Array1<f64>,
    pub(super) covariance: Array2<f64>,
}

impl Moments {
    /// Of the rows of all blocks. `None` if there are none.
    pub(super) fn of(blocks: &[Array2<f64>]) -> Option<Self> {
        let rows = stack(blocks)?;
        let mean = rows.mean_axis(Axis(0))?;
        let centred = &rows - &mean;
        #[expect(clippy::cast_precision_loss, reason = "rows are few")]
        let mut covariance = centred.t().dot(&centred) / (rows.nrows() as f64);
        covariance.diag_mut().mapv_inplace(|d| d * (1.0 + RIDGE) + STILL);
        Some(Self { mean, covariance })
    }

    /// The weights by which a column is predicted from others. `None` if there is no finite answer.
    pub(super) fn weights(&self, column: usize, predictors: &[usize]) -> Option<Vec<f64>> {
        let rows = self.covariance.select(Axis(0), predictors);
        let weights = solve(&rows.select(Axis(1), predictors), &rows.select(Axis(1), &[column]))?;
        Some(weights.into_iter().collect())
    }

    /// The inverse of the covariances of some columns. `None` if there is no finite answer.
    fn inverse(&self, columns: &[usize]) -> Option<Array2<f64>> {
        let part = self.covariance.select(Axis(0), columns).select(Axis(1), columns);
        solve(&part, &Array2::eye(columns.len()))
    }
}

/// A regression of the first column by all others.
pub(super) struct Regression {
    /// The means of all columns.
    pub(super) mean: Array1<f64>,
    /// The weights of the others.
    pub(super) weights: Vec<f64>,
    pub(super) leverage: Leverage,
}

impl Regression {
    /// By the covariances of some blocks, about these means. `None` if there is no finite answer.
    pub(super) fn new(mean: Array1<f64>, moments: &Moments, blocks: usize) -> Option<Self> {
        let predictors: Vec<usize> = (1..mean.len()).collect();
        let weights = moments.weights(0, &predictors)?;
        let inverse = moments.inverse(&predictors)?;
        #[expect(clippy::cast_precision_loss, reason = "blocks are few")]
        let leverage = inverse.iter().map(|v| v / blocks as f64).collect();
        Some(Self { mean, weights, leverage: Leverage(leverage) })
    }

    /// The residual of a row, and [`Leverage::prediction_error`] there.
    pub(super) fn residual(&self, row: ArrayView1<'_, f64>) -> (f64, f64) {
        let d: Vec<f64> = row.iter().zip(&self.mean).skip(1).map(|(v, mean)| v - mean).collect();
        let predicted: f64 = d.iter().zip(&self.weights).map(|(d, w)| w * d).sum();
        (self.deviation(row) - predicted, self.leverage.prediction_error(&d))
    }

    /// How far the first column is from its mean.
    pub(super) fn deviation(&self, row: ArrayView1<'_, f64>) -> f64 {
        row[0] - self.mean[0]
    }
}

/// Solves S X = R by Cholesky's decomposition. `None` where S is not positive definite, or X is not finite.
fn solve(s: &Array2<f64>, right: &Array2<f64>) -> Option<Array2<f64>> {
    let solved = s.to_owned().solvec(right).ok()?;
    solved.iter().all(|v| v.is_finite()).then_some(solved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn weights_and_leverage_are_those_of_the_worked_example() {
        // y = 2a − b, and a, b with the covariances [[2, 1], [1, 3]], det 5.
        let covariance = arr2(&[[7.0, 3.0, -1.0], [3.0, 2.0, 1.0], [-1.0, 1.0, 3.0]]);
        let moments = Moments { mean: Array1::zeros(3), covariance };
        let fitted = Regression::new(arr1(&[10.0, 1.0, 2.0]), &moments, 4).unwrap();
        assert!((fitted.weights[0] - 2.0).abs() < 1e-12, "{:?}", fitted.weights);
        assert!((fitted.weights[1] + 1.0).abs() < 1e-12, "{:?}", fitted.weights);
        // d = (1, 1): dᵀS⁻¹d = (3 − 1 − 1 + 2) / 5, of four batches.
        let (residual, error) = fitted.residual(arr1(&[12.5, 2.0, 3.0]).view());
        assert!((residual - 1.5).abs() < 1e-12, "{residual}");
        assert!((error - (1.0_f64 + 0.6 / 4.0).sqrt()).abs() < 1e-12, "{error}");
    }

    #[test]
    fn columns_that_repeat_each_other_have_finite_weights_and_others_have_none() {
        let rows = Array2::from_shape_fn((40, 3), |(ix, _)| f64::from(u8::try_from(ix).unwrap()));
        let moments = Moments::of(&[rows]).unwrap();
        let weights = moments.weights(0, &[1, 2]).unwrap();
        assert!((weights[0] - 0.5).abs() < 1e-3 && (weights[1] - 0.5).abs() < 1e-3, "{weights:?}");
        let singular = Moments { mean: Array1::zeros(2), covariance: Array2::zeros((2, 2)) };
        assert_eq!(singular.weights(0, &[1]), None);
        assert!(Moments::of(&[]).is_none());
    }
}
