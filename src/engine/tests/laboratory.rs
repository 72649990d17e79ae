//! Control charts of laboratory properties: a point for each batch, in the order in which values become known.

use super::charts::{FRAME, FRAMES, calm, make, wobble, word};
use super::*;
use crate::chart::{Detector, Limits, Rule, Settings};
use crate::decode::Disposition;
use serde_json::Value as Json;

/// Batches of ten minutes, whose tensile strength is charted.
fn lab_plant() -> Plant {
    let mut plant = plant();
    plant.lines[0].frame = Duration::from_secs(20);
    plant.lines[0].tags[0].chart = None;
    let mut grade = facial(&plant);
    grade.lab_charts.insert("tensile".into(), Charted::of_property(Settings::default()));
    plant.grades.insert("facial".into(), grade);
    plant
}

/// When the batch of this number ends, and the next one begins.
fn end(n: i64) -> i64 {
    (n + 1) * FRAMES * FRAME
}

fn result(s: i64, n: i64, value: f64, position: Option<&str>) -> Event {
    let event = BatchEvent::Lab {
        batch: format!("R{n}").into(),
        property: "tensile".into(),
        value,
        unit: None,
        position: position.map(Into::into),
    };
    batch(s, event)
}

/// The strength of a batch: about 130, without a tie to the one before.
fn strength(n: i64) -> f64 {
    130.0 + 20.0 * wobble(7 * n + 3)
}

/// Batches of which each has its result a minute into the next one.
fn measured(n: std::ops::Range<i64>) -> Vec<Event> {
    measured_as(n, strength)
}

fn measured_as(n: std::ops::Range<i64>, value: impl Fn(i64) -> f64) -> Vec<Event> {
    let one = |n: i64| {
        let mut events = make(n, calm);
        if n > 0 {
            events.insert(4, result(end(n - 1) + 60, n - 1, value(n - 1), None));
        }
        events
    };
    n.flat_map(one).collect()
}

fn points(effects: &[Effect]) -> Vec<&ChartRecord> {
    fn point(effect: &Effect) -> Option<&ChartRecord> {
        if let Effect::Chart(record) = effect { Some(record) } else { None }
    }
    effects.iter().filter_map(point).collect()
}

/// The batches of the points, with the seconds of their times.
fn told(effects: &[Effect]) -> Vec<(String, f64)> {
    let told = |record: &&ChartRecord| {
        let batch = record.batch.as_ref().unwrap().to_string();
        (batch, record.point.at.seconds_since(at(0)))
    };
    points(effects).iter().map(told).collect()
}

fn limits(effects: &[Effect]) -> Vec<Limits> {
    let limits = |effect: &Effect| match effect {
        Effect::ChartLimits(record) => {
            assert_eq!(record.of, ChartOf::Property("tensile".into()));
            assert!(record.capability.is_some());
            Some(record.limits.clone())
        }
        _ => None,
    };
    effects.iter().filter_map(limits).collect()
}

/// An engine whose chart has limits, and that has just begun this batch.
fn judging(n: i64) -> Engine {
    let mut engine = Engine::new(lab_plant(), Vec::new());
    let effects = apply(&mut engine, measured(0..n + 1));
    assert!(limits(&effects).len() == 1, "{:?}", limits(&effects));
    engine
}

#[test]
fn a_property_has_trial_limits_signals_and_flags_nothing() {
    let mut engine = Engine::new(lab_plant(), Vec::new());
    let effects = apply(&mut engine, measured(0..25));
    assert_eq!((points(&effects).len(), limits(&effects).len()), (0, 0));
    let view = engine.view().lines[0].charts[0].clone();
    assert_eq!((view.of.name().as_ref(), view.batches), ("tensile", (24, 25)));

    let effects = apply(&mut engine, measured(25..41));
    let found = limits(&effects);
    assert_eq!(found.len(), 1);
    let trial = found[0].trial.unwrap();
    assert!(found[0].n >= 25 && found[0].provisional && trial.widened > 1.05, "{found:?}");
    assert!((found[0].centre - 130.0).abs() < 4.0, "{found:?}");
    let charted = points(&effects);
    assert_eq!(charted.len() + usize::try_from(found[0].n).unwrap(), 40);
    assert!(charted.iter().all(|record| record.point.marks.is_empty() && record.point.provisional));
    assert_eq!(charted[0].of, ChartOf::Property("tensile".into()));
    assert_eq!(charted[0].detectors, [Detector::Rule(Rule::Nelson1), Detector::Ewma]);
    assert_eq!(told(&effects).last().unwrap(), &("R39".to_owned(), (end(39) + 60).to_f64()));

    // On spec, and still like no batch before.
    let effects = apply(&mut engine, [result(end(40) - 1, 38, 165.0, None)]);
    assert_eq!(points(&effects).len(), 0, "R38 is a point already");
    apply(&mut engine, [start(end(40), "R41")]);
    let effects = apply(&mut engine, [result(end(40) + 60, 40, 165.0, None)]);
    let marks: Vec<String> =
        points(&effects)[0].point.marks.iter().map(ToString::to_string).collect();
    assert_eq!(marks.first().map(String::as_str), Some("nelson-1+"));
    assert!(!said(&effects).iter().any(|said| said.contains("at_risk")), "{:?}", said(&effects));
    let view = engine.view().lines[0].charts[0].clone();
    assert_eq!(view.recent.last().unwrap().batch.as_deref(), Some("R40"));
    assert_eq!(view.points.1, 1);
    assert!(view.capability.is_some_and(|capability| capability.ppk.value > 1.0));
}

