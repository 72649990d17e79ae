//! Counters, the health of each part, the clock of the shells.
//!
//! Imports nothing of ours. Counters and logs for one event are emitted by one function of the room
//! that knows it; this room only keeps the numbers.

mod clock;
mod health;
mod metrics;
mod secret;

pub use clock::{Clock, ManualClock, SystemClock};
pub use health::{ComponentHealth, Health, State};
pub use metrics::{Kind, METRICS, Metrics};
pub use secret::{Secret, SecretSource};
