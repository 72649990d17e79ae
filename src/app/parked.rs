//! What receivers of webhooks refused for good: looked at, sent again, discarded.
//!
//! The store keeps 10,000 refused entries of all outboxes together, and no more than a sixteenth of its size; the oldest go.
//! None goes because of its age.

use super::error::AppError;
use crate::engine::AuditRecord;
use crate::reading::{Count, Timestamp};
use crate::store::{AuditRow, Commit, Parked, Put, Reader, Settings, Store, StoreError};
use crate::webhook::outbox_name;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Entries that are moved in one commit at most, and bytes of their bodies beyond the first: messages wait meanwhile.
const ENTRIES_AT_ONCE: usize = 200;
const BYTES_AT_ONCE: usize = 4 << 20;

/// What is to become of parked events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They go to the end of their receiver's outbox, under the ids that they had.
    Resend,
    /// Nobody keeps them any more.
    Discard,
}

/// What a person decided about parked events of one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The receiver.
    pub receiver: String,
    /// The parked entries, by the store's ids.
    pub entries: Vec<i64>,
    /// What becomes of them.
    pub fate: Fate,
    /// Who.
    pub by: Arc<str>,
    /// Why.
    pub note: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
}

/// The id of a parked event. What an older release parked has it in its body alone.
fn event_id(parked: &Parked) -> String {
    match &parked.key {
        Some(key) if !key.is_empty() => key.clone(),
        _ => {
            let body: Value = serde_json::from_slice(&parked.body).unwrap_or_default();
            body["data"]["id"].as_str().unwrap_or_default().to_owned()
        }
    }
}

