//! The table `[alarms]`.

use super::super::at::{At, DurationText};
use super::super::words::ConsequenceName;
use schemars::JsonSchema;
use serde::Deserialize;

/// How alarms come, stay and go, by class.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Alarms {
    /// The longest that a person may shelve an alarm for: 1m to 7d.
    #[schemars(extend("default" = "8h"))]
    pub(in crate::config) shelve_max: Option<At<DurationText>>,
    /// Of batches. A verdict has delays of its own.
    pub(in crate::config) batch: Option<At<AlarmEnd>>,
    /// Of sensors.
    pub(in crate::config) sensor: Option<At<AlarmRule>>,
    /// Of streaks across the web.
    pub(in crate::config) profile: Option<At<AlarmRule>>,
    /// Of lines of which nothing is known.
    pub(in crate::config) line: Option<At<AlarmRule>>,
    /// Of declared tags that never came.
    pub(in crate::config) tags: Option<At<AlarmRule>>,
    /// Of lines that no verdict is possible on.
    pub(in crate::config) monitor: Option<At<AlarmRule>>,
    /// Of the daemon's parts, sources and brokers.
    pub(in crate::config) system: Option<At<AlarmRule>>,
}

/// How the alarms of batches go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct AlarmEnd {
    /// True if one that is over stays until somebody has acknowledged it.
    #[schemars(extend("default" = false))]
    pub(in crate::config) acknowledge: Option<At<bool>>,
    /// True if it stays until somebody has acknowledged and reset it.
    #[schemars(extend("default" = false))]
    pub(in crate::config) latch: Option<At<bool>>,
    /// What follows if nobody answers: by that and by the time left to act an alarm has its priority.
    #[schemars(extend("default" = "major"))]
    pub(in crate::config) consequence: Option<At<ConsequenceName>>,
}

/// How the alarms of a class come and go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct AlarmRule {
    /// How long it has to be so before there is an alarm: up to 1d.
    #[schemars(extend("default" = "0s"))]
    pub(in crate::config) on_delay: Option<At<DurationText>>,
    /// How long it has to be over before the alarm is: up to 1d.
    #[schemars(extend("default" = "0s"))]
    pub(in crate::config) off_delay: Option<At<DurationText>>,
    /// True if one that is over stays until somebody has acknowledged it.
    #[schemars(extend("default" = false))]
    pub(in crate::config) acknowledge: Option<At<bool>>,
    /// True if it stays until somebody has acknowledged and reset it.
    #[schemars(extend("default" = false))]
    pub(in crate::config) latch: Option<At<bool>>,
    /// What follows if nobody answers: "major" of lines and monitors, "minor" of the others, unless it is said.
    pub(in crate::config) consequence: Option<At<ConsequenceName>>,
}
