//! Canonical variates: what the last rows tell of the next ones, and how far a row is from it.
//!
//! Symbols as in the literature (Larimore 1983; Odiowei and Cao 2010): p the past of a row, its own values
//! and those of the rows before it; f its future, the rows after it; S their covariances. The singular
//! vectors V of Sff^−½ Sfp Spp^−½ turn the whitened past w = Spp^−½ p into the state x = Vᵀw, which
//! foretells the next row as B x. Judged are three squared distances, each about chi-squared: of the state,
//! of what of the whitened past is not the state, and of the whitened innovation, the row less what the state
//! before it foretold. The roots are the symmetric ones, so that an element of w still belongs to one
//! column and one lag: the squares of a distance's elements, summed by column, are its contributions.
//!
//! All that a fit needs of the rows are mean products of windows ([`Moments`]), so that its memory does not
//! grow with the rows, and what is held out is taken away from a sum.

use super::pca::eigen;
use super::screen::FitError;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::ops::Range;

/// The rows of a past, the newest among them, and of a future.
pub(super) const PAST: usize = 3;
const FUTURE: usize = 2;

/// The rows that a window takes.
pub(super) const WINDOW: usize = PAST + FUTURE;

/// What is added to the diagonal of a covariance of standardised columns before its root is taken: a part
/// of the past that hardly varies is no measure of anything.
const RIDGE: f64 = 1e-3;

/// States at most.
const STATES_MAX: usize = 40;

/// A singular value below this is rounding.
const LEAST_SINGULAR: f64 = 1e-6;

/// A state of which the rows show fewer independent values than this, N(1−ρ)/(1+ρ), helps to foretell and is
/// judged only far out, for nobody knows yet how far it may go.
const INDEPENDENT_AT_LEAST: f64 = 30.0;

/// Far out for such a state, in its standard deviations: what lies beyond counts. Of five independent values
/// the next one is beyond once in several hundred times (Student's t).
const FAR_OUT: f64 = 6.0;

/// A standardised value counts as no more than this: one reading that is far off does not decide what the
/// monitor learns, nor does it stay in the smoothed statistics for hours.
const FARTHEST: f64 = 8.0;

/// An eigenvalue of a covariance with ridge is not smaller.
const LEAST_VARIANCE: f64 = RIDGE / 2.0;

/// Sums of products over windows of rows. A window is a row, the rows before it, the newest first, and
/// those after it, the next first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moments {
    windows: f64,
    sum: Array1<f64>,
    products: Array2<f64>,
}

/// Windows that are multiplied at once.
const CHUNK: usize = 256;

impl Moments {
    pub(super) fn new(columns: usize) -> Self {
        let width = WINDOW * columns;
        Self { windows: 0.0, sum: Array1::zeros(width), products: Array2::zeros((width, width)) }
    }

    /// Adds the windows round the rows of `centres` (rows × columns), all of which have to be there whole.
    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    pub(super) fn add(&mut self, rows: ArrayView2<'_, f64>, centres: Range<usize>) {
        let p = rows.ncols();
        let mut begin = centres.start;
        while begin < centres.end {
            let end = (begin + CHUNK).min(centres.end);
            let mut windows = Array2::zeros((end - begin, WINDOW * p));
            for place in 0..WINDOW {
                let (first, last) = if place < PAST {
                    (begin - place, end - place)
                } else {
                    (begin + place + 1 - PAST, end + place + 1 - PAST)
                };
                let columns = Slice::from(place * p..(place + 1) * p);
                windows
                    .slice_axis_mut(Axis(1), columns)
                    .assign(&rows.slice_axis(Axis(0), Slice::from(first..last)));
            }
            self.windows += (end - begin) as f64;
            self.sum += &windows.sum_axis(Axis(0));
            general_mat_mul(1.0, &windows.t(), &windows, 1.0, &mut self.products);
            begin = end;
        }
    }

    /// The rows of a run of rows round which there is a whole window.
    pub(super) fn centres(run: Range<usize>) -> Range<usize> {
        let end = run.end.saturating_sub(FUTURE);
        (run.start + PAST - 1).min(end)..end
    }

