//! Sends a machine's messages to a broker, at a pace. [shell]
//!
//! One task owns the event loop and does nothing but poll it: a poll that is dropped half-way loses
//! what it was sending. The caller's task steps the machine and hands messages over a bounded channel,
//! so a slow broker slows the machine down. At the end every message has its acknowledgement.

use super::machine::{Machine, Published};
use crate::decode::sparkplug::Command;
use crate::telemetry::Secret;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, Subscribe,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Request};
use rumqttc::{Outgoing, TlsConfiguration, Transport};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Messages that wait for the event loop, and messages that wait for the broker.
const WAITING_MAX: usize = 100;
const IN_FLIGHT_MAX: u16 = 100;
/// The interval of pings.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The slowest pace, simulated seconds in a real one; a nonsensical one is taken as this.
const RATE_MIN: f64 = 0.001;
/// How often a paced machine is moved on: finer than people see, coarser than timers are exact.
const TICK: Duration = Duration::from_millis(50);
/// How far the machine may be ahead of the daemon, in simulated time.
const AHEAD_MAX: Duration = Duration::from_secs(20);
/// Attempts to connect, and the pause between them, before a broker counts as out of reach.
const ATTEMPTS: u32 = 20;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);
/// How long the broker keeps the session of a broken connection, in s.
const SESSION_S: u32 = 300;
/// How long a cancelled publisher waits for the connection to close.
const CLOSING: Duration = Duration::from_secs(5);

/// Where to publish.
#[derive(Debug, Clone)]
pub struct PublishTarget {
    /// Host name or address.
    pub host: String,
    /// Port; MQTT 5.
    pub port: u16,
    /// TLS, if the broker wants it.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The Unix socket from which something leads to the broker, where that is not reached by itself.
    pub via: Option<String>,
    /// User name and password.
    pub credentials: Option<(String, Secret)>,
}

/// How fast the machine runs once its learning batches are made; those are made at full speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as the broker takes it.
    Full,
    /// So many simulated seconds in a real one; at least one in a thousand, and finite.
    PerSecond(f64),
}

/// Holds the machine back: never more than 20 simulated seconds ahead of what the daemon has
/// committed, as event time in ms.
#[derive(Debug, Clone)]
pub struct Gate(pub watch::Receiver<i64>);

/// What was published.
#[derive(Debug)]
pub struct PublishSummary {
    /// Messages that the broker has acknowledged: all that were sent, unless it was cancelled.
    pub acknowledged: u64,
    /// Messages handed to the connection.
    pub published: u64,
    /// True if all batches with their laboratory results are out.
    pub finished: bool,
    /// The machine, for its truth.
    pub machine: Machine,
}

/// Why publishing stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No connection.
    #[error("no connection to the broker at `{host}:{port}` after {attempts} attempts")]
    Unreachable {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        #[source]
        source: Box<ConnectionError>,
    },
    /// The broker refuses us.
    #[error("the broker at `{host}:{port}` refuses the connection: {reason}")]
    Refused {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// What it answered.
        reason: String,
    },
    /// The broker does not take a message.
    #[error("the broker refuses a message: {reason}; allow the machine to publish to `mill/#`")]
    MessageRefused {
        /// What it answered.
        reason: String,
    },
    /// The broker forgot the session, and with it messages that were on their way.
    #[error("the broker forgot the session after a broken connection: messages may be lost")]
    SessionLost,
    /// The daemon that held the machine back is gone.
    #[error("the daemon that the machine waits for has stopped")]
    GateClosed,
}

