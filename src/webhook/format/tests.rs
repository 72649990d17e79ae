//! The services against events of every class, against their limits, and against what they answer.

use super::*;
use crate::alarm::{EventKind, Notification, Severity, Subject};
use crate::profile::Place;
use crate::telemetry::SecretSource;
use crate::verdict::{Call, Document, Reason, SpanDocument};
use crate::webhook::{Audience, standard};
use crate::words::{Language, Locale};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::fmt::Write as _;

/// 2026-01-23T00:31:00Z.
pub(super) const AT: Timestamp = Timestamp::from_nanos(1_769_128_260_000_000_000);
const PAGE: &str = "https://onspec.mill.example/";

const FORMATS: [Format; 7] = [
    Format::Slack,
    Format::Teams,
    Format::DingTalk,
    Format::Feishu,
    Format::WeCom,
    Format::PagerDuty,
    Format::Alertmanager,
];

fn in_both_languages() -> impl Iterator<Item = (Format, Language)> {
    let both = |format| [Language::English, Language::Chinese].map(|language| (format, language));
    FORMATS.into_iter().flat_map(both)
}

/// Those that tell many events in one message.
fn chats() -> impl Iterator<Item = Format> {
    FORMATS.into_iter().filter(|format| !format.keeps_alarms())
}

fn service_of(format: Format) -> Box<dyn Service> {
    service_in(format, Language::English)
}

fn audience(language: Language) -> Audience {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let locale = Locale { zone, language, ..Locale::default() };
    Audience { locale, translate: language != Language::English }
}

fn service_in(format: Format, language: Language) -> Box<dyn Service> {
    let settings = Settings {
        name: "shift".into(),
        url: SecretSource::Env("U".into()),
        format,
        template: None,
        secret: None,
        audience: audience(language),
        severity: Severity::Warning,
        lines: vec![],
        route: crate::webhook::Route::default(),
        private: false,
        timeout: Duration::from_secs(1),
    };
    let secret = match format {
        Format::DingTalk => Some(Secret::new("SECtest")),
        Format::Feishu => Some(Secret::new("feishutest")),
        Format::PagerDuty => Some(Secret::new("0123456789abcdef0123456789ABCDEF")),
        _ => None,
    };
    service(&settings, secret.as_ref(), &[]).unwrap()
}

fn document(batch: &str, verdict: Call) -> Document {
    Document {
        station: None,
        line: "tm3".into(),
        batch: Some(batch.into()),
        grade: Some("facial-15".into()),
        verdict,
        since: 1_769_127_900_000,
        probability_off_spec: Some(0.71),
        progress: Some(0.46),
        left: Some(crate::verdict::Left { minutes: 18.6, tonnes: Some(2.31), metres: None }),
        reasons: vec![
            Reason::Process {
                statistic: "spe".into(),
                ratio: 3.2,
                tags: vec![
                    ("refiner_power".into(), 0.41),
                    ("stock_consistency".into(), 0.22),
                    ("TI-7".into(), 0.2),
                    ("PI-9".into(), 0.1),
                ],
                areas: Vec::new(),
                changes: vec![("TI-7".into(), 300.0)],
            },
            Reason::Laboratory {
                property: "tensile_md".into(),
                value: 117.9,
                low: Some(120.0),
                high: None,
            },
        ],
        first_mover: Some("refiner_power".into()),
        movers: Vec::new(),
        similar: Vec::new(),
        foretold: Vec::new(),
        decision: None,
        spans: vec![
            span(1_769_127_900_000, Some((21_400.4, 36_100.0))),
            span(1_769_128_200_000, None),
        ],
        slab: None,
        learning: None,
        state: None,
        phase: None,
        revision: 3,
        ts: 1_769_128_260_000,
        valid_until: 1_769_128_440_000,
    }
}

fn span(from: i64, metres: Option<(f64, f64)>) -> SpanDocument {
    SpanDocument {
        from,
        to: from + 60_000,
        from_m: metres.map(|(from, _)| from),
        to_m: metres.map(|(_, to)| to),
        after_m: None,
        arrives: None,
    }
}

