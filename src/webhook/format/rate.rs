//! How often a service may be asked.
//!
//! Counted in a window that slides, not in a bucket that fills: a full bucket and what drips into it would be twice the
//! rate in its first minute, and DingTalk takes nothing for ten minutes from whoever does that.

use super::Rate;
use std::collections::VecDeque;
use std::time::Duration;

/// What was sent lately, against all rates of a service. Times are since any instant that stays.
#[derive(Debug, Clone)]
pub(in crate::webhook) struct Rates {
    rates: &'static [Rate],
    /// When requests were made, oldest first; as many as the greatest of the numbers.
    sent: VecDeque<Duration>,
}

impl Rates {
    /// Nothing was sent yet.
    pub(in crate::webhook) fn new(rates: &'static [Rate]) -> Self {
        Self { rates, sent: VecDeque::new() }
    }

    /// How long to wait before the next request.
    pub(in crate::webhook) fn wait(&self, now: Duration) -> Duration {
        let free = |(most, within): &Rate| {
            let oldest = self.sent.len().checked_sub(*most).and_then(|at| self.sent.get(at));
            oldest.map_or(Duration::ZERO, |oldest| (*oldest + *within).saturating_sub(now))
        };
        self.rates.iter().map(free).max().unwrap_or_default()
    }

    /// A request is made now. Whether it is taken does not matter: it counts.
    pub(in crate::webhook) fn sent(&mut self, now: Duration) {
        let most = self.rates.iter().map(|(most, _)| *most).max().unwrap_or_default();
        self.sent.push_back(now);
        while self.sent.len() > most {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: &[Rate] = &[(5, Duration::from_secs(1)), (20, Duration::from_secs(60))];

    proptest! {
        #[test]
        fn no_window_ever_holds_more(pauses in prop::collection::vec(0_u64..9000, 1..120)) {
            let mut rates = Rates::new(BOTH);
            let (mut now, mut sent) = (Duration::ZERO, Vec::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                now += rates.wait(now);
                prop_assert_eq!(rates.wait(now), Duration::ZERO);
                rates.sent(now);
                sent.push(now);
            }
            for (most, within) in BOTH {
                for (at, from) in sent.iter().enumerate() {
                    let inside = sent[at..].iter().filter(|other| **other < *from + *within).count();
                    prop_assert!(inside <= *most, "{} in {:?}", inside, within);
                }
            }
        }
    }

    #[test]
    fn a_service_without_a_rate_never_waits() {
        let mut rates = Rates::new(&[]);
        for _ in 0..1000 {
            rates.sent(Duration::ZERO);
        }
        assert_eq!(rates.wait(Duration::ZERO), Duration::ZERO);
        assert!(rates.sent.is_empty());
    }

    #[test]
    fn it_waits_no_longer_than_it_must() {
        const TWO: &[Rate] = &[(2, Duration::from_secs(60))];
        let mut rates = Rates::new(TWO);
        rates.sent(Duration::from_secs(10));
        assert_eq!(rates.wait(Duration::from_secs(11)), Duration::ZERO);
        rates.sent(Duration::from_secs(12));
        assert_eq!(rates.wait(Duration::from_secs(13)), Duration::from_secs(57));
        assert_eq!(rates.wait(Duration::from_secs(70)), Duration::ZERO);
    }
}
