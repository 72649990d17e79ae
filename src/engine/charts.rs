//! Control charts of a line: what their points are, where their limits come from, what is shown.
//!
//! A value is the mean of a minute of frames, or as the plant says; it counts if at least half of its frames had one. Only
//! product of a steady line is charted, and after a break charts begin anew; but where a value is a batch, breaks are part
//! of it. The points of a batch are history for limits once the batch is fit for learning,
//! each grade by itself, and what is in the history stays there, also when the word on its batch is taken back. Signals
//! are for people who look at charts: they flag no batch and raise no alarm, for nothing promises how often they are wrong
//! on the batch.
//!
//! Laboratory properties have charts as well, a point for each batch: `laboratory.rs`.

mod laboratory;
mod of_grade;

use super::effect::{ChartLimitsRecord, ChartOf, ChartRecord, Effect};
use crate::batch::{Batch, Book};
use crate::chart::{Band, Capability, Chart, History, Limits, LimitsError, Mark, Point};
use crate::plant::{Charted, Every, Grade, Line, ModelSettings, Plant, SpecLimit};
use crate::reading::Timestamp;
use laboratory::Laboratory;
pub(super) use laboratory::Told;
use of_grade::{GradeChart, Lesson, capable, needed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Finished batches of which nobody said yet what they are: two days of reels.
const WAITING_MAX: usize = 100;

/// Points that are shown to people: two hours of minutes.
const RECENT_MAX: usize = 120;

/// The charts of a line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Charts {
    tags: Vec<TagChart>,
    /// Batches of the line that have ended.
    ended: u64,
    /// True while nothing is charted, since a break or a change of grade.
    idle: bool,
    #[serde(default)]
    laboratory: Laboratory,
}

/// The chart of a tag, for all grades.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TagChart {
    /// The tag's id, and its position in the line.
    tag: Arc<str>,
    position: usize,
    open: Open,
    /// The begin of the last value's time, where nothing is missing after it.
    last: Option<Timestamp>,
    /// The values of the subgroup that is not whole yet.
    subgroup: Vec<f64>,
    /// The points of the batch in progress.
    made: History,
    waiting: VecDeque<Waiting>,
    grades: BTreeMap<Arc<str>, GradeChart>,
    recent: VecDeque<ChartPoint>,
    /// The grade of these.
    recent_grade: Option<Arc<str>>,
}

/// The value that is not whole yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Open {
    /// The begin of its time; of a batch that of its first frame.
    since: Option<Timestamp>,
    /// The end of its last frame.
    until: Timestamp,
    /// Its frames, and how many of them had a value.
    frames: u32,
    seen: u32,
    sum: f64,
}

/// A finished batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    batch: Arc<str>,
    /// Its number among the batches that ended.
    number: u64,
    made: History,
}

/// A point of a chart, as people see it; in the unit of the tag or property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    /// The end of its last frame; of a laboratory property when its value became known.
    pub at: Timestamp,
    /// The value, or the mean of the subgroup.
    pub value: f64,
    /// The centre line.
    pub centre: f64,
    /// The lower limit.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
    /// The moving average with its limits.
    pub ewma: Option<Band>,
    /// What signals.
    pub marks: Vec<Mark>,
    /// The batch whose value it is, of a laboratory property.
    #[serde(default)]
    pub batch: Option<Arc<str>>,
    /// The value that counts for that batch since, where the laboratory corrected it.
    #[serde(default)]
    pub corrected: Option<f64>,
}

/// A chart for the grade in progress, as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChartView {
    /// What it is of.
    pub of: ChartOf,
    /// Its unit.
    pub unit: Arc<str>,
    /// How it is charted.
    pub charted: Charted,
    /// The limits that hold.
    pub limits: Option<Limits>,
    /// Why there are none.
    pub why: Option<LimitsError>,
    /// Good batches whose points are history, and how many are needed at least.
    pub batches: (u32, u32),
    /// Good batches that the limits come from.
    pub of_batches: u32,
    /// Points since the limits hold, and how many of them signalled.
    pub points: (u32, u32),
    /// What the process can do by these limits, of a property by all batches, good or not, as it was when they were made; `None`
    /// without limits, where the grade asks nothing, or all batches are worth too few.
    pub capability: Option<Capability>,
    /// The last points of the grade, oldest first.
    pub recent: Vec<ChartPoint>,
}

