//! What grades learn: which batches are fit for it, when a model is asked for, and which one judges.

mod asking;
mod borrowing;
mod challenger;
mod found;
mod judging;
mod record;
mod reference;
mod switching;

use super::effect::FitRequest;
use super::event::{ModelAnswer, Promotion};
use super::view::{ChallengerView, PromotionView};
use crate::batch::Batch;
use crate::models::{Outcome as BatchOutcome, TrackRecord};
use crate::plant::{Grade, Line, ModelSettings};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use asking::budget;
pub(super) use borrowing::FIRST_BORROWED;
use challenger::Challenger;
pub(super) use found::{outcome, shown};
pub(super) use judging::Judging;
use reference::Reference;
pub(super) use switching::Outcome;

/// Batches that a fit uses at most: the newest.
const BATCHES_MAX: usize = 100;

/// Batches of each kind that a new model is tried on at most: the newest.
const TRIAL_MAX: usize = 30;

/// The models of one line, by grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Learning {
    grades: BTreeMap<Arc<str>, GradeModels>,
}

/// What one grade has learned.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct GradeModels {
    /// Ids of the batches fit for learning, in the order in which they became so.
    fit: Vec<Arc<str>>,
    /// Ids of the batches that were bad, the newest.
    #[serde(default)]
    bad: VecDeque<Arc<str>>,
    /// How many became fit since the last request.
    since_request: u32,
    /// The event time of the last request.
    requested: Option<Timestamp>,
    /// True if the last fit failed.
    failed: bool,
    /// The request whose answer is awaited.
    open: Option<FitRequest>,
    /// The answer that waits for the next batch boundary.
    ready: Option<ModelAnswer>,
    /// The model that a person promoted, with the id of its row in the registry; it waits for the next batch boundary.
    #[serde(default)]
    promoted: Option<(u64, Promotion)>,
    /// The version of the last model.
    version: u32,
    /// The model that judges.
    judging: Option<Judging>,
    /// The newest one that waits for a person to promote it.
    #[serde(default)]
    challenger: Option<Challenger>,
    /// What became of the batches that the model that judges, and those before it, judged.
    #[serde(default)]
    track: TrackRecord,
    /// True if it was told that the model is not right any more.
    #[serde(default)]
    drifted: bool,
    /// How many batches of its own it had when it last asked for a borrowed model.
    #[serde(default)]
    borrowed_with: usize,
    /// True if a person put the model there that judges.
    #[serde(default)]
    by_person: bool,
    /// What no model wanders far from by itself.
    #[serde(default)]
    reference: Option<Reference>,
}

impl Learning {
    /// The model of a grade.
    pub(super) fn judging(&self, grade: &str) -> Option<&Judging> {
        self.grades.get(grade)?.judging.as_ref()
    }

    /// The model of a grade, to feed.
    pub(super) fn judging_mut(&mut self, grade: &str) -> Option<&mut Judging> {
        self.grades.get_mut(grade)?.judging.as_mut()
    }

    /// True if the model of a grade is borrowed from others.
    pub(super) fn is_on_loan(&self, grade: &str) -> bool {
        self.grades.get(grade).is_some_and(|models| models.judges_on_loan().is_some())
    }

    /// The version of the newest model of a grade; 0 if there was none.
    pub(super) fn version(&self, grade: &str) -> u32 {
        self.grades.get(grade).map_or(0, |models| models.version)
    }

    /// How many batches of a grade are fit for learning.
    pub(super) fn have(&self, grade: &str) -> u32 {
        self.grades
            .get(grade)
            .map_or(0, |models| u32::try_from(models.fit.len()).unwrap_or(u32::MAX))
    }

    /// The ids of the batches of a grade that are fit for learning, in the order in which they became so.
    pub(super) fn fit_batches(&self, grade: &str) -> &[Arc<str>] {
        self.grades.get(grade).map_or(&[], |models| &models.fit)
    }

    /// True if the batch is fit for learning.
    pub(super) fn teaches(&self, grade: &str, batch: &str) -> bool {
        self.fit_batches(grade).iter().rev().any(|id| **id == *batch)
    }

    /// The requests whose answers are awaited: a shell starts them again after a restart.
    pub(super) fn open_requests(&self) -> impl Iterator<Item = &FitRequest> {
        self.grades.values().filter(|models| models.ready.is_none()).filter_map(|m| m.open.as_ref())
    }

    /// Reads the artifacts again after deserialisation; a model whose tags are gone judges no more.
    pub(super) fn revive(&mut self, line: &Line) {
        for models in self.grades.values_mut() {
            models.judging.take_if(|judging| !judging.revive(line));
            let is_alone = models.judging.is_none();
            models.challenger.take_if(|challenger| is_alone || !challenger.revive(line));
            let trial = models.open.as_mut().and_then(|open| open.trial.as_mut());
            if let (Some(trial), Some(judging)) = (trial, &models.judging) {
                trial.artifact = Some(judging.artifact());
            }
        }
    }

