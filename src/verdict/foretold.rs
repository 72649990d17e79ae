//! What soft sensors say of the batch in progress, and when that flags it.

use super::judge::PATIENCE;
use super::watch::Watch;
use crate::batch::Batch;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The chance that a batch ends off spec from which on that flags it, where no costs tell: of those that it flags one in ten is good, as far as
/// chances are what comes of them, and they are few beside all good ones. From one half on every other one might be.
const LIKELY: f64 = 0.9;

/// The share of it below which the batch is calm.
const CALM: f64 = 0.8;

/// A property that is less likely outside is no reason for a flag.
const REASON: f64 = 0.1;

/// What a soft sensor says of a laboratory property of the batch in progress, if the rest of it comes as it comes now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForetoldProperty {
    /// The property.
    pub property: Arc<str>,
    /// What the laboratory will find, in its unit.
    pub predicted: f64,
    /// Nine laboratory values of ten lie within.
    pub interval: [f64; 2],
    /// The lower limit of the grade.
    pub low: Option<f64>,
    /// The upper limit.
    pub high: Option<f64>,
    /// The chance that the laboratory finds it outside its limits, 0–1; nothing where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Its unit, where one is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
}

/// What soft sensors say of the batch in progress.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Foretelling {
    /// What is foretold, by property.
    pub properties: Vec<ForetoldProperty>,
    /// Properties with limits of which nothing is said: what is made is unlike all that their soft sensors know.
    pub refused: Vec<Arc<str>>,
    /// The chance that the laboratory finds the batch off spec, 0–1; `None` where nothing with limits is foretold.
    pub off_spec: Option<f64>,
}

/// The judge's memory of what was foretold of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct ForetoldWatch {
    watch: Watch,
    /// What was said last.
    newest: Foretelling,
    /// The properties by which the batch was likely to end off spec, as they were then, in the order in which they were named.
    likely: Vec<ForetoldProperty>,
    /// Since when something is refused, without anything being said.
    refused: Option<Timestamp>,
    /// The chance from which on the batch is flagged, by what wrong decisions cost.
    #[serde(default)]
    threshold: Option<f64>,
}

impl ForetoldWatch {
    /// Looks at a frame.
    pub(super) fn look(
        &mut self,
        (start, at): (Timestamp, Timestamp),
        foretelling: Option<&Foretelling>,
        threshold: Option<f64>,
    ) {
        self.threshold = threshold;
        let likely = self.likely_from();
        self.newest = foretelling.cloned().unwrap_or_default();
        let is_refused = !self.newest.refused.is_empty();
        let inside = match self.newest.off_spec {
            Some(chance) if chance >= likely => Some(false),
            // What is left of it when something is refused tells too little.
            Some(chance) if chance < CALM * likely && !is_refused => Some(true),
            _ => None,
        };
        if inside == Some(false) {
            self.name();
        }
        if inside.is_none() && is_refused {
            // Near the end of its range a soft sensor refuses now and then: for a minute that is no news.
            let since = *self.refused.get_or_insert(start);
            if at < since.plus(PATIENCE) {
                return;
            }
        } else {
            self.refused = None;
        }
        self.watch.look((start, at), inside);
        if self.watch == Watch::default() {
            self.likely.clear();
        }
    }

    /// The chance from which on the batch is flagged.
    fn likely_from(&self) -> f64 {
        self.threshold.unwrap_or(LIKELY)
    }

    /// Names the properties that make the batch likely to end off spec, behind those that did before.
    fn name(&mut self) {
        let chance = |one: &ForetoldProperty| one.probability.unwrap_or(0.0);
        let mut now: Vec<&ForetoldProperty> =
            self.newest.properties.iter().filter(|one| chance(one) >= REASON).collect();
        now.sort_by(|a, b| chance(b).total_cmp(&chance(a)));
        for one in now {
            match self.likely.iter_mut().find(|named| named.property == one.property) {
                Some(named) => named.clone_from(one),
                None => self.likely.push(one.clone()),
            }
        }
    }

    /// What comes does not go on from what was seen last.
    pub(super) fn lose_sight(&mut self) {
        self.watch.lose_sight();
    }

    /// What the laboratory has found takes the place of what was foretold.
    pub(super) fn find(&mut self, batch: &Batch) {
        let is_known = |one: &ForetoldProperty| batch.lab_counting().contains_key(&one.property);
        if !self.newest.properties.iter().chain(&self.likely).any(is_known) {
            return;
        }
        self.newest.properties.retain(|one| !is_known(one));
        self.likely.retain(|one| !is_known(one));
        let chances = self.newest.properties.iter().filter_map(|one| one.probability);
        self.newest.off_spec = chances.reduce(f64::max);
        if self.likely.is_empty() {
            self.watch = Watch::default();
        }
    }

