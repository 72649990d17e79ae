//! Charts of laboratory properties: a point for each batch of the line.
//!
//! A point is the value that counts for a batch once it has ended, said when that became known. Its time is that of the newest
//! result; where that is no later than the point before, as of results that are typed in at once or out of their
//! order, it is 1 ms after it: points stand in the order in which people heard them, and no two are one point in
//! InfluxDB. Results from several places are awaited until there are as many as the batch before had, or another batch has
//! a value.
//!
//! What was said of a point is never rewritten: a replay has to say it again, and people acted on it. A batch is one
//! point, whatever the laboratory says of it later; a second point would count it twice in every run. But what is said *next*
//! must not rest on a slip: one value typed ten times too great would keep an average beyond its limits for dozens of
//! batches. So averages, runs and sums are made again with the value that counts now, if it is among the last
//! [`HELD_MAX`] points since the limits hold, and the point is shown with both values.
//! A batch that was void in the end, or merged, is taken out of them in the same way; its point stays as it was said.
//! History takes the value that counts when the batch is found to be fit for learning, and keeps it, as that of tags does.
//!
//! A batch outside the limits of its grade is not fit, so the history of limits is cut off where the product is refused: σ from
//! it is too small where batches are refused often, limits are too narrow, and rates of trial limits, which assume that
//! nothing was cut off, too low. What the process can do would be flattered by it beyond use. So capability is that of all
//! batches, good or not, the newest [`PROCESS_MAX`], as they are when limits are made.

use super::of_grade::{GradeChart, Lesson, capable};
use super::{ChartPoint, ChartView, show};
use crate::batch::{Batch, Book, LabValue};
use crate::chart::{Capability, Chart, History, Limits, Point};
use crate::engine::effect::{ChartLimitsRecord, ChartOf, ChartRecord, Effect};
use crate::plant::{Charted, Grade, Line, ModelSettings, Plant, SpecLimit};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Values beyond which those of batches that nobody can revise any more are forgotten.
const VALUES_MAX: usize = 200;
/// Points that a correction is made good in: of an older one an average with λ = 0.1 has 4 % left.
const HELD_MAX: usize = 30;
/// Batches that capability is of: as many points as make limits firm.
const PROCESS_MAX: usize = 300;
/// Between points that became known at one time.
const APART: Duration = Duration::from_millis(1);

/// The charts of the laboratory properties of a line, by property.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Laboratory {
    properties: BTreeMap<Arc<str>, Property>,
}

/// Where and when the charts are told of a batch.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Told<'a> {
    pub(in crate::engine) line: &'a Line,
    pub(in crate::engine) plant: &'a Plant,
    /// The line's clock.
    pub(in crate::engine) now: Timestamp,
}

/// A property, for all grades.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Property {
    /// Values of batches in the order in which they became known.
    values: VecDeque<BatchValue>,
    /// How many there were.
    count: u64,
    /// The time of the newest point.
    last: Option<Timestamp>,
    /// The places that its value came from.
    places: usize,
    grades: BTreeMap<Arc<str>, PropertyChart>,
}

/// The value of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct BatchValue {
    batch: Arc<str>,
    grade: Arc<str>,
    /// The unit that it was measured in. Where it is declared otherwise since, the batch has no point and teaches nothing.
    unit: Arc<str>,
    /// Its number among all values.
    number: u64,
    at: Timestamp,
    value: f64,
    places: usize,
    /// True once it is a point, while it is known to be fit for learning, and once it is history.
    said: bool,
    fit: bool,
    learned: bool,
}

/// The chart of a property for one grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PropertyChart {
    /// What it was declared as: values in another unit, or charted otherwise, begin it anew.
    charted: Charted,
    unit: Arc<str>,
    of_grade: GradeChart,
    /// The chart as it was before the points that are held.
    before: Option<Chart>,
    held: VecDeque<Held>,
    recent: VecDeque<ChartPoint>,
    /// What was made, good or not, oldest first.
    process: VecDeque<Made>,
    /// What that can do, as it was when limits were made.
    able: Option<Limits>,
}

/// A batch that is a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Made {
    batch: Arc<str>,
    /// Its number among all values.
    number: u64,
    value: f64,
}

/// A point that may still be corrected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    batch: Arc<str>,
    at: Timestamp,
    value: f64,
}

