//! What becomes of a history on its way: events are late, repeated, shuffled, lost and contradicted.

use super::history::{GRADES, History, STATION};
use super::told::{Fate, LINE, Told, What};
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};

/// No event comes later than this after the last batch's end, s.
pub const LATEST_S: i64 = 5 * 3600;

const DAY_S: i64 = 86_400;

/// Every event comes once, and so soon that the frames it belongs to are open.
#[must_use]
pub fn in_time(history: &History, seed: u64) -> Vec<Told> {
    let mut random = Random::new(seed, "in time");
    let mut events = history.events.clone();
    for told in &mut events {
        told.due = told.at + seconds(&mut random, 4);
    }
    keep_order(&mut events, |_| true);
    by_due(events)
}

/// Nothing is lost and nothing contradicted, but events come seconds to hours late, several times, and in any order.
#[must_use]
pub fn late(history: &History, seed: u64) -> Vec<Told> {
    let mut random = Random::new(seed, "late");
    delayed(history.events.clone(), &mut random)
}

/// The same with events lost, and others that contradict them.
#[must_use]
pub fn storm(history: &History, seed: u64) -> Vec<Told> {
    let mut random = Random::new(seed, "storm");
    let mut events = history.events.clone();
    let lost = *random.pick(&[0, 5, 15, 40]);
    events.retain(|_| !random.percent(lost));
    for _ in 0..random.within(0..8) {
        contradict(&mut events, history, &mut random);
    }
    delayed(events, &mut random)
}

/// The same events, as often, where those that nothing depends on come at other times, before and after any other
/// ([`Told::order`]); what is of the line itself comes as before.
#[must_use]
pub fn otherwise(storm: &[Told], seed: u64) -> Vec<Told> {
    let mut random = Random::new(seed, "otherwise");
    let mut events = storm.to_vec();
    let of_line = |told: &Told| told.order().as_deref() == Some(LINE);
    let of_station = |told: &Told| told.order().as_deref() == Some(STATION);
    let beside = is_beside(storm);
    let moves =
        |told: &Told| told.fate != Fate::Refused && !of_line(told) && (beside || !of_station(told));
    for told in events.iter_mut().filter(|told| moves(told)) {
        told.due = told.at + delay(&mut random);
    }
    keep_order(&mut events, moves);
    by_due(events)
}

/// True if batches of the station run beside those of the line: nothing names both, and what was told of them is whole. Where
/// a start is lost or contradicted, what is made of the others depends on whether they come before or after it.
fn is_beside(storm: &[Told]) -> bool {
    let is_own = |id: &str| id.starts_with('U');
    let mut told_of: BTreeMap<&str, [BTreeSet<(i64, String)>; 2]> = BTreeMap::new();
    for told in storm.iter().filter(|told| told.fate != Fate::Refused) {
        let names = is_own(&told.batch) || matches!(&told.what, What::Merge(into) if is_own(into));
        match (told.order().as_deref(), &told.what) {
            (Some(LINE), _) if names => return false,
            (Some(STATION), _) if !is_own(&told.batch) => return false,
            (Some(STATION), What::Start(_)) => {
                told_of.entry(&told.batch).or_default()[0].insert((told.at, told.payload()));
            }
            (Some(STATION), _) => {
                told_of.entry(&told.batch).or_default()[1].insert((told.at, told.payload()));
            }
            _ => {}
        }
    }
    let mut whole: Vec<(i64, Option<i64>)> = Vec::new();
    for [starts, ends] in told_of.values() {
        let (Some((start, _)), 1, 0 | 1) = (starts.first(), starts.len(), ends.len()) else {
            return false;
        };
        whole.push((*start, ends.first().map(|(at, _)| *at)));
    }
    whole.sort_unstable();
    let starts = whole.iter().skip(1).map(|(start, _)| *start).chain([i64::MAX]);
    whole
        .iter()
        .zip(starts)
        .all(|((start, end), next)| end.is_none_or(|end| (*start..=next).contains(&end)))
}

fn seconds(random: &mut Random, below: u64) -> i64 {
    random.within(0..below).cast_signed()
}

/// Seconds to hours.
fn delay(random: &mut Random) -> i64 {
    let most = *random.pick(&[4, 4, 60, 600, 3600, 4 * 3600]);
    seconds(random, most)
}

/// Delays events, and repeats some.
fn delayed(mut events: Vec<Told>, random: &mut Random) -> Vec<Told> {
    for told in events.iter_mut().filter(|told| told.fate != Fate::Refused) {
        told.due = told.at + delay(random);
    }
    // A correction comes after what it corrects.
    let corrects = |told: &Told| matches!(told.what, What::Lab { .. } | What::Disposition(_));
    keep_order(&mut events, corrects);
    let mut again = Vec::new();
    for told in &events {
        if random.percent(30) {
            for _ in 0..random.within(1..4) {
                again.push(Told { due: told.due + delay(random) / 5, ..told.clone() });
            }
        }
    }
    events.extend(again);
    by_due(events)
}

