//! `cargo bench --bench decode`: the decoders on one core, from payload to readings.
//!
//! Printed is the processor's time beside that of a reference in the same run, which reads the same bytes and
//! makes nothing of them: `serde_json` into values, a search for the ends of lines, `prost` alone.
//!
//! `cargo bench --bench decode -- JSON` measures only what has this in its name.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench measures and prints")]

use bytes::Bytes;
use onspec::decode::sparkplug::{Topic, Verb, wire};
use onspec::decode::{
    Arrival, Decoder, Format, JsonRule, JsonValues, NodeMessage, PayloadNames, PointNames, Rule,
    Template, TimeUnit,
};
use onspec::reading::Timestamp;
use onspec::sparkplug::{Came, Host};
use prost::Message as _;
use std::fmt::Write as _;
use std::hint::black_box;

#[path = "cpu.rs"]
mod cpu;

/// Runs, of which the best is told: the others were disturbed.
const RUNS: usize = 5;
/// Seconds of the processor that a run takes at least: the counters have a resolution of 10 ms.
const RUN_SECONDS: f64 = 0.5;
/// Tags of the plant, each with a topic.
const TAGS: usize = 2000;
const METRICS: usize = 60;
/// The time of the first message.
const BEGIN_MS: i64 = 1_769_126_400_000;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|asked| asked != "--bench").collect();
    println!("{:<44} {:>10} {:>12} {:>10} {:>6}", "", "each", "a second", "reference", "ratio");
    let measure = |what: &str, bench: &dyn Fn(&str)| {
        if asked.iter().all(|asked| what.contains(asked)) {
            bench(what);
        }
    };
    measure("JSON of one value, a message", &json_of_one_value);
    measure("JSON, 46 fields, a value", &|what| json_of_many_values(what, fields_rule(), &wide()));
    measure("JSON, list of 60 named tags, a value", &|what| {
        json_of_many_values(what, list_rule(), &list());
    });
    measure("line protocol, a line", &line_protocol);
    measure("Sparkplug B, 60 metrics with names, a metric", &|what| sparkplug(what, true));
    measure("Sparkplug B, 60 metrics with aliases, a metric", &|what| sparkplug(what, false));
}

