//! Why the daemon, a replay or a demo ended early.

use crate::engine::{CheckpointError, EventError};
use crate::store::StoreError;

/// What went wrong, with what was being done.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A link that cannot be.
    #[error(transparent)]
    Link(#[from] crate::mqtt::LinkError),
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
    /// A file or an entry of the registry that is none.
    #[error(transparent)]
    Artifact(#[from] crate::models::ArtifactError),
    /// A model that is not in the registry.
    #[error("{} of line `{line}`, grade `{grade}` in the store; `onspec models list` says which there are",
        version.map_or("no model judges".to_owned(), |version| format!("there is no model {version}")))]
    NoModel {
        /// The line.
        line: String,
        /// The grade.
        grade: String,
        /// The version, if one was asked for.
        version: Option<u32>,
    },
    /// No model to go back to.
    #[error("line `{line}`, grade `{grade}` had no other model before {version}")]
    NothingBefore {
        /// The line.
        line: String,
        /// The grade.
        grade: String,
        /// The version that judges.
        version: u32,
    },
    /// A recording without a batch to learn from.
    #[error(
        "none of the {batches} batches recorded is of grade `{grade}` and fit for learning: it has to be \
         released, or all its laboratory results inside (say so with `--events`), or with `[models] learn_from = \
         \"unrejected\"` its quality tags inside and nobody's rejection"
    )]
    NoTeachers {
        /// The grade.
        grade: std::sync::Arc<str>,
        /// The batches with frames.
        batches: usize,
    },
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
    /// It was told to stop while the store had no room; what it held was not acknowledged.
    #[error("stopped while the store had no room")]
    GivenUp,
    /// What was wanted of a feed is known: the rest of it is not read.
    #[error("the rest is not read")]
    Enough,
    /// Something else that a person has to mend.
    #[error("{0}")]
    Other(String),
}

impl AppError {
    /// True if it will pass when somebody makes room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_full())
    }
}

/// An error with everything that led to it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own words.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
