//! The page of the alarms: what is told, what can be asked, and what comes of that.

use super::super::super::fixture::{self, Answer, Fixture, HOSTILE, NOW, Shelf};
use super::super::super::{ApiState, Desk, Reception, Telling, Told};
use super::order::{Outcome, shift_end};
use super::*;
use crate::alarm::{Action, EventKind, News, Order, Sets, Subject, Unmet};
use crate::engine::ToldEvents;
use crate::reading::Timestamp;
use crate::words::Language;
use axum::body::Body;
use axum::http::Request;
use jiff::tz::TimeZone;
use std::sync::{Arc, Mutex};

/// Keeps what is asked; the name of who asks says what becomes of it.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Order>>);

impl Desk for Kept {
    fn tell(&self, _: ToldEvents) -> Telling<Reception> {
        Box::pin(std::future::ready(Told::Stops))
    }

    fn order(&self, order: Order) -> Telling<IsaState> {
        let told = match order.by.as_deref() {
            Some("full") => Told::WhenRoom(IsaState::Shelved),
            Some("busy") => Told::Busy,
            Some("late") => Told::Conflict(Unmet::Unknown.to_string()),
            _ => Told::Done(IsaState::Acknowledged),
        };
        self.0.lock().unwrap().push(order);
        Box::pin(std::future::ready(told))
    }
}

fn with(view: View) -> (Fixture, Arc<Kept>) {
    let (fixture, kept) = (fixture::state(view), Arc::new(Kept::default()));
    let api = ApiState {
        desk: Some(Arc::clone(&kept) as Arc<dyn Desk>),
        history: Some(Arc::new(Shelf(Ok(Vec::new())))),
        shifts: ["06:00", "14:00", "22:00"].map(|begin| begin.parse().unwrap()).to_vec(),
        public_url: Some("https://mill.example/onspec/".into()),
        ..fixture.api.clone()
    };
    (Fixture { api, ..fixture }, kept)
}

fn send(fixture: &Fixture, path: &str, origin: &str, form: &str) -> Answer {
    let request = Request::post(path)
        .header("host", "127.0.0.1:8080")
        .header("origin", origin)
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    fixture::ask(fixture, request.body(Body::from(form.to_owned())).unwrap())
}

const HERE: &str = "http://127.0.0.1:8080";

#[test]
fn a_form_gives_the_order_that_the_api_gives_and_leads_back() {
    let (fixture, kept) = with(fixture::at_risk());
    let until = |ms: i64| Timestamp::from_millis(NOW + ms).unwrap();
    let hour = 3_600_000;
    for (action, more, expected) in [
        ("acknowledge", "", Action::Acknowledge),
        ("acknowledge", "&note=", Action::Acknowledge),
        ("acknowledge", "&occurrence=2", Action::Acknowledge),
        ("reset", "", Action::Reset),
        ("shelve", "&note=cable&until=1h", Action::Shelve { until: until(hour) }),
        ("shelve", "&note=cable&until=8h&at=", Action::Shelve { until: until(8 * hour) }),
        // The end of the shift, as the page wrote it.
        (
            "shelve",
            "&note=cable&until=1769148000000",
            Action::Shelve { until: until(hour * 329 / 60) },
        ),
        (
            "shelve",
            "&note=cable&until=time&at=2026-01-23T02%3A31",
            Action::Shelve { until: until(2 * hour) },
        ),
        ("unshelve", "", Action::Unshelve),
        ("out-of-service", "&note=cable", Action::Remove),
        ("in-service", "", Action::Restore),
        ("comment", "&note=cable", Action::Comment),
    ] {
        let form = format!("alarm=tm3%2Fbatch&by=+shift-a+{more}");
        let answer = send(&fixture, &format!("/alarms/{action}"), HERE, &form);
        assert_eq!(answer.status, 303, "{action} {more}: {}", answer.text);
        let back = format!("../alarms?about=tm3%2Fbatch&told={action}");
        assert_eq!(answer.header("location"), back);
        let order = kept.0.lock().unwrap().pop().unwrap();
        assert_eq!((order.action, order.by.as_deref()), (expected, Some("shift-a")), "{more}");
        let seen = more.contains("occurrence").then_some(2);
        assert_eq!(order.occurrence, seen, "what was read is what is answered");
        assert_eq!((&*order.alarm, order.at.as_millis()), ("tm3/batch", NOW));
        assert_eq!(order.note.as_deref(), more.contains("=cable").then_some("cable"));
        // What the browser gets then says so.
        let page = fixture::get(&fixture, back.trim_start_matches("..")).text;
        assert!(page.contains("<span>Done: "), "{page}");
    }
    let answer = send(&fixture, "/alarms/reset?language=zh-CN", HERE, "alarm=a%26b&by=x");
    assert_eq!(answer.header("location"), "../alarms?about=a%26b&told=reset&language=zh-CN");
}

