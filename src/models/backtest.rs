//! What a model would have said of batches of the past, frame by frame, as a live line would have had it say.

use super::model::{Model, Online};
use super::peers::{Peers, Word};
use crate::plant::Guard;
use crate::reading::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Tags that a flag names.
const NAMED: usize = 3;

/// A model that is shown batches of the past, one after the other, with the limits of its fit.
#[derive(Debug)]
pub struct Backtest<'m> {
    model: &'m Model,
    /// The guard band of each column.
    guards: Vec<Guard>,
    online: Online,
    peers: Peers,
    /// Columns whose sensors the others accuse.
    accused: BTreeSet<usize>,
    /// The end of the last frame.
    until: Option<Timestamp>,
    /// True from the begin of a batch until its first frame.
    fresh: bool,
    peak: Option<f64>,
    flag: Option<Flag>,
}

/// The first flag of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The end of the frame that passed the limit.
    pub at: Timestamp,
    /// The tags that the flag names, greatest share first, three at most.
    pub tags: Vec<Arc<str>>,
}

/// What a model said of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The greatest score; 1.0 is the limit. `None` if no frame could be judged.
    pub peak: Option<f64>,
    /// The first flag.
    pub flag: Option<Flag>,
    /// True if enough of it was judged: of others nobody knows whether the model would have flagged them.
    pub seen: bool,
}

impl<'m> Backtest<'m> {
    /// A model that has seen nothing yet, with the guard band of each of its columns.
    #[must_use]
    pub fn new(model: &'m Model, guards: Vec<Guard>) -> Self {
        Self {
            model,
            guards,
            online: model.start(1.0),
            peers: Peers::default(),
            accused: BTreeSet::new(),
            until: None,
            fresh: true,
            peak: None,
            flag: None,
        }
    }

    /// A batch begins: what was smoothed begins anew, and what the plant did before is remembered, as on a live line.
    pub fn begin(&mut self) {
        self.model.next_batch(&mut self.online, 1.0);
        (self.fresh, self.peak, self.flag) = (true, None, None);
    }

    /// The next frame of the batch: one value for each of [`Model::columns`], NaN where there is none.
    pub fn frame(&mut self, (start, end): (Timestamp, Timestamp), mut values: Vec<f64>) {
        let first = std::mem::replace(&mut self.fresh, false);
        if self.until.replace(end).is_some_and(|until| until != start) {
            if first {
                self.model.lose_track(&mut self.online);
            } else {
                self.model.interrupt(&mut self.online);
            }
        }
        for column in self.distrusted((start, end), &values) {
            if let Some(value) = values.get_mut(column) {
                *value = f64::NAN;
            }
        }
        let Some(score) = self.model.score(&mut self.online, &values).score else { return };
        self.peak = Some(self.peak.map_or(score, |peak| peak.max(score)));
        let guard = |column: usize| self.guards.get(column).copied().unwrap_or_default();
        if score > 1.0 && self.flag.is_none() && self.model.passes_guards(&self.online, guard) {
            let columns = self.model.columns();
            let shares = self.model.contributions(&self.online).into_iter().take(NAMED);
            let tags = shares.map(|(column, _)| Arc::clone(&columns[column])).collect();
            self.flag = Some(Flag { at: end, tags });
        }
    }

    /// The batch is over.
    pub fn end(&mut self, batch: &Arc<str>) -> Said {
        let flag = self.flag.take();
        let judged = self.online.ended(Arc::clone(batch), flag.is_some());
        Said { peak: self.peak.take(), flag, seen: judged.seen }
    }

