//! What reads bytes from outside, each with valid inputs and with what has to hold.

use crate::oracles::{self, Verdict};
use crate::properties::Properties;
use crate::recordings::Recordings;
use crate::scans::Scans;
use bytes::Bytes;
use onspec::decode::sparkplug::{Topic, Verb, wire};
use onspec::decode::{
    Arrival, Decoder, Fault, Format, JsonRule, JsonValues, Message, NodeMessage, PayloadNames,
    PointNames, Rule, Template, decode_event_line,
};
use onspec::engine::Engine;
use onspec::plant::{Line, ModelSettings, Plant, Tag, Undeclared};
use onspec::reading::Timestamp;
use onspec::sparkplug::{Came, Host, Word};
use prost::Message as _;
use prost_of_srad::Message as _;
use std::io::Write as _;

/// Faults of one payload: those that are named, those that only the decoder adds, and the rest as one.
const FAULTS_MAX: usize = 24;
/// What a decoder may remember: 100,000 names and series with what they need.
const REMEMBERED: isize = 256 << 20;

/// What a compressed input may take: what comes out of a few bytes, and the window that a sender asks for, are
/// as large as a payload may be. Every decoder opens what begins like one.
const UNFOLDED: isize = 64 << 20;

fn is_compressed(input: &[u8]) -> bool {
    input.starts_with(b"\x1f\x8b\x08") || input.starts_with(b"\x28\xb5\x2f\xfd")
}

/// What an input gave.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Readings, events, values.
    pub taken: u64,
    /// Faults.
    pub faults: u64,
}

/// Something that reads bytes.
pub trait Target {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Valid inputs.
    fn seeds(&self) -> Vec<Vec<u8>>;
    /// Reads an input, under the allocator that counts.
    fn read(&mut self, input: &[u8]) -> Outcome;
    /// Judges what was read last.
    fn judge(&mut self, input: &[u8]) -> Verdict;
    /// Bytes that an input may take beyond what any may.
    fn bound(&self, _input: &[u8]) -> isize {
        0
    }
    /// Bytes that may be remembered from input to input.
    fn remembered(&self) -> isize {
        REMEMBERED
    }
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Box<dyn Target + Send>> {
    vec![
        Box::new(json_fields()),
        Box::new(json_items()),
        Box::new(json_columns()),
        Box::new(json_lines()),
        Box::new(points()),
        Box::new(bare()),
        Box::new(times()),
        Box::new(compressed()),
        Box::new(Properties::new()),
        Box::new(Scans::new()),
        Box::new(Sparkplug::default()),
        Box::new(Events::default()),
        Box::new(Checkpoint),
        Box::new(Recordings::new()),
    ]
}

/// A payload that a decoder reads by one rule.
pub(crate) struct Decoding {
    name: &'static str,
    decoder: Decoder,
    seeds: Vec<Vec<u8>>,
    arrival: Arrival,
    pub(crate) messages: Vec<Message>,
    faults: Vec<Fault>,
    oracle: fn(&[u8], &[Message]) -> Verdict,
}

impl Target for Decoding {
    fn name(&self) -> &'static str {
        self.name
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        self.seeds.clone()
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        self.messages.clear();
        self.faults.clear();
        self.arrival.payload = Bytes::copy_from_slice(input);
        self.decoder.decode(&self.arrival, &mut self.messages, &mut self.faults);
        Outcome { taken: self.messages.len() as u64, faults: self.faults.len() as u64 }
    }

    fn judge(&mut self, input: &[u8]) -> Verdict {
        if self.messages.is_empty() && self.faults.is_empty() {
            return Err("neither a reading nor a fault".to_owned());
        }
        if self.faults.len() > FAULTS_MAX {
            return Err(format!("{} faults", self.faults.len()));
        }
        if let Some(long) = self.faults.iter().find(|fault| fault.detail.chars().count() > 120) {
            return Err(format!("a fault of many words: {}", long.detail));
        }
        (self.oracle)(input, &self.messages)
    }

    fn bound(&self, input: &[u8]) -> isize {
        if is_compressed(input) { UNFOLDED } else { 0 }
    }
}

