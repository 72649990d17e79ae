//! What InfluxDB has of a line, as something to replay.

use super::error::AppError;
use super::feed::{Apply, Events, Feed, Span, share};
use super::secrets::resolve;
use crate::decode::{BatchEvent, BatchMessage, Disposition, Message, NamedReading};
use crate::engine::{Command, Event};
use crate::influx::{self, Failure, Query, READINGS_MAX, StoredBatch, StoredReading};
use crate::plant::Line;
use crate::reading::{Flags, SourceQuality, Timestamp};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How much is read where nobody says from when on.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// The first window of time that is asked for; the next ones follow what was in it.
const FIRST_WINDOW: Duration = Duration::from_secs(60);

/// The longest window.
const WINDOW_MAX: Duration = Duration::from_secs(86_400);

/// The readings of a line in InfluxDB and its batch events, in order of event time.
#[derive(Debug)]
pub struct Stored {
    query: Query,
    runtime: Runtime,
    /// Where it is read from, for people.
    place: String,
    line: Arc<str>,
    from: Timestamp,
    to: Timestamp,
    events: Events,
    /// True if somebody tells the batches.
    has_events: bool,
    /// A reading that is so far behind the newest one is late.
    late_after: Duration,
    /// The time of the reading that was read last.
    read: Cell<Timestamp>,
}

impl Stored {
    /// Finds what there is, and says what a person has to know. Without events the batches that are there
    /// stand in for them. `extent` is that with which it was opened before, if it has to reach as far again.
    ///
    /// # Errors
    /// When the server is not there, does not let us, or has no reading of the line.
    pub fn open(
        settings: &influx::Settings,
        line: &Line,
        span: Span,
        events: Option<Events>,
        extent: Option<[i64; 2]>,
    ) -> Result<(Self, Vec<String>), AppError> {
        let (url, bucket, org) = (&settings.url, &settings.bucket, &settings.org);
        let place = format!("InfluxDB at `{url}`, bucket `{bucket}` of `{org}`");
        let token = resolve("influxdb.token", &settings.token)?;
        let query = Query::new(settings, &token, &line.name)
            .map_err(|error| AppError::Other(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|source| AppError::Io { doing: "begin to ask InfluxDB".into(), source })?;
        let mut stored = Self {
            query,
            runtime,
            place,
            line: Arc::clone(&line.name),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            has_events: events.is_some(),
            events: Events::default(),
            late_after: line.lateness + line.frame,
            read: Cell::new(Timestamp::MIN),
        };
        let newest = stored.ask(stored.query.newest(span.stop))?;
        let Some(newest) = newest.filter(|newest| !span.is_before(*newest)) else {
            let (place, line) = (&stored.place, &stored.line);
            return Err(AppError::Other(format!("{place} has no reading of line `{line}`{span}")));
        };
        stored.to = newest.plus(Duration::from_nanos(1));
        stored.from = span.start.unwrap_or_else(|| newest.minus(WEEK));
        let mut notes = Vec::new();
        if let Some([from, to]) = extent.map(|extent| extent.map(Timestamp::from_nanos)) {
            (stored.from, stored.to) = (from, to);
        }
        if span.start.is_none() {
            let from = stored.from;
            notes.push(format!(
                "what is read begins {from}, seven days before the newest reading: say `--start` for another begin"
            ));
        }
        let events = if let Some(events) = events {
            events
        } else {
            let batches = stored.ask(stored.query.batches(stored.from, stored.to))?;
            stored.has_events = !batches.is_empty();
            Events::of(batches.into_iter().flat_map(|batch| messages(&line.name, batch)).collect())
        };
        stored.events = events.within(Span { start: Some(stored.from), stop: span.stop });
        Ok((stored, notes))
    }

    /// Where it is read from, for people.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// True if somebody tells the batches: events, or the batches that are there.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.has_events
    }

    fn ask<T>(&self, answer: impl Future<Output = Result<T, Failure>>) -> Result<T, AppError> {
        self.runtime.block_on(answer).map_err(|failure| {
            let hint = match failure.status {
                Some(401 | 403) => ": the token is not known there, or may not read",
                Some(404) => ": it is not there, or the token may not read it",
                _ => "",
            };
            AppError::Other(format!("cannot read from {}: {failure}{hint}", self.place))
        })
    }

