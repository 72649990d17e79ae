//! Times in payloads: numbers in a stated unit, or RFC 3339.

use super::TimeUnit;
use super::limits::found;
use super::octets::whole;
use crate::reading::{Timestamp, TimestampError};

/// Reads a time from a number (as text) or from RFC 3339; the error says what is wrong with it.
///
/// Digits below a nanosecond are dropped. The number is read digit by digit: a float could not hold
/// nanoseconds since 1970.
pub(super) fn read(text: &str, unit: TimeUnit) -> Result<Timestamp, String> {
    if let Some(at) = instant(text, unit) {
        return Ok(at);
    }
    let text = text.trim();
    let at = number(text, unit).unwrap_or_else(|| Timestamp::parse_rfc3339(text));
    at.map_err(|error| match error {
        TimestampError::OutOfRange => {
            format!("`{}` is outside the years 1677 to 2262", found(text))
        }
        TimestampError::Text(_) => {
            format!("`{}` is neither a number nor an RFC 3339 time", found(text))
        }
    })
}

/// The instant of a whole number in a unit, as most are; `None` if it has to be looked at closely.
fn instant(text: &str, unit: TimeUnit) -> Option<Timestamp> {
    let number = i64::try_from(whole(text.as_bytes())?).ok()?;
    number.checked_mul(10_i64.pow(power(unit))).map(Timestamp::from_nanos)
}

/// The power of ten that a unit is in nanoseconds.
fn power(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Seconds => 9,
        TimeUnit::Millis => 6,
        TimeUnit::Micros => 3,
        TimeUnit::Nanos => 0,
    }
}

/// The instant of a decimal number in a unit; `None` if the text is no number.
fn number(text: &str, unit: TimeUnit) -> Option<Result<Timestamp, TimestampError>> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = scaled(whole, fraction, exponent, unit).ok_or(TimestampError::OutOfRange);
    Some(nanos.map(|nanos| Timestamp::from_nanos(if negative { -nanos } else { nanos })))
}

/// `whole.fraction × 10^exponent` units in nanoseconds, cut below one nanosecond.
fn scaled(whole: &str, fraction: &str, exponent: i32, unit: TimeUnit) -> Option<i64> {
    // The digits before the decimal point of the result; the rest is below a nanosecond.
    let places = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(power(unit));
    let mut digits = whole.bytes().chain(fraction.bytes());
    let mut value: i64 = 0;
    let mut place = 0;
    while place < places {
        let digit = match digits.next() {
            Some(byte) => i64::from(byte - b'0'),
            // All digits are used up: zeros remain, which change nothing if the value is zero.
            None if value == 0 => return Some(0),
            None => 0,
        };
        value = value.checked_mul(10)?.checked_add(digit)?;
        place += 1;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, unit: TimeUnit, expected: Option<i64>) {
        assert_eq!(read(text, unit).ok().map(Timestamp::as_nanos), expected, "{text}");
    }

    #[test]
    fn numbers_are_exact_to_the_nanosecond() {
        check("1769126400000", TimeUnit::Millis, Some(1_769_126_400_000_000_000));
        check("1769126400", TimeUnit::Seconds, Some(1_769_126_400_000_000_000));
        check("1769126400.123456789", TimeUnit::Seconds, Some(1_769_126_400_123_456_789));
        check("1769126400123456.7", TimeUnit::Micros, Some(1_769_126_400_123_456_700));
        check("1769126400123456789", TimeUnit::Nanos, Some(1_769_126_400_123_456_789));
        check("1.7691264e12", TimeUnit::Millis, Some(1_769_126_400_000_000_000));
        check("17691264000000000e-4", TimeUnit::Millis, Some(1_769_126_400_000_000_000));
        check("-1.5", TimeUnit::Seconds, Some(-1_500_000_000));
        check("0.9", TimeUnit::Nanos, Some(0));
        check("0e999999999", TimeUnit::Seconds, Some(0));
        check("1e-999999999", TimeUnit::Seconds, Some(0));
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_one(text in "[0-9]{1,20}", unit in 0..4_usize) {
            use TimeUnit::{Micros, Millis, Nanos, Seconds};
            let unit = [Seconds, Millis, Micros, Nanos][unit];
            let long = number(&text, unit).and_then(Result::ok);
            prop_assert_eq!(read(&text, unit).ok(), long);
        }
    }

    #[test]
    fn text_is_rfc_3339() {
        check("2026-01-23T00:00:00Z", TimeUnit::Millis, Some(1_769_126_400_000_000_000));
        check(" 2026-01-23T08:00:00.5+08:00 ", TimeUnit::Nanos, Some(1_769_126_400_500_000_000));
    }

    #[test]
    fn what_is_no_time_or_does_not_fit_is_refused() {
        for text in ["", ".", "-", "e5", "1e", "yesterday", "2026-01-23", "0x10", "１２", "1_000"]
        {
            check(text, TimeUnit::Millis, None);
        }
        check("9223372036854775807", TimeUnit::Seconds, None);
        check("1e300", TimeUnit::Nanos, None);
        check("9999-01-01T00:00:00Z", TimeUnit::Millis, None);
        assert!(read("1e300", TimeUnit::Nanos).unwrap_err().contains("1677"));
    }
}
