//! A model for a grade that has few batches of its own, from those of other grades of its line (grade-centred pooling).
//!
//! Grades differ in where they run, and much less in what goes with what and how fast. So the rows of other grades are put
//! where the new grade runs, and one model is fitted on all of them. Where it runs is known from a few batches, and the
//! error of that is in every score. It is in the rows that the model is fitted on as well: of each batch not the mean of
//! its grade is taken away, but what a few other batches of its grade, as many as the new grade has, would have told of
//! it. So deviations, relations, and what held-out batches reach are those of a grade known that badly: on the mean the
//! variance of a batch about a mean of k batches, (1 + 1/k) times that between batches.
//!
//! What few batches tell of a mean is drawn towards the mean of the other grades (empirical Bayes): with the squared
//! standard error s²/k of k batches and the variance V of a new grade about the others' mean by the share
//! (s²/k)/(s²/k + V), each column for itself. V is the upper end of its range, for few grades tell little of it, and with
//! one there is none; and a mean is moved by no more than its standard error, so that a grade unlike all others keeps its
//! own (limited translation; Efron and Morris 1972).
//!
//! What no other grade tells is whether the new one is like them. So limits are wider than held-out batches ask for, wide
//! enough for the new grade's own, always provisional, and their range of rates begins at nothing.

use super::calibrate::{self, Calibration};
use super::fit::{Rows, Stage, fit_with};
use super::screen::{Dropped, FitError, Unusable, unusable};
use super::{FitSpec, Header, Model, Source, Table};
use crate::reading::Count;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What limits are multiplied with: nobody knows yet whether the grade is like the others.
const WIDER: f64 = 1.5;

/// How far limits are beyond what the grade's own batches reached, at the least.
const WIDER_THAN_OWN: f64 = 1.2;

/// Batches of other grades that have to be there at the least.
pub const LENT_AT_LEAST: usize = 10;

/// A column that goes so many times as far in its own batches as in others is scaled by them.
const FURTHER: f64 = 2.0;

/// The variance over grades is taken to be at its upper end in this share of the cases.
const VARIANCE_SURE: f64 = 0.9;

/// The batches of another grade that a model is borrowed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// The grade.
    pub grade: Arc<str>,
    /// The ids of its batches, in order.
    pub batches: Vec<Arc<str>>,
}

impl Header {
    /// Of a borrowed model, where it is from, and how much wider its limits are.
    #[must_use]
    pub fn loan(&self) -> Option<String> {
        let Source { batches, borrowed, alone, .. } = &self.source;
        let (last, others) = borrowed.split_last()?;
        let others: Vec<&str> = others.iter().map(|lent| &*lent.grade).collect();
        let grades = match &others[..] {
            [] => last.grade.to_string(),
            _ => format!("{} and {}", others.join(", "), last.grade),
        };
        let lent: usize = borrowed.iter().map(|lent| lent.batches.len()).sum();
        let alone = match &alone[..] {
            [] => String::new(),
            alone => format!(", not the single one of {}", alone.join(" and ")),
        };
        Some(format!(
            "borrowed from {grades} ({}{alone}), {} of its own; limits × {:.1}",
            Count(lent, "batch"),
            batches.len(),
            self.widened.unwrap_or(1.0)
        ))
    }
}

/// What a fit has to know of a grade whose rows are not all its own.
pub(super) struct Borrowing {
    /// The first block of its own.
    own: usize,
    /// How far each column of the table goes in the grade's own rows about where it is taken to run, as a standard
    /// deviation, where that is much further than in others: it is no news. Else 0.
    pub(super) least: Vec<f64>,
}

impl Borrowing {
    /// The limits of a borrowed model, from those that held-out batches ask for; and how many times as wide they are.
    /// `reached` is the block of each held-out batch and the greatest ratio in it; none where the budget counts frames.
    pub(super) fn widen(
        &self,
        calibration: Calibration,
        reached: impl Iterator<Item = (usize, f64)>,
    ) -> (Calibration, f64) {
        let own = reached.filter(|(block, _)| *block >= self.own).map(|(_, ratio)| ratio);
        let own: Vec<f64> = own.collect();
        let furthest = own.iter().copied().fold(0.0, f64::max) / calibration.factor;
        let by = WIDER.max(WIDER_THAN_OWN * furthest);
        let (_, mut high) = calibration.rate_range;
        if furthest > 1.0 {
            // It is not like the others: what its own batches reached is all that is known, and one more is as likely
            // to be the furthest as each of them.
            high = high.max(1.0 / (calibrate::count(own.len()) + 1.0));
        }
        let wider = Calibration {
            provisional: true,
            factor: by * calibration.factor,
            rate_range: (0.0, high),
            // What its own batches reach later is held against these.
            maxima: calibration.maxima.iter().map(|value| by * value).collect(),
            ..calibration
        };
        (wider, by)
    }
}

