//! What is told: the events of the webhook contract, as data.

use super::attention::Response;
use super::priority::Priority;
use crate::plant::AlarmClass;
use crate::profile::Place;
use crate::reading::{Timestamp, hex};
use crate::verdict::{Document, Reason};
use crate::words::{ModelReason, SystemReason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    Info,
    /// Somebody should look.
    #[default]
    Warning,
    /// Somebody must act.
    Critical,
}

impl Severity {
    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventKind {
    /// The batch in progress may end off spec.
    #[serde(rename = "batch.at_risk")]
    BatchAtRisk,
    /// The batch is off spec.
    #[serde(rename = "batch.off_spec")]
    BatchOffSpec,
    /// A flag was withdrawn.
    #[serde(rename = "batch.cleared")]
    BatchCleared,
    /// A batch ended.
    #[serde(rename = "batch.finished")]
    BatchFinished,
    /// Something became known about a finished batch.
    #[serde(rename = "batch.revised")]
    BatchRevised,
    /// A sensor cannot be trusted.
    #[serde(rename = "sensor.unhealthy")]
    SensorUnhealthy,
    /// A sensor can be trusted again.
    #[serde(rename = "sensor.recovered")]
    SensorRecovered,
    /// A narrow defect stays at its place across the web.
    #[serde(rename = "profile.streak")]
    ProfileStreak,
    /// There is none any more.
    #[serde(rename = "profile.even")]
    ProfileEven,
    /// Nothing is known of a line.
    #[serde(rename = "line.blind")]
    LineBlind,
    /// A line is seen again.
    #[serde(rename = "line.restored")]
    LineRestored,
    /// Nothing comes of a line whose broker is reached.
    #[serde(rename = "line.silent")]
    LineSilent,
    /// Something comes of it again.
    #[serde(rename = "line.heard")]
    LineHeard,
    /// Declared tags never came.
    #[serde(rename = "tags.missing")]
    TagsMissing,
    /// All of them have come.
    #[serde(rename = "tags.found")]
    TagsFound,
    /// No verdict on what a line makes is possible.
    #[serde(rename = "line.unjudged")]
    LineUnjudged,
    /// It is judged again.
    #[serde(rename = "line.judged")]
    LineJudged,
    /// A model no longer fits.
    #[serde(rename = "model.drifted")]
    ModelDrifted,
    /// A new model judges.
    #[serde(rename = "model.promoted")]
    ModelPromoted,
    /// A new model is better, and a person is to promote it.
    #[serde(rename = "model.waiting")]
    ModelWaiting,
    /// A new model could not be had or was not better.
    #[serde(rename = "model.rejected")]
    ModelRejected,
    /// A part of the daemon does not work.
    #[serde(rename = "system.degraded")]
    SystemDegraded,
    /// It works again.
    #[serde(rename = "system.recovered")]
    SystemRecovered,
    /// Nobody has acknowledged an alarm for so long that somebody else is told.
    #[serde(rename = "alarm.unacknowledged")]
    AlarmUnacknowledged,
    /// A person has acknowledged an alarm that was told.
    #[serde(rename = "alarm.acknowledged")]
    AlarmAcknowledged,
}

impl EventKind {
    /// All types, those of a thing beside each other.
    pub const ALL: [Self; 25] = [
        Self::BatchAtRisk,
        Self::BatchOffSpec,
        Self::BatchCleared,
        Self::BatchFinished,
        Self::BatchRevised,
        Self::SensorUnhealthy,
        Self::SensorRecovered,
        Self::ProfileStreak,
        Self::ProfileEven,
        Self::LineBlind,
        Self::LineRestored,
        Self::LineSilent,
        Self::LineHeard,
        Self::TagsMissing,
        Self::TagsFound,
        Self::LineUnjudged,
        Self::LineJudged,
        Self::ModelDrifted,
        Self::ModelPromoted,
        Self::ModelWaiting,
        Self::ModelRejected,
        Self::SystemDegraded,
        Self::SystemRecovered,
        Self::AlarmUnacknowledged,
        Self::AlarmAcknowledged,
    ];

