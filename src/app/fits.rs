//! Fitting: frames of the store become a model, on whatever thread calls.

use super::blob::Blob;
use crate::engine::{FitRequest, FrameRecord, ModelAnswer, Neighbour, SoftSensorRequest};
use crate::http::{Fits, Fitting};
use crate::models::{self, Lent, Made, Model, PastBatch, Source, Stage, Table, Trial, Trying};
use crate::plant::{Line, Plant};
use crate::reading::{LineIx, Timestamp};
use crate::store::{FrameBlock, FrameRows, Reader, StoreError};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes before the frames of a block: the hash of its columns.
const HEAD: usize = 8;

/// The answer of a fit that panicked.
const PANICKED: &str = "the fit panicked, which is a bug";

/// Bytes of one frame of `width` values: its begin and the values, little-endian.
fn frame_bytes(width: usize) -> usize {
    8 + 8 * width
}

/// What the values of a line's frames are: one for each declared tag, in the order of declaration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    names: Vec<Arc<str>>,
    hash: u64,
}

impl Columns {
    /// The columns of a line as it is declared now.
    #[must_use]
    pub fn of(line: &Line) -> Self {
        let names: Vec<Arc<str>> = line.tags.iter().map(|tag| Arc::clone(&tag.id)).collect();
        // No name has the separator: frames of another line, or of tags in another order, differ.
        let words: Vec<&str> =
            std::iter::once(&*line.name).chain(names.iter().map(|name| &**name)).collect();
        let hash = xxh3_64(words.join("\0").as_bytes());
        Self { names, hash }
    }

    /// The positions of those of some tags that there are.
    fn known(&self, tags: &[u32]) -> Vec<usize> {
        tags.iter().map(|ix| *ix as usize).filter(|ix| *ix < self.names.len()).collect()
    }
}

/// Consecutive frames of one line and batch, as the store keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FrameRun {
    pub(super) line: u16,
    pub(super) batch: Option<Arc<str>>,
    first: Timestamp,
    last: Timestamp,
    count: u32,
    width: u32,
    bytes: Blob,
}

impl FrameRun {
    pub(super) fn new(line: u16, batch: Option<Arc<str>>, first: Timestamp) -> Self {
        Self { line, batch, first, last: first, count: 0, width: 0, bytes: Blob(vec![0; HEAD]) }
    }

    pub(super) fn push(&mut self, start: Timestamp, values: &[f64]) {
        self.last = start;
        self.count += 1;
        self.width = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let bytes = &mut self.bytes.0;
        bytes.extend_from_slice(&start.as_nanos().to_le_bytes());
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Adds a frame to those that are kept, if it is product.
    pub(super) fn collect(runs: &mut Vec<Self>, frame: &FrameRecord) {
        if !frame.product {
            return;
        }
        let fits = |run: &&mut Self| run.line == frame.line.0 && run.batch == frame.batch;
        if let Some(run) = runs.last_mut().filter(|run| fits(run)) {
            run.push(frame.start, &frame.values);
        } else {
            let mut run = Self::new(frame.line.0, frame.batch.clone(), frame.start);
            run.push(frame.start, &frame.values);
            runs.push(run);
        }
    }

    /// Says whose values these are, by the plant: whoever reads the frames under another configuration can tell.
    pub(super) fn name(&mut self, plant: &Plant) {
        if let Some(line) = plant.lines.get(usize::from(self.line)) {
            self.name_by(&Columns::of(line));
        }
    }

    fn name_by(&mut self, columns: &Columns) {
        self.bytes.0[..HEAD].copy_from_slice(&columns.hash.to_le_bytes());
    }

    pub(super) fn block(&self) -> FrameBlock<'_> {
        FrameBlock {
            line: self.line,
            batch: self.batch.as_deref(),
            first: self.first,
            last: self.last,
            count: self.count,
            width: self.width,
            bytes: &self.bytes.0,
        }
    }
}

/// What the engine asks for, to be fitted.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A model of frames that the store keeps.
    Model(Box<FitRequest>),
    /// A soft sensor of what the request brings.
    SoftSensor(Box<SoftSensorRequest>),
}

impl Wanted {
    /// The id of the request, unique in the plant's life.
    #[must_use]
    pub fn id(&self) -> u64 {
        match self {
            Self::Model(request) => request.id,
            Self::SoftSensor(request) => request.id,
        }
    }

