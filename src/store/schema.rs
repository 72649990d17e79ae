//! The tables, their versions, and how a file of an older release is brought up.
//!
//! Times are nanoseconds since 1970. Hashes, checksums and model ids are 64 bits without a sign,
//! kept in SQLite's signed integers bit by bit. Bodies are LZ4 (see `codec`).
//!
//! A change of the schema appends to [`MIGRATIONS`] and never edits an entry: every released one is
//! in somebody's file.

use super::budget::PAGE_BYTES;
use super::db::Db;
use super::error::StoreError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// Says in the file's header that it is ours: `onsp`.
const APPLICATION_ID: i32 = 0x6f6e_7370;

/// Entry `n` makes version `n + 1` of version `n`.
const MIGRATIONS: &[&str] = &[V1, V2, V3, V4, V5, V6];

const V1: &str = "
-- One row: where the journal ends, and how much there is of it and of parked entries.
CREATE TABLE position (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq      INTEGER NOT NULL,  -- number of the last event
    last_hash     INTEGER NOT NULL,  -- running hash of the effects after it
    journal_bytes INTEGER NOT NULL,  -- size of all journal entries
    covered_bytes INTEGER NOT NULL,  -- of those, what the newest checkpoint covers
    since_kept    INTEGER NOT NULL,  -- journaled since the last checkpoint that is kept
    parked_bytes  INTEGER NOT NULL   -- size of all parked entries
);
INSERT INTO position VALUES (1, 0, 0, 0, 0, 0, 0);

-- Groups of events in order, without gaps.
CREATE TABLE journal (
    first_seq INTEGER PRIMARY KEY,
    last_seq  INTEGER NOT NULL,
    hash      INTEGER NOT NULL,      -- running hash of the effects after the group
    checksum  INTEGER NOT NULL,
    body      BLOB NOT NULL
);

-- The engine's state after an event: the newest, and older ones from which a replay may start.
CREATE TABLE checkpoints (
    seq      INTEGER PRIMARY KEY,
    hash     INTEGER NOT NULL,
    kept     INTEGER NOT NULL,       -- 1: stays as long as the journal that follows it
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL
);

-- The outboxes by name, and how much waits in each.
CREATE TABLE outboxes (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    items INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    orphaned INTEGER                 -- since when nobody empties it; NULL while somebody does
);

-- What waits to be sent. Ids are never used twice.
CREATE TABLE outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    box      INTEGER NOT NULL,
    key      TEXT NOT NULL,
    count    INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL
);
CREATE INDEX outbox_in_order ON outbox (box);
CREATE INDEX outbox_by_key ON outbox (box, key) WHERE key <> '';

-- What receivers refused for good, with their words.
CREATE TABLE parked (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox   TEXT NOT NULL,
    entry    INTEGER NOT NULL,       -- id of the outbox entry it was part of
    count    INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL
);

CREATE TABLE batches (
    line    TEXT NOT NULL,
    batch   TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended   INTEGER,
    record  TEXT NOT NULL,           -- JSON
    PRIMARY KEY (line, batch)
);
CREATE INDEX batches_by_start ON batches (started);
CREATE INDEX batches_by_line_and_start ON batches (line, started);

-- The batches that have frames, in order of their first frame; batch '' is frames of no batch.
CREATE TABLE frame_runs (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    line  INTEGER NOT NULL,
    batch TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (line, batch)
);
CREATE TABLE frames (
    id       INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL,
    line     INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL
);
CREATE INDEX frames_by_run ON frames (run, first);
CREATE INDEX frames_by_time ON frames (line, first);

CREATE TABLE models (
    id       INTEGER PRIMARY KEY,
    line     TEXT NOT NULL,
    grade    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    header   TEXT NOT NULL,          -- JSON
    active   INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL           -- the artifact
);
CREATE INDEX models_by_line_and_grade ON models (line, grade);
";

const V2: &str = "
-- What batches were made of, both ways. A batch's own rows are those that its record tells of.
CREATE TABLE genealogy (
    line     TEXT NOT NULL,
    teller   TEXT NOT NULL,          -- the batch whose record tells of it
    number   INTEGER NOT NULL,
    source   TEXT NOT NULL,          -- a lot or a batch
    batch    TEXT NOT NULL,          -- what was made of it
    consumed TEXT NOT NULL,          -- JSON
    PRIMARY KEY (line, teller, number)
);
CREATE INDEX genealogy_by_source ON genealogy (source);
CREATE INDEX genealogy_by_batch ON genealogy (batch);
";

const V3: &str = "
-- The sheets of finished batches.
CREATE TABLE sheets (
    id       INTEGER PRIMARY KEY,
    line     TEXT NOT NULL,
    batch    TEXT NOT NULL,
    part     INTEGER NOT NULL,       -- 0: what was seen along it; 1: what was found of it
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL,          -- JSON
    UNIQUE (line, batch, part)
);
";

const V4: &str = "
-- Who decided what and when. Rows are only ever appended.
CREATE TABLE audit (
    id    INTEGER PRIMARY KEY,       -- from 1, without gaps
    at    INTEGER NOT NULL,
    what  TEXT NOT NULL,
    entry TEXT NOT NULL,             -- JSON
    hash  BLOB NOT NULL              -- SHA-256 over this row and the hash before it
);
CREATE TRIGGER audit_changes_nothing BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
CREATE TRIGGER audit_forgets_nothing BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
";

