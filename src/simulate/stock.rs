//! Stock preparation: two fibre lines, refiner, broke, and the machine chest that mixes them.
//!
//! ```text
//! softwood ─ consistency control ─ refiner ─┐
//! hardwood ─────────────────────────────────┼─ pipe ─ machine chest ─ basis weight valve
//! broke tower ──────────────────────────────┘
//! ```
//!
//! The chest is a well-mixed vessel: volume and dry mass are integrated, so that what goes in is what
//! comes out or stays.

use super::faults::Wrong;
use super::furnish::Nature;
use super::grades::{SetPoints, set};
use super::mill::Mill;
use super::noise::{Chance, Wander};
use std::collections::VecDeque;

/// Consistencies that stock preparation holds, %: softwood, hardwood.
const CONSISTENCY: [f64; 2] = [3.6, 3.5];
/// Consistency of the broke, %.
const BROKE_CONSISTENCY: f64 = 3.5;
/// Level that the chest is held at, share of its volume.
const LEVEL: f64 = 0.75;
/// Fibre that reaches the reel, of the fibre through the basis weight valve (domain.md 1.2).
pub(super) const RETENTION_OVERALL: f64 = 0.98;
/// Broke in the tower at the begin, and its bounds, t.
const TOWER_T: (f64, f64, f64) = (12.0, 1.0, 40.0);

/// Stock with its fibre: what is in it is per kg of dry fibre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stock {
    /// Flow, L/min.
    pub(super) flow: f64,
    /// Dry fibre, kg/min.
    pub(super) dry: f64,
    /// What the fibre carries.
    pub(super) fibre: Fibre,
}

/// Properties of fibre that mix by mass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fibre {
    /// Share of softwood in the fresh fibre, 0–1.
    pub(super) softwood: f64,
    /// Effective refining energy on the softwood, kWh/t.
    pub(super) refining: f64,
    /// Share of broke, 0–1.
    pub(super) broke: f64,
    /// Strength, relative.
    pub(super) strength: f64,
    /// Slowness of drainage.
    pub(super) slowness: f64,
}

impl Fibre {
    /// `self` with the share `part` replaced by `other`.
    fn mixed(self, other: Self, part: f64) -> Self {
        let mix = |a: f64, b: f64| a + part * (b - a);
        Self {
            softwood: mix(self.softwood, other.softwood),
            refining: mix(self.refining, other.refining),
            broke: mix(self.broke, other.broke),
            strength: mix(self.strength, other.strength),
            slowness: mix(self.slowness, other.slowness),
        }
    }
}

/// What the instruments of the area see, without their errors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) consistency: [f64; 2],
    pub(super) flow: [f64; 2],
    pub(super) broke_flow: f64,
    pub(super) power: f64,
    pub(super) freeness: f64,
    pub(super) level: f64,
    pub(super) ph: f64,
}

/// The area's state.
#[derive(Debug, Clone)]
pub(super) struct StockPreparation {
    chest_l: f64,
    volume_l: f64,
    mass_kg: f64,
    fibre: Fibre,
    pipe: VecDeque<Stock>,
    /// True consistencies, %.
    consistency: [f64; 2],
    wander: [Wander; 2],
    power: Wander,
    ph: Wander,
    broke: Wander,
    /// Dry softwood as the instruments add it up, smoothed, kg/min.
    dry_measured: f64,
    /// Paper that waits to come back, kg.
    tower_kg: f64,
    pub(super) seen: Seen,
    /// Dry fibre from pulpers and tower in this second, kg.
    pub(super) fed_kg: [f64; 3],
}

impl StockPreparation {
    pub(super) fn new(mill: &Mill, sets: &SetPoints) -> Self {
        let w = mill.wander;
        let fibre = Fibre {
            softwood: sets[set::SOFTWOOD],
            refining: sets[set::REFINING],
            broke: sets[set::BROKE],
            strength: 1.0,
            slowness: 0.0,
        };
        let volume_l = mill.chest_m3 * 1000.0;
        Self {
            chest_l: LEVEL * volume_l,
            volume_l,
            mass_kg: LEVEL * volume_l * 0.0353,
            fibre,
            pipe: VecDeque::from(
                [Stock { flow: 3780.0, dry: 133.0, fibre }; 200]
                    .split_at(mill.stock_pipe_s.min(200))
                    .0
                    .to_vec(),
            ),
            consistency: CONSISTENCY,
            wander: [Wander::new(0.018 * w, 240.0), Wander::new(0.018 * w, 240.0)],
            power: Wander::new(0.008 * w, 900.0),
            ph: Wander::new(0.06 * w, 3600.0),
            broke: Wander::new(0.006 * w, 1800.0),
            dry_measured: 133.0 * sets[set::SOFTWOOD],
            tower_kg: TOWER_T.0 * 1000.0,
            seen: Seen::default(),
            fed_kg: [0.0; 3],
        }
    }

