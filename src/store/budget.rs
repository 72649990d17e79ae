//! How large the store may grow, and how full it is.
//!
//! Part of the size is reserved for the write-ahead log; the rest is the limit of the pages in use.
//! Pages that were freed are used again before the file grows, so the file stays below the limit
//! once its pages in use do.

use super::{Settings, WhenFull};
use rusqlite::Connection;

/// The size of a page; that of most file systems' blocks, so that a small commit writes little.
pub(super) const PAGE_BYTES: u64 = 4096;

/// More is not reserved for the log, however large the store may be.
const LOG_MAX: u64 = 16 << 20;

/// The log is copied into the file when that much of it has not been; SQLite's own default.
const LOG_DUE_MAX: u64 = 4 << 20;

/// One commit, or one housekeeping, frees no more than that beyond what it needs: freeing a page
/// costs about as much as writing one.
pub(super) const PRUNE_STEP: u64 = 8 << 20;

/// Room is made ahead in steps of that, so that not every commit has to.
const SLACK_MAX: u64 = 4 << 20;

/// The share of the journal that checkpoints for replays may take: one in so many bytes.
const KEPT_SHARE: u64 = 16;

/// The least journal between two checkpoints that are kept.
const KEPT_EVERY: u64 = 16 << 20;

/// How large the store may grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// File and log.
    pub(super) max: u64,
    /// What of it is for the log.
    pub(super) log: u64,
    pub(super) when_full: WhenFull,
}

impl Budget {
    pub(super) fn new(settings: &Settings) -> Self {
        let max = settings.max_size_bytes;
        Self { max, log: (max / 8).min(LOG_MAX), when_full: settings.when_full }
    }

    /// The bytes of the pages that may be in use.
    pub(super) fn limit(&self) -> u64 {
        self.max - self.log
    }

    /// The bytes of parked entries: a sixteenth, so that what was refused never crowds out what waits.
    pub(super) fn parked(&self) -> u64 {
        self.max / 16
    }

    /// The bytes of notifications: a sixteenth as well, where the newest 10,000 would be more.
    pub(super) fn notifications(&self) -> u64 {
        self.max / 16
    }

    /// How far below the limit room is made.
    pub(super) fn slack(&self) -> u64 {
        (self.max / 64).min(SLACK_MAX)
    }

    /// The log that has to be copied into the file.
    pub(super) fn log_due(&self) -> u64 {
        (self.log / 2).clamp(PAGE_BYTES, LOG_DUE_MAX)
    }
}

/// True if a checkpoint of `len` bytes stays as a place for replays to start from, when that much
/// was journaled since the one before it that stays.
pub(super) fn keeps_checkpoint(since_kept: u64, len: usize) -> bool {
    since_kept >= KEPT_EVERY.max(KEPT_SHARE * len as u64)
}

/// The pages of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) all: u64,
    pub(super) free: u64,
}

impl Pages {
    /// As the connection sees them, in its transaction if it has one.
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let read = |sql| {
            let mut statement = conn.prepare_cached(sql)?;
            statement.query_row((), |row| super::statements::size(row, 0))
        };
        Ok(Self { all: read("PRAGMA page_count")?, free: read("PRAGMA freelist_count")? })
    }

    /// The bytes of the pages in use.
    pub(super) fn used(&self) -> u64 {
        self.all.saturating_sub(self.free) * PAGE_BYTES
    }

    /// The bytes of the file once the log is copied into it.
    pub(super) fn file(&self) -> u64 {
        self.all * PAGE_BYTES
    }
}

/// The share of the limit that neither the journal nor frames of old batches could give back.
///
/// The journal is kept as long as there is room, so that the size of the file alone says nothing.
#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
pub(super) fn fill(used: u64, droppable: u64, limit: u64) -> f64 {
    if limit == 0 { 1.0 } else { used.saturating_sub(droppable) as f64 / limit as f64 }
}
