//! A grade that has too few batches for a model of its own borrows one from the other grades of its line.

use super::asking::request;
use super::{BATCHES_MAX, GradeModels, Learning};
use crate::engine::effect::{FitRequest, Neighbour};
use crate::models::{Header, LENT_AT_LEAST};
use crate::plant::{BatchSource, Grade, Line, ModelSettings};
use crate::reading::{LineIx, Timestamp};
use std::sync::Arc;

/// The id of the first request for a borrowed model. They are counted by themselves, so that answers in the journal of a
/// release that knew no borrowed models stay those of their requests.
pub(in crate::engine) const FIRST_BORROWED: u64 = 1 << 32;

/// Batches of its own that a grade borrows a model with.
const OWN_AT_LEAST: usize = 4;

/// It borrows another one when it has so many times as many: the error of where it runs is then smaller by as much.
const AGAIN: usize = 2;

/// Grades that lend, at most.
const LENDERS_MAX: usize = 5;

impl Learning {
    /// The request for a borrowed model of this grade, if one is due.
    pub(in crate::engine) fn borrow_request(
        &mut self,
        (ix, line): (LineIx, &Line),
        grade: &Arc<str>,
        (settings, limits): (&ModelSettings, Option<&Grade>),
        now: Timestamp,
        id: u64,
    ) -> Option<FitRequest> {
        let models = self.grades.get(grade)?;
        if line.batch == BatchSource::None || !models.may_borrow(settings) {
            return None;
        }
        let own = models.fit.len();
        let neighbours = self.lenders(grade, settings, BATCHES_MAX.saturating_sub(own));
        if neighbours.is_empty() {
            return None;
        }
        let models = self.grades.get_mut(grade)?;
        let batches = models.fit.clone();
        let request = request((ix, line), (grade, limits), settings, batches, id)?;
        let request = FitRequest { neighbours, ..request };
        models.borrowed_with = own;
        models.requested = Some(now);
        models.open = Some(request.clone());
        Some(request)
    }

    /// The grades that have enough batches for a model of their own, each with the newest of them: those with the most
    /// batches first, `room` batches at most in all.
    fn lenders(&self, but: &Arc<str>, settings: &ModelSettings, room: usize) -> Vec<Neighbour> {
        let enough = settings.own_at_least();
        let others = self.grades.iter().filter(|(name, _)| *name != but);
        let mut lenders: Vec<_> = others.filter(|(_, models)| models.fit.len() >= enough).collect();
        lenders.sort_by_key(|(_, models)| std::cmp::Reverse(models.fit.len()));
        lenders.truncate(LENDERS_MAX);
        let n = lenders.len().max(1);
        let each = enough.max(LENT_AT_LEAST.div_ceil(n)).min(room / n);
        if each * n < LENT_AT_LEAST {
            return Vec::new();
        }
        let newest = |(name, models): (&Arc<str>, &GradeModels)| Neighbour {
            grade: Arc::clone(name),
            batches: models.fit[models.fit.len().saturating_sub(each)..].to_vec(),
        };
        lenders.into_iter().map(newest).collect()
    }
}

impl GradeModels {
    /// True while nothing judges that was learned from this grade alone. What a person installed counts as its own.
    pub(super) fn has_no_own(&self) -> bool {
        self.judging.is_none() || self.judges_on_loan().is_some() && !self.by_person
    }

    /// What is known of the borrowed model, if one judges.
    pub(super) fn judges_on_loan(&self) -> Option<&Header> {
        let header = self.judging.as_ref()?.model()?.header();
        header.source.is_borrowed().then_some(header)
    }

    fn may_borrow(&self, settings: &ModelSettings) -> bool {
        let own = self.fit.len();
        settings.borrow
            && self.open.is_none()
            && self.ready.is_none()
            && self.promoted.is_none()
            && self.has_no_own()
            && (OWN_AT_LEAST.max(AGAIN * self.borrowed_with)..settings.own_at_least())
                .contains(&own)
    }
}

#[cfg(test)]
mod tests;
