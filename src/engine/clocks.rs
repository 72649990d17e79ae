//! The sources of the plant and their clocks.
//!
//! A source is what is taken to share one clock: what comes from one broker for one line and area. That is
//! as fine as topics tell: an area has its PLC or gateway. A tag that is off while its source is not is a
//! sensor's fault; a source that is off is told once, with all areas of its line that are off alike,
//! for a line often has one gateway.

use super::effect::Effect;
use super::leapt;
use super::view::SourceView;
use crate::quality::{
    Beyond, SensorChange, SensorFault, SourceClock, Stamp, TagClock, Trouble, beyond,
};
use crate::reading::{Series, Timestamp};
use crate::words::SystemReason;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Sources whose clocks are followed. One more is stored and judged all the same; nobody knows of its clock.
const SOURCES_MAX: usize = 256;

/// A line's sources are told of so long after the first was found, so that those found meanwhile are told
/// with it.
const GATHER: Duration = Duration::from_secs(60);

/// What the names of the alarms of sources begin with.
const SOURCE: &str = "source/";

/// The position of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceIx(usize);

/// Where and when a reading came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// `None` if there are too many sources, or it comes from a recording.
    pub(super) source: Option<SourceIx>,
    /// True if its time is its own.
    pub(super) own_time: bool,
    /// False if its delay says nothing of a clock.
    pub(super) measures: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Source {
    broker: Arc<str>,
    line: Arc<str>,
    area: Arc<str>,
    clock: SourceClock,
    /// Readings with a time of their own came, and readings without.
    stamped: bool,
    unstamped: bool,
}

/// All sources.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Clocks {
    sources: Vec<Source>,
    /// The lines of whose sources something is to be told: broker, line, and when.
    due: BTreeMap<(Arc<str>, Arc<str>), Timestamp>,
    /// The first of these.
    first_due: Option<Timestamp>,
}

/// Something to tell of the sources of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceNews {
    /// The name of the alarm, below `system/`.
    pub(super) part: Arc<str>,
    pub(super) works: bool,
    pub(super) reason: SystemReason,
}

impl Clocks {
    /// The source of a series; a new one if there is room.
    fn source(
        &mut self,
        broker: &Arc<str>,
        line: &Arc<str>,
        area: &Arc<str>,
        likely: Option<SourceIx>,
    ) -> Option<SourceIx> {
        let is = |source: &Source| {
            same(&source.area, area) && same(&source.line, line) && same(&source.broker, broker)
        };
        if let Some(ix) = likely.filter(|ix| self.sources.get(ix.0).is_some_and(is)) {
            return Some(ix);
        }
        if let Some(ix) = self.sources.iter().position(is) {
            return Some(SourceIx(ix));
        }
        if self.sources.len() >= SOURCES_MAX {
            return None;
        }
        self.sources.push(Source {
            broker: Arc::clone(broker),
            line: Arc::clone(line),
            area: Arc::clone(area),
            clock: SourceClock::default(),
            stamped: false,
            unstamped: false,
        });
        Some(SourceIx(self.sources.len() - 1))
    }

    /// Where a reading of a series comes from. `likely` is where its last one came from; the first of a
    /// source that sends no times is told.
    pub(super) fn from(
        &mut self,
        broker: Option<&Arc<str>>,
        series: &Series,
        likely: Option<SourceIx>,
        (own_time, measures): (bool, bool),
        out: &mut Vec<Effect>,
    ) -> Origin {
        let ix = broker.and_then(|b| self.source(b, &series.line, &series.area, likely));
        if let Some(source) = ix.and_then(|ix| self.sources.get_mut(ix.0)) {
            let known = if own_time { &mut source.stamped } else { &mut source.unstamped };
            if !std::mem::replace(known, true) && !own_time {
                out.push(Effect::NoSourceTime {
                    broker: Arc::clone(&source.broker),
                    line: Arc::clone(&source.line),
                    area: Arc::clone(&source.area),
                });
            }
        }
        Origin { source: ix, own_time, measures }
    }

