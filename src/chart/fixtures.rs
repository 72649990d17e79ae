//! What tests of charts share.

use super::{History, Kind};
use crate::reading::Timestamp;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::f64::consts::PI;

/// The worked series of Montgomery's book: mean 10, σ 1, and from the twenty-first point on one more.
pub(super) const MONTGOMERY: [f64; 30] = [
    9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40,
    10.08, 9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62,
    11.31, 10.52,
];

/// A number of minutes after 1970.
pub(super) fn minute(n: i64) -> Timestamp {
    Timestamp::from_nanos(n * 60_000_000_000)
}

#[track_caller]
pub(super) fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}

/// The history of readings in their order, point after point; a NaN is a missing reading.
pub(super) fn history(kind: Kind, readings: &[f64]) -> History {
    let mut history = History::new(kind);
    let size = usize::try_from(kind.readings()).unwrap();
    readings.chunks_exact(size).for_each(|readings| history.take(readings));
    history
}

/// Normal noise of σ 1.
pub(super) struct Noise {
    random: Xoshiro256PlusPlus,
    spare: Option<f64>,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Xoshiro256PlusPlus::seed_from_u64(seed), spare: None }
    }

    fn uniform(&mut self) -> f64 {
        // 53 bits of which none is zero in the end: a logarithm is taken of it.
        let bits = u32::try_from(self.random.next_u64() >> 32).unwrap_or(0);
        (f64::from(bits) + 0.5) / 4_294_967_296.0
    }

    /// By Box and Muller.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), 2.0 * PI * self.uniform());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// A first-order autoregressive series of standard deviation 1.
    pub(super) fn correlated(&mut self, phi: f64, n: usize) -> Vec<f64> {
        let mut last = self.normal();
        let own = (1.0 - phi * phi).sqrt();
        let mut next = || {
            let value = last;
            last = phi * last + own * self.normal();
            value
        };
        (0..n).map(|_| next()).collect()
    }
}
