//! Values: a bare payload, and the scalars of JSON.

use super::limits::{TEXT_BYTES_MAX, fault, found};
use super::{Fault, Reason};
use crate::reading::{Finite, NotFinite, Value};
use std::borrow::Cow;

/// The greatest magnitude to which every integer is a float: 2⁵³.
const EXACT_MAX: u64 = 1 << 53;

/// Reads a payload that is one bare value: a number, a boolean, or text, which may stand in quotes.
pub(super) fn bare(payload: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(payload).map_err(|error| not_utf8(&error))?.trim();
    match text {
        "" => Err(fault(Reason::MissingValue, "the payload is empty")),
        "true" | "True" | "TRUE" => Ok(number(1.0)),
        "false" | "False" | "FALSE" => Ok(number(0.0)),
        _ => match numeric(text) {
            Some(value) => value.map_err(|_| {
                fault(Reason::NotFinite, format!("`{}` is no finite number", found(text)))
            }),
            None => textual(&plain(text), || "the payload".to_owned()),
        },
    }
}

/// A text without its quotes, if it is a JSON string.
fn plain(text: &str) -> Cow<'_, str> {
    match text.as_bytes() {
        [b'"', .., b'"'] => serde_json::from_str(text).map_or(Cow::Borrowed(text), Cow::Owned),
        _ => Cow::Borrowed(text),
    }
}

/// The fault of bytes that are no UTF-8.
pub(super) fn not_utf8(error: &std::str::Utf8Error) -> Fault {
    fault(Reason::NotUtf8, format!("no UTF-8 at offset {}", error.valid_up_to()))
}

/// A number as it stands in a text; `None` if it is none.
///
/// Integers beyond 2⁵³ stay text, since a float would change them.
pub(super) fn numeric(text: &str) -> Option<Result<Value, NotFinite>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let exact = digits.parse::<u64>().is_ok_and(|n| n <= EXACT_MAX);
        // One of more than 1024 digits goes on and is found to be infinite.
        if !exact && text.len() <= TEXT_BYTES_MAX {
            return Some(Ok(Value::Text(text.into())));
        }
    }
    let value: f64 = text.parse().ok()?;
    Some(Finite::try_from(value).map(Value::Number))
}

/// A text as a value, if it is short enough; `place` says where it stands.
pub(super) fn textual(text: &str, place: impl FnOnce() -> String) -> Result<Value, Fault> {
    if text.len() > TEXT_BYTES_MAX {
        let place = place();
        let detail = format!("{place} is a text of {} bytes, {TEXT_BYTES_MAX} allowed", text.len());
        return Err(fault(Reason::TooLarge, detail));
    }
    Ok(Value::Text(text.into()))
}

/// A number that is known to be finite.
pub(super) fn number(value: f64) -> Value {
    Value::Number(
        Finite::try_from(value).expect("only constants and parsed finite numbers come here"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &[u8], expected: Result<Value, Reason>) {
        let read = bare(payload).map_err(|fault| fault.reason);
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected),
            (read, expected) => assert_eq!(read.err(), expected.err()),
        }
    }

    #[test]
    fn bare_values() {
        check(b"15.02", Ok(number(15.02)));
        check(b" -3e2\r\n", Ok(number(-300.0)));
        check(b"true", Ok(number(1.0)));
        check(b"false", Ok(number(0.0)));
        check(b"TRUE", Ok(number(1.0)));
        check(b"False", Ok(number(0.0)));
        check(b"ON", Ok(Value::Text("ON".into())));
        check(br#""FT\u0031 50""#, Ok(Value::Text("FT1 50".into())));
        check(br#""7.1""#, Ok(Value::Text("7.1".into())));
        check(br#""5" or "6""#, Ok(Value::Text(r#""5" or "6""#.into())));
        check(br#"""#, Ok(Value::Text("\"".into())));
        check(b"FT150", Ok(Value::Text("FT150".into())));
        check(b"15.02 g/m2", Ok(Value::Text("15.02 g/m2".into())));
        check(b"", Err(Reason::MissingValue));
        check(b" \n", Err(Reason::MissingValue));
        check(b"NaN", Err(Reason::NotFinite));
        check(b"-inf", Err(Reason::NotFinite));
        check(b"1e999", Err(Reason::NotFinite));
        check(b"\xff\xfe", Err(Reason::NotUtf8));
        check(&[b'x'; 1024], Ok(Value::Text("x".repeat(1024).into())));
        check(&[b'x'; 1025], Err(Reason::TooLarge));
    }

    #[test]
    fn integers_that_a_float_would_change_stay_text() {
        check(b"9007199254740992", Ok(number(9_007_199_254_740_992.0)));
        check(b"9007199254740993", Ok(Value::Text("9007199254740993".into())));
        check(b"-9007199254740993", Ok(Value::Text("-9007199254740993".into())));
        check(
            b"123456789012345678901234567890",
            Ok(Value::Text("123456789012345678901234567890".into())),
        );
        check(b"00000000000000000000007", Ok(number(7.0)));
    }
}
