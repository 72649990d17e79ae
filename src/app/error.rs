//! Why the daemon, a replay or a demo ended early.

use crate::engine::{CheckpointError, EventError};
use crate::store::StoreError;

/// What went wrong, with what was being done.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint cannot be used.
    #[error("cannot go on from the stored state")]
    Checkpoint(#[from] CheckpointError),
    /// The journal cannot be read.
    #[error("cannot read the journal")]
    Journal(#[from] EventError),
    /// A recording cannot be read, or a file not written.
    #[error(transparent)]
    Record(#[from] crate::record::RecordError),
    /// There is no model.
    #[error("no model can be fitted")]
    Fit(#[source] crate::models::FitError),
    /// A secret is not to be had.
    #[error("cannot read the secret `{name}`: {reason}")]
    Secret {
        /// What it is for.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A thread, a socket or a file could not be had.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A part that must never end has ended.
    #[error("the part `{part}` ended: {reason}")]
    PartEnded {
        /// Which.
        part: String,
        /// Why.
        reason: String,
    },
    /// Something else that a person has to mend.
    #[error("{0}")]
    Other(String),
}
