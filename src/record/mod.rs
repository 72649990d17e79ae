//! Recordings in, and the files of a replay out; and tables of laboratory results.
//!
//! A recording is CSV, plain or gzipped, or Parquet: *wide* (a time column and a column for each tag) or
//! *long* (`time,tag,value[,quality]`); the header tells which. [`Recording`] knows rows of cells, and
//! `csv` and `parquet` read them. It is read as a stream, and before that once more by
//! [`Recording::survey`]: which columns hold numbers, and whether its times are in order, is known only
//! at its end. Only a file that is out of order is held in memory, and only up to a bound.

mod cell;
mod csv;
mod error;
mod events;
mod files;
mod guard;
mod parquet;
mod recording;
mod results;
mod shape;
mod source;
mod survey;
mod time;

pub use cell::Place;
pub use error::RecordError;
pub use events::read_events;
pub use files::{Files, FilesState, Summary, cut};
pub use recording::{Options, Record, Recording};
pub use results::{TableResult, read_results};
pub use survey::Survey;
pub use time::parse_time;
