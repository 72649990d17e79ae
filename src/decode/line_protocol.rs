//! InfluxDB line protocol: many points in a payload, each with several values.
//!
//! `measurement[,tag=value…] field=value[,field=value…] [time]`, one to a line. The names of a reading
//! come from the topic or the rule where these give them, else from the point: its line, area and tag
//! from the tags that the rule names. A field `value` (or `text`) is the tag itself; another field is
//! `tag.field`; where nothing names a tag, each field is one, and the measurement stands for the area.
//! What neither topic and rule nor the point say, a property of the message may.
//!
//! A line that cannot be read is a fault of its own; the others count all the same.

use super::limits::{CACHED_TOPICS, READINGS_MAX, Refusals, fault, found};
use super::names::checked;
use super::octets::first_of;
use super::stated::{Part, Stated, or};
use super::topics::Remembered;
use super::value::{number, numeric, textual, utf8};
use super::{Fault, NamedReading, PointNames, QualityCodes, Reason, TimeUnit, quality, time};
use crate::reading::{SourceQuality, Value};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What a field is called that is the tag itself.
const ITSELF: [&str; 2] = ["value", "text"];
/// Fields of a series whose names are kept.
const FIELDS_KEPT: usize = 64;

/// How one rule reads its points.
#[derive(Debug)]
pub(super) struct PointReader {
    names: PointNames,
    /// The field that has the quality code.
    quality: Option<Arc<str>>,
    unit: TimeUnit,
    codes: QualityCodes,
    /// What is known of series, by measurement and tags as they stand.
    series: Remembered<Series>,
    /// Names of fields that are kept, in all series.
    kept: usize,
    /// The fields of the point that is being read: where key and value stand.
    fields: Vec<Field>,
}

/// What is known of a series.
#[derive(Debug, Clone, Default)]
struct Series {
    said: Said,
    fields: Fields,
}

/// What a series says of the names of its readings.
#[derive(Debug, Clone, Default)]
struct Said {
    measurement: Arc<str>,
    line: Option<Arc<str>>,
    area: Option<Arc<str>>,
    tag: Option<Arc<str>>,
    unit: Option<Arc<str>>,
}

/// Keys of fields as they stand, and the tags that they are, where the topic gives none.
#[derive(Debug, Clone, Default)]
struct Fields(Vec<(Box<str>, Arc<str>)>);

/// The names that the topic or the rule gives, and what properties say where neither these nor the point do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    /// Empty if nothing gives it.
    pub(super) line: &'a Arc<str>,
    /// Empty if nothing gives it.
    pub(super) area: &'a Arc<str>,
    pub(super) tag: Option<&'a Arc<str>>,
    pub(super) stated: &'a Stated,
}

impl Given<'_> {
    /// With what properties say where neither these names nor those of the point are any.
    fn or_stated(self, said: &Said) -> Result<Self, Fault> {
        let Self { mut line, mut area, mut tag, stated } = self;
        if line.is_empty() && said.line.is_none() {
            line = known(&stated.line)?.unwrap_or(line);
        }
        if area.is_empty() && said.area.is_none() {
            area = known(&stated.area)?.unwrap_or(area);
        }
        if tag.is_none() && said.tag.is_none() {
            tag = known(&stated.tag)?;
        }
        Ok(Self { line, area, tag, stated })
    }
}

fn known(name: &Part<Arc<str>>) -> Result<Option<&Arc<str>>, Fault> {
    name.as_ref().map(Option::as_ref).map_err(Clone::clone)
}

