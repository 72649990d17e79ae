//! `onspec run`.

use super::out::{Exit, Out};
use crate::app::{Absent, FitMode, Surroundings};
use crate::engine::View;
use crate::telemetry::{Health, OnwardClock};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

/// What is not on this machine, each with its line of the configuration.
fn not_here(config: &Path, absent: &[Absent]) -> String {
    // It was read a moment ago; if it is gone, the lines are.
    let text = std::fs::read_to_string(config).unwrap_or_default();
    let mut said =
        "error: the configuration names what is not on this machine, or cannot be used\n"
            .to_owned();
    for absent in absent {
        writeln!(said, "  {}", absent.told(config, &text))
            .expect("writing to a string cannot fail");
    }
    said
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let checked = match crate::config::read(&args.config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    let absent = crate::app::absent(&checked);
    if !absent.is_empty() {
        out.error(&not_here(&args.config, &absent));
        return Exit::Usage;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.fail(&error),
    };
    let around = Surroundings {
        clock: Arc::new(OnwardClock::start()),
        ticks: true,
        fits: FitMode::Elsewhere,
        committed: watch::Sender::new(0),
        health: Health::default(),
        view: watch::Sender::new(Arc::new(View::default())),
        note: watch::Sender::new(None).subscribe(),
        heard: None,
        cancel: CancellationToken::new(),
        config: Some(args.config.clone()),
    };
    let outcome = runtime.block_on(crate::app::run(checked, around));
    // A fit that goes on is of no use to anybody: its request is made again at the next start.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => Exit::Done,
        Err(error) => out.fail(&error),
    }
}
