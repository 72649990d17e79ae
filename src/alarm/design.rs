//! What makes alarms of a line meaningless: suppression by design.

use crate::plant::AlarmClass;
use serde::{Deserialize, Serialize};

/// A state of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Design {
    /// Nothing is known of it: what its instruments do follows from that.
    Blind,
    /// Nothing comes of it: that of no instrument of it.
    Silent,
    /// It stands still, changes its grade or starts up: what its instruments do then is no fault of theirs.
    Unsteady,
    /// Somebody works on it, and causes what there is.
    Maintenance,
}

impl Design {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Blind, Self::Silent, Self::Unsteady, Self::Maintenance];

    /// True if it makes alarms of this class meaningless.
    #[must_use]
    pub fn hides(self, class: AlarmClass) -> bool {
        match self {
            Self::Unsteady => matches!(class, AlarmClass::Sensor | AlarmClass::Profile),
            Self::Blind | Self::Silent => {
                matches!(class, AlarmClass::Sensor | AlarmClass::Profile | AlarmClass::Monitor)
            }
            Self::Maintenance => !matches!(class, AlarmClass::Model | AlarmClass::System),
        }
    }

    /// True if an alarm that stands before goes on to stand: lines stand still and links go down several times a day, and
    /// whoever knows of a dead instrument need not be told again after each of them. Who works on a line wants to know
    /// afterwards what is still wrong.
    #[must_use]
    pub fn spares_standing(self) -> bool {
        self != Self::Maintenance
    }

    /// Why, for the record of an alarm that it hides.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Blind => "nothing is known of the line",
            Self::Silent => "nothing comes of the line",
            Self::Unsteady => "the line stands still, changes its grade or starts up",
            Self::Maintenance => "the line is under maintenance",
        }
    }
}
