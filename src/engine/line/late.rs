//! Readings that come late are given to the batch that they belong to.
//!
//! Of quality tags, and of those that turn time into length and mass, the readings of the last hour are
//! kept. When one comes whose frame is closed, what was made of its batch is counted again, frame by frame,
//! with what is known now: the batch is then what it would be had the reading come in time. Scores stay as
//! they were said; frames to learn from stay as they were judged, for that is how a model will see them.
//!
//! A batch in progress is counted again a minute of the line's clock after the first late reading, and at its
//! end; a finished one a minute after the first late reading, so that a thousand of them are one revision.

use super::judging::Told;
use super::{Context, LineState, TagState};
use crate::batch::{Batch, Entry, Made, Past, Product};
use crate::plant::{Grade, Line, Role, Tag};
use crate::quality::SensorFault;
use crate::reading::{TagIx, Timestamp};
use crate::verdict::follow_limits;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A reading that is further behind the line's clock changes no batch.
pub(in crate::engine) const HORIZON: Duration = Duration::from_secs(3600);

/// What comes late is gathered for so long.
const GATHER: Duration = Duration::from_secs(60);

/// Readings kept of a tag. One that sends more in an hour has a nearer horizon, and with it its line.
const READINGS_MAX: usize = 8192;

/// The readings of a tag lately, by time. A NaN says that nothing before it is held.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Lately(VecDeque<(Timestamp, f64)>);

/// What came late to a line and is not counted yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Late {
    /// When it is to be counted, by the line's own clock: the same messages are counted at the same places
    /// however fast they arrive.
    due: Option<Timestamp>,
    /// What lies before is folded: nothing can be counted again.
    edge: Option<Timestamp>,
}

impl Lately {
    /// Keeps a reading; of one time the later arrival stays. True if that is news.
    fn keep(&mut self, at: Timestamp, value: f64) -> bool {
        let ix = self.0.partition_point(|(known, _)| *known < at);
        match self.0.get_mut(ix).filter(|(known, _)| *known == at) {
            Some((_, known)) if known.to_bits() == value.to_bits() => false,
            Some((_, known)) => {
                *known = value;
                true
            }
            None => {
                self.0.insert(ix, (at, value));
                true
            }
        }
    }

    /// Nothing before `open` is held any more, and what came for later frames is not believed.
    fn forget(&mut self, open: Timestamp) {
        self.0.truncate(self.0.partition_point(|(at, _)| *at < open));
        self.keep(Timestamp::from_nanos(open.as_nanos().saturating_sub(1)), f64::NAN);
    }

    /// The value of a frame: the mean of its readings, or the last one before it, held for `stale`.
    #[expect(clippy::cast_precision_loss, reason = "a frame has far fewer than 2^53 readings")]
    fn value(&self, (start, end): (Timestamp, Timestamp), stale: Duration) -> f64 {
        let first = self.0.partition_point(|(at, _)| *at < start);
        let inside = self.0.range(first..).take_while(|(at, _)| *at < end);
        let (sum, n) = inside
            .filter(|(_, value)| !value.is_nan())
            .fold((0.0, 0_usize), |(sum, n), (_, value)| (sum + value, n + 1));
        if n > 0 {
            return sum / n as f64;
        }
        let held = first.checked_sub(1).and_then(|ix| self.0.get(ix));
        held.filter(|(at, _)| end <= at.plus(stale)).map_or(f64::NAN, |(_, value)| *value)
    }

    /// Forgets what no frame from `edge` on can need: all before it but the last.
    fn trim(&mut self, edge: Timestamp) {
        let before = self.0.partition_point(|(at, _)| *at < edge);
        self.0.drain(..before.saturating_sub(1));
    }

    /// Where the horizon has to be, so that no more than allowed is kept.
    fn edge(&self) -> Option<Timestamp> {
        let over = self.0.len().checked_sub(READINGS_MAX)?;
        // A quarter more, so that it is not moved with each reading.
        self.0.get(over + READINGS_MAX / 4).map(|(at, _)| *at)
    }
}

