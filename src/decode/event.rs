//! Batch and laboratory events: product.md, "Batch and laboratory events".

mod request;

pub use request::{REQUEST_EVENTS_MAX, RequestPath, RequestRefused, decode_request};

use super::json::not_json;
use super::limits::{NAME_BYTES_MAX, NOTE_BYTES_MAX, cut, fault, found};
use super::value::utf8;
use super::{BatchEvent, BatchMessage, Disposition, Fault, Reason, TimeUnit, time};
use crate::reading::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The events of the contract, for the message about one that is none.
const EVENTS: &str = "batch-start, batch-end, lab, disposition, action, grade-change, phase, pause, \
                      resume, consumes, merge, void";

/// What a level of a topic cannot carry.
const TOPIC_SIGNS: [char; 3] = ['/', '+', '#'];

/// Where the line of an event comes from when its body does not name one.
#[derive(Debug, Clone, Copy)]
pub(super) enum LineSource<'a> {
    /// The topic or its rule names it: a body that names another one is a fault.
    Topic(&'a Arc<str>),
    /// The same of the path of a request.
    Path(&'a Arc<str>),
    /// It may stand in, but the body may name another one.
    Default(&'a str),
    /// Only the body can name it.
    Body,
}

/// Reads one event, as it stands in a line of an `--events` file. It needs a `ts`.
///
/// # Errors
/// When the line is no JSON object, or no event of the contract; when neither it nor `default_line`
/// names a line; when it has no `ts`.
pub fn decode_event_line(line: &str, default_line: Option<&str>) -> Result<BatchMessage, Fault> {
    decode_event(line, default_line, None)
}

/// Reads one event, as the API gets it: `received` stands in for a `ts` that is not there.
///
/// # Errors
/// As [`decode_event_line`].
pub fn decode_event(
    text: &str,
    default_line: Option<&str>,
    received: Option<Timestamp>,
) -> Result<BatchMessage, Fault> {
    let value = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
    let source = default_line.map_or(LineSource::Body, LineSource::Default);
    let no_time = match received {
        Some(at) => Ok(at),
        None => Err(fault(Reason::BadTime, "no `ts`: an event of a recording needs its time")),
    };
    Body::of(&value)?.message(source, &no_time)
}

/// Reads the payload of a topic: an event or an array of them. Each event that cannot be read is a
/// fault of its own; the others count.
pub(super) fn decode_payload(
    payload: &[u8],
    source: LineSource<'_>,
    no_time: &Result<Timestamp, Fault>,
    mut take: impl FnMut(BatchMessage),
    faults: &mut Vec<Fault>,
) {
    let text = match utf8(payload) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(refused) => return faults.push(refused),
    };
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return faults.push(not_json(text, &error)),
    };
    match value {
        Value::Array(events) if events.is_empty() => faults.push(bad("an array without an event")),
        Value::Array(events) => {
            for (ix, event) in events.iter().enumerate() {
                match Body::of(event).and_then(|body| body.message(source, no_time)) {
                    Ok(message) => take(message),
                    Err(Fault { reason, detail }) => {
                        faults.push(fault(reason, format!("event {ix}: {detail}")));
                    }
                }
            }
        }
        event => match Body::of(&event).and_then(|body| body.message(source, no_time)) {
            Ok(message) => take(message),
            Err(fault) => faults.push(fault),
        },
    }
}

/// The body of one event.
struct Body<'v>(&'v Map<String, Value>);

impl<'v> Body<'v> {
    fn of(value: &'v Value) -> Result<Self, Fault> {
        value.as_object().map(Self).ok_or_else(|| bad("an event is a JSON object"))
    }

    fn message(
        &self,
        source: LineSource<'_>,
        no_time: &Result<Timestamp, Fault>,
    ) -> Result<BatchMessage, Fault> {
        let event = self.event()?;
        let line = self.line(source)?;
        let station = self.station()?;
        let at = match self.get("ts") {
            Some(ts) => instant(ts)?,
            None => no_time.clone()?,
        };
        Ok(BatchMessage { line, station, at, event })
    }

