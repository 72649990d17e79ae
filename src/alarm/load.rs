//! How many alarms people are told: the figures of ISA-18.2 and EEMUA 191, and the flood.
//!
//! Counted is what is told to people, not what is hidden, by the time at which it was told. A flood begins with more than ten
//! alarms in ten minutes and ends with fewer than five; about one in ten minutes is what one person manages well, two at most.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// The window of the standard.
pub const WINDOW: Duration = Duration::from_secs(600);
/// More than so many in a window are a flood.
pub const FLOOD_ABOVE: usize = 10;
/// It ends with fewer than so many.
pub const FLOOD_BELOW: usize = 5;
/// For so long what was told is remembered.
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// At most so many are remembered: thirty times what can be managed in a day.
const REMEMBERED: usize = 9000;

/// The alarms that people were told of in the last day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Meter {
    told: VecDeque<Timestamp>,
    flood: Option<Timestamp>,
    /// The ends and begins of floods in the last day.
    floods: VecDeque<(Timestamp, Timestamp)>,
}

/// How many alarms people were told in the last day.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Load {
    /// In the last ten minutes.
    pub ten_minutes: usize,
    /// In the last hour.
    pub hour: usize,
    /// In the last day.
    pub day: usize,
    /// The most in any ten minutes of the last day.
    pub peak: usize,
    /// The share of the last day in flood, 0–1.
    pub flood_share: f64,
    /// Since when there is one, if there is.
    pub flood: Option<Timestamp>,
}

impl Meter {
    /// A person is told of an alarm.
    pub(super) fn told(&mut self, at: Timestamp) {
        // Lines have clocks of their own: what one tells a little later may be of a little earlier.
        let at = self.told.back().map_or(at, |last| at.max(*last));
        self.told.push_back(at);
        while self.told.len() > REMEMBERED {
            self.told.pop_front();
        }
    }

    /// A flood begins (`true`) or ends, by this instant; `None` if nothing changes.
    pub(super) fn pass(&mut self, now: Timestamp) -> Option<bool> {
        while self.told.front().is_some_and(|at| at.plus(DAY) < now) {
            self.told.pop_front();
        }
        while self.floods.front().is_some_and(|(_, end)| end.plus(DAY) < now) {
            self.floods.pop_front();
        }
        let lately = self.since(now, WINDOW);
        match self.flood {
            None if lately > FLOOD_ABOVE => {
                self.flood = Some(now);
                Some(true)
            }
            Some(since) if lately < FLOOD_BELOW => {
                self.floods.push_back((since, now));
                self.flood = None;
                Some(false)
            }
            _ => None,
        }
    }

    fn since(&self, now: Timestamp, window: Duration) -> usize {
        // What was told before the clock was set back counts once that time has come.
        let within = self.told.iter().rev().take_while(|at| at.plus(window) > now);
        within.filter(|at| **at <= now).count()
    }

    pub(super) fn load(&self, now: Timestamp) -> Load {
        let mut peak = 0;
        let mut first = 0;
        for (ix, at) in self.told.iter().enumerate() {
            while self.told[first].plus(WINDOW) <= *at {
                first += 1;
            }
            peak = peak.max(ix + 1 - first);
        }
        let begin = now.minus(DAY);
        let spans = self.floods.iter().copied().chain(self.flood.map(|since| (since, now)));
        let flooded: f64 = spans.map(|(from, to)| to.seconds_since(from.max(begin)).max(0.0)).sum();
        Load {
            ten_minutes: self.since(now, WINDOW),
            hour: self.since(now, HOUR),
            day: self.since(now, DAY),
            peak,
            // The sum of none is a negative zero.
            flood_share: (flooded / DAY.as_secs_f64()).clamp(0.0, 1.0) + 0.0,
            flood: self.flood,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1000).unwrap()
    }

    #[test]
    fn flood_begins_with_the_eleventh_in_ten_minutes_and_ends_below_five() {
        let mut meter = Meter::default();
        let mut changes: Vec<bool> = Vec::new();
        for s in 0..10 {
            meter.told(at(s * 30));
            changes.extend(meter.pass(at(s * 30)));
        }
        assert!(changes.is_empty());
        meter.told(at(590));
        assert_eq!(meter.pass(at(590)), Some(true));
        let load = meter.load(at(590));
        assert_eq!((load.ten_minutes, load.peak, load.flood), (11, 11, Some(at(590))));
        // At 780 s those of 210, 240, 270 and 590 s are left, at 779 s also that of 180 s.
        assert_eq!(meter.pass(at(779)), None);
        assert_eq!(meter.pass(at(780)), Some(false));
        let load = meter.load(at(1190));
        assert_eq!((load.ten_minutes, load.hour, load.day, load.peak), (0, 11, 11, 11));
        assert!((load.flood_share - 190.0 / 86_400.0).abs() < 1e-12);
        meter.pass(at(90_000));
        assert_eq!(meter.load(at(90_000)), Load::default());
    }
}
