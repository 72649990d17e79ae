//! What we say: our status, the entries of the outbox, the newest verdicts again each minute.
//!
//! An entry is done when the broker has acknowledged it, not before. What was under way when a
//! connection ended is read from the outbox again at the next one, so the broker may get it twice.

use super::backoff::{Backoff, Pace};
use super::connection::Notices;
use super::flight::{Entry, Flight, Sent};
use super::receipts::Receipts;
use super::report::Report;
use super::topics::{self, Manner, VERDICT_EXPIRY};
use super::trouble::{Fate, code_text, fate};
use super::wire::{Client, OFFLINE, ONLINE, Publication, Session};
use crate::reading::Timestamp;
use crate::store::{Item, Outbox, StoreError};
use crate::telemetry::Clock;
use crate::verdict::Document;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, Sleep};
use tokio_util::sync::CancellationToken;

/// The most publications under way.
const WINDOW_MAX: u16 = 32;
/// The most bytes read from the outbox at once.
const READ_BYTES_MAX: usize = 1 << 20;
/// A verdict is said again when there was no newer one for this long.
const REPEAT_S: u32 = 60;
/// Before every id of an outbox.
const BEFORE_ALL: i64 = i64::MIN;
/// So many connections lost in a row with something of ours unanswered are no chance.
const SUSPICIOUS: u32 = 3;
/// How long the farewell may wait for the broker's acknowledgement of `offline`.
pub(super) const FAREWELL: Duration = Duration::from_secs(3);
/// How long we wait until the core has committed what it has. It takes longer when the store has no room.
const COMMITTED_WITHIN: Duration = Duration::from_secs(1);

/// One connection, seen by the one who speaks.
pub(super) struct Speaker<'a> {
    pub(super) client: &'a Client,
    pub(super) flight: &'a Flight,
    pub(super) notices: &'a Notices,
    pub(super) receipts: &'a Receipts,
    pub(super) session: Session,
    pub(super) report: &'a Report,
    pub(super) clock: &'a dyn Clock,
    pub(super) cancel: &'a CancellationToken,
}

impl Speaker<'_> {
    fn window(&self) -> usize {
        usize::from((self.session.receive_maximum / 2).clamp(1, WINDOW_MAX))
    }

    /// Hands a publication to the library. It fails only when the connection is gone, and then
    /// nobody waits for an answer.
    pub(super) async fn publish(&self, sent: Sent, publication: Publication) {
        self.flight.sending(sent);
        drop(self.client.publish(publication).await);
    }

    /// What the core has is acknowledged when it has committed that, which takes it a moment: a message
    /// without a time of its own would be another one when it came again. Then we go, and the broker does
    /// not publish our will.
    pub(super) async fn farewell(&self) {
        drop(tokio::time::timeout(COMMITTED_WITHIN, self.receipts.all_handed_over()).await);
        drop(self.client.disconnect().await);
    }
}

/// What is published to a broker, through all its connections.
#[derive(Debug)]
pub(super) struct Publisher {
    /// `None`: this broker gets nothing from us.
    prefix: Option<String>,
    outbox: Option<Arc<dyn Outbox>>,
    /// The newest verdict of each topic.
    newest: BTreeMap<String, Newest>,
    /// The last entry read from the outbox for this connection.
    after: i64,
    /// True if this connection has not said `online`, or the broker refused it.
    status_due: bool,
    hold: Hold,
    backoff: Backoff,
    /// Connections in a row that were lost with something of ours unanswered.
    suspicious: u32,
}

#[derive(Debug)]
struct Newest {
    body: Bytes,
    /// Seconds since it was said.
    age_s: u32,
}

/// Whether publishing waits because the broker refused something for now. It outlives a connection:
/// some brokers end it at what they refuse, and readings must go on coming.
#[derive(Debug)]
enum Hold {
    No,
    /// Until then.
    Until(Pin<Box<Sleep>>),
    /// Until the rest of what was under way is answered, so that nothing is said twice.
    Draining,
}

