//! A host application of Sparkplug B: what edge nodes say, by the births before it.
//!
//! A message of data names its metrics by numbers that the node's birth gave them, so it means nothing
//! by itself. [`Host`] remembers the births, across restarts; holds what comes before them; follows the
//! sequence of each node, so that what is missing is known; and says when births have to be asked for.
//! It has no clock and no connection: time comes with the messages, and requests are words.
//!
//! - `node`: one edge node and its messages; `state`: the table of its states; `life`: its births and deaths
//! - `order`: its sequence; `twins`: whether two nodes have its name; `asking`: when it is asked for births
//! - `births`: its metrics, and how their values become readings; `held`: messages that wait
//! - `presence`: what people are told of who goes and comes; `room`: who is forgotten
//! - `word`: what is said of it all

mod asking;
mod births;
mod held;
mod life;
mod node;
mod order;
mod presence;
mod room;
mod state;
#[cfg(test)]
mod tests;
mod twins;
mod word;

pub use node::{NodeView, PART, SEQUENCE};
pub use word::{Why, Word};

use crate::decode::sparkplug::Verb;
use crate::decode::{Fault, NodeMessage, Reason};
use crate::reading::Timestamp;
use node::{EdgeNode, Identity};
use presence::{Group, Presence};
use room::Refused;
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

/// A metric of a birth takes so many bytes on the wire, mostly more.
const METRIC_BYTES: usize = 16;

/// What a host application knows of all edge nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Host {
    brokers: BTreeMap<Arc<str>, Broker>,
    /// Not before then is anything due.
    due: Option<Timestamp>,
    /// Nodes that are known, and those that were forgotten.
    count: usize,
    forgotten: u64,
    /// Bytes that wait.
    waiting: usize,
    /// Metrics that are known.
    metrics: usize,
}

/// The edge nodes of a broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Broker {
    /// The name of its part.
    part: Arc<str>,
    /// By `group/node`.
    nodes: BTreeMap<Arc<str>, EdgeNode>,
    /// What people are told of them.
    presence: Presence,
    refused: Refused,
}

impl Broker {
    fn new(name: &str) -> Self {
        let part: Arc<str> = format!("{PART}{name}").into();
        let (what, of) = ("edge node".into(), format!("broker `{name}`").into());
        let presence = Presence::of(Group { part: Arc::clone(&part), what, of });
        Self { part, nodes: BTreeMap::new(), presence, refused: Refused::default() }
    }

    fn due(&self) -> Option<Timestamp> {
        let nodes = self.nodes.values().filter_map(EdgeNode::due);
        nodes.chain(self.presence.due()).chain(self.refused.due()).min()
    }

