//! How long to wait before something is tried again: exponential, with full jitter.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;

/// The shortest wait, so that an unlucky draw does not become a busy loop.
const FLOOR: Duration = Duration::from_millis(100);

/// A schedule of waits. The n-th wait in a row is drawn evenly from zero to `base`·2ⁿ, at most
/// `cap`, so that many senders that lost the same server do not come back to it at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
    random: Xoshiro256PlusPlus,
}

impl Backoff {
    /// A schedule that has not failed yet. Different seeds draw different waits.
    #[must_use]
    pub fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self { base, cap, failures: 0, random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// It worked: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed once more: how long to wait now.
    pub fn failed(&mut self) -> Duration {
        let ceiling = self.base.saturating_mul(1 << self.failures.min(20)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let share = f64::from(self.random.next_u32()) / f64::from(u32::MAX);
        ceiling.mul_f64(share).max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(seed: u64) -> Vec<Duration> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), seed);
        (0..40).map(|_| backoff.failed()).collect()
    }

    #[test]
    fn waits_grow_to_the_cap_and_differ() {
        let all: Vec<_> = (0..50).map(waits).collect();
        for waits in &all {
            for (n, wait) in waits.iter().enumerate() {
                let ceiling = Duration::from_secs(1 << n.min(6)).min(Duration::from_secs(60));
                assert!(*wait >= FLOOR && *wait <= ceiling, "{n}: {wait:?}");
            }
        }
        let longest = all.iter().map(|waits| waits[30]).max().unwrap();
        assert!(longest > Duration::from_secs(50), "{longest:?}");
        assert_ne!(all[0], all[1]);
        assert_eq!(waits(7), waits(7));
    }

    #[test]
    fn success_starts_again_from_the_base() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), 1);
        for _ in 0..10 {
            backoff.failed();
        }
        backoff.reset();
        assert!(backoff.failed() <= Duration::from_secs(1));
    }
}
