//! What independent readers see in an input: nothing that ours reports may be missing from it.

use onspec::decode::Message;
use onspec::reading::Value;
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt;

/// What a judge says against it.
pub type Verdict = Result<(), String>;

/// Everything that a payload of JSON holds: numbers by their bits, and texts, keys and places of elements.
#[derive(Debug, Default)]
pub struct Held {
    numbers: BTreeSet<u64>,
    texts: BTreeSet<String>,
}

fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// Puts what is parsed into what is held. A tree of values would not do: of a key that stands twice it keeps
/// the last one alone, and in a list of items each is a reading.
struct Holding<'h>(&'h mut Held);

impl Holding<'_> {
    fn number(self, number: &serde_json::Number) {
        self.0.numbers.extend(number.as_f64().map(bits));
        self.0.texts.insert(number.to_string());
    }
}

impl<'de> DeserializeSeed<'de> for Holding<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Holding<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, on: bool) -> Result<(), E> {
        self.0.numbers.insert(bits(f64::from(u8::from(on))));
        self.0.texts.insert(on.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.number(&number.into());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.number(&number.into());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.number(&serde_json::Number::from_f64(number).expect("JSON has no other"));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.texts.insert(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        let mut place = 0;
        while all.next_element_seed(Holding(&mut *self.0))?.is_some() {
            self.0.texts.insert(place.to_string());
            place += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(key) = all.next_key::<String>()? {
            self.0.texts.insert(key);
            all.next_value_seed(Holding(&mut *self.0))?;
        }
        Ok(())
    }
}

/// Everything that a document holds.
fn held(document: &str) -> serde_json::Result<Held> {
    let mut held = Held::default();
    let mut reader = serde_json::Deserializer::from_str(document);
    Holding(&mut held).deserialize(&mut reader)?;
    reader.end()?;
    Ok(held)
}

/// The text of a payload without a byte order mark.
fn text_of(payload: &[u8]) -> Option<&str> {
    std::str::from_utf8(payload).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Each reading is a scalar of the payload, under a name that stands in it.
pub fn json_holds(payload: &[u8], messages: &[Message], lines: bool) -> Verdict {
    let Some(text) = text_of(payload) else { return nothing(messages) };
    let documents: Vec<&str> = if lines { text.lines().collect() } else { vec![text] };
    let mut all = Held::default();
    for document in documents {
        match held(document) {
            Ok(mut held) => {
                all.numbers.append(&mut held.numbers);
                all.texts.append(&mut held.texts);
            }
            // Too deep, a number beyond the floats, half of a surrogate pair: it is JSON all the same.
            Err(_) if serde_json::from_str::<&serde_json::value::RawValue>(document).is_ok() => {
                return Ok(());
            }
            Err(_) => {}
        }
    }
    for message in messages {
        let Message::Reading(reading) = message else { return Err(format!("{message:?}")) };
        let known = match &reading.value {
            Value::Number(number) => all.numbers.contains(&bits(number.get())),
            // An integer of more than 64 bits is a float to the independent reader.
            Value::Text(value) => all.texts.contains(&**value) || text.contains(&**value),
        };
        if !known {
            return Err(format!("the payload does not hold {reading:?}"));
        }
        // A name that is a number stands there digit by digit; the independent reader has a float.
        let digits = reading.tag.parse::<f64>().is_ok() && text.contains(&*reading.tag);
        if !digits && !all.texts.contains(&*reading.tag) {
            return Err(format!("the payload does not name {reading:?}"));
        }
    }
    Ok(())
}

/// The readings are just those to which these pointers lead.
pub fn json_is(payload: &[u8], messages: &[Message], pointers: &[(&str, &str)]) -> Verdict {
    let value = text_of(payload).and_then(|text| serde_json::from_str::<Json>(text).ok());
    let Some(value) = value else {
        let raw = text_of(payload).map(serde_json::from_str::<&serde_json::value::RawValue>);
        return if matches!(raw, Some(Ok(_))) { Ok(()) } else { nothing(messages) };
    };
    let mut left: Vec<(&str, Value)> = Vec::new();
    for message in messages {
        let Message::Reading(reading) = message else { return Err(format!("{message:?}")) };
        left.push((&reading.tag, reading.value.clone()));
    }
    let exact = value
        .pointer("/ts")
        .is_none_or(|ts| ts.is_null() || ts.as_u64().is_some_and(|ts| ts < 1 << 42));
    for (tag, pointer) in pointers {
        let expected = match value.pointer(pointer) {
            Some(Json::Bool(on)) => Expected::Number(f64::from(u8::from(*on))),
            Some(Json::Number(number)) => match number.as_f64() {
                Some(float) if float.abs() <= 9_007_199_254_740_992.0 || !number.is_f64() => {
                    Expected::Number(float)
                }
                _ => Expected::Either,
            },
            Some(Json::String(text)) if text.len() <= 1024 => Expected::Text(text),
            _ => Expected::Nothing,
        };
        let found = left.iter().position(|(name, _)| name == tag).map(|ix| left.remove(ix).1);
        let good = match (&expected, &found) {
            (Expected::Nothing, None) | (Expected::Either, _) => true,
            (_, None) => !exact,
            (Expected::Number(number), Some(Value::Number(found))) => {
                bits(*number) == bits(found.get())
            }
            // An integer that a float would change.
            (Expected::Number(number), Some(Value::Text(text))) => {
                number.abs() >= 9_007_199_254_740_992.0 && text.parse() == Ok(*number)
            }
            (Expected::Text(text), Some(Value::Text(found))) => **text == **found,
            _ => false,
        };
        if !good {
            return Err(format!("`{tag}` is {found:?}, {expected:?} expected"));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("out of thin air: {left:?}")) }
}

#[derive(Debug)]
enum Expected<'v> {
    Nothing,
    Number(f64),
    Text(&'v str),
    Either,
}

/// No reading at all.
pub fn nothing(messages: &[Message]) -> Verdict {
    if messages.is_empty() { Ok(()) } else { Err(format!("out of thin air: {messages:?}")) }
}

/// Each value stands in the text between the signs of line protocol.
pub fn points_hold(payload: &[u8], messages: &[Message]) -> Verdict {
    let Ok(text) = std::str::from_utf8(payload) else { return nothing(messages) };
    let mut numbers = BTreeSet::new();
    for token in text.split([',', ' ', '=', '\n', '\r']) {
        match token {
            "t" | "T" | "true" | "True" | "TRUE" => drop(numbers.insert(bits(1.0))),
            "f" | "F" | "false" | "False" | "FALSE" => drop(numbers.insert(bits(0.0))),
            _ => numbers.extend(token.trim_end_matches(['i', 'u']).parse::<f64>().ok().map(bits)),
        }
    }
    let plain = text.replace('\\', "");
    for message in messages {
        let Message::Reading(reading) = message else { return Err(format!("{message:?}")) };
        let known = match &reading.value {
            Value::Number(number) => numbers.contains(&bits(number.get())),
            Value::Text(value) => plain.contains(&value.replace('\\', "")),
        };
        if !known || !plain.contains(&reading.area.replace('\\', "")) {
            return Err(format!("the payload does not hold {reading:?}"));
        }
    }
    Ok(())
}

/// The one value is what the standard library reads, or the text itself.
pub fn bare_is(payload: &[u8], messages: &[Message]) -> Verdict {
    let [Message::Reading(reading)] = messages else { return nothing(messages) };
    let text = std::str::from_utf8(payload).map_err(|error| error.to_string())?.trim();
    let good = match &reading.value {
        Value::Number(number) => match text.to_ascii_lowercase().as_str() {
            "true" => bits(number.get()) == bits(1.0),
            "false" => bits(number.get()) == bits(0.0),
            _ => text.parse().map(bits) == Ok(bits(number.get())),
        },
        Value::Text(found) => {
            **found == *text
                || serde_json::from_str::<String>(text).is_ok_and(|plain| *plain == **found)
        }
    };
    if good { Ok(()) } else { Err(format!("{reading:?}")) }
}

/// The time is the one that `jiff` reads, or the whole number times its unit.
pub fn time_is(payload: &[u8], messages: &[Message]) -> Verdict {
    let Some(Ok(value)) = text_of(payload).map(serde_json::from_str::<Json>) else { return Ok(()) };
    for message in messages {
        let Message::Reading(reading) = message else { return Err(format!("{message:?}")) };
        let expected: Option<i128> = match value.pointer("/ts") {
            Some(Json::String(text)) => match text.trim().parse::<i128>() {
                Ok(whole) => Some(whole * 1_000_000),
                Err(_) => {
                    text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond)
                }
            },
            Some(Json::Number(ts)) => ts.as_i128().map(|whole| whole * 1_000_000),
            _ => None,
        };
        let found = reading.at.map(|at| i128::from(at.as_nanos()));
        match (expected, found) {
            (Some(expected), Some(found)) if expected == found => {}
            // No integer: a decimal number, which a float is near.
            (None, Some(found)) => {
                let text = value
                    .pointer("/ts")
                    .map(|ts| ts.as_str().map_or(ts.to_string(), str::to_owned));
                let near: f64 =
                    text.unwrap_or_default().trim().parse().map_err(|_| format!("{reading:?}"))?;
                #[expect(clippy::cast_precision_loss, reason = "compared with a float")]
                let apart = (near * 1e6 - found as f64).abs();
                if apart > 1.0 + near.abs() * 1e-6 {
                    return Err(format!("{near} ms is {found} ns"));
                }
            }
            (None, None) => {}
            _ => return Err(format!("{expected:?} ns expected, {found:?} found")),
        }
    }
    Ok(())
}
