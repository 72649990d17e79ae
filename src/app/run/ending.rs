//! The end of all parts, in order, within its time.

use super::super::asked::Asks;
use super::super::core::Control;
use super::super::error::AppError;
use super::super::pipeline::Pipeline;
use super::hosts::{HostLinks, Parted};
use super::parts::Parts;
use crate::config::Checked;
use crate::store::{Outbox, Pending};
use crate::telemetry::State;
use crate::{influx, webhook};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// How long the end may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// How much of that is for what can still be delivered.
const DRAIN: Duration = Duration::from_secs(8);
/// How often it is looked whether all is delivered.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// How often people are told what the end waits for.
const STILL_PENDING: Duration = Duration::from_secs(5);

impl Parts {
    /// Stops all parts in order. Unless it `goes_on` with others, which get the links that are `kept`,
    /// what can be delivered is delivered before.
    pub(super) async fn stop(
        mut self,
        asks: &mut Asks,
        goes_on: bool,
        kept: &mut HostLinks,
    ) -> Result<(), AppError> {
        let deadline = tokio::time::sleep(DEADLINE);
        let stage = Cell::new("");
        // Every branch is cancel-safe: what is dropped was to end anyway. A second signal does not
        // wait; nothing acknowledged is lost by it.
        tokio::select! {
            outcome = self.stop_in_order(!goes_on, &stage, kept) => outcome,
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
        kept: &mut HostLinks,
    ) -> Result<(), AppError> {
        stage.set("the links to the brokers");
        self.stop_brokers.cancel();
        while self.brokers.join_next().await.is_some() {}
        while let Some(parted) = self.hosts.join_next().await {
            if let Ok(Parted::Stopped(link)) = parted {
                kept.keep(*link);
            }
        }
        if drain {
            kept.end().await;
        }
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
pub(super) struct Watched {
    component: String,
    outbox: Arc<dyn Outbox>,
}

/// The outboxes that somebody empties whom the brokers' end does not stop.
pub(super) fn watched(checked: &Checked, pipeline: &Pipeline) -> Result<Vec<Watched>, AppError> {
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
