//! The daemon as a host application of Sparkplug B, beside edge nodes and hosts of other people.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Daemon, Influxd, Mosquitto, PATIENCE, Process, Said, Tahu, binary, free_port, get, post,
    wait_until,
};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{Client, Connection, Event, MqttOptions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A plant whose edge nodes are heard.
struct Plant {
    broker: Mosquitto,
    directory: TempDir,
    http: u16,
}

impl Plant {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { broker: Mosquitto::start(), directory, http: free_port() }
    }

    fn configure(&self, sparkplug: &str, rest: &str) -> PathBuf {
        let path = self.directory.path().join("onspec.toml");
        let text = format!(
            "[store]\npath = \"{}\"\n[[mqtt]]\nname = \"plant\"\nurl = \"{}\"\nclient_id = \"onspec-1\"\n\
             sparkplug = {{ {sparkplug} }}\n[[mqtt.subscribe]]\ntopic = \"spBv1.0/{{group}}/{{type}}/{{line}}/{{area}}\"\n\
             format = \"sparkplug-b\"\n[http]\nlisten = \"127.0.0.1:{}\"\n{rest}",
            self.directory.path().join("onspec.db").display(),
            self.broker.url(),
            self.http,
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, config: &std::path::Path) -> Daemon {
        let mut daemon = Daemon::start(config);
        daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", self.http));
        daemon
    }

    /// Has the daemon read its configuration again.
    fn reload(&self) {
        let url = format!("http://127.0.0.1:{}/api/v1/reload", self.http);
        let answer = post(&url, &[], b"").unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    fn health(&self) -> Value {
        let url = format!("http://127.0.0.1:{}/api/v1/health", self.http);
        get(&url)
            .ok()
            .and_then(|answer| serde_json::from_str(&answer.text()).ok())
            .unwrap_or_default()
    }

    /// The edge node that is shown first.
    fn node(&self) -> Value {
        self.health()["edge_nodes"][0].clone()
    }
}

/// The part of a configuration that names an InfluxDB.
fn sink(influxd: &Influxd) -> String {
    format!(
        "[influxdb]\nurl = \"{}\"\norg = \"{}\"\nbucket = \"{}\"\ntoken = {{ env = \"TOKEN\" }}\n",
        influxd.url(),
        influxd.org(),
        influxd.bucket()
    )
}

/// What a broker has of a line's readings: by area, tag and ms.
type Stored = BTreeMap<(String, String, i64), String>;

fn stored(influxd: &Influxd) -> Stored {
    let mut stored = Stored::new();
    for point in influxd.points("readings").into_iter().filter(|point| point.field != "quality") {
        let part = |key: &str| {
            let of = |part: &str| part.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
            point.series.split(',').find_map(of).unwrap_or_default()
        };
        assert_eq!(part("line"), "tm9", "{point:?}");
        let value = match point.field.as_str() {
            "value" => point.value.parse::<f64>().unwrap().to_string(),
            _ => point.value.clone(),
        };
        stored.insert((part("area"), part("tag"), point.time_ns / 1_000_000), value);
    }
    stored
}

fn expected(said: Vec<Said>) -> Stored {
    said.into_iter().map(|(area, tag, at, value)| ((area, tag, at), value)).collect()
}

#[track_caller]
fn wait_for_all(influxd: &Influxd, expected: &Stored) {
    wait_until("all that was said is stored", PATIENCE, || stored(influxd).len() >= expected.len());
    let found = stored(influxd);
    let missing: Vec<_> = expected.iter().filter(|(key, _)| !found.contains_key(*key)).collect();
    let invented: Vec<_> = found.iter().filter(|(key, _)| !expected.contains_key(*key)).collect();
    assert!(missing.is_empty() && invented.is_empty(), "lost {missing:?}, invented {invented:?}");
    let other: Vec<_> = found.iter().filter(|(key, value)| expected[*key] != **value).collect();
    assert!(other.is_empty(), "other values: {other:?}");
}

#[test]
fn all_that_tahu_says_is_read_and_nothing_else() {
    let (plant, influxd) = (Plant::new(), Influxd::start());
    let influx = sink(&influxd);
    let config = plant.configure("role = \"active\", reorder = \"1s\", rebirth = \"10s\"", &influx);
    let run = || {
        let mut daemon = Daemon::start_with(&config, &[], &[("TOKEN", influxd.token())]);
        daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", plant.http));
        daemon
    };

    // Its births are over when the daemon comes: what is said first is held until they are heard.
    let mut tahu = Tahu::start(plant.broker.port(), 1);
    let mut daemon = run();
    tahu.said();
    tahu.tell("data 20");
    tahu.wait_for_rebirth();
    tahu.tell("swap");
    tahu.tell("device");
    tahu.tell("compressed");
    tahu.tell("types");
    let mut all = expected(tahu.said());
    wait_for_all(&influxd, &all);
    wait_until("the node is shown", PATIENCE, || plant.node()["online"] == true);
    assert_eq!(plant.node()["gaps"], 0);

    // One message is lost, and known to be: the node is asked for what it has now.
    tahu.tell("skip");
    tahu.wait_for_rebirth();
    wait_until("the gap is told", PATIENCE, || plant.node()["gaps"] == 1);
    assert!(daemon.wait_for_log("1 message of edge node `mill/tm9` missing").contains("lost=1"));

    // A metric that no birth has told of waits for one that does.
    tahu.tell("unknown");
    tahu.wait_for_rebirth();
    all.extend(expected(tahu.said()));
    wait_for_all(&influxd, &all);

    // The node is started anew, with other aliases, while nobody else is: its will and its births tell.
    drop(tahu);
    wait_until("the node is told to be gone", PATIENCE, || plant.node()["online"] == false);
    let mut tahu = Tahu::start(plant.broker.port(), 100);
    tahu.tell("data 20");
    all.extend(expected(tahu.said()));
    wait_for_all(&influxd, &all);

    // The daemon is away while the node is started anew with other aliases again, and says what nobody keeps.
    assert_eq!(daemon.terminate(), Some(0));
    drop(tahu);
    let mut tahu = Tahu::start(plant.broker.port(), 1);
    tahu.tell("data 10");
    tahu.said();
    let mut daemon = run();
    tahu.tell("data 20");
    tahu.wait_for_rebirth();
    all.extend(expected(tahu.said()));
    wait_for_all(&influxd, &all);
    daemon.wait_for_log("while onspec was not connected is missing");
    // People see the state a moment after it has changed.
    wait_until("the gap belongs to the start", PATIENCE, || {
        plant.health()["last_start"]["possible_gaps"] == 1
    });
    let faults = &plant.health()["faults"];
    assert_eq!(*faults, serde_json::json!({}), "nothing was refused");
}

#[test]
fn the_machine_is_read_though_its_births_are_over_and_its_death_is_told() {
    let plant = Plant::new();
    let config = plant.configure("role = \"active\"", "");
    let mut command = Command::new(binary());
    command.args(["simulate", "--form", "sparkplug-b", "--broker"]).arg(plant.broker.url());
    let log = plant.directory.path().join("simulate.log");
    let mut machine = Process::start("onspec simulate", &mut command, &log);
    let mut peer = Peer::listen(plant.broker.port(), "spBv1.0/#");
    peer.next(|message| message.topic.starts_with(b"spBv1.0/mill/DDATA").then_some(()));
    let _daemon = plant.run(&config);
    wait_until("all metrics are known", PATIENCE, || plant.node()["metrics"] == 46);
    wait_until("readings are stored", PATIENCE, || plant.health()["readings"].as_u64() > Some(100));
    assert_eq!(plant.node()["asks"], 1);
    machine.kill();
    wait_until("its death is told", PATIENCE, || plant.node()["online"] == false);
    // A node that is back at once was not away for people.
    wait_until("its death is an alarm", PATIENCE, || {
        let url = format!("http://127.0.0.1:{}/api/v1/alarms", plant.http);
        get(&url).is_ok_and(|answer| answer.text().contains("system/sparkplug/plant/mill/tm3"))
    });
}

/// Somebody else at the broker.
struct Peer {
    client: Client,
    connection: Connection,
}

impl Peer {
    fn listen(port: u16, filter: &str) -> Self {
        let options = MqttOptions::new("peer", "127.0.0.1", port);
        let (client, connection) = Client::new(options, 100);
        client.subscribe(filter, QoS::AtLeastOnce).unwrap();
        let mut peer = Self { client, connection };
        peer.until(|packet| matches!(packet, Packet::SubAck(_)).then_some(()));
        peer
    }

    fn until<T>(&mut self, wanted: impl Fn(&Packet) -> Option<T>) -> T {
        loop {
            if let Ok(Event::Incoming(packet)) = self.connection.recv().unwrap()
                && let Some(found) = wanted(&packet)
            {
                return found;
            }
        }
    }

    fn next<T>(&mut self, wanted: impl Fn(&Publish) -> Option<T>) -> T {
        self.until(|packet| match packet {
            Packet::Publish(message) => wanted(message),
            _ => None,
        })
    }

    /// The next state of the host, and its time.
    fn state(&mut self) -> (bool, i64) {
        self.next(|message| {
            assert_eq!(message.topic, "spBv1.0/STATE/mill-host");
            assert_eq!(message.qos, QoS::AtLeastOnce);
            let state: Value = serde_json::from_slice(&message.payload).unwrap();
            assert_eq!(state.as_object().unwrap().len(), 2, "{state}");
            Some((state["online"].as_bool().unwrap(), state["timestamp"].as_i64().unwrap()))
        })
    }
}

#[test]
fn a_primary_host_says_whether_it_is_there() {
    let plant = Plant::new();
    let config = plant.configure("role = \"primary\", host_id = \"mill-host\"", "");
    let mut peer = Peer::listen(plant.broker.port(), "spBv1.0/STATE/#");
    let mut daemon = plant.run(&config);
    let (online, first) = peer.state();
    assert!(online);

    // Killed, it has left a will with the time of its birth.
    daemon.kill_9();
    assert_eq!(peer.state(), (false, first));
    let mut daemon = plant.run(&config);
    let (online, second) = peer.state();
    assert!(online && second > first, "{second} {first}");

    // A will of an older connection that comes late is answered at once.
    let late = format!("{{\"online\":false,\"timestamp\":{first}}}");
    peer.client.publish("spBv1.0/STATE/mill-host", QoS::AtLeastOnce, true, late).unwrap();
    // It has answered the one that the broker had kept, too.
    let mut state = peer.state();
    while state == (true, second) {
        state = peer.state();
    }
    assert_eq!(state, (false, first));
    assert_eq!(peer.state(), (true, second));

    // It goes with a word of its own, and the broker keeps that.
    assert_eq!(daemon.terminate(), Some(0));
    let mut state = peer.state();
    // It may have answered more than one word of its absence.
    while state == (true, second) {
        state = peer.state();
    }
    let (online, third) = state;
    assert!(!online && third > second, "{third} {second}");
    drop(peer);
    let mut after = Peer::listen(plant.broker.port(), "spBv1.0/STATE/#");
    let kept = after.next(|message| Some((message.retain, message.payload.clone())));
    assert_eq!(kept, (true, format!("{{\"online\":false,\"timestamp\":{third}}}").into()));

    // Its session is clean: mosquitto says `c1` for that, and `c0` for the one that is kept.
    let log = plant.broker.log();
    let of = |client: &str| {
        let line = log.lines().find(|line| line.contains(&format!("as {client} (")));
        line.unwrap_or_else(|| panic!("no {client} in {log}")).to_owned()
    };
    assert!(of("onspec-1-spb").contains(", c1,"), "{}", of("onspec-1-spb"));
    assert!(of("onspec-1").contains(", c0,"), "{}", of("onspec-1"));
}

#[test]
fn edge_nodes_do_not_notice_that_another_configuration_takes_effect() {
    let (plant, influxd) = (Plant::new(), Influxd::start());
    let influx = sink(&influxd);
    let primary = "role = \"primary\", host_id = \"mill-host\"";
    let config = plant.configure(primary, &influx);
    let mut peer = Peer::listen(plant.broker.port(), "spBv1.0/STATE/#");
    let mut daemon = Daemon::start_with(&config, &[], &[("TOKEN", influxd.token())]);
    daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", plant.http));
    assert!(peer.state().0);
    let mut tahu = Tahu::start(plant.broker.port(), 1);
    tahu.tell("data 20");
    let mut all = expected(tahu.said());
    wait_for_all(&influxd, &all);
    // People see the state a moment after it has changed.
    wait_until("the node is shown", PATIENCE, || plant.node()["online"] == true);
    let before = plant.node();

    // Another configuration takes effect while it speaks.
    let starts = |daemon: &Daemon| daemon.log().matches("store is open").count();
    for site in ["north", "south"] {
        let begun = starts(&daemon);
        plant.configure(primary, &format!("[site]\nname = \"{site}\"\n{influx}"));
        plant.reload();
        wait_until("it has taken effect", PATIENCE, || {
            tahu.tell("data 5");
            starts(&daemon) > begun
        });
        daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", plant.http));
        tahu.tell("data 20");
    }
    all.extend(expected(tahu.said()));
    wait_for_all(&influxd, &all);
    wait_until("people see the node", PATIENCE, || plant.node()["online"] == true);
    let after = plant.node();
    for same in ["gaps", "asks", "held"] {
        assert_eq!(after[same], before[same], "{same}: {before} {after}");
    }
    let connections = || plant.broker.log().matches("as onspec-1-spb (").count();
    assert_eq!(connections(), 1, "{}", plant.broker.log());
    let marker = "spBv1.0/STATE/somebody";
    peer.client.publish(marker, QoS::AtLeastOnce, false, "{}").unwrap();
    let next = peer.next(|message| Some((message.topic.clone(), message.payload.clone())));
    assert_eq!(next.0, marker, "its own state was said again: {next:?}");

    // A link of other settings is another one, and the old one says farewell.
    plant.configure("role = \"primary\", host_id = \"other\"", &influx);
    plant.reload();
    assert!(!peer.state().0);
    let online = |message: &Publish| {
        assert_eq!(message.topic, "spBv1.0/STATE/other");
        let state: Value = serde_json::from_slice(&message.payload).unwrap();
        state["online"].as_bool().filter(|online| *online)
    };
    assert!(peer.next(online));
    assert_eq!(connections(), 2);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn who_only_listens_says_nothing() {
    let plant = Plant::new();
    let config = plant.configure("role = \"passive\"", "");
    let mut tahu = Tahu::start(plant.broker.port(), 1);
    let mut peer = Peer::listen(plant.broker.port(), "#");
    let mut daemon = plant.run(&config);
    tahu.tell("data 20");
    wait_until("what cannot be read is held", PATIENCE, || plant.node()["held"] == 20);
    assert_eq!(plant.health()["readings"], 0);
    assert_eq!(daemon.terminate(), Some(0));
    peer.client.publish("end", QoS::AtLeastOnce, false, "").unwrap();
    let heard = |message: &Publish| {
        let topic = String::from_utf8_lossy(&message.topic).into_owned();
        assert!(!topic.contains("NCMD") && !topic.contains("STATE"), "{topic}");
        (topic == "end").then_some(())
    };
    peer.next(heard);
}
