//! A connection and the name it has in errors.
//!
//! With a file, every handle has a connection of its own: readers never wait for the writer. In
//! memory all handles share the writer's, since SQLite's shared caches lock whole tables.

use super::error::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long to wait for another connection; ours never hold a lock that long.
const BUSY: Duration = Duration::from_secs(5);

/// Statements kept ready; the room has fewer.
const STATEMENTS: usize = 64;

/// A connection, shared by the clones of its handle.
#[derive(Debug, Clone)]
pub(super) struct Db {
    conn: Arc<Mutex<Connection>>,
    /// The file; `None` in memory.
    file: Option<Arc<Path>>,
    name: Arc<str>,
}

impl Db {
    /// A connection that may write, and creates the file.
    pub(super) fn writer(path: Option<&Path>) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if let Some(path) = path {
            return Self::open(path, flags);
        }
        let name: Arc<str> = "in memory".into();
        let conn = Connection::open_in_memory().and_then(configured);
        let conn = conn.map_err(|e| StoreError::from_sqlite("open it", &name, e))?;
        Ok(Self { conn: Arc::new(Mutex::new(conn)), file: None, name })
    }

    /// A connection that only reads a file that exists.
    pub(super) fn read_only(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    /// Another connection to the same store that only reads.
    pub(super) fn another(&self) -> Result<Self, StoreError> {
        match &self.file {
            Some(path) => Self::read_only(path),
            None => Ok(self.clone()),
        }
    }

    fn open(path: &Path, flags: OpenFlags) -> Result<Self, StoreError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let conn = Connection::open_with_flags(path, flags).and_then(configured);
        let conn = conn.map_err(|e| StoreError::from_sqlite("open the file", &name, e))?;
        Ok(Self { conn: Arc::new(Mutex::new(conn)), file: Some(path.into()), name })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic with the lock held has rolled its transaction back on the way out.
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The write-ahead log beside the file.
    pub(super) fn log_file(&self) -> Option<PathBuf> {
        self.file().map(|path| beside(path, "-wal"))
    }

    pub(super) fn failed(&self, doing: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(doing, &self.name, source)
    }

    pub(super) fn damaged(&self, reason: String) -> StoreError {
        StoreError::Damaged { path: self.name.to_string(), reason }
    }

    /// The error for a row that does not hold what was written.
    pub(super) fn damaged_row(&self, table: &str, row: i64, what: &str) -> StoreError {
        self.damaged(format!("row {row} of table `{table}`: {what}"))
    }
}

fn configured(conn: Connection) -> rusqlite::Result<Connection> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // A file from elsewhere runs nothing of its own.
    conn.pragma_update(None, "trusted_schema", false)?;
    Ok(conn)
}

/// The file beside `path` whose name has `suffix` added.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
