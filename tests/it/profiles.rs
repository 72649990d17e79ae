//! Scans across the web, from a scanner's gateway to InfluxDB, the page and a webhook.

use crate::faults::plant::Message;
use crate::support::{
    Daemon, Influxd, Mosquitto, WebhookReceiver, configure, free_port, get, publish, wait_until,
};
use serde_json::Value;
use std::time::Duration;

const BEGIN_MS: i64 = 1_769_126_400_000;
const SCANS: i64 = 60;

/// A scan of 80 boxes of 10 mm; from the 20th on two boxes at 405 mm are heavy.
fn scan(n: i64) -> Message {
    let value = |ix: i64| {
        let noise =
            f64::from(u8::try_from((n * 7919 + ix * 104_729) % 101).expect("it is below 101"));
        let streak = if n >= 20 && (40..42).contains(&ix) { 0.3 } else { 0.0 };
        15.0 + noise / 1000.0 + streak
    };
    let boxes: Vec<String> = (0..80)
        .map(|ix| if ix < 2 { "null".to_owned() } else { format!("{:.3}", value(ix)) })
        .collect();
    let body = format!(
        r#"{{"ts":{},"mode":"OnSheet","boxes":[{}]}}"#,
        BEGIN_MS + n * 25_000,
        boxes.join(",")
    );
    ("scanner/tm3/weight".into(), body.into_bytes())
}

#[test]
fn a_scanner_s_streak_is_found_written_drawn_and_told() {
    let (broker, influx, webhook) =
        (Mosquitto::start(), Influxd::start(), WebhookReceiver::start());
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let token = directory.path().join("token");
    std::fs::write(&token, influx.token()).expect("the directory is ours");
    let http = free_port();
    let rest = format!(
        r#"
        [[mqtt.subscribe]]
        topic = "scanner/{{line}}/{{tag}}"
        format = "profile"
        value = "/boxes"
        time = "/ts"
        mode = "/mode"
        [line.tm3]
        batch = {{ from = "none" }}
        [line.tm3.profile.weight]
        unit = "g/m2"
        box_width = 10.0
        [influxdb]
        url = "{influx}"
        org = "{org}"
        bucket = "{bucket}"
        token = {{ file = "{token}" }}
        [[webhook]]
        name = "leads"
        url = {{ env = "WEBHOOK_URL" }}
        "#,
        influx = influx.url(),
        org = influx.org(),
        bucket = influx.bucket(),
        token = token.display(),
    );
    let config = configure(directory.path(), &broker.url(), http, &rest);
    let receiver = webhook.url("/leads");
    let mut daemon = Daemon::start_with(&config, &[], &[("WEBHOOK_URL", &receiver)]);
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    publish(broker.port(), (0..SCANS).map(scan).collect());

    let points = |measurement: &str| influx.points(measurement);
    let scans = usize::try_from(SCANS).expect("it is small");
    wait_until("every scan is in InfluxDB", Duration::from_secs(30), || {
        let of =
            |field: &str| points("profiles").iter().filter(|point| point.field == field).count();
        of("mean") == scans && of("two_sigma_cd") == scans - 4
    });
    let zones = points("profile_zones");
    let last = (BEGIN_MS + (SCANS - 1) * 25_000) * 1_000_000;
    let heavy: Vec<f64> = zones
        .iter()
        .filter(|point| point.time_ns == last && point.field == "deviation")
        .filter_map(|point| point.value.parse().ok())
        .filter(|deviation| *deviation > 0.1)
        .collect();
    assert!((1..=2).contains(&heavy.len()), "{heavy:?}");

    // People see the state a moment after it is on its way to InfluxDB.
    let mut line = Value::Null;
    wait_until("the API knows all scans", Duration::from_secs(30), || {
        let answer = get(&format!("http://127.0.0.1:{http}/api/v1/lines/tm3")).expect("it listens");
        line = serde_json::from_str(&answer.text()).expect("the API speaks JSON");
        line["profiles"][0]["scans"] == scans
    });
    let profile = &line["profiles"][0];
    assert_eq!((&profile["profile"], &profile["positions"]), (&"weight".into(), &"mm".into()));
    let streak = &profile["known"]["streaks"][0];
    assert_eq!((&streak["from"], &streak["to"]), (&405.0.into(), &415.0.into()), "{profile}");
    // Two are the edges of the scanner, two are left out at each edge of the sheet.
    let worst = profile["known"]["worst_position"].as_f64().expect("a number");
    assert!((405.0..=415.0).contains(&worst), "{profile}");

    wait_until("the streak is told", Duration::from_secs(30), || {
        webhook.received().iter().any(|request| {
            let body: Value = serde_json::from_str(&request.text()).unwrap_or_default();
            body["type"] == "profile.streak" && body["data"]["streaks"][0]["from"] == 405.0
        })
    });
    let page = get(&format!("http://127.0.0.1:{http}/")).expect("it listens").text();
    for part in [
        "weight</bdi> across the web",
        "<b>Streak</b> at 405–415 mm",
        "scans of weight",
        "The newest scan",
    ] {
        assert!(page.replace("<bdi>", "").contains(&part.replace("<bdi>", "")), "{part}: {page}");
    }
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}
