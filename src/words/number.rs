//! Numbers, shares and lengths for people, alike in every language.

/// Where nothing is known.
pub(crate) const NONE: &str = "–";

/// A number with four significant digits, all of its whole part, and thin spaces between thousands.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{value:.3e}").replace('-', "−");
    }
    let whole_digits = size.log10().floor() + 1.0;
    // Of nought the logarithm is −∞: eight decimals, all of which fall away below.
    let decimals = (4.0 - whole_digits).clamp(0.0, 8.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=8 just above"
    )]
    let text = format!("{value:.*}", decimals as usize);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if fraction.is_empty() && whole == "0" { "" } else { sign };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

/// A number as it was declared: all of its digits and no more, with thin spaces between thousands. A limit must not be
/// rounded: what is compared with it is not.
pub(crate) fn declared(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    // Whoever declares a number writes fewer digits than fifteen; what is behind them comes of arithmetic.
    let written = format!("{value:.14e}");
    let value: f64 = written.parse().unwrap_or(value);
    let size = value.abs();
    let text = if size != 0.0 && !(1e-6..1e15).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    };
    let (sign, text) = text.strip_prefix('-').map_or(("", &*text), |digits| ("−", digits));
    let sign = if value == 0.0 { "" } else { sign };
    let (whole, rest) = text.find(['.', 'e']).map_or((text, ""), |at| text.split_at(at));
    format!("{sign}{}{}", grouped(whole), rest.replace('-', "−"))
}

/// Thin spaces between thousands, from five digits on.
fn grouped(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let mut out = String::with_capacity(digits.len() * 2);
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A number with its unit.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    let number = number(value);
    if unit.is_empty() || number == NONE { number } else { format!("{number}\u{a0}{unit}") }
}

/// A count.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A share or probability as whole per cent; what is not quite 0 or 1 never looks like it.
pub(crate) fn per_cent(share: f64) -> String {
    if !share.is_finite() {
        return NONE.to_owned();
    }
    let share = share.clamp(0.0, 1.0);
    if share > 0.0 && share < 0.005 {
        "< 1 %".replace(' ', "\u{a0}")
    } else if share > 0.99 && share < 1.0 {
        "> 99 %".replace(' ', "\u{a0}")
    } else {
        format!("{:.0}\u{a0}%", share * 100.0)
    }
}

/// A small share as per cent with a digit after the point.
pub(crate) fn fine_per_cent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.1}\u{a0}%", share.clamp(0.0, 1.0) * 100.0)
    } else {
        NONE.to_owned()
    }
}

/// A share that is allowed, as it was declared, and what was found, with as many digits as tell the two apart.
pub(crate) fn shares(found: f64, allowed: f64) -> (String, String) {
    if !found.is_finite() || !allowed.is_finite() {
        return (fine_per_cent(found), fine_per_cent(allowed));
    }
    let (found, allowed) = (found.clamp(0.0, 1.0) * 100.0, allowed.clamp(0.0, 1.0) * 100.0);
    let apart = |digits: &usize| {
        let shown: f64 = format!("{found:.digits$}").parse().unwrap_or(found);
        (shown > allowed) == (found > allowed) && (shown < allowed) == (found < allowed)
    };
    let digits = (1..9).find(apart).unwrap_or(1);
    (format!("{found:.digits$}\u{a0}%"), format!("{}\u{a0}%", declared(allowed)))
}

/// A ratio to a limit.
pub(crate) fn ratio(value: f64) -> String {
    if !value.is_finite() {
        NONE.to_owned()
    } else if value.abs() < 10.0 {
        format!("{value:.2}")
    } else {
        number(value.round())
    }
}

/// Whole metres.
pub(crate) fn metres(value: f64) -> String {
    if value.is_finite() { format!("{}\u{a0}m", number(value.round())) } else { NONE.to_owned() }
}

