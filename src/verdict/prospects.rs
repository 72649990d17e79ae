//! How the batch in progress will end, by all that tells of it, and when that flags it.

use super::foretold::{Foretelling, ForetoldProperty};
use super::judge::PATIENCE;
use super::watch::Watch;
use crate::batch::Batch;
use crate::models::Sign;
use crate::plant::Grade;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The chance that a batch ends off spec from which on that flags it, where no costs tell: it is likelier than not.
const LIKELY: f64 = 0.5;

/// The share of it below which the batch is calm.
const CALM: f64 = 0.8;

/// A property that is less likely outside is no reason for a flag.
const REASON: f64 = 0.1;

/// An earlier batch of the grade that was found off spec, of which nobody has said since that it was mended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlierBatch {
    /// The batch.
    pub batch: Arc<str>,
    /// The laboratory property that was outside; nothing where a person rejected it for another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<Arc<str>>,
    /// Its value, in the unit of the limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The lower limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// How a batch will end, as far as anybody can tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prospect {
    /// The chance that it ends off spec, 0–1.
    pub chance: f64,
    /// What makes it likelier than that of a batch of which nothing is known, and by how much in the logarithm of the odds, the
    /// weightiest first.
    pub signs: Vec<(Sign, f64)>,
    /// The batch that was found off spec before it.
    pub earlier: Option<EarlierBatch>,
}

impl Prospect {
    fn shows(&self, sign: Sign) -> bool {
        self.signs.iter().any(|(shown, _)| *shown == sign)
    }
}

/// The judge's memory of the prospects of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct ProspectWatch {
    watch: Watch,
    /// What soft sensors said last.
    newest: Foretelling,
    /// The chance that was told last.
    chance: Option<f64>,
    /// Why the batch is flagged, as it was when it was likely last.
    flag: Option<Prospect>,
    /// The properties that soft sensors saw outside then, in the order in which they were named.
    likely: Vec<ForetoldProperty>,
    /// Since when something is refused, without anything being said.
    refused: Option<Timestamp>,
}

impl ProspectWatch {
    /// Looks at a frame; the batch is flagged from a chance on, by what wrong decisions cost.
    pub(super) fn look(
        &mut self,
        (start, at): (Timestamp, Timestamp),
        (foretelling, prospect): (Option<&Foretelling>, Option<&Prospect>),
        threshold: Option<f64>,
    ) {
        let likely = threshold.unwrap_or(LIKELY);
        self.newest = foretelling.cloned().unwrap_or_default();
        let is_refused = !self.newest.refused.is_empty();
        // What is made is unlike all that is known: only that it is likely all the same can be said.
        let is_told = |chance: &f64| !is_refused || *chance >= likely;
        self.chance = prospect.map(|prospect| prospect.chance).filter(is_told);
        let inside = match prospect {
            Some(prospect) if prospect.chance >= likely => Some(false),
            // What is left of it when something is refused tells too little.
            Some(prospect) if prospect.chance < CALM * likely && !is_refused => Some(true),
            _ => None,
        };
        if let Some(prospect) = prospect.filter(|_| inside == Some(false)) {
            self.name(prospect);
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
            self.forget();
        }
    }

