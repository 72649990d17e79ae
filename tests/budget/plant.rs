//! A plant whose good batches are known to be exchangeable: what its model promises can be counted.

use onspec::models::{FitSpec, Model, Table, fit};
use onspec::plant::Budget;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tags, and what moves them.
const TAGS: usize = 10;
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

    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
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
        for _ in 0..FRAMES {
            for cause in &mut causes {
                *cause = next(*cause, CAUSE_STAYS, self.normal());
            }
            for (tag, noise) in noise.iter_mut().enumerate() {
                *noise = next(*noise, NOISE_STAYS, self.normal());
                let value: f64 =
                    (0..CAUSES).map(|ix| self.loads[tag][ix] * (lot[ix] + causes[ix])).sum();
                rows.push(value + NOISE * *noise + if tag == 0 { change.fault } else { 0.0 });
            }
        }
        rows
    }

    /// A model of so many good batches, for a budget of one wrong flag in so many.
    pub(crate) fn model(&mut self, batches: usize, one_in: u32) -> Model {
        let mut table = Table {
            columns: (0..TAGS).map(|ix| Arc::from(format!("tag_{ix}"))).collect(),
            ..Table::default()
        };
        for _ in 0..batches {
            table.blocks.push(table.rows());
            table.values.extend(self.batch(Change::default()));
        }
        let spec = FitSpec {
            frame: FRAME,
            budget: Budget::PerBatches { flags: 1, batches: one_in },
            batches: true,
            seed: 1,
            least_sd: BTreeMap::new(),
            ties: BTreeMap::new(),
        };
        fit(&table, &spec).expect("enough batches")
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
