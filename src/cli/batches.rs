//! `onspec batches`.

mod report;
mod score;
mod uniformity;

use super::daemon::{self, Telling};
use super::out::{Exit, Out};
use super::store::Which;
use crate::app::{AppError, batches};
use crate::batch::{Genealogy, Metres, Step};
use crate::decode::Disposition;
use crate::engine::{BatchRecord, SheetRecord};
use crate::reading::Timestamp;
use crate::record::parse_time;
use crate::store::{Reader, StoreError};
use crate::verdict::{Call, Slab, SpanDocument};
use comfy_table::{Table, presets};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const IN_MEMORY: &str = "writing to a string cannot fail";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// The newest batches, newest first. The daemon may be running.
    #[command(after_help = "Example:\n  onspec batches list -c /etc/onspec/onspec.toml --line tm3")]
    List {
        #[command(flatten)]
        which: Which,
        /// Only those of this line.
        #[arg(long, value_name = "LINE")]
        line: Option<String>,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// What is known of a batch, what it was made of, and what was made of it; of a lot of raw material, what was made
    /// of it. 1 if nothing is known. The daemon may be running.
    #[command(
        after_help = "Examples:\n  onspec batches show TM3-260123-014 -c /etc/onspec/onspec.toml\n  onspec batches show TM3-260123-014 --metres 21400,36100 -c /etc/onspec/onspec.toml"
    )]
    Show {
        /// The batch or lot.
        id: String,
        /// Only these metres of it: what they were made of, and where they went.
        #[arg(long, value_name = "FROM,TO", value_parser = metres)]
        metres: Option<Metres>,
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// How often flags were right, what was missed, how early it was known, and what that was worth, by line and grade.
    /// The daemon may be running.
    #[command(
        after_help = "Examples:\n  onspec batches score -c /etc/onspec/onspec.toml\n  onspec batches score --by month --line tm3 -c /etc/onspec/onspec.toml"
    )]
    Score {
        #[command(flatten)]
        which: Which,
        /// What is counted together, by the end of a batch, in UTC; weeks begin on Monday.
        #[arg(long, value_name = "PERIOD", value_enum, default_value = "week")]
        by: score::By,
        /// Only those of this line.
        #[arg(long, value_name = "LINE")]
        line: Option<String>,
        /// Only those of this grade.
        #[arg(long, value_name = "GRADE")]
        grade: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// A sheet to print: the report of a finished batch, its certificate of analysis, or the scoreboard of a week, as one HTML
    /// document in English or Chinese. 1 if there is no such batch, or something stands against a certificate. The daemon may
    /// be running.
    #[command(
        after_help = "Examples:\n  onspec batches report TM3-260123-014 -o report.html -c /etc/onspec/onspec.toml\n  onspec batches report TM3-260123-014 TM3-260123-015 --certificate --customer 'ACME' --order 4711 -o coa.html -c /etc/onspec/onspec.toml\n  onspec batches report --weekly --week 2026-W05 --language zh-CN -o week.html -c /etc/onspec/onspec.toml"
    )]
    Report(Box<report::Args>),
    /// How much batches differ from one another and within themselves, along the web and across it, and which lots of raw
    /// material make them differ, by line and grade. The daemon may be running.
    #[command(
        after_help = "Examples:\n  onspec batches uniformity -c /etc/onspec/onspec.toml\n  onspec batches uniformity --by lot --line tm3 --grade facial-15 -c /etc/onspec/onspec.toml"
    )]
    Uniformity {
        #[command(flatten)]
        which: Which,
        /// What is told apart: grades, or in each of them the batches of each lot.
        #[arg(long, value_name = "WHAT", value_enum, default_value = "grade")]
        by: uniformity::By,
        /// Only those of this line.
        #[arg(long, value_name = "LINE")]
        line: Option<String>,
        /// Only those of this grade.
        #[arg(long, value_name = "GRADE")]
        grade: Option<String>,
        /// How many batches are looked at, the newest; of each the sheet is read.
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Tell the running daemon what was decided of a batch. The newest decision counts, and all are kept. 1 if the
    /// daemon does not run.
    #[command(
        after_help = "Examples:\n  onspec batches dispose TM3-260123-014 --as release -c /etc/onspec/onspec.toml\n  onspec batches dispose TM3-260123-014 --as rework --by shift-a --note 'holes' -c /etc/onspec/onspec.toml"
    )]
    Dispose(Box<Dispose>),
}

