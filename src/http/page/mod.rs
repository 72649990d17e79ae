//! The page: the essentials as HTML without script; a script of our own keeps it fresh.
//!
//! `/` is the whole page, `/fragment` what stands in its `main`. The script listens to
//! `/api/v1/events`, fetches the fragment when something changed, replaces the parts that differ and
//! puts times into the browser's zone. Without script the page reloads itself. Everything comes from
//! this process: no font, no style, no script from elsewhere.

mod backtest;
mod chart;
mod control;
mod decision;
mod foretold;
mod format;
mod line;
mod profile;
mod prospects;
mod report;
mod scale;
mod system;
mod uniformity;
mod words;

use super::probes;
use super::router::Shared;
use crate::reading::hex;
use crate::words::html;
use axum::extract::State;
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
pub(super) use backtest::backtest;
use format::{Clock, time};
use html::Html;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
pub(super) use uniformity::uniformity;

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

pub(super) async fn icon(headers: HeaderMap) -> Response {
    ICON.answer(&headers)
}

pub(super) async fn openapi(headers: HeaderMap) -> Response {
    OPENAPI.answer(&headers)
}

/// The whole page.
pub(super) async fn index(State(shared): State<Shared>) -> Response {
    let view = shared.view();
    let mut html = Html::default();
    head(&mut html, &title(&shared));
    html.raw("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>");
    html.raw("<script src=\"assets/page.js\" defer></script></head><body>");
    html.raw(include_str!("symbols.svg"));
    html.raw("<header><h1><span class=\"brand\">onspec</span>");
    if !view.site.is_empty() {
        html.raw(" <span class=\"site\">").name(&view.site).raw("</span>");
    }
    html.raw(
        "</h1><p id=\"link\" class=\"link\"><noscript>reloads every 10 s, times in UTC</noscript>",
    );
    html.raw(
        "</p></header><p id=\"say\" class=\"unseen\" role=\"status\" aria-live=\"polite\"></p>",
    );
    html.raw(
        "<p id=\"lost\" class=\"banner is-failed\" role=\"alert\" hidden></p><main id=\"main\">",
    );
    html.piece(&body(&shared)).raw("</main><footer><a href=\"api/openapi.json\">API</a> ");
    html.raw("<a href=\"metrics\">Metrics</a> <a href=\"api/v1/health\">Health</a></footer>");
    html.raw("</body></html>");
    answer(html)
}

/// The begin of a page, up to what its head has of its own.
fn head(html: &mut Html, title: &Html) {
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\"><title>").piece(title);
    html.raw("</title><link rel=\"icon\" href=\"assets/icon.svg\" type=\"image/svg+xml\">");
    html.raw("<link rel=\"stylesheet\" href=\"assets/page.css\">");
}

/// What stands in `main`.
pub(super) async fn fragment(State(shared): State<Shared>) -> Response {
    answer(body(&shared))
}

fn answer(html: Html) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html.into_string()).into_response()
}

/// The worst first, so that the browser's tab says it: `At risk · tm3 · onspec`.
fn title(shared: &Shared) -> Html {
    let view = shared.view();
    let worst = view.lines.iter().max_by_key(|line| rank(words::of_line(line).class));
    let mut html = Html::default();
    if let Some(line) = worst {
        html.raw(words::of_line(line).word).raw(" · ").text(&line.name).raw(" · ");
    }
    html.raw("onspec");
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

fn body(shared: &Shared) -> Html {
    let view = shared.view();
    let now_ms = shared.now_ms();
    let mut html = Html::default();
    html.raw("<div data-part id=\"meta\" data-title=\"").piece(&title(shared)).raw("\">");
    if let Some(note) = shared.api.note.borrow().as_ref() {
        html.raw("<p class=\"banner note\">").text(note).raw("</p>");
    }
    if let Some(stuck) = probes::stuck(shared.api.progress.heartbeat_age()) {
        html.raw("<p class=\"banner is-failed\" role=\"alert\">").icon("off");
        html.raw("<span>What stands here may be old: ").text(&stuck).raw("</span></p>");
    }
    html.raw("</div>");
    if view.lines.len() > 1 {
        overview(&mut html, &view.lines);
    }
    if view.lines.is_empty() {
        html.raw("<section class=\"line\"><div class=\"hero is-unknown\"><div class=\"call\">");
        html.icon("wait").raw("<div><h2>No line</h2><p class=\"word\">Waiting</p></div></div>");
        html.raw(
            "<div class=\"meaning\"><p>The configuration declares no line, so there is nothing to ",
        );
        html.raw("judge. Readings that arrive are stored all the same. Declare a line as ");
        html.raw(
            "<code>[line.NAME]</code>, or let <code>onspec discover</code> propose it.</p></div>",
        );
        html.raw("</div></section>");
    }
    let fitting = shared.fitting();
    for (line, ix) in view.lines.iter().zip(0..) {
        let fitting = fitting.as_ref().filter(|fitting| fitting.line == line.name);
        line::section(&mut html, (line, fitting), ix, now_ms);
    }
    system::section(&mut html, &view, &shared.api.health.snapshot());
    html.raw("<p class=\"zone\" data-part id=\"as-of\">As of ");
    time(&mut html, now_ms, Clock::Seconds);
    html.raw(" <span data-zone>UTC</span></p>");
    html
}

/// All lines at a glance, where there are several.
fn overview(html: &mut Html, lines: &[crate::engine::LineView]) {
    html.raw("<nav data-part id=\"overview\" class=\"overview\" aria-label=\"Lines\"><ul>");
    for (line, ix) in lines.iter().zip(0..) {
        let face = words::of_line(line);
        html.raw("<li><a class=\"").raw(face.class).raw("\" href=\"#line-").integer(ix).raw("\">");
        html.icon(face.symbol).raw("<span><b>").name(&line.name).raw("</b> ").raw(face.word);
        html.raw("</span></a></li>");
    }
    html.raw("</ul></nav>");
}

#[cfg(test)]
mod tests;
