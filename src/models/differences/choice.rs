//! Which columns wander, by the rows of a fit alone.

use super::unit_root::{KPSS, VALUES_AT_LEAST, dickey_fuller, kpss};
use super::{Counts, Difference, Lag, Lags};
use crate::models::calibrate::count;
use crate::models::{FitSpec, Table};
use std::sync::Arc;

/// What a change is taken over, s; and over which time the change of a counter may be taken at most, because it counts coarsely.
const LAG_S: f64 = 300.0;
const LAG_MOST_S: f64 = 3600.0;

/// The same in frames at most: so many values of a column are kept
const FRAMES_MAX: usize = 600;

/// No more than one in so many rows is lost because nothing is known from before it.
const LOST_ONE_IN: usize = 10;

/// A counter counts so many times within what a change is taken over, so that its change is not mostly rounding.
const COUNTED_AT_LEAST: usize = 20;

/// A column counts if it went one way so many times, and the other way, where it begins anew, once in so many times at most.
const STEPS_AT_LEAST: usize = 30;
const STEPS_PER_RESET: usize = 50;

/// A step back of no more than so many usual steps is noise: a counter that begins anew goes back by [`STEPS_PER_RESET`].
const BACK: f64 = 10.0;

/// Without having begun anew it counts only if it goes in each batch at this share of its usual rate at the least. What only
/// went up in some weeks, as a temperature or the age of a felt, is not known to count.
const STEADY: f64 = 0.5;

/// Nor does it if it begins anew so often that its change could be taken over less than this part of what is usual: it goes
/// all of its way many times in a fit, which is a level as good as any.
const SHORTER_AT_MOST: usize = 2;

/// But not if it begins at about the same value in each batch, so much of its way apart, from quartile to quartile: then it
/// says how far a batch is.
const APART: f64 = 0.2;

/// Stretches of a recording that stand in for batches, more than tests need, for some may be empty; and parts of a batch.
const STRETCHES: usize = VALUES_AT_LEAST + 10;
const PARTS: usize = 4;

/// Of a column that wanders the means of batches make up so much of its variance at the least: what moves more within a
/// batch than from one to the next has a level for all that a model can see.
const BETWEEN: f64 = 0.8;

/// Of its moves from part to part the greatest quarter has no more than this share of the squares. A walk has 0.72 on the
/// mean. What is set from time to time, or for each batch or lot, moves at once and then stands: it has nearly all. So has a
/// walk in batches that do not follow each other, and it keeps its level: nobody can tell the two apart there.
const AT_ONCE: f64 = 0.8;

/// The columns of which a model takes the change, with the reasons. `estimates` says whether those that wander are looked
/// for; else only those that count, or that the plant declares, are. A column that operators set by hand never is.
pub(in crate::models) fn choose(
    table: &Table,
    spec: &FitSpec,
    estimates: bool,
) -> (Lags, Vec<Difference>) {
    let rows = Rows::of(table, spec.batches);
    let base = |resets| frames_of(LAG_S, spec).min(rows.room(resets));
    let chosen: Vec<_> = table
        .columns
        .iter()
        .enumerate()
        .filter_map(|(column, name)| {
            let declared = spec.wanders.get(name).copied();
            if declared == Some(false) || (declared.is_none() && spec.least_sd.contains_key(name)) {
                return None;
            }
            let is_sure = |counter: &Counter| match counter.resets {
                0 => is_steady(&rows, column, counter.counts),
                resets => base(0) <= SHORTER_AT_MOST * base(resets),
            };
            let counter = Counter::of(&rows, column);
            let counter = counter.filter(|counter| declared.is_some() || is_sure(counter));
            let reason = match (&counter, declared) {
                (_, Some(_)) => "it is declared to wander".to_owned(),
                (Some(counter), None) => counter.reason(),
                (None, None) if estimates => wandering(&rows, column)?,
                (None, None) => return None,
            };
            Some((column, counter, reason))
        })
        .collect();
    // A row that one of them loses is lost to all columns.
    let resets =
        chosen.iter().filter_map(|(_, counter, _)| counter.as_ref()).map(|c| c.resets).sum();
    let (base, most) = (base(resets), frames_of(LAG_MOST_S, spec).min(rows.room(resets)));
    let lags = chosen.into_iter().map(|(column, counter, reason)| {
        let frames = counter.as_ref().map_or(base, |counter| counter.frames.clamp(base, most));
        let back = counter.as_ref().map_or(0.0, |counter| counter.back);
        let lag = Lag { column, frames, counts: counter.map(|counter| counter.counts), back };
        let over_s = count(frames) * spec.frame.as_secs_f64();
        (lag, Difference { column: Arc::clone(&table.columns[column]), over_s, reason })
    });
    let (lags, differences) = lags.unzip();
    (Lags(lags), differences)
}