pub(crate) fn decoding(
    name: &'static str,
    format: Format,
    tag: Option<&str>,
    seeds: &[&[u8]],
    oracle: fn(&[u8], &[Message]) -> Verdict,
) -> Decoding {
    let mut rule = Rule::new("gw", Template::parse("in").unwrap(), format);
    rule.tag = tag.map(Into::into);
    Decoding {
        name,
        decoder: Decoder::new(vec![rule]),
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        arrival: Arrival {
            broker: "gw".into(),
            received: Timestamp::from_millis(1_769_126_400_000).unwrap(),
            topic: "in".into(),
            payload: Bytes::new(),
            retained: false,
            properties: None,
        },
        messages: Vec::new(),
        faults: Vec::new(),
        oracle,
    }
}

const FIELDS: &[(&str, &str)] = &[("a", "/a"), ("b", "/b/c"), ("d", "/list/1")];

fn fields_rule() -> JsonRule {
    let fields = FIELDS.iter().map(|(tag, pointer)| ((*tag).into(), (*pointer).into())).collect();
    JsonRule {
        values: JsonValues::Fields(fields),
        time: Some("/ts".into()),
        quality: Some("/q".into()),
        ..JsonRule::default()
    }
}

fn json_fields() -> Decoding {
    let seeds: &[&[u8]] = &[
        br#"{"a":15.25,"b":{"c":-3,"x":[]},"list":[1,2.5e3],"ts":1769126400000,"q":192}"#,
        br#"{"ts":1769126400000,"b":{"c":"FT 150"},"a":true,"list":[null,"x\u00e4"],"z":{"a":[{}]}}"#,
        "{\n \"a\" : 9007199254740993 , \"b\":{ \"c\":0.1},\"list\":[{},\"\u{7eb8}\"] ,\"q\":\"bad\"}\r\n".as_bytes(),
        br#"[{"a":1},2,[3,"b"]]"#,
    ];
    decoding("json", Format::Json(fields_rule()), None, seeds, |payload, messages| {
        oracles::json_is(payload, messages, FIELDS)
    })
}

fn items_rule(each: &str, value: &str, time: &str, tag: &str) -> JsonRule {
    JsonRule {
        each: Some(each.into()),
        values: JsonValues::One(value.into()),
        time: Some(time.into()),
        quality: Some("1/q".into()),
        names: PayloadNames { tag: Some(tag.into()), ..PayloadNames::default() },
        lines: false,
    }
}

fn json_items() -> Decoding {
    let seeds: &[&[u8]] = &[
        br#"{"e":[{"name":"steam","v":[{"v":7.1,"q":192},{"v":7.2,"t":5}]},{"v":[{"v":1}],"name":"speed"}],"ts":1769126400000}"#,
        br#"{"ts":1769126400000,"e":{"x":{"v":{"k":{"v":"FT150","q":0}},"name":17},"y":{"name":"n","v":[[],{"v":false}]}}}"#,
    ];
    let rule = items_rule("/e/*/v/*", "/v", "/t", "3/name");
    decoding("json, items", Format::Json(rule), None, seeds, |payload, messages| {
        oracles::json_holds(payload, messages, false)
    })
}

fn json_columns() -> Decoding {
    let seeds: &[&[u8]] = &[
        br#"{"n":["a","b","c"],"v":[1,2.5,"x"],"t":[1769126400000,1769126401000,1769126402000]}"#,
        br#"{"t":{"a":1769126400000,"b":5},"v":{"b":1,"a":2},"n":{"a":"one","b":"two"}}"#,
    ];
    let rule = items_rule("/v/*", "", "2/t/*", "2/n/*");
    decoding("json, columns", Format::Json(rule), None, seeds, |payload, messages| {
        oracles::json_holds(payload, messages, false)
    })
}

