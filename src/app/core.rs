//! The core's thread: it takes what has queued up, commits it, and lets the acknowledgements go.

mod asked;

use super::error::{AppError, chain};
use super::filling::Filling;
use super::fits::{Columns, Wanted};
use super::heard::Heard;
use super::parked::Decided;
use super::pipeline::{FULL_PAUSE, Pipeline, Waiter};
use crate::alarm::{IsaState, Order};
use crate::engine::{
    Command, Effect, Event, ModelAnswer, Promotion, PromotionView, ToldEvents, View, Withdrawal,
};
use crate::http::{Granted, Reception};
use crate::mqtt::{Ask, Delivery};
use crate::reading::Timestamp;
use crate::store::StoreError;
use crate::telemetry::{Clock, Health, Metrics, State};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use asked::Asker;
pub(super) use asked::{ask, ask_what_came};

/// Messages in one group at most.
const GROUP_MESSAGES: usize = 4096;
/// Payload bytes in one group at most: about 60,000 readings, whose lines are in memory together until the commit.
const GROUP_BYTES: usize = 512 << 10;
/// How long the core waits for input before it looks at the clock.
const PULSE: Duration = Duration::from_millis(200);
/// A checkpoint is due after so long, if anything happened, ns.
const CHECKPOINT_NANOS: i64 = 10_000_000_000;
/// People see the state at most so often, ns.
const VIEW_NANOS: i64 = 250_000_000;
/// When nothing is committed for so long, the journal is told that the daemon works, ns.
const ALIVE_NANOS: i64 = 60_000_000_000;
/// Ticks come at most so often, ns.
const TICK_NANOS: i64 = 1_000_000_000;
/// A fault of one reason is logged at most so often, ns.
const LOG_NANOS: i64 = 10_000_000_000;

/// What the rest of the daemon tells the core.
#[derive(Debug)]
pub enum Control {
    /// Something for the engine, to be journaled.
    Command(Command),
    /// A fit came to its end.
    Fitted(ModelAnswer),
    /// A person lets a model judge.
    Promote(Box<Promotion>, Asker<Granted>),
    /// A person takes a promotion back.
    Withdraw(Withdrawal, Asker<PromotionView>),
    /// A person, or another system, tells of batches; who did hears what became of it.
    Told(Box<ToldEvents>, Asker<(), Reception>),
    /// A person asks something of an alarm.
    Order(Box<Order>, Asker<IsaState>),
    /// A person decided about events that a receiver refused; who did hears how many there were.
    Parked(Box<Decided>, Asker<(), u64>),
    /// Take nothing more, write a checkpoint, end.
    Stop,
}

/// A core that works takes what waits for it within this.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// Hands something to the core; false if it does not take it any more.
///
/// A core that waits for room in the store hears nothing, and is told not to wait only when everybody
/// who speaks to it has ended. So whoever is told to stop does not wait for it: what it did not take by
/// then goes the way of all that it holds, and is found again at the next start.
pub(super) async fn hand(
    to: &mpsc::Sender<Control>,
    what: Control,
    stop: &CancellationToken,
) -> bool {
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(TAKEN_WITHIN).await;
    };
    // Cancel-safe: what was not sent is dropped on purpose.
    tokio::select! {
        biased;
        sent = to.send(what) => sent.is_ok(),
        () = patience => false,
    }
}

/// The last words of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreReport {
    /// Events committed since the store was made.
    pub events: u64,
}

/// Where edge nodes are asked for their births, by broker.
pub(super) type BirthsAsked = BTreeMap<Arc<str>, mpsc::Sender<Ask>>;

