//! What became of the batches that models judged: how often good ones were flagged, and whether limits are right still.

use super::Learning;
use crate::batch::Batch;
use crate::engine::effect::WrongFlagsRecord;
use crate::plant::{Line, ModelSettings};
use crate::reading::Timestamp;
use crate::words::ModelReason;
use std::sync::Arc;

impl Learning {
    /// A batch of the line has ended: what it reached is kept until it is known what it was.
    pub(in crate::engine) fn end_batch(&mut self, batch: &Batch) {
        let models = batch.grade.as_ref().and_then(|grade| self.grades.get_mut(grade));
        let Some(models) = models else { return };
        if let Some(judging) = &mut models.judging {
            let flagged = batch.first_flag.is_some();
            models.track.judged(judging.online.ended(Arc::clone(&batch.id), flagged));
            if let Some(challenger) = &mut models.challenger {
                challenger.end_batch(&batch.id);
            }
        }
    }

    /// How often good batches of a grade were flagged by its models; `None` before there is one, and where the budget
    /// does not count batches.
    pub(in crate::engine) fn wrong_flags(
        &self,
        line: &Line,
        grade: &Arc<str>,
        (settings, at): (&ModelSettings, Timestamp),
    ) -> Option<WrongFlagsRecord> {
        let models = self.grades.get(grade)?;
        let calibration = &models.judging.as_ref()?.model()?.header().calibration;
        if !calibration.is_of_batches() {
            return None;
        }
        Some(WrongFlagsRecord {
            line: Arc::clone(&line.name),
            grade: Arc::clone(grade),
            at,
            promised: calibration.rate,
            realized: models.track.realized()?,
            limit_scale: if settings.adapt_limits { models.track.scale(calibration) } else { 1.0 },
        })
    }

    /// Why the model of a grade is not right any more, as it is now, if that was told.
    pub(in crate::engine) fn drifted(&self, grade: &str) -> Option<ModelReason> {
        let models = self.grades.get(grade).filter(|models| models.drifted)?;
        let calibration = &models.judging.as_ref()?.model()?.header().calibration;
        let (exceeded, of) = models.track.drift(calibration)?;
        Some(ModelReason::Drifted { exceeded, of, one_in: 1.0 / calibration.rate })
    }

    /// Why the model of a grade is not right any more, the first time that this shows.
    pub(in crate::engine) fn drift(&mut self, grade: &str) -> Option<(u32, ModelReason)> {
        let models = self.grades.get_mut(grade)?;
        let judging = models.judging.as_ref()?;
        let calibration = &judging.model()?.header().calibration;
        let (exceeded, of) = models.track.drift(calibration)?;
        let reason = ModelReason::Drifted { exceeded, of, one_in: 1.0 / calibration.rate };
        (!std::mem::replace(&mut models.drifted, true)).then_some((judging.version, reason))
    }
}
