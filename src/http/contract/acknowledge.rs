//! The page behind the link by which an alarm is acknowledged.

use super::super::fixture::{self, Answer, Fixture, HOSTILE, NOW};
use super::super::{ApiState, Desk, Links, Reception, Telling, Told};
use crate::alarm::{Action, IsaState, Order, Permit, PermitKey, Refusal, Unmet};
use crate::engine::{ToldEvents, View};
use crate::reading::Timestamp;
use axum::body::Body;
use axum::http::{Method, Request};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps what is asked; the alarm says what becomes of it.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Order>>);

impl Desk for Kept {
    fn tell(&self, _: ToldEvents) -> Telling<Reception> {
        Box::pin(std::future::ready(Told::Stops))
    }

    fn order(&self, order: Order) -> Telling<IsaState> {
        let already = Unmet::Refused(Refusal::NothingToAcknowledge(IsaState::Acknowledged));
        let told = match &*order.alarm {
            "none" => Told::Conflict(Unmet::Unknown.to_string()),
            "again" => Told::Conflict(Unmet::AnotherOccurrence.to_string()),
            "known" => Told::Conflict(already.to_string()),
            "full" => Told::WhenRoom(IsaState::Acknowledged),
            "busy" => Told::Busy,
            _ => Told::Done(IsaState::Acknowledged),
        };
        self.0.lock().unwrap().push(order);
        Box::pin(std::future::ready(told))
    }
}

fn key() -> PermitKey {
    PermitKey::new(b"a key of 24 bytes at all").unwrap()
}

fn token(alarm: &str, occurrence: u32, later: Duration) -> String {
    let until = Timestamp::from_millis(NOW).unwrap().plus(later);
    key().sign(&Permit { alarm: alarm.into(), occurrence, receiver: "shift-leads".into(), until })
}

/// A token for an alarm of which the page shows the second occurrence.
fn good(alarm: &str) -> String {
    token(alarm, 2, Duration::from_secs(60))
}

/// A desk where these alarms wait for somebody.
fn desk(alarms: &[&str]) -> (Fixture, Arc<Kept>) {
    let risk = fixture::at_risk();
    let of = |alarm: &&str| crate::engine::AlarmView {
        alarm: (*alarm).into(),
        title: format!("{alarm}: <b>stuck</b>").into(),
        ..risk.alarms[0].clone()
    };
    let alarms = alarms.iter().map(of).collect();
    let fixture = fixture::state(View { alarms, ..risk });
    let kept = Arc::new(Kept::default());
    let public_url = "https://Mill.example:443/".to_owned();
    let api = ApiState {
        desk: Some(Arc::clone(&kept) as Arc<dyn Desk>),
        links: Some(Arc::new(Links { key: key(), public_url })),
        ..fixture.api.clone()
    };
    (Fixture { api, ..fixture }, kept)
}

fn post(fixture: &Fixture, token: &str, origin: &str, form: &str) -> Answer {
    let request = Request::post(format!("/acknowledge/{token}"))
        .header("host", "127.0.0.1:8080")
        .header("origin", origin)
        .header("content-type", "application/x-www-form-urlencoded");
    fixture::ask(fixture, request.body(Body::from(form.to_owned())).unwrap())
}

const OURS: &str = "http://127.0.0.1:8080";

