//! The store against a list in memory: random commits, reports of senders, ends and crashes.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

const BOXES: [&str; 3] = [READINGS, "mqtt/verdict", "webhook/a"];
const MAX: u64 = 768 << 10;

#[derive(Debug, Clone)]
enum Op {
    Commit {
        puts: Vec<PutOp>,
        events: u64,
        checkpoint: bool,
    },
    /// Some of the entries, from the oldest or from the newest on, have arrived.
    Done {
        outbox: Index,
        items: usize,
        newest: bool,
    },
    /// The oldest entry is refused.
    Park {
        outbox: Index,
    },
    Settle,
    /// The process ends and starts again.
    Reopen,
    /// The power fails: what was synced is left, and the beginning of a commit that was not.
    Crash {
        torn: Vec<u8>,
    },
}

#[derive(Debug, Clone)]
struct PutOp {
    outbox: Index,
    key: Option<u8>,
    len: usize,
}

fn op() -> impl Strategy<Value = Op> {
    // Readings have no keys and never replace one another.
    let put = (any::<Index>(), proptest::option::of(0..3_u8), 0..9000_usize);
    let put = put.prop_map(|(outbox, key, len)| PutOp { outbox, key, len });
    let puts = proptest::collection::vec(put, 0..6);
    prop_oneof![
        8 => (puts, 0..4_u64, any::<bool>())
            .prop_map(|(puts, events, checkpoint)| Op::Commit { puts, events, checkpoint }),
        4 => (any::<Index>(), 0..5_usize, any::<bool>())
            .prop_map(|(outbox, items, newest)| Op::Done { outbox, items, newest }),
        1 => any::<Index>().prop_map(|outbox| Op::Park { outbox }),
        1 => Just(Op::Settle),
        1 => Just(Op::Reopen),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(|torn| Op::Crash { torn }),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    count: u32,
    body: Print,
}

/// Stands for bytes: their length and a hash, which a failure can print.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Print(usize, u64);

fn print(bytes: &[u8]) -> Print {
    Print(bytes.len(), xxhash_rust::xxh3::xxh3_64(bytes))
}

/// What has to be in the store.
#[derive(Debug, Default)]
struct Model {
    boxes: BTreeMap<&'static str, Vec<Entry>>,
    /// Reported and not yet committed, by body: every body is another one.
    done: BTreeMap<&'static str, BTreeSet<Print>>,
    parks: Vec<(&'static str, Print)>,
    parked: Vec<Print>,
    journal: Vec<(u64, Print)>,
    last_seq: u64,
    last_hash: u64,
    checkpoint: Option<(u64, Print)>,
    /// Which body an id stood for.
    ids: BTreeMap<i64, Print>,
}

impl Model {
    /// What a transaction writes first.
    fn settle(&mut self) {
        for (name, done) in std::mem::take(&mut self.done) {
            let entries = self.boxes.entry(name).or_default();
            entries.retain(|entry| !done.contains(&entry.body));
        }
        // Outbox by outbox, each in order.
        self.parks.sort_by_key(|(name, _)| *name);
        self.parked.extend(self.parks.drain(..).map(|(_, body)| body));
    }

    /// What the store says that it dropped: the oldest readings, the oldest of what was parked.
    fn drop_oldest(&mut self, dropped: Dropped) {
        // Each was parked alone.
        self.parked.drain(..usize::try_from(dropped.parked).unwrap());
        assert_eq!(dropped.orphaned, 0);
        let entries = self.boxes.entry(READINGS).or_default();
        let items = usize::try_from(dropped.items).unwrap();
        let gone: u64 = entries.drain(..items).map(|entry| u64::from(entry.count)).sum();
        assert_eq!(gone, dropped.count);
    }

    fn waiting(&self, name: &str) -> Vec<Entry> {
        let none = BTreeSet::new();
        let done = self.done.get(name).unwrap_or(&none);
        let entries = self.boxes.get(name).into_iter().flatten();
        entries.filter(|entry| !done.contains(&entry.body)).cloned().collect()
    }
}

struct Machine {
    dir: TempDir,
    when_full: WhenFull,
    store: Option<Store>,
    outboxes: Vec<Arc<dyn Outbox>>,
    model: Model,
    bodies: u64,
}

impl Machine {
    fn new(when_full: WhenFull) -> Self {
        let mut machine = Self {
            dir: TempDir::new().unwrap(),
            when_full,
            store: None,
            outboxes: Vec::new(),
            model: Model::default(),
            bodies: 0,
        };
        machine.start();
        machine
    }

    fn start(&mut self) {
        let path = Some(self.dir.path().join("onspec.db"));
        let settings = Settings { path, max_size_bytes: MAX, when_full: self.when_full };
        let store = Store::open(&settings).unwrap();
        self.outboxes = BOXES.iter().map(|name| store.outbox(name).unwrap()).collect();
        self.store = Some(store);
        self.model.done.clear();
        self.model.parks.clear();
    }

    fn end(&mut self) {
        self.outboxes.clear();
        self.store = None;
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Commit { puts, events, checkpoint } => self.commit(puts, *events, *checkpoint),
            Op::Done { outbox, items, newest } => {
                let name = *outbox.get(&BOXES);
                let handle = &self.outboxes[outbox.index(BOXES.len())];
                let items = match newest {
                    true => handle.newest(*items, usize::MAX).unwrap(),
                    false => handle.oldest(0, *items, usize::MAX).unwrap(),
                };
                handle.done(&items.iter().map(|item| item.id).collect::<Vec<_>>());
                let bodies = items.into_iter().map(|item| print(&item.body));
                self.model.done.entry(name).or_default().extend(bodies);
            }
            Op::Park { outbox } => {
                let handle = &self.outboxes[outbox.index(BOXES.len())];
                if let Some(item) = handle.oldest(0, 1, 0).unwrap().pop() {
                    handle.park(item.id, 1, &item.body, "no", Timestamp::default());
                    self.model.parks.push((*outbox.get(&BOXES), print(&item.body)));
                }
            }
            Op::Settle => {
                self.store().settle().unwrap();
                self.model.settle();
                let dropped = self.store().take_dropped();
                assert_eq!((dropped.items, dropped.count), (0, 0));
                self.model.drop_oldest(dropped);
            }
            Op::Reopen => {
                self.end();
                self.start();
            }
            Op::Crash { torn } => {
                let other = TempDir::new().unwrap();
                for suffix in ["", "-wal"] {
                    let name = format!("onspec.db{suffix}");
                    fs::copy(self.dir.path().join(&name), other.path().join(&name)).unwrap();
                }
                let log = other.path().join("onspec.db-wal");
                fs::OpenOptions::new().append(true).open(log).unwrap().write_all(torn).unwrap();
                self.end();
                self.dir = other;
                self.start();
            }
        }
    }

    fn commit(&mut self, ops: &[PutOp], events: u64, checkpoint: bool) {
        let mut entries = Vec::new();
        for op in ops {
            self.bodies += 1;
            let mut body = self.bodies.to_le_bytes().to_vec();
            body.extend(noise(self.bodies, op.len));
            let name = *op.outbox.get(&BOXES);
            let key = op.key.filter(|_| name == BOXES[1]).map(|key| format!("line {key}"));
            entries.push((name, key, u32::try_from(op.len % 7).unwrap(), body));
        }
        let puts: Vec<_> = entries
            .iter()
            .map(|(outbox, key, count, body)| Put {
                outbox,
                key: key.as_deref().unwrap_or(""),
                replace: key.is_some(),
                count: *count,
                body,
            })
            .collect();
        let journal = if events == 0 { vec![] } else { noise(self.bodies + 7, 3000) };
        let state = checkpoint.then(|| noise(self.bodies + 9, 500));
        let hash = self.model.last_hash + 3;
        let commit = Commit {
            events,
            journal: &journal,
            hash,
            puts: &puts,
            checkpoint: state.as_deref(),
            ..Commit::default()
        };
        match self.store.as_mut().unwrap().commit(&commit) {
            Ok(()) => {}
            Err(StoreError::Full { .. }) if self.when_full == WhenFull::Block => {
                // Room was made, which writes what senders have said.
                self.model.settle();
                let dropped = self.store().take_dropped();
                self.model.drop_oldest(dropped);
                return;
            }
            Err(error) => panic!("{error:?}"),
        }
        self.model.settle();
        let dropped = self.store().take_dropped();
        let model = &mut self.model;
        model.drop_oldest(dropped);
        for (name, key, count, body) in entries {
            let entries = model.boxes.entry(name).or_default();
            if let Some(key) = &key {
                entries.retain(|entry| entry.key != *key);
            }
            entries.push(Entry { key: key.unwrap_or_default(), count, body: print(&body) });
        }
        if events > 0 {
            model.last_seq += events;
            model.last_hash = hash;
            model.journal.push((model.last_seq, print(&journal)));
        }
        if let Some(state) = state {
            model.checkpoint = Some((model.last_seq, print(&state)));
        }
    }

    fn check(&mut self) {
        let store = self.store.as_ref().unwrap();
        for (name, outbox) in BOXES.iter().zip(&self.outboxes) {
            let items = outbox.oldest(0, usize::MAX, usize::MAX).unwrap();
            assert!(items.windows(2).all(|pair| pair[0].id < pair[1].id));
            for item in &items {
                let known = self.model.ids.entry(item.id).or_insert_with(|| print(&item.body));
                assert_eq!(known, &print(&item.body), "an id was used twice");
            }
            let newest = outbox.newest(usize::MAX, usize::MAX).unwrap();
            assert_eq!(items, newest);
            let found: Vec<_> = items
                .into_iter()
                .map(|item| Entry { key: item.key, count: item.count, body: print(&item.body) })
                .collect();
            assert_eq!(found, self.model.waiting(name), "outbox {name}");
            // What is only reported still counts.
            let entries = self.model.boxes.get(name).map_or(&[][..], Vec::as_slice);
            let pending = outbox.pending().unwrap();
            assert_eq!(pending.items, entries.len() as u64);
            let count: u64 = entries.iter().map(|entry| u64::from(entry.count)).sum();
            assert_eq!(pending.count, count);
        }
        let recovery = store.recover().unwrap();
        assert_eq!(recovery.last_seq, self.model.last_seq);
        assert_eq!(recovery.last_hash, self.model.last_hash);
        let checkpoint = recovery.checkpoint.map(|found| (found.seq, print(&found.state)));
        assert_eq!(checkpoint, self.model.checkpoint);
        let after = self.model.checkpoint.as_ref().map_or(0, |(seq, _)| *seq);
        let wanted: Vec<_> = self.model.journal.iter().filter(|(seq, _)| *seq > after).collect();
        let found: Vec<_> = store.journal_after(after).map(Result::unwrap).collect();
        let found: Vec<_> =
            found.into_iter().map(|chunk| (chunk.last_seq, print(&chunk.bytes))).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
        let parked = store.reader().unwrap().parked(usize::MAX).unwrap();
        let parked: Vec<_> = parked.into_iter().rev().map(|parked| print(&parked.body)).collect();
        assert_eq!(parked, self.model.parked);
        // Only what may never go can make it larger.
        assert!(store.size_bytes().unwrap() <= MAX || store.fill() > 0.9);
    }
}

fn run(when_full: WhenFull, ops: &[Op]) {
    let mut machine = Machine::new(when_full);
    for op in ops {
        machine.apply(op);
        machine.check();
    }
    let reader = machine.store().reader().unwrap();
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn nothing_committed_is_lost_and_nothing_done_comes_back(
        ops in proptest::collection::vec(op(), 1..60)
    ) {
        run(WhenFull::DropOldestReadings, &ops);
    }

    #[test]
    fn a_blocking_store_loses_nothing_at_all(ops in proptest::collection::vec(op(), 1..60)) {
        run(WhenFull::Block, &ops);
    }
}
