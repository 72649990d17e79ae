//! The chart of one grade: where its limits come from, and when they come anew.

use crate::chart::{
    CONFIDENCE, Capability, Chart, FIRM, History, Limits, LimitsError, Point, Settings,
    Specification, TRIAL, capability,
};
use crate::plant::{ModelSettings, Refit, SpecLimit};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits come from at most twice as many batches, the newest; from more where these have too few points for firm ones.
const PAST_MAX: u32 = 50;

/// Batches that are needed for the first limits.
pub(super) fn needed(models: &ModelSettings, settings: &Settings) -> u32 {
    let batches = models.learning_batches.clamp(2, PAST_MAX);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let points = TRIAL as u32;
    // On trial, each batch is a point.
    if settings.trial { batches.max(points) } else { batches }
}

/// What a process can do, against the limits of its grade.
pub(super) fn capable(limits: &Limits, asked: Option<&SpecLimit>) -> Option<Capability> {
    let asked = asked?;
    let asked = Specification { lower: asked.low, upper: asked.high, target: asked.target };
    // Limits in the wrong order are refused with the configuration.
    capability(limits, asked, CONFIDENCE).ok()
}

/// The chart of a tag or a laboratory property for one grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct GradeChart {
    /// Up to so many batches, and those after them.
    older: Past,
    newer: Past,
    /// Batches that became history since limits were estimated.
    since_estimate: u32,
    /// The chart, from its first limits on.
    pub(super) chart: Option<Chart>,
    /// Why there are no limits.
    pub(super) why: Option<LimitsError>,
    /// Batches that the limits come from.
    pub(super) of_batches: u32,
    /// Points since the limits hold, and how many of them signalled.
    pub(super) points: u32,
    pub(super) signals: u32,
}

/// Batches whose points are history.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Past {
    batches: u32,
    points: Option<History>,
    /// The number of the newest one.
    newest: u64,
}

/// The points of a batch that is fit for learning.
#[derive(Debug)]
pub(super) struct Lesson<'a> {
    pub(super) made: &'a History,
    /// The batch's number: where each batch is a point, those with numbers that follow each other are neighbours.
    pub(super) number: u64,
    /// True where each batch is a point.
    pub(super) is_point: bool,
}

impl GradeChart {
    pub(super) fn batches(&self) -> u32 {
        self.older.batches + self.newer.batches
    }

    /// Takes the points of a good batch.
    pub(super) fn learn(&mut self, lesson: &Lesson<'_>) {
        let worth = self.newer.points.as_ref().map_or(0.0, History::effective);
        if self.newer.batches >= PAST_MAX && worth >= FIRM {
            self.older = std::mem::take(&mut self.newer);
        }
        // Where a batch is a point, batches that follow each other are neighbours. Those of minutes may lie hours apart.
        let neighbours = lesson.is_point && self.newer.newest + 1 == lesson.number;
        match &mut self.newer.points {
            Some(points) => points.append(lesson.made, neighbours),
            none => *none = Some(lesson.made.clone()),
        }
        self.newer.batches += 1;
        self.newer.newest = lesson.number;
        self.since_estimate = self.since_estimate.saturating_add(1);
    }

    /// True if limits are to be estimated: the first ones once there are batches enough, better ones while they are
    /// provisional, and then as often as models are fitted.
    fn is_due(&self, models: &ModelSettings, settings: &Settings, from: Timestamp) -> bool {
        let needed = needed(models, settings);
        let Some(limits) = self.limits() else { return self.batches() >= needed };
        if limits.valid_from >= from {
            // Nothing was made since: many batches were found good at once.
            return false;
        }
        if limits.provisional {
            return self.since_estimate >= needed;
        }
        let days = |days: u64| {
            let waited = Duration::from_secs(days * 86_400);
            from >= limits.valid_from.plus(waited)
        };
        match models.refit {
            Refit::Never => false,
            Refit::Daily => days(1),
            Refit::Weekly => days(7),
            Refit::Batches(n) => self.since_estimate >= n.max(1),
        }
    }

    /// True if the limits of this version are on trial.
    pub(super) fn is_on_trial(&self, version: u32) -> bool {
        let all = self.chart.as_ref().map_or(&[][..], |chart| chart.versions().all());
        all.iter().any(|limits| limits.version == version && limits.trial.is_some())
    }

    /// The newest limits.
    pub(super) fn limits(&self) -> Option<&Limits> {
        self.chart.as_ref()?.versions().all().last()
    }

    /// Limits from the history, if they are due: they hold from then on. Where there are none, [`Self::why`] says so.
    pub(super) fn renew(
        &mut self,
        models: &ModelSettings,
        settings: &Settings,
        from: Timestamp,
    ) -> Option<Limits> {
        if !self.is_due(models, settings, from) {
            return None;
        }
        match self.estimate(settings, from) {
            Ok(limits) => limits,
            Err(error) => {
                // Those that hold go on.
                if self.limits().is_none() {
                    self.why = Some(error);
                }
                None
            }
        }
    }

    /// Limits from the history, which hold from then on; `None` if they cannot.
    fn estimate(
        &mut self,
        settings: &Settings,
        from: Timestamp,
    ) -> Result<Option<Limits>, LimitsError> {
        let mut points = self.older.points.clone().unwrap_or_else(|| History::new(settings.kind));
        if let Some(newer) = &self.newer.points {
            points.append(newer, false);
        }
        let version = self.limits().map_or(1, |limits| limits.version + 1);
        let limits = settings.limits(&points, version, from)?;
        if self.chart.is_none() {
            // Settings that make no chart are refused with the configuration.
            self.chart = Chart::new(settings.clone()).ok();
        }
        let adopted = self.chart.as_mut().map(|chart| chart.adopt(limits.clone()));
        if !matches!(adopted, Some(Ok(()))) {
            return Ok(None);
        }
        (self.since_estimate, self.why) = (0, None);
        (self.points, self.signals, self.of_batches) = (0, 0, self.batches());
        Ok(Some(limits))
    }

    pub(super) fn take(&mut self, at: Timestamp, readings: &[f64]) -> Option<Point> {
        let point = self.chart.as_mut()?.take(at, readings)?;
        self.points = self.points.saturating_add(1);
        self.signals = self.signals.saturating_add(u32::from(!point.marks.is_empty()));
        Some(point)
    }
}
