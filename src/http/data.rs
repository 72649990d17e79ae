//! The handlers of the data: lines, verdicts, scores, genealogy, alarms, health.

use super::api::{self, Alarms, Health, LineDetail, Lines};
use super::problem::Problem;
use super::query::Asked;
use super::router::Shared;
use super::{etag, guard};
use crate::alarm::IsaState;
use crate::engine::{AlarmView, LineView, View};
use crate::plant::AlarmClass;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Batches that a scoreboard is of at most: the newest.
const SCORED_MAX: usize = 10_000;

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

/// The states that an alarm is shown in: what is normal stands in no list.
fn shown_states() -> Vec<&'static str> {
    IsaState::ALL.iter().filter(|state| **state != IsaState::Normal).map(|s| s.as_str()).collect()
}

pub(super) async fn alarms(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked = asked.only(&["line", "class", "severity", "state"])?;
    let view = shared.view();
    if let Some(name) = asked.text("line") {
        find(&view, name)?;
    }
    let of_line = asked.text("line").map(|line| format!("{line}/"));
    let classes: Vec<&'static str> = AlarmClass::ALL.iter().map(|class| class.as_str()).collect();
    let class = asked.word("class", &classes)?;
    let severity = asked.word("severity", &["info", "warning", "critical"])?;
    let state = asked.word("state", &shown_states())?;
    let wanted = |alarm: &AlarmView| {
        of_line.as_deref().is_none_or(|of_line| alarm.alarm.starts_with(of_line))
            && class.is_none_or(|class| alarm.class == Some(class))
            && severity.is_none_or(|severity| alarm.severity.as_str() == severity)
            && state.is_none_or(|state| alarm.isa == state)
    };
    let alarms = Alarms::new(&view, shared.now_ms(), wanted);
    Ok(etag::moving(alarms, |alarms| alarms.now = 0))
}

pub(super) async fn health(State(shared): State<Shared>) -> Response {
    let age = shared.api.progress.heartbeat_age().as_millis();
    let age = u64::try_from(age).unwrap_or(u64::MAX);
    let parts = shared.api.health.snapshot();
    let health = Health::new(&shared.view(), shared.now_ms(), age, &parts);
    etag::moving(health, |health| (health.now, health.heartbeat_age_ms) = (0, 0))
}

/// A line by its name.
pub(super) fn find<'a>(view: &'a View, name: &str) -> Result<&'a LineView, Problem> {
    view.lines.iter().find(|line| *line.name == *name).ok_or_else(|| {
        let known: Vec<String> = view.lines.iter().map(|line| format!("`{}`", line.name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let text = format!("no line is called `{name}`; there are: {known}");
        Problem::new(StatusCode::NOT_FOUND, text)
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
