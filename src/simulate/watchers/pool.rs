//! What each watcher reached, at the threshold that gives as many false flags as onspec had.

use super::super::score::{BatchEnd, median, rounded, share_left};
use super::super::truth::{BatchTruth, Class};
use super::{NAMES, WATCHERS, Watchers};
use serde::{Deserialize, Serialize};

/// What a plain watcher reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// Which: `spec-limits`, `three-sigma`, `plain-pca`, or `laboratory`, which has no threshold.
    pub name: String,
    /// Off-spec batches that it flagged after the fault began and before their end.
    pub caught: u32,
    /// Good batches that it flagged.
    pub false_flags: u32,
    /// The median over the caught batches in which the fault began of what was left to make, 0–1.
    pub median_share_left: Option<f64>,
    /// Mass made after the flag in caught batches, t.
    pub tonnes_saved: f64,
    /// What its statistic had to pass; in the units of the statistic, which the header of `watchers` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// The batches of one or more runs, as far as the watchers' thresholds hang on them.
///
/// The threshold of a watcher is the *lowest* at which it has at most as many false flags as onspec
/// had on the same good batches: of the greatest values of its statistic in the good batches, in
/// falling order, the one after so many. Where two of them are equal there may be fewer flags than
/// onspec had, and no other threshold is nearer without having more. The statistics are measured in the
/// spread of each mill's own learning batches, so that one threshold is fair to several mills.
///
/// The threshold is known only after the run, which favours the watchers. So does this: of an off-spec
/// batch the first crossing *after the fault began* counts, though a watcher that had flagged the
/// batch before would have been wrong by the rules of the score.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in super::super) struct Pool {
    /// Of each good batch, the greatest value of each statistic; below 0 where there is none.
    good: Vec<[f32; WATCHERS]>,
    /// How many of these onspec flagged.
    false_flags: usize,
    off_spec: Vec<OffSpec>,
}

/// What counts of an off-spec batch.
#[derive(Debug, Clone, PartialEq)]
struct OffSpec {
    /// True if the fault began in the batch, so that its share left counts.
    began: bool,
    /// Its mass.
    kg: f64,
    /// For each watcher the record highs after the begin of the fault: the share of the batch that
    /// was left, and the value. A threshold is first passed at a record.
    records: [Vec<(f64, f32)>; WATCHERS],
}

impl Pool {
    /// Adds a scored batch, and whether onspec flagged it.
    pub(in super::super) fn add(
        &mut self,
        watchers: &Watchers,
        truth: &BatchTruth,
        end: Option<&BatchEnd>,
        flagged: bool,
    ) {
        let Some(series) = watchers.scored.get(&truth.batch) else { return };
        // An interval counts from its begin: a crossing is dated up to 10 s too early, never
        // before the fault or after the end.
        let before_end =
            series.intervals().filter(|(begin, _)| end.is_none_or(|end| *begin < end.ended));
        match (truth.class, end) {
            (Class::Good, _) => {
                let mut greatest = [-1.0_f32; WATCHERS];
                for (_, values) in before_end {
                    for (greatest, value) in greatest.iter_mut().zip(values) {
                        *greatest = greatest.max(value);
                    }
                }
                self.good.push(greatest);
                self.false_flags += usize::from(flagged);
            }
            (Class::OffSpec, Some(end)) => {
                let from = truth.fault_from.filter(|from| end.started < *from);
                let mut records: [Vec<(f64, f32)>; WATCHERS] = Default::default();
                for (begin, values) in before_end.filter(|(begin, _)| from <= Some(*begin)) {
                    for (records, value) in records.iter_mut().zip(values) {
                        // Also false for NaN.
                        if value > records.last().map_or(-1.0, |(_, record)| *record) {
                            records.push((share_left(end, begin), value));
                        }
                    }
                }
                let began = truth.fault_from.is_some_and(|from| end.started <= from);
                let kg = end.mass_kg.unwrap_or(0.0);
                self.off_spec.push(OffSpec { began, kg, records });
            }
            _ => {}
        }
    }

    /// Adds the batches of another run.
    pub(in super::super) fn append(&mut self, other: &Self) {
        self.good.extend_from_slice(&other.good);
        self.false_flags += other.false_flags;
        self.off_spec.extend_from_slice(&other.off_spec);
    }

    /// What each watcher reached.
    pub(in super::super) fn watched(&self) -> Vec<Watched> {
        (0..WATCHERS).map(|ix| self.watcher(ix)).collect()
    }

    fn watcher(&self, ix: usize) -> Watched {
        let good: Vec<f32> = self.good.iter().map(|greatest| greatest[ix]).collect();
        let threshold = threshold(good.clone(), self.false_flags);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (mut caught, mut shares, mut kg_saved) = (0, Vec::new(), 0.0);
        for batch in &self.off_spec {
            let crossing = batch.records[ix].iter().find(|(_, value)| *value > threshold);
            if let Some((left, _)) = crossing {
                caught += 1;
                kg_saved += batch.kg * left;
                shares.extend(batch.began.then_some(*left));
            }
        }
        Watched {
            name: NAMES[ix].into(),
            caught,
            false_flags: count(good.iter().filter(|greatest| **greatest > threshold).count()),
            median_share_left: median(shares).map(rounded),
            tonnes_saved: rounded(kg_saved / 1000.0),
            threshold: Some(rounded(f64::from(threshold))),
        }
    }
}

/// The lowest threshold that at most so many of these values are above. A statistic is never below
/// 0, so that at 0 every frame is flagged in which it is not 0.
fn threshold(mut greatest: Vec<f32>, flags: usize) -> f32 {
    greatest.sort_by(|one, other| other.total_cmp(one));
    // Adding 0 makes one of the two zeros of the other.
    greatest.get(flags).copied().unwrap_or(0.0).max(0.0) + 0.0
}
