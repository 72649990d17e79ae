//! Trial limits: of points too few for limits, wider by what so few leave open, and with the rate of false alarms that they
//! may really have.
//!
//! Where a batch is a point, a hundred points take weeks. Three σ about estimates from 25 have nearly three times the false
//! alarms in the mean, and anything in the single case. So:
//!
//! - Limits are those of a prediction: x̄ ± t(ν, 1 − α/2) s √(1 + 1/m) with m independent points, ν = m − 1 and
//!   α = 2 Φ(−3) (Hahn 1969; for charts Roes, Does and Schurink 1993). The next point is beyond them as often as beyond three
//!   known σ, in the mean over all charts that are made so.
//! - s is by all points, never by moving ranges: a correlation that so few points cannot show makes these too short.
//! - The average has limits ± L s √(v + 1/m): its centre is as uncertain as it is itself, which makes more false alarms than an
//!   uncertain σ does (Jones, Champ and Rigdon 2001).
//! - A correlation of fewer than 20 pairs that lies within its error is taken to be none: two pairs, of batches of a grade that
//!   seldom follow each other, would make 40 points worth none, or all of them.
//! - Rates assume that nothing was cut off from the history. Of batches that were all found to be good something was.
//! - Rules of runs, sums and spreads do not signal. Nine on a side is nothing where nobody knows the centre.
//! - One chart keeps the errors of its own estimates, so its rate is not the mean one. [`OnTrial`] says within which bounds
//!   that of 95 in 100 charts is.

use super::arl;
use super::chart::Settings;
use super::history::History;
use super::limits::{CORRELATION_ERRORS, Estimate, Limits, LimitsError, TRIAL};
use super::normal::{Quadrature, cdf, density};
use super::rules::Rule;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The share of charts, 0–1, the rate of which is within the bounds that are told.
pub const CONFIDENCE: f64 = 0.95;
/// Pairs of neighbours below which a correlation within its error is taken to be none.
const PAIRS: f64 = 20.0;
/// Nodes of the integrals: rates are then right to a thousandth of themselves.
const NODES: u32 = 48;
/// Halvings of a search: enough for four digits, and for the state those are always the same.
const ROUNDS: u32 = 22;
/// Standard errors of an estimate beyond which nothing is.
const FAR: f64 = 8.0;

/// How far trial limits can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OnTrial {
    /// How many times as wide as three standard deviations the limits are.
    pub widened: f64,
    /// How often they signal by chance; `None` where nothing signals by limits on trial.
    pub rates: Option<Rates>,
}

/// Shares of the points, 0–1, that signal while nothing has changed, of independent normal points and over a long time; who
/// signals twice at a point is counted twice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The mean rate over all charts with limits from so many points.
    pub mean: f64,
    /// The lower bound of the rate of this one, as it is in [`CONFIDENCE`] of the charts.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Limits {
    /// Trial limits from a history.
    ///
    /// # Errors
    /// When there are fewer than [`TRIAL`] independent points, none that differ, or the subgroups have no constants.
    pub(super) fn on_trial(
        settings: &Settings,
        history: &History,
        version: u32,
        valid_from: Timestamp,
    ) -> Result<Self, LimitsError> {
        let kind = history.kind();
        let constants = kind.constants().ok_or(LimitsError::Subgroup(kind.readings()))?;
        let (points, pairs) = (&history.points, history.pairs.n);
        let believed = pairs >= PAIRS || history.phi().abs() > CORRELATION_ERRORS / pairs.sqrt();
        let (phi, effective) =
            if believed { (history.phi(), history.effective()) } else { (0.0, points.n) };
        if effective.is_nan() || effective < TRIAL {
            return Err(LimitsError::TooFew { n: history.count(), effective, needed: TRIAL });
        }
        if points.sd() <= 1e-12 * points.mean.abs() {
            return Err(LimitsError::Constant);
        }
        // Points that are alike lie nearer to their own mean: E s² = σ² (1 − 1/m) / (1 − 1/n).
        let sd = points.sd() * ((1.0 - 1.0 / points.n) / (1.0 - 1.0 / effective)).sqrt();
        let trial = OnTrial::of(settings, effective);
        let sigma = (Estimate::Overall, trial.widened * sd);
        let limits = Self::by(history, constants, sigma, version, valid_from);
        Ok(Self { phi, effective, trial: Some(trial), ..limits })
    }
}

