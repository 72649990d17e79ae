//! Receivers are tried, one after another.

use super::error::AppError;
use super::secrets::{Absent, resolve, template};
use crate::config::Checked;
use crate::reading::Timestamp;
use crate::telemetry::{Clock, SystemClock};
use crate::webhook::{self, Trial};

/// What came of trying a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// True if it took the event.
    pub delivered: bool,
    /// What it said, or why it was not asked.
    pub words: String,
}

/// Sends a sample event to each receiver of a configuration.
///
/// # Errors
/// When nothing can be sent at all: TLS cannot be set up.
pub async fn try_webhooks(checked: &Checked) -> Result<Vec<Tried>, AppError> {
    let client =
        |private| webhook::client(private).map_err(|error| AppError::Other(error.to_string()));
    let (meant, anywhere) = (client(false)?, client(true)?);
    let page = super::page(checked);
    let mut tried = Vec::new();
    for hook in &checked.webhooks {
        let name = webhook::outbox_name(&hook.name);
        let ready = || -> Result<_, AppError> {
            let url = resolve(&format!("{name}.url"), &hook.url)?;
            let secret = hook.secret.as_ref();
            let secret =
                secret.map(|source| resolve(&format!("{name}.secret"), source)).transpose()?;
            let template = template(hook).map_err(|Absent { key, reason, .. }| {
                AppError::Other(format!("{key}: {reason}"))
            })?;
            Ok((url, secret, webhook::Settings { template, ..hook.clone() }))
        };
        let Trial { delivered, words } = match ready() {
            Err(error) => Trial { delivered: false, words: super::error::chain(&error) },
            Ok((url, secret, hook)) => {
                let now = Timestamp::from_nanos(SystemClock.now_nanos());
                let site = (&*checked.plant.site, page.as_deref());
                let client = if hook.private { &anywhere } else { &meant }.clone();
                webhook::try_out(&hook, (&url, secret.as_ref()), client, site, now).await
            }
        };
        tried.push(Tried { name: hook.name.clone(), delivered, words });
    }
    Ok(tried)
}
