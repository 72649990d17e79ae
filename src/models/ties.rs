//! What ties tags to each other: each tied tag as a sum of a few others, learned and tried on later batches.
//!
//! Symbols: z the standardised minute means; a tie is zᵢ ≈ Σ wⱼ zⱼ over a few j, and its residual rᵢ = zᵢ − Σ wⱼ zⱼ.
//! Which tags are tied is declared (two instruments of one speed, flows that add up), or found where it is
//! unmistakable. A relation among set points looks like a tie until the first operator moves one of them: that is
//! why a tie that is found has to hold almost exactly, in batches that it was not found in, and is not looked for
//! among the tags that operators set.
//!
//! The limits are what the residuals, smoothed, reached in later batches than those fitted on, and a margin: a limit
//! has to hold in a mill that moves on.

use super::screen::Screened;
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The length of the means that ties are learned from, s; one frame where frames are longer.
const MINUTE_S: f64 = 60.0;

/// Time constants of the smoothing of residuals, s, and of the baseline.
pub(super) const QUICK_S: f64 = 180.0;
pub(super) const SLOW_S: f64 = 900.0;
pub(super) const BASELINE_S: f64 = 14_400.0;

/// What is added to the diagonal of the correlation matrix.
const RIDGE: f64 = 0.001;

/// The share of a tag's variance, in batches not fitted on, that a tie has to explain to be found.
const UNMISTAKABLE: f64 = 0.95;

/// Tags in a tie that is found, at most; the next one has to take away so much of what is left.
const FOUND_MAX: usize = 3;
const WORTH: f64 = 0.2;

/// The limits are so many times the greatest residual of later batches.
const MARGIN: f64 = 3.0;

/// Batches, and minutes for each tag of a tie, that are needed at the least.
const BLOCKS: usize = 4;
const MINUTES: usize = 40;

/// One tag, by others. Positions are those of the model's own columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tie {
    /// The tag.
    pub(super) column: usize,
    /// The others and their weights.
    pub(super) by: Vec<(usize, f64)>,
    /// The limits of the residual, smoothed quickly and slowly, in standard deviations of the tag.
    pub(super) limits: [f64; 2],
}

/// The ties of a line and grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Ties {
    pub(super) mean: Vec<f64>,
    pub(super) sd: Vec<f64>,
    pub(super) all: Vec<Tie>,
}

/// Minute means, batch after batch.
struct Minutes {
    blocks: Vec<Array2<f64>>,
    seconds: f64,
}

impl Ties {
    /// Learns ties. `declared` names for a column those that it agrees with; of the columns in `set` no tie is
    /// looked for that is not declared.
    pub(super) fn fit(
        screened: &Screened,
        names: &[Arc<str>],
        frame_s: f64,
        declared: &BTreeMap<Arc<str>, Vec<Arc<str>>>,
        set: &BTreeSet<&str>,
    ) -> Self {
        let minutes = Minutes::of(screened, frame_s);
        let (Some((mean, sd)), true) = (minutes.scale(), minutes.blocks.len() >= BLOCKS) else {
            return Self::default();
        };
        let z: Vec<Array2<f64>> =
            minutes.blocks.iter().map(|block| (block - &mean) / &sd).collect();
        let position =
            |name: &Arc<str>| screened.columns.iter().position(|column| names[*column] == *name);
        let found = Found::new(&z);
        let mut ties = Vec::new();
        for column in 0..screened.columns.len() {
            let name = &names[screened.columns[column]];
            let others = match declared.get(name) {
                Some(others) => {
                    let others: Option<Vec<usize>> = others.iter().map(position).collect();
                    // A tie to a tag that does not vary, or is not there, cannot be tried.
                    let Some(others) = others else { continue };
                    others
                }
                None if set.contains(&**name) => continue,
                None => {
                    found.tie_of(column, |other| !set.contains(&*names[screened.columns[other]]))
                }
            };
            let rows: usize = z.iter().map(Array2::nrows).sum();
            if others.is_empty() || others.contains(&column) || rows < MINUTES * (others.len() + 1)
            {
                continue;
            }
            ties.extend(tie(&z, column, &others, minutes.seconds));
        }
        Self { mean: mean.to_vec(), sd: sd.to_vec(), all: ties }
    }

