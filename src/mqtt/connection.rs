//! One connection, from its begin to its end.
//!
//! Two futures share one task. One polls the library and does nothing else that could make it wait,
//! but for room in the core; the other does all the rest: acknowledgements, publications, the beat.
//! The poll is never dropped half way, unless the connection is given up with it.

use super::backlog::Backlog;
use super::flight::Flight;
use super::host::{HostVoice, says_no_online};
use super::outdated::Outdated;
use super::publisher::{Publisher, Speaker};
use super::receipts::{Delivery, Receipts};
use super::report::Report;
use super::trouble::Trouble;
use super::wire::{self, Client, Connect, Heard, Incoming, OFFLINE, Session, Will, Wire};
use crate::decode::Arrival;
use crate::decode::sparkplug::state_topic;
use crate::reading::Timestamp;
use crate::telemetry::Clock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// The most bytes of messages between a broker and their commit; see [`Context::room`].
pub(super) const ROOM_BYTES: u32 = 64 << 20;
/// What a message takes beside its topic and payload.
const MESSAGE_BYTES: usize = 128;
/// How long a stop may take before the connection is dropped as it is.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// The interval of the beat, on which silence, backlog and a good connection are judged.
const BEAT: Duration = Duration::from_millis(100);
/// The beats after which a connection was a good one: a minute.
const GOOD_BEATS: u32 = 600;

/// What all connections of a link share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) connect: Connect,
    /// The broker's name, for its messages.
    pub(super) broker: Arc<str>,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    /// Filters that the session may have from an older configuration, until a connection has said so.
    pub(super) outdated: Mutex<Vec<String>>,
    /// A permit for each byte on its way to its commit, [`ROOM_BYTES`] in all.
    pub(super) room: Arc<Semaphore>,
    pub(super) report: Report,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cancel: CancellationToken,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// We were told to stop.
    Stopped,
    /// Nobody takes messages any more.
    NobodyTakes,
    /// It could not be made, or is gone; and whether it had been good for a minute.
    Lost(Trouble, bool),
}

/// Who speaks on a link.
#[derive(Debug)]
pub(super) enum Voice {
    /// The daemon: its status and what it publishes.
    Plant(Box<Publisher>),
    /// A host application of Sparkplug B.
    Host(HostVoice),
}

impl Voice {
    /// A connection begins: what the broker is to say when it is lost.
    fn begin(&mut self, context: &Context) -> Option<Will> {
        match self {
            Self::Plant(_) => {
                let topic = wire::status_topic(&context.connect.settings)?;
                Some(Will { topic, body: bytes::Bytes::from_static(OFFLINE.as_bytes()) })
            }
            Self::Host(host) => {
                let now_ms = context.clock.now_nanos().div_euclid(1_000_000);
                host.begin(now_ms).map(|(topic, body)| Will { topic, body })
            }
        }
    }

    async fn speak(&mut self, at: &Speaker<'_>) {
        match self {
            Self::Plant(publisher) => publisher.speak(at).await,
            Self::Host(host) => host.speak(at).await,
        }
    }

    async fn lost(&mut self, at: &Speaker<'_>) {
        match self {
            Self::Plant(publisher) => publisher.lost(at).await,
            Self::Host(_) => {}
        }
    }
}

/// What the poll tells the speaker of a host application.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Its state is to be said: the broker has answered the subscription, or somebody says that it is
    /// away, which a will of an older connection does.
    pub(super) is_due: Notify,
}

/// What the poll tells the beat.
#[derive(Debug, Default)]
struct Pulse {
    messages: AtomicU64,
    bytes: AtomicU64,
    good: AtomicBool,
    /// True while a message waits for the core: then nobody listens to the broker.
    waits: AtomicBool,
    /// True once a message was handed over.
    began: AtomicBool,
}

