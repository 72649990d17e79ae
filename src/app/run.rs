//! `onspec run`: the shells around the core, and the order in which they stop.
//!
//! Tasks: one for each broker, one for InfluxDB, one for each webhook, the page, the fits, the
//! watch over all parts' health. Threads: the core; one for a fit while it runs. A part that must
//! never end and does is a bug: everything stops, what can be written is written, and the process
//! ends with 1 so that the service manager starts it again.
//!
//! SIGHUP, or a POST on the API, reads the configuration again: when any part of it is wrong everything
//! stays as it is; else the parts stop in the order of the end and start again with it, in this
//! process. Nothing is lost by it: the brokers keep the sessions, the store has the state.
//!
//! Order of the end: brokers (what is not committed stays unacknowledged), senders (once what waits for
//! receivers that work is delivered, for a few seconds; the rest goes on at the next start), core (a
//! checkpoint), the page last.

use super::asked::{Asked, Asks};
use super::core::{Control, Core, hand};
use super::encode::{MQTT, Outputs};
use super::error::{AppError, chain};
use super::fits::{Columns, fit};
use super::heard::Heard;
use super::pipeline::{FULL_PAUSE, FitMode, Pipeline};
use super::secrets::resolve;
use super::watch::{Links, watch_health};
use crate::config::Checked;
use crate::engine::{BatchRecord, Command, Engine, FitRequest, View, session_part};
use crate::http::{ApiState, History, Progress, Reload};
use crate::mqtt::LinkEvent;
use crate::reading::Timestamp;
use crate::store::{Outbox, Pending, Reader, Store};
use crate::telemetry::{Clock, Health, Metrics, State, SteadyClock};
use crate::{http, influx, mqtt, webhook};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages received and not yet committed, at most.
const DELIVERIES_WAITING: usize = 8192;
/// How long the end may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// How much of that is for what can still be delivered.
const DRAIN: Duration = Duration::from_secs(8);
/// How often it is looked whether all is delivered.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// How often people are told what the end waits for.
const STILL_PENDING: Duration = Duration::from_secs(5);

/// A part that ends within this after another configuration took effect ends because of it, ns.
const SETTLED_NANOS: i64 = 10_000_000_000;

/// A clock that is further behind the last message than this was rather too far ahead when that came, ns.
const CLOCK_BEHIND_MAX: i64 = 86_400_000_000_000;

