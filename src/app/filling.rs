//! When the store will be full, at the rate at which it fills.

use std::collections::VecDeque;
use std::time::Duration;

/// The rate is taken over so long, ns.
const WINDOW_NANOS: i64 = 600_000_000_000;
/// Over less than that no rate is said, ns.
const LEAST_NANOS: i64 = 120_000_000_000;
/// Less than that is no filling but the store's own breathing: a share of its size.
const LEAST_RISE: f64 = 1e-4;
/// A store that is full within that time is worth an alarm: a shift, and the one that finds it.
const HOURS_BEFORE: Duration = Duration::from_secs(12 * 3600);
/// A store that is so full is worth an alarm, however slowly it fills.
const FULL_ENOUGH: f64 = 0.8;

/// How full the store was in the last minutes.
#[derive(Debug, Default)]
pub(super) struct Filling {
    /// When, by the pacing clock in ns, and the share that was taken; oldest first.
    seen: VecDeque<(i64, f64)>,
}

impl Filling {
    /// Takes a measurement (the pacing clock in ns; the share taken, 0–1) and says what is wrong, if
    /// anything is.
    pub(super) fn note(&mut self, now: i64, fill: f64) -> Option<String> {
        self.seen.push_back((now, fill));
        while self.seen.front().is_some_and(|(at, _)| now - at > WINDOW_NANOS) {
            self.seen.pop_front();
        }
        let percent = fill * 100.0;
        match self.left(now, fill).filter(|left| *left <= HOURS_BEFORE || fill >= FULL_ENOUGH) {
            Some(left) => Some(format!(
                "the store is {percent:.0} % full and will be full in about {}: what waits for its \
                 receivers grows",
                rough(left)
            )),
            None if fill >= FULL_ENOUGH => Some(format!("the store is {percent:.0} % full")),
            None => None,
        }
    }

    /// The time until it is full; `None` where it does not fill, or nobody knows yet.
    fn left(&self, now: i64, fill: f64) -> Option<Duration> {
        let (since, before) = *self.seen.front()?;
        let (time, rise) = (now - since, fill - before);
        if time < LEAST_NANOS || rise < LEAST_RISE {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "minutes in ns are far below 2^53")]
        let seconds = (1.0 - fill).max(0.0) / rise * (time as f64 / 1e9);
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// `3 hours`, `40 minutes`.
fn rough(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0..2 => "a minute".to_owned(),
        2..120 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    /// What is said after measurements of each minute.
    #[track_caller]
    fn check(fills: impl IntoIterator<Item = f64>, expected: Option<&str>) {
        let mut filling = Filling::default();
        let said = (0..).zip(fills).map(|(minute, fill)| filling.note(minute * MINUTE, fill));
        assert_eq!(said.last().flatten().as_deref(), expected);
    }

    fn rising(from: f64, each_minute: f64, minutes: u32) -> impl Iterator<Item = f64> {
        (0..=minutes).map(move |minute| from + each_minute * f64::from(minute))
    }

    #[test]
    fn a_store_that_fills_is_told_hours_before() {
        check(
            rising(0.1, 0.002, 30),
            Some(
                "the store is 16 % full and will be full in about 7 hours: what waits for its \
                 receivers grows",
            ),
        );
        // Full in two days.
        check(rising(0.1, 0.0003, 30), None);
        check(
            rising(0.8, 0.0002, 10),
            Some(
                "the store is 80 % full and will be full in about 16 hours: what waits for its \
                 receivers grows",
            ),
        );
    }

    #[test]
    fn a_store_that_does_not_fill_is_told_only_when_it_is_full() {
        check(rising(0.3, 0.0, 30), None);
        check(rising(0.9, -0.01, 8), Some("the store is 82 % full"));
        check(rising(0.9, -0.01, 12), None);
        // What rises and falls within the window comes to nothing.
        check([0.1, 0.2, 0.3, 0.2, 0.1], None);
    }

    #[test]
    fn a_rate_wants_some_minutes() {
        check([0.1, 0.2], None);
        assert_eq!(rough(Duration::from_secs(59)), "a minute");
        assert_eq!(rough(Duration::from_secs(3599)), "59 minutes");
    }
}
