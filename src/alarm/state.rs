//! The life of one alarm: the states and transitions of ISA-18.2 (IEC 62682).
//!
//! | id | state | condition | hidden | acknowledged | latched |
//! | --- | --- | --- | --- | --- | --- |
//! | A | [`Normal`](IsaState::Normal) | no | no | – | no |
//! | B | [`Unacknowledged`](IsaState::Unacknowledged) | yes | no | no | – |
//! | C | [`Acknowledged`](IsaState::Acknowledged) | yes | no | yes | – |
//! | D | [`ReturnedUnacknowledged`](IsaState::ReturnedUnacknowledged) | no | no | no | no |
//! | E | [`LatchedUnacknowledged`](IsaState::LatchedUnacknowledged) | no | no | no | yes |
//! | F | [`LatchedAcknowledged`](IsaState::LatchedAcknowledged) | no | no | yes | yes |
//! | G | [`Shelved`](IsaState::Shelved) | either | by a person, with an end | – | – |
//! | H | [`SuppressedByDesign`](IsaState::SuppressedByDesign) | either | by logic | – | – |
//! | I | [`OutOfService`](IsaState::OutOfService) | either | by a person, without an end | – | – |
//!
//! What holds is kept as flags, as OPC UA part 9 does, and the nine names are derived: of several ways to be hidden the
//! display is that of I before H before G, and what ends one of them leaves the others. [`Alarm::take`] is the table of
//! transitions; what is not in it is refused, and why. `ARCHITECTURE.md` has it for people.

use crate::plant::AlarmRule;
use serde::{Deserialize, Serialize};

/// The states of ISA-18.2, by the names that the standard gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IsaState {
    /// All is well.
    Normal,
    /// The condition holds, and nobody has said that he knows.
    Unacknowledged,
    /// The condition holds, and somebody knows.
    Acknowledged,
    /// The condition is gone before anybody said that he knew.
    ReturnedUnacknowledged,
    /// The condition is gone, and the alarm stands until it is acknowledged and reset.
    LatchedUnacknowledged,
    /// The condition is gone, somebody knows, and the alarm stands until it is reset.
    LatchedAcknowledged,
    /// A person does not want to hear of it for a while.
    Shelved,
    /// The state of the plant makes it meaningless.
    SuppressedByDesign,
    /// What it watches is out of service.
    OutOfService,
}

impl IsaState {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 9] = [
        Self::Normal,
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Shelved,
        Self::SuppressedByDesign,
        Self::OutOfService,
    ];

    /// The word in InfluxDB, the API and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned-unacknowledged",
            Self::LatchedUnacknowledged => "latched-unacknowledged",
            Self::LatchedAcknowledged => "latched-acknowledged",
            Self::Shelved => "shelved",
            Self::SuppressedByDesign => "suppressed",
            Self::OutOfService => "out-of-service",
        }
    }
}

/// What can happen to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The condition begins to hold, or goes on to.
    Activate,
    /// It holds, and is worse than before.
    Worsen,
    /// It holds no longer.
    Return,
    /// A person knows.
    Acknowledge,
    /// A person takes a latched alarm off.
    Reset,
    /// A person does not want to hear of it for a while.
    Shelve,
    /// The while is over, or a person wants to hear again.
    Unshelve,
    /// The state of the plant makes it meaningless.
    Suppress,
    /// It does so no longer.
    Unsuppress,
    /// A person takes it out of service.
    Remove,
    /// A person puts it into service again.
    Restore,
}

impl Input {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Activate,
        Self::Worsen,
        Self::Return,
        Self::Acknowledge,
        Self::Reset,
        Self::Shelve,
        Self::Unshelve,
        Self::Suppress,
        Self::Unsuppress,
        Self::Remove,
        Self::Restore,
    ];
}

/// Why a person cannot do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not there to be acknowledged.
    #[error("it is {}: there is nothing to acknowledge", .0.as_str())]
    NothingToAcknowledge(IsaState),
    /// It does not latch, or its condition holds.
    #[error("it is {}: only a latched alarm is reset", .0.as_str())]
    NothingToReset(IsaState),
    /// It is latched, and nobody knows.
    #[error("acknowledge it first: a latched alarm that nobody has acknowledged is not reset")]
    AcknowledgeFirst,
    /// It is not shelved.
    #[error("it is not shelved")]
    NotShelved,
    /// It is in service.
    #[error("it is in service")]
    InService,
    /// It is out of service already.
    #[error("it is out of service already")]
    OutOfService,
}