    /// One second on: gives what leaves through the basis weight valve at `valve` L/min.
    pub(super) fn step(
        &mut self,
        sets: &SetPoints,
        wrong: &Wrong,
        natures: [Nature; 2],
        valve: f64,
        chance: &mut Chance,
    ) -> Stock {
        for (ix, wander) in self.wander.iter_mut().enumerate() {
            let error = if ix == 0 { wrong.consistency_error } else { 0.0 };
            // The loop holds what the sensor says, so the truth moves against the sensor's error.
            let held = CONSISTENCY[ix] / (1.0 + error) + wander.step(chance);
            self.consistency[ix] += (held - self.consistency[ix]) / 20.0;
            self.seen.consistency[ix] = self.consistency[ix] * (1.0 + error);
        }
        // The level loop orders what leaves, and a little more when the chest is low.
        let order = (valve * (1.0 + 2.0 * (LEVEL - self.chest_l / self.volume_l))).max(0.0);
        let wanted = sets[set::BROKE] + wrong.broke + self.broke.step(chance);
        let in_tower = if self.tower_kg > TOWER_T.1 * 1000.0 { wanted.max(0.0) } else { 0.0 };
        let broke_flow = order * in_tower;
        let fresh = order - broke_flow;
        let flow = [fresh * sets[set::SOFTWOOD], fresh * (1.0 - sets[set::SOFTWOOD])];
        let dry = [flow[0] * self.consistency[0] / 100.0, flow[1] * self.consistency[1] / 100.0];
        let dry_broke = broke_flow * BROKE_CONSISTENCY / 100.0;

        // The refiner is loaded by the dry stock that the instruments add up to.
        let told = flow[0] * self.seen.consistency[0] / 100.0;
        self.dry_measured += (told - self.dry_measured) / 60.0;
        let power =
            sets[set::REFINING] * self.dry_measured * 0.06 * (1.0 + self.power.step(chance));
        let refining = power * (1.0 - wrong.plates) / (dry[0] * 0.06).max(0.1);

        let dry_all = dry[0] + dry[1] + dry_broke;
        let softwood = dry[0] / (dry[0] + dry[1]).max(1e-9);
        let strength = (1.0 - wrong.pulp)
            * (softwood * natures[0].strength + (1.0 - softwood) * natures[1].strength);
        let made = Stock {
            flow: flow[0] + flow[1] + broke_flow,
            dry: dry_all,
            fibre: Fibre {
                softwood,
                refining,
                broke: dry_broke / dry_all.max(1e-9),
                strength,
                slowness: softwood * natures[0].slowness + (1.0 - softwood) * natures[1].slowness,
            },
        };
        self.fed_kg = [dry[0] / 60.0, dry[1] / 60.0, dry_broke / 60.0];
        self.tower_kg -= dry_broke / 60.0;
        self.pipe.push_back(made);
        let arrives = self.pipe.pop_front().unwrap_or(made);
        let out = self.through_chest(arrives, valve);

        self.seen.flow = flow;
        self.seen.broke_flow = broke_flow;
        self.seen.power = power;
        self.seen.freeness = 480.0
            - 3.2 * (made.fibre.refining - 68.0)
            - 14.0 * made.fibre.slowness
            - 60.0 * (made.fibre.broke - 0.08);
        self.seen.level = 100.0 * self.chest_l / self.volume_l;
        self.seen.ph = 7.2 + self.ph.step(chance) - 0.8 * (made.fibre.broke - 0.08);
        out
    }

    fn through_chest(&mut self, arrives: Stock, valve: f64) -> Stock {
        let arrived_kg = arrives.dry / 60.0;
        self.mass_kg += arrived_kg;
        self.chest_l += arrives.flow / 60.0;
        self.fibre = self.fibre.mixed(arrives.fibre, arrived_kg / self.mass_kg);
        let litres = (valve / 60.0).min(self.chest_l);
        let kg = self.mass_kg * litres / self.chest_l.max(1.0);
        self.mass_kg -= kg;
        self.chest_l -= litres;
        Stock { flow: litres * 60.0, dry: kg * 60.0, fibre: self.fibre }
    }

    /// Paper that was not sold comes back.
    pub(super) fn take_back(&mut self, kg: f64) {
        // What the tower cannot take is baled for another machine.
        self.tower_kg = (self.tower_kg + kg).min(TOWER_T.2 * 1000.0);
    }

    /// Dry fibre in pipe and chest, kg.
    pub(super) fn held_kg(&self) -> f64 {
        self.mass_kg + self.pipe.iter().map(|stock| stock.dry / 60.0).sum::<f64>()
    }

    /// What waits in the broke tower, kg.
    #[cfg(test)]
    pub(super) fn tower_kg(&self) -> f64 {
        self.tower_kg
    }
}
