//! The stream and the log.

use super::super::contract::{mismatch, openapi};
use super::super::fixture::{self, Answer, Fixture, KeptLog};
use super::super::{STREAMS_MAX, router};
use super::*;
use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::Instant;
use tower::ServiceExt;

async fn open(app: &axum::Router) -> Response {
    ask(app, "", "").await
}

async fn ask(app: &axum::Router, query: &str, last: &str) -> Response {
    let mut request = Request::get(format!("/api/v1/events{query}"));
    if !last.is_empty() {
        request = request.header(LAST_EVENT_ID, last);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn chunk(stream: &mut axum::body::BodyDataStream) -> String {
    String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap()
}

/// The next event: its type, its id, its data.
async fn event(stream: &mut axum::body::BodyDataStream) -> (String, String, String) {
    let text = chunk(stream).await;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.to_owned()
    };
    (field("event: "), field("id: "), field("data: "))
}

/// The next events but `lines` and `alive`, as `type id`.
async fn told(stream: &mut axum::body::BodyDataStream, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < count {
        let (kind, id, _) = event(stream).await;
        if kind != LINES && kind != "alive" {
            told.push(format!("{kind} {id}"));
        }
    }
    told
}

fn with_log(kept: &[(&str, &str)]) -> (Fixture, Arc<KeptLog>) {
    fixture::with_log(fixture::state(fixture::on_spec()), kept)
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the paused clock of the test")]
async fn changes_come_at_most_four_a_second_and_the_newest_counts() {
    let fixture = fixture::state(fixture::on_spec());
    let app = router(fixture.api.clone());
    let mut stream = open(&app).await.into_body().into_data_stream();
    assert!(chunk(&mut stream).await.contains(r#""verdict":"on-spec""#));
    fixture.view.send_replace(Arc::new(fixture::empty()));
    fixture.view.send_replace(Arc::new(fixture::at_risk()));
    let before = Instant::now();
    let second = chunk(&mut stream).await;
    assert!(second.starts_with("event: lines\ndata: "), "{second}");
    assert!(second.contains(r#""verdict":"at-risk""#));
    assert!(before.elapsed() >= PACE);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_says_that_it_is_alive() {
    let fixture = fixture::state(fixture::on_spec());
    let mut stream = open(&router(fixture.api.clone())).await.into_body().into_data_stream();
    chunk(&mut stream).await;
    for _ in 0..2 {
        assert_eq!(chunk(&mut stream).await, "event: alive\ndata: {}\n\n");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_beyond_the_bound_are_told_to_come_back_and_places_return() {
    let fixture = fixture::state(fixture::empty());
    let app = router(fixture.api.clone());
    let mut held = Vec::new();
    for _ in 0..STREAMS_MAX {
        held.push(open(&app).await);
    }
    let refused = open(&app).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "10");
    held.pop();
    assert_eq!(open(&app).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_nothing_hears_what_comes_and_where_it_is() {
    let (fixture, log) = with_log(&[("line.blind", "tm3"), ("line.restored", "tm3")]);
    let mut stream = open(&router(fixture.api.clone())).await.into_body().into_data_stream();
    let (kind, id, _) = event(&mut stream).await;
    assert_eq!((&*kind, &*id), (LINES, "2"), "from here on it can go on");
    log.tell("batch.at_risk", "tm3");
    let (kind, id, data) = event(&mut stream).await;
    assert_eq!((&*kind, &*id), ("batch.at_risk", "3"));
    assert_eq!(data, r#"{"type":"batch.at_risk","data":{"line":"tm3"}}"#);
    let (kind, id, _) = event(&mut stream).await;
    assert_eq!((&*kind, &*id), ("alive", "3"));
}

#[tokio::test(start_paused = true)]
async fn a_reader_goes_on_where_it_ended_without_a_gap_or_a_repeat() {
    let (fixture, log) = with_log(&[("line.blind", "tm3"); 200]);
    let app = router(fixture.api.clone());
    for (query, last) in [("?after=150", ""), ("", "150"), ("?after=3", "150")] {
        let mut stream = ask(&app, query, last).await.into_body().into_data_stream();
        let expected: Vec<String> = (151..=200).map(|id| format!("line.blind {id}")).collect();
        assert_eq!(told(&mut stream, 50).await, expected);
    }
    // Further behind than a stream holds; what comes meanwhile comes behind it.
    let mut stream = ask(&app, "?after=0&types=line", "").await.into_body().into_data_stream();
    assert_eq!(told(&mut stream, 1).await, ["line.blind 1"]);
    log.tell("line.restored", "tm3");
    let rest = told(&mut stream, 200).await;
    assert_eq!(
        (&*rest[0], &*rest[198], &*rest[199]),
        ("line.blind 2", "line.blind 200", "line.restored 201")
    );
    assert!(log.most_asked() <= PIECE, "never more is held");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_any_more_is_said() {
    let (fixture, log) = with_log(&[("line.blind", "tm3"); 9]);
    log.forget_up_to(5);
    let app = router(fixture.api.clone());
    let mut stream = ask(&app, "?types=line", "2").await.into_body().into_data_stream();
    let (kind, id, data) = event(&mut stream).await;
    assert_eq!((&*kind, &*id), ("gap", "5"));
    assert_eq!(data, r#"{"from":3,"to":5,"reason":"these are not kept any more"}"#);
    assert_eq!(told(&mut stream, 1).await, ["line.blind 6"]);
    let mut stream = ask(&app, "?types=line", "5").await.into_body().into_data_stream();
    assert_eq!(told(&mut stream, 1).await, ["line.blind 6"], "nothing is missing");
    // A reader of a newer store than this one.
    let mut stream = ask(&app, "?types=line", "70").await.into_body().into_data_stream();
    let (kind, id, data) = event(&mut stream).await;
    assert_eq!((&*kind, &*id), ("gap", "9"));
    assert!(
        data.starts_with(r#"{"from":10,"to":70,"reason":"these numbers were never given"#),
        "{data}"
    );
    log.tell("line.restored", "tm3");
    assert_eq!(told(&mut stream, 1).await, ["line.restored 10"]);
    // Nothing is left at all.
    log.forget_up_to(10);
    let mut stream = ask(&app, "?types=line", "3").await.into_body().into_data_stream();
    assert_eq!(told(&mut stream, 1).await, ["gap 10"]);
    log.tell("line.blind", "tm3");
    assert_eq!(told(&mut stream, 1).await, ["line.blind 11"]);
}

#[tokio::test(start_paused = true)]
async fn types_and_a_line_leave_out_the_rest_and_the_place_goes_on() {
    let kept = [
        ("batch.at_risk", "tm3"),
        ("batch.cleared", "tm4"),
        ("line.blind", "tm3"),
        ("system.degraded", ""),
    ];
    let (fixture, log) = with_log(&kept);
    let app = router(fixture.api.clone());
    for (query, expected) in [
        ("types=batch", vec!["batch.at_risk 1", "batch.cleared 2"]),
        ("types=batch.cleared,%20system", vec!["batch.cleared 2", "system.degraded 4"]),
        ("types=batch,line&line=tm3", vec!["batch.at_risk 1", "line.blind 3"]),
        ("line=tm3", vec!["batch.at_risk 1", "line.blind 3"]),
    ] {
        let asked = format!("?after=0&{query}");
        let mut stream = ask(&app, &asked, "").await.into_body().into_data_stream();
        assert_eq!(told(&mut stream, expected.len()).await, expected, "{query}");
        let (kind, id, _) = event(&mut stream).await;
        assert_eq!((&*kind, &*id), ("alive", "4"), "{query}: what was not wanted is behind it");
    }
    let mut only_lines =
        ask(&app, "?types=lines&line=tm3", "1").await.into_body().into_data_stream();
    log.tell("batch.at_risk", "tm3");
    assert!(chunk(&mut only_lines).await.starts_with("event: lines\ndata: "), "as before");
    assert_eq!(event(&mut only_lines).await.0, "alive");
    let mut of_none = ask(&app, "?line=tm9", "").await.into_body().into_data_stream();
    assert!(event(&mut of_none).await.2.contains(r#""lines":[]"#));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_fails_ends_the_stream_so_that_its_reader_comes_again() {
    let (fixture, log) = with_log(&[("line.blind", "tm3"); 3]);
    log.fail();
    let app = router(fixture.api.clone());
    let mut stream = ask(&app, "?after=1&types=line", "").await.into_body().into_data_stream();
    assert!(stream.next().await.is_none());
}

fn get(fixture: &Fixture, path: &str) -> Answer {
    fixture::get(fixture, path)
}

#[test]
fn what_cannot_be_asked_of_the_stream_is_said() {
    let (fixture, _) = with_log(&[]);
    for (query, parameter, words) in [
        ("types=reel", "types", "write `lines`, types of events or what stands before the dot"),
        ("types=", "types", "`types` has ``"),
        ("after=x", "after", "write the number of an event"),
        ("type=batch", "type", "did you mean `types`?"),
    ] {
        let answer = get(&fixture, &format!("/api/v1/events?{query}"));
        let said = answer.json();
        assert_eq!(
            (answer.status, &said["parameter"]),
            (400, &json!(parameter)),
            "{}",
            answer.text
        );
        assert!(answer.error().contains(words), "{}", answer.text);
    }
    let request = Request::get("/api/v1/events").header(LAST_EVENT_ID, "evt_1");
    let answer = fixture::ask(&fixture, request.body(Body::empty()).unwrap());
    assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!("Last-Event-ID")));
}

#[test]
fn the_log_is_listed_in_pieces() {
    let kept = [("batch.at_risk", "tm3"), ("line.blind", "tm4"), ("batch.cleared", "tm3")];
    let (fixture, log) = with_log(&kept);
    let read = |query: &str| {
        let answer = get(&fixture, &format!("/api/v1/events/log{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let document = answer.json();
        let schema = json!({"$ref": "#/components/schemas/EventLog"});
        mismatch(&openapi(), &schema, &document, query).unwrap();
        document
    };
    let whole = get(&fixture, "/api/v1/events/log?limit=2&line=tm3").text;
    insta::assert_snapshot!(whole, @r#"{"events":[{"id":1,"event":{"type":"batch.at_risk","data":{"line":"tm3"}}},{"id":3,"event":{"type":"batch.cleared","data":{"line":"tm3"}}}],"first":1,"last":3,"gap":null,"next":null}"#);
    let first = read("?limit=2");
    let next = first["next"].as_str().unwrap();
    let second = read(&format!("?limit=2&cursor={next}"));
    assert_eq!((&second["events"][0]["id"], &second["next"]), (&json!(3), &json!(null)));
    assert_eq!(read("?after=2")["events"].as_array().unwrap().len(), 1);
    assert_eq!(read("?types=line")["events"][0]["event"]["type"], "line.blind");
    log.forget_up_to(2);
    assert_eq!((&read("")["gap"], &read("")["first"]), (&json!(null), &json!(3)));
    let gap = json!({"from": 2, "to": 2, "reason": "these are not kept any more"});
    assert_eq!(read("?after=1")["gap"], gap);
    let of_lines = get(&fixture, "/api/v1/events/log?types=lines");
    assert_eq!((of_lines.status, &of_lines.json()["parameter"]), (400, &json!("types")));
    let nowhere = fixture::state(fixture::on_spec());
    assert_eq!(get(&nowhere, "/api/v1/events/log").status, 404);
}
