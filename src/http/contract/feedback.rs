//! What the API is told of batches.

use super::super::fixture::{self, Answer, Fixture, NOW};
use super::super::{ApiState, Desk, Reception, Telling, Told, router};
use super::{mismatch, openapi};
use crate::alarm::{IsaState, Order};
use crate::engine::ToldEvents;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Keeps what it is told; the batch of the last event says what becomes of that.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<ToldEvents>>);

impl Desk for Kept {
    fn tell(&self, events: ToldEvents) -> Telling<Reception> {
        let batch = events.messages.last().and_then(|message| message.event.batch().cloned());
        let told = match batch.as_deref() {
            _ if events.messages.iter().any(|message| *message.line != *"tm3") => {
                Told::Unfit("no line is called `tm9`; there are: `tm3`".into())
            }
            Some("BUSY") => Told::Busy,
            Some("STOPS") => Told::Stops,
            Some("FULL") => Told::WhenRoom(Reception::default()),
            Some("ODD") => Told::Done(Reception {
                faults: vec!["batch `ODD` cannot end".into()],
                waiting: ["R9".into()].into(),
            }),
            _ => Told::Done(Reception::default()),
        };
        self.0.lock().unwrap().push(events);
        Box::pin(std::future::ready(told))
    }

    fn order(&self, _: Order) -> Telling<IsaState> {
        Box::pin(std::future::ready(Told::Stops))
    }
}

fn desk() -> (Fixture, Arc<Kept>) {
    let fixture = fixture::state(fixture::on_spec());
    let kept = Arc::new(Kept::default());
    let api = ApiState { desk: Some(Arc::clone(&kept) as Arc<dyn Desk>), ..fixture.api.clone() };
    (Fixture { api, ..fixture }, kept)
}

fn post(fixture: &Fixture, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("host", "127.0.0.1:8080");
    fixture::ask(fixture, request.body(Body::from(body.to_owned())).unwrap())
}

/// What the desk was told by a request that is taken: line, time in ms, and event.
fn told(path: &str, body: &str) -> Vec<String> {
    let (fixture, kept) = desk();
    let answer = post(&fixture, path, body);
    assert_eq!(answer.status, 202, "{}", answer.text);
    let schema = json!({"$ref": "#/components/schemas/EventsTaken"});
    mismatch(&openapi(), &schema, &answer.json(), path).unwrap();
    let kept = kept.0.lock().unwrap();
    let [events] = kept.as_slice() else { panic!("told once") };
    assert_eq!(answer.json()["taken"], events.messages.len());
    let one = |m: &crate::decode::BatchMessage| {
        format!("{} {} {:?}", m.line, m.at.as_millis() - NOW, m.event)
    };
    events.messages.iter().map(one).collect()
}

