//! MQTT 5.

use super::{
    Ack, CONNECT_SECONDS, Connect, Granted, Heard, IN_FLIGHT_MAX, Incoming, NotSent, Publication,
    REQUESTS_MAX, Route, Session, Will, filters, io_reason, keep_alive,
};
use crate::decode::{Properties, Wanted};
use crate::mqtt::Settings;
use crate::mqtt::trouble::Trouble;
use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    RetainForwardRule, SubscribeReasonCode, UnsubAckReason,
};
use rumqttc::v5::mqttbytes::{Error as PacketError, QoS};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{NetworkOptions, Outgoing};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn open(
    connect: &Connect,
    route: Route,
    will: Option<Will>,
) -> (AsyncClient, EventLoop) {
    let settings = &connect.settings;
    let mut options = MqttOptions::new(&settings.client_id, route.host, settings.port);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(CONNECT_SECONDS);
    network.set_tcp_nodelay(true);
    // No topic aliases: the library hands over messages before it resolves them.
    options
        .set_transport(route.transport)
        .set_network_options(network)
        .set_connection_timeout(CONNECT_SECONDS)
        .set_keep_alive(keep_alive(settings))
        .set_clean_start(settings.clean_start)
        .set_session_expiry_interval(Some(
            // All ones mean for ever, which is what so long a time is.
            u32::try_from(settings.session_expiry.as_secs()).unwrap_or(u32::MAX),
        ))
        .set_receive_maximum(Some(settings.receive_maximum.max(1)))
        .set_max_packet_size(Some(settings.max_packet_size))
        .set_manual_acks(true)
        .set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX);
    if let Some((user, password)) = &connect.credentials {
        options.set_credentials(user, password.as_ref().map_or("", |secret| secret.expose()));
    }
    if let Some(Will { topic, body }) = will {
        options.set_last_will(LastWill::new(topic, body, QoS::AtLeastOnce, true, None));
    }
    AsyncClient::new(options, REQUESTS_MAX)
}

pub(super) fn heard(event: Event, keep_alive: Duration, wanted: &Wanted) -> Heard {
    match event {
        Event::Incoming(Packet::ConnAck(packet)) => Heard::Connected(session(&packet, keep_alive)),
        Event::Incoming(Packet::Publish(packet)) => Heard::Message(Incoming {
            ack: (packet.qos != QoS::AtMostOnce).then_some(Ack {
                packet_id: packet.pkid,
                exactly_once: packet.qos == QoS::ExactlyOnce,
            }),
            topic: Arc::from(String::from_utf8_lossy(&packet.topic)),
            payload: packet.payload,
            retained: packet.retain,
            properties: packet.properties.and_then(|properties| kept(&properties, wanted)),
        }),
        Event::Incoming(Packet::SubAck(packet)) => {
            Heard::Subscribed(packet.return_codes.into_iter().map(granted).collect())
        }
        Event::Incoming(Packet::UnsubAck(packet)) => {
            let refused = packet.reasons.into_iter().find_map(ungranted);
            Heard::Unsubscribed(refused.map_or(Ok(()), Err))
        }
        Event::Incoming(Packet::PubAck(packet)) => {
            Heard::Answered(packet.pkid, answer(packet.reason))
        }
        // One of QoS 0 has no number, and gets no answer.
        Event::Outgoing(Outgoing::Publish(0)) => Heard::Nothing,
        Event::Outgoing(Outgoing::Publish(packet_id)) => Heard::Numbered(packet_id),
        Event::Outgoing(Outgoing::Disconnect) => Heard::Farewell,
        _ => Heard::Nothing,
    }
}

/// What is kept of the properties of a message.
fn kept(properties: &PublishProperties, wanted: &Wanted) -> Option<Arc<Properties>> {
    let user = &properties.user_properties;
    let user = user.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    wanted.of(properties.content_type.as_deref(), properties.message_expiry_interval, user)
}

fn session(packet: &ConnAck, keep_alive: Duration) -> Session {
    let properties = packet.properties.as_ref();
    Session {
        present: packet.session_present,
        receive_maximum: properties.and_then(|p| p.receive_max).unwrap_or(u16::MAX).max(1),
        max_packet_size: properties.and_then(|p| p.max_packet_size),
        keep_alive,
    }
}

fn granted(code: SubscribeReasonCode) -> Granted {
    match code {
        SubscribeReasonCode::Success(qos) => Ok(qos as u8),
        SubscribeReasonCode::Failure | SubscribeReasonCode::Unspecified => Err(0x80),
        SubscribeReasonCode::ImplementationSpecific => Err(0x83),
        SubscribeReasonCode::NotAuthorized => Err(0x87),
        SubscribeReasonCode::TopicFilterInvalid => Err(0x8F),
        SubscribeReasonCode::PkidInUse => Err(0x91),
        SubscribeReasonCode::QuotaExceeded => Err(0x97),
        SubscribeReasonCode::SharedSubscriptionsNotSupported => Err(0x9E),
        SubscribeReasonCode::SubscriptionIdNotSupported => Err(0xA1),
        SubscribeReasonCode::WildcardSubscriptionsNotSupported => Err(0xA2),
    }
}

/// The reason code of a refusal to forget a filter. That there was none is as good as forgotten.
fn ungranted(reason: UnsubAckReason) -> Option<u8> {
    match reason {
        UnsubAckReason::Success | UnsubAckReason::NoSubscriptionExisted => None,
        UnsubAckReason::UnspecifiedError => Some(0x80),
        UnsubAckReason::ImplementationSpecificError => Some(0x83),
        UnsubAckReason::NotAuthorized => Some(0x87),
        UnsubAckReason::TopicFilterInvalid => Some(0x8F),
        UnsubAckReason::PacketIdentifierInUse => Some(0x91),
    }
}

