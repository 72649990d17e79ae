//! Variance between batches and within them, with intervals.
//!
//! A one-way layout with random effects: batches are its groups, and what was measured along a batch are the values of a
//! group. Groups are of different sizes, so means are taken unweighted (Thomas and Hultquist 1978), and the interval of the
//! variance between is that of Ting, Burdick, Graybill and others (1990), the modified large-sample one.
//!
//! Values along a batch resemble their neighbours, so its mean is known less well than so many values would have it. Their
//! correlation from one to the next is taken to be alike in all batches, and to die away by the same factor at each step (a
//! first-order autoregression); n of them then tell of the mean as much as n′ that do not resemble each other. What swings
//! more slowly than a batch takes cannot be told from what differs between batches, and counts as that.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, FisherSnedecor, Gamma};

/// What lies beyond an interval at either end.
const TAIL: f64 = 0.025;

/// A batch with fewer values along it says nothing of how they resemble each other.
const VALUES_LEAST: usize = 4;

/// A correlation that is greater is taken to be this: a batch is then worth little more than one value.
const CORRELATION_MAX: f64 = 0.95;

/// More degrees of freedom than this are this many: the interval is a hundredth to either side, and of many more the search
/// for a quantile has no end.
const FREEDOM_MAX: f64 = 20_000.0;

/// A part of a variance, and where the true one lies in nineteen cases of twenty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Component {
    /// The variance, in the square of the unit; never below 0.
    pub variance: f64,
    /// Its square root, in the unit.
    pub deviation: f64,
    /// The least true deviation; `None` where too little is known to say.
    pub low: Option<f64>,
    /// The greatest.
    pub high: Option<f64>,
    /// What it is of the whole variance, 0–1; `None` where the whole is not known, or is nothing.
    pub share: Option<f64>,
}

impl Component {
    /// A variance with the interval of it.
    fn new(variance: f64, interval: Option<(f64, f64)>) -> Self {
        let root = |variance: f64| variance.max(0.0).sqrt();
        Self {
            variance: variance.max(0.0),
            deviation: root(variance),
            low: interval.map(|(low, _)| root(low)),
            high: interval.map(|(_, high)| root(high)),
            share: None,
        }
    }

    /// The same with what it is of the whole.
    pub(super) fn of(self, whole: f64) -> Self {
        Self { share: (whole > 0.0).then(|| self.variance / whole), ..self }
    }
}

/// What was measured along a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    /// The mean of the batch.
    pub(super) mean: f64,
    /// Its values: means of its sections in order, or results of its positions.
    pub(super) values: &'a [f64],
}

/// The variance between batches, and of the values along them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts {
    /// Between batches, without what is left of the variance within them in their means.
    pub(super) between: Component,
    /// Of the values along a batch.
    pub(super) within: Component,
    /// The correlation of a value along a batch with the next one.
    pub(super) correlation: f64,
}

/// How far the values of a normal distribution are spread that have this variance by so many degrees of freedom.
fn spread(variance: f64, freedom: f64) -> Option<(f64, f64)> {
    let least = quantile(freedom, 1.0 - TAIL)?;
    let greatest = quantile(freedom, TAIL)?;
    Some((variance / least, variance / greatest))
}

/// χ² of a tail, divided by its degrees of freedom: F with as many and infinitely many.
fn quantile(freedom: f64, at: f64) -> Option<f64> {
    let gamma = Gamma::new(freedom / 2.0, freedom / 2.0).ok()?;
    Some(gamma.inverse_cdf(at)).filter(|quantile| quantile.is_finite() && *quantile > 0.0)
}

#[expect(clippy::cast_precision_loss, reason = "batches and values are counted")]
fn count(n: usize) -> f64 {
    n as f64
}

/// The variance of some numbers, as they are, with the interval by χ²; `None` of fewer than two.
pub(super) fn of_values(values: &[f64]) -> Option<Component> {
    let variance = variance(values)?;
    Some(Component::new(variance, spread(variance, count(values.len()) - 1.0)))
}

