//! One batch: what is known of it, and what of its product was outside its limits.

use crate::decode::Disposition;
use crate::plant::Grade;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: Arc<str>,
    /// Its station, where the line has several.
    pub station: Option<Arc<str>>,
    /// Its grade, frozen at the start.
    pub grade: Option<Arc<str>>,
    /// The start as first known.
    pub first_started: Timestamp,
    /// The start.
    pub started: Timestamp,
    /// False if only its end was seen.
    pub begin_known: bool,
    /// The end.
    pub ended: Option<Timestamp>,
    /// True while what is made is no product.
    pub paused: bool,
    /// True once it was merged into another one or declared void.
    pub void: bool,
    /// Grows with each change after the start.
    pub revision: u32,
    /// Length by the speed, m, if a speed is known.
    pub made_m: Option<f64>,
    /// Mass by the production rate, kg, if one is known.
    pub made_kg: Option<f64>,
    /// Length as counted by the source, m.
    pub counted_m: Option<f64>,
    /// Mass as weighed by the source, kg.
    pub weighed_kg: Option<f64>,
    /// Time made, pauses left out, s.
    pub made_s: f64,
    /// The product outside limits, by quality tag.
    pub quality: BTreeMap<Arc<str>, OutOfSpec>,
    /// Laboratory results, in order of arrival, repeated ones left out.
    pub lab: Vec<LabResult>,
    /// What people decided, in order of arrival.
    pub dispositions: Vec<PersonsWord>,
    /// What people did about it: when, what, who.
    pub actions: Vec<(Timestamp, Arc<str>, Option<Arc<str>>)>,
    /// The raw material it consumed: lot and kg.
    pub consumed: Vec<(Arc<str>, Option<f64>)>,
    /// When it was first flagged.
    pub first_flag: Option<Timestamp>,
}

/// A laboratory result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabResult {
    /// The property.
    pub property: Arc<str>,
    /// When it was found.
    pub at: Timestamp,
    /// The result.
    pub value: f64,
    /// Where in the batch, if named.
    pub position: Option<Arc<str>>,
}

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonsWord {
    /// When.
    pub at: Timestamp,
    /// What.
    pub disposition: Disposition,
    /// Who.
    pub by: Option<Arc<str>>,
}

/// How much of a batch's product was seen, and how much of that lay outside the limits of one tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OutOfSpec {
    /// The value, smoothed over the scans, in the tag's unit.
    pub smoothed: Option<f64>,
    /// Seen, s and m.
    pub seen_s: f64,
    /// Seen, m.
    pub seen_m: f64,
    /// Outside, s.
    pub out_s: f64,
    /// Outside, m.
    pub out_m: f64,
    /// Since when it has been outside, if it is now.
    pub out_since: Option<Timestamp>,
    /// Since when it has been inside, if it is now.
    pub in_since: Option<Timestamp>,
    /// The stretches outside, newest last: from, to, and metres of the batch.
    pub stretches: Vec<Stretch>,
}

/// A stretch of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Its begin, m.
    pub from_m: Option<f64>,
    /// Its end, m.
    pub to_m: Option<f64>,
}

/// Stretches kept for each tag; more of them are joined to the last.
const STRETCHES_MAX: usize = 16;

impl OutOfSpec {
    /// Adds a frame's product: `inside` by the limits, over [`from`, `to`] of `metres` if known, at
    /// `position` metres of the batch.
    pub fn add(
        &mut self,
        inside: bool,
        from: Timestamp,
        to: Timestamp,
        metres: Option<f64>,
        position: Option<f64>,
    ) {
        let seconds = to.seconds_since(from);
        self.seen_s += seconds;
        self.seen_m += metres.unwrap_or(0.0);
        if inside {
            self.out_since = None;
            self.in_since.get_or_insert(from);
            return;
        }
        self.out_s += seconds;
        self.out_m += metres.unwrap_or(0.0);
        self.in_since = None;
        let begins = self.out_since.is_none();
        self.out_since.get_or_insert(from);
        let to_m = position.map(|at| at + metres.unwrap_or(0.0));
        let full = self.stretches.len() == STRETCHES_MAX;
        match self.stretches.last_mut() {
            Some(last) if !begins || full => {
                last.to = to;
                last.to_m = to_m;
            }
            _ => self.stretches.push(Stretch { from, to, from_m: position, to_m }),
        }
    }
}

