//! The mill: a tissue machine with its raw material, its people, its faults.
//!
//! Fibre, water and heat balance; pipes and chests take their time; loops hide disturbances in their
//! outputs; pulp lots, operators, speed, breaks and grade changes move the tags and leave the paper
//! good, and faults spoil it. Each seed is another mill. It knows the truth about each batch, so it is
//! what verdicts are scored against. [`Machine`] is pure: a second is a function of the seed and the
//! seconds before it. Only [`publish`] sends anything anywhere.
//!
//! The machine never looks at what is said about it: no verdict reaches it. And nothing that judges
//! may look at the machine: no model imports this room.
//!
//! - `mill`: what differs from seed to seed; `noise`: chance
//! - `furnish`, `stock`, `wet_end`, `dryer`, `process`: the paper on its way
//! - `grades`, `operation`: what people want and do; `faults`, `instruments`: what fails
//! - `machine`: reels, laboratory, events; `reel`: one of them
//! - `sick`: a sensor that is made sick on purpose
//! - `form`, `edge_node`, `delivery`, `publisher`: from the instrument to the broker
//! - `truth`, `score`, `report`: what was so, what was said of it, and both for people
//! - `watchers`, `laboratory_only`: what three plain watchers, and a laboratory alone, would have said
//! - `foretold`: how what was foretold came true

mod delivery;
mod dryer;
mod edge_node;
mod faults;
mod foretold;
mod form;
mod furnish;
mod grades;
mod instruments;
mod laboratory_only;
mod machine;
mod mill;
mod noise;
mod operation;
mod process;
mod publisher;
mod reel;
mod report;
mod score;
mod sick;
mod stock;
mod tags;
mod truth;
mod watchers;
mod wet_end;

pub use faults::ProcessFault;
pub use form::Form;
pub use grades::{Limits, Product};
pub use machine::{Machine, Published, SimulationSpec};
pub use publisher::{Gate, Pace, PublishError, PublishSummary, PublishTarget, publish};
pub use report::Report;
pub use score::{BatchEnd, Said, Score, Tally, Verdicts};
pub use sick::Sickness;
pub use tags::{MachineTag, TAGS, grade_names, rules};
pub use truth::{BatchTruth, Class, SensorTruth, Truth, TruthError};
pub use watchers::{SpecRange, WatchPlan, Watched, Watchers};
