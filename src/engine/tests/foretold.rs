//! What the laboratory will find, foretold while a batch is made.

use super::charts::{FRAME, FRAMES, calm, wobble};
use super::*;
use crate::decode::Disposition;
use crate::frame::Frame;
use crate::models::{Candidate, fit_best};
use crate::plant::{Advice, Costs};
use crate::verdict::{Call, Document, Reason as Why};

/// Batches of ten minutes; strength is 110 at a steam of 7, and 60 more for each more of it. At least 100 is asked for.
fn foretelling_plant() -> Plant {
    let mut plant = plant();
    plant.lines[0].frame = Duration::from_secs(20);
    plant.lines[0].tags[0].chart = None;
    plant
}

/// The steam of a batch: from 6.75 to 7.25, without a tie to the one before.
fn level(n: i64) -> f64 {
    7.0 + 0.5 * wobble(7 * n + 3)
}

/// What the laboratory finds where the end of a batch was made with this steam.
fn strength(n: i64, steam: f64) -> f64 {
    110.0 + 60.0 * (steam - 7.0) + 2.0 * wobble(13 * n + 5)
}

fn end(n: i64) -> i64 {
    (n + 1) * FRAMES * FRAME
}

/// A batch of this number, with what steam it has in which of its frames.
fn make(n: i64, steam: impl Fn(i64) -> f64) -> Vec<Event> {
    let first = n * FRAMES;
    let frame = |ix: i64| {
        let (start, end) = (at((first + ix) * FRAME), at((first + ix + 1) * FRAME));
        let values = vec![calm(first + ix), steam(ix) + 0.02 * wobble(first + ix), 600.0];
        Event::Frame(LineIx(0), Frame { start, end, values })
    };
    let mut events = vec![start(first * FRAME, &format!("R{n}"))];
    events.extend((0..FRAMES).map(frame));
    events
}

fn result(s: i64, n: i64, value: f64) -> Event {
    let event = BatchEvent::Lab {
        batch: format!("R{n}").into(),
        property: "tensile".into(),
        value,
        unit: None,
        position: None,
    };
    batch(s, event)
}

/// Batches of which each has its result two minutes into the next one.
fn measured(n: std::ops::Range<i64>) -> Vec<Event> {
    let one = |n: i64| {
        let mut events = make(n, |_| level(n));
        if n > 0 {
            events.insert(7, result(end(n - 1) + 120, n - 1, strength(n - 1, level(n - 1))));
        }
        events
    };
    n.flat_map(one).collect()
}

fn answer(request: &SoftSensorRequest) -> Event {
    let fitted = fit_best(&request.candidates);
    let outcome = fitted.map(|(window, sensor)| sensor.to_bytes(window).into());
    let outcome = outcome.map_err(|error| error.to_string());
    Event::Model(ModelAnswer { request: request.id, outcome, trial: None })
}

/// Applies events, and answers what is asked for at once.
fn work(engine: &mut Engine, events: impl IntoIterator<Item = Event>) -> Vec<Effect> {
    let mut all = Vec::new();
    for event in events {
        let effects = apply(engine, [event]);
        for request in effects.iter().filter_map(asked) {
            all.extend(apply(engine, [answer(request)]));
        }
        all.extend(effects);
    }
    all
}

fn asked(effect: &Effect) -> Option<&SoftSensorRequest> {
    if let Effect::FitSoftSensor(request) = effect { Some(request) } else { None }
}

fn foretold(effects: &[Effect]) -> Vec<&SoftSensorRecord> {
    fn record(effect: &Effect) -> Option<&SoftSensorRecord> {
        if let Effect::SoftSensor(record) = effect { Some(record) } else { None }
    }
    effects.iter().filter_map(record).collect()
}

/// Calls and their reasons, as they were said first.
fn calls(effects: &[Effect]) -> Vec<(Call, Vec<String>)> {
    let mut calls: Vec<(Call, Vec<String>)> = Vec::new();
    for effect in effects {
        let Effect::Verdict(document) = effect else { continue };
        let said = (document.verdict, document.reasons.iter().map(sentence).collect());
        if calls.last().is_none_or(|last| last.0 != said.0) {
            calls.push(said);
        }
    }
    calls
}

/// An engine that foretells, and that has just begun this batch.
fn foretelling(n: i64) -> Engine {
    let mut engine = Engine::new(foretelling_plant(), Vec::new());
    work(&mut engine, measured(0..n));
    engine
}

