//! What a start found: how long nobody watched, what was judged late, what may be missing.
//!
//! Between [`Command::Started`](super::Command::Started) and
//! [`Command::CaughtUp`](super::Command::CaughtUp) the brokers hand over what they held meanwhile.
//! What is seen in between belongs to the start, and is summed up. Some of it shows only later: a broker
//! says what it dropped at an interval of its own, and a batch that nothing follows is judged when its line
//! has been quiet for long enough. The sum is then said again.

use super::effect::Effect;
use super::leapt;
use crate::quality::words;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// An absence that is shorter and missed nothing is for the log and the page, not for receivers.
const WORTH_AN_EVENT: Duration = Duration::from_secs(120);

/// Batches judged late that are counted.
const LATE_MAX: usize = 10_000;

/// Gaps that are named; more are only counted.
const GAPS_NAMED: usize = 20;

/// What a start found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// When the daemon was last known to work before it.
    pub down_since: Timestamp,
    /// When it was started, the last time if more than once before it had caught up.
    pub started: Timestamp,
    /// When all that the brokers held was judged; `None` until then.
    pub caught_up: Option<Timestamp>,
    /// For how long nobody watched, ms.
    pub down_ms: u64,
    /// Batches that ended meanwhile and were judged only now.
    pub batches_judged_late: u64,
    /// Messages that are known to be lost: what the brokers say they dropped, of all their clients.
    pub messages_known_lost: u64,
    /// How many times messages may have been lost without a count.
    pub possible_gaps: u64,
    /// What these are, for people; at most 20.
    pub gaps: Vec<Arc<str>>,
}

impl Recovery {
    /// `down 42 min, 2 batches judged late, 0 messages known lost, 1 possible gap`.
    #[must_use]
    pub fn summary(&self) -> String {
        let down_nanos = i64::try_from(self.down_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let mut text = format!("down {}", words(down_nanos));
        for (n, one, many) in [
            (self.batches_judged_late, "batch judged late", "batches judged late"),
            (self.messages_known_lost, "message known lost", "messages known lost"),
            (self.possible_gaps, "possible gap", "possible gaps"),
        ] {
            let what = if n == 1 { one } else { many };
            write!(text, ", {n} {what}").expect("writing to a string cannot fail");
        }
        text
    }

    /// True if something is, or may be, missing.
    #[must_use]
    pub fn missed(&self) -> bool {
        self.messages_known_lost + self.possible_gaps > 0
    }

    /// True if receivers want to know of it.
    pub(super) fn matters(&self) -> bool {
        let long = u128::from(self.down_ms) >= WORTH_AN_EVENT.as_millis();
        long || self.missed() || self.batches_judged_late > 0
    }

    fn add_gap(&mut self, what: &Arc<str>) {
        self.possible_gaps += 1;
        if self.gaps.len() < GAPS_NAMED {
            self.gaps.push(Arc::clone(what));
        }
    }

    /// True for an event time at which nobody watched.
    fn was_unwatched(&self, at: Timestamp) -> bool {
        (self.down_since..self.started).contains(&at)
    }
}

/// The starts that the state knows of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Recoveries {
    /// The machine's clock when something was last taken.
    alive: Option<Timestamp>,
    /// A start that has not caught up.
    open: Option<Recovery>,
    /// The last one that has.
    last: Option<Recovery>,
    /// The batches that the newest start judged late, by line and id: a later word on one is no other one.
    late: BTreeSet<(Arc<str>, Arc<str>)>,
}

impl Recoveries {
    /// Something was taken at this instant of the machine's clock.
    pub(super) fn alive(&mut self, at: Timestamp) {
        self.alive = Some(at);
    }

    /// When something was taken last, by the machine's clock.
    pub(super) fn last_alive(&self) -> Option<Timestamp> {
        self.alive
    }

    /// The daemon starts. The first start of all recovers nothing.
    pub(super) fn started(&mut self, at: Timestamp) {
        let Some(since) = self.alive.replace(at) else { return };
        // A clock that was set back meanwhile tells no length.
        let down_ms = u64::try_from(at.as_millis() - since.as_millis()).unwrap_or(0);
        if let Some(open) = &mut self.open {
            open.started = at;
            open.down_ms += down_ms;
            return;
        }
        self.late.clear();
        self.open = Some(Recovery {
            down_since: since,
            started: at,
            caught_up: None,
            down_ms,
            batches_judged_late: 0,
            messages_known_lost: 0,
            possible_gaps: 0,
            gaps: Vec::new(),
        });
    }

    /// The machine's clock leapt by so much that did not pass.
    pub(super) fn leap(&mut self, by_nanos: i64) {
        self.alive = self.alive.map(|alive| leapt(alive, by_nanos));
        if let Some(open) = &mut self.open {
            // When it went down was told by the clock of the run before, which nobody knows to be wrong.
            open.started = leapt(open.started, by_nanos);
        }
    }

    /// True while what the brokers held is being read.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// All that the brokers held has been taken; what the start found.
    pub(super) fn caught_up(&mut self, at: Timestamp) -> Option<&Recovery> {
        let mut done = self.open.take()?;
        done.caught_up = Some(at);
        Some(self.last.insert(done))
    }

    /// A broker says that it dropped messages since it last said so; true if what a start found is more
    /// by it than was said.
    pub(super) fn lost(&mut self, dropped: u64, since: Timestamp) -> bool {
        if let Some(open) = &mut self.open {
            open.messages_known_lost += dropped;
            return false;
        }
        let Some(last) = self.last.as_mut().filter(|last| since < last.started) else {
            return false;
        };
        last.messages_known_lost += dropped;
        true
    }

    /// Messages may be missing.
    pub(super) fn gap(&mut self, what: &Arc<str>) {
        if let Some(open) = &mut self.open {
            open.add_gap(what);
        }
    }

    /// Messages may be missing from before the last start, whether it has caught up or not; true if what it
    /// found is more by it than was said.
    pub(super) fn gap_at_last(&mut self, what: &Arc<str>) -> bool {
        if self.open.is_some() {
            self.gap(what);
            return false;
        }
        let Some(last) = &mut self.last else { return false };
        last.add_gap(what);
        true
    }

    /// Looks at what followed from one event; true if what a start found is more by it than was said.
    pub(super) fn see(&mut self, effects: &[Effect]) -> bool {
        let said = self.open.is_none();
        let Some(start) = self.open.as_mut().or(self.last.as_mut()) else { return false };
        let (mut record, mut more) = (None, false);
        for effect in effects {
            // Its record goes before the verdict on a finished batch.
            if let Effect::Batch(of) = effect {
                record = Some(of);
            }
            let (Effect::BatchVerdict(_), Some(record)) = (effect, record) else { continue };
            let unwatched = record.ended.is_some_and(|at| start.was_unwatched(at));
            if unwatched
                && self.late.len() < LATE_MAX
                && self.late.insert((Arc::clone(&record.line), Arc::clone(&record.batch)))
            {
                start.batches_judged_late += 1;
                more = true;
            }
        }
        more && said
    }

    /// What the last start found that has caught up.
    pub(super) fn last(&self) -> Option<&Recovery> {
        self.last.as_ref()
    }

    /// The newest, for people.
    pub(super) fn newest(&self) -> Option<&Recovery> {
        self.open.as_ref().or(self.last.as_ref())
    }
}
