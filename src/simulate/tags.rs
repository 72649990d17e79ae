//! The machine's tags: names, areas, units, instruments; and how they are published and read.

use crate::decode::{Format, JsonValues, QualityCodes, Rule, Template, TimeUnit};

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
}

const fn row(
    name: &'static str,
    area: &'static str,
    unit: &'static str,
    noise: f64,
    decimals: usize,
) -> MachineTag {
    MachineTag { name, area, unit, noise, decimals }
}

/// All tags; those of one area stand together. Errors are those of domain.md 1.4, the moisture's less:
/// a loop that acts on an error of 0.25 % would itself carry the product out of its limits.
pub const TAGS: [MachineTag; 15] = [
    row("stock_flow", "stock", "L/min", 8.0, 1),
    row("stock_consistency", "stock", "%", 0.03, 3),
    row("broke_flow", "stock", "L/min", 6.0, 1),
    row("refiner_power", "stock", "kW", 3.0, 2),
    row("headbox_pressure", "headbox", "kPa", 1.5, 2),
    row("headbox_consistency", "headbox", "%", 0.003, 4),
    row("jet_wire_ratio", "headbox", "", 0.003, 4),
    row("yankee_speed", "yankee", "m/min", 0.2, 2),
    row("steam_pressure", "yankee", "bar", 0.02, 3),
    row("hood_temperature", "yankee", "degC", 1.5, 1),
    row("blade_load", "yankee", "kN/m", 0.05, 3),
    row("reel_speed", "reel", "m/min", 0.2, 2),
    row("production_rate", "reel", "t/h", 0.03, 3),
    row("basis_weight", "scanner", "g/m2", 0.10, 3),
    row("moisture", "scanner", "%", 0.15, 3),
];

/// Positions in [`TAGS`].
pub(super) mod tag {
    pub(in crate::simulate) const STOCK_FLOW: usize = 0;
    pub(in crate::simulate) const STOCK_CONSISTENCY: usize = 1;
    pub(in crate::simulate) const BROKE_FLOW: usize = 2;
    pub(in crate::simulate) const REFINER_POWER: usize = 3;
    pub(in crate::simulate) const HEADBOX_PRESSURE: usize = 4;
    pub(in crate::simulate) const HEADBOX_CONSISTENCY: usize = 5;
    pub(in crate::simulate) const JET_WIRE_RATIO: usize = 6;
    pub(in crate::simulate) const YANKEE_SPEED: usize = 7;
    pub(in crate::simulate) const STEAM_PRESSURE: usize = 8;
    pub(in crate::simulate) const HOOD_TEMPERATURE: usize = 9;
    pub(in crate::simulate) const BLADE_LOAD: usize = 10;
    pub(in crate::simulate) const REEL_SPEED: usize = 11;
    pub(in crate::simulate) const PRODUCTION_RATE: usize = 12;
    pub(in crate::simulate) const BASIS_WEIGHT: usize = 13;
    pub(in crate::simulate) const MOISTURE: usize = 14;
}

/// The grade that the machine makes.
pub const GRADE: &str = "facial-15";

/// The rules that read what the machine publishes: the subscriptions of `config/tissue.toml`.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let mut fields: Vec<_> =
        TAGS.iter().map(|tag| (tag.name.into(), format!("/{}", tag.name).into())).collect();
    fields.sort();
    let rule = |template: &str, format| Rule {
        template: Template::parse(template).expect("a template of ours"),
        format,
        line: None,
        area: None,
        tag: None,
        time_unit: TimeUnit::Millis,
        quality_codes: QualityCodes::default(),
    };
    vec![
        rule(
            "mill/{line}/{area}",
            Format::Json {
                values: JsonValues::Fields(fields),
                time: Some("/ts".into()),
                quality: None,
            },
        ),
        rule("mill/{line}/events", Format::BatchEvent),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_names() {
        assert_eq!(TAGS[tag::STOCK_FLOW].name, "stock_flow");
        assert_eq!(TAGS[tag::REFINER_POWER].name, "refiner_power");
        assert_eq!(TAGS[tag::JET_WIRE_RATIO].name, "jet_wire_ratio");
        assert_eq!(TAGS[tag::STEAM_PRESSURE].name, "steam_pressure");
        assert_eq!(TAGS[tag::PRODUCTION_RATE].name, "production_rate");
        assert_eq!(TAGS[tag::MOISTURE].name, "moisture");
    }
}
