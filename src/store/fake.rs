//! An outbox in memory, for the tests of senders.

use super::{Item, Outbox, Pending, StoreError};
use crate::reading::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What a sender parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) id: i64,
    pub(crate) count: u32,
    pub(crate) body: String,
    pub(crate) reason: String,
}

/// An outbox whose commits happen at once.
#[derive(Debug)]
pub(crate) struct FakeOutbox {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    waiting: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    last_id: i64,
    items: Vec<Item>,
    done: Vec<i64>,
    parked: Vec<Parked>,
}

impl FakeOutbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: watch::Sender::new(0),
            waiting: watch::Sender::new(0),
        })
    }

    /// An outbox with entries of these bodies; their ids are 1, 2, 3, …
    pub(crate) fn with<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Arc<Self> {
        let outbox = Self::new();
        for body in bodies {
            outbox.push("", body);
        }
        outbox
    }

    /// Commits an entry.
    pub(crate) fn push(&self, key: &str, body: &str) {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let count = u32::try_from(body.lines().count()).unwrap();
        state.items.push(Item { id, key: key.to_owned(), count, body: body.into() });
        self.waiting.send_replace(state.items.len());
        drop(state);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Returns when nothing waits any more.
    pub(crate) async fn empty(&self) {
        self.at_most(0).await;
    }

    /// Returns when at most `n` entries wait.
    pub(crate) async fn at_most(&self, n: usize) {
        self.waiting.subscribe().wait_for(|left| *left <= n).await.unwrap();
    }

    /// The ids reported done, in the order of the reports.
    pub(crate) fn done_ids(&self) -> Vec<i64> {
        self.state().done.clone()
    }

    /// What was parked, in order.
    pub(crate) fn parked(&self) -> Vec<Parked> {
        self.state().parked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take<'a>(
    items: impl Iterator<Item = &'a Item>,
    max_items: usize,
    max_bytes: usize,
) -> Vec<Item> {
    let mut bytes = 0;
    let mut taken: Vec<Item> = Vec::new();
    for item in items.take(max_items) {
        bytes += item.body.len();
        if bytes > max_bytes && !taken.is_empty() {
            break;
        }
        taken.push(item.clone());
    }
    taken
}

impl Outbox for FakeOutbox {
    fn oldest(
        &self,
        after: i64,
        max_items: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let state = self.state();
        Ok(take(state.items.iter().filter(|item| item.id > after), max_items, max_bytes))
    }

    fn newest(&self, max_items: usize, max_bytes: usize) -> Result<Vec<Item>, StoreError> {
        let mut items = take(self.state().items.iter().rev(), max_items, max_bytes);
        items.reverse();
        Ok(items)
    }

    fn pending(&self) -> Result<Pending, StoreError> {
        let state = self.state();
        Ok(Pending {
            items: state.items.len() as u64,
            count: state.items.iter().map(|item| u64::from(item.count)).sum(),
            bytes: state.items.iter().map(|item| item.body.len() as u64).sum(),
        })
    }

    fn done(&self, ids: &[i64]) {
        let mut state = self.state();
        state.items.retain(|item| !ids.contains(&item.id));
        state.done.extend(ids);
        self.waiting.send_replace(state.items.len());
    }

    fn park(&self, id: i64, count: u32, body: &[u8], reason: &str, _: Timestamp) {
        let body = String::from_utf8_lossy(body).into_owned();
        self.state().parked.push(Parked { id, count, body, reason: reason.to_owned() });
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
