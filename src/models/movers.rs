//! Which columns moved otherwise than the others tell, and where the others would have them.
//!
//! Of a standardised row z with the covariance S in control and Ω = S⁻¹, the residual of column j given all the
//! others is (Ωz)ⱼ/Ωⱼⱼ, of variance 1/Ωⱼⱼ. Its square over that variance is the reconstruction-based
//! contribution of the column to zᵀΩz (Alcala and Qin 2009), by which a single column that is wrong stands out.
//! What is smoothed is the square, never the value: a loop that swings about its set point moves too. How far a
//! column may go is told by the rows of the batches to fit, but for the one in which it went furthest: the first to
//! move is the one furthest beyond it. To order columns by when they left it names fewer of them rightly.
//!
//! Rows count by how far they are from where the plant has been in the last hours: what was set or drifted long ago
//! is not what moves now. Where operators may set a column, any place in their window is as likely as another.
//!
//! A column that moved pulls the residuals of those that go with it. So the others are asked in turn whether they are
//! off when all that were named before them are left out.

use super::dynamic::frames_in_row;
use super::pca::Pca;
use super::screen::{FitError, Screened};
use linfa_linalg::cholesky::{InverseC, SolveCInplace};
use ndarray::{Array1, Array2, Axis, Slice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The time constant of where the plant has been, s.
const LATELY_S: f64 = 7200.0;

/// The variance of a column that may be anywhere in a window, over the square of half of it.
const ANYWHERE: f64 = 1.0 / 3.0;

/// The time constants of the smoothing, s: for what jumps, what slides, and what creeps.
const TAU_S: [f64; 3] = [60.0, 300.0, 1200.0];

/// What is added to the variance of each standardised column before the covariance is inverted: columns that add
/// up to each other say the same, to within their noise.
const RIDGE: f64 = 0.01;

/// A standardised value, and a residual in its deviations, count as no more than this.
const FARTHEST: f64 = 30.0;
const FARTHEST_RESIDUAL: f64 = 15.0;

/// The share of the rows fitted on that lie within the limit of a column, and how many rows are asked.
const WITHIN: f64 = 0.999;
const ASKED: usize = 4000;

/// Of so many batches the one in which a column went furthest does not say how far it goes: something may have been
/// wrong with it there.
const TRIMMED_FROM: usize = 10;

/// Of more columns nothing is told: a row takes the square of them in time.
const COLUMNS_MAX: usize = 250;

/// Columns that are asked at most.
const MOST: usize = 10;

/// A column that is not so many deviations off without those named before it has not moved by itself.
const BY_ITSELF: f64 = 3.0;

/// Which of the time constants the level has by which that is asked.
const LEVEL: usize = 1;

/// What each column does in control that the others do not tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Movers {
    /// The deviation of each column, over the one that the model takes.
    #[serde(skip)]
    spread: Array1<f64>,
    /// Ω, columns².
    #[serde(skip)]
    precision: Array2<f64>,
    /// For each column the limit of each smoothed square.
    limits: Vec<[f64; TAU_S.len()]>,
    /// The weight of a new row in each.
    weights: [f64; TAU_S.len()],
    /// The weight of a new row in where the plant has been.
    lately: f64,
    /// The frames in a row.
    every: usize,
}

/// What moves while columns are watched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Moving {
    /// The sum of the standardised frames of the row that is not whole yet, their number, and the columns that one
    /// of them lacked.
    sum: Option<Array1<f64>>,
    frames: usize,
    lacking: Vec<usize>,
    /// Where the plant has been until the last row, in deviations of the columns.
    been: Option<Array1<f64>>,
    /// The last whole row, from there.
    row: Option<Array1<f64>>,
    /// The rows, smoothed.
    level: Option<Array1<f64>>,
    /// The columns that it lacked, filled in from the others: they are not told.
    lacked: Vec<usize>,
    /// For each column its smoothed squares.
    squares: Vec<[f64; TAU_S.len()]>,
    /// For each column the frames since it went beyond its limit.
    beyond: Vec<u64>,
}

/// A column that moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Its position in the columns of the table.
    pub column: usize,
    /// How far it went, over how far it goes in control.
    pub ratio: f64,
    /// False if it only goes with those that are told before it.
    pub by_itself: bool,
    /// The frames since it went beyond that.
    pub frames: u64,
    /// What it was over the last row, in its unit.
    pub value: f64,
    /// What it should have been by the columns that did not move, in its unit.
    pub expected: f64,
}