/// What a demo or a test sets that a plant does not.
#[derive(Debug)]
pub struct Surroundings {
    /// The clock of the plant.
    pub clock: Arc<dyn Clock>,
    /// False where that clock is ahead of its messages: then silence means nothing.
    pub ticks: bool,
    /// Who fits.
    pub fits: FitMode,
    /// The event time of the newest committed message, ms.
    pub committed: watch::Sender<i64>,
    /// What people see.
    pub view: watch::Sender<Arc<View>>,
    /// The register of health; an empty one.
    pub health: Health,
    /// What the page says at its top; a demo says that it is one.
    pub note: watch::Receiver<Option<Arc<str>>>,
    /// Who keeps what is said, for a score.
    pub heard: Option<Arc<Mutex<Heard>>>,
    /// Told to stop from outside.
    pub cancel: CancellationToken,
    /// The configuration, to be read again when somebody asks for it.
    pub config: Option<PathBuf>,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start (store, secrets, listener), or a part ended that must not.
pub async fn run(checked: Checked, around: Surroundings) -> Result<(), AppError> {
    let (mut asks, reload) = Asks::new(around.config.clone())?;
    let metrics = Metrics::default();
    let mut checked = checked;
    // What goes on when its successor cannot start, or ends as soon as it has.
    let mut before = None;
    loop {
        let begun = SteadyClock::start();
        around.health.forget();
        metrics.forget_parts();
        let started = match open_store(&checked, &around, &mut asks).await {
            Ok(Some(store)) => start(store, &checked, &around, &metrics, &reload),
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        let mut parts = match started {
            Ok(parts) => parts,
            Err(error) => match before.take() {
                Some(old) => {
                    let error = chain(&error);
                    tracing::error!(
                        error,
                        "the new configuration cannot start: back to the old one"
                    );
                    checked = old;
                    continue;
                }
                None => return Err(error),
            },
        };
        let outcome = parts.serve(&checked, &around, &mut asks).await;
        let settled = begun.now_nanos() > SETTLED_NANOS;
        let old = before.take().filter(|_| !settled);
        let goes_back = |outcome: &Result<Ended, AppError>| {
            old.is_some() && matches!(outcome, Err(AppError::PartEnded { .. }))
        };
        let goes_on = goes_back(&outcome) || matches!(outcome, Ok(Ended::Reload(_)));
        // Why the core ended is known when it has stopped.
        let outcome = parts.stop(&mut asks, goes_on).await.and(outcome);
        let back = goes_back(&outcome);
        match (outcome, old) {
            (Ok(Ended::Asked), _) => return Ok(()),
            (Ok(Ended::Reload(_)), _) if asks.ends() => return Ok(()),
            (Ok(Ended::Reload(next)), _) => before = Some(std::mem::replace(&mut checked, *next)),
            (Err(error), Some(old)) if back && !asks.ends() => {
                let error = chain(&error);
                tracing::error!(error, "the new configuration does not work: back to the old one");
                checked = old;
            }
            (Err(error), _) => return Err(error),
        }
    }
}

/// Why the parts were stopped.
enum Ended {
    /// Somebody asked for it.
    Asked,
    /// There is another configuration.
    Reload(Box<Checked>),
}

/// Opens the store, and waits while it has no room for that; `None` when somebody asked for the end.
async fn open_store(
    checked: &Checked,
    around: &Surroundings,
    asks: &mut Asks,
) -> Result<Option<Store>, AppError> {
    loop {
        match Store::open(&checked.store) {
            Err(error) if error.is_full() => {
                let (reason, now) = (chain(&error), around.clock.now_nanos());
                if around.health.set("store", State::Degraded, &reason, now) {
                    tracing::error!(reason, "the store cannot be opened until there is room");
                }
            }
            other => return Ok(Some(other?)),
        }
        // Every branch is cancel-safe.
        tokio::select! {
            () = around.cancel.cancelled() => return Ok(None),
            () = asks.next_stop(true) => return Ok(None),
            () = tokio::time::sleep(FULL_PAUSE) => {}
        }
    }
}

/// Starts all parts.
fn start(
    mut store: Store,
    checked: &Checked,
    around: &Surroundings,
    metrics: &Metrics,
    reload: &mpsc::Sender<Reload>,
) -> Result<Parts, AppError> {
    let health = around.health.clone();
    let clock = Arc::clone(&around.clock);
    health.set("store", State::Ok, "", clock.now_nanos());
    name_orphans(&mut store, checked, &health, clock.now_nanos())?;
    // Before the page can be asked: a link that has not spoken yet is not ready.
    for broker in &checked.brokers {
        let component = mqtt::component(&broker.settings.name);
        health.set(&component, State::Starting, "connecting", clock.now_nanos());
    }
    let page = checked.http.as_ref().map(|http| format!("http://{}/", http.listen));
    let outputs = Outputs {
        influx: checked.influx.is_some(),
        mqtt: checked.brokers.iter().any(|broker| broker.settings.publish_prefix.is_some()),
        webhooks: checked.webhooks.clone(),
        page,
    };
    let (pipeline, recovered) =
        Pipeline::open(store, checked.plant.clone(), checked.rules(), outputs, around.fits)?;
    tracing::info!(restored = recovered.restored, events = recovered.events, "store is open");
    go_on_from(&pipeline, clock.as_ref());
    if let Some((first, last)) = recovered.diverged {
        tracing::error!(
            first,
            last,
            "the journal gives other results than it gave before: it is of another release"
        );
    }
    Parts::new(checked, around, pipeline, metrics.clone(), reload.clone())
}

/// The plant's clock goes on from where it was: a machine's clock that is hours behind after a start is
/// wrong, and would make everything a reading of the future, which nobody judges.
fn go_on_from(pipeline: &Pipeline, clock: &dyn Clock) {
    let Some(heard) = pipeline.engine().heard_at().map(Timestamp::as_nanos) else { return };
    let behind = heard.saturating_sub(clock.now_nanos());
    if behind > CLOCK_BEHIND_MAX {
        tracing::error!(
            hours = behind / 3_600_000_000_000,
            "the machine's clock is far behind what it was when the last message came: set it right"
        );
    } else if behind > 0 {
        clock.not_before(heard);
    }
}

/// Tells the store who empties its outboxes, and people what waits for nobody.
fn name_orphans(
    store: &mut Store,
    checked: &Checked,
    health: &Health,
    now: i64,
) -> Result<(), AppError> {
    let mut receivers: Vec<String> =
        checked.webhooks.iter().map(|hook| webhook::outbox_name(&hook.name)).collect();
    if checked.influx.is_some() {
        receivers.extend([influx::READINGS.to_owned(), influx::RESULTS.to_owned()]);
    }
    if checked.brokers.iter().any(|broker| broker.settings.publish_prefix.is_some()) {
        receivers.push(MQTT.to_owned());
    }
    let receivers: Vec<&str> = receivers.iter().map(String::as_str).collect();
    let orphans = match store.name_receivers(&receivers, Timestamp::from_nanos(now)) {
        // What waits for nobody is named at the next start: this one is to make room.
        Err(error) if error.is_full() => {
            tracing::warn!(error = %chain(&error), "the store has no room to begin with");
            return Ok(());
        }
        other => other?,
    };
    for orphan in orphans {
        let Pending { count, bytes, .. } = orphan.pending;
        let outbox = &orphan.outbox;
        if orphan.dropped {
            tracing::warn!(%outbox, count, bytes, "dropped what waited for nobody for 7 days");
            continue;
        }
        let reason = format!(
            "{count} lines or events ({bytes} bytes) wait for a receiver that the configuration does \
             not name: name it again, or they go after 7 days, or when room is needed"
        );
        tracing::warn!(%outbox, "{reason}");
        health.set(&format!("outbox/{outbox}"), State::Degraded, &reason, now);
    }
    Ok(())
}

/// The running parts.
struct Parts {
    brokers: JoinSet<(String, String)>,
    /// Hand on what the links say; they end with their links, which say why themselves.
    link_events: JoinSet<()>,
    senders: JoinSet<(String, String)>,
    page: JoinSet<(String, String)>,
    stop_brokers: CancellationToken,
    stop_senders: CancellationToken,
    stop_page: CancellationToken,
    /// Told to the core's wait for room in the store.
    stop_core: CancellationToken,
    control: mpsc::Sender<Control>,
    core: Option<std::thread::JoinHandle<Result<super::core::CoreReport, AppError>>>,
    core_ended: CancellationToken,
    health: Health,
    /// What is delivered before the end.
    watched: Vec<Watched>,
}

impl Parts {
    fn new(
        checked: &Checked,
        around: &Surroundings,
        mut pipeline: Pipeline,
        metrics: Metrics,
        reload: mpsc::Sender<Reload>,
    ) -> Result<Self, AppError> {
        let (clock, health) = (Arc::clone(&around.clock), around.health.clone());
        let (deliveries, received) = mpsc::channel(DELIVERIES_WAITING);
        let (control, controls) = mpsc::channel(256);
        // The first of all that the core hears, before any message.
        let started = Command::Started { at: Timestamp::from_nanos(clock.now_nanos()) };
        control.try_send(Control::Command(started)).expect("the queue is new and empty");
        let (fit_requests, asked_fits) = mpsc::channel(64);
        let pace: Arc<dyn Clock> = Arc::new(SteadyClock::start());
        let all_read = Arc::new(AtomicBool::new(false));
        let heartbeat = Arc::new(AtomicI64::new(pace.now_nanos()));
        let mut parts = Self {
            brokers: JoinSet::new(),
            link_events: JoinSet::new(),
            senders: JoinSet::new(),
            page: JoinSet::new(),
            stop_brokers: CancellationToken::new(),
            stop_senders: CancellationToken::new(),
            stop_page: CancellationToken::new(),
            stop_core: CancellationToken::new(),
            control: control.clone(),
            core: None,
            core_ended: CancellationToken::new(),
            health: health.clone(),
            watched: Vec::new(),
        };
        let shared = Shared { health: &health, metrics: &metrics, clock: &clock };
        parts.watched = watched(checked, &pipeline)?;
        parts.start_senders(checked, &pipeline, &shared)?;
        let state = ApiState {
            view: around.view.subscribe(),
            health: health.clone(),
            metrics: metrics.clone(),
            clock: Arc::clone(&clock),
            progress: Arc::new(Heartbeat {
                beat: Arc::clone(&heartbeat),
                clock: Arc::clone(&pace),
            }),
            history: Some(Arc::new(StoredBatches(pipeline.store().reader()?))),
            note: around.note.clone(),
            reload: Some(reload),
        };
        parts.start_page(checked, state);
        parts.start_fits(pipeline.store().reader()?, asked_fits, control.clone());
        let events = parts.start_brokers(checked, &pipeline, &shared, &deliveries)?;
        parts.start_watches(checked, &pipeline, &shared, events, &all_read);
        drop(deliveries);
        for request in pipeline.take_requests() {
            let columns = pipeline.columns(request.line);
            if fit_requests.try_send((request, columns)).is_err() {
                tracing::warn!("too many fits wait, one was put off to the next start");
            }
        }
        let core = Core {
            pipeline,
            deliveries: received,
            control: controls,
            fits: fit_requests,
            view: around.view.clone(),
            committed: around.committed.clone(),
            heartbeat,
            clock,
            pace,
            ticks: around.ticks,
            all_read,
            stopping: parts.stop_core.clone(),
            heard: around.heard.clone(),
            health,
            metrics,
        };
        let ended = parts.core_ended.clone();
        let thread = std::thread::Builder::new().name("core".into()).spawn(move || {
            let _guard = ended.drop_guard();
            core.run()
        });
        parts.core =
            Some(thread.map_err(|source| AppError::Io {
                doing: "start the core's thread".into(),
                source,
            })?);
        Ok(parts)
    }

    fn start_senders(
        &mut self,
        checked: &Checked,
        pipeline: &Pipeline,
        shared: &Shared<'_>,
    ) -> Result<(), AppError> {
        let store = pipeline.store();
        if let Some(settings) = checked.influx.clone() {
            let writer = influx::Writer {
                token: resolve("influxdb.token", &settings.token)?,
                settings,
                readings: store.outbox(influx::READINGS)?,
                results: store.outbox(influx::RESULTS)?,
                health: shared.health.clone(),
                metrics: shared.metrics.clone(),
                clock: Arc::clone(shared.clock),
                cancel: self.stop_senders.clone(),
            };
            self.senders
                .spawn(async move { ("influxdb".into(), ended(influx::run(writer).await)) });
        }
        if checked.webhooks.is_empty() {
            return Ok(());
        }
        let client = webhook::client().map_err(|error| AppError::Other(error.to_string()))?;
        for settings in checked.webhooks.clone() {
            let name = webhook::outbox_name(&settings.name);
            let secret = settings.secret.as_ref();
            let sender = webhook::Sender {
                url: resolve(&format!("{name}.url"), &settings.url)?,
                secret: secret
                    .map(|source| resolve(&format!("{name}.secret"), source))
                    .transpose()?,
                outbox: store.outbox(&name)?,
                settings,
                health: shared.health.clone(),
                metrics: shared.metrics.clone(),
                clock: Arc::clone(shared.clock),
                cancel: self.stop_senders.clone(),
            };
            let client = client.clone();
            self.senders.spawn(async move { (name, ended(webhook::run(sender, client).await)) });
        }
        Ok(())
    }

    fn start_page(&mut self, checked: &Checked, state: ApiState) {
        let Some(settings) = checked.http.clone() else { return };
        let cancel = self.stop_page.clone();
        self.page.spawn(async move {
            ("http".into(), ended(http::serve(settings, state, cancel).await))
        });
    }

    /// Fits run one after another on a thread of their own: the machine's cores belong to the line.
    fn start_fits(
        &mut self,
        reader: Reader,
        mut requests: mpsc::Receiver<(FitRequest, Columns)>,
        control: mpsc::Sender<Control>,
    ) {
        let stop = self.stop_senders.clone();
        self.senders.spawn(async move {
            loop {
                // Cancel-safe: a receive that is dropped has taken nothing.
                let next = tokio::select! {
                    next = requests.recv() => next,
                    () = stop.cancelled() => None,
                };
                let Some((request, columns)) = next else { break };
                let reader = reader.clone();
                let (line, grade) = (request.line, Arc::clone(&request.grade));
                let fitting = tokio::task::spawn_blocking(move || fit(&reader, &request, &columns));
                // Cancel-safe: a fit that nobody waits for any more ends unheard, and its request
                // is made again at the next start.
                let answer = tokio::select! {
                    answer = fitting => answer,
                    () = stop.cancelled() => break,
                };
                match answer {
                    Ok(answer) => {
                        let fitted = answer.outcome.is_ok();
                        tracing::info!(line = line.0, %grade, fitted, "fit is done");
                        if !hand(&control, Control::Fitted(answer), &stop).await {
                            break;
                        }
                    }
                    Err(error) => tracing::error!(%error, "fit was lost"),
                }
            }
            ("fits".into(), "it was told to".into())
        });
    }

    fn start_brokers(
        &mut self,
        checked: &Checked,
        pipeline: &Pipeline,
        shared: &Shared<'_>,
        deliveries: &mpsc::Sender<mqtt::Delivery>,
    ) -> Result<mpsc::Receiver<(usize, LinkEvent)>, AppError> {
        let (link_events, events) = mpsc::channel(64);
        let newest_verdicts = pipeline.newest_verdicts();
        for (index, broker) in checked.brokers.iter().enumerate() {
            let settings = &broker.settings;
            let name = mqtt::component(&settings.name);
            let credentials = match &settings.credentials {
                Some((user, password)) => {
                    let of = format!("{name}.password");
                    let password = password.as_ref().map(|source| resolve(&of, source));
                    Some((user.clone(), password.transpose()?))
                }
                None => None,
            };
            let publishes = settings.publish_prefix.is_some();
            let (of_this, mut its_events) = mpsc::channel(16);
            let all = link_events.clone();
            self.link_events.spawn(async move {
                while let Some(event) = its_events.recv().await {
                    if all.send((index, event)).await.is_err() {
                        break;
                    }
                }
            });
            let link = mqtt::Link {
                settings: settings.clone(),
                newest_verdicts: newest_verdicts.clone(),
                credentials,
                deliveries: deliveries.clone(),
                outbox: publishes.then(|| pipeline.store().outbox(MQTT)).transpose()?,
                link_events: of_this,
                health: shared.health.clone(),
                metrics: shared.metrics.clone(),
                clock: Arc::clone(shared.clock),
                cancel: self.stop_brokers.clone(),
            };
            self.brokers.spawn(async move { (name, ended(mqtt::run(link).await)) });
        }
        Ok(events)
    }

    /// Watches over the links and over all parts.
    fn start_watches(
        &mut self,
        checked: &Checked,
        pipeline: &Pipeline,
        shared: &Shared<'_>,
        events: mpsc::Receiver<(usize, LinkEvent)>,
        all_read: &Arc<AtomicBool>,
    ) {
        let engine = pipeline.engine();
        let names = checked.brokers.iter().map(|broker| {
            let component = mqtt::component(&broker.settings.name);
            let lost = engine.failed_parts().any(|part| *part == *session_part(&component));
            (component.into(), broker.settings.client_id.as_str().into(), lost)
        });
        let links =
            Links::new(names, Arc::clone(shared.clock), engine.is_link_up(), Arc::clone(all_read));
        let (stop, control) = (self.stop_senders.clone(), self.control.clone());
        self.senders.spawn(async move {
            links.follow(events, control, stop).await;
            ("links".into(), "it was told to".into())
        });
        // Nobody else tells the end of what was said of a broker that is not configured any more.
        let is_link = |link: &str| {
            checked.brokers.iter().any(|broker| mqtt::component(&broker.settings.name) == link)
        };
        let of_parts = |part: &&str| !Engine::told_by_link(part).is_some_and(is_link);
        let standing = engine.failed_parts().filter(of_parts).map(str::to_owned).collect();
        let control = self.control.clone();
        let (health, clock) = (shared.health.clone(), Arc::clone(shared.clock));
        let (metrics, stop) = (shared.metrics.clone(), self.stop_senders.clone());
        self.senders.spawn(async move {
            watch_health(health, metrics, clock, standing, control, stop).await;
            ("health".into(), "it was told to".into())
        });
    }

    /// Waits until somebody asks to stop or for another configuration, or a part ends that must not.
    async fn serve(
        &mut self,
        checked: &Checked,
        around: &Surroundings,
        asks: &mut Asks,
    ) -> Result<Ended, AppError> {
        // Every branch is cancel-safe: joining and waiting take nothing when dropped.
        let ended = tokio::select! {
            () = around.cancel.cancelled() => None,
            asked = asks.next(checked) => match asked {
                Asked::Stop => None,
                Asked::Reload(next) => return Ok(Ended::Reload(next)),
            },
            () = self.core_ended.cancelled() => Some(("core".to_owned(), String::new())),
            Some(ended) = self.brokers.join_next() => Some(joined(ended)),
            Some(ended) = self.senders.join_next() => Some(joined(ended)),
            Some(ended) = self.page.join_next() => Some(joined(ended)),
        };
        tracing::info!("stopping");
        match ended {
            None => Ok(Ended::Asked),
            // Why the core ended is known when its thread is joined.
            Some((part, _)) if part == "core" => Ok(Ended::Asked),
            Some((part, reason)) => Err(AppError::PartEnded { part, reason }),
        }
    }

    /// Stops all parts in order. Unless it `goes_on` with others, what can be delivered is delivered
    /// before.
    async fn stop(mut self, asks: &mut Asks, goes_on: bool) -> Result<(), AppError> {
        let deadline = tokio::time::sleep(DEADLINE);
        let stage = Cell::new("");
        // Every branch is cancel-safe: what is dropped was to end anyway. A second signal does not
        // wait; nothing acknowledged is lost by it.
        tokio::select! {
            outcome = self.stop_in_order(!goes_on, &stage) => outcome,
            () = name_pending(&stage) => unreachable!("it has no end"),
            () = deadline => Err(AppError::Other(format!(
                "the end took longer than {} s, and still waited for {}; what was not committed was \
                 not acknowledged",
                DEADLINE.as_secs(),
                stage.get()
            ))),
            () = asks.hurry(goes_on) => Err(AppError::Other(
                "told twice to stop, which ends it at once; what was not committed was not \
                 acknowledged".into()
            )),
        }
    }

    async fn stop_in_order(
        &mut self,
        drain: bool,
        stage: &Cell<&'static str>,
    ) -> Result<(), AppError> {
        stage.set("the links to the brokers");
        self.stop_brokers.cancel();
        while self.brokers.join_next().await.is_some() {}
        if drain && !self.core_ended.is_cancelled() {
            stage.set("what can be delivered");
            // Cancel-safe: it only looks.
            tokio::select! {
                () = self.drained() => {}
                () = tokio::time::sleep(DRAIN) => {}
                () = self.core_ended.cancelled() => {}
            }
        }
        stage.set("the senders");
        self.stop_senders.cancel();
        while self.senders.join_next().await.is_some() {}
        stage.set("the store");
        self.stop_core.cancel();
        // The core may have ended by itself; then nobody listens.
        let told = self.control.send(Control::Stop).await.is_ok();
        tracing::debug!(told, "the core was told to stop");
        let Some(core) = self.core.take() else { return Ok(()) };
        let report = tokio::task::spawn_blocking(|| core.join()).await;
        stage.set("the page");
        self.stop_page.cancel();
        while self.page.join_next().await.is_some() {}
        for Watched { component, outbox } in &self.watched {
            match outbox.pending() {
                Ok(Pending { count, bytes, .. }) if count > 0 => tracing::info!(
                    receiver = component,
                    count,
                    bytes,
                    "lines or events wait for the next start"
                ),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(receiver = component, %error, "what waits is not known");
                }
            }
        }
        match report {
            Ok(Ok(report)) => report.map(|report| {
                tracing::info!(events = report.events, "stopped");
            }),
            Ok(Err(_)) | Err(_) => Err(AppError::PartEnded {
                part: "core".into(),
                reason: "it panicked, which is a bug".into(),
            }),
        }
    }

    /// Waits until nothing waits for a receiver that works.
    async fn drained(&self) {
        loop {
            let parts = self.health.snapshot();
            let works = |component: &str| {
                parts.iter().any(|part| part.component == component && part.state == State::Ok)
            };
            let waits = |watched: &&Watched| {
                let waiting = watched.outbox.pending().is_ok_and(|pending| pending.count > 0);
                waiting && works(&watched.component)
            };
            if self.watched.iter().find(waits).is_none() {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }
}

/// Says every few seconds what the end waits for.
async fn name_pending(stage: &Cell<&'static str>) {
    loop {
        tokio::time::sleep(STILL_PENDING).await;
        tracing::warn!("the end waits for {}", stage.get());
    }
}

/// An outbox, and the part that empties it.
#[derive(Debug)]
struct Watched {
    component: String,
    outbox: Arc<dyn Outbox>,
}

/// The outboxes that somebody empties whom the brokers' end does not stop.
fn watched(checked: &Checked, pipeline: &Pipeline) -> Result<Vec<Watched>, AppError> {
    let store = pipeline.store();
    let mut watched = Vec::new();
    if checked.influx.is_some() {
        for name in [influx::RESULTS, influx::READINGS] {
            watched.push(Watched { component: "influxdb".into(), outbox: store.outbox(name)? });
        }
    }
    for hook in &checked.webhooks {
        let name = webhook::outbox_name(&hook.name);
        watched.push(Watched { outbox: store.outbox(&name)?, component: name });
    }
    Ok(watched)
}

/// What every part gets.
struct Shared<'a> {
    health: &'a Health,
    metrics: &'a Metrics,
    clock: &'a Arc<dyn Clock>,
}

fn ended<T, E: std::error::Error>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "it was told to".into(),
        Err(error) => chain(&error),
    }
}

