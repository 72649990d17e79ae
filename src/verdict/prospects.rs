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

/// How a batch will end, as far as anybody can tell; of one that was found good, that it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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

    /// True if it makes a batch likely to end off spec: something tells so. Where costs put the threshold below what a batch
    /// has of which nothing is known, each of them would.
    fn is_likely(&self, threshold: f64) -> bool {
        self.chance >= threshold && !self.signs.is_empty()
    }

    /// True if soft sensors tell most of it.
    fn is_by_soft_sensors(&self) -> bool {
        self.earlier.is_none()
            && self.signs.first().is_some_and(|(sign, _)| *sign == Sign::SoftSensor)
    }
}

/// The judge's memory of the prospects of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
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
            Some(prospect) if prospect.is_likely(likely) => Some(false),
            // What is left of it when something is refused tells too little.
            Some(_) if is_refused => None,
            Some(prospect) if prospect.chance < CALM * likely || prospect.signs.is_empty() => {
                Some(true)
            }
            _ => None,
        };
        self.take_back(prospect, inside);
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

    /// A flag that rests on an earlier batch is withdrawn by the news that it was mended, or was good: to say it for longer would
    /// be untrue.
    fn take_back(&mut self, prospect: Option<&Prospect>, inside: Option<bool>) {
        let Some(prospect) = prospect.filter(|_| inside != Some(false)) else { return };
        let rested = self.flag.as_ref().and_then(|flag| flag.earlier.as_ref());
        if rested.is_some() && prospect.earlier.as_ref() != rested {
            self.watch = Watch::default();
            self.forget();
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

    /// What the laboratory has found takes the place of what was foretold; once it has found all that it looks for, nothing that
    /// was foretold flags any more.
    pub(super) fn find(&mut self, batch: &Batch, grade: Option<&Grade>) {
        let known = batch.lab_counting();
        self.newest.properties.retain(|one| !known.contains_key(&one.property));
        let was_likely = !self.likely.is_empty();
        self.likely.retain(|one| !known.contains_key(&one.property));
        let lab = grade.map(|grade| &grade.lab).filter(|lab| !lab.is_empty());
        let is_all_known = lab.is_some_and(|lab| lab.keys().all(|name| known.contains_key(name)));
        let by_soft_sensors = self.flag.as_ref().is_some_and(Prospect::is_by_soft_sensors);
        if is_all_known || (by_soft_sensors && was_likely && self.likely.is_empty()) {
            self.watch = Watch::default();
            self.forget();
        }
    }

    /// The batch has ended: the chance is this from now on.
    pub(super) fn conclude(&mut self, prospect: Option<&Prospect>) {
        self.chance = prospect.map(|prospect| prospect.chance);
    }

    /// The chance by what soft sensors said last that the laboratory finds off spec what it has not measured yet.
    pub(super) fn foretold_open(&self, batch: &Batch) -> Option<f64> {
        let open = self.newest.open(batch);
        open.as_ref().unwrap_or(&self.newest).off_spec
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
        let check = |mut watch: ProspectWatch, properties: &[&str], flags, open: Option<f64>| {
            let batch = known(properties);
            assert_eq!(watch.foretold_open(&batch), open, "{properties:?}");
            watch.find(&batch, Some(&grade));
            assert_eq!(watch.flags().is_some(), flags, "{properties:?}");
        };
        check(flagged(None), &[], true, Some(0.9));
        check(flagged(None), &["stretch"], true, Some(0.9));
        check(flagged(None), &["tensile"], false, Some(0.04));
        check(flagged(Some(earlier())), &["tensile"], true, Some(0.04));
        check(flagged(Some(earlier())), &["tensile", "stretch"], false, None);
        // What limits and monitors tell most of stays, whatever the laboratory finds of one property.
        let mut watch = ProspectWatch::default();
        let signs = vec![(Sign::Limits, 2.0), (Sign::SoftSensor, 0.5)];
        let prospect = Prospect { signs, ..prospect(0.8) };
        look(&mut watch, 0..60, (Some(&both(0.2)), Some(&prospect)));
        check(watch, &["tensile"], true, Some(0.04));
    }

    #[test]
    fn what_rests_on_an_earlier_batch_goes_with_the_news_of_it() {
        let before =
            EarlierBatch { batch: "R0".into(), property: None, value: None, low: None, high: None };
        let signs = vec![(Sign::BatchBefore, 3.6)];
        let likely = Prospect { chance: 0.7, signs, earlier: Some(before) };
        let mut watch = ProspectWatch::default();
        assert_eq!(look(&mut watch, 0..60, (None, Some(&likely))), Some(at(0)));
        // It is known no better: what was said stands until it was calm for a while.
        let less = Prospect { chance: 0.3, ..likely.clone() };
        assert_eq!(look(&mut watch, 60..120, (None, Some(&less))), Some(at(0)));
        // Somebody acted, or it was good.
        let mended = Prospect { chance: 0.07, signs: Vec::new(), earlier: None };
        assert_eq!(look(&mut watch, 120..130, (None, Some(&mended))), None);
        assert_eq!(watch.flag(), None);
    }

    #[test]
    fn costs_below_what_every_batch_has_flag_none_of_which_nothing_tells() {
        let say = |signs: Vec<(Sign, f64)>| {
            let mut watch = ProspectWatch::default();
            let prospect = Prospect { chance: 0.07, signs, earlier: None };
            for s in (0..120).step_by(10) {
                watch.look((at(s), at(s + 10)), (None, Some(&prospect)), Some(0.02));
            }
            watch.flags()
        };
        assert_eq!(say(Vec::new()), None);
        assert_eq!(say(vec![(Sign::Score, 0.1)]), Some(at(0)));
    }
}
