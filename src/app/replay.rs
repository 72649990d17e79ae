//! Recordings through the engine: what `fit` learns from, and what `replay` says of them.

use super::error::AppError;
use super::feed::Feed;
use super::pipeline::Pipeline;
use super::resume::Keeper;
use crate::decode::Rule;
use crate::engine::{Command, Effect, Engine, Event, FrameRecord, ScoreRecord};
use crate::models::Table;
use crate::plant::{BatchSource, Grade, Line, ModelSettings, Plant, Role, Tag, Undeclared};
use crate::reading::{LineIx, Timestamp};
use crate::record::{Files, FilesState, Record, RecordError, Recording, Summary};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The name of line and grade where a table of numbers is all there is.
pub const AUTO: &str = "auto";

/// Records whose distances say how long a frame is, where nobody says it.
const LOOKED_AT: usize = 1000;

/// A plant of one line whose tags are the columns of a table, or the `tags` of a long recording.
///
/// Without a period, a frame is as long as the median distance between records of one tag.
///
/// # Errors
/// When the recording cannot be read.
pub fn auto_plant(
    recording: &Recording,
    tags: &[Arc<str>],
    period: Option<Duration>,
    batches: bool,
) -> Result<Plant, RecordError> {
    let columns = if recording.is_long() { tags } else { recording.columns() };
    let mut line = Line::named(AUTO);
    line.frame = match period {
        Some(period) => period,
        None => median_distance(recording)?,
    };
    line.lateness = Duration::ZERO;
    line.grade = Some(AUTO.into());
    line.batch = if batches { BatchSource::Events } else { BatchSource::None };
    line.tags = columns
        .iter()
        .map(|column| Tag {
            role: Role::Process,
            stuck: None,
            stale: line.frame * 5 / 2,
            ..Tag::named(column)
        })
        .collect();
    Ok(Plant {
        site: "".into(),
        lines: vec![line],
        grades: [(Arc::from(AUTO), Grade::default())].into(),
        undeclared: Undeclared::Store,
        undeclared_max: 10_000,
        models: ModelSettings::default(),
        costs: None,
    })
}

fn median_distance(recording: &Recording) -> Result<Duration, RecordError> {
    let mut last: BTreeMap<Arc<str>, Timestamp> = BTreeMap::new();
    let mut distances = Vec::new();
    for record in recording.records()?.take(LOOKED_AT) {
        let record = record?;
        let tag = match &record {
            Record::Row { .. } => "".into(),
            Record::Sample { tag, .. } => Arc::clone(tag),
        };
        if let Some(before) = last.insert(tag, record.at()) {
            distances.extend(u64::try_from(record.at().since(before)).ok().filter(|d| *d > 0));
        }
    }
    distances.sort_unstable();
    let median = distances.get(distances.len() / 2).copied().unwrap_or(1_000_000_000);
    Ok(Duration::from_nanos(median))
}

/// The frames of a recording as a table to fit a grade from: the batches of that grade that are fit for
/// learning, a block each, by the rule of the live line; or, of a line without batches, everything. The
/// newest that have room in a fit.
///
/// A recording with batches is read twice: what a batch was is known only after it.
///
/// # Errors
/// When the recording cannot be read, or none of its batches is fit for learning.
pub fn table(
    feed: &dyn Feed,
    (plant, rules): (&Plant, &[Rule]),
    line: LineIx,
    grade: &str,
    row: &mut dyn FnMut(),
) -> Result<Table, AppError> {
    let declared = &plant.lines[line.get()];
    let feed = LineFeed { feed, plant, rules, line };
    let watched: Vec<usize> = declared
        .tags
        .iter()
        .enumerate()
        .filter(|(_, tag)| matches!(tag.role, Role::Process | Role::RawMaterial))
        .map(|(ix, _)| ix)
        .collect();
    let mut table = Table {
        columns: watched.iter().map(|ix| Arc::clone(&declared.tags[*ix].id)).collect(),
        ..Table::default()
    };
    if declared.batch == BatchSource::None {
        whole(&feed, &watched, &mut table, row)?;
        return Ok(table);
    }
    let of_quality = |(ix, tag): (usize, &Tag)| (tag.role == Role::Quality).then_some(ix);
    let quality: Vec<usize> = declared.tags.iter().enumerate().filter_map(of_quality).collect();
    table.quality = quality.iter().map(|ix| Arc::clone(&declared.tags[*ix].id)).collect();
    let teachers = teachers(&feed, grade, row)?;
    let rows: Vec<usize> = teachers.iter().map(|(_, rows)| *rows).collect();
    table.left_out = rows.len() - Table::newest_with_room(&rows, watched.len() + quality.len());
    let taken: BTreeSet<Arc<str>> =
        teachers.into_iter().skip(table.left_out).map(|(batch, _)| batch).collect();
    let mut last: Option<(Arc<str>, Timestamp)> = None;
    feed.product(row, &mut |frame| {
        let Some(batch) = frame.batch.as_ref().filter(|batch| taken.contains(*batch)) else {
            return;
        };
        match last.replace((Arc::clone(batch), frame.end)) {
            Some((before, end)) if before == *batch => {
                if end != frame.start {
                    table.gap();
                }
            }
            before => {
                table.begin_block(before.is_some_and(|(_, end)| end == frame.start));
                table.source.batches.push(Arc::clone(batch));
            }
        }
        table.source.cover(frame.start, frame.end);
        table.values.extend(watched.iter().map(|ix| frame.values[*ix]));
        table.measured.extend(quality.iter().map(|ix| frame.values[*ix]));
    })?;
    Ok(table)
}

