//! Principal components of a correlation matrix, and the statistics of a row under them.
//!
//! Symbols as in the literature: z the standardised row, P the loadings (columns × components), λ the
//! eigenvalues, t = Pᵀz the scores, e = (I − PPᵀ)z the residual; T² = Σ t²/λ, SPE = ‖e‖².

use super::limits::{spe_limit_box, t2_limit_phase_one};
use super::screen::FitError;
use linfa_linalg::cholesky::SolveCInplace;
use linfa_linalg::eigh::{EigSort, Eigh};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// Draws of the parallel analysis; the greatest of 20 is about the 95th percentile.
const DRAWS: usize = 20;

/// Rows that the parallel analysis looks at, at most.
const PARALLEL_ROWS: usize = 4000;

/// A standardised value counts as no more than this.
const FARTHEST: f64 = 1000.0;

/// Passes of cleaning, the level at which a row is left out, and the share that may be in all.
const CLEAN_PASSES: usize = 3;
const CLEAN_ALPHA: f64 = 0.001;
const CLEAN_SHARE: f64 = 0.05;

/// An eigenvalue below this is rounding.
const LEAST_EIGENVALUE: f64 = 1e-9;

/// Standard deviations of the cube root above its mean.
const REACH: f64 = 2.0;

/// What SPE of the columns that are known is multiplied with at most: of columns that leave next to nothing, rounding
/// would be a fault.
const SPE_UP_MOST: f64 = 20.0;

/// What is added to the diagonal where a part of the correlation matrix is inverted.
const RIDGE: f64 = 1e-6;

/// A fitted set of components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pca {
    /// The means of the columns.
    pub(super) mean: Array1<f64>,
    /// Their standard deviations (N − 1), or what is taken for them where operators may move them by
    /// more than they did.
    pub(super) sd: Array1<f64>,
    /// The covariance of the standardised columns: the correlation matrix, but for columns that varied
    /// less than they may, which have less than one on the diagonal.
    pub(super) correlation: Array2<f64>,
    /// The loadings P, columns × components.
    pub(super) loadings: Array2<f64>,
    /// All eigenvalues, the greatest first.
    pub(super) eigenvalues: Vec<f64>,
    /// Rows fitted on.
    pub(super) rows: usize,
    /// What follows from the others.
    #[serde(skip)]
    over_means: OverMeans,
    /// How far SPE goes in control, which follows as well.
    #[serde(skip)]
    reach: f64,
}

/// One over the mean of each column's contribution in control; 0 where it contributes nothing.
#[derive(Debug, Clone, PartialEq, Default)]
struct OverMeans {
    t2: Array1<f64>,
    spe: Array1<f64>,
}

/// The statistics of one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statistics {
    pub(super) t2: f64,
    pub(super) spe: f64,
    /// The scores.
    pub(super) t: Array1<f64>,
    /// The residual; 0 where the row has no value.
    pub(super) e: Array1<f64>,
}

/// How many components to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Components {
    /// By parallel analysis with this seed.
    Parallel(u64),
    /// So many.
    Fixed(usize),
}

impl Pca {
    /// Fits on rows that are all finite; rows far outside the rest are left out, in at most three
    /// passes and 5 % in all.
    ///
    /// `least` is the least standard deviation of each column: one that varied less is scaled by it.
    pub(super) fn fit(
        rows: ArrayView2<'_, f64>,
        components: Components,
        least: ArrayView1<'_, f64>,
    ) -> Result<Self, FitError> {
        let mut kept: Vec<usize> = (0..rows.nrows()).collect();
        let keep = rows.nrows() - share(rows.nrows(), CLEAN_SHARE);
        let mut fitted = Self::fit_all(rows, components, least)?;
        for _ in 0..CLEAN_PASSES {
            let a = fitted.components();
            #[expect(clippy::cast_precision_loss, reason = "rows and components are few")]
            let t2_limit = t2_limit_phase_one(fitted.rows as f64, a as f64, CLEAN_ALPHA);
            let spe_limit =
                spe_limit_box(&fitted.eigenvalues[a..], CLEAN_ALPHA).max(LEAST_EIGENVALUE);
            let inside = |ix: &usize| {
                let s = fitted.statistics(rows.row(*ix));
                s.t2 <= t2_limit && s.spe <= spe_limit
            };
            let clean: Vec<usize> = kept.iter().copied().filter(inside).collect();
            if clean.len() == kept.len() || clean.len() < keep {
                break;
            }
            kept = clean;
            let remaining = rows.select(Axis(0), &kept);
            fitted = Self::fit_all(remaining.view(), components, least)?;
        }
        Ok(fitted)
    }

