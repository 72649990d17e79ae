//! The states of an edge node, message by message.

mod many;

use super::*;
use crate::decode::HostRule;
use crate::decode::sparkplug::Topic;
use crate::decode::sparkplug::wire::{
    Metric, Payload, PropertySet, PropertyValue, datatype, metric, property,
};
use crate::reading::{SourceQuality, Value};
use prost::Message;
use std::time::Duration;

/// A host application, and what it is told.
struct Rig {
    host: Host,
    rule: HostRule,
    now: Timestamp,
    retained: bool,
}

/// `name#alias:type=value`, each part but one of name and alias may be missing; `!` before it makes it
/// historical, `~` transient, `?` null, and `@N` behind it is its time in ms.
fn metric(text: &str) -> Metric {
    let mut metric = Metric::default();
    let mut text = text;
    while let Some(mark) = text.chars().next().filter(|mark| "!~?".contains(*mark)) {
        match mark {
            '!' => metric.is_historical = Some(true),
            '~' => metric.is_transient = Some(true),
            _ => metric.is_null = Some(true),
        }
        text = &text[1..];
    }
    if let Some((rest, at)) = text.split_once('@') {
        metric.timestamp = Some(at.parse().unwrap());
        text = rest;
    }
    if let Some((rest, value)) = text.split_once('=') {
        metric.value = Some(match value.parse::<f64>() {
            Ok(number) => metric::Value::Double(number),
            Err(_) => metric::Value::String(value.to_owned().into()),
        });
        text = rest;
    }
    if let Some((rest, kind)) = text.split_once(':') {
        metric.datatype = Some(match kind {
            "d" => datatype::DOUBLE,
            "s" => datatype::STRING,
            other => panic!("{other}"),
        });
        text = rest;
    }
    let (name, alias) = text.split_once('#').unwrap_or((text, ""));
    metric.name = (!name.is_empty()).then(|| name.to_owned().into());
    metric.alias = (!alias.is_empty()).then(|| alias.parse().unwrap());
    metric
}

fn bd_seq(number: u64) -> Metric {
    Metric {
        name: Some("bdSeq".into()),
        datatype: Some(datatype::INT64),
        value: Some(metric::Value::Long(number)),
        ..Metric::default()
    }
}

impl Rig {
    fn new(asks: bool) -> Self {
        let rule = HostRule { asks, ..HostRule::default() };
        let now = Timestamp::from_nanos(1_000_000_000_000);
        Self { host: Host::default(), rule, now, retained: false }
    }

    fn wait(&mut self, seconds: u64) -> Vec<String> {
        self.now = self.now.plus(Duration::from_secs(seconds));
        let mut words = Vec::new();
        self.host.pass(self.now, &mut words);
        told(&words)
    }

    fn hear(&mut self, topic: &str, payload: &Payload) -> Vec<String> {
        self.hear_bytes(topic, payload.encode_to_vec())
    }

    fn hear_bytes(&mut self, topic: &str, payload: Vec<u8>) -> Vec<String> {
        let whole = format!("spBv1.0/{topic}");
        let topic = Topic::parse(&whole).unwrap();
        let message = NodeMessage {
            wanted: topic.device != Some("unwanted"),
            rule: self.rule,
            ..NodeMessage::new(topic, payload.into())
        };
        let mut words = Vec::new();
        let came = Came { received: self.now, retained: self.retained };
        self.host.take(&"plant".into(), &message, came, &mut words);
        told(&words)
    }

    /// A message with a number: `NDATA/tm3`, its number, its metrics.
    fn say(&mut self, topic: &str, seq: u64, metrics: &str) -> Vec<String> {
        let metrics = metrics.split_whitespace().map(metric).collect();
        let (verb, rest) = topic.split_once('/').unwrap();
        let payload =
            Payload { timestamp: Some(5000), seq: Some(seq), metrics, ..Payload::default() };
        self.hear(&format!("mill/{verb}/{rest}"), &payload)
    }

