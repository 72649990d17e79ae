//! Edge nodes of Sparkplug B: what their host application says becomes readings, alarms and requests.

use super::arrival::Way;
use super::effect::Effect;
use super::{Engine, leapt, tag_of, tell};
use crate::decode::{Arrival, Fault, FaultCount, NodeMessage};
use crate::reading::{Flags, Timestamp};
use crate::sparkplug::{Came, Host, NodeView, SEQUENCE, Why, Word};
use crate::words::SystemReason;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Edge nodes shown to people.
const NODES_SHOWN: usize = 200;

/// The edge nodes of all brokers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Nodes {
    host: Host,
    /// The brokers that were connected to since the last start, and whether that was the first time: what
    /// is missing before that, the start was away for.
    connected: BTreeMap<Arc<str>, bool>,
}

impl Nodes {
    /// The daemon starts.
    pub(super) fn started(&mut self) {
        self.connected.clear();
    }

    /// True if time alone has something for a host application to do.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.host.is_due(now)
    }

    /// The receiver's clock leapt by so much that did not pass.
    pub(super) fn leap(&mut self, by_nanos: i64) {
        self.host.leap(|at| leapt(at, by_nanos));
    }

    /// The same without the brokers that are not there any more.
    pub(super) fn of(self, is_there: impl Fn(&str) -> bool) -> Self {
        Self { host: self.host.of(is_there), ..self }
    }

    /// True if the alarms of this part are told by what edge nodes say.
    pub(super) fn tells(&self, component: &str) -> bool {
        self.host.has_part(component)
    }

    /// For people: first those that cannot be read.
    pub(super) fn view(&self) -> Vec<NodeView> {
        let mut nodes: Vec<NodeView> = self.host.view().collect();
        nodes.sort_by_key(|node| node.online == Some(true));
        nodes.truncate(NODES_SHOWN);
        nodes
    }

    /// How many nodes are known, and how many were forgotten.
    pub(super) fn counts(&self) -> (usize, u64) {
        self.host.counts()
    }
}

impl Engine {
    /// An edge node says something.
    pub(super) fn node(&mut self, arrival: &Arrival, message: &NodeMessage, out: &mut Vec<Effect>) {
        let mut words = Vec::new();
        let came = Came { received: arrival.received, retained: arrival.retained };
        self.state.nodes.host.take(&arrival.broker, message, came, &mut words);
        let way = Way {
            received: arrival.received,
            broker: Some(&arrival.broker),
            topic: &arrival.topic,
            retained: arrival.retained,
        };
        self.node_words(way, words, out);
    }

    /// The session in which edge nodes are heard is a new one.
    pub(super) fn nodes_unheard(
        &mut self,
        broker: &Arc<str>,
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let first = !self.state.nodes.connected.contains_key(broker);
        self.state.nodes.connected.insert(Arc::clone(broker), first);
        let mut words = Vec::new();
        self.state.nodes.host.reconnected(broker, at, &mut words);
        let way = Way { received: at, broker: Some(broker), topic: "", retained: false };
        self.node_words(way, words, out);
    }

    /// Time has passed.
    pub(super) fn nodes_pass(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        if !self.state.nodes.is_due(now) {
            return;
        }
        let mut words = Vec::new();
        self.state.nodes.host.pass(now, &mut words);
        let way = Way { received: now, broker: None, topic: "", retained: false };
        self.node_words(way, words, out);
    }

    fn node_words(&mut self, way: Way<'_>, words: Vec<Word>, out: &mut Vec<Effect>) {
        let mut refused = FaultCount::default();
        for word in words {
            let fault = match word {
                // The host has counted its own.
                Word::Fault(fault) => Some(fault),
                word => self.node_word(way, word, out).and_then(|fault| refused.name(fault)),
            };
            if let Some(fault) = fault {
                self.fault(way.received, way.topic, fault, out);
            }
        }
        if let Some(fault) = refused.rest() {
            self.fault(way.received, way.topic, fault, out);
        }
    }

    fn node_word(&mut self, way: Way<'_>, word: Word, out: &mut Vec<Effect>) -> Option<Fault> {
        let at = way.received;
        match word {
            Word::Reading { mut reading, unit, historical } => {
                if let Some(unit) = unit
                    && let Err(fault) = self.decoder.convert(&mut reading, &unit)
                {
                    return Some(fault);
                }
                let known = if historical { Flags::HISTORICAL } else { Flags::GOOD };
                return self.reading(way, reading, known, out);
            }
            Word::Lost { at: since, why, line, area, tag } => {
                let ix = self.plant.line_ix(&line)?;
                let tag = tag_of(&self.names[ix.get()], &area, &tag)?;
                self.on_line(ix, (at, way.topic), out, |state, cx| {
                    state.lost(tag, since.map(|since| since.min(at)));
                    if why == Why::Absent {
                        state.absent(cx, tag, since.map_or(at, |since| since.min(at)));
                    }
                });
            }
            Word::Fault(fault) => return Some(fault),
            Word::Ask { broker, group, node } => out.push(Effect::AskBirth { broker, group, node }),
            Word::Gap { part, broker, lost, reason } => {
                let of_start = self.state.nodes.connected.get(&broker) == Some(&true);
                if lost.is_none() && of_start {
                    if self.state.recoveries.gap_at_last(&reason) {
                        self.found_more(out);
                    }
                } else if lost.is_some() {
                    let reason = SystemReason::Said(Arc::clone(&reason));
                    self.component(&format!("{part}{SEQUENCE}").into(), false, &reason, at, out);
                }
                out.push(Effect::NodeGap { part, lost, reason });
            }
            Word::Alarm { part, works, reason } => {
                let reason = SystemReason::Said(reason);
                self.component(&part, works, &reason, at, out);
                if !works {
                    let news = tell::component(&part, works, &reason, at);
                    self.state.alarms.amend(&news, &self.plant.alarms.speech);
                }
            }
            Word::Forgot { part, reason } => out.push(Effect::NodeForgotten { part, reason }),
        }
        None
    }
}
