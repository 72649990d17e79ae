//! The machine itself: its areas one behind the other, the quality loops, and the product.
//!
//! A step is one second. Quantities keep the balances of fibre, water and heat (domain.md 1.2); the
//! machine is 5.6 m wide.

use super::dryer::{Dried, Dryer};
use super::faults::Wrong;
use super::furnish::Furnish;
use super::grades::{Grade, Product, SetPoints, set};
use super::mill::{Mill, streams};
use super::noise::{Chance, Wander};
use super::stock::StockPreparation;
use super::tags::{TAGS, tag};
use super::wet_end::{Web, WetEnd};
use std::sync::Arc;

/// Width of the web in m.
pub(super) const WIDTH_M: f64 = 5.6;
/// Range of the steam valve's set point, bar gauge.
const STEAM_RANGE: (f64, f64) = (3.0, 8.8);
/// Range of the basis weight loop's hand, share of what is fed forward.
const TRIM_RANGE: (f64, f64) = (0.75, 1.3);
/// A valve that moves stops this near to where it should be, bar.
const VALVE_RESTS: f64 = 0.02;
/// What thick stock carries when all is as designed, % .
const STOCK_CONSISTENCY: f64 = 3.53;

/// Where the fibre is, for the mass balance: dry, kg.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Balance {
    /// From pulpers and broke tower in this second.
    pub(super) fed: f64,
    /// On the reel, or to the pulper below the Yankee, in this second.
    pub(super) made: f64,
    /// Lost for good in this second.
    pub(super) lost: f64,
    /// In pipes, chest and silo, after it.
    pub(super) held: f64,
    /// Water in the dryer in this second: in, into the air, left in the sheet.
    pub(super) water: [f64; 3],
}

/// What the machine is told to do in this second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orders<'a> {
    /// The grade whose formulas hold.
    pub(super) grade: &'a Grade,
    /// Where everything is set.
    pub(super) sets: &'a SetPoints,
    /// False while the web is broken.
    pub(super) sheet: bool,
    /// True while the quality loops act.
    pub(super) automatic: bool,
}

/// Process state; advanced one second at a time.
#[derive(Debug, Clone)]
pub(super) struct Process {
    mill: Arc<Mill>,
    chance: Chance,
    furnish: Furnish,
    stock: StockPreparation,
    wet_end: WetEnd,
    dryer: Dryer,
    loops: Loops,
    scan: Scan,
    flow: Wander,
    speed: Wander,
    crepe: Wander,
    resin: Wander,
    /// What the instruments would read if they had no error, in order of [`TAGS`].
    pub(super) seen: [f64; TAGS.len()],
    /// The product at the reel.
    pub(super) product: Product,
    /// Reel speed, m/min, without error.
    pub(super) reel_speed: f64,
    pub(super) balance: Balance,
}

/// The two quality loops.
#[derive(Debug, Clone, Copy)]
struct Loops {
    /// Stock flow over what is fed forward.
    trim: f64,
    /// Steam over what is fed forward, bar.
    steam: f64,
    last_error: f64,
    /// Where the steam valve stands, bar gauge, and whether it is moving.
    valve: f64,
    moving: bool,
}

/// The scanner between the edges of the web.
#[derive(Debug, Clone, Copy)]
struct Scan {
    seconds: u32,
    sum: [f64; 3],
    newest: [f64; 3],
}

impl Process {
    /// A machine that has run for an hour on the grade.
    pub(super) fn new(mill: Arc<Mill>, seed: u64, grade: &Grade) -> Self {
        let sets = &grade.recipe;
        let mut chance = Chance::new(seed, streams::PROCESS);
        let furnish = Furnish::new(&mill, &mut chance);
        let mut stock = StockPreparation::new(&mill, sets);
        let steam = Dryer::steam_for(sets, wanted_dry(sets));
        let natures = [super::furnish::Nature { strength: 1.0, slowness: 0.0 }; 2];
        let first = stock.step(sets, &Wrong::default(), natures, wanted_flow(sets), &mut chance);
        let w = mill.wander;
        let mut process = Self {
            furnish,
            stock,
            wet_end: WetEnd::new(&mill, first),
            dryer: Dryer::new(&mill, steam),
            loops: Loops { trim: 1.0, steam: 0.0, last_error: 0.0, valve: steam, moving: false },
            scan: Scan {
                seconds: 0,
                sum: [0.0; 3],
                newest: [grade.nominal.basis_weight, grade.nominal.moisture, grade.nominal.caliper],
            },
            flow: Wander::new(4.0 * w, 20.0),
            speed: Wander::new(0.5 * w, 300.0),
            crepe: Wander::new(0.0005 * w, 900.0),
            resin: Wander::new(0.03 * w, 7200.0),
            seen: [0.0; TAGS.len()],
            product: grade.nominal,
            reel_speed: sets[set::SPEED] * (1.0 - sets[set::CREPE]),
            balance: Balance::default(),
            chance,
            mill,
        };
        for _ in 0..3600 {
            process.step(&Wrong::default(), Orders { grade, sets, sheet: true, automatic: true });
        }
        process
    }