    /// True if the numbers fit to a model of so many columns.
    pub(super) fn are_sound(&self, columns: usize) -> bool {
        if self.all.is_empty() {
            return true;
        }
        let positions =
            self.all.iter().flat_map(|tie| tie.by.iter().map(|(ix, _)| ix).chain([&tie.column]));
        let numbers = self.all.iter().flat_map(|tie| tie.by.iter().map(|(_, w)| *w));
        self.mean.len() == columns
            && self.sd.len() == columns
            && positions.into_iter().all(|ix| *ix < columns)
            && numbers.chain(self.mean.iter().copied()).all(f64::is_finite)
            && self.sd.iter().all(|sd| *sd > 0.0 && sd.is_finite())
            && self
                .all
                .iter()
                .flat_map(|tie| tie.limits)
                .all(|limit| limit > 0.0 && limit.is_finite())
    }
}

impl Minutes {
    fn of(screened: &Screened, frame_s: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "frames in a minute"
        )]
        let each = (MINUTE_S / frame_s).round().max(1.0) as usize;
        let means = |(begin, end): &(usize, usize)| {
            let rows = screened.rows.slice_axis(Axis(0), Slice::from(*begin..*end));
            let whole = rows.nrows() / each;
            let mut means = Array2::zeros((whole, rows.ncols()));
            let chunks = rows.axis_chunks_iter(Axis(0), each);
            for (mut mean, chunk) in means.rows_mut().into_iter().zip(chunks) {
                mean.assign(&chunk.mean_axis(Axis(0)).expect("a chunk has rows"));
            }
            means
        };
        let blocks = screened.blocks.iter().map(means).filter(|block| block.nrows() > 0).collect();
        Self { blocks, seconds: frame_s.max(MINUTE_S) }
    }

    fn scale(&self) -> Option<(Array1<f64>, Array1<f64>)> {
        let views: Vec<_> = self.blocks.iter().map(Array2::view).collect();
        let rows = ndarray::concatenate(Axis(0), &views).ok()?;
        let sd = rows.std_axis(Axis(0), 1.0).mapv(|sd| if sd > 0.0 { sd } else { 1.0 });
        Some((rows.mean_axis(Axis(0))?, sd))
    }
}

/// The bounds of what is fitted on and what it is tried on: the first half and the quarter after it, three
/// quarters and the last.
fn trials(blocks: usize) -> [(usize, usize); 2] {
    [(blocks / 2, blocks * 3 / 4), (blocks * 3 / 4, blocks)]
}

/// Fits a tie on all blocks, with the limits that it would have needed before.
fn tie(z: &[Array2<f64>], column: usize, others: &[usize], seconds: f64) -> Option<Tie> {
    let mut limits = [0.0_f64; 2];
    for (end, tried) in trials(z.len()) {
        let (mean, weights) = weights(&z[..end], column, others)?;
        let mut smooth: Option<[f64; 2]> = None;
        let mut baseline = 0.0;
        for row in z[end..tried].iter().flat_map(|block| block.rows()) {
            let r = residual(row, &mean, column, others, &weights);
            let smooth = smooth.get_or_insert([baseline; 2]);
            for ((smooth, tau), limit) in smooth.iter_mut().zip([QUICK_S, SLOW_S]).zip(&mut limits)
            {
                *smooth += (r - *smooth) * (seconds / tau).min(1.0);
                *limit = limit.max((*smooth - baseline).abs());
            }
            baseline += (r - baseline) * (seconds / BASELINE_S).min(1.0);
        }
    }
    let (_, weights) = weights(z, column, others)?;
    let by = others.iter().copied().zip(weights).collect();
    let limits = limits.map(|limit| MARGIN * limit);
    limits.iter().all(|limit| *limit > 0.0 && limit.is_finite()).then_some(Tie {
        column,
        by,
        limits,
    })
}

fn residual(
    row: ArrayView1<'_, f64>,
    mean: &[f64],
    column: usize,
    others: &[usize],
    weights: &[f64],
) -> f64 {
    let by: f64 = others.iter().zip(weights).map(|(ix, w)| w * (row[*ix] - mean[*ix])).sum();
    row[column] - mean[column] - by
}