    fn birth(&mut self, number: u64, metrics: &str) -> Vec<String> {
        let mut all = vec![bd_seq(number), metric("Node Control/Rebirth:d=0")];
        all.extend(metrics.split_whitespace().map(metric));
        let payload =
            Payload { timestamp: Some(5000), seq: Some(0), metrics: all, ..Payload::default() };
        self.hear("mill/NBIRTH/tm3", &payload)
    }

    fn death(&mut self, number: u64) -> Vec<String> {
        let payload = Payload { metrics: vec![bd_seq(number)], ..Payload::default() };
        self.hear("mill/NDEATH/tm3", &payload)
    }

    fn reconnect(&mut self) {
        let mut words = Vec::new();
        self.host.reconnected("plant", self.now, &mut words);
        assert_eq!(words, []);
    }

    fn view(&self) -> NodeView {
        self.host.view().next().unwrap()
    }
}

/// The words, each short; without births and those that only say that all is well.
fn told(words: &[Word]) -> Vec<String> {
    let text = |word: &Word| match word {
        Word::Reading { reading, unit, historical } => {
            let value = match &reading.value {
                Value::Number(number) => number.get().to_string(),
                Value::Text(text) => text.to_string(),
            };
            let names = [&reading.line, &reading.area, &reading.tag].map(|name| &**name).join("|");
            let at = reading.at.map_or_else(|| "?".to_owned(), |at| at.as_millis().to_string());
            let quality = match reading.quality {
                SourceQuality::Good => "",
                SourceQuality::Uncertain => " uncertain",
                SourceQuality::Bad => " bad",
            };
            let unit = unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
            let old = if *historical { " historical" } else { "" };
            Some(format!("{names}={value}@{at}{unit}{quality}{old}"))
        }
        Word::Lost { why, line, area, tag, .. } => {
            let word = if *why == Why::Absent { "absent" } else { "lost" };
            Some(format!("{word} {line}|{area}|{tag}"))
        }
        Word::Fault(fault) => Some(format!("{}: {}", fault.reason.as_str(), fault.detail)),
        Word::Ask { node, .. } => Some(format!("ask {node}")),
        Word::Gap { lost, .. } => {
            Some(lost.map_or_else(|| "gap".to_owned(), |lost| format!("gap of {lost}")))
        }
        Word::Alarm { works: false, reason, .. } => Some(format!("alarm: {reason}")),
        Word::Alarm { .. } => None,
        Word::Forgot { part, .. } => Some(format!("forgot {part}")),
    };
    words.iter().filter_map(text).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn data_are_read_by_the_births_before_them() {
    let mut rig = Rig::new(false);
    assert_eq!(
        rig.birth(1, "load#1:d=2@4000 state#2:s=run"),
        ["tm3||load=2@4000", "tm3||state=run@5000"]
    );
    let born = rig.say("DBIRTH/tm3/dry", 1, "Steam/Section1/P#3:d=6 speed#4:d=1 ?temp#5:d");
    assert_eq!(
        born,
        ["tm3|dry/Steam/Section1|P=6@5000", "tm3|dry|speed=1@5000", "lost tm3|dry|temp"]
    );
    assert_eq!(
        rig.say("DDATA/tm3/dry", 2, "#3=7 #5=80"),
        ["tm3|dry/Steam/Section1|P=7@5000", "tm3|dry|temp=80@5000"]
    );
    assert_eq!(
        rig.say("NDATA/tm3", 3, "load=3 !#1=1@10 ~#1=9"),
        ["tm3||load=3@5000", "tm3||load=1@10 historical"]
    );
    let view = rig.view();
    assert_eq!((view.online, view.devices, view.metrics, view.gaps), (Some(true), 1, 5, 0));
}

#[test]
fn an_alias_of_two_metrics_is_of_none() {
    let mut rig = Rig::new(false);
    let told = rig.birth(1, "p#0:d=1 q#0:d=2 r#5:d=3");
    assert!(told[1].starts_with("no-birth: alias 0 is given to `p` and to `q`"), "{told:?}");
    assert_eq!(rig.say("NDATA/tm3", 1, "#0=77 #5=4"), ["tm3||r=4@5000"]);
    assert_eq!(rig.say("NDATA/tm3", 2, "q#9=5"), ["tm3||q=5@5000"], "known by its name");
}

#[test]
fn unit_and_quality_are_properties() {
    let property = |key: &str, value| {
        let value = PropertyValue { value: Some(value), ..PropertyValue::default() };
        let set = PropertySet { keys: vec![key.to_owned()], values: vec![value] };
        Some(set.encode_to_vec().into())
    };
    let mut rig = Rig::new(false);
    let unit = property("engUnit", property::Value::String("psi".to_owned()));
    let metrics = vec![bd_seq(0), Metric { properties: unit, ..metric("p#1:d=2") }];
    let birth = Payload { timestamp: Some(5000), seq: Some(0), metrics, ..Payload::default() };
    assert_eq!(rig.hear("mill/NBIRTH/tm3", &birth), ["tm3||p=2@5000 psi"]);
    let stale = property("Quality", property::Value::Int(500));
    let metrics = vec![Metric { properties: stale, ..metric("#1=3") }];
    let data = Payload { timestamp: Some(5000), seq: Some(1), metrics, ..Payload::default() };
    assert_eq!(rig.hear("mill/NDATA/tm3", &data), ["tm3||p=3@5000 psi bad"]);
    assert_eq!(rig.say("NDATA/tm3", 2, "#1=4"), ["tm3||p=4@5000 psi"]);
}

#[test]
fn what_comes_before_the_birth_is_held_and_read_with_it() {
    let mut rig = Rig::new(true);
    assert_eq!(rig.say("DDATA/tm3/dry", 7, "#3=6"), ["ask tm3"]);
    assert_eq!(rig.say("NDATA/tm3", 8, "#1=1"), NOTHING, "once is enough for a minute");
    assert_eq!(rig.view().held, 2);
    assert_eq!(rig.birth(1, "load#1:d=2"), ["tm3||load=2@5000", "tm3||load=1@5000"]);
    assert_eq!(rig.say("DBIRTH/tm3/dry", 1, "P#3:d=7"), ["tm3|dry|P=7@5000", "tm3|dry|P=6@5000"]);
    assert_eq!(rig.view().held, 0);
    assert_eq!(rig.wait(1000), NOTHING);
}

#[test]
fn held_of_a_node_that_dies_is_told_to_be_lost() {
    let mut rig = Rig::new(false);
    assert_eq!(rig.say("NDATA/tm3", 8, "#1=1"), NOTHING, "who only listens asks for nothing");
    let lost = rig.death(1);
    assert!(
        lost[0].starts_with("no-birth: 1 message of edge node `mill/tm3` never read"),
        "{lost:?}"
    );
    assert_eq!(rig.birth(2, "other#1:d=2"), ["tm3||other=2@5000"]);
}

#[test]
fn a_node_without_birth_is_told_after_a_minute_with_what_to_do() {
    for (asks, words) in [(false, "role = \"active\""), (true, "though it was asked")] {
        let mut rig = Rig::new(asks);
        rig.say("NDATA/tm3", 8, "#1=1");
        assert_eq!(rig.wait(59), NOTHING);
        assert_eq!(rig.wait(2), NOTHING, "it may come yet");
        let told = rig.wait(5);
        assert!(told[0].starts_with("alarm: ") && told[0].contains(words), "{told:?}");
        assert_eq!(rig.wait(1), NOTHING, "once");
        // Asked again, no oftener than it is said.
        rig.wait(10);
        let again = rig.say("NDATA/tm3", 9, "#1=1");
        assert_eq!(again, if asks { vec!["ask tm3"] } else { vec![] });
    }
}

#[test]
fn unknown_metric_and_device_wait_for_a_birth_that_tells() {
    let mut rig = Rig::new(true);
    rig.birth(1, "load#1:d=2");
    assert_eq!(rig.say("NDATA/tm3", 1, "#1=3 #9=4"), ["tm3||load=3@5000", "ask tm3"]);
    assert_eq!(rig.say("DDATA/tm3/dry", 2, "#3=6"), NOTHING);
    assert_eq!(rig.view().held, 2);
    let born = rig.birth(1, "load#1:d=5 level#9:d=6");
    assert_eq!(born, ["tm3||load=5@5000", "tm3||level=6@5000", "tm3||level=4@5000"]);
    let told = rig.say("DBIRTH/tm3/dry", 1, "P#4:d=7");
    assert_eq!(told, ["tm3|dry|P=7@5000", "no-birth: alias 3 is in no birth"]);
}

#[test]
fn order_is_restored_within_the_reorder_time() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    assert_eq!(rig.say("NDATA/tm3", 3, "#1=3"), NOTHING);
    assert_eq!(rig.say("NDATA/tm3", 2, "#1=2"), NOTHING);
    let three = ["tm3||a=1@5000", "tm3||a=2@5000", "tm3||a=3@5000"];
    assert_eq!(rig.say("NDATA/tm3", 1, "#1=1"), three);
    assert_eq!(rig.wait(100), NOTHING);
    assert_eq!(rig.view().gaps, 0);
}