    /// The line that it is for.
    #[must_use]
    pub fn line(&self) -> LineIx {
        match self {
            Self::Model(request) => request.line,
            Self::SoftSensor(request) => request.line,
        }
    }

    /// The grade.
    #[must_use]
    pub fn grade(&self) -> &Arc<str> {
        match self {
            Self::Model(request) => &request.grade,
            Self::SoftSensor(request) => &request.grade,
        }
    }

    /// The batches that it may use.
    fn batches(&self) -> usize {
        match self {
            Self::Model(request) => {
                let lent = request.neighbours.iter().map(|neighbour| neighbour.batches.len());
                request.batches.len() + lent.sum::<usize>()
            }
            Self::SoftSensor(request) => {
                request.candidates.first().map_or(0, |candidate| candidate.samples.len())
            }
        }
    }
}

/// The fit that runs, for people. Nothing of it reaches the engine.
#[derive(Debug, Clone, Default)]
pub(super) struct FitProgress(Arc<Mutex<Option<Fitting>>>);

impl FitProgress {
    fn now(&self) -> MutexGuard<'_, Option<Fitting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fit for a line begins.
    pub(super) fn begin(&self, line: Arc<str>, wanted: &Wanted, since: Timestamp) {
        let batches = wanted.batches();
        let grade = Arc::clone(wanted.grade());
        let stage = match wanted {
            Wanted::Model(_) => Stage::Reading(0.0).as_str(),
            Wanted::SoftSensor(_) => "soft sensor",
        };
        *self.now() = Some(Fitting { line, grade, batches, since, stage, done: None });
    }

    /// What it is at.
    pub(super) fn at(&self, stage: Stage) {
        if let Some(fitting) = &mut *self.now() {
            (fitting.stage, fitting.done) = (stage.as_str(), stage.done());
        }
    }

    /// It came to its end.
    pub(super) fn end(&self) {
        *self.now() = None;
    }
}

impl Fits for FitProgress {
    fn running(&self) -> Option<Fitting> {
        self.now().clone()
    }
}

/// Answers what is asked for.
#[must_use]
pub fn answer(reader: &Reader, wanted: &Wanted, columns: &Columns) -> ModelAnswer {
    answer_telling(reader, wanted, columns, &mut |_| ())
}

/// The same, and says what it is at.
pub(super) fn answer_telling(
    reader: &Reader,
    wanted: &Wanted,
    columns: &Columns,
    tell: &mut dyn FnMut(Stage),
) -> ModelAnswer {
    match wanted {
        Wanted::Model(request) => fit_telling(reader, request, columns, tell),
        Wanted::SoftSensor(request) => fit_soft_sensor(request),
    }
}

/// Fits a soft sensor. A fit that panics is an answer too.
fn fit_soft_sensor(request: &SoftSensorRequest) -> ModelAnswer {
    let fitted = || {
        let (window, sensor) =
            models::fit_best(&request.candidates).map_err(|error| error.to_string())?;
        Ok(sensor.to_bytes(window).into())
    };
    let outcome = catch_unwind(AssertUnwindSafe(fitted)).unwrap_or_else(|_| Err(PANICKED.into()));
    ModelAnswer { request: request.id, outcome, trial: None }
}

/// Answers a request from the frames in the store; `columns` are the line's. A fit that panics is an
/// answer too.
fn fit_telling(
    reader: &Reader,
    request: &FitRequest,
    columns: &Columns,
    tell: &mut dyn FnMut(Stage),
) -> ModelAnswer {
    let fitted = || {
        let room = room(request);
        let table = table(reader, request, columns, (room, &mut *tell))
            .map_err(|error| error.to_string())?;
        let fitted = if request.neighbours.is_empty() {
            models::fit_telling(&table, &request.spec, &mut *tell)
        } else {
            models::fit_borrowed(table, &request.spec, &mut *tell)
        };
        let model = fitted.map_err(|error| error.to_string())?;
        let trial = try_out(reader, request, columns, (&model, &mut *tell))?;
        Ok((model.to_bytes().into(), trial))
    };
    let (outcome, trial) = match catch_unwind(AssertUnwindSafe(fitted)) {
        Ok(Ok((artifact, trial))) => (Ok(artifact), trial),
        Ok(Err(reason)) => (Err(reason), None),
        Err(_) => (Err(PANICKED.to_owned()), None),
    };
    ModelAnswer { request: request.id, outcome, trial }
}

