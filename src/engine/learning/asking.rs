//! When a model is asked for, and of which batches.

use super::{BATCHES_MAX, GradeModels, Learning, TRIAL_MAX};
use crate::engine::effect::{FitRequest, TrialRequest};
use crate::models::{FitSpec, Made};
use crate::plant::{BatchSource, Budget, Grade, Guard, Line, ModelSettings, Refit, Role};
use crate::reading::{LineIx, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// After a fit that failed, so many more batches are waited for.
pub(super) const RETRY_AFTER: u32 = 5;

/// Says how a batch was made, if it is remembered.
pub(in crate::engine) type MadeOf<'a> = &'a dyn Fn(&str) -> Option<Made>;

impl Learning {
    /// The request for a model of this grade, if one is due.
    pub(in crate::engine) fn request(
        &mut self,
        (ix, line): (LineIx, &Line),
        grade: &Arc<str>,
        (settings, limits): (&ModelSettings, Option<&Grade>),
        now: Timestamp,
        (id, made): (u64, MadeOf<'_>),
    ) -> Option<FitRequest> {
        let models = self.grades.get_mut(grade)?;
        // A model of its own does not wait for one that is borrowed, whose answer may never come.
        let is_own = |open: &FitRequest| open.neighbours.is_empty();
        let waits = models.open.as_ref().is_some_and(is_own)
            || models.ready.is_some()
            || models.promoted.is_some();
        if waits || !models.is_due(settings, now) {
            return None;
        }
        let trial = if models.has_no_own() { None } else { models.trial(line, made) };
        let kept: &[Arc<str>] = trial.as_ref().map_or(&[], |trial| &trial.good);
        let teaching = models.fit.iter().filter(|id| !kept.contains(*id));
        let teaching: Vec<Arc<str>> = teaching.cloned().collect();
        let first = teaching.len().saturating_sub(BATCHES_MAX);
        let batches = teaching[first..].to_vec();
        let request = request((ix, line), (grade, limits), settings, batches, id)?;
        let phased = |id: &Arc<str>| {
            let made = made(id).filter(|made| !made.phases.is_empty())?;
            Some((Arc::clone(id), made))
        };
        let of_phases = request.batches.iter().filter_map(phased).collect();
        let request = FitRequest { trial, made: of_phases, ..request };
        models.since_request = 0;
        models.requested = Some(now);
        models.open = Some(request.clone());
        Some(request)
    }
}

impl GradeModels {
    /// What the next model is tried on: of the batches fit for learning that the one that judges was not fitted on the
    /// newest half is kept from the fit, for a model knows its own batches better than those to come.
    fn trial(&self, line: &Line, made: MadeOf<'_>) -> Option<TrialRequest> {
        let judging = self.judging.as_ref()?;
        let known = &judging.model()?.header().source.batches;
        let unseen: Vec<&Arc<str>> = self.fit.iter().filter(|id| !known.contains(*id)).collect();
        let kept = unseen.len().div_ceil(2).min(TRIAL_MAX).min(self.fit.len().saturating_sub(2));
        let good: Vec<Arc<str>> = unseen[unseen.len() - kept..].iter().copied().cloned().collect();
        let bad: Vec<Arc<str>> =
            self.bad.iter().filter(|id| !known.contains(*id)).cloned().collect();
        let of_batch = |id: &Arc<str>| Some((Arc::clone(id), made(id)?));
        let guarded = line.tags.iter().filter(|tag| tag.guard != Guard::default());
        Some(TrialRequest {
            version: judging.version,
            scale: judging.scale(),
            artifact: Some(judging.artifact()),
            made: good.iter().chain(&bad).filter_map(of_batch).collect(),
            guards: Arc::new(guarded.map(|tag| (Arc::clone(&tag.id), tag.guard)).collect()),
            good,
            bad,
        })
    }

    fn is_due(&self, settings: &ModelSettings, now: Timestamp) -> bool {
        if self.fit.len() < settings.own_at_least() {
            return false;
        }
        let again = !self.failed || self.since_request >= RETRY_AFTER;
        if self.has_no_own() {
            return again;
        }
        let days = |days: u64| {
            let waited = std::time::Duration::from_secs(days * 86_400);
            self.since_request > 0 && self.requested.is_none_or(|at| now >= at.plus(waited))
        };
        match settings.refit {
            Refit::Never => false,
            _ if self.failed => again,
            // What is known to be right no more does not wait for its week.
            _ if self.drifted && self.since_request >= RETRY_AFTER => true,
            Refit::Daily => days(1),
            Refit::Weekly => days(7),
            Refit::Batches(n) => self.since_request >= n.max(1),
        }
    }
}

/// A request for a model of these batches; `None` where no tag of the line is for models.
pub(super) fn request(
    (ix, line): (LineIx, &Line),
    (grade, limits): (&Arc<str>, Option<&Grade>),
    settings: &ModelSettings,
    batches: Vec<Arc<str>>,
    id: u64,
) -> Option<FitRequest> {
    let of_roles = |roles: &[Role]| -> Vec<u32> {
        (0..)
            .zip(&line.tags)
            .filter(|(_, tag)| roles.contains(&tag.role))
            .map(|(ix, _)| ix)
            .collect()
    };
    let tags = of_roles(&[Role::Process, Role::RawMaterial]);
    if tags.is_empty() {
        return None;
    }
    Some(FitRequest {
        id,
        line: ix,
        grade: Arc::clone(grade),
        batches,
        neighbours: Vec::new(),
        made: BTreeMap::new(),
        tags,
        quality: of_roles(&[Role::Quality]),
        spec: FitSpec {
            frame: line.frame,
            budget: budget(settings, &line.batch),
            batches: line.batch != BatchSource::None,
            seed: id,
            least_sd: limits
                .map_or_else(BTreeMap::new, |grade| FitSpec::least_sd(&grade.centerline)),
            ties: line.ties(),
            wanders: line.wanders(),
        },
        trial: None,
    })
}

/// The false-flag budget: the user's, or the product's default.
#[must_use]
pub fn budget(settings: &ModelSettings, source: &BatchSource) -> Budget {
    settings.false_flags.unwrap_or(match source {
        BatchSource::None => Budget::PerFrames { flags: 1, frames: 200 },
        _ => Budget::PerBatches { flags: 1, batches: 100 },
    })
}
