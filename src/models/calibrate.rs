//! From held-out statistics to a limit that keeps the user's budget.

use crate::plant::Budget;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// Euler's constant: the mean of a standard Gumbel distribution.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Draws of the bootstrap that says how far the true rate may be from the promised one.
const DRAWS: usize = 400;

/// A batch whose maximum lies so many interquartile ranges above the median was no good batch.
const POLLUTED: f64 = 4.0;

/// The upper share of frames in whose clusters the tail is looked for.
const TAIL: f64 = 0.1;

/// Values above a threshold belong to one cluster when no more than so many rows of the monitor below it lie
/// between them: what is smoothed at a tenth has forgotten two thirds by then.
const CLUSTER_GAP: usize = 10;

/// A quantile is believed when so many clusters lie above it. With fewer the tail is fitted.
const CLUSTERS_AT_LEAST: usize = 10;

/// No budget asks for fewer false flags than this share of the units.
const LEAST_RATE: f64 = 1e-9;

/// No limit is set below this share of a level: less is rounding.
const LEAST_FACTOR: f64 = 0.05;

/// What frames are counted in: those that follow each other say the same again.
const FRAMES: &str = "independent frames";

/// How the limits of a model were found, and what may be promised of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// `conformal` (a quantile of held-out data), or `extreme-values` (extrapolated from their tail).
    pub method: String,
    /// What was counted: `batches` or `independent frames`.
    pub unit: String,
    /// Held-out batches; or frames, as many as would say as much if none were like the one before it.
    pub n: usize,
    /// The rate of false flags asked for, a share of the units.
    pub rate: f64,
    /// True if there are too few data for the budget: at least `needed` would be.
    pub provisional: bool,
    /// The held-out units that the budget needs.
    pub needed: usize,
    /// The range in which the true rate lies in nine cases of ten.
    pub rate_range: (f64, f64),
    /// What the levels of the statistics were multiplied with.
    pub factor: f64,
    /// Batches that were left out as no good ones.
    pub excluded: usize,
}

/// The factor for batches, from the greatest held-out statistic of each (over its level).
pub(super) fn by_batches(maxima: &[f64], rate: f64, seed: u64) -> Calibration {
    let (good, excluded) = without_polluted(maxima);
    let needed = units_needed(rate);
    if good.len() >= needed {
        return conformal("batches", &good, rate, needed, excluded);
    }
    // The logarithm of a maximum of many is about Gumbel distributed, whatever the statistic's own
    // tail is (block maxima; domain of Fisher, Tippett and Gnedenko).
    let logs: Vec<f64> = good.iter().map(|m| libm::log(m.max(f64::MIN_POSITIVE))).collect();
    let (location, scale) = gumbel(&logs);
    let threshold = gumbel_quantile(location, scale, rate);
    Calibration {
        method: "extreme-values".into(),
        unit: "batches".into(),
        n: good.len(),
        rate,
        provisional: true,
        needed,
        rate_range: bootstrap(logs.len(), rate, seed),
        factor: libm::exp(threshold).max(LEAST_FACTOR),
        excluded,
    }
}

