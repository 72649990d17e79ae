//! The engine and the store of onspec in a world that fails.
//!
//! A world is made of one seed: a mill with its messages ([`mill`]), a broker that keeps the promise
//! of QoS 1 ([`broker`]), a disk in memory that loses what was not synced, fails and fills up
//! ([`disk`], put under SQLite by [`vfs`]), an InfluxDB and webhook receivers with moods ([`sinks`]).
//! In it lives the daemon, again and again ([`world`], `life`): the real pipeline and store, and the
//! real senders, under paused time. It crashes at any step of its disk, or between two.
//!
//! Beside it stands a pipeline that never crashes and is told the same events (`ledger`), and a model
//! of what has to wait in the outboxes (`waiting`). What must be true at the end of a world stands in
//! `oracles`. A seed gives the same steps every time.
//!
//! Beside the worlds, [`storm`]s of events are told to the engine alone.

pub mod broker;
pub mod disk;
mod ledger;
mod life;
mod locks;
mod memory;
pub mod mill;
mod oracles;
pub mod random;
pub mod seeds;
pub mod sinks;
pub mod storm;
pub mod trace;
pub mod vfs;
mod waiting;
pub mod world;

pub use world::{Bug, Tally, Violation, run};
