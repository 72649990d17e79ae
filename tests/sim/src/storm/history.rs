//! The true history of a line: what was made, and what was said of it, from a seed.

use super::told::{Told, What};
use crate::random::Random;
use std::collections::BTreeSet;
use std::ops::Range;

/// The grades of the plant. They want `tensile` in different units.
pub const GRADES: [&str; 2] = ["facial", "towel"];

/// The recipe that batches follow where phases are told: back and forth.
const RECIPE: [&str; 6] = ["fill", "heat", "hold", "heat", "cool", "drain"];

/// A station beside the line.
pub const STATION: &str = "unwind";

/// What truly happened.
#[derive(Debug, Clone)]
pub struct History {
    /// All events, in the order in which they happened.
    pub events: Vec<Told>,
    /// When the last batch of the line ends, s since the first instant.
    pub end: i64,
    /// When the basis weight lies outside its limits.
    pub outside: Vec<Range<i64>>,
}

/// The history of a seed.
#[must_use]
pub fn history(seed: u64) -> History {
    let random = |purpose| Random::new(seed, purpose);
    let mut writer = Writer { random: random("history"), events: Vec::new(), outside: Vec::new() };
    let end = writer.line();
    if writer.random.percent(35) {
        writer.station(end);
    }
    let Writer { mut events, outside, .. } = writer;
    events.extend(phases(&events, random("phases")));
    near_the_truth(&mut events, random("lengths"));
    // Of one instant, another grade comes before what begins with it.
    events.sort_by_key(|told| (told.at, !matches!(told.what, What::Grade(_))));
    History { events, end, outside }
}

/// The phases of a history's batches, in one of two plants out of three: told of the batch, of what its station makes, or of
/// either; the first one a little before the batch, at its begin, or late; and told again while it lasts.
fn phases(history: &[Told], random: Random) -> Vec<Told> {
    let mut writer = Writer { random, events: Vec::new(), outside: Vec::new() };
    if writer.random.percent(33) {
        return Vec::new();
    }
    let named = *writer.random.pick(&[0, 0, 100, 50]);
    let expected = super::reference::expected(history);
    for (id, facts) in &expected {
        let (begin, end) = (facts.started, facts.ended.unwrap_or(facts.started + 60));
        let mut at = begin + *writer.random.pick(&[-12, -4, -1, 0, 0, 0, 3]);
        let many = writer.random.percent(3);
        let n = if many { 70 } else { writer.random.within(0..RECIPE.len() as u64 + 1) };
        for ix in 0..n {
            let phase = match usize::try_from(ix).ok().and_then(|ix| RECIPE.get(ix)) {
                Some(phase) if !many => (*phase).to_owned(),
                _ => format!("step {ix}"),
            };
            let again = if writer.random.percent(20) { 2 } else { 1 };
            for _ in 0..again {
                let batch = if writer.random.percent(named) { id.as_str() } else { "" };
                writer.phase(at, facts.station, batch, &phase);
                at += if many { writer.seconds(0..2) } else { writer.seconds(0..60) };
            }
            // Some come after the end.
            if at > end + 5 {
                break;
            }
        }
    }
    // Of one instant each batch, and each station, comes into one phase.
    let mut seen = BTreeSet::new();
    let Writer { mut events, .. } = writer;
    events.retain(|told| seen.insert((told.at, told.station)));
    events
}

/// Half of the lengths that are told are near those that the speed tells, ten metres a second; the others count something else.
fn near_the_truth(events: &mut [Told], mut random: Random) {
    let expected = super::reference::expected(events);
    for told in events.iter_mut() {
        let What::End(Some(length), _) = &mut told.what else { continue };
        let Some(facts) = expected.get(&told.batch) else { continue };
        let seconds = u32::try_from(told.at - facts.started).expect("it ends after its begin");
        let percent = u32::try_from(random.within(94..107)).expect("it is small");
        if random.percent(50) {
            *length = seconds * percent / 10;
        }
    }
}

struct Writer {
    random: Random,
    events: Vec<Told>,
    outside: Vec<Range<i64>>,
}

impl Writer {
    fn tell(&mut self, at: i64, batch: &str, what: What) {
        self.events.push(Told::new(at, batch, what));
    }

    fn phase(&mut self, at: i64, station: Option<&'static str>, batch: &str, phase: &str) {
        self.events.push(Told { station, ..Told::new(at, batch, What::Phase(phase.into())) });
    }

    fn seconds(&mut self, range: Range<i64>) -> i64 {
        let (start, end) = (range.start.cast_unsigned(), range.end.cast_unsigned());
        self.random.within(start..end).cast_signed()
    }

    fn number(&mut self, range: Range<u64>) -> u32 {
        u32::try_from(self.random.within(range)).expect("it is small")
    }

