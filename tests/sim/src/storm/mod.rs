//! Storms of events: from a seed, the true history of a line ([`history`]), and what becomes of it on its way
//! ([`weather`]); told to the engine as messages of MQTT, beside readings that come in time.
//!
//! For each seed these must hold:
//!
//! 1. whatever comes: the invariants of `watch`, after every message; the laboratory values, decisions and lots that count
//!    are those of a model without code of the product (`reference`), so that nothing is lost without a count;
//! 2. an engine that was written down and read back on the way says the same from there on;
//! 3. every event that is told again in the end changes nothing;
//! 4. the order in which independent events come changes nothing in the final records ([`told::Told::order`] says which
//!    those are, `same_but_for_when` what a record may differ in);
//! 5. a history in which nothing is lost and nothing contradicted ends as the model says, told in time, or hours late,
//!    repeated and shuffled.

mod along;
mod flood;
pub mod history;
pub mod reference;
mod runner;
pub mod told;
mod watch;
pub mod weather;

use history::History;
use onspec::decode::Disposition;
use onspec::engine::BatchRecord;
use onspec::verdict::Call;
use runner::Runner;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use told::{Fate, Told, What, instant};
use watch::{Wrong, holds, without_revision};

/// What happened in a storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Events that came.
    pub events: u64,
    /// Of those, again.
    pub repeated: u64,
    /// Batches of the storm.
    pub batches: u64,
    /// Records of them.
    pub revisions: u64,
    /// Faults.
    pub faults: u64,
    /// Batches of stations.
    pub of_stations: u64,
    /// Batches whose beginning nobody told.
    pub unknown_begin: u64,
    /// Batches that are void, or part of another one.
    pub void: u64,
    /// Batches with laboratory results.
    pub measured: u64,
    /// Batches that were flagged.
    pub flagged: u64,
    /// Batches that went through phases.
    pub phased: u64,
    /// Batches with sections.
    pub sheets: u64,
    /// Batches of which it was said what to take off.
    pub slabs: u64,
}

/// What a seed has found.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub words: String,
    /// The events, as they came over MQTT.
    pub events: Vec<String>,
}

/// Phases that are kept of a batch, of those told of it and of those told of its station: ARCHITECTURE.md, "Limits".
const KEPT: usize = 64;

/// Runs the storm of a seed.
///
/// # Errors
/// What does not hold, and the events that came.
pub fn run(seed: u64) -> Result<Tally, Violation> {
    let history = history::history(seed);
    let storm = weather::storm(&history, seed);
    let violation = |told: &[Told], words: String| Violation {
        seed,
        words,
        events: told.iter().map(Told::line).collect(),
    };
    let try_with = |told: &[Told], what: &str, check: &dyn Fn(&[Told]) -> Result<Tally, String>| {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(told)));
        let outcome = outcome.unwrap_or_else(|panic| Err(format!("panic: {}", text_of(&*panic))));
        outcome.map_err(|words| violation(told, format!("{what}: {words}")))
    };
    let whole = |told: &[Told]| as_expected(&history, told);
    try_with(&weather::in_time(&history, seed), "in time", &whole)?;
    try_with(&weather::late(&history, seed), "late", &whole)?;
    let tally = try_with(&storm, "storm", &|told| stormy(&history, told, seed))?;
    if seed.is_multiple_of(50) {
        try_with(&[], "flood", &|_| flood::flood(&history).map(|()| Tally::default()))?;
    }
    Ok(tally)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
}