/// The rows of a table, by what follows what.
struct Rows<'t> {
    table: &'t Table,
    /// Whether each does not follow the one before it.
    breaks_off: Vec<bool>,
    /// Those of each batch, or of each stretch of a recording.
    blocks: Vec<Vec<usize>>,
    /// True if they are batches.
    batches: bool,
}

impl<'t> Rows<'t> {
    fn of(table: &'t Table, batches: bool) -> Self {
        let blocks = if batches {
            (0..table.blocks.len()).map(|block| table.made(block, true).collect()).collect()
        } else {
            let rows: Vec<usize> = (0..table.rows()).filter(|row| !table.is_gap(*row)).collect();
            (0..STRETCHES)
                .map(|ix| {
                    rows[ix * rows.len() / STRETCHES..(ix + 1) * rows.len() / STRETCHES].to_vec()
                })
                .collect()
        };
        let breaks_off = (0..table.rows()).map(|row| table.breaks_off(row)).collect();
        Self { table, breaks_off, blocks, batches }
    }

    /// The values of a column in each batch or stretch, of those that have some.
    fn values(&self, column: usize) -> impl Iterator<Item = Vec<f64>> {
        let of = move |rows: &Vec<usize>| -> Vec<f64> {
            let values = rows.iter().map(|row| self.table.row(*row)[column]);
            values.filter(|value| value.is_finite()).collect()
        };
        self.blocks.iter().map(of).filter(|values| !values.is_empty())
    }

    /// The frames that a change may be taken over if no more than one row in [`LOST_ONE_IN`] is to be lost: it begins anew
    /// with each stretch of rows that follow each other, and as often as counters do.
    fn room(&self, resets: usize) -> usize {
        let rows = self.blocks.iter().map(Vec::len).sum::<usize>();
        let stretches = self.breaks_off.iter().filter(|breaks_off| **breaks_off).count();
        (rows / (LOST_ONE_IN * (stretches + resets).max(1))).max(1)
    }
}

/// The frames in so many seconds: at least one, and no more than are kept.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of frames")]
fn frames_of(seconds: f64, spec: &FitSpec) -> usize {
    ((seconds / spec.frame.as_secs_f64()).round() as usize).clamp(1, FRAMES_MAX)
}

/// A column that counts.
struct Counter {
    counts: Counts,
    /// How often it began anew.
    resets: usize,
    /// The greatest step back that was only noise.
    back: f64,
    /// The frames in which it counts [`COUNTED_AT_LEAST`] times.
    frames: usize,
}

