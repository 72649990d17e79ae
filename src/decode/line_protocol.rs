//! InfluxDB line protocol: many points in a payload, each with several values.
//!
//! `measurement[,tag=value…] field=value[,field=value…] [time]`, one to a line. The names of a reading
//! come from the topic or the rule where these give them, else from the point: its line, area and tag
//! from the tags that the rule names. A field `value` (or `text`) is the tag itself; another field is
//! `tag.field`; where nothing names a tag, each field is one, and the measurement stands for the area.
//!
//! A line that cannot be read is a fault of its own; the others count all the same.

use super::limits::{CACHED_TOPICS, NAME_BYTES_MAX, READINGS_MAX, fault, found};
use super::value::{not_utf8, number, numeric, textual};
use super::{Fault, NamedReading, PointNames, QualityCodes, Reason, TimeUnit, quality, time};
use crate::reading::{SourceQuality, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of one payload that are named as faults; further ones are only counted.
const FAULTS_NAMED: usize = 16;

/// What a field is called that is the tag itself.
const ITSELF: [&str; 2] = ["value", "text"];

/// How one rule reads its points.
#[derive(Debug)]
pub(super) struct PointReader {
    names: PointNames,
    /// The field that has the quality code.
    quality: Option<Arc<str>>,
    unit: TimeUnit,
    codes: QualityCodes,
    /// What is known of series, by measurement and tags as they stand.
    series: BTreeMap<Box<str>, Series>,
    /// The names of fields, each kept once.
    fields: BTreeMap<Box<str>, Arc<str>>,
}

/// What a series says of the names of its readings.
#[derive(Debug, Clone, Default)]
struct Series {
    measurement: Arc<str>,
    line: Option<Arc<str>>,
    area: Option<Arc<str>>,
    tag: Option<Arc<str>>,
}

/// The names that the topic or the rule gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    /// Empty if nothing gives it.
    pub(super) line: &'a Arc<str>,
    /// Empty if nothing gives it.
    pub(super) area: &'a Arc<str>,
    pub(super) tag: Option<&'a Arc<str>>,
}

/// What is wrong with a line, and at which byte of the payload.
type Wrong = (usize, &'static str);

/// A field of a point, as it stands.
#[derive(Debug, Clone, Copy)]
struct Field<'p> {
    key: &'p str,
    value: &'p str,
}

impl PointReader {
    pub(super) fn new(
        names: PointNames,
        quality: Option<Arc<str>>,
        unit: TimeUnit,
        codes: QualityCodes,
    ) -> Self {
        let (series, fields) = (BTreeMap::new(), BTreeMap::new());
        Self { names, quality, unit, codes, series, fields }
    }

    /// Reads all points of a payload: hands each reading to `take`, and appends what was not taken.
    pub(super) fn read(
        &mut self,
        payload: &[u8],
        given: Given<'_>,
        faults: &mut Vec<Fault>,
        mut take: impl FnMut(NamedReading),
    ) {
        let text = match std::str::from_utf8(payload) {
            Ok(text) => text,
            Err(error) => return faults.push(not_utf8(&error)),
        };
        let mut cursor = Cursor { text, at: 0 };
        let (mut fields, mut points, mut wrong) = (Vec::new(), 0_u64, 0);
        let mut left = READINGS_MAX;
        let mut refuse = |begin: usize, refused: Fault| {
            wrong += 1;
            if wrong <= FAULTS_NAMED {
                let line = text.bytes().take(begin).filter(|byte| *byte == b'\n').count() + 1;
                faults.push(fault(refused.reason, format!("line {line}: {}", refused.detail)));
            }
        };
        while cursor.next_line() {
            let begin = cursor.at;
            points += 1;
            fields.clear();
            match cursor.point(&mut fields) {
                Ok((series, stamp)) => {
                    let too_many = fields.len() > left;
                    fields.truncate(left);
                    left -= fields.len();
                    let refused = |refused| refuse(begin, refused);
                    self.point(series, &fields, stamp, given, refused, &mut take);
                    if too_many {
                        let detail =
                            format!("{READINGS_MAX} readings were taken, the rest is left out");
                        refuse(begin, fault(Reason::TooLarge, detail));
                        break;
                    }
                }
                Err((at, what)) => {
                    let detail = format!("{what}, {} bytes into it", at - begin);
                    refuse(begin, fault(Reason::NotLineProtocol, detail));
                    // Behind a text that ended: what stands in it is no line.
                    cursor.skip_line();
                }
            }
        }
        if wrong > FAULTS_NAMED {
            let detail = format!("{} more faults in the payload", wrong - FAULTS_NAMED);
            faults.push(fault(Reason::NotLineProtocol, detail));
        }
        if points == 0 {
            faults.push(fault(Reason::MissingValue, "the payload has no point"));
        }
    }

