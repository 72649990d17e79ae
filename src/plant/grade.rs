//! Grades: what the product has to be, and since when.

use super::Charted;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The grades of a plant by name. What a grade asks for is looked up for an instant, since limits may be amended:
/// a batch keeps those that were in force when it began.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grades(BTreeMap<Arc<str>, Grade>);

impl Grades {
    /// What a grade asks for of what begins at an instant.
    #[must_use]
    pub fn at(&self, name: &str, instant: Timestamp) -> Option<&Grade> {
        self.0.get(name).map(|grade| grade.at(instant))
    }

    /// True if the grade is declared.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// True if none is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// Declares a grade, or declares it anew.
    pub fn insert(&mut self, name: Arc<str>, grade: Grade) {
        self.0.insert(name, grade);
    }

    /// Each with its name, as first declared; what was amended is in [`Grade::amendments`].
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Grade)> {
        self.0.iter()
    }
}

impl FromIterator<(Arc<str>, Grade)> for Grades {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Grade)>>(grades: I) -> Self {
        Self(grades.into_iter().collect())
    }
}

impl<const N: usize> From<[(Arc<str>, Grade); N]> for Grades {
    fn from(grades: [(Arc<str>, Grade); N]) -> Self {
        grades.into_iter().collect()
    }
}

/// A product specification.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Grade {
    /// Limits on quality tags, by tag id.
    pub spec: BTreeMap<Arc<str>, SpecLimit>,
    /// Limits on laboratory properties, by property.
    pub lab: BTreeMap<Arc<str>, SpecLimit>,
    /// How laboratory properties are charted, by property; those that are not, are not in it.
    #[serde(default)]
    pub lab_charts: BTreeMap<Arc<str>, Charted>,
    /// The windows in which operators may set process tags for this grade, by tag id: low and high. A
    /// value inside is no news, even where no batch so far had it.
    pub centerline: BTreeMap<Arc<str>, (f64, f64)>,
    /// The share of a batch's length (or time) that may be outside before the batch is off spec.
    pub off_share: Option<f64>,
    /// The whole grade as it is from later instants on, in their order.
    #[serde(default)]
    pub amendments: Vec<Amendment>,
}

/// What a grade is from an instant on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amendment {
    /// What begins then or later is judged by it.
    pub from: Timestamp,
    /// The whole of it, with what was not amended; it has no amendments of its own.
    pub grade: Grade,
}

impl Grade {
    /// The share that may be outside when the configuration does not say: product.md calls a batch
    /// off spec when a property is outside over more than 10 % of its length.
    pub const OFF_SHARE: f64 = 0.10;

    /// The grade as it is for what begins at an instant.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> &Self {
        let in_force = self.amendments.iter().rev().find(|amendment| amendment.from <= instant);
        in_force.map_or(self, |amendment| &amendment.grade)
    }

    /// The share of a batch that may be outside a tag's limits: the limit's own, else the grade's.
    #[must_use]
    pub fn off_share(&self, limit: &SpecLimit) -> f64 {
        limit.off_share.or(self.off_share).unwrap_or(Self::OFF_SHARE)
    }
}

/// Two bounds, of which one may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// The least value that is allowed.
    pub low: Option<f64>,
    /// The greatest value that is allowed.
    pub high: Option<f64>,
}

impl Bounds {
    /// True if the value is inside, bounds included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low.is_none_or(|low| value >= low) && self.high.is_none_or(|high| value <= high)
    }
}

/// A specification limit: what a batch's values have to be, by what is compared. At least one bound is there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SpecLimit {
    /// The least value that is on spec.
    pub low: Option<f64>,
    /// The value aimed at.
    pub target: Option<f64>,
    /// The greatest value that is on spec. `low` and `high` are held against the smoothed value of a tag, and no more
    /// than a share of the batch may be outside; of a laboratory property, against the result that counts.
    pub high: Option<f64>,
    /// The unit of all of them; empty if none is given.
    pub unit: Arc<str>,
    /// The share of the batch that may be outside `low` and `high`, 0–1; `None`: the grade's.
    #[serde(default)]
    pub off_share: Option<f64>,
    /// Bounds of the mean over the batch.
    #[serde(default)]
    pub mean: Option<Bounds>,
    /// Bounds that no single value may pass: no frame's, and no result at any position.
    #[serde(default)]
    pub single: Option<Bounds>,
    /// The test method, as certificates name it.
    #[serde(default)]
    pub method: Option<Arc<str>>,
    /// What a value is rounded to where it is printed, after it was held against the limits; in their unit.
    #[serde(default)]
    pub resolution: Option<f64>,
}

/// What of a batch is held against bounds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// The share of it that is outside.
    #[default]
    Share,
    /// Its mean.
    Mean,
    /// Each of its values.
    Single,
}

impl Compared {
    /// True of what limits are meant by when nothing else is said.
    #[must_use]
    pub fn is_share(&self) -> bool {
        *self == Self::Share
    }

    /// The same as a word, as documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Mean => "mean",
            Self::Single => "single",
        }
    }
}

impl SpecLimit {
    /// `low` and `high`.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds { low: self.low, high: self.high }
    }

    /// True if the value is inside, limits included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.bounds().contains(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_at_an_instant_has_the_limits_of_then() {
        let at = |s: i64| Timestamp::from_nanos(s * 1_000_000_000);
        let of = |share: f64| Grade { off_share: Some(share), ..Grade::default() };
        let amendment = |s: i64, share: f64| Amendment { from: at(s), grade: of(share) };
        let amendments = vec![amendment(100, 0.2), amendment(200, 0.3)];
        let grades = Grades::from([("a".into(), Grade { amendments, ..of(0.1) })]);
        let share = |s: i64| grades.at("a", at(s)).and_then(|grade| grade.off_share);
        assert_eq!(
            [0, 99, 100, 199, 200, 900].map(share),
            [0.1, 0.1, 0.2, 0.2, 0.3, 0.3].map(Some)
        );
        assert_eq!(grades.at("b", at(0)), None);
    }
}
