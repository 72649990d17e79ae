//! `onspec run`: the shells around the core, and the order in which they stop.
//!
//! Tasks: one for each broker, one for InfluxDB, one for each webhook, the page, the fits, the
//! watch over all parts' health. Threads: the core; one for a fit while it runs. A part that must
//! never end and does is a bug: everything stops, what can be written is written, and the process
//! ends with 1 so that the service manager starts it again.
//!
//! Order of the end: brokers (what is not committed stays unacknowledged), core (a checkpoint),
//! senders (what waits goes on at the next start), the page last.

use super::core::{Control, Core};
use super::encode::{MQTT, Outputs};
use super::error::AppError;
use super::fits::fit;
use super::heard::Heard;
use super::pipeline::{FitMode, Pipeline};
use super::secrets::resolve;
use super::watch::{Links, watch_health};
use crate::config::Checked;
use crate::engine::{BatchRecord, FitRequest, View};
use crate::http::{ApiState, History, Progress};
use crate::store::{Reader, Store};
use crate::telemetry::{Clock, Health, Metrics, State, SystemClock};
use crate::{http, influx, mqtt, webhook};
use std::sync::atomic::{AtomicI64, Ordering};
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
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start (store, secrets, listener), or a part ended that must not.
pub async fn run(checked: Checked, around: Surroundings) -> Result<(), AppError> {
    let health = around.health.clone();
    let metrics = Metrics::default();
    let clock = Arc::clone(&around.clock);
    let store = Store::open(&checked.store)?;
    health.set("store", State::Ok, "", clock.now_nanos());
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
    let mut parts = Parts::new(&checked, around, pipeline, metrics)?;
    let outcome = parts.serve().await;
    parts.stop().await?;
    outcome
}

/// The running parts.
struct Parts {
    brokers: JoinSet<(String, String)>,
    senders: JoinSet<(String, String)>,
    page: JoinSet<(String, String)>,
    stop_brokers: CancellationToken,
    stop_senders: CancellationToken,
    stop_page: CancellationToken,
    asked: CancellationToken,
    control: mpsc::Sender<Control>,
    core: Option<std::thread::JoinHandle<Result<super::core::CoreReport, AppError>>>,
    core_ended: CancellationToken,
}

