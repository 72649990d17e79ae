//! What happened, step by step, for whoever has to find out why.

use std::sync::{Arc, Mutex, PoisonError};

/// The steps of a seed.
#[derive(Debug, Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    /// Something happened.
    pub fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    /// All that happened.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
