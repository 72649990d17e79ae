//! The page of a batch: of the store's, or the one in progress as the engine's view has it.

use super::data::{not_found, read};
use super::page::{self, course};
use super::router::Shared;
use crate::alarm::{News, Subject};
use crate::batch::{Edges, Genealogy};
use crate::engine::{AlarmView, LineView, View};
use crate::report::BatchData;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

/// Sources that are looked for among the batches of the store at most.
const SOURCES_MAX: usize = 100;

/// A batch, and the lines of those that it was made of.
#[derive(Debug)]
struct Kept {
    data: BatchData,
    lines: BTreeMap<Arc<str>, Arc<str>>,
}

/// `GET /batches/{line}/{batch}`.
pub(super) async fn page(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    visit: page::Visit,
) -> Result<Response, Response> {
    let Path((line, id)) = path.map_err(IntoResponse::into_response)?;
    let view = shared.view();
    let of_line = view.lines.iter().find(|of| *of.name == *line);
    let in_progress = of_line.and_then(|of| in_progress(of, &id));
    let is_live = in_progress.is_some();
    let names = view.lines.iter().map(|line| Arc::clone(&line.name)).collect();
    let kept = match in_progress {
        Some(data) => with_genealogy(&shared, data, names).await?,
        None => kept(&shared, (&view, &line, &id), names).await?,
    };
    let document = of_line.filter(|_| is_live).and_then(|line| line.verdict.as_ref());
    let shown = course::Shown {
        data: &kept.data,
        live: is_live,
        made: document.and_then(|document| document.progress),
        alarms: view.alarms.iter().filter(|alarm| is_of(alarm, &kept.data)).collect(),
        tags: of_line.map_or(&[], |line| &line.tags),
        lines: &kept.lines,
    };
    Ok(course::page(&shared, &visit, &shown))
}

/// What is known of the batch in progress, if it is this one.
fn in_progress(line: &LineView, id: &str) -> Option<BatchData> {
    let record = line.batch.as_ref().filter(|batch| *batch.batch == *id)?;
    let course = line.course.as_deref();
    Some(BatchData {
        record: record.clone(),
        sheet: course.map(|course| course.sheet.clone()),
        sections: course.and_then(|course| course.sections.clone()),
        genealogy: no_genealogy(&record.batch),
        model: None,
    })
}

fn no_genealogy(of: &Arc<str>) -> Genealogy {
    let none = |_, _: &str| Ok::<Edges, Infallible>((Vec::new(), false));
    match Genealogy::of(of, None, none) {
        Ok(none) => none,
        Err(never) => match never {},
    }
}

/// The same with what it was made of.
async fn with_genealogy(
    shared: &Shared,
    mut data: BatchData,
    names: Vec<Arc<str>>,
) -> Result<Kept, Response> {
    let Some(history) = &shared.api.history else {
        return Ok(Kept { data, lines: BTreeMap::new() });
    };
    read(shared, history, move |history| {
        data.genealogy = history.genealogy(&data.record.batch, None)?;
        let lines =
            lines_of(&data.genealogy, &names, |line, id| Ok(history.batch(line, id)?.is_some()))?;
        Ok(Kept { data, lines })
    })
    .await
}

/// What the store has of a batch; without one, what the view shows.
async fn kept(
    shared: &Shared,
    (view, line, id): (&View, &str, &str),
    names: Vec<Arc<str>>,
) -> Result<Kept, Response> {
    let missing = || not_found(format!("line `{line}` has no batch `{id}`"));
    let Some(history) = &shared.api.history else {
        let of_line = view.lines.iter().filter(|of| *of.name == *line);
        let mut shown = of_line.flat_map(|of| &of.last_batches);
        let record = shown.find(|batch| *batch.batch == *id).cloned().ok_or_else(missing)?;
        let genealogy = no_genealogy(&record.batch);
        let data = BatchData { record, sheet: None, sections: None, genealogy, model: None };
        return Ok(Kept { data, lines: BTreeMap::new() });
    };
    let (line_name, batch) = (line.to_owned(), id.to_owned());
    let found = read(shared, history, move |history| {
        let Some(data) = history.report(&line_name, &batch)? else { return Ok(None) };
        let lines =
            lines_of(&data.genealogy, &names, |line, id| Ok(history.batch(line, id)?.is_some()))?;
        Ok(Some(Kept { data, lines }))
    });
    found.await?.ok_or_else(missing)
}

/// The lines of the batches among sources: where they were made of something themselves, else where the store knows them.
fn lines_of(
    genealogy: &Genealogy,
    lines: &[Arc<str>],
    is_there: impl Fn(&str, &str) -> Result<bool, String>,
) -> Result<BTreeMap<Arc<str>, Arc<str>>, String> {
    let steps = || genealogy.sources.iter().chain(&genealogy.products);
    let mut known: BTreeMap<Arc<str>, Arc<str>> =
        steps().map(|step| (Arc::clone(&step.batch), Arc::clone(&step.line))).collect();
    let open: BTreeSet<&Arc<str>> =
        steps().map(|step| &step.source).filter(|source| !known.contains_key(*source)).collect();
    let open: Vec<Arc<str>> = open.into_iter().take(SOURCES_MAX).cloned().collect();
    for source in open {
        for line in lines {
            if is_there(line, &source)? {
                known.insert(source, Arc::clone(line));
                break;
            }
        }
    }
    Ok(known)
}

/// True of an alarm of this batch, and of one of its line that came while it was made and stands.
fn is_of(alarm: &AlarmView, data: &BatchData) -> bool {
    let record = &data.record;
    let Some(News { line, subject, .. }) = alarm.news.as_deref() else { return false };
    if *line != record.line || !alarm.holds {
        return false;
    }
    if let Subject::Batch { batch, .. } = subject {
        return *batch == record.batch;
    }
    let within = |since| record.started <= since && record.ended.is_none_or(|ended| since <= ended);
    record.station.is_none() && alarm.since.is_some_and(within)
}
