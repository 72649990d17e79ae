//! JSON: one value in a document, or many; readings in arrays, under keys, in columns.
//!
//! A rule's pointers are worked out once ([`path`], [`plan`]), found in one pass over a document
//! ([`table`], over [`scan`]), and read from there, item by item.

pub(super) mod path;
mod plan;
mod scan;
mod table;
mod words;

pub(super) use words::not_json;

use super::limits::{READINGS_MAX, Refusals, fault, found};
use super::names::Interner;
use super::value::{number, numeric, textual, utf8};
use super::{Fault, JsonRule, QualityCodes, Reason, TimeUnit, quality, time};
use crate::reading::{SourceQuality, Timestamp, Value};
use plan::{Item, Plan, TextAt, ValueAt};
use std::borrow::Cow;
use std::sync::Arc;
use table::{Place, Tables};

/// How one rule reads its documents.
#[derive(Debug)]
pub(super) struct JsonReader {
    plan: Plan,
    /// A document on each line.
    lines: bool,
    times: TimeUnit,
    codes: QualityCodes,
    /// Where the document names no tag, something else may.
    tag_elsewhere: bool,
    names: Interner,
    tables: Tables,
    /// The row of each scope that belongs to the item.
    rows: Vec<Option<usize>>,
}

/// A value, and what a document says of it.
#[derive(Debug)]
pub(super) struct Said<'d> {
    /// Its tag, by `fields` or by the document; `None`: the topic's.
    pub(super) tag: Option<Arc<str>>,
    /// Its line, where the document names it.
    pub(super) line: Option<Arc<str>>,
    /// Its area, where the document names it.
    pub(super) area: Option<Arc<str>>,
    /// Its time, if it has one.
    pub(super) at: Option<Timestamp>,
    /// Its quality, if the document says something of it.
    pub(super) quality: Option<SourceQuality>,
    /// The unit in which it was sent, where the document names it.
    pub(super) unit: Option<Cow<'d, str>>,
    /// The value.
    pub(super) value: Value,
}

impl Said<'_> {
    /// A value of which nothing is said.
    pub(super) fn only(value: Value) -> Self {
        Self { tag: None, line: None, area: None, at: None, quality: None, unit: None, value }
    }
}

/// What was read last: values of an item, or of all items, mostly share one time and one quality.
#[derive(Debug, Default)]
struct Last {
    time: Option<(Place, Result<Timestamp, Unreadable>)>,
    quality: Option<(Place, SourceQuality)>,
}

/// A time that cannot be read, which has been told.
#[derive(Debug, Clone, Copy)]
struct Unreadable;

impl JsonReader {
    pub(super) fn new(rule: &JsonRule, times: TimeUnit, codes: QualityCodes) -> Self {
        let (plan, lines, tag_elsewhere) = (Plan::new(rule), rule.lines, false);
        let (names, tables) = (Interner::default(), Tables::default());
        Self { plan, lines, times, codes, tag_elsewhere, names, tables, rows: Vec::new() }
    }

    /// A document may leave it to something else to name the tag.
    pub(super) fn with_tag_elsewhere(self, tag_elsewhere: bool) -> Self {
        Self { tag_elsewhere, ..self }
    }

