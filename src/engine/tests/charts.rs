//! Control charts: what their points are, where their limits come from, and that they flag nothing.

use super::*;
use crate::chart::{Detector, Rule, Settings};
use crate::decode::Disposition;
use crate::frame::Frame;
use crate::plant::{Charted, Every};
use crate::verdict::Call;

/// Seconds of a frame, and frames of a batch: ten minutes.
pub(super) const FRAME: i64 = 20;
pub(super) const FRAMES: i64 = 30;

fn chart_plant(every: Every) -> Plant {
    let mut plant = plant();
    plant.lines[0].frame = Duration::from_secs(20);
    plant.lines[0].tags[0].chart = Some(Charted::new(every, Settings::default()));
    plant
}

fn minutes() -> Plant {
    chart_plant(Every::Time(Duration::from_secs(60)))
}

/// A value that moves as if by chance, the same each time.
pub(super) fn wobble(n: i64) -> f64 {
    let x = (n.wrapping_mul(2_654_435_761) ^ (n >> 3).wrapping_mul(40_503)).rem_euclid(10_007);
    f64::from(i32::try_from(x).unwrap()) / 10_007.0 - 0.5
}

/// The frame of this number, with this basis weight.
fn frame(n: i64, bw: f64) -> Event {
    let (start, end) = (at(n * FRAME), at((n + 1) * FRAME));
    Event::Frame(LineIx(0), Frame { start, end, values: vec![bw, 7.0, 600.0] })
}

pub(super) fn word(s: i64, id: &str, disposition: Disposition) -> Event {
    batch(s, BatchEvent::Disposition { batch: id.into(), disposition, by: None, note: None })
}

/// A batch of this number, with what basis weight it has in which of its frames.
pub(super) fn make(n: i64, bw: impl Fn(i64) -> f64) -> Vec<Event> {
    let first = n * FRAMES;
    let mut events = vec![start(first * FRAME, &format!("R{n}"))];
    events.extend((first..first + FRAMES).map(|ix| frame(ix, bw(ix))));
    events
}

pub(super) fn calm(ix: i64) -> f64 {
    15.0 + 0.2 * wobble(ix)
}

/// Batches `0..n`, each released once the next one has begun.
fn released(n: i64) -> Vec<Event> {
    let mut events = Vec::new();
    for ix in 0..n {
        events.extend(make(ix, calm));
        if ix > 0 {
            let id = format!("R{}", ix - 1);
            events.push(word(ix * FRAMES * FRAME, &id, Disposition::Release));
        }
    }
    events
}

fn points(effects: &[Effect]) -> Vec<&ChartRecord> {
    fn point(effect: &Effect) -> Option<&ChartRecord> {
        if let Effect::Chart(record) = effect { Some(record) } else { None }
    }
    effects.iter().filter_map(point).collect()
}

fn versions(effects: &[Effect]) -> Vec<(u32, u32, bool)> {
    let limits = |effect: &Effect| match effect {
        Effect::ChartLimits(record) => {
            Some((record.limits.version, record.limits.n, record.limits.provisional))
        }
        _ => None,
    };
    effects.iter().filter_map(limits).collect()
}

#[test]
fn limits_come_from_good_batches_and_get_firm_with_more_of_them() {
    let mut engine = Engine::new(minutes(), Vec::new());
    let effects = apply(&mut engine, released(62));
    assert_eq!(versions(&effects), [(1, 200, true), (2, 400, false)]);
    // What is made after the twentieth release, in minutes.
    let charted = points(&effects);
    assert_eq!(charted.len(), 410);
    let first = charted[0];
    assert_eq!((&**first.of.name(), &*first.grade, first.point.version), ("bw", "facial", 1));
    assert_eq!(first.point.at, at(21 * FRAMES * FRAME + 60));
    assert_eq!(first.detectors, [Detector::Rule(Rule::Nelson1), Detector::Ewma]);
    // The mean of three uniform values of width 0.2.
    let sigma = 0.2 / 6.0;
    assert!((first.point.sigma - sigma).abs() < 0.2 * sigma, "{}", first.point.sigma);
    assert!((first.point.centre - 15.0).abs() < 0.01);

    let view = engine.view().lines[0].charts[0].clone();
    assert_eq!((view.batches, view.points.0, view.recent.len()), ((61, 20), 210, 120));
    assert_eq!(view.limits.map(|limits| limits.version), Some(2));
    let ppk = view.capability.unwrap().ppk;
    assert!(ppk.lower < ppk.value && (5.0..15.0).contains(&ppk.value), "{ppk:?}");
}

