//! Topics and filters: what we subscribe to, and how what we publish is addressed.

use super::Settings;
use std::time::Duration;

/// How long a verdict holds, and so how long a broker keeps it (MQTT 5): 180 s.
pub(super) const VERDICT_EXPIRY: Duration = Duration::from_secs(180);

/// The filter as the broker gets it: `$share/{group}/{filter}` in a group.
pub(super) fn filter(share: Option<&str>, filter: &str) -> String {
    match share {
        Some(group) => format!("$share/{group}/{filter}"),
        None => filter.to_owned(),
    }
}

/// What a link with these settings subscribes to, as its broker gets it.
#[must_use]
pub fn filters(settings: &Settings) -> Vec<String> {
    let share = settings.share.as_deref();
    settings.subscriptions.iter().map(|(path, _)| filter(share, path)).collect()
}

/// The topic of an entry: `{prefix}/{key}`; without prefix the key alone.
pub(super) fn topic(prefix: &str, key: &str) -> String {
    match prefix.trim_end_matches('/') {
        "" => key.to_owned(),
        prefix => format!("{prefix}/{key}"),
    }
}

/// True if a broker takes the topic for a publication (MQTT 5, 4.7): not empty, no wildcard, no NUL,
/// at most 65 535 bytes.
pub(super) fn publishable(topic: &str) -> bool {
    !topic.is_empty() && u16::try_from(topic.len()).is_ok() && !topic.contains(['+', '#', '\0'])
}

/// How an entry of the outbox is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Retained, forgotten by the broker when it no longer holds, repeated each minute.
    Verdict,
    /// Retained.
    Status,
    /// Once.
    Once,
}

impl Manner {
    /// The manner of a key below the prefix (`tm3/verdict`, `tm3/unwind/batch`, `status`).
    pub(super) fn of(key: &str) -> Self {
        match key.rsplit('/').next() {
            Some("verdict") => Self::Verdict,
            Some("status") => Self::Status,
            _ => Self::Once,
        }
    }

    /// True if the broker keeps it for those who subscribe later.
    pub(super) fn retained(self) -> bool {
        matches!(self, Self::Verdict | Self::Status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_shares_the_filter() {
        assert_eq!(filter(None, "mill/+/#"), "mill/+/#");
        assert_eq!(filter(Some("onspec"), "mill/+/#"), "$share/onspec/mill/+/#");
    }

    #[test]
    fn the_key_follows_the_prefix() {
        assert_eq!(topic("onspec", "tm3/verdict"), "onspec/tm3/verdict");
        assert_eq!(topic("mill/onspec/", "status"), "mill/onspec/status");
        assert_eq!(topic("", "tm3/batch"), "tm3/batch");
    }

    #[test]
    fn the_last_level_of_the_key_says_how_it_is_published() {
        #[track_caller]
        fn check(key: &str, expected: Manner, retained: bool) {
            assert_eq!(
                (Manner::of(key), Manner::of(key).retained()),
                (expected, retained),
                "{key}"
            );
        }
        check("tm3/verdict", Manner::Verdict, true);
        check("tm3/unwind/verdict", Manner::Verdict, true);
        check("status", Manner::Status, true);
        check("tm3/batch", Manner::Once, false);
        check("verdict/batch", Manner::Once, false);
        check("", Manner::Once, false);
    }

    #[test]
    fn what_no_broker_takes_is_not_published() {
        for (topic, expected) in [
            ("onspec/tm3/verdict", true),
            ("", false),
            ("onspec/+/verdict", false),
            ("onspec/#", false),
            ("onspec/\0", false),
        ] {
            assert_eq!(publishable(topic), expected, "{topic:?}");
        }
        assert!(!publishable(&"x".repeat(65_536)));
    }
}
