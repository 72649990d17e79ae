//! Batches: the list, in pieces and by what people look for, and one.

use super::api::{Batch, Batches};
use super::data::{not_found, read};
use super::problem::Problem;
use super::query::{Asked, CURSOR, LIMIT, cursor, cut};
use super::router::Shared;
use crate::engine::{BatchRecord, View};
use crate::reading::Timestamp;
use crate::store::{BatchFilter, BatchPlace};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

/// Batches given when the request names no `limit`.
const GIVEN: usize = 50;
/// The greatest `limit`.
pub(super) const LIMIT_MAX: usize = 1000;
/// What a verdict on a batch may be.
const VERDICTS: [&str; 5] = ["on-spec", "at-risk", "off-spec", "unknown", "void"];
/// What may have been decided of one.
const DISPOSITIONS: [&str; 6] = ["release", "hold", "downgrade", "rework", "scrap", "none"];
/// The name of the list in its cursors.
const LIST: &str = "batches";

/// `GET /api/v1/batches`.
pub(super) async fn batches(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, Response> {
    let asked =
        asked.only(&["line", "grade", "verdict", "disposition", "from", "to", LIMIT, CURSOR])?;
    let limit = asked.count(LIMIT, LIMIT_MAX, "are given at a time")?.unwrap_or(GIVEN);
    let wanted = wanted(&asked)?;
    let (batches, next) = match &shared.api.history {
        Some(history) => {
            read(&shared, history, move |history| history.batch_list(&wanted, limit)).await?
        }
        None => of_view(&shared.view(), &wanted, limit),
    };
    let next = next.map(|BatchPlace { started, line, batch }| {
        cursor(LIST, &(started.as_nanos(), line, batch))
    });
    let document = Batches::new(&batches, next.clone());
    Ok(asked.piece(&document, next.as_deref(), &[]))
}

fn wanted(asked: &Asked) -> Result<BatchFilter, Problem> {
    let (from, to) = (asked.instant("from")?, asked.instant("to")?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        let text = "`to` is not behind `from`: batches are given that began at `from` or later, and before `to`";
        return Err(Problem::parameter("to", text));
    }
    let after = asked.cursor(LIST)?.map(|(started, line, batch): (i64, String, String)| {
        BatchPlace { started: Timestamp::from_nanos(started), line, batch }
    });
    Ok(BatchFilter {
        line: asked.owned("line"),
        grade: asked.owned("grade"),
        verdict: asked.word("verdict", &VERDICTS)?.map(str::to_owned),
        disposition: asked.word("disposition", &DISPOSITIONS)?.map(str::to_owned),
        from,
        to,
        after,
    })
}

fn place(batch: &BatchRecord) -> BatchPlace {
    let (line, id) = (batch.line.to_string(), batch.batch.to_string());
    BatchPlace { started: batch.started, line, batch: id }
}

/// True if a batch is among those that are wanted, wherever the list goes on.
pub(super) fn fits(wanted: &BatchFilter, batch: &BatchRecord) -> bool {
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    let disposition = batch.disposition.map_or("none", crate::decode::Disposition::as_str);
    is(&wanted.line, Some(&batch.line))
        && is(&wanted.grade, batch.grade.as_deref())
        && is(&wanted.verdict, Some(batch.verdict.map_or("void", |call| call.as_str())))
        && is(&wanted.disposition, Some(disposition))
        && wanted.from.is_none_or(|from| batch.started >= from)
        && wanted.to.is_none_or(|to| batch.started < to)
}

/// Where there is no store: the batches that the view shows, by line, newest first.
fn of_view(
    view: &View,
    wanted: &BatchFilter,
    limit: usize,
) -> (Vec<BatchRecord>, Option<BatchPlace>) {
    let mut shown = shown(view).filter(|batch| fits(wanted, batch)).cloned();
    if let Some(after) = &wanted.after {
        shown.by_ref().find(|batch| place(batch) == *after);
    }
    let (batches, more) = cut(shown.take(limit + 1).collect(), limit);
    let next = batches.last().filter(|_| more).map(place);
    (batches, next)
}

/// `GET /api/v1/batches/{line}/{batch}`.
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

/// The batches that the view shows, by line, newest first.
fn shown(view: &View) -> impl Iterator<Item = &BatchRecord> {
    view.lines.iter().flat_map(|line| line.batch.iter().chain(&line.last_batches))
}
