//! How a grade was while it was good, and how far a frame is from that: three sigma, plain PCA.
//!
//! Symbols as in the literature: z the standardised frame, pₖ the loadings, λₖ the eigenvalues of the
//! correlation matrix, tₖ = pₖᵀz the scores; T² = Σ tₖ²/λₖ and SPE = zᵀz − Σ tₖ² over the components kept.

use super::eigen;

/// A column must have a value in this share of the rows.
const LEAST_FILLED: f64 = 0.8;

/// A standard deviation below this share of the mean's size is rounding, not variation.
const LEAST_RELATIVE_SD: f64 = 1e-9;

/// Components are taken until they explain this share of the variance.
const EXPLAINED: f64 = 0.9;

/// Standard deviations above the mean: the 99.9 % quantile of a normal distribution.
const QUANTILE: f64 = 3.09;

/// The learning frames of one grade.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Baseline {
    columns: Vec<Column>,
    pca: Option<Pca>,
}

/// A tag: its position among the watched ones, its mean and standard deviation (N − 1).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    tag: usize,
    mean: f64,
    sd: f64,
}

impl Column {
    fn z(&self, row: &[f64]) -> f64 {
        (row[self.tag] - self.mean) / self.sd
    }
}

/// Components, and by what T² and SPE are divided.
#[derive(Debug, Clone, PartialEq)]
struct Pca {
    components: Vec<(f64, Vec<f64>)>,
    t2_scale: f64,
    spe_scale: f64,
}

impl Baseline {
    /// Learns from rows of `width` values each, NaN for holes. `None` where no column can be used.
    pub(super) fn fit(rows: &[f64], width: usize) -> Option<Self> {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let rows: Vec<&[f64]> = rows.chunks_exact(width.max(1)).collect();
        let columns: Vec<Column> = (0..width)
            .filter_map(|tag| {
                let seen: Vec<f64> =
                    rows.iter().map(|row| row[tag]).filter(|value| value.is_finite()).collect();
                let (mean, sd) = mean_and_sd(&seen)?;
                let moves = sd > LEAST_RELATIVE_SD * mean.abs().max(f64::MIN_POSITIVE);
                let filled = count(seen.len()) >= LEAST_FILLED * count(rows.len());
                (moves && filled).then_some(Column { tag, mean, sd })
            })
            .collect();
        if columns.is_empty() {
            return None;
        }
        let whole = |row: &Vec<f64>| row.iter().all(|z| z.is_finite());
        let standardised: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| columns.iter().map(|column| column.z(row)).collect())
            .filter(whole)
            .collect();
        let pca = Pca::fit(&standardised, columns.len());
        Some(Self { columns, pca })
    }

    /// The greatest |z| over the tags that have a value; NaN if none has.
    pub(super) fn three_sigma(&self, row: &[f64]) -> f64 {
        self.columns.iter().map(|column| column.z(row).abs()).fold(f64::NAN, f64::max)
    }

    /// The greater of T² and SPE, each divided by its scale: learning mean + 3.09 standard deviations.
    /// A hole counts as the mean. NaN if there was too little to learn from.
    pub(super) fn plain_pca(&self, row: &[f64]) -> f64 {
        let Some(pca) = &self.pca else { return f64::NAN };
        let z: Vec<f64> = self
            .columns
            .iter()
            .map(|column| column.z(row))
            .map(|z| if z.is_finite() { z } else { 0.0 })
            .collect();
        let (t2, spe) = pca.statistics(&z);
        // Where all variance is in the components, SPE has no scale and nothing to say.
        let spe = if pca.spe_scale > 0.0 { spe / pca.spe_scale } else { 0.0 };
        (t2 / pca.t2_scale).max(spe)
    }
}

impl Pca {
    /// From standardised rows without holes; `None` where they are not more than the columns.
    fn fit(rows: &[Vec<f64>], columns: usize) -> Option<Self> {
        if rows.len() <= columns {
            return None;
        }
        let freedom = f64::from(u32::try_from(rows.len() - 1).unwrap_or(u32::MAX));
        let mut correlation = vec![0.0; columns * columns];
        for row in rows {
            for i in 0..columns {
                for j in 0..=i {
                    correlation[i * columns + j] += row[i] * row[j] / freedom;
                }
            }
        }
        for i in 0..columns {
            for j in 0..i {
                correlation[j * columns + i] = correlation[i * columns + j];
            }
        }
        let mut components = eigen::symmetric(correlation, columns);
        let all: f64 = components.iter().map(|(value, _)| value).sum();
        let mut explained = 0.0;
        let fewer = components.iter().position(|(value, _)| {
            explained += value;
            explained >= EXPLAINED * all
        });
        components.truncate(fewer? + 1);
        let mut pca = Self { components, t2_scale: 1.0, spe_scale: 1.0 };
        let (t2, spe): (Vec<f64>, Vec<f64>) = rows.iter().map(|row| pca.statistics(row)).unzip();
        let scale = |values: &[f64]| mean_and_sd(values).map(|(mean, sd)| mean + QUANTILE * sd);
        pca.t2_scale = scale(&t2)?;
        pca.spe_scale = scale(&spe)?;
        // What is left of SPE where nothing is left to explain is rounding.
        if pca.components.len() == columns {
            pca.spe_scale = 0.0;
        }
        (pca.t2_scale > 0.0).then_some(pca)
    }

