//! One scanner's quantity, scan by scan.

use super::streak::Streaks;
use super::{Cleaned, clean, mean, partition};
use crate::plant::{Profile, VarianceForm};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Scans of a product by which its variance is divided: 20 to 60 are usual.
const SCANS: usize = 60;

/// The variance is not said of fewer.
const SCANS_LEAST: usize = 5;

/// Scans kept for people.
const PICTURE_SCANS: usize = 60;

/// Zones across the web that people are shown; boxes are gathered into no more than these.
pub(crate) const ZONES: usize = 60;

/// One traverse of the web.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scan<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// A value for each box from the tending side; NaN where there is none.
    pub values: &'a [f64],
    /// Where the boxes are, mm from the tending side, where the scan says so: one for each, rising.
    pub positions: Option<&'a [f64]>,
    /// What is being made: scans of two products are never put together. `None` while nothing is.
    pub product: Option<&'a str>,
    /// False while the head stands off the sheet, or the scanner measures itself.
    pub on_sheet: bool,
}

/// What a scan comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It says nothing of the product: off the sheet, nothing is made, or too little of it is valid.
    Nothing(&'static str),
    /// It is not newer than the last one.
    Old,
    /// It was counted.
    Counted {
        /// What is known now.
        statistics: Box<Statistics>,
        /// True if there is a streak that was not there before.
        streak: bool,
        /// True if the last one is gone.
        cleared: bool,
    },
}

/// What is known of a profile at the end of a scan; values in its unit, positions in mm from the tending
/// side, or boxes counted from 1.
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
    /// The scans by which they are known.
    pub scans: usize,
    /// The valid box that is furthest from the value aimed at, or from the mean.
    pub worst_position: f64,
    /// Its value.
    pub worst_value: f64,
    /// The first box of the sheet.
    pub edge_first: f64,
    /// Its last box.
    pub edge_last: f64,
    /// Drive side minus tending side: of the straight line through the boxes.
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

/// A scan as people are shown it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The end of the scan.
    pub at: Timestamp,
    /// For each zone the mean of its valid boxes; NaN without.
    pub zones: Arc<[f32]>,
}

/// What is followed of a profile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Monitor {
    newest: Option<Timestamp>,
    product: Option<Arc<str>>,
    boxes: usize,
    positions: Option<Arc<[f64]>>,
    spikes: Vec<usize>,
    /// The scans of this product, oldest first.
    rows: VecDeque<Vec<f32>>,
    streaks: Streaks,
    last: Option<Statistics>,
    pictures: VecDeque<Picture>,
}

impl Monitor {
    /// Takes a scan.
    pub fn take(&mut self, declared: &Profile, scan: &Scan<'_>) -> Outcome {
        if self.newest.is_some_and(|newest| scan.at <= newest) {
            return Outcome::Old;
        }
        self.newest = Some(scan.at);
        if !scan.on_sheet {
            self.spikes.clear();
            return Outcome::Nothing("the head is off the sheet");
        }
        let Some(product) = scan.product else {
            return Outcome::Nothing("nothing is made");
        };
        // Before a web of other boxes begins anew: what stood then is gone.
        let stood = !self.streaks.standing().is_empty();
        self.begin(scan, product);
        let paper = clean(scan.values, declared, &self.spikes);
        self.spikes.clone_from(&paper.spikes);
        let (Some(sheet), true) = (paper.sheet, paper.is_enough()) else {
            return Outcome::Nothing("too few boxes are valid");
        };
        self.keep(&paper, scan.at);
        // With its spikes: what stays is none, and what does not says little.
        let streak = declared.streaks && {
            let spike = |ix: usize| self.spikes.binary_search(&ix).is_ok();
            let whole = scan.values.iter().zip(&paper.values).enumerate();
            let values: Vec<f64> =
                whole.map(|(ix, (raw, clean))| if spike(ix) { *raw } else { *clean }).collect();
            self.streaks.take(&values, declared.streak_min)
        };
        if !declared.streaks {
            self.streaks = Streaks::default();
        }
        let cleared = stood && self.streaks.standing().is_empty();
        let Some(statistics) = self.statistics(declared, scan.at, &paper, sheet) else {
            return Outcome::Nothing("too few boxes are valid");
        };
        self.last = Some(statistics.clone());
        Outcome::Counted { statistics: Box::new(statistics), streak, cleared }
    }

    /// What is known; `None` before the first scan that counts.
    #[must_use]
    pub fn last(&self) -> Option<&Statistics> {
        self.last.as_ref()
    }

    /// The last scans for people, oldest first.
    #[must_use]
    pub fn pictures(&self) -> impl ExactSizeIterator<Item = &Picture> {
        self.pictures.iter()
    }

    /// The first and the last position of the boxes that make a zone, for each zone.
    #[must_use]
    pub fn zones(&self, declared: &Profile) -> Vec<(f64, f64)> {
        let place = |ix| self.position(declared, ix);
        zones(self.boxes).map(|(first, end)| (place(first), place(end - 1))).collect()
    }