/// Everything that the core's thread owns.
#[derive(Debug)]
pub struct Core {
    /// The engine and the store.
    pub pipeline: Pipeline,
    /// Messages from the brokers.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// Everything else.
    pub control: mpsc::Receiver<Control>,
    /// Where fits are asked for, with the names of the line's tags.
    pub fits: mpsc::Sender<(Wanted, Columns)>,
    /// Where edge nodes are asked for their births.
    pub(super) births: BirthsAsked,
    /// What people see.
    pub view: watch::Sender<Arc<View>>,
    /// The event time of the newest committed message, ms: the demo's machine waits for it.
    pub committed: watch::Sender<i64>,
    /// When the core last went round, nanoseconds of the machine's clock.
    pub heartbeat: Arc<AtomicI64>,
    /// The clock of the plant: the machine's, or the simulated one.
    pub clock: Arc<dyn Clock>,
    /// For pacing: a clock that nobody sets.
    pub pace: Arc<dyn Clock>,
    /// False where the plant's clock is ahead of its messages, as in the demo: then silence means
    /// nothing.
    pub ticks: bool,
    /// True while every broker is connected and what it held has been handed over: only then does
    /// silence mean that nothing was sent.
    pub all_read: Arc<AtomicBool>,
    /// Told to stop, and not to wait for room in the store.
    pub stopping: CancellationToken,
    /// Who keeps what is said, for a score.
    pub heard: Option<Arc<Mutex<Heard>>>,
    /// The health register.
    pub health: Health,
    /// The metrics.
    pub metrics: Metrics,
}

/// What is counted in a group, told to the metrics once.
#[derive(Debug, Default)]
struct Tally {
    readings: u64,
    flagged: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
    frames: u64,
    dropped: BTreeMap<Arc<str>, u64>,
    node_gaps: u64,
    /// Edge nodes to be asked for their births, with their brokers.
    asks: Vec<(Arc<str>, Ask)>,
    verdicts: BTreeMap<(Arc<str>, &'static str), u64>,
}

impl Core {
    /// Works until it is told to stop, or the store fails.
    ///
    /// # Errors
    /// When the store fails: nothing more can be acknowledged, and the process has to end.
    pub fn run(mut self) -> Result<CoreReport, AppError> {
        let waiting = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let waiting = waiting
            .map_err(|source| AppError::Io { doing: "make the core's timer".into(), source })?;
        let waiter = self.waiter();
        self.pipeline.wait_by(waiter);
        let mut held = Held::default();
        let duplicates = self.pipeline.view().duplicates;
        let mut times = Times { taken: self.pace.now_nanos(), duplicates, ..Times::default() };
        let mut logged: BTreeMap<&'static str, (i64, u64)> = BTreeMap::new();
        loop {
            self.heartbeat.store(self.pace.now_nanos(), Ordering::Release);
            // Asked before the queue is read: what was held is in it by then.
            let all_read = self.all_read.load(Ordering::Acquire);
            let queued = self.deliveries.len();
            let (mut deliveries, mut controls) = (Vec::new(), Vec::new());
            waiting.block_on(wait(
                &mut self.deliveries,
                &mut self.control,
                &mut deliveries,
                &mut controls,
            ));
            let now = self.pace.now_nanos();
            let (plant_now, by_nanos) = self.clock.now_and_leap();
            if by_nanos != 0 {
                tracing::warn!(
                    seconds = by_nanos / 1_000_000_000,
                    "the machine's clock was set, and onspec goes by it"
                );
                controls.insert(0, Control::Command(Command::ClockLeap { by_nanos }));
            }
            for Delivery { arrival, .. } in &mut deliveries {
                // Stamped before the clock was set back: nothing came later than now.
                arrival.received = arrival.received.min(Timestamp::from_nanos(plant_now));
            }
            let stop = controls.iter().any(|control| matches!(control, Control::Stop));
            let due = now - times.tick >= TICK_NANOS && all_read && self.deliveries.is_empty();
            let due_by_clock = now - times.taken >= TICK_NANOS;
            // Whether a tick would push is asked of a state that knows of no leap in this group.
            let tick = (self.ticks && due && by_nanos == 0)
                .then(|| Timestamp::from_nanos(plant_now))
                .filter(|now| self.pipeline.would_push(*now));
            if tick.is_some() {
                times.tick = now;
            }
            let idle = deliveries.is_empty() && controls.is_empty() && tick.is_none();
            let caught_up = held.all_taken(all_read, queued, deliveries.len());
            let at = Timestamp::from_nanos(plant_now);
            // A link that is down holds ticks back, for lines go by them; what people wait for is not held back.
            let owes = self.ticks && due_by_clock && self.pipeline.engine().alarms_due(at);
            if self.pipeline.engine().is_catching_up() && caught_up {
                controls.push(Control::Command(Command::CaughtUp { at }));
            } else if stop || idle && (now - times.taken >= ALIVE_NANOS || owes) {
                // The last words say until when the daemon worked.
                controls.push(Control::Command(Command::Alive { at }));
            }
            if !deliveries.is_empty() || !controls.is_empty() || tick.is_some() {
                times.taken = now;
            }
            match self.group(deliveries, controls, tick, &mut logged) {
                Err(AppError::GivenUp) => {
                    tracing::warn!(
                        "stopped while the store had no room: the broker keeps the rest"
                    );
                    return Ok(CoreReport { events: self.pipeline.events() });
                }
                other => other?,
            }
            let mut waiting = Vec::new();
            for request in self.pipeline.take_requests() {
                let columns = self.pipeline.columns(request.line());
                // What has no room among those that wait comes again with the next group.
                if let Err(TrySendError::Full((request, _))) =
                    self.fits.try_send((request, columns))
                {
                    waiting.push(request);
                }
            }
            self.pipeline.put_back(waiting);
            self.upkeep(&mut times, stop)?;
            if stop {
                return Ok(CoreReport { events: self.pipeline.events() });
            }
        }
    }

