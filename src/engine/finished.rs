//! The finished batches of a line, with what was said of them and what they were found to be.

use super::Engine;
use super::learning::outcome;
use super::line::{LineState, NO_GRADE};
use crate::batch::Batch;
use crate::models::{Made, Outcome};
use crate::plant::Plant;
use crate::reading::{LineIx, Timestamp};
use crate::verdict::Call;
use std::sync::Arc;

/// A finished batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedBatch {
    /// Its id.
    pub id: Arc<str>,
    /// Its start.
    pub started: Timestamp,
    /// Its end.
    pub ended: Timestamp,
    /// What was said of it in the end.
    pub verdict: Call,
    /// When it was first flagged.
    pub first_flag: Option<Timestamp>,
    /// What it was found to be.
    pub found: Outcome,
    /// How it was made.
    pub made: Made,
}

/// How a batch was made, as far as that matters to what a model says of it.
pub(super) fn made(batch: &Batch) -> Made {
    Made {
        started: Some(batch.started),
        steady: batch.steady.iter().copied().collect(),
        phases: batch.phases(),
    }
}

impl Engine {
    /// The finished batches of a line and grade that are remembered, at most the last few hundred of the line, in the
    /// order of their ends. Not those of its stations, which no model judges, nor those that never were.
    #[must_use]
    pub fn finished_batches(&self, line: LineIx, grade: &str) -> Vec<FinishedBatch> {
        let line = self.state.lines.get(line.get());
        let mut finished = line.map_or_else(Vec::new, |line| line.finished(&self.plant, grade));
        finished.sort_by_key(|batch| batch.ended);
        finished
    }
}

impl LineState {
    fn finished(&self, plant: &Plant, grade: &str) -> Vec<FinishedBatch> {
        let is_of = |batch: &&Batch| {
            let of = batch.grade.as_deref().unwrap_or(NO_GRADE);
            of == grade && batch.station.is_none() && !batch.void
        };
        let told = |batch: &Batch| {
            Some(FinishedBatch {
                id: Arc::clone(&batch.id),
                started: batch.started,
                ended: batch.ended?,
                verdict: self.call_of(batch).unwrap_or(Call::Unknown),
                first_flag: batch.first_flag,
                found: outcome(batch, plant.grades.at(grade, batch.started)),
                made: made(batch),
            })
        };
        self.book.finished().filter(is_of).filter_map(told).collect()
    }
}
