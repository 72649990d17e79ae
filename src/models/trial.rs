//! Whether a new model is better than the one that judges: both are put to batches of the store that neither was
//! fitted on.
//!
//! A week brings few bad batches and next to no false flags, so that both models are also asked for deviations that are put
//! into good batches: one tag off by half of its standard deviation to four times as much, from the middle of the batch on.
//! What both find, or neither, tells nothing; of what one of them finds alone a sign test (McNemar 1947, exact) says
//! whether it is more than chance.

use super::model::{Model, Online};
use super::{Table, calibrate};
use crate::reading::Count;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What happens by chance less often than this is no chance.
const CHANCE: f64 = 0.05;

/// Deviations that are put into good batches, in all; each batch has at least one.
const ALTERED: usize = 48;

/// How far a tag is off, in standard deviations of the batch.
const SIZES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

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
    pub reason: String,
}

impl Flagged {
    fn take(&mut self, present: bool, new: bool) {
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
}

impl Side<'_> {
    /// The positions of the model's columns in a table; of one that is not there every value is missing.
    fn columns(&self, table: &Table) -> Vec<Option<usize>> {
        let of = |name: &Arc<str>| table.columns.iter().position(|column| column == name);
        self.model.columns().iter().map(of).collect()
    }

    /// Goes through rows; true if one of them passes the limit. `off` says which column of the table is off by how much.
    fn flags(
        &self,
        online: &mut Online,
        (table, rows): (&Table, std::ops::Range<usize>),
        off: Option<(usize, f64)>,
    ) -> bool {
        let columns = self.columns(table);
        let mut row = vec![0.0; columns.len()];
        let mut flagged = false;
        for ix in rows {
            let values = table.row(ix);
            if values.iter().all(|value| value.is_nan()) {
                // Frames are missing here.
                self.model.interrupt(online);
                continue;
            }
            for (value, column) in row.iter_mut().zip(&columns) {
                *value = column.map_or(f64::NAN, |column| {
                    let by = off.filter(|(of, _)| *of == column).map_or(0.0, |(_, by)| by);
                    values[column] + by
                });
            }
            let score = self.model.score(online, &row).score;
            flagged |= score.is_some_and(|score| score > 1.0);
        }
        flagged
    }
}

impl<'m> Trying<'m> {
    /// A trial of a new model against the one of this version that judges, with its limits as they are by now: those of
    /// its fit times `scale`. So many good batches will come.
    #[must_use]
    pub fn new(
        (version, present, scale): (u32, &'m Model, f64),
        new: &'m Model,
        expected: usize,
    ) -> Self {
        Self {
            present: Side { model: present, scale },
            new: Side { model: new, scale: 1.0 },
            trial: Trial { against: version, ..Trial::default() },
            expected,
            altered: 0,
        }
    }

    /// Takes a batch that was bad.
    pub fn bad(&mut self, batch: &Table) {
        let [present, new] = self.whole(batch);
        self.trial.bad.take(present, new);
    }

    /// Takes one that was good: as it is, and with deviations.
    pub fn good(&mut self, batch: &Table) {
        let [present, new] = self.whole(batch);
        self.trial.good.take(present, new);
        if present || new {
            // Whatever is put into it, what a model flags is no answer to that.
            return;
        }
        let watched: Vec<(usize, f64)> = (0..batch.columns.len())
            .filter(|column| self.is_watched(&batch.columns[*column]))
            .filter_map(|column| Some((column, deviation(batch, column)?)))
            .collect();
        if watched.is_empty() {
            return;
        }
        let rows = batch.rows();
        let middle = rows / 2;
        let before = [&self.present, &self.new].map(|side| {
            let mut online = side.model.start(side.scale);
            side.flags(&mut online, (batch, 0..middle), None);
            online
        });
        for _ in 0..(ALTERED / self.expected.max(1)).max(1) {
            let n = self.altered;
            self.altered += 1;
            let (column, sd) = watched[n % watched.len()];
            // Each tag meets each size, up and down, in turn.
            let turn = n / watched.len() + n;
            let sign = if (turn / SIZES.len()).is_multiple_of(2) { 1.0 } else { -1.0 };
            let off = Some((column, sign * SIZES[turn % SIZES.len()] * sd));
            let finds = |side: &Side<'_>, before: &Online| {
                side.flags(&mut before.clone(), (batch, middle..rows), off)
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

    /// The rule, in words where it is met first: never worse on good, bad and altered batches, and better on one of them.
    fn verdict(&self) -> (bool, String) {
        let Trial { good, bad, altered, against, .. } = &self.trial;
        let (now, limits) =
            (&self.present.model.header().calibration, &self.new.model.header().calibration);
        if good.of == 0 {
            return (false, "no good batch is kept that neither model was fitted on".to_owned());
        }
        let too_often = |wrong: u32| is_more_than_chance(wrong, good.of, limits.rate);
        let flags = |flagged: &Flagged| {
            format!("{} where version {against} flags {}", flagged.by_new(), flagged.by_present())
        };
        let goods = Count(good.of, "good batch");
        if good.by_new() > good.by_present() && too_often(good.by_new()) {
            return (false, format!("of {goods} it flags {}", flags(good)));
        }
        if bad.by_new() < bad.by_present() {
            return (false, format!("of {} it flags {}", Count(bad.of, "bad batch"), flags(bad)));
        }
        let deviations = Count(altered.of, "deviation");
        let finds = format!(
            "of {deviations} put into good batches it finds {} where version {against} finds {}",
            altered.by_new(),
            altered.by_present()
        );
        if is_ahead(altered.only_present, altered.only_new) {
            return (false, finds);
        }
        if good.by_new() < good.by_present() && too_often(good.by_present()) {
            return (true, format!("of {goods} it flags {}", flags(good)));
        }
        if bad.by_new() > bad.by_present() {
            return (true, format!("of {} it flags {}", Count(bad.of, "bad batch"), flags(bad)));
        }
        if is_ahead(altered.only_new, altered.only_present) {
            return (true, finds);
        }
        if now.provisional && !limits.provisional {
            return (
                true,
                format!("its limits are firm where those of version {against} are provisional"),
            );
        }
        (false, format!("{finds}, and of {goods} it flags {}", flags(good)))
    }

    /// Both models' flags on a batch as it is.
    fn whole(&self, batch: &Table) -> [bool; 2] {
        [&self.present, &self.new].map(|side| {
            let mut online = side.model.start(side.scale);
            side.flags(&mut online, (batch, 0..batch.rows()), None)
        })
    }

    /// True if one of the models uses this column.
    fn is_watched(&self, name: &str) -> bool {
        [&self.present, &self.new].iter().any(|side| side.model.uses(name))
    }
}

/// The standard deviation of a column in a batch; `None` if it stands still.
fn deviation(table: &Table, column: usize) -> Option<f64> {
    let values =
        || (0..table.rows()).map(|ix| table.row(ix)[column]).filter(|value| value.is_finite());
    let n = calibrate::count(values().count());
    let mean = values().sum::<f64>() / n;
    let squares: f64 = values().map(|value| (value - mean) * (value - mean)).sum();
    let sd = (squares / (n - 1.0)).sqrt();
    (n > 1.0 && sd > 1e-12 * mean.abs()).then_some(sd)
}

#[cfg(test)]
mod tests;
