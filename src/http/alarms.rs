//! What people ask of alarms: `POST /api/v1/alarms/{action}`.

use super::data::not_found;
use super::guard;
use super::models::granted;
use super::problem::Problem;
use super::router::Shared;
use crate::alarm::{Action, IsaState, Order};
use crate::reading::Timestamp;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a body may look like, for who sends another one.
const EXAMPLE: &str = "write such as `{\"alarm\": \"tm3/sensor/moisture\", \"by\": \"shift-a\"}`";

/// The longest name, and the longest note, in characters.
pub(super) const NAME_MAX: usize = 80;
pub(super) const NOTE_MAX: usize = 1000;

/// The body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    alarm: String,
    by: String,
    note: Option<String>,
    until: Option<i64>,
    minutes: Option<u32>,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Done {
    alarm: Arc<str>,
    isa_state: &'static str,
    on_disk: bool,
}

/// Does what a person asks of an alarm.
pub(super) async fn order(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path(action) = path.map_err(Problem::from)?;
    if !Action::WORDS.contains(&&*action) {
        let words = Action::WORDS.join(", ");
        return Err(not_found(format!("nobody can `{action}` an alarm; there are: {words}")));
    }
    let now = Timestamp::from_nanos(shared.api.clock.now_nanos());
    let order = read(&action, &body, now)?;
    let desk = shared.api.desk.as_ref().ok_or_else(|| {
        guard::error(StatusCode::CONFLICT, "this onspec takes no orders about alarms")
    })?;
    let alarm = Arc::clone(&order.alarm);
    let (state, on_disk) = granted(desk.order(order).await, &format!("alarm `{alarm}`"))?;
    let status = if on_disk { StatusCode::OK } else { StatusCode::ACCEPTED };
    let isa_state = IsaState::as_str(state);
    Ok((status, Json(Done { alarm, isa_state, on_disk })).into_response())
}

fn read(action: &str, body: &[u8], now: Timestamp) -> Result<Order, Problem> {
    let wrong = |name: &str, text: &str| Problem::parameter(name, text);
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|error| unreadable(format!("the body cannot be read: {error}; {EXAMPLE}")))?;
    let by = word("by", &asked.by, NAME_MAX).map_err(|text| wrong("by", &text))?;
    let note = asked.note.as_deref().map(|note| word("note", note, NOTE_MAX)).transpose();
    let note = note.map_err(|text| wrong("note", &text))?;
    let until = match (asked.until, asked.minutes) {
        (Some(_), Some(_)) => {
            return Err(wrong("until", "write `until` or `minutes`, not both"));
        }
        (Some(until), None) => Some(Timestamp::from_millis(until).map_err(|error| {
            wrong("until", &format!("`until`, ms since 1970, is no time: {error}"))
        })?),
        (None, Some(minutes)) => {
            Some(now.plus(std::time::Duration::from_secs(u64::from(minutes) * 60)))
        }
        (None, None) => None,
    };
    if action == "shelve" && until.is_none() {
        let text = "a shelf needs its end: write `minutes`, or `until` in ms since 1970";
        return Err(wrong("until", text));
    }
    let action = Action::of(action, until)
        .map_err(|why| wrong("until", &format!("{why}: neither `until` nor `minutes`")))?;
    if action.needs_note() && note.is_none() {
        let text = format!("`note` is missing: say why, so that the next shift knows; {EXAMPLE}");
        return Err(wrong("note", &text));
    }
    let (alarm, by) = (asked.alarm.into(), Some(by));
    Ok(Order { alarm, action, by, note, at: now, occurrence: None })
}

/// A body that cannot be read at all.
pub(super) fn unreadable(text: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, text)
}

/// A word of a person, trimmed.
///
/// # Errors
/// When it is empty, longer than that many characters, or has control characters.
pub(super) fn word(key: &str, text: &str, most: usize) -> Result<Arc<str>, String> {
    let text = text.trim();
    let fits = (1..=most).contains(&text.chars().count()) && !text.contains(char::is_control);
    if fits {
        Ok(text.into())
    } else {
        Err(format!("`{key}` is no text of 1 to {most} characters without control characters"))
    }
}
