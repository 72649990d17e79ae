//! JSON documents: one value at a pointer, or many.

use super::limits::{TEXT_BYTES_MAX, fault, found};
use super::pointer::PointerTree;
use super::value::{not_utf8, number, numeric, textual};
use super::{Fault, JsonValues, QualityCodes, Reason, TimeUnit, quality, time};
use crate::reading::{SourceQuality, Timestamp, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// How one rule reads its documents: all its pointers, ready to be found in one pass.
#[derive(Debug)]
pub(super) struct JsonReader {
    tree: PointerTree,
    /// Pointer and, for `fields`, the tag of each value, in the order of the slots.
    values: Vec<(Arc<str>, Option<Arc<str>>)>,
    time: Option<(Arc<str>, usize)>,
    quality: Option<(Arc<str>, usize)>,
    unit: TimeUnit,
    codes: QualityCodes,
}

/// What a document says besides its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stamp {
    /// Its time, if it has one.
    pub(super) at: Option<Timestamp>,
    /// Its quality; good if it says nothing.
    pub(super) quality: SourceQuality,
}

impl JsonReader {
    pub(super) fn new(
        values: &JsonValues,
        time: Option<&Arc<str>>,
        quality: Option<&Arc<str>>,
        unit: TimeUnit,
        codes: QualityCodes,
    ) -> Self {
        let values: Vec<_> = match values {
            JsonValues::One(pointer) => vec![(Arc::clone(pointer), None)],
            JsonValues::Fields(fields) => fields
                .iter()
                .map(|(tag, pointer)| (Arc::clone(pointer), Some(Arc::clone(tag))))
                .collect(),
        };
        let mut pointers: Vec<Arc<str>> =
            values.iter().map(|(pointer, _)| Arc::clone(pointer)).collect();
        let mut slot = |pointer: &Arc<str>| {
            pointers.push(Arc::clone(pointer));
            (Arc::clone(pointer), pointers.len() - 1)
        };
        let time = time.map(&mut slot);
        let quality = quality.map(&mut slot);
        let tree = PointerTree::new(pointers.iter().map(|pointer| &**pointer));
        Self { tree, values, time, quality, unit, codes }
    }

    /// Reads a document: hands each value to `take` with its tag (`None`: the topic's) and the
    /// document's stamp, and appends what was not taken.
    ///
    /// A value that is `null` or absent is no reading. That is a fault only when no value at all is
    /// there: sources leave out what did not change. A time that is absent or `null` leaves the
    /// receive time to stand in; a time that cannot be read discards the document, since its values
    /// would land at a wrong instant. With a quality code that cannot be read the values are kept as
    /// bad: stored, never judged.
    pub(super) fn read(
        &self,
        payload: &[u8],
        faults: &mut Vec<Fault>,
        mut take: impl FnMut(Option<&Arc<str>>, Stamp, Value),
    ) {
        let slots = match self.slots(payload) {
            Ok(slots) => slots,
            Err(fault) => return faults.push(fault),
        };
        let at_slot = |slot: usize| slots.get(slot).copied().flatten().filter(|raw| *raw != "null");
        let mut stamp = Stamp { at: None, quality: SourceQuality::Good };
        if let Some((pointer, raw)) =
            self.time.as_ref().and_then(|(pointer, slot)| Some((pointer, at_slot(*slot)?)))
        {
            match time::read(&scalar(raw), self.unit) {
                Ok(at) => stamp.at = Some(at),
                Err(what) => {
                    return faults
                        .push(fault(Reason::BadTime, format!("time at {pointer}: {what}")));
                }
            }
        }
        if let Some((pointer, raw)) =
            self.quality.as_ref().and_then(|(pointer, slot)| Some((pointer, at_slot(*slot)?)))
        {
            stamp.quality = quality::read(&scalar(raw), self.codes).unwrap_or_else(|| {
                let detail = format!("quality at {pointer}: `{}` is no code", found(raw));
                faults.push(fault(Reason::BadQuality, detail));
                SourceQuality::Bad
            });
        }
        let mut present = false;
        for (slot, (pointer, tag)) in self.values.iter().enumerate() {
            let Some(raw) = at_slot(slot) else { continue };
            present = true;
            match self::value(raw, pointer) {
                Ok(value) => take(tag.as_ref(), stamp, value),
                Err(fault) => faults.push(fault),
            }
        }
        if !present {
            faults.push(self.nothing());
        }
    }

