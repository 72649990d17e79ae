//! One transaction of the writer: what senders have said, then whatever the caller adds.

use super::budget::{Pages, keeps_checkpoint};
use super::codec::{Packed, Seal, bytes_on_disk, pack};
use super::commit::{BatchRow, Commit, FrameBlock, ModelRow, PackedCommit, Put};
use super::db::Db;
use super::error::StoreError;
use super::journal::Position;
use super::notifications;
use super::outbox::Pending;
use super::prune::{droppable_frames, prune_parked};
use super::queue::{Park, Queue, Queued, Queues};
use super::statements::{execute, one, remove, signed, size};
use super::writer::Dropped;
use crate::reading::Timestamp;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, Transaction};
use rusqlite::{TransactionBehavior, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Parked entries that are kept; the oldest go.
pub(super) const PARKED_MAX: i64 = 10_000;

/// An open transaction. Dropped without [`Work::finish`] it changes nothing.
#[derive(Debug)]
pub(super) struct Work<'c> {
    pub(super) db: &'c Db,
    tx: Transaction<'c>,
    queues: &'c Queues,
    pub(super) position: Position,
    boxes: BTreeMap<Arc<str>, Draft>,
    pub(super) dropped: Dropped,
    /// Batches were added to the frames, or frames went.
    pub(super) runs_changed: bool,
    /// Something was parked, or is not any more.
    parked_changed: bool,
    /// The number of the last notification that it appends.
    notified: Option<u64>,
}

/// An outbox as the transaction leaves it.
#[derive(Debug)]
struct Draft {
    queue: Arc<Queue>,
    queued: Queued,
    put: bool,
}

/// What the writer takes over once the transaction is on the disk.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) position: Position,
    pub(super) pages: Pages,
    pub(super) dropped: Dropped,
    /// Set if it may have changed.
    pub(super) droppable_frames: Option<u64>,
    /// Parked entries by outbox; set if it may have changed.
    pub(super) parked: Option<BTreeMap<String, u64>>,
    /// The number of the last notification, if one was appended.
    pub(super) notified: Option<u64>,
    boxes: Vec<Draft>,
}

impl Outcome {
    /// Tells the outboxes.
    pub(super) fn publish(&self) {
        for draft in &self.boxes {
            draft.queue.committed(&draft.queued, draft.put);
        }
    }
}

