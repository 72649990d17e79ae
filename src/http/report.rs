//! Reports on batches as documents to print, and the sheets that they are made of as JSON.

use super::data::{not_found, read};
use super::problem::Problem;
use super::router::Shared;
use super::{History, guard};
use crate::engine::TagView;
use crate::plant::nearest;
use crate::reading::Timestamp;
use crate::report::{self, BatchData, Delivery, Objection, Week};
use crate::words::{Language, Locale};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    language: Option<Language>,
    #[serde(default)]
    certificate: bool,
    #[serde(default)]
    as_is: bool,
    customer: Option<String>,
    order: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedWeek {
    language: Option<Language>,
    line: Option<String>,
    week: Option<String>,
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn history(shared: &Shared) -> Result<&Arc<dyn History>, Response> {
    let missing = || not_found("no batches are stored that could be reported".into());
    shared.api.history.as_ref().ok_or_else(missing)
}

/// What is kept of a batch.
async fn kept(shared: &Shared, line: String, id: String) -> Result<BatchData, Response> {
    let missing = format!("line `{line}` has no batch `{id}`");
    let of = history(shared)?;
    let found = read(shared, of, move |history| history.report(&line, &id)).await?;
    found.ok_or_else(|| not_found(missing))
}

fn settings(shared: &Shared, language: Option<Language>) -> Locale {
    let settings = shared.api.locale.clone();
    Locale { language: language.unwrap_or(settings.language), ..settings }
}

fn made(shared: &Shared) -> Timestamp {
    Timestamp::from_millis(shared.now_ms()).unwrap_or(Timestamp::MAX)
}

/// A document of its own, which has its own style and so its own policy.
fn sheet_of_paper(document: String) -> Response {
    let mut answer =
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], document).into_response();
    let policy = format!("{}; frame-ancestors 'none'", report::content_security_policy());
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// `GET /batches/{line}/{batch}/report`.
pub(super) async fn batch(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Response> {
    let Path((line, id)) = path.map_err(Problem::from)?;
    let Query(asked) = query.map_err(IntoResponse::into_response)?;
    let data = kept(&shared, line, id).await?;
    let settings = settings(&shared, asked.language);
    if asked.certificate {
        let Asked { customer, order, as_is, .. } = asked;
        let delivery = Delivery { customer, order, as_is };
        let issued = report::certificate(&[data], &delivery, &settings, made(&shared));
        return issued.map(sheet_of_paper).map_err(|against| {
            let against: Vec<String> = against.iter().map(Objection::sentence).collect();
            let text = format!("no certificate can be issued: {}", against.join("; "));
            guard::error(StatusCode::CONFLICT, text)
        });
    }
    if data.record.ended.is_none() {
        let text =
            format!("batch `{}` has not ended: a report is of a finished one", data.record.batch);
        return Err(guard::error(StatusCode::CONFLICT, text));
    }
    Ok(sheet_of_paper(report::batch(&data, &settings, made(&shared))))
}

/// What never spoke is sick once it should have; until then it waits.
fn is_sick(tag: &TagView) -> bool {
    !matches!(&*tag.health, "good" | "waiting")
}

/// `GET /report/weekly`.
pub(super) async fn weekly(
    State(shared): State<Shared>,
    query: Result<Query<AskedWeek>, QueryRejection>,
) -> Result<Response, Response> {
    let Query(AskedWeek { language, line, week }) = query.map_err(IntoResponse::into_response)?;
    let week = week.map(|week| week.parse::<Week>()).transpose();
    let week = week.map_err(|text| guard::error(StatusCode::BAD_REQUEST, text))?;
    let settings = settings(&shared, language);
    let (zone, of) = (settings.zone.clone(), line.clone());
    let data =
        read(&shared, history(&shared)?, move |history| history.week(of.as_deref(), week, &zone));
    let data = data.await?;
    let view = shared.view();
    let missing = || {
        let Some(line) = &line else { return not_found("no batch has ended".into()) };
        let known = view.lines.iter().map(|known| &*known.name).filter(|known| *known != line);
        let near = nearest(line, known);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        not_found(format!("no batch of line `{line}` has ended{hint}"))
    };
    let mut data = data.ok_or_else(missing)?;
    let lines =
        view.lines.iter().filter(|known| line.as_deref().is_none_or(|line| *known.name == *line));
    let sick = lines.flat_map(|line| {
        let sick = line.tags.iter().filter(|tag| is_sick(tag));
        sick.map(|tag| [&line.name, &tag.id, &tag.health].map(|text| Arc::from(&**text)))
    });
    data.sick = Some(sick.collect());
    Ok(sheet_of_paper(report::weekly(&data, &settings, made(&shared))))
}

/// `GET /api/v1/batches/{line}/{batch}/sheet`.
pub(super) async fn sheet(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Response> {
    let Path((line, id)) = path.map_err(Problem::from)?;
    let BatchData { record, sheet, sections, .. } = kept(&shared, line, id).await?;
    let along =
        sections.as_ref().map(|kept| json!({ "sections": kept.sections, "quality": kept.quality }));
    let found = sheet.as_ref().map(|kept| {
        json!({
            "verdict": kept.verdict, "spec": kept.spec, "laboratory": kept.laboratory,
            "dispositions": kept.dispositions, "actions": kept.actions,
        })
    });
    let document =
        json!({ "line": record.line, "batch": record.batch, "found": found, "along": along });
    Ok(Json(document).into_response())
}
