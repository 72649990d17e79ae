//! From rows to a model, with limits from rows that it was not fitted on.

use super::borrowed::Borrowing;
use super::calibrate::{self, Calibration};
use super::delays;
use super::differences::{self, Difference, Lags};
use super::dynamic::frames_in_row;
use super::held_out::{Dynamics, HeldOut, folds};
use super::model::{Header, LIBRARIES, Model, Parts, Recipe};
use super::movers::Movers;
use super::multiway::{self, Multiway};
use super::pca::{Components, Pca};
use super::screen::{FitError, Screened, rows_of, screen};
use super::statistic::Weights;
use super::ties::Ties;
use super::{FitSpec, Table};
use ndarray::{Array1, Array2};
use std::borrow::Cow;
use std::sync::Arc;

/// The stretch of a recording that stands in for a batch where none is told, s.
const STRETCH_S: f64 = 1800.0;

/// With fewer of them more is known from their frames.
const STRETCHES_AT_LEAST: usize = 10;

/// What who fits is at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// Frames are read: so much of them.
    Reading(f64),
    /// The monitors are fitted.
    Fitting,
    /// Limits are set on what was held out.
    Calibrating,
    /// The model is tried against the one that judges: on so much of the batches.
    Trial(f64),
}

impl Stage {
    /// The same for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading(_) => "reading frames",
            Self::Fitting => "fitting",
            Self::Calibrating => "held-out calibration",
            Self::Trial(_) => "trial",
        }
    }

    /// The share of it that is done, where that is known.
    #[must_use]
    pub fn done(self) -> Option<f64> {
        match self {
            Self::Reading(done) | Self::Trial(done) => Some(done),
            Self::Fitting | Self::Calibrating => None,
        }
    }
}

/// Fits a model and calibrates it on parts that it was not fitted on.
///
/// # Errors
/// When too few columns, rows or blocks can be used: with the counts.
pub fn fit(table: &Table, spec: &FitSpec) -> Result<Model, FitError> {
    fit_telling(table, spec, &mut |_| ())
}

/// The same, and says what it is at.
///
/// # Errors
/// As above.
pub fn fit_telling(
    table: &Table,
    spec: &FitSpec,
    tell: &mut dyn FnMut(Stage),
) -> Result<Model, FitError> {
    fit_with(&Rows::of(table, spec, true), spec, None, tell)
}

/// The rows that a model is fitted on.
pub(super) struct Rows<'t> {
    /// As they were measured.
    pub(super) levels: Cow<'t, Table>,
    /// With the changes of tags that wander, and of which; nothing where none does.
    pub(super) changes: Option<(Table, Lags, Vec<Difference>)>,
}

impl<'t> Rows<'t> {
    /// Those of a table; `estimates` as in [`differences::choose`].
    pub(super) fn of(table: &'t Table, spec: &FitSpec, estimates: bool) -> Self {
        let (lags, differences) = differences::choose(table, spec, estimates);
        let changes = (!lags.is_empty()).then(|| (lags.changes(table), lags, differences));
        Self { levels: Cow::Borrowed(table), changes }
    }

    /// As the monitors are given them.
    fn judged(&self) -> &Table {
        self.changes.as_ref().map_or(&*self.levels, |(changes, ..)| changes)
    }

    /// Of which of these columns the change is taken, and over what.
    fn differences(&self, columns: &[usize]) -> (Lags, Vec<Difference>) {
        let Some((_, Lags(lags), differences)) = &self.changes else { return Default::default() };
        let used = lags.iter().cloned().zip(differences.iter().cloned());
        let (lags, differences) = used.filter(|(lag, _)| columns.contains(&lag.column)).unzip();
        (Lags(lags), differences)
    }
}

