//! One cell of a table, whatever it is written in, and what may be read from it.

use super::time;
use crate::decode::TimeUnit;
use crate::reading::{Finite, SourceQuality, Value};
use std::borrow::Cow;
use std::fmt;

/// Where in a file something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of a text, from 1.
    Line(u64),
    /// A row of a Parquet file, and the row group that has it, both from 1.
    Row(u64, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row, group) => write!(f, "row {row} (row group {group})"),
        }
    }
}

/// A cell. CSV has texts only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// Null.
    Empty,
    /// A text without space around it.
    Text(&'a str),
    /// An integer.
    Whole(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// A time: so many units since 1970.
    Time(i64, TimeUnit),
}

impl<'a> Cell<'a> {
    /// As a text.
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text.into(),
            other => other.to_string().into(),
        }
    }

    /// As a number: NaN where there is none or it is not finite, `None` if it is something else.
    pub(super) fn number(self) -> Option<f64> {
        let missing = ["nan", "na", "null", "n/a", "-"];
        let value = match self {
            Self::Empty | Self::Text("") => f64::NAN,
            Self::Text(text) if missing.iter().any(|no| text.eq_ignore_ascii_case(no)) => f64::NAN,
            Self::Text(text) => text.parse().ok()?,
            #[expect(clippy::cast_precision_loss, reason = "what a text of these digits gives")]
            Self::Whole(whole) => whole as f64,
            Self::Number(number) => number,
            Self::Truth(yes) => f64::from(u8::from(yes)),
            Self::Time(..) => return None,
        };
        Some(if value.is_finite() { value } else { f64::NAN })
    }

    /// As the value of a tag; `None` where there is none, which a number that is not finite means as well.
    pub(super) fn value(self) -> Option<Value> {
        let number = match self {
            Self::Empty => return None,
            Self::Text(text) => text.parse().ok(),
            other => other.number(),
        };
        match number {
            Some(number) => Finite::try_from(number).ok().map(Value::Number),
            None => Some(Value::Text(self.text().into())),
        }
    }

    /// As what a source said of a value.
    pub(super) fn quality(self) -> Option<SourceQuality> {
        let code = match self {
            Self::Empty | Self::Truth(true) => return Some(SourceQuality::Good),
            Self::Truth(false) => return Some(SourceQuality::Bad),
            other => other.text().to_ascii_lowercase(),
        };
        match code.as_str() {
            "" | "good" | "true" => Some(SourceQuality::Good),
            "uncertain" => Some(SourceQuality::Uncertain),
            "bad" | "false" => Some(SourceQuality::Bad),
            number => match number.parse::<u32>().ok()? {
                192.. => Some(SourceQuality::Good),
                64..=191 => Some(SourceQuality::Uncertain),
                _ => Some(SourceQuality::Bad),
            },
        }
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Whole(whole) => write!(f, "{whole}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Truth(yes) => write!(f, "{yes}"),
            Self::Time(count, unit) => match time::from_whole(*count, *unit) {
                Some(at) => write!(f, "{at}"),
                None => write!(f, "{count} {}", time::word(*unit)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cell: Cell<'_>, number: Option<f64>, value: Option<&str>, quality: Option<&str>) {
        let bits = |number: Option<f64>| number.map(f64::to_bits);
        assert_eq!(bits(cell.number()), bits(number), "{cell:?}");
        let said = cell.value().map(|value| match value {
            Value::Number(number) => format!("{}", number.get()),
            Value::Text(text) => format!("\"{text}\""),
        });
        assert_eq!(said.as_deref(), value, "{cell:?}");
        assert_eq!(cell.quality().map(|q| format!("{q:?}")).as_deref(), quality, "{cell:?}");
    }

    #[test]
    fn cells_of_all_kinds() {
        let (good, bad) = (Some("Good"), Some("Bad"));
        let missing = Some(f64::NAN);
        check(Cell::Empty, missing, None, good);
        check(Cell::Text(""), missing, Some("\"\""), good);
        check(Cell::Text("192"), Some(192.0), Some("192"), good);
        check(Cell::Text("NaN"), missing, None, None);
        check(Cell::Text("n/a"), missing, Some("\"n/a\""), None);
        check(Cell::Text("3,5"), None, Some("\"3,5\""), None);
        check(Cell::Text("UNCERTAIN"), None, Some("\"UNCERTAIN\""), Some("Uncertain"));
        check(Cell::Whole(64), Some(64.0), Some("64"), Some("Uncertain"));
        check(Cell::Whole(-1), Some(-1.0), Some("-1"), None);
        check(Cell::Number(0.0), Some(0.0), Some("0"), bad);
        check(Cell::Number(192.5), Some(192.5), Some("192.5"), None);
        check(Cell::Number(f64::INFINITY), missing, None, None);
        check(Cell::Truth(true), Some(1.0), Some("1"), good);
        check(Cell::Truth(false), Some(0.0), Some("0"), bad);
        check(Cell::Time(1, TimeUnit::Seconds), None, Some("\"1970-01-01T00:00:01Z\""), None);
        check(
            Cell::Time(i64::MAX, TimeUnit::Millis),
            None,
            Some("\"9223372036854775807 ms\""),
            None,
        );
    }
}
