//! What has to wait in the outboxes: a model beside the store, told of every commit.

use onspec::influx::READINGS;
use onspec::reading::Timestamp;
use onspec::store::{Dropped, Item, Outbox, Pending, Reader, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// An outbox as a sender has it, overheard.
#[derive(Debug)]
pub(crate) struct Overheard {
    outbox: Arc<dyn Outbox>,
    name: String,
    reports: Arc<Reports>,
}

/// What receivers refused for good, ever: outbox and body.
pub(crate) type Parked = BTreeSet<(String, Vec<u8>)>;

/// What senders did since the last transaction of the store.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    calls: AtomicU64,
    done: Mutex<BTreeMap<String, BTreeSet<i64>>>,
    parked: Mutex<Parked>,
}

impl Reports {
    /// Grows whenever a sender looks at its outbox or reports.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    /// What was refused for good.
    pub(crate) fn parked(&self) -> Parked {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_done(&self) -> BTreeMap<String, BTreeSet<i64>> {
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Overheard {
    pub(crate) fn new(
        store: &Store,
        name: &str,
        reports: &Arc<Reports>,
    ) -> Result<Arc<Self>, StoreError> {
        let outbox = store.outbox(name)?;
        Ok(Arc::new(Self { outbox, name: name.to_owned(), reports: Arc::clone(reports) }))
    }

    fn called(&self) {
        self.reports.calls.fetch_add(1, Ordering::AcqRel);
    }
}

impl Outbox for Overheard {
    fn oldest(
        &self,
        after: i64,
        max_items: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, StoreError> {
        self.called();
        self.outbox.oldest(after, max_items, max_bytes)
    }

    fn newest(&self, max_items: usize, max_bytes: usize) -> Result<Vec<Item>, StoreError> {
        self.called();
        self.outbox.newest(max_items, max_bytes)
    }

    fn pending(&self) -> Result<Pending, StoreError> {
        self.outbox.pending()
    }

    fn done(&self, ids: &[i64]) {
        self.called();
        let mut done = self.reports.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.entry(self.name.clone()).or_default().extend(ids);
        self.outbox.done(ids);
    }

    fn park(&self, id: i64, count: u32, body: &[u8], reason: &str, at: Timestamp) {
        self.called();
        let mut parked = self.reports.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.insert((self.name.clone(), body.to_vec()));
        self.outbox.park(id, count, body, reason, at);
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.outbox.changed()
    }
}

/// How the harness looks into a store: connections of its own, opened once.
#[derive(Debug)]
pub(crate) struct Glass {
    outboxes: BTreeMap<String, Arc<dyn Outbox>>,
    pub(crate) reader: Reader,
}

impl Glass {
    pub(crate) fn new(store: &Store, names: &[String]) -> Result<Self, StoreError> {
        let open = |name: &String| Ok((name.clone(), store.outbox(name)?));
        let outboxes = names.iter().map(open).collect::<Result<_, StoreError>>()?;
        Ok(Self { outboxes, reader: store.reader()? })
    }

    fn items(&self, outbox: &str, after: i64) -> Result<Vec<Item>, StoreError> {
        self.outboxes[outbox].oldest(after, usize::MAX, usize::MAX)
    }
}

/// The entries that wait, by outbox and id.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    boxes: BTreeMap<String, Waits>,
    /// Lines of readings that were dropped for room, and that the store counted.
    pub(crate) dropped: BTreeSet<String>,
    /// Entries that a commit dropped whose end nobody saw.
    pub(crate) uncounted: u64,
}

#[derive(Debug, Default)]
struct Waits {
    last: i64,
    entries: BTreeMap<i64, Item>,
    /// Reported, and perhaps not written: there was no room.
    uncertain: BTreeMap<i64, Item>,
}

impl Waiting {
    pub(crate) fn new(names: &[String]) -> Self {
        let boxes = names.iter().map(|name| (name.clone(), Waits::default())).collect();
        Self { boxes, ..Self::default() }
    }

    /// A transaction of the store is durable, and this process saw it end; if it is not `certain`, it
    /// may have found no room.
    pub(crate) fn committed(
        &mut self,
        glass: &Glass,
        reports: &Reports,
        dropped: Dropped,
        certain: bool,
    ) -> Result<(), StoreError> {
        let done = reports.take_done();
        for (name, waits) in &mut self.boxes {
            if certain {
                waits.uncertain.clear();
            }
            for id in done.get(name).into_iter().flatten() {
                let gone = waits.entries.remove(id);
                waits.uncertain.extend(gone.filter(|_| !certain).map(|item| (*id, item)));
            }
            if name == READINGS {
                let mut lines = 0;
                for _ in 0..dropped.items {
                    let (_, item) = waits.entries.pop_first().expect("more dropped than waited");
                    lines += u64::from(item.count);
                    self.dropped.extend(lines_of(&item));
                }
                assert_eq!(lines, dropped.count, "the store counts what it drops otherwise");
            }
            waits.take_in(glass.items(name, waits.last)?);
        }
        Ok(())
    }

    /// A process begins: what waits is what waited, but for what the last transactions of the one
    /// before took away, whose end it did not see.
    pub(crate) fn recovered(
        &mut self,
        glass: &Glass,
        reports: &Reports,
        may_drop: bool,
    ) -> Result<(), StoreError> {
        let done = reports.take_done();
        for (name, waits) in &mut self.boxes {
            let items = glass.items(name, 0)?;
            let there: BTreeSet<i64> = items.iter().map(|item| item.id).collect();
            let none = BTreeSet::new();
            let done = done.get(name).unwrap_or(&none);
            let before = std::mem::take(&mut waits.entries);
            let uncertain = std::mem::take(&mut waits.uncertain).into_iter();
            waits.entries.extend(uncertain.filter(|(id, _)| there.contains(id)));
            let last = waits.last;
            waits.take_in(items.into_iter().filter(|item| item.id > last));
            let newer: BTreeSet<String> =
                waits.entries.values().map(|item| item.key.clone()).collect();
            let mut oldest = true;
            for (id, item) in before {
                if there.contains(&id) {
                    oldest = false;
                    waits.entries.insert(id, item);
                } else if done.contains(&id) || (replaces(name, &item) && newer.contains(&item.key))
                {
                    // It arrived, or a newer one took its place.
                } else {
                    assert!(
                        name == READINGS && may_drop && oldest,
                        "entry {id} of `{name}` is lost: it waited, nobody reported it, and it is gone"
                    );
                    self.dropped.extend(lines_of(&item));
                    self.uncounted += 1;
                }
            }
        }
        Ok(())
    }

    /// Compares all with the store; nothing may have been reported since the last commit.
    pub(crate) fn check(&self, glass: &Glass, reports: &Reports) -> Result<(), StoreError> {
        let reported = reports.done.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, waits) in &self.boxes {
            let items = glass.items(name, 0)?;
            let done = reported.get(name);
            let expected = waits.entries.values();
            let expected =
                expected.filter(|item| !done.is_some_and(|done| done.contains(&item.id)));
            assert!(
                items.iter().eq(expected),
                "outbox `{name}` holds something else than it was given"
            );
        }
        Ok(())
    }

    /// The outboxes.
    pub(crate) fn names(&self) -> Vec<String> {
        self.boxes.keys().cloned().collect()
    }

    /// True if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.boxes.values().all(|waits| waits.entries.is_empty())
    }
}

impl Waits {
    /// Takes in the entries that are new.
    fn take_in(&mut self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.last = item.id;
            if item.key.ends_with("/verdict") {
                self.entries.retain(|_, older| older.key != item.key);
            }
            self.entries.insert(item.id, item);
        }
    }
}

/// True if a newer entry of the same key takes its place.
fn replaces(name: &str, item: &Item) -> bool {
    name == "mqtt" && item.key.ends_with("/verdict")
}

/// The lines of an entry.
pub(crate) fn lines_of(item: &Item) -> Vec<String> {
    let text = String::from_utf8(item.body.clone()).expect("lines are text");
    text.lines().map(str::to_owned).collect()
}