#[test]
fn what_cannot_be_is_told_where_it_can_be_asked_for_again() {
    let (fixture, kept) = with(fixture::at_risk());
    for (action, form, told) in [
        ("acknowledge", "", "no-name"),
        ("acknowledge", "&by=+", "no-name"),
        ("comment", "&by=a", "no-why"),
        ("shelve", "&by=a&note=b", "no-end"),
        ("shelve", "&by=a&note=b&until=time&at=soon", "no-end"),
        ("shelve", "&by=a&until=1h", "no-why"),
        ("acknowledge", "&by=busy", "busy"),
        ("acknowledge", "&by=late", "unknown"),
    ] {
        let form = format!("alarm=tm3%2Fbatch{form}");
        let answer = send(&fixture, &format!("/alarms/{action}"), HERE, &form);
        let back = format!("../alarms?alarm=tm3%2Fbatch&told={told}");
        assert_eq!((answer.status, answer.header("location")), (303, &*back), "{action} {form}");
        let page = fixture::get(&fixture, back.trim_start_matches("..")).text;
        assert!(page.contains("role=\"alert\"") && page.contains("Nothing was changed:"));
    }
    let later = send(&fixture, "/alarms/reset", HERE, "alarm=a&by=full");
    assert_eq!(later.header("location"), "../alarms?about=a&told=later");
    let long = format!("alarm=a&by=b&note={}", "x".repeat(1001));
    let answer = send(&fixture, "/alarms/reset", HERE, &long);
    assert_eq!(answer.header("location"), "../alarms?alarm=a&told=long-note");
    assert_eq!(send(&fixture, "/alarms/silence", HERE, "alarm=a&by=b").status, 404);
    let nameless = send(&fixture, "/alarms/reset", HERE, "by=b");
    assert_eq!(nameless.status, 400);
    assert!(nameless.text.contains("<h1>") && nameless.text.contains("names no alarm"));
    assert_eq!(fixture::get(&fixture, "/alarms/reset").status, 405);
    assert_eq!(fixture::get(&fixture, "/alarms?told=whatever").status, 400);
    assert_eq!(kept.0.lock().unwrap().len(), 3, "only those that could be");
    let none = Fixture { api: ApiState { desk: None, ..fixture.api.clone() }, ..fixture };
    let answer = send(&none, "/alarms/reset", HERE, "alarm=a&by=b");
    assert_eq!(answer.header("location"), "../alarms?alarm=a&told=not-taken");
}

#[test]
fn pages_of_other_sites_order_nothing_and_that_behind_the_proxy_does() {
    let (fixture, kept) = with(fixture::at_risk());
    let form = "alarm=tm3%2Fbatch&by=shift-a";
    for (origin, status) in [
        (HERE, 303),
        ("https://mill.example", 303),
        ("https://evil.example", 403),
        ("http://mill.example", 403),
        ("null", 403),
    ] {
        assert_eq!(send(&fixture, "/alarms/acknowledge", origin, form).status, status, "{origin}");
    }
    assert_eq!(kept.0.lock().unwrap().len(), 2);
    // What the proxy shows is the page: the API is not asked by pages.
    let of_api = send(&fixture, "/api/v1/alarms/acknowledge", "https://mill.example", "{}");
    assert_eq!(of_api.status, 403);
    let page = fixture::get(&fixture, "/alarms?alarm=tm3/batch");
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
    assert_eq!(page.header("referrer-policy"), "same-origin", "a form says from where it comes");
    let list = fixture::get(&fixture, "/alarms");
    assert!(list.header("content-security-policy").contains("form-action 'none'"));
    assert!(!list.text.contains("<form"));
}

