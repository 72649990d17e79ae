//! The running parts: how each is started, and what ends their serving.

use super::super::asked::{Asked, Asks};
use super::super::batches;
use super::super::core::{BirthsAsked, Control, Core, CoreReport, hand};
use super::super::encode::MQTT;
use super::super::error::{AppError, chain};
use super::super::fits::{Columns, FitProgress, Wanted, answer_telling};
use super::super::moment::Under;
use super::super::pipeline::Pipeline;
use super::super::reports;
use super::super::secrets::{Absent, resolve, template};
use super::super::watch::{Broker, Links, watch_health};
use super::desk::RunningDesk;
use super::ending::{Watched, watched};
use super::events::RunningLog;
use super::hosts::{HostLink, HostLinks, Made, Parted};
use super::models::RunningModels;
use super::moments::RunningMoments;
use super::webhooks::RunningWebhooks;
use super::{Ended, Surroundings};
use crate::batch::{Genealogy, Metres};
use crate::config::Checked;
use crate::engine::{BatchRecord, Command, Engine, session_part};
use crate::http::{ApiState, History, Progress, Reload};
use crate::mqtt::LinkEvent;
use crate::reading::Timestamp;
use crate::report::{BatchData, Week, WeekData};
use crate::store::{AuditEntry, BatchFilter, BatchPlace, Reader};
use crate::telemetry::{Clock, Health, Metrics, SteadyClock};
use crate::verdict::{Apart, Period, Scoreboard, Uniformity};
use crate::{http, influx, mqtt, webhook};
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages received and not yet committed, at most.
pub(super) const DELIVERIES_WAITING: usize = 8192;

/// Requests for births that wait for a link, at most.
pub(super) const ASKS_WAITING: usize = 1024;

/// What a link says of itself and nobody has read, at most: then it waits.
pub(super) const EVENTS_WAITING: usize = 16;

/// The running parts.
pub(super) struct Parts {
    pub(super) brokers: JoinSet<(String, String)>,
    /// Those who stand between a link to edge nodes and the core.
    pub(super) hosts: JoinSet<Parted>,
    /// Hand on what the links say; they end with their links, which say why themselves.
    pub(super) link_events: JoinSet<()>,
    pub(super) senders: JoinSet<(String, String)>,
    pub(super) page: JoinSet<(String, String)>,
    pub(super) stop_brokers: CancellationToken,
    pub(super) stop_senders: CancellationToken,
    pub(super) stop_page: CancellationToken,
    /// Told to the core's wait for room in the store.
    pub(super) stop_core: CancellationToken,
    pub(super) control: mpsc::Sender<Control>,
    pub(super) core: Option<std::thread::JoinHandle<Result<CoreReport, AppError>>>,
    pub(super) core_ended: CancellationToken,
    pub(super) health: Health,
    /// What is delivered before the end.
    pub(super) watched: Vec<Watched>,
}

/// What the page has to know of the links by which alarms are acknowledged, if they are given out.
fn page_links(links: &webhook::Links) -> Option<Arc<http::Links>> {
    let (key, public_url) = (links.permits.clone()?, links.page.clone()?);
    Some(Arc::new(http::Links { key, public_url }))
}

impl Parts {
    /// None that runs yet.
    fn none(control: mpsc::Sender<Control>, health: Health) -> Self {
        Self {
            brokers: JoinSet::new(),
            hosts: JoinSet::new(),
            link_events: JoinSet::new(),
            senders: JoinSet::new(),
            page: JoinSet::new(),
            stop_brokers: CancellationToken::new(),
            stop_senders: CancellationToken::new(),
            stop_page: CancellationToken::new(),
            stop_core: CancellationToken::new(),
            control,
            core: None,
            core_ended: CancellationToken::new(),
            health,
            watched: Vec::new(),
        }
    }

