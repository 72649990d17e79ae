//! A receiver is tried with an event that never happened.

use super::format::service;
use super::sample::sample;
use super::sender::{Envelope, Post, Receiver};
use super::{Audience, Settings, answer::Outcome, standard};
use crate::alarm::{EventKind, Severity};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::telemetry::Secret;
use reqwest::Client;
use tokio::time::timeout;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// True if the receiver took it.
    pub delivered: bool,
    /// What it said, or why it said nothing, without its address and secret.
    pub words: String,
}

/// Sends a sample event to a receiver, once, whatever its severity and lines are. To one that keeps what stands, also the
/// end of it. Nothing is kept, and nothing that waits is touched.
///
/// `secret` and the text of a template are as read from their sources, `now` is the machine's time.
pub async fn try_out(
    settings: &Settings,
    (url, secret): (&Secret, Option<&Secret>),
    client: Client,
    (site, base_url): (&str, Option<&str>),
    now: Timestamp,
) -> Trial {
    let failed = |words: String| Trial { delivered: false, words };
    // It is to be told, whatever it wants to hear otherwise.
    let settings = Settings { severity: Severity::Info, ..settings.clone() };
    let receiver = match Receiver::new(&settings, (url, secret), client) {
        Ok(receiver) => receiver,
        Err(why) => return failed(why.to_owned()),
    };
    let mut service = match service(&settings, secret, &[]) {
        Ok(service) => service,
        Err(why) => return failed(why),
    };
    let kinds: &[EventKind] = if settings.format.keeps_alarms() {
        &[EventKind::BatchAtRisk, EventKind::BatchCleared]
    } else {
        &[EventKind::BatchAtRisk]
    };
    let mut words = String::new();
    for kind in kinds {
        let event = sample(*kind, site, now, &settings.audience.locale);
        // It is in the language of its reader as it is.
        let audience = Audience { translate: false, ..settings.audience.clone() };
        let (id, body) = (event.id.to_string(), standard(&event, base_url, &audience).into_bytes());
        let items = [Item { id: 0, key: id.clone(), count: 1, body }];
        let request = match service.render(&items, now) {
            Ok(Some(request)) => request,
            Ok(None) => continue,
            Err(why) => return failed(why),
        };
        let answer = match timeout(settings.timeout, receiver.post(Envelope::of(id, request))).await
        {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => return failed(why),
            Err(_) => return failed(format!("no answer within {:?}", settings.timeout)),
        };
        let judged = service.judge(&answer, now);
        words = answer.words();
        if judged.outcome != Outcome::Delivered {
            let hint = judged.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            return failed(format!("{words}{hint}"));
        }
        service.delivered(&items, now);
    }
    Trial { delivered: true, words }
}