    /// What is left without these windows.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self {
            windows: self.windows - other.windows,
            sum: &self.sum - &other.sum,
            products: &self.products - &other.products,
        }
    }

    pub(super) fn windows(&self) -> f64 {
        self.windows
    }

    /// The means of the columns.
    fn mean(&self) -> Array1<f64> {
        let columns = self.sum.len() / WINDOW;
        &self.sum.slice_axis(Axis(0), Slice::from(..columns)) / self.windows
    }

    /// The covariance of windows about these means of the columns.
    fn covariance(&self, centre: &Array1<f64>) -> Array2<f64> {
        let centre = Array1::from_iter((0..WINDOW).flat_map(|_| centre.iter().copied()));
        let off = &self.sum / self.windows - &centre;
        let column = centre.view().insert_axis(Axis(1));
        let mean = &off.view().insert_axis(Axis(0)) + &centre;
        // E[(q−c)(q−c)ᵀ] = E[qqᵀ] − c E[q]ᵀ − E[q−c] cᵀ
        &self.products / self.windows
            - &column * &mean
            - &off.view().insert_axis(Axis(1)) * &centre.view().insert_axis(Axis(0))
    }
}

/// All canonical variates of some windows, the most telling first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Canonical {
    windows: f64,
    centre: Array1<f64>,
    covariance: Array2<f64>,
    whitener: Array2<f64>,
    directions: Array2<f64>,
    forecast: Array2<f64>,
}

impl Canonical {
    /// Fits them. `may` is the variance by which the level of each column may move beyond what it did: before a
    /// window, and then all of it moves together; or in a step at any of the four places within.
    ///
    /// # Errors
    /// When the eigenvalues do not come.
    pub(super) fn fit(moments: &Moments, may: &Array1<f64>) -> Result<Self, FitError> {
        let centre = moments.mean();
        let mut covariance = moments.covariance(&centre);
        let p = centre.len();
        for (column, variance) in may.iter().enumerate() {
            for (a, b) in (0..WINDOW * WINDOW).map(|ix| (ix / WINDOW, ix % WINDOW)) {
                covariance[[a * p + column, b * p + column]] += variance * (1.0 + steps(a, b));
            }
        }
        let past = PAST * p;
        let next = past..past + p;
        let future = past..covariance.nrows();
        let spp = block(&covariance, 0..past, 0..past);
        let sfp = block(&covariance, future.clone(), 0..past);
        let whitener = inverse_root(spp)?;
        let h = inverse_root(block(&covariance, future.clone(), future))?.dot(&sfp).dot(&whitener);
        // The left singular vectors of H are the eigenvectors of the smaller product H Hᵀ.
        let (squares, left) = eigen(&h.dot(&h.t()))?;
        let most = squares.iter().take_while(|s| s.sqrt() > LEAST_SINGULAR).count();
        let states = most.clamp(1, STATES_MAX).min(squares.len());
        let singular =
            Array1::from_iter(squares[..states].iter().map(|s| s.sqrt().max(LEAST_SINGULAR)));
        let directions = h.t().dot(&left.slice_axis(Axis(1), Slice::from(..states))) / &singular;
        let forecast = block(&covariance, next, 0..past).dot(&whitener).dot(&directions);
        let windows = moments.windows;
        Ok(Self { windows, centre, covariance, whitener, directions, forecast })
    }

    /// The most states there may be.
    pub(super) fn states(&self) -> usize {
        self.directions.ncols()
    }

    /// The mean squared error with which 0, 1, 2, … states foretell the next row of these windows, summed
    /// over the columns.
    pub(super) fn one_step_errors(&self, held_out: &Moments) -> Vec<f64> {
        let covariance = held_out.covariance(&self.centre);
        let p = self.centre.len();
        let past = PAST * p;
        let to_state = self.whitener.dot(&self.directions);
        let states = to_state.t().dot(&block(&covariance, 0..past, 0..past)).dot(&to_state);
        let next = block(&covariance, past..past + p, 0..past).dot(&to_state);
        let both = self.forecast.t().dot(&self.forecast);
        let mut errors = vec![block(&covariance, past..past + p, past..past + p).diag().sum()];
        // ‖z − Bx‖² grows by the row and column of each state more.
        for k in 0..self.states() {
            let cross = (&self.forecast.column(k) * &next.column(k)).sum();
            let before: f64 = (0..k).map(|j| both[[j, k]] * states[[j, k]]).sum();
            let change = both[[k, k]] * states[[k, k]] + 2.0 * before - 2.0 * cross;
            errors.push(errors[k] + change);
        }
        errors
    }