fn json_lines() -> Decoding {
    let seeds: &[&[u8]] = &[
        b"{\"a\":1,\"ts\":1769126400000}\n{\"a\":2.5,\"b\":{\"c\":3}}\r\n\n{\"list\":[0,\"x\"]}\n",
        b"{\"a\":1}",
    ];
    let rule = JsonRule { lines: true, ..fields_rule() };
    decoding("json-lines", Format::Json(rule), None, seeds, |payload, messages| {
        // The fields are named by the rule.
        let named = b"{\"d\":0}\n";
        oracles::json_holds(&[payload, b"\n{\"a\":0,\"b\":0}\n", named].concat(), messages, true)
    })
}

fn points() -> Decoding {
    let seeds: &[&[u8]] = &[
        b"readings,line=tm3,area=dry,tag=bw value=15.1,q=192 1769126400000000000\nm,tag=t\\ 1 text=\"run, \\\"x\\\"\" 5\n",
        b"# a comment\nmodbus,line=tm3,host=gw steam=7.5,ok=true,n=3i,u=18446744073709551615u -5\r\n\r\nm v=1e-3",
    ];
    let format = Format::LineProtocol { names: PointNames::default(), quality: Some("q".into()) };
    decoding("line protocol", format, None, seeds, oracles::points_hold)
}

fn bare() -> Decoding {
    let seeds: &[&[u8]] =
        &[b"15.02", b" -3e2\r\n", b"TRUE", b"\"FT \\u0031\"", b"9007199254740993", b"ON", b"false"];
    decoding("bare values", Format::Value, Some("t"), seeds, oracles::bare_is)
}

fn times() -> Decoding {
    let seeds: &[&[u8]] = &[
        br#"{"value":1,"ts":1769126400000,"q":192}"#,
        br#"{"value":1,"ts":"2026-01-23T08:00:00.5+08:00","q":"Good"}"#,
        br#"{"value":1,"ts":"1769126400123.456789","q":2147483648}"#,
        br#"{"value":1,"ts":1.7691264e12,"q":null}"#,
    ];
    let rule =
        JsonRule { time: Some("/ts".into()), quality: Some("/q".into()), ..JsonRule::default() };
    decoding("times and qualities", Format::Json(rule), Some("t"), seeds, oracles::time_is)
}

/// The values of the compressed inputs: what is damaged gives one of these, or a fault.
const COMPRESSED: &[f64] = &[15.25, 16.5];

fn compressed() -> Decoding {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for value in COMPRESSED {
        let json = format!("{{\"value\":{value},\"text\":\"{}\"}}", "mill ".repeat(20));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(json.as_bytes()).unwrap();
        seeds.push(gzip.finish().unwrap());
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        seeds.push(ruzstd::encoding::compress_to_vec(json.as_bytes(), level));
    }
    let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    let oracle = |payload: &[u8], messages: &[Message]| {
        if !is_compressed(payload) {
            let named = [payload, b"\n{\"t\":0}"].concat();
            return oracles::json_holds(&named, messages, true);
        }
        for message in messages {
            let Message::Reading(reading) = message else { return Err(format!("{message:?}")) };
            let known = reading
                .value
                .number()
                .is_some_and(|n| COMPRESSED.iter().any(|v| v.to_bits() == n.to_bits()));
            if !known {
                return Err(format!("out of thin air: {reading:?}"));
            }
        }
        Ok(())
    };
    let format = Format::Json(JsonRule::default());
    decoding("compressed", format, Some("t"), &seeds, oracle)
}

/// A payload of Sparkplug B, as a birth and as the data after it.
#[derive(Default)]
struct Sparkplug {
    /// Names in full, and numbers.
    values: Vec<(String, Option<f64>)>,
    words: Vec<Word>,
}

impl Sparkplug {
    fn hear(&mut self, host: &mut Host, verb: Verb, input: &[u8]) -> u64 {
        let topic = Topic { group: "mill", verb, node: "tm3", device: None };
        let message = NodeMessage::new(topic, Bytes::copy_from_slice(input));
        let came = Came { received: Timestamp::from_nanos(1), retained: false };
        host.take(&"plant".into(), &message, came, &mut self.words);
        let mut faults = 0;
        for word in self.words.drain(..) {
            match word {
                Word::Reading { reading, .. } => {
                    let full = format!("{}/{}", reading.area, reading.tag);
                    let name = full.strip_prefix('/').unwrap_or(&full).to_owned();
                    self.values.push((name, reading.value.number()));
                }
                Word::Fault(fault) => {
                    assert!(fault.detail.chars().count() <= 400, "{fault:?}");
                    faults += 1;
                }
                _ => {}
            }
        }
        faults
    }
}

