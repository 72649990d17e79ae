//! What happens on a link, said once: log line, counter, health and [`LinkEvent`] of one event come
//! from one function, so that they cannot drift apart.

use super::trouble::{Trouble, code_text};
use super::wire::{Granted, Session};
use super::{Pace, Settings, topics};
use crate::store::StoreError;
use crate::telemetry::{Clock, Health, Metrics, State};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What the daemon has to know about a link. The receiver must be read: the link waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// Connected.
    Up {
        /// True if the broker has kept our session. False means a new client id, or a session that
        /// was lost: the engine knows which, it remembers whether there was one.
        session_present: bool,
    },
    /// What the broker held for us when we connected has been read, as far as can be told.
    CaughtUp,
    /// The session has the configured filters, and none of an older configuration any more.
    Settled,
    /// Connected, and nothing comes.
    Silent,
    /// After [`LinkEvent::Silent`], something came.
    Heard,
    /// The connection is gone, or the first one cannot be made.
    Down {
        /// Why, for a person.
        reason: String,
    },
}

/// How the parts of a link are; its health is the worst of them.
#[derive(Debug, Default)]
struct Standing {
    down: Option<(State, String)>,
    /// Connected, and the broker has not answered the subscription: what is published now may pass
    /// us by, and nobody may be told that we are ready.
    unanswered: Option<String>,
    refused_filters: Option<String>,
    unpublished: Option<String>,
    silent: Option<String>,
}

impl Standing {
    fn overall(&self) -> (State, String) {
        if let Some((state, reason)) = &self.down {
            return (*state, reason.clone());
        }
        let parts = [
            (State::Starting, &self.unanswered),
            (State::Failed, &self.refused_filters),
            (State::Degraded, &self.unpublished),
            (State::Degraded, &self.silent),
        ];
        let bad = parts.iter().filter_map(|(state, reason)| Some((*state, reason.as_deref()?)));
        let state = bad.clone().map(|(state, _)| state).max().unwrap_or(State::Ok);
        let reasons: Vec<&str> = bad.map(|(_, reason)| reason).collect();
        (state, reasons.join("; "))
    }
}

/// The voice of one link.
#[derive(Debug)]
pub(super) struct Report {
    name: String,
    component: String,
    client_id: String,
    health: Health,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    events: mpsc::Sender<LinkEvent>,
    cancel: CancellationToken,
    standing: Mutex<Standing>,
    subscribes: bool,
}

impl Report {
    pub(super) fn new(
        settings: &Settings,
        (health, metrics): (Health, Metrics),
        clock: Arc<dyn Clock>,
        events: mpsc::Sender<LinkEvent>,
        cancel: CancellationToken,
    ) -> Self {
        let report = Self {
            name: settings.name.clone(),
            component: settings.component(),
            client_id: settings.client_id.clone(),
            health,
            metrics,
            clock,
            events,
            cancel,
            standing: Mutex::default(),
            subscribes: !settings.subscriptions.is_empty(),
        };
        report.stand(|standing| standing.down = Some((State::Starting, "connecting".to_owned())));
        for (filter, qos) in &settings.subscriptions {
            if *qos > 1 {
                tracing::info!(
                    broker = report.name,
                    filter,
                    "subscribes with qos 1, which is as safe here"
                );
            }
        }
        report
    }

    /// Connected.
    pub(super) async fn up(&self, session: Session) {
        // What was refused stands until the broker answers again, so that health does not flicker.
        self.stand(|standing| {
            standing.down = None;
            standing.unanswered = self.subscribes.then(|| "subscribing".to_owned());
            standing.silent = None;
        });
        let broker = [("broker", self.name.as_str())];
        self.metrics.add("onspec_mqtt_connections", &broker, 1);
        tracing::info!(broker = self.name, session_present = session.present, "connected");
        if !session.present {
            self.metrics.add("onspec_mqtt_sessions_begun", &broker, 1);
            let client_id = self.client_id.as_str();
            tracing::info!(broker = self.name, client_id, "the broker begins a new session");
        }
        self.emit(LinkEvent::Up { session_present: session.present }).await;
    }