impl Counter {
    fn of(rows: &Rows<'_>, column: usize) -> Option<Self> {
        let (mut up, mut down, mut still) = <(Vec<f64>, Vec<f64>, usize)>::default();
        let mut last = f64::NAN;
        for (row, breaks_off) in rows.breaks_off.iter().enumerate() {
            let value = rows.table.row(row)[column];
            // Where rows do not follow each other nobody knows how often it counted.
            if !breaks_off && last.is_finite() && value.is_finite() {
                if value > last {
                    up.push(value - last);
                } else if value < last {
                    down.push(last - value);
                } else {
                    still += 1;
                }
            }
            last = value;
        }
        let (counts, mut steps, back) =
            if up.len() >= down.len() { (Counts::Up, up, down) } else { (Counts::Down, down, up) };
        let counted = steps.len() >= STEPS_AT_LEAST && back.len() * STEPS_PER_RESET <= steps.len();
        if !counted || (rows.batches && is_course(rows, column)) {
            return None;
        }
        steps.sort_by(f64::total_cmp);
        let is_noise = |step: &f64| *step <= BACK * steps[steps.len() / 2];
        let resets = back.iter().filter(|step| !is_noise(step)).count();
        let all = steps.len() + back.len() + still;
        let frames = (COUNTED_AT_LEAST * all).div_ceil(steps.len());
        let back = back.into_iter().filter(is_noise).fold(0.0, f64::max);
        Some(Self { counts, resets, back, frames })
    }

    fn reason(&self) -> String {
        let way = match self.counts {
            Counts::Up => "up",
            Counts::Down => "down",
        };
        match self.resets {
            0 => format!("it counts {way}"),
            1 => format!("it counts {way}, and began anew once"),
            n => format!("it counts {way}, and began anew {n} times"),
        }
    }
}

/// True if a column begins at about the same value in each of several batches.
fn is_course(rows: &Rows<'_>, column: usize) -> bool {
    let ends = rows.values(column).filter_map(|values| Some((*values.first()?, *values.last()?)));
    let (mut starts, mut ways): (Vec<f64>, Vec<f64>) =
        ends.map(|(first, last)| (first, (last - first).abs())).unzip();
    starts.sort_by(f64::total_cmp);
    ways.sort_by(f64::total_cmp);
    let n = starts.len();
    n > 1 && starts[3 * n / 4] - starts[n / 4] <= APART * ways[n / 2]
}

/// True if a column goes its way in each batch or stretch, and in none much slower than usual.
fn is_steady(rows: &Rows<'_>, column: usize, counts: Counts) -> bool {
    let rate = |values: Vec<f64>| {
        let way = values.last()? - values.first()?;
        let way = if counts == Counts::Up { way } else { -way };
        (values.len() > 1).then(|| way / count(values.len() - 1))
    };
    let mut rates: Vec<f64> = rows.values(column).filter_map(rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.first().is_some_and(|slowest| *slowest >= STEADY * rates[rates.len() / 2])
}

/// Why a column wanders, if it does: its batches, or stretches of a recording, have no common level, as far as both tests
/// can tell; they make up most of what it varies; and it does not move at once.
fn wandering(rows: &Rows<'_>, column: usize) -> Option<String> {
    let (mut means, mut parts, mut within) = (Vec::new(), Vec::new(), 0.0);
    for values in rows.values(column).filter(|values| values.len() >= PARTS) {
        let (mean, variance) = moments(&values);
        means.push(mean);
        within += variance;
        let begin = |part: usize| part * values.len() / PARTS;
        parts.extend((0..PARTS).map(|part| moments(&values[begin(part)..begin(part + 1)]).0));
    }
    let within = within / count(means.len());
    let (_, between) = moments(&means);
    let (t, limit) = dickey_fuller(&means)?;
    let statistic = kpss(&means)?;
    let walks = t > limit && statistic > KPSS;
    (walks && between >= BETWEEN * (between + within) && !moves_at_once(&parts)).then(|| {
        format!(
            "its level wanders: Dickey–Fuller {t:.1}, not below {limit:.1}; KPSS {statistic:.2}, above {KPSS}"
        )
    })
}

/// True if the greatest quarter of the moves is nearly all.
fn moves_at_once(parts: &[f64]) -> bool {
    let mut squares: Vec<f64> = parts.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).collect();
    squares.sort_by(|a, b| b.total_cmp(a));
    let greatest: f64 = squares.iter().take(squares.len().div_ceil(PARTS)).sum();
    greatest > AT_ONCE * squares.iter().sum::<f64>()
}

/// Mean and variance (N).
fn moments(values: &[f64]) -> (f64, f64) {
    let n = count(values.len());
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n)
}
