//! What the engine is fed, and the form in which the journal keeps it.

use crate::alarm::Order;
use crate::decode::{Arrival, BatchMessage, Message};
use crate::frame::Frame;
use crate::models::Trial;
use crate::reading::{LineIx, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything that can happen to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message arrived.
    Arrival(Arrival),
    /// A decoded message, from a recording; never journaled.
    Message(Timestamp, Message),
    /// A whole frame of a line, from a recording whose rows are frames; never journaled.
    Frame(LineIx, Frame),
    /// Time passed: lines that have been silent for their `idle` may be pushed on to it.
    Tick(Timestamp),
    /// A fit came to its end; takes effect at the next batch boundary of its line.
    Model(ModelAnswer),
    /// A person, or a part of the daemon, says something.
    Command(Command),
}

/// The answer to a [`super::FitRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelAnswer {
    /// The request's id.
    pub request: u64,
    /// The model as its artifact, or why there is none.
    pub outcome: Result<Arc<[u8]>, String>,
    /// What came of its trial, if it had one.
    #[serde(default)]
    pub trial: Option<Trial>,
}

/// What a person, or a part of the daemon, says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A part of the daemon works, or does not.
    Component {
        /// Which.
        component: Arc<str>,
        /// True if it works.
        works: bool,
        /// Why not.
        reason: Arc<str>,
        /// When that was seen.
        at: Timestamp,
    },
    /// The session in which edge nodes of Sparkplug are heard is a new one: of what they sent before,
    /// nothing is known.
    Unheard {
        /// The broker's name.
        broker: Arc<str>,
        /// When its first message came.
        at: Timestamp,
    },
    /// The link to the plant went down (`false`) or came back: while it is down no tick counts.
    Link {
        /// True if it is up.
        up: bool,
        /// When that was seen.
        at: Timestamp,
    },
    /// A link was made. A broker that had a session of this client and has it no more has lost what
    /// it held: a gap.
    Session {
        /// The part that the link is.
        component: Arc<str>,
        /// The session's name at the broker.
        client_id: Arc<str>,
        /// True if the broker has kept the session.
        present: bool,
        /// The filters that are subscribed to, as the broker gets them.
        filters: Vec<Arc<str>>,
        /// When the link was made.
        at: Timestamp,
    },
    /// The session has these filters and no other one.
    Subscribed {
        /// The part that the link is.
        component: Arc<str>,
        /// The session's name at the broker.
        client_id: Arc<str>,
        /// The filters, as the broker got them.
        filters: Vec<Arc<str>>,
    },
    /// The daemon starts.
    Started {
        /// When.
        at: Timestamp,
    },
    /// All that the brokers held when the daemon started has been taken.
    CaughtUp {
        /// When.
        at: Timestamp,
    },
    /// The daemon works, or ends in order, at this instant: nothing else says so when nothing comes.
    Alive {
        /// When.
        at: Timestamp,
    },
    /// The clock by which arrivals and ticks are stamped leapt by so much that did not pass: no line was
    /// silent for that.
    ClockLeap {
        /// By how much, ns; less than 0 if it was set back.
        by_nanos: i64,
    },
    /// A person lets a model of the registry judge.
    Promote(Box<Promotion>),
    /// A person takes back a promotion that waits for its boundary.
    Withdraw(Withdrawal),
    /// Events of batches, as a person or another system sends them to the API.
    Told(Box<ToldEvents>),
    /// A person asks something of an alarm.
    Alarm(Box<Order>),
    /// No more input will come: every line's clock runs to the end of what it has.
    Finish,
}

/// A model of the registry that a person lets judge: from the next batch boundary of its line on, as a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The line's name.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// The version that it is the same model as.
    pub of: u32,
    /// Its artifact.
    pub artifact: Arc<[u8]>,
    /// True if that is what judged before.
    pub back: bool,
    /// Who says so.
    pub by: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
}

/// A promotion that waits for its boundary is taken back: what judges goes on judging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The line's name.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// Who says so.
    pub by: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
}

/// Events of batches that came over the API: all of one request, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToldEvents {
    /// The events.
    pub messages: Vec<BatchMessage>,
    /// When they came.
    pub at: Timestamp,
}

impl ToldEvents {
    /// What stands for the topic in faults of such events, which have none.
    pub const TOPIC: &'static str = "api";
}

impl Promotion {
    /// Why a new version judges.
    #[must_use]
    pub fn reason(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        if self.back {
            format!("rolled back{by} to that of version {}", self.of)
        } else {
            format!("promoted{by}, the artifact of version {}", self.of)
        }
    }
}

