//! Yankee, hood and creping: heat takes the water, the blade takes the sheet.

use super::faults::Wrong;
use super::grades::{SetPoints, set};
use super::mill::Mill;
use super::noise::{Chance, Wander};
use super::wet_end::Web;

/// Heat that one kg of water takes from the sheet to the air, kJ.
const EVAPORATION_KJ: f64 = 2500.0;
/// Temperature of the sheet while it dries, °C.
const SHEET_C: f64 = 95.0;
/// Heat flow of Yankee and of each zone of the hood, kW/K: half of the water each at the design point.
const YANKEE_KW_K: f64 = 53.24;
const ZONE_KW_K: f64 = 6.395;
/// How gradually drying slows down towards dry paper, kg water per kg fibre.
const FALLING_RATE: f64 = 0.12;
/// Fan speed of the design point, rpm.
const FAN_RPM: f64 = 1150.0;

/// What the instruments of the areas see, without their errors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) condensate: f64,
    pub(super) surface: f64,
    pub(super) adhesive: f64,
    pub(super) release: f64,
    pub(super) hood_wet: f64,
    pub(super) hood_dry: f64,
    pub(super) humidity: f64,
    pub(super) fan: f64,
    pub(super) gas: f64,
    pub(super) blade_load: f64,
    pub(super) vibration: f64,
    pub(super) blade_age: f64,
}

/// What the dryer makes of the web.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dried {
    /// Moisture, % of the wet weight.
    pub(super) moisture: f64,
    /// How well the sheet sticks to the Yankee, 1 as it should.
    pub(super) adhesion: f64,
    /// Wear of the blade, in lives of a blade.
    pub(super) wear: f64,
    /// Water, kg/min: that comes in, that goes into the air, that stays.
    pub(super) water: [f64; 3],
}

/// The areas' state.
#[derive(Debug, Clone)]
pub(super) struct Dryer {
    shell_c: f64,
    shell_s: f64,
    film: f64,
    film_s: f64,
    heat: f64,
    humidity: f64,
    blade_s: f64,
    blade_life_s: f64,
    wander_wet: Wander,
    wander_dry: Wander,
    wander_fan: Wander,
    wander_gas: Wander,
    wander_blade: Wander,
    wander_condensate: Wander,
    wander_surface: Wander,
    pub(super) seen: Seen,
}

impl Dryer {
    pub(super) fn new(mill: &Mill, steam: f64) -> Self {
        let w = mill.wander;
        Self {
            shell_c: steam_c(steam),
            shell_s: mill.shell_s,
            film: 1.0,
            film_s: mill.film_s,
            heat: mill.heat,
            humidity: 400.0,
            blade_s: 0.0,
            blade_life_s: mill.blade_hours * 3600.0,
            wander_wet: Wander::new(2.0 * w, 1200.0),
            wander_dry: Wander::new(2.0 * w, 1200.0),
            wander_fan: Wander::new(3.0 * w, 1800.0),
            wander_gas: Wander::new(12.0 * w, 2400.0),
            wander_blade: Wander::new(0.03 * w, 900.0),
            wander_condensate: Wander::new(0.8 * w, 1500.0),
            wander_surface: Wander::new(0.5 * w, 1800.0),
            seen: Seen::default(),
        }
    }

