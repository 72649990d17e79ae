//! Something that flags a batch once it has been wrong for a while, until it has been right for longer.

use super::judge::{PATIENCE, WITHDRAW_AFTER};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// What is foreseen of a batch, against what it has to be: of the mean of a quality tag, or of what the laboratory will
/// find.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    /// Since when it has been foreseen outside, or inside, without a gap.
    outside: Option<Timestamp>,
    inside: Option<Timestamp>,
    /// Since when it had been foreseen outside, while that flags the batch.
    flags: Option<Timestamp>,
}

impl Watch {
    /// Since when it had been foreseen outside, while that flags the batch.
    pub(super) fn flags(&self) -> Option<Timestamp> {
        self.flags
    }

    /// What follows does not go on from what was seen last.
    pub(super) fn lose_sight(&mut self) {
        (self.outside, self.inside) = (None, None);
    }

    /// Looks at a frame: `inside`, or `None` where nothing is known.
    pub(super) fn look(&mut self, (start, at): (Timestamp, Timestamp), inside: Option<bool>) {
        match inside {
            None => self.lose_sight(),
            Some(true) => {
                self.outside = None;
                let since = *self.inside.get_or_insert(start);
                if at >= since.plus(WITHDRAW_AFTER) {
                    self.flags = None;
                }
            }
            Some(false) => {
                self.inside = None;
                let since = *self.outside.get_or_insert(start);
                if at >= since.plus(PATIENCE) {
                    self.flags.get_or_insert(since);
                }
            }
        }
    }
}