pub(super) fn batch(kind: EventKind, severity: Severity, batch: &str, title: &str) -> Notification {
    let verdict = match severity {
        Severity::Info => Call::OnSpec,
        Severity::Warning => Call::AtRisk,
        Severity::Critical => Call::OffSpec,
    };
    let verdict = Box::new(document(batch, verdict));
    let (batch, grade) = (batch.into(), Some("facial-15".into()));
    let besides = Box::default();
    let subject = Subject::Batch { batch, grade, verdict, besides };
    event(kind, severity, "tm3/batch", title, subject)
}

pub(super) fn event(
    kind: EventKind,
    severity: Severity,
    alarm: &str,
    title: &str,
    subject: Subject,
) -> Notification {
    let line = if alarm.starts_with("system") { "" } else { "tm3" };
    Notification {
        kind,
        id: format!("evt_{}", kind.as_str()).into(),
        at: AT,
        site: "mill <1> & Söhne".into(),
        line: line.into(),
        severity,
        priority: None,
        occurrence: 3,
        revision: 1,
        alarm: alarm.into(),
        title: title.into(),
        text: "spe at 3.20 times its limit: refiner_power 41 %, *stock* [1](x) <b> & more".into(),
        subject,
        told: vec![],
        response: crate::alarm::Response::default(),
    }
}

/// One of every class.
pub(super) fn events() -> Vec<Notification> {
    let reel = "TM3-260123-014";
    vec![
        batch(
            EventKind::BatchAtRisk,
            Severity::Warning,
            reel,
            "tm3: batch TM3-260123-014 is at risk",
        ),
        batch(
            EventKind::BatchCleared,
            Severity::Info,
            reel,
            "tm3: batch TM3-260123-014 is no longer at risk",
        ),
        batch(
            EventKind::BatchFinished,
            Severity::Critical,
            reel,
            "tm3: batch TM3-260123-014 ended off-spec",
        ),
        event(
            EventKind::SensorUnhealthy,
            Severity::Warning,
            "tm3/sensor/QI_1",
            "tm3: sensor QI_1 cannot be trusted: stuck",
            Subject::Sensor {
                tag: "QI_1".into(),
                fault: "stuck".into(),
                since: AT,
                behind_ms: None,
            },
        ),
        event(
            EventKind::ProfileStreak,
            Severity::Warning,
            "tm3/profile/bw",
            "tm3: bw has a streak across the web",
            Subject::Profile {
                tag: "bw".into(),
                unit: "g/m2".into(),
                streaks: vec![Place { from: 1.0, to: 2.0, deviation: 0.4 }],
                since: AT,
            },
        ),
        event(
            EventKind::LineBlind,
            Severity::Warning,
            "tm3/blind",
            "tm3: nothing is known of the line: link",
            Subject::Line { since: AT },
        ),
        event(
            EventKind::ModelPromoted,
            Severity::Info,
            "tm3/model/facial-15",
            "tm3: model 4 of grade facial-15 judges from now on",
            Subject::Model {
                model: "pca".into(),
                grade: "facial-15".into(),
                version: 4,
                reason: "better".into(),
            },
        ),
        event(
            EventKind::SystemDegraded,
            Severity::Warning,
            "system/influxdb",
            "influxdb does not work: 503",
            Subject::System { component: "influxdb".into(), reason: "503".into(), since: AT },
        ),
    ]
}

pub(super) fn items<'a>(events: impl IntoIterator<Item = &'a Notification>) -> Vec<Item> {
    items_in(events, Language::English)
}