impl Target for Sparkplug {
    fn name(&self) -> &'static str {
        "sparkplug b"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        use wire::metric::Value as V;
        let metric = |n: u64, value| wire::Metric {
            name: n.is_multiple_of(2).then(|| format!("Dry/T{n}").into()),
            alias: Some(n),
            timestamp: Some(1_769_126_400_000 + n),
            datatype: Some(u32::try_from(n % 35).unwrap()),
            is_null: n.is_multiple_of(5).then_some(true),
            value: Some(value),
            ..wire::Metric::default()
        };
        let member = wire::Metric { name: Some("amps".into()), ..metric(10, V::Double(2.5)) };
        let template = wire::Template { metrics: vec![member], ..wire::Template::default() };
        let values = [
            (10, V::Double(7.1)),
            (2, V::Int(0xffff_fffe)),
            (8, V::Long(u64::MAX)),
            (9, V::Float(0.5)),
            (11, V::Boolean(true)),
            (12, V::String("FT 150".into())),
            (22, V::Bytes(Bytes::from_static(b"\x01\x02"))),
            (32, V::Bytes(Bytes::from_static(b"\x05\0\0\0\xa8"))),
            (34, V::Bytes(Bytes::from_static(b"\0\0\0\0\0\0\0\0"))),
            (19, V::Template(template.encode_to_vec().into())),
            (10, V::Double(-0.0)),
        ];
        let metrics: Vec<_> = values.into_iter().map(|(n, value)| metric(n, value)).collect();
        let payload = |metrics: &[wire::Metric]| {
            let metrics = metrics.to_vec();
            wire::Payload { timestamp: Some(5), metrics, seq: Some(1), ..wire::Payload::default() }
                .encode_to_vec()
        };
        vec![payload(&metrics), payload(&metrics[..2]), payload(&metrics[6..]), payload(&[])]
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        self.values.clear();
        let mut host = Host::default();
        let faults =
            self.hear(&mut host, Verb::Birth, input) + self.hear(&mut host, Verb::Data, input);
        Outcome { taken: self.values.len() as u64, faults }
    }

    fn judge(&mut self, input: &[u8]) -> Verdict {
        use srad_types::payload::metric::Value as V;
        // Parts that are passed over here, such as metadata, may be damaged.
        let Ok(known) = srad_types::payload::Payload::decode(input) else { return Ok(()) };
        let sent = |metric: &srad_types::payload::Metric| match &metric.value {
            Some(V::DoubleValue(value)) => Some(*value),
            Some(V::FloatValue(value)) => Some(f64::from(*value)),
            Some(V::BooleanValue(on)) => Some(f64::from(u8::from(*on))),
            _ => None,
        };
        for (name, number) in &self.values {
            // Integers by type and width, and parts of one metric: the unit tests.
            let is_it = |metric: &&srad_types::payload::Metric| {
                let known = metric.name.as_deref().unwrap_or_default();
                let rest = name.strip_prefix(known);
                let part = rest.is_some_and(|rest| rest.starts_with(['/', '[']));
                let whole = rest == Some("") && !metric.is_null.unwrap_or(false);
                let equal = sent(metric).is_none_or(|sent| {
                    number.is_some_and(|n| n.to_bits() == (sent + 0.0).to_bits())
                });
                part || whole && equal
            };
            // By an alias data mean what the birth says, which is the same payload.
            if !known.metrics.iter().any(|metric| is_it(&metric))
                && !self.by_alias(&known, *number, sent)
            {
                return Err(format!("{name} = {number:?} is in no metric of {known:?}"));
            }
        }
        Ok(())
    }
}