/// Seconds of the processor that `work` takes for one of its units: it says how many it did.
fn seconds_each(mut work: impl FnMut() -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let (begun, mut done) = (cpu::seconds(), 0);
        let spent = loop {
            done += work();
            let spent = cpu::seconds() - begun;
            if spent >= RUN_SECONDS {
                break spent;
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a count of readings")]
        let each = spent / done as f64;
        best = best.min(each);
    }
    best
}

fn tell(what: &str, each: f64, reference: f64) {
    let (nanos, millions) = (each * 1e9, 1e-6 / each);
    let (reference, ratio) = (reference * 1e9, each / reference);
    println!("{what:<44} {nanos:>7.1} ns {millions:>8.2} mio {reference:>7.1} ns {ratio:>6.2}");
}

/// Seconds for a unit of what a decoder makes of arrivals.
fn decoded(rule: Rule, arrivals: &[Arrival], units: usize) -> f64 {
    let mut decoder = Decoder::new(vec![rule]);
    let (mut messages, mut faults) = (Vec::new(), Vec::new());
    seconds_each(|| {
        for arrival in arrivals {
            messages.clear();
            decoder.decode(arrival, &mut messages, &mut faults);
            black_box(&messages);
        }
        assert!(faults.is_empty(), "{:?}", faults.first());
        units
    })
}

/// Seconds for a unit of what `serde_json` makes of the payloads.
fn parsed(arrivals: &[Arrival], units: usize) -> f64 {
    seconds_each(|| {
        for arrival in arrivals {
            let value: serde_json::Value =
                serde_json::from_slice(&arrival.payload).expect("the bench writes JSON");
            black_box(value);
        }
        units
    })
}

fn rule(template: &str, format: Format) -> Rule {
    Rule::new("plant", Template::parse(template).expect("a template"), format)
}

fn arrival(topic: &str, payload: impl Into<Bytes>) -> Arrival {
    Arrival {
        broker: "plant".into(),
        received: Timestamp::from_millis(BEGIN_MS).expect("a time of this century"),
        topic: topic.into(),
        payload: payload.into(),
        retained: false,
        properties: None,
    }
}

fn json_of_one_value(what: &str) {
    let json =
        JsonRule { time: Some("/ts".into()), quality: Some("/q".into()), ..JsonRule::default() };
    let arrivals: Vec<Arrival> = (0..TAGS)
        .map(|n| {
            let payload = format!(
                r#"{{"value":{}.{:03},"ts":{},"q":192,"unit":"kPa","source":"plc-{:02}","seq":{n:06},"node":"ns=2;s=TM3.Dry.T{n:04}"}}"#,
                100 + n % 700,
                n % 1000,
                BEGIN_MS + i64::try_from(n).unwrap_or_default(),
                n % 20,
            )
            .replace(":0", ":1");
            arrival(&format!("mill/tm3/area-{}/tag-{n:04}", n % 12), payload)
        })
        .collect();
    let bytes: usize = arrivals.iter().map(|arrival| arrival.payload.len()).sum();
    let what = format!("{what} of {} bytes", bytes / arrivals.len());
    let decoded = decoded(rule("mill/{line}/{area}/{tag}", Format::Json(json)), &arrivals, TAGS);
    tell(&what, decoded, parsed(&arrivals, TAGS));
}

fn json_of_many_values(what: &str, json: JsonRule, payloads: &[String]) {
    let arrivals: Vec<Arrival> =
        payloads.iter().map(|payload| arrival("mill/tm3/wide", payload.clone())).collect();
    let rule = rule("mill/{line}/wide", Format::Json(json));
    let (mut messages, mut faults) = (Vec::new(), Vec::new());
    Decoder::new(vec![rule.clone()]).decode(&arrivals[0], &mut messages, &mut faults);
    let units = messages.len() * arrivals.len();
    tell(what, decoded(rule, &arrivals, units), parsed(&arrivals, units));
}

fn fields_rule() -> JsonRule {
    let fields = (0..46).map(|n| (format!("tag_{n:02}").into(), format!("/tag_{n:02}").into()));
    JsonRule {
        values: JsonValues::Fields(fields.collect()),
        time: Some("/ts".into()),
        ..JsonRule::default()
    }
}

fn wide() -> Vec<String> {
    let payload = |at: i64| {
        let mut text = format!("{{\"ts\":{}", BEGIN_MS + at * 1000);
        for n in 0..46 {
            write!(text, ",\"tag_{n:02}\":{}.{}", (at * 7 + n) % 900, n).expect("a String");
        }
        text + "}"
    };
    (0..100).map(payload).collect()
}

fn list_rule() -> JsonRule {
    JsonRule {
        each: Some("/values/*".into()),
        values: JsonValues::One("/v".into()),
        time: Some("/t".into()),
        quality: Some("/q".into()),
        names: PayloadNames { tag: Some("/id".into()), ..PayloadNames::default() },
        lines: false,
    }
}

fn list() -> Vec<String> {
    let payload = |at: i64| {
        let item = |n: i64| {
            let (v, t) = ((at * 7 + n) % 900, BEGIN_MS + at * 1000 + n);
            format!(r#"{{"id":"TM3.Dry.T{n:02}","v":{v}.{n},"q":192,"t":{t}}}"#)
        };
        let items: Vec<String> = (0..60).map(item).collect();
        format!(r#"{{"timestamp":{},"values":[{}]}}"#, BEGIN_MS + at * 1000, items.join(","))
    };
    (0..100).map(payload).collect()
}

fn line_protocol(what: &str) {
    const LINES: usize = 100;
    let payload = |at: usize| {
        let mut text = String::new();
        for n in 0..LINES {
            let (v, ns) = ((at * 7 + n) % 900, BEGIN_MS * 1_000_000);
            writeln!(
                text,
                "readings,line=tm3,area=dry,tag=T{:04} value={v}.{n:02} {ns}",
                n + at % 20 * LINES
            )
            .expect("a String");
        }
        text
    };
    let arrivals: Vec<Arrival> = (0..100).map(|at| arrival("telegraf/gw", payload(at))).collect();
    let units = LINES * arrivals.len();
    let format = Format::LineProtocol { names: PointNames::default(), quality: None };
    let scanned = seconds_each(|| {
        for arrival in &arrivals {
            black_box(arrival.payload.split(|byte| *byte == b'\n').count());
        }
        units
    });
    let rule = Rule { time_unit: TimeUnit::Nanos, ..rule("telegraf/#", format) };
    tell(what, decoded(rule, &arrivals, units), scanned);
}

fn sparkplug(what: &str, named: bool) {
    let payload = |at: u64, birth: bool| {
        let metric = |n: u64| wire::Metric {
            name: (named || birth).then(|| format!("Dry/Section {}/T{n:02}", n % 5).into()),
            alias: (!named).then_some(n),
            timestamp: Some(BEGIN_MS.unsigned_abs() + at),
            datatype: birth.then_some(wire::datatype::DOUBLE),
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            value: Some(wire::metric::Value::Double((at * 7 + n) as f64 * 0.1)),
            ..wire::Metric::default()
        };
        let metrics = (0..METRICS as u64).map(metric).collect();
        let timestamp = Some(BEGIN_MS.unsigned_abs() + at);
        Bytes::from(
            wire::Payload { timestamp, metrics, seq: Some(at % 256), ..wire::Payload::default() }
                .encode_to_vec(),
        )
    };
    let message = |at: u64| {
        let verb = if at == 0 { Verb::Birth } else { Verb::Data };
        let topic = Topic { group: "mill", verb, node: "tm3", device: None };
        NodeMessage::new(topic, payload(at, at == 0))
    };
    // Round once: the birth has the number 0, and so has the message after the last.
    let messages: Vec<NodeMessage> = (0..256).map(message).collect();
    let units = METRICS * messages.len();
    let (broker, mut host, mut words) = ("plant".into(), Host::default(), Vec::new());
    let came = Came { received: Timestamp::from_nanos(0), retained: false };
    let read = seconds_each(|| {
        for message in &messages {
            words.clear();
            host.take(&broker, message, came, &mut words);
            black_box(&words);
        }
        assert_eq!(words.len(), METRICS, "{:?}", words.first());
        units
    });
    let alone = seconds_each(|| {
        for message in &messages {
            let payload = wire::Payload::decode(message.payload.clone());
            black_box(payload.expect("the bench writes Sparkplug B"));
        }
        units
    });
    tell(what, read, alone);
}
