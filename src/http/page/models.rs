//! `/models`: what judges each line and grade, how good it was, and what waits to judge instead.
//!
//! Of each grade: the versions with where they come from, the score of what was said of its batches, and, of the grade that a
//! line makes now, wrong flags beside what is promised, drift, and how good the soft sensors were. It is read from the store, so
//! the page is made again at most once a minute.

use super::format::{
    Clock, NONE, NUMBERS, WORDS, count, fact, heading, name, per_cent, plain, time,
};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{backtest, foretold, line, links};
use crate::engine::{LineView, View};
use crate::http::router::Shared;
use crate::http::{Fitting, data};
use crate::verdict::{Figures, Period, Rate, Scoreboard};
use crate::words::{Locale, fill, table};
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

table! {
    models: "Models", "模型";
    none: "There is no model yet, and nothing that could be fitted from.", "尚无模型，也没有可用于拟合的数据。";
    no_model: "No model of a grade of this line yet.", "该生产线的品种尚无模型。";
    none_of_grade: "No model of this grade yet.", "该品种尚无模型。";
    now: "made now", "正在生产";
    grade: "Grade {grade}", "品种 {grade}";
    versions: "Versions", "版本";
    version: "Version", "版本";
    state: "State", "状态";
    since: "Since", "起始时间";
    of_batches: "Batches", "批次数";
    of_rows: "Rows", "行数";
    promised: "Promised wrong flags", "承诺误报率";
    by: "Put there", "来源";
    what: "What it is", "说明";
    judges: "judges", "现用";
    waits: "waits", "待启用";
    judged: "judged", "曾用";
    waited: "waited", "曾待启用";
    fitted: "fitted", "自动拟合";
    by_person: "promoted by a person", "人工启用";
    by_hand: "by hand, while no daemon ran", "程序停运时人工放入";
    provisional: "provisional", "暂定";
    range: "{low} to {high} %", "{low} 至 {high} %";
    wrong_flags: "Wrong flags", "误报";
    drift: "Drift", "漂移";
    no_drift: "none that shows", "未见漂移";
    waiting: "Model that waits", "待启用的模型";
    promotion: "Promoted", "已决定启用的模型";
    score: "What was said of its batches", "对该品种批次的判定评估";
    score_of: "The newest {n} finished batches at most, of all lines together.", "最多取全部生产线最近结束的 {n} 个批次。";
    batches: "Batches", "批次";
    precision: "Flags that were right", "报警的正确率";
    recall: "Off-spec batches flagged in time", "不合格批次的检出率";
    lead: "Lead, median", "提前量（中位数）";
    saved: "Tonnes saved", "挽回的吨数";
    held: "Tonnes falsely held", "误扣的吨数";
    of: "{count} of {of}, {rate} <small>({low} to {high} %)</small>", "{count} / {of}，{rate} <small>（{low} 至 {high} %）</small>";
    soft_sensors: "Soft sensors", "软测量";
}

/// The newest batches that are scored.
const SCORED: usize = 2000;

/// What the address asks.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// Of this line; of all if it is empty.
    line: String,
}

/// What is read from the store.
struct Read {
    models: Vec<Value>,
    scores: Option<Scoreboard>,
}

/// The page.
pub(in crate::http) async fn page(
    State(shared): State<Shared>,
    visit: Visit,
) -> Result<Response, Response> {
    let asked: Asked = visit.asked()?;
    let (view, reader) = (shared.view(), visit.reader);
    let words = Words::of(reader.language);
    if !asked.line.is_empty() {
        data::find(&view, &asked.line)?;
    }
    let models = match &shared.api.models {
        Some(models) => data::read(&shared, models, |models| models.list(None, None)).await?,
        None => Vec::new(),
    };
    let scores = match &shared.api.history {
        Some(history) => {
            let scores = data::read(&shared, history, |history| {
                history.scoreboard((None, None), Period::All, SCORED)
            });
            Some(scores.await?)
        }
        None => None,
    };
    let read = Read { models, scores };
    let html = content(&shared, &view, &asked, &read, reader);
    let frame = Frame::new(plain(words.models)).at(Place::Models).live().slow();
    Ok(frame.answer(&shared, &visit, &html))
}

fn content(shared: &Shared, view: &View, asked: &Asked, read: &Read, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let fitting = shared.fitting();
    let mut html = Html::default();
    if view.lines.is_empty() {
        html.raw("<p class=\"panel\">").raw(words.none).raw("</p>");
    }
    for (line, ix) in view.lines.iter().zip(0..) {
        if asked.line.is_empty() || *line.name == *asked.line {
            let fitting = fitting.as_ref().filter(|fitting| fitting.line == line.name);
            of_line(&mut html, (line, ix), read, (fitting, &shared.api.locale), reader);
        }
    }
    if read.scores.is_some() {
        html.raw("<p class=\"muted\">");
        fill(&mut html, words.score_of, &[("n", &plain(&count(SCORED as u64)))]);
        html.raw("</p>");
    }
    html
}