impl Charts {
    pub(super) fn new(line: &Line) -> Self {
        let charted = line.tags.iter().enumerate();
        let charted =
            charted.filter_map(|(position, tag)| Some((position, tag, tag.chart.as_ref()?)));
        let tags = charted.map(|(position, tag, charted)| TagChart {
            tag: Arc::clone(&tag.id),
            position,
            open: Open::default(),
            last: None,
            subgroup: Vec::new(),
            made: History::new(charted.settings.kind),
            waiting: VecDeque::new(),
            grades: BTreeMap::new(),
            recent: VecDeque::new(),
            recent_grade: None,
        });
        let laboratory = Laboratory::default();
        Self { tags: tags.collect(), ended: 0, idle: false, laboratory }
    }

    /// Takes over what was charted under an older configuration, of the tags that are charted as they were.
    pub(super) fn adopt(&mut self, old: Self, old_line: &Line, line: &Line) {
        (self.ended, self.idle) = (old.ended, old.idle);
        self.laboratory = old.laboratory;
        // Values in another unit, or of other frames, are others.
        let chart_of = |line: &Line, id: &str| {
            let tag = line.tag_position(id).map(|ix| &line.tags[ix])?;
            Some((tag.chart.clone()?, Arc::clone(&tag.unit), line.frame))
        };
        for chart in old.tags {
            let Some(new) = self.tags.iter_mut().find(|new| new.tag == chart.tag) else { continue };
            if chart_of(old_line, &chart.tag) == chart_of(line, &chart.tag) {
                *new = TagChart { position: new.position, ..chart };
            }
        }
    }

    /// The plant was declared otherwise before: charts of properties begin with the finished batches that are remembered, each
    /// with whether it is fit for learning, or go.
    pub(super) fn declare<'b>(
        &mut self,
        told: &Told<'_>,
        before: &Plant,
        finished: impl Iterator<Item = (&'b Batch, bool)>,
    ) {
        self.laboratory.declare(told, before, finished);
    }

    /// A break, or a change of grade: what comes after it does not follow what was before.
    pub(super) fn interrupt(&mut self, line: &Line) {
        if std::mem::replace(&mut self.idle, true) {
            return;
        }
        for chart in &mut self.tags {
            let charted = line.tags[chart.position].chart.as_ref();
            if charted.is_none_or(|charted| charted.every == Every::Batch) {
                continue;
            }
            chart.open = Open::default();
            chart.last = None;
            chart.subgroup.clear();
            chart.made.miss();
            chart
                .grades
                .values_mut()
                .filter_map(|grade| grade.chart.as_mut())
                .for_each(Chart::reset);
        }
    }

    /// Takes a frame of product of a steady line.
    pub(super) fn frame(
        &mut self,
        line: &Line,
        grade: &Arc<str>,
        (start, end, values): (Timestamp, Timestamp, &[f64]),
        out: &mut Vec<Effect>,
    ) {
        self.idle = false;
        for chart in &mut self.tags {
            let Some(charted) = line.tags[chart.position].chart.as_ref() else { continue };
            let value = values.get(chart.position).copied().unwrap_or(f64::NAN);
            let since = match charted.every {
                Every::Time(every) => start.floor(every),
                Every::Batch => chart.open.since.unwrap_or(start),
            };
            if chart.open.since.is_some_and(|open| open != since) {
                chart.close(line, charted, grade, out);
            }
            let Every::Time(every) = charted.every else {
                chart.open.add(since, end, value);
                continue;
            };
            if chart.last.is_some_and(|last| last.plus(every) < since) {
                chart.miss(grade);
            }
            chart.open.add(since, end, value);
            if end >= since.plus(every) {
                chart.close(line, charted, grade, out);
            }
        }
    }

