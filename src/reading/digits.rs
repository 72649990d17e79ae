//! Numbers as text for people, and bytes as hexadecimal digits.

use std::fmt::Write as _;

/// Decimals at most.
const DECIMALS_MAX: i32 = 12;

/// Two hexadecimal digits, in small letters, for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// A number with four digits, or with its whole part and no more; after the point at most four of them.
#[must_use]
pub fn four_digits(value: f64) -> String {
    with_decimals(value, 4 - digits_before_point(value).max(0))
}

/// Two numbers with so many decimals that the two first digits of what they differ by are seen, and four digits of
/// themselves.
#[must_use]
pub fn side_by_side(one: f64, other: f64) -> (String, String) {
    let apart = 2 - digits_before_point(one - other);
    let least = 4 - digits_before_point(one).max(digits_before_point(other)).max(0);
    // Equal ones differ by nothing that could be seen.
    let differ = (one - other).abs() > 0.0;
    let decimals = if differ { least.max(apart) } else { least };
    (with_decimals(one, decimals), with_decimals(other, decimals))
}

/// What something is that is told as its change over so many seconds: `change over 5 min`.
#[must_use]
pub fn change_over(seconds: f64) -> String {
    let whole = |unit: f64| seconds >= unit && (seconds / unit).fract() <= 0.0;
    match seconds {
        _ if whole(3600.0) => format!("change over {} h", seconds / 3600.0),
        _ if whole(60.0) => format!("change over {} min", seconds / 60.0),
        _ => format!("change over {seconds} s"),
    }
}

/// The name of a tag, with [`change_over`] behind it where its change is told and not its value.
#[must_use]
pub fn name_or_change(name: &str, over_s: Option<f64>) -> String {
    over_s.map_or_else(|| name.to_owned(), |over_s| format!("{name} ({})", change_over(over_s)))
}

/// The digits before the point; 0 and less count the noughts behind it.
fn digits_before_point(value: f64) -> i32 {
    let size = value.abs();
    if size <= 0.0 || !size.is_finite() {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a float is small")]
    let exponent = size.log10().floor() as i32;
    exponent + 1
}

fn with_decimals(value: f64, decimals: i32) -> String {
    let decimals = usize::try_from(decimals.clamp(0, DECIMALS_MAX)).unwrap_or(0);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_over_the_largest_unit_that_needs_no_fraction() {
        let told = [0.5, 90.0, 300.0, 3600.0, 5400.0].map(change_over);
        let words = ["0.5 s", "90 s", "5 min", "1 h", "90 min"];
        assert_eq!(told, words.map(|words| format!("change over {words}")));
    }

    #[test]
    fn numbers_have_four_digits() {
        for (value, expected) in [
            (0.0, "0.0000"),
            (0.012_345, "0.0123"),
            (1.5, "1.500"),
            (-146.23, "-146.2"),
            (1640.04, "1640"),
            (123_456.7, "123457"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(four_digits(value), expected);
        }
    }

    #[test]
    fn what_differs_is_seen() {
        for (one, other, expected) in [
            (146.23, 160.31, ("146.2", "160.3")),
            (120.4123, 120.4048, ("120.4123", "120.4048")),
            (3108.2, 3105.9, ("3108.2", "3105.9")),
            (0.04, 0.02, ("0.0400", "0.0200")),
            (1.0, 1.0, ("1.000", "1.000")),
            (5.0, f64::NAN, ("5.000", "NaN")),
        ] {
            let (first, second) = side_by_side(one, other);
            assert_eq!((&*first, &*second), expected);
        }
    }
}
