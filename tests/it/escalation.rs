//! An alarm that nobody acknowledges, and the link by which somebody does.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Answer, Daemon, Mosquitto, PATIENCE, Received, WebhookReceiver, configure, free_port, get,
    post, publish, wait_until,
};
use onspec::telemetry::{Clock, SystemClock};
use serde_json::Value;
use std::path::Path;

const REST: &str = r#"
    [[mqtt.subscribe]]
    topic = "mill/{line}/events"
    format = "batch-event"
    [[mqtt.subscribe]]
    topic = "mill/{line}/{area}/{tag}"
    time = "/ts"
    value = "/v"
    [line.tm3]
    batch = { from = "events" }
    idle = "1h"
    [line.tm3.tag.basis_weight]
    unit = "g/m2"
    role = "quality"
    [grade.facial]
    spec.basis_weight = { low = 14.0, high = 16.0 }
    [[webhook]]
    name = "shift"
    url = { env = "SHIFT_URL" }
    format = "standard"
    when = { kinds = ["batch"] }
    [[webhook]]
    name = "manager"
    url = { env = "MANAGER_URL" }
    format = "standard"
    when = { unacknowledged = "5m", kinds = ["batch"] }
"#;

const KEY: &str = "a key of twenty-seven bytes";

fn config(directory: &Path, broker: &str, http: u16) -> std::path::PathBuf {
    let path = configure(directory, broker, http, REST);
    let text = std::fs::read_to_string(&path).unwrap();
    let links = format!(
        "[http]\npublic_url = \"http://127.0.0.1:{http}/\"\nlinks = {{ key = {{ env = \"LINKS_KEY\" }} }}\n"
    );
    std::fs::write(&path, text.replace("[http]\n", &links)).unwrap();
    path
}

fn json(received: &Received) -> Value {
    serde_json::from_str(&received.text()).unwrap()
}

fn seconds(event: &Value) -> i64 {
    let at: jiff::Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
    at.as_second()
}

/// The state of the alarm of the line's batches.
fn state(base: &str) -> String {
    let answer = get(&format!("{base}/api/v1/alarms")).unwrap().text();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let alarms = answer["alarms"].as_array().unwrap();
    let of = alarms.iter().find(|alarm| alarm["alarm"] == "tm3/batch");
    of.and_then(|alarm| alarm["isa_state"].as_str()).unwrap_or_default().to_owned()
}

/// Presses the button of the page behind a link, on a page of that origin.
fn press(link: &str, origin: &str) -> (u16, String) {
    let form = b"name=Anna+M%C3%BCller&note=on+my+way";
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin)];
    let answer = post(link, &headers, form).unwrap();
    (answer.status, answer.text())
}

