//! The batches of one line: those in progress, the last finished ones, and what waits for them.

use super::life::{Batch, LabResult, PersonsWord};
use crate::decode::{BatchEvent, BatchMessage};
use crate::plant::SpecLimit;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Finished batches kept, for laboratory results that come late.
const FINISHED_MAX: usize = 200;

/// Events kept for batches not yet known, and for instants not yet reached.
const WAITING_MAX: usize = 1000;

/// The time constant of the filter on quality values, s: about one scan, so that one noisy scan
/// does not count as product outside its limits (domain.md 3.4, `q_filtered`).
const FILTER_S: f64 = 30.0;

/// What happened to a batch; the engine looks it up by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It began.
    Started(Arc<str>),
    /// It ended.
    Ended(Arc<str>),
    /// Something new is known about it.
    Revised(Arc<str>),
}

/// A quality tag's value in a frame and its limits in the grade.
pub type Limits<'a> = [(&'a Arc<str>, f64, &'a SpecLimit)];

/// What a frame was to the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The batch it belongs to.
    pub batch: Arc<str>,
    /// False if it was made while the batch was paused.
    pub product: bool,
}

/// The batches of one line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Book {
    /// In progress, by station; the empty one is the line itself.
    current: BTreeMap<Arc<str>, Batch>,
    /// Finished, newest last.
    finished: VecDeque<Batch>,
    /// Events whose instant the line has not reached, by time, then arrival.
    ahead: Vec<BatchMessage>,
    /// Results, decisions and actions for batches not yet known.
    orphans: VecDeque<BatchMessage>,
    /// The grade of batches whose start names none.
    grade: Option<Arc<str>>,
    /// Events that found no place.
    dropped: u64,
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
        self.current.values().next()
    }

    fn current_mut(&mut self) -> Option<&mut Batch> {
        self.current.values_mut().next()
    }

    /// The grade in progress.
    #[must_use]
    pub fn grade(&self) -> Option<&Arc<str>> {
        self.current().map_or(self.grade.as_ref(), |batch| batch.grade.as_ref())
    }

    /// A batch by its id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Batch> {
        self.current.values().chain(self.finished.iter().rev()).find(|batch| *batch.id == *id)
    }

    /// A batch by its id, to change.
    pub fn find_mut(&mut self, id: &str) -> Option<&mut Batch> {
        self.current
            .values_mut()
            .chain(self.finished.iter_mut().rev())
            .find(|batch| *batch.id == *id)
    }

    /// Finished batches, newest first.
    pub fn finished(&self) -> impl Iterator<Item = &Batch> {
        self.finished.iter().rev()
    }

    /// Events that found no place because too many waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The amount that a batch is expected to have, by the median of the last 20 finished ones, in
    /// metres if `in_metres`, else in seconds.
    #[must_use]
    pub fn expected_amount(&self, in_metres: bool) -> Option<f64> {
        let mut amounts: Vec<f64> = self
            .finished()
            .filter(|batch| batch.begin_known && !batch.void)
            .filter_map(|batch| if in_metres { batch.made_m } else { Some(batch.made_s) })
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
        out: &mut Vec<Change>,
    ) {
        match message.event {
            BatchEvent::Start { .. }
            | BatchEvent::End { .. }
            | BatchEvent::GradeChange { .. }
            | BatchEvent::Pause { .. }
            | BatchEvent::Resume
                if frontier.is_some_and(|frontier| frontier < message.at) =>
            {
                if self.ahead.len() >= WAITING_MAX {
                    self.dropped += 1;
                    return;
                }
                let ix = self.ahead.partition_point(|waiting| waiting.at <= message.at);
                self.ahead.insert(ix, message);
            }
            _ => self.apply(message, out),
        }
    }

    /// The line has reached `frontier`: what waited for it takes effect.
    pub fn advance(&mut self, frontier: Timestamp, out: &mut Vec<Change>) {
        while self.ahead.first().is_some_and(|message| message.at <= frontier) {
            let message = self.ahead.remove(0);
            self.apply(message, out);
        }
    }

    /// Adds a frame to the batch in progress: its time, length and mass, and the values of the
    /// quality tags against their limits.
    pub fn count(
        &mut self,
        start: Timestamp,
        end: Timestamp,
        metres: Option<f64>,
        kg: Option<f64>,
        limits: &Limits<'_>,
    ) -> Option<Counted> {
        let batch = self.current_mut().filter(|batch| start >= batch.started)?;
        let counted = Counted { batch: Arc::clone(&batch.id), product: !batch.paused };
        if batch.paused {
            return Some(counted);
        }
        let seconds = end.seconds_since(start);
        let position = batch.made_m.or(metres.map(|_| 0.0));
        for (tag, value, limit) in limits {
            if !batch.quality.contains_key(*tag) {
                batch.quality.insert(Arc::clone(tag), super::life::OutOfSpec::default());
            }
            let quality = batch.quality.get_mut(*tag).expect("it was inserted above");
            if value.is_nan() {
                quality.smoothed = None;
                quality.out_since = None;
                quality.in_since = None;
                continue;
            }
            let smoothed = quality.smoothed.map_or(*value, |before| {
                before + (1.0 - libm::exp(-seconds / FILTER_S)) * (value - before)
            });
            quality.smoothed = Some(smoothed);
            quality.add(limit.contains(smoothed), start, end, metres, position);
        }
        batch.made_s += seconds;
        if let Some(metres) = metres {
            *batch.made_m.get_or_insert(0.0) += metres;
        }
        if let Some(kg) = kg {
            *batch.made_kg.get_or_insert(0.0) += kg;
        }
        Some(counted)
    }

    fn apply(&mut self, message: BatchMessage, out: &mut Vec<Change>) {
        let BatchMessage { line, station, at, event } = message;
        let key: Arc<str> = station.clone().unwrap_or_else(|| "".into());
        match event {
            BatchEvent::Start { batch, grade } => self.start(&key, station, &batch, grade, at, out),
            BatchEvent::End { batch, length_m, mass_kg } => {
                self.end(&key, station, &batch, at, (length_m, mass_kg), out);
            }
            BatchEvent::GradeChange { grade } => self.grade = Some(grade),
            BatchEvent::Pause { .. } => self.pause(&key, true),
            BatchEvent::Resume => self.pause(&key, false),
            BatchEvent::Lab { ref batch, .. }
            | BatchEvent::Disposition { ref batch, .. }
            | BatchEvent::Action { ref batch, .. }
            | BatchEvent::Consumes { ref batch, .. }
            | BatchEvent::Merge { ref batch, .. }
            | BatchEvent::Void { ref batch } => {
                let id = Arc::clone(batch);
                let Some(known) = self.find_mut(&id) else {
                    self.wait(BatchMessage { line, station, at, event });
                    return;
                };
                if known.learn(at, event) {
                    known.revision += 1;
                    out.push(Change::Revised(id));
                }
            }
        }
    }

    fn start(
        &mut self,
        key: &Arc<str>,
        station: Option<Arc<str>>,
        id: &Arc<str>,
        grade: Option<Arc<str>>,
        at: Timestamp,
        out: &mut Vec<Change>,
    ) {
        if self.find(id).is_some() {
            return;
        }
        if let Some(before) = self.current.remove(key) {
            // A start that is older than the batch in progress cannot end it before it began.
            let ended = at.max(before.started);
            self.finish(before, ended, out);
        }
        if grade.is_some() {
            self.grade.clone_from(&grade);
        }
        let grade = grade.or_else(|| self.grade.clone());
        self.current.insert(Arc::clone(key), Batch::begin(Arc::clone(id), station, grade, at));
        out.push(Change::Started(Arc::clone(id)));
        self.adopt_orphans(id, out);
    }

    fn end(
        &mut self,
        key: &Arc<str>,
        station: Option<Arc<str>>,
        id: &Arc<str>,
        at: Timestamp,
        (length_m, mass_kg): (Option<f64>, Option<f64>),
        out: &mut Vec<Change>,
    ) {
        if self.current.get(key).is_some_and(|batch| batch.id == *id) {
            let mut batch = self.current.remove(key).expect("it was found above");
            batch.counted_m = length_m;
            batch.weighed_kg = mass_kg;
            let ended = at.max(batch.started);
            self.finish(batch, ended, out);
        } else if let Some(batch) = self.find_mut(id) {
            let before = (batch.ended, batch.counted_m, batch.weighed_kg);
            // The batch's own end knows better than the start of the next one.
            if batch.ended.is_some() {
                batch.ended = Some(at.max(batch.started));
            }
            batch.counted_m = length_m.or(batch.counted_m);
            batch.weighed_kg = mass_kg.or(batch.weighed_kg);
            if before != (batch.ended, batch.counted_m, batch.weighed_kg) {
                batch.revision += 1;
                out.push(Change::Revised(Arc::clone(id)));
            }
        } else {
            let mut batch = Batch::begin(Arc::clone(id), station, self.grade.clone(), at);
            batch.begin_known = false;
            batch.counted_m = length_m;
            batch.weighed_kg = mass_kg;
            self.finish(batch, at, out);
            self.adopt_orphans(id, out);
        }
    }

    fn finish(&mut self, mut batch: Batch, ended: Timestamp, out: &mut Vec<Change>) {
        batch.ended = Some(ended);
        batch.paused = false;
        batch.revision += 1;
        out.push(Change::Ended(Arc::clone(&batch.id)));
        self.finished.push_back(batch);
        if self.finished.len() > FINISHED_MAX {
            self.finished.pop_front();
        }
    }

    fn pause(&mut self, key: &str, paused: bool) {
        if let Some(batch) = self.current.get_mut(key) {
            batch.paused = paused;
        }
    }

    fn wait(&mut self, message: BatchMessage) {
        if self.orphans.len() >= WAITING_MAX {
            self.orphans.pop_front();
            self.dropped += 1;
        }
        self.orphans.push_back(message);
    }

    fn adopt_orphans(&mut self, id: &Arc<str>, out: &mut Vec<Change>) {
        let orphans = std::mem::take(&mut self.orphans);
        for message in orphans {
            if message.event.batch() == Some(id) {
                self.apply(message, out);
            } else {
                self.orphans.push_back(message);
            }
        }
    }
}

