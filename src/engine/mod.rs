//! The deterministic core: events in, effects out.
//!
//! Owns all process state: quality of tags, frames, open batches, scores, verdicts, alarms. It reads
//! no clock, no network, no disk, no environment, and cannot fail: bad input is a counted fault.

mod effect;
mod event;
mod view;

pub use effect::{
    AlarmRecord, BatchRecord, ContributionRecord, Effect, FaultRecord, FitRequest, FrameRecord,
    ReadingRecord, ScoreRecord, SensorHealthRecord,
};
pub use event::{Command, Event, EventError, ModelAnswer};
pub use view::{LineView, TagView, TrendPoint, View};
