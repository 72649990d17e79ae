//! The writer: empties the two outboxes into the server, one request at a time.
//!
//! Each outbox is a lane with a chunk on its way and a wait of its own; before every request the
//! lane of results has the first choice, so that a batch or an alarm never stands behind readings,
//! not even behind readings that the server cannot digest. A chunk whose answer never came is sent
//! again unchanged: the server overwrites equal points.
//!
//! | state of a lane | leaves it by |
//! | --- | --- |
//! | idle | a commit to its outbox |
//! | waiting (lines to gather, a pause of the search, a back-off) | time |
//! | ready | a request; 204 settles a part, a refusal narrows, anything else waits and repeats |

use super::chunk::Chunk;
use super::client::{ClientError, Server, Sink};
use super::dissect::Dissection;
use super::failure::{Failure, Kind};
use super::lane::{Lane, Which};
use super::{COMPONENT, Settings};
use crate::reading::Timestamp;
use crate::store::{Outbox, StoreError};
use crate::telemetry::{Clock, Health, Metrics, Secret, State};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long the request in flight may still take once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// What the writer needs.
#[derive(Debug)]
pub struct Writer {
    /// Where to, and how much at once.
    pub settings: Settings,
    /// The token, as read from its source.
    pub token: Secret,
    /// The outbox [`super::READINGS`].
    pub readings: Arc<dyn Outbox>,
    /// The outbox [`super::RESULTS`].
    pub results: Arc<dyn Outbox>,
    /// Where the writer says how it is, as [`COMPONENT`].
    pub health: Health,
    /// Where it counts.
    pub metrics: Metrics,
    /// For the times in the health register.
    pub clock: Arc<dyn Clock>,
    /// Ends it.
    pub cancel: CancellationToken,
}

/// Why the writer ended otherwise than by cancellation: never because of the server.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// There can be no client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The store failed.
    #[error("the InfluxDB writer cannot read its outbox")]
    Store(#[from] StoreError),
}

/// Sends until it is cancelled. The request in flight then has two seconds to end.
///
/// # Errors
/// When address or token cannot be used at all, or the store fails.
pub async fn run(writer: Writer) -> Result<(), WriterError> {
    let server = Server::new(&writer.settings, &writer.token)?;
    serve(writer, server).await
}

