//! A pass over JSON text that hands out what stands where instead of values: nothing is copied or built.
//!
//! Everything here takes what has not been read yet, and gives what stands behind what it has read: two words
//! that stay in registers, where a place to which a reader points would be written and read again at every sign.
//!
//! It takes and refuses the same texts as `serde_json` does for a `RawValue` (a test compares the two),
//! and says nothing of why: who words a fault asks `serde_json`.

use super::super::octets::{digits, first_of_string_end};

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// What stands behind what was read.
pub(super) type Behind<'d> = Result<&'d [u8], NotJson>;

/// A string that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'d> {
    /// What stands between its quotes.
    pub(super) inside: &'d [u8],
    /// True if it has escapes.
    pub(super) escaped: bool,
    /// What stands behind its last quote.
    pub(super) rest: &'d [u8],
}

/// What stands behind white space.
#[inline]
pub(super) fn behind_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\n' | b'\t' | b'\r', rest @ ..] = text {
        text = rest;
    }
    text
}

/// What stands behind this byte and the white space before it; `None` if another one comes.
#[inline]
pub(super) fn behind(byte: u8, text: &[u8]) -> Option<&[u8]> {
    behind_space(text).split_first().filter(|(first, _)| **first == byte).map(|(_, rest)| rest)
}

/// Reads a string.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what it gives takes longer to hand over than to find")]
fn string(text: &[u8]) -> Result<Quoted<'_>, NotJson> {
    let text = behind(b'"', text).ok_or(NotJson)?;
    let end = first_of_string_end(text).ok_or(NotJson)?;
    match text.split_at_checked(end) {
        Some((inside, [b'"', rest @ ..])) => Ok(Quoted { inside, escaped: false, rest }),
        _ => string_with_escapes(text, end),
    }
}

/// Reads a string behind its quote, from its first escape on, which stands at `at`.
#[cold]
fn string_with_escapes(text: &[u8], mut at: usize) -> Result<Quoted<'_>, NotJson> {
    loop {
        let (inside, rest) = text.split_at_checked(at).ok_or(NotJson)?;
        at += match rest {
            [b'"', rest @ ..] => return Ok(Quoted { inside, escaped: true, rest }),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'\\', b'u', a, b, c, d, ..]
                if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                6
            }
            _ => return Err(NotJson),
        };
        at += text.get(at..).and_then(first_of_string_end).ok_or(NotJson)?;
    }
}

/// Reads the key of an object; with it what stands behind its colon.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what it gives takes longer to hand over than to find")]
pub(super) fn key(text: &[u8]) -> Result<(Quoted<'_>, &[u8]), NotJson> {
    let key = string(text)?;
    Ok((key, behind(b':', key.rest).ok_or(NotJson)?))
}

/// Passes over a value and all that is in it. `open` is memory to work in: what is open around the place.
#[inline]
pub(super) fn skip<'d>(text: &'d [u8], open: &mut Vec<u8>) -> Behind<'d> {
    match behind_space(text) {
        text @ [b'"', ..] => string(text).map(|string| string.rest),
        text @ [b'{' | b'[', ..] => skip_around(text, open),
        text => scalar(text),
    }
}

/// Passes over an array or an object.
fn skip_around<'d>(mut text: &'d [u8], open: &mut Vec<u8>) -> Behind<'d> {
    open.clear();
    loop {
        text = match behind_space(text) {
            string @ [b'"', ..] => self::string(string)?.rest,
            [bracket @ (b'{' | b'['), inside @ ..] => {
                let end = bracket + 2;
                if let Some(rest) = behind(end, inside) {
                    rest
                } else {
                    open.push(end);
                    text = if end == b'}' { key(inside)?.1 } else { inside };
                    continue;
                }
            }
            text => scalar(text)?,
        };
        // A value has ended; so has what it was the last of.
        loop {
            let Some(end) = open.last().copied() else { return Ok(text) };
            if let Some(rest) = behind(b',', text) {
                text = if end == b'}' { key(rest)?.1 } else { rest };
                break;
            }
            text = behind(end, text).ok_or(NotJson)?;
            open.pop();
        }
    }
}

/// Passes over a number or one of the three words.
#[inline]
fn scalar(text: &[u8]) -> Behind<'_> {
    match text {
        [b't', b'r', b'u', b'e', rest @ ..]
        | [b'f', b'a', b'l', b's', b'e', rest @ ..]
        | [b'n', b'u', b'l', b'l', rest @ ..] => Ok(rest),
        text => number(text),
    }
}

#[inline]
fn number(text: &[u8]) -> Behind<'_> {
    let mut text = match text.strip_prefix(b"-").unwrap_or(text) {
        // No zero stands before another digit.
        [b'0', b'0'..=b'9', ..] => return Err(NotJson),
        text => behind_digits(text)?,
    };
    if let [b'.', fraction @ ..] = text {
        text = behind_digits(fraction)?;
    }
    if let [b'e' | b'E', b'+' | b'-', power @ ..] | [b'e' | b'E', power @ ..] = text {
        text = behind_digits(power)?;
    }
    Ok(text)
}

/// Passes over one digit or more.
#[inline]
fn behind_digits(text: &[u8]) -> Behind<'_> {
    match digits(text) {
        0 => Err(NotJson),
        count => Ok(text.get(count..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn takes(text: &str) -> bool {
        skip(text.as_bytes(), &mut Vec::new()).is_ok_and(|rest| behind_space(rest).is_empty())
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
        let (read, rest) = key(br#" "a\"b" : 1"#).unwrap();
        assert_eq!((read.inside, read.escaped, read.rest), (&br#"a\"b"#[..], true, &b" : 1"[..]));
        assert_eq!(rest, b" 1");
        let (read, rest) = key(br#""plain":"#).unwrap();
        assert_eq!((read.inside, read.escaped, read.rest), (&b"plain"[..], false, &b":"[..]));
        assert_eq!(rest, b"");
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
