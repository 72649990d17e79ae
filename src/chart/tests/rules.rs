//! Rules of runs against their definitions, written down a second time, and against known run lengths.

use crate::chart::fixtures::Noise;
use crate::chart::{Detector, Machine, Rule, Side};
use proptest::prelude::*;

/// Whether a pattern ends at the last of these points, the oldest first: each rule as a book says it.
fn ends(rule: Rule, points: &[f64]) -> Option<Side> {
    let last = |n: usize| (points.len() >= n).then(|| &points[points.len() - n..]);
    let all_beyond = |window: &[f64], sign: f64, limit: f64, needed: usize| {
        window.iter().filter(|u| sign * **u > limit).count() >= needed
            && window.last().is_some_and(|u| sign * u > limit)
    };
    let sides = [(Side::High, 1.0), (Side::Low, -1.0)];
    let on_side = |n: usize, of: usize, limit: f64| {
        // Before there are so many points, those that are missing are within.
        let window = last(n).unwrap_or(points);
        sides
            .into_iter()
            .find(|(_, sign)| all_beyond(window, *sign, limit, of))
            .map(|(side, _)| side)
    };
    let ways = |n: usize| -> Option<Vec<f64>> {
        last(n).map(|window| window.windows(2).map(|pair| pair[1] - pair[0]).collect())
    };
    match rule {
        Rule::Nelson1 | Rule::Western1 => on_side(1, 1, 3.0),
        Rule::Nelson2 => on_side(9, 9, 0.0),
        Rule::Western4 => on_side(8, 8, 0.0),
        Rule::Nelson5 | Rule::Western2 => on_side(3, 2, 2.0),
        Rule::Nelson6 | Rule::Western3 => on_side(5, 4, 1.0),
        Rule::Nelson3 => ways(6).and_then(|ways| {
            let trend = |sign: f64| ways.iter().all(|way| sign * way > 0.0);
            sides.into_iter().find(|(_, sign)| trend(*sign)).map(|(side, _)| side)
        }),
        Rule::Nelson4 => ways(14)
            .filter(|ways| ways.windows(2).all(|pair| pair[0] * pair[1] < 0.0))
            .map(|_| Side::Both),
        Rule::Nelson7 => {
            last(15).filter(|window| window.iter().all(|u| u.abs() <= 1.0)).map(|_| Side::Both)
        }
        Rule::Nelson8 => {
            last(8).filter(|window| window.iter().all(|u| u.abs() > 1.0)).map(|_| Side::Both)
        }
    }
}

