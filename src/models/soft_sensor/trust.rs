//! How far the tags are believed beside no tags at all.
//!
//! A fit on few batches follows what they showed by chance, and goes far astray where the process later goes: on the simulated
//! mills it then errs by more than the mean of the laboratory values does. So both are said, each with a bias of its own, and
//! weighed by how they did lately (Bates and Granger 1969, with weights by the powers of discounted errors).

use serde::{Deserialize, Serialize};

/// What an older error counts for when a new one comes.
const KEPT: f64 = 0.9;

/// Before they have shown anything tags are taken to err by so much more, in squares.
const DOUBTED: f64 = 2.0;

/// One error counts as no more than so many times the greater of both.
const FARTHEST: f64 = 9.0;

/// The mean square errors of what is said by the tags, and without them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Trust {
    tags: f64,
    without: f64,
}

impl Trust {
    /// Before anything was said, with errors of about this square: the tags have yet to show that they tell more than none.
    pub(super) fn start(square: f64) -> Self {
        Self { tags: DOUBTED * square, without: square }
    }

    /// The weight of the tags, 0–1.
    pub(super) fn weight(self) -> f64 {
        if self.without <= 0.0 {
            // What never varied needs no tags.
            return if self.tags <= 0.0 { 0.5 } else { 0.0 };
        }
        let ratio = self.tags / self.without;
        // The third power, which the compiler may not compute otherwise on another machine.
        1.0 / (1.0 + ratio * ratio * ratio)
    }

    /// Something was said by both, and erred by so much.
    pub(super) fn learn(&mut self, tags: f64, without: f64) {
        let most = FARTHEST * self.tags.max(self.without);
        let follow = |mean: &mut f64, error: f64| {
            *mean = KEPT * *mean + (1.0 - KEPT) * (error * error).min(most);
        };
        follow(&mut self.tags, tags);
        follow(&mut self.without, without);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_believed_as_far_as_they_tell_more_than_nothing() {
        let mut trust = Trust::start(4.0);
        assert!((trust.weight() - 1.0 / 9.0).abs() < 1e-12);
        for _ in 0..30 {
            trust.learn(1.0, -2.0);
        }
        assert!(trust.weight() > 0.95, "{trust:?}");
        // They go astray, and are believed less within a few values.
        for _ in 0..5 {
            trust.learn(6.0, 2.0);
        }
        assert!(trust.weight() < 0.1, "{trust:?}");
        // One slip of the laboratory is one of both.
        let before = trust.weight();
        trust.learn(1e6, 1e6);
        assert!((trust.weight() - before).abs() < 0.5, "{trust:?}");
        let mut never = Trust::start(0.0);
        never.learn(1.0, 0.0);
        assert!(never.weight().is_finite());
    }
}
