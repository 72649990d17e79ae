//! The engine, the store and the encoders of what goes out: one group of events, one transaction.

use super::encode::{Group, Outputs};
use super::error::{AppError, chain};
use super::fits::{Columns, Wanted, answer};
use super::registry;
use crate::decode::Rule;
use crate::engine::{Command, Effect, Engine, Event, ModelAnswer, View};
use crate::plant::Plant;
use crate::reading::{LineIx, Timestamp};
use crate::store::{Commit, Store, StoreError};
use crate::webhook;
use std::sync::Arc;

/// A checkpoint is due after so many readings, or messages without one: a start applies no more than
/// that again, which takes about half a second.
const READINGS_PER_CHECKPOINT: u64 = 500_000;

/// The pause between tries while the store has no room.
pub(super) const FULL_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// Who fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitMode {
    /// This thread, at once: replay, demo and tests, where equal input must give equal output.
    Inline,
    /// Somebody else: requests are handed out by [`Pipeline::take_requests`].
    Elsewhere,
}

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// True if there was a state to go on from.
    pub restored: bool,
    /// Events of the journal that were applied again.
    pub events: u64,
    /// The events that gave other effects than they gave the first time, if any did: the journal
    /// is of another release, or the machine computes other numbers. What was sent stands; the
    /// state goes on from here.
    pub diverged: Option<(u64, u64)>,
}

/// The engine and its store.
#[derive(Debug)]
pub struct Pipeline {
    engine: Engine,
    store: Store,
    outputs: Outputs,
    fits: FitMode,
    requests: Vec<Wanted>,
    hash: u64,
    journal: Vec<u8>,
    effects: Vec<Effect>,
    since_checkpoint: u64,
    /// Readings, or messages without one, since then.
    readings_since_checkpoint: u64,
    events: u64,
    /// The store had no room for the checkpoint that the configuration of now begins with: nothing
    /// is taken before it is written.
    owes_checkpoint: bool,
    waiter: Waiter,
}

/// What is done while the store has no room and the user said to wait: called with the reason, about
/// five times a second; false gives up, and nothing may be committed after that.
pub struct Waiter(Box<dyn FnMut(&StoreError) -> bool + Send>);

impl Waiter {
    /// Waits like this.
    pub fn new(wait: impl FnMut(&StoreError) -> bool + Send + 'static) -> Self {
        Self(Box::new(wait))
    }
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiter")
    }
}

