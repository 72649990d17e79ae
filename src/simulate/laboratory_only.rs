//! What a mill reaches that has nothing but its laboratory: once that has found a batch off spec, those after it are held
//! until a batch of their grade is found good.

use super::score::{BatchEnd, median, rounded, share_left};
use super::truth::{BatchTruth, Class};
use super::watchers::Watched;
use crate::reading::Timestamp;

/// The batches of one or more runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LaboratoryOnly {
    caught: u32,
    false_flags: u32,
    shares: Vec<f64>,
    kg_saved: f64,
}

impl LaboratoryOnly {
    /// Adds a scored batch, with all that ended beside it.
    pub(super) fn add(&mut self, ends: &[BatchEnd], truth: &BatchTruth) {
        let Some(end) = ends.iter().find(|end| end.batch == truth.batch) else { return };
        let held = holds(ends, end);
        match truth.class {
            Class::Good => self.false_flags += u32::from(held.iter().any(|(_, held)| *held)),
            Class::OffSpec => {
                let standing = held.iter().rev().take_while(|(_, held)| *held).last();
                let Some((since, _)) = standing else { return };
                let begun = truth.fault_from.filter(|from| end.started < *from);
                if begun.is_none_or(|from| from <= *since) {
                    let left = share_left(end, *since);
                    self.caught += 1;
                    self.kg_saved += left * end.mass_kg.unwrap_or(0.0);
                    self.shares.extend(begun.map(|_| left));
                }
            }
            Class::Touched | Class::Marginal => {}
        }
    }

    /// Adds another run.
    pub(super) fn append(&mut self, other: &Self) {
        self.caught += other.caught;
        self.false_flags += other.false_flags;
        self.shares.extend_from_slice(&other.shares);
        self.kg_saved += other.kg_saved;
    }

    /// What it reached.
    pub(super) fn watched(&self) -> Watched {
        Watched {
            name: "laboratory".into(),
            caught: self.caught,
            false_flags: self.false_flags,
            median_share_left: median(self.shares.clone()).map(rounded),
            tonnes_saved: rounded(self.kg_saved / 1000.0),
            threshold: None,
        }
    }
}

/// From when on a batch is held or not while it is made, in order: at its start, and whenever something becomes known of
/// the batches of its grade before it.
fn holds(ends: &[BatchEnd], end: &BatchEnd) -> Vec<(Timestamp, bool)> {
    let same = |other: &&BatchEnd| other.grade == end.grade && other.ended <= end.started;
    let known: Vec<(Timestamp, Timestamp, bool)> = ends
        .iter()
        .filter(same)
        .filter_map(|other| other.found.map(|(known, bad)| (other.ended, known, bad)))
        .collect();
    let news = known.iter().map(|(_, known, _)| *known);
    let mut instants: Vec<Timestamp> =
        news.filter(|known| end.started < *known && *known < end.ended).collect();
    instants.push(end.started);
    instants.sort();
    let at = |instant: Timestamp| {
        let newest = known.iter().filter(|(_, known, _)| *known <= instant).max_by_key(|k| k.0);
        (instant, newest.is_some_and(|(_, _, bad)| *bad))
    };
    instants.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    /// Batches of 1000 s and 3 t: what each was found to be, and how many seconds behind its end.
    fn ends(found: &[Option<(i64, bool)>]) -> Vec<BatchEnd> {
        let end = |(ix, found): (i64, &Option<(i64, bool)>)| BatchEnd {
            batch: format!("R{ix}").as_str().into(),
            started: at(ix * 1000),
            ended: at(ix * 1000 + 1000),
            mass_kg: Some(3000.0),
            grade: Some("facial".into()),
            found: found.map(|(behind, bad)| (at(ix * 1000 + 1000 + behind), bad)),
            lab: Vec::new(),
        };
        (0..).zip(found).map(end).collect()
    }

    #[track_caller]
    fn check(
        found: &[Option<(i64, bool)>],
        (ix, class, fault_from): (i64, Class, Option<i64>),
        expected: (u32, u32, Option<f64>, f64),
    ) {
        let truth = BatchTruth {
            line: "tm3".into(),
            batch: format!("R{ix}").as_str().into(),
            class,
            fault: None,
            fault_from: fault_from.map(at),
            first_movers: Vec::new(),
            off_from: None,
            off_share: None,
        };
        let mut tally = LaboratoryOnly::default();
        tally.add(&ends(found), &truth);
        let Watched { caught, false_flags, median_share_left, tonnes_saved, .. } = tally.watched();
        assert_eq!((caught, false_flags, median_share_left, tonnes_saved), expected);
    }

    #[test]
    fn batches_are_held_from_a_bad_result_to_a_good_one() {
        use Class::{Good, OffSpec};
        let bad = [Some((400, true)), None, None];
        // R0 is found bad when four tenths of R1 are made.
        check(&bad, (1, OffSpec, Some(500)), (1, 0, None, 1.8));
        check(&bad, (1, OffSpec, Some(1200)), (1, 0, Some(0.6), 1.8));
        check(&bad, (1, OffSpec, Some(1600)), (0, 0, None, 0.0));
        check(&bad, (2, OffSpec, Some(500)), (1, 0, None, 3.0));
        check(&bad, (2, Good, None), (0, 1, None, 0.0));
        check(&bad, (0, OffSpec, Some(0)), (0, 0, None, 0.0));
        // R1 was good, known when half of R2 is made: what was held is let go.
        let mended = [Some((400, true)), Some((500, false)), None];
        check(&mended, (2, OffSpec, Some(500)), (0, 0, None, 0.0));
        check(&mended, (2, Good, None), (0, 1, None, 0.0));
    }
}
