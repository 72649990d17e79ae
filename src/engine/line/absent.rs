//! Absence is an event: a line that has gone silent, declared tags that never came, a line of which no verdict is possible. Each is
//! an alarm of its own, and none is told as a fault of single sensors.

use super::super::tell;
use super::{Context, LineState};
use crate::alarm::Design;
use crate::quality::{Checks, SensorChange, SensorFault, SensorState};
use crate::reading::{Reading, TagIx, Timestamp};
use crate::verdict::{Call, Document};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A steady line of which no verdict has been possible for so long is an alarm: longer than a scanner that is calibrated, or a
/// link that is made again, takes.
const UNJUDGED: Duration = Duration::from_secs(600);

/// What is absent of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Absence {
    /// The last reading before the line went silent, while it is.
    pub(super) silent: Option<Timestamp>,
    /// The declared tags that were waited for and never came.
    missing: BTreeSet<Arc<str>>,
    /// Since when there are any.
    missing_since: Option<Timestamp>,
    /// How often more of them were told.
    missing_told: u32,
    /// True if there are more than were told.
    more: bool,
    /// Since when no verdict has been possible, and whether that was told.
    unjudged: Option<(Timestamp, bool)>,
}

impl LineState {
    /// What may be said of the silence of single tags: while the line as a whole is silent, none of them is to blame.
    pub(super) fn silence_known_to(&self, end: Timestamp) -> Timestamp {
        self.absence.silent.unwrap_or(end)
    }

    /// The whole line is silent when nothing at all has come although several tags should have spoken, or all that it has. A
    /// single one that should have, among others that speak seldom, is a sensor that is stale.
    pub(super) fn watch_silence(&mut self, cx: &mut Context<'_>, end: Timestamp) {
        let Some(heard) = self.heard.map(|(_, newest)| newest).filter(|heard| *heard < end) else {
            return;
        };
        if self.absence.silent.is_some() {
            return;
        }
        let (mut watched, mut overdue) = (0, 0);
        for (tag, state) in cx.line.tags.iter().zip(&self.tags) {
            let is_well = state.series.is_some() && state.quality.state() == SensorState::Well;
            let wait = state.quality.silence(&Checks::of(tag)).filter(|_| is_well);
            watched += u32::from(wait.is_some());
            overdue += u32::from(wait.is_some_and(|wait| end > heard.plus(wait)));
        }
        if overdue >= 2 || (overdue > 0 && overdue == watched) {
            self.absence.silent = Some(heard);
            // That nothing can be judged meanwhile follows from it.
            self.absence.unjudged.take_if(|(_, told)| !*told);
            cx.tell(tell::silent(cx.line, (end, heard), true));
            cx.design(Design::Silent, true, end);
        }
    }

    /// A reading of the line has come.
    fn speaks(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        if let Some(since) = self.absence.silent.take() {
            let at = at.max(since);
            cx.tell(tell::silent(cx.line, (at, since), false));
            cx.design(Design::Silent, false, at);
        }
    }

    /// News of a sensor. One that never spoke is no sick sensor: it is not connected, or has another name.
    pub(super) fn tell_sensor(
        &mut self,
        cx: &mut Context<'_>,
        (tag, at): (TagIx, Timestamp),
        change: SensorChange,
        behind_ms: Option<i64>,
    ) {
        let state = &mut self.tags[tag.get()];
        let id = &cx.line.tags[tag.get()].id;
        if change.sick && change.fault == SensorFault::Stale && state.series.is_none() {
            state.unsaid = true;
            if self.absence.missing.insert(Arc::clone(id)) {
                self.absence.missing_since.get_or_insert(change.since);
                self.absence.more = true;
            }
            return;
        }
        if std::mem::take(&mut state.unsaid) && !change.sick {
            // Nobody was told that it was sick.
            return;
        }
        cx.tell(tell::sensor(cx.line, id, (change, behind_ms), at));
    }

    /// What is told of tags that never came: one alarm of all of them, anew when there are more, and over when there are none.
    pub(super) fn tell_missing(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        if self.absence.missing.is_empty() {
            if self.absence.missing_since.is_some() {
                cx.tell(self.missing_news(cx, at));
                self.absence.missing_since = None;
            }
        } else if std::mem::take(&mut self.absence.more) {
            self.absence.missing_told += 1;
            cx.tell(self.missing_news(cx, at));
        }
    }

    /// A good reading of a tag came: it is missing no more.
    fn has_come(&mut self, cx: &mut Context<'_>, tag: TagIx, at: Timestamp) {
        let id = &cx.line.tags[tag.get()].id;
        if self.absence.missing.is_empty() || !self.absence.missing.remove(id) {
            return;
        }
        if !self.absence.missing.is_empty() {
            // Fewer of them is no news to anybody who is looking for them.
            let news = self.missing_news(cx, at);
            cx.alarms.amend(&news, &cx.plant.alarms.speech);
        }
        self.tell_missing(cx, at);
    }

    /// The line has spoken, by a reading of this tag.
    pub(super) fn hear(
        &mut self,
        cx: &mut Context<'_>,
        (tag, good): (TagIx, bool),
        reading: &Reading,
    ) {
        // What was stamped before a leap of the clock may come after the word of it.
        let received = self.heard_at().max(Some(reading.received)).unwrap_or(reading.received);
        self.heard = self.newest.map(|newest| (received, newest));
        self.speaks(cx, reading.at);
        if good {
            self.has_come(cx, tag, reading.at);
        }
    }

    fn missing_news(&self, cx: &Context<'_>, at: Timestamp) -> crate::alarm::News {
        let missing: Vec<Arc<str>> = self.absence.missing.iter().cloned().collect();
        let since = self.absence.missing_since.unwrap_or(at);
        tell::missing(cx.line, missing, (at, since), self.absence.missing_told)
    }

    /// Tags that are declared no more are missing no more; the next frame tells if none is left.
    pub(super) fn keep_missing(&mut self, line: &crate::plant::Line) {
        self.absence.missing.retain(|id| line.tag_position(id).is_some());
    }

    /// A frame of product was judged, and this is what is known; `missing` if data that it is judged by did not come. That the
    /// batch was not seen at another time is no alarm of now: its verdict says so.
    pub(super) fn watch_judging(
        &mut self,
        cx: &mut Context<'_>,
        document: &Document,
        missing: bool,
    ) {
        if !self.steady.is_steady() || self.absence.silent.is_some() || self.maintenance.is_on() {
            return;
        }
        let at = Timestamp::from_millis(document.ts).unwrap_or_default();
        if document.verdict != Call::Unknown || !missing {
            if let Some((since, true)) = self.absence.unjudged.take() {
                cx.tell(tell::judged(cx.line, (at, since)));
            }
            return;
        }
        let (since, told) = *self.absence.unjudged.get_or_insert((at, false));
        if !told && at >= since.plus(UNJUDGED) {
            self.absence.unjudged = Some((since, true));
            cx.tell(tell::unjudged(cx.line, document, (at, since)));
        }
    }
}
