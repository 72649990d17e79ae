//! Weeks as calendars have them (ISO 8601), in the time zone of the site.

use crate::reading::Timestamp;
use jiff::civil::{ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;

/// Weeks that a scoreboard shows: the one it is of, and those before it.
pub const WEEKS: usize = 8;

/// A week from Monday to Sunday; the first one of a year holds its first Thursday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week {
    year: i16,
    week: i8,
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.week)
    }
}

impl FromStr for Week {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no week; write its year and number as ISO 8601 has them, such as `2026-W05`"
            )
        };
        let (year, week) = text.split_once("-W").ok_or_else(wrong)?;
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(week, 2) {
            return Err(wrong());
        }
        let (year, week) = year.parse().ok().zip(week.parse().ok()).ok_or_else(wrong)?;
        let found = Self { year, week };
        // What is kept lies in these years; so its neighbours exist as well.
        let known = found.monday().is_some_and(|_| (1700..=2250).contains(&year));
        known.then_some(found).ok_or_else(|| {
            format!("there is no week `{text}`: its year has fewer, or is none of ours")
        })
    }
}

impl Week {
    /// The week in which an instant lies; `None` beyond the calendar.
    #[must_use]
    pub fn at(instant: Timestamp, zone: &TimeZone) -> Option<Self> {
        let at = jiff::Timestamp::from_millisecond(instant.as_millis()).ok()?;
        let date = at.to_zoned_datetime(zone.clone()).date().iso_week_date();
        Some(Self { year: date.year(), week: date.week() })
    }

    fn monday(self) -> Option<jiff::civil::Date> {
        Some(ISOWeekDate::new(self.year, self.week, Weekday::Monday).ok()?.date())
    }

    /// When the week begins that is so many weeks after it, or before it.
    fn begin(self, weeks: i64, zone: &TimeZone) -> Option<Timestamp> {
        let monday = self.monday()?.checked_add(jiff::Span::new().weeks(weeks)).ok()?;
        let begin = monday.to_zoned_datetime(zone.clone()).ok()?.timestamp();
        Timestamp::from_millis(begin.as_millisecond()).ok()
    }

    /// The bounds of the weeks up to this one, [`WEEKS`] of them, the last bound the end of this one; `None` beyond the calendar.
    #[must_use]
    pub fn bounds(self, zone: &TimeZone) -> Option<Vec<Timestamp>> {
        let before = i64::try_from(WEEKS).unwrap_or(0) - 1;
        (-before..=1).map(|weeks| self.begin(weeks, zone)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn weeks_begin_on_monday_in_the_zone_of_the_site() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        for (instant, week) in [
            ("2026-01-25T15:59:59Z", "2026-W04"),
            ("2026-01-25T16:00:00Z", "2026-W05"),
            ("2026-12-31T16:00:00Z", "2026-W53"),
            ("2027-01-03T16:00:00Z", "2027-W01"),
        ] {
            assert_eq!(Week::at(at(instant), &zone).unwrap().to_string(), week, "{instant}");
        }
        let bounds = "2026-W05".parse::<Week>().unwrap().bounds(&zone).unwrap();
        assert_eq!(bounds.len(), WEEKS + 1);
        assert_eq!(bounds[WEEKS - 1], at("2026-01-25T16:00:00Z"));
        assert_eq!(bounds[WEEKS], at("2026-02-01T16:00:00Z"));
        assert_eq!(bounds[0], at("2025-12-07T16:00:00Z"));
    }

    #[test]
    fn a_week_in_which_clocks_change_is_as_long_as_it_is() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let bounds = "2026-W13".parse::<Week>().unwrap().bounds(&zone).unwrap();
        assert_eq!(bounds[WEEKS].as_millis() - bounds[WEEKS - 1].as_millis(), 167 * 3_600_000);
    }

    #[test]
    fn what_is_no_week_is_refused_with_words() {
        assert_eq!("2026-W53".parse::<Week>().unwrap().to_string(), "2026-W53");
        for text in [
            "2026-05",
            "2026-W5",
            "2026-W00",
            "2025-W53",
            "W05",
            "+026-W05",
            "9999-W01",
            "2026-W054",
        ] {
            let error = text.parse::<Week>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{text}: {error}");
        }
    }
}
