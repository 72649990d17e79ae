//! Receivers of webhooks, and what they refused.

use super::super::fixture::{self, Answer, Fixture, NOW};
use super::super::{ApiState, ParkedOrder, ReceiverView, Telling, Told, Webhooks};
use super::{check_error, mismatch, openapi};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Keeps what is decided; the name of who decides says what becomes of it.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<ParkedOrder>>);

impl Webhooks for Kept {
    fn receivers(&self) -> Result<Vec<ReceiverView>, String> {
        let view = |name: &str, configured, waiting, parked| ReceiverView {
            name: name.into(),
            component: format!("webhook/{name}"),
            configured,
            waiting,
            parked,
        };
        Ok(vec![view("shift-leads", true, 3, 2), view("gone", false, 0, 1)])
    }

    fn parked(&self, name: &str, before: Option<i64>, limit: usize) -> Result<Vec<Value>, String> {
        let event = |number: i64| {
            json!({
                "number": number, "webhook": name, "id": format!("evt_{number}"), "type": "batch.at_risk",
                "alarm": "tm3/batch", "title": "t", "at": NOW, "parked_at": null, "answer": "404",
            })
        };
        Ok((1..before.unwrap_or(9)).rev().take(limit).map(event).collect())
    }

    fn order(&self, order: ParkedOrder) -> Telling<Option<u64>> {
        let told = match &*order.by {
            "late" => Told::Conflict("event `evt_9` is not parked".into()),
            "full" => Told::WhenRoom(None),
            "busy" => Told::Busy,
            _ => Told::Done(Some(2)),
        };
        self.0.lock().unwrap().push(order);
        Box::pin(std::future::ready(told))
    }
}

fn with_webhooks() -> (Fixture, Arc<Kept>) {
    let fixture = fixture::state(fixture::on_spec());
    fixture::parts(&fixture.api.health);
    let kept = Arc::new(Kept::default());
    let webhooks = Some(Arc::clone(&kept) as Arc<dyn Webhooks>);
    let api = ApiState { webhooks, ..fixture.api.clone() };
    (Fixture { api, ..fixture }, kept)
}

fn ask(path: &str, body: &str) -> (Answer, Vec<ParkedOrder>) {
    let (fixture, kept) = with_webhooks();
    let request =
        Request::post(format!("/api/v1/webhooks/{path}")).header("host", "127.0.0.1:8080");
    let answer = fixture::ask(&fixture, request.body(Body::from(body.to_owned())).unwrap());
    let orders = kept.0.lock().unwrap().clone();
    (answer, orders)
}

#[test]
fn receivers_and_what_they_refused_are_told() {
    let (fixture, _) = with_webhooks();
    let told = fixture::get(&fixture, "/api/v1/webhooks").json();
    mismatch(&openapi(), &json!({"$ref": "#/components/schemas/Webhooks"}), &told, "all").unwrap();
    assert_eq!(
        told["webhooks"],
        json!([
            {"name": "shift-leads", "configured": true, "state": "ok", "reason": "", "waiting": 3, "parked": 2},
            {"name": "gone", "configured": false, "state": null, "reason": "", "waiting": 0, "parked": 1},
        ])
    );
    let path = "/api/v1/webhooks/shift-leads/parked";
    let told = fixture::get(&fixture, &format!("{path}?before=9&limit=2")).json();
    let schema = json!({"$ref": "#/components/schemas/ParkedEvents"});
    mismatch(&openapi(), &schema, &told, "parked").unwrap();
    let ids: Vec<&Value> = told["parked"].as_array().unwrap().iter().map(|e| &e["id"]).collect();
    assert_eq!(ids, ["evt_8", "evt_7"]);
    check_error(
        &fixture,
        &format!("{path}?limit=0"),
        400,
        "`limit` is 0; 1 to 1000 are given at a time",
    );
    let next = told["next"].as_str().unwrap();
    let told = fixture::get(&fixture, &format!("{path}?limit=9&cursor={next}")).json();
    assert_eq!((told["parked"].as_array().unwrap().len(), &told["next"]), (6, &json!(null)));
    let text = "no webhook is called `leads`; there are: `shift-leads`, `gone`";
    check_error(&fixture, "/api/v1/webhooks/leads/parked", 404, text);
    let nowhere = fixture::state(fixture::on_spec());
    check_error(&nowhere, "/api/v1/webhooks", 404, "this onspec has no outboxes of webhooks");
}

#[test]
fn decisions_are_handed_on_with_who_and_why() {
    for (path, body, resend, ids, note) in [
        ("shift-leads/resend", r#"{"all":true,"by":" shift-a "}"#, true, None, None),
        (
            "shift-leads/resend",
            r#"{"ids":["evt_1","evt_2"],"by":"shift-a","note":"n"}"#,
            true,
            Some(2),
            Some("n"),
        ),
        ("gone/discard", r#"{"all":true,"by":"shift-a","note":"n"}"#, false, None, Some("n")),
    ] {
        let (answer, orders) = ask(path, body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let schema = json!({"$ref": "#/components/schemas/ParkedDone"});
        mismatch(&openapi(), &schema, &answer.json(), path).unwrap();
        let [order] = orders.as_slice() else { panic!("one order") };
        assert_eq!((order.resend, order.ids.as_ref().map(Vec::len)), (resend, ids));
        assert_eq!(
            (&*order.by, order.note.as_deref(), order.at.as_millis()),
            ("shift-a", note, NOW)
        );
    }
}

#[test]
fn decisions_that_cannot_be_say_what_to_write() {
    let resend = "shift-leads/resend";
    for (path, body, status, words) in [
        (resend, "", 400, "write such as"),
        (resend, r#"{"by":"a"}"#, 400, "`ids` is missing"),
        (resend, r#"{"ids":[],"by":"a"}"#, 400, "`ids` has 0; 1 to 1000 are taken"),
        (resend, r#"{"ids":["evt_1"],"all":true,"by":"a"}"#, 400, "not both"),
        (resend, r#"{"all":true}"#, 400, "missing field `by`"),
        (resend, r#"{"all":true,"by":" "}"#, 400, "`by` is no text of 1 to 80 characters"),
        ("shift-leads/discard", r#"{"all":true,"by":"a"}"#, 400, "`note` is missing"),
        ("leads/resend", r#"{"all":true,"by":"a"}"#, 404, "no webhook is called `leads`"),
        (
            resend,
            r#"{"all":true,"by":"late"}"#,
            409,
            "webhook `shift-leads`: event `evt_9` is not parked",
        ),
        (resend, r#"{"all":true,"by":"busy"}"#, 503, "onspec is busy"),
    ] {
        let (answer, orders) = ask(path, body);
        assert_eq!(answer.status, status, "{path} {body} {}", answer.text);
        assert!(answer.error().contains(words), "{path} {body} {}", answer.text);
        assert!(orders.is_empty() || status > 404, "{path} {body}");
        let (_, action) = path.split_once('/').unwrap();
        let path = format!("/api/v1/webhooks/{{name}}/{action}");
        let responses = &openapi()["paths"][path]["post"]["responses"];
        assert!(responses[status.to_string()].is_object(), "{status} is not documented");
    }
    let (answer, _) = ask(resend, r#"{"all":true,"by":"full"}"#);
    assert_eq!((answer.status, answer.json()["events"].clone()), (202, Value::Null));
}