    /// A batch of the line has ended.
    pub(super) fn end_batch(
        &mut self,
        line: &Line,
        (batch, grade): (&Arc<str>, &Arc<str>),
        out: &mut Vec<Effect>,
    ) {
        self.ended += 1;
        for chart in &mut self.tags {
            let Some(charted) = line.tags[chart.position].chart.as_ref() else { continue };
            if chart.open.since.is_some() {
                chart.close(line, charted, grade, out);
            }
            chart.subgroup.clear();
            let made = std::mem::replace(&mut chart.made, History::new(charted.settings.kind));
            if chart.waiting.len() == WAITING_MAX {
                chart.waiting.pop_front();
            }
            chart.waiting.push_back(Waiting { batch: Arc::clone(batch), number: self.ended, made });
        }
    }

    /// A batch was found to be fit for learning, or not to be.
    pub(super) fn found(
        &mut self,
        told: &Told<'_>,
        (batch, grade, fit): (&str, &Arc<str>, bool),
        out: &mut Vec<Effect>,
    ) {
        if fit {
            self.learn(told, (batch, grade), out);
        }
        self.laboratory.learn(told, (batch, fit), out);
    }

    /// The points of a batch that is fit for learning are history. What limits are due, hold from the line's next frame on.
    fn learn(&mut self, told: &Told<'_>, (batch, grade): (&str, &Arc<str>), out: &mut Vec<Effect>) {
        let Told { line, plant, now } = *told;
        let asked = plant.grades.at(grade, now);
        for chart in &mut self.tags {
            let Some(charted) = line.tags[chart.position].chart.as_ref() else { continue };
            let found = chart.waiting.iter().position(|waiting| *waiting.batch == *batch);
            let Some(waiting) = found.and_then(|ix| chart.waiting.remove(ix)) else { continue };
            let of_grade = chart.grades.entry(Arc::clone(grade)).or_default();
            of_grade.learn(&Lesson {
                made: &waiting.made,
                number: waiting.number,
                is_point: charted.every == Every::Batch,
            });
            let from = now.plus(line.frame);
            let limits = of_grade.renew(&plant.models, &charted.settings, from);
            out.extend(limits.map(|limits| {
                let capability =
                    capable(&limits, asked.and_then(|grade| grade.spec.get(&chart.tag)));
                Effect::ChartLimits(Box::new(ChartLimitsRecord {
                    line: Arc::clone(&line.name),
                    grade: Arc::clone(grade),
                    of: ChartOf::Tag(Arc::clone(&chart.tag)),
                    limits,
                    capability,
                }))
            }));
        }
    }

    /// What is known of a batch that has ended: values of the laboratory are points, or correct them.
    pub(super) fn laboratory(
        &mut self,
        told: &Told<'_>,
        (batch, book): (&Batch, &Book),
        out: &mut Vec<Effect>,
    ) {
        self.laboratory.take(told, (batch, book), out);
    }

    /// What people see of a grade's: the charts of tags, then those of laboratory properties.
    pub(super) fn view(
        &self,
        line: &Line,
        (grade, asked): (&str, Option<&Grade>),
        models: &ModelSettings,
    ) -> Vec<ChartView> {
        let view = |chart: &TagChart| {
            let tag = &line.tags[chart.position];
            let recent = chart.recent_grade.as_deref().filter(|of| *of == grade);
            Some(ChartView::new(
                ChartOf::Tag(Arc::clone(&tag.id)),
                (&tag.unit, tag.chart.as_ref()?, models),
                chart.grades.get(grade),
                asked.and_then(|grade| grade.spec.get(&tag.id)),
                recent.map(|_| &chart.recent),
            ))
        };
        let tags = self.tags.iter().filter_map(view);
        tags.chain(asked.into_iter().flat_map(|asked| self.laboratory.view(grade, asked, models)))
            .collect()
    }
}

