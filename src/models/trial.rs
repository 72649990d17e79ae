//! Whether a new model is better than the one that judges: both are put to batches of the store that neither was
//! fitted on.
//!
//! A week brings few bad batches and next to no false flags, so that both models are also asked for deviations that are
//! put into good batches: one tag off by one to sixteen standard deviations, from the middle of the batch on. That is the
//! deviation over all batches of the fit in which it is smaller: limits of a mill lie far beyond that within a batch.
//! Both say of each batch what a line would have had them say ([`Backtest`]), by the guard bands of its tags; but a deviation
//! that is put into it is one of the plant, of which no sensor is accused.
//! What both find, or neither, tells nothing; of what one of them finds alone a sign test (McNemar 1947, exact) says
//! whether it is more than chance. The present model has its limits as they are by now, which followed good batches, also
//! those of the trial: it may look quieter on these than it will be, and no sharper.

use super::backtest::{Backtest, Made};
use super::calibrate;
use super::model::Model;
use crate::plant::Guard;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What happens by chance less often than this is no chance.
const CHANCE: f64 = 0.05;

/// Deviations that are put into good batches, in all, and into one of them at most: those of one batch say much the same.
const ALTERED: usize = 48;
const ALTERED_IN_ONE: usize = 12;

/// How far a tag is off, in standard deviations of a fit.
const SIZES: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 16.0];

/// Where a budget counts frames, some of a good batch pass the limit. It counts as flagged where so many times as many do.
const FRAMES_OVER: f64 = 10.0;

/// The batches of one kind that were flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flagged {
    /// Batches that were put to both models.
    pub of: u32,
    /// Those that both flag.
    pub both: u32,
    /// Those that only the model flags that judges.
    pub only_present: u32,
    /// Those that only the new one flags.
    pub only_new: u32,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Trial {
    /// The version that the new model was tried against.
    pub against: u32,
    /// Good batches.
    pub good: Flagged,
    /// Bad ones.
    pub bad: Flagged,
    /// Good ones with a deviation put into them.
    pub altered: Flagged,
    /// True if the new model is the better one.
    pub better: bool,
    /// Why, or why not.
    pub reason: TrialReason,
}

/// What decides a trial, for the new model or against it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialReason {
    /// There is no good batch to show anything.
    #[default]
    NoGood,
    /// What it flags of good batches.
    Good,
    /// What it flags of bad ones.
    Bad,
    /// What it finds of deviations put into good ones.
    Altered,
    /// Its limits are firm, where those of the present one are provisional.
    Firm,
    /// Neither is better by what was found of altered and good ones.
    Neither,
    /// A text, of an earlier release.
    #[serde(untagged)]
    Said(Arc<str>),
}

impl Flagged {
    pub(super) fn take(&mut self, present: bool, new: bool) {
        self.of += 1;
        self.both += u32::from(present && new);
        self.only_present += u32::from(present && !new);
        self.only_new += u32::from(new && !present);
    }

    /// How many the model flags that judges.
    #[must_use]
    pub fn by_present(&self) -> u32 {
        self.both + self.only_present
    }

    /// How many the new one flags.
    #[must_use]
    pub fn by_new(&self) -> u32 {
        self.both + self.only_new
    }
}

/// True if chance explains less than so many of `n` at a rate.
fn is_more_than_chance(k: u32, n: u32, rate: f64) -> bool {
    calibrate::at_least(k as usize, n as usize, rate) < CHANCE
}

/// True if the first of two is more often alone than chance explains.
fn is_ahead(alone: u32, other_alone: u32) -> bool {
    is_more_than_chance(alone, alone + other_alone, 0.5)
}

/// A batch of the past, as its line made it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PastBatch {
    /// How it was made.
    pub made: Made,
    /// The ids of the tags, one for each column.
    pub columns: Vec<Arc<str>>,
    /// The begin and the end of each frame, in order.
    pub frames: Vec<(Timestamp, Timestamp)>,
    /// Their values, frame after frame, `columns.len()` in each; NaN where there is none.
    pub values: Vec<f64>,
}