#[test]
fn what_stays_away_is_a_gap_and_the_rest_is_taken() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    assert_eq!(rig.say("NDATA/tm3", 4, "#1=4"), NOTHING);
    assert_eq!(rig.wait(1), NOTHING);
    assert_eq!(rig.wait(2), ["gap of 3", "tm3||a=4@5000", "ask tm3"]);
    assert_eq!(rig.say("NDATA/tm3", 5, "#1=5"), ["tm3||a=5@5000"]);
    // Late, but not lost.
    assert_eq!(rig.say("NDATA/tm3", 2, "#1=2"), ["tm3||a=2@5000"]);
    assert_eq!(rig.say("NDATA/tm3", 6, "#1=6"), ["tm3||a=6@5000"]);
    assert_eq!((rig.view().gaps, rig.view().asks), (1, 1));
}

#[test]
fn one_that_comes_twice_before_its_turn_is_no_gap() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    for seq in [2, 2, 1, 3] {
        rig.say("NDATA/tm3", seq, "#1=1");
    }
    assert_eq!(rig.wait(100), NOTHING);
    assert_eq!(rig.view().gaps, 0);
}

#[test]
fn a_birth_of_another_session_ends_what_its_death_did_not() {
    let mut rig = Rig::new(false);
    rig.birth(1, "a#1:d=0");
    rig.say("DBIRTH/tm3/dry", 1, "P#2:d=1");
    assert_eq!(rig.birth(2, "a#1:d=0"), ["lost tm3||a", "lost tm3|dry|P", "tm3||a=0@5000"]);
    assert_eq!(rig.birth(2, "a#1:d=0"), ["tm3||a=0@5000"], "asked for, or not");
    // An old value that there was none says nothing of now.
    assert_eq!(rig.say("NDATA/tm3", 1, "!?#1"), NOTHING);
    assert_eq!(rig.say("NDATA/tm3", 2, "?#1"), ["lost tm3||a"]);
}

