//! Past batches in which the same moved, and how they ended.
//!
//! What is kept of a batch while it is flagged is its pattern: the tags that moved otherwise than the others tell, up or
//! down, by how far they went over how far they go in control, at the frame at which they went furthest together.
//! Two patterns are as alike as the cosine of the angle between them.

use crate::batch::{Batch, Book};
use crate::plant::Grade;
use crate::verdict::{Call, LabOutside, Mover, Similar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Patterns that are less alike are not told: more of a pattern is then its own than the other's.
const ALIKE: f64 = 0.71;

/// Batches told at most, and what people did about each, the last of it.
const TOLD: usize = 3;
const ACTIONS: usize = 3;

/// Beyond so many times what it does in control a tag says no more about what happened.
const FARTHEST: f64 = 5.0;

/// What moved in a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Pattern {
    /// The tags, in order, each with how far it went, below 0 if down.
    by_tag: Vec<(Arc<str>, f64)>,
    /// The length of the pattern.
    norm: f64,
}

/// The patterns of the batches in the book, by id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Patterns(BTreeMap<Arc<str>, Pattern>);

impl Pattern {
    /// The pattern of what moves now, if it is longer than that.
    fn longer_than(known: f64, movers: &[Mover]) -> Option<Self> {
        let far = |mover: &Mover| mover.ratio.min(FARTHEST);
        let norm = movers.iter().map(|mover| far(mover).powi(2)).sum::<f64>().sqrt();
        if norm <= known {
            return None;
        }
        let signed = |mover: &Mover| far(mover).copysign(mover.value - mover.expected);
        let pairs = movers.iter().map(|mover| (Arc::clone(&mover.tag), signed(mover)));
        let mut by_tag: Vec<(Arc<str>, f64)> = pairs.collect();
        by_tag.sort_by(|a, b| a.0.cmp(&b.0));
        Some(Self { by_tag, norm })
    }

    /// The cosine of the angle to another pattern.
    fn likeness(&self, other: &Self) -> f64 {
        let product = |(tag, far): &(Arc<str>, f64)| {
            let ix = other.by_tag.binary_search_by(|(of, _)| of.cmp(tag)).ok()?;
            Some(far * other.by_tag[ix].1)
        };
        let product = self.by_tag.iter().filter_map(product).sum::<f64>();
        (product / (self.norm * other.norm)).min(1.0)
    }
}

impl Patterns {
    /// Takes what moves in a batch that is flagged.
    pub(super) fn take(&mut self, batch: &Arc<str>, movers: &[Mover]) {
        let known = self.0.get(batch).map_or(0.0, |pattern| pattern.norm);
        if let Some(longer) = Pattern::longer_than(known, movers) {
            self.0.insert(Arc::clone(batch), longer);
        }
    }

    /// The flag of a batch is withdrawn.
    pub(super) fn withdraw(&mut self, batch: &str) {
        self.0.remove(batch);
    }

    /// Forgets batches that are in the book no more.
    pub(super) fn keep(&mut self, book: &Book) {
        self.0.retain(|id, _| book.find(id).is_some());
    }

    /// The finished batches that began before this one and whose patterns are like its, the most alike first and of
    /// equals the newest: each with how it ended by its own grade's limits.
    pub(super) fn like<'a, 'b>(
        &self,
        batch: &Batch,
        finished: impl Iterator<Item = &'b Batch>,
        how: impl Fn(&Batch) -> (Call, Option<&'a Grade>),
    ) -> Vec<Similar> {
        let Some(pattern) = self.0.get(&batch.id) else { return Vec::new() };
        let others = finished.filter(|other| other.started < batch.started && !other.void);
        let mut alike: Vec<(f64, &Batch)> = others
            .filter_map(|other| Some((pattern.likeness(self.0.get(&other.id)?), other)))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.started.cmp(&a.1.started)));
        let told = alike.into_iter().take(TOLD);
        told.map(|(likeness, other)| similar(other, likeness, how(other))).collect()
    }
}