impl Movers {
    /// Fits them on the rows of a model, with its scales; `None` for more columns than are looked at.
    ///
    /// # Errors
    /// When the covariance cannot be inverted.
    pub(super) fn fit(
        screened: &Screened,
        pca: &Pca,
        frame_s: f64,
    ) -> Result<Option<Self>, FitError> {
        if pca.mean.len() > COLUMNS_MAX {
            return Ok(None);
        }
        let every = frames_in_row(frame_s);
        #[expect(clippy::cast_precision_loss, reason = "frames in a row are few")]
        let row_s = frame_s * every as f64;
        let weight = |tau: f64| 1.0 - libm::exp(-row_s / tau);
        let (weights, lately) = (TAU_S.map(weight), weight(LATELY_S));
        let (limits, spread, precision) = Default::default();
        let mut movers = Self { spread, precision, limits, weights, lately, every };
        movers.prepare(pca)?;
        movers.limits = movers.limits_of(screened, pca);
        Ok(Some(movers))
    }

    /// Makes what follows from the covariance of a model, after they were read back.
    ///
    /// # Errors
    /// When it cannot be inverted.
    pub(super) fn prepare(&mut self, pca: &Pca) -> Result<(), FitError> {
        self.spread = pca.correlation.diag().mapv(|variance| variance.max(ANYWHERE).sqrt());
        let spread = self.spread.view();
        let sides = &spread.insert_axis(Axis(1)) * &spread.insert_axis(Axis(0));
        let mut correlation = &pca.correlation / &sides;
        correlation.diag_mut().mapv_inplace(|variance| variance.max(1.0) + RIDGE);
        let inverted = correlation.invc();
        self.precision = inverted.map_err(|_| FitError::NotConverged(self.spread.len()))?;
        Ok(())
    }

    /// How far the smoothed squares of each column go in the rows fitted on.
    fn limits_of(&self, screened: &Screened, pca: &Pca) -> Vec<[f64; TAU_S.len()]> {
        let p = pca.mean.len();
        let stride = (screened.rows.nrows() / self.every).div_ceil(ASKED).max(1);
        let mut asked: Vec<[Vec<(usize, f64)>; TAU_S.len()]> = vec![Default::default(); p];
        let mut rows = 0;
        let mut been = Array1::zeros(p);
        let mut squares = vec![[1.0; TAU_S.len()]; p];
        for (begin, end) in &screened.runs {
            let block = screened.blocks.partition_point(|(first, _)| first <= begin);
            // A batch goes on from the one before it, a run within a batch does not.
            if screened.blocks.get(block.wrapping_sub(1)).is_none_or(|(first, _)| first != begin) {
                squares.fill([1.0; TAU_S.len()]);
            }
            for first in (*begin..*end).step_by(self.every).filter(|ix| ix + self.every <= *end) {
                let part = Slice::from(first..first + self.every);
                let part = screened.rows.slice_axis(Axis(0), part);
                let mean = part.mean_axis(Axis(0)).expect("a row has a frame");
                let row = counted(&self.deviations(pca.standardise(mean.view()), &been));
                been.scaled_add(self.lately, &row);
                self.smooth(&mut squares, &self.surprises(&row), &[]);
                rows += 1;
                if rows % stride == 0 {
                    for (asked, squares) in asked.iter_mut().zip(&squares) {
                        for (asked, square) in asked.iter_mut().zip(squares) {
                            asked.push((block, *square));
                        }
                    }
                }
            }
        }
        asked.into_iter().map(|asked| asked.map(|values| furthest(values).max(1.0))).collect()
    }

    /// A standardised row in deviations from where the plant has been.
    fn deviations(&self, row: Array1<f64>, been: &Array1<f64>) -> Array1<f64> {
        row / &self.spread - been
    }

    /// The residual of each column of a row given the others, in its deviations.
    fn surprises(&self, row: &Array1<f64>) -> Array1<f64> {
        let mut residuals = self.precision.dot(row);
        residuals.zip_mut_with(&self.precision.diag(), |residual, own| {
            *residual = (*residual / own.sqrt()).clamp(-FARTHEST_RESIDUAL, FARTHEST_RESIDUAL);
        });
        residuals
    }

