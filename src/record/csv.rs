//! CSV, plain or gzipped: its separator, its header and its lines.

use super::cell::{Cell, Place};
use super::error::RecordError;
use super::guard::{Guard, RECORD_MAX};
use super::source::Rows;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How a file of CSV is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    delimiter: u8,
    /// Cells of the header.
    width: usize,
}

impl Layout {
    /// True where a comma parts no cells, and may stand within a number.
    pub(super) fn has_decimal_comma(self) -> bool {
        self.delimiter != b','
    }
}

/// The layout and the columns of a file.
pub(super) fn header(path: &Path) -> Result<(Layout, Vec<String>), RecordError> {
    let mut line = Vec::new();
    let first = BufReader::new(open(path)?).take(RECORD_MAX as u64).read_until(b'\n', &mut line);
    first.map_err(RecordError::file("read", path))?;
    if line.starts_with(super::parquet::MAGIC) {
        return Err(RecordError::unusable(path, "is a Parquet file within gzip: unpack it first"));
    }
    let text = std::str::from_utf8(&line)
        .map_err(|_| RecordError::NotUtf8 { path: path.to_owned(), line: 1 })?;
    if text.trim().is_empty() {
        return Err(RecordError::Empty { path: path.to_owned() });
    }
    let count = |delimiter: &u8| text.bytes().filter(|byte| byte == delimiter).count();
    let delimiter =
        *[b',', b';', b'\t'].iter().max_by_key(|d| (count(d), **d == b',')).expect("three");
    let mut reader = reader(path, delimiter)?;
    let headers = reader.headers().map_err(RecordError::csv(path))?;
    let columns: Vec<String> = headers
        .iter()
        .map(|column| column.trim().trim_start_matches('\u{feff}').to_owned())
        .collect();
    Ok((Layout { delimiter, width: columns.len() }, columns))
}

/// The lines of a file below its header.
pub(super) fn rows(path: &Path, layout: Layout) -> Result<Box<dyn Rows + '_>, RecordError> {
    let file = File::open(path).map_err(RecordError::file("open", path))?;
    let bytes = file.metadata().map_err(RecordError::file("read", path))?.len();
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted { file, read: Arc::clone(&read) };
    let reader = reader_of(unpacked(path, counted)?, layout.delimiter);
    let (width, line) = (layout.width, ::csv::StringRecord::new());
    Ok(Box::new(Lines { path, reader, width, line, read, bytes }))
}

struct Lines<'a> {
    path: &'a Path,
    reader: ::csv::Reader<Guard<Box<dyn Read>>>,
    width: usize,
    /// The line that was read last.
    line: ::csv::StringRecord,
    /// Bytes of the file that were read, and those it has.
    read: Arc<AtomicU64>,
    bytes: u64,
}

/// A file whose bytes are counted as they are read, packed or not.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

impl Rows for Lines<'_> {
    fn advance(&mut self) -> Option<Result<Place, RecordError>> {
        match self.reader.read_record(&mut self.line) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => {
                let byte = error.position().map(::csv::Position::byte);
                let error = match (RecordError::csv(self.path)(error), byte) {
                    (RecordError::NotUtf8 { path, .. }, Some(byte)) => {
                        RecordError::NotUtf8 { path, line: self.reader.get_mut().line_from(byte) }
                    }
                    (error, _) => error,
                };
                return Some(Err(error));
            }
        }
        let byte = self.line.position().map_or(0, ::csv::Position::byte);
        let line = self.reader.get_mut().line_from(byte);
        if self.line.len() == self.width {
            return Some(Ok(Place::Line(line)));
        }
        Some(Err(RecordError::Cells {
            path: self.path.to_owned(),
            line,
            have: self.line.len(),
            want: self.width,
            hint: open_quote(line, &self.line),
        }))
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        Cell::Text(self.line.get(column).unwrap_or_default().trim())
    }

    fn read(&self) -> (u64, u64) {
        (self.read.load(Relaxed), self.bytes)
    }
}

/// Where a quote runs on over the end of its line, in words.
fn open_quote(line: u64, cells: &::csv::StringRecord) -> String {
    let breaks = |cell: &str| cell.bytes().filter(|byte| *byte == b'\n').count() as u64;
    let mut line = line;
    for cell in cells {
        if breaks(cell) > 0 {
            return format!(": the quote that opens in line {line} is not closed there");
        }
        line += breaks(cell);
    }
    String::new()
}

/// The bytes of a file, unpacked if it is gzipped.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, RecordError> {
    unpacked(path, File::open(path).map_err(RecordError::file("open", path))?)
}

fn unpacked(path: &Path, file: impl Read + 'static) -> Result<Box<dyn Read>, RecordError> {
    let mut file = BufReader::new(file);
    let magic = file.fill_buf().map_err(RecordError::file("read", path))?;
    if magic.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(MultiGzDecoder::new(file)))
    } else {
        Ok(Box::new(file))
    }
}

fn reader(path: &Path, delimiter: u8) -> Result<::csv::Reader<Guard<Box<dyn Read>>>, RecordError> {
    Ok(reader_of(open(path)?, delimiter))
}

fn reader_of(bytes: Box<dyn Read>, delimiter: u8) -> ::csv::Reader<Guard<Box<dyn Read>>> {
    let guarded = Guard::new(bytes, delimiter);
    // Lines of another number of cells are found by us, who can say more about them.
    ::csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(guarded)
}