    /// While the store has no room: the heart goes on beating, people are told, the rest of the group
    /// waits.
    fn waiter(&self) -> Waiter {
        let (heartbeat, pace) = (Arc::clone(&self.heartbeat), Arc::clone(&self.pace));
        let (health, stopping) = (self.health.clone(), self.stopping.clone());
        Waiter::new(move |error| {
            let now = pace.now_nanos();
            heartbeat.store(now, Ordering::Release);
            let reason = format!("{}; messages wait at the broker", chain(error));
            if health.set("store", State::Degraded, &reason, now) {
                tracing::error!(%error, "no message is acknowledged until the store has room");
            }
            if stopping.is_cancelled() {
                return false;
            }
            std::thread::park_timeout(FULL_PAUSE);
            true
        })
    }

    fn group(
        &mut self,
        deliveries: Vec<Delivery>,
        controls: Vec<Control>,
        tick: Option<Timestamp>,
        logged: &mut BTreeMap<&'static str, (i64, u64)>,
    ) -> Result<(), AppError> {
        let mut tally = Tally::default();
        let before = self.pace.now_nanos();
        let heard = self.heard.clone();
        let mut heard =
            heard.as_ref().map(|heard| heard.lock().unwrap_or_else(PoisonError::into_inner));
        let mut seen = |effect: &Effect| {
            tally.take(effect);
            if let Some(heard) = &mut heard {
                heard.take(effect);
            }
        };
        let (mut events, mut promoted) = (Vec::new(), Vec::new());
        for control in controls {
            match control {
                Control::Command(command) => events.push(Event::Command(command)),
                Control::Fitted(answer) => events.push(Event::Model(answer)),
                Control::Promote(promotion, asker) => {
                    self.pipeline.commit(std::mem::take(&mut events), &mut seen)?;
                    promoted.extend(self.take_promotion(promotion, asker, &mut seen)?);
                }
                Control::Withdraw(withdrawal, asker) => {
                    self.pipeline.commit(std::mem::take(&mut events), &mut seen)?;
                    self.take_withdrawal(withdrawal, asker, &mut seen)?;
                }
                Control::Told(told, asker) => {
                    self.pipeline.commit(std::mem::take(&mut events), &mut seen)?;
                    self.take_events(told, asker, &mut seen)?;
                }
                Control::Order(order, asker) => {
                    self.pipeline.commit(std::mem::take(&mut events), &mut seen)?;
                    self.take_order(order, asker, &mut seen)?;
                }
                Control::Parked(decided, asker) => {
                    self.pipeline.commit(std::mem::take(&mut events), &mut seen)?;
                    self.take_decided(&decided, asker)?;
                }
                Control::Stop => {}
            }
        }
        asked::tell_taken(promoted);
        let events = events
            .into_iter()
            .chain(deliveries.iter().flat_map(|Delivery { arrival, begins, .. }| {
                let unheard = begins.then(|| {
                    let (broker, at) = (Arc::clone(&arrival.broker), arrival.received);
                    Event::Command(Command::Unheard { broker, at })
                });
                unheard.into_iter().chain([Event::Arrival(arrival.clone())])
            }))
            .chain(tick.map(Event::Tick));
        self.pipeline.commit(events, &mut seen)?;
        drop(heard);
        for (broker, ask) in std::mem::take(&mut tally.asks) {
            let link = self.births.get(&broker);
            if link.is_none_or(|link| link.try_send(ask).is_err()) {
                tracing::debug!(%broker, "nobody asks for births now: it is due again in a while");
            }
        }
        if deliveries.is_empty() && tally.is_empty() {
            return match self.pipeline.store_mut().settle() {
                Err(error) if error.is_full() => {
                    self.no_room(&error);
                    Ok(())
                }
                other => Ok(other?),
            };
        }
        // From here the messages are ours.
        for delivery in deliveries {
            delivery.receipt.release();
        }
        if let Some(newest) = self.pipeline.engine().newest() {
            self.committed.send_replace(newest.as_millis());
        }
        let seconds =
            f64::from(u32::try_from((self.pace.now_nanos() - before) / 1000).unwrap_or(0)) / 1e6;
        self.metrics.add("onspec_commits", &[], 1);
        self.metrics.add_f64("onspec_commit_seconds", &[], seconds);
        tally.tell(&self.metrics, before, logged);
        Ok(())
    }