/// What is wrong with a line, and at which byte of the payload.
type Wrong = (usize, &'static str);

/// A field of a point: the offsets at which its key and its value begin and end in the payload.
#[derive(Debug, Clone)]
struct Field {
    key: Range<usize>,
    value: Range<usize>,
}

impl PointReader {
    pub(super) fn new(
        names: PointNames,
        quality: Option<Arc<str>>,
        unit: TimeUnit,
        codes: QualityCodes,
    ) -> Self {
        let series = Remembered::new();
        Self { names, quality, unit, codes, series, kept: 0, fields: Vec::new() }
    }

    /// Reads all points of a payload that came at `received`: hands each reading to `take` with the unit
    /// in which the point says it was sent, and appends what was not taken.
    pub(super) fn read(
        &mut self,
        payload: &[u8],
        given: Given<'_>,
        faults: &mut Vec<Fault>,
        mut take: impl FnMut(NamedReading, Option<&str>),
    ) {
        let text = match utf8(payload) {
            Ok(text) => text,
            Err(refused) => return faults.push(refused),
        };
        let mut cursor = Cursor { text, at: 0 };
        let mut fields = std::mem::take(&mut self.fields);
        let mut refusals = Refusals::new(faults);
        let (mut points, mut left) = (0_u64, READINGS_MAX);
        while cursor.next_line() {
            let begin = cursor.at;
            points += 1;
            fields.clear();
            let known = refusals.known();
            match cursor.point(&mut fields) {
                Ok((series, stamp)) => {
                    let too_many = fields.len() > left;
                    fields.truncate(left);
                    left -= fields.len();
                    let point = Point { text, series, fields: &fields, stamp };
                    self.point(&point, given, &mut refusals, &mut take);
                    if too_many {
                        let detail =
                            format!("{READINGS_MAX} readings were taken, the rest is left out");
                        refusals.push(fault(Reason::TooLarge, detail));
                        refusals.stand(known, text, begin);
                        break;
                    }
                }
                Err((at, what)) => {
                    let detail = format!("{what}, {} bytes into it", at - begin);
                    refusals.push(fault(Reason::NotLineProtocol, detail));
                    // Behind a text that ended: what stands in it is no line.
                    cursor.skip_line();
                }
            }
            refusals.stand(known, text, begin);
        }
        if points == 0 {
            refusals.push(fault(Reason::MissingValue, "the payload has no point"));
        }
        refusals.end();
        self.fields = fields;
    }

    /// The readings of one point.
    fn point(
        &mut self,
        point: &Point<'_>,
        given: Given<'_>,
        refusals: &mut Refusals<'_>,
        take: &mut impl FnMut(NamedReading, Option<&str>),
    ) {
        let stamp = point.stamp.map(|stamp| time::read(stamp, self.unit)).transpose();
        let stamp = stamp.map_err(|what| fault(Reason::BadTime, what));
        let at = match stamp.and_then(|own| or(own, &given.stated.time)) {
            Ok(at) => at,
            // Its values would land at a wrong instant.
            Err(refused) => return refusals.push(refused),
        };
        let quality_field = self.quality.as_ref().and_then(|name| {
            let is = |field: &Field| *unescaped(point.slice(&field.key)) == **name;
            point.fields.iter().position(is).map(|ix| (ix, Arc::clone(name)))
        });
        let quality = match &quality_field {
            Some((ix, name)) => self.quality_of(point, *ix, name, refusals),
            None => match &given.stated.quality {
                Ok(stated) => stated.unwrap_or_default(),
                Err(refused) => {
                    refusals.push(refused.clone());
                    SourceQuality::Bad
                }
            },
        };
        let quality_field = quality_field.map(|(ix, _)| ix);
        let mut fresh;
        let place = self.series.find(0, point.series);
        let known = if let Some(known) = place.and_then(|place| self.series.get_mut(place)) {
            known
        } else {
            fresh = match self.series_of(point.series) {
                Ok(series) => series,
                Err(refused) => return refusals.push(refused),
            };
            self.series.insert(0, point.series.into(), fresh.clone());
            &mut fresh
        };
        let (said, fields) = (&known.said, &mut known.fields);
        let given = match given.or_stated(said) {
            Ok(given) => given,
            Err(refused) => return refusals.push(refused),
        };
        let line = match &said.line {
            Some(line) if given.line.is_empty() => line,
            _ => given.line,
        };
        let area = match (&said.area, given.tag.or(said.tag.as_ref())) {
            (Some(area), _) if given.area.is_empty() => area,
            (None, None) if given.area.is_empty() => &said.measurement,
            _ => given.area,
        };
        let mut present = false;
        for (ix, field) in point.fields.iter().enumerate() {
            let key = point.slice(&field.key);
            let is_quality = |name: &Arc<str>| *unescaped(key) == **name;
            if quality_field == Some(ix)
                || (quality_field.is_some() && self.quality.as_ref().is_some_and(is_quality))
            {
                continue;
            }
            present = true;
            let tag = match given.tag {
                Some(tag) if ITSELF.contains(&key) => Ok(Arc::clone(tag)),
                Some(tag) => checked(&format!("{tag}.{}", unescaped(key)), Reason::NotLineProtocol),
                None => fields.tag_of(said.tag.as_ref(), ix, key, &mut self.kept),
            };
            match tag.and_then(|tag| Ok((tag, self::value(point.slice(&field.value), key)?))) {
                Ok((tag, value)) => {
                    let (line, area) = (Arc::clone(line), Arc::clone(area));
                    let reading = NamedReading { line, area, tag, at, value, quality };
                    take(reading, said.unit.as_deref().or(given.stated.unit.as_deref()));
                }
                Err(refused) => refusals.push(refused),
            }
        }
        if !present && !point.fields.is_empty() {
            refusals.push(fault(Reason::MissingValue, "a quality code and no value"));
        }
    }

    /// The quality of a point. With a code that cannot be read its values are kept as bad: stored,
    /// never judged.
    fn quality_of(
        &self,
        point: &Point<'_>,
        field: usize,
        name: &str,
        refusals: &mut Refusals<'_>,
    ) -> SourceQuality {
        let value = point.fields.get(field).map_or("", |field| point.slice(&field.value));
        let code = match value.strip_prefix('"') {
            Some(text) => text.strip_suffix('"').unwrap_or(text),
            None => value.trim_end_matches(['i', 'u']),
        };
        quality::read(code, self.codes).unwrap_or_else(|| {
            let detail = format!("field `{name}`: `{}` is no code", found(code));
            refusals.push(fault(Reason::BadQuality, detail));
            SourceQuality::Bad
        })
    }

    /// What a series says, read anew.
    fn series_of(&self, text: &str) -> Result<Series, Fault> {
        let name = |text: &str| match text {
            "" => Ok(Arc::default()),
            _ => checked(text, Reason::NotLineProtocol),
        };
        let mut parts = split(text, b',');
        let measurement = parts.next().unwrap_or_default();
        let mut said = Said { measurement: name(&unescaped(measurement))?, ..Said::default() };
        for part in parts {
            let (key, value) = match find(part.as_bytes(), *b"\\=") {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, ""),
            };
            let place = match &*unescaped(key) {
                key if *key == *self.names.line => &mut said.line,
                key if *key == *self.names.area => &mut said.area,
                key if *key == *self.names.tag => &mut said.tag,
                key if self.names.unit.as_deref() == Some(key) => &mut said.unit,
                _ => continue,
            };
            *place = Some(name(&unescaped(value))?);
        }
        Ok(Series { said, fields: Fields::default() })
    }
}