/// The factor for frames, from the held-out statistics of all frames (over their levels), sequence by
/// sequence; the monitor moves `every` so many frames.
///
/// Frames that follow each other say the same again, so what counts is how often they rise, not how many lie
/// above (extremal index; Leadbetter 1983). Where the quantile of the rate has enough clusters above it, it
/// is the limit. Else the peaks of the clusters above a lower threshold u are taken to have exponential tails
/// (Pickands; the generalised Pareto distribution of shape 0). The mean of their excesses is known from few of
/// them, and the rate promised is that over plants; so the limit is a quantile of what is foreseen of a new
/// peak, P(excess > x) = (1 + x/S)^−C with the sum S of C excesses (a Lomax distribution), scaled by the share of frames
/// above u.
pub(super) fn by_frames(sequences: &[Vec<f64>], rate: f64, every: usize) -> Calibration {
    let gap = CLUSTER_GAP * every;
    let mut sorted: Vec<f64> = sequences.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let needed = ceil(count(CLUSTERS_AT_LEAST) / rate);
    let u = sorted.get(tail_start(n)).copied().unwrap_or(1.0);
    let quantile = ceil((count(n) + 1.0) * (1.0 - rate)).clamp(1, n.max(1)) - 1;
    let clusters = sorted.get(quantile).map_or(0, |limit| peaks(sequences, *limit, gap).len());
    if clusters >= CLUSTERS_AT_LEAST {
        let conformal = conformal(FRAMES, &sorted, rate, needed, 0);
        let rate_range = rate_range_of_clusters(clusters, rate);
        return Calibration { n: ceil(count(clusters) / rate), rate_range, ..conformal };
    }
    let peaks = peaks(sequences, u, gap);
    let clusters = count(peaks.len().max(1));
    let excess: f64 = peaks.iter().map(|peak| peak - u).sum();
    let share = count(sorted.iter().filter(|v| **v > u).count()) / count(n.max(1));
    let foreseen = excess * (libm::pow((share / rate).max(1.0), 1.0 / clusters) - 1.0);
    Calibration {
        method: "extreme-values".into(),
        unit: FRAMES.into(),
        n: ceil(clusters / share.max(LEAST_RATE)),
        rate,
        provisional: true,
        needed,
        rate_range: rate_range_of_peaks(clusters, share, rate),
        factor: (u + foreseen).max(LEAST_FACTOR),
        excluded: 0,
    }
}

/// The greatest value of each cluster above a threshold: no more than `gap` values lie between two of one.
fn peaks(sequences: &[Vec<f64>], threshold: f64, gap: usize) -> Vec<f64> {
    let mut peaks: Vec<f64> = Vec::new();
    for values in sequences {
        let mut below = usize::MAX;
        for value in values {
            if *value <= threshold {
                below = below.saturating_add(1);
                continue;
            }
            match peaks.last_mut() {
                Some(peak) if below <= gap => *peak = peak.max(*value),
                _ => peaks.push(*value),
            }
            below = 0;
        }
    }
    peaks
}

/// The range of the true rate when so many clusters lay above the limit: their number is about Poisson
/// distributed, so the rate is between quantiles of a gamma distribution.
fn rate_range_of_clusters(clusters: usize, rate: f64) -> (f64, f64) {
    use statrs::distribution::{ContinuousCDF, Gamma};
    let of = |shape: f64, level: f64| {
        Gamma::new(shape, 1.0).map_or(1.0, |gamma| gamma.inverse_cdf(level) / count(clusters))
    };
    ((rate * of(count(clusters), 0.05)).min(1.0), (rate * of(count(clusters) + 1.0, 0.95)).min(1.0))
}

/// The range of the true rate when the mean excess is known from so many peaks: with x = S·g and S about
/// gamma distributed, the rate is share·exp(−g·gamma).
fn rate_range_of_peaks(clusters: f64, share: f64, rate: f64) -> (f64, f64) {
    use statrs::distribution::{ContinuousCDF, Gamma};
    let g = libm::pow((share / rate).max(1.0), 1.0 / clusters) - 1.0;
    let of = |level: f64| {
        Gamma::new(clusters, 1.0)
            .map_or(rate, |gamma| share * libm::exp(-g * gamma.inverse_cdf(level)))
    };
    (of(0.95).min(rate), of(0.05).max(rate).min(1.0))
}

/// The factor for frames, where the budget counts batches and no stretch of the recording is long
/// enough to stand in for one of so many frames. As many false flags as batches allow are taken to be
/// so many frames apart, which is never too few. What is extrapolated so far is provisional.
pub(super) fn by_frames_for_batches(
    sequences: &[Vec<f64>],
    rate: f64,
    (frames, every): (usize, usize),
) -> Calibration {
    let per_frame = (rate / count(frames.max(1))).max(LEAST_RATE);
    Calibration { provisional: true, ..by_frames(sequences, per_frame, every) }
}

/// The rate that a budget allows, as a share of batches or of frames of this many seconds.
pub(super) fn rate(budget: Budget, frame_s: f64) -> (f64, bool) {
    let share = |flags: u32, of: u32| f64::from(flags.max(1)) / f64::from(of.max(1));
    let (rate, batches) = match budget {
        Budget::PerBatches { flags, batches } => (share(flags, batches), true),
        Budget::PerFrames { flags, frames } => (share(flags, frames), false),
        Budget::PerDay(flags) => (flags * frame_s / 86_400.0, false),
    };
    (rate.clamp(LEAST_RATE, 0.5), batches)
}

