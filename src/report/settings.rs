//! Whose reports they are: the site, its time zone, the language.

use super::words::{CHINESE, ENGLISH, Words};
use crate::reading::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// A language of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Chinese, as it is written in the mainland.
    #[serde(rename = "zh-CN")]
    Chinese,
}

impl Language {
    /// The tag of BCP 47, as the configuration, the command line and HTML have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }
}

/// What the configuration says of reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The site's name; may be empty.
    pub site: Arc<str>,
    /// The site's time zone.
    pub zone: TimeZone,
    /// The language.
    pub language: Language,
}

impl Default for Settings {
    /// A site without a name, in UTC and English.
    fn default() -> Self {
        Self { site: "".into(), zone: TimeZone::UTC, language: Language::English }
    }
}

impl Settings {
    /// An instant in the zone; `None` beyond the calendar.
    fn zoned(&self, ms: i64) -> Option<jiff::ZonedDateTime> {
        Some(jiff::Timestamp::from_millisecond(ms).ok()?.to_zoned_datetime(self.zone.clone()))
    }

    /// Date, time and offset: `2026-01-23 08:31 +08:00`.
    pub(super) fn full(&self, ms: i64) -> String {
        self.written(ms, "%Y-%m-%d %H:%M %:z")
    }

    /// Date and time: `2026-01-23 08:31`.
    pub(super) fn time(&self, ms: i64) -> String {
        self.written(ms, "%Y-%m-%d %H:%M")
    }

    /// The date: `2026-01-23`.
    pub(super) fn date(&self, ms: i64) -> String {
        self.written(ms, "%Y-%m-%d")
    }

    /// The time of day: `08:31`.
    pub(super) fn of_day(&self, ms: i64) -> String {
        self.written(ms, "%H:%M")
    }

    /// The offset from UTC: `+08:00`.
    pub(super) fn offset(&self, ms: i64) -> String {
        self.written(ms, "%:z")
    }

    fn written(&self, ms: i64, format: &str) -> String {
        self.zoned(ms)
            .map_or_else(|| super::number::NONE.to_owned(), |at| at.strftime(format).to_string())
    }

    /// The zone's name, and its offset at an instant: `Asia/Shanghai, UTC+08:00`.
    pub(super) fn zone_at(&self, at: Timestamp) -> String {
        let offset = self.written(at.as_millis(), "UTC%:z");
        match self.zone.iana_name() {
            Some(name) if name != "UTC" => format!("{name}, {offset}"),
            _ => offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_site_with_its_offset() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let settings = Settings { zone, ..Settings::default() };
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let summer = at("2026-07-01T23:30:00Z");
        assert_eq!(settings.full(summer.as_millis()), "2026-07-02 01:30 +02:00");
        assert_eq!(settings.zone_at(summer), "Europe/Berlin, UTC+02:00");
        let winter = at("2026-01-23T00:31:00Z");
        assert_eq!(settings.time(winter.as_millis()), "2026-01-23 01:31");
        assert_eq!(settings.of_day(winter.as_millis()), "01:31");
        let plain = Settings::default();
        assert_eq!(plain.full(winter.as_millis()), "2026-01-23 00:31 +00:00");
        assert_eq!(plain.zone_at(winter), "UTC+00:00");
        assert_eq!(plain.time(i64::MAX), "–");
    }
}
