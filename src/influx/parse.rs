//! Reads the line protocol back.
//!
//! Reads what InfluxDB 2 reads: a backslash before a comma, an equals sign or a space stands for
//! that character, and for itself before anything else; inside a quoted text `\"` and `\\` are the
//! two escapes, and a line feed belongs to the text. Lines that are empty or begin with `#` are
//! skipped.

use super::line_protocol::{FieldValue, Point};

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no line protocol at byte {offset}: {what}")]
pub(super) struct LineError {
    /// Where in the whole text.
    pub(super) offset: usize,
    /// What is wrong, and what was expected.
    pub(super) what: &'static str,
}

/// Reads a text line by line. After a bad line it goes on with the next.
#[must_use]
pub(super) fn points(text: &str) -> Points<'_> {
    Points { text, at: 0 }
}

/// The points of a text, see [`points`].
#[derive(Debug, Clone)]
pub(super) struct Points<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Points<'_> {
    type Item = Result<Point, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return None;
            }
            if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            let mut scanner = Scanner { text: self.text, at: self.at };
            let point = scanner.point();
            // A bad line ends at the next line feed after the place where it went wrong.
            let end =
                self.text[scanner.at..].find('\n').map_or(self.text.len(), |n| scanner.at + n);
            self.at = end;
            return Some(point);
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn point(&mut self) -> Result<Point, LineError> {
        let mut point = Point { measurement: self.name(", ")?, ..Point::default() };
        while self.take(',') {
            let key = self.name("=, ")?;
            self.expect('=', "a tag has the form `key=value`")?;
            let value = self.name("=, ")?;
            if point.tags.iter().any(|(known, _)| *known == key) {
                return Err(self.error("a tag key stands twice"));
            }
            point.tags.push((key, value));
        }
        self.expect(' ', "a space and fields follow the tags")?;
        while self.take(' ') {}
        loop {
            let key = self.name("=, ")?;
            self.expect('=', "a field has the form `key=value`")?;
            let value = self.value()?;
            point.fields.push((key, value));
            if !self.take(',') {
                break;
            }
        }
        while self.take(' ') {}
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default().trim_end();
        if !line.is_empty() {
            let time = line.parse().map_err(|_| self.error("the time is an integer"))?;
            self.at += line.len();
            point.time = Some(time);
        }
        Ok(point)
    }

    /// A measurement, key or tag value up to one of the `ends`, which is not taken.
    fn name(&mut self, ends: &str) -> Result<String, LineError> {
        let mut name = String::new();
        let mut chars = self.rest().char_indices().peekable();
        let mut length = self.rest().len();
        while let Some((at, c)) = chars.next() {
            if c == '\n' || ends.contains(c) {
                length = at;
                break;
            }
            match chars.peek() {
                Some((_, next @ (',' | '=' | ' '))) if c == '\\' => {
                    name.push(*next);
                    chars.next();
                }
                _ => name.push(c),
            }
        }
        if name.is_empty() {
            return Err(self.error("a name or tag value is empty"));
        }
        self.at += length;
        Ok(name)
    }

    fn value(&mut self) -> Result<FieldValue, LineError> {
        if self.take('"') {
            return self.quoted().map(FieldValue::Text);
        }
        let rest = self.rest();
        let word = &rest[..rest.find([',', ' ', '\n', '\r']).unwrap_or(rest.len())];
        let value = match word {
            "t" | "T" | "true" | "True" | "TRUE" => FieldValue::Boolean(true),
            "f" | "F" | "false" | "False" | "FALSE" => FieldValue::Boolean(false),
            _ => number(word).ok_or_else(|| {
                self.error("a value is a finite number, `3i`, `3u`, `true`, `false` or `\"text\"`")
            })?,
        };
        self.at += word.len();
        Ok(value)
    }

    /// The rest of a text whose opening quote was taken.
    fn quoted(&mut self) -> Result<String, LineError> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match (c, chars.peek()) {
                ('"', _) => {
                    self.at += at + 1;
                    return Ok(text);
                }
                ('\\', Some((_, next @ ('"' | '\\')))) => {
                    text.push(*next);
                    chars.next();
                }
                _ => text.push(c),
            }
        }
        Err(self.error("a text has no closing quote"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, c: char) -> bool {
        let there = self.rest().starts_with(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn expect(&mut self, c: char, what: &'static str) -> Result<(), LineError> {
        if self.take(c) { Ok(()) } else { Err(self.error(what)) }
    }

    fn error(&self, what: &'static str) -> LineError {
        LineError { offset: self.at, what }
    }
}

/// A number in one of its three forms; words such as `inf` are none.
fn number(word: &str) -> Option<FieldValue> {
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(digits) = word.strip_suffix('i') {
        return digits.parse().ok().map(FieldValue::Integer);
    }
    if let Some(digits) = word.strip_suffix('u') {
        return digits.parse().ok().map(FieldValue::Unsigned);
    }
    word.parse().ok().filter(|number: &f64| number.is_finite()).map(FieldValue::Float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(text: &str) -> Result<Point, LineError> {
        let mut points = points(text);
        let point = points.next().expect("there is a line");
        assert_eq!(points.next(), None, "there is more than one line");
        point
    }

    #[track_caller]
    fn check(text: &str, tags: &[(&str, &str)], fields: &[(&str, FieldValue)], time: Option<i64>) {
        let point = point(text).unwrap();
        let expected: Vec<_> =
            tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(point.tags, expected);
        let expected: Vec<_> = fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        assert_eq!(point.fields, expected);
        assert_eq!(point.time, time);
    }

    #[test]
    fn lines_of_other_writers_are_read() {
        let one = [("v", FieldValue::Float(1.0))];
        check("m v=1", &[], &one, None);
        check("m v=1 5", &[], &one, Some(5));
        check("  m  v=1.0  -5  \r\n\n# end\n", &[], &one, Some(-5));
        check("m,b=1,a=x\\ y v=1\n", &[("b", "1"), ("a", "x y")], &one, None);
        check("m,p=C:\\dir,q=a\\\\b v=1", &[("p", "C:\\dir"), ("q", "a\\\\b")], &one, None);
        check("m,t=\"q\" v=1", &[("t", "\"q\"")], &one, None);
        let fields = [
            ("i", FieldValue::Integer(-3)),
            ("u", FieldValue::Unsigned(3)),
            ("b", FieldValue::Boolean(true)),
            ("c", FieldValue::Boolean(false)),
            ("s", FieldValue::Text("a, \"b\" \\ \n#c".into())),
            ("e", FieldValue::Float(-1.2e78)),
            ("h", FieldValue::Float(0.5)),
        ];
        let text =
            "m i=-3i,u=3u,b=T,c=False,s=\"a, \\\"b\\\" \\\\ \n#c\",e=-1.2e+78,h=.5 1700000000123";
        check(text, &[], &fields, Some(1_700_000_000_123));
    }

    #[test]
    fn bad_lines_say_where_and_what() {
        for (text, offset, what) in [
            ("m", 1, "a space and fields follow the tags"),
            ("m v", 3, "a field has the form `key=value`"),
            ("m,a v=1", 3, "a tag has the form `key=value`"),
            ("m,a= v=1", 4, "a name or tag value is empty"),
            ("m,a=1,a=2 v=1", 9, "a tag key stands twice"),
            ("m v=1,", 6, "a name or tag value is empty"),
            ("m v=\"x", 5, "a text has no closing quote"),
            ("m v=1 soon", 6, "the time is an integer"),
            ("m v=1 1 2", 6, "the time is an integer"),
        ] {
            assert_eq!(point(text), Err(LineError { offset, what }), "{text}");
        }
        for word in ["nan", "inf", "-inf", "NaN", "1e999", "+1", "1x", "1.5i", "-1u", "", "i"] {
            let error = point(&format!("m v={word}")).unwrap_err();
            assert_eq!(error.offset, 4, "{word}: {error}");
        }
    }

    #[test]
    fn a_bad_line_does_not_stop_the_others() {
        let got: Vec<_> = points("m v=1 1\nthis is bad\nm v=2 2\n").map(|p| p.is_ok()).collect();
        assert_eq!(got, [true, false, true]);
    }

    /// Names and texts as they are after the replacements of the encoder.
    fn replaced(name: &str, backslash: bool) -> String {
        let mut chars = name.chars().map(|c| if c.is_control() { ' ' } else { c }).peekable();
        let mut out = String::new();
        while let Some(c) = chars.next() {
            let risky = !backslash || matches!(chars.peek(), None | Some(',' | '=' | ' ' | '\\'));
            out.push(if c == '\\' && risky { '/' } else { c });
        }
        out
    }

    fn key(name: &str, backslash: bool) -> String {
        let name = replaced(name, backslash);
        name.strip_prefix('_').map(|rest| format!("-{rest}")).unwrap_or(name)
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z_]{1,6}",
            "[a-c,= \\\\\"_\n\t#]{1,8}",
            "\\PC{1,4}",
            any::<char>().prop_map(String::from),
        ]
    }

    fn value() -> impl Strategy<Value = FieldValue> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(FieldValue::Float),
            any::<i64>().prop_map(FieldValue::Integer),
            any::<u64>().prop_map(FieldValue::Unsigned),
            any::<bool>().prop_map(FieldValue::Boolean),
            name().prop_map(FieldValue::Text),
            ".{0,9}".prop_map(FieldValue::Text),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            measurement in "[a-z][a-z,= \\\\]{0,5}",
            tags in proptest::collection::vec((name(), name()), 0..4),
            fields in proptest::collection::vec((name(), value()), 1..5),
            time in proptest::option::of(any::<i64>()),
        ) {
            let mut unique: Vec<(String, String)> = Vec::new();
            for (k, v) in tags {
                if !unique.iter().any(|(known, _)| key(known, true) == key(&k, true)) {
                    unique.push((k, v));
                }
            }
            let written = Point { measurement, tags: unique, fields, time };
            let mut bytes = Vec::new();
            prop_assert!(written.write(&mut bytes));
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(text.matches('\n').count(), 1);

            let mut tags = written.tags.clone();
            tags.sort_unstable();
            let expected = Point {
                measurement: replaced(&written.measurement, true),
                tags: tags.iter().map(|(k, v)| (key(k, true), replaced(v, true))).collect(),
                fields: written.fields.iter().map(|(k, v)| {
                    let value = match v {
                        FieldValue::Text(text) => FieldValue::Text(
                            text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
                        ),
                        other => other.clone(),
                    };
                    (key(k, false), value)
                }).collect(),
                time: time.map(|t| t.clamp(i64::MIN + 2, i64::MAX - 1)),
            };
            let read = point(&text);
            prop_assert_eq!(read.as_ref(), Ok(&expected));

            // What was read needs no further replacement, so it is written as the same text, but
            // for the order of keys that a replacement moved.
            if tags.len() < 2 {
                let mut again = Vec::new();
                prop_assert!(read.unwrap().write(&mut again));
                prop_assert_eq!(String::from_utf8(again).unwrap(), text);
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic_or_stall(text in "[a-b,= \\\\\"\n0-9.i#-]{0,60}") {
            prop_assert!(points(&text).count() <= text.len());
        }

        #[test]
        fn any_text_ends(text in "\\PC{0,60}") {
            prop_assert!(points(&text).count() <= text.len());
        }
    }
}
