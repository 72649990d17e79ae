//! The batches of one line: those in progress, the last finished ones, and what waits for them.

mod grades;
mod phases;

use super::declared::check_grade;
use super::life::{Batch, ToldEnd};
use super::product::{Limits, Made, Product, WINDOW, left_after};
use crate::decode::{BatchEvent, BatchMessage};
use crate::plant::{Grade, Grades, nearest};
use crate::reading::Timestamp;
use grades::GradesTold;
use phases::PhasesOfStation;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Finished batches kept, for laboratory results that come late.
const FINISHED_MAX: usize = 200;

/// Events kept for batches not yet known, and for instants not yet reached.
const WAITING_MAX: usize = 1000;

/// Stations of one line.
const STATIONS_MAX: usize = 64;

/// Properties without limits that were said once and are not said again.
const STRANGE_MAX: usize = 1000;

/// What happened to a batch; the engine looks it up by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It began.
    Started(Arc<str>),
    /// It ended.
    Ended(Arc<str>),
    /// It became known when it was over: its line has gone on to another batch, or to none.
    Added(Arc<str>),
    /// Something new is known about it.
    Revised(Arc<str>),
    /// It came into a phase: nothing that its verdict rests on.
    Noted(Arc<str>),
    /// It is of another grade than was thought: the id, and that grade.
    Regraded(Arc<str>, Option<Arc<str>>),
    /// An event, or a part of it, was not taken: why, and what is expected.
    Refused(String),
}

/// What a frame was to the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The batch it belongs to.
    pub batch: Arc<str>,
    /// False if it was made while the batch was paused.
    pub product: bool,
}

/// A pause of a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Why, if it was said.
    pub reason: Option<Arc<str>>,
}

/// A station of the line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Station {
    current: Option<Batch>,
    /// What is made now is no product.
    pause: Option<Pause>,
    /// The newest pause and the newest resume that were told: what is older, or the same again, says
    /// nothing about now.
    paused: Option<Timestamp>,
    resumed: Option<Timestamp>,
    /// The phases that were told without a batch.
    #[serde(default)]
    phases: PhasesOfStation,
}

/// The batches of one line.
///
/// The line's frames belong to the batch without a station: those of its stations (an unwind, a
/// rewinder) run beside it, and are known by what is told of them alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Book {
    /// By name; the line itself has the empty one.
    stations: BTreeMap<Arc<str>, Station>,
    /// Finished, newest last.
    finished: VecDeque<Batch>,
    /// Events whose instant the line has not reached, by time, then arrival.
    ahead: Vec<BatchMessage>,
    /// Results, decisions and actions for batches not yet known.
    orphans: VecDeque<BatchMessage>,
    /// The grade of batches whose start names none, and since when.
    grade: Option<Arc<str>>,
    grade_since: Option<Timestamp>,
    /// Those before it.
    #[serde(default)]
    grades_before: GradesTold,
    /// What was made lately, on a line without batches.
    running: Product,
    /// The last frame counted, and up to where holes after it are.
    last_start: Option<Timestamp>,
    counted_to: Option<Timestamp>,
    /// Properties without limits that were said.
    strange: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// What a station turns to.
enum Turn {
    /// What is made from now on is no product, and why.
    Pause(Option<Arc<str>>),
    /// It is again.
    Resume,
}

/// Where and when a batch begins or ends.
struct Instant<'a> {
    key: &'a Arc<str>,
    station: Option<Arc<str>>,
    at: Timestamp,
}

impl Book {
    /// A book whose batches are of this grade until an event names another.
    #[must_use]
    pub fn new(grade: Option<Arc<str>>) -> Self {
        Self { grade, ..Self::default() }
    }

    /// The batch that the line's frames belong to.
    #[must_use]
    pub fn current(&self) -> Option<&Batch> {
        self.stations.get("")?.current.as_ref()
    }

    /// The pause of the line, while it stands.
    #[must_use]
    pub fn pause(&self) -> Option<&Pause> {
        self.stations.get("")?.pause.as_ref()
    }

    /// What a line without batches made lately.
    #[must_use]
    pub fn running(&self) -> &Product {
        &self.running
    }

    /// The grade in progress.
    #[must_use]
    pub fn grade(&self) -> Option<&Arc<str>> {
        self.current().map_or(self.grade.as_ref(), |batch| batch.grade.as_ref())
    }

