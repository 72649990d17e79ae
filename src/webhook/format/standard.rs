//! Standard Webhooks 1.0.0: the body as it waits, one event a request.

use super::super::signature::SigningKey;
use super::{JSON, Rendered, Request, Service};
use crate::reading::Timestamp;
use crate::store::Item;

#[derive(Debug)]
pub(super) struct Standard {
    pub(super) key: Option<SigningKey>,
}

impl Service for Standard {
    fn render(&self, events: &[Item], now: Timestamp) -> Rendered {
        let Some(event) = events.first() else { return Ok(None) };
        let headers = headers(self.key.as_ref(), &event.key, now, &event.body);
        let (content_type, body) = (JSON.to_owned(), event.body.clone());
        Ok(Some(Request { query: vec![], headers, content_type, body }))
    }
}

/// The headers of the specification.
pub(super) fn headers(
    key: Option<&SigningKey>,
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    // A receiver refuses what is minutes from its own time.
    let timestamp = now.as_nanos().div_euclid(1_000_000_000);
    let mut headers =
        vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.to_string())];
    if let Some(key) = key {
        headers.push(("webhook-signature", key.sign(id, timestamp, body)));
    }
    headers
}
