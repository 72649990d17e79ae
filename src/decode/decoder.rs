//! The decoder: which rule takes a topic, and what its payload says.

use super::compressed::opened;
use super::event::{LineSource, decode_payload};
use super::json::{JsonReader, Said};
use super::limits::{PAYLOAD_BYTES_MAX, fault, found};
use super::line_protocol::{Given, PointReader};
use super::names::Interner;
use super::sparkplug::{Topic, Verb};
use super::stated::{NOTHING, Part, Stated, admit, or, sent_at};
use super::topics::Remembered;
use super::units::Units;
use super::value::bare;
use super::{
    Arrival, Fault, Format, HostRule, Message, NamedReading, NodeMessage, ProfileMessage,
    ProfileRule, Reason, Rule, Template, profile,
};
use crate::plant::Plant;
use crate::reading::{SourceQuality, Timestamp};
use bytes::Bytes;
use std::sync::Arc;

/// Where host applications say whether they are there.
const STATES: &str = "spBv1.0/STATE/";

/// Reads arrivals by the rules of the subscriptions.
///
/// The rules of a broker read what that broker sends, and nothing else: two brokers may have the same
/// topics for two lines. Of several rules of a broker that take a topic the one whose template describes it most closely reads it: level
/// by level a literal is closer than a placeholder, a placeholder closer than `{name...}` or `#`; of
/// equal ones the first in the configuration. So `mill/{line}/events` reads its events also where
/// `mill/{line}/{area}` stands before it. No message is read twice.
#[derive(Debug)]
pub struct Decoder {
    /// The closest rule first.
    rules: Vec<Prepared>,
    /// The brokers of the rules; their places are the kinds of topics.
    brokers: Vec<Arc<str>>,
    topics: Remembered<Names>,
    units: Units,
}

/// A rule with what can be worked out once.
#[derive(Debug)]
struct Prepared {
    rule: Rule,
    reader: Reader,
    /// For Sparkplug B: takes all that the edge nodes of the rule's template say, whatever their devices.
    nodes: Option<Template>,
    /// The names that user properties give.
    stated: Interner,
}

/// What reads the payloads of a rule.
#[derive(Debug)]
enum Reader {
    Json(Box<JsonReader>),
    Points(PointReader),
    /// The payload is one thing.
    Whole,
}

/// What a topic says: its rule and its names, shared by all its messages.
#[derive(Debug, Clone)]
struct Names {
    rule: usize,
    line: Arc<str>,
    area: Arc<str>,
    /// `None` if neither the topic nor the rule names a tag.
    tag: Option<Arc<str>>,
    /// True if one of them has a control character in it: it would stand in series and in the log.
    control: bool,
    /// For Sparkplug B: whose message it is.
    source: Option<NodeTopic>,
}

/// What a topic of Sparkplug B says.
#[derive(Debug, Clone)]
struct NodeTopic {
    group: Arc<str>,
    node: Arc<str>,
    device: Option<Arc<str>>,
    verb: Verb,
    wanted: bool,
}

