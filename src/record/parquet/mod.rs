//! Parquet, a row group after the other: its columns, their types, and its rows.

mod column;
mod kind;
mod pages;

use self::column::{Column, ReadError};
use self::kind::Kind;
use self::pages::Chunks;
use super::cell::{Cell, Place};
use super::error::{RecordError, excerpt};
use super::source::Rows;
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// What a file begins and ends with.
pub(super) const MAGIC: &[u8] = b"PAR1";
/// What an encrypted one does.
const ENCRYPTED: &[u8] = b"PARE";

/// Cells that are decoded at a time.
const BATCH_CELLS: usize = 1 << 16;

/// True if a file that begins so is Parquet, or was to be.
pub(super) fn is_like(begin: &[u8]) -> bool {
    begin == MAGIC || begin == ENCRYPTED
}

/// The columns of a file, by their positions in its header.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    metadata: Arc<ParquetMetaData>,
    columns: Vec<Field>,
}

/// A column that stands at the root.
#[derive(Debug, Clone)]
struct Field {
    /// Its position among the columns of values.
    leaf: usize,
    /// What its values are, or why they cannot be read.
    kind: Result<Kind, &'static str>,
}

impl Schema {
    /// Fails if a column cannot be read.
    pub(super) fn check(&self, path: &Path, name: &str, column: usize) -> Result<(), RecordError> {
        let field = &self.columns[column];
        let name = excerpt(name);
        let unusable = |what: &str| {
            RecordError::unusable(
                path,
                format!("has the column `{name}`, {what}, or leave it out with `--ignore {name}`"),
            )
        };
        field.kind.as_ref().map_err(|what| unusable(what))?;
        for group in self.metadata.row_groups() {
            let codec = group.columns().get(field.leaf).map(ColumnChunkMetaData::compression);
            let by = match codec {
                Some(Compression::BROTLI(_)) => "Brotli",
                Some(Compression::LZO) => "LZO",
                _ => continue,
            };
            let what =
                format!("which is compressed by {by}: write it with zstd, snappy, gzip or lz4");
            return Err(unusable(&what));
        }
        Ok(())
    }
}

/// The types and names of the columns.
pub(super) fn header(path: &Path) -> Result<(Schema, Vec<String>), RecordError> {
    let file = Chunks::open(path)?;
    let end = file.end().map_err(RecordError::file("read", path))?;
    if end == ENCRYPTED {
        return Err(RecordError::unusable(
            path,
            "is an encrypted Parquet file: write it without encryption",
        ));
    }
    if end != MAGIC {
        return Err(RecordError::unusable(
            path,
            "begins as a Parquet file and does not end as one: it was cut off; copy it whole",
        ));
    }
    let metadata = guarded(|| ParquetMetaDataReader::new().parse_and_finish(file.plain()))
        .map_err(|why| {
            RecordError::unusable(
                path,
                format!("has no footer that can be read ({why}): write it anew"),
            )
        })?;
    let schema = metadata.file_metadata().schema_descr();
    let fields = schema.root_schema().get_fields();
    if fields.is_empty() {
        return Err(RecordError::Empty { path: path.to_owned() });
    }
    let mut columns: Vec<Option<Field>> = vec![None; fields.len()];
    for leaf in 0..schema.num_columns() {
        let (root, column) = (schema.get_column_root_idx(leaf), schema.column(leaf));
        let kind = if fields[root].is_group() || column.max_rep_level() > 0 {
            Err("which is nested: write its values as columns of their own")
        } else {
            Ok(Kind::of(&column))
        };
        columns[root].get_or_insert(Field { leaf, kind });
    }
    let nothing = || Field { leaf: 0, kind: Err("which has no values: write it without") };
    let columns = columns.into_iter().map(|column| column.unwrap_or_else(nothing)).collect();
    let names = fields.iter().map(|field| field.name().trim().to_owned()).collect();
    Ok((Schema { metadata: Arc::new(metadata), columns }, names))
}

/// The rows of a file, with these columns.
pub(super) fn rows<'a>(
    path: &'a Path,
    header: &'a [String],
    schema: &'a Schema,
    wanted: &[usize],
) -> Result<Box<dyn Rows + 'a>, RecordError> {
    let mut slots = vec![None; header.len()];
    for (slot, column) in wanted.iter().enumerate() {
        slots[*column] = Some(slot);
    }
    Ok(Box::new(Table {
        path,
        header,
        schema,
        file: Arc::new(Chunks::open(path)?),
        batch: (BATCH_CELLS / wanted.len().max(1)).clamp(16, 1024),
        wanted: wanted.to_vec(),
        slots,
        groups: 0,
        columns: Vec::new(),
        left: 0,
        read: 0,
        rows: 0,
        next: 0,
        done: false,
    }))
}

