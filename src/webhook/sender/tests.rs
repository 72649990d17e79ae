//! The sender against receivers that answer by a script: without sockets under paused time, and
//! over sockets for what only they can show.

use super::super::Format;
use super::super::reach::Resolver;
use super::super::signature::SigningKey;
use super::*;
use crate::alarm::Severity;
use crate::store::fake::FakeOutbox;
use crate::telemetry::{ManualClock, SecretSource};
use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

mod day;
mod services;

/// A receiver without a socket.
#[derive(Debug, Clone, Default)]
struct Scripted {
    script: Arc<Mutex<VecDeque<Option<Answer>>>>,
    got: Arc<Mutex<Vec<Envelope>>>,
    /// The body of the answer once the script is over.
    otherwise: &'static str,
}

impl Scripted {
    fn say(&self, answers: impl IntoIterator<Item = Option<Answer>>) {
        self.script.lock().unwrap().extend(answers);
    }

    fn ids(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|envelope| envelope.id.clone()).collect()
    }
}

impl Post for Scripted {
    async fn post(&self, envelope: Envelope) -> Result<Answer, String> {
        self.got.lock().unwrap().push(envelope);
        let next = self.script.lock().unwrap().pop_front();
        match next {
            None => Ok(Answer { text: self.otherwise.into(), ..answer(200) }),
            Some(Some(answer)) if answer.status == 0 => Err("connection refused".into()),
            Some(Some(answer)) => Ok(answer),
            Some(None) => std::future::pending().await,
        }
    }
}

/// A plant's clock that is eight hours ahead of its machine's.
#[derive(Debug)]
struct Ahead(ManualClock);

impl Clock for Ahead {
    fn now_nanos(&self) -> i64 {
        self.0.now_nanos() + 28_800_000_000_000
    }

    fn machine_nanos(&self) -> i64 {
        self.0.now_nanos()
    }
}

fn answer(status: u16) -> Answer {
    Answer { status, ..Answer::default() }
}

struct Rig {
    format: Format,
    outbox: Arc<FakeOutbox>,
    health: Health,
    metrics: Metrics,
    cancel: CancellationToken,
    tasks: JoinSet<Result<(), SenderError>>,
}

impl Rig {
    fn new() -> Self {
        Self::of(Format::Standard)
    }

