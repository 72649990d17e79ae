//! Small steps of statements: run one, take its one value, count what it removed.

use super::db::Db;
use super::error::StoreError;
use super::outbox::Pending;
use rusqlite::{Connection, Params, Row};

/// Runs a statement that answers with nothing.
pub(super) fn execute(
    db: &Db,
    conn: &Connection,
    doing: &'static str,
    sql: &str,
    values: impl Params,
) -> Result<(), StoreError> {
    let done = conn.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
    done.map(|_| ()).map_err(|source| db.failed(doing, source))
}

/// The first value of the one row that a statement answers with.
pub(super) fn one(
    db: &Db,
    conn: &Connection,
    doing: &'static str,
    sql: &str,
    values: impl Params,
) -> Result<i64, StoreError> {
    let answer = conn.prepare_cached(sql).and_then(|mut statement| {
        // A statement that writes has written all before it answers with its first row.
        statement.query_row(values, |row| row.get(0))
    });
    answer.map_err(|source| db.failed(doing, source))
}

/// Runs a `DELETE … RETURNING count, length(body)` and takes what went from the counters.
pub(super) fn remove(
    db: &Db,
    conn: &Connection,
    pending: &mut Pending,
    sql: &str,
    values: impl Params,
) -> Result<Pending, StoreError> {
    let failed = |source| db.failed("remove from an outbox", source);
    let mut statement = conn.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    let mut gone = Pending::default();
    while let Some(row) = rows.next().map_err(failed)? {
        gone.items += 1;
        gone.count += u64::from(row.get::<_, u32>(0).map_err(failed)?);
        gone.bytes += size(row, 1).map_err(failed)?;
    }
    pending.items = pending.items.saturating_sub(gone.items);
    pending.count = pending.count.saturating_sub(gone.count);
    pending.bytes = pending.bytes.saturating_sub(gone.bytes);
    Ok(gone)
}

/// A size for SQLite, whose integers have a sign.
pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A size from SQLite.
pub(super) fn size(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|size| u64::try_from(size).unwrap_or(0))
}