/// A feed, and the line of which frames are wanted.
struct LineFeed<'a> {
    feed: &'a dyn Feed,
    plant: &'a Plant,
    rules: &'a [Rule],
    line: LineIx,
}

impl LineFeed<'_> {
    /// Shows the frames of the line that are product; the engine that made them comes back.
    fn product(
        &self,
        row: &mut dyn FnMut(),
        take: &mut dyn FnMut(&FrameRecord),
    ) -> Result<Engine, AppError> {
        let mut engine = self.feed.engine(self.plant, self.rules)?;
        let mut effects = Vec::new();
        self.feed.run(row, &mut |event| {
            engine.apply(event, &mut effects);
            for effect in effects.drain(..) {
                if let Effect::Frame(frame) = effect
                    && frame.product
                    && frame.line == self.line
                {
                    take(&frame);
                }
            }
            Ok(())
        })?;
        Ok(engine)
    }
}

/// All rows of a line without batches, the newest that have room, as one block.
fn whole(
    feed: &LineFeed<'_>,
    watched: &[usize],
    table: &mut Table,
    row: &mut dyn FnMut(),
) -> Result<(), AppError> {
    let room = Table::rows_max(watched.len());
    // The begin of the frame of each row; a gap has that of the frame after it.
    let mut begins: Vec<Timestamp> = Vec::new();
    let forget = |table: &mut Table, begins: &mut Vec<Timestamp>| {
        let rows = table.rows().saturating_sub(room);
        table.values.drain(..rows * watched.len());
        begins.drain(..rows);
        table.left_out += rows;
    };
    let mut last = None;
    feed.product(row, &mut |frame| {
        if last.replace(frame.end).is_some_and(|end| end != frame.start) {
            table.gap();
        }
        table.values.extend(watched.iter().map(|ix| frame.values[*ix]));
        begins.resize(table.rows(), frame.start);
        // A quarter more than has room, so that old rows go by the many and not one by one.
        if table.rows() > room + room / 4 {
            forget(table, &mut begins);
        }
    })?;
    forget(table, &mut begins);
    table.blocks.push(0);
    table.source.span = begins.first().copied().zip(last);
    Ok(())
}

/// The batches of a grade that may teach, in the order in which they became fit for it, with their rows.
fn teachers(
    feed: &LineFeed<'_>,
    grade: &str,
    row: &mut dyn FnMut(),
) -> Result<Vec<(Arc<str>, usize)>, AppError> {
    let mut rows: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let engine = feed.product(row, &mut |frame| {
        if let Some(batch) = &frame.batch {
            *rows.entry(Arc::clone(batch)).or_default() += 1;
        }
    })?;
    let fit = engine.fit_batches(feed.line, grade).iter();
    let teachers: Vec<_> =
        fit.filter_map(|batch| Some((Arc::clone(batch), *rows.get(batch)?))).collect();
    if teachers.is_empty() {
        return Err(AppError::NoTeachers { grade: grade.into(), batches: rows.len() });
    }
    Ok(teachers)
}