/// The means of all columns, and the weights of the others in the best sum for `column`.
fn weights(
    blocks: &[Array2<f64>],
    column: usize,
    others: &[usize],
) -> Option<(Vec<f64>, Vec<f64>)> {
    let (mean, covariance) = moments(blocks)?;
    Some((mean.to_vec(), solve(&covariance, column, others)?))
}

/// Means, and covariances with the ridge on the diagonal.
fn moments(blocks: &[Array2<f64>]) -> Option<(Array1<f64>, Array2<f64>)> {
    let views: Vec<_> = blocks.iter().map(Array2::view).collect();
    let rows = ndarray::concatenate(Axis(0), &views).ok()?;
    let mean = rows.mean_axis(Axis(0))?;
    let centred = &rows - &mean;
    #[expect(clippy::cast_precision_loss, reason = "rows are few")]
    let mut covariance = centred.t().dot(&centred) / (rows.nrows() as f64);
    covariance.diag_mut().mapv_inplace(|d| d + RIDGE);
    Some((mean, covariance))
}

/// Solves S w = s for the few columns in `others`, by elimination; S is positive definite.
fn solve(covariance: &Array2<f64>, column: usize, others: &[usize]) -> Option<Vec<f64>> {
    let n = others.len();
    let mut rows: Vec<Vec<f64>> = others
        .iter()
        .map(|i| {
            others.iter().map(|j| covariance[[*i, *j]]).chain([covariance[[*i, column]]]).collect()
        })
        .collect();
    for k in 0..n {
        let pivot = rows[k][k];
        if pivot <= 0.0 || pivot.is_nan() {
            return None;
        }
        let top = rows[k].clone();
        for (ix, row) in rows.iter_mut().enumerate() {
            if ix != k {
                let factor = row[k] / pivot;
                row.iter_mut().zip(&top).for_each(|(v, t)| *v -= factor * t);
            }
        }
    }
    let weights: Vec<f64> = (0..n).map(|k| rows[k][n] / rows[k][k]).collect();
    weights.iter().all(|w| w.is_finite()).then_some(weights)
}

/// What ties are looked for in: for each trial what was fitted on, and the squares and products of what it is
/// tried on, about the means of the former.
struct Found(Vec<(Array2<f64>, Array2<f64>)>);

impl Found {
    fn new(z: &[Array2<f64>]) -> Self {
        let trial = |(end, tried): (usize, usize)| {
            let (mean, covariance) = moments(&z[..end])?;
            let views: Vec<_> = z[end..tried].iter().map(Array2::view).collect();
            let rows = ndarray::concatenate(Axis(0), &views).ok()? - &mean;
            Some((covariance, rows.t().dot(&rows)))
        };
        Self(trials(z.len()).into_iter().filter_map(trial).collect())
    }

    /// The others that tie a column unmistakably; none where nothing does.
    fn tie_of(&self, column: usize, may: impl Fn(usize) -> bool) -> Vec<usize> {
        let Some((_, first)) = self.0.first() else { return Vec::new() };
        let mut others: Vec<usize> = Vec::new();
        let mut left = 1.0;
        while others.len() < FOUND_MAX {
            let candidates = (0..first.nrows())
                .filter(|ix| *ix != column && !others.contains(ix) && may(*ix))
                .filter_map(|ix| {
                    let with: Vec<usize> = others.iter().copied().chain([ix]).collect();
                    Some((self.left(column, &with)?, ix))
                });
            let Some((best, ix)) = candidates.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if best > (1.0 - WORTH) * left {
                break;
            }
            left = best;
            others.push(ix);
        }
        if left <= 1.0 - UNMISTAKABLE { others } else { Vec::new() }
    }

    /// The share of the column's squares that these leave, in the worse trial.
    fn left(&self, column: usize, others: &[usize]) -> Option<f64> {
        let mut worst = 0.0_f64;
        for (covariance, squares) in &self.0 {
            let weights = solve(covariance, column, others)?;
            let mut left = squares[[column, column]];
            for (i, wi) in others.iter().zip(&weights) {
                left -= 2.0 * wi * squares[[*i, column]];
                for (j, wj) in others.iter().zip(&weights) {
                    left += wi * wj * squares[[*i, *j]];
                }
            }
            worst = worst.max(left / squares[[column, column]].max(f64::MIN_POSITIVE));
        }
        Some(worst)
    }
}