    /// Shows all readings by time.
    fn read(
        &self,
        show: &mut dyn FnMut(StoredReading) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        let mut ask = |from, to| self.ask(self.query.readings(from, to));
        let (place, line) = (&self.place, &self.line);
        in_windows((self.from, self.to), READINGS_MAX, &mut ask, show).and_then(|too_many| {
            too_many.map_or(Ok(()), |at| {
                Err(AppError::Other(format!(
                    "{place} has {READINGS_MAX} readings of line `{line}` or more at {at} alone"
                )))
            })
        })
    }
}

/// What `ask` has between two instants, asked for in one window after the other of fewer than `max` each. An
/// instant that has more by itself comes back, and ends it.
fn in_windows<T>(
    (mut from, to): (Timestamp, Timestamp),
    max: usize,
    ask: &mut dyn FnMut(Timestamp, Timestamp) -> Result<Vec<T>, AppError>,
    show: &mut dyn FnMut(T) -> Result<(), AppError>,
) -> Result<Option<Timestamp>, AppError> {
    let mut window = FIRST_WINDOW;
    while from < to {
        let end = from.plus(window).min(to);
        let found = ask(from, end)?;
        if found.len() >= max {
            // There may be more of them.
            if window <= Duration::from_nanos(1) {
                return Ok(Some(from));
            }
            window /= 2;
            continue;
        }
        if found.len() < max / 4 {
            window = (window * 2).min(WINDOW_MAX);
        }
        found.into_iter().try_for_each(&mut *show)?;
        from = end;
    }
    Ok(None)
}

impl Feed for Stored {
    fn run(&self, row: &mut dyn FnMut(), apply: &mut Apply<'_>) -> Result<(), AppError> {
        let mut events = self.events.in_order();
        // When a late reading came nobody knows, but that its frame was closed.
        let mut late: VecDeque<StoredReading> = VecDeque::new();
        self.read(&mut |reading| {
            self.read.set(reading.at);
            row();
            if reading.flags.contains(Flags::LATE) {
                late.push_back(reading);
                return Ok(());
            }
            let at = reading.at;
            Events::until(&mut events, at, apply)?;
            apply(event(&self.line, reading))?;
            let due = late.iter().take_while(|late| late.at.plus(self.late_after) <= at).count();
            late.drain(..due).try_for_each(|reading| apply(event(&self.line, reading)))?;
            Ok(())
        })?;
        Events::until(&mut events, Timestamp::MAX, apply)?;
        late.into_iter().try_for_each(|reading| apply(event(&self.line, reading)))?;
        apply(Event::Command(Command::Finish))
    }

    fn extent(&self) -> Option<[i64; 2]> {
        Some([self.from, self.to].map(Timestamp::as_nanos))
    }

    fn share(&self) -> Option<f64> {
        let since = |at: Timestamp| u64::try_from(at.since(self.from)).unwrap_or(0);
        Some(share(since(self.read.get()), since(self.to)))
    }
}

/// A reading for the engine. Its own checks are made anew; what only its arrival told stays.
fn event(line: &Arc<str>, reading: StoredReading) -> Event {
    let StoredReading { area, tag, at, value, flags } = reading;
    let quality = if flags.intersects(Flags::SOURCE_BAD | Flags::FUTURE | Flags::PAST) {
        SourceQuality::Bad
    } else if flags.contains(Flags::SOURCE_UNCERTAIN) {
        SourceQuality::Uncertain
    } else {
        SourceQuality::Good
    };
    let line = Arc::clone(line);
    let named = NamedReading { line, area, tag, at: Some(at), value, quality };
    Event::Message(at, Message::Reading(named))
}