fn joined(ended: Result<(String, String), tokio::task::JoinError>) -> (String, String) {
    ended.unwrap_or_else(|error| ("a task".into(), format!("it panicked, which is a bug: {error}")))
}

/// The core's heartbeat, for `/healthz`.
#[derive(Debug)]
struct Heartbeat {
    beat: Arc<AtomicI64>,
    clock: Arc<dyn Clock>,
}

impl Progress for Heartbeat {
    fn heartbeat_age(&self) -> Duration {
        let age = self.clock.now_nanos().saturating_sub(self.beat.load(Ordering::Acquire));
        Duration::from_nanos(u64::try_from(age).unwrap_or(0))
    }
}

/// Finished batches, for the API.
#[derive(Debug)]
struct StoredBatches(Reader);

impl History for StoredBatches {
    fn batches(&self, line: Option<&str>, limit: usize) -> Result<Vec<BatchRecord>, String> {
        let stored = self.0.batches(line, limit).map_err(|error| error.to_string())?;
        Ok(stored.iter().filter_map(|batch| serde_json::from_str(&batch.record).ok()).collect())
    }

    fn batch(&self, line: &str, id: &str) -> Result<Option<BatchRecord>, String> {
        let stored = self.0.batch(line, id).map_err(|error| error.to_string())?;
        Ok(stored.and_then(|batch| serde_json::from_str(&batch.record).ok()))
    }
}
