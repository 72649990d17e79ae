//! Grades: limits on quality tags and on what the laboratory measures.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Amendment as RawAmendment, Bounds, Grade, LabLimit, Limit, Raw, Tag};
use super::super::suggest::{list, or_declared};
use super::super::words::{RoleName, Word};
use super::{Context, chart, plant, text};
use crate::plant::{Amendment, Bounds as CheckedBounds, Grade as CheckedGrade, SpecLimit};
use crate::reading::Timestamp;
use std::collections::BTreeMap;
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
    let mut checked = CheckedGrade {
        spec: check_tags(cx, raw, &grade.spec),
        lab: grade
            .lab
            .iter()
            .map(|(property, limit)| {
                (Arc::from(property.as_str()), check_property(cx, property, limit.span(), limit))
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
        off_share: check_share(cx, grade.off_share.as_ref()),
        amendments: Vec::new(),
    };
    let mut as_amended = checked.clone();
    for amendment in &grade.amendment {
        if let Some(from) = amend(cx, raw, (&mut as_amended, amendment)) {
            let latest = checked.amendments.last().map(|amendment| amendment.from);
            if latest.is_some_and(|latest| latest >= from) {
                let span = amendment.from.as_ref().map_or_else(|| amendment.span(), At::span);
                cx.report(
                    Code::Limits,
                    span,
                    format!("an amendment of grade `{}` is not in order", **name),
                )
                .label("not later than the one before it")
                .help("write amendments in the order in which they come into force");
            }
            checked.amendments.push(Amendment { from, grade: as_amended.clone() });
        }
    }
    checked
}

/// Takes the limits off a tag or a property, which may be called the same.
fn drop_limit(cx: &mut Context<'_>, grade: &mut CheckedGrade, name: &At<String>) {
    let (of_tag, of_property) = match (name.strip_prefix("spec."), name.strip_prefix("lab.")) {
        (Some(tag), _) => (Some(tag), None),
        (None, Some(property)) => (None, Some(property)),
        (None, None) => (Some(name.as_str()), Some(name.as_str())),
    };
    let of_tag = of_tag.filter(|tag| grade.spec.contains_key(*tag));
    let of_property = of_property.filter(|property| grade.lab.contains_key(*property));
    match (of_tag, of_property) {
        (Some(tag), Some(property)) => {
            let message = format!("`drop` names `{}`, which has limits of both kinds", **name);
            cx.report(Code::Twice, name.span(), message)
                .label("a quality tag, and a laboratory property")
                .help(format!("write `spec.{tag}` or `lab.{property}`, or both"));
        }
        (Some(tag), None) => drop(grade.spec.remove(tag)),
        (None, Some(property)) => {
            grade.lab.remove(property);
            grade.lab_charts.remove(property);
        }
        (None, None) => {
            let known: Vec<&str> =
                grade.spec.keys().chain(grade.lab.keys()).map(|name| &**name).collect();
            let message = format!("`drop` names `{}`, which has no limits", **name);
            cx.report(Code::UnknownTag, name.span(), message)
                .label("nothing to drop")
                .help(format!("limits are on {}", list(&known)));
        }
    }
}

/// An amended limit is measured as it was before, where nothing else is said.
fn keep_method(amended: &mut SpecLimit, before: &SpecLimit) {
    if amended.method.is_none() {
        amended.method.clone_from(&before.method);
    }
    amended.resolution = amended.resolution.or(before.resolution);
}

/// Applies an amendment to what is in force before it; from when on it is in force.
fn amend(
    cx: &mut Context<'_>,
    raw: &Raw,
    (grade, amendment): (&mut CheckedGrade, &At<RawAmendment>),
) -> Option<Timestamp> {
    for (tag, mut checked) in check_tags(cx, raw, &amendment.spec) {
        if let Some(before) = grade.spec.get(&tag) {
            keep_method(&mut checked, before);
        }
        grade.spec.insert(tag, checked);
    }
    for (property, limit) in &amendment.lab {
        let mut checked = check_property(cx, property, limit.span(), &limit.limit());
        let name: Arc<str> = property.as_str().into();
        if let Some(before) = grade.lab.get(&name) {
            // A limit is replaced as a whole, but numbers without a unit are in the one that they were in.
            if checked.unit.is_empty() {
                checked.unit = Arc::clone(&before.unit);
            }
            keep_method(&mut checked, before);
        } else {
            let charted = chart::of_property(cx, None).map(|charted| (Arc::clone(&name), charted));
            grade.lab_charts.extend(charted);
        }
        grade.lab.insert(name, checked);
    }
    grade.off_share = check_share(cx, amendment.off_share.as_ref()).or(grade.off_share);
    for name in amendment.drop.iter().flat_map(|names| names.iter()) {
        drop_limit(cx, grade, name);
    }
    let Some(from) = &amendment.from else {
        if !cx.removed.contains(&(amendment.span().start, "from".to_owned())) {
            cx.report(Code::MissingKey, amendment.span(), "an amendment has no `from`")
                .help("say since when it is in force: `from = \"2026-12-01T06:00:00+08:00\"`");
        }
        return None;
    };
    let instant = Timestamp::parse_rfc3339(from).ok();
    if instant.is_none() {
        cx.report(Code::Quantity, from.span(), format!("`from` cannot be `{}`", **from))
            .label("not an instant")
            .help(
                "write date, time and offset from UTC, `2026-12-01T06:00:00+08:00`: a date alone \
                 begins at another instant in each time zone",
            );
    }
    instant
}

fn check_share(cx: &mut Context<'_>, share: Option<&At<f64>>) -> Option<f64> {
    let share = share?;
    if !(0.0..1.0).contains(&**share) {
        let message = format!("`off_share` cannot be {}", **share);
        cx.report(Code::OutOfBounds, share.span(), message)
            .label("a share from 0.0 to below 1.0, such as 0.1 for 10 %");
    }
    Some(**share)
}

type Limits = BTreeMap<Arc<str>, SpecLimit>;

/// Checks the limits on quality tags.
fn check_tags(cx: &mut Context<'_>, raw: &Raw, limits: &BTreeMap<At<String>, At<Limit>>) -> Limits {
    let mut check = |(tag, limit): (&At<String>, &At<Limit>)| {
        let mut checked = check_limit(cx, &format!("spec.{}", **tag), limit);
        check_spec(cx, raw, tag, limit, &mut checked);
        (Arc::from(tag.as_str()), checked)
    };
    limits.iter().map(&mut check).collect()
}

/// Checks the limits on what the laboratory measures.
fn check_property(
    cx: &mut Context<'_>,
    property: &At<String>,
    span: Range<usize>,
    limit: &LabLimit,
) -> SpecLimit {
    cx.name(property, property.span(), "a laboratory property", &['/', '+', '#']);
    let LabLimit { low, target, high, unit, single, method, resolution, chart: _ } = limit;
    let written = Written {
        span,
        bounds: (low.as_ref(), high.as_ref()),
        target: target.as_ref(),
        unit: unit.as_ref(),
        mean: None,
        single: single.as_ref(),
        method: method.as_ref(),
        resolution: resolution.as_ref(),
    };
    check_bounds(cx, &format!("lab.{}", **property), &written)
}

/// Warns of quality tags that no grade limits: they could never make a batch off spec.
pub(super) fn unlimited(cx: &mut Context<'_>, raw: &Raw) {
    if ["grade", "spec"].iter().any(|key| cx.was_removed(key)) {
        return;
    }
    for (line, declared) in plant::lines(raw) {
        for (id, tag) in plant::tags(declared) {
            let quality = tag.role.as_ref().is_some_and(|role| **role == RoleName::Quality);
            let names_it =
                |limits: &BTreeMap<At<String>, At<Limit>>| limits.keys().any(|tag| **tag == **id);
            let limited = || {
                raw.grade.values().any(|grade| {
                    names_it(&grade.spec) || grade.amendment.iter().any(|late| names_it(&late.spec))
                })
            };
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

fn check_limit(cx: &mut Context<'_>, key: &str, limit: &At<Limit>) -> SpecLimit {
    let Limit { low, target, high, unit, off_share, mean, single, method, resolution } = &**limit;
    let written = Written {
        span: limit.span(),
        bounds: (low.as_ref(), high.as_ref()),
        target: target.as_ref(),
        unit: unit.as_ref(),
        mean: mean.as_ref(),
        single: single.as_ref(),
        method: method.as_ref(),
        resolution: resolution.as_ref(),
    };
    let checked = check_bounds(cx, key, &written);
    if let Some(share) = off_share.as_ref().filter(|_| low.is_none() && high.is_none()) {
        cx.report(Code::Meaningless, share.span(), format!("`off_share` of `{key}` means nothing"))
            .label("it is the share that may be outside `low` and `high`, and neither is there");
    }
    SpecLimit { off_share: check_share(cx, off_share.as_ref()), ..checked }
}

/// Limits as they are written, on a tag or on a laboratory property.
struct Written<'r> {
    span: Range<usize>,
    bounds: (Option<&'r At<f64>>, Option<&'r At<f64>>),
    target: Option<&'r At<f64>>,
    unit: Option<&'r At<String>>,
    mean: Option<&'r At<Bounds>>,
    single: Option<&'r At<Bounds>>,
    method: Option<&'r At<String>>,
    resolution: Option<&'r At<f64>>,
}

fn check_bounds(cx: &mut Context<'_>, key: &str, limit: &Written<'_>) -> SpecLimit {
    let number = |found: Option<&At<f64>>| found.map(|number| **number);
    let bounds = CheckedBounds { low: number(limit.bounds.0), high: number(limit.bounds.1) };
    if check_order(cx, key, limit.span.clone(), bounds)
        && let Some(target) = limit.target.filter(|target| !bounds.contains(***target))
    {
        let message = format!("`target` {} of `{key}` is not on spec", show(**target));
        cx.report(Code::Limits, target.span(), message).label("outside `low` and `high`");
    }
    let mut inner = |found: Option<&At<Bounds>>, name: &str| {
        let raw = found?;
        let bounds =
            CheckedBounds { low: number(raw.low.as_ref()), high: number(raw.high.as_ref()) };
        check_order(cx, &format!("{key}.{name}"), raw.span(), bounds);
        want_bound(cx, &format!("{key}.{name}"), raw.span(), bounds);
        Some(bounds)
    };
    let (mean, single) = (inner(limit.mean, "mean"), inner(limit.single, "single"));
    if mean.is_none() && single.is_none() {
        want_bound(cx, key, limit.span.clone(), bounds);
    }
    check_all(cx, key, limit.span.clone(), &[Some(bounds), mean, single]);
    if let Some((raw, single)) = limit.single.zip(single) {
        let within = |of: CheckedBounds| {
            of.low.zip(single.low).is_some_and(|(low, single)| single > low)
                || of.high.zip(single.high).is_some_and(|(high, single)| single < high)
        };
        if within(bounds) || mean.is_some_and(within) {
            let message = format!("`{key}.single` is narrower than the other limits of `{key}`");
            cx.report(Code::Limits, raw.span(), message)
                .label("no single value may pass it, so nothing would be left to the others")
                .help("`single` is the widest of them");
        }
    }
    let unit = text(limit.unit).unwrap_or_default().trim().into();
    let CheckedBounds { low, high } = bounds;
    let target = number(limit.target);
    let method = check_method(cx, key, limit.method);
    let resolution = check_resolution(cx, key, limit.resolution);
    SpecLimit { low, target, high, unit, off_share: None, mean, single, method, resolution }
}

/// The longest name of a test method that a certificate has room for, in characters.
const METHOD_LONGEST: usize = 80;

fn check_method(cx: &mut Context<'_>, key: &str, method: Option<&At<String>>) -> Option<Arc<str>> {
    let method = method?;
    let name = method.trim();
    if name.is_empty() || name.chars().count() > METHOD_LONGEST || name.contains(char::is_control) {
        cx.report(Code::Name, method.span(), format!("`{key}.method` names no test method"))
            .label(format!("one line of 1 to {METHOD_LONGEST} characters"))
            .help("write what the certificate is to say: `method = \"ISO 12625-4\"`");
    }
    Some(name.into())
}

fn check_resolution(cx: &mut Context<'_>, key: &str, found: Option<&At<f64>>) -> Option<f64> {
    let found = found?;
    if !(1e-9..=1e9).contains(&**found) {
        let message = format!("`{key}.resolution` cannot be {}", show(**found));
        cx.report(Code::OutOfBounds, found.span(), message)
            .label("the step to which values are rounded, above nought: 0.1, 0.5 or 1.0");
    }
    Some(**found)
}

/// Reports bounds that each allow something and together nothing.
fn check_all(cx: &mut Context<'_>, key: &str, span: Range<usize>, all: &[Option<CheckedBounds>]) {
    let all = || all.iter().copied().flatten();
    let each = all().all(|one| one.low.zip(one.high).is_none_or(|(low, high)| low < high));
    let low = all().filter_map(|one| one.low).reduce(f64::max);
    let high = all().filter_map(|one| one.high).reduce(f64::min);
    if let Some((low, high)) = low.zip(high).filter(|(low, high)| each && low >= high) {
        let (low, high) = (show(low), show(high));
        let message = format!(
            "the limits of `{key}` allow nothing together: one asks for {low} at the least, one for {high} at \
             the most"
        );
        cx.report(Code::Limits, span, message)
            .help("`mean` lies within `low` and `high`, these within `single`");
    }
}

/// Reports bounds that no value can meet; true if they are in order.
fn check_order(cx: &mut Context<'_>, key: &str, span: Range<usize>, bounds: CheckedBounds) -> bool {
    let (Some(low), Some(high)) = (bounds.low, bounds.high) else { return true };
    if low < high {
        return true;
    }
    let (low, high) = (show(low), show(high));
    let message = format!("`{key}` allows nothing: `low` {low} is not below `high` {high}");
    cx.report(Code::Limits, span, message).help("exchange them, or leave one out");
    false
}

/// Reports bounds of which none is there.
fn want_bound(cx: &mut Context<'_>, key: &str, span: Range<usize>, bounds: CheckedBounds) {
    let removed = |key: &str| cx.removed.contains(&(span.start, key.to_owned()));
    let inside = ["low", "high", "mean", "single"].iter().any(|key| removed(key));
    if bounds == CheckedBounds::default() && !inside {
        cx.report(Code::MissingKey, span, format!("`{key}` has neither `low` nor `high`"))
            .help("add at least one: `low = 14.4`, `high = 15.6`");
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
    let single = |bound: fn(&Bounds) -> &Option<At<f64>>| {
        limit.single.as_ref().map_or(&None, |single| bound(single))
    };
    for (found, key) in [(&limit.low, "low"), (single(|bounds| &bounds.low), "single.low")] {
        warn(found, key, found.as_ref().is_some_and(|low| **low < **from));
    }
    for (found, key) in [(&limit.high, "high"), (single(|bounds| &bounds.high), "single.high")] {
        warn(found, key, found.as_ref().is_some_and(|high| **high > **to));
    }
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn numbers_are_shown_in_few_digits() {
        assert_eq!([14.4, -0.0, 1e308, 2e-9].map(show), ["14.4", "-0", "1e308", "2e-9"]);
    }
}
