//! How a plant is spoken to.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Chinese, as it is written in the mainland.
    #[serde(rename = "zh-CN")]
    Chinese,
}

/// The language of messages and the time zone of their times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct Speech {
    /// The language.
    pub language: Language,
    /// The site's time zone.
    pub zone: TimeZone,
}

/// The same as it is kept: a zone by its name.
#[derive(Serialize, Deserialize)]
struct Kept {
    language: Language,
    zone: String,
}

/// The zone that is meant where none is known.
const UTC: &str = "UTC";

impl Speech {
    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or(UTC)
    }

    /// True if nothing is said about it: English, in UTC.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Speech {
    /// English, in UTC.
    fn default() -> Self {
        Self { language: Language::English, zone: TimeZone::UTC }
    }
}

/// By the name of the zone: what that means may change with the machine's database.
impl PartialEq for Speech {
    fn eq(&self, other: &Self) -> bool {
        self.language == other.language && self.zone_name() == other.zone_name()
    }
}

impl Eq for Speech {}

impl From<Speech> for Kept {
    fn from(speech: Speech) -> Self {
        Self { language: speech.language, zone: speech.zone_name().to_owned() }
    }
}

impl From<Kept> for Speech {
    /// Of a zone by the database that is built in; one that it does not know is UTC, until the configuration is read.
    fn from(kept: Kept) -> Self {
        let zone = TimeZoneDatabase::bundled().get(&kept.zone).unwrap_or(TimeZone::UTC);
        Self { language: kept.language, zone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_kept_by_its_name() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let speech = Speech { language: Language::Chinese, zone };
        let kept = serde_json::to_string(&speech).unwrap();
        assert_eq!(kept, r#"{"language":"zh-CN","zone":"Asia/Shanghai"}"#);
        let read: Speech = serde_json::from_str(&kept).unwrap();
        assert!(read == speech && read != Speech::default() && Speech::default().is_default());
        let at = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(read.zone.to_offset(at), speech.zone.to_offset(at));
        let unknown: Speech =
            serde_json::from_str(r#"{"language":"en","zone":"No/Where"}"#).unwrap();
        assert_eq!(unknown, Speech::default());
    }
}