#[test]
fn a_soft_sensor_is_asked_for_when_there_are_values_enough_and_foretells_from_the_next_batch_on() {
    let mut engine = Engine::new(foretelling_plant(), Vec::new());
    let effects = apply(&mut engine, measured(0..20));
    assert!(effects.iter().find_map(asked).is_none(), "19 values");
    let view = engine.view().lines[0].soft_sensors.clone();
    assert_eq!((view[0].values, view[0].needed, view[0].fitted.is_none()), (19, 20, true));

    let effects = apply(&mut engine, measured(20..21));
    let requests: Vec<_> = effects.iter().filter_map(asked).collect();
    let [request] = requests[..] else { panic!("one request: {requests:?}") };
    assert_eq!((&*request.property, &*request.grade), ("tensile", "facial"));
    let columns = |candidate: &Candidate| candidate.columns.len();
    assert_eq!(request.candidates.iter().map(columns).collect::<Vec<_>>(), [2, 6]);
    assert!(request.candidates.iter().all(|candidate| candidate.samples.len() == 20));
    let sample = &request.candidates[0].samples[3];
    assert_eq!((sample.made, sample.known), (at(end(3)), at(end(3) + 120)));
    assert!((sample.row[1] - level(3)).abs() < 0.01, "{sample:?}");
    // Not asked for again while it is awaited, but by a shell that starts.
    assert_eq!(engine.open_soft_sensors().collect::<Vec<_>>(), std::slice::from_ref(request));

    let answered = apply(&mut engine, [answer(request)]);
    assert!(answered.is_empty() && engine.open_soft_sensors().next().is_none());
    let effects = work(&mut engine, measured(21..22));
    let records = foretold(&effects);
    // One for each frame, since a frame is longer than a bin.
    assert_eq!(records.len(), usize::try_from(FRAMES).unwrap());
    let last = &records.last().unwrap();
    assert_eq!(last.at, at(end(21)));
    let said = &last.foretold;
    assert!((said.predicted - strength(21, level(21))).abs() < 3.0, "{said:?}");
    assert!(said.interval[0] < said.predicted && said.interval[1] - said.interval[0] < 12.0);
    assert_eq!((said.low, said.high), (Some(100.0), None));
    let document = engine.view().lines[0].verdict.clone().unwrap();
    assert_eq!(document.foretold, std::slice::from_ref(said));
    // Soft sensors are one of the signs that tell how it will end: little was learned of how much by now.
    let chance = document.probability_off_spec.unwrap();
    assert!(chance < 0.08, "{chance} for {said:?}");
}

/// What is said of a batch that begins strong, and gets weak in its midst.
fn weak(n: i64) -> (Engine, Vec<Effect>) {
    let mut engine = foretelling(n);
    let steam = |ix: i64| if ix < FRAMES / 2 { 7.15 } else { 6.76 };
    let effects = work(&mut engine, make(n, steam));
    (engine, effects)
}

#[test]
fn a_batch_that_will_be_too_weak_is_at_risk_before_its_end() {
    let (mut engine, effects) = weak(40);
    let said = calls(&effects);
    assert_eq!(said.iter().map(|one| one.0).collect::<Vec<_>>(), [Call::Unknown, Call::AtRisk]);
    let [likely, reason] = &said[1].1[..] else { panic!("{said:?}") };
    assert!(
        likely.starts_with("Chance of ending off spec") && likely.contains("by its soft sensors"),
        "{said:?}"
    );
    assert!(reason.starts_with("Foretold for the laboratory: tensile 9"), "{said:?}");
    let document = engine.view().lines[0].verdict.clone().unwrap();
    let Why::Prospects { probability, earlier: None, .. } = &document.reasons[0] else {
        panic!("{document:?}")
    };
    assert_eq!(document.probability_off_spec, Some(*probability));
    let Why::SoftSensor(reason) = &document.reasons[1] else { panic!("{document:?}") };
    assert!(reason.probability.unwrap() > 0.5 && reason.predicted < 100.0, "{reason:?}");
    // It had to be so for a minute: its mean over three minutes at the end, some time after the change.
    let flag = engine.view().lines[0].batch.clone().unwrap().first_flag.unwrap();
    let (change, ended) = (at(end(40) - FRAMES * FRAME / 2), at(end(40)));
    assert!(flag > change.plus(Duration::from_secs(60)) && flag < ended, "{flag}");
    // The laboratory has the last word.
    let effects = work(&mut engine, [make(41, |_| 7.15)[0].clone()]);
    assert!(said_of(&effects, "R40").contains(&Call::AtRisk));
    let (mut other, effects) =
        (engine_like(&engine), work(&mut engine, [result(end(40) + 120, 40, 95.0)]));
    assert_eq!(said_of(&effects, "R40"), [Call::OffSpec]);
    let effects = work(&mut other, [result(end(40) + 120, 40, 120.0)]);
    assert_eq!(said_of(&effects, "R40"), [Call::Unknown], "no model judged it");
}

