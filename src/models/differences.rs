//! Tags that wander, by how far they change: counters, tank levels, the temperature of cooling water, a pressure drop
//! that ages.
//!
//! Such a tag has no level of its own. A model that takes its level learns that of the weeks it saw: every later batch
//! is out of range, or limits become so wide that they find nothing. What it changes by over some minutes has a level,
//! so monitors are given that instead ([`choose`] says of which tags). All that is said of such a tag is said of the
//! change, in the tag's unit over that time.
//!
//! The price: a shift that lasts is seen for as long as the change is taken over, and then it is gone. So in doubt a tag
//! keeps its level.
//!
//! Why a lag of minutes. From one row to the next an instrument tells more of its noise than of the process, and a counter
//! that counts coarsely 0 or 1; both say little, and what shifts is seen for one row alone. Over an hour more is lost
//! behind each gap. The distance from a slow mean sees a shift for as long, but it never ends to remember what was
//! before a gap, and nobody can read it off an instrument. Five minutes is what monitors smooth over, so that a shift is
//! seen as long as they take to answer. The tests show both.
//!
//! Ties between tags (`ties.rs`) are asked of levels all the same: two instruments of one cooling water wander together.

mod choice;
mod unit_root;

pub(super) use choice::choose;

use super::Table;
use crate::reading::change_over;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// A tag that a model takes the change of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its column.
    pub column: Arc<str>,
    /// What the change is taken over, s.
    pub over_s: f64,
    /// Why, in a few words.
    pub reason: String,
}

impl Difference {
    /// The same for people: `TI-7 (change over 5 min: its level wanders)`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} ({}: {})", self.column, change_over(self.over_s), self.reason)
    }
}

/// Which way a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Counts {
    Up,
    Down,
}

/// What the change of a column is taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lag {
    /// Its position in the columns of the table.
    pub(super) column: usize,
    /// Frames.
    pub(super) frames: usize,
    /// Which way it counts, if it does: what goes the other way by more than [`Self::back`] begins anew.
    pub(super) counts: Option<Counts>,
    /// The greatest step the other way that is only noise, in the tag's unit.
    #[serde(default)]
    pub(super) back: f64,
}

/// The columns of a model of which it takes the change.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Lags(pub(super) Vec<Lag>);

/// The last values of these columns: as many of each as its change is taken over, no more.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Recent(Vec<VecDeque<Option<f64>>>);

impl Recent {
    /// What comes does not follow what was.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// True if it can be that of these columns.
    pub(super) fn fits(&self, lags: &Lags) -> bool {
        let kept = self.0.iter().zip(&lags.0);
        self.0.is_empty()
            || (self.0.len() == lags.0.len()
                && kept.into_iter().all(|(values, lag)| values.len() <= lag.frames))
    }
}

impl Lags {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The frames that the change of a column is taken over, if it is.
    pub(super) fn frames(&self, column: usize) -> Option<usize> {
        self.0.iter().find(|lag| lag.column == column).map(|lag| lag.frames)
    }

    /// Puts the changes of these columns in the place of their values, in a row of the table's columns that follows the last
    /// one. NaN where one of both is missing, where nothing is known from before, or a counter began anew since.
    pub(super) fn take(&self, recent: &mut Recent, row: &mut [f64]) {
        recent.0.resize(self.0.len(), VecDeque::new());
        for (lag, values) in self.0.iter().zip(&mut recent.0) {
            let mut nothing = f64::NAN;
            let place = row.get_mut(lag.column).unwrap_or(&mut nothing);
            let value = Some(*place).filter(|value| value.is_finite());
            let known = values.iter().rev().find_map(|known| *known);
            let begins_anew = |(value, known): (f64, f64)| match lag.counts {
                Some(Counts::Up) => known - value > lag.back,
                Some(Counts::Down) => value - known > lag.back,
                None => false,
            };
            if value.zip(known).is_some_and(begins_anew) {
                values.clear();
            }
            let before =
                if values.len() == lag.frames { values.pop_front().flatten() } else { None };
            *place = value.zip(before).map_or(f64::NAN, |(value, before)| value - before);
            values.push_back(value);
        }
    }

    /// The same for all rows of a table, of which those of a block that is joined to the one before it go on.
    pub(super) fn changes(&self, table: &Table) -> Table {
        let mut changes = table.clone();
        let width = table.columns.len();
        let mut recent = Recent::default();
        for row in 0..table.rows() {
            if table.breaks_off(row) {
                recent.forget();
            }
            if !table.is_gap(row) {
                self.take(&mut recent, &mut changes.values[row * width..(row + 1) * width]);
            }
        }
        changes
    }

    /// True if they can be those of a model that uses some of so many columns.
    pub(super) fn are_sound(&self, used: &[usize]) -> bool {
        let is_sound = |lag: &Lag| lag.frames > 0 && lag.back >= 0.0 && used.contains(&lag.column);
        self.0.iter().all(is_sound)
    }
}

#[cfg(test)]
mod tests;