const V5: &str = "
-- What was refused may be sent again: under which key, and since when it is kept. Of what an older release kept neither is
-- known.
ALTER TABLE parked ADD COLUMN key TEXT;
ALTER TABLE parked ADD COLUMN at INTEGER;
CREATE INDEX parked_by_outbox ON parked (outbox, key);
";

const V6: &str = "
-- By what people look for batches. Of a record that is no JSON nothing is known.
ALTER TABLE batches ADD COLUMN grade TEXT GENERATED ALWAYS AS
    (CASE WHEN json_valid(record) THEN json_extract(record, '$.grade') END) VIRTUAL;
ALTER TABLE batches ADD COLUMN verdict TEXT GENERATED ALWAYS AS
    (CASE WHEN json_valid(record) THEN coalesce(json_extract(record, '$.verdict'), 'void') END) VIRTUAL;
ALTER TABLE batches ADD COLUMN disposition TEXT GENERATED ALWAYS AS
    (CASE WHEN json_valid(record) THEN coalesce(json_extract(record, '$.disposition'), 'none') END) VIRTUAL;
CREATE INDEX batches_by_grade ON batches (grade, started);
CREATE INDEX batches_by_verdict ON batches (verdict, started);
CREATE INDEX batches_by_disposition ON batches (disposition, started);

-- What was told, for who reads on after a break. Numbers are never used twice.
CREATE TABLE notifications (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    line     TEXT NOT NULL,          -- '' if it belongs to none
    checksum INTEGER NOT NULL,
    body     BLOB NOT NULL           -- JSON
);
-- The size of all of them.
ALTER TABLE position ADD COLUMN notification_bytes INTEGER NOT NULL DEFAULT 0;
";

/// What kind of file it is.
enum Found {
    /// Nothing is in it yet.
    Empty,
    /// Ours, of that version.
    Ours(usize),
}

/// Looks at the file, without changing it, and says why it cannot be used.
fn look(db: &Db, conn: &Connection) -> Result<Found, StoreError> {
    let unusable = |reason: String| StoreError::Unusable { path: db.name().to_owned(), reason };
    let read = || -> rusqlite::Result<(i32, i64, i64)> {
        let id = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables = conn.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
        Ok((id, version, tables))
    };
    let (id, version, tables) = read().map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => unusable("it is not an SQLite file".to_owned()),
        _ => db.failed("read the header", error),
    })?;
    let newest = MIGRATIONS.len();
    match (id, usize::try_from(version)) {
        // Also what a crash in the middle of the creation leaves.
        (0, Ok(0)) if tables == 0 => Ok(Found::Empty),
        (APPLICATION_ID, Ok(version)) if (1..=newest).contains(&version) => {
            Ok(Found::Ours(version))
        }
        (APPLICATION_ID, _) => Err(unusable(format!(
            "it has version {version}, this release knows versions 1 to {newest}; use the release \
             that wrote it, or a newer one"
        ))),
        _ => Err(unusable(
            "it is an SQLite file of another program; name another file in `[store] path`"
                .to_owned(),
        )),
    }
}

/// Creates or migrates the tables and sets how the writer's connection works.
pub(super) fn prepare(db: &Db, log_bytes: u64) -> Result<(), StoreError> {
    let mut conn = db.lock();
    let found = look(db, &conn)?;
    let failed = |source| db.failed("set up the tables", source);
    settle_pragmas(&conn, &found, log_bytes).map_err(failed)?;
    let version = match found {
        Found::Empty => 0,
        Found::Ours(version) => version,
    };
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for migration in MIGRATIONS.iter().skip(version) {
        tx.execute_batch(migration).map_err(failed)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    tx.pragma_update(None, "user_version", MIGRATIONS.len().cast_signed()).map_err(failed)?;
    tx.commit().map_err(failed)
}

/// Checks that a file opened only for reading may be used for a store, without changing it.
pub(super) fn check_ours(db: &Db) -> Result<(), StoreError> {
    look(db, &db.lock()).map(drop)
}

/// Checks that a file opened only for reading is a store of this release's version.
pub(super) fn check_readable(db: &Db) -> Result<(), StoreError> {
    let reason = match look(db, &db.lock())? {
        Found::Ours(version) if version == MIGRATIONS.len() => return Ok(()),
        Found::Ours(version) => {
            format!("it has the older version {version}; `onspec run` brings it up to date")
        }
        Found::Empty => "it is empty".to_owned(),
    };
    Err(StoreError::Unusable { path: db.name().to_owned(), reason })
}

/// Pages that the writer's connection keeps in memory, in KiB. It appends, and hardly ever reads what it
/// wrote; more would only make a new process look for minutes as if it grew.
const CACHE_KIB: i64 = 4096;

fn settle_pragmas(conn: &Connection, found: &Found, log_bytes: u64) -> rusqlite::Result<()> {
    if matches!(found, Found::Empty) {
        conn.pragma_update(None, "page_size", PAGE_BYTES.cast_signed())?;
        // Only works before the first table: free pages can be given back in small steps.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    set_log_mode(conn)?;
    // Each commit waits until its log is on the disk.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // The writer copies the log itself: SQLite's own way swallows the error of a failed sync.
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    let limit = i64::try_from(log_bytes).unwrap_or(i64::MAX);
    conn.pragma_update_and_check(None, "journal_size_limit", limit, |_| Ok(()))?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cell_size_check", true)
}

/// Switches to a write-ahead log. The statement answers with the mode first and commits at its end, so
/// it has to come to its end: a disk that fails there leaves the store without a log, where a power
/// cut may undo a commit.
fn set_log_mode(conn: &Connection) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query(())?;
    while rows.next()?.is_some() {}
    Ok(())
}
