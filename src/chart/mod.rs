//! Control charts of single tags: limits from history, and what a process can do.
//!
//! [`Limits::estimate`] makes limits from readings that are believed to be good. What a limit costs in false alarms is
//! worked out, not looked up ([`arl`]), and [`capability`] never names an index without its interval.

pub mod arl;
mod capability;
mod constants;
#[cfg(test)]
mod fixtures;
mod limits;
mod normal;
#[cfg(test)]
mod tests;

pub use capability::{
    Capability, CapabilityError, Index, Specification, capability, of_nearer, of_ratio,
};
pub use constants::{Constants, SUBGROUP_SIZES, c4};
pub use limits::{
    Autocorrelation, Estimate, FIRM, Kind, Limits, LimitsError, NEEDED, NotLater, SpreadLimits,
    Versions,
};
