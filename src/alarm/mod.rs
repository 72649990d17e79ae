//! The alarm book: which alarms stand, since when, and what to tell whom.

mod event;

pub use event::{EventKind, Notification, Severity, Subject};
