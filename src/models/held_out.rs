//! What monitors measure of rows that they were not fitted on, and the levels that follow.

use super::cva::{Canonical, Cva, Moments, PAST, WINDOW, clipped};
use super::dynamic::Dynamic;
use super::pca::{Components, Pca};
use super::screen::{FitError, Screened};
use super::statistic::{Each, Monitor, Statistic, Weights};
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};
use std::ops::Range;

/// Parts that are held out in turns: of batches, and of a recording without batches.
const FOLDS: usize = 10;
const STRETCHES: usize = 20;

/// Of more columns there is no CVA: its fit takes the cube of them in time, and for each fold 300 times their
/// square in bytes.
const COLUMNS_MAX: usize = 250;

/// Windows for each column that CVA needs at the least.
const WINDOWS_PER_COLUMN: f64 = 8.0;

/// The parts of the rows that are held out in turns, each a range: neighbouring batches, for what is
/// made of one lot of raw material is alike, or a stretch of a recording without batches.
pub(super) fn folds(screened: &Screened, batches: bool) -> Vec<Range<usize>> {
    let cut = |n: usize, parts: usize| (0..=parts).map(move |ix| ix * n / parts.max(1));
    let bounds: Vec<usize> = if batches {
        let n = screened.blocks.len();
        let begin = |ix: usize| screened.blocks.get(ix).map_or(screened.rows.nrows(), |b| b.0);
        cut(n, FOLDS.min(n)).map(begin).collect()
    } else {
        cut(screened.rows.nrows(), STRETCHES).collect()
    };
    bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The dynamic monitor of all rows, and those of the rows without each fold.
pub(super) struct Dynamics {
    pub(super) whole: Cva,
    folds: Vec<Cva>,
}

impl Dynamics {
    /// Fits them. `None` if there are too few rows for it.
    pub(super) fn fit(
        screened: &Screened,
        pca: &Pca,
        folds: &[Range<usize>],
        every: usize,
    ) -> Result<Option<Self>, FitError> {
        let p = pca.mean.len();
        if p > COLUMNS_MAX {
            return Ok(None);
        }
        let rows = Rows::of(screened, pca, every);
        #[expect(clippy::cast_precision_loss, reason = "columns are few")]
        let least = WINDOWS_PER_COLUMN * p as f64;
        let all = rows.moments(p, |centres| centres);
        let may = pca.may_vary();
        let mut candidates = Vec::with_capacity(folds.len());
        for fold in folds {
            let part = rows.within(fold);
            let touched = rows.moments(p, |centres| {
                let first = (part.start + PAST).saturating_sub(WINDOW);
                overlap(centres, first..part.end + PAST - 1)
            });
            let rest = all.without(&touched);
            if rest.windows() < least {
                return Ok(None);
            }
            let inside =
                rows.moments(p, |centres| overlap(centres, Moments::centres(part.clone())));
            let canonical = Canonical::fit(&rest, &may)?;
            let curve = (inside.windows() > 0.0).then(|| canonical.one_step_errors(&inside));
            candidates.push((canonical, curve));
        }
        let Some(states) = states(&candidates) else { return Ok(None) };
        let cut = |(canonical, _): &(Canonical, Option<Vec<f64>>)| canonical.cut(states);
        let folds = candidates.iter().map(cut).collect::<Result<_, _>>()?;
        let whole = Canonical::fit(&all, &may)?;
        let states = states.min(whole.states());
        Ok(Some(Self { whole: whole.cut(states)?, folds }))
    }
}

/// The fewest states whose error in foretelling held-out rows is within one standard error of the least
/// (Breiman et al. 1984). `None` if no fold holds a window.
#[expect(clippy::cast_precision_loss, reason = "folds are few")]
fn states(candidates: &[(Canonical, Option<Vec<f64>>)]) -> Option<usize> {
    let curves: Vec<&Vec<f64>> =
        candidates.iter().filter_map(|(_, curve)| curve.as_ref()).collect();
    let most = candidates.iter().map(|(canonical, _)| canonical.states()).min()?;
    let n = curves.len() as f64;
    let mean = |k: usize| curves.iter().map(|curve| curve[k]).sum::<f64>() / n;
    let best = (1..=most).filter(|_| n > 1.0).min_by(|a, b| mean(*a).total_cmp(&mean(*b)))?;
    let spread: f64 = curves.iter().map(|curve| (curve[best] - mean(best)).powi(2)).sum();
    let enough = mean(best) + (spread / (n - 1.0) / n).sqrt();
    (1..=best).find(|k| mean(*k) <= enough)
}

fn overlap(a: Range<usize>, b: Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// The frames as CVA takes them: standardised, some averaged to a row.
struct Rows {
    values: Array2<f64>,
    /// The first frame of each row.
    frames: Vec<usize>,
    /// Rows that follow each other.
    runs: Vec<Range<usize>>,
}

impl Rows {
    fn of(screened: &Screened, pca: &Pca, every: usize) -> Self {
        let (mut frames, mut runs) = (Vec::new(), Vec::new());
        for (begin, end) in &screened.runs {
            let first = frames.len();
            frames.extend((*begin..*end).step_by(every).filter(|ix| ix + every <= *end));
            runs.push(first..frames.len());
        }
        let mut values = Array2::zeros((frames.len(), pca.mean.len()));
        for (mut row, first) in values.rows_mut().into_iter().zip(&frames) {
            let part = screened.rows.slice_axis(Axis(0), Slice::from(*first..first + every));
            let mean = part.mean_axis(Axis(0)).expect("a row has a frame");
            row.assign(&clipped(pca.standardise(mean.view()).view()));
        }
        Self { values, frames, runs }
    }

    /// The rows that begin in these frames.
    fn within(&self, frames: &Range<usize>) -> Range<usize> {
        let place = |frame: usize| self.frames.partition_point(|first| *first < frame);
        place(frames.start)..place(frames.end)
    }

    /// The moments of the windows round those rows that `choose` takes of the centres of each run.
    fn moments(&self, p: usize, choose: impl Fn(Range<usize>) -> Range<usize>) -> Moments {
        let mut moments = Moments::new(p);
        for run in &self.runs {
            moments.add(self.values.view(), choose(Moments::centres(run.clone())));
        }
        moments
    }
}

/// What is measured of a frame.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    pca: [f64; 2],
    /// What CVA measured of the row that the frame ends.
    cva: Option<[f64; 3]>,
    /// Who judges it.
    judge: Monitor,
    /// True if it does not follow the one before it.
    begins: bool,
}

/// What is measured of held-out frames: batch by batch, or stretch by stretch of one recording.
pub(super) struct HeldOut {
    /// Each with the fold that it is of.
    pieces: Vec<(usize, Vec<Frame>)>,
    /// True if each piece goes on where the one before it ended.
    joined: bool,
}

/// The levels of statistics: where smoothing begins, and what puts them on one scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    pub(super) start: Each,
    pub(super) scale: Each,
}

