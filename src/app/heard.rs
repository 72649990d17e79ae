//! What a run said of its batches, put together for the score.

use crate::alarm::{EventKind, Subject};
use crate::engine::Effect;
use crate::simulate::{BatchEnd, Said, Score, Tally, Truth, Verdicts, WatchPlan, Watchers};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Listens to effects.
#[derive(Debug, Default)]
pub struct Heard {
    verdicts: Verdicts,
    /// The newest word on the end of each batch.
    ends: BTreeMap<Arc<str>, BatchEnd>,
}

impl Heard {
    /// Takes an effect.
    pub fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Verdict(document) => self.verdicts.said.extend(Said::from_document(document)),
            Effect::Batch(record) => {
                if let Some(ended) = record.ended {
                    let batch = Arc::clone(&record.batch);
                    let (started, mass_kg) = (record.started, record.mass_kg);
                    self.ends
                        .insert(Arc::clone(&batch), BatchEnd { batch, started, ended, mass_kg });
                }
            }
            Effect::Notification(news) => {
                if let Subject::Sensor { tag, .. } = &news.subject
                    && news.kind == EventKind::SensorUnhealthy
                {
                    self.verdicts.unhealthy.push((Arc::clone(tag), news.at));
                }
            }
            _ => {}
        }
    }

    /// All that was said.
    #[must_use]
    pub fn finish(mut self) -> Verdicts {
        self.verdicts.ends = self.ends.into_values().collect();
        self.verdicts
    }

    /// The score against a truth, after so many batches to learn from (0 if that is not known): without
    /// plain watchers, whose learning batches a truth does not name.
    #[must_use]
    pub fn score(self, truth: &Truth, learning: u32) -> Score {
        let nobody = Watchers::new(WatchPlan::default());
        Tally::of(truth, &self.finish(), &nobody, None, learning).score()
    }
}
