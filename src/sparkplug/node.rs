//! One edge node, as far as a host application knows it.
//!
//! | state | what comes | what follows |
//! |---|---|---|
//! | never born | data | held, and the birth is asked for |
//! | any | `NBIRTH` | born: its metrics are known, what was held of the node itself is read |
//! | any | `DBIRTH` | the device is known, what was held of it is read |
//! | born | data of an unknown device or metric | held until the next birth tells, which is asked for |
//! | born | the next of the sequence | taken, and after it those that came too early |
//! | born | one that is too early | waits for the missing ones, for the reorder time at most |
//! | born, one waits | the time is over | a gap: told, births are asked for, what waits is taken |
//! | born | one from before | taken as it is: late, or a repetition |
//! | born | `NDEATH` of its session | gone, with its devices: no metric has a value |
//! | born | `NDEATH` of another session | a late will: nothing |
//! | born | `DDEATH` | the device is gone |
//! | born, our own session is new | the first message | a gap, unless it is the next one; whoever asks holds what comes until the birth, others take it as uncertain |
//!
//! Source: Eclipse Sparkplug 3.0, sections 5 and 6.

use super::births::{Device, Setting, no_birth, sent_at};
use super::held::{Held, Kind, Waiting};
use super::word::{Names, Spoken, Word};
use crate::decode::sparkplug::wire::{Metric, Payload, metric};
use crate::decode::sparkplug::{Verb, payload};
use crate::decode::{Fault, HostRule, NodeMessage, Reason};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The metric that ties a death to its birth.
const BD_SEQ: &[u8] = b"bdSeq";

/// So far ahead a message is one that came too early; further on it is one from before.
const AHEAD_MAX: u8 = 127;

/// Messages that came too early, at most.
const EARLY_MAX: usize = 64;

/// After a reconnection of ours, for so long what comes waits for a birth.
const WAIT_FOR_BIRTH: Duration = Duration::from_secs(30);

/// A node that cannot be read for so long is told of.
const PATIENCE: Duration = Duration::from_secs(60);

/// Devices of a node, at most.
const DEVICES_MAX: usize = 1000;

/// Requests go out so far apart at most, beside what is configured: many nodes are asked at once after a
/// reconnection.
const JITTER_MS: u64 = 5000;

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) broker: Arc<str>,
    pub(super) group: Arc<str>,
    pub(super) node: Arc<str>,
}

impl Identity {
    /// The name of its part in alarms.
    pub(super) fn part(&self) -> Arc<str> {
        let Self { broker, group, node } = self;
        format!("{PART}{broker}/{group}/{node}").into()
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.group, self.node)
    }
}

/// What the names of the parts that edge nodes are begin with.
pub const PART: &str = "sparkplug/";

/// What a host application knows of an edge node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EdgeNode {
    pub(super) identity: Identity,
    rule: HostRule,
    /// `None` before its first birth.
    session: Option<Session>,
    /// The number of the message that comes next.
    next: Option<u8>,
    trust: Trust,
    /// Until then what comes is held, for a birth that was asked for.
    waits_until: Option<Timestamp>,
    /// Messages that came too early, and until when they wait.
    early: Vec<(u8, Waiting)>,
    early_until: Option<Timestamp>,
    held: Held,
    asked: Option<Timestamp>,
    /// A request is due then.
    ask_at: Option<Timestamp>,
    pub(super) asks: u64,
    pub(super) gaps: u64,
    /// Since when it cannot be read, and whether that was told.
    mute_since: Option<Timestamp>,
    told_mute: bool,
}

/// Whether the births that are known are those by which the node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Trust {
    /// They were heard, and everything since.
    Sure,
    /// Our own session was made anew, and nothing was heard since.
    Asleep,
    /// Something was missed: the node may have been born anew meanwhile, with other aliases.
    Unsure,
}

