//! What a plant wants of its alarms.

use super::Speech;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The classes of alarms: what is watched, and by that who has to answer. None is ever mixed with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmClass {
    /// The product: a batch at risk or off spec.
    Batch,
    /// An instrument that cannot be trusted.
    Sensor,
    /// A defect across the web.
    Profile,
    /// A line of which nothing is known, or nothing comes.
    Line,
    /// Declared tags that never came.
    Tags,
    /// What judges a line, and cannot.
    Monitor,
    /// A model that does not fit; it is told, and nothing stands.
    Model,
    /// A part of the daemon, a source or a broker.
    System,
}

impl AlarmClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Batch,
        Self::Sensor,
        Self::Profile,
        Self::Line,
        Self::Tags,
        Self::Monitor,
        Self::Model,
        Self::System,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Sensor => "sensor",
            Self::Profile => "profile",
            Self::Line => "line",
            Self::Tags => "tags",
            Self::Monitor => "monitor",
            Self::Model => "model",
            Self::System => "system",
        }
    }

    /// What follows if nobody answers an alarm of the class, unless the plant says it.
    #[must_use]
    pub fn consequence(self) -> Consequence {
        match self {
            Self::Batch | Self::Line | Self::Monitor => Consequence::Major,
            Self::Sensor | Self::Profile | Self::Tags | Self::Model | Self::System => {
                Consequence::Minor
            }
        }
    }
}

/// What follows if nobody answers an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consequence {
    /// Something is known less well.
    Minor,
    /// A batch is lost, or nobody knows whether it is.
    Major,
    /// Each further batch is.
    Severe,
}

/// What is wanted of a class of alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AlarmRule {
    /// How long the condition has to hold, in event time, before there is an alarm.
    pub on_delay: Duration,
    /// How long it has to be gone before the alarm is.
    pub off_delay: Duration,
    /// True if an alarm whose condition is gone stays until somebody has acknowledged it.
    pub acknowledge: bool,
    /// True if it stays until somebody has acknowledged and reset it.
    pub latch: bool,
    /// What follows if nobody answers; nothing where the plant does not say it.
    pub consequence: Option<Consequence>,
}

/// The `[alarms]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// What an earlier version kept of it does not have all.
#[serde(default)]
pub struct AlarmSettings {
    /// Of batches; without delays, for a verdict has its own.
    pub batch: AlarmRule,
    /// Of sensors.
    pub sensor: AlarmRule,
    /// Of profiles.
    pub profile: AlarmRule,
    /// Of lines.
    pub line: AlarmRule,
    /// Of declared tags that never came.
    pub tags: AlarmRule,
    /// Of what judges a line.
    pub monitor: AlarmRule,
    /// Of the daemon's parts, sources and brokers.
    pub system: AlarmRule,
    /// The longest that a person may shelve an alarm for.
    pub shelve_max: Duration,
    /// How long an alarm stands unacknowledged before somebody else is told: whole seconds, rising, none twice.
    // What is empty leaves the hash of a configuration as it was before there were any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<Duration>,
    /// How people are told.
    #[serde(skip_serializing_if = "Speech::is_default")]
    pub speech: Speech,
}

impl Default for AlarmSettings {
    fn default() -> Self {
        let rule = AlarmRule::default();
        Self {
            batch: rule,
            sensor: rule,
            profile: rule,
            line: rule,
            tags: rule,
            monitor: rule,
            system: rule,
            shelve_max: Self::SHELVE_MAX,
            escalations: Vec::new(),
            speech: Speech::default(),
        }
    }
}

impl AlarmSettings {
    /// A shift: what is shelved for longer nobody looks at again (ISA-18.2).
    pub const SHELVE_MAX: Duration = Duration::from_secs(8 * 3600);

    /// What is wanted of a class. Of a model nothing stands.
    #[must_use]
    pub fn of(&self, class: AlarmClass) -> AlarmRule {
        match class {
            AlarmClass::Batch => self.batch,
            AlarmClass::Sensor => self.sensor,
            AlarmClass::Profile => self.profile,
            AlarmClass::Line => self.line,
            AlarmClass::Tags => self.tags,
            AlarmClass::Monitor => self.monitor,
            AlarmClass::System => self.system,
            AlarmClass::Model => AlarmRule::default(),
        }
    }

    /// What follows if nobody answers an alarm of a class.
    #[must_use]
    pub fn consequence(&self, class: AlarmClass) -> Consequence {
        self.of(class).consequence.unwrap_or_else(|| class.consequence())
    }
}
