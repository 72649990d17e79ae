//! The main job, with everything real: from a broker to InfluxDB and a webhook, through `kill -9`.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Answer, Daemon, Influxd, Mosquitto, PATIENCE, Point, WebhookReceiver, free_port, get,
    wait_until,
};
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

const TAGS: usize = 20;
const SECONDS_IN_BATCH: i64 = 1000;
const BATCHES: i64 = 10;
const BEGIN_MS: i64 = 1_769_126_400_000;

/// What the plant publishes: topic and payload.
type Message = (String, String);

/// The generator's list: what must be in InfluxDB, and nothing else.
struct Story {
    messages: Vec<Message>,
    readings: Vec<Point>,
}

fn tag(ix: usize) -> String {
    if ix == 0 { "basis_weight".into() } else { format!("tag_{ix:02}") }
}

/// Ten batches of 1,000 s with twenty tags each second; in the fourth and the eighth one the basis
/// weight leaves its limits, in the sixth one the process does.
fn story(seed: u64) -> Story {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut noise = move || f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5;
    let mut story = Story { messages: Vec::new(), readings: Vec::new() };
    for second in 0..BATCHES * SECONDS_IN_BATCH {
        let (batch, within) = (second / SECONDS_IN_BATCH, second % SECONDS_IN_BATCH);
        let ts = BEGIN_MS + second * 1000;
        if within == 0 {
            story.event(&format!(
                r#"{{"event":"batch-start","batch":"R{batch}","grade":"facial-15","ts":{ts}}}"#
            ));
        }
        if within == 600 && batch > 0 {
            let value = if batch == 3 { 90.0 } else { 130.5 };
            let before = batch - 1;
            story.event(&format!(
                r#"{{"event":"lab","batch":"R{before}","property":"tensile_md","value":{value},"ts":{ts}}}"#
            ));
        }
        let common = noise();
        for ix in 0..TAGS {
            let off = within > 400 && (batch == 3 || batch == 7) && ix == 0;
            // Several at once: no sensor's fault.
            let broken = within > 500 && batch == 5 && (3..9).contains(&ix);
            let level = if ix == 0 { 15.0 } else { 100.0 };
            let value = level
                + common
                + 0.3 * noise()
                + if off { 2.0 } else { 0.0 }
                + if broken { 4.0 } else { 0.0 };
            let value = (value * 1e4).round() / 1e4;
            let tag = tag(ix);
            story
                .messages
                .push((format!("mill/tm3/dry/{tag}"), format!(r#"{{"v":{value},"ts":{ts}}}"#)));
            story.readings.push(Point {
                series: format!("readings,area=dry,line=tm3,tag={tag}"),
                time_ns: ts * 1_000_000,
                field: "value".into(),
                value: value.to_string(),
            });
        }
    }
    let end = BEGIN_MS + BATCHES * SECONDS_IN_BATCH * 1000;
    story.event(&format!(r#"{{"event":"batch-end","batch":"R9","ts":{}}}"#, end - 20_000));
    story.readings.sort();
    story
}

impl Story {
    fn event(&mut self, body: &str) {
        self.messages.push(("mill/tm3/events".into(), body.into()));
    }

    /// Twenty tags in control, as a recording to fit from.
    fn recording(path: &Path) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(99);
        let mut noise = move || f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5;
        let mut csv = String::from("time");
        for ix in 0..TAGS {
            write!(csv, ",{}", tag(ix)).unwrap();
        }
        for second in 0..4000 {
            write!(csv, "\n{}", BEGIN_MS - 5_000_000 + second * 1000).unwrap();
            let common = noise();
            for ix in 0..TAGS {
                let level = if ix == 0 { 15.0 } else { 100.0 };
                write!(csv, ",{:.4}", level + common + 0.3 * noise()).unwrap();
            }
        }
        std::fs::write(path, csv + "\n").unwrap();
    }
}

/// One plant: its broker, its InfluxDB, its receiver, its configuration and its store.
struct Site {
    broker: Mosquitto,
    influx: Influxd,
    webhook: WebhookReceiver,
    directory: tempfile::TempDir,
    http: u16,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            broker: Mosquitto::start(),
            influx: Influxd::start(),
            webhook: WebhookReceiver::start(),
            directory: tempfile::tempdir().unwrap(),
            http: free_port(),
        };
        site.webhook.answer_always(Answer::Status(204));
        std::fs::write(site.config(), site.toml()).unwrap();
        site
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("onspec.toml")
    }

    fn toml(&self) -> String {
        let mut toml = format!(
            r#"
            [store]
            path = "{store}"

            [site]
            name = "mill"

            [[mqtt]]
            name = "plant"
            url = "{broker}"
            client_id = "onspec-1"

            [[mqtt.subscribe]]
            topic = "mill/{{line}}/events"
            format = "batch-event"
            qos = 1

            [[mqtt.subscribe]]
            topic = "mill/{{line}}/{{area}}/{{tag}}"
            format = "json"
            qos = 1
            value = "/v"
            time = "/ts"
            time_unit = "ms"

            [line.tm3]
            frame = "1s"
            lateness = "2s"
            idle = "1h"
            batch = {{ from = "events" }}

            [line.tm3.tag.basis_weight]
            unit = "g/m2"
            role = "quality"

            [grade.facial-15]
            spec.basis_weight = {{ low = 14.0, target = 15.0, high = 16.0 }}
            lab.tensile_md = {{ low = 100.0, unit = "N/m" }}

            [models]
            refit = "never"

            [influxdb]
            url = "{influx}"
            org = "{org}"
            bucket = "{bucket}"
            token = {{ env = "INFLUX_TOKEN" }}

            [[webhook]]
            name = "shift-leads"
            url = {{ env = "WEBHOOK_URL" }}
            format = "standard"
            secret = {{ env = "WEBHOOK_SECRET" }}
            when = {{ severity = "info" }}

            [http]
            listen = "127.0.0.1:{http}"
            "#,
            store = self.directory.path().join("onspec.db").display(),
            broker = self.broker.url(),
            influx = self.influx.url(),
            org = self.influx.org(),
            bucket = self.influx.bucket(),
            http = self.http,
        );
        for ix in 1..TAGS {
            write!(toml, "\n[line.tm3.tag.{}]\nrole = \"process\"\n", tag(ix)).unwrap();
        }
        toml
    }

    /// Fits a model from a recording into the store, as a plant with a history would.
    fn fit(&self) {
        let csv = self.directory.path().join("history.csv");
        Story::recording(&csv);
        let output = Command::new(env!("CARGO_BIN_EXE_onspec"))
            .args(["fit", "--line", "tm3", "--grade", "facial-15", "--time-unit", "ms", "-c"])
            .arg(self.config())
            .arg("--from")
            .arg(&csv)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn daemon(&self) -> Daemon {
        Daemon::start_with(
            &self.config(),
            &[],
            &[
                ("INFLUX_TOKEN", self.influx.token()),
                ("WEBHOOK_URL", &self.webhook.url("/hook")),
                ("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ],
        )
    }

    fn ready_url(&self) -> String {
        format!("http://127.0.0.1:{}/readyz", self.http)
    }

    fn stored_readings(&self) -> usize {
        let flux = format!(
            r#"from(bucket: "{}") |> range(start: 2020-01-01T00:00:00Z, stop: 2030-01-01T00:00:00Z)
               |> filter(fn: (r) => r._measurement == "readings" and r._field == "value")
               |> group() |> count()"#,
            self.influx.bucket()
        );
        let csv = self.influx.query_csv(&flux);
        let last = csv.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        last.rsplit(',').next().and_then(|n| n.trim().parse().ok()).unwrap_or(0)
    }

    /// Runs the story through the daemon, which is killed when so many messages have been published.
    fn run(&self, story: &Story, kills: &[usize]) {
        self.fit();
        let mut daemon = self.daemon();
        daemon.wait_ready(&self.ready_url());
        let (told, asked) = mpsc::sync_channel(8);
        let port = self.broker.port();
        std::thread::scope(|scope| {
            let publisher = scope.spawn(|| publish(port, &story.messages, kills, &told));
            for _ in kills {
                asked.recv_timeout(Duration::from_secs(120)).expect("the publisher goes on");
                daemon.kill_9();
                daemon = self.daemon();
            }
            publisher.join().expect("the publisher ends well");
        });
        let all = story.readings.len();
        wait_until(&format!("{all} readings are in InfluxDB"), Duration::from_secs(180), || {
            self.stored_readings() >= all
        });
        wait_until("nothing waits any more", PATIENCE, || {
            get(&format!("http://127.0.0.1:{}/api/v1/lines/tm3", self.http))
                .is_ok_and(|answer| answer.text().contains("R9"))
                && self
                    .influx
                    .points("batches")
                    .iter()
                    .any(|point| point.field == "batch" && point.value == "R9")
        });
        assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
    }

    /// The events that arrived: id and body without what differs by attempt.
    fn events(&self) -> BTreeMap<String, Vec<String>> {
        let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for received in self.webhook.received() {
            let id = received.header("webhook-id").expect("every event has an id").to_owned();
            let bodies = events.entry(id).or_default();
            let body = received.text().replace(&format!(":{}/", self.http), ":PORT/");
            if !bodies.contains(&body) {
                bodies.push(body);
            }
        }
        events
    }
}

/// Publishes all messages at QoS 1 and returns when the broker has acknowledged every one; says so on
/// `told` when as many as a kill names were acknowledged.
fn publish(port: u16, messages: &[Message], kills: &[usize], told: &mpsc::SyncSender<()>) {
    let mut options = MqttOptions::new("plant", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_outgoing_inflight_upper_limit(500);
    let (client, mut connection) = Client::new(options, 1000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (topic, payload) in messages {
                client
                    .publish(topic, QoS::AtLeastOnce, false, payload.clone())
                    .expect("the client runs");
            }
        });
        let mut acknowledged = 0;
        for event in connection.iter() {
            if let Event::Incoming(Packet::PubAck(_)) = event.expect("the broker stays") {
                acknowledged += 1;
                if kills.contains(&acknowledged) {
                    told.send(()).expect("somebody listens");
                }
                if acknowledged == messages.len() {
                    break;
                }
            }
        }
    });
}

/// A number for a run by hand.
#[allow(clippy::disallowed_methods, reason = "what a longer run wants is given by hand")]
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_acknowledged_is_lost_through_kill_9_and_everything_happens_once() {
    let seed = given("ONSPEC_SEED").unwrap_or(20_261_125);
    let times = u32::try_from(given("ONSPEC_KILLS").unwrap_or(3)).unwrap();
    eprintln!("ONSPEC_SEED={seed} ONSPEC_KILLS={times} repeats this run");
    let story = story(seed);
    assert_eq!(story.readings.len(), 200_000);

    let calm = Site::new();
    calm.run(&story, &[]);

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let part = u32::try_from(story.messages.len()).unwrap() / times;
    let kills: Vec<usize> = (0..times)
        .map(|ix| usize::try_from(ix * part + part / 8 + rng.next_u32() % (part / 4 * 3)).unwrap())
        .collect();
    let killed = Site::new();
    killed.run(&story, &kills);

    // Every reading, none more, none other.
    for site in [&calm, &killed] {
        let stored: Vec<Point> = site
            .influx
            .points("readings")
            .into_iter()
            .filter(|point| point.field == "value")
            .collect();
        assert_eq!(stored.len(), story.readings.len());
        let points = site.influx.points("readings").into_iter();
        // A story of random values has jumps in it, and is told so.
        let jumped = onspec::reading::Flags::SPIKE.bits().to_string();
        let good = |point: &Point| point.value == "0" || point.value == jumped;
        let flagged: Vec<_> =
            points.filter(|point| point.field == "quality" && !good(point)).collect();
        let about = flagged.first().zip(flagged.last());
        assert_eq!(
            flagged.len(),
            0,
            "every reading was good and in time, however often it came: {about:?}"
        );
        let other = stored.iter().zip(&story.readings).find(|(is, should)| {
            (&is.series, is.time_ns) != (&should.series, should.time_ns)
                || is.value.parse::<f64>().ok() != should.value.parse::<f64>().ok()
        });
        assert_eq!(other, None);
    }
    // The same verdicts, scores and alarms. (The health of sensors counts what the broker sent again.)
    for measurement in ["batches", "alarms", "scores", "contributions"] {
        let (with, without) = (killed.influx.points(measurement), calm.influx.points(measurement));
        assert!(!without.is_empty(), "{measurement} is empty");
        let other = with.iter().zip(&without).find(|(with, without)| with != without);
        assert_eq!((other, with.len()), (None, without.len()), "{measurement}");
    }
    // The same events, each with one id and one body.
    let (with, without) = (killed.events(), calm.events());
    assert!(with.values().all(|bodies| bodies.len() == 1), "{with:#?}");
    assert_eq!(with.keys().collect::<Vec<_>>(), without.keys().collect::<Vec<_>>());
    assert_eq!(with, without);
    let kinds: Vec<&String> = without.values().flatten().collect();
    for kind in ["batch.off_spec", "batch.at_risk", "batch.finished", "batch.revised"] {
        assert!(kinds.iter().any(|body| body.contains(kind)), "no {kind}");
    }
}
