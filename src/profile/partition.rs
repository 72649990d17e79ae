//! The variance of scans, divided: along the web (MD), across it (CD), and what is neither.
//!
//! A table of n scans (rows) and m boxes (columns) is taken for a two-way layout with random effects, as
//! the partition of TAPPI TIP 1101-01 is understood to be:
//!
//! σ²_res = MS_res, σ²_MD = max(0, (MS_MD − MS_res) / m), σ²_CD = max(0, (MS_CD − MS_res) / n).

use crate::plant::VarianceForm;

/// A box that is missing in more than this share of the scans is left out.
const MISSING: f64 = 0.2;

/// Rounds in which missing values are worked out, at most; each makes what is wrong smaller by their share of
/// a scan and of a box.
const ROUNDS: usize = 30;

/// They are worked out when a round moves none by more than this share of the mean.
const SETTLED: f64 = 1e-13;

/// Variances, in the unit squared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Partition {
    /// Along the web: from scan to scan.
    pub md: f64,
    /// Across the web: what stays at its box.
    pub cd: f64,
    /// Neither: short variation along, their interaction, the sensor's noise.
    pub residual: f64,
}

/// Divides the variance of scans, oldest first, each with a value for every box and NaN where there is none.
///
/// Boxes that are valid in four fifths of the scans count; what is missing of them is worked out as
/// x̄ᵢ + x̄ⱼ − x̄, and costs the residual a degree of freedom. `None` where there are fewer than two scans or
/// boxes to count, or where a scan has no value at all; of [`VarianceForm::Scan`], which knows one scan only.
#[must_use]
pub fn partition<'r>(
    rows: impl ExactSizeIterator<Item = &'r [f32]> + Clone,
    form: VarianceForm,
) -> Option<Partition> {
    let table = Table::of(rows)?;
    let (n, m) = (table.n, table.m);
    let squares = table.squares();
    let total = squares.md + squares.cd + squares.residual;
    let missing = table.missing.len();
    #[expect(clippy::cast_precision_loss, reason = "scans and boxes, fewer than 2^53")]
    let (rows, columns, cells, left) =
        (n as f64, m as f64, (n * m) as f64, ((n - 1) * (m - 1)).saturating_sub(missing) as f64);
    match form {
        VarianceForm::Anova if left > 0.0 => {
            let residual = squares.residual / left;
            let md = squares.md / (rows - 1.0);
            let cd = squares.cd / (columns - 1.0);
            Some(Partition {
                md: ((md - residual) / columns).max(0.0),
                cd: ((cd - residual) / rows).max(0.0),
                residual,
            })
        }
        VarianceForm::Naive => {
            let md = squares.md / columns / (rows - 1.0);
            let cd = squares.cd / rows / (columns - 1.0);
            let residual = (total / (cells - 1.0) - md - cd).max(0.0);
            Some(Partition { md, cd, residual })
        }
        VarianceForm::Anova | VarianceForm::Scan => None,
    }
}

/// The scans with the boxes that count, row by row, without a gap.
struct Table {
    n: usize,
    m: usize,
    values: Vec<f64>,
    /// Places that were worked out.
    missing: Vec<usize>,
}

/// Sums of squares; their sum is the total one.
struct Squares {
    md: f64,
    cd: f64,
    residual: f64,
}