#[test]
fn a_page_shows_the_alarm_and_does_nothing() {
    let (fixture, kept) = desk(&["tm3/batch", HOSTILE]);
    for alarm in ["tm3/batch", HOSTILE] {
        let path = format!("/acknowledge/{}", good(alarm));
        let answer = fixture::get(&fixture, &path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = &answer.text;
        assert!(text.contains("Nobody has acknowledged it."), "{text}");
        assert!(text.contains("<form method=\"post\">") && text.contains("name=\"note\""));
        assert!(text.contains("&lt;b&gt;stuck&lt;/b&gt;") && !text.contains("<b>"), "{text}");
        assert!(!text.contains("<script") && !text.contains(&good(alarm)), "{text}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("style-src 'sha256-") && policy.contains("form-action 'self'"));
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"));
        // A form whose origin is not said is refused, and with `no-referrer` none is.
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
        let head = Request::head(&path).body(Body::empty()).unwrap();
        assert_eq!(fixture::ask(&fixture, head).status, 200);
        for method in [Method::PUT, Method::DELETE] {
            let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
            assert_eq!(fixture::ask(&fixture, request).status, 405);
        }
    }
    assert!(kept.0.lock().unwrap().is_empty(), "nothing was asked");
}

#[test]
fn its_button_acknowledges_that_occurrence_in_the_name_given() {
    let (fixture, kept) = desk(&["tm3/batch"]);
    let form = "name=+Anna+M%C3%BCller&note=felt%0D%0Ais+changed";
    for origin in [OURS, "https://mill.example"] {
        let answer = post(&fixture, &good("tm3/batch"), origin, form);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("You have acknowledged it."), "{}", answer.text);
        assert!(!answer.text.contains("<form"));
    }
    let orders = kept.0.lock().unwrap();
    let expected = Order {
        alarm: "tm3/batch".into(),
        action: Action::Acknowledge,
        by: Some("Anna Müller (link: shift-leads)".into()),
        note: Some("felt is changed".into()),
        at: Timestamp::from_millis(NOW).unwrap(),
        occurrence: Some(2),
    };
    assert_eq!(*orders, [expected.clone(), expected]);
}

#[test]
fn what_cannot_be_is_said_in_words_and_does_nothing() {
    let alarms = ["tm3/batch", "none", "again", "known", "full", "busy"];
    let (fixture, kept) = desk(&alarms);
    let forged = format!("{}A", good("tm3/batch"));
    let old = token("tm3/batch", 1, Duration::from_secs(60));
    let expired = key().sign(&Permit {
        until: Timestamp::from_millis(NOW - 1000).unwrap(),
        ..key().read(&good("tm3/batch")).unwrap()
    });
    for (token, status, words) in [
        (&forged, 403, "it was not made by this onspec"),
        (&"%FF".to_owned(), 403, "it was not made by this onspec"),
        (&expired, 410, "This link was for a week"),
        (&old, 410, "for an earlier occurrence"),
        (&good("tm3/sensor/x"), 200, "It is over"),
    ] {
        let answer = fixture::get(&fixture, &format!("/acknowledge/{token}"));
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(words) && !answer.text.contains("<form"), "{}", answer.text);
    }
    for (token, form, status, words) in [
        (&forged, "name=a", 403, "it was not made by this onspec"),
        (&expired, "name=a", 410, "This link was for a week"),
        (&good("tm3/batch"), "name=+", 400, "Write your name"),
        (&good("tm3/batch"), "note=a", 400, "Write your name"),
        (&good("tm3/batch"), &format!("name={}", "a".repeat(81)), 400, "Write your name"),
        (&good("tm3/batch"), "name=%FF%00", 400, "Write your name"),
    ] {
        let answer = post(&fixture, token, OURS, form);
        assert_eq!(answer.status, status, "{form} {}", answer.text);
        assert!(answer.text.contains(words), "{form} {}", answer.text);
    }
    let large = format!("name=a&note={}", "a".repeat(70_000));
    assert_eq!(post(&fixture, &good("tm3/batch"), OURS, &large).status, 413);
    for origin in
        ["http://evil.example", "null", "https://mill.example.evil", "http://mill.example"]
    {
        let answer = post(&fixture, &good("tm3/batch"), origin, "name=a");
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert!(kept.0.lock().unwrap().is_empty(), "nothing was asked");
    for (alarm, status, words) in [
        ("none", 404, "knows of no such alarm"),
        ("again", 410, "for an earlier occurrence"),
        ("known", 409, "Nothing is left to do"),
        ("full", 202, "once the store has room"),
        ("busy", 503, "Nothing was acknowledged: try again"),
    ] {
        let answer = post(&fixture, &good(alarm), OURS, "name=a");
        assert_eq!(answer.status, status, "{alarm} {}", answer.text);
        assert!(answer.text.contains(words), "{alarm} {}", answer.text);
    }
}

#[test]
fn a_public_name_is_of_no_use_elsewhere_and_without_a_key_there_are_no_links() {
    let (fixture, _) = desk(&["tm3/batch"]);
    let request = Request::post("/api/v1/alarms/acknowledge")
        .header("host", "127.0.0.1:8080")
        .header("origin", "https://mill.example");
    let body = Body::from(r#"{"alarm":"tm3/batch","by":"a"}"#);
    assert_eq!(fixture::ask(&fixture, request.body(body).unwrap()).status, 403);
    let none = fixture::state(fixture::at_risk());
    let answer = fixture::get(&none, &format!("/acknowledge/{}", good("tm3/batch")));
    assert_eq!(answer.status, 404);
    assert!(answer.error().contains("`[http] links`"));
}

/// A browser asks for a page, and is given this one: no other page of an error.
#[test]
fn a_browser_sees_why_a_link_is_of_no_use() {
    let (fixture, _) = desk(&["tm3/batch"]);
    let ask = |path: &str| {
        let request = Request::get(path).header("accept", "text/html,*/*;q=0.8");
        fixture::ask(&fixture, request.body(Body::empty()).unwrap())
    };
    let answer = ask("/acknowledge/none");
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("This link is not complete"), "{}", answer.text);
    let answer = ask("/acknowledge/none?language=zh-CN");
    assert!(answer.text.contains("<html lang=\"zh-CN\">"), "{}", answer.text);
    assert!(answer.text.contains("链接不完整"), "{}", answer.text);
}

#[test]
fn it_speaks_chinese_where_the_plant_does() {
    let (fixture, _) = desk(&["tm3/batch"]);
    let language = crate::words::Language::Chinese;
    let locale = crate::words::Locale { language, ..fixture.api.locale.clone() };
    let fixture = Fixture { api: ApiState { locale, ..fixture.api.clone() }, ..fixture };
    let text = fixture::get(&fixture, &format!("/acknowledge/{}", good("tm3/batch"))).text;
    assert!(text.contains("<html lang=\"zh-CN\">") && text.contains("尚无人确认。"), "{text}");
}
