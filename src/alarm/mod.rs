//! The alarm book: which alarms stand, since when, how often they came, what people said of them, and what to tell whom.
//!
//! The states are those of ISA-18.2 ([`IsaState`]), with delays in event time before a condition counts as there or gone, and
//! the table of their transitions in [`Alarm`]. What one batch causes is one alarm, which is updated and not repeated; an
//! alarm that comes three times in ten minutes stays until it has been calm for ten; what an instrument
//! says while the state of its line makes that meaningless ([`Design`]) is suppressed, and told afterwards if it still stands.
//!
//! Every piece of news that people are to hear becomes one [`Notification`] with an id that is a function of what it
//! says, so that an event told twice is known as one. Who was told that an alarm stands is told that it is over, whatever
//! was shelved meanwhile. What became of a batch is a fact, and told in any case. Who wants to hear only of what nobody
//! acknowledges is told by [`EventKind::AlarmUnacknowledged`], once for each delay and occurrence ([`Response`]).

mod attention;
mod book;
mod design;
mod event;
mod kept;
mod load;
mod order;
mod permit;
mod priority;
mod state;
mod telling;
mod words;

pub use attention::{Escalated, Response};
pub use book::{AlarmRecord, Book, News, Said, Sets, Shown, Standing};
pub use design::Design;
pub use event::{Besides, EventKind, Fate, Notification, Severity, Subject, event_id};
pub use kept::{Clocks, Hidden};
pub use load::{FLOOD_ABOVE, FLOOD_BELOW, Load, WINDOW as LOAD_WINDOW};
pub use order::{Action, Order, Unmet};
pub use permit::{Permit, PermitKey, WeakKey};
pub use priority::Priority;
pub use state::{Alarm, Input, IsaState, Manner, Refusal};