    /// The readings of one point.
    fn point(
        &mut self,
        series: &str,
        fields: &[Field<'_>],
        stamp: Option<&str>,
        given: Given<'_>,
        mut refuse: impl FnMut(Fault),
        take: &mut impl FnMut(NamedReading),
    ) {
        let known = match self.series(series) {
            Ok(known) => known,
            Err(refused) => return refuse(refused),
        };
        let at = match stamp.map(|stamp| time::read(stamp, self.unit)).transpose() {
            Ok(at) => at,
            // Its values would land at a wrong instant.
            Err(what) => return refuse(fault(Reason::BadTime, what)),
        };
        let quality = self.quality_of(fields, &mut refuse);
        let line = if given.line.is_empty() { known.line } else { Some(Arc::clone(given.line)) };
        let line = line.unwrap_or_default();
        let tag = given.tag.cloned().or(known.tag);
        let area = match (given.area.is_empty(), known.area, &tag) {
            (false, ..) => Arc::clone(given.area),
            (true, Some(area), _) => area,
            (true, None, Some(_)) => Arc::default(),
            (true, None, None) => known.measurement,
        };
        for Field { key, value } in fields {
            if self.quality.as_deref().is_some_and(|quality| *quality == *unescaped(key)) {
                continue;
            }
            let name = match &tag {
                Some(tag) if ITSELF.contains(key) => Ok(Arc::clone(tag)),
                Some(tag) => self.field(&format!("{tag}.{}", unescaped(key))),
                None => self.field(key),
            };
            match name.and_then(|name| Ok((name, self::value(value, key)?))) {
                Ok((tag, value)) => {
                    let (line, area) = (Arc::clone(&line), Arc::clone(&area));
                    take(NamedReading { line, area, tag, at, value, quality });
                }
                Err(refused) => refuse(refused),
            }
        }
    }

    /// The quality of a point. With a code that cannot be read its values are kept as bad: stored,
    /// never judged.
    fn quality_of(&self, fields: &[Field<'_>], refuse: &mut impl FnMut(Fault)) -> SourceQuality {
        let Some(name) = &self.quality else { return SourceQuality::Good };
        let Some(field) = fields.iter().find(|field| *unescaped(field.key) == **name) else {
            return SourceQuality::Good;
        };
        let code = match field.value.strip_prefix('"') {
            Some(text) => Cow::Borrowed(text.strip_suffix('"').unwrap_or(text)),
            None => Cow::Borrowed(field.value.trim_end_matches(['i', 'u'])),
        };
        quality::read(&code, self.codes).unwrap_or_else(|| {
            let detail = format!("field `{name}`: `{}` is no code", found(&code));
            refuse(fault(Reason::BadQuality, detail));
            SourceQuality::Bad
        })
    }

    /// The names of a series, from memory or read anew.
    fn series(&mut self, text: &str) -> Result<Series, Fault> {
        if let Some(known) = self.series.get(text) {
            return Ok(known.clone());
        }
        let mut parts = split(text, b',');
        let measurement = parts.next().unwrap_or_default();
        let mut series =
            Series { measurement: name(&unescaped(measurement))?, ..Series::default() };
        for part in parts {
            let (key, value) = match find(part.as_bytes(), b"=") {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, ""),
            };
            let place = match &*unescaped(key) {
                key if *key == *self.names.line => &mut series.line,
                key if *key == *self.names.area => &mut series.area,
                key if *key == *self.names.tag => &mut series.tag,
                _ => continue,
            };
            *place = Some(name(&unescaped(value))?);
        }
        if self.series.len() < CACHED_TOPICS {
            self.series.insert(text.into(), series.clone());
        }
        Ok(series)
    }

    /// The name of a field, kept once.
    fn field(&mut self, key: &str) -> Result<Arc<str>, Fault> {
        if let Some(known) = self.fields.get(key) {
            return Ok(Arc::clone(known));
        }
        let named = name(&unescaped(key))?;
        if self.fields.len() < CACHED_TOPICS {
            self.fields.insert(key.into(), Arc::clone(&named));
        }
        Ok(named)
    }
}

/// A name that may stand in series and logs.
fn name(text: &str) -> Result<Arc<str>, Fault> {
    if text.len() > NAME_BYTES_MAX {
        let detail = format!("a name has {} bytes, {NAME_BYTES_MAX} allowed", text.len());
        return Err(fault(Reason::NotLineProtocol, detail));
    }
    if text.contains(char::is_control) {
        let detail = format!("a name has a control character: `{}`", found(text));
        return Err(fault(Reason::NotLineProtocol, detail));
    }
    Ok(text.into())
}

/// The value of a field as it stands.
fn value(text: &str, key: &str) -> Result<Value, Fault> {
    let no_number = || {
        let detail = format!("field `{}`: `{}` is no finite number", found(key), found(text));
        fault(Reason::NotFinite, detail)
    };
    match text.as_bytes() {
        [b'"', ..] => {
            let inner = text.get(1..text.len() - 1).unwrap_or_default();
            let inner = without(inner, |next| matches!(next, '"' | '\\'));
            textual(&inner, &format!("field `{}`", found(key)))
        }
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Ok(number(1.0)),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Ok(number(0.0)),
        [.., b'i' | b'u'] => {
            let digits = text.get(..text.len() - 1).unwrap_or_default();
            let whole = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let read = numeric(digits).filter(|_| whole).and_then(Result::ok);
            read.ok_or_else(no_number)
        }
        _ => numeric(text).and_then(Result::ok).ok_or_else(no_number),
    }
}

/// A name without its escapes.
fn unescaped(text: &str) -> Cow<'_, str> {
    without(text, |next| matches!(next, ',' | '=' | ' '))
}

