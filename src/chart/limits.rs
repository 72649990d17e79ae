//! Limits from history that is believed to be good (phase I), each version with the time from which it holds.

use super::constants::{Constants, c4};
use super::history::{History, Moments};
use super::trial::OnTrial;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// Independent points below which there are no limits: of fifty the true rate of false alarms is twice the
/// nominal one in the mean, and anything in the single case.
pub const NEEDED: f64 = 100.0;
/// Independent points below which there are no trial limits either: even from these the rate of false alarms of one chart
/// may be a three-hundredth of the mean rate, or seven times that ([`OnTrial`]).
pub const TRIAL: f64 = 25.0;
/// Independent points below which limits are provisional.
pub const FIRM: f64 = 300.0;

/// A correlation within so many of its standard errors is taken to be none. A fixed bound would not do: with
/// moving ranges even 0.25 makes three false alarms of one.
pub(super) const CORRELATION_ERRORS: f64 = 1.96;
/// Means of subgroups that are further apart than their ranges explain, by so many standard errors, are judged
/// by how far they are apart.
const SCATTER_ERRORS: f64 = 3.0;

/// Versions that are kept, the newest.
const VERSIONS: usize = 20;

/// What a point of a chart is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One reading; its spread is the moving range.
    Individuals,
    /// The mean of a subgroup of so many readings; its spread is their range.
    MeanAndRange(u32),
    /// The mean of a subgroup of so many readings; its spread is their standard deviation.
    MeanAndDeviation(u32),
}

impl Kind {
    /// Its name: `individuals`, `mean-range` or `mean-deviation`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Individuals => "individuals",
            Self::MeanAndRange(_) => "mean-range",
            Self::MeanAndDeviation(_) => "mean-deviation",
        }
    }

    /// Readings of a point.
    #[must_use]
    pub fn readings(self) -> u32 {
        match self {
            Self::Individuals => 1,
            Self::MeanAndRange(n) | Self::MeanAndDeviation(n) => n,
        }
    }

    /// The constants of its spread: a moving range is one of two readings.
    #[must_use]
    pub fn constants(self) -> Option<Constants> {
        Constants::of(if self == Self::Individuals { 2 } else { self.readings() })
    }

    /// The mean of a point's readings, and their spread if they have one; `None` where a reading is
    /// missing.
    pub(super) fn point(self, readings: &[f64]) -> Option<(f64, Option<f64>)> {
        let n = self.readings();
        let whole = u32::try_from(readings.len()) == Ok(n) && n > 0;
        if !whole || !readings.iter().all(|value| value.is_finite()) {
            return None;
        }
        let n = f64::from(n);
        let mean = readings.iter().sum::<f64>() / n;
        let spread = match self {
            Self::Individuals => None,
            Self::MeanAndRange(_) => {
                let (least, most) = readings
                    .iter()
                    .fold((mean, mean), |(least, most), value| (value.min(least), value.max(most)));
                Some(most - least)
            }
            Self::MeanAndDeviation(_) => {
                let squares: f64 =
                    readings.iter().map(|value| (value - mean) * (value - mean)).sum();
                Some((squares / (n - 1.0)).sqrt())
            }
        };
        Some((mean, spread))
    }
}

/// What is done where points depend on the points before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Autocorrelation {
    /// Limits are widened: those of the overall standard deviation. Good against single points; rules of runs
    /// have more false alarms than their tables say.
    Widened,
    /// What is charted is how far a point is from the one that the point before it lets expect. Rules hold;
    /// a step shows as itself once, and after that only as 1 − φ of it.
    Residual,
}

/// How the standard deviation of a point is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// By moving ranges, or ranges or deviations within subgroups: points are independent.
    Within,
    /// By all points: they are not, and limits are widened.
    Overall,
    /// By the errors of one-step forecasts: they are not, and residuals are charted.
    Residual,
}

impl Estimate {
    /// Its name: `within`, `overall` or `residual`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Overall => "overall",
            Self::Residual => "residual",
        }
    }
}

