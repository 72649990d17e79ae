//! The command line: one file a subcommand.
//!
//! Results go to standard output, all else to standard error. The process ends with 0 when it did
//! what was asked, with 1 when it failed while running or the answer asked for is no, with 2 when
//! the command line or the configuration is wrong.

mod alarms;
mod audit;
mod backtest;
mod batches;
mod broker;
pub mod check;
mod compare;
mod daemon;
mod demo;
mod discover;
mod explain;
mod fit;
mod lab;
mod maintenance;
mod man;
mod models;
mod out;
mod progress;
mod recording;
mod replay;
mod run;
pub mod schema;
mod simulate;
mod store;
mod tap;
mod webhook;

pub use out::{Exit, Out};

use crate::app::AppError;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Says while a batch is still being made whether it will be on spec, why and since when.
#[derive(Debug, Parser)]
#[command(name = "onspec", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as
    /// `info,onspec::mqtt=debug`.
    #[arg(long, global = true, default_value = "info", value_name = "FILTER")]
    log: String,
    /// Log as JSON, one object a line.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    #[command(after_help = "Example:\n  onspec run -c config/onspec.toml")]
    Run(run::Args),
    /// Show it all: a simulated tissue machine, a broker, the daemon and its page, in one process.
    #[command(
        after_help = "Examples:\n  onspec demo\n  onspec demo --exit --json --batches 20 --seed 7"
    )]
    Demo(demo::Args),
    /// Run only the simulated tissue machine, publishing to a broker of yours.
    #[command(after_help = "Example:\n  onspec simulate --broker mqtt://127.0.0.1:1883 --speed 60")]
    Simulate(simulate::Args),
    /// Check a configuration: every error at once, with its place and what to write instead.
    #[command(after_help = "Example:\n  onspec check -c config/onspec.toml")]
    Check {
        /// The configuration.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// `text` for people, `json` for machines.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Fit a model from recorded data into the registry.
    #[command(
        after_help = "Examples:\n  onspec fit --auto --store m.db --period 3m --ignore sample,fault --from normal.csv.gz\n  onspec fit -c onspec.toml --grade facial-15 --from journal"
    )]
    Fit(fit::Args),
    /// Run recorded data through the same pipeline: scores, verdicts, batches as files.
    #[command(
        after_help = "Examples:\n  onspec replay --auto --store m.db --period 3m --ignore sample,fault --from test.csv.gz --out out/\n  onspec replay -c onspec.toml --from may.parquet --events may.jsonl --compare tighter.toml\n  onspec replay -c onspec.toml --from journal --start 2026-01-23T06:00:00Z --out out/\n  onspec replay -c onspec.toml --from influx --start 2026-01-16T00:00:00Z --out out/\n  onspec replay -c onspec.toml --from may.parquet --learn --out out/ --resume"
    )]
    Replay(Box<replay::Args>),
    /// Say why a line's batch was flagged at an instant, or why it was not: from the journal, beside a daemon that
    /// may be running, or from a recording.
    #[command(
        after_help = "Examples:\n  onspec explain tm3 2026-01-23T06:12:00Z -c onspec.toml\n  onspec explain tm3 2026-01-23T06:12:00Z -c onspec.toml --from may.parquet --events may.jsonl --learn\n  onspec explain auto 1970-01-01T09:00:00Z --auto --store m.db --period 3m --ignore sample,fault --from test.csv.gz"
    )]
    Explain(Box<explain::Args>),
    /// Look at the models of the store, take them elsewhere, and say which one judges.
    #[command(
        subcommand,
        after_help = "Examples:\n  onspec models list -c /etc/onspec/onspec.toml\n  onspec models rollback tm3 facial-15 -c /etc/onspec/onspec.toml"
    )]
    Models(models::Args),
    /// Say what a model would have said of the last batches of the store: before it is switched on. The daemon may be
    /// running.
    #[command(
        after_help = "Examples:\n  onspec backtest tm3 facial-15 -c /etc/onspec/onspec.toml\n  onspec backtest tm3 facial-15 4 --store onspec.db --batches 100 --json"
    )]
    Backtest(backtest::Args),
    /// Look at the batches of the store, at what they were made of and what became of them; say what was decided of one.
    #[command(
        subcommand,
        after_help = "Examples:\n  onspec batches list -c /etc/onspec/onspec.toml\n  onspec batches show TM3-260123-014 -c /etc/onspec/onspec.toml\n  onspec batches dispose TM3-260123-014 --as release -c /etc/onspec/onspec.toml"
    )]
    Batches(batches::Args),
    /// Look at the alarms of the running daemon; acknowledge, shelve and the like.
    #[command(
        subcommand,
        after_help = "Examples:\n  onspec alarms list -c /etc/onspec/onspec.toml\n  onspec alarms acknowledge tm3/batch --by shift-a -c /etc/onspec/onspec.toml"
    )]
    Alarms(alarms::Args),
    /// Tell the running daemon that somebody works on a line: until the end its alarms are muted, and nothing is learned of
    /// what it makes. Said again, it has another end. 1 if the daemon does not run.
    #[command(
        after_help = "Examples:\n  onspec maintenance --for 4h --by maker --note 'felt change' -c /etc/onspec/onspec.toml\n  onspec maintenance --over -c /etc/onspec/onspec.toml"
    )]
    Maintenance(maintenance::Args),
    /// Tell the running daemon what the laboratory found.
    #[command(
        subcommand,
        after_help = "Example:\n  onspec lab add -c /etc/onspec/onspec.toml --csv results.csv"
    )]
    Lab(lab::Args),
    /// Listen to a broker, and propose a configuration from what is heard.
    #[command(
        after_help = "Examples:\n  onspec discover --broker mqtt://127.0.0.1:1883\n  onspec discover --broker mqtt://127.0.0.1:1883 --topic 'mill/#' --for 5m -o onspec.toml"
    )]
    Discover(discover::Args),
    /// Show live how messages decode into readings, and why some do not, beside a daemon that runs.
    #[command(
        after_help = "Examples:\n  onspec tap -c config/onspec.toml\n  onspec tap -c config/onspec.toml 'mill/+/yankee' --for 30s --faults"
    )]
    Tap(tap::Args),
    /// Look at the audit log, who decided what and when, and whether it is as it was written.
    #[command(
        subcommand,
        after_help = "Examples:\n  onspec audit list -c /etc/onspec/onspec.toml\n  onspec audit verify -c /etc/onspec/onspec.toml"
    )]
    Audit(audit::Args),
    /// Try the receivers of events; look at what they refused for good, send it again or discard it.
    #[command(
        subcommand,
        after_help = "Examples:\n  onspec webhook test -c /etc/onspec/onspec.toml shift-leads\n  onspec webhook parked -c /etc/onspec/onspec.toml\n  onspec webhook resend shift-leads --all --by shift-a -c /etc/onspec/onspec.toml"
    )]
    Webhook(webhook::Args),
    /// Look after the embedded store: check, repair, back up.
    #[command(
        subcommand,
        after_help = "Examples:\n  onspec store check -c /etc/onspec/onspec.toml\n  onspec store backup -c /etc/onspec/onspec.toml --to /backup/onspec.db"
    )]
    Store(store::Args),
    /// Print the JSON Schema of the configuration, for editors.
    #[command(after_help = "Example:\n  onspec schema > onspec.schema.json")]
    Schema,
    /// Print a script that completes onspec's commands in a shell.
    #[command(
        after_help = "Example:\n  onspec completions bash > ~/.local/share/bash-completion/completions/onspec"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write that of every command into a directory.
    #[command(
        after_help = "Examples:\n  onspec man | man -l -\n  onspec man --dir ~/.local/share/man/man1"
    )]
    Man {
        /// The directory, which is made if it is not there.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the command line; the arguments include the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let mut out = Out::standard();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is wrong usage.
            let text = error.render();
            return if error.use_stderr() {
                out.error(&text.to_string());
                Exit::Usage
            } else {
                out.print(&text.to_string())
            };
        }
    };
    let format = if cli.log_json {
        crate::telemetry::LogFormat::Json
    } else {
        crate::telemetry::LogFormat::Human
    };
    if let Err(error) = crate::telemetry::init(format, &cli.log) {
        out.error(&format!("error: {error}\n"));
        return Exit::Usage;
    }
    // TLS needs to know its cryptography before any client is built, even for plain addresses.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("the cryptography was installed before");
    }
    match cli.command {
        Command::Run(args) => run::command(&args, &mut out),
        Command::Demo(args) => demo::command(&args, &mut out),
        Command::Simulate(args) => simulate::command(&args, &mut out),
        Command::Fit(args) => fit::command(&args, &mut out),
        Command::Replay(args) => replay::command(*args, &mut out),
        Command::Explain(args) => explain::command(*args, &mut out),
        Command::Models(args) => models::command(&args, &mut out),
        Command::Batches(args) => batches::command(&args, &mut out),
        Command::Audit(args) => audit::command(&args, &mut out),
        Command::Lab(args) => lab::command(&args, &mut out),
        Command::Alarms(args) => alarms::command(&args, &mut out),
        Command::Maintenance(args) => maintenance::command(&args, &mut out),
        Command::Backtest(args) => backtest::command(&args, &mut out),
        Command::Discover(args) => discover::command(&args, &mut out),
        Command::Tap(args) => tap::command(&args, &mut out),
        Command::Webhook(args) => webhook::command(&args, &mut out),
        Command::Store(args) => store::command(&args, &mut out),
        Command::Check { config, format } => {
            let form = match format {
                Format::Text => check::Form::Text { colour: std::io::stderr().is_terminal() },
                Format::Json => check::Form::Json,
            };
            let (stdout, stderr) = out.both();
            match check::check_command(&config, form, stdout, stderr) {
                Ok(true) => Exit::Done,
                Ok(false) => Exit::Usage,
                Err(error) => out.closed(&error),
            }
        }
        Command::Completions { shell } => man::completions(shell, &mut out),
        Command::Man { dir } => man::man(dir.as_deref(), &mut out),
        Command::Schema => match schema::schema_command(out.both().0) {
            Ok(()) => Exit::Done,
            Err(error) => out.closed(&error),
        },
    }
}

/// Runs what listens for a while, on a runtime of its own.
fn listening<'a>(
    out: &'a mut Out,
    work: impl AsyncFnOnce(&mut Out) -> Result<Exit, AppError> + 'a,
) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.fail(&error),
    };
    match runtime.block_on(work(out)) {
        Ok(exit) => exit,
        Err(error) => out.fail(&error),
    }
}

/// Ends after so long, or by Ctrl-C or a word of the service manager.
async fn over(during: Option<Duration>) {
    let time = async {
        match during {
            Some(during) => tokio::time::sleep(during).await,
            None => std::future::pending().await,
        }
    };
    let asked = async {
        // Where there are no signals, there is only the time.
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time => {}
        () = asked => {}
    }
}

/// Reads a speed: simulated seconds in a real one.
fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| (0.001..=1e6).contains(speed));
    speed.ok_or_else(|| format!("`{text}` is no speed; write a number from 0.001 to 1000000"))
}

/// Reads a seed.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no seed; write a whole number from 0"))
}
