//! How long what a tag sees takes until the quality tags see it, estimated from good batches.
//!
//! Slow wandering correlates with anything. So each series is prewhitened by an autoregression of its own first, and what is
//! correlated at all lags is what neither foretells of itself (Haugh 1976). Where two such series have nothing in
//! common, their correlation at a lag is about normal, with the variance of Bartlett's formula: 1/n, and more by what autocorrelation is
//! left. The greatest over all tags, quality tags and lags has to be beyond what chance reaches once in a hundred fits
//! (Bonferroni). What is far out in either series counts as no more than four deviations: a few moves of a set point would
//! otherwise stand for a thousand rows.
//!
//! A control loop answers to the quality at once, so that a peak at or before lag 0 says that the tag follows, not how
//! long it takes; nothing is told of such a pair. Nor is anything where lags that cannot be told from the peak reach that far. What is
//! found is when the quality first tells more than it did: the dead time, without the time that mixing takes after it,
//! and with the time that the quality's own instrument takes (a scan).

use super::Table;
use super::dynamic::frames_in_row;
use crate::plant::Transit;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use std::ops::Range;
use std::sync::Arc;

/// No longer lag is looked at, s.
const LAG_MAX_S: f64 = 7200.0;

/// The rows that an autoregression goes back at most, and those that a stretch needs.
const ORDER_MAX: usize = 30;
const STRETCH_LEAST: usize = ORDER_MAX + 6;

/// The newest rows that are looked at.
const ROWS_MAX: usize = 30_000;

/// Products that a fit's correlations take at most, some seconds: with many tags fewer rows are looked at.
const PRODUCTS_MAX: usize = 1 << 32;

/// Pairs of rows that a correlation needs at the least.
const PAIRS_LEAST: f64 = 100.0;

/// A residual counts as no more than so many deviations.
const FARTHEST: f64 = 4.0;

/// A median absolute deviation in standard deviations of a normal variable.
const MAD: f64 = 1.482_602_218_505_602;

/// Lags of the autocorrelation in Bartlett's formula.
const BARTLETT_LAGS: usize = 60;

/// How often a fit may find a delay where there is none.
const FALSE_RATE: f64 = 0.01;

/// Two correlations of the same variance that are nearer to each other cannot be told apart, in deviations: 1.96 √2.
const APART: f64 = 2.772;

/// A column must have a value in this share of its rows.
const FILLED_LEAST: f64 = 0.8;

/// What is known of the delay of a tag from good batches. Lags are from reading to reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DelayEstimate {
    /// The tag.
    pub tag: Arc<str>,
    /// The quality tag that follows it.
    pub quality: Arc<str>,
    /// The lag at which it does most clearly, s.
    pub lag_s: f64,
    /// The least and the most that it can be, s.
    pub range_s: (f64, f64),
    /// The correlation at that lag of what both do not foretell of themselves; below zero where one falls when the
    /// other rises.
    pub correlation: f64,
    /// Its standard error where there is none.
    pub error: f64,
}

impl DelayEstimate {
    /// The delay from the sampling of the tag to the end of the line, where samples of the tag and of the quality tag are
    /// read so much later, s.
    #[must_use]
    pub fn transit(&self, lag_s: f64, quality_lag_s: f64) -> Transit {
        let seconds = |lag: f64| (lag + lag_s - quality_lag_s).max(0.0);
        Transit {
            earliest_s: seconds(self.range_s.0),
            likeliest_s: seconds(self.lag_s),
            latest_s: seconds(self.range_s.1),
        }
    }

    /// The same for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { tag, quality, lag_s, range_s: (earliest, latest), correlation, error } = self;
        format!(
            "{tag} {lag_s} s ({earliest} to {latest}) by {quality}, r {correlation:.2} ± {error:.2}"
        )
    }
}

/// A prewhitened series, stretch after stretch; 0 where nothing is known.
struct White {
    stretches: Vec<Vec<f64>>,
    /// Its autocorrelation from lag 1 on.
    left: Vec<f64>,
    /// Its mean square.
    square: f64,
}