#[test]
fn batches_of_which_nobody_said_that_they_are_good_make_no_limits() {
    let mut engine = Engine::new(minutes(), Vec::new());
    let held = |n| [make(n, calm), vec![word(n * FRAMES * FRAME, "R0", Disposition::Hold)]];
    let effects = apply(&mut engine, (0..30).flat_map(held).flatten());
    assert!(points(&effects).is_empty() && versions(&effects).is_empty());
    // They become history when the word comes, all of them at once; one version comes of it until something is made.
    let at_once =
        (0..29).map(|n| word(30 * FRAMES * FRAME, &format!("R{n}"), Disposition::Release));
    let effects = apply(&mut engine, at_once);
    assert_eq!(versions(&effects), [(1, 200, true)]);
    assert_eq!(engine.view().lines[0].charts[0].batches.0, 29);
}

/// Batches `n`, each released once the next one has begun; those of one level follow each other, so that batches are alike.
fn levels(n: std::ops::Range<i64>) -> Vec<Event> {
    let made = |ix: i64| {
        let level = wobble(ix / 2) + 0.5 * wobble(ix + 77);
        let id = format!("R{}", ix - 1);
        let mut events = make(ix, |frame| calm(frame) + level);
        events.push(word(ix * FRAMES * FRAME, &id, Disposition::Release));
        events
    };
    n.flat_map(made).collect()
}

#[test]
fn where_a_batch_is_a_point_history_is_kept_until_limits_are_firm() {
    let mut engine = Engine::new(chart_plant(Every::Batch), Vec::new());
    apply(&mut engine, levels(0..60));
    let view = engine.view().lines[0].charts[0].clone();
    let why = view.why.unwrap().to_string();
    assert!(why.starts_with("limits need 100 independent points; these 59 are worth "), "{why}");
    let effects = apply(&mut engine, levels(60..900));
    let found = versions(&effects);
    assert!(
        found[0].1 > 100 && found[0].2,
        "batches are alike, so that a hundred are worth less: {found:?}"
    );
    assert!(found.last().is_some_and(|(_, _, provisional)| !provisional), "{found:?}");
    // One for each batch, at its end.
    let charted = points(&effects);
    assert!(charted.windows(2).all(|pair| {
        pair[1].point.at.since(pair[0].point.at) == FRAMES * FRAME * 1_000_000_000
    }));
    assert!(charted[5].point.spread.is_some(), "batches that follow each other are neighbours");

    // A break is part of its batch; what is made in it, and while the line settles, is not.
    let mut broken = make(900, calm);
    let begin = 900 * FRAMES * FRAME;
    broken.insert(11, batch(begin + 200, BatchEvent::Pause { reason: Some("break".into()) }));
    broken.insert(16, batch(begin + 300, BatchEvent::Resume));
    broken.extend(make(901, calm));
    let effects = apply(&mut engine, broken);
    let point = &points(&effects)[1].point;
    assert_eq!((point.at, point.spread.is_some()), (at(begin + FRAMES * FRAME), true));
    let frames = (0..10).chain(23..30).map(|ix| calm(900 * FRAMES + ix));
    let mean = frames.clone().sum::<f64>() / 17.0;
    assert!((point.value - mean).abs() < 1e-9, "{} is not {mean}", point.value);
}

#[test]
fn a_checkpoint_keeps_all_that_a_chart_remembers() {
    let mut engine = Engine::new(minutes(), Vec::new());
    apply(&mut engine, released(30));
    let events = make(30, calm);
    // In the middle of a minute.
    apply(&mut engine, events[..12].iter().cloned());
    let mut restored = Engine::restore(&engine.checkpoint()).unwrap();
    let on = |engine: &mut Engine| apply(engine, events[12..].iter().cloned());
    let effects = on(&mut engine);
    assert_eq!(points(&effects).len(), 7);
    assert_eq!(on(&mut restored), effects);
    assert_eq!(restored.view(), engine.view());
}