    #[expect(clippy::cast_precision_loss, reason = "rows and components are few")]
    fn fit_all(
        rows: ArrayView2<'_, f64>,
        components: Components,
        least: ArrayView1<'_, f64>,
    ) -> Result<Self, FitError> {
        let (n, p) = rows.dim();
        let mean = rows.mean_axis(Axis(0)).expect("screened tables have rows");
        // A column may stand still in a part of the rows; then it has no say there.
        let mut sd = rows.std_axis(Axis(0), 1.0).mapv(|sd| if sd > 0.0 { sd } else { 1.0 });
        sd.zip_mut_with(&least, |sd, least| *sd = sd.max(*least));
        let z = (&rows - &mean) / &sd;
        let correlation = z.t().dot(&z) / (n as f64 - 1.0);
        let (eigenvalues, vectors) = eigen(&correlation)?;
        let most = if p == 1 { 1 } else { p - 1 };
        let real = eigenvalues.iter().filter(|l| **l > LEAST_EIGENVALUE).count();
        let a = match components {
            Components::Fixed(a) => a,
            Components::Parallel(seed) => parallel_analysis(z.view(), &eigenvalues, seed)?,
        };
        let a = a.min(most).min(real).max(1);
        let mut loadings = vectors.select(Axis(1), &(0..a).collect::<Vec<_>>());
        // The sign of an eigenvector is free: the element of the greatest size is positive.
        for mut column in loadings.columns_mut() {
            let greatest =
                column.iter().copied().fold(0.0_f64, |m, v| if v.abs() > m.abs() { v } else { m });
            if greatest < 0.0 {
                column.mapv_inplace(|v| -v);
            }
        }
        let over_means = OverMeans::default();
        let (rows, reach) = (n, 0.0);
        let mut pca =
            Self { mean, sd, correlation, loadings, eigenvalues, rows, over_means, reach };
        pca.prepare();
        Ok(pca)
    }

    /// Makes what follows from its numbers, after they were read back.
    pub(super) fn prepare(&mut self) {
        let over = |mean: f64| if mean > LEAST_EIGENVALUE { 1.0 / mean } else { 0.0 };
        self.over_means = OverMeans {
            t2: self.loadings.map(|v| v * v).sum_axis(Axis(1)).mapv_into(over),
            // A column that may vary more than it did: what it may counts as its mean.
            spe: (self.residual_variances() + self.may_vary()).mapv_into(over),
        };
        let all: Vec<usize> = (0..self.mean.len()).collect();
        let explained = (&self.loadings * &self.theta()).dot(&self.loadings.t());
        self.reach = self.reach(&all, &self.correlation - &explained);
    }

    /// Θ, the variances of the scores.
    fn theta(&self) -> Array1<f64> {
        Array1::from_iter(self.eigenvalues[..self.components()].iter().copied())
    }

    /// How far the squared length of a residual of these columns with this covariance goes in control: about g χ²ₕ
    /// with g = θ₂/θ₁ and h = θ₁²/θ₂ (Box 1954), of which a quantile of the cube root, which is about normal (Wilson and
    /// Hilferty 1931). What is judged is smoothed, so not the far tail: this far it goes once in 40 times.
    fn reach(&self, columns: &[usize], mut covariance: Array2<f64>) -> f64 {
        let may_vary = self.may_vary();
        for (ix, column) in columns.iter().enumerate() {
            covariance[[ix, ix]] += may_vary[*column];
        }
        let first = covariance.diag().sum();
        let second = covariance.mapv(|v| v * v).sum();
        if first <= LEAST_EIGENVALUE {
            return 0.0;
        }
        let spread = 2.0 / 9.0 * second / (first * first);
        first * (1.0 - spread + REACH * spread.sqrt()).powi(3)
    }

    /// The number of components.
    pub(super) fn components(&self) -> usize {
        self.loadings.ncols()
    }