impl Laboratory {
    /// What is known of a batch that has ended.
    pub(super) fn take(
        &mut self,
        told: &Told<'_>,
        (batch, book): (&Batch, &Book),
        out: &mut Vec<Effect>,
    ) {
        if batch.void {
            self.properties.values_mut().for_each(|property| property.withdraw(&batch.id));
            return;
        }
        let Some(ended) = batch.ended else { return };
        let Some(grade) = batch.grade.as_ref() else { return };
        let Some(asked) = told.plant.grades.at(grade, batch.started) else { return };
        for name in asked.lab_charts.keys() {
            let Some(LabValue { value, at, places }) = batch.lab_value(name) else { continue };
            let of = Of { told, name };
            let unit = unit_of(asked.lab.get(name));
            let property = self.properties.entry(Arc::clone(name)).or_default();
            let known = property.values.iter().position(|known| known.batch == batch.id);
            let ix = if let Some(ix) = known {
                if property.values[ix].unit != unit {
                    continue;
                }
                property.know_better(ix, (value, at, places));
                ix
            } else {
                for ix in 0..property.values.len() {
                    property.say(&of, ix, out);
                }
                if property.values.len() >= VALUES_MAX {
                    property.values.retain(|known| book.find(&known.batch).is_some());
                }
                property.count += 1;
                property.values.push_back(BatchValue {
                    batch: Arc::clone(&batch.id),
                    grade: Arc::clone(grade),
                    unit,
                    number: property.count,
                    at: at.max(ended),
                    value,
                    places,
                    said: false,
                    fit: false,
                    learned: false,
                });
                property.values.len() - 1
            };
            if places == 0 || places >= property.places {
                property.say(&of, ix, out);
            }
        }
    }

    /// A batch was found to be fit for learning, or not to be.
    pub(super) fn learn(
        &mut self,
        told: &Told<'_>,
        (batch, fit): (&str, bool),
        out: &mut Vec<Effect>,
    ) {
        for (name, property) in &mut self.properties {
            let found = property.values.iter().position(|known| *known.batch == *batch);
            let Some(ix) = found else { continue };
            property.values[ix].fit = fit;
            property.learn(&Of { told, name }, ix, out);
        }
    }

    /// The plant was declared otherwise before. What no grade has charted any more is forgotten. What a grade did not have
    /// charted before, and measures in the same unit, takes the finished batches that the line remembers, each with whether it
    /// is fit for learning: as history, without points, in the order of their results. Limits come with the next one.
    pub(super) fn declare<'b>(
        &mut self,
        told: &Told<'_>,
        before: &Plant,
        finished: impl Iterator<Item = (&'b Batch, bool)>,
    ) {
        let Told { plant, now, .. } = *told;
        let has = |plant: &Plant, grade: &str, name: &str| {
            plant.grades.at(grade, now).is_some_and(|asked| asked.lab_charts.contains_key(name))
        };
        self.properties.retain(|name, property| {
            property.grades.retain(|grade, _| has(plant, grade, name));
            property.values.retain(|known| has(plant, &known.grade, name));
            plant.grades.names().any(|grade| has(plant, grade, name))
        });
        let mut found = Vec::new();
        for (batch, fit) in finished.filter(|(batch, _)| !batch.void && batch.station.is_none()) {
            let (Some(grade), Some(ended)) = (&batch.grade, batch.ended) else { continue };
            let (Some(asked), Some(old)) =
                (plant.grades.at(grade, now), before.grades.at(grade, now))
            else {
                continue;
            };
            for name in asked.lab_charts.keys() {
                let unit = unit_of(asked.lab.get(name));
                if old.lab_charts.contains_key(name) || unit_of(old.lab.get(name)) != unit {
                    continue;
                }
                let Some(LabValue { value, at, places }) = batch.lab_value(name) else { continue };
                found.push((
                    name,
                    BatchValue {
                        batch: Arc::clone(&batch.id),
                        grade: Arc::clone(grade),
                        unit,
                        number: 0,
                        at: at.max(ended),
                        value,
                        places,
                        said: true,
                        fit,
                        learned: false,
                    },
                ));
            }
        }
        found.reverse();
        found.sort_by_key(|(_, value)| value.at);
        for (name, value) in found {
            let property = self.properties.entry(Arc::clone(name)).or_default();
            property.recall(&Of { told, name }, value);
        }
    }

    /// What people see of a grade's.
    pub(super) fn view(
        &self,
        grade: &str,
        asked: &Grade,
        models: &ModelSettings,
    ) -> impl Iterator<Item = ChartView> {
        asked.lab_charts.iter().map(move |(name, charted)| {
            let limits = asked.lab.get(name);
            let unit = unit_of(limits);
            let chart = self.properties.get(name).and_then(|property| property.grades.get(grade));
            let chart = chart.filter(|chart| chart.is_of(charted, &unit));
            let view = ChartView::new(
                ChartOf::Property(Arc::clone(name)),
                (&unit, charted, models),
                chart.map(|chart| &chart.of_grade),
                limits,
                chart.map(|chart| &chart.recent),
            );
            ChartView { capability: chart.and_then(|chart| chart.capable(limits)), ..view }
        })
    }
}