/// What is told of a batch that is like another one.
fn similar(batch: &Batch, likeness: f64, (verdict, grade): (Call, Option<&Grade>)) -> Similar {
    let outside = grade.into_iter().flat_map(|grade| batch.lab_all_outside(grade));
    let outside = outside.map(|(property, value, bounds)| LabOutside {
        property: Arc::clone(property),
        value,
        low: bounds.low,
        high: bounds.high,
    });
    Similar {
        batch: Arc::clone(&batch.id),
        grade: batch.grade.clone(),
        started: batch.started.as_millis(),
        likeness,
        verdict,
        disposition: batch.disposition().map(|word| word.disposition.as_str().into()),
        off_spec_share: batch.out_share(),
        laboratory: outside.collect(),
        actions: batch.actions[batch.actions.len().saturating_sub(ACTIONS)..]
            .iter()
            .map(|(_, text, _)| Arc::clone(text))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{BatchEvent, BatchMessage, Disposition};
    use crate::plant::SpecLimit;
    use crate::reading::Timestamp;

    fn mover(tag: &str, ratio: f64, up: bool) -> Mover {
        Mover {
            tag: tag.into(),
            area: None,
            by_itself: true,
            since: 0,
            arrives: None,
            ratio,
            value: if up { 1.0 } else { -1.0 },
            expected: 0.0,
            unit: None,
            over_s: None,
        }
    }

    /// The patterns of batches that are told as `name: tag ratio, …`, down where a ratio is below 0.
    fn patterns(batches: &[&str]) -> Patterns {
        let mut patterns = Patterns::default();
        for told in batches {
            let (batch, tags) = told.split_once(':').unwrap();
            let moved = tags.split(',').map(|told| {
                let (tag, ratio) = told.trim().split_once(' ').unwrap();
                let ratio: f64 = ratio.parse().unwrap();
                mover(tag, ratio.abs(), ratio > 0.0)
            });
            patterns.take(&batch.into(), &moved.collect::<Vec<_>>());
        }
        patterns
    }

    fn batch(id: &str, hour: i64) -> Batch {
        let at = Timestamp::from_millis(hour * 3_600_000).unwrap();
        Batch::begin(id.into(), None, None, at)
    }

    /// The batches like `R0`, of those named, each an hour later than the one before.
    fn like(patterns: &Patterns, finished: &[&str]) -> String {
        let batches: Vec<Batch> = (0..).zip(finished).map(|(ix, id)| batch(id, ix)).collect();
        let like = patterns.like(&batch("R0", 100), batches.iter(), |_| (Call::Unknown, None));
        let words = like.iter().map(|one| format!("{} {:.2}", one.batch, one.likeness));
        words.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn batches_are_alike_in_which_the_same_tags_went_the_same_way() {
        let batches = [
            "R0: steam 3, gas -2",
            "same: gas -2, steam 3",
            "half: steam 1.5, gas -1",
            "more: steam 3, gas -2, vacuum 2",
            "other way: steam -3, gas 2",
            "others: vacuum 3, speed 2",
            "some: steam 1.1, vacuum 3",
        ];
        let patterns = patterns(&batches);
        let names: Vec<&str> =
            batches[1..].iter().map(|told| told.split_once(':').unwrap().0).collect();
        assert_eq!(like(&patterns, &names), "half 1.00, same 1.00, more 0.87");
    }

    #[test]
    fn pattern_is_that_of_the_frame_at_which_most_moved() {
        let of = |frames: &[&str]| like(&patterns(frames), &["A"]);
        assert_eq!(of(&["R0: steam 2", "A: gas 1.5", "A: steam 4", "A: gas 3"]), "A 1.00");
        assert_eq!(of(&["R0: steam 2", "A: steam 3", "A: gas 4"]), "");
    }

    #[test]
    fn tag_that_went_far_does_not_outweigh_all_others() {
        let patterns = patterns(&["R0: steam 40, gas 5, speed 5", "A: gas 5, speed 5, steam 5"]);
        assert_eq!(like(&patterns, &["A"]), "A 1.00");
    }

    #[test]
    fn void_batches_and_those_in_which_nothing_moved_are_like_none() {
        let mut patterns = patterns(&["R0: steam 2", "A: steam 2"]);
        patterns.take(&"B".into(), &[]);
        let mut void = batch("A", 1);
        void.void = true;
        let none = |patterns: &Patterns, of: &str, batches: &[Batch]| {
            patterns.like(&batch(of, 100), batches.iter(), |_| (Call::Unknown, None)).is_empty()
        };
        assert!(none(&patterns, "R0", &[void]));
        assert!(none(&patterns, "R0", &[batch("B", 1)]));
        assert!(none(&patterns, "B", &[batch("A", 1)]));
        assert!(none(&patterns, "R0", &[batch("A", 101)]), "a later one is no past one");
        assert!(!none(&patterns, "R0", &[batch("A", 1)]));
        patterns.withdraw("A");
        assert!(none(&patterns, "R0", &[batch("A", 1)]), "its flag was withdrawn");
    }

    #[test]
    fn it_is_told_how_a_batch_ended() {
        let limit = |low| SpecLimit { low: Some(low), ..SpecLimit::default() };
        let grade = Grade {
            lab: [("stretch".into(), limit(10.0)), ("tensile".into(), limit(120.0))].into(),
            ..Grade::default()
        };
        let at = batch("A", 7).started;
        let result = |property: &str, value| BatchEvent::Lab {
            batch: "A".into(),
            property: property.into(),
            value,
            unit: None,
            position: None,
        };
        let said = [
            BatchEvent::Start { batch: "A".into(), grade: Some("facial".into()) },
            result("stretch", 12.0),
            result("tensile", 112.0),
            BatchEvent::Action { batch: "A".into(), text: "refiner +5 %".into(), by: None },
            BatchEvent::Disposition {
                batch: "A".into(),
                disposition: Disposition::Rework,
                by: None,
                note: None,
            },
            BatchEvent::End { batch: "A".into(), length_m: None, mass_kg: None },
        ];
        let mut book = Book::new(None);
        let grades = [("facial".into(), grade.clone())].into();
        for event in said {
            let message = BatchMessage { line: "tm3".into(), station: None, at, event };
            book.take(message, None, &grades, &mut Vec::new());
        }
        let patterns = patterns(&["R0: steam 2", "A: steam 2"]);
        let told =
            patterns.like(&batch("R0", 100), book.finished(), |_| (Call::AtRisk, Some(&grade)));
        insta::assert_json_snapshot!(told, @r#"
        [
          {
            "batch": "A",
            "grade": "facial",
            "started": 25200000,
            "likeness": 1.0,
            "verdict": "at-risk",
            "disposition": "rework",
            "off_spec_share": null,
            "laboratory": [
              {
                "property": "tensile",
                "value": 112.0,
                "low": 120.0,
                "high": null
              }
            ],
            "actions": [
              "refiner +5 %"
            ]
          }
        ]
        "#);
    }
}
