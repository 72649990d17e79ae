//! `/`: all lines, to be read from across the hall. With one line only, that line.
//!
//! The tiles stand in the order of the configuration, whatever they say: people remember places. The worst is in the title.

use super::format::{Clock, at, counted, metres, per_cent, plain, quantity};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{alarms, face, line, links, words};
use crate::engine::{AlarmView, LineView};
use crate::http::router::Shared;
use crate::verdict::Left;
use crate::words::{fill, table};
use axum::extract::State;
use axum::response::Response;

table! {
    overview: "Overview", "总览";
    lines: "Lines", "生产线";
    no_line: "No line", "没有生产线";
    no_line_means: "The configuration declares no line, so there is nothing to judge. Readings that arrive are stored all the same. Declare a line as <code>[line.NAME]</code>, or let <code>onspec discover</code> propose it.", "配置中没有登记生产线，因此没有可判定的内容。到达的读数照常存储。请用 <code>[line.NAME]</code> 登记生产线，或用 <code>onspec discover</code> 生成建议。";
    say: "{line}: {word}", "{line}：{word}";
    say_batch: "{line}: {word}, batch {batch}", "{line}：{word}，批次 {batch}";
    since: "since {at}", "自 {at} 起";
    last_verdict: "Last verdict: {verdict}, {since}", "最后一次判定：{verdict}，{since}";
    likely: "likely off spec", "可能不合格";
    left: "{parts} left", "还剩 {parts}";
    left_unit: "t", "吨";
    comma: ", ", "，";
    alarm: "{n} alarm", "{n} 条报警";
    alarms: "{n} alarms", "{n} 条报警";
    maintenance: "under maintenance", "检修中";
}

/// As many tiles as are drawn larger.
const FEW: usize = 6;

/// The page.
pub(in crate::http) async fn index(State(shared): State<Shared>, visit: Visit) -> Response {
    let (view, reader) = (shared.view(), visit.reader);
    let words = Words::of(reader.language);
    let mut html = Html::default();
    match view.lines.as_slice() {
        [] => no_line(&mut html, reader),
        [only] => line::section(&mut html, &shared, (only, 0), &view.alarms, reader),
        lines => {
            html.raw("<ul class=\"tiles");
            html.raw(if lines.len() > FEW { "\">" } else { " few\">" });
            for (line, ix) in lines.iter().zip(0..) {
                tile(&mut html, (line, ix), &view.alarms, reader);
            }
            html.raw("</ul>");
        }
    }
    let frame = Frame::new(title(&view.lines, reader)).heading(plain(words.overview));
    frame.unseen_heading().at(Place::Overview).live().answer(&shared, &visit, &html)
}

/// The worst first, so that the browser's tab says it: `At risk · tm3`.
fn title(lines: &[LineView], reader: Reader) -> Html {
    let worst = lines.iter().max_by_key(|line| face::of_line(line, reader).rank());
    worst.map_or_else(Html::default, |line| face::title(line, reader))
}

fn no_line(html: &mut Html, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<section class=\"line\"><div class=\"hero is-unknown\"><div class=\"call\">");
    html.icon("wait").raw("<div><h2>").raw(words.no_line).raw("</h2><p class=\"word\">");
    html.raw(face::of_waiting(reader).word).raw("</p></div></div><div class=\"meaning\"><p>");
    html.raw(words.no_line_means).raw("</p></div></div></section>");
}

/// All lines in one row, above the page of one of them: where the others stand, and the way there.
pub(super) fn others(html: &mut Html, lines: &[LineView], here: usize, reader: Reader) {
    if lines.len() < 2 {
        return;
    }
    html.raw("<nav data-part id=\"overview\" class=\"overview\" aria-label=\"");
    html.raw(Words::of(reader.language).lines).raw("\"><ul>");
    for (ix, line) in lines.iter().enumerate() {
        let face = face::of_line(line, reader);
        let Some(address) = links::line(&line.name, reader) else { continue };
        html.raw("<li><a id=\"to-line-").text(&ix.to_string()).raw("\" class=\"").raw(face.class);
        html.raw("\" href=\"").text(&address);
        html.raw(if ix == here { "\" aria-current=\"page\">" } else { "\">" });
        html.icon(face.symbol).raw("<span><b>").name(&line.name).raw("</b> ").raw(face.word);
        html.raw("</span></a></li>");
    }
    html.raw("</ul></nav>");
}