    /// The monitor of the first so many states.
    ///
    /// # Errors
    /// When the eigenvalues do not come.
    pub(super) fn cut(&self, states: usize) -> Result<Cva, FitError> {
        let p = self.centre.len();
        let past = PAST * p;
        let first = |of: &Array2<f64>| of.slice_axis(Axis(1), Slice::from(..states)).to_owned();
        let directions = first(&self.directions);
        let forecast = first(&self.forecast);
        let spp = block(&self.covariance, 0..past, 0..past);
        let white = self.whitener.dot(&spp).dot(&self.whitener);
        let to_state = self.whitener.dot(&directions);
        let variances = to_state.t().dot(&spp).dot(&to_state);
        // The past one row later: the next row, and all but the oldest of this past.
        let later: Vec<usize> = (past..past + p).chain(0..past - p).collect();
        let lagged = self.covariance.select(Axis(0), &later);
        let lagged = to_state.t().dot(&block(&lagged, 0..past, 0..past)).dot(&to_state);
        let is_judged = |ix: usize| {
            let rho = lagged[[ix, ix]] / variances[[ix, ix]].max(LEAST_VARIANCE);
            self.windows * (1.0 - rho) / (1.0 + rho).max(LEAST_VARIANCE) >= INDEPENDENT_AT_LEAST
        };
        let judged: Vec<usize> = (0..states).filter(|ix| is_judged(*ix)).collect();
        let next = block(&self.covariance, past..past + p, 0..past).dot(&to_state);
        let foretold = forecast.dot(&next.t());
        let error =
            &block(&self.covariance, past..past + p, past..past + p) - &foretold - foretold.t()
                + forecast.dot(&variances).dot(&forecast.t());
        let innovation = inverse_root(error.view())?;
        let of_state = directions.select(Axis(1), &judged);
        let of_state = of_state.dot(&of_state.t());
        let rest = Array2::eye(past) - directions.dot(&directions.t());
        let spread = |m: &Array2<f64>, s: &Array2<f64>| m.dot(s).dot(&m.t()).diag().to_owned();
        let means = [
            by_column(spread(&of_state, &white).view(), p),
            by_column(spread(&rest, &white).view(), p),
            spread(&innovation, &error),
        ];
        Ok(Cva {
            centre: self.centre.clone(),
            whitener: self.whitener.clone(),
            directions,
            forecast,
            innovation,
            judged,
            means,
        })
    }
}

/// The covariance of two places of a window under a step of variance 1 that is as likely at each of the places
/// between rows: the share of them that lie before both.
#[expect(clippy::cast_precision_loss, reason = "places of a window")]
fn steps(a: usize, b: usize) -> f64 {
    let time = |place: usize| if place < PAST { PAST - 1 - place } else { place };
    time(a).min(time(b)) as f64 / (WINDOW - 1) as f64
}

/// A row as the monitor takes it.
pub(super) fn clipped(row: ArrayView1<'_, f64>) -> Array1<f64> {
    row.mapv(|z| z.clamp(-FARTHEST, FARTHEST))
}

/// A fitted monitor of rows in time. Rows are standardised as its PCA does it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cva {
    /// The means of the columns in the windows.
    centre: Array1<f64>,
    /// Spp^−½, symmetric: (past × columns)².
    whitener: Array2<f64>,
    /// V, (past × columns) × states.
    directions: Array2<f64>,
    /// B, columns × states.
    forecast: Array2<f64>,
    /// The symmetric inverse root of the innovation's covariance, columns².
    innovation: Array2<f64>,
    /// The states that are judged all the way, and not only far out.
    judged: Vec<usize>,
    /// What each column contributes to each statistic in control.
    means: [Array1<f64>; 3],
}

/// The last rows, and the state after them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Past {
    /// The newest first.
    rows: VecDeque<Array1<f64>>,
    state: Option<Array1<f64>>,
}