#[derive(Debug, clap::Args)]
pub(super) struct Dispose {
    /// The batch.
    id: String,
    /// What was decided.
    #[arg(long = "as", value_name = "WORD", value_parser = ["release", "hold", "downgrade", "rework", "scrap"])]
    disposition: String,
    /// Who decided.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// When: RFC 3339, or milliseconds since 1970; now, if not given.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    ts: Option<Timestamp>,
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

fn metres(text: &str) -> Result<Metres, String> {
    let both = text.split_once(',').and_then(|(from, to)| {
        Some((from.trim().parse::<f64>().ok()?, to.trim().parse::<f64>().ok()?))
    });
    both.filter(|(from, to)| 0.0 <= *from && from < to && to.is_finite())
        .ok_or_else(|| "write two metres from the begin, the lesser first: 21400,36100".into())
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    match args {
        Args::List { which, line, limit, json } => in_store(which, out, |path, out| {
            match list(path, line.as_deref(), *limit as usize, *json) {
                Ok(text) => out.print(&text),
                Err(error) => out.fail(&error),
            }
        }),
        Args::Show { which, id, metres, json } => {
            in_store(which, out, |path, out| match show(path, id, *metres, *json) {
                Ok(Some(text)) => out.print(&text),
                Ok(None) => {
                    out.error(&format!("the store knows no batch or lot `{id}`"));
                    Exit::Failed
                }
                Err(error) => out.fail(&error),
            })
        }
        Args::Score { which, by, line, grade, json } => in_store(which, out, |path, out| {
            match score::score(path, (line.as_deref(), grade.as_deref()), *by, *json) {
                Ok(text) => out.print(&text),
                Err(error) => out.fail(&error),
            }
        }),
        Args::Report(asked) => report::command(asked, out),
        Args::Uniformity { which, by, line, grade, limit, json } => {
            in_store(which, out, |path, out| {
                let of = (line.as_deref(), grade.as_deref());
                match uniformity::uniformity(path, of, (*by, *limit as usize), *json) {
                    Ok(text) => out.print(&text),
                    Err(error) => out.fail(&error),
                }
            })
        }
        Args::Dispose(decided) => dispose(decided, out),
    }
}

/// Does something with the store that the arguments name.
fn in_store(which: &Which, out: &mut Out, f: impl FnOnce(&Path, &mut Out) -> Exit) -> Exit {
    match which.path() {
        Ok(path) => f(&path, out),
        Err(problem) => {
            out.error(&problem);
            Exit::Usage
        }
    }
}

fn dispose(decided: &Dispose, out: &mut Out) -> Exit {
    let checked = match crate::config::read(&decided.config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    let line = match daemon::line(&checked.plant, decided.line.as_deref()) {
        Ok(line) => Arc::clone(line),
        Err(problem) => {
            out.error(&format!("error: {problem}\n"));
            return Exit::Usage;
        }
    };
    let event = serde_json::json!({
        "event": "disposition", "batch": decided.id, "disposition": decided.disposition, "by": decided.by,
        "note": decided.note, "ts": decided.ts.map(Timestamp::to_rfc3339),
    });
    let events = [Telling { line, event, place: String::new() }];
    if let Err(wrong) = daemon::check(&events) {
        out.error(&wrong);
        return Exit::Failed;
    }
    daemon::tell((&decided.config, &checked), &events, ("decision", decided.json), out)
}

fn list(path: &Path, line: Option<&str>, limit: usize, json: bool) -> Result<String, AppError> {
    let found = batches::newest(&Reader::open(path)?, line, limit)?;
    if json {
        return Ok(format!("{}\n", serde_json::json!({ "batches": found })));
    }
    if found.is_empty() {
        return Ok("there is no batch\n".into());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["line", "batch", "grade", "started", "ended", "verdict", "disposition"]);
    for batch in &found {
        table.add_row([
            whose(batch),
            batch.batch.to_string(),
            text(batch.grade.as_deref()),
            batch.started.to_string(),
            batch.ended.map_or_else(|| "in progress".to_owned(), |ended| ended.to_string()),
            batch.verdict.map_or("void", Call::as_str).to_owned(),
            text(batch.disposition.map(Disposition::as_str)),
        ]);
    }
    Ok(format!("{table}\n"))
}

/// The line, with the station where there is one.
fn whose(batch: &BatchRecord) -> String {
    match &batch.station {
        Some(station) => format!("{}/{station}", batch.line),
        None => batch.line.to_string(),
    }
}

fn text(known: Option<&str>) -> String {
    known.unwrap_or_default().to_owned()
}

/// What is known; `None` if nothing is.
fn show(
    path: &Path,
    id: &str,
    metres: Option<Metres>,
    json: bool,
) -> Result<Option<String>, AppError> {
    let reader = Reader::open(path)?;
    let found = batches::called(&reader, id)?;
    let genealogy = batches::genealogy(&reader, id, metres)?;
    if found.is_empty() && genealogy.sources.is_empty() && genealogy.products.is_empty() {
        return Ok(None);
    }
    if json {
        let sheets = found.iter().map(|batch| {
            let (line, id) = (&*batch.line, &*batch.batch);
            let sections = batches::sections(&reader, line, id)?;
            Ok(serde_json::json!({ "found": batches::sheet(&reader, line, id)?, "seen": sections }))
        });
        let sheets = sheets.collect::<Result<Vec<_>, StoreError>>()?;
        let document =
            serde_json::json!({ "batches": found, "sheets": sheets, "genealogy": genealogy });
        return Ok(Some(format!("{document}\n")));
    }
    let mut told = String::new();
    for batch in &found {
        let sheet = batches::sheet(&reader, &batch.line, &batch.batch)?;
        describe(&mut told, batch, sheet.as_ref());
    }
    steps(&mut told, "made of", &genealogy, &genealogy.sources, |step| &step.source);
    steps(&mut told, "became", &genealogy, &genealogy.products, |step| &step.batch);
    if genealogy.more {
        writeln!(told, "and more").expect(IN_MEMORY);
    }
    Ok(Some(told))
}

fn describe(told: &mut String, batch: &BatchRecord, sheet: Option<&SheetRecord>) {
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            writeln!(told, "{name:<14}{value}").expect(IN_MEMORY);
        }
    };
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(String::new, |value| format!("{value:.0} {unit}"))
    };
    row("line", whose(batch));
    row("batch", batch.batch.to_string());
    row("grade", text(batch.grade.as_deref()));
    row("verdict", batch.verdict.map_or("void", Call::as_str).to_owned());
    row("disposition", text(batch.disposition.map(Disposition::as_str)));
    row("started", batch.started.to_string());
    row("ended", batch.ended.map_or_else(|| "in progress".to_owned(), |ended| ended.to_string()));
    row("length", number(batch.length_m, "m"));
    row("mass", number(batch.mass_kg, "kg"));
    let share = batch.off_spec_share.map(|share| format!("{:.1} %", share * 100.0));
    row("outside", text(share.as_deref()));
    row("first flag", batch.first_flag.map_or_else(String::new, |flag| flag.to_string()));
    row("merged into", text(batch.merged_into.as_deref()));
    for (property, value) in &batch.lab {
        row("laboratory", format!("{property} {value}"));
    }
    let verdict = sheet.map(|sheet| &sheet.verdict);
    for span in verdict.into_iter().flat_map(|verdict| &verdict.spans) {
        row("bad stretch", stretch(span));
    }
    if let Some(slab) = verdict.and_then(|verdict| verdict.slab) {
        row("slab off", advice(&slab));
    }
    told.push('\n');
}