    /// Since when the batch has been likely to end off spec, while that flags it.
    pub(super) fn flags(&self) -> Option<Timestamp> {
        self.watch.flags()
    }

    /// The chance that the laboratory finds the batch off spec; `None` where something is refused that may make it greater.
    pub(super) fn off_spec(&self) -> Option<f64> {
        self.newest
            .off_spec
            .filter(|chance| self.newest.refused.is_empty() || *chance >= self.likely_from())
    }

    /// What is foretold, by property.
    pub(super) fn properties(&self) -> &[ForetoldProperty] {
        &self.newest.properties
    }

    /// The properties that made the batch likely to end off spec, as they were when it last was.
    pub(super) fn reasons(&self) -> &[ForetoldProperty] {
        &self.likely
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn one(property: &str, probability: f64) -> ForetoldProperty {
        ForetoldProperty {
            property: property.into(),
            predicted: 117.9,
            interval: [112.8, 123.1],
            low: Some(120.0),
            high: None,
            probability: Some(probability),
            unit: None,
        }
    }

    fn both(off_spec: f64) -> Foretelling {
        let properties = vec![one("stretch", 0.04), one("tensile", off_spec)];
        Foretelling { properties, refused: Vec::new(), off_spec: Some(off_spec) }
    }

    /// Looks at frames of ten seconds, up to a time.
    fn look(
        watch: &mut ForetoldWatch,
        seconds: std::ops::Range<i64>,
        foretelling: Option<&Foretelling>,
    ) -> Option<Timestamp> {
        for s in seconds.step_by(10) {
            watch.look((at(s), at(s + 10)), foretelling, None);
        }
        watch.flags()
    }

    #[test]
    fn a_batch_that_is_likely_off_spec_for_a_minute_is_flagged_until_it_was_calm_for_ten() {
        let mut watch = ForetoldWatch::default();
        assert_eq!(look(&mut watch, 0..600, Some(&both(0.89))), None);
        assert_eq!(look(&mut watch, 600..650, Some(&both(0.91))), None, "for less than a minute");
        assert_eq!(look(&mut watch, 650..660, Some(&both(0.91))), Some(at(600)));
        let reasons: Vec<_> = watch.reasons().iter().map(|one| Arc::clone(&one.property)).collect();
        assert_eq!(reasons, ["tensile".into()], "the other is no reason");
        // Neither calm nor likely.
        assert_eq!(look(&mut watch, 660..2000, Some(&both(0.8))), Some(at(600)));
        assert_eq!(look(&mut watch, 2000..2590, Some(&both(0.7))), Some(at(600)));
        assert_eq!(look(&mut watch, 2590..2600, Some(&both(0.7))), None);
    }

    #[test]
    fn what_is_not_foretold_withdraws_nothing_and_what_is_refused_is_no_news() {
        let mut watch = ForetoldWatch::default();
        look(&mut watch, 0..60, Some(&both(0.9)));
        assert_eq!(look(&mut watch, 60..3000, None), Some(at(0)));
        // Near the end of its range a soft sensor refuses now and then.
        let mut refused = both(0.1);
        refused.refused.push("stretch".into());
        let mut watch = ForetoldWatch::default();
        look(&mut watch, 0..50, Some(&both(0.9)));
        look(&mut watch, 50..60, Some(&refused));
        assert_eq!(look(&mut watch, 60..70, Some(&both(0.9))), Some(at(0)));
        assert_eq!(look(&mut watch, 70..6000, Some(&refused)), Some(at(0)), "no calm is known");
        assert_eq!(watch.off_spec(), None);
        let names: Vec<_> = watch.reasons().iter().map(|one| Arc::clone(&one.property)).collect();
        assert_eq!(names, ["tensile".into()], "as it was said when it flagged");
        // For longer than a minute it is as if nothing were known.
        let mut watch = ForetoldWatch::default();
        look(&mut watch, 0..50, Some(&both(0.9)));
        look(&mut watch, 50..200, Some(&refused));
        assert_eq!(look(&mut watch, 200..250, Some(&both(0.9))), None);
        // What is likely all the same counts, whatever is refused beside it.
        let mut likely = both(0.9);
        likely.refused.push("stretch".into());
        let mut watch = ForetoldWatch::default();
        assert_eq!(look(&mut watch, 0..60, Some(&likely)), Some(at(0)));
        // Where nothing at all is known the minute begins anew.
        let mut watch = ForetoldWatch::default();
        look(&mut watch, 0..50, Some(&both(0.9)));
        look(&mut watch, 50..60, None);
        assert_eq!(look(&mut watch, 60..110, Some(&both(0.9))), None);
    }
}