/// What a plant wants of an alarm when its condition is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// It stays until somebody has acknowledged it.
    pub acknowledge: bool,
    /// It stays until somebody has acknowledged and reset it.
    pub latch: bool,
}

impl From<AlarmRule> for Manner {
    fn from(rule: AlarmRule) -> Self {
        Self { acknowledge: rule.acknowledge, latch: rule.latch }
    }
}

/// What holds of an alarm.
#[expect(clippy::struct_excessive_bools, reason = "independent flags, as OPC UA part 9 keeps them")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alarm {
    condition: bool,
    acknowledged: bool,
    latched: bool,
    shelved: bool,
    suppressed: bool,
    out_of_service: bool,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            condition: false,
            acknowledged: true,
            latched: false,
            shelved: false,
            suppressed: false,
            out_of_service: false,
        }
    }
}

impl Alarm {
    /// One that stands, and of which nobody has said that he knows.
    pub(super) fn standing() -> Self {
        Self { condition: true, acknowledged: false, ..Self::default() }
    }

    /// The state by its name.
    #[must_use]
    pub fn state(&self) -> IsaState {
        if self.out_of_service {
            IsaState::OutOfService
        } else if self.suppressed {
            IsaState::SuppressedByDesign
        } else if self.shelved {
            IsaState::Shelved
        } else {
            match (self.condition, self.latched, self.acknowledged) {
                (true, _, false) => IsaState::Unacknowledged,
                (true, _, true) => IsaState::Acknowledged,
                (false, true, false) => IsaState::LatchedUnacknowledged,
                (false, true, true) => IsaState::LatchedAcknowledged,
                (false, false, false) => IsaState::ReturnedUnacknowledged,
                (false, false, true) => IsaState::Normal,
            }
        }
    }

    /// True if the condition holds.
    #[must_use]
    pub fn condition(&self) -> bool {
        self.condition
    }

    /// True if people are not to be told.
    #[must_use]
    pub fn hidden(&self) -> bool {
        self.shelved || self.suppressed || self.out_of_service
    }

    /// True if a person has shelved it, however it is shown.
    #[must_use]
    pub fn shelved(&self) -> bool {
        self.shelved
    }

    /// True if the state of the plant makes it meaningless, however it is shown.
    #[must_use]
    pub fn suppressed(&self) -> bool {
        self.suppressed
    }

    /// Takes one step of the table.
    ///
    /// # Errors
    /// When a person asks for what the table has no cell for; then nothing changes.
    pub fn take(&mut self, input: Input, manner: Manner) -> Result<(), Refusal> {
        let hidden = self.hidden();
        match input {
            Input::Activate => {
                if !self.condition {
                    (self.condition, self.latched, self.acknowledged) = (true, false, hidden);
                }
            }
            Input::Worsen => {
                self.condition = true;
                (self.latched, self.acknowledged) = (false, hidden);
            }
            Input::Return => {
                if self.condition {
                    self.condition = false;
                    self.latched = manner.latch && !hidden;
                    self.acknowledged |= hidden || !(manner.acknowledge || manner.latch);
                }
            }
            Input::Acknowledge => {
                if hidden || self.acknowledged {
                    return Err(Refusal::NothingToAcknowledge(self.state()));
                }
                self.acknowledged = true;
            }
            Input::Reset => {
                if hidden || !self.latched {
                    return Err(Refusal::NothingToReset(self.state()));
                }
                if !self.acknowledged {
                    return Err(Refusal::AcknowledgeFirst);
                }
                self.latched = false;
            }
            Input::Shelve | Input::Remove if self.out_of_service => {
                return Err(Refusal::OutOfService);
            }
            Input::Shelve => self.shelved = true,
            Input::Unshelve if !self.shelved => return Err(Refusal::NotShelved),
            Input::Unshelve => self.shelved = false,
            Input::Suppress => self.suppressed = true,
            Input::Unsuppress => self.suppressed = false,
            Input::Remove => self.out_of_service = true,
            Input::Restore if !self.out_of_service => return Err(Refusal::InService),
            Input::Restore => self.out_of_service = false,
        }
        match (hidden, self.hidden()) {
            // What is latched or waits for a word is not kept behind the curtain.
            (false, true) => (self.latched, self.acknowledged) = (false, true),
            // What was hidden and holds is news to people; what is over is over.
            (true, false) => self.acknowledged = !self.condition,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
