//! Subscriptions of daemons at a real broker: changed while messages come, and shared.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Daemon, Mosquitto, PATIENCE, Signal, free_port, get, post, publish, wait_until,
};
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

/// A daemon that stores what comes by these subscriptions.
struct Rig {
    directory: TempDir,
    http: u16,
    daemon: Daemon,
}

fn configure(directory: &Path, http: u16, broker: &str, topics: &[&str]) {
    let mut text = format!(
        "[store]\npath = \"{}\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[[mqtt]]\n{broker}\n",
        directory.join("onspec.db").display()
    );
    for topic in topics {
        let table = ["[[mqtt.subscribe]]\ntopic = \"", topic, "\"\nformat = \"value\"\n"];
        text.push_str(&table.concat());
    }
    std::fs::write(directory.join("onspec.toml"), text).unwrap();
}

impl Rig {
    fn start(broker: &str, topics: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let http = free_port();
        configure(directory.path(), http, broker, topics);
        let daemon = Daemon::start(&directory.path().join("onspec.toml"));
        let mut rig = Self { directory, http, daemon };
        rig.wait_ready();
        rig
    }

    fn wait_ready(&mut self) {
        self.daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", self.http));
    }

    fn ask(&self, what: &str) -> serde_json::Value {
        // Between two lives of its parts there is no page.
        let answer = get(&format!("http://127.0.0.1:{}/api/v1/{what}", self.http));
        answer.map_or(serde_json::Value::Null, |answer| {
            serde_json::from_str(&answer.text()).unwrap_or_default()
        })
    }

    fn readings(&self) -> u64 {
        self.ask("health")["readings"].as_u64().unwrap_or(0)
    }

    /// The tags that were heard, each of which is said once, with how often they came.
    fn tags(&self) -> Vec<(String, u64)> {
        let tags = self.ask("tags");
        let found = tags["undeclared"].as_array().cloned().unwrap_or_default();
        found
            .iter()
            .map(|tag| (tag["tag"].as_str().unwrap().to_owned(), tag["count"].as_u64().unwrap()))
            .collect()
    }
}

fn say(port: u16, topics: impl Iterator<Item = String>) {
    publish(port, topics.map(|topic| (topic, b"1".to_vec())).collect());
}

#[test]
fn changed_subscriptions_keep_the_session_and_lose_nothing() {
    let broker = Mosquitto::start();
    let connection = format!("url = \"{}\"", broker.url());
    let mut rig = Rig::start(&connection, &["mill/{line}/{tag}", "old/{line}/{tag}"]);
    let mut said = 0;
    for (reload, second) in ["lab/{line}/{tag}", "hall/{line}/{tag}"].into_iter().enumerate() {
        configure(rig.directory.path(), rig.http, &connection, &["mill/{line}/{tag}", second]);
        if reload == 0 {
            rig.daemon.signal(Signal::Hangup);
        } else {
            let url = format!("http://127.0.0.1:{}/api/v1/reload", rig.http);
            assert_eq!(post(&url, &[], b"").unwrap().status, 202);
        }
        // Some of them come while the parts are down: the broker keeps them.
        wait_until("the other topics are subscribed to", PATIENCE, || {
            say(broker.port(), (0..10).map(|n| format!("mill/tm3/kept-{n}")));
            said += 10;
            rig.daemon.log().matches("subscribed no more").count() > reload
        });
        rig.wait_ready();
    }
    // What is new comes, what is given up does not.
    say(
        broker.port(),
        ["old/tm3/gone", "lab/tm3/gone", "hall/tm3/new"].map(String::from).into_iter(),
    );
    wait_until("the new topic is heard", PATIENCE, || {
        rig.tags().iter().any(|(tag, _)| tag == "new")
    });
    wait_until("all are stored", PATIENCE, || rig.readings() == said + 1);
    let log = rig.daemon.log();
    for (new, outdated) in [("lab/+/+", "old/+/+"), ("hall/+/+", "lab/+/+")] {
        assert!(log.contains(&format!("new=\"{new}\" outdated=\"{outdated}\"")), "{log}");
    }
    assert_eq!(log.matches("begins a new session").count(), 1, "{log}");
    assert_eq!(log.matches("session_present=true").count(), 2, "{log}");
    assert!(!log.contains("has lost the session"), "{log}");
    assert!(!rig.tags().iter().any(|(tag, _)| tag == "gone"), "{:?}", rig.tags());
    assert_eq!(rig.daemon.terminate(), Some(0));
}

#[test]
fn two_daemons_of_a_group_share_the_readings_also_over_a_kill() {
    let broker = Mosquitto::start();
    let member = |id: &str| {
        let connection =
            format!("url = \"{}\"\nshare = \"carry\"\nclient_id = \"{id}\"", broker.url());
        Rig::start(&connection, &["mill/{line}/{tag}"])
    };
    let (mut one, other) = (member("one"), member("other"));
    let all = |range: std::ops::Range<usize>| range.map(|n| format!("mill/tm3/n{n}"));
    say(broker.port(), all(0..100));
    wait_until("all are stored", PATIENCE, || one.readings() + other.readings() == 100);
    assert!(one.readings() > 0 && other.readings() > 0, "one of them had everything");

    one.daemon.kill_9();
    say(broker.port(), all(100..200));
    one.daemon = Daemon::start(&one.directory.path().join("onspec.toml"));
    one.wait_ready();
    wait_until("all are stored", PATIENCE, || one.readings() + other.readings() >= 200);
    let heard: Vec<(String, u64)> = [one.tags(), other.tags()].concat();
    let names: BTreeSet<&str> = heard.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!((names.len(), heard.len()), (200, 200), "lost, or told to both: {heard:?}");
    assert!(heard.iter().all(|(_, count)| *count == 1), "twice: {heard:?}");
}