    /// The columns that the frame is not to be judged by, for the tags tied to them say that their sensors are sick.
    fn distrusted(&mut self, (start, end): (Timestamp, Timestamp), values: &[f64]) -> Vec<usize> {
        let accused = &self.accused;
        let sick = |column: usize| accused.contains(&column);
        let span = (end, end.seconds_since(start));
        for (column, word) in self.model.watch(&mut self.peers, span, values, &sick) {
            match word {
                Word::Accused(..) => self.accused.insert(column),
                Word::Acquitted => self.accused.remove(&column),
            };
        }
        self.model.distrusted(&self.peers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixtures::{COLUMNS, FRAMES, Plant, TIES, model, table};
    use crate::models::{FitSpec, fit};
    use std::time::Duration;

    const FRAME: Duration = Duration::from_secs(10);

    fn at(frame: usize) -> Timestamp {
        Timestamp::from_nanos(0).plus(FRAME * u32::try_from(frame).unwrap())
    }

    /// A model in which no tag says anything of another: those that are set by hand have no ties of their own.
    fn untied() -> Model {
        let set = COLUMNS.map(|name| (Arc::from(name), 1e-3)).into();
        fit(&table(), &FitSpec { least_sd: set, ..model(&[]).header().spec.clone() }).unwrap()
    }

    /// What is said of a batch of the plant that begins with this frame; `spoil` is told which frame of the batch it is,
    /// and those that it says are missing are.
    fn said(
        test: &mut Backtest<'_>,
        plant: &mut Plant,
        begin: usize,
        spoil: impl Fn(usize, &mut [f64; 5]) -> bool,
    ) -> Said {
        test.begin();
        for frame in 0..FRAMES {
            let mut row = plant.row();
            if spoil(frame, &mut row) {
                test.frame((at(begin + frame), at(begin + frame + 1)), row.to_vec());
            }
        }
        test.end(&"R".into())
    }

    #[test]
    fn a_batch_is_flagged_where_it_goes_wrong_by_what_goes_wrong() {
        let model = model(&[]);
        let (mut test, mut plant) = (Backtest::new(&model, Vec::new()), Plant::new(5));
        let good = said(&mut test, &mut plant, 0, |_, _| true);
        assert!(good.seen && good.flag.is_none() && good.peak.unwrap() < 1.0, "{good:?}");
        let off = |frame: usize, row: &mut [f64; 5]| {
            row[3] += if frame >= 90 { 20.0 } else { 0.0 };
            true
        };
        let bad = said(&mut test, &mut plant, FRAMES, off);
        let flag = bad.flag.unwrap();
        assert!(flag.at > at(FRAMES + 90) && flag.at <= at(FRAMES + 100), "{flag:?}");
        assert_eq!(&*flag.tags[0], COLUMNS[3], "{flag:?}");
        assert!(flag.tags.len() <= NAMED && bad.peak.unwrap() > 1.0);
        // Nothing of it is left in the next one.
        assert_eq!(said(&mut test, &mut plant, 2 * FRAMES, |_, _| true).flag, None);
    }

    #[test]
    fn what_is_smoothed_begins_anew_with_each_batch_and_behind_each_gap() {
        let model = untied();
        let (mut test, mut plant) = (Backtest::new(&model, Vec::new()), Plant::new(5));
        let load = |row: &mut [f64; 5]| row[4] += 9.0;
        let gap = FRAMES - 10;
        let spoiled = said(&mut test, &mut plant, 0, |frame, row| {
            if frame > gap {
                load(row);
            }
            frame != gap
        });
        // What a model says is told by the model; that it was interrupted there is told here.
        let (mut online, mut copy) = (model.start(1.0), Plant::new(5));
        let mut scores = Vec::new();
        for frame in 0..FRAMES {
            let mut row = copy.row();
            if frame == gap {
                model.interrupt(&mut online);
                continue;
            }
            if frame > gap {
                load(&mut row);
            }
            scores.extend(model.score(&mut online, &row).score);
        }
        assert_eq!(spoiled.peak, scores.into_iter().reduce(f64::max));
        let mut fresh = Backtest::new(&model, Vec::new());
        let after = said(&mut test, &mut plant, FRAMES, |_, _| true);
        let alone = said(&mut fresh, &mut copy, FRAMES, |_, _| true);
        assert_eq!(after.peak, alone.peak);
    }

    #[test]
    fn a_batch_of_which_little_is_there_is_not_seen() {
        let model = model(&[]);
        let mut test = Backtest::new(&model, Vec::new());
        let nothing = said(&mut test, &mut Plant::new(5), 0, |frame, row| {
            if frame >= 20 {
                *row = [f64::NAN; 5];
            }
            true
        });
        assert!(!nothing.seen && nothing.peak.is_some());
        let none = said(&mut test, &mut Plant::new(5), FRAMES, |_, row| {
            *row = [f64::NAN; 5];
            true
        });
        assert_eq!(none, Said { peak: None, flag: None, seen: false });
    }

    #[test]
    fn no_batch_is_flagged_by_a_sensor_that_the_others_accuse() {
        let tied = model(&TIES);
        let untied = untied();
        let offset = |row: &mut [f64; 5]| row[1] += 2.0;
        let flag = |model| {
            let (mut test, mut plant) = (Backtest::new(model, Vec::new()), Plant::new(5));
            said(&mut test, &mut plant, 0, |frame, row| {
                if frame > 90 {
                    offset(row);
                }
                true
            });
            let after = said(&mut test, &mut plant, FRAMES, |_, row| {
                offset(row);
                true
            });
            after.flag
        };
        let names = |flag: &Option<Flag>| {
            flag.as_ref().is_some_and(|flag| flag.tags.iter().any(|tag| **tag == *COLUMNS[1]))
        };
        let (with, without) = (flag(&tied), flag(&untied));
        assert!(!names(&with) && names(&without), "{with:?} {without:?}");
    }
}
