//! Lines, tags, batches, rates; the whole plant.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::quantity;
use super::super::raw::{Batch, Break, Line, Models, Rate, Raw, Tag};
use super::super::suggest::or_declared;
use super::super::words::{BatchFrom, RoleName, WayName, Word};
use super::{Context, DAY, HOUR, alarms, chart, costs, delay, grade, profile, text};
use crate::plant::{self, BatchSource, Delay, ModelSettings, Naming, Plant};
use crate::plant::{Budget, Refit};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// The newest version of the format.
const SCHEMA: i64 = 1;
/// The shortest frame: below it a frame is shorter than what brokers and scanners jitter.
const FRAME_MIN: Duration = Duration::from_millis(100);

/// The lines in the order of the file.
pub(super) fn lines(raw: &Raw) -> Vec<(&At<String>, &At<Line>)> {
    let mut lines: Vec<_> = raw.line.iter().collect();
    lines.sort_by_key(|(name, _)| name.span().start);
    lines
}

/// The tags of a line in the order of the file.
pub(super) fn tags(line: &Line) -> Vec<(&At<String>, &At<Tag>)> {
    let mut tags: Vec<_> = line.tag.iter().collect();
    tags.sort_by_key(|(id, _)| id.span().start);
    tags
}

/// Checks what the mill declares.
pub(super) fn check(cx: &mut Context<'_>, raw: &Raw) -> Plant {
    if let Some(schema) = raw.schema.as_ref().filter(|schema| ***schema != SCHEMA) {
        let message = format!("`schema` is {}, which this release does not know", **schema);
        cx.report(Code::SchemaVersion, schema.span(), message)
            .label(format!("this release reads {SCHEMA}"))
            .help("use the release that the file was written for, or write `schema = 1`");
    }
    let site = raw.site.as_deref();
    if let Some(name) = site.and_then(|site| site.name.as_ref()).filter(|name| !name.is_empty()) {
        cx.name(name, name.span(), "the site", &[]);
    }
    let lines = lines(raw);
    if u16::try_from(lines.len()).is_err()
        && let Some((name, _)) = lines.last()
    {
        cx.report(Code::OutOfBounds, name.span(), "there are more than 65535 lines");
    }
    let undeclared_max =
        cx.integer(raw.undeclared_max.as_ref(), "undeclared_max", 10_000, 0..=1_000_000);
    grade::unlimited(cx, raw);
    Plant {
        site: text(site.and_then(|site| site.name.as_ref())).unwrap_or_default().into(),
        lines: lines.into_iter().map(|(name, line)| check_line(cx, raw, name, line)).collect(),
        grades: raw
            .grade
            .iter()
            .map(|(name, grade)| (Arc::from(name.as_str()), grade::check(cx, raw, name, grade)))
            .collect(),
        undeclared: raw.undeclared.as_ref().map_or_else(Default::default, |word| (**word).into()),
        undeclared_max: usize::try_from(undeclared_max).unwrap_or(usize::MAX),
        models: raw
            .models
            .as_ref()
            .map_or_else(ModelSettings::default, |models| check_models(cx, models)),
        costs: raw.costs.as_ref().and_then(|found| costs::check(cx, found)),
        alarms: alarms::check(cx, raw.alarms.as_ref()),
    }
}

fn check_line(cx: &mut Context<'_>, raw: &Raw, name: &At<String>, line: &At<Line>) -> plant::Line {
    let default = plant::Line::named(name);
    cx.name(name, name.span(), "a line", &['/', '+', '#', '{', '}', '$']);
    let frame = cx.duration(line.frame.as_ref(), "frame", default.frame, FRAME_MIN..=HOUR);
    let grade = line.grade.as_ref().map(|grade| {
        if !raw.grade.keys().any(|known| **known == **grade) && !cx.was_removed(grade) {
            let known: Vec<&str> = raw.grade.keys().map(|known| known.as_str()).collect();
            let message =
                format!("line `{}` makes grade `{}`, which is not declared", **name, **grade);
            cx.report(Code::UnknownGrade, grade.span(), message)
                .label("no such grade")
                .help(or_declared(grade, &known, "[grade.…]"));
        }
        Arc::from(grade.as_str())
    });
    plant::Line {
        name: default.name,
        frame,
        lateness: cx.duration(
            line.lateness.as_ref(),
            "lateness",
            default.lateness,
            Duration::ZERO..=HOUR,
        ),
        idle: cx.duration(line.idle.as_ref(), "idle", default.idle, Duration::from_secs(1)..=DAY),
        settle: cx.duration(line.settle.as_ref(), "settle", default.settle, Duration::ZERO..=HOUR),
        grade_change: cx.duration(
            line.grade_change.as_ref(),
            "grade_change",
            default.grade_change,
            Duration::ZERO..=DAY,
        ),
        break_tag: line.breaks.as_ref().and_then(|found| check_break(cx, name, line, found)),
        batch: line
            .batch
            .as_ref()
            .map_or(default.batch, |batch| check_batch(cx, name, line, batch)),
        rate: line.rate.as_ref().map_or(default.rate, |rate| check_rate(cx, name, line, rate)),
        grade,
        grade_tag: line.grade_tag.as_ref().map(|tag| {
            want_tag(cx, name, line, tag, "grade_tag");
            Arc::from(tag.as_str())
        }),
        phase_tag: line.phase_tag.as_ref().map(|tag| {
            want_tag(cx, name, line, tag, "phase_tag");
            Arc::from(tag.as_str())
        }),
        profiles: profile::check(cx, line),
        tags: tags(line)
            .into_iter()
            .map(|(id, tag)| check_tag(cx, (name, line), id, tag, frame))
            .collect(),
    }
}

