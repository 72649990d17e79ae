//! What a process can do, against what is asked of it: never an index without its interval and the number of
//! readings behind it.

use super::limits::{Estimate, Kind, Limits};
use super::normal;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma, Normal};
use std::f64::consts::PI;

/// What is asked of a reading, in its unit. One side is enough, as of wet tensile strength.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Specification {
    /// The least that is allowed.
    pub lower: Option<f64>,
    /// The most that is allowed.
    pub upper: Option<f64>,
    /// What is aimed at.
    pub target: Option<f64>,
}

/// An index and the interval of its true value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The index.
    pub value: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// Its upper end.
    pub upper: f64,
}

/// What a process can do. It means something only of a process whose chart is calm, and the share outside
/// only of normal readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capability {
    /// The readings of the history.
    pub n: u32,
    /// How many independent ones they are worth: intervals are those of so many.
    pub effective: f64,
    /// The chance that an interval has the true value in it.
    pub confidence: f64,
    /// (USL − LSL) / (6 σ), by the variation of the short term. `None` of one-sided specifications, and where
    /// readings are correlated or subgroups scatter: the short term is then no measure of what a process
    /// could do, and would flatter it.
    pub cp: Option<Index>,
    /// The nearer limit's distance from the mean over 3 σ, by the variation of the short term; `None` as for
    /// `cp`, but for one-sided specifications.
    pub cpk: Option<Index>,
    /// As `cp`, by the standard deviation of all readings.
    pub pp: Option<Index>,
    /// As `cpk`, by the standard deviation of all readings.
    pub ppk: Index,
    /// (USL − LSL) / (6 √(s² + (x̄ − T)²)); `None` without both limits and a target.
    pub cpm: Option<f64>,
    /// Readings of a million that are expected outside, if they are normal.
    pub ppm: f64,
}

/// Why there are no indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// Nothing is asked for.
    #[error("a specification needs a lower or an upper limit")]
    NoLimit,
    /// Nothing can be within.
    #[error("the lower limit of a specification lies below its upper limit")]
    Order,
    /// No interval.
    #[error("a confidence lies between 0.5 and 1, such as 0.95")]
    Confidence,
}

/// The indices of a process with a history that limits were estimated from, with intervals of a confidence
/// such as 0.95.
///
/// # Errors
/// When the specification has no limit or they are in the wrong order, or the confidence is none.
pub fn capability(
    limits: &Limits,
    specification: Specification,
    confidence: f64,
) -> Result<Capability, CapabilityError> {
    let Specification { lower, upper, target } = specification;
    if !(0.5..1.0).contains(&confidence) {
        return Err(CapabilityError::Confidence);
    }
    let width = match (lower, upper) {
        (None, None) => return Err(CapabilityError::NoLimit),
        (Some(lower), Some(upper)) if lower < upper => Some(upper - lower),
        // Also one that is no number.
        (Some(_), Some(_)) => return Err(CapabilityError::Order),
        _ => None,
    };
    let (mean, overall) = (limits.centre, limits.overall);
    let above = lower.map(|lower| mean - lower);
    let below = upper.map(|upper| upper - mean);
    let nearer = above.into_iter().chain(below).fold(f64::INFINITY, f64::min);

    let independent = limits.estimate == Estimate::Within;
    let size = f64::from(limits.kind.readings());
    let effective = if independent { limits.effective * size } else { limits.effective };
    let freedom = effective - 1.0;
    let both = |sigma: f64, freedom: f64| {
        width.map(|width| of_ratio(width / (6.0 * sigma), freedom, confidence))
    };
    let near = |sigma: f64, freedom: f64| {
        of_nearer(nearer / (3.0 * sigma), effective, freedom, confidence)
    };
    let short = independent.then(|| (limits.within, freedom_within(limits)));
    let outside = above.map_or(0.0, |above| normal::cdf(-above / overall))
        + below.map_or(0.0, |below| normal::cdf(-below / overall));
    Ok(Capability {
        n: limits.n.saturating_mul(limits.kind.readings()),
        effective,
        confidence,
        cp: short.and_then(|(sigma, freedom)| both(sigma, freedom)),
        cpk: short.map(|(sigma, freedom)| near(sigma, freedom)),
        pp: both(overall, freedom),
        ppk: near(overall, freedom),
        cpm: width.zip(target).map(|(width, target)| {
            let off = mean - target;
            width / (6.0 * (overall * overall + off * off).sqrt())
        }),
        ppm: 1e6 * outside,
    })
}

/// An index that is a width over a standard deviation with `freedom` degrees of freedom:
/// Ĉ √(χ²(α/2, ν) / ν) … Ĉ √(χ²(1 − α/2, ν) / ν).
#[must_use]
pub fn of_ratio(value: f64, freedom: f64, confidence: f64) -> Index {
    let alpha = 0.5 * (1.0 - confidence);
    // χ²(ν) is a gamma distribution of shape ν/2 and rate 1/2; ν is no whole number.
    let end = |p: f64| {
        let chi = Gamma::new(0.5 * freedom, 0.5).map_or(f64::NAN, |gamma| gamma.inverse_cdf(p));
        value * (chi / freedom).sqrt()
    };
    Index { value, lower: shown(end(alpha)), upper: shown(end(1.0 - alpha)) }
}

/// An index of the nearer limit, of `n` readings and a standard deviation with `freedom` degrees of freedom:
/// Ĉ ± z √(1 / (9 n) + Ĉ² / (2 ν)) (Bissell 1990).
#[must_use]
pub fn of_nearer(value: f64, n: f64, freedom: f64, confidence: f64) -> Index {
    let z = Normal::standard().inverse_cdf(1.0 - 0.5 * (1.0 - confidence));
    let half = z * (1.0 / (9.0 * n) + value * value / (2.0 * freedom)).sqrt();
    Index { value, lower: shown(value - half), upper: shown(value + half) }
}

/// An end of an interval as it is written: what a quantile's last bits are on another machine must not show.
fn shown(end: f64) -> f64 {
    (end * 1e6).round() / 1e6
}

/// The degrees of freedom of the standard deviation of the short term: a sample standard deviation with so
/// many varies as much (its variance is σ² / (2 ν)).
fn freedom_within(limits: &Limits) -> f64 {
    let n = limits.effective;
    // Neighbouring moving ranges share a reading (Cryer and Ryan 1990).
    let of_moving_ranges = (n - 1.0) / (2.0 * (2.0 * PI / 3.0 + 3.0_f64.sqrt() - 3.0));
    if limits.kind == Kind::Individuals {
        return of_moving_ranges;
    }
    limits.kind.constants().map_or(of_moving_ranges, |of| match limits.kind {
        Kind::MeanAndDeviation(_) => n * of.c4 * of.c4 / (2.0 * (1.0 - of.c4 * of.c4)),
        Kind::MeanAndRange(_) | Kind::Individuals => n * of.d2 * of.d2 / (2.0 * of.d3 * of.d3),
    })
}