    fn upkeep(&mut self, times: &mut Times, stop: bool) -> Result<(), AppError> {
        let now = self.pace.now_nanos();
        let waited = now - times.checkpoint >= CHECKPOINT_NANOS;
        if self.pipeline.since_checkpoint() > 0 && (waited || stop) {
            times.checkpoint = now;
            match self.pipeline.checkpoint() {
                // The journal has it all; the next one comes when there is room.
                Err(AppError::Store(error)) if error.is_full() => self.no_room(&error),
                other => {
                    other?;
                    self.measure_store(times, now)?;
                }
            }
        }
        if now - times.view >= VIEW_NANOS || stop {
            times.view = now;
            let view = self.pipeline.view();
            // The engine counts from the beginning of all days, a counter from the start of its process.
            let more = view.duplicates - times.duplicates;
            times.duplicates = view.duplicates;
            self.metrics.add("onspec_readings_duplicate", &[], more);
            self.measure_outboxes();
            self.measure_clocks(&view);
            self.view.send_replace(Arc::new(view));
        }
        Ok(())
    }

    /// There is no room for what can wait.
    fn no_room(&self, error: &StoreError) {
        let reason = chain(error);
        if self.health.set("store", State::Degraded, &reason, self.pace.now_nanos()) {
            tracing::error!(reason, "the store has no room, not even for its housekeeping");
        }
    }

