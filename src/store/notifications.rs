//! The log of notifications: what people and systems were told, in order and numbered, for who reads on after a break.
//!
//! Numbers grow and are never used twice. The newest [`KEPT`] stay, fewer where they would take more than their share of the
//! store.

use super::codec::{Packed, Seal, bytes_on_disk};
use super::error::StoreError;
use super::reader::{Reader, unpack};
use super::statements::size;
use super::work::Work;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Notifications that are kept; the oldest go.
pub(super) const KEPT: i64 = 10_000;

/// Rows that go in one step.
const STEP_ROWS: i64 = 256;

/// A notification to append.
#[derive(Debug, Clone, Copy)]
pub struct NotificationRow<'a> {
    /// Its type, e.g. `batch.at_risk`.
    pub kind: &'a str,
    /// Its line; empty if it belongs to none.
    pub line: &'a str,
    /// All of it, as JSON.
    pub body: &'a [u8],
}

/// A notification as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNotification {
    /// Its number, from 1.
    pub id: u64,
    /// Its type.
    pub kind: String,
    /// All of it, as JSON.
    pub body: Vec<u8>,
}

/// Which notifications are wanted; empty parts leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationFilter {
    /// Their types.
    pub kinds: Vec<String>,
    /// Their line.
    pub line: Option<String>,
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationPiece {
    /// The first number that is kept; one more than `last` if none is.
    pub first: u64,
    /// The last number that was given; 0 before the first.
    pub last: u64,
    /// All up to this number is in this piece or before it, or was not wanted.
    pub through: u64,
    /// What was wanted, in order.
    pub notifications: Vec<StoredNotification>,
}

/// What the checksum of a notification covers besides its body: as in [`SEALED`](super::sealed::SEALED).
pub(super) fn text(kind: &str, line: &str) -> String {
    format!("{kind}\n{line}")
}

/// The last number that was given; 0 before the first.
pub(super) fn last(conn: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'notifications'";
    conn.prepare_cached(sql)?.query_row((), |row| size(row, 0))
}

/// Appends, and forgets the oldest beyond their number; the last number.
pub(super) fn append(
    work: &mut Work<'_>,
    rows: &[NotificationRow<'_>],
    bodies: &[Packed],
) -> Result<Option<u64>, StoreError> {
    let doing = "log a notification";
    let mut last = None;
    for (row, packed) in rows.iter().zip(bodies) {
        let sql = "INSERT INTO notifications (kind, line, checksum, body) VALUES (?1, ?2, ?3, ?4)
                   RETURNING id";
        let values = (row.kind, row.line, packed.checksum, &packed.body);
        let ids = work.rows(doing, sql, values, |row| row.get::<_, i64>(0))?;
        last = ids.first().copied();
        work.position.notification_bytes += bytes_on_disk(packed.body.len());
    }
    if let Some(last) = last {
        forget(work, last - KEPT)?;
    }
    Ok(last.map(i64::cast_unsigned))
}

/// Forgets the oldest until about `excess` bytes are free; false if there are none.
pub(super) fn prune(work: &mut Work<'_>, excess: u64) -> Result<bool, StoreError> {
    let rows = work.rows(
        "forget the oldest notifications",
        "SELECT id, length(body) FROM notifications ORDER BY id LIMIT ?1",
        [STEP_ROWS],
        |row| Ok((row.get::<_, i64>(0)?, usize::try_from(size(row, 1)?).unwrap_or(usize::MAX))),
    )?;
    let (mut bytes, mut up_to) = (0, None);
    for (id, len) in rows {
        if bytes >= excess {
            break;
        }
        bytes += bytes_on_disk(len);
        up_to = Some(id);
    }
    let Some(up_to) = up_to else { return Ok(false) };
    forget(work, up_to)?;
    Ok(true)
}

fn forget(work: &mut Work<'_>, up_to: i64) -> Result<(), StoreError> {
    let gone = work.rows(
        "forget the oldest notifications",
        "DELETE FROM notifications WHERE id <= ?1 RETURNING length(body)",
        [up_to],
        |row| Ok(bytes_on_disk(usize::try_from(size(row, 0)?).unwrap_or(usize::MAX))),
    )?;
    let bytes = &mut work.position.notification_bytes;
    *bytes = bytes.saturating_sub(gone.iter().sum());
    Ok(())
}

impl Reader {
    /// The notifications behind a number, in order, at most `limit` that are wanted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notifications(
        &self,
        after: u64,
        wanted: &NotificationFilter,
        limit: usize,
    ) -> Result<NotificationPiece, StoreError> {
        let failed = |source| self.db.failed("read notifications", source);
        let conn = self.db.lock();
        // One look at all of it: what is appended or forgotten meanwhile is not half in it.
        let tx = conn.unchecked_transaction().map_err(failed)?;
        let last = last(&tx).map_err(failed)?;
        let first: Option<i64> = tx
            .prepare_cached("SELECT min(id) FROM notifications")
            .and_then(|mut first| first.query_row((), |row| row.get(0)))
            .map_err(failed)?;
        let (sql, values) = query(after, wanted, limit);
        let mut select = tx.prepare_cached(&sql).map_err(failed)?;
        let mut rows = select.query(params_from_iter(values)).map_err(failed)?;
        let (mut notifications, mut read, mut newest) = (Vec::new(), 0, last);
        while let Some(row) = rows.next().map_err(failed)? {
            let id = self.get::<i64>(row, 0)?;
            let (kind, line): (String, String) = (self.get(row, 1)?, self.get(row, 2)?);
            let seal = Seal { fields: &[], text: &text(&kind, &line) };
            (read, newest) = (read + 1, id.cast_unsigned());
            let body = match unpack(&self.db, "notifications", id, row, 3, &seal) {
                Ok(body) => body,
                // One that is damaged must not keep a reader from all behind it; `store check` names it as well.
                Err(error) => {
                    tracing::error!(id, %error, "a notification of the log is left out");
                    continue;
                }
            };
            notifications.push(StoredNotification { id: id.cast_unsigned(), kind, body });
        }
        let through = if read >= limit { newest } else { last };
        let first = first.map_or(last + 1, i64::cast_unsigned);
        Ok(NotificationPiece { first, last, through, notifications })
    }
}

fn query(after: u64, wanted: &NotificationFilter, limit: usize) -> (String, Vec<Value>) {
    let mut sql =
        "SELECT id, kind, line, checksum, body FROM notifications WHERE id > ?".to_owned();
    let mut values = vec![Value::from(i64::try_from(after).unwrap_or(i64::MAX))];
    if let Some(line) = &wanted.line {
        sql.push_str(" AND line = ?");
        values.push(line.clone().into());
    }
    if !wanted.kinds.is_empty() {
        sql.push_str(" AND kind IN (");
        sql.push_str(&vec!["?"; wanted.kinds.len()].join(", "));
        sql.push(')');
        values.extend(wanted.kinds.iter().cloned().map(Value::from));
    }
    sql.push_str(" ORDER BY id LIMIT ?");
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    (sql, values)
}
