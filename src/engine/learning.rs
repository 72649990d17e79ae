//! Which batches are fit for learning, when a model is asked for, and which one judges.

mod borrowing;
mod challenger;
mod found;
mod judging;

use super::effect::{FitRequest, TrialRequest, WrongFlagsRecord};
use super::event::{ModelAnswer, Promotion};
use super::view::ChallengerView;
use crate::batch::Batch;
use crate::models::{FitSpec, Model, Outcome as BatchOutcome, TrackRecord};
use crate::plant::{BatchSource, Budget, Grade, Line, ModelSettings, Promote, Refit, Role};
use crate::reading::{Count, LineIx, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub(super) use borrowing::FIRST_BORROWED;
use challenger::Challenger;
pub(super) use found::outcome;
pub(super) use judging::Judging;

/// Batches that a fit uses at most: the newest.
const BATCHES_MAX: usize = 100;

/// Batches of each kind that a new model is tried on at most: the newest.
const TRIAL_MAX: usize = 30;

/// After a fit that failed, so many more batches are waited for.
const RETRY_AFTER: u32 = 5;

/// Why the first model that a grade learned from its own batches alone judges.
const FIRST_OWN: &str =
    "the first one of its own batches alone takes the place of the borrowed one";

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
}

/// A model that came of a request, of a fit or of a person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    /// The request's id.
    pub(super) request: u64,
    pub(super) version: u32,
    pub(super) kind: &'static str,
    pub(super) artifact: Arc<[u8]>,
}

