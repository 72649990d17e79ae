//! What monitors measure of a row: the names of their statistics, and how these are smoothed.

use serde::{Deserialize, Serialize};

/// A statistic of a monitor. Each is a squared distance; its limit is in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Statistic {
    /// PCA, the distance within the model: known relations, unusually far out.
    T2,
    /// PCA, the distance from the model: relations between tags broke.
    Spe,
    /// CVA, how far out the state is: what of the past tells the future.
    StateT2,
    /// CVA, what of the past tells nothing of the future.
    ResidualT2,
    /// CVA, the row less what the state before it foretold: the plant moves otherwise than it did.
    InnovationT2,
    /// [`Self::StateT2`], smoothed for longer: small and lasting.
    StateT2Slow,
    /// [`Self::ResidualT2`], smoothed for longer.
    ResidualT2Slow,
    /// [`Self::InnovationT2`], smoothed for longer.
    InnovationT2Slow,
    /// Multiway, how far out the batch is among those of its recipe; like those below a distance, not its square.
    CourseT,
    /// Multiway, how far what was made is from what it foretells of itself: the root of the mean square, smoothed.
    CourseResidual,
    /// Multiway, the same of the smoothed mean: what lasts a while.
    CourseResidualMean,
    /// Multiway, the same of the sum since the start: what is small and lasts.
    CourseResidualSum,
}

/// Who measures a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Monitor {
    /// Principal components: a row by itself.
    Pca,
    /// Canonical variates: a row after those before it.
    Cva,
    /// What was made of a batch, beside the recipe.
    Multiway,
}

impl Monitor {
    /// All.
    pub const ALL: [Self; 3] = [Self::Pca, Self::Cva, Self::Multiway];

    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::Cva => "cva",
            Self::Multiway => "multiway",
        }
    }
}

impl Statistic {
    /// All, those of rows first.
    pub const ALL: [Self; 12] = [
        Self::T2,
        Self::Spe,
        Self::StateT2,
        Self::ResidualT2,
        Self::InnovationT2,
        Self::StateT2Slow,
        Self::ResidualT2Slow,
        Self::InnovationT2Slow,
        Self::CourseT,
        Self::CourseResidual,
        Self::CourseResidualMean,
        Self::CourseResidualSum,
    ];

    /// Those of rows, in the order in which models keep them.
    pub(super) const OF_ROWS: [Self; 8] = [
        Self::T2,
        Self::Spe,
        Self::StateT2,
        Self::ResidualT2,
        Self::InnovationT2,
        Self::StateT2Slow,
        Self::ResidualT2Slow,
        Self::InnovationT2Slow,
    ];

    /// The name of its field: the word of the contract, and that of its limit.
    #[must_use]
    pub fn fields(self) -> (&'static str, &'static str) {
        match self {
            Self::T2 => ("t2", "t2_limit"),
            Self::Spe => ("spe", "spe_limit"),
            Self::StateT2 => ("state_t2", "state_t2_limit"),
            Self::ResidualT2 => ("residual_t2", "residual_t2_limit"),
            Self::InnovationT2 => ("innovation_t2", "innovation_t2_limit"),
            Self::StateT2Slow => ("state_t2_slow", "state_t2_slow_limit"),
            Self::ResidualT2Slow => ("residual_t2_slow", "residual_t2_slow_limit"),
            Self::InnovationT2Slow => ("innovation_t2_slow", "innovation_t2_slow_limit"),
            Self::CourseT => ("course_t", "course_t_limit"),
            Self::CourseResidual => ("course_residual", "course_residual_limit"),
            Self::CourseResidualMean => ("course_residual_mean", "course_residual_mean_limit"),
            Self::CourseResidualSum => ("course_residual_sum", "course_residual_sum_limit"),
        }
    }

    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.fields().0
    }

    /// Who measures it.
    #[must_use]
    pub fn monitor(self) -> Monitor {
        match self {
            Self::T2 | Self::Spe => Monitor::Pca,
            Self::CourseT
            | Self::CourseResidual
            | Self::CourseResidualMean
            | Self::CourseResidualSum => Monitor::Multiway,
            _ => Monitor::Cva,
        }
    }

    /// Its place in [`Self::ALL`].
    pub(super) fn ix(self) -> usize {
        self as usize
    }

    /// True if it tells how far out the plant is within what the model knows, and not how far from it.
    #[must_use]
    pub fn is_within(self) -> bool {
        self.source() == 0
    }

    /// What it is smoothed from, or which it is, of those that its monitor measures.
    pub(super) fn source(self) -> usize {
        match self {
            Self::T2 | Self::StateT2 | Self::StateT2Slow | Self::CourseT => 0,
            Self::Spe | Self::ResidualT2 | Self::ResidualT2Slow | Self::CourseResidual => 1,
            Self::InnovationT2 | Self::InnovationT2Slow | Self::CourseResidualMean => 2,
            Self::CourseResidualSum => 3,
        }
    }

    /// True if it is smoothed for longer.
    fn is_slow(self) -> bool {
        matches!(self, Self::StateT2Slow | Self::ResidualT2Slow | Self::InnovationT2Slow)
    }

    /// The statistics of a monitor.
    pub(super) fn of(monitor: Monitor) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |statistic| statistic.monitor() == monitor)
    }
}

