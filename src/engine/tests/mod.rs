//! The engine from outside: messages in, effects out.

mod absence;
mod adaptation;
mod alarms;
mod audit;
mod backtest;
mod borrowed;
mod charts;
mod clocks;
mod context;
mod day;
mod finished;
mod foretold;
mod growth;
mod laboratory;
mod late;
mod limits;
mod maintenance;
mod nodes;
mod odd;
mod phases;
mod profiles;
mod promotions;
mod properties;
mod shadow;
mod sheets;
mod starts;
mod storms;
mod told;
mod transits;

use super::*;
use crate::decode::{Arrival, BatchEvent, BatchMessage, NamedReading};
use crate::plant::{Charted, Grade, Grades, Line, ModelSettings, Role, SpecLimit, Tag, Undeclared};
use crate::reading::{Finite, Flags, SourceQuality, Value};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// A line `tm3` with a quality tag `bw` (14 to 16), a process tag `steam` and a speed of 600 m/min.
fn plant() -> Plant {
    let mut line = Line::named("tm3");
    let tag = |id: &str, role| Tag { role, ..Tag::named(id) };
    line.tags = vec![
        Tag {
            range: Some((0.0, 60.0)),
            chart: Some(Charted::of_quality(Duration::from_secs(1))),
            ..tag("bw", Role::Quality)
        },
        tag("steam", Role::Process),
        tag("speed", Role::Context),
    ];
    line.rate.length = Some("speed".into());
    line.grade = Some("facial".into());
    let mut grade = Grade::default();
    let limit = SpecLimit { low: Some(14.0), high: Some(16.0), ..SpecLimit::default() };
    grade.spec.insert("bw".into(), limit);
    grade.lab.insert("tensile".into(), SpecLimit { low: Some(100.0), ..SpecLimit::default() });
    Plant {
        site: "mill".into(),
        lines: vec![line],
        grades: [(Arc::from("facial"), grade)].into(),
        undeclared: Undeclared::Store,
        undeclared_max: 3,
        models: ModelSettings::default(),
        costs: None,
        alarms: crate::plant::AlarmSettings::default(),
    }
}

/// The grade `facial` as it is declared first.
fn facial(plant: &Plant) -> Grade {
    plant.grades.at("facial", at(0)).cloned().unwrap()
}

fn at(s: i64) -> Timestamp {
    Timestamp::from_nanos(s * 1_000_000_000)
}

fn reading(tag: &str, s: i64, value: f64) -> Event {
    let message = Message::Reading(NamedReading {
        line: "tm3".into(),
        area: "dry".into(),
        tag: tag.into(),
        at: Some(at(s)),
        value: Value::Number(Finite::try_from(value).unwrap()),
        quality: SourceQuality::Good,
    });
    Event::Message(at(s), message)
}

fn batch(s: i64, event: BatchEvent) -> Event {
    let message = BatchMessage { line: "tm3".into(), station: None, at: at(s), event };
    Event::Message(at(s), Message::Batch(message))
}

fn start(s: i64, id: &str) -> Event {
    batch(s, BatchEvent::Start { batch: id.into(), grade: None })
}

/// What a person would hear: calls, events, alarms, batches.
fn said(effects: &[Effect]) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Notification(n) => Some(format!("{} {}", n.at.as_millis() / 1000, n.kind.as_str())),
        Effect::Fault(f) => Some(format!("fault {}: {}", f.fault.reason.as_str(), f.fault.detail)),
        Effect::BatchVerdict(d) => {
            let share = d.progress.unwrap_or(0.0);
            Some(format!(
                "{} {} progress {share}",
                d.batch.as_deref().unwrap_or("-"),
                d.verdict.as_str()
            ))
        }
        _ => None,
    };
    effects.iter().filter_map(text).collect()
}

/// One reading of each tag for each second in `seconds`, with this basis weight.
fn run(seconds: std::ops::Range<i64>, bw: f64) -> Vec<Event> {
    seconds
        .flat_map(|s| {
            #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
            let wobble = (s % 7) as f64 * 0.01;
            [
                reading("bw", s, bw + wobble),
                reading("steam", s, 7.0 + wobble),
                reading("speed", s, 600.0),
            ]
        })
        .collect()
}

fn apply(engine: &mut Engine, events: impl IntoIterator<Item = Event>) -> Vec<Effect> {
    let mut out = Vec::new();
    for event in events {
        engine.apply(event, &mut out);
    }
    out
}

