//! The writer against an InfluxDB in memory, under paused time where nothing real is waited for.

use super::super::client::ClientError;
use super::super::fake::{FakeInflux, Say};
use super::*;
use crate::store::fake::FakeOutbox;
use crate::telemetry::{ManualClock, SecretSource};
use std::fmt::Write;
use tokio::task::JoinSet;

mod answers;

struct Rig {
    influx: FakeInflux,
    readings: Arc<FakeOutbox>,
    results: Arc<FakeOutbox>,
    health: Health,
    metrics: Metrics,
    cancel: CancellationToken,
    tasks: JoinSet<Result<(), WriterError>>,
}

impl Rig {
    fn new(readings: Arc<FakeOutbox>, results: Arc<FakeOutbox>) -> Self {
        Self {
            influx: FakeInflux::new(),
            readings,
            results,
            health: Health::default(),
            metrics: Metrics::default(),
            cancel: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    fn writer(&self, url: &str) -> Writer {
        Writer {
            settings: Settings {
                url: url.into(),
                org: "o".into(),
                bucket: "b".into(),
                token: SecretSource::Given(Secret::new("t")),
                timeout: Duration::from_secs(10),
                batch_lines: 5000,
            },
            token: Secret::new("t"),
            readings: Arc::<FakeOutbox>::clone(&self.readings),
            results: Arc::<FakeOutbox>::clone(&self.results),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            clock: Arc::new(ManualClock::at(5)),
            cancel: self.cancel.clone(),
        }
    }

    fn start(mut self) -> Self {
        self.tasks.spawn(serve(self.writer("http://h"), self.influx.clone()));
        self
    }

    fn health(&self) -> (State, String) {
        let part = self.health.snapshot().remove(0);
        assert_eq!(part.component, "influxdb");
        (part.state, part.reason)
    }

    async fn stop(mut self) {
        self.cancel.cancel();
        self.tasks.join_next().await.unwrap().unwrap().unwrap();
    }

    fn outcomes(&self, outcome: &'static str) -> f64 {
        self.metrics.get("onspec_influxdb_requests", &[("outcome", outcome)])
    }
}

fn lines(range: std::ops::Range<usize>) -> String {
    let mut lines = String::new();
    for n in range {
        writeln!(lines, "m v={n} {n}").unwrap();
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn everything_arrives_once_and_in_order() {
    let bodies: Vec<_> = (0..50).map(|n| lines(n * 100..n * 100 + 100)).collect();
    let readings = FakeOutbox::with(bodies.iter().map(String::as_str));
    let results = FakeOutbox::with(["b v=1 1\n", "b v=2 1\n"]);
    let rig = Rig::new(readings, results).start();
    rig.results.empty().await;
    rig.readings.empty().await;
    let stored = rig.influx.stored_lines();
    assert_eq!(stored[..2], ["b v=1 1", "b v=2 1"]);
    assert_eq!(stored[2..].join("\n") + "\n", lines(0..5000));
    // The question, the results, the readings.
    let sizes: Vec<_> = rig.influx.requests().iter().map(|write| write.lines).collect();
    assert_eq!(sizes, [0, 2, 5000]);
    assert_eq!(rig.health(), (State::Ok, String::new()));
    let count = rig.metrics.get("onspec_influxdb_lines", &[("outbox", "readings")]);
    assert!((count - 5000.0).abs() < 0.5, "{count}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn commits_wake_the_writer_and_small_ones_gather() {
    let rig = Rig::new(FakeOutbox::new(), FakeOutbox::new()).start();
    rig.readings.push("", "m v=1 1\n");
    rig.readings.empty().await;
    for n in 2..12 {
        rig.readings.push("", &format!("m v={n} {n}\n"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    rig.readings.empty().await;
    rig.results.push("", "b v=1 1\n");
    rig.results.empty().await;
    let sizes: Vec<_> = rig.influx.requests().iter().map(|write| write.lines).collect();
    assert_eq!(sizes, [0, 1, 10, 1]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pile_is_sent_newest_and_oldest_in_turns_behind_the_results() {
    let body = lines(0..5000);
    let readings = FakeOutbox::with([body.as_str(); 8]);
    let results = FakeOutbox::with(["b v=1 1\n"]);
    let rig = Rig::new(readings, results).start();
    rig.readings.empty().await;
    assert_eq!(rig.readings.done_ids(), [8, 1, 7, 2, 3, 4, 5, 6]);
    let first: Vec<_> = rig.influx.requests().into_iter().map(|write| write.first).collect();
    let results = first.iter().position(|line| line == "b v=1 1").unwrap();
    // The question first, then the results, then the pile.
    assert_eq!(results, 1, "{first:?}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_bad_line_of_5000_is_parked_with_the_servers_words() {
    let body = lines(0..5000).replacen("m v=777 777\n", "this is bad\n", 1);
    let rig = Rig::new(FakeOutbox::with([body.as_str()]), FakeOutbox::new()).start();
    rig.readings.empty().await;
    assert_eq!(rig.influx.stored_lines().len(), 4999);
    let parked = rig.readings.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].id, parked[0].count), (1, 1));
    assert_eq!(parked[0].body, "this is bad\n");
    assert!(parked[0].reason.starts_with("unable to parse it: "), "{}", parked[0].reason);
    assert_eq!(rig.health().0, State::Ok);
    let count = rig.metrics.get("onspec_influxdb_parked_lines", &[("outbox", "readings")]);
    assert!((count - 1.0).abs() < 0.5, "{count}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_of_another_type_is_found_by_halves() {
    let first = lines(0..10);
    let second = lines(10..1010).replacen("m v=444 444\n", "m v=444i 444\n", 1);
    let outbox = FakeOutbox::with([first.as_str(), second.as_str()]);
    let rig = Rig::new(outbox, FakeOutbox::new()).start();
    rig.readings.empty().await;
    let parked = rig.readings.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].id, parked[0].body.as_str()), (2, "m v=444i 444\n"));
    assert!(parked[0].reason.contains("field type conflict"), "{}", parked[0].reason);
    let mut stored = rig.influx.stored_lines();
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), 1009);
    assert!(rig.outcomes("partial") + rig.outcomes("stored") < 28.0);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_search_makes_ten_requests_a_second_and_results_go_between() {
    let body = lines(0..1000).replacen("m v=444 444\n", "m v=444i 444\n", 1);
    let rig = Rig::new(FakeOutbox::with([body.as_str()]), FakeOutbox::new()).start();
    // The question, the whole chunk, a half.
    while rig.influx.requests().len() < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = rig.influx.requests().len();
    tokio::time::sleep(Duration::from_millis(450)).await;
    let during = rig.influx.requests().len() - before;
    assert!((3..=5).contains(&during), "{during}");
    rig.results.push("", "b v=1 1\n");
    rig.results.empty().await;
    assert!(!rig.readings.done_ids().contains(&1), "the search is not over");
    rig.readings.empty().await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_days_is_no_busy_loop() {
    let rig = Rig::new(FakeOutbox::with(["m v=1 1\n"]), FakeOutbox::with(["b v=1 1\n"]));
    rig.influx.say([Say::Work]);
    rig.influx.say(vec![Say::Status(503); 100_000]);
    let rig = rig.start();
    tokio::time::sleep(Duration::from_secs(2 * 86_400)).await;
    let requests = rig.influx.requests().len();
    // Two lanes, each once in 30 s on average.
    assert!((9_000..15_000).contains(&requests), "{requests}");
    assert_eq!(rig.health().0, State::Degraded);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn readings_that_the_server_cannot_digest_do_not_hold_up_results() {
    let rig = Rig::new(FakeOutbox::with(["m v=1 1\n"]), FakeOutbox::new());
    let rig = rig.start();
    tokio::time::sleep(Duration::from_millis(1)).await;
    rig.readings.empty().await;
    rig.influx.say([Say::Nothing]);
    rig.readings.push("", "m v=2 2\n");
    tokio::time::sleep(Duration::from_millis(300)).await;
    rig.results.push("", "b v=1 1\n");
    rig.results.empty().await;
    rig.readings.empty().await;
    let first: Vec<_> = rig.influx.requests().into_iter().map(|write| write.first).collect();
    assert_eq!(first, ["", "m v=1 1", "m v=2 2", "b v=1 1", "m v=2 2"]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn on_cancel_the_request_in_flight_has_two_seconds() {
    let rig = Rig::new(FakeOutbox::with(["m v=1 1\n"]), FakeOutbox::new());
    rig.influx.say([Say::Work, Say::Nothing]);
    let rig = rig.start();
    while rig.influx.requests().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let readings = Arc::clone(&rig.readings);
    tokio::time::timeout(Duration::from_millis(2100), rig.stop()).await.unwrap();
    assert_eq!(readings.done_ids(), Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_leaves_the_writer_waiting() {
    let rig = Rig::new(FakeOutbox::new(), FakeOutbox::new()).start();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.influx.requests().len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_server_that_comes_late_gets_everything() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut rig = Rig::new(FakeOutbox::with(["m v=1 1\n"]), FakeOutbox::with(["b v=1 1\n"]));
    let writer = rig.writer(&format!("http://{address}"));
    rig.tasks.spawn(run(writer));
    while rig.outcomes("transient") < 1.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.health().0, State::Degraded);
    rig.influx.serve_at(address).await;
    rig.results.empty().await;
    rig.readings.empty().await;
    assert_eq!(rig.influx.stored_lines().len(), 2);
    rig.stop().await;
}

#[tokio::test]
async fn an_address_that_is_none_ends_it_at_once() {
    let rig = Rig::new(FakeOutbox::new(), FakeOutbox::new());
    let error = run(rig.writer("nowhere")).await.unwrap_err();
    assert!(matches!(error, WriterError::Client(ClientError::Url { .. })), "{error}");
}
