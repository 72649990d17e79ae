//! What soft sensors say of the batch in progress.

use crate::batch::Batch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

impl Foretelling {
    /// What is left of it once the laboratory has found some of the properties of a batch; `None` while it has found none of
    /// them. The chance is the greatest of those that are left, for how they go together is not known here.
    #[must_use]
    pub fn open(&self, batch: &Batch) -> Option<Self> {
        let is_open = |name: &Arc<str>| !batch.lab_counting().contains_key(name);
        let all = self.properties.iter().map(|one| &one.property).chain(&self.refused);
        if all.into_iter().all(is_open) {
            return None;
        }
        let left = self.properties.iter().filter(|one| is_open(&one.property));
        let properties: Vec<ForetoldProperty> = left.cloned().collect();
        let refused = self.refused.iter().filter(|name| is_open(name)).cloned().collect();
        let off_spec = properties.iter().filter_map(|one| one.probability).reduce(f64::max);
        Some(Self { properties, refused, off_spec })
    }
}
