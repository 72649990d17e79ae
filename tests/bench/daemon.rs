//! `tests/bench/run`: the whole daemon, from mosquitto to InfluxDB.
//!
//! The messages of some reels are published as fast as the broker takes them; when InfluxDB has every
//! reading, the processor's time of each process is told for a million readings. The broker's own is the
//! reference: it moves the same bytes and understands nothing of them.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench measures and prints")]

#[path = "../support/mod.rs"]
mod support;

#[path = "cpu.rs"]
mod cpu;

use onspec::app::demo;
use onspec::simulate::{Form, Machine, Published};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use support::{Daemon, Influxd, Mosquitto, free_port, wait_until};

const SEED: u64 = 7;
const LEARNING: u32 = 2;
const BATCHES: u32 = 10;

fn main() {
    let checked = demo::tissue(Some(LEARNING)).expect("the model case can be used");
    let messages = everything(demo::machine(&checked, SEED, BATCHES, Form::Wide));
    let readings = readings(&messages);
    let (broker, influx) = (Mosquitto::start(), Influxd::start());
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let http = free_port();
    let config = directory.path().join("onspec.toml");
    std::fs::write(&config, configuration(&broker, &influx, directory.path(), http))
        .expect("the directory is ours");
    let mut daemon =
        Daemon::start_with(&config, &["--log", "warn"], &[("INFLUX_TOKEN", influx.token())]);
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));

    let before = [daemon.id(), broker.id(), influx.id()].map(cpu::seconds_of);
    let begun = Instant::now();
    publish(broker.port(), &messages);
    let published = begun.elapsed();
    wait_until(&format!("{readings} readings are in InfluxDB"), Duration::from_secs(600), || {
        // Asked seldom: the question costs InfluxDB more than the readings do.
        std::thread::park_timeout(Duration::from_millis(500));
        stored(&influx) >= readings
    });
    let stored = begun.elapsed();
    let after = [daemon.id(), broker.id(), influx.id()].map(cpu::seconds_of);
    #[expect(clippy::cast_precision_loss, reason = "a count of readings")]
    let millions = readings as f64 / 1e6;
    let [onspec, mosquitto, influxd] = [0, 1, 2].map(|ix| (after[ix] - before[ix]) / millions);
    println!("messages {}, readings {readings}", messages.len());
    println!(
        "published in {:.1} s, all in InfluxDB after {:.1} s",
        published.as_secs_f64(),
        stored.as_secs_f64()
    );
    println!("onspec:    {onspec:.2} CPU s per million readings");
    println!("mosquitto: {mosquitto:.2} (reference; ratio {:.1})", onspec / mosquitto);
    println!("influxd:   {influxd:.2} (with the questions of this bench)");
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

fn everything(mut machine: Machine) -> Vec<Published> {
    let mut out = Vec::new();
    while machine.step(&mut out) {}
    out
}

/// Distinct readings: those of messages that the mill sent twice are stored once.
fn readings(messages: &[Published]) -> usize {
    let mut distinct = BTreeSet::new();
    for message in messages.iter().filter(|message| !message.topic.ends_with("/events")) {
        let value: serde_json::Value =
            serde_json::from_slice(&message.payload).expect("the mill writes JSON");
        let object = value.as_object().expect("an object");
        let ts = object["ts"].as_i64().expect("a time");
        for name in object.keys().filter(|name| *name != "ts") {
            distinct.insert((name.clone(), ts));
        }
    }
    distinct.len()
}

/// The model case with the addresses of this run.
fn configuration(
    broker: &Mosquitto,
    influx: &Influxd,
    directory: &std::path::Path,
    http: u16,
) -> String {
    let mut text = include_str!("../../config/tissue.toml").to_owned();
    let store = directory.join("onspec.db").display().to_string();
    for (from, to) in [
        (r#"path = "tissue.db""#, format!(r#"path = "{store}""#)),
        ("mqtt://127.0.0.1:1883", broker.url()),
        ("http://127.0.0.1:8086", influx.url()),
        (r#"org = "mill""#, format!(r#"org = "{}""#, influx.org())),
        (r#"bucket = "onspec""#, format!(r#"bucket = "{}""#, influx.bucket())),
        ("127.0.0.1:8080", format!("127.0.0.1:{http}")),
        ("[models]", format!("[models]\nlearning_batches = {LEARNING}")),
    ] {
        assert!(text.contains(from), "the model case has no `{from}` any more");
        text = text.replace(from, &to);
    }
    text
}

fn publish(port: u16, messages: &[Published]) {
    let mut options = MqttOptions::new("mill", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_outgoing_inflight_upper_limit(500);
    let (client, mut connection) = Client::new(options, 1000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for message in messages {
                client
                    .publish(&*message.topic, QoS::AtLeastOnce, false, message.payload.clone())
                    .expect("the client runs");
            }
        });
        let mut open = messages.len();
        for event in connection.iter() {
            if let Event::Incoming(Packet::PubAck(_)) = event.expect("the broker stays") {
                open -= 1;
                if open == 0 {
                    break;
                }
            }
        }
    });
}

fn stored(influx: &Influxd) -> usize {
    let mut flux = String::new();
    write!(
        flux,
        r#"from(bucket: "{}") |> range(start: 2026-01-01T00:00:00Z, stop: 2026-03-01T00:00:00Z)
           |> filter(fn: (r) => r._measurement == "readings" and r._field == "value")
           |> group() |> count()"#,
        influx.bucket()
    )
    .expect("a String takes all that is written");
    let csv = influx.query_csv(&flux);
    let last = csv.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    last.rsplit(',').next().and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}
