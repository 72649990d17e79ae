//! The daemon under load: what it costs, what it keeps, how fast it is there again.
//!
//! Each of these is a command under `tests/` that says what it measured, and has a short form here.

#![allow(clippy::disallowed_methods, reason = "a load is made and measured in real time")]

#[path = "../../bench/cpu.rs"]
mod cpu;
mod flood;
mod gateway;
mod memory;
mod soak;
mod startup;

/// A number for a run by hand.
fn given(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}
