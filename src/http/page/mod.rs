//! The pages: the essentials as HTML without script; a script of our own keeps it fresh.
//!
//! Each page stands in the same [frame](frame). The script listens to `/api/v1/events`, fetches the page's own address with
//! `part=main` when something changed, replaces the parts that differ and puts times into the browser's zone. Without script a
//! page loads itself again. Everything comes from this process: no font, no style, no script from elsewhere.
//!
//! Who reads it, in which language, and from where, is [`Reader`]. All words are in tables ([`crate::words`]), those of the script too:
//! the page hands them to it. What the engine says in English only is marked as English.

mod alarms;
mod backtest;
mod batches;
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
mod links;
mod models;
pub(super) mod moment;
mod overview;
mod plot;
mod profile;
mod prospects;
mod reader;
mod report;
mod scale;
mod sensors;
mod system;
mod uniformity;
mod words;

use crate::reading::hex;
use crate::words::html;
pub(super) use alarms::{ORDERS, order, page as alarms};
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
pub(super) use backtest::backtest;
pub(super) use batches::page as batches;
pub(super) use failure::failures;
pub(super) use line::page as line;
pub(super) use models::page as models;
pub(super) use overview::index;
pub(super) use reader::Visit;
pub(super) use sensors::page as sensors;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
pub(super) use system::health;
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
static CHART_JS: Asset = asset!("text/javascript; charset=utf-8", "chart.js");
static SIFT: Asset = asset!("text/javascript; charset=utf-8", "sift.js");
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

pub(super) async fn sift(headers: HeaderMap) -> Response {
    SIFT.answer(&headers)
}

pub(super) async fn icon(headers: HeaderMap) -> Response {
    ICON.answer(&headers)
}

pub(super) async fn openapi(headers: HeaderMap) -> Response {
    OPENAPI.answer(&headers)
}

#[cfg(test)]
mod tests;
