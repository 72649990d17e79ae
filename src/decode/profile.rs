//! Profiles: a JSON document with the boxes of one scan across the web.

use super::json::not_json;
use super::limits::{fault, found};
use super::names::checked;
use super::value::utf8;
use super::{Fault, ProfileRule, QualityCodes, Reason, TimeUnit, quality, time};
use crate::reading::{SourceQuality, Timestamp};
use serde_json::Value;
use std::sync::Arc;

/// The most boxes of a scan: scanners have up to some hundreds.
pub const BOXES_MAX: usize = 4096;

/// A scan as its document says it.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) line: Option<Arc<str>>,
    pub(super) area: Option<Arc<str>>,
    pub(super) tag: Option<Arc<str>>,
    pub(super) unit: Option<Arc<str>>,
    pub(super) at: Option<Timestamp>,
    pub(super) values: Vec<f64>,
    pub(super) positions: Option<Vec<f64>>,
    pub(super) quality: Option<SourceQuality>,
    pub(super) on_sheet: bool,
}

/// Reads one scan. A box that is `null` has no value.
///
/// # Errors
/// When there is no array of numbers, or something of it cannot be read: no part of a scan is a scan. A
/// quality code that cannot be read makes it a bad one, and is told in `faults`.
pub(super) fn read(
    payload: &[u8],
    rule: &ProfileRule,
    (times, codes): (TimeUnit, QualityCodes),
    faults: &mut Vec<Fault>,
) -> Result<Said, Fault> {
    let text = utf8(payload)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document: Value = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
    let present = |pointer: &Option<Arc<str>>| {
        let found = document.pointer(pointer.as_deref()?)?;
        (!found.is_null()).then_some(found)
    };
    let values = document.pointer(&rule.values).filter(|found| !found.is_null());
    let Some(values) = values else {
        return Err(fault(Reason::MissingValue, format!("no boxes at `{}`", rule.values)));
    };
    let values = numbers(values, &rule.values, true)?;
    let positions = match (present(&rule.positions), &rule.positions) {
        (Some(positions), Some(pointer)) => Some(positions_of(positions, pointer, values.len())?),
        _ => None,
    };
    let at = match (present(&rule.time), &rule.time) {
        (Some(at), Some(pointer)) => {
            let unread = |what| fault(Reason::BadTime, format!("time at {pointer}: {what}"));
            Some(time::read(&scalar(at), times).map_err(unread)?)
        }
        _ => None,
    };
    let quality = match (present(&rule.quality), &rule.quality) {
        (Some(code), Some(pointer)) => {
            Some(quality::read(&scalar(code), codes).unwrap_or_else(|| {
                let code = scalar(code);
                let detail = format!("quality at {pointer}: `{}` is no code", found(&code));
                faults.push(fault(Reason::BadQuality, detail));
                SourceQuality::Bad
            }))
        }
        _ => None,
    };
    let name = |pointer: &Option<Arc<str>>| match present(pointer) {
        None => Ok(None),
        Some(text @ (Value::String(_) | Value::Number(_))) => {
            checked(&scalar(text), Reason::WrongType).map(Some)
        }
        Some(_) => {
            let pointer = pointer.as_deref().unwrap_or_default();
            Err(fault(Reason::WrongType, format!("no name at `{pointer}`")))
        }
    };
    Ok(Said {
        line: name(&rule.names.line)?,
        area: name(&rule.names.area)?,
        tag: name(&rule.names.tag)?,
        unit: name(&rule.names.unit)?,
        at,
        values,
        positions,
        quality,
        on_sheet: present(&rule.mode).is_none_or(is_on_sheet),
    })
}

/// The numbers of an array, NaN where `null` may stand and stands.
fn numbers(found: &Value, pointer: &str, null: bool) -> Result<Vec<f64>, Fault> {
    let Value::Array(items) = found else {
        return Err(fault(Reason::WrongType, format!("no array at `{pointer}`")));
    };
    if items.is_empty() {
        return Err(fault(Reason::MissingValue, format!("the array at `{pointer}` is empty")));
    }
    if items.len() > BOXES_MAX {
        let detail = format!("{} boxes at `{pointer}`, {BOXES_MAX} allowed", items.len());
        return Err(fault(Reason::TooLarge, detail));
    }
    let number = |(ix, item): (usize, &Value)| match item {
        Value::Null if null => Ok(f64::NAN),
        // A number that no float holds, such as 1e999, is none here.
        Value::Number(number) if number.as_f64().is_some_and(f64::is_finite) => {
            Ok(number.as_f64().unwrap_or_default())
        }
        _ => {
            let detail =
                format!("`{}` at `{pointer}/{ix}` is no number", self::found(&scalar(item)));
            Err(fault(Reason::WrongType, detail))
        }
    };
    items.iter().enumerate().map(number).collect()
}

/// Positions: one for each box, rising.
fn positions_of(found: &Value, pointer: &str, boxes: usize) -> Result<Vec<f64>, Fault> {
    let positions = numbers(found, pointer, false)?;
    if positions.len() != boxes {
        let detail = format!("{} positions at `{pointer}` for {boxes} boxes", positions.len());
        return Err(fault(Reason::WrongType, detail));
    }
    if !positions.is_sorted_by(|a, b| a < b) {
        let detail = format!("the positions at `{pointer}` do not rise from box to box");
        return Err(fault(Reason::WrongType, detail));
    }
    Ok(positions)
}

/// True for `true`, and for words such as `OnSheet` and `on-sheet`.
fn is_on_sheet(mode: &Value) -> bool {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.map(|c| c.to_ascii_lowercase()).collect()
    };
    match mode {
        Value::Bool(on) => *on,
        Value::String(word) => matches!(&*letters(word), "onsheet" | "scanning" | "true"),
        _ => false,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
