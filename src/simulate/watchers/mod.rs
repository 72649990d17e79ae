//! Three plain watchers: what anybody could have had without onspec, as a yardstick beside the score.
//!
//! Each has one statistic for a frame and one threshold:
//!
//! | watcher | statistic |
//! | --- | --- |
//! | `spec-limits` | the greatest over the quality tags of \|value − middle\| / half the width of the specification: 1 is at the limit |
//! | `three-sigma` | the greatest \|z\| over all watched tags; mean and σ from the released learning batches of the grade |
//! | `plain-pca` | on the same, standardised: components for 90 % of the variance; T² and SPE, each divided by its mean + 3.09 σ over the learning frames; the greater of the two |
//!
//! Plain means: no smoothing, no persistence, no care for changes of grade, moves of operators or
//! sick sensors. A frame that is no product is left out, as onspec leaves it out. Where a watcher has
//! nothing to compare with, as in a grade without learning data, it says nothing.
//!
//! A watcher flags a batch where its statistic passes the threshold, and never takes that back. The
//! threshold is chosen *after the run*, with the truth in hand, so that there are as many false flags
//! as onspec had. Nobody could do that in a mill. This favours the watchers, and is meant to: what
//! onspec catches beyond them, it does not owe to a badly chosen limit. See `Pool`.
//!
//! The watchers are fed what the engine made of the readings, in its order. They never look at what was
//! said, and nothing they find reaches the engine.
//!
//! | bound | at the bound |
//! | --- | --- |
//! | learning frames: one in 10 s, 20,000 for a grade, 2,000 for a batch | later ones do not teach |
//! | frames held until the last learning batch is disposed of: 14,400 | the watchers go on with what was released until then |
//! | a batch: the greatest value in each of 8,640 intervals of 10 s | later frames are not seen |
//! | the newest 10,000 scored batches | older ones are not compared, nor are onspec's flags on them |

mod baseline;
mod eigen;
mod pool;

pub(super) use pool::Pool;
pub use pool::Watched;

use crate::reading::Timestamp;
use baseline::Baseline;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The watchers' names, in the order of all arrays here.
const NAMES: [&str; WATCHERS] = ["spec-limits", "three-sigma", "plain-pca"];
const WATCHERS: usize = 3;

/// A statistic is kept, and a learning frame taken, once in this time: a process does not change in it,
/// and the lead of a flag is counted in minutes.
const INTERVAL: Duration = Duration::from_secs(10);

/// A day of intervals: no batch takes longer.
const INTERVALS_MAX: usize = 8_640;

/// Scored batches that are compared; with reels of 25 minutes about 18 MB.
const BATCHES_MAX: usize = 10_000;

/// Learning rows of a grade: of 45 tags, 7 MB.
const ROWS_OF_GRADE_MAX: usize = 20_000;

/// Learning rows of one batch; five hours.
const ROWS_OF_BATCH_MAX: usize = 2_000;

/// Frames that wait for the last word on the learning batches: four hours of seconds.
const HELD_MAX: usize = 14_400;

/// What there is to watch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WatchPlan {
    /// Positions in a frame of the tags that are watched: process, raw material and quality.
    pub tags: Vec<usize>,
    /// The specification of each grade.
    pub spec: BTreeMap<Arc<str>, Vec<SpecRange>>,
}

/// The specification of one quality tag, in the tag's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpecRange {
    /// The tag's position in a frame.
    pub tag: usize,
    /// The least value on spec, if there is one.
    pub low: Option<f64>,
    /// Halfway between the limits, or the target where there is one limit.
    pub middle: f64,
    /// The greatest value on spec, if there is one.
    pub high: Option<f64>,
}

impl SpecRange {
    /// The distance from the middle, 1 at the limit on that side; below 0 on a side without limit.
    fn distance(&self, value: f64) -> f64 {
        let part = |limit: Option<f64>| {
            limit.map_or(f64::NAN, |limit| (value - self.middle) / (limit - self.middle))
        };
        part(self.low).max(part(self.high))
    }
}