/// A value as its method tells it: a multiple of its resolution, half to even, with as many decimals as that has.
pub(crate) fn rounded_to(value: f64, step: f64) -> String {
    if !value.is_finite() || !step.is_finite() || step <= 0.0 {
        return number(value);
    }
    let steps = value / step;
    // What is a half in decimals may be a hair beside it in binary: the more, the greater it is, but never so much that it
    // could be measured.
    let hair = (1e-9 * steps.abs().max(1.0)).min(1e-6);
    let near_half = ((steps - steps.floor()) - 0.5).abs() <= hair;
    let whole = if near_half {
        let below = steps.floor();
        if (below / 2.0).fract() == 0.0 { below } else { below + 1.0 }
    } else {
        steps.round()
    };
    let decimals = format!("{step}").split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let text = format!("{:.decimals$}", whole * step);
    let is_nought = text.trim_start_matches('-').chars().all(|digit| matches!(digit, '0' | '.'));
    if is_nought { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_half_to_even_to_the_resolution_of_the_method() {
        for (value, resolution, expected) in [
            (0.25, 0.1, "0.2"),
            (0.35, 0.1, "0.4"),
            (0.15, 0.1, "0.2"),
            (120.45, 0.1, "120.4"),
            (120.55, 0.1, "120.6"),
            (120.449, 0.1, "120.4"),
            (2.5, 1.0, "2"),
            (3.5, 1.0, "4"),
            (-2.5, 1.0, "−2"),
            (-0.04, 0.1, "0.0"),
            (13.25, 0.5, "13.0"),
            (13.75, 0.5, "14.0"),
            (12_345.6, 10.0, "12350"),
            (0.012_5, 0.005, "0.010"),
            // A million steps and a little over a half: no tie.
            (100_000.050_03, 0.1, "100000.1"),
            (100_000.05, 0.1, "100000.0"),
        ] {
            assert_eq!(rounded_to(value, resolution), expected, "{value} to {resolution}");
        }
    }

    #[test]
    fn numbers_have_four_digits_and_their_whole_part() {
        for (value, expected) in [
            (0.0, "0"),
            (15.08, "15.08"),
            (15.0, "15"),
            (15.934_9, "15.93"),
            (412.71, "412.7"),
            (1_812.4, "1812"),
            (31_204.0, "31\u{202f}204"),
            (1_234_567.8, "1\u{202f}234\u{202f}568"),
            (-5.5, "−5.5"),
            (0.213_44, "0.2134"),
            (-0.000_18, "−0.00018"),
            (0.000_05, "5.000e−5"),
            (1e18, "1.000e18"),
            (9_999.96, "10\u{202f}000"),
            (f64::NAN, "–"),
            (f64::NEG_INFINITY, "–"),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
    }

    #[test]
    fn declared_numbers_keep_all_of_their_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (120.0, "120"),
            (15.625_5, "15.6255"),
            (-15.625_5, "−15.6255"),
            (1_234.56, "1234.56"),
            (12_345.678, "12\u{202f}345.678"),
            (100_000_005.0, "100\u{202f}000\u{202f}005"),
            (0.1 + 0.2, "0.3"),
            (0.000_05, "0.00005"),
            (2.5e-9, "2.5e−9"),
            (1e18, "1e18"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(declared(value), expected, "{value}");
        }
    }

    #[test]
    fn shares_that_differ_are_told_apart() {
        for (found, allowed, expected) in [
            (0.031, 0.1, ("3.1 %", "10 %")),
            (0.050_4, 0.05, ("5.04 %", "5 %")),
            (0.049_999, 0.05, ("4.9999 %", "5 %")),
            (0.05, 0.05, ("5.0 %", "5 %")),
            (0.001, 0.002_5, ("0.1 %", "0.25 %")),
            (0.0, 0.07, ("0.0 %", "7 %")),
            (f64::NAN, 0.05, ("–", "5.0 %")),
        ] {
            let (found_shown, allowed_shown) = shares(found, allowed);
            let shown = [found_shown, allowed_shown].map(|text| text.replace('\u{a0}', " "));
            assert_eq!([shown[0].as_str(), shown[1].as_str()], [expected.0, expected.1], "{found}");
        }
    }

    #[test]
    fn shares_never_claim_certainty() {
        for (share, expected) in [
            (0.0, "0 %"),
            (0.001, "< 1 %"),
            (0.018, "2 %"),
            (0.71, "71 %"),
            (0.99, "99 %"),
            (0.998, "> 99 %"),
            (1.0, "100 %"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(per_cent(share).replace('\u{a0}', " "), expected, "{share}");
        }
        assert_eq!(fine_per_cent(0.031).replace('\u{a0}', " "), "3.1 %");
    }
}
