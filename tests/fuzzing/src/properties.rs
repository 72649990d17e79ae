//! User properties of MQTT 5: a payload that says nothing beside its value, and inputs that are what its
//! message says of it.

use crate::oracles::Verdict;
use crate::targets::{Outcome, Target};
use bytes::Bytes;
use onspec::decode::{
    Arrival, Decoder, Fault, Format, Message, PayloadNames, PropertyRule, Rule, Template, Wanted,
};
use onspec::engine::Event;
use onspec::reading::{SourceQuality, Timestamp};
use std::borrow::Cow;

/// When all messages come, ms.
const RECEIVED: i64 = 1_769_126_400_000;
/// The interval with which they are sent, s.
const INTERVAL_S: u32 = 3600;

/// A line of an input is the key and the text of a user property; `type` and `left` are no such ones, but
/// the content type, and what remains of the expiry interval.
pub(crate) struct Properties {
    decoder: Decoder,
    wanted: Wanted,
    messages: Vec<Message>,
    faults: Vec<Fault>,
    sent: Timestamp,
    journal: Vec<u8>,
}

impl Properties {
    pub(crate) fn new() -> Self {
        let key = |name: &str| Some(name.into());
        let names = PayloadNames {
            line: key("line"),
            area: key("area"),
            tag: key("tag"),
            unit: key("unit"),
        };
        let properties = PropertyRule {
            names,
            time: key("time"),
            quality: key("quality"),
            content_types: vec!["text/plain".into()],
            expiry_s: Some(INTERVAL_S),
        };
        let template = Template::parse("in/{line}/{tag}").unwrap();
        let rule = Rule { properties, ..Rule::new("gw", template, Format::Value) };
        let wanted = Wanted::by([&rule]);
        let (decoder, sent) = (Decoder::new(vec![rule]), Timestamp::from_nanos(0));
        let (messages, faults, journal) = (Vec::new(), Vec::new(), Vec::new());
        Self { decoder, wanted, messages, faults, sent, journal }
    }

    fn arrival(&self, input: &str) -> Arrival {
        let left = first(input, "left").and_then(|left| left.parse().ok());
        Arrival {
            broker: "gw".into(),
            received: Timestamp::from_millis(RECEIVED).unwrap(),
            topic: "in/topic/topic".into(),
            payload: Bytes::from_static(b"7"),
            retained: false,
            properties: self.wanted.of(first(input, "type"), left, pairs(input)),
        }
    }
}

fn pairs(input: &str) -> impl Iterator<Item = (&str, &str)> {
    input.split('\n').map(|line| line.split_once('=').unwrap_or((line, "")))
}

fn first<'i>(input: &'i str, wanted: &str) -> Option<&'i str> {
    pairs(input).find(|(key, _)| *key == wanted).map(|(_, text)| text)
}

/// The library takes no text that is none.
fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

impl Target for Properties {
    fn name(&self) -> &'static str {
        "user properties"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let seeds: [&[u8]; 4] = [
            b"line=tm3\narea=dry\ntag=steam\nunit=kPa\ntime=1769126399500\nquality=192",
            b"type=Text/Plain; charset=utf-8\ntag=a\ntag=b\nleft=600",
            b"time=2026-01-23T08:00:00.5+08:00\nquality=Good\nother=x",
            b"left=3601\ntype=application/json",
        ];
        seeds.map(<[u8]>::to_vec).into()
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        self.messages.clear();
        self.faults.clear();
        self.journal.clear();
        let arrival = self.arrival(&text(input));
        self.sent = self.decoder.decode(&arrival, &mut self.messages, &mut self.faults);
        Event::Arrival(arrival).encode(&mut self.journal);
        Outcome { taken: self.messages.len() as u64, faults: self.faults.len() as u64 }
    }

    fn judge(&mut self, input: &[u8]) -> Verdict {
        let input = text(input);
        if Event::decode_all(&self.journal) != Ok(vec![Event::Arrival(self.arrival(&input))]) {
            return Err("the journal gives another message".to_owned());
        }
        let age_s = Timestamp::from_millis(RECEIVED).unwrap().seconds_since(self.sent);
        if !(0.0..=f64::from(INTERVAL_S)).contains(&age_s) {
            return Err(format!("{age_s} s old"));
        }
        if self.messages.is_empty() == self.faults.is_empty() {
            // A quality that cannot be read is told beside its reading.
            let bad = self.faults.iter().all(|fault| fault.reason.as_str() == "bad-quality");
            if !bad || self.messages.len() != 1 {
                return Err(format!("{:?} {:?}", self.messages, self.faults));
            }
        }
        for message in &self.messages {
            let Message::Reading(reading) = message else { return Err(format!("{message:?}")) };
            for (key, name, otherwise) in [
                ("line", &reading.line, "topic"),
                ("tag", &reading.tag, "topic"),
                ("area", &reading.area, ""),
            ] {
                if **name != *first(&input, key).unwrap_or(otherwise) {
                    return Err(format!("{key} `{name}` was not said"));
                }
            }
            if reading.at.is_some() != first(&input, "time").is_some() {
                return Err(format!("the time {:?} was not said", reading.at));
            }
            let unsaid = first(&input, "quality").is_none();
            if unsaid && reading.quality != SourceQuality::Good {
                return Err(format!("{:?} was not said", reading.quality));
            }
            if reading.value.number().map(f64::to_bits) != Some(7_f64.to_bits()) {
                return Err(format!("out of thin air: {reading:?}"));
            }
        }
        Ok(())
    }
}
