//! Anomaly models: fitted from a line's own on-spec batches, judged frame by frame.
//!
//! The only room that names linfa and ndarray. Scaling, choice of components, limits, calibration
//! and contributions are our own (the formulas' sources stand beside them); linfa's `Pca` is not
//! used because it returns wrong eigenvalues for most numbers of components.
//!
//! A fit screens the columns ([`FitError`], `dropped`), standardises, takes the eigenvectors of the
//! correlation matrix, chooses components by parallel analysis, and then calibrates: the limits come
//! from blocks that the model was not fitted on. A [`Model`] never changes; what moves while it
//! judges is [`Online`].

mod backtest;
mod borrowed;
mod calibrate;
mod cva;
mod delays;
mod differences;
mod dynamic;
mod fit;
#[cfg(test)]
mod fixtures;
mod held_out;
mod limits;
mod model;
mod movers;
mod multiway;
mod pareto;
mod pca;
mod peers;
mod prospects;
mod screen;
mod soft_sensor;
mod statistic;
mod ties;
mod track;
mod trial;
mod wander;

pub use backtest::{Backtest, Flag, Made, Said};
pub use borrowed::{LENT_AT_LEAST, Lent, fit_borrowed};
pub use calibrate::{Calibration, rate_range_of};
pub use delays::DelayEstimate;
pub use differences::Difference;
pub use fit::{Stage, fit, fit_telling};
pub use limits::{jackson_mudholkar, spe_limit_box, t2_limit_phase_one, t2_limit_phase_two};
pub use model::{ArtifactError, Header, Model, Online, Score};
pub use movers::Moved;
pub use peers::{Disagreement, Peers, Word};
pub use prospects::{Case, Prospects, Sign, Signs};
pub use screen::{Dropped, FitError};
pub use soft_sensor::{
    Bins, Candidate, Coverage, Estimate, Fitness, Foretold, Ranked, Raw, SAMPLES_AT_LEAST, Sample,
    SoftSensor, SoftSensorError, Stage as BatchStage, Track as SoftSensorTrack, Window, any_beyond,
    fit_best,
};
pub use statistic::{Monitor, Statistic};
pub use track::{Beside, Judged, Outcome, Realized, TrackRecord};
pub use trial::{Flagged, PastBatch, Trial, TrialReason, Trying};
pub use wander::{Footing, Wander};

/// Values of a [`Table`] that a fit takes at most: 256 MiB, and with the copies that a fit makes of
/// them about a GiB while it runs. 45 tags of one-second frames have room for 8 days, which is more
/// than the twenty batches of eight hours that a first model waits for.
pub const VALUES_MAX: usize = 1 << 25;

/// What a row counts as at the least.
const NARROWEST: usize = 8;

use crate::plant::Budget;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Rows of frames to fit from, block after block; a block is a batch, or a stretch of a recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The ids of the tags, one for each column.
    pub columns: Vec<Arc<str>>,
    /// The values, row after row, `columns.len()` in each; NaN where there is none. A row follows the one before it
    /// without a gap in time, unless there is a [`Self::gap`] between them.
    pub values: Vec<f64>,
    /// The first row of each block; the first entry is 0.
    pub blocks: Vec<usize>,
    /// Those of them that begin when the block before ends.
    pub joined: Vec<usize>,
    /// The ids of the quality tags beside the columns: no model is fitted on them, but they tell delays.
    pub quality: Vec<Arc<str>>,
    /// Their values, row after row, `quality.len()` in each; NaN where there is none.
    pub measured: Vec<f64>,
    /// The rows that stand for a gap, in order.
    pub gaps: Vec<usize>,
    /// The phases that batches came into: the first row of each, and its name, in order; of batches of which nobody tells
    /// phases, none.
    pub phases: Vec<(usize, Arc<str>)>,
    /// Older batches, or rows where there are no batches, that had no room in [`VALUES_MAX`].
    pub left_out: usize,
    /// Where they are from.
    pub source: Source,
}

