//! A tie fitted on the batches that agree about it: trimmed least squares, batch by batch (Rousseeuw and Leroy, Robust
//! Regression and Outlier Detection, 1987).
//!
//! Among a plant's own batches are some in which a sensor was sick, and nobody said so. They make weights wrong and limits
//! wide, so a batch that is far from the others is left out, and what remains is fitted again, until the same ones are
//! left out twice, or [`ROUNDS`] times.

use super::minutes::longer_means;
use super::regression::{Moments, Regression};
use super::{BASELINE_S, QUICK_S, SLOW_S};
use ndarray::{Array1, Array2, Axis};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The limits are so many times the greatest smoothed residual of the batches that agree: a mill moves on, and they have
/// to hold in batches to come. No theory gives the number, nor [`APART`]: `tests/sensor-faults` holds both to what is
/// found and what is accused wrongly.
const MARGIN: f64 = 2.3;

/// No limit is below this share of the tag's standard deviation: two readings of one instrument that are sent in other
/// digits do not make a sick sensor.
const LEAST_LIMIT: f64 = 0.01;

/// The batches that [`MARGIN`] is for, and the chance at which fewer are compared with them.
const USUAL: usize = 20;
const CHANCE: f64 = 0.001;

/// A batch whose greatest residual is so many times that of the batch in the middle is left out; one in [`LEFT_OUT`] of
/// them at most.
const APART: f64 = 3.0;
const LEFT_OUT: usize = 4;

/// Who is left out changes the weights, and so who should be: that is repeated so often at most.
const ROUNDS: usize = 4;

/// A regression of the first column by the others, and what it reached in the blocks that agree.
pub(super) struct Trimmed {
    pub(super) regression: Regression,
    /// The limits of the residual, smoothed quickly and slowly.
    pub(super) limits: [f64; 2],
    /// The greatest deviation of the first column, smoothed quickly and slowly.
    pub(super) reached: [f64; 2],
    /// The share of its squares that the regression leaves: 1 − R².
    pub(super) unexplained: f64,
}

impl Trimmed {
    /// Of blocks of minutes of so many seconds each. `None` where the first column stands still in every block that
    /// agrees, so that what its residuals reach is rounding, or where a limit is not finite.
    pub(super) fn fit(blocks: &[Array2<f64>], seconds: f64) -> Option<Self> {
        let mut kept = vec![true; blocks.len()];
        let mut regression = within(blocks)?;
        let mut extremes = extremes_of(blocks, &kept, &regression, seconds);
        for _ in 0..ROUNDS {
            let agree = agreeing(&extremes);
            regression = total(blocks, &agree)?;
            extremes = extremes_of(blocks, &agree, &regression, seconds);
            if std::mem::replace(&mut kept, agree) == kept {
                break;
            }
        }
        let agree = || blocks.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(block, _)| block);
        let first = agree().next()?.first().copied();
        if !agree().any(|block| block.column(0).iter().any(|value| Some(*value) != first)) {
            return None;
        }
        let (mut limits, mut reached) = ([0.0_f64; 2], [0.0_f64; 2]);
        let (mut squares, mut left) = (0.0, 0.0);
        for ((block, extreme), _) in
            blocks.iter().zip(&extremes).zip(&kept).filter(|(_, kept)| **kept)
        {
            limits.iter_mut().zip(extreme.residual).for_each(|(limit, r)| *limit = limit.max(r));
            reached.iter_mut().zip(extreme.deviation).for_each(|(most, d)| *most = most.max(d));
            for row in block.rows() {
                squares += regression.deviation(row).powi(2);
                left += regression.residual(row).0.powi(2);
            }
        }
        let limits = limits.map(|limit| (MARGIN * few(blocks.len()) * limit).max(LEAST_LIMIT));
        let unexplained: f64 = left / squares;
        let hold = limits.iter().all(|limit| limit.is_finite());
        (hold && unexplained.is_finite()).then_some(Self {
            regression,
            limits,
            reached,
            unexplained,
        })
    }
}

