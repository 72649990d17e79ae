//! The soft sensors of a line, as the API tells them.

use crate::engine::{BatchStage, FittedView, Ranked, SoftSensorView};
use serde::Serialize;
use std::sync::Arc;

/// The soft sensor of a laboratory property.
#[derive(Debug, Serialize)]
pub(super) struct SoftSensor {
    property: Arc<str>,
    unit: Arc<str>,
    values: usize,
    needed: usize,
    failed: Option<String>,
    fitted: Option<Fitted>,
}

/// One that foretells.
#[derive(Debug, Serialize)]
struct Fitted {
    version: u32,
    since: i64,
    window: &'static str,
    samples: usize,
    components: usize,
    bias_share: f64,
    foretold: usize,
    error: f64,
    error_of_last: f64,
    error_of_mean: f64,
    newest: Option<i64>,
    coverage: Vec<Held>,
    ranking: Vec<Ranked>,
}

/// How often intervals held.
#[derive(Debug, Serialize)]
struct Held {
    progress: f64,
    values: u64,
    covered: u64,
}

impl From<&SoftSensorView> for SoftSensor {
    fn from(view: &SoftSensorView) -> Self {
        Self {
            property: Arc::clone(&view.property),
            unit: Arc::clone(&view.unit),
            values: view.values,
            needed: view.needed,
            failed: view.failed.clone(),
            fitted: view.fitted.as_ref().map(Fitted::from),
        }
    }
}

impl From<&FittedView> for Fitted {
    fn from(view: &FittedView) -> Self {
        let fitness = &view.fitness;
        let held = BatchStage::ALL.iter().zip(&view.coverage);
        Self {
            version: view.version,
            since: view.since.as_millis(),
            window: view.window,
            samples: fitness.samples,
            components: fitness.components,
            bias_share: fitness.bias_share,
            foretold: fitness.foretold,
            error: fitness.error,
            error_of_last: fitness.error_of_last,
            error_of_mean: fitness.error_of_mean,
            newest: view.newest.map(crate::reading::Timestamp::as_millis),
            coverage: held
                .map(|(stage, held)| Held {
                    progress: stage.share(),
                    values: held.values,
                    covered: held.covered,
                })
                .collect(),
            ranking: view.ranking.clone(),
        }
    }
}