trait ToF64 {
    fn to_f64(self) -> f64;
}

impl ToF64 for i64 {
    fn to_f64(self) -> f64 {
        f64::from(i32::try_from(self).unwrap())
    }
}

#[test]
fn limits_get_better_with_more_batches_and_are_no_trial_in_the_end() {
    let mut engine = Engine::new(lab_plant(), Vec::new());
    let found = limits(&apply(&mut engine, measured(0..340)));
    let versions: Vec<u32> = found.iter().map(|limits| limits.version).collect();
    assert_eq!(versions, (1..=u32::try_from(found.len()).unwrap()).collect::<Vec<_>>());
    let state = |limits: &Limits| (limits.trial.is_some(), limits.provisional);
    assert_eq!(state(&found[0]), (true, true));
    assert!(found.iter().any(|limits| state(limits) == (false, true)));
    assert_eq!(state(found.last().unwrap()), (false, false), "{:?}", found.last());
    for limits in &found {
        assert_eq!(limits.trial.is_some(), limits.effective < 100.0, "{limits:?}");
    }
}

#[test]
fn a_checkpoint_keeps_all_that_a_chart_of_a_property_remembers() {
    let mut engine = judging(40);
    let mut restored = Engine::restore(&engine.checkpoint()).unwrap();
    let on = |engine: &mut Engine| {
        let mut events = measured(41..60);
        events.insert(90, result(end(42) + 90, 39, 1310.0, None));
        apply(engine, events)
    };
    let effects = on(&mut engine);
    assert!(points(&effects).len() > 15);
    assert_eq!(on(&mut restored), effects);
    assert_eq!(restored.view(), engine.view());
}

/// What an earlier release did not have, taken out of a checkpoint.
fn without(value: &mut Json) {
    match value {
        Json::Object(map) => {
            for key in ["laboratory", "lab_charts", "trial", "corrected"] {
                map.remove(key);
            }
            map.values_mut().for_each(without);
        }
        Json::Array(list) => list.iter_mut().for_each(without),
        _ => {}
    }
}

#[test]
fn what_an_earlier_release_kept_loads_and_charts_of_properties_begin_with_its_batches() {
    let mut plant = lab_plant();
    plant.lines[0].tags[0].chart = Some(Charted::of_quality(Duration::from_secs(20)));
    let mut old = serde_json::to_value(&plant).unwrap();
    without(&mut old);
    let old: Plant = serde_json::from_value(old).unwrap();
    assert!(facial(&old).lab_charts.is_empty());

    let mut engine = Engine::new(plant.clone(), Vec::new());
    apply(&mut engine, measured(0..41));
    let of_tag = engine.view().lines[0].charts[0].clone();
    assert!(of_tag.limits.is_some() && of_tag.of.tag().is_some());
    let mut charts = serde_json::to_value(&engine.state.lines[0].charts).unwrap();
    without(&mut charts);
    engine.state.lines[0].charts = serde_json::from_value(charts).unwrap();
    let known = engine.view().lines[0].charts.len();
    engine.plant = old.into();
    engine.reconfigure(plant, Vec::new());
    let view = engine.view().lines[0].charts.clone();
    assert_eq!((known, view.len()), (2, 2));
    assert_eq!((&view[0], view[1].batches.0, &view[1].limits), (&of_tag, 40, &None));
    assert!(view[1].recent.is_empty(), "they are history, and no points");
    let effects = apply(&mut engine, measured(41..43));
    let of_property = |effect: &Effect| match effect {
        Effect::ChartLimits(record) if record.of.property().is_some() => {
            Some((record.limits.n, record.limits.phi))
        }
        _ => None,
    };
    let found: Vec<_> = effects.iter().filter_map(of_property).collect();
    let mut all = crate::chart::History::new(crate::chart::Kind::Individuals);
    (0..41).for_each(|n| all.take(&[strength(n)]));
    let trial = Charted::of_property(Settings::default()).settings;
    let expected = trial.limits(&all, 1, at(0)).unwrap();
    assert_eq!((found.len(), found[0].0), (1, 41));
    assert!((found[0].1 - expected.phi).abs() < 1e-9, "in the order of their results: {found:?}");
}

