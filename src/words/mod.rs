//! What all that speak to people have in common: the languages, and how each writes sentences, numbers, units and times.
//!
//! A room that speaks has a table of its own (`table!`): each sentence stands in it once, in both languages side by side, under
//! a name that the compiler knows. A word that is missing in one language, or is asked for and not there, does not compile; with
//! files that are looked up by a key when the program runs (Fluent was weighed) both would be found by somebody who reads the
//! message. What Fluent has more, forms by number and gender, these sentences do without: counts stand as figures, beside words
//! that fit all of them.
//!
//! The room reads no clock, no disk, and no time zone that is not given to it.

mod cause;
pub(crate) mod html;
pub(crate) mod number;

mod locale;
mod phrase;
pub(crate) mod reason;
mod sentence;
mod table;
mod terms;

pub use cause::{ModelReason, Start, SystemReason};
pub use locale::{Language, Locale};
pub(crate) use phrase::Phrase;
pub(crate) use sentence::{Part, fill, parts};
#[cfg(test)]
pub(crate) use table::check;
pub(crate) use table::table;

/// Every sentence that more than one room says, with its name, in English and in Chinese.
#[cfg(test)]
pub(crate) fn shared() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)>
{
    reason::ALL.iter().chain(terms::ALL)
}
