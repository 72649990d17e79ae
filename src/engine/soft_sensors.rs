//! What the laboratory will find, foretold while a batch is made: the soft sensors of one line.
//!
//! While a batch is made its frames are summed up in bins ([`Bins`]). At each full bin the soft sensors of its grade
//! say what the laboratory would find if the rest came as it comes now ([`SoftSensors::foretell`]). At its end the row
//! that a fit learns from is kept ([`kept`]), laboratory values are joined to it whenever they come, and a fit is asked
//! for when there are enough new ones ([`property`]). A batch teaches whatever became of it: what bad ones were made
//! like is what a soft sensor has to know.

mod kept;
mod property;
mod view;

pub use view::{FittedView, SoftSensorView};

use super::effect::{SoftSensorRecord, SoftSensorRequest};
use super::event::ModelAnswer;
use crate::batch::Batch;
use crate::models::{BatchStage, Bins, Estimate, Foretold, Window, any_beyond};
use crate::plant::{Bounds, Grade, Line, Role, SpecLimit};
use crate::reading::{LineIx, Timestamp};
use crate::verdict::{Foretelling, ForetoldProperty};
use kept::{Kept, Learned, Rows};
use property::Property;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The ids of requests for soft sensors begin here: answers in an older journal stay those of their requests.
pub(super) const FIRST_SOFT_SENSOR: u64 = 1 << 40;

/// Batches whose rows are kept of a grade: the newest.
const KEPT_MAX: usize = 200;

/// Those of them that wait for a laboratory value: of a grade that nobody measures no more are kept.
const WAITING_MAX: usize = 32;

/// Properties that have a soft sensor in one grade.
const PROPERTIES_MAX: usize = 32;

/// Grades of which something is kept.
const GRADES_MAX: usize = 64;

/// A row of more columns is none: how they go together takes columns² of memory.
const COLUMNS_MAX: usize = 512;

/// What the laboratory gets is made last: a strip across the end of a reel, the last of a vessel (domain.md 1.6).
const END: Duration = Duration::from_secs(180);

/// What was said of a stage counts for it if so much more of the batch was made at the most.
const STAGE_WIDTH: f64 = 0.1;

/// What the rows of soft sensors are of: of each grade the better one is taken.
const WINDOWS: [Window; 2] = [Window::End(END), Window::Batch];

/// What was foretold of a property at the stages that a batch has passed.
type Said = Vec<(BatchStage, Estimate)>;

/// The soft sensors of one line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SoftSensors {
    /// The batch in progress.
    bins: Option<Bins>,
    /// What was foretold of it at the stages that it has passed, by property.
    said: BTreeMap<Arc<str>, Said>,
    /// What is foretold of it now.
    now: Option<Foretelling>,
    grades: BTreeMap<Arc<str>, OfGrade>,
}

/// What is known of one grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct OfGrade {
    /// The tags that the rows are of.
    tags: Vec<Arc<str>>,
    /// The newest batches, in the order of their ends.
    batches: VecDeque<Kept>,
    properties: BTreeMap<Arc<str>, Property>,
}

/// The tags that a soft sensor may go by, as positions in the line.
fn used(line: &Line) -> impl Iterator<Item = usize> {
    let is_used = |role| matches!(role, Role::Quality | Role::Process | Role::RawMaterial);
    line.tags.iter().enumerate().filter(move |(_, tag)| is_used(tag.role)).map(|(ix, _)| ix)
}

fn tag_names(line: &Line) -> Vec<Arc<str>> {
    used(line).map(|ix| Arc::clone(&line.tags[ix].id)).collect()
}

/// How long what each tag sees takes to the end of the line, from the time that its readings bear.
pub(super) type Delays<'a> = &'a dyn Fn(usize) -> Option<Duration>;

/// True if a row of these tags has no more columns than one may.
fn is_narrow(window: Window, tags: &[Arc<str>]) -> bool {
    window.columns(tags).len() <= COLUMNS_MAX
}

/// True if the bins are of the batch from its begin on: not after a start, or another configuration, in its midst.
fn saw_begin(bins: &Bins, batch: &Batch) -> bool {
    let in_time = |from: Timestamp| from <= batch.started.plus(bins.bin());
    batch.begin_known && bins.from().is_some_and(in_time)
}

fn delays(line: &Line, of: Delays<'_>) -> Vec<Duration> {
    used(line).map(|ix| of(ix).unwrap_or_default()).collect()
}

impl SoftSensors {
    /// A batch begins, or the line is declared anew: what is made now is another one.
    pub(super) fn begin_batch(&mut self) {
        self.bins = None;
        self.said.clear();
        self.now = None;
    }

    /// Takes a frame of product by its end, one value for each declared tag, NaN where there is none; true if something new can
    /// be foretold by it.
    pub(super) fn take(&mut self, line: &Line, values: &[f64], end: Timestamp) -> bool {
        let tags = used(line).count();
        let bins = self.bins.get_or_insert_with(|| Bins::start(tags, line.frame));
        let value = |ix: usize| values.get(ix).copied().unwrap_or(f64::NAN);
        bins.take(used(line).map(value), end)
    }

