//! What is read of a CSV file, watched byte by byte: a quote that is never closed, and a line that never
//! ends, are found where they begin, before they fill the memory.

use std::collections::VecDeque;
use std::io::{self, Read};

/// Bytes of one record at most.
pub(super) const RECORD_MAX: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// A quote within quotes: it ends them, or the next one makes it a quote of the text.
    QuoteSeen,
}

/// A reader of CSV that fails where a record cannot be whole, with the line in its words.
pub(super) struct Guard<R> {
    inner: R,
    delimiter: u8,
    state: State,
    /// The line, from 1.
    line: u64,
    /// The line of the quote that is open.
    opened: u64,
    /// Bytes of the record so far.
    length: usize,
    /// Bytes of the file so far.
    offset: u64,
    /// Where records begin that were not asked for yet: their first bytes and lines. No more than the reader has read
    /// ahead.
    begins: VecDeque<(u64, u64)>,
}

impl<R: Read> Guard<R> {
    pub(super) fn new(inner: R, delimiter: u8) -> Self {
        let state = State::FieldStart;
        Self {
            inner,
            delimiter,
            state,
            line: 1,
            opened: 1,
            length: 0,
            offset: 0,
            begins: VecDeque::new(),
        }
    }

    /// The line, from 1, of the first record that begins at a byte or behind it; the records before are forgotten. What
    /// the reader itself says is the line of what stands before a record: an empty line, or the second half of a line's
    /// end.
    pub(super) fn line_from(&mut self, byte: u64) -> u64 {
        while self.begins.front().is_some_and(|(begin, _)| *begin < byte) {
            self.begins.pop_front();
        }
        self.begins.front().map_or(self.line, |(_, line)| *line)
    }

    fn watch(&mut self, byte: u8) -> io::Result<()> {
        self.offset += 1;
        // The mark at the begin of a file is no text.
        if self.offset <= 3 && byte >= 0x80 {
            return Ok(());
        }
        if self.length == 0 && !matches!(byte, b'\n' | b'\r') {
            self.begins.push_back((self.offset - 1, self.line));
        }
        self.length += 1;
        if self.length > RECORD_MAX {
            return Err(self.too_long());
        }
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::QuoteSeen,
            (State::Quoted, _) => {
                self.line += u64::from(byte == b'\n');
                State::Quoted
            }
            (State::QuoteSeen, b'"') => State::Quoted,
            (_, b'\n' | b'\r') => {
                self.line += u64::from(byte == b'\n');
                self.length = 0;
                State::FieldStart
            }
            (_, byte) if byte == self.delimiter => State::FieldStart,
            (State::FieldStart, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            _ => State::Unquoted,
        };
        Ok(())
    }

    fn too_long(&self) -> io::Error {
        let words = match self.state {
            State::Quoted => format!(
                "line {}: the quote that opens there is not closed within {RECORD_MAX} bytes",
                self.opened
            ),
            _ => format!("line {}: it has more than {RECORD_MAX} bytes", self.line),
        };
        io::Error::new(io::ErrorKind::InvalidData, words)
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        for byte in &buffer[..n] {
            self.watch(*byte)?;
        }
        if n == 0 && self.state == State::Quoted && !buffer.is_empty() {
            let words = format!("line {}: the quote that opens there is not closed", self.opened);
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), &str>) {
        let read = Guard::new(text.as_bytes(), b',').read_to_end(&mut Vec::new());
        assert_eq!(
            read.map(|_| ()).map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn open_quotes_and_endless_lines_are_found_where_they_begin() {
        check("a,b\n1,2\n", Ok(()));
        check("\u{feff}\"a\",b\n1,\"two\nlines\"\n3,4", Ok(()));
        check("a,b\n1,\"he said \"\"no\"\"\"\n", Ok(()));
        // An inch is no quote.
        check("a,b\n1,5\"\n2,6\n", Ok(()));
        check("a,b\n\"1,2\n3,4\n", Err("line 2: the quote that opens there is not closed"));
        let long = "1".repeat(RECORD_MAX);
        check(&format!("a\n{}\n", &long[1..]), Ok(()));
        check(&format!("a\n{long}1\n"), Err("line 2: it has more than 1048576 bytes"));
        check(
            &format!("a\n2\n\"{long}"),
            Err("line 3: the quote that opens there is not closed within 1048576 bytes"),
        );
    }
}
