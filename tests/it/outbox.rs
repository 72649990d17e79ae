//! An outbox in memory whose commits happen at once, for the senders that are tested against real servers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onspec::reading::Timestamp;
use onspec::store::{Item, Outbox, Pending, StoreError};
use tokio::sync::watch;

/// What a sender parked: entry, number of lines, body, reason.
pub(crate) type Parked = (i64, u32, String, String);

#[derive(Debug)]
pub(crate) struct MemoryOutbox {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    last_id: i64,
    items: Vec<Item>,
    parked: Vec<Parked>,
}

impl MemoryOutbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: watch::Sender::new(0) })
    }

    /// Commits an entry.
    pub(crate) fn push(&self, key: &str, count: u32, body: &[u8]) {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        state.items.push(Item { id, key: key.to_owned(), count, body: body.to_vec() });
        drop(state);
        self.changed.send_modify(|n| *n += 1);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().items.is_empty()
    }

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
    items
        .take(max_items)
        .enumerate()
        .take_while(|(n, item)| {
            bytes += item.body.len();
            *n == 0 || bytes <= max_bytes
        })
        .map(|(_, item)| item.clone())
        .collect()
}

impl Outbox for MemoryOutbox {
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
        self.state().items.retain(|item| !ids.contains(&item.id));
    }

    fn park(&self, id: i64, count: u32, body: &[u8], reason: &str, _: Timestamp) {
        let body = String::from_utf8_lossy(body).into_owned();
        self.state().parked.push((id, count, body, reason.to_owned()));
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