#[test]
fn events_of_every_kind_are_told_as_over_mqtt() {
    let path = "/api/v1/lines/tm3/events";
    for (event, expected) in [
        (
            r#""event":"batch-start","batch":"R1","grade":"g""#,
            r#"Start { batch: "R1", grade: Some("g") }"#,
        ),
        (
            r#""event":"batch-end","batch":"R1""#,
            r#"End { batch: "R1", length_m: None, mass_kg: None }"#,
        ),
        (r#""event":"grade-change","grade":"g""#, r#"GradeChange { grade: "g" }"#),
        (r#""event":"pause","reason":"break""#, r#"Pause { reason: Some("break") }"#),
        (r#""event":"resume""#, "Resume"),
        (r#""event":"merge","batch":"R1","into":"R2""#, r#"Merge { batch: "R1", into: "R2" }"#),
        (r#""event":"void","batch":"R1""#, r#"Void { batch: "R1" }"#),
        (
            r#""event":"action","batch":"R1","text":"t""#,
            r#"Action { batch: "R1", text: "t", by: None }"#,
        ),
    ] {
        assert_eq!(told(path, &format!("{{{event}}}")), [format!("tm3 0 {expected}")]);
    }
    let two = format!(r#"[{{"event":"resume","ts":{}}},{{"event":"resume"}}]"#, NOW - 5);
    assert_eq!(told(path, &two), ["tm3 -5 Resume", "tm3 0 Resume"]);
    assert_eq!(
        told("/api/v1/batches/tm3/A%2F7/lab", r#"{"property":"p","value":131,"unit":"N/m"}"#),
        [
            r#"tm3 0 Lab { batch: "A/7", property: "p", value: 131.0, unit: Some("N/m"), position: None }"#
        ]
    );
    assert_eq!(
        told("/api/v1/batches/tm3/R1/disposition", r#"{"disposition":"rework","by":"shift-a"}"#),
        [
            r#"tm3 0 Disposition { batch: "R1", disposition: Rework, by: Some("shift-a"), note: None }"#
        ]
    );
}

#[test]
fn one_wrong_event_refuses_all_and_each_is_named() {
    let (fixture, kept) = desk();
    let path = "/api/v1/lines/tm3/events";
    let seconds = NOW / 1000;
    let body = format!(
        r#"[{{"event":"resume"}},{{"event":"lab","batch":"R1","property":"p","value":"9"}},
            {{"event":"resume","ts":{seconds}}},{{"event":"resume","line":"tm4"}}]"#
    );
    let answer = post(&fixture, path, &body);
    assert_eq!(answer.status, 400, "{}", answer.text);
    let said = answer.json();
    mismatch(&openapi(), &json!({"$ref": "#/components/schemas/Problem"}), &said, path).unwrap();
    let of = |wrong: &Value| {
        let text = |key: &str| wrong[key].as_str().unwrap().to_owned();
        (wrong["index"].as_u64().unwrap(), text("reason"), text("detail"))
    };
    let wrong: Vec<_> = said["events"].as_array().unwrap().iter().map(of).collect();
    let quotes = "`value` is a text, a number was expected: leave the quotes out";
    assert_eq!(wrong[0], (1, "bad-event".into(), quotes.into()));
    assert_eq!((wrong[1].0, &*wrong[1].1), (2, "bad-time"));
    assert!(wrong[1].2.ends_with("it looks like seconds, `ts` is in milliseconds"), "{wrong:?}");
    assert_eq!(wrong[2].2, "the path names line `tm3`, the body `tm4`");
    let error =
        format!("nothing was taken: 3 events are wrong, the first is event 1 (from 0): {quotes}");
    assert_eq!(answer.error(), error);
    assert!(kept.0.lock().unwrap().is_empty());
}

#[test]
fn what_cannot_be_taken_is_answered_with_the_reason() {
    let (fixture, kept) = desk();
    let events = "/api/v1/lines/tm3/events";
    let void = |batch: &str| format!(r#"{{"event":"void","batch":"{batch}"}}"#);
    let many = format!("[{}]", vec![r#"{"event":"resume"}"#; 1001].join(","));
    for (path, body, status, words) in [
        (events, "", 400, "nothing was taken: the payload is empty"),
        (events, "[]", 400, "an array without an event"),
        (events, &many, 413, "1001 events, 1000 are taken at a time"),
        ("/api/v1/batches/tm3/R1/lab", r#"{"batch":"R2"}"#, 400, "the path says batch `R1`"),
        (
            "/api/v1/batches/tm3/R%0A1/lab",
            r#"{"property":"p","value":1}"#,
            400,
            "control character",
        ),
    ] {
        let answer = post(&fixture, path, body);
        assert_eq!(answer.status, status, "{path} {}", answer.text);
        assert!(answer.error().contains(words), "{path} {}", answer.text);
    }
    let large = format!("[{}]", vec![void(&"x".repeat(200)); 500].join(","));
    assert_eq!(post(&fixture, events, &large).status, 413);
    assert!(kept.0.lock().unwrap().is_empty());
    for (batch, status, words) in
        [("BUSY", 503, "nothing was changed, and nothing will be"), ("STOPS", 503, "onspec stops")]
    {
        let answer = post(&fixture, events, &void(batch));
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.error().contains(words), "{}", answer.text);
    }
    for (path, body) in [
        ("/api/v1/lines/tm9/events", r#"{"event":"resume"}"#),
        ("/api/v1/batches/tm9/R1/disposition", r#"{"disposition":"hold"}"#),
    ] {
        let answer = post(&fixture, path, body);
        assert_eq!(
            (answer.status, &*answer.error()),
            (404, "no line is called `tm9`; there are: `tm3`")
        );
    }
    let said = |batch: &str| post(&fixture, events, &void(batch)).json();
    assert_eq!(said("FULL"), json!({"taken": 1, "on_disk": false, "faults": [], "waiting": []}));
    let odd = json!({"taken": 1, "on_disk": true, "faults": ["batch `ODD` cannot end"], "waiting": ["R9"]});
    assert_eq!(said("ODD"), odd);
}

#[test]
fn pages_of_other_sites_tell_nothing_and_nothing_is_told_by_get() {
    let (fixture, kept) = desk();
    for (path, _) in router::ACTIONS.iter().filter(|(path, _)| !path.contains("models")) {
        let path = path.replace("{line}", "tm3").replace("{batch}", "R1");
        let request = Request::post(&path).header("host", "127.0.0.1:8080");
        let request = request.header("origin", "http://evil.example");
        let body = Body::from(r#"{"event":"resume"}"#);
        assert_eq!(fixture::ask(&fixture, request.body(body).unwrap()).status, 403, "{path}");
        let request = Request::post(&path).header("host", "evil.example");
        assert_eq!(fixture::ask(&fixture, request.body(Body::empty()).unwrap()).status, 421);
        assert_eq!(fixture::get(&fixture, &path).status, 405, "{path}");
    }
    assert!(kept.0.lock().unwrap().is_empty());
    let nobody = fixture::state(fixture::on_spec());
    let answer = post(&nobody, "/api/v1/lines/tm3/events", r#"{"event":"resume"}"#);
    assert_eq!(answer.status, 409);
    assert_eq!(answer.error(), "this onspec takes no events of batches");
}
