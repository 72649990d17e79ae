//! What the user properties of a message say of its readings, where their payload says nothing.
//!
//! All parts are read when the message comes, and each fault is told only if a reading wants that part: of
//! what a payload says itself nobody asks for the property.

use super::limits::{PROPERTIES_MAX, PROPERTY_BYTES_MAX, fault, found};
use super::names::Interner;
use super::{Fault, Properties, Reason, Rule, plain_content_type, quality, time};
use crate::reading::{SourceQuality, Timestamp};
use std::sync::Arc;

/// What a property says; `None` if the rule asks for none, or the message has none.
pub(super) type Part<T> = Result<Option<T>, Fault>;

/// The parts of a reading that user properties give.
#[derive(Debug)]
pub(super) struct Stated {
    pub(super) line: Part<Arc<str>>,
    pub(super) area: Part<Arc<str>>,
    pub(super) tag: Part<Arc<str>>,
    /// The unit in which numbers are sent; whether it is one is seen when it is converted.
    pub(super) unit: Option<Arc<str>>,
    pub(super) time: Part<Timestamp>,
    pub(super) quality: Part<SourceQuality>,
}

/// What a message says of which no property is asked for.
pub(super) static NOTHING: Stated = Stated {
    line: Ok(None),
    area: Ok(None),
    tag: Ok(None),
    unit: None,
    time: Ok(None),
    quality: Ok(None),
};

impl Stated {
    /// Reads what the rule asks for, as the same thing in a payload is read.
    pub(super) fn read(rule: &Rule, properties: &Properties, names: &mut Interner) -> Self {
        let asked = &rule.properties;
        let said = |key: &Option<Arc<str>>| {
            let key = key.as_deref()?;
            Some((key.to_owned(), properties.user(key)?.to_owned()))
        };
        let of = |key: &str, refused: Fault| {
            fault(refused.reason, format!("user property `{}`: {}", found(key), refused.detail))
        };
        names.begin();
        let mut name = |asked: &Option<Arc<str>>| {
            let Some((key, text)) = said(asked) else { return Ok(None) };
            names.name(&text, Reason::WrongType).map(Some).map_err(|refused| of(&key, refused))
        };
        let (line, area, tag) =
            (name(&asked.names.line), name(&asked.names.area), name(&asked.names.tag));
        let time = said(&asked.time).map(|(key, text)| {
            let read = time::read(&text, rule.time_unit);
            read.map_err(|what| of(&key, fault(Reason::BadTime, what)))
        });
        let quality = said(&asked.quality).map(|(key, text)| {
            quality::read(&text, rule.quality_codes).ok_or_else(|| {
                let what = format!("`{}` is no code", found(&text));
                of(&key, fault(Reason::BadQuality, what))
            })
        });
        Self {
            line,
            area,
            tag,
            unit: said(&asked.names.unit).map(|(_, text)| text.into()),
            time: time.transpose(),
            quality: quality.transpose(),
        }
    }
}

/// What a part is that the payload may give, else a property.
#[inline]
pub(super) fn or<T: Clone>(own: Option<T>, stated: &Part<T>) -> Part<T> {
    match (own, stated) {
        // Most messages have no property that is asked for: nothing is to be copied.
        (own, Ok(None)) => Ok(own),
        (None, stated) => stated.clone(),
        (own, _) => Ok(own),
    }
}

/// Brokers count whole seconds: of a message that was not held at all, one less may remain.
const SECONDS_OFF: u32 = 1;

/// Whether a message with these properties is to be read.
///
/// # Errors
/// When its content type is none that the rule takes, or more was asked for than is kept.
pub(super) fn admit(rule: &Rule, properties: &Properties) -> Result<(), Fault> {
    let taken = &rule.properties.content_types;
    if let Some((number, bytes)) = properties.excess() {
        let detail = format!(
            "{number} user properties that are asked for, {bytes} bytes with the content type: \
             {PROPERTIES_MAX} and {PROPERTY_BYTES_MAX} allowed"
        );
        return Err(fault(Reason::TooLarge, detail));
    }
    let Some(sent) = properties.content_type().filter(|_| !taken.is_empty()) else {
        return Ok(());
    };
    let plain = plain_content_type(sent);
    if taken.iter().any(|taken| **taken == *plain) {
        return Ok(());
    }
    let taken: Vec<String> = taken.iter().map(|taken| format!("`{taken}`")).collect();
    let detail = format!("content type `{}`: taken is {}", found(sent), taken.join(", "));
    Err(fault(Reason::ContentType, detail))
}

/// When a message was sent that came at `received`, to whole seconds, by what is missing of its expiry
/// interval; `None` where that cannot be known.
pub(super) fn sent_at(
    rule: &Rule,
    properties: &Properties,
    received: Timestamp,
) -> Option<Timestamp> {
    let age_s = rule.properties.expiry_s?.checked_sub(properties.expiry_s()?)?;
    // Else readings of one second would change places with those of the second before.
    let age_s = if age_s > SECONDS_OFF { age_s } else { 0 };
    let nanos = received.as_nanos().saturating_sub(i64::from(age_s) * 1_000_000_000);
    Some(Timestamp::from_nanos(nanos))
}

#[cfg(test)]
mod tests;
