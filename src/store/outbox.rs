//! What a sender sees of the store: its own queue of things to send.

use super::db::Db;
use super::error::StoreError;
use super::queue::{Park, Queue};
use super::{codec, reader};
use crate::reading::Timestamp;
use rusqlite::Row;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

/// One entry of an outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id; grows with each commit, never used twice.
    pub id: i64,
    /// Its key: a topic, an event id; empty if it has none.
    pub key: String,
    /// Lines or events in it.
    pub count: u32,
    /// The bytes to send, uncompressed.
    pub body: Vec<u8>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Entries.
    pub items: u64,
    /// Lines or events in them.
    pub count: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// A sender's queue. Calls block on the disk: async code goes through `spawn_blocking`.
///
/// Entries come out in the order of their commits. What was handed out stays until [`Outbox::done`]
/// names it and the store has committed that, so that after a crash it is handed out again, the
/// same bytes.
pub trait Outbox: Debug + Send + Sync {
    /// The oldest entries after the id `after`, up to `max_items` and, beyond the first,
    /// `max_bytes` of their bodies.
    fn oldest(
        &self,
        after: i64,
        max_items: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, StoreError>;

    /// The newest entries, oldest of them first, up to `max_items` and, beyond the newest,
    /// `max_bytes` of their bodies.
    fn newest(&self, max_items: usize, max_bytes: usize) -> Result<Vec<Item>, StoreError>;

    /// How much waits, as of the last commit: what was reported done since then still counts.
    fn pending(&self) -> Result<Pending, StoreError>;

    /// These have arrived. Takes effect with the next commit; until then they are not handed out
    /// again by `oldest` or `newest` of this process. Ids that are gone already do no harm.
    fn done(&self, ids: &[i64]);

    /// The receiver refused `body` (part or all of the entry `id`) for good, at the machine's time `at`: keep it apart with
    /// the receiver's words. The entry itself still has to be named to [`Outbox::done`], afterwards, so
    /// that no commit can take the second without the first.
    fn park(&self, id: i64, count: u32, body: &[u8], reason: &str, at: Timestamp);

    /// Changes whenever something was committed to this outbox.
    fn changed(&self) -> tokio::sync::watch::Receiver<u64>;
}

/// An outbox of the file.
#[derive(Debug)]
pub(super) struct SqliteOutbox {
    db: Db,
    queue: Arc<Queue>,
}

// An outbox that nothing was put into yet has no id, and so no entries.
const OLDEST: &str = "
    SELECT id, key, count, checksum, body FROM outbox
    WHERE box = (SELECT id FROM outboxes WHERE name = ?1) AND id > ?2 ORDER BY id";
const NEWEST: &str = "
    SELECT id, key, count, checksum, body FROM outbox
    WHERE box = (SELECT id FROM outboxes WHERE name = ?1) AND id > ?2 ORDER BY id DESC";

impl SqliteOutbox {
    pub(super) fn new(db: Db, queue: Arc<Queue>) -> Self {
        Self { db, queue }
    }

    fn read(
        &self,
        sql: &str,
        after: i64,
        max_items: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, StoreError> {
        // Taken before the snapshot of the read: the writer forgets a done entry only after the
        // commit that removed it, so an entry missing here is missing in the snapshot as well.
        let done = self.queue.done();
        let conn = self.db.lock();
        let failed = |source| self.db.failed("read an outbox", source);
        let mut statement = conn.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query((self.queue.name(), after)).map_err(failed)?;
        let mut items = Vec::new();
        let mut bytes = 0_usize;
        while items.len() < max_items {
            let Some(row) = rows.next().map_err(failed)? else {
                break;
            };
            let Some(item) = self.item(row, &done)? else {
                continue;
            };
            bytes = bytes.saturating_add(item.body.len());
            if bytes > max_bytes && !items.is_empty() {
                break;
            }
            items.push(item);
        }
        Ok(items)
    }

    /// The entry in a row, unless it has arrived already.
    fn item(&self, row: &Row<'_>, done: &BTreeSet<i64>) -> Result<Option<Item>, StoreError> {
        let failed = |source| self.db.failed("read an outbox", source);
        let id: i64 = row.get(0).map_err(failed)?;
        if done.contains(&id) {
            return Ok(None);
        }
        let key: String = row.get(1).map_err(failed)?;
        let count: u32 = row.get(2).map_err(failed)?;
        let seal = codec::Seal { fields: &[i64::from(count)], text: &key };
        let body = reader::unpack(&self.db, "outbox", id, row, 3, &seal)?;
        Ok(Some(Item { id, key, count, body }))
    }
}

impl Outbox for SqliteOutbox {
    fn oldest(
        &self,
        after: i64,
        max_items: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, StoreError> {
        self.read(OLDEST, after, max_items, max_bytes)
    }

    fn newest(&self, max_items: usize, max_bytes: usize) -> Result<Vec<Item>, StoreError> {
        let mut items = self.read(NEWEST, 0, max_items, max_bytes)?;
        items.reverse();
        Ok(items)
    }

    fn pending(&self) -> Result<Pending, StoreError> {
        Ok(self.queue.pending())
    }

    fn done(&self, ids: &[i64]) {
        self.queue.add_done(ids);
    }

    fn park(&self, id: i64, count: u32, body: &[u8], reason: &str, at: Timestamp) {
        self.queue.add_park(Park { id, count, body: body.into(), reason: reason.into(), at });
    }

    fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.queue.changed()
    }
}