/// What came of a fit at a batch boundary.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// A model judges from now on.
    Promoted { judges: Fitted, summary: String },
    /// There is a better one, which waits for a person; and why it is better.
    Waits { waits: Fitted, reason: String },
    /// There is one, and it is no better.
    NoBetter { reason: String },
    /// There is none, and why.
    Rejected { reason: String },
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
        span: (Timestamp, Timestamp),
        values: impl FnOnce() -> Vec<f64>,
    ) {
        let models = self.grades.get_mut(grade);
        if let Some(challenger) = models.and_then(|models| models.challenger.as_mut()) {
            challenger.score(line, span, &values());
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

    /// A batch of the line has ended: what it reached is kept until it is known what it was.
    pub(super) fn end_batch(&mut self, batch: &Batch) {
        let models = batch.grade.as_ref().and_then(|grade| self.grades.get_mut(grade));
        let Some(models) = models else { return };
        if let Some(judging) = &mut models.judging {
            let flagged = batch.first_flag.is_some();
            models.track.judged(judging.online.ended(Arc::clone(&batch.id), flagged));
            if let Some(challenger) = &mut models.challenger {
                challenger.end_batch(&batch.id);
            }
        }
    }

    /// How often good batches of a grade were flagged by its models; `None` before there is one, and where the budget
    /// does not count batches.
    pub(super) fn wrong_flags(
        &self,
        line: &Line,
        grade: &Arc<str>,
        (settings, at): (&ModelSettings, Timestamp),
    ) -> Option<WrongFlagsRecord> {
        let models = self.grades.get(grade)?;
        let calibration = &models.judging.as_ref()?.model()?.header().calibration;
        if !calibration.is_of_batches() {
            return None;
        }
        Some(WrongFlagsRecord {
            line: Arc::clone(&line.name),
            grade: Arc::clone(grade),
            at,
            promised: calibration.rate,
            realized: models.track.realized()?,
            limit_scale: if settings.adapt_limits { models.track.scale(calibration) } else { 1.0 },
        })
    }

    /// Why the model of a grade is not right any more, the first time that this shows.
    pub(super) fn drift(&mut self, grade: &str) -> Option<(u32, String)> {
        let models = self.grades.get_mut(grade)?;
        let judging = models.judging.as_ref()?;
        let calibration = &judging.model()?.header().calibration;
        let (exceeded, of) = models.track.drift(calibration)?;
        let promised = 1.0 / calibration.rate;
        let reason = format!(
            "{exceeded} of the last {} passed its limits, where 1 in {promised:.0} is promised",
            Count(of, "good batch")
        );
        (!std::mem::replace(&mut models.drifted, true)).then_some((judging.version, reason))
    }

    /// Installs a model from the registry. A person put it there: no fit that was asked for before, or
    /// failed before, takes its place.
    pub(super) fn install(
        &mut self,
        line: &Line,
        grade: &Arc<str>,
        version: u32,
        artifact: Arc<[u8]>,
    ) -> Result<(), String> {
        let models = self.grades.entry(Arc::clone(grade)).or_default();
        // No model that is learned takes the number of one that cannot be used.
        models.version = models.version.max(version);
        let judging = Judging::new(version, artifact, line)?;
        models.judging = Some(judging);
        models.refitted();
        models.forget_fits();
        models.by_person = true;
        models.promoted = None;
        Ok(())
    }

    /// The version under which a model would judge that a person promotes, or why it cannot.
    pub(super) fn version_promoted(
        &self,
        line: &Line,
        grade: &str,
        artifact: &Arc<[u8]>,
    ) -> Result<u32, String> {
        Judging::new(0, Arc::clone(artifact), line).map(|_| self.version(grade) + 1)
    }

    /// A person lets a model judge; it waits for the next boundary. No fit that was asked for before takes its place.
    /// `id` is that of its row in the registry.
    pub(super) fn promote(&mut self, id: u64, promotion: Promotion) {
        let models = self.grades.entry(Arc::clone(&promotion.grade)).or_default();
        models.forget_fits();
        models.promoted = Some((id, promotion));
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

    /// The request for a model of this grade, if one is due.
    pub(super) fn request(
        &mut self,
        (ix, line): (LineIx, &Line),
        grade: &Arc<str>,
        (settings, limits): (&ModelSettings, Option<&Grade>),
        now: Timestamp,
        id: u64,
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
        let trial = if models.has_no_own() { None } else { models.trial() };
        let kept: &[Arc<str>] = trial.as_ref().map_or(&[], |trial| &trial.good);
        let teaching = models.fit.iter().filter(|id| !kept.contains(*id));
        let teaching: Vec<Arc<str>> = teaching.cloned().collect();
        let first = teaching.len().saturating_sub(BATCHES_MAX);
        let batches = teaching[first..].to_vec();
        let request = request((ix, line), (grade, limits), settings, batches, id)?;
        let request = FitRequest { trial, ..request };
        models.since_request = 0;
        models.requested = Some(now);
        models.open = Some(request.clone());
        Some(request)
    }

    /// Takes an answer; it waits for the next boundary. True if somebody asked.
    pub(super) fn answer(&mut self, answer: &ModelAnswer) -> bool {
        let asked = |models: &&mut GradeModels| {
            models.open.as_ref().is_some_and(|open| open.id == answer.request)
        };
        let Some(models) = self.grades.values_mut().find(asked) else { return false };
        models.ready = Some(answer.clone());
        true
    }

    /// A batch boundary: what is ready takes effect.
    pub(super) fn boundary(&mut self, line: &Line, promote: Promote) -> Vec<(Arc<str>, Outcome)> {
        let mut outcomes = Vec::new();
        for (grade, models) in &mut self.grades {
            if promote != Promote::ByHand {
                // The plant has another mind since it waits: the next fit is tried against what judges.
                models.challenger = None;
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
                let reason = trial.reason.clone();
                models.failed = false;
                outcomes.push((Arc::clone(grade), Outcome::NoBetter { reason }));
                continue;
            }
            let waits = stays && promote == Promote::ByHand;
            let judging = answer
                .outcome
                .and_then(|artifact| Judging::new(models.version + 1, artifact, line));
            let outcome = match judging {
                Ok(judging) => {
                    models.version += 1;
                    models.failed = false;
                    let fitted = Fitted::new(answer.request, &judging);
                    let reason = answer.trial.map(|trial| trial.reason);
                    let reason = reason.or_else(|| is_first_own.then(|| FIRST_OWN.to_owned()));
                    if waits {
                        let reason = reason.unwrap_or_default();
                        models.challenger = Some(Challenger::new(judging));
                        outcomes
                            .push((Arc::clone(grade), Outcome::Waits { waits: fitted, reason }));
                        continue;
                    }
                    let summary = judging.model().map(Model::summary).unwrap_or_default();
                    let summary = match reason {
                        Some(reason) => format!("{reason}; {summary}"),
                        None => summary,
                    };
                    let outcome = Outcome::Promoted { judges: fitted, summary };
                    models.judging = Some(judging);
                    models.by_person = false;
                    models.refitted();
                    outcome
                }
                Err(reason) => {
                    // It does not keep the grade's own model waiting.
                    models.failed |= !is_borrowed;
                    Outcome::Rejected { reason }
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
        Self { request, version: judging.version, kind, artifact: judging.artifact() }
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
        let (of, summary) = (promotion.of, promotion.reason());
        match Judging::new(self.version + 1, promotion.artifact, line) {
            Ok(judging) => {
                self.version += 1;
                let judges = Fitted::new(id, &judging);
                self.judging = Some(judging);
                self.by_person = true;
                self.refitted();
                Outcome::Promoted { judges, summary }
            }
            Err(reason) => {
                let reason =
                    format!("that of version {of}, which was promoted, cannot judge: {reason}");
                Outcome::Rejected { reason }
            }
        }
    }

    /// Another model judges: none waits that is better than this one.
    fn refitted(&mut self) {
        self.track.refitted();
        self.challenger = None;
        self.drifted = false;
    }

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

    /// What the next model is tried on: of the batches fit for learning that the one that judges was not fitted on the
    /// newest half is kept from the fit, for a model knows its own batches better than those to come.
    fn trial(&self) -> Option<TrialRequest> {
        let judging = self.judging.as_ref()?;
        let known = &judging.model()?.header().source.batches;
        let unseen: Vec<&Arc<str>> = self.fit.iter().filter(|id| !known.contains(*id)).collect();
        let kept = unseen.len().div_ceil(2).min(TRIAL_MAX).min(self.fit.len().saturating_sub(2));
        Some(TrialRequest {
            version: judging.version,
            scale: judging.scale(),
            artifact: Some(judging.artifact()),
            good: unseen[unseen.len() - kept..].iter().copied().cloned().collect(),
            bad: self.bad.iter().filter(|id| !known.contains(*id)).cloned().collect(),
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
fn request(
    (ix, line): (LineIx, &Line),
    (grade, limits): (&Arc<str>, Option<&Grade>),
    settings: &ModelSettings,
    batches: Vec<Arc<str>>,
    id: u64,
) -> Option<FitRequest> {
    let watched = |(ix, tag): (usize, &crate::plant::Tag)| {
        matches!(tag.role, Role::Process | Role::RawMaterial).then_some(ix)
    };
    let tags: Vec<u32> = line
        .tags
        .iter()
        .enumerate()
        .filter_map(watched)
        .filter_map(|ix| u32::try_from(ix).ok())
        .collect();
    if tags.is_empty() {
        return None;
    }
    Some(FitRequest {
        id,
        line: ix,
        grade: Arc::clone(grade),
        batches,
        neighbours: Vec::new(),
        tags,
        spec: FitSpec {
            frame: line.frame,
            budget: budget(settings, &line.batch),
            batches: line.batch != BatchSource::None,
            seed: id,
            least_sd: limits
                .map_or_else(BTreeMap::new, |grade| FitSpec::least_sd(&grade.centerline)),
            ties: line.ties(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Table, Trial, fit};
    use crate::plant::Tag;

    fn line() -> Line {
        let mut line = Line::named("tm3");
        line.tags = ["a", "b"].map(|id| Tag { role: Role::Process, ..Tag::named(id) }).into();
        line
    }

    /// A model of both tags.
    fn artifact() -> Arc<[u8]> {
        let columns = vec!["a".into(), "b".into()];
        let row = |ix: i32| [f64::from(ix % 7), f64::from(ix % 5 + ix % 7)];
        let values = (0..200).flat_map(row).collect();
        let mut table = Table { columns, values, blocks: vec![0, 100], ..Table::default() };
        table.source.batches = (0..20).map(|n| Arc::from(format!("R{n}"))).collect();
        let spec = FitSpec {
            frame: std::time::Duration::from_secs(10),
            budget: Budget::PerBatches { flags: 1, batches: 20 },
            batches: true,
            seed: 1,
            least_sd: BTreeMap::new(),
            ties: BTreeMap::new(),
        };
        fit(&table, &spec).unwrap().to_bytes().into()
    }

    /// A grade that has learned from so many batches since its last request.
    fn learned(batches: u32) -> Learning {
        let fit = (0..batches).map(|n| format!("R{n}").as_str().into()).collect();
        let models = GradeModels { fit, since_request: batches, ..GradeModels::default() };
        Learning { grades: [(Arc::from("g"), models)].into() }
    }

    fn request(learning: &mut Learning, settings: &ModelSettings, id: u64) -> Option<u64> {
        let (grade, now) = (Arc::from("g"), Timestamp::from_nanos(0));
        learning.request((LineIx(0), &line()), &grade, (settings, None), now, id).map(|r| r.id)
    }

    fn add_batches(learning: &mut Learning, n: u32) {
        let models = learning.grades.get_mut("g").unwrap();
        models.fit.extend((0..n).map(|ix| Arc::from(format!("N{ix}"))));
        models.since_request += n;
    }

    fn fail(learning: &mut Learning, id: u64) {
        assert!(learning.answer(&ModelAnswer {
            request: id,
            outcome: Err("no".into()),
            trial: None
        }));
        assert!(matches!(
            learning.boundary(&line(), Promote::WhenBetter)[..],
            [(_, Outcome::Rejected { .. })]
        ));
    }

    #[test]
    fn model_of_a_person_stays_after_a_fit_that_failed() {
        let settings = ModelSettings { refit: Refit::Never, ..ModelSettings::default() };
        let mut learning = learned(20);
        assert_eq!(request(&mut learning, &settings, 1), Some(1));
        fail(&mut learning, 1);
        assert_eq!(request(&mut learning, &settings, 2), None, "it waits for more batches");
        learning.install(&line(), &"g".into(), 1, artifact()).unwrap();
        add_batches(&mut learning, 200);
        assert_eq!(request(&mut learning, &settings, 2), None);
    }

    #[test]
    fn model_of_a_person_is_newer_than_what_was_asked_for_before() {
        let settings = ModelSettings::default();
        let mut learning = learned(20);
        assert_eq!(request(&mut learning, &settings, 1), Some(1));
        learning.install(&line(), &"g".into(), 4, artifact()).unwrap();
        assert!(!learning.answer(&ModelAnswer {
            request: 1,
            outcome: Ok(artifact()),
            trial: None
        }));
        assert_eq!(learning.boundary(&line(), Promote::WhenBetter), []);
        assert_eq!(learning.version("g"), 4);
    }

    fn promotion(by: Option<&str>, back: bool) -> Promotion {
        Promotion {
            line: "tm3".into(),
            grade: "g".into(),
            of: 1,
            artifact: artifact(),
            back,
            by: by.map(Into::into),
            at: Timestamp::from_nanos(0),
        }
    }

    #[test]
    fn what_a_person_promotes_takes_the_place_of_fits_that_were_open_or_ready() {
        let settings = ModelSettings::default();
        for is_ready in [false, true] {
            let mut learning = learned(20);
            learning.install(&line(), &"g".into(), 4, artifact()).unwrap();
            let models = learning.grades.get_mut("g").unwrap();
            models.judging = None;
            assert_eq!(request(&mut learning, &settings, 1), Some(1));
            let fitted = ModelAnswer { request: 1, outcome: Ok(artifact()), trial: None };
            assert!(!is_ready || learning.answer(&fitted));
            learning.promote(9, promotion(None, false));
            assert_eq!(learning.open_requests().count(), 0);
            assert!(!learning.answer(&fitted), "nobody waits for it any more");
            add_batches(&mut learning, 40);
            assert_eq!(request(&mut learning, &settings, 2), None, "not before the boundary");
            let bytes = rmp_serde::to_vec_named(&learning).unwrap();
            learning = rmp_serde::from_slice(&bytes).unwrap();
            let outcomes = learning.boundary(&line(), Promote::WhenBetter);
            let [(_, Outcome::Promoted { judges, summary })] = &outcomes[..] else {
                panic!("{outcomes:?}")
            };
            assert_eq!((judges.request, judges.version), (9, 5));
            assert_eq!(summary, "promoted, the artifact of version 1");
            assert_eq!(learning.judging("g").unwrap().version, 5);
            assert_eq!(learning.boundary(&line(), Promote::WhenBetter), []);
        }
    }

    #[test]
    fn who_promoted_a_model_is_said() {
        for (by, back, expected) in [
            (Some("shift-a"), false, "promoted by shift-a, the artifact of version 1"),
            (None, true, "rolled back to that of version 1"),
            (Some("shift-a"), true, "rolled back by shift-a to that of version 1"),
        ] {
            assert_eq!(promotion(by, back).reason(), expected);
        }
    }

    #[test]
    fn model_whose_tags_are_gone_is_refused_or_says_so_at_the_boundary() {
        let mut learning = learned(20);
        learning.install(&line(), &"g".into(), 1, artifact()).unwrap();
        assert_eq!(learning.version_promoted(&line(), "g", &artifact()), Ok(2));
        let mut other = line();
        other.tags.pop();
        let refused = learning.version_promoted(&other, "g", &artifact());
        assert_eq!(refused, Err("the line has no tag `b`".to_owned()));
        learning.promote(9, promotion(None, false));
        let outcomes = learning.boundary(&other, Promote::WhenBetter);
        let [(_, Outcome::Rejected { reason })] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(
            reason.ends_with("was promoted, cannot judge: the line has no tag `b`"),
            "{reason}"
        );
        assert_eq!(learning.version("g"), 1);
    }

    #[test]
    fn failed_refit_is_tried_again_after_some_batches() {
        let settings = ModelSettings { refit: Refit::Batches(20), ..ModelSettings::default() };
        let mut learning = learned(20);
        learning.install(&line(), &"g".into(), 1, artifact()).unwrap();
        assert_eq!(request(&mut learning, &settings, 1), Some(1));
        fail(&mut learning, 1);
        add_batches(&mut learning, RETRY_AFTER - 1);
        assert_eq!(request(&mut learning, &settings, 2), None);
        add_batches(&mut learning, 1);
        assert_eq!(request(&mut learning, &settings, 2), Some(2));
    }

    /// A grade with a model of its first twenty batches and twenty newer ones, of which three are bad, and what
    /// it asks for.
    fn refit(promote: Promote) -> (Learning, FitRequest) {
        let (refit, learning_batches) = (Refit::Batches(20), 20);
        let settings =
            ModelSettings { learning_batches, refit, promote, ..ModelSettings::default() };
        let mut learning = learned(20);
        learning.install(&line(), &"g".into(), 1, artifact()).unwrap();
        add_batches(&mut learning, 20);
        let models = learning.grades.get_mut("g").unwrap();
        for id in ["B1", "B2", "B2", "B3"] {
            models.found_bad(&id.into(), true);
        }
        models.found_bad(&"B3".into(), false);
        let now = Timestamp::from_nanos(0);
        let request =
            learning.request((LineIx(0), &line()), &"g".into(), (&settings, None), now, 7).unwrap();
        (learning, request)
    }

    fn answer(learning: &mut Learning, better: bool, promote: Promote) -> Vec<Outcome> {
        let trial = Trial { against: 1, better, reason: "by chance".into(), ..Trial::default() };
        let outcome = Ok(artifact());
        assert!(learning.answer(&ModelAnswer { request: 7, outcome, trial: Some(trial) }));
        learning.boundary(&line(), promote).into_iter().map(|(_, outcome)| outcome).collect()
    }

    #[test]
    fn half_of_what_the_present_model_has_not_seen_is_kept_for_the_trial() {
        let (mut learning, request) = refit(Promote::WhenBetter);
        let trial = request.trial.clone().unwrap();
        let ids = |batches: &[Arc<str>]| {
            (
                batches.len(),
                batches.first().unwrap().to_string(),
                batches.last().unwrap().to_string(),
            )
        };
        assert_eq!(ids(&request.batches), (30, "R0".into(), "N9".into()));
        assert_eq!(ids(&trial.good), (10, "N10".into(), "N19".into()));
        assert_eq!(trial.bad, [Arc::from("B1"), "B2".into()]);
        assert_eq!((trial.version, trial.artifact.is_some()), (1, true));

        // A request that is read back has the artifact again.
        let bytes = rmp_serde::to_vec_named(&learning).unwrap();
        learning = rmp_serde::from_slice(&bytes).unwrap();
        learning.revive(&line());
        assert_eq!(learning.open_requests().next(), Some(&request));
    }

    #[test]
    fn a_model_that_is_no_better_does_not_judge_and_is_no_failure() {
        let (mut learning, _) = refit(Promote::WhenBetter);
        let outcomes = answer(&mut learning, false, Promote::WhenBetter);
        assert_eq!(outcomes, [Outcome::NoBetter { reason: "by chance".into() }]);
        assert_eq!((learning.version("g"), learning.judging("g").unwrap().version), (1, 1));
        add_batches(&mut learning, RETRY_AFTER);
        let settings = ModelSettings { refit: Refit::Batches(20), ..ModelSettings::default() };
        assert_eq!(request(&mut learning, &settings, 8), None, "the next one comes when it is due");
        add_batches(&mut learning, 15);
        assert_eq!(request(&mut learning, &settings, 8), Some(8));
    }

    #[test]
    fn a_better_model_judges_or_waits_for_a_person() {
        let (mut learning, _) = refit(Promote::WhenBetter);
        let outcomes = answer(&mut learning, true, Promote::WhenBetter);
        let [Outcome::Promoted { judges, summary }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((judges.request, judges.version, judges.kind), (7, 2, "cva"));
        assert!(summary.starts_with("by chance; pca of "), "{summary}");
        assert_eq!(learning.judging("g").unwrap().version, 2);

        let (mut learning, _) = refit(Promote::ByHand);
        let outcomes = answer(&mut learning, true, Promote::ByHand);
        let [Outcome::Waits { waits, reason }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((waits.version, &**reason), (2, "by chance"));
        assert_eq!((learning.version("g"), learning.judging("g").unwrap().version), (2, 1));
    }

    #[test]
    fn a_model_that_has_drifted_is_not_left_until_its_week_is_over() {
        let (mut learning, _) = refit(Promote::WhenBetter);
        answer(&mut learning, false, Promote::WhenBetter);
        learning.grades.get_mut("g").unwrap().drifted = true;
        add_batches(&mut learning, RETRY_AFTER - 1);
        let weekly = ModelSettings::default();
        assert_eq!(request(&mut learning, &weekly, 8), None);
        add_batches(&mut learning, 1);
        let never = ModelSettings { refit: Refit::Never, ..weekly.clone() };
        assert_eq!(request(&mut learning, &never, 8), None);
        assert_eq!(request(&mut learning, &weekly, 8), Some(8));
    }

    #[test]
    fn request_of_an_older_configuration_is_dropped_and_made_again() {
        let settings = ModelSettings::default();
        let mut learning = learned(20);
        assert_eq!(request(&mut learning, &settings, 1), Some(1));
        learning.reconfigured(true);
        assert_eq!(learning.open_requests().count(), 0);
        assert!(!learning.answer(&ModelAnswer {
            request: 1,
            outcome: Ok(artifact()),
            trial: None
        }));
        assert_eq!(request(&mut learning, &settings, 2), Some(2));
    }

    #[test]
    fn batches_whose_frames_have_other_columns_teach_no_more() {
        let settings = ModelSettings::default();
        let mut learning = learned(20);
        learning.reconfigured(false);
        assert_eq!((learning.have("g"), request(&mut learning, &settings, 1)), (0, None));
    }
}
