//! `onspec tap` beside a daemon's broker.

use crate::support::{Mosquitto, wait_until};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn configuration(port: u16) -> String {
    format!(
        r#"
        [[mqtt]]
        name = "plant"
        url = "mqtt://127.0.0.1:{port}"
        share = "onspec"
        [[mqtt.subscribe]]
        topic = "mill/{{line}}/{{area}}/{{tag}}"
        value = "/value"
        time = "/ts"
        [[mqtt.subscribe]]
        topic = "mill/{{line}}/events"
        format = "batch-event"
        [line.tm3]
        [line.tm3.tag.steam]
        unit = "bar"
        "#
    )
}

/// Says the same again and again until told to stop: whoever listens hears it as soon as it does.
fn repeat(port: u16, messages: &[(&str, &str)], stop: &AtomicBool) {
    let options = MqttOptions::new("gateway", "127.0.0.1", port);
    let (client, mut connection) = Client::new(options, 100);
    let acknowledged = |connection: &mut rumqttc::v5::Connection| {
        for event in connection.iter() {
            if let Event::Incoming(Packet::PubAck(_)) = event.expect("the broker stays") {
                return;
            }
        }
    };
    while !stop.load(Ordering::Acquire) {
        for (topic, payload) in messages {
            client
                .publish(*topic, QoS::AtLeastOnce, false, payload.as_bytes().to_vec())
                .expect("it runs");
            acknowledged(&mut connection);
        }
    }
}

fn tap(port: u16, arguments: &[&str]) -> (tempfile::TempDir, Child) {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let config = directory.path().join("onspec.toml");
    std::fs::write(&config, configuration(port)).expect("it can be written");
    let child = Command::new(env!("CARGO_BIN_EXE_onspec"))
        .arg("tap")
        .arg("-c")
        .arg(&config)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    (directory, child)
}

#[test]
fn tap_shows_the_rule_the_readings_and_why_not() {
    let broker = Mosquitto::start();
    let stop = AtomicBool::new(false);
    let messages = [
        ("mill/tm3/dry/steam", r#"{"value":7.25,"ts":1769126400000}"#),
        ("mill/tm3/dry/other", r#"{"value":"A\u0007B"}"#),
        ("mill/tm3/dry/broken", r#"{"valeu":1}"#),
        (
            "mill/tm3/events",
            r#"{"event":"batch-start","batch":"R1","grade":"facial","ts":1769126400000}"#,
        ),
    ];
    let text = std::thread::scope(|scope| {
        scope.spawn(|| repeat(broker.port(), &messages, &stop));
        let (_directory, child) = tap(broker.port(), &["--count", "12", "--for", "60s"]);
        let output = child.wait_with_output().expect("it ends");
        stop.store(true, Ordering::Release);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it is text")
    });
    for expected in [
        "mill/tm3/dry/steam  (rule `mill/{line}/{area}/{tag}`, 33 bytes)",
        "  tm3/dry/steam = 7.25 bar at 2026-01-23T00:00:00Z (",
        "s before its arrival)",
        "  tm3/dry/other = \"A\u{fffd}B\" (not declared: stored, not judged; without time: its arrival counts)",
        "  ! missing-value: ",
        "  payload: {\"valeu\":1}",
        "  tm3: batch-start R1 grade facial at 2026-01-23T00:00:00Z",
    ] {
        assert!(text.contains(expected), "no `{expected}` in\n{text}");
    }
    assert_eq!(text.lines().filter(|line| line.contains("  (rule `")).count(), 12);
}

#[test]
fn tap_as_json_shows_only_faults_and_ends_with_its_reader() {
    let broker = Mosquitto::start();
    let stop = AtomicBool::new(false);
    let messages = [("mill/tm3/dry/steam", r#"{"value":7.25}"#), ("mill/tm3/dry/broken", "{")];
    let (line, status) = std::thread::scope(|scope| {
        scope.spawn(|| repeat(broker.port(), &messages, &stop));
        let (_directory, mut child) = tap(broker.port(), &["--json", "--faults", "mill/#"]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it is read");
        // Its reader is gone: it ends by itself.
        let mut status = None;
        wait_until("tap ends", Duration::from_secs(60), || {
            status = child.try_wait().expect("it can be asked");
            status.is_some()
        });
        stop.store(true, Ordering::Release);
        (line, status.expect("it has ended"))
    });
    let document: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!(document["topic"], "mill/tm3/dry/broken");
    assert_eq!(document["rule"], "mill/{line}/{area}/{tag}");
    assert_eq!(document["faults"][0]["reason"], "not-json");
    assert_eq!(document["payload"], "{");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn tap_of_no_broker_says_so() {
    // It takes the connection and never answers.
    let mute = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("there are ports");
    let port = mute.local_addr().expect("it has an address").port();
    let (_directory, mut child) = tap(port, &["--for", "1s"]);
    let mut said = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(said.contains("error: no broker has answered"), "{said}");
}
