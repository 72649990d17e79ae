//! The sheet of a finished batch: where it was bad, and what was found of it.

use super::*;
use crate::engine::{SectionsRecord, SheetRecord};
use crate::verdict::Call;

/// The last words on the sections of a batch, and on what was found of it.
fn sheet<'e>(effects: &'e [Effect], id: &str) -> (Option<&'e SectionsRecord>, &'e SheetRecord) {
    let sections = effects.iter().rev().find_map(|effect| match effect {
        Effect::Sections(record) if *record.batch == *id => Some(&**record),
        _ => None,
    });
    let sheet = effects.iter().rev().find_map(|effect| match effect {
        Effect::Sheet(record) if *record.batch == *id => Some(&**record),
        _ => None,
    });
    (sections, sheet.expect("a finished batch has a sheet"))
}

fn end(s: i64, id: &str, length_m: Option<f64>, mass_kg: Option<f64>) -> Event {
    batch(s, BatchEvent::End { batch: id.into(), length_m, mass_kg })
}

/// Ten minutes at ten metres a second, of which the seconds from 200 to 320 are too heavy.
fn heavy_in_the_midst() -> Vec<Event> {
    let made = [run(0..200, 15.0), run(200..320, 17.0), run(320..600, 15.0)];
    [vec![start(0, "R1")]].into_iter().chain(made).flatten().collect()
}

#[test]
fn a_bad_stretch_stands_in_metres_from_both_ends_of_the_length_that_was_counted() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = heavy_in_the_midst();
    // The counter says 5 % more than the speed.
    events.push(end(600, "R1", Some(6300.0), Some(630.0)));
    events.extend(run(600..610, 15.0));
    let effects = apply(&mut engine, events);
    let (sections, sheet) = sheet(&effects, "R1");
    let [span] = &sheet.verdict.spans[..] else { panic!("{:?}", sheet.verdict.spans) };
    // The filter of half a minute sees it some frames later, and its end as well.
    let (from_m, to_m) = (span.from_m.unwrap(), span.to_m.unwrap());
    assert!((2100.0..2400.0).contains(&from_m) && (3400.0..3800.0).contains(&to_m), "{span:?}");
    assert!((from_m / 1.05 % 10.0) < 1e-6 || (from_m / 1.05 % 10.0) > 10.0 - 1e-6, "{from_m}");
    assert!((span.after_m.unwrap() - (6300.0 - to_m)).abs() < 1e-9);
    let slab = sheet.verdict.slab.unwrap();
    // The piece behind it is the longer one: all before it comes off.
    assert!((slab.off_begin_m - to_m).abs() < 1e-9 && slab.off_end_m.abs() < 1e-9);
    assert!((slab.left_m - (6300.0 - to_m)).abs() < 1e-9 && !slab.more);
    assert!((slab.bad_m - (to_m - from_m)).abs() < 1e-9);
    // A tenth of a kilogram in a metre.
    assert!((slab.left_kg.unwrap() - slab.left_m / 10.0).abs() < 1e-9);

    let sections = sections.unwrap();
    assert_eq!(sections.sections.len(), 60);
    let calls: Vec<usize> = [Call::OffSpec, Call::Unknown, Call::OnSpec]
        .map(|call| sections.sections.iter().filter(|section| section.call == call).count())
        .into();
    assert!(
        (11..=16).contains(&calls[0]) && calls[1] == 60 - calls[0],
        "{calls:?}: no model judges"
    );
    assert_eq!(
        (sections.sections[0].from_m, sections.sections[59].to_m),
        (Some(0.0), Some(6300.0))
    );
    let [bw] = &sections.quality[..] else { panic!("one tag has limits") };
    assert_eq!((&*bw.tag, bw.frames), ("bw", 600));
    assert!((bw.mean - 15.43).abs() < 0.01 && (bw.seen - 1.0).abs() < 1e-9, "{bw:?}");
    // Two levels, 0.8 of it at 15 and 0.2 at 17: nearly all of it is between sections.
    assert!((bw.slow - 0.64).abs() < 0.01 && bw.fast < 0.01, "{bw:?}");
}