/// A number for each statistic of rows, in the order of [`Statistic::OF_ROWS`].
pub(super) type Each = [f64; Statistic::OF_ROWS.len()];

/// The time constant of PCA's smoothing, s, and the range of a new frame's weight: a frame of many seconds is
/// smooth by itself, one of milliseconds would never forget.
const SMOOTHING_S: f64 = 60.0;
const SMOOTHING: (f64, f64) = (0.02, 0.3);

/// The weight of a new row of CVA, which is ten seconds long or more.
const SMOOTHING_DYNAMIC: f64 = 0.1;

/// What is smoothed for longer weighs a new row by so much less.
const SLOWER: f64 = 0.3;

/// The weight of a new value in each smoothed statistic. Statistics are smoothed, never data: smoothing
/// autocorrelated data breaks the calibration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Weights(Each);

impl Weights {
    /// For frames of so many seconds; PCA takes every frame, CVA every row.
    pub(super) fn new(frame_s: f64) -> Self {
        Self(Statistic::OF_ROWS.map(|statistic| match (statistic.monitor(), statistic.is_slow()) {
            (Monitor::Pca, _) => (frame_s / SMOOTHING_S).clamp(SMOOTHING.0, SMOOTHING.1),
            (_, false) => SMOOTHING_DYNAMIC,
            (_, true) => SMOOTHING_DYNAMIC * SLOWER,
        }))
    }

    pub(super) fn of(&self, statistic: Statistic) -> f64 {
        self.0[statistic.ix()]
    }

    /// True if each is a weight.
    pub(super) fn are_sound(&self) -> bool {
        self.0.iter().all(|weight| *weight > 0.0 && *weight <= 1.0)
    }

    /// Takes what a monitor measured into the smoothed statistics.
    pub(super) fn take(&self, smoothed: &mut Each, monitor: Monitor, measured: &[f64]) {
        for statistic in Statistic::of(monitor) {
            let value = &mut smoothed[statistic.ix()];
            *value += self.of(statistic) * (measured[statistic.source()] - *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statistic_has_its_place_and_its_names() {
        for (ix, statistic) in Statistic::ALL.into_iter().enumerate() {
            assert_eq!(statistic.ix(), ix);
            let (name, limit) = statistic.fields();
            assert_eq!(limit, format!("{name}_limit"));
        }
    }

    #[test]
    fn what_is_smoothed_for_longer_follows_more_slowly() {
        let weights = Weights::new(1.0);
        let mut smoothed = Each::default();
        weights.take(&mut smoothed, Monitor::Cva, &[1.0, 2.0, 3.0]);
        let expected = [0.0, 0.0, 0.1, 0.2, 0.3, 0.03, 0.06, 0.09];
        for (value, expected) in smoothed.into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{smoothed:?}");
        }
        weights.take(&mut smoothed, Monitor::Pca, &[5.0, 7.0]);
        assert!((smoothed[0] - 0.1).abs() < 1e-12 && (smoothed[1] - 0.14).abs() < 1e-12);
    }
}
