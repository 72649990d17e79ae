//! What the brokers say they dropped.
//!
//! A broker whose queue for a client is full drops messages and tells nobody but its own count. The
//! count is of all its clients, and begins anew when the broker does.

use super::leapt;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The alarm of a broker ends when its count has not grown for so long.
const CALM: Duration = Duration::from_secs(600);

/// The counts of all brokers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Drops {
    brokers: BTreeMap<Arc<str>, Heard>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Heard {
    count: u64,
    /// When it was heard.
    at: Timestamp,
    /// When it was last heard to have grown, while its alarm stands.
    grown: Option<Timestamp>,
}

impl Drops {
    /// A broker has said its count; how many messages it has dropped since it said the one before, and
    /// when that was. What it had dropped before it was first heard is not ours.
    ///
    /// A count in a message that came before (`repeated`) is one that the broker sends again, or one that
    /// it has reached again since it was started: it is followed, and tells of nothing.
    pub(super) fn heard(
        &mut self,
        broker: &Arc<str>,
        (count, repeated): (u64, bool),
        at: Timestamp,
    ) -> Option<(u64, Timestamp)> {
        let Some(known) = self.brokers.get_mut(broker) else {
            self.brokers.insert(Arc::clone(broker), Heard { count, at, grown: None });
            return None;
        };
        // A smaller count is that of a broker that was started again.
        let dropped = count.checked_sub(known.count).unwrap_or(count);
        let since = std::mem::replace(&mut known.at, at);
        known.count = count;
        if dropped == 0 || repeated {
            return None;
        }
        known.grown = Some(at);
        Some((dropped, since))
    }

    /// The receiver's clock leapt by so much that did not pass.
    pub(super) fn leap(&mut self, by_nanos: i64) {
        for heard in self.brokers.values_mut() {
            heard.at = leapt(heard.at, by_nanos);
            heard.grown = heard.grown.map(|grown| leapt(grown, by_nanos));
        }
    }

    /// The brokers whose count has not grown for long enough, once each.
    pub(super) fn calm(&mut self, now: Timestamp) -> Vec<Arc<str>> {
        let mut calm = Vec::new();
        for (broker, heard) in &mut self.brokers {
            if heard.grown.is_some_and(|grown| grown.plus(CALM) <= now) {
                heard.grown = None;
                calm.push(Arc::clone(broker));
            }
        }
        calm
    }
}