impl Publisher {
    /// A publisher that repeats `verdicts` (key and body) from the start.
    pub(super) fn new(
        prefix: Option<String>,
        outbox: Option<Arc<dyn Outbox>>,
        verdicts: Vec<(String, Vec<u8>)>,
        seed: u64,
    ) -> Self {
        let mut newest = BTreeMap::new();
        if let Some(prefix) = &prefix {
            for (key, body) in verdicts {
                let body = Bytes::from(body);
                newest.insert(topics::topic(prefix, &key), Newest { body, age_s: 0 });
            }
        }
        Self {
            prefix,
            outbox,
            newest,
            after: BEFORE_ALL,
            status_due: true,
            hold: Hold::No,
            backoff: Backoff::new(seed),
            suspicious: 0,
        }
    }

    /// Speaks until the connection is given up, which drops this future; says farewell on cancel.
    pub(super) async fn speak(&mut self, at: &Speaker<'_>) {
        let Some(prefix) = self.prefix.clone() else {
            at.cancel.cancelled().await;
            return at.farewell().await;
        };
        // What was under way when the last connection ended is read again, and the broker may have
        // lost what it retained.
        self.after = BEFORE_ALL;
        self.status_due = true;
        for newest in self.newest.values_mut() {
            newest.age_s = REPEAT_S;
        }
        self.serve(at, &prefix).await;
        say_status(at, &prefix, OFFLINE).await;
        let all_answered = async {
            while at.flight.len() > 0 {
                at.flight.answers().await;
                self.settle(at).await;
            }
        };
        // Without the acknowledgement the broker publishes the same as our will, a little later.
        drop(tokio::time::timeout(FAREWELL, all_answered).await);
        at.farewell().await;
    }

    /// The connection is gone: takes the answers that came last.
    pub(super) async fn lost(&mut self, at: &Speaker<'_>) {
        self.settle(at).await;
        if at.flight.len() == 0 {
            self.suspicious = 0;
            return;
        }
        self.suspicious += 1;
        if self.suspicious >= SUSPICIOUS && matches!(self.hold, Hold::No) {
            at.report.disliked();
            self.hold_for(Pace::Slow);
        }
    }

    async fn serve(&mut self, at: &Speaker<'_>, prefix: &str) {
        let mut changed = self.outbox.as_ref().map(|outbox| outbox.changed());
        let mut second = every_second();
        while !at.cancel.is_cancelled() {
            self.settle(at).await;
            if matches!(self.hold, Hold::Draining) && at.flight.len() == 0 {
                self.hold = Hold::No;
            }
            if matches!(self.hold, Hold::No) {
                if std::mem::take(&mut self.status_due) {
                    say_status(at, prefix, ONLINE).await;
                }
                self.fill(at, prefix).await;
            }
            // All branches are cancel-safe: what they wait for stays with token, watch, flight,
            // interval and sleep.
            tokio::select! {
                () = at.cancel.cancelled() => {}
                gone = async { match &mut changed {
                    Some(changed) => changed.changed().await.is_err(),
                    None => std::future::pending().await,
                }} => if gone { changed = None; },
                () = at.flight.answers() => {}
                _ = second.tick() => self.repeat(at).await,
                () = self.hold.over() => self.hold = Hold::Draining,
            }
        }
    }

    /// Takes the broker's answers.
    async fn settle(&mut self, at: &Speaker<'_>) {
        let mut done = Vec::new();
        for (sent, code) in at.flight.take_settled() {
            match (sent, fate(code)) {
                (Sent::Entry(entry), Fate::Arrived) => done.push(entry.id),
                (Sent::Entry(entry), Fate::Refused) => {
                    done.push(entry.id);
                    self.park(at, entry, code_text(code)).await;
                }
                (Sent::Entry(entry), Fate::Later(pace)) => {
                    at.report.not_now(&entry.topic, code);
                    self.after = self.after.min(entry.id.saturating_sub(1));
                    self.hold_for(pace);
                }
                (Sent::Other(_), Fate::Arrived) => at.report.published(1),
                (Sent::Other(topic), Fate::Refused | Fate::Later(_)) => {
                    at.report.not_now(&topic, code);
                    self.not_taken(&topic);
                    self.hold_for(Pace::Slow);
                }
            }
        }
        let Some(outbox) = self.outbox.clone().filter(|_| !done.is_empty()) else {
            return;
        };
        at.report.published(done.len() as u64);
        self.backoff.reset();
        off_the_runtime(move || outbox.done(&done)).await;
    }

    /// Nothing stands in the outbox for this topic: a verdict is said again with its minute, the status
    /// only if it is due.
    fn not_taken(&mut self, topic: &str) {
        let status = self.prefix.as_ref().map(|prefix| topics::topic(prefix, "status"));
        self.status_due |= status.is_some_and(|status| status == topic);
    }

