//! Rules against topics and payloads.

use super::super::{CACHED_TOPICS, JsonRule, JsonValues, PointNames, Template, TimeUnit};
use super::*;
use crate::reading::Value;
use bytes::Bytes;
use proptest::prelude::*;

fn rule(template: &str, format: Format) -> Rule {
    Rule::new("plant", Template::parse(template).unwrap(), format)
}

fn one(time: bool) -> Format {
    Format::Json(JsonRule {
        values: JsonValues::One("/value".into()),
        time: time.then(|| "/ts".into()),
        quality: Some("/q".into()),
        ..JsonRule::default()
    })
}

fn rules() -> Vec<Rule> {
    let fields = vec![("bw".into(), "/bw".into()), ("m".into(), "/m".into())];
    let fields = JsonValues::Fields(fields);
    vec![
        rule("mill/{line}/{area}/{tag}", one(true)),
        rule(
            "mill/{line}/{area}",
            Format::Json(JsonRule {
                values: fields,
                time: Some("/ts".into()),
                ..JsonRule::default()
            }),
        ),
        rule("mill/{line}/events", Format::BatchEvent),
        rule("events", Format::BatchEvent),
        rule("raw/{tag...}", Format::Value),
        Rule {
            line: Some("tm9".into()),
            area: Some("dry".into()),
            ..rule("bare/{tag}", Format::Value)
        },
        rule("now/{tag}", one(false)),
        rule("untagged", Format::Value),
        Rule {
            time_unit: TimeUnit::Millis,
            ..rule(
                "lines/{line}",
                Format::LineProtocol { names: PointNames::default(), quality: None },
            )
        },
        rule("$SYS/broker/publish/messages/dropped", Format::DroppedCount),
        rule("spBv1.0/mill/{type}/{line}/{area}", Format::SparkplugB(HostRule::default())),
        Rule {
            line: Some("tm9".into()),
            ..rule("spBv1.0/lab/{type}/bench/oven", Format::SparkplugB(HostRule::default()))
        },
    ]
}

fn arrival(topic: &str, payload: &[u8], retained: bool) -> Arrival {
    Arrival {
        broker: "plant".into(),
        received: Timestamp::from_millis(99).unwrap(),
        topic: topic.into(),
        payload: Bytes::copy_from_slice(payload),
        retained,
        properties: None,
    }
}

fn show(messages: &[Message], faults: &[Fault]) -> String {
    let mut lines: Vec<String> = messages
        .iter()
        .map(|message| match message {
            Message::Reading(r) => {
                let at = r.at.map_or("-".to_owned(), |at| at.as_millis().to_string());
                let value = match &r.value {
                    Value::Number(number) => number.get().to_string(),
                    Value::Text(text) => format!("{text:?}"),
                };
                format!("{}/{}/{}@{at}={value}", r.line, r.area, r.tag)
            }
            Message::Dropped(count) => format!("dropped {count}"),
            Message::Node(node) => format!(
                "{:?} of {}/{}/{} for {}|{}{}",
                node.verb,
                node.group,
                node.node,
                node.device.as_deref().unwrap_or("-"),
                node.line,
                node.area,
                if node.wanted { "" } else { " unwanted" }
            ),
            Message::Batch(b) => format!("{}@{} {:?}", b.line, b.at.as_millis(), b.event),
            Message::Profile(p) => format!("{}/{}/{} {:?}", p.line, p.area, p.tag, p.values),
        })
        .collect();
    lines.extend(faults.iter().map(|f| format!("!{}", f.reason.as_str())));
    lines.join(" | ")
}

#[track_caller]
fn check(topic: &str, payload: &str, expected: &str) {
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new(rules());
    // Twice: from the rules and from memory.
    for _ in 0..2 {
        out.clear();
        faults.clear();
        let (topic, retained) = match topic.strip_prefix("retained ") {
            Some(topic) => (topic, true),
            None => (topic, false),
        };
        decoder.decode(&arrival(topic, payload.as_bytes(), retained), &mut out, &mut faults);
        assert_eq!(show(&out, &faults), expected);
    }
}