impl Fields {
    /// The tag that a field is, where the topic gives none and the series may give one; `ix` is where it
    /// mostly stands.
    fn tag_of(
        &mut self,
        series: Option<&Arc<str>>,
        ix: usize,
        key: &str,
        kept: &mut usize,
    ) -> Result<Arc<str>, Fault> {
        let is = |(known, _): &&(Box<str>, Arc<str>)| **known == *key;
        let known = self.0.get(ix).filter(is).or_else(|| self.0.iter().find(is));
        if let Some((_, tag)) = known {
            return Ok(Arc::clone(tag));
        }
        let tag = match series {
            Some(tag) if ITSELF.contains(&key) => Arc::clone(tag),
            Some(tag) => checked(&format!("{tag}.{}", unescaped(key)), Reason::NotLineProtocol)?,
            None => checked(&unescaped(key), Reason::NotLineProtocol)?,
        };
        if self.0.len() < FIELDS_KEPT && *kept < CACHED_TOPICS {
            *kept += 1;
            self.0.push((key.into(), Arc::clone(&tag)));
        }
        Ok(tag)
    }
}

/// A point as it stands in the payload.
struct Point<'p> {
    text: &'p str,
    series: &'p str,
    fields: &'p [Field],
    stamp: Option<&'p str>,
}

impl<'p> Point<'p> {
    fn slice(&self, place: &Range<usize>) -> &'p str {
        self.text.get(place.clone()).unwrap_or_default()
    }
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
            textual(&inner, || format!("field `{}`", found(key)))
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

/// The first of these bytes that no backslash stands before; the backslash is one of them.
#[inline]
fn find<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + first_of(bytes.get(from..)?, wanted)?;
        if bytes.get(at) != Some(&b'\\') {
            return Some(at);
        }
        // What it stands before means itself.
        from = at + 2;
    }
}

/// The parts between separators that no backslash stands before.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match find(text.as_bytes(), [b'\\', separator]) {
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
            match rest.as_bytes() {
                [] => return false,
                [b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => {}
                _ => return true,
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

    /// Takes up to a byte that ends it, of which the backslash is one; that stands at the cursor then.
    #[inline]
    fn until<const N: usize>(&mut self, ends: [u8; N]) -> Range<usize> {
        let (begin, rest) = (self.at, self.rest().as_bytes());
        self.at += find(rest, ends).unwrap_or(rest.len());
        begin..self.at
    }

    fn slice(&self, place: Range<usize>) -> &'p str {
        self.text.get(place).unwrap_or_default()
    }

    /// Takes the byte at the cursor, if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let hit = self.rest().as_bytes().first() == Some(&byte);
        self.at += usize::from(hit);
        hit
    }

    /// Reads a point with the end of its line: its series, its fields, its time if it has one.
    fn point(&mut self, fields: &mut Vec<Field>) -> Result<(&'p str, Option<&'p str>), Wrong> {
        let begin = self.at;
        let series = self.until(*b"\\ \n");
        let series = self.slice(series);
        if series.starts_with(',') {
            return Err((begin, "no measurement"));
        }
        if !self.takes(b' ') {
            return Err((self.at, "no fields"));
        }
        loop {
            let key = self.until(*b"\\=, \n");
            if key.is_empty() {
                return Err((key.start, "no name of a field"));
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
        let stamp = if self.takes(b' ') {
            let stamp = self.until(*b"\\\n");
            self.slice(stamp).trim()
        } else {
            ""
        };
        self.takes(b'\r');
        if !self.rest().is_empty() && !self.takes(b'\n') {
            return Err((self.at, "no end of the line"));
        }
        Ok((series, (!stamp.is_empty()).then_some(stamp)))
    }

    /// Reads the value of a field.
    fn value(&mut self) -> Result<Range<usize>, Wrong> {
        let begin = self.at;
        if !self.takes(b'"') {
            let value = self.until(*b"\\, \r\n");
            return if value.is_empty() { Err((begin, "no value")) } else { Ok(value) };
        }
        self.until(*b"\\\"");
        if !self.takes(b'"') {
            self.at = begin;
            return Err((begin, "a text that does not end"));
        }
        Ok(begin..self.at)
    }
}

#[cfg(test)]
mod tests;
