//! Maintenance of a line: while somebody works on it, its alarms are muted and nothing is learned of what it makes.
//!
//! An event says from when and until when; a newer one says another end, and `maintenance-end` ends it at once. What each says
//! holds from its own time until that of the next, so it does not matter in which order they come.

use crate::alarm::{AlarmRecord, IsaState, Severity};
use crate::decode::BatchEvent;
use crate::plant::Line;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// So many of the newest words are remembered.
const WORDS_MAX: usize = 64;

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Word {
    at: Timestamp,
    /// Until when there is maintenance; `None` of a word that there is none.
    until: Option<Timestamp>,
    by: Option<Arc<str>>,
    note: Option<Arc<str>>,
}

/// Maintenance that is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaintenanceView {
    /// Since when, ms since 1970.
    pub since: i64,
    /// Until when unless somebody ends it, ms since 1970.
    pub until: i64,
    /// Who said so last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
}

/// Its begin or its end has been reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// True if it began.
    pub(super) on: bool,
    pub(super) at: Timestamp,
}

/// The maintenance of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Maintenance {
    /// By their times.
    words: VecDeque<Word>,
    /// How far the line has come.
    reached: Option<Timestamp>,
    on: bool,
}

impl Maintenance {
    /// Takes what is said of it at an instant; true if that says something new. What is older than all that is remembered
    /// says nothing.
    pub(super) fn take(&mut self, at: Timestamp, event: &BatchEvent) -> bool {
        let word = match event {
            BatchEvent::Maintenance { until, by, note } => {
                Word { at, until: Some(*until), by: by.clone(), note: note.clone() }
            }
            BatchEvent::MaintenanceEnd { by, note } => {
                Word { at, until: None, by: by.clone(), note: note.clone() }
            }
            _ => return false,
        };
        let ix = self.words.partition_point(|known| known.at < at);
        if let Some(known) = self.words.get_mut(ix).filter(|known| known.at == at) {
            let is_new = *known != word;
            *known = word;
            return is_new;
        }
        if ix == 0 && self.words.len() == WORDS_MAX {
            return false;
        }
        self.words.insert(ix, word);
        if self.words.len() > WORDS_MAX {
            self.words.pop_front();
        }
        true
    }

    /// The line has come so far; what turned with it, if anything did. It never goes back.
    pub(super) fn reach(&mut self, to: Timestamp) -> Option<Turn> {
        if self.words.is_empty() {
            return None;
        }
        let to = self.reached.max(Some(to)).unwrap_or(to);
        self.reached = Some(to);
        let span = self.spans().find(|(begin, end, _)| *begin <= to && to < *end);
        let begin = span.map(|(begin, ..)| begin);
        let on = begin.is_some();
        if on == self.on {
            return None;
        }
        self.on = on;
        // It ended when the last one did that is over.
        let ended = self.spans().map(|(_, end, _)| end).take_while(|end| *end <= to).last();
        Some(Turn { on, at: begin.or(ended).unwrap_or(to) })
    }