/// Who judges a recording.
#[derive(Debug)]
pub enum Judging {
    /// The models of a registry, which learn nothing.
    Registry(Box<Engine>),
    /// Models fitted on the way, as the live daemon would, with a store in memory.
    Learning(Box<Pipeline>),
}

impl Judging {
    /// Puts the next event of a feed to it; what is said is heard. `effects` is room for it, empty before and after.
    pub(super) fn apply(
        &mut self,
        feed: &dyn Feed,
        event: Event,
        effects: &mut Vec<Effect>,
        hear: &mut dyn FnMut(&Effect),
    ) -> Result<(), AppError> {
        match self {
            Self::Registry(engine) => {
                feed.meets(&event, engine);
                engine.apply(event, effects);
                effects.drain(..).for_each(|effect| hear(&effect));
                Ok(())
            }
            // It asks for fits of its own, and has their answers.
            Self::Learning(_)
                if matches!(
                    event,
                    Event::Model(_) | Event::Command(Command::Promote(_) | Command::Withdraw(_))
                ) =>
            {
                Ok(())
            }
            Self::Learning(pipeline) => pipeline.commit([event], hear),
        }
    }

    /// The engine that judges.
    pub(super) fn engine(&self) -> &Engine {
        match self {
            Self::Registry(engine) => engine,
            Self::Learning(pipeline) => pipeline.engine(),
        }
    }
}

/// What is told of a replay, and to whom.
pub struct Telling<'a> {
    /// The plant that was recorded.
    pub plant: &'a Plant,
    /// The one line that is of interest, if not all of them are.
    pub line: Option<LineIx>,
    /// The time between rows that are frames.
    pub period: Option<Duration>,
    /// The files to write.
    pub files: Option<&'a mut Files>,
    /// Hears everything.
    pub hear: &'a mut dyn FnMut(&Effect),
}

impl std::fmt::Debug for Telling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telling")
    }
}

/// Puts a feed through; what is said is told, and the figures come back. `keeper` leaves behind how to go on if it is
/// interrupted, or goes on with what was.
///
/// # Errors
/// When the feed cannot be read or a file not written.
pub fn replay(
    feed: &dyn Feed,
    judging: &mut Judging,
    to: Telling<'_>,
    mut keeper: Option<&mut Keeper<'_>>,
    row: &mut dyn FnMut(),
) -> Result<Summary, AppError> {
    let before = keeper.as_deref_mut().and_then(Keeper::sheet);
    let mut sheet = Sheet::new(to, before);
    let mut records = 0;
    let mut effects = Vec::new();
    let mut count = || {
        records += 1;
        row();
    };
    feed.run(&mut count, &mut |event| {
        if let Some(keeper) = keeper.as_deref_mut()
            && keeper.is_old(&event)?
        {
            return Ok(());
        }
        judging.apply(feed, event, &mut effects, &mut |effect| {
            if let Some(keeper) = keeper.as_deref_mut() {
                keeper.hear(effect);
            }
            sheet.take(effect);
        })?;
        if let Some(error) = sheet.error.take() {
            return Err(error.into());
        }
        if let Some(keeper) = keeper.as_deref_mut()
            && keeper.is_due()
        {
            keeper.keep(judging.engine(), sheet.state()?)?;
        }
        Ok(())
    })?;
    if let Some(keeper) = keeper {
        keeper.end()?;
    }
    sheet.close_frame();
    if let Some(error) = sheet.error {
        return Err(error.into());
    }
    sheet.summary.records = records;
    Ok(sheet.summary)
}

/// The names of both.
type LineAndBatch = (Arc<str>, Arc<str>);

/// What is written while a recording goes through.
struct Sheet<'a> {
    to: Telling<'a>,
    /// The last frame, and its score once it came.
    open: Option<(FrameRecord, Option<ScoreRecord>)>,
    /// The grades of the batches in progress.
    grades: BTreeMap<LineAndBatch, Arc<str>>,
    summary: Summary,
    error: Option<RecordError>,
}

/// What a sheet will go on with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SheetState {
    open: Option<(FrameRecord, Option<ScoreRecord>)>,
    grades: Vec<(LineAndBatch, Arc<str>)>,
    summary: Summary,
    pub(super) files: Option<FilesState>,
}

