//! Which sensor is sick by what the tags tied to it say.
//!
//! A sensor is suspected when its tie is broken and its error alone explains every broken tie: with what its own
//! tie says of its error taken out of the others, none of them is broken. A process that goes wrong breaks several
//! ties in several ways, or none. A suspect is left out of what is judged at once, and accused when it stays.
//!
//! | standing | input | next |
//! | --- | --- | --- |
//! | well | it alone explains what is broken | suspected |
//! | suspected | so for [`ACCUSED_AFTER`] | accused |
//! | suspected | nothing broken for [`CALM`] | well |
//! | accused | it agrees with the others for [`ACQUITTED_AFTER`] | well |

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
/// With the suspect's error taken out, ties may be as far from zero, in their limits.
const EXPLAINED: f64 = 0.8;

/// A weight is known to so much of itself: far from where it was learned a tie is no longer exact.
const WEIGHTS: f64 = 0.01;

/// Minutes kept of each tied tag, for the kind and the begin of its fault.
const MINUTES: usize = 60;
/// A sensor whose value moved by less than this share of what it should have is frozen.
const FROZEN: f64 = 0.5;

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
    /// What the others add up to, by size: a weight that is a little wrong makes so much of it.
    load: f64,
    /// The tag's value, quick, and its baseline.
    value: f64,
    usual: f64,
    /// True if the newest frame had the tag and all others, none of them accused.
    whole: bool,
    standing: Standing,
    /// Residual and value of the newest minutes, quick.
    history: VecDeque<(Timestamp, f64, f64)>,
}

impl Course {
    fn new() -> Self {
        Self {
            smooth: [0.0; 3],
            baseline: 0.0,
            load: 0.0,
            value: 0.0,
            usual: 0.0,
            whole: false,
            standing: Standing::Well,
            history: VecDeque::new(),
        }
    }

    fn is_accused(&self) -> bool {
        matches!(self.standing, Standing::Accused { .. })
    }

    /// The residual beyond its baseline: first look, quick, slow.
    fn residual(&self) -> [f64; 3] {
        self.smooth.map(|smooth| smooth - self.baseline)
    }

    /// Sizes of residuals in their limits.
    fn ratios(&self, tie: &Tie, r: [f64; 3]) -> [f64; 3] {
        let [quick, slow] = tie.limits.map(|limit| limit + WEIGHTS * self.load);
        [r[0].abs() / (FIRST * quick), r[1].abs() / quick, r[2].abs() / slow]
    }

