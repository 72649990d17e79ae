//! How far a batch is by the phases of its recipe: so long in this one, behind those that came before it.

use super::{POSITIONS_MAX, usual_length};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many of the batches have the phases of most of them, or these tell no place.
const FOLLOW: f64 = 0.8;

/// The phases of a recipe, in order: the name of each, and its positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Phases {
    each: Vec<(Arc<str>, usize)>,
    /// So many rows are a position.
    every: usize,
}

/// Where a batch is in them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// What was told of the last row.
    told: Option<Arc<str>>,
    /// Which phase that is, once one was told.
    phase: Option<usize>,
    /// Rows of it.
    rows: usize,
}

/// The phases of a batch, in order, with the rows of each; what comes before the first that is told is none.
fn runs<'p>(rows: &[Option<&'p Arc<str>>]) -> Vec<(&'p Arc<str>, usize)> {
    let mut runs: Vec<(&Arc<str>, usize)> = Vec::new();
    for phase in rows.iter().flatten() {
        match runs.last_mut() {
            Some((last, rows)) if last == phase => *rows += 1,
            _ => runs.push((phase, 1)),
        }
    }
    runs
}

impl Phases {
    /// The phases that most batches go through, by the phase of each row of each batch; `None` where most have no more than
    /// one, or too few have the same.
    pub(super) fn of(batches: &[Vec<Option<&Arc<str>>>], every: usize) -> Option<Self> {
        let runs: Vec<Vec<(&Arc<str>, usize)>> = batches.iter().map(|rows| runs(rows)).collect();
        let mut orders: BTreeMap<Vec<&Arc<str>>, Vec<usize>> = BTreeMap::new();
        for (ix, runs) in runs.iter().enumerate() {
            orders.entry(runs.iter().map(|(phase, _)| *phase).collect()).or_default().push(ix);
        }
        // Of two orders with as many batches the first by name: the same each time.
        let (order, of) = orders.into_iter().rev().max_by_key(|(_, batches)| batches.len())?;
        let enough = crate::models::calibrate::count(of.len())
            >= FOLLOW * crate::models::calibrate::count(batches.len());
        if order.len() < 2 || !enough {
            return None;
        }
        let usual = |ix: usize| usual_length(of.iter().map(|batch| runs[*batch][ix].1));
        let rows: usize = (0..order.len()).map(usual).sum();
        // Each phase has a position of its own, and all together no more than there may be.
        let room = POSITIONS_MAX.checked_sub(order.len()).filter(|room| *room > 0)?;
        let every = every.max(rows.div_ceil(room));
        let positions = |ix: usize| usual(ix).div_ceil(every).max(1);
        let each = order.iter().enumerate();
        let each = each.map(|(ix, phase)| (Arc::clone(phase), positions(ix))).collect();
        Some(Self { each, every })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.each.len()
    }

    /// The positions of all.
    pub(super) fn positions(&self) -> usize {
        self.each.iter().map(|(_, positions)| positions).sum()
    }

    /// The position of the next row, of which this phase is told. A phase that lasts longer than it does in other batches
    /// stays at its last position; one that is not known, or comes out of its order, tells none.
    pub(super) fn next(&self, place: &mut Place, phase: Option<&Arc<str>>) -> Option<usize> {
        if phase != place.told.as_ref() {
            place.told = phase.cloned();
            let behind = place.phase.map_or(0, |ix| ix + 1);
            let found = self.each.iter().skip(behind).position(|(name, _)| Some(name) == phase);
            if let Some(found) = found {
                (place.phase, place.rows) = (Some(behind + found), 0);
            }
        }
        let ix = place.phase.filter(|ix| Some(&self.each[*ix].0) == place.told.as_ref())?;
        let within = (place.rows / self.every).min(self.each[ix].1 - 1);
        place.rows += 1;
        Some(self.each[..ix].iter().map(|(_, positions)| positions).sum::<usize>() + within)
    }

    /// True if the numbers fit together.
    pub(super) fn is_sound(&self) -> bool {
        self.every > 0 && self.each.iter().all(|(_, positions)| *positions > 0)
    }

    /// True if a place that was read back is one of these.
    pub(super) fn has(&self, place: &Place) -> bool {
        place.phase.is_none_or(|ix| ix < self.each.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phases of a batch from words like `fill*3`.
    fn batch(words: &str) -> Vec<Option<Arc<str>>> {
        let run = |word: &str| {
            let (name, rows) = word.split_once('*').unwrap();
            let phase = (name != "-").then(|| Arc::from(name));
            vec![phase; rows.parse().unwrap()]
        };
        words.split_whitespace().flat_map(run).collect()
    }

    fn of(batches: &[&str], every: usize) -> Option<Phases> {
        let batches: Vec<_> = batches.iter().map(|words| batch(words)).collect();
        let rows: Vec<Vec<Option<&Arc<str>>>> =
            batches.iter().map(|rows| rows.iter().map(Option::as_ref).collect()).collect();
        Phases::of(&rows, every)
    }

    fn places(phases: &Phases, words: &str) -> Vec<Option<usize>> {
        let mut place = Place::default();
        batch(words).iter().map(|phase| phases.next(&mut place, phase.as_ref())).collect()
    }

    #[test]
    fn a_place_is_so_long_in_its_phase_behind_those_before_it() {
        let phases =
            of(&["fill*4 heat*6 fill*2", "fill*4 heat*7 fill*2", "fill*5 heat*8 fill*2"], 2);
        let phases = phases.unwrap();
        assert_eq!((phases.count(), phases.positions()), (3, 2 + 4 + 1));
        let some = |places: &[usize]| places.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(places(&phases, "fill*3 heat*4 fill*2"), some(&[0, 0, 1, 2, 2, 3, 3, 6, 6]));
        // Longer than usual it waits at the end of the phase.
        assert_eq!(places(&phases, "fill*7 heat*1"), some(&[0, 0, 1, 1, 1, 1, 1, 2]));
        // A phase that is left out is passed over; of one that is not known nobody can tell, and then it goes on.
        assert_eq!(places(&phases, "heat*2 fill*1"), some(&[2, 2, 6]));
        let told = places(&phases, "-*1 fill*1 clean*2 heat*1 clean*1 heat*1");
        assert_eq!(told, [None, Some(0), None, None, Some(2), None, Some(2)]);
        assert_eq!(places(&phases, "heat*1 fill*1 heat*1"), [Some(2), Some(6), None], "it is over");
    }

    #[test]
    fn most_batches_have_to_go_through_the_same_phases() {
        assert_eq!(of(&["a*3 b*3", "a*3 b*3", "a*3 c*3"], 1), None);
        assert_eq!(of(&["a*3", "a*3"], 1), None, "one phase tells nothing");
        let long = of(&["a*3000 b*9", "a*3000 b*9"], 1).unwrap();
        assert!(long.positions() <= POSITIONS_MAX, "{}", long.positions());
        assert_eq!(of(&[], 1), None);
        let one_of_five = ["a*3 b*3", "a*3 b*3", "a*3 b*3", "b*3", "a*3 b*3"];
        assert_eq!(of(&one_of_five, 1).unwrap().count(), 2);
    }
}
