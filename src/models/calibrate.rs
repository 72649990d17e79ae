//! From held-out statistics to a limit that keeps the user's budget.

use super::pareto::Pareto;
use crate::plant::Budget;
use serde::{Deserialize, Serialize};

/// A batch whose maximum lies so many interquartile ranges above the median is taken for one in which something was
/// wrong, though the product was good in the end.
const STANDS_OUT: f64 = 4.0;

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

/// What batches are counted in.
const BATCHES: &str = "batches";

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
    /// Batches that stand out, and set no limit: in them something is taken to have been wrong.
    pub excluded: usize,
    /// The greatest held-out statistic of each batch over its level, in rising order; empty if frames were counted.
    #[serde(default)]
    pub maxima: Vec<f64>,
}

impl Calibration {
    /// True if batches were counted, so that what further batches reach tells more.
    #[must_use]
    pub fn is_of_batches(&self) -> bool {
        self.unit == BATCHES
    }

    /// The N of the least budget, one wrong flag in N, for which there are enough.
    #[must_use]
    pub fn could_promise_one_in(&self) -> usize {
        if self.is_of_batches() { self.n + 1 } else { (self.n / CLUSTERS_AT_LEAST).max(1) }
    }

    /// True if the numbers can be those of a calibration.
    pub(super) fn is_sound(&self) -> bool {
        self.rate > 0.0
            && self.rate <= 0.5
            && self.factor > 0.0
            && self.factor.is_finite()
            && self.maxima.iter().all(|value| *value >= 0.0 && value.is_finite())
    }
}

/// The limit that a share `level` of batches passes on the mean over plants, by what so many of them reached: a
/// quantile of them where there are enough for it, else what is foreseen from the upper half of them.
pub(super) fn limit(maxima: &[f64], level: f64) -> f64 {
    exceeded_by(maxima, level).max(LEAST_FACTOR)
}

/// The same of values that are no ratios to a level: what a share `level` of new ones is beyond.
pub(super) fn exceeded_by(values: &[f64], level: f64) -> f64 {
    if values.len() >= units_needed(level) {
        quantile(values, level)
    } else {
        upper_half(values).foreseen(level)
    }
}

/// The factor for batches, from the greatest held-out statistic of each (over its level).
pub(super) fn by_batches(maxima: &[f64], rate: f64) -> Calibration {
    let (good, excluded) = without_those_that_stand_out(maxima);
    let needed = units_needed(rate);
    let provisional = good.len() < needed;
    let (low, high) = if provisional {
        upper_half(&good).rate_range(rate)
    } else {
        rate_range_of_quantile(good.len(), rate)
    };
    // Those that stand out may have been good ones, and will be flagged.
    let high = (high + count(excluded) / count(maxima.len().max(1))).min(1.0);
    Calibration {
        method: if provisional { "extreme-values" } else { "conformal" }.into(),
        unit: BATCHES.into(),
        n: good.len(),
        rate,
        provisional,
        needed,
        rate_range: (low, high),
        factor: limit(&good, rate),
        excluded,
        maxima: good,
    }
}

/// The factor for frames, from the held-out statistics of all frames (over their levels), sequence by
/// sequence; the monitor moves `every` so many frames.
///
/// Frames that follow each other say the same again, so what counts is how often they rise, not how many lie
/// above (extremal index; Leadbetter 1983). Where the quantile of the rate has enough clusters above it, it
/// is the limit. Else it is foreseen from the peaks of the clusters above a lower threshold.
pub(super) fn by_frames(sequences: &[Vec<f64>], rate: f64, every: usize) -> Calibration {
    let gap = CLUSTER_GAP * every;
    let mut sorted: Vec<f64> = sequences.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let needed = ceil(count(CLUSTERS_AT_LEAST) / rate);
    let u = sorted.get(tail_start(n)).copied().unwrap_or(1.0);
    let quantile = place(n, rate) - 1;
    let clusters = sorted.get(quantile).map_or(0, |limit| peaks(sequences, *limit, gap).len());
    if clusters >= CLUSTERS_AT_LEAST {
        return Calibration {
            method: "conformal".into(),
            unit: FRAMES.into(),
            n: ceil(count(clusters) / rate),
            rate,
            provisional: false,
            needed,
            rate_range: rate_range_of_clusters(clusters, rate),
            factor: sorted[quantile].max(LEAST_FACTOR),
            excluded: 0,
            maxima: Vec::new(),
        };
    }
    let peaks = peaks(sequences, u, gap);
    let share = count(sorted.iter().filter(|v| **v > u).count()) / count(n.max(1));
    let tail = Tail::of(u, peaks, share);
    Calibration {
        method: "extreme-values".into(),
        unit: FRAMES.into(),
        n: ceil(count(tail.peaks.max(1)) / share.max(LEAST_RATE)),
        rate,
        provisional: true,
        needed,
        rate_range: tail.rate_range(rate),
        factor: tail.foreseen(rate).max(LEAST_FACTOR),
        excluded: 0,
        maxima: Vec::new(),
    }
}