fn check_tag(
    cx: &mut Context<'_>,
    (line_name, line): (&str, &Line),
    id: &At<String>,
    tag: &At<Tag>,
    frame: Duration,
) -> plant::Tag {
    cx.name(id, id.span(), "a tag", &['+', '#', '{', '}']);
    let default = plant::Tag::named(id);
    let role = tag.role.as_ref().map_or(RoleName::Process, |role| **role);
    // A value may always stand in for the frame it was measured in.
    let stale = cx.duration(tag.stale.as_ref(), "stale", default.stale.max(frame), frame..=DAY);
    let stuck = match tag.stuck.as_ref() {
        // Set points, counters and texts stand still for good reasons.
        None if role == RoleName::Context => None,
        None => default.stuck,
        Some(found) if found.trim() == "off" => None,
        Some(found) => {
            cx.duration_text(found, found.span(), "stuck", Duration::from_secs(1)..=DAY * 30)
        }
    };
    plant::Tag {
        id: default.id,
        unit: text(tag.unit.as_ref()).unwrap_or_default().trim().into(),
        role: role.into(),
        range: tag.range.as_ref().and_then(|range| check_range(cx, range, "range")),
        stale,
        silence: (stale != default.stale.max(frame)).then_some(stale * 2),
        stuck,
        rate: tag.rate.as_ref().and_then(|rate| check_change(cx, rate)),
        unchecked: tag
            .unchecked
            .iter()
            .flat_map(|words| words.iter().map(|word| word.as_str().into()))
            .collect(),
        agrees_with: check_peers(cx, (line_name, line), id, tag),
        wanders: check_wanders(cx, tag.wanders.as_ref(), role),
        guard: check_guard(cx, (&tag.guard_band, &tag.flags), role),
        delay: delay::check(cx, (line_name, line), id, tag),
        lag: cx.duration(tag.lag.as_ref(), "lag", default.lag, Duration::ZERO..=Delay::MAX),
        chart: chart::check(cx, tag, frame),
    }
}

/// True if models watch a tag of this role.
fn is_watched(role: RoleName) -> bool {
    !matches!(role, RoleName::Quality | RoleName::Context)
}

/// A key that is for tags that models watch.
fn report_unwatched(cx: &mut Context<'_>, (key, span): (&str, Range<usize>), role: RoleName) {
    let role = role.as_str();
    cx.report(Code::Meaningless, span, format!("no model watches a tag of the role `{role}`"))
        .help(format!("leave out `{key}`, or give the tag the role `process` or `raw-material`"));
}

/// Whether a tag is declared to wander, or not to.
fn check_wanders(cx: &mut Context<'_>, wanders: Option<&At<bool>>, role: RoleName) -> Option<bool> {
    let wanders = wanders?;
    if !is_watched(role) {
        report_unwatched(cx, ("wanders", wanders.span()), role);
        return None;
    }
    Some(**wanders)
}

/// What of a tag is worth a flag.
fn check_guard(
    cx: &mut Context<'_>,
    (band, way): (&Option<At<f64>>, &Option<At<WayName>>),
    role: RoleName,
) -> plant::Guard {
    let spans = band.as_ref().map(|band| ("guard_band", band.span()));
    let spans = spans.into_iter().chain(way.as_ref().map(|way| ("flags", way.span())));
    if !is_watched(role) {
        for (key, span) in spans {
            report_unwatched(cx, (key, span), role);
        }
        return plant::Guard::default();
    }
    if let Some(band) = band.as_ref().filter(|band| ***band < 0.0) {
        let message = format!("`guard_band` is {}: no deviation is smaller", **band);
        cx.report(Code::OutOfBounds, band.span(), message).help(
            "write the smallest deviation that is worth a flag, in the tag's unit, such as `0.2`",
        );
    }
    plant::Guard {
        band: band.as_ref().map_or(0.0, |band| band.max(0.0)),
        way: way.as_ref().map_or(plant::Way::Both, |way| (**way).into()),
    }
}