    pub(super) fn new(
        checked: &Checked,
        around: &Surroundings,
        mut pipeline: Pipeline,
        metrics: Metrics,
        reload: mpsc::Sender<Reload>,
        (begins, kept): (bool, &mut HostLinks),
    ) -> Result<Self, AppError> {
        let (clock, health) = (Arc::clone(&around.clock), around.health.clone());
        let (deliveries, received) = mpsc::channel(DELIVERIES_WAITING);
        let (control, controls) = mpsc::channel(256);
        if begins {
            // The first of all that the core hears, before any message.
            let started = Command::Started { at: Timestamp::from_nanos(clock.now_nanos()) };
            control.try_send(Control::Command(started)).expect("the queue is new and empty");
        }
        let (fit_requests, asked_fits) = mpsc::channel(64);
        let pace: Arc<dyn Clock> = Arc::new(SteadyClock::start());
        let all_read = Arc::new(AtomicBool::new(false));
        let heartbeat = Arc::new(AtomicI64::new(pace.now_nanos()));
        let mut parts = Self::none(control.clone(), health.clone());
        let shared = Shared { health: &health, metrics: &metrics, clock: &clock };
        let progress = FitProgress::default();
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
            models: Some(Arc::new(RunningModels::new(
                pipeline.store().reader()?,
                checked.store.path.clone().unwrap_or_default(),
                control.clone(),
            ))),
            moments: Some(Arc::new(RunningMoments::new(
                pipeline.store().reader()?,
                checked.store.path.clone().unwrap_or_default(),
                Under { plant: checked.plant.clone(), rules: checked.rules() },
            ))),
            desk: Some(Arc::new(RunningDesk(control.clone()))),
            webhooks: Some(Arc::new(RunningWebhooks::new(
                pipeline.store().reader()?,
                checked.webhooks.iter().map(|hook| hook.name.clone()).collect(),
                control.clone(),
            ))),
            events: Some(Arc::new(RunningLog::new(
                pipeline.store().reader()?,
                pipeline.store().notified(),
            ))),
            fits: Some(Arc::new(progress.clone())),
            note: around.note.clone(),
            reload: Some(reload),
            locale: checked.locale.clone(),
            shifts: checked.shifts.iter().map(|shift| shift.begins).collect(),
            public_url: checked.http.as_ref().and_then(|http| http.public_url.clone()),
            links: page_links(pipeline.links()),
        };
        parts.start_page(checked, state);
        let lines = checked.plant.lines.iter().map(|line| Arc::clone(&line.name)).collect();
        let told = (lines, progress, Arc::clone(&clock));
        parts.start_fits(pipeline.store().reader()?, asked_fits, control.clone(), told);
        let (events, births) =
            parts.start_brokers(checked, &pipeline, &shared, &deliveries, kept)?;
        parts.start_watches(checked, &pipeline, &shared, events, &all_read);
        drop(deliveries);
        for request in pipeline.take_requests() {
            let columns = pipeline.columns(request.line());
            if fit_requests.try_send((request, columns)).is_err() {
                tracing::warn!("too many fits wait, one was put off to the next start");
            }
        }
        let core = Core {
            pipeline,
            deliveries: received,
            control: controls,
            fits: fit_requests,
            births,
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
        let client =
            |private| webhook::client(private).map_err(|error| AppError::Other(error.to_string()));
        let (meant, anywhere) = (client(false)?, client(true)?);
        let now = Timestamp::from_nanos(shared.clock.now_nanos());
        for mut settings in checked.webhooks.clone() {
            let read = template(&settings);
            settings.template = read.map_err(|Absent { key, reason, .. }| {
                AppError::Other(format!("{key}: {reason}"))
            })?;
            let name = webhook::outbox_name(&settings.name);
            let secret = settings.secret.as_ref();
            let told = pipeline.engine().told_alarms();
            let sender = webhook::Sender {
                standing: webhook::standing(&settings, told, (pipeline.links(), now)),
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
            let client = if sender.settings.private { &anywhere } else { &meant }.clone();
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
        mut requests: mpsc::Receiver<(Wanted, Columns)>,
        control: mpsc::Sender<Control>,
        (lines, progress, clock): (Vec<Arc<str>>, FitProgress, Arc<dyn Clock>),
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
                let (line, grade) = (request.line(), Arc::clone(request.grade()));
                let name = lines.get(line.get()).cloned().unwrap_or_else(|| "".into());
                progress.begin(name, &request, Timestamp::from_nanos(clock.now_nanos()));
                let told = progress.clone();
                let fitting = tokio::task::spawn_blocking(move || {
                    answer_telling(&reader, &request, &columns, &mut |stage| told.at(stage))
                });
                // Cancel-safe: a fit that nobody waits for any more ends unheard, and its request
                // is made again at the next start.
                let answer = tokio::select! {
                    answer = fitting => answer,
                    () = stop.cancelled() => break,
                };
                progress.end();
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
        kept: &mut HostLinks,
    ) -> Result<(mpsc::Receiver<(usize, LinkEvent)>, BirthsAsked), AppError> {
        let (link_events, events) = mpsc::channel(64);
        let mut births = BirthsAsked::new();
        let newest_verdicts = pipeline.newest_verdicts();
        for (index, settings) in checked.links().enumerate() {
            let made = Made::of(settings)?;
            if settings.sparkplug.is_some() {
                let link = kept.take(&made).unwrap_or_else(|| HostLink::start(made, shared));
                births.insert(settings.name.as_str().into(), link.asks());
                let events = (index, link_events.clone());
                self.hosts.spawn(link.serve(deliveries.clone(), events, self.stop_brokers.clone()));
                continue;
            }
            let name = settings.component();
            let publishes = settings.publish_prefix.is_some();
            let (of_this, mut its_events) = mpsc::channel(EVENTS_WAITING);
            let all = link_events.clone();
            self.link_events.spawn(async move {
                while let Some(event) = its_events.recv().await {
                    if all.send((index, event)).await.is_err() {
                        break;
                    }
                }
            });
            let filters = mqtt::filters(settings);
            let engine = pipeline.engine();
            let known = || engine.subscriptions(&name, &settings.client_id);
            let outdated: Vec<String> = known()
                .filter(|known| !filters.iter().any(|filter| filter == known))
                .map(str::to_owned)
                .collect();
            let new: Vec<&str> = filters
                .iter()
                .map(String::as_str)
                .filter(|filter| known().all(|known| known != *filter))
                .collect();
            if known().next().is_some() && !(new.is_empty() && outdated.is_empty()) {
                let (new, outdated) = (new.join(", "), outdated.join(", "));
                tracing::info!(broker = settings.name, new, outdated, "subscribes to other topics");
            }
            let link = mqtt::Link {
                settings: made.settings,
                outdated,
                newest_verdicts: newest_verdicts.clone(),
                credentials: made.credentials,
                asks: None,
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
        Ok((events, births))
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
        let names = checked.links().map(|settings| {
            let (component, keeps) = (settings.component(), settings.sparkplug.is_none());
            let lost = engine.failed_parts().any(|part| *part == *session_part(&component));
            let filters = mqtt::filters(settings).into_iter().map(Into::into).collect();
            Broker {
                lost,
                filters,
                component: component.into(),
                client_id: keeps.then(|| settings.client_id.as_str().into()),
            }
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
        let of_parts =
            |part: &&str| !Engine::told_by_link(part).is_some_and(is_link) && !engine.tells(part);
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
    pub(super) async fn serve(
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
            Some(ended) = self.hosts.join_next() => match ended {
                // Nobody but us tells it to stop.
                Ok(Parted::Stopped(_)) => None,
                Ok(Parted::Ended(part, reason)) => Some((part, reason)),
                Err(error) => Some(joined(Err(error))),
            },
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
}

/// What every part gets.
pub(super) struct Shared<'a> {
    pub(super) health: &'a Health,
    pub(super) metrics: &'a Metrics,
    pub(super) clock: &'a Arc<dyn Clock>,
}

pub(super) fn ended<T, E: std::error::Error>(result: Result<T, E>) -> String {
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
    fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>, String> {
        self.0.audit(before, limit).map_err(|error| error.to_string())
    }

    fn batches(&self, line: Option<&str>, limit: usize) -> Result<Vec<BatchRecord>, String> {
        batches::newest(&self.0, line, limit).map_err(|error| error.to_string())
    }

    fn batch_list(
        &self,
        wanted: &BatchFilter,
        limit: usize,
    ) -> Result<(Vec<BatchRecord>, Option<BatchPlace>), String> {
        batches::list(&self.0, wanted, limit).map_err(|error| error.to_string())
    }

    fn batch(&self, line: &str, id: &str) -> Result<Option<BatchRecord>, String> {
        batches::one(&self.0, line, id).map_err(|error| error.to_string())
    }

    fn genealogy(&self, name: &str, stretch: Option<Metres>) -> Result<Genealogy, String> {
        batches::genealogy(&self.0, name, stretch).map_err(|error| error.to_string())
    }

    fn scoreboard(
        &self,
        of: (Option<&str>, Option<&str>),
        by: Period,
        limit: usize,
    ) -> Result<Scoreboard, String> {
        batches::scoreboard(&self.0, of, by, limit).map_err(|error| error.to_string())
    }

    fn report(&self, line: &str, id: &str) -> Result<Option<BatchData>, String> {
        reports::batch(&self.0, line, id).map_err(|error| error.to_string())
    }

    fn week(
        &self,
        line: Option<&str>,
        week: Option<Week>,
        zone: &TimeZone,
    ) -> Result<Option<WeekData>, String> {
        reports::week(&self.0, line, week, zone).map_err(|error| error.to_string())
    }

    fn uniformity(
        &self,
        of: (Option<&str>, Option<&str>),
        apart: Apart,
        limit: usize,
    ) -> Result<Uniformity, String> {
        batches::uniformity(&self.0, of, apart, limit).map_err(|error| error.to_string())
    }
}
