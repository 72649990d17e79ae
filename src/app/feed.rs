//! What is replayed: where it comes from, and which time of it.

use super::error::AppError;
use crate::decode::{BatchEvent, BatchMessage, Message, NamedReading, Rule, decode_event_line};
use crate::engine::{Command, Engine, Event};
use crate::frame::Frame;
use crate::plant::{Line, Plant};
use crate::reading::{Finite, LineIx, SourceQuality, Timestamp, Value};
use crate::record::{Record, RecordError, Recording};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Takes the events of a feed.
pub type Apply<'a> = dyn FnMut(Event) -> Result<(), AppError> + 'a;

/// What `fit` and `replay` read.
pub trait Feed: Debug {
    /// The events for the engine, in order; `row` is called for each record that was read.
    ///
    /// # Errors
    /// When it cannot be read, there is nothing in it, or `apply` fails.
    fn run(&self, row: &mut dyn FnMut(), apply: &mut Apply<'_>) -> Result<(), AppError>;

    /// The engine as it is before the first event.
    ///
    /// # Errors
    /// When what was before cannot be read.
    fn engine(&self, plant: &Plant, rules: &[Rule]) -> Result<Engine, AppError> {
        Ok(Engine::new(plant.clone(), rules.to_vec()))
    }

    /// The share of it that was read in this run, where it is known how much there is.
    fn share(&self) -> Option<f64>;

    /// How far it reaches, where that follows from when it was opened and not from what was asked for: a feed that is
    /// opened with this again reaches as far.
    fn extent(&self) -> Option<[i64; 2]> {
        None
    }

    /// Called before the engine takes an event: what took effect then without being one does so now.
    fn meets(&self, _event: &Event, _engine: &mut Engine) {}
}

impl<F: Feed> Feed for &F {
    fn run(&self, row: &mut dyn FnMut(), apply: &mut Apply<'_>) -> Result<(), AppError> {
        (**self).run(row, apply)
    }

    fn engine(&self, plant: &Plant, rules: &[Rule]) -> Result<Engine, AppError> {
        (**self).engine(plant, rules)
    }

    fn share(&self) -> Option<f64> {
        (**self).share()
    }

    fn extent(&self) -> Option<[i64; 2]> {
        (**self).extent()
    }

    fn meets(&self, event: &Event, engine: &mut Engine) {
        (**self).meets(event, engine);
    }
}

/// The time that is of interest: from `start` until before `stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Its begin, if it has one.
    pub start: Option<Timestamp>,
    /// Its end, if it has one.
    pub stop: Option<Timestamp>,
}

impl Span {
    /// True before its begin.
    #[must_use]
    pub fn is_before(&self, at: Timestamp) -> bool {
        self.start.is_some_and(|start| at < start)
    }

    /// True from its end on.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.stop.is_some_and(|stop| at >= stop)
    }

    /// True within it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        !self.is_before(at) && !self.is_over(at)
    }

    /// Fails if nothing was read.
    pub(super) fn check(&self, records: u64, what: &str) -> Result<(), AppError> {
        if records > 0 {
            return Ok(());
        }
        Err(AppError::Other(format!("{what} has nothing{self}")))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = self.start {
            write!(f, " from {start} on")?;
        }
        self.stop.map_or(Ok(()), |stop| write!(f, " before {stop}"))
    }
}

/// The batch events beside readings of one line, in order of event time.
#[derive(Debug, Clone, Default)]
pub struct Events(Vec<BatchMessage>);

impl Events {
    /// Reads lines of JSON with their numbers.
    ///
    /// # Errors
    /// When an event cannot be read: with its place.
    pub fn read(lines: &[(u64, String)], path: &Path, line: &Line) -> Result<Self, AppError> {
        let message = |(number, text): &(u64, String)| {
            decode_event_line(text, Some(&line.name)).map_err(|fault| {
                AppError::Other(format!("`{}`, line {number}: {}", path.display(), fault.detail))
            })
        };
        Ok(Self::of(lines.iter().map(message).collect::<Result<_, _>>()?))
    }