    fn smooth(
        &self,
        squares: &mut [[f64; TAU_S.len()]],
        residuals: &Array1<f64>,
        lacking: &[usize],
    ) {
        for (ix, (squares, residual)) in squares.iter_mut().zip(residuals).enumerate() {
            if lacking.contains(&ix) {
                // Of a column that comes back nobody knows where it was meanwhile.
                *squares = [1.0; TAU_S.len()];
                continue;
            }
            for (square, weight) in squares.iter_mut().zip(self.weights) {
                *square += weight * (residual * residual - *square);
            }
        }
    }

    /// How far a column is, over how far it goes in control.
    fn ratio(&self, moving: &Moving, column: usize) -> f64 {
        let over = moving.squares[column].iter().zip(&self.limits[column]);
        over.map(|(square, limit)| square / limit).fold(0.0, f64::max).sqrt()
    }

    /// Takes a frame, standardised and filled in where the columns `lacking` have no value.
    pub(super) fn take(&self, moving: &mut Moving, frame: &Array1<f64>, lacking: &[usize]) {
        if moving.squares.is_empty() {
            moving.squares = vec![[1.0; TAU_S.len()]; self.limits.len()];
            moving.beyond = vec![0; self.limits.len()];
        }
        moving.pass();
        for ix in lacking {
            if !moving.lacking.contains(ix) {
                moving.lacking.push(*ix);
            }
        }
        match &mut moving.sum {
            Some(sum) => *sum += frame,
            None => moving.sum = Some(frame.clone()),
        }
        moving.frames += 1;
        if moving.frames < self.every {
            return;
        }
        let Some(sum) = moving.sum.take() else { return };
        #[expect(clippy::cast_precision_loss, reason = "frames in a row are few")]
        let sum = sum / moving.frames as f64;
        let been = moving.been.get_or_insert_with(|| Array1::zeros(sum.len()));
        if let Some(before) = &moving.row {
            been.scaled_add(self.lately, &counted(before));
        }
        let row = self.deviations(sum, been);
        moving.lacked = std::mem::take(&mut moving.lacking);
        let counted = counted(&row);
        self.smooth(&mut moving.squares, &self.surprises(&counted), &moving.lacked);
        match &mut moving.level {
            Some(level) => *level += &((counted - &*level) * self.weights[LEVEL]),
            None => moving.level = Some(counted),
        }
        moving.row = Some(row);
        moving.frames = 0;
        for column in 0..moving.beyond.len() {
            let is_beyond = self.ratio(moving, column) > 1.0;
            let beyond = &mut moving.beyond[column];
            *beyond = match *beyond {
                _ if !is_beyond => 0,
                0 => self.every as u64,
                frames => frames,
            };
        }
    }

    /// The columns that went further than so many of their limits, the furthest first of those that moved by
    /// themselves, and then of those that went with them.
    pub(super) fn told(
        &self,
        moving: &Moving,
        least: f64,
        (pca, used): (&Pca, &[usize]),
    ) -> Vec<Moved> {
        let seen = moving.row.as_ref().zip(moving.been.as_ref()).zip(moving.level.as_ref());
        let Some(((row, been), level)) = seen else { return Vec::new() };
        let mut beyond: Vec<(usize, f64)> = (0..moving.squares.len())
            .filter(|column| !moving.lacked.contains(column))
            .map(|column| (column, self.ratio(moving, column)))
            .filter(|(_, ratio)| *ratio > least)
            .collect();
        beyond.sort_by(|a, b| b.1.total_cmp(&a.1));
        beyond.truncate(MOST);
        let mut alone: Vec<usize> = Vec::new();
        for (column, _) in &beyond {
            alone.push(*column);
            if alone.len() > 1 && !self.is_off_by_itself(level, &alone) {
                alone.pop();
            }
        }
        // Stable: within each of the two the order stays.
        beyond.sort_by_key(|(column, _)| !alone.contains(column));
        let told = beyond.into_iter().map(|(column, ratio)| {
            let by_itself = alone.iter().position(|one| *one == column);
            let off = match by_itself {
                Some(place) => self.off(row, &alone)[place],
                None => self.off(row, &[&alone[..], &[column]].concat())[alone.len()],
            };
            let sd = pca.sd[column] * self.spread[column];
            let value = pca.mean[column] + sd * (been[column] + row[column]);
            Moved {
                column: used[column],
                ratio,
                by_itself: by_itself.is_some(),
                frames: moving.beyond[column],
                value,
                expected: value - sd * off,
            }
        });
        told.collect()
    }

