//! What people ask of alarms.

use super::state::{Input, Refusal};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What can be asked of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Somebody knows.
    Acknowledge,
    /// A latched alarm is taken off.
    Reset,
    /// Nobody wants to hear of it until then.
    Shelve {
        /// The end.
        until: Timestamp,
    },
    /// Somebody wants to hear of it again.
    Unshelve,
    /// What it watches is out of service.
    Remove,
    /// It is in service again.
    Restore,
    /// A word for the record.
    Comment,
}

impl Action {
    /// What can be asked, in words.
    pub const WORDS: [&str; 7] =
        ["acknowledge", "reset", "shelve", "unshelve", "out-of-service", "in-service", "comment"];

    /// The action of a word, with the end that was named.
    ///
    /// # Errors
    /// When the word is none, a shelf has no end, or something else has one: in words for who asks.
    pub fn of(word: &str, until: Option<Timestamp>) -> Result<Self, String> {
        Ok(match (word, until) {
            ("shelve", Some(until)) => Self::Shelve { until },
            ("shelve", None) => return Err("a shelf needs its end: say until when".into()),
            (_, Some(_)) => return Err("only a shelf has an end: leave it out".into()),
            ("acknowledge", None) => Self::Acknowledge,
            ("reset", None) => Self::Reset,
            ("unshelve", None) => Self::Unshelve,
            ("out-of-service", None) => Self::Remove,
            ("in-service", None) => Self::Restore,
            ("comment", None) => Self::Comment,
            (other, None) => {
                let words = Self::WORDS.join(", ");
                return Err(format!("nobody can `{other}` an alarm; there are: {words}"));
            }
        })
    }

    /// True if it has to be said why, so that the next shift knows.
    #[must_use]
    pub fn needs_note(self) -> bool {
        matches!(self, Self::Shelve { .. } | Self::Remove | Self::Comment)
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Reset => "reset",
            Self::Shelve { .. } => "shelve",
            Self::Unshelve => "unshelve",
            Self::Remove => "out-of-service",
            Self::Restore => "in-service",
            Self::Comment => "comment",
        }
    }

    /// What it is to the table of states; nothing of a comment.
    pub(super) fn input(self) -> Option<Input> {
        Some(match self {
            Self::Acknowledge => Input::Acknowledge,
            Self::Reset => Input::Reset,
            Self::Shelve { .. } => Input::Shelve,
            Self::Unshelve => Input::Unshelve,
            Self::Remove => Input::Remove,
            Self::Restore => Input::Restore,
            Self::Comment => return None,
        })
    }

    pub(super) fn until(self) -> Option<Timestamp> {
        if let Self::Shelve { until } = self { Some(until) } else { None }
    }

    /// The word of the record: what was done.
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledged",
            Self::Reset => "reset",
            Self::Shelve { .. } => "shelved",
            Self::Unshelve => "unshelved",
            Self::Remove => "out-of-service",
            Self::Restore => "in-service",
            Self::Comment => "comment",
        }
    }
}

/// What somebody asks of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The alarm, e.g. `tm3/batch`.
    pub alarm: Arc<str>,
    /// What.
    pub action: Action,
    /// Who; nobody where a time is over.
    pub by: Option<Arc<str>>,
    /// Why.
    pub note: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
    /// The occurrence that is meant, if only that one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u32>,
}

/// Why an order is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// It never came.
    #[error("there never was such an alarm")]
    Unknown,
    /// Another occurrence was meant.
    #[error("it has come again since: that was another occurrence of it")]
    AnotherOccurrence,
    /// Its state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The end of the shelf is over.
    #[error("the time until which it is shelved is over")]
    ShelfOver,
    /// Longer than people look back.
    #[error("it can be shelved for {} at most (`[alarms] shelve_max`)", hours(.0))]
    ShelfTooLong(Duration),
}

fn hours(span: &Duration) -> String {
    self::span(*span)
}

/// A span of time as people say it: in hours, minutes or seconds, whichever are whole.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds % 3600, seconds % 60) {
        (0, _) if seconds > 0 => format!("{} h", seconds / 3600),
        (_, 0) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}
