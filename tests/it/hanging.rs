//! Receivers that hang, refuse or take nothing, and how much later others hear because of them: out of one real store, over
//! real sockets. `tests/hanging` prints the figures.

#![allow(
    clippy::disallowed_methods,
    reason = "it is measured in real time, and how long is given by hand"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use onspec::alarm::Severity;
use onspec::store::{Commit, Put, Store, WhenFull};
use onspec::telemetry::{Health, Metrics, Secret, SecretSource, State, SystemClock};
use onspec::webhook::{self, Format, Route, Sender, Settings};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, PATIENCE, WebhookReceiver};

/// Nobody waits for a receiver that hangs as long as this while a test runs.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What came of a run.
struct Run {
    /// How long each event took from before its commit until the receiver that is well had it, ascending.
    delays: Vec<Duration>,
    /// The requests that came to each of the others.
    others: Vec<usize>,
    /// How each of the others was in the end.
    states: Vec<State>,
    /// Events that were parked.
    parked: u64,
}

fn settings(name: &str, url: &str) -> Settings {
    Settings {
        name: name.into(),
        url: SecretSource::Given(Secret::new(url)),
        format: Format::Standard,
        template: None,
        secret: None,
        audience: onspec::webhook::Audience::default(),
        severity: Severity::Info,
        lines: vec![],
        route: Route::default(),
        private: false,
        timeout: TIMEOUT,
    }
}

/// Tells one receiver that is well so many events, one after another, and others that answer like this the same ones.
fn run(others: &[Answer], events: usize) -> Run {
    // Another test of this process may have done it before.
    drop(rustls::crypto::ring::default_provider().install_default());
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let mut store = Store::open(&onspec::store::Settings {
        path: Some(directory.path().join("onspec.db")),
        max_size_bytes: 1 << 30,
        when_full: WhenFull::Block,
    })
    .expect("a store");
    let (runtime, cancel) = (Runtime::new().expect("a runtime"), CancellationToken::new());
    let health = Health::default();
    let receivers: Vec<WebhookReceiver> =
        (0..=others.len()).map(|_| WebhookReceiver::start()).collect();
    for (receiver, answer) in receivers[1..].iter().zip(others) {
        receiver.answer_always(answer.clone());
    }
    let names: Vec<String> = (0..receivers.len()).map(|n| format!("r{n}")).collect();
    let outboxes: Vec<String> = names.iter().map(|name| webhook::outbox_name(name)).collect();
    let mut tasks = Vec::new();
    for ((name, outbox), receiver) in names.iter().zip(&outboxes).zip(&receivers) {
        let settings = settings(name, &receiver.url("/hook"));
        let sender = Sender {
            url: Secret::new(receiver.url("/hook")),
            settings,
            secret: None,
            standing: vec![],
            outbox: store.outbox(outbox).expect("an outbox"),
            health: health.clone(),
            metrics: Metrics::default(),
            clock: Arc::new(SystemClock),
            cancel: cancel.clone(),
        };
        let client = webhook::client(false).expect("a client");
        tasks.push(runtime.handle().spawn(webhook::run(sender, client)));
    }
    let body = format!(r#"{{"type":"sensor.unhealthy","data":{{"text":"{}"}}}}"#, "x".repeat(900));
    let mut delays = Vec::new();
    for n in 0..events {
        let key = format!("evt_{n}");
        let put =
            |outbox| Put { outbox, key: &key, replace: false, count: 1, body: body.as_bytes() };
        let puts: Vec<Put<'_>> = outboxes.iter().map(|outbox| put(outbox)).collect();
        let begin = Instant::now();
        store.commit(&Commit { puts: &puts, ..Commit::default() }).expect("it is committed");
        let heard = receivers[0].wait_for(n + 1, PATIENCE);
        delays.push(heard[n].at.duration_since(begin));
    }
    let state = |outbox: &String| {
        let parts = health.snapshot();
        parts
            .iter()
            .find(|part| part.component == *outbox)
            .map_or(State::Starting, |part| part.state)
    };
    let states = outboxes[1..].iter().map(state).collect();
    store.settle().expect("what senders said is written");
    let came = Run {
        delays: {
            delays.sort_unstable();
            delays
        },
        others: receivers[1..].iter().map(|receiver| receiver.received().len()).collect(),
        states,
        parked: store.parked().values().sum(),
    };
    cancel.cancel();
    for task in tasks {
        let ended = runtime.block_on(task).expect("the sender does not panic");
        ended.expect("the sender ends because it was told to");
    }
    came
}

fn others() -> Vec<Answer> {
    vec![Answer::Silence, Answer::Status(404), Answer::Status(503), Answer::HangUp]
}

#[test]
fn who_hangs_refuses_or_takes_nothing_keeps_no_other_waiting() {
    let given = std::env::var("ONSPEC_HANGING_EVENTS").ok();
    let events = given.as_ref().map_or(40, |text| text.parse().expect("a whole number"));
    let alone = run(&[], events);
    let beside = run(&others(), events);
    // All had arrived before the first attempt at the one that hangs came to its end.
    assert_eq!(beside.delays.len(), events);
    assert_eq!((beside.others[0], beside.states[0]), (1, State::Ok), "it was asked, and hangs");
    assert!(beside.others[2] >= 1 && beside.others[3] >= 1, "{:?}", beside.others);
    assert_eq!(&beside.states[2..], [State::Degraded; 2]);
    assert!(beside.parked >= 1, "what is refused is parked meanwhile");
    let ms = |run: &Run, share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place among some hundred"
        )]
        let place = ((run.delays.len() - 1) as f64 * share) as usize;
        run.delays[place].as_secs_f64() * 1e3
    };
    println!("delay of {events} events, from before the commit until the receiver has it, ms:");
    println!("                                            median      99 %   longest");
    for (words, run) in [("alone", &alone), ("beside one that hangs, 404, 503, hangs up", &beside)]
    {
        println!("{words:<42} {:>8.2} {:>9.2} {:>9.2}", ms(run, 0.5), ms(run, 0.99), ms(run, 1.0));
    }
    let later = ms(&beside, 0.5) - ms(&alone, 0.5);
    println!("later at the median by {later:.2} ms; {} parked meanwhile", beside.parked);
    assert!(given.is_none() || later < 100.0, "100 ms are promised");
}
