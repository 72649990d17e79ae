//! The audit log: `GET /api/v1/audit`.

use super::data::{not_found, read};
use super::guard;
use super::router::Shared;
use crate::store::AuditEntry;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Entries that are given when the request names no `limit`.
const LIMIT: usize = 100;
/// The greatest `limit`.
const LIMIT_MAX: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<u64>,
    limit: Option<usize>,
}

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
}

/// Who decided what and when, newest first.
pub(super) async fn audit(
    State(shared): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Response> {
    let Query(Asked { before, limit }) = query.map_err(IntoResponse::into_response)?;
    let limit = limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let text = format!("`limit` is {limit}; 1 to {LIMIT_MAX} are given at a time");
        return Err(guard::error(StatusCode::BAD_REQUEST, text));
    }
    let Some(history) = &shared.api.history else {
        return Err(not_found("this onspec keeps no audit log".into()));
    };
    let found = read(&shared, history, move |history| history.audit(before, limit)).await?;
    let entry = |AuditEntry { id, at, what, entry, hash }: AuditEntry| {
        let said = serde_json::from_str(&entry).ok().filter(Value::is_object);
        let said = said.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        Entry { number: id, at: at.as_millis(), what, said, hash }
    };
    Ok(Json(Entries { entries: found.into_iter().map(entry).collect() }).into_response())
}
