//! InfluxDB away under full load: no reading is lost, no alarm is late, and what has piled up is gone soon.
//!
//! One plant twice at the same time, once with the outage and once without, so that whatever else the machine does meets
//! both. `tests/outage` does it with half an hour of event time.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]
#![allow(clippy::print_stderr, reason = "what was measured is for the person who runs it")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "rates and numbers of readings are far below 2^52"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "delays are taken on the real clock; what a longer run wants is given by hand"
)]

mod plant;

use self::plant::{BEGIN_MS, LINES, Plant, RATE, Results, TAGS, scanner, value};
use crate::support::{
    Answer, Daemon, Influxd, Mosquitto, PATIENCE, WebhookReceiver, free_port, get, wait_until,
};
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seconds before InfluxDB goes away, as fast as the broker takes them.
const CALM: i64 = 20;

/// One plant: its broker, its InfluxDB, its receiver and its store.
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
        site
    }

    fn daemon(&self) -> Daemon {
        let fields: Vec<String> =
            (0..TAGS).map(|tag| format!(r#"t{tag:02} = "/t{tag:02}""#)).collect();
        let lines = (0..LINES).map(|line| {
            format!(
                r#"
            [line.tm{line}]
            frame = "1s"
            lateness = "2s"
            idle = "1h"
            batch = {{ from = "events" }}

            [line.tm{line}.tag.weight]
            role = "quality"
            "#
            )
        });
        let toml = format!(
            r#"
            [store]
            path = "{store}"

            [[mqtt]]
            name = "plant"
            url = "{broker}"
            client_id = "onspec-1"

            [[mqtt.subscribe]]
            topic = "mill/{{line}}/events"
            format = "batch-event"
            qos = 1

            [[mqtt.subscribe]]
            topic = "mill/{{line}}/{{area}}"
            format = "json"
            qos = 1
            fields = {{ {fields} }}
            time = "/ts"
            time_unit = "ms"

            [[mqtt.subscribe]]
            topic = "scanner/{{line}}/{{area}}/{{tag}}"
            format = "json"
            qos = 1
            value = "/v"
            time = "/ts"
            time_unit = "ms"

            {lines}

            [grade.facial-15]
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
            fields = fields.join(", "),
            lines = lines.collect::<String>(),
            influx = self.influx.url(),
            org = self.influx.org(),
            bucket = self.influx.bucket(),
            http = self.http,
        );
        let config = self.directory.path().join("onspec.toml");
        std::fs::write(&config, toml).unwrap();
        let mut daemon = Daemon::start_with(
            &config,
            &[],
            &[
                ("INFLUX_TOKEN", self.influx.token()),
                ("WEBHOOK_URL", &self.webhook.url("/hook")),
                ("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ],
        );
        daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", self.http));
        daemon
    }

    /// A metric of the daemon, zero as long as it has not shown it.
    fn metric(&self, name: &str) -> i64 {
        let metrics = get(&format!("http://127.0.0.1:{}/metrics", self.http)).unwrap().text();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.trim().parse::<f64>().unwrap() as i64)
    }

    /// How many readings InfluxDB has taken so far.
    fn taken(&self) -> i64 {
        self.metric("onspec_influxdb_lines_total{outbox=\"readings\"}")
    }

    /// The readings of these seconds that InfluxDB does not hold as they were published.
    fn lost(&self, seconds: i64) -> usize {
        let mut lost = 0;
        for from in (0..seconds).step_by(60) {
            let to = (from + 60).min(seconds);
            let mut there = vec![false; usize::try_from((to - from) * RATE).unwrap()];
            let second = |second: i64| format!("{}", BEGIN_MS / 1000 + second);
            // One table of few columns: a minute has 120,000 readings.
            let csv = self.influx.query_csv(&format!(
                r#"from(bucket: "{}") |> range(start: {}, stop: {})
                   |> filter(fn: (r) => r._measurement == "readings" and r._field == "value")
                   |> group() |> keep(columns: ["_time", "_value", "line", "area", "tag"])"#,
                self.influx.bucket(),
                second(from),
                second(to),
            ));
            let mut rows = csv.lines().filter(|row| !row.starts_with('#') && !row.is_empty());
            let names: Vec<&str> = rows.next().unwrap_or_default().split(',').collect();
            let place = |name: &str| names.iter().position(|n| *n == name).unwrap_or(usize::MAX);
            let places = ["_time", "_value", "line", "area", "tag"].map(place);
            for row in rows {
                let cells: Vec<&str> = row.split(',').collect();
                let [time, number, line, area, tag] = places.map(|place| cells[place]);
                let time: jiff::Timestamp = time.parse().unwrap();
                let second = time.as_millisecond() - BEGIN_MS;
                assert_eq!(second % 1000, 0, "{row}");
                let second = second / 1000;
                let number_in =
                    |name: &str, letters: usize| name[letters..].parse::<usize>().unwrap();
                let tag = if tag == "weight" {
                    scanner(number_in(line, 2))
                } else {
                    number_in(area, 1) * TAGS + number_in(tag, 1)
                };
                let is_same =
                    number.parse::<f64>().unwrap().to_bits() == value(tag, second).to_bits();
                let at = usize::try_from((second - from) * RATE).unwrap() + tag;
                assert!(is_same && !there[at], "published otherwise, or once: {row}");
                there[at] = true;
            }
            lost += there.iter().filter(|there| !**there).count();
        }
        lost
    }

    /// When the alarm of each batch came first.
    fn alarms(&self) -> BTreeMap<String, Instant> {
        let mut alarms = BTreeMap::new();
        for received in self.webhook.received() {
            let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
            if body["type"] == "batch.off_spec" {
                let batch = body["data"]["batch"].as_str().unwrap().to_owned();
                alarms.entry(batch).or_insert(received.at);
            }
        }
        alarms
    }
}

/// How long each alarm took, from the publication of its laboratory result in one of these seconds to its arrival.
fn delays(
    results: &Results,
    alarms: &BTreeMap<String, Instant>,
    seconds: Range<i64>,
) -> Vec<Duration> {
    let within = results.iter().filter(|(_, (second, _))| seconds.contains(second));
    within
        .map(|(batch, (_, published))| alarms[batch].saturating_duration_since(*published))
        .collect()
}

/// What a run showed.
struct Outcome {
    readings: i64,
    lost: usize,
    /// Delays of alarms while InfluxDB was away (or would have been), and afterwards.
    during: Vec<Duration>,
    after: Vec<Duration>,
    backlog: Backlog,
}

/// How what had piled up was sent.
struct Backlog {
    readings: i64,
    /// From the return of the server to the first lines that it took.
    noticed: Duration,
    /// From there until no more waited than two seconds bring.
    drained: Duration,
    /// Readings that came in meanwhile.
    live: i64,
}

impl Backlog {
    fn live_rate(&self) -> f64 {
        self.live as f64 / self.drained.as_secs_f64()
    }

    fn rate(&self) -> f64 {
        self.readings as f64 / self.drained.as_secs_f64()
    }
}

/// Runs the plant for so long, at this speed, with InfluxDB away or not, and then on at its own speed.
fn run(seconds: i64, speed: f64, live_at_least: i64, is_away: bool) -> Outcome {
    let mut site = Site::new();
    let mut daemon = site.daemon();
    let mut options = MqttOptions::new("plant", "127.0.0.1", site.broker.port());
    options.set_outgoing_inflight_upper_limit(500);
    let (client, mut connection) = Client::new(options, 1000);
    let (published, acknowledged) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let now = AtomicI64::new(0);
    let (published, acknowledged, is_over, now) = (&published, &acknowledged, &is_over, &now);
    let (results, end, backlog) = std::thread::scope(|scope| {
        scope.spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::PubAck(_))) => {
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                    // Told to go, it is gone.
                    Err(_) => return,
                }
            }
        });
        let mut plant = Plant { client: &client, second: 0, results: BTreeMap::new(), published };
        plant.until(CALM, 1e9);
        wait_until("InfluxDB has the first readings", PATIENCE, || site.taken() == CALM * RATE);
        if is_away {
            site.influx.stop();
        }
        plant.until(CALM + seconds, speed);
        if is_away {
            wait_until("the metrics show what waits", PATIENCE, || {
                site.metric("onspec_outbox_pending{outbox=\"influx/readings\"}") == seconds * RATE
            });
        }
        now.store(plant.second, Ordering::Relaxed);
        let end_of_outage = plant.second;
        let live = scope.spawn(move || {
            let begun = Instant::now();
            while !is_over.load(Ordering::Relaxed) {
                let due = Duration::from_secs((plant.second - end_of_outage) as u64);
                wait_until("the next second begins", PATIENCE, || begun.elapsed() >= due);
                plant.second();
                now.store(plant.second, Ordering::Relaxed);
            }
            (plant.results, plant.second)
        });
        let before = site.taken();
        let sent = || now.load(Ordering::Relaxed) * RATE;
        if is_away {
            site.influx.start_again();
        }
        let returned = Instant::now();
        let patience = Duration::from_secs(600);
        let mut taken = before;
        wait_until("InfluxDB takes lines again", patience, || {
            taken = site.taken();
            taken > before
        });
        let (noticed, first, sent_first) = (returned.elapsed(), Instant::now(), sent());
        wait_until("the backlog is gone", patience, || sent() - site.taken() <= 2 * RATE);
        let backlog = Backlog {
            readings: sent_first - taken,
            noticed,
            drained: first.elapsed(),
            live: sent() - sent_first,
        };
        wait_until("the plant has run on", PATIENCE, || {
            now.load(Ordering::Relaxed) >= end_of_outage + live_at_least
        });
        is_over.store(true, Ordering::Relaxed);
        let (results, end) = live.join().expect("the plant ends well");
        wait_until("the broker has everything", PATIENCE, || {
            acknowledged.load(Ordering::Relaxed) == published.load(Ordering::Relaxed)
        });
        client.disconnect().expect("the client runs");
        (results, end, backlog)
    });
    let all = end * RATE;
    wait_until("InfluxDB has taken everything", PATIENCE, || site.taken() == all);
    let mut alarms = BTreeMap::new();
    wait_until("every alarm has come", PATIENCE, || {
        alarms = site.alarms();
        alarms.len() == results.len()
    });
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
    Outcome {
        readings: all,
        lost: site.lost(end),
        during: delays(&results, &alarms, CALM..CALM + seconds),
        after: delays(&results, &alarms, CALM + seconds..end),
        backlog,
    }
}