    /// The line is declared anew. An open request names tags by their old positions and is dropped; it is
    /// made again when it is due. Where the kept frames have other columns now, their batches teach no
    /// more: what a model learns is counted from here.
    pub(super) fn reconfigured(&mut self, frames_hold: bool) {
        for models in self.grades.values_mut() {
            if models.ready.is_none() && models.open.take().is_some() {
                models.borrowed_with = 0;
                models.requested = None;
                models.since_request = models.since_request.max(1);
            }
            if !frames_hold {
                models.fit.clear();
                models.borrowed_with = 0;
                models.since_request = 0;
                models.failed = false;
            }
        }
    }

    /// A new batch begins. Its limits are those that good batches before it ask for, if the plant lets them move.
    pub(super) fn begin_batch(&mut self, grade: &str, at: Timestamp, settings: &ModelSettings) {
        let Some(models) = self.grades.get_mut(grade) else { return };
        let Some(judging) = &mut models.judging else { return };
        judging.begin_batch(at, settings.adapt_limits.then_some(&models.track));
        if let Some(challenger) = &mut models.challenger {
            challenger.begin_batch(at, settings.adapt_limits);
        }
    }

    /// What comes does not follow what was, within one batch.
    pub(super) fn interrupt(&mut self, grade: &str) {
        let Some(models) = self.grades.get_mut(grade) else { return };
        if let Some(judging) = &mut models.judging {
            judging.interrupt();
        }
        if let Some(challenger) = &mut models.challenger {
            challenger.interrupt();
        }
    }

    /// Puts a frame that the model of a grade judges to the one in its shadow, with the same values.
    pub(super) fn shadow(
        &mut self,
        (line, grade): (&Line, &str),
        frame: (Timestamp, Timestamp, Option<&Arc<str>>),
        values: impl FnOnce() -> Vec<f64>,
    ) {
        let models = self.grades.get_mut(grade);
        if let Some(challenger) = models.and_then(|models| models.challenger.as_mut()) {
            challenger.score(line, frame, &values());
        }
    }

    /// The models that wait, by grade, each beside the one that judges.
    pub(super) fn challengers(&self) -> impl Iterator<Item = ChallengerView> {
        self.grades.iter().filter_map(|(grade, models)| {
            let (challenger, judging) = (models.challenger.as_ref()?, models.judging.as_ref()?);
            Some(ChallengerView {
                grade: Arc::clone(grade),
                version: challenger.version(),
                against: judging.version,
                beside: challenger.beside(&models.track),
            })
        })
    }

    /// The models that a person promoted and that wait for their boundary, by grade.
    pub(super) fn promotions(&self) -> impl Iterator<Item = PromotionView> {
        self.grades.iter().filter_map(|(grade, models)| {
            let (_, promotion) = models.promoted.as_ref()?;
            Some(PromotionView {
                grade: Arc::clone(grade),
                version: models.version + 1,
                of: promotion.of,
                reason: promotion.reason(),
                by: promotion.by.clone(),
                asked: promotion.at,
            })
        })
    }

    /// A batch is of another grade than was thought: it tells this one nothing any more.
    pub(super) fn leave(&mut self, grade: &str, id: &Arc<str>) {
        let Some(models) = self.grades.get_mut(grade) else { return };
        models.track.found(id, BatchOutcome::Open);
        if let Some(challenger) = &mut models.challenger {
            challenger.found(id, BatchOutcome::Open);
        }
        models.found_bad(id, false);
        models.fit.retain(|known| known != id);
    }

    /// Looks at a finished batch again: it may have become fit for learning, or no longer be.
    ///
    /// True if what it was found to be is news of a batch that was judged.
    pub(super) fn look(
        &mut self,
        batch: &Batch,
        grade: Option<&Grade>,
        settings: &ModelSettings,
    ) -> bool {
        let Some(name) = batch.grade.as_ref() else { return false };
        let models = self.grades.entry(Arc::clone(name)).or_default();
        let outcome = outcome(batch, grade);
        let news = models.track.found(&batch.id, outcome);
        if let Some(challenger) = &mut models.challenger {
            challenger.found(&batch.id, outcome);
        }
        models.found_bad(&batch.id, outcome == BatchOutcome::Bad);
        let known = models.fit.iter().position(|id| *id == batch.id);
        match (found::is_fit(batch, grade, settings.learn_from), known) {
            (true, None) => {
                models.fit.push(Arc::clone(&batch.id));
                models.since_request += 1;
                if models.fit.len() > 4 * BATCHES_MAX {
                    models.fit.remove(0);
                }
            }
            (false, Some(ix)) => {
                models.fit.remove(ix);
            }
            _ => {}
        }
        news
    }
}

impl GradeModels {
    /// Whether a batch was bad.
    fn found_bad(&mut self, id: &Arc<str>, bad: bool) {
        let known = self.bad.iter().position(|known| known == id);
        match (bad, known) {
            (true, None) => {
                if self.bad.len() == TRIAL_MAX {
                    self.bad.pop_front();
                }
                self.bad.push_back(Arc::clone(id));
            }
            (false, Some(ix)) => {
                self.bad.remove(ix);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
