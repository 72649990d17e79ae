//! The soft sensors of a grade, for people.

use super::SoftSensors;
use super::property::Fitted;
use crate::models::{BatchStage, Coverage, Fitness, Ranked, SAMPLES_AT_LEAST, Window};
use crate::plant::Grade;
use crate::reading::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// Columns of the ranking that are told.
const RANKED: usize = 8;

/// The soft sensor of a laboratory property, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoftSensorView {
    /// The property.
    pub property: Arc<str>,
    /// Its unit, where one is declared.
    pub unit: Arc<str>,
    /// Batches with a laboratory value that are kept for fits.
    pub values: usize,
    /// Those that the first fit needs.
    pub needed: usize,
    /// Why the last fit failed, if it did.
    pub failed: Option<String>,
    /// The one that foretells; `None` while there is none.
    pub fitted: Option<FittedView>,
}

/// A soft sensor that foretells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FittedView {
    /// Its version, counted for each property from 1.
    pub version: u32,
    /// The batch boundary from which on it foretells.
    pub since: Timestamp,
    /// What its rows are of: `end` of the batch, or its `thirds`.
    pub window: &'static str,
    /// How good it was on samples that it did not know.
    pub fitness: Fitness,
    /// The columns that matter, the most important first.
    pub ranking: Vec<Ranked>,
    /// How often intervals held that were foretold at a quarter, half, three quarters and the end of batches.
    pub coverage: [Coverage; 4],
    /// The end of the newest batch that it was held against.
    pub newest: Option<Timestamp>,
}

impl From<&Fitted> for FittedView {
    fn from(fitted: &Fitted) -> Self {
        let ranking = fitted.sensor.ranking();
        Self {
            version: fitted.version,
            since: fitted.since,
            window: match fitted.window {
                Window::End(_) => "end",
                Window::Batch => "thirds",
            },
            fitness: fitted.sensor.fitness().clone(),
            ranking: ranking[..ranking.len().min(RANKED)].to_vec(),
            coverage: BatchStage::ALL.map(|stage| fitted.track.coverage(stage)),
            newest: fitted.track.newest(),
        }
    }
}

impl SoftSensors {
    /// Those of a grade: of each property that the laboratory measured, or that has limits.
    pub(in crate::engine) fn view(&self, name: &str, grade: Option<&Grade>) -> Vec<SoftSensorView> {
        let of_grade = self.grades.get(name);
        let measured = of_grade.into_iter().flat_map(|of_grade| of_grade.properties.keys());
        let declared = grade.into_iter().flat_map(|grade| grade.lab.keys());
        let mut names: Vec<&Arc<str>> = measured.chain(declared).collect();
        names.sort();
        names.dedup();
        let view = |property: &Arc<str>| {
            let batches = of_grade.into_iter().flat_map(|of_grade| &of_grade.batches);
            let sensor = of_grade.and_then(|of_grade| of_grade.properties.get(property));
            let limit = grade.and_then(|grade| grade.lab.get(property));
            SoftSensorView {
                property: Arc::clone(property),
                unit: limit.map_or_else(|| "".into(), |limit| Arc::clone(&limit.unit)),
                values: batches.filter(|kept| kept.value(property).is_some()).count(),
                needed: SAMPLES_AT_LEAST,
                failed: sensor.and_then(|sensor| sensor.failed()).map(Into::into),
                fitted: sensor.and_then(|sensor| sensor.fitted()).map(FittedView::from),
            }
        };
        names.into_iter().map(view).collect()
    }
}
