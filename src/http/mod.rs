//! axum: the page, the API, metrics and health. Sees only the engine's view, store reads and health.
//!
//! It never changes anything of the plant: every route reads, but for the one that has the configuration
//! read again, those that let another model judge, those that are told of batches and alarms, and those by which refused events go to their
//! receivers again or are discarded; a link that acknowledges an alarm is signed. It never listens beyond loopback, because it has
//! neither token nor TLS; a proxy that has both stands in front where people want more. What it
//! shows comes from an [`engine::View`](crate::engine::View), a copy: a slow reader never holds up
//! the engine.
//!
//! Bounds: [`CONNECTIONS_MAX`] connections, [`STREAMS_MAX`] event streams, [`READS_MAX`] store reads
//! at a time, [`BODY_MAX_BYTES`] of body, [`REQUEST_TIMEOUT`] for an answer, [`IDLE_TIMEOUT`] without
//! a byte. Beyond them a client waits or is told to come back.

mod acknowledge;
mod actions;
mod alarms;
mod api;
mod audit;
mod backtest;
mod batches;
#[cfg(test)]
mod contract;
mod course;
mod data;
mod etag;
mod events;
mod feedback;
#[cfg(test)]
mod fixture;
mod guard;
mod listener;
mod models;
mod moment;
mod page;
mod probes;
mod problem;
mod query;
mod report;
mod router;
mod tags;
mod uniformity;
mod webhooks;

pub use acknowledge::Links;
pub use feedback::read_events;
pub use router::router;

use crate::alarm::{IsaState, Order};
use crate::batch::{Genealogy, Metres};
use crate::engine::{
    BatchRecord, Explanation, Promotion, PromotionView, ToldEvents, View, Withdrawal,
};
use crate::reading::Timestamp;
use crate::report::{BatchData, Week, WeekData};
use crate::store::{AuditEntry, BatchFilter, BatchPlace, NotificationFilter, NotificationPiece};
use crate::telemetry::{Clock, Health, Metrics, SecretSource};
use crate::verdict::{Apart, Period, Scoreboard, Uniformity};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Open connections; more wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 256;
/// Open event streams; more are answered 503.
pub const STREAMS_MAX: usize = 64;
/// Store reads at a time; more wait, at most for [`REQUEST_TIMEOUT`].
pub const READS_MAX: usize = 4;
/// The greatest body of a request; larger ones are answered 413.
pub const BODY_MAX_BYTES: usize = 64 * 1024;
/// How long an answer may take to begin; later ones are answered 503.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection on which no byte moves for this long (at most twice this) is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long open requests have to end after the cancellation.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// `/healthz` calls a core stuck that has not moved for this long.
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(30);

/// Where the page and the API are, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address; loopback unless a person said otherwise.
    pub listen: SocketAddr,
    /// The address under which people reach the page, where that is another one.
    pub public_url: Option<String>,
    /// Where the key comes from that signs links by which alarms are acknowledged, if there are any.
    pub links: Option<SecretSource>,
}

impl Settings {
    /// Refuses an address beyond loopback, so that the configuration can say so before the start.
    ///
    /// # Errors
    /// [`HttpError::BeyondLoopback`].
    pub fn check(&self) -> Result<(), HttpError> {
        if self.listen.ip().to_canonical().is_loopback() {
            Ok(())
        } else {
            Err(HttpError::BeyondLoopback { listen: self.listen })
        }
    }
}

