//! What a plant server meets, with real processes: each fault is made, gets better, and then every reading is looked
//! for in InfluxDB, one by one, and every event of a batch at the webhook, with the id and the words that it has
//! without the fault.
//!
//! `kill -9` of the daemon stands in `line_runs.rs`.

mod broker;
mod clock;
mod disk;
mod influx;
mod link;
pub(crate) mod plant;
pub(crate) mod site;
mod webhook;