/// Limits of one spread; its unit is that of the readings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SpreadLimits {
    /// The mean moving range, range or standard deviation.
    pub centre: f64,
    /// The lower limit, at least 0.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
}

/// One version of a chart's limits; values in the unit of the readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Counts up with each version of a chart.
    pub version: u32,
    /// The first instant that they judge.
    pub valid_from: Timestamp,
    /// What points are made of.
    pub kind: Kind,
    /// The mean of the history.
    pub centre: f64,
    /// The standard deviation of a point about what is expected of it: limits are three of these away.
    pub sigma: f64,
    /// How that is known.
    pub estimate: Estimate,
    /// The correlation of a point with the one before it, by least squares.
    pub phi: f64,
    /// The points of the history.
    pub n: u32,
    /// How many independent points they are worth, n (1 − φ) / (1 + φ), never more than there are.
    pub effective: f64,
    /// True below [`FIRM`] of those: the rate of false alarms may be several times the nominal one.
    pub provisional: bool,
    /// The standard deviation of a reading in the short term: by moving ranges or within subgroups.
    pub within: f64,
    /// The standard deviation of all readings.
    pub overall: f64,
    /// Limits of the spread.
    pub spread: SpreadLimits,
    /// What trial limits, which come from fewer than [`NEEDED`] independent points, may be worth; `None` of others.
    #[serde(default)]
    pub trial: Option<OnTrial>,
}

/// Why there are no limits.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum LimitsError {
    /// Too little history.
    #[error("limits need {needed} independent points; these {n} are worth {effective:.0}")]
    TooFew {
        /// Points of the history.
        n: u32,
        /// What they are worth.
        effective: f64,
        /// What they have to be worth: [`NEEDED`], or [`TRIAL`].
        needed: f64,
    },
    /// A history without variation.
    #[error("all points are the same, and limits of that would be broken by any other")]
    Constant,
    /// A subgroup of a size without constants.
    #[error("a subgroup has 2 to 100 readings, and not {0}")]
    Subgroup(u32),
    /// The words of an earlier release, read from what it kept.
    #[error("{0}")]
    #[serde(untagged)]
    Said(Box<str>),
}

impl Limits {
    /// Limits from a history.
    ///
    /// σ is that of the short term (moving ranges, ranges, deviations over their constants) only while
    /// points show no correlation, and means of subgroups no more scatter than their spread explains. Else it
    /// is the standard deviation of all points over c₄, or that of the residuals of an AR(1) by least
    /// squares.
    ///
    /// # Errors
    /// When there are too few independent points, none that differ, or the subgroups have no constants.
    pub fn estimate(
        history: &History,
        autocorrelation: Autocorrelation,
        version: u32,
        valid_from: Timestamp,
    ) -> Result<Self, LimitsError> {
        let kind = history.kind();
        let constants = kind.constants().ok_or(LimitsError::Subgroup(kind.readings()))?;
        let History { points, spreads, pairs, .. } = history;
        let (phi, effective) = (history.phi(), history.effective());
        // Of values that are all the same the mean may differ in the last digit.
        if points.n >= NEEDED && points.sd() <= 1e-12 * points.mean.abs() {
            return Err(LimitsError::Constant);
        }
        if effective.is_nan() || effective < NEEDED {
            return Err(LimitsError::TooFew { n: history.count(), effective, needed: NEEDED });
        }

        let within = constants.of_spread(kind, spreads.mean);
        let of_mean = within / f64::from(kind.readings()).sqrt();
        let short = of_mean > 0.0;
        let correlated = phi.abs() > CORRELATION_ERRORS / pairs.n.sqrt();
        let scattered = kind != Kind::Individuals && {
            let error =
                2.0 / (points.n - 1.0) + 2.0 / (points.n * (f64::from(kind.readings()) - 1.0));
            points.sd() * points.sd() > of_mean * of_mean * (1.0 + SCATTER_ERRORS * error.sqrt())
        };
        let (estimate, sigma) = match autocorrelation {
            Autocorrelation::Residual if correlated && pairs.error() > 0.0 => {
                (Estimate::Residual, pairs.error())
            }
            _ if short && !correlated && !scattered => (Estimate::Within, of_mean),
            _ => (Estimate::Overall, c4_of(points)),
        };
        let sigma = (estimate, sigma);
        Ok(Self::by(history, constants, sigma, version, valid_from))
    }