    /// The type that says that this one is over; `None` where nothing stands.
    #[must_use]
    pub fn end(self) -> Option<Self> {
        Some(match self {
            Self::BatchAtRisk | Self::BatchOffSpec => Self::BatchCleared,
            Self::SensorUnhealthy => Self::SensorRecovered,
            Self::ProfileStreak => Self::ProfileEven,
            Self::LineBlind => Self::LineRestored,
            Self::LineSilent => Self::LineHeard,
            Self::TagsMissing => Self::TagsFound,
            Self::LineUnjudged => Self::LineJudged,
            Self::SystemDegraded => Self::SystemRecovered,
            _ => return None,
        })
    }

    /// True if it tells how people answer to an alarm, or that nobody does.
    #[must_use]
    pub fn responds(self) -> bool {
        matches!(self, Self::AlarmUnacknowledged | Self::AlarmAcknowledged)
    }

    /// True if it tells what became of a batch, which stands whatever people want to hear of its alarm.
    #[must_use]
    pub fn is_fact(self) -> bool {
        matches!(self, Self::BatchFinished | Self::BatchRevised)
    }

    /// The type of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BatchAtRisk => "batch.at_risk",
            Self::BatchOffSpec => "batch.off_spec",
            Self::BatchCleared => "batch.cleared",
            Self::BatchFinished => "batch.finished",
            Self::BatchRevised => "batch.revised",
            Self::SensorUnhealthy => "sensor.unhealthy",
            Self::SensorRecovered => "sensor.recovered",
            Self::ProfileStreak => "profile.streak",
            Self::ProfileEven => "profile.even",
            Self::LineBlind => "line.blind",
            Self::LineRestored => "line.restored",
            Self::LineSilent => "line.silent",
            Self::LineHeard => "line.heard",
            Self::TagsMissing => "tags.missing",
            Self::TagsFound => "tags.found",
            Self::LineUnjudged => "line.unjudged",
            Self::LineJudged => "line.judged",
            Self::ModelDrifted => "model.drifted",
            Self::ModelPromoted => "model.promoted",
            Self::ModelWaiting => "model.waiting",
            Self::ModelRejected => "model.rejected",
            Self::SystemDegraded => "system.degraded",
            Self::SystemRecovered => "system.recovered",
            Self::AlarmUnacknowledged => "alarm.unacknowledged",
            Self::AlarmAcknowledged => "alarm.acknowledged",
        }
    }
}

/// What an event is about, with the keys that the contract gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Subject {
    /// A batch.
    Batch {
        /// Its id.
        batch: Arc<str>,
        /// Its grade.
        grade: Option<Arc<str>>,
        /// The verdict at this moment.
        verdict: Box<Document>,
        /// What is told of it besides.
        #[serde(default)]
        besides: Box<Besides>,
    },
    /// A sensor.
    Sensor {
        /// The tag.
        tag: Arc<str>,
        /// What is wrong: `stuck`, `stale`, `range`, `source-bad`.
        fault: Arc<str>,
        /// Since when.
        since: Timestamp,
        /// How far its stamps are behind their arrival, ms, where that is what is wrong; less than 0 if ahead.
        #[serde(default)]
        behind_ms: Option<i64>,
    },
    /// A profile across the web.
    Profile {
        /// What is measured.
        tag: Arc<str>,
        /// Its unit; may be empty.
        #[serde(default)]
        unit: Arc<str>,
        /// The streaks that stand.
        streaks: Vec<Place>,
        /// Since when there are any.
        since: Timestamp,
    },
    /// A line as a whole; why, the type of the event says.
    Line {
        /// Since when.
        since: Timestamp,
    },
    /// Declared tags that never came.
    Tags {
        /// Which; none once all have come.
        tags: Vec<Arc<str>>,
        /// How many are declared; 0 where nobody knows.
        #[serde(default)]
        declared: u32,
        /// Since when they are waited for.
        since: Timestamp,
    },
    /// What judges a line.
    Monitor {
        /// Why it cannot; nothing once it can.
        #[serde(default)]
        reasons: Vec<Reason>,
        /// Since when.
        since: Timestamp,
    },
    /// A model.
    Model {
        /// Its kind.
        model: Arc<str>,
        /// The grade it is for.
        grade: Arc<str>,
        /// Its version.
        version: u32,
        /// Why.
        reason: ModelReason,
    },
    /// A part of the daemon.
    System {
        /// Which.
        component: Arc<str>,
        /// Why.
        reason: SystemReason,
        /// Since when.
        since: Timestamp,
    },
    /// What is declared no more.
    Gone(Box<Subject>),
}

