//! What an independent implementation reads.

use super::super::{Form, Machine, SimulationSpec};
use super::*;
use srad_types::payload::{Metric, Payload, metric};
use std::collections::BTreeMap;

fn machine(form: Form) -> Machine {
    Machine::new(&SimulationSpec {
        seed: 7,
        start: Timestamp::parse_rfc3339("2026-01-23T22:00:00Z").unwrap(),
        learning_batches: 0,
        batches: 1,
        line: "tm3".into(),
        form,
    })
}

/// What a host application that follows the births knows.
#[derive(Default)]
struct Host {
    next: Option<u64>,
    bd_seq: Option<metric::Value>,
    /// By alias.
    names: BTreeMap<u64, String>,
    /// By name and ms; absent while null.
    values: BTreeMap<(String, u64), f64>,
    births: u32,
}

impl Host {
    fn hear(&mut self, message: &Published) {
        let levels: Vec<&str> = message.topic.split('/').collect();
        if levels[0] != "spBv1.0" {
            return;
        }
        assert_eq!((levels[1], levels[3]), ("mill", "tm3"));
        let payload: Payload = read_by_srad(&message.payload);
        assert!(payload.timestamp.is_some());
        let seq = payload.seq.unwrap();
        let expected = if levels[2] == "NBIRTH" { 0 } else { self.next.unwrap() };
        assert_eq!(seq, expected, "{}", message.topic);
        self.next = Some((seq + 1) % 256);
        match levels[2] {
            "NBIRTH" => {
                let named = |name: &str| {
                    let found = |metric: &&Metric| metric.name.as_deref() == Some(name);
                    payload.metrics.iter().find(found).unwrap().value.clone()
                };
                assert_eq!(named("Node Control/Rebirth"), Some(metric::Value::BooleanValue(false)));
                self.bd_seq = named("bdSeq");
                self.births += 1;
            }
            "DBIRTH" => {
                for metric in &payload.metrics {
                    let name = metric.name.clone().unwrap();
                    assert!(metric.datatype.is_some() && metric.timestamp.is_some());
                    assert_eq!(metric.value.is_none(), metric.is_null == Some(true));
                    self.names.insert(metric.alias.unwrap(), name);
                    self.take(metric);
                }
            }
            "DDATA" => {
                for metric in &payload.metrics {
                    assert_eq!((&metric.name, metric.datatype), (&None, None));
                    self.take(metric);
                }
            }
            other => panic!("{other}"),
        }
    }

    fn take(&mut self, metric: &Metric) {
        let name = self.names[&metric.alias.unwrap()].clone();
        let value = match &metric.value {
            None => return,
            Some(metric::Value::DoubleValue(value)) => *value,
            Some(metric::Value::BooleanValue(value)) => f64::from(u8::from(*value)),
            other => panic!("{other:?}"),
        };
        self.values.insert((name, metric.timestamp.unwrap()), value);
    }
}

fn read_by_srad(payload: &[u8]) -> Payload {
    prost_of_srad::Message::decode(payload).unwrap()
}

#[test]
fn a_host_of_other_people_hears_what_the_wide_form_says() {
    let mut host = Host::default();
    let (mut machine_, mut out) = (machine(Form::Sparkplug), Vec::new());
    while machine_.step(&mut out) {}
    for message in &out {
        host.hear(message);
    }
    assert_eq!(host.births, 1);
    assert_eq!(host.names.len(), TAGS.len());

    let (mut machine_, mut wide) = (machine(Form::Wide), Vec::new());
    while machine_.step(&mut wide) {}
    let mut values = BTreeMap::new();
    for message in wide.iter().filter(|message| !message.topic.ends_with("/events")) {
        let body: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        for (name, value) in body.as_object().unwrap().iter().filter(|(key, _)| *key != "ts") {
            values.insert((name.clone(), body["ts"].as_u64().unwrap()), value.as_f64().unwrap());
        }
    }
    // The same chance decides which messages get lost on their way to the node.
    assert_eq!(host.values.len(), values.len());
    assert!(host.values == values);
    // Batch events are the same documents.
    let events = |all: &[Published]| {
        let events = all.iter().filter(|message| message.topic.ends_with("/events"));
        events.cloned().collect::<Vec<_>>()
    };
    assert!(events(&out) == events(&wide));
}

#[test]
fn after_a_command_and_after_a_new_connection_it_is_born_again() {
    let (mut machine, mut host) = (machine(Form::Sparkplug), Host::default());
    let seconds = |machine: &mut Machine, host: &mut Host| {
        let mut out = Vec::new();
        for _ in 0..40 {
            machine.step(&mut out);
        }
        for message in &out {
            host.hear(message);
        }
        host.births
    };
    let dies = |machine: &mut Machine, host: &Host| {
        let death = machine.death().unwrap();
        assert_eq!(&*death.topic, "spBv1.0/mill/NDEATH/tm3");
        let payload: Payload = read_by_srad(&death.payload);
        assert_eq!((payload.seq, payload.metrics.len()), (None, 1));
        payload.metrics[0].value == host.bd_seq
    };
    assert_eq!(machine.commands().as_deref(), Some("spBv1.0/mill/NCMD/tm3"));
    assert_eq!(seconds(&mut machine, &mut host), 1);
    assert!(dies(&mut machine, &host));
    machine.obey(Command::Rebirth);
    assert_eq!(seconds(&mut machine, &mut host), 2);
    assert!(dies(&mut machine, &host), "the same connection has the same death");
    machine.reconnect();
    assert!(!dies(&mut machine, &host), "another connection, another death");
    assert_eq!(seconds(&mut machine, &mut host), 3);
    assert!(dies(&mut machine, &host));
}