/// Of a history in which nothing is lost and nothing contradicted, all that was told.
fn as_expected(history: &History, arrived: &[Told]) -> Result<Tally, String> {
    let mut runner = Runner::new(history);
    runner.play(arrived)?;
    let expected = reference::expected(&history.events);
    let records = runner.records();
    let ids: Vec<&str> = records.keys().map(String::as_str).collect();
    let of: Vec<&str> = expected.keys().map(String::as_str).collect();
    holds(ids == of, || format!("the batches are {ids:?}, not {of:?}"))?;
    for (id, facts) in &expected {
        let record = &records[id];
        let words = |what: &str| format!("{what} of `{id}`: {record:?}\n  expected: {facts:?}");
        holds(record.station.as_deref() == facts.station, || words("the station"))?;
        holds(record.started == instant(facts.started), || words("the begin"))?;
        holds(record.ended == facts.ended.map(instant), || words("the end"))?;
        holds(record.grade.as_deref() == Some(facts.grade), || words("the grade"))?;
        let is = |known: Option<f64>, told: Option<u32>| {
            told.is_none_or(|told| {
                known.is_some_and(|known| reference::is_close(known, f64::from(told)))
            })
        };
        holds(is(record.length_m, facts.length), || words("the length"))?;
        holds(is(record.mass_kg, facts.mass), || words("the mass"))?;
        let into = record.merged_into.as_deref();
        holds(into == facts.merged_into.as_deref(), || words("what it is part of"))?;
        holds(record.verdict.is_none() == facts.void, || words("whether it is void"))?;
        let phases = record.phases.iter().map(|(phase, at)| (*at, phase.to_string()));
        let of = facts.phases.iter().map(|(at, phase)| (instant(*at), phase.clone()));
        // Of more phases than are kept the first ones are; each is told twice at most.
        let is_its_own = |told: &&Told| {
            let of_it =
                told.batch == *id || (told.batch.is_empty() && told.station == facts.station);
            let then = told.at >= facts.started - 20 && facts.ended.is_none_or(|end| told.at < end);
            of_it && then && matches!(told.what, What::Phase(_))
        };
        let too_many = history.events.iter().filter(is_its_own).count() > KEPT;
        let known = record.phases.len();
        holds(!too_many || known >= KEPT / 2 || of.len() <= known, || words("too few phases"))?;
        let of = of.take(if too_many { known } else { usize::MAX });
        holds(phases.eq(of), || words("the phases"))?;
    }
    said_of_batches(arrived, records)?;
    runner.again(arrived)?;
    Ok(Tally::default())
}

/// What the laboratory and people said counts, whatever else came.
fn said_of_batches(arrived: &[Told], records: &BTreeMap<String, BatchRecord>) -> Wrong {
    for (id, record) in records {
        let grade = record.grade.as_deref().unwrap_or_default();
        let expected = reference::laboratory(arrived, id, grade);
        let lab = record.lab.iter().map(|(property, value)| (property.to_string(), *value));
        let lab: BTreeMap<String, f64> = lab.collect();
        let same = lab.len() == expected.len()
            && lab.iter().zip(&expected).all(|((property, value), (expected, counts))| {
                property == expected && reference::is_close(*value, *counts)
            });
        holds(same, || format!("results of `{id}` are {lab:?}, not {expected:?}: {record:?}"))?;
        let word = record.disposition.map(Disposition::as_str);
        let expected = reference::disposition(arrived, id);
        holds(word == expected, || format!("decided of `{id}` is {word:?}, not {expected:?}"))?;
        let lots = reference::consumed_of(record);
        let expected = reference::consumed(arrived, id);
        holds(lots == expected, || format!("`{id}` was made of {lots:?}, not {expected:?}"))?;
    }
    Ok(())
}

/// Nothing that may be told of is forgotten without a fault.
fn nothing_is_lost(arrived: &[Told], runner: &Runner) -> Wrong {
    let records = runner.records();
    for told in arrived.iter().filter(|told| told.fate == Fate::Open) {
        let known = records.get(&told.batch);
        match &told.what {
            What::Start(_) | What::End(..) => {
                holds(known.is_some(), || format!("a batch is not known by {}", told.line()))?;
                let over = known.is_some_and(|record| record.ended.is_some());
                let fine = over || !matches!(told.what, What::End(..)) || runner.refused(told);
                holds(fine, || format!("no end by {}", told.line()))?;
            }
            What::Void => {
                let void = known.is_none_or(|record| record.verdict.is_none());
                holds(void, || format!("not void by {}", told.line()))?;
            }
            What::Merge(into) => {
                let waits = known.is_none() || !records.contains_key(into);
                let merged = known.and_then(|record| record.merged_into.as_deref());
                let fine = waits || merged == Some(into.as_str()) || runner.refused(told);
                holds(fine, || format!("neither merged nor refused by {}", told.line()))?;
            }
            _ => {}
        }
    }
    let banana =
        |told: &&Told| told.fate == Fate::RefusedByBatch && records.contains_key(&told.batch);
    let (n, counted) =
        (arrived.iter().filter(banana).count(), runner.faults("cannot be compared").count());
    holds(n == counted, || format!("{n} results in another unit, {counted} counted"))
}

