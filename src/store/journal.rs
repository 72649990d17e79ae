//! The journal read back: where a start goes on from, and the events after a checkpoint.

use super::codec::Seal;
use super::db::Db;
use super::error::StoreError;
use super::reader::unpack;
use super::statements::size;
use rusqlite::{OptionalExtension, Row};
use std::collections::VecDeque;

/// What a start goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// The newest state, if there is one.
    pub checkpoint: Option<Checkpoint>,
    /// The number of the last event; 0 if there is none.
    pub last_seq: u64,
    /// The running hash of the effects after it.
    pub last_hash: u64,
}

/// The engine's state after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of the event.
    pub seq: u64,
    /// The running hash of the effects after it.
    pub hash: u64,
    /// The state.
    pub state: Vec<u8>,
}

/// The events of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalChunk {
    /// The number of the first event.
    pub first_seq: u64,
    /// The number of the last event.
    pub last_seq: u64,
    /// The running hash of the effects after it.
    pub hash: u64,
    /// The events, as they were committed.
    pub bytes: Vec<u8>,
}

/// Where the journal ends, and how much there is of it and of parked entries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    pub(super) last_seq: u64,
    pub(super) last_hash: u64,
    pub(super) checkpoint_seq: u64,
    pub(super) journal_bytes: u64,
    pub(super) covered_bytes: u64,
    pub(super) since_kept: u64,
    pub(super) parked_bytes: u64,
    pub(super) notification_bytes: u64,
}

impl Position {
    pub(super) fn read(db: &Db) -> Result<Self, StoreError> {
        let conn = db.lock();
        let found = conn.query_row(
            "SELECT last_seq, last_hash, journal_bytes, covered_bytes, since_kept,
                parked_bytes, coalesce((SELECT max(seq) FROM checkpoints), 0), notification_bytes
             FROM position",
            (),
            |row| {
                Ok(Self {
                    last_seq: row.get::<_, i64>(0)?.cast_unsigned(),
                    last_hash: row.get::<_, i64>(1)?.cast_unsigned(),
                    journal_bytes: size(row, 2)?,
                    covered_bytes: size(row, 3)?,
                    since_kept: size(row, 4)?,
                    parked_bytes: size(row, 5)?,
                    checkpoint_seq: row.get::<_, i64>(6)?.cast_unsigned(),
                    notification_bytes: size(row, 7)?,
                })
            },
        );
        found.map_err(|source| db.failed("read the position", source))
    }
}

/// The newest checkpoint at or before an event.
pub(super) fn checkpoint_before(db: &Db, seq: u64) -> Result<Option<Checkpoint>, StoreError> {
    let conn = db.lock();
    let failed = |source| db.failed("read a checkpoint", source);
    let mut statement = conn
        .prepare_cached(
            "SELECT seq, hash, checksum, body FROM checkpoints WHERE seq <= ?1
             ORDER BY seq DESC LIMIT 1",
        )
        .map_err(failed)?;
    let mut rows = statement.query([clamped(seq)]).map_err(failed)?;
    let Some(row) = rows.next().map_err(failed)? else {
        return Ok(None);
    };
    let (seq, hash): (i64, i64) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
    let seal = Seal { fields: &[seq, hash], text: "" };
    let state = unpack(db, "checkpoints", seq, row, 2, &seal)?;
    Ok(Some(Checkpoint { seq: seq.cast_unsigned(), hash: hash.cast_unsigned(), state }))
}

/// Entries fetched at once: enough to make the query cheap, few enough to hold.
const FETCH: i64 = 64;

/// Entries fetched at once hold no more than that, beyond the first.
const FETCH_BYTES: usize = 4 << 20;

/// The journal from an event on, in order. Every entry's checksum is compared, and none may be
/// missing up to the last one committed when the reading began, except what was pruned at the
/// beginning. After an error it ends.
#[derive(Debug)]
pub(super) struct Chunks {
    db: Db,
    fetched: VecDeque<JournalChunk>,
    /// The event that has to come next; `None` before the first.
    next: Option<u64>,
    after: u64,
    /// The last event there has to be, and the newest checkpoint.
    bounds: Option<(u64, u64)>,
    ended: bool,
}

impl Chunks {
    /// The entries that have an event after `after`.
    pub(super) fn new(db: Db, after: u64) -> Self {
        Self { db, fetched: VecDeque::new(), next: None, after, bounds: None, ended: false }
    }