impl<'c> Work<'c> {
    /// Opens a transaction and writes what senders have said. Parked entries and notifications take at most
    /// `most` bytes after it.
    pub(super) fn begin(
        db: &'c Db,
        conn: &'c mut Connection,
        queues: &'c Queues,
        position: Position,
        most: (u64, u64),
    ) -> Result<Self, StoreError> {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate);
        let tx = tx.map_err(|source| db.failed("begin a commit", source))?;
        let (boxes, dropped) = (BTreeMap::new(), Dropped::default());
        let mut work = Self {
            db,
            tx,
            queues,
            position,
            boxes,
            dropped,
            runs_changed: false,
            parked_changed: false,
            notified: None,
        };
        let (parked_max, notifications_max) = most;
        for queue in queues.with_work() {
            work.settle(&queue)?;
        }
        while work.position.parked_bytes > parked_max {
            let excess = work.position.parked_bytes - parked_max;
            if !prune_parked(&mut work, excess)? {
                work.position.parked_bytes = 0;
            }
        }
        while work.position.notification_bytes > notifications_max {
            let excess = work.position.notification_bytes - notifications_max;
            if !notifications::prune(&mut work, excess)? {
                work.position.notification_bytes = 0;
            }
        }
        Ok(work)
    }

    /// Writes the counters and makes everything durable.
    pub(super) fn finish(self) -> Result<Outcome, StoreError> {
        for draft in self.boxes.values() {
            let Pending { items, count, bytes } = draft.queued.pending;
            self.run(
                "count what waits",
                "UPDATE outboxes SET items = ?2, count = ?3, bytes = ?4 WHERE id = ?1",
                (draft.queued.row, signed(items), signed(count), signed(bytes)),
            )?;
        }
        let at = self.position;
        self.run(
            "write the position",
            "UPDATE position SET last_seq = ?1, last_hash = ?2, journal_bytes = ?3,
                covered_bytes = ?4, since_kept = ?5, parked_bytes = ?6, notification_bytes = ?7",
            (
                at.last_seq.cast_signed(),
                at.last_hash.cast_signed(),
                signed(at.journal_bytes),
                signed(at.covered_bytes),
                signed(at.since_kept),
                signed(at.parked_bytes),
                signed(at.notification_bytes),
            ),
        )?;
        let droppable_frames =
            if self.runs_changed { Some(droppable_frames(self.db, &self.tx)?) } else { None };
        let parked = if self.parked_changed { Some(parked(self.db, &self.tx)?) } else { None };
        let pages = self.pages()?;
        self.tx.commit().map_err(|source| self.db.failed("make a commit durable", source))?;
        Ok(Outcome {
            position: at,
            pages,
            dropped: self.dropped,
            droppable_frames,
            parked,
            notified: self.notified,
            boxes: self.boxes.into_values().collect(),
        })
    }

    /// The file's pages as the transaction has them.
    pub(super) fn pages(&self) -> Result<Pages, StoreError> {
        Pages::read(&self.tx).map_err(|source| self.db.failed("measure the file", source))
    }

    /// Takes in a commit.
    pub(super) fn add(
        &mut self,
        commit: &Commit<'_>,
        packed: &PackedCommit,
    ) -> Result<(), StoreError> {
        if let Some(body) = &packed.journal {
            self.add_journal(packed, body)?;
        }
        for (put, body) in commit.puts.iter().zip(&packed.puts) {
            self.add_put(put, body)?;
        }
        for id in commit.unparked {
            let sql = "DELETE FROM parked WHERE id = ?1 RETURNING count, length(body)";
            self.forget_parked(sql, *id)?;
        }
        for batch in commit.batches {
            self.add_batch(batch)?;
        }
        for (sheet, body) in commit.sheets.iter().zip(&packed.sheets) {
            self.run(
                "write a sheet",
                "INSERT INTO sheets (line, batch, part, checksum, body)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (line, batch, part) DO UPDATE SET checksum = excluded.checksum,
                    body = excluded.body",
                (sheet.line, sheet.batch, sheet.part as i64, body.checksum, &body.body),
            )?;
        }
        super::audit::append(self.db, &self.tx, commit.audit)?;
        self.notified = notifications::append(self, commit.notifications, &packed.notifications)?;
        for (block, body) in commit.frames.iter().zip(&packed.frames) {
            self.add_frames(block, body)?;
        }
        for (model, body) in commit.models.iter().zip(&packed.models) {
            self.add_model(model, body)?;
        }
        if let Some(body) = &packed.checkpoint {
            self.add_checkpoint(packed, body)?;
        }
        Ok(())
    }

    fn add_journal(&mut self, packed: &PackedCommit, body: &Packed) -> Result<(), StoreError> {
        self.run(
            "append to the journal",
            "INSERT INTO journal (first_seq, last_seq, hash, checksum, body)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (packed.first_seq, packed.last_seq, packed.hash, body.checksum, &body.body),
        )?;
        let bytes = bytes_on_disk(body.body.len());
        self.position.last_seq = packed.last_seq.cast_unsigned();
        self.position.last_hash = packed.hash.cast_unsigned();
        self.position.journal_bytes += bytes;
        self.position.since_kept += bytes;
        Ok(())
    }

    fn add_checkpoint(&mut self, packed: &PackedCommit, body: &Packed) -> Result<(), StoreError> {
        let doing = "replace the checkpoint";
        self.run(doing, "DELETE FROM checkpoints WHERE kept = 0", ())?;
        let kept = keeps_checkpoint(self.position.since_kept, body.body.len());
        self.run(
            doing,
            "INSERT INTO checkpoints (seq, hash, kept, checksum, body)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash,
                checksum = excluded.checksum, body = excluded.body",
            (packed.last_seq, packed.hash, kept, body.checksum, &body.body),
        )?;
        if kept {
            self.position.since_kept = 0;
        }
        self.position.checkpoint_seq = packed.last_seq.cast_unsigned();
        self.position.covered_bytes = self.position.journal_bytes;
        Ok(())
    }

    fn add_put(&mut self, put: &Put<'_>, body: &Packed) -> Result<(), StoreError> {
        let doing = "put into an outbox";
        let queue = self.queues.get(put.outbox);
        let draft = self.boxes.entry(Arc::clone(queue.name()));
        let draft = draft.or_insert_with(|| Draft::untouched(queue));
        draft.put = true;
        let row = match draft.queued.row {
            Some(row) => row,
            None => one(
                self.db,
                &self.tx,
                doing,
                "INSERT INTO outboxes (name, items, count, bytes) VALUES (?1, 0, 0, 0)
                 RETURNING id",
                [put.outbox],
            )?,
        };
        draft.queued.row = Some(row);
        if put.replace {
            let sql = if put.key.is_empty() {
                "DELETE FROM outbox WHERE box = ?1 AND key = ?2 RETURNING count, length(body)"
            } else {
                // The index holds entries with a key only, and wants to hear that it may be used.
                "DELETE FROM outbox WHERE box = ?1 AND key = ?2 AND key <> ''
                 RETURNING count, length(body)"
            };
            remove(self.db, &self.tx, &mut draft.queued.pending, sql, (row, put.key))?;
        }
        let sql = "INSERT INTO outbox (box, key, count, checksum, body)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = (row, put.key, put.count, body.checksum, &body.body);
        execute(self.db, &self.tx, doing, sql, values)?;
        let pending = &mut draft.queued.pending;
        pending.items += 1;
        pending.count += u64::from(put.count);
        pending.bytes += body.body.len() as u64;
        Ok(())
    }

    fn add_batch(&self, batch: &BatchRow<'_>) -> Result<(), StoreError> {
        self.run(
            "write a batch",
            "INSERT INTO batches (line, batch, started, ended, record)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (line, batch) DO UPDATE SET started = excluded.started,
                ended = excluded.ended, record = excluded.record",
            (
                batch.line,
                batch.batch,
                batch.started.as_nanos(),
                batch.ended.map(Timestamp::as_nanos),
                batch.record,
            ),
        )?;
        self.run(
            "write genealogy",
            "DELETE FROM genealogy WHERE line = ?1 AND teller = ?2",
            (batch.line, batch.batch),
        )?;
        for (number, edge) in (0_i64..).zip(batch.edges) {
            self.run(
                "write genealogy",
                "INSERT INTO genealogy (line, teller, number, source, batch, consumed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (batch.line, batch.batch, number, &edge.source, &edge.batch, &edge.consumed),
            )?;
        }
        Ok(())
    }

    fn add_frames(&mut self, block: &FrameBlock<'_>, body: &Packed) -> Result<(), StoreError> {
        let doing = "write frames";
        let bytes = signed(bytes_on_disk(body.body.len()));
        let run = (block.line, block.batch.unwrap_or_default());
        let known = self
            .cached(
                doing,
                "UPDATE frame_runs SET bytes = bytes + ?3 WHERE line = ?1 AND batch = ?2
                 RETURNING id",
            )?
            .query_row((run.0, run.1, bytes), |row| row.get(0))
            .optional()
            .map_err(|source| self.db.failed(doing, source))?;
        let run: i64 = if let Some(run) = known {
            run
        } else {
            self.runs_changed = true;
            let sql = "INSERT INTO frame_runs (line, batch, bytes) VALUES (?1, ?2, ?3)
                       RETURNING id";
            one(self.db, &self.tx, doing, sql, (run.0, run.1, bytes))?
        };
        self.run(
            doing,
            "INSERT INTO frames (run, line, first, last, count, width, checksum, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                run,
                block.line,
                block.first.as_nanos(),
                block.last.as_nanos(),
                block.count,
                block.width,
                body.checksum,
                &body.body,
            ],
        )
    }

    fn add_model(&self, model: &ModelRow<'_>, body: &Packed) -> Result<(), StoreError> {
        let doing = "write a model";
        let id = model.id.cast_signed();
        if model.active {
            self.deactivate(id, model.line, model.grade)?;
        }
        self.run(
            doing,
            "INSERT OR REPLACE INTO models
                (id, line, grade, kind, version, at, header, active, checksum, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                id,
                model.line,
                model.grade,
                model.kind,
                model.version,
                model.at.as_nanos(),
                model.header,
                model.active,
                body.checksum,
                &body.body,
            ],
        )
    }

    /// Lets a model of the registry judge in place of the others of its line and grade; false if
    /// there is none with that id.
    pub(super) fn activate(&self, id: i64) -> Result<bool, StoreError> {
        let doing = "switch a model on";
        let sql = "UPDATE models SET active = 1 WHERE id = ?1 RETURNING line, grade";
        let found: Option<(String, String)> = self
            .cached(doing, sql)?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(|source| self.db.failed(doing, source))?;
        match found {
            Some((line, grade)) => self.deactivate(id, &line, &grade).map(|()| true),
            None => Ok(false),
        }
    }

    fn deactivate(&self, but: i64, line: &str, grade: &str) -> Result<(), StoreError> {
        self.run(
            "switch models off",
            "UPDATE models SET active = 0
             WHERE line = ?2 AND grade = ?3 AND active <> 0 AND id <> ?1",
            (but, line, grade),
        )
    }

    /// Writes what a sender has said.
    fn settle(&mut self, queue: &Arc<Queue>) -> Result<(), StoreError> {
        let mut draft = Draft { queue: Arc::clone(queue), queued: queue.queued(), put: false };
        for park in &draft.queued.parks {
            self.add_park(draft.queue.name(), park)?;
        }
        if !draft.queued.parks.is_empty() {
            self.bound_parked()?;
        }
        for id in &draft.queued.done {
            let sql = "DELETE FROM outbox WHERE id = ?1 AND box = ?2 RETURNING count, length(body)";
            let key = (id, draft.queued.row);
            remove(self.db, &self.tx, &mut draft.queued.pending, sql, key)?;
        }
        self.boxes.insert(Arc::clone(queue.name()), draft);
        Ok(())
    }

    fn add_park(&mut self, outbox: &str, park: &Park) -> Result<(), StoreError> {
        let doing = "park a refused entry";
        let packed = pack(&park_seal(&[park.id, park.count.into()], &park.reason), &park.body);
        // The entry is still there: it is done afterwards.
        self.run(
            doing,
            "INSERT INTO parked (outbox, entry, count, reason, checksum, body, at, key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT key FROM outbox WHERE id = ?2))",
            (
                outbox,
                park.id,
                park.count,
                &*park.reason,
                packed.checksum,
                &packed.body,
                park.at.as_nanos(),
            ),
        )?;
        self.parked_changed = true;
        self.position.parked_bytes += bytes_on_disk(packed.body.len());
        Ok(())
    }

    /// Drops the oldest parked entries beyond their number.
    fn bound_parked(&mut self) -> Result<(), StoreError> {
        let doing = "count parked entries";
        let parked = one(self.db, &self.tx, doing, "SELECT count(*) FROM parked", ())?;
        if parked > PARKED_MAX {
            let sql = "SELECT id FROM parked ORDER BY id LIMIT 1 OFFSET ?1";
            let last = one(self.db, &self.tx, doing, sql, [parked - PARKED_MAX - 1])?;
            self.drop_parked(last)?;
        }
        Ok(())
    }

    /// Drops parked entries up to an id, and counts their lines.
    pub(super) fn drop_parked(&mut self, up_to: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM parked WHERE id <= ?1 RETURNING count, length(body)";
        self.dropped.parked += self.forget_parked(sql, up_to)?;
        Ok(())
    }

    /// Forgets parked entries by a statement about an id; their lines.
    fn forget_parked(&mut self, sql: &str, id: i64) -> Result<u64, StoreError> {
        let gone = self.rows("forget parked entries", sql, [id], |row| {
            let len = usize::try_from(size(row, 1)?).unwrap_or(usize::MAX);
            Ok((size(row, 0)?, bytes_on_disk(len)))
        })?;
        self.parked_changed |= !gone.is_empty();
        let bytes: u64 = gone.iter().map(|(_, bytes)| bytes).sum();
        self.position.parked_bytes = self.position.parked_bytes.saturating_sub(bytes);
        Ok(gone.iter().map(|(count, _)| count).sum())
    }

    /// Says which outboxes somebody empties, and since when nobody does the others: those are
    /// returned.
    pub(super) fn name_receivers(
        &mut self,
        receivers: &[&str],
        now: Timestamp,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let doing = "name the receivers of outboxes";
        let mut orphans = Vec::new();
        let rows = self.rows(doing, "SELECT id, name FROM outboxes ORDER BY name", (), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        for (row, name) in rows {
            if receivers.contains(&name.as_str()) {
                self.run(doing, "UPDATE outboxes SET orphaned = NULL WHERE id = ?1", [row])?;
                continue;
            }
            let sql = "UPDATE outboxes SET orphaned = coalesce(orphaned, ?2) WHERE id = ?1
                       RETURNING orphaned";
            let since = one(self.db, &self.tx, doing, sql, (row, now.as_nanos()))?;
            orphans.push((name, Timestamp::from_nanos(since)));
        }
        Ok(orphans)
    }

    /// Forgets the oldest entries of an outbox up to an id, and returns what they were.
    pub(super) fn drop_oldest(&mut self, outbox: &str, up_to: i64) -> Result<Pending, StoreError> {
        let queue = self.queues.get(outbox);
        let draft = self.boxes.entry(Arc::clone(queue.name()));
        let draft = draft.or_insert_with(|| Draft::untouched(queue));
        let sql = "DELETE FROM outbox WHERE box = ?1 AND id <= ?2 RETURNING count, length(body)";
        let key = (draft.queued.row, up_to);
        remove(self.db, &self.tx, &mut draft.queued.pending, sql, key)
    }

    /// What waits in an outbox, as the transaction has it.
    pub(super) fn pending(&self, outbox: &str) -> Pending {
        let draft = self.boxes.get(outbox);
        draft.map_or_else(|| self.queues.get(outbox).pending(), |draft| draft.queued.pending)
    }

    pub(super) fn run(
        &self,
        doing: &'static str,
        sql: &str,
        values: impl Params,
    ) -> Result<(), StoreError> {
        execute(self.db, &self.tx, doing, sql, values)
    }

    pub(super) fn cached(
        &self,
        doing: &'static str,
        sql: &str,
    ) -> Result<CachedStatement<'_>, StoreError> {
        self.tx.prepare_cached(sql).map_err(|source| self.db.failed(doing, source))
    }

    /// All rows of a query that is known to be short.
    pub(super) fn rows<T>(
        &self,
        doing: &'static str,
        sql: &str,
        values: impl Params,
        take: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |source| self.db.failed(doing, source);
        let mut statement = self.cached(doing, sql)?;
        let rows = statement.query_map(values, take).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}

impl Draft {
    fn untouched(queue: Arc<Queue>) -> Self {
        let queued = queue.counters();
        Self { queue, queued, put: false }
    }
}

/// The parked entries of each outbox that has any.
pub(super) fn parked(db: &Db, conn: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
    let read = || -> rusqlite::Result<BTreeMap<String, u64>> {
        let mut counted =
            conn.prepare_cached("SELECT outbox, count(*) FROM parked GROUP BY outbox")?;
        counted.query_map((), |row| Ok((row.get(0)?, size(row, 1)?)))?.collect()
    };
    read().map_err(|source| db.failed("count parked entries", source))
}

/// What the checksum of a parked body covers besides it.
pub(super) fn park_seal<'a>(entry_and_count: &'a [i64; 2], reason: &'a str) -> Seal<'a> {
    Seal { fields: entry_and_count, text: reason }
}