impl Parts {
    fn new(
        checked: &Checked,
        around: Surroundings,
        mut pipeline: Pipeline,
        metrics: Metrics,
    ) -> Result<Self, AppError> {
        let (clock, health) = (around.clock, around.health);
        let (deliveries, received) = mpsc::channel(DELIVERIES_WAITING);
        let (control, controls) = mpsc::channel(256);
        let (fit_requests, asked_fits) = mpsc::channel(64);
        let pace: Arc<dyn Clock> = Arc::new(SystemClock);
        let heartbeat = Arc::new(AtomicI64::new(pace.now_nanos()));
        let mut parts = Self {
            brokers: JoinSet::new(),
            senders: JoinSet::new(),
            page: JoinSet::new(),
            stop_brokers: CancellationToken::new(),
            stop_senders: CancellationToken::new(),
            stop_page: CancellationToken::new(),
            asked: around.cancel,
            control: control.clone(),
            core: None,
            core_ended: CancellationToken::new(),
        };
        let shared = Shared { health: &health, metrics: &metrics, clock: &clock };
        parts.start_senders(checked, &pipeline, &shared)?;
        let view = around.view.subscribe();
        parts.start_page(checked, &pipeline, &shared, &heartbeat, view, around.note)?;
        parts.start_fits(pipeline.store().reader()?, asked_fits, control.clone());
        parts.start_brokers(checked, &pipeline, &shared, &deliveries, control)?;
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
            view: around.view,
            committed: around.committed,
            heartbeat,
            clock,
            pace,
            ticks: around.ticks,
            heard: around.heard,
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
        heartbeat: &Arc<AtomicI64>,
        view: watch::Receiver<Arc<View>>,
        note: watch::Receiver<Option<Arc<str>>>,
    ) -> Result<(), AppError> {
        let Some(settings) = checked.http.clone() else { return Ok(()) };
        let state = ApiState {
            view,
            health: shared.health.clone(),
            metrics: shared.metrics.clone(),
            clock: Arc::clone(shared.clock),
            progress: Arc::new(Heartbeat {
                beat: Arc::clone(heartbeat),
                clock: Arc::new(SystemClock),
            }),
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
        mut requests: mpsc::Receiver<(FitRequest, Vec<Arc<str>>)>,
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
                let answer =
                    tokio::task::spawn_blocking(move || fit(&reader, &request, &columns)).await;
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
        control: mpsc::Sender<Control>,
    ) -> Result<(), AppError> {
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
            let of = name.clone();
            self.brokers.spawn(async move {
                while let Some(event) = its_events.recv().await {
                    if all.send((index, event)).await.is_err() {
                        break;
                    }
                }
                (of, "its link has ended".into())
            });
            let link = mqtt::Link {
                settings: settings.clone(),
                broker_index: index,
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
        let links = Links::new(checked.brokers.len(), Arc::clone(shared.clock));
        let stop = self.stop_senders.clone();
        let to_core = control.clone();
        self.senders.spawn(async move {
            links.follow(events, to_core, stop).await;
            ("links".into(), "it was told to".into())
        });
        let (health, clock) = (shared.health.clone(), Arc::clone(shared.clock));
        let (metrics, stop) = (shared.metrics.clone(), self.stop_senders.clone());
        self.senders.spawn(async move {
            watch_health(health, metrics, clock, control, stop).await;
            ("health".into(), "it was told to".into())
        });
        Ok(())
    }

    /// Waits until somebody asks to stop, or a part ends that must not.
    async fn serve(&mut self) -> Result<(), AppError> {
        let mut signals = Signals::new()?;
        // Every branch is cancel-safe: joining and waiting take nothing when dropped.
        let ended = tokio::select! {
            () = self.asked.cancelled() => None,
            () = signals.next() => None,
            () = self.core_ended.cancelled() => Some(("core".to_owned(), "see the error before".to_owned())),
            Some(ended) = self.brokers.join_next() => Some(joined(ended)),
            Some(ended) = self.senders.join_next() => Some(joined(ended)),
            Some(ended) = self.page.join_next() => Some(joined(ended)),
        };
        tracing::info!("stopping");
        match ended {
            None => {
                // A second signal does not wait.
                std::thread::Builder::new()
                    .name("second-signal".into())
                    .spawn(move || signals.exit_at_next())
                    .map_err(|source| AppError::Io { doing: "start a thread".into(), source })?;
                Ok(())
            }
            Some((part, reason)) => Err(AppError::PartEnded { part, reason }),
        }
    }

    async fn stop(mut self) -> Result<(), AppError> {
        let whole = async {
            self.stop_brokers.cancel();
            while self.brokers.join_next().await.is_some() {}
            // The core may have ended by itself; then nobody listens.
            let told = self.control.send(Control::Stop).await.is_ok();
            tracing::debug!(told, "the core was told to stop");
            let core = self.core.take().map(|thread| tokio::task::spawn_blocking(|| thread.join()));
            let report = match core {
                Some(core) => core.await,
                None => return Ok(()),
            };
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
        };
        match tokio::time::timeout(DEADLINE, whole).await {
            Ok(outcome) => outcome,
            Err(_) => Err(AppError::Other(format!(
                "the end took longer than {} s; what was not committed was not acknowledged",
                DEADLINE.as_secs()
            ))),
        }
    }
}

/// What every part gets.
struct Shared<'a> {
    health: &'a Health,
    metrics: &'a Metrics,
    clock: &'a Arc<dyn Clock>,
}

fn ended<T, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "it was told to".into(),
        Err(error) => error.to_string(),
    }
}

fn joined(ended: Result<(String, String), tokio::task::JoinError>) -> (String, String) {
    ended.unwrap_or_else(|error| ("a task".into(), format!("it panicked, which is a bug: {error}")))
}

/// The signals that ask to stop.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, AppError> {
        use tokio::signal::unix::{SignalKind, signal};
        let fail = |source| AppError::Io { doing: "listen to signals".into(), source };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(fail)?,
            interrupt: signal(SignalKind::interrupt()).map_err(fail)?,
        })
    }

    async fn next(&mut self) {
        // Cancel-safe: a signal is kept until it is received.
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// A second signal means now; nothing acknowledged is lost by it.
    fn exit_at_next(mut self) {
        let waiting = tokio::runtime::Builder::new_current_thread().build();
        if let Ok(waiting) = waiting {
            waiting.block_on(self.next());
            std::process::exit(1);
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
