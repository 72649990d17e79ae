//! The grades that a line was told to make, by the instants from which on.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Changes of grade that are remembered.
const CHANGES_MAX: usize = 64;

/// A grade that was told, and since when; the line's own, as it is configured, since ever.
pub(super) type Change = (Option<Timestamp>, Option<Arc<str>>);

/// The changes of grade of a line before its newest, oldest first: a batch that names no grade is of the one that was made
/// when it began, however late that is told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct GradesTold(VecDeque<Change>);

impl GradesTold {
    /// Takes a change where it belongs in time; of one instant the later one told counts. False if it was told before.
    pub(super) fn take(&mut self, since: Option<Timestamp>, grade: Option<Arc<str>>) -> bool {
        let change = (since, grade);
        if self.has(&change) {
            return false;
        }
        let ix = self.0.partition_point(|(known, _)| *known <= since);
        self.0.insert(ix, change);
        if self.0.len() > CHANGES_MAX {
            self.0.pop_front();
        }
        true
    }

    /// True if the change was told before.
    pub(super) fn has(&self, change: &Change) -> bool {
        self.0.contains(change)
    }

    /// The grade at an instant; what was made before the oldest change that is remembered is taken for that one's.
    pub(super) fn at(&self, instant: Timestamp) -> Option<&Arc<str>> {
        let known = self.0.iter().rev().find(|(since, _)| since.is_none_or(|since| since <= instant));
        known.or(self.0.front())?.1.as_ref()
    }
}
