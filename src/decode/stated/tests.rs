//! Messages with properties against rules that ask for them.

use super::super::{
    Arrival, Decoder, Format, JsonRule, JsonValues, Message, PayloadNames, PointNames,
    PropertyRule, Rule, Template, Wanted,
};
use crate::plant::{Grades, Line, ModelSettings, Plant, Tag, Undeclared};
use crate::reading::{SourceQuality, Timestamp, Value};
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;

/// When all messages come, ms.
const RECEIVED: i64 = 1_769_126_400_500;

/// Asks for every part in a user property of the same name.
fn all() -> PropertyRule {
    let key = |name: &str| Some(Arc::from(name));
    PropertyRule {
        names: PayloadNames {
            line: key("line"),
            area: key("area"),
            tag: key("tag"),
            unit: key("unit"),
        },
        time: key("time"),
        quality: key("quality"),
        ..PropertyRule::default()
    }
}

fn rule(template: &str, format: Format) -> Rule {
    let template = Template::parse(template).unwrap();
    Rule { properties: all(), ..Rule::new("plant", template, format) }
}

/// JSON that names everything, where it does.
fn whole() -> Format {
    let key = |name: &str| Some(Arc::from(name));
    Format::Json(JsonRule {
        time: key("/time"),
        quality: key("/quality"),
        names: PayloadNames {
            line: key("/line"),
            area: key("/area"),
            tag: key("/tag"),
            unit: key("/unit"),
        },
        ..JsonRule::default()
    })
}

fn points() -> Format {
    let names = PointNames { unit: Some("unit".into()), ..PointNames::default() };
    Format::LineProtocol { names, quality: Some("quality".into()) }
}

/// A line `tm3` with a tag `steam` in bar.
fn plant() -> Plant {
    let tags = vec![Tag { unit: "bar".into(), ..Tag::named("steam") }];
    Plant {
        site: "".into(),
        lines: vec![Line { tags, ..Line::named("tm3") }],
        grades: Grades::default(),
        undeclared: Undeclared::Store,
        undeclared_max: 10,
        models: ModelSettings::default(),
        costs: None,
    }
}

