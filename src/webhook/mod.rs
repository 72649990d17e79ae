//! Webhooks: what is said (pure) and the sender that says it until it is heard (shell).
//!
//! When an event is committed, [`wants`] says which receivers get it and [`standard`] what they
//! get; the store keeps that in an outbox for each receiver ([`outbox_name`], the event's id as the
//! key). [`run`] empties one outbox into one receiver, in order, so that a dead receiver delays nobody
//! else and an alarm is never told backwards. What a service other than `standard` understands is made
//! of that at each attempt (`format`): to a chat all that waits in one message, elsewhere one event at
//! a time.
//!
//! Nothing here decides what is worth an event, gives up on one that may still get through, or
//! shows an address: it may hold the receiver's key.

mod answer;
mod format;
mod payloads;
mod reach;
mod redact;
mod route;
mod sample;
mod sender;
mod signature;
mod trial;

pub use answer::Answer;
pub use format::{TemplateError, check_secret, check_template};
pub use payloads::{Links, standard, standing, wants};
pub use route::{Route, Shift};
pub use sender::{Envelope, Post, Sender, SenderError, address, client, run, serve};
pub use signature::{KeyError, SigningKey};
pub use trial::{Trial, try_out};

use crate::alarm::Severity;
use crate::telemetry::{Secret, SecretSource};
use crate::words::Locale;
use std::path::PathBuf;
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
    /// The template, of the format of that name.
    pub template: Option<Template>,
    /// What the format wants of a secret ([`Format::wants_secret`]).
    pub secret: Option<SecretSource>,
    /// Who reads it.
    pub audience: Audience,
    /// The least severity it gets.
    pub severity: Severity,
    /// The lines it hears of; empty means all.
    pub lines: Vec<String>,
    /// Which of their events.
    pub route: Route,
    /// True if its name may lead anywhere, also to addresses that are not of the internet.
    pub private: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// Who reads what a receiver is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Audience {
    /// The language, and the site's time zone.
    pub locale: Locale,
    /// True if that is another language than the site's, in which events come.
    pub translate: bool,
}

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Standard Webhooks.
    #[default]
    Standard,
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of Workflows in Microsoft Teams.
    Teams,
    /// A robot of a group in DingTalk.
    DingTalk,
    /// A custom bot of Feishu or Lark.
    Feishu,
    /// A robot of a group in WeCom.
    WeCom,
    /// The Events API v2 of PagerDuty.
    PagerDuty,
    /// The API v2 of Alertmanager.
    Alertmanager,
    /// A template of the user's own.
    Template,
}

/// A template of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Where its text is.
    pub source: TemplateSource,
    /// The type of what it writes.
    pub content_type: String,
}

/// Where the text of a template is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateSource {
    /// Here.
    Text(String),
    /// In a file, which is read at a start: before a sender is made, so that it is `Text` there.
    File(PathBuf),
}

/// What a format wants of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantsSecret {
    /// A key that signs, and may be left out.
    Signs,
    /// One without which nothing is taken.
    Needed,
    /// None: the address has it in it.
    No,
}

impl Format {
    /// What the format wants of a secret: a `whsec_` key for `standard` and `template`, the signing secret of the robot for `dingtalk`
    /// and `feishu`, the routing key for `pagerduty`.
    #[must_use]
    pub fn wants_secret(self) -> WantsSecret {
        match self {
            Self::Standard | Self::DingTalk | Self::Feishu | Self::Template => WantsSecret::Signs,
            Self::PagerDuty => WantsSecret::Needed,
            Self::Slack | Self::Teams | Self::WeCom | Self::Alertmanager => WantsSecret::No,
        }
    }

    /// The address of a service that has one for all.
    #[must_use]
    pub fn address(self) -> Option<SecretSource> {
        match self {
            Self::PagerDuty => Some(SecretSource::Given(Secret::new(format::ENDPOINT))),
            _ => None,
        }
    }

    /// True if the service keeps what stands by itself, so that it has to hear the end of all it may have heard begin.
    fn keeps_alarms(self) -> bool {
        matches!(self, Self::PagerDuty | Self::Alertmanager)
    }

    /// True if the service wants to know that a person has acknowledged an alarm that it keeps.
    fn takes_acknowledgements(self) -> bool {
        self == Self::PagerDuty
    }

    /// True if the service forgets what it is not told again.
    fn hears_again(self) -> bool {
        self == Self::Alertmanager
    }
}