/// How many times as wide limits are that were seen in so few batches: fewer say less of how far a new one may be, as
/// Student's t is to that of [`USUAL`] batches.
fn few(batches: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "batches are few")]
    let t = |batches: usize| {
        let freedom = batches.clamp(2, USUAL) as f64 - 1.0;
        StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |t| t.inverse_cdf(1.0 - CHANCE))
    };
    t(batches) / t(USUAL)
}

/// To begin with, when nobody knows which blocks to leave out: by what each does about its own mean, and about the
/// medians of these means. A sensor that was off by as much for the whole of a block shows in neither.
fn within(blocks: &[Array2<f64>]) -> Option<Regression> {
    let own: Vec<Array1<f64>> =
        blocks.iter().map(|block| block.mean_axis(Axis(0))).collect::<Option<_>>()?;
    let about: Vec<Array2<f64>> =
        blocks.iter().zip(&own).map(|(block, own)| longer_means(&(block - own))).collect();
    let medians =
        (0..blocks.first()?.ncols()).map(|ix| upper_median(own.iter().map(|mean| mean[ix])));
    Regression::new(medians.collect(), &Moments::of(&about)?, blocks.len())
}

/// By all that the blocks do which are kept.
fn total(blocks: &[Array2<f64>], kept: &[bool]) -> Option<Regression> {
    let kept = blocks.iter().zip(kept).filter(|(_, kept)| **kept);
    let means: Vec<Array2<f64>> = kept.map(|(block, _)| longer_means(block)).collect();
    let moments = Moments::of(&means)?;
    Regression::new(moments.mean.clone(), &moments, means.len())
}

/// The greatest in a block, smoothed quickly and slowly: the residual, over [`Regression::residual`]'s prediction error,
/// and the deviation of the first column.
struct Extremes {
    residual: [f64; 2],
    deviation: [f64; 2],
}

/// What is greatest in each block. Smoothing begins anew with each, so that none looks as far off as the one before it;
/// one that is left out does not move the baseline.
fn extremes_of(
    blocks: &[Array2<f64>],
    kept: &[bool],
    regression: &Regression,
    seconds: f64,
) -> Vec<Extremes> {
    let weights = [QUICK_S, SLOW_S].map(|tau| (seconds / tau).min(1.0));
    let mut baseline = 0.0;
    let mut all = Vec::with_capacity(blocks.len());
    for (block, kept) in blocks.iter().zip(kept) {
        let mut smooth = [baseline; 2];
        let mut deviations =
            block.rows().into_iter().next().map_or([0.0; 2], |row| [regression.deviation(row); 2]);
        let mut most = Extremes { residual: [0.0; 2], deviation: [0.0; 2] };
        for row in block.rows() {
            let (r, prediction_error) = regression.residual(row);
            let deviation = regression.deviation(row);
            for (ix, weight) in weights.into_iter().enumerate() {
                smooth[ix] += (r - smooth[ix]) * weight;
                deviations[ix] += (deviation - deviations[ix]) * weight;
                let size = (smooth[ix] - baseline).abs() / prediction_error;
                most.residual[ix] = most.residual[ix].max(size);
                most.deviation[ix] = most.deviation[ix].max(f64::abs(deviations[ix]));
            }
            if *kept {
                baseline += (r - baseline) * (seconds / BASELINE_S).min(1.0);
            }
        }
        all.push(most);
    }
    all
}

/// Which blocks are not far from the others.
fn agreeing(extremes: &[Extremes]) -> Vec<bool> {
    let middle = [0, 1].map(|ix| upper_median(extremes.iter().map(|most| most.residual[ix])));
    // Where the middle is zero a block of zeros is NaN times as far, which is not far.
    let distance =
        |most: &Extremes| (most.residual[0] / middle[0]).max(most.residual[1] / middle[1]);
    let mut far: Vec<usize> =
        (0..extremes.len()).filter(|ix| distance(&extremes[*ix]) > APART).collect();
    far.sort_by(|a, b| distance(&extremes[*b]).total_cmp(&distance(&extremes[*a])));
    far.truncate(extremes.len() / LEFT_OUT);
    (0..extremes.len()).map(|ix| !far.contains(&ix)).collect()
}

/// The median; of an even number the upper one, so that it is always one of the values. NaN of none.
fn upper_median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
