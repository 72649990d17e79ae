//! What a model would have said of the last batches of a store, beside what was said of them and what they were found
//! to be: what a plant wants to see before it lets the model judge.

use super::error::AppError;
use super::fits::{Columns, kept_frames};
use super::journal::standing;
use super::registry;
use crate::engine::{Engine, FinishedBatch};
use crate::models::{Backtest, Calibration, Model, Outcome, Said, rate_range_of};
use crate::plant::{BatchSource, Guard, Line, Plant};
use crate::reading::{Count, LineIx, Timestamp};
use crate::store::{FrameRows, Reader, StoreError, StoredModel};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The line.
    pub line: &'a str,
    /// The grade.
    pub grade: &'a str,
    /// The version; the newest that waits for a person if not given, else the one that judges.
    pub version: Option<u32>,
    /// How many batches, the last ones.
    pub batches: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// What was asked for is not there: what there is.
    #[error("{0}")]
    Unknown(String),
    /// It could not be read.
    #[error(transparent)]
    Failed(#[from] AppError),
}

impl From<StoreError> for BacktestError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a model would have said of the last batches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtested {
    /// The line.
    pub line: String,
    /// The grade.
    pub grade: String,
    /// The version of the model.
    pub version: u32,
    /// True if it judges now.
    pub judges: bool,
    /// True if it waits for a person.
    pub waits: bool,
    /// What the limits of its fit were multiplied with. On a live line this moves with what good batches reach.
    pub limit_scale: f64,
    /// What is promised of it.
    pub promised: Promised,
    /// The batches asked for.
    pub asked: usize,
    /// Why there are fewer.
    pub fewer: Option<String>,
    /// The batches, oldest first.
    pub batches: Vec<Row>,
    /// How many of them were flagged.
    pub summary: Summary,
}

/// What is promised of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Promised {
    /// The rate of false flags.
    pub rate: f64,
    /// Of what: `batches` or `independent frames`.
    pub of: String,
    /// True if there were too few data for it.
    pub provisional: bool,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub batch: Arc<str>,
    /// Its start, ms since 1970.
    pub started: i64,
    /// Its end, ms since 1970.
    pub ended: i64,
    /// What it was found to be: `good`, `bad`, `acted` or `open`.
    pub found: &'static str,
    /// True if the model was fitted on it.
    pub learned: bool,
    /// What was said of it live.
    pub live: ByLine,
    /// What the model says.
    pub model: ByModel,
}

/// What was said of a batch live, by whatever reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByLine {
    /// The verdict in the end.
    pub verdict: &'static str,
    /// The first flag, ms since 1970.
    pub first_flag: Option<i64>,
    /// The share of the batch that was left then, 0–1.
    pub share_left: Option<f64>,
}

/// What a model says of a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByModel {
    /// The greatest score; 1.0 is the limit. `None` if nothing could be judged.
    pub score: Option<f64>,
    /// True if enough of the batch could be judged.
    pub seen: bool,
    /// True if it is flagged.
    pub flagged: bool,
    /// The first flag, ms since 1970.
    pub first_flag: Option<i64>,
    /// The share of the batch that is left then, 0–1.
    pub share_left: Option<f64>,
    /// The tags that it names first, at the first flag.
    pub tags: Vec<Arc<str>>,
}

/// How many batches were flagged, of those that the model did not learn and could judge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Of those found bad.
    pub bad: Shown,
    /// Of those found good.
    pub good: Shown,
    /// Batches that are in no figure, because the model learned them,
    pub learned: usize,
    /// because somebody acted on them,
    pub acted: usize,
    /// because nobody said what they were,
    pub open: usize,
    /// because too little of them could be judged.
    pub unseen: usize,
}

/// How many batches of a kind were flagged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The batches.
    pub of: usize,
    /// Those that the model flags.
    pub model: Flagged,
    /// Those that were flagged live.
    pub live: Flagged,
}

/// Batches that were flagged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flagged {
    /// How many.
    pub flagged: usize,
    /// The range of the rate in nineteen cases of twenty (Clopper and Pearson); `None` if there was no batch.
    pub range: Option<(f64, f64)>,
}

/// Puts the last batches of a store, which a daemon may be writing, to a model of it. `plant` is that of a configuration,
/// if one was given.
///
/// # Errors
/// When the store cannot be read, or what is asked for is not there.
pub fn backtest(
    path: &Path,
    plant: Option<&Plant>,
    asked: Asked<'_>,
) -> Result<Backtested, BacktestError> {
    of_store((&Reader::open(path)?, path), plant, asked)
}