fn engine_like(engine: &Engine) -> Engine {
    Engine::restore(&engine.checkpoint()).unwrap()
}

/// What records of batches say of one.
fn said_of(effects: &[Effect], id: &str) -> Vec<Call> {
    let call = |effect: &Effect| match effect {
        Effect::Batch(record) if &*record.batch == id => record.verdict,
        _ => None,
    };
    let mut calls: Vec<Call> = effects.iter().filter_map(call).collect();
    calls.dedup();
    calls
}

#[test]
fn what_the_chance_was_stays_with_the_batch() {
    let (engine, effects) = weak(40);
    let batch = engine.view().lines[0].batch.clone().unwrap();
    assert!(batch.probability_off_spec.unwrap() > 0.5, "{batch:?}");
    let document = |effect: &Effect| match effect {
        Effect::Verdict(document) => Some(Document::clone(document)),
        _ => None,
    };
    let first = effects.iter().filter_map(document).find(|said| !said.foretold.is_empty());
    assert!(first.unwrap().probability_off_spec.unwrap() < 0.1);
    let scores = effects.iter().any(|effect| matches!(effect, Effect::Score(_)));
    assert!(!scores, "there is no model of the process");
}

#[test]
fn values_are_held_against_what_was_said_once() {
    let mut engine = foretelling(30);
    let fitted = |engine: &Engine| engine.view().lines[0].soft_sensors[0].fitted.clone().unwrap();
    let before = fitted(&engine).coverage[3];
    let late = [result(end(29) + 60, 29, strength(29, level(29)))];
    work(&mut engine, [make(30, |_| level(30))[0].clone()]);
    work(&mut engine, late.clone());
    let after = fitted(&engine).coverage[3];
    assert_eq!((after.values, after.covered), (before.values + 1, before.covered + 1));
    // The same again changes nothing; a correction is held against what was said in place of the first value.
    work(&mut engine, late);
    assert_eq!(fitted(&engine).coverage[3], after);
    work(&mut engine, [result(end(29) + 60, 29, 200.0)]);
    let corrected = fitted(&engine).coverage[3];
    assert_eq!((corrected.values, corrected.covered), (after.values, after.covered - 1));
    let values = |engine: &Engine| engine.view().lines[0].soft_sensors[0].values;
    assert_eq!(values(&engine), 30);
    work(&mut engine, [batch(end(29) + 90, BatchEvent::Void { batch: "R29".into() })]);
    assert_eq!(values(&engine), 29, "what never was teaches nothing");
}

#[test]
fn what_it_never_saw_is_not_foretold() {
    let mut engine = foretelling(40);
    let effects = work(&mut engine, make(40, |_| 12.0));
    assert_eq!(foretold(&effects), Vec::<&SoftSensorRecord>::new());
    let document = engine.view().lines[0].verdict.clone().unwrap();
    assert_eq!((document.foretold.len(), document.probability_off_spec), (0, None));
}

#[test]
fn it_is_fitted_anew_with_more_values_and_knows_what_the_one_before_it_did() {
    let mut engine = foretelling(40);
    let fitted = engine.view().lines[0].soft_sensors[0].fitted.clone().unwrap();
    // At 20 values, and each tenth more, two at the least: 22, 24, 26, 28, 30, 33, 36.
    assert_eq!((fitted.version, fitted.fitness.samples), (8, 36));
    let stages = fitted.coverage.map(|stage| stage.values);
    // Batches 21 to 38, and 20, whose value the first fit did not know; by thirds little can be said at a quarter.
    assert_eq!(stages[3], 19, "{stages:?}");
    assert!(stages.is_sorted() && stages[0] > 0, "{stages:?}");
    let mut never = foretelling_plant();
    never.models.refit = crate::plant::Refit::Never;
    engine = Engine::new(never, Vec::new());
    work(&mut engine, measured(0..40));
    let fitted = engine.view().lines[0].soft_sensors[0].fitted.clone().unwrap();
    assert_eq!((fitted.version, fitted.fitness.samples), (1, 20));
}

