//! A configuration file's text as far as it may be shown: secrets are gone before anything is kept.

use std::fmt;
use std::ops::Range;

/// The name and the text of a configuration file, without the secrets that stood in it by mistake.
///
/// Each byte of a secret is an asterisk here, so that places stay what they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A place as people count: from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Source {
    /// Takes a text and forgets what is `hidden`.
    pub(super) fn new(name: &str, text: &str, hidden: &[Range<usize>]) -> Self {
        let mut kept = String::with_capacity(text.len());
        for (at, character) in text.char_indices() {
            if character != '\n' && hidden.iter().any(|range| range.contains(&at)) {
                kept.extend(std::iter::repeat_n('*', character.len_utf8()));
            } else {
                kept.push(character);
            }
        }
        Self { name: name.to_owned(), text: kept }
    }

    /// The file's name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The place of a byte.
    #[must_use]
    pub fn place(&self, byte: usize) -> Place {
        let before = self.text.get(..self.clip(byte)).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// The line that a byte stands in, without its end, and where it begins.
    pub(super) fn line_at(&self, byte: usize) -> (usize, &str) {
        let byte = self.clip(byte);
        let start = self.text.get(..byte).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        (start, line.strip_suffix('\r').unwrap_or(line))
    }

    /// The nearest boundary of a character at or before a byte.
    fn clip(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        (0..=byte).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// The parts of a text that is no TOML which may hold a secret.
///
/// Where the grammar fails nothing can be looked up by its key, so whatever stands after the name of
/// a secret key, and whatever an address carries, is hidden to the end of its line.
pub(super) fn suspicious(text: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut start = 0;
    // True where the value of a secret key may begin on the line after it.
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let word =
            SECRET_WORDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len()));
        let from = word.chain(lower.find("://").map(|at| at + 3)).min();
        if let Some(from) = if goes_on { Some(0) } else { from } {
            let value = line.get(from..).unwrap_or_default();
            if value.contains("\"\"\"") || value.contains("'''") {
                // A text of several lines, which may never end.
                hidden.push(start + from..text.len());
                break;
            }
            hidden.push(start + from..start + line.len());
            goes_on = value.trim().trim_matches(['"', '=']).trim().is_empty();
        }
        start += line.len();
    }
    hidden
}

/// Words in a key's name that say that its value is none of our business.
pub(super) const SECRET_WORDS: [&str; 6] =
    ["password", "passwd", "secret", "token", "credential", "whsec_"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let source = Source::new("a.toml", "a = 1\nß = \"x\"\r\n", &[]);
        assert_eq!(source.place(0), Place { line: 1, column: 1 });
        assert_eq!(source.place(9), Place { line: 2, column: 3 });
        assert_eq!(source.place(7), Place { line: 2, column: 1 });
        assert_eq!(source.place(999), Place { line: 3, column: 1 });
        assert_eq!(source.line_at(9), (6, "ß = \"x\""));
        assert_eq!(source.line_at(999), (16, ""));
    }

    #[test]
    fn hidden_parts_are_gone_from_text_and_debug() {
        let source = Source::new("a.toml", "token = \"ßa\"\n", std::slice::from_ref(&(8..13)));
        assert_eq!(source.line_at(0).1, "token = *****");
        assert!(!format!("{source:?}").contains("token"));
    }

    #[test]
    fn suspicious_lines_are_hidden_after_the_key() {
        let text = "password = hunter2\nport = 1\nurl = \"mqtt://u:p@h\n";
        let source = Source::new("a.toml", text, &suspicious(text));
        assert_eq!(source.line_at(0).1, "password**********");
        assert_eq!(source.line_at(20).1, "port = 1");
        assert_eq!(source.line_at(30).1, "url = \"mqtt://*****");
        for text in
            ["token =\n hunter2\na = 1", "token = \"\"\"\na\nhunter2", "x = { token = '''\nhunter2"]
        {
            let source = Source::new("a.toml", text, &suspicious(text));
            assert!(!source.text.contains("hunter2"), "{}", source.text);
        }
    }
}