/// The same of a store that is open; its path is for people.
pub(super) fn of_store(
    (reader, path): (&Reader, &Path),
    plant: Option<&Plant>,
    asked: Asked<'_>,
) -> Result<Backtested, BacktestError> {
    let engine = standing(reader, path)?;
    let models = reader.models(None, None)?;
    let plants: Vec<&Plant> = engine.as_ref().map(Engine::plant).into_iter().chain(plant).collect();
    let stored = choose(&plants, &models, asked)?;
    let artifact = registry::artifact(reader, stored)?;
    let model = Model::from_bytes(&artifact).map_err(AppError::from)?;
    let calibration = &model.header().calibration;
    let mut told = Backtested {
        line: asked.line.into(),
        grade: asked.grade.into(),
        version: stored.version,
        judges: stored.active,
        waits: registry::is_waiting(stored, &models),
        limit_scale: 1.0,
        promised: Promised::of(calibration),
        asked: asked.batches,
        fewer: None,
        batches: Vec::new(),
        summary: Summary::of(&[]),
    };
    let of_line = |engine: &Engine| engine.plant().line_ix(asked.line);
    let Some((engine, line)) = engine.as_ref().and_then(|one| Some((one, of_line(one)?))) else {
        told.fewer = Some("no daemon ever judged the line into this store".into());
        return Ok(told);
    };
    let declared = &engine.plant().lines[line.get()];
    let kept = Kept { reader, line, columns: Columns::of(declared), declared };
    let finished = engine.finished_batches(line, asked.grade);
    let (batches, without) = kept.last(&finished, asked.batches)?;
    told.fewer = (batches.len() < asked.batches).then(|| why_fewer(declared, &finished, without));
    told.batches = kept.judge(stored.version, &model, &batches)?;
    told.summary = Summary::of(&told.batches);
    Ok(told)
}

/// The model that is asked for.
fn choose<'m>(
    plants: &[&Plant],
    models: &'m [StoredModel],
    asked: Asked<'_>,
) -> Result<&'m StoredModel, BacktestError> {
    let Asked { line, grade, version, .. } = asked;
    let unknown = |text: String| Err(BacktestError::Unknown(text));
    let declared = plants.iter().flat_map(|plant| &plant.lines).map(|line| &*line.name);
    let lines: BTreeSet<&str> = declared.chain(models.iter().map(|one| &*one.line)).collect();
    if !lines.contains(line) {
        return unknown(format!("there is no line `{line}`; there are: {}", list(lines)));
    }
    let of_line: Vec<_> = models.iter().filter(|one| one.line == line).collect();
    let declared = plants.iter().flat_map(|plant| plant.grades.names()).map(|grade| &**grade);
    let grades: BTreeSet<&str> = declared.chain(of_line.iter().map(|one| &*one.grade)).collect();
    if !grades.contains(grade) {
        return unknown(format!(
            "line `{line}` has no grade `{grade}`; there are: {}",
            list(grades)
        ));
    }
    let of_this: Vec<_> = of_line.into_iter().filter(|one| one.grade == grade).collect();
    let newest = |is_it: &dyn Fn(&StoredModel) -> bool| {
        let found = of_this.iter().copied().filter(|one| is_it(one));
        found.max_by_key(|one| (one.version, one.id))
    };
    let found = match version {
        Some(version) => newest(&|one| one.version == version),
        None => newest(&|one| registry::is_waiting(one, models)).or(newest(&|one| one.active)),
    };
    match (found, version) {
        (Some(found), _) => Ok(found),
        (None, Some(version)) if !of_this.is_empty() => {
            let versions: BTreeSet<u32> = of_this.iter().map(|one| one.version).collect();
            unknown(format!(
                "line `{line}`, grade `{grade}` has no model {version}; there are: {}",
                list(versions)
            ))
        }
        (None, version) => {
            Err(AppError::NoModel { line: line.into(), grade: grade.into(), version }.into())
        }
    }
}

/// Words with commas between them.
fn list(words: impl IntoIterator<Item: ToString>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

/// Why there are fewer batches than were asked for: of so many finished ones the store has no frames.
fn why_fewer(line: &Line, finished: &[FinishedBatch], without: usize) -> String {
    if line.batch == BatchSource::None {
        return format!("line `{}` has no batches", line.name);
    }
    if finished.is_empty() {
        return "no batch of the grade is finished".into();
    }
    let remembered = format!("{} of the grade", Count(finished.len(), "finished batch"));
    let has = if finished.len() == 1 { "is" } else { "are" };
    match without {
        0 => format!("{remembered} {has} remembered, no more"),
        _ => format!(
            "{remembered} {has} remembered, and of {without} of them the store has no frames, or none of the tags that \
             the line has now"
        ),
    }
}

/// The frames that a store has of a line.
struct Kept<'a> {
    reader: &'a Reader,
    line: LineIx,
    columns: Columns,
    declared: &'a Line,
}

