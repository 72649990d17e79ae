//! How uniform batches are: the document, for the API and for a page of its own, so that the page of the lines waits for no
//! sheet.

use super::data::{not_found, read};
use super::router::Shared;
use super::{guard, page};
use crate::verdict::{Apart, Uniformity};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// Batches that are looked at when the request names no `limit`.
const LIMIT: usize = 300;
/// The greatest `limit`: of each the sheet is read.
const LIMIT_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    line: Option<String>,
    grade: Option<String>,
    #[serde(default)]
    by: Apart,
    limit: Option<usize>,
}

/// `GET /api/v1/uniformity`.
pub(super) async fn uniformity(
    State(shared): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Response> {
    let Query(asked) = query.map_err(IntoResponse::into_response)?;
    Ok(Json(told(&shared, asked).await?).into_response())
}

/// `GET /uniformity`, for people.
pub(super) async fn page(
    State(shared): State<Shared>,
    visit: page::Visit,
) -> Result<Response, Response> {
    let told = told(&shared, visit.asked()?).await?;
    Ok(page::uniformity(&shared, &visit, &told))
}

async fn told(shared: &Shared, asked: Asked) -> Result<Uniformity, Response> {
    let Asked { line, grade, by, limit } = asked;
    let limit = limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let text = format!("`limit` is {limit}; 1 to {LIMIT_MAX} are looked at");
        return Err(guard::error(StatusCode::BAD_REQUEST, text));
    }
    let Some(history) = &shared.api.history else {
        return Err(not_found("no batches are stored whose uniformity could be told".into()));
    };
    let told = read(shared, history, move |history| {
        history.uniformity((line.as_deref(), grade.as_deref()), by, limit)
    });
    told.await
}