#[test]
fn a_step_within_its_limits_is_marked_and_flags_nothing() {
    let mut engine = Engine::new(minutes(), Vec::new());
    apply(&mut engine, released(42));
    let effects =
        apply(&mut engine, make(42, |ix| calm(ix) + if ix % FRAMES < 15 { 0.0 } else { 0.3 }));
    let marks: Vec<String> = points(&effects)
        .iter()
        .map(|record| {
            record.point.marks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let found = |detector: &str| marks.iter().position(|marks| marks.contains(detector));
    assert_eq!(found("nelson-1+"), Some(5), "{marks:?}");
    assert!(found("ewma+").is_some_and(|first| (5..8).contains(&first)), "{marks:?}");
    let verdict = engine.view().lines[0].verdict.clone().unwrap();
    assert!(!verdict.verdict.is_flag());
    assert!(!said(&effects).iter().any(|said| said.contains("at_risk")), "{:?}", said(&effects));
    assert_eq!(verdict.verdict, Call::Unknown, "its models are still learning");
}

#[test]
fn a_minute_needs_half_of_its_frames_and_a_break_begins_anew() {
    let mut engine = Engine::new(minutes(), Vec::new());
    apply(&mut engine, released(42));
    // One frame of three in the second minute, two in the third.
    let gaps = make(42, |ix| match ix % FRAMES {
        3 | 4 | 6 => f64::NAN,
        _ => calm(ix),
    });
    let effects = apply(&mut engine, gaps);
    let charted = points(&effects);
    assert_eq!(charted.len(), 9);
    assert_eq!(charted[1].point.at, at((42 * FRAMES + 9) * FRAME));
    assert_eq!((charted[0].point.spread.is_some(), charted[1].point.spread), (true, None));

    let mut broken = make(43, calm);
    let begin = 43 * FRAMES * FRAME;
    broken.insert(11, batch(begin + 200, BatchEvent::Pause { reason: Some("break".into()) }));
    broken.insert(16, batch(begin + 300, BatchEvent::Resume));
    let effects = apply(&mut engine, broken);
    // Three minutes before it; and after it the line settles for three minutes.
    let times: Vec<i64> = points(&effects)
        .iter()
        .map(|record| record.point.at.since(at(begin)) / 1_000_000_000)
        .collect();
    assert_eq!(times, [60, 120, 180, 540, 600]);
    // The average begins at the centre.
    let ewma = points(&effects)[3].point.ewma.unwrap();
    let value = points(&effects)[3].point.value;
    assert!((ewma.value - ewma.centre - 0.1 * (value - ewma.centre)).abs() < 1e-9);
}

#[test]
fn another_configuration_keeps_the_charts_that_are_as_they_were() {
    let mut engine = Engine::new(minutes(), Vec::new());
    apply(&mut engine, released(30));
    let limits = |engine: &Engine| engine.view().lines[0].charts[0].limits.clone();
    let before = limits(&engine);
    assert!(before.is_some());
    let mut other = minutes();
    other.lines[0].tags.insert(0, Tag::named("new"));
    engine.reconfigure(other.clone(), Vec::new());
    assert_eq!(limits(&engine), before);
    let frame = |n: i64| {
        let (start, end) = (at(n * FRAME), at((n + 1) * FRAME));
        Event::Frame(LineIx(0), Frame { start, end, values: vec![1.0, calm(n), 7.0, 600.0] })
    };
    let effects = apply(&mut engine, (30 * FRAMES..30 * FRAMES + 6).map(frame));
    assert_eq!(points(&effects).len(), 2, "it is found at its new place");
    other.lines[0].tags[1].unit = "g/m2".into();
    engine.reconfigure(other.clone(), Vec::new());
    assert_eq!(limits(&engine), None, "values in another unit are others");
    other.lines[0].tags[1].chart = Some(Charted::new(Every::Batch, Settings::default()));
    engine.reconfigure(other, Vec::new());
    assert_eq!(limits(&engine), None, "minutes say nothing of batches");
}
