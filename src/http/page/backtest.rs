//! A page of its own: what a model would have said of the last batches, for who is to let it judge.

use super::format::{Clock, NONE, WORDS, heading, name, per_cent, plain, ratio, time};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use crate::http::BACKTEST_BATCHES;
use crate::http::router::Shared;
use crate::verdict::Call;
use crate::words::{Language, fill, table};
use axum::response::Response;
use serde_json::Value;

table! {
    link: "What it would have said of the last {n} batches", "它对最近 {n} 个批次会如何判定";
    title: "Model {version} · {line}", "模型版本 {version} · {line}";
    heading: "What model {version} would have said", "模型版本 {version} 会如何判定";
    judges: "Line {line}, grade {grade}, which judges. Times are in UTC. Limits are those of its fit.", "生产线 {line}，品种 {grade}，现用模型。时间为 UTC。限值为拟合时的限值。";
    waits: "Line {line}, grade {grade}, which waits for a person. Times are in UTC. Limits are those of its fit.", "生产线 {line}，品种 {grade}，模型待人批准。时间为 UTC。限值为拟合时的限值。";
    is_idle: "Line {line}, grade {grade}, which does not judge. Times are in UTC. Limits are those of its fit.", "生产线 {line}，品种 {grade}，模型未用于判定。时间为 UTC。限值为拟合时的限值。";
    fewer: "{have} of {asked} batches: {why}.", "要求 {asked} 批，只有 {have} 批：{why}。";
    bad: "Bad batches flagged: by the model <b>{model}</b> of {n}, live <b>{live}</b> of {n}", "对不合格批次的报警：模型 <b>{model}</b> / {n}，实际 <b>{live}</b> / {n}";
    good: "Good batches flagged: by the model <b>{model}</b> of {n}, live <b>{live}</b> of {n}", "对好批次的误报：模型 <b>{model}</b> / {n}，实际 <b>{live}</b> / {n}";
    promised: "Promised: 1 of {n} {of} flagged wrongly", "承诺：误报率 1/{n}，按{of}计";
    promised_provisionally: "Promised, provisionally: 1 of {n} {of} flagged wrongly", "暂定承诺：误报率 1/{n}，按{of}计";
    batches: "batches", "批次";
    frames: "frames", "数据帧";
    not_counted: "Not counted, batches: {parts}", "未计入的批次：{parts}";
    learned_count: "{n} that it learned", "用于学习的 {n} 个";
    acted_count: "{n} somebody acted on", "有人处理过的 {n} 个";
    open_count: "{n} nobody decided on", "无人下结论的 {n} 个";
    unseen_count: "{n} of which too little could be judged", "可判定部分太少的 {n} 个";
    comma: ", ", "，";
    caption: "The last finished batches, the newest first", "最近结束的批次，最新的在前";
    batch: "Batch", "批次";
    ended: "Ended", "结束";
    found: "Found", "结论";
    live: "Said live", "实际判定";
    model: "The model", "模型判定";
    tags: "Tags", "测点";
    score: "Score", "偏离指数";
    found_good: "good", "合格";
    found_bad: "bad", "不合格";
    found_acted: "acted", "经处理合格";
    found_open: "open", "未知";
    learned: "{found}, learned", "{found}，用于学习";
    not_judged: "not judged", "未判定";
    flags: "<b>flags</b>", "<b>报警</b>";
    left: "{share} left", "还剩 {share}";
}

/// The link to the page of a model.
pub(super) fn link(html: &mut Html, (line, grade): (&str, &str), version: u32, reader: Reader) {
    let version = version.to_string();
    let asked = [("line", line), ("grade", grade), ("version", &version)];
    html.raw("<a href=\"").text(&reader.address("backtest", &asked)).raw("\">");
    let n = plain(&BACKTEST_BATCHES.to_string());
    fill(html, Words::of(reader.language).link, &[("n", &n)]);
    html.raw("</a>");
}

/// The page, of the document of the API.
pub(in crate::http) fn backtest(shared: &Shared, visit: &Visit, told: &Value) -> Response {
    let reader = visit.reader;
    let words = Words::of(reader.language);
    let text = |key: &str| told[key].as_str().unwrap_or(NONE);
    let version = plain(&number(&told["version"]));
    let (mut html, mut title, mut heading) = (Html::default(), Html::default(), Html::default());
    fill(&mut title, words.title, &[("version", &version), ("line", &plain(text("line")))]);
    fill(&mut heading, words.heading, &[("version", &version)]);
    html.raw("<section class=\"panel document\"><p>");
    let pieces = [("line", &name(text("line"))), ("grade", &name(text("grade")))];
    fill(&mut html, stands(told, words), &pieces);
    html.raw("</p>");
    let rows = told["batches"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(fewer) = told["fewer"].as_str() {
        let mut why = Html::default();
        reader.english(&mut why, fewer);
        let (have, asked) = (plain(&rows.len().to_string()), plain(&number(&told["asked"])));
        html.raw("<p>");
        fill(&mut html, words.fewer, &[("have", &have), ("asked", &asked), ("why", &why)]);
        html.raw("</p>");
    }
    if !rows.is_empty() {
        summary(&mut html, told, words);
        table(&mut html, rows, reader);
    }
    html.raw("</section>");
    Frame::new(title).heading(heading).at(Place::Models).answer(shared, visit, &html)
}

fn number(value: &Value) -> String {
    value.as_i64().map_or_else(|| NONE.into(), |number| number.to_string())
}

fn stands(told: &Value, words: &Words) -> &'static str {
    match (told["judges"] == true, told["waits"] == true) {
        (true, _) => words.judges,
        (_, true) => words.waits,
        _ => words.is_idle,
    }
}

