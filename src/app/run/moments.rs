//! What the running daemon's store knows of an instant, for the page.

use super::super::error::{AppError, chain};
use super::super::moment::{States, Under, explained, trends};
use crate::http::{Explained, Moment, Moments, Trend};
use crate::reading::{LineIx, Timestamp};
use crate::store::{Reader, StoreError};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Answers that are kept until they are asked for again: who asked did not wait for all of them.
const ANSWERS: usize = 8;

/// The store, and what its journal is read as.
#[derive(Debug)]
pub(in crate::app) struct RunningMoments {
    reader: Reader,
    /// The store's file, for people.
    path: PathBuf,
    under: Under,
    /// Held while a journal is read.
    states: Mutex<States>,
    desk: Mutex<Desk>,
}

/// A line and an instant.
type Question = (Arc<str>, Timestamp);

/// What is looked for, and what was found.
#[derive(Debug, Default)]
struct Desk {
    open: Option<Question>,
    found: VecDeque<(Question, Explained)>,
}

impl RunningMoments {
    pub(in crate::app) fn new(reader: Reader, path: PathBuf, under: Under) -> Self {
        Self { reader, path, under, states: Mutex::default(), desk: Mutex::default() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for the answer, which takes as long as it takes.
    fn look(&self, of: (LineIx, Timestamp), states: &mut States) -> Result<Explained, String> {
        match explained((&self.reader, &self.path), &self.under, of, states) {
            Ok(explanation) => {
                let frame = self.under.plant.lines[of.0.get()].frame;
                Ok(Explained::Told(Box::new(Moment { explanation, frame })))
            }
            Err(AppError::Other(why)) => Ok(Explained::Unknown(why)),
            Err(error @ AppError::Store(StoreError::Pruned { .. })) => {
                Ok(Explained::Unknown(chain(&error)))
            }
            Err(error) => Err(chain(&error)),
        }
    }
}

impl Desk {
    /// The answer to a question, if it was found. What is not known may be known later, and is told once.
    fn answer(&mut self, question: &Question) -> Option<Explained> {
        let ix = self.found.iter().position(|(of, _)| of == question)?;
        match &self.found[ix].1 {
            told @ Explained::Told(_) => Some(told.clone()),
            _ => self.found.remove(ix).map(|(_, answer)| answer),
        }
    }

    fn keep(&mut self, question: Question, answer: Explained) {
        self.found.retain(|(of, _)| *of != question);
        if self.found.len() == ANSWERS {
            self.found.pop_front();
        }
        self.found.push_back((question, answer));
    }
}

impl Moments for RunningMoments {
    fn explain(&self, line: &str, at: Timestamp) -> Result<Explained, String> {
        let Some(ix) = self.under.plant.line_ix(line) else {
            return Ok(Explained::Unknown(format!("no line is called `{line}`")));
        };
        let question: Question = (line.into(), at);
        if let Some(answer) = self.desk().answer(&question) {
            return Ok(answer);
        }
        let mut states = match self.states.try_lock() {
            Ok(states) => states,
            Err(TryLockError::Poisoned(states)) => states.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let same = self.desk().open.as_ref() == Some(&question);
                return Ok(if same { Explained::Sought } else { Explained::Busy });
            }
        };
        self.desk().open = Some(question.clone());
        let found = self.look((ix, at), &mut states);
        let mut desk = self.desk();
        desk.open = None;
        // Who asked first may have been told to come again: what failed is told then, and not looked for without end.
        desk.keep(question, found.clone().unwrap_or_else(Explained::Unknown));
        found
    }

    fn trends(
        &self,
        line: &str,
        between: (Timestamp, Timestamp),
        tags: &[Arc<str>],
    ) -> Result<Vec<Trend>, String> {
        let Some(ix) = self.under.plant.line_ix(line) else { return Ok(Vec::new()) };
        trends(&self.reader, (&self.under.plant, ix), between, tags)
            .map_err(|error| error.to_string())
    }
}
