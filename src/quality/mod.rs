//! Per-tag state: a reading becomes an assessed one, and a sensor is well or sick.
//!
//! A sick sensor is reported as a sick sensor. It never makes a batch look bad, because its values
//! do not reach the frames, and it never hides a bad batch in silence, because a frame without it
//! has a hole that the verdict sees. All times are event times.
//!
//! What is odd about a tag is known from the tag itself: how much it moves from reading to reading
//! (`habit`), how it jumps (`jump`), how long it stands still (`still`) and keeps silent (`silence`), and
//! how its stamps stand to their arrival (`skew`).
//! What other tags say of it is said by them ([`TagQuality::accuse`]).

mod checks;
mod fault;
mod habit;
mod jump;
mod minute;
mod silence;
mod skew;
mod still;
mod tag;
#[cfg(test)]
mod tests;

pub use checks::{Checks, Silence};
pub use fault::{SensorChange, SensorFault, SensorState};
pub use minute::Minute;
pub use skew::{
    AHEAD, Beyond, PAST_GUARD, Reference, Report, SourceClock, Stamp, TagClock, Trouble, beyond,
    words,
};
pub use tag::TagQuality;

use std::time::Duration;

/// Readings this far ahead of their arrival are not believed: a source's clock is wrong.
pub const FUTURE_GUARD: Duration = Duration::from_secs(60);