fn unit_of(limits: Option<&SpecLimit>) -> Arc<str> {
    limits.map_or_else(|| "".into(), |limits| Arc::clone(&limits.unit))
}

/// A property, of which the charts are told.
struct Of<'a> {
    told: &'a Told<'a>,
    name: &'a Arc<str>,
}

impl Of<'_> {
    /// How the grade of a value has the property charted, and its limits; `None` if not, or in another unit.
    fn declared(&self, value: &BatchValue) -> Option<(&Charted, Option<&SpecLimit>)> {
        let asked = self.told.plant.grades.at(&value.grade, self.told.now)?;
        let limits = asked.lab.get(self.name);
        let charted = asked.lab_charts.get(self.name)?;
        (unit_of(limits) == value.unit).then_some((charted, limits))
    }
}

impl Property {
    /// The chart of a grade; anew where it is declared otherwise than it was.
    fn chart(
        &mut self,
        grade: &Arc<str>,
        charted: &Charted,
        unit: &Arc<str>,
    ) -> &mut PropertyChart {
        let new = || PropertyChart {
            charted: charted.clone(),
            unit: Arc::clone(unit),
            of_grade: GradeChart::default(),
            before: None,
            held: VecDeque::new(),
            recent: VecDeque::new(),
            process: VecDeque::new(),
            able: None,
        };
        let chart = self.grades.entry(Arc::clone(grade)).or_insert_with(new);
        if !chart.is_of(charted, unit) {
            *chart = new();
        }
        chart
    }

    /// A value from before the property was charted: history, and no point.
    fn recall(&mut self, of: &Of<'_>, value: BatchValue) {
        self.count += 1;
        (self.last, self.places) = (self.last.max(Some(value.at)), value.places);
        let value = BatchValue { number: self.count, ..value };
        if let Some((charted, _)) = of.declared(&value) {
            let BatchValue { batch, grade, unit, number, value, .. } = value.clone();
            self.chart(&grade, charted, &unit).make(Made { batch, number, value });
        }
        self.values.push_back(value);
        self.teach(of, self.values.len() - 1);
    }

    /// There is more to know of a value: the laboratory corrects it, or measures again, or at another place.
    fn know_better(&mut self, ix: usize, (value, at, places): (f64, Timestamp, usize)) {
        let is_newest = ix + 1 == self.values.len();
        let known = &mut self.values[ix];
        if known.value.to_bits() == value.to_bits() && known.places == places {
            return;
        }
        (known.value, known.places) = (value, places);
        if !known.said {
            known.at = known.at.max(at);
            return;
        }
        if is_newest {
            self.places = places;
        }
        if let Some(chart) = self.grades.get_mut(&known.grade) {
            chart.correct(&known.batch, value);
        }
    }

    /// A batch never was, or is part of another: nothing more is said of it, and nothing that is said rests on it.
    fn withdraw(&mut self, batch: &str) {
        let Some(ix) = self.values.iter().position(|known| *known.batch == *batch) else { return };
        if !self.values[ix].said {
            self.values.remove(ix);
        } else if let Some(chart) = self.grades.get_mut(&self.values[ix].grade) {
            chart.withdraw(batch);
        }
    }

    /// Says the point of a value, unless that was done.
    fn say(&mut self, of: &Of<'_>, ix: usize, out: &mut Vec<Effect>) {
        let known = &mut self.values[ix];
        if std::mem::replace(&mut known.said, true) {
            return;
        }
        known.at = self.last.map_or(known.at, |last| known.at.max(last.plus(APART)));
        (self.last, self.places) = (Some(known.at), known.places);
        let known = known.clone();
        if let Some((charted, limits)) = of.declared(&known) {
            let BatchValue { batch, grade, number, at, value, .. } = known;
            let chart = self.chart(&grade, charted, &unit_of(limits));
            chart.make(Made { batch: Arc::clone(&batch), number, value });
            if let Some(point) = chart.take(&batch, at, value) {
                let by = charted.settings.detectors();
                let on_trial = chart.of_grade.is_on_trial(point.version);
                out.push(Effect::Chart(Box::new(ChartRecord {
                    line: Arc::clone(&of.told.line.name),
                    grade,
                    of: ChartOf::Property(Arc::clone(of.name)),
                    batch: Some(batch),
                    detectors: by.filter(|by| !on_trial || by.holds_on_trial()).collect(),
                    point,
                })));
            }
        }
        self.learn(of, ix, out);
    }

