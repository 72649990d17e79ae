//! A lane: one outbox on its way to the server, with the chunk that is being sent and its waits.

use super::backlog::{Turn, next_items};
use super::chunk::Chunk;
use super::dissect::Dissection;
use super::failure::{Failure, Kind};
use crate::store::{Outbox, StoreError};
use crate::telemetry::Backoff;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

/// The first back-off; the following ones double.
const BACKOFF_BASE: Duration = Duration::from_secs(1);
/// The longest back-off.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// How long to wait when only a person can help.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// The pause between requests that look for a bad line: ten a second at most.
const SEARCH_PAUSE: Duration = Duration::from_millis(100);
/// How long readings may gather after a commit: a request for each commit would be many small ones.
const GATHER: Duration = Duration::from_millis(200);

/// The lanes, in the order of their rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Batches, alarms, health of sensors.
    Results = 0,
    /// Readings, scores, contributions.
    Readings = 1,
}

impl Which {
    /// The label for metrics and logs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Readings => "readings",
        }
    }
}

/// One outbox on its way to the server.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) outbox: Arc<dyn Outbox>,
    committed: watch::Receiver<u64>,
    /// How long lines gather before they are sent.
    gather: Duration,
    /// Which end of a pile is next; `None` if the order is sacred.
    turn: Option<Turn>,
    /// What is on its way.
    pub(super) chunk: Option<(Chunk, Dissection)>,
    idle: bool,
    wait: Option<Pin<Box<Sleep>>>,
    backoff: Backoff,
    /// What the server takes at once, as far as it is known.
    lines_max: usize,
    lines_top: usize,
    /// Why the last request failed, until one works.
    pub(super) trouble: Option<String>,
}

impl Lane {
    pub(super) fn new(outbox: &Arc<dyn Outbox>, which: Which, lines_max: usize, seed: u64) -> Self {
        let (gather, turn) = match which {
            Which::Results => (Duration::ZERO, None),
            Which::Readings => (GATHER, Some(Turn::Newest)),
        };
        Self {
            committed: outbox.changed(),
            outbox: Arc::clone(outbox),
            gather,
            turn,
            chunk: None,
            idle: false,
            wait: None,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, seed),
            lines_max: lines_max.max(1),
            lines_top: lines_max.max(1),
            trouble: None,
        }
    }

    /// Returns when the lane may have become ready. Loses nothing when it is dropped.
    pub(super) async fn wake(&mut self) {
        if let Some(wait) = &mut self.wait {
            wait.as_mut().await;
            self.wait = None;
        } else if self.idle {
            if self.committed.changed().await.is_err() {
                // The store is gone, and with it all news: what is left is to be cancelled.
                std::future::pending::<()>().await;
            }
            self.idle = false;
            if !self.gather.is_zero() {
                self.wait_for(self.gather);
            }
        }
    }

    /// True if the lane may send now.
    pub(super) async fn is_ready(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.wake() => {}
            () = std::future::ready(()) => {}
        }
        !self.idle && self.wait.is_none()
    }

    fn wait_for(&mut self, duration: Duration) {
        self.wait = Some(Box::pin(sleep(duration)));
    }

    /// Fetches the next chunk, if none is on its way; false if there is none.
    pub(super) async fn fill(&mut self) -> Result<bool, StoreError> {
        if self.chunk.is_some() {
            return Ok(true);
        }
        // Before the look, so that a commit during it wakes the lane.
        self.committed.mark_unchanged();
        let (outbox, lines_max, turn) = (Arc::clone(&self.outbox), self.lines_max, self.turn);
        let chunk = tokio::task::spawn_blocking(move || {
            let items = next_items(&*outbox, lines_max, turn)?;
            Ok((!items.is_empty()).then(|| Chunk::new(&items)))
        });
        let chunk = chunk.await.expect("reading an outbox does not panic")?;
        self.idle = chunk.is_none();
        self.turn = self.turn.map(|turn| match turn {
            Turn::Newest => Turn::Oldest,
            Turn::Oldest => Turn::Newest,
        });
        self.chunk = chunk.map(|chunk| {
            let dissection = Dissection::new(&chunk);
            (chunk, dissection)
        });
        Ok(!self.idle)
    }

    /// Takes the answer to a request of `lines` lines; true if the chunk is settled by it.
    pub(super) fn answered(&mut self, lines: usize, answer: &Result<(), Failure>) -> bool {
        let Some((chunk, mut dissection)) = self.chunk.take() else {
            return false;
        };
        match answer {
            Ok(()) => {
                dissection.stored();
                self.backoff.reset();
                // A size that was too large once may have been the fault of a few long lines.
                self.lines_max = (self.lines_max + self.lines_max / 50 + 1).min(self.lines_top);
            }
            Err(failure) => match failure.kind {
                Kind::Transient => {
                    let wait = self.backoff.failed();
                    self.wait_for(wait);
                }
                Kind::Auth => self.wait_for(ASK_AGAIN),
                Kind::TooLarge | Kind::Permanent | Kind::Partial { .. } => {
                    if failure.kind == Kind::TooLarge {
                        self.lines_max = (lines / 2).max(1);
                    }
                    dissection.refused(&chunk, failure);
                    self.backoff.reset();
                }
            },
        }
        let settled = dissection.next().is_none();
        if self.wait.is_none() {
            if !settled && dissection.is_search() {
                self.wait_for(SEARCH_PAUSE);
            } else if settled && chunk.len() < self.lines_max / 2 && !self.gather.is_zero() {
                // It took all there was: the next lines may gather again.
                self.wait_for(self.gather);
            }
        }
        self.chunk = Some((chunk, dissection));
        settled
    }
}
