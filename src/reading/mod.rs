//! The vocabulary: time stamps, numbers that cannot be NaN, quality codes and flags.
//!
//! This room imports nothing of ours. Event time (`at`) and receive time (`received`) are different
//! fields for ever; both are [`Timestamp`]s, and no function here reads a clock.

mod count;
mod digits;
mod flags;
mod timestamp;
mod value;

pub use count::Count;
pub use digits::{change_over, four_digits, hex, name_or_change, side_by_side};
pub use flags::{Flags, SourceQuality};
pub use timestamp::{Timestamp, TimestampError};
pub use value::{Finite, NotFinite, Value};

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The index of a tag within its line: declared tags first, in order of the configuration, then
/// undeclared ones in order of their first reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TagIx(pub u32);

impl TagIx {
    /// The index as a `usize`, for slices.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// The index of a line in the plant, in order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineIx(pub u16);

impl LineIx {
    /// The index as a `usize`, for slices.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// The names of one series of readings: the tags `line`, `area` and `tag` of the InfluxDB schema.
///
/// `area` is empty when no topic or setting gives one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// The line's name, empty if the topic names none.
    pub line: Arc<str>,
    /// The area's name, empty if the topic names none.
    pub area: Arc<str>,
    /// The tag's name as it came, without the area.
    pub tag: Arc<str>,
}

/// One value of one tag at one instant, as decoded, before it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When the source says it was measured.
    pub at: Timestamp,
    /// When it reached us.
    pub received: Timestamp,
    /// The value.
    pub value: Value,
    /// What the source says about it.
    pub quality: SourceQuality,
}
