//! What a plant sends when something is wrong: clear words, counters, and nothing stops.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{Daemon, Mosquitto, PATIENCE, configure, free_port, get, publish, wait_until};
use std::time::Duration;

const REST: &str = r#"
    [[mqtt.subscribe]]
    topic = "mill/{line}/events"
    format = "batch-event"
    [[mqtt.subscribe]]
    topic = "mill/{line}/{area}/{tag}"
    time = "/ts"
    [[mqtt.subscribe]]
    topic = "other/#"
    tag = "x"
    [line.tm3.tag.basis_weight]
    unit = "g/m2"
"#;

/// The value of a metric, 0 if it is not there.
fn metric(http: u16, name: &str) -> f64 {
    let text = get(&format!("http://127.0.0.1:{http}/metrics")).map(|answer| answer.text());
    let line = text.unwrap_or_default();
    let line =
        line.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with(' '));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

#[test]
fn garbage_is_counted_by_reason_and_good_readings_in_between_arrive() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let http = free_port();
    let path = configure(directory.path(), &broker.url(), http, REST);
    let mut daemon = Daemon::start(&path);
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));

    let topic = "mill/tm3/dry/basis_weight".to_owned();
    let good = |n: u32| {
        (
            topic.clone(),
            format!(r#"{{"value":15.{n},"ts":{}}}"#, 1_769_126_400_000_u64 + u64::from(n) * 1000)
                .into_bytes(),
        )
    };
    let bad = |payload: &str| (topic.clone(), payload.as_bytes().to_vec());
    let mut long = vec![b' '; 10 << 20];
    long.extend_from_slice(br#"{"value":15.5,"ts":1769126500000}"#);
    let messages = vec![
        good(0),
        bad("{\"value\":"),
        bad(r#"{"value":NaN,"ts":1769126400000}"#),
        bad(r#"{"nothing":1,"ts":1769126400000}"#),
        bad(r#"{"value":[1],"ts":1769126400000}"#),
        bad(r#"{"value":1,"ts":"soon"}"#),
        good(1),
        (topic.clone(), vec![0xff, 0xfe, 0x00]),
        (topic.clone(), long),
        ("mill/tm3/events".into(), br#"{"event":"batch-start","ts":1}"#.to_vec()),
        (
            "mill/tm9/events".into(),
            br#"{"event":"batch-start","batch":"A","ts":1769126400000}"#.to_vec(),
        ),
        // A clock that jumps a century ahead, and one that stands in 1970.
        bad(r#"{"value":15.6,"ts":4924886400000}"#),
        bad(r#"{"value":15.7,"ts":0}"#),
        good(2),
    ];
    publish(broker.port(), messages);
    wait_until("the good readings are stored", PATIENCE, || {
        metric(http, "onspec_readings_total") >= 6.0
    });
    for (reason, count) in [
        ("not-json", 1.0),
        ("not-finite", 1.0),
        ("missing-value", 1.0),
        ("wrong-type", 1.0),
        // Beside the one that cannot be read, the two that are far off.
        ("bad-time", 3.0),
        ("not-utf8", 1.0),
        ("bad-event", 1.0),
        ("line-unclear", 1.0),
    ] {
        let name = format!("onspec_faults_total{{reason=\"{reason}\"}}");
        assert_eq!(metric(http, &name).to_string(), count.to_string(), "{reason}");
    }
    assert!(metric(http, "onspec_readings_flagged_total{flag=\"future\"}") > 0.5);
    assert!(metric(http, "onspec_readings_flagged_total{flag=\"past\"}") > 0.5);
    // People see the state some moments after its commit.
    wait_until("the page says what was not taken", PATIENCE, || {
        get(&format!("http://127.0.0.1:{http}/health"))
            .is_ok_and(|page| page.text().contains("not-json") || page.text().contains("Not JSON"))
    });
    // The line's clock did not follow the jump.
    let lines = get(&format!("http://127.0.0.1:{http}/api/v1/lines/tm3")).unwrap().text();
    let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert!(line["clock"].as_i64().unwrap() < 1_769_126_600_000, "{lines}");
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn second_daemon_on_one_store_is_refused_with_clear_words() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let http = free_port();
    let path = configure(directory.path(), &broker.url(), http, REST);
    let mut first = Daemon::start(&path);
    first.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    let mut second = Daemon::start(&path);
    assert_eq!(second.wait(Duration::from_secs(20)), Some(1));
    assert!(second.log().contains("is used by another process"), "{}", second.log());
    assert_eq!(first.terminate(), Some(0), "{}", first.log());
}

#[test]
fn wrong_configuration_ends_with_2_and_names_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("onspec.toml");
    std::fs::write(&path, "[[mqtt]]\nurl = \"mqtt://h\"\nclientid = \"x\"\n").unwrap();
    let mut daemon = Daemon::start(&path);
    assert_eq!(daemon.wait(Duration::from_secs(20)), Some(2));
    let log = daemon.log();
    assert!(log.contains("onspec.toml:3:1") && log.contains("client_id"), "{log}");
}
