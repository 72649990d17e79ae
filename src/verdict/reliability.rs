//! How chances that were said came true: the reliability diagram (Murphy 1973) and its figures.

use crate::models::rate_range_of;
use serde::Serialize;

/// Bins of a diagram, each a tenth wide.
const BINS: usize = 10;

/// Chances from one tenth to the next, and how often it came true.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Its begin, 0–1.
    pub from: f64,
    /// Batches of which such a chance was said.
    pub batches: u32,
    /// The mean of the chances.
    pub said: f64,
    /// Those of them that ended off spec.
    pub bad: u32,
}

impl ReliabilityBin {
    /// The range of the true share of those that end off spec in nineteen cases of twenty (Clopper and Pearson).
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        rate_range_of(number(self.bad), number(self.batches))
    }
}

/// Chances that were said, against what came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Batches.
    pub batches: u32,
    /// Those that ended off spec.
    pub bad: u32,
    /// The mean of the squares of chance − what came (Brier 1950).
    pub brier: f64,
    /// The same if the share of bad ones had been said of each.
    pub brier_of_share: f64,
    /// The expected calibration error: the mean over batches of how far what was said in their bin is from what came.
    pub calibration_error: f64,
    /// The bins in which something was said, in order.
    pub bins: Vec<ReliabilityBin>,
}

impl Reliability {
    /// Of chances, 0–1, and whether it came true; `None` of none.
    #[must_use]
    pub fn of(said: &[(f64, bool)]) -> Option<Self> {
        let n = count(said.len());
        let bad = said.iter().filter(|(_, bad)| *bad).count();
        let share = count(bad) / n;
        let came = |bad: bool| f64::from(u8::from(bad));
        let square = |(chance, bad): &(f64, bool)| (chance - came(*bad)) * (chance - came(*bad));
        let mut bins = Vec::new();
        let mut apart = 0.0;
        for bin in 0..BINS {
            let (from, to) = (count(bin) / count(BINS), count(bin + 1) / count(BINS));
            let is_in = |chance: f64| chance >= from && (chance < to || bin + 1 == BINS);
            let of: Vec<_> = said.iter().filter(|(chance, _)| is_in(*chance)).collect();
            if of.is_empty() {
                continue;
            }
            let bad = of.iter().filter(|(_, bad)| *bad).count();
            let sum: f64 = of.iter().map(|(chance, _)| chance).sum();
            apart += (sum - count(bad)).abs();
            bins.push(ReliabilityBin {
                from,
                batches: number(of.len()),
                said: sum / count(of.len()),
                bad: number(bad),
            });
        }
        (!said.is_empty()).then(|| Self {
            batches: number(said.len()),
            bad: number(bad),
            brier: said.iter().map(square).sum::<f64>() / n,
            brier_of_share: share * (1.0 - share),
            calibration_error: apart / n,
            bins,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "batches are far fewer than 2⁵³")]
fn count(n: usize) -> f64 {
    n as f64
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_counted_by_hand() {
        assert_eq!(Reliability::of(&[]), None);
        let said =
            [(0.05, false), (0.05, false), (0.05, true), (0.95, true), (1.0, true), (0.3, false)];
        let found = Reliability::of(&said).expect("six were said");
        assert_eq!((found.batches, found.bad), (6, 3));
        // 2 · 0.0025 + 0.9025 + 0.0025 + 0 + 0.09 = 1.0.
        assert!((found.brier - 1.0 / 6.0).abs() < 1e-12, "{found:?}");
        assert!((found.brier_of_share - 0.25).abs() < 1e-12);
        // |0.15 − 1| + |0.3 − 0| + |1.95 − 2| = 1.2.
        assert!((found.calibration_error - 0.2).abs() < 1e-12, "{found:?}");
        let bins: Vec<_> = found.bins.iter().map(|bin| (bin.from, bin.batches, bin.bad)).collect();
        assert_eq!(bins, [(0.0, 3, 1), (0.3, 1, 0), (0.9, 2, 2)]);
        assert!((found.bins[0].said - 0.05).abs() < 1e-12);
        // Clopper and Pearson, 1 of 3: 0.0084 to 0.9057.
        let (low, high) = found.bins[0].range();
        assert!((low - 0.008_4).abs() < 1e-4 && (high - 0.905_7).abs() < 1e-4, "{low} {high}");
    }
}
