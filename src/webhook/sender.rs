//! The sender of one receiver: what one message takes of what waits, in order, until it is taken.
//!
//! | state | leaves it by |
//! | --- | --- |
//! | idle | a commit to its outbox |
//! | sending | delivered or refused for good: the next ones; not now: waiting; 410: stopped |
//! | waiting | time: sends the same again, with the same id, and in a chat what has come meanwhile |
//! | stopped (gone, or an address or secret that is none) | a person, and a new start |

use super::answer::{Answer, Outcome};
use super::format::{Rates, Request, Service, service};
use super::reach::{check_literal, resolver};
use super::redact::redact;
use super::{Format, Settings, outbox_name};
use crate::reading::Timestamp;
use crate::store::{Item, Outbox, StoreError};
use crate::telemetry::{Backoff, Clock, Health, Metrics, Secret, State};
use reqwest::dns::Resolve;
use reqwest::{Client, Url};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// The first back-off; the following ones double.
const BACKOFF_BASE: Duration = Duration::from_secs(5);
/// The longest back-off: a receiver that came back hears of it within five minutes.
const BACKOFF_CAP: Duration = Duration::from_secs(300);
/// How long the attempt in flight may still take once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);
/// The most bytes of an answer that are read: services say in it what they think of a message.
const ANSWER_MAX: usize = 4096;
/// The most bytes of events that are read for one message.
const BUNCH_MAX: usize = 4 << 20;

/// What the sender of one receiver needs.
#[derive(Debug)]
pub struct Sender {
    /// The receiver.
    pub settings: Settings,
    /// Its address, as read from its source.
    pub url: Secret,
    /// Its secret, as read from its source.
    pub secret: Option<Secret>,
    /// What stands of all that it was told ([`super::standing`]).
    pub standing: Vec<String>,
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

/// The client for all receivers of one kind: follows no redirects, knows no proxy, and connects to no address that a name
/// must not lead to, unless these are `private`, so that their names may lead anywhere. The process must have installed a
/// TLS provider.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(private: bool) -> Result<Client, reqwest::Error> {
    client_with(resolver(private))
}

