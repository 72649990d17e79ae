//! What each service understands: pure, one file a service.
//!
//! The outbox keeps every event in the `standard` form, whatever its receiver understands; the sender asks here, at each
//! attempt, for the request to make and for what an answer means. So a receiver's format may change with a restart,
//! and what waited for it is told all the same.

mod alertmanager;
mod dingtalk;
mod feishu;
mod pagerduty;
mod rate;
mod slack;
mod standard;
mod teams;
mod template;
mod text;
mod told;
mod wecom;
mod words;

pub(super) use pagerduty::ENDPOINT;
pub(super) use rate::Rates;
pub use template::{TemplateError, check_template};
pub(super) use told::ends;

use super::answer::{Answer, Outcome};
use super::signature::SigningKey;
use super::{Format, Settings, TemplateSource};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::telemetry::Secret;
use serde_json::Value;
use std::fmt::Debug;
use std::time::Duration;

/// The type of nearly all bodies.
const JSON: &str = "application/json";
/// The most events that are taken into one message.
const TOGETHER: usize = 100;
/// The wait before a receiver is asked again that takes nothing until somebody corrects something.
const CORRECTED: Duration = Duration::from_secs(300);

/// One request to a service, without its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// What is added to the query of the address.
    pub(super) query: Vec<(&'static str, String)>,
    /// The headers beside `content-type`.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The type of the body.
    pub(super) content_type: String,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Request {
    fn json(body: &Value) -> Self {
        let content_type = JSON.to_owned();
        Self { query: vec![], headers: vec![], content_type, body: body.to_string().into_bytes() }
    }
}

/// What an answer means to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// What follows.
    pub(super) outcome: Outcome,
    /// What to correct, if that is known.
    pub(super) hint: Option<&'static str>,
}

impl Judged {
    /// By the status alone.
    fn by_status(answer: &Answer, now: Timestamp) -> Self {
        Self { outcome: answer.outcome(now), hint: None }
    }

    /// Nothing is taken until somebody corrects something: all that waits is kept.
    fn wants_correction(hint: &'static str) -> Self {
        Self { outcome: Outcome::Again(CORRECTED), hint: Some(hint) }
    }

    /// The same again, not before that.
    fn again(after: Duration) -> Self {
        Self { outcome: Outcome::Again(after), hint: None }
    }

    /// This will never be taken.
    fn refused() -> Self {
        Self { outcome: Outcome::Refused, hint: None }
    }
}

/// So many requests in that time are taken.
pub(super) type Rate = (usize, Duration);

/// The request that tells events; `None` where there is nothing to tell this service; or why it cannot be made of them, ever.
pub(super) type Rendered = Result<Option<Request>, String>;

/// A service that takes events.
pub(super) trait Service: Debug + Send + Sync {
    /// How many events one message takes.
    fn together(&self) -> usize {
        1
    }

    /// What it takes in which time; all of these hold.
    fn rates(&self) -> &'static [Rate] {
        &[]
    }

    /// The request that tells these events, one at least, in their order.
    fn render(&self, events: &[Item], now: Timestamp) -> Rendered;

    /// These were taken.
    fn delivered(&mut self, _events: &[Item], _now: Timestamp) {}

    /// How often [`Self::repeat`] is asked for, if ever.
    fn repeats(&self) -> Option<Duration> {
        None
    }

    /// The request that tells again what stands; `None` where nothing does.
    fn repeat(&self, _now: Timestamp) -> Option<Request> {
        None
    }

    /// What an answer means.
    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        Judged::by_status(answer, now)
    }
}

/// The service of a receiver, with its secret as read from its source, and what stands of all that it was told.
///
/// # Errors
/// When the secret is none, in words that do not show it.
pub(super) fn service(
    settings: &Settings,
    secret: Option<&Secret>,
    standing: &[String],
) -> Result<Box<dyn Service>, String> {
    check_secret(settings.format, secret)?;
    let locale = settings.audience.locale.clone();
    let key = |secret: Option<&Secret>| secret.map(|secret| secret.expose().trim().to_owned());
    Ok(match settings.format {
        Format::Standard => Box::new(standard::Standard { key: signing_key(secret)? }),
        Format::Slack => Box::new(slack::Slack { locale }),
        Format::Teams => Box::new(teams::Teams { locale }),
        Format::DingTalk => Box::new(dingtalk::DingTalk { locale, secret: secret.cloned() }),
        Format::Feishu => Box::new(feishu::Feishu { locale, secret: secret.cloned() }),
        Format::WeCom => Box::new(wecom::WeCom { locale }),
        Format::PagerDuty => Box::new(pagerduty::PagerDuty {
            locale,
            routing_key: Secret::new(key(secret).unwrap_or_default()),
            least: settings.severity,
        }),
        Format::Template => {
            let Some(template) = &settings.template else {
                return Err("it has no template".into());
            };
            let TemplateSource::Text(source) = &template.source else {
                return Err("its template was not read".into());
            };
            let content_type = template.content_type.clone();
            let (source, key) = (source.clone(), signing_key(secret)?);
            Box::new(template::Template { source, content_type, locale, key })
        }
        Format::Alertmanager => {
            Box::new(alertmanager::Alertmanager::new(locale, settings.severity, standing))
        }
    })
}

fn signing_key(secret: Option<&Secret>) -> Result<Option<SigningKey>, String> {
    secret.map(SigningKey::parse).transpose().map_err(|error| error.to_string())
}

/// Looks whether a secret is one for this format.
///
/// # Errors
/// What is wrong with it, in words that do not show it.
pub fn check_secret(format: Format, secret: Option<&Secret>) -> Result<(), String> {
    match format {
        Format::Standard | Format::Template => signing_key(secret).map(drop),
        Format::PagerDuty => match secret.map(|secret| secret.expose().trim()) {
            Some(key) if key.len() == 32 && key.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Ok(())
            }
            Some(_) => Err("the routing key is none, want the 32 letters and digits of an \
                            integration of the type Events API v2"
                .into()),
            None => Err("it has no routing key".into()),
        },
        Format::DingTalk | Format::Feishu
            if secret.is_some_and(|s| s.expose().trim().is_empty()) =>
        {
            Err("the signing secret is empty".into())
        }
        Format::DingTalk
        | Format::Feishu
        | Format::Slack
        | Format::Teams
        | Format::WeCom
        | Format::Alertmanager => Ok(()),
    }
}

/// The number under this name in the JSON of an answer.
fn number(answer: &Answer, name: &str) -> Option<i64> {
    serde_json::from_str::<Value>(&answer.text).ok()?.get(name)?.as_i64()
}

#[cfg(test)]
mod tests;