    /// The zones of the newest scan that has any: where its middle is, and the mean of its valid boxes.
    #[must_use]
    pub fn newest_zones(&self, declared: &Profile) -> Vec<(f64, f32)> {
        let newest = self.pictures.back();
        let values = newest.iter().flat_map(|picture| picture.zones.iter().copied());
        let middle = |(first, last): (f64, f64)| f64::midpoint(first, last);
        self.zones(declared).into_iter().map(middle).zip(values).collect()
    }

    /// True if positions are mm, and not boxes.
    #[must_use]
    pub fn is_placed(&self, declared: &Profile) -> bool {
        self.positions.is_some() || declared.boxes.is_some()
    }

    /// Begins anew where the product or the boxes are others.
    fn begin(&mut self, scan: &Scan<'_>, product: &str) {
        if self.boxes != scan.values.len() || self.positions.as_deref() != scan.positions {
            self.boxes = scan.values.len();
            self.positions = scan.positions.map(Into::into);
            self.rows.clear();
            self.spikes.clear();
            self.pictures.clear();
            self.streaks = Streaks::default();
        }
        if self.product.as_deref() != Some(product) {
            self.product = Some(product.into());
            self.rows.clear();
        }
    }

    fn keep(&mut self, cleaned: &Cleaned, at: Timestamp) {
        #[expect(clippy::cast_possible_truncation, reason = "far finer than any scanner")]
        let row: Vec<f32> = cleaned.values.iter().map(|value| *value as f32).collect();
        let zone = |(first, end): (usize, usize)| {
            let value = mean(row[first..end].iter().map(|value| f64::from(*value)));
            #[expect(clippy::cast_possible_truncation, reason = "for the eye")]
            let value = value.map_or(f32::NAN, |value| value as f32);
            value
        };
        if self.pictures.len() == PICTURE_SCANS {
            self.pictures.pop_front();
        }
        self.pictures.push_back(Picture { at, zones: zones(row.len()).map(zone).collect() });
        if self.rows.len() == SCANS {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    fn statistics(
        &self,
        declared: &Profile,
        at: Timestamp,
        cleaned: &Cleaned,
        sheet: (usize, usize),
    ) -> Option<Statistics> {
        let place = |ix| self.position(declared, ix);
        let valid = || {
            let values = cleaned.values.iter().copied().enumerate();
            values.filter(|(_, value)| !value.is_nan())
        };
        let middle = mean(valid().map(|(_, value)| value))?;
        let aim = declared.target.unwrap_or(middle);
        let (worst, worst_value) =
            valid().max_by(|(_, a), (_, b)| (a - aim).abs().total_cmp(&(b - aim).abs()))?;
        let parts = if self.rows.len() < SCANS_LEAST {
            None
        } else {
            partition(self.rows.iter().map(Vec::as_slice), declared.variance)
        };
        let two_sigma = |variance: f64| 2.0 * variance.sqrt();
        let spread = || {
            let squares = valid().map(|(_, value)| (value - middle).powi(2));
            #[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
            let freedom = (valid().count().max(2) - 1) as f64;
            squares.sum::<f64>() / freedom
        };
        let across = match declared.variance {
            VarianceForm::Scan => Some(spread()),
            VarianceForm::Anova | VarianceForm::Naive => parts.map(|parts| parts.cd),
        };
        let standing = self.streaks.standing().iter();
        Some(Statistics {
            at,
            mean: middle,
            two_sigma_md: parts.map(|parts| two_sigma(parts.md)),
            two_sigma_cd: across.map(two_sigma),
            two_sigma_residual: parts.map(|parts| two_sigma(parts.residual)),
            scans: self.rows.len(),
            worst_position: place(worst),
            worst_value,
            edge_first: place(sheet.0),
            edge_last: place(sheet.1),
            tilt: tilt(&cleaned.values),
            edge_difference: edge_difference(&cleaned.values, sheet),
            valid: cleaned.valid,
            streaks: standing
                .map(|streak| Place {
                    from: place(streak.first),
                    to: place(streak.last),
                    deviation: streak.deviation,
                })
                .collect(),
        })
    }

    /// Where a box is.
    #[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
    fn position(&self, declared: &Profile, ix: usize) -> f64 {
        let sent = self.positions.as_ref().and_then(|positions| positions.get(ix)).copied();
        let declared = || declared.boxes.map(|(first, width)| first + width * ix as f64);
        sent.or_else(declared).unwrap_or((ix + 1) as f64)
    }
}

/// The boxes of each zone, first and end.
fn zones(boxes: usize) -> impl Iterator<Item = (usize, usize)> {
    let zones = boxes.min(ZONES);
    (0..zones).map(move |zone| (zone * boxes / zones, (zone + 1) * boxes / zones))
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

#[cfg(test)]
mod tests;