    /// Tells people what became of a node by what was just heard.
    fn follow(&mut self, node: &Arc<str>, at: Timestamp, said: &mut Spoken<'_>) {
        for change in std::mem::take(&mut said.changes) {
            if change.comes {
                self.presence.comes(node, &change.why, at, said);
            } else {
                self.presence.goes(node, &change.why, at, said);
            }
        }
    }
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
        let mut said = Spoken::new(words, METRICS_MAX.saturating_sub(self.metrics));
        let key = format!("{}/{}", message.group, message.node);
        let nodes = self.brokers.get(broker).map(|broker| &broker.nodes);
        if !nodes.is_some_and(|nodes| nodes.contains_key(&*key)) {
            if message.verb == Verb::Death && message.device.is_none() {
                // The will of a node of which nothing is known.
                return said.end();
            }
            self.admit(broker, message, received, &mut said);
        }
        if message.verb == Verb::Birth {
            let wanted = message.payload.len() / METRIC_BYTES;
            while said.room < wanted && self.forget(Some((broker, &key)), received, &mut said) {}
        }
        let room = HELD_BYTES_MAX.saturating_sub(self.waiting);
        let Some(broker) = self.brokers.get_mut(broker) else { return said.end() };
        let Some(node) = broker.nodes.get_mut(&*key) else { return said.end() };
        let before = (node.waiting_bytes(), node.metrics());
        node.take(message, (received, retained), room, &mut said);
        node.pass(received, room, &mut said);
        self.waiting = (self.waiting + node.waiting_bytes()).saturating_sub(before.0);
        self.metrics = (self.metrics + node.metrics()).saturating_sub(before.1);
        let due = node.due();
        if !said.changes.is_empty() {
            let shown = Arc::clone(&node.identity.shown);
            broker.follow(&shown, received, &mut said);
        }
        let told = [due, broker.presence.due(), broker.refused.due()];
        self.due = self.due.into_iter().chain(told.into_iter().flatten()).min();
        said.end();
    }

    /// Makes room for a node that is not known; none is made if all that are known are alive.
    fn admit(
        &mut self,
        name: &Arc<str>,
        message: &NodeMessage,
        now: Timestamp,
        said: &mut Spoken<'_>,
    ) {
        let has_room = self.count < NODES_MAX || self.forget(None, now, said);
        let broker =
            self.brokers.entry(Arc::clone(name)).or_insert_with_key(|name| Broker::new(name));
        let identity = Identity::new(name, message);
        if has_room {
            self.count += 1;
            let node = EdgeNode::new(identity.clone(), message.rule, now);
            broker.nodes.insert(identity.shown, node);
            return;
        }
        let shown = &identity.shown;
        let detail = format!("edge node `{shown}` would be number {}", NODES_MAX + 1);
        let reason = format!(
            "edge node `{shown}` is not followed: {NODES_MAX} edge nodes are, at most, and all of them were heard \
             within the hour; subscribe to some of the groups only, and let another onspec hear the others"
        );
        said.fault(Fault { reason: Reason::TooLarge, detail });
        broker.refused.refuse(&broker.part, &reason, now, said);
    }

    /// Forgets the node that is missed least, but for the one that speaks: for its metrics if there is one,
    /// else for its place. False if none may go.
    fn forget(
        &mut self,
        speaks: Option<(&Arc<str>, &str)>,
        now: Timestamp,
        said: &mut Spoken<'_>,
    ) -> bool {
        let of_broker = |(broker, of): (&Arc<str>, &Broker)| {
            let name = Arc::clone(broker);
            let each = move |(key, node): (&Arc<str>, &EdgeNode)| {
                ((Arc::clone(&name), Arc::clone(key)), node.known(), node.metrics())
            };
            of.nodes.iter().map(each).collect::<Vec<_>>()
        };
        let may_go = |((broker, key), _, metrics): &((Arc<str>, Arc<str>), _, usize)| {
            speaks.is_none_or(|(of, speaks)| *metrics > 0 && !(of == broker && *speaks == **key))
        };
        let all = self.brokers.iter().flat_map(of_broker).filter(may_go);
        let Some((broker, key)) = room::first(all.map(|(key, known, _)| (key, known)), now) else {
            return false;
        };
        let Some(of) = self.brokers.get_mut(&broker) else { return false };
        let Some(mut node) = of.nodes.remove(&key) else { return false };
        (self.count, self.forgotten) = (self.count.saturating_sub(1), self.forgotten + 1);
        self.metrics = self.metrics.saturating_sub(node.metrics());
        self.waiting = self.waiting.saturating_sub(node.waiting_bytes());
        said.room += node.metrics();
        node.forgotten(now, said);
        of.presence.drop(&key, "it was forgotten", now, said);
        true
    }

    /// Our session at a broker is a new one: what was sent before may be missing. What follows is
    /// appended to `words`.
    pub fn reconnected(&mut self, broker: &str, now: Timestamp, words: &mut Vec<Word>) {
        let room = self.room();
        let mut said = Spoken::new(words, METRICS_MAX.saturating_sub(self.metrics));
        let nodes = self.brokers.get_mut(broker).into_iter().flat_map(|of| of.nodes.values_mut());
        for node in nodes {
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
        for broker in self.brokers.values_mut() {
            let is_due = |node: &EdgeNode| node.due().is_some_and(|due| due <= now);
            let mut news = Vec::new();
            for (key, node) in broker.nodes.iter_mut().filter(|(_, node)| is_due(node)) {
                node.pass(now, room, &mut said);
                news.extend(said.changes.drain(..).map(|change| (Arc::clone(key), change)));
            }
            for (key, change) in news {
                said.changes.push(change);
                broker.follow(&key, now, &mut said);
            }
            broker.presence.pass(now, &mut said);
            broker.refused.pass(&broker.part, now, &mut said);
        }
        said.end();
        self.sum_up();
    }

    /// The receiver's clock leapt, by what `leapt` adds to an instant of it.
    pub fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        for broker in self.brokers.values_mut() {
            broker.nodes.values_mut().for_each(|node| node.leap(&leapt));
            broker.presence.leap(&leapt);
            broker.refused.leap(&leapt);
        }
        self.sum_up();
    }

    fn sum_up(&mut self) {
        self.waiting = self.nodes().map(EdgeNode::waiting_bytes).sum();
        self.metrics = self.nodes().map(EdgeNode::metrics).sum();
        self.count = self.nodes().count();
        self.due = self.brokers.values().filter_map(Broker::due).min();
    }

    /// The same without the brokers that are not there any more.
    #[must_use]
    pub fn of(mut self, is_there: impl Fn(&str) -> bool) -> Self {
        self.brokers.retain(|broker, _| is_there(broker));
        self.sum_up();
        self
    }

    /// True if alarms of this part are told by what edge nodes say: it is a node that is known, one of its
    /// devices, or a broker of theirs.
    #[must_use]
    pub fn has_part(&self, part: &str) -> bool {
        let Some(path) = part.strip_prefix(PART) else { return false };
        let (path, alarm) = path.split_once('#').map_or((path, false), |(path, _)| (path, true));
        let mut levels = path.splitn(4, '/');
        let Some(broker) = levels.next().and_then(|broker| self.brokers.get(broker)) else {
            return false;
        };
        match (levels.next(), levels.next()) {
            (Some(group), Some(node)) => broker.nodes.contains_key(&*format!("{group}/{node}")),
            _ => alarm,
        }
    }

    /// How many nodes are known, and how many were forgotten.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        (self.count, self.forgotten)
    }

    /// The nodes, for people.
    pub fn view(&self) -> impl Iterator<Item = NodeView> {
        self.nodes().map(EdgeNode::view)
    }

    fn nodes(&self) -> impl Iterator<Item = &EdgeNode> {
        self.brokers.values().flat_map(|broker| broker.nodes.values())
    }

    /// So many bytes more may wait.
    fn room(&self) -> usize {
        HELD_BYTES_MAX.saturating_sub(self.waiting)
    }
}