/// Publishes all that a machine says with QoS 1, and waits for the last acknowledgement. What
/// Sparkplug B wants with QoS 0 goes so, and its session is a clean one.
///
/// A broken connection is taken up again, with what was on its way; an edge node is born again. When `cancel` is called it stops
/// at the next message and gives what was done so far.
///
/// # Errors
/// When the broker cannot be reached, refuses, or has lost the session; when the gate's other side is
/// gone.
pub async fn publish(
    mut machine: Machine,
    target: PublishTarget,
    pace: Pace,
    gate: Option<Gate>,
    cancel: CancellationToken,
) -> Result<PublishSummary, PublishError> {
    let (client, eventloop) = AsyncClient::new(options(&mut machine, &target), WAITING_MAX);
    let (acknowledged, mut receipts) = watch::channel(0_u64);
    let (asked, asks) = watch::channel(Asked::default());
    // Of the connections to come: each has the death of its own number.
    let mut node = machine.clone();
    let connection_of = Connection { target, acknowledged, asked, commands: machine.commands() };
    let mut connection = JoinSet::new();
    let polling = connection_of.poll(eventloop, cancel.clone(), move || {
        node.reconnect();
        will(&mut node)
    });
    connection.spawn(polling);

    let mut feed = Feed { client, machine, gate, asks, acted: Asked::default(), published: 0 };
    // `join_next` can be dropped at any time; the feed is dropped only when there is no connection
    // left to feed.
    let finished = tokio::select! {
        ended = connection.join_next() => {
            outcome(ended)?;
            false
        }
        ran = feed.run(pace, &cancel) => ran?,
    };
    if finished {
        let published = feed.published;
        // Both can be dropped at any time. A connection that ends drops the sender, which ends the
        // wait; why it ended is told below.
        tokio::select! {
            _ = receipts.wait_for(|acknowledged| *acknowledged >= published) => {}
            () = cancel.cancelled() => {}
        }
    }
    let death = feed.machine.death();
    let close = async {
        if let Some(Published { topic, payload, .. }) = death {
            // Gone without a connection, the broker has said it.
            drop(feed.client.publish_bytes(&*topic, QoS::AtMostOnce, false, payload).await);
        }
        // An error means that the connection is already gone.
        drop(feed.client.disconnect().await);
        connection.join_next().await
    };
    // What does not close in time is closed by dropping it.
    if let Ok(ended) = timeout(CLOSING, close).await {
        outcome(ended)?;
    }
    let acknowledged = *receipts.borrow();
    let Feed { machine, published, .. } = feed;
    Ok(PublishSummary { acknowledged, published, finished, machine })
}

/// How the polling task ended; a panic in it goes on here. `None`: it was joined before.
fn outcome(ended: Option<Result<Result<(), PublishError>, JoinError>>) -> Result<(), PublishError> {
    match ended {
        None => Ok(()),
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ok(()),
        },
    }
}

/// The will of the edge node's connection, in the form that has one.
fn will(machine: &mut Machine) -> Option<LastWill> {
    let Published { topic, payload, .. } = machine.death()?;
    Some(LastWill::new(&*topic, payload, QoS::AtLeastOnce, false, None))
}

fn options(machine: &mut Machine, target: &PublishTarget) -> MqttOptions {
    let will = will(machine);
    let spec = machine.spec();
    let client_id = format!("onspec-machine-{}-{}", spec.line, spec.seed);
    let (host, transport) = match (&target.via, &target.tls) {
        (Some(socket), _) => (socket, Transport::unix()),
        (None, Some(tls)) => {
            let tls = TlsConfiguration::Rustls(Arc::clone(tls));
            (&target.host, Transport::tls_with_config(tls))
        }
        (None, None) => (&target.host, Transport::tcp()),
    };
    let mut options = MqttOptions::new(client_id, host.as_str(), target.port);
    options
        .set_transport(transport)
        .set_keep_alive(KEEP_ALIVE)
        // The session lives through a broken connection, so that nothing on its way is lost.
        .set_clean_start(false)
        .set_session_expiry_interval(Some(SESSION_S))
        .set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX);
    if let Some(will) = will {
        // Sparkplug 3.0, `message-flow-edge-node-birth-publish-connect`: a clean session, and the
        // death as its will.
        options.set_clean_start(true).set_session_expiry_interval(Some(0)).set_last_will(will);
    }
    if let Some((user, password)) = &target.credentials {
        options.set_credentials(user.as_str(), password.expose());
    }
    options
}

/// What the other side asks of an edge node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asked {
    /// Connections on which commands can be heard: only then may it be born.
    connections: u64,
    /// Commands to be born again.
    rebirths: u64,
}

/// The side that makes messages.
struct Feed {
    client: AsyncClient,
    machine: Machine,
    gate: Option<Gate>,
    asks: watch::Receiver<Asked>,
    acted: Asked,
    published: u64,
}

impl Feed {
    /// Takes a new connection and commands of a host to the edge node.
    fn do_as_asked(&mut self) {
        let asked = *self.asks.borrow_and_update();
        // Born at the first one, born again at the others.
        for _ in self.acted.connections.max(1)..asked.connections {
            self.machine.reconnect();
        }
        if asked.rebirths > self.acted.rebirths {
            self.machine.obey(Command::Rebirth);
        }
        self.acted = asked;
    }

