//! What really happened: the class of each batch by the true values of its product, and the truth file.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a batch really was, by the true values of the product (product.md, "Recordings").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A property with limits was outside them over more than 10 % of the length.
    OffSpec,
    /// Outside over less, or only a laboratory result was outside.
    Marginal,
    /// Inside throughout, though a fault of the process was active in some part of it.
    Touched,
    /// All others.
    Good,
}

impl Class {
    /// The share of the length that may be outside before a batch is off spec.
    pub const OFF_SHARE: f64 = 0.10;

    /// The class of a batch: the greatest share outside of any property, whether a laboratory result
    /// was outside, whether a process fault was active.
    #[must_use]
    pub fn of(off_share: f64, lab_outside: bool, fault: bool) -> Self {
        if off_share > Self::OFF_SHARE {
            Self::OffSpec
        } else if off_share > 0.0 || lab_outside {
            Self::Marginal
        } else if fault {
            Self::Touched
        } else {
            Self::Good
        }
    }
}

/// The truth about one scored batch; one line of the truth file. Times are ms there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchTruth {
    /// The line.
    pub line: Arc<str>,
    /// The batch's id.
    pub batch: Arc<str>,
    /// What it was.
    pub class: Class,
    /// The process fault active in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Arc<str>>,
    /// When the fault began.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "ms_option")]
    pub fault_from: Option<Timestamp>,
    /// The tags that the fault moves first; a fault may move none that is measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_movers: Vec<Arc<str>>,
    /// When the product was first outside.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "ms_option")]
    pub off_from: Option<Timestamp>,
    /// The greatest share of the length outside of any property, 0–1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_share: Option<f64>,
}

/// An instrument that was wrong for a while; one line of the truth file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorTruth {
    /// The line.
    pub line: Arc<str>,
    /// What was wrong: `stuck`.
    pub sensor_fault: Arc<str>,
    /// The tag.
    pub tag: Arc<str>,
    /// Its first wrong second.
    #[serde(with = "ms")]
    pub from: Timestamp,
    /// Its last wrong second.
    #[serde(with = "ms")]
    pub to: Timestamp,
}

/// All that is known to be true of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truth {
    /// The scored batches, in order.
    pub batches: Vec<BatchTruth>,
    /// Episodes of wrong instruments, in order.
    pub sensors: Vec<SensorTruth>,
}

/// A line of a truth file that is none.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the truth is neither a batch nor a sensor fault")]
pub struct TruthError {
    /// Which line, from 1.
    pub line: usize,
    /// Why.
    #[source]
    pub source: serde_json::Error,
}

impl Truth {
    /// The truth file: a JSON object a line, batches first.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let batches = self.batches.iter().map(json);
        let sensors = self.sensors.iter().map(json);
        batches.chain(sensors).map(|line| line + "\n").collect()
    }

    /// Reads a truth file; empty lines do not count.
    ///
    /// # Errors
    /// When a line is neither a batch nor a sensor fault.
    pub fn from_json_lines(text: &str) -> Result<Self, TruthError> {
        let mut truth = Self::default();
        for (ix, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |source| TruthError { line: ix + 1, source };
            let value: serde_json::Value = serde_json::from_str(line).map_err(wrong)?;
            if value.get("sensor_fault").is_some() {
                truth.sensors.push(serde_json::from_value(value).map_err(wrong)?);
            } else {
                truth.batches.push(serde_json::from_value(value).map_err(wrong)?);
            }
        }
        Ok(truth)
    }
}

fn json(truth: &impl Serialize) -> String {
    serde_json::to_string(truth).expect("texts, finite numbers and integers are JSON")
}

/// A time as milliseconds.
mod ms {
    use crate::reading::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_millis(i64::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A time as milliseconds, where there may be none.
mod ms_option {
    use crate::reading::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millis).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let ms = Option::<i64>::deserialize(from)?;
        ms.map(Timestamp::from_millis).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        assert_eq!(Class::of(0.11, false, true), Class::OffSpec);
        assert_eq!(Class::of(0.10, false, true), Class::Marginal);
        assert_eq!(Class::of(0.001, false, false), Class::Marginal);
        assert_eq!(Class::of(0.0, true, false), Class::Marginal);
        assert_eq!(Class::of(0.0, false, true), Class::Touched);
        assert_eq!(Class::of(0.0, false, false), Class::Good);
    }

    #[test]
    fn the_truth_file_is_that_of_the_contract() {
        let at = |ms| Timestamp::from_millis(ms).unwrap();
        let truth = Truth {
            batches: vec![
                BatchTruth {
                    line: "tm3".into(),
                    batch: "R1".into(),
                    class: Class::OffSpec,
                    fault: Some("consistency-drift".into()),
                    fault_from: Some(at(5)),
                    first_movers: Vec::new(),
                    off_from: Some(at(9)),
                    off_share: Some(0.31),
                },
                BatchTruth {
                    line: "tm3".into(),
                    batch: "R2".into(),
                    class: Class::Good,
                    fault: None,
                    fault_from: None,
                    first_movers: Vec::new(),
                    off_from: None,
                    off_share: None,
                },
            ],
            sensors: vec![SensorTruth {
                line: "tm3".into(),
                sensor_fault: "stuck".into(),
                tag: "basis_weight".into(),
                from: at(7),
                to: at(8),
            }],
        };
        let text = truth.to_json_lines();
        assert_eq!(
            text,
            concat!(
                r#"{"line":"tm3","batch":"R1","class":"off_spec","fault":"consistency-drift","#,
                r#""fault_from":5,"off_from":9,"off_share":0.31}"#,
                "\n",
                r#"{"line":"tm3","batch":"R2","class":"good"}"#,
                "\n",
                r#"{"line":"tm3","sensor_fault":"stuck","tag":"basis_weight","from":7,"to":8}"#,
                "\n"
            )
        );
        assert_eq!(Truth::from_json_lines(&text).unwrap(), truth);
        assert_eq!(Truth::from_json_lines("\n{}\n").unwrap_err().line, 2);
    }
}