/// Why the page and the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is open to others.
    #[error(
        "`{listen}` is beyond loopback, which wants a token and TLS: listen on `127.0.0.1:{}` and \
         put a proxy that has both in front",
        listen.port()
    )]
    BeyondLoopback {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on `{listen}`")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The server ended by itself.
    #[error("the HTTP server ended")]
    Serve(#[source] std::io::Error),
}

/// The core's heartbeat.
pub trait Progress: Debug + Send + Sync {
    /// How long ago the thread that owns engine and store last came round.
    fn heartbeat_age(&self) -> Duration;
}

/// Batches that the store keeps. Calls block on the disk; this room makes them off the runtime.
pub trait History: Debug + Send + Sync {
    /// The newest batches, newest first, at most `limit`; of one line if `line` is given.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn batches(&self, line: Option<&str>, limit: usize) -> Result<Vec<BatchRecord>, String>;

    /// The newest batches that are wanted, at most `limit`, in the order of their places; and the place behind which it goes on, if
    /// there are more.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn batch_list(
        &self,
        wanted: &BatchFilter,
        limit: usize,
    ) -> Result<(Vec<BatchRecord>, Option<BatchPlace>), String>;

    /// One batch, `None` if the store does not know it.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn batch(&self, line: &str, id: &str) -> Result<Option<BatchRecord>, String>;

    /// What a lot or a batch, or the metres of it, was made of, and what was made of it.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn genealogy(&self, name: &str, stretch: Option<Metres>) -> Result<Genealogy, String>;

    /// The score of what was said of the newest batches, at most `limit`, of one line or grade or of all.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn scoreboard(
        &self,
        of: (Option<&str>, Option<&str>),
        by: Period,
        limit: usize,
    ) -> Result<Scoreboard, String>;

    /// All that is kept of a batch, for its report; `None` if the store does not know it.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn report(&self, line: &str, id: &str) -> Result<Option<BatchData>, String>;

    /// What is kept of a week and those before it, of one line or of all; without a week, the one in which the newest batch
    /// ended. `None` if none has, or the line has none.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn week(
        &self,
        line: Option<&str>,
        week: Option<Week>,
        zone: &TimeZone,
    ) -> Result<Option<WeekData>, String>;

    /// How uniform the newest batches are, at most `limit`, of one line or grade or of all.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn uniformity(
        &self,
        of: (Option<&str>, Option<&str>),
        apart: Apart,
        limit: usize,
    ) -> Result<Uniformity, String>;

    /// The newest entries of the audit log, newest first, at most `limit`; only those before number `before`, if that is given.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>, String>;
}

/// What was known of a line at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// What `onspec explain` says.
    pub explanation: Explanation,
    /// How long a frame of the line is.
    pub frame: Duration,
}

/// The answer to why a verdict was what it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Explained {
    /// This.
    Told(Box<Moment>),
    /// Nothing is known of it: why.
    Unknown(String),
    /// It is being looked for since it was asked for before.
    Sought,
    /// Another instant is looked for, and each takes a processor.
    Busy,
}

/// How a tag went.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// The tag.
    pub tag: Arc<str>,
    /// Its unit; may be empty.
    pub unit: Arc<str>,
    /// Its values, in order of time; none where no frame is kept.
    pub bins: Vec<Bin>,
}

/// The values of a tag in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// How many values there are, at least one.
    pub values: u32,
    /// Their mean, in the tag's unit.
    pub mean: f64,
    /// The least of them.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// What is known of instants that have passed. Calls block on the disk, the first one for as long as it takes to judge again
/// what came since the nearest state; this room makes them off the runtime.
pub trait Moments: Debug + Send + Sync {
    /// Why a line's verdict was what it was.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn explain(&self, line: &str, at: Timestamp) -> Result<Explained, String>;

    /// How some tags of a line went between two instants, each that there is in the order of the question.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn trends(
        &self,
        line: &str,
        between: (Timestamp, Timestamp),
        tags: &[Arc<str>],
    ) -> Result<Vec<Trend>, String>;
}

/// A fit that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitting {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// The batches that it may use.
    pub batches: usize,
    /// When it began.
    pub since: Timestamp,
    /// What it is at.
    pub stage: &'static str,
    /// The share of that which is done, 0–1, where it is known.
    pub done: Option<f64>,
}

use backtest::BATCHES as BACKTEST_BATCHES;

/// The fits.
pub trait Fits: Debug + Send + Sync {
    /// The one that runs: they run one after another.
    fn running(&self) -> Option<Fitting>;
}

/// A model that is to judge: its version and artifact; or why there is none.
pub type Picked = Result<(u32, Arc<[u8]>), String>;

/// What a model would have said of the last batches.
#[derive(Debug, Clone, PartialEq)]
pub enum Backtested {
    /// This.
    Told(serde_json::Value),
    /// Nothing: why.
    Unknown(String),
    /// Another one runs, and they take a processor each.
    Busy,
}

/// What is granted to who promotes a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The version under which it will judge.
    pub version: u32,
    /// The promotion that waited for the same boundary, whose place it takes.
    pub replaces: Option<PromotionView>,
}

/// What became of what a person asked for or told: which model judges, what is known of batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<T> {
    /// It is on disk.
    Done(T),
    /// It is taken, and comes about when the store has room for it, unless the process ends before.
    WhenRoom(T),
    /// It cannot be: why.
    Unfit(String),
    /// Something else is in its way.
    Conflict(String),
    /// It was not taken in time, and does not come about.
    Busy,
    /// Everything stops, or another configuration takes effect: it does not come about.
    Stops,
}

impl<T> Told<T> {
    /// The same of what is made of what was granted.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Told<U> {
        match self {
            Self::Done(granted) => Told::Done(make(granted)),
            Self::WhenRoom(granted) => Told::WhenRoom(make(granted)),
            Self::Unfit(reason) => Told::Unfit(reason),
            Self::Conflict(reason) => Told::Conflict(reason),
            Self::Busy => Told::Busy,
            Self::Stops => Told::Stops,
        }
    }
}

