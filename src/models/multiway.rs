//! What batches do along a recipe, and how far one is from it while it is being made.
//!
//! A batch of a recipe moves all the time: its rows say little by themselves, and all the more beside the rows that
//! other batches had so long after their start. Symbols as in the literature (Nomikos and MacGregor 1995): a row of
//! batch i at position k is z = (x − m)/s by the mean and the spread over batches at that position; the rows of a
//! batch side by side are one long row, and P are the loadings of those (multiway PCA, unfolded by batch).
//!
//! Of a batch that is not finished the scores are what its rows so far tell of them. The loadings are taken for those of
//! a probabilistic model (Tipping and Bishop 1999), z = P t + e with t ~ N(0, Λ) and e ~ N(0, Σ), Σ diagonal, so that
//!
//! ```text
//! A = Λ⁻¹ + Σₖ PₖᵀΣₖ⁻¹Pₖ      y = Σₖ PₖᵀΣₖ⁻¹zₖ      t̂ = A⁻¹y      (sums over the positions so far)
//! ```
//!
//! which is a projection of what is missing (Nelson, Taylor and MacGregor 1996) that needs no guess at the start, where
//! t̂ is about zero. A value that is missing has no term in the sums. Residuals that follow each other say the same
//! again: with their correlation ρ, Σ is taken to be (1 + ρ)/(1 − ρ) times as large there.
//!
//! Judged are T² = t̂ᵀΛ⁻¹t̂, and the residual ε = Σₖ^−½ (zₖ − Pₖt̂) in three ways: its squares, smoothed; the square of
//! what it is on the smoothed mean; and that of what it sums up to since the start. They are told as distances, the
//! roots of these: few batches give squares a tail so heavy that a good batch seems to stand out.
//!
//! Position is the time made since the start, or what a column says that rises (or falls) all through each batch, where
//! that tells more of the others ([`indicator`]); or, where somebody tells its phases, the time made in this one behind
//! those before it ([`phases`]). Where batches do not follow a recipe, as on a line whose batch is a
//! stretch of an endless web, the position tells nothing of held-out batches, and there is no such model. It needs no
//! setting.

mod indicator;
mod phases;

use super::calibrate::count;
use super::pca::eigen;
use super::screen::FitError;
use indicator::Clock;
pub(super) use indicator::Courses;
use linfa_linalg::cholesky::SolveCInplace;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice, Zip};
use phases::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// With fewer batches nobody knows what they have in common: of good ones it flagged twice as many as it may.
const BATCHES_AT_LEAST: usize = 20;

/// A batch has more positions than these, or no course.
const POSITIONS_AT_LEAST: usize = 10;

/// Positions at most: of a longer batch some rows together are one. An artifact of 45 columns has 2 MB of them.
const POSITIONS_MAX: usize = 200;

/// The share of a column's variance that the position explains in held-out batches, on the mean over columns: where
/// it is less, batches do not follow a recipe. Blocks of stationary and drifting series are at 0 or below, lines with
/// a steep start to each batch at 0.05, recipes at 0.4 to 1.
const FOLLOWS_RECIPE: f64 = 0.3;

/// Variances are smoothed over so many positions to either side, as a share of all; and so much of each is that of all
/// positions together: few batches do not tell how far one may go at a place.
const NEIGHBOURS: usize = 50;
const POOLED: f64 = 0.1;

/// What is added to the variance of a standardised residual.
const LEAST_RESIDUAL: f64 = 0.01;

/// A standard deviation below this share of the mean's size is rounding.
const LEAST_RELATIVE_SD: f64 = 1e-9;

/// A standardised value counts as no more than this.
const FARTHEST: f64 = 8.0;

/// Components at most, and batches for each at the least.
const COMPONENTS_MAX: usize = 8;
const BATCHES_PER_COMPONENT: usize = 3;

/// An eigenvalue below this is rounding.
const LEAST_EIGENVALUE: f64 = 1e-9;

/// No residuals are taken to follow each other more closely.
const MOST_CORRELATED: f64 = 0.98;

/// The weight of a new position in what is smoothed.
const SMOOTHING: f64 = 0.1;

/// Batches held out in turns: while components are chosen, and while limits are set.
const FOLDS_TO_CHOOSE: usize = 5;
const FOLDS: usize = 10;

/// Where in a batch it is asked how well the rest of it is foretold, in quarters.
const CUTS: [usize; 3] = [1, 2, 3];

