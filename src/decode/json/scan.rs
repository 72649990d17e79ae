//! A pass over JSON text that hands out places instead of values: nothing is copied or built.
//!
//! It takes and refuses the same texts as `serde_json` does for a `RawValue` (a test compares the two),
//! and says nothing of why: who words a fault asks `serde_json`.

use super::super::octets::first_of_string_end;
use std::ops::Range;

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// A string: the place between its quotes.
#[derive(Debug, Clone)]
pub(super) struct Quoted {
    pub(super) place: Range<usize>,
    /// True if it has escapes.
    pub(super) escaped: bool,
}

/// A place in a document.
#[derive(Debug)]
pub(super) struct Scanner<'d> {
    text: &'d str,
    at: usize,
}

impl<'d> Scanner<'d> {
    pub(super) fn new(text: &'d str) -> Self {
        Self { text, at: 0 }
    }

    /// The offset of what comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text of a place.
    pub(super) fn text(&self, place: Range<usize>) -> &'d str {
        self.text.get(place).unwrap_or_default()
    }

    fn rest(&self) -> &'d [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Passes over white space; returns the byte that comes next.
    pub(super) fn next(&mut self) -> Option<u8> {
        loop {
            let byte = self.text.as_bytes().get(self.at).copied()?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes this byte, with the white space before it.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let hit = self.next() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    /// Passes over a string.
    fn string(&mut self) -> Result<Quoted, NotJson> {
        if !self.takes(b'"') {
            return Err(NotJson);
        }
        let (begin, mut escaped) = (self.at, false);
        loop {
            let rest = self.rest();
            let end = first_of_string_end(rest).ok_or(NotJson)?;
            self.at += end + 1;
            match rest.get(end) {
                Some(b'"') => return Ok(Quoted { place: begin..self.at - 1, escaped }),
                Some(b'\\') => {
                    self.escape()?;
                    escaped = true;
                }
                _ => return Err(NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        match self.rest() {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 1,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => {
                self.at += 5;
            }
            _ => return Err(NotJson),
        }
        Ok(())
    }

    /// Passes over a value and all that is in it. `open` is memory to work in: what is open around the
    /// place.
    pub(super) fn skip(&mut self, open: &mut Vec<u8>) -> Result<(), NotJson> {
        match self.next().ok_or(NotJson)? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_around(open),
            _ => self.scalar(),
        }
    }

    /// Passes over an array or an object.
    fn skip_around(&mut self, open: &mut Vec<u8>) -> Result<(), NotJson> {
        open.clear();
        loop {
            match self.next().ok_or(NotJson)? {
                b'"' => {
                    self.string()?;
                }
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    let end = bracket + 2;
                    if !self.takes(end) {
                        open.push(end);
                        if end == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            // A value has ended; so has what it was the last of.
            loop {
                let Some(end) = open.last().copied() else { return Ok(()) };
                if self.takes(b',') {
                    if end == b'}' {
                        self.key()?;
                    }
                    break;
                }
                if !self.takes(end) {
                    return Err(NotJson);
                }
                open.pop();
            }
        }
    }

    /// Passes over the key of an object with its colon.
    pub(super) fn key(&mut self) -> Result<Quoted, NotJson> {
        let key = self.string()?;
        if self.takes(b':') { Ok(key) } else { Err(NotJson) }
    }

    /// Passes over a number or one of the three words.
    fn scalar(&mut self) -> Result<(), NotJson> {
        let word: &[u8] = match self.rest().first() {
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            _ => return self.number(),
        };
        if !self.rest().starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        match self.rest() {
            // No zero stands before another digit.
            [b'0', b'0'..=b'9', ..] => return Err(NotJson),
            _ => self.digits()?,
        }
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let [b'e' | b'E', after, ..] = self.rest() {
            self.at += 1 + usize::from(matches!(after, b'+' | b'-'));
            self.digits()?;
        } else if let [b'e' | b'E'] = self.rest() {
            return Err(NotJson);
        }
        Ok(())
    }

    /// Passes over one digit or more.
    fn digits(&mut self) -> Result<(), NotJson> {
        let begin = self.at;
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == begin { Err(NotJson) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn takes(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip(&mut Vec::new()).is_ok() && scanner.next().is_none()
    }

    #[track_caller]
    fn check(text: &str) {
        assert_eq!(takes(text), serde_json::from_str::<&RawValue>(text).is_ok(), "{text}");
    }

    #[test]
    fn takes_what_serde_json_takes() {
        for text in [
            "",
            " ",
            "0",
            "-0",
            "00",
            "-",
            "1.",
            ".5",
            "1.5e",
            "1e+",
            "1E-07",
            "1e5x",
            "+1",
            "tru",
            "truex",
            "null",
            "[]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            " [ 1 , { \"a\" : [ ] } ] ",
            "[1]]",
            "[}",
            "{]",
            "\"a",
            "\"a\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            r#""\ud800""#,
            r#"{"\ud800":1}"#,
            r#""\""#,
            r#""\u00e4\\\"""#,
            "\"纸\"",
            "NaN",
            "1\u{a0}",
            "[[[[",
            "]",
        ] {
            check(text);
        }
        let deep = 100_000;
        check(&format!("{}{}", "[".repeat(deep), "]".repeat(deep)));
    }

    #[test]
    fn strings_say_what_stands_between_their_quotes() {
        let mut scanner = Scanner::new(r#" "a\"b" : 1"#);
        let key = scanner.key().unwrap();
        assert_eq!((scanner.text(key.place), key.escaped), (r#"a\"b"#, true));
        assert_eq!(scanner.next(), Some(b'1'));
    }

    proptest! {
        #[test]
        fn takes_what_serde_json_takes_of_anything(
            text in r#"([\[\]{}:, ]|"[a\\u0]{0,3}"|-?[0-9.eE+-]{1,4}|true|null|fals|\PC){0,14}"#
        ) {
            check(&text);
        }
    }
}