    /// Steps the machine and hands its messages over: true if it came to its end, false if it was
    /// cancelled or the connection is gone.
    async fn run(&mut self, pace: Pace, cancel: &CancellationToken) -> Result<bool, PublishError> {
        if self.machine.commands().is_some() {
            // Both can be dropped at any time.
            tokio::select! {
                heard = self.asks.wait_for(|asked| asked.connections > 0) => {
                    if heard.is_err() {
                        return Ok(false);
                    }
                }
                () = cancel.cancelled() => return Ok(false),
            }
        }
        let start = self.machine.spec().start;
        let mut second = Vec::new();
        let mut ticks = interval(TICK);
        // After a wait at the gate the machine goes on at its pace; it does not catch up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut due = 0.0;
        loop {
            if let Pace::PerSecond(rate) = pace
                && !self.machine.is_learning()
            {
                while due < 1.0 {
                    // Both can be dropped at any time.
                    tokio::select! {
                        _ = ticks.tick() => due += rate.max(RATE_MIN) * TICK.as_secs_f64(),
                        () = cancel.cancelled() => return Ok(false),
                    }
                }
                due -= 1.0;
            }
            if let Some(Gate(committed)) = &mut self.gate {
                let now = self.machine.now().minus(AHEAD_MAX);
                // The daemon has committed nothing at first.
                let open = |ms: &i64| now <= start || now.as_millis() <= *ms;
                // Both can be dropped at any time.
                tokio::select! {
                    opened = committed.wait_for(open) => {
                        opened.map_err(|_| PublishError::GateClosed)?;
                    }
                    () = cancel.cancelled() => return Ok(false),
                }
            }
            self.do_as_asked();
            if !self.machine.step(&mut second) {
                return Ok(true);
            }
            for Published { topic, payload, retained, .. } in second.drain(..) {
                let qos = qos_of(&topic);
                let acknowledged = u64::from(qos != QoS::AtMostOnce);
                let sent = self.client.publish_bytes(&*topic, qos, retained, payload);
                // A message that is dropped here was not handed over and is not counted.
                tokio::select! {
                    sent = sent => match sent {
                        Ok(()) => self.published += acknowledged,
                        Err(_) => return Ok(false),
                    },
                    () = cancel.cancelled() => return Ok(false),
                }
            }
        }
    }
}

/// The side that polls.
struct Connection {
    target: PublishTarget,
    acknowledged: watch::Sender<u64>,
    asked: watch::Sender<Asked>,
    /// Where commands to an edge node come.
    commands: Option<Arc<str>>,
}

impl Connection {
    /// Polls the connection until it is closed, and counts acknowledgements.
    async fn poll(
        self,
        mut eventloop: EventLoop,
        cancel: CancellationToken,
        mut next_will: impl FnMut() -> Option<LastWill>,
    ) -> Result<(), PublishError> {
        let Self { target, acknowledged, asked, commands } = self;
        let mut was_connected = false;
        // Whether a session that is gone took something with it.
        let mut on_the_way = true;
        let mut attempts = 0;
        loop {
            // Pings come more often than this, so only a write that hangs runs into it. What it was
            // sending is kept in the state and sent again.
            let Ok(event) = timeout(KEEP_ALIVE * 5 / 2, eventloop.poll()).await else {
                eventloop.clean();
                continue;
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                    if was_connected && !answer.session_present && on_the_way {
                        return Err(PublishError::SessionLost);
                    }
                    was_connected = true;
                    attempts = 0;
                    if let Some(topic) = &commands {
                        // Ahead of all that waits: a host may answer the first birth.
                        let filter = Filter::new(topic.to_string(), QoS::AtLeastOnce);
                        let subscribe = Subscribe::new(filter, None);
                        eventloop.pending.push_front(Request::Subscribe(subscribe));
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    asked.send_modify(|asked| asked.connections += 1);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    if Command::decode(&message.payload) == Some(Command::Rebirth) {
                        asked.send_modify(|asked| asked.rebirths += 1);
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(receipt))) => match receipt.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                        acknowledged.send_modify(|count| *count += 1);
                    }
                    reason => {
                        return Err(PublishError::MessageRefused { reason: format!("{reason:?}") });
                    }
                },
                // The event comes after the packet was written: nothing is left to do.
                Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(ConnectionError::RequestsDone) => {
                    return Ok(());
                }
                Ok(_) => {}
                Err(ConnectionError::ConnectionRefused(code)) if !is_busy(code) => {
                    let PublishTarget { host, port, .. } = target;
                    return Err(PublishError::Refused { host, port, reason: format!("{code:?}") });
                }
                Err(source) => {
                    if was_connected && attempts == 0 {
                        on_the_way = commands.is_none()
                        || eventloop.pending.iter().any(|request| {
                            matches!(request, Request::Publish(message) if message.qos != QoS::AtMostOnce)
                        });
                        if let Some(will) = next_will() {
                            eventloop.options.set_last_will(will);
                        }
                    }
                    attempts += 1;
                    if attempts == ATTEMPTS {
                        let PublishTarget { host, port, .. } = target;
                        let source = Box::new(source);
                        return Err(PublishError::Unreachable { host, port, attempts, source });
                    }
                    // Both can be dropped at any time.
                    tokio::select! {
                        () = sleep(ATTEMPT_PAUSE) => {}
                        () = cancel.cancelled() => return Ok(()),
                    }
                }
            }
        }
    }
}

