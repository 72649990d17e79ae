//! Seeded chance: the same numbers on every machine.
//!
//! `exp`, `ln` and `cos` are libm's own, whose bits do not depend on the processor.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The stream `stream` of a seed: streams of one seed do not repeat one another.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        for _ in 0..stream {
            rng.jump();
        }
        Self(rng)
    }

    /// Uniform in (0, 1), both ends left out.
    pub(super) fn unit(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// Uniform between two numbers.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of `low..=high`, all equally likely.
    pub(super) fn pick(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high - low) + 1;
        // Multiply and shift: the bias is below 2⁻²⁰ for the small spans used here.
        low + u32::try_from((u64::from(self.0.next_u32()) * span) >> 32)
            .expect("less than the span")
    }

    /// Normal with mean 0 and standard deviation 1 (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }
}

/// A quantity that wanders about zero: a first-order autoregression, exact for steps of one second.
#[derive(Debug, Clone)]
pub(super) struct Wander {
    value: f64,
    keep: f64,
    kick: f64,
}

impl Wander {
    /// With standard deviation `sigma` and correlation time `tau_s`.
    pub(super) fn new(sigma: f64, tau_s: f64) -> Self {
        let keep = libm::exp(-1.0 / tau_s);
        Self { value: 0.0, keep, kick: sigma * (1.0 - keep * keep).sqrt() }
    }

    /// One second on. Stays within five standard deviations but once in years.
    pub(super) fn step(&mut self, chance: &mut Chance) -> f64 {
        self.value = self.keep * self.value + self.kick * chance.normal();
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_and_wanders_have_their_spread() {
        let mut chance = Chance::new(1, 0);
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|_| chance.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        // Four standard errors: 4/√n, and 4·√(2/n) for the variance.
        assert!(mean.abs() < 0.029 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        let mut wander = Wander::new(3.0, 10.0);
        let values: Vec<f64> = (0..n).map(|_| wander.step(&mut chance)).collect();
        let sigma = (values.iter().map(|x| x * x).sum::<f64>() / f64::from(n)).sqrt();
        // About n/20 independent values.
        assert!((sigma - 3.0).abs() < 0.3, "{sigma}");
    }

    #[test]
    fn picks_reach_both_ends() {
        let mut chance = Chance::new(1, 3);
        let picks: std::collections::BTreeSet<u32> = (0..200).map(|_| chance.pick(3, 5)).collect();
        assert_eq!(picks.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
