//! Which sensor is sick by what the tags tied to it say.
//!
//! The error of a tag moves the residual of its own tie by as much, and of a tie that it has a part in by its weight
//! there. What its error would have to be is the weighted least squares of all of these. A sensor is suspected when its
//! error alone explains every broken tie: with it taken out, none of them is broken. A process that goes wrong breaks
//! several ties in several ways, or none. A suspect is left out of what is judged at once, and accused when it stays.
//!
//! | standing | input | next |
//! | --- | --- | --- |
//! | well | it alone explains what is broken, better than another | suspected |
//! | suspected | so, and clearly, for [`ACCUSED_AFTER`] | accused |
//! | suspected | nothing broken for [`CALM`] | well |
//! | accused | it agrees with the others for [`ACQUITTED_AFTER`] | well |

mod error;

use super::ties::{BASELINE_S, QUICK_S, SLOW_S, Tie, Ties};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// The time constant of the first look, s, and its limit in those of the quick one.
const FIRST_S: f64 = 20.0;
const FIRST: f64 = 2.0;

/// How often ties are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// After so long without a frame smoothing begins anew.
const PAUSE: Duration = Duration::from_secs(150);
/// After a begin nothing is said for so long: the smoothed values have to leave where they began.
const SETTLE: Duration = Duration::from_secs(60);

/// See the table.
const ACCUSED_AFTER: Duration = Duration::from_secs(120);
const CALM: Duration = Duration::from_secs(60);
const ACQUITTED_AFTER: Duration = Duration::from_secs(300);
/// An accused sensor agrees when its residual is below this share of its limit, and of what it was accused for.
const AGREES: (f64, f64) = (0.5, 0.4);
/// A tie is suspicious at this share of its limit, and broken beyond it: to leave a tag out for a while costs little.
const SUSPICIOUS: f64 = 0.6;
/// Minutes kept of the ties, for the kind and the begin of a fault.
const MINUTES: usize = 60;
/// What the others say is wrong with a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disagreement {
    /// By the same amount since an instant.
    Offset,
    /// By more and more.
    Drift,
    /// It should have moved, and did not.
    Frozen,
}

/// News of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It is sick, in this way, since then.
    Accused(Disagreement, Timestamp),
    /// It agrees with the others again.
    Acquitted,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Standing {
    Well,
    Suspected { since: Timestamp, last: Timestamp, firm: Option<Timestamp> },
    Accused { size: f64, agrees: Option<Timestamp> },
}

/// What moves while ties are watched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Peers {
    courses: Vec<Course>,
    /// The newest minutes.
    #[serde(default)]
    history: VecDeque<Minute>,
    begun: Option<Timestamp>,
    last: Option<Timestamp>,
    looked: Option<Timestamp>,
    minute: Option<Timestamp>,
}

/// A tie and its tag over time. Its residual is smoothed, and not the values: one that was away for a while does not
/// come back with old news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Course {
    /// The residual, smoothed: first look, quick, slow; and its baseline.
    smooth: [f64; 3],
    baseline: f64,
    /// How many times as wide the limits are, quick ([`Tie::slack`]).
    #[serde(default = "one")]
    slack: f64,
    /// The tag's value, quick and slow, once there was one.
    #[serde(default)]
    values: Option<[f64; 2]>,
    /// True if the newest frame had the tag and all others.
    whole: bool,
    standing: Standing,
}

/// The end of a minute: the residual and the value of each tie, quick, where there was one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Minute {
    at: Timestamp,
    ties: Vec<Option<(f64, f64)>>,
}

impl Course {
    fn new() -> Self {
        Self {
            smooth: [0.0; 3],
            baseline: 0.0,
            slack: 1.0,
            values: None,
            whole: false,
            standing: Standing::Well,
        }
    }

    fn is_accused(&self) -> bool {
        matches!(self.standing, Standing::Accused { .. })
    }

    /// The residual beyond its baseline: first look, quick, slow.
    fn residual(&self) -> [f64; 3] {
        self.smooth.map(|smooth| smooth - self.baseline)
    }

    /// The limits of the residuals: first look, quick, slow.
    fn limits(&self, tie: &Tie) -> [f64; 3] {
        let beyond = self.values.map_or([0.0; 2], |values| tie.beyond(values));
        let [quick, slow] = [0, 1].map(|ix| tie.limits[ix] * self.slack + beyond[ix]);
        [FIRST * quick, quick, slow]
    }

    /// Sizes of residuals in their limits.
    fn ratios(&self, tie: &Tie, r: [f64; 3]) -> [f64; 3] {
        let limits = self.limits(tie);
        [0, 1, 2].map(|ix| r[ix].abs() / limits[ix])
    }

    fn begin_anew(&mut self) {
        self.smooth = [self.baseline; 3];
        self.values = None;
    }
}

impl Peers {
    /// Takes a frame of so many seconds; `sick` tells for a column whether its sensor is known to be by these ties.
    /// Gives what is new, by column.
    pub(super) fn take(
        &mut self,
        ties: &Ties,
        (at, seconds): (Timestamp, f64),
        row: &[f64],
        sick: &dyn Fn(usize) -> bool,
    ) -> Vec<(usize, Word)> {
        if ties.all.is_empty() {
            return Vec::new();
        }
        self.follow(ties, (at, seconds), row);
        if self.begun.is_none_or(|begun| at < begun.plus(SETTLE))
            || self.looked.is_some_and(|looked| at < looked.plus(EVERY))
        {
            return Vec::new();
        }
        self.looked = Some(at);
        self.look(ties, at, sick)
    }

