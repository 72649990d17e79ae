//! A plant for tests: what its instruments read, and models of it.

use super::{FitSpec, Model, Table, fit};
use crate::plant::Budget;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Frames of ten seconds; half an hour is a batch.
pub(super) const FRAMES: usize = 180;
pub(super) const COLUMNS: [&str; 5] = ["wire", "yankee", "reel", "draw", "load"];

/// A speed that two instruments measure, a draw, the speed behind it, and a load that nobody else knows.
pub(super) struct Plant {
    rng: Xoshiro256PlusPlus,
    /// How far the speed moves in a frame.
    step: f64,
    speed: f64,
    draw: f64,
    load: f64,
}

impl Plant {
    pub(super) fn new(seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { rng, step: 0.2, speed: 0.0, draw: 0.0, load: 0.0 }
    }

    /// Its speed moves forty times as far as its draw.
    pub(super) fn wide(seed: u64) -> Self {
        Self { step: 4.0, ..Self::new(seed) }
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| f64::from(self.rng.next_u32()) / 4_294_967_296.0).sum::<f64>() - 6.0
    }

    pub(super) fn row(&mut self) -> [f64; 5] {
        self.speed += -0.02 * self.speed + self.step * self.normal();
        self.draw += -0.02 * self.draw + 0.1 * self.normal();
        self.load += -0.02 * self.load + 0.2 * self.normal();
        let (speed, draw) = (1000.0 + self.speed, 20.0 + self.draw);
        [speed, speed, speed - draw, draw, 50.0 + self.load].map(|v| v + 0.1 * self.normal())
    }
}

/// Twenty batches; `spoil` is told which one a row is of, and which of its frames.
pub(super) fn table_of(mut plant: Plant, spoil: impl Fn((usize, usize), &mut [f64; 5])) -> Table {
    let row = |frame: usize| {
        let mut row = plant.row();
        spoil((frame / FRAMES, frame % FRAMES), &mut row);
        row
    };
    Table {
        columns: COLUMNS.map(Arc::from).to_vec(),
        values: (0..20 * FRAMES).flat_map(row).collect(),
        blocks: (0..20).map(|ix| ix * FRAMES).collect(),
        ..Table::default()
    }
}

pub(super) fn table() -> Table {
    table_of(Plant::new(1), |_, _| {})
}

pub(super) fn model(declared: &[(&str, &[&str])]) -> Model {
    model_of(&table(), declared)
}

pub(super) fn model_of(table: &Table, declared: &[(&str, &[&str])]) -> Model {
    let names = |others: &&[&str]| others.iter().map(|name| Arc::from(*name)).collect();
    let spec = FitSpec {
        frame: Duration::from_secs(10),
        budget: Budget::PerBatches { flags: 1, batches: 20 },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        wanders: BTreeMap::new(),
        ties: declared.iter().map(|(tag, others)| (Arc::from(*tag), names(others))).collect(),
    };
    fit(table, &spec).unwrap()
}

/// What the configuration of this plant declares.
pub(super) const TIES: [(&str, &[&str]); 4] = [
    ("wire", &["yankee"]),
    ("yankee", &["wire"]),
    ("reel", &["yankee", "draw"]),
    ("draw", &["yankee", "reel"]),
];

/// Four numbers of a congruential generator, about 0: what oracles in other languages draw as well.
pub(super) fn generator() -> impl FnMut() -> f64 {
    let mut state: u32 = 1;
    move || {
        let mut total = 0.0;
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            total += f64::from(state) / 4_294_967_296.0;
        }
        total - 2.0
    }
}

/// Fails unless a value is the expected one to within a share of it.
#[track_caller]
pub(super) fn near(value: f64, expected: f64, tolerance: f64) {
    let off = (value - expected).abs() / expected.abs().max(1e-3);
    assert!(off < tolerance, "{value} is not {expected}");
}
