//! Alertmanager: `POST /api/v2/alerts`.
//!
//! It forgets what is not told again, so what stands is: every minute, each time with an end of four minutes from then on.
//! What stands is known from what was delivered, and after a start from the book of alarms. Its labels name an alert and
//! hold nothing that changes while it stands but the severity, by which people route: when that changes, the alert of the
//! old one ends. What only happened (a batch that ended off spec, a model that drifted) stands for five minutes.

use super::super::answer::Answer;
use super::text::{cut, line, utf16};
use super::told::{Does, Told};
use super::words::{acknowledge, details};
use super::{Judged, Rendered, Request, Service, TOGETHER};
use crate::alarm::{EventKind, Severity};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::words::Locale;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often what stands is told again.
const REPEAT: Duration = Duration::from_secs(60);
/// For how long it stands if it is not told again: two repeats may be lost.
const STANDS: Duration = Duration::from_secs(240);
/// For how long something that only happened is shown.
const SHOWN: Duration = Duration::from_secs(300);
/// The most characters of a label or annotation.
const TEXT_MAX: usize = 2000;

type Labels = BTreeMap<&'static str, String>;

/// An alert that stands.
#[derive(Debug, Clone, PartialEq)]
struct Alert {
    labels: Labels,
    annotations: Map<String, Value>,
    started: Timestamp,
    url: Option<String>,
}

/// What one request says of one set of labels.
struct Said {
    alert: Alert,
    ends: Timestamp,
}

#[derive(Debug)]
pub(super) struct Alertmanager {
    locale: Locale,
    /// The least severity of what becomes an alert.
    least: Severity,
    /// What stands, by alarm, as far as it was delivered.
    standing: BTreeMap<String, Alert>,
}

impl Alertmanager {
    /// A service that knows what stands, from events in the `standard` form.
    pub(super) fn new(locale: Locale, least: Severity, standing: &[String]) -> Self {
        let mut service = Self { locale, least, standing: BTreeMap::new() };
        for body in standing {
            let body = body.clone().into_bytes();
            let item = Item { id: 0, key: String::new(), count: 1, body };
            let told = Told::read(&item, service.locale.language);
            service.take(&told, Timestamp::MAX, &mut BTreeMap::new());
        }
        service
    }

    /// Follows an event: what it changes of what stands, and what there is to say.
    fn take(&mut self, told: &Told, now: Timestamp, said: &mut BTreeMap<Labels, Said>) {
        if told.kind == Some(EventKind::AlarmAcknowledged) {
            // It knows of silences only, and those are people's own.
            return;
        }
        let severe = told.data.severity >= self.least;
        let mut say = |alert: &Alert, ends: Timestamp| {
            said.insert(alert.labels.clone(), Said { alert: alert.clone(), ends });
        };
        let key = &told.data.alarm;
        match told.does() {
            Does::Begins if severe => {
                let mut alert = self.alert(told, now, false);
                if let Some(before) = self.standing.get(key) {
                    if before.labels == alert.labels {
                        alert.started = before.started;
                    } else {
                        say(before, now);
                    }
                }
                say(&alert, now.plus(STANDS));
                self.standing.insert(key.clone(), alert);
            }
            Does::Ends => {
                if let Some(before) = self.standing.remove(key) {
                    say(&before, now);
                }
                let flagged = told.kind == Some(EventKind::BatchFinished)
                    && told.data.severity > Severity::Info;
                if flagged && severe {
                    say(&self.alert(told, now, true), now.plus(SHOWN));
                }
            }
            Does::Happens if severe => say(&self.alert(told, now, true), now.plus(SHOWN)),
            Does::Begins | Does::Happens => {}
        }
    }

    fn alert(&self, told: &Told, now: Timestamp, happened: bool) -> Alert {
        let data = &told.data;
        let text = |text: &str| cut(&line(text), TEXT_MAX, utf16);
        let class = told.class();
        let mut labels = Labels::from([("alertname", format!("onspec_{class}"))]);
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        for (name, value) in [
            ("site", data.site.clone()),
            ("line", data.line.clone()),
            ("alarm", data.alarm.clone()),
            ("batch", given(&data.batch)),
            ("tag", given(&data.tag)),
            ("component", given(&data.component)),
            ("severity", data.severity.as_str().to_owned()),
            // Of what does not stand: the same alarm may stand beside it.
            ("event", if happened { told.kind_name.clone() } else { String::new() }),
        ] {
            let value = text(&value);
            if !value.is_empty() {
                labels.insert(name, value);
            }
        }
        let mut annotations = Map::new();
        annotations.insert("summary".into(), text(&data.title).into());
        annotations.insert("description".into(), text(&data.text).into());
        for fact in details(told, &self.locale) {
            annotations.insert(fact.key.into(), fact.value.into());
        }
        if let Some(url) = acknowledge(told) {
            annotations.insert("acknowledge_url".into(), url.into());
        }
        annotations.retain(|_, value| value != "");
        // A plant's clock may be ahead of the machine's, and no alert begins after its end.
        let started = told.at.unwrap_or(now).min(now);
        Alert { labels, annotations, started, url: data.url.clone() }
    }
}

impl Service for Alertmanager {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn repeats(&self) -> Option<Duration> {
        Some(REPEAT)
    }

    fn render(&self, events: &[Item], now: Timestamp) -> Rendered {
        let mut next =
            Self { locale: self.locale.clone(), standing: self.standing.clone(), ..*self };
        let mut said = BTreeMap::new();
        for event in events {
            next.take(&Told::read(event, self.locale.language), now, &mut said);
        }
        Ok(request(said.into_values(), now))
    }

    fn delivered(&mut self, events: &[Item], now: Timestamp) {
        for event in events {
            self.take(&Told::read(event, self.locale.language), now, &mut BTreeMap::new());
        }
    }

    fn repeat(&self, now: Timestamp) -> Option<Request> {
        let stands = |alert: &Alert| Said { alert: alert.clone(), ends: now.plus(STANDS) };
        request(self.standing.values().map(stands), now)
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        match answer.status {
            401 | 403 => {
                Judged::wants_correction("somebody in front of Alertmanager wants a login")
            }
            404 | 405 => Judged::wants_correction(
                "this is no address of Alertmanager: want `http://host:9093/api/v2/alerts`",
            ),
            _ => Judged::by_status(answer, now),
        }
    }
}

fn request(said: impl Iterator<Item = Said>, now: Timestamp) -> Option<Request> {
    let alerts: Vec<Value> = said
        .map(|Said { alert, ends }| {
            let started = alert.started.min(now);
            let mut shown = json!({
                "labels": alert.labels,
                "annotations": alert.annotations,
                "startsAt": started.to_rfc3339(),
                "endsAt": ends.max(started).to_rfc3339(),
            });
            if let Some(url) = alert.url {
                shown["generatorURL"] = url.into();
            }
            shown
        })
        .collect();
    (!alerts.is_empty()).then(|| Request::json(&Value::Array(alerts)))
}

#[cfg(test)]
mod tests;
