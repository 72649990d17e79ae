//! What the store has said it has: every event that was committed, and the state that follows from
//! them without any crash.

use crate::mill::{Meaning, Message};
use onspec::app::{FitMode, Outputs, Pipeline};
use onspec::config::Checked;
use onspec::engine::Event;
use onspec::store::{Settings, Store, WhenFull};
use std::collections::{BTreeMap, BTreeSet};

/// Events that are committed together, each with the message that it is, if it is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group(pub(crate) Vec<(Event, Option<usize>)>);

impl Group {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.iter().map(|(event, _)| event.clone()).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (event, _) in &self.0 {
            event.encode(&mut bytes);
        }
        bytes
    }
}

/// The account, and the pipeline that never crashed.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) steady: Pipeline,
    /// The messages that were committed, in order, with repetitions.
    pub(crate) taken: Vec<usize>,
    /// The group whose commit nobody saw end.
    pub(crate) in_doubt: Option<Group>,
    pub(crate) doubts_committed: u64,
}

/// A pipeline in memory.
pub(crate) fn in_memory(checked: &Checked) -> Pipeline {
    let settings = Settings { path: None, max_size_bytes: 1 << 40, when_full: WhenFull::Block };
    let store = Store::open(&settings).unwrap();
    let outputs = outputs(checked);
    Pipeline::open(store, checked.plant.clone(), checked.rules(), outputs, FitMode::Elsewhere)
        .unwrap()
        .0
}

/// Everybody is told.
pub(crate) fn outputs(checked: &Checked) -> Outputs {
    let webhooks = checked.webhooks.clone();
    Outputs { influx: true, mqtt: true, webhooks, ..Outputs::default() }
}

impl Ledger {
    pub(crate) fn new(checked: &Checked) -> Self {
        Self { steady: in_memory(checked), taken: Vec::new(), in_doubt: None, doubts_committed: 0 }
    }

    /// The group is durable.
    pub(crate) fn committed(&mut self, group: &Group) {
        self.taken.extend(group.0.iter().filter_map(|(_, message)| *message));
        self.steady.commit(group.events(), &mut |_| {}).unwrap();
        drop(self.steady.take_requests());
        self.in_doubt = None;
    }

    /// A store was opened: it has what was committed, and of the group in doubt all or nothing.
    pub(crate) fn recovered(&mut self, store: &Store) {
        let known = self.steady.events();
        let chunks: Vec<_> = store.journal_after(known).map(Result::unwrap).collect();
        if let Some(group) = self.in_doubt.take()
            && let Some(chunk) = chunks.first()
        {
            assert_eq!(
                chunk.bytes,
                group.bytes(),
                "the journal holds other events than were offered"
            );
            self.committed(&group);
            self.doubts_committed += 1;
        }
        let recovery = store.recover().unwrap();
        assert_eq!(recovery.last_seq, self.steady.events(), "the journal ends elsewhere");
        let steady = self.steady.store().recover().unwrap();
        assert_eq!(recovery.last_hash, steady.last_hash, "other effects were committed");
    }

    /// The state is that of the pipeline that never crashed.
    pub(crate) fn same_state(&self, pipeline: &Pipeline) {
        let (found, steady) = (pipeline.engine().checkpoint(), self.steady.engine().checkpoint());
        if found != steady {
            assert_eq!(pipeline.view(), self.steady.view(), "the state is another one");
            panic!("the state is another one, and people cannot see where");
        }
    }

    /// received = stored + repeated + quarantined, by kind.
    pub(crate) fn balances(&self, messages: &[Message], pipeline: &Pipeline) {
        let (mut readings, mut faults) = (0_u64, BTreeMap::<&str, u64>::new());
        for message in &self.taken {
            match &messages[*message].meaning {
                Meaning::Readings(all) => readings += all.len() as u64,
                Meaning::Garbage(reason) => *faults.entry(reason).or_default() += 1,
                Meaning::Event => {}
            }
        }
        let view = pipeline.view();
        assert_eq!(
            view.readings + view.duplicates,
            readings,
            "readings received and accounted for"
        );
        for (reason, n) in faults {
            assert_eq!(view.faults.get(reason), Some(&n), "faults for `{reason}`");
        }
    }

    /// The messages that were committed.
    pub(crate) fn messages(&self) -> BTreeSet<usize> {
        self.taken.iter().copied().collect()
    }
}
