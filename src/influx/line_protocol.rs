//! The line protocol: points as text, with every name and value made safe for the format.
//!
//! What the format cannot carry is replaced, the same way each time, so that a line is a function
//! of its point alone:
//!
//! - a control character becomes a space (a line feed would end the line);
//! - a backslash before a comma, an equals sign, a space, another backslash, or the end of a name
//!   or tag value becomes `/`: servers disagree about what it would escape;
//! - in a field key every backslash becomes `/`;
//! - a leading `_` of a key becomes `-` (the server keeps such names for itself);
//! - a tag without a value and a number that is not finite are left out.

use std::io::Write;

/// The earliest time that InfluxDB takes, nanoseconds.
const TIME_MIN: i64 = i64::MIN + 2;
/// The latest time that InfluxDB takes, nanoseconds.
const TIME_MAX: i64 = i64::MAX - 1;

/// A value of a field, of any type that the format has; we write none but floats, integers and texts.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FieldValue {
    /// A number: `1.5`.
    Float(f64),
    /// A signed integer: `-3i`.
    Integer(i64),
    /// An unsigned integer: `3u`.
    Unsigned(u64),
    /// A truth: `true`.
    Boolean(bool),
    /// A text: `"on"`.
    Text(String),
}

/// A point: names, values and a time, as one line of the protocol says it.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Point {
    /// The measurement.
    pub(super) measurement: String,
    /// Tag keys and values. Written in order of the keys.
    pub(super) tags: Vec<(String, String)>,
    /// Field keys and values, in their order.
    pub(super) fields: Vec<(String, FieldValue)>,
    /// The time, in the unit that goes with the text.
    pub(super) time: Option<i64>,
}

#[cfg(test)]
impl Point {
    /// Appends the point as a line with its line feed; false, and nothing appended, if no field is
    /// left to write.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> bool {
        let mut tags: Vec<_> = self.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        tags.sort_unstable();
        let mut line = Line::new(out, &self.measurement, tags);
        for (key, value) in &self.fields {
            match value {
                FieldValue::Float(number) => line.float(key, *number),
                FieldValue::Integer(number) => line.integer(key, *number),
                FieldValue::Unsigned(number) => line.unsigned(key, *number),
                FieldValue::Boolean(truth) => line.boolean(key, *truth),
                FieldValue::Text(text) => line.text(key, text),
            }
        }
        line.end(self.time)
    }
}

/// A line that is being appended to a buffer.
#[derive(Debug)]
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    fields: u32,
}

impl<'a> Line<'a> {
    /// Begins a line. The tags must come in order of their keys, each key once; those without a
    /// value are left out.
    pub(super) fn new<'t>(
        out: &'a mut Vec<u8>,
        measurement: &str,
        tags: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Self {
        let start = out.len();
        put_name(out, measurement, b", ", Backslash::Alone);
        for (key, value) in tags {
            if key.is_empty() || value.is_empty() {
                continue;
            }
            out.push(b',');
            put_key(out, key, Backslash::Alone);
            out.push(b'=');
            put_name(out, value, b",= ", Backslash::Alone);
        }
        Self { out, start, fields: 0 }
    }

    /// A number; left out if it is not finite.
    pub(super) fn float(&mut self, key: &str, value: f64) {
        if value.is_finite() {
            self.key(key);
            put_float(self.out, value);
        }
    }

    /// A number, if there is one.
    pub(super) fn maybe_float(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.float(key, value);
        }
    }

    /// A signed integer.
    pub(super) fn integer(&mut self, key: &str, value: i64) {
        self.key(key);
        put_display(self.out, value);
        self.out.push(b'i');
    }

    #[cfg(test)]
    /// An unsigned integer.
    fn unsigned(&mut self, key: &str, value: u64) {
        self.key(key);
        put_display(self.out, value);
        self.out.push(b'u');
    }

    #[cfg(test)]
    /// A truth.
    fn boolean(&mut self, key: &str, value: bool) {
        self.key(key);
        put_display(self.out, value);
    }

    /// A text; control characters become spaces.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.out.push(b'"');
        for c in value.chars() {
            if c.is_control() {
                self.out.push(b' ');
                continue;
            }
            if matches!(c, '"' | '\\') {
                self.out.push(b'\\');
            }
            put_char(self.out, c);
        }
        self.out.push(b'"');
    }

    /// Ends the line; false, and the line is gone, if it has no field.
    pub(super) fn end(self, time: Option<i64>) -> bool {
        if self.fields == 0 {
            self.out.truncate(self.start);
            return false;
        }
        if let Some(time) = time {
            self.out.push(b' ');
            put_display(self.out, time.clamp(TIME_MIN, TIME_MAX));
        }
        self.out.push(b'\n');
        true
    }

    fn key(&mut self, key: &str) {
        self.out.push(if self.fields == 0 { b' ' } else { b',' });
        self.fields += 1;
        put_key(self.out, key, Backslash::Never);
        self.out.push(b'=');
    }
}

/// Whether a backslash may stand for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// Before an ordinary character.
    Alone,
    /// Nowhere: in a field key servers take it together with whatever follows it.
    Never,
}

/// The shortest text that reads back as the same number, with an exponent where that is shorter.
fn put_float(out: &mut Vec<u8>, value: f64) {
    let at = out.len();
    write!(out, "{value:?}").expect("writing to memory cannot fail");
    if out[at..].ends_with(b".0") {
        out.truncate(out.len() - 2);
    }
}

fn put_display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to memory cannot fail");
}

