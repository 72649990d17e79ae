//! What goes on paper: the report of a batch, the certificate of analysis of a delivery, the score of a week.
//!
//! Each is one HTML document that needs nothing beside it: no script, no font, no picture from elsewhere. A browser shows it
//! and prints it. It is a function of what the store keeps, of the settings, and of the instant at which it is made; the
//! digest on it is over the data alone, so that two copies can be compared whatever their language and age. This room
//! reads no clock, no disk, and no time zone that is not given to it.

mod batch;
mod certificate;
#[cfg(test)]
pub(crate) mod fixture;
mod paper;
mod sentence;
mod statistics;
mod strip;
#[cfg(test)]
mod tests;
mod week;
mod weekly;
mod words;

pub use batch::{BatchData, batch};
pub use certificate::{Delivery, Objection, certificate, objections};
pub use week::{WEEKS, Week};
pub use weekly::{WeekData, weekly};

/// The policy under which a browser may show a document of this room: its own style, and nothing from anywhere.
#[must_use]
pub fn content_security_policy() -> &'static str {
    &paper::POLICY
}