#[test]
fn a_checkpoint_at_any_batch_goes_on_to_the_same_effects() {
    let mut engine = Engine::new(foretelling_plant(), Vec::new());
    let mut restored = engine_like(&engine);
    for n in 0..26 {
        let events = measured(n..n + 1);
        let effects = work(&mut engine, events.clone());
        assert_eq!(work(&mut restored, events), effects, "batch {n}");
        restored = engine_like(&restored);
    }
}

#[test]
fn another_tag_keeps_the_rows_and_asks_anew() {
    let mut engine = foretelling(40);
    let mut other = foretelling_plant();
    other.lines[0].tags.insert(0, Tag { role: Role::Process, ..Tag::named("vacuum") });
    engine.reconfigure(other, Vec::new());
    assert!(engine.view().lines[0].soft_sensors[0].fitted.is_none());
    let vacuum = |event: Event| match event {
        Event::Frame(line, mut frame) => {
            frame.values.insert(0, 1.0);
            Event::Frame(line, frame)
        }
        other => other,
    };
    let effects = work(&mut engine, measured(40..41).into_iter().map(vacuum));
    let request = effects.iter().find_map(asked).unwrap();
    assert_eq!(request.candidates[0].columns, ["vacuum", "bw", "steam"].map(Arc::from));
    let row = &request.candidates[0].samples[3].row;
    assert!(row[0].is_nan() && (row[2] - level(3)).abs() < 0.01, "{row:?}");
}

#[test]
fn of_a_grade_that_nobody_measures_few_batches_are_kept() {
    let mut engine = Engine::new(foretelling_plant(), Vec::new());
    let made = |n: std::ops::Range<i64>| n.flat_map(|n| make(n, |_| level(n)));
    work(&mut engine, made(0..60));
    // The laboratory begins to measure: of those that are kept by then.
    let late = (20..60).map(|n| result(end(59), n, strength(n, level(n))));
    let effects =
        apply(&mut engine, [vec![make(60, |_| level(60))[0].clone()], late.collect()].concat());
    let request = effects.iter().find_map(asked).unwrap();
    let first = request.candidates[0].samples.first().unwrap();
    assert_eq!(first.made, at(end(28)), "32 wait");
}

#[test]
fn what_is_asked_for_after_another_configuration_has_an_id_of_its_own() {
    let mut engine = Engine::new(foretelling_plant(), Vec::new());
    let effects = apply(&mut engine, measured(0..21));
    let first = effects.iter().find_map(asked).unwrap().clone();
    let mut other = foretelling_plant();
    other.lines[0].tags.insert(0, Tag { role: Role::Process, ..Tag::named("vacuum") });
    engine.reconfigure(other, Vec::new());
    let vacuum = |event: Event| match event {
        Event::Frame(line, mut frame) => {
            frame.values.insert(0, 1.0);
            Event::Frame(line, frame)
        }
        other => other,
    };
    let effects = apply(&mut engine, measured(21..22).into_iter().map(vacuum));
    let second = effects.iter().find_map(asked).unwrap();
    assert!(second.id > first.id, "{} after {}", second.id, first.id);
    // The answer to what was asked before is nobody's; one of other tags foretells nothing.
    apply(&mut engine, [answer(&first)]);
    let Event::Model(old) = answer(&first) else { unreachable!() };
    apply(&mut engine, [Event::Model(ModelAnswer { request: second.id, ..old })]);
    apply(&mut engine, measured(22..23).into_iter().map(vacuum));
    let view = engine.view().lines[0].soft_sensors[0].clone();
    assert_eq!((view.fitted, view.failed), (None, Some("it is of other tags".to_owned())));
}