    fn hold_for(&mut self, pace: Pace) {
        if !matches!(self.hold, Hold::Until(_)) {
            self.hold = Hold::Until(Box::pin(tokio::time::sleep(self.backoff.next(pace))));
        }
    }

    /// Publishes what waits in the outbox, as far as the window goes.
    async fn fill(&mut self, at: &Speaker<'_>, prefix: &str) {
        let Some(outbox) = self.outbox.clone() else {
            return;
        };
        loop {
            let free = at.window().saturating_sub(at.flight.len());
            if free == 0 {
                return;
            }
            let (outbox, after) = (Arc::clone(&outbox), self.after);
            let read = off_the_runtime(move || outbox.oldest(after, free, READ_BYTES_MAX)).await;
            let items = match read {
                Ok(items) if items.is_empty() => return,
                Ok(items) => items,
                Err(error) => return self.unreadable(at, &error),
            };
            for item in items {
                self.after = item.id;
                self.publish(at, prefix, item).await;
            }
        }
    }

    fn unreadable(&mut self, at: &Speaker<'_>, error: &StoreError) {
        at.report.unreadable(error);
        self.hold_for(Pace::Retry);
    }

    async fn publish(&mut self, at: &Speaker<'_>, prefix: &str, item: Item) {
        let manner = Manner::of(&item.key);
        let topic = topics::topic(prefix, &item.key);
        let body = Bytes::from(item.body);
        let entry =
            Entry { id: item.id, count: item.count, topic: topic.clone(), body: body.clone() };
        let publication = Publication {
            topic,
            body,
            retain: manner.retained(),
            at_most_once: false,
            expiry_s: (manner == Manner::Verdict).then_some(seconds(VERDICT_EXPIRY)),
        };
        if let Some(reason) = unpublishable(&publication, at.session) {
            // The broker would end the connection, each time again.
            let id = entry.id;
            self.park(at, entry, reason).await;
            if let Some(outbox) = self.outbox.clone() {
                off_the_runtime(move || outbox.done(&[id])).await;
            }
            return;
        }
        if manner == Manner::Verdict {
            let newest = Newest { body: publication.body.clone(), age_s: 0 };
            self.newest.insert(publication.topic.clone(), newest);
        }
        at.publish(Sent::Entry(entry), publication).await;
    }

    async fn park(&self, at: &Speaker<'_>, entry: Entry, reason: String) {
        at.report.never(&entry.topic, &reason);
        if let Some(outbox) = self.outbox.clone() {
            let now = Timestamp::from_nanos(at.clock.machine_nanos());
            let park = move || outbox.park(entry.id, entry.count, &entry.body, &reason, now);
            off_the_runtime(park).await;
        }
    }

    /// A second has passed: says again the verdicts that are a minute old.
    async fn repeat(&mut self, at: &Speaker<'_>) {
        let heard = at.report.plant_is_heard();
        let now_ms = at.clock.now_nanos().div_euclid(1_000_000);
        for (topic, newest) in &mut self.newest {
            newest.age_s = newest.age_s.saturating_add(1);
            let free = at.flight.len() < at.window() && matches!(self.hold, Hold::No);
            if newest.age_s < REPEAT_S || !free {
                continue;
            }
            let Some((body, expiry_s)) = again(&newest.body, now_ms, heard) else {
                // One that waits for the plant to be heard is said as soon as it is.
                newest.age_s = if heard { 0 } else { REPEAT_S };
                continue;
            };
            newest.age_s = 0;
            let publication = Publication {
                topic: topic.clone(),
                body,
                retain: true,
                at_most_once: false,
                expiry_s: Some(expiry_s),
            };
            at.publish(Sent::Other(topic.clone()), publication).await;
        }
    }
}

impl Hold {
    /// Waits until the broker may be asked again, if there is something to wait for. Cancel-safe.
    async fn over(&mut self) {
        match self {
            Self::Until(sleep) => sleep.await,
            Self::No | Self::Draining => std::future::pending().await,
        }
    }
}

async fn say_status(at: &Speaker<'_>, prefix: &str, word: &'static str) {
    let topic = topics::topic(prefix, "status");
    let body = Bytes::from_static(word.as_bytes());
    let publication = Publication {
        topic: topic.clone(),
        body,
        retain: true,
        at_most_once: false,
        expiry_s: None,
    };
    at.publish(Sent::Other(topic), publication).await;
}

