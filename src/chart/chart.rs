//! One chart: points in event time go in, plain fields of what a page draws come out.

use super::arl;
use super::cusum::{Cusum, Shift};
use super::ewma::Ewma;
use super::history::History;
use super::limits::{
    Autocorrelation, Estimate, Kind, Limits, LimitsError, NotLater, SpreadLimits, Versions,
};
use super::rules::{Machine, Rule, Side};
use super::step::{Step, kept};
use super::text::texts;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// How a tag is charted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What a point is.
    pub kind: Kind,
    /// What is done where points depend on those before them.
    pub autocorrelation: Autocorrelation,
    /// The rules of runs that mark points.
    pub rules: BTreeSet<Rule>,
    /// True if a spread beyond its limits is marked. The moving range of independent readings is beyond them
    /// once in 109 points.
    pub spread: bool,
    /// A moving average beside the points.
    pub ewma: Option<EwmaSettings>,
    /// Sums beside the points.
    pub cusum: Option<CusumSettings>,
    /// How far apart points usually are, where they come by the clock; `None` where they are counted, as one
    /// a batch.
    pub interval: Option<Duration>,
    /// Points further apart than this are no neighbours: runs, trends and moving ranges begin anew.
    pub gap: Option<Duration>,
    /// True if history that is too short for limits makes trial limits.
    #[serde(default)]
    pub trial: bool,
}

impl Default for Settings {
    /// Points beyond three σ and an EWMA: what finds most at a stated rate of false alarms.
    fn default() -> Self {
        Self {
            kind: Kind::Individuals,
            autocorrelation: Autocorrelation::Residual,
            rules: BTreeSet::from([Rule::Nelson1]),
            spread: false,
            ewma: Some(EwmaSettings { lambda: 0.1, run_length: arl::USUAL }),
            cusum: None,
            interval: None,
            gap: None,
            trial: false,
        }
    }
}

impl Settings {
    /// What marks points.
    pub fn detectors(&self) -> impl Iterator<Item = Detector> {
        let rules = self.rules.iter().copied().map(Detector::Rule);
        let others = [
            (self.spread, Detector::Spread),
            (self.ewma.is_some(), Detector::Ewma),
            (self.cusum.is_some(), Detector::Cusum),
        ];
        rules.chain(others.into_iter().filter_map(|(used, detector)| used.then_some(detector)))
    }

    /// Limits from a history: on trial, where that is asked for and it is too short for others.
    ///
    /// # Errors
    /// When there are too few independent points, none that differ, or the subgroups have no constants.
    pub fn limits(
        &self,
        history: &History,
        version: u32,
        valid_from: Timestamp,
    ) -> Result<Limits, LimitsError> {
        match Limits::estimate(history, self.autocorrelation, version, valid_from) {
            Err(LimitsError::TooFew { .. }) if self.trial => {
                Limits::on_trial(self, history, version, valid_from)
            }
            found => found,
        }
    }

    /// Points until something signals by chance, at least, in the mean, of independent points: rates of all that marks
    /// points add up where no two of them mark the same. `None` if nothing does.
    #[must_use]
    pub fn run_length(&self) -> Option<f64> {
        let length = |detector| match detector {
            Detector::Rule(rule) => Some(rule.run_length()),
            // A moving range of independent readings is beyond its limits once in 109 points; ranges and deviations
            // of subgroups are so less often.
            Detector::Spread => Some(109.0),
            Detector::Ewma => self.ewma.map(|ewma| ewma.run_length),
            Detector::Cusum => self.cusum.map(|cusum| cusum.run_length),
        };
        let rate: f64 = self.detectors().filter_map(length).map(|length| 1.0 / length).sum();
        (rate > 0.0).then(|| 1.0 / rate)
    }
}

/// How the moving average is made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EwmaSettings {
    /// λ, the weight of the newest point, 0.02 to 1.
    pub lambda: f64,
    /// Points until a false alarm, in the mean; of [`arl::RUN_LENGTHS`].
    pub run_length: f64,
}

