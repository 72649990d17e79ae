//! A receiver that is away for a day of the plant's time, with a restart in the middle: every format, out of a real store,
//! over real sockets.

use super::services::{event, taken, told};
use super::*;
use crate::alarm::{EventKind, Notification};
use crate::store::{Commit, Put, Store, WhenFull};
use crate::webhook::{Template, TemplateSource, standard};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::net::{TcpListener, TcpSocket};

const FORMATS: [Format; 9] = [
    Format::Standard,
    Format::Slack,
    Format::Teams,
    Format::DingTalk,
    Format::Feishu,
    Format::WeCom,
    Format::PagerDuty,
    Format::Alertmanager,
    Format::Template,
];

const ALARMS: usize = 8;
/// The machine's time of the senders.
const NOW: Timestamp = Timestamp::from_nanos(1_614_265_330_999_999_999);
/// The other end waits at most five seconds for an attempt after the first failure, ten after the second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A day of eight alarms that come every two hours, get worse and are over; the last of them stands in the end.
fn events() -> Vec<Notification> {
    let (mut all, begin) = (Vec::new(), NOW.minus(Duration::from_secs(86_400)));
    for hour in (0..24_u64).step_by(2) {
        for (minute, kind, severity) in [
            (0, EventKind::SensorUnhealthy, Severity::Warning),
            (20, EventKind::SensorUnhealthy, Severity::Critical),
            (40, EventKind::SensorRecovered, Severity::Info),
        ] {
            for alarm in 0..ALARMS {
                if (hour, minute, alarm) == (22, 40, ALARMS - 1) {
                    continue;
                }
                let at = begin.plus(Duration::from_secs(hour * 3600 + minute * 60));
                let occurrence = u32::try_from(hour / 2 + 1).unwrap();
                let event = event(all.len(), &format!("QI-{alarm}"), kind);
                all.push(Notification { at, severity, occurrence, ..event });
            }
        }
    }
    all
}

/// What came to the receiver and was taken, and how often it said that it takes nothing.
#[derive(Debug, Default)]
struct Heard {
    takes: bool,
    refused: usize,
    taken: Vec<(HeaderMap, String)>,
}

type Shelf = Arc<(Format, Mutex<Heard>)>;

