//! What a broker has, and a configuration proposed for it.
//!
//! [`Survey`] listens: it remembers of each topic what its payloads look like, and of each value in them
//! how often it comes, between which bounds, and whether it looks like a time, a quality code, a name.
//! [`propose`] reads that: which topics are spelt alike (a template), what is in their payloads (a rule),
//! which tags a line has and what they are likely for. [`Proposal::to_toml`] writes it down, with how sure
//! each part is, as a configuration that can be used as it is.
//!
//! Nothing is invented: every line, tag and key of a proposal was heard. What cannot be heard (units that
//! are not sent, an instrument's range, limits of a grade) is left out, and named for a person to add.
//!
//! - `leaf`: what is known of one value
//! - `survey`: what is known of each topic
//! - `own`: what an onspec says, which is left out
//! - `topics`: templates from topics
//! - `role`: what a tag is likely for
//! - `propose`: rules and lines from a survey
//! - `render`: a proposal as TOML

mod leaf;
mod nodes;
mod own;
mod propose;
mod render;
mod role;
mod survey;
mod topics;

pub use propose::{Proposal, propose};
pub use survey::Survey;
