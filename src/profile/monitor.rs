//! One scanner's quantity, scan by scan.

use super::layout::{Layout, in_zones};
use super::streak::Streaks;
use super::{Cleaned, Floats, Statistics, clean, partition};
use crate::plant::{Profile, VarianceForm};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Scans of a product by which its variance is divided: 20 to 60 are usual.
const SCANS: usize = 40;

/// The variance is not said of fewer.
const SCANS_LEAST: usize = 5;

/// Scans kept for people.
const PICTURE_SCANS: usize = 60;

/// A sheet that is narrower or wider than the one before by more than this share of it is another one.
const OTHER_SHEET: f64 = 0.2;

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
    /// It says nothing of any paper.
    Nothing(LeftOut),
    /// It is known.
    Repeated,
    /// It is a scan of paper.
    Taken(Box<Taken>),
}

/// Why a scan does not count. Serialised, and told by the API, as the words of [`LeftOut::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOut {
    /// The head was not over paper.
    #[serde(rename = "the head is off the sheet")]
    OffSheet,
    /// Most of what it measured is no value.
    #[serde(rename = "too few boxes are valid")]
    FewBoxes,
    /// The line stands, or a batch is not known.
    #[serde(rename = "nothing is made")]
    NothingMade,
    /// A newer one came before.
    #[serde(
        rename = "it is older than the one before",
        alias = "it is not newer than the one before"
    )]
    Late,
    /// They cannot be compared box by box.
    #[serde(rename = "its boxes are others than those of the scans before")]
    OtherBoxes,
    /// They cannot be compared across the web.
    #[serde(rename = "its sheet is much wider or narrower than that of the scans before")]
    OtherWidth,
    /// By the quality that came with it.
    #[serde(rename = "its source calls it bad")]
    BadQuality,
    /// It is of the future, or of the far past.
    #[serde(rename = "its time is odd")]
    OddTime,
    /// It is no new scan.
    #[serde(rename = "it came before")]
    Repeated,
}

impl LeftOut {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::OffSheet,
        Self::FewBoxes,
        Self::NothingMade,
        Self::Late,
        Self::OtherBoxes,
        Self::OtherWidth,
        Self::BadQuality,
        Self::OddTime,
        Self::Repeated,
    ];

    /// The reason in English words, for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OffSheet => "the head is off the sheet",
            Self::FewBoxes => "too few boxes are valid",
            Self::NothingMade => "nothing is made",
            Self::Late => "it is older than the one before",
            Self::OtherBoxes => "its boxes are others than those of the scans before",
            Self::OtherWidth => "its sheet is much wider or narrower than that of the scans before",
            Self::BadQuality => "its source calls it bad",
            Self::OddTime => "its time is odd",
            Self::Repeated => "it came before",
        }
    }
}

/// A scan of paper.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// What is known now; of a scan that is not judged, what it says by itself.
    pub statistics: Statistics,
    /// Across the web, 60 zones at most: where the middle of each is, and the mean of its valid boxes; NaN
    /// without.
    pub zones: Vec<(f64, f32)>,
    /// Why neither the variance of the product nor the streaks go by it, if they do not.
    pub left_out: Option<LeftOut>,
    /// True if there is a streak that was not there before.
    pub streak: bool,
    /// True if the last one is gone.
    pub cleared: bool,
}

/// A scan as people are shown it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The end of the scan.
    pub at: Timestamp,
    /// For each zone the mean of its valid boxes; NaN without.
    pub zones: Floats,
}

/// What is followed of a profile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Monitor {
    newest: Option<Timestamp>,
    product: Option<Arc<str>>,
    /// The boxes of the scans before, and how many of them were the sheet.
    layout: Option<Layout>,
    sheet: Option<usize>,
    /// True if boxes or sheet of the scan before were others: once is a slip, twice a change.
    is_other: bool,
    spikes: Vec<usize>,
    /// The scans of this product, oldest first.
    rows: VecDeque<Floats>,
    streaks: Streaks,
    last: Option<Statistics>,
    pictures: VecDeque<Picture>,
}

impl Monitor {
    /// Takes a scan.
    pub fn take(&mut self, declared: &Profile, scan: &Scan<'_>) -> Outcome {
        if self.newest == Some(scan.at) || self.pictures.iter().any(|known| known.at == scan.at) {
            return Outcome::Repeated;
        }
        if self.newest.is_some_and(|newest| scan.at < newest) {
            return self.look(declared, scan, LeftOut::Late);
        }
        self.newest = Some(scan.at);
        if !scan.on_sheet {
            self.spikes.clear();
            return Outcome::Nothing(LeftOut::OffSheet);
        }
        let stood = !self.streaks.standing().is_empty();
        if self.layout.as_ref().is_some_and(|layout| !layout.is_of(scan)) {
            if !std::mem::replace(&mut self.is_other, true) {
                return self.look(declared, scan, LeftOut::OtherBoxes);
            }
            // What stood then is gone.
            *self = Self { newest: self.newest, ..Self::default() };
        }
        let layout = self.layout.get_or_insert_with(|| Layout::of(scan)).clone();
        let paper = clean(scan.values, declared, &self.spikes);
        self.spikes.clone_from(&paper.spikes);
        let Some(mut known) = Statistics::of_one(declared, &layout, scan.at, &paper) else {
            return Outcome::Nothing(LeftOut::FewBoxes);
        };
        if self.is_another_sheet(&paper) {
            if !std::mem::replace(&mut self.is_other, true) {
                return self.look(declared, scan, LeftOut::OtherWidth);
            }
            self.rows.clear();
        }
        self.is_other = false;
        self.sheet = paper.width();
        let zones = in_zones(&paper.values);
        if self.pictures.len() == PICTURE_SCANS {
            self.pictures.pop_front();
        }
        self.pictures.push_back(Picture { at: scan.at, zones: zones.clone() });
        let left_out = scan.product.is_none().then_some(LeftOut::NothingMade);
        let mut streak = false;
        if let Some(product) = scan.product {
            self.divide(declared, product, &paper, &mut known);
            streak = self.follow_streaks(declared, scan, &paper);
        }
        known.streaks = self.streaks.places(|ix| layout.place(declared, ix));
        let cleared = stood && known.streaks.is_empty();
        self.last = Some(known.clone());
        let zones = placed(&layout, declared, &zones);
        Outcome::Taken(Box::new(Taken { statistics: known, zones, left_out, streak, cleared }))
    }

