//! What must be true when all is told: everything that was acknowledged is somewhere, once, and
//! nothing of it would be otherwise without the faults.

use crate::ledger::{Ledger, in_memory};
use crate::life::Life;
use crate::mill::{BEGIN, Meaning, Message};
use crate::sinks::{Key, split};
use crate::waiting::lines_of;
use crate::world::{MQTT, World};
use onspec::app::{Pipeline, answer};
use onspec::decode::Arrival;
use onspec::engine::Event;
use onspec::influx::{READINGS, RESULTS};
use onspec::reading::Timestamp;
use onspec::store::Item;
use onspec::webhook::outbox_name;
use std::collections::{BTreeMap, BTreeSet};

/// Compares everything.
pub(crate) fn check(world: &World, life: &Life) {
    let pipeline = &life.pipeline;
    let ledger = &world.ledger;
    ledger.same_state(pipeline);
    ledger.balances(&world.messages, pipeline);
    every_message_is_accounted_for(world, ledger);
    points_are_those_without_faults(world, &ledger.steady);
    events_came_once_in_effect_and_in_order(world, &ledger.steady);
    documents_came(world, &ledger.steady);
    batches_and_models_are_the_same(pipeline, &ledger.steady);
    what_was_refused_is_kept(world, pipeline);
    let damage = pipeline.store().reader().unwrap().check().unwrap();
    assert_eq!(damage, Vec::<String>::new(), "the store is damaged");
    if world.plain {
        said_the_same_as_without_faults(world, &ledger.steady);
    }
}

fn items(pipeline: &Pipeline, outbox: &str) -> Vec<Item> {
    pipeline.store().outbox(outbox).unwrap().oldest(0, usize::MAX, usize::MAX).unwrap()
}

fn lines(pipeline: &Pipeline, outbox: &str) -> Vec<String> {
    items(pipeline, outbox).iter().flat_map(lines_of).collect()
}