#[test]
fn who_waits_is_told_after_the_delay_and_acknowledges_by_the_link() {
    let broker = Mosquitto::start();
    let (shift, manager) = (WebhookReceiver::start(), WebhookReceiver::start());
    for receiver in [&shift, &manager] {
        receiver.answer_always(Answer::Status(204));
    }
    let directory = tempfile::tempdir().unwrap();
    let http = free_port();
    let base = format!("http://127.0.0.1:{http}");
    let config = config(directory.path(), &broker.url(), http);
    let start = || {
        let (shift, manager) = (shift.url("/shift"), manager.url("/manager"));
        let environment = [("SHIFT_URL", &*shift), ("MANAGER_URL", &*manager), ("LINKS_KEY", KEY)];
        let mut daemon = Daemon::start_with(&config, &[], &environment);
        daemon.wait_ready(&format!("{base}/readyz"));
        daemon
    };
    let mut daemon = start();

    // Half an hour of a reel, all of it too heavy.
    let begin = (SystemClock.now_nanos() / 1_000_000_000 - 7200) * 1000;
    let reading = |s: i64| {
        let (v, ts) = (20.0 + 0.01 * f64::from(i32::try_from(s % 7).unwrap()), begin + s * 1000);
        let body = format!(r#"{{"v":{v},"ts":{ts}}}"#);
        ("mill/tm3/dry/basis_weight".to_owned(), body.into_bytes())
    };
    let begins = format!(r#"{{"event":"batch-start","batch":"R1","grade":"facial","ts":{begin}}}"#);
    let first = std::iter::once(("mill/tm3/events".to_owned(), begins.into_bytes()));
    publish(broker.port(), first.chain((0..120).map(reading)).collect());
    let raised = json(&shift.wait_for(1, PATIENCE)[0]);
    assert_eq!(raised["data"]["alarm"], "tm3/batch", "{raised}");
    let raised_at = seconds(&raised);

    // A crash while it waits.
    daemon.kill_9();
    let mut daemon = start();
    let due = raised_at + 300 - begin / 1000;
    publish(broker.port(), (120..due - 30).map(reading).collect());
    let verdict = || -> Value {
        let answer = get(&format!("{base}/api/v1/lines/tm3/verdict")).unwrap();
        serde_json::from_str(&answer.text()).unwrap_or_default()
    };
    let judged_to = |s: i64| {
        wait_until("the line is judged", PATIENCE, || {
            verdict()["ts"].as_i64().is_some_and(|ts| ts >= begin + s * 1000)
        });
    };
    judged_to(due - 120);
    assert!(manager.received().is_empty(), "nobody has waited for so long");
    publish(broker.port(), (due - 30..due + 120).map(reading).collect());
    let told = json(&manager.wait_for(1, PATIENCE)[0]);
    assert_eq!(told["type"], "alarm.unacknowledged", "{told}");
    assert_eq!(seconds(&told), raised_at + 300);
    let data = &told["data"];
    assert_eq!((&data["unacknowledged_s"], &data["alarm"]), (&300.into(), &"tm3/batch".into()));
    assert_eq!((&data["occurrence"], &data["batch"]), (&1.into(), &"R1".into()));
    assert!(data["raised_by"].as_str().unwrap().starts_with("batch."), "{told}");

    // To look changes nothing.
    let link = data["acknowledge_url"].as_str().expect("it can be acknowledged");
    assert!(link.starts_with(&format!("{base}/acknowledge/")), "{link}");
    let state = || state(&base);
    for _ in 0..2 {
        let page = get(link).unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("Nobody has acknowledged it."), "{}", page.text());
    }
    assert_eq!(state(), "unacknowledged");

    let forged = format!("{}{}", &link[..link.len() - 4], "AAAA");
    assert_eq!(press(&forged, &base).0, 403);
    assert_eq!(press(link, "http://evil.example").0, 403);
    assert_eq!(state(), "unacknowledged");
    let (status, page) = press(link, &base);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("You have acknowledged it."), "{page}");
    wait_until("it is acknowledged", PATIENCE, || state() == "acknowledged");
    let (status, page) = press(link, &base);
    assert_eq!(status, 409, "{page}");
    assert!(page.contains("somebody has acknowledged it already"), "{page}");

    let audit = get(&format!("{base}/api/v1/audit")).unwrap().text();
    let audit: Value = serde_json::from_str(&audit).unwrap();
    let entry = &audit["entries"][0];
    assert_eq!(
        (&entry["what"], &entry["by"], &entry["note"]),
        (&"acknowledge".into(), &"Anna Müller (link: manager)".into(), &"on my way".into()),
        "{audit}"
    );
    let known = json(&manager.wait_for(2, PATIENCE)[1]);
    assert_eq!(known["type"], "alarm.acknowledged", "{known}");
    assert_eq!(known["data"]["by"], "Anna Müller (link: manager)");

    // No link and no key stands in the log, and who heard at once hears nothing of all this.
    let log = daemon.log();
    let token = link.rsplit('/').next().unwrap();
    assert!(!log.contains(token) && !log.contains(KEY), "{log}");
    let of_batches = |received: &Received| {
        json(received)["type"].as_str().is_some_and(|kind| kind.starts_with("batch."))
    };
    assert!(shift.received().iter().all(of_batches));
    assert_eq!(daemon.terminate(), Some(0));
}