fn client_with(resolver: Arc<impl Resolve + 'static>) -> Result<Client, reqwest::Error> {
    Client::builder()
        .dns_resolver(resolver)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("onspec/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends over a client made by [`client`] for such receivers until it is cancelled. The attempt in flight then has two
/// seconds to end.
///
/// # Errors
/// When the store fails.
pub async fn run(sender: Sender, client: Client) -> Result<(), SenderError> {
    let cancel = sender.cancel.clone();
    let receiver = Receiver::new(&sender.settings, (&sender.url, sender.secret.as_ref()), client);
    match (receiver, of(&sender)) {
        (Ok(receiver), Ok(service)) => attend(Delivery::new(sender, service), receiver).await,
        (receiver, service) => {
            let why = receiver.err().map(str::to_owned).or(service.err()).unwrap_or_default();
            Teller::new(&sender).say(State::Failed, &why);
            cancel.cancelled().await;
            Ok(())
        }
    }
}

/// Sends to a receiver of the caller's until it is cancelled, as [`run`] does to one at an address.
///
/// # Errors
/// When the store fails.
pub async fn serve(sender: Sender, post: impl Post) -> Result<(), SenderError> {
    let cancel = sender.cancel.clone();
    match of(&sender) {
        Ok(service) => attend(Delivery::new(sender, service), post).await,
        Err(why) => {
            Teller::new(&sender).say(State::Failed, &why);
            cancel.cancelled().await;
            Ok(())
        }
    }
}

fn of(sender: &Sender) -> Result<Box<dyn Service>, String> {
    service(&sender.settings, sender.secret.as_ref(), &sender.standing)
}

/// The address of a receiver; `private` if it may be anywhere.
///
/// # Errors
/// When nothing can be posted there, or must not be, in words without the address.
pub fn address(url: &Secret, private: bool) -> Result<Url, &'static str> {
    let url = Url::parse(url.expose().trim()).map_err(|_| "its address is no URL")?;
    match url.scheme() {
        "http" | "https" => check_literal(&url, private).map(|()| url),
        _ => Err("its address is neither http nor https"),
    }
}

/// One attempt, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The id of the event; of several, of the first.
    pub id: String,
    /// What is added to the query of the address.
    pub query: Vec<(&'static str, String)>,
    /// The headers beside `content-type`; of Standard Webhooks: id, time of the attempt, signature.
    pub headers: Vec<(&'static str, String)>,
    /// The type of the body.
    pub content_type: String,
    /// What is told.
    pub body: Vec<u8>,
}

impl Envelope {
    /// An attempt at this request, about the event of this id.
    pub(super) fn of(id: String, request: Request) -> Self {
        let Request { query, headers, content_type, body } = request;
        Self { id, query, headers, content_type, body }
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Takes an attempt, and says what came of it, or why nothing came: a receiver, or in a simulation
/// whatever stands for one.
pub trait Post {
    /// Makes one attempt.
    fn post(&self, envelope: Envelope) -> impl Future<Output = Result<Answer, String>> + Send;
}

/// A receiver at an address.
#[derive(Debug)]
pub(super) struct Receiver {
    client: Client,
    url: Url,
    /// For what is said in the receiver's words: it may quote it.
    secret: Option<Secret>,
}

impl Receiver {
    /// The receiver at its address.
    ///
    /// # Errors
    /// When nothing can be posted there, in words without the address.
    pub(super) fn new(
        settings: &Settings,
        (url, secret): (&Secret, Option<&Secret>),
        client: Client,
    ) -> Result<Self, &'static str> {
        let mut url = address(url, settings.private)?;
        // The address of an Alertmanager is enough.
        if settings.format == Format::Alertmanager && url.path() == "/" {
            url.set_path("/api/v2/alerts");
        }
        Ok(Self { client, url, secret: secret.cloned() })
    }
}

impl Post for Receiver {
    async fn post(&self, envelope: Envelope) -> Result<Answer, String> {
        let mut url = self.url.clone();
        if !envelope.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&envelope.query);
        }
        let mut request = self.client.post(url).header("content-type", envelope.content_type);
        for (name, value) in envelope.headers {
            request = request.header(name, value);
        }
        let failed = |error: reqwest::Error| {
            redact(&chain(&error.without_url()), &self.url, self.secret.as_ref())
        };
        let mut response = request.body(envelope.body).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut text = Vec::new();
        // An answer that breaks off is one all the same.
        while text.len() < ANSWER_MAX
            && let Ok(Some(bytes)) = response.chunk().await
        {
            text.extend_from_slice(&bytes);
        }
        // Redacted before it is cut, so that no half of the address is left at the end.
        let text = redact(&String::from_utf8_lossy(&text), &self.url, self.secret.as_ref());
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
    delivery.teller.say(State::Ok, "");
    while !cancel.is_cancelled() {
        // Before the look, so that a commit during it is not missed.
        committed.mark_unchanged();
        let items = delivery.next().await?;
        let after = if delivery.is_due() { Some(delivery.repeat(&post).await) } else { None };
        if items.is_empty() && after.is_none() {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = delivery.until_due() => {}
                changed = committed.changed() => if changed.is_err() {
                    // The store is gone: nothing is left but to be cancelled.
                    cancel.cancelled().await;
                },
            }
            continue;
        }
        let after = match (after, delivery.wait_for_room()) {
            (Some(after), _) => after,
            // What comes meanwhile goes along.
            (None, Some(room)) => After::Wait(room),
            (None, None) => delivery.deliver(items, &post).await,
        };
        let wait = match after {
            After::GoOn => continue,
            After::Wait(wait) => wait,
            After::Stop => {
                cancel.cancelled().await;
                continue;
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = cancel.cancelled() => {}
        }
    }
    Ok(())
}

/// Now, by the clock that sleeps go by: for how long something is ago, and when it is due.
#[expect(
    clippy::disallowed_methods,
    reason = "tokio's own clock, which tests pause as they pause sleeps"
)]
fn instant() -> Instant {
    Instant::now()
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    GoOn,
    /// The same again after this.
    Wait(Duration),
    Stop,
}

#[derive(Debug)]
struct Delivery {
    service: Box<dyn Service>,
    rates: Rates,
    /// What the times of the rates are counted from.
    began: Instant,
    /// When what stands is told again.
    due: Option<Instant>,
    attempt_timeout: Duration,
    outbox: Arc<dyn Outbox>,
    backoff: Backoff,
    teller: Teller,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
}

