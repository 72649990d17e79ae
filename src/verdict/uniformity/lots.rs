//! Which lots of raw material make batches other than the rest do.
//!
//! A mixed model: a figure of a batch is the mean of all, what each lot adds times its share of the batch's mass, what
//! drifts with time, and the rest:
//!
//! y = μ + Σ s u + d + e, with u ~ N(0, λᵤσ²), d ~ N(0, λ_d σ² exp(−|t − t′| / τ)), e ~ N(0, σ²)
//!
//! Lots are used up one after the other, so whatever drifts looks as if a lot did it. With the drift in the model a lot counts
//! by how batches change where it begins and ends, and a lot that can hardly be told from its time has a wide interval.
//!
//! λᵤ, λ_d and τ are those of a grid. The *effect* is the shrunken one (the best linear unbiased prediction), averaged over the
//! grid by the restricted likelihood, with the interval of that average; so it is not surer than the data are of the variances.
//! What *accuses* a lot is a test where the restricted likelihood is greatest, of this lot as a fixed effect among the
//! others as random ones.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::sync::Arc;

/// What a grid has of λᵤ, λ_d, and τ in times from batch to batch.
const OF_LOTS: [f64; 7] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
const OF_DRIFT: [f64; 3] = [0.25, 1.0, 4.0];
const LASTS: [f64; 3] = [3.0, 10.0, 30.0];

/// Of so many batches of a lot at least it is said that it differs.
const BATCHES_LEAST: usize = 3;

/// A batch counts as one of a lot from this share of its mass on.
pub(super) const SHARE_LEAST: f64 = 0.1;

/// Fewer batches tell nothing of lots.
const ALL_LEAST: usize = 8;

/// With drift, a lot's effect is known by so much less that much of it may be drift: the ratio of variances.
const CONFOUNDED: f64 = 3.0;

/// A lot is accused below this chance: less than one in twenty, for that the variances are estimated makes chances too small.
/// `innocent_lots_are_seldom_accused` prints how often it happens.
const ACCUSED: f64 = 0.02;

/// Batches with what they were made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Furnish {
    /// The lots.
    pub(super) lots: Vec<Arc<str>>,
    /// For each batch, in order of time, the share of each lot, 0–1.
    pub(super) shares: Vec<Vec<f64>>,
    /// When each batch began, s.
    pub(super) at_s: Vec<f64>,
}

/// What a lot adds to a batch that has its usual share of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LotEffect {
    /// The lot.
    pub lot: Arc<str>,
    /// Batches of which it is a tenth or more.
    pub batches: usize,
    /// Its mean share in them, 0–1.
    pub share: f64,
    /// What it adds at that share, in the unit of the figure, shrunken towards nothing.
    pub effect: f64,
    /// The least effect of the 95 % interval; that the grid is coarse makes it a little too narrow (the tests print how often it
    /// holds the truth).
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// The effect in halves of the width between the limits, or in distances from the value aimed at to the only limit.
    pub of_tolerance: Option<f64>,
    /// How often a lot without effect looks so different by chance, 0–1; `None` of too few batches to say.
    pub p: Option<f64>,
    /// The same for the most different of all that were looked at in this grade (Holm).
    pub p_adjusted: Option<f64>,
    /// True if it differs: `p_adjusted` is below 0.02.
    pub differs: bool,
    /// True if what it adds takes the figure further away from what is aimed at; `None` where nobody says what that is.
    pub worse: Option<bool>,
    /// True if it can hardly be told from the time in which it was used: with the drift that was found its effect is known
    /// with less than a third of what would be known without.
    pub confounded: bool,
}

/// The lots of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effects {
    pub(super) lots: Vec<LotEffect>,
    /// Standard deviations that lots, drift and the rest give to batches, where the likelihood is greatest.
    pub(super) lots_deviation: f64,
    pub(super) drift_deviation: f64,
    pub(super) rest_deviation: f64,
}

/// A place of the grid, fitted.
struct Fitted {
    likelihood: f64,
    of_lots: f64,
    of_drift: f64,
    lasts: Option<f64>,
    /// σ².
    variance: f64,
    /// For each lot z′Py and z′Pz, P the projection that takes the mean away by the covariance.
    score: Vec<f64>,
    information: Vec<f64>,
}

/// A lot as a fixed effect, the others as random ones.
struct Fixed {
    effect: f64,
    /// The square of its error.
    error: f64,
}

#[expect(clippy::cast_precision_loss, reason = "batches are counted")]
fn count(n: usize) -> f64 {
    n as f64
}

