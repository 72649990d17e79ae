//! The journal of a store as something to replay: all that the daemon took, as it took it.

use super::error::AppError;
use super::feed::{Apply, Feed, Span, share};
use crate::decode::Rule;
use crate::engine::{Command, Engine, Event};
use crate::plant::Plant;
use crate::reading::{Count, Timestamp};
use crate::store::{Reader, StoreError, StoredModel};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A stretch of a journal, by the times of receipt.
///
/// It goes on from the state that the store has of its begin, so that what is said is what was said then.
/// What the daemon said to itself is in the journal as well: fits that came to their end, links, ticks.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    reader: Reader,
    span: Span,
    /// The event whose state is gone on from, and whether there is one; what follows it up to `first` is
    /// taken without a word.
    after: u64,
    has_state: bool,
    /// The first event that is told.
    first: u64,
    /// The last event there was when the journal was opened.
    last: u64,
    by_hand: Vec<ByHand>,
    /// The event that was told last.
    told: Cell<u64>,
}

/// A model that was fitted by hand. The journal does not say from when on it judged.
#[derive(Debug)]
struct ByHand {
    model: StoredModel,
    /// The version of the newest model before it that was learned: that one judged first.
    after: u32,
    artifact: Arc<[u8]>,
}

impl Journal {
    /// Opens the journal of a store, which a daemon may be writing, and says what a person has to know. `extent` is that
    /// with which it was opened before, if it has to reach as far again.
    ///
    /// # Errors
    /// When the store cannot be read, its journal has nothing, or does not reach as far any more.
    pub fn open(
        path: &Path,
        span: Span,
        extent: Option<[i64; 2]>,
    ) -> Result<(Self, Vec<String>), AppError> {
        let reader = Reader::open(path)?;
        let Some(kept) = reader.journal_start()? else {
            return Err(AppError::Other(format!("the journal of `{}` is empty", path.display())));
        };
        let mut journal = Self {
            path: path.to_owned(),
            last: match extent {
                Some([_, last]) => last.cast_unsigned(),
                None => reader.journal_end()?,
            },
            by_hand: by_hand(&reader)?,
            reader,
            span,
            after: kept - 1,
            has_state: false,
            first: kept,
            told: Cell::new(0),
        };
        let begin = journal.choose_begin(kept)?;
        if extent.is_some() && journal.extent() != extent {
            return Err(AppError::Other(format!(
                "the journal of `{}` does not go back any more to where it was read from; leave `--resume` out to \
                 begin where it begins now",
                path.display()
            )));
        }
        let mut notes = Vec::new();
        let lacks = |begin: &Timestamp| span.start.map_or(kept > 1, |start| start < *begin);
        if let Some(begin) = begin.filter(lacks) {
            let path = path.display();
            notes.push(format!("the journal of `{path}` is there from {begin} on"));
        }
        if kept > 1 && !journal.has_state {
            notes.push("what was going on then, batches and models, is not known".into());
        }
        journal.first = journal.first_told()?;
        Ok((journal, notes))
    }

    /// The journal of an open store from the state after an event on, or from its begin, to be read until somebody has enough.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn after(reader: Reader, path: &Path, state: Option<u64>) -> Result<Self, AppError> {
        let after = state.unwrap_or(0);
        Ok(Self {
            path: path.to_owned(),
            last: reader.journal_end()?,
            by_hand: by_hand(&reader)?,
            reader,
            span: Span::default(),
            after,
            has_state: state.is_some(),
            first: after + 1,
            told: Cell::new(0),
        })
    }

    /// The event that was told last; 0 before any was.
    pub(super) fn told(&self) -> u64 {
        self.told.get()
    }

    /// What is read, for people.
    #[must_use]
    pub fn place(&self) -> String {
        let by_hand = Count(self.by_hand.len(), "model");
        format!("the journal of `{}`, with {by_hand} fitted by hand", self.path.display())
    }

    /// Settles from which state the journal is read: the oldest that all of it follows, or the newest
    /// before the span. Says from when on the journal is there.
    fn choose_begin(&mut self, kept: u64) -> Result<Option<Timestamp>, AppError> {
        let mut states = self.reader.checkpoints()?;
        states.retain(|seq| *seq + 1 >= kept && *seq < self.last);
        let is_fresh = kept == 1 && states.first() != Some(&0);
        let oldest = if is_fresh { None } else { states.first().copied() };
        (self.after, self.has_state) = oldest.map_or((kept - 1, false), |seq| (seq, true));
        let begin = self.time_after(self.after)?;
        if self.span.start.is_some() {
            for seq in states.into_iter().rev() {
                let begin = self.time_after(seq)?;
                if begin.is_some_and(|at| self.span.start >= Some(at)) {
                    (self.after, self.has_state) = (seq, true);
                    break;
                }
            }
        }
        Ok(begin)
    }

    /// When the first thing after an event was taken.
    fn time_after(&self, seq: u64) -> Result<Option<Timestamp>, AppError> {
        for event in self.events(seq) {
            if let Some(at) = event?.1.received() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The first event of the span.
    fn first_told(&self) -> Result<u64, AppError> {
        if self.span.start.is_none() {
            return Ok(self.after + 1);
        }
        for event in self.events(self.after) {
            let (seq, event) = event?;
            if event.received().is_some_and(|at| !self.span.is_before(at)) {
                return Ok(seq);
            }
        }
        Ok(self.last + 1)
    }

    /// The events after one, with their numbers.
    fn events(&self, after: u64) -> impl Iterator<Item = Result<(u64, Event), AppError>> + use<'_> {
        events(&self.reader, &self.path, (after, self.last))
    }

    /// Installs the models fitted by hand whose turn it is.
    fn install(&self, engine: &mut Engine) {
        for ByHand { model, after, artifact } in &self.by_hand {
            let judges = engine.model_version(&model.line, &model.grade);
            if !(*after..model.version).contains(&judges) {
                continue;
            }
            let grade = model.grade.as_str().into();
            let done = engine.install(&model.line, &grade, model.version, Arc::clone(artifact));
            if let Err(reason) = done {
                let (line, grade, version) = (&model.line, &model.grade, model.version);
                tracing::warn!(line, grade, version, reason, "a model of the registry is not used");
            }
        }
    }
}

