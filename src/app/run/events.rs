//! The log of notifications, for the API.

use super::super::error::chain;
use crate::http::EventLog;
use crate::store::{NotificationFilter, NotificationPiece, Reader};
use tokio::sync::watch;

/// The log of the store that runs.
#[derive(Debug)]
pub(super) struct RunningLog {
    reader: Reader,
    newest: watch::Receiver<u64>,
}

impl RunningLog {
    pub(super) fn new(reader: Reader, newest: watch::Receiver<u64>) -> Self {
        Self { reader, newest }
    }
}

impl EventLog for RunningLog {
    fn after(
        &self,
        after: u64,
        wanted: &NotificationFilter,
        limit: usize,
    ) -> Result<NotificationPiece, String> {
        self.reader.notifications(after, wanted, limit).map_err(|error| chain(&error))
    }

    fn newest(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }
}
