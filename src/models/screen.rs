//! Which columns and rows of a table a model can be fitted on.

use super::{Table, VALUES_MAX};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// A column must have a value in this share of the rows.
const LEAST_FILLED: f64 = 0.8;

/// A standard deviation below this share of the mean's size is rounding, not variation.
const LEAST_RELATIVE_SD: f64 = 1e-9;

/// Rows for each column that a correlation matrix needs at the least.
const ROWS_PER_COLUMN: usize = 3;

/// Rows that any fit needs.
const ROWS_AT_LEAST: usize = 30;

/// A column that the model does not use, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The column.
    pub column: Arc<str>,
    /// Why, in a few words.
    pub reason: String,
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// No column is left.
    #[error("no column can be used: {}", unusable_columns(.0))]
    NoColumn(Vec<Dropped>),
    /// Too few rows have a value in every column.
    #[error("{have} rows have a value in every one of {columns} columns, {need} are needed")]
    TooFewRows {
        /// Whole rows.
        have: usize,
        /// Rows needed.
        need: usize,
        /// Columns used.
        columns: usize,
    },
    /// Nothing is left to calibrate on.
    #[error(
        "{have} blocks have rows, at least 2 are needed to calibrate on data that were not fitted{}",
        no_room(*left_out)
    )]
    TooFewBlocks {
        /// Blocks with rows.
        have: usize,
        /// Blocks that had no room.
        left_out: usize,
    },
    /// Too little to borrow from.
    #[error(
        "{lent} batches of other grades and {own} of its own have frames, at least {need} and 2 are needed"
    )]
    TooFewLent {
        /// Batches of other grades with rows.
        lent: usize,
        /// Batches of its own.
        own: usize,
        /// Batches of other grades that are needed.
        need: usize,
    },
    /// The eigenvalues did not come.
    #[error("the eigenvalues of {0} columns did not converge")]
    NotConverged(usize),
}

pub(super) fn unusable_columns(dropped: &[Dropped]) -> String {
    if dropped.is_empty() {
        return "there is none with the id of a process or raw-material tag".into();
    }
    let words = dropped.iter().map(|d| format!("`{}` {}", d.column, d.reason));
    words.collect::<Vec<_>>().join(", ")
}

fn no_room(left_out: usize) -> String {
    if left_out == 0 {
        return String::new();
    }
    format!(
        "; {left_out} had no room in the {VALUES_MAX} values that a fit takes: make `frame` longer"
    )
}

/// The rows that a fit uses, and where they came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Screened {
    /// The positions of the columns in the table.
    pub(super) columns: Vec<usize>,
    pub(super) dropped: Vec<Dropped>,
    /// Rows × columns, block after block, all finite.
    pub(super) rows: Array2<f64>,
    /// The rows of each block, in order: begin and end.
    pub(super) blocks: Vec<(usize, usize)>,
    /// Which block of the table each of them is.
    pub(super) origins: Vec<usize>,
    /// The runs of rows that followed each other in a block, in order: a row that was left out ends one.
    pub(super) runs: Vec<(usize, usize)>,
}

/// Leaves out columns without variation or with too many holes, and rows with a hole in what is left.
pub(super) fn screen(table: &Table) -> Result<Screened, FitError> {
    let n = table.rows();
    let (mut columns, mut dropped) = (Vec::new(), Vec::new());
    for (ix, column) in table.columns.iter().enumerate() {
        match unusable(table, ix, 0..n) {
            None => columns.push(ix),
            Some(why) => {
                let reason = why.to_string();
                dropped.push(Dropped { column: Arc::clone(column), reason });
            }
        }
    }
    if columns.is_empty() {
        return Err(FitError::NoColumn(dropped));
    }
    rows_of(table, columns, dropped)
}

