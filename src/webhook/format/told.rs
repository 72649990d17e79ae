//! An event as it waits in the outbox: the body of the `standard` format, read again.

use crate::alarm::{EventKind, Severity};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::verdict::{Document, Reason};
use crate::words::Language;
use serde::Deserialize;
use serde_json::Value;

/// What an event does to its alarm, as far as its type tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// It stands.
    Begins,
    /// It stands no more.
    Ends,
    /// Something happened; what stands is as before.
    Happens,
}

/// True if a type of event may be the end of something that was told, so that who keeps what stands has to hear it
/// however little it matters.
pub(in crate::webhook) fn ends(kind: EventKind) -> bool {
    does(kind) == Does::Ends || matches!(kind, EventKind::BatchRevised | EventKind::ModelPromoted)
}

/// What a type of event does to its alarm.
fn does(kind: EventKind) -> Does {
    match kind {
        EventKind::BatchAtRisk
        | EventKind::BatchOffSpec
        | EventKind::SensorUnhealthy
        | EventKind::ProfileStreak
        | EventKind::LineBlind
        | EventKind::LineSilent
        | EventKind::TagsMissing
        | EventKind::LineUnjudged
        | EventKind::SystemDegraded
        | EventKind::AlarmUnacknowledged => Does::Begins,
        EventKind::BatchCleared
        | EventKind::BatchFinished
        | EventKind::SensorRecovered
        | EventKind::ProfileEven
        | EventKind::LineRestored
        | EventKind::LineHeard
        | EventKind::TagsFound
        | EventKind::LineJudged
        | EventKind::SystemRecovered => Does::Ends,
        EventKind::BatchRevised
        | EventKind::ModelDrifted
        | EventKind::ModelPromoted
        | EventKind::ModelWaiting
        | EventKind::ModelRejected
        | EventKind::AlarmAcknowledged => Does::Happens,
    }
}

/// The component whose events tell of a start: each is over when it is told.
const STARTS: &str = "onspec";

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// The type; `None` of one that this release does not know.
    pub(super) kind: Option<EventKind>,
    /// The type as it is written.
    pub(super) kind_name: String,
    /// Event time.
    pub(super) at: Option<Timestamp>,
    /// All that the contract calls `data`.
    pub(super) data: Data,
}

/// The keys of `data`; what an event does not have is empty.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    pub(super) id: String,
    pub(super) site: String,
    pub(super) line: String,
    pub(super) severity: Severity,
    pub(super) occurrence: u32,
    pub(super) alarm: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) url: Option<String>,
    pub(super) batch: Option<String>,
    pub(super) grade: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) fault: Option<String>,
    pub(super) since: Option<i64>,
    pub(super) component: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) raised_by: Option<String>,
    pub(super) acknowledge_url: Option<String>,
    #[serde(deserialize_with = "document")]
    pub(super) verdict: Option<Document>,
}

/// A verdict of another release may have evidence that this one does not know: the event is told all the same.
fn document<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Document>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    data: Data,
}

impl Told {
    /// Reads an entry of an outbox. One that cannot be read, which only another release can have left there, is told as
    /// such: it is not for the sender to lose it.
    pub(super) fn read(item: &Item, language: Language) -> Self {
        match serde_json::from_slice::<Body>(&item.body) {
            Ok(Body { kind, timestamp, data }) => Self {
                kind: serde_json::from_value(Value::String(kind.clone())).ok(),
                kind_name: kind,
                at: Timestamp::parse_rfc3339(&timestamp).ok(),
                data,
            },
            Err(_) => Self {
                kind: None,
                kind_name: "unknown".into(),
                at: None,
                data: Data {
                    id: item.key.clone(),
                    alarm: item.key.clone(),
                    title: super::words::unreadable(&item.key, language),
                    ..Data::default()
                },
            },
        }
    }

    /// What it does to its alarm.
    pub(super) fn does(&self) -> Does {
        if self.data.component.as_deref() == Some(STARTS) {
            return Does::Happens;
        }
        self.kind.map_or(Does::Happens, does)
    }

    /// What is watched, by what stands before the dot of the type of event that raised the alarm: `batch`, `sensor`.
    pub(super) fn class(&self) -> &str {
        let raised_by = self.data.raised_by.as_deref().unwrap_or(&self.kind_name);
        raised_by.split('.').next().unwrap_or_default()
    }

    /// Since when that has been so, of which it tells.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let of_verdict = self.data.verdict.as_ref().map(|verdict| verdict.since);
        self.data.since.or(of_verdict).and_then(|ms| Timestamp::from_millis(ms).ok())
    }

    /// The batch, tag, component or grade that it is about; empty for a line.
    pub(super) fn about(&self) -> &str {
        let Data { batch, tag, component, grade, .. } = &self.data;
        [batch, tag, component, grade].into_iter().flatten().next().map_or("", String::as_str)
    }

    /// True if a person has decided what becomes of the batch.
    pub(super) fn is_decided(&self) -> bool {
        let person = |reason: &Reason| matches!(reason, Reason::Person { .. });
        self.data.verdict.as_ref().is_some_and(|verdict| verdict.reasons.iter().any(person))
    }
}
