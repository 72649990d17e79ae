//! Control charts of a line: what their points are, where their limits come from, what is shown.
//!
//! A value is the mean of a minute of frames, or as the plant says; it counts if at least half of its frames had one. Only
//! product of a steady line is charted, and after a break charts begin anew; but where a value is a batch, breaks are part
//! of it. The points of a batch are history for limits once the batch is fit for learning,
//! each grade by itself, and what is in the history stays there, also when the word on its batch is taken back. Signals
//! are for people who look at charts: they flag no batch and raise no alarm, for nothing promises how often they are wrong
//! on the batch.

use super::effect::{ChartLimitsRecord, ChartRecord, Effect};
use crate::chart::{
    Band, Capability, Chart, FIRM, History, Limits, LimitsError, Mark, Point, Settings,
    Specification, capability,
};
use crate::plant::{Charted, Every, Grade, Line, ModelSettings, Refit, SpecLimit};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Finished batches of which nobody said yet what they are: two days of reels.
const WAITING_MAX: usize = 100;

/// Limits come from at most twice as many batches, the newest; from more where these have too few points for firm ones.
const PAST_MAX: u32 = 50;

/// Points that are shown to people: two hours of minutes.
const RECENT_MAX: usize = 120;

/// The chance that the interval of a capability index has the true value in it.
const CONFIDENCE: f64 = 0.95;

/// The charts of a line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Charts {
    tags: Vec<TagChart>,
    /// Batches of the line that have ended.
    ended: u64,
    /// True while nothing is charted, since a break or a change of grade.
    idle: bool,
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

/// The chart of a tag for one grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct GradeChart {
    /// Up to so many batches, and those after them.
    older: Past,
    newer: Past,
    /// Batches that became history since limits were estimated.
    since_estimate: u32,
    /// The chart, from its first limits on.
    chart: Option<Chart>,
    /// Why there are no limits.
    why: Option<Arc<str>>,
    /// Batches that the limits come from.
    of_batches: u32,
    /// Points since the limits hold, and how many of them signalled.
    points: u32,
    signals: u32,
}

/// Batches whose points are history.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Past {
    batches: u32,
    points: Option<History>,
    /// The number of the newest one.
    newest: u64,
}

/// A point of a chart, as people see it; in the tag's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    /// The end of its last frame.
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
}

/// The chart of a tag for the grade in progress, as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChartView {
    /// The tag's id.
    pub tag: Arc<str>,
    /// Its unit.
    pub unit: Arc<str>,
    /// How it is charted.
    pub charted: Charted,
    /// The limits that hold.
    pub limits: Option<Limits>,
    /// Why there are none.
    pub why: Option<Arc<str>>,
    /// Good batches whose points are history, and how many are needed at least.
    pub batches: (u32, u32),
    /// Good batches that the limits come from.
    pub of_batches: u32,
    /// Points since the limits hold, and how many of them signalled.
    pub points: (u32, u32),
    /// What the process can do by these limits; `None` without limits, or where the grade asks nothing of the tag.
    pub capability: Option<Capability>,
    /// The last points of the grade, oldest first.
    pub recent: Vec<ChartPoint>,
}

/// Batches that are needed for the first limits.
fn needed(settings: &ModelSettings) -> u32 {
    settings.learning_batches.clamp(2, PAST_MAX)
}

