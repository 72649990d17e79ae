//! Units of readings and laboratory results: which mean the same, and how one becomes the other.

/// Units of one dimension: the words for each, and what one of it is in the dimension's first unit.
type Dimension = &'static [(f64, &'static [&'static str])];

/// Force over width, in N/m; pressure, in kPa; and so on. Words are in the form of [`plain`].
const DIMENSIONS: &[Dimension] = &[
    &[
        (1.0, &["n/m"]),
        (1000.0, &["kn/m", "n/mm"]),
        (100.0, &["n/cm"]),
        (1000.0 / 15.0, &["n/15mm"]),
        (1000.0 / 25.0, &["n/25mm"]),
        (1000.0 / 25.4, &["n/in", "n/25.4mm"]),
        (20.0, &["n/50mm", "n/5cm"]),
        (0.980_665, &["gf/cm"]),
        (0.009_806_65 / 0.0254, &["gf/in", "g/in"]),
        (4.448_221_615_260_5 / 0.0254, &["lbf/in", "pli"]),
    ],
    &[(1.0, &["g/m2", "gsm", "g/sqm"]), (1000.0, &["kg/m2"])],
    &[(1.0, &["um", "micron", "microns"]), (1000.0, &["mm"]), (25.4, &["mil", "mils"])],
    &[(1.0, &["m"]), (0.01, &["cm"]), (1000.0, &["km"])],
    &[(1.0, &["n"]), (0.001, &["mn"]), (1000.0, &["kn"]), (0.009_806_65, &["gf"])],
    &[
        (1.0, &["kpa"]),
        (0.001, &["pa"]),
        (1000.0, &["mpa"]),
        (0.000_001, &["mPa"]),
        (100.0, &["bar"]),
        (0.1, &["mbar"]),
        (6.894_757_293_168, &["psi"]),
    ],
    &[(1.0, &["%", "percent", "pct"]), (100.0, &["1", "fraction"]), (0.1, &["permille"])],
    &[(1.0, &["g"]), (1000.0, &["kg"]), (0.001, &["mg"]), (1_000_000.0, &["t", "Mg"])],
    &[(1.0, &["s", "sec"]), (60.0, &["min"]), (3600.0, &["h"]), (0.001, &["ms"])],
    &[(1.0, &["ml", "cm3"]), (1000.0, &["l", "dm3"])],
    &[(1.0, &["m/min"]), (60.0, &["m/s"])],
    &[(1.0, &["cm3/g"]), (1.0, &["m3/t"]), (1000.0, &["m3/kg"])],
    &[(1.0, &["j/m2"]), (1000.0, &["kj/m2"])],
    &[(1.0, &["kg/m3"]), (1000.0, &["g/cm3"])],
    &[
        (1.0, &["l/min", "lpm"]),
        (60.0, &["l/s"]),
        (1000.0 / 60.0, &["m3/h"]),
        (1000.0, &["m3/min"]),
        (3.785_411_784, &["gpm"]),
    ],
    &[
        (1.0, &["kg/h"]),
        (1000.0, &["t/h", "tph"]),
        (1000.0 / 24.0, &["t/d", "tpd"]),
        (3600.0, &["kg/s"]),
    ],
    &[(1.0, &["rpm", "1/min"]), (60.0, &["hz", "1/s"])],
];

/// Temperatures: the words, what a degree is in ninths of a hundredth of a kelvin, and where the zero
/// lies in these. All are whole numbers, so that 212 °F are 100 °C and nothing beside it.
const TEMPERATURES: &[(f64, f64, &[&str])] = &[
    (900.0, 0.0, &["k", "kelvin"]),
    (900.0, 245_835.0, &["c", "degc", "celsius"]),
    (500.0, 229_835.0, &["f", "degf", "fahrenheit"]),
];

/// How a number in one unit becomes one in another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    from: f64,
    zero: f64,
    to: f64,
}

