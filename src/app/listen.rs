//! Listening to brokers beside the daemon, for `tap` and `discover`: a connection of its own, that takes
//! nothing from anybody and leaves nothing behind.

use super::error::AppError;
use super::secrets::resolve;
use crate::decode::Arrival;
use crate::mqtt::{self, Delivery, Link, LinkEvent};
use crate::telemetry::{Clock, Health, Metrics, SystemClock};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages that wait for whoever looks at them; behind them the broker waits.
const WAITING: usize = 1024;

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// A message.
    Message(Arrival),
    /// The link to a broker, by its name, was made.
    Up(Arc<str>),
    /// It is gone, or cannot be made: why.
    Down(Arc<str>, String),
}

/// The connections of a listener.
#[derive(Debug)]
pub struct Listener {
    deliveries: mpsc::Receiver<Delivery>,
    events: mpsc::Receiver<(Arc<str>, LinkEvent)>,
    links: JoinSet<Result<(), mqtt::LinkError>>,
    forwards: JoinSet<()>,
    cancel: CancellationToken,
}

impl Listener {
    /// Connects to all brokers, under client ids that begin with `onspec-{what}` and belong to nobody else.
    /// A group that shares a subscription is not joined: it would miss what this one takes.
    ///
    /// # Errors
    /// When a password is not to be had.
    pub fn start(brokers: &[mqtt::Settings], what: &str) -> Result<Self, AppError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (deliveries_in, deliveries) = mpsc::channel(WAITING);
        let (events_in, events) = mpsc::channel(64);
        let (mut links, mut forwards) = (JoinSet::new(), JoinSet::new());
        let cancel = CancellationToken::new();
        for broker in brokers {
            let of = format!("{}.password", mqtt::component(&broker.name));
            let credentials = match &broker.credentials {
                Some((user, password)) => {
                    let password = password.as_ref().map(|source| resolve(&of, source));
                    Some((user.clone(), password.transpose()?))
                }
                None => None,
            };
            let seed = clock.now_nanos().cast_unsigned() ^ u64::from(std::process::id());
            let own = xxhash_rust::xxh3::xxh3_64_with_seed(broker.name.as_bytes(), seed);
            let name: Arc<str> = broker.name.as_str().into();
            let (of_this, mut its_events) = mpsc::channel(16);
            let all = events_in.clone();
            forwards.spawn(async move {
                while let Some(event) = its_events.recv().await {
                    if all.send((Arc::clone(&name), event)).await.is_err() {
                        break;
                    }
                }
            });
            links.spawn(mqtt::run(Link {
                settings: mqtt::Settings {
                    client_id: format!("onspec-{what}-{:08x}", own >> 32),
                    clean_start: true,
                    session_expiry: Duration::ZERO,
                    share: None,
                    publish_prefix: None,
                    sparkplug: None,
                    silent_after: Duration::ZERO,
                    ..broker.clone()
                },
                credentials,
                outdated: Vec::new(),
                deliveries: deliveries_in.clone(),
                outbox: None,
                newest_verdicts: Vec::new(),
                asks: None,
                link_events: of_this,
                health: Health::default(),
                metrics: Metrics::default(),
                clock: Arc::clone(&clock),
                cancel: cancel.clone(),
            }));
        }
        Ok(Self { deliveries, events, links, forwards, cancel })
    }

    /// The next that is heard; `None` when no link can be any more. Cancel-safe.
    ///
    /// # Errors
    /// When a link cannot be, whatever its broker does.
    pub async fn next(&mut self) -> Result<Option<Heard>, AppError> {
        loop {
            // Every branch is cancel-safe: a receive or a join that is dropped has taken nothing.
            tokio::select! {
                biased;
                Some((broker, event)) = self.events.recv() => match event {
                    LinkEvent::Up { .. } => return Ok(Some(Heard::Up(broker))),
                    LinkEvent::Down { reason } => return Ok(Some(Heard::Down(broker, reason))),
                    _ => {}
                },
                Some(delivery) = self.deliveries.recv() => {
                    delivery.receipt.release();
                    return Ok(Some(Heard::Message(delivery.arrival)));
                }
                ended = self.links.join_next() => match ended {
                    Some(Ok(Err(error))) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    /// Says farewell to all brokers.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        self.deliveries.close();
        while self.links.join_next().await.is_some() {}
        self.forwards.shutdown().await;
    }
}
