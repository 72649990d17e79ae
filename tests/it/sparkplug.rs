//! The simulated machine as an edge node, with a real broker between it and a host of other people's making.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{Mosquitto, Process, binary};
use prost_of_srad::Message;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Connection, Event, MqttOptions};
use srad_types::payload::{Metric, Payload, metric};
use std::process::Command;

struct Host {
    client: Client,
    connection: Connection,
}

impl Host {
    /// Listens, and returns when the broker has taken the subscription.
    fn listen(port: u16) -> Self {
        let options = MqttOptions::new("host", "127.0.0.1", port);
        let (client, connection) = Client::new(options, 100);
        client.subscribe("spBv1.0/#", QoS::AtLeastOnce).unwrap();
        let mut host = Self { client, connection };
        host.until(|packet| matches!(packet, Packet::SubAck(_)).then_some(()));
        host
    }

    /// Reads packets until one has what is wanted.
    fn until<T>(&mut self, wanted: impl Fn(&Packet) -> Option<T>) -> T {
        loop {
            if let Ok(Event::Incoming(packet)) = self.connection.recv().unwrap()
                && let Some(found) = wanted(&packet)
            {
                return found;
            }
        }
    }

    /// The number of the connection that the next message of a kind names.
    fn bd_seq(&mut self, verb: &str) -> metric::Value {
        let topic = format!("spBv1.0/mill/{verb}/tm3");
        self.until(|packet| {
            let Packet::Publish(message) = packet else { return None };
            if message.topic != topic.as_bytes() {
                return None;
            }
            assert!(!message.retain);
            let payload = Payload::decode(&message.payload[..]).unwrap();
            let is_it = |metric: &&Metric| metric.name.as_deref() == Some("bdSeq");
            payload.metrics.iter().find(is_it)?.value.clone()
        })
    }

    fn ask_for_rebirth(&self) {
        let mut metric = Metric::new();
        metric.set_name("Node Control/Rebirth".into());
        metric.set_value(metric::Value::BooleanValue(true));
        let payload = Payload { metrics: vec![metric], ..Payload::default() };
        let topic = "spBv1.0/mill/NCMD/tm3";
        self.client.publish(topic, QoS::AtMostOnce, false, payload.encode_to_vec()).unwrap();
    }
}

#[test]
fn a_host_hears_births_asks_for_them_and_hears_the_death_by_will() {
    let broker = Mosquitto::start();
    let mut host = Host::listen(broker.port());
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command.args(["simulate", "--form", "sparkplug-b", "--broker"]).arg(broker.url());
    let log = directory.path().join("simulate.log");
    let mut machine = Process::start("onspec simulate", &mut command, &log);
    let born = host.bd_seq("NBIRTH");
    host.ask_for_rebirth();
    assert_eq!(host.bd_seq("NBIRTH"), born, "a rebirth is of the same connection");
    machine.kill();
    assert_eq!(host.bd_seq("NDEATH"), born, "the broker says the will");
}