impl HeldOut {
    /// Lets monitors that were fitted without a fold measure it, fold by fold.
    pub(super) fn measure(
        screened: &Screened,
        (pca, least): (&Pca, ArrayView1<'_, f64>),
        (dynamics, every): (Option<&Dynamics>, usize),
        (folds, batches): (&[Range<usize>], bool),
    ) -> Result<Self, FitError> {
        let mut pieces = Vec::new();
        for (ix, fold) in folds.iter().enumerate() {
            let rest: Vec<usize> =
                (0..screened.rows.nrows()).filter(|ix| !fold.contains(ix)).collect();
            let rest = screened.rows.select(Axis(0), &rest);
            let alone = Pca::fit(rest.view(), Components::Fixed(pca.components()), least)?;
            drop(rest);
            let cva = dynamics.map(|dynamics| &dynamics.folds[ix]);
            let mut dynamic = Dynamic::default();
            // Past and state do not begin anew where a stretch does, nor does CVA wait for its first row.
            let before = fold.start.saturating_sub((PAST + 1) * every)..fold.start;
            for ix in before.filter(|_| !batches) {
                step(&mut dynamic, screened, (pca, cva, every), ix);
            }
            for (begin, end) in &screened.blocks {
                let frames = overlap(*begin..*end, fold.clone());
                let piece = frames.map(|ix| {
                    let statistics = alone.statistics(screened.rows.row(ix));
                    let cva = step(&mut dynamic, screened, (pca, cva, every), ix);
                    let judge = if dynamic.judges() { Monitor::Cva } else { Monitor::Pca };
                    let begins = begins(screened, ix);
                    Frame { pca: [statistics.t2, statistics.spe], cva, judge, begins }
                });
                let piece: Vec<Frame> = piece.collect();
                if !piece.is_empty() {
                    pieces.push((ix, piece));
                }
            }
        }
        Ok(Self { pieces, joined: !batches })
    }

    /// True if CVA judged some frames of most pieces.
    pub(super) fn is_dynamic(&self) -> bool {
        let judged = |(_, piece): &&(usize, Vec<Frame>)| {
            piece.iter().any(|frame| frame.judge == Monitor::Cva)
        };
        2 * self.pieces.iter().filter(judged).count() > self.pieces.len()
    }

    /// The levels, and the ratios of the frames to them, batch by batch or of the recording as a whole.
    pub(super) fn levels(&self, weights: &Weights) -> (Levels, Vec<Vec<f64>>) {
        let start = Statistic::OF_ROWS.map(|statistic| self.start(statistic));
        let mut smoothed = Vec::with_capacity(self.pieces.len());
        let mut now = start;
        for (fold, piece) in &self.pieces {
            let course = piece.iter().map(|frame| {
                if frame.begins && !self.joined {
                    // Within a batch that is the end of a break, after which smoothing begins anew.
                    now = start;
                }
                weights.take(&mut now, Monitor::Pca, &frame.pca);
                if let Some(measured) = &frame.cva {
                    weights.take(&mut now, Monitor::Cva, measured);
                }
                (frame.judge, now)
            });
            smoothed.push((*fold, course.collect::<Vec<_>>()));
        }
        let greatest = Statistic::OF_ROWS.map(|statistic| greatest(&smoothed, statistic));
        let ratios = smoothed.iter().map(|(fold, piece)| {
            // By the levels of the other folds: those of all are the middle of these very values, and a new batch
            // is further from it than they are.
            let scale = greatest.each_ref().map(|values| median(values, Some(*fold)));
            let ratio = |(judge, now): &(Monitor, Each)| {
                Statistic::of(*judge)
                    .map(|statistic| now[statistic.ix()] / scale[statistic.ix()])
                    .fold(0.0, f64::max)
            };
            piece.iter().map(ratio).collect::<Vec<f64>>()
        });
        let ratios = if self.joined { vec![ratios.flatten().collect()] } else { ratios.collect() };
        let scale = greatest.each_ref().map(|values| median(values, None));
        (Levels { start, scale }, ratios)
    }

    /// The median over the pieces of a statistic's mean: one bad batch does not move it.
    #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
    fn start(&self, statistic: Statistic) -> f64 {
        let values = |piece: &Vec<Frame>| -> Vec<f64> {
            match statistic.monitor() {
                Monitor::Pca => piece.iter().map(|frame| frame.pca[statistic.source()]).collect(),
                _ => {
                    piece.iter().filter_map(|frame| Some(frame.cva?[statistic.source()])).collect()
                }
            }
        };
        let means =
            self.pieces.iter().map(|(_, piece)| values(piece)).filter(|values| !values.is_empty());
        let means = means.map(|values| values.iter().sum::<f64>() / values.len() as f64);
        let mut means: Vec<f64> = means.collect();
        means.sort_by(f64::total_cmp);
        means.get(means.len() / 2).copied().unwrap_or(0.0)
    }
}

/// A course of smoothed statistics, and who judges; with its fold.
type Smoothed = (usize, Vec<(Monitor, Each)>);

/// The greatest smoothed value of a statistic in each piece, with its fold, in rising order: of the frames that its
/// monitor judges; of PCA, of all.
fn greatest(smoothed: &[Smoothed], statistic: Statistic) -> Vec<(usize, f64)> {
    let monitor = statistic.monitor();
    let of = |(fold, piece): &Smoothed| {
        let judged = piece.iter().filter(|(judge, _)| monitor == Monitor::Pca || *judge == monitor);
        Some((*fold, judged.map(|(_, now)| now[statistic.ix()]).reduce(f64::max)?))
    };
    let mut greatest: Vec<(usize, f64)> = smoothed.iter().filter_map(of).collect();
    greatest.sort_by(|a, b| a.1.total_cmp(&b.1));
    greatest
}

/// The level of a statistic, by its greatest values outside a fold: their median, which one bad batch does not move.
fn median(greatest: &[(usize, f64)], without: Option<usize>) -> f64 {
    let values: Vec<f64> = greatest
        .iter()
        .filter(|(fold, _)| Some(*fold) != without)
        .map(|(_, value)| *value)
        .collect();
    // A monitor that judged nothing has some level.
    values.get(values.len() / 2).copied().filter(|level| *level > 0.0).unwrap_or(1.0)
}

/// True if a frame does not follow the one before it.
fn begins(screened: &Screened, ix: usize) -> bool {
    screened.runs.binary_search_by_key(&ix, |run| run.0).is_ok()
}

/// Gives a frame to CVA. A frame that does not follow the one before it begins a new past.
fn step(
    dynamic: &mut Dynamic,
    screened: &Screened,
    (pca, cva, every): (&Pca, Option<&Cva>, usize),
    ix: usize,
) -> Option<[f64; 3]> {
    if begins(screened, ix) {
        dynamic.forget();
    }
    let frame: Array1<f64> = pca.standardise(screened.rows.row(ix));
    Some(dynamic.take(cva?, every, frame)?.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_is_that_of_the_other_folds() {
        let greatest = [(0, 1.0), (1, 2.0), (1, 3.0), (2, 4.0), (2, 8.0)];
        let of = |without| median(&greatest, without);
        for (without, expected) in [(None, 3.0), (Some(0), 4.0), (Some(1), 4.0), (Some(2), 2.0)] {
            assert!((of(without) - expected).abs() < 1e-12, "{without:?}: {}", of(without));
        }
        assert!((median(&[], None) - 1.0).abs() < 1e-12, "some level");
    }

    #[test]
    fn statistics_begin_anew_where_a_batch_does_and_after_a_break_in_it() {
        let frame = |t2, begins| Frame { pca: [t2, 1.0], cva: None, judge: Monitor::Pca, begins };
        let course = |joined| {
            let pieces = vec![
                (0, vec![frame(1.0, true), frame(9.0, false), frame(1.0, true)]),
                (1, vec![frame(1.0, true), frame(1.0, false), frame(1.0, false)]),
            ];
            let held_out = HeldOut { pieces, joined };
            let (levels, ratios) = held_out.levels(&Weights::new(60.0));
            (levels.start[Statistic::T2.ix()], ratios)
        };
        let (start, ratios) = course(false);
        // The third frame of the first batch follows a break: nothing of the nine is left.
        assert_eq!(ratios.len(), 2);
        assert!((ratios[0][2] - ratios[0][0]).abs() < 1e-12 && ratios[0][1] > ratios[0][0]);
        assert!((start - 11.0 / 3.0).abs() < 1e-12, "{start}");
        let (_, ratios) = course(true);
        assert_eq!((ratios.len(), ratios[0].len()), (1, 6));
        assert!(ratios[0][2] > ratios[0][0], "a recording without batches goes on");
    }
}
