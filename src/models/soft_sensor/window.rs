//! What is kept of the process that a laboratory value describes.

use super::super::calibrate::count;
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

    /// A mean of each tag in each part, NaN where half of its frames are missing. `frames` has a value for each of
    /// `delays`, frame after frame, NaN where there is none; a frame takes so long. What a tag sees is of the product that
    /// is made after its delay: its part is that much earlier. Of a batch that is not finished, `expected` says how many
    /// frames it will have: the parts to come are missing.
    #[must_use]
    pub fn row(
        self,
        frames: &[f64],
        (delays, frame): (&[Duration], Duration),
        expected: usize,
    ) -> Vec<f64> {
        let tags = delays.len();
        let made = frames.len() / tags.max(1);
        let frame = frame.as_nanos().max(1);
        let rounded = |time: &Duration| (time.as_nanos() + frame / 2) / frame;
        let earlier: Vec<usize> =
            delays.iter().map(|delay| usize::try_from(rounded(delay)).unwrap_or(made)).collect();
        let part = |(from, to): (usize, usize)| {
            earlier.iter().enumerate().map(move |(tag, earlier)| {
                let (from, to) = (from.saturating_sub(*earlier), to.saturating_sub(*earlier));
                mean((from..to.min(made)).map(|ix| frames[ix * tags + tag]))
            })
        };
        match self {
            Self::End(window) => {
                let wanted = usize::try_from(window.as_nanos().div_ceil(frame)).unwrap_or(made);
                part((made.saturating_sub(wanted.max(1)), made)).collect()
            }
            Self::Batch => {
                let whole = expected.max(made);
                let border = |part: usize| part * whole / PARTS;
                (0..PARTS).flat_map(|ix| part((border(ix), border(ix + 1)))).collect()
            }
        }
    }
}

/// The mean of what there is; NaN where that is too little.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let all = values.len();
    let (sum, n) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0_usize), |(sum, n), value| (sum + value, n + 1));
    if n > 0 && count(n) >= LEAST_SEEN * count(all) { sum / count(n) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOLE: f64 = f64::NAN;

    #[track_caller]
    fn check(window: Window, frames: &[f64], expected: usize, wanted: &[f64]) {
        let row = window.row(frames, (&[Duration::ZERO; 2], MINUTE), expected);
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
    fn what_a_tag_sees_upstream_is_of_what_is_made_later() {
        let frames: Vec<f64> = (0..12).flat_map(|ix| [f64::from(ix), f64::from(ix)]).collect();
        let delays = [Duration::from_secs(130), Duration::ZERO];
        let row = |window: Window, made: usize| {
            format!("{:?}", window.row(&frames[..2 * made], (&delays, MINUTE), 12))
        };
        assert_eq!(row(Window::End(3 * MINUTE), 12), "[8.0, 10.0]");
        // Of what was made in the first minutes it saw nothing within the batch.
        assert_eq!(row(Window::End(3 * MINUTE), 3), "[0.0, 1.0]");
        assert_eq!(row(Window::End(3 * MINUTE), 2), "[NaN, 0.5]");
        assert_eq!(row(Window::Batch, 12), "[0.5, 1.5, 3.5, 5.5, 7.5, 9.5]");
        // It has seen what is to come next.
        assert_eq!(row(Window::Batch, 4), "[0.5, 1.5, 2.5, NaN, NaN, NaN]");
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
