//! What a receiver is told: the bodies of the contract.

use super::format::ends;
use super::{Audience, Format, Settings};
use crate::alarm::{Escalated, EventKind, Notification, Permit, PermitKey, Priority, Subject};
use crate::profile::Place;
use crate::reading::Timestamp;
use crate::verdict::Document;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// True if a receiver gets an event: severe enough, of one of its lines, and on its route. Events of the daemon
/// itself belong to no line and concern all of them. A service that keeps what stands hears every end, however little that
/// matters by itself. What people do about an alarm is heard by who names it, and by who waits for it: a receiver that hears
/// only of what nobody acknowledges ([`Route::unacknowledged`](super::Route::unacknowledged)) hears that once, and what becomes
/// of it afterwards.
#[must_use]
pub fn wants(settings: &Settings, notification: &Notification) -> bool {
    let lines = &settings.lines;
    let line = &*notification.line;
    let hears = lines.is_empty() || line.is_empty() || lines.iter().any(|wanted| wanted == line);
    hears
        && match settings.route.unacknowledged {
            None => wants_at_once(settings, notification),
            Some(after) => wants_after(settings, notification, after),
        }
}

fn wants_at_once(settings: &Settings, notification: &Notification) -> bool {
    let kind = notification.kind;
    let ends = settings.format.keeps_alarms() && ends(kind);
    let route = &settings.route;
    let heard = || notification.response.raised_by.is_some_and(|raised_by| route.names(raised_by));
    let acknowledges = settings.format.takes_acknowledgements()
        && kind == EventKind::AlarmAcknowledged
        && (route.kinds.is_empty() || heard());
    let goes = settings.route.takes(notification, &settings.audience.locale.zone)
        && (!kind.responds() || settings.route.names(kind));
    ends || acknowledges || goes && notification.severity >= settings.severity
}

/// Who is told after a delay hears of what has reached it: worse news, an acknowledgement, the end.
fn wants_after(settings: &Settings, notification: &Notification, after: Duration) -> bool {
    let kind = notification.kind;
    let told = |escalated: &Escalated| {
        let goes = settings.route.takes_of(
            notification,
            escalated.raised_by,
            &settings.audience.locale.zone,
        );
        goes && escalated.after >= after && escalated.severity >= settings.severity
    };
    let Some(escalated) = notification.response.escalated.filter(told) else { return false };
    let severe = notification.severity >= settings.severity;
    match kind {
        // There is one event for each delay.
        EventKind::AlarmUnacknowledged => severe && escalated.after == after,
        EventKind::AlarmAcknowledged => settings.format != Format::Alertmanager,
        kind if kind.is_fact() => severe || settings.format.keeps_alarms() && ends(kind),
        kind => severe || ends(kind),
    }
}

/// What stands of all that a receiver was told, in the `standard` form, where its service wants to hear that at a start; else
/// nothing.
pub fn standing(
    settings: &Settings,
    told: impl Iterator<Item = Notification>,
    (links, now): (&Links, Timestamp),
) -> Vec<String> {
    if !settings.format.hears_again() {
        return Vec::new();
    }
    let of_its = |told: &Notification| wants(settings, told);
    told.filter(of_its).map(|told| links.standard(&told, settings, now)).collect()
}

/// Where the links in events lead.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// The address of the page.
    pub page: Option<String>,
    /// The key that signs the links by which alarms are acknowledged; without it there are none.
    pub permits: Option<PermitKey>,
}