    /// Tells people what waits for whom, and what was refused.
    fn measure_outboxes(&self) {
        for (outbox, pending) in self.pipeline.store().pending() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge of lines needs no 53 bits")]
            let lines = pending.count as f64;
            self.metrics.set("onspec_outbox_pending", &[("outbox", &outbox)], lines);
            let parked = self.pipeline.store().parked().get(&*outbox).copied().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "10,000 at most")]
            self.metrics.set("onspec_parked", &[("outbox", &outbox)], parked as f64);
        }
    }

    /// Tells people how far clocks are off. Areas come from topics and are no closed set: of a line's
    /// sources the one that is furthest off speaks.
    fn measure_clocks(&self, view: &View) {
        for line in &view.lines {
            let of_line = view.sources.iter().filter(|source| source.line == line.name);
            let mut worst: BTreeMap<&str, i64> = BTreeMap::new();
            for (broker, ms) in of_line.filter_map(|s| Some((&*s.broker, s.delay_floor_ms?))) {
                let known = worst.entry(broker).or_insert(ms);
                if ms.unsigned_abs() > known.unsigned_abs() {
                    *known = ms;
                }
            }
            for (broker, ms) in worst {
                let labels = [("broker", broker), ("line", &*line.name)];
                #[expect(clippy::cast_precision_loss, reason = "a delay needs no 53 bits")]
                self.metrics.set("onspec_source_delay_seconds", &labels, ms as f64 / 1000.0);
            }
        }
    }

    /// Tells people how full the store is, and what it had to drop.
    fn measure_store(&mut self, times: &mut Times, now: i64) -> Result<(), AppError> {
        let bytes = self.pipeline.store().size_bytes()?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge of bytes needs no 53 bits")]
        self.metrics.set("onspec_store_bytes", &[], bytes as f64);
        let fill = self.pipeline.store().fill();
        self.metrics.set("onspec_store_fill_ratio", &[], fill);
        match times.filling.note(now, fill) {
            Some(reason) => {
                if self.health.set("store", State::Degraded, &reason, now) {
                    tracing::warn!("{reason}");
                }
            }
            None => drop(self.health.set("store", State::Ok, "", now)),
        }
        let dropped = self.pipeline.store_mut().take_dropped();
        if dropped.count > 0 {
            tracing::error!(
                lines = dropped.count,
                "the store is full: the oldest waiting readings were dropped"
            );
            self.metrics.add("onspec_outbox_dropped", &[], dropped.count);
        }
        if dropped.parked + dropped.orphaned > 0 {
            tracing::warn!(
                parked = dropped.parked,
                orphaned = dropped.orphaned,
                "refused lines and events, or such as waited for nobody, were dropped for room"
            );
            self.metrics.add("onspec_parked_dropped", &[], dropped.parked);
            self.metrics.add("onspec_orphaned_dropped", &[], dropped.orphaned);
        }
        Ok(())
    }
}

/// When things were last done, nanoseconds of the pacing clock.
#[derive(Debug, Default)]
struct Times {
    /// Something was taken.
    taken: i64,
    checkpoint: i64,
    view: i64,
    tick: i64,
    /// How full the store was.
    filling: Filling,
    /// Repeated readings as last counted.
    duplicates: u64,
}

/// What the brokers had handed over when all of them were read, and is not committed yet.
#[derive(Debug, Default)]
struct Held(Option<usize>);

impl Held {
    /// True once all of it was taken by groups before this one. `queued` messages waited when the
    /// links were asked whether all is read, `taken` of the queue are in this group.
    fn all_taken(&mut self, all_read: bool, queued: usize, taken: usize) -> bool {
        if !all_read {
            self.0 = None;
            return false;
        }
        let left = *self.0.get_or_insert(queued);
        self.0 = Some(left.saturating_sub(taken));
        left == 0
    }
}

/// Waits for the first input, or a pulse, then takes what has queued up, up to a group's bounds.
async fn wait(
    deliveries: &mut mpsc::Receiver<Delivery>,
    control: &mut mpsc::Receiver<Control>,
    taken: &mut Vec<Delivery>,
    controls: &mut Vec<Control>,
) {
    // Every branch is cancel-safe: a receive that is dropped has taken nothing.
    tokio::select! {
        biased;
        Some(first) = control.recv() => controls.push(first),
        Some(first) = deliveries.recv() => taken.push(first),
        () = tokio::time::sleep(PULSE) => return,
    }
    while let Ok(next) = control.try_recv() {
        controls.push(next);
    }
    let mut bytes = 0;
    while taken.len() < GROUP_MESSAGES && bytes < GROUP_BYTES {
        let Ok(next) = deliveries.try_recv() else { break };
        bytes += next.arrival.bytes();
        taken.push(next);
    }
}