#[test]
fn batch_outside_its_limits_is_flagged_while_it_is_made_and_off_spec_at_its_end() {
    let mut engine = Engine::new(plant(), Vec::new());
    let events = [
        vec![start(0, "R1")],
        run(0..300, 15.0),
        run(300..600, 17.0),
        vec![start(600, "R2")],
        run(600..610, 15.0),
    ];
    let effects = apply(&mut engine, events.into_iter().flatten());
    assert_eq!(
        said(&effects),
        ["379 batch.at_risk", "380 batch.off_spec", "600 batch.finished", "R1 off-spec progress 1",]
    );
    let record = effects.iter().rev().find_map(|effect| match effect {
        Effect::Batch(record) if &*record.batch == "R1" => Some(record),
        _ => None,
    });
    let record = record.unwrap();
    assert_eq!(record.length_m.map(f64::round), Some(6000.0));
    assert_eq!(record.first_flag_lead_s, Some(221.0));
    assert_eq!(record.off_spec_share.map(|share| (share * 100.0).round()), Some(47.0));
}

#[test]
fn stuck_sensor_is_named_and_the_batch_is_unknown_not_bad() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..100, 15.0));
    for s in 100..700 {
        events.extend([
            reading("bw", s, 15.0),
            reading("steam", s, 7.0 + f64::from(u8::try_from(s % 5).unwrap())),
        ]);
    }
    let effects = apply(&mut engine, events);
    assert_eq!(said(&effects), ["400 sensor.unhealthy"]);
    let verdict = engine.view().lines[0].verdict.clone().unwrap();
    assert_eq!(verdict.verdict, crate::verdict::Call::Unknown);
}

#[test]
fn laboratory_result_revises_a_finished_batch() {
    let mut engine = Engine::new(plant(), Vec::new());
    let lab = |s, value| {
        batch(
            s,
            BatchEvent::Lab {
                batch: "R1".into(),
                property: "tensile".into(),
                value,
                unit: None,
                position: None,
            },
        )
    };
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..200, 15.0));
    events.push(start(200, "R2"));
    events.extend(run(200..300, 15.0));
    events.extend([lab(290, 90.0), lab(290, 90.0)]);
    let effects = apply(&mut engine, events);
    assert_eq!(
        said(&effects),
        ["200 batch.finished", "R1 unknown progress 1", "290 batch.revised"]
    );
    let view = engine.view();
    assert_eq!(view.lines[0].last_batches[0].verdict, Some(crate::verdict::Call::OffSpec));
}

#[test]
fn released_batches_are_counted_and_a_fit_is_asked_for() {
    let mut plant = plant();
    plant.models.learning_batches = 3;
    let mut engine = Engine::new(plant, Vec::new());
    let mut effects = Vec::new();
    for n in 0..4 {
        let (begin, id) = (n * 100, format!("R{n}"));
        effects.extend(apply(&mut engine, [start(begin, &id)]));
        effects.extend(apply(&mut engine, run(begin..begin + 100, 15.0)));
        if n > 0 {
            let disposition = BatchEvent::Disposition {
                batch: format!("R{}", n - 1).as_str().into(),
                disposition: crate::decode::Disposition::Release,
                by: None,
                note: None,
            };
            effects.extend(apply(&mut engine, [batch(begin + 50, disposition)]));
        }
    }
    let asked: Vec<&FitRequest> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Fit(request) => Some(&**request),
            _ => None,
        })
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].batches, ["R0".into(), "R1".into(), "R2".into()]);
    assert_eq!(asked[0].tags, [1]);
    let failed =
        ModelAnswer { request: asked[0].id, outcome: Err("too few rows".into()), trial: None };
    engine.apply(Event::Model(failed), &mut effects);
    effects.clear();
    effects.extend(apply(&mut engine, [start(400, "R4")]));
    effects.extend(apply(&mut engine, run(400..405, 15.0)));
    assert!(said(&effects).contains(&"400 model.rejected".to_owned()));
}

#[test]
fn clock_that_jumps_ahead_moves_nothing() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, run(0..10, 15.0));
    let clock = engine.clock(LineIx(0));
    let Event::Message(_, message) = reading("bw", 4_000_000, 15.0) else { unreachable!() };
    let effects = apply(&mut engine, [Event::Message(at(10), message)]);
    assert!(matches!(&effects[0], Effect::Reading(r) if r.flags.contains(Flags::FUTURE)));
    assert_eq!(engine.clock(LineIx(0)), clock);
    let effects = apply(&mut engine, run(10..13, 15.0));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Reading(r) if r.flags != Flags::GOOD)));
}

