//! One batch: what is known of it, and what is said about it.

use super::declared::in_unit_of_limits;
use super::genealogy::Consumed;
use super::past::{Entry, Past};
use super::phases::PhasesTold;
use super::product::{Limits, Made, Product};
use crate::decode::{BatchEvent, Disposition};
use crate::plant::{Advice, Bounds, Grade, Grades};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What is kept of each kind that is said about one batch: results, decisions, actions, lots.
const SAID_MAX: usize = 1000;

/// Results that are remembered of a batch as they were told, those that count and those that were corrected.
const TOLD_MAX: usize = 2 * SAID_MAX;

/// Ends that are remembered of a batch as they were told.
const TOLD_ENDS_MAX: usize = 16;

/// Breaks and changes of grade that are remembered of a batch.
const STEADY_MAX: usize = 64;

/// Pauses that are remembered of a batch.
const PAUSES_MAX: usize = 64;

/// A batch.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says by itself what was told of it and what was not"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: Arc<str>,
    /// Its station, where the line has several.
    pub station: Option<Arc<str>>,
    /// Its grade: as its start names it, else what its line made then.
    pub grade: Option<Arc<str>>,
    /// True if nobody named it.
    #[serde(default)]
    pub grade_guessed: bool,
    /// The start as first known.
    pub first_started: Timestamp,
    /// The start.
    pub started: Timestamp,
    /// False if only its end was seen.
    pub begin_known: bool,
    /// The end.
    pub ended: Option<Timestamp>,
    /// True if its own end was told, false if the start of the next batch stands in for it.
    pub end_told: bool,
    /// True once it was merged into another one or declared void.
    pub void: bool,
    /// The batch that it was merged into.
    pub merged_into: Option<Arc<str>>,
    /// Grows with each change after the start.
    pub revision: u32,
    /// What was made of it.
    pub product: Product,
    /// What was counted of it lately.
    pub past: Past,
    /// Length as counted by the source, m.
    pub counted_m: Option<f64>,
    /// Mass as weighed by the source, kg.
    pub weighed_kg: Option<f64>,
    /// Laboratory results, in order of arrival, repeated ones left out.
    lab: Vec<LabResult>,
    /// The result that counts for each property, kept up to date with `lab`.
    counting: BTreeMap<Arc<str>, f64>,
    /// Results as they were told, in order of arrival, with those that were corrected since: one of them that comes again
    /// corrects nothing back. The newest.
    #[serde(default)]
    told: VecDeque<ToldResult>,
    /// Ends as they were told, likewise.
    #[serde(default)]
    told_ends: VecDeque<ToldEnd>,
    /// The phases that were told of it; an earlier version kept those of its station among them.
    #[serde(default, rename = "phases")]
    pub(super) phases_told: PhasesTold,
    /// The phases that were told of its station while it was made; at its begin, the one that was told before.
    #[serde(default)]
    pub(super) station_phases: PhasesTold,
    /// What people decided, in order of arrival.
    pub dispositions: Vec<PersonsWord>,
    /// What people did about it: when, what, who.
    pub actions: Vec<(Timestamp, Arc<str>, Option<Arc<str>>)>,
    /// The raw material it consumed, and other batches.
    pub consumed: Vec<Consumed>,
    /// When it was first flagged.
    pub first_flag: Option<Timestamp>,
    /// Since when it has been flagged by what was seen of it, in this batch and without a person or the laboratory, while that
    /// stands.
    #[serde(default)]
    pub flagged_since: Option<Timestamp>,
    /// The chance that it ends off spec, 0–1, as it was said last.
    #[serde(default)]
    pub probability_off_spec: Option<f64>,
    /// What was advised last to do with it.
    #[serde(default)]
    pub advice: Option<Advice>,
    /// The begins of the frames from which on models judged it again, after breaks and changes of grade; the newest.
    #[serde(default)]
    pub steady: VecDeque<Timestamp>,
    /// True if somebody worked on the line while it was made: it teaches nothing.
    #[serde(default)]
    pub maintenance: bool,
    /// When it was paused, in order: the newest.
    #[serde(default)]
    pub pauses: VecDeque<Paused>,
}

/// A pause of a batch: the frames in which nothing of it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paused {
    /// The begin of its first frame.
    pub from: Timestamp,
    /// The end of its last one.
    pub to: Timestamp,
    /// Where the batch stood, by the speed, m; `None` where that is not known.
    pub at_m: Option<f64>,
    /// The time made by then, s.
    made_s: f64,
    /// Why, if it was said.
    pub reason: Option<Arc<str>>,
}