/// What lies above a threshold, and by how much ([`Pareto`]). Where that is without bound, so is what is foreseen.
struct Tail {
    threshold: f64,
    /// How many peaks lie above it.
    peaks: usize,
    /// Their excesses; none if all are nought.
    excesses: Option<Pareto>,
    /// The share of the units above the threshold.
    share: f64,
}

impl Tail {
    fn of(threshold: f64, peaks: impl IntoIterator<Item = f64>, share: f64) -> Self {
        let excesses: Vec<f64> = peaks.into_iter().map(|peak| peak - threshold).collect();
        let threshold = if excesses.iter().all(|excess| excess.is_finite()) {
            threshold
        } else {
            f64::INFINITY
        };
        Self { threshold, peaks: excesses.len(), excesses: Pareto::of(&excesses), share }
    }

    /// What a share `rate` of new units is foreseen to pass, on the mean over plants.
    fn foreseen(&self, rate: f64) -> f64 {
        self.threshold + self.far(rate)
    }

    /// How far that is above the threshold.
    fn far(&self, rate: f64) -> f64 {
        self.excesses.as_ref().map_or(0.0, |excesses| excesses.passed_with(rate / self.share))
    }

    /// The range of one plant's own rate: of 49 plants of fifty if their tails are as [`Pareto`] says; so that it holds in
    /// nine of ten also where they are not quite (`tests/false-flags`, `tests/oracles/limits.py`).
    fn rate_range(&self, rate: f64) -> (f64, f64) {
        let (low, high) = (self.excesses.as_ref())
            .map_or((0.0, 1.0), |excesses| excesses.range_beyond(self.far(rate), (0.01, 0.99)));
        ((self.share * low).min(rate), (self.share * high).max(rate).min(1.0))
    }
}

