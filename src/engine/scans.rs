//! What scanners saw across the batches that can still be revised, for their sheets.

use super::line::LineState;
use crate::plant::Profile;
use crate::profile::Statistics;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the variance of a batch across its web was divided at its last scan; twice standard deviations, in the profile's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScansOfSheet {
    /// The profile's id.
    pub profile: Arc<str>,
    /// Its unit; may be empty.
    pub unit: Arc<str>,
    /// By so many of its last scans: 40 at most.
    pub scans: usize,
    /// Along the web, slower than two scans.
    pub two_sigma_md: f64,
    /// Across it: what stays at its place.
    pub two_sigma_cd: f64,
    /// Neither.
    pub two_sigma_residual: f64,
}

/// By batch, and in it by profile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Scans(BTreeMap<Arc<str>, Vec<ScansOfSheet>>);

impl Scans {
    /// Those of a batch, by profile.
    pub(super) fn of(&self, batch: &str) -> Vec<ScansOfSheet> {
        self.0.get(batch).cloned().unwrap_or_default()
    }

    fn take(&mut self, batch: &Arc<str>, scans: ScansOfSheet) {
        let of = self.0.entry(Arc::clone(batch)).or_default();
        match of.binary_search_by(|known| known.profile.cmp(&scans.profile)) {
            Ok(ix) => of[ix] = scans,
            Err(ix) => of.insert(ix, scans),
        }
    }
}

impl LineState {
    /// A scan of what is made now was divided.
    pub(super) fn scanned(&mut self, declared: &Profile, statistics: &Statistics) {
        let along_across = statistics.two_sigma_md.zip(statistics.two_sigma_cd);
        let Some(((along, across), neither)) = along_across.zip(statistics.two_sigma_residual)
        else {
            return;
        };
        let Some(batch) = self.book.current().map(|batch| Arc::clone(&batch.id)) else { return };
        if !self.scans.0.contains_key(&batch) {
            // Of batches that are history the sheet stays as it was written last.
            let book = &self.book;
            self.scans.0.retain(|id, _| book.find(id).is_some());
        }
        let scans = ScansOfSheet {
            profile: Arc::clone(&declared.id),
            unit: Arc::clone(&declared.unit),
            scans: statistics.scans,
            two_sigma_md: along,
            two_sigma_cd: across,
            two_sigma_residual: neither,
        };
        self.scans.take(&batch, scans);
    }
}
