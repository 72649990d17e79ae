//! Everything that the future depends on, as bytes.

use super::{Engine, State};
use crate::decode::Rule;
use crate::plant::Plant;

/// The form of checkpoints; another number is refused.
const CHECKPOINT_VERSION: u32 = 1;

/// Bytes that are no checkpoint of this release.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not readable.
    #[error("the checkpoint cannot be read")]
    Unreadable(#[source] rmp_serde::decode::Error),
    /// Another version.
    #[error("the checkpoint has version {found}, this release reads version {CHECKPOINT_VERSION}")]
    Version {
        /// What it says.
        found: u32,
    },
}

impl Engine {
    /// Everything that the future depends on.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let whole = (CHECKPOINT_VERSION, &*self.plant, &self.rules, &self.state);
        rmp_serde::to_vec_named(&whole).expect("the state has only keys that MessagePack can write")
    }

    /// The engine as it was at a checkpoint, under the configuration of that time.
    ///
    /// # Errors
    /// When the bytes are no checkpoint of this release.
    pub fn restore(bytes: &[u8]) -> Result<Self, CheckpointError> {
        // The version stands first, so that a newer form is named before it fails to be read.
        let found = bytes.get(1).map_or(0, |byte| u32::from(*byte));
        if found != CHECKPOINT_VERSION {
            return Err(CheckpointError::Version { found });
        }
        let (_, plant, rules, mut state): (u32, Plant, Vec<Rule>, State) =
            rmp_serde::from_slice(bytes).map_err(CheckpointError::Unreadable)?;
        for (line, state) in plant.lines.iter().zip(&mut state.lines) {
            state.revive(line);
        }
        Ok(Self::with_state(plant, rules, state))
    }
}
