//! A link under test, what it publishes from, and the peers it meets at the broker.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use onspec::{
    mqtt::{Delivery, Link, LinkError, LinkEvent, Receipt, Settings, Version, run},
    store::{Item, Outbox, Pending, StoreError},
    telemetry::{Health, Metrics, Secret, State, SystemClock},
};
use rumqttc::v5::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{Filter, Publish},
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::support::PATIENCE;

/// Waits for something with the patience of all tests.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// An outbox in memory, which tells what is done with it.
#[derive(Debug)]
pub(crate) struct FakeOutbox {
    waiting: Mutex<BTreeMap<i64, Item>>,
    changed: watch::Sender<u64>,
    told: mpsc::Sender<Told>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    HandedOut(i64),
    Done(i64),
    Parked(i64, String),
}

impl FakeOutbox {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Told>) {
        let (told, heard) = mpsc::channel(10_000);
        let outbox = Self { waiting: Mutex::default(), changed: watch::Sender::new(0), told };
        (Arc::new(outbox), heard)
    }

    pub(crate) fn put(&self, id: i64, key: &str, body: &str) {
        let item = Item { id, key: key.to_owned(), count: 1, body: body.as_bytes().to_vec() };
        self.waiting.lock().expect("nobody panics with it").insert(id, item);
        self.changed.send_modify(|n| *n += 1);
    }

    pub(crate) fn tell(&self, told: Told) {
        self.told.try_send(told).expect("there is room for all that a test does");
    }
}

impl Outbox for FakeOutbox {
    fn oldest(&self, after: i64, max_items: usize, _: usize) -> Result<Vec<Item>, StoreError> {
        let waiting = self.waiting.lock().expect("nobody panics with it");
        let items: Vec<Item> =
            waiting.values().filter(|item| item.id > after).take(max_items).cloned().collect();
        for item in &items {
            self.tell(Told::HandedOut(item.id));
        }
        Ok(items)
    }

    fn newest(&self, _: usize, _: usize) -> Result<Vec<Item>, StoreError> {
        Ok(Vec::new())
    }

    fn pending(&self) -> Result<Pending, StoreError> {
        Ok(Pending::default())
    }

    fn done(&self, ids: &[i64]) {
        for id in ids {
            self.waiting.lock().expect("nobody panics with it").remove(id);
            self.tell(Told::Done(*id));
        }
    }

