//! How long to wait before the next attempt to connect.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::SplitMix64;
use std::time::Duration;

/// How soon it is worth trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// It may work at any moment: from 1 s, doubling, to a minute.
    Retry,
    /// A person has to change something at the broker: once a minute.
    Slow,
    /// Only another configuration helps, ours or the broker's: every ten minutes, so that a broker
    /// that was put right is found without a restart of the daemon.
    Rare,
}

const FIRST: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const RARE: Duration = Duration::from_secs(600);
/// Attempts after which doubling has passed the minute.
const DOUBLINGS_MAX: u32 = 6;

/// Waits that grow with each failure and differ between clients.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    jitter: SplitMix64,
}

impl Backoff {
    /// Waits whose jitter follows from `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self { failures: 0, jitter: SplitMix64::seed_from_u64(seed) }
    }

    /// A connection has been good for long enough: the next failure is the first one again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure: the pace's wait, ±20 %, so that the clients of a
    /// broker that comes back do not all arrive at once.
    pub(super) fn next(&mut self, pace: Pace) -> Duration {
        let doublings = self.failures.min(DOUBLINGS_MAX);
        self.failures = self.failures.saturating_add(1);
        let wait = match pace {
            Pace::Retry => (FIRST * 2_u32.pow(doublings)).min(MINUTE),
            Pace::Slow => MINUTE,
            Pace::Rare => RARE,
        };
        let unit = f64::from(self.jitter.next_u32()) / f64::from(u32::MAX);
        wait.mul_f64(0.8 + 0.4 * unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wait: Duration, expected_s: f64) {
        let seconds = wait.as_secs_f64();
        assert!(
            (0.8 * expected_s - 1e-6..=1.2 * expected_s + 1e-6).contains(&seconds),
            "{seconds} is not {expected_s} ± 20 %"
        );
    }

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut backoff = Backoff::new(7);
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0] {
            check(backoff.next(Pace::Retry), expected);
        }
    }

    #[test]
    fn a_good_connection_starts_the_waits_again() {
        let mut backoff = Backoff::new(7);
        for _ in 0..10 {
            backoff.next(Pace::Retry);
        }
        backoff.reset();
        check(backoff.next(Pace::Retry), 1.0);
    }

    #[test]
    fn what_needs_a_person_is_tried_slowly_from_the_first_time() {
        let mut backoff = Backoff::new(7);
        check(backoff.next(Pace::Slow), 60.0);
        check(backoff.next(Pace::Rare), 600.0);
    }

    #[test]
    fn two_clients_do_not_wait_the_same_time() {
        let waits: Vec<_> = (0..20).map(|seed| Backoff::new(seed).next(Pace::Retry)).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }

    #[test]
    fn failures_without_end_do_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX, ..Backoff::new(1) };
        check(backoff.next(Pace::Retry), 60.0);
    }
}
