//! Properties of MQTT 5 through a real broker: they name readings, refuse messages, and tell when one was sent.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Daemon, Mosquitto, PATIENCE, binary, configure, free_port, get, publish_with, wait_until,
};
use onspec::telemetry::{Clock, SystemClock};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interval with which the gateway publishes, s, as the configuration says.
const INTERVAL_S: u32 = 3600;

fn config(directory: &Path, broker: &str, http: u16) -> PathBuf {
    let rest = format!(
        r#"
        [[mqtt.subscribe]]
        topic = "gateways/{{area}}"
        format = "value"
        line = "tm3"
        properties = {{ line = "machine", tag = "id", quality = "q" }}
        content_type = ["text/plain"]
        expiry = "{INTERVAL_S}s"
        "#
    );
    configure(directory, broker, http, &rest)
}

/// A message with these user properties; `left_s` is what remains of its expiry interval.
fn message(user: &[(&str, &str)], content_type: Option<&str>, left_s: Option<u32>) -> Publish {
    let user = user.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let properties = PublishProperties {
        user_properties: user.collect(),
        content_type: content_type.map(str::to_owned),
        message_expiry_interval: left_s,
        ..PublishProperties::default()
    };
    Publish::new("gateways/dry", QoS::AtLeastOnce, "7.5", Some(properties))
}

fn now_ms() -> i64 {
    SystemClock.now_nanos() / 1_000_000
}

/// Asks until a daemon that has just started answers.
fn ask(http: u16, what: &str) -> Value {
    let answer = get(&format!("http://127.0.0.1:{http}/api/v1/{what}"));
    answer.map_or(Value::Null, |answer| serde_json::from_str(&answer.text()).unwrap_or_default())
}

/// The time of each tag's last reading, ms, by `line/area/tag`.
fn times(http: u16) -> Vec<(String, i64)> {
    let tags = ask(http, "tags")["undeclared"].as_array().cloned().unwrap_or_default();
    let name = |tag: &Value, key: &str| tag[key].as_str().unwrap().to_owned();
    let of = |tag: &Value| ["line", "area", "tag"].map(|key| name(tag, key)).join("/");
    let mut times: Vec<(String, i64)> =
        tags.iter().map(|tag| (of(tag), tag["at"].as_i64().unwrap())).collect();
    times.sort();
    times
}

#[test]
fn properties_name_refuse_and_date_what_waited_in_the_session() {
    let broker = Mosquitto::start();
    let (directory, http) = (tempfile::tempdir().unwrap(), free_port());
    let path = config(directory.path(), &broker.url(), http);
    let ready = format!("http://127.0.0.1:{http}/readyz");
    let mut daemon = Daemon::start(&path);
    daemon.wait_ready(&ready);
    assert_eq!(daemon.terminate(), Some(0));

    let before = now_ms();
    publish_with(
        broker.port(),
        vec![
            // The same words of two machines are two readings.
            message(&[("machine", "tm4"), ("id", "steam")], Some("text/plain"), Some(1800)),
            message(&[("id", "steam"), ("id", "no")], Some("Text/Plain; charset=utf-8"), Some(600)),
            message(&[("id", "longer")], None, Some(INTERVAL_S + 600)),
            message(&[("id", "undated"), ("q", "?")], None, None),
            message(&[("id", "refused")], Some("application/cbor"), Some(1800)),
            message(&[("machine", "tm3")], Some("text/plain"), Some(1800)),
        ],
    );
    let sent = now_ms();

    let mut daemon = Daemon::start(&path);
    daemon.wait_ready(&ready);
    wait_until("all readings are stored", PATIENCE, || ask(http, "health")["readings"] == 4);
    wait_until("people see them", PATIENCE, || times(http).len() == 4);
    let told = ask(http, "health")["faults"].clone();
    assert_eq!(
        told,
        serde_json::json!({ "bad-quality": 1, "content-type": 1, "unknown-topic": 1 })
    );
    let found = times(http);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["tm3/dry/longer", "tm3/dry/steam", "tm3/dry/undated", "tm4/dry/steam"]);
    // Sent so long ago, to whole seconds; else as old as its arrival.
    for (at, age_s) in [(1, 3000), (3, 1800)] {
        let (name, at) = &found[at];
        let (from, to) = (before - (age_s + 2) * 1000, sent - (age_s - 2) * 1000);
        assert!((from..=to).contains(at), "{name} is of {at}, not of {from} to {to}");
    }
    for at in [0, 2] {
        assert!(found[at].1 >= before, "{found:?}");
    }

    // The journal has the properties: what is read again is the same.
    daemon.kill_9();
    let mut daemon = Daemon::start(&path);
    daemon.wait_ready(&ready);
    wait_until("the state is there again", PATIENCE, || times(http) == found);
    let log = daemon.log();
    assert!(!log.contains("gives other results"), "{log}");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn tap_shows_properties_and_what_they_make_of_a_retained_value() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let path = config(directory.path(), &broker.url(), free_port());
    let kept = message(&[("id", "grade"), ("other", "x")], Some("text/plain"), Some(1800));
    publish_with(broker.port(), vec![Publish { retain: true, ..kept }]);
    let tap = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("tap").arg("-c").arg(&path).args(["--count", "1", "--for", "60s"]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = tap(&[]);
    // What nobody asks for is not kept.
    let words = text.lines().nth(1).unwrap();
    assert!(words.starts_with("  with content type text/plain, 1"), "{text}");
    assert!(words.ends_with(" s to its expiry, id = grade"), "{text}");
    assert!(text.contains("tm3/dry/grade = 7.5 at 20"), "{text}");
    assert!(text.contains("without time: sent 18"), "{text}");
    let json: Value = serde_json::from_str(&tap(&["--json"])).unwrap();
    assert_eq!(json["properties"]["content_type"], "text/plain");
    assert_eq!(json["properties"]["user"], serde_json::json!({ "id": "grade" }));
    let (received, time) = (&json["received"], &json["readings"][0]["time"]);
    let age_ms = received.as_i64().unwrap() - time.as_i64().unwrap();
    // More of it has gone by, if the test had to wait.
    assert!((1_800_000..3_600_000).contains(&age_ms), "{json}");
}