impl Batch {
    /// A batch in progress.
    #[must_use]
    pub fn begin(
        id: Arc<str>,
        station: Option<Arc<str>>,
        grade: Option<Arc<str>>,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            station,
            grade,
            first_started: at,
            started: at,
            begin_known: true,
            ended: None,
            paused: false,
            void: false,
            revision: 0,
            made_m: None,
            made_kg: None,
            counted_m: None,
            weighed_kg: None,
            made_s: 0.0,
            quality: BTreeMap::new(),
            lab: Vec::new(),
            dispositions: Vec::new(),
            actions: Vec::new(),
            consumed: Vec::new(),
            first_flag: None,
        }
    }

    /// Its length: as counted by the source, else by the speed.
    #[must_use]
    pub fn length_m(&self) -> Option<f64> {
        self.counted_m.or(self.made_m)
    }

    /// Its mass: as weighed by the source, else by the production rate.
    #[must_use]
    pub fn mass_kg(&self) -> Option<f64> {
        self.weighed_kg.or(self.made_kg)
    }

    /// The amount made: metres where a speed is known, else seconds.
    #[must_use]
    pub fn amount(&self) -> f64 {
        self.made_m.unwrap_or(self.made_s)
    }

    /// The amount outside of a quality tag, in the measure of [`Batch::amount`].
    #[must_use]
    pub fn amount_out(&self, tag: &str) -> f64 {
        let Some(quality) = self.quality.get(tag) else { return 0.0 };
        if self.made_m.is_some() { quality.out_m } else { quality.out_s }
    }

    /// The amount of which a quality tag was seen, in the measure of [`Batch::amount`].
    #[must_use]
    pub fn amount_seen(&self, tag: &str) -> f64 {
        let Some(quality) = self.quality.get(tag) else { return 0.0 };
        if self.made_m.is_some() { quality.seen_m } else { quality.seen_s }
    }

    /// The greatest share outside of any quality tag so far, 0–1; `None` before anything was seen.
    #[must_use]
    pub fn out_share(&self) -> Option<f64> {
        let amount = self.amount();
        if amount <= 0.0 || self.quality.is_empty() {
            return None;
        }
        self.quality.keys().map(|tag| (self.amount_out(tag) / amount).min(1.0)).reduce(f64::max)
    }

    /// The laboratory result that counts for each property: the newest; the mean over positions
    /// where the newest has one.
    #[must_use]
    pub fn lab_counting(&self) -> BTreeMap<Arc<str>, f64> {
        let mut counting = BTreeMap::new();
        for result in &self.lab {
            let newest =
                self.lab.iter().filter(|r| r.property == result.property).max_by_key(|r| r.at);
            let Some(newest) = newest else { continue };
            let value = if newest.position.is_some() {
                // The newest of each position.
                let mut positions: BTreeMap<&str, (Timestamp, f64)> = BTreeMap::new();
                for r in self.lab.iter().filter(|r| r.property == result.property) {
                    let Some(position) = r.position.as_deref() else { continue };
                    let entry = positions.entry(position).or_insert((r.at, r.value));
                    if r.at >= entry.0 {
                        *entry = (r.at, r.value);
                    }
                }
                let sum: f64 = positions.values().map(|(_, value)| value).sum();
                #[expect(clippy::cast_precision_loss, reason = "a batch has few positions")]
                let n = positions.len() as f64;
                sum / n
            } else {
                newest.value
            };
            counting.insert(Arc::clone(&result.property), value);
        }
        counting
    }

    /// The newest decision.
    #[must_use]
    pub fn disposition(&self) -> Option<&PersonsWord> {
        self.dispositions.iter().max_by_key(|word| word.at)
    }

    /// A laboratory result that lies outside the grade's limits: property, value and limit's name.
    #[must_use]
    pub fn lab_outside<'a>(&self, grade: &'a Grade) -> Option<(&'a Arc<str>, f64)> {
        let counting = self.lab_counting();
        grade.lab.iter().find_map(|(property, limit)| {
            let value = *counting.get(property)?;
            (!limit.contains(value)).then_some((property, value))
        })
    }

    /// True if every laboratory property with limits has a result inside them, and there is one.
    #[must_use]
    pub fn lab_inside(&self, grade: &Grade) -> bool {
        let counting = self.lab_counting();
        !grade.lab.is_empty()
            && grade.lab.iter().all(|(property, limit)| {
                counting.get(property).is_some_and(|value| limit.contains(*value))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn result(property: &str, s: i64, value: f64, position: Option<&str>) -> LabResult {
        LabResult {
            property: property.into(),
            at: at(s),
            value,
            position: position.map(Into::into),
        }
    }

    #[test]
    fn newest_laboratory_result_counts_and_positions_are_averaged() {
        let mut batch = Batch::begin("R1".into(), None, None, at(0));
        batch.lab = vec![
            result("tensile", 10, 100.0, None),
            result("tensile", 20, 110.0, None),
            result("tensile", 15, 90.0, None),
            result("stretch", 10, 10.0, Some("ts")),
            result("stretch", 11, 20.0, Some("ds")),
            result("stretch", 12, 14.0, Some("ts")),
        ];
        let counting = batch.lab_counting();
        assert!((counting["tensile"] - 110.0).abs() < 1e-12);
        assert!((counting["stretch"] - 17.0).abs() < 1e-12);
    }

    #[test]
    fn stretches_outside_join_and_shares_count_metres() {
        let mut quality = OutOfSpec::default();
        for (s, inside) in [(0, true), (1, false), (2, false), (3, true), (4, false)] {
            #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
            quality.add(inside, at(s), at(s + 1), Some(10.0), Some(s as f64 * 10.0));
        }
        assert_eq!(quality.stretches.len(), 2);
        assert_eq!(
            (quality.stretches[0].from_m, quality.stretches[0].to_m),
            (Some(10.0), Some(30.0))
        );
        assert!((quality.out_m - 30.0).abs() < 1e-12 && (quality.seen_m - 50.0).abs() < 1e-12);
        assert_eq!(quality.out_since, Some(at(4)));
    }
}
