//! What holds for any text.

use super::super::raw::Raw;
use super::super::schema::Node;
use super::super::{schema, structure};
use super::{reference_switched_on, report};
use proptest::prelude::*;
use serde::Deserialize;
use toml::de::DeTable;

/// Reads a text as far as serde; true if the walk left nothing that serde stumbles over.
fn serde_agrees(text: &str) -> bool {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return true;
    }
    let schema = schema();
    structure::examine(&mut table, Node::root(&schema));
    Raw::deserialize(toml::Deserializer::from(table)).is_ok()
}

/// Values that could stand anywhere.
const VALUES: &[&str] = &[
    "1",
    "-7",
    "99999999999999999999",
    "0x7f",
    "1.5",
    "nan",
    "inf",
    "1e999",
    "true",
    "\"\"",
    "\"1s\"",
    "\"a\\u0000\"",
    "\"mqtt://a:1\"",
    "\"json\"",
    "[]",
    "[1]",
    "[\"a\"]",
    "[{}]",
    "{}",
    "{ a = 1 }",
    "{ env = \"A\" }",
    "{ env = 1 }",
    "2026-01-23",
    "[[1]]",
    "{ from = \"tag\" }",
];

fn any_value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(VALUES)
}

/// The reference with another value behind the keys of some lines.
fn reference_with(value: &str, lines: &[usize]) -> String {
    let reference = reference_switched_on();
    let lines = reference.lines().enumerate().map(|(ix, text)| match text.split_once(" = ") {
        Some((key, _)) if lines.contains(&ix) => format!("{key} = {value}\n"),
        _ => format!("{text}\n"),
    });
    lines.collect()
}

#[test]
fn every_value_behind_every_key_is_read_or_reported() {
    let reference = reference_switched_on();
    let keys = reference.lines().enumerate().filter(|(_, text)| text.contains(" = "));
    for (line, key) in keys {
        for value in VALUES {
            let text = reference_with(value, &[line]);
            assert!(serde_agrees(&text), "{value} in place of {key}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever stands behind a key of the reference, the walk takes out what serde cannot read, and
    /// nothing panics.
    #[test]
    fn any_value_anywhere_gives_diagnostics(line in 0_usize..400, value in any_value(), again in 0_usize..400) {
        let text = reference_with(value, &[line, again]);
        prop_assert!(serde_agrees(&text));
        let report = report(&text, "x.toml");
        prop_assert!(report.text(true).len() >= report.text(false).len());
        prop_assert!(report.json().is_array());
    }

    /// Any text gives an answer.
    #[test]
    fn any_text_gives_an_answer(text in "[\\[\\]{}=\"'a-z0-9.#\n \\\\é纸\t]{0,80}") {
        prop_assert!(serde_agrees(&text));
        let report = report(&text, "x.toml");
        prop_assert!(report.text(true).len() >= report.text(false).len());
        prop_assert!(report.json().is_array());
    }

    /// A file that was cut off gives an answer.
    #[test]
    fn any_part_of_a_file_gives_an_answer(from in 0_usize..12_000, length in 0_usize..4_000) {
        let text: String = reference_switched_on().chars().skip(from).take(length).collect();
        prop_assert!(serde_agrees(&text));
        let shown = report(&text, "x.toml").text(false);
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    }
}