/// The points that were refused or dropped for good.
fn given_up(world: &World) -> BTreeSet<String> {
    let parked = world.parked.iter().filter(|(outbox, _)| [READINGS, RESULTS].contains(&&**outbox));
    let parked = parked.flat_map(|(_, body)| {
        let text = String::from_utf8(body.clone()).expect("lines are text");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    parked.chain(world.waiting.dropped.iter().cloned()).collect()
}

/// What the broker has let go is in the journal; each of its readings is in InfluxDB, or was refused
/// or dropped, and counted.
fn every_message_is_accounted_for(world: &World, ledger: &Ledger) {
    let taken = ledger.messages();
    for message in world.acknowledged() {
        let text = &world.messages[*message];
        assert!(taken.contains(message), "an acknowledged message is lost: {text:?}");
    }
    for message in 0..world.messages.len() {
        let known = taken.contains(&message) || world.broker.lost().contains(&message);
        assert!(known, "message {message} is neither here nor at the broker");
    }
    let points = world.influx.points();
    let given_up: BTreeSet<Key> = given_up(world).iter().map(|line| split(line).0).collect();
    for message in taken {
        if let Meaning::Readings(keys) = &world.messages[message].meaning {
            for key in keys {
                let known = points.contains_key(key) || given_up.contains(key);
                assert!(known, "a reading is lost: {key:?} of message {message}");
            }
        }
    }
}

/// InfluxDB has, at the end, what it would have if nothing had gone wrong.
fn points_are_those_without_faults(world: &World, steady: &Pipeline) {
    let given_up = given_up(world);
    let doubtful: BTreeSet<Key> = given_up.iter().map(|line| split(line).0).collect();
    let mut expected: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for line in [READINGS, RESULTS].iter().flat_map(|outbox| lines(steady, outbox)) {
        let (key, fields) = split(&line);
        expected.entry(key).or_default().push(fields);
        all.insert(line);
    }
    for line in &given_up {
        assert!(all.contains(line), "a line was given up that never was: {line}");
    }
    for line in &all {
        let known = world.influx.saw(line) || given_up.contains(line);
        assert!(known, "a line reached nobody: {line}");
    }
    let points = world.influx.points();
    for (key, fields) in &points {
        let possible = expected.get(key);
        let possible =
            possible.unwrap_or_else(|| panic!("a point that never was: {key:?} {fields}"));
        if doubtful.contains(key) {
            assert!(possible.contains(fields), "a value that never was: {key:?} {fields}");
        } else {
            assert_eq!(possible.last(), Some(fields), "the last value of {key:?}");
        }
    }
}

/// Each receiver heard of every event, first in order, under one id with one body.
fn events_came_once_in_effect_and_in_order(world: &World, steady: &Pipeline) {
    for (name, receiver) in &world.receivers {
        let outbox = outbox_name(name);
        let mut bodies = BTreeMap::new();
        let mut heard = Vec::new();
        for (id, body) in receiver.got() {
            let known = bodies.entry(id.clone()).or_insert_with(|| {
                heard.push(id.clone());
                body.clone()
            });
            assert_eq!(*known, body, "the id {id} names two events at `{name}`");
        }
        let all = items(steady, &outbox);
        let ids: BTreeSet<&str> = all.iter().map(|item| &*item.key).collect();
        assert_eq!(ids.len(), all.len(), "an id was given twice for `{name}`");
        let (refused, wanted): (Vec<_>, Vec<_>) =
            all.iter().partition(|item| receiver.refuses(&item.key));
        let wanted: Vec<String> = wanted.iter().map(|item| item.key.clone()).collect();
        assert_eq!(heard, wanted, "the events that `{name}` heard of, and those there were");
        for item in &all {
            let same = bodies.get(&item.key).is_none_or(|body| *body == item.body);
            assert!(same, "`{name}` heard something else under the id {}", item.key);
        }
        for item in refused {
            let parked = world.parked.contains(&(outbox.clone(), item.body.clone()));
            assert!(parked, "a refused event was not parked: {}", item.key);
        }
    }
}

/// The broker has the newest verdict of each topic, and had every finished batch, in order.
fn documents_came(world: &World, steady: &Pipeline) {
    let mut newest = BTreeMap::new();
    let mut finished = Vec::new();
    for (topic, body) in &world.published {
        newest.insert(topic, body);
        if topic.ends_with("/batch") && !finished.contains(body) {
            finished.push(body.clone());
        }
    }
    let mut expected = Vec::new();
    let all = items(steady, MQTT);
    for item in &all {
        if item.key.ends_with("/batch") {
            expected.push(item.body.clone());
        } else {
            assert_eq!(newest.get(&item.key), Some(&&item.body), "the newest of {}", item.key);
        }
    }
    assert_eq!(finished, expected, "the finished batches that were published");
}

/// With room for it, everything that was refused for good is there for people to see.
fn what_was_refused_is_kept(world: &World, pipeline: &Pipeline) {
    let kept = pipeline.store().reader().unwrap().parked(usize::MAX).unwrap();
    let kept: BTreeSet<_> = kept.into_iter().map(|parked| (parked.outbox, parked.body)).collect();
    assert!(kept.is_subset(&world.parked), "something is kept that nobody refused");
    assert!(world.tight || kept == world.parked, "something that was refused is not kept");
}

fn batches_and_models_are_the_same(pipeline: &Pipeline, steady: &Pipeline) {
    let (found, expected) = (pipeline.store().reader().unwrap(), steady.store().reader().unwrap());
    assert_eq!(
        found.batches(None, usize::MAX).unwrap(),
        expected.batches(None, usize::MAX).unwrap()
    );
    assert_eq!(found.models(None, None).unwrap(), expected.models(None, None).unwrap());
}

/// The mill's messages one after the other, each once, with nothing in the way: what was said is the
/// same, but for how often a sensor repeated itself.
fn said_the_same_as_without_faults(world: &World, steady: &Pipeline) {
    let plain = without_faults(world, &world.messages);
    let but_health = |pipeline: &Pipeline| {
        let mut lines = lines(pipeline, RESULTS);
        lines.retain(|line| !line.starts_with("sensor_health,"));
        lines
    };
    assert_eq!(but_health(steady), but_health(&plain), "batches and alarms");
    assert_eq!(lines(steady, READINGS), lines(&plain, READINGS), "readings and scores");
    for outbox in world.receivers.iter().map(|(name, _)| outbox_name(name)).chain([MQTT.into()]) {
        let said = |pipeline: &Pipeline| {
            let items = items(pipeline, &outbox).into_iter();
            items.map(|item| (item.key, String::from_utf8(item.body).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(said(steady), said(&plain), "what `{outbox}` is told");
    }
    batches_and_models_are_the_same(steady, &plain);
}

fn without_faults(world: &World, messages: &[Message]) -> Pipeline {
    let mut plain = in_memory(&world.configuration);
    for message in messages {
        let arrival = Arrival {
            broker: "plant".into(),
            received: Timestamp::from_nanos(BEGIN + message.due),
            topic: message.topic.as_str().into(),
            payload: message.payload.clone().into(),
            retained: false,
            properties: None,
        };
        plain.commit([Event::Arrival(arrival)], &mut |_| {}).unwrap();
        for request in plain.take_requests() {
            let reader = plain.store().reader().unwrap();
            let answer = answer(&reader, &request, &plain.columns(request.line()));
            plain.commit([Event::Model(answer)], &mut |_| {}).unwrap();
        }
    }
    plain
}
