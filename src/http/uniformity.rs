//! How uniform batches are: the document, for the API and for a page of its own, so that the page of the lines waits for no
//! sheet.

use super::data::{not_found, read};
use super::page;
use super::problem::Problem;
use super::query::Asked;
use super::router::Shared;
use crate::verdict::{Apart, Uniformity};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// Batches that are looked at when the request names no `limit`.
const LIMIT: usize = 300;
/// The greatest `limit`: of each the sheet is read.
const LIMIT_MAX: usize = 500;
/// What becomes of so many.
const LOOKED_AT: &str = "are looked at";

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    line: Option<String>,
    grade: Option<String>,
    #[serde(default)]
    by: Apart,
    limit: Option<usize>,
}

/// `GET /api/v1/uniformity`.
pub(super) async fn uniformity(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked = asked.only(&["line", "grade", "by", "limit"])?;
    let wanted = Wanted {
        line: asked.owned("line"),
        grade: asked.owned("grade"),
        by: asked.worded("by", &["grade", "lot"])?.unwrap_or_default(),
        limit: asked.count("limit", LIMIT_MAX, LOOKED_AT)?,
    };
    Ok(Json(told(&shared, wanted).await?).into_response())
}

/// `GET /uniformity`, for people.
pub(super) async fn page(
    State(shared): State<Shared>,
    visit: page::Visit,
) -> Result<Response, Response> {
    let told = told(&shared, visit.asked()?).await?;
    Ok(page::uniformity(&shared, &visit, &told))
}

async fn told(shared: &Shared, wanted: Wanted) -> Result<Uniformity, Response> {
    let Wanted { line, grade, by, limit } = wanted;
    let limit = limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let text = format!("`limit` is {limit}; 1 to {LIMIT_MAX} {LOOKED_AT}");
        return Err(Problem::parameter("limit", text).into());
    }
    let Some(history) = &shared.api.history else {
        return Err(not_found("no batches are stored whose uniformity could be told".into()));
    };
    let told = read(shared, history, move |history| {
        history.uniformity((line.as_deref(), grade.as_deref()), by, limit)
    });
    told.await
}
