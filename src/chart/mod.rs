//! Control charts of single tags.
//!
//! What a limit costs in false alarms is worked out, not looked up ([`arl`]), with arithmetic that gives the same bits on
//! every machine.

pub mod arl;
mod constants;
mod normal;

pub use constants::{Constants, SUBGROUP_SIZES, c4};
