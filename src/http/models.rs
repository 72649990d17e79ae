//! The models: which there are, and the word that lets another one judge.

use super::alarms::unreadable;
use super::api::{Challenger, Fitting, Waiting};
use super::data::{not_found, read};
use super::problem::Problem;
use super::query::{Asked, CURSOR, LIMIT, cursor, cut};
use super::router::Shared;
use super::{Granted, Models, Told, guard};
use crate::engine::{ChallengerView, Promotion, PromotionView, View, Withdrawal};
use crate::reading::Timestamp;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The greatest `limit`. Without one all are given.
const LIMIT_MAX: usize = 1000;
/// The name of the list in its cursors.
const LIST: &str = "models";

/// The longest name of a person, in characters.
const NAME_MAX: usize = 100;

/// `GET /api/v1/models`.
#[derive(Debug, Serialize)]
struct All {
    models: Vec<Value>,
    fitting: Vec<Fitting>,
    promotions: Vec<Waiting>,
    next: Option<String>,
}

/// `POST …/promote` and `…/rollback`: what will happen, and when.
#[derive(Debug, Serialize)]
struct Promoted {
    line: Arc<str>,
    grade: Arc<str>,
    version: u32,
    of: u32,
    reason: String,
    judges: String,
    on_disk: bool,
    replaces: Option<Waiting>,
}

/// `POST …/withdraw`: what does not happen any more.
#[derive(Debug, Serialize)]
struct Withdrawn {
    withdrawn: Waiting,
    on_disk: bool,
}

/// What such a request may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    by: Option<String>,
}

pub(super) async fn models(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked = asked.only(&["line", "grade", LIMIT, CURSOR])?;
    let limit = asked.count(LIMIT, LIMIT_MAX, "are given at a time")?;
    let after: Option<(String, String, u64)> = asked.cursor(LIST)?;
    let (line, grade) = (asked.owned("line"), asked.owned("grade"));
    let is = |asked: Option<&str>, name: &str| asked.is_none_or(|asked| asked == name);
    let running = shared.fitting().filter(|fitting| {
        is(line.as_deref(), &fitting.line) && is(grade.as_deref(), &fitting.grade)
    });
    let fitting = running.iter().map(Fitting::from).collect();
    let view = shared.view();
    let of_lines = view.lines.iter().filter(|one| is(line.as_deref(), &one.name));
    let promotions = of_lines
        .flat_map(|one| one.promotions.iter().map(move |promotion| (one, promotion)))
        .filter(|(_, promotion)| is(grade.as_deref(), &promotion.grade))
        .map(|(one, promotion)| Waiting::new(&one.name, promotion))
        .collect();
    let mut models = listed(&shared, line, grade).await?;
    models.sort_by_cached_key(key);
    models.retain(|model| after.as_ref().is_none_or(|after| key(model) > *after));
    let (models, more) = cut(models, limit.unwrap_or(usize::MAX));
    let next = models.last().filter(|_| more).map(|last| cursor(LIST, &key(last)));
    let document = All { models, fitting, promotions, next: next.clone() };
    Ok(asked.piece(&document, next.as_deref(), &[]))
}

/// What models are in order by: line, grade, version.
fn key(model: &Value) -> (String, String, u64) {
    let text = |key: &str| model[key].as_str().unwrap_or_default().to_owned();
    (text("line"), text("grade"), model["version"].as_u64().unwrap_or(0))
}

pub(super) async fn model(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, u32)>, PathRejection>,
) -> Result<Response, Response> {
    let Path((line, grade, version)) = path.map_err(Problem::from)?;
    let models = of(&shared, &line, &grade).await?;
    Ok(Json(of_version(&models, (&line, &grade), version)?).into_response())
}

pub(super) async fn promote(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, u32)>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path((line, grade, version)) = path.map_err(Problem::from)?;
    switch(&shared, (line, grade), Some(version), &body).await
}

pub(super) async fn rollback(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path(of) = path.map_err(Problem::from)?;
    switch(&shared, of, None, &body).await
}

pub(super) async fn withdraw(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Response, Response> {
    let Path((line, grade)) = path.map_err(Problem::from)?;
    let by = name(&body)?;
    let registry = source(&shared)?;
    of(&shared, &line, &grade).await?;
    let (line, grade): (Arc<str>, Arc<str>) = (line.into(), grade.into());
    let withdrawal = Withdrawal {
        line: Arc::clone(&line),
        grade: Arc::clone(&grade),
        by,
        at: Timestamp::from_nanos(shared.api.clock.now_nanos()),
    };
    let (promotion, on_disk) =
        granted(registry.withdraw(withdrawal).await, &format!("line `{line}`, grade `{grade}`"))?;
    let withdrawn = Waiting::new(&line, &promotion);
    let status = if on_disk { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(Withdrawn { withdrawn, on_disk })).into_response())
}

/// What was granted, and whether it is on disk; else the answer that it was not. `what` it is about.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
pub(super) fn granted<T>(told: Told<T>, what: &str) -> Result<(T, bool), Response> {
    let unavailable = |text: &str| Err(guard::error(StatusCode::SERVICE_UNAVAILABLE, text));
    match told {
        Told::Done(granted) => Ok((granted, true)),
        Told::WhenRoom(granted) => Ok((granted, false)),
        Told::Unfit(reason) => {
            let text = format!("{what} cannot judge: {reason}");
            Err(guard::error(StatusCode::UNPROCESSABLE_ENTITY, text))
        }
        Told::Conflict(reason) => {
            Err(guard::error(StatusCode::CONFLICT, format!("{what}: {reason}")))
        }
        Told::Busy => unavailable(
            "onspec is busy, or its store has no room: nothing was changed, and nothing will be; ask again later",
        ),
        Told::Stops => unavailable(
            "onspec stops, or another configuration is just taking effect: ask again then",
        ),
    }
}