impl Feed for Journal {
    fn run(&self, row: &mut dyn FnMut(), apply: &mut Apply<'_>) -> Result<(), AppError> {
        let mut messages = 0;
        for event in self.events(self.first - 1) {
            let (seq, event) = event?;
            self.told.set(seq);
            if event.received().is_some_and(|at| self.span.is_over(at)) {
                break;
            }
            let is_message = matches!(event, Event::Arrival(_) | Event::Command(Command::Told(_)));
            apply(event)?;
            if is_message {
                messages += 1;
                row();
            }
        }
        // What waits at the end waited in the daemon as well: nothing is closed.
        self.span.check(messages, &format!("the journal of `{}`", self.path.display()))
    }

    fn engine(&self, plant: &Plant, rules: &[Rule]) -> Result<Engine, AppError> {
        let state = self.reader.checkpoint_before(self.after)?.filter(|_| self.has_state);
        let mut engine = match state {
            Some(state) => Engine::restore(&state.state)?,
            None => Engine::new(plant.clone(), rules.to_vec()),
        };
        engine.reconfigure(plant.clone(), rules.to_vec());
        self.install(&mut engine);
        let mut unheard = Vec::new();
        for event in self.events(self.after) {
            let (seq, event) = event?;
            if seq >= self.first {
                break;
            }
            self.meets(&event, &mut engine);
            engine.apply(event, &mut unheard);
            unheard.clear();
        }
        Ok(engine)
    }

    fn share(&self) -> Option<f64> {
        let before = self.first - 1;
        // Where it stops earlier is not known before that.
        let whole = self.span.stop.is_none().then(|| self.last.saturating_sub(before))?;
        Some(share(self.told.get().saturating_sub(before), whole))
    }

    fn extent(&self) -> Option<[i64; 2]> {
        Some([self.after, self.last].map(u64::cast_signed))
    }

    fn meets(&self, event: &Event, engine: &mut Engine) {
        // A daemon looks into the registry when it starts.
        if matches!(event, Event::Command(Command::Started { .. })) {
            self.install(engine);
        }
    }
}

/// The events after one up to a last one, with their numbers.
fn events<'a>(
    reader: &Reader,
    path: &'a Path,
    (after, last): (u64, u64),
) -> impl Iterator<Item = Result<(u64, Event), AppError>> + use<'a> {
    let mut next = after + 1;
    let chunks = reader.journal_after(after).map(move |chunk| {
        let chunk = chunk?;
        if chunk.first_seq > next {
            // It was there when the journal was opened.
            let path = path.display().to_string();
            return Err(StoreError::Pruned { path, from: next, to: chunk.first_seq - 1 }.into());
        }
        next = chunk.last_seq + 1;
        Ok((chunk.first_seq, Event::decode_all(&chunk.bytes)?))
    });
    chunks
        .flat_map(|chunk: Result<_, AppError>| {
            let (first, events, error) = match chunk {
                Ok((first, events)) => (first, events, None),
                Err(error) => (0, Vec::new(), Some(Err(error))),
            };
            (first..).zip(events).map(Ok).chain(error)
        })
        .filter(move |event| event.as_ref().map_or(true, |(seq, _)| *seq > after))
        .take_while(move |event| event.as_ref().map_or(true, |(seq, _)| *seq <= last))
}

/// The engine as it stands in a store that a daemon may be writing, by the last commit: under the configuration that
/// this has. `None` of a store that no daemon ever had.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn standing(reader: &Reader, path: &Path) -> Result<Option<Engine>, AppError> {
    let last = reader.journal_end()?;
    let Some(checkpoint) = reader.checkpoint_before(last)? else { return Ok(None) };
    let mut engine = Engine::restore(&checkpoint.state)?;
    let mut unheard = Vec::new();
    for event in events(reader, path, (checkpoint.seq, last)) {
        engine.apply(event?.1, &mut unheard);
        unheard.clear();
    }
    Ok(Some(engine))
}

/// The models of the registry that were fitted by hand, in the order in which they were.
fn by_hand(reader: &Reader) -> Result<Vec<ByHand>, AppError> {
    let models = reader.models(None, None)?;
    let mut by_hand = Vec::new();
    for model in models.iter().filter(|model| model.is_by_hand()) {
        let before = models.iter().filter(|other| {
            let same = (&other.line, &other.grade) == (&model.line, &model.grade);
            same && other.version < model.version && !other.is_by_hand()
        });
        let after = before.map(|other| other.version).max().unwrap_or(0);
        if let Some(artifact) = reader.model_artifact(model.id)? {
            by_hand.push(ByHand { model: model.clone(), after, artifact: artifact.into() });
        }
    }
    Ok(by_hand)
}

#[cfg(test)]
mod tests;
