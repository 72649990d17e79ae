//! What people and other systems tell of batches: events, laboratory results, decisions.

use super::data::not_found;
use super::models::granted;
use super::problem::Problem;
use super::router::Shared;
use super::{Reception, Told, guard};
use crate::decode::{BatchMessage, Fault, Reason, RequestPath, RequestRefused, decode_request};
use crate::engine::{ToldEvents, odd_time};
use crate::reading::{Count, Timestamp};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was taken.
#[derive(Debug, Serialize)]
struct Answer {
    taken: usize,
    on_disk: bool,
    faults: Vec<String>,
    waiting: BTreeSet<Arc<str>>,
}

/// An event that is wrong.
#[derive(Debug, Serialize)]
struct Wrong {
    index: usize,
    reason: &'static str,
    detail: String,
}

/// `POST /api/v1/lines/{line}/events`.
pub(super) async fn events(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path(line) = path.map_err(Problem::from)?;
    take(&shared, &line, None, &body).await
}

/// `POST /api/v1/batches/{line}/{batch}/lab`.
pub(super) async fn lab(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path((line, batch)) = path.map_err(Problem::from)?;
    take(&shared, &line, Some((&batch, "lab")), &body).await
}

/// `POST /api/v1/batches/{line}/{batch}/disposition`.
pub(super) async fn disposition(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path((line, batch)) = path.map_err(Problem::from)?;
    take(&shared, &line, Some((&batch, "disposition")), &body).await
}

/// Takes the events of a body, or none of them.
async fn take(
    shared: &Shared,
    line: &str,
    of: Option<(&str, &'static str)>,
    body: &Bytes,
) -> Result<Response, Response> {
    let line: Arc<str> = line.into();
    let at = Timestamp::from_nanos(shared.api.clock.now_nanos());
    let messages = read_events(body, RequestPath { line: &line, of }, at).map_err(refused)?;
    let desk = shared.api.desk.as_ref().ok_or_else(|| {
        guard::error(StatusCode::CONFLICT, "this onspec takes no events of batches")
    })?;
    let taken = messages.len();
    // The view may be a moment behind, as at a start: which lines there are the core knows.
    let told = match desk.tell(ToldEvents { messages, at }).await {
        Told::Unfit(reason) => return Err(not_found(reason)),
        told => told,
    };
    let (Reception { faults, waiting }, on_disk) = granted(told, &format!("line `{line}`"))?;
    Ok((StatusCode::ACCEPTED, Json(Answer { taken, on_disk, faults, waiting })).into_response())
}

/// Reads the body of a request that tells of batches, as it came `at` this instant; the command line reads its own
/// before it sends them.
///
/// # Errors
/// [`RequestRefused`], with all events that are wrong in themselves or by their time.
pub fn read_events(
    body: &[u8],
    path: RequestPath<'_>,
    at: Timestamp,
) -> Result<Vec<BatchMessage>, RequestRefused> {
    decode_request(body, path, at, |message| match odd_time(message.at, at) {
        Some(detail) => Err(Fault { reason: Reason::BadTime, detail }),
        None => Ok(()),
    })
}

/// The answer to a request of which nothing is taken.
fn refused(why: RequestRefused) -> Problem {
    let (status, error, events) = match why {
        RequestRefused::Whole(Fault { reason, detail }) => {
            let too_large = reason == Reason::TooLarge;
            let status =
                if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            (status, format!("nothing was taken: {detail}"), Vec::new())
        }
        RequestRefused::Events(wrong) => {
            let (first, fault) = &wrong[0];
            let many = Count(wrong.len(), "event");
            let (are, there) =
                if wrong.len() == 1 { ("is", "it is") } else { ("are", "the first is") };
            let error = format!(
                "nothing was taken: {many} {are} wrong, {there} event {first} (from 0): {}",
                fault.detail
            );
            let events = wrong.into_iter().map(|(index, Fault { reason, detail })| Wrong {
                index,
                reason: reason.as_str(),
                detail,
            });
            (StatusCode::BAD_REQUEST, error, events.collect())
        }
    };
    let events: Vec<Wrong> = events;
    let events = serde_json::to_value(events).expect("plain data with text keys is always JSON");
    Problem::new(status, error).with_events(events)
}
