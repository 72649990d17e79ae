//! What past batches were made like, and what the laboratory found of them.

use super::{Said, WINDOWS, is_narrow};
use crate::engine::effect::SoftSensorRequest;
use crate::models::{BatchStage, Bins, Candidate, Estimate, Sample, Window};
use crate::reading::{LineIx, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The rows of a batch, one for each of [`WINDOWS`]; a row that cannot be known is of holes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rows([Vec<f64>; 2]);

impl Rows {
    /// Of a batch of which this share is made; `None` where that is not known, as of one whose begin was not seen.
    pub(super) fn of(bins: &Bins, delays: &[Duration], progress: Option<f64>) -> Self {
        let row = |window: Window| {
            let expected = match (window, progress) {
                (Window::End(_), _) => bins.len(),
                (Window::Batch, Some(progress)) => whole(bins.len(), progress),
                (Window::Batch, None) => {
                    let columns = window.row(&[], (delays, bins.bin()), 0).len();
                    return vec![f64::NAN; columns];
                }
            };
            window.row(bins.means(), (delays, bins.bin()), expected)
        };
        Self(WINDOWS.map(row))
    }

    /// The row of a window.
    pub(super) fn row(&self, window: Window) -> Option<&[f64]> {
        let place = WINDOWS.iter().position(|one| *one == window)?;
        Some(&self.0[place])
    }

    /// The rows of other tags: of those that there were, with holes for the others.
    fn be_of(&mut self, before: &[Arc<str>], now: &[Arc<str>]) {
        for (row, window) in self.0.iter_mut().zip(WINDOWS) {
            let known = window.columns(before);
            let value = |column: &Arc<str>| {
                let place = known.iter().position(|one| one == column);
                place.and_then(|place| row.get(place)).copied().unwrap_or(f64::NAN)
            };
            *row = window.columns(now).iter().map(value).collect();
        }
    }
}

/// How many bins the whole batch will have.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are a few hundred bins at most, and a share of at least 1 % of them"
)]
fn whole(made: usize, progress: f64) -> usize {
    (made as f64 / progress.clamp(0.01, 1.0)).round() as usize
}

/// A laboratory value of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Known {
    value: f64,
    /// When it was first known: a correction does not make it one of later.
    at: Timestamp,
}

/// What a laboratory value is beside what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learned {
    /// The first one of the batch.
    First,
    /// Another one: a correction, or the mean over more places.
    Another,
    /// The same.
    Nothing,
}

/// A finished batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) id: Arc<str>,
    /// The end of its last frame.
    pub(super) made: Timestamp,
    pub(super) rows: Rows,
    values: BTreeMap<Arc<str>, Known>,
    /// What was foretold of it, by property, and the versions of the sensors that did.
    said: BTreeMap<Arc<str>, Said>,
    versions: BTreeMap<Arc<str>, u32>,
}

impl Kept {
    pub(super) fn new(
        id: &Arc<str>,
        made: Timestamp,
        rows: Rows,
        (said, versions): (BTreeMap<Arc<str>, Said>, BTreeMap<Arc<str>, u32>),
    ) -> Self {
        Self { id: Arc::clone(id), made, rows, values: BTreeMap::new(), said, versions }
    }

    /// A laboratory value, known by then.
    pub(super) fn learn(&mut self, property: &Arc<str>, value: f64, at: Timestamp) -> Learned {
        match self.values.get_mut(property) {
            None => {
                self.values.insert(Arc::clone(property), Known { value, at });
                Learned::First
            }
            Some(known) if known.value.total_cmp(&value).is_eq() => Learned::Nothing,
            Some(known) => {
                known.value = value;
                Learned::Another
            }
        }
    }

    /// The laboratory value of a property counts no more.
    pub(super) fn forget(&mut self, property: &str) {
        self.values.remove(property);
        self.said.remove(property);
    }

    /// True if it has no laboratory value yet.
    pub(super) fn waits(&self) -> bool {
        self.values.is_empty()
    }

    /// The laboratory value of a property, and when it was known.
    pub(super) fn value(&self, property: &str) -> Option<(f64, Timestamp)> {
        self.values.get(property).map(|known| (known.value, known.at))
    }

    /// What a version of a sensor foretold; of the end, `now` where it was another one.
    pub(super) fn said(&self, property: &str, version: u32, now: Option<Estimate>) -> Said {
        let mut said = self.said.get(property).cloned().unwrap_or_default();
        if self.versions.get(property) != Some(&version) {
            said.retain(|(stage, _)| *stage != BatchStage::End);
            said.extend(now.map(|now| (BatchStage::End, now)));
        }
        said
    }

    /// Its rows are of other tags from now on.
    pub(super) fn be_of(&mut self, before: &[Arc<str>], now: &[Arc<str>]) {
        self.rows.be_of(before, now);
    }
}

/// The request for a soft sensor of all batches that have a value.
pub(super) fn request(
    (id, line, grade): (u64, LineIx, &Arc<str>),
    property: &Arc<str>,
    (tags, batches): (&[Arc<str>], &VecDeque<Kept>),
) -> SoftSensorRequest {
    let candidate = |window: Window| {
        let sample = |kept: &Kept| {
            let (value, known) = kept.value(property)?;
            let row = kept.rows.row(window)?.to_vec();
            Some(Sample { made: kept.made, known, row, value })
        };
        Candidate {
            window,
            columns: window.columns(tags),
            samples: batches.iter().filter_map(sample).collect(),
        }
    };
    SoftSensorRequest {
        id,
        line,
        grade: Arc::clone(grade),
        property: Arc::clone(property),
        candidates: WINDOWS
            .into_iter()
            .filter(|window| is_narrow(*window, tags))
            .map(candidate)
            .collect(),
    }
}
