//! What documents give, and what is said of those that give nothing.

use super::super::JsonValues;
use super::*;

fn reader(values: &JsonValues) -> JsonReader {
    let (time, quality) = (Some("/ts".into()), Some("/q".into()));
    let rule = JsonRule { values: values.clone(), time, quality, ..JsonRule::default() };
    JsonReader::new(&rule, TimeUnit::Millis, QualityCodes::OpcDa)
}

/// Prints what a document gives: `tag@ms=value(quality)` and `!reason: detail`.
fn read(mut reader: JsonReader, payload: &[u8]) -> String {
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    reader.read(payload, &mut faults, |said| {
        let at = said.at.map_or("-".to_owned(), |at| at.as_millis().to_string());
        let value = match said.value {
            Value::Number(number) => number.get().to_string(),
            Value::Text(text) => format!("{text:?}"),
        };
        let tag = said.tag.as_deref().unwrap_or("*");
        lines.push(format!("{tag}@{at}={value}({:?})", said.quality.unwrap_or_default()));
    });
    lines.extend(faults.iter().map(|f| format!("!{}: {}", f.reason.as_str(), f.detail)));
    lines.join(" | ")
}

#[track_caller]
fn check(payload: &str, expected: &str) {
    let one = reader(&JsonValues::One("/v".into()));
    assert_eq!(read(one, payload.as_bytes()), expected);
}

#[track_caller]
fn check_fields(payload: &str, expected: &str) {
    let fields = JsonValues::Fields(vec![("bw".into(), "/bw".into()), ("m".into(), "/m".into())]);
    assert_eq!(read(reader(&fields), payload.as_bytes()), expected);
}

#[test]
fn one_value() {
    check(r#"{"v":15.02,"ts":1000}"#, "*@1000=15.02(Good)");
    check(r#"{"v":true}"#, "*@-=1(Good)");
    check(r#"{"v":"12"}"#, "*@-=\"12\"(Good)");
    check(r#"{"v":"\u7eb8"}"#, "*@-=\"纸\"(Good)");
    check(r#"{"v":9007199254740993}"#, "*@-=\"9007199254740993\"(Good)");
    check("\u{feff}{\"v\":1}", "*@-=1(Good)");
    check(r#"{"v":1,"ts":null,"q":null}"#, "*@-=1(Good)");
    check(r#"{"v":1,"ts":"1970-01-01T00:00:01Z","q":64}"#, "*@1000=1(Uncertain)");
    check(r#"{"v":1,"ts":"1000.5","q":"192"}"#, "*@1000=1(Good)");
}

#[test]
fn what_is_not_taken_says_where() {
    check(r#"{"x":1}"#, "!missing-value: no value at `/v`");
    check(r#"{"v":null}"#, "!missing-value: no value at `/v`");
    check(r#"{"v":[1]}"#, "!wrong-type: an array at /v, a number, boolean or text was expected");
    check(r#"{"v":1e999}"#, "!not-finite: `1e999` at /v is no finite number");
    check(
        r#"{"v":1,"ts":"soon"}"#,
        "!bad-time: time at /ts: `soon` is neither a number nor an RFC 3339 time",
    );
    check(
        r#"{"v":1,"ts":1e300}"#,
        "!bad-time: time at /ts: `1e300` is outside the years 1677 to 2262",
    );
    check(r#"{"v":1,"q":"?"}"#, "*@-=1(Bad) | !bad-quality: quality at /q: `\\\"?\\\"` is no code");
    check(r#"{"v":NaN}"#, "!not-finite: `NaN` at offset 5: JSON has no such number");
    check(
        r#"{"a":0,"v":-Infinity}"#,
        "!not-finite: `-Infinity` at offset 12: JSON has no such number",
    );
    check(r#"{"v":nan}"#, "!not-finite: `nan` at offset 6: JSON has no such number");
    check("", "!not-json: the payload is empty");
    check("{\"v\":1", "!not-json: EOF while parsing an object at offset 6, near `1`");
    check("{\n\"v\":1,,}", "!not-json: key must be a string at offset 8, near ``");
    check("{\"v\":1} x", "!not-json: trailing characters at offset 8, near `x`");
    let one = reader(&JsonValues::One("/v".into()));
    assert_eq!(read(one, b"{\"v\":\"\xff\"}"), "!not-utf8: no UTF-8 at offset 6");
}

#[test]
fn of_many_fields_those_that_are_there_are_taken() {
    check_fields(r#"{"ts":5,"bw":15,"m":5.5}"#, "bw@5=15(Good) | m@5=5.5(Good)");
    check_fields(r#"{"ts":5,"bw":null,"m":5.5}"#, "m@5=5.5(Good)");
    check_fields(
        r#"{"ts":5,"bw":{},"m":5.5}"#,
        "m@5=5.5(Good) | !wrong-type: an object at /bw, a number, boolean or text was expected",
    );
    check_fields(r#"{"ts":5}"#, "!missing-value: none of the 2 fields has a value, `/bw` first");
}