impl Furnish {
    /// The lots' effects on a figure of each batch; `None` where too few batches are, or all have the same figure.
    pub(super) fn effects(&self, figures: &[f64]) -> Option<Effects> {
        let n = figures.len();
        let flat = figures.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits());
        if n < ALL_LEAST || flat || self.lots.is_empty() {
            return None;
        }
        let grid = self.grid(figures)?;
        let best = grid.iter().max_by(|a, b| a.likelihood.total_cmp(&b.likelihood))?;
        // What drift alone hides of lots, and what there is to hide.
        let alone = |one: &&Fitted| one.of_lots.to_bits() == 0;
        let same = |one: &&Fitted| {
            one.lasts == best.lasts && one.of_drift.to_bits() == best.of_drift.to_bits()
        };
        let drifts = grid.iter().filter(alone).find(same);
        let still = grid.iter().filter(alone).find(|one| one.lasts.is_none());
        let freedom = count(n) - 1.0;
        let weights: Vec<f64> =
            grid.iter().map(|one| libm::exp(one.likelihood - best.likelihood)).collect();
        let all: f64 = weights.iter().sum();
        let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975);
        let tail = StudentsT::new(0.0, 1.0, freedom - 1.0).ok()?;
        let lots = (0..self.lots.len()).map(|ix| {
            let of = |one: &Fitted| {
                let (u, p) = (one.of_lots, one.information[ix]);
                (u * one.score[ix], one.variance * (u - u * u * p).max(0.0))
            };
            let mean = |f: &dyn Fn(&Fitted) -> f64| {
                grid.iter().zip(&weights).map(|(one, w)| w * f(one)).sum::<f64>() / all
            };
            let effect = mean(&|one| of(one).0);
            let error = mean(&|one| of(one).1 + (of(one).0 - effect).powi(2)).sqrt();
            let (batches, share) = self.usual(ix);
            let fixed = best.fixed(ix, freedom);
            let p = fixed
                .as_ref()
                .filter(|_| batches >= BATCHES_LEAST)
                .map(|fixed| 2.0 * tail.sf((fixed.effect / fixed.error.sqrt()).abs()));
            // Only by how batches lie, whatever variance is found.
            let confounded = drifts
                .zip(still)
                .is_none_or(|(drifts, still)| drifts.error(ix) > CONFOUNDED * still.error(ix));
            LotEffect {
                lot: Arc::clone(&self.lots[ix]),
                batches,
                share,
                effect: effect * share,
                low: (effect - t * error) * share,
                high: (effect + t * error) * share,
                of_tolerance: None,
                p,
                p_adjusted: None,
                differs: false,
                worse: None,
                confounded,
            }
        });
        let squares = self.shares.iter().flatten().map(|share| share * share).sum::<f64>();
        let deviation = |ratio: f64| (ratio * best.variance).sqrt();
        Some(Effects {
            lots: lots.collect(),
            lots_deviation: deviation(best.of_lots * squares / count(n)),
            drift_deviation: deviation(best.of_drift),
            rest_deviation: deviation(1.0),
        })
    }

    /// The batches of which a lot is a tenth or more, and its mean share in them.
    fn usual(&self, ix: usize) -> (usize, f64) {
        let used = || self.shares.iter().map(|row| row[ix]);
        let (mut n, mut sum) = (0, 0.0);
        for share in used().filter(|share| *share >= SHARE_LEAST) {
            n += 1;
            sum += share;
        }
        if n == 0 { (0, used().fold(0.0, f64::max)) } else { (n, sum / count(n)) }
    }

    fn grid(&self, figures: &[f64]) -> Option<Vec<Fitted>> {
        let n = figures.len();
        let mut gaps: Vec<f64> = self.at_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        let gap = gaps.get(gaps.len() / 2).copied().filter(|gap| *gap > 0.0).unwrap_or(1.0);
        let common: Vec<f64> = pairs(n)
            .map(|(i, j)| self.shares[i].iter().zip(&self.shares[j]).map(|(a, b)| a * b).sum())
            .collect();
        let mut grid = Vec::new();
        let drifts = LASTS.iter().flat_map(|lasts| OF_DRIFT.map(|of| (Some(*lasts), of)));
        for (lasts, of_drift) in [(None, 0.0)].into_iter().chain(drifts) {
            let near = |(i, j): (usize, usize)| {
                let apart = (self.at_s[i] - self.at_s[j]).abs() / gap;
                lasts.map_or(0.0, |lasts| of_drift * libm::exp(-apart / lasts))
            };
            let drift: Vec<f64> = pairs(n).map(near).collect();
            for of_lots in OF_LOTS {
                let one = |((i, j), (common, drift)): ((usize, usize), (&f64, &f64))| {
                    of_lots * common + drift + if i == j { 1.0 } else { 0.0 }
                };
                let mut covariance: Vec<f64> =
                    pairs(n).zip(common.iter().zip(&drift)).map(one).collect();
                grid.push(self.fit(figures, &mut covariance, (of_lots, of_drift, lasts))?);
            }
        }
        Some(grid)
    }

    /// Fits the mean by generalized least squares, by the lower half of the covariance over σ².
    fn fit(
        &self,
        figures: &[f64],
        covariance: &mut [f64],
        (of_lots, of_drift, lasts): (f64, f64, Option<f64>),
    ) -> Option<Fitted> {
        let (n, lots) = (figures.len(), self.lots.len());
        let logarithm = factor(covariance, n)?;
        // One row a batch: one, its figure, its shares.
        let wide = lots + 2;
        let mut rows = Vec::with_capacity(n * wide);
        for (figure, shares) in figures.iter().zip(&self.shares) {
            rows.extend([1.0, *figure]);
            rows.extend(shares);
        }
        solve(covariance, &mut rows, wide);
        let sums = |f: &dyn Fn(&[f64]) -> f64| rows.chunks_exact(wide).map(f).sum::<f64>();
        let ones = sums(&|row| row[0] * row[0]);
        let mean = sums(&|row| row[0] * row[1]) / ones;
        let squares = sums(&|row| (row[1] - mean * row[0]).powi(2));
        let (mut score, mut information) = (Vec::with_capacity(lots), Vec::with_capacity(lots));
        for ix in 2..wide {
            let usual = sums(&|row| row[0] * row[ix]) / ones;
            score.push(sums(&|row| (row[ix] - usual * row[0]) * (row[1] - mean * row[0])));
            information.push(sums(&|row| (row[ix] - usual * row[0]).powi(2)));
        }
        let freedom = count(n) - 1.0;
        let variance = squares / freedom;
        let likelihood = -0.5 * (freedom * libm::log(variance) + 2.0 * logarithm + libm::log(ones));
        likelihood.is_finite().then_some(Fitted {
            likelihood,
            of_lots,
            of_drift,
            lasts,
            variance,
            score,
            information,
        })
    }
}

