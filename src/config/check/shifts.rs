//! The calendar of shifts, and who hears of what in which of them.

use super::super::at::TextOr;
use super::super::diagnostic::Code;
use super::super::raw::{Raw, ShiftText, When};
use super::super::suggest::{list, or_declared};
use super::Context;
use crate::webhook::Shift;
use std::ops::Range;

const EXAMPLE: &str = "write `shifts = [\"06:00\", \"14:00\", \"22:00\"]`, or with names `[{ name = \"early\", begins = \"06:00\" }, …]`";

/// The shifts of the site, by their begins.
pub(super) fn check(cx: &mut Context<'_>, raw: &Raw) -> Vec<Shift> {
    let Some(found) = raw.site.as_deref().and_then(|site| site.shifts.as_ref()) else {
        return Vec::new();
    };
    let mut shifts: Vec<(Shift, Range<usize>)> = Vec::new();
    for each in found.iter() {
        let Some(shift) = shift(cx, each) else { continue };
        let same = |(other, _): &&(Shift, Range<usize>)| {
            other.begins == shift.begins || other.name == shift.name
        };
        if let Some((other, _)) = shifts.iter().find(same) {
            let what = if other.name == shift.name {
                format!("two shifts are named `{}`", shift.name)
            } else {
                format!("the shifts `{}` and `{}` begin at the same time", other.name, shift.name)
            };
            cx.report(Code::Twice, each.span(), what)
                .help("each shift has a begin and a name of its own");
            continue;
        }
        shifts.push((shift, each.span()));
    }
    if found.len() < 2 {
        let message = format!("`shifts` has {}: a day has two shifts at least", found.len());
        cx.report(Code::OutOfBounds, found.span(), message).help(EXAMPLE);
    }
    let mut shifts: Vec<Shift> = shifts.into_iter().map(|(shift, _)| shift).collect();
    shifts.sort_by_key(|shift| shift.begins);
    shifts
}

fn shift(cx: &mut Context<'_>, found: &ShiftText) -> Option<Shift> {
    let (name, begins, span) = match &**found {
        TextOr::Text(begins) => (None, begins.as_str(), found.span()),
        TextOr::Table(table) => {
            let Some(begins) = table.begins.as_ref() else {
                cx.missing(&found.span(), "a shift", "begins", "\"06:00\"");
                return None;
            };
            let Some(name) = table.name.as_ref() else {
                cx.missing(&found.span(), "a shift", "name", "\"early\"");
                return None;
            };
            cx.name(name, name.span(), "a shift", &[]);
            (Some(name), begins.as_str(), begins.span())
        }
    };
    let Some(at) = Shift::begin_of(begins) else {
        cx.report(Code::Quantity, span, format!("`{begins}` is no time of a day")).help(EXAMPLE);
        return None;
    };
    Some(Shift {
        name: name.map_or_else(|| begins.trim().to_owned(), |name| name.to_string()),
        begins: at,
    })
}

/// The names of the shifts in which a receiver hears.
pub(super) fn wanted(cx: &mut Context<'_>, when: &When, calendar: &[Shift]) -> Vec<String> {
    let wanted = when.shifts.as_ref().map(|shifts| &shifts[..]).unwrap_or_default();
    let mut names = Vec::new();
    for found in wanted {
        // One that has a name may be meant by its begin as well.
        let is = |shift: &&Shift| {
            shift.name == found.as_str() || Shift::begin_of(found) == Some(shift.begins)
        };
        if let Some(shift) = calendar.iter().find(is) {
            names.push(shift.name.clone());
            continue;
        }
        let known: Vec<&str> = calendar.iter().map(|shift| shift.name.as_str()).collect();
        let message = format!("`shifts` names `{}`, which is no shift of the site", **found);
        let help = match or_declared(found, &known, "[site] shifts") {
            near if near.starts_with("did you") => {
                format!("{near} the shifts are {}", list(&known))
            }
            _ if known.is_empty() => format!("the site has none: below `[site]` {EXAMPLE}"),
            declared => declared,
        };
        cx.report(Code::Name, found.span(), message).label("no such shift").help(help);
    }
    names
}
