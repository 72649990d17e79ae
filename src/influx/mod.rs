//! InfluxDB 2: the line protocol (pure), the writer that empties its outboxes (shell), and [`Query`], which
//! reads back what was written.
//!
//! [`Encoded`] turns what the engine emits into lines, for the two outboxes that the store commits
//! together with the events they follow from: `influx/readings` and `influx/results`. [`run`] takes
//! them from there and sends them until the server has them. What the server refuses for good is
//! singled out, parked in the store with the server's words, and the rest goes on.
//!
//! Nothing here ever decides what is true about the mill, drops a line on its own account, or ends
//! because the server is away.

mod backlog;
mod chunk;
mod client;
mod dissect;
mod failure;
#[cfg(test)]
mod fake;
mod lane;
mod line_protocol;
#[cfg(test)]
mod parse;
mod query;
mod schema;
mod table;
mod writer;

pub use client::{ClientError, Sink, probe, usable};
pub use failure::{Failure, Kind};
#[cfg(test)]
use line_protocol::FieldValue;
pub use query::{Query, READINGS_MAX, StoredBatch, StoredReading};
pub use schema::{Encoded, Lines};
pub use writer::{Writer, WriterError, run, serve};

use crate::telemetry::SecretSource;
use std::time::Duration;

/// The outbox of readings, scores and contributions: written once, never changed.
pub const READINGS: &str = "influx/readings";

/// The key of an entry of [`READINGS`] that must not be sent before older ones, for it may hold the
/// second value of a series at a time. An entry without a key may.
pub const IN_ORDER: &str = "in-order";

/// The outbox of batches, alarms and the health of sensors: changes, so its order is kept.
pub const RESULTS: &str = "influx/results";

/// The name of this part in health and metrics.
pub const COMPONENT: &str = "influxdb";

/// Where the time series go, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Scheme, host and port, without a path.
    pub url: String,
    /// The organisation.
    pub org: String,
    /// The bucket.
    pub bucket: String,
    /// The token.
    pub token: SecretSource,
    /// How long one request may take.
    pub timeout: Duration,
    /// The greatest number of lines in one request.
    pub batch_lines: usize,
}