/// What a process can do, against the limits of its grade.
fn capable(limits: &Limits, asked: Option<&SpecLimit>) -> Option<Capability> {
    let asked = asked?;
    let asked = Specification { lower: asked.low, upper: asked.high, target: asked.target };
    // Limits in the wrong order are refused with the configuration.
    capability(limits, asked, CONFIDENCE).ok()
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
        Self { tags: tags.collect(), ended: 0, idle: false }
    }

    /// Takes over what was charted under an older configuration, of the tags that are charted as they were.
    pub(super) fn adopt(&mut self, old: Self, old_line: &Line, line: &Line) {
        (self.ended, self.idle) = (old.ended, old.idle);
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

    /// A batch was found to be fit for learning: its points are history. What limits are due, hold from the line's
    /// next frame on.
    pub(super) fn learn(
        &mut self,
        line: &Line,
        (batch, grade): (&str, &Arc<str>),
        (settings, now): (&ModelSettings, Timestamp),
        asked: Option<&Grade>,
        out: &mut Vec<Effect>,
    ) {
        for chart in &mut self.tags {
            let Some(charted) = line.tags[chart.position].chart.as_ref() else { continue };
            let found = chart.waiting.iter().position(|waiting| *waiting.batch == *batch);
            let Some(waiting) = found.and_then(|ix| chart.waiting.remove(ix)) else { continue };
            let of_grade = chart.grades.entry(Arc::clone(grade)).or_default();
            of_grade.learn(&waiting, charted.every);
            let from = now.plus(line.frame);
            if !of_grade.is_due(settings, from) {
                continue;
            }
            match of_grade.estimate(&charted.settings, from) {
                Ok(Some(limits)) => {
                    let asked = asked.and_then(|grade| grade.spec.get(&chart.tag));
                    let capability = capable(&limits, asked);
                    out.push(Effect::ChartLimits(Box::new(ChartLimitsRecord {
                        line: Arc::clone(&line.name),
                        grade: Arc::clone(grade),
                        tag: Arc::clone(&chart.tag),
                        limits,
                        capability,
                    })));
                }
                Err(error) if of_grade.limits().is_none() => {
                    of_grade.why = Some(error.to_string().into());
                }
                // Those that hold go on.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// What people see of a grade's.
    pub(super) fn view<'l>(
        &self,
        line: &Line,
        (grade, settings): (&str, &ModelSettings),
        asked: impl Fn(&str) -> Option<&'l SpecLimit>,
    ) -> Vec<ChartView> {
        let view = |chart: &TagChart| {
            let tag = &line.tags[chart.position];
            let of_grade = chart.grades.get(grade);
            let limits = of_grade.and_then(GradeChart::limits);
            Some(ChartView {
                tag: Arc::clone(&tag.id),
                unit: Arc::clone(&tag.unit),
                charted: tag.chart.clone()?,
                why: of_grade.and_then(|of_grade| of_grade.why.clone()),
                batches: (of_grade.map_or(0, GradeChart::batches), needed(settings)),
                of_batches: of_grade.map_or(0, |of_grade| of_grade.of_batches),
                points: of_grade.map_or((0, 0), |of_grade| (of_grade.points, of_grade.signals)),
                capability: limits.and_then(|limits| capable(limits, asked(&tag.id))),
                limits: limits.cloned(),
                recent: match &chart.recent_grade {
                    Some(of) if **of == *grade => chart.recent.iter().cloned().collect(),
                    _ => Vec::new(),
                },
            })
        };
        self.tags.iter().filter_map(view).collect()
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
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(ChartPoint::from(&point));
        out.push(Effect::Chart(Box::new(ChartRecord {
            line: Arc::clone(&line.name),
            grade: Arc::clone(grade),
            tag: Arc::clone(&self.tag),
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

impl GradeChart {
    fn batches(&self) -> u32 {
        self.older.batches + self.newer.batches
    }

    /// Takes the points of a good batch.
    fn learn(&mut self, waiting: &Waiting, every: Every) {
        let worth = self.newer.points.as_ref().map_or(0.0, History::effective);
        if self.newer.batches >= PAST_MAX && worth >= FIRM {
            self.older = std::mem::take(&mut self.newer);
        }
        // Where a batch is a point, batches that follow each other are neighbours. Those of minutes may lie hours apart.
        let neighbours = every == Every::Batch && self.newer.newest + 1 == waiting.number;
        match &mut self.newer.points {
            Some(points) => points.append(&waiting.made, neighbours),
            none => *none = Some(waiting.made.clone()),
        }
        self.newer.batches += 1;
        self.newer.newest = waiting.number;
        self.since_estimate = self.since_estimate.saturating_add(1);
    }

    /// True if limits are to be estimated: the first ones once there are batches enough, better ones while they are
    /// provisional, and then as often as models are fitted.
    fn is_due(&self, settings: &ModelSettings, from: Timestamp) -> bool {
        let Some(limits) = self.limits() else { return self.batches() >= needed(settings) };
        if limits.valid_from >= from {
            // Nothing was made since: many batches were found good at once.
            return false;
        }
        if limits.provisional {
            return self.since_estimate >= needed(settings);
        }
        let days = |days: u64| {
            let waited = Duration::from_secs(days * 86_400);
            from >= limits.valid_from.plus(waited)
        };
        match settings.refit {
            Refit::Never => false,
            Refit::Daily => days(1),
            Refit::Weekly => days(7),
            Refit::Batches(n) => self.since_estimate >= n.max(1),
        }
    }

    /// The newest limits.
    fn limits(&self) -> Option<&Limits> {
        self.chart.as_ref()?.versions().all().last()
    }

    /// Limits from the history, which hold from then on; `None` if they cannot.
    fn estimate(
        &mut self,
        settings: &Settings,
        from: Timestamp,
    ) -> Result<Option<Limits>, LimitsError> {
        let mut points = self.older.points.clone().unwrap_or_else(|| History::new(settings.kind));
        if let Some(newer) = &self.newer.points {
            points.append(newer, false);
        }
        let version = self.limits().map_or(1, |limits| limits.version + 1);
        let limits = Limits::estimate(&points, settings.autocorrelation, version, from)?;
        if self.chart.is_none() {
            // Settings that make no chart are refused with the configuration.
            self.chart = Chart::new(settings.clone()).ok();
        }
        let adopted = self.chart.as_mut().map(|chart| chart.adopt(limits.clone()));
        if !matches!(adopted, Some(Ok(()))) {
            return Ok(None);
        }
        (self.since_estimate, self.why) = (0, None);
        (self.points, self.signals, self.of_batches) = (0, 0, self.batches());
        Ok(Some(limits))
    }

    fn take(&mut self, at: Timestamp, readings: &[f64]) -> Option<Point> {
        let point = self.chart.as_mut()?.take(at, readings)?;
        self.points = self.points.saturating_add(1);
        self.signals = self.signals.saturating_add(u32::from(!point.marks.is_empty()));
        Some(point)
    }
}

impl From<&Point> for ChartPoint {
    fn from(point: &Point) -> Self {
        Self {
            at: point.at,
            value: point.value,
            centre: point.centre,
            lower: point.lower,
            upper: point.upper,
            ewma: point.ewma,
            marks: point.marks.clone(),
        }
    }
}
