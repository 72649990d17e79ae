//! Sparkplug B, as far as the simulated machine speaks it: [`wire`] is the payload, [`Command`] what
//! a host application asks of an edge node.

pub mod wire;

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
            metric.name.as_deref() == Some(REBIRTH)
                && metric.value == Some(wire::metric::Value::Boolean(true))
        });
        asks.then_some(Self::Rebirth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_true_rebirth_is_one() {
        let command = |name: &str, value| {
            let metric = wire::Metric {
                name: Some(name.to_owned()),
                value: Some(wire::metric::Value::Boolean(value)),
                ..wire::Metric::default()
            };
            let payload = wire::Payload { metrics: vec![metric], ..wire::Payload::default() };
            Command::decode(&payload.encode_to_vec())
        };
        assert_eq!(command(REBIRTH, true), Some(Command::Rebirth));
        assert_eq!(command(REBIRTH, false), None);
        assert_eq!(command("Node Control/Reboot", true), None);
        assert_eq!(Command::decode(b"\xff\xff"), None);
        assert_eq!(Command::decode(b""), None);
    }
}
