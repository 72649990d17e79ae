//! `onspec demo`.

use super::out::{Exit, Out};
use crate::app::demo;
use crate::simulate::Report;
use std::num::NonZeroUsize;

/// Scored batches where nobody says how many: an evening at the page.
#[cfg(feature = "demo")]
const BATCHES_SHOWN: u32 = 500;
/// The same for a score.
const BATCHES_SCORED: u32 = 60;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The page's port, on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Simulated seconds in a real one, after the learning batches.
    #[arg(long, default_value_t = 120.0, value_name = "N", value_parser = super::speed)]
    speed: f64,
    /// Batches after the learning ones.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batches: Option<u32>,
    /// Batches of each grade to learn from, before those that are scored [default: 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    learning: Option<u32>,
    /// The seed of everything that is random, the mill too.
    #[arg(long, default_value_t = 7, value_name = "S", value_parser = super::seed, allow_negative_numbers = true)]
    seed: u64,
    /// So many seeds from `--seed` on, scored together; only with `--exit`.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "exit",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    seeds: u32,
    /// Run to the end at full speed, without broker and page, print the score and exit.
    #[arg(long)]
    exit: bool,
    /// Print the score as one JSON document; only with `--exit`.
    #[arg(long, requires = "exit")]
    json: bool,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    if args.exit { score(args, out) } else { show(args, out) }
}

fn score(args: &Args, out: &mut Out) -> Exit {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let batches = args.batches.unwrap_or(BATCHES_SCORED);
    let scored = demo::tissue(args.learning)
        .and_then(|checked| demo::score_seeds(&checked, (args.seed, args.seeds), batches, threads));
    match scored.map(|tallies| Report::of(&tallies)) {
        Ok(report) if args.json => out.print(&(report.to_json() + "\n")),
        Ok(report) => out.print(&report.to_text()),
        Err(error) => out.fail(&error),
    }
}

#[cfg(feature = "demo")]
fn show(args: &Args, out: &mut Out) -> Exit {
    let checked = match demo::tissue(args.learning) {
        Ok(checked) => checked,
        Err(error) => return out.fail(&error),
    };
    let directory = match scratch() {
        Ok(directory) => directory,
        Err(error) => return out.fail(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.fail(&error),
    };
    // Asked before people are sent there; it is ours for good a moment later.
    if let Err(error) = std::net::TcpListener::bind(("127.0.0.1", args.port)) {
        out.error(&format!(
            "error: the page cannot listen on port {}: {error}; name another one with `--port`\n",
            args.port
        ));
        return Exit::Failed;
    }
    out.error(&format!(
        "open http://127.0.0.1:{}/ in a browser; Ctrl-C ends the demo\n",
        args.port
    ));
    let what = demo::Show {
        seed: args.seed,
        batches: args.batches.unwrap_or(BATCHES_SHOWN),
        pace: crate::simulate::Pace::PerSecond(args.speed),
        port: Some(args.port),
        store: directory.path.join("onspec.db"),
        keep_lines: false,
        end_with_machine: false,
    };
    let outcome = runtime.block_on(demo::show(checked, what));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => Exit::Done,
        Err(error) => out.fail(&error),
    }
}

#[cfg(not(feature = "demo"))]
fn show(_: &Args, out: &mut Out) -> Exit {
    out.error("error: this onspec was built without the embedded broker; use `onspec demo --exit`, or build with `--features demo`\n");
    Exit::Usage
}

/// A directory of this process that goes with it.
#[cfg(feature = "demo")]
struct Scratch {
    path: std::path::PathBuf,
}

#[cfg(feature = "demo")]
fn scratch() -> std::io::Result<Scratch> {
    let path = std::env::temp_dir().join(format!("onspec-demo-{}", std::process::id()));
    std::fs::create_dir_all(&path)?;
    Ok(Scratch { path })
}

#[cfg(feature = "demo")]
impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the demo's store was not removed");
        }
    }
}
