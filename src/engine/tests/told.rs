//! Events of batches that come over the API.

use super::*;
use crate::verdict::Found;

fn lab(id: &str, value: f64, unit: Option<&str>) -> BatchEvent {
    BatchEvent::Lab {
        batch: id.into(),
        property: "tensile".into(),
        value,
        unit: unit.map(Into::into),
        position: None,
    }
}

fn told(s: i64, events: Vec<BatchEvent>) -> Event {
    let message = |event| BatchMessage { line: "tm3".into(), station: None, at: at(s), event };
    let messages = events.into_iter().map(message).collect();
    Event::Command(Command::Told(Box::new(ToldEvents { messages, at: at(s) })))
}

/// Two batches, and between readings what is known of the first by the API.
fn told_story(value: f64) -> Vec<Event> {
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..200, 15.0));
    events.push(start(200, "R2"));
    events.extend(run(200..300, 15.0));
    events.push(told(290, vec![lab("R1", 130.0, None), lab("R9", 1.0, None)]));
    events.push(told(290, vec![lab("R1", value, None)]));
    events.extend(run(300..310, 15.0));
    events
}

#[test]
fn events_of_the_api_are_taken_as_those_of_a_topic_and_an_equal_time_corrects() {
    let mut engine = Engine::new(plant(), Vec::new());
    let effects = apply(&mut engine, told_story(90.0));
    assert_eq!(
        said(&effects),
        ["200 batch.finished", "R1 unknown progress 1", "290 batch.revised", "290 batch.revised"]
    );
    let record = &engine.view().lines[0].last_batches[0];
    assert_eq!(record.verdict, Some(crate::verdict::Call::OffSpec));
    assert_eq!(record.lab, [("tensile".into(), 90.0)]);
    // What its records in the store said of it, and what counts of it for the score.
    let records: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Batch(record) if *record.batch == *"R1" => Some(record),
            _ => None,
        })
        .collect();
    let found: Vec<_> = records.iter().map(|r| (r.found, r.outside.len())).collect();
    let open = (Some(Found::Open), 0);
    assert_eq!(found[0], (None, 0), "in progress");
    assert!(found.contains(&open), "{found:?}");
    assert_eq!(found[found.len() - 2..], [(Some(Found::Good), 0), (Some(Found::Bad), 1)]);
    let scored = records[records.len() - 1].scored().unwrap();
    assert_eq!((scored.found, &*scored.outside[0]), (Found::Bad, "tensile"));
    // The same again changes nothing.
    assert_eq!(said(&apply(&mut engine, [told(290, vec![lab("R1", 90.0, None)])])), [""; 0]);
}

#[test]
fn what_the_engine_cannot_take_is_a_fault_and_the_rest_counts() {
    let mut plant = plant();
    let mut grade = facial(&plant);
    let limit = SpecLimit { low: Some(100.0), unit: "N/m".into(), ..SpecLimit::default() };
    grade.lab.insert("tensile".into(), limit);
    plant.grades.insert("facial".into(), grade);
    let mut engine = Engine::new(plant, Vec::new());
    apply(&mut engine, told_story(130.0));
    let effects =
        apply(&mut engine, [told(320, vec![lab("R1", 1.0, Some("°C")), lab("R1", 90.0, None)])]);
    let fault = effects.iter().find_map(|effect| match effect {
        Effect::Fault(record) => Some(record),
        _ => None,
    });
    let fault = fault.expect("a temperature is no strength");
    assert_eq!((&*fault.topic, fault.received), (ToldEvents::TOPIC, at(320)));
    assert!(fault.fault.detail.contains("give it in that unit"), "{fault:?}");
    assert_eq!(engine.view().lines[0].last_batches[0].lab, [("tensile".into(), 90.0)]);
    let mut elsewhere = told(330, vec![BatchEvent::Resume]);
    if let Event::Command(Command::Told(told)) = &mut elsewhere {
        told.messages[0].line = "tm9".into();
    }
    let words = said(&apply(&mut engine, [elsewhere]));
    assert_eq!(words, ["fault line-unclear: line `tm9` is not declared, so it has no batches"]);
}

#[test]
fn a_journal_with_events_of_the_api_is_read_to_the_same_state_from_any_checkpoint() {
    let events = told_story(90.0);
    let mut whole = Engine::new(plant(), Vec::new());
    apply(&mut whole, events.clone());
    let commands: Vec<Event> =
        events.iter().filter(|event| matches!(event, Event::Command(_))).cloned().collect();
    assert_eq!(commands[0].received(), Some(at(290)), "a replay reads the journal by such times");
    let mut journal = Vec::new();
    for event in &commands {
        event.encode(&mut journal);
    }
    let read = Event::decode_all(&journal).unwrap();
    assert_eq!(read, commands);
    for cut in [0, 1, events.len() - 32, events.len() - 31, events.len() - 30] {
        let mut first = Engine::new(plant(), Vec::new());
        apply(&mut first, events[..cut].iter().cloned());
        let mut second = Engine::restore(&first.checkpoint()).unwrap();
        apply(&mut second, events[cut..].iter().cloned());
        assert_eq!(second.checkpoint(), whole.checkpoint(), "cut at {cut}");
    }
}
