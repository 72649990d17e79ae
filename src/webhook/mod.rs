//! Webhooks: what is said (pure) and the sender that says it until it is heard (shell).

use crate::alarm::Severity;
use crate::telemetry::SecretSource;
use std::time::Duration;

/// One receiver, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Its name in logs, metrics and health.
    pub name: String,
    /// Its address; a secret, since chat services put the key into it.
    pub url: SecretSource,
    /// What it understands.
    pub format: Format,
    /// The key that signs (`whsec_…`), for the `standard` format.
    pub secret: Option<SecretSource>,
    /// The least severity it gets.
    pub severity: Severity,
    /// The lines it hears of; empty means all.
    pub lines: Vec<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Standard Webhooks.
    #[default]
    Standard,
}