    fn slots<'p>(&self, payload: &'p [u8]) -> Result<Vec<Option<&'p str>>, Fault> {
        let text = std::str::from_utf8(payload).map_err(|error| not_utf8(&error))?;
        // Some gateways write a byte order mark, which JSON does not know.
        let document = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.tree.find(document).map_err(|error| not_json(document, &error))
    }

    fn nothing(&self) -> Fault {
        let what = match self.values.as_slice() {
            [(pointer, _)] => format!("no value at `{pointer}`"),
            [(pointer, _), ..] => {
                format!("none of the {} fields has a value, `{pointer}` first", self.values.len())
            }
            [] => "the rule asks for no value".to_owned(),
        };
        fault(Reason::MissingValue, what)
    }
}

/// A scalar's text without the quotes of a JSON string.
fn scalar(raw: &str) -> Cow<'_, str> {
    if raw.starts_with('"') {
        return string(raw);
    }
    Cow::Borrowed(raw)
}

/// The text of a JSON string.
fn string(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if inner.contains('\\') {
        // Lone surrogates are the one thing that the first pass lets through and this one refuses;
        // the escapes then stay as they are.
        return serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned);
    }
    Cow::Borrowed(inner)
}

/// The value of a JSON text, as found at a pointer.
fn value(raw: &str, pointer: &str) -> Result<Value, Fault> {
    match raw.as_bytes().first() {
        Some(b't') => Ok(number(1.0)),
        Some(b'f') => Ok(number(0.0)),
        Some(b'"') => textual(&string(raw), &format!("the value at {pointer}")),
        Some(b'{') => Err(wrong_type("an object", pointer)),
        Some(b'[') => Err(wrong_type("an array", pointer)),
        _ => numeric(raw).and_then(Result::ok).ok_or_else(|| {
            let detail = format!("`{}` at {pointer} is no finite number", found(raw));
            fault(Reason::NotFinite, detail)
        }),
    }
}

fn wrong_type(what: &str, pointer: &str) -> Fault {
    fault(Reason::WrongType, format!("{what} at {pointer}, a number, boolean or text was expected"))
}

