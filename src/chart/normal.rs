//! The normal distribution and Gauss–Legendre quadrature, by arithmetic that gives the same bits on every
//! machine: limits that follow from them are part of a state.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The density of the standard normal distribution.
pub(super) fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (2.0 * PI).sqrt()
}

/// Its distribution function.
pub(super) fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Nodes and weights of Gauss–Legendre quadrature.
#[derive(Debug, Clone)]
pub(super) struct Quadrature {
    /// Pairs of a node in −1…1 and its weight.
    nodes: Vec<(f64, f64)>,
}

impl Quadrature {
    /// Of so many nodes.
    pub(super) fn new(n: u32) -> Self {
        let node = |ix: u32| {
            let mut x = libm::cos(PI * (f64::from(ix) + 0.75) / (f64::from(n) + 0.5));
            let mut slope = 1.0;
            // Newton's method on the Legendre polynomial; five rounds settle it, the rest is for safety.
            for _ in 0..10 {
                let (mut p, mut before) = (1.0, 0.0);
                for k in 1..=n {
                    let k = f64::from(k);
                    (p, before) = (((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k, p);
                }
                slope = f64::from(n) * (x * p - before) / (x * x - 1.0);
                x -= p / slope;
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        };
        Self { nodes: (0..n).map(node).collect() }
    }

    /// The nodes and weights between two bounds.
    pub(super) fn between(&self, from: f64, to: f64) -> impl Iterator<Item = (f64, f64)> {
        let (half, middle) = (0.5 * (to - from), 0.5 * (from + to));
        self.nodes.iter().map(move |(x, weight)| (middle + half * x, half * weight))
    }

    /// The integral of a function between two bounds.
    pub(super) fn integral(&self, from: f64, to: f64, of: impl Fn(f64) -> f64) -> f64 {
        self.between(from, to).map(|(x, weight)| weight * of(x)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Continuous, ContinuousCDF, Normal};

    #[test]
    fn the_distribution_is_that_of_another_library() {
        let normal = Normal::standard();
        for x in [-8.0, -3.0, -0.5, 0.0, 1.0, 2.5, 6.0] {
            assert!((cdf(x) - normal.cdf(x)).abs() < 1e-10, "{x}");
            assert!((density(x) - normal.pdf(x)).abs() < 1e-10, "{x}");
        }
    }

    #[test]
    fn quadrature_is_exact_for_polynomials_and_good_for_the_normal_density() {
        let ten = Quadrature::new(10);
        // Exact up to degree 2n − 1.
        assert!((ten.integral(0.0, 2.0, |x| x.powi(19)) - 2.0_f64.powi(20) / 20.0).abs() < 1e-8);
        let hundred = Quadrature::new(100);
        assert!((hundred.integral(-8.0, 1.5, density) - cdf(1.5)).abs() < 1e-13);
    }
}