    /// Brings events into order.
    #[must_use]
    pub fn of(mut messages: Vec<BatchMessage>) -> Self {
        messages.sort_by_key(|message| message.at);
        Self(messages)
    }

    /// Those that matter in a span: what began before it and goes on in it is kept, with its begin;
    /// batches that were over before are left out, with what came later about them.
    #[must_use]
    pub fn within(mut self, span: Span) -> Self {
        let mut going_on = BTreeMap::new();
        let mut over = BTreeSet::new();
        for message in self.0.iter().filter(|message| span.is_before(message.at)) {
            let lane = (Arc::clone(&message.line), message.station.clone());
            let named = message.event.batch().map(|batch| (lane.clone(), Arc::clone(batch)));
            match &message.event {
                BatchEvent::Start { .. } => {
                    let before = going_on.insert(lane, named.clone()).flatten();
                    over.extend(before.filter(|before| Some(before) != named.as_ref()));
                }
                BatchEvent::End { .. } | BatchEvent::Merge { .. } | BatchEvent::Void { .. } => {
                    over.extend(named);
                }
                _ => {}
            }
        }
        self.0.retain(|message| {
            let lane = || (Arc::clone(&message.line), message.station.clone());
            let is_over = |batch: &Arc<str>| over.contains(&(lane(), Arc::clone(batch)));
            !span.is_over(message.at) && !message.event.batch().is_some_and(is_over)
        });
        self
    }

    /// Hands out those up to an instant.
    pub(super) fn until(
        events: &mut std::iter::Peekable<std::slice::Iter<'_, BatchMessage>>,
        at: Timestamp,
        apply: &mut Apply<'_>,
    ) -> Result<(), AppError> {
        while let Some(message) = events.next_if(|message| message.at <= at) {
            apply(Event::Message(message.at, Message::Batch(message.clone())))?;
        }
        Ok(())
    }

    pub(super) fn in_order(&self) -> std::iter::Peekable<std::slice::Iter<'_, BatchMessage>> {
        self.0.iter().peekable()
    }
}

/// A recording of one line and the batch events beside it, in order of event time.
#[derive(Debug)]
pub struct RecordingFeed<'a> {
    recording: &'a Recording,
    events: Events,
    span: Span,
    line: LineIx,
    name: Arc<str>,
    /// With a period rows are frames: the position in the line of each column, and the period.
    frames: Option<(Vec<Option<usize>>, Duration, usize)>,
}

impl<'a> RecordingFeed<'a> {
    /// A recording of one line of the plant.
    #[must_use]
    pub fn new(
        recording: &'a Recording,
        plant: &Plant,
        line: LineIx,
        period: Option<Duration>,
        events: Events,
        span: Span,
    ) -> Self {
        let declared = &plant.lines[line.get()];
        let positions =
            || recording.columns().iter().map(|column| declared.tag_position(column)).collect();
        Self {
            recording,
            events: events.within(span),
            span,
            line,
            name: Arc::clone(&declared.name),
            frames: period.map(|period| (positions(), period, declared.tags.len())),
        }
    }

    fn apply_row(
        &self,
        at: Timestamp,
        values: &[f64],
        apply: &mut Apply<'_>,
    ) -> Result<(), AppError> {
        if let Some((positions, period, width)) = &self.frames {
            let mut frame =
                Frame { start: at, end: at.plus(*period), values: vec![f64::NAN; *width] };
            for (position, value) in positions.iter().zip(values) {
                if let Some(ix) = position {
                    frame.values[*ix] = *value;
                }
            }
            return apply(Event::Frame(self.line, frame));
        }
        for (column, value) in self.recording.columns().iter().zip(values) {
            if let Ok(number) = Finite::try_from(*value) {
                let value = Value::Number(number);
                apply(self.reading(Arc::clone(column), at, value, SourceQuality::Good))?;
            }
        }
        Ok(())
    }

