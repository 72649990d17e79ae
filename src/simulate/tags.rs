//! The machine's tags: names, areas, units, instruments; and the rules that read what is published.

use super::grades::GRADES;
use crate::decode::{Format, JsonRule, JsonValues, Rule, Template};

/// One tag of the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineTag {
    /// Its name.
    pub name: &'static str,
    /// Its area: one message carries all tags of an area.
    pub area: &'static str,
    /// Its unit; empty for a ratio.
    pub unit: &'static str,
    /// Standard deviation of the instrument's error.
    pub noise: f64,
    /// Decimal places it is published with.
    pub decimals: usize,
    /// Seconds between two values.
    pub period_s: u32,
}

macro_rules! tags {
    ($($constant:ident $name:literal $area:literal $unit:literal $noise:literal $decimals:literal $period:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "positions by name")]
        enum Place { $($constant),*, COUNT }
        /// Positions in [`TAGS`].
        pub(super) mod tag {
            $(pub(in crate::simulate) const $constant: usize = super::Place::$constant as usize;)*
        }
        /// All tags; those of one area stand together. Errors are those of domain.md 1.4, the moisture's
        /// less: a loop that acts on an error of 0.25 % would itself carry the product out of its limits.
        pub const TAGS: [MachineTag; Place::COUNT as usize] = [
            $(MachineTag {
                name: $name, area: $area, unit: $unit, noise: $noise, decimals: $decimals, period_s: $period,
            }),*
        ];
    };
}

tags! {
    HARDWOOD_CONSISTENCY "hardwood_consistency" "stock" "%" 0.03 3 1;
    SOFTWOOD_CONSISTENCY "softwood_consistency" "stock" "%" 0.03 3 1;
    REFINER_POWER "refiner_power" "stock" "kW" 3.0 1 1;
    FREENESS "freeness" "stock" "ml" 8.0 0 300;
    SOFTWOOD_FLOW "softwood_flow" "stock" "L/min" 6.0 1 1;
    HARDWOOD_FLOW "hardwood_flow" "stock" "L/min" 12.0 1 1;
    BROKE_FLOW "broke_flow" "stock" "L/min" 6.0 1 1;
    STOCK_FLOW "stock_flow" "stock" "L/min" 8.0 1 1;
    CHEST_PH "chest_ph" "stock" "pH" 0.03 2 10;
    CHEST_LEVEL "chest_level" "stock" "%" 0.4 1 1;
    WET_STRENGTH_FLOW "wet_strength_flow" "stock" "L/min" 0.05 3 1;
    DEBONDER_FLOW "debonder_flow" "stock" "mL/min" 3.0 1 1;
    HEADBOX_PRESSURE "headbox_pressure" "headbox" "kPa" 1.5 1 1;
    HEADBOX_FLOW "headbox_flow" "headbox" "m3/min" 0.3 2 1;
    HEADBOX_CONSISTENCY "headbox_consistency" "headbox" "%" 0.003 4 5;
    JET_WIRE_RATIO "jet_wire_ratio" "headbox" "" 0.002 4 1;
    WHITE_WATER_CONSISTENCY "white_water_consistency" "headbox" "%" 0.001 4 10;
    RETENTION "retention" "headbox" "%" 0.5 1 60;
    WIRE_SPEED "wire_speed" "headbox" "m/min" 0.3 1 1;
    SUCTION_ROLL_VACUUM "suction_roll_vacuum" "press" "kPa" 0.3 2 1;
    UHLE_BOX_VACUUM "uhle_box_vacuum" "press" "kPa" 0.3 2 1;
    PRESS_LOAD "press_load" "press" "kN/m" 0.3 2 1;
    FELT_WATER "felt_water" "press" "g/m2" 8.0 0 60;
    YANKEE_SPEED "yankee_speed" "yankee" "m/min" 0.2 2 1;
    STEAM_PRESSURE "steam_pressure" "yankee" "bar" 0.02 3 1;
    CONDENSATE_PRESSURE "condensate_pressure" "yankee" "kPa" 1.0 2 1;
    YANKEE_TEMPERATURE "yankee_temperature" "yankee" "degC" 0.5 2 10;
    ADHESIVE_FLOW "adhesive_flow" "yankee" "mL/min" 2.0 1 1;
    RELEASE_FLOW "release_flow" "yankee" "mL/min" 1.0 1 1;
    HOOD_TEMPERATURE_WET "hood_temperature_wet" "hood" "degC" 1.5 1 1;
    HOOD_TEMPERATURE_DRY "hood_temperature_dry" "hood" "degC" 1.5 1 1;
    HOOD_HUMIDITY "hood_humidity" "hood" "g/kg" 8.0 0 10;
    HOOD_FAN_SPEED "hood_fan_speed" "hood" "rpm" 2.0 1 1;
    GAS_FLOW "gas_flow" "hood" "Nm3/h" 8.0 1 1;
    BLADE_LOAD "blade_load" "creping" "kN/m" 0.05 3 1;
    DOCTOR_VIBRATION "doctor_vibration" "creping" "mm/s" 0.25 3 1;
    BLADE_AGE "blade_age" "creping" "h" 0.0 2 60;
    REEL_SPEED "reel_speed" "reel" "m/min" 0.2 2 1;
    CREPE "crepe" "reel" "%" 0.03 3 1;
    REEL_LOAD "reel_load" "reel" "kN/m" 0.03 3 1;
    REEL_DIAMETER "reel_diameter" "reel" "m" 0.002 3 1;
    PRODUCTION_RATE "production_rate" "reel" "t/h" 0.03 3 1;
    SHEET_BREAK "sheet_break" "reel" "" 0.0 0 1;
    BASIS_WEIGHT "basis_weight" "scanner" "g/m2" 0.10 3 1;
    MOISTURE "moisture" "scanner" "%" 0.15 3 1;
    CALIPER "caliper" "scanner" "um" 2.0 1 1;
}