impl Pipeline {
    /// Goes on from what the store has: the checkpoint, and the journal after it, applied again with
    /// all effects thrown away (they were committed with their events) but for their hash, which is
    /// compared with the committed one. Then the configuration of now takes effect.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(
        store: Store,
        plant: Plant,
        rules: Vec<Rule>,
        outputs: Outputs,
        fits: FitMode,
    ) -> Result<(Self, Recovered), AppError> {
        let recovery = store.recover()?;
        let mut recovered = Recovered::default();
        let (engine, from, hash) = match &recovery.checkpoint {
            Some(checkpoint) => {
                recovered.restored = true;
                (Engine::restore(&checkpoint.state)?, checkpoint.seq, checkpoint.hash)
            }
            None => (Engine::new(plant.clone(), rules.clone()), 0, 0),
        };
        let mut pipeline = Self {
            engine,
            store,
            outputs,
            fits,
            requests: Vec::new(),
            hash,
            journal: Vec::new(),
            effects: Vec::new(),
            since_checkpoint: 0,
            readings_since_checkpoint: 0,
            events: recovery.last_seq,
            owes_checkpoint: false,
            waiter: Waiter::new(|_| {
                std::thread::park_timeout(FULL_PAUSE);
                true
            }),
        };
        pipeline.replay_journal(from, &mut recovered)?;
        let changed = pipeline.engine.reconfigure(plant, rules) | pipeline.install_newer()?;
        pipeline.requests = pipeline.open_requests();
        if changed || recovered.events > 0 || recovery.checkpoint.is_none() {
            // The journal before is read under the old configuration, all after it under the new one.
            match pipeline.checkpoint() {
                Err(error) if error.is_full() => {
                    // Only senders make room, and they start when this is done.
                    tracing::warn!(error = %chain(&error), "the store has no room to begin with");
                    pipeline.owes_checkpoint = true;
                }
                other => other?,
            }
        }
        Ok((pipeline, recovered))
    }

    /// Installs the models that were fitted into the registry while nobody ran.
    fn install_newer(&mut self) -> Result<bool, AppError> {
        let reader = self.store.reader()?;
        let mut installed = false;
        for model in reader.active_models()? {
            if self.engine.model_version(&model.line, &model.grade) >= model.version {
                continue;
            }
            let Some(artifact) = reader.model_artifact(model.id)? else { continue };
            let grade: Arc<str> = model.grade.as_str().into();
            let install = if registry::is_of_person(&model) {
                Engine::install
            } else {
                Engine::install_fitted
            };
            match install(&mut self.engine, &model.line, &grade, model.version, artifact.into()) {
                Ok(()) => installed = true,
                Err(reason) => tracing::warn!(
                    line = model.line,
                    grade = model.grade,
                    version = model.version,
                    reason,
                    "a model of the registry is not used"
                ),
            }
        }
        Ok(installed)
    }

    fn replay_journal(&mut self, from: u64, recovered: &mut Recovered) -> Result<(), AppError> {
        let chunks: Vec<_> = self.store.journal_after(from).collect::<Result<_, _>>()?;
        for chunk in chunks {
            let mut group = Group::after(self.hash);
            for event in Event::decode_all(&chunk.bytes)? {
                recovered.events += 1;
                self.apply(event, &mut group);
            }
            group.finish(&self.outputs);
            if group.hash() != chunk.hash && recovered.diverged.is_none() {
                recovered.diverged = Some((chunk.first_seq, chunk.last_seq));
            }
            self.hash = chunk.hash;
        }
        Ok(())
    }

    /// Says how to wait while the store has no room.
    pub fn wait_by(&mut self, waiter: Waiter) {
        self.waiter = waiter;
    }

    /// The engine, to look at.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where the links in events lead.
    #[must_use]
    pub fn links(&self) -> &webhook::Links {
        &self.outputs.links
    }

    /// The engine, to install models before anything is fed.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The store, to settle it.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// What people see.
    #[must_use]
    pub fn view(&self) -> View {
        self.engine.view()
    }

    /// The newest verdict of each line: topic below the prefix, and document.
    #[must_use]
    pub fn newest_verdicts(&self) -> Vec<(String, Vec<u8>)> {
        let lines = self.engine.view().lines;
        let documents = lines.iter().filter_map(|line| line.verdict.as_ref());
        documents
            .map(|document| {
                let body = serde_json::to_vec(document).expect("a document has only text keys");
                (format!("{}/verdict", document.line), body)
            })
            .collect()
    }

    /// What was asked for and not answered.
    fn open_requests(&self) -> Vec<Wanted> {
        let models = self.engine.open_requests().cloned().map(Box::new).map(Wanted::Model);
        let soft_sensors = self.engine.open_soft_sensors().map(Box::new).map(Wanted::SoftSensor);
        models.chain(soft_sensors).collect()
    }

    /// Fits that somebody else has to make.
    pub fn take_requests(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.requests)
    }

    /// Requests that could not be handed on: they come first next time.
    pub fn put_back(&mut self, mut requests: Vec<Wanted>) {
        requests.append(&mut self.requests);
        self.requests = requests;
    }

    /// What the values of a line's frames are.
    #[must_use]
    pub fn columns(&self, line: LineIx) -> Columns {
        self.engine.plant().lines.get(line.get()).map(Columns::of).unwrap_or_default()
    }

    /// Events committed since the store was made.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Applies a group of events and commits it with everything that follows. `seen` is shown every
    /// effect before it is committed.
    ///
    /// # Errors
    /// When the store fails: nothing of the group may be acknowledged.
    pub fn commit(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        seen: &mut dyn FnMut(&Effect),
    ) -> Result<(), AppError> {
        self.pay_checkpoint()?;
        let mut group = Group::after(self.hash);
        let mut count = 0;
        for event in events {
            count += 1;
            event.encode(&mut self.journal);
            let requested = self.apply_seen(event, &mut group, seen);
            if requested && self.fits == FitMode::Inline {
                // The frames to fit from must be in the store, and the answer comes next: whatever
                // the groups are, the model takes effect at the same boundary.
                self.write(std::mem::replace(&mut group, Group::after(0)), count)?;
                count = 0;
                group = Group::after(self.hash);
                for answer in self.fit_now()? {
                    count += 1;
                    let event = Event::Model(answer);
                    event.encode(&mut self.journal);
                    self.apply_seen(event, &mut group, seen);
                }
            }
        }
        if count > 0 {
            self.write(group, count)?;
        }
        Ok(())
    }

    /// Closes everything that waits, for a recording that came to its end.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish(&mut self, seen: &mut dyn FnMut(&Effect)) -> Result<(), AppError> {
        self.commit([Event::Command(Command::Finish)], seen)
    }

    fn fit_now(&mut self) -> Result<Vec<ModelAnswer>, StoreError> {
        let reader = self.store.reader()?;
        let requests = std::mem::take(&mut self.requests);
        Ok(requests
            .iter()
            .map(|wanted| answer(&reader, wanted, &self.columns(wanted.line())))
            .collect())
    }

    /// When an event came, by the daemon's clock as the journal has it.
    fn now(&self, event: &Event) -> Option<Timestamp> {
        event.received().or_else(|| self.engine.heard_at())
    }

    /// Applies an event again, as the journal has it.
    fn apply(&mut self, event: Event, group: &mut Group) {
        let now = self.now(&event);
        self.engine.apply(event, &mut self.effects);
        for effect in self.effects.drain(..) {
            group.take(&effect, &self.outputs, now);
        }
    }

    /// Applies an event; true if it asked for a fit.
    fn apply_seen(
        &mut self,
        event: Event,
        group: &mut Group,
        seen: &mut dyn FnMut(&Effect),
    ) -> bool {
        let now = self.now(&event);
        self.engine.apply(event, &mut self.effects);
        let (mut requested, mut readings) = (false, 0);
        for effect in self.effects.drain(..) {
            group.take(&effect, &self.outputs, now);
            readings += u64::from(matches!(effect, Effect::Reading(_)));
            let wanted = match &effect {
                Effect::Fit(request) => Some(Wanted::Model(request.clone())),
                Effect::FitSoftSensor(request) => Some(Wanted::SoftSensor(request.clone())),
                _ => None,
            };
            requested |= wanted.is_some();
            self.requests.extend(wanted);
            seen(&effect);
        }
        self.readings_since_checkpoint += readings.max(1);
        requested
    }

    fn write(&mut self, mut group: Group, events: u64) -> Result<(), AppError> {
        group.finish(&self.outputs);
        group.name_frames(self.engine.plant());
        self.since_checkpoint += events;
        let is_due = self.readings_since_checkpoint >= READINGS_PER_CHECKPOINT;
        let state = is_due.then(|| self.engine.checkpoint());
        let (puts, batches) = (group.puts(), group.batch_rows());
        let (frames, models) = (group.frame_blocks(), group.model_rows());
        let (sheets, audit) = (group.sheet_rows(), group.audit_rows());
        let notifications = group.notification_rows();
        let commit = Commit {
            events,
            journal: &self.journal,
            hash: group.hash(),
            puts: &puts,
            unparked: &[],
            batches: &batches,
            sheets: &sheets,
            audit: &audit,
            notifications: &notifications,
            frames: &frames,
            models: &models,
            checkpoint: state.as_deref(),
        };
        when_room(&mut self.store, &mut self.waiter, &commit)?;
        if state.is_some() {
            (self.since_checkpoint, self.readings_since_checkpoint) = (0, 0);
        }
        self.hash = group.hash();
        self.events += events;
        self.journal.clear();
        Ok(())
    }

    /// Commits what is no event: entries of outboxes, and who decided that.
    ///
    /// # Errors
    /// When the store fails.
    pub fn commit_aside(&mut self, commit: &Commit<'_>) -> Result<(), AppError> {
        self.pay_checkpoint()?;
        when_room(&mut self.store, &mut self.waiter, commit)
    }

    /// Writes the checkpoint that was put off, and waits until there is room for it.
    fn pay_checkpoint(&mut self) -> Result<(), AppError> {
        while self.owes_checkpoint {
            match self.checkpoint() {
                Err(AppError::Store(error)) if error.is_full() => {
                    if !(self.waiter.0)(&error) {
                        return Err(AppError::GivenUp);
                    }
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Events since the last checkpoint.
    #[must_use]
    pub fn since_checkpoint(&self) -> u64 {
        self.since_checkpoint
    }

    /// Writes a checkpoint now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn checkpoint(&mut self) -> Result<(), AppError> {
        let state = self.engine.checkpoint();
        self.store.commit(&Commit {
            hash: self.hash,
            checkpoint: Some(&state),
            ..Commit::default()
        })?;
        (self.since_checkpoint, self.readings_since_checkpoint) = (0, 0);
        self.owes_checkpoint = false;
        Ok(())
    }

    /// True if a tick at this instant would change anything.
    #[must_use]
    pub fn would_push(&self, now: Timestamp) -> bool {
        self.engine.would_push(now)
    }
}

/// Commits once there is room. A full store took nothing: the same commit is tried until there is room. Nothing is
/// acknowledged meanwhile, so the broker holds what comes (`when_full = "block"`).
fn when_room(store: &mut Store, waiter: &mut Waiter, commit: &Commit<'_>) -> Result<(), AppError> {
    while let Err(error) = store.commit(commit) {
        if !error.is_full() {
            return Err(error.into());
        }
        if !(waiter.0)(&error) {
            return Err(AppError::GivenUp);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
