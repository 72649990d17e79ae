//! What pages, API and fits read.

use super::codec::Seal;
use super::commit::{SheetPart, frame_fields, sheet_text};
use super::db::Db;
use super::error::StoreError;
use super::journal::{self, Checkpoint, Chunks, JournalChunk, Position};
use super::outbox::Pending;
use super::statements::size;
use super::work::park_seal;
use super::{codec, schema, work};
use crate::reading::Timestamp;
use rusqlite::types::FromSql;
use rusqlite::{Params, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// A block of frames, as committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRows {
    /// The first frame.
    pub first: Timestamp,
    /// The last frame.
    pub last: Timestamp,
    /// The number of frames.
    pub count: u32,
    /// The number of values in a frame.
    pub width: u32,
    /// The values.
    pub bytes: Vec<u8>,
}

/// A batch as it is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// The line.
    pub line: String,
    /// Its id.
    pub batch: String,
    /// Its start.
    pub started: Timestamp,
    /// Its end, once it ended.
    pub ended: Option<Timestamp>,
    /// All that is known, as JSON.
    pub record: String,
}

/// A batch and a source of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEdge {
    /// The line.
    pub line: String,
    /// What was made.
    pub batch: String,
    /// Of what, as JSON.
    pub consumed: String,
}

/// A model of the registry, without its artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModel {
    /// Its id.
    pub id: u64,
    /// The line.
    pub line: String,
    /// The grade.
    pub grade: String,
    /// The kind, e.g. `pca`.
    pub kind: String,
    /// Its version among those of the line and grade.
    pub version: u32,
    /// When it was fitted, in event time.
    pub at: Timestamp,
    /// What it is, as JSON.
    pub header: String,
    /// True if it judges now.
    pub active: bool,
}

/// Ids of models that were fitted by hand begin here, so that they never meet a request's.
pub const FIRST_BY_HAND: u64 = 1 << 40;

impl StoredModel {
    /// True if no request of the engine asked for it.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        self.id >= FIRST_BY_HAND
    }
}

/// What a receiver refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Its own id.
    pub id: i64,
    /// The outbox.
    pub outbox: String,
    /// The id of the entry it was, or was part of.
    pub entry: i64,
    /// That entry's key; `None` of what an older release parked.
    pub key: Option<String>,
    /// When it was parked, by the machine's clock; `None` of what an older release parked.
    pub at: Option<Timestamp>,
    /// Lines or events in it.
    pub count: u32,
    /// The receiver's words.
    pub reason: String,
    /// What it refused.
    pub body: Vec<u8>,
}

/// A read-only handle. Clones share one connection and wait for one another: who reads long (a
/// fit) takes a reader of their own. Calls block on the disk.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) db: Db,
}

