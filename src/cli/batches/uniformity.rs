//! `onspec batches uniformity`.

use crate::app::{AppError, batches};
use crate::store::Reader;
use crate::verdict::{
    Apart, Component, Figure, LotsOf, OfGrade, ProfileParts, PropertyParts, Uniformity,
};
use comfy_table::{Table, presets};
use std::fmt::Write as _;
use std::path::Path;

/// Lots that are printed of a figure: the most different.
const LOTS: usize = 10;

const IN_MEMORY: &str = "writing to a string cannot fail";

/// What is told apart.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(in crate::cli) enum By {
    Grade,
    Lot,
}

pub(super) fn uniformity(
    path: &Path,
    of: (Option<&str>, Option<&str>),
    (by, limit): (By, usize),
    json: bool,
) -> Result<String, AppError> {
    let apart = match by {
        By::Grade => Apart::Grade,
        By::Lot => Apart::Lot,
    };
    let told = batches::uniformity(&Reader::open(path)?, of, apart, limit)?;
    if json {
        let document = serde_json::to_string(&told);
        return document
            .map(|text| text + "\n")
            .map_err(|error| AppError::Other(error.to_string()));
    }
    Ok(print(&told, apart))
}

fn print(told: &Uniformity, apart: Apart) -> String {
    let mut text = String::new();
    let (read, stored) = (told.read, told.stored);
    writeln!(text, "by the newest {read} of {stored} batches; standard deviations, with the range of the true one in nineteen cases of twenty").expect(IN_MEMORY);
    if told.grades.is_empty() {
        writeln!(text, "there is no finished batch among them").expect(IN_MEMORY);
    }
    for of in &told.grades {
        let grade = of.grade.as_deref().unwrap_or("none");
        let (line, batches) = (&of.line, of.batches);
        writeln!(text, "\nline {line}, grade {grade}, {batches} batches").expect(IN_MEMORY);
        match apart {
            Apart::Grade => {
                write!(text, "{}{}", properties(&of.properties), profiles(&of.profiles))
                    .expect(IN_MEMORY);
                differing(&mut text, of);
            }
            Apart::Lot => by_lot(&mut text, of),
        }
    }
    text
}

fn table(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(heads.to_vec());
    for row in rows {
        table.add_row(row);
    }
    format!("{table}\n")
}

/// A number with four significant digits.
fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0.0 } else { 3.0 - value.abs().log10().floor() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
    let digits = digits.clamp(0.0, 9.0) as usize;
    format!("{value:.digits$}")
}

fn deviation(part: Option<Component>) -> String {
    let Some(part) = part else { return String::new() };
    let mut text = number(part.deviation);
    if let (Some(low), Some(high)) = (part.low, part.high) {
        write!(text, " ({} to {})", number(low), number(high)).expect(IN_MEMORY);
    }
    if let Some(share) = part.share {
        write!(text, ", {:.0} %", share * 100.0).expect(IN_MEMORY);
    }
    text
}

fn properties(each: &[PropertyParts]) -> String {
    let row = |parts: &PropertyParts| {
        let name = if parts.laboratory {
            format!("{} (laboratory)", parts.name)
        } else {
            parts.name.to_string()
        };
        let parted = parts.between.is_some();
        vec![
            name,
            parts.unit.to_string(),
            parts.batches.to_string(),
            number(parts.mean),
            deviation(parts.of_means),
            deviation(parts.between),
            if parted { deviation(parts.slow) } else { "one result a batch".into() },
            deviation(parts.fast),
        ]
    };
    let heads = [
        "property",
        "unit",
        "batches",
        "mean",
        "of means",
        "between",
        "slow within",
        "fast within",
    ];
    table(&heads, each.iter().map(row).collect())
}

fn profiles(each: &[ProfileParts]) -> String {
    let row = |parts: &ProfileParts| {
        let mut row = [&parts.profile, &parts.unit].map(ToString::to_string).to_vec();
        row.extend([parts.batches, parts.scans].map(|n| n.to_string()));
        row.extend([parts.md, parts.cd, parts.residual].map(|part| deviation(Some(part))));
        row
    };
    let heads = ["profile", "unit", "batches", "scans", "along (MD)", "across (CD)", "residual"];
    table(&heads, each.iter().map(row).collect())
}

fn figure(of: &LotsOf) -> String {
    let property = of.property.as_deref().unwrap_or_default();
    match of.figure {
        Figure::Mean => property.to_owned(),
        Figure::Within => format!("{property} within batches"),
        Figure::OffSpec => "found off spec".into(),
    }
}

fn added(of: &LotsOf, value: f64) -> String {
    match of.figure {
        Figure::Mean => format!("{value:+.4} {}", of.unit).trim_end().to_owned(),
        Figure::Within | Figure::OffSpec => format!("{:+.1} %", value * 100.0),
    }
}

/// The lots that differ, one a line.
fn differing(text: &mut String, of: &OfGrade) {
    if of.lots.is_empty() {
        writeln!(text, "nothing is known of lots of raw material: too few batches told what they consumed, and how much").expect(IN_MEMORY);
        return;
    }
    let mut some = false;
    for (of, lot) in of.lots.iter().flat_map(|of| of.lots.iter().map(move |lot| (of, lot))) {
        if !lot.differs {
            continue;
        }
        some = true;
        let (name, batches, share) = (&lot.lot, lot.batches, lot.share * 100.0);
        let [effect, low, high] = [lot.effect, lot.low, lot.high].map(|value| added(of, value));
        let worse = if lot.worse == Some(true) { ", for the worse" } else { "" };
        writeln!(text, "lot {name} ({share:.0} % of {batches} batches) adds {effect} ({low} to {high}) to {}{worse}", figure(of)).expect(IN_MEMORY);
    }
    if !some {
        let batches = of.batches_with_lots;
        writeln!(text, "no lot differs by more than chance has it, by {batches} batches of known lots; --by lot shows all").expect(IN_MEMORY);
    }
}

fn by_lot(text: &mut String, of: &OfGrade) {
    let mut rows = Vec::new();
    for of in &of.lots {
        for lot in of.lots.iter().take(LOTS) {
            let p = |p: Option<f64>| p.map_or_else(String::new, |p| format!("{p:.3}"));
            let mut remarks = Vec::new();
            if lot.differs {
                remarks.push(if lot.worse == Some(true) { "differs, worse" } else { "differs" });
            }
            if lot.confounded {
                remarks.push("hardly told from its time");
            }
            rows.push(vec![
                figure(of),
                lot.lot.to_string(),
                lot.batches.to_string(),
                format!("{:.0} %", lot.share * 100.0),
                added(of, lot.effect),
                format!("{} to {}", added(of, lot.low), added(of, lot.high)),
                p(lot.p),
                p(lot.p_adjusted),
                remarks.join(", "),
            ]);
        }
    }
    let heads = ["figure", "lot", "batches", "share", "adds", "in 19 of 20", "p", "p of all", ""];
    text.push_str(&table(&heads, rows));
    for lot in &of.by_lot {
        let (name, batches) = (&lot.lot, lot.batches);
        writeln!(text, "\nlot {name}, {batches} batches").expect(IN_MEMORY);
        write!(text, "{}{}", properties(&lot.properties), profiles(&lot.profiles))
            .expect(IN_MEMORY);
    }
    if of.lots.is_empty() {
        differing(text, of);
    }
}