/// Estimates the delays of some columns of a table, with frames of so many seconds.
pub(super) fn estimate(table: &Table, columns: &[usize], frame_s: f64) -> Vec<DelayEstimate> {
    if table.quality.is_empty() || columns.is_empty() {
        return Vec::new();
    }
    let every = frames_in_row(frame_s);
    #[expect(clippy::cast_precision_loss, reason = "frames in a row are few")]
    let row_s = frame_s * every as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 720")]
    let lags = (LAG_MAX_S / row_s) as usize;
    let pairs = columns.len() * table.quality.len() * (2 * lags + 1);
    let stretches = stretches(table, every, ROWS_MAX.min(PRODUCTS_MAX / pairs));
    let width = table.columns.len();
    let process = |ix: usize| white(&stretches, every, |row| table.values[row * width + ix]);
    let measured = table.quality.len();
    let quality = |ix: usize| white(&stretches, every, |row| table.measured[row * measured + ix]);
    let qualities: Vec<(usize, White)> =
        (0..measured).filter_map(|ix| Some((ix, quality(ix)?))).collect();
    let asked = columns.len() * qualities.len() * (2 * lags + 1);
    if asked == 0 {
        return Vec::new();
    }
    let (of_all, of_one) = (beyond(asked), beyond(2 * lags + 1));
    let of_column = |ix: &usize| {
        let series = process(*ix)?;
        let found = qualities.iter().filter_map(|(by, quality)| {
            let crossed = Crossed::new(&series, quality, lags);
            crossed.peak(of_all, of_one).map(|peak| (peak, *by))
        });
        let (peak, by) = found.max_by(|(a, _), (b, _)| a.height.total_cmp(&b.height))?;
        let seconds = |rows: f64| (rows * row_s).max(0.0);
        Some(DelayEstimate {
            tag: Arc::clone(&table.columns[*ix]),
            quality: Arc::clone(&table.quality[by]),
            lag_s: seconds(peak.lag),
            // A lag of rows is one of less than a row more or less.
            range_s: (seconds(peak.first - 1.0), seconds(peak.last + 1.0)),
            correlation: peak.correlation,
            error: peak.error,
        })
    };
    columns.iter().filter_map(of_column).collect()
}

/// The deviations that a normal variable goes beyond, either way, once in so many fits of this many tries.
fn beyond(tries: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "tries are far fewer than 2^53")]
    let one = FALSE_RATE / 2.0 / tries as f64;
    Normal::standard().inverse_cdf(one).abs()
}

/// The newest stretches of frames that follow each other, in order, of so many rows: each at least so long that something is
/// learned of it.
fn stretches(table: &Table, every: usize, mut room: usize) -> Vec<Range<usize>> {
    let ends = table.gaps.iter().flat_map(|gap| [*gap, gap + 1]);
    let begins = table.blocks.iter().filter(|block| !table.joined.contains(block)).copied();
    let mut cuts: Vec<usize> = ends.chain(begins).chain([0, table.rows()]).collect();
    cuts.sort_unstable();
    let mut found: Vec<Range<usize>> = Vec::new();
    for cut in cuts.windows(2).rev() {
        let rows = ((cut[1] - cut[0]) / every).min(room);
        if rows >= STRETCH_LEAST {
            found.push(cut[1] - rows * every..cut[1]);
            room -= rows;
        }
    }
    found.reverse();
    found
}

/// The row means of a column, prewhitened; `None` where it has too many holes or does not vary.
#[expect(clippy::cast_precision_loss, reason = "tables have far fewer than 2^53 rows")]
fn white(stretches: &[Range<usize>], every: usize, value: impl Fn(usize) -> f64) -> Option<White> {
    let mut series: Vec<Vec<f64>> = Vec::with_capacity(stretches.len());
    let (mut rows, mut filled) = (0, 0);
    for stretch in stretches {
        let mean = |first: usize| {
            let values = (first..first + every).map(&value).filter(|value| value.is_finite());
            let (sum, n) = values.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
            if 2 * n >= every { sum / f64::from(u32::try_from(n).unwrap_or(1)) } else { f64::NAN }
        };
        let mut means: Vec<f64> = stretch.clone().step_by(every).map(mean).collect();
        let known = || means.iter().filter(|mean| mean.is_finite());
        let n = known().count();
        let level = known().sum::<f64>() / n.max(1) as f64;
        for mean in &mut means {
            *mean = if mean.is_finite() { *mean - level } else { 0.0 };
        }
        rows += means.len();
        filled += n;
        series.push(means);
    }
    if rows == 0 || (filled as f64) < FILLED_LEAST * rows as f64 {
        return None;
    }
    let weights = autoregression(&covariances(&series, ORDER_MAX), rows)?;
    let mut residuals: Vec<f64> = Vec::with_capacity(rows);
    for values in &mut series {
        let whitened = (weights.len()..values.len()).map(|ix| {
            let before = weights.iter().zip(values[..ix].iter().rev());
            values[ix] - before.map(|(weight, value)| weight * value).sum::<f64>()
        });
        let whitened: Vec<f64> = whitened.collect();
        residuals.extend(&whitened);
        values[..weights.len()].fill(0.0);
        values[weights.len()..].copy_from_slice(&whitened);
    }
    let n = residuals.len().max(1) as f64;
    let sd = (residuals.iter().map(|value| value * value).sum::<f64>() / n).sqrt();
    for residual in &mut residuals {
        *residual = residual.abs();
    }
    let middle = residuals.len() / 2;
    let median = *residuals.select_nth_unstable_by(middle, f64::total_cmp).1;
    let scale = Some(sd.min(MAD * median)).filter(|scale| *scale > 0.0).unwrap_or(sd);
    if scale <= 0.0 || !scale.is_finite() {
        return None;
    }
    for value in series.iter_mut().flatten() {
        *value = (*value / scale).clamp(-FARTHEST, FARTHEST);
    }
    let covariances = covariances(&series, BARTLETT_LAGS);
    let left = covariances[1..].iter().map(|covariance| covariance / covariances[0]).collect();
    Some(White { stretches: series, left, square: covariances[0] })
}

