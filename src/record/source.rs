//! A file of a recording: what it is written in, and its rows.

use super::cell::{Cell, Place};
use super::error::RecordError;
use super::{csv, parquet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The rows of a table, one after the other.
pub(super) trait Rows {
    /// Goes on to the next row.
    fn advance(&mut self) -> Option<Result<Place, RecordError>>;

    /// A cell of the row, by its column in the header; one of those that were wanted.
    fn cell(&self, column: usize) -> Cell<'_>;

    /// How much of the file was read: a part of a whole.
    fn read(&self) -> (u64, u64);
}

/// A file whose header is known.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) header: Vec<String>,
    format: Format,
}

#[derive(Debug, Clone)]
enum Format {
    Csv(csv::Layout),
    Parquet(parquet::Schema),
}

/// The first bytes of a file, by which its kind is known.
pub(super) fn first_bytes(path: &Path) -> Result<Vec<u8>, RecordError> {
    let mut begin = Vec::new();
    File::open(path)
        .map_err(RecordError::file("open", path))?
        .take(parquet::MAGIC.len() as u64)
        .read_to_end(&mut begin)
        .map_err(RecordError::file("read", path))?;
    Ok(begin)
}

impl Source {
    /// Looks at the begin of a file: what it is, its content says and not its name.
    pub(super) fn open(path: &Path) -> Result<Self, RecordError> {
        let begin = first_bytes(path)?;
        let (format, header) = if parquet::is_like(&begin) {
            let (schema, header) = parquet::header(path)?;
            (Format::Parquet(schema), header)
        } else if path.extension().is_some_and(|name| name.eq_ignore_ascii_case("parquet")) {
            return Err(RecordError::unusable(
                path,
                "is called Parquet and is none: give CSV another name",
            ));
        } else {
            let (layout, header) = csv::header(path)?;
            (Format::Csv(layout), header)
        };
        Ok(Self { path: path.to_owned(), header, format })
    }

    /// Fails if a column cannot be read, whatever stands in it.
    pub(super) fn check(&self, wanted: &[usize]) -> Result<(), RecordError> {
        match &self.format {
            Format::Csv(_) => Ok(()),
            Format::Parquet(schema) => wanted
                .iter()
                .try_for_each(|column| schema.check(&self.path, &self.header[*column], *column)),
        }
    }

    /// The rows, of which these columns are wanted.
    pub(super) fn rows(&self, wanted: &[usize]) -> Result<Box<dyn Rows + '_>, RecordError> {
        match &self.format {
            Format::Csv(layout) => csv::rows(&self.path, *layout),
            Format::Parquet(schema) => parquet::rows(&self.path, &self.header, schema, wanted),
        }
    }
}