fn items_in<'a>(
    events: impl IntoIterator<Item = &'a Notification>,
    language: Language,
) -> Vec<Item> {
    let item = |(n, event): (usize, &Notification)| Item {
        id: i64::try_from(n).unwrap(),
        key: event.id.to_string(),
        count: 1,
        body: standard(event, Some(PAGE), &audience(language)).into_bytes(),
    };
    events.into_iter().enumerate().map(item).collect()
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn what_each_service_is_sent() {
    for (format, language) in in_both_languages() {
        let service = service_in(format, language);
        let mut shown = String::new();
        let all = events();
        for event in &all {
            let request = service.render(&items_in([event], language), AT).unwrap();
            writeln!(shown, "## {}", event.kind.as_str()).unwrap();
            let Some(request) = request else {
                writeln!(shown, "nothing").unwrap();
                continue;
            };
            assert_eq!(request.content_type, "application/json");
            assert!(request.headers.is_empty());
            for (name, value) in &request.query {
                writeln!(shown, "{name}={value}").unwrap();
            }
            writeln!(shown, "{:#}", json_of(&request)).unwrap();
        }
        if service.together() > 1 {
            let request = service.render(&items_in(&all, language), AT).unwrap().unwrap();
            writeln!(shown, "## all at once\n{:#}", json_of(&request)).unwrap();
        }
        let of = if language == Language::English { "" } else { "_chinese" };
        insta::assert_snapshot!(format!("{format:?}{of}").to_lowercase(), shown);
    }
}

#[test]
fn the_newest_of_each_alarm_is_shown_and_the_others_are_counted() {
    let mut all = Vec::new();
    for n in 0..30 {
        let title = format!("tm3: batch R{} is at risk, {n}", n % 3);
        all.push(batch(EventKind::BatchAtRisk, Severity::Warning, &format!("R{}", n % 3), &title));
    }
    all.push(batch(EventKind::BatchOffSpec, Severity::Critical, "R9", "R9 is off spec"));
    for format in chats() {
        let request = service_of(format).render(&items(&all), AT).unwrap().unwrap();
        let text = String::from_utf8(request.body).unwrap();
        assert!(text.contains("31 events, 4 shown"), "{format:?}: {text}");
        let places: Vec<usize> = ["at risk, 27", "at risk, 28", "at risk, 29", "R9 is off spec"]
            .map(|shown| {
                text.find(shown).unwrap_or_else(|| panic!("{format:?}: {shown} in {text}"))
            })
            .into();
        assert!(places.is_sorted(), "{format:?}: {text}");
        assert!(!text.contains("at risk, 26"), "{format:?}: {text}");
    }
    // Of more than are shown the weightiest.
    let mut all: Vec<Notification> = (0..40)
        .map(|n| {
            let title = format!("batch {n} is at risk");
            batch(EventKind::BatchAtRisk, Severity::Warning, &format!("R{n}"), &title)
        })
        .collect();
    all[2].severity = Severity::Critical;
    for format in chats() {
        let request = service_of(format).render(&items(&all), AT).unwrap().unwrap();
        let text = String::from_utf8(request.body).unwrap();
        assert!(text.contains("40 events, 10 shown"), "{format:?}: {text}");
        assert!(text.contains("batch 2 is") && text.contains("batch 39 is"), "{format:?}: {text}");
        assert!(!text.contains("batch 30 is"), "{format:?}: {text}");
    }
}

#[test]
fn an_incident_is_a_batch_or_an_occurrence() {
    let service = service_of(Format::PagerDuty);
    let said = |event: &Notification| {
        service.render(&items([event]), AT).unwrap().map(|request| {
            let body = json_of(&request);
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            (text("event_action"), text("dedup_key"))
        })
    };
    let some = |action: &str, key: &str| {
        Some((action.to_owned(), format!("onspec/mill <1> & Söhne/{key}")))
    };
    let of = |kind, severity| said(&batch(kind, severity, "R1", "t"));
    let r1 = "tm3/batch/R1";
    for (kind, severity, action) in [
        (EventKind::BatchAtRisk, Severity::Warning, "trigger"),
        (EventKind::BatchOffSpec, Severity::Critical, "trigger"),
        (EventKind::BatchCleared, Severity::Info, "resolve"),
        (EventKind::BatchFinished, Severity::Info, "resolve"),
        (EventKind::BatchFinished, Severity::Critical, "trigger"),
        (EventKind::BatchRevised, Severity::Critical, "trigger"),
        (EventKind::BatchRevised, Severity::Info, "resolve"),
    ] {
        assert_eq!(of(kind, severity), some(action, r1), "{kind:?} {severity:?}");
    }
    // Somebody has decided: nobody is called again.
    let mut decided = batch(EventKind::BatchRevised, Severity::Critical, "R1", "t");
    let Subject::Batch { verdict, .. } = &mut decided.subject else { unreachable!() };
    verdict.reasons.insert(0, Reason::Person { disposition: "rework".into(), by: None });
    assert_eq!(said(&decided), some("resolve", r1));

    let about = |kind, severity, component: &str| {
        let component = component.into();
        let subject = Subject::System { component, reason: "r".into(), since: AT };
        said(&event(kind, severity, "system/x", "t", subject))
    };
    let key = "system/x/3";
    let degraded = about(EventKind::SystemDegraded, Severity::Warning, "influxdb");
    assert_eq!(degraded, some("trigger", key));
    let recovered = about(EventKind::SystemRecovered, Severity::Info, "influxdb");
    assert_eq!(recovered, some("resolve", key));
    // A start that missed nothing, and one that did.
    assert_eq!(about(EventKind::SystemRecovered, Severity::Info, "onspec"), None);
    let missed = about(EventKind::SystemRecovered, Severity::Warning, "onspec");
    assert_eq!(missed, some("trigger", key));
}

/// Text as it comes from anywhere: all scripts, marks of every markup, lines, nothing at all.
fn wild() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z_ ]{0,40}",
        2 => "\\PC{0,60}",
        1 => any::<String>(),
        1 => "[纸机汉字，。]{0,200}",
        1 => "[&<>*_`~\\[\\]()|#\\\\\"'\n\r\t😀]{0,80}",
        1 => "[&<]{400,4000}",
        1 => "[😀\u{1}]{400,3000}",
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn wild_event()(
        title in wild(), text in wild(), site in wild(), alarm in wild(), batch_id in wild(),
        grade in wild(), tag in wild(), which in 0_usize..8, severity in 0_usize..3,
    ) -> Notification {
        let mut event = events().swap_remove(which);
        event.severity = [Severity::Info, Severity::Warning, Severity::Critical][severity];
        event.title = title.into();
        event.text = text.into();
        event.site = site.into();
        event.alarm = alarm.into();
        match &mut event.subject {
            Subject::Batch { batch, grade: of, verdict, .. } => {
                *batch = batch_id.into();
                *of = Some(grade.into());
                if let Some(Reason::Process { tags, .. }) = verdict.reasons.first_mut() {
                    tags.insert(0, (tag.into(), 0.5));
                }
                verdict.spans.resize(40, span(0, Some((0.0, f64::MAX))));
            }
            Subject::Sensor { tag: of, .. } => *of = tag.into(),
            Subject::System { component, .. } => *component = tag.into(),
            _ => {}
        }
        event
    }
}

