//! The stretches of a batch that are affected, in time and in metres.
//!
//! `from` and `to` say when something was seen. The metres say which product it reaches, and that is not what was wound at
//! that moment: what an instrument upstream sees is still on its way. Whoever cuts the slab off by the time of the reading cuts off
//! good product at its begin and leaves bad product at its end. So the metres of what the process models saw are shifted
//! by the delay of the first mover. Where that is an estimate they begin with the earliest and end with the latest that it
//! can be: too much is cut off rather than too little.
//!
//! The columns of the multivariate monitors are not shifted likewise: they would wait with what tags upstream say until it
//! is at the reel, and saying it before is what they are there for.

use super::document::SpanDocument;
use crate::batch::Stretch;
use crate::plant::Transit;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Points kept of a course at most.
const POINTS_MAX: usize = 64;

/// The least time between two of them.
const APART: Duration = Duration::from_secs(10);

/// How a batch was made: the metres at some frame ends, in order. Between two of them the speed was about the same: where
/// there is no room for another one, that goes of which the two beside it tell most.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Course {
    points: Vec<(Timestamp, f64)>,
}

impl Course {
    /// So much was made until a frame's end.
    pub(super) fn take(&mut self, at: Timestamp, metres: f64) {
        if let [.., (before, _), last] = &mut self.points[..]
            && last.0 < before.plus(APART)
        {
            *last = (at, metres);
            return;
        }
        if self.points.len() == POINTS_MAX {
            let off = |ix: usize| {
                let told = between(self.points[ix - 1], self.points[ix + 1], self.points[ix].0);
                (told - self.points[ix].1).abs()
            };
            let least = (1..POINTS_MAX - 1).min_by(|a, b| off(*a).total_cmp(&off(*b)));
            self.points.remove(least.expect("there are points between the first and the last"));
        }
        self.points.push((at, metres));
    }

    /// The metres made at a time; nothing of what is still to be made, and 0 before the batch began.
    fn made(&self, at: Timestamp) -> Option<f64> {
        let next = self.points.iter().position(|(time, _)| *time >= at)?;
        let (to, to_m) = self.points[next];
        let Some(before) = next.checked_sub(1) else {
            return Some(if at < to { 0.0 } else { to_m });
        };
        Some(between(self.points[before], (to, to_m), at))
    }

    /// What the product shows of what was seen, by the delay from the reading to the end of the line.
    pub(super) fn reached(&self, seen: &Stretch, transit: Transit) -> SpanDocument {
        let arrives = |at: Timestamp, seconds: f64| {
            let by = Duration::from_secs_f64(seconds.abs());
            if seconds < 0.0 { at.minus(by) } else { at.plus(by) }
        };
        let now = self.points.last().map(|(_, metres)| *metres);
        let metres = |at: Timestamp| self.made(at).or(now);
        let known = seen.from_m.is_some();
        let from_m = metres(arrives(seen.from, transit.earliest_s)).filter(|_| known);
        let to_m = metres(arrives(seen.to, transit.latest_s)).filter(|_| known);
        SpanDocument {
            from_m,
            to_m,
            arrives: Some(arrives(seen.from, transit.likeliest_s).as_millis()),
            ..span(seen)
        }
    }
}

/// The metres at a time between two points, at the same speed all the way.
fn between(from: (Timestamp, f64), to: (Timestamp, f64), at: Timestamp) -> f64 {
    from.1 + at.seconds_since(from.0) / to.0.seconds_since(from.0) * (to.1 - from.1)
}

/// A stretch as the document has it.
pub(super) fn span(stretch: &Stretch) -> SpanDocument {
    SpanDocument {
        from: stretch.from.as_millis(),
        to: stretch.to.as_millis(),
        from_m: stretch.from_m,
        to_m: stretch.to_m,
        after_m: None,
        arrives: None,
    }
}

