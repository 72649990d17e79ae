//! What the running daemon's store knows of an instant, for the page.

use super::super::error::{AppError, chain};
use super::super::moment::{Under, explained, trends};
use crate::http::{Explained, Moment, Moments, Trend};
use crate::reading::Timestamp;
use crate::store::{Reader, StoreError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, TryLockError};

/// The store, and what its journal is read as.
#[derive(Debug)]
pub(in crate::app) struct RunningMoments {
    reader: Reader,
    /// The store's file, for people.
    path: PathBuf,
    under: Under,
    /// Held while a journal is read.
    reads: Mutex<()>,
}

impl RunningMoments {
    pub(in crate::app) fn new(reader: Reader, path: PathBuf, under: Under) -> Self {
        Self { reader, path, under, reads: Mutex::default() }
    }
}

impl Moments for RunningMoments {
    fn explain(&self, line: &str, at: Timestamp) -> Result<Explained, String> {
        let Some(ix) = self.under.plant.line_ix(line) else {
            return Ok(Explained::Unknown(format!("no line is called `{line}`")));
        };
        let _reads = match self.reads.try_lock() {
            Ok(reads) => reads,
            Err(TryLockError::Poisoned(reads)) => reads.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(Explained::Busy),
        };
        match explained(&self.reader, &self.path, &self.under, (ix, at)) {
            Ok(explanation) => {
                let frame = self.under.plant.lines[ix.get()].frame;
                Ok(Explained::Told(Box::new(Moment { explanation, frame })))
            }
            Err(AppError::Other(why)) => Ok(Explained::Unknown(why)),
            Err(error @ AppError::Store(StoreError::Pruned { .. })) => {
                Ok(Explained::Unknown(chain(&error)))
            }
            Err(error) => Err(chain(&error)),
        }
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
