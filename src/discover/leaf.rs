//! What is known of one value: a place in a topic's payloads.

use crate::decode::TimeUnit;
use crate::reading::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// Different values remembered, to tell a state or a name from a measurement.
const DISTINCT_MAX: usize = 40;
/// Texts remembered, to show.
const TEXT_CHARS: usize = 80;
/// A time is this close to its arrival, or something is wrong with it: a gateway that was away for a day sends old ones.
const NEAR_S: f64 = 2.0 * 86_400.0;
/// What is called a time and is between the begin of 2000 and that of 2100 is one: of a recording, of a simulation, by a clock
/// that was never set. In no two units is a number so.
const TIMES_S: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;
/// Values that must agree before anything is said of them.
const ENOUGH: u32 = 3;

/// All that was seen of one value.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaf {
    pub(super) numbers: u32,
    pub(super) texts: u32,
    pub(super) booleans: u32,
    /// Objects, arrays and nulls: nothing to store.
    pub(super) others: u32,
    pub(super) low: f64,
    pub(super) high: f64,
    last: Option<f64>,
    /// Steps up, steps down, and how large the largest step down was beside all that was climbed.
    pub(super) ups: u32,
    pub(super) downs: u32,
    /// Different values, as text, up to a bound.
    pub(super) distinct: BTreeSet<String>,
    /// How often it was near its arrival, read in each unit; text in RFC 3339 counts as none of them.
    near: [u32; 4],
    near_text: u32,
    /// The same of how often it was a time at all, and how far the last of these was behind its arrival.
    dated: [u32; 4],
    dated_text: u32,
    behind_s: f64,
    /// How often it was a code of quality, by kind.
    opc_da: u32,
    opc_ua: u32,
    words: u32,
}

const UNITS: [(TimeUnit, f64, &str); 4] = [
    (TimeUnit::Seconds, 1.0, "s"),
    (TimeUnit::Millis, 1e3, "ms"),
    (TimeUnit::Micros, 1e6, "us"),
    (TimeUnit::Nanos, 1e9, "ns"),
];

impl Leaf {
    /// A value came.
    pub(super) fn take(&mut self, value: &Value, received: Timestamp) {
        match value {
            Value::Number(number) => {
                if let Some(number) = number.as_f64() {
                    self.take_number(number, received);
                }
            }
            Value::Bool(value) => {
                self.booleans += 1;
                self.remember(&value.to_string());
            }
            Value::String(text) => self.take_text(text, received),
            Value::Null | Value::Array(_) | Value::Object(_) => self.others += 1,
        }
    }

    fn take_number(&mut self, number: f64, received: Timestamp) {
        let first = self.numbers == 0;
        self.numbers += 1;
        self.low = if first { number } else { self.low.min(number) };
        self.high = if first { number } else { self.high.max(number) };
        if let Some(last) = self.last.replace(number) {
            self.ups += u32::from(number > last);
            self.downs += u32::from(number < last);
        }
        self.remember(&number.to_string());
        let now_s = received.seconds_since(Timestamp::from_nanos(0));
        for ((near, dated), (_, per_second, _)) in
            self.near.iter_mut().zip(&mut self.dated).zip(UNITS)
        {
            let at_s = number / per_second;
            *near += u32::from((at_s - now_s).abs() < NEAR_S);
            if TIMES_S.contains(&at_s) {
                *dated += 1;
                self.behind_s = now_s - at_s;
            }
        }
        self.opc_da += u32::from([0.0, 64.0, 192.0].contains(&number));
        // Good, uncertain and bad without details; a counter is nothing like it.
        self.opc_ua += u32::from([0.0, 1_073_741_824.0, 2_147_483_648.0].contains(&number));
    }

    fn take_text(&mut self, text: &str, received: Timestamp) {
        self.texts += 1;
        self.remember(text);
        if let Ok(at) = Timestamp::parse_rfc3339(text) {
            self.near_text += u32::from(at.seconds_since(received).abs() < NEAR_S);
            self.dated_text += 1;
            self.behind_s = received.seconds_since(at);
        }
        let word = text.to_ascii_lowercase();
        let words = ["good", "bad", "uncertain", "goodnodata", "ok"];
        self.words += u32::from(words.contains(&word.as_str()));
    }

    fn remember(&mut self, text: &str) {
        if self.distinct.len() < DISTINCT_MAX {
            self.distinct.insert(text.chars().take(TEXT_CHARS).collect());
        }
    }

    /// How often it came.
    pub(super) fn count(&self) -> u32 {
        self.numbers + self.texts + self.booleans + self.others
    }

    /// True if it carries something to store.
    pub(super) fn is_value(&self) -> bool {
        self.numbers + self.texts + self.booleans > 0
    }

    /// True if more values than these were seen.
    pub(super) fn is_many(&self) -> bool {
        self.distinct.len() >= DISTINCT_MAX
    }

    /// The unit in which it always was near its arrival, else the one in which it was a time at all: as the configuration says
    /// it; `Some("")` for RFC 3339, which needs none.
    pub(super) fn time_unit(&self) -> Option<&'static str> {
        self.unit(self.near_text, &self.near).or_else(|| self.unit(self.dated_text, &self.dated))
    }

    fn unit(&self, texts: u32, numbers: &[u32; 4]) -> Option<&'static str> {
        let seen = self.count();
        if texts > 0 && texts == seen {
            return Some("");
        }
        let unit = numbers.iter().zip(UNITS).find(|(fitting, _)| **fitting == seen && seen > 0);
        unit.map(|(_, (.., word))| word)
    }

    /// How far times were behind their arrival at last, s; `None` where they were as near as they should be.
    pub(super) fn far_behind_s(&self) -> Option<f64> {
        Some(self.behind_s).filter(|behind| behind.abs() >= NEAR_S)
    }

    /// The seconds from the first to the last of these times, if they are numbers.
    pub(super) fn seconds(&self) -> Option<f64> {
        let unit = self.unit(0, &self.dated)?;
        let (_, per_second, _) = UNITS.into_iter().find(|(.., word)| *word == unit)?;
        Some((self.high - self.low) / per_second)
    }

    /// How a quality code in it would be read, as the configuration says it.
    pub(super) fn quality_codes(&self) -> Option<&'static str> {
        let seen = self.count();
        if seen == 0 {
            return None;
        }
        if self.booleans == seen {
            return Some("bool");
        }
        if self.words == seen || (self.opc_ua == seen && self.opc_da < seen) {
            return Some("opc-ua");
        }
        (self.opc_da == seen).then_some("opc-da")
    }

    /// True if it only ever goes one way, but for starting over: an age, a diameter that grows, a counter.
    pub(super) fn is_ramp(&self) -> bool {
        let moves = self.ups + self.downs;
        moves >= 2 * ENOUGH && (self.downs * 20 <= moves || self.ups * 20 <= moves)
    }
}
