//! One SQLite file: journal, outboxes, checkpoints, batches, frames, model registry, parked lines, what was told.
//!
//! One thread owns the [`Store`] and [commits](Store::commit) a group of events with everything
//! they caused in one transaction; after that the events are ours. Senders read their [`Outbox`]
//! over connections of their own and say what arrived, which the next commit removes. Pages, API
//! and fits read through a [`Reader`].
//!
//! What it never does: look into what it keeps (events, states and bodies are bytes to it), read a
//! clock, hand out an entry that was reported done, reuse an entry's id, or write again after a
//! failure of the disk.
//!
//! In reading order: `schema` (the tables), `commit` (what goes in), `writer` (the [`Store`]),
//! `log` (what a start does before it trusts the log), `work` (one transaction), `budget` and `prune` (what goes when the size is reached), `journal`,
//! `outbox` and `queue` (what senders see), `reader`, `batch_list`, `notifications`, `audit`, `check` and `repair`.
//!
//! | bound | at the bound |
//! | --- | --- |
//! | `max_size_bytes` | old journal, then frames of old batches, then old notifications, then parked entries, then what waits for nobody, then readings, or [`StoreError::Full`] |
//! | write-ahead log: an eighth of the size, at most 16 MiB | copied into the file; over 64 MiB a warning |
//! | 10,000 parked entries, and a sixteenth of the size | the oldest go |
//! | 10,000 notifications, and a sixteenth of the size | the oldest go |
//! | 7 days, for an outbox that nobody empties | it is dropped at the next start |
//! | frames of 200 batches a line | older ones may go when the size is reached |

mod audit;
mod batch_list;
mod budget;
mod check;
mod codec;
mod commit;
mod db;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod journal;
mod log;
mod notifications;
mod outbox;
mod prune;
mod queue;
mod reader;
mod repair;
mod schema;
mod sealed;
mod statements;
mod work;
mod writer;

#[cfg(test)]
mod tests;

pub use audit::{AuditChain, AuditEntry, AuditRow};
pub use batch_list::{BatchFilter, BatchPlace};
pub use commit::{BatchRow, Commit, EdgeRow, FrameBlock, ModelRow, Put, SheetPart, SheetRow};
pub use error::StoreError;
pub use journal::{Checkpoint, JournalChunk, Recovery};
pub use notifications::{
    NotificationFilter, NotificationPiece, NotificationRow, StoredNotification,
};
pub use outbox::{Item, Outbox, Pending};
pub use reader::{FIRST_BY_HAND, FrameRows, Parked, Reader, StoredBatch, StoredEdge, StoredModel};
pub use repair::{Repaired, repair};
pub use writer::{Dropped, ORPHANS_KEPT, Orphan, Store};

use std::path::PathBuf;

/// The outbox whose oldest entries go when the store is full and [`WhenFull::DropOldestReadings`]
/// is set: what is written once and never changes. Another outbox loses an entry only when nobody
/// empties it.
pub const READINGS: &str = "influx/readings";

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