struct Table<'a> {
    path: &'a Path,
    header: &'a [String],
    schema: &'a Schema,
    file: Arc<Chunks>,
    /// Rows that are decoded at a time.
    batch: usize,
    wanted: Vec<usize>,
    /// For each column of the header its position among those that are wanted.
    slots: Vec<Option<usize>>,
    /// Row groups that were begun.
    groups: usize,
    /// The wanted columns of the row group.
    columns: Vec<Column>,
    /// Rows of the row group that are not decoded yet.
    left: u64,
    /// Rows of the file that are decoded.
    read: u64,
    /// Rows in the batch, and the one after the current.
    rows: usize,
    next: usize,
    /// True after the last row, or an error.
    done: bool,
}

impl Rows for Table<'_> {
    fn advance(&mut self) -> Option<Result<Place, RecordError>> {
        if self.done {
            return None;
        }
        while self.next == self.rows {
            let filled = if self.left == 0 { self.begin_group() } else { self.fill() };
            match filled {
                Ok(true) => {}
                Ok(false) => {
                    self.done = true;
                    return None;
                }
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        self.next += 1;
        Some(Ok(self.place(self.next)))
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        let slot = self.slots.get(column).copied().flatten();
        slot.map_or(Cell::Empty, |slot| self.columns[slot].cell(self.next - 1))
    }

    fn read(&self) -> (u64, u64) {
        let rows = self.schema.metadata.file_metadata().num_rows();
        (self.read - self.rows as u64 + self.next as u64, u64::try_from(rows).unwrap_or(0))
    }
}

impl Table<'_> {
    /// The place of a row of the batch, from 1.
    fn place(&self, row: usize) -> Place {
        Place::Row(self.read - self.rows as u64 + row as u64, self.groups)
    }

    /// Begins the next row group; false if there is none.
    fn begin_group(&mut self) -> Result<bool, RecordError> {
        let metadata = &self.schema.metadata;
        let Some(group) = metadata.row_groups().get(self.groups) else { return Ok(false) };
        self.groups += 1;
        (self.rows, self.next) = (0, 0);
        self.left = u64::try_from(group.num_rows()).unwrap_or(0);
        self.columns.clear();
        for column in &self.wanted {
            let Field { leaf, kind } = &self.schema.columns[*column];
            let opened = guarded(|| {
                let kind = kind.map_err(|what| ParquetError::General(what.to_owned()))?;
                Column::open(&self.file, group, *leaf, kind)
            });
            match opened {
                Ok(opened) => self.columns.push(opened),
                Err(why) => return Err(self.damaged(*column, 1, &why)),
            }
        }
        Ok(true)
    }

    /// Decodes the next rows of the row group.
    fn fill(&mut self) -> Result<bool, RecordError> {
        let rows = usize::try_from(self.left).map_or(self.batch, |left| left.min(self.batch));
        (self.rows, self.next) = (0, 0);
        for slot in 0..self.columns.len() {
            let column = self.wanted[slot];
            match guarded(|| Ok(self.columns[slot].read(rows))) {
                Ok(Ok(())) => {}
                Ok(Err(ReadError::Parquet(error))) => {
                    return Err(self.damaged(column, 1, &words(&error)));
                }
                Ok(Err(ReadError::Ended(row))) => {
                    return Err(self.damaged(column, row + 1, "it ends before the others"));
                }
                Ok(Err(ReadError::NotText(row))) => {
                    return Err(self.cell_error(
                        column,
                        row + 1,
                        "its bytes are no UTF-8 text: write text, or leave it out with `--ignore`"
                            .into(),
                    ));
                }
                Err(why) => return Err(self.damaged(column, 1, &why)),
            }
        }
        (self.rows, self.read) = (rows, self.read + rows as u64);
        self.left -= rows as u64;
        Ok(true)
    }

    /// A column that cannot be decoded from a row of the next batch on.
    fn damaged(&self, column: usize, row: usize, why: &str) -> RecordError {
        let what = format!(
            "it cannot be decoded from there on ({why}): the file is damaged or encrypted, write it anew"
        );
        self.cell_error(column, row, what)
    }

    fn cell_error(&self, column: usize, row: usize, what: String) -> RecordError {
        RecordError::Cell {
            path: self.path.to_owned(),
            place: self.place(row),
            column: excerpt(&self.header[column]),
            what,
        }
    }
}

/// Runs the decoder.
///
/// It checks much of what it reads, and not all: lengths of texts whose sum is beyond any number, to name
/// one, are a panic. A damaged file may do no more than be called damaged, so a panic is an error here. What
/// was being decoded is not looked at again.
fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err("its parts contradict each other".to_owned()),
    }
}

/// An error of the decoder, without the name of its kind.
fn words(error: &ParquetError) -> String {
    let text = match error {
        ParquetError::General(text) | ParquetError::NYI(text) | ParquetError::EOF(text) => {
            text.clone()
        }
        other => other.to_string(),
    };
    excerpt(&text)
}

#[cfg(test)]
mod tests;
