//! One edge node, as far as a host application knows it: its messages, each in its turn.
//!
//! What its births mean stands in `state`, their order in `order`, births and deaths in `life`.
//!
//! Source: Eclipse Sparkplug 3.0, sections 5 and 6.

use super::asking::Asking;
use super::births::{Device, Setting, no_birth};
use super::held::{Held, Kind, Waiting};
use super::life::Births;
use super::order::{Order, Place, number};
use super::presence::{Group, Presence};
use super::room::{self, Refused};
use super::state::State;
use super::twins::{Named, Twins};
use super::word::{Change, Names, Spoken, Word};
use crate::decode::sparkplug::wire::{Metric, Payload};
use crate::decode::sparkplug::{Verb, payload};
use crate::decode::{Fault, HostRule, NodeMessage, Reason};
use crate::reading::{Count, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// After a reconnection of ours, for so long what comes waits for a birth.
const WAIT_FOR_BIRTH: Duration = Duration::from_secs(30);

/// What the names of the parts that edge nodes are begin with.
pub const PART: &str = "sparkplug/";

/// What the name of the alarm of missing messages adds to the node's.
pub const SEQUENCE: &str = "#sequence";

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) broker: Arc<str>,
    pub(super) group: Arc<str>,
    pub(super) node: Arc<str>,
    /// The name of its part in alarms.
    pub(super) part: Arc<str>,
    /// Group and name.
    pub(super) shown: Arc<str>,
}

impl Identity {
    pub(super) fn new(broker: &Arc<str>, message: &NodeMessage) -> Self {
        let (group, node) = (Arc::clone(&message.group), Arc::clone(&message.node));
        Self {
            part: format!("{PART}{broker}/{group}/{node}").into(),
            shown: format!("{group}/{node}").into(),
            broker: Arc::clone(broker),
            group,
            node,
        }
    }

    pub(super) fn named(&self) -> Named<'_> {
        Named { part: &self.part, shown: &self.shown }
    }
}

/// What a host application knows of an edge node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EdgeNode {
    pub(super) identity: Identity,
    pub(super) rule: HostRule,
    pub(super) state: State,
    /// `None` before its first birth.
    pub(super) births: Option<Births>,
    pub(super) order: Order,
    pub(super) held: Held,
    pub(super) asking: Asking,
    pub(super) twins: Twins,
    /// What people are told of its devices.
    pub(super) devices: Presence,
    pub(super) refused: Refused,
    gaps: u64,
    /// When it last said anything.
    heard: Timestamp,
}

/// What a node is seen as.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeView {
    /// The broker.
    pub broker: Arc<str>,
    /// The group.
    pub group: Arc<str>,
    /// The edge node.
    pub node: Arc<str>,
    /// Whether it is there; `None` if no birth of it was heard.
    pub online: Option<bool>,
    /// When its last birth was heard, ms since 1970.
    pub born: Option<i64>,
    /// Devices that are there.
    pub devices: usize,
    /// Metrics that are known.
    pub metrics: usize,
    /// Messages that wait for a birth.
    pub held: usize,
    /// Times that messages of it were missing.
    pub gaps: u64,
    /// Times that it was asked for its births.
    pub asks: u64,
}

impl EdgeNode {
    pub(super) fn new(identity: Identity, rule: HostRule, now: Timestamp) -> Self {
        let (part, of) = (Arc::clone(&identity.part), format!("edge node `{}`", identity.shown));
        Self {
            asking: Asking::of(&identity.part),
            devices: Presence::of(Group { part, what: "device".into(), of: of.into() }),
            identity,
            rule,
            state: State::Unborn,
            births: None,
            order: Order::default(),
            held: Held::default(),
            twins: Twins::default(),
            refused: Refused::default(),
            gaps: 0,
            heard: now,
        }
    }

    /// How many metrics are known.
    pub(super) fn metrics(&self) -> usize {
        self.births.as_ref().map_or(0, Births::metrics)
    }

