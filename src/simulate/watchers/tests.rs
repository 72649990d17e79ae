//! Batches of 1000 s, one after another, a frame each 10 s; two tags, of which the first has limits.

use super::super::score::BatchEnd;
use super::super::truth::{BatchTruth, Class};
use super::*;

const GRADE: &str = "facial-15";

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000).unwrap()
}

fn id(batch: i64) -> Arc<str> {
    format!("R{batch}").into()
}

fn plan() -> WatchPlan {
    let range = SpecRange { tag: 0, low: Some(10.0), middle: 20.0, high: Some(30.0) };
    let spec = BTreeMap::from([(GRADE.into(), vec![range])]);
    WatchPlan { tags: vec![0, 1], spec }
}

fn watchers(learning: u32) -> Watchers {
    let mut watchers = Watchers::new(plan());
    watchers.learn_from(learning);
    watchers
}

/// Starts the batch and winds it: the values at the end of the frame after so many seconds.
fn wind(watchers: &mut Watchers, batch: i64, grade: &str, values: impl Fn(i64) -> [f64; 2]) {
    watchers.batch(&id(batch), Some(&grade.into()), None);
    for second in (0..1000).step_by(10) {
        // The end of a frame falls within an interval, not on its edge.
        watchers.frame(&id(batch), at(batch * 1000 + second + 5), &values(second));
    }
}

fn release(watchers: &mut Watchers, batch: i64, released: bool) {
    watchers.batch(&id(batch), Some(&GRADE.into()), Some(released));
}

/// Two tags that go up and down, the second one as the first most of the time.
fn calm(second: i64) -> [f64; 2] {
    let one = if second % 20 == 0 { 1.0 } else { -1.0 };
    [20.0 + one, 5.0 + if matches!(second % 500, 0 | 110) { -one } else { one }]
}

/// The greatest of each statistic in the batch.
fn greatest(watchers: &Watchers, batch: i64) -> [f32; WATCHERS] {
    let mut greatest = [f32::NAN; WATCHERS];
    for (_, values) in watchers.scored[&id(batch)].intervals() {
        greatest = std::array::from_fn(|ix| greatest[ix].max(values[ix]));
    }
    greatest
}

fn end(batch: Arc<str>, started: Timestamp, ended: Timestamp) -> BatchEnd {
    BatchEnd { batch, started, ended, mass_kg: None, grade: None, found: None, lab: Vec::new() }
}

#[test]
fn a_specification_is_left_at_one() {
    let both = SpecRange { tag: 0, low: Some(10.0), middle: 20.0, high: Some(30.0) };
    let high = SpecRange { tag: 0, low: None, middle: 20.0, high: Some(25.0) };
    let distances = |range: SpecRange| [10.0, 15.0, 22.5, 30.0].map(|v| range.distance(v));
    // Quotients of small whole numbers and powers of two are exact.
    assert_eq!(distances(both).map(|d| d.to_string()), ["1", "0.5", "0.25", "1"]);
    assert_eq!(distances(high).map(|d| d.to_string()), ["-2", "-1", "0.5", "2"]);
}

#[test]
fn only_released_learning_batches_teach() {
    let mut watchers = watchers(3);
    wind(&mut watchers, 0, GRADE, calm);
    // A spoiled one, whose spread would hide everything.
    wind(&mut watchers, 1, GRADE, |second| [f64::from(i32::try_from(second).unwrap()), 0.0]);
    wind(&mut watchers, 2, GRADE, calm);
    wind(&mut watchers, 3, GRADE, |_| [20.0, 15.0]);
    assert_eq!(watchers.learned, None);
    for (batch, released) in [(0, true), (1, false), (2, true)] {
        release(&mut watchers, batch, released);
    }
    // What had been wound before the last word on the learning batches was held, and is judged now.
    let [spec, sigma, pca] = greatest(&watchers, 3);
    // Means 20 and 5, squares 1 in each of 200 rows: σ = √(200/199).
    assert!(spec.abs() < 1e-6 && (sigma - 9.974_97).abs() < 1e-4, "{spec} {sigma}");
    assert!(pca > 10.0, "{pca}");
    assert!(watchers.held.is_empty());
}

#[test]
fn every_batch_teaches_until_it_is_known_how_many_do() {
    let mut watchers = Watchers::new(plan());
    for batch in 0..3 {
        wind(&mut watchers, batch, GRADE, calm);
        release(&mut watchers, batch, true);
    }
    assert_eq!((watchers.learned.is_none(), watchers.scored.len()), (true, 0));
    watchers.learn_from(3);
    wind(&mut watchers, 3, GRADE, |_| [20.0, 15.0]);
    // 300 rows: σ = √(300/299), about a mean of 5.
    let [_, sigma, _] = greatest(&watchers, 3);
    assert!((sigma - 9.983_32).abs() < 1e-4, "{sigma}");
}

