//! The receivers of webhooks, what they refused for good, and what people decide about that: `/api/v1/webhooks`.

use super::alarms::{NAME_MAX, NOTE_MAX, unreadable, word};
use super::data::{not_found, read};
use super::models::granted;
use super::problem::Problem;
use super::query::{Asked, CURSOR, LIMIT, cursor, cut};
use super::router::Shared;
use super::{ParkedOrder, ReceiverView, Webhooks};
use crate::reading::Timestamp;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What a body may look like, for who sends another one.
const EXAMPLE: &str = "write such as `{\"ids\": [\"evt_…\"], \"by\": \"shift-a\"}`, or `\"all\": true` for all of them";

/// Events that are given when the request names no `limit`.
const GIVEN: usize = 100;
/// The greatest `limit`.
const LIMIT_MAX: usize = 1000;
/// The name of the list in its cursors.
const LIST: &str = "parked";
/// The most events that a request names.
const IDS_MAX: usize = 1000;

/// A receiver.
#[derive(Debug, Serialize)]
struct Receiver {
    name: String,
    configured: bool,
    state: Option<&'static str>,
    reason: String,
    waiting: u64,
    parked: u64,
}

#[derive(Debug, Serialize)]
struct Receivers {
    webhooks: Vec<Receiver>,
}

#[derive(Debug, Serialize)]
struct ParkedEvents {
    parked: Vec<Value>,
    next: Option<String>,
}

/// The body of an order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    ids: Option<Vec<String>>,
    #[serde(default)]
    all: bool,
    by: String,
    note: Option<String>,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Done {
    webhook: String,
    events: Option<u64>,
    on_disk: bool,
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn source(shared: &Shared) -> Result<&Arc<dyn Webhooks>, Response> {
    let none = || not_found("this onspec has no outboxes of webhooks".into());
    shared.api.webhooks.as_ref().ok_or_else(none)
}

async fn views(shared: &Shared) -> Result<Vec<ReceiverView>, Response> {
    read(shared, source(shared)?, Webhooks::receivers).await
}

/// That there is such a receiver.
async fn want(shared: &Shared, name: &str) -> Result<(), Response> {
    let views = views(shared).await?;
    if views.iter().any(|view| view.name == name) {
        return Ok(());
    }
    let known: Vec<String> = views.iter().map(|view| format!("`{}`", view.name)).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(not_found(format!("no webhook is called `{name}`; there are: {known}")))
}

/// Who is told, how that goes, and how many events wait or were refused.
pub(super) async fn receivers(State(shared): State<Shared>) -> Result<Response, Response> {
    let parts = shared.api.health.snapshot();
    let receiver = |view: ReceiverView| {
        let part = parts.iter().find(|part| part.component == view.component);
        Receiver {
            name: view.name,
            configured: view.configured,
            state: part.map(|part| part.state.as_str()),
            reason: part.map(|part| part.reason.clone()).unwrap_or_default(),
            waiting: view.waiting,
            parked: view.parked,
        }
    };
    let webhooks = views(&shared).await?.into_iter().map(receiver).collect();
    Ok(Json(Receivers { webhooks }).into_response())
}

/// What a receiver refused for good, newest first.
pub(super) async fn parked(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    asked: Asked,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(Problem::from)?;
    let asked = asked.only(&["before", LIMIT, CURSOR])?;
    let before = asked.numbered(LIST, "before")?;
    let limit = asked.count(LIMIT, LIMIT_MAX, "are given at a time")?.unwrap_or(GIVEN);
    want(&shared, &name).await?;
    let parked =
        read(&shared, source(&shared)?, move |webhooks| webhooks.parked(&name, before, limit + 1));
    let (parked, more) = cut(parked.await?, limit);
    let number = parked.last().filter(|_| more).and_then(|last| last["number"].as_i64());
    let next = number.map(|number| cursor(LIST, &number));
    let document = ParkedEvents { parked, next: next.clone() };
    Ok(asked.piece(&document, next.as_deref(), &["before"]))
}

/// Sends refused events again.
pub(super) async fn resend(
    state: State<Shared>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    order(state, path, body, true).await
}

/// Discards refused events.
pub(super) async fn discard(
    state: State<Shared>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    order(state, path, body, false).await
}

async fn order(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
    resend: bool,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(Problem::from)?;
    let now = Timestamp::from_nanos(shared.api.clock.now_nanos());
    let order = decide(&name, &body, resend, now)?;
    want(&shared, &name).await?;
    let told = source(&shared)?.order(order).await;
    let (events, on_disk) = granted(told, &format!("webhook `{name}`"))?;
    let status = if on_disk { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(Done { webhook: name, events, on_disk })).into_response())
}

fn decide(name: &str, body: &[u8], resend: bool, at: Timestamp) -> Result<ParkedOrder, Problem> {
    let wrong = |name: &str, text: &str| Problem::parameter(name, text);
    let asked: Word = serde_json::from_slice(body)
        .map_err(|error| unreadable(format!("the body cannot be read: {error}; {EXAMPLE}")))?;
    let by = word("by", &asked.by, NAME_MAX).map_err(|text| wrong("by", &text))?;
    let note = asked.note.as_deref().map(|note| word("note", note, NOTE_MAX)).transpose();
    let note = note.map_err(|text| wrong("note", &text))?;
    if !resend && note.is_none() {
        let text = "`note` is missing: say why nobody is to hear of them any more";
        return Err(wrong("note", text));
    }
    let ids = match (asked.ids, asked.all) {
        (Some(_), true) => return Err(wrong("ids", "write `ids` or `all`, not both")),
        (None, true) => None,
        (Some(ids), false) if (1..=IDS_MAX).contains(&ids.len()) => Some(ids),
        (Some(ids), false) => {
            let text = format!("`ids` has {}; 1 to {IDS_MAX} are taken at a time", ids.len());
            return Err(wrong("ids", &text));
        }
        (None, false) => return Err(wrong("ids", &format!("`ids` is missing; {EXAMPLE}"))),
    };
    Ok(ParkedOrder { receiver: name.into(), ids, resend, by, note, at })
}