    /// One second on. `sheet` is false while the web is broken before the Yankee.
    pub(super) fn step(
        &mut self,
        sets: &SetPoints,
        wrong: &Wrong,
        web: &Web,
        steam: f64,
        sheet: bool,
        chance: &mut Chance,
    ) -> Dried {
        // The iron of the shell follows the steam slowly.
        self.shell_c += (steam_c(steam) - self.shell_c) / self.shell_s;
        let adhesive = sets[set::ADHESIVE] * (1.0 - wrong.adhesive);
        let coating = (adhesive / 250.0) / (0.5 + 0.5 * sets[set::RELEASE] / 60.0);
        self.film += (coating - self.film) / self.film_s;
        let yankee_kw = YANKEE_KW_K
            * self.heat
            * (1.0 - wrong.flooding)
            * (0.97 + 0.03 * self.film)
            * (self.shell_c - SHEET_C);
        let wet_c = sets[set::HOOD_WET] + self.wander_wet.step(chance);
        let dry_c = sets[set::HOOD_DRY] + self.wander_dry.step(chance) - wrong.burner;
        let fan = sets[set::HOOD_FAN] + self.wander_fan.step(chance);
        let air = fan / FAN_RPM;
        let hood_kw =
            ZONE_KW_K * self.heat * air * ((wet_c - SHEET_C) + (dry_c - SHEET_C).max(0.0));

        let water_in = (1.0 - web.dryness) / web.dryness;
        let evaporated = (yankee_kw + hood_kw) * 60.0 / EVAPORATION_KJ;
        let left = water_in - evaporated / web.dry.max(1.0);
        // Near dry the rate falls, for which a soft maximum with zero stands.
        let stays = FALLING_RATE * libm::log1p(libm::exp(left / FALLING_RATE));
        let water =
            [water_in * web.dry, (water_in - stays) * web.dry, stays * web.dry].map(|w| w.max(0.0));
        let into_air = if sheet { water[1] } else { 0.0 };
        self.humidity += (400.0 * into_air / (182.0 * air) - self.humidity) / 20.0;

        if sheet {
            self.blade_s += 1.0;
        }
        let age = self.blade_s / self.blade_life_s;
        let wear = age + wrong.blade;
        let blade_load = sets[set::BLADE_LOAD] + self.wander_blade.step(chance);
        self.seen = Seen {
            condensate: 35.0 + 1.5 * (steam - 7.0) + self.wander_condensate.step(chance)
                - 55.0 * wrong.flooding,
            surface: 102.0 + 0.45 * (self.shell_c - 168.0)
                - 30.0 * wrong.flooding
                - 0.03 * (into_air - 182.0)
                + self.wander_surface.step(chance),
            adhesive,
            release: sets[set::RELEASE],
            hood_wet: wet_c,
            hood_dry: dry_c,
            humidity: self.humidity,
            fan,
            gas: 1000.0 * air * ((wet_c - 100.0) + (dry_c - 100.0)) / 600.0
                + 0.25 * (self.humidity - 400.0)
                + self.wander_gas.step(chance),
            blade_load,
            vibration: 2.0
                + 0.9 * wear
                + 0.8 * (blade_load / 3.0 - 1.0)
                + 0.8 * (1.0 - self.film).max(0.0),
            blade_age: self.blade_s / 3600.0,
        };
        Dried { moisture: 100.0 * stays / (1.0 + stays), adhesion: self.film, wear, water }
    }

    /// A new blade, at a turn-up, when the old one has had its time.
    pub(super) fn change_blade_if_due(&mut self) {
        if self.blade_s > self.blade_life_s {
            self.blade_s = 0.0;
        }
    }

    /// The steam pressure, bar gauge, that dries `dry` kg/min to the moisture that is wanted: what a
    /// control system feeds forward, from the design numbers, not from this machine's own.
    pub(super) fn steam_for(sets: &SetPoints, dry: f64) -> f64 {
        let stays = sets[set::MOISTURE] / (100.0 - sets[set::MOISTURE]);
        // The soft maximum, solved for the heat.
        let left = FALLING_RATE * libm::log(libm::exp(stays / FALLING_RATE) - 1.0);
        let needed_kw = ((1.0 - 0.42) / 0.42 - left) * dry * EVAPORATION_KJ / 60.0;
        let hood_kw = ZONE_KW_K * sets[set::HOOD_FAN] / FAN_RPM
            * (sets[set::HOOD_WET] + sets[set::HOOD_DRY] - 2.0 * SHEET_C);
        let shell = SHEET_C + (needed_kw - hood_kw) / YANKEE_KW_K;
        let root = (shell / 100.0).max(0.5);
        root * root * root * root - 1.013
    }
}

/// Temperature of saturated steam, °C, from its pressure in bar gauge: 100·p^¼ with p in bar absolute,
/// within 3 K of the tables between 1 and 15 bar.
pub(super) fn steam_c(gauge: f64) -> f64 {
    100.0 * (gauge + 1.013).max(0.1).sqrt().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::grades::GRADES;
    use super::*;

    #[test]
    fn the_dryer_can_make_every_grade() {
        for grade in &GRADES {
            let sets = &grade.recipe;
            let reel = sets[set::SPEED] * (1.0 - sets[set::CREPE]);
            let dry = sets[set::BASIS_WEIGHT] * (1.0 - sets[set::MOISTURE] / 100.0) * reel * 5.6;
            let steam = Dryer::steam_for(sets, dry / 1000.0);
            assert!((5.5..8.0).contains(&steam), "{}: {steam} bar", grade.name);
        }
    }

    #[test]
    fn steam_is_that_of_the_tables() {
        for (gauge, celsius) in [(0.0, 100.0), (3.0, 143.6), (7.0, 170.4), (9.0, 179.9)] {
            assert!((steam_c(gauge) - celsius).abs() < 3.0, "{gauge} bar");
        }
    }
}