    /// One second on.
    pub(super) fn step(&mut self, wrong: &Wrong, orders: Orders<'_>) {
        let (grade, sets) = (orders.grade, orders.sets);
        let natures = self.furnish.step(&mut self.chance);
        let valve = wanted_flow(sets) * self.loops.trim + self.flow.step(&mut self.chance);
        let stock = self.stock.step(sets, wrong, natures, valve.max(0.0), &mut self.chance);
        let web = self.wet_end.step(sets, wrong, stock, &mut self.chance);
        let steam = self.move_steam_valve(sets, wrong);
        let dried = self.dryer.step(sets, wrong, &web, steam, orders.sheet, &mut self.chance);

        let speed = sets[set::SPEED] + self.speed.step(&mut self.chance);
        let crepe = sets[set::CREPE] + self.crepe.step(&mut self.chance);
        self.reel_speed = speed * (1.0 - crepe);
        let dry_weight = web.dry * 1000.0 / (self.reel_speed * WIDTH_M);
        let basis_weight = dry_weight / (1.0 - dried.moisture / 100.0);
        // Litres and mL per tonne, of the dry stock that the instruments add up to.
        let told = stock.flow * STOCK_CONSISTENCY / 100.0 / 1000.0;
        let resin_flow = sets[set::WET_STRENGTH] * told;
        let debonder_flow = sets[set::DEBONDER] * told;
        let resin_effect = (1.0 - wrong.resin) * (1.0 + self.resin.step(&mut self.chance));
        let resin = resin_flow * 1000.0 / stock.dry.max(1.0) * resin_effect;
        let debonder = debonder_flow * 1000.0 / stock.dry.max(1.0);
        self.product = self.product(grade, &web, &dried, basis_weight, crepe, (resin, debonder));

        self.balance = Balance {
            fed: self.stock.fed_kg.iter().sum(),
            made: web.dry / 60.0,
            lost: stock.dry * (1.0 - super::stock::RETENTION_OVERALL) / 60.0,
            held: self.stock.held_kg() + self.wet_end.held_kg(),
            water: dried.water.map(|water| water / 60.0),
        };
        if !orders.sheet {
            // All of it goes to the pulper below the Yankee.
            self.stock.take_back(web.dry / 60.0);
        }
        self.scan_and_control(wrong, orders);
        self.look(sets, stock.flow, (resin_flow, debonder_flow), speed, crepe, steam, basis_weight);
    }

    /// The lots in use: softwood and hardwood; and the fibre of each fed in this second, kg.
    pub(super) fn lots(&self) -> [(Arc<str>, f64); 2] {
        let [softwood, hardwood] = self.furnish.ids();
        [(softwood, self.stock.fed_kg[0]), (hardwood, self.stock.fed_kg[1])]
    }

    /// Paper of a rejected reel comes back as broke.
    pub(super) fn take_back(&mut self, kg: f64) {
        self.stock.take_back(kg);
    }

    /// At a turn-up: a new blade when it is time.
    pub(super) fn change_blade_if_due(&mut self) {
        self.dryer.change_blade_if_due();
    }