    /// Limits by a standard deviation, and how that is known.
    pub(super) fn by(
        history: &History,
        constants: Constants,
        (estimate, sigma): (Estimate, f64),
        version: u32,
        valid_from: Timestamp,
    ) -> Self {
        let (kind, effective) = (history.kind(), history.effective());
        let spread = history.spreads.mean;
        let (lower, upper) = match kind {
            Kind::MeanAndDeviation(_) => constants.b3_b4(),
            Kind::Individuals | Kind::MeanAndRange(_) => constants.d3_d4(),
        };
        Self {
            version,
            valid_from,
            kind,
            centre: history.points.mean,
            sigma,
            estimate,
            phi: history.phi(),
            n: history.count(),
            effective,
            provisional: effective < FIRM,
            within: constants.of_spread(kind, spread),
            overall: c4_of(&history.readings),
            spread: SpreadLimits { centre: spread, lower: lower * spread, upper: upper * spread },
            trial: None,
        }
    }

    /// The limits of one point when nothing but the mean is expected of it: `centre` ± 3 `sigma`.
    #[must_use]
    pub fn three_sigma(&self) -> (f64, f64) {
        (self.centre - 3.0 * self.sigma, self.centre + 3.0 * self.sigma)
    }

    /// The correlation of what is charted with what was charted before it: none where points are
    /// independent, or residuals are charted.
    pub(super) fn charted_phi(&self) -> f64 {
        match self.estimate {
            // Of few points a correlation may be chance: what would narrow limits is not believed.
            Estimate::Overall if self.trial.is_some() => self.phi.max(0.0),
            Estimate::Overall => self.phi,
            Estimate::Within | Estimate::Residual => 0.0,
        }
    }

    /// The variance of the centre in σ² where limits allow for it: those on trial.
    pub(super) fn centre_variance(&self) -> f64 {
        if self.trial.is_some() { 1.0 / self.effective } else { 0.0 }
    }
}

/// The standard deviation, without the bias that it has of few values.
pub(super) fn c4_of(of: &Moments) -> f64 {
    of.sd() / c4(of.n)
}

/// The versions of a chart's limits.
///
/// A later one begins after all that were there, so what was judged stays judged as it was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Versions {
    /// Oldest first.
    list: Vec<Limits>,
}

/// Limits that would change what was judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {version} from {valid_from} does not come after version {last} from {last_from}, \
     and would change marks of the past"
)]
pub struct NotLater {
    /// Its version.
    pub version: u32,
    /// Its first instant.
    pub valid_from: Timestamp,
    /// The newest version there is.
    pub last: u32,
    /// Its first instant.
    pub last_from: Timestamp,
}

impl Versions {
    /// Adds a version. The twenty newest are kept.
    ///
    /// # Errors
    /// When its number, or the time from which it holds, does not come after that of the newest.
    pub fn add(&mut self, limits: Limits) -> Result<(), NotLater> {
        if let Some(last) = self.list.last()
            && (limits.version <= last.version || limits.valid_from <= last.valid_from)
        {
            return Err(NotLater {
                version: limits.version,
                valid_from: limits.valid_from,
                last: last.version,
                last_from: last.valid_from,
            });
        }
        if self.list.len() == VERSIONS {
            self.list.remove(0);
        }
        self.list.push(limits);
        Ok(())
    }

    /// The version that holds at an instant; `None` before the first.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Option<&Limits> {
        self.list.iter().rev().find(|limits| limits.valid_from <= at)
    }

    /// All that are kept, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Limits] {
        &self.list
    }
}
