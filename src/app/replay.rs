//! Recordings through the engine: what `fit` learns from, and what `replay` says of them.

use super::error::AppError;
use super::pipeline::Pipeline;
use crate::decode::{BatchMessage, Message, NamedReading, Rule, decode_event_line};
use crate::engine::{Command, Effect, Engine, Event, FrameRecord, ScoreRecord};
use crate::frame::Frame;
use crate::models::Table;
use crate::plant::{BatchSource, Grade, Line, ModelSettings, Plant, Role, Tag, Undeclared};
use crate::reading::{Finite, LineIx, SourceQuality, Timestamp, Value};
use crate::record::{Files, Record, RecordError, Recording, Summary};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
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

/// A recording and the batch events beside it, as events of the engine in order of event time.
#[derive(Debug)]
pub struct Feed<'a> {
    recording: &'a Recording,
    events: Vec<BatchMessage>,
    line: LineIx,
    name: Arc<str>,
    /// The grade of what no batch says the grade of.
    grade: Option<Arc<str>>,
    /// With a period rows are frames: the position in the line of each column, and the period.
    frames: Option<(Vec<Option<usize>>, Duration, usize)>,
}

impl<'a> Feed<'a> {
    /// A recording of one line of the plant. `events` are lines of JSON with their numbers.
    ///
    /// # Errors
    /// When an event cannot be read: with its place.
    pub fn new(
        recording: &'a Recording,
        plant: &Plant,
        line: LineIx,
        period: Option<Duration>,
        events: &[(u64, String)],
        events_path: &Path,
    ) -> Result<Self, AppError> {
        let declared = &plant.lines[line.get()];
        let mut messages = Vec::new();
        for (number, text) in events {
            let message = decode_event_line(text, Some(&declared.name)).map_err(|fault| {
                let path = events_path.display();
                AppError::Other(format!("`{path}`, line {number}: {}", fault.detail))
            })?;
            messages.push(message);
        }
        messages.sort_by_key(|message| message.at);
        let positions =
            || recording.columns().iter().map(|column| declared.tag_position(column)).collect();
        Ok(Self {
            recording,
            events: messages,
            line,
            name: Arc::clone(&declared.name),
            grade: declared.grade.clone(),
            frames: period.map(|period| (positions(), period, declared.tags.len())),
        })
    }

    /// The events of the engine; `row` is called for each record that was read.
    ///
    /// # Errors
    /// When the recording cannot be read, or `apply` fails.
    pub fn run(
        &self,
        row: &mut dyn FnMut(),
        apply: &mut dyn FnMut(Event) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        let mut events = self.events.iter().peekable();
        let fail = |error: RecordError| AppError::Record(error);
        for record in self.recording.records().map_err(fail)? {
            let record = record.map_err(fail)?;
            let at = record.at();
            while let Some(message) = events.next_if(|message| message.at <= at) {
                apply(Event::Message(message.at, Message::Batch(message.clone())))?;
            }
            match record {
                Record::Row { values, .. } => self.apply_row(at, &values, apply)?,
                Record::Sample { tag, value, quality, .. } => {
                    apply(self.reading(tag, at, value, quality))?;
                }
            }
            row();
        }
        for message in events {
            apply(Event::Message(message.at, Message::Batch(message.clone())))?;
        }
        apply(Event::Command(Command::Finish))
    }

    fn apply_row(
        &self,
        at: Timestamp,
        values: &[f64],
        apply: &mut dyn FnMut(Event) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        if let Some((positions, period, width)) = &self.frames {
            let mut frame =
                Frame { start: at, end: at.plus(*period), values: vec![f64::NAN; *width] };
            for (position, value) in positions.iter().zip(values) {
                if let Some(ix) = position {
                    frame.values[*ix] = *value;
                }
            }
            return apply(Event::Frame(self.line, frame));
        }
        for (column, value) in self.recording.columns().iter().zip(values) {
            if let Ok(number) = Finite::try_from(*value) {
                let value = Value::Number(number);
                apply(self.reading(Arc::clone(column), at, value, SourceQuality::Good))?;
            }
        }
        Ok(())
    }

    fn reading(&self, tag: Arc<str>, at: Timestamp, value: Value, quality: SourceQuality) -> Event {
        let (area, tag) = match tag.rsplit_once('/') {
            Some((area, name)) => (area.into(), name.into()),
            None => ("".into(), tag),
        };
        let line = Arc::clone(&self.name);
        let named = NamedReading { line, area, tag, at: Some(at), value, quality };
        Event::Message(at, Message::Reading(named))
    }
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
    feed: &Feed<'_>,
    plant: &Plant,
    line: LineIx,
    grade: &str,
    row: &mut dyn FnMut(),
) -> Result<Table, AppError> {
    let declared = &plant.lines[line.get()];
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
        whole(feed, plant, &watched, &mut table, row)?;
        return Ok(table);
    }
    let teachers = teachers(feed, plant, grade, row)?;
    let rows: Vec<usize> = teachers.iter().map(|(_, rows)| *rows).collect();
    table.left_out = rows.len() - Table::newest_with_room(&rows, watched.len());
    let taken: BTreeSet<Arc<str>> =
        teachers.into_iter().skip(table.left_out).map(|(batch, _)| batch).collect();
    let mut last: Option<(Arc<str>, Timestamp)> = None;
    product(feed, plant, row, &mut |frame| {
        let Some(batch) = frame.batch.as_ref().filter(|batch| taken.contains(*batch)) else {
            return;
        };
        match last.replace((Arc::clone(batch), frame.end)) {
            Some((before, end)) if before == *batch => {
                if end != frame.start {
                    table.gap();
                }
            }
            _ => table.blocks.push(table.rows()),
        }
        table.values.extend(watched.iter().map(|ix| frame.values[*ix]));
    })?;
    Ok(table)
}