impl Tally {
    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Reading(record) => {
                self.readings += 1;
                for name in record.flags.names() {
                    *self.flagged.entry(name).or_default() += 1;
                }
            }
            Effect::Fault(record) => {
                *self.faults.entry(record.fault.reason.as_str()).or_default() += 1;
                tracing::debug!(topic = %record.topic, reason = record.fault.reason.as_str(),
                    detail = %record.fault.detail, "message not taken");
            }
            Effect::Dropped { broker, dropped } => {
                *self.dropped.entry(Arc::clone(broker)).or_default() += dropped;
            }
            Effect::NoSourceTime { broker, line, area } => {
                tracing::info!(%broker, %line, %area, "readings come without a time of their own: \
                    they count as measured when they arrive, or were sent, where the rule has an `expiry`; give it a \
                    `time` if they have one");
            }
            Effect::NodeGap { part, lost, reason } => {
                self.node_gaps += 1;
                tracing::warn!(part = %part, lost, "{reason}");
            }
            Effect::NodeForgotten { part, reason } => tracing::warn!(part = %part, "{reason}"),
            Effect::AskBirth { broker, group, node } => {
                tracing::info!(%broker, %group, %node, "asks for births");
                let ask = Ask { group: Arc::clone(group), node: Arc::clone(node) };
                self.asks.push((Arc::clone(broker), ask));
            }
            Effect::Recovered(recovery) if recovery.missed() => {
                tracing::warn!(gaps = ?recovery.gaps, "caught up: {}", recovery.summary());
            }
            Effect::Recovered(recovery) => tracing::info!("caught up: {}", recovery.summary()),
            Effect::ChartLimits(record) => {
                let (lower, upper) = record.limits.three_sigma();
                tracing::info!(line = %record.line, grade = %record.grade,
                    tag = record.of.tag().map(|tag| &**tag), property = record.of.property().map(|of| &**of),
                    version = record.limits.version, from = %record.limits.valid_from, lower, upper,
                    points = record.limits.n, provisional = record.limits.provisional, "a chart has new limits");
            }
            Effect::Score(_) => self.frames += 1,
            Effect::Verdict(document) => {
                let key = (Arc::clone(&document.line), document.verdict.as_str());
                *self.verdicts.entry(key).or_default() += 1;
            }
            Effect::Notification(notification) => {
                tracing::info!(kind = notification.kind.as_str(), line = %notification.line,
                    at = %notification.at, id = %notification.id, text = %notification.text,
                    "{}", notification.title);
            }
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.readings == 0 && self.faults.is_empty() && self.frames == 0 && self.verdicts.is_empty()
    }

    fn tell(self, metrics: &Metrics, now: i64, logged: &mut BTreeMap<&'static str, (i64, u64)>) {
        metrics.add("onspec_readings", &[], self.readings);
        metrics.add("onspec_frames", &[], self.frames);
        metrics.add("onspec_sparkplug_gaps", &[], self.node_gaps);
        for (flag, n) in self.flagged {
            metrics.add("onspec_readings_flagged", &[("flag", flag)], n);
        }
        for ((line, call), n) in self.verdicts {
            metrics.add("onspec_verdicts", &[("line", &line), ("call", call)], n);
        }
        for (broker, n) in self.dropped {
            tracing::warn!(broker = &*broker, messages = n, "the broker dropped messages");
            metrics.add("onspec_broker_dropped", &[("broker", &broker)], n);
        }
        for (reason, n) in self.faults {
            metrics.add("onspec_faults", &[("reason", reason)], n);
            let (last, held) = logged.entry(reason).or_insert((i64::MIN, 0));
            *held += n;
            if now.saturating_sub(*last) >= LOG_NANOS {
                tracing::warn!(reason, count = *held, "messages, or parts of them, were not taken");
                (*last, *held) = (now, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_taken_by_the_group_after_the_last_that_was_held() {
        let mut held = Held::default();
        for (step, (all_read, queued, taken, expected)) in [
            (false, 9, 4, false),
            (true, 5, 3, false),
            // What came since does not count.
            (true, 40, 3, false),
            (true, 40, 40, true),
            (true, 0, 0, true),
            // A link went down and came back.
            (false, 7, 7, false),
            (true, 0, 0, true),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(held.all_taken(all_read, queued, taken), expected, "step {step}");
        }
    }
}