/// The k-th smallest of n held-out values, k = ⌈(n+1)(1−α)⌉: a new one is above it with probability
/// α at most, on the mean over plants (split conformal prediction). One plant's own rate is
/// Beta(l, n+1−l) distributed, l = ⌊(n+1)α⌋.
fn conformal(unit: &str, values: &[f64], rate: f64, needed: usize, excluded: usize) -> Calibration {
    use statrs::distribution::{Beta, ContinuousCDF};
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let k = ceil((count(n) + 1.0) * (1.0 - rate)).clamp(1, n);
    let l = count(n + 1 - k);
    let range = Beta::new(l, count(n) + 1.0 - l)
        .map_or((0.0, 1.0), |beta| (beta.inverse_cdf(0.05), beta.inverse_cdf(0.95)));
    Calibration {
        method: "conformal".into(),
        unit: unit.into(),
        n,
        rate,
        provisional: false,
        needed,
        rate_range: range,
        factor: sorted[k - 1].max(LEAST_FACTOR),
        excluded,
    }
}

/// A budget of 1 in N wants N − 1 held-out units.
fn units_needed(rate: f64) -> usize {
    ceil(1.0 / rate - 1e-9).saturating_sub(1).max(1)
}

/// Leaves out maxima far above the others; at most a fifth of them.
fn without_polluted(maxima: &[f64]) -> (Vec<f64>, usize) {
    let mut sorted = maxima.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n < 5 {
        return (sorted, 0);
    }
    let at = |share: f64| sorted[ceil(share * count(n)).clamp(1, n) - 1];
    let limit = at(0.5) + POLLUTED * (at(0.75) - at(0.25));
    let kept = sorted.iter().take_while(|m| **m <= limit).count().max(n - n / 5);
    sorted.truncate(kept);
    (sorted, n - kept)
}

/// Location and scale of a Gumbel distribution by probability-weighted moments (Hosking 1985):
/// σ = (2 b₁ − b₀)/ln 2, μ = b₀ − γσ.
fn gumbel(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n < 2 {
        return (sorted.first().copied().unwrap_or(0.0), 0.1);
    }
    let b0 = sorted.iter().sum::<f64>() / count(n);
    let b1 = sorted.iter().enumerate().map(|(ix, v)| count(ix) / count(n - 1) * v).sum::<f64>()
        / count(n);
    // Equal maxima would make any later one a flag.
    let scale = ((2.0 * b1 - b0) / std::f64::consts::LN_2).max(1e-3);
    (b0 - EULER * scale, scale)
}

/// What is exceeded with this probability.
fn gumbel_quantile(location: f64, scale: f64, rate: f64) -> f64 {
    location - scale * libm::log(-libm::log1p(-rate))
}