impl Command {
    /// When it was said, by the machine's clock; `None` for a start, which asks what was before it.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Component { at, .. }
            | Self::Link { at, .. }
            | Self::Session { at, .. }
            | Self::CaughtUp { at }
            | Self::Unheard { at, .. }
            | Self::Alive { at } => Some(*at),
            Self::Promote(promotion) => Some(promotion.at),
            Self::Withdraw(withdrawal) => Some(withdrawal.at),
            Self::Told(told) => Some(told.at),
            Self::Alarm(order) => Some(order.at),
            Self::Subscribed { .. }
            | Self::Started { .. }
            | Self::ClockLeap { .. }
            | Self::Finish => None,
        }
    }
}

/// Bytes of a journal that are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no event at byte {offset} of the journal entry: {what}")]
pub struct EventError {
    /// Where.
    pub offset: usize,
    /// What is wrong.
    pub what: String,
}

const ARRIVAL: u8 = 1;
const RETAINED_ARRIVAL: u8 = 2;
const TICK: u8 = 3;
const MODEL: u8 = 4;
const COMMAND: u8 = 5;
/// Added to the kind of an arrival whose properties stand behind it; most have none, and are as long as
/// without them.
const WITH_PROPERTIES: u8 = 16;

impl Event {
    /// When it was taken, by the machine's clock; `None` for what has no such time.
    #[must_use]
    pub fn received(&self) -> Option<Timestamp> {
        match self {
            Self::Arrival(arrival) => Some(arrival.received),
            Self::Tick(at) => Some(*at),
            Self::Command(command) => command.at(),
            Self::Message(..) | Self::Frame(..) | Self::Model(_) => None,
        }
    }