/// T², and the residual: its squares, the square of its smoothed mean, that of its sum.
const STATISTICS: usize = 4;

/// What a batch does along its recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Multiway {
    clock: Clock,
    /// What the position explains in held-out batches, on the mean over columns.
    explained: f64,
    course: Components,
    /// The middle of what each distance reached in held-out batches, on the scale of the monitors of rows.
    levels: [f64; STATISTICS],
}

/// A fitted model, and for each batch what it reached over the levels of the others when it was held out.
pub(super) type Fitted = (Multiway, Vec<f64>);

/// A batch that is being made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    gathered: Gathered,
    filter: Filter,
    /// The distances by the last whole position; none before there is one.
    distances: Option<[f64; STATISTICS]>,
}

/// The rows of a position that is not whole yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Gathered {
    /// The sum and number of the values of each column.
    sum: Array1<f64>,
    values: Array1<f64>,
    rows: usize,
    /// The position, and the one that the last row told.
    position: usize,
    told: usize,
    /// Where it is in its phases.
    #[serde(default)]
    place: Place,
}

/// What the positions so far tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Filter {
    positions: usize,
    /// A, components².
    information: Array2<f64>,
    /// What each column gives to y, columns × components.
    weighted: Array2<f64>,
    /// Of the residual of each column: its square, smoothed; its smoothed mean; its sum.
    square: Array1<f64>,
    mean: Array1<f64>,
    sum: Array1<f64>,
}

impl Multiway {
    /// Fits it on batches of so many rows, in the order in which they were made; behind a gap the time does not tell the
    /// place. `None` where they are too few or too short, or do not follow a recipe.
    ///
    /// # Errors
    /// When the eigenvalues do not come.
    pub(super) fn fit<'p>(
        lengths: &[usize],
        courses: &impl Courses<'p>,
    ) -> Result<Option<Fitted>, FitError> {
        if lengths.len() < BATCHES_AT_LEAST {
            return Ok(None);
        }
        let every = usual_length(lengths.iter().copied()).div_ceil(POSITIONS_MAX).max(1);
        let Some((clock, batches, explained)) = indicator::choose(lengths.len(), courses, every)
        else {
            return Ok(None);
        };
        let all: Vec<&Array2<f64>> = batches.iter().collect();
        let components = components(&all)?;
        let mut reached = Vec::with_capacity(all.len());
        for (fold, held_out) in folds(all.len(), FOLDS).enumerate() {
            let model = Unfolded::fit(&without(&all, &held_out))?.cut(components);
            reached.extend(all[held_out].iter().map(|batch| (fold, model.reached(batch))));
        }
        let ratio = |(fold, reached_by_it): &(usize, [f64; STATISTICS])| {
            let over = reached_by_it.iter().zip(levels(&reached, Some(*fold)));
            over.map(|(distance, level)| distance / level).fold(0.0, f64::max)
        };
        let ratios = reached.iter().map(ratio).collect();
        let course = Unfolded::fit(&all)?.cut(components);
        let levels = levels(&reached, None);
        Ok(Some((Self { clock, explained, course, levels }, ratios)))
    }

    /// What the position explains of the variance of columns in held-out batches, on the mean over columns.
    pub(super) fn explained(&self) -> f64 {
        self.explained
    }

    /// The positions of a batch.
    pub(super) fn positions(&self) -> usize {
        self.course.mean.nrows()
    }

    /// The column that tells the position, if it is not the time.
    pub(super) fn indicator(&self) -> Option<usize> {
        self.clock.column()
    }

    /// How many phases tell the position; 0 where none do.
    pub(super) fn phases(&self) -> usize {
        if let Clock::Phases(phases) = &self.clock { phases.count() } else { 0 }
    }

    /// True if the time made tells the position, which it does no more behind a gap.
    pub(super) fn goes_by_time(&self) -> bool {
        matches!(self.clock, Clock::Rows(_))
    }

    /// The levels of the distances.
    pub(super) fn levels(&self) -> &[f64; STATISTICS] {
        &self.levels
    }

    /// Makes ratios to the levels so many times as large.
    pub(super) fn rescale(&mut self, times: f64) {
        self.levels = self.levels.map(|level| level / times);
    }

    /// The start of a batch.
    pub(super) fn start(&self) -> Progress {
        let columns = self.course.mean.ncols();
        let (gathered, filter) = (Gathered::new(columns), self.course.start());
        Progress { gathered, filter, distances: None }
    }

    /// Takes the next row of a batch, NaN where it has no value, and its phase. False if nobody knows any more where the
    /// batch is: there is no use in its next row.
    #[must_use]
    pub(super) fn take(
        &self,
        progress: &mut Progress,
        row: ArrayView1<'_, f64>,
        phase: Option<&Arc<str>>,
    ) -> bool {
        let Progress { gathered, filter, distances } = progress;
        let by_phases = gathered.place(&self.clock, phase);
        if gathered.leaps(&self.clock, row, by_phases) {
            return false;
        }
        gathered.take(&self.clock, (row, by_phases), &mut |position| {
            // After the time that most batches take, what was reached stands.
            if let Some(statistics) = self.course.take(filter, position.view()) {
                *distances = Some(statistics.map(f64::sqrt));
            }
        });
        true
    }

    /// What each column gives to one of the squared distances by now, not below zero.
    pub(super) fn parts(&self, progress: &Progress, statistic: usize) -> Array1<f64> {
        let filter = &progress.filter;
        match statistic {
            0 => self.course.t2_parts(filter),
            1 => filter.square.clone(),
            2 => filter.mean.mapv(|mean| mean * mean),
            _ => filter.sum.mapv(|sum| sum * sum),
        }
    }

    /// True if the numbers fit together, of so many columns.
    pub(super) fn is_sound(&self, columns: usize) -> bool {
        self.clock.is_sound(columns)
            && self.explained.is_finite()
            && self.levels.iter().all(|level| *level > 0.0 && level.is_finite())
            && self.positions() <= 2 * POSITIONS_MAX
            && self.course.is_sound(columns)
    }

    /// True if a batch that was read back is one of this model.
    pub(super) fn fits(&self, progress: &Progress) -> bool {
        let (columns, components) = (self.course.mean.ncols(), self.course.lambda.len());
        let filter = &progress.filter;
        progress.gathered.sum.len() == columns
            && progress.gathered.values.len() == columns
            && match &self.clock {
                Clock::Phases(phases) => phases.has(&progress.gathered.place),
                Clock::Rows(_) | Clock::Column { .. } => true,
            }
            && filter.information.dim() == (components, components)
            && filter.weighted.dim() == (columns, components)
            && [&filter.square, &filter.mean, &filter.sum].iter().all(|one| one.len() == columns)
    }
}