    /// The share of the variance that the components explain. Where a column may vary more than it did, the variance of
    /// all is less than their number.
    pub(super) fn explained(&self) -> f64 {
        self.eigenvalues[..self.components()].iter().sum::<f64>()
            / self.eigenvalues.iter().sum::<f64>()
    }

    pub(super) fn standardise(&self, row: ArrayView1<'_, f64>) -> Array1<f64> {
        let z = (&row - &self.mean) / &self.sd;
        z.mapv_into(|z| z.clamp(-FARTHEST, FARTHEST))
    }

    /// The statistics of a whole row.
    pub(super) fn statistics(&self, row: ArrayView1<'_, f64>) -> Statistics {
        let z = self.standardise(row);
        let t = self.loadings.t().dot(&z);
        let e = &z - &self.loadings.dot(&t);
        self.of_scores(t, e)
    }

    /// The statistics of a row with holes (NaN), by known-data regression: t̂ = Θ P*ᵀ S*⁻¹ z*, where
    /// the star marks the columns that are there and S* is their correlation matrix (domain of
    /// Arteaga and Ferrer 2002). SPE runs over the columns that are there, as much larger as it goes less far
    /// without the others.
    pub(super) fn statistics_with_holes(
        &self,
        row: ArrayView1<'_, f64>,
        gain: &Gain,
    ) -> Statistics {
        let z = self.standardise(row);
        let known = Array1::from_iter(gain.known.iter().map(|ix| z[*ix]));
        let t = gain.matrix.dot(&known);
        let model = self.loadings.dot(&t);
        let mut e = Array1::zeros(z.len());
        for ix in &gain.known {
            e[*ix] = z[*ix] - model[*ix];
        }
        let mut statistics = self.of_scores(t, e);
        statistics.spe *= gain.spe;
        statistics
    }

    /// The standardised row; where it has a hole, what the model takes the column for.
    pub(super) fn filled(&self, row: ArrayView1<'_, f64>, statistics: &Statistics) -> Array1<f64> {
        let mut z = self.standardise(row);
        if z.iter().all(|z| z.is_finite()) {
            return z;
        }
        let model = self.loadings.dot(&statistics.t);
        z.zip_mut_with(&model, |z, model| *z = if z.is_finite() { *z } else { *model });
        z
    }

    /// What turns the known columns of a row into its scores. `None` if nothing is known.
    pub(super) fn gain(&self, known: Vec<usize>) -> Option<Gain> {
        let mut s = self.correlation.select(Axis(0), &known).select(Axis(1), &known);
        s.diag_mut().mapv_inplace(|d| d + RIDGE);
        // S* X = P*, then the gain is Θ Xᵀ.
        let p = self.loadings.select(Axis(0), &known);
        let x = s.clone().solvec_into(p.clone()).ok()?;
        let theta = self.theta();
        let matrix = (&x * &theta).reversed_axes().as_standard_layout().to_owned();
        // The covariance of the residual, (I − P*G) S* (I − P*G)ᵀ with the gain G, for which G S* = Θ P*ᵀ.
        let scores = &p * &theta;
        let told = scores.dot(&(p.t().dot(&x) * &theta - Array2::<f64>::eye(theta.len()) * 2.0));
        let reach = self.reach(&known, s + told.dot(&p.t()));
        let spe = if reach > 0.0 { (self.reach / reach).min(SPE_UP_MOST) } else { 1.0 };
        let weights = self.loadings.map(|v| v * v).sum_axis(Axis(1));
        let coverage = known.iter().map(|ix| weights[*ix]).sum::<f64>() / weights.sum();
        Some(Gain { known, matrix, coverage, spe })
    }

    fn of_scores(&self, t: Array1<f64>, e: Array1<f64>) -> Statistics {
        let t2 = t.iter().zip(&self.eigenvalues).map(|(t, l)| t * t / l).sum();
        let spe = e.iter().map(|e| e * e).sum();
        Statistics { t2, spe, t, e }
    }

    /// The contribution of each column to SPE, e², over its mean in control, (C̃RC̃)ᵢᵢ: the same as the
    /// reconstruction-based one over its mean, since C̃ᵢᵢ falls out (Alcala and Qin 2009).
    pub(super) fn spe_parts(&self, statistics: &Statistics) -> Array1<f64> {
        let mut parts = statistics.e.mapv(|e| e * e);
        parts *= &self.over_means.spe;
        parts
    }

