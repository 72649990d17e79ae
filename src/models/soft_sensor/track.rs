//! How a soft sensor does while it runs: its bias, and how wide its intervals have to be.

use super::super::calibrate;
use super::{Raw, SoftSensor, sorted};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The share of laboratory values that an interval may miss.
const MISSED: f64 = 0.1;

/// How far one value inside or outside moves the share that the next interval is made for, and its bounds.
const STEP: f64 = 0.02;
const BOUNDS: (f64, f64) = (0.01, 0.3);

/// Errors that are remembered.
const REMEMBERED: usize = 200;

/// What a soft sensor learned of its errors since it was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    bias: f64,
    /// Over their spreads, the newest last.
    errors: VecDeque<f64>,
    /// The share of them that the next interval is made to miss.
    missing: f64,
    /// Laboratory values that it was held against, and those within its intervals.
    pub values: u64,
    /// Those within its intervals.
    pub covered: u64,
    /// When the newest of them was made.
    pub newest: Option<Timestamp>,
}

/// What a soft sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The property, in its unit.
    pub value: f64,
    /// Nine laboratory values of ten lie between these.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// What it is made of.
    pub raw: Raw,
}

impl Track {
    /// That of a sensor just fitted: it begins with the errors on samples that the fit had not seen.
    #[must_use]
    pub fn start(sensor: &SoftSensor) -> Self {
        Self {
            bias: sensor.bias,
            errors: sensor.errors.iter().rev().take(REMEMBERED).rev().copied().collect(),
            missing: MISSED,
            values: 0,
            covered: 0,
            newest: None,
        }
    }

    /// What the sensor says, corrected by what laboratory values said of it.
    #[must_use]
    pub fn estimate(&self, raw: Raw) -> Estimate {
        let value = raw.value + self.bias;
        let sizes = sorted(self.errors.iter().map(|error| error.abs()).collect());
        let half = calibrate::exceeded_by(&sizes, self.missing) * raw.spread;
        Estimate { value, low: value - half, high: value + half, raw }
    }

    /// A laboratory value of a product for which the sensor had said something. What lies outside its range was a guess, by
    /// which nothing is judged.
    pub fn learn(&mut self, sensor: &SoftSensor, said: &Estimate, value: f64, made: Timestamp) {
        if said.raw.outside {
            return;
        }
        let inside = said.low <= value && value <= said.high;
        self.values += 1;
        self.covered += u64::from(inside);
        self.newest = self.newest.max(Some(made));
        let missed = if inside { 0.0 } else { 1.0 };
        self.missing = (self.missing + STEP * (MISSED - missed)).clamp(BOUNDS.0, BOUNDS.1);
        if self.errors.len() == REMEMBERED {
            self.errors.pop_front();
        }
        self.errors.push_back((value - said.value) / said.raw.spread);
        sensor.follower.take(&mut self.bias, value - said.raw.value);
    }
}