    /// How far some columns of a row are from what all the others tell of them together:
    /// z − E(z | others) = Ω₁₁⁻¹ (Ωz)₁, where 1 marks these columns.
    fn off(&self, row: &Array1<f64>, columns: &[usize]) -> Array1<f64> {
        let sides = columns.iter().map(|column| self.precision.row(*column).dot(row));
        self.solve(columns, Array1::from_iter(sides))
    }

    /// True if the last of some columns is off, in its deviations, when all of them are left out.
    fn is_off_by_itself(&self, level: &Array1<f64>, columns: &[usize]) -> bool {
        let last = columns.len() - 1;
        let mut unit = Array1::zeros(columns.len());
        unit[last] = 1.0;
        // The covariance of these given the others is Ω₁₁⁻¹.
        let variance = self.solve(columns, unit)[last];
        self.off(level, columns)[last].powi(2) > BY_ITSELF * BY_ITSELF * variance
    }

    /// x in Ω₁₁ x = b, where 1 marks these columns.
    fn solve(&self, columns: &[usize], b: Array1<f64>) -> Array1<f64> {
        let mut among = self.precision.select(Axis(0), columns).select(Axis(1), columns);
        let solved = among.solvec_into(b.insert_axis(Axis(1)));
        // A part of a positive definite matrix is positive definite; of one that is not, nothing is told.
        solved.map_or_else(|_| Array1::zeros(columns.len()), |x| x.column(0).to_owned())
    }

    /// True if its numbers are of so many columns and can be.
    pub(super) fn are_sound(&self, columns: usize) -> bool {
        let limits = self.limits.iter().flatten().all(|limit| *limit > 0.0 && limit.is_finite());
        let weights = self.weights.iter().chain([&self.lately]);
        let weights = weights.into_iter().all(|weight| *weight > 0.0 && *weight <= 1.0);
        self.limits.len() == columns && self.every > 0 && limits && weights
    }
}

impl Moving {
    /// What comes does not follow what was; where the plant has been is known all the same.
    #[must_use]
    pub(super) fn anew(self) -> Self {
        Self { been: self.been, ..Self::default() }
    }

    /// A frame could not be used.
    pub(super) fn pass_over(&mut self) {
        self.sum = None;
        self.frames = 0;
        self.lacking.clear();
        self.pass();
    }

    fn pass(&mut self) {
        for frames in self.beyond.iter_mut().filter(|frames| **frames > 0) {
            *frames += 1;
        }
    }

    /// True if all of it is of so many columns.
    pub(super) fn fits(&self, columns: usize) -> bool {
        let all = |n: usize| n == columns;
        let within = |of: &[usize]| of.iter().all(|ix| *ix < columns);
        self.sum.as_ref().is_none_or(|sum| all(sum.len()))
            && self.been.as_ref().is_none_or(|been| all(been.len()))
            && self.row.as_ref().is_none_or(|row| all(row.len()))
            && self.level.as_ref().is_none_or(|level| all(level.len()))
            && (self.squares.is_empty() || all(self.squares.len()))
            && self.squares.len() == self.beyond.len()
            && within(&self.lacking)
            && within(&self.lacked)
    }
}

/// A row as it counts.
fn counted(row: &Array1<f64>) -> Array1<f64> {
    row.mapv(|z| z.clamp(-FARTHEST, FARTHEST))
}

/// The value that [`WITHIN`] of these do not exceed; each stands beside the batch that it is of.
fn furthest(mut values: Vec<(usize, f64)>) -> f64 {
    let batches: BTreeSet<usize> = values.iter().map(|(batch, _)| *batch).collect();
    let worst = values.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(batch, _)| *batch);
    if batches.len() >= TRIMMED_FROM {
        values.retain(|(batch, _)| Some(*batch) != worst);
    }
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count of rows"
    )]
    let rank = (values.len() as f64 * WITHIN).ceil() as usize;
    values.get(rank.saturating_sub(1)).map_or(1.0, |(_, value)| *value)
}

#[cfg(test)]
mod tests;