/// The watchers in front of one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Watchers {
    plan: WatchPlan,
    /// How many batches teach, once that is known; those after them are scored.
    learning: Option<usize>,
    /// The learning batches, in the order in which they began.
    pupils: Vec<Pupil>,
    /// Rows of released learning batches by grade.
    rows: BTreeMap<Arc<str>, Vec<f64>>,
    /// What was learned, once all learning batches are disposed of.
    learned: Option<BTreeMap<Arc<str>, Baseline>>,
    /// Frames of scored batches that wait for that.
    held: Vec<(Arc<str>, Timestamp, Vec<f64>)>,
    /// The scored batches.
    scored: BTreeMap<Arc<str>, Series>,
    /// Their ids, the oldest first.
    order: VecDeque<Arc<str>>,
}

/// A learning batch.
#[derive(Debug, Clone, PartialEq)]
struct Pupil {
    batch: Arc<str>,
    /// Its rows, until it is disposed of.
    rows: Vec<f64>,
    /// The interval of the last row.
    last: Option<Timestamp>,
    disposed: bool,
}

/// The statistics of a scored batch.
#[derive(Debug, Clone, PartialEq, Default)]
struct Series {
    grade: Option<Arc<str>>,
    /// The begin of the first interval.
    first: Option<Timestamp>,
    /// The greatest of each watcher in each interval since; NaN where it said nothing.
    values: Vec<[f32; WATCHERS]>,
}