impl OnTrial {
    /// That of limits from so many independent points.
    fn of(settings: &Settings, effective: f64) -> Self {
        let freedom = effective - 1.0;
        let of_centre = 1.0 / effective;
        let widened = student(freedom, 2.0 * cdf(-3.0)) * (1.0 + of_centre).sqrt() / 3.0;
        let points = settings.rules.iter().copied().any(Rule::is_of_one_point);
        let ewma = settings.ewma.and_then(|ewma| {
            let v = ewma.lambda / (2.0 - ewma.lambda);
            let limit = arl::ewma_limit(ewma.lambda, ewma.run_length)? * (v + of_centre).sqrt();
            Some((widened * limit, v.sqrt()))
        });
        let charts = Charts {
            freedom,
            of_centre: of_centre.sqrt(),
            watched: points.then_some((3.0 * widened, 1.0)).into_iter().chain(ewma).collect(),
            quadrature: Quadrature::new(NODES),
        };
        let tail = 0.5 * (1.0 - CONFIDENCE);
        let rates = || Rates {
            mean: charts.mean(),
            low: charts.quantile(tail),
            high: charts.quantile(1.0 - tail),
        };
        Self { widened, rates: (!charts.watched.is_empty()).then(rates) }
    }
}

/// All charts with limits from so many points; σ is 1.
struct Charts {
    /// Degrees of freedom of the estimated σ.
    freedom: f64,
    /// The standard error of the centre.
    of_centre: f64,
    /// What is held against limits: how far these are from the centre, in estimated σ, and how much it varies.
    watched: Vec<(f64, f64)>,
    quadrature: Quadrature,
}

impl Charts {
    /// The rate of a chart of which the centre is `off`, and σ estimated as `scale`.
    fn rate(&self, off: f64, scale: f64) -> f64 {
        let of = |(limit, sd): &(f64, f64)| {
            cdf((off - limit * scale) / sd) + cdf((-off - limit * scale) / sd)
        };
        self.watched.iter().map(of).sum()
    }

    /// The density of the estimated σ: ν s² is of a χ² distribution with ν degrees of freedom.
    fn density_of_scale(&self, scale: f64) -> f64 {
        let half = 0.5 * self.freedom;
        let log = half * libm::log(half) - libm::lgamma(half)
            + (self.freedom - 1.0) * libm::log(scale)
            - half * scale * scale;
        2.0 * libm::exp(log)
    }

    /// Where all of them have their σ.
    fn scales(&self) -> (f64, f64) {
        let error = 1.0 / (2.0 * self.freedom).sqrt();
        ((1.0 - FAR * error).max(1e-3), 1.0 + FAR * error)
    }

    fn mean(&self) -> f64 {
        let (low, high) = self.scales();
        self.quadrature.integral(low, high, |scale| {
            let of_scale = self.quadrature.integral(-FAR, FAR, |error| {
                density(error) * self.rate(error * self.of_centre, scale)
            });
            self.density_of_scale(scale) * of_scale
        })
    }

    /// The rate that so large a share of the charts stays below.
    fn quantile(&self, share: f64) -> f64 {
        let rate = halved((libm::log(1e-12), libm::log(2.0)), |log| {
            self.share_below(libm::exp(log)) < share
        });
        libm::exp(rate)
    }

    /// The share of the charts that have a lower rate than this one. A rate grows with the error of the centre, and falls
    /// with the estimated σ.
    fn share_below(&self, rate: f64) -> f64 {
        let (low, high) = self.scales();
        let from = halved((low, high), |scale| self.rate(0.0, scale) >= rate);
        self.quadrature.integral(from, high, |scale| {
            let most = halved((0.0, FAR), |error| self.rate(error * self.of_centre, scale) < rate);
            self.density_of_scale(scale) * (1.0 - 2.0 * cdf(-most))
        })
    }
}

/// Where what holds at the lower end of an interval begins not to hold.
fn halved((low, high): (f64, f64), holds: impl Fn(f64) -> bool) -> f64 {
    halved_by(ROUNDS, (low, high), holds)
}

fn halved_by(rounds: u32, (mut low, mut high): (f64, f64), holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..rounds {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// What Student's t with so many degrees of freedom is beyond, on either side, with probability `beyond`; by arithmetic that
/// gives the same bits on every machine, for limits are part of a state.
fn student(freedom: f64, beyond: f64) -> f64 {
    let quadrature = Quadrature::new(2 * NODES);
    let log = libm::lgamma(0.5 * (freedom + 1.0)) - libm::lgamma(0.5 * freedom);
    let most = libm::exp(log) / (freedom * PI).sqrt();
    let density = |t: f64| most * libm::exp(-0.5 * (freedom + 1.0) * libm::log1p(t * t / freedom));
    // To the last bit, for all limits rest on it.
    halved_by(60, (0.0, 40.0), |t| 1.0 - 2.0 * quadrature.integral(0.0, t, density) > beyond)
}
