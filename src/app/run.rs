//! `onspec run`: the shells around the core, and the order in which they stop.
//!
//! Tasks: one for each broker, one for InfluxDB, one for each webhook, the page, the fits, the
//! watch over all parts' health. Threads: the core; one for a fit while it runs. A part that must
//! never end and does is a bug: everything stops, what can be written is written, and the process
//! ends with 1 so that the service manager starts it again.
//!
//! SIGHUP reads the configuration again: when any part of it is wrong everything stays as it is; else
//! the parts stop in the order of the end and start again with it, in this process. Nothing is lost
//! by it: the brokers keep the sessions, the store has the state.
//!
//! Order of the end: brokers (what is not committed stays unacknowledged), core (a checkpoint),
//! senders (what waits goes on at the next start), the page last.

use super::core::{Control, Core};
use super::encode::{MQTT, Outputs};
use super::error::{AppError, chain};
use super::fits::{Columns, fit};
use super::heard::Heard;
use super::pipeline::{FitMode, Pipeline};
use super::secrets::{Absent, absent, resolve};
use super::watch::{Links, watch_health};
use crate::config::Checked;
use crate::engine::{BatchRecord, Command, Engine, FitRequest, View, session_part};
use crate::http::{ApiState, History, Progress};
use crate::mqtt::LinkEvent;
use crate::reading::Timestamp;
use crate::store::{Pending, Reader, Store};
use crate::telemetry::{Clock, Health, Metrics, State, SteadyClock};
use crate::{http, influx, mqtt, webhook};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
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
    let mut signals = Signals::new()?;
    let metrics = Metrics::default();
    let mut checked = checked;
    // What goes on when its successor cannot start.
    let mut before = None;
    loop {
        let mut parts = match start(&checked, &around, &metrics) {
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
        let outcome = parts.serve(&checked, &around, &mut signals).await;
        parts.stop(&mut signals).await?;
        match outcome? {
            Ended::Asked => return Ok(()),
            Ended::Reload(next) => before = Some(std::mem::replace(&mut checked, *next)),
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

/// Opens the store and starts all parts.
fn start(checked: &Checked, around: &Surroundings, metrics: &Metrics) -> Result<Parts, AppError> {
    let health = around.health.clone();
    health.forget();
    let clock = Arc::clone(&around.clock);
    let mut store = Store::open(&checked.store)?;
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
    if let Some((first, last)) = recovered.diverged {
        tracing::error!(
            first,
            last,
            "the journal gives other results than it gave before: it is of another release"
        );
    }
    Parts::new(checked, around, pipeline, metrics.clone())
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
    for orphan in store.name_receivers(&receivers, Timestamp::from_nanos(now))? {
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
}

impl Parts {
    fn new(
        checked: &Checked,
        around: &Surroundings,
        mut pipeline: Pipeline,
        metrics: Metrics,
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
        };
        let shared = Shared { health: &health, metrics: &metrics, clock: &clock };
        parts.start_senders(checked, &pipeline, &shared)?;
        let view = around.view.subscribe();
        let progress =
            Arc::new(Heartbeat { beat: Arc::clone(&heartbeat), clock: Arc::clone(&pace) });
        parts.start_page(checked, &pipeline, &shared, progress, view, around.note.clone())?;
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
                client: client.clone(),
            };
            self.senders.spawn(async move { (name, ended(webhook::run(sender).await)) });
        }
        Ok(())
    }

    fn start_page(
        &mut self,
        checked: &Checked,
        pipeline: &Pipeline,
        shared: &Shared<'_>,
        progress: Arc<Heartbeat>,
        view: watch::Receiver<Arc<View>>,
        note: watch::Receiver<Option<Arc<str>>>,
    ) -> Result<(), AppError> {
        let Some(settings) = checked.http.clone() else { return Ok(()) };
        let state = ApiState {
            view,
            health: shared.health.clone(),
            metrics: shared.metrics.clone(),
            clock: Arc::clone(shared.clock),
            progress,
            history: Some(Arc::new(StoredBatches(pipeline.store().reader()?))),
            note,
        };
        let cancel = self.stop_page.clone();
        self.page.spawn(async move {
            ("http".into(), ended(http::serve(settings, state, cancel).await))
        });
        Ok(())
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
                        if control.send(Control::Fitted(answer)).await.is_err() {
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
        let of_parts = |part: &&str| !Engine::is_told_by_links(part);
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
        signals: &mut Signals,
    ) -> Result<Ended, AppError> {
        let ended = loop {
            // Every branch is cancel-safe: joining and waiting take nothing when dropped.
            let ended = tokio::select! {
                () = around.cancel.cancelled() => None,
                signal = signals.next() => match signal {
                    Signal::Stop => None,
                    Signal::Reload => match read_again(around.config.as_deref(), checked) {
                        Some(next) => {
                            tracing::info!("the configuration was read again and takes effect");
                            return Ok(Ended::Reload(next));
                        }
                        None => continue,
                    },
                },
                () = self.core_ended.cancelled() => Some(("core".to_owned(), String::new())),
                Some(ended) = self.brokers.join_next() => Some(joined(ended)),
                Some(ended) = self.senders.join_next() => Some(joined(ended)),
                Some(ended) = self.page.join_next() => Some(joined(ended)),
            };
            break ended;
        };
        tracing::info!("stopping");
        match ended {
            None => Ok(Ended::Asked),
            // Why the core ended is known when its thread is joined.
            Some((part, _)) if part == "core" => Ok(Ended::Asked),
            Some((part, reason)) => Err(AppError::PartEnded { part, reason }),
        }
    }

    async fn stop(mut self, signals: &mut Signals) -> Result<(), AppError> {
        let deadline = tokio::time::sleep(DEADLINE);
        // Every branch is cancel-safe: what is dropped was to end anyway. A second signal does not
        // wait; nothing acknowledged is lost by it.
        tokio::select! {
            outcome = self.stop_in_order() => outcome,
            () = deadline => Err(AppError::Other(format!(
                "the end took longer than {} s; what was not committed was not acknowledged",
                DEADLINE.as_secs()
            ))),
            () = signals.next_stop() => Err(AppError::Other(
                "told twice to stop, which ends it at once; what was not committed was not \
                 acknowledged".into()
            )),
        }
    }

    async fn stop_in_order(&mut self) -> Result<(), AppError> {
        self.stop_brokers.cancel();
        while self.brokers.join_next().await.is_some() {}
        self.stop_core.cancel();
        // The core may have ended by itself; then nobody listens.
        let told = self.control.send(Control::Stop).await.is_ok();
        tracing::debug!(told, "the core was told to stop");
        let Some(core) = self.core.take() else { return Ok(()) };
        let report = tokio::task::spawn_blocking(|| core.join()).await;
        self.stop_senders.cancel();
        while self.senders.join_next().await.is_some() {}
        self.stop_page.cancel();
        while self.page.join_next().await.is_some() {}
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
}

/// The configuration as it is now; `None`, and said why, when it cannot be used.
fn read_again(path: Option<&Path>, now: &Checked) -> Option<Box<Checked>> {
    let Some(path) = path else {
        tracing::warn!("there is no file of a configuration to read again");
        return None;
    };
    let refused = |problem: String| {
        tracing::error!(
            problem,
            "the new configuration is refused, everything goes on with the old one"
        );
        None
    };
    let next = match crate::config::read(path) {
        Ok(next) => next,
        Err(problem) => return refused(problem.to_string()),
    };
    let absent = absent(&next);
    if !absent.is_empty() {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let of = |absent: &Absent| absent.told(path, &text);
        return refused(absent.iter().map(of).collect::<Vec<_>>().join("; "));
    }
    let listen = |checked: &Checked| checked.http.as_ref().map(|http| http.listen);
    match listen(&next).filter(|_| listen(&next) != listen(now)).map(TcpListener::bind) {
        Some(Err(error)) => refused(format!("cannot listen there: {error}")),
        _ => Some(Box::new(next)),
    }
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

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// The end.
    Stop,
    /// To read the configuration again.
    Reload,
}

/// The signals that ask for something.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, AppError> {
        use tokio::signal::unix::{SignalKind, signal};
        let fail = |source| AppError::Io { doing: "listen to signals".into(), source };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(fail)?,
            interrupt: signal(SignalKind::interrupt()).map_err(fail)?,
            hangup: signal(SignalKind::hangup()).map_err(fail)?,
        })
    }

    async fn next(&mut self) -> Signal {
        // Cancel-safe: a signal is kept until it is received.
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    async fn next_stop(&mut self) {
        while self.next().await != Signal::Stop {
            tracing::warn!("the configuration is not read again while everything stops");
        }
    }
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
