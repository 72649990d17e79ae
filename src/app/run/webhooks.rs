//! The receivers of webhooks, for the API, and the way to the core for what people decide about events that they refused.

use super::super::core::{Control, ask_what_came};
use super::super::error::chain;
use super::super::parked::{self, Decided, Fate};
use crate::http::{ParkedOrder, ReceiverView, Telling, Told, Webhooks};
use crate::store::{Reader, StoreError};
use crate::webhook::outbox_name;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::sync::mpsc;

/// The receivers of the configuration that runs.
#[derive(Debug)]
pub(super) struct RunningWebhooks {
    reader: Reader,
    names: Vec<String>,
    control: mpsc::Sender<Control>,
}

impl RunningWebhooks {
    pub(super) fn new(reader: Reader, names: Vec<String>, control: mpsc::Sender<Control>) -> Self {
        Self { reader, names, control }
    }

    fn views(&self) -> Result<Vec<ReceiverView>, StoreError> {
        let parked = parked::counts(&self.reader)?;
        let pending = self.reader.pending()?;
        let waits = pending.iter().filter_map(|(outbox, _)| outbox.strip_prefix("webhook/"));
        let kept: BTreeSet<String> =
            parked.keys().cloned().chain(waits.map(str::to_owned)).collect();
        let of_gone = kept.iter().filter(|name| !self.names.contains(name));
        let names: Vec<&String> = self.names.iter().chain(of_gone).collect();
        let view = |name: &&String| {
            let component = outbox_name(name);
            let waiting = pending.iter().find(|(outbox, _)| *outbox == component);
            ReceiverView {
                configured: self.names.contains(name),
                waiting: waiting.map_or(0, |(_, pending)| pending.items),
                parked: parked.get(*name).copied().unwrap_or(0),
                component,
                name: (*name).clone(),
            }
        };
        Ok(names.iter().map(view).collect())
    }
}

impl Webhooks for RunningWebhooks {
    fn receivers(&self) -> Result<Vec<ReceiverView>, String> {
        self.views().map_err(|error| chain(&error))
    }

    fn parked(
        &self,
        receiver: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Value>, String> {
        parked::list(&self.reader, receiver, before, limit).map_err(|error| chain(&error))
    }

    fn order(&self, order: ParkedOrder) -> Telling<Option<u64>> {
        let (reader, control) = (self.reader.clone(), self.control.clone());
        let ParkedOrder { receiver, ids, resend, by, note, at } = order;
        if resend && !self.names.contains(&receiver) {
            let words = "the configuration does not name it, so nobody would send anything";
            return Box::pin(std::future::ready(Told::Conflict(words.into())));
        }
        Box::pin(async move {
            let of = receiver.clone();
            let ids = ids.map(|ids| ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect());
            let found = tokio::task::spawn_blocking(move || {
                parked::find(&reader, &of, ids.as_ref().map(|ids: &Vec<String>| &ids[..]))
            });
            let entries = match found.await {
                Ok(Ok(Ok(entries))) => entries,
                Ok(Ok(Err(words))) => return Told::Conflict(words),
                Ok(Err(error)) => return Told::Conflict(chain(&error)),
                Err(panicked) => return Told::Conflict(panicked.to_string()),
            };
            let fate = if resend { Fate::Resend } else { Fate::Discard };
            let decided = Box::new(Decided { receiver, entries, fate, by, note, at });
            let told = ask_what_came(&control, |asker| Control::Parked(decided, asker)).await;
            told.map(|((), moved)| moved)
        })
    }
}
