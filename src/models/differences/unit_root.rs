//! Whether a series has a level, or walks away from any.
//!
//! Two tests with opposite null hypotheses: that of Dickey and Fuller (1979) with one lagged difference, whose null is a
//! unit root, and that of Kwiatkowski, Phillips, Schmidt and Shin (1992), whose null is a level. What each of them alone
//! says of a short series is little; a series walks if both say so. `tests/oracles/wandering.py` is the oracle.

use crate::models::calibrate::count;

/// MacKinnon (2010), "Critical values for cointegration tests", table 2, constant, 10 %: β∞ + β₁/n + β₂/n².
const DICKEY_FULLER: [f64; 3] = [-2.56677, -1.5384, -2.809];

/// Of KPSS, level, 2.5 %: table 1 of the paper.
pub(super) const KPSS: f64 = 0.574;

/// A series with fewer values says nothing.
pub(super) const VALUES_AT_LEAST: usize = 20;

/// t of γ in Δyₜ = α + γ yₜ₋₁ + δ Δyₜ₋₁ + ε, and the value below which a unit root is rejected at 10 %. `None` of a
/// series that is too short, or a line.
pub(super) fn dickey_fuller(y: &[f64]) -> Option<(f64, f64)> {
    if y.len() < VALUES_AT_LEAST {
        return None;
    }
    // The constant is fitted by taking the means away (Frisch and Waugh).
    let centred = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / count(values.len());
        values.into_iter().map(|value| value - mean).collect::<Vec<f64>>()
    };
    let level = centred(y[1..y.len() - 1].to_vec());
    let before = centred(y.windows(2).take(y.len() - 2).map(|pair| pair[1] - pair[0]).collect());
    let change = centred(y.windows(2).skip(1).map(|pair| pair[1] - pair[0]).collect());
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (aa, ab, bb) =
        (product(&level, &level), product(&level, &before), product(&before, &before));
    let (ac, bc) = (product(&level, &change), product(&before, &change));
    let determinant = aa * bb - ab * ab;
    let gamma = (bb * ac - ab * bc) / determinant;
    let delta = (aa * bc - ab * ac) / determinant;
    let n = count(change.len());
    let left: f64 = (0..change.len())
        .map(|ix| (change[ix] - gamma * level[ix] - delta * before[ix]).powi(2))
        .sum();
    let t = gamma / (left / (n - 3.0) * bb / determinant).sqrt();
    let [limit, first, second] = DICKEY_FULLER;
    t.is_finite().then(|| (t, limit + first / n + second / (n * n)))
}

/// The statistic of KPSS about a level: Σ Sₜ²/(n² s²) of the partial sums S, with the long-run variance s² by Bartlett's
/// weights over ⌊4 (n/100)^¼⌋ lags. `None` of a series that is too short, or stands still.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of lags")]
pub(super) fn kpss(y: &[f64]) -> Option<f64> {
    if y.len() < VALUES_AT_LEAST {
        return None;
    }
    let n = count(y.len());
    let mean = y.iter().sum::<f64>() / n;
    let e: Vec<f64> = y.iter().map(|value| value - mean).collect();
    let lags = (4.0 * (n / 100.0).sqrt().sqrt()) as usize;
    let covariance = |lag: usize| e[lag..].iter().zip(&e).map(|(a, b)| a * b).sum::<f64>() / n;
    let weight = |lag: usize| 1.0 - count(lag) / (count(lags) + 1.0);
    let variance =
        covariance(0) + 2.0 * (1..=lags).map(|lag| weight(lag) * covariance(lag)).sum::<f64>();
    let (mut sum, mut squares) = (0.0, 0.0);
    for e in &e {
        sum += e;
        squares += sum * sum;
    }
    Some(squares / (n * n * variance)).filter(|statistic| statistic.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixtures::{generator, near};

    /// A series that begins at nothing and keeps a share of what it is.
    fn series(keeps: f64, n: usize) -> Vec<f64> {
        let mut noise = generator();
        let mut value = 0.0;
        let mut next = || {
            value = keeps * value + noise();
            value
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn statistics_agree_with_statsmodels() {
        // tests/oracles/wandering.py prints these.
        for (keeps, n, expected) in EXPECTED {
            let y = series(keeps, n);
            let ((t, limit), statistic) = (dickey_fuller(&y).unwrap(), kpss(&y).unwrap());
            for (value, expected) in [t, limit, statistic].into_iter().zip(expected) {
                near(value, expected, 1e-10);
            }
            assert_eq!(t > limit && statistic > KPSS, n == 100, "only the last one walks by both");
        }
    }

    const EXPECTED: [(f64, usize, [f64; 3]); 4] = [
        (0.3, 200, [-9.163_208_946_963, -2.574_611_347_822, 0.479_568_605_074_3]),
        (0.9, 40, [-3.205_122_189_246, -2.609_199_501_385, 0.326_739_015_854_2]),
        (1.0, 60, [-3.148_295_921_426, -2.594_129_155_767, 0.280_699_739_701_2]),
        (1.0, 100, [-0.133_035_063_348, -2.582_760_441_483, 1.347_870_013_218]),
    ];

    #[test]
    fn what_is_short_or_stands_still_says_nothing() {
        let short = series(1.0, VALUES_AT_LEAST - 1);
        assert_eq!((dickey_fuller(&short), kpss(&short)), (None, None));
        let still = [4.0; 50];
        assert_eq!((dickey_fuller(&still), kpss(&still)), (None, None));
    }
}
