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
/// batch has ended, or the line has none.
///
/// # Errors
/// When the store cannot be read.
pub fn week(
    reader: &Reader,
    line: Option<&str>,
    week: Option<Week>,
    zone: &TimeZone,
) -> Result<Option<WeekData>, StoreError> {
    week_among(reader, line, week, (zone, WEEKLY_MAX))
}

fn week_among(
    reader: &Reader,
    line: Option<&str>,
    week: Option<Week>,
    (zone, max): (&TimeZone, usize),
) -> Result<Option<WeekData>, StoreError> {
    let stored = reader.batch_count(line)?;
    if stored == 0 {
        // Noughts would look like a week in which nothing happened.
        return Ok(None);
    }
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
    let mut kept = batches::newest(reader, line, max)?;
    // Newest first by their start: what started before the last one was not looked at.
    let oldest = kept.last().map(|record| record.started).filter(|_| stored > max);
    let looked_since = oldest.filter(|oldest| bounds.first().is_some_and(|first| first < oldest));
    kept.retain(within);
    let begin = bounds.iter().rev().nth(1).copied();
    let mut movers: Vec<Arc<str>> = Vec::new();
    let flagged = |record: &&BatchRecord| record.ended >= begin && record.first_flag.is_some();
    for record in kept.iter().filter(flagged) {
        let sheet = batches::sheet(reader, &record.line, &record.batch)?;
        movers.extend(sheet.and_then(|sheet| sheet.verdict.first_mover));
    }
    let line = line.map(Arc::from);
    Ok(Some(WeekData { week, bounds, line, batches: kept, movers, looked_since, sick: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Timestamp;
    use crate::report::fixture::{STARTED, record};
    use crate::store::{BatchRow, Commit, Settings, Store, WhenFull};

    /// A store with a batch of an hour for each of so many days, the last one in week 4 of 2026.
    fn of_days(path: &std::path::Path, days: i64) -> Reader {
        let settings = Settings {
            path: Some(path.to_owned()),
            max_size_bytes: 1 << 30,
            when_full: WhenFull::Block,
        };
        let mut store = Store::open(&settings).unwrap();
        for day in 0..days {
            let at = |ms: i64| Timestamp::from_millis(STARTED - day * 86_400_000 + ms).unwrap();
            let mut record = record("at-risk", "rework");
            record.batch = format!("R{day}").into();
            (record.started, record.ended) = (at(0), Some(at(3_600_000)));
            let row = BatchRow {
                line: &record.line,
                batch: &record.batch,
                started: record.started,
                ended: record.ended,
                record: &serde_json::to_string(&record).unwrap(),
                edges: &[],
            };
            store.commit(&Commit { batches: &[row], ..Commit::default() }).unwrap();
        }
        drop(store);
        Reader::open(path).unwrap()
    }

    #[test]
    fn a_line_without_batches_has_no_week() {
        let directory = tempfile::tempdir().unwrap();
        let reader = of_days(&directory.path().join("m.db"), 2);
        let of = |line, asked: Option<&str>| {
            let asked = asked.map(|text| text.parse().unwrap());
            week(&reader, line, asked, &TimeZone::UTC).unwrap()
        };
        assert_eq!(of(Some("tm9"), Some("2026-W04")), None);
        assert_eq!(of(Some("tm9"), None), None);
        let data = of(Some("tm3"), Some("2026-W04")).unwrap();
        assert_eq!((data.batches.len(), data.looked_since), (2, None));
        let data = of(None, Some("2026-W20")).unwrap();
        assert_eq!(data.batches.len(), 0, "a week in which nothing ended is one");
    }

    #[test]
    fn weeks_that_reach_beyond_what_is_looked_through_say_so() {
        let directory = tempfile::tempdir().unwrap();
        let reader = of_days(&directory.path().join("m.db"), 70);
        let since = |max| {
            let asked = Some("2026-W04".parse().unwrap());
            let data = week_among(&reader, None, asked, (&TimeZone::UTC, max)).unwrap().unwrap();
            data.looked_since.map(Timestamp::as_millis)
        };
        assert_eq!(since(30), Some(STARTED - 29 * 86_400_000));
        // Eight weeks are looked through, and all there is.
        assert_eq!([since(60), since(70), since(100)], [None; 3]);
    }
}
