//! Quality: what the source says, and the bits that our own checks add.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What the source says about a value (OPC's three classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum SourceQuality {
    /// Usable.
    #[default]
    Good,
    /// Usable for judging, not for learning.
    Uncertain,
    /// Not usable: a missing value.
    Bad,
}

/// The bits of `readings.quality`; 0 is good.
///
/// The numbers are part of the InfluxDB schema: a bit never changes its meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Flags(u32);

impl Flags {
    /// Nothing to say against it.
    pub const GOOD: Self = Self(0);
    /// The source calls the value bad.
    pub const SOURCE_BAD: Self = Self(1);
    /// The source calls the value uncertain.
    pub const SOURCE_UNCERTAIN: Self = Self(1 << 1);
    /// Outside the instrument's range.
    pub const RANGE: Self = Self(1 << 2);
    /// The tag has not moved for longer than it may.
    pub const STUCK: Self = Self(1 << 3);
    /// The frame that it belongs to was closed when it came.
    pub const LATE: Self = Self(1 << 4);
    /// Its time is ahead of the receive time by more than the future guard.
    pub const FUTURE: Self = Self(1 << 5);
    /// Its time is further back than the past guard.
    pub const PAST: Self = Self(1 << 6);
    /// Another value of the same tag at the same time came before.
    pub const CONFLICT: Self = Self(1 << 7);
    /// The message was retained by the broker: a last known value, not a new sample.
    pub const RETAINED: Self = Self(1 << 8);
    /// The source sent no time; the receive time stands in, or that of sending where a broker tells it.
    pub const NO_SOURCE_TIME: Self = Self(1 << 9);
    /// A text, where only numbers say something about the tag.
    pub const NO_NUMBER: Self = Self(1 << 10);

    /// An old value that its source could not send then, and sends now.
    pub const HISTORICAL: Self = Self(1 << 11);

    /// Far from the value before, and not yet borne out by the next one.
    pub const SPIKE: Self = Self(1 << 12);
    /// At an end of the instrument's range, where the tag is not by habit.
    pub const RAIL: Self = Self(1 << 13);

    const NAMES: [(Self, &'static str); 14] = [
        (Self::SOURCE_BAD, "source-bad"),
        (Self::SOURCE_UNCERTAIN, "source-uncertain"),
        (Self::RANGE, "range"),
        (Self::STUCK, "stuck"),
        (Self::LATE, "late"),
        (Self::FUTURE, "future"),
        (Self::PAST, "past"),
        (Self::CONFLICT, "conflict"),
        (Self::RETAINED, "retained"),
        (Self::NO_SOURCE_TIME, "no-source-time"),
        (Self::NO_NUMBER, "no-number"),
        (Self::HISTORICAL, "historical"),
        (Self::SPIKE, "spike"),
        (Self::RAIL, "rail"),
    ];

    /// Of bits, as read from InfluxDB; those that have no meaning are kept.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits, as written to InfluxDB.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// True if every bit of `other` is set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True if any bit of `other` is set.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names of the bits that are set, in order of the bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, name)| name)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        write!(f, "Flags({})", if names.is_empty() { "good".into() } else { names.join("|") })
    }
}