    /// Laboratory values follow from the process, each in its own, nonlinear way, relative to the
    /// grade's.
    fn product(
        &self,
        grade: &Grade,
        web: &Web,
        dried: &Dried,
        basis_weight: f64,
        crepe: f64,
        (resin, debonder): (f64, f64),
    ) -> Product {
        let (nominal, sets, mill) = (&grade.nominal, &grade.recipe, &self.mill);
        let fibre = &web.fibre;
        let refined = (fibre.refining / sets[set::REFINING]).max(0.05);
        let weight = basis_weight / nominal.basis_weight;
        let stretchable = |crepe: f64| crepe / (1.0 - crepe);
        let crepes = stretchable(crepe) / stretchable(sets[set::CREPE]);
        let strength = libm::pow(refined, mill.refining_power)
            * libm::pow(weight.max(0.05), 1.2)
            * fibre.strength
            * libm::sqrt((fibre.softwood / sets[set::SOFTWOOD]).max(0.05))
            * (1.0 - mill.broke_gain * (fibre.broke - sets[set::BROKE]))
            * (1.0 - mill.jet_gain * (web.jet_wire - sets[set::JET_WIRE]))
            * libm::exp(-0.012 * (dried.moisture - nominal.moisture))
            * (1.0 - 0.06 * (debonder / sets[set::DEBONDER] - 1.0));
        // The blade's work breaks bonds.
        let tensile_md = nominal.tensile_md * strength / libm::pow(crepes, 0.45);
        let sticks = 1.0 - libm::exp(-2.3 * dried.adhesion.max(0.0));
        let held = 1.0 - libm::exp(-2.3);
        // Curing: more resin gives less and less.
        let cured = |dose: f64| 1.0 - libm::exp(-1.2 * dose / sets[set::WET_STRENGTH]);
        Product {
            basis_weight,
            moisture: dried.moisture,
            tensile_md,
            wet_tensile_cd: nominal.wet_tensile_cd * cured(resin) / cured(sets[set::WET_STRENGTH])
                * libm::sqrt(strength.max(0.0))
                * (1.0 + 0.8 * (web.jet_wire - sets[set::JET_WIRE])),
            stretch_md: nominal.stretch_md
                * libm::pow(crepes, 0.9)
                * (0.55 + 0.45 * sticks / held)
                * (1.0 - 0.12 * (dried.wear - 0.5)),
            caliper: nominal.caliper
                * libm::pow(weight.max(0.05), 0.8)
                * libm::pow(crepes, 0.4)
                * libm::pow(refined, -0.25)
                * (1.0 + 0.03 * (dried.wear - 0.5)),
        }
    }

    /// The steam pressure in this second; a valve that sticks follows only what is far from it.
    fn move_steam_valve(&mut self, sets: &SetPoints, wrong: &Wrong) -> f64 {
        let wanted = (Dryer::steam_for(sets, wanted_dry(sets)) + self.loops.steam)
            .clamp(STEAM_RANGE.0, STEAM_RANGE.1);
        let missing = wanted - self.loops.valve;
        // Once it moves it goes all the way.
        let starts = missing.abs() > wrong.stiction;
        self.loops.moving = starts || (self.loops.moving && missing.abs() > VALVE_RESTS);
        if self.loops.moving {
            self.loops.valve += missing / 6.0;
        }
        self.loops.valve
    }

    /// The scanner's averages, and the loops that act on them once a scan.
    fn scan_and_control(&mut self, wrong: &Wrong, orders: Orders<'_>) {
        let scan = &mut self.scan;
        if !orders.sheet {
            // Off the sheet; it begins a new scan when it is back.
            *scan = Scan { seconds: 0, sum: [0.0; 3], ..*scan };
            return;
        }
        scan.seconds += 1;
        let product = &self.product;
        for (sum, value) in
            scan.sum.iter_mut().zip([product.basis_weight, product.moisture, product.caliper])
        {
            *sum += value;
        }
        if scan.seconds < self.mill.scan_s {
            return;
        }
        let mean = scan.sum.map(|sum| sum / f64::from(scan.seconds));
        let window = [1.0 - wrong.window, 1.0, 1.0];
        let mut newest = [0.0; 3];
        for (ix, tag) in [tag::BASIS_WEIGHT, tag::MOISTURE, tag::CALIPER].into_iter().enumerate() {
            let noise = TAGS[tag].noise * self.mill.noise * self.chance.normal();
            newest[ix] = mean[ix] * window[ix] + noise;
        }
        self.scan = Scan { seconds: 0, sum: [0.0; 3], newest };
        if !orders.automatic {
            return;
        }
        let (mill, sets) = (&self.mill, orders.sets);
        let [basis_weight, moisture, _] = newest;
        // The flow acts within a scan, so that the integral alone is enough.
        let share = (sets[set::BASIS_WEIGHT] - basis_weight) / sets[set::BASIS_WEIGHT];
        self.loops.trim = (self.loops.trim * (1.0 + mill.basis_weight_gain * share))
            .clamp(TRIM_RANGE.0, TRIM_RANGE.1);
        let error = moisture - sets[set::MOISTURE];
        let change = mill.moisture_integral * error
            + mill.moisture_proportional * (error - self.loops.last_error);
        self.loops.last_error = error;
        let base = Dryer::steam_for(sets, wanted_dry(sets));
        // The integral stands still where the valve cannot follow.
        self.loops.steam =
            (base + self.loops.steam + change).clamp(STEAM_RANGE.0, STEAM_RANGE.1) - base;
    }