    /// Foretells the batch in progress, of which this share is made, 0–1.
    pub(super) fn foretell(
        &mut self,
        line: &Line,
        (batch, name, grade): (&Batch, &Arc<str>, Option<&Grade>),
        (progress, at): (Option<f64>, Timestamp),
        of: Delays<'_>,
    ) -> Vec<SoftSensorRecord> {
        self.now = None;
        let (Some(bins), Some(of_grade)) = (&self.bins, self.grades.get(name)) else {
            return Vec::new();
        };
        if !of_grade.judges() || of_grade.tags != tag_names(line) {
            return Vec::new();
        }
        let rows = Rows::of(bins, &delays(line, of), progress.filter(|_| saw_begin(bins, batch)));
        let stage = BatchStage::of(progress.unwrap_or(0.0));
        let said = of_grade.say(&rows, stage);
        let passed = progress.filter(|p| (stage.share()..stage.share() + STAGE_WIDTH).contains(p));
        for (property, estimate) in &said {
            let stages = self.said.entry(Arc::clone(property)).or_default();
            if passed.is_some() && stages.iter().all(|(known, _)| *known != stage) {
                stages.push((stage, *estimate));
            }
        }
        let now = of_grade.foretelling(&said, (grade, stage));
        let record = |foretold: &ForetoldProperty| SoftSensorRecord {
            line: Arc::clone(&line.name),
            grade: Arc::clone(name),
            batch: Arc::clone(&batch.id),
            at,
            foretold: foretold.clone(),
        };
        let records = now.properties.iter().map(record).collect();
        self.now = Some(now);
        records
    }

    /// What is foretold of the batch in progress; `None` while nothing can be.
    pub(super) fn now(&self) -> Option<&Foretelling> {
        self.now.as_ref()
    }

    /// The batch in progress has ended: what it was made like is kept.
    pub(super) fn end_batch(
        &mut self,
        line: &Line,
        (name, batch): (&Arc<str>, &Batch),
        of: Delays<'_>,
    ) {
        let bins = self.bins.take();
        let mut said = std::mem::take(&mut self.said);
        self.now = None;
        let Some(mut bins) = bins.filter(|_| !batch.void) else { return };
        bins.end();
        let Some(made) = bins.until().filter(|_| !bins.is_empty()) else { return };
        // An end that was told too late: what was made last is of the next batch.
        let is_late = batch.ended.is_some_and(|ended| made > ended.plus(bins.bin()));
        let has_room = self.grades.len() < GRADES_MAX || self.grades.contains_key(name);
        if is_late || !has_room {
            return;
        }
        let tags = tag_names(line);
        let of_grade = self.grades.entry(Arc::clone(name)).or_default();
        of_grade.be_of(&tags);
        let rows = Rows::of(&bins, &delays(line, of), saw_begin(&bins, batch).then_some(1.0));
        for (property, estimate) in of_grade.say(&rows, BatchStage::End) {
            said.entry(property).or_default().push((BatchStage::End, estimate));
        }
        let versions = of_grade.versions();
        of_grade.batches.push_back(Kept::new(&batch.id, made, rows, (said, versions)));
        of_grade.forget_oldest();
    }

    /// Something new is known of a batch, by this time: laboratory values that its soft sensors are held against. They are in
    /// the units of the grade's limits.
    pub(super) fn found(
        &mut self,
        (name, grade): (&str, Option<&Grade>),
        batch: &Batch,
        known: Timestamp,
    ) {
        let Some(of_grade) = self.grades.get_mut(name) else { return };
        let place = of_grade.batches.iter().rposition(|kept| *kept.id == *batch.id);
        let Some(place) = place else { return };
        if batch.void || batch.maintenance {
            of_grade.batches.remove(place);
            return;
        }
        let OfGrade { batches, properties, .. } = of_grade;
        for (name, value) in batch.lab_counting() {
            let limit = grade.and_then(|grade| grade.lab.get(name));
            let has_room = properties.len() < PROPERTIES_MAX || limit.is_some();
            if !has_room && !properties.contains_key(name) {
                continue;
            }
            let sensor = properties.entry(Arc::clone(name)).or_default();
            if let Some(limit) = limit
                && sensor.is_in_another_unit(&limit.unit)
            {
                // What was kept, and fitted, are other numbers.
                for kept in batches.iter_mut() {
                    kept.forget(name);
                }
            }
            let kept = &mut batches[place];
            match kept.learn(name, *value, known) {
                Learned::First => sensor.learn(name, kept),
                Learned::Another => sensor.revise(name, kept),
                Learned::Nothing => {}
            }
        }
    }

    /// The fits that are due for a grade; their ids are counted on from `next`.
    pub(super) fn requests(
        &mut self,
        (line, name): (LineIx, &Arc<str>),
        refits: bool,
        next: &mut u64,
    ) -> Vec<SoftSensorRequest> {
        let Some(of_grade) = self.grades.get_mut(name) else { return Vec::new() };
        let OfGrade { tags, batches, properties } = of_grade;
        let mut requests = Vec::new();
        for (property, sensor) in properties {
            let values = batches.iter().filter(|kept| kept.value(property).is_some()).count();
            let columns = WINDOWS.iter().any(|window| is_narrow(*window, tags));
            if columns && sensor.is_due(values, refits) {
                sensor.ask(*next, values);
                let request = kept::request((*next, line, name), property, (tags, batches));
                requests.push(request);
                *next += 1;
            }
        }
        requests
    }

