//! Births and deaths of an edge node and its devices.

use super::births::{Device, sent_at};
use super::held::Waiting;
use super::node::{EdgeNode, SEQUENCE, setting};
use super::order::number;
use super::room::{self, ROOM};
use super::state::State;
use super::twins::NAME;
use super::word::{Change, Spoken, Word};
use crate::decode::sparkplug::wire::{Payload, metric};
use crate::decode::{Fault, Reason};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The metric that ties a death to its birth.
const BD_SEQ: &[u8] = b"bdSeq";

/// Devices of a node, at most.
const DEVICES_MAX: usize = 1000;

/// What the births of a node have told, since the last one of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Births {
    /// The number of its connection; `None` if the node's own birth was not heard.
    bd_seq: Option<u64>,
    /// When its birth was heard.
    pub(super) born: Timestamp,
    pub(super) own: Device,
    pub(super) devices: BTreeMap<Arc<str>, Device>,
}

impl Births {
    pub(super) fn metrics(&self) -> usize {
        self.own.len() + self.devices.values().map(Device::len).sum::<usize>()
    }

    /// The node is gone with all its devices.
    fn gone(&mut self, said: &mut Spoken<'_>) {
        self.own.gone(None, said);
        self.devices.values_mut().for_each(|device| device.gone(None, said));
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.own.heard = leapt(self.own.heard);
        self.devices.values_mut().for_each(|device| device.heard = leapt(device.heard));
    }
}

impl EdgeNode {
    /// Its own birth.
    pub(super) fn born(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        retained: bool,
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        let now = waiting.received;
        self.take_early(now, room, said);
        let bd_seq = bd_seq(payload);
        let was_there = self.state.is_there();
        let mut before = self.births.take();
        if let Some(before) = before.as_mut().filter(|known| was_there && known.bd_seq != bd_seq) {
            // Its death was not heard. What is born again has its values from the births.
            before.gone(said);
            self.twins.birth(&self.identity.named(), (before.bd_seq, bd_seq), now, said);
            let why = "it was born anew, and its death was not heard".to_owned();
            said.changes.push(Change { comes: false, why });
        }
        if self.state.born(retained) {
            self.missed(said);
        }
        let setting = setting(waiting, payload, true);
        // It takes the place of what was known of the node itself.
        said.room += before.as_ref().map_or(0, |before| before.own.len());
        let own = Device::born(&payload.metrics, setting, said);
        if let Some(before) = before.as_ref().filter(|_| said.room > 0 && waiting.wanted) {
            before.own.absent(&own, sent_at(payload.timestamp), said);
        }
        // The devices of a node that was only asked are born again after it: until then they are what
        // they were.
        let mut devices = before.map(|before| before.devices).unwrap_or_default();
        for device in devices.values_mut() {
            device.online = false;
        }
        self.births = Some(Births { bd_seq, born: now, own, devices });
        self.order.follow(number(payload).unwrap_or(0));
        self.asking.unwant();
        let sequence = format!("{}{SEQUENCE}", self.identity.part);
        let reason = format!("edge node `{}`: its birth was heard", self.identity.shown);
        said.alarm(sequence.into(), true, &reason);
        self.readable(true, "its birth was heard", said);
        for held in self.held.take(None) {
            self.process_held(&held, room, said);
        }
    }

    /// Its own death, of this session or of another one.
    pub(super) fn died(
        &mut self,
        payload: &Payload,
        now: Timestamp,
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        const UNHEARD: &str = "it died, and its birth was not heard";
        let Some(births) = &self.births else {
            // What it said was said in the session that ends here, and no birth will tell of it.
            return self.drop_held(UNHEARD, said);
        };
        let of = bd_seq(payload);
        let mut state = self.state;
        if !state.died(of.is_none() || births.bd_seq.is_none() || of == births.bd_seq) {
            return;
        }
        self.take_early(now, room, said);
        for held in self.held.take_all() {
            self.process_held(&held, room, said);
        }
        self.drop_held(UNHEARD, said);
        self.state = state;
        if let Some(births) = &mut self.births {
            births.gone(said);
        }
        self.twins.died();
        // That they are gone is a part of what is told of their node, and it may come without them.
        self.devices.drop_all("their node has gone, which is told in their place", now, said);
        self.asking.unwant();
        self.readable(false, "it has gone: it said so, or the broker did when it lost it", said);
    }