/// Tries a new model against the one that judges, on batches that neither was fitted on.
fn try_out(
    reader: &Reader,
    request: &FitRequest,
    columns: &Columns,
    (new, tell): (&Model, &mut dyn FnMut(Stage)),
) -> Result<Option<Trial>, String> {
    let Some(asked) = &request.trial else { return Ok(None) };
    let Some(present) = &asked.artifact else {
        return Err("the model that judges is not at hand, which is a bug".to_owned());
    };
    let present = Model::from_bytes(present).map_err(|error| error.to_string())?;
    let batch = |id: &Arc<str>| {
        let made = asked.made.get(id).cloned().unwrap_or_default();
        let batch = past_batch(reader, request, columns, id);
        batch.map(|batch| PastBatch { made, ..batch }).map_err(|error| error.to_string())
    };
    let all = asked.good.len() + asked.bad.len();
    let mut tried = 0;
    let mut next = || {
        tell(Stage::Trial(share(tried, all)));
        tried += 1;
    };
    let mut trying =
        Trying::new((asked.version, &present, asked.scale), new, asked.good.len(), &asked.guards);
    for id in &asked.good {
        next();
        let batch = batch(id)?;
        if !batch.frames.is_empty() {
            trying.good(&batch);
        }
    }
    for id in &asked.bad {
        next();
        let batch = batch(id)?;
        if !batch.frames.is_empty() {
            trying.bad(&batch);
        }
    }
    Ok(Some(trying.done()))
}

/// The frames of a batch, with the values of the tags of a request; none of a batch that has no room.
fn past_batch(
    reader: &Reader,
    request: &FitRequest,
    columns: &Columns,
    batch: &str,
) -> Result<PastBatch, StoreError> {
    let tags = columns.known(&request.tags);
    let mut past = PastBatch {
        columns: tags.iter().map(|ix| Arc::clone(&columns.names[*ix])).collect(),
        ..PastBatch::default()
    };
    for block in reader.frames(request.line.0, batch)? {
        for frame in kept_frames(&block, columns) {
            past.frames.push((frame.start, frame.start.plus(request.spec.frame)));
            past.values.extend(tags.iter().map(|ix| frame.value(*ix)));
        }
    }
    if past.frames.len() > Table::rows_max(tags.len()) {
        past.frames.clear();
    }
    Ok(past)
}

/// The rows of a request that have room together.
fn room(request: &FitRequest) -> usize {
    Table::rows_max(request.tags.len() + request.quality.len())
}

/// So many of all, 0–1.
#[expect(clippy::cast_precision_loss, reason = "batches are few")]
fn share(done: usize, all: usize) -> f64 {
    done as f64 / all.max(1) as f64
}

/// The frames of the batches of a request, batch after batch, those of other grades first: of the newest that have room
/// together in so many rows.
fn table(
    reader: &Reader,
    request: &FitRequest,
    columns: &Columns,
    (mut room, tell): (usize, &mut dyn FnMut(Stage)),
) -> Result<Table, StoreError> {
    let name = |tags: &[usize]| tags.iter().map(|ix| Arc::clone(&columns.names[*ix])).collect();
    let (tags, quality) = (columns.known(&request.tags), columns.known(&request.quality));
    let mut table = Table { columns: name(&tags), quality: name(&quality), ..Table::default() };
    // The newest first, so that no more is read than has room; one batch at a time is unpacked.
    let mut batches = Vec::new();
    let order = newest_first(request);
    for (read, (grade, ix)) in order.iter().enumerate() {
        tell(Stage::Reading(share(read, order.len())));
        let batch = &of_grade(request, *grade)[*ix];
        let mut part = Table {
            columns: table.columns.clone(),
            quality: table.quality.clone(),
            ..Table::default()
        };
        let mut end = None;
        for block in reader.frames(request.line.0, batch)? {
            let of = (&tags[..], &quality[..], request.spec.frame);
            append(&block, of, (columns, request.made.get(batch)), (&mut part, &mut end));
        }
        let rows = part.rows();
        if rows > room {
            table.left_out = order.len() - read;
            break;
        }
        room -= rows;
        batches.push(((*grade, *ix), part));
    }
    batches.sort_by_key(|(place, _)| *place);
    let lent =
        |neighbour: &Neighbour| Lent { grade: Arc::clone(&neighbour.grade), batches: Vec::new() };
    table.source.borrowed = request.neighbours.iter().map(lent).collect();
    let mut ended = None;
    for ((grade, ix), part) in batches.into_iter().filter(|(_, part)| !part.values.is_empty()) {
        let (first, last) = part.source.span.unzip();
        table.begin_block(ended.is_some() && ended == first);
        ended = last;
        let begin = table.rows();
        table.gaps.extend(part.gaps.iter().map(|gap| begin + gap));
        table.phases.extend(part.phases.into_iter().map(|(row, phase)| (begin + row, phase)));
        table.values.extend(part.values);
        table.measured.extend(part.measured);
        let Source { batches, borrowed, .. } = &mut table.source;
        let batches = borrowed.get_mut(grade).map_or(batches, |lent| &mut lent.batches);
        batches.push(Arc::clone(&of_grade(request, grade)[ix]));
        first.into_iter().chain(last).for_each(|at| table.source.cover(at, at));
    }
    table.source.borrowed.retain(|lent| !lent.batches.is_empty());
    Ok(table)
}