    /// Takes a scan that is not to be judged: what it says by itself, whatever came before.
    #[must_use]
    pub fn look(&self, declared: &Profile, scan: &Scan<'_>, why: LeftOut) -> Outcome {
        if !scan.on_sheet {
            return Outcome::Nothing(LeftOut::OffSheet);
        }
        let (layout, paper) = (Layout::of(scan), clean(scan.values, declared, &[]));
        let Some(statistics) = Statistics::of_one(declared, &layout, scan.at, &paper) else {
            return Outcome::Nothing(LeftOut::FewBoxes);
        };
        let zones = placed(&layout, declared, &in_zones(&paper.values));
        let left_out = Some(why);
        Outcome::Taken(Box::new(Taken {
            statistics,
            zones,
            left_out,
            streak: false,
            cleared: false,
        }))
    }

    /// What is known; `None` before the first scan of paper.
    #[must_use]
    pub fn last(&self) -> Option<&Statistics> {
        self.last.as_ref()
    }

    /// The last scans for people, oldest first.
    #[must_use]
    pub fn pictures(&self) -> impl ExactSizeIterator<Item = &Picture> {
        self.pictures.iter()
    }

    /// The boxes of a scan; 0 before the first.
    #[must_use]
    pub fn boxes(&self) -> usize {
        self.layout.as_ref().map_or(0, Layout::boxes)
    }

    /// The first and the last position of the boxes that make a zone, for each zone.
    #[must_use]
    pub fn zones(&self, declared: &Profile) -> Vec<(f64, f64)> {
        self.layout.as_ref().map_or_else(Vec::new, |layout| layout.zones(declared))
    }

    /// True if positions are mm, and not boxes.
    #[must_use]
    pub fn is_placed(&self, declared: &Profile) -> bool {
        self.layout.as_ref().is_some_and(|layout| layout.is_placed(declared))
    }

    #[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
    fn is_another_sheet(&self, paper: &Cleaned) -> bool {
        self.sheet.zip(paper.width()).is_some_and(|(known, width)| {
            (known.abs_diff(width)) as f64 > OTHER_SHEET * known as f64
        })
    }

    /// Divides the variance of the product's last scans.
    fn divide(
        &mut self,
        declared: &Profile,
        product: &str,
        paper: &Cleaned,
        known: &mut Statistics,
    ) {
        if self.product.as_deref() != Some(product) {
            self.product = Some(product.into());
            self.rows.clear();
        }
        if self.rows.len() == SCANS {
            self.rows.pop_front();
        }
        #[expect(clippy::cast_possible_truncation, reason = "far finer than any scanner")]
        self.rows.push_back(paper.values.iter().map(|value| *value as f32).collect());
        known.scans = self.rows.len();
        if known.scans < SCANS_LEAST || declared.variance == VarianceForm::Scan {
            return;
        }
        let parts = partition(self.rows.iter().map(|row| &**row), declared.variance);
        let two_sigma = |variance: f64| 2.0 * variance.sqrt();
        known.two_sigma_md = parts.map(|parts| two_sigma(parts.md));
        known.two_sigma_cd = parts.map(|parts| two_sigma(parts.cd));
        known.two_sigma_residual = parts.map(|parts| two_sigma(parts.residual));
    }

    /// Looks for streaks; true if one is new.
    fn follow_streaks(&mut self, declared: &Profile, scan: &Scan<'_>, paper: &Cleaned) -> bool {
        if !declared.streaks {
            self.streaks = Streaks::default();
            return false;
        }
        // With its spikes: what stays is none, and what does not says little.
        let spike = |ix: usize| paper.spikes.binary_search(&ix).is_ok();
        let whole = scan.values.iter().zip(&paper.values).enumerate();
        let values: Vec<f64> =
            whole.map(|(ix, (raw, clean))| if spike(ix) { *raw } else { *clean }).collect();
        self.streaks.take(&values, declared.streak_min)
    }
}

/// Zones with the middle of each.
fn placed(layout: &Layout, declared: &Profile, values: &[f32]) -> Vec<(f64, f32)> {
    let middle = |(first, last): (f64, f64)| f64::midpoint(first, last);
    layout.zones(declared).into_iter().map(middle).zip(values.iter().copied()).collect()
}

#[cfg(test)]
mod tests;
