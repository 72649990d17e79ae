//! What a model would have said of batches of the past, frame by frame, as a live line would have had it say.

use super::model::{Model, Online};
use super::peers::{Peers, Word};
use crate::plant::Guard;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Tags that a flag names.
const NAMED: usize = 3;

/// How a batch of the past was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Made {
    /// Its start; `None` if only its frames are known.
    pub started: Option<Timestamp>,
    /// The begins of the frames from which on models judged it again, after breaks and changes of grade. Where frames
    /// are missing for want of data, what is smoothed goes on.
    pub steady: Vec<Timestamp>,
    /// The phases of its recipe that it came into, and when, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<(Timestamp, Arc<str>)>,
}

impl Made {
    /// The phase that it was in at an instant.
    #[must_use]
    pub fn phase_at(&self, instant: Timestamp) -> Option<&Arc<str>> {
        let before = self.phases.partition_point(|(at, _)| *at <= instant);
        before.checked_sub(1).map(|ix| &self.phases[ix].1).filter(|phase| !phase.is_empty())
    }
}

/// A model that is shown batches of the past, one after the other. What a line does with a model it does as well, but that
/// it knows no frame from before the first one, and that a sensor that was sick then has no values in what is kept.
#[derive(Debug, Clone)]
pub struct Backtest<'m> {
    model: &'m Model,
    /// The guard band of each column.
    guards: Vec<Guard>,
    /// What the limits of its fit are multiplied with.
    scale: f64,
    /// True if sensors that others accuse are left out.
    watches: bool,
    online: Online,
    peers: Peers,
    /// Columns whose sensors the others accuse.
    accused: BTreeSet<usize>,
    /// The end of the last frame.
    until: Option<Timestamp>,
    /// When the batch began, until its first frame.
    begins: Option<Timestamp>,
    /// True from the begin of a batch until its first frame.
    fresh: bool,
    /// When it is judged anew.
    steady: Vec<Timestamp>,
    /// How it was made.
    made: Made,
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
    /// A model that has seen nothing yet, with the guard band of each of its columns, and with the limits of its fit times
    /// `scale`.
    #[must_use]
    pub fn new(model: &'m Model, guards: Vec<Guard>, scale: f64) -> Self {
        Self {
            model,
            guards,
            scale,
            watches: true,
            online: model.start(scale),
            peers: Peers::default(),
            accused: BTreeSet::new(),
            until: None,
            begins: None,
            fresh: true,
            steady: Vec::new(),
            made: Made::default(),
            peak: None,
            flag: None,
        }
    }

    /// From here on no sensor is called sick: what is off is the plant.
    pub(super) fn trust_sensors(&mut self) {
        self.watches = false;
    }

    /// A batch begins: what was smoothed begins anew, and what the plant did before is remembered, as on a live line.
    pub fn begin(&mut self, made: &Made) {
        self.model.next_batch(&mut self.online, self.scale);
        (self.begins, self.fresh, self.steady) = (made.started, true, made.steady.clone());
        self.made = made.clone();
        (self.peak, self.flag) = (None, None);
    }

    /// The next frame of the batch: one value for each of [`Model::columns`], NaN where there is none. True if it is a
    /// reason for a flag; `None` if it could not be judged.
    pub fn frame(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        mut values: Vec<f64>,
    ) -> Option<bool> {
        let begins = if std::mem::replace(&mut self.fresh, false) {
            self.begins.take().or(Some(start))
        } else {
            None
        };
        let again = self.steady.partition_point(|at| *at <= start);
        if self.steady.drain(..again).next().is_some() {
            self.model.interrupt(&mut self.online);
        }
        let until = self.until.replace(end);
        self.model.follow(&mut self.online, (start, end), (until, begins));
        if self.watches {
            for column in self.distrusted((start, end), &values) {
                if let Some(value) = values.get_mut(column) {
                    *value = f64::NAN;
                }
            }
        }
        self.online.is_in(self.made.phase_at(start));
        let score = self.model.score(&mut self.online, &values).score?;
        self.peak = Some(self.peak.map_or(score, |peak| peak.max(score)));
        if score <= 1.0 {
            return Some(false);
        }
        let guard = |column: usize| self.guards.get(column).copied().unwrap_or_default();
        if !self.model.passes_guards(&self.online, guard) {
            self.online.excuse();
            return Some(false);
        }
        if self.flag.is_none() {
            let columns = self.model.columns();
            let shares = self.model.contributions(&self.online).into_iter().take(NAMED);
            let tags = shares.map(|(column, _)| Arc::clone(&columns[column])).collect();
            self.flag = Some(Flag { at: end, tags });
        }
        Some(true)
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
        made(test, plant, begin, (&Made::default(), spoil))
    }

    /// The same of a batch that was made so.
    fn made(
        test: &mut Backtest<'_>,
        plant: &mut Plant,
        begin: usize,
        (made, spoil): (&Made, impl Fn(usize, &mut [f64; 5]) -> bool),
    ) -> Said {
        test.begin(made);
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
        let (mut test, mut plant) = (Backtest::new(&model, Vec::new(), 1.0), Plant::new(5));
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
    fn what_is_smoothed_begins_anew_with_each_batch_and_behind_breaks_and_goes_on_behind_gaps() {
        let model = untied();
        let load = |row: &mut [f64; 5]| row[4] += 9.0;
        let gap = FRAMES - 10;
        let peak = |is_break: bool| {
            let (mut test, mut plant) = (Backtest::new(&model, Vec::new(), 1.0), Plant::new(5));
            let steady = if is_break { vec![at(gap + 1)] } else { Vec::new() };
            let batch = Made { started: Some(at(0)), steady, phases: Vec::new() };
            let spoil = |frame: usize, row: &mut [f64; 5]| {
                if frame > gap {
                    load(row);
                }
                frame != gap
            };
            let spoiled = made(&mut test, &mut plant, 0, (&batch, spoil));
            // Nothing of it is left in the next one.
            let mut fresh = Backtest::new(&model, Vec::new(), 1.0);
            let mut copy = Plant::new(5);
            for _ in 0..FRAMES {
                copy.row();
            }
            let after = said(&mut test, &mut plant, FRAMES, |_, _| true);
            let alone = said(&mut fresh, &mut copy, FRAMES, |_, _| true);
            assert_eq!(after.peak, alone.peak);
            spoiled.peak
        };
        // What a model says is told by the model; that it was interrupted there, or not, is told here.
        let by_hand = |is_break: bool| {
            let (mut online, mut copy) = (model.start(1.0), Plant::new(5));
            let mut scores = Vec::new();
            for frame in 0..FRAMES {
                let mut row = copy.row();
                if frame == gap {
                    if is_break {
                        model.interrupt(&mut online);
                    }
                    continue;
                }
                if frame > gap {
                    load(&mut row);
                }
                scores.extend(model.score(&mut online, &row).score);
            }
            scores.into_iter().reduce(f64::max)
        };
        for is_break in [false, true] {
            assert_eq!(peak(is_break), by_hand(is_break), "{is_break}");
        }
        assert_ne!(peak(false), peak(true));
    }

    #[test]
    fn a_batch_of_which_little_is_there_is_not_seen() {
        let model = model(&[]);
        let mut test = Backtest::new(&model, Vec::new(), 1.0);
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
            let (mut test, mut plant) = (Backtest::new(model, Vec::new(), 1.0), Plant::new(5));
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
