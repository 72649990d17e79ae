//! The newest scan as a line, against the mean of those before, the value aimed at and the limits.

use super::super::format::{number, plain};
use super::super::html::Html;
use super::super::scale::Scale;
use super::across::Across;
use super::{Words, place, with_unit};
use crate::engine::ProfileView;
use crate::profile::Statistics;
use crate::words::fill;

/// Draws the line; nothing where no zone has a value.
pub(super) fn draw(
    html: &mut Html,
    profile: &ProfileView,
    known: &Statistics,
    across: &Across<'_>,
    words: &'static Words,
) {
    let Some(newest) = profile.pictures.last() else { return };
    let newest: Vec<f64> = newest.zones.iter().map(|value| f64::from(*value)).collect();
    let mean = mean(profile, across.zones());
    let lines = lines(profile, words);
    let levels = lines.iter().filter_map(|(_, value)| *value);
    let all = newest.iter().chain(&mean).copied().chain(levels);
    let Some(scale) = Scale::of(all) else { return };

    html.raw("<div class=\"ends\" aria-hidden=\"true\"><span>").text(&number(scale.high));
    html.raw("</span><span>").text(&profile.unit).raw("</span><span>").text(&number(scale.low));
    html.raw("</span></div><div class=\"plot\"><svg role=\"img\" aria-label=\"");
    describe(html, profile, known, words);
    html.raw("\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
    across.beside(html);
    for (from, to) in &across.streaks {
        across.rect(html, "<rect class=\"band\" height=\"100%\" x=\"", *from, *to);
    }
    for (ix, (_, value)) in lines.into_iter().enumerate() {
        let Some(value) = value else { continue };
        let class = if ix == 0 { "<line class=\"target\"" } else { "<line class=\"limit\"" };
        html.raw(class).raw(" x2=\"1000\" y1=\"").coordinate(scale.down(value)).raw("\" y2=\"");
        html.coordinate(scale.down(value)).raw("\"/>");
    }
    if profile.pictures.len() > 1 {
        path(html, "<path class=\"usual\" d=\"", &mean, &scale, across);
    }
    path(html, "<path class=\"newest\" d=\"", &newest, &scale, across);
    html.raw("</svg><svg class=\"levels\" aria-hidden=\"true\">");
    for (ix, (name, value)) in lines.into_iter().enumerate() {
        let Some(value) = value else { continue };
        html.raw(if ix == 0 { "<text" } else { "<text class=\"limit-word\"" });
        html.raw(" x=\"4\" dy=\"-4\" y=\"").coordinate(scale.down(value)).raw("%\">").raw(name);
        html.raw(" ").text(&number(value)).raw("</text>");
    }
    html.raw("</svg></div>");
}

/// The mean of each zone over the scans shown; NaN where it never had a value.
fn mean(profile: &ProfileView, zones: usize) -> Vec<f64> {
    let of = |zone: usize| {
        let values = profile.pictures.iter().filter_map(|picture| picture.zones.get(zone));
        let (sum, count) = values
            .filter(|value| !value.is_nan())
            .fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(*value), count + 1.0));
        sum / count
    };
    (0..zones).map(of).collect()
}

/// A line from the middle of a zone to that of the next, broken where there is no value.
fn path(html: &mut Html, open: &'static str, values: &[f64], scale: &Scale, across: &Across<'_>) {
    html.raw(open);
    let mut pen_down = false;
    for (ix, value) in values.iter().enumerate() {
        if !value.is_finite() {
            pen_down = false;
            continue;
        }
        html.raw(if pen_down { "L" } else { "M" });
        html.coordinate(f64::midpoint(across.per_cent(ix), across.per_cent(ix + 1)) * 10.0);
        html.raw(" ").coordinate(scale.down(*value));
        if !pen_down {
            // A zone between two gaps is a dot at least.
            html.raw("h0");
        }
        pen_down = true;
    }
    html.raw("\"/>");
}

fn describe(html: &mut Html, profile: &ProfileView, known: &Statistics, words: &'static Words) {
    let mut against = Html::default();
    for (what, value) in lines(profile, words) {
        if let Some(value) = value {
            let pieces = [("what", &plain(what)), ("value", &plain(&number(value)))];
            fill(&mut against, words.against, &pieces);
        }
    }
    let pieces = [
        ("id", &plain(&profile.id)),
        ("mean", &plain(&with_unit(known.mean, &profile.unit))),
        ("worst", &plain(&with_unit(known.worst_value, &profile.unit))),
        ("place", &place(profile, (known.worst_position, known.worst_position), words)),
        ("against", &against),
    ];
    fill(html, words.curve, &pieces);
}

/// What the line is held against: the value aimed at first, then the limits.
fn lines(profile: &ProfileView, words: &Words) -> [(&'static str, Option<f64>); 3] {
    let (low, high) = profile.limits;
    [(words.target, profile.target), (words.low_limit, low), (words.high_limit, high)]
}
