//! Every message in both languages: first all of them as a document to read, then what must hold of each.

use super::*;
use crate::alarm::Besides;
use crate::profile::Place;
use crate::reading::Timestamp;
use crate::verdict::{Call, Document, Left, Mover, Reason, Similar, SpanDocument};
use crate::words::{Language, ModelReason, Start, SystemReason};
use jiff::tz::TimeZone;
use std::fmt::Write as _;
use std::sync::Arc;

/// 2026-01-23T00:31:00Z.
const AT: Timestamp = Timestamp::from_nanos(1_769_128_260_000_000_000);
const SINCE: Timestamp = Timestamp::from_nanos(1_769_127_900_000_000_000);

/// Names of the plant in these messages, and what both languages write alike.
const NAMES: [&str; 28] = [
    "tm3",
    "TM3-260123-014",
    "TM3-260122-031",
    "R9",
    "facial-15",
    "refiner_power",
    "steam_pressure",
    "basis_weight",
    "tensile_md",
    "QI-1",
    "QI-2",
    "stock",
    "shift-a",
    "influxdb",
    "mqtt/plant/session",
    "mqtt/plant/queue",
    "source/plant/tm3",
    "webhook/shift",
    "onspec tap",
    "onspec models promote",
    "onspec-1",
    "onspec",
    "InfluxDB",
    "T²",
    "SPE",
    "g/m2",
    "kW",
    "N/m",
];

fn locale(language: Language) -> Locale {
    Locale { site: "mill".into(), zone: TimeZone::get("Asia/Shanghai").unwrap(), language }
}

fn document(verdict: Call) -> Document {
    let flagged = verdict.is_flag();
    let reasons = vec![
        Reason::Process {
            statistic: "spe".into(),
            ratio: 3.2,
            tags: vec![("refiner_power".into(), 0.41), ("steam_pressure".into(), 0.22)],
            areas: Vec::new(),
            changes: Vec::new(),
        },
        Reason::Spec {
            tag: "basis_weight".into(),
            value: 15.93,
            low: Some(14.4),
            high: Some(15.6),
            share_out: 0.124,
            compared: crate::plant::Compared::Share,
        },
    ];
    let mover = |tag: &str, by_itself| Mover {
        tag: tag.into(),
        area: Some("stock".into()),
        by_itself,
        since: SINCE.as_millis(),
        arrives: None,
        ratio: 2.4,
        value: 146.2,
        expected: 160.3,
        unit: Some("kW".into()),
        over_s: None,
    };
    let span = |from_m: Option<f64>| SpanDocument {
        from: SINCE.as_millis(),
        to: AT.as_millis(),
        from_m,
        to_m: from_m.map(|from| from + 14_700.0),
        after_m: None,
        arrives: None,
    };
    let similar = Similar {
        batch: "TM3-260122-031".into(),
        grade: None,
        started: 0,
        likeness: 0.93,
        verdict: Call::OffSpec,
        disposition: Some("rework".into()),
        off_spec_share: Some(0.02),
        laboratory: Vec::new(),
        actions: Vec::new(),
    };
    Document {
        station: None,
        line: "tm3".into(),
        batch: Some("TM3-260123-014".into()),
        grade: Some("facial-15".into()),
        verdict,
        since: SINCE.as_millis(),
        probability_off_spec: Some(0.71),
        progress: Some(0.62),
        left: Some(Left { minutes: 22.4, tonnes: Some(12.01), metres: Some(22_126.0) }),
        reasons: if flagged { reasons } else { vec![] },
        first_mover: None,
        movers: if flagged {
            vec![mover("refiner_power", true), mover("steam_pressure", false)]
        } else {
            vec![]
        },
        similar: if flagged { vec![similar] } else { vec![] },
        foretold: Vec::new(),
        decision: None,
        spans: if flagged { vec![span(Some(21_400.4)), span(None)] } else { vec![] },
        slab: None,
        learning: None,
        state: None,
        phase: None,
        revision: 3,
        ts: AT.as_millis(),
        valid_until: AT.as_millis() + Document::VALID_MS,
    }
}

