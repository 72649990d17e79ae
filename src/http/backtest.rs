//! What a model would have said of the last batches: the document, for the API and for a page of its own.

use super::data::read;
use super::guard;
use super::models::{of, of_version, source};
use super::problem::Problem;
use super::query::Asked;
use super::router::Shared;
use super::{Backtested, page};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

/// Batches that are shown when the request names no number.
pub(super) const BATCHES: usize = 30;
/// The greatest number: the store keeps the frames of so many of a line.
const BATCHES_MAX: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    line: String,
    grade: String,
    version: u32,
    batches: Option<usize>,
}

/// `GET /api/v1/models/{line}/{grade}/{version}/backtest`.
pub(super) async fn backtest(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, u32)>, PathRejection>,
    asked: Asked,
) -> Result<Response, Response> {
    let Path((line, grade, version)) = path.map_err(Problem::from)?;
    let batches = asked.only(&["batches"])?.parsed("batches", "a whole number")?;
    let asked = Wanted { line, grade, version, batches };
    Ok(Json(told(&shared, asked).await?).into_response())
}

/// `GET /backtest`, for people.
pub(super) async fn page(
    State(shared): State<Shared>,
    visit: page::Visit,
) -> Result<Response, Response> {
    let told = told(&shared, visit.asked()?).await?;
    Ok(page::backtest(&shared, &visit, &told))
}

async fn told(shared: &Shared, asked: Wanted) -> Result<Value, Response> {
    let Wanted { line, grade, version, batches } = asked;
    let batches = batches.unwrap_or(BATCHES);
    if !(1..=BATCHES_MAX).contains(&batches) {
        let text = format!("`batches` is {batches}; 1 to {BATCHES_MAX} are told of at a time");
        return Err(Problem::parameter("batches", text).into());
    }
    let registry = source(shared)?;
    let known = of(shared, &line, &grade).await?;
    of_version(&known, (&line, &grade), version)?;
    let told =
        read(shared, registry, move |models| models.backtest((&line, &grade), version, batches));
    match told.await? {
        Backtested::Told(document) => Ok(document),
        Backtested::Unknown(text) => Err(guard::error(StatusCode::CONFLICT, text)),
        Backtested::Busy => {
            let text = "another backtest runs: ask again when it is done";
            Err(guard::error(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}
