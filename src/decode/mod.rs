//! From an arrived message to readings and batch events, or a [`Fault`].
//!
//! One file a format. Nothing here knows the plant's state: a payload gives the same messages
//! whenever it arrives. Bad input is data (a [`Fault`] with its [`Reason`]), never an error.
//!
//! [`Decoder`] finds the rule of a topic and hands the payload to the rule's format; it never
//! panics, whatever arrives, and never makes up a reading that the payload does not hold.

#![deny(clippy::indexing_slicing)]

mod compressed;
mod decoder;
mod event;
mod json;
mod limits;
mod line_protocol;
mod names;
mod octets;
mod profile;
mod properties;
mod quality;
mod rule;
pub mod sparkplug;
mod stated;
mod template;
mod time;
mod topics;
mod units;
mod value;

pub use compressed::opened;
pub use decoder::Decoder;
pub use event::{
    REQUEST_EVENTS_MAX, RequestPath, RequestRefused, decode_event, decode_event_line,
    decode_request,
};
pub use json::path::is_relative;
pub use limits::{
    CACHED_TOPICS, FaultCount, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, PROPERTIES_MAX,
    PROPERTY_BYTES_MAX, READINGS_MAX, TEXT_BYTES_MAX,
};
pub use names::checked as checked_name;
pub use profile::BOXES_MAX;
pub use properties::{Properties, Wanted, plain_content_type};
pub use rule::{
    Format, HostRule, JsonRule, JsonValues, PayloadNames, PointNames, ProfileRule, PropertyRule,
    QualityCodes, Rule, TimeUnit,
};
pub use template::{Captures, Template, TemplateError};

use crate::reading::{SourceQuality, Timestamp, Value};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A message as it arrived from a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The name of the broker that sent it: equal topics of two brokers are two topics.
    pub broker: Arc<str>,
    /// When the shell received it.
    pub received: Timestamp,
    /// The topic.
    pub topic: Arc<str>,
    /// The payload.
    pub payload: Bytes,
    /// True if the broker sent it as the last known value of the topic.
    pub retained: bool,
    /// What is kept of its properties (MQTT 5); `None` for what nobody asks for.
    pub properties: Option<Arc<Properties>>,
}

impl Arrival {
    /// The bytes of its payload and of what is kept of its properties.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.payload.len() + self.properties.as_ref().map_or(0, |kept| kept.bytes())
    }
}

/// What a payload says, piece by piece.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A value of a tag.
    Reading(NamedReading),
    /// Something about a batch.
    Batch(BatchMessage),
    /// So many messages has the broker dropped since it was started.
    Dropped(u64),
    /// What an edge node of Sparkplug B says; what it means is known by its births.
    Node(Box<NodeMessage>),
    /// A scan across the web.
    Profile(Box<ProfileMessage>),
}

/// A scan across the web, as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileMessage {
    /// The line; empty if neither topic nor rule names one.
    pub line: Arc<str>,
    /// The area; may be empty.
    pub area: Arc<str>,
    /// What was measured.
    pub tag: Arc<str>,
    /// When the scan ended, or `None` if the source sent no time.
    pub at: Option<Timestamp>,
    /// A value for each box from the tending side, in the declared unit; NaN where there is none.
    pub values: Vec<f64>,
    /// Where the boxes are, mm from the tending side, if the source says so.
    pub positions: Option<Vec<f64>>,
    /// What the source says about it.
    pub quality: SourceQuality,
    /// False while the head stands off the sheet, or the scanner measures itself.
    pub on_sheet: bool,
}

/// A message of an edge node or one of its devices, as it came (Sparkplug B).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeMessage {
    /// The group.
    pub group: Arc<str>,
    /// The edge node.
    pub node: Arc<str>,
    /// The device; `None` in what the node says of itself.
    pub device: Option<Arc<str>>,
    /// The type of the message.
    pub verb: sparkplug::Verb,
    /// The line of its readings; empty if neither topic nor rule names one.
    pub line: Arc<str>,
    /// The area of its readings; may be empty.
    pub area: Arc<str>,
    /// False for a device that nobody has subscribed to: it is a part of its node's sequence.
    pub wanted: bool,
    /// How its node is treated.
    pub rule: HostRule,
    /// The payload, opened where it was compressed.
    pub payload: Bytes,
}

impl NodeMessage {
    /// A message as it came: the edge node is the line, its device the area.
    #[must_use]
    pub fn new(topic: sparkplug::Topic<'_>, payload: Bytes) -> Self {
        Self {
            group: topic.group.into(),
            node: topic.node.into(),
            device: topic.device.map(Arc::from),
            verb: topic.verb,
            line: topic.node.into(),
            area: topic.device.unwrap_or_default().into(),
            wanted: true,
            rule: HostRule::default(),
            payload,
        }
    }
}

/// A reading with the names its source gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedReading {
    /// The line; empty if neither topic nor rule names one.
    pub line: Arc<str>,
    /// The area; may be empty.
    pub area: Arc<str>,
    /// The tag.
    pub tag: Arc<str>,
    /// The source's time, or `None` if it sent none.
    pub at: Option<Timestamp>,
    /// The value.
    pub value: Value,
    /// What the source says about it.
    pub quality: SourceQuality,
}

/// A batch or laboratory event of one line (contract: product.md, "Batch and laboratory events").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchMessage {
    /// The line.
    pub line: Arc<str>,
    /// The station, where batches of one line run at once.
    pub station: Option<Arc<str>>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: BatchEvent,
}