impl Decoder {
    /// A decoder for these rules, in order of the configuration, that knows of no tag which unit it is
    /// declared in.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut rules: Vec<Prepared> = rules.into_iter().map(Prepared::new).collect();
        // A stable sort: equally close rules stay in the order of the configuration.
        rules.sort_by(|a, b| a.rule.template.closeness().cmp(b.rule.template.closeness()));
        let mut brokers: Vec<Arc<str>> = Vec::new();
        for Prepared { rule, .. } in &rules {
            if !brokers.contains(&rule.broker) {
                brokers.push(Arc::clone(&rule.broker));
            }
        }
        Self { rules, brokers, topics: Remembered::new(), units: Units::default() }
    }

    /// A decoder for these rules that converts what is sent in another unit than the plant declares.
    #[must_use]
    pub fn for_plant(rules: Vec<Rule>, plant: &Plant) -> Self {
        Self { units: Units::of(plant), ..Self::new(rules) }
    }

    /// Reads one arrival: appends what it says to `out`, and to `faults` what was not taken. Returns when
    /// readings without a time of their own are of: when it came, or when it was sent, where its expiry
    /// interval tells that.
    ///
    /// A retained message is a last known value, not a new sample: without a time, its own or by its expiry
    /// interval, nobody knows of when, so it is a fault.
    pub fn decode(
        &mut self,
        arrival: &Arrival,
        out: &mut Vec<Message>,
        faults: &mut Vec<Fault>,
    ) -> Timestamp {
        self.read(arrival, out, faults).unwrap_or_else(|refused| {
            faults.push(refused);
            arrival.received
        })
    }

    fn read(
        &mut self,
        arrival: &Arrival,
        out: &mut Vec<Message>,
        faults: &mut Vec<Fault>,
    ) -> Result<Timestamp, Fault> {
        let no_rule = || fault(Reason::UnknownTopic, "no subscription takes the topic");
        let broker = self.brokers.iter().position(|broker| *broker == arrival.broker);
        let broker = broker.and_then(|broker| u64::try_from(broker).ok()).ok_or_else(no_rule)?;
        let matched;
        let known = self.topics.find(broker, &arrival.topic);
        let names = if let Some(names) = known.and_then(|place| self.topics.get(place)) {
            names
        } else {
            matched = self.matched(&arrival.broker, &arrival.topic).ok_or_else(no_rule)?;
            self.topics.insert(broker, Arc::clone(&arrival.topic), matched.clone());
            &matched
        };
        if names.control {
            let topic = found(&arrival.topic);
            let detail = format!("a name in the topic has a control character: `{topic}`");
            return Err(fault(Reason::UnknownTopic, detail));
        }
        if arrival.payload.len() > PAYLOAD_BYTES_MAX {
            let len = arrival.payload.len();
            let detail = format!("the payload has {len} bytes, {PAYLOAD_BYTES_MAX} allowed");
            return Err(fault(Reason::TooLarge, detail));
        }
        let prepared = self.rules.get_mut(names.rule).ok_or_else(no_rule)?;
        let (rule, reader) = (&prepared.rule, &mut prepared.reader);
        let (mut stated, mut sent) = (None, None);
        if let Some(properties) =
            arrival.properties.as_deref().filter(|_| !rule.properties.is_nothing())
        {
            admit(rule, properties)?;
            stated = Some(Stated::read(rule, properties, &mut prepared.stated));
            sent = sent_at(rule, properties, arrival.received);
        }
        let payload = opened(&arrival.payload)?;
        let (stated, units) = (stated.as_ref().unwrap_or(&NOTHING), &mut self.units);
        let mut taking =
            Taking { arrival, names, rule, stated, sent, units, out, refused: Vec::new() };
        taking.payload(payload.as_ref(), reader, faults);
        faults.append(&mut taking.refused);
        Ok(sent.unwrap_or(arrival.received))
    }

    /// Converts a reading that was sent in a unit to the one in which its tag is declared.
    ///
    /// # Errors
    /// When it cannot be converted.
    pub fn convert(&mut self, reading: &mut NamedReading, sent: &str) -> Result<(), Fault> {
        self.units.convert(reading, sent)
    }

    /// The template of the rule that reads a topic of a broker; `None` if no rule does.
    #[must_use]
    pub fn template(&self, broker: &str, topic: &str) -> Option<&str> {
        let names = self.matched(broker, topic)?;
        self.rules.get(names.rule).map(|prepared| prepared.rule.template.as_str())
    }

    fn matched(&self, broker: &str, topic: &str) -> Option<Names> {
        let its_own = |(_, prepared): &(usize, &Prepared)| *prepared.rule.broker == *broker;
        let mut of_node = None;
        let exact = self.rules.iter().enumerate().filter(its_own).find_map(|(ix, prepared)| {
            let captures = prepared.rule.template.matches(topic);
            if let (None, None, Some(nodes)) = (captures, &of_node, &prepared.nodes) {
                of_node = nodes.matches(topic).map(|captures| (ix, &prepared.rule, captures));
            }
            Some((ix, &prepared.rule, captures?))
        });
        let is_exact = exact.is_some();
        let (ix, rule, captures) = exact.or(of_node)?;
        let name = |taken: Option<&str>, fixed: &Option<Arc<str>>| {
            taken.map(Arc::from).or_else(|| fixed.clone())
        };
        let source = match rule.format {
            Format::SparkplugB(_) => Topic::parse(topic).map(|topic| NodeTopic {
                group: topic.group.into(),
                node: topic.node.into(),
                device: topic.device.map(Arc::from),
                verb: topic.verb,
                wanted: is_exact || topic.device.is_none(),
            }),
            _ => None,
        };
        let ids = source.iter().flat_map(|source| {
            [Some(&*source.group), Some(&*source.node), source.device.as_deref()]
        });
        let taken = [captures.line, captures.area, captures.tag].into_iter().chain(ids);
        let control = taken.flatten().any(|name| name.contains(char::is_control));
        Some(Names {
            rule: ix,
            line: name(captures.line, &rule.line).unwrap_or_default(),
            area: name(captures.area, &rule.area).unwrap_or_default(),
            tag: name(captures.tag, &rule.tag),
            control,
            source,
        })
    }
}

