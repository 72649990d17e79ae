//! A tie and its tag over time.

use super::super::ties::{BASELINE_S, QUICK_S, SLOW_S, Tie};
use super::standing::Standing;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// The time constant of the first look, s, and its limit in those of the quick one: what is so far off at once need not
/// wait for the others.
const FIRST_S: f64 = 20.0;
const FIRST_LIMIT: f64 = 2.0;

/// The smoothings of a residual: first look, quick, slow.
pub(super) const SMOOTHINGS: usize = 3;
pub(super) const QUICK: usize = 1;
pub(super) const SLOW: usize = 2;

/// What is known of a tie by the frames that came. Its residual is smoothed, and not the values: one that was away for a
/// while does not come back with old news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Course {
    /// The residual, smoothed: first look, quick, slow; and its baseline.
    smooth: [f64; SMOOTHINGS],
    baseline: f64,
    /// How many times as wide the limits are, quick.
    prediction_error: f64,
    /// The tag's deviation, quick and slow, once there was one.
    deviation: Option<[f64; 2]>,
    /// True if the newest frame had the tag and all predictors.
    pub(super) is_whole: bool,
    pub(super) standing: Standing,
}

/// The end of a minute: of each tie the residual and the tag's deviation, quick, where there were any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Minute {
    pub(super) at: Timestamp,
    pub(super) ties: Vec<Option<(f64, f64)>>,
    /// The deviations of tags that have no tie of their own.
    pub(super) untied: Vec<Option<f64>>,
}

/// What is known of a tag that has a part in ties and none of its own: that it moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Untied {
    pub(super) column: usize,
    /// Its standardised value, quick, once there was one.
    pub(super) deviation: Option<f64>,
}

impl Untied {
    pub(super) fn new(column: usize) -> Self {
        Self { column, deviation: None }
    }

    pub(super) fn take(&mut self, z: f64, seconds: f64) {
        if z.is_finite() {
            let deviation = self.deviation.get_or_insert(z);
            *deviation += (seconds / QUICK_S).min(1.0) * (z - *deviation);
        }
    }

    pub(super) fn begin_anew(&mut self) {
        self.deviation = None;
    }
}

impl Course {
    pub(super) fn new() -> Self {
        Self {
            smooth: [0.0; SMOOTHINGS],
            baseline: 0.0,
            prediction_error: 1.0,
            deviation: None,
            is_whole: false,
            standing: Standing::Well,
        }
    }

    /// Takes the standardised values of a frame of so many seconds; the baseline moves only while `calm`.
    pub(super) fn take(&mut self, tie: &Tie, z: impl Fn(usize) -> f64, seconds: f64, calm: bool) {
        let now = tie.predict(z);
        self.is_whole = now.residual.is_finite();
        if !self.is_whole {
            return;
        }
        let weights = [FIRST_S, QUICK_S, SLOW_S].map(|tau| (seconds / tau).min(1.0));
        for (smooth, weight) in self.smooth.iter_mut().zip(weights) {
            *smooth += weight * (now.residual - *smooth);
        }
        let slowly = if calm { (seconds / BASELINE_S).min(1.0) } else { 0.0 };
        self.baseline += slowly * (self.smooth[QUICK] - self.baseline);
        self.prediction_error += weights[QUICK] * (now.error - self.prediction_error);
        let deviation = self.deviation.get_or_insert([now.deviation; 2]);
        for (smooth, weight) in deviation.iter_mut().zip(&weights[QUICK..]) {
            *smooth += weight * (now.deviation - *smooth);
        }
    }

    /// Forgets what the residuals and the deviation were.
    pub(super) fn begin_anew(&mut self) {
        self.smooth = [self.baseline; SMOOTHINGS];
        self.deviation = None;
    }

    /// The residuals beyond their baseline.
    pub(super) fn residuals(&self) -> [f64; SMOOTHINGS] {
        self.smooth.map(|smooth| smooth - self.baseline)
    }

    /// The limits of the residuals.
    pub(super) fn limits(&self, tie: &Tie) -> [f64; SMOOTHINGS] {
        let beyond = self.deviation.map_or([0.0; 2], |deviation| tie.beyond_reached(deviation));
        let [quick, slow] = [0, 1].map(|ix| tie.limits[ix] * self.prediction_error + beyond[ix]);
        [FIRST_LIMIT * quick, quick, slow]
    }

    /// The sizes of residuals in their limits.
    pub(super) fn ratios(&self, tie: &Tie, residuals: [f64; SMOOTHINGS]) -> [f64; SMOOTHINGS] {
        let limits = self.limits(tie);
        [0, 1, 2].map(|ix| residuals[ix].abs() / limits[ix])
    }

    /// The tag's deviation, quick, once there was one.
    pub(super) fn deviation(&self) -> Option<f64> {
        self.deviation.map(|[quick, _]| quick)
    }

    /// What is kept of the end of a minute.
    pub(super) fn end_of_minute(&self) -> Option<(f64, f64)> {
        let deviation = self.deviation().filter(|_| self.is_whole)?;
        Some((self.residuals()[QUICK], deviation))
    }
}