/// The autocovariances of a series of mean 0 within its stretches, from lag 0 on.
#[expect(clippy::cast_precision_loss, reason = "tables have far fewer than 2^53 rows")]
fn covariances(series: &[Vec<f64>], lags: usize) -> Vec<f64> {
    let rows: usize = series.iter().map(Vec::len).sum();
    let at = |lag: usize| {
        let products = series.iter().map(|values| {
            let later = values.iter().skip(lag);
            values.iter().zip(later).map(|(a, b)| a * b).sum::<f64>()
        });
        products.sum::<f64>() / rows.max(1) as f64
    };
    (0..=lags).map(at).collect()
}

/// The weights of an autoregression with these autocovariances, of the order with the least information criterion of
/// Akaike: by Levinson's recursion (Brockwell and Davis 1991, 5.2). `None` of what does not vary.
#[expect(clippy::cast_precision_loss, reason = "tables have far fewer than 2^53 rows")]
fn autoregression(covariances: &[f64], rows: usize) -> Option<Vec<f64>> {
    let mut variance = *covariances.first()?;
    if variance <= 0.0 || !variance.is_finite() {
        return None;
    }
    let mut weights: Vec<f64> = Vec::new();
    let (mut least, mut best) = (rows as f64 * libm::log(variance), Vec::new());
    for order in 1..covariances.len() {
        let known = weights.iter().zip(covariances[1..order].iter().rev());
        let told: f64 = known.map(|(weight, covariance)| weight * covariance).sum();
        let partial = (covariances[order] - told) / variance;
        let reversed: Vec<f64> = weights.iter().rev().copied().collect();
        weights.iter_mut().zip(reversed).for_each(|(weight, other)| *weight -= partial * other);
        weights.push(partial);
        variance *= 1.0 - partial * partial;
        if variance <= 0.0 {
            break;
        }
        let criterion = rows as f64 * libm::log(variance) + 2.0 * order as f64;
        if criterion < least {
            (least, best) = (criterion, weights.clone());
        }
    }
    Some(best)
}

/// Where two series have most to do with each other.
struct Peak {
    /// In rows, and those that cannot be told from it.
    lag: f64,
    first: f64,
    last: f64,
    correlation: f64,
    error: f64,
    /// The correlation over its error.
    height: f64,
}

/// The correlations of two prewhitened series at all lags.
struct Crossed {
    /// The first is of the lag −`lags`; with how many deviations each is.
    correlations: Vec<(f64, f64)>,
    lags: usize,
}

impl Crossed {
    /// At a lag above 0 the first comes before the second.
    #[expect(clippy::cast_precision_loss, reason = "tables have far fewer than 2^53 rows")]
    fn new(first: &White, second: &White, lags: usize) -> Self {
        let both = first.left.iter().zip(&second.left).map(|(a, b)| a * b).sum::<f64>();
        let widened = (1.0 + 2.0 * both).max(1.0);
        let scale = (first.square * second.square).sqrt();
        let at = |lag: usize, ahead: bool| {
            let (mut sum, mut pairs) = (0.0, 0);
            for (a, b) in first.stretches.iter().zip(&second.stretches) {
                let (early, late) = if ahead { (a, b) } else { (b, a) };
                let later = late.iter().skip(lag);
                sum += early.iter().zip(later).map(|(a, b)| a * b).sum::<f64>();
                pairs += early.len().saturating_sub(lag);
            }
            let pairs = pairs as f64;
            if pairs < PAIRS_LEAST {
                return (0.0, f64::INFINITY);
            }
            (sum / pairs / scale, (widened / pairs).sqrt())
        };
        let before = (1..=lags).rev().map(|lag| at(lag, false));
        Self { correlations: before.chain((0..=lags).map(|lag| at(lag, true))).collect(), lags }
    }

    /// The peak, if it is beyond so many deviations and the second surely follows; lags that are within reach of it count
    /// from so many on.
    #[expect(clippy::cast_precision_loss, reason = "lags are at most 720")]
    fn peak(&self, of_all: f64, of_one: f64) -> Option<Peak> {
        let height = |(correlation, error): (f64, f64)| correlation / error;
        let (place, (correlation, error)) = self
            .correlations
            .iter()
            .copied()
            .enumerate()
            .max_by(|(_, a), (_, b)| height(*a).abs().total_cmp(&height(*b).abs()))?;
        let highest = height((correlation, error)).abs();
        if highest <= of_all {
            return None;
        }
        let nearly = (highest - APART).max(of_one);
        let near = |one: &(f64, f64)| height(*one) * correlation.signum() >= nearly;
        let first = self.correlations.iter().position(near).filter(|first| *first > self.lags)?;
        let last = self.correlations.iter().rposition(near)?;
        let lag = |place: usize| (place - self.lags) as f64;
        Some(Peak {
            lag: lag(place),
            first: lag(first),
            last: lag(last),
            correlation,
            error,
            height: highest,
        })
    }
}

#[cfg(test)]
mod tests;
