//! The machine as a Sparkplug B edge node: births, the sequence of its messages, its death.
//!
//! Group `mill`, the line is the edge node, its areas are the devices, its tags their metrics. What a
//! device says goes out in order of arrival at the node, with the time stamps of its instruments: the
//! late ones stay late. Metrics have aliases; their names come with the births only (Sparkplug 3.0,
//! sections 5 and 6).

use super::machine::Published;
use super::tags::{self, TAGS};
use crate::decode::sparkplug::wire::{
    Metric, Payload, PropertySet, PropertyValue, datatype, metric, property,
};
use crate::decode::sparkplug::{Command, REBIRTH};
use crate::reading::Timestamp;
use prost::Message;
use std::ops::Range;
use std::sync::Arc;

/// The name of the metric that ties a death to its birth.
const BD_SEQ: &str = "bdSeq";

/// One edge node.
#[derive(Debug, Clone)]
pub(super) struct EdgeNode {
    line: Arc<str>,
    devices: Vec<(&'static str, Range<usize>)>,
    /// The number of the connection, 0 to 255 and round again.
    bd_seq: u8,
    /// The number of the next message.
    seq: u8,
    /// False: births are due.
    born: bool,
    latest: Vec<Option<(Timestamp, f64)>>,
}

impl EdgeNode {
    pub(super) fn new(line: &str) -> Self {
        let line = line.into();
        let latest = vec![None; TAGS.len()];
        Self { line, devices: tags::areas(), bd_seq: 0, seq: 0, born: false, latest }
    }

    /// A topic of the node.
    fn topic(&self, verb: &str) -> Arc<str> {
        format!("spBv1.0/mill/{verb}/{}", self.line).into()
    }

    fn device_topic(&self, verb: &str, device: &str) -> Arc<str> {
        format!("spBv1.0/mill/{verb}/{}/{device}", self.line).into()
    }

    /// Where commands to it come.
    pub(super) fn commands(&self) -> Arc<str> {
        self.topic("NCMD")
    }

    /// What the broker says for it when the connection breaks, and it says itself when it goes.
    pub(super) fn death(&self, at: Timestamp) -> Published {
        let payload = Payload { metrics: vec![self.bd_seq()], ..Payload::default() };
        published(at, self.topic("NDEATH"), &payload)
    }

    /// The connection is a new one: the death of the last one means this one no longer.
    pub(super) fn reconnect(&mut self) {
        self.bd_seq = self.bd_seq.wrapping_add(1);
        self.born = false;
    }

    /// Does what a host application asks for.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Rebirth => self.born = false,
        }
    }

    /// What one device has to say: a message that still wants its number.
    pub(super) fn data(
        &mut self,
        at: Timestamp,
        device: usize,
        value: impl Fn(usize) -> Option<f64>,
    ) -> Option<Published> {
        let (device, tags) = self.devices[device].clone();
        let mut metrics = Vec::new();
        for ix in tags {
            let Some(value) = value(ix) else { continue };
            // The instrument shows so many places.
            let scale = 10_f64.powi(i32::try_from(TAGS[ix].decimals).unwrap_or(0));
            let value = (value * scale).round() / scale;
            self.latest[ix] = Some((at, value));
            metrics.push(Metric {
                alias: Some(alias(ix)),
                timestamp: Some(millis(at)),
                value: Some(typed(ix, value)),
                ..Metric::default()
            });
        }
        let payload = Payload { metrics, ..Payload::default() };
        let some = !payload.metrics.is_empty();
        some.then(|| published(at, self.device_topic("DDATA", device), &payload))
    }

    /// Sends what has arrived at the node since `first`: births before it when they are due, and
    /// numbers on everything.
    pub(super) fn send(&mut self, now: Timestamp, first: usize, out: &mut Vec<Published>) {
        if !self.born {
            self.born = true;
            self.seq = 0;
            let births = self.births(now);
            out.splice(first..first, births);
        }
        let is_ours = |message: &&mut Published| message.topic.starts_with("spBv1.0/");
        for message in out[first..].iter_mut().filter(is_ours) {
            // Protobuf fields may come in any order, in parts.
            let head = Payload {
                timestamp: Some(millis(message.at)),
                seq: Some(self.seq.into()),
                ..Payload::default()
            };
            message.payload = [&message.payload[..], &head.encode_to_vec()].concat().into();
            self.seq = self.seq.wrapping_add(1);
        }
    }

    fn bd_seq(&self) -> Metric {
        Metric {
            name: Some(BD_SEQ.into()),
            datatype: Some(datatype::INT64),
            value: Some(metric::Value::Long(self.bd_seq.into())),
            ..Metric::default()
        }
    }

    fn births(&self, now: Timestamp) -> Vec<Published> {
        let rebirth = Metric {
            name: Some(REBIRTH.into()),
            datatype: Some(datatype::BOOLEAN),
            value: Some(metric::Value::Boolean(false)),
            ..Metric::default()
        };
        let mut metrics = vec![self.bd_seq(), rebirth];
        for metric in &mut metrics {
            metric.timestamp = Some(millis(now));
        }
        let node = Payload { metrics, ..Payload::default() };
        let mut births = vec![published(now, self.topic("NBIRTH"), &node)];
        for (device, tags) in &self.devices {
            let metrics = tags.clone().map(|ix| self.birth(ix, now)).collect();
            let payload = Payload { metrics, ..Payload::default() };
            births.push(published(now, self.device_topic("DBIRTH", device), &payload));
        }
        births
    }

    /// Everything about a metric, and the last value it had.
    fn birth(&self, ix: usize, now: Timestamp) -> Metric {
        let tag = &TAGS[ix];
        let unit = PropertyValue {
            r#type: Some(datatype::STRING),
            value: Some(property::Value::String(tag.unit.to_owned())),
            ..PropertyValue::default()
        };
        let unit = PropertySet { keys: vec!["engUnit".to_owned()], values: vec![unit] };
        let latest = self.latest[ix];
        Metric {
            name: Some(tag.name.into()),
            alias: Some(alias(ix)),
            timestamp: Some(millis(latest.map_or(now, |(at, _)| at))),
            datatype: Some(if tags::is_switch(ix) { datatype::BOOLEAN } else { datatype::DOUBLE }),
            is_null: latest.is_none().then_some(true),
            properties: (!tag.unit.is_empty()).then(|| unit.encode_to_vec().into()),
            value: latest.map(|(_, value)| typed(ix, value)),
            ..Metric::default()
        }
    }
}

fn published(at: Timestamp, topic: Arc<str>, payload: &Payload) -> Published {
    Published { at, topic, payload: payload.encode_to_vec().into(), retained: false }
}

/// Aliases begin at 1: some hosts take 0 for none.
fn alias(ix: usize) -> u64 {
    ix as u64 + 1
}

fn typed(ix: usize, value: f64) -> metric::Value {
    if tags::is_switch(ix) {
        metric::Value::Boolean(value > 0.5)
    } else {
        metric::Value::Double(value)
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