fn stormy(history: &History, storm: &[Told], seed: u64) -> Result<Tally, String> {
    let mut runner = Runner::new(history);
    runner.play_with_a_restart(storm)?;
    said_of_batches(storm, runner.records())?;
    nothing_is_lost(storm, &runner)?;
    let other = weather::otherwise(storm, seed);
    let mut otherwise = Runner::new(history);
    let came = || other.iter().map(Told::line).collect::<Vec<_>>().join("\n");
    otherwise
        .play(&other)
        .map_err(|words| format!("in another order: {words}\n\nit came so:\n{}\n", came()))?;
    let paused = storm.iter().any(|told| matches!(told.what, What::Pause(_)));
    same_but_for_when(runner.records(), otherwise.records(), paused)
        .and_then(|()| same_sections(&runner, &otherwise))
        .map_err(|words| format!("{words}\n\nthe other order:\n{}\n", came()))?;
    let tally = runner.tally(storm);
    runner.again(storm)?;
    Ok(tally)
}

/// Records of which nothing but this may differ, for it tells what was said when, and by what was known then:
///
/// - the revision: it counts how often something new was said;
/// - the chance of off spec: it is the last that was said while the batch was made, by what was known of it and of others;
/// - of a batch in progress what was made of it: that is what it was when the record was said; and where the line may be
///   paused the verdict, which its next frame of product says;
/// - the order of the lots: it is that in which they were told;
/// - when it was flagged: who was told first that it is off spec by a person's word was not told by its own readings;
/// - of a batch of a station the begin as first known, the time of its point: an end that waits beside its start takes effect
///   after it, one that comes late before it.
fn same_but_for_when(
    one: &BTreeMap<String, BatchRecord>,
    other: &BTreeMap<String, BatchRecord>,
    paused: bool,
) -> Wrong {
    let same = |record: &BatchRecord| {
        let mut record = BatchRecord { probability_off_spec: None, ..without_revision(record) };
        record.consumed.sort_by_key(|lot| format!("{lot:?}"));
        (record.first_flag, record.flagged_since, record.first_flag_lead_s) = (None, None, None);
        if record.station.is_some() {
            record.first_started = record.started;
        }
        if record.ended.is_none() {
            (record.length_m, record.mass_kg, record.off_spec_share) = (None, None, None);
            record.verdict = record.verdict.map(|call| if paused { Call::Unknown } else { call });
        }
        record
    };
    let of = |records: &BTreeMap<String, BatchRecord>| -> Vec<BatchRecord> {
        records.values().map(same).collect()
    };
    for (one, other) in of(one).iter().zip(&of(other)) {
        holds(one == other, || format!("by another order:\n  {one:?}\n  {other:?}"))?;
    }
    holds(one.len() == other.len(), || "other batches by another order".to_owned())
}

/// What was seen along batches does not hang on when anything was said of them.
fn same_sections(one: &Runner, other: &Runner) -> Wrong {
    let (one, other) = (&one.watch.sections, &other.watch.sections);
    for (id, sections) in one {
        let seen = other.get(id);
        holds(seen == Some(sections), || {
            format!("sections of `{id}` by another order:\n  {sections:?}\n  {seen:?}")
        })?;
    }
    holds(one.len() == other.len(), || "sections of other batches by another order".to_owned())
}
