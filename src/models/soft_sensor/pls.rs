//! Partial least squares of one property on the columns of a row, for every number of components at once.
//!
//! NIPALS for one y (Wold, Sjöström and Eriksson 2001): for each component w = Xᵀy/‖Xᵀy‖, t = Xw, p = Xᵀt/tᵀt,
//! q = yᵀt/tᵀt, then X and y less what t explains. With R = W(PᵀW)⁻¹ scores are t = Rᵀz and the coefficients of the
//! first a components b = Σ rq, so that one fit gives all of them; `linfa-pls` fits one number of components at a
//! time, and what validates in time order asks for all of them some twenty times.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use serde::{Deserialize, Serialize};

/// What is left of the covariance with y, as a share of what there was, is rounding.
const ROUNDING: f64 = 1e-10;

/// Components of rows z on a property y, both with mean 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pls {
    /// W, the weights, columns × components, each of length 1.
    weights: Array2<f64>,
    /// P, the loadings, columns × components.
    loadings: Array2<f64>,
    /// R, what turns a row into its scores, columns × components.
    rotations: Array2<f64>,
    /// q, the loading of the property on each component.
    of_property: Array1<f64>,
    /// tᵀt of each component.
    squares: Array1<f64>,
}

impl Pls {
    /// Fits at most so many components: fewer where nothing is left that goes with the property.
    /// `z` is rows × columns and `y` as long as it has rows; the columns and `y` have the mean 0.
    pub(super) fn fit(z: ArrayView2<'_, f64>, y: ArrayView1<'_, f64>, most: usize) -> Self {
        let columns = z.ncols();
        let most = most.min(columns).min(z.nrows().saturating_sub(1));
        let (mut x, mut y) = (z.to_owned(), y.to_owned());
        let (mut weights, mut loadings) =
            (Array2::zeros((columns, most)), Array2::zeros((columns, most)));
        let mut rotations = Array2::zeros((columns, most));
        let (mut of_property, mut squares) = (Array1::zeros(most), Array1::zeros(most));
        let (mut found, mut first) = (0, None);
        while found < most {
            let mut weight = x.t().dot(&y);
            let length = weight.dot(&weight).sqrt();
            if length <= ROUNDING * *first.get_or_insert(length) {
                break;
            }
            weight /= length;
            let score = x.dot(&weight);
            let square = score.dot(&score);
            let loading = x.t().dot(&score) / square;
            let share = y.dot(&score) / square;
            for (mut row, t) in x.rows_mut().into_iter().zip(&score) {
                row.scaled_add(-t, &loading);
            }
            y.scaled_add(-share, &score);
            // Column by column R = W(PᵀW)⁻¹: PᵀW is upper bidiagonal, so r is w less what the components before it
            // take of it.
            let mut rotation = weight.clone();
            for before in 0..found {
                let taken = loadings.column(before).dot(&weight);
                rotation.scaled_add(-taken, &rotations.column(before));
            }
            weights.column_mut(found).assign(&weight);
            loadings.column_mut(found).assign(&loading);
            rotations.column_mut(found).assign(&rotation);
            (of_property[found], squares[found]) = (share, square);
            found += 1;
        }
        Self { weights, loadings, rotations, of_property, squares }.first(found)
    }

    /// The number of components.
    pub(super) fn components(&self) -> usize {
        self.squares.len()
    }

    /// The first components alone.
    pub(super) fn first(&self, components: usize) -> Self {
        let columns =
            |matrix: &Array2<f64>| matrix.slice_axis(Axis(1), Slice::from(..components)).to_owned();
        let entries =
            |vector: &Array1<f64>| vector.slice_axis(Axis(0), Slice::from(..components)).to_owned();
        Self {
            weights: columns(&self.weights),
            loadings: columns(&self.loadings),
            rotations: columns(&self.rotations),
            of_property: entries(&self.of_property),
            squares: entries(&self.squares),
        }
    }

    /// b, what a standardised column adds to the property for each of its deviations.
    pub(super) fn coefficients(&self) -> Array1<f64> {
        self.rotations.dot(&self.of_property)
    }

    /// t = Rᵀz.
    pub(super) fn scores(&self, z: ArrayView1<'_, f64>) -> Array1<f64> {
        self.rotations.t().dot(&z)
    }

    /// What the property is by some scores.
    pub(super) fn predict(&self, scores: &Array1<f64>) -> f64 {
        self.of_property.dot(scores)
    }

    /// tᵀ(TᵀT)⁻¹t, how far out scores are among those fitted on (times rows − 1 it is T²).
    pub(super) fn leverage(&self, scores: &Array1<f64>) -> f64 {
        scores.iter().zip(&self.squares).map(|(t, square)| t * t / square).sum()
    }

    /// ‖z − Pt‖², how far a row is from what its scores tell of it.
    pub(super) fn spe(&self, z: ArrayView1<'_, f64>, scores: &Array1<f64>) -> f64 {
        let left = &z - &self.loadings.dot(scores);
        left.dot(&left)
    }

    /// Both of a row: how far out it is, and how far from what goes together.
    pub(super) fn distances(&self, z: ArrayView1<'_, f64>) -> (f64, f64) {
        let scores = self.scores(z);
        (self.leverage(&scores), self.spe(z, &scores))
    }

    /// The importance of each column in the projection: the root of the number of columns times the mean of its
    /// squared weights, each weighed by what its component explains of the property. Their squares have the mean 1; where
    /// nothing is explained, all are 0.
    #[expect(clippy::cast_precision_loss, reason = "columns are few")]
    pub(super) fn importance(&self) -> Array1<f64> {
        let explained = &self.of_property * &self.of_property * &self.squares;
        let columns = self.weights.nrows() as f64;
        let squared = self.weights.mapv(|weight| weight * weight);
        let all = explained.sum();
        if all > 0.0 {
            (squared.dot(&explained) * (columns / all)).mapv(f64::sqrt)
        } else {
            Array1::zeros(self.weights.nrows())
        }
    }
}
