//! What is wrong with a recording, and where.

use std::path::{Path, PathBuf};

/// Why a recording cannot be read, or a file of a replay not written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system said no.
    #[error("cannot {doing} `{path}`", path = path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Not CSV.
    #[error("`{path}` is no CSV that can be read", path = path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ::csv::Error,
    },
    /// Nothing in it.
    #[error("`{path}` has no header", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A column that is not there.
    #[error("`{path}` has no column `{column}`; it has {have}", path = path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Those it has.
        have: String,
    },
    /// No column of times, and no period.
    #[error(
        "`{path}` has no column that is called `time`, `timestamp`, `ts`, `date` or `datetime`: name it with \
         `--time COLUMN`, or give the time between rows with `--period`, as in `--period 3m`",
        path = path.display()
    )]
    NoTime {
        /// The file.
        path: PathBuf,
    },
    /// A cell that cannot be read.
    #[error("`{path}`, line {line}, column `{column}`: {what}", path = path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What is wrong, and what is wanted.
        what: String,
    },
    /// Two files of different columns.
    #[error("`{path}` has other columns than `{first}`", path = path.display(), first = first.display())]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The one before.
        first: PathBuf,
    },
    /// A long recording has no rows that could be frames.
    #[error("`{path}` has one value a line, so its lines are no frames: `--period` cannot be used", path = path.display())]
    LongFrames {
        /// The file.
        path: PathBuf,
    },
}

impl RecordError {
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }
}
