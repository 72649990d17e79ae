//! Control charts of tags and of laboratory properties.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Chart, Cusum, Ewma, LabChart, Tag};
use super::super::words::{AutocorrelationName, ChartKind, LabChartKind, RoleName, RuleName, Word};
use super::{Context, HOUR};
use crate::chart::{
    Autocorrelation, CusumSettings, EwmaSettings, Kind, Rule, SUBGROUP_SIZES, Settings, arl,
};
use crate::plant::{Charted, Every};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The values of a subgroup when the configuration does not say: what most books and plants use.
const SIZE: u32 = 5;

/// The chart of a tag on a line with frames of this length: quality tags have one without a word.
pub(super) fn check(cx: &mut Context<'_>, tag: &At<Tag>, frame: Duration) -> Option<Charted> {
    let Some(found) = tag.chart.as_ref() else {
        let quality = tag.role.as_ref().is_some_and(|role| **role == RoleName::Quality);
        return quality.then(|| Charted::of_quality(frame));
    };
    let kind = found.kind.as_ref().map_or(ChartKind::Individuals, |kind| **kind);
    let size = check_size(cx, found, kind);
    let kind = match kind {
        ChartKind::None => return none(cx, found),
        ChartKind::Individuals => Kind::Individuals,
        ChartKind::MeanRange => Kind::MeanAndRange(size),
        ChartKind::MeanDeviation => Kind::MeanAndDeviation(size),
    };
    let settings = check_settings(cx, found, kind);
    Some(Charted::new(check_every(cx, found, (kind, frame)), settings))
}

/// The chart of a laboratory property, which has one without a word: each batch is a point.
pub(super) fn of_property(cx: &mut Context<'_>, found: Option<&At<LabChart>>) -> Option<Charted> {
    let Some(found) = found else { return Some(Charted::of_property(Settings::default())) };
    let chart = found.chart();
    if found.kind.as_ref().is_some_and(|kind| **kind == LabChartKind::None) {
        return none(cx, &chart);
    }
    Some(Charted::of_property(check_settings(cx, &chart, Kind::Individuals)))
}

fn check_settings(cx: &mut Context<'_>, found: &Chart, kind: Kind) -> Settings {
    let default = Settings::default();
    let named = found.rules.is_some() || found.ewma.is_some() || found.cusum.is_some();
    let (rules, ewma) = if named {
        (check_rules(found), found.ewma.as_ref().map(|ewma| check_ewma(cx, ewma)))
    } else {
        (default.rules, default.ewma)
    };
    Settings {
        kind,
        autocorrelation: match found.autocorrelation.as_ref().map(|word| **word) {
            Some(AutocorrelationName::Widened) => Autocorrelation::Widened,
            Some(AutocorrelationName::Residual) | None => default.autocorrelation,
        },
        rules,
        spread: found.spread.as_ref().is_some_and(|spread| **spread),
        ewma,
        cusum: found.cusum.as_ref().and_then(|cusum| check_cusum(cx, cusum)),
        ..default
    }
}

/// What is not charted: what else is said of its chart means nothing.
fn none(cx: &mut Context<'_>, found: &Chart) -> Option<Charted> {
    let others = [
        ("size", found.size.as_ref().map(At::span)),
        ("every", found.every.as_ref().map(At::span)),
        ("autocorrelation", found.autocorrelation.as_ref().map(At::span)),
        ("rules", found.rules.as_ref().map(At::span)),
        ("spread", found.spread.as_ref().map(At::span)),
        ("ewma", found.ewma.as_ref().map(At::span)),
        ("cusum", found.cusum.as_ref().map(At::span)),
    ];
    for (key, span) in others.into_iter().filter_map(|(key, span)| Some((key, span?))) {
        cx.report(Code::Meaningless, span, format!("`{key}` means nothing with `kind = \"none\"`"))
            .help("leave it out, or write another `kind`");
    }
    None
}