    pub(super) fn device_born(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        room: usize,
        said: &mut Spoken<'_>,
    ) {
        let Some(name) = &waiting.device else { return };
        let now = waiting.received;
        if !self.state.is_there() {
            // Its node was born before anybody listened: the device is known all the same.
            self.ask(now);
            let (own, devices) = (Device::unheard(now), BTreeMap::new());
            self.births = Some(Births { bd_seq: None, born: now, own, devices });
            match number(payload) {
                Some(seq) => self.order.follow(seq),
                None => self.order.forget(),
            }
            self.state = State::Sure;
        }
        if !self.has_room(name, now, said) {
            return;
        }
        let sure = self.state.is_sure();
        let Some(births) = &mut self.births else { return };
        let before = births.devices.remove(name);
        let setting = setting(waiting, payload, sure);
        said.room += before.as_ref().map_or(0, Device::len);
        let device = Device::born(&payload.metrics, setting, said);
        if let Some(before) = before.filter(|_| said.room > 0 && waiting.wanted) {
            before.absent(&device, sent_at(payload.timestamp), said);
        }
        births.devices.insert(Arc::clone(name), device);
        self.devices.comes(name, "its birth was heard", now, said);
        for held in self.held.take(Some(name)) {
            self.process_held(&held, room, said);
        }
    }

    /// True if there is room for a device: another one may have to be forgotten for it.
    fn has_room(&mut self, name: &Arc<str>, now: Timestamp, said: &mut Spoken<'_>) -> bool {
        let Some(births) = &mut self.births else { return false };
        if births.devices.len() < DEVICES_MAX || births.devices.contains_key(name) {
            return true;
        }
        let known = |device: &Device| room::Known { online: device.online, heard: device.heard };
        let all = births.devices.iter().map(|(name, device)| (Arc::clone(name), known(device)));
        let first = room::first(all, now);
        if let Some(first) = first
            && let Some(mut device) = births.devices.remove(&first)
        {
            said.room += device.len();
            let part = format!("{}/{first}", self.identity.part);
            said.forgot(part.into(), device.online, device.heard);
            device.gone(None, said);
            self.devices.drop(&first, "it was forgotten", now, said);
            return true;
        }
        let detail = format!("device `{name}` would be the node's number {}", DEVICES_MAX + 1);
        let reason = format!(
            "device `{name}` of edge node `{}` is not followed: {DEVICES_MAX} devices are, at most, and all were \
             heard within the hour; give the others to a node of their own",
            self.identity.shown
        );
        said.fault(Fault { reason: Reason::TooLarge, detail });
        self.refused.refuse(&self.identity.part, &reason, now, said);
        false
    }

    pub(super) fn device_died(
        &mut self,
        waiting: &Waiting,
        payload: &Payload,
        said: &mut Spoken<'_>,
    ) {
        let Some(name) = waiting.device.as_ref() else { return };
        let sent = sent_at(payload.timestamp);
        let Some(device) = self.device(Some(name)) else { return };
        device.heard = waiting.received;
        device.gone(sent, said);
        let why = format!("its node lost it at {}", sent.unwrap_or(waiting.received));
        self.devices.goes(name, &why, waiting.received, said);
    }

    /// Another node needs its room: what was said of it is over.
    pub(super) fn forgotten(&mut self, now: Timestamp, said: &mut Spoken<'_>) {
        let known = self.known();
        said.forgot(Arc::clone(&self.identity.part), known.online, known.heard);
        if let Some(births) = &mut self.births {
            births.gone(said);
        }
        self.drop_held("it was forgotten, for another one needed the room", said);
        self.devices.drop_all("their node was forgotten", now, said);
        for name in [SEQUENCE, NAME, ROOM] {
            let part = format!("{}{name}", self.identity.part);
            said.alarm(part.into(), true, "the edge node was forgotten");
        }
    }
}

impl Spoken<'_> {
    fn forgot(&mut self, part: Arc<str>, online: bool, heard: Timestamp) {
        let how = if online { "silent" } else { "gone" };
        let reason = format!("it was forgotten, {how} since {heard}: another one needed the room");
        self.word(Word::Forgot { part, reason: reason.into() });
    }
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ))?;
    match metric.value.as_ref()? {
        metric::Value::Int(number) => Some(u64::from(*number)),
        metric::Value::Long(number) => Some(*number),
        _ => None,
    }
}
