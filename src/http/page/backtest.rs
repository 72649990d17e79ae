//! A page of its own: what a model would have said of the last batches, for who is to let it judge.

use super::format::{Clock, NONE, per_cent, ratio, time};
use super::html::Html;
use super::{answer, head};
use crate::http::BACKTEST_BATCHES;
use axum::response::Response;
use serde_json::Value;

/// The link to the page of a model.
pub(super) fn link(html: &mut Html, (line, grade): (&str, &str), version: u32) {
    let version = version.to_string();
    let asked = [("line", line), ("grade", grade), ("version", &version)];
    // Only its query is of use: the page may stand behind a prefix.
    let Ok(url) = reqwest::Url::parse_with_params("http://onspec/backtest", asked) else { return };
    html.raw(" <a href=\"backtest?").text(url.query().unwrap_or_default()).raw("\">");
    html.raw("What it would have said of the last ").text(&BACKTEST_BATCHES.to_string());
    html.raw(" batches</a>");
}

/// The page, of the document of the API.
pub(in crate::http) fn backtest(told: &Value) -> Response {
    let text = |key: &str| told[key].as_str().unwrap_or(NONE);
    let version = number(&told["version"]);
    let mut html = Html::default();
    let mut title = Html::default();
    title.raw("Model ").text(&version).raw(" · ").text(text("line")).raw(" · onspec");
    head(&mut html, &title);
    html.raw("</head><body><header><h1><span class=\"brand\">onspec</span></h1>");
    html.raw("<p class=\"link\"><a href=\"./\">Back to the lines</a></p></header>");
    html.raw("<main id=\"main\"><section class=\"panel backtest\"><h2>");
    html.raw("What model ").text(&version).raw(" would have said</h2><p>Line ");
    html.name(text("line")).raw(", grade ").name(text("grade")).raw(", ").text(stands(told));
    html.raw(". Times are in UTC. Limits are those of its fit.</p>");
    let rows = told["batches"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(why) = told["fewer"].as_str() {
        html.raw("<p>").text(&rows.len().to_string()).raw(" of ").text(&number(&told["asked"]));
        html.raw(" batches: ").text(why).raw(".</p>");
    }
    if !rows.is_empty() {
        summary(&mut html, told);
        table(&mut html, rows);
    }
    html.raw("</section></main></body></html>");
    answer(html)
}

fn number(value: &Value) -> String {
    value.as_i64().map_or_else(|| NONE.into(), |number| number.to_string())
}

fn stands(told: &Value) -> &'static str {
    match (told["judges"] == true, told["waits"] == true) {
        (true, _) => "which judges",
        (_, true) => "which waits for a person",
        _ => "which does not judge",
    }
}

/// How many batches were flagged, beside what is promised.
fn summary(html: &mut Html, told: &Value) {
    let summary = &told["summary"];
    html.raw("<ul>");
    for (key, words) in [("bad", "Bad"), ("good", "Good")] {
        let of = &summary[key];
        let n = number(&of["of"]);
        html.raw("<li>").raw(words).raw(" batches flagged: by the model ");
        html.raw("<b>").text(&number(&of["model"]["flagged"])).raw("</b> of ").text(&n);
        html.raw(", live <b>").text(&number(&of["live"]["flagged"])).raw("</b> of ").text(&n);
        html.raw("</li>");
    }
    let promised = &told["promised"];
    if let Some(rate) = promised["rate"].as_f64().filter(|rate| *rate > 0.0) {
        html.raw("<li>Promised");
        if promised["provisional"] == true {
            html.raw(", provisionally");
        }
        html.raw(": 1 of ").text(&format!("{:.0} ", 1.0 / rate));
        html.text(promised["of"].as_str().unwrap_or(NONE)).raw(" flagged wrongly</li>");
    }
    let apart = [
        ("learned", "that it learned"),
        ("acted", "somebody acted on"),
        ("open", "nobody decided on"),
        ("unseen", "of which too little could be judged"),
    ];
    let apart = apart.iter().filter(|(key, _)| summary[*key].as_u64().is_some_and(|n| n > 0));
    let apart: Vec<String> =
        apart.map(|(key, words)| format!("{} {words}", number(&summary[*key]))).collect();
    if !apart.is_empty() {
        html.raw("<li>Not counted, batches: ").text(&apart.join(", ")).raw("</li>");
    }
    html.raw("</ul>");
}

fn table(html: &mut Html, rows: &[Value]) {
    html.raw("<table><caption>The last finished batches, the newest first</caption><thead><tr>");
    for heading in ["Batch", "Ended", "Found", "Said live", "The model", "Tags"] {
        html.raw("<th scope=\"col\">").raw(heading).raw("</th>");
    }
    html.raw("<th scope=\"col\" class=\"num\">Score</th></tr></thead><tbody>");
    for row in rows.iter().rev() {
        let (live, model) = (&row["live"], &row["model"]);
        html.raw("<tr><th scope=\"row\" class=\"wrap\">");
        html.name(row["batch"].as_str().unwrap_or(NONE)).raw("</th><td>");
        time(html, row["ended"].as_i64().unwrap_or_default(), Clock::Day);
        html.raw("</td><td>").text(row["found"].as_str().unwrap_or(NONE));
        if row["learned"] == true {
            html.raw(", learned");
        }
        html.raw("</td><td>").text(live["verdict"].as_str().unwrap_or(NONE));
        left(html, live);
        html.raw("</td><td>");
        let word = match (model["score"].is_null(), model["flagged"] == true) {
            (true, _) => "not judged",
            (_, true) => "<b>flags</b>",
            (_, false) => "",
        };
        html.raw(word);
        left(html, model);
        html.raw("</td><td class=\"wrap\">");
        for (ix, tag) in model["tags"].as_array().into_iter().flatten().enumerate() {
            html.raw(if ix == 0 { "" } else { ", " }).name(tag.as_str().unwrap_or(NONE));
        }
        let score = model["score"].as_f64().map_or_else(|| NONE.into(), ratio);
        html.raw("</td><td class=\"num\">").text(&score).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

/// The share of the batch that was left at the first flag.
fn left(html: &mut Html, said: &Value) {
    if let Some(share) = said["share_left"].as_f64() {
        html.raw(" <small>").text(&per_cent(share)).raw(" left</small>");
    }
}
