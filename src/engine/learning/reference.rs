//! What models that are fitted again and again may not wander far from by themselves: the first firm model of a grade that
//! judged, or the newest that a person let judge.
//!
//! A fit takes the newest batches that are fit for learning. What goes wrong so slowly that no laboratory and nobody else
//! sees it is in them, and each model would be but a little further than the one before. Where a person has looked, the
//! way begins anew.

use super::GradeModels;
use super::judging::Judging;
use crate::models::{Footing, Model};
use serde::{Deserialize, Serialize};

/// The reference of a grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Reference {
    version: u32,
    footing: Footing,
}

impl Reference {
    fn of(judging: &Judging) -> Option<Self> {
        Some(Self { version: judging.version, footing: judging.model()?.footing() })
    }

    /// Why a model is too far from here to judge unless a person says so.
    pub(super) fn is_left_by(&self, model: &Model) -> Option<String> {
        let Self { version, footing } = self;
        let how = match footing.wander(model) {
            Some(wander) => wander.beyond()?,
            None => "they have no tag in common of which both say something".to_owned(),
        };
        Some(format!("version {version}: {how}"))
    }
}

impl GradeModels {
    /// The model that judges is the reference: a person put it there.
    pub(super) fn refer_to_judging(&mut self) {
        self.reference = self.judging.as_ref().and_then(Reference::of);
    }

    /// The first firm model that judges is the reference. One whose limits are provisional knows too few batches.
    pub(super) fn find_reference(&mut self) {
        let model = self.judging.as_ref().and_then(Judging::model);
        let is_firm = model.is_some_and(|model| !model.header().calibration.provisional);
        if self.reference.is_none() && is_firm {
            self.refer_to_judging();
        }
    }
}

#[cfg(test)]
mod tests;