    fn of(format: Format) -> Self {
        Self {
            format,
            outbox: FakeOutbox::new(),
            health: Health::default(),
            metrics: Metrics::default(),
            cancel: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    fn sender(&self, url: &str, secret: Option<&str>) -> Sender {
        // Another test of this process may have done it before.
        drop(rustls::crypto::ring::default_provider().install_default());
        Sender {
            settings: Settings {
                name: "shift".into(),
                url: SecretSource::Given(Secret::new(url)),
                format: self.format,
                template: None,
                secret: None,
                audience: crate::webhook::Audience::default(),
                severity: Severity::Info,
                lines: vec![],
                route: crate::webhook::Route::default(),
                private: false,
                timeout: Duration::from_secs(15),
            },
            url: Secret::new(url),
            secret: secret.map(Secret::new),
            standing: vec![],
            outbox: Arc::<FakeOutbox>::clone(&self.outbox),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            clock: Arc::new(Ahead(ManualClock::at(1_614_265_330_999_999_999))),
            cancel: self.cancel.clone(),
        }
    }

    fn scripted(mut self, post: &Scripted) -> Self {
        let sender = self.sender("http://h", Some(SECRET));
        self.tasks.spawn(serve(sender, post.clone()));
        self
    }

    fn health(&self) -> (State, String) {
        let part = self.health.snapshot().remove(0);
        assert_eq!(part.component, "webhook/shift");
        (part.state, part.reason)
    }

    fn outcomes(&self, outcome: &'static str) -> f64 {
        let labels = [("outcome", outcome), ("receiver", "shift")];
        self.metrics.get("onspec_webhook_deliveries", &labels)
    }

    async fn stop(mut self) {
        self.cancel.cancel();
        self.tasks.join_next().await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_signed_and_sent_in_order() {
    let (rig, post) = (Rig::new(), Scripted::default());
    rig.outbox.push("msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}");
    let rig = rig.scripted(&post);
    rig.outbox.empty().await;
    rig.outbox.push("evt_2", "{}");
    rig.outbox.push("evt_3", "{}");
    rig.outbox.empty().await;
    assert_eq!(post.ids(), ["msg_p5jXN8AQM9LWM0D4loKWxJek", "evt_2", "evt_3"]);
    let first = post.got.lock().unwrap()[0].clone();
    assert_eq!(first.header("webhook-timestamp"), Some("1614265330"));
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(first.header("webhook-signature"), Some(signature));
    assert_eq!((first.content_type.as_str(), first.query.len()), ("application/json", 0));
    assert_eq!(rig.health(), (State::Ok, String::new()));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trouble_is_waited_out_and_order_is_kept() {
    for (say, reason) in [
        (Some(answer(500)), "the receiver answered 500"),
        (Some(answer(429)), "the receiver answered 429"),
        (Some(answer(408)), "the receiver answered 408"),
        (Some(answer(0)), "connection refused"),
        (None, "no answer within 15s"),
        (
            Some(answer(302)),
            "the receiver answered 302 and redirects are not followed: correct the address",
        ),
    ] {
        let (rig, post) = (Rig::new(), Scripted::default());
        post.say(vec![say.clone(); 6]);
        let rig = rig.scripted(&post);
        rig.outbox.push("evt_1", "{}");
        rig.outbox.push("evt_2", "{}");
        while rig.outcomes("retry") < 1.0 {
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(rig.health(), (State::Degraded, reason.to_owned()));
        // Ceilings of 5, 10, 20, 40, 80 and 160 s, and 15 s for each silence.
        timeout(Duration::from_secs(315 + 6 * 15), rig.outbox.empty()).await.unwrap();
        let mut expected = vec!["evt_1"; 7];
        expected.push("evt_2");
        assert_eq!(post.ids(), expected, "{say:?}");
        assert_eq!(rig.health().0, State::Ok);
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_is_asked_no_sooner_than_it_wants() {
    let (rig, post) = (Rig::new(), Scripted::default());
    post.say([Some(Answer { retry_after: Some("1800".into()), ..answer(503) })]);
    let rig = rig.scripted(&post);
    rig.outbox.push("evt_1", "{}");
    sleep(Duration::from_secs(1799)).await;
    assert_eq!(post.ids().len(), 1);
    timeout(Duration::from_secs(2), rig.outbox.empty()).await.unwrap();
    assert_eq!(post.ids().len(), 2);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_day_without_an_answer_loses_nothing_and_is_no_busy_loop() {
    let (rig, post) = (Rig::new(), Scripted::default());
    post.say(vec![Some(answer(503)); 576]);
    let rig = rig.scripted(&post);
    for n in 0..5 {
        rig.outbox.push(&format!("evt_{n}"), "{}");
    }
    sleep(Duration::from_secs(60_000)).await;
    let attempts = post.ids().len();
    // Every 150 s on average.
    assert!((250..600).contains(&attempts), "{attempts}");
    rig.outbox.empty().await;
    assert_eq!(post.ids()[576..], ["evt_0", "evt_1", "evt_2", "evt_3", "evt_4"]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_kept_apart() {
    let (rig, post) = (Rig::new(), Scripted::default());
    post.say([Some(Answer { text: "no_service".into(), ..answer(404) })]);
    rig.outbox.push("evt_1", "{\"a\":1}");
    let rig = rig.scripted(&post);
    rig.outbox.empty().await;
    let parked = rig.outbox.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].id, parked[0].count, &*parked[0].body), (1, 1, "{\"a\":1}"));
    assert_eq!(parked[0].reason, "the receiver answered 404: no_service");
    assert_eq!(rig.health().0, State::Degraded);
    rig.outbox.push("evt_2", "{}");
    rig.outbox.empty().await;
    assert_eq!(rig.health().0, State::Ok);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_given_up_and_its_events_stay() {
    let (rig, post) = (Rig::new(), Scripted::default());
    post.say([Some(answer(410))]);
    rig.outbox.push("evt_1", "{}");
    let rig = rig.scripted(&post);
    sleep(Duration::from_secs(86_400)).await;
    rig.outbox.push("evt_2", "{}");
    sleep(Duration::from_secs(86_400)).await;
    assert_eq!(post.ids(), ["evt_1"]);
    assert_eq!(rig.health(), (State::Failed, "the receiver answered 410".to_owned()));
    assert_eq!(rig.outbox.done_ids(), Vec::<i64>::new());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn on_cancel_the_attempt_in_flight_has_two_seconds() {
    let (rig, post) = (Rig::new(), Scripted::default());
    post.say([None]);
    rig.outbox.push("evt_1", "{}");
    let rig = rig.scripted(&post);
    sleep(Duration::from_secs(1)).await;
    let outbox = Arc::clone(&rig.outbox);
    timeout(Duration::from_millis(2100), rig.stop()).await.unwrap();
    assert_eq!(outbox.done_ids(), Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn an_address_or_secret_that_is_none_is_said_and_nothing_is_lost() {
    for (url, secret, reason) in [
        ("hooks.example/T/B", None, "its address is no URL"),
        ("ftp://hooks.example/T/B", None, "its address is neither http nor https"),
        (
            "https://hooks.example/T/B",
            Some("pass phrase"),
            "the webhook secret is no base64, want `whsec_` and base64 of 24 to 64 random bytes",
        ),
    ] {
        let mut rig = Rig::new();
        rig.outbox.push("evt_1", "{}");
        let sender = rig.sender(url, secret);
        rig.tasks.spawn(run(sender, client(false).unwrap()));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(rig.health(), (State::Failed, reason.to_owned()));
        assert_eq!(rig.outbox.done_ids(), Vec::<i64>::new());
        rig.stop().await;
    }
}

type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// Answers by the last segment of the path, and quotes the path as many servers do.
async fn receive(Shared(seen): Shared<Seen>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    seen.lock().unwrap().push((path.clone(), request.headers().clone()));
    let status = path.rsplit('/').next().and_then(|last| last.parse().ok()).unwrap_or(204);
    let status = StatusCode::from_u16(status).unwrap();
    let to = request.uri().query().and_then(|query| query.strip_prefix("to="));
    let to = to.unwrap_or("/services/redirected").to_owned();
    let headers = [("location", to), ("retry-after", "0".to_owned())];
    (status, headers, format!("Cannot POST {path}")).into_response()
}

async fn listen() -> (String, Seen) {
    let seen = Seen::default();
    let router = Router::new().fallback(receive).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    (url, seen)
}

#[tokio::test]
async fn headers_are_those_of_the_specification() {
    let (url, seen) = listen().await;
    let mut rig = Rig::new();
    rig.outbox.push("evt_1", "{}");
    let sender = rig.sender(&format!("{url}/services/key?token=secret"), Some(SECRET));
    rig.tasks.spawn(run(sender, client(false).unwrap()));
    rig.outbox.empty().await;
    let (path, headers) = seen.lock().unwrap()[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(path, "/services/key");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("webhook-id"), "evt_1");
    assert_eq!(header("webhook-timestamp"), "1614265330");
    let key = SigningKey::parse(&Secret::new(SECRET)).unwrap();
    assert_eq!(header("webhook-signature"), key.sign("evt_1", 1_614_265_330, b"{}"));
    assert_eq!(header("user-agent"), concat!("onspec/", env!("CARGO_PKG_VERSION")));
    rig.stop().await;
}

#[tokio::test]
async fn redirects_are_followed_neither_to_the_same_host_nor_to_another() {
    let (elsewhere, heard) = listen().await;
    for location in ["/services/redirected".to_owned(), format!("{elsewhere}/services/taken")] {
        let (url, seen) = listen().await;
        for status in [301, 302, 303, 307, 308] {
            let mut rig = Rig::new();
            rig.outbox.push("evt_1", "{}");
            let sender = rig.sender(&format!("{url}/services/{status}?to={location}"), None);
            rig.tasks.spawn(run(sender, client(false).unwrap()));
            while rig.outcomes("retry") + rig.outcomes("delivered") + rig.outcomes("refused") < 1.0
            {
                tokio::task::yield_now().await;
            }
            let reason = format!(
                "the receiver answered {status} and redirects are not followed: correct the address: Cannot POST …"
            );
            assert_eq!(rig.health(), (State::Degraded, reason));
            assert_eq!(rig.outbox.done_ids(), Vec::<i64>::new());
            rig.stop().await;
        }
        assert!(seen.lock().unwrap().iter().all(|(path, _)| !path.ends_with("redirected")));
        assert!(!seen.lock().unwrap()[0].1.contains_key("webhook-signature"));
    }
    assert!(heard.lock().unwrap().is_empty());
}

/// A DNS that knows one answer to everything, and counts how often it is asked.
fn dns(
    answer: &'static str,
    asked: &Arc<AtomicUsize>,
) -> impl Fn(&str) -> std::io::Result<Vec<SocketAddr>> + Clone + Send + Sync + 'static {
    let asked = Arc::clone(asked);
    move |_| {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(vec![SocketAddr::new(answer.parse().unwrap(), 0)])
    }
}

#[tokio::test]
async fn a_name_that_leads_into_the_plant_is_connected_to_only_where_that_is_meant() {
    let (url, seen) = listen().await;
    let port = Url::parse(&url).unwrap().port().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    for (host, private, reached) in [
        ("hooks.example.com", false, false),
        ("hooks.example.com", true, true),
        ("mes.mill.lan", false, true),
        ("receiver", false, true),
    ] {
        let mut rig = Rig::new();
        rig.outbox.push("evt_1", "{}");
        let mut sender = rig.sender(&format!("http://{host}:{port}/services/T0K3N-OF-MINE"), None);
        sender.settings.private = private;
        let resolver = Resolver::new(dns("127.0.0.1", &asked), private);
        rig.tasks.spawn(run(sender, client_with(Arc::new(resolver)).unwrap()));
        while rig.outcomes("retry") + rig.outcomes("delivered") < 1.0 {
            tokio::task::yield_now().await;
        }
        let (state, reason) = rig.health();
        assert_eq!(
            seen.lock().unwrap().drain(..).count(),
            usize::from(reached),
            "{host} {private}"
        );
        assert_eq!(state, if reached { State::Ok } else { State::Degraded }, "{host}: {reason}");
        if !reached {
            assert!(
                reason.contains("this machine (RFC 1122, RFC 4291): write `private = true` in"),
                "{reason}"
            );
            assert!(
                !reason.contains("T0K3N") && !reason.contains("127.0") && !reason.contains(host),
                "{reason}"
            );
            assert_eq!(
                rig.outbox.done_ids(),
                Vec::<i64>::new(),
                "it waits: the DNS may say better"
            );
        }
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_dns_is_asked_again_at_each_attempt() {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut rig = Rig::new();
    rig.outbox.push("evt_1", "{}");
    let sender = rig.sender("https://hooks.example.com/", None);
    let resolver = Resolver::new(dns("10.1.2.3", &asked), false);
    rig.tasks.spawn(run(sender, client_with(Arc::new(resolver)).unwrap()));
    while asked.load(Ordering::SeqCst) < 5 {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(rig.outcomes("retry") >= 4.0);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn link_local_digits_are_refused_at_the_start_unless_they_are_meant() {
    let url = "http://169.254.169.254/latest";
    let mut rig = Rig::new();
    let sender = rig.sender(url, None);
    rig.tasks.spawn(run(sender, client(false).unwrap()));
    sleep(Duration::from_secs(1)).await;
    let (state, reason) = rig.health();
    assert_eq!(state, State::Failed);
    assert!(reason.contains("link-local") && reason.contains("`private = true`"), "{reason}");
    rig.stop().await;
    assert!(address(&Secret::new(url), true).is_ok());
}

#[tokio::test]
async fn the_address_is_in_no_reason_and_no_error() {
    let (url, _seen) = listen().await;
    let mut rig = Rig::new();
    rig.outbox.push("evt_1", "{}");
    let sender = rig.sender(&format!("{url}/services/T0K3N-OF-MINE/404"), None);
    assert!(!format!("{sender:?}").contains("T0K3N"));
    rig.tasks.spawn(run(sender, client(false).unwrap()));
    rig.outbox.empty().await;
    assert_eq!(rig.outbox.parked()[0].reason, "the receiver answered 404: Cannot POST …");
    rig.stop().await;

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/T0K3N-OF-MINE", free.local_addr().unwrap());
    drop(free);
    let mut rig = Rig::new();
    rig.outbox.push("evt_1", "{}");
    let sender = rig.sender(&url, None);
    rig.tasks.spawn(run(sender, client(false).unwrap()));
    while rig.outcomes("retry") < 1.0 {
        tokio::task::yield_now().await;
    }
    let (state, reason) = rig.health();
    assert_eq!(state, State::Degraded);
    assert!(reason.to_lowercase().contains("connection refused"), "{reason}");
    assert!(!reason.contains("T0K3N") && !reason.contains("127.0.0.1"), "{reason}");
    rig.stop().await;
}
