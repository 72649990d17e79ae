//! What arrives: readings to their lines and to the undeclared, batch events, and what cannot be taken.

use super::effect::{Effect, FaultRecord};
use super::stamps::odd_time;
use super::{Engine, State, queue_part, tag_of};
use crate::decode::{Arrival, BatchEvent, BatchMessage, Fault, Message, NamedReading, Reason};
use crate::plant::Undeclared;
use crate::reading::{Flags, Reading, Series, Timestamp};
use crate::words::SystemReason;
use std::sync::Arc;

/// Faults kept for people.
const FAULTS_KEPT: usize = 20;

/// What no level of a topic may have.
const NO_TOPIC: [char; 4] = ['/', '+', '#', '\0'];

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) received: Timestamp,
    /// `None` for a recording.
    pub(super) broker: Option<&'a Arc<str>>,
    pub(super) topic: &'a str,
    pub(super) retained: bool,
}

impl Engine {
    pub(super) fn arrival(&mut self, arrival: &Arrival, out: &mut Vec<Effect>) {
        let mut messages = std::mem::take(&mut self.messages);
        let mut faults = std::mem::take(&mut self.faults);
        let dated = self.decoder.decode(arrival, &mut messages, &mut faults);
        let repeated = self.state.repeats.repeats(arrival);
        for message in messages.drain(..) {
            match message {
                Message::Dropped(count) => {
                    self.dropped(&arrival.broker, (count, repeated), arrival.received, out);
                    continue;
                }
                // It has a sequence of its own.
                Message::Node(message) => {
                    self.node(arrival, &message, out);
                    continue;
                }
                Message::Reading(_) | Message::Batch(_) | Message::Profile(_) => {}
            }
            // Without a time of its own a value that comes again is a new reading.
            match &message {
                Message::Reading(named) if repeated && named.at.is_some() => {
                    self.repeated(named);
                    continue;
                }
                Message::Profile(scan) if repeated && scan.at.is_some() => {
                    self.state.duplicates += 1;
                    continue;
                }
                _ => {}
            }
            let way = Way {
                received: arrival.received,
                broker: Some(&arrival.broker),
                topic: &arrival.topic,
                retained: arrival.retained,
            };
            let named = match message {
                Message::Reading(named) => named,
                Message::Profile(mut scan) => {
                    scan.at = scan.at.or(Some(dated));
                    self.message(way, Message::Profile(scan), out);
                    continue;
                }
                other => {
                    self.message(way, other, out);
                    continue;
                }
            };
            if let Some(fault) = self.dated_reading(way, (named, dated), Flags::GOOD, out) {
                self.fault(arrival.received, &arrival.topic, fault, out);
            }
        }
        for fault in faults.drain(..) {
            self.fault(arrival.received, &arrival.topic, fault, out);
        }
        self.messages = messages;
        self.faults = faults;
        for news in self.state.clocks.due(arrival.received) {
            self.component(&news.part, news.works, &news.reason, arrival.received, out);
        }
    }

    /// A broker says how many messages it has dropped.
    pub(super) fn dropped(
        &mut self,
        broker: &Arc<str>,
        count: (u64, bool),
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let Some((dropped, since)) = self.state.drops.heard(broker, count, at) else { return };
        if self.state.recoveries.lost(dropped, since) {
            self.found_more(out);
        }
        let reason = SystemReason::Dropped { count: dropped, since };
        self.component(&queue_part(broker), false, &reason, at, out);
        out.push(Effect::Dropped { broker: Arc::clone(broker), dropped });
    }

    /// A reading of a message that came before: it writes nothing.
    pub(super) fn repeated(&mut self, named: &NamedReading) {
        self.state.duplicates += 1;
        let line = self.plant.line_ix(&named.line);
        let tag = line.and_then(|ix| tag_of(&self.names[ix.get()], &named.area, &named.tag));
        if let (Some(line), Some(tag)) = (line, tag) {
            self.state.lines[line.get()].repeated(tag);
        }
    }

    pub(super) fn message(&mut self, way: Way<'_>, message: Message, out: &mut Vec<Effect>) {
        let Way { received, topic, .. } = way;
        let fault = match message {
            Message::Reading(named) => self.reading(way, named, Flags::GOOD, out),
            Message::Batch(message) => self.batch_message((received, topic), message, out),
            Message::Profile(scan) => self.profile(way, *scan, out),
            // Only a broker knows what it dropped, and whose birth it brings: in a recording it is nobody's.
            Message::Dropped(_) | Message::Node(_) => None,
        };
        if let Some(fault) = fault {
            self.fault(received, topic, fault, out);
        }
    }

