//! The audit log: `GET /api/v1/audit`.

use super::data::{not_found, read};
use super::query::{Asked, CURSOR, LIMIT, cursor, cut};
use super::router::Shared;
use crate::store::AuditEntry;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

/// Entries that are given when the request names no `limit`.
const GIVEN: usize = 100;
/// The greatest `limit`.
const LIMIT_MAX: usize = 1000;
/// The name of the list in its cursors.
const LIST: &str = "audit";

/// An entry.
#[derive(Debug, Serialize)]
struct Entry {
    number: u64,
    at: i64,
    what: String,
    #[serde(flatten)]
    said: Value,
    hash: String,
}

#[derive(Debug, Serialize)]
struct Entries {
    entries: Vec<Entry>,
    next: Option<String>,
}

/// Who decided what and when, newest first.
pub(super) async fn audit(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked = asked.only(&["before", LIMIT, CURSOR])?;
    let before = asked.numbered(LIST, "before")?;
    let limit = asked.count(LIMIT, LIMIT_MAX, "are given at a time")?.unwrap_or(GIVEN);
    let Some(history) = &shared.api.history else {
        return Err(not_found("this onspec keeps no audit log".into()));
    };
    let found = read(&shared, history, move |history| history.audit(before, limit + 1)).await?;
    let (found, more) = cut(found, limit);
    let next = found.last().filter(|_| more).map(|last| cursor(LIST, &last.id));
    let entry = |AuditEntry { id, at, what, entry, hash }: AuditEntry| {
        let said = serde_json::from_str(&entry).ok().filter(Value::is_object);
        let said = said.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        Entry { number: id, at: at.as_millis(), what, said, hash }
    };
    let entries = found.into_iter().map(entry).collect();
    let document = Entries { entries, next: next.clone() };
    Ok(asked.piece(&document, next.as_deref(), &["before"]))
}