/// The fault of a text that is no JSON: where, and whether a bare NaN or infinity is to blame.
pub(super) fn not_json(document: &str, error: &serde_json::Error) -> Fault {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(values: &JsonValues) -> JsonReader {
        let (time, quality) = ("/ts".into(), "/q".into());
        JsonReader::new(values, Some(&time), Some(&quality), TimeUnit::Millis, QualityCodes::OpcDa)
    }

    /// Prints what a document gives: `tag@ms=value(quality)` and `!reason: detail`.
    fn read(reader: &JsonReader, payload: &[u8]) -> String {
        let mut lines = Vec::new();
        let mut faults = Vec::new();
        reader.read(payload, &mut faults, |tag, stamp, value| {
            let at = stamp.at.map_or("-".to_owned(), |at| at.as_millis().to_string());
            let value = match value {
                Value::Number(number) => number.get().to_string(),
                Value::Text(text) => format!("{text:?}"),
            };
            let tag = tag.map_or("*", |tag| &**tag);
            lines.push(format!("{tag}@{at}={value}({:?})", stamp.quality));
        });
        lines.extend(faults.iter().map(|f| format!("!{}: {}", f.reason.as_str(), f.detail)));
        lines.join(" | ")
    }

    #[track_caller]
    fn check(payload: &str, expected: &str) {
        let one = reader(&JsonValues::One("/v".into()));
        assert_eq!(read(&one, payload.as_bytes()), expected);
    }

    #[track_caller]
    fn check_fields(payload: &str, expected: &str) {
        let fields =
            JsonValues::Fields(vec![("bw".into(), "/bw".into()), ("m".into(), "/m".into())]);
        assert_eq!(read(&reader(&fields), payload.as_bytes()), expected);
    }

    #[test]
    fn one_value() {
        check(r#"{"v":15.02,"ts":1000}"#, "*@1000=15.02(Good)");
        check(r#"{"v":true}"#, "*@-=1(Good)");
        check(r#"{"v":"12"}"#, "*@-=\"12\"(Good)");
        check(r#"{"v":"\u7eb8"}"#, "*@-=\"纸\"(Good)");
        check(r#"{"v":9007199254740993}"#, "*@-=\"9007199254740993\"(Good)");
        check("\u{feff}{\"v\":1}", "*@-=1(Good)");
        check(r#"{"v":1,"ts":null,"q":null}"#, "*@-=1(Good)");
        check(r#"{"v":1,"ts":"1970-01-01T00:00:01Z","q":64}"#, "*@1000=1(Uncertain)");
        check(r#"{"v":1,"ts":"1000.5","q":"192"}"#, "*@1000=1(Good)");
    }

    #[test]
    fn what_is_not_taken_says_where() {
        check(r#"{"x":1}"#, "!missing-value: no value at `/v`");
        check(r#"{"v":null}"#, "!missing-value: no value at `/v`");
        check(
            r#"{"v":[1]}"#,
            "!wrong-type: an array at /v, a number, boolean or text was expected",
        );
        check(r#"{"v":1e999}"#, "!not-finite: `1e999` at /v is no finite number");
        check(
            r#"{"v":1,"ts":"soon"}"#,
            "!bad-time: time at /ts: `soon` is neither a number nor an RFC 3339 time",
        );
        check(
            r#"{"v":1,"ts":1e300}"#,
            "!bad-time: time at /ts: `1e300` is outside the years 1677 to 2262",
        );
        check(
            r#"{"v":1,"q":"?"}"#,
            "*@-=1(Bad) | !bad-quality: quality at /q: `\\\"?\\\"` is no code",
        );
        check(r#"{"v":NaN}"#, "!not-finite: `NaN` at offset 5: JSON has no such number");
        check(
            r#"{"a":0,"v":-Infinity}"#,
            "!not-finite: `-Infinity` at offset 12: JSON has no such number",
        );
        check(r#"{"v":nan}"#, "!not-finite: `nan` at offset 6: JSON has no such number");
        check("", "!not-json: the payload is empty");
        check("{\"v\":1", "!not-json: EOF while parsing an object at offset 6, near `1`");
        check("{\n\"v\":1,,}", "!not-json: key must be a string at offset 8, near ``");
        check("{\"v\":1} x", "!not-json: trailing characters at offset 8, near `x`");
        let one = reader(&JsonValues::One("/v".into()));
        assert_eq!(read(&one, b"{\"v\":\"\xff\"}"), "!not-utf8: no UTF-8 at offset 6");
    }

    #[test]
    fn of_many_fields_those_that_are_there_are_taken() {
        check_fields(r#"{"ts":5,"bw":15,"m":5.5}"#, "bw@5=15(Good) | m@5=5.5(Good)");
        check_fields(r#"{"ts":5,"bw":null,"m":5.5}"#, "m@5=5.5(Good)");
        check_fields(
            r#"{"ts":5,"bw":{},"m":5.5}"#,
            "m@5=5.5(Good) | !wrong-type: an object at /bw, a number, boolean or text was expected",
        );
        check_fields(
            r#"{"ts":5}"#,
            "!missing-value: none of the 2 fields has a value, `/bw` first",
        );
    }
}