fn check_size(cx: &mut Context<'_>, found: &Chart, kind: ChartKind) -> u32 {
    let Some(size) = found.size.as_ref() else { return SIZE };
    match kind {
        // It is reported with all else.
        ChartKind::None => {}
        ChartKind::Individuals => {
            let message = format!("`size` means nothing with `kind = \"{}\"`", kind.as_str());
            cx.report(Code::Meaningless, size.span(), message).help(
                "leave it out, or write `kind = \"mean-range\"` or `kind = \"mean-deviation\"`",
            );
        }
        ChartKind::MeanRange | ChartKind::MeanDeviation => {
            let (low, high) = (*SUBGROUP_SIZES.start(), *SUBGROUP_SIZES.end());
            let allowed = i64::from(low)..=i64::from(high);
            let checked = cx.integer(Some(size), "size", i64::from(SIZE), allowed);
            return u32::try_from(checked).unwrap_or(SIZE);
        }
    }
    SIZE
}

fn check_every(cx: &mut Context<'_>, found: &Chart, (kind, frame): (Kind, Duration)) -> Every {
    let default = Every::Time(Charted::EVERY.max(frame));
    let Some(every) = found.every.as_ref() else { return default };
    if every.trim() == "batch" {
        if kind != Kind::Individuals {
            let message = "`every = \"batch\"` makes no subgroups: each batch is a point";
            cx.report(Code::Meaningless, every.span(), message)
                .help("leave `kind` out, or write a time, such as `\"1m\"`");
        }
        return Every::Batch;
    }
    let allowed = frame..=HOUR * 24;
    cx.duration_text(every, every.span(), "every", allowed).map_or(default, Every::Time)
}

fn check_rules(found: &Chart) -> BTreeSet<Rule> {
    let of =
        |set: &'static str| Rule::ALL.into_iter().filter(move |rule| rule.name().starts_with(set));
    let named = found.rules.iter().flat_map(|rules| rules.iter());
    named
        .flat_map(|word| match **word {
            RuleName::Nelson => of("nelson-").collect(),
            RuleName::Western => of("we-").collect(),
            rule => rule.as_str().parse().into_iter().collect::<Vec<Rule>>(),
        })
        .collect()
}

fn check_ewma(cx: &mut Context<'_>, found: &Ewma) -> EwmaSettings {
    let lambda = within(cx, found.lambda.as_ref(), "lambda", 0.1, &(0.02..=1.0));
    let run_length = check_run_length(cx, found.run_length.as_ref());
    EwmaSettings { lambda, run_length }
}

fn check_cusum(cx: &mut Context<'_>, found: &At<Cusum>) -> Option<CusumSettings> {
    let k = within(cx, found.k.as_ref(), "k", 0.5, &(0.1..=2.0));
    let run_length = check_run_length(cx, found.run_length.as_ref());
    if !arl::has_cusum(k, run_length) {
        let message = format!("no CUSUM with `k` {k} runs for only {run_length} points");
        cx.report(Code::OutOfBounds, found.span(), message)
            .help("ask for a longer `run_length`, or write a smaller `k`");
        return None;
    }
    let fast = found.fast.as_ref().is_some_and(|fast| **fast);
    Some(CusumSettings { k, run_length, fast })
}

fn check_run_length(cx: &mut Context<'_>, found: Option<&At<f64>>) -> f64 {
    within(cx, found, "run_length", arl::USUAL, &arl::RUN_LENGTHS)
}

/// Holds a number against what is allowed.
fn within(
    cx: &mut Context<'_>,
    found: Option<&At<f64>>,
    key: &str,
    default: f64,
    allowed: &RangeInclusive<f64>,
) -> f64 {
    let Some(found) = found else { return default };
    if allowed.contains(&**found) {
        return **found;
    }
    cx.report(Code::OutOfBounds, found.span(), format!("`{key}` cannot be {}", **found))
        .label(format!("allowed are {} to {}", allowed.start(), allowed.end()));
    default
}
