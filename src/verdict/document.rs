//! The verdict document of the MQTT contract.

use super::decision::Decision;
use super::foretold::ForetoldProperty;
use super::prospects::EarlierBatch;
use super::sections::Slab;
use crate::models::Sign;
use crate::plant::{Advice, Compared};
use crate::reading::{Count, Timestamp, name_or_change};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is said about the batch in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Enough good data say that it is on spec.
    OnSpec,
    /// It may end off spec.
    AtRisk,
    /// By what is already made, it is off spec.
    OffSpec,
    /// Not enough is known.
    #[default]
    Unknown,
}

impl Call {
    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnSpec => "on-spec",
            Self::AtRisk => "at-risk",
            Self::OffSpec => "off-spec",
            Self::Unknown => "unknown",
        }
    }

    /// True for the two calls that flag a batch.
    #[must_use]
    pub fn is_flag(self) -> bool {
        matches!(self, Self::AtRisk | Self::OffSpec)
    }
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// A quality tag against its specification limits.
    Spec {
        /// The tag.
        tag: Arc<str>,
        /// Its value, in its unit; where means are compared, the mean that the batch has, or will have if the rest comes
        /// as it came lately.
        value: f64,
        /// The lower limit.
        low: Option<f64>,
        /// The upper limit.
        high: Option<f64>,
        /// The share of the batch outside so far, 0–1.
        share_out: f64,
        /// What is held against the limits: `share` where nothing is said.
        #[serde(default, skip_serializing_if = "Compared::is_share")]
        compared: Compared,
    },
    /// A monitor of the process against its limit.
    Process {
        /// `t2` or `spe`.
        statistic: Arc<str>,
        /// The statistic over its limit.
        ratio: f64,
        /// The tags that contribute most, with their shares, greatest first.
        tags: Vec<(Arc<str>, f64)>,
        /// What the tags of each area contribute together, greatest first; of a line without areas, nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        areas: Vec<(Arc<str>, f64)>,
        /// Those of the tags that are judged by their change, and what it is taken over, s.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<(Arc<str>, f64)>,
    },
    /// By all that tells of it, it is likely to end off spec.
    Prospects {
        /// The chance, 0–1.
        probability: f64,
        /// What makes it likelier than that of a batch of which nothing is known, and by how much in the logarithm of the
        /// odds, the weightiest first.
        signs: Vec<(Sign, f64)>,
        /// The batch that was found off spec before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earlier: Option<EarlierBatch>,
    },
    /// What a soft sensor foretells of a laboratory property, against its limits.
    SoftSensor(ForetoldProperty),
    /// A laboratory result against its limits.
    Laboratory {
        /// The property.
        property: Arc<str>,
        /// The result.
        value: f64,
        /// The lower limit.
        low: Option<f64>,
        /// The upper limit.
        high: Option<f64>,
    },
    /// Too little good data.
    Coverage {
        /// The tags that are missing.
        tags: Vec<Arc<str>>,
        /// The share of what is needed that is there, 0–1.
        share: f64,
    },
    /// A person said so.
    Person {
        /// The disposition.
        disposition: Arc<str>,
        /// Who.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Arc<str>>,
    },
    /// The grade is not declared, so it has no limits.
    Grade {
        /// The grade as it was told.
        grade: Arc<str>,
    },
}

impl Reason {
    /// What the change of a tag is taken over, s, if not its level but its change is judged.
    #[must_use]
    pub fn change_over(&self, tag: &str) -> Option<f64> {
        let Self::Process { changes, .. } = self else { return None };
        changes.iter().find(|(changes, _)| **changes == *tag).map(|(_, over_s)| *over_s)
    }
}

/// A tag that moved otherwise than the others tell: further than it goes in control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mover {
    /// The tag.
    pub tag: Arc<str>,
    /// Its area, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Arc<str>>,
    /// False if it only went with those before it.
    pub by_itself: bool,
    /// Since when it has been further than it goes in control, ms: by the sample, where its analyser reports late.
    pub since: i64,
    /// When what it saw then reaches the end of the line, ms; nothing where no delay is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives: Option<i64>,
    /// How far it went when it was named, over how far it goes in control.
    pub ratio: f64,
    /// Its value when it was named, in its unit; or how far it had changed, where `over_s` stands.
    pub value: f64,
    /// What it should have been then, by the tags that did not move.
    pub expected: f64,
    /// Its unit, where one is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// What the change of a tag without a level of its own is taken over, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_s: Option<f64>,
}

impl Mover {
    /// What is told of it: `TI-7`, or `TI-7 (change over 5 min)`.
    #[must_use]
    pub fn name(&self) -> String {
        name_or_change(&self.tag, self.over_s)
    }
}