/// Where rows are from: what a model can be traced back to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// The ids of the batches, one for each block; none where blocks are stretches of a recording. Of a borrowed model
    /// those of its own grade.
    pub batches: Vec<Arc<str>>,
    /// The batches of other grades that it is borrowed from: their blocks come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub borrowed: Vec<Lent>,
    /// Other grades that lent a single batch, which was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alone: Vec<Arc<str>>,
    /// The begin of the first frame and the end of the last; `None` of rows that tell no time.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl Source {
    /// True if some are of other grades.
    #[must_use]
    pub fn is_borrowed(&self) -> bool {
        !self.borrowed.is_empty()
    }

    /// There are frames of this time.
    pub fn cover(&mut self, start: Timestamp, end: Timestamp) {
        let (first, last) = self.span.unwrap_or((start, end));
        self.span = Some((first.min(start), last.max(end)));
    }
}

impl Table {
    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        if self.columns.is_empty() { 0 } else { self.values.len() / self.columns.len() }
    }

    /// How many rows of so many columns a fit takes at most. A row counts as eight values at the least, for
    /// so many are kept of it while limits are looked for.
    #[must_use]
    pub fn rows_max(columns: usize) -> usize {
        VALUES_MAX / columns.max(NARROWEST)
    }

    /// How many of the last batches have room together, when each has so many rows of so many
    /// columns; a batch is taken whole or not at all.
    #[must_use]
    pub fn newest_with_room(rows: &[usize], columns: usize) -> usize {
        let mut room = Self::rows_max(columns);
        let fits = |rows: &&usize| match room.checked_sub(**rows) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        rows.iter().rev().take_while(fits).count()
    }

    /// Says that the next row does not follow the last one: frames are missing between them. A row without any
    /// value stands there, which no fit uses.
    pub fn gap(&mut self) {
        self.gaps.push(self.rows());
        self.values.resize(self.values.len() + self.columns.len(), f64::NAN);
        self.measured.resize(self.measured.len() + self.quality.len(), f64::NAN);
    }

    /// The next block begins here; `joined` if that is when the last one ends.
    pub fn begin_block(&mut self, joined: bool) {
        let row = self.rows();
        if joined && !self.blocks.is_empty() {
            self.joined.push(row);
        }
        self.blocks.push(row);
    }

    /// The rows of a block that were made, without those that stand for a gap; or those until the first gap.
    fn made(&self, block: usize, whole: bool) -> impl Iterator<Item = usize> {
        let begin = self.blocks.get(block).copied().unwrap_or_default();
        let end = self.blocks.get(block + 1).copied().unwrap_or_else(|| self.rows());
        (begin..end)
            .take_while(move |row| whole || !self.is_gap(*row))
            .filter(|row| !self.is_gap(*row))
    }

    /// The phase of each of these rows of a block.
    fn phases_of(&self, block: usize, whole: bool) -> Vec<Option<&Arc<str>>> {
        let begin = self.blocks.get(block).copied().unwrap_or_default();
        let phase = |row: usize| {
            let told = self.phases.partition_point(|(first, _)| *first <= row).checked_sub(1)?;
            let (first, phase) = &self.phases[told];
            // Behind a gap nobody knows how far it is, nor when one began that came with the first row behind it.
            let gaps = self.gaps.partition_point(|gap| *gap <= row);
            let missed = gaps.checked_sub(1).is_some_and(|ix| *first <= self.gaps[ix] + 1);
            (*first >= begin && !missed).then_some(phase)
        };
        self.made(block, whole).map(phase).collect()
    }

    /// Takes a block away, with its rows.
    fn remove_block(&mut self, block: usize) {
        let begin = self.blocks.remove(block);
        let end = self.blocks.get(block).copied().unwrap_or_else(|| self.rows());
        let width = self.columns.len();
        self.values.drain(begin * width..end * width);
        let measured = self.quality.len();
        self.measured.drain(begin * measured..end * measured);
        self.gaps.retain(|row| !(begin..end).contains(row));
        self.phases.retain(|(row, _)| !(begin..end).contains(row));
        // The block behind it follows another one now, which did not end where it begins.
        self.joined.retain(|row| !(begin..=end).contains(row));
        let later = self.blocks[block..].iter_mut().chain(&mut self.gaps).chain(&mut self.joined);
        let later = later.chain(self.phases.iter_mut().map(|(row, _)| row));
        later.filter(|row| **row >= end).for_each(|row| *row -= end - begin);
    }

    /// True of a row that stands for a gap.
    fn is_gap(&self, row: usize) -> bool {
        self.gaps.binary_search(&row).is_ok()
    }

    /// True of a row that does not follow the one before it: that of a gap, or the first of a block that is not joined to
    /// the one before. The row behind a gap has nothing before it either.
    fn breaks_off(&self, row: usize) -> bool {
        let begins =
            self.blocks.binary_search(&row).is_ok() && self.joined.binary_search(&row).is_err();
        begins || self.is_gap(row)
    }

    /// The values of one row.
    #[must_use]
    pub fn row(&self, ix: usize) -> &[f64] {
        let width = self.columns.len();
        &self.values[ix * width..(ix + 1) * width]
    }
}

