//! What a run said of its batches, put together for the score.

use crate::alarm::{EventKind, Subject};
use crate::engine::Effect;
use crate::reading::Timestamp;
use crate::simulate::{BatchEnd, Said, Score, Tally, Truth, Verdicts, WatchPlan, Watchers};
use crate::verdict::Found;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Listens to effects.
#[derive(Debug, Default)]
pub struct Heard {
    verdicts: Verdicts,
    /// The newest word on the end of each batch.
    ends: BTreeMap<Arc<str>, BatchEnd>,
    /// The event time of the newest verdict.
    now: Option<Timestamp>,
}

impl Heard {
    /// Takes an effect.
    pub fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Verdict(document) => {
                self.now = self.now.max(Some(document.at()));
                self.verdicts.said.extend(Said::from_document(document));
            }
            Effect::SoftSensor(record) => {
                let key = (Arc::clone(&record.batch), Arc::clone(&record.foretold.property));
                self.verdicts.intervals.insert(key, record.foretold.interval);
            }
            Effect::Batch(record) => {
                if let Some(ended) = record.ended {
                    let bad = match record.found {
                        Some(Found::Bad) => Some(true),
                        Some(Found::Good) => Some(false),
                        Some(Found::Acted | Found::Open) | None => None,
                    };
                    let before = self.ends.get(&record.batch).and_then(|end| end.found);
                    let since = before.filter(|(_, before)| Some(*before) == bad);
                    let known = since.map(|(since, _)| since).or(self.now).unwrap_or(ended);
                    let end = BatchEnd {
                        batch: Arc::clone(&record.batch),
                        started: record.started,
                        ended,
                        mass_kg: record.mass_kg,
                        grade: record.grade.clone(),
                        found: bad.map(|bad| (known.max(ended), bad)),
                        lab: record.lab.clone(),
                    };
                    self.ends.insert(Arc::clone(&record.batch), end);
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