    /// The requests whose answers are awaited: a shell starts them again after a restart.
    pub(super) fn open_requests(&self, line: LineIx) -> impl Iterator<Item = SoftSensorRequest> {
        self.grades.iter().flat_map(move |(name, of_grade)| {
            of_grade.properties.iter().filter_map(move |(property, sensor)| {
                let of = (&of_grade.tags[..], &of_grade.batches);
                Some(kept::request((sensor.waits()?, line, name), property, of))
            })
        })
    }

    /// Takes an answer; it waits for the next boundary. True if somebody asked.
    pub(super) fn answer(&mut self, answer: &ModelAnswer) -> bool {
        let mut sensors = self.grades.values_mut().flat_map(|of| of.properties.values_mut());
        sensors.any(|sensor| sensor.answer(answer))
    }

    /// A batch boundary: what is ready foretells from now on.
    pub(super) fn boundary(&mut self, at: Timestamp) {
        for OfGrade { tags, batches, properties } in self.grades.values_mut() {
            for (property, sensor) in properties {
                sensor.boundary(property, (tags, batches), at);
            }
        }
    }

    /// The line is declared anew: rows are of its tags of now, and what was fitted on others foretells no more.
    pub(super) fn reconfigured(&mut self, line: &Line) {
        let tags = tag_names(line);
        self.begin_batch();
        self.grades.values_mut().for_each(|of_grade| of_grade.be_of(&tags));
    }
}

impl OfGrade {
    /// True if a soft sensor foretells by now.
    fn judges(&self) -> bool {
        self.properties.values().any(Property::judges)
    }

    /// The versions of the sensors that foretell.
    fn versions(&self) -> BTreeMap<Arc<str>, u32> {
        let version = |(name, of): (&Arc<str>, &Property)| Some((Arc::clone(name), of.version()?));
        self.properties.iter().filter_map(version).collect()
    }

    /// What the soft sensors say of rows.
    fn say(&self, rows: &Rows, stage: BatchStage) -> Vec<(Arc<str>, Estimate)> {
        let say =
            |(name, of): (&Arc<str>, &Property)| Some((Arc::clone(name), of.say(rows, stage)?));
        self.properties.iter().filter_map(say).collect()
    }

    /// The same for people, and the chance that the batch ends off spec by what the grade asks for. What lies outside the
    /// range of a soft sensor is not told: it would be a guess.
    fn foretelling(
        &self,
        said: &[(Arc<str>, Estimate)],
        (grade, stage): (Option<&Grade>, BatchStage),
    ) -> Foretelling {
        let limit = |name: &Arc<str>| grade.and_then(|grade| grade.lab.get(name));
        let inside = said.iter().filter(|(_, said)| !said.raw.outside);
        let mut limited = Vec::new();
        let mut properties = Vec::new();
        for (name, said) in inside {
            let Some(track) = self.properties.get(name).and_then(Property::track) else { continue };
            let bounds = limit(name).map_or_else(Bounds::default, SpecLimit::bounds);
            let foretold = Foretold { track, said: *said, bounds };
            let has_bounds = bounds.low.is_some() || bounds.high.is_some();
            if has_bounds {
                limited.push(foretold);
            }
            properties.push(ForetoldProperty {
                property: Arc::clone(name),
                predicted: said.value,
                interval: [said.low, said.high],
                low: bounds.low,
                high: bounds.high,
                probability: has_bounds.then(|| foretold.beyond(stage)),
                unit: limit(name).map(|limit| Arc::clone(&limit.unit)).filter(|u| !u.is_empty()),
            });
        }
        let outside = said.iter().filter(|(_, said)| said.raw.outside);
        let refused: Vec<Arc<str>> = outside
            .map(|(name, _)| Arc::clone(name))
            .filter(|name| limit(name).is_some())
            .collect();
        let off_spec = (!limited.is_empty()).then(|| any_beyond(&limited, stage));
        Foretelling { properties, refused, off_spec }
    }

    /// Only so many batches are kept.
    fn forget_oldest(&mut self) {
        if self.batches.len() > KEPT_MAX {
            self.batches.pop_front();
        }
        let waiting = self.batches.iter().filter(|kept| kept.waits()).count();
        if waiting > WAITING_MAX
            && let Some(oldest) = self.batches.iter().position(Kept::waits)
        {
            self.batches.remove(oldest);
        }
    }

    /// The rows are of these tags from now on.
    fn be_of(&mut self, tags: &[Arc<str>]) {
        if self.tags == *tags {
            return;
        }
        for kept in &mut self.batches {
            kept.be_of(&self.tags, tags);
        }
        self.tags = tags.to_vec();
        self.properties.values_mut().for_each(Property::forget_sensor);
    }
}