/// The tail above the median.
fn upper_half(maxima: &[f64]) -> Tail {
    let mut sorted = maxima.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let threshold = sorted.get((n / 2).saturating_sub(1)).copied().unwrap_or(1.0);
    let upper = sorted.split_off(n / 2);
    let share = count(upper.len()) / count(n.max(1));
    Tail::of(threshold, upper, share)
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

/// Which of n values in rising order, counted from 1, is the quantile: k = ⌈(n+1)(1−α)⌉.
fn place(n: usize, rate: f64) -> usize {
    ceil((count(n) + 1.0) * (1.0 - rate) - 1e-9).clamp(1, n.max(1))
}

/// The k-th smallest of n held-out values, k = ⌈(n+1)(1−α)⌉: a new one is above it with probability
/// α at most, on the mean over plants (split conformal prediction).
fn quantile(values: &[f64], rate: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let k = place(n, rate);
    sorted[k - 1]
}

/// The range of one plant's own rate above that quantile: Beta(l, n+1−l) distributed, l = ⌊(n+1)α⌋.
fn rate_range_of_quantile(n: usize, rate: f64) -> (f64, f64) {
    let k = place(n, rate);
    let l = count(n + 1 - k);
    beta_range((l, count(n) + 1.0 - l), (l, count(n) + 1.0 - l), (0.05, 0.95))
}

/// The range of a true rate of which `k` of `n` were seen, in nineteen cases of twenty (Clopper and Pearson 1934).
#[must_use]
pub fn rate_range_of(k: usize, n: usize) -> (f64, f64) {
    let (k, n) = (count(k), count(n));
    let (low, high) = beta_range((k, n - k + 1.0), (k + 1.0, n - k), (0.025, 0.975));
    // It is written to InfluxDB: what a logarithm's last bits are on another machine must not show.
    let shown = |rate: f64| (rate * 1e6).round() / 1e6;
    (if k > 0.0 { shown(low) } else { 0.0 }, if k < n { shown(high) } else { 1.0 })
}

/// The probability that of `n` at least `k` are seen, where each is with probability `rate`. Products alone: what is
/// decided by it is the same on every machine.
pub(super) fn at_least(k: usize, n: usize, rate: f64) -> f64 {
    let mut exactly = (0..n).fold(1.0, |product, _| product * (1.0 - rate));
    let mut fewer = 0.0;
    for seen in 0..k {
        fewer += exactly;
        exactly *= rate / (1.0 - rate) * count(n - seen) / count(seen + 1);
    }
    (1.0 - fewer).max(0.0)
}

/// A quantile of one beta distribution and one of another; 0 and 1 where there is no such distribution.
fn beta_range(low: (f64, f64), high: (f64, f64), levels: (f64, f64)) -> (f64, f64) {
    use statrs::distribution::{Beta, ContinuousCDF};
    let at = |(a, b): (f64, f64), level: f64, without: f64| {
        Beta::new(a, b).map_or(without, |beta| beta.inverse_cdf(level))
    };
    (at(low, levels.0, 0.0), at(high, levels.1, 1.0))
}

/// A budget of 1 in N wants N − 1 held-out units.
fn units_needed(rate: f64) -> usize {
    ceil(1.0 / rate - 1e-9).saturating_sub(1).max(1)
}

/// So many interquartile ranges above their median a batch says no more than that it was far out.
const FENCE: f64 = 6.0;

/// The limit that a share `level` of batches passes, by what good ones reached since a fit of which these are the held-out ones.
/// None counts as further above the others than [`FENCE`] allows: a single one that was odd, and released all the same,
/// does not set the limit for the next hundred. Nor do a few of them put it there, whose tail looks heavy and would be foreseen to go
/// far beyond all that was ever reached: beyond the fence the limit goes no further than the level alone takes that of
/// the fit. So what is odd is flagged until it is what the plant does.
pub(super) fn limit_within_fence(mut maxima: Vec<f64>, level: f64, held_out: &[f64]) -> f64 {
    maxima.sort_by(f64::total_cmp);
    let fence = above_median(&maxima, FENCE);
    for value in &mut maxima {
        *value = value.min(fence);
    }
    let moved = limit(&maxima, level);
    if moved > fence { moved.min(fence.max(limit(held_out, level))) } else { moved }
}

/// So many interquartile ranges above the median of values in rising order; of fewer than five nobody knows it.
fn above_median(sorted: &[f64], ranges: f64) -> f64 {
    let n = sorted.len();
    if n < 5 {
        return f64::INFINITY;
    }
    let at = |share: f64| sorted[ceil(share * count(n)).clamp(1, n) - 1];
    at(0.5) + ranges * (at(0.75) - at(0.25))
}

/// Leaves out maxima far above the others; at most a fifth of them. A fault that did not spoil the product this time
/// will another time, and must not teach that it is nothing. Where they were good after all, their like will be
/// flagged, and limits follow ([`super::TrackRecord`]).
fn without_those_that_stand_out(maxima: &[f64]) -> (Vec<f64>, usize) {
    let mut sorted = maxima.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let limit = above_median(&sorted, STANDS_OUT);
    let kept = sorted.iter().take_while(|m| **m <= limit).count().max(n - n / 5);
    sorted.truncate(kept);
    (sorted, n - kept)
}

fn tail_start(n: usize) -> usize {
    n.saturating_sub(ceil(TAIL * count(n)).max(10)).min(n.saturating_sub(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows and batches")]
pub(super) fn count(n: usize) -> f64 {
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
        let calibration = by_batches(&maxima, 0.05);
        assert_eq!((calibration.method.as_str(), calibration.provisional), ("conformal", false));
        assert!((calibration.factor - 1.90).abs() < 1e-12);
        // domain.md 6.2: n = 199, α = .05: .028 to .078.
        let (low, high) = calibration.rate_range;
        assert!((low - 0.028).abs() < 0.001 && (high - 0.078).abs() < 0.001, "{low} {high}");
    }

    #[test]
    fn few_batches_give_a_provisional_limit_above_all_of_them() {
        let maxima: Vec<f64> = (0..20).map(|ix| 0.5 + f64::from(ix) * 0.01).collect();
        let calibration = by_batches(&maxima, 0.01);
        assert!(calibration.provisional && calibration.is_of_batches());
        assert_eq!((calibration.n, calibration.needed), (20, 99));
        assert!(calibration.factor > 0.7 && calibration.factor < 1.2, "{calibration:?}");
        assert!(calibration.rate_range.0 < 0.01 && calibration.rate_range.1 > 0.01);
    }

    #[test]
    fn few_batches_are_foreseen_from_their_upper_half() {
        // Median 1.0; excesses 0.1, 0.2, 0.3, 0.5 of four above, of which half are: 1.87667 by `tests/oracles/pareto.py`.
        let maxima = [0.8, 0.9, 0.95, 1.0, 1.1, 1.2, 1.3, 1.5];
        assert!((limit(&maxima, 0.01) - 2.876_67).abs() < 2e-3, "{}", limit(&maxima, 0.01));
        // Where there are enough for a quantile, it is that: ⌈9·(1 − 1/3)⌉ = 6.
        assert!((limit(&maxima, 1.0 / 3.0) - 1.2).abs() < 1e-12);
        // One, and equal ones, are no tail.
        assert!((limit(&[0.7], 0.01) - 0.7).abs() < 1e-12);
        assert!((limit(&[0.7; 20], 0.01) - 0.7).abs() < 1e-12);
    }

    #[test]
    fn ranges_of_a_rate_are_those_of_the_literature() {
        // Clopper and Pearson: 2 of 120, and none of 20 (1 − 0.025^(1/20)).
        for (k, n, expected) in
            [(2, 120, (0.002_024, 0.058_910)), (0, 20, (0.0, 0.168_433)), (3, 3, (0.292_402, 1.0))]
        {
            let range = rate_range_of(k, n);
            assert!((range.0 - expected.0).abs() < 2e-6, "{range:?}");
            assert!((range.1 - expected.1).abs() < 2e-6, "{range:?}");
        }
        // 1 − 0.99^40 − 40·0.01·0.99^39
        assert!((at_least(2, 40, 0.01) - 0.060_736_6).abs() < 1e-6);
        assert!((at_least(0, 5, 0.1) - 1.0).abs() < 1e-12);
        assert!((at_least(5, 5, 0.1) - 1e-5).abs() < 1e-12);
        assert!((at_least(3, 43, 0.01) - 0.009_159_838).abs() < 1e-9);
    }

    #[test]
    fn one_bad_batch_among_the_good_ones_is_left_out() {
        let mut maxima: Vec<f64> = (0..20).map(|ix| 0.5 + f64::from(ix) * 0.01).collect();
        let clean = by_batches(&maxima, 0.01).factor;
        maxima.push(9.0);
        let calibration = by_batches(&maxima, 0.01);
        assert_eq!(calibration.excluded, 1);
        assert!((calibration.factor - clean).abs() < 1e-12);
        // It may have been a good one: its like are one of 21 batches.
        let range = by_batches(&maxima[..20], 0.01).rate_range;
        assert!((calibration.rate_range.1 - range.1 - 1.0 / 21.0).abs() < 1e-12);
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
        // u = 0, peaks of 2 and 3, and 5 of 400 frames above, of which two in five are 0.5 %.
        let calibration = by_frames(&sequences, 0.005, 1);
        assert!((calibration.factor - 2.891_41).abs() < 3e-3, "{calibration:?}");
        assert_eq!((calibration.n, calibration.needed), (160, 2000));
        let (low, high) = calibration.rate_range;
        // Of two peaks nearly nothing is known of a plant's own rate.
        assert!(low < 5e-4 && (0.011..0.0125).contains(&high), "{low} {high}");
    }

    #[test]
    fn what_has_no_bound_sets_no_limit() {
        let values = [0.8, 0.9, 1.0, 1.1, f64::INFINITY];
        assert!(exceeded_by(&values, 0.01).is_infinite());
        // Values that are all the same are foreseen to stay the same, and nobody knows how often.
        assert_eq!(upper_half(&[0.7; 20]).rate_range(0.01), (0.0, 0.5));
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
