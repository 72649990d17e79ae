//! A declared profile: what a scanner measures across the web.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A quantity that a scanner measures in boxes across the web.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Its id: the tag under which its scans come, or `area/tag`.
    pub id: Arc<str>,
    /// The unit of its values; empty if none is given.
    pub unit: Arc<str>,
    /// The value aimed at; what is further from it than half of it is no paper.
    pub target: Option<f64>,
    /// The instrument's range, low then high.
    pub range: Option<(f64, f64)>,
    /// Boxes that are not counted at either edge of the sheet.
    pub edge: u32,
    /// The centre of the first box and the width of a box, mm from the tending side; `None`: boxes are
    /// counted from 1.
    pub boxes: Option<(f64, f64)>,
    /// How the variance is divided.
    pub variance: VarianceForm,
    /// True if streaks are looked for.
    pub streaks: bool,
    /// The smallest streak worth an alarm, in the unit; `None`: what stands out of the noise.
    pub streak_min: Option<f64>,
}

impl Profile {
    /// What is known of a profile after a scan: a tag of its line called like one of these, `ID.STATISTIC`, has
    /// it for its value, so that limits can be set on it and models watch it.
    pub const STATISTICS: [&str; 7] = [
        "mean",
        "two_sigma_md",
        "two_sigma_cd",
        "two_sigma_residual",
        "worst_value",
        "tilt",
        "edge_difference",
    ];

    /// Boxes that are not counted at either edge when the configuration does not say.
    pub const EDGE: u32 = 2;

    /// A profile with the defaults of the product.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.into(),
            unit: "".into(),
            target: None,
            range: None,
            edge: Self::EDGE,
            boxes: None,
            variance: VarianceForm::default(),
            streaks: true,
            streak_min: None,
        }
    }
}

/// How the variance of scans is divided along and across the web. The forms give different numbers, so that
/// the form is named where they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum VarianceForm {
    /// The components of a two-way random-effects analysis of variance.
    #[default]
    Anova,
    /// The variances of the mean profile and of the means of the scans, as they are.
    Naive,
    /// Twice the standard deviation inside the newest scan, as displays call "2σ spread"; nothing along.
    Scan,
}

impl VarianceForm {
    /// The word of the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anova => "anova",
            Self::Naive => "naive",
            Self::Scan => "scan2sigma",
        }
    }
}