fn batch(verdict: Call, fate: Fate) -> Subject {
    let units = [("basis_weight", "g/m2")].map(|(tag, unit)| (tag.into(), unit.into()));
    Subject::Batch {
        batch: "TM3-260123-014".into(),
        grade: Some("facial-15".into()),
        verdict: Box::new(document(verdict)),
        besides: Box::new(Besides { fate, units: units.into() }),
    }
}

fn sensor(fault: &str, behind_ms: Option<i64>) -> Subject {
    Subject::Sensor { tag: "QI-1".into(), fault: fault.into(), since: SINCE, behind_ms }
}

fn model(version: u32, reason: ModelReason) -> Subject {
    Subject::Model { model: "pca".into(), grade: "facial-15".into(), version, reason }
}

fn system(component: &str, reason: SystemReason) -> Subject {
    Subject::System { component: component.into(), reason, since: SINCE }
}

/// Every type of event, those that say more than one thing more than once.
fn all() -> Vec<(EventKind, Subject)> {
    use EventKind as E;
    let (line, none) = (|| Subject::Line { since: SINCE }, Vec::new);
    let tags = |tags: &[&str], declared| Subject::Tags {
        tags: tags.iter().map(|tag| Arc::from(*tag)).collect(),
        declared,
        since: SINCE,
    };
    let profile = |streaks| Subject::Profile {
        tag: "basis_weight".into(),
        unit: "g/m2".into(),
        streaks,
        since: SINCE,
    };
    let coverage = Reason::Coverage { tags: vec!["QI-1".into()], share: 0.62 };
    let fitted =
        |first_own| ModelReason::Fitted { tried: None, first_own, far: None, summary: "".into() };
    let start = Start {
        down_ms: 2_520_000,
        late: 2,
        lost: 312,
        gaps: 1,
        named: vec![SystemReason::SessionLost { client: "onspec-1".into(), since: Some(SINCE) }],
    };
    let trouble = serde_json::from_str(r#"{"clocks":[["stock",{"Behind":90000000000}]]}"#).unwrap();
    vec![
        (E::BatchAtRisk, batch(Call::AtRisk, Fate::Stands)),
        (E::BatchOffSpec, batch(Call::OffSpec, Fate::Stands)),
        (E::BatchCleared, batch(Call::OnSpec, Fate::Stands)),
        (E::BatchFinished, batch(Call::OnSpec, Fate::Stands)),
        (E::BatchFinished, batch(Call::OffSpec, Fate::Stands)),
        (E::BatchFinished, batch(Call::Unknown, Fate::Stands)),
        (E::BatchFinished, batch(Call::Unknown, Fate::Merged("R9".into()))),
        (E::BatchRevised, batch(Call::AtRisk, Fate::Stands)),
        (E::BatchRevised, batch(Call::Unknown, Fate::Void)),
        (E::SensorUnhealthy, sensor("stuck", None)),
        (E::SensorUnhealthy, sensor("stale", None)),
        (E::SensorUnhealthy, sensor("skew", Some(-90_000))),
        (E::SensorRecovered, sensor("stuck", None)),
        (E::ProfileStreak, profile(vec![Place { from: 1.2, to: 1.3, deviation: 0.4 }])),
        (E::ProfileEven, profile(vec![])),
        (E::LineBlind, line()),
        (E::LineRestored, line()),
        (E::LineSilent, line()),
        (E::LineHeard, line()),
        (E::TagsMissing, tags(&["QI-1", "QI-2", "stock", "steam_pressure"], 40)),
        (E::TagsMissing, tags(&["QI-1"], 0)),
        (E::TagsFound, tags(&[], 40)),
        (E::LineUnjudged, Subject::Monitor { reasons: vec![coverage], since: SINCE }),
        (E::LineJudged, Subject::Monitor { reasons: none(), since: SINCE }),
        (E::ModelDrifted, model(4, ModelReason::Drifted { exceeded: 4, of: 60, one_in: 100.0 })),
        (
            E::ModelPromoted,
            model(5, ModelReason::ByPerson { by: Some("shift-a".into()), of: 4, back: false }),
        ),
        (E::ModelWaiting, model(5, fitted(true))),
        (E::ModelRejected, model(0, ModelReason::Failed("QI-1, QI-2".into()))),
        (E::SystemDegraded, system("influxdb", "503".into())),
        (
            E::SystemDegraded,
            system("mqtt/plant/queue", SystemReason::Dropped { count: 12_400, since: SINCE }),
        ),
        (E::SystemDegraded, system("source/plant/tm3", trouble)),
        (E::SystemRecovered, system("webhook/shift", "".into())),
        (E::SystemRecovered, system("onspec", SystemReason::Start(start))),
        (E::SensorRecovered, Subject::Gone(Box::new(sensor("stuck", None)))),
    ]
}

fn said(kind: EventKind, subject: &Subject, language: Language) -> [String; 2] {
    let line = if matches!(subject, Subject::System { .. }) { "" } else { "tm3" };
    let what = What { kind, line, alarm: "tm3/QI-1", subject };
    let locale = locale(language);
    [title(&what, &locale).to_string(), text::text(&what, &locale).to_string()]
}

#[test]
fn both_languages_say_everything() {
    crate::words::check(ALL, &["onspec tap", "onspec models promote", "onspec", "InfluxDB"]);
}

#[test]
fn every_message_as_it_is_read() {
    let mut shown = String::new();
    for (kind, subject) in all() {
        writeln!(shown, "## {}", kind.as_str()).unwrap();
        for language in [Language::English, Language::Chinese] {
            let [title, text] = said(kind, &subject, language);
            writeln!(shown, "{title}\n    {text}").unwrap();
        }
    }
    insta::assert_snapshot!(shown.replace(['\u{a0}', '\u{202f}'], " "));
    // How people answer is said of what raised the alarm: the tests of escalation have that.
    let kinds = |kind: &EventKind| kind.responds() || all().iter().any(|(of, _)| of == kind);
    assert!(EventKind::ALL.iter().all(kinds));
}

#[test]
fn a_title_is_one_line_and_nobody_is_left_alone_with_a_message() {
    for (kind, subject) in all() {
        for (language, todo) in [
            (Language::English, ["What to do: ", "Costs least: "]),
            (Language::Chinese, ["处理：", "代价最小："]),
        ] {
            let [title, text] = said(kind, &subject, language);
            assert!(!title.is_empty() && !title.contains('\n'), "{title}");
            assert!(!title.contains('{') && !text.contains('{'), "{title} {text}");
            let acts = match &subject {
                Subject::Batch { verdict, besides, .. } => {
                    besides.fate == Fate::Stands
                        && (verdict.verdict.is_flag()
                            || kind == EventKind::BatchFinished && verdict.verdict == Call::Unknown)
                }
                Subject::System { reason: SystemReason::Start(_), .. } => true,
                _ => {
                    kind.end().is_some()
                        || matches!(
                            kind,
                            EventKind::ModelDrifted
                                | EventKind::ModelWaiting
                                | EventKind::ModelRejected
                        )
                }
            };
            let told = todo.iter().any(|todo| text.contains(todo));
            assert_eq!(told, acts, "{}: {text}", kind.as_str());
        }
    }
}

#[test]
fn no_word_of_the_other_language_stands_in_a_message() {
    for (kind, subject) in all() {
        let mut chinese = said(kind, &subject, Language::Chinese).join(" ");
        // A name may stand in another one.
        let mut names = NAMES;
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in names {
            chinese = chinese.replace(name, "");
        }
        let left: String = chinese.chars().filter(char::is_ascii_alphabetic).collect();
        assert_eq!(left, "", "{}: {chinese}", kind.as_str());
        let english = said(kind, &subject, Language::English).join(" ");
        let han = |c: char| {
            ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c)
        };
        assert!(!english.contains(han), "{english}");
    }
}

