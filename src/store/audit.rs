//! The audit log: who decided what and when. Rows are only ever appended, and each has a hash over itself and the hash
//! before it, so that a row that was changed, taken out or put in is found ([`Reader::verify_audit`]). Whoever can write the file can
//! write the whole chain anew: who wants to know of that keeps the last hash elsewhere.

use super::db::Db;
use super::error::StoreError;
use super::reader::Reader;
use crate::reading::{Timestamp, hex};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// The hash before the first row.
const BEGIN: [u8; 32] = [0; 32];

/// Rows looked at in one read, so that the writer's log can be copied in between.
const ROWS: i64 = 1024;

/// A row to append.
#[derive(Debug, Clone, Copy)]
pub struct AuditRow<'a> {
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub what: &'a str,
    /// All else, as JSON.
    pub entry: &'a str,
}

/// A row as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, from 1.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub what: String,
    /// All else, as JSON.
    pub entry: String,
    /// Its hash, 64 hex digits.
    pub hash: String,
}

/// What the chain of hashes says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChain {
    /// Rows.
    pub entries: u64,
    /// The hash of the last one, 64 hex digits; zeros where there is none.
    pub hash: String,
    /// The first row that does not follow from the one before it: its number, and what is wrong.
    pub broken: Option<(u64, String)>,
}

/// The hash of a row: SHA-256 over the one before it, its number and its time (8 bytes, big-endian), and its texts, each behind its
/// length in bytes (8 bytes, big-endian).
fn hash(before: &[u8], id: i64, row: &AuditRow<'_>) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(before);
    sha.update(id.to_be_bytes());
    sha.update(row.at.as_nanos().to_be_bytes());
    for text in [row.what, row.entry] {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text.as_bytes());
    }
    sha.finalize().into()
}

/// Appends rows.
pub(super) fn append(db: &Db, conn: &Connection, rows: &[AuditRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let write = || -> rusqlite::Result<()> {
        let last = conn
            .prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?
            .query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?
            .next()
            .transpose()?;
        let (mut id, mut before) = last.unwrap_or_else(|| (0, BEGIN.to_vec()));
        let mut insert = conn.prepare_cached(
            "INSERT INTO audit (id, at, what, entry, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in rows {
            id += 1;
            before = hash(&before, id, row).to_vec();
            insert.execute((id, row.at.as_nanos(), row.what, row.entry, &before))?;
        }
        Ok(())
    };
    write().map_err(|source| db.failed("append to the audit log", source))
}

/// A row with the bytes of its hash.
struct Raw {
    id: i64,
    at: Timestamp,
    what: String,
    entry: String,
    hash: Vec<u8>,
}

impl Reader {
    /// The newest entries, newest first, at most `limit`; only those before number `before`, if that is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let before = before.and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql =
            "SELECT id, at, what, entry, hash FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
        let rows = self.audit_rows(sql, [before, limit])?;
        Ok(rows
            .into_iter()
            .map(|Raw { id, at, what, entry, hash }| AuditEntry {
                id: id.cast_unsigned(),
                at,
                what,
                entry,
                hash: hex(&hash),
            })
            .collect())
    }

    /// Looks whether each row follows from the one before it. Reads the whole log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verify_audit(&self) -> Result<AuditChain, StoreError> {
        let sql = "SELECT id, at, what, entry, hash FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2";
        let (mut id, mut before) = (0_i64, BEGIN.to_vec());
        loop {
            let rows = self.audit_rows(sql, [id, ROWS])?;
            if rows.is_empty() {
                let (entries, hash) = (id.cast_unsigned(), hex(&before));
                return Ok(AuditChain { entries, hash, broken: None });
            }
            for row in rows {
                let expected = id + 1;
                let told = AuditRow { at: row.at, what: &row.what, entry: &row.entry };
                let wrong = if row.id != expected {
                    Some((expected, format!("it is not there: number {} comes next", row.id)))
                } else if hash(&before, row.id, &told)[..] != row.hash {
                    Some((expected, "its hash does not follow from it and the one before".into()))
                } else {
                    None
                };
                if let Some((at, what)) = wrong {
                    return Ok(AuditChain {
                        entries: id.cast_unsigned(),
                        hash: hex(&before),
                        broken: Some((at.cast_unsigned(), what)),
                    });
                }
                (id, before) = (row.id, row.hash);
            }
        }
    }

    fn audit_rows(&self, sql: &str, values: [i64; 2]) -> Result<Vec<Raw>, StoreError> {
        self.rows("read the audit log", sql, values, |row| {
            Ok(Raw {
                id: self.get(row, 0)?,
                at: Timestamp::from_nanos(self.get(row, 1)?),
                what: self.get(row, 2)?,
                entry: self.get(row, 3)?,
                hash: self.get(row, 4)?,
            })
        })
    }
}
