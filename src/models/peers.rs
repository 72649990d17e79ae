//! Which sensor is sick by what the tags tied to it say.
//!
//! An error of a tag moves the residual of its own tie by as much, and of a tie that it is a predictor in by minus its
//! weight there. Its estimate is the weighted least squares of all of these. A sensor is suspected when its error alone
//! explains every tie that is broken ([`isolation`]). A process that goes wrong breaks several ties in several ways, or
//! none. A suspect is left out of what is judged at once, and accused when it stays ([`standing`]).

mod course;
mod history;
mod isolation;
mod standing;

use super::ties::Ties;
use crate::reading::Timestamp;
use course::{Course, Minute, Untied};
use isolation::Evidence;
use serde::{Deserialize, Serialize};
use standing::{Change, Found, Standing};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How often ties are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// After so long without a frame, from the end of one to the begin of the next, smoothing begins anew.
const PAUSE: Duration = Duration::from_secs(150);
/// After a begin nothing is said for so long: the smoothed values have to leave where they began.
const SETTLE: Duration = Duration::from_secs(60);
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

/// What moves while ties are watched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Peers {
    /// One for each tie.
    courses: Vec<Course>,
    /// Tags that have a part in ties and none of their own.
    untied: Vec<Untied>,
    /// The newest minutes.
    minutes: VecDeque<Minute>,
    begun: Option<Timestamp>,
    last: Option<Timestamp>,
    looked: Option<Timestamp>,
    minute: Option<Timestamp>,
}

impl Peers {
    /// Takes a frame of so many seconds; `sick` tells for a column whether its sensor stands accused, by whatever model.
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
                untied: ties.untied().into_iter().map(Untied::new).collect(),
                ..Self::default()
            };
        }
        let paused = |last: Timestamp| at.seconds_since(last) - seconds > PAUSE.as_secs_f64();
        if self.last.replace(at).is_none_or(paused) {
            self.begun = Some(at);
            self.courses.iter_mut().for_each(Course::begin_anew);
            self.untied.iter_mut().for_each(Untied::begin_anew);
        }
        // What is suspect does not move what it is compared with.
        let calm = self.courses.iter().all(|course| course.standing == Standing::Well);
        for (tie, course) in ties.all.iter().zip(&mut self.courses) {
            course.take(tie, |column| ties.standardised(row, column), seconds, calm);
        }
        for untied in &mut self.untied {
            untied.take(ties.standardised(row, untied.column), seconds);
        }
    }

    fn look(
        &mut self,
        ties: &Ties,
        at: Timestamp,
        sick: &dyn Fn(usize) -> bool,
    ) -> Vec<(usize, Word)> {
        for (tie, course) in ties.all.iter().zip(&mut self.courses) {
            course.standing = course.standing.told(sick(tie.column));
        }
        self.remember(at);
        let suspects: BTreeMap<usize, bool> =
            Evidence::new(ties, self).suspects().into_iter().collect();
        let mut words = Vec::new();
        for (ix, tie) in ties.all.iter().enumerate() {
            let course = &self.courses[ix];
            let is_clear = suspects.get(&tie.column).copied().filter(|_| course.is_whole);
            let is_suspect = is_clear.is_some();
            if course.standing == Standing::Well && !is_suspect {
                continue;
            }
            // Made anew for each: one that was accused a moment ago says nothing of the next.
            let evidence = Evidence::new(ties, self);
            let is_clear = is_clear.unwrap_or(false);
            let error = course.is_whole.then(|| evidence.error(tie.column)).flatten();
            let found = Found { at, is_suspect, is_clear, error };
            let (standing, change) = course.standing.next(&found);
            words.extend(change.map(|change| match change {
                Change::Accused => {
                    let (how, since) =
                        evidence.history(tie.column).disagreement(at, course.deviation());
                    (tie.column, Word::Accused(how, since))
                }
                Change::Acquitted => (tie.column, Word::Acquitted),
            }));
            self.courses[ix].standing = standing;
        }
        // What the others remember of an accused tag's error goes with it.
        for (column, _) in words.iter().filter(|(_, word)| *word == Word::Acquitted) {
            for (tie, course) in ties.all.iter().zip(&mut self.courses) {
                if tie.part_of(*column).is_some() {
                    course.begin_anew();
                }
            }
        }
        words
    }

    /// Keeps what there is at the first look of a minute.
    fn remember(&mut self, at: Timestamp) {
        let minute = at.floor(Duration::from_secs(60));
        if self.minute.replace(minute) == Some(minute) {
            return;
        }
        if self.minutes.len() == MINUTES {
            self.minutes.pop_front();
        }
        let ties = self.courses.iter().map(Course::end_of_minute).collect();
        let untied = self.untied.iter().map(|untied| untied.deviation).collect();
        self.minutes.push_back(Minute { at, ties, untied });
    }
}

#[cfg(test)]
mod tests;