/// The 5th and 95th percentile of the true rate when location and scale come from `n` values.
fn bootstrap(n: usize, rate: f64, seed: u64) -> (f64, f64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut rates: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let sample: Vec<f64> = (0..n)
                .map(|_| {
                    let uniform = (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
                    -libm::log(-libm::log(uniform))
                })
                .collect();
            let (location, scale) = gumbel(&sample);
            let threshold = gumbel_quantile(location, scale, rate);
            1.0 - libm::exp(-libm::exp(-threshold))
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    (rates[DRAWS / 20], rates[DRAWS - 1 - DRAWS / 20])
}

fn tail_start(n: usize) -> usize {
    n.saturating_sub(ceil(TAIL * count(n)).max(10)).min(n.saturating_sub(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows and batches")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of rows and batches"
)]
fn ceil(value: f64) -> usize {
    value.ceil().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_batches_give_a_quantile_and_its_range() {
        let maxima: Vec<f64> = (1..=199).map(|ix| f64::from(ix) / 100.0).collect();
        let calibration = by_batches(&maxima, 0.05, 1);
        assert_eq!((calibration.method.as_str(), calibration.provisional), ("conformal", false));
        assert!((calibration.factor - 1.90).abs() < 1e-12);
        // domain.md 6.2: n = 199, α = .05: .028 to .078.
        let (low, high) = calibration.rate_range;
        assert!((low - 0.028).abs() < 0.001 && (high - 0.078).abs() < 0.001, "{low} {high}");
    }

    #[test]
    fn few_batches_give_a_provisional_limit_above_all_of_them() {
        let maxima: Vec<f64> = (0..20).map(|ix| 0.5 + f64::from(ix) * 0.01).collect();
        let calibration = by_batches(&maxima, 0.01, 1);
        assert!(calibration.provisional);
        assert_eq!((calibration.n, calibration.needed), (20, 99));
        assert!(calibration.factor > 0.7 && calibration.factor < 1.2, "{calibration:?}");
        assert!(calibration.rate_range.0 < 0.01 && calibration.rate_range.1 > 0.01);
    }

    #[test]
    fn gumbel_parameters_come_back() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let sample: Vec<f64> = (0..20_000)
            .map(|_| {
                let uniform = (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
                3.0 - 0.7 * libm::log(-libm::log(uniform))
            })
            .collect();
        let (location, scale) = gumbel(&sample);
        // Standard errors of 20,000 values: about 0.005.
        assert!((location - 3.0).abs() < 0.02 && (scale - 0.7).abs() < 0.02, "{location} {scale}");
    }

    #[test]
    fn one_bad_batch_among_the_good_ones_is_left_out() {
        let mut maxima: Vec<f64> = (0..20).map(|ix| 0.5 + f64::from(ix) * 0.01).collect();
        let clean = by_batches(&maxima, 0.01, 1).factor;
        maxima.push(9.0);
        let calibration = by_batches(&maxima, 0.01, 1);
        assert_eq!(calibration.excluded, 1);
        assert!((calibration.factor - clean).abs() < 1e-12);
    }

    #[test]
    fn budget_of_batches_over_single_frames_is_spread_over_them_and_provisional() {
        let values = [(0..4000).map(|ix| f64::from(ix % 400) / 400.0).collect()];
        let calibration = by_frames_for_batches(&values, 0.01, (180, 1));
        assert!((calibration.rate - 0.01 / 180.0).abs() < 1e-15);
        assert_eq!((calibration.needed, calibration.provisional), (180_000, true));
        assert!(calibration.factor > by_frames(&values, 0.01, 1).factor);
        // Enough frames for the budget as spread, and still no batch was seen.
        assert!(by_frames_for_batches(&values, 0.5, (1000, 1)).provisional);
    }

    #[test]
    fn rises_count_and_not_frames() {
        // Twice two rises with a dip between them, far apart; the last with a peak of 3.
        let mut values = vec![0.0; 400];
        for (ix, value) in [(50, 1.0), (51, 2.0), (60, 1.5), (300, 1.0), (305, 3.0)] {
            values[ix] = value;
        }
        let sequences = [values];
        assert_eq!(peaks(&sequences, 0.5, 10), [2.0, 3.0]);
        assert_eq!(peaks(&sequences, 0.5, 3), [2.0, 1.5, 1.0, 3.0]);
        // u = 0, S = 5 of C = 2 peaks, 5 of 400 frames above: x = S((0.0125/0.005)^(1/2) − 1).
        let calibration = by_frames(&sequences, 0.005, 1);
        let expected = 5.0 * (2.5_f64.sqrt() - 1.0);
        assert!((calibration.factor - expected).abs() < 1e-12, "{calibration:?}");
        assert_eq!((calibration.n, calibration.needed), (160, 2000));
        let (low, high) = calibration.rate_range;
        // P(G > x) of a gamma variable of shape 2 is e^−x (1 + x).
        for (rate, level) in [(low, 0.05), (high, 0.95)] {
            let x = -libm::log(rate / 0.0125) / (2.5_f64.sqrt() - 1.0);
            assert!((libm::exp(-x) * (1.0 + x) - level).abs() < 1e-6, "{rate}");
        }
    }

    #[test]
    fn budgets_become_rates() {
        let near = |(value, batches): (f64, bool), expected: f64, b: bool| {
            assert!((value - expected).abs() < 1e-12 && batches == b);
        };
        near(rate(Budget::PerBatches { flags: 1, batches: 100 }, 1.0), 0.01, true);
        near(rate(Budget::PerFrames { flags: 1, frames: 200 }, 1.0), 0.005, false);
        near(rate(Budget::PerDay(1.0), 86.4), 0.001, false);
    }
}