fn every_second() -> Interval {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    second
}

/// The store's calls wait for the disk. A panic there is ours.
async fn off_the_runtime<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime goes down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Why no broker, or not this one, takes the publication.
fn unpublishable(publication: &Publication, session: Session) -> Option<String> {
    if !topics::publishable(&publication.topic) {
        return Some("no topic that can be published to".to_owned());
    }
    let bytes = publication.packet_bytes();
    let max = session.max_packet_size.and_then(|max| usize::try_from(max).ok())?;
    (bytes > max).then(|| format!("{bytes} bytes are too large for the broker, which takes {max}"))
}

/// The verdict said again at `now_ms`, and after how many seconds a broker should forget it; `None`
/// if it no longer holds.
///
/// While the plant is heard, what was said last still holds, and for another three minutes. While it
/// is not, nobody knows: then it holds as long as was said, and no longer.
fn again(body: &Bytes, now_ms: i64, heard: bool) -> Option<(Bytes, u32)> {
    let Ok(mut document) = serde_json::from_slice::<Document>(body) else {
        return heard.then(|| (body.clone(), seconds(VERDICT_EXPIRY)));
    };
    if heard {
        document.valid_until = document.valid_until.max(now_ms.saturating_add(Document::VALID_MS));
        let body = serde_json::to_vec(&document).ok()?;
        return Some((Bytes::from(body), seconds(VERDICT_EXPIRY)));
    }
    let left_s = document.valid_until.saturating_sub(now_ms) / 1000;
    let left_s = u32::try_from(left_s.min(i64::from(seconds(VERDICT_EXPIRY)))).ok()?;
    (left_s > 0).then(|| (body.clone(), left_s))
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"line":"tm3","batch":null,"grade":null,"verdict":"on-spec","since":0,"probability_off_spec":null,"progress":null,"reasons":[],"first_mover":null,"spans":[],"revision":3,"ts":1000,"valid_until":181000}"#;

    #[track_caller]
    fn check(now_ms: i64, heard: bool, expected: Option<(i64, u32)>) {
        let said = again(&Bytes::from_static(BODY.as_bytes()), now_ms, heard);
        let expected = expected.map(|(valid_until, expiry_s)| {
            let body = BODY.replace("181000", &valid_until.to_string());
            (Bytes::from(body), expiry_s)
        });
        assert_eq!(said, expected);
    }

    #[test]
    fn a_verdict_said_again_holds_for_three_minutes_more() {
        check(61_000, true, Some((241_000, 180)));
        check(3_600_000, true, Some((3_780_000, 180)));
    }

    #[test]
    fn a_clock_that_is_behind_does_not_shorten_a_verdict() {
        check(-5_000_000, true, Some((181_000, 180)));
    }

    #[test]
    fn a_verdict_on_a_plant_that_is_not_heard_is_not_prolonged() {
        check(61_000, false, Some((181_000, 120)));
        check(180_500, false, None);
        check(999_000, false, None);
    }

    #[test]
    fn a_refused_status_is_said_again_and_a_verdict_waits_for_its_minute() {
        let mut publisher = Publisher::new(Some("onspec".to_owned()), None, Vec::new(), 1);
        publisher.status_due = false;
        publisher.not_taken("onspec/tm3/verdict");
        assert!(!publisher.status_due);
        publisher.not_taken("onspec/status");
        assert!(publisher.status_due);
    }

    #[test]
    fn what_the_broker_cannot_take_is_not_sent() {
        let session = |max_packet_size| Session {
            present: true,
            receive_maximum: 20,
            max_packet_size,
            keep_alive: Duration::from_secs(30),
        };
        let publication = |topic: &str| Publication {
            topic: topic.to_owned(),
            body: Bytes::from_static(&[0; 100]),
            retain: false,
            at_most_once: false,
            expiry_s: None,
        };
        assert_eq!(unpublishable(&publication("a/b"), session(None)), None);
        assert_eq!(unpublishable(&publication("a/b"), session(Some(200))), None);
        assert_eq!(
            unpublishable(&publication("a/b"), session(Some(100))),
            Some("135 bytes are too large for the broker, which takes 100".to_owned())
        );
        assert!(unpublishable(&publication("a/+"), session(None)).is_some());
    }
}
