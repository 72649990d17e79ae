//! The sender of one receiver: one event at a time, in order, until it is taken.
//!
//! | state | leaves it by |
//! | --- | --- |
//! | idle | a commit to its outbox |
//! | sending | delivered or refused for good: the next event; not now: waiting; 410: stopped |
//! | waiting | time: sends the same event again, with the same id |
//! | stopped (gone, or an address or secret that is none) | a person, and a new start |

use super::answer::{Answer, Outcome};
use super::redact::redact;
use super::signature::SigningKey;
use super::{Format, Settings, outbox_name};
use crate::reading::Timestamp;
use crate::store::{Item, Outbox, StoreError};
use crate::telemetry::{Backoff, Clock, Health, Metrics, Secret, State};
use reqwest::{Client, Url};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The first back-off; the following ones double.
const BACKOFF_BASE: Duration = Duration::from_secs(5);
/// The longest back-off: a receiver that came back hears of it within five minutes.
const BACKOFF_CAP: Duration = Duration::from_secs(300);
/// How long the attempt in flight may still take once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);
/// The most bytes of an answer that are read.
const ANSWER_MAX: usize = 500;

/// What the sender of one receiver needs.
#[derive(Debug)]
pub struct Sender {
    /// The receiver.
    pub settings: Settings,
    /// Its address, as read from its source.
    pub url: Secret,
    /// Its key, as read from its source.
    pub secret: Option<Secret>,
    /// Its outbox, [`outbox_name`]: bodies ready to send, the key is the event's id.
    pub outbox: Arc<dyn Outbox>,
    /// Where the sender says how it is, under the outbox's name.
    pub health: Health,
    /// Where it counts.
    pub metrics: Metrics,
    /// For the time of an attempt, and the times in the health register.
    pub clock: Arc<dyn Clock>,
    /// Ends it.
    pub cancel: CancellationToken,
}

/// Why a sender ended otherwise than by cancellation: never because of the receiver.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The store failed.
    #[error("the webhook sender cannot read its outbox")]
    Store(#[from] StoreError),
}

/// The client for all receivers: follows no redirects, and knows no proxy but those it is told. The
/// process must have installed a TLS provider.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("onspec/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends over a client made by [`client`] until it is cancelled. The attempt in flight then has two
/// seconds to end.
///
/// # Errors
/// When the store fails.
pub async fn run(sender: Sender, client: Client) -> Result<(), SenderError> {
    let cancel = sender.cancel.clone();
    let key = sender.secret.as_ref().map(SigningKey::parse).transpose();
    let (post, key) = match (address(&sender.url), key) {
        (Ok(url), Ok(key)) => (Receiver { client, url }, key),
        (url, key) => {
            let why = url.err().map(str::to_owned);
            let why = why.or_else(|| key.err().map(|error| error.to_string()));
            let delivery = Delivery::new(sender, None);
            delivery.say(State::Failed, &why.unwrap_or_default());
            cancel.cancelled().await;
            return Ok(());
        }
    };
    attend(Delivery::new(sender, key), post).await
}

/// Sends to a receiver of the caller's until it is cancelled, as [`run`] does to one at an address;
/// nothing is signed.
///
/// # Errors
/// When the store fails.
pub async fn serve(sender: Sender, post: impl Post) -> Result<(), SenderError> {
    attend(Delivery::new(sender, None), post).await
}

/// The address of a receiver.
///
/// # Errors
/// When nothing can be posted there, in words without the address.
pub fn address(url: &Secret) -> Result<Url, &'static str> {
    let url = Url::parse(url.expose().trim()).map_err(|_| "its address is no URL")?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("its address is neither http nor https"),
    }
}

/// One attempt, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The event's id.
    pub id: String,
    /// The time of the attempt, in seconds since 1970.
    pub timestamp: i64,
    /// The signature, if the receiver has a key.
    pub signature: Option<String>,
    /// The event.
    pub body: Vec<u8>,
}

/// Takes an attempt, and says what came of it, or why nothing came: a receiver, or in a simulation
/// whatever stands for one.
pub trait Post {
    /// Makes one attempt.
    fn post(&self, envelope: Envelope) -> impl Future<Output = Result<Answer, String>> + Send;
}

/// A receiver at an address.
#[derive(Debug)]
struct Receiver {
    client: Client,
    url: Url,
}

impl Post for Receiver {
    async fn post(&self, envelope: Envelope) -> Result<Answer, String> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", envelope.id)
            .header("webhook-timestamp", envelope.timestamp);
        if let Some(signature) = envelope.signature {
            request = request.header("webhook-signature", signature);
        }
        let failed = |error: reqwest::Error| redact(&chain(&error.without_url()), &self.url);
        let mut response = request.body(envelope.body).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut text = Vec::new();
        // The status alone decides: an answer that breaks off is one all the same.
        while text.len() < ANSWER_MAX
            && let Ok(Some(bytes)) = response.chunk().await
        {
            text.extend_from_slice(&bytes);
        }
        // Redacted before it is cut, so that no half of the address is left at the end.
        let text = redact(&String::from_utf8_lossy(&text), &self.url);
        Ok(Answer { status, retry_after, text: text.chars().take(ANSWER_MAX).collect() })
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

async fn attend(mut delivery: Delivery, post: impl Post) -> Result<(), SenderError> {
    let cancel = delivery.cancel.clone();
    let mut committed = delivery.outbox.changed();
    delivery.say(State::Ok, "");
    while !cancel.is_cancelled() {
        // Before the look, so that a commit during it is not missed.
        committed.mark_unchanged();
        if let Some(item) = delivery.next().await? {
            if delivery.deliver(item, &post).await == After::Stop {
                cancel.cancelled().await;
            }
            continue;
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            changed = committed.changed() => if changed.is_err() {
                // The store is gone: nothing is left but to be cancelled.
                cancel.cancelled().await;
            },
        }
    }
    Ok(())
}

/// What to do after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    GoOn,
    Stop,
}

