//! What a start says of the time in which the daemon was away.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]
#![allow(clippy::disallowed_methods, reason = "a plant stamps its messages with its own clock")]

use crate::support::{
    Answer, Daemon, Mosquitto, PATIENCE, Signal, WebhookReceiver, configure, free_port, get,
    publish, wait_until,
};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

fn config(directory: &Path, broker: &str, http: u16) -> PathBuf {
    let rest = r#"
        name = "plant"
        client_id = "onspec-1"
        [[mqtt.subscribe]]
        topic = "mill/{line}/events"
        format = "batch-event"
        [[mqtt.subscribe]]
        topic = "mill/{line}/{area}/{tag}"
        time = "/ts"
        [[mqtt.subscribe]]
        topic = "$SYS/broker/publish/messages/dropped"
        format = "dropped-count"
        qos = 0
        [line.tm3]
        # A stamp moves the clock by two seconds beyond its arrival at most: the batch ends by that.
        lateness = "0s"
        batch = { from = "events" }
        idle = "1h"
        [line.tm3.tag.basis_weight]
        unit = "g/m2"
        [[webhook]]
        name = "all"
        url = { env = "WEBHOOK_URL" }
        format = "standard"
        when = { severity = "info" }
    "#;
    configure(directory, broker, http, rest)
}

