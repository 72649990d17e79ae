//! What can be wrong with a sensor, and how a sensor is.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// What is wrong with a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SensorFault {
    /// The value does not move.
    Stuck,
    /// No readings come.
    Stale,
    /// Readings lie outside the instrument's range, or change faster than they can.
    Range,
    /// The source calls its readings bad.
    SourceBad,
    /// Texts come where numbers are expected.
    NoNumber,
    /// The value rests at an end of the instrument's range.
    Rail,
    /// Single values far from those beside them.
    Spike,
    /// The value scatters far more than it used to.
    Noise,
    /// The value scatters far less than it used to: it is damped, or a copy of something slower.
    Attenuated,
    /// Readings come and go.
    Intermittent,
    /// From one reading to the next the value is another by a factor between units.
    Unit,
    /// Since an instant the value disagrees with the other tags by the same amount.
    Offset,
    /// The value moves away from what the other tags say.
    Drift,
    /// The value scatters as ever and does not follow what the other tags say.
    Frozen,
    /// Its stamps are off while those of its source are not.
    Skew,
    /// Its stamp stands still while its value changes.
    FrozenClock,
}

impl SensorFault {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Stuck,
        Self::Stale,
        Self::Range,
        Self::SourceBad,
        Self::NoNumber,
        Self::Rail,
        Self::Spike,
        Self::Noise,
        Self::Attenuated,
        Self::Intermittent,
        Self::Unit,
        Self::Offset,
        Self::Drift,
        Self::Frozen,
        Self::Skew,
        Self::FrozenClock,
    ];

    /// The word of the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Stale => "stale",
            Self::Range => "range",
            Self::SourceBad => "source-bad",
            Self::NoNumber => "no-number",
            Self::Rail => "rail",
            Self::Spike => "spike",
            Self::Noise => "noise",
            Self::Attenuated => "attenuated",
            Self::Intermittent => "intermittent",
            Self::Unit => "unit",
            Self::Offset => "offset",
            Self::Drift => "drift",
            Self::Frozen => "frozen",
            Self::Skew => "skew",
            Self::FrozenClock => "frozen-clock",
        }
    }

    /// The fault with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == word)
    }

    /// True for a fault of the stamps and not of the values.
    #[must_use]
    pub fn is_of_time(self) -> bool {
        matches!(self, Self::Skew | Self::FrozenClock)
    }

    /// True if only the other tags can tell that it came, and that it went.
    #[must_use]
    pub fn is_of_others(self) -> bool {
        matches!(self, Self::Offset | Self::Drift | Self::Frozen)
    }

    /// True if even a reading that looks good is not to be used while it stands: which ones are wrong cannot
    /// be told.
    #[must_use]
    pub fn spoils_all(self) -> bool {
        !matches!(self, Self::Stale | Self::Range | Self::SourceBad | Self::NoNumber)
    }
}

/// How a sensor is.
///
/// | state | input | next |
/// | --- | --- | --- |
/// | well | still for longer than it may be | sick: stuck |
/// | well | no reading for longer than it may be | sick: stale |
/// | well | the third bad reading in a row | sick: range, source-bad, or no-number |
/// | well | the third reading in a row at an end of the range | sick: rail |
/// | well | other habits than its own | sick: spike, noise, attenuated, intermittent, unit |
/// | well | the other tags disagree | sick: offset, drift, frozen |
/// | well, sick: stale | its stamps are off, or stand still | sick: skew, frozen-clock |
/// | sick: skew, frozen-clock | its stamps are right again | well |
/// | sick | what made it so is over, for the longer the oftener it came again | well |
/// | sick | anything else | as before |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SensorState {
    /// Can be trusted.
    #[default]
    Well,
    /// Cannot be trusted.
    Sick {
        /// Why not.
        fault: SensorFault,
        /// Since when: the last reading that could be trusted, or the first that could not.
        since: Timestamp,
    },
}

/// A sensor fell sick, or recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorChange {
    /// The fault that came or went.
    pub fault: SensorFault,
    /// Since when it stands or stood.
    pub since: Timestamp,
    /// True if it came.
    pub sick: bool,
}
