//! What reports are made of, out of a store.

use super::batches;
use crate::engine::BatchRecord;
use crate::report::{BatchData, Week, WeekData};
use crate::store::{Reader, StoreError};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Batches among which those of the weeks of a scoreboard are looked for: the newest.
const WEEKLY_MAX: usize = 20_000;

/// Batches among which the newest that ended is looked for.
const LAST: usize = 200;

/// All that is kept of a batch; `None` if the store does not know it.
///
/// # Errors
/// When the store cannot be read.
pub fn batch(reader: &Reader, line: &str, id: &str) -> Result<Option<BatchData>, StoreError> {
    let Some(record) = batches::one(reader, line, id)? else { return Ok(None) };
    let models = reader.active_models()?;
    let judges = models
        .iter()
        .rfind(|model| model.line == line && Some(&*model.grade) == record.grade.as_deref());
    Ok(Some(BatchData {
        sheet: batches::sheet(reader, line, id)?,
        sections: batches::sections(reader, line, id)?,
        genealogy: batches::genealogy(reader, id, None)?,
        model: judges.map(|model| (model.version, model.at)),
        record,
    }))
}

/// A week and those before it, of one line or of all; without a week, the one in which the newest batch ended. `None` if no
/// batch has ended.
///
/// # Errors
/// When the store cannot be read.
pub fn week(
    reader: &Reader,
    line: Option<&str>,
    week: Option<Week>,
    zone: &TimeZone,
) -> Result<Option<WeekData>, StoreError> {
    let week = match week {
        Some(week) => Some(week),
        None => batches::newest(reader, line, LAST)?
            .iter()
            .filter_map(|record| record.ended)
            .max()
            .and_then(|ended| Week::at(ended, zone)),
    };
    let Some((week, bounds)) = week.and_then(|week| Some((week, week.bounds(zone)?))) else {
        return Ok(None);
    };
    let ends = bounds.first().copied().zip(bounds.last().copied());
    let within = |record: &BatchRecord| {
        let ended = record.ended.zip(ends);
        record.station.is_none() && ended.is_some_and(|(at, (from, to))| from <= at && at < to)
    };
    let mut kept = batches::newest(reader, line, WEEKLY_MAX)?;
    kept.retain(within);
    let begin = bounds.iter().rev().nth(1).copied();
    let mut movers: Vec<Arc<str>> = Vec::new();
    let flagged = |record: &&BatchRecord| record.ended >= begin && record.first_flag.is_some();
    for record in kept.iter().filter(flagged) {
        let sheet = batches::sheet(reader, &record.line, &record.batch)?;
        movers.extend(sheet.and_then(|sheet| sheet.verdict.first_mover));
    }
    let line = line.map(Arc::from);
    Ok(Some(WeekData { week, bounds, line, batches: kept, movers, sick: None }))
}