/// What is measured of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// The squared distances of state, residual and innovation.
    pub(super) values: [f64; 3],
    /// The contribution of each column to each, over its mean in control.
    pub(super) parts: [Array1<f64>; 3],
}

impl Cva {
    /// The number of states, and of those that are judged.
    pub(super) fn states(&self) -> (usize, usize) {
        (self.directions.ncols(), self.judged.len())
    }

    /// Takes the next row (standardised, whole). `None` until the past is whole and foretold the row.
    pub(super) fn take(&self, past: &mut Past, row: ArrayView1<'_, f64>) -> Option<Measured> {
        let row = clipped(row) - &self.centre;
        let error = past.state.take().map(|state| &row - &self.forecast.dot(&state));
        past.rows.push_front(row);
        past.rows.truncate(PAST);
        if past.rows.len() < PAST {
            return None;
        }
        let p = self.centre.len();
        let w = Array1::from_iter(past.rows.iter().flatten().copied());
        let w = self.whitener.dot(&w);
        let state = self.directions.t().dot(&w);
        let rest = &w - &self.directions.dot(&state);
        let mut of_state = Array1::zeros(w.len());
        for (ix, value) in state.iter().enumerate() {
            let beyond = if self.judged.contains(&ix) { 0.0 } else { FAR_OUT };
            let counts = value - value.clamp(-beyond, beyond);
            of_state.scaled_add(counts, &self.directions.column(ix));
        }
        past.state = Some(state);
        let innovation = self.innovation.dot(&error?);
        let squares = [
            by_column(of_state.mapv_into(|v| v * v).view(), p),
            by_column(rest.mapv_into(|v| v * v).view(), p),
            innovation.mapv_into(|v| v * v),
        ];
        let values = squares.each_ref().map(Array1::sum);
        let mut parts = squares;
        for (part, mean) in parts.iter_mut().zip(&self.means) {
            part.zip_mut_with(mean, |v, mean| *v = if *mean > RIDGE { *v / *mean } else { 0.0 });
        }
        Some(Measured { values, parts })
    }

    /// True if the numbers fit together, for so many columns.
    pub(super) fn is_sound(&self, columns: usize) -> bool {
        let (states, past) = (self.directions.ncols(), PAST * columns);
        self.centre.len() == columns
            && self.whitener.dim() == (past, past)
            && self.directions.nrows() == past
            && self.forecast.dim() == (columns, states)
            && self.innovation.dim() == (columns, columns)
            && self.judged.iter().all(|ix| *ix < states)
            && self.means.iter().all(|means| means.len() == columns)
            && (self.centre.iter().chain(&self.whitener).chain(&self.directions))
                .chain(self.forecast.iter().chain(&self.innovation))
                .chain(self.means.iter().flatten())
                .all(|v| v.is_finite())
    }
}

impl Past {
    /// True if these are rows and a state of so many columns and states.
    pub(super) fn fits(&self, columns: usize, states: usize) -> bool {
        self.rows.iter().all(|row| row.len() == columns)
            && self.state.as_ref().is_none_or(|state| state.len() == states)
    }
}

/// A block of a matrix.
fn block(of: &Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f64> {
    let (rows, columns) = (Slice::from(rows), Slice::from(columns));
    of.slice_axis(Axis(0), rows).slice_axis_move(Axis(1), columns)
}

/// Sums the elements of a past by column.
fn by_column(elements: ArrayView1<'_, f64>, columns: usize) -> Array1<f64> {
    let mut sums = Array1::zeros(columns);
    for chunk in elements.exact_chunks(columns) {
        sums += &chunk;
    }
    sums
}

/// (S + ridge)^−½, symmetric.
fn inverse_root(s: ArrayView2<'_, f64>) -> Result<Array2<f64>, FitError> {
    let mut s = s.to_owned();
    s.diag_mut().mapv_inplace(|d| d + RIDGE);
    let (values, vectors) = eigen(&s)?;
    let roots = Array1::from_iter(values.iter().map(|v| 1.0 / v.max(LEAST_VARIANCE).sqrt()));
    Ok((&vectors * &roots).dot(&vectors.t()))
}

#[cfg(test)]
mod tests;