/// The grade that a line makes now.
fn made(line: &LineView) -> Option<&str> {
    let judged = line.verdict.as_ref().and_then(|document| document.grade.as_deref());
    judged.or(line.batch.as_ref().and_then(|batch| batch.grade.as_deref()))
}

fn of_line(
    html: &mut Html,
    (line, ix): (&LineView, i64),
    read: &Read,
    (fitting, locale): (Option<&Fitting>, &Locale),
    reader: Reader,
) {
    let words = Words::of(reader.language);
    html.raw("<section class=\"models\" data-part id=\"models-").integer(ix).raw("\"><h2>");
    links::line_named(html, &line.name, reader);
    html.raw("</h2>");
    if let Some(fitting) = fitting {
        line::fitting(html, fitting, reader);
    }
    if let Some(told) = line.verdict.as_ref().and_then(|document| document.learning) {
        line::learning(html, told, reader);
    }
    let mut grades: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for model in read.models.iter().filter(|model| model["line"] == *line.name) {
        grades.entry(model["grade"].as_str().unwrap_or(NONE)).or_default().push(model);
    }
    let scored = read.scores.iter().flat_map(|scores| &scores.rows);
    let scored: BTreeMap<&str, &Figures> = scored
        .filter(|row| row.line == line.name)
        .map(|row| (row.grade.as_deref().unwrap_or(NONE), &row.figures))
        .collect();
    let now = made(line);
    let waiting = line.challengers.iter().map(|one| &*one.grade);
    let promoted = line.promotions.iter().map(|one| &*one.grade);
    let all: BTreeSet<&str> = grades
        .keys()
        .copied()
        .chain(scored.keys().copied())
        .chain(waiting)
        .chain(promoted)
        .chain(now)
        .collect();
    if all.is_empty() {
        html.raw("<p class=\"panel muted\">").raw(words.no_model).raw("</p>");
    }
    for grade in all {
        html.raw("<div class=\"panel\"><h3>");
        fill(html, words.grade, &[("grade", &name(grade))]);
        if now == Some(grade) {
            html.raw(" <span class=\"chip\">").raw(words.now).raw("</span>");
        }
        html.raw("</h3>");
        facts(html, (line, grade, now == Some(grade)), locale, reader);
        match grades.get(grade) {
            Some(models) => versions(html, (&line.name, grade), models, reader),
            None => {
                html.raw("<p class=\"muted\">").raw(words.none_of_grade).raw("</p>");
            }
        }
        if let Some(figures) = scored.get(grade) {
            score(html, figures, reader);
        }
        if now == Some(grade) && !line.soft_sensors.is_empty() {
            html.raw("<h4>").raw(words.soft_sensors).raw("</h4>");
            foretold::qualities(html, line, reader);
        }
        html.raw("</div>");
    }
    html.raw("</section>");
}

/// What is known of a grade from the engine: wrong flags, drift, and who waits.
fn facts(
    html: &mut Html,
    (line, grade, is_made): (&LineView, &str, bool),
    locale: &Locale,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let mut told = Html::default();
    let record = line.wrong_flags.as_ref().filter(|record| *record.grade == *grade);
    if let Some(record) = record {
        fact(&mut told, words.wrong_flags, &line::wrong_flags(record, reader));
    }
    if is_made && let Some(reason) = &line.drift {
        let locale = Locale { language: reader.language, ..locale.clone() };
        let mut why = Html::default();
        why.raw("<span class=\"mark\">").icon("risk").piece(&reason.phrase(&locale).html());
        why.raw("</span>");
        fact(&mut told, words.drift, &why);
    } else if record.is_some() {
        fact(&mut told, words.drift, &plain(words.no_drift));
    }
    for challenger in line.challengers.iter().filter(|one| *one.grade == *grade) {
        let mut waits = Html::default();
        waits.raw("<small>").piece(&line::waits(challenger, reader)).raw(" ");
        backtest::link(&mut waits, (&line.name, grade), challenger.version, reader);
        waits.raw("</small>");
        fact(&mut told, words.waiting, &waits);
    }
    for promotion in line.promotions.iter().filter(|one| *one.grade == *grade) {
        let mut from = Html::default();
        from.raw("<small>").piece(&line::promoted(promotion, reader)).raw("</small>");
        fact(&mut told, words.promotion, &from);
    }
    if told != Html::default() {
        html.raw("<dl class=\"facts\">").piece(&told).raw("</dl>");
    }
}