impl Delivery {
    fn new(sender: Sender, service: Box<dyn Service>) -> Self {
        let teller = Teller::new(&sender);
        let seed = teller
            .component
            .bytes()
            .fold(sender.clock.now_nanos().cast_unsigned(), |seed, byte| {
                seed.rotate_left(8) ^ u64::from(byte)
            });
        Self {
            rates: Rates::new(service.rates()),
            due: service.repeats().map(|_| instant()),
            service,
            began: instant(),
            attempt_timeout: sender.settings.timeout,
            outbox: sender.outbox,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, seed),
            teller,
            clock: sender.clock,
            cancel: sender.cancel,
        }
    }

    /// The oldest events that wait, as many as go into one message.
    async fn next(&self) -> Result<Vec<Item>, StoreError> {
        let (outbox, together) = (Arc::clone(&self.outbox), self.service.together());
        let items = tokio::task::spawn_blocking(move || outbox.oldest(0, together, BUNCH_MAX));
        items.await.expect("reading an outbox does not panic")
    }

    /// How long to wait until the service takes one more request, if it does not now.
    fn wait_for_room(&self) -> Option<Duration> {
        let wait = self.rates.wait(instant() - self.began);
        (!wait.is_zero()).then_some(wait)
    }

    /// True if it is time to tell again what stands.
    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= instant())
    }

    /// Returns when that is; never, where nothing is told again.
    async fn until_due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Tells again what stands. Where that was not taken it is tried again as an event would be.
    async fn repeat(&mut self, post: &impl Post) -> After {
        let next = self.service.repeats().map(|every| instant() + every);
        let now = Timestamp::from_nanos(self.clock.machine_nanos());
        let Some(request) = self.service.repeat(now) else {
            self.due = next;
            return After::GoOn;
        };
        let Some((outcome, words)) = self.attempt(String::new(), request, post).await else {
            return After::GoOn;
        };
        match outcome {
            Outcome::Delivered => {
                self.backoff.reset();
                self.teller.say(State::Ok, "");
                self.due = next;
                After::GoOn
            }
            Outcome::Again(asked) => {
                self.teller.say(State::Degraded, &words);
                After::Wait(self.backoff.failed().max(asked))
            }
            // Nothing is lost by it, and what is new may be taken.
            Outcome::Refused => {
                self.teller.say(State::Degraded, &words);
                self.due = next;
                After::GoOn
            }
            Outcome::Gone => {
                self.teller.say(State::Failed, &words);
                After::Stop
            }
        }
    }

    /// Makes one attempt to tell these events.
    async fn deliver(&mut self, items: Vec<Item>, post: &impl Post) -> After {
        let now = Timestamp::from_nanos(self.clock.machine_nanos());
        let request = match self.service.render(&items, now) {
            Ok(Some(request)) => request,
            Ok(None) => {
                self.teller.count("skipped", items.len());
                self.report(items, None).await;
                return After::GoOn;
            }
            Err(words) => {
                self.teller.count(Outcome::Refused.as_str(), items.len());
                self.refuse(items, words).await;
                return After::GoOn;
            }
        };
        let first = items.first().map(|item| item.key.clone()).unwrap_or_default();
        let Some((outcome, words)) = self.attempt(first, request, post).await else {
            return After::GoOn;
        };
        match outcome {
            Outcome::Delivered => {
                self.backoff.reset();
                self.teller.say(State::Ok, "");
                self.service.delivered(&items, now);
                self.report(items, None).await;
                After::GoOn
            }
            Outcome::Refused => {
                self.backoff.reset();
                self.refuse(items, words).await;
                After::GoOn
            }
            Outcome::Gone => {
                self.teller.say(State::Failed, &words);
                After::Stop
            }
            Outcome::Again(asked) => {
                self.teller.say(State::Degraded, &words);
                After::Wait(self.backoff.failed().max(asked))
            }
        }
    }

    /// What came of one request, and in words; nothing if the daemon stopped meanwhile.
    async fn attempt(
        &mut self,
        id: String,
        request: Request,
        post: &impl Post,
    ) -> Option<(Outcome, String)> {
        self.rates.sent(instant() - self.began);
        let envelope = Envelope::of(id, request);
        let grace = async {
            self.cancel.cancelled().await;
            sleep(GRACE).await;
        };
        // A dropped attempt may have been heard or not: the same id is sent again.
        let answer = tokio::select! {
            answer = timeout(self.attempt_timeout, post.post(envelope)) => answer,
            () = grace => return None,
        };
        let answer =
            answer.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.attempt_timeout)));
        let now = Timestamp::from_nanos(self.clock.machine_nanos());
        let (outcome, words) = match answer {
            Ok(answer) => {
                let judged = self.service.judge(&answer, now);
                let hint = judged.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                (judged.outcome, format!("{}{hint}", answer.words()))
            }
            Err(words) => (Outcome::Again(Duration::ZERO), words),
        };
        self.teller.count(outcome.as_str(), 1);
        Some((outcome, words))
    }

    /// These will never be taken: each is kept apart.
    async fn refuse(&self, items: Vec<Item>, words: String) {
        for item in &items {
            tracing::error!(
                receiver = self.teller.name,
                event = item.key,
                reason = words,
                "a webhook was refused for good, it is kept apart in the store"
            );
        }
        self.teller.say(State::Degraded, &words);
        self.report(items, Some(words)).await;
    }

    /// The outbox may forget the events; with a reason each is kept apart.
    async fn report(&self, items: Vec<Item>, refused: Option<String>) {
        let outbox = Arc::clone(&self.outbox);
        let now = Timestamp::from_nanos(self.clock.machine_nanos());
        let report = tokio::task::spawn_blocking(move || {
            if let Some(reason) = refused {
                for item in &items {
                    outbox.park(item.id, item.count, &item.body, &reason, now);
                }
            }
            let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
            outbox.done(&ids);
        });
        report.await.expect("reporting to an outbox does not panic");
    }
}

/// Tells people how a receiver is.
#[derive(Debug)]
struct Teller {
    name: String,
    component: String,
    health: Health,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
}

impl Teller {
    fn new(sender: &Sender) -> Self {
        Self {
            name: sender.settings.name.clone(),
            component: outbox_name(&sender.settings.name),
            health: sender.health.clone(),
            metrics: sender.metrics.clone(),
            clock: Arc::clone(&sender.clock),
        }
    }

    fn count(&self, outcome: &str, number: usize) {
        let labels = [("outcome", outcome), ("receiver", &*self.name)];
        self.metrics.add("onspec_webhook_deliveries", &labels, number as u64);
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