/// A bad stretch, in metres from both ends where they are known, else in time.
fn stretch(span: &SpanDocument) -> String {
    let time = |ms| Timestamp::from_millis(ms).map_or_else(|_| String::new(), |at| at.to_string());
    let times = format!("{} to {}", time(span.from), time(span.to));
    let Some((from, to)) = span.from_m.zip(span.to_m) else { return times };
    let after = span.after_m.map_or_else(String::new, |m| format!(", {m:.0} m before the end"));
    format!("{from:.0} to {to:.0} m{after} ({times})")
}

/// What to take off so that the longest good piece is left.
fn advice(slab: &Slab) -> String {
    let Slab { off_begin_m, off_end_m, left_m, length_m, bad_m, .. } = slab;
    let more = if slab.more { "; more is wrong, and nobody knows where" } else { "" };
    if *left_m <= 0.0 {
        return format!("all of it is bad{more}");
    }
    let left_kg = slab.left_kg.map_or_else(String::new, |kg| format!(", {kg:.0} kg"));
    format!(
        "{off_begin_m:.0} m at the begin and {off_end_m:.0} m at the end: {left_m:.0} of {length_m:.0} m are left{left_kg} \
         ({bad_m:.0} m are bad){more}"
    )
}

/// Steps of a genealogy, indented by how far they are away.
fn steps(
    told: &mut String,
    title: &str,
    genealogy: &Genealogy,
    steps: &[Step],
    name: impl Fn(&Step) -> &str,
) {
    if steps.is_empty() {
        return;
    }
    let part = genealogy.from_m.zip(genealogy.to_m);
    let part =
        part.map_or_else(String::new, |(from, to)| format!(" ({from:.0} to {to:.0} m of it)"));
    writeln!(told, "{title}{part}").expect(IN_MEMORY);
    for step in steps {
        let indent = usize::try_from(step.generation).unwrap_or(1) * 2;
        let mass = step.mass_kg.map_or_else(String::new, |kg| format!(", {kg:.0} kg"));
        let merged = if step.merged { ", merged" } else { "" };
        let place = step.found_from_m.zip(step.found_to_m);
        let place =
            place.map_or_else(String::new, |(from, to)| format!(", {from:.0} to {to:.0} m"));
        let of = format!("{} from {}", step.batch, step.source);
        writeln!(told, "{:indent$}{}{place}{mass}{merged}  ({of})", "", name(step))
            .expect(IN_MEMORY);
    }
}
