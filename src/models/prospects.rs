//! The chance that a batch ends off spec, by all that is known of it while it is made.
//!
//! A logistic regression on a few [`Sign`]s, of which the engine has one value each. A plant has few bad batches to learn from, so
//! weights begin with a prior and stay near it until batches tell otherwise: normal distributions about what came out over
//! six simulated mills (seeds 401 to 406, by what their laboratories found), wide enough that some dozens of batches move
//! them. What is kept is the most likely weights given both (`tests/oracles/prospects.py`).

use linfa_linalg::cholesky::SolveCInplace;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Something that tells of how a batch will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Its soft sensors: the logarithm of the odds that the laboratory finds it off spec, above those of one in ten.
    SoftSensor,
    /// 1 if the batch before it was found off spec by the laboratory or a person.
    BatchBefore,
    /// 1 if an earlier batch was, and nobody has said yet how those since then are.
    EarlierBatch,
    /// The logarithm of the greatest score of its monitors so far.
    Score,
    /// 1 while a monitor or a limit flags it.
    Flag,
    /// What is outside limits so far, as a share of what may be, 1 at most.
    Limits,
}

/// The number of signs.
const SIGNS: usize = 6;

impl Sign {
    /// All of them, in the order of [`Signs`].
    pub const ALL: [Self; SIGNS] = [
        Self::SoftSensor,
        Self::BatchBefore,
        Self::EarlierBatch,
        Self::Score,
        Self::Flag,
        Self::Limits,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SoftSensor => "soft-sensor",
            Self::BatchBefore => "batch-before",
            Self::EarlierBatch => "earlier-batch",
            Self::Score => "score",
            Self::Flag => "flag",
            Self::Limits => "limits",
        }
    }
}

/// What a batch showed at some time, by [`Sign::ALL`]; 0 where a sign tells nothing.
pub type Signs = [f64; SIGNS];

/// A batch of which it is known how it ended, as it was at some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// What it showed.
    pub signs: Signs,
    /// True if it ended off spec.
    pub bad: bool,
    /// What it counts for: all cases of one batch together for one.
    pub weight: f64,
}

/// Mean and standard deviation of what a weight may be: first that of a batch of which nothing is known (8 % off spec), then
/// by [`Sign::ALL`].
const PRIOR: [(f64, f64); SIGNS + 1] =
    [(-2.5, 0.7), (0.4, 0.4), (3.6, 1.0), (2.8, 1.0), (0.7, 0.5), (1.5, 0.8), (2.0, 0.8)];

/// Steps of Newton's at most; from weights that are nearly right it takes three.
const STEPS: usize = 25;

/// A step that makes it worse is halved so often at most.
const HALVINGS: usize = 30;

/// A step is the last if no weight moves by more.
const STILL: f64 = 1e-9;

/// How much signs tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prospects {
    /// In logarithms of odds: of a batch of which nothing is known, then by [`Sign::ALL`].
    weights: [f64; SIGNS + 1],
}

impl Default for Prospects {
    /// What is believed before any batch has told.
    fn default() -> Self {
        Self { weights: PRIOR.map(|(mean, _)| mean) }
    }
}

impl Prospects {
    /// The most likely weights, given the prior and these cases.
    #[must_use]
    pub fn fit(cases: &[Case]) -> Self {
        let mut fitted = Self::default();
        for _ in 0..STEPS {
            let Some(step) = fitted.newton(cases) else { break };
            let before = fitted.loss(cases);
            // Far from the optimum a whole step may go beyond it.
            let shares = std::iter::successors(Some(1.0), |share| Some(share / 2.0));
            let better = shares.take(HALVINGS).map(|share| fitted.moved(&step, share));
            let Some(better) = better.into_iter().find(|better| better.loss(cases) <= before)
            else {
                break;
            };
            fitted = better;
            if step.iter().all(|step| step.abs() < STILL) {
                break;
            }
        }
        fitted
    }

    fn moved(&self, step: &[f64; SIGNS + 1], share: f64) -> Self {
        Self { weights: std::array::from_fn(|ix| self.weights[ix] + share * step[ix]) }
    }

    /// How unlikely weights are given prior and cases: the negative logarithm, less a constant.
    fn loss(&self, cases: &[Case]) -> f64 {
        let of_case = |case: &Case| {
            let odds = self.odds(&case.signs);
            // ln(1 + exp(odds)) − bad · odds, without an overflow.
            let odds = if case.bad { -odds } else { odds };
            case.weight * (odds.max(0.0) + libm::log1p(libm::exp(-odds.abs())))
        };
        let of_prior = |(weight, (mean, deviation)): (&f64, &(f64, f64))| {
            let z = (weight - mean) / deviation;
            0.5 * z * z
        };
        let prior: f64 = self.weights.iter().zip(&PRIOR).map(of_prior).sum();
        prior + cases.iter().map(of_case).sum::<f64>()
    }

