//! The states of all alarms of the plant.

use super::event::{EventKind, Notification, Severity, Subject, event_id};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a piece of news does to its alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sets {
    /// The alarm stands.
    Raise,
    /// It does not stand.
    Clear,
    /// It stands, or not, as before.
    Keep,
    /// It happened and is over: an occurrence of its own, and nothing stands.
    Passed,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The type of event.
    pub kind: EventKind,
    /// Event time.
    pub at: Timestamp,
    /// The line; empty for the daemon's own.
    pub line: Arc<str>,
    /// The alarm, e.g. `tm3/batch`.
    pub alarm: Arc<str>,
    /// What it does to the alarm.
    pub sets: Sets,
    /// How much it matters.
    pub severity: Severity,
    /// The revision of what it is about.
    pub revision: u32,
    /// One line for a person.
    pub title: String,
    /// A few sentences for a person.
    pub text: String,
    /// What it is about.
    pub subject: Subject,
}

/// A change of an alarm, for the time series.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRecord {
    /// The line; `system` for alarms of the daemon.
    pub line: Arc<str>,
    /// The alarm, e.g. `tm3/batch`.
    pub alarm: Arc<str>,
    /// The change; of changes of one alarm at one instant the later ones are 1 ns apart.
    pub at: Timestamp,
    /// `active` or `normal`.
    pub state: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// What it says.
    pub message: Arc<str>,
    /// The id of the event that tells it.
    pub id: Arc<str>,
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Since when.
    pub since: Timestamp,
    /// Its severity.
    pub severity: Severity,
    /// What it says.
    pub title: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct State {
    standing: Option<Standing>,
    occurrence: u32,
    recorded: Option<Timestamp>,
}

/// All alarms of the plant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Book {
    site: Arc<str>,
    alarms: BTreeMap<Arc<str>, State>,
}

impl Book {
    /// An empty book of a site.
    #[must_use]
    pub fn new(site: Arc<str>) -> Self {
        Self { site, alarms: BTreeMap::new() }
    }

    /// The book of the same plant under the name of this site.
    #[must_use]
    pub fn of(self, site: Arc<str>) -> Self {
        Self { site, ..self }
    }

    /// The alarms that stand, by name.
    pub fn standing(&self) -> impl Iterator<Item = (&Arc<str>, &Standing)> {
        self.alarms.iter().filter_map(|(alarm, state)| Some((alarm, state.standing.as_ref()?)))
    }

    /// True if the alarm stands.
    #[must_use]
    pub fn stands(&self, alarm: &str) -> bool {
        self.alarms.get(alarm).is_some_and(|state| state.standing.is_some())
    }

    /// An alarm that stands says this from now on; nobody is told.
    pub fn amend(&mut self, news: &News) {
        let state = self.alarms.get_mut(&news.alarm);
        if let Some(standing) = state.and_then(|state| state.standing.as_mut())
            && *standing.title != *news.title
        {
            standing.title = news.title.as_str().into();
        }
    }