    /// The bytes of what waits.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.held.bytes() + self.order.waiting().1
    }

    /// Whether it may be forgotten.
    pub(super) fn known(&self) -> room::Known {
        let online = self.state.is_there() || self.state == State::Unborn;
        room::Known { online, heard: self.heard }
    }

    pub(super) fn view(&self) -> NodeView {
        let Identity { broker, group, node, .. } = self.identity.clone();
        let births = self.births.as_ref();
        let online = |births: &Births| births.devices.values().filter(|one| one.online).count();
        NodeView {
            broker,
            group,
            node,
            online: (self.state != State::Unborn).then_some(self.state.is_there()),
            born: births.map(|births| births.born.as_millis()),
            devices: births.map_or(0, online),
            metrics: self.metrics(),
            held: self.held.len() + self.order.waiting().0,
            gaps: self.gaps,
            asks: self.asking.asked,
        }
    }

    /// Takes a message. There is `room` for so many bytes more that wait.
    pub(super) fn take(
        &mut self,
        message: &NodeMessage,
        (received, retained): (Timestamp, bool),
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        self.rule = message.rule;
        if retained && (message.verb != Verb::Birth || self.births.is_some()) {
            let detail = "a retained message of an edge node: nobody knows which birth it is of";
            return said.fault(Fault { reason: Reason::Retained, detail: detail.to_owned() });
        }
        self.heard = received;
        let payload = match payload(&message.payload) {
            Ok(payload) => payload,
            Err(fault) => {
                said.fault(fault);
                return self.ask(received);
            }
        };
        if let Some(seq) = number(&payload).filter(|_| !retained) {
            self.twins.number(&self.identity.named(), seq, received, said);
        }
        let waiting = Waiting::new(message, received);
        match (waiting.kind, &waiting.device) {
            (Kind::Birth, None) => self.born(&waiting, &payload, retained, room, said),
            (Kind::Death, None) => self.died(&payload, received, room, said),
            _ => self.in_sequence(waiting, &payload, room, said),
        }
    }

    /// A message that has a number, of a node that should have been born before.
    fn in_sequence(
        &mut self,
        waiting: Waiting,
        payload: &Payload,
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        let received = waiting.received;
        if !self.state.is_there() {
            self.ask(received);
            return match waiting.kind {
                Kind::Birth => self.process(&waiting, payload, room, said),
                Kind::Data | Kind::Death => self.hold(waiting, room, said),
            };
        }
        let Some(seq) = number(payload) else {
            return self.process(&waiting, payload, room, said);
        };
        if matches!(self.state, State::Asleep { .. }) {
            if self.state.awake(self.order.follows(seq)) {
                self.missed(said);
            }
            self.order.follow(seq);
            return self.turn(waiting, payload, room, said);
        }
        match self.order.place(seq) {
            Place::Next => {
                self.turn(waiting, payload, room, said);
                self.drain(room, said);
            }
            Place::Early => {
                let fits = waiting.bytes() <= room;
                let until = received.plus(self.rule.reorder);
                if !self.order.keep(seq, waiting, until) || !fits {
                    self.give_up(received, room, said);
                }
            }
            Place::Before => self.turn(waiting, payload, room, said),
        }
    }

    /// A message's turn has come: data wait where a birth was asked for that has to come first.
    fn turn(&mut self, waiting: Waiting, payload: &Payload, room: usize, said: &mut Spoken<'_>) {
        if !self.state.is_sure() {
            self.ask(waiting.received);
        }
        // A node that does not answer is read as it was born.
        if self.state.waits_until().is_some() && waiting.kind == Kind::Data {
            return self.hold(waiting, room, said);
        }
        self.process(&waiting, payload, room, said);
    }

    /// Takes what came too early and is the next now.
    fn drain(&mut self, room: usize, said: &mut Spoken<'_>) {
        while let Some(waiting) = self.order.take() {
            let payload = waiting.payload();
            self.turn(waiting, &payload, room, said);
        }
    }

    /// What is missing does not come any more; true if there was anything.
    fn give_up(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) -> bool {
        let Some(lost) = self.order.give_up(now.plus(self.rule.reorder)) else { return false };
        let reason = format!(
            "{} of edge node `{}` missing: the broker dropped what is missing, or two nodes have one name",
            Count(lost, "message"),
            self.identity.shown
        );
        self.gap(Some(u64::from(lost)), &reason, said);
        self.ask(now);
        self.drain(room, said);
        true
    }

    /// Nothing that is missing will come: takes all that waits for it, whatever is missing.
    pub(super) fn take_early(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        while self.give_up(now, room, said) {}
        self.drain(room, said);
    }

    fn gap(&mut self, lost: Option<u64>, reason: &str, said: &mut Spoken<'_>) {
        self.gaps += 1;
        let (part, broker) = (Arc::clone(&self.identity.part), Arc::clone(&self.identity.broker));
        said.word(Word::Gap { part, broker, lost, reason: reason.into() });
    }

    pub(super) fn missed(&mut self, said: &mut Spoken<'_>) {
        let reason = format!(
            "what edge node `{}` sent while onspec was not connected is missing: nobody keeps messages of Sparkplug",
            self.identity.shown
        );
        self.gap(None, &reason, said);
    }

    /// Our session at the broker is a new one: what was published before it is not known.
    pub(super) fn reconnected(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        self.take_early(now, room, said);
        if self.state.is_there() && self.rule.asks {
            // What was asked for before may have been answered to nobody; and not all nodes at once.
            self.asking.want_anew(now);
        }
        self.state.reconnected(self.rule.asks.then(|| now.plus(WAIT_FOR_BIRTH)));
    }

    /// Takes a message whose turn it is.
    fn process(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        match waiting.kind {
            Kind::Birth => self.device_born(waiting, payload, room, said),
            Kind::Death => self.device_died(waiting, payload, said),
            Kind::Data => {
                if let Some(left) = self.read(waiting, payload, said) {
                    self.ask(waiting.received);
                    self.hold(left, room, said);
                }
            }
        }
    }

    /// Takes data that waited for a birth, which has come now: what it does not tell of, none will.
    pub(super) fn process_held(&mut self, held: &Waiting, room: usize, said: &mut Spoken<'_>) {
        // A birth or a death is an older one than the one that has just come.
        if held.kind != Kind::Data {
            return;
        }
        let Some(left) = self.read(held, &held.payload(), said) else { return };
        if self.device(left.device.as_ref()).is_some_and(|device| device.online) {
            for metric in left.payload().metrics {
                said.fault(no_birth(unborn(&metric)));
            }
        } else {
            self.hold(left, room, said);
        }
    }

    pub(super) fn device(&mut self, device: Option<&Arc<str>>) -> Option<&mut Device> {
        let births = self.births.as_mut()?;
        match device {
            None => Some(&mut births.own),
            Some(device) => births.devices.get_mut(device),
        }
    }

    /// Reads data; what is left of it, if it has metrics of which no birth has told.
    fn read(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        said: &mut Spoken<'_>,
    ) -> Option<Waiting> {
        let setting = setting(waiting, payload, self.state.is_sure());
        let there = self.state.is_there();
        let device = self.device(waiting.device.as_ref());
        let Some(device) = device.filter(|device| device.online && there) else {
            return Some(waiting.clone());
        };
        device.heard = waiting.received;
        if let Err(fault) = device.rename(setting.names) {
            said.fault(fault);
        }
        let mut left = Vec::new();
        let mut likely = 0;
        for metric in &payload.metrics {
            let Some(ix) = device.find(metric, likely) else {
                left.push(metric.clone());
                continue;
            };
            likely = ix.saturating_add(1);
            if let Err(fault) = device.read(ix, metric, setting, said) {
                said.fault(fault);
            }
        }
        let some = !left.is_empty() && waiting.wanted;
        some.then(|| waiting.with(&Payload { metrics: left, ..payload.clone() }))
    }

    fn hold(&mut self, waiting: Waiting, room: usize, said: &mut Spoken<'_>) {
        if !waiting.wanted {
            return;
        }
        let gone = self.held.keep(waiting, self.held.bytes().saturating_add(room));
        if gone > 0 {
            said.fault(no_birth(format!(
                "{} of edge node `{}` given up before its birth came: there is no room for more",
                Count(gone, "message"),
                self.identity.shown
            )));
        }
    }

    pub(super) fn drop_held(&mut self, why: &str, said: &mut Spoken<'_>) {
        let gone = self.held.take_all().len();
        self.held.forget();
        if gone > 0 {
            said.fault(no_birth(format!(
                "{} of edge node `{}` never read: {why}",
                Count(gone, "message"),
                self.identity.shown
            )));
        }
    }

    /// Births are wanted.
    pub(super) fn ask(&mut self, now: Timestamp) {
        self.asking.want(self.rule, now);
    }

    /// It is there and can be read, or not.
    pub(super) fn readable(&mut self, comes: bool, why: &str, said: &mut Spoken<'_>) {
        self.held.forget();
        said.changes.push(Change { comes, why: why.to_owned() });
    }

    /// When something is to be done whether a message comes or not.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let waits = self.state.waits_until().filter(|_| self.held.len() > 0);
        let own = [self.order.until(), waits, self.asking.due(), self.held.due()];
        let told = [self.twins.due(), self.devices.due(), self.refused.due()];
        own.into_iter().chain(told).flatten().min()
    }

    /// Does what is due.
    pub(super) fn pass(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_over(self.order.until()) {
            self.give_up(now, room, said);
        }
        if is_over(self.state.waits_until()) {
            self.state.waited();
            for held in self.held.take_all() {
                // By the birth before, and so uncertain; what that does not tell of goes on waiting.
                self.process(&held, &held.payload(), room, said);
            }
        }
        if self.asking.goes(now) {
            let Identity { broker, group, node, .. } = self.identity.clone();
            said.word(Word::Ask { broker, group, node });
        }
        if self.held.settles() && self.state.is_there() {
            self.readable(true, "what waited for its birth could be read", said);
        }
        if let Some(held) = self.held.tells(now) {
            self.tell_mute(held, said);
        }
        self.twins.pass(&self.identity.named(), now, said);
        self.devices.pass(now, said);
        self.refused.pass(&self.identity.part, now, said);
    }

    fn tell_mute(&mut self, held: usize, said: &mut Spoken<'_>) {
        let held = Count(held, "message");
        let why = if self.rule.asks {
            format!(
                "{held} held for its birth, which it does not send though it was asked: look whether it may \
                 hear `NCMD`, and whether onspec may publish it"
            )
        } else {
            format!(
                "{held} held for its birth: set `sparkplug = {{ role = \"active\" }}` so that onspec asks for \
                 it, or let the node be born anew"
            )
        };
        said.changes.push(Change { comes: false, why });
    }

    /// The receiver's clock leapt by so much that did not pass.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.heard = leapt(self.heard);
        if let Some(births) = &mut self.births {
            births.leap(&leapt);
        }
        self.state.leap(&leapt);
        self.order.leap(&leapt);
        self.held.leap(&leapt);
        self.asking.leap(&leapt);
        self.twins.leap(&leapt);
        self.devices.leap(&leapt);
        self.refused.leap(&leapt);
    }
}

pub(super) fn setting<'a>(waiting: &'a Waiting, payload: &Payload, sure: bool) -> Setting<'a> {
    Setting {
        received: waiting.received,
        sent: payload.timestamp,
        sure,
        wanted: waiting.wanted,
        names: Names { line: &waiting.line, area: &waiting.area },
    }
}

fn unborn(metric: &Metric) -> String {
    let name = metric.name.as_ref().map(|name| String::from_utf8_lossy(name));
    match (name, metric.alias) {
        (Some(name), _) => format!("metric `{}` is in no birth", name.escape_debug()),
        (None, Some(alias)) => format!("alias {alias} is in no birth"),
        (None, None) => "a metric has neither name nor alias".to_owned(),
    }
}
