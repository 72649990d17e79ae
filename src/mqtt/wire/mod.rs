//! Both versions of the protocol behind one face; the only place that names the library's types.
//!
//! [`Client`] says, [`Wire`] carries. `Wire::poll` must not be dropped half way once connected: the
//! library would lose what it was about to send.

mod v4;
mod v5;

use super::relay::{Relay, no_socket};
use super::trouble::Trouble;
use super::websocket::Far;
use super::{Settings, Version, topics};
use crate::decode::{Properties, Wanted};
use crate::telemetry::Secret;
use bytes::Bytes;
use rumqttc::{TlsConfiguration, Transport};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;

/// Requests the library may hold that it has not sent. They wait in our own order before that.
const REQUESTS_MAX: usize = 64;
/// Publications under way that the library has room for. We use at most half of it: at its limit it
/// would send nothing else either, not even acknowledgements.
const IN_FLIGHT_MAX: u16 = 64;
/// How long a connection may take to be made, in seconds.
const CONNECT_SECONDS: u64 = 20;
/// The shortest keep-alive that the library takes.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(5);
/// The longest keep-alive of the protocol.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(u16::MAX as u64);

/// All that is needed to connect.
#[derive(Debug, Clone)]
pub(super) struct Connect {
    pub(super) settings: Settings,
    pub(super) credentials: Option<(String, Option<Secret>)>,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// What the broker says about a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    /// True if the broker kept our session.
    pub(super) present: bool,
    /// How many publications of ours it takes at once.
    pub(super) receive_maximum: u16,
    /// The largest packet it takes, in bytes.
    pub(super) max_packet_size: Option<u32>,
    /// The interval of pings that it wants.
    pub(super) keep_alive: Duration,
}

/// What an acknowledgement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) packet_id: u16,
    /// QoS 2 has another packet for it.
    pub(super) exactly_once: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) topic: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) retained: bool,
    /// What is kept of its properties.
    pub(super) properties: Option<Arc<Properties>>,
    /// `None` for QoS 0.
    pub(super) ack: Option<Ack>,
}

/// The broker's answer to one filter: the QoS granted, or the reason code of its refusal.
pub(super) type Granted = Result<u8, u8>;

/// What happened on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// The broker takes us.
    Connected(Session),
    /// A message came.
    Message(Incoming),
    /// The broker answered our subscription, filter by filter.
    Subscribed(Vec<Granted>),
    /// The broker answered that we want a filter no more: with the reason code of its refusal, if it
    /// refuses.
    Unsubscribed(Result<(), u8>),
    /// The next publication went out under this packet id.
    Numbered(u16),
    /// The broker answered a publication with this reason code.
    Answered(u16, u8),
    /// Our farewell went out.
    Farewell,
    /// Nothing of interest (pings, acknowledgements of ours).
    Nothing,
}

/// What the broker publishes, retained and with QoS 1, when it loses the connection.
#[derive(Debug, Clone)]
pub(super) struct Will {
    pub(super) topic: String,
    pub(super) body: Bytes,
}

/// Something to publish, with QoS 1 unless it is said.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    pub(super) topic: String,
    pub(super) body: Bytes,
    pub(super) retain: bool,
    /// True for QoS 0: nobody answers for it.
    pub(super) at_most_once: bool,
    /// After how many seconds the broker forgets it (MQTT 5).
    pub(super) expiry_s: Option<u32>,
}

impl Publication {
    /// An upper bound of its packet, in bytes: header, lengths, packet id and properties are less
    /// than 32.
    pub(super) fn packet_bytes(&self) -> usize {
        self.topic.len() + self.body.len() + 32
    }
}

/// The connection is gone, or the library does not take the request.
#[derive(Debug)]
pub(super) struct NotSent;

