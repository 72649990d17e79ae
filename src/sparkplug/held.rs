//! Messages that wait: for the one before them, or for the birth by which they can be read.

use crate::decode::NodeMessage;
use crate::decode::sparkplug::wire::Payload;
use crate::decode::sparkplug::{Verb, payload};
use crate::reading::Timestamp;
use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Messages of a node that wait, at most.
const MESSAGES_MAX: usize = 1000;

/// A node that cannot be read for so long is told of.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) device: Option<Arc<str>>,
    pub(super) kind: Kind,
    pub(super) line: Arc<str>,
    pub(super) area: Arc<str>,
    pub(super) wanted: bool,
    pub(super) received: Timestamp,
    payload: Payloads,
}

/// The type of a message in a node's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Birth,
    Data,
    Death,
}

/// Bytes, written as such.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Payloads(Bytes);

impl Serialize for Payloads {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payloads {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Payloads;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Payloads, E> {
                Ok(Payloads(Bytes::copy_from_slice(bytes)))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Payloads, E> {
                Ok(Payloads(bytes.into()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

impl Waiting {
    /// A message of a node's sequence.
    pub(super) fn new(message: &NodeMessage, received: Timestamp) -> Self {
        Self {
            device: message.device.clone(),
            kind: match message.verb {
                Verb::Birth => Kind::Birth,
                Verb::Death => Kind::Death,
                // No command comes here.
                Verb::Data | Verb::Command => Kind::Data,
            },
            line: Arc::clone(&message.line),
            area: Arc::clone(&message.area),
            wanted: message.wanted,
            received,
            payload: Payloads(message.payload.clone()),
        }
    }

    /// The same, with this payload instead.
    pub(super) fn with(&self, payload: &Payload) -> Self {
        Self { payload: Payloads(payload.encode_to_vec().into()), ..self.clone() }
    }

    /// What it says; one that waits was read before.
    pub(super) fn payload(&self) -> Payload {
        payload(&self.payload.0).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        self.payload.0.len()
    }
}

/// Messages that wait for a birth, in order of arrival.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Held {
    messages: VecDeque<Waiting>,
    bytes: usize,
    /// Since when some wait, and whether that was told.
    since: Option<Timestamp>,
    told: bool,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a message, within `room` bytes; how many older ones had to go for it.
    pub(super) fn keep(&mut self, message: Waiting, room: usize) -> usize {
        self.bytes += message.bytes();
        self.since = self.since.or(Some(message.received));
        self.messages.push_back(message);
        let mut gone = 0;
        while self.messages.len() > MESSAGES_MAX || self.bytes > room {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.bytes();
            gone += 1;
        }
        gone
    }

    /// Takes out those of a device, or those of the node itself, in order.
    pub(super) fn take(&mut self, device: Option<&Arc<str>>) -> Vec<Waiting> {
        let is_its = |message: &Waiting| message.device.as_ref() == device;
        let (taken, left): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.messages).into_iter().partition(is_its);
        self.messages = left;
        self.bytes -= taken.iter().map(Waiting::bytes).sum::<usize>();
        taken.into()
    }

    /// Takes out all, in order.
    pub(super) fn take_all(&mut self) -> Vec<Waiting> {
        self.bytes = 0;
        std::mem::take(&mut self.messages).into()
    }

    /// When it has to be told that the node cannot be read.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.since.filter(|_| !self.told).map(|since| since.plus(PATIENCE))
    }

    /// Says so: how many wait, the first time that it is due.
    pub(super) fn tells(&mut self, now: Timestamp) -> Option<usize> {
        let tells = self.due().is_some_and(|due| due <= now) && !self.messages.is_empty();
        self.told |= tells;
        tells.then_some(self.messages.len())
    }

    /// If nothing waits any more, that is over; true if it was told.
    pub(super) fn settles(&mut self) -> bool {
        self.messages.is_empty() && self.forget()
    }

    /// What was told is over; true if it was.
    pub(super) fn forget(&mut self) -> bool {
        self.since = None;
        std::mem::take(&mut self.told)
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.since = self.since.map(leapt);
    }
}
