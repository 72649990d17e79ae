//! The points that limits are made of, as sums: a history of any length takes the same room, and two of them can be
//! put together.

use super::limits::Kind;
use serde::{Deserialize, Serialize};

/// Nothing is taken to be more correlated than this.
const MOST_CORRELATED: f64 = 0.999;

/// What limits need to know of the points of a stretch that is believed to be good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    kind: Kind,
    /// Of the points.
    pub(super) points: Moments,
    /// Of the readings that they are made of.
    pub(super) readings: Moments,
    /// Of their ranges or deviations; of single readings of the ranges between neighbours.
    pub(super) spreads: Moments,
    /// Of each point with its neighbour before it.
    pub(super) pairs: Pairs,
    /// The first point, where nothing is missing before it.
    first: Option<f64>,
    /// The newest point, where nothing is missing after it.
    last: Option<f64>,
    /// True while nothing came at all.
    untouched: bool,
}

impl History {
    /// One without points.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            points: Moments::default(),
            readings: Moments::default(),
            spreads: Moments::default(),
            pairs: Pairs::default(),
            first: None,
            last: None,
            untouched: true,
        }
    }

    /// How many points there are.
    pub(super) fn count(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it counts")]
        let n = self.points.n as u32;
        n
    }

    /// The correlation of a point with the one before it.
    pub(super) fn phi(&self) -> f64 {
        self.pairs.slope().clamp(-MOST_CORRELATED, MOST_CORRELATED)
    }

    /// How many independent points it is worth, n (1 − φ) / (1 + φ), never more than there are.
    #[must_use]
    pub fn effective(&self) -> f64 {
        let phi = self.phi();
        self.points.n * ((1.0 - phi) / (1.0 + phi)).min(1.0)
    }

    /// What its points are made of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Takes the readings of a point; one that lacks a reading is missing.
    pub fn take(&mut self, readings: &[f64]) {
        let Some((value, spread)) = self.kind.point(readings) else { return self.miss() };
        if self.untouched {
            self.first = Some(value);
        }
        self.untouched = false;
        self.points.add(value);
        for reading in readings {
            self.readings.add(*reading);
        }
        if let Some(spread) = spread {
            self.spreads.add(spread);
        }
        if let Some(before) = self.last.replace(value) {
            self.follows(before, value);
        }
    }

    /// A point is missing: what lies on either side of it are no neighbours.
    pub fn miss(&mut self) {
        self.untouched = false;
        self.last = None;
    }

    /// Adds a later history of the same kind; `neighbours` tells that its first point is the next one.
    pub fn append(&mut self, later: &Self, neighbours: bool) {
        debug_assert_eq!(self.kind, later.kind, "histories of one chart");
        let joined = self.last.zip(later.first).filter(|_| neighbours);
        self.points.merge(later.points);
        self.readings.merge(later.readings);
        self.spreads.merge(later.spreads);
        self.pairs.merge(&later.pairs);
        if let Some((before, value)) = joined {
            self.follows(before, value);
        }
        if self.untouched {
            self.first = later.first;
        }
        self.untouched &= later.untouched;
        self.last = later.last;
    }

    /// Two points are neighbours.
    fn follows(&mut self, before: f64, value: f64) {
        self.pairs.add(before, value);
        if self.kind == Kind::Individuals {
            self.spreads.add((value - before).abs());
        }
    }
}

/// Number, mean and sum of squares about it, which are added to as they come (Welford 1962) and put together (Chan,
/// Golub and LeVeque 1979).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) n: f64,
    pub(super) mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        let off = value - self.mean;
        self.mean += off / self.n;
        self.squares += off * (value - self.mean);
    }

    fn merge(&mut self, other: Self) {
        let n = self.n + other.n;
        if n > 0.0 {
            let off = other.mean - self.mean;
            self.mean += off * other.n / n;
            self.squares += other.squares + off * off * self.n * other.n / n;
            self.n = n;
        }
    }

    /// The sample standard deviation.
    pub(super) fn sd(&self) -> f64 {
        if self.n > 1.0 { (self.squares / (self.n - 1.0)).sqrt() } else { 0.0 }
    }
}

