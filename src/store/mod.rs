//! One SQLite file: journal, outboxes, checkpoint, batches, frames, model registry.
//!
//! One thread owns the [`Store`] and commits a group of events with everything they caused in one
//! transaction; after that the events are ours. Senders read their [`Outbox`] over connections of
//! their own and report back what arrived, which the next commit removes.

mod outbox;

pub use outbox::{Item, Outbox, Pending, StoreError};

use std::path::PathBuf;

/// Where the store is and how large it may grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file; `None` keeps everything in memory (replay, tests).
    pub path: Option<PathBuf>,
    /// The greatest size of the file with its write-ahead log, in bytes.
    pub max_size_bytes: u64,
    /// What happens at that size.
    pub when_full: WhenFull,
}

/// What happens when the store reaches its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The oldest readings still waiting for InfluxDB go first.
    #[default]
    DropOldestReadings,
    /// Stop acknowledging: the broker holds.
    Block,
}
