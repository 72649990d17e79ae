//! Units of laboratory results: which mean the same, and by what factor they differ.

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
        (100.0, &["bar"]),
        (0.1, &["mbar"]),
        (6.894_757_293_168, &["psi"]),
    ],
    &[(1.0, &["%", "percent", "pct"]), (100.0, &["1", "fraction"]), (0.1, &["permille"])],
    &[(1.0, &["g"]), (1000.0, &["kg"]), (0.001, &["mg"]), (1_000_000.0, &["t"])],
    &[(1.0, &["s", "sec"]), (60.0, &["min"]), (3600.0, &["h"]), (0.001, &["ms"])],
    &[(1.0, &["ml", "cm3"]), (1000.0, &["l", "dm3"])],
    &[(1.0, &["m/min"]), (60.0, &["m/s"])],
    &[(1.0, &["cm3/g"]), (1.0, &["m3/t"]), (1000.0, &["m3/kg"])],
    &[(1.0, &["j/m2"]), (1000.0, &["kj/m2"])],
    &[(1.0, &["kg/m3"]), (1000.0, &["g/cm3"])],
];

/// A value in another unit; `None` where the two are not known to measure the same. Equal words,
/// whatever their case, leave the value as it is.
#[must_use]
pub fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    let (from, to) = (plain(from), plain(to));
    if from == to {
        return Some(value);
    }
    let factor = |dimension: &Dimension, word: &str| {
        dimension.iter().find(|(_, words)| words.contains(&word)).map(|(factor, _)| *factor)
    };
    let (from, to) = DIMENSIONS
        .iter()
        .find_map(|dimension| Some((factor(dimension, &from)?, factor(dimension, &to)?)))?;
    Some(value * from / to)
}

/// The word without what people write in different ways: case, spaces, raised digits, the two mus.
fn plain(unit: &str) -> String {
    let letter = |letter: char| match letter {
        '²' => '2',
        '³' => '3',
        'µ' | 'μ' => 'u',
        other => other,
    };
    unit.chars().filter(|c| !c.is_whitespace()).map(letter).collect::<String>().to_lowercase()
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
        check(1.965, "N/15 mm", "N/m", Some(131.0));
        check(15.2, "gsm", "g/m²", Some(15.2));
        check(0.12, "mm", "µm", Some(120.0));
        check(0.18, "fraction", "%", Some(18.0));
        check(7.0, "SR", "SR", Some(7.0));
        check(7.0, "banana", "N/m", None);
        check(7.0, "kPa", "N/m", None);
    }
}