    /// A batch by its id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Batch> {
        let current = self.stations.values().filter_map(|station| station.current.as_ref());
        current.chain(self.finished.iter().rev()).find(|batch| *batch.id == *id)
    }

    /// A batch by its id, to change.
    pub fn find_mut(&mut self, id: &str) -> Option<&mut Batch> {
        let current = self.stations.values_mut().filter_map(|station| station.current.as_mut());
        current.chain(self.finished.iter_mut().rev()).find(|batch| *batch.id == *id)
    }

    /// All batches: in progress, then finished.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Batch> {
        let current = self.stations.values_mut().filter_map(|station| station.current.as_mut());
        current.chain(self.finished.iter_mut().rev())
    }

    /// Finished batches, newest first.
    pub fn finished(&self) -> impl Iterator<Item = &Batch> {
        self.finished.iter().rev()
    }

    /// The amount that a batch is expected to have, by the median of the last 20 finished ones, in
    /// metres if `in_metres`, else in seconds.
    #[must_use]
    pub fn expected_amount(&self, in_metres: bool) -> Option<f64> {
        let mut amounts: Vec<f64> = self
            .finished()
            .filter(|batch| batch.begin_known && !batch.void && batch.station.is_none())
            .map(|batch| &batch.product)
            .filter_map(|product| if in_metres { product.made_m } else { Some(product.made_s) })
            .filter(|amount| *amount > 0.0)
            .take(20)
            .collect();
        amounts.sort_by(f64::total_cmp);
        amounts.get(amounts.len() / 2).copied()
    }

    /// Takes an event. What changes the line at an instant waits until the line has reached it
    /// (`frontier`: all frames before are closed); the rest takes effect at once.
    pub fn take(
        &mut self,
        message: BatchMessage,
        frontier: Option<Timestamp>,
        grades: &Grades,
        out: &mut Vec<Change>,
    ) {
        match message.event {
            BatchEvent::Start { .. }
            | BatchEvent::End { .. }
            | BatchEvent::GradeChange { .. }
            | BatchEvent::Phase { batch: None, .. }
            | BatchEvent::Pause { .. }
            | BatchEvent::Resume
                if frontier.is_some_and(|frontier| frontier < message.at)
                    || self.waits_behind(&message) =>
            {
                if self.ahead.len() >= WAITING_MAX {
                    out.push(Change::Refused(too_many("for their instant", &message)));
                    return;
                }
                // A batch that begins at the instant of another grade is of that grade, and the phase of that instant is
                // its own, whichever came first.
                let before = |waiting: &BatchMessage| {
                    let at_once = match (&message.event, &waiting.event) {
                        (BatchEvent::GradeChange { .. }, BatchEvent::Start { .. }) => true,
                        (new, BatchEvent::Phase { .. }) => !matches!(new, BatchEvent::Phase { .. }),
                        _ => false,
                    };
                    waiting.at < message.at || (waiting.at == message.at && !at_once)
                };
                let ix = self.ahead.iter().take_while(|waiting| before(waiting)).count();
                self.ahead.insert(ix, message);
            }
            _ => self.apply(message, grades, out),
        }
    }

    /// The line has reached `frontier`: the first event that waited for it takes effect; false if none did any more.
    /// Then what nobody saw up to there was made all the same.
    ///
    /// One at a time, so that what is said of each is true when it is said: of two that wait, the second may end what the
    /// first began.
    pub fn advance(&mut self, frontier: Timestamp, grades: &Grades, out: &mut Vec<Change>) -> bool {
        if self.ahead.first().is_some_and(|message| message.at <= frontier) {
            let message = self.ahead.remove(0);
            self.apply(message, grades, out);
            return true;
        }
        if frontier < Timestamp::MAX {
            self.pass(frontier);
        }
        false
    }

    /// Adds a frame to the batch in progress.
    pub fn count(&mut self, made: &Made, limits: &Limits<'_>) -> Option<Counted> {
        self.note_frame(made);
        let station = self.stations.get_mut("")?;
        let batch = station.current.as_mut().filter(|batch| made.start >= batch.started)?;
        let product = station.pause.is_none();
        match &station.pause {
            None => batch.count(made, limits),
            Some(pause) => batch.pause(made, pause.reason.as_ref()),
        }
        Some(Counted { batch: Arc::clone(&batch.id), product })
    }

    /// Adds a frame to what a line without batches made lately; false if it is paused.
    pub fn count_running(&mut self, made: &Made, limits: &Limits<'_>) -> bool {
        let before = self.counted_to.unwrap_or(made.start);
        self.running.fade(made.end.seconds_since(before), made.end);
        self.note_frame(made);
        let product = self.pause().is_none();
        if product {
            self.running.count(made, limits);
        }
        product
    }

    /// A pause whose end was never told is over.
    pub fn resume(&mut self, at: Timestamp) {
        self.pass(at);
        if let Some(station) = self.stations.get_mut("") {
            station.pause = None;
        }
    }

    fn note_frame(&mut self, made: &Made) {
        self.last_start = Some(made.start);
        self.counted_to = self.counted_to.max(Some(made.end));
    }

    /// Between the last frame and `to` nothing was seen; if the line was not paused, it was made.
    fn pass(&mut self, to: Timestamp) {
        let before = self.counted_to;
        self.counted_to = before.max(Some(to));
        let station = self.stations.get_mut("");
        if station.as_ref().is_some_and(|station| station.pause.is_some()) {
            return;
        }
        if let Some(batch) = station.and_then(|station| station.current.as_mut()) {
            let from = before.map_or(batch.started, |before| before.max(batch.started));
            batch.count_unseen(to.seconds_since(from));
        } else {
            let hole = before.map_or(0.0, |before| to.seconds_since(before));
            self.running.fade(hole, to);
            self.running.count_unseen(WINDOW.as_secs_f64() * (1.0 - left_after(hole)));
        }
    }

    fn apply(&mut self, message: BatchMessage, grades: &Grades, out: &mut Vec<Change>) {
        let BatchMessage { line, station, at, event } = message;
        let key: Arc<str> = station.clone().unwrap_or_else(|| "".into());
        let instant = Instant { key: &key, station: station.clone(), at };
        let said = out.len();
        let moves = matches!(
            event,
            BatchEvent::Start { .. }
                | BatchEvent::End { .. }
                | BatchEvent::Phase { batch: None, .. }
        );
        match event {
            BatchEvent::Start { batch, grade } => self.start(&instant, &batch, grade, grades, out),
            BatchEvent::End { batch, length_m, mass_kg } => {
                self.end(&instant, &batch, (length_m, mass_kg), grades, out);
            }
            BatchEvent::GradeChange { grade } => {
                check_grade(&grade, "the line changes to", grades, out);
                self.change_grade(&grade, at, grades, out);
            }
            BatchEvent::Pause { reason } => self.turn(&instant, Turn::Pause(reason), out),
            BatchEvent::Resume => self.turn(&instant, Turn::Resume, out),
            // No event of a batch: others know what to do with it.
            BatchEvent::Maintenance { .. }
            | BatchEvent::MaintenanceEnd { .. }
            | BatchEvent::Alarm { .. } => {}
            BatchEvent::Phase { batch: None, phase } => self.enter(&instant, phase, out),
            BatchEvent::Phase { batch: Some(ref batch), ref phase }
                if self.find(batch).is_some() =>
            {
                self.enter_batch(batch, at, Arc::clone(phase), out);
            }
            BatchEvent::Lab { ref batch, .. }
            | BatchEvent::Disposition { ref batch, .. }
            | BatchEvent::Action { ref batch, .. }
            | BatchEvent::Consumes { ref batch, .. }
            | BatchEvent::Phase { batch: Some(ref batch), .. }
            | BatchEvent::Merge { ref batch, .. }
            | BatchEvent::Void { ref batch } => {
                let id = Arc::clone(batch);
                let target_known = match &event {
                    BatchEvent::Merge { into, .. } => self.find(into).is_some(),
                    _ => true,
                };
                if self.find(&id).is_none() || !target_known {
                    self.wait(BatchMessage { line, station, at, event }, out);
                    return;
                }
                match self.learn(&id, at, event, grades, out) {
                    Ok(true) => out.push(Change::Revised(id)),
                    Ok(false) => {}
                    Err(why) => out.push(Change::Refused(why)),
                }
            }
        }
        if moves {
            self.follow_phases(said, out);
        }
    }

    /// The station, if there is room for it.
    fn station(&mut self, key: &Arc<str>, out: &mut Vec<Change>) -> Option<&mut Station> {
        if !self.stations.contains_key(key) && self.stations.len() >= STATIONS_MAX {
            out.push(Change::Refused(format!(
                "station `{key}` is one more than the {STATIONS_MAX} that a line may have"
            )));
            return None;
        }
        Some(self.stations.entry(Arc::clone(key)).or_default())
    }

    fn start(
        &mut self,
        instant: &Instant<'_>,
        id: &Arc<str>,
        grade: Option<Arc<str>>,
        grades: &Grades,
        out: &mut Vec<Change>,
    ) {
        let (key, at) = (instant.key, instant.at);
        let known = self.find(id).map(|batch| (batch.begin_known, batch.ended));
        if let Some((begin_known, ended)) = known {
            match ended {
                Some(ended) if !begin_known && at <= ended => {
                    if let Some(grade) = &grade {
                        check_grade(grade, &format!("batch `{id}` has"), grades, out);
                    }
                    self.begin_of_finished(instant, id, (grade, ended), grades, out);
                }
                Some(ended) if !begin_known => out.push(Change::Refused(format!(
                    "batch `{id}` cannot start at {at}, it ended at {ended}"
                ))),
                _ => {}
            }
            return;
        }
        if self.station(key, out).is_none() {
            return;
        }
        if let Some(grade) = &grade {
            check_grade(grade, &format!("batch `{id}` has"), grades, out);
            if key.is_empty() {
                self.change_grade(grade, at, grades, out);
            }
        }
        let mut batch = Batch::begin(Arc::clone(id), instant.station.clone(), grade, at);
        if batch.grade.is_none() {
            batch.grade_guessed = true;
            batch.grade = self.grade_of(&batch);
        }
        let next = self.begin_after(key, at);
        self.end_at_start(instant, out);
        if let Some(next) = next {
            // It came late: what began after it has ended it already.
            batch.count_unseen(next.seconds_since(at));
            self.add(batch, next, out);
        } else {
            let since = self.counted_to.filter(|_| key.is_empty());
            if let Some(to) = since.filter(|_| self.last_start.is_some_and(|last| last >= at)) {
                // Its first frames were closed before anybody knew that they were its own.
                batch.count_unseen(to.seconds_since(at));
            }
            let station = self.stations.entry(Arc::clone(key)).or_default();
            station.current = Some(batch);
            // A start that comes late ends no pause that began after it.
            station.pause.take_if(|pause| pause.since <= at);
            out.push(Change::Started(Arc::clone(id)));
        }
        self.adopt_orphans(id, grades, out);
    }

    /// The beginning of a batch of which only the end was known.
    fn begin_of_finished(
        &mut self,
        instant: &Instant<'_>,
        id: &Arc<str>,
        (grade, ended): (Option<Arc<str>>, Timestamp),
        grades: &Grades,
        out: &mut Vec<Change>,
    ) {
        // Its station may have been left out of one of both; it stays where it was put first.
        let station = self.find(id).and_then(|batch| batch.station.clone());
        let key = station.clone().unwrap_or_else(|| "".into());
        let instant = &Instant { key: &key, station, at: instant.at };
        if let Some(grade) = grade.as_ref().filter(|_| key.is_empty()) {
            self.change_grade(grade, instant.at, grades, out);
        }
        self.end_at_start(instant, out);
        let Some(batch) = self.find_mut(id) else { return };
        batch.started = instant.at;
        batch.begin_known = true;
        batch.grade_guessed = grade.is_none();
        batch.count_unseen(ended.seconds_since(instant.at));
        let known = self.find(id).map(|batch| (self.grade_of(batch), batch.grade.clone()));
        let (made, thought) = known.unwrap_or_default();
        let grade = grade.or(made);
        if grade != thought {
            self.regrade(id, grade, grades, out);
        } else if let Some(batch) = self.find_mut(id) {
            batch.revision += 1;
            out.push(Change::Revised(Arc::clone(id)));
        }
    }

    /// A start ends what its station made at that instant.
    fn end_at_start(&mut self, instant: &Instant<'_>, out: &mut Vec<Change>) {
        let at = instant.at;
        if instant.key.is_empty() {
            self.pass(at);
        }
        let station = self.stations.get_mut(instant.key);
        let before = station.and_then(|station| station.current.take_if(|b| b.started <= at));
        if let Some(before) = before {
            self.finish(before, at, out);
            return;
        }
        let guessed = |batch: &&mut Batch| {
            batch.station == instant.station
                && !batch.end_told
                && batch.started < at
                && batch.ended.is_some_and(|ended| ended > at)
        };
        if let Some(before) = self.finished.iter_mut().rev().find(guessed) {
            before.ended = Some(at);
            before.revision += 1;
            let id = Arc::clone(&before.id);
            out.push(Change::Revised(Arc::clone(&id)));
            self.keep_again(&id);
        }
    }

    /// When the first batch of a station began that began after an instant.
    fn begin_after(&self, key: &str, at: Timestamp) -> Option<Timestamp> {
        let of_station = |batch: &&Batch| batch.station.as_deref().unwrap_or_default() == key;
        let current = self.stations.get(key).and_then(|station| station.current.as_ref());
        let finished = self.finished.iter().filter(of_station);
        finished.chain(current).map(|batch| batch.started).filter(|started| *started > at).min()
    }

    fn end(
        &mut self,
        instant: &Instant<'_>,
        id: &Arc<str>,
        (length_m, mass_kg): (Option<f64>, Option<f64>),
        grades: &Grades,
        out: &mut Vec<Change>,
    ) {
        let at = instant.at;
        let Some(known) = self.find_mut(id) else {
            let mut batch = Batch::begin(Arc::clone(id), instant.station.clone(), None, at);
            batch.begin_known = false;
            batch.grade_guessed = true;
            batch.grade = self.grade_of(&batch);
            batch.end_told = true;
            batch.counted_m = length_m;
            batch.weighed_kg = mass_kg;
            batch.learn_end(ToldEnd { at, length_m, mass_kg });
            self.add(batch, at, out);
            self.adopt_orphans(id, grades, out);
            return;
        };
        if at < known.started && known.begin_known {
            out.push(Change::Refused(format!(
                "batch `{id}` cannot end at {at}, before it started at {}",
                known.started
            )));
            return;
        }
        if !known.learn_end(ToldEnd { at, length_m, mass_kg }) {
            return;
        }
        let before = (known.ended, known.counted_m, known.weighed_kg);
        known.counted_m = length_m.or(known.counted_m);
        known.weighed_kg = mass_kg.or(known.weighed_kg);
        known.end_told = true;
        if known.ended.is_none() {
            // Its station may have been left out of its end.
            let station = known.station.clone().unwrap_or_else(|| "".into());
            if station.is_empty() {
                self.pass(at);
            }
            let batch = self.stations.get_mut(&station).and_then(|station| station.current.take());
            if let Some(batch) = batch {
                self.finish(batch, at, out);
            }
            return;
        }
        // The batch's own end knows better than the start of the next one.
        if !known.begin_known {
            known.started = at;
        }
        known.ended = Some(at);
        if before != (known.ended, known.counted_m, known.weighed_kg) {
            known.revision += 1;
            out.push(Change::Revised(Arc::clone(id)));
            self.keep_again(id);
        }
    }

    fn finish(&mut self, mut batch: Batch, ended: Timestamp, out: &mut Vec<Change>) {
        batch.ended = Some(ended);
        batch.revision += 1;
        out.push(Change::Ended(Arc::clone(&batch.id)));
        self.keep(batch);
    }

    /// A batch becomes known when it is over.
    fn add(&mut self, mut batch: Batch, ended: Timestamp, out: &mut Vec<Change>) {
        batch.ended = Some(ended);
        batch.revision += 1;
        out.push(Change::Added(Arc::clone(&batch.id)));
        self.keep(batch);
    }

    /// Puts a finished batch where it belongs in time.
    fn keep(&mut self, batch: Batch) {
        let later = self.finished.iter().rev().take_while(|known| known.ended > batch.ended);
        let ix = self.finished.len() - later.count();
        self.finished.insert(ix, batch);
        if self.finished.len() > FINISHED_MAX {
            self.finished.pop_front();
        }
    }

    /// A finished batch has another end.
    fn keep_again(&mut self, id: &str) {
        let ix = self.finished.iter().position(|batch| *batch.id == *id);
        if let Some(batch) = ix.and_then(|ix| self.finished.remove(ix)) {
            self.keep(batch);
        }
    }

    /// A pause (with its reason) or a resume. An older one, or the same again, changes nothing.
    fn turn(&mut self, instant: &Instant<'_>, turn: Turn, out: &mut Vec<Change>) {
        let at = instant.at;
        let Some(station) = self.station(instant.key, out) else { return };
        let (own, other) = match turn {
            Turn::Pause(_) => (&mut station.paused, station.resumed),
            Turn::Resume => (&mut station.resumed, station.paused),
        };
        if own.is_some_and(|newest| at <= newest) {
            return;
        }
        *own = Some(at);
        // Nor does one that comes late, and that a resume or the next batch has ended.
        let ended_by = |batch: &Batch| matches!(turn, Turn::Pause(_)) && at < batch.started;
        if other.is_some_and(|other| at < other) || station.current.as_ref().is_some_and(ended_by) {
            return;
        }
        if instant.key.is_empty() {
            self.pass(at);
        }
        let Some(station) = self.stations.get_mut(instant.key) else { return };
        station.pause = match turn {
            Turn::Pause(reason) => Some(Pause { since: at, reason }),
            Turn::Resume => None,
        };
        if station.pause.is_some()
            && let Some(batch) = &mut station.current
        {
            batch.lose_sight();
        }
    }

    fn learn(
        &mut self,
        id: &Arc<str>,
        at: Timestamp,
        event: BatchEvent,
        grades: &Grades,
        out: &mut Vec<Change>,
    ) -> Result<bool, String> {
        if let BatchEvent::Merge { into, .. } = &event {
            self.check_merge(id, into)?;
        }
        let Some(batch) = self.find_mut(id) else { return Ok(false) };
        let name = batch.grade.clone();
        let grade = name.as_ref().and_then(|name| grades.at(name, batch.started));
        let property = match &event {
            BatchEvent::Lab { property, .. } => Some(Arc::clone(property)),
            _ => None,
        };
        let new = batch.learn(at, event, grade)?;
        batch.revision += u32::from(new);
        if let (Some(property), Some(name), Some(grade)) = (property, name, grade) {
            self.note_strange(&property, &name, grade, out);
        }
        Ok(new)
    }

    /// A batch may merge into one that is, and that did not merge into it.
    fn check_merge(&self, id: &Arc<str>, into: &Arc<str>) -> Result<(), String> {
        let mut target = self.find(into);
        if target.is_some_and(|batch| batch.void && batch.merged_into.is_none()) {
            return Err(format!("batch `{id}` cannot merge into batch `{into}`, which is void"));
        }
        // No chain is longer than the batches that are known.
        for _ in 0..=FINISHED_MAX + STATIONS_MAX {
            let Some(next) = target.and_then(|batch| batch.merged_into.as_ref()) else { break };
            if next == id {
                return Err(format!(
                    "batch `{id}` cannot merge into batch `{into}`, which merged into it"
                ));
            }
            target = self.find(next);
        }
        Ok(())
    }

    /// A property that the grade has no limits for, and is called nearly as one that has, is said
    /// once: it may be misspelt. Others are measured for other reasons.
    fn note_strange(
        &mut self,
        property: &Arc<str>,
        name: &Arc<str>,
        grade: &Grade,
        out: &mut Vec<Change>,
    ) {
        if grade.lab.contains_key(property) || self.strange.len() >= STRANGE_MAX {
            return;
        }
        let Some(near) = nearest(property, grade.lab.keys().map(|property| &**property)) else {
            return;
        };
        if self.strange.insert((Arc::clone(name), Arc::clone(property))) {
            out.push(Change::Refused(format!(
                "grade `{name}` has no limits for property `{property}`: its results are kept and \
                 decide nothing; did you mean `{near}`?"
            )));
        }
    }

    /// What is told of a batch that is not known waits for it; where too many wait it is not taken, and that is said.
    fn wait(&mut self, message: BatchMessage, out: &mut Vec<Change>) {
        if self.orphans.len() >= WAITING_MAX {
            out.push(Change::Refused(too_many("for batches that are not known", &message)));
            return;
        }
        self.orphans.push_back(message);
    }

    fn adopt_orphans(&mut self, id: &Arc<str>, grades: &Grades, out: &mut Vec<Change>) {
        let orphans = std::mem::take(&mut self.orphans);
        for message in orphans {
            let waits_for = match &message.event {
                BatchEvent::Merge { into, .. } if into == id => true,
                event => event.batch() == Some(id),
            };
            if waits_for {
                self.apply(message, grades, out);
            } else {
                self.orphans.push_back(message);
            }
        }
    }
}

fn too_many(what_for: &str, message: &BatchMessage) -> String {
    let of = message.event.batch().map_or_else(String::new, |batch| format!(" of batch `{batch}`"));
    format!(
        "{WAITING_MAX} events wait {what_for}, which is as many as may; the one{of} at {} is not taken",
        message.at
    )
}

#[cfg(test)]
mod tests;
