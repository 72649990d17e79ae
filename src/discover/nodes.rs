//! What edge nodes of Sparkplug B were heard to say.

use super::leaf::Leaf;
use crate::decode::sparkplug::{Topic, Verb};
use crate::decode::{Arrival, NodeMessage};
use crate::reading::{Timestamp, Value};
use crate::sparkplug::{Came, Host, Word};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Metrics remembered.
const METRICS_MAX: usize = 20_000;

/// Line, area and tag: the edge node, the device with the folders of the metric, and the metric.
pub(super) type Named = (Arc<str>, Arc<str>, Arc<str>);

/// What was heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Nodes {
    host: Host,
    pub(super) metrics: BTreeMap<Named, Heard>,
    pub(super) messages: u64,
    /// True if devices were heard, whose level is the area.
    pub(super) devices: bool,
}

/// What is known of a metric.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    pub(super) leaf: Leaf,
    pub(super) unit: Option<Arc<str>>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Heard {
    /// The time between two values, s.
    pub(super) fn interval_s(&self) -> Option<f64> {
        let (first, last) = self.first.zip(self.last)?;
        let count = self.leaf.count();
        (count >= 2).then(|| last.seconds_since(first) / f64::from(count - 1))
    }
}

impl Nodes {
    /// Takes a message; false if it is none of an edge node.
    pub(super) fn take(&mut self, arrival: &Arrival) -> bool {
        let Some(topic) = Topic::parse(&arrival.topic) else { return false };
        if topic.verb == Verb::Command {
            return true;
        }
        self.messages += 1;
        self.devices |= topic.device.is_some();
        let payload = match crate::decode::opened(&arrival.payload) {
            Ok(std::borrow::Cow::Owned(opened)) => opened.into(),
            _ => arrival.payload.clone(),
        };
        let message = NodeMessage::new(topic, payload);
        let mut words = Vec::new();
        let came = Came { received: arrival.received, retained: arrival.retained };
        self.host.take(&arrival.broker, &message, came, &mut words);
        for word in words {
            let Word::Reading { reading, unit, .. } = word else { continue };
            let named = (reading.line, reading.area, reading.tag);
            if self.metrics.len() >= METRICS_MAX && !self.metrics.contains_key(&named) {
                continue;
            }
            let heard = self.metrics.entry(named).or_default();
            let value = match &reading.value {
                Value::Number(number) => serde_json::Value::from(number.get()),
                Value::Text(text) => serde_json::Value::from(&**text),
            };
            heard.leaf.take(&value, arrival.received);
            heard.unit = unit.or_else(|| heard.unit.take());
            heard.first.get_or_insert(arrival.received);
            heard.last = Some(arrival.received);
        }
        true
    }

    /// Edge nodes, and those of them whose births were not heard.
    pub(super) fn counts(&self) -> (usize, usize) {
        let unborn = self.host.view().filter(|node| node.online.is_none()).count();
        (self.host.view().count(), unborn)
    }
}