    /// Takes a piece of news: the event to tell, and the record if the alarm changed.
    pub fn tell(&mut self, news: News) -> (Notification, Option<AlarmRecord>) {
        let state = self.alarms.entry(Arc::clone(&news.alarm)).or_default();
        let title: Arc<str> = news.title.into();
        let before = state.standing.as_ref().map(|standing| standing.severity);
        let changed = match (news.sets, before) {
            (Sets::Raise, None) | (Sets::Passed, _) => {
                state.occurrence += 1;
                true
            }
            (Sets::Raise, Some(severity)) => severity != news.severity,
            (Sets::Clear, before) => before.is_some(),
            (Sets::Keep, _) => false,
        };
        match news.sets {
            Sets::Raise => {
                let since = state.standing.as_ref().map_or(news.at, |standing| standing.since);
                let severity = news.severity;
                state.standing = Some(Standing { since, severity, title: Arc::clone(&title) });
            }
            Sets::Clear | Sets::Passed => state.standing = None,
            Sets::Keep => {}
        }
        let occurrence = state.occurrence.max(1);
        let about = match &news.subject {
            Subject::Batch { batch, .. } => batch,
            Subject::Sensor { tag, .. } | Subject::Profile { tag, .. } => tag,
            Subject::Line { .. } => &news.line,
            Subject::Model { grade, .. } => grade,
            Subject::System { component, .. } => component,
        };
        let id: Arc<str> =
            event_id(news.kind, &self.site, &news.line, about, occurrence, news.revision).into();
        let record = changed.then(|| {
            let at = match state.recorded {
                Some(last) if news.at <= last => Timestamp::from_nanos(last.as_nanos() + 1),
                _ => news.at,
            };
            state.recorded = Some(at);
            AlarmRecord {
                line: if news.line.is_empty() { "system".into() } else { Arc::clone(&news.line) },
                alarm: Arc::clone(&news.alarm),
                at,
                state: if state.standing.is_some() { "active" } else { "normal" },
                severity: news.severity,
                message: Arc::clone(&title),
                id: Arc::clone(&id),
            }
        });
        let notification = Notification {
            kind: news.kind,
            id,
            at: news.at,
            site: Arc::clone(&self.site),
            line: news.line,
            severity: news.severity,
            occurrence,
            revision: news.revision,
            alarm: news.alarm,
            title,
            text: news.text.into(),
            subject: news.subject,
        };
        (notification, record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(sets: Sets, severity: Severity, s: i64) -> News {
        let at = Timestamp::from_nanos(s * 1_000_000_000);
        News {
            kind: EventKind::SensorUnhealthy,
            at,
            line: "tm3".into(),
            alarm: "tm3/sensor/bw".into(),
            sets,
            severity,
            revision: 0,
            title: "bw is stuck".into(),
            text: String::new(),
            subject: Subject::Sensor { tag: "bw".into(), fault: "stuck".into(), since: at },
        }
    }

    #[test]
    fn every_cell_of_the_table() {
        let mut book = Book::new("mill".into());
        let mut said = Vec::new();
        for (sets, severity, s) in [
            (Sets::Clear, Severity::Info, 1),
            (Sets::Keep, Severity::Info, 2),
            (Sets::Raise, Severity::Warning, 3),
            (Sets::Raise, Severity::Warning, 4),
            (Sets::Raise, Severity::Critical, 5),
            (Sets::Keep, Severity::Critical, 5),
            (Sets::Clear, Severity::Info, 5),
            (Sets::Raise, Severity::Warning, 6),
            (Sets::Passed, Severity::Info, 7),
            (Sets::Passed, Severity::Info, 8),
        ] {
            let (notification, record) = book.tell(news(sets, severity, s));
            let record = record.map_or("-".into(), |r| format!("{}@{}", r.state, r.at.as_nanos()));
            said.push(format!("#{} {record}", notification.occurrence));
        }
        assert_eq!(
            said,
            [
                "#1 -",
                "#1 -",
                "#1 active@3000000000",
                "#1 -",
                "#1 active@5000000000",
                "#1 -",
                "#1 normal@5000000001",
                "#2 active@6000000000",
                "#3 normal@7000000000",
                "#4 normal@8000000000",
            ]
        );
    }

    #[test]
    fn ids_tell_occurrences_apart_and_repeat_for_the_same_news() {
        let mut book = Book::new("mill".into());
        let (first, _) = book.tell(news(Sets::Raise, Severity::Warning, 1));
        let (again, _) = book.tell(news(Sets::Raise, Severity::Warning, 1));
        assert_eq!(first.id, again.id);
        book.tell(news(Sets::Clear, Severity::Info, 2));
        let (second, _) = book.tell(news(Sets::Raise, Severity::Warning, 3));
        assert_ne!(first.id, second.id);
        assert!(first.id.starts_with("evt_") && first.id.len() == 36);
    }
}
