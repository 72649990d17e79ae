//! A gateway that publishes a few messages and goes.

use rumqttc::v5::{
    Client, Event, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};

/// Publishes at QoS 1 and returns when the broker has everything.
pub(crate) fn publish(port: u16, messages: Vec<(String, Vec<u8>)>) {
    let mut options = MqttOptions::new("gateway", "127.0.0.1", port);
    options.set_max_packet_size(Some(32 << 20));
    let (client, mut connection) = Client::new(options, 1000);
    let mut open = messages.len();
    for (topic, payload) in messages {
        client.publish(topic, QoS::AtLeastOnce, false, payload).expect("the broker takes it");
    }
    for event in connection.iter() {
        if let Event::Incoming(Packet::PubAck(_)) = event.expect("the broker takes it") {
            open -= 1;
            if open == 0 {
                return;
            }
        }
    }
}
