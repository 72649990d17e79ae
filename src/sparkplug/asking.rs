//! When a node is asked for its births.

use crate::decode::HostRule;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Requests go out so far apart at most, beside what is configured: many nodes are asked at once after a
/// reconnection.
const JITTER_MS: u64 = 5000;

/// The requests to a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Asking {
    /// A time of its own.
    jitter: Duration,
    last: Option<Timestamp>,
    due: Option<Timestamp>,
    pub(super) asked: u64,
}

impl Asking {
    /// Of the node that has this name.
    pub(super) fn of(part: &str) -> Self {
        let jitter = Duration::from_millis(xxhash_rust::xxh3::xxh3_64(part.as_bytes()) % JITTER_MS);
        Self { jitter, ..Self::default() }
    }

    /// Births are wanted, if the node may be asked; at most as often as it is said.
    pub(super) fn want(&mut self, rule: HostRule, now: Timestamp) {
        if !rule.asks || self.due.is_some() {
            return;
        }
        let earliest = self.last.map(|last| last.plus(rule.ask_every + self.jitter));
        self.due = Some(earliest.map_or(now, |earliest| now.max(earliest)));
    }

    /// Births are wanted though they were asked for: the answer may have gone to nobody.
    pub(super) fn want_anew(&mut self, now: Timestamp) {
        (self.last, self.due) = (None, Some(now.plus(self.jitter)));
    }

    /// Births are not wanted any more.
    pub(super) fn unwant(&mut self) {
        self.due = None;
    }

    /// When a request is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// True if a request goes out now.
    pub(super) fn goes(&mut self, now: Timestamp) -> bool {
        let goes = self.due.is_some_and(|due| due <= now);
        if goes {
            (self.due, self.last) = (None, Some(now));
            self.asked += 1;
        }
        goes
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.last = self.last.map(&leapt);
        self.due = self.due.map(&leapt);
    }
}