#[test]
fn what_is_found_later_is_told_and_what_was_seen_is_forgotten_once_nothing_comes_late() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = heavy_in_the_midst();
    events.push(end(600, "R1", None, None));
    events.extend(run(600..610, 15.0));
    apply(&mut engine, events);
    let lab = |s, value| {
        let (batch_id, property) = ("R1".into(), "tensile".into());
        batch(s, BatchEvent::Lab { batch: batch_id, property, value, unit: None, position: None })
    };
    let decided = BatchEvent::Disposition {
        batch: "R1".into(),
        disposition: crate::decode::Disposition::Rework,
        by: Some("shift-a".into()),
        note: Some("holes".into()),
    };
    let effects = apply(&mut engine, [lab(700, 90.0), batch(710, decided)]);
    let (sections, found) = sheet(&effects, "R1");
    assert!(sections.is_some_and(|record| record.sections.len() == 60));
    let tensile = &found.laboratory[0];
    assert_eq!(
        (tensile.value, tensile.inside, tensile.results.len()),
        (Some(90.0), Some(false), 1)
    );
    assert_eq!(found.dispositions[0].note.as_deref(), Some("holes"));
    assert!(found.verdict.slab.unwrap().more, "what the laboratory found has no place");
    assert_eq!(found.spec[0].off_share, Some(0.1));
    // What it was is in the store by then.
    apply(&mut engine, run(610..4300, 15.0));
    let effects = apply(&mut engine, [lab(4310, 91.0)]);
    let (sections, found) = sheet(&effects, "R1");
    assert_eq!((sections, found.laboratory[0].results.len()), (None, 2));
    let bytes = engine.checkpoint();
    let revived = Engine::restore(&bytes).unwrap();
    assert_eq!(revived.checkpoint(), bytes);
}

#[test]
fn a_late_reading_changes_the_section_that_it_belongs_to() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "R1")];
    let without = |event: &Event, from: i64, to: i64| match event {
        Event::Message(_, Message::Reading(reading)) if &*reading.tag == "bw" => {
            !(at(from)..at(to)).contains(&reading.at.unwrap())
        }
        _ => true,
    };
    events.extend(run(0..400, 15.0).into_iter().filter(|event| without(event, 100, 200)));
    events.push(end(400, "R1", None, None));
    events.extend(run(400..420, 15.0));
    let effects = apply(&mut engine, events);
    let section = |effects: &[Effect], ix: usize| {
        let (sections, _) = sheet(effects, "R1");
        sections.unwrap().sections[ix].clone()
    };
    assert!(section(&effects, 17).quality.is_empty(), "nothing was seen");
    let late = run(100..200, 17.5).into_iter().filter(|event| !without(event, 100, 200));
    let mut events: Vec<Event> = late.collect();
    events.extend(run(420..600, 15.0));
    let effects = apply(&mut engine, events);
    let found = section(&effects, 17);
    assert!((found.quality["bw"].mean - 17.53).abs() < 0.02, "{found:?}");
    assert_eq!(found.call, Call::OffSpec);
}

#[test]
fn a_pause_stands_where_the_batch_stood_and_a_batch_in_progress_has_a_course() {
    let mut engine = Engine::new(plant(), Vec::new());
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..200, 15.0));
    events.push(batch(200, BatchEvent::Pause { reason: Some("break".into()) }));
    events.extend(run(200..260, 15.0));
    events.push(batch(260, BatchEvent::Resume));
    events.extend(run(260..400, 15.0));
    apply(&mut engine, events);
    let course = engine.view().lines[0].course.clone().expect("a batch is in progress");
    assert_eq!(course.sheet.batch.as_ref(), "R1");
    let sections = course.sections.as_ref().unwrap();
    assert_eq!(sections.sections[0].quality["bw"].out.to_bits(), 0);
    let found = |pauses: &[crate::verdict::PauseDocument]| {
        let [pause] = pauses else { panic!("{pauses:?}") };
        let seconds = [pause.from, pause.to].map(|ms| (ms - at(0).as_millis()) / 1000);
        (seconds, pause.at_m.unwrap(), pause.reason.clone().unwrap().to_string())
    };
    let expected = ([200, 260], 2000.0, "break".to_owned());
    assert_eq!(found(&course.sheet.pauses), expected);
    // The counter says 5 % more than the speed, and the pause lies where the sections do.
    let mut events = vec![end(400, "R1", Some(3570.0), None)];
    events.extend(run(400..410, 15.0));
    let effects = apply(&mut engine, events);
    let (_, sheet) = sheet(&effects, "R1");
    let (_, at_m, _) = found(&sheet.pauses);
    assert!((at_m - 2100.0).abs() < 1e-9, "{at_m}");
    let bytes = engine.checkpoint();
    assert_eq!(Engine::restore(&bytes).unwrap().checkpoint(), bytes);
}