/// The answer to such a word, within the time that a request has.
pub type Telling<T> = Pin<Box<dyn Future<Output = Told<T>> + Send>>;

/// The models of the registry. Calls that answer at once block on the disk; this room makes them off the runtime.
pub trait Models: Debug + Send + Sync {
    /// The models of a line and grade, or of all, in the form of `onspec models list --json`.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn list(
        &self,
        line: Option<&str>,
        grade: Option<&str>,
    ) -> Result<Vec<serde_json::Value>, String>;

    /// The model of a line and grade that is to judge: that of a version, or what judged before.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn pick(&self, of: (&str, &str), version: Option<u32>) -> Result<Picked, String>;

    /// What a model would have said of the last so many batches, in the form of `onspec backtest --json`.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn backtest(
        &self,
        of: (&str, &str),
        version: u32,
        batches: usize,
    ) -> Result<Backtested, String>;

    /// Lets a model judge.
    fn promote(&self, promotion: Promotion) -> Telling<Granted>;

    /// Takes back a promotion that waits for its boundary.
    fn withdraw(&self, withdrawal: Withdrawal) -> Telling<PromotionView>;
}

/// What became of events of batches that were taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reception {
    /// The words for what of them says nothing, as it is a fault over MQTT as well.
    pub faults: Vec<String>,
    /// The batches that they are of, and that are not known, or not any more: what is told of them waits.
    pub waiting: BTreeSet<Arc<str>>,
}

/// Where it is told what people and other systems know of batches, and want of alarms.
pub trait Desk: Debug + Send + Sync {
    /// Takes events of batches, all of them; [`Told::Unfit`] if their line is not declared. What became of them is not known while the store has no room.
    fn tell(&self, events: ToldEvents) -> Telling<Reception>;

    /// Does what a person asks of an alarm, and gives the state that it has then; [`Told::Conflict`] if that cannot be.
    fn order(&self, order: Order) -> Telling<IsaState>;
}

/// A receiver of webhooks, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverView {
    /// Its name.
    pub name: String,
    /// Its name in the register of all parts.
    pub component: String,
    /// False of one that the configuration does not name any more.
    pub configured: bool,
    /// Events that wait for it.
    pub waiting: u64,
    /// Events that it refused for good and that are kept.
    pub parked: u64,
}

/// What a person decided about events that a receiver refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedOrder {
    /// The receiver.
    pub receiver: String,
    /// The events by their ids; `None` means all.
    pub ids: Option<Vec<String>>,
    /// True if they are to be sent again, false if nobody wants them any more.
    pub resend: bool,
    /// Who.
    pub by: Arc<str>,
    /// Why.
    pub note: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
}

/// The receivers of webhooks. Calls that answer at once block on the disk; this room makes them off the runtime.
pub trait Webhooks: Debug + Send + Sync {
    /// The receivers of the configuration, and those before it of which something is kept.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn receivers(&self) -> Result<Vec<ReceiverView>, String>;

    /// The newest events that a receiver refused, newest first, at most `limit`, in the form of `onspec webhook parked
    /// --json`; only those with numbers below `before`, if that is given.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn parked(
        &self,
        receiver: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<serde_json::Value>, String>;

    /// Sends refused events again, or discards them, and gives how many there were: unknown while the store has no room;
    /// [`Told::Conflict`] if one is not parked, or its receiver is not configured any more.
    fn order(&self, order: ParkedOrder) -> Telling<Option<u64>>;
}

/// The log of notifications. Calls that answer at once block on the disk; this room makes them off the runtime.
pub trait EventLog: Debug + Send + Sync {
    /// Those behind a number that are wanted, in order, at most `limit`.
    ///
    /// # Errors
    /// With the store's words, without a secret.
    fn after(
        &self,
        after: u64,
        wanted: &NotificationFilter,
        limit: usize,
    ) -> Result<NotificationPiece, String>;

    /// The number of the newest one, as it grows; 0 before the first.
    fn newest(&self) -> watch::Receiver<u64>;
}