/// Fits a model for a grade on batches of other grades beside its own. The table has the blocks of each grade of
/// `source.borrowed`, in that order, and then those of `source.batches`, which are its own.
///
/// # Errors
/// When too few batches of other grades are there, or as [`super::fit`] does.
pub fn fit_borrowed(
    mut table: Table,
    spec: &FitSpec,
    tell: &mut dyn FnMut(Stage),
) -> Result<Model, FitError> {
    leave_out_single(&mut table);
    let grades = Grades::of(&table);
    let lent = grades.own().start;
    debug_assert_eq!(grades.own().end, table.blocks.len(), "each block is of a grade");
    if lent < LENT_AT_LEAST || grades.own().len() < 2 {
        return Err(FitError::TooFewLent { lent, own: grades.own().len(), need: LENT_AT_LEAST });
    }
    // Batches of one grade after those of another tell of no tag whether it wanders.
    let changes = Rows::of(&table, spec, false).changes.map(|(mut changes, lags, differences)| {
        let dropped = grades.leave_out(&mut changes);
        let least = grades.move_to_own(&mut changes);
        ((changes, lags, differences), dropped, least)
    });
    let dropped = grades.leave_out(&mut table);
    let least = grades.move_to_own(&mut table);
    let (changes, dropped, least) = match changes {
        Some((changes, dropped, least)) => (Some(changes), dropped, least),
        None => (None, dropped, least),
    };
    let borrowing = Borrowing { own: lent, least };
    let rows = Rows { levels: Cow::Owned(table), changes };
    let mut model = fit_with(&rows, spec, Some(&borrowing), tell)?;
    model.tell_dropped(dropped);
    Ok(model)
}

/// Leaves out each batch that is the only one of its grade: what others of its grade would have told of its mean is not
/// known, and so not where its rows belong. The model names these grades.
fn leave_out_single(table: &mut Table) {
    let mut first = 0;
    let mut single = Vec::new();
    for lent in &table.source.borrowed {
        if lent.batches.len() == 1 {
            single.push(first);
            table.source.alone.push(Arc::clone(&lent.grade));
        }
        first += lent.batches.len();
    }
    table.source.borrowed.retain(|lent| lent.batches.len() != 1);
    for block in single.into_iter().rev() {
        table.remove_block(block);
    }
}

/// The blocks of each grade, the new one's own last.
struct Grades {
    names: Vec<Arc<str>>,
    blocks: Vec<Range<usize>>,
    /// The rows of each block.
    rows: Vec<Range<usize>>,
}

impl Grades {
    fn of(table: &Table) -> Self {
        let lent = table.source.borrowed.iter().filter(|lent| !lent.batches.is_empty());
        let names: Vec<Arc<str>> = lent.clone().map(|lent| Arc::clone(&lent.grade)).collect();
        let mut first = 0;
        let sizes = lent.map(|lent| lent.batches.len()).chain([table.source.batches.len()]);
        let blocks = sizes.map(|n| {
            first += n;
            first - n..first
        });
        let ends = table.blocks.iter().skip(1).copied().chain([table.rows()]);
        let rows = table.blocks.iter().zip(ends).map(|(begin, end)| *begin..end).collect();
        Self { names, blocks: blocks.collect(), rows }
    }

    fn own(&self) -> Range<usize> {
        self.blocks.last().cloned().unwrap_or_default()
    }

    /// The rows of a grade.
    fn rows_of(&self, grade: usize) -> Range<usize> {
        let blocks = &self.blocks[grade];
        let rows = |ix: usize| self.rows.get(ix).cloned().unwrap_or_default();
        rows(blocks.start).start..rows(blocks.end.saturating_sub(1)).end
    }

    /// Takes away the values of columns that tell nothing of the new grade: those that stand still in its own batches,
    /// while what goes with them in others moves, and those that are not there in each grade.
    fn leave_out(&self, table: &mut Table) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        let own = self.blocks.len() - 1;
        for column in 0..table.columns.len() {
            let mut grades = (0..=own).rev();
            let reason = grades.find_map(|grade| {
                match (unusable(table, column, self.rows_of(grade))?, self.names.get(grade)) {
                    (why, None) => Some(format!("{why} in its own batches")),
                    // What one grade leaves alone may be moved by others.
                    (Unusable::Still, Some(_)) => None,
                    (why, Some(name)) => Some(format!("{why} in `{name}`")),
                }
            });
            let Some(reason) = reason else { continue };
            dropped.push(Dropped { column: Arc::clone(&table.columns[column]), reason });
            let width = table.columns.len();
            table.values.iter_mut().skip(column).step_by(width).for_each(|value| *value = f64::NAN);
        }
        dropped
    }

    /// Moves all rows to where the new grade is taken to run. Gives how far its own go about that, where that is far.
    fn move_to_own(&self, table: &mut Table) -> Vec<f64> {
        let width = table.columns.len();
        let mut least = vec![0.0; width];
        for (column, least) in least.iter_mut().enumerate() {
            let means: Vec<f64> =
                self.rows.iter().map(|rows| mean(values(table, column, rows.clone()))).collect();
            let means = Means::of(&self.blocks, means);
            let own = self.blocks.len() - 1;
            let runs_at = means.told(own, None, means.own.len());
            for (grade, blocks) in self.blocks.iter().enumerate() {
                for block in blocks.clone() {
                    let by = runs_at - means.told(grade, Some(block), means.own.len());
                    for row in self.rows[block].clone() {
                        table.values[row * width + column] += by;
                    }
                }
            }
            let goes = |rows: Range<usize>| {
                mean(values(table, column, rows).map(|v| (v - runs_at).powi(2))).max(0.0).sqrt()
            };
            let lent = self.rows.first().map_or(0, |rows| rows.start)..self.rows_of(own).start;
            let own = goes(self.rows_of(own));
            *least = if own > FURTHER * goes(lent) { own } else { 0.0 };
        }
        least
    }
}