/// Points on a grid, so that equal neighbours and points on lines are frequent; in stretches of one kind, so
/// that runs are.
fn points() -> impl Strategy<Value = Vec<f64>> {
    let value = |range: std::ops::RangeInclusive<i32>| range.prop_map(|n| f64::from(n) / 2.0);
    let stretch = prop_oneof![
        prop::collection::vec(value(-8..=8), 1..12),
        prop::collection::vec(value(0..=7), 1..16),
        prop::collection::vec(value(-7..=-1), 1..16),
        prop::collection::vec(value(-2..=2), 1..20),
        (value(-8..=0), 1..10_i32)
            .prop_map(|(from, n)| (0..n).map(|ix| from + f64::from(ix)).collect()),
        (value(-8..=8), 1..20_i32)
            .prop_map(|(by, n)| (0..n).map(|ix| if ix % 2 == 0 { by } else { 1.0 - by }).collect()),
    ];
    prop::collection::vec(stretch, 1..8).prop_map(|stretches| stretches.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn each_rule_signals_where_its_definition_does(points in points()) {
        for rule in Rule::ALL {
            let mut machine = Machine::new(rule);
            let mut since = 0;
            for ix in 0..points.len() {
                let expected = ends(rule, &points[since..=ix]);
                prop_assert_eq!(machine.take(points[ix]), expected, "{} at {} of {:?}", rule, ix, &points);
                if expected.is_some() {
                    since = ix + 1;
                }
            }
        }
    }

    #[test]
    fn the_mirror_image_signals_on_the_other_side(points in points()) {
        for rule in Rule::ALL {
            let (mut one, mut other) = (Machine::new(rule), Machine::new(rule));
            for u in &points {
                let mirrored = other.take(-u).map(|side| match side {
                    Side::High => Side::Low,
                    Side::Low => Side::High,
                    Side::Both => Side::Both,
                });
                prop_assert_eq!(one.take(*u), mirrored, "{}", rule);
            }
        }
    }
}

#[test]
fn a_pattern_ends_exactly_at_its_last_point_and_another_needs_new_points() {
    let repeated = |u: f64, n: usize| vec![u; n];
    let rising: Vec<f64> = (0..6).map(|n| 0.1 * f64::from(n)).collect();
    let turns: Vec<f64> = (0..14).map(|n| if n % 2 == 0 { 0.5 } else { -0.5 }).collect();
    for (rule, pattern, side) in [
        (Rule::Nelson1, repeated(3.1, 1), Side::High),
        (Rule::Nelson2, repeated(-0.1, 9), Side::Low),
        (Rule::Nelson3, rising, Side::High),
        (Rule::Nelson4, turns, Side::Both),
        (Rule::Nelson5, vec![2.1, -1.0, 2.1], Side::High),
        (Rule::Nelson6, vec![-1.1, -1.1, 2.0, -1.1, -1.1], Side::Low),
        (Rule::Nelson7, repeated(0.9, 15), Side::Both),
        (Rule::Nelson8, vec![1.1, -1.1, 1.1, 1.1, -1.1, -1.1, 1.1, -1.1], Side::Both),
        (Rule::Western4, repeated(0.1, 8), Side::High),
    ] {
        let mut machine = Machine::new(rule);
        for round in 0..2 {
            let found: Vec<_> = pattern.iter().map(|u| machine.take(*u)).collect();
            let (last, before) = found.split_last().unwrap();
            assert_eq!(*last, Some(side), "{rule} in round {round}");
            assert!(before.iter().all(Option::is_none), "{rule} in round {round}: {found:?}");
        }
        for u in &pattern[..pattern.len() - 1] {
            machine.take(*u);
        }
        machine.reset();
        let after_a_gap = machine.take(pattern[pattern.len() - 1]);
        assert_eq!(after_a_gap.is_some(), pattern.len() == 1, "{rule} after a gap");
    }
}

#[test]
fn a_point_on_a_line_is_within_it_and_on_the_centre_on_no_side() {
    let signals = |rule, points: &[f64]| {
        let mut machine = Machine::new(rule);
        points.iter().any(|u| machine.take(*u).is_some())
    };
    assert!(!signals(Rule::Nelson1, &[3.0, -3.0]));
    assert!(!signals(Rule::Nelson5, &[2.0; 9]));
    assert!(!signals(Rule::Nelson8, &[1.0; 20]));
    assert!(signals(Rule::Nelson7, &[1.0; 15]));
    let mut side = [0.5; 17];
    side[8] = 0.0;
    assert!(!signals(Rule::Nelson2, &side));
    assert!(!signals(Rule::Nelson3, &[0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6]));
}

#[test]
fn names_are_read_as_they_are_written() {
    for rule in Rule::ALL {
        assert_eq!(rule.to_string().parse(), Ok(rule));
        assert_eq!(rule.name().parse(), Ok(Detector::Rule(rule)));
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(json, format!("\"{rule}\""));
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
    }
    for detector in Detector::ALL {
        assert_eq!(detector.to_string().parse(), Ok(detector));
    }
    let error = "nelson-9".parse::<Rule>().unwrap_err().to_string();
    assert_eq!(
        error,
        "`nelson-9` is no rule of runs, such as `nelson-1` to `nelson-8` or `we-1` to `we-4`"
    );
}

/// The mean number of points until the first of some rules signals, and its standard error.
fn run_length(rules: &[Rule], delta: f64, runs: u32, noise: &mut Noise) -> (f64, f64) {
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..runs {
        let mut machines: Vec<_> = rules.iter().copied().map(Machine::new).collect();
        let mut length = 0.0;
        loop {
            length += 1.0;
            let u = delta + noise.normal();
            let signals = machines.iter_mut().filter_map(|machine| machine.take(u)).count();
            if signals > 0 {
                break;
            }
        }
        sum += length;
        squares += length * length;
    }
    let mean = sum / f64::from(runs);
    (mean, ((squares / f64::from(runs) - mean * mean) / f64::from(runs - 1)).sqrt())
}

/// Published or exact lengths and their own standard errors.
#[track_caller]
fn runs_for(rules: &[Rule], delta: f64, runs: u32, noise: &mut Noise, expected: f64, error: f64) {
    let (found, own) = run_length(rules, delta, runs, noise);
    let within = 3.0 * own.hypot(error);
    assert!((found - expected).abs() < within, "{rules:?} at {delta}: {found} is not {expected}");
}

#[test]
fn each_rule_alone_runs_as_long_as_is_known() {
    let noise = &mut Noise::new(7);
    for (rule, runs, expected, error) in [
        (Rule::Nelson1, 500, 370.4, 0.0),
        (Rule::Nelson2, 500, 511.0, 0.0),
        (Rule::Nelson3, 500, 419.5, 2.0),
        (Rule::Nelson4, 500, 603.0, 3.0),
        (Rule::Nelson5, 500, 508.0, 2.5),
        (Rule::Nelson6, 500, 292.6, 1.5),
        (Rule::Nelson7, 300, 963.3, 0.0),
        (Rule::Nelson8, 50, 14_251.0, 0.0),
        (Rule::Western4, 500, 255.0, 0.0),
    ] {
        runs_for(&[rule], 0.0, runs, noise, expected, error);
        assert!((rule.run_length() - expected).abs() < 0.1);
    }
}

#[test]
fn rules_together_run_as_long_as_is_known() {
    use Rule::*;
    let noise = &mut Noise::new(11);
    for (rules, expected, error) in [
        (&[Western1, Western2][..], 225.44, 0.0),
        (&[Western1, Western3], 166.05, 0.0),
        (&[Western1, Western4], 152.73, 0.0),
        (&[Western1, Western2, Western3], 132.89, 0.0),
        (&[Western1, Western2, Western3, Western4], 91.75, 0.0),
        (&[Nelson1, Nelson2], 216.5, 1.1),
        (&[Nelson1, Nelson2, Nelson3, Nelson4], 119.3, 0.6),
        (&[Nelson1, Nelson2, Nelson5, Nelson6], 109.5, 0.5),
        (&Rule::ALL[..8], 73.1, 0.3),
    ] {
        runs_for(rules, 0.0, 700, noise, expected, error);
    }
}

#[test]
fn rules_together_find_a_shift_as_soon_as_is_known() {
    use Rule::*;
    let noise = &mut Noise::new(13);
    for (rules, lengths) in [
        (&[Western1, Western2, Western3, Western4][..], [27.3, 9.28, 3.13]),
        (&[Nelson1, Nelson2], [58.0, 17.0, 5.13]),
        (&Rule::ALL[..8], [28.3, 9.61, 3.13]),
    ] {
        for (delta, expected) in [0.5, 1.0, 2.0].into_iter().zip(lengths) {
            runs_for(rules, delta, 700, noise, expected, 0.005 * expected);
        }
    }
}