impl ChartView {
    /// What people see of a chart, of whose grade nothing may be known yet.
    fn new(
        of: ChartOf,
        (unit, charted, models): (&Arc<str>, &Charted, &ModelSettings),
        of_grade: Option<&GradeChart>,
        asked: Option<&SpecLimit>,
        recent: Option<&VecDeque<ChartPoint>>,
    ) -> Self {
        let limits = of_grade.and_then(GradeChart::limits);
        Self {
            of,
            unit: Arc::clone(unit),
            charted: charted.clone(),
            why: of_grade.and_then(|of_grade| of_grade.why.clone()),
            batches: (of_grade.map_or(0, GradeChart::batches), needed(models, &charted.settings)),
            of_batches: of_grade.map_or(0, |of_grade| of_grade.of_batches),
            points: of_grade.map_or((0, 0), |of_grade| (of_grade.points, of_grade.signals)),
            capability: limits.and_then(|limits| capable(limits, asked)),
            limits: limits.cloned(),
            recent: recent.into_iter().flatten().cloned().collect(),
        }
    }
}

impl Open {
    fn add(&mut self, since: Timestamp, end: Timestamp, value: f64) {
        self.since = Some(since);
        self.until = end;
        self.frames = self.frames.saturating_add(1);
        if value.is_finite() {
            self.seen = self.seen.saturating_add(1);
            self.sum += value;
        }
    }

    /// The mean, if enough of what is expected was seen.
    fn mean(&self, expected: u32) -> Option<f64> {
        (self.seen > 0 && self.seen.saturating_mul(2) >= expected)
            .then(|| self.sum / f64::from(self.seen))
    }
}

impl TagChart {
    /// The open value is whole, or as whole as it gets.
    fn close(&mut self, line: &Line, charted: &Charted, grade: &Arc<str>, out: &mut Vec<Effect>) {
        let open = std::mem::take(&mut self.open);
        self.last = open.since;
        let expected = match charted.every {
            Every::Time(every) => frames_in(every, line.frame),
            Every::Batch => open.frames,
        };
        let Some(mean) = open.mean(expected) else {
            self.miss(grade);
            return;
        };
        self.subgroup.push(mean);
        if self.subgroup.len() < charted.settings.kind.readings() as usize {
            return;
        }
        let readings = std::mem::take(&mut self.subgroup);
        self.made.take(&readings);
        let of_grade = self.grades.get_mut(grade);
        let Some(point) = of_grade.and_then(|of_grade| of_grade.take(open.until, &readings)) else {
            return;
        };
        if self.recent_grade.as_ref() != Some(grade) {
            self.recent.clear();
            self.recent_grade = Some(Arc::clone(grade));
        }
        show(&mut self.recent, ChartPoint::of(&point, None));
        out.push(Effect::Chart(Box::new(ChartRecord {
            line: Arc::clone(&line.name),
            grade: Arc::clone(grade),
            of: ChartOf::Tag(Arc::clone(&self.tag)),
            batch: None,
            detectors: charted.settings.detectors().collect(),
            point,
        })));
    }

    /// A value is missing, and with it the point that it belongs to.
    fn miss(&mut self, grade: &str) {
        self.last = None;
        self.subgroup.clear();
        self.made.miss();
        if let Some(chart) = self.grades.get_mut(grade).and_then(|grade| grade.chart.as_mut()) {
            chart.miss();
        }
    }
}

/// How many frames there are in a time, at least one.
fn frames_in(every: Duration, frame: Duration) -> u32 {
    let frames = every.as_nanos() / frame.as_nanos().max(1);
    u32::try_from(frames).unwrap_or(u32::MAX).max(1)
}

/// Adds a point to those that are shown.
fn show(recent: &mut VecDeque<ChartPoint>, point: ChartPoint) {
    if recent.len() == RECENT_MAX {
        recent.pop_front();
    }
    recent.push_back(point);
}

impl ChartPoint {
    fn of(point: &Point, batch: Option<Arc<str>>) -> Self {
        Self {
            at: point.at,
            value: point.value,
            centre: point.centre,
            lower: point.lower,
            upper: point.upper,
            ewma: point.ewma,
            marks: point.marks.clone(),
            batch,
            corrected: None,
        }
    }
}