/// A text without the backslashes that stand before what they escape; others are meant.
fn without(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '\\' && escapes(*next) => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

/// The first of these bytes that no backslash stands before.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut escaped = false;
    bytes.iter().position(|byte| {
        let hit = !escaped && wanted.contains(byte);
        escaped = *byte == b'\\' && !escaped;
        hit
    })
}

/// The parts between separators that no backslash stands before.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match find(text.as_bytes(), &[separator]) {
            Some(at) => {
                rest = Some(&text[at + 1..]);
                Some(&text[..at])
            }
            None => rest.take(),
        }
    })
}

/// A place in the payload.
struct Cursor<'p> {
    text: &'p str,
    at: usize,
}

impl<'p> Cursor<'p> {
    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes to the next line that has a point; false at the end.
    fn next_line(&mut self) -> bool {
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return false;
            }
            let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
            match rest.as_bytes().get(spaces) {
                None => return false,
                Some(b'\n' | b'#') => self.skip_line(),
                Some(_) => {
                    self.at += spaces;
                    return true;
                }
            }
        }
    }

    /// Goes behind the end of the line.
    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
    }

    /// Takes up to one of these bytes; it stands at the cursor then.
    fn until(&mut self, ends: &[u8]) -> &'p str {
        let rest = self.rest();
        let len = find(rest.as_bytes(), ends).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    /// Takes the byte at the cursor, if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let hit = self.rest().as_bytes().first() == Some(&byte);
        self.at += usize::from(hit);
        hit
    }

    /// Reads a point with the end of its line: its series, its fields, its time if it has one.
    fn point(&mut self, fields: &mut Vec<Field<'p>>) -> Result<(&'p str, Option<&'p str>), Wrong> {
        let begin = self.at;
        let series = self.until(b" \n");
        if series.starts_with(',') {
            return Err((begin, "no measurement"));
        }
        if !self.takes(b' ') {
            return Err((self.at, "no fields"));
        }
        loop {
            let begin = self.at;
            let key = self.until(b"=, \n");
            if key.is_empty() {
                return Err((begin, "no name of a field"));
            }
            if !self.takes(b'=') {
                return Err((self.at, "no `=` after the name of a field"));
            }
            let value = self.value()?;
            fields.push(Field { key, value });
            if !self.takes(b',') {
                break;
            }
        }
        let stamp = if self.takes(b' ') { self.until(b"\n").trim() } else { "" };
        self.takes(b'\r');
        if !self.rest().is_empty() && !self.takes(b'\n') {
            return Err((self.at, "no end of the line"));
        }
        Ok((series, (!stamp.is_empty()).then_some(stamp)))
    }

    /// Reads the value of a field.
    fn value(&mut self) -> Result<&'p str, Wrong> {
        let begin = self.at;
        if !self.takes(b'"') {
            let value = self.until(b", \r\n");
            return if value.is_empty() { Err((begin, "no value")) } else { Ok(value) };
        }
        self.until(b"\"");
        if !self.takes(b'"') {
            self.at = begin;
            return Err((begin, "a text that does not end"));
        }
        Ok(self.text.get(begin..self.at).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
