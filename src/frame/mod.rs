//! Event-time alignment: the readings of a line become frames.

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
