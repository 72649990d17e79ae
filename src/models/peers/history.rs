//! The error of a sensor over the newest minutes: since when there is one, and what it looks like.

use super::Disagreement;
use crate::reading::Timestamp;
use std::time::Duration;

/// Of the minutes before an error began, so many tell where it and the tag were.
const BEFORE: usize = 20;

/// A sensor whose value moved by less than this share of what it should have is frozen.
const FROZEN: f64 = 0.5;

/// An error is a ramp when a ramp leaves less than this share of what a step leaves.
const RAMP: f64 = 0.8;

/// A drift has to show for so long: over some minutes every step looks like a ramp.
const DRIFT_AFTER: Duration = Duration::from_secs(600);

/// What the error of a sensor would have been, minute by minute.
pub(super) struct History(Vec<Minute>);

/// The end of a minute, with the error and the tag's deviation, in standard deviations of the tag.
struct Minute {
    at: Timestamp,
    error: f64,
    deviation: f64,
}

/// How an error began.
struct Onset {
    shape: Shape,
    /// The first minute with it.
    begin: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Step,
    Ramp,
}

impl Shape {
    /// Its height so many minutes after the first.
    #[expect(clippy::cast_precision_loss, reason = "an hour of minutes")]
    fn at(self, since: usize) -> f64 {
        match self {
            Self::Step => 1.0,
            Self::Ramp => since as f64 + 1.0,
        }
    }
}

impl History {
    /// Of minutes in order: when, the error, the tag's deviation.
    pub(super) fn new(minutes: impl Iterator<Item = (Timestamp, f64, f64)>) -> Self {
        Self(minutes.map(|(at, error, deviation)| Minute { at, error, deviation }).collect())
    }

    /// How much odder the tag's move since the error began is without the error than with it, as a deviance: m being the
    /// move and e the error, (m − e)² − m² in variances of the tag. An error is a move that nothing else made. Both are
    /// what of the error's own shape is in them at its end: a tag moves by itself from minute to minute.
    pub(super) fn deviance(&self) -> f64 {
        let onset = self.onset();
        let (before, since) = self.0.split_at(onset.begin);
        let before = &before[before.len().saturating_sub(BEFORE)..];
        if before.is_empty() {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "an hour of minutes")]
        let at_the_end = |of: fn(&Minute) -> f64| -> f64 {
            let usual = before.iter().map(of).sum::<f64>() / before.len() as f64;
            let (mut along, mut size, mut height) = (0.0, 0.0, 1.0);
            for (ix, minute) in since.iter().enumerate() {
                height = onset.shape.at(ix);
                along += height * (of(minute) - usual);
                size += height * height;
            }
            if size > 0.0 { height * along / size } else { 0.0 }
        };
        let (error, moved) = (at_the_end(|m| m.error), at_the_end(|m| m.deviation));
        (moved - error) * (moved - error) - moved * moved
    }

    /// What is wrong with a sensor whose deviation is this `at` an instant, and since when.
    pub(super) fn disagreement(
        &self,
        at: Timestamp,
        now: Option<f64>,
    ) -> (Disagreement, Timestamp) {
        let onset = self.onset();
        let Some(before) = self.0.get(onset.begin.saturating_sub(1)) else {
            return (Disagreement::Offset, at);
        };
        // Of what it should have moved since then, how much it did.
        let newest = self.0.last().map_or(before.error, |minute| minute.error);
        let moved = now.map_or(0.0, |now| (now - before.deviation).abs());
        let missing = (newest - before.error).abs();
        let how = if moved < FROZEN * missing {
            Disagreement::Frozen
        } else if onset.shape == Shape::Ramp && at >= before.at.plus(DRIFT_AFTER) {
            Disagreement::Drift
        } else {
            Disagreement::Offset
        };
        (how, before.at)
    }

    fn onset(&self) -> Onset {
        let (step, ramp) = (self.best_fit(Shape::Step), self.best_fit(Shape::Ramp));
        let (shape, (_, begin)) =
            if ramp.0 < RAMP * step.0 { (Shape::Ramp, ramp) } else { (Shape::Step, step) };
        Onset { shape, begin }
    }

    /// The least sum of squares that an error of this shape leaves which begins at some minute and is zero before, and that
    /// minute; the last one if there is no error.
    fn best_fit(&self, shape: Shape) -> (f64, usize) {
        let all: f64 = self.0.iter().map(|minute| minute.error * minute.error).sum();
        let mut best = (all, self.0.len().saturating_sub(1));
        for begin in 0..self.0.len() {
            let (mut along, mut size) = (0.0, 0.0);
            for (ix, minute) in self.0[begin..].iter().enumerate() {
                let height = shape.at(ix);
                along += minute.error * height;
                size += height * height;
            }
            let left = all - along * along / size;
            if left < best.0 {
                best = (left, begin);
            }
        }
        best
    }
}
