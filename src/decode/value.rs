//! Values: a bare payload, and the scalars of JSON.

use super::limits::{TEXT_BYTES_MAX, fault, found};
use super::{Fault, Reason};
use crate::reading::{Finite, NotFinite, Value};
use std::borrow::Cow;

/// The greatest magnitude to which every integer is a float: 2⁵³.
const EXACT_MAX: u64 = 1 << 53;

/// Reads a payload that is one bare value: a number, a boolean, or text, which may stand in quotes.
pub(super) fn bare(payload: &[u8]) -> Result<Value, Fault> {
    let text = utf8(payload)?.trim();
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

/// The text that a payload is.
pub(super) fn utf8(payload: &[u8]) -> Result<&str, Fault> {
    simdutf8::basic::from_utf8(payload).or_else(|_| std::str::from_utf8(payload)).map_err(|error| {
        fault(Reason::NotUtf8, format!("no UTF-8 at offset {}", error.valid_up_to()))
    })
}

/// A number as it stands in a text; `None` if it is none.
///
/// Integers beyond 2⁵³ stay text, since a float would change them.
#[inline]
pub(super) fn numeric(text: &str) -> Option<Result<Value, NotFinite>> {
    match short(text.as_bytes()) {
        Some(value) => Some(Ok(number(value))),
        None => any_number(text),
    }
}

/// A decimal number of few digits, as most are: digits and power of ten are floats themselves, so that
/// their quotient is the nearest float there is.
fn short(text: &[u8]) -> Option<f64> {
    /// So many digits are less than 2⁵³.
    const DIGITS_MAX: usize = 15;
    const TENS: [f64; DIGITS_MAX + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if text.len() > DIGITS_MAX + 1 {
        return None;
    }
    let (mut digits, mut point) = (0_u64, None);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(place),
            _ => return None,
        }
    }
    let (whole, fraction) = match point {
        Some(place) => (place, text.len() - place - 1),
        None => (text.len(), 0),
    };
    // What has no digit on a side is looked at closely, as are too many.
    if whole == 0 || (point.is_some() && fraction == 0) || whole + fraction > DIGITS_MAX {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "less than 2⁵³")]
    let value = digits as f64 / TENS.get(fraction)?;
    Some(if negative { -value } else { value })
}

/// Any number.
fn any_number(text: &str) -> Option<Result<Value, NotFinite>> {
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
    use proptest::prelude::*;

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

    #[track_caller]
    fn check_short(text: &str) {
        let known: Option<f64> = text.parse().ok();
        if let Some(value) = short(text.as_bytes()) {
            assert_eq!(Some(value.to_bits()), known.map(f64::to_bits), "{text}");
        }
        assert_eq!(numeric(text), any_number(text), "{text}");
    }

    #[test]
    fn numbers_of_few_digits_are_the_nearest_floats() {
        for text in ["0", "-0.0", "7.", ".5", ".", "-", "+7", "1.2.3", "0.1", "999999999999999"] {
            check_short(text);
        }
        assert_eq!(short(b"-700.05"), Some(-700.05));
        assert_eq!(short(b"1234567890.12345"), Some(1_234_567_890.123_45));
        assert_eq!(short(b"1234567890.123456"), None);
    }

    proptest! {
        #[test]
        fn numbers_are_the_nearest_floats(text in "-?[0-9]{0,16}(\\.[0-9]{0,16})?(e-?[0-9])?") {
            check_short(&text);
        }
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