/// How many batches were flagged, beside what is promised.
fn summary(html: &mut Html, told: &Value, words: &'static Words) {
    let summary = &told["summary"];
    html.raw("<ul>");
    for (key, sentence) in [("bad", words.bad), ("good", words.good)] {
        let of = &summary[key];
        let pieces = [
            ("model", &plain(&number(&of["model"]["flagged"]))),
            ("live", &plain(&number(&of["live"]["flagged"]))),
            ("n", &plain(&number(&of["of"]))),
        ];
        html.raw("<li>");
        fill(html, sentence, &pieces);
        html.raw("</li>");
    }
    let promised = &told["promised"];
    if let Some(rate) = promised["rate"].as_f64().filter(|rate| *rate > 0.0) {
        let provisional = promised["provisional"] == true;
        let sentence = if provisional { words.promised_provisionally } else { words.promised };
        let of = match promised["of"].as_str() {
            Some("batches") => words.batches,
            Some("frames") => words.frames,
            other => other.unwrap_or(NONE),
        };
        html.raw("<li>");
        let pieces = [("n", &plain(&format!("{:.0}", 1.0 / rate))), ("of", &plain(of))];
        fill(html, sentence, &pieces);
        html.raw("</li>");
    }
    let apart = [
        ("learned", words.learned_count),
        ("acted", words.acted_count),
        ("open", words.open_count),
        ("unseen", words.unseen_count),
    ];
    let mut parts = Html::default();
    let mut some = false;
    for (key, sentence) in apart {
        if summary[key].as_u64().is_some_and(|n| n > 0) {
            parts.raw(if some { words.comma } else { "" });
            fill(&mut parts, sentence, &[("n", &plain(&number(&summary[key])))]);
            some = true;
        }
    }
    if some {
        html.raw("<li>");
        fill(html, words.not_counted, &[("parts", &parts)]);
        html.raw("</li>");
    }
    html.raw("</ul>");
}

fn table(html: &mut Html, rows: &[Value], reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<table><caption>").raw(words.caption).raw("</caption><thead><tr>");
    for word in [words.batch, words.ended, words.found, words.live, words.model, words.tags] {
        heading(html, WORDS, word);
    }
    heading(html, super::format::NUMBERS, words.score);
    html.raw("</tr></thead><tbody>");
    for row in rows.iter().rev() {
        let (live, model) = (&row["live"], &row["model"]);
        html.raw("<tr><th scope=\"row\" class=\"wrap\">");
        html.name(row["batch"].as_str().unwrap_or(NONE)).raw("</th><td>");
        time(html, row["ended"].as_i64().unwrap_or_default(), Clock::Day, reader);
        html.raw("</td><td>");
        found(html, row, words);
        html.raw("</td><td>").text(said(live, reader));
        left(html, live, words);
        html.raw("</td><td>");
        let word = match (model["score"].is_null(), model["flagged"] == true) {
            (true, _) => words.not_judged,
            (_, true) => words.flags,
            (_, false) => "",
        };
        html.raw(word);
        left(html, model, words);
        html.raw("</td><td class=\"wrap\">");
        for (ix, tag) in model["tags"].as_array().into_iter().flatten().enumerate() {
            html.raw(if ix == 0 { "" } else { words.comma }).name(tag.as_str().unwrap_or(NONE));
        }
        let score = model["score"].as_f64().map_or_else(|| NONE.into(), ratio);
        html.raw("</td><td class=\"num\">").text(&score).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

/// What a batch was found to be.
fn found(html: &mut Html, row: &Value, words: &'static Words) {
    let found = match row["found"].as_str() {
        Some("good") => words.found_good,
        Some("bad") => words.found_bad,
        Some("acted") => words.found_acted,
        Some("open") => words.found_open,
        other => other.unwrap_or(NONE),
    };
    let sentence = if row["learned"] == true { words.learned } else { "{found}" };
    fill(html, sentence, &[("found", &plain(found))]);
}

/// What was said of it while it was made: in English the word of the contract.
fn said(live: &Value, reader: Reader) -> &str {
    let calls = [Call::OnSpec, Call::AtRisk, Call::OffSpec, Call::Unknown];
    let told = live["verdict"].as_str().unwrap_or(NONE);
    match (calls.into_iter().find(|call| call.as_str() == told), reader.language) {
        (Some(call), Language::Chinese) => super::face::of_call(call, reader).word,
        _ => told,
    }
}

/// The share of the batch that was left at the first flag.
fn left(html: &mut Html, said: &Value, words: &'static Words) {
    if let Some(share) = said["share_left"].as_f64() {
        html.raw(" <small>");
        fill(html, words.left, &[("share", &plain(&per_cent(share)))]);
        html.raw("</small>");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<b>", "</b>", "UTC"]);
    }
}