impl Batch {
    /// Takes what is said about the batch; true if it is new.
    #[expect(clippy::float_cmp, reason = "a repeated result has the same bits")]
    fn learn(&mut self, at: Timestamp, event: BatchEvent) -> bool {
        match event {
            BatchEvent::Lab { property, value, position, .. } => {
                let same = |result: &&mut LabResult| {
                    result.property == property && result.at == at && result.position == position
                };
                match self.lab.iter_mut().find(same) {
                    Some(result) if result.value == value => return false,
                    Some(result) => result.value = value,
                    None => self.lab.push(LabResult { property, at, value, position }),
                }
            }
            BatchEvent::Disposition { disposition, by, .. } => {
                let word = PersonsWord { at, disposition, by };
                if self.dispositions.contains(&word) {
                    return false;
                }
                self.dispositions.push(word);
            }
            BatchEvent::Action { text, by, .. } => {
                let action = (at, text, by);
                if self.actions.contains(&action) {
                    return false;
                }
                self.actions.push(action);
            }
            BatchEvent::Consumes { from, mass_kg, .. } => {
                if self.consumed.contains(&(Arc::clone(&from), mass_kg)) {
                    return false;
                }
                self.consumed.push((from, mass_kg));
            }
            BatchEvent::Merge { .. } | BatchEvent::Void { .. } => {
                return !std::mem::replace(&mut self.void, true);
            }
            BatchEvent::Start { .. }
            | BatchEvent::End { .. }
            | BatchEvent::GradeChange { .. }
            | BatchEvent::Pause { .. }
            | BatchEvent::Resume => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Disposition;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    /// Words `kind:batch@seconds[=value]`, `|seconds` moves the frontier; prints the changes and at
    /// the end every batch.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let mut book = Book::new(Some("facial".into()));
        let mut frontier = Some(at(0));
        let mut changes = Vec::new();
        for word in script.split_whitespace() {
            if let Some(s) = word.strip_prefix('|') {
                frontier = Some(at(s.parse().unwrap()));
                book.advance(at(s.parse().unwrap()), &mut changes);
                continue;
            }
            let (kind, rest) = word.split_once(':').unwrap();
            let (batch, rest) = rest.split_once('@').unwrap();
            let (s, value) = rest.split_once('=').unwrap_or((rest, ""));
            let batch: Arc<str> = batch.into();
            let event = match kind {
                "start" => BatchEvent::Start { batch, grade: None },
                "end" => BatchEvent::End { batch, length_m: value.parse().ok(), mass_kg: None },
                "lab" => BatchEvent::Lab {
                    batch,
                    property: "tensile".into(),
                    value: value.parse().unwrap(),
                    unit: None,
                    position: None,
                },
                "release" => BatchEvent::Disposition {
                    batch,
                    disposition: Disposition::Release,
                    by: None,
                    note: None,
                },
                "void" => BatchEvent::Void { batch },
                "pause" => BatchEvent::Pause { reason: None },
                "resume" => BatchEvent::Resume,
                other => panic!("unknown word {other}"),
            };
            let message = BatchMessage {
                line: "tm3".into(),
                station: None,
                at: at(s.parse().unwrap()),
                event,
            };
            book.take(message, frontier, &mut changes);
        }
        let mut said: Vec<String> = changes
            .iter()
            .map(|change| match change {
                Change::Started(id) => format!("+{id}"),
                Change::Ended(id) => format!("-{id}"),
                Change::Revised(id) => format!("~{id}"),
            })
            .collect();
        said.push(";".into());
        let batches = book.finished.iter().chain(book.current.values());
        said.extend(batches.map(|batch| {
            let end =
                batch.ended.map_or("..".into(), |ended| (ended.as_millis() / 1000).to_string());
            let begin = if batch.begin_known { "" } else { "?" };
            format!(
                "{}{begin}[{},{end}]r{}",
                batch.id,
                batch.started.as_millis() / 1000,
                batch.revision
            )
        }));
        assert_eq!(said.join(" "), expected);
    }

    #[test]
    fn start_ends_the_batch_before_it() {
        check("start:A@10 |10 start:B@20 |20", "+A -A +B ; A[10,20]r1 B[20,..]r0");
    }

    #[test]
    fn event_waits_until_the_line_has_reached_it() {
        check("start:A@10 |9", ";");
        check("start:B@20 start:A@10 |30", "+A -A +B ; A[10,20]r1 B[20,..]r0");
    }

    #[test]
    fn late_event_takes_effect_at_once() {
        check("|100 start:A@10 end:A@50=7", "+A -A ; A[10,50]r1");
    }

    #[test]
    fn end_without_a_start_makes_a_batch_of_unknown_beginning() {
        check("|100 end:X@50=700", "-X ; X?[50,50]r1");
        check("|10 start:A@10 end:X@10=700", "+A -X ; X?[10,10]r1 A[10,..]r0");
    }

    #[test]
    fn repeated_events_change_nothing() {
        check(
            "|10 start:A@10 start:A@10 |20 end:A@20=7 end:A@20=7 start:A@10 lab:A@30=1 lab:A@30=1 release:A@40 release:A@40",
            "+A -A ~A ~A ; A[10,20]r3",
        );
    }

    #[test]
    fn end_that_comes_after_the_next_start_corrects_it() {
        check("|10 start:A@10 |20 start:B@20 end:A@19=700", "+A -A +B ~A ; A[10,19]r2 B[20,..]r0");
    }

    #[test]
    fn laboratory_result_waits_for_its_batch_and_may_be_corrected() {
        check("lab:A@5=1 |10 start:A@10 lab:A@5=2 lab:A@6=2", "+A ~A ~A ~A ; A[10,..]r3");
    }

    #[test]
    fn void_is_for_ever() {
        check("|10 start:A@10 void:A@11 void:A@12 end:A@10", "+A ~A -A ; A[10,10]r2");
    }

    #[test]
    fn paused_product_does_not_count() {
        let mut book = Book::new(None);
        let mut changes = Vec::new();
        let message = |event| BatchMessage { line: "tm3".into(), station: None, at: at(0), event };
        book.take(
            message(BatchEvent::Start { batch: "A".into(), grade: None }),
            None,
            &mut changes,
        );
        let counted = book.count(at(0), at(1), Some(30.0), None, &[]).unwrap();
        assert!(counted.product);
        book.take(message(BatchEvent::Pause { reason: None }), None, &mut changes);
        assert!(!book.count(at(1), at(2), Some(30.0), None, &[]).unwrap().product);
        assert_eq!(book.current().unwrap().made_m, Some(30.0));
    }
}
