//! What will go wrong, and when: drawn from the seed before the machine starts.

use super::noise::Chance;
use super::process::Disturbance;

/// A fault of the process: it spoils the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessFault {
    /// The consistency sensor drifts inside its loop; the basis weight loop hides it.
    ConsistencyDrift,
    /// Condensate floods the Yankee: more steam, and still wet paper.
    CondensateFlooding,
    /// The refiner's plates lose their load: weak paper.
    RefinerPlates,
}

impl ProcessFault {
    /// All of them.
    pub const ALL: [Self; 3] =
        [Self::ConsistencyDrift, Self::CondensateFlooding, Self::RefinerPlates];

    /// The word of the truth file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConsistencyDrift => "consistency-drift",
            Self::CondensateFlooding => "condensate-flooding",
            Self::RefinerPlates => "refiner-plates",
        }
    }
}

/// A process fault in one batch: grows from its begin, stays to the end of the batch, is repaired then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlannedFault {
    pub(super) fault: ProcessFault,
    /// Seconds after the start of the batch.
    pub(super) begin_s: u32,
    /// Seconds until it is full.
    ramp_s: u32,
    /// Its full size, as [`Disturbance`] counts it.
    size: f64,
}

impl PlannedFault {
    /// What is wrong so many seconds after the start of the batch.
    pub(super) fn at(&self, second: u32) -> Disturbance {
        let sound = Disturbance::default();
        if second < self.begin_s {
            return sound;
        }
        let part = f64::from(second - self.begin_s + 1) / f64::from(self.ramp_s);
        let size = self.size * part.min(1.0);
        match self.fault {
            ProcessFault::ConsistencyDrift => Disturbance { consistency_error: size, ..sound },
            ProcessFault::CondensateFlooding => Disturbance { flooding: size, ..sound },
            ProcessFault::RefinerPlates => Disturbance { plate_loss: size, ..sound },
        }
    }
}

/// What one batch will be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BatchPlan {
    /// How long it takes.
    pub(super) seconds: u32,
    pub(super) fault: Option<PlannedFault>,
    /// The basis weight stands still from the first second of the batch to the last of these.
    pub(super) stuck: Option<(u32, u32)>,
}

/// Draws all batches: sound ones to learn from, then scored ones, of which every third or fourth has a
/// process fault, and about every tenth, another one, a stuck scanner.
pub(super) fn draw(seed: u64, learning: u32, scored: u32) -> Vec<BatchPlan> {
    // The length of batches has a stream of its own, so that it does not hang on the faults drawn.
    let mut lengths = Chance::new(seed, 1);
    let mut chance = Chance::new(seed, 2);
    let mut fault_next = learning.saturating_add(chance.pick(1, 3));
    let mut stuck_next = learning.saturating_add(chance.pick(2, 8));
    let mut deck: Vec<ProcessFault> = Vec::new();
    let mut plans = Vec::new();
    for ix in 0..learning.saturating_add(scored) {
        let seconds = lengths.pick(20 * 60, 30 * 60);
        let mut plan = BatchPlan { seconds, fault: None, stuck: None };
        if ix == fault_next {
            fault_next = ix.saturating_add(chance.pick(3, 4));
            // A deck, so that a few faults are of different kinds.
            if deck.is_empty() {
                deck = ProcessFault::ALL.to_vec();
            }
            let drawn = chance.pick(0, u32::try_from(deck.len() - 1).expect("three at most"));
            let fault = deck.swap_remove(drawn as usize);
            plan.fault = Some(plan_fault(fault, seconds, &mut chance));
            // The stuck scanner waits for a batch without a fault of the process.
            stuck_next += u32::from(ix == stuck_next);
        } else if ix == stuck_next {
            stuck_next = ix.saturating_add(chance.pick(8, 12));
            let begin = chance.pick(seconds / 10, seconds * 4 / 10);
            let end = (begin + chance.pick(600, 900)).min(seconds - 1);
            plan.stuck = Some((begin, end));
        }
        plans.push(plan);
    }
    plans
}

fn plan_fault(fault: ProcessFault, seconds: u32, chance: &mut Chance) -> PlannedFault {
    let begin_s = chance.pick(seconds / 10, seconds * 6 / 10);
    // The loop can hide only a drift that it can follow. The least sizes do not spoil the product:
    // such batches are only touched.
    let (ramp_s, size) = match fault {
        ProcessFault::ConsistencyDrift => {
            let sign = if chance.pick(0, 1) == 0 { 1.0 } else { -1.0 };
            (chance.pick(420, 600), sign * chance.between(0.11, 0.21))
        }
        ProcessFault::CondensateFlooding => (chance.pick(180, 600), chance.between(0.09, 0.22)),
        ProcessFault::RefinerPlates => (chance.pick(180, 600), chance.between(0.12, 0.30)),
    };
    PlannedFault { fault, begin_s, ramp_s, size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_as_often_as_promised_and_only_in_scored_batches() {
        for seed in 0..50 {
            let plans = draw(seed, 20, 120);
            assert_eq!(plans.len(), 140);
            assert!(plans[..20].iter().all(|plan| plan.fault.is_none() && plan.stuck.is_none()));
            let faults = plans.iter().filter(|plan| plan.fault.is_some()).count();
            let stuck = plans.iter().filter(|plan| plan.stuck.is_some()).count();
            assert!((29..=40).contains(&faults), "{faults} faults of seed {seed}");
            assert!((9..=15).contains(&stuck), "{stuck} stuck scanners of seed {seed}");
            for plan in &plans {
                assert!((1200..=1800).contains(&plan.seconds));
                assert!(plan.fault.is_none() || plan.stuck.is_none());
                if let Some(fault) = plan.fault {
                    assert!(fault.begin_s >= plan.seconds / 10);
                    assert!(fault.begin_s <= plan.seconds * 6 / 10);
                    assert_eq!(fault.at(fault.begin_s - 1), Disturbance::default());
                    assert_ne!(fault.at(fault.begin_s), Disturbance::default());
                }
                if let Some((begin, end)) = plan.stuck {
                    assert!(end < plan.seconds && end - begin >= 590);
                }
            }
        }
    }
}
