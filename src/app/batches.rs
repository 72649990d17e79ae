//! The batches of a store, for the API and the command line.

use crate::batch::{Edge, Edges, Genealogy, Metres, Origins, TRACED_MAX, Towards};
use crate::engine::{BatchRecord, SectionsRecord, SheetRecord};
use crate::store::{
    BatchFilter, BatchPlace, Reader, SheetPart, StoreError, StoredBatch, StoredEdge,
};
use crate::verdict::{Apart, Period, Scoreboard, Uniformity};
use serde::de::DeserializeOwned;

/// What is known of a batch; `None` of a record that another release wrote in another way.
fn record(stored: &StoredBatch) -> Option<BatchRecord> {
    serde_json::from_str(&stored.record).ok()
}

/// The newest ones by their start, newest first, of one line or of all.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(
    reader: &Reader,
    line: Option<&str>,
    limit: usize,
) -> Result<Vec<BatchRecord>, StoreError> {
    Ok(reader.batches(line, limit)?.iter().filter_map(record).collect())
}

/// Those that are wanted, newest first, at most `limit`; and the place behind which they go on, if there are more.
///
/// # Errors
/// When the store cannot be read.
pub fn list(
    reader: &Reader,
    wanted: &BatchFilter,
    limit: usize,
) -> Result<(Vec<BatchRecord>, Option<BatchPlace>), StoreError> {
    let mut stored = reader.batch_list(wanted, limit.saturating_add(1))?;
    let more = stored.len() > limit;
    stored.truncate(limit);
    let next = stored.last().filter(|_| more).map(StoredBatch::place);
    Ok((stored.iter().filter_map(record).collect(), next))
}

/// One batch.
///
/// # Errors
/// When the store cannot be read.
pub fn one(reader: &Reader, line: &str, id: &str) -> Result<Option<BatchRecord>, StoreError> {
    Ok(reader.batch(line, id)?.as_ref().and_then(record))
}

/// The batches of this id, of all lines.
///
/// # Errors
/// When the store cannot be read.
pub fn called(reader: &Reader, id: &str) -> Result<Vec<BatchRecord>, StoreError> {
    Ok(reader.batches_called(id)?.iter().filter_map(record).collect())
}

/// A part of a batch's sheet; `None` too of one that another release wrote in another way.
fn part<T: DeserializeOwned>(
    reader: &Reader,
    (line, id): (&str, &str),
    part: SheetPart,
) -> Result<Option<T>, StoreError> {
    Ok(reader.sheet(line, id, part)?.and_then(|json| serde_json::from_slice(&json).ok()))
}

/// What was found of a finished batch: the last verdict, results, decisions.
///
/// # Errors
/// When the store cannot be read.
pub fn sheet(reader: &Reader, line: &str, id: &str) -> Result<Option<SheetRecord>, StoreError> {
    part(reader, (line, id), SheetPart::Found)
}

/// What was seen along a finished batch.
///
/// # Errors
/// When the store cannot be read.
pub fn sections(
    reader: &Reader,
    line: &str,
    id: &str,
) -> Result<Option<SectionsRecord>, StoreError> {
    part(reader, (line, id), SheetPart::Sections)
}

/// The score of what was said of the newest batches by their start, at most `limit`, of one line or grade or of all.
///
/// # Errors
/// When the store cannot be read.
pub fn scoreboard(
    reader: &Reader,
    (line, grade): (Option<&str>, Option<&str>),
    by: Period,
    limit: usize,
) -> Result<Scoreboard, StoreError> {
    let batches = newest(reader, line, limit)?;
    let is_of =
        |record: &&BatchRecord| grade.is_none_or(|grade| record.grade.as_deref() == Some(grade));
    let scored: Vec<_> = batches.iter().filter(is_of).filter_map(BatchRecord::scored).collect();
    Ok(Scoreboard::of(&scored, by))
}

/// What a lot or batch, or a stretch of it in metres, was made of, and what was made of it.
///
/// # Errors
/// When the store cannot be read.
pub fn genealogy(
    reader: &Reader,
    name: &str,
    stretch: Option<Metres>,
) -> Result<Genealogy, StoreError> {
    Genealogy::of(&name.into(), stretch, |towards, name| edges(reader, towards, name))
}

/// What leads from a name, either to its sources or to its products.
fn edges(reader: &Reader, towards: Towards, name: &str) -> Result<Edges, StoreError> {
    let stored = reader.edges(name, towards == Towards::Products, TRACED_MAX + 1)?;
    let told = stored.len();
    let edge = |stored: StoredEdge| {
        let consumed = serde_json::from_str(&stored.consumed).ok()?;
        Some(Edge { line: stored.line.into(), batch: stored.batch.into(), consumed })
    };
    let edges: Vec<Edge> = stored.into_iter().filter_map(edge).collect();
    let more = told > TRACED_MAX || edges.len() < told;
    Ok((edges, more))
}

/// How uniform the newest batches by their start are, at most `limit`, of one line or grade or of all, and which lots make
/// them differ. It reads the sheets of all of them.
///
/// # Errors
/// When the store cannot be read.
pub fn uniformity(
    reader: &Reader,
    (line, grade): (Option<&str>, Option<&str>),
    apart: Apart,
    limit: usize,
) -> Result<Uniformity, StoreError> {
    let batches = newest(reader, line, limit)?;
    let mut origins = Origins::default();
    let mut samples = Vec::new();
    for record in &batches {
        let other = grade.is_some_and(|grade| record.grade.as_deref() != Some(grade));
        if other || record.ended.is_none() {
            continue;
        }
        let sections = sections(reader, &record.line, &record.batch)?;
        let sheet = sheet(reader, &record.line, &record.batch)?;
        let lots = origins
            .of(&record.line, &record.batch, |name| edges(reader, Towards::Sources, name))?;
        samples.extend(record.sample(sections.as_ref(), sheet.as_ref(), lots));
    }
    let stored = reader.batch_count(line)?;
    Ok(Uniformity::of(&samples, apart, (batches.len(), stored)))
}
