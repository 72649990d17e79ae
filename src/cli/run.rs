//! `onspec run`.

use super::out::{Exit, Out};
use crate::app::{FitMode, Surroundings};
use crate::engine::View;
use crate::telemetry::{Health, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let checked = match crate::config::read(&args.config) {
        Ok(checked) => checked,
        Err(problem) => {
            out.error(&problem.to_string());
            return Exit::Usage;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.fail(&error),
    };
    let around = Surroundings {
        clock: Arc::new(SystemClock),
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