impl Fitted {
    /// The square of the error of a lot's effect, over the variance that is none of lots; where no other lot has one.
    fn error(&self, ix: usize) -> f64 {
        1.0 / self.information[ix].max(1e-12) / (1.0 + self.of_drift)
    }

    /// The lot taken out of the random ones: by the formula of Sherman and Morrison. `None` where the others and the mean
    /// leave nothing of it.
    fn fixed(&self, ix: usize, freedom: f64) -> Option<Fixed> {
        let (u, p, q) = (self.of_lots, self.information[ix], self.score[ix]);
        let left = 1.0 - u * p;
        if p < 1e-9 || left < 1e-9 {
            return None;
        }
        let squares = self.variance * freedom + u * q * q / left;
        let variance = (squares - q * q / (p * left)) / (freedom - 1.0);
        let error = variance * left / p;
        (error > 0.0).then_some(Fixed { effect: q / p, error })
    }
}

/// The places of the lower half of a square table, row by row.
fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(|i| (0..=i).map(move |j| (i, j)))
}

/// Where a row of it begins.
fn begin(row: usize) -> usize {
    row * (row + 1) / 2
}

/// The sum of products, in four sums beside each other: one waits for itself at each step.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 4];
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Cholesky's factor of the lower half, in its place; half the logarithm of the determinant.
fn factor(half: &mut [f64], n: usize) -> Option<f64> {
    let mut logarithm = 0.0;
    for i in 0..n {
        let (before, from) = half.split_at_mut(begin(i));
        let row = &mut from[..=i];
        for j in 0..i {
            let other = &before[begin(j)..=begin(j) + j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let left = row[i] - dot(&row[..i], &row[..i]);
        if left <= 0.0 {
            return None;
        }
        row[i] = left.sqrt();
        logarithm += libm::log(row[i]);
    }
    Some(logarithm)
}

/// Takes the factor off rows of so many columns, in their place.
fn solve(factor: &[f64], rows: &mut [f64], wide: usize) {
    for i in 0..rows.len() / wide {
        let (before, from) = rows.split_at_mut(i * wide);
        let row = &mut from[..wide];
        let of = &factor[begin(i)..=begin(i) + i];
        for (weight, other) in of.iter().zip(before.chunks_exact(wide)) {
            for (value, other) in row.iter_mut().zip(other) {
                *value -= weight * other;
            }
        }
        for value in row {
            *value /= of[i];
        }
    }
}

/// Corrects for looking at so many lots: none of them is accused wrongly in nineteen cases of twenty (Holm 1979).
pub(super) fn adjust<'l>(lots: impl Iterator<Item = &'l mut LotEffect>) {
    let mut lots: Vec<(f64, &mut LotEffect)> =
        lots.filter_map(|lot| lot.p.map(|p| (p, lot))).collect();
    lots.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n, mut greatest) = (lots.len(), 0.0_f64);
    for (ix, (p, lot)) in lots.into_iter().enumerate() {
        greatest = greatest.max((p * count(n - ix)).min(1.0));
        lot.p_adjusted = Some(greatest);
        lot.differs = greatest < ACCUSED;
    }
}

#[cfg(test)]
mod tests;
