//! Who is spoken to: at which site, in its time zone, in which language.

use super::number::NONE;
use super::table;
use crate::plant::Speech;
use crate::reading::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;

table! {
    days: "d", "天";
    hours: "h", "小时";
    minutes: "min", "分钟";
    seconds: "s", "秒";
}

pub use crate::plant::Language;

impl Language {
    /// The tag of BCP 47, as the configuration, the command line and HTML have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Its name in itself: whoever looks for it knows that one.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    /// What ends a sentence.
    pub(crate) fn full_stop(self) -> &'static str {
        match self {
            Self::English => ".",
            Self::Chinese => "。",
        }
    }

    /// What stands between two sentences.
    pub(crate) fn space(self) -> &'static str {
        match self {
            Self::English => " ",
            Self::Chinese => "",
        }
    }

    /// A duration in its two greatest units, from milliseconds; one below nought is nought.
    pub(crate) fn duration(self, ms: i64) -> String {
        let words = Words::of(self);
        let s = ms.max(0) / 1000;
        let (days, hours, minutes) = (s / 86_400, s % 86_400 / 3_600, s % 3_600 / 60);
        let of = |count: i64, unit: &str| format!("{count}\u{a0}{unit}");
        let two = |first: String, rest: i64, unit: &str| {
            if rest == 0 { first } else { format!("{first} {}", of(rest, unit)) }
        };
        match s {
            0..120 => of(s, words.seconds),
            120..3_600 => of(minutes, words.minutes),
            3_600..86_400 => two(of(hours, words.hours), minutes, words.minutes),
            _ => two(of(days, words.days), hours, words.hours),
        }
    }
}

/// Who is spoken to.
#[derive(Debug, Clone, PartialEq)]
pub struct Locale {
    /// The site's name; may be empty.
    pub site: Arc<str>,
    /// The site's time zone.
    pub zone: TimeZone,
    /// The language.
    pub language: Language,
}

impl Default for Locale {
    /// A site without a name, in UTC and English.
    fn default() -> Self {
        Self { site: "".into(), zone: TimeZone::UTC, language: Language::English }
    }
}

impl From<&Speech> for Locale {
    /// Of no site by name.
    fn from(speech: &Speech) -> Self {
        Self { site: "".into(), zone: speech.zone.clone(), language: speech.language }
    }
}

impl Locale {
    /// An instant in the zone; `None` beyond the calendar.
    fn zoned(&self, ms: i64) -> Option<jiff::ZonedDateTime> {
        Some(jiff::Timestamp::from_millisecond(ms).ok()?.to_zoned_datetime(self.zone.clone()))
    }

    /// Date, time and offset: `2026-01-23 08:31 +08:00`.
    pub(crate) fn full(&self, ms: i64) -> String {
        self.written(ms, "%Y-%m-%d %H:%M %:z")
    }

    /// Date and time: `2026-01-23 08:31`.
    pub(crate) fn time(&self, ms: i64) -> String {
        self.written(ms, "%Y-%m-%d %H:%M")
    }

    /// The date: `2026-01-23`.
    pub(crate) fn date(&self, ms: i64) -> String {
        self.written(ms, "%Y-%m-%d")
    }

    /// The time of day: `08:31`.
    pub(crate) fn of_day(&self, ms: i64) -> String {
        self.written(ms, "%H:%M")
    }

    /// The offset from UTC: `+08:00`.
    pub(crate) fn offset(&self, ms: i64) -> String {
        self.written(ms, "%:z")
    }

    fn written(&self, ms: i64, format: &str) -> String {
        self.zoned(ms).map_or_else(|| NONE.to_owned(), |at| at.strftime(format).to_string())
    }

    /// The zone's name, and its offset at an instant: `Asia/Shanghai, UTC+08:00`.
    pub(crate) fn zone_at(&self, at: Timestamp) -> String {
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
    fn both_languages_have_units() {
        crate::words::check(ALL, &[]);
    }

    #[test]
    fn durations_have_their_two_greatest_units() {
        for (seconds, english, chinese) in [
            (-3, "0 s", "0 秒"),
            (45, "45 s", "45 秒"),
            (119, "119 s", "119 秒"),
            (360, "6 min", "6 分钟"),
            (3_600, "1 h", "1 小时"),
            (4_320, "1 h 12 min", "1 小时 12 分钟"),
            (90_000, "1 d 1 h", "1 天 1 小时"),
        ] {
            for (language, expected) in [(Language::English, english), (Language::Chinese, chinese)]
            {
                let told = language.duration(seconds * 1000).replace('\u{a0}', " ");
                assert_eq!(told, expected, "{seconds}");
            }
        }
    }

    #[test]
    fn times_are_those_of_the_site_with_its_offset() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let settings = Locale { zone, ..Locale::default() };
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let summer = at("2026-07-01T23:30:00Z");
        assert_eq!(settings.full(summer.as_millis()), "2026-07-02 01:30 +02:00");
        assert_eq!(settings.zone_at(summer), "Europe/Berlin, UTC+02:00");
        let winter = at("2026-01-23T00:31:00Z");
        assert_eq!(settings.time(winter.as_millis()), "2026-01-23 01:31");
        assert_eq!(settings.of_day(winter.as_millis()), "01:31");
        let plain = Locale::default();
        assert_eq!(plain.full(winter.as_millis()), "2026-01-23 00:31 +00:00");
        assert_eq!(plain.zone_at(winter), "UTC+00:00");
        assert_eq!(plain.time(i64::MAX), "–");
    }
}