impl Pulse {
    fn count(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Reports what came since the last call; how many messages.
    fn flush(&self, report: &Report) -> u64 {
        let messages = self.messages.swap(0, Ordering::Relaxed);
        let bytes = self.bytes.swap(0, Ordering::Relaxed);
        if messages > 0 {
            report.messages(messages, bytes);
        }
        messages
    }
}

/// Nobody takes messages any more.
struct NobodyTakes;

/// Makes a connection and serves it to its end. `forgive`: take releases of unknown messages.
pub(super) async fn serve(context: &Context, voice: &mut Voice, forgive: bool) -> End {
    let (client, mut wire) = wire::open(&context.connect, voice.begin(context));
    if forgive {
        wire.forgive_releases();
    }
    // Nothing can be lost by dropping this poll: there are no requests yet.
    let session = tokio::select! {
        biased;
        () = context.cancel.cancelled() => return End::Stopped,
        session = connected(&mut wire) => match session {
            Ok(session) => session,
            Err(trouble) => return End::Lost(trouble, false),
        },
    };
    context.report.up(session).await;
    if !context.connect.settings.subscriptions.is_empty()
        && client.subscribe(&context.connect.settings).is_err()
    {
        context.report.unaskable(&context.connect.settings);
    }

    let outdated = {
        let mut filters = context.outdated.lock().unwrap_or_else(PoisonError::into_inner);
        // A new session has none.
        let filters = std::mem::take(&mut *filters);
        Outdated::new(if session.present { filters } else { Vec::new() })
    };
    let receipts = Arc::new(Receipts::default());
    let flight = Flight::default();
    let pulse = Pulse::default();
    let notices = Notices::default();
    let speaker = Speaker {
        client: &client,
        flight: &flight,
        notices: &notices,
        receipts: &receipts,
        session,
        report: &context.report,
        clock: context.clock.as_ref(),
        cancel: &context.cancel,
    };
    let end = {
        let rest = async {
            tokio::join!(
                outdated.tell(&client),
                acknowledge(&client, &receipts),
                voice.speak(&speaker),
                beat(context, &receipts, &pulse),
            )
        };
        let deadline = async {
            context.cancel.cancelled().await;
            tokio::time::sleep(STOP_WITHIN).await;
        };
        // Not a poll beside others: the whole of the polling, which ends with the connection.
        tokio::select! {
            end = listen(context, &mut wire, session, &receipts, (&flight, &outdated, &notices), &pulse) => end,
            _ = rest => End::Stopped,
            () = deadline => End::Stopped,
        }
    };
    receipts.close();
    // What came in the same read as the end. Messages of QoS 0 come only once, and an answer may be
    // the reason of the end.
    for heard in wire.rest() {
        match heard {
            Heard::Message(message) => {
                let taken = deliver(context, message, &receipts, &pulse).await;
                if taken.is_err() {
                    return End::NobodyTakes;
                }
            }
            Heard::Answered(packet_id, code) => flight.answered(packet_id, code),
            _ => {}
        }
    }
    if matches!(end, End::Lost(..)) {
        voice.lost(&speaker).await;
    }
    pulse.flush(&context.report);
    match end {
        End::Lost(trouble, _) => End::Lost(trouble, pulse.good.load(Ordering::Relaxed)),
        other => other,
    }
}

async fn connected(wire: &mut Wire) -> Result<Session, Trouble> {
    loop {
        if let Heard::Connected(session) = wire.poll().await? {
            return Ok(session);
        }
    }
}

/// Polls until the connection is gone.
async fn listen(
    context: &Context,
    wire: &mut Wire,
    session: Session,
    receipts: &Arc<Receipts>,
    (flight, outdated, notices): (&Flight, &Outdated, &Notices),
    pulse: &Pulse,
) -> End {
    // A write to a peer that reads no more has no limit of its own, and stops the pings too.
    let patience = session.keep_alive.mul_f64(2.5);
    let host = context.connect.settings.sparkplug.as_ref();
    let own_state = host.and_then(|host| host.primary.as_deref()).map(state_topic);
    let mut said_farewell = false;
    loop {
        let heard = match tokio::time::timeout(patience, wire.poll()).await {
            Ok(Ok(heard)) => heard,
            // The broker has read everything and hung up. To hang up ourselves, with something of
            // the broker's still unread, would be a reset, at which it forgets what we sent last.
            Ok(Err(_)) if said_farewell => return End::Stopped,
            Ok(Err(trouble)) => return End::Lost(trouble, false),
            Err(_) => {
                let reason = format!("the connection is stuck for {} s", patience.as_secs_f64());
                return End::Lost(Trouble::remote(reason), false);
            }
        };
        match heard {
            Heard::Message(message) if own_state.as_deref() == Some(&*message.topic) => {
                if says_no_online(&message.payload) && !context.cancel.is_cancelled() {
                    notices.is_due.notify_one();
                }
                receipts.enter(message.ack, None).release();
            }
            Heard::Message(message) => {
                if deliver(context, message, receipts, pulse).await.is_err() {
                    return End::NobodyTakes;
                }
            }
            Heard::Subscribed(granted) => {
                context.report.subscribed(&context.connect.settings, &granted);
                notices.is_due.notify_one();
            }
            Heard::Unsubscribed(answer) => {
                if let Some(refusals) = outdated.answered(answer) {
                    context.report.unsubscribed(outdated.filters(), &refusals).await;
                }
            }
            Heard::Numbered(packet_id) => flight.numbered(packet_id),
            Heard::Answered(packet_id, code) => flight.answered(packet_id, code),
            Heard::Farewell => said_farewell = true,
            Heard::Connected(_) | Heard::Nothing => {}
        }
    }
}

/// Hands a message to the core; waits while the core has no room for it. After cancel it keeps the
/// message from the core, and the acknowledgement from the broker.
async fn deliver(
    context: &Context,
    message: Incoming,
    receipts: &Arc<Receipts>,
    pulse: &Pulse,
) -> Result<(), NobodyTakes> {
    let received = Timestamp::from_nanos(context.clock.now_nanos());
    if context.cancel.is_cancelled() {
        // Its place in the order stays, so that nothing behind it is acknowledged either.
        drop(receipts.enter(message.ack, None));
        return Ok(());
    }
    pulse.count(message.payload.len());
    let properties = message.properties.as_ref().map_or(0, |kept| kept.bytes());
    let bytes = message.payload.len() + message.topic.len() + properties + MESSAGE_BYTES;
    pulse.waits.store(true, Ordering::Relaxed);
    // One that is larger than all the room takes all of it, rather than wait for ever.
    let bytes = u32::try_from(bytes).unwrap_or(ROOM_BYTES).min(ROOM_BYTES);
    // Cancel-safe: a permit that was not handed out is not taken.
    let room = tokio::select! {
        biased;
        room = Arc::clone(&context.room).acquire_many_owned(bytes) => room.ok(),
        () = context.cancel.cancelled() => None,
    };
    let receipt = receipts.enter(message.ack, room);
    let delivery = Delivery {
        arrival: Arrival {
            broker: Arc::clone(&context.broker),
            received,
            topic: message.topic,
            payload: message.payload,
            retained: message.retained,
            properties: message.properties,
        },
        receipt,
        begins: context.connect.settings.sparkplug.is_some()
            && !pulse.began.swap(true, Ordering::Relaxed),
    };
    // Cancel-safe: a place that was not handed out is not taken.
    tokio::select! {
        biased;
        place = context.deliveries.reserve() => match place {
            Ok(place) => place.send(delivery),
            Err(_) => return Err(NobodyTakes),
        },
        () = context.cancel.cancelled() => drop(delivery),
    }
    pulse.waits.store(false, Ordering::Relaxed);
    Ok(())
}

/// Sends acknowledgements in order, as soon as they may go.
async fn acknowledge(client: &Client, receipts: &Receipts) {
    loop {
        let ack = receipts.next_ready().await;
        if client.acknowledge(ack).await.is_err() {
            // The connection is gone, and this future is about to be dropped with it.
            return;
        }
        receipts.handed_over();
    }
}

async fn beat(context: &Context, receipts: &Receipts, pulse: &Pulse) {
    let settings = &context.connect.settings;
    let silent_after = Some(settings.silent_after)
        .filter(|after| !after.is_zero() && !settings.subscriptions.is_empty());
    let mut backlog = Some(Backlog::default());
    let (mut beats, mut silence) = (0_u32, Silence::default());
    let mut interval = tokio::time::interval(BEAT);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.tick().await;
    loop {
        interval.tick().await;
        beats = beats.saturating_add(1);
        if beats == GOOD_BEATS {
            pulse.good.store(true, Ordering::Relaxed);
        }
        let arrived = pulse.flush(&context.report);
        let (waiting, peak) = receipts.waiting();
        if backlog.as_mut().is_some_and(|backlog| backlog.beat(arrived, waiting, peak)) {
            backlog = None;
            context.report.caught_up().await;
        }
        let Some(after) = silent_after else { continue };
        match silence.beat(arrived > 0, pulse.waits.load(Ordering::Relaxed), after) {
            Some(true) => context.report.silent(after).await,
            Some(false) => context.report.heard_again().await,
            None => {}
        }
    }
}

/// How long a broker has brought nothing.
#[derive(Debug, Default)]
struct Silence {
    quiet: Duration,
    silent: bool,
}

impl Silence {
    /// A beat in which something arrived or not; `waits`: we did not listen. True if the broker is
    /// silent from now on, false if no longer.
    fn beat(&mut self, arrived: bool, waits: bool, after: Duration) -> Option<bool> {
        self.quiet = match (arrived, waits) {
            (true, _) => Duration::ZERO,
            (false, true) => self.quiet,
            (false, false) => self.quiet + BEAT,
        };
        let silent = if self.silent { !arrived } else { self.quiet >= after };
        (std::mem::replace(&mut self.silent, silent) != silent).then_some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `.` nothing comes, `m` a message, `w` we wait for the core; `S` and `H` are what is said.
    #[track_caller]
    fn check(beats: &str, expected: &str) {
        let mut silence = Silence::default();
        let said =
            beats.chars().map(|beat| match silence.beat(beat == 'm', beat == 'w', 3 * BEAT) {
                Some(true) => 'S',
                Some(false) => 'H',
                None => '-',
            });
        assert_eq!(said.collect::<String>(), expected, "{beats}");
    }

    #[test]
    fn a_broker_is_silent_only_while_we_listen() {
        check("..m....m.", "-----S-H-");
        check("..wwwww.m", "-------SH");
        check("wwwwwwwww", "---------");
        check("...wwm", "--S--H");
    }
}
