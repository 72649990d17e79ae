//! The pages of a column, none of which takes more memory than it can need.
//!
//! The decoder makes room for as many bytes, dictionary entries and lengths of texts as a page says it
//! has, before it looks whether they are there. So what a page says is held against what it is first: a
//! damaged byte would else take all memory there is.

use super::super::error::RecordError;
use ::parquet::basic::Encoding;
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::reader::{ChunkReader, Length};
use ::parquet::file::serialized_reader::SerializedPageReader;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a page at most, unpacked. Writers end one after some mebibytes.
const PAGE_MAX: u64 = 256 << 20;

/// A file, read from any place.
#[derive(Debug)]
pub(super) struct Chunks {
    file: Arc<File>,
    length: u64,
}

impl Chunks {
    pub(super) fn open(path: &Path) -> std::result::Result<Self, RecordError> {
        let file = File::open(path).map_err(RecordError::file("open", path))?;
        let length = file.metadata().map_err(RecordError::file("read", path))?.len();
        Ok(Self { file: Arc::new(file), length })
    }

    /// The file itself, where no page is read.
    pub(super) fn plain(&self) -> &File {
        &self.file
    }

    /// The last four bytes.
    pub(super) fn end(&self) -> io::Result<[u8; 4]> {
        let mut end = [0; 4];
        match self.length.checked_sub(4) {
            // The begin is no end: there have to be both, and a length between them.
            Some(at) if at >= 8 => self.file.read_exact_at(&mut end, at).map(|()| end),
            _ => Ok(end),
        }
    }
}

/// Bytes of a file from a place on.
#[derive(Debug)]
pub(super) struct Tail {
    file: Arc<File>,
    at: u64,
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Tail>;

