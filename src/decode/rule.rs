//! How the messages of a subscription are read: what `config` checks and the decoder follows.

use super::Template;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How the messages of one subscription are read; checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The name of the broker whose messages it reads.
    pub broker: Arc<str>,
    /// The topic template, e.g. `mill/{line}/{area}/{tag}`.
    pub template: Template,
    /// What the payload is.
    pub format: Format,
    /// The line, where the topic does not give it.
    pub line: Option<Arc<str>>,
    /// The area, where the topic does not give it.
    pub area: Option<Arc<str>>,
    /// The tag, where the topic does not give it.
    pub tag: Option<Arc<str>>,
    /// The unit of numbers that stand for times.
    pub time_unit: TimeUnit,
    /// How quality codes are read.
    pub quality_codes: QualityCodes,
    /// The unit in which numbers are sent; without it, that of their tags.
    pub unit: Option<Arc<str>>,
    /// The unit in which numbers of these tags are sent, by name, where it is another one.
    pub units: BTreeMap<Arc<str>, Arc<str>>,
    /// What it takes of the properties of a message (MQTT 5).
    pub properties: PropertyRule,
}

impl Rule {
    /// A rule with the defaults of the product: times in milliseconds, codes of OPC DA, and no names
    /// and units of its own.
    #[must_use]
    pub fn new(broker: &str, template: Template, format: Format) -> Self {
        Self {
            broker: broker.into(),
            template,
            format,
            line: None,
            area: None,
            tag: None,
            time_unit: TimeUnit::default(),
            quality_codes: QualityCodes::default(),
            unit: None,
            units: BTreeMap::new(),
            properties: PropertyRule::default(),
        }
    }
}

/// What a rule takes of the properties of a message (MQTT 5); nothing unless it is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PropertyRule {
    /// The user properties that name the line, the area, the tag and the unit of a reading whose payload
    /// does not.
    pub names: PayloadNames,
    /// The user property with the time of a reading whose payload has none.
    pub time: Option<Arc<str>>,
    /// The user property with the quality code of a reading whose payload has none.
    pub quality: Option<Arc<str>>,
    /// The content types that are taken, as [`plain_content_type`](super::plain_content_type) gives them;
    /// empty for all.
    pub content_types: Vec<Arc<str>>,
    /// The expiry interval with which messages are sent, s: what is missing of it when a message comes is
    /// the age of a reading without a time.
    pub expiry_s: Option<u32>,
}

impl PropertyRule {
    /// The parts of a reading that have a user property, each with its key.
    pub fn keys(&self) -> impl Iterator<Item = (&'static str, &Arc<str>)> {
        let PayloadNames { line, area, tag, unit } = &self.names;
        [
            ("line", line),
            ("area", area),
            ("tag", tag),
            ("unit", unit),
            ("time", &self.time),
            ("quality", &self.quality),
        ]
        .into_iter()
        .filter_map(|(part, key)| Some((part, key.as_ref()?)))
    }

    /// True if nothing is taken.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a payload is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Format {
    /// JSON.
    Json(JsonRule),
    /// The payload is one bare value: a number, `true`, `false` or text.
    Value,
    /// InfluxDB line protocol.
    LineProtocol {
        /// Which of a point's tags give the names that topic and rule do not.
        names: PointNames,
        /// The field that has the quality code.
        quality: Option<Arc<str>>,
    },
    /// Batch and laboratory events, a JSON object each.
    BatchEvent,
    /// How many messages the broker has dropped since it was started: a bare whole number.
    DroppedCount,
    /// What edge nodes and their devices say, as Sparkplug B.
    SparkplugB(HostRule),
    /// A scan across the web, as a JSON document.
    Profile(ProfileRule),
}

/// Where a JSON document has what makes a scan: JSON Pointers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRule {
    /// The array of the boxes.
    pub values: Arc<str>,
    /// Where the boxes are, an array as long.
    pub positions: Option<Arc<str>>,
    /// The end of the scan; without it the receive time stands in.
    pub time: Option<Arc<str>>,
    /// The quality code.
    pub quality: Option<Arc<str>>,
    /// What the scanner does: `true`, or a word such as `on-sheet`, while it measures paper.
    pub mode: Option<Arc<str>>,
    /// Names that stand in the payload.
    pub names: PayloadNames,
}

/// How a host application of Sparkplug B treats edge nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRule {
    /// True if it asks for births that it needs, false if it only listens.
    pub asks: bool,
    /// How long it waits for a message that is missing in the sequence.
    pub reorder: Duration,
    /// How long after it has asked a node for its births it may ask again.
    pub ask_every: Duration,
}

impl Default for HostRule {
    /// The defaults of the product: it only listens, and waits for two seconds.
    fn default() -> Self {
        Self { asks: false, reorder: Duration::from_secs(2), ask_every: Duration::from_secs(60) }
    }
}

/// Where a JSON document has what makes a reading.
///
/// A pointer that begins with `/`, or is empty, counts from the item: the document, or what `each` takes.
/// One that begins with a number counts from the value, so many levels up (a Relative JSON Pointer):
/// `1/t` is the key `t` beside the value, `0#` the key under which the value stands. A token `*` in it is
/// the place of the item, in `*`'s sense of `each`, wherever the pointer leaves the item's own way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JsonRule {
    /// The items: a JSON Pointer in which a token `*` takes every element, and every key that no other
    /// pointer names. `None`: the document is one item.
    pub each: Option<Arc<str>>,
    /// Where the values are.
    pub values: JsonValues,
    /// The time; without it the receive time stands in.
    pub time: Option<Arc<str>>,
    /// The quality code.
    pub quality: Option<Arc<str>>,
    /// Names that stand in the payload.
    pub names: PayloadNames,
    /// A document on each line of the payload.
    pub lines: bool,
}

/// Pointers to the names that a JSON document itself gives its readings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PayloadNames {
    /// The line.
    pub line: Option<Arc<str>>,
    /// The area.
    pub area: Option<Arc<str>>,
    /// The tag.
    pub tag: Option<Arc<str>>,
    /// The unit in which a number is sent.
    pub unit: Option<Arc<str>>,
}

/// Where a JSON document has its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JsonValues {
    /// One value, at this JSON Pointer.
    One(Arc<str>),
    /// Many: tag name and JSON Pointer, in order of the tag names.
    Fields(Vec<(Arc<str>, Arc<str>)>),
}

impl Default for JsonValues {
    fn default() -> Self {
        Self::One("/value".into())
    }
}

/// The keys of a point's tags that give the names of its readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointNames {
    /// The tag whose value is the line.
    pub line: Arc<str>,
    /// The tag whose value is the area.
    pub area: Arc<str>,
    /// The tag whose value is the name of the reading's tag.
    pub tag: Arc<str>,
    /// The tag whose value is the unit in which numbers are sent.
    pub unit: Option<Arc<str>>,
}

impl Default for PointNames {
    fn default() -> Self {
        Self { line: "line".into(), area: "area".into(), tag: "tag".into(), unit: None }
    }
}

/// The unit of a number that stands for a time; RFC 3339 text is always understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TimeUnit {
    /// Seconds, fractions allowed.
    Seconds,
    /// Milliseconds.
    #[default]
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// How quality codes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum QualityCodes {
    /// OPC DA: 192 and above good, 64–191 uncertain, below bad.
    #[default]
    OpcDa,
    /// OPC UA status codes (the two top bits), or names such as `Good`.
    OpcUa,
    /// `true` good, `false` bad.
    Bool,
}