/// Sparkplug 3.0 wants QoS 0 for all but deaths by will.
fn qos_of(topic: &str) -> QoS {
    if topic.starts_with("spBv1.0/") { QoS::AtMostOnce } else { QoS::AtLeastOnce }
}

/// True for a broker that may take us later.
fn is_busy(code: ConnectReturnCode) -> bool {
    matches!(code, ConnectReturnCode::ServerBusy | ConnectReturnCode::ServiceUnavailable)
}

#[cfg(test)]
mod tests {
    use super::super::SimulationSpec;
    use super::*;
    use crate::reading::Timestamp;
    use bytes::BytesMut;
    use rumqttc::v5::mqttbytes;
    use rumqttc::v5::mqttbytes::v5::{ConnAck, PubAck, Publish};
    use std::collections::BTreeSet;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    /// How a broker treats one connection.
    #[derive(Clone, Copy)]
    struct Manner {
        code: ConnectReturnCode,
        session_present: bool,
        /// After so many messages it hangs up, without an acknowledgement for the last of them.
        hang_up_after: Option<u64>,
        receipt: PubAckReason,
    }

    const POLITE: Manner = Manner {
        code: ConnectReturnCode::Success,
        session_present: false,
        hang_up_after: None,
        receipt: PubAckReason::Success,
    };

