//! Indices against tables and against readings whose capability is known.

use crate::chart::fixtures::{Noise, history, minute, near};
use crate::chart::{
    Autocorrelation, CapabilityError, Kind, Limits, Specification, capability, of_nearer, of_ratio,
};

fn limits(kind: Kind, readings: &[f64]) -> Limits {
    Limits::estimate(&history(kind, readings), Autocorrelation::Widened, 1, minute(0)).unwrap()
}

fn both(lower: f64, upper: f64) -> Specification {
    Specification { lower: Some(lower), upper: Some(upper), target: None }
}

#[test]
fn intervals_are_those_of_the_tables() {
    for (n, lower, upper) in [
        (10.0, 0.548, 1.454),
        (25.0, 0.719, 1.281),
        (50.0, 0.802, 1.197),
        (100.0, 0.861, 1.139),
        (200.0, 0.902, 1.098),
    ] {
        let found = of_ratio(1.0, n - 1.0, 0.95);
        near(found.lower, lower, 5.1e-4);
        near(found.upper, upper, 5.1e-4);
    }
    for (n, lower, upper) in [(30.0, 0.968, 1.693), (50.0, 1.051, 1.609), (100.0, 1.134, 1.526)] {
        // The published numbers are those of 1.33 and of 4/3, whichever was meant.
        let found = of_nearer(1.33, n, n - 1.0, 0.95);
        near(found.lower, lower, 1.1e-3);
        near(found.upper, upper, 1.1e-3);
    }
}

#[test]
fn indices_of_independent_readings_are_the_true_ones() {
    let mut noise = Noise::new(21);
    let readings: Vec<f64> = (0..20_000).map(|_| 10.5 + 0.5 * noise.normal()).collect();
    for kind in [Kind::Individuals, Kind::MeanAndRange(5), Kind::MeanAndDeviation(4)] {
        let specification = Specification { target: Some(10.0), ..both(8.0, 12.0) };
        let found = capability(&limits(kind, &readings), specification, 0.95).unwrap();
        assert_eq!(found.n, 20_000);
        near(found.cp.unwrap().value, 4.0 / 3.0, 0.03);
        near(found.cpk.unwrap().value, 1.0, 0.03);
        near(found.pp.unwrap().value, 4.0 / 3.0, 0.03);
        near(found.ppk.value, 1.0, 0.03);
        near(found.cpm.unwrap(), 4.0 / (6.0 * 0.5_f64.hypot(0.5)), 0.02);
        // Beyond three σ above, and five below.
        near(found.ppm, 1350.0, 200.0);
        for index in [found.cp.unwrap(), found.cpk.unwrap(), found.pp.unwrap(), found.ppk] {
            assert!(index.lower < index.value && index.value < index.upper, "{index:?}");
        }
    }
}

/// The interval says 95 %, and that is how often the true index lies in it.
#[test]
fn intervals_hold_the_true_index_as_often_as_they_say() {
    let mut noise = Noise::new(22);
    let of = limits(Kind::Individuals, &(0..200).map(|_| noise.normal()).collect::<Vec<_>>());
    let (runs, n) = (1000_u32, 50_u32);
    let mut within = 0_u32;
    for _ in 0..runs {
        let values: Vec<f64> = (0..n).map(|_| noise.normal()).collect();
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let overall = (squares / f64::from(n - 1)).sqrt();
        let fit = Limits { n, effective: f64::from(n), centre: mean, overall, ..of.clone() };
        let ppk = capability(&fit, both(-4.0, 8.0), 0.95).unwrap().ppk;
        within += u32::from(ppk.lower < 4.0 / 3.0 && 4.0 / 3.0 < ppk.upper);
    }
    near(f64::from(within) / f64::from(runs), 0.952, 3.0 * (0.05 * 0.95 / 1000.0_f64).sqrt());
}

#[test]
fn one_side_has_the_index_of_the_nearer_limit_alone() {
    let mut noise = Noise::new(23);
    let readings: Vec<f64> = (0..5000).map(|_| 100.0 + 10.0 * noise.normal()).collect();
    let of = limits(Kind::Individuals, &readings);
    let least = Specification { lower: Some(70.0), ..Specification::default() };
    let found = capability(&of, least, 0.95).unwrap();
    assert_eq!((found.cp, found.pp, found.cpm), (None, None, None));
    near(found.ppk.value, 1.0, 0.05);
    near(found.cpk.unwrap().value, 1.0, 0.05);
    near(found.ppm, 1350.0, 300.0);
}

#[test]
fn readings_of_independent_subgroups_count_one_by_one_and_of_others_as_points() {
    let mut noise = Noise::new(26);
    let independent: Vec<f64> = (0..2000).map(|_| noise.normal()).collect();
    let of = limits(Kind::MeanAndRange(4), &independent);
    let found = capability(&of, both(-4.0, 4.0), 0.95).unwrap();
    assert_eq!(found.n, 2000);
    near(found.effective, 4.0 * of.effective, 0.0);
    // The standard deviation by ranges of four varies as that of 92 % of the readings' degrees of freedom.
    let short = of_ratio(found.cp.unwrap().value, 0.923 * 3.0 * of.effective, 0.95);
    near(found.cp.unwrap().lower, short.lower, 1e-3);

    let alike = limits(Kind::MeanAndRange(4), &noise.correlated(0.9, 8000));
    let found = capability(&alike, both(-4.0, 4.0), 0.95).unwrap();
    near(found.effective, alike.effective, 0.0);
}

#[test]
fn correlated_readings_have_wider_intervals_and_no_index_of_the_short_term() {
    let mut noise = Noise::new(24);
    let specification = both(-4.0, 4.0);
    let independent =
        capability(&limits(Kind::Individuals, &noise.correlated(0.0, 4000)), specification, 0.95);
    let correlated =
        capability(&limits(Kind::Individuals, &noise.correlated(0.9, 4000)), specification, 0.95);
    let (independent, correlated) = (independent.unwrap(), correlated.unwrap());
    let width = |index: crate::chart::Index| index.upper - index.lower;
    assert!(width(correlated.ppk) > 3.0 * width(independent.ppk), "{correlated:?}");
    assert_eq!((correlated.cp, correlated.cpk, correlated.n), (None, None, 4000));
    assert!(correlated.effective < 400.0);
}

#[test]
fn a_specification_that_nothing_can_meet_is_refused() {
    let of = limits(Kind::Individuals, &Noise::new(25).correlated(0.0, 400));
    let none = Specification::default();
    assert_eq!(capability(&of, none, 0.95), Err(CapabilityError::NoLimit));
    for specification in [both(1.0, 1.0), both(2.0, 1.0), both(f64::NAN, 1.0)] {
        assert_eq!(capability(&of, specification, 0.95), Err(CapabilityError::Order));
    }
    assert_eq!(capability(&of, both(0.0, 1.0), 1.0), Err(CapabilityError::Confidence));
}