#[test]
fn a_batch_of_which_the_begin_was_not_seen_has_no_thirds_and_one_that_ended_before_no_row() {
    let mut engine = foretelling(40);
    let thirds = |request: &SoftSensorRequest, made: i64| {
        let sample = request.candidates[1].samples.iter().find(|one| one.made == at(made));
        sample.map(|sample| sample.row.iter().filter(|value| value.is_finite()).count())
    };
    // Half of the frames of batch 40 are lost; the end of 41 is told when half of 42 is made.
    let mut events = make(40, |_| level(40));
    events.drain(1..=15);
    events.extend(make(41, |_| level(41)));
    events.extend(make(42, |_| level(42)).into_iter().skip(1).take(15));
    let end_of = BatchEvent::End { batch: "R41".into(), length_m: None, mass_kg: None };
    events.push(batch(end(41), end_of));
    work(&mut engine, events);
    let late = (39..42).map(|n| result(end(42), n, strength(n, level(n))));
    let effects = work(&mut engine, late.chain(measured(43..47)));
    let request = effects.iter().rev().find_map(asked).unwrap();
    assert_eq!(thirds(request, end(39)), Some(6));
    assert_eq!(thirds(request, end(40)), Some(0));
    let end_row = request.candidates[0].samples.iter().find(|one| one.made == at(end(40)));
    assert!(end_row.unwrap().row.iter().all(|value| value.is_finite()));
    assert!(
        request.candidates[0]
            .samples
            .iter()
            .all(|one| one.made <= at(end(40)) || one.made > at(end(42)))
    );
}

#[test]
fn corrections_change_what_errors_are_and_another_unit_begins_anew() {
    let mut engine = foretelling(30);
    let lab = |engine: &mut Engine, value: f64| {
        work(engine, [result(end(29) + 60, 29, value)]);
    };
    work(&mut engine, [make(30, |_| level(30))[0].clone()]);
    let (mut slipped, truth) = (engine_like(&engine), strength(29, level(29)));
    lab(&mut engine, truth);
    lab(&mut slipped, 1200.0);
    lab(&mut slipped, truth);
    let coverage =
        |engine: &Engine| engine.view().lines[0].soft_sensors[0].fitted.clone().unwrap().coverage;
    assert_eq!(coverage(&slipped), coverage(&engine));
    let mut other = foretelling_plant();
    let mut grade = facial(&other);
    grade.lab.insert(
        "tensile".into(),
        SpecLimit { low: Some(0.1), unit: "kN/m".into(), ..SpecLimit::default() },
    );
    other.grades.insert("facial".into(), grade);
    engine.reconfigure(other, Vec::new());
    work(&mut engine, [result(end(29) + 90, 29, 0.11)]);
    let view = engine.view().lines[0].soft_sensors[0].clone();
    assert_eq!((view.values, view.fitted.is_none()), (1, true), "numbers of N/m are no kN/m");
}

/// Batches that are all strong enough, each with its result two minutes into the next one.
fn strong(n: std::ops::Range<i64>) -> Vec<Event> {
    let one = |n: i64| {
        let mut events = make(n, |_| 7.0);
        if n > 0 {
            events.insert(7, result(end(n - 1) + 120, n - 1, 110.0 + wobble(n)));
        }
        events
    };
    n.flat_map(one).collect()
}

/// The batch of this number, with what is told of the one before it in its midst.
fn made_while(n: i64, told: Vec<Event>) -> Vec<Event> {
    let mut made = make(n, |_| 7.0);
    made.splice(16..16, told);
    made
}

/// An engine that foretells and has just made 40 batches, and was told in the midst of the last but one's successor that it was
/// too weak.
fn after_a_weak_one(told: Vec<Event>) -> (Engine, Vec<Effect>) {
    let mut engine = Engine::new(foretelling_plant(), Vec::new());
    work(&mut engine, strong(0..40));
    let weak = [result(end(39) + 300, 39, 95.0)].into_iter().chain(told).collect();
    let effects = work(&mut engine, made_while(40, weak));
    (engine, effects)
}

#[test]
fn a_batch_after_one_that_was_found_off_spec_is_at_risk_until_one_is_found_good() {
    let (mut engine, effects) = after_a_weak_one(Vec::new());
    let said = calls(&effects);
    let likely = said.iter().find(|(call, _)| *call == Call::AtRisk).expect("it is flagged");
    let words = "by the batch before it. Batch R39 was found off spec before it: tensile 95, below its limit of 100; no word since that it was mended.";
    assert!(likely.1[0].ends_with(words), "{said:?}");
    let document = engine.view().lines[0].verdict.clone().unwrap();
    let Why::Prospects { earlier: Some(earlier), .. } = &document.reasons[0] else {
        panic!("{document:?}")
    };
    assert_eq!((&*earlier.batch, earlier.property.as_deref()), ("R39", Some("tensile")));
    let flag = engine.view().lines[0].batch.clone().unwrap().first_flag.unwrap();
    let known = at(end(39) + 300);
    assert!(known < flag && flag < known.plus(Duration::from_secs(100)), "{flag} for {known}");

    // Of the next one less is known: nobody has said yet how the one between is.
    work(&mut engine, make(41, |_| 7.0));
    let document = engine.view().lines[0].verdict.clone().unwrap();
    let chance = document.probability_off_spec.unwrap();
    assert!((0.3..0.6).contains(&chance), "{chance}");
    // The one between was good: what comes is taken for mended.
    let good = vec![result(end(41) + 100, 40, 115.0), result(end(41) + 101, 41, 115.0)];
    let effects = work(&mut engine, made_while(42, good));
    assert!(calls(&effects).last().is_some_and(|said| said.0 != Call::AtRisk));
    let document = engine.view().lines[0].verdict.clone().unwrap();
    assert!(document.probability_off_spec.unwrap() < 0.1, "{document:?}");
    // What was said of batches is held against what came.
    let stages = &engine.view().lines[0].prospects.stages;
    assert!(
        stages.len() == 3 && stages.iter().all(|stage| stage.reliability.bad == 1),
        "{stages:?}"
    );
}

