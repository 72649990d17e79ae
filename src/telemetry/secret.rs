//! Secrets: read from the environment or a file when a shell is built, never printed.

use std::fmt;
use std::path::PathBuf;

/// A secret's text. `Debug` and `Display` hide it; only [`Secret::expose`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret comes from; read when the shell is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// From the environment.
    Env(String),
    /// From a file; white space at its ends does not count.
    File(PathBuf),
    /// Given by the program itself (tests, demo).
    Given(Secret),
}
