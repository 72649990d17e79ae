//! Texts of wide payloads that say which batch and which grade is made.

use super::*;
use crate::decode::{
    Arrival, Format, JsonRule, JsonValues, PayloadNames, PointNames, Rule, Template, TimeUnit,
};
use crate::plant::{BatchSource, Naming};

/// The plant whose tags `reel` and `grade` say what is made, and an engine that reads by this rule.
fn engine(naming: Naming, format: Format, time_unit: TimeUnit) -> Engine {
    let mut plant = plant();
    let line = &mut plant.lines[0];
    line.batch = BatchSource::Tag("reel".into(), naming);
    line.grade_tag = Some("grade".into());
    for id in ["reel", "grade"] {
        line.tags.push(Tag { role: Role::Context, ..Tag::named(id) });
    }
    let grade = facial(&plant);
    plant.grades.insert("towel".into(), grade);
    let rule = Rule::new("gw", Template::parse("wide/{line}").unwrap(), format);
    Engine::new(plant, vec![Rule { time_unit, ..rule }])
}

/// A message a second: what is made changes at second 10, and again, to no name at all, at second 40.
fn messages(payload: impl Fn(i64, &str, &str) -> String) -> Vec<Event> {
    let message = |s: i64| {
        let (reel, grade) = match s {
            ..10 => ("R-013", "facial"),
            10..40 => ("R-014", "towel"),
            _ => ("", ""),
        };
        Event::Arrival(Arrival {
            broker: "gw".into(),
            received: at(s),
            topic: "wide/tm3".into(),
            payload: payload(s, reel, grade).into(),
            retained: false,
            properties: None,
        })
    };
    (0..60).map(message).collect()
}

/// Each batch as the view has it: its id, its grade, its start in seconds.
#[track_caller]
fn check(mut engine: Engine, messages: Vec<Event>, expected: &[&str]) {
    let mut seen: Vec<String> = Vec::new();
    for message in messages {
        let effects = apply(&mut engine, [message]);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Fault(_))), "{effects:?}");
        let Some(batch) = engine.view().lines[0].batch.clone() else { continue };
        let grade = batch.grade.as_deref().unwrap_or("-");
        let shown = format!("{} {grade} {}", batch.batch, batch.started.as_millis() / 1000);
        if seen.last() != Some(&shown) {
            seen.push(shown);
        }
    }
    assert_eq!(seen, expected);
}

#[test]
fn texts_of_a_wide_document_are_batch_and_grade() {
    let fields = ["bw", "grade", "reel", "steam"].map(|tag| (tag.into(), format!("/{tag}").into()));
    let rule = JsonRule {
        values: JsonValues::Fields(fields.into()),
        time: Some("/ts".into()),
        ..JsonRule::default()
    };
    let payload = |s: i64, reel: &str, grade: &str| {
        let ts = s * 1000;
        format!(r#"{{"ts":{ts},"bw":15.{},"steam":7.1,"reel":"{reel}","grade":"{grade}"}}"#, s % 7)
    };
    check(
        engine(Naming::Value, Format::Json(rule.clone()), TimeUnit::Millis),
        messages(payload),
        &["R-013 facial 0", "R-014 towel 10", "tm3-19700101T000040Z towel 40"],
    );
    check(
        engine(Naming::Start, Format::Json(rule), TimeUnit::Millis),
        messages(payload),
        &[
            "tm3-19700101T000000Z facial 0",
            "tm3-19700101T000010Z towel 10",
            "tm3-19700101T000040Z towel 40",
        ],
    );
}

#[test]
fn texts_of_items_are_batch_and_grade() {
    let rule = JsonRule {
        each: Some("/values/*".into()),
        values: JsonValues::One("/v".into()),
        time: Some("/t".into()),
        names: PayloadNames { tag: Some("/id".into()), ..PayloadNames::default() },
        ..JsonRule::default()
    };
    // The reel is told before its grade.
    let payload = |s: i64, reel: &str, grade: &str| {
        let t = s * 1000;
        format!(
            r#"{{"values":[{{"id":"bw","v":15.{},"t":{t}}},{{"id":"reel","v":"{reel}","t":{t}}},{{"id":"grade","v":"{grade}","t":{t}}}]}}"#,
            s % 7
        )
    };
    check(
        engine(Naming::Value, Format::Json(rule), TimeUnit::Millis),
        messages(payload),
        &["R-013 facial 0", "R-014 towel 10", "tm3-19700101T000040Z towel 40"],
    );
}

#[test]
fn texts_of_line_protocol_are_batch_and_grade() {
    let format = Format::LineProtocol { names: PointNames::default(), quality: None };
    let payload = |s: i64, reel: &str, grade: &str| {
        format!("dry bw=15.{},reel=\"{reel}\",grade=\"{grade}\" {s}\n", s % 7)
    };
    check(
        engine(Naming::Value, format, TimeUnit::Seconds),
        messages(payload),
        &["R-013 facial 0", "R-014 towel 10", "tm3-19700101T000040Z towel 40"],
    );
}

#[test]
fn a_tag_tells_the_phase_of_the_batch_in_progress() {
    let mut plant = plant();
    plant.lines[0].phase_tag = Some("step".into());
    plant.lines[0].tags.push(Tag { role: Role::Context, ..Tag::named("step") });
    let mut engine = Engine::new(plant, Vec::new());
    let step = |s| f64::from(u8::from(s % 100 >= 40)) + 1.0;
    let mut events = vec![start(0, "R1")];
    for s in 0..250 {
        if s == 100 {
            events.push(start(100, "R2"));
        }
        events.push(reading("step", s, step(s)));
        events.extend(run(s..s + 1, 15.0));
    }
    let effects = apply(&mut engine, events);
    let phases = |id: &str| {
        let record = effects.iter().rev().find_map(|effect| match effect {
            Effect::Batch(record) if *record.batch == *id => Some(record),
            _ => None,
        });
        let phases = record.unwrap().phases.iter();
        phases.map(|(phase, at)| format!("{phase}@{}", at.as_millis() / 1000)).collect::<Vec<_>>()
    };
    assert_eq!(phases("R1"), ["1@0", "2@40"]);
    assert_eq!(phases("R2"), ["1@100", "2@140", "1@200", "2@240"]);
    let line = &engine.view().lines[0];
    let said = line.verdict.as_ref().unwrap();
    assert_eq!((said.batch.as_deref(), said.phase.as_deref()), (Some("R2"), Some("2")));
}
