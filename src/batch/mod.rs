//! The batch's life: start, pause, end, laboratory, disposition, revision; position in the batch.
//!
//! | state | input | next |
//! | --- | --- | --- |
//! | none | start | in progress |
//! | none | end of an unknown batch | finished, beginning unknown |
//! | in progress | start of the same id | in progress, nothing changes |
//! | in progress | start of another id, same station | finished at that instant; the other one in progress |
//! | in progress | end of its id | finished |
//! | in progress | end of another, unknown id | in progress; the other one finished, beginning unknown |
//! | in progress | pause, resume | in progress; what is made in between is no product |
//! | in progress, finished | laboratory result, disposition, action | the same, revised if it says something new |
//! | finished | start of its id | finished, nothing changes |
//! | finished | end of its id | finished, revised if length, mass or end are new |
//! | finished, in progress | void, merge | void for ever |
//! | unknown | laboratory result, disposition, action | waits for the batch |
//!
//! The room follows what is told and what is measured; it does not judge: shares outside are counted
//! against the limits it is given, the verdict is made elsewhere.

mod book;
mod life;
mod source;

pub use book::{Book, Change, Counted, Limits};
pub use life::{Batch, LabResult, OutOfSpec, PersonsWord, Stretch};
pub use source::Finder;