#[test]
fn what_no_grade_has_charted_any_more_is_forgotten() {
    let mut engine = judging(40);
    let plant = lab_plant();
    let mut other = plant.clone();
    let mut grade = facial(&other);
    grade.lab_charts.clear();
    other.grades.insert("facial".into(), grade);
    engine.reconfigure(other, Vec::new());
    let kept = serde_json::to_value(&engine.state.lines[0].charts).unwrap();
    assert_eq!(kept["laboratory"]["properties"], serde_json::json!({}));
    engine.reconfigure(plant, Vec::new());
    let view = engine.view().lines[0].charts[0].clone();
    assert_eq!((view.batches.0, &view.limits, view.recent.len()), (40, &None, 0));
}

#[test]
fn a_correction_rewrites_nothing_and_what_is_said_next_rests_on_it() {
    let slip = |n| result(end(n) + 60, n, 10.0 * strength(n), None);
    let right = |n, s| result(s, n, strength(n), None);
    let (mut slipped, mut careful) = (judging(40), judging(40));
    apply(&mut slipped, [start(end(40), "R41"), slip(40)]);
    apply(&mut careful, [start(end(40), "R41"), right(40, end(40) + 60)]);
    let at_once = |effects: &[Effect]| points(effects).len();
    // The same time: a correction. It comes after the next batch's value.
    let next = right(39, end(39) + 60);
    assert_eq!(at_once(&apply(&mut slipped, [next.clone()])), 0, "a repeat changes nothing");
    assert_eq!(at_once(&apply(&mut slipped, [right(40, end(40) + 60)])), 0, "it is one point");
    let point = slipped.view().lines[0].charts[0].recent.last().unwrap().clone();
    assert!((point.value - 10.0 * strength(40)).abs() < 1e-9 && !point.marks.is_empty());
    assert!(point.corrected.is_some_and(|value| (value - strength(40)).abs() < 1e-9));
    // A later result of it counts as well.
    apply(&mut slipped, [right(40, end(40) + 90)]);
    let on = |engine: &mut Engine| {
        let events = measured(42..50).into_iter().skip(1);
        let effects = apply(engine, [start(end(41), "R42")].into_iter().chain(events));
        points(&effects).into_iter().cloned().collect::<Vec<_>>()
    };
    let points = on(&mut slipped);
    assert!(points.len() >= 8, "{}", points.len());
    assert_eq!(points, on(&mut careful), "as if it had never been slipped");
    assert!(points.iter().all(|record| record.point.marks.is_empty()));
}

#[test]
fn a_slip_that_nobody_corrects_is_felt_for_long() {
    let mut engine = judging(40);
    let slip = result(end(40) + 60, 40, 10.0 * strength(40), None);
    let events = measured(42..50).into_iter().skip(1);
    let effects = apply(&mut engine, [start(end(40), "R41"), slip]);
    assert_eq!(points(&effects).len(), 1);
    let effects = apply(&mut engine, [start(end(41), "R42")].into_iter().chain(events));
    let marked = |record: &&&ChartRecord| record.point.marks.iter().any(|m| m.by == Detector::Ewma);
    assert_eq!(points(&effects).iter().filter(marked).count(), points(&effects).len());
}

#[test]
fn values_are_points_in_the_order_in_which_they_become_known() {
    let mut engine = judging(40);
    let now = end(44);
    let begin = (41..46).map(|n| start(end(n - 1), &format!("R{n}")));
    apply(&mut engine, begin);
    // A sheet of results with one time, the newest batch first, one of them twice; the batch in progress waits for its end.
    let sheet = [44, 42, 42, 43, 41, 40]
        .map(|n| result(now, n, strength(n), None))
        .into_iter()
        .chain([result(now, 45, strength(45), None)]);
    let told_at = told(&apply(&mut engine, sheet));
    let after = |ms: f64| now.to_f64() + ms / 1000.0;
    let expected = [("R44", 0.0), ("R42", 1.0), ("R43", 2.0), ("R41", 3.0), ("R40", 4.0)];
    assert_eq!(told_at, expected.map(|(id, ms)| (id.to_owned(), after(ms))));
    let ended = told(&apply(&mut engine, [start(end(45), "R46")]));
    assert_eq!(ended, [("R45".to_owned(), end(45).to_f64())]);

    // One that was void before it was measured has no point.
    apply(&mut engine, [start(end(46), "R47"), start(end(47), "R48")]);
    apply(&mut engine, [batch(end(47), BatchEvent::Void { batch: "R46".into() })]);
    let effects = apply(&mut engine, [result(end(47) + 1, 46, 130.0, None)]);
    assert_eq!(points(&effects).len(), 0);
    let effects = apply(&mut engine, [result(end(47) + 1, 47, 130.0, None)]);
    assert_eq!(points(&effects).len(), 1);
}