    fn event(&self) -> Result<BatchEvent, Fault> {
        let Some(kind) = self.get("event") else {
            // What a laboratory system sends that was made for another reader.
            let lab = self.get("property").is_some();
            let meant = if lab { "; of a laboratory result it is `lab`" } else { "" };
            return Err(bad(format!("no `event`, which says what happened{meant}")));
        };
        Ok(match kind.as_str().unwrap_or_default() {
            "batch-start" => BatchEvent::Start { batch: self.batch()?, grade: self.name("grade")? },
            "batch-end" => BatchEvent::End {
                batch: self.batch()?,
                length_m: self.amount("length_m")?,
                mass_kg: self.amount("mass_kg")?,
            },
            "lab" => BatchEvent::Lab {
                batch: self.batch()?,
                property: self.needed("property")?,
                value: self.number("value")?.ok_or_else(|| bad("no `value` of the result"))?,
                unit: self.name("unit")?,
                position: self.name("position")?,
            },
            "disposition" => BatchEvent::Disposition {
                batch: self.batch()?,
                disposition: self.disposition()?,
                by: self.name("by")?,
                note: self.note("note")?,
            },
            "action" => BatchEvent::Action {
                batch: self.batch()?,
                text: self.note("text")?.ok_or_else(|| bad("no `text` that says what was done"))?,
                by: self.name("by")?,
            },
            "grade-change" => BatchEvent::GradeChange { grade: self.needed("grade")? },
            "phase" => {
                BatchEvent::Phase { batch: self.name("batch")?, phase: self.needed("phase")? }
            }
            "pause" => BatchEvent::Pause { reason: self.note("reason")? },
            "resume" => BatchEvent::Resume,
            "consumes" => BatchEvent::Consumes {
                batch: self.batch()?,
                from: self.needed("from")?,
                mass_kg: self.amount("mass_kg")?,
                from_m: self.amount("from_m")?,
                to_m: self.amount("to_m")?,
                source_m: self.source()?,
            },
            "merge" => {
                let (batch, into) = (self.batch()?, self.needed("into")?);
                if batch == into {
                    return Err(bad(format!("batch `{}` cannot merge into itself", found(&batch))));
                }
                BatchEvent::Merge { batch, into }
            }
            "void" => BatchEvent::Void { batch: self.batch()? },
            _ => {
                let kind = kind.as_str().map_or_else(|| kind.to_string(), str::to_owned);
                return Err(bad(format!("event `{}` is none of {EVENTS}", found(&kind))));
            }
        })
    }

    /// The metres of what a batch consumes.
    fn source(&self) -> Result<Option<(f64, f64)>, Fault> {
        match (self.amount("source_from_m")?, self.amount("source_to_m")?) {
            (Some(from), Some(to)) => Ok(Some((from, to))),
            (None, None) => Ok(None),
            _ => Err(bad("`source_from_m` and `source_to_m` go together: one of them is missing")),
        }
    }

    fn line(&self, source: LineSource<'_>) -> Result<Arc<str>, Fault> {
        let named = self.name("line")?;
        match (source, named) {
            (LineSource::Topic(line) | LineSource::Path(line), None) => Ok(Arc::clone(line)),
            (LineSource::Topic(line) | LineSource::Path(line), Some(named)) if **line == *named => {
                Ok(Arc::clone(line))
            }
            (LineSource::Topic(line), Some(named)) => Err(other_line("topic", line, &named)),
            (LineSource::Path(line), Some(named)) => Err(other_line("path", line, &named)),
            (_, Some(named)) => Ok(named),
            (LineSource::Default(line), None) => Ok(line.into()),
            (LineSource::Body, None) => {
                Err(fault(Reason::LineUnclear, "neither the topic nor `line` names the line"))
            }
        }
    }

