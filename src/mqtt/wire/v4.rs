//! MQTT 3.1.1.

use super::{
    Ack, CONNECT_SECONDS, Connect, Granted, Heard, IN_FLIGHT_MAX, Incoming, NotSent, Publication,
    REQUESTS_MAX, Route, Session, Will, filters, io_reason, keep_alive,
};
use crate::mqtt::Settings;
use crate::mqtt::trouble::Trouble;
use bytes::Bytes;
use rumqttc::mqttbytes::Error as PacketError;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    NetworkOptions, Outgoing, Packet, Publish, QoS, StateError, SubscribeFilter,
    SubscribeReasonCode,
};
use std::sync::Arc;
use std::time::Duration;

/// The protocol's own limit of a packet. 3.1.1 does not tell the broker's.
const OUTGOING_MAX: usize = 268_435_455;

pub(super) fn open(
    connect: &Connect,
    route: Route,
    will: Option<Will>,
) -> (AsyncClient, EventLoop) {
    let settings = &connect.settings;
    let mut options = MqttOptions::new(&settings.client_id, route.host, settings.port);
    options
        .set_transport(route.transport)
        .set_keep_alive(keep_alive(settings))
        .set_clean_session(settings.clean_start)
        .set_manual_acks(true)
        .set_inflight(IN_FLIGHT_MAX)
        .set_max_packet_size(
            usize::try_from(settings.max_packet_size).unwrap_or(OUTGOING_MAX),
            OUTGOING_MAX,
        );
    if let Some((user, password)) = &connect.credentials {
        options.set_credentials(user, password.as_ref().map_or("", |secret| secret.expose()));
    }
    if let Some(Will { topic, body }) = will {
        options.set_last_will(LastWill::new(topic, body, QoS::AtLeastOnce, true));
    }
    let (client, mut wire) = AsyncClient::new(options, REQUESTS_MAX);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(CONNECT_SECONDS);
    network.set_tcp_nodelay(true);
    wire.set_network_options(network);
    (client, wire)
}

pub(super) fn heard(event: Event, keep_alive: Duration) -> Heard {
    match event {
        Event::Incoming(Packet::ConnAck(packet)) => Heard::Connected(Session {
            present: packet.session_present,
            receive_maximum: IN_FLIGHT_MAX,
            max_packet_size: None,
            keep_alive,
        }),
        Event::Incoming(Packet::Publish(packet)) => Heard::Message(Incoming {
            ack: (packet.qos != QoS::AtMostOnce).then_some(Ack {
                packet_id: packet.pkid,
                exactly_once: packet.qos == QoS::ExactlyOnce,
            }),
            topic: Arc::from(packet.topic),
            payload: packet.payload,
            retained: packet.retain,
            properties: None,
        }),
        Event::Incoming(Packet::SubAck(packet)) => {
            Heard::Subscribed(packet.return_codes.into_iter().map(granted).collect())
        }
        Event::Incoming(Packet::UnsubAck(_)) => Heard::Unsubscribed(Ok(())),
        Event::Incoming(Packet::PubAck(packet)) => Heard::Answered(packet.pkid, 0),
        // One of QoS 0 has no number, and gets no answer.
        Event::Outgoing(Outgoing::Publish(0)) => Heard::Nothing,
        Event::Outgoing(Outgoing::Publish(packet_id)) => Heard::Numbered(packet_id),
        Event::Outgoing(Outgoing::Disconnect) => Heard::Farewell,
        _ => Heard::Nothing,
    }
}

fn granted(code: SubscribeReasonCode) -> Granted {
    match code {
        SubscribeReasonCode::Success(qos) => Ok(qos as u8),
        SubscribeReasonCode::Failure => Err(0x80),
    }
}

pub(super) fn trouble(error: &ConnectionError, max_packet_size: usize) -> Trouble {
    match error {
        ConnectionError::ConnectionRefused(code) => Trouble::refused(match code {
            ConnectReturnCode::RefusedProtocolVersion => 0x84,
            ConnectReturnCode::BadClientId => 0x85,
            ConnectReturnCode::ServiceUnavailable => 0x88,
            ConnectReturnCode::BadUserNamePassword => 0x86,
            ConnectReturnCode::NotAuthorized => 0x87,
            ConnectReturnCode::Success => 0x80,
        }),
        ConnectionError::MqttState(StateError::Deserialization(
            PacketError::PayloadSizeLimitExceeded(bytes),
        )) => Trouble::too_large(*bytes, u32::try_from(max_packet_size).unwrap_or(u32::MAX)),
        ConnectionError::MqttState(StateError::Unsolicited(packet_id)) => {
            Trouble::unsolicited(*packet_id)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Trouble::remote("the broker closed the connection")
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Trouble::remote("the broker does not answer pings")
        }
        ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(PacketError::Io(error)),
        )
        | ConnectionError::Io(error)
        | ConnectionError::Tls(rumqttc::TlsError::Io(error)) => Trouble::remote(io_reason(error)),
        ConnectionError::NetworkTimeout => {
            Trouble::remote(format!("no answer from the broker in {CONNECT_SECONDS} s"))
        }
        other => Trouble::remote(other.to_string()),
    }
}

pub(super) fn forgive_releases(wire: &mut EventLoop) {
    for packet_id in 1..=u16::MAX {
        let mut publish = Publish::new("", QoS::ExactlyOnce, Vec::new());
        publish.pkid = packet_id;
        // With acknowledgements by hand it only remembers the packet id, and cannot fail.
        drop(wire.state.handle_incoming_packet(Packet::Publish(publish)));
        wire.state.events.pop_back();
    }
}

pub(super) fn subscribe(client: &AsyncClient, settings: &Settings) -> Result<(), NotSent> {
    let filters = filters(settings).map(|(path, at_least_once)| SubscribeFilter {
        path,
        qos: if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce },
    });
    client.try_subscribe_many(filters).map_err(|_| NotSent)
}

/// The library takes packet id and QoS of an acknowledgement from the message.
pub(super) fn acknowledged(ack: Ack) -> Publish {
    let qos = if ack.exactly_once { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
    let mut publish = Publish::from_bytes("", qos, Bytes::new());
    publish.pkid = ack.packet_id;
    publish
}

pub(super) async fn publish(client: &AsyncClient, publication: Publication) -> Result<(), NotSent> {
    let Publication { topic, body, retain, at_most_once, expiry_s: _ } = publication;
    let qos = if at_most_once { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    client.publish_bytes(topic, qos, retain, body).await.map_err(|_| NotSent)
}
