//! Transport delays of tags: a time, a length over a speed, or a volume over a flow.

use super::super::at::{At, TextOr};
use super::super::diagnostic::Code;
use super::super::raw::{DelayBy, Line, Tag};
use super::super::words::{RoleName, Word};
use super::Context;
use super::plant::want_tag;
use crate::plant::{Delay, convert};
use std::sync::Arc;
use std::time::Duration;

/// The keys of one way to say a delay, and what its rate is measured in.
struct Way {
    amount: &'static str,
    rate: &'static str,
    /// The unit that all rates of this way can be converted from, in which `per_s` makes an amount pass in a second.
    unit: &'static str,
    per_s: f64,
    units: &'static str,
}

const LENGTH: Way =
    Way { amount: "length_m", rate: "speed", unit: "m/s", per_s: 1.0, units: "`m/min` or `m/s`" };
const VOLUME: Way = Way {
    amount: "volume_m3",
    rate: "flow",
    unit: "m3/h",
    per_s: 3600.0,
    units: "`L/min`, `L/s`, `m3/h`, `m3/min` or `gpm`",
};

/// Reads how long what a tag sees takes to the end of the line.
pub(super) fn check(
    cx: &mut Context<'_>,
    line: (&str, &Line),
    id: &At<String>,
    tag: &Tag,
) -> Option<Delay> {
    let delay = tag.delay.as_ref()?;
    let role = tag.role.as_ref().map_or(RoleName::Process, |role| **role);
    if role == RoleName::Context {
        let message = format!("no model watches a tag of the role `{}`", role.as_str());
        cx.report(Code::Meaningless, delay.span(), message)
            .help("leave out `delay`, or give the tag another role");
        return None;
    }
    match &**delay {
        TextOr::Text(text) => {
            let allowed = Duration::ZERO..=Delay::MAX;
            cx.duration_text(text, delay.span(), "delay", allowed).map(Delay::Time)
        }
        TextOr::Table(by) => over(cx, line, id, (by, delay)),
    }
}

fn over(
    cx: &mut Context<'_>,
    line: (&str, &Line),
    id: &At<String>,
    (by, place): (&DelayBy, &At<TextOr<super::super::at::DurationText, DelayBy>>),
) -> Option<Delay> {
    let by_length = (by.length_m.as_ref(), by.speed.as_ref());
    let by_volume = (by.volume_m3.as_ref(), by.flow.as_ref());
    let is_there = |(amount, rate): (Option<&At<f64>>, Option<&At<String>>)| {
        amount.is_some() || rate.is_some()
    };
    let (way, (amount, rate)) = match (is_there(by_length), is_there(by_volume)) {
        (true, true) => {
            cx.report(Code::Meaningless, place.span(), "`delay` is said in two ways").help(
                "write a length and a speed, or a volume and a flow, of the part that takes longest",
            );
            return None;
        }
        (_, false) => (LENGTH, by_length),
        (false, true) => (VOLUME, by_volume),
    };
    let Some(amount) = amount else {
        let example = if way.rate == "speed" { "120.0" } else { "30.0" };
        cx.missing(&place.span(), "`delay`", way.amount, example);
        return None;
    };
    let Some(rate) = rate else {
        let example = if way.rate == "speed" { "\"reel_speed\"" } else { "\"stock_flow\"" };
        cx.missing(&place.span(), "`delay`", way.rate, example);
        return None;
    };
    let bound = if way.rate == "speed" { 100_000.0 } else { 10_000.0 };
    if !(0.0..=bound).contains(&**amount) {
        let message = format!("`delay.{}` cannot be {}", way.amount, **amount);
        cx.report(Code::OutOfBounds, amount.span(), message)
            .label(format!("allowed are 0 to {bound}"));
        return None;
    }
    let (line_name, declared) = line;
    let found = want_tag(cx, line_name, declared, rate, &format!("delay.{}", way.rate))?;
    let unit = found.unit.as_ref().map_or("", |unit| unit.trim());
    // What passes in a second, in the unit of the tag.
    let Some(per_s) = convert(way.per_s, way.unit, unit) else {
        let message = format!(
            "`delay.{}` of `{}` wants a tag in {}, and `{}` is in `{unit}`",
            way.rate, **id, way.units, **rate
        );
        let label = found.unit.as_ref().map_or_else(
            || "it declares no unit".to_owned(),
            |unit| format!("its unit stands in line {}", cx.line_of(&unit.span())),
        );
        cx.report(Code::Unit, rate.span(), message).label(label).help(format!(
            "name a tag that is measured in {}, or write how long it takes, such as `\"90s\"`",
            way.units
        ));
        return None;
    };
    Some(Delay::Over { amount: **amount * per_s, rate: Arc::from(rate.as_str()) })
}