async fn hear(Shared(shelf): Shared<Shelf>, headers: HeaderMap, body: String) -> Response {
    let (format, heard) = &*shelf;
    let mut heard = heard.lock().unwrap();
    if heard.takes {
        heard.taken.push((headers, body));
        taken(*format).into_response()
    } else {
        heard.refused += 1;
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

fn serve_on(listener: TcpListener, shelf: &Shelf) {
    let router = Router::new().fallback(hear).with_state(Arc::clone(shelf));
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
}

fn commit(store: &mut Store, events: &[Notification]) {
    let bodies: Vec<String> = events
        .iter()
        .map(|event| standard(event, None, &crate::webhook::Audience::default()))
        .collect();
    let puts: Vec<Put<'_>> = events
        .iter()
        .zip(&bodies)
        .map(|(event, body)| Put {
            outbox: "webhook/shift",
            key: &event.id,
            replace: false,
            count: 1,
            body: body.as_bytes(),
        })
        .collect();
    store.commit(&Commit { puts: &puts, ..Commit::default() }).unwrap();
}

/// A sender of this store, as a start makes it.
fn start(format: Format, store: &Store, url: &str) -> Rig {
    let mut rig = Rig::of(format);
    let secret = (format == Format::PagerDuty).then_some("0123456789abcdef0123456789abcdef");
    let mut sender = rig.sender(url, secret);
    sender.outbox = store.outbox("webhook/shift").unwrap();
    sender.settings.template = (format == Format::Template).then(|| Template {
        source: TemplateSource::Text(r#"{ "id": {{ data.id }} }"#.into()),
        content_type: "application/json".into(),
    });
    rig.tasks.spawn(run(sender, client(false).unwrap()));
    rig
}

/// Looks again every few milliseconds of real time.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

/// What a receiver took, of a day of which it heard nothing.
async fn a_day(format: Format, events: Vec<Notification>) -> (Format, Vec<(HeaderMap, String)>) {
    let directory = tempfile::tempdir().unwrap();
    let settings = crate::store::Settings {
        path: Some(directory.path().join("onspec.db")),
        max_size_bytes: 64 << 20,
        when_full: WhenFull::Block,
    };
    // A socket that is bound and does not listen refuses connections, and nobody else gets its port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let shelf = Arc::new((format, Mutex::default()));
    let heard = || shelf.1.lock().unwrap();
    let (morning, evening) = events.split_at(events.len() / 2);

    let mut store = Store::open(&settings).unwrap();
    let rig = start(format, &store, &url);
    for hour in morning.chunks(12) {
        commit(&mut store, hour);
    }
    until("a connection is refused", || rig.outcomes("retry") >= 1.0).await;
    assert_eq!(rig.health().0, State::Degraded);
    rig.stop().await;
    drop(store);

    let mut store = Store::open(&settings).unwrap();
    serve_on(socket.listen(64).unwrap(), &shelf);
    let rig = start(format, &store, &url);
    for hour in evening.chunks(12) {
        commit(&mut store, hour);
    }
    until("it says that it takes nothing", || heard().refused >= 1).await;
    assert_eq!(store.pending()[0].1.items, events.len() as u64, "nothing went yet");
    heard().takes = true;
    until("all is delivered", || {
        store.settle().unwrap();
        store.pending()[0].1.items == 0
    })
    .await;
    assert_eq!(rig.health(), (State::Ok, String::new()));
    rig.stop().await;
    assert!(store.parked().is_empty(), "{format:?}");
    let taken = std::mem::take(&mut heard().taken);
    (format, taken)
}

/// The newest event of each alarm, by its name.
fn newest(events: &[Notification]) -> BTreeMap<&str, &Notification> {
    events.iter().map(|event| (&*event.alarm, event)).collect()
}

/// Whether what came tells of all events, each once, in the order of their alarms.
fn check(format: Format, taken: &[(HeaderMap, String)], events: &[Notification]) {
    let ids: Vec<&str> = events.iter().map(|event| &*event.id).collect();
    let bodies: Vec<Value> =
        taken.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    match format {
        Format::Standard => {
            let heard: Vec<&str> =
                taken.iter().map(|(headers, _)| headers["webhook-id"].to_str().unwrap()).collect();
            assert_eq!(heard, ids);
            let inside: Vec<&str> =
                bodies.iter().map(|body| body["data"]["id"].as_str().unwrap()).collect();
            assert_eq!(inside, ids);
        }
        Format::Template => {
            let heard: Vec<&str> = bodies.iter().map(|body| body["id"].as_str().unwrap()).collect();
            assert_eq!(heard, ids);
        }
        Format::PagerDuty => {
            let heard: Vec<(&str, &str)> = bodies
                .iter()
                .map(|body| {
                    let event = body["payload"]["custom_details"]["event"].as_str();
                    (body["dedup_key"].as_str().unwrap(), event.unwrap_or("over"))
                })
                .collect();
            let keys: Vec<String> = events
                .iter()
                .map(|event| format!("onspec/mill/{}/{}", event.alarm, event.occurrence))
                .collect();
            let over = |event: &Notification| event.kind == EventKind::SensorRecovered;
            let id = |event| if over(event) { "over" } else { &*event.id };
            let expected: Vec<(&str, &str)> =
                keys.iter().map(String::as_str).zip(events.iter().map(id)).collect();
            assert_eq!(heard, expected);
        }
        Format::Alertmanager => {
            // Of each alarm and severity what was said of it last.
            let mut last: BTreeMap<(&str, &str), &str> = BTreeMap::new();
            for alert in bodies.iter().flat_map(|body| body.as_array().unwrap()) {
                let label = |name: &str| alert["labels"][name].as_str().unwrap();
                let ends = alert["endsAt"].as_str().unwrap();
                last.insert((label("alarm"), label("severity")), ends);
            }
            let now = NOW.to_rfc3339();
            let stands: Vec<_> = last.iter().filter(|(_, ends)| ***ends != *now).collect();
            let expected = (format!("tm3/sensor/QI-{}", ALARMS - 1), "critical");
            assert_eq!(stands.len(), 1, "{stands:?}");
            assert_eq!(*stands[0].0, (&*expected.0, expected.1));
            let alarms: BTreeSet<&str> = last.keys().map(|(alarm, _)| *alarm).collect();
            assert_eq!(alarms.len(), ALARMS, "every one is told");
        }
        Format::Slack | Format::Teams | Format::DingTalk | Format::Feishu | Format::WeCom => {
            let heard: usize = taken.iter().map(|(_, body)| told(body)).sum();
            assert_eq!(heard, events.len(), "{format:?}: each is counted once");
            let last = &taken.last().unwrap().1;
            for (alarm, event) in newest(events) {
                let title = &*event.title;
                assert!(last.contains(title), "{format:?}: {alarm} is {title} now: {last}");
            }
        }
    }
}

#[tokio::test]
async fn after_a_day_each_event_is_told_once_in_order_by_every_format_whatever_restarts() {
    let events = events();
    assert_eq!(events.len(), 12 * 3 * ALARMS - 1);
    let mut days = JoinSet::new();
    for format in FORMATS {
        days.spawn(a_day(format, events.clone()));
    }
    let mut checked = 0;
    while let Some(day) = days.join_next().await {
        let (format, taken) = day.unwrap();
        check(format, &taken, &events);
        checked += 1;
    }
    assert_eq!(checked, FORMATS.len());
}