/// A parked event for machines; `null` for what nobody knows. Times are ms since 1970.
#[must_use]
pub fn document(parked: &Parked) -> Value {
    let body: Value = serde_json::from_slice(&parked.body).unwrap_or_default();
    let at = body["timestamp"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let data = &body["data"];
    json!({
        "number": parked.id,
        "webhook": parked.outbox.strip_prefix("webhook/"),
        "id": event_id(parked),
        "type": body["type"],
        "alarm": data["alarm"],
        "title": data["title"],
        "at": at.map(jiff::Timestamp::as_millisecond),
        "parked_at": parked.at.map(Timestamp::as_millis),
        "answer": parked.reason,
    })
}

/// How many events of each receiver are parked, by the receiver's name.
///
/// # Errors
/// When the store cannot be read.
pub fn counts(reader: &Reader) -> Result<BTreeMap<String, u64>, StoreError> {
    let all = reader.parked_counts()?.into_iter();
    Ok(all
        .filter_map(|(outbox, n)| Some((outbox.strip_prefix("webhook/")?.to_owned(), n)))
        .collect())
}

/// The newest parked events of a receiver, newest first, at most `limit`; only those with numbers below `before`, if that
/// is given.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    reader: &Reader,
    receiver: &str,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Value>, StoreError> {
    let parked = reader.parked_of(&outbox_name(receiver), before, limit)?;
    Ok(parked.iter().map(document).collect())
}

/// The parked entries of these events of a receiver, or of all of them, oldest first.
///
/// # Errors
/// When an event is not parked, in words for who asks; or when the store cannot be read.
pub fn find(
    reader: &Reader,
    receiver: &str,
    ids: Option<&[String]>,
) -> Result<Result<Vec<i64>, String>, StoreError> {
    let mut known = Vec::new();
    for (entry, key) in reader.parked_keys(&outbox_name(receiver))? {
        let id = match key.filter(|key| !key.is_empty()) {
            Some(key) => key,
            None => reader.parked_entry(entry)?.as_ref().map(event_id).unwrap_or_default(),
        };
        known.push((entry, id));
    }
    let Some(ids) = ids else {
        return Ok(Ok(known.into_iter().map(|(entry, _)| entry).collect()));
    };
    if let Some(strange) = ids.iter().find(|id| known.iter().all(|(_, known)| known != *id)) {
        return Ok(Err(format!(
            "event `{strange}` of webhook `{receiver}` is not parked; nothing was changed"
        )));
    }
    known.retain(|(_, id)| ids.contains(id));
    Ok(Ok(known.into_iter().map(|(entry, _)| entry).collect()))
}

impl Decided {
    /// Does it, some hundred at a time, each time with an entry of the audit log, and gives how many events there were.
    /// What is not parked any more is left out. `commit` writes to the store that `reader` reads.
    ///
    /// # Errors
    /// When `commit` fails. What cannot be read is no such error: the inner one has the words for it.
    pub(super) fn carry_out(
        &self,
        reader: &Reader,
        mut commit: impl FnMut(&Commit<'_>) -> Result<(), AppError>,
    ) -> Result<Result<u64, String>, AppError> {
        let outbox = outbox_name(&self.receiver);
        let mut moved = 0;
        let mut entries = self.entries.iter().copied().peekable();
        while entries.peek().is_some() {
            let (mut some, mut bytes) = (Vec::new(), 0);
            while some.len() < ENTRIES_AT_ONCE && (bytes < BYTES_AT_ONCE || some.is_empty()) {
                let Some(entry) = entries.next() else { break };
                match reader.parked_entry(entry) {
                    Ok(Some(parked)) if parked.outbox == outbox => {
                        bytes += parked.body.len();
                        some.push((event_id(&parked), parked));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let done = Count(usize::try_from(moved).unwrap_or(usize::MAX), "event");
                        return Ok(Err(format!("{error}; done with {done}")));
                    }
                }
            }
            if some.is_empty() {
                continue;
            }
            let gone: Vec<i64> = some.iter().map(|(_, parked)| parked.id).collect();
            let put = |(key, parked): &'_ (String, Parked)| -> (String, u32, Vec<u8>) {
                (key.clone(), parked.count, parked.body.clone())
            };
            let again: Vec<_> = match self.fate {
                Fate::Resend => some.iter().map(put).collect(),
                Fate::Discard => Vec::new(),
            };
            let puts: Vec<Put<'_>> = again
                .iter()
                .map(|(key, count, body)| Put {
                    outbox: &outbox,
                    key,
                    replace: false,
                    count: *count,
                    body,
                })
                .collect();
            let record = self.record(some.iter().map(|(id, _)| &**id));
            let entry = record.json();
            let audit = [AuditRow { at: record.at, what: record.what, entry: &entry }];
            commit(&Commit { puts: &puts, unparked: &gone, audit: &audit, ..Commit::default() })?;
            moved += gone.len() as u64;
        }
        Ok(Ok(moved))
    }

    /// What the audit log says of it.
    fn record<'a>(&self, ids: impl ExactSizeIterator<Item = &'a str>) -> AuditRecord {
        let mut detail = Count(ids.len(), "event").to_string();
        for (n, id) in ids.enumerate() {
            let mark = if n == 0 { ": " } else { ", " };
            write!(detail, "{mark}{id}").expect("writing to a string cannot fail");
        }
        AuditRecord {
            at: self.at,
            what: match self.fate {
                Fate::Resend => "webhook-resend",
                Fate::Discard => "webhook-discard",
            },
            line: "".into(),
            subject: self.receiver.as_str().into(),
            by: Some(Arc::clone(&self.by)),
            note: self.note.clone(),
            detail,
        }
    }
}

/// Does what was decided in a store that no process uses, and gives how many events there were.
///
/// # Errors
/// When an event is not parked, the store cannot be opened (the daemon has it) or written.
pub fn decide(
    settings: &Settings,
    ids: Option<&[String]>,
    decided: Decided,
) -> Result<u64, AppError> {
    let mut store = Store::open(settings)?;
    let reader = store.reader()?;
    let entries = find(&reader, &decided.receiver, ids)?.map_err(AppError::Other)?;
    let decided = Decided { entries, ..decided };
    let came = decided.carry_out(&reader, |commit| Ok(store.commit(commit)?))?;
    came.map_err(AppError::Other)
}

#[cfg(test)]
mod tests;