/// What a fit is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitSpec {
    /// The length of a frame.
    pub frame: Duration,
    /// The false-flag budget.
    pub budget: Budget,
    /// True if blocks are batches, so that the budget counts them.
    pub batches: bool,
    /// The seed of whatever is drawn.
    pub seed: u64,
    /// The least standard deviation of a column that a model may assume, by name, in the column's
    /// unit: half of the window in which operators may set it.
    #[serde(default)]
    pub least_sd: BTreeMap<Arc<str>, f64>,
    /// The columns that each column agrees with, by name: what others measure as well, or add up to.
    #[serde(default)]
    pub ties: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Columns of which the plant says whether they wander ([`crate::plant::Line::wanders`]); of the others a fit estimates it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wanders: BTreeMap<Arc<str>, bool>,
}

impl FitSpec {
    /// The least standard deviations that centerlines allow: the end of a window is one away from its
    /// middle.
    #[must_use]
    pub fn least_sd(centerline: &BTreeMap<Arc<str>, (f64, f64)>) -> BTreeMap<Arc<str>, f64> {
        centerline.iter().map(|(tag, (low, high))| (Arc::clone(tag), (high - low) / 2.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_their_phase_also_when_a_block_is_taken_away() {
        let phases = [(1, "fill"), (3, "heat"), (6, "fill"), (8, "heat")];
        let mut table = Table {
            columns: vec!["a".into()],
            values: vec![0.0; 9],
            blocks: vec![0, 5],
            gaps: vec![2],
            phases: phases.map(|(row, phase)| (row, Arc::from(phase))).into(),
            ..Table::default()
        };
        let of = |table: &Table, block| {
            let phases = table.phases_of(block, true).into_iter();
            phases.map(|phase| phase.map_or("-", |phase| &**phase).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(&table, 0), ["-", "fill", "-", "-"], "who knows when it began in the gap");
        assert_eq!(table.phases_of(0, false).len(), 2);
        assert_eq!(of(&table, 1), ["-", "fill", "fill", "heat"], "none of the block before");
        table.remove_block(0);
        assert_eq!(of(&table, 0), ["-", "fill", "fill", "heat"]);
    }

    #[test]
    fn newest_batches_have_room_and_are_taken_whole() {
        let columns = 1 << 10;
        let room = Table::rows_max(columns);
        assert_eq!(room, 1 << 15);
        for (rows, expected) in [
            (vec![], 0),
            (vec![1, 2, 3], 3),
            (vec![1, room - 1, 1], 2),
            (vec![1, room, 1], 1),
            (vec![1, room + 1], 0),
        ] {
            assert_eq!(Table::newest_with_room(&rows, columns), expected, "{rows:?}");
        }
    }
}