/// Every refusal has its own words, and none is lost on the way through the address.
#[test]
fn every_outcome_is_said_in_both_languages() {
    let mut told = Vec::new();
    for outcome in Outcome::ALL {
        for language in [Language::English, Language::Chinese] {
            let mut html = Html::default();
            outcome.say(&mut html, "tm3/batch", Reader::of(&Locale::default(), Some(language)));
            told.push(html.into_string());
        }
    }
    assert!(told.iter().all(|text| !text.contains('{')));
    let all = told.len();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), all);
}

#[test]
fn a_shift_ends_where_the_next_one_begins() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let begins = ["06:00", "14:00", "22:00"].map(|begin| begin.parse().unwrap());
    let end = |at: &str| {
        let now = Timestamp::parse_rfc3339(at).unwrap().as_millis();
        shift_end(now, &begins, &zone).unwrap().to_rfc3339()
    };
    for (at, expected) in [
        ("2026-01-23T04:59:59Z", "2026-01-23T05:00:00Z"),
        ("2026-01-23T05:00:00Z", "2026-01-23T13:00:00Z"),
        ("2026-01-23T21:30:00Z", "2026-01-24T05:00:00Z"),
        ("2026-01-23T23:30:00Z", "2026-01-24T05:00:00Z"),
        // The night in which summer begins is an hour shorter.
        ("2026-03-28T21:30:00Z", "2026-03-29T04:00:00Z"),
    ] {
        assert_eq!(end(at), expected, "{at}");
    }
    assert_eq!(shift_end(NOW, &[], &zone), None);
}

/// A sensor that is stuck, as the book tells it.
fn news() -> News {
    News {
        kind: EventKind::SensorUnhealthy,
        at: Timestamp::from_millis(NOW).unwrap(),
        line: "tm3".into(),
        alarm: "tm3/sensor/moisture".into(),
        sets: Sets::Raise,
        severity: Severity::Warning,
        revision: 1,
        subject: Subject::Sensor {
            tag: "moisture".into(),
            fault: "stuck".into(),
            since: Timestamp::from_millis(NOW).unwrap(),
            behind_ms: None,
        },
    }
}

#[test]
fn an_alarm_says_what_it_is_what_to_do_and_who_knows() {
    let mut view = fixture::at_risk();
    view.alarms[2].news = Some(Box::new(news()));
    view.alarms[0].isa = "acknowledged";
    view.alarms[0].priority = Some("high");
    let (fixture, _) = with(view);
    let list = fixture::get(&fixture, "/alarms").text;
    for words in [
        "What to do: look at the instrument and its cable.",
        "shelved until",
        "Told to people: 1 in the last ten minutes, 3 in the last hour, 11 in the last day",
        "href=\"alarms?alarm=tm3%2Fsensor%2Fmoisture\"",
        "<dt>Acknowledged by</dt><dd><bdi>shift-b</bdi>, ",
        "<dt>Priority</dt><dd>high</dd>",
        "What people did about alarms last",
    ] {
        assert!(list.contains(words), "{words}: {list}");
    }
    let places: Vec<usize> = ["tm3/batch", "system/influxdb", "tm3/sensor/moisture"]
        .iter()
        .map(|alarm| list.find(&format!("<dd><bdi>{alarm}</bdi></dd>")).unwrap())
        .collect();
    assert!(places.is_sorted(), "what is hidden last: {places:?}");
    let one = fixture::get(&fixture, "/alarms?alarm=tm3/batch").text;
    assert!(one.contains("<bdi>felt changed</bdi>"), "the record of it: {one}");
    assert_eq!(one.matches("<tr>").count(), 2, "its own, not that of others");
}

