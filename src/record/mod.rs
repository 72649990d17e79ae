//! Recordings in, and the files of a replay out.
//!
//! A recording is CSV, plain or gzipped: *wide* (a time column and a column for each tag) or *long*
//! (`time,tag,value[,quality]`); the header tells which. It is read as a stream, twice where the
//! kind of its columns has to be known first.

mod csv;
mod error;
mod events;
mod files;
mod time;

pub use self::csv::{Options, Record, Recording};
pub use error::RecordError;
pub use events::read_events;
pub use files::{Files, Summary};