/// The variance of some numbers; `None` of fewer than two.
fn variance(values: &[f64]) -> Option<f64> {
    let n = count(values.len());
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// The mean of variances of batches, each by its weight, and its degrees of freedom by how it differs from batch to batch
/// (Satterthwaite), which needs no word on how values of a batch resemble each other; of ten batches the interval by it holds
/// the truth somewhat more seldom than it says. `None` of nothing.
fn pool(each: &[(f64, f64)]) -> Option<(f64, Option<f64>)> {
    let weight: f64 = each.iter().map(|(_, weight)| weight).sum();
    if weight <= 0.0 {
        return None;
    }
    let mean = each.iter().map(|(value, weight)| weight * value).sum::<f64>() / weight;
    let n = count(each.len());
    let squares: f64 = each.iter().map(|(value, w)| (w * (value - mean)).powi(2)).sum();
    let error = squares / weight.powi(2) * n / (n - 1.0);
    let freedom =
        (each.len() > 1 && mean > 0.0).then(|| (2.0 * mean * mean / error).min(FREEDOM_MAX));
    Some((mean, freedom.filter(|freedom| *freedom >= 1.0)))
}

/// Variances of batches put together, each by its weight.
pub(super) fn pooled(each: &[(f64, f64)]) -> Option<Component> {
    let (mean, freedom) = pool(each)?;
    Some(Component::new(mean, freedom.and_then(|freedom| spread(mean, freedom))))
}

/// Divides what was measured along batches in this order; `resemble`: values that follow one another may.
///
/// `None` of fewer than two batches, or where no batch has values enough.
pub(super) fn divide(groups: &[Group<'_>], resemble: bool) -> Option<Parts> {
    let least = if resemble { VALUES_LEAST } else { 2 };
    let told: Vec<&Group<'_>> = groups.iter().filter(|group| group.values.len() >= least).collect();
    if groups.len() < 2 || told.is_empty() {
        return None;
    }
    let correlation = if resemble { correlation(&told) } else { 0.0 };
    // A variance of each batch, freed of what its own mean took of it.
    let each: Vec<(f64, f64)> = told
        .iter()
        .filter_map(|group| {
            let n = count(group.values.len());
            let mean = group.values.iter().sum::<f64>() / n;
            let squares: f64 = group.values.iter().map(|value| (value - mean).powi(2)).sum();
            let left = n * (1.0 - 1.0 / worth(group.values.len(), correlation));
            (left > 0.0).then(|| (squares / left, left))
        })
        .collect();
    let (within, by_batches) = pool(&each)?;
    let freedom = if resemble {
        by_batches
    } else {
        Some(each.iter().map(|(_, left)| left).sum::<f64>().min(FREEDOM_MAX))
    };
    let inverse: f64 =
        groups.iter().map(|group| 1.0 / worth(group.values.len().max(1), correlation)).sum();
    let size = count(groups.len()) / inverse;
    let means: Vec<f64> = groups.iter().map(|group| group.mean).collect();
    let of_means = variance(&means)?;
    let between = of_means - within / size;
    let interval = freedom
        .and_then(|freedom| {
            large_sample((of_means * size, count(groups.len()) - 1.0), (within, freedom))
        })
        .map(|(low, high)| (low / size, high / size));
    Some(Parts {
        between: Component::new(between, interval),
        within: Component::new(within, freedom.and_then(|freedom| spread(within, freedom))),
        correlation,
    })
}

/// The correlation of values with those that follow them, from all batches; that of short ones is seen too small by their own
/// means, (1 + 3ρ)/n (Kendall 1954).
fn correlation(groups: &[&Group<'_>]) -> f64 {
    let (mut common, mut squares, mut n) = (0.0, 0.0, 0.0);
    for group in groups {
        let values = group.values;
        let mean = values.iter().sum::<f64>() / count(values.len());
        common += values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>();
        squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        n += count(values.len());
    }
    let n = n / count(groups.len());
    if squares <= 0.0 {
        return 0.0;
    }
    let seen = common / squares;
    ((seen + 1.0 / n) / (1.0 - 3.0 / n)).clamp(0.0, CORRELATION_MAX)
}

/// How many values without correlation tell of a mean as much as `n` with it.
fn worth(n: usize, correlation: f64) -> f64 {
    let size = count(n);
    let (mut sum, mut power) = (1.0, 1.0);
    for step in 1..n {
        power *= correlation;
        sum += 2.0 * (1.0 - count(step) / size) * power;
        if power < 1e-12 {
            break;
        }
    }
    size / sum
}

/// The interval of the difference of two mean squares, each with its degrees of freedom.
fn large_sample((first, n1): (f64, f64), (second, n2): (f64, f64)) -> Option<(f64, f64)> {
    let f = |at: f64| {
        let f = FisherSnedecor::new(n1, n2).ok()?.inverse_cdf(at);
        (f.is_finite() && f > 0.0).then_some(f)
    };
    let (upper, lower) = (f(1.0 - TAIL)?, f(TAIL)?);
    let g = |n: f64| Some(1.0 - 1.0 / quantile(n, 1.0 - TAIL)?);
    let h = |n: f64| Some(1.0 / quantile(n, TAIL)? - 1.0);
    let (g1, g2, h1, h2) = (g(n1)?, g(n2)?, h(n1)?, h(n2)?);
    let g12 = ((upper - 1.0).powi(2) - (g1 * upper).powi(2) - h2.powi(2)) / upper;
    let h12 = ((1.0 - lower).powi(2) - (h1 * lower).powi(2) - g2.powi(2)) / lower;
    let below = (g1 * first).powi(2) + (h2 * second).powi(2) + g12 * first * second;
    let above = (h1 * first).powi(2) + (g2 * second).powi(2) + h12 * first * second;
    let difference = first - second;
    let low = difference - below.max(0.0).sqrt();
    Some((low.max(0.0), (difference + above.max(0.0).sqrt()).max(0.0)))
}

#[cfg(test)]
mod tests;
