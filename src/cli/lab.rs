//! `onspec lab`.

use super::daemon::{self, Telling};
use super::out::{Exit, Out};
use crate::plant::{Plant, nearest};
use crate::reading::Timestamp;
use crate::record::{TableResult, parse_time, read_results};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const IN_MEMORY: &str = "writing to a string cannot fail";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Tell the running daemon a laboratory result, or a CSV of them: all of them, or none if any is wrong. The same
    /// batch, property and time again corrects a result. 1 if the daemon does not run, or does not take everything.
    ///
    /// A CSV has a header and `,`, `;` or tabs between its cells; a decimal comma is read where it parts no cells.
    /// Either one result a line, in the columns `batch`, `property` and `value`, or a column for each property beside
    /// `batch`. Columns `line`, `position` and `ts`, and in the first form `unit`, may be there as well. A time without
    /// a zone is UTC.
    #[command(
        after_help = "Examples:\n  onspec lab add -c /etc/onspec/onspec.toml --batch TM3-260123-014 --property tensile_md --value 131.4 --unit N/m\n  onspec lab add -c /etc/onspec/onspec.toml --csv results.csv"
    )]
    Add(Box<Add>),
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The configuration of the daemon that runs.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// The line; it may be left out where the configuration has one, or the CSV names it.
    #[arg(long, value_name = "LINE")]
    line: Option<String>,
    /// A table of results, instead of one.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "batch",
        conflicts_with_all = ["batch", "property", "value", "unit", "position", "ts"]
    )]
    csv: Option<PathBuf>,
    /// The batch.
    #[arg(long, value_name = "BATCH", requires_all = ["property", "value"])]
    batch: Option<String>,
    /// The property, as in `lab.` of its grade.
    #[arg(long, value_name = "PROPERTY", requires = "batch")]
    property: Option<String>,
    /// The result.
    #[arg(long, value_name = "NUMBER", requires = "batch", allow_negative_numbers = true, value_parser = number)]
    value: Option<f64>,
    /// Its unit, if it is not that of the limits.
    #[arg(long, value_name = "UNIT", requires = "batch")]
    unit: Option<String>,
    /// Where in the batch: the mean over positions counts.
    #[arg(long, value_name = "POSITION", requires = "batch")]
    position: Option<String>,
    /// When it was found: RFC 3339, or milliseconds since 1970; now, if not given.
    #[arg(long, value_name = "TIME", requires = "batch", value_parser = parse_time)]
    ts: Option<Timestamp>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "write a number such as `131.4`".into())
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let Args::Add(add) = args;
    let checked = match crate::config::read(&add.config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    let events = match events(add, &checked.plant) {
        Ok(events) => events,
        Err((exit, problem)) => {
            out.error(&problem);
            return exit;
        }
    };
    if let Err(wrong) = daemon::check(&events) {
        out.error(&wrong);
        if events.len() > 1 {
            out.error("nothing was sent: mend these, and give all of it again\n");
        }
        return Exit::Failed;
    }
    strange(&checked.plant, &events, out);
    daemon::tell((&add.config, &checked), &events, ("result", add.json), out)
}

/// The results as events, or the words for why there are none.
fn events(add: &Add, plant: &Plant) -> Result<Vec<Telling>, (Exit, String)> {
    let usage = |problem: String| (Exit::Usage, format!("error: {problem}\n"));
    if let Some(path) = &add.csv {
        return table(path, add.line.as_deref(), plant);
    }
    let line = daemon::line(plant, add.line.as_deref()).map_err(usage)?;
    let mut event = lab(&add.batch.clone().unwrap_or_default(), add.value.unwrap_or_default());
    put(&mut event, "property", add.property.as_deref());
    put(&mut event, "unit", add.unit.as_deref());
    put(&mut event, "position", add.position.as_deref());
    put_time(&mut event, add.ts);
    Ok(vec![Telling { line: Arc::clone(line), event: event.into(), place: String::new() }])
}

/// The results of a CSV.
fn table(path: &Path, line: Option<&str>, plant: &Plant) -> Result<Vec<Telling>, (Exit, String)> {
    let rows = read_results(path).map_err(|wrong| {
        let mut text = String::new();
        for error in &wrong {
            writeln!(text, "error: {error}").expect(IN_MEMORY);
            let mut source = error.source();
            while let Some(cause) = source {
                writeln!(text, "  because: {cause}").expect(IN_MEMORY);
                source = cause.source();
            }
        }
        (Exit::Failed, text)
    })?;
    let (mut events, mut wrong) = (Vec::new(), BTreeSet::new());
    for row in &rows {
        let place = format!("`{}`, {}, column", path.display(), row.place);
        match daemon::line(plant, row.line.as_deref().or(line)) {
            Ok(line) => {
                let place = format!("{place} `{}`: ", row.column);
                events.push(Telling { line: Arc::clone(line), event: event(row), place });
            }
            // It is the same of all lines that name none.
            Err(problem) if row.line.is_none() => {
                return Err((Exit::Usage, format!("error: {problem}\n")));
            }
            Err(problem) => drop(wrong.insert(format!("error: {place} `line`: {problem}\n"))),
        }
    }
    if wrong.is_empty() { Ok(events) } else { Err((Exit::Failed, wrong.into_iter().collect())) }
}

fn event(row: &TableResult) -> Value {
    let mut event = lab(&row.batch, row.value);
    put(&mut event, "property", Some(&row.property));
    put(&mut event, "unit", row.unit.as_deref());
    put(&mut event, "position", row.position.as_deref());
    put_time(&mut event, row.at);
    event.into()
}

fn lab(batch: &str, value: f64) -> Map<String, Value> {
    let mut event = Map::new();
    put(&mut event, "event", Some("lab"));
    put(&mut event, "batch", Some(batch));
    event.insert("value".into(), value.into());
    event
}

fn put(event: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        event.insert(key.into(), value.into());
    }
}

fn put_time(event: &mut Map<String, Value>, at: Option<Timestamp>) {
    put(event, "ts", at.map(Timestamp::to_rfc3339).as_deref());
}

/// Warns of properties that no grade has limits for: they may be misspelt. Plants measure others as well, so they are
/// sent.
fn strange(plant: &Plant, events: &[Telling], out: &mut Out) {
    let known: BTreeSet<&str> =
        plant.grades.iter().flat_map(|(_, grade)| grade.lab.keys()).map(|name| &**name).collect();
    let said: BTreeSet<&str> = events
        .iter()
        .filter_map(|telling| telling.event["property"].as_str())
        .map(str::trim)
        .collect();
    for property in said.difference(&known) {
        let near = nearest(property, known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        out.error(&format!(
            "warning: no grade has limits for `lab.{property}`: its results are kept and decide nothing{near}\n"
        ));
    }
}