/// Lets a version judge, or what judged before.
async fn switch(
    shared: &Shared,
    (line, grade): (String, String),
    version: Option<u32>,
    body: &Bytes,
) -> Result<Response, Response> {
    let by = name(body)?;
    let conflict = |text: String| guard::error(StatusCode::CONFLICT, text);
    let registry = source(shared)?;
    let known = of(shared, &line, &grade).await?;
    if let Some(version) = version {
        let asked = of_version(&known, (&line, &grade), version)?;
        let judges = known.iter().find(|model| model["judges"] == true);
        if let Some(judges) = judges.filter(|judges| judges["sha256"] == asked["sha256"]) {
            let same = if judges["version"] == version {
                format!("version {version} judges already")
            } else {
                let judges = &judges["version"];
                format!("version {version} is the same model as {judges}, which judges already")
            };
            return Err(conflict(format!("line `{line}`, grade `{grade}`: {same}")));
        }
    }
    let (of_line, of_grade) = (line.clone(), grade.clone());
    let picked =
        read(shared, registry, move |registry| registry.pick((&of_line, &of_grade), version));
    let (of, artifact) = picked.await?.map_err(conflict)?;
    let promotion = Promotion {
        line: line.as_str().into(),
        grade: grade.as_str().into(),
        of,
        artifact,
        back: version.is_none(),
        by,
        at: Timestamp::from_nanos(shared.api.clock.now_nanos()),
    };
    let reason = promotion.reason();
    let (line, grade) = (Arc::clone(&promotion.line), Arc::clone(&promotion.grade));
    let what = format!("line `{line}`, grade `{grade}`: version {of}");
    let (Granted { version, replaces }, on_disk) =
        granted(registry.promote(promotion).await, &what)?;
    let judges = if on_disk {
        format!("{}; at once on a line without batches", PromotionView::FROM)
    } else {
        format!("once the store has room, {}", PromotionView::FROM)
    };
    let replaces = replaces.map(|replaced| Waiting::new(&line, &replaced));
    let promoted = Promoted { line, grade, version, of, reason, judges, on_disk, replaces };
    Ok((StatusCode::ACCEPTED, Json(promoted)).into_response())
}

/// The name of who asks, if the body says one.
fn name(body: &[u8]) -> Result<Option<Arc<str>>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let write = "send nothing, or write `{\"by\": \"shift-a\"}`";
    let word: Word = serde_json::from_slice(body)
        .map_err(|error| unreadable(format!("the body cannot be read: {error}; {write}")))?;
    let Some(by) = word.by else { return Ok(None) };
    let by = by.trim();
    let is_name = (1..=NAME_MAX).contains(&by.chars().count()) && !by.contains(char::is_control);
    if !is_name {
        let text = format!(
            "`by` is no name of 1 to {NAME_MAX} characters without control characters; {write}"
        );
        return Err(Problem::parameter("by", text));
    }
    Ok(Some(by.into()))
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
pub(super) fn source(shared: &Shared) -> Result<&Arc<dyn Models>, Response> {
    shared.api.models.as_ref().ok_or_else(|| {
        guard::error(StatusCode::CONFLICT, "this onspec keeps no models that could be promoted")
    })
}

/// The models of a line and grade, or of all of them.
async fn listed(
    shared: &Shared,
    line: Option<String>,
    grade: Option<String>,
) -> Result<Vec<Value>, Response> {
    let Some(models) = &shared.api.models else { return Ok(Vec::new()) };
    let list = read(shared, models, move |models| models.list(line.as_deref(), grade.as_deref()));
    let mut models = list.await?;
    let view = shared.view();
    for model in &mut models {
        model["shadow"] = serde_json::to_value(shadow(&view, model)).unwrap_or_default();
    }
    Ok(models)
}

/// What a model that waits would have said, beside the one that judges.
fn shadow(view: &View, model: &Value) -> Option<Challenger> {
    let line = view.lines.iter().find(|line| model["line"] == *line.name)?;
    let is_it = |challenger: &&ChallengerView| {
        model["grade"] == *challenger.grade && model["version"] == challenger.version
    };
    line.challengers.iter().find(is_it).map(Challenger::from)
}

/// The models of a line and grade; where there is none, which there are.
pub(super) async fn of(shared: &Shared, line: &str, grade: &str) -> Result<Vec<Value>, Response> {
    let models = listed(shared, Some(line.to_owned()), Some(grade.to_owned())).await?;
    if !models.is_empty() {
        return Ok(models);
    }
    let all = listed(shared, None, None).await?;
    let pairs: BTreeSet<String> = all
        .iter()
        .filter_map(|model| Some((model["line"].as_str()?, model["grade"].as_str()?)))
        .map(|(line, grade)| format!("line `{line}`, grade `{grade}`"))
        .collect();
    let pairs = pairs.into_iter().collect::<Vec<_>>().join("; ");
    let pairs = if pairs.is_empty() { "none".to_owned() } else { pairs };
    Err(not_found(format!(
        "there is no model of line `{line}`, grade `{grade}`; there are models of: {pairs}"
    )))
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
pub(super) fn of_version<'a>(
    models: &'a [Value],
    (line, grade): (&str, &str),
    version: u32,
) -> Result<&'a Value, Response> {
    models.iter().rfind(|model| model["version"] == version).ok_or_else(|| {
        let known: Vec<String> = models.iter().map(|model| model["version"].to_string()).collect();
        not_found(format!(
            "line `{line}`, grade `{grade}` has no model {version}; there are: {}",
            known.join(", ")
        ))
    })
}
