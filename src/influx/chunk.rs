//! A chunk: whole entries of an outbox that go to the server together, line by line.

use crate::store::Item;
use bytes::Bytes;
use std::ops::Range;

/// Entries that are sent together. Nothing of it changes until all of it is settled, so that what
/// is sent again is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    body: Bytes,
    /// Where each line stands in the body, its line feed included.
    lines: Vec<Range<usize>>,
    /// The entries, each with the number of its first line.
    entries: Vec<(i64, usize)>,
}

impl Chunk {
    /// Puts entries together.
    pub(super) fn new(items: &[Item]) -> Self {
        let mut body = Vec::with_capacity(items.iter().map(|item| item.body.len() + 1).sum());
        let mut lines = Vec::new();
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            entries.push((item.id, lines.len()));
            for line in item.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let start = body.len();
                body.extend_from_slice(line);
                body.push(b'\n');
                lines.push(start..body.len());
            }
        }
        Self { body: body.into(), lines, entries }
    }

    /// A chunk without a line: the server's answer to it tells whether it would take some.
    pub(super) fn question() -> Self {
        Self::new(&[])
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The ids of the entries.
    pub(super) fn ids(&self) -> Vec<i64> {
        self.entries.iter().map(|(id, _)| *id).collect()
    }

    /// A line without its line feed.
    pub(super) fn line(&self, line: usize) -> &[u8] {
        let range = &self.lines[line];
        &self.body[range.start..range.end - 1]
    }

    /// The entry that a line came in.
    pub(super) fn entry_of(&self, line: usize) -> i64 {
        let after = self.entries.partition_point(|(_, first)| *first <= line);
        self.entries[after - 1].0
    }

    /// Some of the lines, as they are sent.
    pub(super) fn bytes(&self, lines: &[usize]) -> Bytes {
        if lines.len() == self.len() {
            return self.body.clone();
        }
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(&self.body[self.lines[*line].clone()]);
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: i64, body: &str) -> Item {
        let count = u32::try_from(body.lines().count()).unwrap();
        Item { id, key: String::new(), count, body: body.into() }
    }

    #[test]
    fn entries_become_lines_and_lines_know_their_entry() {
        let chunk = Chunk::new(&[item(3, "a\nb\n"), item(5, ""), item(9, "c")]);
        assert_eq!(chunk.ids(), [3, 5, 9]);
        assert_eq!(chunk.len(), 3);
        let lines: Vec<_> = (0..3).map(|n| (chunk.line(n), chunk.entry_of(n))).collect();
        assert_eq!(lines, [(&b"a"[..], 3), (b"b", 3), (b"c", 9)]);
        assert_eq!(chunk.bytes(&[0, 1, 2]), "a\nb\nc\n");
        assert_eq!(chunk.bytes(&[2]), "c\n");
        assert_eq!(chunk.bytes(&[]), "");
    }

    #[test]
    fn a_question_has_no_line() {
        let chunk = Chunk::question();
        assert_eq!((chunk.len(), chunk.ids(), chunk.bytes(&[])), (0, vec![], Bytes::new()));
    }
}
