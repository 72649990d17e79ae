//! What goes wrong on the way to the engine: holes, late and wrong events, odd values.

use super::*;
use crate::verdict::Call;

/// A text of a tag, with the quality that its source gives it.
fn text(tag: &str, s: i64, value: &str, quality: SourceQuality) -> Event {
    let message = Message::Reading(NamedReading {
        line: "tm3".into(),
        area: "dry".into(),
        tag: tag.into(),
        at: Some(at(s)),
        value: Value::Text(value.into()),
        quality,
    });
    Event::Message(at(s), message)
}

fn of_station(event: Event, station: &str) -> Event {
    match event {
        Event::Message(received, Message::Batch(message)) => {
            let message = BatchMessage { station: Some(station.into()), ..message };
            Event::Message(received, Message::Batch(message))
        }
        other => other,
    }
}

fn end(s: i64, id: &str) -> Event {
    batch(s, BatchEvent::End { batch: id.into(), length_m: None, mass_kg: None })
}

/// The titles of the notifications.
fn titles(effects: &[Effect]) -> Vec<String> {
    let title = |effect: &Effect| match effect {
        Effect::Notification(notification) => Some(notification.title.to_string()),
        _ => None,
    };
    effects.iter().filter_map(title).collect()
}

fn faults(effects: &[Effect]) -> Vec<(&'static str, String)> {
    let fault = |effect: &Effect| match effect {
        Effect::Fault(record) => Some((record.fault.reason.as_str(), record.fault.detail.clone())),
        _ => None,
    };
    effects.iter().filter_map(fault).collect()
}

#[test]
fn break_tag_may_be_behind_the_others() {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag { role: Role::Context, ..Tag::named("broken") });
    plant.lines[0].break_tag = Some("broken".into());
    let mut engine = Engine::new(plant, Vec::new());
    let mut events = vec![start(0, "R1")];
    for s in 0..300 {
        events.extend(run(s..s + 1, 15.0));
        // It comes after the others of its second, and its time is a second older.
        events.push(reading("broken", s - 1, if (100..200).contains(&s) { 1.0 } else { 0.0 }));
    }
    let runs = product_runs(&apply(&mut engine, events));
    // Its first reading is older than the batch.
    let made: Vec<_> = runs.iter().filter(|(product, _)| *product).collect();
    assert!((98..=100).contains(&made[0].1), "{runs:?}");
}

#[test]
fn reel_that_is_changed_at_a_break_begins_paused() {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag { role: Role::Context, ..Tag::named("broken") });
    plant.lines[0].break_tag = Some("broken".into());
    plant.lines[0].settle = Duration::ZERO;
    let mut engine = Engine::new(plant, Vec::new());
    let mut events = vec![start(0, "R1")];
    for s in 0..300 {
        if s == 150 {
            events.push(start(150, "R2"));
        }
        events.push(reading("broken", s, if (100..200).contains(&s) { 1.0 } else { 0.0 }));
        events.extend(run(s..s + 1, 15.0));
    }
    let runs = product_runs(&apply(&mut engine, events));
    assert!(runs[0] == (true, 100) && (100..=102).contains(&runs[1].1) && runs[2].0, "{runs:?}");
}

#[test]
fn pause_whose_end_is_lost_ends_when_the_line_has_run_for_five_minutes() {
    let mut engine = Engine::new(plant(), Vec::new());
    let pause = batch(100, BatchEvent::Pause { reason: Some("break".into()) });
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..100, 15.0));
    events.push(pause);
    // The scanner is off the sheet for five minutes; then product is made.
    events.extend(run(100..400, 15.0).into_iter().filter(|event| !is_of(event, "bw")));
    events.extend(run(400..1000, 15.0));
    apply(&mut engine, events);
    let batch = engine.view().lines[0].batch.clone().unwrap();
    let made = batch.length_m.unwrap() / 10.0;
    assert!((395.0..=405.0).contains(&made), "{made}");
}

#[test]
fn times_in_another_unit_are_named() {
    let mut engine = Engine::new(plant(), Vec::new());
    let now = 1_795_703_301;
    let at_now = |event: Event| {
        let Event::Message(_, message) = event else { unreachable!() };
        Event::Message(at(now), message)
    };
    let mut event = start(0, "R1");
    if let Event::Message(_, Message::Batch(message)) = &mut event {
        message.at = Timestamp::from_nanos(now * 1_000_000);
    }
    let effects = apply(&mut engine, [at_now(event.clone())]);
    assert_eq!(
        faults(&effects),
        [(
            "bad-time",
            "the event's time 1970-01-21T18:48:23.301Z is more than 366 days before its arrival; it \
             looks like seconds, `ts` is in milliseconds"
                .to_owned()
        )]
    );
    if let Event::Message(_, Message::Batch(message)) = &mut event {
        message.at = at(now - 400 * 86_400);
    }
    let effects = apply(&mut engine, [at_now(event)]);
    assert!(faults(&effects)[0].1.ends_with("more than 366 days before its arrival"));
    assert_eq!(engine.view().lines[0].batch, None);
}