    /// The contribution of each column to T² by complete decomposition, (ξᵢᵀ D½ z)² with
    /// D½ = P Λ^−½ Pᵀ, over its mean in control, (PPᵀ)ᵢᵢ. The reconstruction-based one is of no use for
    /// T²: with one component it is the same for every column.
    ///
    /// With one component this one over its mean is the same as well. Then it is by partial decomposition,
    /// zᵢ (Dz)ᵢ with D = P Λ⁻¹ Pᵀ, which tells the columns that drive the score; its mean in control is (PPᵀ)ᵢᵢ too.
    pub(super) fn t2_parts(&self, statistics: &Statistics) -> Array1<f64> {
        let scores = statistics.t.iter().zip(&self.eigenvalues);
        let mut parts = if self.components() == 1 {
            let scaled = Array1::from_iter(scores.map(|(t, l)| t / l));
            let z = &statistics.e + &self.loadings.dot(&statistics.t);
            self.loadings.dot(&scaled) * z
        } else {
            let scaled = Array1::from_iter(scores.map(|(t, l)| t / l.sqrt()));
            self.loadings.dot(&scaled).mapv_into(|part| part * part)
        };
        parts *= &self.over_means.t2;
        parts
    }

    /// The variance by which each column may vary beyond what it did.
    pub(super) fn may_vary(&self) -> Array1<f64> {
        self.correlation.diag().mapv(|r| (1.0 - r).max(0.0))
    }

    /// (C̃RC̃)ᵢᵢ = Rᵢᵢ − Σ λₖ pᵢₖ²: what the components leave of each column's variance.
    fn residual_variances(&self) -> Array1<f64> {
        let explained = (&self.loadings.map(|v| v * v) * &self.theta()).sum_axis(Axis(1));
        (&self.correlation.diag() - &explained).mapv(|v| v.max(0.0))
    }
}

/// What turns the known columns of a row into its scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gain {
    pub(super) known: Vec<usize>,
    matrix: Array2<f64>,
    /// The share of the loadings' weight that is known, 0–1.
    pub(super) coverage: f64,
    /// What SPE of the columns that are known is multiplied with.
    spe: f64,
}

/// The eigenvalues of a symmetric matrix, greatest first and not below zero, and their vectors.
pub(super) fn eigen(correlation: &Array2<f64>) -> Result<(Vec<f64>, Array2<f64>), FitError> {
    let p = correlation.nrows();
    let failed = |_| FitError::NotConverged(p);
    let (values, vectors) = correlation.eigh().map_err(failed)?.sort_eig_desc();
    if values.iter().chain(&vectors).any(|v| !v.is_finite()) {
        return Err(FitError::NotConverged(p));
    }
    Ok((values.iter().map(|l| l.max(0.0)).collect(), vectors))
}

/// The number of eigenvalues above those of data without correlation between columns (Horn's
/// parallel analysis). The columns are shifted in time against each other, round the end: that
/// keeps each one's autocorrelation, which independent random numbers would not.
fn parallel_analysis(
    z: ArrayView2<'_, f64>,
    eigenvalues: &[f64],
    seed: u64,
) -> Result<usize, FitError> {
    let (n, p) = z.dim();
    let stride = n.div_ceil(PARALLEL_ROWS);
    let thin: Vec<usize> = (0..n).step_by(stride).collect();
    let n = thin.len();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut greatest = vec![0.0_f64; p];
    for _ in 0..DRAWS {
        let mut shifted = Array2::zeros((n, p));
        for column in 0..p {
            let shift = usize::try_from(rng.next_u64() % (n as u64)).expect("it is below a usize");
            for (ix, row) in thin.iter().enumerate() {
                shifted[[(ix + shift) % n, column]] = z[[*row, column]];
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "rows are few")]
        let correlation = shifted.t().dot(&shifted) / (n as f64 - 1.0);
        let (values, _) = eigen(&correlation)?;
        for (most, value) in greatest.iter_mut().zip(values) {
            *most = most.max(value);
        }
    }
    Ok(eigenvalues.iter().zip(greatest).take_while(|(value, chance)| *value > chance).count())
}

