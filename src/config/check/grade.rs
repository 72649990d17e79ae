//! Grades: limits on quality tags and on what the laboratory measures.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Grade, Limit, Raw, Tag};
use super::super::suggest::or_declared;
use super::super::words::{RoleName, Word};
use super::{Context, chart, plant, text};
use crate::plant::{Grade as CheckedGrade, SpecLimit};
use std::ops::Range;
use std::sync::Arc;

/// Checks one grade.
pub(super) fn check(
    cx: &mut Context<'_>,
    raw: &Raw,
    name: &At<String>,
    grade: &At<Grade>,
) -> CheckedGrade {
    cx.name(name, name.span(), "a grade", &[]);
    let off_share = grade.off_share.as_ref().map(|share| {
        if !(0.0..1.0).contains(&**share) {
            let message = format!("`off_share` cannot be {}", **share);
            cx.report(Code::OutOfBounds, share.span(), message)
                .label("a share from 0.0 to below 1.0, such as 0.1 for 10 %");
        }
        **share
    });
    CheckedGrade {
        spec: grade
            .spec
            .iter()
            .map(|(tag, limit)| {
                let key = format!("spec.{}", **tag);
                let mut checked = check_limit(cx, &key, limit.span(), limit);
                check_spec(cx, raw, tag, limit, &mut checked);
                (Arc::from(tag.as_str()), checked)
            })
            .collect(),
        lab: grade
            .lab
            .iter()
            .map(|(property, limit)| {
                cx.name(property, property.span(), "a laboratory property", &['/', '+', '#']);
                let key = format!("lab.{}", **property);
                let limit = check_limit(cx, &key, limit.span(), &limit.limit());
                (Arc::from(property.as_str()), limit)
            })
            .collect(),
        lab_charts: grade
            .lab
            .iter()
            .filter_map(|(property, limit)| {
                let charted = chart::of_property(cx, limit.chart.as_ref())?;
                Some((Arc::from(property.as_str()), charted))
            })
            .collect(),
        centerline: grade
            .centerline
            .iter()
            .filter_map(|(tag, window)| {
                want_declared(cx, raw, tag, "a centerline for");
                let range = plant::check_range(cx, window, &format!("centerline.{}", **tag))?;
                Some((Arc::from(tag.as_str()), range))
            })
            .collect(),
        off_share,
    }
}

/// Warns of quality tags that no grade limits: they could never make a batch off spec.
pub(super) fn unlimited(cx: &mut Context<'_>, raw: &Raw) {
    if ["grade", "spec"].iter().any(|key| cx.was_removed(key)) {
        return;
    }
    for (line, declared) in plant::lines(raw) {
        for (id, tag) in plant::tags(declared) {
            let quality = tag.role.as_ref().is_some_and(|role| **role == RoleName::Quality);
            let limited =
                || raw.grade.values().any(|grade| grade.spec.keys().any(|tag| **tag == **id));
            if quality && !cx.was_removed(id) && !limited() {
                let message =
                    format!("quality tag `{}` of line `{}` has limits in no grade", **id, **line);
                cx.report(Code::NoLimits, id.span(), message)
                    .label("nothing says what is on spec")
                    .help(format!(
                        "add `spec.{} = {{ low = …, high = … }}` to a `[grade.…]`, or give it another \
                         `role`",
                        **id
                    ));
            }
        }
    }
}

fn check_limit(cx: &mut Context<'_>, key: &str, span: Range<usize>, limit: &Limit) -> SpecLimit {
    let number = |found: &Option<At<f64>>| found.as_ref().map(|number| **number);
    let (low, target, high) = (number(&limit.low), number(&limit.target), number(&limit.high));
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        let (low, high) = (show(low), show(high));
        let message = format!("`{key}` allows nothing: `low` {low} is not below `high` {high}");
        cx.report(Code::Limits, span.clone(), message).help("exchange them, or leave one out");
    } else if let Some(target) = limit.target.as_ref()
        && (low.is_some_and(|low| **target < low) || high.is_some_and(|high| **target > high))
    {
        let message = format!("`target` {} of `{key}` is not on spec", show(**target));
        cx.report(Code::Limits, target.span(), message).label("outside `low` and `high`");
    }
    let removed = |key: &str| cx.removed.contains(&(span.start, key.to_owned()));
    if low.is_none() && high.is_none() && !removed("low") && !removed("high") {
        cx.report(Code::MissingKey, span.clone(), format!("`{key}` has neither `low` nor `high`"))
            .help("add at least one: `low = 14.4`, `high = 15.6`");
    }
    SpecLimit {
        low,
        target,
        high,
        unit: text(limit.unit.as_ref()).unwrap_or_default().trim().into(),
    }
}

