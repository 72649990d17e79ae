//! InfluxDB 2: the line protocol (pure) and the writer that empties its outboxes (shell).

use crate::telemetry::SecretSource;
use std::time::Duration;

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