/// The straight line of a point by the one before it, by least squares, in sums as [`Moments`] are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Pairs {
    pub(super) n: f64,
    before: f64,
    after: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Pairs {
    fn add(&mut self, before: f64, after: f64) {
        self.n += 1.0;
        let (x, y) = (before - self.before, after - self.after);
        self.before += x / self.n;
        self.after += y / self.n;
        self.xx += x * (before - self.before);
        self.xy += x * (after - self.after);
        self.yy += y * (after - self.after);
    }

    fn merge(&mut self, other: &Self) {
        let n = self.n + other.n;
        if n > 0.0 {
            let (x, y) = (other.before - self.before, other.after - self.after);
            let weight = self.n * other.n / n;
            self.before += x * other.n / n;
            self.after += y * other.n / n;
            self.xx += other.xx + x * x * weight;
            self.xy += other.xy + x * y * weight;
            self.yy += other.yy + y * y * weight;
            self.n = n;
        }
    }

    /// The slope of the line.
    pub(super) fn slope(&self) -> f64 {
        if self.xx > 0.0 { self.xy / self.xx } else { 0.0 }
    }

    /// The standard deviation of what is left beside the line.
    pub(super) fn error(&self) -> f64 {
        let left = self.yy - self.slope() * self.xy;
        if self.n > 2.0 { (left.max(0.0) / (self.n - 2.0)).sqrt() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::fixtures::{Noise, history as of, near};

    fn same(one: &History, other: &History) {
        for (one, other) in [
            (one.points, other.points),
            (one.readings, other.readings),
            (one.spreads, other.spreads),
        ] {
            near(one.n, other.n, 0.0);
            near(one.mean, other.mean, 1e-9);
            near(one.sd(), other.sd(), 1e-9);
        }
        near(one.pairs.n, other.pairs.n, 0.0);
        near(one.pairs.slope(), other.pairs.slope(), 1e-9);
        near(one.pairs.error(), other.pairs.error(), 1e-9);
        assert_eq!((one.first, one.last), (other.first, other.last));
    }

    #[test]
    fn parts_put_together_are_the_whole() {
        let readings: Vec<f64> =
            Noise::new(3).correlated(0.6, 600).iter().map(|u| 1e5 + u).collect();
        for kind in [Kind::Individuals, Kind::MeanAndRange(4), Kind::MeanAndDeviation(5)] {
            let whole = of(kind, &readings);
            let mut parts = History::new(kind);
            for part in readings.chunks(60) {
                parts.append(&of(kind, part), true);
            }
            same(&parts, &whole);
        }
    }

    #[test]
    fn what_is_missing_parts_neighbours() {
        let mut gap = of(Kind::Individuals, &[1.0, 2.0]);
        gap.take(&[f64::NAN]);
        gap.take(&[9.0]);
        gap.take(&[10.0]);
        let mut apart = of(Kind::Individuals, &[1.0, 2.0]);
        apart.append(&of(Kind::Individuals, &[9.0, 10.0]), false);
        same(&gap, &apart);
        near(gap.pairs.n, 2.0, 0.0);
        near(gap.spreads.mean, 1.0, 1e-12);

        // What is missing at the end of one or the begin of the other parts them as well.
        let mut ends_with_a_gap = of(Kind::Individuals, &[1.0, 2.0]);
        ends_with_a_gap.miss();
        ends_with_a_gap.append(&of(Kind::Individuals, &[9.0, 10.0]), true);
        near(ends_with_a_gap.pairs.n, 2.0, 0.0);
        let mut begins_with_a_gap = History::new(Kind::Individuals);
        begins_with_a_gap.miss();
        begins_with_a_gap.append(&of(Kind::Individuals, &[9.0]), true);
        let mut before = of(Kind::Individuals, &[1.0]);
        before.append(&begins_with_a_gap, true);
        near(before.pairs.n, 0.0, 0.0);
    }
}