/// A frame of a block.
pub(super) struct KeptFrame<'a> {
    pub(super) start: Timestamp,
    values: &'a [u8],
}

impl KeptFrame<'_> {
    /// The value of a column, by its position.
    pub(super) fn value(&self, column: usize) -> f64 {
        f64::from_le_bytes(eight(self.values, column))
    }
}

fn eight(bytes: &[u8], ix: usize) -> [u8; 8] {
    bytes[8 * ix..8 * ix + 8].try_into().expect("eight bytes were taken")
}

/// The frames of a block; none if it is of another line or other tags: frames from before a change of the
/// configuration.
pub(super) fn kept_frames<'a>(
    block: &'a FrameRows,
    columns: &Columns,
) -> impl Iterator<Item = KeptFrame<'a>> + use<'a> {
    let width = columns.names.len();
    let head = block.bytes.split_first_chunk::<HEAD>();
    let is_of = |head: &[u8; HEAD]| {
        u64::from_le_bytes(*head) == columns.hash && block.width as usize == width
    };
    let frames = head.filter(|(head, _)| is_of(head)).map_or(&[][..], |(_, frames)| frames);
    frames.chunks_exact(frame_bytes(width)).map(|frame| {
        let start = Timestamp::from_nanos(i64::from_le_bytes(eight(frame, 0)));
        KeptFrame { start, values: &frame[8..] }
    })
}

/// The batches of one of the other grades of a request, by its place, or its own.
fn of_grade(request: &FitRequest, grade: usize) -> &[Arc<str>] {
    request.neighbours.get(grade).map_or(&request.batches, |neighbour| &neighbour.batches)
}

/// The batches of a request by grade and place, in the order in which they get room: its own, then of each other grade
/// in turns, the newest first.
fn newest_first(request: &FitRequest) -> Vec<(usize, usize)> {
    let own = request.neighbours.len();
    let batches =
        |grade: usize| (0..of_grade(request, grade).len()).rev().map(move |ix| (grade, ix));
    let mut lent: Vec<_> = (0..own).flat_map(|grade| batches(grade).enumerate()).collect();
    lent.sort_by_key(|(age, _)| *age);
    batches(own).chain(lent.into_iter().map(|(_, place)| place)).collect()
}

