//! Rows on one scale: about their mean, in standard deviations.

use super::super::calibrate::count;
use super::pls::Pls;
use super::{Sample, SoftSensorError, finite, moments};
use linfa_linalg::cholesky::SolveCInplace;
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

/// A standardised value counts as no more than this where something is foretold: one instrument beyond belief does not carry
/// a property with it.
pub(super) const BELIEVED: f64 = 5.0;

/// And as no more than this where it is asked whether a row is like the samples.
pub(super) const FARTHEST: f64 = 30.0;

/// What is added to each variance where columns foretell those that a row lacks: samples are few.
const RIDGE: f64 = 0.1;

/// Where columns and property are, how far they spread, and how columns go together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scales {
    centre: Array1<f64>,
    spread: Array1<f64>,
    /// The mean of the standardised columns where they have a value, and their covariance, columns².
    mean: Array1<f64>,
    covariance: Array2<f64>,
    /// What is left of the mean once what samples lack is filled in.
    offset: Array1<f64>,
    /// The mean of the property.
    pub(super) property: f64,
}

impl Scales {
    /// Those of some samples, of the columns in use.
    pub(super) fn of(samples: &[Sample], used: &[usize]) -> Result<Self, SoftSensorError> {
        let columns = used.iter().map(|column| {
            let (centre, spread) = moments(&finite(samples, *column));
            // It may stand still in these, though not in all.
            (centre, if spread > 0.0 { spread } else { 1.0 })
        });
        let (centre, spread): (Vec<f64>, Vec<f64>) = columns.unzip();
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let mut scales = Self {
            centre: centre.into(),
            spread: spread.into(),
            mean: Array1::zeros(used.len()),
            covariance: Array2::eye(used.len()),
            offset: Array1::zeros(used.len()),
            property: moments(&values).0,
        };
        // With columns that tell nothing of each other what a sample lacks is the middle.
        let z = scales.rows(samples, used)?;
        scales.mean = mean_of(&z);
        let about = &z - &scales.mean;
        scales.covariance = about.t().dot(&about) / count(z.nrows().max(2) - 1);
        scales.offset = mean_of(&scales.rows(samples, used)?);
        Ok(scales)
    }

    /// PLS of the property on these samples, whose scales these are.
    pub(super) fn fit(
        &self,
        samples: &[Sample],
        used: &[usize],
        components: usize,
    ) -> Result<Pls, SoftSensorError> {
        let z = self.rows(samples, used)?;
        let y: Array1<f64> = samples.iter().map(|sample| sample.value - self.property).collect();
        Ok(Pls::fit(z.view(), y.view(), components))
    }

    fn rows(&self, samples: &[Sample], used: &[usize]) -> Result<Array2<f64>, SoftSensorError> {
        let mut rows = Array2::zeros((samples.len(), used.len()));
        for (mut row, sample) in rows.rows_mut().into_iter().zip(samples) {
            let (z, _) = self
                .standardise(&sample.row, used, BELIEVED)
                .ok_or(SoftSensorError::NotSolved(used.len()))?;
            row.assign(&z);
        }
        Ok(rows)
    }

    /// True if a value of a row is further than so many spreads from its centre.
    pub(super) fn is_beyond(&self, row: &[f64], used: &[usize], farthest: f64) -> bool {
        let z = |(place, ix): (usize, &usize)| {
            let value = row.get(*ix).copied().unwrap_or(f64::NAN);
            (value - self.centre[place]) / self.spread[place]
        };
        used.iter().enumerate().map(z).any(|z| z.abs() > farthest)
    }

    /// A row on these scales, with what it lacks as the others tell (known-data regression: Σ_mk (Σ_kk + ρI)⁻¹ z_k;
    /// Arteaga and Ferrer 2002), and the places of the columns that it has; none is further than `farthest` from its mean.
    /// `None` if that cannot be solved.
    pub(super) fn standardise(
        &self,
        row: &[f64],
        used: &[usize],
        farthest: f64,
    ) -> Option<(Array1<f64>, Vec<usize>)> {
        let mut z: Array1<f64> =
            used.iter().map(|ix| row.get(*ix).copied().unwrap_or(f64::NAN)).collect();
        z = (z - &self.centre) / &self.spread;
        let known: Vec<usize> = (0..z.len()).filter(|ix| z[*ix].is_finite()).collect();
        for ix in &known {
            z[*ix] = z[*ix].clamp(-farthest, farthest) - self.mean[*ix];
        }
        if known.len() < z.len() {
            let mut part = self.covariance.select(Axis(0), &known).select(Axis(1), &known);
            part.diag_mut().mapv_inplace(|variance| variance + RIDGE);
            let seen = z.select(Axis(0), &known).insert_axis(Axis(1));
            let weights = part.solvec_into(seen).ok()?;
            let told = self.covariance.select(Axis(1), &known).dot(&weights);
            for ix in 0..z.len() {
                if !z[ix].is_finite() {
                    z[ix] = told[[ix, 0]];
                }
            }
        }
        Some((z - &self.offset, known))
    }
}

fn mean_of(rows: &Array2<f64>) -> Array1<f64> {
    rows.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(rows.ncols()))
}
