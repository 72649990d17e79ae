//! The exponentially weighted moving average, with limits that follow its variance from point to point.

use super::step::{Step, kept};
use serde::{Deserialize, Serialize};

/// An EWMA of points in units of σ about the centre, and where it stands.
///
/// zₜ = λ uₜ + (1 − λ) zₜ₋₁ from 0, with limits ± L √vₜ. Of points that do not come at their usual distance
/// λₜ = 1 − (1 − λ)^steps, and vₜ = (1 − λₜ)² vₜ₋₁ + λₜ² (for even steps this is the well-known
/// λ / (2 − λ) [1 − (1 − λ)^2t]). Where points are charted that are correlated, an AR(1) of φ, the variance
/// has a third term, 2 λₜ (1 − λₜ) φₜ cₜ₋₁ with cₜ the covariance of zₜ and uₜ; in the long run
/// v = λ / (2 − λ) · [1 + φ (1 − λ)] / [1 − φ (1 − λ)].
///
/// The width L is that of independent points; correlated ones then signal more seldom (of 370 wanted points
/// 540 were found at φ = 0.5, and 1,260 at 0.9, with λ = 0.1).
///
/// It is not reset by a signal: it comes back by itself, and is marked while it is beyond.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ewma {
    lambda: f64,
    /// L.
    width: f64,
    z: f64,
    /// v, in σ².
    variance: f64,
    /// c, in σ².
    covariance: f64,
}

/// An EWMA at a point, in units of σ about the centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EwmaAt {
    /// Its value.
    pub z: f64,
    /// How far it may be from the centre.
    pub limit: f64,
}

impl Ewma {
    /// One with the weight λ of the newest point, 0 < λ ≤ 1, and limits of L standard deviations.
    #[must_use]
    pub fn new(lambda: f64, width: f64) -> Self {
        Self { lambda, width, z: 0.0, variance: 0.0, covariance: 0.0 }
    }

    /// Begins anew at the centre.
    pub fn reset(&mut self) {
        *self = Self::new(self.lambda, self.width);
    }

    /// How far it may be from a centre that is known with this variance only, in σ²; `limit` is that of a known one.
    #[must_use]
    pub fn limit_about(&self, limit: f64, variance: f64) -> f64 {
        (limit * limit + self.width * self.width * variance).sqrt()
    }

    /// Takes a point, `u` in σ about the centre, so many steps after the one before, where each step keeps
    /// `phi` of what is charted.
    pub fn take(&mut self, u: f64, steps: Step, phi: f64) -> EwmaAt {
        let rest = kept(1.0 - self.lambda, steps);
        let lambda = 1.0 - rest;
        let phi = kept(phi, steps);
        self.z = lambda * u + rest * self.z;
        self.variance = rest * rest * self.variance
            + lambda * lambda
            + 2.0 * lambda * rest * phi * self.covariance;
        self.covariance = rest * phi * self.covariance + lambda;
        EwmaAt { z: self.z, limit: self.width * self.variance.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::fixtures::{MONTGOMERY, near};

    #[test]
    fn montgomerys_series_signals_at_its_twenty_ninth_point() {
        let mut ewma = Ewma::new(0.1, 2.7);
        let found: Vec<_> =
            MONTGOMERY.iter().map(|x| ewma.take(x - 10.0, Step::Usual, 0.0)).collect();
        near(found[0].z, -0.055, 1e-12);
        near(found[0].limit, 0.27, 1e-12);
        near(found[1].z, -0.2505, 1e-12);
        near(found[27].z, 0.5731, 1e-4);
        near(found[27].limit, 0.6186, 1e-4);
        near(found[28].z, 0.6468, 1e-4);
        near(found[28].limit, 0.6187, 1e-4);
        let first = found.iter().position(|at| at.z.abs() > at.limit);
        assert_eq!(first, Some(28));
    }

    #[test]
    fn the_series_of_the_nist_handbook_has_its_averages_and_no_signal() {
        let series = [
            52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3,
            47.8, 51.2, 52.6, 52.4, 53.6, 52.1,
        ];
        let expected = [
            50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36,
            49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99,
        ];
        let (centre, sigma) = (50.0, 2.0539);
        let mut ewma = Ewma::new(0.3, 3.0);
        let mut last = 0.0;
        for (x, expected) in series.iter().zip(expected) {
            let at = ewma.take((x - centre) / sigma, Step::Usual, 0.0);
            near(centre + sigma * at.z, expected, 0.0051);
            last = centre + sigma * at.limit;
            assert!(centre + sigma * at.z.abs() < 52.588);
        }
        near(last, 52.588, 1e-3);
    }

    #[test]
    fn limits_of_even_steps_follow_the_closed_form() {
        let (lambda, mut ewma) = (0.2_f64, Ewma::new(0.2, 3.0));
        for t in 1..30 {
            let variance = lambda / (2.0 - lambda) * (1.0 - (1.0 - lambda).powi(2 * t));
            near(ewma.take(0.0, Step::Usual, 0.0).limit, 3.0 * variance.sqrt(), 1e-12);
        }
    }

    #[test]
    fn limits_of_correlated_points_widen_to_the_formula_of_an_ar1() {
        for (phi, lambda, variance) in
            [(0.5, 0.2, 0.25926), (0.9, 0.1, 0.50139), (0.0, 0.1, 0.1 / 1.9)]
        {
            let mut ewma = Ewma::new(lambda, 1.0);
            let last = (0..400).map(|_| ewma.take(0.0, Step::Usual, phi).limit).last().unwrap();
            near(last * last, variance, 1e-5);
        }
    }

    #[test]
    fn two_steps_at_once_forget_as_much_as_two() {
        let (mut once, mut twice) = (Ewma::new(0.1, 3.0), Ewma::new(0.1, 3.0));
        for ewma in [&mut once, &mut twice] {
            ewma.take(2.0, Step::Usual, 0.0);
        }
        let at = once.take(0.0, Step::Of(2.0), 0.0);
        twice.take(0.0, Step::Usual, 0.0);
        let other = twice.take(0.0, Step::Usual, 0.0);
        near(at.z, other.z, 1e-12);
        // One point of weight 0.19 varies more than two of less.
        assert!(at.limit > other.limit);
    }
}