impl Progress {
    /// The distances by the last whole position.
    pub(super) fn distances(&self) -> Option<&[f64; STATISTICS]> {
        self.distances.as_ref()
    }
}

impl Gathered {
    fn new(columns: usize) -> Self {
        let (sum, values) = (Array1::zeros(columns), Array1::zeros(columns));
        Self { sum, values, rows: 0, position: 0, told: 0, place: Place::default() }
    }

    /// The position of the next row by its phase, where phases tell it.
    fn place(&mut self, clock: &Clock, phase: Option<&Arc<str>>) -> Option<usize> {
        if let Clock::Phases(phases) = clock { phases.next(&mut self.place, phase) } else { None }
    }

    /// True if a row, and the one before it, tell of a place that no batch reaches from here: the sensor that tells it has
    /// slipped.
    fn leaps(&self, clock: &Clock, row: ArrayView1<'_, f64>, by_phases: Option<usize>) -> bool {
        let told = clock.position(self.rows, row, by_phases).unwrap_or(self.told).min(self.told);
        told > self.position + clock.leap()
    }

    /// Takes a row; gives the means of each position that is whole now, NaN where it has no value.
    fn take(
        &mut self,
        clock: &Clock,
        (row, by_phases): (ArrayView1<'_, f64>, Option<usize>),
        whole: &mut impl FnMut(Array1<f64>),
    ) {
        // One row alone may be a slip of the sensor; a batch does not go back.
        let told = clock.position(self.rows, row, by_phases).unwrap_or(self.told);
        let before = std::mem::replace(&mut self.told, told);
        let sure = if clock.may_slip() { told.min(before) } else { told };
        while self.position < sure {
            whole(self.close());
        }
        add(&mut self.sum, &mut self.values, row);
        self.rows += 1;
        if clock.ends(self.rows) {
            whole(self.close());
        }
    }

    fn close(&mut self) -> Array1<f64> {
        // Zero over zero is NaN: no value.
        let mean = &self.sum / &self.values;
        self.sum.fill(0.0);
        self.values.fill(0.0);
        self.position += 1;
        mean
    }
}

/// The length that at least half of the batches have.
fn usual_length(lengths: impl Iterator<Item = usize>) -> usize {
    let mut lengths: Vec<usize> = lengths.collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

fn add(sum: &mut Array1<f64>, values: &mut Array1<f64>, row: ArrayView1<'_, f64>) {
    Zip::from(sum).and(values).and(row).for_each(|sum, values, value| {
        if value.is_finite() {
            *sum += value;
            *values += 1.0;
        }
    });
}

/// The means of each position of a batch, of which this is the phase of each row; what is left over at the end is none.
fn positions(
    rows: ArrayView2<'_, f64>,
    phases: &[Option<&Arc<str>>],
    clock: &Clock,
) -> Array2<f64> {
    let columns = rows.ncols();
    let mut gathered = Gathered::new(columns);
    let mut positions = Vec::new();
    for (ix, row) in rows.rows().into_iter().enumerate() {
        let by_phases = gathered.place(clock, phases.get(ix).copied().flatten());
        gathered.take(clock, (row, by_phases), &mut |position| positions.extend(position));
    }
    Array2::from_shape_vec((positions.len() / columns.max(1), columns), positions)
        .expect("each position has a value for each column")
}

/// Neighbouring batches, for they are alike.
fn folds(n: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = parts.min(n).max(1);
    (0..parts).map(move |ix| ix * n / parts..(ix + 1) * n / parts)
}

fn without<'a>(all: &[&'a Array2<f64>], held_out: &Range<usize>) -> Vec<&'a Array2<f64>> {
    let kept = all.iter().enumerate().filter(|(ix, _)| !held_out.contains(ix));
    kept.map(|(_, batch)| *batch).collect()
}

