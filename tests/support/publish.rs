//! A gateway that publishes a few messages and goes.

use rumqttc::v5::{
    Client, Event, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{Packet, Publish},
    },
};

/// Publishes at QoS 1 and returns when the broker has everything.
pub(crate) fn publish(port: u16, messages: Vec<(String, Vec<u8>)>) {
    let plain = messages
        .into_iter()
        .map(|(topic, payload)| Publish::new(topic, QoS::AtLeastOnce, payload, None));
    publish_with(port, plain.collect());
}

/// The same with properties, retained or not.
pub(crate) fn publish_with(port: u16, messages: Vec<Publish>) {
    let mut options = MqttOptions::new("gateway", "127.0.0.1", port);
    options.set_max_packet_size(Some(32 << 20));
    let (client, mut connection) = Client::new(options, 1000);
    let mut open = messages.len();
    for Publish { topic, payload, properties, retain, .. } in messages {
        let topic = String::from_utf8(topic.to_vec()).expect("it was made of a text");
        let properties = properties.unwrap_or_default();
        client
            .publish_with_properties(topic, QoS::AtLeastOnce, retain, payload, properties)
            .expect("the broker takes it");
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
