//! A real Alertmanager takes what the sender says, groups it, tells it on, and knows when it is over.

use std::{sync::Arc, time::Duration};

use onspec::{
    alarm::{EventKind, Notification, Severity, Subject},
    reading::Timestamp,
    store::Outbox,
    telemetry::{Clock, Health, Metrics, Secret, SecretSource, State, SystemClock},
    webhook::{self, Format, Sender, SenderError, Settings},
};
use serde_json::Value;
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    outbox::MemoryOutbox,
    support::{Alertmanager, PATIENCE, WebhookReceiver, wait_until},
};

struct Rig {
    outbox: Arc<MemoryOutbox>,
    health: Health,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), SenderError>>,
    runtime: Runtime,
}

impl Rig {
    /// A sender to this address that knows from its start that these stand.
    fn start(url: &str, standing: &[Notification]) -> Self {
        // Another test of this process may have done it before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = Runtime::new().expect("a runtime");
        let (outbox, health) = (MemoryOutbox::new(), Health::default());
        let cancel = CancellationToken::new();
        let settings = Settings {
            name: "duty".into(),
            url: SecretSource::Given(Secret::new(url)),
            format: Format::Alertmanager,
            template: None,
            secret: None,
            audience: onspec::webhook::Audience::default(),
            severity: Severity::Warning,
            lines: vec![],
            route: onspec::webhook::Route::default(),
            private: false,
            timeout: Duration::from_secs(5),
        };
        let sender = Sender {
            standing: webhook::standing(
                &settings,
                standing.iter().cloned(),
                (&webhook::Links::default(), Timestamp::from_nanos(SystemClock.now_nanos())),
            ),
            url: Secret::new(url),
            secret: None,
            outbox: Arc::clone(&outbox) as Arc<dyn Outbox>,
            settings,
            health: health.clone(),
            metrics: Metrics::default(),
            clock: Arc::new(SystemClock),
            cancel: cancel.clone(),
        };
        let client = webhook::client(false).expect("a client");
        let task = runtime.handle().spawn(webhook::run(sender, client));
        Self { outbox, health, cancel, task, runtime }
    }

    fn tell(&self, event: &Notification) {
        self.outbox.push(
            &event.id,
            1,
            webhook::standard(event, None, &webhook::Audience::default()).as_bytes(),
        );
    }

    fn stop(self) {
        assert_eq!(self.health.snapshot()[0].state, State::Ok);
        assert_eq!(self.outbox.parked(), []);
        self.cancel.cancel();
        let ended = self.runtime.block_on(self.task);
        ended.expect("the sender does not panic").expect("the sender ends because it was told to");
    }
}

fn sensor(kind: EventKind, severity: Severity, tag: &str) -> Notification {
    let at = Timestamp::from_nanos(SystemClock.now_nanos());
    Notification {
        kind,
        id: format!("evt_{tag}_{}", kind.as_str()).into(),
        at,
        site: "mill".into(),
        line: "tm3".into(),
        severity,
        priority: None,
        occurrence: 1,
        revision: 0,
        alarm: format!("tm3/sensor/{tag}").into(),
        title: format!("tm3: sensor {tag} of the 纸机 \"wet end\"").into(),
        text: "stuck".into(),
        subject: Subject::Sensor {
            tag: tag.into(),
            fault: "stuck".into(),
            since: at,
            behind_ms: None,
        },
        told: vec![],
        response: onspec::alarm::Response::default(),
    }
}

fn tags(alerts: &[Value]) -> Vec<&str> {
    let mut tags: Vec<&str> =
        alerts.iter().filter_map(|alert| alert["labels"]["tag"].as_str()).collect();
    tags.sort_unstable();
    tags
}

#[test]
fn alerts_are_taken_grouped_told_on_and_resolved() {
    let shift = WebhookReceiver::start();
    let alertmanager = Alertmanager::start(&shift.url("/shift"));
    // The address of an Alertmanager is enough.
    let rig = Rig::start(&alertmanager.url("/"), &[]);
    for tag in ["QI-1", "QI-2"] {
        rig.tell(&sensor(EventKind::SensorUnhealthy, Severity::Warning, tag));
    }
    wait_until("both alerts fire", PATIENCE, || tags(&alertmanager.firing()) == ["QI-1", "QI-2"]);
    let firing = alertmanager.firing();
    assert_eq!(firing[0]["labels"]["alertname"], "onspec_sensor");
    assert_eq!(firing[0]["labels"]["severity"], "warning");
    let summary = firing[0]["annotations"]["summary"].as_str().expect("a summary");
    assert!(summary.ends_with("of the 纸机 \"wet end\""), "{summary}");

    // Both in one group, for the line.
    wait_until("the group is told on", PATIENCE, || {
        shift.received().iter().any(|told| {
            let group = group(&told.body);
            group["alerts"].as_array().is_some_and(|alerts| tags(alerts) == ["QI-1", "QI-2"])
        })
    });

    rig.tell(&sensor(EventKind::SensorRecovered, Severity::Info, "QI-1"));
    wait_until("one of them is over", PATIENCE, || tags(&alertmanager.firing()) == ["QI-2"]);
    rig.tell(&sensor(EventKind::SensorRecovered, Severity::Info, "QI-2"));
    wait_until("both are over", PATIENCE, || alertmanager.firing().is_empty());

    wait_until("the group is told to be resolved", PATIENCE, || {
        shift.received().last().is_some_and(|told| group(&told.body)["status"] == "resolved")
    });
    for told in shift.received() {
        let group = group(&told.body);
        assert_eq!(group["groupLabels"], serde_json::json!({ "line": "tm3" }));
    }
    rig.stop();
}

fn group(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("Alertmanager tells in JSON")
}

#[test]
fn an_alertmanager_that_forgot_is_told_at_a_start_what_stands() {
    let shift = WebhookReceiver::start();
    let alertmanager = Alertmanager::start(&shift.url("/shift"));
    let stands = sensor(EventKind::SensorUnhealthy, Severity::Warning, "QI-3");
    let beneath = sensor(EventKind::SensorUnhealthy, Severity::Info, "QI-4");
    let rig = Rig::start(&alertmanager.url("/api/v2/alerts"), &[stands, beneath]);
    wait_until("what stands fires", PATIENCE, || tags(&alertmanager.firing()) == ["QI-3"]);
    rig.tell(&sensor(EventKind::SensorRecovered, Severity::Info, "QI-3"));
    wait_until("it is over", PATIENCE, || alertmanager.firing().is_empty());
    rig.stop();
}
