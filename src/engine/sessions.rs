//! The sessions that brokers keep for us, and what they have subscribed to.
//!
//! A session that was there and is there no more has lost what it held; and one that is there has the
//! filters of the configuration before.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The sessions by the link's part and the client id, with the filters that each may have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Sessions {
    known: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Sessions {
    /// A link was made, and these filters are subscribed to; true if there was a session of this name
    /// before.
    pub(super) fn made(&mut self, name: (&str, &str), present: bool, filters: &[Arc<str>]) -> bool {
        let before = self.known.contains_key(&key(name));
        let has = self.known.entry(key(name)).or_default();
        if !present {
            has.clear();
        }
        has.extend(filters.iter().cloned());
        before
    }

    /// A session has these filters and no other.
    pub(super) fn settled(&mut self, name: (&str, &str), filters: &[Arc<str>]) {
        self.known.insert(key(name), filters.iter().cloned().collect());
    }

    /// The filters that a session may have.
    pub(super) fn filters(&self, component: &str, client_id: &str) -> impl Iterator<Item = &str> {
        self.known.get(&key((component, client_id))).into_iter().flatten().map(|filter| &**filter)
    }
}

fn key((component, client_id): (&str, &str)) -> Arc<str> {
    format!("{component}\n{client_id}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(sessions: &Sessions) -> Vec<&str> {
        sessions.filters("mqtt/plant", "onspec-1").collect()
    }

    #[test]
    fn session_has_what_was_ever_asked_for_until_the_rest_is_gone() {
        let name = ("mqtt/plant", "onspec-1");
        let (old, new): ([Arc<str>; 2], [Arc<str>; 2]) =
            (["a/#".into(), "b/#".into()], ["b/#".into(), "c/#".into()]);
        let mut sessions = Sessions::default();
        assert!(!sessions.made(name, false, &old), "there was none");
        assert!(sessions.made(name, true, &new));
        assert_eq!(filters(&sessions), ["a/#", "b/#", "c/#"]);
        sessions.settled(name, &new);
        assert_eq!(filters(&sessions), ["b/#", "c/#"]);
        assert!(sessions.made(name, false, &old), "it was lost");
        assert_eq!(filters(&sessions), ["a/#", "b/#"]);
        assert_eq!(sessions.filters("mqtt/plant", "other").count(), 0);
    }
}