    fn begin_anew(&mut self) {
        self.smooth = [self.baseline; 3];
        self.value = self.usual;
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
        let accused: Vec<usize> = ties
            .all
            .iter()
            .zip(&self.courses)
            .filter(|(_, course)| course.is_accused())
            .map(|(tie, _)| tie.column)
            .collect();
        let z = |ix: usize| {
            let value = row.get(ix).copied().unwrap_or(f64::NAN);
            (value - ties.mean[ix]) / ties.sd[ix]
        };
        let weights = [FIRST_S, QUICK_S, SLOW_S].map(|tau| (seconds / tau).min(1.0));
        // What is suspect does not move what it is compared with.
        let calm = self.courses.iter().all(|course| course.standing == Standing::Well);
        let slowly = if calm { (seconds / BASELINE_S).min(1.0) } else { 0.0 };
        for (tie, course) in ties.all.iter().zip(&mut self.courses) {
            let value = z(tie.column);
            let (mut by, mut load) = (0.0, 0.0);
            for (ix, weight) in &tie.by {
                let part = weight * z(*ix);
                by += part;
                load += part.abs();
            }
            course.whole =
                (value - by).is_finite() && !tie.by.iter().any(|(ix, _)| accused.contains(ix));
            if !course.whole {
                continue;
            }
            for (smooth, weight) in course.smooth.iter_mut().zip(weights) {
                *smooth += weight * (value - by - *smooth);
            }
            course.baseline += slowly * (course.smooth[1] - course.baseline);
            course.load += weights[1] * (load - course.load);
            course.value += weights[1] * (value - course.value);
            course.usual += slowly * (course.value - course.usual);
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
            let course = &mut self.courses[ix];
            if !course.whole {
                continue;
            }
            let r = course.residual();
            let ratios = course.ratios(tie, r);
            let firm = ratios[1].max(ratios[2]) > 1.0;
            course.standing = match course.standing {
                Standing::Well if suspect == Some(ix) => {
                    Standing::Suspected { since: at, last: at, firm: firm.then_some(at) }
                }
                Standing::Suspected { since, firm: before, .. } if suspect == Some(ix) => {
                    let firm = firm.then(|| before.unwrap_or(at));
                    if firm.is_some_and(|firm| at >= firm.plus(ACCUSED_AFTER)) {
                        let (kind, begun) = course.kind(at);
                        words.push((tie.column, Word::Accused(kind, begun)));
                        Standing::Accused { size: r[1].abs().max(r[2].abs()), agrees: None }
                    } else {
                        Standing::Suspected { since, last: at, firm }
                    }
                }
                Standing::Suspected { last, .. } if at >= last.plus(CALM) => Standing::Well,
                Standing::Accused { size, agrees } => {
                    let calm = ratios[1] < AGREES.0 && r[1].abs() < AGREES.1 * size;
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

    /// The tie whose tag alone explains every broken tie.
    fn suspect(&self, ties: &Ties) -> Option<usize> {
        let open = |ix: &usize| self.courses[*ix].whole && !self.courses[*ix].is_accused();
        let is_broken = |ix: &usize| {
            let course = &self.courses[*ix];
            course
                .ratios(&ties.all[*ix], course.residual())
                .into_iter()
                .any(|ratio| ratio > SUSPICIOUS)
        };
        let all: Vec<usize> = (0..ties.all.len()).filter(open).collect();
        let mut best: Option<(f64, f64, usize)> = None;
        for ix in all.iter().copied().filter(is_broken) {
            let column = ties.all[ix].column;
            let error = self.courses[ix].residual();
            let mut rest = 0.0;
            let explains = all.iter().all(|other| {
                let (tie, course) = (&ties.all[*other], &self.courses[*other]);
                let share = if *other == ix {
                    1.0
                } else {
                    -tie.by.iter().find(|(by, _)| *by == column).map_or(0.0, |(_, w)| *w)
                };
                let mut r = course.residual();
                r.iter_mut().zip(error).for_each(|(r, error)| *r -= share * error);
                let worst = course.ratios(tie, r).into_iter().fold(0.0, f64::max);
                rest += worst * worst;
                worst <= EXPLAINED
            });
            if !explains {
                continue;
            }
            // Of two that explain it equally well, the one that moved.
            let moved = (self.courses[ix].value - self.courses[ix].usual).abs();
            let better = best.is_none_or(|(least, most, _)| {
                if (rest - least).abs() < 0.5 { moved > most } else { rest < least }
            });
            if better {
                best = Some((rest, moved, ix));
            }
        }
        best.map(|(.., ix)| ix)
    }

    fn remember(&mut self, at: Timestamp) {
        let minute = at.floor(Duration::from_secs(60));
        if self.minute.replace(minute) == Some(minute) {
            return;
        }
        for course in self.courses.iter_mut().filter(|course| course.whole) {
            let [_, quick, _] = course.residual();
            if course.history.len() == MINUTES {
                course.history.pop_front();
            }
            course.history.push_back((at, quick, course.value));
        }
    }
}

impl Course {
    /// What the residual's course looks like, and since when.
    fn kind(&self, at: Timestamp) -> (Disagreement, Timestamp) {
        let values: Vec<f64> = self.history.iter().map(|(_, r, _)| *r).collect();
        let step = best_fit(&values, |_| 1.0);
        let ramp = best_fit(&values, |minutes| minutes + 1.0);
        let (drift, (_, begin)) = if ramp.0 < 0.8 * step.0 { (true, ramp) } else { (false, step) };
        let Some((since, r, value)) = self.history.get(begin.saturating_sub(1)).copied() else {
            return (Disagreement::Offset, at);
        };
        // Of what it should have moved since then, how much it did. Over some minutes every step looks like a ramp.
        let newest = values.last().copied().unwrap_or(r);
        let (moved, missing) = ((self.value - value).abs(), (newest - r).abs());
        let long = at >= since.plus(Duration::from_secs(600));
        let kind = if moved < FROZEN * missing {
            Disagreement::Frozen
        } else if drift && long {
            Disagreement::Drift
        } else {
            Disagreement::Offset
        };
        (kind, since)
    }
}

/// The least sum of squares that a course of this shape leaves, which begins at some place and is zero before,
/// and that place.
fn best_fit(values: &[f64], shape: impl Fn(f64) -> f64) -> (f64, usize) {
    let all: f64 = values.iter().map(|v| v * v).sum();
    let mut best = (all, values.len().saturating_sub(1));
    for begin in 0..values.len() {
        let (mut along, mut size, mut minutes) = (0.0, 0.0, 0.0);
        for value in &values[begin..] {
            let s = shape(minutes);
            along += value * s;
            size += s * s;
            minutes += 1.0;
        }
        let left = all - along * along / size;
        if left < best.0 {
            best = (left, begin);
        }
    }
    best
}

#[cfg(test)]
mod tests;