    /// The step of Newton's method; `None` if numbers are out of their range.
    fn newton(&self, cases: &[Case]) -> Option<[f64; SIGNS + 1]> {
        let mut gradient = [0.0; SIGNS + 1];
        let mut curvature = [[0.0; SIGNS + 1]; SIGNS + 1];
        for (ix, (mean, deviation)) in PRIOR.iter().enumerate() {
            let precision = 1.0 / (deviation * deviation);
            gradient[ix] = -precision * (self.weights[ix] - mean);
            curvature[ix][ix] = precision;
        }
        for case in cases {
            let chance = self.chance(&case.signs);
            let error = if case.bad { 1.0 - chance } else { -chance };
            let certainty = case.weight * chance * (1.0 - chance);
            let known: [f64; SIGNS + 1] =
                std::array::from_fn(|ix| if ix == 0 { 1.0 } else { case.signs[ix - 1] });
            for (row, a) in known.iter().enumerate() {
                gradient[row] += case.weight * error * a;
                for (column, b) in known.iter().enumerate() {
                    curvature[row][column] += certainty * a * b;
                }
            }
        }
        let curvature = Array2::from_shape_fn((SIGNS + 1, SIGNS + 1), |(r, c)| curvature[r][c]);
        let mut step = Array1::from_iter(gradient).insert_axis(ndarray::Axis(1));
        // The prior keeps it positive definite.
        let mut of = curvature;
        of.solvec_inplace(&mut step).ok()?;
        let step: [f64; SIGNS + 1] = std::array::from_fn(|ix| step[[ix, 0]]);
        step.iter().all(|step| step.is_finite()).then_some(step)
    }

    /// The chance that a batch with these signs ends off spec, 0–1.
    #[must_use]
    pub fn chance(&self, signs: &Signs) -> f64 {
        1.0 / (1.0 + libm::exp(-self.odds(signs)))
    }

    fn odds(&self, signs: &Signs) -> f64 {
        self.weights[0] + self.told(signs).iter().sum::<f64>()
    }

    /// How much each sign adds to the logarithm of the odds, by [`Sign::ALL`].
    #[must_use]
    pub fn told(&self, signs: &Signs) -> Signs {
        std::array::from_fn(|ix| self.weights[ix + 1] * signs[ix])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of the oracle: signs in a pattern that no sum is zero of.
    fn cases() -> Vec<Case> {
        (0..60_i32)
            .map(|ix| {
                let x = f64::from(ix);
                let flag = f64::from(u8::from(ix % 7 == 0));
                let before = f64::from(u8::from(ix % 11 == 3));
                let earlier = f64::from(u8::from(ix % 13 == 5));
                let soft = (x * 0.37) % 3.0 - 1.0;
                let score = (x * 0.21) % 1.4 - 0.8;
                let limits = (x * 0.13) % 1.0 * flag;
                let signs = [soft, before, earlier, score, flag, limits];
                Case { signs, bad: ix % 7 == 0 && ix % 3 != 0 || ix % 11 == 3, weight: 1.0 / 3.0 }
            })
            .collect()
    }

    #[test]
    fn weights_are_those_of_the_oracle() {
        let fitted = Prospects::fit(&cases());
        for (weight, expected) in fitted.weights.iter().zip(ORACLE) {
            assert!((weight - expected).abs() < 1e-6, "{fitted:?} for {expected}");
        }
    }

    /// `python3 tests/oracles/prospects.py`.
    const ORACLE: [f64; SIGNS + 1] = [
        -2.825_983_14,
        0.300_130_01,
        4.010_862_71,
        2.169_245_76,
        0.629_089_64,
        1.790_902_95,
        2.136_691_32,
    ];

    #[test]
    fn prior_holds_until_batches_tell() {
        let nothing = Prospects::fit(&[]);
        assert_eq!(nothing, Prospects::default());
        let chance = |prospects: &Prospects, signs: Signs| prospects.chance(&signs);
        let before = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        assert!((0.07..0.08).contains(&chance(&nothing, [0.0; SIGNS])));
        assert!((0.7..0.8).contains(&chance(&nothing, before)), "{}", chance(&nothing, before));
        // A plant that mends at once what the laboratory finds: what was bad before tells nothing there.
        let good = Case { signs: before, bad: false, weight: 1.0 };
        let mends = Prospects::fit(&[good; 10]);
        assert!(chance(&mends, before) < 0.25, "{}", chance(&mends, before));
        assert!((nothing.told(&before)[1] - 3.6).abs() < 1e-12);
    }

    #[test]
    fn nothing_that_is_told_breaks_the_fit() {
        let far = Case { signs: [7.0, 1.0, 0.0, 1.1, 1.0, 1.0], bad: true, weight: 1.0 };
        let fitted = Prospects::fit(&vec![far; 300]);
        assert!(fitted.weights.iter().all(|weight| weight.is_finite()), "{fitted:?}");
        assert!(fitted.chance(&far.signs) > 0.99);
    }
}