    /// The columns whose values are not to be judged by: their sensors are suspected or accused.
    pub(super) fn distrusted(&self, ties: &Ties) -> impl Iterator<Item = usize> {
        let courses = ties.all.iter().zip(&self.courses);
        courses.filter(|(_, c)| c.standing != Standing::Well).map(|(tie, _)| tie.column)
    }

    fn follow(&mut self, ties: &Ties, (at, seconds): (Timestamp, f64), row: &[f64]) {
        if self.courses.len() != ties.all.len() {
            *self = Self {
                courses: ties.all.iter().map(|_| Course::new()).collect(),
                ..Self::default()
            };
        }
        if self.last.replace(at).is_none_or(|last| at > last.plus(PAUSE)) {
            self.begun = Some(at);
            self.courses.iter_mut().for_each(Course::begin_anew);
        }
        let z = |ix: usize| {
            let value = row.get(ix).copied().unwrap_or(f64::NAN);
            (value - ties.mean[ix]) / ties.sd[ix]
        };
        let weights = [FIRST_S, QUICK_S, SLOW_S].map(|tau| (seconds / tau).min(1.0));
        // What is suspect does not move what it is compared with.
        let calm = self.courses.iter().all(|course| course.standing == Standing::Well);
        let slowly = if calm { (seconds / BASELINE_S).min(1.0) } else { 0.0 };
        for (tie, course) in ties.all.iter().zip(&mut self.courses) {
            let (value, others) = tie.distances(z);
            let by: f64 = tie.by.iter().zip(&others).map(|((_, weight), z)| weight * z).sum();
            course.whole = (value - by).is_finite();
            if !course.whole {
                continue;
            }
            for (smooth, weight) in course.smooth.iter_mut().zip(weights) {
                *smooth += weight * (value - by - *smooth);
            }
            course.baseline += slowly * (course.smooth[1] - course.baseline);
            course.slack += weights[1] * (tie.slack(&others) - course.slack);
            let values = course.values.get_or_insert([value; 2]);
            for (smooth, weight) in values.iter_mut().zip(&weights[1..]) {
                *smooth += weight * (value - *smooth);
            }
        }
    }

    fn look(
        &mut self,
        ties: &Ties,
        at: Timestamp,
        sick: &dyn Fn(usize) -> bool,
    ) -> Vec<(usize, Word)> {
        // Another model, or another grade's, may have accused or acquitted.
        for (tie, course) in ties.all.iter().zip(&mut self.courses) {
            match (sick(tie.column), course.is_accused()) {
                (true, false) => {
                    course.standing = Standing::Accused { size: f64::INFINITY, agrees: None };
                }
                (false, true) => course.standing = Standing::Well,
                _ => {}
            }
        }
        self.remember(at);
        let suspect = self.suspect(ties);
        let mut words = Vec::new();
        for (ix, tie) in ties.all.iter().enumerate() {
            let is_suspect = suspect.is_some_and(|(of, _)| of == ix);
            let stands_well = self.courses[ix].standing == Standing::Well;
            if !self.courses[ix].whole || (stands_well && !is_suspect) {
                continue;
            }
            let error = self.error(ties, tie.column);
            let is_clear = suspect.is_some_and(|(_, clear)| clear);
            let is_firm = is_clear && error.worst[1].max(error.worst[2]) > 1.0;
            let standing = match self.courses[ix].standing {
                Standing::Well if is_suspect => {
                    Standing::Suspected { since: at, last: at, firm: is_firm.then_some(at) }
                }
                Standing::Suspected { since, firm: before, .. } if is_suspect => {
                    let firm = is_firm.then(|| before.unwrap_or(at));
                    if firm.is_some_and(|firm| at >= firm.plus(ACCUSED_AFTER)) {
                        let (kind, begun) = self.kind(ties, ix, at);
                        words.push((tie.column, Word::Accused(kind, begun)));
                        let size = error.size[1].abs().max(error.size[2].abs());
                        Standing::Accused { size, agrees: None }
                    } else {
                        Standing::Suspected { since, last: at, firm }
                    }
                }
                Standing::Suspected { last, .. } if at >= last.plus(CALM) => Standing::Well,
                Standing::Accused { size, agrees } => {
                    let calm = error.worst[1] < AGREES.0 && error.size[1].abs() < AGREES.1 * size;
                    let agrees = calm.then(|| agrees.unwrap_or(at));
                    if agrees.is_some_and(|agrees| at >= agrees.plus(ACQUITTED_AFTER)) {
                        words.push((tie.column, Word::Acquitted));
                        Standing::Well
                    } else {
                        Standing::Accused { size, agrees }
                    }
                }
                standing => standing,
            };
            self.courses[ix].standing = standing;
        }
        // What the others remember of an accused tag's error goes with it.
        for (column, _) in words.iter().filter(|(_, word)| *word == Word::Acquitted) {
            let touched =
                |tie: &Tie| tie.column == *column || tie.by.iter().any(|(ix, _)| ix == column);
            for (_, course) in
                ties.all.iter().zip(&mut self.courses).filter(|(tie, _)| touched(tie))
            {
                course.begin_anew();
            }
        }
        words
    }

    fn remember(&mut self, at: Timestamp) {
        let minute = at.floor(Duration::from_secs(60));
        if self.minute.replace(minute) == Some(minute) {
            return;
        }
        if self.history.len() == MINUTES {
            self.history.pop_front();
        }
        let of = |course: &Course| {
            let [value, _] = course.values.filter(|_| course.whole)?;
            Some((course.residual()[1], value))
        };
        self.history.push_back(Minute { at, ties: self.courses.iter().map(of).collect() });
    }
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests;