impl PastBatch {
    fn row(&self, ix: usize) -> &[f64] {
        let width = self.columns.len();
        &self.values[ix * width..(ix + 1) * width]
    }
}

/// Two models on trial.
#[derive(Debug)]
pub struct Trying<'m> {
    /// The model that judges, and what its limits are multiplied with by now.
    present: Side<'m>,
    new: Side<'m>,
    trial: Trial,
    /// Good batches that will come.
    expected: usize,
    /// Deviations so far: sizes, tags and directions go round.
    altered: usize,
}

#[derive(Debug)]
struct Side<'m> {
    model: &'m Model,
    scale: f64,
    /// The guard band of each column of the model.
    guards: Vec<Guard>,
}

impl<'m> Side<'m> {
    fn new(model: &'m Model, scale: f64, guards: &BTreeMap<Arc<str>, Guard>) -> Self {
        let guard = |name: &Arc<str>| guards.get(name).copied().unwrap_or_default();
        Self { model, scale, guards: model.columns().iter().map(guard).collect() }
    }

    /// At the begin of a batch.
    fn begin(&self, batch: &PastBatch) -> Backtest<'m> {
        let mut test = Backtest::new(self.model, self.guards.clone(), self.scale);
        test.begin(&batch.made);
        test
    }

    /// Goes through frames; true if one of them is a reason for a flag, or where the budget counts frames, if more are than
    /// it explains. `off` says which column of the batch is off by how much. A column that the batch lacks has no values.
    fn flags(
        &self,
        test: &mut Backtest<'_>,
        (batch, frames): (&PastBatch, Range<usize>),
        off: Option<(usize, f64)>,
    ) -> bool {
        let of = |name: &Arc<str>| batch.columns.iter().position(|column| column == name);
        let columns: Vec<Option<usize>> = self.model.columns().iter().map(of).collect();
        let (mut over, mut judged) = (0, 0);
        for ix in frames {
            let row = batch.row(ix);
            let value = |column: &Option<usize>| {
                column.map_or(f64::NAN, |column| {
                    let by = off.filter(|(of, _)| *of == column).map_or(0.0, |(_, by)| by);
                    row[column] + by
                })
            };
            if let Some(is_reason) =
                test.frame(batch.frames[ix], columns.iter().map(value).collect())
            {
                judged += 1;
                over += usize::from(is_reason);
            }
        }
        let calibration = &self.model.header().calibration;
        let allowed =
            if calibration.is_of_batches() { 0.0 } else { FRAMES_OVER * calibration.rate };
        calibrate::count(over) > allowed * calibrate::count(judged)
    }
}