impl<'a> Sheet<'a> {
    fn new(to: Telling<'a>, before: Option<SheetState>) -> Self {
        let (open, grades, summary) =
            before.map(|before| (before.open, before.grades, before.summary)).unwrap_or_default();
        Self { to, open, grades: grades.into_iter().collect(), summary, error: None }
    }

    /// What it is to go on with from here.
    fn state(&mut self) -> Result<SheetState, RecordError> {
        let grade = |(whose, grade): (&LineAndBatch, &Arc<str>)| (whose.clone(), Arc::clone(grade));
        Ok(SheetState {
            open: self.open.clone(),
            grades: self.grades.iter().map(grade).collect(),
            summary: self.summary.clone(),
            files: self.to.files.as_deref_mut().map(Files::state).transpose()?,
        })
    }

    /// True of what is about another line than the one that is of interest.
    fn is_elsewhere(&self, effect: &Effect) -> bool {
        let Some(only) = self.to.line else { return false };
        let line = match effect {
            Effect::Frame(frame) => return frame.line != only,
            Effect::Score(record) => &record.line,
            Effect::Verdict(document) | Effect::BatchVerdict(document) => &document.line,
            Effect::Alarm(alarm) => &alarm.line,
            Effect::Batch(record) => &record.line,
            Effect::Sections(record) => &record.line,
            Effect::Sheet(record) => &record.line,
            Effect::Notification(news) => &news.line,
            Effect::Chart(record) => &record.line,
            _ => return false,
        };
        *line != self.to.plant.lines[only.get()].name
    }

    fn take(&mut self, effect: &Effect) {
        if self.is_elsewhere(effect) {
            return;
        }
        (self.to.hear)(effect);
        match effect {
            Effect::Frame(frame) => {
                self.close_frame();
                self.open = Some((frame.clone(), None));
            }
            Effect::Score(record) => {
                if let Some((_, score)) = &mut self.open {
                    *score = Some(record.clone());
                }
            }
            Effect::Verdict(document) => self.write(|files| files.verdict(document)),
            Effect::Alarm(alarm) => self.write(|files| files.alarm(alarm)),
            Effect::Chart(record) => self.write(|files| files.chart(record)),
            Effect::SoftSensor(record) => self.write(|files| files.soft_sensor(record)),
            Effect::Batch(record) => {
                let whose = (Arc::clone(&record.line), Arc::clone(&record.batch));
                match (&record.grade, record.ended) {
                    (Some(grade), None) => {
                        self.grades.insert(whose, Arc::clone(grade));
                    }
                    _ => {
                        self.grades.remove(&whose);
                    }
                }
                if let Some(files) = &mut self.to.files {
                    files.batch(record);
                }
            }
            Effect::BatchVerdict(document) => {
                self.summary.batches += 1;
                *self.summary.verdicts.entry(document.verdict.as_str().into()).or_default() += 1;
            }
            Effect::Fault(record) => {
                *self.summary.faults.entry(record.fault.reason.as_str().into()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn close_frame(&mut self) {
        let Some((frame, score)) = self.open.take() else { return };
        let judged = score.as_ref().and_then(|record| record.score);
        self.summary.frames += 1;
        self.summary.judged += u64::from(judged.is_some());
        self.summary.flagged += u64::from(judged.is_some_and(|score| score > 1.0));
        // A row that is a frame has the row's own time; a frame made from readings has its end.
        let at = if self.to.period.is_some() { frame.start } else { frame.end };
        let line = &self.to.plant.lines[frame.line.get()];
        let grade_of = |batch: &Arc<str>| {
            self.grades.get(&(Arc::clone(&line.name), Arc::clone(batch))).cloned()
        };
        let grade = score.as_ref().map(|record| Arc::clone(&record.grade));
        let grade = grade.or_else(|| frame.batch.as_ref().and_then(grade_of));
        let grade = grade.or_else(|| line.grade.clone());
        let whose = (&*line.name, grade.as_deref(), frame.batch.as_deref());
        self.write(|files| files.score(at, whose, score.as_ref()));
    }

    fn write(&mut self, f: impl FnOnce(&mut Files) -> Result<(), RecordError>) {
        if let Some(files) = self.to.files.as_deref_mut()
            && self.error.is_none()
        {
            self.error = f(files).err();
        }
    }
}
