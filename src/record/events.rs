//! Batch and laboratory events beside a recording: one JSON object a line.

use super::error::RecordError;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The lines of a file of events, with their numbers; empty ones are left out.
///
/// # Errors
/// When the file cannot be read, or is no UTF-8: with the line.
pub fn read_events(path: &Path) -> Result<Vec<(u64, String)>, RecordError> {
    let reader = BufReader::new(super::csv::open(path)?);
    let mut lines = Vec::new();
    for (ix, line) in (1..).zip(reader.split(b'\n')) {
        let line = line.map_err(RecordError::file("read", path))?;
        let line = String::from_utf8(line)
            .map_err(|_| RecordError::NotUtf8 { path: path.to_owned(), line: ix })?;
        let text = if ix == 1 { line.trim_start_matches('\u{feff}') } else { &line };
        if !text.trim().is_empty() {
            lines.push((ix, text.trim().to_owned()));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_numbers_and_no_mark_of_an_editor() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("e.jsonl");
        std::fs::write(&path, "\u{feff}{\"a\":1}\r\n\n{\"b\":2}\n").unwrap();
        let lines = read_events(&path).unwrap();
        assert_eq!(lines, [(1, "{\"a\":1}".to_owned()), (3, "{\"b\":2}".to_owned())]);
        std::fs::write(&path, b"{}\n{\"a\":\"\xb5m\"}\n").unwrap();
        let error = read_events(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("e.jsonl`, line 2 is no UTF-8 text: save the file as UTF-8"),
            "{error}"
        );
    }
}