impl Conversion {
    /// Leaves numbers as they are.
    pub const SAME: Self = Self { from: 1.0, zero: 0.0, to: 1.0 };

    /// The number in the other unit.
    #[must_use]
    pub fn of(self, value: f64) -> f64 {
        (value * self.from + self.zero) / self.to
    }
}

/// How numbers in a unit become numbers in another one; `None` where the two are not known to measure
/// the same. Equal words, whatever their case, leave numbers as they are, but where milli and mega differ by it.
#[must_use]
pub fn conversion(from: &str, to: &str) -> Option<Conversion> {
    let (from, to) = (plain(from), plain(to));
    if from == to {
        return Some(Conversion::SAME);
    }
    let factor = |dimension: &Dimension, word: &str| {
        dimension.iter().find(|(_, words)| words.contains(&word)).map(|(factor, _)| *factor)
    };
    let scaled = DIMENSIONS.iter().find_map(|dimension| {
        let (from, to) = (factor(dimension, &from)?, factor(dimension, &to)?);
        Some(Conversion { from, zero: 0.0, to })
    });
    let degrees = |word: &str| {
        TEMPERATURES.iter().find(|(.., words)| words.contains(&word.trim_start_matches('°')))
    };
    scaled.or_else(|| {
        let ((from, below, _), (to, above, _)) = (degrees(&from)?, degrees(&to)?);
        Some(Conversion { from: *from, zero: below - above, to: *to })
    })
}

/// A value in another unit, as [`conversion`] has it.
#[must_use]
pub fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    conversion(from, to).map(|conversion| conversion.of(value))
}

/// Words that would be another unit, a thousand million times as large or as small, in other letters. `MN`
/// is no unit that is known: it may be a laboratory's millinewton in capitals.
const CASED: [&str; 3] = ["mPa", "Mg", "MN"];

/// The word without what people write in different ways: case, spaces, raised digits, the two mus.
fn plain(unit: &str) -> String {
    let letter = |letter: char| match letter {
        '²' => '2',
        '³' => '3',
        'µ' | 'μ' => 'u',
        other => other,
    };
    let word: String = unit.chars().filter(|c| !c.is_whitespace()).map(letter).collect();
    if CASED.contains(&word.as_str()) { word } else { word.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, from: &str, to: &str, expected: Option<f64>) {
        let found = convert(value, from, to);
        let close = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-9 * expected.abs(),
            (found, expected) => found == expected,
        };
        assert!(close, "{value} {from} is {found:?} {to}, {expected:?} expected");
    }

    #[test]
    fn known_units_are_converted_and_others_are_not() {
        check(0.131, "kN/m", "N/m", Some(131.0));
        check(131.0, "n / m", "N/m", Some(131.0));
        check(2.0, "MPA", "kPa", Some(2000.0));
        check(2.0, "mPa", "Pa", Some(0.002));
        check(2.0, "mPa", "MPa", Some(2e-9));
        check(2.0, "Mg", "t", Some(2.0));
        check(2.0, "MG", "g", Some(0.002));
        check(2.0, "MN", "mN", None);
        check(1.965, "N/15 mm", "N/m", Some(131.0));
        check(15.2, "gsm", "g/m²", Some(15.2));
        check(0.12, "mm", "µm", Some(120.0));
        check(0.18, "fraction", "%", Some(18.0));
        check(7.0, "SR", "SR", Some(7.0));
        check(212.0, "°F", "°C", Some(100.0));
        check(25.0, "degC", "K", Some(298.15));
        check(-40.0, "C", "F", Some(-40.0));
        check(100.0, "m³/h", "l/min", Some(100_000.0 / 60.0));
        check(24.0, "t/d", "t/h", Some(1.0));
        check(7.0, "°C", "bar", None);
        check(7.0, "banana", "N/m", None);
        check(7.0, "kPa", "N/m", None);
    }
}
