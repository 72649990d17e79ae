//! `onspec simulate`.

use super::out::{Exit, Out};
use crate::app::demo;
use crate::simulate::{Form, Machine, Pace, PublishTarget, Truth, publish};
use crate::telemetry::Secret;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The broker, as `mqtt://HOST:PORT`.
    #[arg(long, value_name = "URL", value_parser = broker, required_unless_present = "record")]
    broker: Option<(String, u16)>,
    /// Write a recording for `onspec replay` into this directory instead, at full speed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["broker", "form"])]
    record: Option<PathBuf>,
    /// User name at the broker.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Simulated seconds in a real one, after the learning batches.
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = super::speed)]
    speed: f64,
    /// The seed of everything that is random.
    #[arg(long, default_value_t = 7, value_name = "S")]
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
    let checked = match demo::tissue(args.learning) {
        Ok(checked) => checked,
        Err(error) => return out.fail(&error),
    };
    let machine = demo::machine(&checked, args.seed, args.batches, args.form.into());
    let Some((host, port)) = args.broker.clone() else {
        return record_into(args, machine, out);
    };
    let password = match args.password_file.as_deref().map(std::fs::read_to_string).transpose() {
        Ok(password) => password.unwrap_or_default(),
        Err(error) => {
            out.error("error: cannot read the file of the password\n");
            return out.fail(&error);
        }
    };
    let credentials = args.username.clone().map(|name| (name, Secret::new(password.trim())));
    let target = PublishTarget { host, port, credentials };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.fail(&error),
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
        Err(error) => return out.fail(&error),
    };
    let told = format!("{} messages, all acknowledged by the broker\n", summary.acknowledged);
    tell_truth(args, &summary.machine.into_truth(), out).unwrap_or_else(|| out.print(&told))
}

fn record_into(args: &Args, machine: Machine, out: &mut Out) -> Exit {
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
    tell_truth(args, &truth, out).unwrap_or_else(|| out.print(&told))
}

/// Writes the truth where it was asked for; how that failed, if it did.
fn tell_truth(args: &Args, truth: &Truth, out: &mut Out) -> Option<Exit> {
    let path = args.truth.as_ref()?;
    let error = std::fs::write(path, truth.to_json_lines()).err()?;
    out.error(&format!("error: cannot write `{}`\n", path.display()));
    Some(out.fail(&error))
}

/// Reads `mqtt://HOST:PORT`; the port is 1883 where none is given.
fn broker(text: &str) -> Result<(String, u16), String> {
    let wanted = || {
        format!("`{text}` is no broker; write `mqtt://HOST:PORT`, as in `mqtt://127.0.0.1:1883`")
    };
    let rest = text.strip_prefix("mqtt://").ok_or_else(wanted)?.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| wanted())?),
        None => (rest, 1883),
    };
    if host.is_empty() || host.contains(['/', '@']) {
        Err(wanted())
    } else {
        Ok((host.to_owned(), port))
    }
}