#[test]
fn undeclared_tags_are_stored_up_to_their_number_and_repeats_write_nothing() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = Vec::new();
    for tag in ["a", "b", "c", "d"] {
        events.extend([reading(tag, 1, 1.0), reading(tag, 1, 1.0)]);
    }
    let effects = apply(&mut engine, events);
    let stored = effects.iter().filter(|effect| matches!(effect, Effect::Reading(_))).count();
    assert_eq!(stored, 3);
    assert!(said(&effects)[0].starts_with("fault too-many-tags: tag `d`"));
    assert_eq!((engine.view().undeclared, engine.view().duplicates), (3, 3));
}

#[test]
fn silence_pushes_the_clock_by_its_own_length_and_slow_sources_stay_in_time() {
    let mut engine = Engine::new(plant(), Vec::new());
    // The source's clock is five minutes slow.
    let slow = |s: i64| {
        let Event::Message(_, message) = reading("bw", s, 15.0) else { unreachable!() };
        Event::Message(at(s + 300), message)
    };
    apply(&mut engine, (0..10).map(slow));
    assert!(!engine.would_push(at(330)));
    assert!(engine.would_push(at(340)));
    apply(&mut engine, [Event::Tick(at(340))]);
    let effects = apply(&mut engine, [slow(41)]);
    assert!(matches!(&effects[0], Effect::Reading(r) if r.flags == Flags::GOOD), "{effects:?}");
}

#[test]
fn link_that_is_down_blinds_the_line_and_changes_no_verdict() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..100, 15.0));
    let before = engine.view().lines[0].verdict.clone();
    let down = Event::Command(Command::Link { up: false, at: at(110) });
    let up = Event::Command(Command::Link { up: true, at: at(900) });
    let effects = apply(&mut engine, [down, Event::Tick(at(800)), up]);
    assert_eq!(said(&effects), ["110 line.blind", "900 line.restored"]);
    assert_eq!(engine.view().lines[0].verdict, before);
}

#[test]
fn a_blind_line_stays_blind_under_another_configuration_until_the_link_is_back() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [Event::Command(Command::Link { up: false, at: at(110) })]);
    let mut other = plant();
    other.lines[0].tags.insert(0, Tag::named("new"));
    engine.reconfigure(other, Vec::new());
    assert!(engine.view().lines[0].blind && !engine.is_link_up());
    let effects = apply(&mut engine, [Event::Command(Command::Link { up: true, at: at(900) })]);
    assert_eq!(said(&effects), ["900 line.restored"]);
}

fn part(works: bool, s: i64) -> Event {
    let component = "influxdb".into();
    Event::Command(Command::Component { component, works, reason: "away".into(), at: at(s) })
}

#[test]
fn a_part_is_told_of_once_for_each_time_it_fails() {
    let mut engine = Engine::new(plant(), Vec::new());
    let effects = apply(&mut engine, [part(true, 1), part(false, 2)]);
    assert_eq!(said(&effects), ["2 system.degraded"]);
    assert_eq!(engine.failed_parts().collect::<Vec<_>>(), ["influxdb"]);
    // As after a restart: who watches does not know what was told before.
    let mut engine = Engine::restore(&engine.checkpoint()).unwrap();
    let effects = apply(&mut engine, [part(false, 50), part(true, 60), part(false, 70)]);
    assert_eq!(said(&effects), ["60 system.recovered", "70 system.degraded"]);
    let ids: BTreeSet<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notification(n) => Some(Arc::clone(&n.id)),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_session_that_was_there_and_is_not_is_a_gap() {
    let session = |client: &str, present, s| {
        let (component, client_id) = ("mqtt/plant".into(), client.into());
        let filters = vec!["mill/#".into()];
        Event::Command(Command::Session { component, client_id, present, filters, at: at(s) })
    };
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, run(0..10, 15.0));
    // The first connection of a client has none, and one that is kept is no news.
    let first = [session("onspec", false, 10), session("onspec", true, 20)];
    assert_eq!(said(&apply(&mut engine, first)), [""; 0]);
    let mut engine = Engine::restore(&engine.checkpoint()).unwrap();
    assert_eq!(said(&apply(&mut engine, [session("another", false, 30)])), [""; 0]);
    let effects = apply(&mut engine, [session("onspec", false, 40)]);
    assert_eq!(said(&effects), ["40 system.degraded"]);
    assert_eq!(engine.failed_parts().collect::<Vec<_>>(), ["mqtt/plant/session"]);
    let Some(Effect::Notification(told)) = effects.last() else { panic!("{effects:?}") };
    assert!(told.title.contains("what it held since 1970-01-01 00:00 +00:00"), "{}", told.title);
}

