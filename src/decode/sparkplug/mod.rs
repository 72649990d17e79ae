//! Sparkplug B: [`wire`] is the payload, [`Topic`] what stands in the topic, [`scalar`] and [`leaves`] are the
//! values of a metric, [`Command`] is what a host application asks of an edge node.
//!
//! What a message of data means is known only by whoever heard the births before it.

mod payload;
mod topic;
mod value;
pub mod wire;

pub use payload::payload;
pub use topic::{NAMESPACE, Topic, Verb, command_topic, state_topic};
pub use value::{Leaf, Properties, leaves, millis, properties, scalar, utf8};

use bytes::Bytes;
use prost::Message;

/// The metric of a node command that asks for all births again.
pub const REBIRTH: &str = "Node Control/Rebirth";

/// A command to an edge node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Send all births again.
    Rebirth,
}

impl Command {
    /// Reads the payload of an `NCMD`; `None` if it asks for nothing that is known here.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let payload = wire::Payload::decode(payload).ok()?;
        let asks = payload.metrics.iter().any(|metric| {
            metric.name.as_deref() == Some(REBIRTH.as_bytes())
                && metric.value == Some(wire::metric::Value::Boolean(true))
        });
        asks.then_some(Self::Rebirth)
    }

    /// The payload of an `NCMD` that says it, sent so many ms after 1970.
    #[must_use]
    pub fn encode(self, now_ms: u64) -> Vec<u8> {
        let Self::Rebirth = self;
        let metric = wire::Metric {
            name: Some(Bytes::from_static(REBIRTH.as_bytes())),
            timestamp: Some(now_ms),
            datatype: Some(wire::datatype::BOOLEAN),
            value: Some(wire::metric::Value::Boolean(true)),
            ..wire::Metric::default()
        };
        let metrics = vec![metric];
        let timestamp = Some(now_ms);
        wire::Payload { timestamp, metrics, ..wire::Payload::default() }.encode_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_true_rebirth_is_one() {
        let command = |name: &str, value| {
            let metric = wire::Metric {
                name: Some(name.to_owned().into()),
                value: Some(wire::metric::Value::Boolean(value)),
                ..wire::Metric::default()
            };
            let payload = wire::Payload { metrics: vec![metric], ..wire::Payload::default() };
            Command::decode(&payload.encode_to_vec())
        };
        assert_eq!(command(REBIRTH, true), Some(Command::Rebirth));
        assert_eq!(Command::decode(&Command::Rebirth.encode(7)), Some(Command::Rebirth));
        assert_eq!(command(REBIRTH, false), None);
        assert_eq!(command("Node Control/Reboot", true), None);
        assert_eq!(Command::decode(b"\xff\xff"), None);
        assert_eq!(Command::decode(b""), None);
    }
}
