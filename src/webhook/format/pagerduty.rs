//! PagerDuty: Events API v2. One event a request, in the order of its alarm.
//!
//! | event | action |
//! | --- | --- |
//! | an alarm begins to stand, or gets worse | `trigger` |
//! | it stands no more | `resolve` |
//! | a batch ends with a flag, or is found off spec | `trigger`: somebody has to decide |
//! | a person decided, or it is found to be well | `resolve` |
//! | a model drifted, or could not be had | `trigger`; a model that judges: `resolve` |
//! | somebody acknowledges the alarm | `acknowledge` |
//! | any other | `trigger`, if it is severe enough for this receiver; else nothing |
//!
//! An incident is one occurrence of an alarm, but of a batch it is the batch: its end and what the laboratory finds come
//! under the number of the last occurrence of the line's alarm, which may have been about another batch.

use super::super::answer::Answer;
use super::text::{cut, line, utf16};
use super::told::{Does, Told};
use super::words::{acknowledge, acknowledge_text, details, link, link_text};
use super::{Judged, Rendered, Request, Service};
use crate::alarm::{EventKind, Severity};
use crate::reading::{Timestamp, hex};
use crate::store::Item;
use crate::telemetry::Secret;
use crate::words::Locale;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The most characters of a summary, and of the key of an incident.
const SUMMARY_MAX: usize = 1024;
const KEY_MAX: usize = 255;
/// The most characters of any other text, so that no event comes near the 512 KB that are taken.
const TEXT_MAX: usize = 8000;

/// Where events go when nobody says.
pub(in crate::webhook) const ENDPOINT: &str = "https://events.pagerduty.com/v2/enqueue";

#[derive(Debug)]
pub(super) struct PagerDuty {
    pub(super) locale: Locale,
    pub(super) routing_key: Secret,
    /// The least severity of what opens an incident.
    pub(super) least: Severity,
}

impl Service for PagerDuty {
    fn render(&self, events: &[Item], _now: Timestamp) -> Rendered {
        let Some(event) = events.first() else { return Ok(None) };
        let told = Told::read(event, self.locale.language);
        let Some(action) = self.action(&told) else { return Ok(None) };
        let mut body = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action,
            "dedup_key": incident(&told),
        });
        if action == "trigger" {
            body["payload"] = self.payload(&told);
            body["client"] = "onspec".into();
            let (page, permit) = (link(&told), acknowledge(&told));
            if let Some(url) = page {
                body["client_url"] = url.into();
            }
            let language = self.locale.language;
            let links = [
                page.map(|url| (link_text(language), url)),
                permit.map(|url| (acknowledge_text(language), url)),
            ];
            let links = links.into_iter().flatten();
            let links: Vec<Value> =
                links.map(|(text, url)| json!({ "href": url, "text": text })).collect();
            if !links.is_empty() {
                body["links"] = links.into();
            }
        }
        Ok(Some(Request::json(&body)))
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        match answer.status {
            400 if answer.text.to_lowercase().replace('_', " ").contains("routing key") => {
                Judged::wants_correction(
                    "PagerDuty does not know the routing key: correct `secret`",
                )
            }
            // So the service says that there were too many.
            403 => Judged::again(Duration::from_secs(60)),
            401 | 404 => Judged::wants_correction("this is no address of the Events API v2"),
            _ => Judged::by_status(answer, now),
        }
    }
}

impl PagerDuty {
    fn action(&self, told: &Told) -> Option<&'static str> {
        let severe = told.data.severity >= self.least;
        match (told.kind, told.does()) {
            (Some(EventKind::BatchFinished | EventKind::BatchRevised), _) => {
                let open = told.data.severity > Severity::Info && severe && !told.is_decided();
                Some(if open { "trigger" } else { "resolve" })
            }
            (Some(EventKind::ModelPromoted), _) | (_, Does::Ends) => Some("resolve"),
            (Some(EventKind::AlarmAcknowledged), _) => Some("acknowledge"),
            (_, Does::Begins | Does::Happens) => severe.then_some("trigger"),
        }
    }

    fn payload(&self, told: &Told) -> Value {
        let data = &told.data;
        let text = |text: &str| cut(&line(text), TEXT_MAX, utf16);
        let mut custom = serde_json::Map::new();
        for fact in details(told, &self.locale) {
            custom.insert(fact.key.into(), fact.value.into());
        }
        custom.insert("text".into(), text(&data.text).into());
        custom.insert("event".into(), text(&data.id).into());
        let site = if data.site.trim().is_empty() { "onspec" } else { &data.site };
        let mut payload = json!({
            "summary": cut(&line(&data.title), SUMMARY_MAX, utf16),
            "source": text(site),
            "severity": data.severity.as_str(),
            "component": text(if told.about().is_empty() { &data.line } else { told.about() }),
            "group": text(&data.line),
            "class": text(&told.kind_name),
            "custom_details": custom,
        });
        if let Some(at) = told.at {
            payload["timestamp"] = at.to_rfc3339().into();
        }
        payload
    }
}

/// The key of the incident that an event belongs to.
fn incident(told: &Told) -> String {
    let data = &told.data;
    let which = match (&data.batch, told.kind) {
        (Some(batch), _) => batch.clone(),
        _ => data.occurrence.to_string(),
    };
    let key = line(&format!("onspec/{}/{}/{which}", data.site, data.alarm));
    if key.encode_utf16().count() <= KEY_MAX {
        return key;
    }
    let digest = hex(&Sha256::digest(key.as_bytes())[..16]);
    format!("{}/{digest}", cut(&key, KEY_MAX - 1 - digest.len(), utf16))
}