impl Prepared {
    fn new(rule: Rule) -> Self {
        let (times, codes) = (rule.time_unit, rule.quality_codes);
        let reader = match &rule.format {
            Format::Json(json) => {
                let elsewhere = rule.properties.names.tag.is_some();
                let json = JsonReader::new(json, times, codes).with_tag_elsewhere(elsewhere);
                Reader::Json(Box::new(json))
            }
            Format::LineProtocol { names, quality } => {
                Reader::Points(PointReader::new(names.clone(), quality.clone(), times, codes))
            }
            Format::Value
            | Format::BatchEvent
            | Format::DroppedCount
            | Format::SparkplugB(_)
            | Format::Profile(_) => Reader::Whole,
        };
        let nodes = match rule.format {
            Format::SparkplugB(_) => rule.template.of_node(),
            _ => None,
        };
        Self { rule, reader, nodes, stated: Interner::default() }
    }
}

/// One arrival that is being read.
struct Taking<'a> {
    arrival: &'a Arrival,
    names: &'a Names,
    rule: &'a Rule,
    stated: &'a Stated,
    /// When it was sent, where its expiry interval tells that.
    sent: Option<Timestamp>,
    units: &'a mut Units,
    out: &'a mut Vec<Message>,
    /// Readings that were read and cannot be taken; each reason once.
    refused: Vec<Fault>,
}

