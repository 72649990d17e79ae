//! Whether a sensor is believed.
//!
//! | standing | what is found | next |
//! | --- | --- | --- |
//! | well | it is the suspect | suspected |
//! | suspected | it is, and clearly, and a tie that it has a part in is beyond its limit, for [`ACCUSED_AFTER`] | accused |
//! | suspected | it was not the suspect for [`CALM`] | well |
//! | accused | it agrees with the others for [`ACQUITTED_AFTER`] | well |
//!
//! While its own tie misses a value it is not the suspect, and does not agree: a suspicion lapses, an accusation stays.

use super::course::{QUICK, SLOW};
use super::isolation::Estimate;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// See the table.
const ACCUSED_AFTER: Duration = Duration::from_secs(120);
const CALM: Duration = Duration::from_secs(60);
const ACQUITTED_AFTER: Duration = Duration::from_secs(300);

/// An accused sensor agrees when no residual that its error would show in is above this share of its limit, nor its error
/// above this share of what it was accused for.
const AGREES: f64 = 0.5;
const AGREES_OF_SIZE: f64 = 0.4;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Standing {
    Well,
    /// When it last was the suspect, and since when it clearly is.
    Suspected {
        last: Timestamp,
        clear: Option<Timestamp>,
    },
    /// The size of its error then, infinite where others accused it; and since when it agrees.
    Accused {
        size: f64,
        agrees: Option<Timestamp>,
    },
}

/// A change that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Accused,
    Acquitted,
}

/// What is found of a sensor at an instant.
pub(super) struct Found {
    pub(super) at: Timestamp,
    pub(super) is_suspect: bool,
    /// Its error explains what is broken clearly better than that of another.
    pub(super) is_clear: bool,
    /// `None` where no tie says anything of it.
    pub(super) error: Option<Estimate>,
}

impl Standing {
    pub(super) fn next(self, found: &Found) -> (Self, Option<Change>) {
        let Found { at, is_suspect, is_clear, ref error } = *found;
        let broken = |error: &Estimate| error.worst[QUICK].max(error.worst[SLOW]) > 1.0;
        let is_clear = is_clear && error.as_ref().is_some_and(broken);
        match self {
            Self::Well if is_suspect => {
                (Self::Suspected { last: at, clear: is_clear.then_some(at) }, None)
            }
            Self::Suspected { clear: before, .. } if is_suspect => {
                let clear = is_clear.then(|| before.unwrap_or(at));
                if clear.is_some_and(|clear| at >= clear.plus(ACCUSED_AFTER)) {
                    let size =
                        |error: &Estimate| error.size[QUICK].abs().max(error.size[SLOW].abs());
                    let size = error.as_ref().map_or(f64::INFINITY, size);
                    (Self::Accused { size, agrees: None }, Some(Change::Accused))
                } else {
                    (Self::Suspected { last: at, clear }, None)
                }
            }
            Self::Suspected { last, .. } if at >= last.plus(CALM) => (Self::Well, None),
            Self::Accused { size, agrees } => {
                let calm = |error: &Estimate| {
                    error.worst[QUICK] < AGREES && error.size[QUICK].abs() < AGREES_OF_SIZE * size
                };
                let agrees = error.as_ref().is_some_and(calm).then(|| agrees.unwrap_or(at));
                if agrees.is_some_and(|agrees| at >= agrees.plus(ACQUITTED_AFTER)) {
                    (Self::Well, Some(Change::Acquitted))
                } else {
                    (Self::Accused { size, agrees }, None)
                }
            }
            unchanged => (unchanged, None),
        }
    }

    /// As another says that it is: another model, or another grade's, may have accused or acquitted.
    pub(super) fn told(self, accused: bool) -> Self {
        match (accused, self.is_accused()) {
            (true, false) => Self::Accused { size: f64::INFINITY, agrees: None },
            (false, true) => Self::Well,
            _ => self,
        }
    }

    pub(super) fn is_accused(self) -> bool {
        matches!(self, Self::Accused { .. })
    }
}