fn void(s: i64, n: i64) -> Event {
    batch(s, BatchEvent::Void { batch: format!("R{n}").into() })
}

#[test]
fn what_is_said_after_a_batch_that_was_void_in_the_end_does_not_rest_on_it() {
    let slip = result(end(40) + 60, 40, 10.0 * strength(40), None);
    let (mut voided, mut careful) = (judging(40), judging(40));
    apply(&mut careful, [start(end(40), "R41")]);
    let effects = apply(&mut voided, [start(end(40), "R41"), slip, void(end(40) + 70, 40)]);
    assert_eq!(points(&effects).len(), 1);
    let view = voided.view().lines[0].charts[0].clone();
    assert_eq!(view.recent.last().unwrap().batch.as_deref(), Some("R40"), "what was said stays");
    let on = |engine: &mut Engine| {
        let events = measured(42..50).into_iter().skip(1);
        let effects = apply(engine, [start(end(41), "R42")].into_iter().chain(events));
        points(&effects).into_iter().cloned().collect::<Vec<_>>()
    };
    let points = on(&mut voided);
    assert!(points.len() >= 8, "{}", points.len());
    assert_eq!(points, on(&mut careful), "as if it had never been");
}

/// R40 was measured at two places, and R41 at one of them; its value waits for the other.
fn awaiting() -> Engine {
    let mut engine = judging(40);
    apply(&mut engine, (41..46).map(|n| start(end(n - 1), &format!("R{n}"))));
    let results = [(40, 120.0, "ts"), (40, 130.0, "ds"), (41, 124.0, "ts")];
    let effects = apply(
        &mut engine,
        results.map(|(n, value, place)| result(end(44) + 10, n, value, Some(place))),
    );
    assert_eq!(ids(&effects), ["R40"]);
    engine
}

fn ids(effects: &[Effect]) -> Vec<String> {
    told(effects).into_iter().map(|(id, _)| id).collect()
}

/// Good batches whose points are history.
fn learned(engine: &Engine) -> u32 {
    engine.view().lines[0].charts[0].batches.0
}

#[test]
fn a_batch_that_is_void_while_its_value_waits_has_no_point() {
    let mut engine = awaiting();
    apply(&mut engine, [void(end(44) + 11, 41)]);
    let before = learned(&engine);
    assert_eq!(ids(&apply(&mut engine, [result(end(44) + 12, 42, 126.0, None)])), ["R42"]);
    assert_eq!(learned(&engine), before + 1);
}

#[test]
fn a_batch_that_is_refused_while_its_value_waits_teaches_nothing() {
    for (refused, taught) in [(false, 2), (true, 1)] {
        let mut engine = awaiting();
        if refused {
            apply(&mut engine, [word(end(44) + 11, "R41", Disposition::Scrap)]);
        }
        let before = learned(&engine);
        let effects = apply(&mut engine, [result(end(44) + 12, 42, 126.0, None)]);
        assert_eq!(ids(&effects), ["R41", "R42"]);
        assert_eq!(learned(&engine), before + taught, "{refused}");
    }
}

#[test]
fn a_value_that_waits_is_no_point_in_another_unit() {
    let mut engine = awaiting();
    let mut other = lab_plant();
    let mut grade = facial(&other);
    grade.lab.get_mut("tensile").unwrap().unit = "N/m".into();
    other.grades.insert("facial".into(), grade);
    engine.reconfigure(other, Vec::new());
    apply(&mut engine, [result(end(44) + 12, 42, 126.0, None)]);
    assert_eq!(learned(&engine), 1);
    apply(&mut engine, [result(end(44) + 13, 41, 126.0, Some("ds"))]);
    assert_eq!(learned(&engine), 1, "half of it was measured in the unit before");
}