impl Watchers {
    /// Watchers that have seen nothing yet.
    #[must_use]
    pub fn new(plan: WatchPlan) -> Self {
        Self {
            plan,
            learning: None,
            pupils: Vec::new(),
            rows: BTreeMap::new(),
            learned: None,
            held: Vec::new(),
            scored: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// The first so many batches teach, and all after them are scored; until this is said, every batch
    /// teaches. To be said before the first scored batch begins; it is not changed by saying it again.
    pub fn learn_from(&mut self, batches: u32) {
        self.learning.get_or_insert(batches as usize);
        self.settle_if_due();
    }

    /// A batch as it is known now: once when it begins, and whenever something new is known of it.
    /// `released` is the newest disposition, if there is one.
    pub fn batch(&mut self, batch: &Arc<str>, grade: Option<&Arc<str>>, released: Option<bool>) {
        if let Some(series) = self.scored.get_mut(batch) {
            series.grade = grade.cloned();
        } else if let Some(ix) = self.pupils.iter().rposition(|pupil| pupil.batch == *batch) {
            self.dispose(ix, grade, released);
        } else if self.learning.is_none_or(|learning| self.pupils.len() < learning) {
            let batch = Arc::clone(batch);
            self.pupils.push(Pupil { batch, rows: Vec::new(), last: None, disposed: false });
            self.dispose(self.pupils.len() - 1, grade, released);
        } else if !self.order.contains(batch) {
            let series = Series { grade: grade.cloned(), ..Series::default() };
            self.scored.insert(Arc::clone(batch), series);
            self.order.push_back(Arc::clone(batch));
            if self.order.len() > BATCHES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.scored.remove(&oldest);
            }
        }
    }

    /// A closed frame of product: its batch, its end, a value for each declared tag, NaN for holes.
    pub fn frame(&mut self, batch: &Arc<str>, end: Timestamp, values: &[f64]) {
        if self.scored.contains_key(batch) {
            if self.learned.is_some() {
                self.judge(batch, end, values);
            } else {
                self.held.push((Arc::clone(batch), end, values.to_vec()));
                if self.held.len() >= HELD_MAX {
                    self.settle();
                }
            }
        } else if let Some(pupil) = self.pupils.iter_mut().rfind(|pupil| pupil.batch == *batch) {
            let interval = Some(end.floor(INTERVAL));
            let full = pupil.rows.len() >= ROWS_OF_BATCH_MAX * self.plan.tags.len();
            if !pupil.disposed && !full && pupil.last != interval {
                pupil.last = interval;
                pupil.rows.extend(self.plan.row(values));
            }
        }
    }

    /// No more will come.
    pub fn finish(&mut self) {
        if self.learned.is_none() {
            self.settle();
        }
    }

    fn dispose(&mut self, ix: usize, grade: Option<&Arc<str>>, released: Option<bool>) {
        let pupil = &mut self.pupils[ix];
        let Some(released) = released.filter(|_| !pupil.disposed) else { return };
        pupil.disposed = true;
        let rows = std::mem::take(&mut pupil.rows);
        if let Some(grade) = grade.filter(|_| released) {
            let known = self.rows.entry(Arc::clone(grade)).or_default();
            let room = (ROWS_OF_GRADE_MAX * self.plan.tags.len()).saturating_sub(known.len());
            known.extend(rows.into_iter().take(room));
        }
        self.settle_if_due();
    }

    fn settle_if_due(&mut self) {
        let all = self.learning.is_some_and(|learning| self.pupils.len() >= learning);
        if self.learned.is_none() && all && self.pupils.iter().all(|pupil| pupil.disposed) {
            self.settle();
        }
    }

    /// Learns, and judges the frames that waited for it.
    fn settle(&mut self) {
        let width = self.plan.tags.len();
        let rows = std::mem::take(&mut self.rows);
        let learned = rows
            .into_iter()
            .filter_map(|(grade, rows)| Some((grade, Baseline::fit(&rows, width)?)))
            .collect();
        self.learned = Some(learned);
        for (batch, end, values) in std::mem::take(&mut self.held) {
            self.judge(&batch, end, &values);
        }
    }

    fn judge(&mut self, batch: &Arc<str>, end: Timestamp, values: &[f64]) {
        let Some(series) = self.scored.get_mut(batch) else { return };
        let Some(grade) = &series.grade else { return };
        let spec = self.plan.spec.get(grade).map(Vec::as_slice).unwrap_or_default();
        let of_spec = |range: &SpecRange| {
            range.distance(values.get(range.tag).copied().unwrap_or(f64::NAN)).max(0.0)
        };
        let seen = |range: &&SpecRange| values.get(range.tag).is_some_and(|v| v.is_finite());
        let spec = spec.iter().filter(seen).map(of_spec).fold(f64::NAN, f64::max);
        let baseline = self.learned.as_ref().and_then(|learned| learned.get(grade));
        let [sigma, pca] = baseline.map_or([f64::NAN; 2], |baseline| {
            let row: Vec<f64> = self.plan.row(values).collect();
            [baseline.three_sigma(&row), baseline.plain_pca(&row)]
        });
        #[expect(clippy::cast_possible_truncation, reason = "seven digits tell two frames apart")]
        series.add(end, [spec, sigma, pca].map(|statistic| statistic as f32));
    }
}

impl WatchPlan {
    /// The watched values of a frame.
    fn row(&self, values: &[f64]) -> impl Iterator<Item = f64> {
        self.tags.iter().map(|tag| values.get(*tag).copied().unwrap_or(f64::NAN))
    }
}

impl Series {
    fn add(&mut self, end: Timestamp, statistics: [f32; WATCHERS]) {
        let first = *self.first.get_or_insert(end.floor(INTERVAL));
        let nanos = i64::try_from(INTERVAL.as_nanos()).expect("ten seconds");
        let Ok(ix) = usize::try_from(end.since(first).div_euclid(nanos)) else { return };
        if ix >= INTERVALS_MAX {
            return;
        }
        if ix >= self.values.len() {
            self.values.resize(ix + 1, [f32::NAN; WATCHERS]);
        }
        for (greatest, new) in self.values[ix].iter_mut().zip(statistics) {
            *greatest = greatest.max(new);
        }
    }

    /// The begin of each interval and what is known of it, in order of time.
    fn intervals(&self) -> impl Iterator<Item = (Timestamp, [f32; WATCHERS])> {
        let first = self.first.unwrap_or_default();
        (0_u32..).zip(&self.values).map(move |(ix, values)| (first.plus(INTERVAL * ix), *values))
    }
}

#[cfg(test)]
mod tests;