/// A laboratory result outside its limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabOutside {
    /// The property.
    pub property: Arc<str>,
    /// The result, in the unit of the limits.
    pub value: f64,
    /// The lower limit.
    pub low: Option<f64>,
    /// The upper limit.
    pub high: Option<f64>,
}

/// A past batch in which the same moved, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    /// The batch.
    pub batch: Arc<str>,
    /// Its grade, if known.
    pub grade: Option<Arc<str>>,
    /// Its start, ms.
    pub started: i64,
    /// How alike is what moved, 0–1.
    pub likeness: f64,
    /// The verdict on it.
    pub verdict: Call,
    /// What a person decided last.
    pub disposition: Option<Arc<str>>,
    /// The greatest share of it that a quality tag was outside, 0–1.
    pub off_spec_share: Option<f64>,
    /// Its laboratory results outside their limits.
    pub laboratory: Vec<LabOutside>,
    /// What people did about it, the last three.
    pub actions: Vec<Arc<str>>,
}

/// A stretch of the batch: when it was seen, in ms since 1970, and, where a speed is known, the metres of the batch that it
/// reaches. What was seen upstream reaches the product later, by the delay of the first mover: until it does, the stretch
/// of metres is empty, and stands where the batch ends by now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SpanDocument {
    /// Its begin, ms.
    pub from: i64,
    /// Its end, ms.
    pub to: i64,
    /// Its begin, m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_m: Option<f64>,
    /// Its end, m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_m: Option<f64>,
    /// What follows it of a batch that has ended, m: where it ends, from the batch's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_m: Option<f64>,
    /// When what was seen at its begin reaches the end of the line, ms, where the first mover's delay is known: behind
    /// the end of the batch it is the next one's product that is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives: Option<i64>,
}

/// How far the first model of a grade's own is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learning {
    /// Batches fit for learning so far.
    pub have: u32,
    /// Batches needed.
    pub need: u32,
    /// True if a model judges meanwhile that is borrowed from other grades.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub borrowed: bool,
}

impl Learning {
    /// The same for people.
    #[must_use]
    pub fn sentence(self) -> String {
        let first = if self.borrowed { "a model of its own" } else { "the first model" };
        match self.need.saturating_sub(self.have) {
            0 => format!("learning: there are on-spec batches enough for {first}"),
            more => {
                let more = Count(more, "more on-spec batch");
                format!("learning: {more} until {first}")
            }
        }
    }
}

/// What of a batch is still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// How long it takes, min.
    pub minutes: f64,
    /// Its mass, t, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tonnes: Option<f64>,
    /// Its length, m, where a speed is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metres: Option<f64>,
}

/// The verdict on a batch, as published. Times are ms since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The line.
    pub line: Arc<str>,
    /// The station, where the batch has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<Arc<str>>,
    /// The batch; `None` between batches and on lines without.
    pub batch: Option<Arc<str>>,
    /// The grade, if known.
    pub grade: Option<Arc<str>>,
    /// The call.
    pub verdict: Call,
    /// Since when it stands.
    pub since: i64,
    /// The probability that the batch ends off spec.
    pub probability_off_spec: Option<f64>,
    /// How much of the batch is made, 0–1.
    pub progress: Option<f64>,
    /// What of it is still to be made; nothing of one that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// The evidence, the weightiest first.
    pub reasons: Vec<Reason>,
    /// The tag that moved first.
    pub first_mover: Option<Arc<str>>,
    /// The tags that moved, the first mover first; those that moved after the flag was raised stand behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub movers: Vec<Mover>,
    /// Flagged batches of the past in which the same moved, the most alike first; only of a batch that is flagged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<Similar>,
    /// What soft sensors say that the laboratory will find, by property.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foretold: Vec<ForetoldProperty>,
    /// What to do with it, where the plant says what wrong decisions cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The stretches affected.
    pub spans: Vec<SpanDocument>,
    /// What would be left of a batch that has ended were only these taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slab: Option<Slab>,
    /// While a model is learning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning: Option<Learning>,
    /// The phase of its recipe that the batch in progress is in, if somebody tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Arc<str>>,
    /// What keeps the models from judging: `paused`, `settling`, `grade-change`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Arc<str>>,
    /// Grows with each change of the verdict on this batch.
    pub revision: u32,
    /// The event time it was said.
    pub ts: i64,
    /// Until when it holds: `ts` + 180 s.
    pub valid_until: i64,
}

impl Document {
    /// How long a verdict holds without another one, in ms.
    pub const VALID_MS: i64 = 180_000;

    /// What costs least, where the plant says what wrong decisions cost.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        self.decision.as_ref().map(|decision| decision.advice)
    }

    /// The event time of the document.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.ts).unwrap_or(Timestamp::MAX)
    }
}
