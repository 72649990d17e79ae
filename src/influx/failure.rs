//! What an answer of the server means for the lines that were sent, decided in one place.
//!
//! | answer | means | then |
//! | --- | --- | --- |
//! | 204; another 2xx that is empty or JSON without an error | stored | go on |
//! | 2xx, 400, 422 in InfluxDB's own words | nothing was stored | look for the bad lines |
//! | 2xx, 400, 422 `partial write … dropped=N` | all but N were stored | look for the bad lines |
//! | 500 `partial write of line protocol …` | the same, of InfluxDB 3 | look for the bad lines |
//! | 413 | too large | send the halves |
//! | 408, 425, 429, 5xx, no answer | not now | back off, send the same again |
//! | 401, 403, 404, anything else | not us, not here | keep, say so, ask again slowly |
//!
//! A 400 in other words (a proxy's, a TLS listener's that was spoken to in plain text) says nothing
//! about the lines, so they are kept. So does a 200 with a page in it: somebody else answers there.

use serde_json::Value;
use std::fmt;

/// The greatest part of an answer that is shown or kept as a reason, in characters.
const WORDS_MAX: usize = 500;
/// How InfluxDB 3 says that it stored all but some of the lines.
const PARTIAL_V3: &str = "partial write of line protocol";

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
    /// The lines that the answer names by their number, from 0 in what was sent, each with its reason.
    pub named: Vec<(usize, String)>,
}

impl Failure {
    /// There was no answer, or none to the end.
    pub fn transport(text: impl Into<String>) -> Self {
        Self { kind: Kind::Transient, status: None, text: text.into(), named: Vec::new() }
    }

    /// Nothing can be sent as things are configured.
    pub(super) fn unusable(text: impl Into<String>) -> Self {
        Self { kind: Kind::Auth, status: None, text: text.into(), named: Vec::new() }
    }

    /// What an answer other than 204 means; `Ok` if everything is stored all the same.
    pub fn answer(status: u16, body: &str) -> Result<(), Self> {
        let json: Option<Value> = serde_json::from_str(body).ok();
        let own = json.as_ref().and_then(own_words);
        let is_success = (200..300).contains(&status);
        if is_success && own.is_none() && (json.is_some() || body.trim().is_empty()) {
            return Ok(());
        }
        let named = json.as_ref().map(named).unwrap_or_default();
        let text = own.clone().unwrap_or_else(|| body.to_owned());
        let is_about_lines = is_success || matches!(status, 400 | 422);
        let is_partial = is_about_lines && text.contains("partial write");
        // The endpoint that InfluxDB 3 keeps for clients of version 2 calls it an error of its own.
        // Other servers say 500 and `partial write` when some of their nodes were not reached.
        let is_partial = is_partial || status == 500 && text.contains(PARTIAL_V3);
        let kind = match status {
            _ if is_partial => Kind::Partial {
                dropped: dropped(&text),
                // A conflict of types is told "for retention policy: autogen" by newer 1.x.
                outside_retention: ["beyond retention policy", "outside retention policy"]
                    .iter()
                    .any(|words| text.contains(words)),
            },
            _ if is_about_lines && own.is_some() => Kind::Permanent,
            413 => Kind::TooLarge,
            408 | 425 | 429 | 500..=599 => Kind::Transient,
            _ => Kind::Auth,
        };
        Err(Self { kind, status: Some(status), text, named })
    }