/// The versions, the newest first.
fn versions(html: &mut Html, of: (&str, &str), models: &[&Value], reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"")
        .raw(words.versions);
    html.raw("\"><table><thead><tr>");
    heading(html, WORDS, words.version);
    heading(html, WORDS, words.state);
    heading(html, NUMBERS, words.since);
    heading(html, NUMBERS, words.of_batches);
    heading(html, NUMBERS, words.of_rows);
    heading(html, NUMBERS, words.promised);
    heading(html, WORDS, words.by);
    heading(html, WORDS, words.what);
    html.raw("</tr></thead><tbody>");
    for model in models.iter().rev() {
        version(html, of, model, reader);
    }
    html.raw("</tbody></table></div>");
}

fn version(html: &mut Html, of: (&str, &str), model: &Value, reader: Reader) {
    let words = Words::of(reader.language);
    let number = |key: &str| model[key].as_u64();
    let counted = |n: Option<u64>| n.map_or_else(|| NONE.to_owned(), count);
    let (symbol, state) = match model["state"].as_str() {
        Some("judges") => ("ok", words.judges),
        Some("waits") => ("wait", words.waits),
        Some("waited") => ("dot", words.waited),
        _ => ("dot", words.judged),
    };
    html.raw(if symbol == "ok" { "<tr class=\"is-ok\">" } else { "<tr>" });
    html.raw("<th scope=\"row\">").text(&counted(number("version")));
    html.raw("</th><td><span class=\"mark\">").icon(symbol).raw(state).raw("</span></td>");
    html.raw("<td class=\"num\">");
    match model["since"].as_i64() {
        Some(since) => time(html, since, Clock::Day, reader),
        None => {
            html.raw(NONE);
        }
    }
    html.raw("</td><td class=\"num\">").text(&counted(number("batches")));
    html.raw("</td><td class=\"num\">").text(&counted(number("rows")));
    html.raw("</td><td class=\"num\">");
    html.text(&model["rate"].as_f64().map_or_else(|| NONE.to_owned(), fine));
    if let [Some(low), Some(high)] = [0, 1].map(|end| model["rate_range"][end].as_f64()) {
        html.raw(" <small>");
        fill(html, words.range, &[("low", &bare(low)), ("high", &bare(high))]);
        html.raw("</small>");
    }
    if model["provisional"] == true {
        html.raw(" <small>").raw(words.provisional).raw("</small>");
    }
    html.raw("</td><td>");
    html.raw(match (model["by_hand"] == true, model["by_person"] == true) {
        (true, _) => words.by_hand,
        (_, true) => words.by_person,
        _ => words.fitted,
    });
    html.raw("</td><td class=\"wrap\">");
    reader.english_name(html, model["summary"].as_str().unwrap_or(NONE));
    if let Some(version) = number("version").and_then(|version| u32::try_from(version).ok()) {
        html.raw(" <small>");
        backtest::link(html, of, version, reader);
        html.raw("</small>");
    }
    html.raw("</td></tr>");
}

fn fine(share: f64) -> String {
    super::format::fine_per_cent(share)
}

/// A share in per cent, without its sign.
fn bare(share: f64) -> Html {
    plain(&format!("{:.1}", share * 100.0))
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn score(html: &mut Html, figures: &Figures, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h4>").raw(words.score).raw("</h4><dl class=\"facts\">");
    fact(html, words.batches, &plain(&count(figures.batches as u64)));
    fact(html, words.precision, &rate(&figures.precision, words));
    fact(html, words.recall, &rate(&figures.recall, words));
    fact(html, words.wrong_flags, &rate(&figures.wrong_flags, words));
    let lead = figures.lead_s.map(|seconds| reader.duration((seconds * 1000.0) as i64));
    fact(html, words.lead, &plain(lead.as_deref().unwrap_or(NONE)));
    let tonnes = |tonnes: f64| plain(&format!("{tonnes:.1}"));
    fact(html, words.saved, &tonnes(figures.tonnes_saved));
    fact(html, words.held, &tonnes(figures.tonnes_falsely_held));
    html.raw("</dl>");
}

fn rate(rate: &Rate, words: &'static Words) -> Html {
    let Some(share) = rate.rate else { return plain(NONE) };
    let mut html = Html::default();
    let number = |n: usize| plain(&count(n as u64));
    let pieces = [
        ("count", &number(rate.count)),
        ("of", &number(rate.of)),
        ("rate", &plain(&per_cent(share))),
        ("low", &bare(rate.low)),
        ("high", &bare(rate.high)),
    ];
    fill(&mut html, words.of, &pieces);
    html
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<small>", "</small>"]);
    }
}