    /// Asked for where a page begins.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut begin = [0; 16];
        let read = self.file.read_at(&mut begin, start)?;
        match unpacked(&begin[..read]) {
            Some(bytes) if bytes <= PAGE_MAX => {}
            Some(bytes) => {
                let what = format!("a page of {bytes} bytes, {PAGE_MAX} are allowed");
                return Err(ParquetError::General(what));
            }
            None => return Err(ParquetError::General("no page begins there".to_owned())),
        }
        Ok(BufReader::with_capacity(1024, Tail { file: Arc::clone(&self.file), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let rest = self.length.saturating_sub(start);
        if length as u64 > rest {
            let what = format!("{length} bytes are wanted where {rest} are left");
            return Err(ParquetError::EOF(what));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// How many bytes a page has, unpacked, by the begin of its header: a type and a size, both required and
/// always written first (Thrift's compact protocol, fields 1 and 2, `i32` in zigzag).
fn unpacked(header: &[u8]) -> Option<u64> {
    let mut rest = header;
    let field = |rest: &mut &[u8]| -> Option<u64> {
        *rest = rest.strip_prefix(&[0x15])?;
        varint(rest)
    };
    field(&mut rest)?;
    let size = field(&mut rest)?;
    // Negative ones are odd.
    (size & 1 == 0).then_some(size >> 1)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The pages of a flat column.
pub(super) struct Pages {
    pages: SerializedPageReader<Chunks>,
    /// True if the column may have nulls.
    optional: bool,
}

impl Pages {
    pub(super) fn open(
        file: &Arc<Chunks>,
        chunk: &ColumnChunkMetaData,
        optional: bool,
    ) -> Result<Self> {
        // Rows are counted by who knows where pages stand, which nobody needs here.
        let pages = SerializedPageReader::new(Arc::clone(file), chunk, 0, None)?;
        Ok(Self { pages, optional })
    }
}

/// Fails if a page counts more than it can have.
fn check(page: &Page, optional: bool) -> Result<()> {
    let fits = match page {
        // An entry takes a byte at least.
        Page::DictionaryPage { buf, num_values, .. } => *num_values as usize <= buf.len(),
        Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
            let levels = match def_level_encoding {
                _ if !optional => Some(0),
                Encoding::RLE => buf
                    .first_chunk()
                    .and_then(|length| (u32::from_le_bytes(*length) as usize).checked_add(4)),
                // One bit a value.
                _ => Some((*num_values as usize).div_ceil(8)),
            };
            levels
                .and_then(|at| buf.get(at..))
                .is_some_and(|values| counts(values, *encoding, *num_values))
        }
        Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => {
            let levels = def_levels_byte_len.checked_add(*rep_levels_byte_len);
            levels
                .and_then(|at| buf.get(at as usize..))
                .is_some_and(|values| counts(values, *encoding, *num_values))
        }
    };
    if fits {
        return Ok(());
    }
    Err(ParquetError::General("a page counts more values than it has".to_owned()))
}

/// True if the counts within the values of a page are no more than the page has.
fn counts(values: &[u8], encoding: Encoding, most: u32) -> bool {
    let most = u64::from(most);
    match encoding {
        // A page of nulls alone.
        _ if values.is_empty() => true,
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            deltas(values, most).is_some()
        }
        Encoding::DELTA_BYTE_ARRAY => deltas(values, most)
            .and_then(|prefixes| values.get(prefixes..))
            .is_some_and(|suffixes| deltas(suffixes, most).is_some()),
        _ => true,
    }
}

/// The length of differences in packs of bits, bytes, if they count no more than `most` values.
fn deltas(bytes: &[u8], most: u64) -> Option<usize> {
    let mut rest = bytes;
    let (block, packs) = (varint(&mut rest)?, varint(&mut rest)?);
    let count = varint(&mut rest).filter(|count| *count <= most)?;
    varint(&mut rest)?;
    let of_pack =
        block.checked_div(packs).filter(|values| (1..=most.max(1 << 20)).contains(values))?;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(&mut rest)?;
        let (widths, after) = rest.split_at_checked(usize::try_from(packs).ok()?)?;
        rest = after;
        for width in widths {
            if left > 0 {
                let length = of_pack * u64::from(*width) / 8;
                rest = rest.get(usize::try_from(length).ok()?..)?;
                left = left.saturating_sub(of_pack);
            }
        }
    }
    Some(bytes.len() - rest.len())
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            check(page, self.optional)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_says_how_large_a_page_is() {
        assert_eq!(unpacked(&[0x15, 0x04, 0x15, 0xe4, 0x07, 0x15, 0x10]), Some(498));
        assert_eq!(unpacked(&[0x15, 0x00, 0x15, 0x03]), None, "a negative size");
        assert_eq!(unpacked(&[0x15, 0x00, 0x25, 0x04]), None, "another field");
        assert_eq!(unpacked(&[0x15, 0x00, 0x15]), None);
        assert_eq!(unpacked(&[]), None);
    }

    #[test]
    fn pages_that_count_more_than_they_have_do_not_pass() {
        let dictionary = |num_values| {
            let (buf, encoding) = (Bytes::from_static(&[1; 8]), Encoding::PLAIN);
            Page::DictionaryPage { buf, num_values, encoding, is_sorted: false }
        };
        assert!(check(&dictionary(8), true).is_ok());
        assert!(check(&dictionary(1 << 30), true).is_err());
        // One value, or 2^28 of them, behind levels of a byte.
        let data = |count: &[u8]| {
            let buf = [&[1, 0, 0, 0, 3][..], &[0x80, 0x01, 4], count, &[2]].concat();
            Page::DataPage {
                buf: buf.into(),
                num_values: 9,
                encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            }
        };
        assert!(check(&data(&[1]), true).is_ok());
        assert!(check(&data(&[0x80, 0x80, 0x80, 0x80, 0x01]), true).is_err());
        assert!(check(&data(&[1]), false).is_err(), "the levels are no values");
    }

    #[test]
    fn differences_that_count_more_than_there_are_do_not_pass() {
        // Blocks of 128 values in four packs; the first value, then one block: the smallest difference, the
        // widths of its packs, and of these only the first is needed.
        let mut bytes = vec![0x80, 0x01, 4, 9, 2, 2, 3, 0, 0, 0];
        bytes.extend([0; 12]);
        assert_eq!(deltas(&bytes, 9), Some(22));
        assert_eq!(deltas(&bytes, 8), None, "more than the page has");
        assert_eq!(deltas(&bytes[..21], 9), None, "bits are missing");
        assert_eq!(deltas(&[0x80, 0x01, 4, 1, 2], 1), Some(5));
        assert_eq!(deltas(&[0x80, 0x01, 0, 1, 2], 1), None, "no packs");
        let both = [&bytes[..], &bytes[..]].concat();
        assert!(counts(&both, Encoding::DELTA_BYTE_ARRAY, 9));
        assert!(
            !counts(&bytes, Encoding::DELTA_BYTE_ARRAY, 9),
            "no lengths of what is behind the prefixes"
        );
    }
}
