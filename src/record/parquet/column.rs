//! The values of one column of a row group, some at a time.

use super::super::cell::Cell;
use super::kind::{Kind, Slot};
use super::pages::{Chunks, Pages};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::RowGroupMetaData;
use std::sync::Arc;

/// Why the next values are not to be had; places are rows of the batch, from 0.
pub(super) enum ReadError {
    Parquet(ParquetError),
    /// There are no more of them.
    Ended(usize),
    /// The bytes of a text are none.
    NotText(usize),
}

impl From<ParquetError> for ReadError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

pub(super) struct Column {
    reader: ColumnReader,
    kind: Kind,
    /// True if it may have nulls.
    optional: bool,
    /// The values of the batch.
    slots: Vec<Slot>,
}

impl Column {
    pub(super) fn open(
        file: &Arc<Chunks>,
        group: &RowGroupMetaData,
        leaf: usize,
        kind: Kind,
    ) -> Result<Self, ParquetError> {
        let chunk = group.column(leaf);
        let places = [chunk.data_page_offset(), chunk.compressed_size()];
        let dictionary = chunk.dictionary_page_offset().unwrap_or(0);
        if dictionary < 0 || places.iter().any(|place| *place < 0) {
            return Err(ParquetError::General("it begins before the file".to_owned()));
        }
        let optional = chunk.column_descr().max_def_level() > 0;
        let pages = Pages::open(file, chunk, optional)?;
        let reader = get_column_reader(chunk.column_descr_ptr(), Box::new(pages));
        Ok(Self { reader, kind, optional, slots: Vec::new() })
    }

    /// A value of the batch.
    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        self.slots.get(row).map_or(Cell::Empty, Slot::cell)
    }

    /// Decodes the next values.
    pub(super) fn read(&mut self, rows: usize) -> Result<(), ReadError> {
        self.slots.clear();
        let (kind, optional, out) = (self.kind, self.optional, &mut self.slots);
        match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => {
                take(reader, rows, optional, out, |yes| Some(Slot::Truth(*yes)))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                take(reader, rows, optional, out, |value| Some(kind.of_i32(*value)))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                take(reader, rows, optional, out, |value| Some(kind.of_i64(*value)))
            }
            ColumnReader::Int96ColumnReader(reader) => {
                take(reader, rows, optional, out, |value| Some(Kind::of_i96(value)))
            }
            ColumnReader::FloatColumnReader(reader) => {
                take(reader, rows, optional, out, |value| Some(Slot::Number(f64::from(*value))))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                take(reader, rows, optional, out, |value| Some(Slot::Number(*value)))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                take(reader, rows, optional, out, |value: &ByteArray| kind.of_bytes(value))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                take(reader, rows, optional, out, |value| Some(kind.of_fixed(value.data())))
            }
        }
    }
}

/// Reads values and puts nulls between them; one that `slot` does not take is no text.
fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    optional: bool,
    out: &mut Vec<Slot>,
    slot: impl Fn(&T::T) -> Option<Slot>,
) -> Result<(), ReadError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (read, ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    let mut values = values.iter();
    for row in 0..read {
        if optional && levels.get(row) == Some(&0) {
            out.push(Slot::Empty);
            continue;
        }
        let value = values.next().ok_or(ReadError::Ended(row))?;
        out.push(slot(value).ok_or(ReadError::NotText(row))?);
    }
    if read < rows { Err(ReadError::Ended(read)) } else { Ok(()) }
}
