//! From frames to the rows that CVA looks at, and whether it can judge by now.

use super::cva::{Cva, Measured, Past};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// A row of CVA is so long at the least, s: within less, instruments tell more of their noise than of the
/// process.
const ROW_S: f64 = 10.0;

/// The frames in a row.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of frames")]
pub(super) fn frames_in_row(frame_s: f64) -> usize {
    (ROW_S / frame_s).ceil().max(1.0) as usize
}

/// What moves while CVA judges.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Dynamic {
    /// The sum of the frames of the row that is not whole yet, and their number.
    sum: Option<Array1<f64>>,
    frames: usize,
    past: Past,
    judges: bool,
}

impl Dynamic {
    /// Takes a frame (standardised, whole); gives what is measured of the row that it ends, if it does.
    #[expect(clippy::cast_precision_loss, reason = "frames in a row are few")]
    pub(super) fn take(&mut self, cva: &Cva, every: usize, frame: Array1<f64>) -> Option<Measured> {
        let sum = match self.sum.take() {
            Some(sum) => sum + frame,
            None => frame,
        };
        self.frames += 1;
        if self.frames < every {
            self.sum = Some(sum);
            return None;
        }
        let row = sum / self.frames as f64;
        self.frames = 0;
        let measured = cva.take(&mut self.past, row.view());
        self.judges |= measured.is_some();
        measured
    }

    /// A frame could not be used: what comes does not follow what was.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// True if all of it is of so many columns and states.
    pub(super) fn fits(&self, columns: usize, states: usize) -> bool {
        self.sum.as_ref().is_none_or(|sum| sum.len() == columns) && self.past.fits(columns, states)
    }

    /// True if a row was measured, and all frames since could be used.
    pub(super) fn judges(&self) -> bool {
        self.judges
    }
}