/// What is told of a batch besides the verdict on it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Besides {
    /// Whether it is still one.
    pub fate: Fate,
    /// The units of the tags and properties that its verdict names.
    pub units: BTreeMap<Arc<str>, Arc<str>>,
}

/// Whether a batch is still one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is.
    #[default]
    Stands,
    /// It never was.
    Void,
    /// It is part of this one.
    Merged(Arc<str>),
}

impl Subject {
    /// What is watched.
    #[must_use]
    pub fn class(&self) -> AlarmClass {
        match self {
            Self::Batch { .. } => AlarmClass::Batch,
            Self::Sensor { .. } => AlarmClass::Sensor,
            Self::Profile { .. } => AlarmClass::Profile,
            Self::Line { .. } => AlarmClass::Line,
            Self::Tags { .. } => AlarmClass::Tags,
            Self::Monitor { .. } => AlarmClass::Monitor,
            Self::Model { .. } => AlarmClass::Model,
            Self::System { .. } => AlarmClass::System,
            Self::Gone(what) => what.class(),
        }
    }

    /// The same, or what is declared no more.
    #[must_use]
    pub fn declared(&self) -> &Self {
        match self {
            Self::Gone(what) => what.declared(),
            here => here,
        }
    }

    /// The batch, tag, line, grade or component that goes into an event's id.
    pub(super) fn about<'a>(&'a self, line: &'a str) -> &'a str {
        match self {
            Self::Batch { batch, .. } => batch,
            Self::Sensor { tag, .. } | Self::Profile { tag, .. } => tag,
            Self::Line { .. } | Self::Tags { .. } | Self::Monitor { .. } => line,
            Self::Model { grade, .. } => grade,
            Self::System { component, .. } => component,
            Self::Gone(what) => what.about(line),
        }
    }
}

/// One event, whole: every receiver gets the same one, with the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Its type.
    pub kind: EventKind,
    /// `evt_` and 32 hex digits.
    pub id: Arc<str>,
    /// Event time.
    pub at: Timestamp,
    /// The site.
    pub site: Arc<str>,
    /// The line; empty for events of the system.
    pub line: Arc<str>,
    /// How much it matters.
    pub severity: Severity,
    /// How soon somebody has to answer it; nothing of what is for the record.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Which occurrence of its alarm, from 1.
    pub occurrence: u32,
    /// Which revision of what it is about.
    pub revision: u32,
    /// The alarm it belongs to, e.g. `tm3/batch`: order is kept within one alarm.
    pub alarm: Arc<str>,
    /// One line for a person, in the site's language.
    pub title: Arc<str>,
    /// A few sentences for a person, in the site's language.
    pub text: Arc<str>,
    /// What it is about.
    pub subject: Subject,
    /// When people were told of this alarm before, since it was raised; the first time and the last ones.
    #[serde(default)]
    pub told: Vec<Timestamp>,
    /// Who has to do with it, and who was told that nobody has.
    #[serde(default)]
    pub response: Response,
}

/// The id of an event: `evt_` and 32 hex digits of SHA-256 over type, site, line, what it is about
/// (batch, tag or component), occurrence and revision, joined by line feeds.
#[must_use]
pub fn event_id(
    kind: EventKind,
    site: &str,
    line: &str,
    about: &str,
    occurrence: u32,
    revision: u32,
) -> String {
    use sha2::{Digest, Sha256};
    let text = format!("{}\n{site}\n{line}\n{about}\n{occurrence}\n{revision}", kind.as_str());
    format!("evt_{}", hex(&Sha256::digest(text.as_bytes())[..16]))
}
