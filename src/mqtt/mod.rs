//! rumqttc: subscribe, hand on, acknowledge after the commit, publish.

use crate::telemetry::SecretSource;
use std::path::PathBuf;
use std::time::Duration;

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
    /// The protocol's version.
    pub version: Version,
    /// The client id: fixed, so that the broker keeps the session.
    pub client_id: String,
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
    /// A link that is up but brings nothing for this long is reported.
    pub silent_after: Duration,
    /// What to subscribe to: topic filter and QoS (0, 1 or 2).
    pub subscriptions: Vec<(String, u8)>,
    /// A shared-subscription group.
    pub share: Option<String>,
    /// The prefix of what we publish, if this broker takes it.
    pub publish_prefix: Option<String>,
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