/// Every text in a document.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(values) => values.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What a service takes, by its own documents.
fn assert_taken(format: Format, request: &Request) {
    let body = json_of(request);
    match format {
        Format::Slack => {
            let blocks = body["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50 && units(body["text"].as_str().unwrap()) <= 40_000);
            for block in blocks.iter().filter(|block| block["type"] == "section") {
                let text = block["text"]["text"].as_str().unwrap();
                assert!((1..=3000).contains(&units(text)), "{text}");
            }
            let mut found = Vec::new();
            texts(&body, &mut found);
            for text in found {
                // Every `&` begins an entity, and `<` stands in the one link alone.
                let rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                assert!(!rest.contains('&'), "{text}");
                let rest = rest.replace("<https://onspec.mill.example/|Open onspec>", "");
                let rest = rest.replace("<https://onspec.mill.example/|打开 onspec>", "");
                assert!(!rest.contains(['<', '>']), "{text}");
            }
        }
        Format::Teams => assert!(request.body.len() <= 28 * 1024),
        Format::DingTalk => {
            assert!(request.body.len() <= 20_000);
            let text = body["markdown"]["text"].as_str().unwrap();
            let rest = text.replace("[Open onspec](https://onspec.mill.example/)", "");
            let rest = rest.replace("[打开 onspec](https://onspec.mill.example/)", "");
            assert!(!rest.contains(['[', ']', '<', '`', '~', '\\']), "{text}");
            assert!(text.contains("onspec"));
        }
        Format::Feishu => {
            assert!(request.body.len() <= 20 * 1024);
            assert!(body["sign"].is_string() && body["timestamp"].is_string());
        }
        Format::WeCom => {
            let text = body["markdown"]["content"].as_str().unwrap();
            assert!((1..=4096).contains(&text.len()), "{}", text.len());
            let rest = text.replace("[Open onspec](https://onspec.mill.example/)", "");
            let rest = rest.replace("[打开 onspec](https://onspec.mill.example/)", "");
            assert!(!rest.contains(['[', ']', '`', '~', '\\', '&']), "{text}");
            let opened = rest.matches("<font color=").count();
            assert_eq!(
                (opened, opened * 2),
                (rest.matches("</font>").count(), rest.matches('<').count())
            );
        }
        Format::PagerDuty => {
            assert!(request.body.len() <= 512 * 1024);
            let key = body["dedup_key"].as_str().unwrap();
            assert!((1..=255).contains(&units(key)), "{key}");
            assert_eq!(body["routing_key"].as_str().unwrap().len(), 32);
            match body["event_action"].as_str().unwrap() {
                "resolve" => {}
                "trigger" => {
                    let payload = &body["payload"];
                    assert!(units(payload["summary"].as_str().unwrap()) <= 1024);
                    assert!(!payload["source"].as_str().unwrap().is_empty());
                    let severity = payload["severity"].as_str().unwrap();
                    assert!(["critical", "error", "warning", "info"].contains(&severity));
                }
                other => panic!("{other}"),
            }
        }
        Format::Alertmanager => {
            for alert in body.as_array().unwrap() {
                assert!(alert["startsAt"].as_str() <= alert["endsAt"].as_str());
                for (name, value) in alert["labels"].as_object().unwrap() {
                    assert!(name.chars().all(|c| c.is_ascii_lowercase()));
                    assert!((1..=2000).contains(&units(value.as_str().unwrap())));
                }
            }
        }
        Format::Standard | Format::Template => unreachable!(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_it_says_it_is_within_the_limits(
        all in prop::collection::vec(wild_event(), 1..14),
    ) {
        for (format, language) in in_both_languages() {
            let items = items_in(&all, language);
            let service = service_in(format, language);
            let together = if service.together() > 1 { items.len() } else { 1 };
            for bunch in [&items[..1], &items[..together]] {
                if let Some(request) = service.render(bunch, AT).unwrap() {
                    assert_taken(format, &request);
                }
            }
        }
    }
}

#[test]
fn what_another_release_left_is_told_all_the_same() {
    let item = Item { id: 1, key: "evt_9".into(), count: 1, body: b"{}".to_vec() };
    let odd = standard(&events()[0], None, &Audience::default())
        .replace("batch.at_risk", "batch.foretold")
        .replace("\"kind\":\"process\"", "\"kind\":\"oracle\"");
    let odd = Item { id: 2, key: "evt_8".into(), count: 1, body: odd.into_bytes() };
    for format in FORMATS {
        let text = |item: &Item| {
            let request =
                service_of(format).render(std::slice::from_ref(item), AT).unwrap().unwrap();
            String::from_utf8(request.body).unwrap()
        };
        assert!(text(&item).contains("event evt_9 was kept by another release"), "{format:?}");
        assert!(text(&odd).contains("tm3: batch TM3-260123-014 is at risk"), "{format:?}");
    }
}

#[test]
fn an_alarm_is_acknowledged_by_a_link_beside_the_other_one() {
    let told = |event: &Notification, url: &str| {
        let mut body: serde_json::Value =
            serde_json::from_str(&standard(event, Some(PAGE), &Audience::default())).unwrap();
        body["data"]["acknowledge_url"] = url.into();
        Item { id: 1, key: event.id.to_string(), count: 1, body: body.to_string().into_bytes() }
    };
    let event = events().remove(0);
    let url = format!("{PAGE}acknowledge/AQ-_x9");
    for format in FORMATS {
        let service = service_of(format);
        let shown = |items: &[Item]| {
            let request = service.render(items, AT).unwrap().unwrap();
            String::from_utf8(request.body).unwrap().matches("/acknowledge/").count()
        };
        assert_eq!(shown(&[told(&event, &url)]), 1, "{format:?}");
        assert_eq!(shown(&[told(&event, "http://127.0.0.1/acknowledge/AQ")]), 0, "{format:?}");
        // Of several alarms nobody would know which one.
        let mut other = event.clone();
        other.alarm = "tm4/batch".into();
        let both = shown(&[told(&event, &url), told(&other, &url)]);
        assert!(both == 0 || format.keeps_alarms(), "{format:?}");
    }
}

#[test]
fn an_acknowledgement_is_one_to_pagerduty_and_nothing_to_alertmanager() {
    let mut event = events().remove(0);
    let said = |format: Format, event: &Notification| {
        let request = service_of(format).render(&items([event]), AT).unwrap();
        request.map(|request| json_of(&request))
    };
    let raised = said(Format::PagerDuty, &event).unwrap();
    (event.kind, event.severity) = (EventKind::AlarmUnacknowledged, Severity::Warning);
    event.response.raised_by = Some(EventKind::BatchAtRisk);
    let escalated = said(Format::PagerDuty, &event).unwrap();
    assert_eq!(escalated["event_action"], "trigger");
    let alert = &said(Format::Alertmanager, &event).unwrap()[0];
    assert_eq!(alert["labels"]["alertname"], "onspec_batch", "it is the alarm's own alert");
    (event.kind, event.severity) = (EventKind::AlarmAcknowledged, Severity::Info);
    let known = said(Format::PagerDuty, &event).unwrap();
    assert_eq!(known["event_action"], "acknowledge");
    assert_eq!(
        (&raised["dedup_key"], &raised["dedup_key"]),
        (&escalated["dedup_key"], &known["dedup_key"])
    );
    assert_eq!(said(Format::Alertmanager, &event), None);
}

#[test]
fn a_link_that_others_cannot_follow_is_not_given() {
    for page in
        ["http://127.0.0.1:8080/", "http://localhost:8080/", "http://[::1]:8080/", "https://a)b/"]
    {
        let body = standard(&events()[0], Some(page), &Audience::default()).into_bytes();
        let item = Item { id: 1, key: "evt_1".into(), count: 1, body };
        for format in chats().chain([Format::PagerDuty]) {
            let request =
                service_of(format).render(std::slice::from_ref(&item), AT).unwrap().unwrap();
            let text = String::from_utf8(request.body).unwrap();
            assert!(!text.contains("Open onspec"), "{format:?} {page}: {text}");
        }
    }
}

#[test]
fn an_answer_means_what_its_service_says_it_means() {
    let again = |s| Outcome::Again(Duration::from_secs(s));
    let (fixed, done) = (Outcome::Again(CORRECTED), Outcome::Delivered);
    for (format, status, text, expected) in [
        (Format::Slack, 200, "ok", done),
        (Format::Slack, 400, "invalid_payload", Outcome::Refused),
        (Format::Slack, 403, "invalid_token", fixed),
        (Format::Slack, 404, "no_service", fixed),
        (Format::Slack, 410, "channel_is_archived", Outcome::Gone),
        (Format::Slack, 429, "rate_limited", again(0)),
        (Format::Teams, 202, "", done),
        (Format::Teams, 200, "1", done),
        (
            Format::Teams,
            200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
            again(0),
        ),
        (Format::Teams, 400, "", Outcome::Refused),
        (Format::Teams, 401, "", fixed),
        (Format::Teams, 404, "", fixed),
        (Format::Teams, 413, "", Outcome::Refused),
        (Format::DingTalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#, done),
        (Format::DingTalk, 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#, fixed),
        (Format::DingTalk, 200, r#"{"errcode":300001,"errmsg":"token is not exist"}"#, fixed),
        (Format::DingTalk, 200, r#"{"errcode":130101,"errmsg":"send too fast"}"#, again(600)),
        (Format::DingTalk, 200, r#"{"errcode":410100}"#, again(600)),
        (Format::DingTalk, 200, r#"{"errcode":-1}"#, again(0)),
        (
            Format::DingTalk,
            200,
            r#"{"errcode":400105,"errmsg":"unsupported msgtype"}"#,
            Outcome::Refused,
        ),
        (Format::DingTalk, 200, "<html>please log in</html>", again(0)),
        (Format::DingTalk, 502, "", again(0)),
        (Format::WeCom, 200, r#"{"errcode":0,"errmsg":"ok"}"#, done),
        (Format::WeCom, 200, r#"{"errcode":45009}"#, again(60)),
        (Format::WeCom, 200, r#"{"errcode":93000}"#, fixed),
        (Format::WeCom, 200, r#"{"errcode":40058}"#, Outcome::Refused),
        (Format::WeCom, 200, "", again(0)),
        (Format::Feishu, 200, r#"{"code":0,"msg":"success"}"#, done),
        (Format::Feishu, 200, r#"{"StatusCode":0,"StatusMessage":"success"}"#, done),
        (Format::Feishu, 200, r#"{"code":19021,"msg":"sign match fail"}"#, fixed),
        (Format::Feishu, 400, r#"{"code":19021,"msg":"sign match fail"}"#, fixed),
        (Format::Feishu, 200, r#"{"code":19024}"#, fixed),
        (Format::Feishu, 200, r#"{"code":19022}"#, fixed),
        (Format::Feishu, 400, r#"{"code":19001}"#, fixed),
        (Format::Feishu, 429, r#"{"code":11232}"#, again(60)),
        (Format::Feishu, 200, r#"{"code":11232}"#, again(60)),
        (Format::Feishu, 200, r#"{"code":11246}"#, Outcome::Refused),
        (Format::Feishu, 200, "hello", again(0)),
        (Format::PagerDuty, 202, r#"{"status":"success"}"#, done),
        (Format::PagerDuty, 400, r#"{"errors":["Invalid routing key"]}"#, fixed),
        (
            Format::PagerDuty,
            400,
            r#"{"errors":["'payload.summary' is missing"]}"#,
            Outcome::Refused,
        ),
        (Format::PagerDuty, 403, "", again(60)),
        (Format::PagerDuty, 429, "", again(0)),
        (Format::PagerDuty, 500, "", again(0)),
        (Format::Alertmanager, 200, "", done),
        (Format::Alertmanager, 400, "\"start time must be before end time\"", Outcome::Refused),
        (Format::Alertmanager, 404, "", fixed),
        (Format::Alertmanager, 401, "", fixed),
        (Format::Alertmanager, 500, "", again(0)),
    ] {
        let answer = Answer { status, retry_after: None, text: text.into() };
        let judged = service_of(format).judge(&answer, AT);
        assert_eq!(judged.outcome, expected, "{format:?} {status} {text}");
        assert_eq!(judged.hint.is_some(), expected == fixed || expected == Outcome::Gone);
    }
}

#[test]
fn secrets_are_looked_at() {
    let check = |format, secret: Option<&str>| {
        check_secret(format, secret.map(Secret::new).as_ref()).map_err(|why| {
            assert!(
                secret.is_none_or(|secret| secret.trim().is_empty() || !why.contains(secret)),
                "{why}"
            );
        })
    };
    for (format, secret, good) in [
        (Format::Standard, None, true),
        (Format::Standard, Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), true),
        (Format::Standard, Some("pass phrase"), false),
        (Format::DingTalk, None, true),
        (Format::DingTalk, Some("SECx"), true),
        (Format::DingTalk, Some(" "), false),
        (Format::Feishu, Some("x"), true),
        (Format::Slack, None, true),
        (Format::PagerDuty, None, false),
        (Format::PagerDuty, Some("0123456789abcdef0123456789abcdef"), true),
        (Format::PagerDuty, Some("0123456789abcdef"), false),
    ] {
        assert_eq!(check(format, secret).is_ok(), good, "{format:?} {secret:?}");
    }
}