/// The most that a value can change in a second.
fn check_change(cx: &mut Context<'_>, rate: &At<f64>) -> Option<f64> {
    if **rate > 0.0 && rate.is_finite() {
        return Some(**rate);
    }
    cx.report(
        Code::OutOfBounds,
        rate.span(),
        format!("`rate` is {}: nothing could change", **rate),
    )
    .help("write the most that the value can change in a second, in its unit, such as `50.0`");
    None
}

/// The tags that a tag agrees with: others of the line that models watch.
fn check_peers(
    cx: &mut Context<'_>,
    (line_name, line): (&str, &Line),
    id: &At<String>,
    tag: &At<Tag>,
) -> Vec<Arc<str>> {
    let mut peers: Vec<Arc<str>> = Vec::new();
    for peer in tag.agrees_with.iter().flat_map(|peers| peers.iter()) {
        let Some(found) = want_tag(cx, line_name, line, peer, "agrees_with") else { continue };
        let role = found.role.as_ref().map_or(RoleName::Process, |role| **role);
        if **peer == **id {
            cx.report(Code::Meaningless, peer.span(), format!("`{}` agrees with itself", **id))
                .help("name other tags, by which its value can be known");
        } else if matches!(role, RoleName::Context | RoleName::Quality) {
            let message =
                format!("no model watches `{}`, which has the role `{}`", **peer, role.as_str());
            cx.report(Code::Meaningless, peer.span(), message)
                .help("name tags of the roles `process` and `raw-material`");
        } else if !peers.iter().any(|known| **known == ***peer) {
            peers.push(peer.as_str().into());
        }
    }
    peers
}

/// Two ends, the first below the second; `key` names them in messages.
pub(super) fn check_range(
    cx: &mut Context<'_>,
    range: &At<Vec<At<f64>>>,
    key: &str,
) -> Option<(f64, f64)> {
    match range.as_slice() {
        [low, high] if **low < **high => return Some((**low, **high)),
        [_, _] => {
            cx.report(
                Code::Limits,
                range.span(),
                format!("`{key}` is empty: its low end is not below its high"),
            )
            .help("write `[low, high]`, such as `[0.0, 60.0]`");
        }
        other => {
            let message = format!("`{key}` wants two numbers, not {}", other.len());
            cx.report(Code::Limits, range.span(), message)
                .help("write `[low, high]`, such as `[0.0, 60.0]`");
        }
    }
    None
}

/// Reports a tag that the line does not declare.
pub(super) fn want_tag<'l>(
    cx: &mut Context<'_>,
    line_name: &str,
    line: &'l Line,
    tag: &At<String>,
    key: &str,
) -> Option<&'l At<Tag>> {
    let found = line.tag.iter().find(|(id, _)| ***id == **tag).map(|(_, tag)| tag);
    if found.is_none() && !cx.was_removed(tag) {
        let known: Vec<&str> = line.tag.keys().map(|id| id.as_str()).collect();
        let message =
            format!("`{key}` names tag `{}`, which line `{line_name}` does not declare", **tag);
        cx.report(Code::UnknownTag, tag.span(), message).label("no such tag").help(or_declared(
            tag,
            &known,
            &format!("[line.{line_name}.tag.…]"),
        ));
    }
    found
}

