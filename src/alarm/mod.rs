//! The alarm book: which alarms stand, since when, how often they came, and what to tell whom.
//!
//! | state | news | next |
//! | --- | --- | --- |
//! | normal | raise | active, occurrence + 1 |
//! | active | raise with another severity | active, the change is recorded |
//! | active | raise with the same severity | active |
//! | active | clear | normal |
//! | normal | clear | normal |
//! | any | keep | the same |
//!
//! Every piece of news becomes one [`Notification`] with an id that is a function of what it says,
//! so that an event told twice is known as one.

mod book;
mod event;

pub use book::{AlarmRecord, Book, News, Sets, Standing};
pub use event::{EventKind, Notification, Severity, Subject, event_id};