/// What was told of a batch. When the laboratory and people spoke is not kept: it counts from the end.
fn messages(line: &Arc<str>, stored: StoredBatch) -> Vec<BatchMessage> {
    let StoredBatch { station, batch, grade, started, ended, length_m, mass_kg, .. } = stored;
    let message =
        |at, event| BatchMessage { line: Arc::clone(line), station: station.clone(), at, event };
    let batch = || Arc::clone(&batch);
    let mut messages = vec![message(started, BatchEvent::Start { batch: batch(), grade })];
    if let Some(ended) = ended {
        messages.push(message(ended, BatchEvent::End { batch: batch(), length_m, mass_kg }));
    }
    let known = ended.unwrap_or(started);
    for (property, value) in stored.lab {
        let event = BatchEvent::Lab { batch: batch(), property, value, unit: None, position: None };
        messages.push(message(known, event));
    }
    let words = [
        Disposition::Release,
        Disposition::Hold,
        Disposition::Downgrade,
        Disposition::Rework,
        Disposition::Scrap,
    ];
    let disposition =
        words.into_iter().find(|word| Some(word.as_str()) == stored.disposition.as_deref());
    if let Some(disposition) = disposition {
        let event = BatchEvent::Disposition { batch: batch(), disposition, by: None, note: None };
        messages.push(message(known, event));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts instants, s, through windows of fewer than ten; what was shown, how often it was asked, and
    /// where there were too many.
    fn windows(all: &[i64], to: i64) -> (Vec<i64>, usize, Option<i64>) {
        let second = |n: i64| Timestamp::from_nanos(n * 1_000_000_000);
        let (mut shown, mut asked) = (Vec::new(), 0);
        let mut ask = |from: Timestamp, to: Timestamp| {
            asked += 1;
            let within = all.iter().filter(|n| second(**n) >= from && second(**n) < to);
            Ok(within.copied().take(10).collect())
        };
        let mut show = |n| {
            shown.push(n);
            Ok(())
        };
        let too_many = in_windows((second(0), second(to)), 10, &mut ask, &mut show).unwrap();
        (shown, asked, too_many.map(|at| at.as_millis() / 1000))
    }

    #[test]
    fn windows_follow_what_is_in_them_and_lose_nothing() {
        let dense: Vec<i64> = (0..500).collect();
        let (shown, asked, too_many) = windows(&dense, 500);
        assert_eq!((shown, too_many), (dense, None));
        assert!((50..200).contains(&asked), "{asked}");
        // A week of which nearly all is empty.
        let sparse = [0, 1, 300_000, 604_799];
        let (shown, asked, too_many) = windows(&sparse, 604_800);
        assert_eq!((shown, too_many), (sparse.to_vec(), None));
        assert!(asked < 25, "{asked}");
        let heap: Vec<i64> = [1, 2].into_iter().chain([7; 30]).collect();
        let (shown, _, too_many) = windows(&heap, 500);
        assert_eq!((shown, too_many), (vec![1, 2], Some(7)));
    }

    #[test]
    fn batch_is_told_in_the_order_of_its_life() {
        let at = |n: i64| Timestamp::from_nanos(n * 1_000_000_000);
        let stored = StoredBatch {
            station: None,
            batch: "R1".into(),
            grade: Some("g".into()),
            started: at(1),
            ended: Some(at(9)),
            length_m: Some(100.0),
            mass_kg: None,
            disposition: Some("release".into()),
            lab: vec![("tensile_md".into(), 4.5)],
        };
        let told = messages(&"tm3".into(), stored.clone());
        let words: Vec<String> = told
            .iter()
            .map(|message| format!("{} {:?}", message.at.as_millis() / 1000, message.event))
            .collect();
        let begins = ["1 Start {", "9 End {", "9 Lab {", "9 Disposition {"];
        let is_so = words.iter().zip(begins).all(|(word, begin)| word.starts_with(begin));
        assert!(is_so && words.len() == 4, "{words:?}");
        let open = StoredBatch { ended: None, lab: Vec::new(), disposition: None, ..stored };
        assert_eq!(messages(&"tm3".into(), open).len(), 1);
    }

    #[test]
    fn flags_of_arrival_stay_and_those_of_our_checks_are_made_anew() {
        for (flags, expected) in [
            (Flags::GOOD, SourceQuality::Good),
            (Flags::RANGE | Flags::STUCK | Flags::SPIKE, SourceQuality::Good),
            (Flags::SOURCE_UNCERTAIN, SourceQuality::Uncertain),
            (Flags::SOURCE_UNCERTAIN | Flags::PAST, SourceQuality::Bad),
            (Flags::SOURCE_BAD, SourceQuality::Bad),
            (Flags::FUTURE, SourceQuality::Bad),
        ] {
            let reading = StoredReading {
                area: "dry".into(),
                tag: "steam".into(),
                at: Timestamp::from_nanos(1),
                value: crate::reading::Value::Text("on".into()),
                flags,
            };
            let Event::Message(_, Message::Reading(named)) = event(&"tm3".into(), reading) else {
                unreachable!("it is a reading")
            };
            assert_eq!(named.quality, expected, "{flags:?}");
        }
    }
}