/// Makes a client and its wire. Nothing is connected before the first poll.
pub(super) fn open(connect: &Connect, will: Option<Will>) -> (Client, Wire) {
    let way = match Far::of(&connect.settings, connect.tls.clone()).map(Relay::start) {
        None => Way::Straight,
        Some(Ok(relay)) => Way::Relayed(relay),
        Some(Err(error)) => Way::None(Trouble::remote(no_socket(&error))),
    };
    let route = match &way {
        Way::Straight => Route { host: host(connect), transport: transport(connect.tls.as_ref()) },
        Way::Relayed(relay) => {
            Route { host: relay.address().to_owned(), transport: Transport::unix() }
        }
        Way::None(_) => Route { host: String::new(), transport: Transport::unix() },
    };
    let (client, library) = match connect.settings.version {
        Version::V4 => {
            let (client, wire) = v4::open(connect, route, will);
            (Client::V4(client), Library::V4(Box::new(wire)))
        }
        Version::V5 => {
            let (client, wire) = v5::open(connect, route, will);
            let properties = connect.settings.properties.clone();
            (Client::V5(client), Library::V5(Box::new(wire), properties))
        }
    };
    (client, Wire { library, way })
}

/// Where the library connects to.
struct Route {
    host: String,
    transport: Transport,
}

/// What carries packets; the connection itself.
pub(super) struct Wire {
    library: Library,
    way: Way,
}

/// What leads to the broker.
enum Way {
    /// The library finds it.
    Straight,
    /// To a broker behind a WebSocket. It ends with the connection.
    Relayed(Relay),
    /// Nothing: the library is not to connect anywhere.
    None(Trouble),
}

enum Library {
    V4(Box<rumqttc::EventLoop>),
    /// With the properties of messages that are kept.
    V5(Box<rumqttc::v5::EventLoop>, Wanted),
}

impl Wire {
    /// Waits for the next thing to happen.
    pub(super) async fn poll(&mut self) -> Result<Heard, Trouble> {
        match &self.way {
            Way::Straight => self.library.poll().await,
            Way::Relayed(relay) => {
                let heard = self.library.poll().await;
                // The library knows only that nobody is there any more.
                heard.map_err(|trouble| relay.trouble().unwrap_or(trouble))
            }
            Way::None(trouble) => Err(trouble.clone()),
        }
    }

    /// See [`Library::rest`].
    pub(super) fn rest(&mut self) -> Vec<Heard> {
        self.library.rest()
    }

    /// See [`Library::forgive_releases`].
    pub(super) fn forgive_releases(&mut self) {
        self.library.forgive_releases();
    }
}

impl Library {
    /// Waits for the next thing to happen.
    ///
    /// Whatever comes from the broker says that it lives. The library believes only the answer to its
    /// ping, which may stand behind all that a broker has held for us: some send far more than our
    /// receive maximum at once, and while we have no room for that we do not read.
    async fn poll(&mut self) -> Result<Heard, Trouble> {
        match self {
            Self::V4(wire) => match wire.poll().await {
                Ok(event) => {
                    if matches!(event, rumqttc::Event::Incoming(_)) {
                        wire.state.await_pingresp = false;
                    }
                    Ok(v4::heard(event, wire.mqtt_options.keep_alive()))
                }
                Err(error) => Err(v4::trouble(&error, wire.mqtt_options.max_packet_size())),
            },
            Self::V5(wire, wanted) => match wire.poll().await {
                Ok(event) => {
                    if matches!(event, rumqttc::v5::Event::Incoming(_)) {
                        wire.state.await_pingresp = false;
                    }
                    Ok(v5::heard(event, wire.options.keep_alive(), wanted))
                }
                Err(error) => Err(v5::trouble(&error)),
            },
        }
    }

    /// What had come before the connection ended and was not yet taken.
    fn rest(&mut self) -> Vec<Heard> {
        match self {
            Self::V4(wire) => {
                let keep_alive = wire.mqtt_options.keep_alive();
                wire.state.events.drain(..).map(|event| v4::heard(event, keep_alive)).collect()
            }
            Self::V5(wire, wanted) => {
                let keep_alive = wire.options.keep_alive();
                let events = wire.state.events.drain(..);
                events.map(|event| v5::heard(event, keep_alive, wanted)).collect()
            }
        }
    }

