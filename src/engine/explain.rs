//! Why a line's verdict is what it is, and how far what is not flagged is from being so.

use super::Engine;
use super::line::LineState;
use crate::plant::{Line, Plant};
use crate::reading::{LineIx, Timestamp};
use crate::verdict::{Document, Mover};
use serde::Serialize;
use std::sync::Arc;

/// What is known of a line after its last frame. Times are ms since 1970.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The line.
    pub line: Arc<str>,
    /// The end of its last frame; `None` before the first.
    pub at: Option<i64>,
    /// The verdict that stands.
    pub verdict: Option<Document>,
    /// The model that judges the grade, for people; `None` while there is none.
    pub model: Option<String>,
    /// The statistics of its monitors against their limits, the one that leads first; none where the model did
    /// not look at the last frame.
    pub statistics: Vec<StatisticView>,
    /// The tags that are furthest from what the others tell of them, below their limits as well (`ratio` 1).
    pub tags: Vec<Mover>,
    /// The tags that moved beyond what they do in control, where each is within its guard band: no reason for a flag.
    pub guarded: Vec<Arc<str>>,
    /// The quality tags with limits.
    pub quality: Vec<QualityView>,
    /// The tags whose sensors are not trusted, and why.
    pub sick: Vec<(Arc<str>, Arc<str>)>,
}

/// A statistic of a monitor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatisticView {
    /// Whose it is: `pca`, `cva` or `multiway`.
    pub model: &'static str,
    /// Its name.
    pub statistic: &'static str,
    /// Its value, smoothed.
    pub value: f64,
    /// Its limit.
    pub limit: f64,
    /// True if it counts: the greatest of these over their limits is the score.
    pub judges: bool,
}

/// A quality tag against the limits of the grade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityView {
    /// The tag.
    pub tag: Arc<str>,
    /// Its unit; empty if none is declared.
    pub unit: Arc<str>,
    /// Its value, smoothed over the scans; `None` if it was not seen.
    pub value: Option<f64>,
    /// The lower limit.
    pub low: Option<f64>,
    /// The upper limit.
    pub high: Option<f64>,
    /// The share of the batch outside so far, 0–1.
    pub share_out: f64,
    /// Since when it has been outside, if it is.
    pub out_since: Option<i64>,
}

impl Explanation {
    /// The score; `None` if nothing judges.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let judging = self.statistics.iter().filter(|statistic| statistic.judges);
        judging.map(|statistic| statistic.value / statistic.limit).reduce(f64::max)
    }
}

impl Engine {
    /// Why the verdict on a line is what it is.
    ///
    /// # Panics
    /// When the plant has no such line.
    #[must_use]
    pub fn explain(&self, line: LineIx) -> Explanation {
        let state = &self.state.lines[line.get()];
        state.explain(&self.plant.lines[line.get()], &self.plant)
    }

    /// The end of the last frame of a line; `None` before the first, and of a line that the plant does not have.
    #[must_use]
    pub fn judged_to(&self, line: LineIx) -> Option<Timestamp> {
        self.state.lines.get(line.get())?.judged_to()
    }
}

/// What moved, if none of it is worth a flag.
fn guarded(line: &Line, tags: &[Mover]) -> Vec<Arc<str>> {
    let moved = || tags.iter().filter(|mover| mover.ratio >= 1.0);
    let passes = |mover: &Mover| {
        let tag = line.tag_position(&mover.tag).map(|ix| &line.tags[ix]);
        tag.is_none_or(|tag| tag.guard.is_passed_by(mover.value - mover.expected))
    };
    if moved().any(passes) {
        return Vec::new();
    }
    moved().map(|mover| Arc::clone(&mover.tag)).collect()
}

impl LineState {
    fn explain(&self, line: &Line, plant: &Plant) -> Explanation {
        let view = self.view(line, plant, 0);
        let (statistics, tags) = self.judged(line);
        let sick = |health: &str| !matches!(health, "good" | "waiting");
        let sick = view.tags.into_iter().filter(|tag| sick(&tag.health));
        Explanation {
            line: view.name,
            at: self.judged_to().map(Timestamp::as_millis),
            verdict: view.verdict,
            model: view.model,
            statistics,
            guarded: guarded(line, &tags),
            tags,
            quality: self.quality(line, plant),
            sick: sick.map(|tag| (tag.id, tag.health)).collect(),
        }
    }

    /// The statistics, and the tags that are furthest from what the others tell of them.
    fn judged(&self, line: &Line) -> (Vec<StatisticView>, Vec<Mover>) {
        // What it said of another frame than the last is no word on this one.
        let judging = self.judging().filter(|judging| judging.until() == self.judged_to());
        let Some((judging, end)) = judging.zip(self.judged_to()) else {
            return (Vec::new(), Vec::new());
        };
        let Some(score) = judging.model().and_then(|model| model.standing(&judging.online)) else {
            return (Vec::new(), Vec::new());
        };
        let statistic =
            |(one, value, limit): &(crate::models::Statistic, f64, f64)| StatisticView {
                model: one.monitor().as_str(),
                statistic: one.as_str(),
                value: *value,
                limit: *limit,
                judges: score.counts(*one),
            };
        let mut statistics: Vec<StatisticView> = score.statistics.iter().map(statistic).collect();
        statistics.sort_by(|a, b| {
            let ratio = |one: &StatisticView| one.value / one.limit;
            b.judges.cmp(&a.judges).then(ratio(b).total_cmp(&ratio(a)))
        });
        (statistics, self.furthest(judging, line, end))
    }

    fn quality(&self, line: &Line, plant: &Plant) -> Vec<QualityView> {
        let now = self.judged_to().unwrap_or(Timestamp::MAX);
        let Some(grade) = self.asked_of(plant, now) else { return Vec::new() };
        let product = self.made();
        let view = |(tag, limit): (&Arc<str>, &crate::plant::SpecLimit)| {
            let quality = product.quality.get(tag);
            let unit = line.tag_position(tag).map(|ix| Arc::clone(&line.tags[ix].unit));
            QualityView {
                tag: Arc::clone(tag),
                unit: unit.unwrap_or_default(),
                value: quality.and_then(|quality| quality.smoothed),
                low: limit.low,
                high: limit.high,
                share_out: product.share_out(tag),
                out_since: quality.and_then(|quality| quality.out_since).map(Timestamp::as_millis),
            }
        };
        grade.spec.iter().map(view).collect()
    }
}