    /// The connection is gone, or could not be made; the next attempt is `wait` away.
    pub(super) async fn down(&self, trouble: &Trouble, wait: Duration) {
        let state = match trouble.pace {
            Pace::Retry => State::Degraded,
            Pace::Slow | Pace::Rare => State::Failed,
        };
        let before = self.stand(|standing| {
            let before = standing.down.take();
            standing.down = Some((state, trouble.reason.clone()));
            before
        });
        let again_s = wait.as_secs_f64();
        let repeated = before.as_ref().is_some_and(|(_, reason)| *reason == trouble.reason);
        if repeated {
            tracing::debug!(broker = self.name, reason = trouble.reason, again_s, "still no link");
        } else {
            tracing::warn!(broker = self.name, reason = trouble.reason, again_s, "no link");
        }
        // Told once for each time it was up, and at the very start.
        if before.is_none_or(|(state, _)| state == State::Starting) {
            self.metrics.add("onspec_mqtt_connections_lost", &[("broker", &self.name)], 1);
            self.emit(LinkEvent::Down { reason: trouble.reason.clone() }).await;
        }
    }

    /// The link ends because it was told to.
    pub(super) fn stopped(&self) {
        self.stand(|standing| standing.down = Some((State::Degraded, "stopped".to_owned())));
        tracing::info!(broker = self.name, "disconnected");
    }

    /// Messages came.
    pub(super) fn messages(&self, count: u64, bytes: u64) {
        let broker = [("broker", self.name.as_str())];
        self.metrics.add("onspec_messages", &broker, count);
        self.metrics.add("onspec_message_bytes", &broker, bytes);
    }

    /// The broker has answered the subscription.
    pub(super) fn subscribed(&self, settings: &Settings, granted: &[Granted]) {
        let mut refused = Vec::new();
        for (index, (filter, asked)) in settings.subscriptions.iter().enumerate() {
            let filter = topics::filter(settings.share.as_deref(), filter);
            match granted.get(index) {
                Some(Ok(qos)) if *qos < (*asked).min(1) => tracing::warn!(
                    broker = self.name,
                    filter,
                    granted = *qos,
                    asked = *asked,
                    "the broker grants less than was asked: messages may be lost unseen"
                ),
                Some(Ok(_)) => {}
                Some(Err(code)) => refused.push(format!("`{filter}`: {}", code_text(*code))),
                None => refused.push(format!("`{filter}`: no answer")),
            }
        }
        self.refused(&refused);
    }

    /// The broker has answered to all filters that are wanted no more.
    pub(super) async fn unsubscribed(&self, outdated: &[String], refusals: &[u8]) {
        let filters = outdated.join(", ");
        if let Some(code) = refusals.first() {
            let reason = code_text(*code);
            tracing::warn!(
                broker = self.name,
                filters,
                reason,
                "the broker keeps subscriptions that are not configured any more: what comes by them is \
                 counted as of an unknown topic"
            );
            return;
        }
        tracing::info!(broker = self.name, filters, "subscribed no more");
        self.emit(LinkEvent::Settled).await;
    }

    /// The filters cannot even be asked for.
    pub(super) fn unaskable(&self, settings: &Settings) {
        let filters: Vec<String> = settings
            .subscriptions
            .iter()
            .map(|(filter, _)| topics::filter(settings.share.as_deref(), filter))
            .filter(|filter| !rumqttc::valid_filter(filter))
            .map(|filter| format!("`{filter}`: no topic filter, `#` stands last and alone"))
            .collect();
        self.refused(&filters);
    }

    fn refused(&self, filters: &[String]) {
        let reason = (!filters.is_empty())
            .then(|| format!("the broker refuses subscriptions: {}", filters.join(", ")));
        if let Some(reason) = &reason {
            tracing::error!(broker = self.name, reason, "nothing comes of what is refused");
        }
        self.stand(|standing| {
            standing.unanswered = None;
            standing.refused_filters = reason;
        });
    }

    /// What the broker held is read.
    pub(super) async fn caught_up(&self) {
        tracing::info!(broker = self.name, "the backlog is read");
        self.emit(LinkEvent::CaughtUp).await;
    }