#[test]
fn numbers_go_round_at_256() {
    let mut rig = Rig::new(false);
    rig.birth(1, "a#1:d=0");
    for n in 1..600_u64 {
        assert_eq!(rig.say("NDATA/tm3", n % 256, "#1=1").len(), 1, "{n}");
    }
    assert_eq!(rig.view().gaps, 0);
}

#[test]
fn death_counts_only_for_its_own_birth() {
    let mut rig = Rig::new(true);
    rig.birth(255, "a#1:d=0");
    rig.say("DBIRTH/tm3/dry", 1, "P#2:d=1");
    assert_eq!(rig.death(254), NOTHING, "the will of a connection before");
    assert_eq!(rig.death(255), ["lost tm3||a", "lost tm3|dry|P"]);
    assert_eq!(rig.wait(4), NOTHING, "it may be back at once");
    let gone = rig.wait(1);
    assert!(gone[0].contains("edge node `mill/tm3`: it has gone"), "{gone:?}");
    assert_eq!(rig.view().online, Some(false));
    assert_eq!(rig.say("NDATA/tm3", 2, "#1=3"), ["ask tm3"], "its birth was missed");
    // The number of the connection has gone round.
    assert_eq!(rig.birth(0, "a#1:d=0"), ["tm3||a=0@5000", "tm3||a=3@5000"]);
    assert_eq!(rig.say("DDEATH/tm3/dry", 1, ""), NOTHING, "a device that was not born anew");
    assert_eq!(rig.wait(5).len(), 1);
}

