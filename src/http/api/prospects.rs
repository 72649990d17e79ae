//! How chances of off spec came true, as the API tells it.

use crate::engine::ProspectsView;
use crate::verdict::{ReliabilityBin, Sign};
use serde::Serialize;

/// What chances of off spec rest on, and how they came true.
#[derive(Debug, Serialize)]
pub(super) struct Prospects {
    plain: f64,
    weights: Vec<(Sign, f64)>,
    stages: Vec<Stage>,
}

/// What was said when this share of a batch was made.
#[derive(Debug, Serialize)]
struct Stage {
    progress: f64,
    reliability: Reliability,
}

#[derive(Debug, Serialize)]
struct Reliability {
    batches: u32,
    bad: u32,
    brier: f64,
    brier_of_share: f64,
    calibration_error: f64,
    bins: Vec<Bin>,
}

#[derive(Debug, Serialize)]
struct Bin {
    #[serde(flatten)]
    bin: ReliabilityBin,
    range: (f64, f64),
}

impl From<&ProspectsView> for Prospects {
    fn from(view: &ProspectsView) -> Self {
        let stage = |stage: &crate::engine::StageReliability| {
            let of = &stage.reliability;
            let bins = of.bins.iter().map(|bin| Bin { bin: *bin, range: bin.range() }).collect();
            let reliability = Reliability {
                batches: of.batches,
                bad: of.bad,
                brier: of.brier,
                brier_of_share: of.brier_of_share,
                calibration_error: of.calibration_error,
                bins,
            };
            Stage { progress: stage.progress, reliability }
        };
        Self {
            plain: view.plain,
            weights: view.weights.clone(),
            stages: view.stages.iter().map(stage).collect(),
        }
    }
}
