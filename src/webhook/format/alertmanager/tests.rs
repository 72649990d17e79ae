//! What stands, what ends, and what is told again.

use super::super::tests::{AT, batch, event, items};
use super::*;
use crate::alarm::{Notification, Subject};
use crate::webhook::{Audience, standard};

const PAGE: &str = "https://onspec.mill.example/";

fn fresh() -> Alertmanager {
    Alertmanager::new(Locale::default(), Severity::Warning, &[])
}

/// Delivers an event, and gives what was said: alert, severity, type of what only happened, start and end in seconds
/// from [`AT`].
fn tell(service: &mut Alertmanager, told: &[&Notification], at_s: u64) -> Vec<String> {
    let now = AT.plus(Duration::from_secs(at_s));
    let items = items(told.iter().copied());
    let said =
        service.render(&items, now).unwrap().map(|request| alerts(&request)).unwrap_or_default();
    // To ask twice says the same: an attempt may fail.
    assert_eq!(said, service.render(&items, now).unwrap().map(|r| alerts(&r)).unwrap_or_default());
    service.delivered(&items, now);
    said
}

fn again(service: &Alertmanager, at_s: u64) -> Vec<String> {
    let request = service.repeat(AT.plus(Duration::from_secs(at_s)));
    request.map(|request| alerts(&request)).unwrap_or_default()
}

fn alerts(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let one = |alert: &Value| {
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or("-").to_owned();
        let at = |name: &str| {
            let at = Timestamp::parse_rfc3339(alert[name].as_str().unwrap()).unwrap();
            at.since(AT) / 1_000_000_000
        };
        let about = if label("batch") == "-" { label("tag") } else { label("batch") };
        format!(
            "{} {about} {} {} {}..{}",
            label("alertname"),
            label("severity"),
            label("event"),
            at("startsAt"),
            at("endsAt")
        )
    };
    body.as_array().unwrap().iter().map(one).collect()
}

fn at_risk(id: &str) -> Notification {
    batch(EventKind::BatchAtRisk, Severity::Warning, id, "at risk")
}

fn off_spec(id: &str) -> Notification {
    batch(EventKind::BatchOffSpec, Severity::Critical, id, "off spec")
}

fn finished(id: &str, severity: Severity) -> Notification {
    batch(EventKind::BatchFinished, severity, id, "ended")
}

fn sensor(kind: EventKind, severity: Severity) -> Notification {
    let subject =
        Subject::Sensor { tag: "QI_1".into(), fault: "stuck".into(), since: AT, behind_ms: None };
    event(kind, severity, "tm3/sensor/QI_1", "sensor", subject)
}

#[test]
fn what_stands_is_told_again_until_it_ends() {
    let mut service = fresh();
    assert_eq!(again(&service, 0), Vec::<String>::new());
    let said = tell(&mut service, &[&at_risk("R1")], 5);
    assert_eq!(said, ["onspec_batch R1 warning - 0..245"]);
    assert_eq!(again(&service, 60), ["onspec_batch R1 warning - 0..300"]);
    assert_eq!(again(&service, 120), ["onspec_batch R1 warning - 0..360"]);
    let said = tell(&mut service, &[&finished("R1", Severity::Info)], 130);
    assert_eq!(said, ["onspec_batch R1 warning - 0..130"]);
    assert_eq!(again(&service, 180), Vec::<String>::new());
    // Told once more it says nothing: it ended.
    assert_eq!(tell(&mut service, &[&finished("R1", Severity::Info)], 190), Vec::<String>::new());
}

#[test]
fn another_severity_is_another_alert_and_the_one_before_ends() {
    let mut service = fresh();
    tell(&mut service, &[&at_risk("R1")], 5);
    let said = tell(&mut service, &[&off_spec("R1")], 60);
    assert_eq!(said, ["onspec_batch R1 critical - 0..300", "onspec_batch R1 warning - 0..60"]);
    assert_eq!(again(&service, 120), ["onspec_batch R1 critical - 0..360"]);
    // The end of a batch that is off spec is told as well, and shown for a while.
    let said = tell(&mut service, &[&finished("R1", Severity::Critical)], 130);
    assert_eq!(
        said,
        ["onspec_batch R1 critical batch.finished 0..430", "onspec_batch R1 critical - 0..130"]
    );
    assert_eq!(again(&service, 180), Vec::<String>::new());
}

#[test]
fn many_are_told_at_once_and_the_newest_of_each_counts() {
    let mut service = fresh();
    let told = [
        &at_risk("R1"),
        &sensor(EventKind::SensorUnhealthy, Severity::Warning),
        &finished("R1", Severity::Info),
        &at_risk("R2"),
    ];
    let said = tell(&mut service, &told, 10);
    assert_eq!(
        said,
        [
            "onspec_batch R1 warning - 0..10",
            "onspec_batch R2 warning - 0..250",
            "onspec_sensor QI_1 warning - 0..250"
        ]
    );
    let expected = ["onspec_batch R2 warning - 0..300", "onspec_sensor QI_1 warning - 0..300"];
    assert_eq!(again(&service, 60), expected);
}

#[test]
fn after_a_start_what_stands_is_known_from_the_book() {
    let standing = [off_spec("R7"), sensor(EventKind::SensorUnhealthy, Severity::Warning)];
    let standing = standing.map(|told| standard(&told, Some(PAGE), &Audience::default()));
    let mut service = Alertmanager::new(Locale::default(), Severity::Warning, &standing);
    assert_eq!(
        again(&service, 0),
        ["onspec_batch R7 critical - 0..240", "onspec_sensor QI_1 warning - 0..240"]
    );
    let said = tell(&mut service, &[&sensor(EventKind::SensorRecovered, Severity::Info)], 30);
    assert_eq!(said, ["onspec_sensor QI_1 warning - 0..30"]);
    assert_eq!(again(&service, 60), ["onspec_batch R7 critical - 0..300"]);
}

#[test]
fn what_only_happened_is_shown_for_a_while_and_nothing_begins_after_it_ends() {
    let mut service = fresh();
    let revised = batch(EventKind::BatchRevised, Severity::Critical, "R1", "now off-spec");
    // The plant's clock is an hour ahead of the machine's: time stands where the machine is.
    let mut ahead = at_risk("R2");
    ahead.at = AT.plus(Duration::from_secs(3600));
    let said = tell(&mut service, &[&revised, &ahead], 5);
    assert_eq!(
        said,
        ["onspec_batch R1 critical batch.revised 0..305", "onspec_batch R2 warning - 5..245"]
    );
    let said = tell(&mut service, &[&finished("R2", Severity::Info)], 65);
    assert_eq!(said, ["onspec_batch R2 warning - 5..65"]);
    // Below what this receiver wants.
    let revised = batch(EventKind::BatchRevised, Severity::Info, "R1", "now on-spec");
    assert_eq!(tell(&mut service, &[&revised], 70), Vec::<String>::new());
}