impl Kept<'_> {
    fn blocks(&self, batch: &FinishedBatch) -> Result<Vec<FrameRows>, StoreError> {
        self.reader.frames(self.line.0, &batch.id)
    }

    /// The last so many batches that have frames, oldest first, and how many were looked at that have none.
    fn last<'b>(
        &self,
        finished: &'b [FinishedBatch],
        wanted: usize,
    ) -> Result<(Vec<&'b FinishedBatch>, usize), StoreError> {
        let (mut batches, mut without) = (Vec::new(), 0);
        for batch in finished.iter().rev() {
            if batches.len() == wanted {
                break;
            }
            let blocks = self.blocks(batch)?;
            if blocks.iter().any(|block| kept_frames(block, &self.columns).next().is_some()) {
                batches.push(batch);
            } else {
                without += 1;
            }
        }
        batches.reverse();
        Ok((batches, without))
    }

    /// Puts batches to a model, one at a time in memory.
    fn judge(
        &self,
        version: u32,
        model: &Model,
        batches: &[&FinishedBatch],
    ) -> Result<Vec<Row>, BacktestError> {
        let Line { name, frame, .. } = self.declared;
        let tags = model.columns().iter().map(|column| {
            self.declared.tag_position(column).ok_or_else(|| {
                AppError::Other(format!(
                    "model {version} cannot judge line `{name}`: the line has no tag `{column}`"
                ))
            })
        });
        let tags: Vec<usize> = tags.collect::<Result<_, _>>()?;
        let learned = &model.header().source.batches;
        let guard = |column: &Arc<str>| {
            let tag = self.declared.tag_position(column).map(|ix| &self.declared.tags[ix]);
            tag.map_or_else(Guard::default, |tag| tag.guard)
        };
        let mut test = Backtest::new(model, model.columns().iter().map(guard).collect(), 1.0);
        let mut rows = Vec::new();
        for batch in batches {
            test.begin(&batch.made);
            for block in self.blocks(batch)? {
                for kept in kept_frames(&block, &self.columns) {
                    let values = tags.iter().map(|ix| kept.value(*ix)).collect();
                    test.frame((kept.start, kept.start.plus(*frame)), values);
                }
            }
            rows.push(Row::of(batch, test.end(&batch.id), learned.contains(&batch.id)));
        }
        Ok(rows)
    }
}

impl Promised {
    fn of(calibration: &Calibration) -> Self {
        Self {
            rate: calibration.rate,
            of: calibration.unit.clone(),
            provisional: calibration.provisional,
        }
    }
}

impl Row {
    fn of(batch: &FinishedBatch, said: Said, learned: bool) -> Self {
        let FinishedBatch { id, started, ended, verdict, first_flag, found, .. } = batch;
        let left = |flag: Timestamp| {
            let whole = ended.seconds_since(*started);
            let left = ended.seconds_since(flag);
            if whole > 0.0 { (left / whole).clamp(0.0, 1.0) } else { 0.0 }
        };
        let (at, tags) = said.flag.map_or((None, Vec::new()), |flag| (Some(flag.at), flag.tags));
        Self {
            batch: Arc::clone(id),
            started: started.as_millis(),
            ended: ended.as_millis(),
            found: found.as_str(),
            learned,
            live: ByLine {
                verdict: verdict.as_str(),
                first_flag: first_flag.map(Timestamp::as_millis),
                share_left: first_flag.map(left),
            },
            model: ByModel {
                score: said.peak,
                seen: said.seen,
                flagged: at.is_some(),
                first_flag: at.map(Timestamp::as_millis),
                share_left: at.map(left),
                tags,
            },
        }
    }
}

impl Summary {
    fn of(rows: &[Row]) -> Self {
        let is = |row: &&Row, found: Outcome| row.found == found.as_str();
        let unlearned = || rows.iter().filter(|row| !row.learned);
        let count = |found| unlearned().filter(|row| is(row, found)).count();
        let decided = |row: &&Row| is(row, Outcome::Good) || is(row, Outcome::Bad);
        let shown = |found| {
            let of: Vec<&Row> =
                unlearned().filter(|row| row.model.seen && is(row, found)).collect();
            Shown {
                of: of.len(),
                model: Flagged::of(of.iter().filter(|row| row.model.flagged).count(), of.len()),
                live: Flagged::of(
                    of.iter().filter(|row| row.live.first_flag.is_some()).count(),
                    of.len(),
                ),
            }
        };
        Self {
            bad: shown(Outcome::Bad),
            good: shown(Outcome::Good),
            learned: rows.iter().filter(|row| row.learned).count(),
            acted: count(Outcome::Acted),
            open: count(Outcome::Open),
            unseen: unlearned().filter(decided).filter(|row| !row.model.seen).count(),
        }
    }
}

impl Flagged {
    fn of(flagged: usize, of: usize) -> Self {
        Self { flagged, range: (of > 0).then(|| rate_range_of(flagged, of)) }
    }
}

#[cfg(test)]
mod tests;
