//! What is kept of the process that a laboratory value describes.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The parts of a whole batch.
const PARTS: usize = 3;

/// A mean of fewer of the frames is none.
const LEAST_SEEN: f64 = 0.5;

/// Which stretch of a batch makes a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// Its end, so long: what is wound last is what the laboratory gets, and one part of it is made like the other.
    End(Duration),
    /// All of it, in thirds: each part of a recipe does something else to what comes out.
    Batch,
}

impl Window {
    /// The names of what is kept of these tags.
    #[must_use]
    pub fn columns(self, tags: &[Arc<str>]) -> Vec<Arc<str>> {
        match self {
            Self::End(_) => tags.to_vec(),
            Self::Batch => (1..=PARTS)
                .flat_map(|part| tags.iter().map(move |tag| format!("{tag} {part}/{PARTS}").into()))
                .collect(),
        }
    }

    /// A mean of each tag in each part, NaN where half of its frames are missing. `frames` has a value for each of so
    /// many `tags`, frame after frame, NaN where there is none; a frame takes so long. Of a batch that is not finished,
    /// `expected` says how many frames it will have: the parts to come are missing.
    #[must_use]
    pub fn row(
        self,
        frames: &[f64],
        (tags, frame): (usize, Duration),
        expected: usize,
    ) -> Vec<f64> {
        let made = frames.len() / tags.max(1);
        match self {
            Self::End(window) => {
                let frame = frame.as_nanos().max(1);
                let wanted = usize::try_from(window.as_nanos().div_ceil(frame)).unwrap_or(made);
                means(&frames[made.saturating_sub(wanted.max(1)) * tags..], tags).collect()
            }
            Self::Batch => {
                let border = |part: usize| (part * expected.max(made) / PARTS).min(made) * tags;
                (0..PARTS)
                    .flat_map(|part| means(&frames[border(part)..border(part + 1)], tags))
                    .collect()
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 frames")]
fn means(frames: &[f64], tags: usize) -> impl Iterator<Item = f64> {
    (0..tags).map(move |tag| {
        let all = frames.len() / tags;
        let (sum, n) = frames
            .iter()
            .skip(tag)
            .step_by(tags)
            .filter(|value| value.is_finite())
            .fold((0.0, 0_usize), |(sum, n), value| (sum + value, n + 1));
        if n > 0 && n as f64 >= LEAST_SEEN * all as f64 { sum / n as f64 } else { f64::NAN }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOLE: f64 = f64::NAN;

    #[track_caller]
    fn check(window: Window, frames: &[f64], expected: usize, wanted: &[f64]) {
        let row = window.row(frames, (2, MINUTE), expected);
        assert_eq!(format!("{row:?}"), format!("{wanted:?}"));
    }

    #[test]
    fn end_is_a_mean_of_the_last_frames() {
        let frames = [1.0, 10.0, 2.0, HOLE, 3.0, 30.0, 5.0, HOLE];
        let end = |minutes| Window::End(minutes * MINUTE);
        check(end(2), &frames, 4, &[4.0, 30.0]);
        check(end(1), &frames, 4, &[5.0, HOLE]);
        check(end(9), &frames, 4, &[2.75, 20.0]);
        check(end(0), &frames[..2], 1, &[1.0, 10.0]);
        check(end(2), &[], 0, &[HOLE, HOLE]);
    }

    #[test]
    fn batch_is_a_mean_of_each_third_and_what_is_to_come_is_missing() {
        let frames = [1.0, 10.0, 2.0, HOLE, 3.0, 30.0, 5.0, HOLE, 6.0, HOLE, 7.0, 70.0];
        check(Window::Batch, &frames, 6, &[1.5, 10.0, 4.0, 30.0, 6.5, 70.0]);
        // Half of it: the second third has begun.
        check(Window::Batch, &frames[..6], 6, &[1.5, 10.0, 3.0, 30.0, HOLE, HOLE]);
        // It got longer than was expected.
        check(Window::Batch, &frames, 3, &[1.5, 10.0, 4.0, 30.0, 6.5, 70.0]);
        check(Window::Batch, &[], 6, &[HOLE; 6]);
        let tags = ["a", "b"].map(Arc::from);
        let named = Window::Batch.columns(&tags);
        assert_eq!(named[..3], ["a 1/3", "b 1/3", "a 2/3"].map(Arc::from));
        assert_eq!(Window::End(MINUTE).columns(&tags), tags);
    }
}