fn tile(html: &mut Html, (line, ix): (&LineView, i64), alarms: &[AlarmView], reader: Reader) {
    let words = Words::of(reader.language);
    let face = face::of_line(line, reader);
    let document = line.verdict.as_ref();
    html.raw("<li data-part id=\"tile-").integer(ix).raw("\" class=\"tile ").raw(face.class);
    html.raw("\" data-say=\"");
    say(html, line, reader);
    html.raw("\"><div class=\"call\">").icon(face.symbol).raw("<div><h2>");
    match links::line(&line.name, reader) {
        Some(address) => {
            html.raw("<a id=\"to-").integer(ix).raw("\" href=\"").text(&address).raw("\">");
            html.name(&line.name).raw("</a>");
        }
        None => {
            html.name(&line.name);
        }
    }
    html.raw("</h2><p class=\"word\">").raw(face.word).raw("</p></div>");
    let standing = alarms::standing_of(&line.name, alarms);
    if standing > 0 {
        html.raw("<p class=\"badge\">");
        html.piece(&counted(standing as u64, words.alarm, words.alarms)).raw("</p>");
    }
    html.raw("</div><p class=\"of\">");
    if let Some(batch) = document.and_then(|document| document.batch.as_deref()) {
        html.raw("<b>").name(batch).raw("</b> ");
    }
    if let Some(grade) = document.and_then(|document| document.grade.as_deref()) {
        html.raw("<span>").name(grade).raw("</span> ");
    }
    since(html, line, reader);
    if line.maintenance.is_some() {
        html.raw(" <span>").raw(words.maintenance).raw("</span>");
    }
    html.raw("</p>");
    figures(html, line, reader);
    html.raw("<p class=\"reason\">");
    let known = document.filter(|_| !line.blind && line.verdict.is_some());
    match known.and_then(|document| document.reasons.first()) {
        Some(first) => html.piece(&words::sentence(first, line, reader.language)),
        None => html.raw(face::meaning(line, reader)),
    };
    html.raw("</p></li>");
}

/// What is said aloud when it changes.
pub(super) fn say(html: &mut Html, line: &LineView, reader: Reader) {
    let words = Words::of(reader.language);
    let (of, word) = (plain(&line.name), plain(face::of_line(line, reader).word));
    let batch = line.verdict.as_ref().and_then(|document| document.batch.as_deref());
    let sentence = if batch.is_some() { words.say_batch } else { words.say };
    let batch = plain(batch.unwrap_or_default());
    fill(html, sentence, &[("line", &of), ("word", &word), ("batch", &batch)]);
}

fn since(html: &mut Html, line: &LineView, reader: Reader) {
    let Some(document) = &line.verdict else { return };
    let words = Words::of(reader.language);
    let since = at(document.since, Clock::Minutes, reader);
    html.raw("<span>");
    let mut told = Html::default();
    fill(&mut told, words.since, &[("at", &since)]);
    if line.blind {
        let verdict = plain(face::of_call(document.verdict, reader).word);
        fill(html, words.last_verdict, &[("verdict", &verdict), ("since", &told)]);
    } else {
        html.piece(&told);
    }
    html.raw("</span>");
}

/// How it will end, and what can still be saved. Nobody knows that of a blind line.
fn figures(html: &mut Html, line: &LineView, reader: Reader) {
    let Some(document) = line.verdict.as_ref().filter(|_| !line.blind) else { return };
    let words = Words::of(reader.language);
    if document.probability_off_spec.is_none() && document.left.is_none() {
        return;
    }
    html.raw("<p class=\"chances\">");
    if let Some(chance) = document.probability_off_spec {
        html.raw("<span><b>").text(&per_cent(chance)).raw("</b> ").raw(words.likely);
        html.raw("</span> ");
    }
    if let Some(left) = &document.left {
        html.raw("<span class=\"left\">");
        fill(html, words.left, &[("parts", &to_be_made(left, reader))]);
        html.raw("</span>");
    }
    html.raw("</p>");
}

/// What of the batch is still to be made: time, mass, length.
#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
pub(super) fn to_be_made(left: &Left, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    html.raw("<b>").text(&reader.duration((left.minutes * 60_000.0) as i64)).raw("</b>");
    if let Some(tonnes) = left.tonnes {
        html.raw(words.comma).text(&quantity(tonnes, words.left_unit));
    }
    if let Some(length) = left.metres {
        html.raw(words.comma).text(&metres(length));
    }
    html
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        let alike = ["<code>", "</code>", "[line.NAME]", "onspec", "discover"];
        crate::words::check(super::ALL, &alike);
    }
}
