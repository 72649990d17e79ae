//! What chance allows: flagged shares of good batches are beta-binomially distributed over plants.

use statrs::function::gamma::ln_gamma;

/// The share of so many judged batches above a quantile of so many others.
pub(crate) struct BetaBinomial {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    /// Kurtosis beyond that of a normal distribution.
    excess: f64,
}

impl BetaBinomial {
    /// Above the ⌈(n+1)(1−α)⌉-th smallest of `n`: the true share is Beta(l, n+1−l) distributed, l = ⌊(n+1)α⌋.
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    pub(crate) fn of_quantile(n: usize, rate: f64, judged: usize) -> Self {
        let others = n as f64 + 1.0;
        let a = (others * rate + 1e-9).floor();
        let (b, m) = (others - a, judged as f64);
        let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
        let probability = |k: f64| {
            let ways = ln_gamma(m + 1.0) - ln_gamma(k + 1.0) - ln_gamma(m - k + 1.0);
            (ways + ln_beta(k + a, m - k + b) - ln_beta(a, b)).exp()
        };
        let moment = |centre: f64, power: i32| -> f64 {
            (0..=judged).map(|k| probability(k as f64) * (k as f64 / m - centre).powi(power)).sum()
        };
        let mean = moment(0.0, 1);
        let variance = moment(mean, 2);
        Self { mean, variance, excess: moment(mean, 4) / (variance * variance) - 3.0 }
    }

    /// The mean over so many plants, in nineteen cases of twenty.
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    pub(crate) fn band_of_mean(&self, plants: usize) -> (f64, f64) {
        let off = 1.96 * (self.variance / plants as f64).sqrt();
        (self.mean - off, self.mean + off)
    }

    /// The variance over so many plants, against the expected one, in 99 cases of a hundred.
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    pub(crate) fn band_of_spread(&self, plants: usize) -> (f64, f64) {
        let off = 2.58 * ((2.0 + self.excess) / plants as f64).sqrt();
        ((1.0 - off).max(0.0), 1.0 + off)
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundreds")]
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[expect(clippy::cast_precision_loss, reason = "some hundreds")]
pub(crate) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}
