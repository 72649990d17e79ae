//! `onspec maintenance`.

use super::daemon::{self, Telling};
use super::out::{Exit, Out};
use crate::reading::Timestamp;
use crate::record::parse_time;
use crate::telemetry::{Clock, SystemClock};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("end").required(true).args(["during", "until", "over"])))]
pub(super) struct Args {
    /// For so long from now on.
    #[arg(long = "for", value_name = "DURATION", value_parser = crate::config::parse_duration)]
    during: Option<Duration>,
    /// Until then: RFC 3339, or milliseconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
    /// It is over now.
    #[arg(long)]
    over: bool,
    /// Who says so.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// What is done.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// The configuration of the daemon that runs.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// The line; it may be left out where the configuration has one.
    #[arg(long, value_name = "LINE")]
    line: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let checked = match crate::config::read(&args.config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    let line = match daemon::line(&checked.plant, args.line.as_deref()) {
        Ok(line) => Arc::clone(line),
        Err(problem) => {
            out.error(&format!("error: {problem}\n"));
            return Exit::Usage;
        }
    };
    let now = Timestamp::from_nanos(SystemClock.now_nanos());
    // To the second: people read it.
    let until = args.until.or(args.during.map(|during| now.plus(during).floor(SECOND)));
    let event = if args.over { "maintenance-end" } else { "maintenance" };
    let event = json!({
        "event": event, "until": until.map(Timestamp::to_rfc3339), "by": args.by, "note": args.note,
    });
    let events = [Telling { line, event, place: String::new() }];
    if let Err(wrong) = daemon::check(&events) {
        out.error(&wrong);
        return Exit::Failed;
    }
    daemon::tell((&args.config, &checked), &events, ("event", args.json), out)
}