#[test]
fn numbers_are_alike_in_both_languages() {
    let numbers = |text: &str| {
        let mut found: Vec<String> = text
            .split(|c: char| {
                !(c.is_ascii_digit() || matches!(c, '.' | ':' | '-' | '−' | '\u{202f}'))
            })
            .map(|part| part.trim_matches(['.', ':', '-']).to_owned())
            .filter(|part| part.chars().any(|c| c.is_ascii_digit()))
            .collect();
        found.sort_unstable();
        found
    };
    for (kind, subject) in all() {
        let [english, chinese] = [Language::English, Language::Chinese]
            .map(|of| numbers(&said(kind, &subject, of).join(" ")));
        assert_eq!(english, chinese, "{}", kind.as_str());
    }
}

#[test]
fn what_costs_least_is_the_advice_and_who_decided_needs_none() {
    let mut of = document(Call::AtRisk);
    let decision = |advice: &str| {
        serde_json::from_str(&format!(
            r#"{{"advice":"{advice}","probability":0.7,"threshold":0.1,"choices":[]}}"#
        ))
        .unwrap()
    };
    let told = |of: &Document| {
        let subject = Subject::Batch {
            batch: "R9".into(),
            grade: None,
            verdict: Box::new(of.clone()),
            besides: Box::default(),
        };
        said(EventKind::BatchAtRisk, &subject, Language::English)[1].clone()
    };
    for (advice, words) in [
        ("release", "Costs least: let it go on its way."),
        ("test-first", "Costs least: have the laboratory test it before it goes on."),
        ("hold", "Costs least: hold it."),
        ("end-now", "Costs least: end it now, and mend the cause."),
    ] {
        of.decision = Some(decision(advice));
        assert!(told(&of).ends_with(words), "{}", told(&of));
    }
    of.reasons.insert(0, Reason::Person { disposition: "hold".into(), by: None });
    assert!(!told(&of).contains("Costs least"), "{}", told(&of));
}