    /// The batches of the line; when the last one ends.
    fn line(&mut self) -> i64 {
        let batches = self.random.within(3..9);
        let mut grade = GRADES[0];
        let mut at = 10;
        let mut is_void = false;
        for n in 0..batches {
            let id = format!("R{n}");
            let end = at + self.seconds(60..300);
            grade = self.begin(at, &id, grade);
            self.made(at..end);
            self.said(&id, (at, end));
            let gap = if self.random.percent(50) { 0 } else { self.seconds(5..40) };
            // An end is not told by every plant: the next start stands for it.
            let last = n + 1 == batches;
            if gap > 0 || self.random.percent(if last { 70 } else { 80 }) {
                self.end(end, &id, None);
            }
            if n > 0 {
                is_void = self.fate(n, is_void);
            }
            at = end + gap;
        }
        at
    }

    /// A batch begins; its grade.
    fn begin(&mut self, at: i64, id: &str, before: &'static str) -> &'static str {
        let grade = if self.random.percent(30) { *self.random.pick(&GRADES) } else { before };
        let named = self.random.percent(50);
        if !named && grade != before {
            let at = at - self.seconds(0..5);
            self.tell(at, "", What::Grade(grade));
        }
        self.tell(at, id, What::Start(named.then_some(grade)));
        grade
    }

    fn end(&mut self, at: i64, id: &str, station: Option<&'static str>) {
        let length = self.number(1000..3000);
        let mass = self.number(100..300);
        let what = What::End(
            self.random.percent(80).then_some(length),
            self.random.percent(60).then_some(mass),
        );
        self.events.push(Told { station, ..Told::new(at, id, what) });
    }

    /// Breaks, and stretches outside the limits.
    fn made(&mut self, batch: Range<i64>) {
        let len = batch.end - batch.start;
        if self.random.percent(25) {
            let from = batch.start + self.seconds(10..len / 2);
            let to = from + self.seconds(5..len / 2 - 5);
            let reason = *self.random.pick(&[Some("break"), Some("felt change"), None]);
            self.tell(from, "", What::Pause(reason));
            self.tell(to, "", What::Resume);
        }
        if self.random.percent(25) {
            let from = batch.start + self.seconds(0..len / 2);
            let to = from + self.seconds(20..len);
            self.outside.push(from..to);
        }
    }

    /// What the laboratory and people say of a batch.
    fn said(&mut self, id: &str, (begin, end): (i64, i64)) {
        for _ in 0..self.random.within(0..6) {
            self.result(id, end);
        }
        for _ in 0..self.random.within(0..3) {
            let at = end + self.seconds(0..600);
            let word = *self.random.pick(&["release", "hold", "downgrade", "rework", "scrap"]);
            self.tell(at, id, What::Disposition(word));
        }
        if self.random.percent(25) {
            let at = begin + self.seconds(1..end - begin);
            let n = self.random.within(1..6);
            self.tell(at, id, What::Action(format!("refiner power +{n} %")));
        }
        for _ in 0..self.random.within(0..3) {
            let at = begin + self.seconds(0..end - begin);
            let lot = *self.random.pick(&["LOT-1", "LOT-2", "LOT-3"]);
            let mass = self.number(50..90);
            let from = self.number(0..500);
            let metres = self.random.percent(50).then_some((from, from + 500));
            self.tell(at, id, What::Consumes(lot, mass, metres));
        }
    }

    fn result(&mut self, id: &str, end: i64) {
        let property = *self.random.pick(&["tensile", "tensile", "stretch", "brightness"]);
        // Few instants, so that several results and corrections are of one.
        let at = end + 60 * self.seconds(0..4);
        let position = if property == "stretch" || self.random.percent(10) {
            *self.random.pick(&[Some("ts"), Some("ds"), None])
        } else {
            None
        };
        let (value, unit) = match property {
            "tensile" if self.random.percent(30) => (self.seconds(80..130), Some("kN/m")),
            "tensile" => (
                self.seconds(80_000..130_000),
                *self.random.pick(&[Some("N/m"), Some("N/m"), None]),
            ),
            "stretch" => (self.seconds(6_000..18_000), Some("%")),
            _ => (self.seconds(80_000..90_000), None),
        };
        let property = property.into();
        self.tell(at, id, What::Lab { property, value, unit, position });
    }

    /// A batch that was made may never have been (true of it then), or be a part of the one before it unless that never was.
    fn fate(&mut self, n: u64, before_is_void: bool) -> bool {
        let at = self.events.iter().map(|told| told.at).max().unwrap_or(0);
        match self.random.within(0..20) {
            0 => {
                self.tell(at, &format!("R{n}"), What::Void);
                return true;
            }
            1 | 2 if !before_is_void => {
                self.tell(at, &format!("R{n}"), What::Merge(format!("R{}", n - 1)));
            }
            _ => {}
        }
        false
    }

    /// Batches of the station, beside those of the line.
    fn station(&mut self, end: i64) {
        let mut at = 5 + self.seconds(0..50);
        for n in 0..self.random.within(1..5) {
            let id = format!("U{n}");
            let over = at + self.seconds(80..400);
            if over > end {
                break;
            }
            let grade = self.random.percent(30).then_some(GRADES[1]);
            self.events
                .push(Told { station: Some(STATION), ..Told::new(at, &id, What::Start(grade)) });
            if self.random.percent(80) {
                self.end(over, &id, Some(STATION));
            }
            if self.random.percent(40) {
                self.result(&id, over);
            }
            at = over + if self.random.percent(50) { 0 } else { self.seconds(1..30) };
        }
    }
}
