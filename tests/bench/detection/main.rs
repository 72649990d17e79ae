//! `tests/bench/detection`: what is found in public data with labels, and what is flagged where nothing is wrong.
//!
//! Every set goes through the program's own commands with one default configuration; what a set has of its own is what a
//! user would state: the period of its rows, and which columns are none of the process. The data are not part of the
//! project: `ONSPEC_DATA` names the directory that holds them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench measures and prints"
)]

use std::path::PathBuf;
use std::process::ExitCode;

mod batches;
mod cost;
#[path = "../cpu.rs"]
mod cpu;
mod desk;
mod mill;
mod nab;
mod series;
mod soft;
mod tep;

fn main() -> ExitCode {
    let Some(data) = std::env::var_os("ONSPEC_DATA").map(PathBuf::from) else {
        eprintln!(
            "ONSPEC_DATA is not set: it names a directory with tep/, nab/, openmv/ and batch/, each with the files that \
             tests/bench/detection/README.md lists"
        );
        return ExitCode::from(2);
    };
    if !data.join("tep").is_dir() {
        eprintln!("ONSPEC_DATA is `{}`, which has no tep/ in it", data.display());
        return ExitCode::from(2);
    }
    tep::run(&data);
    batches::run(&data);
    series::run(&data);
    soft::run(&data);
    nab::run(&data);
    mill::run();
    cost::run();
    ExitCode::SUCCESS
}
