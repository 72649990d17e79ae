//! What has to be known of batches in the end, by a model of its own that has no code of the product.

use super::history::GRADES;
use super::told::{Fate, Told, What, thousandths};
use onspec::engine::BatchRecord;
use std::collections::{BTreeMap, BTreeSet};

/// What was told of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Its station.
    pub station: Option<&'static str>,
    /// Its begin, s since the first instant.
    pub started: i64,
    /// Its end; `None` while it is in progress.
    pub ended: Option<i64>,
    /// Its grade.
    pub grade: &'static str,
    /// The length that was told, m.
    pub length: Option<u32>,
    /// The mass that was told, kg.
    pub mass: Option<u32>,
    /// The batch that it is a part of.
    pub merged_into: Option<String>,
    /// True if it never was, or is a part of another one.
    pub void: bool,
    /// The phases it came into, and when.
    pub phases: Vec<(i64, String)>,
}

/// What is true of each batch of a history in which nothing is lost and nothing contradicted, however it comes.
#[must_use]
pub fn expected(history: &[Told]) -> BTreeMap<String, Facts> {
    let of_line = |told: &&Told| told.station.is_none();
    let named = |told: &Told| match told.what {
        What::Grade(grade) | What::Start(Some(grade)) => Some((told.at, grade)),
        _ => None,
    };
    let mut grades: Vec<_> = history.iter().filter(of_line).filter_map(named).collect();
    grades.sort_by_key(|(at, _)| *at);
    let grade_at = |at: i64| {
        grades.iter().rev().find(|(since, _)| *since <= at).map_or(GRADES[0], |(_, grade)| grade)
    };
    let begins = |told: &&Told| matches!(told.what, What::Start(_));
    let mut all = BTreeMap::new();
    for start in history.iter().filter(begins) {
        let What::Start(grade) = start.what else { continue };
        let mut facts = Facts {
            station: start.station,
            started: start.at,
            grade: grade.unwrap_or_else(|| grade_at(start.at)),
            ..Facts::default()
        };
        let next = history.iter().filter(begins).filter(|told| told.station == start.station);
        facts.ended = next.map(|told| told.at).filter(|at| *at > start.at).min();
        for told in history.iter().filter(|told| told.batch == start.batch) {
            match &told.what {
                What::End(length, mass) => {
                    (facts.ended, facts.length, facts.mass) = (Some(told.at), *length, *mass);
                }
                What::Merge(into) => {
                    facts.merged_into = Some(into.clone());
                    facts.void = true;
                }
                What::Void => facts.void = true,
                _ => {}
            }
        }
        all.insert(start.batch.clone(), facts);
    }
    let phases: Vec<_> = all.keys().map(|id| phases(history, &all, id)).collect();
    for (facts, phases) in all.values_mut().zip(phases) {
        facts.phases = phases;
    }
    all
}

/// The phases of a batch, second by second: it is in the one that was told last of it or of its station since it began. At
/// its begin that is one told of it before, or of its station behind the end of the batch before it, or where that was
/// ended by this one, ten seconds before or less.
fn phases(history: &[Told], all: &BTreeMap<String, Facts>, id: &str) -> Vec<(i64, String)> {
    let facts = &all[id];
    // A batch in progress: until the last thing that was told.
    let last = history.iter().map(|told| told.at + 1).max().unwrap_or(0);
    let before = all.iter().filter(|(_, before)| before.station == facts.station);
    let before = before.filter(|(_, before)| before.started < facts.started);
    let before = before.max_by_key(|(_, before)| before.started);
    let since = before.map_or(i64::MIN, |(id, before)| {
        let ends = |told: &Told| told.batch == *id && matches!(told.what, What::End(..));
        let end_told = history.iter().any(ends);
        if end_told { before.ended.unwrap_or(i64::MIN) } else { facts.started - 10 }
    });
    let in_force = |second: i64| {
        let told = history.iter().filter(|told| {
            let of_it = told.batch == *id || (told.batch.is_empty() && told.at >= since);
            of_it && told.station == facts.station && told.at <= second
        });
        let phases = told.filter_map(|told| match &told.what {
            What::Phase(phase) => Some((told.at, phase)),
            _ => None,
        });
        phases.max_by_key(|(at, _)| *at).map(|(_, phase)| phase)
    };
    let mut phases: Vec<(i64, String)> = Vec::new();
    for second in facts.started..facts.ended.unwrap_or(last) {
        let Some(phase) = in_force(second) else { continue };
        if phases.last().is_none_or(|(_, known)| known != phase) {
            phases.push((second, phase.clone()));
        }
    }
    phases
}