/// The same, where some of the rows may be those of other grades.
pub(super) fn fit_with(
    rows: &Rows<'_>,
    spec: &FitSpec,
    borrowing: Option<&Borrowing>,
    tell: &mut dyn FnMut(Stage),
) -> Result<Model, FitError> {
    tell(Stage::Fitting);
    let table = rows.judged();
    if spec.batches && table.left_out > 0 && table.blocks.len() < 2 {
        let (have, left_out) = (table.blocks.len(), table.left_out);
        return Err(FitError::TooFewBlocks { have, left_out });
    }
    let screened = screen(table)?;
    let (lags, differences) = rows.differences(&screened.columns);
    let least = screened.columns.iter().map(|ix| {
        // Where operators may set a level says nothing of its changes.
        let is_level = lags.frames(*ix).is_none();
        let set =
            spec.least_sd.get(&table.columns[*ix]).copied().filter(|_| is_level).unwrap_or(0.0);
        borrowing.map_or(set, |borrowing| set.max(borrowing.least[*ix]))
    });
    let least = Array1::from_iter(least);
    let pca = Pca::fit(screened.rows.view(), Components::Parallel(spec.seed), least.view())?;
    let folds = folds(&screened, spec.batches);
    if folds.len() < 2 {
        let have = screened.blocks.len();
        return Err(FitError::TooFewBlocks { have, left_out: table.left_out });
    }
    let seconds = spec.frame.as_secs_f64();
    let every = frames_in_row(seconds);
    let weights = Weights::new(seconds);
    let measure = |dynamics: Option<&Dynamics>| {
        let monitors = (&pca, least.view());
        HeldOut::measure(&screened, monitors, (dynamics, every), (&folds, spec.batches))
    };
    let mut dynamics = Dynamics::fit(&screened, &pca, &folds, every)?;
    tell(Stage::Calibrating);
    let mut held_out = measure(dynamics.as_ref())?;
    if dynamics.is_some() && !held_out.is_dynamic() {
        // Batches shorter than its past.
        dynamics = None;
        held_out = measure(None)?;
    }
    let (levels, ratios) = held_out.levels(&weights);
    // Where other grades are in a recipe says nothing of this one.
    let follows = spec.batches && borrowing.is_none();
    let courses = if follows { courses(table, &screened)? } else { None };
    let (mut calibration, multiway) = calibration(&ratios, courses, spec, every);
    let widened = borrowing.map(|borrowing| {
        let reached = ratios.iter().map(|batch| batch.iter().copied().fold(0.0, f64::max));
        let reached = screened.origins.iter().copied().zip(reached);
        let reached = reached.filter(|_| calibration.is_of_batches());
        let by;
        (calibration, by) = borrowing.widen(calibration.clone(), reached);
        by
    });
    let set = spec.least_sd.keys().map(|name| &**name).collect();
    let measured = if lags.is_empty() {
        None
    } else {
        Some(rows_of(&rows.levels, screened.columns.clone(), Vec::new())?)
    };
    let of_levels = measured.as_ref().unwrap_or(&screened);
    let ties = Ties::fit(of_levels, &table.columns, seconds, &spec.ties, &set);
    drop(measured);
    let movers = Movers::fit(&screened, &pca, seconds)?;
    let delays = delays::estimate(&rows.levels, &screened.columns, seconds);
    let cva = dynamics.map(|dynamics| dynamics.whole);
    let header = Header {
        kind: if cva.is_some() { "cva" } else { "pca" }.into(),
        onspec: env!("CARGO_PKG_VERSION").into(),
        columns: table.columns.clone(),
        dropped: screened.dropped,
        rows: pca.rows,
        blocks: screened.blocks.len(),
        left_out: table.left_out,
        components: pca.components(),
        explained: pca.explained(),
        states: cva.as_ref().map_or(0, |cva| cva.states().0),
        states_judged: cva.as_ref().map_or(0, |cva| cva.states().1),
        recipe: multiway.as_ref().map(|multiway| Recipe {
            positions: multiway.positions(),
            explained: multiway.explained(),
            phases: multiway.phases(),
            indicator: multiway
                .indicator()
                .map(|ix| Arc::clone(&table.columns[screened.columns[ix]])),
        }),
        spec: spec.clone(),
        calibration,
        source: table.source.clone(),
        widened,
        delays,
        differences,
        libraries: LIBRARIES.map(Into::into).into(),
    };
    let used = screened.columns;
    let parts = Parts { used, lags, pca, cva, every, weights, levels, multiway, ties, movers };
    Ok(Model::new(header, parts))
}

