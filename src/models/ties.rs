//! What ties tags to each other: each tied tag as a sum of a few others, learned and tried on later batches.
//!
//! Symbols: z the standardised minute means; a tie is zᵢ ≈ Σ wⱼ zⱼ over a few j, and its residual rᵢ = zᵢ − Σ wⱼ zⱼ.
//! Which tags are tied is declared (two instruments of one speed, flows that add up), or found where it is
//! unmistakable. A relation among set points looks like a tie until the first operator moves one of them: that is
//! why a tie that is found has to hold almost exactly, in batches that it was not found in, and is not looked for
//! among the tags that operators set.
//!
//! The limits are what the residuals, smoothed, reached in batches that agree about the tie, and a margin: a limit has
//! to hold in a mill that moves on. Among a plant's own batches are some in which a sensor was sick, and nobody said
//! so: a batch that is far from the others in this is left out. Weights are known only where they were learned: away
//! from there the limits widen as the error of a regression's prediction does, by √(1 + dᵀS⁻¹d / n), with d the others'
//! distance from their means, S their covariance and n the number of batches (Draper and Smith, Applied Regression
//! Analysis, 3rd ed., 1998, 5.2; batches and not minutes are counted, as minutes follow each other). And what a tie
//! misses of what a tag did, it will miss of what the tag has never done: instruments have errors, and the weights of
//! an instrument that errs much come out too small.

use super::screen::Screened;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The length of the means that ties are learned from, s; one frame where frames are longer.
const MINUTE_S: f64 = 60.0;

/// Weights are learned from means of so many of these: the error of an instrument makes its weight too small, and is
/// gone from a mean of ten minutes sooner than what a process does.
const AT_ONCE: usize = 10;

/// Time constants of the smoothing of residuals, s, and of the baseline.
pub(super) const QUICK_S: f64 = 180.0;
pub(super) const SLOW_S: f64 = 900.0;
pub(super) const BASELINE_S: f64 = 14_400.0;

/// What is added to the diagonal of the correlation matrix: enough for elimination, and far below what two speeds that
/// move together leave to the draw between them.
const RIDGE: f64 = 1e-6;

/// The share of a tag's variance, in batches not fitted on, that a tie has to explain to be found.
const UNMISTAKABLE: f64 = 0.95;

/// Tags in a tie that is found, at most; the next one has to take away so much of what is left.
const FOUND_MAX: usize = 3;
const WORTH: f64 = 0.2;

/// The limits are so many times the greatest residual of the batches that agree.
const MARGIN: f64 = 2.3;

/// A batch whose greatest residual is so many times that of the batch in the middle is left out; a quarter of them at
/// most. Who is left out changes the weights, and so who should be: that is repeated so often at most.
const APART: f64 = 3.0;
const LEFT_OUT: usize = 4;
const ROUNDS: usize = 4;

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
    /// The means of the tag and of the others in the batches that agree.
    #[serde(default)]
    pub(super) mean: (f64, Vec<f64>),
    /// The limits of the residual, smoothed quickly and slowly, in standard deviations of the tag.
    pub(super) limits: [f64; 2],
    /// S⁻¹ / n of the module's head, row by row.
    #[serde(default)]
    pub(super) reach: Vec<f64>,
    /// How far the tag itself ever was from its mean, smoothed quickly and slowly, and the share of its variance that
    /// the tie misses.
    #[serde(default)]
    pub(super) most: [f64; 2],
    #[serde(default)]
    pub(super) missed: f64,
}

impl Tie {
    /// How many times as wide the limits are where the others are at these distances from their means.
    pub(super) fn slack(&self, others: &[f64]) -> f64 {
        slack(&self.reach, others)
    }

    /// The distances from their means of the tag and of the others, by the standardised values.
    pub(super) fn distances(&self, z: impl Fn(usize) -> f64) -> (f64, Vec<f64>) {
        let mean = |k: usize| self.mean.1.get(k).copied().unwrap_or_default();
        let others = self.by.iter().enumerate().map(|(k, (ix, _))| z(*ix) - mean(k)).collect();
        (z(self.column) - self.mean.0, others)
    }

    /// How much wider they are where the tag itself is at these distances, smoothed quickly and slowly.
    pub(super) fn beyond(&self, tag: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|ix| self.missed * (tag[ix].abs() - self.most[ix]).max(0.0))
    }
}

