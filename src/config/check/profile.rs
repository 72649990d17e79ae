//! Profiles across the web.

use super::super::Broker;
use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Line, Profile, Raw};
use super::plant::check_range;
use super::{Context, plant as declared, text};
use crate::decode::Format;
use crate::plant;
use std::sync::Arc;

/// The most boxes that may be left out at an edge.
const EDGE_MAX: i64 = 100;

/// The profiles of a line in the order of the file.
fn profiles(line: &Line) -> Vec<(&At<String>, &At<Profile>)> {
    let mut profiles: Vec<_> = line.profile.iter().collect();
    profiles.sort_by_key(|(id, _)| id.span().start);
    profiles
}

/// Checks the profiles of a line.
pub(super) fn check(cx: &mut Context<'_>, line: &At<Line>) -> Vec<plant::Profile> {
    profiles(line).into_iter().map(|(id, profile)| check_one(cx, line, id, profile)).collect()
}

fn check_one(
    cx: &mut Context<'_>,
    line: &Line,
    id: &At<String>,
    profile: &At<Profile>,
) -> plant::Profile {
    cx.name(id, id.span(), "a profile", &['+', '#', '{', '}']);
    let default = plant::Profile::named(id);
    let width =
        profile.box_width.as_ref().and_then(|width| positive(cx, width, "box_width", "10.0"));
    if let (None, Some(first)) = (width, profile.first.as_ref())
        && !cx.was_removed("box_width")
    {
        cx.report(Code::Meaningless, first.span(), "`first` means nothing without `box_width`")
            .help("add `box_width = 10.0`, or leave `first` out");
    }
    let first = profile.first.as_ref().map(|first| **first);
    let streaks = profile.streaks.as_ref().is_none_or(|streaks| **streaks);
    if let Some(least) = profile.streak_min.as_ref().filter(|_| !streaks) {
        cx.report(Code::Meaningless, least.span(), "`streak_min` means nothing without streaks")
            .help("leave it out, or leave `streaks = false` out");
    }
    if let Some((tag, _)) = line.tag.iter().find(|(tag, _)| ***tag == **id) {
        let message = format!("`{}` is a tag and a profile", **id);
        let place = cx.line_of(&tag.span());
        cx.report(Code::Name, id.span(), message)
            .label(format!("the tag stands in line {place}"))
            .help("call the profile something else, such as the tag with `_profile`");
    }
    plant::Profile {
        id: default.id,
        unit: text(profile.unit.as_ref()).unwrap_or_default().trim().into(),
        target: profile.target.as_ref().and_then(|target| number(cx, target, "target", "15.0")),
        range: profile.range.as_ref().and_then(|range| check_range(cx, range, "range")),
        edge: u32::try_from(cx.integer(
            profile.edge.as_ref(),
            "edge",
            i64::from(default.edge),
            0..=EDGE_MAX,
        ))
        .unwrap_or(default.edge),
        boxes: width.map(|width| (first.unwrap_or(width / 2.0), width)),
        variance: profile.variance.as_ref().map_or(default.variance, |form| (**form).into()),
        streaks,
        streak_min: profile
            .streak_min
            .as_ref()
            .and_then(|least| positive(cx, least, "streak_min", "0.3")),
    }
}

/// A number other than zero: half of zero is no distance.
fn number(cx: &mut Context<'_>, found: &At<f64>, key: &str, example: &str) -> Option<f64> {
    if found.is_finite() && **found != 0.0 {
        return Some(**found);
    }
    cx.report(Code::OutOfBounds, found.span(), format!("`{key}` cannot be {}", **found))
        .help(format!("write a number such as `{example}`, or leave it out"));
    None
}

fn positive(cx: &mut Context<'_>, found: &At<f64>, key: &str, example: &str) -> Option<f64> {
    if found.is_finite() && **found > 0.0 {
        return Some(**found);
    }
    cx.report(Code::OutOfBounds, found.span(), format!("`{key}` cannot be {}", **found))
        .label("it is a length or a size")
        .help(format!("write a number above zero, such as `{example}`"));
    None
}

/// True if the tag is a statistic of a profile of the line, such as `moisture.two_sigma_cd`.
pub(super) fn brings(line: &Line, tag: &str) -> bool {
    line.profile.keys().any(|id| {
        let of_it = tag.strip_prefix(id.as_str()).and_then(|rest| rest.strip_prefix('.'));
        of_it.is_some_and(|statistic| plant::Profile::STATISTICS.contains(&statistic))
    })
}

/// Warns of profiles that no subscription can bring.
pub(super) fn that_never_come(cx: &mut Context<'_>, raw: &Raw, brokers: &[Broker]) {
    for (line, found) in declared::lines(raw) {
        for (id, _) in profiles(found) {
            let name: Arc<str> = id.rsplit('/').next().unwrap_or(id).into();
            let brings = brokers.iter().flat_map(|broker| &broker.rules).any(|rule| {
                let Format::Profile(profile) = &rule.format else { return false };
                rule.line.as_deref().is_none_or(|fixed| fixed == line.as_str())
                    && (rule.tag.is_none() || rule.tag.as_ref() == Some(&name))
                    || profile.names.tag.is_some()
            });
            if !brings {
                let message =
                    format!("no subscription brings profile `{}` of line `{}`", **id, **line);
                cx.report(Code::TagNeverComes, id.span(), message).help(
                    "add `[[mqtt.subscribe]]` with `format = \"profile\"` and the topic of its scans",
                );
            }
        }
    }
}
