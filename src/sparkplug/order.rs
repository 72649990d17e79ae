//! The sequence of a node: what is the next, and what came too early.

use super::held::Waiting;
use crate::decode::sparkplug::wire::Payload;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// So far ahead a message is one that came too early; further on it is one from before.
const AHEAD_MAX: u8 = 127;

/// Messages that came too early, at most.
const EARLY_MAX: usize = 64;

/// A number of the sequence: 0 to 255. What a node says beyond that comes round as well.
pub(super) fn number(payload: &Payload) -> Option<u8> {
    payload.seq.map(|seq| seq.to_le_bytes()[0])
}

/// Where a message stands in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the next one, or nothing is known of its place.
    Next,
    /// Others should have come before it.
    Early,
    /// It is late, or comes a second time.
    Before,
}

/// The sequence of a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Order {
    /// The number of the message that comes next.
    next: Option<u8>,
    /// Messages that came too early, and until when they wait.
    early: Vec<(u8, Waiting)>,
    until: Option<Timestamp>,
}

impl Order {
    /// Where the message with this number stands; the next one is counted.
    pub(super) fn place(&mut self, seq: u8) -> Place {
        match self.next.map_or(0, |next| seq.wrapping_sub(next)) {
            0 => {
                self.follow(seq);
                Place::Next
            }
            1..=AHEAD_MAX => Place::Early,
            _ => Place::Before,
        }
    }

    /// True if this is the number that comes next.
    pub(super) fn follows(&self, seq: u8) -> bool {
        self.next == Some(seq)
    }

    /// The message with this number has come, whatever was expected.
    pub(super) fn follow(&mut self, seq: u8) {
        self.next = Some(seq.wrapping_add(1));
    }

    /// Nothing is known of the next number.
    pub(super) fn forget(&mut self) {
        self.next = None;
    }

    /// Keeps what came too early until others have come, or until `until`; false if there are too many.
    pub(super) fn keep(&mut self, seq: u8, waiting: Waiting, until: Timestamp) -> bool {
        if self.early.iter().any(|(known, _)| *known == seq) {
            // It comes a second time before its turn.
            return true;
        }
        self.until = self.until.or(Some(until));
        self.early.push((seq, waiting));
        self.early.len() <= EARLY_MAX
    }

    /// Takes out the next one, if it has come.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        let Some(ix) = self.early.iter().position(|(seq, _)| self.follows(*seq)) else {
            if self.early.is_empty() {
                self.until = None;
            }
            return None;
        };
        let (seq, waiting) = self.early.swap_remove(ix);
        self.follow(seq);
        Some(waiting)
    }

    /// What is missing does not come any more: how many that are, if others wait for them, which go on
    /// waiting for further ones `until` then.
    pub(super) fn give_up(&mut self, until: Timestamp) -> Option<u8> {
        let next = self.next?;
        let lost = self.early.iter().map(|(seq, _)| seq.wrapping_sub(next)).min()?;
        self.next = Some(next.wrapping_add(lost));
        self.until = Some(until);
        Some(lost)
    }

    /// Messages that wait, and their bytes.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.early.len(), self.early.iter().map(|(_, early)| early.bytes()).sum())
    }

    /// Until when they wait.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.until = self.until.map(leapt);
    }
}