#[test]
fn what_somebody_acted_on_is_taken_for_mended() {
    let text = "refiner power +5 %".into();
    let action = BatchEvent::Action { batch: "R40".into(), text, by: None };
    let (_, effects) = after_a_weak_one(vec![batch(end(39) + 301, action)]);
    assert!(calls(&effects).iter().all(|(call, _)| *call != Call::AtRisk), "{effects:?}");
}

/// What a wrong decision costs, and what is advised by it.
#[test]
fn what_costs_least_is_said_of_the_batch_in_progress_and_until_a_person_decides() {
    let mut plant = foretelling_plant();
    plant.costs = Some(Costs {
        currency: "CNY".into(),
        missed_batch: 9000.0,
        false_hold: 9000.0,
        test: 1000.0,
        broke_tonne: 0.0,
        machine_minute: 0.0,
        early_end: Costs::EARLY_END,
    });
    let mut engine = Engine::new(plant, Vec::new());
    work(&mut engine, strong(0..40));
    let weak = vec![result(end(39) + 300, 39, 95.0)];
    let effects = work(&mut engine, made_while(40, weak));
    // Off spec by about seven in ten from the midst on: to release it costs more than to test it.
    let advice = |effects: &[Effect]| {
        let mut said: Vec<(Arc<str>, Option<Advice>)> = Vec::new();
        for effect in effects {
            let Effect::Batch(record) = effect else { continue };
            let one = (Arc::clone(&record.batch), record.advice);
            if said.last() != Some(&one) {
                said.push(one);
            }
        }
        said
    };
    let of_it = advice(&effects).into_iter().filter(|(batch, _)| &**batch == "R40");
    let of_it: Vec<Option<Advice>> = of_it.map(|(_, advice)| advice).collect();
    assert_eq!(of_it, [None, Some(Advice::Release), Some(Advice::TestFirst)], "{effects:?}");
    let view = engine.view().lines[0].clone();
    let document = view.verdict.unwrap();
    let decision = document.decision.clone().expect("costs are known");
    assert_eq!((decision.advice, decision.choices.len()), (Advice::TestFirst, 4));
    assert_eq!(Some(decision.probability), document.probability_off_spec);
    let shown = view.batch.unwrap();
    assert_eq!(
        (shown.advice, shown.probability_off_spec),
        (Some(Advice::TestFirst), document.probability_off_spec)
    );

    // The next one begins: this one is as it stood, until it is known that it is good.
    let effects = work(&mut engine, make(41, |_| 7.0));
    assert_eq!(advice(&effects)[0], ("R40".into(), Some(Advice::TestFirst)));
    let effects = work(&mut engine, [result(end(41) - 10, 40, 115.0)]);
    let known: Vec<&BatchRecord> = effects
        .iter()
        .filter_map(
            |effect| {
                if let Effect::Batch(record) = effect { Some(&**record) } else { None }
            },
        )
        .collect();
    let [known] = known[..] else { panic!("{effects:?}") };
    assert_eq!((known.advice, known.probability_off_spec), (Some(Advice::Release), Some(0.0)));
    // A person decides: nothing is left to advise.
    let word = BatchEvent::Disposition {
        batch: "R40".into(),
        disposition: Disposition::Downgrade,
        by: None,
        note: None,
    };
    let effects = work(&mut engine, [batch(end(41) - 5, word)]);
    assert_eq!(advice(&effects), [("R40".into(), None)]);
}