/// A laboratory result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabResult {
    /// The property.
    pub property: Arc<str>,
    /// When it was found.
    pub at: Timestamp,
    /// The result.
    pub value: f64,
    /// Where in the batch, if named.
    pub position: Option<Arc<str>>,
}

/// A laboratory result as it was told: the value in the unit that was named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ToldResult {
    result: LabResult,
    unit: Option<Arc<str>>,
}

/// An end as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct ToldEnd {
    pub(super) at: Timestamp,
    pub(super) length_m: Option<f64>,
    pub(super) mass_kg: Option<f64>,
}

/// The value of a laboratory property that counts for a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabValue {
    /// The value, in the unit of the grade's limits.
    pub value: f64,
    /// When the newest result was found.
    pub at: Timestamp,
    /// The places of which it is the mean; 0 where the newest result names none.
    pub places: usize,
}

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonsWord {
    /// When.
    pub at: Timestamp,
    /// What.
    pub disposition: Disposition,
    /// Who.
    pub by: Option<Arc<str>>,
    /// Why.
    #[serde(default)]
    pub note: Option<Arc<str>>,
}

impl Batch {
    /// A batch in progress.
    #[must_use]
    pub fn begin(
        id: Arc<str>,
        station: Option<Arc<str>>,
        grade: Option<Arc<str>>,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            station,
            grade,
            grade_guessed: false,
            first_started: at,
            started: at,
            begin_known: true,
            ended: None,
            end_told: false,
            void: false,
            merged_into: None,
            revision: 0,
            product: Product::of_batch(),
            past: Past::of_batch(),
            counted_m: None,
            weighed_kg: None,
            lab: Vec::new(),
            counting: BTreeMap::new(),
            told: VecDeque::new(),
            told_ends: VecDeque::new(),
            phases_told: PhasesTold::default(),
            station_phases: PhasesTold::default(),
            dispositions: Vec::new(),
            actions: Vec::new(),
            consumed: Vec::new(),
            first_flag: None,
            flagged_since: None,
            probability_off_spec: None,
            advice: None,
            steady: VecDeque::new(),
            maintenance: false,
            pauses: VecDeque::new(),
        }
    }

    /// After a break, or a change of grade, models judge it again from a frame on that begins then.
    pub fn is_steady_from(&mut self, start: Timestamp) {
        if self.steady.len() == STEADY_MAX {
            self.steady.pop_front();
        }
        self.steady.push_back(start);
    }

    /// Adds a frame of product.
    pub(super) fn count(&mut self, made: &Made, limits: &Limits<'_>) {
        self.product.count(made, limits);
        self.past.entries.push_back(Entry::Made { start: made.start, end: made.end });
    }

    /// Adds a frame in which it was paused, and why. Frames of one reason between which nothing was made are of one pause.
    pub(super) fn pause(&mut self, made: &Made, reason: Option<&Arc<str>>) {
        let made_s = self.product.made_s;
        if let Some(last) = self.pauses.back_mut()
            && last.made_s.to_bits() == made_s.to_bits()
            && last.reason.as_ref() == reason
        {
            last.to = made.end;
            return;
        }
        if self.pauses.len() == PAUSES_MAX {
            self.pauses.pop_front();
        }
        self.pauses.push_back(Paused {
            from: made.start,
            to: made.end,
            at_m: self.product.made_m,
            made_s,
            reason: reason.cloned(),
        });
    }

    /// So many seconds were made and nobody saw them.
    pub(super) fn count_unseen(&mut self, seconds: f64) {
        self.product.count_unseen(seconds);
        self.past.entries.push_back(Entry::Unseen(seconds));
    }

    /// What follows does not go on from what was seen last.
    pub(super) fn lose_sight(&mut self) {
        self.product.lose_sight();
        self.past.entries.push_back(Entry::Blind);
    }

    /// Its length: as counted by the source, else by the speed.
    #[must_use]
    pub fn length_m(&self) -> Option<f64> {
        self.counted_m.or(self.product.made_m)
    }

    /// Its mass: as weighed by the source, else by the production rate.
    #[must_use]
    pub fn mass_kg(&self) -> Option<f64> {
        self.weighed_kg.or(self.product.made_kg)
    }

    /// The greatest share outside of any quality tag so far, 0–1; `None` before anything was seen.
    #[must_use]
    pub fn out_share(&self) -> Option<f64> {
        self.product.out_share()
    }

    /// The laboratory result that counts for each property: the newest; the mean over positions
    /// where the newest has one.
    #[must_use]
    pub fn lab_counting(&self) -> &BTreeMap<Arc<str>, f64> {
        &self.counting
    }

    /// The laboratory results, in order of arrival, repeated and corrected ones left out.
    pub fn lab_results(&self) -> impl Iterator<Item = &LabResult> {
        self.lab.iter()
    }

    /// The newest decision.
    #[must_use]
    pub fn disposition(&self) -> Option<&PersonsWord> {
        self.dispositions.iter().max_by_key(|word| word.at)
    }

    /// The laboratory results that lie outside the grade's limits: property, value and bounds. Of a property whose
    /// results at single positions have bounds of their own, the furthest beyond them comes after the one that counts.
    pub fn lab_all_outside<'a>(
        &'a self,
        grade: &'a Grade,
    ) -> impl Iterator<Item = (&'a Arc<str>, f64, Bounds)> {
        grade.lab.iter().flat_map(|(property, limit)| {
            let counts = self.counting.get(property).copied();
            let counts = counts.filter(|value| !limit.contains(*value));
            let single = limit.single.and_then(|bounds| {
                let (_, counting) = self.newest_results(property)?;
                let beyond = counting.into_iter().filter(|value| !bounds.contains(*value));
                let by = |value: &f64| {
                    let below = bounds.low.map_or(f64::NEG_INFINITY, |low| low - value);
                    below.max(bounds.high.map_or(f64::NEG_INFINITY, |high| value - high))
                };
                beyond.max_by(|a, b| by(a).total_cmp(&by(b))).map(|value| (value, bounds))
            });
            let counts = counts.map(|value| (value, limit.bounds()));
            counts.into_iter().chain(single).map(move |(value, bounds)| (property, value, bounds))
        })
    }

    /// The first of them.
    #[must_use]
    pub fn lab_outside<'a>(&'a self, grade: &'a Grade) -> Option<(&'a Arc<str>, f64, Bounds)> {
        self.lab_all_outside(grade).next()
    }

    /// True if every laboratory property with limits has a result, there is one, and none is outside.
    #[must_use]
    pub fn lab_inside(&self, grade: &Grade) -> bool {
        !grade.lab.is_empty()
            && grade.lab.keys().all(|property| self.counting.contains_key(property))
            && self.lab_outside(grade).is_none()
    }

    /// Takes what is said about the batch, which has to be as its grade asks; true if it is new.
    ///
    /// # Errors
    /// When as much of its kind as is kept was said already, or it cannot be true beside what was said: the words for it.
    pub(super) fn learn(
        &mut self,
        at: Timestamp,
        event: BatchEvent,
        grade: Option<&Grade>,
    ) -> Result<bool, String> {
        match event {
            BatchEvent::Lab { property, value, position, unit, .. } => {
                let mut counts = value;
                if let Some(grade) = grade {
                    let as_told = (&mut counts, unit.as_deref());
                    in_unit_of_limits(&self.id, &property, as_told, grade)?;
                }
                self.learn_told(LabResult { property, at, value, position }, unit, counts)
            }
            BatchEvent::Disposition { disposition, by, note, .. } => {
                let note = note.filter(|note| !note.is_empty());
                let word = PersonsWord { at, disposition, by, note };
                keep(&mut self.dispositions, word, &self.id, "dispositions")
            }
            BatchEvent::Action { text, by, .. } => {
                keep(&mut self.actions, (at, text, by), &self.id, "actions")
            }
            BatchEvent::Consumes { from, mass_kg, from_m, to_m, source_m, .. } => {
                // One of both was always taken, and says nothing: the rest of the event counts.
                let made = from_m.zip(to_m);
                let consumed = Consumed { from, mass_kg, made, used: source_m, merged: false };
                keep(&mut self.consumed, consumed, &self.id, "lots consumed")
            }
            BatchEvent::Merge { into, .. } => {
                match &self.merged_into {
                    Some(known) if *known == into => return Ok(false),
                    Some(known) => {
                        return Err(format!(
                            "batch `{}` cannot merge into batch `{into}`, it is part of batch `{known}`",
                            self.id
                        ));
                    }
                    None if self.void => {
                        return Err(format!(
                            "batch `{}` cannot merge into batch `{into}`, it is void",
                            self.id
                        ));
                    }
                    None => {}
                }
                self.merged_into = Some(into);
                self.void = true;
                Ok(true)
            }
            BatchEvent::Void { .. } => Ok(!std::mem::replace(&mut self.void, true)),
            BatchEvent::Start { .. }
            | BatchEvent::End { .. }
            | BatchEvent::GradeChange { .. }
            | BatchEvent::Phase { .. }
            | BatchEvent::Pause { .. }
            | BatchEvent::Resume
            | BatchEvent::Maintenance { .. }
            | BatchEvent::MaintenanceEnd { .. }
            | BatchEvent::Alarm { .. } => Ok(false),
        }
    }

    /// Takes a laboratory result as it was told, and its value in the unit of the limits; true if it says something new.
    ///
    /// # Errors
    /// When as many are kept as may be.
    pub(super) fn learn_told(
        &mut self,
        result: LabResult,
        unit: Option<Arc<str>>,
        value: f64,
    ) -> Result<bool, String> {
        let told = ToldResult { result, unit };
        if self.told.contains(&told) {
            return Ok(false);
        }
        let new = self.learn_result(LabResult { value, ..told.result.clone() })?;
        if self.told.len() == TOLD_MAX {
            self.told.pop_front();
        }
        self.told.push_back(told);
        Ok(new)
    }

    /// It is of another grade than was thought; returns that. Results come into the unit of its limits; one that cannot is
    /// kept as it was told.
    pub(super) fn regrade(&mut self, grade: Option<Arc<str>>, grades: &Grades) -> Option<Arc<str>> {
        let before = std::mem::replace(&mut self.grade, grade);
        let limits = self.grade.as_ref().and_then(|name| grades.at(name, self.started));
        for ToldResult { result, unit } in &self.told {
            let mut value = result.value;
            if let Some(limits) = limits {
                let as_told = (&mut value, unit.as_deref());
                if in_unit_of_limits(&self.id, &result.property, as_told, limits).is_err() {
                    value = result.value;
                }
            }
            let same = |known: &&mut LabResult| is_same(known, result);
            if let Some(known) = self.lab.iter_mut().find(same) {
                known.value = value;
            }
        }
        let properties: Vec<Arc<str>> = self.counting.keys().cloned().collect();
        for property in properties {
            if let Some(LabValue { value, .. }) = self.lab_value(&property) {
                self.counting.insert(property, value);
            }
        }
        before
    }

    /// Takes an end as it was told; false if that was told before.
    pub(super) fn learn_end(&mut self, end: ToldEnd) -> bool {
        if self.told_ends.contains(&end) {
            return false;
        }
        if self.told_ends.len() == TOLD_ENDS_MAX {
            self.told_ends.pop_front();
        }
        self.told_ends.push_back(end);
        true
    }

    /// Takes a laboratory result; of one property, time and position the later one corrects.
    #[expect(clippy::float_cmp, reason = "a repeated result has the same bits")]
    pub(crate) fn learn_result(&mut self, result: LabResult) -> Result<bool, String> {
        let same = |known: &&mut LabResult| is_same(known, &result);
        let property = Arc::clone(&result.property);
        match self.lab.iter_mut().find(same) {
            Some(known) if known.value == result.value => return Ok(false),
            Some(known) => known.value = result.value,
            None => {
                keep(&mut self.lab, result, &self.id, "laboratory results")?;
            }
        }
        if let Some(LabValue { value, .. }) = self.lab_value(&property) {
            self.counting.insert(property, value);
        }
        Ok(true)
    }

    /// The value of a property that counts, and what it comes from: the newest result, or where that has a position the mean
    /// over the positions.
    #[must_use]
    pub fn lab_value(&self, property: &str) -> Option<LabValue> {
        let (newest, counting) = self.newest_results(property)?;
        let n = u32::try_from(counting.len()).unwrap_or(u32::MAX);
        let value = counting.iter().sum::<f64>() / f64::from(n);
        let places = if newest.position.is_some() { counting.len() } else { 0 };
        Some(LabValue { value, at: newest.at, places })
    }

    /// The newest result of a property, and the values that count: its own; where it has a position, the newest of each
    /// position.
    fn newest_results(&self, property: &str) -> Option<(&LabResult, Vec<f64>)> {
        let results = || self.lab.iter().filter(|result| *result.property == *property);
        // At one instant one with a position counts, whichever came first.
        let newest = results().max_by_key(|result| (result.at, result.position.is_some()))?;
        if newest.position.is_none() {
            return Some((newest, vec![newest.value]));
        }
        let mut positions: BTreeMap<&str, (Timestamp, f64)> = BTreeMap::new();
        for result in results() {
            let Some(position) = result.position.as_deref() else { continue };
            let entry = positions.entry(position).or_insert((result.at, result.value));
            if result.at >= entry.0 {
                *entry = (result.at, result.value);
            }
        }
        Some((newest, positions.into_values().map(|(_, value)| value).collect()))
    }
}

