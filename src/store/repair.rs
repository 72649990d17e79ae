//! `onspec store repair`: what can still be read of a damaged file goes into a new one.
//!
//! A row goes over when it can be read and fits its checksum. What belongs together is then made to
//! fit again: the newest state that is whole, the journal that follows it up to the first hole, the
//! counters of the outboxes. The damaged file stays beside the new one under another name.

use super::budget::Budget;
use super::codec::{Seal, bytes_on_disk, unpack};
use super::db::{Db, beside};
use super::error::StoreError;
use super::sealed::{SEALED, Sealed};
use super::writer::lock_out;
use super::{Settings, WhenFull, schema};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The tables without checksums, the ones that others refer to first.
const PLAIN: &[&str] = &["outboxes", "batches", "genealogy", "frame_runs", "audit"];

/// What a repair found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Each table, with the rows that were kept and those that could be read but are damaged.
    pub tables: Vec<(String, u64, u64)>,
    /// Tables of which some rows could not be read at all; how many, nobody knows.
    pub torn: Vec<String>,
    /// The last event whose effect the state still has, and the last one there was as far as is
    /// known. Between them the state has forgotten; what they put into outboxes is kept.
    pub events: (u64, u64),
    /// Where the damaged file is now.
    pub damaged: PathBuf,
}

/// Makes a new store of what can be read of a damaged one that no process uses.
///
/// # Errors
/// When it is in use, is no store of this release's version, or the new file cannot be written. The
/// damaged file is not touched then.
pub fn repair(path: &Path) -> Result<Repaired, StoreError> {
    let _lock = lock_out(path)?;
    let source = Db::read_only(path)?;
    schema::check_readable(&source)?;
    let new = beside(path, ".repairing");
    for file in [new.clone(), beside(&new, "-wal"), beside(&new, "-shm")] {
        remove_if_there(&file)?;
    }
    let mut repaired = {
        let target = Db::writer(Some(&new))?;
        let settings = Settings {
            path: Some(new.clone()),
            max_size_bytes: u64::MAX / 2,
            when_full: WhenFull::Block,
        };
        schema::prepare(&target, Budget::new(&settings).log)?;
        let repaired = Salvage { source: &source, target: &target }.run()?;
        // Everything into the file itself, which is what gets the name.
        let conn = target.lock();
        conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
            .map_err(|error| target.failed("finish the new file", error))?;
        repaired
    };
    drop(source);
    repaired.damaged = put_in_place(path, &new)?;
    Ok(repaired)
}