/// Everything that page and API show.
#[derive(Debug, Clone)]
pub struct ApiState {
    /// The plant as the engine sees it.
    pub view: watch::Receiver<Arc<View>>,
    /// The register of all parts.
    pub health: Health,
    /// The register of all metrics.
    pub metrics: Metrics,
    /// The clock of the shells, the simulated one in a demo.
    pub clock: Arc<dyn Clock>,
    /// The core's heartbeat.
    pub progress: Arc<dyn Progress>,
    /// The store's batches; without it, the last ones of the view are all there are.
    pub history: Option<Arc<dyn History>>,
    /// The store's models, if it keeps any.
    pub models: Option<Arc<dyn Models>>,
    /// What is known of instants that have passed, where a journal is kept.
    pub moments: Option<Arc<dyn Moments>>,
    /// Where events of batches are told, if anybody takes them.
    pub desk: Option<Arc<dyn Desk>>,
    /// The receivers of webhooks, if there are outboxes for any.
    pub webhooks: Option<Arc<dyn Webhooks>>,
    /// The log of notifications, if the store keeps one.
    pub events: Option<Arc<dyn EventLog>>,
    /// The fits, if anybody fits.
    pub fits: Option<Arc<dyn Fits>>,
    /// A line of text above everything, e.g. that this is a demonstration; it may change.
    pub note: watch::Receiver<Option<Arc<str>>>,
    /// Where it is asked that the configuration is read again, if anybody can do that.
    pub reload: Option<mpsc::Sender<Reload>>,
    /// Whose reports they are.
    pub locale: crate::words::Locale,
    /// When the shifts of the site begin, by its clock; each ends where the next one begins. None if it names none.
    pub shifts: Vec<jiff::civil::Time>,
    /// The address under which people reach the page, where a proxy shows it under another one.
    pub public_url: Option<String>,
    /// Links by which alarms are acknowledged, if they are given out.
    pub links: Option<Arc<Links>>,
}

/// A request to read the configuration again: the answer comes back on it, with the words of the refusal
/// if there is one. Dropped, everything stops.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// Listens and serves until `cancel`; then lets open requests end for a few seconds.
///
/// # Errors
/// When the address is beyond loopback or cannot be had.
pub async fn serve(
    settings: Settings,
    state: ApiState,
    cancel: CancellationToken,
) -> Result<(), HttpError> {
    settings.check()?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|source| HttpError::Bind { listen: settings.listen, source })?;
    serve_on(listener, state, cancel).await
}

/// Serves on a listener that is bound already (a free port of a demo or a test), until `cancel`.
///
/// # Errors
/// When the listener is bound beyond loopback.
pub async fn serve_on(
    listener: TcpListener,
    state: ApiState,
    cancel: CancellationToken,
) -> Result<(), HttpError> {
    let listen = listener.local_addr().map_err(HttpError::Serve)?;
    Settings { listen, public_url: None, links: None }.check()?;
    tracing::info!(%listen, "page and API are at `http://{listen}/`");
    let app = router::with_shutdown(state, cancel.clone());
    let listener = listener::Bounded::new(listener, CONNECTIONS_MAX, IDLE_TIMEOUT);
    let served =
        axum::serve(listener, app).with_graceful_shutdown(cancel.clone().cancelled_owned());
    let served = std::future::IntoFuture::into_future(served);
    let out_of_patience = async {
        cancel.cancelled().await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    // Both branches may be dropped: the one drops connections that had their time, the other a timer.
    tokio::select! {
        ended = served => ended.map_err(HttpError::Serve),
        () = out_of_patience => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[test]
    fn only_loopback_is_served() {
        for (listen, allowed) in [
            ("127.0.0.1:8080", true),
            ("127.8.8.8:8080", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]:8080", true),
            ("0.0.0.0:8080", false),
            ("[::]:8080", false),
            ("192.0.2.1:8080", false),
        ] {
            let settings =
                Settings { listen: listen.parse().unwrap(), public_url: None, links: None };
            assert_eq!(settings.check().is_ok(), allowed, "{listen}");
        }
        let error =
            Settings { listen: "0.0.0.0:81".parse().unwrap(), public_url: None, links: None }
                .check()
                .unwrap_err();
        insta::assert_snapshot!(error, @"`0.0.0.0:81` is beyond loopback, which wants a token and TLS: listen on `127.0.0.1:81` and put a proxy that has both in front");
    }

    #[tokio::test]
    async fn a_taken_address_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = taken.local_addr().unwrap();
        let fixture = fixture::state(fixture::empty());
        let served = serve(
            Settings { listen, public_url: None, links: None },
            fixture.api,
            CancellationToken::new(),
        )
        .await;
        assert_eq!(served.unwrap_err().to_string(), format!("cannot listen on `{listen}`"));
    }

    #[tokio::test]
    async fn cancellation_ends_the_server_and_its_open_streams() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let fixture = fixture::state(fixture::on_spec());
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut seen = Vec::new();
            while !String::from_utf8_lossy(&seen).contains("event: lines") {
                assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "ended too early");
            }
            cancel.cancel();
            stream.read_to_end(&mut seen).await.unwrap();
        };
        let (served, ()) = tokio::join!(serve_on(listener, fixture.api, cancel.clone()), client);
        assert!(served.is_ok());
    }
}