#[test]
fn odd_events_are_counted_faults() {
    let mut engine = Engine::new(plant(), Vec::new());
    let grade = BatchEvent::Start { batch: "R2".into(), grade: Some("facail".into()) };
    let mut events = vec![start(20, "R1")];
    events.extend(run(20..30, 15.0));
    events.push(end(10, "R1"));
    events.push(of_station(start(20, "U1"), "un/wind"));
    events.push(batch(30, grade));
    events.extend(run(30..40, 15.0));
    let effects = apply(&mut engine, events);
    let faults = faults(&effects);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().all(|(reason, _)| *reason == "bad-event"));
    assert!(faults[0].1.starts_with("line `tm3`: batch `R1` cannot end at"), "{faults:?}");
    assert!(faults[1].1.starts_with("station `un/wind` cannot be a level"), "{faults:?}");
    assert!(faults[2].1.ends_with("did you mean `facial`?"), "{faults:?}");
    let verdict = engine.view().lines[0].verdict.clone().unwrap();
    assert_eq!(verdict.verdict, Call::Unknown);
    let grade = crate::verdict::Reason::Grade { grade: "facail".into() };
    assert!(verdict.reasons.contains(&grade), "{verdict:?}");
}

#[test]
fn void_and_merged_batches_are_announced_as_such() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "A")];
    events.extend(run(0..100, 15.0));
    events.push(start(100, "B"));
    events.extend(run(100..200, 15.0));
    events.push(start(200, "C"));
    events.extend(run(200..210, 15.0));
    apply(&mut engine, events);
    let merge = BatchEvent::Merge { batch: "A".into(), into: "B".into() };
    let back = BatchEvent::Merge { batch: "B".into(), into: "A".into() };
    let void = BatchEvent::Void { batch: "B".into() };
    let effects = apply(&mut engine, [merge, back, void].map(|event| batch(211, event)));
    assert_eq!(titles(&effects), ["tm3: batch A is part of batch B", "tm3: batch B is void"]);
    assert_eq!(faults(&effects).len(), 1);
}

#[test]
fn text_of_bad_quality_begins_no_batch_and_moves_no_clock() {
    let mut plant = plant();
    plant.lines[0].tags.push(Tag { role: Role::Context, ..Tag::named("reel_id") });
    plant.lines[0].batch =
        crate::plant::BatchSource::Tag("reel_id".into(), crate::plant::Naming::Start);
    let mut engine = Engine::new(plant, Vec::new());
    let mut events = run(0..10, 15.0);
    events.push(text("reel_id", 10, "R-1", SourceQuality::Good));
    events.extend(run(10..20, 15.0));
    apply(&mut engine, events);
    let before = (engine.clock(LineIx(0)), engine.view().lines[0].batch.clone());
    apply(&mut engine, [text("reel_id", 30, "???", SourceQuality::Bad)]);
    assert_eq!((engine.clock(LineIx(0)), engine.view().lines[0].batch.clone()), before);
    assert!(before.1.is_some());
}

#[test]
fn hole_of_the_whole_line_makes_no_sensor_sick() {
    let mut plant = plant();
    for tag in &mut plant.lines[0].tags {
        tag.silence = Some(Duration::from_secs(60));
    }
    let mut engine = Engine::new(plant, Vec::new());
    let mut events = run(0..100, 15.0);
    // After the hole, `bw` speaks first and the others half a minute later.
    events.extend(run(5000..5030, 15.0).into_iter().filter(|event| is_of(event, "bw")));
    events.extend(run(5030..5100, 15.0));
    assert_eq!(said(&apply(&mut engine, events)), Vec::<String>::new());
}

#[test]
fn new_configuration_judges_nothing_twice() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, [start(0, "R1")]);
    apply(&mut engine, run(0..100, 15.0));
    let before = engine.clock(LineIx(0));
    let mut other = plant();
    other.lines[0].tags.insert(0, Tag::named("new"));
    assert!(engine.reconfigure(other, Vec::new()));
    // What was judged is late; what waits for its frame is still there, and known when it comes again.
    let effects = apply(&mut engine, [reading("bw", 50, 15.0), reading("bw", 99, 15.01)]);
    assert!(
        matches!(&effects[..], [Effect::Reading(late)] if late.flags == Flags::LATE),
        "{effects:?}"
    );
    assert_eq!(engine.clock(LineIx(0)), before);
    apply(&mut engine, run(100..200, 15.0));
    apply(&mut engine, [start(200, "R2")]);
    apply(&mut engine, run(200..210, 15.0));
    let made = engine.view().lines[0].last_batches[0].length_m;
    assert_eq!(made.map(f64::round), Some(2000.0));
}