/// Sorts spans and joins those that touch. One that arrives later than it was seen stands alone: others that touch it in
/// time are elsewhere in the product.
pub(super) fn join(mut spans: Vec<SpanDocument>) -> Vec<SpanDocument> {
    spans.sort_by_key(|span| (span.from, span.to));
    let mut joined: Vec<SpanDocument> = Vec::new();
    for span in spans {
        let before = joined.iter_mut().rfind(|before| before.arrives.is_none());
        match before.filter(|_| span.arrives.is_none()) {
            Some(last) if span.from <= last.to => {
                if span.to > last.to {
                    last.to = span.to;
                    last.to_m = span.to_m;
                }
            }
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    /// A batch of so many seconds from 1000 s on, 30 m of it in each.
    fn course(seconds: i64) -> Course {
        let mut course = Course::default();
        for s in 1..=seconds {
            course.take(at(1000 + s), 30.0 * f64::from(i32::try_from(s).unwrap()));
        }
        course
    }

    #[test]
    fn course_tells_the_metres_at_any_time_in_few_points() {
        for seconds in [1, 2, 9, 25, 639, 641, 1500, 40_000] {
            let course = course(seconds);
            assert!(course.points.len() <= POINTS_MAX, "{seconds}");
            for s in [1, 2, 5, 20, 100, 640, 1499, 39_999].into_iter().filter(|s| *s <= seconds) {
                let expected = 30.0 * f64::from(i32::try_from(s).unwrap());
                let made = course.made(at(1000 + s)).unwrap();
                assert!((made - expected).abs() < 1e-6, "{made} for {expected}, {seconds} s");
            }
            assert_eq!(course.made(at(1001 + seconds)), None);
            assert_eq!(course.made(at(900)), Some(0.0));
        }
        assert_eq!(Course::default().made(at(900)), None);
    }

    #[test]
    fn course_remembers_where_the_speed_changed() {
        // Eight hours: 30 m/s, a stop of 40 s after half an hour, and half the speed in the last hour.
        let metres = |s: i64| {
            let (stopped, slow) = ((s - 1800).clamp(0, 40), (s - 25_200).max(0));
            30.0 * f64::from(i32::try_from(s - stopped).unwrap())
                - 15.0 * f64::from(i32::try_from(slow).unwrap())
        };
        let mut course = Course::default();
        for s in 1..=28_800 {
            course.take(at(s), metres(s));
        }
        assert_eq!(course.points.len(), POINTS_MAX);
        for s in [900, 1790, 1800, 1820, 1840, 1850, 9000, 25_200, 28_000] {
            let made = course.made(at(s)).unwrap();
            // A point stands for ten seconds.
            assert!((made - metres(s)).abs() <= 300.0, "{made} for {} at {s}", metres(s));
        }
        for s in [900, 9000, 28_000] {
            assert!((course.made(at(s)).unwrap() - metres(s)).abs() < 1e-6, "{s}");
        }
    }

    #[track_caller]
    fn check(transit: Transit, made_s: i64, expected: (f64, f64, i64)) {
        let seen =
            Stretch { from: at(1100), to: at(1200), from_m: Some(3000.0), to_m: Some(6000.0) };
        let span = course(made_s).reached(&seen, transit);
        let (from_m, to_m) = (span.from_m.unwrap(), span.to_m.unwrap());
        let off = (from_m - expected.0).abs().max((to_m - expected.1).abs());
        assert!(off < 1e-6 && span.arrives == Some(expected.2 * 1000), "{span:?}");
        assert_eq!((span.from, span.to), (1_100_000, 1_200_000));
    }

    #[test]
    fn metres_are_those_that_what_was_seen_reaches() {
        let exactly = Transit::exactly;
        check(exactly(0.0), 900, (3000.0, 6000.0, 1100));
        check(exactly(150.0), 900, (7500.0, 10_500.0, 1250));
        // It goes on arriving; nothing has arrived yet.
        check(exactly(150.0), 300, (7500.0, 9000.0, 1250));
        check(exactly(150.0), 200, (6000.0, 6000.0, 1250));
        // An analyser said it late, by more than the way takes; never before the batch's begin.
        check(exactly(-60.0), 900, (1200.0, 4200.0, 1040));
        check(exactly(-300.0), 900, (0.0, 0.0, 800));
        // Of an estimate all that it can be.
        let between = Transit { earliest_s: 30.0, likeliest_s: 60.0, latest_s: 90.0 };
        check(between, 900, (3900.0, 8700.0, 1160));
        let unknown = Stretch { from: at(1100), to: at(1200), from_m: None, to_m: None };
        let span = course(900).reached(&unknown, exactly(10.0));
        assert_eq!((span.from_m, span.to_m, span.arrives), (None, None, Some(1_110_000)));
    }

    #[test]
    fn stretches_that_touch_are_joined_but_for_what_arrives_later() {
        let span = |from, to, arrives| SpanDocument {
            from,
            to,
            from_m: None,
            to_m: None,
            after_m: None,
            arrives,
        };
        let apart = vec![span(1, 5, None), span(2, 9, Some(4)), span(4, 7, None), span(8, 9, None)];
        let joined = join(apart);
        let expected = [span(1, 7, None), span(2, 9, Some(4)), span(8, 9, None)];
        assert_eq!(joined, expected);
    }
}
