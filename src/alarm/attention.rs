//! Whether anybody has acknowledged an alarm, and who was told that nobody has.
//!
//! A receiver may want to hear of an alarm only once it has stood unacknowledged for so long: escalation, with a level for
//! each delay. Which of them were told is kept here, so that each is told once in an occurrence, and is told what becomes of
//! it afterwards: an acknowledgement, the end, and of a batch also what is found of it later.

use super::event::{EventKind, Severity};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Of so many batches of an alarm it is known afterwards who was told of them.
const BATCHES: usize = 16;

/// What people have done about an alarm, as far as an event has to say it or whoever routes it has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Response {
    /// True if it stands and nobody has acknowledged it: somebody may.
    pub open: bool,
    /// The type of event that raised it, while it stands or waits for a word.
    pub raised_by: Option<EventKind>,
    /// Who was told that nobody had acknowledged it; nobody, where nothing stands here.
    pub escalated: Option<Escalated>,
    /// When it was told in this occurrence that a delay was over, by the delay.
    pub reached: Vec<(Duration, Timestamp)>,
    /// How long it has stood unacknowledged, of an event that says so.
    pub unacknowledged: Option<Duration>,
    /// Who acknowledged it, of an event that says so.
    pub by: Option<Arc<str>>,
    /// What that person said.
    pub note: Option<Arc<str>>,
}

/// How far it was told that nobody had acknowledged an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalated {
    /// After so long, and all shorter delays before it.
    pub after: Duration,
    /// The greatest severity that was told then or since.
    pub severity: Severity,
    /// The type of event that had raised it.
    pub raised_by: EventKind,
}

/// What was escalated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    about: Arc<str>,
    escalated: Escalated,
    /// True until its end was told.
    stands: bool,
}

/// Whether anybody has acknowledged an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attention {
    /// Since when people have known that it stands, and nobody has acknowledged it.
    since: Option<Timestamp>,
    /// When it was told in this occurrence that a delay was over, the longest last.
    reached: Vec<(Duration, Timestamp)>,
    /// How often this occurrence was acknowledged: it may get worse after that.
    acknowledged: u32,
    /// What was escalated, the latest last.
    heard: VecDeque<Heard>,
}

impl Attention {
    /// Of an alarm that has waited since then.
    pub(super) fn since(since: Option<Timestamp>) -> Self {
        Self { since, ..Self::default() }
    }

    /// Another occurrence begins.
    pub(super) fn begins(&mut self) {
        (self.since, self.acknowledged) = (None, 0);
        self.reached.clear();
    }

    /// It waits for somebody who acknowledges it, as of this instant, or not.
    pub(super) fn follow(&mut self, waits: bool, at: Timestamp) {
        self.since = waits.then(|| self.since.unwrap_or(at));
    }

    /// The longest delay of which was told that it was over in this occurrence; zero of none.
    fn level(&self) -> Duration {
        self.reached.last().map_or(Duration::ZERO, |(after, _)| *after)
    }

    /// When the next of these delays is over, which rise, and which one.
    pub(super) fn due(&self, delays: &[Duration]) -> Option<(Timestamp, Duration)> {
        let since = self.since?;
        let level = self.level();
        let next = delays.iter().find(|delay| **delay > level)?;
        Some((since.plus(*next), *next))
    }

    /// It is told that a delay is over.
    pub(super) fn reach(
        &mut self,
        (after, at): (Duration, Timestamp),
        (about, raised_by, severity): (&str, EventKind, Severity),
    ) {
        self.reached.push((after, at));
        let before = self.heard.iter().position(|heard| *heard.about == *about);
        let before = before.and_then(|at| self.heard.remove(at)).filter(|heard| heard.stands);
        let before = before.map(|heard| heard.escalated);
        let escalated = Escalated {
            after: before.map_or(after, |before| before.after.max(after)),
            severity: before.map_or(severity, |before| before.severity.max(severity)),
            raised_by,
        };
        self.heard.push_back(Heard { about: about.into(), escalated, stands: true });
        while self.heard.len() > BATCHES {
            self.heard.pop_front();
        }
    }

    /// It is told again, as severe as this.
    pub(super) fn weigh(&mut self, severity: Severity) {
        if self.level().is_zero() {
            return;
        }
        for heard in self.heard.iter_mut().filter(|heard| heard.stands) {
            heard.escalated.severity = heard.escalated.severity.max(severity);
        }
    }

    /// Somebody acknowledges it: which time that is in this occurrence.
    pub(super) fn acknowledge(&mut self) -> u32 {
        self.acknowledged = self.acknowledged.saturating_add(1);
        self.acknowledged
    }

    /// Its end was told. Of a batch something may be found later.
    pub(super) fn ends(&mut self, facts: bool) {
        self.heard.retain(|_| facts);
        for heard in &mut self.heard {
            heard.stands = false;
        }
    }

    /// What an event of this type, about this, at this time says of it, or whoever routes it has to know.
    pub(super) fn response(
        &self,
        (kind, about, at): (EventKind, &str, Timestamp),
        (raised_by, open): (Option<EventKind>, bool),
    ) -> Response {
        let says_so = kind == EventKind::AlarmUnacknowledged;
        let raises = says_so || kind.end().is_some();
        let heard = self.heard.iter().rfind(|heard| *heard.about == *about);
        let heard = heard.filter(|heard| heard.stands || kind.is_fact());
        // What raises it is of this occurrence, whoever was told of the one before.
        let heard = heard.filter(|_| !raises || !self.level().is_zero());
        let escalated = heard.map(|heard| Escalated {
            after: if raises { self.level() } else { heard.escalated.after },
            ..heard.escalated
        });
        let waited = self.since.filter(|_| says_so).map(|since| at.seconds_since(since));
        Response {
            open: open && raises,
            raised_by,
            escalated,
            reached: self.reached.clone(),
            unacknowledged: waited
                .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok()),
            by: None,
            note: None,
        }
    }
}