/// A number as people write it: a very large or very small one with its power of ten.
fn show(number: f64) -> String {
    let plain = number == 0.0 || (1e-6..1e15).contains(&number.abs());
    if plain { number.to_string() } else { format!("{number:e}") }
}

/// Holds limits against the tags they are on, in every line that has one of this name.
fn check_spec(
    cx: &mut Context<'_>,
    raw: &Raw,
    tag: &At<String>,
    limit: &At<Limit>,
    checked: &mut SpecLimit,
) {
    for (line, declared) in want_declared(cx, raw, tag, "limits on") {
        check_role(cx, line, tag, declared);
        check_unit(cx, line, tag, limit, declared, checked);
        check_inside_range(cx, line, tag, limit, declared);
    }
}

/// The tag in every line that declares it; reports one that none does.
fn want_declared<'r>(
    cx: &mut Context<'_>,
    raw: &'r Raw,
    tag: &At<String>,
    what: &str,
) -> Vec<(&'r str, &'r At<Tag>)> {
    let lines = plant::lines(raw);
    let declared: Vec<(&str, &At<Tag>)> = lines
        .iter()
        .filter_map(|(line, raw)| {
            let (_, found) = raw.tag.iter().find(|(id, _)| ***id == **tag)?;
            Some((line.as_str(), found))
        })
        .collect();
    if declared.is_empty() && !cx.was_removed(tag) {
        let known: Vec<&str> =
            lines.iter().flat_map(|(_, line)| line.tag.keys().map(|id| id.as_str())).collect();
        let message = format!("{what} tag `{}`, which no line declares", **tag);
        cx.report(Code::UnknownTag, tag.span(), message).label("no such tag").help(or_declared(
            tag,
            &known,
            "[line.….tag.…]",
        ));
    }
    declared
}

fn check_role(cx: &mut Context<'_>, line: &str, tag: &At<String>, declared: &At<Tag>) {
    let role = declared.role.as_ref().map_or(RoleName::Process, |role| **role);
    if role == RoleName::Quality || cx.removed.contains(&(declared.span().start, "role".to_owned()))
    {
        return;
    }
    let place = cx.line_of(&declared.span());
    let message = format!("limits on tag `{}`, which is no quality tag", **tag);
    cx.report(Code::LimitRole, tag.span(), message)
        .label(format!("its role is `{}` (line {place})", role.as_str()))
        .help(format!("write `role = \"quality\"` under `[line.{line}.tag.{}]`", **tag));
}

fn check_unit(
    cx: &mut Context<'_>,
    line: &str,
    tag: &At<String>,
    limit: &At<Limit>,
    declared: &At<Tag>,
    checked: &mut SpecLimit,
) {
    let Some(unit) = declared.unit.as_ref().filter(|unit| !unit.trim().is_empty()) else { return };
    if checked.unit.is_empty() {
        // The limits are in the unit of the readings unless they say otherwise.
        checked.unit = unit.trim().into();
        return;
    }
    if *checked.unit == *unit.trim() {
        return;
    }
    let place = cx.line_of(&unit.span());
    let span = limit.unit.as_ref().map_or_else(|| tag.span(), At::span);
    let message = format!("tag `{}` has spec limits in another unit than its readings", **tag);
    cx.report(Code::Unit, span, message)
        .label(format!("readings of line `{line}` arrive in `{}` (line {place})", **unit))
        .help(format!(
            "give the limits in `{}`, for each line a grade of its own if need be",
            **unit
        ));
}

fn check_inside_range(
    cx: &mut Context<'_>,
    line: &str,
    tag: &At<String>,
    limit: &At<Limit>,
    declared: &At<Tag>,
) {
    let Some(range) = declared.range.as_ref() else { return };
    let [from, to] = range.as_slice() else { return };
    if **from >= **to {
        return;
    }
    let place = cx.line_of(&range.span());
    let mut warn = |found: &Option<At<f64>>, key: &str, beyond: bool| {
        let Some(found) = found.as_ref().filter(|_| beyond) else { return };
        let message = format!("`{key}` of `{}` lies beyond what its instrument shows", **tag);
        cx.report(Code::LimitBeyondRange, found.span(), message)
            .label(format!("line `{line}` shows {} to {} (line {place})", **from, **to))
            .help("a reading out there counts as a sick sensor and never breaks this limit");
    };
    warn(&limit.low, "low", limit.low.as_ref().is_some_and(|low| **low < **from));
    warn(&limit.high, "high", limit.high.as_ref().is_some_and(|high| **high > **to));
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn numbers_are_shown_in_few_digits() {
        assert_eq!([14.4, -0.0, 1e308, 2e-9].map(show), ["14.4", "-0", "1e308", "2e-9"]);
    }
}