    pub(super) fn batch_message(
        &mut self,
        (received, topic): (Timestamp, &str),
        message: BatchMessage,
        out: &mut Vec<Effect>,
    ) -> Option<Fault> {
        let Some(ix) = self.plant.line_ix(&message.line) else {
            return Some(Fault {
                reason: Reason::LineUnclear,
                detail: format!("line `{}` is not declared, so it has no batches", message.line),
            });
        };
        if let Some(detail) = odd_time(message.at, received) {
            return Some(Fault { reason: Reason::BadTime, detail });
        }
        if let BatchEvent::Alarm { .. } = &message.event {
            let told = self.alarm_message(message, out);
            return told.err().map(|detail| Fault { reason: Reason::BadEvent, detail });
        }
        if let Some(station) = message.station.as_deref().filter(|name| name.contains(NO_TOPIC)) {
            let detail = format!(
                "station `{station}` cannot be a level of a topic: `/`, `+` and `#` are not allowed"
            );
            return Some(Fault { reason: Reason::BadEvent, detail });
        }
        self.write_event(&message, out);
        self.on_line(ix, (received, topic), out, |state, cx| match &message.event {
            event @ (BatchEvent::Maintenance { .. } | BatchEvent::MaintenanceEnd { .. }) => {
                state.maintain(cx, message.at, event);
            }
            _ => state.batch_message(cx, message),
        });
        None
    }

    pub(super) fn reading(
        &mut self,
        way: Way<'_>,
        named: NamedReading,
        known: Flags,
        out: &mut Vec<Effect>,
    ) -> Option<Fault> {
        self.dated_reading(way, (named, way.received), known, out)
    }

    /// Takes a reading, and when it is of if it has no time of its own.
    fn dated_reading(
        &mut self,
        way: Way<'_>,
        (named, dated): (NamedReading, Timestamp),
        mut known: Flags,
        out: &mut Vec<Effect>,
    ) -> Option<Fault> {
        let Way { received, broker, topic, retained } = way;
        let own_time = named.at.is_some();
        if !own_time {
            known |= Flags::NO_SOURCE_TIME;
        }
        if retained {
            known |= Flags::RETAINED;
        }
        let reading = Reading {
            at: named.at.unwrap_or(dated),
            received,
            value: named.value,
            quality: named.quality,
        };
        // A last known value, and what a broker held while nobody listened, came when it could.
        let old = retained || known.contains(Flags::HISTORICAL);
        let measures = own_time && !old && !self.state.recoveries.is_open();
        let series = Series { line: named.line, area: named.area, tag: named.tag };
        let line = self.plant.line_ix(&series.line);
        let tag = line.and_then(|ix| tag_of(&self.names[ix.get()], &series.area, &series.tag));
        let new = if let (Some(line), Some(tag)) = (line, tag) {
            let mut new = false;
            self.on_line(line, (received, topic), out, |state, cx| {
                let from = cx.from(broker, &series, state.likely_source(tag), (own_time, measures));
                let series = state.series(tag, series);
                new = state.reading(cx, tag, &series, &reading, (known, from));
            });
            new
        } else if self.plant.undeclared == Undeclared::Ignore {
            let detail = format!("tag `{}` of line `{}` is not declared", series.tag, series.line);
            return Some(Fault { reason: Reason::Undeclared, detail });
        } else {
            let State { strays, clocks, .. } = &mut self.state;
            let likely = strays.likely_source(&series);
            let from = clocks.from(broker, &series, likely, (own_time, measures), out);
            let max = self.plant.undeclared_max;
            match strays.reading(series, &reading, (known, from), max, (clocks, out)) {
                Ok(new) => new,
                Err(fault) => return Some(fault),
            }
        };
        self.state.readings += u64::from(new);
        self.state.duplicates += u64::from(!new);
        None
    }

    pub(super) fn fault(
        &mut self,
        received: Timestamp,
        topic: &str,
        fault: Fault,
        out: &mut Vec<Effect>,
    ) {
        *self.state.faults.entry(fault.reason).or_default() += 1;
        // It goes to the log and the page as it is.
        let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let topic: Arc<str> = topic.chars().take(256).map(visible).collect::<String>().into();
        let record = FaultRecord { received, topic, fault };
        if self.state.last_faults.len() == FAULTS_KEPT {
            self.state.last_faults.pop_front();
        }
        self.state.last_faults.push_back(record.clone());
        out.push(Effect::Fault(record));
    }
}