fn answer(reason: PubAckReason) -> u8 {
    match reason {
        PubAckReason::Success => 0x00,
        PubAckReason::NoMatchingSubscribers => 0x10,
        PubAckReason::UnspecifiedError => 0x80,
        PubAckReason::ImplementationSpecificError => 0x83,
        PubAckReason::NotAuthorized => 0x87,
        PubAckReason::TopicNameInvalid => 0x90,
        PubAckReason::PacketIdentifierInUse => 0x91,
        PubAckReason::QuotaExceeded => 0x97,
        PubAckReason::PayloadFormatInvalid => 0x99,
    }
}

fn refusal(code: ConnectReturnCode) -> u8 {
    match code {
        ConnectReturnCode::RefusedProtocolVersion
        | ConnectReturnCode::UnsupportedProtocolVersion => 0x84,
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => 0x85,
        ConnectReturnCode::ServiceUnavailable | ConnectReturnCode::ServerUnavailable => 0x88,
        ConnectReturnCode::Success | ConnectReturnCode::UnspecifiedError => 0x80,
        ConnectReturnCode::MalformedPacket => 0x81,
        ConnectReturnCode::ProtocolError => 0x82,
        ConnectReturnCode::ImplementationSpecificError => 0x83,
        ConnectReturnCode::BadUserNamePassword => 0x86,
        ConnectReturnCode::NotAuthorized => 0x87,
        ConnectReturnCode::ServerBusy => 0x89,
        ConnectReturnCode::Banned => 0x8A,
        ConnectReturnCode::BadAuthenticationMethod => 0x8C,
        ConnectReturnCode::TopicNameInvalid => 0x90,
        ConnectReturnCode::PacketTooLarge => 0x95,
        ConnectReturnCode::QuotaExceeded => 0x97,
        ConnectReturnCode::PayloadFormatInvalid => 0x99,
        ConnectReturnCode::RetainNotSupported => 0x9A,
        ConnectReturnCode::QoSNotSupported => 0x9B,
        ConnectReturnCode::UseAnotherServer => 0x9C,
        ConnectReturnCode::ServerMoved => 0x9D,
        ConnectReturnCode::ConnectionRateExceeded => 0x9F,
    }
}

pub(super) fn trouble(error: &ConnectionError) -> Trouble {
    match error {
        ConnectionError::ConnectionRefused(code) => Trouble::refused(refusal(*code)),
        // A broker of 3.1.1 alone answers with its own code, 1, for "unacceptable version".
        ConnectionError::MqttState(StateError::Deserialization(
            PacketError::InvalidConnectReturnCode(1),
        )) => Trouble::refused(0x84),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            Trouble::disconnected(*reason_code as u8, reason_string.as_deref())
        }
        ConnectionError::MqttState(StateError::Deserialization(
            PacketError::PayloadSizeLimitExceeded { pkt_size, max },
        )) => Trouble::too_large(*pkt_size, *max),
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
        ConnectionError::Timeout(_) => {
            Trouble::remote(format!("no answer from the broker in {CONNECT_SECONDS} s"))
        }
        other => Trouble::remote(other.to_string()),
    }
}

pub(super) fn forgive_releases(wire: &mut EventLoop) {
    for packet_id in 1..=u16::MAX {
        let mut publish = Publish::new("", QoS::ExactlyOnce, Bytes::new(), None);
        publish.pkid = packet_id;
        // With acknowledgements by hand it only remembers the packet id, and cannot fail.
        drop(wire.state.handle_incoming_packet(Packet::Publish(publish)));
        wire.state.events.pop_back();
    }
}

pub(super) fn subscribe(client: &AsyncClient, settings: &Settings) -> Result<(), NotSent> {
    let shared = settings.share.is_some();
    let filters = filters(settings).map(|(path, at_least_once)| Filter {
        // We subscribe at each connection; what was retained is told once a session, but for what the
        // broker says of itself: that may have changed meanwhile.
        retain_forward_rule: if path.starts_with('$') {
            RetainForwardRule::OnEverySubscribe
        } else {
            RetainForwardRule::OnNewSubscribe
        },
        path,
        qos: if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce },
        // What we publish is not input. A shared subscription must not ask for that; and a host
        // application has to hear what an older connection of its own leaves behind.
        nolocal: !shared && settings.sparkplug.is_none(),
        preserve_retain: false,
    });
    client.try_subscribe_many(filters).map_err(|_| NotSent)
}

/// The library takes packet id and QoS of an acknowledgement from the message.
pub(super) fn acknowledged(ack: Ack) -> Publish {
    let qos = if ack.exactly_once { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
    let mut publish = Publish::new("", qos, Bytes::new(), None);
    publish.pkid = ack.packet_id;
    publish
}

pub(super) async fn publish(client: &AsyncClient, publication: Publication) -> Result<(), NotSent> {
    let Publication { topic, body, retain, at_most_once, expiry_s } = publication;
    let qos = if at_most_once { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let sent = match expiry_s {
        Some(seconds) => {
            let properties = PublishProperties {
                message_expiry_interval: Some(seconds),
                ..PublishProperties::default()
            };
            client.publish_bytes_with_properties(topic, qos, retain, body, properties).await
        }
        None => client.publish_bytes(topic, qos, retain, body).await,
    };
    sent.map_err(|_| NotSent)
}
