//! axum: the page, the API, metrics and health. Sees only the engine's view, store reads and health.

use std::net::SocketAddr;

/// Where the page and the API are, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address; loopback unless a person said otherwise.
    pub listen: SocketAddr,
}
