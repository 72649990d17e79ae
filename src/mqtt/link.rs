//! The link to one broker: connect, serve, classify, back off.

use super::backoff::Backoff;
use super::connection::{self, Context, End, ROOM_BYTES, Voice};
use super::host::{Ask, HostVoice};
use super::publisher::Publisher;
use super::receipts::Delivery;
use super::report::{LinkEvent, Report};
use super::tls::{TlsError, client_config};
use super::trouble::Kind;
use super::wire::Connect;
use super::{Settings, Version};
use crate::store::Outbox;
use crate::telemetry::{Clock, Health, Metrics, Secret};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// All that the link to a broker needs.
#[derive(Debug)]
pub struct Link {
    /// The broker.
    pub settings: Settings,
    /// User name and password, read from where [`Settings::credentials`] says they are.
    pub credentials: Option<(String, Option<Secret>)>,
    /// Filters, as brokers get them, that the session may still have from an older configuration: see
    /// [`filters`](super::filters). May be empty, or name some that it has no more.
    pub outdated: Vec<String>,
    /// Where messages go; full means that the broker has to wait. At most 64 MiB of messages of one
    /// link are on their way to their commit, and as many as this has places, in the broker's order.
    pub deliveries: mpsc::Sender<Delivery>,
    /// What to publish below [`Settings::publish_prefix`]; without prefix nothing is published.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// The newest verdicts from before this process, key and body: they are repeated each minute
    /// like those that come from the outbox. May be empty.
    pub newest_verdicts: Vec<(String, Vec<u8>)>,
    /// Edge nodes to be asked for their births, on the link of a host application.
    pub asks: Option<mpsc::Receiver<Ask>>,
    /// What happens to the link. Must be read.
    pub link_events: mpsc::Sender<LinkEvent>,
    /// The register in which the link is [`super::component`].
    pub health: Health,
    /// The register of counters.
    pub metrics: Metrics,
    /// Where receive times come from.
    pub clock: Arc<dyn Clock>,
    /// Ends the link.
    pub cancel: CancellationToken,
}

/// Why a link cannot be, whatever the broker does.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The settings cannot be used.
    #[error("broker `{name}`: {reason}")]
    Settings {
        /// The broker's name.
        name: String,
        /// What is wrong, and what to write.
        reason: &'static str,
    },
    /// No TLS with these certificates.
    #[error("broker `{name}`: no tls")]
    Tls {
        /// The broker's name.
        name: String,
        /// Why not.
        #[source]
        source: TlsError,
    },
    /// This machine gives no socket for the way to a broker behind a WebSocket.
    #[error("broker `{name}`: this machine gives no socket for the way to it")]
    Socket {
        /// The broker's name.
        name: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The receiver of the deliveries is gone: the core has ended.
    #[error("broker `{name}`: nobody takes its messages any more")]
    NobodyTakes {
        /// The broker's name.
        name: String,
    },
}

/// Keeps the link to a broker until it is cancelled.
///
/// Trouble with broker or network is waited out and never ends it. On cancel it takes no more
/// messages, publishes `offline`, says farewell and returns, within a few seconds; what the core has
/// not released stays unacknowledged, and the broker sends it again at the next start.
///
/// # Errors
/// At once, when settings or certificates cannot be used; later only when the core is gone.
pub async fn run(link: Link) -> Result<(), LinkError> {
    let name = link.settings.name.clone();
    check(&link.settings)?;
    let tls = self::tls(&link.settings)?;
    let seed = seed(link.clock.as_ref(), &link.settings.client_id);
    let mut backoff = Backoff::new(seed);
    let mut voice = match &link.settings.sparkplug {
        Some(host) => {
            // Where nobody asks, the queue is closed.
            let asks = link.asks.unwrap_or_else(|| mpsc::channel(1).1);
            Voice::Host(HostVoice::new(host.primary.as_deref(), asks))
        }
        None => Voice::Plant(Box::new(Publisher::new(
            link.settings.publish_prefix.clone(),
            link.outbox,
            link.newest_verdicts,
            seed.rotate_left(32),
        ))),
    };
    let context = Context {
        report: Report::new(
            &link.settings,
            (link.health, link.metrics),
            Arc::clone(&link.clock),
            link.link_events,
            link.cancel.clone(),
        ),
        broker: link.settings.name.as_str().into(),
        connect: Connect { settings: link.settings, credentials: link.credentials, tls },
        deliveries: link.deliveries,
        outdated: Mutex::new(link.outdated),
        room: Arc::new(Semaphore::new(ROOM_BYTES as usize)),
        clock: link.clock,
        cancel: link.cancel,
    };
    let mut forgive = false;
    loop {
        let trouble = match connection::serve(&context, &mut voice, forgive).await {
            End::Stopped => break,
            End::NobodyTakes => return Err(LinkError::NobodyTakes { name }),
            End::Lost(trouble, good) => {
                if good {
                    backoff.reset();
                }
                trouble
            }
        };
        forgive |= trouble.kind == Kind::Unsolicited;
        let wait = backoff.next(trouble.pace);
        context.report.down(&trouble, wait).await;
        tokio::select! {
            () = context.cancel.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    context.report.stopped();
    Ok(())
}

/// Whether there can be a link with these settings: what [`run`] would refuse at once. Reads the
/// certificates.
///
/// # Errors
/// As of [`run`], at once.
pub fn usable(settings: &Settings) -> Result<(), LinkError> {
    check(settings)?;
    tls(settings).map(drop)
}

/// What TLS to this broker needs; `None` if it is reached without. Reads the certificates.
///
/// # Errors
/// When certificates or key cannot be used.
pub fn tls(settings: &Settings) -> Result<Option<Arc<rustls::ClientConfig>>, LinkError> {
    let config = settings.tls.as_ref().map(client_config).transpose();
    config.map_err(|source| LinkError::Tls { name: settings.name.clone(), source })
}

/// What the library would panic at.
fn check(settings: &Settings) -> Result<(), LinkError> {
    let reason = if settings.client_id.is_empty() && settings.version == Version::V4 {
        "mqtt 3.1.1 keeps no session without a client id: set `client_id`"
    } else if settings.host.is_empty() {
        "it has no host: set `url`, for example `mqtt://broker:1883`"
    } else {
        return Ok(());
    };
    Err(LinkError::Settings { name: settings.name.clone(), reason })
}

/// A seed for jitter that differs between processes and between clients.
fn seed(clock: &dyn Clock, client_id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(client_id.as_bytes(), clock.now_nanos().cast_unsigned())
}