#[test]
fn edge_nodes_are_named_by_their_topics() {
    check("spBv1.0/mill/DDATA/tm3/dry", "", "Data of mill/tm3/dry for tm3|dry");
    check("spBv1.0/mill/NBIRTH/tm3", "", "Birth of mill/tm3/- for tm3|");
    check("spBv1.0/lab/DDEATH/bench/oven", "", "Death of lab/bench/oven for tm9|");
    // A part of the node's sequence, and nothing that anybody asked for.
    check("spBv1.0/lab/DDATA/bench/scale", "", "Data of lab/bench/scale for tm9| unwanted");
    check("spBv1.0/lab/NDATA/bench", "", "Data of lab/bench/- for tm9|");
    // What is said to a node, and what hosts say of themselves.
    check("spBv1.0/mill/NCMD/tm3", "", "");
    check("spBv1.0/mill/NHELLO/tm3", "", "!unknown-topic");
    check("spBv1.0/lab/DDATA/other/oven", "", "!unknown-topic");
}

#[test]
fn rules_name_what_they_read() {
    check("mill/tm3/dry/steam", r#"{"value":7.1,"ts":5}"#, "tm3/dry/steam@5=7.1");
    check(
        "mill/tm3/scanner",
        r#"{"bw":15,"m":5.5,"ts":5}"#,
        "tm3/scanner/bw@5=15 | tm3/scanner/m@5=5.5",
    );
    check("raw/a/b", "15", "//a/b@-=15");
    check("bare/steam", "15", "tm9/dry/steam@-=15");
    check("now/x", r#"{"value":1,"ts":5}"#, "//x@-=1");
    check("untagged", "1", "!unknown-topic");
    check("elsewhere", "1", "!unknown-topic");
    for topic in ["mill/tm3/dry/st\neam", "mill/tm3/d\u{7f}ry/steam", "mill/t\u{85}/dry/steam"] {
        check(topic, r#"{"value":7.1,"ts":5}"#, "!unknown-topic");
    }
}

#[test]
fn the_closest_rule_reads_a_topic() {
    check("mill/tm3/events", r#"{"event":"resume","ts":7}"#, "tm3@7 Resume");
    let first = Rule { tag: Some("first".into()), ..rule("a/+", Format::Value) };
    let second = Rule { tag: Some("second".into()), ..rule("a/{line}", Format::Value) };
    let mut decoder = Decoder::new(vec![first, second]);
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    decoder.decode(&arrival("a/b", b"1", false), &mut out, &mut faults);
    assert_eq!(show(&out, &faults), "//first@-=1");
}

#[test]
fn equal_topics_of_two_brokers_are_read_by_the_rules_of_each() {
    let of = |broker: &str, line: &str| Rule {
        broker: broker.into(),
        line: Some(line.into()),
        ..rule("{area}/{tag}", Format::Value)
    };
    let mut decoder = Decoder::new(vec![of("north", "tm3"), of("south", "tm4")]);
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    // Twice: from the rules and from memory.
    for broker in ["north", "south", "elsewhere", "south", "north"] {
        let arrival = Arrival { broker: broker.into(), ..arrival("dry/steam", b"1", false) };
        decoder.decode(&arrival, &mut out, &mut faults);
    }
    assert_eq!(
        show(&out, &faults),
        "tm3/dry/steam@-=1 | tm4/dry/steam@-=1 | tm4/dry/steam@-=1 | tm3/dry/steam@-=1 \
         | !unknown-topic"
    );
}

#[test]
fn events_take_their_line_from_topic_or_body() {
    check("mill/tm3/events", r#"{"event":"resume","line":"tm3","ts":7}"#, "tm3@7 Resume");
    check("mill/tm3/events", r#"{"event":"resume","line":"tm4","ts":7}"#, "!line-unclear");
    check("events", r#"{"event":"resume","line":"tm4","ts":7}"#, "tm4@7 Resume");
    check("events", r#"{"event":"resume","ts":7}"#, "!line-unclear");
    check("mill/tm3/events", r#"{"event":"resume"}"#, "tm3@99 Resume");
    check(
        "mill/tm3/events",
        r#"[{"event":"resume","ts":7},{"event":"?"},{"event":"pause","ts":8}]"#,
        "tm3@7 Resume | tm3@8 Pause { reason: None } | !bad-event",
    );
}

#[test]
fn a_retained_message_counts_only_with_a_time_of_its_own() {
    check("retained mill/tm3/dry/steam", r#"{"value":7.1,"ts":5}"#, "tm3/dry/steam@5=7.1");
    check("retained mill/tm3/dry/steam", r#"{"value":7.1}"#, "!retained");
    check("retained mill/tm3/scanner", r#"{"bw":1,"m":2}"#, "!retained");
    check("retained raw/a", "1", "!retained");
    check("retained mill/tm3/events", r#"{"event":"resume"}"#, "!retained");
    check("retained mill/tm3/events", r#"{"event":"resume","ts":5}"#, "tm3@5 Resume");
}

#[test]
fn counts_points_and_compressed_payloads_are_read() {
    check("$SYS/broker/publish/messages/dropped", "12\n", "dropped 12");
    check("$SYS/broker/publish/messages/dropped", "-1", "!wrong-type");
    check("lines/tm3", "m steam=7.5,ok=t 5", "tm3/m/steam@5=7.5 | tm3/m/ok@5=1");
    check("retained lines/tm3", "m steam=7.5", "!retained");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, br#"{"value":7.1,"ts":5}"#).unwrap();
    let arrival = arrival("mill/tm3/dry/steam", &gzip.finish().unwrap(), false);
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    Decoder::new(rules()).decode(&arrival, &mut out, &mut faults);
    assert_eq!((out.len(), faults), (1, vec![]));
}

#[test]
fn payloads_beyond_the_limit_are_not_read() {
    let mut decoder = Decoder::new(rules());
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    let payload = vec![b' '; PAYLOAD_BYTES_MAX + 1];
    decoder.decode(&arrival("raw/a", &payload, false), &mut out, &mut faults);
    assert_eq!(show(&out, &faults), "!too-large");
}

#[test]
fn deep_nesting_is_a_fault_and_no_overflow() {
    let deep = "[".repeat(200_000);
    check("mill/tm3/events", &deep, "!not-json");
    check("mill/tm3/dry/steam", &format!(r#"{{"value":{deep}"#), "!not-json");
    check("mill/tm3/dry/steam", &format!(r#"{{"x":{deep}"#), "!not-json");
}

#[test]
fn memory_of_topics_is_bounded() {
    let mut decoder = Decoder::new(rules());
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    for n in 0..CACHED_TOPICS + 10 {
        out.clear();
        decoder.decode(&arrival(&format!("raw/{n}"), b"1", false), &mut out, &mut faults);
        assert_eq!(out.len(), 1);
    }
    assert_eq!(decoder.topics.len(), CACHED_TOPICS);
    assert_eq!(faults, []);
}

proptest! {
    #[test]
    fn nothing_that_arrives_makes_it_panic(
        topic in prop_oneof![
            ".{0,30}",
            "(mill|raw|bare|now|events|untagged)(/[a-z]{0,3}){0,4}",
        ],
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            r#"[\[\]{}":,a-z0-9.eE+ \\-]{0,60}"#.prop_map(String::into_bytes),
        ],
        retained: bool,
    ) {
        let (mut out, mut faults) = (Vec::new(), Vec::new());
        Decoder::new(rules()).decode(&arrival(&topic, &payload, retained), &mut out, &mut faults);
        prop_assert!(!out.is_empty() || !faults.is_empty());
        for fault in &faults {
            prop_assert!(fault.detail.chars().count() <= 120);
        }
    }

    #[test]
    fn readings_are_what_the_payload_holds(
        values in prop::collection::btree_map("[a-z]{1,2}", prop::num::f64::NORMAL, 0..6),
        ts in 0_i64..4_000_000_000_000,
    ) {
        let mut document: serde_json::Map<String, serde_json::Value> =
            values.iter().map(|(k, v)| (k.clone(), serde_json::json!(v))).collect();
        document.insert("ts".into(), ts.into());
        let payload = serde_json::to_vec(&document).unwrap();
        let (mut out, mut faults) = (Vec::new(), Vec::new());
        Decoder::new(rules()).decode(&arrival("mill/tm3/x", &payload, false), &mut out, &mut faults);
        let fields = ["bw", "m"];
        prop_assert!(out.len() <= fields.len());
        for field in fields {
            let held = values.get(field).copied();
            let read = out.iter().find_map(|message| match message {
                Message::Reading(r) if *r.tag == *field => {
                    assert_eq!(r.at, Timestamp::from_millis(ts).ok());
                    r.value.number()
                }
                _ => None,
            });
            prop_assert_eq!(read, held);
        }
    }
}