/// Sends to a sink of the caller's until it is cancelled, as [`run`] does to the server.
///
/// # Errors
/// When the store fails.
pub async fn serve<S: Sink>(writer: Writer, sink: S) -> Result<(), WriterError> {
    let cancel = writer.cancel.clone();
    let mut sender = Sender::new(writer, sink);
    while !cancel.is_cancelled() {
        if sender.step(Which::Results).await? {
            continue;
        }
        let is_welcome = sender.is_welcome();
        if is_welcome && sender.step(Which::Readings).await? {
            continue;
        }
        let [results, readings] = &mut sender.lanes;
        // All three only wait, so that the two that lose have lost nothing.
        tokio::select! {
            () = cancel.cancelled() => {}
            () = results.wake() => {}
            () = readings.wake(), if is_welcome => {}
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Sender<S> {
    sink: S,
    lanes: [Lane; 2],
    timeout: Duration,
    health: Health,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
}

impl<S: Sink> Sender<S> {
    fn new(writer: Writer, sink: S) -> Self {
        let lines_max = writer.settings.batch_lines;
        let seed = writer.clock.now_nanos().cast_unsigned();
        let mut results = Lane::new(&writer.results, Which::Results, lines_max, seed);
        // The first request asks whether address, token and bucket are right, so that it is known
        // before there is anything to lose.
        let question = Chunk::question();
        let dissection = Dissection::new(&question);
        results.chunk = Some((question, dissection));
        let readings = Lane::new(&writer.readings, Which::Readings, lines_max, seed ^ 1);
        writer.health.set(COMPONENT, State::Starting, "", writer.clock.now_nanos());
        Self {
            sink,
            lanes: [results, readings],
            timeout: writer.settings.timeout,
            health: writer.health,
            metrics: writer.metrics,
            clock: writer.clock,
            cancel: writer.cancel,
        }
    }

    /// False until the server has answered the question with which the lane of results begins: what
    /// it says to lines before that may be about the bucket, and they would be parked for it.
    fn is_welcome(&self) -> bool {
        let asks = self.lanes[Which::Results as usize].chunk.as_ref();
        asks.is_none_or(|(chunk, _)| chunk.len() > 0)
    }

    /// Makes one request of a lane, if it is ready and has something to send.
    async fn step(&mut self, which: Which) -> Result<bool, WriterError> {
        let lane = &mut self.lanes[which as usize];
        if !lane.is_ready().await || !lane.fill().await? {
            return Ok(false);
        }
        let Some((chunk, dissection)) = &lane.chunk else {
            return Ok(false);
        };
        let Some(part) = dissection.next() else {
            return Ok(false);
        };
        let (lines, body) = (part.len(), chunk.bytes(part));
        let Some(answer) = self.request(body).await else {
            return Ok(true);
        };
        let settled = self.lanes[which as usize].answered(lines, &answer);
        self.note(which, lines, &answer);
        if settled {
            self.settle(which).await;
        }
        Ok(true)
    }

    /// Sends, and waits for the answer; `None` if the daemon stops before one came.
    async fn request(&self, body: bytes::Bytes) -> Option<Result<(), Failure>> {
        let grace = async {
            self.cancel.cancelled().await;
            sleep(GRACE).await;
        };
        // A dropped request may have been stored or not: it is sent again after the next start.
        tokio::select! {
            answer = tokio::time::timeout(self.timeout, self.sink.write(body)) => {
                Some(answer.unwrap_or_else(|_| {
                    Err(Failure::transport(format!("no answer within {:?}", self.timeout)))
                }))
            }
            () = grace => None,
        }
    }

    /// Everything of the chunk is stored or refused: the outbox may forget it.
    async fn settle(&mut self, which: Which) {
        let lane = &mut self.lanes[which as usize];
        let Some((chunk, dissection)) = lane.chunk.take() else {
            return;
        };
        let parked = dissection.into_parked();
        for parked in &parked {
            self.metrics.add(
                "onspec_influxdb_parked_lines",
                &[("outbox", which.word())],
                parked.count as u64,
            );
            tracing::error!(
                outbox = which.word(),
                lines = parked.count,
                reason = parked.reason,
                "InfluxDB refused lines for good, they are kept apart in the store"
            );
        }
        if chunk.ids().is_empty() {
            return;
        }
        let outbox = Arc::clone(&lane.outbox);
        let now = Timestamp::from_nanos(self.clock.machine_nanos());
        let report = tokio::task::spawn_blocking(move || {
            for parked in &parked {
                let count = u32::try_from(parked.count).unwrap_or(u32::MAX);
                let entry = chunk.entry_of(parked.lines[0]);
                outbox.park(entry, count, &chunk.bytes(&parked.lines), &parked.reason, now);
            }
            outbox.done(&chunk.ids());
        });
        report.await.expect("reporting to an outbox does not panic");
    }

    /// Counts, logs and shows what came of a request.
    fn note(&mut self, which: Which, lines: usize, answer: &Result<(), Failure>) {
        let outcome = answer.as_ref().map_or_else(|failure| failure.kind.as_str(), |()| "stored");
        self.metrics.add("onspec_influxdb_requests", &[("outcome", outcome)], 1);
        let dropped = |failure: &Failure| match failure.kind {
            Kind::Partial { dropped: Some(n), outside_retention } => {
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                (outside_retention || n >= lines).then(|| lines.saturating_sub(n))
            }
            _ => None,
        };
        let stored = answer.as_ref().map_or_else(dropped, |()| Some(lines));
        if let Some(stored) = stored {
            let labels = [("outbox", which.word())];
            self.metrics.add("onspec_influxdb_lines", &labels, stored as u64);
        }
        let trouble = match answer {
            Err(failure) if matches!(failure.kind, Kind::Transient | Kind::Auth) => {
                Some(failure.words())
            }
            _ => None,
        };
        if let Some(reason) = &trouble {
            tracing::debug!(outbox = which.word(), reason, "InfluxDB took nothing");
        }
        self.lanes[which as usize].trouble = trouble;
        let trouble = self.lanes.iter().find_map(|lane| lane.trouble.as_deref());
        let now = self.clock.now_nanos();
        let up = &[("component", COMPONENT)];
        if let Some(reason) = trouble {
            self.metrics.set("onspec_up", up, 0.0);
            if self.health.set(COMPONENT, State::Degraded, reason, now) {
                tracing::warn!(reason, "InfluxDB takes nothing, the outboxes keep it");
            }
        } else {
            self.metrics.set("onspec_up", up, 1.0);
            if self.health.set(COMPONENT, State::Ok, "", now) {
                tracing::info!("InfluxDB takes lines");
            }
        }
    }
}

#[cfg(test)]
mod tests;
