//! The page: the essentials as HTML without script; a script of our own keeps it fresh.
//!
//! `/` is the whole page, `/fragment` what stands in its `main`. The script listens to
//! `/api/v1/events`, fetches the fragment when something changed, replaces the parts that differ and
//! puts times into the browser's zone. Without script the page reloads itself. Everything comes from
//! this process: no font, no style, no script from elsewhere.
//!
//! Who reads it, and in which language, is [`Reader`]. All words are in tables ([`crate::words`]), those of the script too:
//! the page hands them to it. What the engine says in English only is marked as English.

mod backtest;
mod chart;
mod control;
mod decision;
mod face;
mod failure;
mod foretold;
mod format;
mod line;
mod profile;
mod prospects;
mod reader;
mod report;
mod scale;
mod system;
mod uniformity;
mod words;

use super::HEARTBEAT_MAX;
use super::router::Shared;
use crate::reading::hex;
use crate::words::{fill, html, table};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
pub(super) use backtest::backtest;
pub(super) use failure::failures;
use format::{Clock, at, plain};
use html::Html;
pub(super) use reader::{Asked, Reader};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use std::time::Duration;
pub(super) use uniformity::uniformity;

table! {
    language: "Language", "语言";
    no_script: "reloads every 10 s, times in UTC", "每 10 秒刷新一次，时间为 UTC";
    back: "Back to the lines", "返回生产线";
    metrics: "Metrics", "运行指标";
    health: "Health", "健康状态";
    lines: "Lines", "生产线";
    no_line: "No line", "没有生产线";
    no_line_means: "The configuration declares no line, so there is nothing to judge. Readings that arrive are stored all the same. Declare a line as <code>[line.NAME]</code>, or let <code>onspec discover</code> propose it.", "配置中没有登记生产线，因此没有可判定的内容。到达的读数照常存储。请用 <code>[line.NAME]</code> 登记生产线，或用 <code>onspec discover</code> 生成建议。";
    stuck: "What stands here may be old: the core has not moved for {age}; {allowed} are allowed", "此处内容可能已过时：核心已有 {age}没有动作，允许的上限为 {allowed}";
    as_of: "As of {at} {zone}", "截至 {at} {zone}";
    live: "live", "实时";
    dead: "no connection, trying again", "连接中断，正在重试";
    lost: "No connection to onspec since {since}: what stands here is from then.", "自 {since} 起与 onspec 的连接中断：此处为当时的内容。";
    lost_title: "No connection · onspec", "连接中断 · onspec";
    local_time: "local time", "本地时间";
    stop: ". ", "。";
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

/// Who reads a page, by its query.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn reader(
    shared: &Shared,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Reader, Response> {
    let Query(Asked { language }) = query.map_err(IntoResponse::into_response)?;
    Ok(Reader::of(&shared.api.locale, language))
}

/// The whole page.
pub(super) async fn index(
    State(shared): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
    RawQuery(asked): RawQuery,
) -> Result<Response, Response> {
    let reader = reader(&shared, query)?;
    let words = Words::of(reader.language);
    let view = shared.view();
    let mut html = Html::default();
    head(&mut html, &title(&shared, reader), reader);
    html.raw("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>");
    html.raw("<script src=\"assets/page.js\" defer></script></head><body>");
    html.raw(include_str!("symbols.svg"));
    html.raw("<header><h1><span class=\"brand\">onspec</span>");
    if !view.site.is_empty() {
        html.raw(" <span class=\"site\">").name(&view.site).raw("</span>");
    }
    html.raw("</h1>");
    reader.switch(&mut html, words.language, asked.as_deref());
    // What the script says, and whence it fetches, in the language of the reader.
    html.raw("<p id=\"link\" class=\"link\" data-fragment=\"");
    html.text(&reader.address("fragment", &[])).raw("\" data-live=\"").raw(words.live);
    html.raw("\" data-dead=\"").raw(words.dead).raw("\" data-local=\"").raw(words.local_time);
    html.raw("\"><noscript>").raw(words.no_script).raw("</noscript></p></header>");
    html.raw("<p id=\"say\" class=\"unseen\" role=\"status\" aria-live=\"polite\" data-stop=\"");
    html.raw(words.stop).raw("\"></p>");
    html.raw("<p id=\"lost\" class=\"banner is-failed\" role=\"alert\" data-text=\"")
        .raw(words.lost);
    html.raw("\" data-title=\"").raw(words.lost_title).raw("\" hidden></p><main id=\"main\">");
    html.piece(&body(&shared, reader)).raw("</main><footer><a href=\"api/openapi.json\">");
    html.raw("API</a> <a href=\"metrics\">").raw(words.metrics);
    html.raw("</a> <a href=\"api/v1/health\">").raw(words.health).raw("</a></footer>");
    html.raw("</body></html>");
    Ok(answer(html))
}

/// The begin of a page, up to what its head has of its own.
fn head(html: &mut Html, title: &Html, reader: Reader) {
    html.raw("<!doctype html><html lang=\"").raw(reader.language.as_str());
    html.raw("\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\"><title>").piece(title);
    html.raw("</title><link rel=\"icon\" href=\"assets/icon.svg\" type=\"image/svg+xml\">");
    html.raw("<link rel=\"stylesheet\" href=\"assets/page.css\">");
}

/// The begin of a page of its own, up to what it has in its `main`. `asked` is its query.
fn begin(html: &mut Html, title: &Html, reader: Reader, asked: Option<&str>) {
    let words = Words::of(reader.language);
    let mut whole = Html::default();
    whole.piece(title).raw(" · onspec");
    head(html, &whole, reader);
    html.raw("</head><body><header><h1><span class=\"brand\">onspec</span></h1>");
    reader.switch(html, words.language, asked);
    html.raw("<p class=\"link\"><a href=\"").text(&reader.address("./", &[])).raw("\">");
    html.raw(words.back).raw("</a></p></header><main id=\"main\">");
}

/// Its end.
fn end(html: &mut Html) {
    html.raw("</main></body></html>");
}

/// What stands in `main`.
pub(super) async fn fragment(
    State(shared): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Response> {
    let reader = reader(&shared, query)?;
    Ok(answer(body(&shared, reader)))
}

fn answer(html: Html) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html.into_string()).into_response()
}