#[test]
fn the_forms_are_those_that_the_state_allows() {
    let forms = |isa: &'static str, shelved: bool| {
        let mut view = fixture::at_risk();
        view.alarms[0].isa = isa;
        view.alarms[0].shelved_until = shelved.then(|| Timestamp::from_millis(NOW).unwrap());
        let page = fixture::get(&with(view).0, "/alarms?alarm=tm3%2Fbatch").text;
        let actions = page.split("action=\"alarms/").skip(1);
        let actions = actions.filter_map(|rest| rest.split('"').next());
        actions.collect::<Vec<_>>().join(" ")
    };
    for (isa, expected) in [
        ("unacknowledged", "acknowledge shelve out-of-service comment"),
        ("acknowledged", "shelve out-of-service comment"),
        ("returned-unacknowledged", "acknowledge shelve out-of-service comment"),
        ("latched-acknowledged", "reset shelve out-of-service comment"),
        ("suppressed", "shelve out-of-service comment"),
        ("out-of-service", "in-service comment"),
    ] {
        assert_eq!(forms(isa, false), expected, "{isa}");
    }
    assert_eq!(forms("shelved", true), "unshelve shelve out-of-service comment");
    let (fixture, _) = with(fixture::at_risk());
    let page = fixture::get(&fixture, "/alarms?alarm=tm3%2Fnone").text;
    assert!(page.contains("This alarm does not stand"), "{page}");
    assert!(!page.contains("http-equiv=\"refresh\""), "nothing that is typed is lost");
    let page = fixture::get(&fixture, "/alarms?alarm=tm3%2Fbatch").text;
    assert!(page.contains("<option value=\"1769148000000\">the end of the shift, 06:00</option>"));
    assert!(page.contains("Time, UTC+00:00"), "{page}");
    let seen = "<input type=\"hidden\" name=\"occurrence\" value=\"2\">";
    assert_eq!(page.matches(seen).count(), 1, "of what is acknowledged: {page}");
}

#[test]
fn no_name_of_an_alarm_becomes_markup() {
    let mut view = fixture::at_risk();
    view.alarms[0].alarm = HOSTILE.into();
    view.alarms[0].title = HOSTILE.into();
    view.alarms[0].hidden_by = Some(HOSTILE.into());
    let (fixture, _) = with(view);
    let asked = "/alarms?alarm=%3C%2Ftd%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%26%E2%80%AE%00";
    for path in ["/alarms", asked, &format!("{asked}&told=no-name")] {
        let text = fixture::get(&fixture, path).text;
        assert!(text.contains("&lt;script&gt;alert(1)") && !text.contains("<script>"), "{path}");
        assert_eq!(text.matches('<').count(), text.matches('>').count(), "{path}");
    }
}

#[test]
fn the_pages_of_alarms_are_in_chinese_as_well() {
    let mut view = fixture::at_risk();
    view.alarms[2].news = Some(Box::new(news()));
    view.alarms[1].chatters = true;
    view.alarm_load.flood = Some(Timestamp::from_millis(NOW).unwrap());
    for (alarm, isa) in view.alarms.iter_mut().zip(["acknowledged", "latched-acknowledged"]) {
        (alarm.isa, alarm.priority) = (isa, Some("critical"));
    }
    let (fixture, _) = with(view);
    for path in [
        "/alarms?language=zh-CN",
        "/alarms?language=zh-CN&alarm=tm3/batch",
        "/alarms?language=zh-CN&alarm=system/influxdb&told=too-long",
        "/alarms?language=zh-CN&alarm=tm3/sensor/moisture&told=later",
        "/alarms?language=zh-CN&alarm=TM3-none",
    ] {
        let page = fixture::get(&fixture, path).text;
        assert_eq!(fixture::left_over(&page), [], "{path}");
    }
}
