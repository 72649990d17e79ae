//! `onspec batches score`.

use crate::app::{AppError, batches};
use crate::reading::Timestamp;
use crate::store::Reader;
use crate::verdict::{Figures, Period, Rate, Scoreboard};
use comfy_table::{Table, presets};
use std::fmt::Write as _;
use std::path::Path;

/// Batches that are scored: the newest.
const SCORED_MAX: usize = 1_000_000;

/// What is counted together.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(in crate::cli) enum By {
    Day,
    Week,
    Month,
    All,
}

pub(super) fn score(
    path: &Path,
    of: (Option<&str>, Option<&str>),
    by: By,
    json: bool,
) -> Result<String, AppError> {
    let by = match by {
        By::Day => Period::Day,
        By::Week => Period::Week,
        By::Month => Period::Month,
        By::All => Period::All,
    };
    let board = batches::scoreboard(&Reader::open(path)?, of, by, SCORED_MAX)?;
    if json {
        let document = serde_json::to_string(&board);
        return document
            .map(|text| text + "\n")
            .map_err(|error| AppError::Other(error.to_string()));
    }
    Ok(told(&board))
}

fn told(board: &Scoreboard) -> String {
    if board.total.batches == 0 {
        return "there is no finished batch of which it is stored what it was found to be\n".into();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "from",
        "line",
        "grade",
        "batches",
        "right",
        "wrong",
        "missed",
        "acted",
        "open",
        "precision",
        "recall",
        "lead",
        "saved",
        "falsely held",
    ]);
    for row in &board.rows {
        let from = row.from.and_then(|ms| Timestamp::from_millis(ms).ok());
        let from = from.map_or_else(|| "all".to_owned(), |from| from.to_rfc3339()[..10].to_owned());
        let grade = row.grade.as_deref().unwrap_or_default().to_owned();
        table.add_row([from, row.line.to_string(), grade].into_iter().chain(cells(&row.figures)));
    }
    if board.rows.len() > 1 {
        let total = ["all".to_owned(), String::new(), String::new()];
        table.add_row(total.into_iter().chain(cells(&board.total)));
    }
    let mut text = format!("{table}\n");
    for of in &board.total.properties {
        let (property, outside, flagged) = (&of.property, of.outside, of.flagged);
        writeln!(
            text,
            "{property} was outside in {outside}, of which {flagged} were flagged before their end"
        )
        .expect("writing to a string cannot fail");
    }
    text
}

fn cells(figures: &Figures) -> [String; 11] {
    let rate = |rate: Rate| match rate.rate {
        Some(known) => {
            let percent = |rate: f64| rate * 100.0;
            format!(
                "{:.0} % ({:.0} to {:.0})",
                percent(known),
                percent(rate.low),
                percent(rate.high)
            )
        }
        None => String::new(),
    };
    let lead = figures.lead_s.map_or_else(String::new, |lead| format!("{:.0} min", lead / 60.0));
    [
        figures.batches.to_string(),
        figures.right.to_string(),
        figures.wrong.to_string(),
        figures.missed.to_string(),
        figures.acted.to_string(),
        (figures.open + figures.unscored).to_string(),
        rate(figures.precision),
        rate(figures.recall),
        lead,
        format!("{:.1} t", figures.tonnes_saved),
        format!("{:.1} t", figures.tonnes_falsely_held),
    ]
}