/// Gives the damaged file another name, and its name to the new one.
fn put_in_place(path: &Path, new: &Path) -> Result<PathBuf, StoreError> {
    let aside = (1..10_000)
        .map(|n| beside(path, &format!(".damaged-{n}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| beside(path, ".damaged"));
    let rename = |from: &Path, to: &Path| {
        fs::rename(from, to).map_err(|source| StoreError::File {
            doing: "give another name to",
            path: from.to_string_lossy().into_owned(),
            source,
        })
    };
    // The log first: a file that gets its own log back under the old name would read it.
    let log = beside(path, "-wal");
    if log.exists() {
        rename(&log, &beside(&aside, "-wal"))?;
    }
    remove_if_there(&beside(path, "-shm"))?;
    rename(path, &aside)?;
    rename(new, path)?;
    Ok(aside)
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(StoreError::File {
            doing: "remove",
            path: path.to_string_lossy().into_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

struct Salvage<'a> {
    source: &'a Db,
    target: &'a Db,
}

impl Salvage<'_> {
    fn run(&self) -> Result<Repaired, StoreError> {
        let (mut tables, mut torn) = (Vec::new(), Vec::new());
        self.execute("BEGIN IMMEDIATE")?;
        let sealed = SEALED.iter().map(|sealed| (sealed.table, Some(sealed)));
        for (table, sealed) in PLAIN.iter().map(|table| (*table, None)).chain(sealed) {
            let (kept, damaged, whole) = self.copy(table, sealed)?;
            tables.push((table.to_owned(), kept, damaged));
            if !whole {
                torn.push(table.to_owned());
            }
        }
        self.keep_ids()?;
        let events = self.mend_journal()?;
        // Frames of a batch that nobody knows any more, and counters.
        self.execute(
            "DELETE FROM frames WHERE run NOT IN (SELECT id FROM frame_runs);
             DELETE FROM outbox WHERE box NOT IN (SELECT id FROM outboxes);
             UPDATE outboxes SET
                items = (SELECT count(*) FROM outbox WHERE box = outboxes.id),
                count = (SELECT coalesce(sum(count), 0) FROM outbox WHERE box = outboxes.id),
                bytes = (SELECT coalesce(sum(length(body)), 0) FROM outbox WHERE box = outboxes.id);
             UPDATE position SET notification_bytes =
                (SELECT coalesce(sum(length(body) + 64), 0) FROM notifications);
             COMMIT",
        )?;
        Ok(Repaired { tables, torn, events, damaged: PathBuf::new() })
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        let failed = |source| self.target.failed("write the new file", source);
        self.target.lock().execute_batch(sql).map_err(failed)
    }

    /// Copies a table: rows kept, rows that do not fit their checksum, and whether all could be read.
    fn copy(&self, table: &str, sealed: Option<&Sealed>) -> Result<(u64, u64, bool), StoreError> {
        let (source, target) = (self.source.lock(), self.target.lock());
        let failed = |error| self.target.failed("write the new file", error);
        let columns = columns(&target, table).map_err(failed)?;
        let marks = vec!["?"; columns.len()].join(", ");
        let names = columns.join(", ");
        let insert = format!("INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})");
        let mut insert = target.prepare(&insert).map_err(failed)?;
        let (mut kept, mut damaged, mut whole) = (0, 0, true);
        let mut done = BTreeSet::new();
        // From both ends: behind a page that cannot be read there is more.
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT rowid, {names} FROM {table} ORDER BY rowid {order}");
            let Ok(mut select) = source.prepare(&sql) else {
                whole = false;
                break;
            };
            let Ok(mut rows) = select.query(()) else {
                whole = false;
                break;
            };
            loop {
                let row = match rows.next() {
                    Ok(Some(row)) => row,
                    Ok(None) => return Ok((kept, damaged, whole)),
                    Err(_) => break,
                };
                let Ok(values) = values(row, columns.len()) else { break };
                let Ok(id) = row.get::<_, i64>(0) else { break };
                if !done.insert(id) {
                    // The other end is reached.
                    return Ok((kept, damaged, whole));
                }
                if sealed.is_none_or(|sealed| fits(sealed, &columns, &values)) {
                    insert.execute(params_from_iter(values)).map_err(failed)?;
                    kept += 1;
                } else {
                    damaged += 1;
                }
            }
            whole = false;
        }
        Ok((kept, damaged, whole))
    }

    /// Ids are never used twice, also those of entries that are gone.
    fn keep_ids(&self) -> Result<(), StoreError> {
        let source = self.source.lock();
        let mut sequences: Vec<(String, i64)> = Vec::new();
        if let Ok(mut select) = source.prepare("SELECT name, seq FROM sqlite_sequence")
            && let Ok(rows) = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        {
            sequences.extend(rows.flatten());
        }
        let failed = |error| self.target.failed("write the new file", error);
        let target = self.target.lock();
        for (name, seq) in sequences {
            target
                .execute("DELETE FROM sqlite_sequence WHERE name = ?1 AND seq < ?2", (&name, seq))
                .map_err(failed)?;
            target
                .execute(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2
                     WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
                    (&name, seq),
                )
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Keeps the newest state and the journal around it without a hole, and writes where it ends.
    fn mend_journal(&self) -> Result<(u64, u64), StoreError> {
        let failed = |error| self.target.failed("mend the journal", error);
        let known = self
            .source
            .lock()
            .query_row("SELECT last_seq FROM position", (), |row| row.get::<_, i64>(0))
            .unwrap_or(0);
        let target = self.target.lock();
        let chunks: BTreeMap<i64, Chunk> = {
            let sql = "SELECT first_seq, last_seq, hash, length(body) FROM journal";
            let mut select = target.prepare(sql).map_err(failed)?;
            let rows = select.query_map((), |row| {
                let len = usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
                let chunk =
                    Chunk { last: row.get(1)?, hash: row.get(2)?, bytes: bytes_on_disk(len) };
                Ok((row.get(0)?, chunk))
            });
            rows.and_then(Iterator::collect).map_err(failed)?
        };
        let states: BTreeMap<i64, i64> = {
            let mut select = target.prepare("SELECT seq, hash FROM checkpoints").map_err(failed)?;
            let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
            rows.and_then(Iterator::collect).map_err(failed)?
        };
        let Kept { first, last, hash } = kept(&chunks, &states);
        let state = states.range(..=last).next_back().map_or(0, |(seq, _)| *seq);
        let total = |until: i64| {
            let inside = chunks.range(first..).filter(|(_, chunk)| chunk.last <= until);
            i64::try_from(inside.map(|(_, chunk)| chunk.bytes).sum::<u64>()).unwrap_or(0)
        };
        let steps: [(&str, [i64; 2]); 2] = [
            ("DELETE FROM journal WHERE first_seq < ?1 OR last_seq > ?2", [first, last]),
            ("DELETE FROM checkpoints WHERE seq < ?1 - 1 OR seq > ?2", [first, last]),
        ];
        for (sql, values) in steps {
            target.execute(sql, values).map_err(failed)?;
        }
        target
            .execute(
                "UPDATE position SET last_seq = ?1, last_hash = ?2, journal_bytes = ?3,
                    covered_bytes = ?4, since_kept = 0",
                [last, hash, total(last), total(state)],
            )
            .map_err(failed)?;
        let newest = chunks.values().map(|chunk| chunk.last).max().unwrap_or(0);
        Ok((last.cast_unsigned(), known.max(newest).max(last).cast_unsigned()))
    }
}

/// An entry of the journal.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    last: i64,
    hash: i64,
    bytes: u64,
}

/// What stays of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    first: i64,
    last: i64,
    hash: i64,
}

/// The journal without a hole around the newest state; from the beginning on where no state is left,
/// if it is there, else nothing.
fn kept(chunks: &BTreeMap<i64, Chunk>, states: &BTreeMap<i64, i64>) -> Kept {
    let (state, hash) = states.last_key_value().map_or((0, 0), |(seq, hash)| (*seq, *hash));
    let mut kept = Kept { first: state + 1, last: state, hash };
    // A state stands at the end of an entry, or before the first.
    while let Some(chunk) = chunks.get(&(kept.last + 1)) {
        (kept.last, kept.hash) = (chunk.last, chunk.hash);
    }
    for (first, chunk) in chunks.range(..=state).rev() {
        if chunk.last + 1 != kept.first {
            break;
        }
        kept.first = *first;
    }
    kept
}

fn columns(conn: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut select = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let rows = select.query_map([table], |row| row.get(0))?;
    rows.collect()
}

/// The columns behind the row's id.
fn values(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Value>> {
    (1..=count).map(|column| row.get(column)).collect()
}

/// True if a row is what was written.
fn fits(sealed: &Sealed, columns: &[String], values: &[Value]) -> bool {
    let column = |name: &str| {
        let ix = columns.iter().position(|column| column == name)?;
        values.get(ix)
    };
    let number = |name: &str| match column(name) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    };
    // The text may be of several columns.
    let texts = sealed.text.split(" || char(10) || ").map(|name| match column(name) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    });
    let text = texts.collect::<Vec<_>>().join("\n");
    let fields: Option<Vec<i64>> = sealed.fields.iter().map(|name| number(name)).collect();
    let (Some(fields), Some(checksum), Some(Value::Blob(body))) =
        (fields, number("checksum"), column("body"))
    else {
        return false;
    };
    unpack(&Seal { fields: &fields, text: &text }, checksum, body).is_ok()
}