#[test]
fn watchers_go_on_with_what_they_have_when_the_last_word_does_not_come() {
    let mut watchers = watchers(2);
    wind(&mut watchers, 0, GRADE, calm);
    release(&mut watchers, 0, true);
    wind(&mut watchers, 1, GRADE, calm);
    wind(&mut watchers, 2, GRADE, |_| [25.0, 5.0]);
    watchers.finish();
    let [spec, sigma, _] = greatest(&watchers, 2);
    assert!((spec - 0.5).abs() < 1e-6 && (sigma - 4.97494).abs() < 1e-4, "{spec} {sigma}");
}

#[test]
fn holding_has_an_end() {
    let mut watchers = watchers(1);
    wind(&mut watchers, 0, GRADE, calm);
    watchers.batch(&id(1), Some(&GRADE.into()), None);
    for second in 0..i64::try_from(HELD_MAX).unwrap() {
        watchers.frame(&id(1), at(1000 + second), &[40.0, 5.0]);
    }
    assert!(watchers.held.is_empty() && watchers.learned.is_some());
    assert!((greatest(&watchers, 1)[0] - 2.0).abs() < 1e-6);
}

#[test]
fn a_grade_without_learning_data_has_its_specification_only() {
    let mut watchers = watchers(1);
    wind(&mut watchers, 0, GRADE, calm);
    release(&mut watchers, 0, true);
    watchers.plan.spec.insert("towel-22".into(), watchers.plan.spec[GRADE].clone());
    wind(&mut watchers, 1, "towel-22", |_| [35.0, 99.0]);
    let [spec, sigma, pca] = greatest(&watchers, 1);
    assert!((spec - 1.5).abs() < 1e-6 && sigma.is_nan() && pca.is_nan());
    // Of a grade without limits, and of a frame without values, nobody says anything.
    wind(&mut watchers, 2, "other", |_| [35.0, 99.0]);
    wind(&mut watchers, 3, GRADE, |_| [f64::NAN, f64::NAN]);
    assert!(greatest(&watchers, 2).iter().all(|value| value.is_nan()));
    // PCA takes a hole for the mean.
    let [spec, sigma, pca] = greatest(&watchers, 3);
    assert!(spec.is_nan() && sigma.is_nan() && pca.abs() < 1e-6);
}

#[test]
fn only_the_newest_batches_are_kept() {
    let mut watchers = watchers(0);
    for batch in 0..i64::try_from(BATCHES_MAX).unwrap() + 2 {
        watchers.batch(&id(batch), Some(&GRADE.into()), None);
    }
    let first = watchers.order.front().cloned();
    assert_eq!((watchers.scored.len(), first), (BATCHES_MAX, Some(id(2))));
}

/// Scored batches with a first tag as given: class, begin of the fault in seconds after the start, value
/// after so many seconds; whether onspec flagged it.
type Case = (Class, Option<i64>, Value, bool);
type Value = fn(i64) -> f64;

fn pool(cases: &[Case]) -> Pool {
    let mut watchers = watchers(0);
    let mut pool = Pool::default();
    for (batch, (class, fault, value, flagged)) in (0..).zip(cases) {
        wind(&mut watchers, batch, GRADE, |second| [value(second), 5.0]);
        let (started, ended) = (at(batch * 1000), at(batch * 1000 + 1000));
        let truth = BatchTruth {
            line: "tm3".into(),
            batch: id(batch),
            class: *class,
            fault: None,
            fault_from: fault.map(|from| at(batch * 1000 + from)),
            first_movers: Vec::new(),
            off_from: None,
            off_share: None,
        };
        let end = end(id(batch), started, ended);
        pool.add(&watchers, &truth, Some(&end), *flagged);
    }
    pool
}

/// What the watcher of the limits reached: caught, false flags, share left, threshold.
#[track_caller]
fn check(cases: &[Case], expected: (u32, u32, Option<f64>, f64)) {
    let watched = pool(cases).watched().remove(0);
    assert_eq!(watched.name, "spec-limits");
    let actual =
        (watched.caught, watched.false_flags, watched.median_share_left, watched.threshold);
    let (caught, false_flags, left, threshold) = expected;
    assert_eq!(actual, (caught, false_flags, left, Some(threshold)));
}

#[test]
fn the_threshold_gives_as_many_false_flags_as_onspec_had() {
    use Class::{Good, OffSpec};
    let off: Case = (OffSpec, Some(200), |second| if second < 500 { 20.0 } else { 28.0 }, false);
    let good = |value: Value, flagged| (Good, None, value, flagged);
    // Greatest values of the good ones: 0.9, 0.7, 0.5.
    let three = |flags: usize| {
        [
            good(|_| 27.0, flags > 2),
            good(|second| if second == 300 { 29.0 } else { 20.0 }, flags > 0),
            good(|_| 15.0, flags > 1),
            off,
        ]
    };
    check(&three(0), (0, 0, None, 0.9));
    check(&three(1), (1, 1, Some(0.5), 0.7));
    check(&three(2), (1, 2, Some(0.5), 0.5));
    // As many as there are: at 0 every frame that is not at the middle is flagged.
    check(&three(3), (1, 3, Some(0.5), 0.0));
}

