//! Errors as documents.

use super::super::fixture::{self, Answer};
use super::super::problem::{KINDS, PROBLEM_JSON};
use super::super::{BODY_MAX_BYTES, router};
use super::{mismatch, openapi};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

fn ask(request: axum::http::request::Builder, body: &str) -> Answer {
    let fixture = fixture::state(fixture::on_spec());
    fixture::ask(&fixture, request.body(Body::from(body.to_owned())).unwrap())
}

#[test]
fn an_error_whole() {
    let answer = ask(Request::get("/api/v1/lines/tm9?x=%20"), "");
    assert_eq!((answer.status, answer.header("content-type")), (404, PROBLEM_JSON));
    insta::assert_snapshot!(answer.text, @r#"{"type":"/problems/not-found","title":"There is no such thing","status":404,"detail":"no line is called `tm9`; there are: `tm3`","instance":"/api/v1/lines/tm9?x=%20","error":"no line is called `tm9`; there are: `tm3`"}"#);
}

#[test]
fn each_status_has_its_type_and_what_a_program_needs_to_go_on() {
    let json = |path: &str| Request::post(path).header("content-type", "application/json");
    let alarm = "/api/v1/alarms/acknowledge";
    let large = " ".repeat(BODY_MAX_BYTES + 1);
    for (request, body, status, kind, parameter, header) in [
        (Request::get("/api/v1/lines/tm9"), "", 404, "not-found", "", ""),
        (Request::delete("/api/v1/lines"), "", 405, "method-not-allowed", "", "allow: GET, HEAD"),
        (Request::get(alarm), "", 405, "method-not-allowed", "", "allow: POST"),
        (json(alarm), "{", 400, "bad-request", "", ""),
        (json(alarm), r#"{"alarm":"a","by":" "}"#, 400, "bad-parameter", "by", ""),
        (
            json("/api/v1/alarms/shelve"),
            r#"{"alarm":"a","by":"x"}"#,
            400,
            "bad-parameter",
            "until",
            "",
        ),
        (Request::get("/api/v1/models/tm3/g/x"), "", 400, "bad-parameter", "version", ""),
        (Request::get("/api/v1/lines/%FF"), "", 400, "bad-parameter", "line", ""),
        (Request::get("/api/v1/batches?limit=many"), "", 400, "bad-parameter", "limit", ""),
        (Request::get("/api/v1/batches?lines=tm3"), "", 400, "bad-parameter", "lines", ""),
        (json(alarm).header("origin", "http://evil.example"), "{}", 403, "forbidden", "", ""),
        (Request::get("/").header("host", "evil.example"), "", 421, "misdirected", "", ""),
        (json(alarm), &large, 413, "too-large", "", ""),
        (
            Request::post(alarm).header("content-type", "text/csv"),
            "a,b",
            415,
            "unsupported-media-type",
            "",
            "accept-post: application/json",
        ),
        (
            json(alarm).header("content-encoding", "gzip"),
            "x",
            415,
            "unsupported-media-type",
            "",
            "accept-encoding: identity",
        ),
        (json("/api/v1/reload"), "", 409, "conflict", "", ""),
    ] {
        let request =
            if body.len() > 9999 { request.header("content-length", body.len()) } else { request };
        let answer = ask(request, body);
        let said = answer.json();
        assert_eq!(answer.status, status, "{}", answer.text);
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        mismatch(&openapi(), &schema, &said, kind).unwrap();
        assert_eq!(said["type"], format!("/problems/{kind}"), "{}", answer.text);
        assert_eq!((&said["status"], &said["error"]), (&json!(status), &said["detail"]));
        assert_eq!(said["parameter"].as_str().unwrap_or_default(), parameter, "{}", answer.text);
        if let Some((name, value)) = header.split_once(": ") {
            assert_eq!(answer.header(name), value, "{}", answer.text);
        }
    }
}

#[test]
fn every_type_is_explained_where_it_points_and_in_the_document() {
    let fixture = fixture::state(fixture::empty());
    let document = openapi();
    let listed = &document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let mut known: Vec<Value> =
        KINDS.iter().map(|kind| format!("/problems/{}", kind.name).into()).collect();
    for uri in &known {
        let explained = fixture::get(&fixture, uri.as_str().unwrap());
        assert_eq!((explained.status, &explained.json()["type"]), (200, uri));
    }
    known.push("about:blank".into());
    assert_eq!(*listed, Value::from(known));
    assert_eq!(fixture::get(&fixture, "/problems/nonsense").status, 404);
}

#[test]
fn heads_of_errors_have_no_body_and_plain_clients_are_still_understood() {
    let head = ask(Request::head("/api/v1/lines/tm9"), "");
    assert_eq!((head.status, head.text.as_str()), (404, ""));
    // What `curl --data` says of a body that it knows nothing of.
    let form = "application/x-www-form-urlencoded";
    let sent = Request::post("/api/v1/alarms/acknowledge").header("content-type", form);
    assert_eq!(ask(sent, r#"{"alarm":"a","by":"x"}"#).status, 409, "it takes no orders");
}

#[test]
fn what_is_not_possible_now_says_when_to_ask_again() {
    let answer = ask(Request::get("/readyz"), "");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(answer.header("content-type"), "application/json", "it is the answer, no error");
}

#[test]
fn every_path_of_the_api_documents_the_form_of_its_errors() {
    let document = openapi();
    for (path, _) in router::API.iter().chain(router::ACTIONS) {
        let method =
            if router::API.iter().any(|(of, _)| of == path) { Method::GET } else { Method::POST };
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        let errors = operation["responses"].as_object().unwrap();
        for (status, answer) in errors.iter().filter(|(status, _)| !status.starts_with('2')) {
            let probe = ["/healthz", "/readyz"].contains(path) && status == "503";
            let kind = if probe { "application/json" } else { PROBLEM_JSON };
            assert!(status == "304" || answer["content"][kind].is_object(), "{path} {status}");
        }
    }
}