#[test]
fn a_device_dies_alone() {
    let mut rig = Rig::new(false);
    rig.birth(1, "a#1:d=0");
    rig.say("DBIRTH/tm3/dry", 1, "P#2:d=1");
    assert_eq!(rig.say("DDEATH/tm3/dry", 2, ""), ["lost tm3|dry|P"]);
    let gone = rig.wait(5);
    assert!(gone[0].contains("its node lost it at 1970-01-01T00:00:05Z"), "{gone:?}");
    assert_eq!(rig.say("NDATA/tm3", 3, "#1=1"), ["tm3||a=1@5000"]);
    assert_eq!(rig.say("DBIRTH/tm3/dry", 4, "P#2:d=1"), ["tm3|dry|P=1@5000"]);
}

#[test]
fn after_our_own_absence_the_births_are_confirmed_before_data_are_read() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    rig.wait(600);
    rig.reconnect();
    // The node was started anew meanwhile, and its numbers mean something else.
    assert_eq!(rig.say("NDATA/tm3", 77, "#1=3"), ["gap"]);
    assert_eq!(rig.wait(5), ["ask tm3"]);
    assert_eq!(rig.say("NDATA/tm3", 78, "#1=4"), NOTHING);
    let born = rig.birth(2, "b#1:d=5");
    let told = ["lost tm3||a", "tm3||b=5@5000", "absent tm3||a", "tm3||b=3@5000", "tm3||b=4@5000"];
    assert_eq!(born, told);
    assert_eq!(rig.view().gaps, 1);
}

#[test]
fn a_node_that_does_not_confirm_is_read_as_uncertain() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    rig.wait(600);
    rig.reconnect();
    assert_eq!(rig.say("NDATA/tm3", 77, "#1=3"), ["gap"]);
    assert_eq!(rig.wait(5), ["ask tm3"]);
    assert_eq!(rig.wait(24), NOTHING);
    assert_eq!(rig.wait(2), ["tm3||a=3@5000 uncertain"]);
    assert_eq!(rig.say("NDATA/tm3", 78, "#1=4"), ["tm3||a=4@5000 uncertain"]);
    assert_eq!(rig.birth(1, "a#1:d=5"), ["tm3||a=5@5000"]);
    assert_eq!(rig.say("NDATA/tm3", 1, "#1=6"), ["tm3||a=6@5000"]);

    let mut listens = Rig::new(false);
    listens.birth(1, "a#1:d=0");
    listens.reconnect();
    assert_eq!(listens.say("NDATA/tm3", 77, "#1=3"), ["gap", "tm3||a=3@5000 uncertain"]);
    // Order and gaps are followed all the same.
    assert_eq!(listens.say("NDATA/tm3", 79, "#1=5"), NOTHING);
    assert_eq!(listens.say("NDATA/tm3", 78, "#1=4").len(), 2);
    assert_eq!(listens.say("NDATA/tm3", 84, "#1=4"), NOTHING);
    assert_eq!(listens.wait(3), ["gap of 4", "tm3||a=4@5000 uncertain"]);
}

#[test]
fn a_node_that_said_nothing_while_we_were_away_has_lost_nothing() {
    for asks in [false, true] {
        let mut rig = Rig::new(asks);
        rig.birth(1, "a#1:d=0");
        rig.wait(600);
        rig.reconnect();
        assert_eq!(rig.say("NDATA/tm3", 1, "#1=3"), ["tm3||a=3@5000"]);
        assert_eq!(rig.view().gaps, 0);
    }
}

#[test]
fn all_known_nodes_are_asked_after_a_reconnection() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    rig.wait(600);
    rig.reconnect();
    assert_eq!(rig.wait(5), ["ask tm3"]);
}

