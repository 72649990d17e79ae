//! Wiring, tasks, shutdown order: the only room that knows everything.
//!
//! [`Pipeline`] is the engine, the store and the encoders of what goes out, without a thread or a
//! socket: `run`, `demo`, `replay` and the tests all drive this one thing. [`run`] puts the shells
//! around it.

mod asked;
pub mod backtest;
pub mod batches;
mod blob;
#[cfg(feature = "demo")]
pub mod broker;
mod compare;
mod core;
pub mod demo;
mod encode;
mod error;
mod explain;
mod feed;
mod filling;
mod fits;
mod heard;
mod journal;
pub mod listen;
mod moment;
pub mod parked;
mod pipeline;
mod recording;
pub mod registry;
mod replay;
pub mod reports;
mod resume;
mod run;
mod secrets;
mod stored;
mod trial;
mod watch;

pub use self::core::{Control, Core, CoreReport};
pub use compare::{BatchChange, Comparison, Figures, Pair, Told};
pub use encode::Outputs;
pub use error::AppError;
pub use explain::explain;
pub use feed::{Apply, Events, Feed, RecordingFeed, Span};
pub use fits::{Columns, Wanted, answer};
pub use heard::Heard;
pub use journal::Journal;
pub use pipeline::{FitMode, Pipeline, Recovered, Waiter};
pub use recording::{Recorded, record};
pub use replay::{AUTO, Judging, Telling, auto_plant, replay, table};
pub use resume::{Keeper, Resume, Sameness};
pub use run::{Surroundings, run};
pub use secrets::{Absent, absent, resolve};
pub use stored::Stored;
pub use trial::{Tried, try_webhooks};

use crate::config::Checked;

/// The address of the page, for links in events.
fn page(checked: &Checked) -> Option<String> {
    let http = checked.http.as_ref()?;
    Some(http.public_url.clone().unwrap_or_else(|| format!("http://{}/", http.listen)))
}
