//! What the judge looks at.

use super::decision::{Decision, Standing, decide};
use super::document::{Learning, Left, Mover};
use super::foretold::Foretelling;
use super::prospects::Prospect;
use crate::batch::{Batch, PersonsWord, Product};
use crate::decode::Disposition;
use crate::plant::{Costs, Grade, SpecLimit, Transit};
use crate::reading::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Without an earlier batch to compare with, a batch is taken to last at least so long, s.
const LEAST_BATCH_S: f64 = 600.0;

/// The share of a batch that must have been seen to call it on spec.
pub(super) const COVERAGE: f64 = 0.8;

/// What the process model says of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessEvidence {
    /// The score, 1.0 is the limit; `None` if the frame cannot be judged.
    pub score: Option<f64>,
    /// The statistic that leads.
    pub statistic: Arc<str>,
    /// The tags that contribute, greatest first; empty unless the score is above 0.8.
    pub tags: Vec<(Arc<str>, f64)>,
    /// What they contribute by area, greatest first.
    pub areas: Vec<(Arc<str>, f64)>,
    /// The tags of the model that are judged by their change, and what it is taken over, s.
    pub changes: Vec<(Arc<str>, f64)>,
    /// The tags that are further from what the others tell of them than in control, the furthest first.
    pub movers: Vec<Mover>,
    /// Of these and of the tag that contributes most: from a reading to the arrival of what it saw at the end of the
    /// line, where that is known.
    pub transits: BTreeMap<Arc<str>, Transit>,
    /// False if each of these is within its guard band: the score is no reason for a flag.
    pub worth: bool,
    /// The watched tags that are missing from the frame.
    pub missing: Vec<Arc<str>>,
    /// The share of the model's weight that is there, 0–1.
    pub coverage: f64,
}

impl ProcessEvidence {
    /// Those of the changes that are of some tags with their shares.
    pub(super) fn changes_of(&self, tags: &[(Arc<str>, f64)]) -> Vec<(Arc<str>, f64)> {
        let named = |change: &&(Arc<str>, f64)| tags.iter().any(|(tag, _)| *tag == change.0);
        self.changes.iter().filter(named).cloned().collect()
    }
}

/// Everything the judge looks at, at a frame's end.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The frame's begin.
    pub start: Timestamp,
    /// The frame's end.
    pub at: Timestamp,
    /// The batch in progress; `None` on lines without batches.
    pub batch: Option<&'a Batch>,
    /// What was made of it; on lines without batches, what was made lately.
    pub product: &'a Product,
    /// The limits of the grade.
    pub grade: Option<&'a Grade>,
    /// The name of the grade, where it is not declared: nothing of it is called on spec.
    pub strange_grade: Option<&'a Arc<str>>,
    /// What the model says; `None` while there is none.
    pub process: Option<&'a ProcessEvidence>,
    /// How far the first model is, while there is none.
    pub learning: Option<Learning>,
    /// True if the line is in a state in which a model may judge: not in a change of grade, nor just
    /// after a break.
    pub steady: bool,
    /// The quality tags with limits that the frame does not have.
    pub missing: &'a [Arc<str>],
    /// What soft sensors say of the batch in progress; `None` while nothing can be foretold.
    pub foretold: Option<&'a Foretelling>,
    /// How it will end; `None` while nothing tells.
    pub prospect: Option<&'a Prospect>,
    /// The amount the batch is expected to have (metres or seconds, as the batch counts).
    pub expected: Option<f64>,
    /// What wrong decisions cost the plant, if it says so.
    pub costs: Option<&'a Costs>,
}

impl<'a> Evidence<'a> {
    /// The quality tags with limits of which too little was seen, and how much, 0–1.
    pub(super) fn unseen(&self) -> impl Iterator<Item = (&'a Arc<str>, f64)> {
        let product = self.product;
        let seen = move |tag: &'a Arc<str>| (tag, product.seen_share(tag));
        let tags = self.grade.into_iter().flat_map(|grade| grade.spec.keys());
        tags.map(seen).filter(|(_, share)| *share < COVERAGE)
    }

    /// The amount that the whole batch will have: what it has once it ended, else what is expected, as the batch counts.
    pub(super) fn whole(&self) -> f64 {
        let product = self.product;
        let amount = product.amount();
        if self.has_ended() {
            return amount;
        }
        let least = if product.made_m.is_some() {
            amount / product.made_s.max(1.0) * LEAST_BATCH_S
        } else {
            LEAST_BATCH_S
        };
        self.expected.unwrap_or(least).max(amount)
    }

    /// The greatest share of what may be outside a limit that is outside by now, 1 if that breaks it.
    #[must_use]
    pub fn limits_used(&self) -> f64 {
        let whole = self.whole();
        let used = |grade: &Grade, (tag, limit): (&Arc<str>, &SpecLimit)| {
            let out = self.product.amount_out(tag);
            if out > 0.0 { out / (grade.off_share(limit) * whole) } else { 0.0 }
        };
        let used = self.grade.map_or(0.0, |grade| {
            grade.spec.iter().map(|limit| used(grade, limit)).fold(0.0, f64::max)
        });
        used.min(1.0)
    }

    /// How much of the batch is made, 0–1; below 1 until it ended, `None` while nobody knows how large it will be.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        let batch = self.batch?;
        if self.has_ended() {
            return Some(1.0);
        }
        let expected = self.expected.filter(|expected| *expected > 0.0)?;
        Some((batch.product.amount() / expected).min(0.99))
    }

    /// What of the batch is still to be made, if as much comes of each minute as came so far; `None` of one that has ended,
    /// and while nobody knows how large it will be.
    #[must_use]
    pub fn left(&self) -> Option<Left> {
        let progress = self.progress().filter(|progress| *progress > 0.0)?;
        let batch = self.batch.filter(|_| !self.has_ended())?;
        let rest = (1.0 - progress) / progress;
        Some(Left {
            minutes: self.product.made_s / 60.0 * rest,
            tonnes: batch.mass_kg().map(|kg| kg / 1000.0 * rest),
            metres: self.product.made_m.map(|made| made * rest),
        })
    }

    fn has_ended(&self) -> bool {
        self.batch.is_some_and(|batch| batch.ended.is_some())
    }

    /// What to do with the batch by its chance of off spec; `None` where nobody says what mistakes cost, or a person has
    /// decided.
    pub(super) fn decision(&self, probability: f64) -> Option<Decision> {
        let (costs, batch) = (self.costs?, self.batch.filter(|batch| !batch.void)?);
        // Whoever holds it has not decided.
        let decided = |word: &PersonsWord| word.disposition != Disposition::Hold;
        if batch.disposition().is_some_and(decided) {
            return None;
        }
        let is_open = |property: &Arc<str>| !batch.lab_counting().contains_key(property);
        let can_test = self.grade.is_some_and(|grade| grade.lab.keys().any(is_open));
        let made_t = batch.mass_kg().map(|kg| kg / 1000.0);
        let (whole_t, left_min) = match self.left() {
            _ if self.has_ended() => (made_t, Some(0.0)),
            Some(left) => {
                (made_t.zip(left.tonnes).map(|(made, left)| made + left), Some(left.minutes))
            }
            None => (None, None),
        };
        let standing = Standing { probability, made_t, whole_t, left_min, can_test };
        Some(decide(costs, &standing, batch.advice))
    }
}
