//! What a person sees where there is no page to show: the reason as a page, and a way back. Programs have it as JSON.

use super::alarms::ORDERS;
use super::format::plain;
use super::frame::Frame;
use super::html::Html;
use super::reader::{Asked, Visit};
use crate::http::problem::PROBLEM_JSON;
use crate::http::router::Shared;
use crate::words::table;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

table! {
    not_found: "Nothing is here", "这里没有内容";
    bad: "This cannot be asked so", "请求有误";
    conflict: "This cannot be had now", "目前无法提供";
    busy: "Try again in a moment", "请稍后再试";
    failed: "Something went wrong", "出错了";
}

/// The longest reason.
const REASON_MAX_BYTES: usize = 64 * 1024;
/// The paths that machines ask.
const OF_MACHINES: [&str; 5] = ["/api/", "/healthz", "/readyz", "/metrics", "/problems/"];

/// Puts a page in the place of an error, where a browser asks for a page.
pub(in crate::http) async fn failures(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let accepts = request.headers().get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok());
    let of_people = !OF_MACHINES.iter().any(|of_machines| path.starts_with(of_machines));
    let is_of_page = request.method() == Method::GET || path.starts_with(ORDERS);
    let wants_page =
        is_of_page && accepts.is_some_and(|kinds| kinds.contains("text/html")) && of_people;
    // What the query asks for may be what is wrong.
    let asked = Query::<Asked>::try_from_uri(request.uri()).map(|Query(asked)| asked);
    let visit = Visit::new(&shared.api.locale, request.uri(), &asked.unwrap_or_default());
    let mut answer = next.run(request).await;
    let status = answer.status();
    let failed = status.is_client_error() || status.is_server_error();
    if of_people && failed {
        answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    }
    if !wants_page || !failed {
        return answer;
    }
    // What is a page already speaks for itself.
    let is_problem = |kind: &HeaderValue| kind.as_bytes() == PROBLEM_JSON.as_bytes();
    if !answer.headers().get(header::CONTENT_TYPE).is_some_and(is_problem) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, REASON_MAX_BYTES).await.unwrap_or_default();
    let told: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let why = told.as_ref().and_then(|told| told["detail"].as_str()).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    parts.headers.insert(header::CONTENT_TYPE, kind);
    Response::from_parts(parts, Body::from(page(&shared, &visit, (status, why))))
}

fn page(shared: &Shared, visit: &Visit, (status, why): (StatusCode, &str)) -> String {
    let words = Words::of(visit.reader.language);
    let heading = match status {
        StatusCode::NOT_FOUND => words.not_found,
        StatusCode::CONFLICT => words.conflict,
        StatusCode::SERVICE_UNAVAILABLE => words.busy,
        _ if status.is_client_error() => words.bad,
        _ => words.failed,
    };
    let mut html = Html::default();
    html.raw("<section class=\"panel document\"><p>");
    visit.reader.english(&mut html, why);
    html.raw("</p></section>");
    Frame::new(plain(heading)).document(shared, visit, &html)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{self, Answer};
    use super::*;

    fn asked_by_a_browser(path: &str) -> Answer {
        let fixture = fixture::state(fixture::on_spec());
        let request = Request::get(path).header("accept", "text/html,*/*;q=0.8");
        fixture::ask(&fixture, request.body(Body::empty()).unwrap())
    }

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    #[test]
    fn a_browser_gets_the_reason_as_a_page_in_the_language_of_its_reader() {
        for (path, status, heading) in [
            (
                "/nothing",
                404,
                "<h1>Nothing is here</h1><section class=\"panel document\"><p>nothing is at `/nothing`",
            ),
            (
                "/nothing?language=zh-CN",
                404,
                "<h1>这里没有内容</h1><section class=\"panel document\"><p><span lang=\"en\">nothing is at `/nothing`",
            ),
            ("/backtest?line=tm3&language=zh-CN", 400, "<h1>请求有误</h1>"),
            ("/?language=fr", 400, "expected `en` or `zh-CN`"),
            (
                "/uniformity",
                404,
                "<h1>Nothing is here</h1><section class=\"panel document\"><p>no batches are stored",
            ),
        ] {
            let answer = asked_by_a_browser(path);
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, "text/html; charset=utf-8")
            );
            assert!(answer.text.contains(heading), "{path}: {}", answer.text);
            assert!(!answer.header("content-security-policy").is_empty(), "{path}");
        }
        let hostile = asked_by_a_browser("/?language=%3Cb%3E").text;
        assert!(hostile.contains("unknown variant `&lt;b&gt;`"), "{hostile}");
    }

    #[test]
    fn programs_and_paths_of_machines_have_it_as_json() {
        let fixture = fixture::state(fixture::on_spec());
        let of_page = fixture::get(&fixture, "/nothing");
        assert_eq!(
            (of_page.header("content-type"), of_page.header("vary")),
            (PROBLEM_JSON, "Accept")
        );
        let of_api = asked_by_a_browser("/api/v1/lines/tm9");
        assert_eq!((of_api.status, of_api.header("content-type")), (404, PROBLEM_JSON));
        assert_eq!(of_api.header("vary"), "");
    }
}