/// The rows that have a value in each of these columns.
pub(super) fn rows_of(
    table: &Table,
    columns: Vec<usize>,
    dropped: Vec<Dropped>,
) -> Result<Screened, FitError> {
    let n = table.rows();
    let mut values = Vec::with_capacity(n * columns.len());
    let (mut blocks, mut origins, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = 0;
    let ends = table.blocks.iter().skip(1).copied().chain([n]);
    for (origin, (begin, end)) in table.blocks.iter().copied().zip(ends).enumerate() {
        let (first, mut run) = (rows, rows);
        for ix in begin..end.min(n) {
            let row = table.row(ix);
            if columns.iter().all(|column| row[*column].is_finite()) {
                values.extend(columns.iter().map(|column| row[*column]));
                rows += 1;
            } else if rows > run {
                runs.push((run, rows));
                run = rows;
            }
        }
        if rows > run {
            runs.push((run, rows));
        }
        if rows > first {
            blocks.push((first, rows));
            origins.push(origin);
        }
    }
    let need = ROWS_AT_LEAST.max(ROWS_PER_COLUMN * columns.len());
    if rows < need {
        return Err(FitError::TooFewRows { have: rows, need, columns: columns.len() });
    }
    let rows = Array2::from_shape_vec((rows, columns.len()), values)
        .expect("every row appended one value for each column");
    Ok(Screened { columns, dropped, rows, blocks, origins, runs })
}

/// Why a column cannot be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unusable {
    /// It has a value in this share of the rows.
    Holes(f64),
    /// It does not vary.
    Still,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Holes(filled) => write!(f, "has a value in {:.0} % of the rows", filled * 100.0),
            Self::Still => f.write_str("does not vary"),
        }
    }
}

/// Why a column cannot be used in some rows.
pub(super) fn unusable(table: &Table, column: usize, rows: Range<usize>) -> Option<Unusable> {
    unusable_values(rows.map(|ix| table.row(ix)[column]))
}

/// The same by its values, NaN where there is none.
#[expect(clippy::cast_precision_loss, reason = "tables have far fewer than 2^53 rows")]
pub(super) fn unusable_values(all: impl ExactSizeIterator<Item = f64>) -> Option<Unusable> {
    let n = all.len();
    let values: Vec<f64> = all.filter(|value| value.is_finite()).collect();
    let filled = values.len() as f64 / (n.max(1)) as f64;
    if filled < LEAST_FILLED {
        return Some(Unusable::Holes(filled));
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        / (values.len() as f64 - 1.0).max(1.0);
    let sd = variance.sqrt();
    let still = sd <= LEAST_RELATIVE_SD * mean.abs().max(f64::MIN_POSITIVE) || !sd.is_finite();
    still.then_some(Unusable::Still)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_and_empty_columns_are_dropped_with_their_reason() {
        let mut table = Table {
            columns: vec!["a".into(), "constant".into(), "empty".into()],
            values: Vec::new(),
            blocks: vec![0, 20],
            ..Table::default()
        };
        for ix in 0..40 {
            let a = if ix == 7 { f64::NAN } else { f64::from(ix % 5) };
            table.values.extend([a, 4.2, if ix < 20 { f64::NAN } else { 1.0 }]);
        }
        let screened = screen(&table).unwrap();
        assert_eq!(screened.columns, [0]);
        assert_eq!(screened.blocks, [(0, 19), (19, 39)]);
        assert_eq!(screened.runs, [(0, 7), (7, 19), (19, 39)]);
        let reasons: Vec<&str> = screened.dropped.iter().map(|d| d.reason.as_str()).collect();
        assert_eq!(reasons, ["does not vary", "has a value in 50 % of the rows"]);
    }

    #[test]
    fn gap_ends_a_run_and_is_no_row() {
        let mut table = Table { columns: vec!["a".into()], blocks: vec![0], ..Table::default() };
        for ix in 0..40 {
            if ix == 25 {
                table.gap();
            }
            table.values.push(f64::from(ix % 5));
        }
        let screened = screen(&table).unwrap();
        assert_eq!((screened.rows.nrows(), &*screened.runs), (40, &[(0, 25), (25, 40)][..]));
        assert_eq!(screened.blocks, [(0, 40)]);
    }

    #[test]
    fn too_few_rows_say_how_many_are_needed() {
        let table = Table {
            columns: vec!["a".into()],
            values: vec![1.0, 2.0, 3.0],
            blocks: vec![0],
            ..Table::default()
        };
        let error = screen(&table).unwrap_err();
        assert_eq!(error, FitError::TooFewRows { have: 3, need: 30, columns: 1 });
    }

    #[test]
    fn table_without_columns_says_which_are_wanted() {
        let words = screen(&Table::default()).unwrap_err().to_string();
        assert_eq!(
            words,
            "no column can be used: there is none with the id of a process or raw-material tag"
        );
    }
}
