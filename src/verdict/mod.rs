//! Scores, specification limits and coverage become a verdict with its evidence.
//!
//! Missing data gives [`Call::Unknown`], never [`Call::OnSpec`].

mod document;

pub use document::{Call, Document, Learning, Reason, SpanDocument};
