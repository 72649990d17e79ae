//! Publications under way: handed to the library, and not yet answered by the broker.
//!
//! The library tells the packet id of a publication only when it goes out, in the order in which it
//! was handed over, and the broker's answer names only the packet id.

use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// An entry of the outbox under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) count: u32,
    pub(super) topic: String,
    pub(super) body: Bytes,
}

/// What a publication was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// An entry of the outbox.
    Entry(Entry),
    /// Our status, or a verdict said again, with its topic.
    Other(String),
}

/// A publication and the code of the broker's answer.
pub(super) type Settled = (Sent, u8);

/// The publications of one connection that are under way.
#[derive(Debug, Default)]
pub(super) struct Flight {
    state: Mutex<Pure>,
    settled: Notify,
}

impl Flight {
    /// To be called before the publication is handed to the library, in the same order.
    pub(super) fn sending(&self, sent: Sent) {
        self.lock().queued.push_back(sent);
    }

    /// The library has sent the next publication under this packet id.
    pub(super) fn numbered(&self, packet_id: u16) {
        self.lock().numbered(packet_id);
    }

    /// The broker has answered.
    pub(super) fn answered(&self, packet_id: u16, code: u8) {
        if self.lock().answered(packet_id, code) {
            self.settled.notify_one();
        }
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        let state = self.lock();
        state.queued.len() + state.numbered.len()
    }

    /// Takes what was answered since the last call.
    pub(super) fn take_settled(&self) -> Vec<Settled> {
        std::mem::take(&mut self.lock().settled)
    }

    /// Waits until something is answered that was not taken. Cancel-safe.
    pub(super) async fn answers(&self) {
        while self.lock().settled.is_empty() {
            self.settled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pure> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Pure {
    queued: VecDeque<Sent>,
    numbered: BTreeMap<u16, Sent>,
    settled: Vec<Settled>,
}

impl Pure {
    fn numbered(&mut self, packet_id: u16) {
        if let Some(sent) = self.queued.pop_front() {
            self.numbered.insert(packet_id, sent);
        }
    }

    /// True if the answer was to something of ours.
    fn answered(&mut self, packet_id: u16, code: u8) -> bool {
        let Some(sent) = self.numbered.remove(&packet_id) else {
            return false;
        };
        self.settled.push((sent, code));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64) -> Sent {
        Sent::Entry(Entry { id, count: 1, topic: "t".to_owned(), body: Bytes::new() })
    }

    #[test]
    fn an_answer_finds_the_entry_it_is_for() {
        let flight = Flight::default();
        flight.sending(Sent::Other("status".to_owned()));
        flight.sending(entry(41));
        flight.sending(entry(42));
        flight.numbered(2);
        flight.numbered(3);
        assert_eq!(flight.len(), 3);
        flight.answered(3, 0);
        flight.answered(2, 0x10);
        assert_eq!(
            flight.take_settled(),
            [(entry(41), 0), (Sent::Other("status".to_owned()), 0x10)]
        );
        flight.numbered(4);
        flight.answered(4, 0x87);
        assert_eq!(flight.take_settled(), [(entry(42), 0x87)]);
        assert_eq!(flight.len(), 0);
    }

    #[test]
    fn an_answer_to_nothing_settles_nothing() {
        let flight = Flight::default();
        flight.sending(entry(1));
        flight.answered(1, 0);
        flight.numbered(1);
        flight.numbered(2);
        flight.answered(2, 0);
        assert_eq!(flight.take_settled(), []);
        assert_eq!(flight.len(), 1);
    }
}
