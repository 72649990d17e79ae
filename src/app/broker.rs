//! The broker inside the process, for `onspec demo` only.
//!
//! It keeps everything in memory, listens on loopback alone, and cannot be stopped: rumqttd knows no
//! end, so its thread (`broker`) lives as long as the process. It is no broker for a plant: what it
//! holds of a topic is bounded, and a reader that is too slow skips messages unseen.

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// The largest payload it takes, in bytes.
const PAYLOAD_BYTES_MAX: usize = 16 << 20;
/// Messages it keeps of a topic filter: bytes of a segment, and how many of them.
const SEGMENT: (usize, usize) = (16 << 20, 8);
/// How often, and how many times at most, to ask whether it listens: 10 s.
const ASK: (Duration, u32) = (Duration::from_millis(5), 2000);

/// A broker in this process. Dropping it does not stop it.
#[derive(Debug)]
pub struct EmbeddedBroker {
    port: u16,
    port_v4: u16,
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The system gives no port or no thread.
    #[error("cannot start the embedded broker")]
    System(#[from] std::io::Error),
    /// The broker ended at once.
    #[error("the embedded broker ended: {0}")]
    Ended(String),
    /// It does not listen.
    #[error("the embedded broker does not listen on port {0} after 10 s")]
    Deaf(u16),
}

impl EmbeddedBroker {
    /// Starts a broker on free ports of 127.0.0.1 and waits until it takes connections.
    pub fn start() -> Result<Self, BrokerError> {
        // Both at once, so that they differ.
        let (v5, v4) = (free_port()?, free_port()?);
        let (port, port_v4) = (v5.local_addr()?.port(), v4.local_addr()?.port());
        drop((v5, v4));
        let (ended, end) = sync_channel(1);
        std::thread::Builder::new().name("broker".to_owned()).spawn(move || {
            let result = Broker::new(configuration(port, port_v4)).start();
            let words = result.map_or_else(|error| error.to_string(), |()| "no reason".to_owned());
            // Nobody listens after the start.
            drop(ended.send(words));
        })?;
        wait_for(port, &end)?;
        wait_for(port_v4, &end)?;
        Ok(Self { port, port_v4 })
    }

    /// The port for MQTT 5.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port for MQTT 3.1.1, which this broker does not speak on the other one.
    #[must_use]
    pub fn port_v4(&self) -> u16 {
        self.port_v4
    }

    /// The address for MQTT 5, as the configuration takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

/// A port on which nobody listens, held until the listener is dropped.
fn free_port() -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

fn configuration(port: u16, port_v4: u16) -> Config {
    Config {
        router: RouterConfig {
            max_connections: 100,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT.0,
            max_segment_count: SEGMENT.1,
            ..RouterConfig::default()
        },
        v5: Some([("v5".to_owned(), server("v5", port))].into()),
        v4: Some([("v4".to_owned(), server("v4", port_v4))].into()),
        ..Config::default()
    }
}

fn server(name: &str, port: u16) -> ServerSettings {
    ServerSettings {
        name: name.to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 10_000,
            max_payload_size: PAYLOAD_BYTES_MAX,
            max_inflight_count: 1000,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    }
}

/// Asks until the port is open.
fn wait_for(port: u16, end: &Receiver<String>) -> Result<(), BrokerError> {
    for _ in 0..ASK.1 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        if let Ok(words) = end.recv_timeout(ASK.0) {
            return Err(BrokerError::Ended(words));
        }
    }
    Err(BrokerError::Deaf(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::{Client, Event, Incoming, MqttOptions};

    #[test]
    fn a_large_message_goes_through_and_3_1_1_is_spoken_too() {
        let broker = EmbeddedBroker::start().expect("there are ports");
        assert_eq!(broker.url(), format!("mqtt://127.0.0.1:{}", broker.port()));

        let mut options = MqttOptions::new("peer", "127.0.0.1", broker.port());
        options.set_max_packet_size(Some(16 << 20));
        let (client, mut connection) = Client::new(options, 16);
        let large = vec![b'x'; 1 << 20];
        client.subscribe("mill/#", QoS::AtLeastOnce).expect("there is room");
        client.publish("mill/a", QoS::AtLeastOnce, false, large.clone()).expect("there is room");
        let payload = connection.iter().find_map(|event| match event {
            Ok(Event::Incoming(Incoming::Publish(publish))) => Some(publish.payload),
            other => other.map(|_| None).expect("the broker holds the connection"),
        });
        assert!(payload.is_some_and(|payload| payload == large));

        let options = rumqttc::MqttOptions::new("old", "127.0.0.1", broker.port_v4());
        let (_client, mut connection) = rumqttc::Client::new(options, 16);
        let first = connection.iter().next().expect("it says something");
        let connected = matches!(first, Ok(rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))));
        assert!(connected, "{first:?}");
    }
}
