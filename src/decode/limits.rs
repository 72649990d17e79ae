//! What the decoder takes at most, and how it words what it refuses.

use super::{Fault, Reason};

/// The largest payload that is read, in bytes. MQTT allows 256 MiB; no reading of a plant needs them.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most readings that are taken of one message. They stand in memory together until they are committed.
pub const READINGS_MAX: usize = 100_000;
/// The longest text that is a value, in bytes: a state, a grade code, a reel id; not a document.
pub const TEXT_BYTES_MAX: usize = 1024;
/// The longest name (batch, grade, property, lot, line, station) in an event, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// The longest note or description in an event, in bytes; what is longer is cut, since the event
/// itself still counts.
pub(super) const NOTE_BYTES_MAX: usize = 4096;
/// The most user properties of a message that are kept.
pub const PROPERTIES_MAX: usize = 64;
/// The most bytes that are kept of the properties of a message: names, a time, a code; not a payload.
pub const PROPERTY_BYTES_MAX: usize = 8192;
/// How many topics the decoder remembers; further ones are matched anew each time.
pub const CACHED_TOPICS: usize = 100_000;
/// The longest topic or series that is remembered, in bytes: a memory of many has to be bounded.
pub(super) const REMEMBERED_BYTES_MAX: usize = 1024;
/// The longest detail of a fault, in characters.
const DETAIL_CHARS_MAX: usize = 120;

/// A fault whose detail is cut to what a log line and the page can show.
pub(super) fn fault(reason: Reason, detail: impl Into<String>) -> Fault {
    let mut detail = detail.into();
    if let Some((cut, _)) = detail.char_indices().nth(DETAIL_CHARS_MAX) {
        // One character less makes room for the mark that something is missing.
        let cut = detail.char_indices().nth(DETAIL_CHARS_MAX - 1).map_or(cut, |(at, _)| at);
        detail.truncate(cut);
        detail.push('…');
    }
    Fault { reason, detail }
}

/// Faults of one payload that are named; further ones are only counted.
pub(super) const FAULTS_NAMED: usize = 16;

/// Counts what is refused of one payload: a bounded number of faults is named, whatever arrives.
#[derive(Debug, Default)]
pub struct FaultCount {
    known: usize,
    last: Option<Reason>,
}

impl FaultCount {
    /// Counts a fault, and gives it back if it is to be named.
    pub fn name(&mut self, fault: Fault) -> Option<Fault> {
        self.known += 1;
        self.last = Some(fault.reason);
        (self.known <= FAULTS_NAMED).then_some(fault)
    }

    /// Those that were not named, as one.
    #[must_use]
    pub fn rest(&self) -> Option<Fault> {
        let more = self.known.checked_sub(FAULTS_NAMED).filter(|more| *more > 0)?;
        Some(fault(self.last?, format!("{more} more faults in the payload")))
    }
}

/// What is refused of one payload.
#[derive(Debug)]
pub(super) struct Refusals<'f> {
    faults: &'f mut Vec<Fault>,
    count: FaultCount,
    /// The line of the payload that is being read, where it has lines.
    pub(super) line: Option<usize>,
}

impl<'f> Refusals<'f> {
    pub(super) fn new(faults: &'f mut Vec<Fault>) -> Self {
        Self { faults, count: FaultCount::default(), line: None }
    }

    pub(super) fn push(&mut self, refused: Fault) {
        if let Some(refused) = self.count.name(refused) {
            self.faults.push(match self.line {
                Some(line) => fault(refused.reason, format!("line {line}: {}", refused.detail)),
                None => refused,
            });
        }
    }

    /// How many there were so far.
    pub(super) fn known(&self) -> usize {
        self.count.known
    }

    /// Says of the faults since there were `known` that they stand in the line that begins at this byte.
    pub(super) fn stand(&mut self, known: usize, text: &str, begin: usize) {
        let named = self.count.known.min(FAULTS_NAMED);
        if named <= known {
            return;
        }
        let line = text.bytes().take(begin).filter(|byte| *byte == b'\n').count() + 1;
        let first = self.faults.len() - (named - known);
        for told in self.faults.iter_mut().skip(first) {
            *told = fault(told.reason, format!("line {line}: {}", told.detail));
        }
    }

    /// Ends the payload: says how many were not named.
    pub(super) fn end(self) {
        self.faults.extend(self.count.rest());
    }
}

/// What was found, short enough to stand in a sentence, with control characters made visible.
pub(super) fn found(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// The text up to `max` bytes, cut between characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_cut_between_characters() {
        let short = fault(Reason::NotJson, "at offset 17");
        assert_eq!(short.detail, "at offset 17");
        let long = fault(Reason::NotJson, "纸".repeat(200));
        assert_eq!(long.detail.chars().count(), DETAIL_CHARS_MAX);
        assert!(long.detail.ends_with('…'));
        assert_eq!(cut("纸机", 4), "纸");
        assert_eq!(found("a\nb"), "a\\nb");
    }
}
