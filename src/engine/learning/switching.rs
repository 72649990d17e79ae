//! Which model judges: what came of a fit, what a person promotes, and what is installed.

use super::challenger::Challenger;
use super::judging::Judging;
use super::{GradeModels, Learning};
use crate::engine::event::{ModelAnswer, Promotion};
use crate::models::Model;
use crate::plant::{Line, Promote};
use crate::words::ModelReason;
use std::sync::Arc;

/// A model that came of a request, of a fit or of a person.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) struct Fitted {
    /// The request's id.
    pub(in crate::engine) request: u64,
    pub(in crate::engine) version: u32,
    pub(in crate::engine) kind: &'static str,
    pub(in crate::engine) artifact: Arc<[u8]>,
    /// True if a person lets it judge.
    pub(in crate::engine) by_person: bool,
}

/// What came of a fit at a batch boundary.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum Outcome {
    /// A model judges from now on.
    Promoted { judges: Fitted, reason: ModelReason },
    /// There is a better one, which waits for a person; and why it is better.
    Waits { waits: Fitted, reason: ModelReason },
    /// There is one, and it is no better.
    NoBetter { reason: ModelReason },
    /// There is none, and why.
    Rejected { reason: ModelReason },
}

impl Learning {
    /// Installs a model from the registry. Where a person put it there, no fit that was asked for before, or failed
    /// before, takes its place, and it is the reference.
    pub(in crate::engine) fn install(
        &mut self,
        line: &Line,
        grade: &Arc<str>,
        version: u32,
        (artifact, by_person): (Arc<[u8]>, bool),
    ) -> Result<(), String> {
        let models = self.grades.entry(Arc::clone(grade)).or_default();
        // No model that is learned takes the number of one that cannot be used.
        models.version = models.version.max(version);
        let judging = Judging::new(version, artifact, line)?;
        models.judging = Some(judging);
        models.refitted();
        models.forget_fits();
        models.by_person = by_person;
        models.promoted = None;
        if by_person {
            models.refer_to_judging();
        } else {
            models.find_reference();
        }
        Ok(())
    }

    /// The version under which a model would judge that a person promotes, or why it cannot.
    pub(in crate::engine) fn version_promoted(
        &self,
        line: &Line,
        grade: &str,
        artifact: &Arc<[u8]>,
    ) -> Result<u32, String> {
        Judging::new(0, Arc::clone(artifact), line).map(|_| self.version(grade) + 1)
    }

    /// A person lets a model judge; it waits for the next boundary, and fits that were asked for before wait behind it:
    /// they are forgotten when it judges, and go on when it is taken back. `id` is that of its row in the registry.
    pub(in crate::engine) fn promote(&mut self, id: u64, promotion: Promotion) {
        let models = self.grades.entry(Arc::clone(&promotion.grade)).or_default();
        models.promoted = Some((id, promotion));
    }

    /// What a person promoted is taken back, if it waits for its boundary still.
    pub(in crate::engine) fn withdraw(&mut self, grade: &str) {
        if let Some(models) = self.grades.get_mut(grade) {
            models.promoted = None;
        }
    }

    /// Takes an answer; it waits for the next boundary. True if somebody asked.
    pub(in crate::engine) fn answer(&mut self, answer: &ModelAnswer) -> bool {
        let asked = |models: &&mut GradeModels| {
            models.open.as_ref().is_some_and(|open| open.id == answer.request)
        };
        let Some(models) = self.grades.values_mut().find(asked) else { return false };
        models.ready = Some(answer.clone());
        true
    }

