//! What the error of a tag would have to be, and whose error it is that ties are broken.

use super::{Disagreement, Peers, SUSPICIOUS};
use crate::models::ties::Ties;
use crate::reading::Timestamp;
use std::time::Duration;

/// With the suspect's error taken out, ties may be as far from zero, in their limits.
const EXPLAINED: f64 = 0.8;

/// Whose error explains what is broken: what is left of it, squared, in limits, counts so many times as much as how odd
/// the tag's own move would be, in variances. A limit is more than four standard deviations of what it limits.
const LEFT: f64 = 20.0;

/// It is clear who it is when the next is so much odder: e times as likely.
const CLEAR: f64 = 2.0;

/// Of the minutes before ties broke, so many tell where residuals and values were.
const BEFORE: usize = 20;

/// A sensor whose value moved by less than this share of what it should have is frozen.
const FROZEN: f64 = 0.5;

/// A ramp is one that leaves less than this share of what a step leaves.
const RAMP: f64 = 0.8;

/// A drift has to show for so long: over some minutes every step looks like a ramp.
const DRIFT_AFTER: Duration = Duration::from_secs(600);

/// The error of a tag by the ties that it has a part in.
pub(super) struct Error {
    /// Its size, first look, quick and slow, in standard deviations of the tag.
    pub(super) size: [f64; 3],
    /// Of the residuals of these ties, the largest, each in its limits.
    pub(super) worst: [f64; 3],
}

/// An error over the newest minutes: when, its size, and the tag's value.
type Minutes = Vec<(Timestamp, f64, f64)>;

impl Peers {
    /// The ties that a tag has a part in, but for those that another tag has which is accused; and what an error of
    /// one makes of their residuals.
    fn parts(&self, ties: &Ties, column: usize) -> Vec<(usize, f64)> {
        let part = |ix: usize| {
            let tie = &ties.all[ix];
            let part = if tie.column == column {
                1.0
            } else {
                -tie.by.iter().find(|(by, _)| *by == column)?.1
            };
            self.is_open(ties, ix, Some(column)).then_some((ix, part))
        };
        (0..ties.all.len()).filter_map(part).collect()
    }

    /// True if a tie says something: all its tags are there, and none, but for this one, is accused.
    fn is_open(&self, ties: &Ties, ix: usize, but: Option<usize>) -> bool {
        let tie = &ties.all[ix];
        let accused = |column: usize| {
            let mut all = ties.all.iter().zip(&self.courses);
            all.any(|(tie, course)| tie.column == column && course.is_accused())
        };
        let mut columns = tie.by.iter().map(|(column, _)| *column).chain([tie.column]);
        self.courses[ix].whole && !columns.any(|column| Some(column) != but && accused(column))
    }

    /// Weighted least squares of one error from residuals, each over its limit.
    fn least_squares(
        &self,
        ties: &Ties,
        parts: &[(usize, f64)],
        smoothing: usize,
        residual: impl Fn(usize) -> Option<f64>,
    ) -> Option<f64> {
        let (mut along, mut size) = (0.0, 0.0);
        for (ix, part) in parts {
            let Some(r) = residual(*ix) else { continue };
            let limit = self.courses[*ix].limits(&ties.all[*ix])[smoothing];
            along += part * r / (limit * limit);
            size += part * part / (limit * limit);
        }
        (size > 0.0).then_some(along / size)
    }

    /// What the error of a tag would have to be.
    pub(super) fn error(&self, ties: &Ties, column: usize) -> Error {
        self.error_of(ties, &self.parts(ties, column))
    }

    fn error_of(&self, ties: &Ties, parts: &[(usize, f64)]) -> Error {
        let of = |smoothing: usize| {
            let residual = |ix: usize| Some(self.courses[ix].residual()[smoothing]);
            self.least_squares(ties, parts, smoothing, residual).unwrap_or_default()
        };
        let mut worst = [0.0_f64; 3];
        for (ix, _) in parts {
            let course = &self.courses[*ix];
            let ratios = course.ratios(&ties.all[*ix], course.residual());
            worst.iter_mut().zip(ratios).for_each(|(worst, ratio)| *worst = worst.max(ratio));
        }
        Error { size: [0, 1, 2].map(of), worst }
    }

    /// The error of a tie's tag over the newest minutes.
    fn minutes(&self, ties: &Ties, ix: usize, parts: &[(usize, f64)]) -> Minutes {
        let mut all = Minutes::new();
        for minute in &self.history {
            let tie = |ix: usize| minute.ties.get(ix).copied().flatten();
            let error = self.least_squares(ties, parts, 1, |ix| tie(ix).map(|(r, _)| r));
            if let (Some(error), Some((_, value))) = (error, tie(ix)) {
                all.push((minute.at, error, value));
            }
        }
        all
    }