    /// True if its end has come by this clock.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.on && self.current().is_some_and(|(_, end, _)| end <= now)
    }

    /// True while it is being done.
    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// True if some was done between these instants.
    pub(super) fn covers(&self, from: Timestamp, to: Timestamp) -> bool {
        self.spans().any(|(begin, end, _)| begin < to && from < end)
    }

    /// What is being done.
    pub(super) fn view(&self) -> Option<MaintenanceView> {
        let (_, until, word) = self.current()?;
        // An end that was put off is no other maintenance.
        let mut since = word.at;
        for (begin, end, _) in self.spans().collect::<Vec<_>>().into_iter().rev() {
            if end == since {
                since = begin;
            }
        }
        Some(MaintenanceView {
            since: since.as_millis(),
            until: until.as_millis(),
            by: word.by.clone(),
            note: word.note.clone(),
        })
    }

    /// The record that it began or ended, among those of alarms.
    pub(super) fn record(&self, line: &Line, turn: &Turn) -> AlarmRecord {
        let word = self.words.iter().rev().find(|word| word.at <= turn.at);
        let ended = word.is_some_and(|word| word.until.is_none());
        let said = word.filter(|_| turn.on || ended);
        let message = match said.and_then(|word| word.until).filter(|_| turn.on) {
            Some(until) => format!("Line {} is under maintenance until {until}", line.name),
            None => format!("Line {} is under maintenance no longer", line.name),
        };
        AlarmRecord {
            line: Arc::clone(&line.name),
            alarm: format!("{}/maintenance", line.name).into(),
            at: turn.at,
            state: if turn.on { "active" } else { "normal" },
            isa: IsaState::Normal,
            change: if turn.on { "began" } else { "ended" },
            by: said.and_then(|word| word.by.clone()),
            note: said.and_then(|word| word.note.clone()),
            severity: Severity::Info,
            priority: None,
            message: message.into(),
            id: "".into(),
        }
    }

    /// The word that holds now, from when and until when.
    fn current(&self) -> Option<(Timestamp, Timestamp, &Word)> {
        let to = self.reached.filter(|_| self.on)?;
        self.spans().find(|(begin, end, _)| *begin <= to && to < *end)
    }

    /// From when until when there is maintenance, in order, each with the word that says so. Each ends where the next word begins.
    fn spans(&self) -> impl Iterator<Item = (Timestamp, Timestamp, &Word)> {
        let next = self.words.iter().skip(1).map(|word| Some(word.at)).chain([None]);
        self.words.iter().zip(next).filter_map(|(word, next)| {
            let until = word.until?;
            let end = next.map_or(until, |next| next.min(until));
            (word.at < end).then_some((word.at, end, word))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn until(s: i64) -> BatchEvent {
        BatchEvent::Maintenance { until: at(s), by: None, note: None }
    }

    const END: BatchEvent = BatchEvent::MaintenanceEnd { by: None, note: None };

    fn told(words: &[(i64, BatchEvent)]) -> Maintenance {
        let mut maintenance = Maintenance::default();
        for (s, event) in words {
            maintenance.take(at(*s), event);
        }
        maintenance
    }

    #[test]
    fn spans_are_the_same_whatever_order_words_come_in() {
        let words =
            [(10, until(50)), (30, until(40)), (35, until(90)), (60, END), (100, until(110))];
        let spans = |maintenance: &Maintenance| {
            let each = maintenance.spans().map(|(begin, end, _)| (begin, end));
            each.map(|(b, e)| (b.as_millis() / 1000, e.as_millis() / 1000)).collect::<Vec<_>>()
        };
        let expected = [(10, 30), (30, 35), (35, 60), (100, 110)];
        assert_eq!(spans(&told(&words)), expected);
        for first in 0..words.len() {
            let mut turned = words.clone();
            turned.rotate_left(first);
            assert_eq!(spans(&told(&turned)), expected);
            turned.reverse();
            assert_eq!(spans(&told(&turned)), expected);
        }
    }

    #[test]
    fn begins_and_ends_are_reached_once() {
        let mut maintenance = told(&[(10, until(50))]);
        let turn = |on, s| Some(Turn { on, at: at(s) });
        assert_eq!(maintenance.reach(at(5)), None);
        assert_eq!(maintenance.reach(at(12)), turn(true, 10));
        assert_eq!(maintenance.reach(at(20)), None);
        assert!(!maintenance.is_over(at(49)) && maintenance.is_over(at(50)));
        // Put off, and what is told twice says nothing.
        assert!(maintenance.take(at(20), &until(80)));
        assert!(!maintenance.take(at(20), &until(80)));
        assert_eq!(maintenance.reach(at(60)), None);
        let view = maintenance.view().unwrap();
        assert_eq!((view.since, view.until), (10_000, 80_000));
        // The clock of a line that goes back ends nothing.
        assert_eq!(maintenance.reach(at(1)), None);
        assert!(maintenance.take(at(70), &END));
        assert_eq!(maintenance.reach(at(70)), turn(false, 70));
        assert_eq!((maintenance.view(), maintenance.is_on()), (None, false));
    }

    #[test]
    fn a_begin_and_an_end_that_nobody_saw_are_no_turn() {
        let mut maintenance = told(&[(10, until(50))]);
        assert_eq!(maintenance.reach(at(60)), None);
        assert!(maintenance.covers(at(0), at(11)) && maintenance.covers(at(49), at(70)));
        assert!(!maintenance.covers(at(0), at(10)) && !maintenance.covers(at(50), at(70)));
    }

    #[test]
    fn only_so_many_words_are_remembered() {
        let mut maintenance = Maintenance::default();
        for s in 100..300 {
            maintenance.take(at(s), &until(s + 1));
        }
        assert_eq!(maintenance.words.len(), WORDS_MAX);
        assert!(!maintenance.take(at(1), &until(400)), "older than all of them");
        assert!(!maintenance.covers(at(0), at(99)));
    }
}
