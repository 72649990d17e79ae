//! Filters that a session still has from an older configuration.
//!
//! A broker keeps the subscriptions of a session until it is told otherwise: topics that were taken out of
//! the configuration would come for ever, and be counted as faults. They are said to be wanted no more once
//! a start, at the first connection to a session that was kept, and not again: a broker whose answer ends
//! the connection must not do so at each.

use super::wire::Client;
use std::sync::{Mutex, PoisonError};

/// What one connection says of outdated filters, and what the broker answers.
#[derive(Debug, Default)]
pub(super) struct Outdated {
    filters: Vec<String>,
    answers: Mutex<Vec<Result<(), u8>>>,
}

impl Outdated {
    pub(super) fn new(filters: Vec<String>) -> Self {
        Self { filters, answers: Mutex::default() }
    }

    /// As the broker got them.
    pub(super) fn filters(&self) -> &[String] {
        &self.filters
    }

    /// Says that all are wanted no more.
    pub(super) async fn tell(&self, client: &Client) {
        for filter in &self.filters {
            if client.unsubscribe(filter).await.is_err() {
                // The connection is gone, and this future is about to be dropped with it.
                return;
            }
        }
    }

    /// The broker has answered to one. After the last of them: the codes of all refusals.
    pub(super) fn answered(&self, answer: Result<(), u8>) -> Option<Vec<u8>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(answer);
        (answers.len() == self.filters.len())
            .then(|| answers.iter().filter_map(|answer| answer.err()).collect())
    }
}