    /// The tie whose tag's error explains every broken tie, and best; and whether it does so clearly better than any
    /// other.
    pub(super) fn suspect(&self, ties: &Ties) -> Option<(usize, bool)> {
        let open: Vec<usize> =
            (0..ties.all.len()).filter(|ix| self.is_open(ties, *ix, None)).collect();
        let worst = |ix: usize, r: [f64; 3]| {
            self.courses[ix].ratios(&ties.all[ix], r).into_iter().fold(0.0, f64::max)
        };
        let is_broken = |ix: usize| worst(ix, self.courses[ix].residual()) > SUSPICIOUS;
        let broken: Vec<usize> = open.iter().copied().filter(|ix| is_broken(*ix)).collect();
        if broken.is_empty() {
            return None;
        }
        let mut explain: Vec<(f64, usize)> = Vec::new();
        for candidate in open.iter().copied() {
            let parts = self.parts(ties, ties.all[candidate].column);
            if !parts.iter().any(|(ix, _)| broken.contains(ix)) {
                continue;
            }
            let error = self.error_of(ties, &parts);
            let mut left = 0.0;
            let explains = open.iter().all(|ix| {
                let part = parts.iter().find(|(of, _)| of == ix).map_or(0.0, |(_, part)| *part);
                let mut r = self.courses[*ix].residual();
                r.iter_mut().zip(error.size).for_each(|(r, error)| *r -= part * error);
                let worst = worst(*ix, r);
                left += worst * worst;
                worst <= EXPLAINED
            });
            if !explains {
                continue;
            }
            let minutes = self.minutes(ties, candidate, &parts);
            let odd = LEFT * left + oddity(&minutes);
            explain.push((odd, candidate));
        }
        explain.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (least, ix) = *explain.first()?;
        let clear = explain.get(1).is_none_or(|(next, _)| *next >= least + CLEAR);
        Some((ix, clear))
    }

    /// What the error's course looks like, and since when.
    pub(super) fn kind(&self, ties: &Ties, ix: usize, at: Timestamp) -> (Disagreement, Timestamp) {
        let minutes = self.minutes(ties, ix, &self.parts(ties, ties.all[ix].column));
        let (drift, begin) = course(&minutes);
        let Some((since, error, value)) = minutes.get(begin.saturating_sub(1)).copied() else {
            return (Disagreement::Offset, at);
        };
        // Of what it should have moved since then, how much it did.
        let newest = minutes.last().map_or(error, |(_, error, _)| *error);
        let moved = self.courses[ix].values.map_or(0.0, |[now, _]| (now - value).abs());
        let missing = (newest - error).abs();
        let kind = if moved < FROZEN * missing {
            Disagreement::Frozen
        } else if drift && at >= since.plus(DRIFT_AFTER) {
            Disagreement::Drift
        } else {
            Disagreement::Offset
        };
        (kind, since)
    }
}

/// How much odder a tag's move since ties broke is without its error than with it: m being the move and e the error,
/// (m − e)² − m², in variances of the tag. An error is a move that nothing else made. Both are what of the error's own
/// course, a step or a ramp, is in them at its end: a tag moves by itself from minute to minute.
fn oddity(minutes: &Minutes) -> f64 {
    let (ramp, begin) = course(minutes);
    let before = &minutes[begin.saturating_sub(BEFORE)..begin];
    if before.is_empty() {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "an hour of minutes")]
    let at_the_end = |of: fn(&(Timestamp, f64, f64)) -> f64| -> f64 {
        let usual = before.iter().map(of).sum::<f64>() / before.len() as f64;
        let (mut along, mut size, mut shape) = (0.0, 0.0, 1.0);
        for (since, minute) in minutes[begin..].iter().enumerate() {
            shape = if ramp { since as f64 + 1.0 } else { 1.0 };
            along += shape * (of(minute) - usual);
            size += shape * shape;
        }
        if size > 0.0 { shape * along / size } else { 0.0 }
    };
    let (error, moved) = (at_the_end(|(_, error, _)| *error), at_the_end(|(.., value)| *value));
    (moved - error) * (moved - error) - moved * moved
}

/// True if an error is rather a ramp than a step; and the minute in which it begins.
fn course(minutes: &Minutes) -> (bool, usize) {
    let step = best_fit(minutes, |_| 1.0);
    let ramp = best_fit(minutes, |minutes| minutes + 1.0);
    if ramp.0 < RAMP * step.0 { (true, ramp.1) } else { (false, step.1) }
}

/// The least sum of squares that an error of this shape leaves, which begins at some minute and is zero before,
/// and that minute.
fn best_fit(minutes: &Minutes, shape: impl Fn(f64) -> f64) -> (f64, usize) {
    let all: f64 = minutes.iter().map(|(_, e, _)| e * e).sum();
    let mut best = (all, minutes.len().saturating_sub(1));
    for begin in 0..minutes.len() {
        let (mut along, mut size, mut since) = (0.0, 0.0, 0.0);
        for (_, error, _) in &minutes[begin..] {
            let s = shape(since);
            along += error * s;
            size += s * s;
            since += 1.0;
        }
        let left = all - along * along / size;
        if left < best.0 {
            best = (left, begin);
        }
    }
    best
}
