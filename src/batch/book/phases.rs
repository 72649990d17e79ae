//! Phases that are told of what a station makes, not of a batch: they are those of the batches that it made then.
//!
//! Which these are is known when their begins and ends are, which may come later than the phases; so each batch's are told
//! anew from what the station was told, whenever one of them comes.

use super::{Book, Change, Instant};
use crate::batch::{Batch, PhasesTold};
use crate::decode::{BatchEvent, BatchMessage};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Phases that are remembered of a station.
const REMEMBERED_MAX: usize = 256;

/// A phase that is told so shortly before a batch begins is its first one: clocks and scan cycles differ.
const PHASE_BEFORE: Duration = Duration::from_secs(10);

/// What was told of a station.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct PhasesOfStation {
    /// By time, of one instant in order of arrival: the newest.
    told: Vec<(Timestamp, Arc<str>)>,
    /// What was told before is remembered by the batches alone.
    since: Option<Timestamp>,
}

impl PhasesOfStation {
    fn is_forgotten(&self, at: Timestamp) -> bool {
        self.since.is_some_and(|since| at < since)
    }

    fn take(&mut self, at: Timestamp, phase: Arc<str>) {
        let told = (at, phase);
        if self.told.contains(&told) {
            return;
        }
        let ix = self.told.partition_point(|(known, _)| *known <= at);
        self.told.insert(ix, told);
        if self.told.len() > REMEMBERED_MAX {
            let oldest = self.told[0].0;
            self.told.retain(|(at, _)| *at > oldest);
            self.since = self.told.first().map(|(at, _)| *at);
        }
    }

    /// Those of a batch that began then; `first_since`: from when on what was told before it is its first phase.
    fn of(&self, batch: &Batch, first_since: Timestamp) -> (PhasesTold, Option<Arc<str>>) {
        let mut phases = PhasesTold::default();
        let began = batch.started;
        let kept = batch.station_phases.iter().filter(|(at, _)| self.is_forgotten(*at)).cloned();
        let first_made = self.told.partition_point(|(at, _)| *at < began);
        let first = self.told[..first_made].last().filter(|(at, _)| *at >= first_since).cloned();
        let made = self.told[first_made..].iter();
        let made = made.take_while(|(at, _)| batch.ended.is_none_or(|ended| *at < ended)).cloned();
        let mut left_out = None;
        for (at, phase) in kept.chain(first).chain(made) {
            left_out = phases.take(at, phase).or(left_out);
        }
        (phases, left_out)
    }
}

impl Book {
    /// What a station makes comes into a phase.
    pub(super) fn enter(&mut self, instant: &Instant<'_>, phase: Arc<str>, out: &mut Vec<Change>) {
        let at = instant.at;
        let Some(station) = self.station(instant.key, out) else { return };
        if !station.phases.is_forgotten(at) {
            station.phases.take(at, phase);
            return;
        }
        let made_then = |batch: &&mut Batch| {
            let is_over = batch.ended.is_some_and(|ended| at >= ended);
            batch.station == instant.station && batch.started <= at && !is_over
        };
        let Some(batch) = self.all_mut().find(made_then) else { return };
        let mut phases = batch.station_phases.clone();
        let left_out = phases.take(at, phase);
        let id = Arc::clone(&batch.id);
        self.has_phases(&id, (phases, left_out), true, out);
    }

    /// True of a phase of a station while one that was told before it of the same instant waits for the line.
    pub(super) fn waits_behind(&self, message: &BatchMessage) -> bool {
        let is_phase = |event: &BatchEvent| matches!(event, BatchEvent::Phase { batch: None, .. });
        let before = |waiting: &BatchMessage| {
            let same = waiting.at == message.at && waiting.station == message.station;
            same && is_phase(&waiting.event)
        };
        is_phase(&message.event) && self.ahead.iter().any(before)
    }

    /// Tells anew in which phases the batches of the stations were. What one event, from `out[said..]` on, says of a batch
    /// besides is said already.
    pub(super) fn follow_phases(&mut self, said: usize, out: &mut Vec<Change>) {
        let mut others = Vec::new();
        for (key, station) in &self.stations {
            let Some((oldest, _)) = station.phases.told.first() else { continue };
            let of_station =
                |batch: &&Batch| batch.station.as_deref().unwrap_or_default() == &**key;
            let finished = self.finished.iter().filter(of_station);
            for batch in finished.chain(&station.current) {
                let untouched = batch.ended.is_some_and(|ended| ended < *oldest);
                if batch.begin_known && !untouched {
                    let found = station.phases.of(batch, self.first_since(batch));
                    if found.0 != batch.station_phases {
                        others.push((Arc::clone(&batch.id), found));
                    }
                }
            }
        }
        for (id, found) in others {
            let is_said = out[said..].iter().any(|change| match change {
                Change::Started(of)
                | Change::Ended(of)
                | Change::Added(of)
                | Change::Revised(of)
                | Change::Regraded(of, _) => *of == id,
                Change::Noted(_) | Change::Refused(_) => false,
            });
            self.has_phases(&id, found, !is_said, out);
        }
    }

    /// A batch comes into a phase.
    pub(super) fn enter_batch(
        &mut self,
        id: &Arc<str>,
        at: Timestamp,
        phase: Arc<str>,
        out: &mut Vec<Change>,
    ) {
        let Some(batch) = self.find_mut(id) else { return };
        let before = batch.phases();
        let left_out = batch.phases_told.take(at, phase);
        note(batch, &before, left_out, true, out);
    }

    fn has_phases(
        &mut self,
        id: &Arc<str>,
        (phases, left_out): (PhasesTold, Option<Arc<str>>),
        is_news: bool,
        out: &mut Vec<Change>,
    ) {
        let Some(batch) = self.find_mut(id) else { return };
        let before = batch.phases();
        let left_out = left_out.filter(|_| !batch.station_phases.is_full());
        batch.station_phases = phases;
        note(batch, &before, left_out, is_news, out);
    }

    /// From when on a phase that is told before a batch begins is its first one: since the end of the batch before it; where
    /// this one ended that, shortly before.
    fn first_since(&self, batch: &Batch) -> Timestamp {
        let before = self
            .finished
            .iter()
            .filter(|before| before.station == batch.station && before.id != batch.id);
        let ends = before.filter_map(|before| before.ended.zip(Some(before.end_told)));
        match ends.filter(|(ended, _)| *ended <= batch.started).max() {
            None => Timestamp::MIN,
            Some((ended, true)) => ended,
            Some(_) => batch.started.minus(PHASE_BEFORE),
        }
    }

    /// What was told of phases is of another tag than what will be.
    pub fn forget_phases(&mut self) {
        for station in self.stations.values_mut() {
            let newest = station.phases.told.last().map(|(at, _)| at.plus(Duration::from_nanos(1)));
            station.phases.told.clear();
            station.phases.since = station.phases.since.max(newest);
        }
    }
}

/// Says that a batch has other phases than before, if that `is_news`, and that one had no room.
fn note(
    batch: &mut Batch,
    before: &[(Timestamp, Arc<str>)],
    left_out: Option<Arc<str>>,
    is_news: bool,
    out: &mut Vec<Change>,
) {
    if is_news && batch.phases() != before {
        batch.revision += 1;
        out.push(Change::Noted(Arc::clone(&batch.id)));
    }
    out.extend(left_out.map(|left_out| Change::Refused(batch.too_many_phases(&left_out))));
}
