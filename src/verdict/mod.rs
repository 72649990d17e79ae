//! Scores, specification limits and coverage become a verdict with its evidence.
//!
//! Missing data gives [`Call::Unknown`], never [`Call::OnSpec`]. A flag is withdrawn only after ten
//! minutes below 0.8 of its limit. While no model judges, specification limits alone may flag.

mod decision;
mod document;
mod evidence;
mod foretold;
mod judge;
mod prospects;
mod reliability;
mod scoreboard;
mod sections;
mod spans;
mod uniformity;
mod watch;

pub use crate::models::Sign;
pub use crate::plant::Advice;
pub use decision::{Choice, Decision, Item, Part, Standing, decide};
pub use document::{
    Call, Document, LabOutside, Learning, Left, Mover, Reason, Similar, SpanDocument,
};
pub use evidence::{Evidence, ProcessEvidence};
pub use foretold::{Foretelling, ForetoldProperty};
pub use judge::{Judge, Opinion, follow_limits};
pub use prospects::{EarlierBatch, Prospect};
pub use reliability::{Reliability, ReliabilityBin};
pub use scoreboard::{Counted, Figures, Found, OfProperty, Period, Rate, Row, Scoreboard, Scored};
pub use sections::{
    PauseDocument, SectionDocument, SectionOfTag, Slab, TagSummary, pauses, summaries,
};
pub use uniformity::{
    Aim, Apart, Component, Figure, LotEffect, LotsOf, OfGrade, OfLot, ProfileParts, Property,
    PropertyParts, Sample, ScansOfBatch, Uniformity,
};