    /// Appends the journal's form of the event: a byte of kind, then the fields, little-endian,
    /// texts and payloads with their length before them.
    ///
    /// Messages and frames come from recordings, which are their own journal: they append nothing.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Arrival(arrival) => {
                let kind = if arrival.retained { RETAINED_ARRIVAL } else { ARRIVAL };
                let properties = arrival.properties.as_deref();
                out.push(kind + properties.map_or(0, |_| WITH_PROPERTIES));
                out.extend_from_slice(&arrival.received.as_nanos().to_le_bytes());
                put(out, arrival.broker.as_bytes());
                put(out, arrival.topic.as_bytes());
                put(out, &arrival.payload);
                if let Some(properties) = properties {
                    let block = rmp_serde::to_vec(properties);
                    put(out, &block.expect("properties have no map with odd keys"));
                }
            }
            Self::Tick(at) => {
                out.push(TICK);
                out.extend_from_slice(&at.as_nanos().to_le_bytes());
            }
            Self::Model(answer) => {
                out.push(MODEL);
                put(
                    out,
                    &rmp_serde::to_vec_named(answer)
                        .expect("a model answer has no map with odd keys"),
                );
            }
            Self::Command(command) => {
                out.push(COMMAND);
                put(
                    out,
                    &rmp_serde::to_vec_named(command).expect("a command has no map with odd keys"),
                );
            }
            Self::Message(..) | Self::Frame(..) => {}
        }
    }

    /// Reads all events of a journal chunk.
    ///
    /// # Errors
    /// When the bytes are not what [`Event::encode`] wrote.
    pub fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, EventError> {
        let mut reader = Reader { bytes, at: 0 };
        let mut events = Vec::new();
        while reader.at < bytes.len() {
            events.push(reader.event()?);
        }
        Ok(events)
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("payloads are bounded far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<Event, EventError> {
        const ARRIVAL_WITH: u8 = ARRIVAL + WITH_PROPERTIES;
        const RETAINED_WITH: u8 = RETAINED_ARRIVAL + WITH_PROPERTIES;
        let kind = self.take(1)?[0];
        Ok(match kind {
            ARRIVAL | RETAINED_ARRIVAL | ARRIVAL_WITH | RETAINED_WITH => {
                let received = self.time()?;
                let (broker, topic) = (self.text()?, self.text()?);
                let payload = Bytes::copy_from_slice(self.block()?);
                let retained = matches!(kind, RETAINED_ARRIVAL | RETAINED_WITH);
                let properties = if matches!(kind, ARRIVAL_WITH | RETAINED_WITH) {
                    let block = self.block()?;
                    let read = rmp_serde::from_slice(block);
                    Some(Arc::new(read.map_err(|e| self.error(e.to_string()))?))
                } else {
                    None
                };
                let came = Arrival { broker, received, topic, payload, retained, properties };
                Event::Arrival(came)
            }
            TICK => Event::Tick(self.time()?),
            MODEL => {
                let block = self.block()?;
                Event::Model(rmp_serde::from_slice(block).map_err(|e| self.error(e.to_string()))?)
            }
            COMMAND => {
                let block = self.block()?;
                Event::Command(rmp_serde::from_slice(block).map_err(|e| self.error(e.to_string()))?)
            }
            other => return Err(self.error(format!("kind {other} is unknown"))),
        })
    }

    fn time(&mut self) -> Result<Timestamp, EventError> {
        let bytes = self.take(8)?;
        let nanos = i64::from_le_bytes(bytes.try_into().expect("eight bytes were taken"));
        Ok(Timestamp::from_nanos(nanos))
    }

    fn text(&mut self) -> Result<Arc<str>, EventError> {
        let block = self.block()?;
        Ok(std::str::from_utf8(block).map_err(|e| self.error(e.to_string()))?.into())
    }

    fn block(&mut self) -> Result<&'a [u8], EventError> {
        let bytes = self.take(4)?;
        let len = u32::from_le_bytes(bytes.try_into().expect("four bytes were taken"));
        self.take(len as usize)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], EventError> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end =
            end.ok_or_else(|| self.error(format!("{n} bytes wanted, the entry ends before")))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn error(&self, what: String) -> EventError {
        EventError { offset: self.at, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{BatchEvent, Format, PropertyRule, Rule, Template, Wanted};

    fn with_properties(retained: bool) -> Event {
        let rule = Rule {
            properties: PropertyRule {
                time: Some("sent".into()),
                quality: Some("q".into()),
                content_types: vec!["a/b".into()],
                expiry_s: Some(60),
                ..PropertyRule::default()
            },
            ..Rule::new("plant", Template::parse("{tag}").unwrap(), Format::Value)
        };
        let user = [("q", "192"), ("sent", "7"), ("other", "x")];
        Event::Arrival(Arrival {
            broker: "plant".into(),
            received: Timestamp::from_nanos(5),
            topic: "steam".into(),
            payload: Bytes::from_static(b"1"),
            retained,
            properties: Wanted::by([&rule]).of(Some("A/B; c"), Some(9), user),
        })
    }

    #[test]
    fn what_has_no_properties_takes_no_byte_for_them() {
        let len = |properties| {
            let Event::Arrival(arrival) = with_properties(false) else { unreachable!("it is one") };
            let mut bytes = Vec::new();
            Event::Arrival(Arrival { properties, ..arrival }).encode(&mut bytes);
            bytes.len()
        };
        // Kind, time, three lengths, `plant`, `steam`, `1`.
        assert_eq!(len(None), 1 + 8 + 3 * 4 + 5 + 5 + 1);
        let Event::Arrival(with) = with_properties(false) else { unreachable!("it is one") };
        assert_eq!(len(with.properties), len(None) + 4 + 26);
    }

    fn lab(position: Option<&str>, value: f64) -> BatchMessage {
        BatchMessage {
            line: "tm3".into(),
            station: None,
            at: Timestamp::from_nanos(11),
            event: BatchEvent::Lab {
                batch: "R1".into(),
                property: "tensile_md".into(),
                value,
                unit: Some("N/m".into()),
                position: position.map(Into::into),
            },
        }
    }

    #[test]
    fn events_come_back_from_the_journal() {
        let events = vec![
            Event::Arrival(Arrival {
                broker: "plant".into(),
                received: Timestamp::from_nanos(-5),
                topic: "mill/tm3/dry/steam".into(),
                payload: Bytes::from_static(b"{\"v\":1}"),
                retained: false,
                properties: None,
            }),
            Event::Arrival(Arrival {
                broker: "".into(),
                received: Timestamp::MAX,
                topic: "".into(),
                payload: Bytes::new(),
                retained: true,
                properties: None,
            }),
            with_properties(false),
            with_properties(true),
            Event::Tick(Timestamp::from_nanos(7)),
            Event::Model(ModelAnswer {
                request: 3,
                outcome: Ok(Arc::from([1, 2, 3])),
                trial: Some(Trial { against: 2, better: true, ..Trial::default() }),
            }),
            Event::Model(ModelAnswer {
                request: 4,
                outcome: Err("too few rows".into()),
                trial: None,
            }),
            Event::Command(Command::Finish),
            Event::Command(Command::Link { up: false, at: Timestamp::from_nanos(1) }),
            Event::Command(Command::Promote(Box::new(Promotion {
                line: "tm3".into(),
                grade: "facial".into(),
                of: 3,
                artifact: Arc::from([0, 200, 255]),
                back: true,
                by: Some("shift-a".into()),
                at: Timestamp::from_nanos(9),
            }))),
            Event::Command(Command::Told(Box::new(ToldEvents {
                messages: vec![lab(Some("1"), 0.1 + 0.2), lab(None, f64::MIN_POSITIVE)],
                at: Timestamp::from_nanos(12),
            }))),
            Event::Command(Command::Withdraw(Withdrawal {
                line: "tm3".into(),
                grade: "facial".into(),
                by: None,
                at: Timestamp::from_nanos(10),
            })),
        ];
        let mut bytes = Vec::new();
        for event in &events {
            event.encode(&mut bytes);
        }
        assert_eq!(Event::decode_all(&bytes).unwrap(), events);
        for cut in 1..bytes.len() {
            let part = Event::decode_all(&bytes[..cut]);
            assert!(part.is_err() || part.unwrap().len() < events.len());
        }
    }
}