/// The unit of a property's limits in a grade.
fn unit_of(grade: &str, property: &str) -> Option<&'static str> {
    match (grade, property) {
        ("facial", "tensile") => Some("N/m"),
        ("towel", "tensile") => Some("kN/m"),
        ("facial", "stretch") => Some("%"),
        _ => None,
    }
}

/// The laboratory value of each property that counts for a batch of a grade: of one property, position and time the
/// value that was told as a new one last; of these the newest, or where that has a position the mean over positions.
#[must_use]
pub fn laboratory(arrived: &[Told], batch: &str, grade: &str) -> BTreeMap<String, f64> {
    type Results = BTreeMap<(i64, Option<&'static str>), Vec<f64>>;
    let mut told: BTreeMap<&str, Results> = BTreeMap::new();
    for event in arrived.iter().filter(|told| told.batch == batch && told.fate == Fate::Open) {
        let What::Lab { property, value, unit, position } = &event.what else { continue };
        let factor = match (unit, unit_of(grade, property)) {
            (Some("kN/m"), Some("N/m")) => 1000.0,
            (Some("N/m"), Some("kN/m")) => 0.001,
            _ => 1.0,
        };
        let value = thousandths(*value) * factor;
        let results = told.entry(property).or_default().entry((event.at, *position)).or_default();
        if !results.iter().any(|known| is_close(*known, value)) {
            results.push(value);
        }
    }
    let counting = told.into_iter().filter_map(|(property, results)| {
        let newest = |position| {
            let of_it = results.iter().filter(|((_, at_it), _)| *at_it == position);
            of_it.max_by_key(|((at, _), _)| *at).and_then(|(_, values)| values.last().copied())
        };
        // At one instant a result with a position comes after one without.
        let (_, position) =
            results.keys().max_by_key(|(at, position)| (*at, position.is_some()))?;
        if position.is_none() {
            return Some((property.to_owned(), newest(None)?));
        }
        let places: BTreeSet<_> = results.keys().filter_map(|(_, position)| *position).collect();
        let values: Vec<f64> = places.iter().filter_map(|place| newest(Some(*place))).collect();
        let n = f64::from(u32::try_from(values.len()).ok()?);
        Some((property.to_owned(), values.iter().sum::<f64>() / n))
    });
    counting.collect()
}

/// The decision that counts: the newest; of one instant the one that was told as a new one last.
#[must_use]
pub fn disposition(arrived: &[Told], batch: &str) -> Option<&'static str> {
    let mut words: Vec<(i64, &'static str)> = Vec::new();
    for told in arrived.iter().filter(|told| told.batch == batch) {
        if let What::Disposition(word) = told.what
            && !words.contains(&(told.at, word))
        {
            words.push((told.at, word));
        }
    }
    words.iter().max_by_key(|(at, _)| *at).map(|(_, word)| *word)
}

/// The lots that were told, each once.
#[must_use]
pub fn consumed(arrived: &[Told], batch: &str) -> BTreeSet<String> {
    let lots = arrived.iter().filter(|told| told.batch == batch).filter_map(|told| {
        let What::Consumes(from, mass, metres) = told.what else { return None };
        Some(format!("{from} {mass} {metres:?}"))
    });
    lots.collect()
}

/// The lots of a record, written likewise.
#[must_use]
pub fn consumed_of(record: &BatchRecord) -> BTreeSet<String> {
    let lots = record.consumed.iter().map(|lot| {
        let metres = lot.made.map(|(from, to)| format!("({from:.0}, {to:.0})"));
        let metres = metres.map_or("None".into(), |metres| format!("Some({metres})"));
        format!("{} {:.0} {metres}", lot.from, lot.mass_kg.unwrap_or(-1.0))
    });
    lots.collect()
}

/// True of two values that are the same but for rounding.
#[must_use]
pub fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}