/// True for a tag of the scanner, which gives a value only while there is a sheet.
pub(super) fn is_of_scanner(ix: usize) -> bool {
    TAGS[ix].area == TAGS[tag::BASIS_WEIGHT].area
}

/// True for a tag that is on or off.
pub(super) fn is_switch(ix: usize) -> bool {
    ix == tag::SHEET_BREAK
}

/// The areas and the positions of their tags, in order.
pub(super) fn areas() -> Vec<(&'static str, std::ops::Range<usize>)> {
    let mut areas: Vec<(&str, std::ops::Range<usize>)> = Vec::new();
    for (ix, tag) in TAGS.iter().enumerate() {
        match areas.last_mut() {
            Some((area, tags)) if *area == tag.area => tags.end = ix + 1,
            _ => areas.push((tag.area, ix..ix + 1)),
        }
    }
    areas
}

/// The names of the grades that the machine makes; the first is the one it makes most.
#[must_use]
pub fn grade_names() -> [&'static str; GRADES.len()] {
    GRADES.map(|grade| grade.name)
}

/// The rules that read what the machine publishes in its own form to the broker of this name: the
/// subscriptions of `config/tissue.toml`.
#[must_use]
pub fn rules(broker: &str) -> Vec<Rule> {
    let mut fields: Vec<_> =
        TAGS.iter().map(|tag| (tag.name.into(), format!("/{}", tag.name).into())).collect();
    fields.sort();
    let rule = |template: &str, format| {
        Rule::new(broker, Template::parse(template).expect("a template of ours"), format)
    };
    let wide = JsonRule {
        values: JsonValues::Fields(fields),
        time: Some("/ts".into()),
        ..JsonRule::default()
    };
    vec![
        rule("mill/{line}/{area}", Format::Json(wide)),
        rule("mill/{line}/events", Format::BatchEvent),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_names_and_areas_stand_together() {
        assert_eq!(TAGS[tag::STOCK_FLOW].name, "stock_flow");
        assert_eq!(TAGS[tag::CALIPER].name, "caliper");
        assert!(is_of_scanner(tag::MOISTURE) && !is_of_scanner(tag::SHEET_BREAK));
        let mut areas: Vec<&str> = TAGS.iter().map(|tag| tag.area).collect();
        areas.dedup();
        let distinct: std::collections::BTreeSet<&str> = areas.iter().copied().collect();
        assert_eq!(areas.len(), distinct.len(), "{areas:?}");
        assert_eq!(TAGS.len(), 46);
    }
}
