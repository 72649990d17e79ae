//! The decoder: which rule takes a topic, and what its payload says.

use super::compressed::opened;
use super::event::{LineSource, decode_payload};
use super::json::JsonReader;
use super::limits::{PAYLOAD_BYTES_MAX, fault, found};
use super::line_protocol::{Given, PointReader};
use super::topics::Remembered;
use super::units::Units;
use super::value::bare;
use super::{Arrival, Fault, Format, Message, NamedReading, Reason, Rule};
use crate::plant::Plant;
use crate::reading::{SourceQuality, Timestamp, Value};
use std::sync::Arc;

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

    /// Reads one arrival: appends what it says to `out`, and to `faults` what was not taken.
    ///
    /// A retained message is a last known value, not a new sample: without a time of its own nobody
    /// knows of when, so it is a fault.
    pub fn decode(&mut self, arrival: &Arrival, out: &mut Vec<Message>, faults: &mut Vec<Fault>) {
        let no_rule = || fault(Reason::UnknownTopic, "no subscription takes the topic");
        let broker = self.brokers.iter().position(|broker| *broker == arrival.broker);
        let Some(broker) = broker.and_then(|broker| u64::try_from(broker).ok()) else {
            return faults.push(no_rule());
        };
        let matched;
        let known = self.topics.find(broker, &arrival.topic);
        let names = if let Some(names) = known.and_then(|place| self.topics.get(place)) {
            names
        } else {
            let Some(names) = self.matched(&arrival.broker, &arrival.topic) else {
                return faults.push(no_rule());
            };
            matched = names;
            self.topics.insert(broker, Arc::clone(&arrival.topic), matched.clone());
            &matched
        };
        if names.control {
            let topic = found(&arrival.topic);
            let detail = format!("a name in the topic has a control character: `{topic}`");
            return faults.push(fault(Reason::UnknownTopic, detail));
        }
        if arrival.payload.len() > PAYLOAD_BYTES_MAX {
            let len = arrival.payload.len();
            let detail = format!("the payload has {len} bytes, {PAYLOAD_BYTES_MAX} allowed");
            return faults.push(fault(Reason::TooLarge, detail));
        }
        let payload = match opened(&arrival.payload) {
            Ok(payload) => payload,
            Err(fault) => return faults.push(fault),
        };
        let Some(Prepared { rule, reader }) = self.rules.get_mut(names.rule) else { return };
        let units = &mut self.units;
        let mut taking = Taking { arrival, names, rule, units, out, refused: Vec::new() };
        taking.payload(payload.as_ref(), reader, faults);
        faults.append(&mut taking.refused);
    }

    /// The template of the rule that reads a topic of a broker; `None` if no rule does.
    #[must_use]
    pub fn template(&self, broker: &str, topic: &str) -> Option<&str> {
        let names = self.matched(broker, topic)?;
        self.rules.get(names.rule).map(|prepared| prepared.rule.template.as_str())
    }

    fn matched(&self, broker: &str, topic: &str) -> Option<Names> {
        let its_own = |(_, prepared): &(usize, &Prepared)| *prepared.rule.broker == *broker;
        self.rules.iter().enumerate().filter(its_own).find_map(|(ix, Prepared { rule, .. })| {
            let captures = rule.template.matches(topic)?;
            let name = |taken: Option<&str>, fixed: &Option<Arc<str>>| {
                taken.map(Arc::from).or_else(|| fixed.clone())
            };
            let taken = [captures.line, captures.area, captures.tag];
            Some(Names {
                rule: ix,
                line: name(captures.line, &rule.line).unwrap_or_default(),
                area: name(captures.area, &rule.area).unwrap_or_default(),
                tag: name(captures.tag, &rule.tag),
                control: taken.into_iter().flatten().any(|name| name.contains(char::is_control)),
            })
        })
    }
}

impl Prepared {
    fn new(rule: Rule) -> Self {
        let (times, codes) = (rule.time_unit, rule.quality_codes);
        let reader = match &rule.format {
            Format::Json(json) => Reader::Json(Box::new(JsonReader::new(json, times, codes))),
            Format::LineProtocol { names, quality } => {
                Reader::Points(PointReader::new(names.clone(), quality.clone(), times, codes))
            }
            Format::Value | Format::BatchEvent | Format::DroppedCount => Reader::Whole,
        };
        Self { rule, reader }
    }
}

/// One arrival that is being read.
struct Taking<'a> {
    arrival: &'a Arrival,
    names: &'a Names,
    rule: &'a Rule,
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
                _ if arrival.retained => faults.push(retained()),
                Err(fault) => faults.push(fault),
                Ok(value) => {
                    let (line, area) = (Arc::clone(&names.line), Arc::clone(&names.area));
                    let quality = SourceQuality::Good;
                    self.take(line, area, names.tag.clone(), None, value, quality, None);
                }
            },
            (Format::DroppedCount, _) => match dropped(payload) {
                Ok(count) => self.out.push(Message::Dropped(count)),
                Err(fault) => faults.push(fault),
            },
            (Format::Json(_), Reader::Json(json)) => {
                json.read(payload, faults, |said| {
                    let line = said.line.unwrap_or_else(|| Arc::clone(&names.line));
                    let area = said.area.unwrap_or_else(|| Arc::clone(&names.area));
                    let tag = said.tag.or_else(|| names.tag.clone());
                    let unit = said.unit.as_deref();
                    self.take(line, area, tag, said.at, said.value, said.quality, unit);
                });
            }
            (Format::LineProtocol { .. }, Reader::Points(points)) => {
                let given = Given { line: &names.line, area: &names.area, tag: names.tag.as_ref() };
                points.read(payload, given, faults, |reading, unit| {
                    self.reading(reading, unit);
                });
            }
            (Format::Json(_) | Format::LineProtocol { .. }, _) => {
                unreachable!("such a rule is prepared with its reader")
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one reading")]
    fn take(
        &mut self,
        line: Arc<str>,
        area: Arc<str>,
        tag: Option<Arc<str>>,
        at: Option<Timestamp>,
        value: Value,
        quality: SourceQuality,
        unit: Option<&str>,
    ) {
        let Some(tag) = tag else { return self.refuse(no_tag(&self.arrival.topic)) };
        self.reading(NamedReading { line, area, tag, at, value, quality }, unit);
    }

    /// Takes a reading that was sent in this unit, if anything says so.
    fn reading(&mut self, mut reading: NamedReading, unit: Option<&str>) {
        if self.arrival.retained && reading.at.is_none() {
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
    fault(Reason::UnknownTopic, format!("neither the topic `{topic}` nor its rule names a tag"))
}

#[cfg(test)]
mod tests;
