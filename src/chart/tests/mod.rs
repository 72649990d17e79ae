//! Limits and capability against what is known of them.

mod capability;
mod limits;
