//! `onspec simulate`.

use super::broker::Named;
use super::out::{Exit, Out};
use crate::app::{AppError, demo};
use crate::config::Report;
use crate::mqtt;
use crate::reading::Count;
use crate::simulate::{Form, Machine, Pace, PublishTarget, Truth, publish};
use crate::telemetry::Secret;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The broker: `mqtt://HOST:PORT`, or `mqtts://` with TLS; `ws://HOST:PORT/PATH` or `wss://` over WebSocket.
    #[arg(long, value_name = "URL", required_unless_present = "record")]
    broker: Option<String>,
    /// Write a recording for `onspec replay` into this directory instead, at full speed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["broker", "form"])]
    record: Option<PathBuf>,
    /// User name at the broker.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// A file with the certificates to trust.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Simulated seconds in a real one, after the learning batches.
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = super::speed)]
    speed: f64,
    /// The seed of everything that is random.
    #[arg(long, default_value_t = 7, value_name = "S", value_parser = super::seed, allow_negative_numbers = true)]
    seed: u64,
    /// Batches after the learning ones.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batches: u32,
    /// Batches of each grade to learn from, before the others [default: 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    learning: Option<u32>,
    /// How readings are published.
    #[arg(long, default_value = "wide", value_enum)]
    form: FormName,
    /// Write what was true of each batch to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
}

/// How readings are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormName {
    /// `mill/{line}/{area}/{tag}` with `{"value":…,"ts":…}`.
    Topics,
    /// `mill/{line}/{area}` with all values of the area.
    Wide,
    /// Sparkplug B: group `mill`, edge node `{line}`, a device for each area.
    SparkplugB,
}

impl From<FormName> for Form {
    fn from(name: FormName) -> Self {
        match name {
            FormName::Topics => Self::Topics,
            FormName::Wide => Self::Wide,
            FormName::SparkplugB => Self::Sparkplug,
        }
    }
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let broker = match args.broker.as_deref().map(|url| broker(args, url)).transpose() {
        Ok(broker) => broker,
        Err(report) => {
            out.error(&report.to_string());
            return Exit::Usage;
        }
    };
    let checked = match demo::tissue(args.learning) {
        Ok(checked) => checked,
        Err(error) => return out.fail(&error),
    };
    // Before the machine runs: what it did is not lost because it cannot be written. The truth may stand in
    // the directory of the recording.
    if let Some(directory) = &args.record
        && let Err(source) = std::fs::create_dir_all(directory)
    {
        let doing = format!("make the directory `{}`", directory.display());
        return out.fail(&AppError::Io { doing, source });
    }
    let mut truth = match args.truth.as_deref().map(TruthFile::create).transpose() {
        Ok(truth) => truth,
        Err(error) => return out.fail(&error),
    };
    let machine = demo::machine(&checked, args.seed, args.batches, args.form.into());
    let Some(broker) = broker else {
        return record_into(args, machine, truth.as_mut(), out);
    };
    let password = match args.password_file.as_deref().map(std::fs::read_to_string).transpose() {
        Ok(password) => password.unwrap_or_default(),
        Err(error) => {
            out.error("error: cannot read the file of the password\n");
            return out.fail(&error);
        }
    };
    let credentials = args.username.clone().map(|name| (name, Secret::new(password.trim())));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.fail(&error),
    };
    let entered = runtime.enter();
    let (relay, tls) = match mqtt::Relay::to(&broker).and_then(|r| Ok((r, mqtt::tls(&broker)?))) {
        Ok(way) => way,
        Err(error) => return out.fail(&error),
    };
    drop(entered);
    let target = PublishTarget {
        via: relay.as_ref().map(|relay| relay.address().to_owned()),
        tls,
        host: broker.host,
        port: broker.port,
        credentials,
    };
    let cancel = CancellationToken::new();
    let published = runtime.block_on(async {
        let publishing =
            publish(machine, target, Pace::PerSecond(args.speed), None, cancel.clone());
        tokio::pin!(publishing);
        // Cancel-safe: the publisher is not dropped by the signal but told of it.
        tokio::select! {
            published = &mut publishing => published,
            _ = tokio::signal::ctrl_c() => {
                cancel.cancel();
                publishing.await
            }
        }
    });
    let summary = match published {
        Ok(summary) => summary,
        Err(error) => {
            if let Some(reason) = relay.as_ref().and_then(mqtt::Relay::reason) {
                out.error(&format!("error: {reason}\n"));
            }
            return out.fail(&error);
        }
    };
    let told =
        format!("{}, all acknowledged by the broker\n", Count(summary.acknowledged, "message"));
    tell(&told, truth.as_mut(), &summary.machine.into_truth(), out)
}

fn record_into(args: &Args, machine: Machine, file: Option<&mut TruthFile>, out: &mut Out) -> Exit {
    let directory = args.record.clone().unwrap_or_default();
    let (recorded, truth) = match crate::app::record(machine, &directory) {
        Ok(done) => done,
        Err(error) => return out.fail(&error),
    };
    let directory = directory.display();
    let told = format!(
        "{} readings and {} events in `{directory}`\n\
         onspec replay -c config/tissue.toml --learn --from {directory}/readings.csv.gz \
         --events {directory}/events.jsonl --truth {directory}/truth.jsonl\n",
        recorded.readings, recorded.events
    );
    tell(&told, file, &truth, out)
}

/// Says what was done, once the truth is written where that was asked for.
fn tell(told: &str, file: Option<&mut TruthFile>, truth: &Truth, out: &mut Out) -> Exit {
    match file.map_or(Ok(()), |file| file.write(truth)) {
        Ok(()) => out.print(told),
        Err(error) => out.fail(&error),
    }
}

/// The file of `--truth`.
struct TruthFile {
    file: std::fs::File,
    path: PathBuf,
}

impl TruthFile {
    fn create(path: &Path) -> Result<Self, AppError> {
        match std::fs::File::create(path) {
            Ok(file) => Ok(Self { file, path: path.to_owned() }),
            Err(source) => {
                Err(AppError::Io { doing: format!("make `{}`", path.display()), source })
            }
        }
    }

    fn write(&mut self, truth: &Truth) -> Result<(), AppError> {
        let doing = || format!("write `{}`", self.path.display());
        self.file
            .write_all(truth.to_json_lines().as_bytes())
            .map_err(|source| AppError::Io { doing: doing(), source })
    }
}

/// The broker, read as in a configuration.
fn broker(args: &Args, url: &str) -> Result<mqtt::Settings, Report> {
    let named = Named {
        url,
        username: args.username.as_deref(),
        password_file: args.password_file.as_deref(),
        ca: args.ca.as_deref(),
    };
    let mut brokers = named.checked()?.brokers;
    Ok(brokers.swap_remove(0).settings)
}