/// The worst first, so that the browser's tab says it: `At risk · tm3 · onspec`.
fn title(shared: &Shared, reader: Reader) -> Html {
    let view = shared.view();
    let worst = view.lines.iter().max_by_key(|line| rank(face::of_line(line, reader).class));
    let mut html = Html::default();
    if let Some(line) = worst {
        html.raw(face::of_line(line, reader).word).raw(" · ").text(&line.name).raw(" · ");
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

fn body(shared: &Shared, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let view = shared.view();
    let now_ms = shared.now_ms();
    let mut html = Html::default();
    html.raw("<div data-part id=\"meta\" data-title=\"").piece(&title(shared, reader)).raw("\">");
    if let Some(note) = shared.api.note.borrow().as_ref() {
        html.raw("<p class=\"banner note\">");
        reader.english(&mut html, note);
        html.raw("</p>");
    }
    stuck(&mut html, shared.api.progress.heartbeat_age(), reader);
    html.raw("</div>");
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
    system::section(&mut html, &view, &shared.api.health.snapshot(), reader);
    html.raw("<p class=\"zone\" data-part id=\"as-of\">");
    let mut zone = Html::default();
    zone.raw("<span data-zone>UTC</span>");
    let pieces = [("at", &at(now_ms, Clock::Seconds, reader)), ("zone", &zone)];
    fill(&mut html, words.as_of, &pieces);
    html.raw("</p>");
    html
}

/// That the core hangs, if it does.
fn stuck(html: &mut Html, heartbeat_age: Duration, reader: Reader) {
    if heartbeat_age < HEARTBEAT_MAX {
        return;
    }
    let told = |time: Duration| {
        plain(&reader.duration(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    };
    html.raw("<p class=\"banner is-failed\" role=\"alert\">").icon("off").raw("<span>");
    let pieces = [("age", &told(heartbeat_age)), ("allowed", &told(HEARTBEAT_MAX))];
    fill(html, Words::of(reader.language).stuck, &pieces);
    html.raw("</span></p>");
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