/// How the sums are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CusumSettings {
    /// The reference value in σ: half of the shift that is to be found soonest, 0.1 to 2.
    pub k: f64,
    /// Points until a false alarm, in the mean; of [`arl::RUN_LENGTHS`].
    pub run_length: f64,
    /// True if the sums begin at half of their limit.
    pub fast: bool,
}

/// Settings that make no chart.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// A subgroup of a size without constants.
    #[error(transparent)]
    Subgroup(#[from] LimitsError),
    /// No such moving average.
    #[error("an EWMA has a `lambda` of 0.02 to 1, and a run length of 20 to 1,000,000 points")]
    Ewma,
    /// No such sums.
    #[error(
        "a CUSUM has a `k` of 0.1 to 2, and a run length of 20 to 1,000,000 points, which is too short for \
         a great `k`"
    )]
    Cusum,
    /// Points without a distance.
    #[error("the interval of points and the gap between them are longer than nothing")]
    Interval,
}

/// What marks points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Detector {
    /// A rule of runs.
    Rule(Rule),
    /// The spread.
    Spread,
    /// The moving average.
    Ewma,
    /// The sums.
    Cusum,
}

impl Detector {
    /// All of them.
    pub const ALL: [Self; 15] = {
        let mut all = [Self::Cusum; 15];
        let mut ix = 0;
        while ix < Rule::ALL.len() {
            all[ix] = Self::Rule(Rule::ALL[ix]);
            ix += 1;
        }
        all[ix] = Self::Spread;
        all[ix + 1] = Self::Ewma;
        all
    };

    /// True if it signals by trial limits too: nobody knows of so few points where the centre is, and runs and sums are about
    /// that.
    #[must_use]
    pub fn holds_on_trial(self) -> bool {
        match self {
            Self::Rule(rule) => rule.is_of_one_point(),
            Self::Ewma => true,
            Self::Spread | Self::Cusum => false,
        }
    }

    /// Its name: that of the rule, `spread`, `ewma` or `cusum`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::Spread => "spread",
            Self::Ewma => "ewma",
            Self::Cusum => "cusum",
        }
    }
}

texts!(
    Detector,
    "nothing that marks points: neither a rule of runs nor `spread`, `ewma` or `cusum`"
);

/// A mark at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// What marks it.
    pub by: Detector,
    /// To which side it is off.
    pub side: Side,
}

impl std::fmt::Display for Mark {
    /// What marks it, with `+` above the centre or rising and `-` below it or falling.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = match self.side {
            Side::High => "+",
            Side::Low => "-",
            Side::Both => "",
        };
        write!(f, "{}{side}", self.by)
    }
}

/// A value with the limits that it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The value.
    pub value: f64,
    /// The centre line.
    pub centre: f64,
    /// The lower limit.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
}

/// The sums at a point, in the unit of the readings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// How much came together above the centre.
    pub high: f64,
    /// How much came together below it.
    pub low: f64,
    /// The limit of both.
    pub limit: f64,
    /// The shift, if a sum passed its limit at this point.
    pub shift: Option<ShiftTo>,
}

/// A shift that the sums found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShiftTo {
    /// Points since it began, this one included.
    pub points: u32,
    /// The last point before it; `None` if it was there when the chart began.
    pub began_after: Option<Timestamp>,
    /// The mean since then, in the unit of the readings.
    pub mean: f64,
}

/// What a chart says of a point; values in the unit of the readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The time that it was given.
    pub at: Timestamp,
    /// The version of the limits.
    pub version: u32,
    /// True if they are provisional.
    pub provisional: bool,
    /// The reading, or the mean of the subgroup.
    pub value: f64,
    /// The centre line; of residuals what the point before lets expect, so that it moves.
    pub centre: f64,
    /// The width of a zone.
    pub sigma: f64,
    /// The lower limit, three of these away.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
    /// 1, 2 and 3 above the centre are the zones C, B and A, 4 is beyond the limit; the same below with a
    /// minus; 0 is exactly on the centre.
    pub zone: i8,
    /// The moving range, range or standard deviation; `None` of a reading without a neighbour.
    pub spread: Option<Band>,
    /// The moving average.
    pub ewma: Option<Band>,
    /// The sums.
    pub cusum: Option<Sums>,
    /// What signals at this point.
    pub marks: Vec<Mark>,
}

