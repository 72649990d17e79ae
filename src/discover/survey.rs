//! What is known of each topic.

use super::leaf::Leaf;
use super::nodes::Nodes;
use crate::decode::{Arrival, decode_event};
use crate::reading::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Topics remembered; of more only the number is known.
const TOPICS_MAX: usize = 20_000;
/// Values remembered of one topic.
const LEAVES_MAX: usize = 500;
/// How deep a document is looked into.
const DEPTH_MAX: usize = 6;

/// What was heard on a broker.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    /// Messages heard.
    pub(super) messages: u64,
    pub(super) nodes: Nodes,
    /// Messages of topics beyond what is remembered.
    pub(super) beyond: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// What is known of a topic.
#[derive(Debug, Clone, Default)]
pub(super) struct Topic {
    pub(super) messages: u32,
    pub(super) retained: u32,
    /// Payloads that are one bare value.
    pub(super) bare: u32,
    pub(super) value: Leaf,
    /// Payloads that are a JSON object.
    pub(super) objects: u32,
    /// Its values, by JSON Pointer.
    pub(super) leaves: BTreeMap<String, Leaf>,
    /// Objects that are batch or laboratory events.
    pub(super) events: u32,
    /// Payloads in line protocol.
    pub(super) points: u32,
    /// Compressed payloads that could be opened.
    pub(super) compressed: u32,
    /// What could not be read.
    pub(super) unread: u32,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Survey {
    /// Takes a message.
    pub fn take(&mut self, arrival: &Arrival) {
        self.messages += 1;
        self.first.get_or_insert(arrival.received);
        self.last = Some(arrival.received);
        if self.nodes.take(arrival) {
            return;
        }
        if self.topics.len() >= TOPICS_MAX && !self.topics.contains_key(&arrival.topic) {
            self.beyond += 1;
            return;
        }
        let topic = self.topics.entry(Arc::clone(&arrival.topic)).or_default();
        topic.take(arrival);
    }

    /// Messages heard.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Topics heard.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.topics.len()
    }

    /// For how long, s.
    pub(super) fn seconds(&self) -> f64 {
        self.first.zip(self.last).map_or(0.0, |(first, last)| last.seconds_since(first))
    }
}

impl Topic {
    fn take(&mut self, arrival: &Arrival) {
        self.messages += 1;
        self.retained += u32::from(arrival.retained);
        if !arrival.retained {
            self.first.get_or_insert(arrival.received);
            self.last = Some(arrival.received);
        }
        let Ok(opened) = crate::decode::opened(&arrival.payload) else {
            self.unread += 1;
            return;
        };
        self.compressed += u32::from(opened.len() != arrival.payload.len());
        let Ok(text) = std::str::from_utf8(&opened) else {
            self.unread += 1;
            return;
        };
        match serde_json::from_str::<Value>(text) {
            Ok(object @ Value::Object(_)) => {
                self.objects += 1;
                // The line may be named by the topic.
                let event = decode_event(text, Some("line"), Some(arrival.received));
                self.events += u32::from(event.is_ok());
                self.leaves(&object, &mut String::new(), 0, arrival.received);
            }
            Ok(Value::Array(_) | Value::Null) => self.unread += 1,
            Ok(bare) => {
                self.bare += 1;
                self.value.take(&bare, arrival.received);
            }
            Err(_) if is_points(text) => self.points += 1,
            Err(_) if is_word(text) => {
                self.bare += 1;
                self.value.take(&Value::from(text.trim()), arrival.received);
            }
            Err(_) => self.unread += 1,
        }
    }

    fn leaves(&mut self, value: &Value, pointer: &mut String, depth: usize, at: Timestamp) {
        let Value::Object(fields) = value else {
            if self.leaves.len() < LEAVES_MAX || self.leaves.contains_key(pointer.as_str()) {
                self.leaves.entry(pointer.clone()).or_default().take(value, at);
            }
            return;
        };
        if depth >= DEPTH_MAX {
            return;
        }
        for (key, field) in fields {
            let before = pointer.len();
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            self.leaves(field, pointer, depth + 1, at);
            pointer.truncate(before);
        }
    }

    /// The time between two messages, s; `None` for fewer than two that were not retained.
    pub(super) fn interval_s(&self) -> Option<f64> {
        let live = self.messages - self.retained;
        let (first, last) = self.first.zip(self.last)?;
        (live >= 2).then(|| last.seconds_since(first) / f64::from(live - 1))
    }
}

/// Lines of `name,key=value field=1 time`.
fn is_points(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            let mut parts = line.split(' ');
            let name = parts.next().is_some_and(|name| !name.is_empty() && !name.starts_with('{'));
            let fields = parts.next().is_some_and(|fields| fields.contains('='));
            let time = parts.next().is_none_or(|time| time.parse::<i64>().is_ok());
            name && fields && time && parts.next().is_none()
        })
}

/// One word or number of a person or a controller, such as `RUN` or `NaN`.
fn is_word(text: &str) -> bool {
    let text = text.trim();
    (1..=120).contains(&text.len()) && !text.contains(['{', '}', '[', ']', '<', '>', '\n', '='])
}