#[test]
fn a_device_that_was_born_before_we_listened_is_known_by_its_own_birth() {
    let mut rig = Rig::new(false);
    assert_eq!(rig.say("DBIRTH/tm3/dry", 9, "P#2:d=1"), ["tm3|dry|P=1@5000"]);
    assert_eq!(rig.say("DDATA/tm3/dry", 10, "#2=2"), ["tm3|dry|P=2@5000"]);
}

#[test]
fn what_nobody_wants_keeps_its_place_in_the_sequence() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    assert_eq!(rig.say("DBIRTH/tm3/unwanted", 1, "P#2:d=1"), NOTHING);
    assert_eq!(rig.say("DDATA/tm3/unwanted", 2, "#2=1"), NOTHING);
    assert_eq!(rig.say("NDATA/tm3", 3, "#1=1"), ["tm3||a=1@5000"]);
    assert_eq!((rig.view().metrics, rig.view().gaps, rig.view().held), (1, 0, 0));
}

#[test]
fn retained_births_are_a_beginning_and_other_retained_messages_nothing() {
    let mut rig = Rig::new(false);
    rig.retained = true;
    assert!(rig.say("NDATA/tm3", 3, "#1=1")[0].starts_with("retained: "));
    assert_eq!(rig.birth(1, "a#1:d=0"), ["tm3||a=0@5000"]);
    rig.retained = false;
    assert_eq!(rig.say("NDATA/tm3", 1, "#1=1"), ["tm3||a=1@5000 uncertain"]);
}

#[test]
fn what_cannot_be_read_is_a_fault_and_invents_nothing() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0");
    let told = rig.hear_bytes("mill/NDATA/tm3", b"\x12\xff\xff".to_vec());
    assert!(told[0].starts_with("corrupt: no payload of Sparkplug B"), "{told:?}");
    assert_eq!(told[1], "ask tm3");
    let told = rig.say("NDATA/tm3", 1, "#1=run");
    assert!(
        told[0].starts_with("wrong-type: a text, where the birth says data type 10"),
        "{told:?}"
    );
    let told = rig.say("NDATA/tm3", 2, "#1=1@99999999999999999");
    assert!(told[0].starts_with("bad-time: metric `a`"), "{told:?}");
    let many = (0..40).map(|_| "#1=run").collect::<Vec<_>>().join(" ");
    let told = rig.say("NDATA/tm3", 3, &many);
    assert_eq!((told.len(), told[16].as_str()), (17, "wrong-type: 24 more faults in the payload"));
}

#[test]
fn memory_is_bounded() {
    let mut rig = Rig::new(false);
    for n in 0..1100 {
        let told = rig.say("NDATA/tm3", n % 256, "#1=1");
        assert_eq!(told.len(), usize::from(n >= 1000), "{n} {told:?}");
    }
    assert_eq!(rig.view().held, 1000);
    let names = |device: &str| {
        let names: Vec<String> = (0..70_000).map(|n| format!("{device}{n}:d=1")).collect();
        names.join(" ")
    };
    let mut other = Rig::new(false);
    other.birth(1, "");
    for (seq, device) in [(1, "a"), (2, "b"), (3, "c"), (4, "b")] {
        let told = other.say(&format!("DBIRTH/tm3/{device}"), seq, &names(device));
        let refused = told.iter().filter(|word| word.starts_with("too-large")).count();
        // The third has no room for all; the second one takes its own place when it is born again.
        assert_eq!(refused, if device == "c" { 17 } else { 0 }, "{device}");
    }
    assert_eq!(other.view().metrics, METRICS_MAX);
    let told = other.say("DBIRTH/tm3/dry", 5, "P#2:d=1");
    assert!(told[0].starts_with("too-large"), "{told:?}");
    // More values than a message may have, though each metric has few.
    let many = Payload {
        timestamp: Some(5000),
        seq: Some(0),
        metrics: (0..3_u64)
            .map(|n| Metric {
                name: Some(format!("m{n}").into()),
                datatype: Some(datatype::INT8_ARRAY),
                value: Some(metric::Value::Bytes(vec![0; 50_000].into())),
                ..Metric::default()
            })
            .collect(),
        ..Payload::default()
    };
    let told = Rig::new(false).hear("mill/NBIRTH/tm3", &many);
    assert_eq!(told.iter().filter(|word| word.starts_with("tm3|")).count(), 100_000);
    assert!(told.last().unwrap().starts_with("too-large"), "{:?}", told.last());
}