    /// The station, which becomes a level of a topic.
    fn station(&self) -> Result<Option<Arc<str>>, Fault> {
        let station = self.name("station")?;
        match station.as_ref().and_then(|name| name.chars().find(|c| TOPIC_SIGNS.contains(c))) {
            Some(sign) => Err(bad(format!(
                "`station` has a `{sign}` in it, which a level of a topic cannot carry"
            ))),
            None => Ok(station),
        }
    }

    fn batch(&self) -> Result<Arc<str>, Fault> {
        self.needed("batch")
    }

    fn disposition(&self) -> Result<Disposition, Fault> {
        let word = self.needed("disposition")?;
        Ok(match &*word {
            "release" => Disposition::Release,
            "hold" => Disposition::Hold,
            "downgrade" => Disposition::Downgrade,
            "rework" => Disposition::Rework,
            "scrap" => Disposition::Scrap,
            other => {
                let other = found(other);
                let known = "release, hold, downgrade, rework, scrap";
                return Err(bad(format!("disposition `{other}` is none of {known}")));
            }
        })
    }

    /// A key's value; `null` is as good as absent.
    fn get(&self, key: &str) -> Option<&'v Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn needed(&self, key: &str) -> Result<Arc<str>, Fault> {
        self.name(key)?.ok_or_else(|| bad(format!("no `{key}`")))
    }

    /// A name: a short text that is not empty, or an integer, as some systems number their batches.
    fn name(&self, key: &str) -> Result<Option<Arc<str>>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            other => return Err(bad(format!("`{key}` is {}, a text was expected", kind(other)))),
        };
        // It will stand in a line of the log, and in topics.
        if text.contains(char::is_control) {
            return Err(bad(format!("`{key}` has a control character in it: `{}`", found(&text))));
        }
        match text.len() {
            0 => Err(bad(format!("`{key}` is empty"))),
            1..=NAME_BYTES_MAX => Ok(Some(text.into())),
            long => Err(bad(format!("`{key}` has {long} bytes, {NAME_BYTES_MAX} allowed"))),
        }
    }

    /// A text for people: cut when it is too long, and on one line.
    fn note(&self, key: &str) -> Result<Option<Arc<str>>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let text = cut(text, NOTE_BYTES_MAX);
                Ok(Some(text.replace(char::is_control, " ").into()))
            }
            Some(other) => Err(bad(format!("`{key}` is {}, a text was expected", kind(other)))),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        // serde_json refuses numbers beyond the floats, so what is one is finite.
        let number = value.as_f64().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| {
            let bare = value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok());
            let help = if bare { ": leave the quotes out" } else { "" };
            bad(format!("`{key}` is {}, a number was expected{help}", kind(value)))
        })?;
        // Takes the sign from a negative zero.
        Ok(Some(number + 0.0))
    }

    /// A length or a mass, which cannot be negative.
    fn amount(&self, key: &str) -> Result<Option<f64>, Fault> {
        match self.number(key)? {
            Some(number) if number < 0.0 => Err(bad(format!("`{key}` is {number}, below zero"))),
            number => Ok(number),
        }
    }
}

fn other_line(place: &str, line: &str, named: &str) -> Fault {
    let (line, named) = (found(line), found(named));
    let detail = format!("the {place} names line `{line}`, the body `{named}`");
    fault(Reason::LineUnclear, detail)
}