/// A share of a count, rounded down.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count of rows"
)]
fn share(n: usize, share: f64) -> usize {
    (n as f64 * share) as usize
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests {
    use super::super::calibrate::count;
    use super::super::limits::t2_limit_phase_two;
    use super::*;

    /// No column has a least deviation.
    fn none(columns: usize) -> Array1<f64> {
        Array1::zeros(columns)
    }
    use ndarray::{arr1, arr2};

    /// The worked example: eight rows of three columns.
    fn example() -> Array2<f64> {
        arr2(&[
            [2.0, 1.9, 3.1],
            [2.2, 2.1, 2.9],
            [1.8, 1.7, 3.2],
            [2.5, 2.4, 2.7],
            [2.1, 2.2, 3.0],
            [1.9, 1.8, 3.3],
            [2.4, 2.3, 2.6],
            [2.3, 2.2, 2.8],
        ])
    }

    /// The oracle prints six decimals.
    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!(
            (value - expected).abs() < 2e-6 * expected.abs().max(1.0),
            "{value} is not {expected}"
        );
    }

    #[test]
    fn worked_example_agrees() {
        let pca =
            Pca::fit_all(example().view(), Components::Fixed(1), none(example().ncols()).view())
                .unwrap();
        for (value, expected) in pca.eigenvalues.iter().zip([2.882_825, 0.087_840, 0.029_334]) {
            near(*value, expected);
        }
        for (value, expected) in
            pca.loadings.column(0).iter().zip([0.583_188, 0.575_121, -0.573_696])
        {
            near(*value, expected);
        }
        let statistics = pca.statistics(arr1(&[2.6, 2.0, 3.0]).view());
        near(statistics.t[0], 0.781_248);
        near(statistics.t2, 0.211_719);
        near(statistics.spe, 2.896_837);
        near(t2_limit_phase_two(8.0, 1.0, 0.01), 13.777_156);
        for (e, expected) in statistics.e.iter().zip([1.381_503, -0.750_173, 0.652_323]) {
            near(*e, expected);
        }
    }

    #[test]
    fn contributions_are_those_of_the_worked_example_over_their_means() {
        let example = example();
        let fitted = |components| {
            let least = none(example.ncols());
            Pca::fit_all(example.view(), Components::Fixed(components), least.view()).unwrap()
        };
        let row = arr1(&[2.6, 2.0, 3.0]);
        let one = fitted(1);
        let statistics = one.statistics(row.view());
        let means = one.residual_variances();
        let spe = [1.908_551, 0.562_760, 0.425_525];
        for ((part, mean), expected) in one.spe_parts(&statistics).iter().zip(&means).zip(spe) {
            near(part * mean, expected);
        }
        // The complete decomposition of T² is 0.072007, 0.070029 and 0.069682 here, whichever column is off: it
        // says nothing. By the partial one the first column drives the score.
        let parts = one.t2_parts(&statistics);
        let within = one.loadings.map(|v| v * v).sum_axis(Axis(1));
        near((&parts * &within).sum(), statistics.t2);
        assert!(parts[0] > 5.0 * parts[1].abs().max(parts[2].abs()), "{parts}");
        // With two components it is the complete one, which sums to T².
        let two = fitted(2);
        let statistics = two.statistics(row.view());
        let within = two.loadings.map(|v| v * v).sum_axis(Axis(1));
        let parts = two.t2_parts(&statistics) * within;
        near(parts.sum(), statistics.t2);
        assert!(parts.iter().all(|part| *part >= 0.0));
    }

    #[test]
    fn missing_column_is_regressed_from_the_known_ones() {
        let pca =
            Pca::fit_all(example().view(), Components::Fixed(1), none(example().ncols()).view())
                .unwrap();
        let gain = pca.gain(vec![0, 2]).unwrap();
        let statistics = pca.statistics_with_holes(arr1(&[2.6, f64::NAN, 3.0]).view(), &gain);
        // The oracle has no ridge.
        assert!((statistics.t[0] - 1.981_214).abs() < 1e-4, "{}", statistics.t[0]);
        assert!((statistics.e[1]).abs() < 1e-15);
    }

    #[test]
    fn spe_goes_as_far_without_the_column_that_carries_most_of_it() {
        // Two columns that go together, two others that do, and one that nothing tells.
        let wave = |n: usize, period: f64| libm::sin(std::f64::consts::TAU * count(n) / period);
        let rows = Array2::from_shape_fn((1000, 5), |(n, column)| match column {
            0 | 1 => wave(n, 97.0) + 0.1 * wave(n * (column + 7), 13.1),
            2 | 3 => wave(n, 31.0) + 0.1 * wave(n * (column + 7), 17.3),
            _ => wave(n, 7.3),
        });
        let pca = Pca::fit_all(rows.view(), Components::Fixed(2), none(5).view()).unwrap();
        let greatest = |known: &[usize]| {
            let gain = pca.gain(known.to_vec()).unwrap();
            let spe = rows.rows().into_iter().map(|row| match known.len() {
                5 => pca.statistics(row).spe,
                _ => pca.statistics_with_holes(row, &gain).spe,
            });
            spe.fold(0.0, f64::max)
        };
        let whole = greatest(&[0, 1, 2, 3, 4]);
        for known in [&[0, 1, 2, 3][..], &[0, 1, 2, 4], &[1, 2, 3, 4]] {
            let ratio = greatest(known) / whole;
            assert!((0.5..2.0).contains(&ratio), "{known:?}: {ratio}");
        }
    }

    #[test]
    fn identities_hold() {
        let rows = example();
        let pca =
            Pca::fit_all(rows.view(), Components::Fixed(2), none(rows.ncols()).view()).unwrap();
        let row = arr1(&[2.6, 2.0, 3.0]);
        let statistics = pca.statistics(row.view());
        // Another unit of measure changes nothing.
        let scaled = &rows * &arr1(&[1000.0, 1.0, 0.01]);
        let other =
            Pca::fit_all(scaled.view(), Components::Fixed(2), none(scaled.ncols()).view()).unwrap();
        let in_other = other.statistics((&row * &arr1(&[1000.0, 1.0, 0.01])).view());
        near(in_other.t2, statistics.t2);
        near(in_other.spe, statistics.spe);
        // A row in the plane of the components has no residual.
        let plane = &pca.mean + &(&pca.loadings.dot(&arr1(&[1.3, -0.4])) * &pca.sd);
        assert!(pca.statistics(plane.view()).spe < 1e-20);
        // Twice the deviation is four times the statistics.
        let twice = &pca.mean + &((&row - &pca.mean) * 2.0);
        let doubled = pca.statistics(twice.view());
        near(doubled.t2, 4.0 * statistics.t2);
        near(doubled.spe, 4.0 * statistics.spe);
        // The contributions of the training rows average to one.
        let parts: Vec<Array1<f64>> =
            rows.rows().into_iter().map(|row| pca.spe_parts(&pca.statistics(row))).collect();
        let mean = parts.iter().map(|p| p[0]).sum::<f64>() / 7.0;
        near(mean, 1.0);
    }

    #[test]
    fn columns_that_repeat_each_other_do_no_harm() {
        let rows = Array2::from_shape_fn((200, 4), |(ix, column)| {
            #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
            let x = ((ix * 37) % 101) as f64;
            if column < 2 { x } else { x * 2.0 + 1.0 }
        });
        let pca =
            Pca::fit(rows.view(), Components::Parallel(1), none(rows.ncols()).view()).unwrap();
        assert_eq!(pca.components(), 1);
        assert!(pca.statistics(rows.row(3)).spe < 1e-9);
    }

    #[test]
    fn a_column_that_may_move_further_than_it_did_weighs_by_what_it_may() {
        let rows = example();
        let free = Pca::fit_all(rows.view(), Components::Fixed(1), none(rows.ncols()).view());
        let mut least = none(rows.ncols());
        least[0] = 10.0 * free.as_ref().unwrap().sd[0];
        let wide = Pca::fit_all(rows.view(), Components::Fixed(1), least.view()).unwrap();
        let free = free.unwrap();
        assert!((wide.sd[0] - 10.0 * free.sd[0]).abs() < 1e-12);
        assert!((wide.correlation[[0, 0]] - 0.01).abs() < 1e-9);
        let mut moved = free.mean.clone();
        moved[0] += 5.0 * free.sd[0];
        // Five of its own deviations are half of one that it may have.
        assert!(free.statistics(moved.view()).spe > 2.0);
        let statistics = wide.statistics(moved.view());
        assert!(statistics.spe < 0.3, "{}", statistics.spe);
        assert!(wide.spe_parts(&statistics)[0] < 0.3);
    }
}
