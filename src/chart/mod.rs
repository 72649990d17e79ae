//! Control charts of single tags and laboratory properties: limits from history, rules of runs, EWMA, CUSUM, and what a process can do.
//!
//! [`Limits::estimate`] makes limits from a [`History`] of readings that are believed to be good; a [`Chart`] is fed points in
//! event time and says of each everything that a page draws, as plain fields ([`Point`]). What a limit costs in
//! false alarms is worked out, not looked up ([`arl`], and of few points [`OnTrial`]), and [`capability`] never names an
//! index without its interval.
//!
//! It takes time as a value, and works online with + − × ÷, √ and the exponential functions of `libm`, so that
//! a replay finds the same marks on every machine.

pub mod arl;
mod capability;
#[expect(clippy::module_inception, reason = "the room is called by what it makes")]
mod chart;
mod constants;
mod cusum;
mod ewma;
#[cfg(test)]
mod fixtures;
mod history;
mod limits;
mod normal;
mod rules;
mod step;
#[cfg(test)]
mod tests;
mod text;
mod trial;

pub use capability::{
    Capability, CapabilityError, Index, Specification, capability, of_nearer, of_ratio,
};
pub use chart::{
    Band, Chart, CusumSettings, Detector, EwmaSettings, Mark, Point, Settings, SettingsError,
    ShiftTo, Sums,
};
pub use constants::{Constants, SUBGROUP_SIZES, c4};
pub use cusum::{Cusum, CusumAt, Shift};
pub use ewma::{Ewma, EwmaAt};
pub use history::History;
pub use limits::{
    Autocorrelation, Estimate, FIRM, Kind, Limits, LimitsError, NEEDED, NotLater, SpreadLimits,
    TRIAL, Versions,
};
pub use rules::{Machine, Rule, Side};
pub use step::Step;
pub use text::UnknownName;
pub use trial::{CONFIDENCE, OnTrial, Rates};
