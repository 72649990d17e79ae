//! What is asked of alarms.

use super::super::fixture::{self, Answer, Fixture, NOW};
use super::super::{ApiState, Desk, Reception, Telling, Told};
use super::{mismatch, openapi};
use crate::alarm::{Action, IsaState, Order};
use crate::engine::ToldEvents;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// Keeps what is asked; the alarm says what becomes of it.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Order>>);

impl Desk for Kept {
    fn tell(&self, _: ToldEvents) -> Telling<Reception> {
        Box::pin(std::future::ready(Told::Stops))
    }

    fn order(&self, order: Order) -> Telling<IsaState> {
        let told = match &*order.alarm {
            "none" => Told::Conflict("there never was such an alarm".into()),
            "full" => Told::WhenRoom(IsaState::Shelved),
            "busy" => Told::Busy,
            _ => Told::Done(IsaState::Acknowledged),
        };
        self.0.lock().unwrap().push(order);
        Box::pin(std::future::ready(told))
    }
}

fn ask(action: &str, body: &str) -> (Answer, Vec<Order>) {
    let fixture = fixture::state(fixture::on_spec());
    let kept = Arc::new(Kept::default());
    let api = ApiState { desk: Some(Arc::clone(&kept) as Arc<dyn Desk>), ..fixture.api.clone() };
    let fixture = Fixture { api, ..fixture };
    let request =
        Request::post(format!("/api/v1/alarms/{action}")).header("host", "127.0.0.1:8080");
    let answer = fixture::ask(&fixture, request.body(Body::from(body.to_owned())).unwrap());
    let orders = kept.0.lock().unwrap().clone();
    (answer, orders)
}

#[test]
fn orders_are_handed_on_with_who_and_why() {
    let until = crate::reading::Timestamp::from_millis(NOW + 7_200_000).unwrap();
    for (action, more, expected) in [
        ("acknowledge", "", Action::Acknowledge),
        ("reset", "", Action::Reset),
        ("shelve", r#","note":"cable","minutes":120"#, Action::Shelve { until }),
        ("unshelve", "", Action::Unshelve),
        ("out-of-service", r#","note":"cable""#, Action::Remove),
        ("in-service", "", Action::Restore),
        ("comment", r#","note":"cable""#, Action::Comment),
    ] {
        let body = format!(r#"{{"alarm":"tm3/sensor/moisture","by":" shift-a "{more}}}"#);
        let (answer, orders) = ask(action, &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let schema = json!({"$ref": "#/components/schemas/AlarmOrdered"});
        mismatch(&openapi(), &schema, &answer.json(), action).unwrap();
        let [order] = orders.as_slice() else { panic!("one order") };
        assert_eq!((order.action, order.by.as_deref()), (expected, Some("shift-a")));
        assert_eq!(order.at.as_millis(), NOW);
        assert_eq!(order.note.is_some(), more.contains("note"));
    }
    let body = format!(r#"{{"alarm":"x","by":"a","note":"b","until":{}}}"#, NOW + 7_200_000);
    assert_eq!(ask("shelve", &body).1[0].action, Action::Shelve { until });
}

#[test]
fn orders_that_cannot_be_say_what_to_write() {
    for (action, body, status, words) in [
        ("silence", "{}", 404, "nobody can `silence` an alarm; there are: acknowledge, reset"),
        ("acknowledge", "", 400, "write such as"),
        ("acknowledge", r#"{"alarm":"x"}"#, 400, "missing field `by`"),
        ("acknowledge", r#"{"alarm":"x","by":" "}"#, 400, "`by` is no text of 1 to 80 characters"),
        ("acknowledge", r#"{"alarm":"x","by":"a","minutes":3}"#, 400, "only a shelf has an end"),
        ("shelve", r#"{"alarm":"x","by":"a","note":"b"}"#, 400, "a shelf needs its end"),
        ("shelve", r#"{"alarm":"x","by":"a","minutes":3}"#, 400, "`note` is missing"),
        ("shelve", r#"{"alarm":"x","by":"a","note":"b","minutes":3,"until":4}"#, 400, "not both"),
        ("comment", r#"{"alarm":"x","by":"a"}"#, 400, "`note` is missing"),
        (
            "reset",
            r#"{"alarm":"none","by":"a"}"#,
            409,
            "alarm `none`: there never was such an alarm",
        ),
        ("reset", r#"{"alarm":"busy","by":"a"}"#, 503, "onspec is busy"),
    ] {
        let (answer, orders) = ask(action, body);
        assert_eq!(answer.status, status, "{action} {body} {}", answer.text);
        assert!(answer.error().contains(words), "{action} {body} {}", answer.text);
        assert!(orders.is_empty() || status > 404, "{action} {body}");
        let responses = &openapi()["paths"]["/api/v1/alarms/{action}"]["post"]["responses"];
        assert!(responses[status.to_string()].is_object(), "{status} is not documented");
    }
    let (answer, _) = ask("reset", r#"{"alarm":"full","by":"a"}"#);
    assert_eq!((answer.status, answer.json()["on_disk"].clone()), (202, json!(false)));
    let nobody = fixture::state(fixture::on_spec());
    let request = Request::post("/api/v1/alarms/reset").header("host", "127.0.0.1:8080");
    let request = request.body(Body::from(r#"{"alarm":"x","by":"a"}"#)).unwrap();
    assert_eq!(fixture::ask(&nobody, request).status, 409);
}
