//! `onspec backtest`.

use super::models::Of;
use super::out::{Exit, Out};
use super::store::Which;
use crate::app::backtest::{Asked, BacktestError, Backtested, Flagged, Row, Shown, backtest};
use crate::reading::{Count, Timestamp};
use comfy_table::{Table, presets};
use std::fmt::Write as _;

const IN_MEMORY: &str = "writing to a string cannot fail";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    of: Of,
    /// The version; if not given, the newest that waits for a person, else the one that judges.
    #[arg(id = "number", value_name = "VERSION")]
    version: Option<u32>,
    #[command(flatten)]
    which: Which,
    /// So many batches, the last finished ones of which the store still has frames; it keeps those of 200 a line.
    #[arg(long, value_name = "N", default_value = "30", value_parser = number)]
    batches: usize,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let (path, plant) = match args.which.open() {
        Ok(opened) => opened,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    let (line, grade) = args.of.pair();
    let asked = Asked { line, grade, version: args.version, batches: args.batches };
    match backtest(&path, plant.as_ref(), asked) {
        Ok(told) if args.json => {
            let json = serde_json::to_string(&told).expect("it has only text keys");
            out.print(&format!("{json}\n"))
        }
        Ok(told) => out.print(&text(&told)),
        Err(BacktestError::Unknown(what)) => {
            out.error(&format!("error: {what}\n"));
            Exit::Usage
        }
        Err(BacktestError::Failed(error)) => out.fail(&error),
    }
}

/// Reads a number of batches.
fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("`{text}` is no number of batches; write a whole number from 1"))
}

/// What was found, for people.
fn text(told: &Backtested) -> String {
    let Backtested { line, grade, version, promised, .. } = told;
    let stands = match (told.judges, told.waits) {
        (true, _) => ", which judges",
        (_, true) => ", which waits",
        _ => "",
    };
    let mut text = format!("line {line}, grade {grade}: model {version}{stands}\n");
    if !told.batches.is_empty() {
        writeln!(text, "{}", table(&told.batches)).expect(IN_MEMORY);
    }
    if let Some(why) = &told.fewer {
        let all = Count(told.asked, "batch");
        writeln!(text, "{} of {all} asked for: {why}", told.batches.len()).expect(IN_MEMORY);
    }
    if told.batches.is_empty() {
        return text;
    }
    let summary = &told.summary;
    let mut kind = |what: &str, shown: &Shown, range: &dyn Fn(&Flagged) -> String| {
        let Shown { of, model, live } = shown;
        writeln!(
            text,
            "{what} batches flagged: by the model {} of {of}{}, live {} of {of}{}",
            model.flagged,
            range(model),
            live.flagged,
            range(live)
        )
        .expect(IN_MEMORY);
    };
    kind("bad", &summary.bad, &|_| String::new());
    kind("good", &summary.good, &|flagged| {
        let (low, high) = flagged.range.unwrap_or((0.0, 1.0));
        format!(" (95 %: {:.1} to {:.1} %)", low * 100.0, high * 100.0)
    });
    let provisional = if promised.provisional { ", provisionally" } else { "" };
    writeln!(
        text,
        "promised{provisional}: 1 of {:.0} {} flagged wrongly",
        1.0 / promised.rate,
        promised.of
    )
    .expect(IN_MEMORY);
    let apart = [
        (summary.learned, "that the model learned"),
        (summary.acted, "somebody acted on"),
        (summary.open, "nobody decided on"),
        (summary.unseen, "of which too little could be judged"),
    ];
    let apart = apart.iter().filter(|(n, _)| *n > 0);
    let apart: Vec<String> =
        apart.map(|(n, what)| format!("{} {what}", Count(*n, "batch"))).collect();
    if !apart.is_empty() {
        writeln!(text, "not counted: {}", apart.join(", ")).expect(IN_MEMORY);
    }
    writeln!(
        text,
        "limits are those of the fit (scale {:.1}): on a line that judges they follow what good batches reach",
        told.limit_scale
    )
    .expect(IN_MEMORY);
    text
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "batch",
        "ended",
        "found",
        "said live",
        "left",
        "score",
        "model",
        "left",
        "tags",
        "",
    ]);
    let left =
        |share: Option<f64>| share.map_or(String::new(), |left| format!("{:.0} %", left * 100.0));
    for row in rows {
        let ended = Timestamp::from_millis(row.ended).map_or("-".into(), |at| at.to_string());
        let model = match (row.model.score, row.model.flagged) {
            (None, _) => "not judged",
            (_, true) => "flags",
            (_, false) => "",
        };
        table.add_row([
            row.batch.to_string(),
            ended,
            row.found.into(),
            row.live.verdict.into(),
            left(row.live.share_left),
            row.model.score.map_or("-".into(), |score| format!("{score:.2}")),
            model.into(),
            left(row.model.share_left),
            row.model.tags.join(", "),
            if row.learned { "learned" } else { "" }.into(),
        ]);
    }
    table
}
