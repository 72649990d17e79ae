//! The constants of control charts, computed rather than copied.

use super::limits::Kind;
use super::normal::{Quadrature, cdf};
use serde::{Deserialize, Serialize};

/// Readings of a subgroup for which there are constants. Beyond the greatest a range says little.
pub const SUBGROUP_SIZES: std::ops::RangeInclusive<u32> = 2..=100;

/// Beyond so many standard deviations nothing is left of a normal distribution that a constant would show.
const FAR: f64 = 8.5;
/// Nodes of the integrals: the constants are then right to ten digits.
const NODES: u32 = 80;

/// The constants of subgroups of one size (ASTM STP 15; Montgomery, appendix VI); all without a unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// Readings of a subgroup.
    pub n: u32,
    /// The mean of the sample standard deviation over σ.
    pub c4: f64,
    /// The mean of the range over σ.
    pub d2: f64,
    /// The standard deviation of the range over σ.
    pub d3: f64,
}

impl Constants {
    /// Those of subgroups of `n` readings; `None` outside [`SUBGROUP_SIZES`].
    ///
    /// d₂ = ∫ [1 − (1 − Φ(x))ⁿ − Φ(x)ⁿ] dx; d₃ by E(W²) = 2 ∬ over x < y of
    /// [1 − Φ(y)ⁿ − (1 − Φ(x))ⁿ + (Φ(y) − Φ(x))ⁿ].
    #[must_use]
    pub fn of(n: u32) -> Option<Self> {
        if !SUBGROUP_SIZES.contains(&n) {
            return None;
        }
        let quadrature = Quadrature::new(NODES);
        let power = |x: f64| (0..n).fold(1.0, |product, _| product * x);
        let d2 = quadrature.integral(-FAR, FAR, |x| 1.0 - power(cdf(-x)) - power(cdf(x)));
        let square = 2.0
            * quadrature.integral(-FAR, FAR, |y| {
                let (below, all_below) = (cdf(y), power(cdf(y)));
                quadrature.integral(-FAR, y, |x| {
                    1.0 - all_below - power(cdf(-x)) + power((below - cdf(x)).max(0.0))
                })
            });
        Some(Self { n, c4: c4(f64::from(n)), d2, d3: (square - d2 * d2).sqrt() })
    }

    /// The standard deviation of a reading by the mean spread of points of this kind.
    pub(super) fn of_spread(&self, kind: Kind, spread: f64) -> f64 {
        spread / if let Kind::MeanAndDeviation(_) = kind { self.c4 } else { self.d2 }
    }

    /// Limits of means are x̿ ± A₂ R̄.
    #[must_use]
    pub fn a2(&self) -> f64 {
        3.0 / (self.d2 * f64::from(self.n).sqrt())
    }

    /// Limits of means are x̿ ± A₃ s̄.
    #[must_use]
    pub fn a3(&self) -> f64 {
        3.0 / (self.c4 * f64::from(self.n).sqrt())
    }

    /// Limits of standard deviations are B₃ s̄ and B₄ s̄.
    #[must_use]
    pub fn b3_b4(&self) -> (f64, f64) {
        let width = 3.0 * (1.0 - self.c4 * self.c4).sqrt() / self.c4;
        ((1.0 - width).max(0.0), 1.0 + width)
    }

    /// Limits of ranges are D₃ R̄ and D₄ R̄.
    #[must_use]
    pub fn d3_d4(&self) -> (f64, f64) {
        let width = 3.0 * self.d3 / self.d2;
        ((1.0 - width).max(0.0), 1.0 + width)
    }
}

/// The mean of the sample standard deviation of `n` ≥ 2 readings over σ:
/// √(2 / (n − 1)) Γ(n / 2) / Γ((n − 1) / 2).
#[must_use]
pub fn c4(n: f64) -> f64 {
    let ratio = libm::exp(libm::lgamma(0.5 * n) - libm::lgamma(0.5 * (n - 1.0)));
    (2.0 / (n - 1.0)).sqrt() * ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::approx_constant, reason = "as a table prints it")]
    fn constants_agree_with_the_published_tables() {
        #[rustfmt::skip]
        let table = [
            (2, [0.7979, 1.1284, 0.8525, 1.8800, 2.6587, 0.0, 3.2665, 0.0, 3.2665]),
            (3, [0.8862, 1.6926, 0.8884, 1.0233, 1.9544, 0.0, 2.5682, 0.0, 2.5746]),
            (4, [0.9213, 2.0588, 0.8798, 0.7286, 1.6281, 0.0, 2.2660, 0.0, 2.2821]),
            (5, [0.9400, 2.3259, 0.8641, 0.5768, 1.4273, 0.0, 2.0890, 0.0, 2.1145]),
            (6, [0.9515, 2.5344, 0.8480, 0.4832, 1.2871, 0.0304, 1.9696, 0.0, 2.0038]),
            (7, [0.9594, 2.7044, 0.8332, 0.4193, 1.1819, 0.1177, 1.8823, 0.0757, 1.9243]),
            (8, [0.9650, 2.8472, 0.8198, 0.3725, 1.0991, 0.1851, 1.8149, 0.1362, 1.8638]),
            (9, [0.9693, 2.9700, 0.8078, 0.3367, 1.0317, 0.2391, 1.7609, 0.1840, 1.8160]),
            (10, [0.9727, 3.0775, 0.7971, 0.3083, 0.9754, 0.2837, 1.7163, 0.2230, 1.7770]),
            (15, [0.9823, 3.4718, 0.7562, 0.2231, 0.7885, 0.4282, 1.5718, 0.3465, 1.6535]),
            (20, [0.9869, 3.7350, 0.7287, 0.1796, 0.6797, 0.5102, 1.4898, 0.4147, 1.5853]),
            (25, [0.9896, 3.9306, 0.7085, 0.1526, 0.6063, 0.5648, 1.4352, 0.4593, 1.5407]),
        ];
        for (n, expected) in table {
            let of = Constants::of(n).unwrap();
            let ((b3, b4), (d3, d4)) = (of.b3_b4(), of.d3_d4());
            let found = [of.c4, of.d2, of.d3, of.a2(), of.a3(), b3, b4, d3, d4];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 6e-5, "{n}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn constants_of_two_are_known_in_closed_form() {
        use std::f64::consts::PI;
        let of = Constants::of(2).unwrap();
        assert!((of.c4 - (2.0 / PI).sqrt()).abs() < 1e-12);
        assert!((of.d2 - 2.0 / PI.sqrt()).abs() < 1e-10, "{}", of.d2);
        assert!((of.d3 - (2.0 - 4.0 / PI).sqrt()).abs() < 1e-9, "{}", of.d3);
    }

    #[test]
    fn there_are_none_where_a_subgroup_is_none() {
        assert_eq!(Constants::of(1), None);
        assert_eq!(Constants::of(101), None);
        assert!(Constants::of(100).is_some_and(|of| of.d3 > 0.5));
    }
}