    fn park(&self, id: i64, _: u32, _: &[u8], reason: &str, _: onspec::reading::Timestamp) {
        self.tell(Told::Parked(id, reason.to_owned()));
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// A link under test.
pub(crate) struct Rig {
    pub(crate) tasks: JoinSet<Result<(), LinkError>>,
    pub(crate) deliveries: mpsc::Receiver<Delivery>,
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    pub(crate) health: Health,
    pub(crate) cancel: CancellationToken,
}

/// What a test wants otherwise than usual.
pub(crate) struct Wanted {
    pub(crate) settings: Settings,
    pub(crate) outdated: Vec<String>,
    pub(crate) places: usize,
    pub(crate) outbox: Option<Arc<FakeOutbox>>,
    pub(crate) newest_verdicts: Vec<(String, Vec<u8>)>,
    pub(crate) credentials: Option<(String, Option<Secret>)>,
}

pub(crate) fn wanted(port: u16, version: Version) -> Wanted {
    Wanted {
        settings: Settings {
            name: "plant".to_owned(),
            host: "127.0.0.1".to_owned(),
            port,
            tls: None,
            websocket: None,
            version,
            client_id: "onspec-test".to_owned(),
            clean_start: false,
            session_expiry: Duration::from_secs(3600),
            credentials: None,
            keep_alive: Duration::from_secs(30),
            receive_maximum: 1000,
            max_packet_size: 16 << 20,
            silent_after: Duration::ZERO,
            subscriptions: vec![("mill/#".to_owned(), 1)],
            share: None,
            publish_prefix: None,
            sparkplug: None,
            properties: onspec::decode::Wanted::default(),
        },
        outdated: Vec::new(),
        places: 100,
        outbox: None,
        newest_verdicts: Vec::new(),
        credentials: None,
    }
}

impl Wanted {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn start(self) -> Rig {
        let (deliveries_in, deliveries) = mpsc::channel(self.places);
        let (events_in, events) = mpsc::channel(100);
        let (health, cancel) = (Health::default(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(run(Link {
            settings: self.settings,
            outdated: self.outdated,
            credentials: self.credentials,
            deliveries: deliveries_in,
            outbox: self.outbox.map(|outbox| outbox as Arc<dyn Outbox>),
            newest_verdicts: self.newest_verdicts,
            asks: None,
            link_events: events_in,
            health: health.clone(),
            metrics: Metrics::default(),
            clock: Arc::new(SystemClock),
            cancel: cancel.clone(),
        }));
        Rig { tasks, deliveries, events, health, cancel }
    }
}

impl Rig {
    pub(crate) async fn delivery(&mut self) -> Delivery {
        soon("a delivery", self.deliveries.recv()).await.expect("the link runs")
    }

    /// The payload of the next delivery, as a number, and its receipt.
    pub(crate) async fn number(&mut self) -> (u32, Receipt) {
        let delivery = self.delivery().await;
        let text = String::from_utf8_lossy(&delivery.arrival.payload).into_owned();
        let number = text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"));
        (number, delivery.receipt)
    }

    pub(crate) async fn event(&mut self) -> LinkEvent {
        soon("an event of the link", self.events.recv()).await.expect("the link runs")
    }

    /// The next event that is neither about the backlog nor about silence.
    pub(crate) async fn connection_event(&mut self) -> LinkEvent {
        loop {
            match self.event().await {
                LinkEvent::CaughtUp | LinkEvent::Silent | LinkEvent::Heard => {}
                event => return event,
            }
        }
    }

    /// Waits until the subscription stands: the retained greeting comes.
    pub(crate) async fn greeted(&mut self) {
        let delivery = self.delivery().await;
        assert_eq!((&*delivery.arrival.topic, &*delivery.arrival.broker), ("mill/hello", "plant"));
        assert!(delivery.arrival.retained);
        delivery.receipt.release();
    }

    pub(crate) fn standing(&self) -> (State, String) {
        let parts = self.health.snapshot();
        let part = parts.iter().find(|part| part.component == "mqtt/plant");
        // The link enters itself when its task runs for the first time.
        part.map_or((State::Starting, String::new()), |part| (part.state, part.reason.clone()))
    }

    /// Waits until the health is as wanted.
    pub(crate) async fn stands(&self, state: State, words: &str) {
        let what = format!("{state:?} with `{words}`");
        let asked = async {
            let mut ask = tokio::time::interval(Duration::from_millis(5));
            loop {
                ask.tick().await;
                let (is, reason) = self.standing();
                if is == state && reason.contains(words) {
                    return;
                }
            }
        };
        let asked = timeout(PATIENCE, asked).await;
        assert!(asked.is_ok(), "waited in vain for {what}, it is {:?}", self.standing());
    }

    /// Stops the link in good order.
    pub(crate) async fn stop(mut self) {
        self.cancel.cancel();
        let end = soon("the end of the link", self.tasks.join_next()).await;
        end.expect("there is one task").expect("it does not panic").expect("it ends well");
    }

    /// Ends the link as a crash of the process would.
    pub(crate) async fn crash(mut self) {
        self.tasks.shutdown().await;
    }
}

/// A client of the broker that is not under test.
pub(crate) struct Peer {
    pub(crate) client: AsyncClient,
    pub(crate) wire: EventLoop,
}

impl Peer {
    pub(crate) fn new(id: &str, port: u16) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_max_packet_size(Some(32 << 20)).set_outgoing_inflight_upper_limit(1000);
        let (client, wire) = AsyncClient::new(options, 1000);
        Self { client, wire }
    }

    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(Incoming) -> Option<T>,
    ) -> T {
        soon(what, async {
            loop {
                if let Event::Incoming(packet) = self.wire.poll().await.expect("the link holds")
                    && let Some(found) = wanted(packet)
                {
                    return found;
                }
            }
        })
        .await
    }

    /// A peer that has subscribed.
    pub(crate) async fn observer(port: u16, filter: &str) -> Self {
        let mut peer = Self::new("observer", port);
        let filter = Filter::new(filter, QoS::AtLeastOnce);
        peer.client.try_subscribe_many([filter]).expect("there is room");
        peer.until("a subscription", |p| matches!(p, Incoming::SubAck(_)).then_some(())).await;
        peer
    }

    pub(crate) async fn message(&mut self) -> Publish {
        self.until("a message", |packet| match packet {
            Incoming::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
    }

    /// The next message as topic, text and whether it was retained.
    pub(crate) async fn said(&mut self) -> (String, String, bool) {
        let message = self.message().await;
        (text(&message.topic), text(&message.payload), message.retain)
    }
}

pub(crate) fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Publishes with QoS 1 and waits until the broker has it all.
pub(crate) async fn publish_all(port: u16, topic: &str, retain: bool, payloads: Vec<Bytes>) {
    let mut peer = Peer::new("publisher", port);
    for chunk in payloads.chunks(500) {
        for payload in chunk {
            peer.client
                .try_publish(topic, QoS::AtLeastOnce, retain, payload.clone())
                .expect("there is room");
        }
        let mut answers = 0;
        peer.until("the acknowledgements", |packet| {
            answers += usize::from(matches!(packet, Incoming::PubAck(_)));
            (answers == chunk.len()).then_some(())
        })
        .await;
    }
}

pub(crate) async fn publish_numbers(port: u16, numbers: std::ops::Range<u32>) {
    publish_all(port, "mill/tm3/n", false, numbers.map(|n| Bytes::from(n.to_string())).collect())
        .await;
}

pub(crate) async fn greet(port: u16) {
    publish_all(port, "mill/hello", true, vec![Bytes::from_static(b"hello")]).await;
}

impl Rig {
    /// Takes numbers from 0, releases all but the last hundred, and lets the greeting pass.
    pub(crate) async fn greeted_or_numbers(&mut self, held: &mut Vec<Receipt>, count: u32) {
        let mut expected = 0;
        while expected < count {
            let delivery = self.delivery().await;
            if delivery.arrival.retained {
                delivery.receipt.release();
                continue;
            }
            assert_eq!(delivery.arrival.payload, expected.to_string());
            expected += 1;
            if expected <= count - 100 {
                delivery.receipt.release();
            } else {
                held.push(delivery.receipt);
            }
        }
    }
}
