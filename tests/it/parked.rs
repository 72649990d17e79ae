//! What a receiver refused for good, by the program itself: listed, sent again, discarded, with and without a daemon.

use std::path::Path;
use std::process::Command;

use onspec::telemetry::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::{
    Answer, Daemon, Mosquitto, PATIENCE, WebhookReceiver, binary, configure, free_port, get, post,
    wait_until,
};

fn rest(url: &Path) -> String {
    format!(
        "[[mqtt.subscribe]]\ntopic = \"events/{{line}}\"\nformat = \"batch-event\"\n\
         [line.tm3]\nbatch = {{ from = \"events\" }}\n[line.tm3.tag.bw]\n\
         [[webhook]]\nname = \"leads\"\nurl = {{ file = \"{}\" }}\nwhen = {{ severity = \"info\", kinds = [\"batch\"] }}\n",
        url.display()
    )
}

/// The program's exit, what it printed and what it said.
fn onspec(config: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(binary())
        .arg("webhook")
        .args(arguments)
        .arg("-c")
        .arg(config)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn parked(config: &Path) -> Vec<Value> {
    let (status, stdout, stderr) = onspec(config, &["parked", "--json"]);
    assert_eq!(status, Some(0), "{stderr}");
    let told: Value = serde_json::from_str(&stdout).expect("JSON");
    told["parked"].as_array().expect("a list").clone()
}

/// Makes four batches of ten minutes each, two hours ago.
fn make_four(http: u16) {
    let then = SystemClock.now_nanos() / 1_000_000 - 7_200_000;
    let made = |n: i64| {
        let (start, end) = (then + n * 600_000, then + (n + 1) * 600_000);
        let batch = format!("R{n}");
        [
            json!({"event": "batch-start", "batch": batch, "ts": start}),
            json!({"event": "batch-end", "batch": batch, "ts": end}),
        ]
    };
    let events: Vec<Value> = (0..4).flat_map(made).collect();
    let lines = format!("http://127.0.0.1:{http}/api/v1/lines/tm3/events");
    let told = post(&lines, &[], json!(events).to_string().as_bytes()).expect("an answer");
    assert_eq!(told.status, 202, "{}", told.text());
}

fn id(event: &Value) -> &str {
    event["id"].as_str().expect("a text")
}

#[test]
fn refused_events_are_sent_again_or_discarded_and_the_audit_log_says_by_whom() {
    let (broker, receiver) = (Mosquitto::start(), WebhookReceiver::start());
    receiver.answer_always(Answer::Status(404));
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let url = directory.path().join("url");
    std::fs::write(&url, receiver.url("/services/K3Y-OF-OURS")).expect("the directory is ours");
    let http = free_port();
    let config = configure(directory.path(), &broker.url(), http, &rest(&url));
    let start = || {
        let mut daemon = Daemon::start(&config);
        daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
        daemon
    };
    let mut daemon = start();
    let api = |path: &str| -> Value {
        let answer = get(&format!("http://127.0.0.1:{http}/api/v1/{path}")).expect("an answer");
        serde_json::from_str(&answer.text()).expect("JSON")
    };
    make_four(http);
    let finished = || {
        let all = parked(&config);
        all.iter().filter(|event| event["type"] == "batch.finished").count()
    };
    wait_until("the last end is refused", PATIENCE, || finished() == 4);
    wait_until("all is refused", PATIENCE, || api("webhooks")["webhooks"][0]["waiting"] == 0);

    let all = parked(&config);
    let first = all.iter().rfind(|event| event["type"] == "batch.finished").expect("one ended");
    assert_eq!(
        (&first["webhook"], &first["answer"]),
        (&json!("leads"), &json!("the receiver answered 404"))
    );
    assert!(first["parked_at"].as_i64() > first["at"].as_i64(), "{first}");
    assert_eq!(api("webhooks")["webhooks"][0]["parked"], all.len());
    assert_eq!(api("webhooks/leads/parked")["parked"], json!(all));
    let (_, table, _) = onspec(&config, &["parked", "leads", "--limit", "1"]);
    assert!(table.contains(&format!("leads: {} more", all.len() - 1)), "{table}");
    assert!(!table.contains("K3Y"), "{table}");
    let metrics = || get(&format!("http://127.0.0.1:{http}/metrics")).expect("an answer").text();
    let gauge = format!("onspec_parked{{outbox=\"webhook/leads\"}} {}.0\n", all.len());
    wait_until("what is parked is counted", PATIENCE, || metrics().contains(&gauge));

    // The daemon sends one again, and discards another.
    receiver.answer_always(Answer::Status(200));
    let before = receiver.received().len();
    let resend = ["resend", "leads", id(first), "--by", "shift-a"];
    let (status, said, problem) = onspec(&config, &resend);
    assert_eq!(
        (status, &*said),
        (Some(0), "leads: 1 event sent again, behind what waits\n"),
        "{problem}"
    );
    let heard = receiver.wait_for(before + 1, PATIENCE);
    assert_eq!(heard[before].header("webhook-id"), Some(id(first)), "the id is the same");
    let (status, _, problem) = onspec(&config, &resend);
    assert_eq!(status, Some(1));
    assert!(problem.contains("is not parked; nothing was changed"), "{problem}");
    let second = all.iter().find(|event| event["type"] == "batch.finished").expect("one ended");
    let discard = ["discard", "leads", id(second), "--by", "shift-a"];
    assert_eq!(onspec(&config, &discard).0, Some(2), "it has to be said why");
    let (status, said, problem) = onspec(&config, &[&discard[..], &["--note", "old"]].concat());
    assert_eq!((status, &*said), (Some(0), "leads: 1 event discarded\n"), "{problem}");
    assert_eq!(parked(&config).len(), all.len() - 2);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
    let heard = receiver.received();
    assert!(
        heard[before + 1..].iter().all(|request| request.header("webhook-id") != Some(id(second)))
    );

    // Without it the rest goes at the next start.
    let before = heard.len();
    let left = parked(&config).len();
    let (status, said, problem) = onspec(&config, &["resend", "leads", "--all", "--by", "shift-b"]);
    let events = if left == 1 { "event" } else { "events" };
    let expected = format!("leads: {left} {events} sent again, behind what waits\n");
    assert_eq!((status, said), (Some(0), expected), "{problem}");
    let mut daemon = start();
    let heard = receiver.wait_for(before + left, PATIENCE);
    let mut ids: Vec<_> = all.iter().map(id).filter(|known| *known != id(second)).collect();
    let mut told: Vec<_> =
        heard.iter().rev().take(left).filter_map(|r| r.header("webhook-id")).collect();
    told.push(id(first));
    ids.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, ids);

    let audit = api("audit?limit=9");
    let audit: Vec<_> = audit["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["subject"] == "leads")
        .map(|entry| (entry["what"].as_str(), entry["by"].as_str(), entry["note"].as_str()))
        .collect();
    let expected = [
        (Some("webhook-resend"), Some("shift-b"), None),
        (Some("webhook-discard"), Some("shift-a"), Some("old")),
        (Some("webhook-resend"), Some("shift-a"), None),
    ];
    assert_eq!(audit, expected);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}