/// The medians of what batches outside a fold reached: one bad batch does not move them.
fn levels(reached: &[(usize, [f64; STATISTICS])], without: Option<usize>) -> [f64; STATISTICS] {
    std::array::from_fn(|ix| {
        let others = reached.iter().filter(|(fold, _)| Some(*fold) != without);
        let mut values: Vec<f64> = others.map(|(_, of)| of[ix]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().filter(|level| *level > 0.0).unwrap_or(1.0)
    })
}

/// The sum, and the number of values, of each column at each position.
fn sums<'a>(
    batches: impl Iterator<Item = &'a Array2<f64>>,
    (positions, columns): (usize, usize),
) -> (Array2<f64>, Array2<f64>) {
    let (mut sum, mut values) =
        (Array2::zeros((positions, columns)), Array2::zeros((positions, columns)));
    for batch in batches {
        for (ix, row) in batch.rows().into_iter().take(positions).enumerate() {
            Zip::from(sum.row_mut(ix)).and(values.row_mut(ix)).and(row).for_each(
                |sum, values, value| {
                    if value.is_finite() {
                        *sum += value;
                        *values += 1.0;
                    }
                },
            );
        }
    }
    (sum, values)
}

/// The share of a column's variance that its mean at a position explains in a batch that is left out of it, on the mean
/// over columns, one of which may be left out. A batch less the mean of the others is n/(n − 1) times the batch less the mean of all.
fn explained(batches: &[Array2<f64>], without: Option<usize>) -> f64 {
    let positions = usual_length(batches.iter().map(Array2::nrows));
    let columns = batches.first().map_or(0, Array2::ncols);
    let (sum, values) = sums(batches.iter(), (positions, columns));
    let overall = sum.sum_axis(Axis(0)) / values.sum_axis(Axis(0));
    let mut left: Array1<f64> = Array1::zeros(overall.len());
    let mut total: Array1<f64> = Array1::zeros(overall.len());
    for batch in batches {
        for ((position, column), value) in
            batch.indexed_iter().filter(|(_, value)| value.is_finite())
        {
            if position < positions {
                let n = values[[position, column]];
                let out = (value - sum[[position, column]] / n) * n / (n - 1.0).max(1.0);
                left[column] += out * out;
                total[column] += (value - overall[column]).powi(2);
            }
        }
    }
    let counted = |(ix, _): &(usize, _)| Some(*ix) != without;
    let shares = left.iter().zip(&total).enumerate().filter(counted);
    let shares = shares
        .map(|(_, (left, total))| if *total > 0.0 { (1.0 - left / total).max(0.0) } else { 0.0 });
    shares.sum::<f64>() / count(overall.len() - usize::from(without.is_some())).max(1.0)
}