    /// Connected, and nothing came for this long.
    pub(super) async fn silent(&self, after: Duration) {
        let reason = format!("connected, and nothing came for {} s", after.as_secs_f64());
        tracing::warn!(broker = self.name, reason, "silent");
        self.stand(|standing| standing.silent = Some(reason));
        self.emit(LinkEvent::Silent).await;
    }

    /// Something came again.
    pub(super) async fn heard_again(&self) {
        tracing::info!(broker = self.name, "messages come again");
        self.stand(|standing| standing.silent = None);
        self.emit(LinkEvent::Heard).await;
    }

    /// The broker has these publications.
    pub(super) fn published(&self, count: u64) {
        self.metrics.add("onspec_mqtt_published", &[("broker", &self.name)], count);
        self.stand(|standing| standing.unpublished = None);
    }

    /// An edge node was asked for its births.
    pub(super) fn asked(&self, group: &str, node: &str) {
        self.metrics.add("onspec_sparkplug_rebirths_asked", &[("broker", &self.name)], 1);
        tracing::debug!(broker = self.name, group, node, "asked for births");
    }

    /// The broker does not take a publication now; it is tried again.
    pub(super) fn not_now(&self, topic: &str, code: u8) {
        self.metrics.add("onspec_mqtt_publish_refused", &[("broker", &self.name)], 1);
        let reason = format!("the broker does not take `{topic}`: {}", code_text(code));
        tracing::warn!(broker = self.name, reason, "not published yet");
        self.stand(|standing| standing.unpublished = Some(reason));
    }

    /// The broker ends the connection again and again before it has answered what we publish.
    pub(super) fn disliked(&self) {
        self.metrics.add("onspec_mqtt_publish_refused", &[("broker", &self.name)], 1);
        let reason = "the broker ends the connection when something is published: look at what it \
                      lets us publish";
        tracing::warn!(broker = self.name, reason, "not published for a minute");
        self.stand(|standing| standing.unpublished = Some(reason.to_owned()));
    }

    /// A publication will never be taken, and is put aside.
    pub(super) fn never(&self, topic: &str, reason: &str) {
        self.metrics.add("onspec_mqtt_publish_refused", &[("broker", &self.name)], 1);
        tracing::error!(broker = self.name, topic, reason, "put aside unpublished");
    }

    /// The outbox cannot be read; it is tried again.
    pub(super) fn unreadable(&self, error: &StoreError) {
        let reason = format!("cannot read what to publish: {error}");
        tracing::error!(broker = self.name, reason, "not published yet");
        self.stand(|standing| standing.unpublished = Some(reason));
    }

    /// True if every link of the daemon works, so that what was last said still holds.
    pub(super) fn plant_is_heard(&self) -> bool {
        self.health
            .snapshot()
            .iter()
            .filter(|part| part.component.starts_with("mqtt/"))
            .all(|part| part.state == State::Ok)
    }

    fn stand<T>(&self, change: impl FnOnce(&mut Standing) -> T) -> T {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut standing);
        let (state, reason) = standing.overall();
        self.health.set(&self.component, state, &reason, self.clock.now_nanos());
        result
    }

    async fn emit(&self, event: LinkEvent) {
        tokio::select! {
            biased;
            // Nobody listens, then nobody needs to know.
            _ = self.events.send(event) => {}
            () = self.cancel.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_a_link_is_that_of_its_worst_part() {
        #[track_caller]
        fn check(standing: &Standing, state: State, reason: &str) {
            assert_eq!(standing.overall(), (state, reason.to_owned()));
        }
        let mut standing = Standing::default();
        check(&standing, State::Ok, "");
        standing.unanswered = Some("subscribing".to_owned());
        check(&standing, State::Starting, "subscribing");
        standing.unanswered = None;
        standing.silent = Some("silent".to_owned());
        check(&standing, State::Degraded, "silent");
        standing.refused_filters = Some("refused".to_owned());
        check(&standing, State::Failed, "refused; silent");
        standing.down = Some((State::Degraded, "down".to_owned()));
        check(&standing, State::Degraded, "down");
    }
}
