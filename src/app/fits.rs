//! Fitting: frames of the store become a model, on whatever thread calls.

use crate::engine::{FitRequest, ModelAnswer};
use crate::models::{self, Table};
use crate::reading::Timestamp;
use crate::store::{FrameBlock, FrameRows, Reader, StoreError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Bytes of one frame of `width` values: its begin and the values, little-endian.
fn frame_bytes(width: usize) -> usize {
    8 + 8 * width
}

/// Consecutive frames of one line and batch, as the store keeps them.
#[derive(Debug, Clone)]
pub(super) struct FrameRun {
    pub(super) line: u16,
    pub(super) batch: Option<Arc<str>>,
    first: Timestamp,
    last: Timestamp,
    count: u32,
    width: u32,
    bytes: Vec<u8>,
}

impl FrameRun {
    pub(super) fn new(line: u16, batch: Option<Arc<str>>, first: Timestamp) -> Self {
        Self { line, batch, first, last: first, count: 0, width: 0, bytes: Vec::new() }
    }

    pub(super) fn push(&mut self, start: Timestamp, values: &[f64]) {
        self.last = start;
        self.count += 1;
        self.width = u32::try_from(values.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&start.as_nanos().to_le_bytes());
        for value in values {
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(super) fn block(&self) -> FrameBlock<'_> {
        FrameBlock {
            line: self.line,
            batch: self.batch.as_deref(),
            first: self.first,
            last: self.last,
            count: self.count,
            width: self.width,
            bytes: &self.bytes,
        }
    }
}

/// Answers a request from the frames in the store. A fit that panics is an answer too.
#[must_use]
pub fn fit(reader: &Reader, request: &FitRequest, columns: &[Arc<str>]) -> ModelAnswer {
    let outcome = match table(reader, request, columns) {
        Ok(table) => match catch_unwind(AssertUnwindSafe(|| models::fit(&table, &request.spec))) {
            Ok(Ok(model)) => Ok(model.to_bytes().into()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the fit panicked, which is a bug".to_owned()),
        },
        Err(error) => Err(error.to_string()),
    };
    ModelAnswer { request: request.id, outcome }
}

/// The frames of the batches of a request, batch after batch; `columns` names the line's tags.
fn table(reader: &Reader, request: &FitRequest, columns: &[Arc<str>]) -> Result<Table, StoreError> {
    let tags: Vec<usize> =
        request.tags.iter().map(|ix| *ix as usize).filter(|ix| *ix < columns.len()).collect();
    let mut table = Table {
        columns: tags.iter().map(|ix| Arc::clone(&columns[*ix])).collect(),
        ..Table::default()
    };
    for batch in &request.batches {
        let begin = table.rows();
        for block in reader.frames(request.line.0, batch)? {
            // Frames from before a change of the configuration have other columns.
            if block.width as usize == columns.len() {
                append(&block, &tags, &mut table.values);
            }
        }
        if table.rows() > begin {
            table.blocks.push(begin);
        }
    }
    Ok(table)
}

fn append(block: &FrameRows, tags: &[usize], values: &mut Vec<f64>) {
    for row in block.bytes.chunks_exact(frame_bytes(block.width as usize)) {
        values.extend(tags.iter().map(|ix| {
            let at = 8 + 8 * ix;
            let bytes = row[at..at + 8].try_into().expect("eight bytes were taken");
            f64::from_le_bytes(bytes)
        }));
    }
}