    /// T² and SPE of a standardised frame.
    fn statistics(&self, z: &[f64]) -> (f64, f64) {
        let (mut t2, mut spe) = (0.0, z.iter().map(|z| z * z).sum::<f64>());
        for (value, loading) in &self.components {
            let t: f64 = loading.iter().zip(z).map(|(p, z)| p * z).sum();
            t2 += t * t / value;
            spe -= t * t;
        }
        (t2, spe.max(0.0))
    }
}

/// Mean and standard deviation (N − 1); `None` of fewer than two.
fn mean_and_sd(values: &[f64]) -> Option<(f64, f64)> {
    let n = f64::from(u32::try_from(values.len()).ok().filter(|n| *n > 1)?);
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 rows of two tags, (±1, ±1), of which 38 have equal signs: means 0, variances 40/39, r = 0.9.
    fn rows() -> Vec<f64> {
        let mut rows = Vec::new();
        for ix in 0..40 {
            let one = if ix % 2 == 0 { 1.0 } else { -1.0 };
            rows.extend([one, if ix < 2 { -one } else { one }]);
        }
        rows
    }

    #[track_caller]
    fn check(actual: f64, expected: f64) {
        // Expected values are written with six digits.
        assert!((actual - expected).abs() < 1e-5 * expected.abs(), "{actual}, not {expected}");
    }

    #[test]
    fn three_sigma_is_the_greatest_distance_in_standard_deviations() {
        let baseline = Baseline::fit(&rows(), 2).unwrap();
        // σ = √(40/39) = 1.01274
        check(baseline.three_sigma(&[3.0, -1.0]), 2.96226);
        check(baseline.three_sigma(&[1.0, -4.0]), 3.94968);
        check(baseline.three_sigma(&[f64::NAN, -4.0]), 3.94968);
        assert!(baseline.three_sigma(&[f64::NAN, f64::NAN]).is_nan());
    }

    #[test]
    fn pca_divides_each_statistic_by_its_own_scale() {
        // λ = 1.9 and 0.1, so one component, (1, 1)/√2, explains 95 %. z² = 39/40 in every row.
        // T² of the 38 rows along it: 2 · 0.975 / 1.9 = 1.02632, of the other two 0: mean 0.975,
        // σ² = (38 · 0.05132² + 2 · 0.975²)/39 = 0.0513158, scale 0.975 + 3.09 · 0.226530 = 1.674977.
        // SPE of the two rows across it: 1.95, of the others 0: mean 0.0975,
        // σ² = (38 · 0.0975² + 2 · 1.8525²)/39 = 0.18525, scale 0.0975 + 3.09 · 0.430407 = 1.427457.
        let baseline = Baseline::fit(&rows(), 2).unwrap();
        // T² = 2 · 4 · 0.975/1.9 = 4.105263, SPE 0.
        check(baseline.plain_pca(&[2.0, 2.0]), 4.105_263 / 1.674_977);
        // SPE = 2 · 0.975 = 1.95, T² 0.
        check(baseline.plain_pca(&[1.0, -1.0]), 1.95 / 1.427_457);
        // z = (√0.975 · 3, 0 for the hole): T² = 4.3875/1.9 = 2.309211, SPE = 4.3875.
        check(baseline.plain_pca(&[3.0, f64::NAN]), 4.3875 / 1.427_457);
        // The smaller one does not count, whichever it is: T² = 18 · 0.975/1.9 · 1.5², SPE small.
        check(baseline.plain_pca(&[4.5, 4.5]), 4.105_263 * 5.0625 / 1.674_977);
    }

    #[test]
    fn columns_that_stand_still_or_have_holes_are_left_out() {
        let mut with_more = Vec::new();
        for (ix, row) in rows().chunks(2).enumerate() {
            let often = if ix % 4 == 0 { f64::NAN } else { f64::from(u8::try_from(ix).unwrap()) };
            with_more.extend([7.0, row[0], often, row[1], f64::NAN]);
        }
        let (plain, more) =
            (Baseline::fit(&rows(), 2).unwrap(), Baseline::fit(&with_more, 5).unwrap());
        let row = [99.0, 2.0, 1e6, 1.5, 3.0];
        check(more.three_sigma(&row), plain.three_sigma(&[2.0, 1.5]));
        check(more.plain_pca(&row), plain.plain_pca(&[2.0, 1.5]));
        assert_eq!(Baseline::fit(&[], 2), None);
        assert_eq!(Baseline::fit(&[7.0, 7.0, 7.0], 1), None);
        assert_eq!(Baseline::fit(&[], 0), None);
    }

    #[test]
    fn too_few_rows_are_no_reason_for_components() {
        let baseline = Baseline::fit(&[0.0, 1.0, 2.0, 0.0], 2).unwrap();
        check(baseline.three_sigma(&[3.0, 0.5]), 2.0 / 2.0_f64.sqrt());
        assert!(baseline.plain_pca(&[3.0, 0.5]).is_nan());
    }
}