#[test]
fn only_sessions_and_queues_of_brokers_are_told_by_links() {
    for (component, link) in [
        ("mqtt/plant/session", Some("mqtt/plant")),
        ("mqtt/plant/queue", Some("mqtt/plant")),
        ("mqtt/queue/queue", Some("mqtt/queue")),
        ("mqtt/queue", None),
        ("mqtt/session", None),
        ("mqtt/plant", None),
        ("webhook/queue", None),
        ("webhook/session", None),
        ("store", None),
    ] {
        assert_eq!(Engine::told_by_link(component), link, "{component}");
    }
    assert_eq!(Engine::told_by_link(&queue_part("plant")), Some("mqtt/plant"));
    assert_eq!(Engine::told_by_link(&session_part("mqtt/plant")), Some("mqtt/plant"));
}

#[test]
fn events_bear_the_name_that_the_site_has_now() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [part(false, 1)]);
    engine.reconfigure(Plant { site: "north mill".into(), ..plant() }, Vec::new());
    let effects = apply(&mut engine, [part(true, 2)]);
    let Some(Effect::Notification(told)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!((&*told.site, told.kind.as_str()), ("north mill", "system.recovered"));
}

#[test]
fn a_message_that_nobody_could_take_is_taken_once_its_tag_is_declared() {
    let format = crate::decode::Format::Json(crate::decode::JsonRule {
        values: crate::decode::JsonValues::One("/v".into()),
        time: Some("/ts".into()),
        ..crate::decode::JsonRule::default()
    });
    let template = crate::decode::Template::parse("mill/{line}/{tag}").unwrap();
    let rule = Rule::new("plant", template, format);
    let ignoring = Plant { undeclared: Undeclared::Ignore, ..plant() };
    let set_point = |s: i64| {
        Event::Arrival(Arrival {
            broker: "plant".into(),
            received: at(20),
            topic: "mill/tm3/set_point".into(),
            payload: format!(r#"{{"v":15,"ts":{s}000}}"#).into_bytes().into(),
            retained: true,
            properties: None,
        })
    };
    let mut engine = Engine::new(ignoring.clone(), vec![rule.clone()]);
    let stored = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Reading(_)));
    assert!(!stored(&apply(&mut engine, [set_point(9)])));
    let mut declared = ignoring;
    declared.lines[0].tags.push(Tag::named("set_point"));
    engine.reconfigure(declared.clone(), vec![rule.clone()]);
    assert!(stored(&apply(&mut engine, [set_point(9)])));
    assert!(stored(&apply(&mut engine, (10..19).map(set_point))));
    // Other limits change nothing of what a message is.
    declared.grades = Grades::default();
    assert!(engine.reconfigure(declared, vec![rule]));
    assert!(!stored(&apply(&mut engine, [set_point(9)])));
}

#[test]
fn new_configuration_keeps_batches_and_sensors_by_name() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..100, 15.0));
    let mut other = plant();
    other.lines[0].tags.insert(0, Tag::named("new"));
    assert!(engine.reconfigure(other.clone(), Vec::new()));
    assert!(!engine.reconfigure(other, Vec::new()));
    let line = &engine.view().lines[0];
    assert_eq!(line.batch.as_ref().map(|batch| &*batch.batch), Some("R1"));
    assert_eq!((&*line.tags[1].id, line.tags[1].value.is_some()), ("bw", true));
    assert!(
        apply(&mut engine, run(100..110, 15.0))
            .iter()
            .any(|e| matches!(e, Effect::Frame(f) if f.values.len() == 4))
    );
}

