//! How far a batch is: by the time made, by what one of its columns says, or by its phases.

use super::phases::Phases;
use super::{
    FOLLOWS_RECIPE, POSITIONS_AT_LEAST, POSITIONS_MAX, explained, positions, usual_length,
};
use crate::models::calibrate::count;
use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A column tells how far a batch is if it goes one way: what it goes back in all is no more than this share of its way.
const BACK: f64 = 0.02;

/// It begins and ends about where it does in other batches: so much of its way apart, from quartile to quartile.
const APART: f64 = 0.2;

/// Between two rows it goes by no more than one of so many parts of its way.
const LEAP: usize = 5;

/// It must tell so much more of the other columns than the time does: else the time is the plainer one.
const TELLS_MORE: f64 = 0.05;

/// The rows of batches.
pub(in crate::models) trait Courses<'p> {
    /// Those of one: rows × columns, NaN where there is no value; all of them, or those until the first gap.
    fn rows(&self, batch: usize, whole: bool) -> Array2<f64>;
    /// The phase of each of these.
    fn phases(&self, batch: usize, whole: bool) -> Vec<Option<&'p Arc<str>>>;
}

/// What tells the position of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Clock {
    /// So many rows are a position: time in which something is made.
    Rows(usize),
    /// A column that goes one way in each batch: so many positions between two of its values.
    Column { column: usize, from: f64, to: f64, positions: usize },
    /// The phases of the recipe.
    Phases(Phases),
}

impl Clock {
    /// The position of a row, by its number since the start, and by what phases tell of it; `None` if it does not tell.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of positions, not below zero"
    )]
    pub(super) fn position(
        &self,
        number: usize,
        row: ArrayView1<'_, f64>,
        by_phases: Option<usize>,
    ) -> Option<usize> {
        match self {
            Self::Rows(every) => Some(number / every),
            Self::Phases(_) => by_phases,
            Self::Column { column, from, to, positions } => {
                let share =
                    (row.get(*column).filter(|value| value.is_finite())? - from) / (to - from);
                Some((share * count(*positions)).clamp(0.0, count(*positions)) as usize)
            }
        }
    }

    /// True if a position is known to be whole after so many rows, before the next one begins.
    pub(super) fn ends(&self, rows: usize) -> bool {
        matches!(self, Self::Rows(every) if rows.is_multiple_of(*every))
    }

    /// True if what one row tells may be wrong: a sensor's word, not a person's.
    pub(super) fn may_slip(&self) -> bool {
        matches!(self, Self::Column { .. })
    }

    /// No batch goes further from one row to the next, in positions.
    pub(super) fn leap(&self) -> usize {
        match self {
            Self::Rows(_) => 1,
            Self::Column { positions, .. } => (positions / LEAP).max(3),
            // A phase may be short, or left out.
            Self::Phases(phases) => phases.positions(),
        }
    }

    /// The column, if it is one.
    pub(super) fn column(&self) -> Option<usize> {
        match self {
            Self::Rows(_) | Self::Phases(_) => None,
            Self::Column { column, .. } => Some(*column),
        }
    }

    /// True if it can be one of so many columns.
    pub(super) fn is_sound(&self, columns: usize) -> bool {
        match self {
            Self::Rows(every) => *every > 0,
            Self::Phases(phases) => phases.is_sound(),
            Self::Column { column, from, to, positions } => {
                let ends = from.is_finite() && to.is_finite();
                *column < columns
                    && (1..=2 * POSITIONS_MAX).contains(positions)
                    && ends
                    && (to - from).abs() > 0.0
            }
        }
    }
}

/// What tells most of batches, their positions by it, and the share that these explain; `None` where that is too little,
/// or batches are too short. `course` gives the rows of each of so many batches, all or until a gap; `every` so many are a
/// position in time.
pub(super) fn choose<'p>(
    batches: usize,
    course: &impl Courses<'p>,
    every: usize,
) -> Option<(Clock, Vec<Array2<f64>>, f64)> {
    let by = |clock: &Clock| -> Vec<Array2<f64>> {
        let whole = !matches!(clock, Clock::Rows(_));
        let of_batch =
            |ix: usize| positions(course.rows(ix, whole).view(), &course.phases(ix, whole), clock);
        (0..batches).map(of_batch).collect()
    };
    let time = Clock::Rows(every);
    let by_time = by(&time);
    let length = usual_length(by_time.iter().map(Array2::nrows));
    if length < POSITIONS_AT_LEAST {
        return None;
    }
    let mut best = (time, None, explained(&by_time, None));
    let columns = by_time.first().map_or(0, Array2::ncols);
    for clock in (0..columns).filter_map(|column| clock(&by_time, column, length)) {
        let by_column = by(&clock);
        let without = clock.column();
        // Of the others: of itself it tells all.
        let more = explained(&by_column, without) - explained(&by_time, without);
        let share = explained(&by_column, None);
        if more > TELLS_MORE && share > best.2 {
            best = (clock, Some(by_column), share);
        }
    }
    let phases: Vec<_> = (0..batches).map(|ix| course.phases(ix, true)).collect();
    if let Some(phases) = Phases::of(&phases, every) {
        // What people call the course of a batch comes before what else would tell as much.
        let clock = Clock::Phases(phases);
        let by_phases = by(&clock);
        let share = explained(&by_phases, None);
        if share >= best.2 {
            best = (clock, Some(by_phases), share);
        }
    }
    let (clock, batches, share) = best;
    (share >= FOLLOWS_RECIPE).then(|| (clock, batches.unwrap_or(by_time), share))
}

/// The clock of a column that goes one way in each batch, by batches in time.
fn clock(batches: &[Array2<f64>], column: usize, positions: usize) -> Option<Clock> {
    let ways: Vec<(f64, f64)> =
        batches.iter().map(|batch| way(batch.view(), column)).collect::<Option<_>>()?;
    let one_way =
        ways.iter().all(|(from, to)| to > from) || ways.iter().all(|(from, to)| to < from);
    let (from, from_apart) = middle(ways.iter().map(|way| way.0));
    let (to, to_apart) = middle(ways.iter().map(|way| way.1));
    let near = from_apart.max(to_apart) <= APART * (to - from).abs();
    (one_way && near).then_some(Clock::Column { column, from, to, positions })
}

/// Where a column begins and ends in a batch, if it goes one way between.
fn way(batch: ArrayView2<'_, f64>, column: usize) -> Option<(f64, f64)> {
    let values: Vec<f64> =
        batch.column(column).iter().copied().filter(|value| value.is_finite()).collect();
    let (from, to) = (*values.first()?, *values.last()?);
    let steps = || values.windows(2).map(|pair| pair[1] - pair[0]);
    let back: f64 = steps().filter(|step| step * (to - from) < 0.0).map(f64::abs).sum();
    ((to - from).abs() > 0.0 && back <= BACK * (to - from).abs()).then_some((from, to))
}

/// The median, and how far the quartiles are apart.
fn middle(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (values[n / 2], values[3 * n / 4] - values[n / 4])
}