/// What batches do along their recipe, if they follow one, and what each reached when it was held out.
fn courses(table: &Table, screened: &Screened) -> Result<Option<multiway::Fitted>, FitError> {
    let lengths: Vec<usize> =
        screened.origins.iter().map(|block| table.made(*block, false).count()).collect();
    Multiway::fit(&lengths, &Batches { table, screened })
}

/// The rows of the batches of a table, of the columns that were kept.
struct Batches<'t> {
    table: &'t Table,
    screened: &'t Screened,
}

impl<'t> multiway::Courses<'t> for Batches<'t> {
    fn rows(&self, batch: usize, whole: bool) -> Array2<f64> {
        let made = self.table.made(self.screened.origins[batch], whole);
        let values: Vec<f64> = made
            .flat_map(|row| {
                let row = self.table.row(row);
                self.screened.columns.iter().map(|column| row[*column])
            })
            .collect();
        let columns = self.screened.columns.len();
        Array2::from_shape_vec((values.len() / columns, columns), values)
            .expect("each row has a value for each column")
    }

    fn phases(&self, batch: usize, whole: bool) -> Vec<Option<&'t Arc<str>>> {
        self.table.phases_of(self.screened.origins[batch], whole)
    }
}

/// The factor on the levels that keeps the budget.
fn calibration(
    ratios: &[Vec<f64>],
    courses: Option<multiway::Fitted>,
    spec: &FitSpec,
    every: usize,
) -> (Calibration, Option<Multiway>) {
    let (rate, per_batch) = calibrate::rate(spec.budget, spec.frame.as_secs_f64());
    if !per_batch {
        return (calibrate::by_frames(ratios, rate, every), None);
    }
    // A budget in batches for a recording that tells none: stretches stand in for them.
    let stretch = frames_in(STRETCH_S, spec);
    let greatest = |values: &[f64]| values.iter().copied().reduce(f64::max);
    let mut multiway = None;
    let maxima: Vec<f64> = if spec.batches {
        let mut maxima: Vec<f64> = ratios.iter().filter_map(|batch| greatest(batch)).collect();
        if let Some((mut model, along)) = courses {
            // What rows say and what the batch as a whole does have each a spread of their own. By their own limits they
            // are put on one scale, and then calibrated together: one factor keeps the budget.
            let (of_rows, of_courses) =
                (calibrate::by_batches(&maxima, rate), calibrate::by_batches(&along, rate));
            let scale = of_rows.factor / of_courses.factor;
            model.rescale(scale);
            maxima.iter_mut().zip(along).for_each(|(row, along)| *row = row.max(along * scale));
            multiway = Some(model);
        }
        maxima
    } else {
        let stretches = ratios.iter().flat_map(|all| all.chunks(stretch));
        stretches.filter(|part| 2 * part.len() > stretch).filter_map(greatest).collect()
    };
    let calibration = if spec.batches || maxima.len() >= STRETCHES_AT_LEAST {
        calibrate::by_batches(&maxima, rate)
    } else {
        calibrate::by_frames_for_batches(ratios, rate, (stretch, every))
    };
    (calibration, multiway)
}

/// The frames in so many seconds, at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of frames")]
fn frames_in(seconds: f64, spec: &FitSpec) -> usize {
    (seconds / spec.frame.as_secs_f64()).round().max(1.0) as usize
}