/// Of events that depend on one another, those that stand first come first.
fn keep_order(events: &mut [Told], of: impl Fn(&Told) -> bool) {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (ix, told) in events.iter().enumerate().filter(|(_, told)| of(told)) {
        if let Some(order) = told.order() {
            groups.entry(order).or_default().push(ix);
        }
    }
    for group in groups.values() {
        let mut dues: Vec<i64> = group.iter().map(|ix| events[*ix].due).collect();
        dues.sort_unstable();
        let mut before = i64::MIN;
        for (ix, due) in group.iter().zip(dues) {
            let told = &mut events[*ix];
            told.due = due.max(told.at).max(before);
            before = told.due;
        }
    }
}

fn by_due(mut events: Vec<Told>) -> Vec<Told> {
    events.sort_by_key(|told| told.due);
    events
}

/// Adds what contradicts what was told, or makes no sense.
fn contradict(events: &mut Vec<Told>, history: &History, random: &mut Random) {
    let starts: Vec<&Told> =
        history.events.iter().filter(|told| matches!(told.what, What::Start(_))).collect();
    let one = (*random.pick(&starts)).clone();
    let other = random.pick(&starts).batch.clone();
    let (id, at) = (one.batch.as_str(), one.at);
    let later = at + 1 + seconds(random, 400);
    let tell = |at: i64, batch: &str, what: What| Told {
        station: one.station,
        ..Told::new(at, batch, what)
    };
    let result = |value: i64, unit| What::Lab {
        property: "tensile".into(),
        value,
        unit: Some(unit),
        position: None,
    };
    let refused = |told: Told| Told { fate: Fate::Refused, ..told };
    let new: Vec<Told> = match random.within(0..21) {
        // The same batch again: another grade, another instant, another station.
        0 => vec![tell(at, id, What::Start(Some(GRADES[1])))],
        1 => vec![tell(later, id, What::Start(None))],
        2 => {
            let station = if one.station.is_some() { None } else { Some(STATION) };
            vec![Told { station, ..Told::new(later, id, What::Start(None)) }]
        }
        // An end before its start; another one; another length.
        3 => vec![tell(at - 5, id, What::End(Some(7), None))],
        4 => vec![tell(later, id, What::End(None, None))],
        5 => match history
            .events
            .iter()
            .find(|told| told.batch == id && matches!(told.what, What::End(..)))
        {
            Some(end) => vec![Told { what: What::End(Some(4321), Some(432)), ..end.clone() }],
            None => vec![tell(later, id, What::End(Some(4321), None))],
        },
        6 => vec![tell(later, "X1", What::End(Some(1500), None))],
        7 => {
            vec![Told { fate: Fate::RefusedByBatch, ..tell(later, id, result(100_000, "banana")) }]
        }
        8 if id != other => vec![
            tell(later, id, What::Merge(other.clone())),
            tell(later + 1, &other, What::Merge(id.into())),
        ],
        9 => vec![tell(later, id, What::Void)],
        10 => vec![
            tell(later, "GHOST", result(100_000, "N/m")),
            tell(later, "GHOST", What::Disposition("scrap")),
        ],
        11 => vec![tell(later, id, What::Merge("GHOST".into()))],
        // Of a year ago; of two hours on; of ten days ago, which may be.
        12 => vec![refused(Told {
            due: later,
            ..tell(later - 400 * DAY_S, id, What::End(None, None))
        })],
        13 => {
            vec![refused(Told { due: later, ..tell(later + 7200, "FUTURE", What::Start(None)) })]
        }
        14 => vec![tell(at - 10 * DAY_S, "OLD", What::Start(None))],
        // Another decision of the same instant; another value.
        15 => match events.iter().find(|told| matches!(told.what, What::Disposition(_))) {
            Some(word) => vec![Told { what: What::Disposition("rework"), ..word.clone() }],
            None => Vec::new(),
        },
        // A phase of a batch before it begins or after its end, of one that is not known, of nobody; of many at once.
        16 => vec![tell(at - seconds(random, 100), id, What::Phase("early".into()))],
        17 => vec![
            tell(later, id, What::Phase("odd".into())),
            tell(later, "GHOST", What::Phase("odd".into())),
        ],
        18 => vec![tell(later - seconds(random, 300), "", What::Phase("odd".into()))],
        19 => {
            let own = random.percent(50);
            let batch = if own { id } else { "" };
            let of = |n: i64| tell(at - 20 + 2 * n, batch, What::Phase(format!("step {}", n % 9)));
            (0..80).map(of).collect()
        }
        _ => match events.iter().find(|told| matches!(told.what, What::Lab { .. })).cloned() {
            Some(mut told) => {
                if let What::Lab { value, .. } = &mut told.what {
                    *value += 1;
                }
                vec![told]
            }
            None => Vec::new(),
        },
    };
    events.extend(new);
}