    /// Makes the library take the release of any message, as if it had come by this connection.
    ///
    /// After a reconnect a broker releases QoS 2 messages that we had received before. The library
    /// has forgotten them and would end the connection, again and again.
    fn forgive_releases(&mut self) {
        match self {
            Self::V4(wire) => v4::forgive_releases(wire),
            Self::V5(wire, _) => v5::forgive_releases(wire),
        }
    }
}

/// What we say. Never awaited by the one who polls: a full queue would wait for its own reader.
#[derive(Clone)]
pub(super) enum Client {
    V4(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

impl Client {
    /// Asks for all filters at once, so that one answer tells about all.
    pub(super) fn subscribe(&self, settings: &Settings) -> Result<(), NotSent> {
        match self {
            Self::V4(client) => v4::subscribe(client, settings),
            Self::V5(client) => v5::subscribe(client, settings),
        }
    }

    /// Says that a filter is wanted no more.
    pub(super) async fn unsubscribe(&self, filter: &str) -> Result<(), NotSent> {
        match self {
            Self::V4(client) => client.unsubscribe(filter).await.map_err(|_| NotSent),
            Self::V5(client) => client.unsubscribe(filter).await.map_err(|_| NotSent),
        }
    }

    /// Acknowledges a message.
    pub(super) async fn acknowledge(&self, ack: Ack) -> Result<(), NotSent> {
        match self {
            Self::V4(client) => client.ack(&v4::acknowledged(ack)).await.map_err(|_| NotSent),
            Self::V5(client) => client.ack(&v5::acknowledged(ack)).await.map_err(|_| NotSent),
        }
    }

    /// Publishes.
    pub(super) async fn publish(&self, publication: Publication) -> Result<(), NotSent> {
        match self {
            Self::V4(client) => v4::publish(client, publication).await,
            Self::V5(client) => v5::publish(client, publication).await,
        }
    }

    /// Says farewell, so that the broker does not publish our will.
    pub(super) async fn disconnect(&self) -> Result<(), NotSent> {
        match self {
            Self::V4(client) => client.disconnect().await.map_err(|_| NotSent),
            Self::V5(client) => client.disconnect().await.map_err(|_| NotSent),
        }
    }
}

/// The filters of a subscription as the broker gets them, with the QoS asked for: at most 1.
fn filters(settings: &Settings) -> impl Iterator<Item = (String, bool)> {
    let share = settings.share.as_deref();
    settings
        .subscriptions
        .iter()
        .map(move |(filter, qos)| (topics::filter(share, filter), *qos > 0))
}

fn transport(tls: Option<&Arc<ClientConfig>>) -> Transport {
    tls.map_or_else(Transport::tcp, |config| {
        Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(config)))
    })
}

/// The library joins host and port with a colon, which an IPv6 address needs brackets for.
fn host(connect: &Connect) -> String {
    let host = &connect.settings.host;
    if connect.tls.is_none() && host.contains(':') && !host.starts_with('[') {
        return format!("[{host}]");
    }
    host.clone()
}

fn keep_alive(settings: &Settings) -> Duration {
    settings.keep_alive.clamp(KEEP_ALIVE_MIN, KEEP_ALIVE_MAX)
}

/// Where our state stands, and what the broker puts there when we vanish.
pub(super) fn status_topic(settings: &Settings) -> Option<String> {
    settings.publish_prefix.as_ref().map(|prefix| topics::topic(prefix, "status"))
}

/// The words of `{prefix}/status`.
pub(super) const ONLINE: &str = "online";
/// See [`ONLINE`].
pub(super) const OFFLINE: &str = "offline";

pub(super) fn io_reason(error: &std::io::Error) -> String {
    // What TLS has against a certificate is inside.
    match error.get_ref() {
        Some(inner) => format!("cannot reach the broker: {inner}"),
        None => format!("cannot reach the broker: {error}"),
    }
}

