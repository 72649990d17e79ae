//! What was received and is not acknowledged, in order of receipt.
//!
//! A broker wants its acknowledgements in the order in which it sent the messages (MQTT-4.6.0-2), so
//! one that is released early waits for those before it. One [`Receipts`] belongs to one connection
//! and is closed with it: packet ids are used again, and an acknowledgement that came late to
//! another connection would name another message.

use super::wire::Ack;
use crate::decode::Arrival;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// A message on its way to the core.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub arrival: Arrival,
    /// To be released when the message is durable.
    pub receipt: Receipt,
    /// True for the first message of a session in which edge nodes are heard.
    pub begins: bool,
}

/// The right, and the duty, to have one message acknowledged.
///
/// It holds the room that the message's bytes take in the link's limit, which is free again when it
/// is released or dropped. Dropped without release, the message is never acknowledged, nor is any
/// that came after it by the same connection; the broker sends them again at the next one.
#[derive(Default)]
pub struct Receipt {
    held: Option<(Arc<Receipts>, u64)>,
    /// Held for its `Drop`.
    _room: Option<OwnedSemaphorePermit>,
}

impl Receipt {
    /// A receipt for a message that nobody wants acknowledged (recordings, tests).
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Has the message acknowledged: call it after the commit, in order of receipt. Does not block,
    /// from any thread. Does nothing for QoS 0 and when the connection is gone.
    pub fn release(mut self) {
        if let Some((receipts, ticket)) = self.held.take() {
            receipts.release(ticket);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some((receipts, ticket)) = self.held.take() {
            receipts.abandon(ticket);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticket = self.held.as_ref().map(|(_, ticket)| ticket);
        f.debug_struct("Receipt").field("ticket", &ticket).finish_non_exhaustive()
    }
}

/// The receipts of one connection.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    book: Mutex<Book>,
    ready: Notify,
    left: Notify,
}

impl Receipts {
    /// Enters a message that wants `ack`; in order of receipt.
    pub(super) fn enter(
        self: &Arc<Self>,
        ack: Option<Ack>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Receipt {
        let ticket = ack.and_then(|ack| self.lock().enter(ack));
        Receipt { held: ticket.map(|ticket| (Arc::clone(self), ticket)), _room: room }
    }

    fn release(&self, ticket: u64) {
        if self.lock().release(ticket) {
            self.ready.notify_one();
        }
    }

    fn abandon(&self, ticket: u64) {
        self.lock().set(ticket, Fate::Abandoned);
        self.left.notify_one();
    }

    /// Waits for the next acknowledgement that may go out. It stays first until
    /// [`Receipts::handed_over`]. Cancel-safe.
    pub(super) async fn next_ready(&self) -> Ack {
        loop {
            if let Some(ack) = self.lock().ready() {
                return ack;
            }
            // One waiter only; a `notify_one` between the look and the wait is kept for it.
            self.ready.notified().await;
        }
    }

    /// The library has the acknowledgement that was ready.
    pub(super) fn handed_over(&self) {
        self.lock().leave();
        self.left.notify_one();
    }

    /// Waits until the library has all acknowledgements that can ever go out: those of messages that
    /// somebody still holds are waited for. Cancel-safe.
    pub(super) async fn all_handed_over(&self) {
        while self.lock().is_awaited() {
            self.left.notified().await;
        }
    }

    /// How many are unacknowledged now, and how many were at most since the last call.
    pub(super) fn waiting(&self) -> (usize, usize) {
        self.lock().waiting()
    }

    /// The connection is gone: nothing of it can be acknowledged any more.
    pub(super) fn close(&self) {
        self.lock().close();
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pure part: a queue whose head may leave when it is released.
#[derive(Debug, Default)]
struct Book {
    /// The ticket of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    peak: usize,
    closed: bool,
}

#[derive(Debug)]
struct Slot {
    ack: Ack,
    fate: Fate,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Somebody has it.
    Held,
    /// It may be acknowledged.
    Released,
    /// It never will be.
    Abandoned,
}

impl Book {
    /// Appends an acknowledgement; its ticket, or `None` if the connection is gone.
    fn enter(&mut self, ack: Ack) -> Option<u64> {
        if self.closed {
            return None;
        }
        let ticket = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { ack, fate: Fate::Held });
        self.peak = self.peak.max(self.slots.len());
        Some(ticket)
    }

    /// Marks a slot; true if the head may leave now and might not have before.
    fn release(&mut self, ticket: u64) -> bool {
        self.set(ticket, Fate::Released) && ticket == self.first
    }

    /// Marks a slot; false if it is gone.
    fn set(&mut self, ticket: u64, fate: Fate) -> bool {
        let slot = ticket
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.slots.get_mut(index));
        slot.map(|slot| slot.fate = fate).is_some()
    }

    /// True while the head may leave, now or later.
    fn is_awaited(&self) -> bool {
        self.slots.front().is_some_and(|slot| slot.fate != Fate::Abandoned)
    }

    /// The head, if it is released.
    fn ready(&self) -> Option<Ack> {
        self.slots.front().filter(|slot| slot.fate == Fate::Released).map(|slot| slot.ack)
    }

    /// The head leaves, if it is released.
    fn leave(&mut self) -> Option<Ack> {
        let ack = self.ready()?;
        self.slots.pop_front();
        self.first += 1;
        Some(ack)
    }

    fn waiting(&mut self) -> (usize, usize) {
        let now = self.slots.len();
        (now, std::mem::replace(&mut self.peak, now))
    }

    fn close(&mut self) {
        self.closed = true;
        self.first += self.slots.len() as u64;
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ack(packet_id: u16) -> Ack {
        Ack { packet_id, exactly_once: false }
    }

    /// Enters packets 1 to `count`, releases those named, and tells which acknowledgements go out.
    #[track_caller]
    fn check(count: u16, releases: &[u64], expected: &[u16]) {
        let mut book = Book::default();
        for packet_id in 1..=count {
            book.enter(ack(packet_id));
        }
        let mut out = Vec::new();
        for ticket in releases {
            book.release(*ticket);
            while let Some(ack) = book.leave() {
                out.push(ack.packet_id);
            }
        }
        assert_eq!(out, expected);
    }

    #[test]
    fn acknowledgements_go_out_in_order_of_receipt() {
        check(3, &[0, 1, 2], &[1, 2, 3]);
        check(3, &[2, 1, 0], &[1, 2, 3]);
        check(4, &[1, 0, 3], &[1, 2]);
    }

    #[test]
    fn one_that_is_never_released_holds_all_behind_it() {
        check(4, &[1, 2, 3], &[]);
        check(4, &[0, 2, 3], &[1]);
    }

    #[test]
    fn a_ticket_that_is_gone_or_unknown_releases_nothing() {
        check(2, &[0, 0, 7], &[1]);
    }

    #[test]
    fn a_release_after_the_connection_is_gone_acknowledges_nothing() {
        let receipts = Arc::new(Receipts::default());
        let early = receipts.enter(Some(ack(1)), None);
        receipts.close();
        let late = receipts.enter(Some(ack(1)), None);
        early.release();
        late.release();
        assert_eq!(receipts.lock().leave(), None);
        assert_eq!(receipts.waiting().0, 0);
    }

    #[test]
    fn a_receipt_of_another_connection_does_not_reach_this_one() {
        let (old, new) = (Arc::new(Receipts::default()), Arc::new(Receipts::default()));
        let stale = old.enter(Some(ack(1)), None);
        let fresh = new.enter(Some(ack(1)), None);
        stale.release();
        assert_eq!(new.lock().leave(), None);
        fresh.release();
        assert_eq!(new.lock().leave(), Some(ack(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_farewell_waits_for_what_is_held_and_not_for_what_is_abandoned() {
        let receipts = Arc::new(Receipts::default());
        let ends = |patience: u64| {
            let all = receipts.all_handed_over();
            tokio::time::timeout(std::time::Duration::from_secs(patience), all)
        };
        let (held, later) =
            (receipts.enter(Some(ack(1)), None), receipts.enter(Some(ack(2)), None));
        assert!(ends(9).await.is_err(), "somebody holds it");
        held.release();
        assert!(ends(9).await.is_err(), "it is not handed over");
        receipts.handed_over();
        let (ended, ()) = tokio::join!(ends(9), async { drop(later) });
        assert!(ended.is_ok(), "nobody holds what is left");
    }

    #[test]
    fn a_message_of_qos_0_takes_no_place_in_the_order() {
        let receipts = Arc::new(Receipts::default());
        receipts.enter(None, None).release();
        assert_eq!(receipts.waiting(), (0, 0));
    }

    #[test]
    fn the_peak_is_that_since_the_last_question() {
        let mut book = Book::default();
        for packet_id in 1..=3 {
            book.enter(ack(packet_id));
        }
        book.release(0);
        book.leave();
        assert_eq!(book.waiting(), (2, 3));
        assert_eq!(book.waiting(), (2, 2));
    }

    #[tokio::test]
    async fn a_release_from_another_thread_wakes_the_one_who_waits() {
        let receipts = Arc::new(Receipts::default());
        let receipt = receipts.enter(Some(ack(9)), None);
        let thread = std::thread::spawn(move || receipt.release());
        assert_eq!(receipts.next_ready().await, ack(9));
        thread.join().expect("the thread only releases");
    }

    proptest! {
        /// Whatever the order of releases, what goes out is a prefix of what came in.
        #[test]
        fn any_order_of_releases_gives_a_prefix(releases in prop::collection::vec(0_u64..40, 0..80)) {
            let mut book = Book::default();
            for packet_id in 0..32 {
                book.enter(ack(packet_id));
            }
            let mut out = Vec::new();
            for ticket in &releases {
                book.release(*ticket);
                while let Some(ack) = book.leave() {
                    out.push(u64::from(ack.packet_id));
                }
            }
            let prefix = (0..32).take_while(|ticket| releases.contains(ticket));
            prop_assert_eq!(out, prefix.collect::<Vec<u64>>());
        }
    }
}
