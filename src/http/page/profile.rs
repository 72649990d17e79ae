//! What scanners measure across the web: the newest scan as a line, the last scans as a heat map below it,
//! and what is known by them.

mod across;
mod curve;
mod map;

use super::format::{Clock, number, time};
use super::html::Html;
use crate::engine::ProfileView;
use crate::profile::Statistics;
use across::Across;

/// The panel's content; only why not where no scan of paper has come yet.
pub(super) fn content(html: &mut Html, profile: &ProfileView) {
    html.raw("<h3>").name(&profile.id).raw(" across the web</h3>");
    if let Some(why) = profile.left_out.as_deref() {
        html.raw("<p class=\"muted\">The newest scan does not count: ").text(why).raw(".</p>");
    }
    let Some(known) = &profile.statistics else {
        return;
    };
    for streak in &known.streaks {
        html.raw("<p class=\"streak\"><b>Streak</b> at ");
        html.text(&place(profile, streak.from, streak.to)).raw(": ");
        html.text(&signed(streak.deviation, &profile.unit));
        if let Some(since) = profile.streaks_since {
            html.raw(", since ");
            time(html, since, Clock::Minutes);
        }
        html.raw("</p>");
    }
    drawing(html, profile, known);
    facts(html, profile, known);
}

/// Line and map over one axis.
fn drawing(html: &mut Html, profile: &ProfileView, known: &Statistics) {
    let Some(across) = Across::of(profile, known) else { return };
    html.raw("<figure class=\"across\">");
    curve::draw(html, profile, known, &across);
    let scale = map::draw(html, profile, known, &across);
    across.axis(html);
    html.raw("<figcaption><span>Line: the newest scan");
    if profile.pictures.len() > 1 {
        html.raw(", and the mean of those shown");
    }
    html.raw(". Map: a row for each scan, the newest at the bottom.</span>");
    if let Some(scale) = scale {
        map::legend(html, &profile.unit, scale);
    }
    html.raw("</figcaption></figure>");
}

fn facts(html: &mut Html, profile: &ProfileView, known: &Statistics) {
    html.raw("<dl class=\"facts\">");
    let unit = &profile.unit;
    fact(html, "Mean", &with_unit(known.mean, unit));
    let two_sigma = [
        ("2σ MD", known.two_sigma_md),
        ("2σ CD", known.two_sigma_cd),
        ("2σ residual", known.two_sigma_residual),
    ];
    for (term, value) in two_sigma {
        if let Some(value) = value {
            fact(html, term, &with_unit(value, unit));
        }
    }
    fact(html, "Sheet", &place(profile, known.edge_first, known.edge_last));
    fact(html, "Tilt", &signed(known.tilt, unit));
    fact(html, "Edges", &signed(known.edge_difference, unit));
    let worst = place(profile, known.worst_position, known.worst_position);
    fact(html, "Worst", &format!("{} at {worst}", with_unit(known.worst_value, unit)));
    html.raw("</dl><p class=\"muted\">");
    html.integer(i64::try_from(known.scans).unwrap_or(i64::MAX));
    html.raw(if known.scans == 1 { " scan" } else { " scans" });
    html.raw(" of this batch, variance by <code>")
        .raw(profile.variance)
        .raw("</code>; the newest scan ended at ");
    time(html, known.at.as_millis(), Clock::Seconds);
    html.raw("</p>");
}

fn fact(html: &mut Html, term: &'static str, words: &str) {
    html.raw("<div><dt>").raw(term).raw("</dt><dd>").text(words).raw("</dd></div>");
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value)).trim_end().to_owned()
}

fn signed(value: f64, unit: &str) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", with_unit(value.abs(), unit))
}

fn place(profile: &ProfileView, from: f64, to: f64) -> String {
    let (kind, unit) = if profile.in_mm { ("", " mm") } else { ("box ", "") };
    if from.to_bits() == to.to_bits() {
        format!("{kind}{}{unit}", number(from))
    } else {
        format!("{kind}{}–{}{unit}", number(from), number(to))
    }
}

#[cfg(test)]
mod tests;
