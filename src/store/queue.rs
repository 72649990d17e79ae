//! What senders have said about an outbox and the next commit has still to write.

use super::outbox::Pending;
use crate::reading::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A part of an entry that the receiver refused for good.
#[derive(Debug, Clone)]
pub(super) struct Park {
    pub(super) id: i64,
    pub(super) count: u32,
    pub(super) body: Arc<[u8]>,
    pub(super) reason: Arc<str>,
    pub(super) at: Timestamp,
}

/// One outbox, shared by the writer and all its handles.
///
/// Bounded by the outbox itself: only ids that were handed out come back here, and only once.
#[derive(Debug)]
pub(super) struct Queue {
    name: Arc<str>,
    said: Mutex<Said>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Said {
    /// The row of the outbox, once something was put into it.
    row: Option<i64>,
    pending: Pending,
    /// Arrived, and still in the file.
    done: BTreeSet<i64>,
    parks: Vec<Park>,
}

/// What a transaction starts from.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) row: Option<i64>,
    pub(super) pending: Pending,
    pub(super) done: Vec<i64>,
    pub(super) parks: Vec<Park>,
}

impl Queue {
    fn new(name: &str, row: Option<i64>, pending: Pending) -> Self {
        Self {
            name: name.into(),
            said: Mutex::new(Said { row, pending, ..Said::default() }),
            changed: watch::Sender::new(0),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn pending(&self) -> Pending {
        self.said().pending
    }

    pub(super) fn done(&self) -> BTreeSet<i64> {
        self.said().done.clone()
    }

    pub(super) fn add_done(&self, ids: &[i64]) {
        self.said().done.extend(ids);
    }

    pub(super) fn add_park(&self, park: Park) {
        self.said().parks.push(park);
    }

    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn has_work(&self) -> bool {
        let said = self.said();
        !said.done.is_empty() || !said.parks.is_empty()
    }

    /// Both lists at one instant, so that an entry parked and then done is never done alone.
    pub(super) fn queued(&self) -> Queued {
        let said = self.said();
        Queued {
            row: said.row,
            pending: said.pending,
            done: said.done.iter().copied().collect(),
            parks: said.parks.clone(),
        }
    }

    /// What a transaction starts from that leaves to the next one what senders have said meanwhile.
    pub(super) fn counters(&self) -> Queued {
        let said = self.said();
        Queued { row: said.row, pending: said.pending, done: Vec::new(), parks: Vec::new() }
    }

    /// A transaction that started from `queued` was committed and left this behind.
    pub(super) fn committed(&self, queued: &Queued, put: bool) {
        let mut said = self.said();
        said.row = queued.row;
        said.pending = queued.pending;
        for id in &queued.done {
            said.done.remove(id);
        }
        let taken = queued.parks.len().min(said.parks.len());
        said.parks.drain(..taken);
        drop(said);
        if put {
            self.changed.send_modify(|n| *n = n.wrapping_add(1));
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All outboxes by name.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<BTreeMap<Arc<str>, Arc<Queue>>>);

impl Queues {
    /// Takes over an outbox from the file.
    pub(super) fn load(&self, name: &str, row: i64, pending: Pending) {
        let queue = Queue::new(name, Some(row), pending);
        self.map().insert(Arc::clone(queue.name()), Arc::new(queue));
    }

    /// The outbox of that name; an empty one if nobody named it before.
    pub(super) fn get(&self, name: &str) -> Arc<Queue> {
        let mut map = self.map();
        if let Some(queue) = map.get(name) {
            return Arc::clone(queue);
        }
        let queue = Arc::new(Queue::new(name, None, Pending::default()));
        map.insert(Arc::clone(queue.name()), Arc::clone(&queue));
        queue
    }

    /// How much waits in each outbox, by name.
    pub(super) fn pending(&self) -> Vec<(Arc<str>, Pending)> {
        self.map().iter().map(|(name, queue)| (Arc::clone(name), queue.pending())).collect()
    }

    /// The outboxes of which something is to be written.
    pub(super) fn with_work(&self) -> Vec<Arc<Queue>> {
        self.map().values().filter(|queue| queue.has_work()).map(Arc::clone).collect()
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_during_a_transaction_is_left_to_the_next() {
        let queue = Queue::new("webhook/a", Some(1), Pending::default());
        let say = |id| {
            let at = Timestamp::default();
            queue.add_park(Park { id, count: 1, body: [].into(), reason: "no".into(), at });
            queue.add_done(&[id]);
        };
        say(1);
        let (all, put_only) = (queue.queued(), queue.counters());
        say(2);
        queue.committed(&put_only, true);
        assert_eq!(queue.queued().done, [1, 2]);
        queue.committed(&all, false);
        let left = queue.queued();
        assert_eq!(left.done, [2]);
        assert_eq!(left.parks.iter().map(|park| park.id).collect::<Vec<_>>(), [2]);
    }
}