#[derive(Debug)]
struct Delivery {
    name: String,
    component: String,
    format: Format,
    attempt_timeout: Duration,
    key: Option<SigningKey>,
    outbox: Arc<dyn Outbox>,
    backoff: Backoff,
    health: Health,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
}

impl Delivery {
    fn new(sender: Sender, key: Option<SigningKey>) -> Self {
        let component = outbox_name(&sender.settings.name);
        let seed =
            component.bytes().fold(sender.clock.now_nanos().cast_unsigned(), |seed, byte| {
                seed.rotate_left(8) ^ u64::from(byte)
            });
        Self {
            name: sender.settings.name,
            component,
            format: sender.settings.format,
            attempt_timeout: sender.settings.timeout,
            key,
            outbox: sender.outbox,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, seed),
            health: sender.health,
            metrics: sender.metrics,
            clock: sender.clock,
            cancel: sender.cancel,
        }
    }

    /// The oldest event that waits.
    async fn next(&self) -> Result<Option<Item>, StoreError> {
        let outbox = Arc::clone(&self.outbox);
        let items = tokio::task::spawn_blocking(move || outbox.oldest(0, 1, usize::MAX));
        let items = items.await.expect("reading an outbox does not panic")?;
        Ok(items.into_iter().next())
    }

    /// Sends an event until it is taken or refused for good, or the daemon stops.
    async fn deliver(&mut self, item: Item, post: &impl Post) -> After {
        loop {
            let envelope = self.envelope(&item);
            let grace = async {
                self.cancel.cancelled().await;
                sleep(GRACE).await;
            };
            // A dropped attempt may have been heard or not: the same id is sent again.
            let answer = tokio::select! {
                answer = timeout(self.attempt_timeout, post.post(envelope)) => answer,
                () = grace => return After::GoOn,
            };
            let answer = answer
                .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.attempt_timeout)));
            let now = Timestamp::from_nanos(self.clock.machine_nanos());
            let (outcome, words) = match answer {
                Ok(answer) => (answer.outcome(now), answer.words()),
                Err(words) => (Outcome::Again(Duration::ZERO), words),
            };
            self.count(outcome);
            match outcome {
                Outcome::Delivered => {
                    self.backoff.reset();
                    self.say(State::Ok, "");
                    self.report(item, None).await;
                    return After::GoOn;
                }
                Outcome::Refused => {
                    self.backoff.reset();
                    tracing::error!(
                        receiver = self.name,
                        event = item.key,
                        reason = words,
                        "a webhook was refused for good, it is kept apart in the store"
                    );
                    self.say(State::Degraded, &words);
                    self.report(item, Some(words)).await;
                    return After::GoOn;
                }
                Outcome::Gone => {
                    self.say(State::Failed, &words);
                    return After::Stop;
                }
                Outcome::Again(asked) => {
                    self.say(State::Degraded, &words);
                    let wait = self.backoff.failed().max(asked);
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.cancel.cancelled() => return After::GoOn,
                    }
                }
            }
        }
    }

    fn envelope(&self, item: &Item) -> Envelope {
        // All formats there are; another one will say here what it does with the body.
        let Format::Standard = self.format;
        // A receiver refuses what is minutes from its own time: the plant's may be ahead of the true one.
        let timestamp = self.clock.machine_nanos().div_euclid(1_000_000_000);
        Envelope {
            id: item.key.clone(),
            timestamp,
            signature: self.key.as_ref().map(|key| key.sign(&item.key, timestamp, &item.body)),
            body: item.body.clone(),
        }
    }

    /// The outbox may forget the event; with a reason it is kept apart.
    async fn report(&self, item: Item, refused: Option<String>) {
        let outbox = Arc::clone(&self.outbox);
        let report = tokio::task::spawn_blocking(move || {
            if let Some(reason) = refused {
                outbox.park(item.id, item.count, &item.body, &reason);
            }
            outbox.done(&[item.id]);
        });
        report.await.expect("reporting to an outbox does not panic");
    }

    fn count(&self, outcome: Outcome) {
        let labels = [("outcome", outcome.as_str()), ("receiver", &*self.name)];
        self.metrics.add("onspec_webhook_deliveries", &labels, 1);
    }

    /// Shows how the receiver is, and logs it when that changed.
    fn say(&self, state: State, reason: &str) {
        let up = if state == State::Ok { 1.0 } else { 0.0 };
        self.metrics.set("onspec_up", &[("component", &*self.component)], up);
        if !self.health.set(&self.component, state, reason, self.clock.now_nanos()) {
            return;
        }
        let receiver = &*self.name;
        match state {
            State::Ok => tracing::info!(receiver, "the webhook receiver is served"),
            State::Starting | State::Degraded => {
                tracing::warn!(receiver, reason, "the webhook receiver takes nothing");
            }
            State::Failed => tracing::error!(
                receiver,
                reason,
                "the webhook receiver is given up until somebody corrects it"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