    /// Names what makes the batch likely to end off spec; properties stand behind those that were named before.
    fn name(&mut self, prospect: &Prospect) {
        self.flag = Some(prospect.clone());
        if !prospect.shows(Sign::SoftSensor) {
            return;
        }
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

    fn forget(&mut self) {
        self.likely.clear();
        self.flag = None;
    }

    /// What comes does not go on from what was seen last.
    pub(super) fn lose_sight(&mut self) {
        self.watch.lose_sight();
    }

    /// What the laboratory has found takes the place of what was foretold; once it has found all that it looks for, or a person
    /// has decided, nothing is foretold any more.
    pub(super) fn find(&mut self, batch: &Batch, grade: Option<&Grade>, decided: bool) {
        let known = batch.lab_counting();
        self.newest.properties.retain(|one| !known.contains_key(&one.property));
        let was_likely = !self.likely.is_empty();
        self.likely.retain(|one| !known.contains_key(&one.property));
        let lab = grade.map(|grade| &grade.lab).filter(|lab| !lab.is_empty());
        let is_all_known = lab.is_some_and(|lab| lab.keys().all(|name| known.contains_key(name)));
        if is_all_known || decided {
            self.chance = None;
        }
        let by_soft_sensors_alone =
            was_likely && self.flag.as_ref().is_some_and(|flag| flag.earlier.is_none());
        if is_all_known || (by_soft_sensors_alone && self.likely.is_empty()) {
            self.watch = Watch::default();
            self.forget();
        }
    }

    /// Since when the batch has been likely to end off spec, while that flags it.
    pub(super) fn flags(&self) -> Option<Timestamp> {
        self.watch.flags()
    }

    /// The chance that the batch ends off spec, as it was told last.
    pub(super) fn chance(&self) -> Option<f64> {
        self.chance
    }

    /// What is foretold, by property.
    pub(super) fn properties(&self) -> &[ForetoldProperty] {
        &self.newest.properties
    }

    /// Why the batch is likely to end off spec, as it was when it last was, while that flags it.
    pub(super) fn flag(&self) -> Option<(&Prospect, &[ForetoldProperty])> {
        let flag = self.flag.as_ref().filter(|_| self.watch.flags().is_some())?;
        Some((flag, &self.likely))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::SpecLimit;

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

    fn prospect(chance: f64) -> Prospect {
        Prospect { chance, signs: vec![(Sign::SoftSensor, 3.0)], earlier: None }
    }

    /// Looks at frames of ten seconds, up to a time.
    fn look(
        watch: &mut ProspectWatch,
        seconds: std::ops::Range<i64>,
        (foretelling, prospect): (Option<&Foretelling>, Option<&Prospect>),
    ) -> Option<Timestamp> {
        for s in seconds.step_by(10) {
            watch.look((at(s), at(s + 10)), (foretelling, prospect), None);
        }
        watch.flags()
    }

    fn names(watch: &ProspectWatch) -> Vec<Arc<str>> {
        let likely = watch.flag().map_or(&[][..], |(_, likely)| likely);
        likely.iter().map(|one| Arc::clone(&one.property)).collect()
    }

    /// Both sides of a threshold of one half, with what its soft sensors say.
    fn look_at(
        watch: &mut ProspectWatch,
        seconds: std::ops::Range<i64>,
        chance: f64,
    ) -> Option<Timestamp> {
        look(watch, seconds, (Some(&both(chance)), Some(&prospect(chance))))
    }

    #[test]
    fn a_batch_that_is_likely_off_spec_for_a_minute_is_flagged_until_it_was_calm_for_ten() {
        let mut watch = ProspectWatch::default();
        assert_eq!(look_at(&mut watch, 0..600, 0.49), None);
        assert_eq!(look_at(&mut watch, 600..650, 0.51), None, "for less than a minute");
        assert_eq!(look_at(&mut watch, 650..660, 0.51), Some(at(600)));
        assert_eq!(names(&watch), ["tensile".into()], "the other is no reason");
        // Neither calm nor likely.
        assert_eq!(look_at(&mut watch, 660..2000, 0.45), Some(at(600)));
        assert_eq!(look_at(&mut watch, 2000..2590, 0.39), Some(at(600)));
        assert_eq!(look_at(&mut watch, 2590..2600, 0.39), None);
        assert_eq!(watch.flag(), None);
    }

    #[test]
    fn what_is_not_known_withdraws_nothing_and_what_is_refused_is_no_news() {
        let mut watch = ProspectWatch::default();
        look_at(&mut watch, 0..60, 0.9);
        assert_eq!(look(&mut watch, 60..3000, (None, None)), Some(at(0)));
        // Near the end of its range a soft sensor refuses now and then.
        let mut refused = both(0.1);
        refused.refused.push("stretch".into());
        let refused = (Some(&refused), Some(&prospect(0.1)));
        let mut watch = ProspectWatch::default();
        look_at(&mut watch, 0..50, 0.9);
        look(&mut watch, 50..60, refused);
        assert_eq!(look_at(&mut watch, 60..70, 0.9), Some(at(0)));
        assert_eq!(look(&mut watch, 70..6000, refused), Some(at(0)), "no calm is known");
        assert_eq!(names(&watch), ["tensile".into()], "as it was said when it flagged");
        assert_eq!(watch.chance(), None);
        // For longer than a minute it is as if nothing were known.
        let mut watch = ProspectWatch::default();
        look_at(&mut watch, 0..50, 0.9);
        look(&mut watch, 50..200, refused);
        assert_eq!(look_at(&mut watch, 200..250, 0.9), None);
        // What is likely all the same counts, whatever is refused beside it.
        let mut watch = ProspectWatch::default();
        assert_eq!(look(&mut watch, 0..60, (refused.0, Some(&prospect(0.9)))), Some(at(0)));
        // Where nothing at all is known the minute begins anew.
        let mut watch = ProspectWatch::default();
        look_at(&mut watch, 0..50, 0.9);
        look(&mut watch, 50..60, (None, None));
        assert_eq!(look_at(&mut watch, 60..110, 0.9), None);
    }

    #[test]
    fn what_the_laboratory_finds_ends_what_was_foretold() {
        let mut grade = Grade::default();
        for property in ["stretch", "tensile"] {
            grade.lab.insert(property.into(), SpecLimit::default());
        }
        let flagged = |earlier: Option<EarlierBatch>| {
            let mut watch = ProspectWatch::default();
            let prospect = Prospect { earlier, ..prospect(0.9) };
            look(&mut watch, 0..60, (Some(&both(0.9)), Some(&prospect)));
            watch
        };
        let earlier = || EarlierBatch {
            batch: "R0".into(),
            property: Some("tensile".into()),
            value: Some(101.0),
            low: Some(120.0),
            high: None,
        };
        let known = |properties: &[&str]| {
            let mut batch = Batch::begin("R1".into(), None, None, at(0));
            for property in properties {
                batch
                    .learn_result(crate::batch::LabResult {
                        property: (*property).into(),
                        at: at(100),
                        value: 130.0,
                        position: None,
                    })
                    .expect("there is room");
            }
            batch
        };
        let check = |mut watch: ProspectWatch, properties: &[&str], flags: bool, chance: bool| {
            watch.find(&known(properties), Some(&grade), false);
            assert_eq!(watch.flags().is_some(), flags, "{properties:?}");
            assert_eq!(watch.chance().is_some(), chance, "{properties:?}");
        };
        check(flagged(None), &[], true, true);
        check(flagged(None), &["stretch"], true, true);
        check(flagged(None), &["tensile"], false, true);
        check(flagged(Some(earlier())), &["tensile"], true, true);
        check(flagged(Some(earlier())), &["tensile", "stretch"], false, false);
        let mut watch = flagged(None);
        watch.find(&known(&[]), Some(&grade), true);
        assert_eq!((watch.flags().is_some(), watch.chance()), (true, None), "a person decided");
    }
}