/// Settings for the tests of this room.
#[cfg(test)]
pub(super) mod testing {
    use super::{Duration, Settings, Version, Wanted};

    pub(in crate::mqtt) fn settings() -> Settings {
        Settings {
            name: "plant".to_owned(),
            host: "broker".to_owned(),
            port: 1883,
            tls: None,
            websocket: None,
            version: Version::V5,
            client_id: "onspec".to_owned(),
            clean_start: false,
            session_expiry: Duration::from_secs(3600),
            credentials: None,
            keep_alive: Duration::from_secs(1),
            receive_maximum: 0,
            max_packet_size: 1 << 20,
            silent_after: Duration::ZERO,
            subscriptions: vec![("mill/#".to_owned(), 2), ("lab/#".to_owned(), 0)],
            share: None,
            publish_prefix: Some("onspec".to_owned()),
            sparkplug: None,
            properties: Wanted::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(version: Version, host: &str) -> Connect {
        let settings = Settings { version, host: host.to_owned(), ..testing::settings() };
        Connect { settings, credentials: None, tls: None }
    }

    #[test]
    fn a_release_from_before_is_taken_when_forgiven_and_ends_the_connection_else() {
        for forgiven in [false, true] {
            let (_, mut old) = open(&connect(Version::V4, "broker"), None);
            let (_, mut new) = open(&connect(Version::V5, "broker"), None);
            if forgiven {
                old.forgive_releases();
                new.forgive_releases();
            }
            assert_eq!((old.rest(), new.rest()), (Vec::new(), Vec::new()));
            let (Library::V4(old), Library::V5(new, _)) = (&mut old.library, &mut new.library)
            else {
                unreachable!("each is of its version");
            };
            for packet_id in [1, 300, u16::MAX] {
                let release = rumqttc::Packet::PubRel(rumqttc::PubRel::new(packet_id));
                assert_eq!(old.state.handle_incoming_packet(release).is_ok(), forgiven);
                let release = rumqttc::v5::mqttbytes::v5::PubRel::new(packet_id, None);
                let release = rumqttc::v5::mqttbytes::v5::Packet::PubRel(release);
                assert_eq!(new.state.handle_incoming_packet(release).is_ok(), forgiven);
            }
        }
    }

    #[test]
    fn settings_at_their_edges_do_not_make_the_library_panic() {
        let (_, wire) = open(&connect(Version::V5, "::1"), None);
        let Library::V5(wire, _) = wire.library else { unreachable!("it is of its version") };
        assert_eq!(wire.options.keep_alive(), KEEP_ALIVE_MIN);
        assert_eq!(wire.options.receive_maximum(), Some(1));
        assert_eq!(wire.options.topic_alias_max(), None);
        assert!(!wire.options.clean_start());
        assert_eq!(wire.options.broker_address(), ("[::1]".to_owned(), 1883));
    }

    #[test]
    fn no_more_than_qos_1_is_asked_for() {
        let connect = connect(Version::V5, "broker");
        let filters: Vec<_> = filters(&connect.settings).collect();
        assert_eq!(filters, [("mill/#".to_owned(), true), ("lab/#".to_owned(), false)]);
    }

    #[tokio::test]
    async fn without_a_way_nobody_is_spoken_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports");
        listener.set_nonblocking(true).expect("it can be asked without waiting");
        let mut connect = connect(Version::V5, "127.0.0.1");
        connect.settings.port = listener.local_addr().expect("it is bound").port();
        let (_client, mut wire) = open(&connect, None);
        wire.way = Way::None(Trouble::remote("no way"));
        let polled = wire.poll().await;
        assert_eq!(polled.map_err(|trouble| trouble.reason), Err("no way".to_owned()));
        let came = listener.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(came, Err(std::io::ErrorKind::WouldBlock));
    }
}