    /// What an answer other than 204 means if there was no line in the request. That there is none
    /// is all that a server may say against it; else it speaks of the bucket or of us.
    pub(super) fn answer_to_nothing(status: u16, body: &str) -> Result<(), Self> {
        Self::answer(status, body).or_else(|failure| match failure.kind {
            Kind::Permanent if failure.text.contains("empty") => Ok(()),
            Kind::Permanent | Kind::Partial { .. } => Err(Self { kind: Kind::Auth, ..failure }),
            Kind::Transient | Kind::Auth | Kind::TooLarge => Err(failure),
        })
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
fn own_words(body: &Value) -> Option<String> {
    let message = match body.get("code") {
        Some(Value::String(_)) => body.get("message")?,
        _ => body.get("error")?,
    };
    message.as_str().map(str::to_owned)
}

/// The lines that InfluxDB 3 names in `data`: a list of at most a hundred, or one. Only the numbers
/// count, from 1: what it calls the original line is its own rendering, and may be cut short.
fn named(body: &Value) -> Vec<(usize, String)> {
    let data = body.get("data").unwrap_or(&Value::Null);
    let list = data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice);
    let line = |fault: &Value| {
        let number = usize::try_from(fault.get("line_number")?.as_u64()?).ok()?;
        let reason = fault.get("error_message")?.as_str()?.chars().take(WORDS_MAX);
        Some((number.checked_sub(1)?, reason.map(printable).collect()))
    };
    list.iter().filter_map(line).collect()
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
                r#"{"error":"partial write: field type conflict: input field \"v\" dropped=1 for database: x for retention policy: autogen"}"#,
                partial(Some(1), false),
            ),
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
            (
                500,
                r#"{"code":"internal error","message":"partial write of line protocol occurred"}"#,
                partial(None, false),
            ),
            (500, r#"{"error":"partial write"}"#, Kind::Transient),
            (
                400,
                r#"{"error":"partial write: unable to parse 'x': bad dropped=0"}"#,
                partial(Some(0), false),
            ),
            (
                400,
                r#"{"code":"invalid","message":"write buffer error: incoming write was empty"}"#,
                Kind::Permanent,
            ),
            (201, r#"{"code":"invalid","message":"unable to parse"}"#, Kind::Permanent),
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
            (502, "<html>Bad Gateway</html>", Kind::Transient),
            (503, "busy", Kind::Transient),
            (504, "", Kind::Transient),
            (599, "", Kind::Transient),
        ] {
            let failure = Failure::answer(status, body).unwrap_err();
            assert_eq!((failure.kind, failure.named), (expected, vec![]), "{status} {body}");
        }
    }

    #[test]
    fn another_success_without_an_error_in_it_is_one() {
        for status in [200, 201, 202, 204, 206, 207, 208] {
            for body in ["", "\n", "{}", r#"{"status":"accepted"}"#] {
                assert_eq!(Failure::answer(status, body), Ok(()), "{status} {body}");
            }
        }
    }

    #[test]
    fn without_a_line_a_refusal_is_about_us_or_about_nothing() {
        let empty = own("write buffer error: incoming write was empty");
        assert_eq!(Failure::answer_to_nothing(400, &empty), Ok(()));
        assert_eq!(Failure::answer_to_nothing(200, ""), Ok(()));
        for (status, body, kind) in [
            (400, own("db name must use ASCII letters"), Kind::Auth),
            (404, own("bucket not found"), Kind::Auth),
            (503, String::new(), Kind::Transient),
        ] {
            assert_eq!(Failure::answer_to_nothing(status, &body).unwrap_err().kind, kind);
        }
    }

    #[test]
    fn lines_named_by_number_are_read() {
        let one = r#"{"original_line":"m v=x","line_number":3,"error_message":"a\nb"}"#;
        for (error, data, expected) in [
            (
                "partial write of line protocol occurred",
                format!("[{one}]"),
                vec![(2, "a b".into())],
            ),
            ("parsing failed for write_lp endpoint", one.to_owned(), vec![(2, "a b".into())]),
            ("x", r#"[{"line_number":0,"error_message":"e"},{"line_number":1},7]"#.into(), vec![]),
        ] {
            let body = format!(r#"{{"error":"{error}","data":{data}}}"#);
            assert_eq!(Failure::answer(400, &body).unwrap_err().named, expected, "{body}");
        }
    }

    #[test]
    fn words_fit_on_a_line() {
        let failure = |status, body: &str| Failure::answer(status, body).unwrap_err();
        let unparsable = failure(400, &own("unable to parse 'a\nb'"));
        assert_eq!(unparsable.to_string(), "the server answered 400: unable to parse 'a b'");
        assert_eq!(failure(503, " ").words(), "the server answered 503");
        assert_eq!(Failure::transport("no answer within 10 s").words(), "no answer within 10 s");
        assert!(failure(503, &"x".repeat(5000)).words().len() < 600);
    }
}