    /// Holds a stamp against the guards.
    pub(super) fn guard(
        &self,
        from: Origin,
        tag: &TagClock,
        (at, received): (Timestamp, Timestamp),
    ) -> Option<Beyond> {
        let source = from.source.and_then(|ix| self.sources.get(ix.0));
        let progress = tag.newest().or_else(|| source?.clock.newest());
        if from.own_time { beyond(at, received, progress) } else { None }
    }

    /// Follows the clocks of a reading's tag and source.
    pub(super) fn follow(&mut self, from: Origin, tag: &mut TagClock, stamp: &Stamp) {
        let report = tag.hear(stamp);
        let Some(source) = from.source.and_then(|ix| self.sources.get_mut(ix.0)) else {
            return;
        };
        let changed = source.clock.hear(stamp, report);
        tag.judge(&source.clock, stamp.received, report.is_some());
        if changed {
            let key = (Arc::clone(&source.broker), Arc::clone(&source.line));
            let due = stamp.received.plus(GATHER);
            self.due.entry(key).or_insert(due);
            self.first_due = self.due.values().min().copied();
        }
    }

    /// What is to be told by now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<SourceNews> {
        if self.first_due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        let due: Vec<_> = self
            .due
            .iter()
            .filter(|(_, due)| **due <= now)
            .map(|((broker, line), _)| (Arc::clone(broker), Arc::clone(line)))
            .collect();
        self.due.retain(|_, due| *due > now);
        self.first_due = self.due.values().min().copied();
        due.iter().map(|(broker, line)| self.news(broker, line)).collect()
    }

    fn news(&self, broker: &Arc<str>, line: &Arc<str>) -> SourceNews {
        let of_line = self.sources.iter().filter(|s| s.broker == *broker && s.line == *line);
        let off: Vec<(Arc<str>, Trouble)> = of_line
            .filter_map(|source| Some((Arc::clone(&source.area), source.clock.trouble()?.0)))
            .collect();
        let works = off.is_empty();
        SourceNews { part: part(broker, line), works, reason: SystemReason::Clocks(off) }
    }

    /// True if the alarm of this part is told here.
    pub(super) fn tells(&self, component: &str) -> bool {
        component.starts_with(SOURCE)
            && self.sources.iter().any(|source| *part(&source.broker, &source.line) == *component)
    }

    /// Another configuration: sources of brokers that are gone are gone.
    pub(super) fn without(mut self, has_broker: impl Fn(&str) -> bool) -> Self {
        self.sources.retain(|source| has_broker(&source.broker));
        self
    }

    /// The receiver's clock leapt: delays before and after cannot be compared.
    pub(super) fn leap(&mut self, by_nanos: i64) {
        for source in &mut self.sources {
            source.clock.forget();
        }
        for due in self.due.values_mut() {
            *due = leapt(*due, by_nanos);
        }
        self.first_due = self.due.values().min().copied();
    }

    /// The sources as people see them.
    pub(super) fn view(&self) -> Vec<SourceView> {
        let view = |source: &Source| {
            let ms = |nanos: i64| nanos / 1_000_000;
            let trouble = source.clock.trouble();
            SourceView {
                broker: Arc::clone(&source.broker),
                line: Arc::clone(&source.line),
                area: Arc::clone(&source.area),
                time: match (source.stamped, source.unstamped) {
                    (true, true) => "both",
                    (false, true) => "arrival",
                    _ => "source",
                },
                delay_floor_ms: source.clock.floor().map(ms),
                delay_median_ms: source.clock.median_delay().map(ms),
                state: trouble.map_or("good", |(trouble, _)| trouble.as_str()),
                since: trouble.map(|(_, since)| since.as_millis()),
            }
        };
        self.sources.iter().map(view).collect()
    }
}

/// Equal names; those that one decoder made are mostly one.
fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

fn part(broker: &str, line: &str) -> Arc<str> {
    format!("{SOURCE}{broker}/{line}").into()
}

/// How far the stamps of a tag are behind their arrival, ms, where that is what is wrong with it.
pub(super) fn behind_ms(clock: &TagClock, change: SensorChange) -> Option<i64> {
    let is_skew = change.sick && change.fault == SensorFault::Skew;
    clock.offset().filter(|_| is_skew).map(|nanos| nanos / 1_000_000)
}