impl Table {
    fn of<'r>(rows: impl ExactSizeIterator<Item = &'r [f32]> + Clone) -> Option<Self> {
        let n = rows.len();
        let boxes = rows.clone().map(<[f32]>::len).min().unwrap_or(0);
        let mut absent = vec![0_usize; boxes];
        for row in rows.clone() {
            for (absent, value) in absent.iter_mut().zip(row) {
                *absent += usize::from(value.is_nan());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "scans, fewer than 2^53")]
        let counts = |absent: &usize| *absent as f64 <= MISSING * n as f64;
        let columns: Vec<usize> = absent
            .iter()
            .enumerate()
            .filter(|(_, absent)| counts(absent))
            .map(|(ix, _)| ix)
            .collect();
        let m = columns.len();
        if n < 2 || m < 2 {
            return None;
        }
        let values: Vec<f64> =
            rows.flat_map(|row| columns.iter().map(|ix| f64::from(row[*ix]))).collect();
        if values.chunks(m).any(|row| row.iter().all(|value| value.is_nan())) {
            return None;
        }
        let missing: Vec<usize> = values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_nan())
            .map(|(ix, _)| ix)
            .collect();
        let mut table = Self { n, m, values, missing };
        table.fill();
        Some(table)
    }

    /// Works out what is missing: the least-squares values of a layout without interaction.
    fn fill(&mut self) {
        if self.missing.is_empty() {
            return;
        }
        let of_row = |row: &[f64]| super::mean(row.iter().copied()).unwrap_or(0.0);
        let of_rows: Vec<f64> = self.values.chunks(self.m).map(of_row).collect();
        for ix in &self.missing {
            self.values[*ix] = of_rows[ix / self.m];
        }
        for _ in 0..ROUNDS {
            let (rows, columns, grand) = self.means();
            let mut moved = 0.0_f64;
            for ix in &self.missing {
                let value = rows[ix / self.m] + columns[ix % self.m] - grand;
                moved = moved.max((value - self.values[*ix]).abs());
                self.values[*ix] = value;
            }
            if moved <= SETTLED * grand.abs() {
                break;
            }
        }
    }

    /// The means of the scans, of the boxes, and of all.
    #[expect(clippy::cast_precision_loss, reason = "scans and boxes, fewer than 2^53")]
    fn means(&self) -> (Vec<f64>, Vec<f64>, f64) {
        let rows: Vec<f64> =
            self.values.chunks(self.m).map(|row| row.iter().sum::<f64>() / self.m as f64).collect();
        let mut columns = vec![0.0; self.m];
        for row in self.values.chunks(self.m) {
            for (column, value) in columns.iter_mut().zip(row) {
                *column += value / self.n as f64;
            }
        }
        let grand = rows.iter().sum::<f64>() / self.n as f64;
        (rows, columns, grand)
    }

    #[expect(clippy::cast_precision_loss, reason = "scans and boxes, fewer than 2^53")]
    fn squares(&self) -> Squares {
        let (rows, columns, grand) = self.means();
        let about = |means: &[f64]| means.iter().map(|mean| (mean - grand).powi(2)).sum::<f64>();
        let cells = self.values.chunks(self.m).zip(&rows);
        let residual = cells
            .flat_map(|(row, scan)| {
                row.iter().zip(&columns).map(move |(x, column)| (x, scan, column))
            })
            .map(|(x, scan, column)| (x - scan - column + grand).powi(2))
            .sum();
        Squares { md: self.m as f64 * about(&rows), cd: self.n as f64 * about(&columns), residual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: [[f32; 4]; 3] =
        [[15.2, 15.0, 14.8, 15.4], [15.5, 15.1, 15.0, 15.6], [14.9, 14.9, 14.6, 15.2]];

    #[track_caller]
    fn near(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} is not {expected}");
    }

    #[test]
    fn components_are_those_worked_out_by_hand() {
        let rows = || SMALL.iter().map(|row| &row[..]);
        let found = partition(rows(), VarianceForm::Anova).unwrap();
        near(found.residual, 0.006_666_7, 1e-6);
        near(found.md, 0.038_333_3, 1e-6);
        near(found.cd, 0.064_444_4, 1e-6);
        // As they are; here the two have more than all together, and nothing is left.
        let naive = partition(rows(), VarianceForm::Naive).unwrap();
        near(naive.md, 0.04, 1e-6);
        near(naive.cd, 0.066_666_7, 1e-6);
        near(naive.residual, 0.0, 1e-12);
        assert_eq!(partition(rows(), VarianceForm::Scan), None);
        assert_eq!(partition(rows().take(1), VarianceForm::Anova), None);
    }

    #[test]
    fn sums_of_squares_add_up() {
        let table = Table::of(SMALL.iter().map(|row| &row[..])).unwrap();
        let squares = table.squares();
        let total: f64 = table.values.iter().map(|x| (x - 15.1).powi(2)).sum();
        near(squares.md + squares.cd + squares.residual, total, 1e-6);
    }

    /// Twelve scans of ten boxes, of which seven values are missing. The expected numbers are those of another
    /// program, which fits means of scans and boxes to what is there by least squares.
    #[test]
    fn what_is_missing_costs_the_residual_a_degree_of_freedom() {
        const NO: f32 = f32::NAN;
        let scans: [[f32; 10]; 12] = [
            [14.8, 14.59, 15.02, NO, 13.82, 14.66, 14.04, 14.38, 13.77, 14.79],
            [14.95, 14.46, 15.29, 15.28, 14.41, 15.04, 14.02, 14.42, 14.19, 14.98],
            [14.73, 14.47, 15.17, NO, 14.42, 14.71, 13.84, 14.67, 14.15, 14.56],
            [14.8, 14.38, 14.68, 15.22, 14.05, 14.64, 14.07, 13.95, 13.85, 14.52],
            [14.94, 14.16, 14.73, 15.17, NO, NO, 13.65, 14.06, 14.07, 14.35],
            [14.66, 14.22, 14.94, 15.19, 13.96, 14.4, 13.7, 14.36, 13.7, 14.52],
            [15.14, 14.53, 14.96, 15.14, 14.34, 14.7, 14.3, 14.5, 14.09, 15.03],
            [NO, 15.15, 15.39, 15.87, 14.47, 15.24, 14.11, 14.35, 14.42, 15.1],
            [14.94, 14.84, 14.67, 15.08, 14.22, 14.72, 13.87, 14.17, 14.07, 14.84],
            [14.66, 14.33, 14.81, 14.95, 14.19, 14.41, 14.06, 14.21, 13.91, 14.58],
            [15.18, 14.28, 14.91, 15.57, 14.05, 15.09, 13.85, 14.65, 14.06, 15.19],
            [15.19, 14.33, 15.34, 15.74, 14.42, 14.82, 14.12, 14.27, NO, NO],
        ];
        let found = partition(scans.iter().map(|row| &row[..]), VarianceForm::Anova).unwrap();
        near(found.residual, 0.032_028_87, 1e-6);
        near(found.md, 0.028_074_12, 1e-6);
        near(found.cd, 0.197_137_25, 1e-6);
    }

    #[test]
    fn true_components_are_found_again_with_boxes_missing() {
        let mut state = 1_u64;
        let mut uniform = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 32).unwrap()) / 4_294_967_296.0
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let across: Vec<f64> = (0..60).map(|_| 0.5 * normal()).collect();
        let along: Vec<f64> = (0..200).map(|_| 0.8 * normal()).collect();
        let scans: Vec<Vec<f32>> = along
            .iter()
            .map(|along| {
                #[expect(clippy::cast_possible_truncation, reason = "as scans are kept")]
                let scan = across.iter().map(|cd| (15.0 + along + cd + 1.2 * normal()) as f32);
                scan.collect()
            })
            .collect();
        let variance = |values: &[f64]| {
            let mean = super::super::mean(values.iter().copied()).unwrap();
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            squares / (f64::from(u32::try_from(values.len()).unwrap()) - 1.0)
        };
        // Of those that were drawn.
        let (md, cd) = (variance(&along), variance(&across));
        let check = |scans: &[Vec<f32>], what: &str| {
            let rows = scans.iter().map(Vec::as_slice);
            let found = partition(rows, VarianceForm::Anova).unwrap();
            for (is, should) in [(found.md, md), (found.cd, cd), (found.residual, 1.44)] {
                assert!((is / should - 1.0).abs() < 0.1, "{what}: {found:?}, {md}, {cd}");
            }
            found
        };
        let whole = check(&scans, "whole");
        let mut gaps = scans;
        for (ix, scan) in gaps.iter_mut().enumerate() {
            // Each box is missing in a tenth of the scans; one, and it alone, in all: it does not count.
            for box_ in (ix % 10..60).step_by(10) {
                scan[box_] = f32::NAN;
            }
            scan[33] = f32::NAN;
        }
        let found = check(&gaps, "with gaps");
        assert!((found.residual / whole.residual - 1.0).abs() < 0.03, "{found:?} {whole:?}");
    }
}
