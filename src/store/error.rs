//! Why the store did not do what was asked.

use rusqlite::{ErrorCode, ffi};
use std::io::{self, ErrorKind};
use std::path::Path;

/// A write into the file or the log, and the growing of the log's index, that failed.
const UNWRITTEN: [i32; 2] = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE];

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed.
    #[error("cannot {doing} in the store `{path}`")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error("cannot {doing} `{path}`")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a store of ours, or of a newer release.
    #[error("`{path}` is no store this release can use: {reason}")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another process uses it.
    #[error("the store `{path}` is used by another process")]
    Locked {
        /// The file.
        path: String,
    },
    /// What was read back is not what was written.
    #[error("the store `{path}` is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What does not fit: the table and the row.
        reason: String,
    },
    /// The journal was pruned faster than it was read.
    #[error(
        "events {from} to {to} of the store `{path}` were pruned while they were read; read from \
         the beginning again"
    )]
    Pruned {
        /// The file.
        path: String,
        /// The first event that went.
        from: u64,
        /// The last event that went.
        to: u64,
    },
    /// Nothing may be dropped ([`super::WhenFull::Block`]), and what waits to be sent fills the
    /// size. Nothing was written; the same commit may be tried again.
    #[error(
        "the store `{path}` is full: what has to be kept fills its {max_size_bytes} bytes; bring \
         the receivers back, or raise `max_size`"
    )]
    Full {
        /// The file.
        path: String,
        /// Its size.
        max_size_bytes: u64,
    },
    /// The disk has no room. Nothing was written; the same commit may be tried again.
    #[error("the disk of the store `{path}` is full: make room on it")]
    DiskFull {
        /// The file.
        path: String,
    },
    /// The disk did not take what was to be written, and not for want of free blocks: a quota, a limit
    /// on the size of files, a fault that may pass. A write that fails changes nothing that counts (a
    /// failed sync is another matter, see [`StoreError::Refused`]); the same commit may be tried again.
    #[error(
        "the disk of the store `{path}` does not take what is written: make room on it (quota, size \
         of files), or look after the disk"
    )]
    Unwritable {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An earlier failure of the disk: what is in the file after it is only known after a start.
    #[error("the store `{path}` takes nothing more until onspec is started again: {reason}")]
    Refused {
        /// The file.
        path: String,
        /// The failure.
        reason: String,
    },
}

impl StoreError {
    /// True if nothing was written and the file is as good as before, for want of room or what is as
    /// good as that: the same commit may be tried again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::DiskFull { .. } | Self::Unwritable { .. })
    }

    /// True if the store is as good as before the failure.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Full { .. } | Self::DiskFull { .. } | Self::Unwritable { .. } => true,
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            ),
            _ => false,
        }
    }

    /// The error of a write of ours beside SQLite's, to `file` of the `store`, in our words.
    pub(super) fn from_write(
        doing: &'static str,
        store: &Path,
        file: &Path,
        source: io::Error,
    ) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        match source.kind() {
            ErrorKind::StorageFull => Self::DiskFull { path: text(store) },
            ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Unwritable { path: text(store), source: source.into() }
            }
            _ => Self::File { doing, path: text(file), source },
        }
    }

    /// SQLite's error in our words.
    pub(super) fn from_sqlite(doing: &'static str, path: &str, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let is_write = |error: &ffi::Error| UNWRITTEN.contains(&error.extended_code);
        match source.sqlite_error_code() {
            _ if source.sqlite_error().is_some_and(is_write) => {
                Self::Unwritable { path, source: source.into() }
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, reason: format!("cannot {doing}: {source}") }
            }
            _ => Self::Sqlite { doing, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(extended_code: i32, full: bool, words: &str) {
        let source = rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None);
        let error = StoreError::from_sqlite("make a commit durable", "a.db", source);
        assert_eq!((error.is_full(), error.is_passing()), (full, full), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn a_write_that_fails_is_waited_out_and_a_sync_that_fails_is_not() {
        check(ffi::SQLITE_FULL, true, "the disk of the store `a.db` is full");
        check(ffi::SQLITE_IOERR_WRITE, true, "does not take what is written: make room on it");
        check(ffi::SQLITE_IOERR_SHMSIZE, true, "does not take what is written: make room on it");
        check(ffi::SQLITE_IOERR_FSYNC, false, "cannot make a commit durable");
        check(ffi::SQLITE_IOERR_READ, false, "cannot make a commit durable");
        check(ffi::SQLITE_CORRUPT, false, "is damaged");
    }

    #[test]
    fn a_write_beside_sqlite_that_finds_no_room_is_waited_out_as_well() {
        for (kind, full) in [
            (ErrorKind::StorageFull, true),
            (ErrorKind::QuotaExceeded, true),
            (ErrorKind::FileTooLarge, true),
            (ErrorKind::PermissionDenied, false),
        ] {
            let (store, file) = (Path::new("a.db"), Path::new("a.db-wal"));
            let error = StoreError::from_write("write", store, file, kind.into());
            assert_eq!(error.is_full(), full, "{error:?}");
            assert!(error.to_string().contains(if full { "`a.db`" } else { "`a.db-wal`" }));
        }
    }
}