/// True if the tag's readings are kept.
fn is_kept(line: &Line, tag: &Tag) -> bool {
    let is = |id: &Option<Arc<str>>| id.as_ref() == Some(&tag.id);
    tag.role == Role::Quality || is(&line.rate.length) || is(&line.rate.mass)
}

/// The value of a tag in a frame, by what is known now.
fn value_of(line: &Line, tags: &[TagState], id: &str, frame: (Timestamp, Timestamp)) -> f64 {
    let ix = line.tag_position(id);
    ix.map_or(f64::NAN, |ix| tags[ix].lately.value(frame, line.tags[ix].stale))
}

/// What is made in a frame, by the value of the line's speed and production rate.
pub(super) fn made(
    line: &Line,
    (start, end): (Timestamp, Timestamp),
    value: impl Fn(&str) -> f64,
) -> Made {
    let seconds = end.seconds_since(start);
    let rate = |id: &Option<Arc<str>>| {
        let value = value(id.as_ref()?);
        value.is_finite().then(|| value.max(0.0))
    };
    let metres = rate(&line.rate.length).map(|m_per_min| m_per_min / 60.0 * seconds);
    let kg = rate(&line.rate.mass).map(|t_per_h| t_per_h / 3.6 * seconds);
    Made { start, end, metres, kg }
}

/// Counts an entry.
fn count(
    (line, tags): (&Line, &[TagState]),
    grade: Option<&Grade>,
    entry: Entry,
    (product, flags): (&mut Product, &mut BTreeSet<Arc<str>>),
) {
    match entry {
        Entry::Unseen(seconds) => product.count_unseen(seconds),
        Entry::Blind => product.lose_sight(),
        Entry::Made { start, end } => {
            let value = |id: &str| value_of(line, tags, id, (start, end));
            let limits = grade.into_iter().flat_map(|grade| &grade.spec);
            let limits: Vec<_> = limits
                .filter(|(tag, _)| line.tag_position(tag).is_some())
                .map(|(tag, limit)| (tag, value(tag), limit))
                .collect();
            product.count(&made(line, (start, end), value), &limits);
            if grade.is_some() {
                follow_limits(flags, product, end);
            }
        }
    }
}

/// What was made of a batch, and the quality tags that flag it, by what is known now.
fn counted_again(
    (line, tags): (&Line, &[TagState]),
    grade: Option<&Grade>,
    past: &Past,
) -> (Product, BTreeSet<Arc<str>>) {
    let (mut product, mut flags) = (past.base.clone(), past.flags.clone());
    for entry in &past.entries {
        count((line, tags), grade, *entry, (&mut product, &mut flags));
    }
    (product, flags)
}

impl LineState {
    /// Keeps a reading that a frame may use; one whose frame is closed is `late`.
    pub(super) fn keep_lately(
        &mut self,
        cx: &Context<'_>,
        tag: TagIx,
        at: Timestamp,
        value: f64,
        late: bool,
    ) {
        if !is_kept(cx.line, &cx.line.tags[tag.get()]) {
            return;
        }
        let edge = self.horizon();
        let out = late && edge.is_none_or(|edge| at < edge);
        if !out && self.tags[tag.get()].lately.keep(at, value) && late {
            self.late.due = self.late.due.or(self.newest.map(|newest| newest.plus(GATHER)));
        }
    }

    /// What was held of a tag whose sensor fell sick is not believed any more. One that fell silent is no
    /// such: what it says later of that time is believed.
    pub(super) fn forget_lately(&mut self, tag: TagIx, fault: SensorFault) {
        if fault != SensorFault::Stale
            && let Some(open) = self.framer.open()
        {
            self.tags[tag.get()].lately.forget(open);
        }
    }

    /// What lies before changes no batch any more.
    fn horizon(&self) -> Option<Timestamp> {
        let edge = self.framer.open()?.minus(HORIZON);
        Some(self.late.edge.map_or(edge, |folded| folded.max(edge)))
    }