/// The components with which the rest of held-out batches is foretold best from a quarter, a half and three quarters.
fn components(batches: &[&Array2<f64>]) -> Result<usize, FitError> {
    let most = COMPONENTS_MAX.min(batches.len() / BATCHES_PER_COMPONENT).max(1);
    let mut errors = vec![0.0; most];
    for held_out in folds(batches.len(), FOLDS_TO_CHOOSE) {
        let unfolded = Unfolded::fit(&without(batches, &held_out))?;
        for (ix, error) in errors.iter_mut().enumerate() {
            let model = unfolded.cut(ix + 1);
            // The mean over the batches of a fold: a last fold that is larger says no more.
            let n = count(held_out.len().max(1));
            let sum: f64 = batches[held_out.clone()].iter().map(|batch| model.error(batch)).sum();
            *error += sum / n;
        }
    }
    let best = (0..most).min_by(|a, b| errors[*a].total_cmp(&errors[*b])).unwrap_or(0);
    Ok(best + 1)
}

/// Means over a position and so many to either side of it.
fn smoothed(values: &Array2<f64>, aside: usize) -> Array2<f64> {
    let n = values.nrows();
    let mut smoothed = Array2::zeros(values.raw_dim());
    for (ix, mut row) in smoothed.rows_mut().into_iter().enumerate() {
        let near = Slice::from(ix.saturating_sub(aside)..(ix + aside + 1).min(n));
        let near = values.slice_axis(Axis(0), near);
        row.assign(&(near.sum_axis(Axis(0)) / count(near.nrows())));
    }
    smoothed
}

/// Variances at positions, of which neighbours and all positions together say something as well.
fn steadied(variances: &Array2<f64>) -> Array2<f64> {
    let n = variances.nrows();
    let all = variances.sum_axis(Axis(0)) / count(n);
    smoothed(variances, (n / NEIGHBOURS).max(1)) * (1.0 - POOLED) + all * POOLED
}

/// Batches, standardised and unfolded: all principal components of them.
struct Unfolded {
    mean: Array2<f64>,
    sd: Array2<f64>,
    /// The positions that each batch has.
    lengths: Vec<usize>,
    /// Batches × (positions × columns); 0 where there is no value.
    z: Array2<f64>,
    /// Of Z Zᵀ, the greatest first.
    eigenvalues: Vec<f64>,
    vectors: Array2<f64>,
}

impl Unfolded {
    fn fit(batches: &[&Array2<f64>]) -> Result<Self, FitError> {
        let positions = usual_length(batches.iter().map(|batch| batch.nrows()));
        let columns = batches.first().map_or(0, |batch| batch.ncols());
        let (sum, values) = sums(batches.iter().copied(), (positions, columns));
        // Where no batch has a value, every one counts as the mean.
        let mean = &sum / &values.mapv(|n| n.max(1.0));
        let mut variance: Array2<f64> = Array2::zeros(mean.raw_dim());
        for batch in batches {
            for ((position, column), value) in batch.indexed_iter() {
                if position < positions && value.is_finite() {
                    variance[[position, column]] += (value - mean[[position, column]]).powi(2);
                }
            }
        }
        Zip::from(&mut variance).and(&values).for_each(|sum, n| *sum /= (n - 1.0).max(1.0));
        let size = mean.mapv(|mean| (LEAST_RELATIVE_SD * mean).powi(2)).sum_axis(Axis(0));
        let sd =
            (steadied(&variance) + (size / count(positions) + f64::MIN_POSITIVE)).mapv(f64::sqrt);
        let lengths: Vec<usize> =
            batches.iter().map(|batch| batch.nrows().min(positions)).collect();
        let columns = mean.ncols();
        let mut z = Array2::zeros((batches.len(), positions * columns));
        for (mut row, batch) in z.rows_mut().into_iter().zip(batches) {
            for ((position, column), value) in batch.indexed_iter() {
                if position < positions && value.is_finite() {
                    let off = value - mean[[position, column]];
                    row[position * columns + column] = standardised(off, sd[[position, column]]);
                }
            }
        }
        let (eigenvalues, vectors) = eigen(&z.dot(&z.t()))?;
        Ok(Self { mean, sd, lengths, z, eigenvalues, vectors })
    }

