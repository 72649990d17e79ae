//! Event-time alignment: the readings of a line become frames.
//!
//! A frame is the mean of a tag's good readings in [`start`, `end`), or the last good one held for
//! at most the tag's `stale`; it closes when the line's watermark reaches its end. Frames lie on
//! multiples of their length from 1970. Nothing here knows which readings are good: it is offered
//! only those.

mod framer;
mod transits;

pub use framer::{Framer, Offered};
pub use transits::Transits;

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// The values of a line's declared tags over [`start`, `end`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Its begin, inclusive.
    pub start: Timestamp,
    /// Its end, exclusive; scores carry this time.
    pub end: Timestamp,
    /// One value for each declared tag, in order of the plant; NaN where there is none.
    pub values: Vec<f64>,
}