#[test]
fn of_equal_good_batches_all_or_none_is_flagged() {
    use Class::{Good, OffSpec};
    let off: Case = (OffSpec, Some(200), |_| 28.0, false);
    let (low, high): (Value, Value) = (|_| 22.0, |_| 27.0);
    let good = |value, flagged| (Good, None, value, flagged);
    // Two at 0.7: with one flag allowed none of them is.
    check(&[good(high, true), good(high, false), good(low, false), off], (1, 0, Some(0.8), 0.7));
    check(&[good(high, true), good(high, true), good(low, false), off], (1, 2, Some(0.8), 0.2));
}

#[test]
fn a_batch_is_caught_by_a_crossing_after_the_fault_began() {
    use Class::{Good, Marginal, OffSpec, Touched};
    let good: Case = (Good, None, |_| 25.0, false);
    let early: Value = |second| if second == 100 { 29.0 } else { 20.0 };
    let both: Value = |second| if matches!(second, 100 | 700) { 29.0 } else { 20.0 };
    check(&[good, (OffSpec, Some(200), early, false)], (0, 0, None, 0.5));
    check(&[good, (OffSpec, Some(200), both, false)], (1, 0, Some(0.3), 0.5));
    // In the interval of the first crossing, after it: no frame before the fault may count.
    check(&[good, (OffSpec, Some(109), early, false)], (0, 0, None, 0.5));
    check(&[good, (OffSpec, Some(100), early, false)], (1, 0, Some(0.9), 0.5));
    // Older than the batch: any crossing counts, and its lead does not.
    check(&[good, (OffSpec, Some(-50), early, false)], (1, 0, None, 0.5));
    check(&[good, (OffSpec, None, early, false)], (1, 0, None, 0.5));
    // Neither caught nor false.
    check(&[good, (Touched, Some(0), both, true), (Marginal, None, both, true)], (0, 0, None, 0.5));
}

#[test]
fn a_crossing_at_the_end_of_the_batch_is_too_late() {
    let mut watchers = watchers(0);
    watchers.batch(&id(0), Some(&GRADE.into()), None);
    watchers.frame(&id(0), at(995), &[20.0, 5.0]);
    watchers.frame(&id(0), at(1000), &[29.0, 5.0]);
    let mut pool = Pool::default();
    let truth: BatchTruth =
        serde_json::from_str(r#"{"line":"tm3","batch":"R0","class":"off_spec"}"#).unwrap();
    let end = end(id(0), at(0), at(1000));
    pool.add(&watchers, &truth, Some(&end), false);
    // No good batch, so the threshold is 0.
    assert_eq!(pool.watched()[0].caught, 0);
}

#[test]
fn a_break_in_a_batch_moves_nothing() {
    let mut watchers = watchers(0);
    watchers.batch(&id(0), Some(&GRADE.into()), None);
    for (second, value) in [(5, 20.0), (15, 20.0), (605, 20.0), (615, 29.0)] {
        watchers.frame(&id(0), at(second), &[value, 5.0]);
    }
    let said =
        |(begin, values): (Timestamp, [f32; WATCHERS])| (!values[0].is_nan()).then_some(begin);
    let intervals: Vec<_> = watchers.scored[&id(0)].intervals().filter_map(said).collect();
    assert_eq!(intervals, [0, 10, 600, 610].map(at));
}

#[test]
fn runs_pooled_are_one_run() {
    use Class::{Good, OffSpec};
    let one: [Case; 3] = [
        (Good, None, |_| 24.0, true),
        (OffSpec, Some(200), |_| 28.0, false),
        (Good, None, |_| 21.0, false),
    ];
    let other: [Case; 2] = [(Good, None, |_| 26.0, false), (OffSpec, Some(600), |_| 25.0, true)];
    let (first, second, both) = (pool(&one), pool(&other), pool(&[&one[..], &other[..]].concat()));
    let mut pooled = first.clone();
    pooled.append(&second);
    assert_eq!(pooled, both);
    // One threshold for both: the second highest of all good ones, not of each run.
    let watched = pooled.watched().remove(0);
    assert_eq!((watched.threshold, watched.caught, watched.false_flags), (Some(0.4), 2, 1));
    assert_eq!(watched.median_share_left, Some(0.6));
    assert_eq!(first.watched()[0].threshold, Some(0.1));
}
