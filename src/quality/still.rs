//! A value that does not move.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many changes a value must have shown before standing still means anything: a set point or a
/// switch may rest for days.
const CHANGES_BEFORE_STUCK: u32 = 10;

/// So many readings in a row must show the same value before it stands still: a tag that speaks every
/// five minutes may say the same twice (domain.md 11.2).
const READINGS_BEFORE_STUCK: u32 = 10;

/// When a tag's value moved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Stillness {
    /// When the value last changed.
    moved: Option<Timestamp>,
    /// Changes seen, up to [`CHANGES_BEFORE_STUCK`].
    changes: u32,
    /// Readings in a row that show the newest value, up to [`READINGS_BEFORE_STUCK`].
    same: u32,
    /// The longest the value has stood still without being stuck, ns.
    longest_nanos: i64,
}

impl Stillness {
    /// Takes the next value; `before` is the one before it, and `stuck` whether it was stuck there.
    #[expect(clippy::float_cmp, reason = "a still value has the same bits")]
    pub(super) fn follow(
        &mut self,
        before: Option<(Timestamp, f64)>,
        at: Timestamp,
        value: f64,
        stuck: bool,
    ) {
        let Some((last_at, last)) = before else {
            self.moved = Some(at);
            self.same = 1;
            return;
        };
        if value == last {
            self.same = (self.same + 1).min(READINGS_BEFORE_STUCK);
            return;
        }
        self.same = 1;
        if let (Some(moved), false) = (self.moved, stuck) {
            self.longest_nanos = self.longest_nanos.max(last_at.since(moved));
        }
        self.moved = Some(at);
        self.changes = (self.changes + 1).min(CHANGES_BEFORE_STUCK);
    }

    /// Stillness up to `clock` says nothing.
    pub(super) fn excuse(&mut self, clock: Timestamp) {
        self.moved = self.moved.map(|moved| moved.max(clock));
    }

    /// Since when it stands still for longer than `limit`, and than three times as long as it ever did.
    pub(super) fn stuck_since(&self, at: Timestamp, limit: Option<Duration>) -> Option<Timestamp> {
        let moved = self.moved?;
        let limit = i64::try_from(limit?.as_nanos()).unwrap_or(i64::MAX);
        let limit = limit.max(self.longest_nanos.saturating_mul(3));
        let often = self.changes >= CHANGES_BEFORE_STUCK && self.same >= READINGS_BEFORE_STUCK;
        (often && at.since(moved) >= limit).then_some(moved)
    }

    /// True if it moves.
    pub(super) fn moves(&self) -> bool {
        self.same < READINGS_BEFORE_STUCK
    }

    /// True if it moved with this reading.
    pub(super) fn moved_at(&self, at: Timestamp) -> bool {
        self.moved == Some(at)
    }
}
