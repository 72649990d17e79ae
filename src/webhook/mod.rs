//! Webhooks: what is said (pure) and the sender that says it until it is heard (shell).
//!
//! When an event is committed, [`wants`] says which receivers get it and [`standard`] what they
//! get; the store keeps that in an outbox for each receiver ([`outbox_name`], the event's id as the
//! key). [`run`] empties one outbox into one receiver, one event at a time and in order, so that a
//! dead receiver delays nobody else and an alarm is never told backwards.
//!
//! Nothing here decides what is worth an event, gives up on one that may still get through, or
//! shows an address: it may hold the receiver's key.

mod answer;
mod payloads;
mod redact;
mod sender;
mod signature;

pub use answer::Answer;
pub use payloads::{standard, wants};
pub use sender::{Envelope, Post, Sender, SenderError, address, client, run, serve};
pub use signature::{KeyError, SigningKey};

use crate::alarm::Severity;
use crate::telemetry::SecretSource;
use std::time::Duration;

/// The name of a receiver's outbox, and of the receiver in health: `webhook/<name>`.
#[must_use]
pub fn outbox_name(receiver: &str) -> String {
    format!("webhook/{receiver}")
}

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
