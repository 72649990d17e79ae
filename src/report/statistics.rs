//! Values summed up, so that those of several batches can be taken together.

use crate::verdict::TagSummary;

/// Some values, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Statistics {
    pub(super) n: u64,
    pub(super) mean: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    /// The sum of squared deviations from the mean.
    squares: f64,
}

impl Statistics {
    /// One value.
    pub(super) fn of(value: f64) -> Self {
        Self { n: 1, mean: value, least: value, greatest: value, squares: 0.0 }
    }

    /// Both together.
    #[expect(clippy::cast_precision_loss, reason = "values are counted")]
    pub(super) fn and(self, other: Self) -> Self {
        let n = self.n + other.n;
        let (mine, its, all) = (self.n as f64, other.n as f64, n as f64);
        let apart = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + apart * its / all,
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            squares: self.squares + other.squares + apart * apart * mine * its / all,
        }
    }

    /// The standard deviation; `None` of one value.
    #[expect(clippy::cast_precision_loss, reason = "values are counted")]
    pub(super) fn deviation(&self) -> Option<f64> {
        (self.n > 1).then(|| (self.squares / (self.n - 1) as f64).sqrt())
    }
}

impl From<&TagSummary> for Statistics {
    fn from(of: &TagSummary) -> Self {
        let freedom = f64::from(of.frames.saturating_sub(1));
        Self {
            n: of.frames.into(),
            mean: of.mean,
            least: of.least,
            greatest: of.greatest,
            squares: of.deviation.map_or(0.0, |deviation| deviation * deviation * freedom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_parts_are_those_of_the_whole() {
        let of = |values: &[f64]| {
            values.iter().copied().map(Statistics::of).reduce(Statistics::and).unwrap()
        };
        let (first, rest) = (of(&[1.0, 4.0]), of(&[2.0, 9.0, 4.0]));
        let (parts, whole) = (first.and(rest), of(&[1.0, 4.0, 2.0, 9.0, 4.0]));
        assert_eq!((parts.n, parts.least, parts.greatest), (5, 1.0, 9.0));
        assert!((parts.mean - 4.0).abs() < 1e-12);
        // (9 + 0 + 4 + 25 + 0) / 4.
        assert!((parts.deviation().unwrap() - 9.5_f64.sqrt()).abs() < 1e-12);
        assert!((parts.squares - whole.squares).abs() < 1e-9);
        assert_eq!(of(&[1.0]).deviation(), None);
    }
}