/// What a message with properties is read as: readings as `line/area/tag@ms=value quality`, the time
/// after [`RECEIVED`], `-` for none; then `!reason: detail`, and `sent s` if that is not when it came.
///
/// Properties are written `key=value`; `type=…` is the content type, `left=…` what remains of the expiry.
fn read(rule: &Rule, topic: &str, properties: &str, payload: &str) -> String {
    let of = |topic: &str| {
        let pairs = properties.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        let one = |wanted: &str| pairs.clone().find(|(key, _)| *key == wanted).map(|(_, v)| v);
        let left = one("left").map(|left| left.parse().unwrap());
        let received = Timestamp::from_millis(RECEIVED).unwrap();
        Arrival {
            broker: "plant".into(),
            received,
            topic: topic.trim_start_matches("retained ").into(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            retained: topic.starts_with("retained "),
            properties: Wanted::by([rule]).of(one("type"), left, pairs),
        }
    };
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::for_plant(vec![rule.clone()], &plant());
    let arrival = of(topic);
    // Twice: with nothing known, and with everything known.
    let mut sent = arrival.received;
    for _ in 0..2 {
        out.clear();
        faults.clear();
        sent = decoder.decode(&arrival, &mut out, &mut faults);
    }
    let mut lines: Vec<String> = out
        .iter()
        .map(|message| {
            let Message::Reading(r) = message else { panic!("{message:?}") };
            let at = r.at.map_or("-".into(), |at| (at.as_millis() - RECEIVED).to_string());
            let value = match &r.value {
                Value::Number(number) => number.get().to_string(),
                Value::Text(text) => format!("{text:?}"),
            };
            let quality = match r.quality {
                SourceQuality::Good => "",
                SourceQuality::Uncertain => " uncertain",
                SourceQuality::Bad => " bad",
            };
            format!("{}/{}/{}@{at}={value}{quality}", r.line, r.area, r.tag)
        })
        .collect();
    lines.extend(faults.iter().map(|f| format!("!{}: {}", f.reason.as_str(), f.detail)));
    if sent != arrival.received {
        lines.push(format!("sent {}", sent.seconds_since(arrival.received)));
    }
    lines.join(" | ")
}

#[track_caller]
fn check(rule: &Rule, topic: &str, properties: &str, payload: &str, expected: &str) {
    assert_eq!(read(rule, topic, properties, payload), expected);
}

#[test]
fn properties_say_what_a_bare_value_cannot() {
    let bare = rule("gw/{line}/{area}/{tag}", Format::Value);
    check(&bare, "gw/tm9/dry/a1", "", "7", "tm9/dry/a1@-=7");
    check(&bare, "gw/tm9/dry/a1", "line=tm3 tag=steam other=x", "7", "tm3/dry/steam@-=7");
    // In kPa: the tag is declared in bar.
    let all = "line=tm3 area=wet tag=steam unit=kPa time=1769126399500 quality=64";
    check(&bare, "gw/tm9/dry/a1", all, "700", "tm3/wet/steam@-1000=7 uncertain");
    check(&bare, "gw/tm9/dry/a1", "tag=state", "run", "tm9/dry/state@-=\"run\"");
    // The first of a key counts.
    check(&bare, "gw/tm9/dry/a1", "tag=one tag=two", "7", "tm9/dry/one@-=7");
    let fixed =
        Rule { line: Some("tm1".into()), tag: Some("t".into()), ..rule("x", Format::Value) };
    check(&fixed, "x", "", "7", "tm1//t@-=7");
    check(&fixed, "x", "tag=steam line=tm3 area=a", "7", "tm3/a/steam@-=7");
    let nothing = Rule { line: Some("tm1".into()), ..rule("x", Format::Value) };
    check(&nothing, "x", "tag=steam", "7", "tm1//steam@-=7");
    check(
        &nothing,
        "x",
        "",
        "7",
        "!unknown-topic: nothing names a tag, neither topic `x` nor its rule",
    );
}

#[test]
fn what_the_payload_says_wins_part_by_part() {
    let json = rule("gw/{line}/{area}/{tag}", whole());
    let properties = "line=tm8 area=p tag=p unit=kPa time=1769126399500 quality=64";
    let topic = "gw/tm9/dry/a1";
    check(&json, topic, properties, r#"{"value":7}"#, "tm8/p/p@-1000=7 uncertain");
    let own = r#"{"value":7,"line":"tm3","area":"wet","tag":"steam","unit":"MPa",
        "time":1769126398500,"quality":0}"#;
    check(&json, topic, properties, own, "tm3/wet/steam@-2000=70 bad");
    let some = r#"{"value":700,"line":"tm3","tag":"steam","quality":192}"#;
    check(&json, topic, properties, some, "tm3/p/steam@-1000=7");
    check(&json, topic, "", r#"{"value":7,"tag":null}"#, "tm9/dry/a1@-=7");
    // Tags of `fields` are said by the rule for the payload.
    let fields = JsonValues::Fields(vec![("bw".into(), "/bw".into()), ("m".into(), "/m".into())]);
    let fields = rule(
        "gw/{line}",
        Format::Json(JsonRule { values: fields, time: Some("/ts".into()), ..JsonRule::default() }),
    );
    check(
        &fields,
        "gw/tm9",
        "time=1769126399500 tag=p area=p",
        r#"{"bw":1,"m":2}"#,
        "tm9/p/bw@-1000=1 | tm9/p/m@-1000=2",
    );
    check(
        &fields,
        "gw/tm9",
        "time=1769126399500",
        r#"{"bw":1,"ts":"2026-01-23T00:00:00Z"}"#,
        "tm9//bw@-500=1",
    );
}

#[test]
fn points_take_from_properties_what_neither_they_nor_the_topic_say() {
    let points = rule("telegraf/+", points());
    let topic = "telegraf/host";
    let properties = "line=tm3 area=wet tag=steam unit=kPa time=1769126399500000000 quality=64";
    let nanos = Rule { time_unit: super::super::TimeUnit::Nanos, ..points };
    check(&nanos, topic, properties, "m value=700", "tm3/wet/steam@-1000=7 uncertain");
    check(&nanos, topic, properties, "m x=1", "tm3/wet/steam.x@-1000=1 uncertain");
    check(
        &nanos,
        topic,
        properties,
        "m,line=tm9,area=dry,tag=t,unit=bar value=7,quality=192 1769126398500000000",
        "tm9/dry/t@-2000=7",
    );
    // Without a name of a tag fields are tags, and without one of an area the measurement is it.
    check(&nanos, topic, "line=tm3", "m a=1,b=2", "tm3/m/a@-=1 | tm3/m/b@-=2");
    check(&nanos, topic, "line=tm3 area=wet", "m a=1", "tm3/wet/a@-=1");
    // The same series with another property is another tag.
    let both = |tag: &str| read(&nanos, topic, &format!("tag={tag}"), "m value=1\nm value=2");
    assert_eq!(both("a"), "//a@-=1 | //a@-=2");
    assert_eq!(both("b"), "//b@-=1 | //b@-=2");
    check(
        &nanos,
        topic,
        "time=soon line=tm3",
        "m a=1",
        "!bad-time: line 1: user property `time`: `soon` is neither a number nor an RFC 3339 time",
    );
    check(
        &nanos,
        topic,
        "quality=fair line=tm3",
        "m a=1",
        "tm3/m/a@-=1 bad | !bad-quality: line 1: user property `quality`: `fair` is no code",
    );
}

#[test]
fn what_cannot_be_read_is_a_fault_where_it_is_needed() {
    let json = rule("gw/{line}/{area}/{tag}", whole());
    let topic = "gw/tm9/dry/a1";
    check(
        &json,
        topic,
        "time=soon",
        r#"{"value":7}"#,
        "!bad-time: user property `time`: `soon` is neither a number nor an RFC 3339 time",
    );
    check(&json, topic, "time=soon", r#"{"value":7,"time":1769126400500}"#, "tm9/dry/a1@0=7");
    check(
        &json,
        topic,
        "quality=fair",
        r#"{"value":7}"#,
        "tm9/dry/a1@-=7 bad | !bad-quality: user property `quality`: `fair` is no code",
    );
    check(&json, topic, "quality=fair", r#"{"value":7,"quality":192}"#, "tm9/dry/a1@-=7");
    check(
        &json,
        topic,
        "line=",
        r#"{"value":7}"#,
        "!wrong-type: user property `line`: a name is empty",
    );
    check(&json, topic, "line=", r#"{"value":7,"line":"tm3"}"#, "tm3/dry/a1@-=7");
    let long = "x".repeat(257);
    check(
        &json,
        topic,
        &format!("tag={long}"),
        r#"{"value":7}"#,
        "!wrong-type: user property `tag`: a name has 257 bytes, 256 allowed",
    );
    check(
        &json,
        topic,
        "area=a\u{7f}b",
        r#"{"value":7}"#,
        "!wrong-type: user property `area`: a name has a control character: `a\\u{7f}b`",
    );
    check(
        &json,
        topic,
        "line=tm3 tag=steam unit=kg",
        r#"{"value":7}"#,
        "!wrong-unit: tag `steam` is in `bar`, and `kg` is not known to measure the same",
    );
    // Once, however many readings there are.
    let fields = JsonValues::Fields(vec![("bw".into(), "/bw".into()), ("m".into(), "/m".into())]);
    let fields =
        rule("gw/{line}", Format::Json(JsonRule { values: fields, ..JsonRule::default() }));
    let told = read(&fields, "gw/tm9", "time=soon", r#"{"bw":1,"m":2}"#);
    assert_eq!(told.matches("bad-time").count(), 1, "{told}");
}

#[test]
fn messages_of_other_content_types_are_refused() {
    let types = vec!["application/json".into(), "text/plain".into()];
    let properties = PropertyRule { content_types: types, ..PropertyRule::default() };
    let bare = Rule { properties, ..rule("gw/{tag}", Format::Value) };
    let taken = "//a@-=7";
    check(&bare, "gw/a", "", "7", taken);
    for of in ["application/json", "Text/PLAIN", "text/plain;charset=utf-8"] {
        check(&bare, "gw/a", &format!("type={of}"), "7", taken);
    }
    check(
        &bare,
        "gw/a",
        "type=application/cbor",
        "7",
        "!content-type: content type `application/cbor`: taken is `application/json`, `text/plain`",
    );
    // Nobody asks.
    check(&rule("gw/{tag}", Format::Value), "gw/a", "type=application/cbor", "7", taken);
}

#[test]
fn what_is_missing_of_the_expiry_is_the_age_of_a_reading_without_a_time() {
    let properties = PropertyRule { expiry_s: Some(3600), ..all() };
    let bare = Rule { properties: properties.clone(), ..rule("gw/{tag}", Format::Value) };
    check(&bare, "gw/a", "left=600", "7", "//a@-=7 | sent -3000");
    check(&bare, "gw/a", "left=3598", "7", "//a@-=7 | sent -2");
    check(&bare, "gw/a", "left=0", "7", "//a@-=7 | sent -3600");
    // A second may be one that began and not one that passed.
    check(&bare, "gw/a", "left=3599", "7", "//a@-=7");
    // Sent with another interval, or with none: nobody knows.
    check(&bare, "gw/a", "left=3601", "7", "//a@-=7");
    check(&bare, "gw/a", "", "7", "//a@-=7");
    check(&bare, "gw/a", "left=600 time=1769126399500", "7", "//a@-1000=7 | sent -3000");
    let json = Rule { properties, ..rule("gw/{tag}", whole()) };
    check(&json, "gw/a", "left=600", r#"{"value":7,"time":1769126400500}"#, "//a@0=7 | sent -3000");
    check(&json, "gw/a", "left=600", r#"{"value":7,"time":null}"#, "//a@-=7 | sent -3000");
    // A retained value is old, and by its expiry it is known how old.
    let unknown = "!retained: retained and without a time of its own: nobody knows of when it is";
    check(&bare, "retained gw/a", "", "7", unknown);
    check(&bare, "retained gw/a", "left=3601", "7", unknown);
    check(&bare, "retained gw/a", "left=600", "7", "//a@-=7 | sent -3000");
    check(&bare, "retained gw/a", "left=3600", "7", "//a@-=7");
    // Nobody asks.
    check(&rule("gw/{tag}", Format::Value), "gw/a", "left=600", "7", "//a@-=7");
}

#[test]
fn more_than_is_kept_refuses_the_message_whatever_is_in_it() {
    let long = "x".repeat(8190);
    check(
        &rule("gw/{tag}", Format::Value),
        "gw/a",
        &format!("line=tm3 tag={long}"),
        "7",
        "!too-large: 2 user properties that are asked for, 8200 bytes with the content type: 64 and 8192 allowed",
    );
    // What somebody else asked for is nothing to a rule that asks for nothing.
    let none = Rule { properties: PropertyRule::default(), ..rule("gw/{tag}", Format::Value) };
    let asks = rule("other/{tag}", Format::Value);
    let wanted = Wanted::by([&none, &asks]);
    let arrival = Arrival {
        broker: "plant".into(),
        received: Timestamp::from_millis(RECEIVED).unwrap(),
        topic: "gw/a".into(),
        payload: Bytes::from_static(b"7"),
        retained: false,
        properties: wanted.of(None, None, [("tag", long.as_str()), ("line", "tm3")]),
    };
    assert!(arrival.properties.as_ref().is_some_and(|kept| kept.excess().is_some()));
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    Decoder::new(vec![none, asks]).decode(&arrival, &mut out, &mut faults);
    assert_eq!((out.len(), faults), (1, vec![]));
}

proptest! {
    #[test]
    fn no_property_makes_it_panic_and_names_are_those_that_were_said(
        format in prop_oneof![Just(Format::Value), Just(whole()), Just(points())],
        user in prop::collection::vec(
            ("(line|area|tag|unit|time|quality|x)", ".{0,12}|[0-9]{1,20}|tm3|steam|kPa|192"),
            0..9,
        ),
        content_type in prop::option::of(".{0,12}"),
        left in prop::option::of(any::<u32>()),
        payload in r#"7|m value=7|\{"value":7\}|.{0,12}"#,
        received: i64,
        retained: bool,
    ) {
        let properties = PropertyRule {
            content_types: vec!["text/plain".into()],
            expiry_s: Some(3600),
            ..all()
        };
        let rule = Rule { properties, ..rule("gw/{line}/+", format) };
        let pairs = user.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let arrival = Arrival {
            broker: "plant".into(),
            received: Timestamp::from_nanos(received),
            topic: "gw/topic/x".into(),
            payload: payload.into(),
            retained,
            properties: Wanted::by([&rule]).of(content_type.as_deref(), left, pairs.clone()),
        };
        let (mut out, mut faults) = (Vec::new(), Vec::new());
        let sent = Decoder::for_plant(vec![rule], &plant()).decode(&arrival, &mut out, &mut faults);
        prop_assert!(sent <= arrival.received);
        prop_assert!(!out.is_empty() || !faults.is_empty());
        for message in &out {
            let Message::Reading(reading) = message else { panic!("{message:?}") };
            let said = |wanted: &str| pairs.clone().find(|(key, _)| *key == wanted).map(|(_, v)| v);
            if let Some(line) = said("line").filter(|_| reading.line.as_ref() != "topic") {
                prop_assert_eq!(&*reading.line, line);
            }
            prop_assert!(!reading.tag.contains(char::is_control) && !reading.tag.is_empty());
        }
        for fault in &faults {
            prop_assert!(fault.detail.chars().count() <= 120);
        }
    }
}