fn put_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn put_key(out: &mut Vec<u8>, key: &str, backslash: Backslash) {
    let rest = key.strip_prefix('_').inspect(|_| out.push(b'-')).unwrap_or(key);
    put_name(out, rest, b",= ", backslash);
}

/// A measurement, key or tag value, with `special` escaped.
fn put_name(out: &mut Vec<u8>, name: &str, special: &[u8], backslash: Backslash) {
    let harmless = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'=' | b'\\');
    if name.as_bytes().iter().all(harmless) {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    let mut chars = name.chars().map(|c| if c.is_control() { ' ' } else { c }).peekable();
    while let Some(c) = chars.next() {
        let at_risk = backslash == Backslash::Never
            || matches!(chars.peek(), None | Some(',' | '=' | ' ' | '\\'));
        if c == '\\' && at_risk {
            out.push(b'/');
            continue;
        }
        if u8::try_from(c).is_ok_and(|byte| special.contains(&byte)) {
            out.push(b'\\');
        }
        put_char(out, c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        measurement: &str,
        tags: &[(&str, &str)],
        fields: &[(&str, FieldValue)],
        time: Option<i64>,
        expected: &str,
    ) {
        let point = Point {
            measurement: measurement.to_owned(),
            tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            fields: fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            time,
        };
        let mut out = Vec::new();
        let written = point.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(written, !expected.is_empty());
    }

    const ONE: (&str, FieldValue) = ("v", FieldValue::Float(1.0));

    #[test]
    fn names_are_escaped_as_the_format_wants_it() {
        check("my reel,a", &[("side", "TS x")], &[ONE], None, "my\\ reel\\,a,side=TS\\ x v=1\n");
        check("m", &[("a=b", "c,d")], &[ONE], None, "m,a\\=b=c\\,d v=1\n");
        check("a=b", &[], &[ONE], None, "a=b v=1\n");
        check("m", &[("🧻", "纸机")], &[ONE], None, "m,🧻=纸机 v=1\n");
        check("m", &[], &[("a b,c=d", FieldValue::Float(1.0))], None, "m a\\ b\\,c\\=d=1\n");
    }

    #[test]
    fn what_the_format_cannot_carry_is_replaced() {
        check("m", &[("p", "C:\\")], &[ONE], None, "m,p=C:/ v=1\n");
        check("m\\", &[("p\\", "x")], &[ONE], None, "m/,p/=x v=1\n");
        check("m", &[("p", "a\\,b")], &[ONE], None, "m,p=a/\\,b v=1\n");
        check("m", &[("p", "a\\b\\\\c")], &[ONE], None, "m,p=a\\b/\\c v=1\n");
        check("m", &[("p", "a\nb\tc\u{85}")], &[ONE], None, "m,p=a\\ b\\ c\\  v=1\n");
        check("m", &[("p", "a\\\n")], &[ONE], None, "m,p=a/\\  v=1\n");
        check("m", &[("p", ""), ("", "x")], &[ONE], None, "m v=1\n");
        check("m", &[("_field", "_x")], &[ONE], None, "m,-field=_x v=1\n");
        check("m", &[], &[("_a\\b\\ c\\", FieldValue::Float(1.0))], None, "m -a/b/\\ c/=1\n");
    }

    #[test]
    fn texts_are_quoted() {
        let text = |text: &str| ("s", FieldValue::Text(text.to_owned()));
        check("m", &[], &[text("say \"hi\" \\ok")], None, "m s=\"say \\\"hi\\\" \\\\ok\"\n");
        check("m", &[], &[text("a,b=c d\r\ne")], None, "m s=\"a,b=c d  e\"\n");
        check("m", &[], &[text("")], None, "m s=\"\"\n");
        check("m", &[], &[text("\\")], None, "m s=\"\\\\\"\n");
    }

    #[test]
    fn numbers_are_short_and_read_back() {
        let float = |value| [("v", FieldValue::Float(value))];
        check("m", &[], &float(1e300), None, "m v=1e300\n");
        check("m", &[], &float(-1e-300), None, "m v=-1e-300\n");
        check("m", &[], &float(0.1), None, "m v=0.1\n");
        check("m", &[], &float(-2.0), None, "m v=-2\n");
        check("m", &[], &float(f64::MAX), None, "m v=1.7976931348623157e308\n");
        check("m", &[], &float(5e-324), None, "m v=5e-324\n");
        check("m", &[], &float(9_007_199_254_740_992.0), None, "m v=9007199254740992\n");
        let fields = [
            ("i", FieldValue::Integer(-3)),
            ("u", FieldValue::Unsigned(3)),
            ("b", FieldValue::Boolean(true)),
        ];
        check("m", &[], &fields, Some(1_700_000_000_123), "m i=-3i,u=3u,b=true 1700000000123\n");
    }

    #[test]
    fn a_point_without_a_finite_value_is_no_line() {
        check("m", &[], &[("v", FieldValue::Float(f64::NAN))], Some(1), "");
        check("m", &[], &[("v", FieldValue::Float(f64::INFINITY)), ONE], Some(1), "m v=1 1\n");
        check("m", &[], &[], None, "");
    }

    #[test]
    fn a_time_beyond_the_server_s_range_stops_at_its_end() {
        check("m", &[], &[ONE], Some(i64::MAX), "m v=1 9223372036854775806\n");
        check("m", &[], &[ONE], Some(i64::MIN), "m v=1 -9223372036854775806\n");
    }

    #[test]
    fn tags_are_written_in_order_of_their_keys() {
        check("m", &[("b", "1"), ("a", "2")], &[ONE], None, "m,a=2,b=1 v=1\n");
    }
}