impl Links {
    /// The body of an event in the `standard` format for a receiver, with a link by which what it tells is acknowledged, if that
    /// can be. `now` is when what caused it came, by the daemon's clock: the link holds for a week from then on.
    #[must_use]
    pub fn standard(
        &self,
        notification: &Notification,
        receiver: &Settings,
        now: Timestamp,
    ) -> String {
        let key = self.permits.as_ref().filter(|_| notification.response.open);
        let acknowledge_url = key.zip(self.page.as_deref()).map(|(key, page)| {
            let permit = Permit {
                alarm: Arc::clone(&notification.alarm),
                occurrence: notification.occurrence,
                receiver: receiver.name.as_str().into(),
                until: now.plus(Permit::HOLDS),
            };
            let audience = &receiver.audience;
            // The page behind it speaks as its message does.
            let language = if audience.translate {
                format!("?language={}", audience.locale.language.as_str())
            } else {
                String::new()
            };
            format!("{}/acknowledge/{}{language}", page.trim_end_matches('/'), key.sign(&permit))
        });
        body(notification, self.page.as_deref(), &receiver.audience, acknowledge_url)
    }
}

/// The body of an event in the `standard` format, without a link that acknowledges. The order of its keys is fixed, `timestamp` is
/// event time; `since` is ms since 1970, as in the verdict. `base_url` is where people find the
/// page. Title, text and reason are in the language of who reads it.
#[must_use]
pub fn standard(
    notification: &Notification,
    base_url: Option<&str>,
    audience: &Audience,
) -> String {
    body(notification, base_url, audience, None)
}

fn body(
    notification: &Notification,
    base_url: Option<&str>,
    audience: &Audience,
    acknowledge_url: Option<String>,
) -> String {
    let body = Body {
        kind: notification.kind.as_str(),
        timestamp: notification.at.to_rfc3339(),
        data: Data { acknowledge_url, ..data(notification, base_url, audience) },
    };
    serde_json::to_string(&body).expect("plain data with text keys is always JSON")
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: Data<'a>,
}

/// The keys that all events have, around those of their subject.
#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    site: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    line: &'a str,
    #[serde(flatten)]
    about: About<'a>,
    severity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'static str>,
    occurrence: u32,
    revision: u32,
    alarm: &'a str,
    title: Cow<'a, str>,
    text: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raised_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unacknowledged_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledge_url: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum About<'a> {
    Batch { batch: &'a str, grade: Option<&'a str> },
    Sensor { tag: &'a str, fault: &'a str, since: i64 },
    Profile { tag: &'a str, streaks: &'a [Place], since: i64 },
    Line { reason: String, since: i64 },
    Tags { tags: &'a [std::sync::Arc<str>], since: i64 },
    Model { model: &'a str, grade: &'a str, version: u32, reason: String },
    System { component: &'a str, reason: String, since: i64 },
}

fn data<'a>(
    notification: &'a Notification,
    base_url: Option<&str>,
    audience: &Audience,
) -> Data<'a> {
    let locale = &audience.locale;
    let (title, text) = if audience.translate {
        (notification.title_in(locale).into(), notification.text_in(locale).into())
    } else {
        (Cow::Borrowed(&*notification.title), Cow::Borrowed(&*notification.text))
    };
    let response = &notification.response;
    let responds = notification.kind.responds();
    let verdict = match notification.subject.declared() {
        Subject::Batch { verdict, .. } => Some(&**verdict),
        _ => None,
    };
    let about = about(&notification.subject, &|| notification.reason_in(locale));
    Data {
        id: &notification.id,
        site: &notification.site,
        line: &notification.line,
        about,
        severity: notification.severity.as_str(),
        priority: notification.priority.map(Priority::as_str),
        occurrence: notification.occurrence,
        revision: notification.revision,
        alarm: &notification.alarm,
        title,
        text,
        raised_by: response.raised_by.filter(|_| responds).map(EventKind::as_str),
        unacknowledged_s: response.unacknowledged.map(|waited| waited.as_secs()),
        by: response.by.as_deref(),
        note: response.note.as_deref(),
        verdict,
        url: base_url.map(|base| format!("{}/", base.trim_end_matches('/'))),
        acknowledge_url: None,
    }
}