fn slack(reach: &[f64], d: &[f64]) -> f64 {
    let row = |row: &[f64]| -> f64 { row.iter().zip(d).map(|(s, d)| s * d).sum() };
    let q: f64 = reach.chunks(d.len().max(1)).zip(d).map(|(s, d)| d * row(s)).sum();
    (1.0 + q.max(0.0)).sqrt()
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
            && self.all.iter().all(|tie| {
                let n = tie.by.len();
                [0, n * n].contains(&tie.reach.len())
                    && [0, n].contains(&tie.mean.1.len())
                    && tie.mean.1.iter().chain([&tie.mean.0]).all(|m| m.is_finite())
                    && tie.reach.iter().chain(&tie.most).chain([&tie.missed]).all(|s| s.is_finite())
            })
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

/// Means of [`AT_ONCE`] rows each, as evenly as they can be cut.
fn means(block: &Array2<f64>) -> Array2<f64> {
    let chunks = block.nrows().div_ceil(AT_ONCE);
    let each = block.nrows().div_ceil(chunks.max(1)).max(1);
    let mut means = Array2::zeros((block.nrows().div_ceil(each), block.ncols()));
    for (mut mean, chunk) in means.rows_mut().into_iter().zip(block.axis_chunks_iter(Axis(0), each))
    {
        mean.assign(&chunk.mean_axis(Axis(0)).expect("a chunk has rows"));
    }
    means
}

/// What a tie is made of, from some of the blocks.
struct Fitted {
    mean: Array1<f64>,
    weights: Vec<f64>,
    reach: Vec<f64>,
}

impl Fitted {
    /// From the blocks that are kept.
    fn of(z: &[Array2<f64>], kept: &[bool], column: usize, others: &[usize]) -> Option<Self> {
        let blocks: Vec<_> =
            z.iter().zip(kept).filter(|(_, kept)| **kept).map(|(block, _)| means(block)).collect();
        let views: Vec<_> = blocks.iter().map(Array2::view).collect();
        let (mean, covariance) = moments(&views)?;
        Self::by(mean, &covariance, blocks.len(), column, others)
    }

    /// To begin with, when nobody knows which blocks to leave out: from what each does about its own mean. A sensor
    /// that was off by as much for the whole of a block does not show in that, nor in the block in the middle.
    fn within(z: &[Array2<f64>], column: usize, others: &[usize]) -> Option<Self> {
        let own: Vec<Array1<f64>> =
            z.iter().map(|block| block.mean_axis(Axis(0))).collect::<Option<_>>()?;
        let about: Vec<_> = z.iter().zip(&own).map(|(block, own)| means(&(block - own))).collect();
        let views: Vec<_> = about.iter().map(Array2::view).collect();
        let (_, covariance) = moments(&views)?;
        let middle = |ix: usize| {
            let mut all: Vec<f64> = own.iter().map(|mean| mean[ix]).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let mean = (0..z.first()?.ncols()).map(middle).collect();
        Self::by(mean, &covariance, z.len(), column, others)
    }

    #[expect(clippy::cast_precision_loss, reason = "blocks are few")]
    fn by(
        mean: Array1<f64>,
        covariance: &Array2<f64>,
        blocks: usize,
        column: usize,
        others: &[usize],
    ) -> Option<Self> {
        let weights = solve(covariance, &[column], others)?;
        let mut reach = solve(covariance, &[], others)?;
        for s in &mut reach {
            *s /= blocks as f64;
        }
        Some(Self { mean, weights, reach })
    }

    /// The residual of a row, and how many times as far it may be from zero as in the middle of what was learned.
    fn residual(&self, row: ArrayView1<'_, f64>, column: usize, others: &[usize]) -> (f64, f64) {
        let d: Vec<f64> = others.iter().map(|ix| row[*ix] - self.mean[*ix]).collect();
        let by: f64 = d.iter().zip(&self.weights).map(|(d, w)| w * d).sum();
        (row[column] - self.mean[column] - by, slack(&self.reach, &d))
    }
}

/// Fits a tie on the blocks that agree about it, with the limits that it needs in them.
fn tie(z: &[Array2<f64>], column: usize, others: &[usize], seconds: f64) -> Option<Tie> {
    let mut kept = vec![true; z.len()];
    let mut fitted = Fitted::within(z, column, others)?;
    let mut worst = worst_of_blocks(z, &kept, (column, others), &fitted, seconds);
    for _ in 0..ROUNDS {
        let agree = agreeing(&worst);
        fitted = Fitted::of(z, &agree, column, others)?;
        worst = worst_of_blocks(z, &agree, (column, others), &fitted, seconds);
        if std::mem::replace(&mut kept, agree) == kept {
            break;
        }
    }
    let (mut limits, mut most) = ([0.0_f64; 2], [0.0_f64; 2]);
    let (mut all, mut missed) = (0.0, 0.0);
    for ((block, worst), _) in z.iter().zip(&worst).zip(&kept).filter(|(_, kept)| **kept) {
        limits.iter_mut().zip(worst.residual).for_each(|(limit, r)| *limit = limit.max(r));
        most.iter_mut().zip(worst.value).for_each(|(most, value)| *most = most.max(value));
        for row in block.rows() {
            all += (row[column] - fitted.mean[column]).powi(2);
            missed += fitted.residual(row, column, others).0.powi(2);
        }
    }
    let limits = limits.map(|limit| MARGIN * limit);
    let missed: f64 = missed / all;
    let by = others.iter().copied().zip(fitted.weights).collect();
    let means = others.iter().map(|ix| fitted.mean[*ix]).collect();
    let limits_hold = limits.iter().all(|limit| *limit > 0.0 && limit.is_finite());
    // Of a tag that moves in no batch that agrees nothing can be said.
    (limits_hold && missed.is_finite()).then_some(Tie {
        column,
        by,
        mean: (fitted.mean[column], means),
        limits,
        reach: fitted.reach,
        most,
        missed,
    })
}

/// The greatest in a block, smoothed quickly and slowly: the residual, over its slack, and the tag's own distance.
struct Worst {
    residual: [f64; 2],
    value: [f64; 2],
}

/// What is greatest in each block. What is left out does not move the baseline.
fn worst_of_blocks(
    z: &[Array2<f64>],
    kept: &[bool],
    (column, others): (usize, &[usize]),
    fitted: &Fitted,
    seconds: f64,
) -> Vec<Worst> {
    let weights = [QUICK_S, SLOW_S].map(|tau| (seconds / tau).min(1.0));
    let (mut baseline, mut smooth, mut values) = (0.0, [0.0; 2], [0.0; 2]);
    let mut all = Vec::with_capacity(z.len());
    for (block, kept) in z.iter().zip(kept) {
        let mut worst = Worst { residual: [0.0; 2], value: [0.0; 2] };
        for row in block.rows() {
            let (r, slack) = fitted.residual(row, column, others);
            let value = row[column] - fitted.mean[column];
            for (ix, weight) in weights.into_iter().enumerate() {
                smooth[ix] += (r - smooth[ix]) * weight;
                values[ix] += (value - values[ix]) * weight;
                worst.residual[ix] = worst.residual[ix].max((smooth[ix] - baseline).abs() / slack);
                worst.value[ix] = worst.value[ix].max(f64::abs(values[ix]));
            }
            if *kept {
                baseline += (r - baseline) * (seconds / BASELINE_S).min(1.0);
            }
        }
        if !*kept {
            smooth = [baseline; 2];
        }
        all.push(worst);
    }
    all
}

/// Which blocks are not far from the others.
fn agreeing(worst: &[Worst]) -> Vec<bool> {
    let middle = [0, 1].map(|ix| {
        let mut all: Vec<f64> = worst.iter().map(|worst| worst.residual[ix]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    });
    let ratio =
        |Worst { residual: [quick, slow], .. }: &Worst| (quick / middle[0]).max(slow / middle[1]);
    let mut far: Vec<usize> = (0..worst.len()).filter(|ix| ratio(&worst[*ix]) > APART).collect();
    far.sort_by(|a, b| ratio(&worst[*b]).total_cmp(&ratio(&worst[*a])));
    far.truncate(worst.len() / LEFT_OUT);
    (0..worst.len()).map(|ix| !far.contains(&ix)).collect()
}

/// Means, and covariances with the ridge on the diagonal.
fn moments(blocks: &[ArrayView2<'_, f64>]) -> Option<(Array1<f64>, Array2<f64>)> {
    let rows = ndarray::concatenate(Axis(0), blocks).ok()?;
    let mean = rows.mean_axis(Axis(0))?;
    let centred = &rows - &mean;
    #[expect(clippy::cast_precision_loss, reason = "rows are few")]
    let mut covariance = centred.t().dot(&centred) / (rows.nrows() as f64);
    covariance.diag_mut().mapv_inplace(|d| d + RIDGE);
    Some((mean, covariance))
}

/// Solves S w = s for the few columns in `others`, by elimination, S being positive definite and s their covariances
/// with `columns`: the weights, row by row. Without columns s is the identity, and the answer the inverse of S.
fn solve(covariance: &Array2<f64>, columns: &[usize], others: &[usize]) -> Option<Vec<f64>> {
    let n = others.len();
    let right = |k: usize, i: usize| -> Vec<f64> {
        if columns.is_empty() {
            (0..n).map(|j| if j == k { 1.0 } else { 0.0 }).collect()
        } else {
            columns.iter().map(|column| covariance[[i, *column]]).collect()
        }
    };
    let mut rows: Vec<Vec<f64>> = others
        .iter()
        .enumerate()
        .map(|(k, i)| others.iter().map(|j| covariance[[*i, *j]]).chain(right(k, *i)).collect())
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
    let solved: Vec<f64> = (0..n)
        .flat_map(|k| rows[k][n..].iter().map(|v| v / rows[k][k]).collect::<Vec<_>>())
        .collect();
    solved.iter().all(|w| w.is_finite()).then_some(solved)
}

/// What ties are looked for in: for each trial what was fitted on, and the squares and products of what it is
/// tried on, about the means of the former.
struct Found(Vec<(Array2<f64>, Array2<f64>)>);

impl Found {
    fn new(z: &[Array2<f64>]) -> Self {
        let trial = |(end, tried): (usize, usize)| {
            let learned: Vec<_> = z[..end].iter().map(Array2::view).collect();
            let (mean, covariance) = moments(&learned)?;
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
            let weights = solve(covariance, &[column], others)?;
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
