//! From the basis weight valve to the press: approach pipe, headbox, white water, felt.
//!
//! Of the headbox's fibre a part stays on the wire, the rest comes back through the silo:
//! `out = R·(F + W)`, `τ·dW/dt = (1 − R)·(F + W) − W`, so that `F = out + d(τ·W)/dt` (domain.md 1.2).

use super::faults::Wrong;
use super::grades::{SetPoints, set};
use super::mill::Mill;
use super::noise::{Chance, Wander};
use super::stock::{Fibre, RETENTION_OVERALL, Stock};
use std::collections::VecDeque;

/// Design point of the headbox: jet speed m/min, pressure kPa, flow m³/min.
const JET: (f64, f64, f64) = (1940.0, 523.0, 90.0);

/// The wet sheet, and what comes with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Web {
    /// Dry fibre, kg/min.
    pub(super) dry: f64,
    /// What the fibre is like.
    pub(super) fibre: Fibre,
    /// Jet speed over wire speed, as it really is.
    pub(super) jet_wire: f64,
    /// Dry share after the press, 0–1.
    pub(super) dryness: f64,
}

/// What the instruments of the area see, without their errors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) pressure: f64,
    pub(super) headbox_flow: f64,
    pub(super) headbox_consistency: f64,
    pub(super) white_water: f64,
    pub(super) jet_wire: f64,
    pub(super) retention: f64,
    pub(super) suction_roll: f64,
    pub(super) uhle_box: f64,
    pub(super) felt_water: f64,
}

/// The area's state.
#[derive(Debug, Clone)]
pub(super) struct WetEnd {
    approach: VecDeque<(f64, Fibre)>,
    /// Fibre that comes back, kg/min.
    white_water: f64,
    silo_s: f64,
    retention: f64,
    wander_retention: Wander,
    wander_jet: Wander,
    wander_press: Wander,
    wander_felt: Wander,
    wander_vacuum: Wander,
    pub(super) seen: Seen,
}

impl WetEnd {
    pub(super) fn new(mill: &Mill, first: Stock) -> Self {
        let w = mill.wander;
        let fresh = first.dry * RETENTION_OVERALL;
        Self {
            approach: vec![(fresh, first.fibre); mill.approach_s].into(),
            white_water: fresh * (1.0 - mill.retention) / mill.retention,
            silo_s: mill.silo_s,
            retention: mill.retention,
            wander_retention: Wander::new(0.004 * w, 1200.0),
            wander_jet: Wander::new(0.0012 * w, 600.0),
            wander_press: Wander::new(0.0008 * w, 1500.0),
            wander_felt: Wander::new(0.04 * w, 5400.0),
            wander_vacuum: Wander::new(0.35 * w, 1800.0),
            seen: Seen::default(),
        }
    }

    /// One second on.
    pub(super) fn step(
        &mut self,
        sets: &SetPoints,
        wrong: &Wrong,
        stock: Stock,
        chance: &mut Chance,
    ) -> Web {
        self.approach.push_back((stock.dry * RETENTION_OVERALL, stock.fibre));
        let (fresh, fibre) =
            self.approach.pop_front().unwrap_or((stock.dry * RETENTION_OVERALL, stock.fibre));
        // Fines of broke and beaten fibre go through the wire.
        let retention = self.retention + self.wander_retention.step(chance)
            - 0.10 * (fibre.broke - 0.08)
            - 0.004 * fibre.slowness;
        let headbox = fresh + self.white_water;
        self.white_water += ((1.0 - retention) * headbox - self.white_water) / self.silo_s;

        // The fan pump holds what the sensor says: v² = 2·Δp/ρ.
        let ordered = sets[set::JET_WIRE] + self.wander_jet.step(chance);
        let speed = sets[set::SPEED];
        let seen_pressure = JET.1 * square(ordered * speed / JET.0);
        let jet = ordered * speed / (1.0 + wrong.pressure_error).sqrt();
        let flow = JET.2 * jet / JET.0;

        let felt = self.wander_felt.step(chance) + wrong.felt;
        let dryness = 0.42
            + 0.04 * (sets[set::PRESS_LOAD] / 90.0 - 1.0)
            + 0.0006 * (sets[set::VACUUM] - 40.0)
            + self.wander_press.step(chance)
            - 0.03 * felt
            // Slow fibre and much refining hold more water.
            - 0.0010 * fibre.slowness
            - 0.006 * (fibre.refining / 68.0 - 1.0);

        let consistency = |kg_min: f64| kg_min / (flow * 1000.0) * 100.0;
        self.seen = Seen {
            pressure: seen_pressure,
            headbox_flow: flow,
            headbox_consistency: consistency(headbox),
            white_water: consistency((1.0 - retention) * headbox),
            jet_wire: ordered,
            retention: 100.0 * retention,
            suction_roll: -(sets[set::VACUUM]
                + self.wander_vacuum.step(chance)
                + 1.2 * fibre.slowness
                + 4.0 * (fibre.refining / 68.0 - 1.0)),
            uhle_box: -(45.0 + 14.0 * felt),
            felt_water: 350.0 * (1.0 + 0.5 * felt),
        };
        Web { dry: retention * headbox, fibre, jet_wire: jet / speed, dryness }
    }

    /// Fibre in the approach pipe and in the silo, kg.
    pub(super) fn held_kg(&self) -> f64 {
        self.approach.iter().map(|(dry, _)| dry).sum::<f64>() / 60.0
            + self.white_water * self.silo_s / 60.0
    }
}

fn square(x: f64) -> f64 {
    x * x
}
