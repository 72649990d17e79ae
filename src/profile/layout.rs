//! Where the boxes of a scan are.

use super::{Floats, Scan, mean};
use crate::plant::Profile;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Zones across the web that people are shown; boxes are gathered into no more than these.
pub(crate) const ZONES: usize = 60;

/// The boxes of a scanner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    boxes: usize,
    /// Where they are, mm from the tending side, where scans say so.
    sent: Option<Arc<[f64]>>,
}

impl Layout {
    pub(super) fn of(scan: &Scan<'_>) -> Self {
        Self { boxes: scan.values.len(), sent: scan.positions.map(Into::into) }
    }

    pub(super) fn boxes(&self) -> usize {
        self.boxes
    }

    /// True if a scan has these boxes: as many, and none half a box or further from where it was. A scanner
    /// that measures where its head is says something else each time.
    pub(super) fn is_of(&self, scan: &Scan<'_>) -> bool {
        if self.boxes != scan.values.len() {
            return false;
        }
        match (self.sent.as_deref(), scan.positions) {
            (None, None) => true,
            (Some(known), Some(sent)) => {
                let far = half_a_box(known);
                known.iter().zip(sent).all(|(known, sent)| (known - sent).abs() <= far)
            }
            _ => false,
        }
    }

    /// True if places are mm, and not boxes.
    pub(super) fn is_placed(&self, declared: &Profile) -> bool {
        self.sent.is_some() || declared.boxes.is_some()
    }

    /// Where a box is: mm from the tending side, or its number from 1.
    #[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
    pub(super) fn place(&self, declared: &Profile, ix: usize) -> f64 {
        let sent = self.sent.as_ref().and_then(|sent| sent.get(ix)).copied();
        let declared = || declared.boxes.map(|(first, width)| first + width * ix as f64);
        sent.or_else(declared).unwrap_or((ix + 1) as f64)
    }

    /// The first and the last place of the boxes that make a zone, for each zone.
    pub(super) fn zones(&self, declared: &Profile) -> Vec<(f64, f64)> {
        let place = |ix| self.place(declared, ix);
        zones(self.boxes).map(|(first, end)| (place(first), place(end - 1))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
fn half_a_box(places: &[f64]) -> f64 {
    let ends = places.first().zip(places.last());
    ends.map_or(0.0, |(first, last)| (last - first) / (places.len().max(2) - 1) as f64 / 2.0)
}

/// The boxes of each zone, first and end.
fn zones(boxes: usize) -> impl Iterator<Item = (usize, usize)> {
    let zones = boxes.min(ZONES);
    (0..zones).map(move |zone| (zone * boxes / zones, (zone + 1) * boxes / zones))
}

/// For each zone the mean of its valid boxes; NaN without.
pub(super) fn in_zones(values: &[f64]) -> Floats {
    let of = |(first, end): (usize, usize)| {
        let value = mean(values[first..end].iter().copied());
        #[expect(clippy::cast_possible_truncation, reason = "for the eye")]
        let value = value.map_or(f32::NAN, |value| value as f32);
        value
    };
    zones(values.len()).map(of).collect()
}
