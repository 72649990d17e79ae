//! A host application of Sparkplug B: what edge nodes say, by the births before it.
//!
//! A message of data names its metrics by numbers that the node's birth gave them, so it means nothing
//! by itself. [`Host`] remembers the births, across restarts; holds what comes before them; follows the
//! sequence of each node, so that what is missing is known; and says when births have to be asked for.
//! It has no clock and no connection: time comes with the messages, and requests are words.
//!
//! - `node`: one edge node, with the table of its states
//! - `births`: its metrics, and how their values become readings
//! - `held`: messages that wait
//! - `word`: what is said of it all

mod births;
mod held;
mod node;
#[cfg(test)]
mod tests;
mod word;

pub use node::{NodeView, PART};
pub use word::Word;

use crate::decode::{Fault, NodeMessage, Reason};
use crate::reading::Timestamp;
use node::{EdgeNode, Identity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use word::Spoken;

/// Edge nodes, at most.
pub const NODES_MAX: usize = 1000;
/// Metrics of all of them, at most: each takes some hundred bytes.
pub const METRICS_MAX: usize = 200_000;
/// Bytes of messages that wait for births, at most, of all of them.
pub const HELD_BYTES_MAX: usize = 16 << 20;

/// What a host application knows of all edge nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Host {
    /// By broker, then by `group/node`.
    brokers: BTreeMap<Arc<str>, BTreeMap<Arc<str>, EdgeNode>>,
    /// Not before then is anything due.
    due: Option<Timestamp>,
    /// Bytes that wait.
    waiting: usize,
    /// Metrics that are known.
    metrics: usize,
}

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// When.
    pub received: Timestamp,
    /// True if the broker sent it as the last one of its topic.
    pub retained: bool,
}

impl Host {
    /// Takes a message of a broker; what follows is appended to `words`.
    pub fn take(
        &mut self,
        broker: &Arc<str>,
        message: &NodeMessage,
        came: Came,
        words: &mut Vec<Word>,
    ) {
        let Came { received, retained } = came;
        let room = self.room();
        let mut said = Spoken::new(words, METRICS_MAX.saturating_sub(self.metrics));
        let count = self.nodes().count();
        let nodes = self.brokers.entry(Arc::clone(broker)).or_default();
        let key = format!("{}/{}", message.group, message.node);
        if !nodes.contains_key(&*key) && count >= NODES_MAX {
            let detail = format!("edge node `{key}` would be number {}", NODES_MAX + 1);
            said.fault(Fault { reason: Reason::TooLarge, detail });
            return said.end();
        }
        let node = nodes.entry(key.into()).or_insert_with(|| {
            let (group, node) = (Arc::clone(&message.group), Arc::clone(&message.node));
            EdgeNode::new(Identity { broker: Arc::clone(broker), group, node }, message.rule)
        });
        let before = (node.waiting_bytes(), node.metrics());
        node.take(message, (received, retained), room, &mut said);
        node.pass(received, room, &mut said);
        self.waiting = (self.waiting + node.waiting_bytes()).saturating_sub(before.0);
        self.metrics = (self.metrics + node.metrics()).saturating_sub(before.1);
        let due = node.due();
        self.due = self.due.into_iter().chain(due).min();
        said.end();
    }

    /// Our session at a broker is a new one: what was sent before may be missing. What follows is
    /// appended to `words`.
    pub fn reconnected(&mut self, broker: &str, now: Timestamp, words: &mut Vec<Word>) {
        let room = self.room();
        let mut said = Spoken::new(words, METRICS_MAX.saturating_sub(self.metrics));
        for node in self.brokers.get_mut(broker).into_iter().flat_map(BTreeMap::values_mut) {
            node.reconnected(now, room, &mut said);
        }
        said.end();
        self.sum_up();
    }

    /// True if something is due at an instant of the receiver's clock.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Does what is due.
    pub fn pass(&mut self, now: Timestamp, words: &mut Vec<Word>) {
        if !self.is_due(now) {
            return;
        }
        let room = self.room();
        let mut said = Spoken::new(words, METRICS_MAX.saturating_sub(self.metrics));
        for node in self.brokers.values_mut().flat_map(BTreeMap::values_mut) {
            if node.due().is_some_and(|due| due <= now) {
                node.pass(now, room, &mut said);
            }
        }
        said.end();
        self.sum_up();
    }

    /// The receiver's clock leapt, by what `leapt` adds to an instant of it.
    pub fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        for node in self.brokers.values_mut().flat_map(BTreeMap::values_mut) {
            node.leap(&leapt);
        }
        self.sum_up();
    }

    fn sum_up(&mut self) {
        self.waiting = self.nodes().map(EdgeNode::waiting_bytes).sum();
        self.metrics = self.nodes().map(EdgeNode::metrics).sum();
        self.due = self.nodes().filter_map(EdgeNode::due).min();
    }

    /// The same without the brokers that are not there any more.
    #[must_use]
    pub fn of(mut self, is_there: impl Fn(&str) -> bool) -> Self {
        self.brokers.retain(|broker, _| is_there(broker));
        self.sum_up();
        self
    }

    /// True if the part of a node, or of one of its devices, is of a node that is known.
    #[must_use]
    pub fn has_part(&self, part: &str) -> bool {
        let Some(path) = part.strip_prefix(PART) else { return false };
        let mut levels = path.splitn(4, '/');
        let (Some(broker), Some(group), Some(node)) = (levels.next(), levels.next(), levels.next())
        else {
            return false;
        };
        let nodes = self.brokers.get(broker);
        nodes.is_some_and(|nodes| nodes.contains_key(&*format!("{group}/{node}")))
    }

    /// The nodes, for people.
    pub fn view(&self) -> impl Iterator<Item = NodeView> {
        self.nodes().map(EdgeNode::view)
    }

    fn nodes(&self) -> impl Iterator<Item = &EdgeNode> {
        self.brokers.values().flat_map(BTreeMap::values)
    }

    /// So many bytes more may wait.
    fn room(&self) -> usize {
        HELD_BYTES_MAX.saturating_sub(self.waiting)
    }
}