impl<'m> Trying<'m> {
    /// A trial of a new model against the one of this version that judges, with its limits as they are by now: those of
    /// its fit times `scale`. So many good batches will come; `guards` are those of the tags that have one.
    #[must_use]
    pub fn new(
        (version, present, scale): (u32, &'m Model, f64),
        new: &'m Model,
        expected: usize,
        guards: &BTreeMap<Arc<str>, Guard>,
    ) -> Self {
        Self {
            present: Side::new(present, scale, guards),
            new: Side::new(new, 1.0, guards),
            trial: Trial { against: version, ..Trial::default() },
            expected,
            altered: 0,
        }
    }

    /// Takes a batch that was bad.
    pub fn bad(&mut self, batch: &PastBatch) {
        let [present, new] = self.whole(batch);
        self.trial.bad.take(present, new);
    }

    /// Takes one that was good: as it is, and with deviations.
    pub fn good(&mut self, batch: &PastBatch) {
        let [present, new] = self.whole(batch);
        self.trial.good.take(present, new);
        if present || new {
            // Whatever is put into it, what a model flags is no answer to that.
            return;
        }
        let watched: Vec<(usize, f64)> = (0..batch.columns.len())
            .filter_map(|column| Some((column, self.deviation(&batch.columns[column])?)))
            .collect();
        if watched.is_empty() {
            return;
        }
        let frames = batch.frames.len();
        let middle = frames / 2;
        let before = [&self.present, &self.new].map(|side| {
            let mut test = side.begin(batch);
            side.flags(&mut test, (batch, 0..middle), None);
            test.trust_sensors();
            test
        });
        let deviations = (ALTERED / self.expected.max(1)).clamp(1, ALTERED_IN_ONE);
        for _ in 0..deviations.min(2 * SIZES.len() * watched.len()) {
            let (ix, size, up) = deviation_of(self.altered, watched.len());
            self.altered += 1;
            let (column, sd) = watched[ix];
            let off = Some((column, if up { size * sd } else { -size * sd }));
            let finds = |side: &Side<'_>, before: &Backtest<'_>| {
                side.flags(&mut before.clone(), (batch, middle..frames), off)
            };
            let (present, new) = (finds(&self.present, &before[0]), finds(&self.new, &before[1]));
            self.trial.altered.take(present, new);
        }
    }

    /// What came of it.
    #[must_use]
    pub fn done(mut self) -> Trial {
        let (better, reason) = self.verdict();
        (self.trial.better, self.trial.reason) = (better, reason);
        self.trial
    }

    /// The rule, and what decides. The new model is worse if it is behind by more than chance on good, bad or altered batches, or
    /// flags more good ones than its budget explains where the present one flags fewer; what a model finds that flags good ones as
    /// well is no merit. It is better if it is ahead on one of the three, or if its limits are firm where those of the present one
    /// are provisional.
    fn verdict(&self) -> (bool, TrialReason) {
        let Trial { good, bad, altered, .. } = &self.trial;
        let calibration = &self.new.model.header().calibration;
        if good.of == 0 {
            return (false, TrialReason::NoGood);
        }
        let quieter = is_ahead(good.only_present, good.only_new);
        let beyond_budget = calibration.is_of_batches()
            && good.by_new() > good.by_present()
            && is_more_than_chance(good.by_new(), good.of, calibration.rate);
        if beyond_budget || is_ahead(good.only_new, good.only_present) {
            return (false, TrialReason::Good);
        }
        if !quieter && is_ahead(bad.only_present, bad.only_new) {
            return (false, TrialReason::Bad);
        }
        if is_ahead(altered.only_present, altered.only_new) {
            return (false, TrialReason::Altered);
        }
        if quieter {
            return (true, TrialReason::Good);
        }
        if is_ahead(bad.only_new, bad.only_present) {
            return (true, TrialReason::Bad);
        }
        if is_ahead(altered.only_new, altered.only_present) {
            return (true, TrialReason::Altered);
        }
        if self.present.model.header().calibration.provisional && !calibration.provisional {
            return (true, TrialReason::Firm);
        }
        (false, TrialReason::Neither)
    }

    /// Both models' flags on a batch as it is.
    fn whole(&self, batch: &PastBatch) -> [bool; 2] {
        [&self.present, &self.new]
            .map(|side| side.flags(&mut side.begin(batch), (batch, 0..batch.frames.len()), None))
    }

    /// The standard deviation of a column in the fits of those models that use it, the smaller one: what the other takes
    /// for ordinary is news to this.
    fn deviation(&self, name: &str) -> Option<f64> {
        let sides = [&self.present, &self.new];
        sides.iter().filter_map(|side| side.model.deviation(name)).reduce(f64::min)
    }
}

/// Which of so many tags the deviation of a number is of, its size in standard deviations, and whether it goes up: each
/// tag meets each size, up and down, before any comes again.
fn deviation_of(number: usize, tags: usize) -> (usize, f64, bool) {
    let (tag, round) = (number % tags, number / tags);
    let up = (round / SIZES.len() + tag).is_multiple_of(2);
    (tag, SIZES[(round + tag) % SIZES.len()], up)
}

#[cfg(test)]
mod tests;
