//! The tissue machine and its faults.
//!
//! A small machine with 15 tags that keeps the balances of mass and heat, makes reels, sends samples
//! to a laboratory, and breaks in ways that are drawn from its seed. It knows the truth about each
//! batch, so it is what verdicts are scored against. [`Machine`] is pure: a second is a function of the
//! seed and the seconds before it. Only [`publish`] sends anything anywhere.
//!
//! The machine never looks at what is said about it: no verdict reaches it.

mod limits;
mod machine;
mod noise;
mod process;
mod publisher;
mod reel;
mod schedule;
mod score;
mod tags;
mod truth;

pub use limits::{Limits, Product};
pub use machine::{Machine, Published, SimulationSpec};
pub use publisher::{Gate, Pace, PublishError, PublishSummary, PublishTarget, publish};
pub use schedule::ProcessFault;
pub use score::{BatchEnd, Said, Score, Verdicts};
pub use tags::{GRADE, MachineTag, TAGS, rules};
pub use truth::{BatchTruth, Class, SensorTruth, Truth, TruthError};
