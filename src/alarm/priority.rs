//! How soon somebody has to answer an alarm: its priority, by what follows if nobody does and by the time left to act.
//!
//! | consequence | more than 30 min | 10 to 30 min | 3 to 10 min | less than 3 min |
//! | --- | --- | --- | --- | --- |
//! | minor | low | low | low | medium |
//! | major | medium | medium | high | high |
//! | severe | high | high | critical | critical |
//!
//! The form is that of ISA-18.2; the consequence of a class is the plant's to say (`[alarms.CLASS] consequence`). Of a batch it is severe
//! where a batch before it was found off spec and nobody has said that it was mended: what spoils each further batch is
//! worse than what spoils one. The time left is that until the batch is made, as it was when the event was told: a batch that
//! comes near its end is not told anew for that alone.

use super::event::{Severity, Subject};
use crate::plant::Consequence;
use crate::verdict::{Document, Reason};
use serde::{Deserialize, Serialize};

/// How soon somebody has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// When there is time.
    Low,
    /// Within the batch.
    Medium,
    /// Now.
    High,
    /// Before everything else.
    Critical,
}

impl Priority {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// By the table of this module; `left_min` minutes are left to act, `None` where nothing runs out.
    #[must_use]
    pub fn of(consequence: Consequence, left_min: Option<f64>) -> Self {
        let columns = match consequence {
            Consequence::Minor => [Self::Low, Self::Low, Self::Low, Self::Medium],
            Consequence::Major => [Self::Medium, Self::Medium, Self::High, Self::High],
            Consequence::Severe => [Self::High, Self::High, Self::Critical, Self::Critical],
        };
        columns[match left_min {
            Some(left) if left < 3.0 => 3,
            Some(left) if left < 10.0 => 2,
            Some(left) if left <= 30.0 => 1,
            _ => 0,
        }]
    }

    /// Of what is told of something, whose class has this consequence.
    pub(super) fn of_news(class: Consequence, subject: &Subject) -> Self {
        let Subject::Batch { verdict, .. } = subject else { return Self::of(class, None) };
        let consequence = if spoils_more(verdict) { Consequence::Severe } else { class };
        Self::of(consequence, verdict.left.map(|left| left.minutes))
    }

    /// The least severity of what has it.
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Low | Self::Medium => Severity::Warning,
            Self::High | Self::Critical => Severity::Critical,
        }
    }
}

/// True if a batch before it was found off spec, and nobody has said since that it was mended.
fn spoils_more(verdict: &Document) -> bool {
    let earlier = |reason: &Reason| matches!(reason, Reason::Prospects { earlier: Some(_), .. });
    verdict.reasons.iter().any(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Timestamp;
    use Priority::{Critical, High, Low, Medium};
    use serde_json::json;

    #[test]
    fn each_cell_of_the_table_is_as_it_stands_there() {
        for (consequence, expected) in [
            (Consequence::Minor, [Low, Low, Low, Medium]),
            (Consequence::Major, [Medium, Medium, High, High]),
            (Consequence::Severe, [High, High, Critical, Critical]),
        ] {
            // The ends of each column.
            for (left, column) in [
                (None, 0),
                (Some(1e9), 0),
                (Some(30.1), 0),
                (Some(30.0), 1),
                (Some(10.0), 1),
                (Some(9.9), 2),
                (Some(3.0), 2),
                (Some(2.9), 3),
                (Some(0.0), 3),
            ] {
                let found = Priority::of(consequence, left);
                assert_eq!(found, expected[column], "{consequence:?} {left:?}");
            }
        }
    }

    fn batch(left: Option<f64>, earlier: bool) -> Subject {
        let mut reasons = vec![json!({
            "kind": "prospects", "probability": 0.7, "signs": [["soft-sensor", 1.0]],
        })];
        if earlier {
            let earlier = json!({ "batch": "R1", "low": null, "high": null });
            reasons[0]["earlier"] = earlier;
        }
        let verdict = json!({
            "line": "tm3", "batch": "R2", "grade": null, "verdict": "at-risk", "since": 0,
            "probability_off_spec": 0.7, "progress": 0.5, "reasons": reasons, "first_mover": null,
            "spans": [], "revision": 1, "ts": 0, "valid_until": 0,
            "left": left.map(|minutes| json!({ "minutes": minutes })),
        });
        let verdict = serde_json::from_value(verdict).unwrap();
        Subject::Batch {
            batch: "R2".into(),
            grade: None,
            verdict: Box::new(verdict),
            besides: Box::default(),
        }
    }

    #[test]
    fn what_spoils_each_further_batch_is_severe() {
        for (left, earlier, expected) in [
            (Some(20.0), false, Medium),
            (Some(5.0), false, High),
            (None, true, High),
            (Some(5.0), true, Critical),
        ] {
            let found = Priority::of_news(Consequence::Major, &batch(left, earlier));
            assert_eq!(found, expected, "{left:?} {earlier}");
        }
        let line = Subject::Line { since: Timestamp::default() };
        assert_eq!(Priority::of_news(Consequence::Severe, &line), High);
    }
}
