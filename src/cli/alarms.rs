//! `onspec alarms`.

use super::daemon;
use super::out::{Exit, Out};
use crate::reading::Timestamp;
use crate::record::parse_time;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

const IN_MEMORY: &str = "writing to a string cannot fail";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// The alarms of the running daemon that stand, wait for a word or are hidden, and how many people were told of late. 1 if
    /// the daemon does not run.
    #[command(after_help = "Example:\n  onspec alarms list -c /etc/onspec/onspec.toml")]
    List {
        /// The configuration of the daemon that runs.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// Print one JSON document, as `/api/v1/alarms` has it.
        #[arg(long)]
        json: bool,
    },
    /// Say that you know of an alarm.
    #[command(
        after_help = "Example:\n  onspec alarms acknowledge tm3/batch --by shift-a -c /etc/onspec/onspec.toml"
    )]
    Acknowledge(Order),
    /// Take off an alarm that latches, was acknowledged, and whose condition is over.
    #[command(
        after_help = "Example:\n  onspec alarms reset tm3/sensor/moisture --by shift-a -c /etc/onspec/onspec.toml"
    )]
    Reset(Order),
    /// Do not want to hear of an alarm for a while. What stands at its end is told.
    #[command(
        after_help = "Example:\n  onspec alarms shelve tm3/sensor/moisture --for 2h --by shift-a --note 'probe is being cleaned' -c /etc/onspec/onspec.toml"
    )]
    Shelve {
        #[command(flatten)]
        order: Order,
        /// For so long.
        #[arg(long = "for", value_name = "DURATION", value_parser = crate::config::parse_duration, required_unless_present = "until", conflicts_with = "until")]
        during: Option<Duration>,
        /// Until then: RFC 3339, or milliseconds since 1970.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        until: Option<Timestamp>,
    },
    /// Want to hear again of an alarm that was shelved.
    #[command(
        after_help = "Example:\n  onspec alarms unshelve tm3/sensor/moisture --by shift-a -c /etc/onspec/onspec.toml"
    )]
    Unshelve(Order),
    /// Take out of service what an alarm watches, until it is in service again.
    #[command(
        after_help = "Example:\n  onspec alarms out-of-service tm3/sensor/moisture --by shift-a --note 'probe is away' -c /etc/onspec/onspec.toml"
    )]
    OutOfService(Order),
    /// Put into service again what an alarm watches.
    #[command(
        after_help = "Example:\n  onspec alarms in-service tm3/sensor/moisture --by shift-a -c /etc/onspec/onspec.toml"
    )]
    InService(Order),
    /// Put a word on record.
    #[command(
        after_help = "Example:\n  onspec alarms comment tm3/sensor/moisture --by shift-a --note 'fitter is called' -c /etc/onspec/onspec.toml"
    )]
    Comment(Order),
}

/// Of which alarm, who and why.
#[derive(Debug, clap::Args)]
pub(super) struct Order {
    /// The alarm, as `list` names it.
    alarm: String,
    /// Who says so.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Why, for the next shift; shelves, what is out of service, and comments need it.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// The configuration of the daemon that runs.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    match args {
        Args::List { config, json } => {
            let json = *json;
            daemon::ask(config, &["alarms"], None, out, |said, out| {
                let text = if json { format!("{said}\n") } else { table(&said) };
                out.print(&text)
            })
        }
        Args::Acknowledge(order) => give(order, "acknowledge", json!({}), out),
        Args::Reset(order) => give(order, "reset", json!({}), out),
        Args::Shelve { order, during, until } => {
            let end = match (until, during) {
                (Some(until), _) => json!({ "until": until.as_millis() }),
                // The daemon counts in minutes: no shelf is shorter than what was asked for.
                (None, during) => {
                    json!({ "minutes": during.unwrap_or_default().as_secs().div_ceil(60) })
                }
            };
            give(order, "shelve", end, out)
        }
        Args::Unshelve(order) => give(order, "unshelve", json!({}), out),
        Args::OutOfService(order) => give(order, "out-of-service", json!({}), out),
        Args::InService(order) => give(order, "in-service", json!({}), out),
        Args::Comment(order) => give(order, "comment", json!({}), out),
    }
}

fn give(order: &Order, action: &str, mut body: Value, out: &mut Out) -> Exit {
    body["alarm"] = json!(order.alarm);
    body["by"] = json!(order.by);
    if let Some(note) = &order.note {
        body["note"] = json!(note);
    }
    let json = order.json;
    daemon::ask(&order.config, &["alarms", action], Some(&body), out, |said, out| {
        let text = |key: &str| said[key].as_str().unwrap_or_default();
        let on_disk = said["on_disk"] == true;
        if !on_disk {
            out.error("warning: the store has no room now: it is taken when it has, unless the daemon ends before\n");
        }
        let printed = if json {
            out.print(&format!("{said}\n"))
        } else {
            out.print(&format!("{}: {}\n", text("alarm"), text("isa_state")))
        };
        if on_disk { printed } else { Exit::Failed }
    })
}

/// The alarms for people.
fn table(said: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["alarm", "state", "since", "severity", "priority", "what", "hidden"]);
    let each = |key: &str| said[key].as_array().into_iter().flatten().collect::<Vec<_>>();
    let alarms = [each("alarms"), each("others")].concat();
    let time = |ms: &Value| {
        let at = ms.as_i64().and_then(|ms| Timestamp::from_millis(ms).ok());
        at.map_or_else(String::new, |at| at.to_string())
    };
    for alarm in &alarms {
        let text = |key: &str| alarm[key].as_str().unwrap_or_default().to_owned();
        let mut hidden = text("hidden_note");
        let by = text("hidden_by");
        if !by.is_empty() {
            write!(hidden, " ({by})").expect(IN_MEMORY);
        }
        let until = time(&alarm["shelved_until"]);
        if !until.is_empty() {
            write!(hidden, " until {until}").expect(IN_MEMORY);
        }
        table.add_row([
            text("alarm"),
            text("isa_state"),
            time(&alarm["since"]),
            text("severity"),
            text("priority"),
            text("title"),
            hidden.trim().to_owned(),
        ]);
    }
    let told = |key: &str| said["load"][key].as_u64().unwrap_or_default();
    let (minutes, hour, day) = (told("ten_minutes"), told("hour"), told("day"));
    let load =
        format!("people were told {minutes} in ten minutes, {hour} in an hour, {day} in a day\n");
    if alarms.is_empty() {
        return format!("no alarm stands; {load}");
    }
    format!("{table}\n{load}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_and_what_is_hidden_is_one_table() {
        let said = json!({
            "alarms": [{ "alarm": "tm3/batch", "isa_state": "unacknowledged", "since": 1_769_128_260_000_i64, "severity": "warning", "title": "tm3: batch R1 is at risk" }],
            "others": [{ "alarm": "tm3/sensor/bw", "isa_state": "shelved", "since": null, "severity": "info", "title": "", "shelved_until": 1_769_131_860_000_i64, "hidden_by": "shift-a", "hidden_note": "cleaned" }],
            "load": { "ten_minutes": 1, "hour": 2, "day": 3 },
        });
        let text = table(&said);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[3].contains("tm3/batch") && lines[3].contains("2026-01-23T00:31:00Z"),
            "{text}"
        );
        assert!(lines[4].contains("cleaned (shift-a) until 2026-01-23T01:31:00Z"), "{text}");
        assert_eq!(
            lines.last(),
            Some(&"people were told 1 in ten minutes, 2 in an hour, 3 in a day")
        );
        assert!(table(&json!({ "load": {} })).starts_with("no alarm stands; "));
    }
}
