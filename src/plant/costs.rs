//! What wrong decisions about batches cost the plant.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What can be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// It goes on its way; while it is made, it is made to its end.
    Release,
    /// The laboratory tests it before it goes on.
    TestFirst,
    /// It is held.
    Hold,
    /// It is ended now, and the cause is mended.
    EndNow,
}

impl Advice {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::TestFirst => "test-first",
            Self::Hold => "hold",
            Self::EndNow => "end-now",
        }
    }
}

/// What decisions about batches cost, in one currency. They are compared with each other: what they are worth matters
/// less than how they stand to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// The currency, for people; empty if none is named.
    pub currency: Arc<str>,
    /// An off-spec batch that is released: complaint, return, lost converting. What it is worth as broke comes on top.
    pub missed_batch: f64,
    /// A good batch that is held: space, work, a late delivery.
    pub false_hold: f64,
    /// One more laboratory test before a batch goes on.
    pub test: f64,
    /// A tonne that is repulped.
    pub broke_tonne: f64,
    /// A minute in which the machine makes what nobody takes, or stands.
    pub machine_minute: f64,
    /// The machine's time that it takes to end a batch before its time.
    pub early_end: Duration,
}

impl Costs {
    /// A test costs so much of a false hold where nothing is said.
    pub const TEST_SHARE: f64 = 0.1;

    /// The time that it takes to end a batch early where nothing is said.
    pub const EARLY_END: Duration = Duration::from_secs(600);

    /// The chance of off spec from which on it costs less to hold a batch than to release it, 0–1: F / (F + M) for a false
    /// hold F and a missed batch M, where p · M = (1 − p) · F.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.false_hold / (self.false_hold + self.missed_batch)
    }
}
