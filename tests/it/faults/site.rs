//! A site with everything real: broker, InfluxDB, receiver of webhooks, and the daemon.

use super::plant::{Message, Plant};
use crate::support::{
    Answer, Daemon, Influxd, Mosquitto, PATIENCE, Point, WebhookReceiver, free_port, get,
    wait_until,
};
use onspec::reading::Flags;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long something may take that waits for a back-off, or for a deadline of ours.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Broker, InfluxDB, receiver; and how the daemon gets at them.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) broker: Mosquitto,
    pub(crate) influx: Influxd,
    pub(crate) webhook: WebhookReceiver,
    directory: TempDir,
    http: u16,
    /// What the daemon is told of the others: itself, or what stands before it.
    pub(crate) broker_url: String,
    pub(crate) influx_url: String,
    pub(crate) store: PathBuf,
    /// The file with the token for InfluxDB.
    pub(crate) token: PathBuf,
    /// More lines for `[store]`.
    pub(crate) store_lines: &'static str,
    /// More tables, the first of them under the broker.
    pub(crate) more: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(Mosquitto::start())
    }

    pub(crate) fn with(broker: Mosquitto) -> Self {
        let influx = Influxd::start();
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let site = Self {
            broker_url: broker.url(),
            influx_url: influx.url(),
            store: directory.path().join("onspec.db"),
            token: directory.path().join("token"),
            store_lines: "",
            more: String::new(),
            broker,
            influx,
            webhook: WebhookReceiver::start(),
            directory,
            http: free_port(),
        };
        site.webhook.answer_always(Answer::Status(204));
        std::fs::write(&site.token, site.influx.token()).expect("the directory is ours");
        site
    }

    /// A directory that ends with the site.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration, written anew.
    pub(crate) fn config(&self) -> PathBuf {
        let path = self.directory.path().join("onspec.toml");
        let text = format!(
            r#"
            [store]
            path = "{store}"
            {store_lines}

            [[mqtt]]
            name = "plant"
            url = "{broker}"
            client_id = "onspec-1"
            keep_alive = "5s"

            [[mqtt.subscribe]]
            topic = "mill/{{line}}/events"
            format = "batch-event"

            [[mqtt.subscribe]]
            topic = "mill/{{line}}/{{area}}/{{tag}}"
            value = "/v"
            time = "/ts"
            {more}

            [line.tm3]
            idle = "1h"

            [line.tm3.tag.basis_weight]
            unit = "g/m2"
            role = "quality"

            [grade.facial-15]
            spec.basis_weight = {{ low = 14.0, target = 15.0, high = 16.0 }}

            [models]
            refit = "never"

            [influxdb]
            url = "{influx}"
            org = "{org}"
            bucket = "{bucket}"
            token = {{ file = "{token}" }}
            timeout = "2s"

            [[webhook]]
            name = "shift-leads"
            url = {{ env = "WEBHOOK_URL" }}
            when = {{ severity = "info" }}
            timeout = "1s"

            [http]
            listen = "127.0.0.1:{http}"
            "#,
            store = self.store.display(),
            store_lines = self.store_lines,
            broker = self.broker_url,
            more = self.more,
            influx = self.influx_url,
            org = self.influx.org(),
            bucket = self.influx.bucket(),
            token = self.token.display(),
            http = self.http,
        );
        std::fs::write(&path, text).expect("the directory is ours");
        path
    }

    /// Starts the daemon and waits until it is ready.
    #[track_caller]
    pub(crate) fn daemon(&self) -> Daemon {
        let mut daemon = self.daemon_under(&[], &[]);
        daemon.wait_ready(&self.url("/readyz"));
        daemon
    }

    /// Starts the daemon by another program, see [`Daemon::start_under`], and does not wait.
    pub(crate) fn daemon_under(&self, by: &[&str], environment: &[(&str, &str)]) -> Daemon {
        let url = self.webhook.url("/hook");
        let mut all = vec![("WEBHOOK_URL", url.as_str())];
        all.extend_from_slice(environment);
        Daemon::start_under(by, &self.config(), &[], &all)
    }

    /// An address of the daemon's page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// Publishes to the broker, as a gateway that says everything again after a lost connection, until the broker has
    /// acknowledged every message.
    pub(crate) fn publish(&self, messages: &[Message]) {
        publish(self.broker.port(), messages);
    }

    /// A metric of the daemon, all its labels together; 0 if there is none, or no answer.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = get(&self.url("/metrics")).map(|answer| answer.text()).unwrap_or_default();
        let of = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let value = rest.strip_prefix(' ').or_else(|| rest.split_once("} ").map(|(_, v)| v))?;
            value.trim().parse::<f64>().ok()
        };
        text.lines().filter_map(of).fold(0.0, |sum, value| sum + value)
    }

    /// State and reason of a part of the daemon, as its page has them; empty if there is no such part, or no answer.
    pub(crate) fn health(&self, component: &str) -> (String, String) {
        let text = get(&self.url("/api/v1/health")).map(|answer| answer.text()).unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let parts = value["components"].as_array().cloned().unwrap_or_default();
        let part = parts.into_iter().find(|part| part["component"] == component);
        let words = |key: &str| {
            part.as_ref().and_then(|part| part[key].as_str()).unwrap_or_default().to_owned()
        };
        (words("state"), words("reason"))
    }

    /// Waits until a part's reason has these words in it.
    #[track_caller]
    pub(crate) fn wait_for_health(&self, component: &str, words: &str) {
        let mut last = (String::new(), String::new());
        let begun = format!("`{component}` says `{words}`");
        wait_until(&begun, LONG, || {
            last = self.health(component);
            last.1.contains(words) && (last.0 != "ok" || words.is_empty())
        });
    }

    /// Waits until the daemon has committed so many readings since it was started.
    #[track_caller]
    pub(crate) fn wait_committed(&self, readings: usize) {
        wait_until(&format!("{readings} readings are committed"), LONG, || {
            self.metric("onspec_readings_total")
                >= f64::from(u32::try_from(readings).expect("it is small"))
        });
    }

    /// How many readings InfluxDB has.
    pub(crate) fn stored(&self) -> usize {
        let flux = format!(
            r#"from(bucket: "{}") |> range(start: 2020-01-01T00:00:00Z, stop: 2035-01-01T00:00:00Z)
               |> filter(fn: (r) => r._measurement == "readings" and r._field == "value")
               |> group() |> count()"#,
            self.influx.bucket()
        );
        let csv = self.influx.query_csv(&flux);
        let last = csv.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        last.rsplit(',').next().and_then(|n| n.trim().parse().ok()).unwrap_or(0)
    }

    /// Waits until InfluxDB has as many readings as the plant has said.
    #[track_caller]
    pub(crate) fn wait_stored(&self, plant: &Plant) {
        let all = plant.count();
        wait_until(&format!("{all} readings are in InfluxDB"), LONG, || self.stored() >= all);
    }

    /// The events that came: by id, the bodies that differ, and type.
    pub(crate) fn events(&self) -> BTreeMap<String, Vec<(String, String)>> {
        let mut events: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for request in self.webhook.received() {
            let id = request.header("webhook-id").unwrap_or_default().to_owned();
            let body = request.text();
            let value: serde_json::Value = serde_json::from_str(&body).expect("events are JSON");
            let kind = value["type"].as_str().unwrap_or_default().to_owned();
            let bodies = events.entry(id).or_default();
            if !bodies.iter().any(|(_, known)| *known == body) {
                bodies.push((kind, body));
            }
        }
        events
    }

    /// The words of the events of one type, in the order of their ids.
    pub(crate) fn events_of(&self, kind: &str) -> Vec<String> {
        let bodies = self.events().into_values().flatten();
        bodies.filter(|(of, _)| of == kind).map(|(_, body)| body).collect()
    }

    /// Waits until all that the plant has said has arrived, and looks at every reading and every event of a batch.
    #[track_caller]
    pub(crate) fn check(&self, plant: &Plant) {
        self.wait_stored(plant);
        self.check_readings(plant);
        self.check_events(plant);
    }

    /// Looks at every reading: series, time and value; that there is no other; and that none is flagged but what stepped.
    #[track_caller]
    pub(crate) fn check_readings(&self, plant: &Plant) {
        let (quality, stored): (Vec<Point>, Vec<Point>) =
            self.influx.points("readings").into_iter().partition(|p| p.field == "quality");
        let expected = plant.readings();
        let other = stored.iter().zip(&expected).find(|(is, should)| {
            (&is.series, is.time_ns, &is.field) != (&should.series, should.time_ns, &should.field)
                || is.value.parse::<f64>().ok() != should.value.parse::<f64>().ok()
        });
        assert_eq!((other, stored.len()), (None, expected.len()));
        let odd = |point: &&Point| {
            point.value != "0"
                && !(point.value == Flags::SPIKE.bits().to_string() && plant.stepped(point.time_ns))
        };
        let flagged: Vec<_> = quality.iter().filter(odd).collect();
        assert_eq!(flagged, Vec::<&Point>::new(), "every reading was good and in time");
    }

    /// Waits for the events of batches that follow from what the plant has said, and looks that each came with one
    /// body, under its id, that no other came, and that the alarms in InfluxDB have the same ids.
    #[track_caller]
    pub(crate) fn check_events(&self, plant: &Plant) {
        let expected = plant.events(&self.config());
        assert!(expected.values().any(|kind| *kind == "batch.off_spec"), "{expected:?}");
        wait_until("every event came", LONG, || {
            let events = self.events();
            expected.keys().all(|id| events.contains_key(id))
        });
        let events = self.events();
        let twice: Vec<_> = events.iter().filter(|(_, bodies)| bodies.len() > 1).collect();
        assert!(twice.is_empty(), "two events under one id: {twice:#?}");
        let of_batches: BTreeMap<String, &str> = events
            .iter()
            .map(|(id, bodies)| (id.clone(), bodies[0].0.as_str()))
            .filter(|(_, kind)| kind.starts_with("batch."))
            .collect();
        assert_eq!(of_batches, expected);
        let alarms = || {
            let points = self.influx.points("alarms").into_iter();
            let of_line = points.filter(|p| p.field == "id" && p.series.contains("alarm=tm3/"));
            let mut ids: Vec<String> = of_line.map(|point| point.value).collect();
            ids.sort();
            ids
        };
        let raised = |kind: &str| matches!(kind, "batch.off_spec" | "batch.at_risk");
        let ids: Vec<&String> =
            expected.iter().filter(|(_, kind)| raised(kind)).map(|(id, _)| id).collect();
        wait_until("every alarm is in InfluxDB", PATIENCE, || {
            let alarms = alarms();
            ids.iter().all(|id| alarms.contains(id))
        });
        let alarms = alarms();
        let again = alarms.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(again, None, "an alarm stands twice in InfluxDB");
    }
}

/// See [`Site::publish`].
pub(crate) fn publish(port: u16, messages: &[Message]) {
    wait_until("the broker has taken everything", LONG, || try_publish(port, messages));
}

/// One try; false when the connection was lost.
fn try_publish(port: u16, messages: &[Message]) -> bool {
    let mut options = MqttOptions::new("gateway", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_outgoing_inflight_upper_limit(500);
    let (client, mut connection) = Client::new(options, 1000);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (topic, payload) in messages {
                // An error is the end of the connection, which the other side sees too.
                if client.publish(topic, QoS::AtLeastOnce, false, payload.clone()).is_err() {
                    break;
                }
            }
        });
        let mut open = messages.len();
        while open > 0 {
            match connection.iter().next() {
                Some(Ok(Event::Incoming(Packet::PubAck(_)))) => open -= 1,
                Some(Ok(_)) => {}
                // With the connection goes the queue, and with the queue the other thread's wait.
                Some(Err(_)) | None => return drop_and_fail(connection),
            }
        }
        true
    })
}

fn drop_and_fail(connection: rumqttc::v5::Connection) -> bool {
    drop(connection);
    false
}
