//! A plant whose good batches are known to be exchangeable: what its model promises can be counted.

use onspec::models::{FitSpec, Model, Table, fit};
use onspec::plant::Budget;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tags, and what moves them.
pub(crate) const TAGS: usize = 10;
const CAUSES: usize = 3;

/// The length of a frame, and the frames of a batch: 15 minutes.
pub(crate) const FRAME: Duration = Duration::from_secs(10);
const FRAMES: usize = 90;

/// What stays of a cause, and of a tag's own noise, after a frame.
const CAUSE_STAYS: f64 = 0.95;
const NOISE_STAYS: f64 = 0.5;

/// The standard deviation of a cause over lots, against 1 within a batch; and of a tag's own noise.
const LOTS: f64 = 0.6;
const NOISE: f64 = 0.4;

/// What is other than it was while the plant learned.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    /// How far the furnish is from where it was: the mean of the first cause over lots.
    pub(crate) furnish: f64,
    /// How far the first tag is from what the causes make of it.
    pub(crate) fault: f64,
    /// How far another tag is, from the middle of the batch on.
    pub(crate) half: Option<(usize, f64)>,
}

impl Change {
    /// How far a tag is, in a row.
    fn of(self, tag: usize, row: usize) -> f64 {
        let half = self.half.filter(|(of, _)| *of == tag && row >= FRAMES / 2);
        half.map_or(0.0, |(_, far)| far) + if tag == 0 { self.fault } else { 0.0 }
    }
}

/// A plant of its own: another seed has other relations between its tags.
pub(crate) struct SimulatedPlant {
    chance: Xoshiro256PlusPlus,
    loads: [[f64; CAUSES]; TAGS],
}

impl SimulatedPlant {
    pub(crate) fn new(seed: u64) -> Self {
        let mut plant =
            Self { chance: Xoshiro256PlusPlus::seed_from_u64(seed), loads: [[0.0; CAUSES]; TAGS] };
        plant.loads = std::array::from_fn(|_| std::array::from_fn(|_| plant.normal()));
        plant
    }

    /// Another grade of it: the relations between its tags are another by such a share.
    pub(crate) fn like(&mut self, by: f64) -> Self {
        let chance = Xoshiro256PlusPlus::seed_from_u64(self.chance.next_u64());
        let mut loads = self.loads;
        loads.iter_mut().flatten().for_each(|load| *load *= 1.0 + by * self.normal());
        Self { chance, loads }
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let mut uniform = || (f64::from(self.chance.next_u32()) + 0.5) / 4_294_967_296.0;
        let (radius, angle) = (uniform(), uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A batch of a new lot, row after row.
    pub(crate) fn batch(&mut self, change: Change) -> Vec<f64> {
        let lot: [f64; CAUSES] = std::array::from_fn(|ix| {
            LOTS * self.normal() + if ix == 0 { change.furnish } else { 0.0 }
        });
        let mut causes: [f64; CAUSES] = std::array::from_fn(|_| self.normal());
        let mut noise: [f64; TAGS] = std::array::from_fn(|_| self.normal());
        let next =
            |value: f64, stays: f64, new: f64| stays * value + (1.0 - stays * stays).sqrt() * new;
        let mut rows = Vec::with_capacity(FRAMES * TAGS);
        for row in 0..FRAMES {
            for cause in &mut causes {
                *cause = next(*cause, CAUSE_STAYS, self.normal());
            }
            for (tag, noise) in noise.iter_mut().enumerate() {
                *noise = next(*noise, NOISE_STAYS, self.normal());
                let value: f64 =
                    (0..CAUSES).map(|ix| self.loads[tag][ix] * (lot[ix] + causes[ix])).sum();
                rows.push(value + NOISE * *noise + change.of(tag, row));
            }
        }
        rows
    }

    /// A model of so many good batches, for a budget of one wrong flag in so many.
    pub(crate) fn model(&mut self, batches: usize, one_in: u32) -> Model {
        self.model_of(&vec![Change::default(); batches], one_in)
    }

    /// A fault of a tag of its own, from `least` to twice as far, up or down, from the middle of a batch on.
    pub(crate) fn fault(&mut self, least: f64) -> Change {
        let tag = self.chance.next_u32() as usize % TAGS;
        let share = f64::from(self.chance.next_u32()) / f64::from(u32::MAX);
        let far = (1.0 + share) * least * if self.chance.next_u32() & 1 == 0 { 1.0 } else { -1.0 };
        Change { half: Some((tag, far)), ..Change::default() }
    }

    /// A model of batches in which this was other than it should be.
    pub(crate) fn model_of(&mut self, batches: &[Change], one_in: u32) -> Model {
        let mut table = table();
        for change in batches {
            table.blocks.push(table.rows());
            table.values.extend(self.batch(*change));
        }
        fit(&table, &spec(one_in)).expect("enough batches")
    }

    /// The greatest score of a new batch by the limits of the fit.
    pub(crate) fn peak(&mut self, model: &Model, change: Change) -> f64 {
        let mut online = model.start(1.0);
        for row in self.batch(change).chunks(TAGS) {
            model.score(&mut online, row);
        }
        online.ended("".into(), false).peak.expect("every frame is judged")
    }
}

/// A table of the plant's tags, without rows.
pub(crate) fn table() -> Table {
    let columns = (0..TAGS).map(|ix| Arc::from(format!("tag_{ix}"))).collect();
    Table { columns, ..Table::default() }
}

/// What a model of batches is asked for that keeps a budget of one wrong flag in so many.
pub(crate) fn spec(one_in: u32) -> FitSpec {
    FitSpec {
        frame: FRAME,
        budget: Budget::PerBatches { flags: 1, batches: one_in },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        wanders: BTreeMap::new(),
        ties: BTreeMap::new(),
    }
}
