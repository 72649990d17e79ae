use super::super::fixtures::{Chance, near};
use super::*;

/// A swing without chance, as the oracle has it.
fn wave(i: usize, j: f64) -> f64 {
    let i = count(i);
    (1.7 * i * i + 0.3 * i).sin() * 2.0 + (0.9 * j + 2.1 * i).sin() + 0.5 * (3.1 * i * j).cos()
}

fn groups(values: &[Vec<f64>]) -> Vec<Group<'_>> {
    values
        .iter()
        .map(|values| Group { mean: values.iter().sum::<f64>() / count(values.len()), values })
        .collect()
}

#[track_caller]
fn check(component: Component, (variance, low, high): (f64, f64, f64)) {
    near(component.variance, variance);
    near(component.deviation, variance.sqrt());
    near(component.low.unwrap(), low);
    near(component.high.unwrap(), high);
}

/// Expected: `tests/oracles/uniformity.py`.
#[test]
fn positions_are_divided_as_scipy_has_it() {
    let values: Vec<Vec<f64>> =
        (0..12).map(|i| (0..2 + i % 4).map(|j| 50.0 + wave(i, count(j))).collect()).collect();
    let parts = divide(&groups(&values), false).unwrap();
    check(parts.between, (2.061_936_550_954, 0.966_002_723_988, 2.507_206_236_535));
    check(parts.within, (0.573_800_248_115, 0.605_324_134_103, 1.012_524_772_654));
    let means: Vec<f64> = groups(&values).iter().map(|group| group.mean).collect();
    let of_means = of_values(&means).unwrap();
    check(of_means, (2.246_030_797_224, 1.061_655_057_912, 2.544_569_627_615));
    // One result a batch: the part within is not known, and so neither is the one between.
    let single: Vec<Vec<f64>> = values.iter().map(|values| values[..1].to_vec()).collect();
    assert_eq!(divide(&groups(&single), false), None);
    assert_eq!(of_values(&means[..1]), None);
}

#[test]
fn sections_are_divided_with_their_correlation_as_numpy_has_it() {
    let values: Vec<Vec<f64>> =
        (0..10).map(|i| (0..20 + i).map(|j| wave(i, 0.2 * count(j))).collect()).collect();
    let parts = divide(&groups(&values), true).unwrap();
    near(parts.correlation, 0.812_482_264_131);
    check(parts.between, (1.401_779_626_300, 0.723_256_739_277, 2.297_171_731_003));
    check(parts.within, (0.811_934_984_689, 0.831_849_284_098, 0.982_964_298_444));
}

#[test]
fn variances_of_batches_are_put_together_by_their_weight() {
    let one = pooled(&[(4.0, 3.0)]).unwrap();
    assert_eq!((one.variance, one.deviation, one.low, one.high), (4.0, 2.0, None, None));
    let two = pooled(&[(4.0, 3.0), (1.0, 1.0)]).unwrap();
    near(two.variance, 3.25);
    assert_eq!(pooled(&[]), None);
    // Batches that are alike to the last digits, or to all.
    for other in [0.01, 0.01 + 1e-17, 0.010_000_000_001] {
        let alike = pooled(&[(0.01, 40.0), (other, 40.0), (0.01, 39.0)]).unwrap();
        assert!(alike.low.unwrap() > 0.098 && alike.high.unwrap() < 0.102, "{alike:?}");
    }
    assert_eq!(one.of(16.0).share, Some(0.25));
    assert_eq!(one.of(0.0).share, None);
}

/// How often intervals hold the truth: batches of 40 sections that resemble their neighbours (0.6), between batches a
/// deviation of `between`, along them one of 1.
fn coverage(batches: usize, between: f64, runs: u64) -> (f64, f64, f64) {
    let (mut of_between, mut of_within, mut mean) = (0.0, 0.0, 0.0);
    for seed in 0..runs {
        let mut chance = Chance::new(seed);
        let values: Vec<Vec<f64>> = (0..batches)
            .map(|_| {
                let level = between * chance.normal();
                let mut value = chance.normal();
                let mut next = || {
                    value = 0.6 * value + 0.8 * chance.normal();
                    level + value
                };
                (0..40).map(|_| next()).collect()
            })
            .collect();
        let parts = divide(&groups(&values), true).unwrap();
        let holds = |component: Component, truth: f64| {
            let inside = component.low.unwrap() <= truth && truth <= component.high.unwrap();
            if inside { 1.0 / count(usize::try_from(runs).unwrap()) } else { 0.0 }
        };
        of_between += holds(parts.between, between);
        of_within += holds(parts.within, 1.0);
        mean += parts.between.variance / count(usize::try_from(runs).unwrap());
    }
    (of_between, of_within, mean)
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    for (batches, between) in [(10, 0.3), (10, 1.0), (40, 0.3), (40, 1.0), (100, 0.5)] {
        let (of_between, of_within, mean) = coverage(batches, between, 200);
        println!(
            "{batches} batches, {between} between: {of_between:.3} of the intervals between hold, {of_within:.3} of those within; mean variance between {mean:.3}"
        );
        assert!((0.90..=0.99).contains(&of_between), "{of_between}");
        assert!((0.84..=0.98).contains(&of_within), "{of_within}");
        assert!((mean / between.powi(2) - 1.0).abs() < 0.2, "{mean}");
    }
}

#[test]
fn batches_that_do_not_differ_are_not_said_to() {
    // All there is between their means is what sections leave there.
    let (of_nothing, _, mean) = coverage(40, 0.0, 100);
    assert!(of_nothing > 0.93 && mean < 0.02, "{of_nothing} {mean}");
}