impl Reader {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Opens a store that another process may be writing; changes nothing in it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let db = Db::read_only(path)?;
        schema::check_readable(&db)?;
        Ok(Self { db })
    }

    /// The frames of a batch, in order.
    pub fn frames(&self, line: u16, batch: &str) -> Result<Vec<FrameRows>, StoreError> {
        self.frame_rows(
            "SELECT id, line, first, last, count, width, checksum, body FROM frames
             WHERE run = (SELECT id FROM frame_runs WHERE line = ?1 AND batch = ?2)
             ORDER BY first, id",
            (line, batch),
        )
    }

    /// The blocks of frames of a line that have a part between two instants, both included.
    pub fn frames_between(
        &self,
        line: u16,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FrameRows>, StoreError> {
        self.frame_rows(
            "SELECT id, line, first, last, count, width, checksum, body FROM frames
             WHERE line = ?1 AND first <= ?3 AND last >= ?2 ORDER BY first, id",
            (line, from.as_nanos(), to.as_nanos()),
        )
    }

    fn frame_rows(&self, sql: &str, values: impl Params) -> Result<Vec<FrameRows>, StoreError> {
        self.rows("read frames", sql, values, |row| {
            let line: u16 = self.get(row, 1)?;
            let (first, last) = (self.time(row, 2)?, self.time(row, 3)?);
            let (count, width) = (self.get(row, 4)?, self.get(row, 5)?);
            let seal = Seal { fields: &frame_fields(line, first, last, count, width), text: "" };
            let bytes = unpack(&self.db, "frames", self.get(row, 0)?, row, 6, &seal)?;
            Ok(FrameRows { first, last, count, width, bytes })
        })
    }

    /// The newest batches by start, of one line or of all.
    pub fn batches(
        &self,
        line: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredBatch>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match line {
            Some(line) => self.batch_rows(
                "SELECT line, batch, started, ended, record FROM batches WHERE line = ?1
                 ORDER BY started DESC, batch DESC LIMIT ?2",
                (line, limit),
            ),
            None => self.batch_rows(
                "SELECT line, batch, started, ended, record FROM batches
                 ORDER BY started DESC, line, batch DESC LIMIT ?1",
                [limit],
            ),
        }
    }

    /// How many batches of one line or of all there are.
    pub fn batch_count(&self, line: Option<&str>) -> Result<usize, StoreError> {
        let sql = "SELECT COUNT(*) FROM batches WHERE ?1 IS NULL OR line = ?1";
        let counts = self.rows("count batches", sql, [line], |row| self.get::<i64>(row, 0))?;
        Ok(counts.first().and_then(|count| usize::try_from(*count).ok()).unwrap_or(0))
    }

    /// One batch.
    pub fn batch(&self, line: &str, batch: &str) -> Result<Option<StoredBatch>, StoreError> {
        let rows = self.batch_rows(
            "SELECT line, batch, started, ended, record FROM batches
             WHERE line = ?1 AND batch = ?2",
            (line, batch),
        )?;
        Ok(rows.into_iter().next())
    }

    /// The batches of this id, of all lines.
    pub fn batches_called(&self, batch: &str) -> Result<Vec<StoredBatch>, StoreError> {
        self.batch_rows(
            "SELECT line, batch, started, ended, record FROM batches WHERE batch = ?1
             ORDER BY started DESC, line",
            [batch],
        )
    }

    /// A part of a batch's sheet, as JSON, if there is one.
    pub fn sheet(
        &self,
        line: &str,
        batch: &str,
        part: SheetPart,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT id, checksum, body FROM sheets
                   WHERE line = ?1 AND batch = ?2 AND part = ?3";
        let part = part as i64;
        let rows = self.rows("read a sheet", sql, (line, batch, part), |row| {
            let seal = Seal { fields: &[part], text: &sheet_text(line, batch) };
            unpack(&self.db, "sheets", self.get(row, 0)?, row, 1, &seal)
        })?;
        Ok(rows.into_iter().next())
    }

    /// What was made of a lot or batch (`products`), or what a batch was made of; at most `limit`.
    pub fn edges(
        &self,
        name: &str,
        products: bool,
        limit: usize,
    ) -> Result<Vec<StoredEdge>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = if products {
            "SELECT line, batch, consumed FROM genealogy WHERE source = ?1
             ORDER BY line, teller, number LIMIT ?2"
        } else {
            "SELECT line, batch, consumed FROM genealogy WHERE batch = ?1
             ORDER BY line, teller, number LIMIT ?2"
        };
        self.rows("read genealogy", sql, (name, limit), |row| {
            let (line, batch) = (self.get(row, 0)?, self.get(row, 1)?);
            Ok(StoredEdge { line, batch, consumed: self.get(row, 2)? })
        })
    }

    pub(super) fn batch_rows(
        &self,
        sql: &str,
        values: impl Params,
    ) -> Result<Vec<StoredBatch>, StoreError> {
        self.rows("read batches", sql, values, |row| {
            Ok(StoredBatch {
                line: self.get(row, 0)?,
                batch: self.get(row, 1)?,
                started: self.time(row, 2)?,
                ended: self.get::<Option<i64>>(row, 3)?.map(Timestamp::from_nanos),
                record: self.get(row, 4)?,
            })
        })
    }

    /// The models of the registry, by id; `None` takes every line or grade.
    pub fn models(
        &self,
        line: Option<&str>,
        grade: Option<&str>,
    ) -> Result<Vec<StoredModel>, StoreError> {
        self.model_rows(
            "SELECT id, line, grade, kind, version, at, header, active FROM models
             WHERE (?1 IS NULL OR line = ?1) AND (?2 IS NULL OR grade = ?2) ORDER BY id",
            (line, grade),
        )
    }

    /// The models that judge now, by line and grade.
    pub fn active_models(&self) -> Result<Vec<StoredModel>, StoreError> {
        self.model_rows(
            "SELECT id, line, grade, kind, version, at, header, active FROM models
             WHERE active <> 0 ORDER BY line, grade, id",
            (),
        )
    }

    fn model_rows(&self, sql: &str, values: impl Params) -> Result<Vec<StoredModel>, StoreError> {
        self.rows("read the models", sql, values, |row| {
            Ok(StoredModel {
                id: self.get::<i64>(row, 0)?.cast_unsigned(),
                line: self.get(row, 1)?,
                grade: self.get(row, 2)?,
                kind: self.get(row, 3)?,
                version: self.get(row, 4)?,
                at: self.time(row, 5)?,
                header: self.get(row, 6)?,
                active: self.get(row, 7)?,
            })
        })
    }

    /// The artifact of a model, if there is one with that id.
    pub fn model_artifact(&self, id: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let id = id.cast_signed();
        let sql = "SELECT header, checksum, body FROM models WHERE id = ?1";
        let rows = self.rows("read a model", sql, [id], |row| {
            let header: String = self.get(row, 0)?;
            unpack(&self.db, "models", id, row, 1, &Seal { fields: &[id], text: &header })
        })?;
        Ok(rows.into_iter().next())
    }

    /// The newest parked entries, newest first.
    pub fn parked(&self, limit: usize) -> Result<Vec<Parked>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT id, outbox, entry, count, reason, checksum, body, key, at FROM parked
                   ORDER BY id DESC LIMIT ?1";
        self.parked_rows(sql, [limit])
    }

    /// The newest parked entries of an outbox, newest first, at most `limit`; only those with ids below `before`, if
    /// that is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn parked_of(
        &self,
        outbox: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT id, outbox, entry, count, reason, checksum, body, key, at FROM parked
                   WHERE outbox = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        self.parked_rows(sql, (outbox, before.unwrap_or(i64::MAX), limit))
    }

    /// One parked entry, by its own id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn parked_entry(&self, id: i64) -> Result<Option<Parked>, StoreError> {
        let sql = "SELECT id, outbox, entry, count, reason, checksum, body, key, at FROM parked
                   WHERE id = ?1";
        Ok(self.parked_rows(sql, [id])?.into_iter().next())
    }

    /// The parked entries of an outbox, oldest first: their ids, and their keys as far as these are known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn parked_keys(&self, outbox: &str) -> Result<Vec<(i64, Option<String>)>, StoreError> {
        let sql = "SELECT id, key FROM parked WHERE outbox = ?1 ORDER BY id";
        self.rows("read parked entries", sql, [outbox], |row| {
            Ok((self.get(row, 0)?, self.get(row, 1)?))
        })
    }

    /// How many entries are parked of each outbox that has any, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn parked_counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        work::parked(&self.db, &self.db.lock())
    }

    fn parked_rows(&self, sql: &str, values: impl Params) -> Result<Vec<Parked>, StoreError> {
        self.rows("read parked entries", sql, values, |row| {
            let (id, entry) = (self.get(row, 0)?, self.get(row, 2)?);
            let count: u32 = self.get(row, 3)?;
            let reason: String = self.get(row, 4)?;
            let fields = [entry, count.into()];
            let body = unpack(&self.db, "parked", id, row, 5, &park_seal(&fields, &reason))?;
            let (outbox, key) = (self.get(row, 1)?, self.get(row, 7)?);
            let at = self.get::<Option<i64>>(row, 8)?.map(Timestamp::from_nanos);
            Ok(Parked { id, outbox, entry, key, at, count, reason, body })
        })
    }

    /// How much waits in each outbox that ever had an entry, by name, as of the last commit.
    pub fn pending(&self) -> Result<Vec<(String, Pending)>, StoreError> {
        let sql = "SELECT name, items, count, bytes FROM outboxes ORDER BY name";
        self.rows("count what waits", sql, (), |row| {
            let size = |column| {
                size(row, column).map_err(|source| self.db.failed("count what waits", source))
            };
            let pending = Pending { items: size(1)?, count: size(2)?, bytes: size(3)? };
            Ok((self.get(row, 0)?, pending))
        })
    }

    /// The journal's entries that have an event after `seq`, in order, as far as they were
    /// committed when the first is asked for. What was pruned at the beginning is left out in
    /// silence: [`Reader::journal_start`] says from where on it is there.
    pub fn journal_after(
        &self,
        seq: u64,
    ) -> impl Iterator<Item = Result<JournalChunk, StoreError>> + use<> {
        Chunks::new(self.db.clone(), seq)
    }

    /// The number of the first event that the journal still has, if it has any.
    pub fn journal_start(&self) -> Result<Option<u64>, StoreError> {
        journal::first_seq(&self.db)
    }

    /// The number of the last event that was committed; 0 if there is none.
    pub fn journal_end(&self) -> Result<u64, StoreError> {
        Ok(Position::read(&self.db)?.last_seq)
    }

    /// The events after which there is a checkpoint, ascending: where a replay of the journal may
    /// start. They are kept as long as the journal that follows them.
    pub fn checkpoints(&self) -> Result<Vec<u64>, StoreError> {
        journal::checkpoints(&self.db)
    }

    /// The newest checkpoint at or before an event.
    pub fn checkpoint_before(&self, seq: u64) -> Result<Option<Checkpoint>, StoreError> {
        journal::checkpoint_before(&self.db, seq)
    }

    /// The rows of a query.
    pub(super) fn rows<T>(
        &self,
        doing: &'static str,
        sql: &str,
        values: impl Params,
        mut take: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |source| self.db.failed(doing, source);
        let conn = self.db.lock();
        let mut statement = conn.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(values).map_err(failed)?;
        let mut taken = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            taken.push(take(row)?);
        }
        Ok(taken)
    }

    pub(super) fn get<T: FromSql>(&self, row: &Row<'_>, column: usize) -> Result<T, StoreError> {
        row.get(column).map_err(|source| self.db.failed("read a row", source))
    }

    fn time(&self, row: &Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
        self.get(row, column).map(Timestamp::from_nanos)
    }
}

/// The body of a row: its checksum in `column`, the packed bytes in the one after it.
pub(super) fn unpack(
    db: &Db,
    table: &'static str,
    id: i64,
    row: &Row<'_>,
    column: usize,
    seal: &Seal<'_>,
) -> Result<Vec<u8>, StoreError> {
    let failed = |source| db.failed("read a body", source);
    let checksum: i64 = row.get(column).map_err(failed)?;
    let body = row.get_ref(column + 1).map_err(failed)?;
    let body = body.as_blob().map_err(|error| db.damaged_row(table, id, &error.to_string()))?;
    codec::unpack(seal, checksum, body).map_err(|what| db.damaged_row(table, id, &what))
}