#[test]
fn a_start_says_how_long_nobody_watched_and_what_was_judged_late() {
    let broker = Mosquitto::start();
    let webhook = WebhookReceiver::start();
    webhook.answer_always(Answer::Status(204));
    let directory = tempfile::tempdir().unwrap();
    let http = free_port();
    let config = config(directory.path(), &broker.url(), http);
    let start = || Daemon::start_with(&config, &[], &[("WEBHOOK_URL", &webhook.url("/hook"))]);
    let say = |topic: &str, body: String| {
        publish(broker.port(), vec![(format!("mill/tm3/{topic}"), body.into_bytes())]);
    };
    let health = || -> serde_json::Value {
        let answer = get(&format!("http://127.0.0.1:{http}/api/v1/health"));
        answer.map_or(serde_json::Value::Null, |a| serde_json::from_str(&a.text()).unwrap())
    };

    let mut daemon = start();
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    say("events", format!(r#"{{"event":"batch-start","batch":"R1","ts":{}}}"#, now_ms() - 60_000));
    say("dry/basis_weight", format!(r#"{{"value":15.0,"ts":{}}}"#, now_ms()));
    wait_until("the reading is stored", PATIENCE, || health()["readings"] == 1);
    assert_eq!(health()["last_start"], serde_json::Value::Null);
    daemon.kill_9();

    // Nobody watches: the batch ends, and the line goes on.
    say("events", format!(r#"{{"event":"batch-end","batch":"R1","ts":{}}}"#, now_ms()));
    say("dry/basis_weight", format!(r#"{{"value":15.1,"ts":{}}}"#, now_ms() + 10_000));
    let mut daemon = start();
    wait_until("all that was held is judged", PATIENCE, || {
        health()["last_start"]["caught_up"].is_i64()
    });
    let found = health()["last_start"].clone();
    assert_eq!(found["batches_judged_late"], 1, "{found}");
    assert_eq!((&found["messages_known_lost"], &found["possible_gaps"]), (&0.into(), &0.into()));
    let summary = found["summary"].as_str().unwrap();
    let log = daemon.wait_for_log("caught up: down");
    assert!(log.contains(summary), "{summary} in {log}");
    // Another configuration is no start: what the last one found stays.
    daemon.signal(Signal::Hangup);
    wait_until("the parts have started again", PATIENCE, || {
        daemon.log().matches("store is open").count() == 2 && health()["last_start"].is_object()
    });
    let page = get(&format!("http://127.0.0.1:{http}/health")).unwrap().text();
    assert!(page.contains("1 batch judged late"), "{page}");
    wait_until("the receiver is told", PATIENCE, || {
        let of_start = |body: &str| {
            body.contains("system.recovered") && body.contains("batches judged late: 1; messages")
        };
        webhook.received().iter().any(|received| of_start(&received.text()))
    });
    assert_eq!(daemon.terminate(), Some(0));

    // An end in order and a start at once miss nothing: a line in the log, and no event.
    let events = webhook.received().len();
    let mut daemon = start();
    let log = daemon.wait_for_log("caught up: down");
    assert!(log.contains("0 batches judged late, 0 messages known lost, 0 possible gaps"), "{log}");
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(webhook.received().len(), events);
}

#[test]
fn a_start_says_what_the_broker_dropped_meanwhile() {
    // It says its counts each second, and lets few messages wait.
    let small = "sys_interval 1\nmax_inflight_messages 10\nmax_queued_messages 20";
    let broker = Mosquitto::start_with(small);
    let webhook = WebhookReceiver::start();
    webhook.answer_always(Answer::Status(204));
    let directory = tempfile::tempdir().unwrap();
    let http = free_port();
    let config = config(directory.path(), &broker.url(), http);
    let start = || Daemon::start_with(&config, &[], &[("WEBHOOK_URL", &webhook.url("/hook"))]);
    let ask = |path: &str| get(&format!("http://127.0.0.1:{http}{path}")).unwrap().text();
    let health = || -> serde_json::Value { serde_json::from_str(&ask("/api/v1/health")).unwrap() };

    let mut daemon = start();
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    wait_until("the broker has said its count", PATIENCE, || {
        let metrics = ask("/metrics");
        metrics
            .lines()
            .any(|line| line.starts_with("onspec_messages_total") && !line.ends_with(" 0"))
    });
    assert_eq!(daemon.terminate(), Some(0));

    let message = |value: u128| {
        let body = format!(r#"{{"value":{value},"ts":{}}}"#, now_ms() + value).into_bytes();
        ("mill/tm3/dry/basis_weight".to_owned(), body)
    };
    publish(broker.port(), (0..100).map(message).collect());
    let mut daemon = start();
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    // The count comes a moment later than what the broker held, before or after the start has caught up.
    let log = daemon.wait_for_log("the broker dropped messages");
    let lost = |log: &str| -> u64 {
        log.lines()
            .filter_map(|line| line.split_once("the broker dropped messages"))
            .filter_map(|(_, rest)| rest.split_once("messages=")?.1.split_whitespace().next())
            .map(|count| count.parse::<u64>().unwrap())
            .sum()
    };
    assert!(lost(&log) > 0, "{log}");
    wait_until("what was held is stored, and the rest is counted", PATIENCE, || {
        health()["readings"] == 100 - lost(&daemon.log())
    });
    wait_until("the receiver is told", PATIENCE, || {
        let of_queue =
            |body: &str| body.contains("system.degraded") && body.contains("plant/queue");
        webhook.received().iter().any(|received| of_queue(&received.text()))
    });
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn what_can_be_delivered_is_delivered_before_the_end_and_the_rest_is_named() {
    const BATCHES: usize = 400;
    let broker = Mosquitto::start();
    let webhook = WebhookReceiver::start();
    webhook.answer_always(Answer::Status(204));
    let directory = tempfile::tempdir().unwrap();
    let http = free_port();
    let config = config(directory.path(), &broker.url(), http);
    let start = || Daemon::start_with(&config, &[], &[("WEBHOOK_URL", &webhook.url("/hook"))]);
    let readings = || -> serde_json::Value {
        let answer = get(&format!("http://127.0.0.1:{http}/api/v1/health")).unwrap();
        serde_json::from_str::<serde_json::Value>(&answer.text()).unwrap()["readings"].clone()
    };
    let reading = |ts: u128| {
        let body = format!(r#"{{"value":15.0,"ts":{ts}}}"#).into_bytes();
        ("mill/tm3/dry/basis_weight".to_owned(), body)
    };
    // All batches end at once, when the line's clock has come so far.
    let end_all = |of: &str, begin: u128| {
        let event = |ix: usize| {
            let ts = begin + 5 * ix as u128;
            let body = format!(r#"{{"event":"batch-start","batch":"{of}{ix}","ts":{ts}}}"#);
            ("mill/tm3/events".to_owned(), body.into_bytes())
        };
        let messages = std::iter::once(reading(begin - 1)).chain((0..=BATCHES).map(event));
        publish(broker.port(), messages.chain([reading(begin + 20_000)]).collect());
    };
    let finished = || {
        let events = webhook.received();
        events.iter().filter(|event| event.text().contains("batch.finished")).count()
    };

    let mut daemon = start();
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    end_all("A", now_ms() - 100_000);
    wait_until("the last reading is stored", PATIENCE, || readings() == 2);
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(finished(), BATCHES, "{}", daemon.log());

    // What was delivered is not sent again, and what cannot be delivered does not hold up the end.
    webhook.answer_always(Answer::Status(503));
    let mut daemon = start();
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    end_all("B", now_ms() - 40_000);
    wait_until("the last reading is stored", PATIENCE, || readings() == 4);
    wait_until("a delivery was tried", PATIENCE, || finished() > BATCHES);
    assert_eq!(daemon.terminate(), Some(0));
    let log = daemon.log();
    let named = log.lines().find(|line| line.contains("wait for the next start"));
    let named = named.unwrap_or_else(|| panic!("what waits is not named in {log}"));
    // The last batch of the first run ended with the first of the second.
    assert!(named.contains("webhook/all") && named.contains("count=401"), "{named}");
    let ids: std::collections::BTreeSet<_> = webhook
        .received()
        .iter()
        .filter_map(|event| event.header("webhook-id").map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), BATCHES + 1);
}
