//! `onspec run`: the shells around the core, and the order in which they stop.
//!
//! Tasks: one for each broker, one for InfluxDB, one for each webhook, the page, the fits, the
//! watch over all parts' health. Threads: the core; one for a fit while it runs. A part that must
//! never end and does is a bug: everything stops, what can be written is written, and the process
//! ends with 1 so that the service manager starts it again.
//!
//! SIGHUP, or a POST on the API, reads the configuration again: when any part of it is wrong everything
//! stays as it is; else the parts stop in the order of the end and start again with it, in this
//! process. Nothing is lost by it: the brokers keep the sessions, the store has the state. The links to
//! edge nodes, of which no broker keeps a session, stay where they are.
//!
//! Order of the end: brokers (what is not committed stays unacknowledged), senders (once what waits for
//! receivers that work is delivered, for a few seconds; the rest goes on at the next start), core (a
//! checkpoint), the page last.

mod desk;
mod ending;
mod events;
mod hosts;
mod models;
pub(super) mod moments;
mod parts;
mod webhooks;

use super::asked::Asks;
use super::encode::{MQTT, Outputs};
use super::error::{AppError, chain};
use super::heard::Heard;
use super::pipeline::{FULL_PAUSE, FitMode, Pipeline};
use super::secrets::permits;
use crate::config::Checked;
use crate::engine::View;
use crate::http::Reload;
use crate::reading::Timestamp;
use crate::store::{Pending, Store};
use crate::telemetry::{Clock, Health, Metrics, State, SteadyClock};
use crate::{influx, mqtt, webhook};
use hosts::HostLinks;
use parts::Parts;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

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
    let mut kept = HostLinks::default();
    let outcome = run_on(checked, around, &mut kept).await;
    kept.end().await;
    outcome
}

/// Runs with one configuration after another. What is `kept` from one to the next may be left when it ends.
async fn run_on(
    checked: Checked,
    around: Surroundings,
    kept: &mut HostLinks,
) -> Result<(), AppError> {
    let (mut asks, reload) = Asks::new(around.config.clone())?;
    let metrics = Metrics::default();
    let mut checked = checked;
    // What goes on when its successor cannot start, or ends as soon as it has.
    let mut before = None;
    let mut begins = true;
    loop {
        let (begun, begins) = (SteadyClock::start(), std::mem::take(&mut begins));
        kept.fit(&checked).await;
        around.health.forget(&kept.components());
        metrics.forget_parts();
        let started = match open_store(&checked, &around, &mut asks).await {
            Ok(Some(store)) => {
                start(store, &checked, &around, (&metrics, &reload), (begins, &mut *kept))
            }
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
        let outcome = parts.stop(&mut asks, goes_on, kept).await.and(outcome);
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

/// Starts all parts; `begins` with the process, and not for another configuration, which goes on with what
/// is `kept`.
fn start(
    mut store: Store,
    checked: &Checked,
    around: &Surroundings,
    (metrics, reload): (&Metrics, &mpsc::Sender<Reload>),
    (begins, kept): (bool, &mut HostLinks),
) -> Result<Parts, AppError> {
    let health = around.health.clone();
    let clock = Arc::clone(&around.clock);
    health.set("store", State::Ok, "", clock.now_nanos());
    name_orphans(&mut store, checked, &health, clock.now_nanos())?;
    // Before the page can be asked: a link that has not spoken yet is not ready.
    let stay = kept.components();
    let components = checked.links().map(mqtt::Settings::component);
    for component in components.filter(|component| !stay.contains(component)) {
        health.set(&component, State::Starting, "connecting", clock.now_nanos());
    }
    let links = webhook::Links { page: super::page(checked), permits: permits(checked)? };
    let outputs = Outputs {
        influx: checked.influx.is_some(),
        mqtt: checked.brokers.iter().any(|broker| broker.settings.publish_prefix.is_some()),
        webhooks: checked.webhooks.clone(),
        links,
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
    Parts::new(checked, around, pipeline, metrics.clone(), reload.clone(), (begins, kept))
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
