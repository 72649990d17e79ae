//! Limits of T² and SPE from theory. They scale the statistics; what is flagged is calibrated.

use statrs::distribution::{Beta, ContinuousCDF, FisherSnedecor, Gamma, Normal};

/// T² of a new observation, with `a` components fitted on `n` rows, at level `alpha`:
/// a(N−1)(N+1)/(N(N−a)) · F(a, N−a; 1−α) (Tracy, Young and Mason 1992, phase II).
///
/// Infinite where the distribution does not exist (`a` = 0 or `n` ≤ `a`).
#[must_use]
pub fn t2_limit_phase_two(n: f64, a: f64, alpha: f64) -> f64 {
    match FisherSnedecor::new(a, n - a) {
        Ok(f) => a * (n - 1.0) * (n + 1.0) / (n * (n - a)) * f.inverse_cdf(1.0 - alpha),
        Err(_) => f64::INFINITY,
    }
}

/// T² of an observation that was fitted on: (N−1)²/N · Beta(a/2, (N−a−1)/2; 1−α) (phase I).
///
/// Infinite where the distribution does not exist.
#[must_use]
pub fn t2_limit_phase_one(n: f64, a: f64, alpha: f64) -> f64 {
    match Beta::new(a / 2.0, (n - a - 1.0) / 2.0) {
        Ok(beta) => (n - 1.0).powi(2) / n * beta.inverse_cdf(1.0 - alpha),
        Err(_) => f64::INFINITY,
    }
}

/// SPE by Box's weighted χ²: g χ²(h), g = θ₂/θ₁, h = θ₁²/θ₂ with θₖ = Σ λᵏ over the residual
/// eigenvalues (Box 1954; Nomikos and MacGregor 1995). Zero if there are none.
#[must_use]
pub fn spe_limit_box(residual: &[f64], alpha: f64) -> f64 {
    let (theta1, theta2, _) = thetas(residual);
    if theta1 <= 0.0 {
        return 0.0;
    }
    let (g, h) = (theta2 / theta1, theta1 * theta1 / theta2);
    // χ²(h) is a gamma distribution of shape h/2 and rate 1/2; h is no whole number.
    Gamma::new(h / 2.0, 0.5).map_or(0.0, |gamma| g * gamma.inverse_cdf(1.0 - alpha))
}

/// SPE by Jackson and Mudholkar (1979). Falls back to [`spe_limit_box`] where h₀ ≤ 0.001.
#[must_use]
pub fn jackson_mudholkar(residual: &[f64], alpha: f64) -> f64 {
    let (theta1, theta2, theta3) = thetas(residual);
    if theta1 <= 0.0 {
        return 0.0;
    }
    let h0 = 1.0 - 2.0 * theta1 * theta3 / (3.0 * theta2 * theta2);
    if h0 <= 0.001 {
        return spe_limit_box(residual, alpha);
    }
    let z = Normal::standard().inverse_cdf(1.0 - alpha);
    let inner = z * (2.0 * theta2 * h0 * h0).sqrt() / theta1
        + 1.0
        + theta2 * h0 * (h0 - 1.0) / (theta1 * theta1);
    theta1 * inner.powf(1.0 / h0)
}

fn thetas(residual: &[f64]) -> (f64, f64, f64) {
    residual
        .iter()
        .fold((0.0, 0.0, 0.0), |(one, two, three), l| (one + l, two + l * l, three + l * l * l))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed values have four decimals.
    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!(
            (value - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "{value} is not {expected}"
        );
    }

    #[test]
    fn t2_limits_agree_with_the_tables() {
        for (n, a, alpha, one, two) in [
            (50.0, 3.0, 0.05, 7.4302, 8.9401),
            (50.0, 3.0, 0.01, 10.3989, 13.4879),
            (100.0, 5.0, 0.05, 10.7302, 12.1579),
            (100.0, 5.0, 0.0027, 17.0161, 20.7680),
            (1000.0, 10.0, 0.01, 23.0559, 23.6243),
        ] {
            near(t2_limit_phase_one(n, a, alpha), one);
            near(t2_limit_phase_two(n, a, alpha), two);
        }
        assert!(t2_limit_phase_two(3.0, 5.0, 0.01).is_infinite());
    }

    #[test]
    fn spe_limits_agree_with_the_tables() {
        let residual = [0.7, 0.5, 0.35, 0.2, 0.1, 0.05];
        for (alpha, jm, by_box) in
            [(0.05, 4.5948, 4.5264), (0.01, 6.7568, 6.3447), (0.001, 10.0558, 8.8375)]
        {
            near(jackson_mudholkar(&residual, alpha), jm);
            near(spe_limit_box(&residual, alpha), by_box);
        }
        near(jackson_mudholkar(&[0.7, 0.02, 0.02, 0.02], 0.01), 4.8287);
        near(spe_limit_box(&[0.7, 0.02, 0.02, 0.02], 0.01), 4.6185);
        near(spe_limit_box(&[], 0.01), 0.0);
    }
}