    #[expect(clippy::too_many_arguments, reason = "one number for each instrument")]
    fn look(
        &mut self,
        sets: &SetPoints,
        stock_flow: f64,
        chemicals: (f64, f64),
        speed: f64,
        crepe: f64,
        steam: f64,
        basis_weight: f64,
    ) {
        let (stock, wet, dry) = (&self.stock.seen, &self.wet_end.seen, &self.dryer.seen);
        let values = [
            (tag::SOFTWOOD_CONSISTENCY, stock.consistency[0]),
            (tag::HARDWOOD_CONSISTENCY, stock.consistency[1]),
            (tag::REFINER_POWER, stock.power),
            (tag::FREENESS, stock.freeness),
            (tag::SOFTWOOD_FLOW, stock.flow[0]),
            (tag::HARDWOOD_FLOW, stock.flow[1]),
            (tag::BROKE_FLOW, stock.broke_flow),
            (tag::STOCK_FLOW, stock_flow),
            (tag::CHEST_PH, stock.ph),
            (tag::CHEST_LEVEL, stock.level),
            (tag::WET_STRENGTH_FLOW, chemicals.0),
            (tag::DEBONDER_FLOW, chemicals.1),
            (tag::HEADBOX_PRESSURE, wet.pressure),
            (tag::HEADBOX_FLOW, wet.headbox_flow),
            (tag::HEADBOX_CONSISTENCY, wet.headbox_consistency),
            (tag::JET_WIRE_RATIO, wet.jet_wire),
            (tag::WHITE_WATER_CONSISTENCY, wet.white_water),
            (tag::RETENTION, wet.retention),
            (tag::WIRE_SPEED, speed),
            (tag::SUCTION_ROLL_VACUUM, wet.suction_roll),
            (tag::UHLE_BOX_VACUUM, wet.uhle_box),
            (tag::PRESS_LOAD, sets[set::PRESS_LOAD]),
            (tag::FELT_WATER, wet.felt_water),
            (tag::YANKEE_SPEED, speed),
            (tag::STEAM_PRESSURE, steam),
            (tag::CONDENSATE_PRESSURE, dry.condensate),
            (tag::YANKEE_TEMPERATURE, dry.surface),
            (tag::ADHESIVE_FLOW, dry.adhesive),
            (tag::RELEASE_FLOW, dry.release),
            (tag::HOOD_TEMPERATURE_WET, dry.hood_wet),
            (tag::HOOD_TEMPERATURE_DRY, dry.hood_dry),
            (tag::HOOD_HUMIDITY, dry.humidity),
            (tag::HOOD_FAN_SPEED, dry.fan),
            (tag::GAS_FLOW, dry.gas),
            (tag::BLADE_LOAD, dry.blade_load),
            (tag::DOCTOR_VIBRATION, dry.vibration),
            (tag::BLADE_AGE, dry.blade_age),
            (tag::REEL_SPEED, self.reel_speed),
            (tag::CREPE, 100.0 * crepe),
            (tag::REEL_LOAD, sets[set::REEL_LOAD]),
            (tag::PRODUCTION_RATE, self.reel_speed * 60.0 * WIDTH_M * basis_weight / 1e6),
            (tag::BASIS_WEIGHT, self.scan.newest[0]),
            (tag::MOISTURE, self.scan.newest[1]),
            (tag::CALIPER, self.scan.newest[2]),
        ];
        for (ix, value) in values {
            self.seen[ix] = value;
        }
    }
}

/// Dry fibre at the reel for these set points, kg/min.
fn wanted_dry(sets: &SetPoints) -> f64 {
    let reel = sets[set::SPEED] * (1.0 - sets[set::CREPE]);
    sets[set::BASIS_WEIGHT] * (1.0 - sets[set::MOISTURE] / 100.0) * reel * WIDTH_M / 1000.0
}

/// Stock flow for these set points, L/min.
fn wanted_flow(sets: &SetPoints) -> f64 {
    wanted_dry(sets) / super::stock::RETENTION_OVERALL * 100.0 / STOCK_CONSISTENCY
}

#[cfg(test)]
mod tests;