impl Taking<'_> {
    fn payload(&mut self, payload: &[u8], reader: &mut Reader, faults: &mut Vec<Fault>) {
        let Self { arrival, names, .. } = *self;
        match (&self.rule.format, reader) {
            (Format::BatchEvent, _) => {
                let source = if names.line.is_empty() {
                    LineSource::Body
                } else {
                    LineSource::Topic(&names.line)
                };
                let no_time = if arrival.retained { Err(retained()) } else { Ok(arrival.received) };
                let take = |message| self.out.push(Message::Batch(message));
                decode_payload(payload, source, &no_time, take, faults);
            }
            (Format::Value, _) => match bare(payload) {
                Err(fault) => faults.push(fault),
                Ok(value) => self.take(Said::only(value)),
            },
            (Format::SparkplugB(rule), _) => match self.node_message(payload, *rule) {
                Ok(message) => self.out.extend(message.map(Box::new).map(Message::Node)),
                Err(fault) => faults.push(fault),
            },
            (Format::Profile(rule), _) => match self.profile(payload, rule, faults) {
                Ok(message) => self.out.push(Message::Profile(Box::new(message))),
                Err(fault) => faults.push(fault),
            },
            (Format::DroppedCount, _) => match dropped(payload) {
                Ok(count) => self.out.push(Message::Dropped(count)),
                Err(fault) => faults.push(fault),
            },
            (Format::Json(_), Reader::Json(json)) => {
                json.read(payload, faults, |said| self.take(said));
            }
            (Format::LineProtocol { .. }, Reader::Points(points)) => {
                let (line, area, tag) = (&names.line, &names.area, names.tag.as_ref());
                let given = Given { line, area, tag, stated: self.stated };
                points.read(payload, given, faults, |reading, unit| {
                    self.reading(reading, unit);
                });
            }
            (Format::Json(_) | Format::LineProtocol { .. }, _) => {
                unreachable!("such a rule is prepared with its reader")
            }
        }
    }

    /// A scan across the web, in the declared unit.
    fn profile(
        &mut self,
        payload: &[u8],
        rule: &ProfileRule,
        faults: &mut Vec<Fault>,
    ) -> Result<ProfileMessage, Fault> {
        let Self { arrival, names, stated, .. } = *self;
        let read = (self.rule.time_unit, self.rule.quality_codes);
        let mut said = profile::read(payload, rule, read, faults)?;
        let at = or(said.at, &stated.time)?;
        if arrival.retained && at.is_none() && self.sent.is_none() {
            return Err(retained());
        }
        let tag = or(said.tag, &stated.tag)?.or_else(|| names.tag.clone());
        let tag = tag.ok_or_else(|| no_tag(&arrival.topic))?;
        let line = or(said.line, &stated.line)?.unwrap_or_else(|| Arc::clone(&names.line));
        let area = or(said.area, &stated.area)?.unwrap_or_else(|| Arc::clone(&names.area));
        let declared = self.rule.units.get(&tag).or(self.rule.unit.as_ref());
        if let Some(sent) = said.unit.as_ref().or(stated.unit.as_ref()).or(declared) {
            self.units.convert_boxes((&line, &area, &tag), &mut said.values, sent)?;
        }
        let quality = or(said.quality, &stated.quality).unwrap_or_else(|refused| {
            self.refuse(refused);
            Some(SourceQuality::Bad)
        });
        let (values, positions, on_sheet) = (said.values, said.positions, said.on_sheet);
        let quality = quality.unwrap_or_default();
        Ok(ProfileMessage { line, area, tag, at, values, positions, quality, on_sheet })
    }

    /// What an edge node says; `None` for what is said to one, or by another host application.
    fn node_message(&self, payload: &[u8], rule: HostRule) -> Result<Option<NodeMessage>, Fault> {
        let Self { arrival, names, .. } = *self;
        let Some(source) = &names.source else {
            if arrival.topic.starts_with(STATES) {
                return Ok(None);
            }
            let topic = found(&arrival.topic);
            let detail = format!("`{topic}` is no topic of an edge node: spBv1.0/GROUP/TYPE/NODE");
            return Err(fault(Reason::UnknownTopic, detail));
        };
        if source.verb == Verb::Command {
            return Ok(None);
        }
        // Mostly it came as it is, and is not copied.
        let as_it_came = payload.as_ptr() == arrival.payload.as_ptr();
        let payload =
            if as_it_came { arrival.payload.clone() } else { Bytes::copy_from_slice(payload) };
        Ok(Some(NodeMessage {
            group: Arc::clone(&source.group),
            node: Arc::clone(&source.node),
            device: source.device.clone(),
            verb: source.verb,
            line: Arc::clone(&names.line),
            area: Arc::clone(&names.area),
            wanted: source.wanted,
            rule,
            payload,
        }))
    }

    /// Takes a value: what its payload does not say of it a property may, else topic and rule.
    fn take(&mut self, said: Said<'_>) {
        let Self { names, stated, .. } = *self;
        let whole = |own: Part<Arc<str>>, given: &Arc<str>| {
            own.map(|own| own.unwrap_or_else(|| Arc::clone(given)))
        };
        let named = || {
            Ok((
                whole(or(said.line, &stated.line), &names.line)?,
                whole(or(said.area, &stated.area), &names.area)?,
                or(said.tag, &stated.tag)?.or_else(|| names.tag.clone()),
                or(said.at, &stated.time)?,
            ))
        };
        let (line, area, tag, at) = match named() {
            Ok(named) => named,
            Err(refused) => return self.refuse(refused),
        };
        let Some(tag) = tag else { return self.refuse(no_tag(&self.arrival.topic)) };
        let quality = or(said.quality, &stated.quality).unwrap_or_else(|refused| {
            self.refuse(refused);
            Some(SourceQuality::Bad)
        });
        let (quality, value) = (quality.unwrap_or_default(), said.value);
        let unit = said.unit.as_deref().or(stated.unit.as_deref());
        self.reading(NamedReading { line, area, tag, at, value, quality }, unit);
    }

    /// Takes a reading that was sent in this unit, if anything says so.
    fn reading(&mut self, mut reading: NamedReading, unit: Option<&str>) {
        if self.arrival.retained && reading.at.is_none() && self.sent.is_none() {
            return self.refuse(retained());
        }
        let declared = self.rule.units.get(&reading.tag).or(self.rule.unit.as_ref());
        if let Some(sent) = unit.or(declared.map(|unit| &**unit))
            && let Err(fault) = self.units.convert(&mut reading, sent)
        {
            return self.refuse(fault);
        }
        self.out.push(Message::Reading(reading));
    }

    /// Refuses a reading. What is wrong with one is wrong with all of the payload: it is said once.
    fn refuse(&mut self, refused: Fault) {
        if self.refused.iter().all(|known| known.reason != refused.reason) {
            self.refused.push(refused);
        }
    }
}

/// A broker's count of what it dropped.
fn dropped(payload: &[u8]) -> Result<u64, Fault> {
    let text = std::str::from_utf8(payload).map_err(|_| fault(Reason::NotUtf8, "not UTF-8"))?;
    text.trim().parse().map_err(|_| {
        let detail = format!("a whole number of dropped messages is wanted, not `{}`", found(text));
        fault(Reason::WrongType, detail)
    })
}

fn retained() -> Fault {
    fault(Reason::Retained, "retained and without a time of its own: nobody knows of when it is")
}

/// The configuration asks for a tag in the topic, the rule or the fields; a rule made by hand may not.
fn no_tag(topic: &str) -> Fault {
    let topic = found(topic);
    fault(
        Reason::UnknownTopic,
        format!("nothing names a tag, neither topic `{topic}` nor its rule"),
    )
}

#[cfg(test)]
mod tests;