/// True of two results of one property, time and position: the later one corrects.
fn is_same(one: &LabResult, other: &LabResult) -> bool {
    one.property == other.property && one.at == other.at && one.position == other.position
}

/// Appends what is new while there is room; true if it was.
fn keep<T: PartialEq>(kept: &mut Vec<T>, new: T, batch: &str, what: &str) -> Result<bool, String> {
    if kept.contains(&new) {
        return Ok(false);
    }
    if kept.len() >= SAID_MAX {
        return Err(format!(
            "batch `{batch}` has {SAID_MAX} {what}, which is as many as are kept; this one is not taken"
        ));
    }
    kept.push(new);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::SpecLimit;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn result(property: &str, s: i64, value: f64, position: Option<&str>) -> LabResult {
        LabResult {
            property: property.into(),
            at: at(s),
            value,
            position: position.map(Into::into),
        }
    }

    #[test]
    fn newest_laboratory_result_counts_and_positions_are_averaged() {
        let mut batch = Batch::begin("R1".into(), None, None, at(0));
        for result in [
            result("tensile", 10, 100.0, None),
            result("tensile", 20, 110.0, None),
            result("tensile", 15, 90.0, None),
            result("stretch", 10, 10.0, Some("ts")),
            result("stretch", 11, 20.0, Some("ds")),
            result("stretch", 12, 14.0, Some("ts")),
        ] {
            assert_eq!(batch.learn_result(result), Ok(true));
        }
        let counting = batch.lab_counting();
        assert!((counting["tensile"] - 110.0).abs() < 1e-12);
        assert!((counting["stretch"] - 17.0).abs() < 1e-12);
        assert_eq!(batch.learn_result(result("tensile", 20, 111.0, None)), Ok(true));
        assert!((batch.lab_counting()["tensile"] - 111.0).abs() < 1e-12);
    }

    #[test]
    fn at_one_instant_a_result_with_a_position_counts_whichever_came_first() {
        let both = [result("tensile", 10, 100.0, None), result("tensile", 10, 90.0, Some("ts"))];
        for order in [[0, 1], [1, 0]] {
            let mut batch = Batch::begin("R1".into(), None, None, at(0));
            for ix in order {
                assert_eq!(batch.learn_result(both[ix].clone()), Ok(true));
            }
            assert!((batch.lab_counting()["tensile"] - 90.0).abs() < 1e-12);
        }
    }

    #[test]
    fn results_at_single_positions_may_have_bounds_of_their_own() {
        let mut batch = Batch::begin("R1".into(), None, None, at(0));
        let single = Some(Bounds { low: Some(90.0), high: None });
        let limit = SpecLimit { low: Some(100.0), single, ..SpecLimit::default() };
        let grade = Grade { lab: [("tensile".into(), limit)].into(), ..Grade::default() };
        let mut found = |s: i64, value: f64, position: &str| {
            batch.learn_result(result("tensile", s, value, Some(position))).unwrap();
            let outside = batch.lab_all_outside(&grade);
            (batch.lab_inside(&grade), outside.map(|(_, value, _)| value).collect::<Vec<f64>>())
        };
        assert_eq!(found(10, 120.0, "ts"), (true, vec![]));
        assert_eq!(found(11, 85.0, "ds"), (false, vec![85.0]), "their mean is inside");
        assert_eq!(found(12, 88.0, "centre"), (false, vec![97.666_666_666_666_67, 85.0]));
        // It was measured again.
        assert_eq!(found(13, 121.0, "ds"), (false, vec![88.0]));
        assert_eq!(found(14, 118.0, "centre"), (true, vec![]));
    }

    #[test]
    fn what_is_said_of_a_batch_has_a_bound() {
        let mut batch = Batch::begin("R1".into(), None, None, at(0));
        let action = |n: i64| BatchEvent::Action {
            batch: "R1".into(),
            text: n.to_string().into(),
            by: None,
        };
        for n in 0..1000 {
            assert_eq!(batch.learn(at(n), action(n), None), Ok(true));
        }
        assert_eq!(batch.learn(at(7), action(7), None), Ok(false));
        let refused = batch.learn(at(1000), action(1000), None).unwrap_err();
        assert!(refused.contains("1000 actions"), "{refused}");
        assert_eq!(batch.actions.len(), 1000);
    }
}
