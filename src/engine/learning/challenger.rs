//! The model that waits for a person to promote it, and judges in the shadow of the one that judges: what it would have
//! said is kept, and nobody is told of a batch by it.

use super::judging::Judging;
use crate::models::{Beside, TrackRecord};
use crate::plant::Line;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model in the shadow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Challenger {
    judging: Judging,
    /// What it would have said of the batches since it waits. Its limits follow the good ones of these.
    track: TrackRecord,
    /// True if it waits because it is far from the reference, and not because the plant wants each one to wait.
    #[serde(default)]
    is_far: bool,
}

impl Challenger {
    pub(super) fn new(judging: Judging, is_far: bool) -> Self {
        Self { judging, track: TrackRecord::default(), is_far }
    }

    /// True if it waits because it is far from the reference.
    pub(super) fn is_far(&self) -> bool {
        self.is_far
    }

    pub(super) fn version(&self) -> u32 {
        self.judging.version
    }

    /// Reads the artifact again after deserialisation; false if the tags of the model are gone.
    pub(super) fn revive(&mut self, line: &Line) -> bool {
        self.judging.revive(line)
    }

    /// A new batch begins.
    pub(super) fn begin_batch(&mut self, at: Timestamp, adapts: bool) {
        self.judging.begin_batch(at, adapts.then_some(&self.track));
    }

    /// What comes does not follow what was, within one batch.
    pub(super) fn interrupt(&mut self) {
        self.judging.interrupt();
    }

    /// The next frame of the line is put to it, by its begin, end and phase, with the values that the model has that judges.
    pub(super) fn score(
        &mut self,
        line: &Line,
        (start, end, phase): (Timestamp, Timestamp, Option<&Arc<str>>),
        values: &[f64],
    ) {
        self.judging.follow((start, end), phase);
        let Some((model, row)) = self.judging.row(values) else { return };
        let score = model.score(&mut self.judging.online, &row).score;
        if score.is_some_and(|score| score > 1.0) && !self.judging.passes_guards(line) {
            self.judging.online.excuse();
        }
    }

    /// A batch has ended. It would have been flagged if its score passed the limit.
    pub(super) fn end_batch(&mut self, batch: &Arc<str>) {
        let mut judged = self.judging.online.ended(Arc::clone(batch), false);
        judged.flagged = judged.exceeded;
        self.track.judged(judged);
    }

    /// What a batch was found to be.
    pub(super) fn found(&mut self, batch: &str, outcome: crate::models::Outcome) {
        self.track.found(batch, outcome);
    }

    /// Beside what the model that judges said of the same batches.
    pub(super) fn beside(&self, present: &TrackRecord) -> Beside {
        present.beside(&self.track)
    }
}