    fn reading(&self, tag: Arc<str>, at: Timestamp, value: Value, quality: SourceQuality) -> Event {
        let (area, tag) = match tag.rsplit_once('/') {
            Some((area, name)) => (area.into(), name.into()),
            None => ("".into(), tag),
        };
        let line = Arc::clone(&self.name);
        let named = NamedReading { line, area, tag, at: Some(at), value, quality };
        Event::Message(at, Message::Reading(named))
    }
}

impl Feed for RecordingFeed<'_> {
    fn run(&self, row: &mut dyn FnMut(), apply: &mut Apply<'_>) -> Result<(), AppError> {
        let mut events = self.events.in_order();
        let fail = |error: RecordError| AppError::Record(error);
        let mut records = 0;
        for record in self.recording.records().map_err(fail)? {
            let record = record.map_err(fail)?;
            let at = record.at();
            if !self.span.holds(at) {
                continue;
            }
            records += 1;
            Events::until(&mut events, at, apply)?;
            match record {
                Record::Row { values, .. } => self.apply_row(at, &values, apply)?,
                Record::Sample { tag, value, quality, .. } => {
                    apply(self.reading(tag, at, value, quality))?;
                }
            }
            row();
        }
        if self.span != Span::default() {
            self.span.check(records, "the recording")?;
        }
        Events::until(&mut events, Timestamp::MAX, apply)?;
        apply(Event::Command(Command::Finish))
    }

    fn share(&self) -> Option<f64> {
        self.recording.share()
    }
}

/// The share that a part is of a whole; all of nothing.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of events `T:KIND:BATCH`, `T` in seconds, in the span from 10 to 20 s.
    fn within(events: &str) -> String {
        let messages = events.split_whitespace().map(|event| {
            let [at, kind, batch] = *event.split(':').collect::<Vec<_>>() else {
                panic!("three parts")
            };
            let text = format!(
                r#"{{"event":"{kind}","batch":"{batch}","grade":"g","disposition":"release","ts":{at}000}}"#
            );
            decode_event_line(&text, Some("tm3")).expect("it is an event")
        });
        let second = |n: i64| Some(Timestamp::from_nanos(n * 1_000_000_000));
        let span = Span { start: second(10), stop: second(20) };
        let kept = Events::of(messages.collect()).within(span);
        let words = kept.0.iter().map(|message| {
            let batch = message.event.batch().map_or("-", |batch| batch);
            format!("{}:{batch}", message.at.as_millis() / 1000)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn batch_that_goes_on_is_known_and_one_that_was_over_is_not() {
        // R1 ended, R2 goes on, R3 begins within.
        let all = "1:batch-start:R1 5:batch-end:R1 6:batch-start:R2 12:disposition:R1 \
                   14:batch-end:R2 15:batch-start:R3 20:batch-end:R3";
        assert_eq!(within(all), "6:R2 14:R2 15:R3");
        // A start ends the batch before it; one that is said twice does not end itself.
        assert_eq!(within("1:batch-start:R1 2:batch-start:R2 3:batch-start:R2"), "2:R2 3:R2");
        assert_eq!(within("1:pause: 2:grade-change: 3:resume:"), "1:- 2:- 3:-");
    }

    #[test]
    fn span_has_its_begin_and_not_its_end() {
        let at = Timestamp::from_nanos;
        let span = Span { start: Some(at(10)), stop: Some(at(20)) };
        let held = [9, 10, 19, 20].map(|nanos| span.holds(at(nanos)));
        assert_eq!(held, [false, true, true, false]);
        assert!(Span::default().holds(Timestamp::MAX) && Span::default().holds(Timestamp::MIN));
        assert_eq!(
            span.check(0, "it").unwrap_err().to_string(),
            "it has nothing from 1970-01-01T00:00:00.00000001Z on before 1970-01-01T00:00:00.00000002Z"
        );
    }
}
