//! Recordings in, and the files of a replay out.
//!
//! A recording is CSV, plain or gzipped: *wide* (a time column and a column for each tag) or *long*
//! (`time,tag,value[,quality]`); the header tells which. It is read as a stream, and before that once
//! more by [`Recording::survey`]: which columns hold numbers, and whether its times are in order, is
//! known only at its end. Only a file that is out of order is held in memory, and only up to a bound.

mod csv;
mod error;
mod events;
mod files;
mod guard;
mod survey;
mod time;

pub use self::csv::{Options, Record, Recording};
pub use error::RecordError;
pub use events::read_events;
pub use files::{Files, Summary};
pub use survey::Survey;