#[test]
fn a_host_comes_back_from_its_checkpoint() {
    let mut rig = Rig::new(true);
    rig.birth(1, "a#1:d=0 s#2:s=x");
    rig.say("DBIRTH/tm3/dry", 1, "Steam/P#3:d=1");
    rig.say("NDATA/tm3", 4, "#1=4");
    rig.say("DDATA/tm3/wet", 2, "#9=4");
    let bytes = rmp_serde::to_vec_named(&rig.host).unwrap();
    let mut back: Host = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(back, rig.host);
    std::mem::swap(&mut rig.host, &mut back);
    assert_eq!(rig.say("DDATA/tm3/dry", 3, "#3=2"), ["tm3|dry/Steam|P=2@5000", "tm3||a=4@5000"]);
}

#[test]
fn what_a_newer_birth_does_not_have_is_absent_at_once() {
    let mut rig = Rig::new(false);
    rig.birth(1, "a#1:d=0 b#2:d=0 Dry/c#3:d=1");
    rig.say("DBIRTH/tm3/dry", 1, "P#4:d=1 Q#5:d=1");
    assert_eq!(rig.birth(1, "b#1:d=7"), ["tm3||b=7@5000", "absent tm3||a", "absent tm3|Dry|c"]);
    let told = rig.say("DBIRTH/tm3/dry", 1, "Q#5:d=2");
    assert_eq!(told, ["tm3|dry|Q=2@5000", "absent tm3|dry|P"]);
    assert_eq!(rig.say("NDATA/tm3", 2, "#1=3"), ["tm3||b=3@5000"], "by its new alias");
}

#[test]
fn an_alias_goes_before_the_place_in_the_birth_and_a_name_before_neither() {
    let mut rig = Rig::new(false);
    rig.birth(1, "a#7:d=0 b#8:d=0 c#9:d=0 d:d=0");
    // As they were born, in another order, one left out, and by name.
    let said = |rig: &mut Rig, seq, metrics| rig.say("NDATA/tm3", seq, metrics);
    assert_eq!(said(&mut rig, 1, "#7=1 #8=2 #9=3 d=4").len(), 4);
    let told = said(&mut rig, 2, "d=1 #9=2 #7=3 #8=4 c=5 a=6");
    assert_eq!(
        told,
        ["d=1", "c=2", "a=3", "b=4", "c=5", "a=6"].map(|text| format!("tm3||{text}@5000"))
    );
}

#[test]
fn two_nodes_of_one_name_are_told_once() {
    let check = |what: &str, say: &dyn Fn(&mut Rig) -> Vec<String>| {
        let mut rig = Rig::new(false);
        rig.birth(1, "a#1:d=0");
        let told = say(&mut rig);
        let twins = told.iter().filter(|word| word.contains("two of them seem to have this name"));
        assert_eq!(twins.count(), 1, "{what}: {told:?}");
    };
    check("numbers in turns", &|rig| {
        let turns = (0..40).flat_map(|n| [100 + n, 200 + n]);
        turns.flat_map(|seq| rig.say("NDATA/tm3", seq % 256, "#1=1")).collect()
    });
    check("births in turns", &|rig| {
        (0..12).flat_map(|n| [rig.birth(7 + n % 2, "a#1:d=0"), rig.wait(2)].concat()).collect()
    });
    // A node that is started anew, again and again, counts on.
    let mut rig = Rig::new(false);
    let told: Vec<String> = (0..12).flat_map(|n| rig.birth(n, "a#1:d=0")).collect();
    assert!(!told.iter().any(|word| word.contains("two of them")), "{told:?}");
}