/// `ts`: an integer in ms, or RFC 3339.
fn instant(ts: &Value) -> Result<Timestamp, Fault> {
    let text = match ts {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => {
            let kind = kind(other);
            return Err(fault(
                Reason::BadTime,
                format!("`ts` is {kind}, ms or RFC 3339 was expected"),
            ));
        }
    };
    time::read(&text, TimeUnit::Millis)
        .map_err(|what| fault(Reason::BadTime, format!("`ts`: {what}")))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn bad(detail: impl Into<String>) -> Fault {
    fault(Reason::BadEvent, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let shown = match decode_event_line(line, Some("tm3")) {
            Ok(message) => {
                let station = message.station.map_or(String::new(), |s| format!("/{s}"));
                format!("{}{station} {} {:?}", message.line, message.at.as_millis(), message.event)
            }
            Err(fault) => format!("!{}: {}", fault.reason.as_str(), fault.detail),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn every_form_of_the_contract() {
        check(
            r#"{"event":"batch-start","batch":"R1","grade":"facial-15","ts":1769126400000}"#,
            r#"tm3 1769126400000 Start { batch: "R1", grade: Some("facial-15") }"#,
        );
        check(
            r#"{"event":"batch-end","batch":"R1","ts":"1970-01-01T00:00:01Z","length_m":78000,"mass_kg":3120}"#,
            r#"tm3 1000 End { batch: "R1", length_m: Some(78000.0), mass_kg: Some(3120.0) }"#,
        );
        check(
            r#"{"event":"lab","batch":"R1","property":"tensile_md","value":131.4,"unit":"N/m","ts":1}"#,
            r#"tm3 1 Lab { batch: "R1", property: "tensile_md", value: 131.4, unit: Some("N/m"), position: None }"#,
        );
        check(
            r#"{"event":"lab","batch":"R1","property":"p","value":-0,"position":3,"ts":1}"#,
            r#"tm3 1 Lab { batch: "R1", property: "p", value: 0.0, unit: None, position: Some("3") }"#,
        );
        check(
            r#"{"event":"disposition","batch":7,"disposition":"rework","by":"shift-a","note":"","ts":1}"#,
            r#"tm3 1 Disposition { batch: "7", disposition: Rework, by: Some("shift-a"), note: Some("") }"#,
        );
        check(
            r#"{"event":"action","batch":"R1","text":"refiner power +5 %","by":null,"ts":1}"#,
            r#"tm3 1 Action { batch: "R1", text: "refiner power +5 %", by: None }"#,
        );
        check(
            r#"{"event":"grade-change","grade":"g","ts":1}"#,
            r#"tm3 1 GradeChange { grade: "g" }"#,
        );
        check(
            r#"{"event":"pause","reason":"break","ts":1}"#,
            r#"tm3 1 Pause { reason: Some("break") }"#,
        );
        check(r#"{"event":"resume","ts":1,"x":0}"#, "tm3 1 Resume");
        check(
            r#"{"event":"consumes","batch":"R1","from":"LOT-7","mass_kg":5,"from_m":0,"to_m":9,"ts":1}"#,
            r#"tm3 1 Consumes { batch: "R1", from: "LOT-7", mass_kg: Some(5.0), from_m: Some(0.0), to_m: Some(9.0), source_m: None }"#,
        );
        check(
            r#"{"event":"consumes","batch":"A","from":"R1","source_from_m":60000,"source_to_m":30000,"ts":1}"#,
            r#"tm3 1 Consumes { batch: "A", from: "R1", mass_kg: None, from_m: None, to_m: None, source_m: Some((60000.0, 30000.0)) }"#,
        );
        check(
            r#"{"event":"merge","batch":"R1","into":"R2","ts":1}"#,
            r#"tm3 1 Merge { batch: "R1", into: "R2" }"#,
        );
        check(
            r#"{"event":"void","batch":"R1","line":"tm4","station":"unwind","ts":1}"#,
            r#"tm4/unwind 1 Void { batch: "R1" }"#,
        );
    }

    #[test]
    fn what_is_no_event_says_why() {
        check("[]", "!bad-event: an event is a JSON object");
        check("{", "!not-json: EOF while parsing an object at offset 1, near ``");
        check("{}", "!bad-event: no `event`, which says what happened");
        check(
            r#"{"event":"batch-stop"}"#,
            "!bad-event: event `batch-stop` is none of batch-start, batch-end, lab, disposition, \
             action, grade-change, phase, pause, resume, con…",
        );
        check(r#"{"event":"void","ts":1}"#, "!bad-event: no `batch`");
        check(r#"{"event":"void","batch":" ","ts":1}"#, "!bad-event: `batch` is empty");
        check(
            r#"{"event":"void","batch":1.5,"ts":1}"#,
            "!bad-event: `batch` is a number, a text was expected",
        );
        check(
            r#"{"event":"lab","batch":"R","property":"p","value":"12","ts":1}"#,
            "!bad-event: `value` is a text, a number was expected: leave the quotes out",
        );
        check(
            r#"{"event":"lab","batch":"R","property":"p","value":"n/a","ts":1}"#,
            "!bad-event: `value` is a text, a number was expected",
        );
        check(
            r#"{"batch":"R","property":"p","value":12,"ts":1}"#,
            "!bad-event: no `event`, which says what happened; of a laboratory result it is `lab`",
        );
        check(
            r#"{"event":"lab","batch":"R","property":"p","value":null,"ts":1}"#,
            "!bad-event: no `value` of the result",
        );
        check(
            r#"{"event":"lab","batch":"R","property":"p","value":1e999,"ts":1}"#,
            "!not-json: number out of range at offset 54, near `1e999`",
        );
        check(
            r#"{"event":"batch-end","batch":"R","mass_kg":-1,"ts":1}"#,
            "!bad-event: `mass_kg` is -1, below zero",
        );
        check(
            r#"{"event":"disposition","batch":"R","disposition":"ok","ts":1}"#,
            "!bad-event: disposition `ok` is none of release, hold, downgrade, rework, scrap",
        );
        check(
            r#"{"event":"merge","batch":"R","into":"R","ts":1}"#,
            "!bad-event: batch `R` cannot merge into itself",
        );
        check(
            r#"{"event":"resume","ts":"now"}"#,
            "!bad-time: `ts`: `now` is neither a number nor an RFC 3339 time",
        );
        check(
            r#"{"event":"resume","ts":[1]}"#,
            "!bad-time: `ts` is an array, ms or RFC 3339 was expected",
        );
        check(
            r#"{"event":"resume"}"#,
            "!bad-time: no `ts`: an event of a recording needs its time",
        );
    }

    #[test]
    fn names_and_notes_can_forge_no_line_of_a_log_and_no_level_of_a_topic() {
        check(
            r#"{"event":"void","batch":"R1\nERROR all is lost","ts":1}"#,
            r"!bad-event: `batch` has a control character in it: `R1\nERROR all is lost`",
        );
        for key in ["line", "station", "batch"] {
            let rest = if key == "batch" { "" } else { r#""batch":"R","# };
            let event = format!(r#"{{"event":"void",{rest}"{key}":"a\u0007b","ts":1}}"#);
            check(
                &event,
                &format!(r"!bad-event: `{key}` has a control character in it: `a\u{{7}}b`"),
            );
        }
        for sign in ['/', '+', '#'] {
            check(
                &format!(r#"{{"event":"resume","station":"un{sign}wind","ts":1}}"#),
                &format!(
                    "!bad-event: `station` has a `{sign}` in it, which a level of a topic cannot carry"
                ),
            );
        }
        check(
            r#"{"event":"action","batch":"R1","text":"first\r\nsecond\ttab","ts":1}"#,
            r#"tm3 1 Action { batch: "R1", text: "first  second tab", by: None }"#,
        );
    }

    #[test]
    fn the_api_may_leave_the_time_to_us_but_not_the_line() {
        let at = Timestamp::from_nanos(5);
        let body = r#"{"event":"resume"}"#;
        assert_eq!(decode_event(body, Some("tm3"), Some(at)).unwrap().at, at);
        assert_eq!(decode_event(body, None, Some(at)).unwrap_err().reason, Reason::LineUnclear);
    }
}