/// What happened to a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BatchEvent {
    /// A batch begins; it ends the one before it.
    Start {
        /// Its id.
        batch: Arc<str>,
        /// Its grade, if named.
        grade: Option<Arc<str>>,
    },
    /// A batch ends.
    End {
        /// Its id.
        batch: Arc<str>,
        /// Its length in metres, if counted.
        length_m: Option<f64>,
        /// Its mass in kilograms, if weighed.
        mass_kg: Option<f64>,
    },
    /// A laboratory result.
    Lab {
        /// The batch.
        batch: Arc<str>,
        /// The property, e.g. `tensile_md`.
        property: Arc<str>,
        /// The result.
        value: f64,
        /// Its unit, if named.
        unit: Option<Arc<str>>,
        /// Where in the batch the sample was taken, if named.
        position: Option<Arc<str>>,
    },
    /// A person's decision.
    Disposition {
        /// The batch.
        batch: Arc<str>,
        /// The decision.
        disposition: Disposition,
        /// Who decided.
        by: Option<Arc<str>>,
        /// Why.
        note: Option<Arc<str>>,
    },
    /// Somebody did something about a batch.
    Action {
        /// The batch.
        batch: Arc<str>,
        /// What.
        text: Arc<str>,
        /// Who.
        by: Option<Arc<str>>,
    },
    /// The line changes its grade.
    GradeChange {
        /// The new grade.
        grade: Arc<str>,
    },
    /// A batch comes into a phase of its recipe.
    Phase {
        /// The batch; `None` for the one in progress then.
        batch: Option<Arc<str>>,
        /// The phase.
        phase: Arc<str>,
    },
    /// What is made now is not product (a sheet break).
    Pause {
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Product is made again.
    Resume,
    /// A batch consumes raw material, or another batch.
    Consumes {
        /// The batch.
        batch: Arc<str>,
        /// The lot, or the other batch.
        from: Arc<str>,
        /// How much, in kilograms.
        mass_kg: Option<f64>,
        /// From this metre of the batch.
        from_m: Option<f64>,
        /// To this metre of the batch.
        to_m: Option<f64>,
        /// The metres of what is consumed, from where to where; falling where it is unwound.
        #[serde(default)]
        source_m: Option<(f64, f64)>,
    },
    /// A batch is part of another one.
    Merge {
        /// The batch that ends.
        batch: Arc<str>,
        /// The batch it becomes part of.
        into: Arc<str>,
    },
    /// A batch never was.
    Void {
        /// The batch.
        batch: Arc<str>,
    },
}

impl BatchEvent {
    /// The batch that the event names.
    #[must_use]
    pub fn batch(&self) -> Option<&Arc<str>> {
        match self {
            Self::Start { batch, .. }
            | Self::End { batch, .. }
            | Self::Lab { batch, .. }
            | Self::Disposition { batch, .. }
            | Self::Action { batch, .. }
            | Self::Consumes { batch, .. }
            | Self::Merge { batch, .. }
            | Self::Void { batch } => Some(batch),
            Self::Phase { batch, .. } => batch.as_ref(),
            Self::GradeChange { .. } | Self::Pause { .. } | Self::Resume => None,
        }
    }
}

/// What people decide about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// Good: on to the customer.
    Release,
    /// Wait for more tests.
    Hold,
    /// Sell as another grade.
    Downgrade,
    /// Repulp.
    Rework,
    /// Throw away.
    Scrap,
}

impl Disposition {
    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Hold => "hold",
            Self::Downgrade => "downgrade",
            Self::Rework => "rework",
            Self::Scrap => "scrap",
        }
    }
}

/// Why a message, or a part of it, was not taken. A closed set: it labels a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No rule takes the topic.
    UnknownTopic,
    /// Not UTF-8.
    NotUtf8,
    /// Not JSON.
    NotJson,
    /// Compressed, and cannot be opened.
    Corrupt,
    /// A line that is not of the line protocol.
    NotLineProtocol,
    /// The JSON Pointer leads nowhere.
    MissingValue,
    /// The value is neither number, boolean nor text.
    WrongType,
    /// NaN or infinite.
    NotFinite,
    /// The time cannot be read.
    BadTime,
    /// The quality code cannot be read.
    BadQuality,
    /// A unit that cannot become that of the tag.
    WrongUnit,
    /// The content type is none that the subscription takes.
    ContentType,
    /// The payload is larger than allowed.
    TooLarge,
    /// A batch event that cannot be read.
    BadEvent,
    /// Topic and body name different lines, or none does.
    LineUnclear,
    /// A retained message without a time of its own.
    Retained,
    /// Too many undeclared tags.
    TooManyTags,
    /// Undeclared, and the configuration says to ignore those.
    Undeclared,
    /// A metric of which no birth has told.
    NoBirth,
}

impl Reason {
    /// The word for logs and the metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTopic => "unknown-topic",
            Self::NotUtf8 => "not-utf8",
            Self::NotJson => "not-json",
            Self::Corrupt => "corrupt",
            Self::NotLineProtocol => "not-line-protocol",
            Self::MissingValue => "missing-value",
            Self::WrongType => "wrong-type",
            Self::NotFinite => "not-finite",
            Self::BadTime => "bad-time",
            Self::BadQuality => "bad-quality",
            Self::WrongUnit => "wrong-unit",
            Self::ContentType => "content-type",
            Self::TooLarge => "too-large",
            Self::BadEvent => "bad-event",
            Self::LineUnclear => "line-unclear",
            Self::Retained => "retained",
            Self::TooManyTags => "too-many-tags",
            Self::Undeclared => "undeclared",
            Self::NoBirth => "no-birth",
        }
    }
}

/// A message, or a part of it, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Why.
    pub reason: Reason,
    /// What exactly, where: `no value at /v`, `expected a number at offset 17`.
    pub detail: String,
}
