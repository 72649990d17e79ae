//! The phases of its recipe that a batch came into, as they were told of it and of what its station made.
//!
//! Both are kept as they were told: a begin or an end that is known later moves what of them is the batch's own.

use super::life::Batch;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Phases that are kept of a batch, of those told of it and of those told of its station.
const PHASES_MAX: usize = 64;

/// Phases as they were told, by time; of one instant in order of arrival. Of more than are kept it is the first ones: from
/// the last entry on, which then has no name, nobody knows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct PhasesTold(Vec<(Timestamp, Arc<str>)>);

impl PhasesTold {
    /// Takes a phase; where it is the first time that one has no room, returns that one.
    pub(super) fn take(&mut self, at: Timestamp, phase: Arc<str>) -> Option<Arc<str>> {
        let full_from = self.full_from();
        let told = (at, phase);
        if full_from.is_some_and(|from| at >= from) || self.0.contains(&told) {
            return None;
        }
        let ix = self.0.partition_point(|(known, _)| *known <= at);
        self.0.insert(ix, told);
        if self.0.len() <= PHASES_MAX {
            return None;
        }
        self.0.truncate(PHASES_MAX + 1);
        let last = std::mem::replace(&mut self.0[PHASES_MAX].1, "".into());
        full_from.is_none().then_some(last)
    }

    /// From when on nobody knows.
    fn full_from(&self) -> Option<Timestamp> {
        self.0.last().filter(|(_, phase)| phase.is_empty()).map(|(at, _)| *at)
    }

    /// True if some have no room.
    pub(super) fn is_full(&self) -> bool {
        self.full_from().is_some()
    }

    /// The newest at an instant.
    fn newest(&self, instant: Timestamp) -> Option<&(Timestamp, Arc<str>)> {
        let before = self.0.partition_point(|(at, _)| *at <= instant);
        before.checked_sub(1).map(|ix| &self.0[ix])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Timestamp, Arc<str>)> {
        self.0.iter()
    }
}

impl Batch {
    /// The words for a phase that has no room.
    pub(super) fn too_many_phases(&self, left_out: &str) -> String {
        format!(
            "batch `{}` has {PHASES_MAX} phases, which is as many as are kept; no more are taken from `{left_out}` on",
            self.id
        )
    }

    /// The phases that it came into, in order, each from when on: no instant before its begin (as far as that is known), none
    /// at or after its end, no phase twice in a row. Where the name is empty, nobody knows from there on.
    #[must_use]
    pub fn phases(&self) -> Vec<(Timestamp, Arc<str>)> {
        let full = [self.phases_told.full_from(), self.station_phases.full_from()];
        let full = full.into_iter().flatten().min();
        let mut told: Vec<_> = self.station_phases.iter().chain(self.phases_told.iter()).collect();
        // Of one instant, what is told of the batch itself counts.
        told.sort_by_key(|(at, _)| *at);
        let mut phases: Vec<(Timestamp, Arc<str>)> = Vec::new();
        for (at, phase) in told {
            let is_full = full.is_some_and(|full| *at >= full);
            let from = if self.begin_known { (*at).max(self.started) } else { *at };
            if self.ended.is_some_and(|ended| from >= ended) {
                break;
            }
            let phase: Arc<str> = if is_full { "".into() } else { Arc::clone(phase) };
            phases.pop_if(|(known, _)| *known == from);
            if phases.last().is_none_or(|(_, known)| *known != phase) {
                phases.push((from, phase));
            }
            if is_full {
                break;
            }
        }
        phases
    }

    /// The phase that it was in at an instant.
    #[must_use]
    pub fn phase_at(&self, instant: Timestamp) -> Option<&Arc<str>> {
        let told = [&self.station_phases, &self.phases_told].map(|told| told.newest(instant));
        let told = told.into_iter().flatten();
        if told.clone().any(|(_, phase)| phase.is_empty()) {
            return None;
        }
        told.max_by_key(|(at, _)| *at).map(|(_, phase)| phase)
    }
}
