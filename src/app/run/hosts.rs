//! Links to edge nodes, which outlive a configuration.
//!
//! Edge nodes are heard in a session that no broker keeps, as the specification of Sparkplug B has it, and
//! may wait for a primary host: when its link goes, what they say meanwhile is lost, and those that wait
//! close their own sessions and come back. So a link that another configuration has as well, to the
//! letter, stays; what it hears waits in its queue until the parts that take it have started again.

use super::super::secrets::resolve;
use super::parts::{ASKS_WAITING, DELIVERIES_WAITING, EVENTS_WAITING, Shared, ended};
use crate::config::Checked;
use crate::mqtt::{self, Ask, Delivery, Link, LinkEvent};
use crate::telemetry::Secret;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// All that a link is made of: one of other settings is another link.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) settings: mqtt::Settings,
    pub(super) credentials: Option<(String, Option<Secret>)>,
    /// What its certificates and its key were: they are renewed under the same names.
    files: Vec<Option<Vec<u8>>>,
}

impl Made {
    /// Reads password, certificates and key.
    ///
    /// # Errors
    /// When there is no such password. A file that cannot be read is told by the link.
    pub(super) fn of(settings: &mqtt::Settings) -> Result<Self, super::AppError> {
        let credentials = match &settings.credentials {
            Some((user, password)) => {
                let of = format!("{}.password", mqtt::component(&settings.name));
                let password = password.as_ref().map(|source| resolve(&of, source));
                Some((user.clone(), password.transpose()?))
            }
            None => None,
        };
        let tls = settings.tls.as_ref();
        let identity = tls.and_then(|tls| tls.identity.as_ref());
        let files = tls
            .and_then(|tls| tls.ca.as_ref())
            .into_iter()
            .chain(identity.into_iter().flat_map(|(certificate, key)| [certificate, key]))
            .map(|path| std::fs::read(path).ok())
            .collect();
        Ok(Self { settings: settings.clone(), credentials, files })
    }
}

/// The link of a host application, with the ends of its queues that the parts hold.
#[derive(Debug)]
pub(super) struct HostLink {
    made: Made,
    deliveries: mpsc::Receiver<Delivery>,
    events: mpsc::Receiver<LinkEvent>,
    asks: mpsc::Sender<Ask>,
    stands: Stands,
    /// One task, which says why it ended.
    task: JoinSet<String>,
    cancel: CancellationToken,
}

/// How a link is, which parts that are new to it have to hear as if it happened now.
#[derive(Debug, Default)]
struct Stands {
    up: Option<LinkEvent>,
    read: bool,
}

impl Stands {
    fn note(&mut self, event: &LinkEvent) {
        match event {
            LinkEvent::Up { .. } => *self = Self { up: Some(event.clone()), read: false },
            LinkEvent::CaughtUp => self.read = true,
            LinkEvent::Down { .. } => *self = Self::default(),
            LinkEvent::Settled | LinkEvent::Silent | LinkEvent::Heard => {}
        }
    }

    fn said(&self) -> impl Iterator<Item = LinkEvent> + use<> {
        let read = self.read.then_some(LinkEvent::CaughtUp);
        self.up.clone().into_iter().chain(read)
    }
}

/// How the parts and a link have parted.
#[derive(Debug)]
pub(super) enum Parted {
    /// The parts were told to stop: the link is there.
    Stopped(Box<HostLink>),
    /// The link has ended by itself: its component, and why.
    Ended(String, String),
}

