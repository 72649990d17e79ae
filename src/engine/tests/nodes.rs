//! What edge nodes say, as the line and people hear it.

use super::*;
use crate::decode::sparkplug::wire::{Metric, Payload, datatype, metric};
use crate::decode::{Format, HostRule, Rule, Template};
use prost::Message as _;

fn engine() -> Engine {
    let template = Template::parse("spBv1.0/{group}/{type}/{line}/{area}").unwrap();
    Engine::new(
        plant(),
        vec![Rule::new("plant", template, Format::SparkplugB(HostRule::default()))],
    )
}

/// A message of a node at a second; a metric without a value is null.
fn says(verb: &str, node: &str, s: i64, metrics: &[(&str, Option<f64>)]) -> Event {
    let metric = |(name, value): &(&str, Option<f64>)| Metric {
        name: Some((*name).to_owned().into()),
        datatype: Some(datatype::DOUBLE),
        is_null: value.is_none().then_some(true),
        value: value.map(metric::Value::Double),
        ..Metric::default()
    };
    let timestamp = Some(u64::try_from(s).unwrap() * 1000);
    let metrics = metrics.iter().map(metric).collect();
    let payload = Payload { timestamp, metrics, ..Payload::default() }.encode_to_vec();
    Event::Arrival(Arrival {
        broker: "plant".into(),
        received: at(s),
        topic: format!("spBv1.0/mill/{verb}/{node}").into(),
        payload: payload.into(),
        retained: false,
        properties: None,
    })
}

#[test]
fn a_value_is_lost_when_its_node_says_so_and_not_before() {
    let mut engine = engine();
    let mut events = vec![says("NBIRTH", "tm3", 0, &[("bw", Some(15.0)), ("steam", Some(7.0))])];
    events.extend(
        (1..10).map(|s| says("NDATA", "tm3", s, &[("bw", Some(15.0)), ("steam", Some(7.0))])),
    );
    events.push(says("NDATA", "tm3", 10, &[("bw", Some(15.0)), ("steam", None)]));
    events.extend((11..40).map(|s| says("NDATA", "tm3", s, &[("bw", Some(15.0))])));
    let effects = apply(&mut engine, events);
    let frames = effects.iter().filter_map(|effect| match effect {
        Effect::Frame(frame) => Some((frame.end, frame.values[1])),
        _ => None,
    });
    let (seen, lost): (Vec<_>, Vec<_>) = frames.partition(|(end, _)| *end <= at(10));
    assert!(
        seen.len() > 1 && seen.iter().all(|(_, steam)| (*steam - 7.0).abs() < 1e-9),
        "{seen:?}"
    );
    assert!(lost.len() > 1 && lost.iter().all(|(_, steam)| steam.is_nan()), "{lost:?}");
}

#[test]
fn a_metric_that_a_newer_birth_leaves_out_is_stale_at_once() {
    let mut engine = engine();
    let both = [("bw", Some(15.0)), ("steam", Some(7.0))];
    apply(&mut engine, [says("NBIRTH", "tm3", 0, &both), says("NDATA", "tm3", 3, &both)]);
    let effects = apply(&mut engine, [says("NBIRTH", "tm3", 4, &both[..1])]);
    assert_eq!(said(&effects), ["4 sensor.unhealthy"]);
    let text = effects.iter().find_map(|effect| match effect {
        Effect::Notification(told) => Some(told.text.to_string()),
        _ => None,
    });
    assert!(text.unwrap().starts_with("Since 1970-01-01 00:00 +00:00; its values are not used"));
    // It is well again as any other that was silent.
    let effects = apply(&mut engine, (5..400).map(|s| says("NBIRTH", "tm3", s, &both)));
    assert_eq!(said(&effects).len(), 1, "{:?}", said(&effects));
}

#[test]
fn the_words_of_a_flood_follow_it_and_survive_a_restart() {
    let mut engine = engine();
    let all = ["a", "b", "c", "d", "e", "f", "g"];
    apply(&mut engine, all.map(|node| says("NBIRTH", node, 0, &[])));
    let dead = apply(&mut engine, all[..6].iter().map(|node| says("NDEATH", node, 10, &[])));
    assert_eq!(said(&dead), [""; 0]);
    assert!(engine.would_push(at(15)));
    let told = apply(&mut engine, [Event::Tick(at(15))]);
    assert_eq!(said(&told), ["15 system.degraded"]);
    let title = |engine: &Engine| engine.view().alarms[0].title.to_string();
    assert!(
        title(&engine).contains("6 edge nodes of broker `plant` went since"),
        "{}",
        title(&engine)
    );

    let mut engine = Engine::restore(&engine.checkpoint()).unwrap();
    assert!(
        engine.tells("sparkplug/plant#edge-nodes") && !engine.tells("sparkplug/other#edge-nodes")
    );
    let more = apply(&mut engine, [says("NDEATH", "g", 20, &[]), Event::Tick(at(25))]);
    assert_eq!(said(&more), [""; 0], "it is told once");
    assert!(
        title(&engine).contains("7 edge nodes of broker `plant` went since"),
        "{}",
        title(&engine)
    );
    let back = apply(&mut engine, all.map(|node| says("NBIRTH", node, 30, &[])));
    assert_eq!(said(&back), [""; 0]);
    assert_eq!(said(&apply(&mut engine, [Event::Tick(at(630))])), ["630 system.recovered"]);
}