#[test]
fn a_subject_of_an_earlier_release_is_read() {
    for kept in [
        r#"{"Line":{"reason":"the link to the broker is down","since":1}}"#,
        r#"{"Monitor":{"reason":"not enough good data of bw","since":1}}"#,
        r#"{"Tags":{"tags":["a"],"since":1}}"#,
        r#"{"Sensor":{"tag":"a","fault":"stuck","since":1}}"#,
        r#"{"Profile":{"tag":"a","streaks":[],"since":1}}"#,
        r#"{"Model":{"model":"pca","grade":"g","version":2,"reason":"better"}}"#,
        r#"{"System":{"component":"influxdb","reason":"503","since":1}}"#,
    ] {
        let value: serde_json::Value = serde_json::from_str(kept).unwrap();
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        let subject: Subject = rmp_serde::from_slice(&bytes).unwrap();
        let kind = if kept.starts_with("{\"System") {
            EventKind::SystemDegraded
        } else {
            EventKind::ModelRejected
        };
        assert!(!said(kind, &subject, Language::Chinese)[0].is_empty(), "{kept}");
    }
    let news = r#"{"kind":"line.blind","at":1,"line":"tm3","alarm":"tm3/blind","sets":"Raise",
        "severity":"warning","revision":0,"title":"t","text":"x","subject":{"Line":{"reason":"r","since":1}}}"#;
    let news: News = serde_json::from_str(news).unwrap();
    assert_eq!(news.title(&locale(Language::English)), "tm3: nothing is known of the line");
}
