//! What is wrong with a text that is no JSON, in words.

use super::super::limits::{TEXT_BYTES_MAX, fault, found};
use super::super::{Fault, Reason};
use serde_json::value::RawValue;

/// The fault of a text that the pass over it refused.
pub(super) fn refused(document: &str) -> Fault {
    match serde_json::from_str::<&RawValue>(document) {
        Err(error) => not_json(document, &error),
        // A test holds the two to the same.
        Ok(_) => fault(Reason::NotJson, "the text is no JSON"),
    }
}

/// The fault of a text that is no JSON: where, and whether a bare NaN or infinity is to blame.
pub(crate) fn not_json(document: &str, error: &serde_json::Error) -> Fault {
    let offset = offset(document, error);
    let word = word_at(document, offset);
    let bare = word.trim_start_matches(['-', '+']).to_ascii_lowercase();
    if matches!(bare.as_str(), "nan" | "inf" | "infinity") {
        let detail = format!("`{}` at offset {offset}: JSON has no such number", found(word));
        return fault(Reason::NotFinite, detail);
    }
    if document.trim().is_empty() {
        return fault(Reason::NotJson, "the payload is empty");
    }
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    fault(Reason::NotJson, format!("{what} at offset {offset}, near `{}`", found(word)))
}

/// The byte offset of an error that is told by line and column.
fn offset(document: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return document.len();
    }
    let before: usize =
        document.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (before + error.column().saturating_sub(1)).min(document.len())
}

/// The run of letters, digits and signs around an offset.
fn word_at(document: &str, offset: usize) -> &str {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let bytes = document.as_bytes();
    let left = bytes.get(..offset).unwrap_or_default();
    let right = bytes.get(offset..).unwrap_or_default();
    let start =
        offset - left.iter().rev().take(TEXT_BYTES_MAX).take_while(|byte| part(byte)).count();
    let end = offset + right.iter().take(TEXT_BYTES_MAX).take_while(|byte| part(byte)).count();
    // Only ASCII was passed over, so both ends lie between characters, unless the offset itself does
    // not.
    document.get(start..end).unwrap_or_default()
}
