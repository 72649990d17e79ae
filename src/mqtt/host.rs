//! What a host application of Sparkplug B says: whether it is there, and that it wants births.
//!
//! A primary host is what edge nodes may wait for, so what it says of itself follows the specification
//! to the letter (Eclipse Sparkplug 3.0, sections 4.1 and 5.13): it subscribes first, then says that it
//! is online with the time that its will has; a will of a connection before that comes late is answered
//! at once; it goes with a word, and waits until the broker has it.

use super::flight::Sent;
use super::publisher::{FAREWELL, Speaker};
use super::trouble::{Fate, fate};
use super::wire::Publication;
use crate::decode::sparkplug::{Command, command_topic, state_topic};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A state that the broker did not take is said again after so long: nodes wait for it.
const AGAIN: Duration = Duration::from_secs(10);

/// An edge node that is to be asked for its births.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Its group.
    pub group: Arc<str>,
    /// Its name.
    pub node: Arc<str>,
}

/// The voice of a host application, through all connections of its link.
#[derive(Debug)]
pub(super) struct HostVoice {
    /// The topic of its state; `None` for one that no node waits for.
    state: Option<String>,
    asks: mpsc::Receiver<Ask>,
    /// When the connection was begun, ms since 1970: the time of its state.
    begun_ms: i64,
}

impl HostVoice {
    pub(super) fn new(primary: Option<&str>, asks: mpsc::Receiver<Ask>) -> Self {
        Self { state: primary.map(state_topic), asks, begun_ms: 0 }
    }

    /// A connection begins; what the broker is to say when it is lost.
    pub(super) fn begin(&mut self, now_ms: i64) -> Option<(String, Bytes)> {
        self.begun_ms = now_ms;
        self.state.clone().map(|topic| (topic, state(false, now_ms)))
    }

    /// Speaks until the connection is given up, which drops this future; says farewell on cancel.
    pub(super) async fn speak(&mut self, at: &Speaker<'_>) {
        let mut asking = true;
        let mut again = std::pin::pin!(tokio::time::sleep(AGAIN));
        let mut refused = false;
        loop {
            if settle(at) {
                refused = true;
                again.set(tokio::time::sleep(AGAIN));
            }
            // Every branch is cancel-safe: what they wait for stays with token, notice, queue and flight.
            tokio::select! {
                biased;
                () = at.cancel.cancelled() => break,
                () = at.notices.is_due.notified() => self.say(at, true, self.begun_ms).await,
                () = at.flight.answers() => {}
                () = again.as_mut(), if refused => {
                    refused = false;
                    self.say(at, true, self.begun_ms).await;
                }
                ask = self.asks.recv(), if asking => match ask {
                    Some(ask) => request(at, &ask).await,
                    None => asking = false,
                },
            }
        }
        if self.state.is_some() {
            self.say(at, false, now_ms(at)).await;
            let all_answered = async {
                while at.flight.len() > 0 {
                    at.flight.answers().await;
                    settle(at);
                }
            };
            // Without it the broker says the same as our will, a little later.
            drop(tokio::time::timeout(FAREWELL, all_answered).await);
        }
        at.farewell().await;
    }

    async fn say(&self, at: &Speaker<'_>, online: bool, ms: i64) {
        let Some(topic) = self.state.clone() else { return };
        let body = state(online, ms);
        let publication = Publication {
            topic: topic.clone(),
            body,
            retain: true,
            at_most_once: false,
            expiry_s: None,
        };
        at.publish(Sent::Other(topic), publication).await;
    }
}

/// Asks a node for its births. Nobody answers for the request: the engine asks again.
async fn request(at: &Speaker<'_>, ask: &Ask) {
    let now_ms = u64::try_from(now_ms(at)).unwrap_or(0);
    let publication = Publication {
        topic: command_topic(&ask.group, &ask.node),
        body: Command::Rebirth.encode(now_ms).into(),
        retain: false,
        at_most_once: true,
        expiry_s: None,
    };
    // It fails only when the connection is gone.
    drop(at.client.publish(publication).await);
    at.report.asked(&ask.group, &ask.node);
}

/// Takes the broker's answers to our state; true if it does not have it.
fn settle(at: &Speaker<'_>) -> bool {
    let mut refused = false;
    for (sent, code) in at.flight.take_settled() {
        let Sent::Other(topic) = sent else { continue };
        match fate(code) {
            Fate::Arrived => at.report.published(1),
            Fate::Refused | Fate::Later(_) => {
                at.report.not_now(&topic, code);
                refused = true;
            }
        }
    }
    refused
}

fn now_ms(at: &Speaker<'_>) -> i64 {
    at.clock.now_nanos().div_euclid(1_000_000)
}

/// The payload of a state.
fn state(online: bool, ms: i64) -> Bytes {
    format!("{{\"online\":{online},\"timestamp\":{ms}}}").into()
}

/// True for a state that does not say that its host is there: a late will, or nothing at all.
pub(super) fn says_no_online(payload: &[u8]) -> bool {
    let read = serde_json::from_slice::<serde_json::Value>(payload);
    read.map_or(true, |state| state.get("online") != Some(&serde_json::Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_as_the_specification_has_it() {
        assert_eq!(
            &state(true, 1_700_000_000_000)[..],
            br#"{"online":true,"timestamp":1700000000000}"#
        );
        assert!(says_no_online(&state(false, 7)) && says_no_online(b""));
        assert!(!says_no_online(&state(true, 7)));
    }

    #[test]
    fn only_a_primary_host_has_a_will() {
        let (_, asks) = mpsc::channel(1);
        let mut primary = HostVoice::new(Some("onspec"), asks);
        let (topic, body) = primary.begin(5).expect("it is waited for");
        assert_eq!(topic, "spBv1.0/STATE/onspec");
        assert_eq!(&body[..], br#"{"online":false,"timestamp":5}"#);
        let (_, asks) = mpsc::channel(1);
        assert_eq!(HostVoice::new(None, asks).begin(5), None);
    }
}