/// Shows the frames of the feed's line that are product; the engine that made them comes back.
fn product(
    feed: &Feed<'_>,
    plant: &Plant,
    row: &mut dyn FnMut(),
    take: &mut dyn FnMut(&FrameRecord),
) -> Result<Engine, AppError> {
    let mut engine = Engine::new(plant.clone(), Vec::new());
    let mut effects = Vec::new();
    feed.run(row, &mut |event| {
        engine.apply(event, &mut effects);
        for effect in effects.drain(..) {
            if let Effect::Frame(frame) = effect
                && frame.product
                && frame.line == feed.line
            {
                take(&frame);
            }
        }
        Ok(())
    })?;
    Ok(engine)
}

/// All rows of a line without batches, the newest that have room, as one block.
fn whole(
    feed: &Feed<'_>,
    plant: &Plant,
    watched: &[usize],
    table: &mut Table,
    row: &mut dyn FnMut(),
) -> Result<(), AppError> {
    let room = Table::rows_max(watched.len());
    let forget = |table: &mut Table| {
        let rows = table.rows().saturating_sub(room);
        table.values.drain(..rows * watched.len());
        table.left_out += rows;
    };
    let mut last = None;
    product(feed, plant, row, &mut |frame| {
        if last.replace(frame.end).is_some_and(|end| end != frame.start) {
            table.gap();
        }
        table.values.extend(watched.iter().map(|ix| frame.values[*ix]));
        // A quarter more than has room, so that old rows go by the many and not one by one.
        if table.rows() > room + room / 4 {
            forget(table);
        }
    })?;
    forget(table);
    table.blocks.push(0);
    Ok(())
}

/// The batches of a grade that may teach, in the order in which they became fit for it, with their rows.
fn teachers(
    feed: &Feed<'_>,
    plant: &Plant,
    grade: &str,
    row: &mut dyn FnMut(),
) -> Result<Vec<(Arc<str>, usize)>, AppError> {
    let mut rows: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let engine = product(feed, plant, row, &mut |frame| {
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
    /// Judges with the models that are installed afterwards by [`Engine::install`].
    #[must_use]
    pub fn with_registry(plant: Plant, rules: Vec<Rule>) -> Self {
        Self::Registry(Box::new(Engine::new(plant, rules)))
    }
}

/// Puts a recording through; what is said goes to `files` and to `hear`; the figures come back.
///
/// # Errors
/// When the recording cannot be read or a file not written.
pub fn replay<'a>(
    feed: &'a Feed<'a>,
    judging: &mut Judging,
    period: Option<Duration>,
    files: Option<&'a mut Files>,
    hear: &'a mut dyn FnMut(&Effect),
    row: &mut dyn FnMut(),
) -> Result<Summary, AppError> {
    let summary = Summary::default();
    let grades = BTreeMap::new();
    let mut sheet = Sheet { feed, files, hear, period, open: None, grades, summary, error: None };
    let mut records = 0;
    let mut effects = Vec::new();
    let mut count = || {
        records += 1;
        row();
    };
    feed.run(&mut count, &mut |event| {
        match judging {
            Judging::Registry(engine) => {
                engine.apply(event, &mut effects);
                for effect in effects.drain(..) {
                    sheet.take(&effect);
                }
            }
            Judging::Learning(pipeline) => {
                pipeline.commit([event], &mut |effect| sheet.take(effect))?;
            }
        }
        sheet.error.take().map_or(Ok(()), |error| Err(error.into()))
    })?;
    sheet.close_frame();
    if let Some(error) = sheet.error {
        return Err(error.into());
    }
    sheet.summary.records = records;
    Ok(sheet.summary)
}

/// What is written while a recording goes through.
struct Sheet<'a> {
    feed: &'a Feed<'a>,
    files: Option<&'a mut Files>,
    hear: &'a mut dyn FnMut(&Effect),
    period: Option<Duration>,
    /// The last frame, and its score once it came.
    open: Option<(FrameRecord, Option<ScoreRecord>)>,
    /// The grades of the batches in progress.
    grades: BTreeMap<Arc<str>, Arc<str>>,
    summary: Summary,
    error: Option<RecordError>,
}

impl Sheet<'_> {
    fn take(&mut self, effect: &Effect) {
        (self.hear)(effect);
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
            Effect::Batch(record) => {
                match (&record.grade, record.ended) {
                    (Some(grade), None) => {
                        self.grades.insert(Arc::clone(&record.batch), Arc::clone(grade));
                    }
                    _ => {
                        self.grades.remove(&record.batch);
                    }
                }
                if let Some(files) = &mut self.files {
                    files.batch(record);
                }
            }
            Effect::BatchVerdict(document) => {
                self.summary.batches += 1;
                *self.summary.verdicts.entry(document.verdict.as_str()).or_default() += 1;
            }
            Effect::Fault(record) => {
                *self.summary.faults.entry(record.fault.reason.as_str()).or_default() += 1;
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
        let at = if self.period.is_some() { frame.start } else { frame.end };
        let of_batch = frame.batch.as_ref().and_then(|batch| self.grades.get(batch));
        let grade = score.as_ref().map(|record| &record.grade).or(of_batch);
        let grade = grade.or(self.feed.grade.as_ref()).cloned();
        let whose = (&*self.feed.name, grade.as_deref(), frame.batch.as_deref());
        self.write(|files| files.score(at, whose, score.as_ref()));
    }

    fn write(&mut self, f: impl FnOnce(&mut Files) -> Result<(), RecordError>) {
        if let Some(files) = self.files.as_deref_mut()
            && self.error.is_none()
        {
            self.error = f(files).err();
        }
    }
}