/// The values of a column in some rows that are there.
fn values(table: &Table, column: usize, rows: Range<usize>) -> impl Iterator<Item = f64> {
    rows.map(move |row| table.row(row)[column]).filter(|value| value.is_finite())
}

/// The mean; NaN of nothing.
#[expect(clippy::cast_precision_loss, reason = "tables have far fewer than 2^53 rows")]
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (n, sum) = values.fold((0_usize, 0.0), |(n, sum), value| (n + 1, sum + value));
    sum / n as f64
}

/// The means of a column in each batch, by grade.
struct Means<'g> {
    grades: &'g [Range<usize>],
    own: Range<usize>,
    /// Of each block.
    blocks: Vec<f64>,
    /// Of each grade.
    of_grades: Vec<f64>,
    /// The variance between the batches of a grade.
    between: f64,
}

impl<'g> Means<'g> {
    #[expect(clippy::cast_precision_loss, reason = "batches are few")]
    fn of(grades: &'g [Range<usize>], blocks: Vec<f64>) -> Self {
        let there = |range: &Range<usize>| {
            let means = blocks[range.clone()].iter().copied();
            means.filter(|mean| mean.is_finite()).collect::<Vec<f64>>()
        };
        let of_grades: Vec<f64> =
            grades.iter().map(|range| mean(there(range).into_iter())).collect();
        let (mut squares, mut freedom) = (0.0, 0);
        for (range, of_grade) in grades.iter().zip(&of_grades) {
            let means = there(range);
            squares += means.iter().map(|mean| (mean - of_grade).powi(2)).sum::<f64>();
            freedom += means.len().saturating_sub(1);
        }
        let between = squares / freedom.max(1) as f64;
        let own = grades.last().cloned().unwrap_or_default();
        Self { grades, own, blocks, of_grades, between }
    }

    /// What so many batches of a grade, and the other grades, tell of its mean; but for one batch the ones before it tell,
    /// and before the first the last.
    #[expect(clippy::cast_precision_loss, reason = "batches are few")]
    fn told(&self, grade: usize, without: Option<usize>, by: usize) -> f64 {
        let blocks = &self.grades[grade];
        let n = blocks.len();
        let by = match without {
            None => blocks.clone().collect::<Vec<usize>>(),
            Some(block) => {
                let place = block - blocks.start;
                (1..=by.min(n - 1)).map(|back| blocks.start + (place + n - back) % n).collect()
            }
        };
        let known = by.iter().map(|block| self.blocks[*block]).filter(|mean| mean.is_finite());
        let (k, told) = (known.clone().count(), mean(known));
        let error = self.between / k as f64;
        let others = (0..self.grades.len() - 1).filter(|other| *other != grade);
        let others = others.map(|other| self.of_grades[other]).collect::<Vec<f64>>();
        match prior(&others) {
            Some((middle, variance)) if k > 0 && error > 0.0 => {
                let share = error / (error + variance);
                told + (share * (middle - told)).clamp(-error.sqrt(), error.sqrt())
            }
            _ => told,
        }
    }
}

/// The mean of some grades, and the variance of a further one about it, by the upper end of its range. `None` of fewer
/// than two.
#[expect(clippy::cast_precision_loss, reason = "grades are few")]
fn prior(grades: &[f64]) -> Option<(f64, f64)> {
    use statrs::distribution::{ChiSquared, ContinuousCDF};
    let n = grades.len() as f64;
    let squares = ChiSquared::new(n - 1.0).ok()?.inverse_cdf(1.0 - VARIANCE_SURE);
    let middle = mean(grades.iter().copied());
    let variance = grades.iter().map(|grade| (grade - middle).powi(2)).sum::<f64>() / squares;
    Some((middle, variance * (1.0 + 1.0 / n))).filter(|(_, variance)| variance.is_finite())
}

#[cfg(test)]
mod tests;
