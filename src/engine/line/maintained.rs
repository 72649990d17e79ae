//! What follows for a line from maintenance: alarms are muted, and batches in which it was done teach nothing.

use super::super::effect::Effect;
use super::judging::Told;
use super::{Context, LineState};
use crate::alarm::{Clocks, Design};
use crate::decode::BatchEvent;
use crate::reading::Timestamp;
use crate::verdict::Document;
use std::sync::Arc;

impl LineState {
    /// Somebody works on the line, or does no more. Batches that it lies in, or no longer does, teach nothing, or may again.
    pub(in crate::engine) fn maintain(
        &mut self,
        cx: &mut Context<'_>,
        at: Timestamp,
        event: &BatchEvent,
    ) {
        if !self.maintenance.take(at, event) {
            return;
        }
        self.reach_maintenance(cx, self.judged_to.map_or(at, |judged| judged.max(at)));
        let ids: Vec<Arc<str>> = self.book.finished().map(|batch| Arc::clone(&batch.id)).collect();
        for id in ids {
            if self.note_maintenance(&id) {
                if let Some(batch) = self.book.find_mut(&id) {
                    batch.revision += 1;
                }
                self.conclude(cx, &id, at, Told::IfAnother);
            }
        }
    }

    /// The line, or where nothing is heard of it the clock of the machine, has come so far.
    pub(in crate::engine) fn reach_maintenance(&mut self, cx: &mut Context<'_>, to: Timestamp) {
        let Some(turn) = self.maintenance.reach(to) else { return };
        cx.out.push(Effect::Alarm(self.maintenance.record(cx.line, &turn)));
        cx.design(Design::Maintenance, turn.on, turn.at);
    }

    /// Marks a batch in which maintenance was done; true if it was not known to be, or was.
    pub(super) fn note_maintenance(&mut self, id: &str) -> bool {
        let Some(batch) = self.book.find_mut(id) else { return false };
        let ended = batch.ended.or(self.judged_to).unwrap_or(Timestamp::MAX);
        let was = std::mem::replace(
            &mut batch.maintenance,
            self.maintenance.covers(batch.started, ended),
        );
        was != batch.maintenance
    }

    /// True if maintenance is over by a clock that is not the line's, which nothing moves on: nothing was heard yet, or the link
    /// is down.
    pub(in crate::engine) fn maintenance_over(&self, now: Timestamp) -> bool {
        self.is_unheard() && self.maintenance.is_over(now)
    }

    /// True if nothing is heard of the line, so that its own time stands still.
    pub(in crate::engine) fn is_unheard(&self) -> bool {
        self.blind || self.judged_to.is_none()
    }

    /// How far time has come while nothing is heard of the line: its own by what has passed since it was heard last.
    pub(in crate::engine) fn clocks(&self, now: Timestamp) -> Clocks {
        Clocks { daemon: now, line: self.time(now).unwrap_or(now) }
    }

    /// The newest verdict.
    pub(in crate::engine) fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }
}
