//! How each part of the daemon is: one word and one sentence, for `/readyz`, the page and the log.

use std::collections::BTreeMap;
use tokio::sync::watch;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Works.
    Ok,
    /// Has not said anything yet.
    Starting,
    /// Does not work now, and is trying.
    Degraded,
    /// Will not work without a person.
    Failed,
}

impl State {
    /// The word for logs, page and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Starting => "starting",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// What is known about one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentHealth {
    /// The part's name, e.g. `mqtt/plant`, `influxdb`, `store`, `webhook/shift-leads`.
    pub component: String,
    /// How it is.
    pub state: State,
    /// Why, for a person; empty if there is nothing to say. Never a secret.
    pub reason: String,
    /// Since when, nanoseconds since 1970.
    pub since_nanos: i64,
}

/// The register of all parts. Cheap to clone; all clones are one register.
#[derive(Debug, Clone, Default)]
pub struct Health {
    parts: watch::Sender<BTreeMap<String, ComponentHealth>>,
}

impl Health {
    /// Sets the state of a part; true if the state (not only the reason) changed.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it changes")]
    pub fn set(&self, component: &str, state: State, reason: &str, now_nanos: i64) -> bool {
        let mut changed = true;
        self.parts.send_modify(|parts| match parts.get_mut(component) {
            Some(part) => {
                changed = part.state != state;
                part.state = state;
                reason.clone_into(&mut part.reason);
                if changed {
                    part.since_nanos = now_nanos;
                }
            }
            None => {
                parts.insert(
                    component.to_owned(),
                    ComponentHealth {
                        component: component.to_owned(),
                        state,
                        reason: reason.to_owned(),
                        since_nanos: now_nanos,
                    },
                );
            }
        });
        changed
    }

    /// Forgets all parts but those that `stay`: those of another configuration come.
    pub fn forget(&self, stay: &[String]) {
        self.parts.send_modify(|parts| parts.retain(|component, _| stay.contains(component)));
    }

    /// All parts, by name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ComponentHealth> {
        self.parts.borrow().values().cloned().collect()
    }

    /// Waits until a part has said that it works. Cancel-safe.
    pub async fn works(&self, component: &str) {
        let mut parts = self.parts.subscribe();
        let works = |parts: &BTreeMap<String, ComponentHealth>| {
            parts.get(component).is_some_and(|part| part.state == State::Ok)
        };
        // The sender is ours, so that the wait can only end with a yes.
        drop(parts.wait_for(works).await);
    }
}