impl HostLink {
    /// Starts the link.
    pub(super) fn start(made: Made, shared: &Shared<'_>) -> Self {
        let (deliver, deliveries) = mpsc::channel(DELIVERIES_WAITING);
        let (tell, events) = mpsc::channel(EVENTS_WAITING);
        let (asks, asked) = mpsc::channel(ASKS_WAITING);
        let cancel = CancellationToken::new();
        let link = Link {
            settings: made.settings.clone(),
            outdated: Vec::new(),
            newest_verdicts: Vec::new(),
            credentials: made.credentials.clone(),
            asks: Some(asked),
            deliveries: deliver,
            outbox: None,
            link_events: tell,
            health: shared.health.clone(),
            metrics: shared.metrics.clone(),
            clock: Arc::clone(shared.clock),
            cancel: cancel.clone(),
        };
        let mut task = JoinSet::new();
        task.spawn(async move { ended(mqtt::run(link).await) });
        Self { made, deliveries, events, asks, stands: Stands::default(), task, cancel }
    }

    /// Where it is told whom to ask for births.
    pub(super) fn asks(&self) -> mpsc::Sender<Ask> {
        self.asks.clone()
    }

    /// Hands on what the link hears and how it is, until told to stop: what was not handed on by then
    /// waits for the next who calls this.
    pub(super) async fn serve(
        mut self,
        deliveries: mpsc::Sender<Delivery>,
        (index, events): (usize, mpsc::Sender<(usize, LinkEvent)>),
        stop: CancellationToken,
    ) -> Parted {
        let Self { deliveries: heard, events: told, stands, task, .. } = &mut self;
        // A place is there before anything is taken for it, so that dropping these loses nothing. Nobody
        // takes any more: then the parts are about to be stopped.
        let messages = async {
            while let Ok(place) = deliveries.reserve().await {
                let Some(delivery) = heard.recv().await else { break };
                place.send(delivery);
            }
            std::future::pending::<()>().await;
        };
        let words = async {
            for event in stands.said() {
                if events.send((index, event)).await.is_err() {
                    break;
                }
            }
            while let Ok(place) = events.reserve().await {
                let Some(event) = told.recv().await else { break };
                stands.note(&event);
                place.send((index, event));
            }
            std::future::pending::<()>().await;
        };
        // Every branch is cancel-safe, see above; a task that is not waited for any more goes on.
        let why = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            Some(why) = task.join_next() => Some(why),
            () = async { tokio::join!(messages, words); } => None,
        };
        match why {
            None => Parted::Stopped(Box::new(self)),
            Some(why) => {
                let why =
                    why.unwrap_or_else(|error| format!("it panicked, which is a bug: {error}"));
                Parted::Ended(self.made.settings.component(), why)
            }
        }
    }

    /// Lets the link say farewell, and waits until it is gone.
    async fn end(self) {
        let Self { mut task, cancel, .. } = self;
        cancel.cancel();
        while let Some(why) = task.join_next().await {
            if let Err(error) = why {
                tracing::error!(%error, "a link panicked, which is a bug");
            }
        }
    }
}

/// The links that no parts hold just now.
#[derive(Debug, Default)]
pub(super) struct HostLinks(Vec<HostLink>);

impl HostLinks {
    /// Keeps a link for the next parts.
    pub(super) fn keep(&mut self, link: HostLink) {
        self.0.push(link);
    }

    /// The components that are kept.
    pub(super) fn components(&self) -> Vec<String> {
        self.0.iter().map(|link| link.made.settings.component()).collect()
    }

    /// Ends the links that a configuration does not have like this.
    pub(super) async fn fit(&mut self, checked: &Checked) {
        let wanted: Vec<Made> = checked.links().filter_map(|of| Made::of(of).ok()).collect();
        let is_other = |link: &mut HostLink| !wanted.contains(&link.made);
        let others: Vec<HostLink> = self.0.extract_if(.., is_other).collect();
        Self(others).end().await;
    }

    /// The link that is made like this, if there is one.
    pub(super) fn take(&mut self, made: &Made) -> Option<HostLink> {
        let at = self.0.iter().position(|link| link.made == *made)?;
        Some(self.0.swap_remove(at))
    }

    /// Ends all.
    pub(super) async fn end(&mut self) {
        for link in std::mem::take(&mut self.0) {
            link.end().await;
        }
    }
}
