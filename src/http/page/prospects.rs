//! How the chances of off spec came true that were said of a line's batches.

use super::format::{NONE, per_cent};
use super::html::Html;
use crate::engine::{ProspectsView, StageReliability};
use crate::verdict::{Reliability, ReliabilityBin};

/// From this chance on what was said is a flag where no costs tell.
const LIKELY: f64 = 0.5;

/// The table by how much of the batch was made.
pub(super) fn content(html: &mut Html, prospects: &ProspectsView) {
    html.raw("<h3>Chances of off spec, and what came</h3>");
    html.raw("<table class=\"movers\"><thead><tr><th scope=\"col\">When made</th>");
    html.raw("<th scope=\"col\" class=\"num\">Batches</th>");
    html.raw("<th scope=\"col\" class=\"num\">Off spec</th>");
    html.raw("<th scope=\"col\">Likelier than not</th>");
    html.raw("<th scope=\"col\">The others</th>");
    html.raw("<th scope=\"col\" class=\"num\">Brier score</th></tr></thead><tbody>");
    for stage in &prospects.stages {
        row(html, stage);
    }
    html.raw("</tbody></table>");
}

fn row(html: &mut Html, StageReliability { progress, reliability }: &StageReliability) {
    html.raw("<tr><th scope=\"row\">").text(&per_cent(*progress)).raw("</th>");
    html.raw("<td class=\"num\">").integer(reliability.batches.into()).raw("</td>");
    html.raw("<td class=\"num\">").integer(reliability.bad.into()).raw("</td>");
    came(html, reliability, |bin| bin.from >= LIKELY);
    came(html, reliability, |bin| bin.from < LIKELY);
    html.raw("<td class=\"num\">").text(&format!("{:.3}", reliability.brier));
    html.raw(" <small>(").text(&format!("{:.3}", reliability.brier_of_share));
    html.raw(" by their share)</small></td></tr>");
}

/// `3 of 4 came, 71 % said`.
fn came(html: &mut Html, reliability: &Reliability, is_in: impl Fn(&ReliabilityBin) -> bool) {
    let (mut batches, mut bad, mut said) = (0, 0, 0.0);
    for bin in reliability.bins.iter().filter(|bin| is_in(bin)) {
        batches += bin.batches;
        bad += bin.bad;
        said += bin.said * f64::from(bin.batches);
    }
    html.raw("<td>");
    if batches == 0 {
        html.text(NONE);
    } else {
        let said = per_cent(said / f64::from(batches));
        html.text(&format!("{bad} of {batches} came")).raw(" <small>(");
        html.text(&said).raw(" said)</small>");
    }
    html.raw("</td>");
}