/// Appends the values of these tags. `end` is that of the last frame, if there is one.
fn append(
    block: &FrameRows,
    (tags, quality, frame): (&[usize], &[usize], Duration),
    (columns, made): (&Columns, Option<&Made>),
    (table, end): (&mut Table, &mut Option<Timestamp>),
) {
    for kept in kept_frames(block, columns) {
        let start = kept.start;
        if end.replace(start.plus(frame)).is_some_and(|end| end != start) {
            table.gap();
        }
        table.source.cover(start, start.plus(frame));
        if let Some(phase) = made.and_then(|made| made.phase_at(start))
            && table.phases.last().is_none_or(|(_, last)| last != phase)
        {
            table.phases.push((table.rows(), Arc::clone(phase)));
        }
        table.values.extend(tags.iter().map(|ix| kept.value(*ix)));
        table.measured.extend(quality.iter().map(|ix| kept.value(*ix)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::TrialRequest;
    use crate::models::FitSpec;
    use crate::plant::{Budget, Tag};
    use crate::store::{Commit, Settings, Store, WhenFull};

    fn fit(reader: &Reader, request: &FitRequest, columns: &Columns) -> ModelAnswer {
        answer(reader, &Wanted::Model(Box::new(request.clone())), columns)
    }

    fn columns(line: &str, tags: &[&str]) -> Columns {
        let tags = tags.iter().map(|id| Tag::named(id)).collect();
        Columns::of(&Line { tags, ..Line::named(line) })
    }

    fn store() -> Store {
        let in_memory = Settings {
            path: None,
            max_size_bytes: 1 << 30,
            when_full: WhenFull::DropOldestReadings,
        };
        Store::open(&in_memory).unwrap()
    }

    /// Frames of one batch, the first value of each its number.
    fn keep(store: &mut Store, batch: &str, rows: i32, columns: &Columns) {
        let mut run = FrameRun::new(0, Some(batch.into()), Timestamp::from_nanos(0));
        let width = columns.names.len();
        for row in 0..rows {
            let mut values = vec![0.5; width];
            values[0] = f64::from(row);
            run.push(Timestamp::from_nanos(i64::from(row) * 1_000_000_000), &values);
        }
        run.name_by(columns);
        store.commit(&Commit { frames: &[run.block()], ..Commit::default() }).unwrap();
    }

    fn request(batches: &[&str], tags: &[u32]) -> FitRequest {
        FitRequest {
            id: 1,
            line: LineIx(0),
            grade: "g".into(),
            batches: batches.iter().map(|id| Arc::from(*id)).collect(),
            made: std::collections::BTreeMap::new(),
            neighbours: Vec::new(),
            tags: tags.into(),
            quality: Vec::new(),
            spec: FitSpec {
                frame: Duration::from_secs(1),
                budget: Budget::PerBatches { flags: 1, batches: 20 },
                batches: true,
                seed: 1,
                least_sd: std::collections::BTreeMap::new(),
                wanders: std::collections::BTreeMap::new(),
                ties: std::collections::BTreeMap::new(),
            },
            trial: None,
        }
    }

    #[test]
    fn frames_of_another_configuration_are_never_read_under_new_names() {
        let mut store = store();
        let old = columns("tm3", &["a", "b"]);
        keep(&mut store, "R1", 3, &old);
        let reader = store.reader().unwrap();
        let asked = request(&["R1"], &[0]);
        let read = |columns: &Columns| table(&reader, &asked, columns, (100, &mut |_| ())).unwrap();
        assert_eq!(read(&old).values, [0.0, 1.0, 2.0]);
        for (what, now) in [
            ("tags in another order", columns("tm3", &["b", "a"])),
            ("a tag in the place of another", columns("tm3", &["a", "c"])),
            ("another line in its place", columns("tm4", &["a", "b"])),
            ("a tag more", columns("tm3", &["a", "b", "c"])),
        ] {
            assert_eq!(read(&now).rows(), 0, "{what}");
        }
    }

    /// Frames of a batch with two values that move as if by chance, the second one off by as much.
    fn keep_noise(store: &mut Store, batch: &str, number: i64, off: f64, columns: &Columns) {
        let mut run = FrameRun::new(0, Some(batch.into()), Timestamp::from_nanos(0));
        for row in 0..120 {
            let value = |k: i64| {
                let part = ((number * 120 + row) * 7_919 + k * 104_729).rem_euclid(1_009);
                f64::from(i32::try_from(part).unwrap()) / 1_009.0
            };
            run.push(Timestamp::from_nanos(row * 1_000_000_000), &[value(1), value(2) + off]);
        }
        run.name_by(columns);
        store.commit(&Commit { frames: &[run.block()], ..Commit::default() }).unwrap();
    }

    #[test]
    fn a_refit_is_tried_on_batches_that_are_kept_from_it() {
        let columns = columns("tm3", &["a", "b"]);
        let mut store = store();
        let names: Vec<String> = (0..24).map(|n| format!("R{n}")).collect();
        for (number, name) in (0..).zip(&names) {
            // From the twelfth batch on the plant runs elsewhere.
            let off = if number < 12 { 0.0 } else { 9.0 };
            keep_noise(&mut store, name, number, off, &columns);
        }
        keep_noise(&mut store, "B1", 30, 30.0, &columns);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let reader = store.reader().unwrap();
        let first = fit(&reader, &request(&names[..12], &[0, 1]), &columns);
        assert_eq!(first.trial, None, "there is nothing to try it against");
        let present = first.outcome.unwrap();

        let ids = |names: &[&str]| names.iter().map(|id| Arc::from(*id)).collect();
        let trial = |good: &[&str]| TrialRequest {
            version: 1,
            scale: 1.0,
            artifact: Some(Arc::clone(&present)),
            made: std::collections::BTreeMap::new(),
            guards: Arc::default(),
            good: ids(good),
            bad: ids(&["B1", "gone"]),
        };
        let asked =
            FitRequest { trial: Some(trial(&names[18..])), ..request(&names[12..18], &[0, 1]) };
        let mut stages = Vec::new();
        let told = fit_telling(&reader, &asked, &columns, &mut |stage| stages.push(stage));
        assert_eq!(told, fit(&reader, &asked, &columns), "it is the same, told or not");
        let reading = |n: i32| Stage::Reading(f64::from(n) / 6.0);
        let trial_of = |n: i32| Stage::Trial(f64::from(n) / 8.0);
        let mut expected: Vec<Stage> = (0..6).map(reading).collect();
        expected.extend([Stage::Fitting, Stage::Calibrating]);
        expected.extend((0..8).map(trial_of));
        assert_eq!(stages, expected);
        let found = told.trial.unwrap();
        assert!(found.better, "{found:?}");
        assert_eq!((found.good.of, found.good.by_present(), found.bad.of), (6, 6, 1));

        let gone = FitRequest { trial: Some(trial(&["gone"])), ..asked.clone() };
        let found = fit(&reader, &gone, &columns).trial.unwrap();
        assert!(!found.better && found.reason == crate::models::TrialReason::NoGood, "{found:?}");
        let broken = TrialRequest { artifact: Some(Arc::from([1, 2])), ..trial(&names[18..]) };
        let answer = fit(&reader, &FitRequest { trial: Some(broken), ..asked }, &columns);
        assert!(answer.outcome.is_err() && answer.trial.is_none(), "{answer:?}");
    }

    #[test]
    fn a_fit_that_runs_says_what_it_is_at() {
        let progress = FitProgress::default();
        progress.at(Stage::Fitting);
        assert_eq!(progress.running(), None);
        let since = Timestamp::from_nanos(7);
        let wanted = Wanted::Model(Box::new(request(&["R1", "R2"], &[0])));
        progress.begin("tm3".into(), &wanted, since);
        progress.at(Stage::Reading(0.5));
        let fitting = progress.running().unwrap();
        assert_eq!((&*fitting.line, &*fitting.grade, fitting.batches), ("tm3", "g", 2));
        let at = |fitting: &Fitting| (fitting.since, fitting.stage, fitting.done);
        assert_eq!(at(&fitting), (since, "reading frames", Some(0.5)));
        progress.at(Stage::Calibrating);
        assert_eq!(at(&progress.running().unwrap()), (since, "held-out calibration", None));
        progress.end();
        assert_eq!(progress.running(), None);
    }

    #[test]
    fn where_frames_are_missing_is_a_gap() {
        let columns = columns("tm3", &["a"]);
        let mut store = store();
        for seconds in [[0, 1, 2], [3, 7, 8]] {
            let mut run = FrameRun::new(0, Some("R1".into()), Timestamp::from_nanos(0));
            for second in seconds {
                let at = Timestamp::from_nanos(i64::from(second) * 1_000_000_000);
                run.push(at, &[f64::from(second)]);
            }
            run.name_by(&columns);
            store.commit(&Commit { frames: &[run.block()], ..Commit::default() }).unwrap();
        }
        let reader = store.reader().unwrap();
        let asked = request(&["R1"], &[0]);
        let table = table(&reader, &asked, &columns, (100, &mut |_| ())).unwrap();
        let said: Vec<String> = table.values.iter().map(f64::to_string).collect();
        assert_eq!(said, ["0", "1", "2", "3", "NaN", "7", "8"]);
        assert_eq!(table.blocks, [0]);
    }

    #[test]
    fn what_quality_tags_said_stands_beside_and_batches_that_follow_each_other_are_joined() {
        let columns = columns("tm3", &["bw", "a"]);
        let mut store = store();
        for (batch, frames) in [("R1", 0..4), ("R2", 4..6), ("R3", 6..9), ("R4", 10..12)] {
            let at = |frame: i64| Timestamp::from_nanos(frame * 1_000_000_000);
            let mut run = FrameRun::new(0, Some(batch.into()), at(frames.start));
            for frame in frames.filter(|frame| *frame != 7) {
                run.push(at(frame), &[100.0 + at(frame).seconds_since(at(0)), 0.5]);
            }
            run.name_by(&columns);
            store.commit(&Commit { frames: &[run.block()], ..Commit::default() }).unwrap();
        }
        // Of R2 nothing is taken: R3 follows no batch that is.
        let read = |batches: &[&str]| {
            let phases = |s: i64, phase: &str| Made {
                phases: vec![(Timestamp::from_nanos(s * 1_000_000_000), phase.into())],
                ..Made::default()
            };
            let made = [("R1".into(), phases(2, "heat")), ("R3".into(), phases(7, "cool"))].into();
            let asked = FitRequest { quality: vec![0], made, ..request(batches, &[1]) };
            table(&store.reader().unwrap(), &asked, &columns, (100, &mut |_| ())).unwrap()
        };
        let all = read(&["R1", "R2", "R3", "R4"]);
        assert_eq!((&all.blocks[..], &all.joined[..]), (&[0, 4, 6, 9][..], &[4, 6][..]));
        assert_eq!(all.gaps, [7]);
        assert_eq!(all.phases, [(2, "heat".into()), (8, "cool".into())]);
        let said: Vec<String> = all.measured.iter().map(f64::to_string).collect();
        let expected = "100 101 102 103 104 105 106 NaN 108 110 111";
        assert_eq!(said.join(" "), expected);
        let some = read(&["R1", "R3", "R4"]);
        assert_eq!(some.phases, [(2, "heat".into()), (6, "cool".into())]);
        assert_eq!(
            (&some.blocks[..], &some.joined[..], &some.gaps[..]),
            (&[0, 4, 7][..], &[][..], &[5][..])
        );
    }

    #[test]
    fn newest_batches_are_taken_until_there_is_no_room() {
        let columns = columns("tm3", &["a", "b"]);
        let mut store = store();
        for (batch, rows) in [("R1", 2), ("R2", 300), ("R3", 300), ("R4", 200)] {
            keep(&mut store, batch, rows, &columns);
        }
        let asked = request(&["R1", "R2", "R3", "gone", "R4"], &[0, 1]);
        let table = table(&store.reader().unwrap(), &asked, &columns, (512, &mut |_| ())).unwrap();
        assert_eq!((table.left_out, table.rows()), (2, 500));
        assert_eq!(table.blocks, [0, 300]);
    }

    #[test]
    fn batches_of_other_grades_stand_first_and_get_room_last() {
        let columns = columns("tm3", &["a"]);
        let mut store = store();
        for (batch, rows) in
            [("A1", 10), ("A2", 11), ("B1", 20), ("B2", 21), ("N1", 30), ("N2", 31)]
        {
            keep(&mut store, batch, rows, &columns);
        }
        let neighbour = |grade: &str, batches: &[&str]| Neighbour {
            grade: grade.into(),
            batches: batches.iter().map(|id| Arc::from(*id)).collect(),
        };
        let neighbours = vec![
            neighbour("a", &["A1", "A2"]),
            neighbour("none kept", &["gone"]),
            neighbour("b", &["B1", "gone", "B2"]),
        ];
        let asked = FitRequest { neighbours, ..request(&["N1", "N2"], &[0]) };
        let reader = store.reader().unwrap();
        for (room, expected, left_out) in [
            (200, "a A1 A2; b B1 B2; N1 N2; [0, 10, 21, 41, 62, 92]", 0),
            (110, "a A1 A2; b B2; N1 N2; [0, 10, 21, 42, 72]", 1),
            (31, "N2; [0]", 7),
        ] {
            let table = table(&reader, &asked, &columns, (room, &mut |_| ())).unwrap();
            let mut words: Vec<String> = table
                .source
                .borrowed
                .iter()
                .map(|lent| format!("{} {}", lent.grade, lent.batches.join(" ")))
                .collect();
            words.push(table.source.batches.join(" "));
            words.push(format!("{:?}", table.blocks));
            assert_eq!((words.join("; "), table.left_out), (expected.to_owned(), left_out));
        }
    }
}