fn check_batch(
    cx: &mut Context<'_>,
    line_name: &str,
    line: &Line,
    batch: &At<Batch>,
) -> BatchSource {
    let from = batch.from.as_ref().map_or(BatchFrom::Events, |from| **from);
    let wants_tag = matches!(from, BatchFrom::Tag | BatchFrom::TurnUp);
    let wants_every = from == BatchFrom::Period;
    let word = from.as_str();
    if let Some(tag) = batch.tag.as_ref().filter(|_| !wants_tag) {
        let message = format!("`tag` means nothing with `from = \"{word}\"`");
        cx.report(Code::Meaningless, tag.span(), message)
            .help("leave it out, or write `from = \"tag\"` or `from = \"turn-up\"`");
    }
    if let Some(every) = batch.every.as_ref().filter(|_| !wants_every) {
        let message = format!("`every` means nothing with `from = \"{word}\"`");
        cx.report(Code::Meaningless, every.span(), message)
            .help("leave it out, or write `from = \"period\"`");
    }
    if let Some(name) = batch.name.as_ref().filter(|_| from != BatchFrom::Tag) {
        let message = format!("`name` means nothing with `from = \"{word}\"`");
        cx.report(Code::Meaningless, name.span(), message)
            .help("leave it out, or write `from = \"tag\"`");
    }
    if wants_tag {
        let Some(tag) = batch.tag.as_ref() else {
            let place = format!("`batch` with `from = \"{word}\"`");
            cx.missing(&batch.span(), &place, "tag", "\"reel_id\"");
            return BatchSource::Events;
        };
        want_tag(cx, line_name, line, tag, "batch.tag");
        let tag = Arc::from(tag.as_str());
        return if from == BatchFrom::Tag {
            let naming = batch.name.as_ref().map_or_else(Naming::default, |name| (**name).into());
            BatchSource::Tag(tag, naming)
        } else {
            BatchSource::TurnUp(tag)
        };
    }
    if wants_every {
        let Some(every) = batch.every.as_ref() else {
            cx.missing(&batch.span(), "`batch` with `from = \"period\"`", "every", "\"8h\"");
            return BatchSource::Events;
        };
        let allowed = Duration::from_secs(10)..=DAY * 31;
        return cx
            .duration_text(every, every.span(), "every", allowed)
            .map_or(BatchSource::Events, BatchSource::Period);
    }
    if from == BatchFrom::None { BatchSource::None } else { BatchSource::Events }
}

fn check_break(
    cx: &mut Context<'_>,
    line_name: &str,
    line: &Line,
    found: &At<Break>,
) -> Option<Arc<str>> {
    let Some(tag) = found.tag.as_ref() else {
        cx.missing(&found.span(), "`break`", "tag", "\"sheet_break\"");
        return None;
    };
    want_tag(cx, line_name, line, tag, "break.tag");
    Some(Arc::from(tag.as_str()))
}

fn check_rate(cx: &mut Context<'_>, line_name: &str, line: &Line, rate: &At<Rate>) -> plant::Rate {
    let mut check = |tag: Option<&At<String>>, key: &str, unit: &str| {
        let tag = tag?;
        if let Some(declared) = want_tag(cx, line_name, line, tag, key)
            && let Some(found) = declared.unit.as_ref().filter(|found| found.trim() != unit)
        {
            let line = cx.line_of(&found.span());
            let message =
                format!("`{key}` wants a tag in `{unit}`, and `{}` is in `{}`", **tag, **found);
            cx.report(Code::Unit, tag.span(), message)
                .label(format!("its unit stands in line {line}"))
                .help(format!("name a tag that is measured in `{unit}`, or leave `{key}` out"));
        }
        Some(Arc::from(tag.as_str()))
    };
    plant::Rate {
        length: check(rate.length.as_ref(), "rate.length", "m/min"),
        mass: check(rate.mass.as_ref(), "rate.mass", "t/h"),
    }
}

fn check_models(cx: &mut Context<'_>, models: &At<Models>) -> ModelSettings {
    let default = ModelSettings::default();
    let false_flags: Option<Budget> = models.false_flags.as_ref().and_then(|found| {
        let budget = quantity::budget(found);
        if budget.is_none() {
            let message = format!("`false_flags` is no budget: `{}`", &***found);
            cx.report(Code::Quantity, found.span(), message).help(
                "write `\"1 per 100 batches\"`, `\"1 per 20000 frames\"` or `\"2 per day\"`; fewer \
                 flags than batches or frames",
            );
        }
        budget
    });
    let refit: Refit = models.refit.as_ref().map_or(default.refit, |found| {
        let Some(refit) = quantity::refit(found) else {
            let message = format!("`refit` is no interval: `{}`", &***found);
            cx.report(Code::Quantity, found.span(), message)
                .help("write `\"never\"`, `\"daily\"`, `\"weekly\"` or `\"20 batches\"`");
            return default.refit;
        };
        refit
    });
    let learning = cx.integer(
        models.learning_batches.as_ref(),
        "learning_batches",
        i64::from(default.learning_batches),
        2..=100_000,
    );
    ModelSettings {
        false_flags,
        learning_batches: u32::try_from(learning).unwrap_or(default.learning_batches),
        learn_from: models
            .learn_from
            .as_ref()
            .map_or(default.learn_from, |learn_from| (**learn_from).into()),
        refit,
        promote: models.promote.as_ref().map_or(default.promote, |promote| (**promote).into()),
        adapt_limits: models.adapt_limits.as_ref().map_or(default.adapt_limits, |adapt| **adapt),
        borrow: models.borrow.as_ref().map_or(default.borrow, |borrow| **borrow),
    }
}
