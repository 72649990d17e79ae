//! The batch's life: start, pause, end, laboratory, disposition, revision; position in the batch.
//!
//! | state | input | next |
//! | --- | --- | --- |
//! | none | start | in progress |
//! | none | end of an unknown batch | finished, beginning unknown |
//! | in progress | start of the same id | in progress, nothing changes |
//! | in progress | later start of another id, same station | finished at that instant; the other one in progress |
//! | in progress | earlier start of another id, same station | in progress; the other one finished where this one began |
//! | in progress | end of its id | finished |
//! | in progress | end of its id, before its start | in progress; a fault |
//! | in progress | end of another, unknown id | in progress; the other one finished, beginning unknown |
//! | in progress | pause, resume | in progress; what is made in between is no product |
//! | in progress | pause or resume that is older than the newest, or the same again | nothing changes |
//! | in progress | pause before its start, told late | nothing changes: the start has ended it |
//! | in progress, finished | laboratory result, disposition, action | the same, revised if it says something new |
//! | finished, beginning unknown | start of its id | finished, beginning known |
//! | finished | start of its id | finished, nothing changes |
//! | in progress, finished, grade not told | change of grade before its start | the same, revised if it is another grade |
//! | finished | end of its id | finished, revised if length, mass or end are new |
//! | in progress, finished | laboratory result of an instant that has one, or end, that was told before | nothing changes, also if it was corrected since |
//! | finished, end not told | start of another id before it ended | finished at that instant |
//! | finished, in progress | void | void for ever |
//! | finished, in progress | merge into a known batch | void for ever; into one that merged into it: a fault |
//! | void, part of another one | merge into a batch, or another one | the same; a fault |
//! | unknown | laboratory result, disposition, action, phase | waits for the batch |
//! | in progress, finished | phase of the batch, at any time | the same, noted where it changes what it went through between begin and end |
//! | in progress, finished, none | phase of a station, at any time | noted by the batch that was made then; behind the end of one, the first of the next |
//! | any | merge into an unknown batch | waits for that batch |
//!
//! A batch whose start names no grade is of the one that its line made when it began; a change of grade that comes late, as
//! its own or as the start of another batch, changes the grade of those that began since, up to the next change. What a
//! station makes changes no grade of the line. What is made while no frame comes was made
//! unseen: it counts as time of the batch, of which nothing is known.
//!
//! What was told before and corrected since comes again when a broker or a gateway sends it again, which happens; who
//! goes back to a value gives it a later `ts`, as a further result.
//!
//! The room follows what is told and what is measured; it does not judge: shares outside are counted
//! against the limits it is given, the verdict is made elsewhere.

mod book;
mod declared;
mod genealogy;
mod life;
mod origins;
mod past;
mod phases;
mod product;
mod sections;
mod source;

pub use book::{Book, Change, Counted, Pause};
pub use genealogy::{Consumed, Edge, Edges, Genealogy, Metres, Step, TRACED_MAX, Towards};
pub use life::{Batch, LabResult, LabValue, Paused, PersonsWord};
pub use origins::{Lots, Origins};
pub use past::{Entry, Past};
use phases::PhasesTold;
pub use product::{Beyond, Limits, Made, Mean, OutOfSpec, Product, Stretch, WINDOW, left_after};
pub use sections::{Along, Section, Seen, SumUp};
pub use source::{Finder, NameFinder, name_of};
