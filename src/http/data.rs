//! The handlers of the data: lines, verdicts, batches, tags, health.

use super::api::{self, Alarms, Batch, Batches, Health, LineDetail, Lines, Tags};
use super::problem::Problem;
use super::query::Asked;
use super::router::Shared;
use super::{etag, guard};
use crate::engine::{BatchRecord, LineView, View};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Batches given when the request names no `limit`.
const LIMIT: usize = 50;
/// Batches that a scoreboard is of at most: the newest.
const SCORED_MAX: usize = 10_000;
/// The greatest `limit`.
const LIMIT_MAX: usize = 1000;

pub(super) async fn lines(State(shared): State<Shared>) -> Response {
    etag::moving(Lines::new(&shared.view(), shared.now_ms()), |lines| lines.now = 0)
}

pub(super) async fn line(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(Problem::from)?;
    let view = shared.view();
    let fitting = shared.fitting();
    Ok(Json(LineDetail::new(find(&view, &name)?, fitting.as_ref())).into_response())
}

pub(super) async fn verdict(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(Problem::from)?;
    let view = shared.view();
    match api::document(find(&view, &name)?) {
        Some(document) => Ok(Json(document).into_response()),
        None => Err(not_found(format!(
            "line `{name}` has no verdict yet: none of its frames has closed"
        ))),
    }
}

pub(super) async fn batches(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked = asked.only(&["line", "limit"])?;
    let line = asked.owned("line");
    let limit = asked.count("limit", LIMIT_MAX, "are given at a time")?.unwrap_or(LIMIT);
    let batches = match &shared.api.history {
        Some(history) => {
            read(&shared, history, move |history| history.batches(line.as_deref(), limit)).await?
        }
        None => shown(&shared.view())
            .filter(|batch| line.as_deref().is_none_or(|line| *batch.line == *line))
            .take(limit)
            .cloned()
            .collect(),
    };
    Ok(Json(Batches::new(&batches)).into_response())
}

pub(super) async fn batch(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Response> {
    let Path((line, id)) = path.map_err(Problem::from)?;
    let missing = format!("line `{line}` has no batch `{id}`");
    let found = match &shared.api.history {
        Some(history) => read(&shared, history, move |history| history.batch(&line, &id)).await?,
        None => {
            shown(&shared.view()).find(|batch| *batch.line == *line && *batch.batch == *id).cloned()
        }
    };
    match found {
        Some(batch) => Ok(Json(Batch::from(&batch)).into_response()),
        None => Err(not_found(missing)),
    }
}

pub(super) async fn scoreboard(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked = asked.only(&["line", "grade", "by"])?;
    let (line, grade) = (asked.owned("line"), asked.owned("grade"));
    let by = asked.worded("by", &["day", "week", "month", "all"])?.unwrap_or_default();
    let Some(history) = &shared.api.history else {
        return Err(not_found("no batches are stored that could be scored".into()));
    };
    let score = read(&shared, history, move |history| {
        history.scoreboard((line.as_deref(), grade.as_deref()), by, SCORED_MAX)
    });
    Ok(Json(score.await?).into_response())
}

pub(super) async fn genealogy(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    asked: Asked,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(Problem::from)?;
    let asked = asked.only(&["from_m", "to_m"])?;
    let metres = |name: &str| asked.parsed::<f64>(name, "a number of metres");
    let (from_m, to_m) = (metres("from_m")?, metres("to_m")?);
    let stretch = match (from_m, to_m) {
        (None, None) => None,
        (Some(from), Some(to)) if 0.0 <= from && from < to && to.is_finite() => Some((from, to)),
        _ => {
            let text = "`from_m` and `to_m` go together: metres from the begin, the lesser first";
            return Err(Problem::parameter("from_m", text).into());
        }
    };
    let Some(history) = &shared.api.history else {
        return Err(not_found("nothing is stored that a genealogy could be known from".into()));
    };
    let found = read(&shared, history, move |history| history.genealogy(&name, stretch)).await?;
    Ok(Json(found).into_response())
}

pub(super) async fn tags(State(shared): State<Shared>, asked: Asked) -> Result<Response, Response> {
    let line = asked.only(&["line"])?.owned("line");
    let view = shared.view();
    let tags = match line {
        Some(name) => {
            let strays = || view.strays.iter().filter(|stray| *stray.series.line == *name);
            let line = match find(&view, &name) {
                // A line that is not declared is known by what came of it.
                Err(_) if strays().next().is_some() => None,
                found => Some(found?),
            };
            Tags::new(line.into_iter(), strays())
        }
        None => Tags::new(view.lines.iter(), view.strays.iter()),
    };
    Ok(Json(tags).into_response())
}

pub(super) async fn alarms(State(shared): State<Shared>) -> Response {
    etag::moving(Alarms::new(&shared.view(), shared.now_ms()), |alarms| alarms.now = 0)
}

pub(super) async fn health(State(shared): State<Shared>) -> Response {
    let age = shared.api.progress.heartbeat_age().as_millis();
    let age = u64::try_from(age).unwrap_or(u64::MAX);
    let parts = shared.api.health.snapshot();
    let health = Health::new(&shared.view(), shared.now_ms(), age, &parts);
    etag::moving(health, |health| (health.now, health.heartbeat_age_ms) = (0, 0))
}

/// The batches that the view shows, by line, newest first.
fn shown(view: &View) -> impl Iterator<Item = &BatchRecord> {
    view.lines.iter().flat_map(|line| line.batch.iter().chain(&line.last_batches))
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn find<'a>(view: &'a View, name: &str) -> Result<&'a LineView, Response> {
    view.lines.iter().find(|line| *line.name == *name).ok_or_else(|| {
        let known: Vec<String> = view.lines.iter().map(|line| format!("`{}`", line.name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        not_found(format!("no line is called `{name}`; there are: {known}"))
    })
}

pub(super) fn not_found(text: String) -> Response {
    guard::error(StatusCode::NOT_FOUND, text)
}

/// Reads the store off the runtime. The place is held until the read ends, also when the client has
/// gone, so that no more than the bound ever run.
pub(super) async fn read<S: Send + Sync + ?Sized + 'static, T: Send + 'static>(
    shared: &Shared,
    of: &Arc<S>,
    f: impl FnOnce(&S) -> Result<T, String> + Send + 'static,
) -> Result<T, Response> {
    let place = Arc::clone(&shared.reads).acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    let of = Arc::clone(of);
    let read = tokio::task::spawn_blocking(move || {
        let _place = place;
        f(of.as_ref())
    });
    let failed = |reason: String| {
        tracing::error!(reason, "cannot read the store");
        guard::error(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot read the store: {reason}"))
    };
    match read.await {
        Ok(read) => read.map_err(failed),
        Err(panicked) => Err(failed(panicked.to_string())),
    }
}