    /// The model of the first so many components.
    fn cut(&self, components: usize) -> Components {
        let batches = self.lengths.len();
        let real = self.eigenvalues.iter().take_while(|l| **l > LEAST_EIGENVALUE).count();
        let a = components.min(real);
        let (positions, columns) = self.mean.dim();
        let vectors = self.vectors.slice_axis(Axis(1), Slice::from(..a));
        let roots = Array1::from_iter(self.eigenvalues[..a].iter().map(|l| l.sqrt()));
        let loadings = self.z.t().dot(&vectors) / &roots;
        let residuals = &self.z - &(&vectors * &roots).dot(&loadings.t());
        let mut variance: Array2<f64> = Array2::zeros((positions, columns));
        let mut there = Array1::zeros(positions);
        let (mut products, mut squares) = (0.0, 0.0);
        for (row, length) in residuals.rows().into_iter().zip(&self.lengths) {
            for position in 0..*length {
                there[position] += 1.0;
                for column in 0..columns {
                    let ix = position * columns + column;
                    variance[[position, column]] += row[ix] * row[ix];
                    if position > 0 {
                        products += row[ix] * row[ix - columns];
                        squares += row[ix] * row[ix];
                    }
                }
            }
        }
        let left = count(batches.saturating_sub(1 + a).max(1)) / count(batches.max(1));
        let there = there.mapv(|n: f64| n.max(1.0) * left).insert_axis(Axis(1));
        let correlated = if squares > 0.0 { products / squares } else { 0.0 };
        let rho = f64::clamp(correlated, 0.0, MOST_CORRELATED);
        Components {
            mean: self.mean.clone(),
            sd: self.sd.clone(),
            loadings,
            lambda: roots.mapv(|root| root * root / count(batches.saturating_sub(1).max(1))),
            residual: steadied(&(variance / there)) + LEAST_RESIDUAL,
            inflation: (1.0 + rho) / (1.0 - rho),
        }
    }
}

fn standardised(off: f64, sd: f64) -> f64 {
    (off / sd).clamp(-FARTHEST, FARTHEST)
}

/// Some components of a course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Components {
    /// The mean and the spread over batches, positions × columns.
    mean: Array2<f64>,
    sd: Array2<f64>,
    /// P, (positions × columns) × components.
    loadings: Array2<f64>,
    /// Λ, the variances of the scores.
    lambda: Array1<f64>,
    /// The variances of the residuals, positions × columns; and how many times they count in Σ.
    residual: Array2<f64>,
    inflation: f64,
}

impl Components {
    fn start(&self) -> Filter {
        let columns = self.mean.ncols();
        Filter {
            positions: 0,
            information: Array2::from_diag(&self.lambda.mapv(f64::recip)),
            weighted: Array2::zeros((columns, self.lambda.len())),
            square: Array1::ones(columns),
            mean: Array1::zeros(columns),
            sum: Array1::zeros(columns),
        }
    }

