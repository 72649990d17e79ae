//! Chance for the tests of this room: the same numbers for the same seed.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::f64::consts::TAU;

#[derive(Debug)]
pub(super) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub(super) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Of a standard normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (radius, turn) = ((-2.0 * self.unit().ln()).sqrt(), self.unit() * TAU);
        radius * turn.cos()
    }
}

#[track_caller]
pub(super) fn near(value: f64, expected: f64) {
    assert!(
        (value - expected).abs() <= 1e-8 * expected.abs().max(1.0),
        "{value} is not {expected}"
    );
}