    /// Reads a payload that came at `received`: hands each value to `take`, and appends what was not
    /// taken.
    ///
    /// A value that is `null` or absent is no reading. That is a fault only when no value at all is
    /// there: sources leave out what did not change. A time that is absent or `null` leaves the
    /// receive time to stand in; a time that cannot be read discards its values, which would land at a
    /// wrong instant. With a quality code that cannot be read the values are kept as bad: stored,
    /// never judged.
    pub(super) fn read(
        &mut self,
        payload: &[u8],
        faults: &mut Vec<Fault>,
        mut take: impl FnMut(Said<'_>),
    ) {
        let text = match utf8(payload) {
            Ok(text) => text,
            Err(refused) => return faults.push(refused),
        };
        // Some gateways write a byte order mark, which JSON does not know.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.names.begin();
        let mut refusals = Refusals::new(faults);
        let mut left = READINGS_MAX;
        if !self.lines {
            self.document(text, &mut left, &mut refusals, &mut take);
            return refusals.end();
        }
        let mut empty = true;
        for (ix, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            empty = false;
            refusals.line = Some(ix + 1);
            if !self.document(line, &mut left, &mut refusals, &mut take) {
                break;
            }
        }
        refusals.line = None;
        if empty {
            refusals.push(fault(Reason::MissingValue, "the payload is empty"));
        }
        refusals.end();
    }

    /// Reads one document; false when there were more readings than are taken of a payload.
    fn document(
        &mut self,
        document: &str,
        left: &mut usize,
        refusals: &mut Refusals<'_>,
        take: &mut impl FnMut(Said<'_>),
    ) -> bool {
        if self.plan.tree.fill(document, &mut self.tables).is_err() {
            refusals.push(words::refused(document));
            return true;
        }
        let (mut last, mut present) = (Last::default(), false);
        for row in 0..self.tables.rows(self.plan.items).len() {
            self.plan.belong(document, &mut self.tables, row, &mut self.rows);
            let item = Item { document, tables: &self.tables, rows: &self.rows };
            let mut reading = OneItem {
                item,
                times: self.times,
                codes: self.codes,
                tag_elsewhere: self.tag_elsewhere,
                names: &mut self.names,
                last: &mut last,
                refusals: &mut *refusals,
            };
            for value in &self.plan.values {
                let Some(place) = item.place(value.at) else { continue };
                present = true;
                if *left == 0 {
                    let detail =
                        format!("{READINGS_MAX} readings were taken, the rest is left out");
                    refusals.push(fault(Reason::TooLarge, detail));
                    return false;
                }
                match reading.said(value, place) {
                    Ok(Some(said)) => {
                        *left -= 1;
                        take(said);
                    }
                    Ok(None) => {}
                    Err(fault) => reading.refusals.push(fault),
                }
            }
        }
        if self.tables.overflow() {
            let detail = "the document has more items than are taken, the rest is left out";
            refusals.push(fault(Reason::TooLarge, detail));
        }
        if !present {
            refusals.push(self.nothing());
        }
        true
    }

    fn nothing(&self) -> Fault {
        let what = match (&self.plan.each, self.plan.values.as_slice()) {
            (_, []) => "the rule asks for no value".to_owned(),
            (Some(each), _) if self.tables.rows(self.plan.items).is_empty() => {
                format!("no item at `{each}`")
            }
            (Some(each), [first, ..]) => {
                format!("no item at `{each}` has a value at `{}`", first.pointer)
            }
            (None, [one]) => format!("no value at `{}`", one.pointer),
            (None, [first, ..]) => {
                let fields = self.plan.values.len();
                format!("none of the {fields} fields has a value, `{}` first", first.pointer)
            }
        };
        fault(Reason::MissingValue, what)
    }
}

/// What reads the values of one item.
struct OneItem<'a, 'f> {
    item: Item<'a>,
    times: TimeUnit,
    codes: QualityCodes,
    tag_elsewhere: bool,
    names: &'a mut Interner,
    last: &'a mut Last,
    refusals: &'a mut Refusals<'f>,
}

impl<'a> OneItem<'a, '_> {
    /// One value with all that is said of it; `None` if its time has been refused.
    fn said(&mut self, value: &'a ValueAt, place: Place) -> Result<Option<Said<'a>>, Fault> {
        let time = value.time.as_ref().map_or(Ok(None), |time| self.time(time));
        let Ok(at) = time else { return Ok(None) };
        let quality = value.quality.as_ref().and_then(|quality| self.quality(quality));
        let read = self::value(slice(self.item.document, place), &value.pointer)?;
        let tag = match &value.tag {
            None => value.field.clone(),
            Some(tag) => {
                let named = self.name(tag)?;
                if named.is_none() && !self.tag_elsewhere {
                    let detail = format!("nothing at `{}` names the tag", tag.pointer);
                    return Err(fault(Reason::MissingValue, detail));
                }
                named
            }
        };
        let line = value.line.as_ref().map_or(Ok(None), |line| self.name(line))?;
        let area = value.area.as_ref().map_or(Ok(None), |area| self.name(area))?;
        let unit = value.unit.as_ref().and_then(|unit| self.item.text(unit));
        Ok(Some(Said { tag, line, area, at, quality, unit, value: read }))
    }

    /// The time at a pointer, if there is one. What cannot be read is told once.
    fn time(&mut self, time: &'a TextAt) -> Result<Option<Timestamp>, Unreadable> {
        let place = self.item.place_of(time);
        if let (Some(place), Some((last, at))) = (place, self.last.time)
            && last == place
        {
            return at.map(Some);
        }
        let text = match place {
            Some(place) => scalar(slice(self.item.document, place)),
            None => match self.item.text(time) {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let at = match time::read(&text, self.times) {
            Ok(at) => Ok(at),
            Err(what) => {
                let detail = format!("time at {}: {what}", time.pointer);
                self.refusals.push(fault(Reason::BadTime, detail));
                Err(Unreadable)
            }
        };
        self.last.time = place.map(|place| (place, at));
        at.map(Some)
    }

    /// The quality at a pointer, if there is one.
    fn quality(&mut self, quality: &'a TextAt) -> Option<SourceQuality> {
        let place = self.item.place_of(quality);
        if let (Some(place), Some((last, known))) = (place, self.last.quality)
            && last == place
        {
            return Some(known);
        }
        let text = self.item.text(quality)?;
        let read = quality::read(&text, self.codes).unwrap_or_else(|| {
            let raw = place.map_or(&*text, |place| slice(self.item.document, place));
            let detail = format!("quality at {}: `{}` is no code", quality.pointer, found(raw));
            self.refusals.push(fault(Reason::BadQuality, detail));
            SourceQuality::Bad
        });
        self.last.quality = place.map(|place| (place, read));
        Some(read)
    }

    fn name(&mut self, name: &'a TextAt) -> Result<Option<Arc<str>>, Fault> {
        let Some(text) = self.item.text(name) else { return Ok(None) };
        if text.starts_with(['{', '[']) && self.item.place_of(name).is_some() {
            let detail = format!("`{}` at {} is no name", found(&text), name.pointer);
            return Err(fault(Reason::WrongType, detail));
        }
        let read = self.names.name(&text, Reason::WrongType);
        read.map(Some).map_err(|refused| {
            fault(refused.reason, format!("{} at {}", refused.detail, name.pointer))
        })
    }
}

/// The text of a place.
fn slice(document: &str, place: Place) -> &str {
    document.get(place.range()).unwrap_or_default()
}

/// A scalar's text without the quotes of a JSON string.
fn scalar(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => unquoted(inner),
        None => Cow::Borrowed(raw),
    }
}

/// The text of a JSON string, given what stands between its quotes.
fn unquoted(inner: &str) -> Cow<'_, str> {
    if inner.contains('\\') {
        // Lone surrogates are the one thing that the first pass lets through and this one refuses;
        // the escapes then stay as they are.
        let whole = format!("\"{inner}\"");
        return serde_json::from_str(&whole).map_or(Cow::Borrowed(inner), Cow::Owned);
    }
    Cow::Borrowed(inner)
}

/// The value of a JSON text, as found at a pointer.
fn value(raw: &str, pointer: &str) -> Result<Value, Fault> {
    match raw.as_bytes().first() {
        Some(b't') => Ok(number(1.0)),
        Some(b'f') => Ok(number(0.0)),
        Some(b'"') => textual(&scalar(raw), || format!("the value at {pointer}")),
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

#[cfg(test)]
mod tests;
