//! The receivers of events as they stand in the file.

use super::Secret;
use crate::config::at::{At, DurationText};
use crate::config::words::{DayName, LanguageName, SeverityName, WebhookFormat};
use schemars::JsonSchema;
use serde::Deserialize;

/// A receiver of events.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Webhook {
    /// Its name in logs, metrics and health.
    pub(in crate::config) name: Option<At<String>>,
    /// Its address; a secret, since chat services put the key into it. For `pagerduty` it may be left out.
    pub(in crate::config) url: Option<At<Secret>>,
    /// What it understands.
    #[schemars(extend("default" = "standard"))]
    pub(in crate::config) format: Option<At<WebhookFormat>>,
    /// For `standard` the key that signs, `whsec_…`; for `dingtalk` and `feishu` the signing secret of the robot, if it
    /// has one; for `pagerduty` the routing key; for the others none.
    pub(in crate::config) secret: Option<At<Secret>>,
    /// For `template`: the template itself, in the language of Jinja.
    pub(in crate::config) template: Option<At<String>>,
    /// For `template`: the file that it is in.
    pub(in crate::config) template_file: Option<At<String>>,
    /// For `template`: the type of what it writes, `application/json` if nothing is said. JSON has to be JSON, and values
    /// are written as JSON in it.
    pub(in crate::config) content_type: Option<At<String>>,
    /// The language of what it is told; that of the site if nothing is said.
    pub(in crate::config) language: Option<At<LanguageName>>,
    /// Which events it gets.
    pub(in crate::config) when: Option<At<When>>,
    /// True lets the name in its address lead to addresses that are not of the internet. Names that are of a plant by what
    /// they are (one label, `.local`, `.lan`, `.internal`, `.home.arpa`) and addresses in digits need no such word, but for
    /// link-local ones.
    #[schemars(extend("default" = false))]
    pub(in crate::config) private: Option<At<bool>>,
    /// How long one attempt may take.
    #[schemars(extend("default" = "15s"))]
    pub(in crate::config) timeout: Option<At<DurationText>>,
}

/// Which events a receiver gets.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct When {
    /// The least severity.
    #[schemars(extend("default" = "warning"))]
    pub(in crate::config) severity: Option<At<SeverityName>>,
    /// The lines; empty for all.
    #[schemars(extend("default" = []))]
    pub(in crate::config) lines: Option<At<Vec<At<String>>>>,
    /// The grades whose batches and models it hears of; empty for all. What belongs to no grade it hears as well.
    #[schemars(extend("default" = []))]
    pub(in crate::config) grades: Option<At<Vec<At<String>>>>,
    /// The types of events, whole ("batch.at_risk") or by what stands before the dot ("batch"); empty for all.
    #[schemars(extend("default" = []))]
    pub(in crate::config) kinds: Option<At<Vec<At<String>>>>,
    /// From when until when in a day, such as "22:00-06:00", in the site's time zone; empty for the whole day.
    #[schemars(extend("default" = []))]
    pub(in crate::config) hours: Option<At<Vec<At<String>>>>,
    /// The shifts of `[site] shifts`, by their names or begins; empty for all. One that passes midnight is of the day on which it
    /// began, also for `days`.
    #[schemars(extend("default" = []))]
    pub(in crate::config) shifts: Option<At<Vec<At<String>>>>,
    /// The days of the week, "mon" to "sun"; empty for all.
    #[schemars(extend("default" = []))]
    pub(in crate::config) days: Option<At<Vec<At<DayName>>>>,
    /// Only alarms that nobody has acknowledged for so long, and what becomes of them afterwards: escalation. Without it,
    /// every alarm at once.
    #[schemars(example = "15m")]
    pub(in crate::config) unacknowledged: Option<At<DurationText>>,
}