    fn step(&mut self) -> Result<Option<JournalChunk>, StoreError> {
        let (last, covered) = if let Some(bounds) = self.bounds {
            bounds
        } else {
            let position = Position::read(&self.db)?;
            *self.bounds.insert((position.last_seq, position.checkpoint_seq))
        };
        let wanted = self.next.unwrap_or(self.after + 1);
        if wanted > last {
            return Ok(None);
        }
        if self.fetched.is_empty() {
            self.fetch(wanted)?;
        }
        let chunk = self.fetched.pop_front();
        let found = chunk.as_ref().map_or(last + 1, |chunk| chunk.first_seq);
        if found > wanted {
            self.missing(wanted, found - 1, covered)?;
        }
        self.next = Some(chunk.as_ref().map_or(last, |chunk| chunk.last_seq) + 1);
        Ok(chunk)
    }

    /// Only what a checkpoint covers is ever pruned, from the beginning on: that may lack before the
    /// first entry. Behind an entry it went while we read.
    fn missing(&self, from: u64, to: u64, covered: u64) -> Result<(), StoreError> {
        if self.next.is_none() && to <= covered {
            return Ok(());
        }
        if to <= Position::read(&self.db)?.checkpoint_seq {
            return Err(StoreError::Pruned { path: self.db.name().to_owned(), from, to });
        }
        let reason = format!("events {from} to {to} are missing in table `journal`");
        Err(self.db.damaged(reason))
    }

    fn fetch(&mut self, wanted: u64) -> Result<(), StoreError> {
        let conn = self.db.lock();
        let failed = |source| self.db.failed("read the journal", source);
        // The entry that holds the wanted event may begin before it.
        let sql = "SELECT first_seq, last_seq, hash, checksum, body FROM journal
             WHERE first_seq >= coalesce(
                (SELECT max(first_seq) FROM journal WHERE first_seq <= ?1), 0)
             AND last_seq >= ?1 ORDER BY first_seq LIMIT ?2";
        let mut statement = conn.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query((clamped(wanted), FETCH)).map_err(failed)?;
        let mut bytes = 0;
        while bytes < FETCH_BYTES {
            let Some(row) = rows.next().map_err(failed)? else {
                break;
            };
            let chunk = chunk(&self.db, row)?;
            bytes += chunk.bytes.len();
            self.fetched.push_back(chunk);
        }
        Ok(())
    }
}

fn chunk(db: &Db, row: &Row<'_>) -> Result<JournalChunk, StoreError> {
    let failed = |source| db.failed("read the journal", source);
    let mut fields = [0_i64; 3];
    for (column, field) in fields.iter_mut().enumerate() {
        *field = row.get(column).map_err(failed)?;
    }
    let [first, last, hash] = fields;
    let bytes = unpack(db, "journal", first, row, 3, &Seal { fields: &fields, text: "" })?;
    Ok(JournalChunk {
        first_seq: first.cast_unsigned(),
        last_seq: last.cast_unsigned(),
        hash: hash.cast_unsigned(),
        bytes,
    })
}

impl Iterator for Chunks {
    type Item = Result<JournalChunk, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step().transpose();
        self.ended = !matches!(step, Some(Ok(_)));
        step
    }
}

/// The events from which a replay may start: those of all checkpoints there are, ascending.
pub(super) fn checkpoints(db: &Db) -> Result<Vec<u64>, StoreError> {
    let conn = db.lock();
    let failed = |source| db.failed("list the checkpoints", source);
    let mut statement =
        conn.prepare_cached("SELECT seq FROM checkpoints ORDER BY seq").map_err(failed)?;
    let rows = statement.query_map((), |row| row.get::<_, i64>(0)).map_err(failed)?;
    rows.map(|seq| seq.map(i64::cast_unsigned)).collect::<Result<_, _>>().map_err(failed)
}

/// The first event that the journal still has, if it has any.
pub(super) fn first_seq(db: &Db) -> Result<Option<u64>, StoreError> {
    let conn = db.lock();
    let sql = "SELECT first_seq FROM journal ORDER BY first_seq LIMIT 1";
    let first = conn.query_row(sql, (), |row| row.get::<_, i64>(0)).optional();
    let first = first.map_err(|source| db.failed("read the journal", source))?;
    Ok(first.map(i64::cast_unsigned))
}

/// An event number for SQLite, whose integers have a sign; none is ever that large.
fn clamped(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