    /// Folds what is beyond the horizon: once a minute, or when a tag has too many readings.
    pub(super) fn fold_past(&mut self, cx: &Context<'_>, minute: bool) {
        let full = self.tags.iter().filter_map(|tag| tag.lately.edge()).max();
        if !minute && full.is_none() {
            return;
        }
        let Some(edge) = self.horizon().max(full) else { return };
        for batch in self.book.all_mut() {
            let grade = cx.grade_of(batch);
            while let Some(entry) = batch.past.take_older(edge) {
                let Past { base, flags, .. } = &mut batch.past;
                count((cx.line, &self.tags), grade, entry, (base, flags));
            }
            if batch.past.is_over() && batch.ended.is_some() {
                batch.past = Past::default();
                // It was told when it ended, and when it was counted again.
                batch.product.along = None;
                if let Some(judge) = self.judges.get_mut(&batch.id) {
                    judge.forget_sections();
                }
            }
        }
        self.tags.iter_mut().for_each(|tag| tag.lately.trim(edge));
        self.late.edge = Some(edge);
    }

    /// Another configuration counts otherwise: what was counted until now stays.
    pub(super) fn close_past(&mut self) {
        let judges = &self.judges;
        for batch in self.book.all_mut() {
            let flags = judges.get(&batch.id).map(|judge| judge.limit_flags().clone());
            batch.past = match batch.ended {
                None => Past::from_now(&batch.product, flags.unwrap_or_default()),
                Some(_) => Past::default(),
            };
        }
        self.late = Late { due: None, edge: self.framer.open() };
    }

    /// Counts what came late, once it is time, or `at_once`.
    pub(super) fn count_late(&mut self, cx: &mut Context<'_>, at_once: bool) {
        let Some(due) = self.late.due else { return };
        if !at_once && self.newest.is_none_or(|newest| newest < due) {
            return;
        }
        self.late.due = None;
        let may_change = |batch: &&mut Batch| !batch.past.is_over();
        let ids: Vec<_> =
            self.book.all_mut().filter(may_change).map(|batch| Arc::clone(&batch.id)).collect();
        let at = self.framer.open().unwrap_or_default();
        for id in ids {
            if self.count_again(cx, &id)
                && let Some(batch) = self.book.find_mut(&id).filter(|batch| batch.ended.is_some())
            {
                batch.revision += 1;
                self.conclude(cx, &id, at, Told::IfAnother);
            }
        }
    }

    /// Counts a batch again, before its end is judged.
    pub(super) fn count_before_end(&mut self, cx: &Context<'_>, id: &str) {
        if self.late.due.is_some() {
            self.count_again(cx, id);
        }
    }

    /// Counts a batch again; true if it is another one by that.
    pub(super) fn count_again(&mut self, cx: &Context<'_>, id: &str) -> bool {
        let Some(batch) = self.book.find(id).filter(|batch| !batch.past.is_over()) else {
            return false;
        };
        let grade = cx.grade_of(batch);
        let (product, flags) = counted_again((cx.line, &self.tags), grade, &batch.past);
        if let Some(judge) = self.judges.get_mut(id) {
            judge.set_limit_flags(flags);
        }
        let Some(batch) = self.book.find_mut(id) else { return false };
        let before = std::mem::replace(&mut batch.product, product);
        before != batch.product
    }

    /// The batches that counting again would change though nothing came late: none.
    #[cfg(test)]
    pub(in crate::engine) fn miscounted(
        &self,
        line: &Line,
        plant: &crate::plant::Plant,
    ) -> Vec<String> {
        let mut book = self.book.clone();
        let current = book.all_mut().filter(|batch| !batch.past.is_over());
        let wrong = current.filter(|batch| {
            let grade = batch.grade.as_ref().and_then(|name| plant.grades.at(name, batch.started));
            let (product, flags) = counted_again((line, &self.tags), grade, &batch.past);
            let judged =
                self.judges.get(&batch.id).is_none_or(|judge| *judge.limit_flags() == flags);
            product != batch.product || !judged
        });
        wrong.map(|batch| batch.id.to_string()).collect()
    }
}
