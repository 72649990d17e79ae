//! Instants: nanoseconds since 1970, UTC. Text only at the edges.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// An instant in nanoseconds since 1970-01-01T00:00:00Z; covers the years 1677 to 2262.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(i64);

/// A text or number that is no instant we can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not RFC 3339.
    #[error("`{0}` is no RFC 3339 time such as `2026-01-23T00:31:00Z`")]
    Text(String),
    /// Outside the years 1677 to 2262.
    #[error("the time is outside the years 1677 to 2262")]
    OutOfRange,
}

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since 1970.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since 1970.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        millis.checked_mul(1_000_000).map(Self).ok_or(TimestampError::OutOfRange)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant plus a duration; stops at [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// This instant less a duration; stops at [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// Nanoseconds from `earlier` to this instant; negative if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to this instant.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a span in seconds needs no 63 bits")]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.since(earlier) as f64 / 1e9
    }

    /// The last multiple of `step` at or before this instant, counted from 1970.
    #[must_use]
    pub fn floor(self, step: Duration) -> Self {
        let step = nanos(step).max(1);
        Self(self.0.div_euclid(step).saturating_mul(step))
    }

    /// Reads RFC 3339.
    ///
    /// # Errors
    /// When the text is no RFC 3339 time, or outside the range.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        let at: jiff::Timestamp = text
            .trim()
            .parse()
            .map_err(|_| TimestampError::Text(text.chars().take(64).collect()))?;
        i64::try_from(at.as_nanosecond()).map(Self).map_err(|_| TimestampError::OutOfRange)
    }

    /// RFC 3339 in UTC with as many digits as needed, e.g. `2026-01-23T00:31:00Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.jiff().to_string()
    }

    /// `YYYYMMDDTHHMMSSZ`, as in the names of batches found from tags.
    #[must_use]
    pub fn to_compact(self) -> String {
        self.jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .expect("an i64 of nanoseconds lies within jiff's range of years")
    }
}

/// A duration in nanoseconds; stops at 292 years.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree() {
        let at = Timestamp::from_millis(1_769_126_400_000).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-01-23T00:00:00Z");
        assert_eq!(at.to_compact(), "20260123T000000Z");
        assert_eq!(Timestamp::parse_rfc3339("2026-01-23T08:00:00+08:00"), Ok(at));
    }

    #[test]
    fn extremes_print_and_do_not_wrap() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert!(Timestamp::MIN.to_rfc3339().starts_with("1677-"));
        assert!(Timestamp::from_millis(i64::MAX).is_err());
        assert!(Timestamp::parse_rfc3339("yesterday").is_err());
    }

    #[test]
    fn floor_goes_down_before_1970_too() {
        let step = Duration::from_secs(10);
        assert_eq!(Timestamp::from_nanos(-1).floor(step), Timestamp::from_nanos(-10_000_000_000));
        assert_eq!(
            Timestamp::from_nanos(19_999_999_999).floor(step),
            Timestamp::from_nanos(10_000_000_000)
        );
    }
}