/// The delay that this share of all does not exceed.
fn quantile(delays: &[Duration], share: f64) -> Duration {
    let mut sorted = delays.to_vec();
    sorted.sort();
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}

fn say(name: &str, delays: &[Duration]) {
    eprintln!(
        "  {name}: {} alarms, median {:.1?}, p99 {:.1?}",
        delays.len(),
        quantile(delays, 0.5),
        quantile(delays, 0.99)
    );
}

/// A number for a run by hand.
fn given(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

#[test]
fn an_outage_of_influxdb_under_full_load_loses_nothing_and_delays_no_alarm() {
    let seconds = i64::from(given("ONSPEC_OUTAGE_SECONDS", 40));
    let speed = given("ONSPEC_OUTAGE_SPEED", 10);
    let live = i64::from(given("ONSPEC_OUTAGE_LIVE_SECONDS", 6));
    eprintln!(
        "{seconds} s of a plant of {RATE} readings a second, {speed} times as fast: {} readings a second; then as \
         fast as a plant",
        RATE * i64::from(speed)
    );
    let (calm, away) = std::thread::scope(|scope| {
        let calm = scope.spawn(|| run(seconds, f64::from(speed), live, false));
        let away = run(seconds, f64::from(speed), live, true);
        (calm.join().expect("the plant without an outage runs well"), away)
    });
    for (name, outcome) in [("without an outage", &calm), ("with it", &away)] {
        eprintln!("{name}: {} readings, {} lost", outcome.readings, outcome.lost);
        say("during it", &outcome.during);
        say("afterwards", &outcome.after);
    }
    let later = |of: fn(&Outcome) -> &Vec<Duration>| {
        quantile(of(&away), 0.5).saturating_sub(quantile(of(&calm), 0.5))
    };
    let (during, after) = (later(|run| &run.during), later(|run| &run.after));
    let ratio = away.backlog.rate() / RATE as f64;
    eprintln!("alarms later at the median by {during:.1?} during it, by {after:.1?} afterwards");
    eprintln!(
        "backlog of {} readings: noticed after {:.1?}, drained in {:.1?}: {:.0} a second beside {:.0} live, {ratio:.1} \
         times the plant's rate",
        away.backlog.readings,
        away.backlog.noticed,
        away.backlog.drained,
        away.backlog.rate(),
        away.backlog.live_rate(),
    );
    assert_eq!((calm.lost, away.lost), (0, 0));
    if std::env::var_os("ONSPEC_OUTAGE_SECONDS").is_none() {
        // Beside all other tests the machine tells no times.
        return;
    }
    let most = Duration::from_millis(100);
    assert!(during <= most, "alarms were later by {during:?} during the outage");
    // A median of a few is none.
    let is_enough = calm.after.len().min(away.after.len()) >= 10;
    assert!(!is_enough || after <= most, "alarms were later by {after:?} after the outage");
    assert!(ratio >= 5.0, "the backlog went at {ratio:.1} times the live rate");
}
