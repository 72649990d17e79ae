//! A page of its own: how much batches differ, from one another and within themselves, and which lots make them.

use super::format::quantity;
use super::format::{NONE, number, per_cent};
use super::html::Html;
use super::{answer, head};
use crate::reading::Count;
use crate::verdict::{
    Component, Figure, LotEffect, LotsOf, OfGrade, ProfileParts, PropertyParts, Uniformity,
};
use axum::response::Response;

/// Lots that are shown of a figure where none differs: the most different.
const SHOWN: usize = 3;

/// The link to the page of a line.
pub(super) fn link(html: &mut Html, line: &str) {
    // Only its query is of use: the page may stand behind a prefix.
    let Ok(url) = reqwest::Url::parse_with_params("http://onspec/uniformity", [("line", line)])
    else {
        return;
    };
    html.raw("<a href=\"uniformity?").text(url.query().unwrap_or_default());
    html.raw("\">How uniform batches are, and which lots make them differ</a>");
}

/// The page.
pub(in crate::http) fn uniformity(told: &Uniformity) -> Response {
    let mut html = Html::default();
    let mut title = Html::default();
    title.raw("Uniformity · onspec");
    head(&mut html, &title);
    html.raw("</head><body><header><h1><span class=\"brand\">onspec</span></h1>");
    html.raw(
        "<p class=\"link\"><a href=\"./\">Back to the lines</a></p></header><main id=\"main\">",
    );
    html.raw("<section class=\"panel backtest\"><h2>How uniform batches are</h2><p>");
    html.text(&format!("By the newest {} of {}", told.read, Count(told.stored, "batch")));
    html.raw(". Numbers are standard deviations, with the range of the true one in nineteen cases of twenty. Of tags, ");
    html.raw("between batches is what the variation within them does not explain.</p>");
    if told.grades.is_empty() {
        html.raw("<p>None of them has ended.</p>");
    }
    for of in &told.grades {
        grade(&mut html, of);
    }
    html.raw("</section></main></body></html>");
    answer(html)
}

fn grade(html: &mut Html, of: &OfGrade) {
    html.raw("<h3>Line ").name(&of.line).raw(", grade ");
    html.name(of.grade.as_deref().unwrap_or(NONE)).raw(", ");
    html.text(&Count(of.batches, "batch").to_string()).raw("</h3>");
    if !of.properties.is_empty() {
        heads(html, &["Mean", "Between batches", "Slow within", "Fast within"]);
        for parts in &of.properties {
            property(html, parts);
        }
        html.raw("</tbody></table>");
    }
    if !of.profiles.is_empty() {
        heads(html, &["Scans", "Along (MD)", "Across (CD)", "Residual"]);
        for parts in &of.profiles {
            profile(html, parts);
        }
        html.raw("</tbody></table>");
    }
    lots(html, of);
}

fn heads(html: &mut Html, heads: &[&'static str]) {
    html.raw("<table class=\"movers\"><thead><tr><th scope=\"col\">Property</th>");
    for head in heads {
        html.raw("<th scope=\"col\" class=\"num\">").raw(head).raw("</th>");
    }
    html.raw("</tr></thead><tbody>");
}

fn property(html: &mut Html, parts: &PropertyParts) {
    html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&parts.name);
    if parts.laboratory {
        html.raw(" <small>laboratory</small>");
    }
    html.raw("</th><td class=\"num\">").text(&quantity(parts.mean, &parts.unit)).raw("</td>");
    if parts.between.is_some() {
        for part in [parts.between, parts.slow, parts.fast] {
            component(html, part);
        }
    } else {
        // With one result a batch, what is within batches is in what they differ by.
        component(html, parts.of_means);
        html.raw("<td colspan=\"2\"><small>not told apart: one result a batch</small></td>");
    }
    html.raw("</tr>");
}

fn profile(html: &mut Html, parts: &ProfileParts) {
    html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&parts.profile);
    if !parts.unit.is_empty() {
        html.raw(" <small>").text(&parts.unit).raw("</small>");
    }
    html.raw("</th><td class=\"num\">").text(&parts.scans.to_string()).raw("</td>");
    for part in [parts.md, parts.cd, parts.residual] {
        component(html, Some(part));
    }
    html.raw("</tr>");
}

fn component(html: &mut Html, part: Option<Component>) {
    html.raw("<td class=\"num\">");
    if let Some(part) = part {
        html.text(&number(part.deviation));
        if let (Some(low), Some(high)) = (part.low, part.high) {
            html.raw(" <small>").text(&number(low)).raw("–").text(&number(high)).raw("</small>");
        }
        if let Some(share) = part.share {
            html.raw(" <small>").text(&per_cent(share)).raw("</small>");
        }
    } else {
        html.raw(NONE);
    }
    html.raw("</td>");
}

/// The lots that differ; where none does, those that look the most as if they did.
fn lots(html: &mut Html, of: &OfGrade) {
    if of.lots.is_empty() {
        html.raw("<p>Nothing is known of lots of raw material: too few batches told what they consumed, and how much.</p>");
        return;
    }
    let each = || of.lots.iter().flat_map(|of| of.lots.iter().map(move |lot| (of, lot)));
    let mut shown: Vec<(&LotsOf, &LotEffect)> = each().filter(|(_, lot)| lot.differs).collect();
    let some = !shown.is_empty();
    if !some {
        shown = each().filter(|(_, lot)| lot.p.is_some()).collect();
        let p = |lot: &LotEffect| lot.p.unwrap_or(1.0);
        shown.sort_by(|a, b| p(a.1).total_cmp(&p(b.1)));
        shown.truncate(SHOWN);
    }
    html.raw("<p>By ").text(&Count(of.batches_with_lots, "batch").to_string());
    html.raw(if some {
        " of known lots, these lots differ from the rest, all that were looked at counted in:</p>"
    } else {
        " of known lots, no lot differs by more than chance has it. The most different:</p>"
    });
    html.raw("<table class=\"movers\"><thead><tr><th scope=\"col\">Lot</th><th scope=\"col\">Figure</th>");
    html.raw(
        "<th scope=\"col\" class=\"num\">Batches</th><th scope=\"col\" class=\"num\">Adds</th>",
    );
    html.raw("<th scope=\"col\" class=\"num\">By chance</th></tr></thead><tbody>");
    for (of, lot) in shown {
        html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&lot.lot).raw(" <small>");
        html.text(&per_cent(lot.share)).raw("</small></th><td class=\"wrap\">");
        figure(html, of);
        if lot.confounded {
            html.raw(" <small>hardly told from its time</small>");
        }
        html.raw("</td><td class=\"num\">").text(&lot.batches.to_string());
        html.raw("</td><td class=\"num\">");
        html.text(&added(of, lot.effect)).raw(" <small>").text(&added(of, lot.low));
        html.raw(" to ").text(&added(of, lot.high)).raw("</small></td><td class=\"num\">");
        html.text(&lot.p_adjusted.map_or_else(|| NONE.into(), per_cent)).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

fn figure(html: &mut Html, of: &LotsOf) {
    html.raw(match of.figure {
        Figure::Mean => "",
        Figure::Within => "within batches, ",
        Figure::OffSpec => "found off spec",
    });
    if let Some(property) = &of.property {
        html.name(property);
    }
}

fn added(of: &LotsOf, value: f64) -> String {
    match of.figure {
        Figure::Mean => quantity(value, &of.unit),
        Figure::Within | Figure::OffSpec => quantity((value * 1000.0).round() / 10.0, "%"),
    }
}
