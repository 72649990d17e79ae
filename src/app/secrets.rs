//! Secrets are read when the shells are built, from the environment or a file.

use super::error::AppError;
use crate::telemetry::{Secret, SecretSource};

/// Reads a secret; `name` says in an error what it is for.
///
/// # Errors
/// When the variable is not set, the file cannot be read, or the secret is empty.
pub fn resolve(name: &str, source: &SecretSource) -> Result<Secret, AppError> {
    let fail = |reason: String| AppError::Secret { name: name.to_owned(), reason };
    let text = match source {
        SecretSource::Env(variable) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the environment"
            )]
            let value = std::env::var(variable);
            value.map_err(|_| fail(format!("the environment has no variable `{variable}`")))?
        }
        SecretSource::File(path) => std::fs::read_to_string(path)
            .map_err(|error| fail(format!("cannot read `{}`: {error}", path.display())))?
            .trim()
            .to_owned(),
        SecretSource::Given(secret) => return Ok(secret.clone()),
    };
    if text.is_empty() { Err(fail("it is empty".into())) } else { Ok(Secret::new(text)) }
}