#[test]
fn limits_hold_from_the_next_point_on_where_results_lie_before_the_clock() {
    let mut engine = Engine::new(lab_plant(), Vec::new());
    apply(&mut engine, measured(0..20));
    apply(&mut engine, (20..61).flat_map(|n| make(n, calm)));
    let late = (19..60).map(|n| result(end(n) + 60, n, strength(n), None));
    let effects = apply(&mut engine, late);
    let first = &limits(&effects)[0];
    assert_eq!(points(&effects).len() + usize::try_from(first.n).unwrap(), 60);
    let charted = points(&effects)[0].point.at;
    assert!(
        first.valid_from < charted && charted < first.valid_from.plus(Duration::from_secs(600))
    );
}

#[test]
fn what_the_process_can_do_is_that_of_all_batches_and_not_of_the_good_ones_alone() {
    let mut engine = Engine::new(lab_plant(), Vec::new());
    // Every fifth batch is too weak.
    let value = |n: i64| if n % 5 == 4 { 90.0 } else { strength(n) };
    let effects = apply(&mut engine, measured_as(0..60, value));
    let found = effects.iter().find_map(|effect| match effect {
        Effect::ChartLimits(record) => Some((record.limits.clone(), record.capability.clone())),
        _ => None,
    });
    let (limits, capability) = found.unwrap();
    let capability = capability.unwrap();
    assert!((limits.centre - 130.0).abs() < 4.0 && limits.overall < 8.0, "{limits:?}");
    assert!(capability.n >= limits.n + limits.n / 5, "{capability:?} {}", limits.n);
    assert!(capability.ppm > 50_000.0 && capability.ppk.value < 0.6, "{capability:?}");
    let view = engine.view().lines[0].charts[0].clone();
    assert!(view.capability.is_some_and(|capability| capability.ppk.value < 0.6));
}

#[test]
fn what_was_scrapped_is_a_point_and_teaches_nothing() {
    let mut engine = judging(40);
    let before = engine.view().lines[0].charts[0].batches.0;
    apply(&mut engine, [start(end(40), "R41"), word(end(40) + 1, "R40", Disposition::Scrap)]);
    let effects = apply(&mut engine, [result(end(40) + 60, 40, 130.0, None)]);
    assert_eq!(points(&effects).len(), 1);
    assert_eq!(engine.view().lines[0].charts[0].batches.0, before);
}

#[test]
fn results_from_several_places_are_awaited() {
    let mut engine = judging(40);
    apply(&mut engine, (41..46).map(|n| start(end(n - 1), &format!("R{n}"))));
    let now = end(44) + 10;
    let one = |n, value, place| {
        move |engine: &mut Engine| told(&apply(engine, [result(now, n, value, Some(place))])).len()
    };
    // Nobody knows of the first one how many there will be.
    assert_eq!(one(40, 120.0, "ts")(&mut engine), 1);
    assert_eq!(one(40, 130.0, "ds")(&mut engine), 0);
    assert_eq!(one(41, 120.0, "ts")(&mut engine), 0, "as many as before are awaited");
    let effects = apply(&mut engine, [result(now + 1, 41, 130.0, Some("ds"))]);
    assert!((points(&effects)[0].point.value - 125.0).abs() < 1e-9);
    // What another batch's value ends the wait for; and it is fit for learning all the same.
    let before = learned(&engine);
    assert_eq!(one(42, 124.0, "ts")(&mut engine), 0);
    assert_eq!(learned(&engine), before);
    let effects = apply(&mut engine, [result(now + 2, 43, 126.0, None)]);
    assert_eq!(ids(&effects), ["R42", "R43"]);
}

#[test]
fn another_configuration_keeps_the_chart_of_a_property_that_is_as_it_was() {
    let mut engine = judging(40);
    let version = |engine: &Engine| {
        let view = engine.view();
        view.lines[0].charts.first().map(|chart| chart.limits.as_ref().map(|l| l.version))
    };
    let mut other = lab_plant();
    other.lines[0].tags.push(Tag::named("new"));
    engine.reconfigure(other.clone(), Vec::new());
    assert_eq!(version(&engine), Some(Some(1)));
    let mut grade = facial(&other);
    grade.lab.get_mut("tensile").unwrap().unit = "N/m".into();
    other.grades.insert("facial".into(), grade.clone());
    engine.reconfigure(other.clone(), Vec::new());
    assert_eq!(version(&engine), Some(None), "values in another unit are others");
    grade.lab_charts.clear();
    other.grades.insert("facial".into(), grade);
    engine.reconfigure(other, Vec::new());
    assert_eq!(version(&engine), None);
    apply(&mut engine, [start(end(40), "R41")]);
    assert!(points(&apply(&mut engine, [result(end(40) + 60, 40, 500.0, None)])).is_empty());
}
