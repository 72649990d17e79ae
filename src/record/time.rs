//! Times as people write them in tables.

use crate::decode::TimeUnit;
use crate::reading::Timestamp;

/// Reads a time: RFC 3339; a date and a time of day without a zone, taken as UTC; or a number in
/// this unit since 1970.
pub(super) fn parse(text: &str, unit: TimeUnit) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return from_number(text, number, unit);
    }
    if let Ok(at) = Timestamp::parse_rfc3339(text) {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.replacen('/', "-", 2).parse().ok()?;
    let at = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

fn from_number(text: &str, number: f64, unit: TimeUnit) -> Option<Timestamp> {
    let factor: i64 = match unit {
        TimeUnit::Seconds => 1_000_000_000,
        TimeUnit::Millis => 1_000_000,
        TimeUnit::Micros => 1000,
        TimeUnit::Nanos => 1,
    };
    // A whole number is exact; a fraction of a second is as exact as a float.
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(factor).map(Timestamp::from_nanos);
    }
    #[expect(clippy::cast_precision_loss, reason = "the factors are powers of ten below 2^53")]
    let nanos = number * factor as f64;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (nanos.abs() < 9.2e18).then(|| Timestamp::from_nanos(nanos.round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_kinds() {
        let read = |text, unit| parse(text, unit).map(Timestamp::to_rfc3339);
        for (text, unit) in [
            ("2026-01-23T00:00:00Z", TimeUnit::Millis),
            ("2026-01-23 00:00:00", TimeUnit::Millis),
            ("2026/01/23 00:00", TimeUnit::Millis),
            ("2026-01-23T08:00:00+08:00", TimeUnit::Millis),
            ("1769126400000", TimeUnit::Millis),
            ("1769126400", TimeUnit::Seconds),
            ("1769126400.0", TimeUnit::Seconds),
            ("1769126400000000000", TimeUnit::Nanos),
        ] {
            assert_eq!(read(text, unit).as_deref(), Some("2026-01-23T00:00:00Z"), "{text}");
        }
        assert_eq!(read("soon", TimeUnit::Millis), None);
        assert_eq!(read("1e300", TimeUnit::Millis), None);
    }
}
