//! What a receiver's answer means, decided in one place.
//!
//! | answer | means |
//! | --- | --- |
//! | 2xx | delivered |
//! | 410 | the receiver is gone for good: stop, and keep what waits for a person to decide |
//! | 408, 425, 429, 5xx, none | not now: the same again later, `Retry-After` obeyed up to an hour |
//! | 3xx | the address is wrong for now: redirects are not followed, the same again later |
//! | other 4xx | this event will never be taken: keep it apart, go on |
//!
//! Services differ from that where they say so (`format`): some answer 200 to everything.

use crate::reading::Timestamp;
use jiff::fmt::rfc2822;
use std::time::Duration;

/// The most characters of an answer that are shown.
const SHOWN_MAX: usize = 500;
/// The longest that a receiver may ask us to wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`, if there was one.
    pub retry_after: Option<String>,
    /// The begin of the body (some 4,000 characters), without the address in it.
    pub text: String,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Delivered,
    /// Send it again, not before that time has passed.
    Again(Duration),
    /// It will never be taken.
    Refused,
    /// Nothing will ever be taken.
    Gone,
}

impl Outcome {
    /// The word for metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Again(_) => "retry",
            Self::Refused => "refused",
            Self::Gone => "gone",
        }
    }
}

impl Answer {
    /// What the answer means at the time `now`.
    pub(super) fn outcome(&self, now: Timestamp) -> Outcome {
        match self.status {
            200..=299 => Outcome::Delivered,
            410 => Outcome::Gone,
            408 | 425 | 429 => Outcome::Again(self.asked_to_wait(now)),
            400..=499 => Outcome::Refused,
            _ => Outcome::Again(self.asked_to_wait(now)),
        }
    }

    /// The answer in a few words, on one line.
    pub(super) fn words(&self) -> String {
        let mut words = format!("the receiver answered {}", self.status);
        if (300..400).contains(&self.status) {
            words.push_str(" and redirects are not followed: correct the address");
        }
        let text = self.text.trim();
        if !text.is_empty() {
            words.push_str(": ");
            let shown = text.chars().take(SHOWN_MAX);
            words.extend(shown.map(|c| if c.is_control() { ' ' } else { c }));
        }
        words
    }

    /// `Retry-After`: seconds, or a date.
    fn asked_to_wait(&self, now: Timestamp) -> Duration {
        let Some(text) = self.retry_after.as_deref().map(str::trim) else {
            return Duration::ZERO;
        };
        let wait = text.parse().map(Duration::from_secs).ok().or_else(|| {
            let date =
                rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()?;
            let nanos = date.as_nanosecond() - i128::from(now.as_nanos());
            u64::try_from(nanos.max(0)).map(Duration::from_nanos).ok()
        });
        wait.unwrap_or_default().min(RETRY_AFTER_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z.
    const NOW: Timestamp = Timestamp::from_nanos(784_111_777_000_000_000);

    #[test]
    fn an_answer_has_one_meaning() {
        let again = |seconds| Outcome::Again(Duration::from_secs(seconds));
        for (status, retry_after, expected) in [
            (200, None, Outcome::Delivered),
            (202, None, Outcome::Delivered),
            (299, None, Outcome::Delivered),
            (301, None, again(0)),
            (307, None, again(0)),
            (400, None, Outcome::Refused),
            (401, None, Outcome::Refused),
            (404, None, Outcome::Refused),
            (413, None, Outcome::Refused),
            (422, None, Outcome::Refused),
            (408, None, again(0)),
            (410, None, Outcome::Gone),
            (425, None, again(0)),
            (429, Some("7"), again(7)),
            (429, Some(" 90000 "), again(3600)),
            (429, Some("soon"), again(0)),
            (429, Some("-5"), again(0)),
            (500, None, again(0)),
            (503, Some("Sun, 06 Nov 1994 08:50:07 GMT"), again(30)),
            (503, Some("Sun, 06 Nov 1994 08:00:00 GMT"), again(0)),
            (503, Some("Sun, 06 Nov 2094 08:00:00 GMT"), again(3600)),
            (599, None, again(0)),
        ] {
            let retry_after = retry_after.map(str::to_owned);
            let answer = Answer { status, retry_after, text: String::new() };
            assert_eq!(answer.outcome(NOW), expected, "{answer:?}");
        }
    }

    #[test]
    fn words_fit_on_a_line() {
        let answer = |status, text: &str| Answer { status, retry_after: None, text: text.into() };
        assert_eq!(answer(404, "no_\nservice\n").words(), "the receiver answered 404: no_ service");
        assert_eq!(
            answer(302, "").words(),
            "the receiver answered 302 and redirects are not followed: correct the address"
        );
    }
}
