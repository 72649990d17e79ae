//! What is wrong with a recording, and where.

use super::cell::Place;
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
    /// A record that cannot be whole: a quote that is not closed, a line without an end.
    #[error("`{path}`, {what}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        what: String,
    },
    /// Not text in UTF-8.
    #[error("`{path}`, line {line} is no UTF-8 text: save the file as UTF-8", path = path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A line with more or fewer cells than the header.
    #[error("`{path}`, line {line} has {have} cells, and the header has {want}{hint}", path = path.display())]
    Cells {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Its cells.
        have: usize,
        /// Those of the header.
        want: usize,
        /// Where a quote runs on over the end of a line, if one does.
        hint: String,
    },
    /// Out of order, and too long to be brought into it here.
    #[error(
        "`{path}` is not in order of time, and its {records} records are too many to be sorted in memory: sort          the file by its times, the oldest first",
        path = path.display()
    )]
    Unsorted {
        /// The file.
        path: PathBuf,
        /// Its records.
        records: u64,
    },
    /// A file that cannot be used as it is.
    #[error("`{path}` {what}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        what: String,
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
    #[error("`{path}`, {place}, column `{column}`: {what}", path = path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line or row.
        place: Place,
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

    pub(super) fn unusable(path: &Path, what: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), what: what.into() }
    }

    /// What the reader of CSV says.
    pub(super) fn csv(path: &Path) -> impl Fn(::csv::Error) -> Self + '_ {
        |source| {
            let path = path.to_owned();
            match source.kind() {
                ::csv::ErrorKind::Utf8 { pos, .. } => {
                    Self::NotUtf8 { path, line: pos.as_ref().map_or(1, ::csv::Position::line) }
                }
                ::csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    Self::Broken { path, what: error.to_string() }
                }
                _ => Self::Csv { path, source },
            }
        }
    }
}

/// Characters of a cell or a name that are shown.
const SHOWN: usize = 60;

/// A cell or a name as people see it: its first characters, on one line.
pub(super) fn excerpt(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Names as people see them, not more than some.
pub(super) fn names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const NAMES: usize = 20;
    let more = names.len().saturating_sub(NAMES);
    let mut shown: Vec<String> =
        names.take(NAMES).map(|name| format!("`{}`", excerpt(name))).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}