    /// A broker that takes one connection after another, each with its manner, and hands on what was
    /// published.
    async fn broker(
        listener: TcpListener,
        manners: Vec<Manner>,
        seen: watch::Sender<Vec<Publish>>,
    ) {
        for manner in manners {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, manner, &seen).await;
        }
    }

    async fn serve(mut stream: TcpStream, manner: Manner, seen: &watch::Sender<Vec<Publish>>) {
        let (mut read, mut write) = (BytesMut::new(), BytesMut::new());
        let mut count = 0;
        loop {
            match Packet::read(&mut read, None) {
                Ok(Packet::Connect(..)) => {
                    let answer = ConnAck {
                        session_present: manner.session_present,
                        code: manner.code,
                        properties: None,
                    };
                    answer.write(&mut write).unwrap();
                }
                Ok(Packet::Publish(publish)) => {
                    count += 1;
                    if manner.hang_up_after == Some(count) {
                        return;
                    }
                    let mut receipt = PubAck::new(publish.pkid, None);
                    receipt.reason = manner.receipt;
                    receipt.write(&mut write).unwrap();
                    seen.send_modify(|all| all.push(publish));
                }
                Ok(_) => {}
                Err(mqttbytes::Error::InsufficientBytes(_)) => {
                    if stream.write_all_buf(&mut write).await.is_err()
                        || stream.read_buf(&mut read).await.unwrap_or(0) == 0
                    {
                        return;
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    struct Bench {
        tasks: JoinSet<()>,
        target: PublishTarget,
        seen: watch::Receiver<Vec<Publish>>,
    }

    async fn bench(manners: Vec<Manner>) -> Bench {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, receiver) = watch::channel(Vec::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(broker(listener, manners, seen));
        let target = PublishTarget {
            host: "127.0.0.1".into(),
            port,
            tls: None,
            via: None,
            credentials: None,
        };
        Bench { tasks, target, seen: receiver }
    }

    fn machine() -> Machine {
        Machine::new(&SimulationSpec {
            seed: 5,
            start: Timestamp::parse_rfc3339("2026-01-23T00:00:00Z").unwrap(),
            learning_batches: 0,
            batches: 1,
            line: "tm3".into(),
            form: super::super::Form::Wide,
        })
    }

    fn everything() -> Vec<Published> {
        let (mut machine, mut out) = (machine(), Vec::new());
        while machine.step(&mut out) {}
        out
    }

    #[tokio::test]
    async fn every_message_is_sent_in_order_and_acknowledged() {
        let bench = bench(vec![POLITE]).await;
        let pace = Pace::PerSecond(50_000.0);
        let summary =
            publish(machine(), bench.target, pace, None, CancellationToken::new()).await.unwrap();
        let expected = everything();
        assert!(summary.finished);
        assert_eq!(summary.acknowledged, expected.len() as u64);
        assert_eq!(summary.published, expected.len() as u64);
        assert_eq!(summary.machine.truth().len(), 1);
        let seen = bench.seen.borrow();
        assert_eq!(seen.len(), expected.len());
        for (seen, expected) in seen.iter().zip(&expected) {
            assert_eq!(seen.topic, expected.topic.as_bytes());
            assert_eq!(seen.payload, expected.payload);
            assert!(!seen.retain && seen.qos == QoS::AtLeastOnce);
        }
    }

    #[tokio::test]
    async fn a_broken_connection_loses_nothing_when_the_broker_keeps_the_session() {
        let breaks = Manner { hang_up_after: Some(500), ..POLITE };
        let resumes = Manner { session_present: true, ..POLITE };
        let bench = bench(vec![breaks, resumes]).await;
        let summary = publish(machine(), bench.target, Pace::Full, None, CancellationToken::new())
            .await
            .unwrap();
        assert!(summary.finished && summary.acknowledged == summary.published);
        // Some come twice; messages differ in time or tag, so each is known by its bytes.
        let seen = bench.seen.borrow();
        let seen: BTreeSet<&[u8]> = seen.iter().map(|seen| &*seen.payload).collect();
        for expected in everything() {
            assert!(seen.contains(&*expected.payload), "{expected:?}");
        }
    }

    #[track_caller]
    fn check(outcome: Result<PublishSummary, PublishError>, expected: &str) {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[tokio::test]
    async fn a_broker_that_refuses_or_forgets_is_an_error() {
        let refuses = Manner { code: ConnectReturnCode::NotAuthorized, ..POLITE };
        let target = bench(vec![refuses]).await;
        let none = CancellationToken::new;
        check(
            publish(machine(), target.target.clone(), Pace::Full, None, none()).await,
            "refuses the connection: NotAuthorized",
        );
        let breaks = Manner { hang_up_after: Some(500), ..POLITE };
        let forgets = bench(vec![breaks, POLITE]).await;
        check(
            publish(machine(), forgets.target.clone(), Pace::Full, None, none()).await,
            "forgot the session",
        );
        let strict = Manner { receipt: PubAckReason::NotAuthorized, ..POLITE };
        let denied = bench(vec![strict]).await;
        check(
            publish(machine(), denied.target.clone(), Pace::Full, None, none()).await,
            "refuses a message: NotAuthorized",
        );
        assert_eq!(target.tasks.len() + forgets.tasks.len() + denied.tasks.len(), 3);
    }

    #[tokio::test]
    async fn the_gate_keeps_the_machine_near_the_daemon() {
        let mut bench = bench(vec![POLITE]).await;
        let (daemon, gate) = watch::channel(0_i64);
        let cancel = CancellationToken::new();
        let mut publisher = JoinSet::new();
        let gate = Some(Gate(gate));
        publisher.spawn(publish(machine(), bench.target, Pace::Full, gate, cancel.clone()));
        let start = machine().spec().start.as_millis();
        let sent_in = |seconds: u32| {
            let (mut machine, mut out) = (machine(), Vec::new());
            for _ in 0..seconds {
                machine.step(&mut out);
            }
            out.len()
        };
        // Seconds 0 to 20, and ten more.
        let (first, then) = (sent_in(21), sent_in(31));
        bench.seen.wait_for(|seen| seen.len() >= first).await.unwrap();
        daemon.send_replace(start + 10_000);
        bench.seen.wait_for(|seen| seen.len() >= then).await.unwrap();
        cancel.cancel();
        let summary = publisher.join_next().await.unwrap().unwrap().unwrap();
        assert!(!summary.finished);
        assert_eq!(bench.seen.borrow().len(), then);
        assert_eq!(summary.machine.now().as_millis(), start + 31_000);
    }

    #[tokio::test]
    async fn without_the_daemon_the_gate_is_an_error() {
        let bench = bench(vec![POLITE]).await;
        let (daemon, gate) = watch::channel(0_i64);
        drop(daemon);
        let gate = Some(Gate(gate));
        let cancel = CancellationToken::new();
        check(publish(machine(), bench.target, Pace::Full, gate, cancel).await, "has stopped");
        assert_eq!(bench.tasks.len(), 1);
    }
}
