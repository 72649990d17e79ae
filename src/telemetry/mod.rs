//! Counters and their rendering, the health of each part, the log, the clock and the back-off of the
//! shells.
//!
//! Imports nothing of ours. Counters and logs for one event are emitted by one function of the room
//! that knows it; this room only keeps the numbers.

mod backoff;
mod clock;
mod health;
mod logging;
mod metrics;
mod render;
mod secret;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, OnwardClock, SteadyClock, SystemClock};
pub use health::{ComponentHealth, Health, State};
pub use logging::{LogError, LogFormat, init};
pub use metrics::{Kind, METRICS, Metrics};
pub use secret::{Secret, SecretSource};