impl Sparkplug {
    /// True if a metric that has an alias has this number: an alias may be given twice.
    #[expect(clippy::unused_self, reason = "beside its caller")]
    fn by_alias(
        &self,
        known: &srad_types::payload::Payload,
        number: Option<f64>,
        sent: impl Fn(&srad_types::payload::Metric) -> Option<f64>,
    ) -> bool {
        known.metrics.iter().filter(|metric| metric.alias.is_some()).any(|metric| {
            sent(metric)
                .is_none_or(|sent| number.is_some_and(|n| n.to_bits() == (sent + 0.0).to_bits()))
        })
    }
}

/// A batch event, a line of a file of events.
#[derive(Default)]
struct Events {
    shown: Option<String>,
    names: Vec<String>,
}

impl Target for Events {
    fn name(&self) -> &'static str {
        "batch events"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        [
            r#"{"event":"batch-start","batch":"TM3-014","grade":"facial-15","ts":1769126400000}"#,
            r#"{"event":"lab","batch":"TM3-014","property":"tensile_md","value":131.4,"unit":"N/m","ts":"2026-01-23T00:00:00Z"}"#,
            r#"{"event":"batch-end","batch":14,"length_m":78000,"mass_kg":3120,"ts":1769129100000}"#,
            r#"{"event":"merge","batch":"a","into":"b","line":"tm4","station":"unwind","ts":5}"#,
            r#"{"event":"disposition","batch":"a","disposition":"release","by":"shift-a","note":"ok","ts":5}"#,
            r#"{"event":"consumes","batch":"a","from":"LOT-7","mass_kg":1,"from_m":0,"to_m":5.5,"ts":5}"#,
        ]
        .iter()
        .map(|line| line.as_bytes().to_vec())
        .collect()
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        (self.shown, self.names) = (None, Vec::new());
        let Ok(text) = std::str::from_utf8(input) else { return Outcome::default() };
        match decode_event_line(text, Some("tm3")) {
            Ok(message) => {
                self.names.extend(message.event.batch().map(ToString::to_string));
                self.shown = Some(message.line.to_string());
                Outcome { taken: 1, faults: 0 }
            }
            Err(fault) => {
                assert!(fault.detail.chars().count() <= 120, "{fault:?}");
                Outcome { taken: 0, faults: 1 }
            }
        }
    }

    fn judge(&mut self, input: &[u8]) -> Verdict {
        let Some(line) = self.shown.take() else { return Ok(()) };
        let value: serde_json::Value =
            serde_json::from_slice(input).map_err(|error| error.to_string())?;
        let text = |key: &str| match value.get(key) {
            Some(serde_json::Value::String(text)) => text.trim().to_owned(),
            Some(other) if !other.is_null() => other.to_string(),
            _ => String::new(),
        };
        let said = text("line");
        if line != said && !(said.is_empty() && line == "tm3") {
            return Err(format!("line `{line}`"));
        }
        match self.names.iter().find(|name| **name != text("batch")) {
            Some(name) => Err(format!("batch `{name}`")),
            None => Ok(()),
        }
    }
}

/// The state of the engine, as the store keeps it.
#[derive(Default)]
struct Checkpoint;

impl Target for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let tags = vec![Tag::named("steam"), Tag::named("speed")];
        let plant = Plant {
            site: "mill".into(),
            lines: vec![Line { tags, ..Line::named("tm3") }],
            grades: onspec::plant::Grades::default(),
            undeclared: Undeclared::Store,
            undeclared_max: 10,
            models: ModelSettings::default(),
            costs: None,
        };
        let rule =
            Rule::new("gw", Template::parse("{line}/{tag}").unwrap(), Format::Json(fields_rule()));
        vec![Engine::new(plant, vec![rule]).checkpoint()]
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        let good = Engine::restore(input).is_ok();
        Outcome { taken: u64::from(good), faults: u64::from(!good) }
    }

    fn judge(&mut self, _: &[u8]) -> Verdict {
        Ok(())
    }

    /// `serde` makes room for a sequence as long as it says, up to a mebibyte, in each sequence around another.
    fn bound(&self, _input: &[u8]) -> isize {
        16 << 20
    }
}
