//! What an answer of the server means for the lines that were sent, decided in one place.
//!
//! | answer | means | then |
//! | --- | --- | --- |
//! | 400 in InfluxDB's own words | nothing was stored | look for the bad lines |
//! | 400, 422 `partial write … dropped=N` | all but N were stored | look for the bad lines |
//! | 413 | too large | send the halves |
//! | 408, 425, 429, 5xx, no answer | not now | back off, send the same again |
//! | 401, 403, 404, anything else | not us, not here | keep, say so, ask again slowly |
//!
//! A 400 in other words (a proxy's, a TLS listener's that was spoken to in plain text) says nothing
//! about the lines, so they are kept.

use serde_json::Value;
use std::fmt;

/// The greatest part of an answer that is shown or kept as a reason, in characters.
const WORDS_MAX: usize = 500;

/// What a failure means for the lines that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may work later: back off and send the same again.
    Transient,
    /// The server does not let us, does not know organisation or bucket, or is no InfluxDB. A person
    /// has to mend that; the lines are kept.
    Auth,
    /// More than the server takes at once.
    TooLarge,
    /// The server refuses what was sent and stored nothing of it.
    Permanent,
    /// The server stored all but some of the lines.
    Partial {
        /// How many it dropped, if it says so.
        dropped: Option<u64>,
        /// True if they are older than the bucket keeps, so that no line is wrong by itself.
        outside_retention: bool,
    },
}

impl Kind {
    /// The word for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Auth => "auth",
            Self::TooLarge => "too-large",
            Self::Permanent => "permanent",
            Self::Partial { .. } => "partial",
        }
    }
}

/// A request that did not store everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the lines.
    pub kind: Kind,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// The server's words, whole; without an answer, what went wrong. Never a secret.
    pub text: String,
}

impl Failure {
    /// There was no answer, or none to the end.
    pub(super) fn transport(text: impl Into<String>) -> Self {
        Self { kind: Kind::Transient, status: None, text: text.into() }
    }

    /// Nothing can be sent as things are configured.
    pub(super) fn unusable(text: impl Into<String>) -> Self {
        Self { kind: Kind::Auth, status: None, text: text.into() }
    }

    /// What an answer other than 204 means.
    pub(super) fn answer(status: u16, body: &str) -> Self {
        let own = own_words(body);
        let text = own.clone().unwrap_or_else(|| body.to_owned());
        let kind = match status {
            400 | 422 if text.contains("partial write") => Kind::Partial {
                dropped: dropped(&text),
                outside_retention: text.contains("retention policy"),
            },
            400 | 422 if own.is_some() => Kind::Permanent,
            413 => Kind::TooLarge,
            408 | 425 | 429 | 500..=599 => Kind::Transient,
            _ => Kind::Auth,
        };
        Self { kind, status: Some(status), text }
    }

    /// The failure in a few words, on one line.
    #[must_use]
    pub fn words(&self) -> String {
        let text: String = self.text.trim().chars().take(WORDS_MAX).map(printable).collect();
        match self.status {
            None => text,
            Some(status) if text.is_empty() => format!("the server answered {status}"),
            Some(status) => format!("the server answered {status}: {text}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl std::error::Error for Failure {}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The message of an answer in one of InfluxDB's forms: `{"code","message"}` of version 2,
/// `{"error"}` of versions 1 and 3.
fn own_words(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let message = match body.get("code") {
        Some(Value::String(_)) => body.get("message")?,
        _ => body.get("error")?,
    };
    message.as_str().map(str::to_owned)
}

/// The number after `dropped=`.
fn dropped(text: &str) -> Option<u64> {
    let (_, number) = text.split_once("dropped=")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(message: &str) -> String {
        serde_json::json!({ "code": "invalid", "message": message }).to_string()
    }

    #[test]
    fn an_answer_has_one_meaning() {
        let partial = |dropped, outside_retention| Kind::Partial { dropped, outside_retention };
        let conflict = own(
            "failure writing points to database: partial write: field type conflict: input field \
             \"v\" on measurement \"mm\" is type integer, already exists as type float dropped=1",
        );
        let retention =
            own("failure writing points to database: partial write: dropped 12 points outside \
             retention policy of duration 1h0m0s - oldest point x dropped=12 for database: y");
        let unparsable = own("unable to parse 'this is bad': invalid field format");
        for (status, body, expected) in [
            (400, unparsable.as_str(), Kind::Permanent),
            (400, r#"{"error":"unable to parse"}"#, Kind::Permanent),
            (422, own("unprocessable").as_str(), Kind::Permanent),
            (422, &conflict, partial(Some(1), false)),
            (422, &retention, partial(Some(12), true)),
            (
                400,
                r#"{"error":"partial write: points beyond retention policy dropped=3"}"#,
                partial(Some(3), true),
            ),
            (
                400,
                r#"{"error":"partial write of line protocol occurred","data":[]}"#,
                partial(None, false),
            ),
            (400, "Client sent an HTTP request to an HTTPS server.\n", Kind::Auth),
            (400, "<html>Bad Request</html>", Kind::Auth),
            (401, r#"{"code":"unauthorized","message":"unauthorized access"}"#, Kind::Auth),
            (403, "", Kind::Auth),
            (404, r#"{"code":"not found","message":"bucket \"b\" not found"}"#, Kind::Auth),
            (405, "", Kind::Auth),
            (200, "<html>please log in</html>", Kind::Auth),
            (302, "", Kind::Auth),
            (413, "", Kind::TooLarge),
            (408, "", Kind::Transient),
            (429, "", Kind::Transient),
            (500, "", Kind::Transient),
            (503, "busy", Kind::Transient),
            (599, "", Kind::Transient),
        ] {
            assert_eq!(Failure::answer(status, body).kind, expected, "{status} {body}");
        }
    }

    #[test]
    fn words_fit_on_a_line() {
        let failure = Failure::answer(400, &own("unable to parse 'a\nb'"));
        assert_eq!(failure.to_string(), "the server answered 400: unable to parse 'a b'");
        assert_eq!(Failure::answer(503, " ").words(), "the server answered 503");
        assert_eq!(Failure::transport("no answer within 10 s").words(), "no answer within 10 s");
        assert!(Failure::answer(503, &"x".repeat(5000)).words().len() < 600);
    }
}
