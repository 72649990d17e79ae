//! What is known of a profile at the end of a scan.

use super::layout::Layout;
use super::{Cleaned, mean};
use crate::plant::{Profile, VarianceForm};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of a profile at the end of a scan; values in its unit, places in mm from the tending side,
/// or boxes counted from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The end of the scan.
    pub at: Timestamp,
    /// The mean of its valid boxes.
    pub mean: f64,
    /// Twice the standard deviation along the web, of the last scans of this product.
    pub two_sigma_md: Option<f64>,
    /// Twice the standard deviation across the web.
    pub two_sigma_cd: Option<f64>,
    /// Twice that of what is neither.
    pub two_sigma_residual: Option<f64>,
    /// The scans by which they are known; 0 of a scan that is not judged.
    pub scans: usize,
    /// The valid box that is furthest from the value aimed at, or from the mean.
    pub worst_position: f64,
    /// Its value.
    pub worst_value: f64,
    /// The first box of the sheet.
    pub edge_first: f64,
    /// Its last box.
    pub edge_last: f64,
    /// Drive side minus tending side: of the straight line through the boxes, from the first valid one to
    /// the last.
    pub tilt: f64,
    /// The mean of the outer tenths of the sheet minus that of the rest.
    pub edge_difference: f64,
    /// The share of valid boxes between the edges, 0–1.
    pub valid: f64,
    /// The streaks that stand, from the tending side.
    pub streaks: Vec<Place>,
}

/// Where a streak is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The position of its first box.
    pub from: f64,
    /// That of its last.
    pub to: f64,
    /// How far it is from its neighbourhood.
    pub deviation: f64,
}

impl Statistics {
    /// What a scan says by itself: nothing of what varies from scan to scan. `None` if too little of it is
    /// valid.
    pub(super) fn of_one(
        declared: &Profile,
        layout: &Layout,
        at: Timestamp,
        paper: &Cleaned,
    ) -> Option<Self> {
        let sheet = paper.sheet.filter(|_| paper.is_enough())?;
        let valid = || {
            let values = paper.values.iter().copied().enumerate();
            values.filter(|(_, value)| !value.is_nan())
        };
        let mean = mean(valid().map(|(_, value)| value))?;
        let aim = declared.target.unwrap_or(mean);
        let (worst, worst_value) =
            valid().max_by(|(_, a), (_, b)| (a - aim).abs().total_cmp(&(b - aim).abs()))?;
        let spread = || {
            let squares: f64 = valid().map(|(_, value)| (value - mean).powi(2)).sum();
            #[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
            let freedom = (valid().count().max(2) - 1) as f64;
            2.0 * (squares / freedom).sqrt()
        };
        let place = |ix| layout.place(declared, ix);
        Some(Self {
            at,
            mean,
            two_sigma_md: None,
            two_sigma_cd: (declared.variance == VarianceForm::Scan).then(spread),
            two_sigma_residual: None,
            scans: 0,
            worst_position: place(worst),
            worst_value,
            edge_first: place(sheet.0),
            edge_last: place(sheet.1),
            tilt: tilt(&paper.values),
            edge_difference: edge_difference(&paper.values, sheet),
            valid: paper.valid,
            streaks: Vec::new(),
        })
    }

    /// One of [`Profile::STATISTICS`], where it is known.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<f64> {
        match name {
            "mean" => Some(self.mean),
            "two_sigma_md" => self.two_sigma_md,
            "two_sigma_cd" => self.two_sigma_cd,
            "two_sigma_residual" => self.two_sigma_residual,
            "worst_value" => Some(self.worst_value),
            "tilt" => Some(self.tilt),
            "edge_difference" => Some(self.edge_difference),
            _ => None,
        }
    }
}

/// The rise of the straight line through the boxes, by least squares, over all of them.
#[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
fn tilt(values: &[f64]) -> f64 {
    let valid = || values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    let places = || valid().map(|(ix, _)| ix as f64);
    let (Some(at), Some(level)) = (mean(places()), mean(valid().map(|(_, value)| *value))) else {
        return 0.0;
    };
    let spread: f64 = places().map(|place| (place - at).powi(2)).sum();
    let common: f64 = valid().map(|(ix, value)| (ix as f64 - at) * (value - level)).sum();
    let wide = places().fold(0.0, f64::max) - places().fold(f64::MAX, f64::min);
    if spread > 0.0 { common / spread * wide } else { 0.0 }
}

/// The mean of the outer tenths of the sheet minus that of the rest.
fn edge_difference(values: &[f64], (first, last): (usize, usize)) -> f64 {
    let tenth = ((last + 1 - first) / 10).max(1);
    let is_outer = |ix: usize| ix < first + tenth || ix + tenth > last;
    let part = |outer: bool| {
        mean(values.iter().enumerate().filter(|(ix, _)| is_outer(*ix) == outer).map(|(_, v)| *v))
    };
    part(true).zip(part(false)).map_or(0.0, |(outer, inner)| outer - inner)
}
