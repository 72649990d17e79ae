//! Batch and laboratory events beside a recording: one JSON object a line.

use super::error::RecordError;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The lines of a file of events, with their numbers; empty ones are left out.
///
/// # Errors
/// When the file cannot be read.
pub fn read_events(path: &Path) -> Result<Vec<(u64, String)>, RecordError> {
    let reader = BufReader::new(super::csv::open(path)?);
    let mut lines = Vec::new();
    for (ix, line) in (1..).zip(reader.lines()) {
        let line = line.map_err(RecordError::file("read", path))?;
        if !line.trim().is_empty() {
            lines.push((ix, line));
        }
    }
    Ok(lines)
}
