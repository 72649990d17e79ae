//! A tag held against its own habits: what is odd is named, and called well when it is over.

use crate::quality::{Checks, SensorFault, Silence, TagQuality};
use crate::reading::{Finite, Flags, Reading, SourceQuality, Timestamp, Value};

/// Six hours of habit at one reading a second.
const HABIT_S: u32 = 21_600;

/// White noise of standard deviation one, about: the sum of twelve uniform numbers.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        let mut sum = -6.0;
        for _ in 0..12 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            sum += f64::from(u32::try_from(self.0 >> 32).unwrap()) / 4_294_967_296.0;
        }
        sum
    }
}

/// Feeds a tag about 100 ± 1 for six hours, then `spoil`ed for two (`None`: no reading), then well for two more.
/// Gives each change: the minutes since it was spoiled, the word, and whether it is sick; and the share of the
/// spoiled readings that frames may use.
fn run(
    checks: &Checks,
    spoil: impl Fn(u32, f64, &mut Noise) -> Option<f64>,
) -> (Vec<(u32, &'static str, bool)>, f64) {
    let mut quality = TagQuality::default();
    let (mut noise, mut luck) = (Noise(7), Noise(11));
    let (mut changes, mut used, mut came) = (Vec::new(), 0.0, 0.0_f64);
    for s in 0..HABIT_S + 14_400 {
        let sound = ((100.0 + noise.next()) * 100.0).round() / 100.0;
        let spoiled = (HABIT_S..HABIT_S + 7200).contains(&s);
        let value = if spoiled { spoil(s - HABIT_S, sound, &mut luck) } else { Some(sound) };
        let at = Timestamp::from_nanos(i64::from(s) * 1_000_000_000);
        if let Some(change) = quality.pass(checks, at, Timestamp::from_nanos(0)) {
            changes.push((s.saturating_sub(HABIT_S) / 60, change.fault.as_str(), change.sick));
        }
        let Some(value) = value else { continue };
        let value = Value::Number(Finite::try_from(value).unwrap());
        let reading = Reading { at, received: at, value, quality: SourceQuality::Good };
        let (flags, usable, change) = quality.assess(checks, &reading);
        assert!(spoiled || s > HABIT_S || flags == Flags::GOOD, "{flags:?} at {s} s");
        if spoiled {
            came += 1.0;
            used += f64::from(u8::from(usable));
        }
        if let Some(change) = change {
            changes.push((s.saturating_sub(HABIT_S) / 60, change.fault.as_str(), change.sick));
        }
    }
    (changes, used / came.max(1.0))
}

fn checks() -> Checks {
    Checks {
        range: Some((10.0, 1000.0)),
        silence: Silence::ByInterval,
        numeric: true,
        habits: true,
        ..Checks::undeclared()
    }
}

/// What is called by which word, within so many minutes, and once; hardly any of it reaches a frame.
#[track_caller]
fn check(
    word: &str,
    within: u32,
    used_most: f64,
    spoil: impl Fn(u32, f64, &mut Noise) -> Option<f64>,
) {
    let (changes, used) = run(&checks(), spoil);
    let [(fell, named, true), (rose, again, false)] = changes[..] else {
        panic!("{word}: {changes:?}");
    };
    assert_eq!((named, again), (word, word));
    assert!(fell <= within, "{word} after {fell} min");
    assert!((120..=150).contains(&rose), "{word} over after {rose} min");
    assert!(used <= used_most, "{word}: {used} of the readings used");
}

#[test]
fn a_sound_tag_is_never_called_sick() {
    assert_eq!(run(&checks(), |_, sound, _| Some(sound)), (Vec::new(), 1.0));
    // A ramp, and a step, are the process.
    assert_eq!(run(&checks(), |s, sound, _| Some(sound + f64::from(s) * 0.05)).0, []);
    let (changes, used) = run(&checks(), |_, sound, _| Some(sound + 30.0));
    assert_eq!((changes, used > 0.999), (Vec::new(), true));
}

#[test]
fn steps_from_the_first_hour_on_are_the_process() {
    // A set point that changes each two minutes, also while the tag's habits are learned.
    let (mut quality, mut noise, checks) = (TagQuality::default(), Noise(3), checks());
    for s in 0..HABIT_S {
        let level = if s % 120 < 80 { 100.0 } else { 900.0 };
        let at = Timestamp::from_nanos(i64::from(s) * 1_000_000_000);
        let value = Value::Number(Finite::try_from(level + noise.next()).unwrap());
        let reading = Reading { at, received: at, value, quality: SourceQuality::Good };
        let (flags, _, change) = quality.assess(&checks, &reading);
        assert!(flags == Flags::GOOD || matches!(s % 120, 0 | 80), "{flags:?} at {s} s");
        assert_eq!(change, None, "at {s} s");
    }
}

#[test]
fn a_steep_ramp_is_the_process() {
    // Up for a minute and down for a minute, each five minutes: far from reading to reading, and hardly a bend.
    let ramp = |s: u32, sound: f64, _: &mut Noise| {
        let place = f64::from(s % 300);
        Some(sound + 12.0 * (60.0 - (place - 60.0).abs()).max(0.0))
    };
    let (changes, used) = run(&checks(), ramp);
    assert_eq!(changes, []);
    assert!(used > 0.98, "{used}");
}

#[test]
fn a_transient_that_grows_does_not_reach_a_frame() {
    let transient = |s: u32, sound: f64, _: &mut Noise| {
        Some(match s {
            1000 => sound + 30.0,
            1001 => sound + 150.0,
            _ => sound,
        })
    };
    let (changes, used) = run(&checks(), transient);
    assert_eq!(changes, []);
    assert!((used - 7198.0 / 7200.0).abs() < 1e-9, "{used}");
}

#[test]
fn what_is_unlike_the_tag_is_named() {
    check("noise", 9, 0.1, |_, sound, chance| Some(sound + 5.0 * chance.next()));
    check("attenuated", 9, 0.1, |_, sound, _| Some(100.0 + 0.3 * (sound - 100.0)));
    check("spike", 10, 0.1, |s, sound, _| Some(if s % 40 == 0 { sound + 30.0 } else { sound }));
    check("rail", 0, 0.0, |_, _, _| Some(1000.0));
    check("unit", 0, 0.0, |_, sound, _| Some(sound * 1.8 + 32.0));
    check("intermittent", 10, 0.1, |s, sound, _| (s % 90 < 60).then_some(sound));
    check("stuck", 6, 0.05, |_, _, _| Some(99.5));
}

#[test]
fn a_lone_spike_does_not_reach_a_frame_and_is_no_fault() {
    let (changes, used) =
        run(&checks(), |s, sound, _| Some(if s == 1000 { sound + 30.0 } else { sound }));
    assert_eq!(changes, []);
    assert!((used - 7199.0 / 7200.0).abs() < 1e-9, "{used}");
}

#[test]
fn a_fault_that_is_not_looked_for_is_not_named() {
    let checks = Checks { unchecked: vec![SensorFault::Attenuated], ..checks() };
    assert_eq!(run(&checks, |_, sound, _| Some(100.0 + 0.3 * (sound - 100.0))).0, []);
}

#[test]
fn what_comes_and_goes_is_called_well_ever_later() {
    // Out of range for ten seconds of each minute.
    let (changes, _) = run(&checks(), |s, sound, _| Some(if s % 60 < 10 { 2000.0 } else { sound }));
    let unhealthy = changes.iter().filter(|(.., sick)| *sick).count();
    assert!((1..=3).contains(&unhealthy), "{changes:?}");
    assert_eq!(changes.last().map(|(.., sick)| *sick), Some(false));
}

#[test]
fn a_change_that_is_too_fast_is_left_out() {
    let checks = Checks { rate: Some(20.0), ..checks() };
    let (changes, used) =
        run(&checks, |s, sound, _| Some(if s % 600 == 5 { sound + 50.0 } else { sound }));
    assert_eq!(changes, []);
    assert!(used > 0.99 && used < 1.0, "{used}");
}

/// Readings of a batch that goes through phases, one a minute: calm at first, restless in the end.
const PHASED: u32 = 200;

fn phased(n: u32, noise: &mut Noise) -> f64 {
    let place = f64::from(n % PHASED);
    let restless = 2.0 * libm::exp((place - f64::from(PHASED)) / 8.0) + 0.02;
    300.0 - place + restless * noise.next()
}

/// Feeds a tag such batches, `spoil`ed ones as well, and tells it their ends if `told`. Gives each change: the batch, the
/// word, and whether it is sick.
fn run_batches(
    checks: &Checks,
    (batches, told): (u32, bool),
    spoil: impl Fn(u32, f64, &mut Noise) -> f64,
) -> Vec<(u32, &'static str, bool)> {
    let (mut quality, mut noise) = (TagQuality::default(), Noise(5));
    let (mut luck, mut changes) = (Noise(13), Vec::new());
    for n in 0..batches * PHASED {
        let at = Timestamp::from_nanos(i64::from(n) * 60_000_000_000);
        if told && n > 0 && n % PHASED == 0 {
            quality.end_batch(at.minus(std::time::Duration::from_secs(60 * u64::from(PHASED))));
        }
        let value = spoil(n, phased(n, &mut noise), &mut luck);
        let value = Value::Number(Finite::try_from(value).unwrap());
        let reading = Reading { at, received: at, value, quality: SourceQuality::Good };
        let (_, _, change) = quality.assess(checks, &reading);
        changes.extend(change.map(|change| (n / PHASED, change.fault.as_str(), change.sick)));
    }
    changes
}

#[test]
fn habits_take_whole_batches_where_these_may_have_phases() {
    let checks = Checks { range: None, phased: true, ..checks() };
    let sound = |_: u32, sound: f64, _: &mut Noise| sound;
    assert_eq!(run_batches(&checks, (30, true), sound), []);
    // From ten windows alone, half a batch, it would be sick at the end of this one or the next.
    let early = Checks { phased: false, ..checks.clone() };
    let first = run_batches(&early, (30, true), sound).first().map(|(batch, ..)| *batch);
    assert!(first.is_some_and(|batch| batch <= 1), "{first:?}");

    // What is unlike all phases is found, in the fourth batch already.
    let noisy = |n: u32, sound: f64, luck: &mut Noise| {
        if n / PHASED == 3 { sound + 50.0 * luck.next() } else { sound }
    };
    let found = run_batches(&checks, (12, true), noisy);
    assert!(matches!(found[..], [(3, "noise", true), (4..=8, "noise", false)]), "{found:?}");
}

#[test]
fn a_short_phase_is_no_fault() {
    // A window in forty, which lies beyond six standard deviations of them.
    let restless = |n: u32, _: f64, luck: &mut Noise| {
        let now = n % (2 * PHASED) < 10;
        100.0 + if now { 30.0 } else { 1.0 } * luck.next()
    };
    let checks = Checks { range: None, phased: true, ..checks() };
    assert_eq!(run_batches(&checks, (60, true), restless), []);
}

#[test]
fn nobody_waits_for_batches_for_ever() {
    // Two days are 2,880 readings; the noise comes at 3,200.
    let checks = Checks { range: None, phased: true, ..checks() };
    let noisy = |batch: u32| {
        move |n: u32, sound: f64, luck: &mut Noise| {
            if n / PHASED == batch { sound + 5000.0 * luck.next() } else { sound }
        }
    };
    assert_eq!(run_batches(&checks, (30, false), noisy(12)), []);
    let found = run_batches(&checks, (30, false), noisy(16));
    assert!(matches!(found[..], [(16, "noise", true), (.., "noise", false)]), "{found:?}");
}

#[test]
fn what_comes_again_and_again_becomes_a_habit() {
    // For twenty minutes of each batch, and never in the first ones.
    let restless = |n: u32, _: f64, luck: &mut Noise| {
        let now = n / PHASED > 10 && n % PHASED < 20;
        100.0 + if now { 30.0 } else { 1.0 } * luck.next()
    };
    let checks = Checks { range: None, ..checks() };
    let found = run_batches(&checks, (60, true), restless);
    assert!(matches!(found[..], [(11, "noise", true), (12..=25, "noise", false)]), "{found:?}");
}
