//! Times as people write them in tables.

use super::cell::Cell;
use crate::decode::TimeUnit;
use crate::reading::Timestamp;

/// The units, and the words for them on the command line.
const UNITS: [(TimeUnit, &str); 4] = [
    (TimeUnit::Seconds, "s"),
    (TimeUnit::Millis, "ms"),
    (TimeUnit::Micros, "us"),
    (TimeUnit::Nanos, "ns"),
];

/// The years in which a plant was recorded: 1990 to 2100, ns.
const LIKELY: std::ops::Range<i64> = 631_152_000_000_000_000..4_102_444_800_000_000_000;

/// Why a text is no time that we can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeError {
    /// It is no time at all.
    NoTime,
    /// A time that is too far away, in this unit if it is a number.
    Outside(Option<TimeUnit>),
}

/// The time that a cell says: a time; RFC 3339; a date and a time of day without a zone, taken as UTC; or a
/// number in this unit since 1970.
pub(super) fn of(cell: Cell<'_>, unit: TimeUnit) -> Result<Timestamp, TimeError> {
    if let Cell::Time(count, unit) = cell {
        return from_whole(count, unit).ok_or(TimeError::Outside(None));
    }
    if let Some(count) = Count::of(cell) {
        return count.since_1970(unit).ok_or(TimeError::Outside(Some(unit)));
    }
    let Cell::Text(text) = cell else { return Err(TimeError::NoTime) };
    let outside = |_| TimeError::Outside(None);
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return i64::try_from(at.as_nanosecond()).map(Timestamp::from_nanos).map_err(outside);
    }
    let civil: jiff::civil::DateTime =
        text.replacen('/', "-", 2).parse().map_err(|_| TimeError::NoTime)?;
    let at = jiff::tz::TimeZone::UTC.to_timestamp(civil).map_err(|_| TimeError::Outside(None))?;
    i64::try_from(at.as_nanosecond()).map(Timestamp::from_nanos).map_err(outside)
}

/// The time that a person writes on the command line: RFC 3339, or milliseconds since 1970.
///
/// # Errors
/// When it is none: what to write instead.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    of(Cell::Text(text.trim()), TimeUnit::Millis).map_err(|_| {
        format!("`{text}` is no time; write one such as `2026-01-23T06:00:00Z`, or milliseconds since 1970")
    })
}

/// Another unit in which a number is a time of our days, as it is written on the command line; `None` if
/// the cell is no number, or is likely as it is.
pub(super) fn likelier_unit(cell: Cell<'_>, unit: TimeUnit) -> Option<&'static str> {
    let count = Count::of(cell)?;
    let likely = |unit| count.since_1970(unit).is_some_and(|at| LIKELY.contains(&at.as_nanos()));
    if likely(unit) {
        return None;
    }
    UNITS.iter().find(|(other, _)| likely(*other)).map(|(_, word)| *word)
}

/// True if the instant is before 1990: no plant was recorded then.
pub(super) fn is_long_ago(at: Timestamp) -> bool {
    at.as_nanos() < LIKELY.start
}

/// The word of a unit on the command line.
pub(super) fn word(unit: TimeUnit) -> &'static str {
    UNITS.iter().find(|(other, _)| *other == unit).map_or("", |(_, word)| word)
}

/// So many units since 1970, if our times reach that far.
pub(super) fn from_whole(count: i64, unit: TimeUnit) -> Option<Timestamp> {
    count.checked_mul(factor(unit)).map(Timestamp::from_nanos)
}

/// A unit, ns.
fn factor(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Seconds => 1_000_000_000,
        TimeUnit::Millis => 1_000_000,
        TimeUnit::Micros => 1000,
        TimeUnit::Nanos => 1,
    }
}

/// A number that counts units. A whole one is exact; a fraction of a second is as exact as a float.
#[derive(Debug, Clone, Copy)]
enum Count {
    Whole(i64),
    Fraction(f64),
}

