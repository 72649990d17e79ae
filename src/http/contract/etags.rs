//! What a program has already is not sent again.

use super::super::fixture::{self, Answer, Fixture};
use super::super::{ApiState, router};
use crate::telemetry::{Clock, ManualClock};
use axum::body::Body;
use axum::http::Request;
use std::sync::Arc;

fn again(fixture: &Fixture, path: &str, known: &str) -> Answer {
    let request = Request::get(path).header("if-none-match", known);
    fixture::ask(fixture, request.body(Body::empty()).unwrap())
}

#[test]
fn each_document_that_is_read_has_an_etag_that_holds_until_it_changes() {
    let models = |view| fixture::with_models(fixture::state(view), fixture::registry());
    let fixture = models(fixture::at_risk());
    let other = models(fixture::off_spec());
    let mut asked = 0;
    for (path, _) in router::API.iter().filter(|(path, _)| path.starts_with("/api/")) {
        let path = path.replace("{line}", "tm3").replace("{batch}", "TM3-260122-030");
        let path = path.replace("{grade}", "facial-15").replace("{version}", "2");
        if path.ends_with("/events") {
            continue;
        }
        let first = fixture::get(&fixture, &path);
        if first.status != 200 {
            continue;
        }
        asked += 1;
        let etag = first.header("etag").to_owned();
        assert!(etag.len() >= 18, "{path}: {etag}");
        assert_eq!(first.header("cache-control"), "no-cache", "{path}");
        for known in [
            etag.clone(),
            format!("\"x\", {etag}"),
            format!("W/{}", etag.trim_start_matches("W/")),
            "*".into(),
        ] {
            let same = again(&fixture, &path, &known);
            assert_eq!((same.status, same.text.as_str()), (304, ""), "{path} {known}");
            assert_eq!((same.header("etag"), same.header("content-type")), (&*etag, ""), "{path}");
            assert!(!same.header("x-content-type-options").is_empty(), "{path}");
        }
        assert_eq!(again(&fixture, &path, "\"other\"").text, first.text, "{path}");
        let whole = Request::head(&path).body(Body::empty()).unwrap();
        let head = fixture::ask(&fixture, whole);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("etag"), etag, "{path}");
        assert_eq!(head.header("content-length"), first.text.len().to_string(), "{path}");
        if path.contains("lines") {
            assert_eq!(again(&other, &path, &etag).status, 200, "{path} has changed");
        }
    }
    assert_eq!(asked, 12);
}

#[test]
fn what_says_the_time_is_the_same_while_nothing_else_in_it_changes() {
    let fixture = fixture::state(fixture::at_risk());
    let clock = Arc::new(ManualClock::at((fixture::NOW + 5000) * 1_000_000));
    let clock = clock as Arc<dyn Clock>;
    let later = Fixture {
        api: ApiState { clock, ..fixture.api.clone() },
        ..fixture::state(fixture::at_risk())
    };
    later.heartbeat.set(std::time::Duration::from_secs(1));
    for path in ["/api/v1/lines", "/api/v1/alarms", "/api/v1/health"] {
        let (first, second) = (fixture::get(&fixture, path), fixture::get(&later, path));
        assert_ne!(first.text, second.text, "{path}");
        assert!(first.header("etag").starts_with("W/"), "{path}");
        assert_eq!(first.header("etag"), second.header("etag"), "{path}");
        assert_eq!(again(&later, path, first.header("etag")).status, 304, "{path}");
    }
    let strong = fixture::get(&fixture, "/api/v1/tags");
    assert!(strong.header("etag").starts_with('"'), "the same bytes");
}

#[test]
fn probes_metrics_errors_and_orders_have_none() {
    let fixture = fixture::state(fixture::at_risk());
    for path in ["/healthz", "/metrics", "/api/v1/lines/tm9", "/api/v1/reload"] {
        let answer = fixture::get(&fixture, path);
        assert_eq!(
            (answer.header("etag"), answer.header("cache-control")),
            ("", "no-store"),
            "{path}"
        );
    }
}