    /// A batch boundary: what is ready takes effect.
    pub(in crate::engine) fn boundary(
        &mut self,
        line: &Line,
        promote: Promote,
    ) -> Vec<(Arc<str>, Outcome)> {
        let mut outcomes = Vec::new();
        for (grade, models) in &mut self.grades {
            models.find_reference();
            if promote != Promote::ByHand {
                // The plant has another mind since it waits: the next fit is tried against what judges.
                models.challenger.take_if(|challenger| !challenger.is_far());
            }
            if let Some(promoted) = models.promoted.take() {
                outcomes.push((Arc::clone(grade), models.take_promoted(line, promoted)));
                continue;
            }
            let Some(answer) = models.ready.take() else { continue };
            let asked = models.open.take();
            let is_borrowed = asked.is_some_and(|asked| !asked.neighbours.is_empty());
            // Without a model of its own that judges, whatever can judge is better.
            let stays = !models.has_no_own();
            let is_first_own = !stays && !is_borrowed && models.judging.is_some();
            if let Some(trial) = answer.trial.as_ref().filter(|trial| stays && !trial.better) {
                let reason = ModelReason::Fitted {
                    tried: Some(trial.clone()),
                    first_own: false,
                    far: None,
                    summary: "".into(),
                };
                models.failed = false;
                outcomes.push((Arc::clone(grade), Outcome::NoBetter { reason }));
                continue;
            }
            let judging = answer
                .outcome
                .and_then(|artifact| Judging::new(models.version + 1, artifact, line));
            let outcome = match judging {
                Ok(judging) => {
                    models.version += 1;
                    models.failed = false;
                    let fitted = Fitted::new(answer.request, &judging);
                    let far = models.is_far(&judging).filter(|_| stays);
                    let reason = |summary: String, far: Option<String>| ModelReason::Fitted {
                        first_own: is_first_own && answer.trial.is_none(),
                        tried: answer.trial,
                        far: far.map(Into::into),
                        summary: summary.into(),
                    };
                    if far.is_some() || stays && promote == Promote::ByHand {
                        let is_far = far.is_some();
                        let reason = reason(String::new(), far);
                        models.challenger = Some(Challenger::new(judging, is_far));
                        outcomes
                            .push((Arc::clone(grade), Outcome::Waits { waits: fitted, reason }));
                        continue;
                    }
                    let summary = judging.model().map(Model::summary).unwrap_or_default();
                    let reason = reason(summary, None);
                    let outcome = Outcome::Promoted { judges: fitted, reason };
                    models.judging = Some(judging);
                    models.by_person = false;
                    models.refitted();
                    models.find_reference();
                    outcome
                }
                Err(reason) => {
                    // It does not keep the grade's own model waiting.
                    models.failed |= !is_borrowed;
                    Outcome::Rejected { reason: ModelReason::Failed(reason.into()) }
                }
            };
            outcomes.push((Arc::clone(grade), outcome));
        }
        outcomes
    }
}

impl Fitted {
    fn new(request: u64, judging: &Judging) -> Self {
        let kind = judging.model().map_or("", Model::kind);
        let artifact = judging.artifact();
        Self { request, version: judging.version, kind, artifact, by_person: false }
    }
}

impl GradeModels {
    /// What was asked for before a person put another model there is not wanted any more, and no failure counts.
    fn forget_fits(&mut self) {
        self.failed = false;
        self.open = None;
        self.ready = None;
    }

    /// The model that a person promoted judges from now on. Its tags were there when it was promoted; another
    /// configuration may have come since.
    fn take_promoted(&mut self, line: &Line, (id, promotion): (u64, Promotion)) -> Outcome {
        let Promotion { of, back, ref by, .. } = promotion;
        let reason = ModelReason::ByPerson { by: by.clone(), of, back };
        match Judging::new(self.version + 1, promotion.artifact, line) {
            Ok(judging) => {
                self.version += 1;
                let judges = Fitted { by_person: true, ..Fitted::new(id, &judging) };
                self.judging = Some(judging);
                self.by_person = true;
                self.refitted();
                self.forget_fits();
                self.refer_to_judging();
                Outcome::Promoted { judges, reason }
            }
            Err(reason) => {
                Outcome::Rejected { reason: ModelReason::CannotJudge { of, detail: reason.into() } }
            }
        }
    }

    /// Why a model is too far from the reference to judge by itself.
    fn is_far(&self, judging: &Judging) -> Option<String> {
        self.reference.as_ref()?.is_left_by(judging.model()?)
    }

    /// Another model judges: none waits that is better than this one.
    fn refitted(&mut self) {
        self.track.refitted();
        self.challenger = None;
        self.drifted = false;
    }
}
