//! What the laboratory will find of the batch in progress, and how good that was before.

use super::format::quantity;
use super::format::{NONE, number, per_cent};
use super::html::Html;
use crate::engine::{BatchStage, Coverage, FittedView, LineView, SoftSensorView};
use crate::reading::Count;
use crate::verdict::ForetoldProperty;

/// Columns that a soft sensor goes by that are named.
const NAMED: usize = 3;

/// The table of the soft sensors; nothing of a grade without laboratory properties.
pub(super) fn content(html: &mut Html, line: &LineView) {
    let foretold = line.verdict.as_ref().map_or(&[][..], |document| &document.foretold);
    html.raw("<h3>What the laboratory will find</h3>");
    html.raw("<table class=\"movers\"><thead><tr><th scope=\"col\">Property</th>");
    html.raw("<th scope=\"col\" class=\"num\">Foretold</th>");
    html.raw("<th scope=\"col\" class=\"num\">Nine of ten within</th>");
    html.raw("<th scope=\"col\" class=\"num\">Limits</th>");
    html.raw("<th scope=\"col\" class=\"num\">Outside with</th>");
    html.raw("<th scope=\"col\">How good that was</th></tr></thead><tbody>");
    for sensor in &line.soft_sensors {
        row(html, sensor, foretold.iter().find(|one| one.property == sensor.property));
    }
    html.raw("</tbody></table>");
}

fn row(html: &mut Html, sensor: &SoftSensorView, now: Option<&ForetoldProperty>) {
    html.raw("<tr><th scope=\"row\">").name(&sensor.property).raw("</th>");
    cell(html, now.map(|now| quantity(now.predicted, &sensor.unit)).as_deref());
    cell(html, now.map(|now| range(Some(now.interval[0]), Some(now.interval[1]))).as_deref());
    cell(html, now.map(|now| range(now.low, now.high)).as_deref());
    cell(html, now.and_then(|now| now.probability).map(per_cent).as_deref());
    html.raw("<td class=\"wrap\">");
    if let Some(fitted) = &sensor.fitted {
        quality(html, fitted, &sensor.unit);
    } else {
        let values = Count(sensor.values, "laboratory value");
        html.text(&format!("{values} of {} that a soft sensor needs", sensor.needed));
    }
    if let Some(failed) = &sensor.failed {
        html.raw(" <small>the last fit failed: ").text(failed).raw("</small>");
    }
    html.raw("</td></tr>");
}

/// `120.1 to 131.4`, with one end only where the other is open.
fn range(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
        (Some(low), None) => format!("\u{2265} {}", number(low)),
        (None, Some(high)) => format!("\u{2264} {}", number(high)),
        (None, None) => NONE.to_owned(),
    }
}

fn cell(html: &mut Html, text: Option<&str>) {
    html.raw("<td class=\"num\">").text(text.unwrap_or(NONE)).raw("</td>");
}

fn quality(html: &mut Html, fitted: &FittedView, unit: &str) {
    let fitness = &fitted.fitness;
    html.raw("errs by ").text(&quantity(fitness.error, unit));
    html.raw(" <small>(the mean by ").text(&number(fitness.error_of_mean));
    html.raw(", the last value by ").text(&number(fitness.error_of_last));
    html.text(&format!("; from {}", Count(fitness.samples, "laboratory value")));
    let held = BatchStage::ALL.iter().zip(&fitted.coverage).next_back();
    if let Some((_, Coverage { values, covered })) = held.filter(|(_, held)| held.values > 0) {
        html.text(&format!("; {covered} of {values} since were within"));
    }
    html.raw(")");
    if fitness.components == 0 {
        html.raw("; no tag tells more than the mean");
    } else {
        for (ix, one) in fitted.ranking.iter().take(NAMED).enumerate() {
            html.raw(if ix == 0 { "; goes by " } else { ", " }).name(&one.column);
        }
    }
    html.raw("</small>");
}