impl Count {
    fn of(cell: Cell<'_>) -> Option<Self> {
        let number = match cell {
            Cell::Whole(whole) => return Some(Self::Whole(whole)),
            Cell::Number(number) => number,
            Cell::Text(text) => match text.parse::<i64>() {
                Ok(whole) => return Some(Self::Whole(whole)),
                Err(_) => text.parse().ok()?,
            },
            Cell::Empty | Cell::Truth(_) | Cell::Time(..) => return None,
        };
        // A column of floats holds whole numbers as well.
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        match number {
            number if !number.is_finite() => None,
            number if number.trunc().to_bits() == number.to_bits() && number.abs() < 9e15 => {
                Some(Self::Whole(number as i64))
            }
            number => Some(Self::Fraction(number)),
        }
    }

    fn since_1970(self, unit: TimeUnit) -> Option<Timestamp> {
        match self {
            Self::Whole(count) => from_whole(count, unit),
            Self::Fraction(count) => {
                #[expect(clippy::cast_precision_loss, reason = "a power of ten below 2^53")]
                let nanos = count * factor(unit) as f64;
                #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
                (nanos.abs() < 9.2e18).then(|| Timestamp::from_nanos(nanos.round() as i64))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_kinds() {
        let read = |text, unit| of(Cell::Text(text), unit).map(Timestamp::to_rfc3339);
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
            assert_eq!(read(text, unit).as_deref(), Ok("2026-01-23T00:00:00Z"), "{text}");
        }
        for (text, error) in [
            ("soon", TimeError::NoTime),
            ("nan", TimeError::NoTime),
            ("", TimeError::NoTime),
            ("1e300", TimeError::Outside(Some(TimeUnit::Millis))),
            ("9000-01-01T00:00:00Z", TimeError::Outside(None)),
            ("1000-01-01 00:00", TimeError::Outside(None)),
        ] {
            assert_eq!(read(text, TimeUnit::Millis), Err(error), "{text}");
        }
    }

    #[test]
    fn times_on_the_command_line() {
        for text in ["2026-01-23T08:00:00+08:00", "2026-01-23", "1769126400000", " 1769126400000"] {
            let at = parse_time(text).map(Timestamp::as_millis);
            assert_eq!(at, Ok(1_769_126_400_000), "{text}");
        }
        assert!(parse_time("yesterday").unwrap_err().starts_with("`yesterday` is no time; write"));
    }

    #[test]
    fn times_of_typed_cells() {
        let read = |cell| of(cell, TimeUnit::Millis).map(Timestamp::as_nanos);
        let (ns, far) = (1_769_126_400_123_000_000, TimeError::Outside(None));
        assert_eq!(read(Cell::Whole(1_769_126_400_123)), Ok(ns));
        // A float of whole milliseconds is exact, which a float of its nanoseconds is not.
        assert_eq!(read(Cell::Number(1_769_126_400_123.0)), Ok(ns));
        assert_eq!(read(Cell::Text("1769126400123.0")), Ok(ns));
        assert_eq!(read(Cell::Number(0.5)), Ok(500_000));
        assert_eq!(read(Cell::Time(1_769_126_400_123_000, TimeUnit::Micros)), Ok(ns));
        assert_eq!(read(Cell::Time(i64::MAX, TimeUnit::Micros)), Err(far));
        assert_eq!(read(Cell::Number(1e300)), Err(TimeError::Outside(Some(TimeUnit::Millis))));
        for cell in [Cell::Empty, Cell::Truth(true), Cell::Number(f64::NAN)] {
            assert_eq!(read(cell), Err(TimeError::NoTime), "{cell:?}");
        }
    }

    #[test]
    fn number_in_the_wrong_unit_tells_the_right_one() {
        for (text, unit, expected) in [
            ("1769126400", TimeUnit::Millis, Some("s")),
            ("1769126400.5", TimeUnit::Millis, Some("s")),
            ("1769126400000", TimeUnit::Seconds, Some("ms")),
            ("1769126400000", TimeUnit::Nanos, Some("ms")),
            ("1769126400000000", TimeUnit::Millis, Some("us")),
            ("1769126400000000000", TimeUnit::Seconds, Some("ns")),
            ("1769126400000", TimeUnit::Millis, None),
            ("0", TimeUnit::Millis, None),
            ("1970-01-01T00:00:00Z", TimeUnit::Millis, None),
        ] {
            assert_eq!(likelier_unit(Cell::Text(text), unit), expected, "{text} {unit:?}");
        }
    }
}
