//! The pages: the essentials as HTML without script; a script of our own keeps it fresh.
//!
//! Each page stands in the same [frame](frame). The script listens to `/api/v1/events`, fetches the page's own address with
//! `part=main` when something changed, replaces the parts that differ and puts times into the browser's zone. Without script a
//! page loads itself again. Everything comes from this process: no font, no style, no script from elsewhere.
//!
//! Who reads it, in which language, and from where, is [`Reader`]. All words are in tables ([`crate::words`]), those of the script too:
//! the page hands them to it. What the engine says in English only is marked as English.

mod backtest;
mod chart;
mod control;
pub(super) mod course;
mod decision;
mod face;
mod failure;
mod foretold;
mod format;
mod frame;
mod line;
pub(super) mod moment;
mod plot;
mod profile;
mod prospects;
mod reader;
mod report;
mod scale;
mod system;
mod uniformity;
mod words;

use super::router::Shared;
use crate::reading::hex;
use crate::words::{html, table};
use axum::extract::State;
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
pub(super) use backtest::backtest;
pub(super) use failure::failures;
use format::plain;
use frame::{Frame, Place};
use html::Html;
use reader::Reader;
pub(super) use reader::Visit;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
pub(super) use system::{alarms, health};
pub(super) use uniformity::uniformity;

table! {
    overview: "Overview", "总览";
    lines: "Lines", "生产线";
    no_line: "No line", "没有生产线";
    no_line_means: "The configuration declares no line, so there is nothing to judge. Readings that arrive are stored all the same. Declare a line as <code>[line.NAME]</code>, or let <code>onspec discover</code> propose it.", "配置中没有登记生产线，因此没有可判定的内容。到达的读数照常存储。请用 <code>[line.NAME]</code> 登记生产线，或用 <code>onspec discover</code> 生成建议。";
}

/// A file that is part of the program.
struct Asset {
    kind: &'static str,
    text: &'static str,
    etag: LazyLock<String>,
}

macro_rules! asset {
    ($kind:literal, $file:literal) => {
        Asset {
            kind: $kind,
            text: include_str!($file),
            etag: LazyLock::new(|| etag(include_str!($file))),
        }
    };
}

static CSS: Asset = asset!("text/css; charset=utf-8", "page.css");
static JS: Asset = asset!("text/javascript; charset=utf-8", "page.js");
static CHART_JS: Asset = asset!("text/javascript; charset=utf-8", "chart.js");
static ICON: Asset = asset!("image/svg+xml", "icon.svg");
static OPENAPI: Asset = asset!("application/json", "../openapi.json");

fn etag(text: &str) -> String {
    format!("\"{}\"", hex(&Sha256::digest(text.as_bytes())[..12]))
}

impl Asset {
    /// The file, or 304 where the client has it.
    fn answer(&self, request: &HeaderMap) -> Response {
        let etag =
            HeaderValue::from_str(&self.etag).expect("hex digits in quotes are a header value");
        let known = request
            .get(header::IF_NONE_MATCH)
            .and_then(|known| known.to_str().ok())
            .is_some_and(|known| {
                known
                    .split(',')
                    .map(|tag| tag.trim().trim_start_matches("W/"))
                    .any(|tag| tag == "*" || tag == self.etag.as_str())
            });
        let fresh =
            [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if known {
            return (StatusCode::NOT_MODIFIED, fresh).into_response();
        }
        (fresh, [(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}

pub(super) async fn css(headers: HeaderMap) -> Response {
    CSS.answer(&headers)
}

pub(super) async fn js(headers: HeaderMap) -> Response {
    JS.answer(&headers)
}

pub(super) async fn chart_js(headers: HeaderMap) -> Response {
    CHART_JS.answer(&headers)
}

pub(super) async fn icon(headers: HeaderMap) -> Response {
    ICON.answer(&headers)
}

pub(super) async fn openapi(headers: HeaderMap) -> Response {
    OPENAPI.answer(&headers)
}

/// `/`: the lines.
pub(super) async fn index(State(shared): State<Shared>, visit: Visit) -> Response {
    let reader = visit.reader;
    let words = Words::of(reader.language);
    let content = body(&shared, reader);
    let frame = Frame::new(title(&shared, reader)).heading(plain(words.overview)).unseen_heading();
    frame.at(Place::Overview).live().answer(&shared, &visit, &content)
}

/// The worst first, so that the browser's tab says it: `At risk · tm3 · onspec`.
fn title(shared: &Shared, reader: Reader) -> Html {
    let view = shared.view();
    let worst = view.lines.iter().max_by_key(|line| rank(face::of_line(line, reader).class));
    let mut html = Html::default();
    if let Some(line) = worst {
        html.raw(face::of_line(line, reader).word).raw(" · ").text(&line.name);
    }
    html
}

fn rank(class: &str) -> u8 {
    match class {
        "is-off" => 4,
        "is-risk" => 3,
        "is-blind" => 2,
        "is-unknown" => 1,
        _ => 0,
    }
}

fn body(shared: &Shared, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let view = shared.view();
    let now_ms = shared.now_ms();
    let mut html = Html::default();
    if view.lines.len() > 1 {
        overview(&mut html, &view.lines, reader);
    }
    if view.lines.is_empty() {
        html.raw("<section class=\"line\"><div class=\"hero is-unknown\"><div class=\"call\">");
        html.icon("wait").raw("<div><h2>").raw(words.no_line).raw("</h2><p class=\"word\">");
        html.raw(face::of_waiting(reader).word).raw("</p></div></div><div class=\"meaning\"><p>");
        html.raw(words.no_line_means).raw("</p></div></div></section>");
    }
    let fitting = shared.fitting();
    for (line, ix) in view.lines.iter().zip(0..) {
        let fitting = fitting.as_ref().filter(|fitting| fitting.line == line.name);
        line::section(&mut html, (line, fitting), ix, now_ms, reader);
    }
    html
}

/// All lines at a glance, where there are several.
fn overview(html: &mut Html, lines: &[crate::engine::LineView], reader: Reader) {
    html.raw("<nav data-part id=\"overview\" class=\"overview\" aria-label=\"");
    html.raw(Words::of(reader.language).lines).raw("\"><ul>");
    for (line, ix) in lines.iter().zip(0..) {
        let face = face::of_line(line, reader);
        html.raw("<li><a class=\"").raw(face.class).raw("\" href=\"#line-").integer(ix).raw("\">");
        html.icon(face.symbol).raw("<span><b>").name(&line.name).raw("</b> ").raw(face.word);
        html.raw("</span></a></li>");
    }
    html.raw("</ul></nav>");
}

#[cfg(test)]
mod tests;
