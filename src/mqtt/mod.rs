//! rumqttc: subscribe, hand on, acknowledge after the commit, publish.
//!
//! One [`Link`] is one broker. [`run`] keeps it connected: it hands each message to the core as a
//! [`Delivery`], acknowledges it when the core releases its [`Receipt`], and publishes what the
//! store's outbox holds. It never decodes a payload, never judges, and never acknowledges what the
//! core has not released. Remote trouble never ends it.
//!
//! One connection is one value (`connection`): library state, receipts and publications in flight
//! are made new with each and thrown away with it. So an acknowledgement cannot reach another
//! connection than the one its message came by, where its packet id may mean another message; and
//! what was published and not acknowledged is read from the outbox again. The broker keeps the
//! session, which is all that has to last.
//!
//! A subscription never asks for more than QoS 1: with QoS 2 the library ends the connection when a
//! release comes again after a reconnect, and the store makes repeats harmless anyway. What was
//! published with QoS 2 then arrives with QoS 1, and what a session still holds with QoS 2 is taken.
//!
//! - `link`: connect, serve, classify, back off
//! - `connection`: one connection from its begin to its end
//! - `wire`: both versions of the protocol behind one face
//! - `receipts`: what was received and not acknowledged, in order
//! - `publisher`, `flight`: what we say, and what of it is under way
//! - `host`: what a host application of Sparkplug B says, on a link of its own
//! - `report`: each event's log line, counter, health and [`LinkEvent`] in one function
//! - `backlog`, `backoff`, `topics`, `trouble`: decisions without I/O
//! - `outdated`: subscriptions that a session has from an older configuration
//! - `websocket`, `relay`: the way to a broker behind a WebSocket
//! - `tls`: certificates

mod backlog;
mod backoff;
mod connection;
mod flight;
mod host;
mod link;
mod outdated;
mod publisher;
mod receipts;
mod relay;
mod report;
mod tls;
mod topics;
mod trouble;
mod websocket;
mod wire;

use backoff::Pace;

pub use host::Ask;
pub use link::{Link, LinkError, run, tls, usable};
pub use receipts::{Delivery, Receipt};
pub use relay::Relay;
pub use report::LinkEvent;
pub use tls::TlsError;
pub use topics::filters;

use crate::decode::Wanted;
use crate::telemetry::SecretSource;
use std::path::PathBuf;
use std::time::Duration;

/// The name of a broker's link in the register of health.
#[must_use]
pub fn component(broker: &str) -> String {
    format!("mqtt/{broker}")
}

/// One broker, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Its name in logs, metrics and health.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, if asked for.
    pub tls: Option<TlsSettings>,
    /// The path of its WebSocket, if it is reached by one; begins with `/`.
    pub websocket: Option<String>,
    /// The protocol's version.
    pub version: Version,
    /// The client id: fixed, so that the broker keeps the session.
    pub client_id: String,
    /// True for who only listens for a while: the broker keeps nothing for it.
    pub clean_start: bool,
    /// How long the broker keeps the session while we are away (MQTT 5).
    pub session_expiry: Duration,
    /// User name and password.
    pub credentials: Option<(String, Option<SecretSource>)>,
    /// The interval of pings, at least 5 s.
    pub keep_alive: Duration,
    /// How many messages may be unacknowledged.
    pub receive_maximum: u16,
    /// The largest packet we take, in bytes.
    pub max_packet_size: u32,
    /// A link that is up but brings nothing for this long is reported; zero: never.
    pub silent_after: Duration,
    /// What to subscribe to: topic filter and QoS (0, 1 or 2).
    pub subscriptions: Vec<(String, u8)>,
    /// A shared-subscription group.
    pub share: Option<String>,
    /// The prefix of what we publish, if this broker takes it.
    pub publish_prefix: Option<String>,
    /// The link is that of a host application of Sparkplug B: what edge nodes say is heard in a session
    /// of its own, that the broker keeps for nobody.
    pub sparkplug: Option<SparkplugHost>,
    /// Which properties of its messages are kept (MQTT 5).
    pub properties: Wanted,
}

impl Settings {
    /// The name of the link in the register of health.
    #[must_use]
    pub fn component(&self) -> String {
        let of_broker = component(&self.name);
        if self.sparkplug.is_some() { format!("{of_broker}/sparkplug") } else { of_broker }
    }
}

/// What a host application of Sparkplug B is to edge nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparkplugHost {
    /// Its id, if it is the primary host, for which nodes may wait.
    pub primary: Option<String>,
}

/// The protocol's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// MQTT 3.1.1.
    V4,
    /// MQTT 5.
    #[default]
    V5,
}

/// TLS to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// Certificates to trust; without it the system's.
    pub ca: Option<PathBuf>,
    /// Our certificate and key, if the broker wants them.
    pub identity: Option<(PathBuf, PathBuf)>,
}
