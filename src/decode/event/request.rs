//! Events of a request to the API: one, or an array of them, all of one line, and all or none of them.

use super::super::limits::{fault, found};
use super::super::value::utf8;
use super::super::{BatchMessage, Fault, Reason};
use super::{Body, LineSource, bad, not_json};
use crate::reading::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// Events that one request may bring.
pub const REQUEST_EVENTS_MAX: usize = 1000;

/// What the path of a request says of all its events.
#[derive(Debug, Clone, Copy)]
pub struct RequestPath<'a> {
    /// The line; a body that names another one is refused.
    pub line: &'a Arc<str>,
    /// The batch and the kind of the events (`lab`, `disposition`), where the path says them: bodies need not.
    pub of: Option<(&'a str, &'static str)>,
}

/// Why nothing of a request is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRefused {
    /// The body cannot be read, or has no event or too many.
    Whole(Fault),
    /// These events are wrong: their places in the array, from 0, and why.
    Events(Vec<(usize, Fault)>),
}

/// Reads the body of a request: an event or an array of them, as they stand in a topic of batch events. `received`
/// stands in for a `ts` that is not there; `check` says what is wrong with an event beside its form.
///
/// # Errors
/// [`RequestRefused`], when any event is wrong: all that are wrong are named.
pub fn decode_request(
    body: &[u8],
    path: RequestPath<'_>,
    received: Timestamp,
    check: impl Fn(&BatchMessage) -> Result<(), Fault>,
) -> Result<Vec<BatchMessage>, RequestRefused> {
    let text = utf8(body).map_err(RequestRefused::Whole)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = serde_json::from_str(text)
        .map_err(|error| RequestRefused::Whole(not_json(text, &error)))?;
    let events = match value {
        Value::Array(events) => events,
        event => vec![event],
    };
    if events.is_empty() {
        return Err(RequestRefused::Whole(bad("an array without an event")));
    }
    if events.len() > REQUEST_EVENTS_MAX {
        let detail = format!("{} events, {REQUEST_EVENTS_MAX} are taken at a time", events.len());
        return Err(RequestRefused::Whole(fault(Reason::TooLarge, detail)));
    }
    let (mut messages, mut wrong) = (Vec::new(), Vec::new());
    for (ix, event) in events.into_iter().enumerate() {
        let message = message(event, path, received);
        match message.and_then(|message| check(&message).map(|()| message)) {
            Ok(message) => messages.push(message),
            Err(fault) => wrong.push((ix, fault)),
        }
    }
    if wrong.is_empty() { Ok(messages) } else { Err(RequestRefused::Events(wrong)) }
}

fn message(
    mut event: Value,
    path: RequestPath<'_>,
    received: Timestamp,
) -> Result<BatchMessage, Fault> {
    if let (Some((batch, kind)), Some(body)) = (path.of, event.as_object_mut()) {
        for (key, said) in [("batch", batch), ("event", kind)] {
            let own = body.get(key).filter(|own| !own.is_null());
            let own = own.map(|own| own.as_str().map_or_else(|| own.to_string(), str::to_owned));
            if let Some(own) = own.filter(|own| own.trim() != said) {
                let (said, own) = (found(said), found(&own));
                return Err(bad(format!("the path says {key} `{said}`, the body `{own}`")));
            }
            body.insert(key.to_owned(), said.into());
        }
    }
    Body::of(&event)?.message(LineSource::Path(path.line), &Ok(received))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, of: Option<(&str, &'static str)>, expected: &str) {
        let line: Arc<str> = "tm3".into();
        let read = decode_request(
            body.as_bytes(),
            RequestPath { line: &line, of },
            Timestamp::from_nanos(7_000_000),
            |message| match message.at.as_millis() {
                9 => Err(bad("too late")),
                _ => Ok(()),
            },
        );
        let shown = match read {
            Ok(messages) => {
                let one = |m: &BatchMessage| {
                    format!("{} {} {:?}", m.line, m.at.as_millis(), m.event.batch())
                };
                messages.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Err(RequestRefused::Whole(fault)) => {
                format!("!{}: {}", fault.reason.as_str(), fault.detail)
            }
            Err(RequestRefused::Events(wrong)) => {
                let one = |(ix, fault): &(usize, Fault)| {
                    format!("{ix} {}: {}", fault.reason.as_str(), fault.detail)
                };
                wrong.iter().map(one).collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(shown, expected, "{body}");
    }

    #[test]
    fn one_event_or_an_array_and_the_clock_stands_in() {
        check(r#"{"event":"void","batch":"R1","ts":3}"#, None, r#"tm3 3 Some("R1")"#);
        check(
            r#"[{"event":"resume"},{"event":"void","batch":7,"line":"tm3"}]"#,
            None,
            r#"tm3 7 None; tm3 7 Some("7")"#,
        );
    }

    #[test]
    fn path_says_batch_and_kind() {
        let lab = Some(("R1", "lab"));
        check(r#"{"property":"p","value":1}"#, lab, r#"tm3 7 Some("R1")"#);
        check(
            r#"{"property":"p","value":1,"batch":" R1","event":"lab"}"#,
            lab,
            r#"tm3 7 Some("R1")"#,
        );
        check(
            r#"[{"property":"p","value":1,"batch":2},{"property":"p","value":1,"event":"void"},3]"#,
            lab,
            "0 bad-event: the path says batch `R1`, the body `2`; \
             1 bad-event: the path says event `lab`, the body `void`; 2 bad-event: an event is a JSON object",
        );
        check(
            r#"{"disposition":"burn"}"#,
            Some(("R1", "disposition")),
            "0 bad-event: disposition `burn` is none of release, hold, downgrade, rework, scrap",
        );
    }

    #[test]
    fn all_that_is_wrong_is_named_and_nothing_is_taken() {
        check(
            r#"[{"event":"resume","line":"tm4"},{"event":"resume"},{"event":"lab","batch":"R1"},
                {"event":"resume","ts":9}]"#,
            None,
            "0 line-unclear: the path names line `tm3`, the body `tm4`; 2 bad-event: no `property`; 3 bad-event: too late",
        );
        check("[]", None, "!bad-event: an array without an event");
        check("[1", None, "!not-json: EOF while parsing a list at offset 2, near `1`");
        let many = vec![r#"{"event":"resume"}"#; REQUEST_EVENTS_MAX + 1].join(",");
        check(&format!("[{many}]"), None, "!too-large: 1001 events, 1000 are taken at a time");
    }
}
