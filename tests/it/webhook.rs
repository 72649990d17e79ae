//! The webhook sender over real sockets: order, repetition, and who does not wait for whom.

use std::{sync::Arc, time::Duration};

use onspec::{
    alarm::Severity,
    store::Outbox,
    telemetry::{Health, Metrics, Secret, SecretSource, State, SystemClock},
    webhook::{self, Format, Sender, SenderError, Settings, SigningKey},
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    outbox::MemoryOutbox,
    support::{Answer, PATIENCE, WebhookReceiver, wait_until},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Rig {
    outbox: Arc<MemoryOutbox>,
    health: Health,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), SenderError>>,
    runtime: Runtime,
}

impl Rig {
    fn start(url: &str) -> Self {
        // Another test of this process may have done it before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = Runtime::new().expect("a runtime");
        let outbox = MemoryOutbox::new();
        let health = Health::default();
        let cancel = CancellationToken::new();
        let sender = Sender {
            settings: Settings {
                name: "shift".into(),
                url: SecretSource::Given(Secret::new(url)),
                format: Format::Standard,
                template: None,
                secret: None,
                audience: onspec::webhook::Audience::default(),
                severity: Severity::Info,
                lines: vec![],
                route: onspec::webhook::Route::default(),
                private: false,
                timeout: Duration::from_millis(500),
            },
            url: Secret::new(url),
            secret: Some(Secret::new(SECRET)),
            standing: vec![],
            outbox: Arc::clone(&outbox) as Arc<dyn Outbox>,
            health: health.clone(),
            metrics: Metrics::default(),
            clock: Arc::new(SystemClock),
            cancel: cancel.clone(),
        };
        let client = webhook::client(false).expect("a client");
        let task = runtime.handle().spawn(webhook::run(sender, client));
        Self { outbox, health, cancel, task, runtime }
    }

    #[track_caller]
    fn wait_for_state(&self, state: State) {
        wait_until("the sender says how it is", PATIENCE, || {
            self.health.snapshot().first().is_some_and(|part| part.state == state)
        });
    }

    fn stop(self) {
        self.cancel.cancel();
        let ended = self.runtime.block_on(self.task);
        ended.expect("the sender does not panic").expect("the sender ends because it was told to");
    }
}

#[test]
fn events_arrive_in_order_through_trouble_and_refusal() {
    let receiver = WebhookReceiver::start();
    receiver.answer_next([Answer::HangUp, Answer::Status(200), Answer::Status(404)]);
    let rig = Rig::start(&receiver.url("/hook/of-the-shift"));
    for n in 1..=4 {
        rig.outbox.push(&format!("evt_{n}"), 1, format!("{{\"n\":{n}}}").as_bytes());
    }
    let requests = receiver.wait_for(5, PATIENCE);
    wait_until("the outbox is empty", PATIENCE, || rig.outbox.is_empty());
    let ids: Vec<_> =
        requests.iter().map(|request| request.header("webhook-id").unwrap_or_default()).collect();
    assert_eq!(ids, ["evt_1", "evt_1", "evt_2", "evt_3", "evt_4"]);
    for request in &requests {
        let header = |name| request.header(name).expect("the header is there");
        let timestamp = header("webhook-timestamp").parse().expect("seconds");
        let key = SigningKey::parse(&Secret::new(SECRET)).expect("a key");
        let signature = key.sign(header("webhook-id"), timestamp, &request.body);
        assert_eq!(header("webhook-signature"), signature);
    }
    let parked = rig.outbox.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].2, "{\"n\":2}");
    rig.wait_for_state(State::Ok);
    rig.stop();
}

#[test]
fn a_silent_receiver_delays_no_other() {
    let (silent, lively) = (WebhookReceiver::start(), WebhookReceiver::start());
    silent.answer_always(Answer::Silence);
    let stuck = Rig::start(&silent.url("/"));
    let well = Rig::start(&lively.url("/"));
    for rig in [&stuck, &well] {
        for n in 0..20 {
            rig.outbox.push(&format!("evt_{n}"), 1, b"{}");
        }
    }
    silent.wait_for(1, PATIENCE);
    lively.wait_for(20, PATIENCE);
    stuck.wait_for_state(State::Degraded);
    assert!(!stuck.outbox.is_empty());
    stuck.stop();
    well.stop();
}