/// From one birth of a node to its death.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Session {
    /// The number of its connection; `None` if the node's own birth was not heard.
    bd_seq: Option<u64>,
    online: bool,
    /// When its birth was heard.
    born: Timestamp,
    own: Device,
    devices: BTreeMap<Arc<str>, Device>,
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
    pub(super) fn new(identity: Identity, rule: HostRule) -> Self {
        Self {
            identity,
            rule,
            session: None,
            next: None,
            trust: Trust::Sure,
            waits_until: None,
            early: Vec::new(),
            early_until: None,
            held: Held::default(),
            asked: None,
            ask_at: None,
            asks: 0,
            gaps: 0,
            mute_since: None,
            told_mute: false,
        }
    }

    /// How many metrics are known.
    pub(super) fn metrics(&self) -> usize {
        let of = |session: &Session| {
            session.own.len() + session.devices.values().map(Device::len).sum::<usize>()
        };
        self.session.as_ref().map_or(0, of)
    }

    /// The bytes of what waits.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.held.bytes() + self.early.iter().map(|(_, early)| early.bytes()).sum::<usize>()
    }

    pub(super) fn view(&self) -> NodeView {
        let Identity { broker, group, node } = self.identity.clone();
        let session = self.session.as_ref();
        NodeView {
            broker,
            group,
            node,
            online: session.map(|session| session.online),
            born: session.map(|session| session.born.as_millis()),
            devices: session
                .map_or(0, |s| s.devices.values().filter(|device| device.online).count()),
            metrics: self.metrics(),
            held: self.held.len() + self.early.len(),
            gaps: self.gaps,
            asks: self.asks,
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
        if retained && (message.verb != Verb::Birth || self.session.is_some()) {
            let detail = "a retained message of an edge node: nobody knows which birth it is of";
            return said.fault(Fault { reason: Reason::Retained, detail: detail.to_owned() });
        }
        let payload = match payload(&message.payload) {
            Ok(payload) => payload,
            Err(fault) => {
                said.fault(fault);
                return self.ask(received);
            }
        };
        let waiting = Waiting::new(message, received);
        match (waiting.kind, &waiting.device) {
            (Kind::Birth, None) => self.born(&waiting, &payload, room, said),
            (Kind::Death, None) => self.died(&payload, received, room, said),
            _ => self.in_sequence(waiting, &payload, room, said),
        }
        if retained {
            // It may be of a session long ago.
            self.trust = Trust::Unsure;
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
        let online = self.session.as_ref().is_some_and(|session| session.online);
        if !online {
            self.ask(received);
            return match waiting.kind {
                Kind::Birth => self.process(&waiting, payload, room, said),
                Kind::Data | Kind::Death => self.hold(waiting, room, said),
            };
        }
        let Some(seq) = payload.seq.map(number) else {
            return self.process(&waiting, payload, room, said);
        };
        let Some(next) = self.next else {
            self.next = Some(seq.wrapping_add(1));
            return self.process(&waiting, payload, room, said);
        };
        if self.trust == Trust::Asleep {
            self.awake(seq == next, received, said);
            self.next = Some(seq.wrapping_add(1));
            return self.turn(waiting, payload, room, said);
        }
        match seq.wrapping_sub(next) {
            0 => {
                self.next = Some(seq.wrapping_add(1));
                self.turn(waiting, payload, room, said);
                self.drain(room, said);
            }
            1..=AHEAD_MAX => {
                if self.early.iter().any(|(known, _)| *known == seq) {
                    // It comes a second time before its turn.
                    return;
                }
                self.early_until = self.early_until.or(Some(received.plus(self.rule.reorder)));
                let fits = waiting.bytes() <= room;
                self.early.push((seq, waiting));
                if self.early.len() > EARLY_MAX || !fits {
                    self.give_up(received, room, said);
                }
            }
            _ => self.turn(waiting, payload, room, said),
        }
    }

    /// The first message after our own session was made anew.
    fn awake(&mut self, follows: bool, now: Timestamp, said: &mut Spoken<'_>) {
        if follows {
            // It has said nothing meanwhile. Who asks will hear its births all the same: one in 256 restarts
            // would look like this.
            (self.trust, self.waits_until) = (Trust::Sure, None);
            return;
        }
        self.missed(said);
        self.trust = Trust::Unsure;
        self.ask(now);
    }

    /// A message's turn has come: data wait where a birth was asked for that has to come first.
    fn turn(&mut self, waiting: Waiting, payload: &Payload, room: usize, said: &mut Spoken<'_>) {
        if self.trust == Trust::Unsure {
            self.ask(waiting.received);
        }
        // A node that does not answer is read as it was born.
        if self.waits_until.is_some() && waiting.kind == Kind::Data {
            return self.hold(waiting, room, said);
        }
        self.process(&waiting, payload, room, said);
    }

    /// Takes what came too early and is the next now.
    fn drain(&mut self, room: usize, said: &mut Spoken<'_>) {
        while let Some(ix) = self.early.iter().position(|(seq, _)| Some(*seq) == self.next) {
            let (seq, waiting) = self.early.swap_remove(ix);
            self.next = Some(seq.wrapping_add(1));
            let payload = waiting.payload();
            self.turn(waiting, &payload, room, said);
        }
        if self.early.is_empty() {
            self.early_until = None;
        }
    }

    /// What is missing does not come any more.
    fn give_up(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        let ahead = |next: u8| self.early.iter().map(move |(seq, _)| seq.wrapping_sub(next)).min();
        let Some((next, lost)) = self.next.and_then(|next| Some((next, ahead(next)?))) else {
            return;
        };
        let reason = format!(
            "{lost} messages of edge node `{}` are missing: the broker dropped them, or two nodes have one name",
            self.identity.shown()
        );
        self.gap(Some(u64::from(lost)), &reason, said);
        self.ask(now);
        self.next = Some(next.wrapping_add(lost));
        self.early_until = Some(now.plus(self.rule.reorder));
        self.drain(room, said);
    }

    /// Nothing that is missing will come: takes all that waits for it, whatever is missing.
    fn take_early(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        while !self.early.is_empty() {
            self.give_up(now, room, said);
        }
        self.early_until = None;
    }

    fn gap(&mut self, lost: Option<u64>, reason: &str, said: &mut Spoken<'_>) {
        self.gaps += 1;
        let (part, broker) = (self.identity.part(), Arc::clone(&self.identity.broker));
        said.word(Word::Gap { part, broker, lost, reason: reason.into() });
    }

    fn missed(&mut self, said: &mut Spoken<'_>) {
        let reason = format!(
            "what edge node `{}` sent while onspec was not connected is missing: nobody keeps messages of Sparkplug",
            self.identity.shown()
        );
        self.gap(None, &reason, said);
    }

    /// Our session at the broker is a new one: what was published before it is not known.
    pub(super) fn reconnected(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        self.take_early(now, room, said);
        let Some(online) = self.session.as_ref().map(|session| session.online) else { return };
        self.trust = Trust::Asleep;
        if self.rule.asks {
            self.waits_until = Some(now.plus(WAIT_FOR_BIRTH));
            if online {
                // What was asked for before may have been answered to nobody; and not all nodes at once.
                (self.asked, self.ask_at) = (None, Some(now.plus(self.jitter())));
            }
        }
    }

    fn born(&mut self, waiting: &Waiting, payload: &Payload, room: usize, said: &mut Spoken<'_>) {
        let now = waiting.received;
        self.take_early(now, room, said);
        let bd_seq = bd_seq(payload);
        let mut before = self.session.take();
        if self.trust == Trust::Asleep {
            self.missed(said);
        }
        if let Some(before) = before.as_mut().filter(|known| known.online && known.bd_seq != bd_seq)
        {
            // Its death was not heard. What is born again has its values from the births.
            before.own.gone(said);
            before.devices.values_mut().for_each(|device| device.gone(said));
        }
        let setting = setting(waiting, payload, true);
        // It takes the place of what was known of the node itself.
        said.room += before.as_ref().map_or(0, |before| before.own.len());
        let own = Device::born(&payload.metrics, setting, said);
        // The devices of a node that was only asked are born again after it: until then they are what
        // they were.
        let devices = before.map(|before| before.devices).unwrap_or_default();
        let mut session = Session { bd_seq, online: true, born: now, own, devices };
        for device in session.devices.values_mut() {
            device.online = false;
        }
        self.session = Some(session);
        self.next = Some(payload.seq.map_or(0, number).wrapping_add(1));
        (self.trust, self.waits_until, self.ask_at) = (Trust::Sure, None, None);
        self.readable(true, "its birth was heard", said);
        for held in self.held.take(None) {
            self.process_held(&held, room, said);
        }
    }

    fn died(&mut self, payload: &Payload, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        let Some(session) = &self.session else {
            // What it said was said in the session that ends here, and no birth will tell of it.
            return self.drop_held(said);
        };
        let of = bd_seq(payload);
        let is_its = of.is_none() || session.bd_seq.is_none() || of == session.bd_seq;
        if self.trust == Trust::Sure && !is_its {
            return;
        }
        self.take_early(now, room, said);
        for held in self.held.take_all() {
            self.process_held(&held, room, said);
        }
        self.drop_held(said);
        let Some(session) = &mut self.session else { return };
        session.online = false;
        session.own.gone(said);
        let mut dead = Vec::new();
        for (name, device) in &mut session.devices {
            if !device.online {
                dead.push(Arc::clone(name));
            }
            device.gone(said);
        }
        for name in dead {
            // That it is gone is a part of what is told of its node, and its node may come without it.
            self.device_is(&name, true, "its node has gone, which is told in its place", said);
        }
        (self.waits_until, self.ask_at) = (None, None);
        self.readable(false, "it has gone: it said so, or the broker did when it lost it", said);
    }

    fn readable(&mut self, yes: bool, what: &str, said: &mut Spoken<'_>) {
        self.mute_since = None;
        self.told_mute = false;
        let reason = format!("edge node `{}`: {what}", self.identity.shown());
        said.word(Word::Readable { part: self.identity.part(), yes, reason: reason.into() });
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
    fn process_held(&mut self, held: &Waiting, room: usize, said: &mut Spoken<'_>) {
        match held.kind {
            // An older birth and death than the one that has just come.
            Kind::Birth | Kind::Death => {}
            Kind::Data => {
                let Some(left) = self.read(held, &held.payload(), said) else { return };
                let known = self.device(left.device.as_ref()).is_some_and(|device| device.online);
                if known {
                    for metric in left.payload().metrics {
                        said.fault(no_birth(unborn(&metric)));
                    }
                } else {
                    self.hold(left, room, said);
                }
            }
        }
    }

    fn device(&mut self, device: Option<&Arc<str>>) -> Option<&mut Device> {
        let session = self.session.as_mut()?;
        match device {
            None => Some(&mut session.own),
            Some(device) => session.devices.get_mut(device),
        }
    }

    /// Reads data; what is left of it, if it has metrics of which no birth has told.
    fn read(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        said: &mut Spoken<'_>,
    ) -> Option<Waiting> {
        let setting = setting(waiting, payload, self.trust == Trust::Sure);
        let Some(device) = self.device(waiting.device.as_ref()).filter(|device| device.online)
        else {
            return Some(waiting.clone());
        };
        if let Err(fault) = device.rename(setting.names) {
            said.fault(fault);
        }
        let mut left = Vec::new();
        for metric in &payload.metrics {
            let Some(ix) = device.find(metric) else {
                left.push(metric.clone());
                continue;
            };
            if let Err(fault) = device.read(ix, metric, setting, said) {
                said.fault(fault);
            }
        }
        let some = !left.is_empty() && waiting.wanted;
        some.then(|| waiting.with(&Payload { metrics: left, ..payload.clone() }))
    }

    fn device_born(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        let Some(name) = waiting.device.clone() else { return };
        let now = waiting.received;
        if self.session.as_ref().is_none_or(|session| !session.online) {
            // Its node was born before anybody listened: the device is known all the same.
            self.ask(now);
            self.session = Some(Session {
                bd_seq: None,
                online: true,
                born: now,
                own: Device::unheard(),
                devices: BTreeMap::new(),
            });
            self.next = payload.seq.map(|seq| number(seq).wrapping_add(1));
            self.trust = Trust::Sure;
        }
        let Some(session) = &mut self.session else { return };
        if session.devices.len() >= DEVICES_MAX && !session.devices.contains_key(&name) {
            let detail = format!("device `{name}` would be the node's number {}", DEVICES_MAX + 1);
            return said.fault(Fault { reason: Reason::TooLarge, detail });
        }
        let setting = setting(waiting, payload, self.trust == Trust::Sure);
        said.room += session.devices.get(&name).map_or(0, Device::len);
        let device = Device::born(&payload.metrics, setting, said);
        session.devices.insert(Arc::clone(&name), device);
        self.device_is(&name, true, "its birth was heard", said);
        for held in self.held.take(Some(&name)) {
            self.process_held(&held, room, said);
        }
    }

    /// Nothing waits for a birth any more.
    fn settle(&mut self, said: &mut Spoken<'_>) {
        if self.held.len() > 0 || self.mute_since.is_none() {
            return;
        }
        self.mute_since = None;
        if std::mem::take(&mut self.told_mute) && self.session.as_ref().is_some_and(|s| s.online) {
            self.readable(true, "what waited for its birth could be read", said);
        }
    }

    fn device_died(&mut self, waiting: &Waiting, payload: &Payload, said: &mut Spoken<'_>) {
        let Some(name) = waiting.device.clone() else { return };
        let Some(device) = self.device(Some(&name)) else { return };
        device.gone(said);
        let at = sent_at(payload.timestamp).unwrap_or(waiting.received);
        self.device_is(&name, false, &format!("its node lost it at {at}"), said);
    }

    fn device_is(&self, device: &str, yes: bool, what: &str, said: &mut Spoken<'_>) {
        let part = format!("{}/{device}", self.identity.part()).into();
        let reason = format!("device `{device}` of edge node `{}`: {what}", self.identity.shown());
        said.word(Word::Device { part, yes, reason: reason.into() });
    }

    fn hold(&mut self, waiting: Waiting, room: usize, said: &mut Spoken<'_>) {
        if !waiting.wanted {
            return;
        }
        self.mute_since = self.mute_since.or(Some(waiting.received));
        let gone = self.held.keep(waiting, self.held.bytes().saturating_add(room));
        if gone > 0 {
            said.fault(no_birth(format!(
                "{gone} messages of edge node `{}` wait for a birth no longer: there is no room for more",
                self.identity.shown()
            )));
        }
    }

    fn drop_held(&mut self, said: &mut Spoken<'_>) {
        let gone = self.held.take_all().len();
        self.mute_since = None;
        if gone > 0 {
            said.fault(no_birth(format!(
                "{gone} messages of edge node `{}` were never read: it died, and its birth was not heard",
                self.identity.shown()
            )));
        }
    }

    /// Asks for births, if the node may be asked; at most as often as it is said.
    fn ask(&mut self, now: Timestamp) {
        if !self.rule.asks || self.ask_at.is_some() {
            return;
        }
        self.ask_at = Some(match self.asked {
            None => now,
            Some(asked) => now.max(asked.plus(self.rule.ask_every + self.jitter())),
        });
    }

    /// A time of its own.
    fn jitter(&self) -> Duration {
        let name = self.identity.part();
        Duration::from_millis(xxhash_rust::xxh3::xxh3_64(name.as_bytes()) % JITTER_MS)
    }

    /// When something is to be done whether a message comes or not.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let mute = self.mute_since.filter(|_| !self.told_mute).map(|since| since.plus(PATIENCE));
        let waits = self.waits_until.filter(|_| self.held.len() > 0);
        [self.early_until, waits, self.ask_at, mute].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn pass(&mut self, now: Timestamp, room: usize, said: &mut Spoken<'_>) {
        let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_over(self.early_until) {
            self.give_up(now, room, said);
        }
        if is_over(self.waits_until) {
            self.waits_until = None;
            for held in self.held.take_all() {
                // By the birth before, and so uncertain; what that does not tell of goes on waiting.
                self.process(&held, &held.payload(), room, said);
            }
        }
        if is_over(self.ask_at) {
            (self.ask_at, self.asked) = (None, Some(now));
            self.asks += 1;
            let Identity { broker, group, node } = self.identity.clone();
            said.word(Word::Ask { broker, group, node });
        }
        self.settle(said);
        if !self.told_mute && is_over(self.mute_since.map(|since| since.plus(PATIENCE))) {
            self.tell_mute(said);
        }
    }

    fn tell_mute(&mut self, said: &mut Spoken<'_>) {
        if self.held.len() == 0 {
            self.mute_since = None;
            return;
        }
        self.told_mute = true;
        let held = self.held.len();
        let what = if self.rule.asks {
            format!(
                "{held} messages wait for its birth, which it does not send though it was asked: look whether \
                 it may hear `NCMD`, and whether onspec may publish it"
            )
        } else {
            format!(
                "{held} messages wait for its birth: set `sparkplug = {{ role = \"active\" }}` so that onspec \
                 asks for it, or let the node be born anew"
            )
        };
        let reason = format!("edge node `{}`: {what}", self.identity.shown());
        said.word(Word::Readable { part: self.identity.part(), yes: false, reason: reason.into() });
    }

    /// The receiver's clock leapt by so much that did not pass.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        for at in [
            &mut self.waits_until,
            &mut self.early_until,
            &mut self.asked,
            &mut self.ask_at,
            &mut self.mute_since,
        ] {
            *at = at.map(&leapt);
        }
    }
}

fn setting<'a>(waiting: &'a Waiting, payload: &Payload, sure: bool) -> Setting<'a> {
    Setting {
        sent: payload.timestamp,
        sure,
        wanted: waiting.wanted,
        names: Names { line: &waiting.line, area: &waiting.area },
    }
}

/// A number of the sequence: 0 to 255. What a node says beyond that comes round as well.
fn number(seq: u64) -> u8 {
    seq.to_le_bytes()[0]
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ))?;
    match metric.value.as_ref()? {
        metric::Value::Int(number) => Some(u64::from(*number)),
        metric::Value::Long(number) => Some(*number),
        _ => None,
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
