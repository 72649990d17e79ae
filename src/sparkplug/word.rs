//! What a host application says of what it hears.

use crate::decode::{Fault, FaultCount, NamedReading, READINGS_MAX, Reason};
use crate::reading::Timestamp;
use std::sync::Arc;

/// One thing that follows from a message, or from time that passed.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// A value of a metric.
    Reading {
        /// The reading.
        reading: NamedReading,
        /// The unit in which it was sent, if its birth names one.
        unit: Option<Arc<str>>,
        /// True if it is an old value that could not be sent then.
        historical: bool,
    },
    /// A metric has no value any more.
    Lost {
        /// Since when; `None`: since its last value.
        at: Option<Timestamp>,
        /// Why.
        why: Why,

        /// The line.
        line: Arc<str>,
        /// The area; may be empty.
        area: Arc<str>,
        /// The tag.
        tag: Arc<str>,
    },
    /// What could not be taken.
    Fault(Fault),
    /// The births of a node are wanted again.
    Ask {
        /// The broker that it speaks through.
        broker: Arc<str>,
        /// Its group.
        group: Arc<str>,
        /// Its name.
        node: Arc<str>,
    },
    /// Messages of a node are missing.
    Gap {
        /// The node's part of the plant, `sparkplug/BROKER/GROUP/NODE`.
        part: Arc<str>,
        /// The broker that it speaks through.
        broker: Arc<str>,
        /// How many, if that is known.
        lost: Option<u64>,
        /// What happened, for people.
        reason: Arc<str>,
    },
    /// An alarm of a part stands, with these words from now on, or is over.
    Alarm {
        /// The part: `sparkplug/BROKER/GROUP/NODE[/DEVICE]`, or `#` and a word behind one, for what is told of
        /// it beside whether it is there.
        part: Arc<str>,
        /// Whether it works.
        works: bool,
        /// Why not, or what happened, for people.
        reason: Arc<str>,
    },
    /// A node or a device is known no longer: another one needed the room.
    Forgot {
        /// Its part.
        part: Arc<str>,
        /// Why it, for people.
        reason: Arc<str>,
    },
}

/// Why a metric has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is null, or its device or node has gone, which is told of these.
    Silent,
    /// The newest birth does not have it: nothing will come of it.
    Absent,
}

/// A node has gone or come, or cannot be read.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) comes: bool,
    pub(super) why: String,
}

/// Line and area of a message's readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) line: &'a Arc<str>,
    pub(super) area: &'a Arc<str>,
}

/// What is said of one message.
#[derive(Debug)]
pub(super) struct Spoken<'a> {
    words: &'a mut Vec<Word>,
    faults: FaultCount,
    /// What the node that speaks is now, for its broker to tell.
    pub(super) changes: Vec<Change>,
    /// So many metrics more may be learnt.
    pub(super) room: usize,
    /// So many readings more may be taken.
    readings: usize,
}

impl<'a> Spoken<'a> {
    pub(super) fn new(words: &'a mut Vec<Word>, room: usize) -> Self {
        let (faults, changes) = (FaultCount::default(), Vec::new());
        Self { words, faults, changes, room, readings: READINGS_MAX }
    }

    pub(super) fn word(&mut self, word: Word) {
        self.words.push(word);
    }

    #[inline]
    pub(super) fn reading(&mut self, reading: NamedReading, unit: Option<Arc<str>>, old: bool) {
        let Some(left) = self.readings.checked_sub(1) else {
            let detail = format!("more than {READINGS_MAX} readings in a message");
            return self.fault(Fault { reason: Reason::TooLarge, detail });
        };
        self.readings = left;
        self.words.push(Word::Reading { reading, unit, historical: old });
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.words.extend(self.faults.name(fault).map(Word::Fault));
    }

    /// Ends the message: says how many faults were not named.
    pub(super) fn end(self) {
        self.words.extend(self.faults.rest().map(Word::Fault));
    }
}