/// One step of a random story.
fn story() -> impl Strategy<Value = Vec<Event>> {
    let tag = prop::sample::select(vec!["bw", "steam", "speed", "stray"]);
    let step = prop_oneof![
        20 => (tag, 0i64..4, 13.0f64..17.0).prop_map(|(tag, back, value)| (0u8, tag, back, value)),
        1 => (0i64..3).prop_map(|n| (1, "", n, 0.0)),
        1 => (0i64..3).prop_map(|n| (2, "", n, 0.0)),
        1 => Just((3, "", 0, 0.0)),
        1 => (80.0f64..120.0).prop_map(|value| (4, "", 0, value)),
    ];
    prop::collection::vec(step, 1..300).prop_map(|steps| {
        let steps = steps.into_iter().zip(0i64..);
        steps
            .map(|((kind, tag, n, value), ix)| {
                let s = ix / 3;
                match kind {
                    0 => reading(tag, s - n, value),
                    1 => start(s, &format!("R{}", s / 20)),
                    2 => batch(
                        s,
                        BatchEvent::End {
                            batch: format!("R{}", s / 20).as_str().into(),
                            length_m: None,
                            mass_kg: None,
                        },
                    ),
                    3 => Event::Tick(at(s + Duration::from_secs(40).as_secs().cast_signed())),
                    _ => batch(
                        s,
                        BatchEvent::Lab {
                            batch: format!("R{}", s / 30).as_str().into(),
                            property: "tensile".into(),
                            value,
                            unit: None,
                            position: None,
                        },
                    ),
                }
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn checkpoint_changes_nothing(events in story(), cut in 0.0f64..1.0) {
        let mut whole = Engine::new(plant(), Vec::new());
        let expected = apply(&mut whole, events.clone());
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cut within a short list")]
        let cut = (events.len() as f64 * cut) as usize;
        let mut first = Engine::new(plant(), Vec::new());
        let mut effects = apply(&mut first, events[..cut].to_vec());
        let mut second = Engine::restore(&first.checkpoint()).unwrap();
        effects.extend(apply(&mut second, events[cut..].to_vec()));
        prop_assert_eq!(format!("{effects:?}"), format!("{expected:?}"));
        prop_assert_eq!(second.checkpoint(), whole.checkpoint());
    }

    #[test]
    fn nothing_is_on_spec_without_a_model(events in story()) {
        let mut engine = Engine::new(plant(), Vec::new());
        for effect in apply(&mut engine, events) {
            if let Effect::Verdict(document) = effect {
                prop_assert_ne!(document.verdict, crate::verdict::Call::OnSpec);
            }
        }
    }
}

/// The products of the frames, as runs: true where models may look.
fn product_runs(effects: &[Effect]) -> Vec<(bool, usize)> {
    let frames = effects.iter().filter_map(|effect| match effect {
        Effect::Frame(frame) => Some(frame.product),
        _ => None,
    });
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for product in frames {
        match runs.last_mut() {
            Some((last, n)) if *last == product => *n += 1,
            _ => runs.push((product, 1)),
        }
    }
    runs
}

#[test]
fn break_is_no_product_and_the_line_settles_after_it() {
    let mut plant = plant();
    plant.lines[0].settle = Duration::from_secs(60);
    let mut engine = Engine::new(plant, Vec::new());
    let pause = batch(100, BatchEvent::Pause { reason: Some("break".into()) });
    let events = [
        vec![start(0, "R1")],
        run(0..100, 15.0),
        vec![pause],
        // The scanner is off the sheet, for longer than it may be silent.
        run(100..400, 15.0).into_iter().filter(|event| !is_of(event, "bw")).collect(),
        vec![batch(400, BatchEvent::Resume)],
        run(400..600, 15.0),
    ];
    let effects = apply(&mut engine, events.into_iter().flatten());
    let runs = product_runs(&effects);
    assert_eq!(runs[..2], [(true, 100), (false, 360)], "{runs:?}");
    assert_eq!(said(&effects), Vec::<String>::new(), "a scanner without a sheet is not sick");
    let states: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Verdict(document) => document.state.as_deref().map(str::to_owned),
            _ => None,
        })
        .collect();
    assert!(states.iter().all(|state| state == "settling"), "{states:?}");
}

fn is_of(event: &Event, tag: &str) -> bool {
    matches!(event, Event::Message(_, Message::Reading(reading)) if &*reading.tag == tag)
}

#[test]
fn tag_tells_breaks_where_no_event_does() {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag { role: Role::Context, ..Tag::named("broken") });
    plant.lines[0].break_tag = Some("broken".into());
    plant.lines[0].settle = Duration::ZERO;
    let mut engine = Engine::new(plant, Vec::new());
    let told = |s: i64| reading("broken", s, if (100..200).contains(&s) { 1.0 } else { 0.0 });
    let mut events = vec![start(0, "R1")];
    for s in 0..300 {
        events.push(told(s));
        events.extend(run(s..s + 1, 15.0));
    }
    let effects = apply(&mut engine, events);
    let runs = product_runs(&effects);
    // The first frame after the break begins to settle, for no time at all.
    assert_eq!(runs[0], (true, 100), "{runs:?}");
    assert!(!runs[1].0 && (100..=101).contains(&runs[1].1), "{runs:?}");
    assert!(runs[2].0, "{runs:?}");
    // It is known after a restart as well.
    let again = Engine::restore(&engine.checkpoint()).unwrap();
    assert_eq!(again.checkpoint(), engine.checkpoint());
}

#[test]
fn change_of_grade_keeps_models_out_until_the_quality_is_inside() {
    let mut plant = plant();
    let other = facial(&plant);
    plant.grades.insert("towel".into(), other);
    let mut engine = Engine::new(plant, Vec::new());
    let begin = |s, id: &str, grade: &str| {
        batch(s, BatchEvent::Start { batch: id.into(), grade: Some(grade.into()) })
    };
    let events = [
        vec![begin(0, "R1", "facial")],
        run(0..100, 15.0),
        vec![begin(100, "R2", "towel")],
        // Outside the new limits for two minutes; then inside.
        run(100..220, 17.0),
        run(220..700, 15.0),
    ];
    let effects = apply(&mut engine, events.into_iter().flatten());
    let runs = product_runs(&effects);
    assert_eq!(runs[0], (true, 100), "{runs:?}");
    // Two minutes outside, the smoothing of the tag, and three minutes inside.
    assert!(!runs[1].0 && (300..=400).contains(&runs[1].1), "{runs:?}");
    assert!(runs[2].0, "{runs:?}");
    let state = effects.iter().find_map(|effect| match effect {
        Effect::Verdict(document) => document.state.clone(),
        _ => None,
    });
    assert_eq!(state.as_deref(), Some("grade-change"));
}

#[test]
fn second_value_of_a_time_is_never_called_its_first() {
    let other = |event: Event, value: Value, quality: SourceQuality| match event {
        Event::Message(received, Message::Reading(named)) => {
            Event::Message(received, Message::Reading(NamedReading { value, quality, ..named }))
        }
        other => other,
    };
    // A declared tag and one that is not: a bad value, a text, the line goes on, then the correction.
    for tag in ["steam", "stray"] {
        let mut engine = Engine::new(plant(), Vec::new());
        apply(&mut engine, [reading(tag, 0, 1.0)]);
        let bad = other(reading(tag, 1, 0.0), reading_value(0.0), SourceQuality::Bad);
        let text = other(reading(tag, 2, 0.0), Value::Text("off".into()), SourceQuality::Good);
        apply(&mut engine, [bad, text.clone(), reading("bw", 2, 15.0)]);
        let at_once = apply(&mut engine, [reading(tag, 2, 8.0), text.clone(), text]);
        let readings = |effects: &[Effect]| -> Vec<(bool, bool)> {
            let reading = |effect: &Effect| match effect {
                Effect::Reading(r) => Some((r.first, r.flags.contains(Flags::CONFLICT))),
                _ => None,
            };
            effects.iter().filter_map(reading).collect()
        };
        assert_eq!(readings(&at_once), [(false, true), (false, true)], "{tag}");
        apply(&mut engine, (3..60).map(|s| reading(tag, s, 9.0)));
        let later = apply(&mut engine, [reading(tag, 1, 7.0), reading(tag, 60, 9.0)]);
        assert_eq!(readings(&later), [(false, false), (true, false)], "{tag}");
    }
}

fn reading_value(value: f64) -> Value {
    Value::Number(Finite::try_from(value).unwrap())
}

#[test]
fn undeclared_series_are_shown_with_their_last_value() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [reading("stray", 1, 5.0), reading("stray", 2, 6.0)]);
    let strays = engine.view().strays;
    assert_eq!(strays.len(), 1);
    assert_eq!((&*strays[0].series.tag, strays[0].value), ("stray", Some(6.0)));
    assert_eq!((strays[0].at, strays[0].count), (2000, 2));
}

/// A reason in English, without units.
fn sentence(reason: &crate::verdict::Reason) -> String {
    let language = crate::words::Language::English;
    crate::words::reason::reason(language, reason, |_| "".into()).to_string()
}
