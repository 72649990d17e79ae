//! What a host application says of what it hears.

use crate::decode::{Fault, NamedReading, READINGS_MAX, Reason};
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
    /// A metric has no value any more: it is null, or its device or node has gone.
    Lost {
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
    /// A node can be read, or cannot.
    Readable {
        /// As in [`Word::Gap`].
        part: Arc<str>,
        /// Whether it can.
        yes: bool,
        /// Why not, or what happened, for people.
        reason: Arc<str>,
    },
    /// A device has come or gone.
    Device {
        /// As in [`Word::Gap`], with the device behind it.
        part: Arc<str>,
        /// Whether it is there.
        yes: bool,
        /// What happened, for people.
        reason: Arc<str>,
    },
}

/// Line and area of a message's readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) line: &'a Arc<str>,
    pub(super) area: &'a Arc<str>,
}

/// Faults of a message that are named; the rest is one fault with their number.
const FAULTS_NAMED: usize = 16;

/// What is said of one message.
#[derive(Debug)]
pub(super) struct Spoken<'a> {
    words: &'a mut Vec<Word>,
    faults: usize,
    last: Option<Fault>,
    /// So many metrics more may be learnt.
    pub(super) room: usize,
    /// So many readings more may be taken.
    readings: usize,
}

impl<'a> Spoken<'a> {
    pub(super) fn new(words: &'a mut Vec<Word>, room: usize) -> Self {
        Self { words, faults: 0, last: None, room, readings: READINGS_MAX }
    }

    pub(super) fn word(&mut self, word: Word) {
        if matches!(word, Word::Reading { .. }) {
            let Some(left) = self.readings.checked_sub(1) else {
                let detail = format!("more than {READINGS_MAX} readings in a message");
                return self.fault(Fault { reason: Reason::TooLarge, detail });
            };
            self.readings = left;
        }
        self.words.push(word);
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.faults += 1;
        if self.faults <= FAULTS_NAMED {
            self.words.push(Word::Fault(fault));
        } else {
            self.last = Some(fault);
        }
    }

    /// Ends the message: says how many faults were not named.
    pub(super) fn end(self) {
        if let Some(Fault { reason, .. }) = self.last {
            let detail = format!("{} more faults in the payload", self.faults - FAULTS_NAMED);
            self.words.push(Word::Fault(Fault { reason, detail }));
        }
    }
}