    /// The loadings of a position, columns × components.
    fn at(&self, position: usize) -> ArrayView2<'_, f64> {
        let columns = self.mean.ncols();
        let place = Slice::from(position * columns..(position + 1) * columns);
        self.loadings.slice_axis(Axis(0), place)
    }

    /// A row of a position as the model takes it; NaN where it has no value.
    fn standardise(&self, position: usize, row: ArrayView1<'_, f64>) -> Array1<f64> {
        let mut z = &row - &self.mean.row(position);
        z.zip_mut_with(&self.sd.row(position), |z, sd| *z = standardised(*z, *sd));
        z
    }

    /// The scores by what was taken so far; zero where they cannot be told.
    fn scores(&self, filter: &Filter) -> Array1<f64> {
        self.solved(filter, filter.weighted.sum_axis(Axis(0)))
    }

    /// A⁻¹ times a vector; zero where that cannot be told.
    fn solved(&self, filter: &Filter, vector: Array1<f64>) -> Array1<f64> {
        let mut a = filter.information.clone();
        a.solvec_inplace(&mut vector.insert_axis(Axis(1)))
            .map_or_else(|_| Array1::zeros(self.lambda.len()), |t| t.column(0).to_owned())
    }

    /// What each column gives to T² by partial decomposition, t̂ᵀΛ⁻¹A⁻¹ times its part of y, where that is above zero.
    fn t2_parts(&self, filter: &Filter) -> Array1<f64> {
        let scaled = self.scores(filter) / &self.lambda;
        filter.weighted.dot(&self.solved(filter, scaled)).mapv_into(|part| part.max(0.0))
    }

    /// True if the numbers fit together, of so many columns.
    fn is_sound(&self, columns: usize) -> bool {
        let (positions, a) = (self.mean.nrows(), self.lambda.len());
        let shapes = [&self.mean, &self.sd, &self.residual];
        let above_zero = self.sd.iter().chain(&self.residual).chain(&self.lambda);
        shapes.iter().all(|one| one.dim() == (positions, columns))
            && positions > 0
            && self.loadings.dim() == (positions * columns, a)
            && self.mean.iter().chain(&self.loadings).all(|value| value.is_finite())
            && above_zero.chain([&self.inflation]).all(|value| *value > 0.0 && value.is_finite())
    }

    /// Takes the next position. `None` after the last one.
    fn take(&self, filter: &mut Filter, row: ArrayView1<'_, f64>) -> Option<[f64; STATISTICS]> {
        let position = filter.positions;
        if position >= self.mean.nrows() {
            return None;
        }
        let z = self.standardise(position, row);
        let (loadings, variances) = (self.at(position), self.residual.row(position));
        let weighted = filter.weighted.rows_mut();
        for (((z, variance), p), mut y) in
            z.iter().zip(variances).zip(loadings.rows()).zip(weighted)
        {
            if z.is_finite() {
                let weight = 1.0 / (variance * self.inflation);
                y.scaled_add(weight * z, &p);
                for (mut row, own) in filter.information.rows_mut().into_iter().zip(p) {
                    row.scaled_add(weight * own, &p);
                }
            }
        }
        let t = self.scores(filter);
        let mut e = z - loadings.dot(&t);
        // A value that is missing is where it was foretold.
        e.zip_mut_with(&variances, |e, variance| {
            *e = if e.is_finite() { *e / variance.sqrt() } else { 0.0 };
        });
        filter.positions += 1;
        filter.mean.zip_mut_with(&e, |mean, e| *mean += SMOOTHING * (e - *mean));
        filter.sum += &e;
        let t2 = t.iter().zip(&self.lambda).map(|(t, lambda)| t * t / lambda).sum();
        let n = count(filter.positions);
        let columns = count(e.len().max(1));
        let of_sum = filter.sum.iter().map(|sum| sum * sum / n).sum::<f64>() / columns;
        let of_mean = filter.mean.iter().map(|mean| mean * mean).sum::<f64>() / columns;
        filter.square.zip_mut_with(&e, |square, e| *square += SMOOTHING * (e * e - *square));
        let of_squares = filter.square.sum() / columns;
        Some([t2, of_squares, of_mean, of_sum])
    }

    /// The greatest of each distance in a batch.
    fn reached(&self, batch: &Array2<f64>) -> [f64; STATISTICS] {
        let mut filter = self.start();
        let mut reached = [0.0_f64; STATISTICS];
        for statistics in batch.rows().into_iter().map_while(|row| self.take(&mut filter, row)) {
            for (reached, statistic) in reached.iter_mut().zip(statistics) {
                *reached = reached.max(statistic);
            }
        }
        reached.map(f64::sqrt)
    }

    /// The mean squared error with which the rest of a batch is foretold, summed over the cuts.
    fn error(&self, batch: &Array2<f64>) -> f64 {
        let n = batch.nrows().min(self.mean.nrows());
        let cuts = CUTS.map(|cut| (cut * n / (CUTS.len() + 1)).max(1));
        let mut filter = self.start();
        let mut error = 0.0;
        for (ix, row) in batch.rows().into_iter().take(n).enumerate() {
            let _ = self.take(&mut filter, row);
            if cuts.contains(&(ix + 1)) {
                let t = self.scores(&filter);
                let (mut sum, mut values) = (0.0, 0.0);
                for later in ix + 1..n {
                    let off = self.standardise(later, batch.row(later)) - self.at(later).dot(&t);
                    for off in off.iter().filter(|off| off.is_finite()) {
                        sum += off * off;
                        values += 1.0;
                    }
                }
                error += sum / f64::max(values, 1.0);
            }
        }
        error
    }
}

#[cfg(test)]
mod tests;