/// A chart with everything that it remembers.
///
/// It is fed points in the order of their time, and judges each by the limits that hold then. Where other
/// limits begin, everything that was counted begins anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    settings: Settings,
    versions: Versions,
    rules: Vec<Machine>,
    ewma: Option<Ewma>,
    cusum: Option<Cusum>,
    /// The version that the memory is of.
    version: Option<u32>,
    last: Option<Last>,
}

/// The point before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Last {
    at: Timestamp,
    /// Its value; `None` after a gap.
    value: Option<f64>,
    /// True if everything was forgotten since.
    forgotten: bool,
}

impl Chart {
    /// A chart without limits, which judges nothing yet.
    ///
    /// # Errors
    /// When the settings make none.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.kind.constants().is_none() {
            return Err(LimitsError::Subgroup(settings.kind.readings()).into());
        }
        if [settings.interval, settings.gap].into_iter().flatten().any(|length| length.is_zero()) {
            return Err(SettingsError::Interval);
        }
        let ewma = match settings.ewma {
            Some(EwmaSettings { lambda, run_length }) => {
                let width = arl::ewma_limit(lambda, run_length).ok_or(SettingsError::Ewma)?;
                Some(Ewma::new(lambda, width))
            }
            None => None,
        };
        let cusum = match settings.cusum {
            Some(CusumSettings { k, run_length, fast }) => {
                let h = arl::cusum_limit(k, run_length).ok_or(SettingsError::Cusum)?;
                Some(Cusum::new(k, h, fast))
            }
            None => None,
        };
        let rules = settings.rules.iter().copied().map(Machine::new).collect();
        let versions = Versions::default();
        Ok(Self { settings, versions, rules, ewma, cusum, version: None, last: None })
    }

    /// How it is made.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its limits.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Adds a version of limits, which holds from its time on.
    ///
    /// # Errors
    /// When it would change what was judged: it begins no later than the newest one, or than the newest
    /// point.
    pub fn adopt(&mut self, limits: Limits) -> Result<(), NotLater> {
        if let Some(last) = self.last
            && limits.valid_from <= last.at
        {
            return Err(NotLater {
                version: limits.version,
                valid_from: limits.valid_from,
                last: self.version.unwrap_or(0),
                last_from: last.at,
            });
        }
        self.versions.add(limits)
    }

    /// A point is missing: runs, trends and moving ranges begin anew.
    pub fn miss(&mut self) {
        for rule in &mut self.rules {
            rule.reset();
        }
        if let Some(last) = &mut self.last {
            last.value = None;
        }
    }

    /// Forgets everything but its limits, as after a break.
    pub fn reset(&mut self) {
        self.miss();
        if let Some(last) = &mut self.last {
            last.forgotten = true;
        }
        if let Some(ewma) = &mut self.ewma {
            ewma.reset();
        }
        if let Some(cusum) = &mut self.cusum {
            cusum.reset();
        }
    }

    /// Takes the readings of a point, which is not before the one that was taken last.
    ///
    /// `None` without limits at this time, and of a point that comes out of order, which changes nothing. A
    /// subgroup that lacks a reading is a missing point.
    pub fn take(&mut self, at: Timestamp, readings: &[f64]) -> Option<Point> {
        if self.last.is_some_and(|last| at <= last.at) {
            return None;
        }
        let Some((value, spread)) = self.settings.kind.point(readings) else {
            self.miss();
            return None;
        };
        let limits = self.versions.at(at)?.clone();
        if self.version != Some(limits.version) {
            self.reset();
            self.version = Some(limits.version);
        }
        if let (Some(gap), Some(last)) = (self.settings.gap, self.last)
            && last.at.plus(gap) < at
        {
            self.miss();
        }
        let steps = self.steps(at);
        let before = self.last.and_then(|last| last.value);
        self.last = Some(Last { at, value: Some(value), forgotten: false });
        let (centre, sigma) = expected(&limits, before, steps);
        let u = (value - centre) / sigma;
        let spread = match self.settings.kind {
            Kind::Individuals => before.map(|before| (value - before).abs()),
            Kind::MeanAndRange(_) | Kind::MeanAndDeviation(_) => spread,
        };

        let mut point = Point {
            at,
            version: limits.version,
            provisional: limits.provisional,
            value,
            centre,
            sigma,
            lower: centre - 3.0 * sigma,
            upper: centre + 3.0 * sigma,
            zone: zone(u),
            spread: spread.map(|spread| band_of(spread, limits.spread)),
            ewma: None,
            cusum: None,
            marks: Vec::new(),
        };
        let holds = |by: Detector| limits.trial.is_none() || by.holds_on_trial();
        for rule in &mut self.rules {
            let by = Detector::Rule(rule.rule());
            if !holds(by) {
                continue;
            }
            point.marks.extend(rule.take(u).map(|side| Mark { by, side }));
        }
        if let Some(spread) =
            point.spread.filter(|_| self.settings.spread && holds(Detector::Spread))
        {
            point.marks.extend(spread.beyond().map(|side| Mark { by: Detector::Spread, side }));
        }
        if let Some(ewma) = &mut self.ewma {
            let found = ewma.take(u, steps, limits.charted_phi());
            let limit = ewma.limit_about(found.limit, limits.centre_variance());
            let (centre, width) = (limits.centre, limits.sigma * limit);
            let beyond = Side::of(found.z).filter(|_| found.z.abs() > limit);
            point.marks.extend(beyond.map(|side| Mark { by: Detector::Ewma, side }));
            let value = centre + limits.sigma * found.z;
            point.ewma = Some(Band { value, centre, lower: centre - width, upper: centre + width });
        }
        if let Some(cusum) = self.cusum.as_mut().filter(|_| holds(Detector::Cusum)) {
            // Sums of what is correlated go as far as those of independent points that are so much wider.
            let phi = limits.charted_phi().max(0.0);
            let wider = ((1.0 + phi) / (1.0 - phi)).sqrt();
            let unit = limits.sigma * wider;
            let found = cusum.take(at, u / wider);
            let marked = |shift: Shift| Mark { by: Detector::Cusum, side: shift.side };
            point.marks.extend(found.shift.map(marked));
            point.cusum = Some(Sums {
                high: unit * found.high,
                low: unit * found.low,
                limit: unit * found.limit,
                shift: found.shift.map(|shift| ShiftTo {
                    points: shift.points,
                    began_after: shift.began_after,
                    mean: limits.centre + unit * shift.mean,
                }),
            });
        }
        Some(point)
    }

    /// How far a time is from the point before.
    fn steps(&self, at: Timestamp) -> Step {
        match (self.settings.interval, self.last) {
            (Some(interval), Some(last)) if !last.forgotten => {
                Step::Of(at.seconds_since(last.at) / interval.as_secs_f64())
            }
            _ => Step::Usual,
        }
    }
}

