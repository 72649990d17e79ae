//! The grades that a line was told to make, by the instants from which on, and those of its batches.

use super::{Book, Change as BatchChange};
use crate::batch::Batch;
use crate::plant::Grades;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Changes of grade that are remembered.
const CHANGES_MAX: usize = 64;

/// A grade that was told, and since when; the line's own, as it is configured, since ever.
type Change = (Option<Timestamp>, Option<Arc<str>>);

/// The changes of grade of a line before its newest, oldest first: a batch that names no grade is of the one that was made
/// when it began, however late that is told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct GradesTold(VecDeque<Change>);

impl GradesTold {
    /// Takes a change where it belongs in time; of one instant the later one told counts. False if it was told before.
    fn take(&mut self, since: Option<Timestamp>, grade: Option<Arc<str>>) -> bool {
        let change = (since, grade);
        if self.has(&change) {
            return false;
        }
        let ix = self.0.partition_point(|(known, _)| *known <= since);
        self.0.insert(ix, change);
        if self.0.len() > CHANGES_MAX {
            self.0.pop_front();
        }
        true
    }

    /// True if the change was told before.
    fn has(&self, change: &Change) -> bool {
        self.0.contains(change)
    }

    /// The grade at an instant; what was made before the oldest change that is remembered is taken for that one's, and for
    /// the `newest` where none is remembered, as after a release that did not.
    fn at<'a>(&'a self, instant: Timestamp, newest: Option<&'a Arc<str>>) -> Option<&'a Arc<str>> {
        let known =
            self.0.iter().rev().find(|(since, _)| since.is_none_or(|since| since <= instant));
        known.or(self.0.front()).map_or(newest, |(_, grade)| grade.as_ref())
    }
}

impl Book {
    /// The line changes to a grade at an instant: batches that began since and named none are of it.
    pub(super) fn change_grade(
        &mut self,
        grade: &Arc<str>,
        at: Timestamp,
        grades: &Grades,
        out: &mut Vec<BatchChange>,
    ) {
        let told = (Some(at), Some(Arc::clone(grade)));
        if told == (self.grade_since, self.grade.clone()) {
            return;
        }
        if self.grade_since.is_none_or(|since| at >= since) {
            if self.grades_before.has(&told) {
                return;
            }
            let since = self.grade_since.replace(at);
            let before = self.grade.replace(Arc::clone(grade));
            self.grades_before.take(since, before);
        } else if !self.grades_before.take(told.0, told.1) {
            return;
        }
        let guessed = |batch: &&Batch| batch.grade_guessed && batch.started >= at;
        let current = self.stations.values().filter_map(|station| station.current.as_ref());
        let others = current.chain(&self.finished).filter(guessed).filter_map(|batch| {
            let grade = self.grade_of(batch);
            (grade != batch.grade).then(|| (Arc::clone(&batch.id), grade))
        });
        for (id, grade) in others.collect::<Vec<_>>() {
            self.regrade(&id, grade, grades, out);
        }
    }

    /// The grade that was made at an instant.
    fn grade_at(&self, instant: Timestamp) -> Option<&Arc<str>> {
        if self.grade_since.is_none_or(|since| since <= instant) {
            return self.grade.as_ref();
        }
        self.grades_before.at(instant, self.grade.as_ref())
    }

    /// The grade of a batch that names none. Of one whose beginning is not known it is what was made just before its end.
    pub(super) fn grade_of(&self, batch: &Batch) -> Option<Arc<str>> {
        let moment = Duration::from_nanos(u64::from(!batch.begin_known));
        self.grade_at(batch.started.minus(moment)).cloned()
    }

    /// A batch is of another grade than was thought.
    pub(super) fn regrade(
        &mut self,
        id: &Arc<str>,
        grade: Option<Arc<str>>,
        grades: &Grades,
        out: &mut Vec<BatchChange>,
    ) {
        let Some(batch) = self.find_mut(id) else { return };
        let before = batch.regrade(grade, grades);
        batch.revision += 1;
        out.push(BatchChange::Regraded(Arc::clone(id), before));
    }
}