    /// A value that was said, and whose batch is fit for learning, is history. What limits are due, hold from the next
    /// point on.
    fn learn(&mut self, of: &Of<'_>, ix: usize, out: &mut Vec<Effect>) {
        let Told { line, plant, now } = of.told;
        // Results may lie before the line's clock, which only stands in where there was no point.
        let from = self.last.map_or_else(|| now.plus(line.frame), |last| last.plus(APART));
        let grade = Arc::clone(&self.values[ix].grade);
        let Some((chart, limits)) = self.teach(of, ix) else { return };
        if let Some(new) = chart.renew(&plant.models, from) {
            out.push(Effect::ChartLimits(Box::new(ChartLimitsRecord {
                line: Arc::clone(&line.name),
                grade,
                of: ChartOf::Property(Arc::clone(of.name)),
                capability: chart.capable(limits),
                limits: new,
            })));
        }
    }

    /// Makes a value history, if it was said and its batch is fit for learning; once.
    fn teach<'a>(
        &mut self,
        of: &'a Of<'_>,
        ix: usize,
    ) -> Option<(&mut PropertyChart, Option<&'a SpecLimit>)> {
        let known = &mut self.values[ix];
        if !known.said || !known.fit || std::mem::replace(&mut known.learned, true) {
            return None;
        }
        let known = known.clone();
        let (charted, limits) = of.declared(&known)?;
        let chart = self.chart(&known.grade, charted, &known.unit);
        let mut made = History::new(charted.settings.kind);
        made.take(&[known.value]);
        chart.of_grade.learn(&Lesson { made: &made, number: known.number, is_point: true });
        Some((chart, limits))
    }
}

impl PropertyChart {
    fn is_of(&self, charted: &Charted, unit: &str) -> bool {
        self.charted == *charted && *self.unit == *unit
    }

    fn take(&mut self, batch: &Arc<str>, at: Timestamp, value: f64) -> Option<Point> {
        let point = self.of_grade.take(at, &[value])?;
        if self.held.len() == HELD_MAX
            && let (Some(oldest), Some(before)) = (self.held.pop_front(), &mut self.before)
        {
            before.take(oldest.at, &[oldest.value]);
        }
        self.held.push_back(Held { batch: Arc::clone(batch), at, value });
        show(&mut self.recent, ChartPoint::of(&point, Some(Arc::clone(batch))));
        Some(point)
    }

    /// Another value counts for a batch: what the chart remembers is made again with it.
    fn correct(&mut self, batch: &str, value: f64) {
        if let Some(point) = self.recent.iter_mut().find(|p| p.batch.as_deref() == Some(batch)) {
            point.corrected = Some(value).filter(|value| value.to_bits() != point.value.to_bits());
        }
        if let Some(made) = self.process.iter_mut().find(|made| *made.batch == *batch) {
            made.value = value;
        }
        let Some(held) = self.held.iter_mut().find(|held| *held.batch == *batch) else { return };
        held.value = value;
        self.remake();
    }

    /// A batch is none: what the chart remembers is made again without it.
    fn withdraw(&mut self, batch: &str) {
        self.process.retain(|made| *made.batch != *batch);
        let held = self.held.len();
        self.held.retain(|held| *held.batch != *batch);
        if self.held.len() < held {
            self.remake();
        }
    }

    /// Makes again what the chart remembers of the points that are held.
    fn remake(&mut self) {
        let Some(mut chart) = self.before.clone() else { return };
        for held in &self.held {
            chart.take(held.at, &[held.value]);
        }
        self.of_grade.chart = Some(chart);
    }

    /// New limits, if they are due. What came before them is forgotten by the chart.
    fn renew(&mut self, models: &ModelSettings, from: Timestamp) -> Option<Limits> {
        let limits = self.of_grade.renew(models, &self.charted.settings, from)?;
        self.before.clone_from(&self.of_grade.chart);
        self.held.clear();
        let Limits { version, valid_from, .. } = limits;
        self.able = self.charted.settings.limits(&self.history(), version, valid_from).ok();
        Some(limits)
    }

    /// A batch is a point.
    fn make(&mut self, made: Made) {
        if self.process.len() == PROCESS_MAX {
            self.process.pop_front();
        }
        self.process.push_back(made);
    }

    /// The history of all batches; those with numbers that follow each other are neighbours.
    fn history(&self) -> History {
        let mut history = History::new(self.charted.settings.kind);
        let mut newest = None;
        for made in &self.process {
            if newest.is_some_and(|newest| newest + 1 != made.number) {
                history.miss();
            }
            history.take(&[made.value]);
            newest = Some(made.number);
        }
        history
    }

    /// What the process can do, against the limits of its grade.
    fn capable(&self, limits: Option<&SpecLimit>) -> Option<Capability> {
        capable(self.able.as_ref()?, limits)
    }
}