#[test]
fn batches_of_a_station_leave_those_of_the_line_alone() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "R1"), of_station(start(0, "U1"), "unwind")];
    events.extend(run(0..300, 15.0));
    events.extend(run(300..500, 17.0));
    events.push(of_station(end(450, "U1"), "unwind"));
    events.extend(run(500..510, 17.0));
    let effects = apply(&mut engine, events);
    assert!(engine.state.alarms.stands("tm3/batch"), "{:?}", said(&effects));
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::BatchVerdict(document) => Some(document),
        _ => None,
    });
    let ended = ended.unwrap();
    assert_eq!((ended.station.as_deref(), ended.verdict), (Some("unwind"), Call::Unknown));
    let alarms: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notification(n) if n.kind == crate::alarm::EventKind::BatchFinished => {
                Some(&*n.alarm)
            }
            _ => None,
        })
        .collect();
    assert_eq!(alarms, ["tm3/unwind/batch"]);
    let batch = engine.view().lines[0].batch.clone().unwrap();
    assert_eq!(&*batch.batch, "R1");
}

#[test]
fn numbers_sent_as_text_are_numbers_and_other_texts_are_faults() {
    let mut engine = Engine::new(plant(), Vec::new());
    let effects = apply(&mut engine, [text("steam", 1, "7.1", SourceQuality::Good)]);
    assert!(matches!(&effects[0], Effect::Reading(r) if r.value.number() == Some(7.1)
            && r.flags == Flags::GOOD));
    let bad = (2..6).map(|s| text("steam", s, "bad", SourceQuality::Good));
    let effects = apply(&mut engine, bad);
    assert_eq!(titles(&effects), ["tm3: sensor steam cannot be trusted: texts instead of numbers"]);
    assert_eq!(
        faults(&effects)[0],
        (
            "wrong-type",
            "tag `steam` of line `tm3` sent the text `bad`, a number was expected; give a tag of texts \
             `role = \"context\"`"
                .to_owned()
        )
    );
    let tags = &engine.view().lines[0].tags;
    assert_eq!((tags[1].value, &*tags[1].health), (Some(7.1), "no-number"));
    // Of `speed`, a set point, nothing was ever heard.
    assert_eq!((tags[2].value, &*tags[2].health), (None, "waiting"));
}

#[test]
fn line_without_batches_is_held_against_its_grade() {
    let mut plant = plant();
    plant.lines[0].batch = crate::plant::BatchSource::None;
    let mut engine = Engine::new(plant, Vec::new());
    let mut events = run(0..1000, 15.0);
    events.extend(run(1000..1400, 17.0));
    let effects = apply(&mut engine, events);
    let mut calls: Vec<Call> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Verdict(document) => Some(document.verdict),
            _ => None,
        })
        .collect();
    calls.dedup();
    assert_eq!(calls, [Call::Unknown, Call::AtRisk, Call::OffSpec]);
}

#[test]
fn batch_of_holes_is_never_on_spec() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..240, 15.0));
    events.extend(run(2580..2700, 15.0));
    events.push(start(2700, "R2"));
    events.extend(run(2700..2710, 15.0));
    let effects = apply(&mut engine, events);
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::BatchVerdict(document) => Some(document),
        _ => None,
    });
    let reasons = &ended.unwrap().reasons;
    let crate::verdict::Reason::Coverage { tags, share } = &reasons[0] else {
        panic!("{reasons:?}");
    };
    assert_eq!((tags, (share * 100.0).round()), (&vec![Arc::from("bw")], 0.0), "no model judged");
}

#[test]
fn a_leap_of_the_receiver_s_clock_is_no_silence() {
    let mut engine = Engine::new(plant(), Vec::new());
    let heard_at = |s: i64, received: i64| {
        let Event::Message(_, message) = reading("bw", s, 15.0) else { unreachable!() };
        Event::Message(at(received), message)
    };
    apply(&mut engine, (0..10).map(|s| heard_at(s, s)));
    let leap = Event::Command(Command::ClockLeap { by_nanos: 7_200_000_000_000 });
    apply(&mut engine, [leap, Event::Tick(at(7211))]);
    // Stamped before the leap, applied after it.
    apply(&mut engine, [heard_at(10, 9)]);
    let clock = engine.clock(LineIx(0));
    apply(&mut engine, [Event::Tick(at(7211))]);
    assert_eq!(engine.clock(LineIx(0)), clock);
    assert!(!engine.would_push(at(7238)), "29 seconds of silence");
    assert!(engine.would_push(at(7239)), "30 seconds of silence");
    let effects = apply(&mut engine, [heard_at(11, 7211)]);
    assert!(matches!(&effects[0], Effect::Reading(r) if r.flags == Flags::GOOD), "{effects:?}");
}

#[test]
fn a_receiver_s_clock_that_was_set_back_does_not_keep_silence_from_being_seen() {
    let mut engine = Engine::new(plant(), Vec::new());
    let ahead = 28_800;
    let events = (0..10).map(|s| {
        let Event::Message(_, message) = reading("bw", s, 15.0) else { unreachable!() };
        Event::Message(at(s + ahead), message)
    });
    apply(&mut engine, events);
    apply(&mut engine, [Event::Command(Command::ClockLeap { by_nanos: -ahead * 1_000_000_000 })]);
    assert_eq!(engine.heard_at(), Some(at(9)), "a start goes on from there");
    assert!(!engine.would_push(at(38)), "29 seconds of silence");
    assert!(engine.would_push(at(39)), "30 seconds of silence");
}