/// The keys of what an event is about; `reason` is asked for where there is one.
fn about<'a>(subject: &'a Subject, reason: &dyn Fn() -> String) -> About<'a> {
    match subject {
        Subject::Batch { batch, grade, .. } => About::Batch { batch, grade: grade.as_deref() },
        Subject::Sensor { tag, fault, since, .. } => {
            About::Sensor { tag, fault, since: since.as_millis() }
        }
        Subject::Profile { tag, streaks, since, .. } => {
            About::Profile { tag, streaks, since: since.as_millis() }
        }
        Subject::Line { since } | Subject::Monitor { since, .. } => {
            About::Line { reason: reason(), since: since.as_millis() }
        }
        Subject::Tags { tags, since, .. } => About::Tags { tags, since: since.as_millis() },
        Subject::Model { model, grade, version, .. } => {
            About::Model { model, grade, version: *version, reason: reason() }
        }
        Subject::System { component, since, .. } => {
            About::System { component, reason: reason(), since: since.as_millis() }
        }
        Subject::Gone(of) => about(of, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Response, Severity};
    use crate::telemetry::{Secret, SecretSource};
    use crate::verdict::{Call, Reason, SpanDocument};

    const AT: Timestamp = Timestamp::from_nanos(1_769_128_260_000_000_000);

    fn notification(
        kind: EventKind,
        severity: Severity,
        line: &str,
        subject: Subject,
    ) -> Notification {
        Notification {
            kind,
            id: "evt_0123".into(),
            at: AT,
            site: "mill".into(),
            line: line.into(),
            severity,
            priority: None,
            occurrence: 1,
            revision: 2,
            alarm: "tm3/batch".into(),
            title: "a \"title\"".into(),
            text: "中文".into(),
            subject,
            told: vec![],
            response: Response::default(),
        }
    }

    fn at_risk() -> Subject {
        Subject::Batch {
            batch: "R1".into(),
            grade: None,
            besides: Box::default(),
            verdict: Box::new(Document {
                station: None,
                line: "tm3".into(),
                batch: Some("R1".into()),
                grade: None,
                verdict: Call::AtRisk,
                since: 1_769_127_900_000,
                probability_off_spec: Some(0.71),
                progress: None,
                left: None,
                reasons: vec![Reason::Process {
                    statistic: "spe".into(),
                    ratio: 3.2,
                    tags: vec![("refiner_power".into(), 0.41)],
                    areas: Vec::new(),
                    changes: Vec::new(),
                }],
                first_mover: None,
                movers: Vec::new(),
                similar: Vec::new(),
                foretold: Vec::new(),
                decision: None,
                spans: vec![SpanDocument {
                    from: 1,
                    to: 2,
                    from_m: None,
                    to_m: None,
                    after_m: None,
                    arrives: None,
                }],
                slab: None,
                learning: None,
                state: None,
                phase: None,
                revision: 3,
                ts: 1_769_128_260_000,
                valid_until: 1_769_128_440_000,
            }),
        }
    }

    #[track_caller]
    fn check(kind: EventKind, line: &str, subject: Subject, url: Option<&str>, expected: &str) {
        let notification = notification(kind, Severity::Warning, line, subject);
        assert_eq!(standard(&notification, url, &Audience::default()), expected);
    }

    #[test]
    fn bodies_are_those_of_the_contract() {
        check(
            EventKind::BatchAtRisk,
            "tm3",
            at_risk(),
            Some("https://onspec.mill.example/"),
            r#"{"type":"batch.at_risk","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","site":"mill","line":"tm3","batch":"R1","grade":null,"severity":"warning","occurrence":1,"revision":2,"alarm":"tm3/batch","title":"a \"title\"","text":"中文","verdict":{"line":"tm3","batch":"R1","grade":null,"verdict":"at-risk","since":1769127900000,"probability_off_spec":0.71,"progress":null,"reasons":[{"kind":"process","statistic":"spe","ratio":3.2,"tags":[["refiner_power",0.41]]}],"first_mover":null,"spans":[{"from":1,"to":2}],"revision":3,"ts":1769128260000,"valid_until":1769128440000},"url":"https://onspec.mill.example/"}}"#,
        );
        check(
            EventKind::SensorUnhealthy,
            "tm3",
            Subject::Sensor {
                tag: "steam".into(),
                fault: "stuck".into(),
                since: AT,
                behind_ms: None,
            },
            None,
            r#"{"type":"sensor.unhealthy","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","site":"mill","line":"tm3","tag":"steam","fault":"stuck","since":1769128260000,"severity":"warning","occurrence":1,"revision":2,"alarm":"tm3/batch","title":"a \"title\"","text":"中文"}}"#,
        );
        check(
            EventKind::LineBlind,
            "tm3",
            Subject::Line { since: AT },
            None,
            r#"{"type":"line.blind","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","site":"mill","line":"tm3","reason":"Since 2026-01-23 00:31 +00:00 no broker is reached: nothing of the line is judged.","since":1769128260000,"severity":"warning","occurrence":1,"revision":2,"alarm":"tm3/batch","title":"a \"title\"","text":"中文"}}"#,
        );
        check(
            EventKind::ModelPromoted,
            "tm3",
            Subject::Model {
                model: "pca".into(),
                grade: "g".into(),
                version: 4,
                reason: "better".into(),
            },
            None,
            r#"{"type":"model.promoted","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","site":"mill","line":"tm3","model":"pca","grade":"g","version":4,"reason":"better","severity":"warning","occurrence":1,"revision":2,"alarm":"tm3/batch","title":"a \"title\"","text":"中文"}}"#,
        );
        check(
            EventKind::SystemDegraded,
            "",
            Subject::System { component: "influxdb".into(), reason: "503".into(), since: AT },
            None,
            r#"{"type":"system.degraded","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","site":"mill","component":"influxdb","reason":"503","since":1769128260000,"severity":"warning","occurrence":1,"revision":2,"alarm":"tm3/batch","title":"a \"title\"","text":"中文"}}"#,
        );
    }

    #[test]
    fn a_receiver_of_another_language_is_told_in_its_own() {
        let reason = crate::words::SystemReason::Dropped { count: 3, since: AT };
        let subject = Subject::System { component: "mqtt/plant/queue".into(), reason, since: AT };
        let told = notification(EventKind::SystemDegraded, Severity::Warning, "", subject);
        let locale = crate::words::Locale {
            language: crate::words::Language::Chinese,
            ..Default::default()
        };
        let data = |translate| {
            let audience = Audience { locale: locale.clone(), translate };
            let body: serde_json::Value =
                serde_json::from_str(&standard(&told, None, &audience)).unwrap();
            ["title", "text", "reason"].map(|key| body["data"][key].as_str().unwrap().to_owned())
        };
        let reason = "消息代理自 2026-01-23 00:31 +00:00 起丢弃了其客户端的 3 条消息";
        // What comes in its language is told as it came.
        assert_eq!(data(false), ["a \"title\"", "中文", reason]);
        let [title, text, why] = data(true);
        assert_eq!(
            (title, why),
            (format!("mqtt/plant/queue 工作不正常：{reason}"), reason.to_owned())
        );
        assert!(text.ends_with("网络、持久化以及允许排队的消息数。"), "{text}");
    }

    #[test]
    fn a_receiver_gets_what_it_asked_for() {
        for (least, lines, severity, line, expected) in [
            (Severity::Info, &[][..], Severity::Info, "tm3", true),
            (Severity::Warning, &[], Severity::Info, "tm3", false),
            (Severity::Warning, &[], Severity::Warning, "tm3", true),
            (Severity::Warning, &[], Severity::Critical, "tm3", true),
            (Severity::Critical, &[], Severity::Warning, "tm3", false),
            (Severity::Info, &["tm3", "tm4"], Severity::Info, "tm4", true),
            (Severity::Info, &["tm3"], Severity::Critical, "tm4", false),
            (Severity::Info, &["tm3"], Severity::Info, "", true),
        ] {
            let settings = Settings {
                name: "n".into(),
                url: SecretSource::Given(Secret::new("")),
                format: super::super::Format::Standard,
                template: None,
                secret: None,
                audience: Audience::default(),
                severity: least,
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
                route: crate::webhook::Route::default(),
                private: false,
                timeout: Duration::from_secs(1),
            };
            let event = notification(EventKind::BatchAtRisk, severity, line, at_risk());
            assert_eq!(wants(&settings, &event), expected, "{least:?} {lines:?} {line}");
            // Who keeps what stands hears every end of its lines.
            let keeps = Settings { format: super::super::Format::PagerDuty, ..settings };
            assert_eq!(wants(&keeps, &event), expected, "{least:?} {lines:?} {line}");
            let hears = lines.is_empty() || line.is_empty() || lines.contains(&line);
            for kind in [EventKind::BatchCleared, EventKind::BatchRevised, EventKind::ModelPromoted]
            {
                let event = notification(kind, severity, line, at_risk());
                assert_eq!(wants(&keeps, &event), hears, "{least:?} {lines:?} {line}");
            }
        }
    }

    /// A receiver that hears of batches only after so many minutes, if any.
    fn waiting(format: Format, minutes: Option<u64>, kinds: &[&str]) -> Settings {
        let unacknowledged = minutes.map(|minutes| Duration::from_secs(60 * minutes));
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Settings {
            name: "n".into(),
            url: SecretSource::Given(Secret::new("")),
            format,
            template: None,
            secret: None,
            private: false,
            audience: Audience::default(),
            severity: Severity::Warning,
            lines: vec!["tm3".into()],
            route: crate::webhook::Route { kinds, unacknowledged, ..Default::default() },
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn who_waits_hears_of_what_has_waited_and_of_nothing_else() {
        use EventKind::{
            AlarmAcknowledged, AlarmUnacknowledged, BatchAtRisk, BatchCleared, BatchFinished,
            BatchOffSpec, BatchRevised, SensorRecovered,
        };
        use Format::{Alertmanager, PagerDuty, Slack};
        use Severity::{Critical, Info, Warning};
        let slack = waiting(Slack, Some(15), &[]);
        let of_batches = waiting(Slack, Some(15), &["batch"]);
        let of_sensors = waiting(Slack, Some(15), &["sensor"]);
        let critical = Settings { severity: Critical, ..slack.clone() };
        let pagerduty = waiting(PagerDuty, Some(15), &[]);
        let alertmanager = waiting(Alertmanager, Some(15), &[]);
        let at_once = waiting(Slack, None, &[]);
        let pager_at_once = waiting(PagerDuty, None, &["batch"]);
        let names = waiting(Slack, None, &["batch", "alarm.unacknowledged"]);
        let all = [
            &slack,
            &of_batches,
            &of_sensors,
            &critical,
            &pagerduty,
            &alertmanager,
            &at_once,
            &pager_at_once,
            &names,
        ];
        // Each receiver in this order: what it hears of events escalated by so many minutes, at that severity.
        for (kind, severity, escalated, expected) in [
            (BatchAtRisk, Warning, None, "......xxx"),
            (BatchAtRisk, Warning, Some((5, Warning)), "......xxx"),
            (AlarmUnacknowledged, Warning, Some((5, Warning)), "........x"),
            (AlarmUnacknowledged, Warning, Some((15, Warning)), "xx..xx..x"),
            (AlarmUnacknowledged, Critical, Some((15, Critical)), "xx.xxx..x"),
            // The next level is for others.
            (AlarmUnacknowledged, Warning, Some((30, Warning)), "........x"),
            (BatchOffSpec, Critical, Some((15, Critical)), "xx.xxxxxx"),
            (BatchOffSpec, Critical, None, "......xxx"),
            (AlarmAcknowledged, Info, Some((15, Warning)), "xx..x..x."),
            (AlarmAcknowledged, Info, None, ".......x."),
            (AlarmAcknowledged, Warning, None, ".......x."),
            (BatchCleared, Info, Some((30, Warning)), "xx..xx.x."),
            (BatchCleared, Info, Some((5, Warning)), ".......x."),
            (BatchFinished, Critical, Some((15, Warning)), "xx..xxxxx"),
            (BatchFinished, Critical, None, "......xxx"),
            (BatchRevised, Info, Some((15, Warning)), "....xx.x."),
            (BatchRevised, Info, None, ".......x."),
            (SensorRecovered, Info, None, ".......x."),
        ] {
            let mut event = notification(kind, severity, "tm3", at_risk());
            event.response.raised_by = Some(BatchAtRisk);
            event.response.escalated = escalated.map(|(minutes, severity)| Escalated {
                after: Duration::from_secs(60 * minutes),
                severity,
                raised_by: BatchAtRisk,
            });
            let mark = |settings: &&Settings| if wants(settings, &event) { 'x' } else { '.' };
            let heard: String = all.iter().map(mark).collect();
            assert_eq!(heard, expected, "{kind:?} {severity:?} {escalated:?}");
            if kind == AlarmAcknowledged {
                event.response.raised_by = Some(EventKind::SensorUnhealthy);
                assert!(!wants(&pager_at_once, &event), "it never heard of it");
            }
            event.line = "tm4".into();
            assert!(all.iter().all(|settings| !wants(settings, &event)), "of another line");
        }
    }

    #[test]
    fn what_people_do_is_told_with_who_and_how_long() {
        let mut event = notification(
            EventKind::AlarmUnacknowledged,
            Severity::Warning,
            "tm3",
            Subject::Line { since: AT },
        );
        event.response.raised_by = Some(EventKind::LineBlind);
        event.response.unacknowledged = Some(Duration::from_secs(900));
        let head = r#""timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","site":"mill","line":"tm3","reason":"Since 2026-01-23 00:31 +00:00 no broker is reached: nothing of the line is judged.","since":1769128260000,"severity":"warning","occurrence":1,"revision":2,"alarm":"tm3/batch","title":"a \"title\"","text":"中文","raised_by":"line.blind""#;
        let expected =
            format!(r#"{{"type":"alarm.unacknowledged",{head},"unacknowledged_s":900}}}}"#);
        assert_eq!(standard(&event, None, &Audience::default()), expected);
        event.kind = EventKind::AlarmAcknowledged;
        event.response.unacknowledged = None;
        event.response.by = Some("shift-a".into());
        let expected = format!(r#"{{"type":"alarm.acknowledged",{head},"by":"shift-a"}}}}"#);
        assert_eq!(standard(&event, None, &Audience::default()), expected);
    }

    #[test]
    fn a_link_acknowledges_what_is_open_for_a_week() {
        let key = PermitKey::new(b"sixteen bytes ok").unwrap();
        let page = Some("https://onspec.mill.example/".to_owned());
        let links = Links { page, permits: Some(key.clone()) };
        let now = AT.plus(Duration::from_secs(60));
        let mut event = notification(EventKind::BatchAtRisk, Severity::Warning, "tm3", at_risk());
        let url = |links: &Links, event: &Notification| {
            let body: serde_json::Value = serde_json::from_str(&links.standard(
                event,
                &waiting(Format::Standard, None, &[]),
                now,
            ))
            .unwrap();
            body["data"]["acknowledge_url"].as_str().map(str::to_owned)
        };
        assert_eq!(url(&links, &event), None, "there is nothing to acknowledge");
        event.response.open = true;
        assert_eq!(url(&Links { permits: None, ..links.clone() }, &event), None);
        let url = url(&links, &event).expect("it is open");
        let token = url.strip_prefix("https://onspec.mill.example/acknowledge/").unwrap();
        let expected = Permit {
            alarm: "tm3/batch".into(),
            occurrence: 1,
            receiver: "n".into(),
            until: now.plus(Duration::from_secs(7 * 86_400)),
        };
        assert_eq!(key.read(token), Some(expected));
        // The same input gives the same bytes.
        let again = || links.standard(&event, &waiting(Format::Standard, None, &[]), now);
        assert_eq!(again(), again());
    }
}