/// What is expected of a point, and its standard deviation about that.
fn expected(limits: &Limits, before: Option<f64>, steps: Step) -> (f64, f64) {
    if limits.estimate != Estimate::Residual {
        return (limits.centre, limits.sigma);
    }
    // Without a neighbour nothing is kept, and the point varies as all points do.
    let phi = before.map_or(0.0, |_| kept(limits.phi, steps));
    let centre = limits.centre + phi * (before.unwrap_or(limits.centre) - limits.centre);
    let wider = ((1.0 - phi * phi) / (1.0 - limits.phi * limits.phi)).sqrt();
    (centre, limits.sigma * wider)
}

fn zone(u: f64) -> i8 {
    let zone = match u.abs() {
        ..=1.0 => 1,
        ..=2.0 => 2,
        ..=3.0 => 3,
        _ => 4,
    };
    match Side::of(u) {
        Some(Side::High) => zone,
        Some(Side::Low) => -zone,
        _ => 0,
    }
}

fn band_of(value: f64, limits: SpreadLimits) -> Band {
    Band { value, centre: limits.centre, lower: limits.lower, upper: limits.upper }
}

impl Band {
    /// The side on which the value is beyond its limits.
    #[must_use]
    pub fn beyond(&self) -> Option<Side> {
        if self.value > self.upper {
            Some(Side::High)
        } else if self.value < self.lower {
            Some(Side::Low)
        } else {
            None
        }
    }
}
