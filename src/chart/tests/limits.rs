//! Limits from history, and which of them holds when.

use crate::chart::fixtures::{Noise, history, minute, near};
use crate::chart::{Autocorrelation, Estimate, Kind, Limits, LimitsError, Versions, arl};
use std::f64::consts::FRAC_2_SQRT_PI;

fn estimate(kind: Kind, autocorrelation: Autocorrelation, readings: &[f64]) -> Limits {
    Limits::estimate(&history(kind, readings), autocorrelation, 1, minute(0)).unwrap()
}

fn widened(readings: &[f64]) -> Limits {
    estimate(Kind::Individuals, Autocorrelation::Widened, readings)
}

/// Readings that go up and down about 10 without correlation: each pair of signs is as frequent.
fn even(n: usize) -> Vec<f64> {
    [9.0, 9.0, 11.0, 11.0].into_iter().cycle().take(n).collect()
}

#[test]
fn independent_readings_have_limits_by_moving_ranges() {
    let limits = widened(&even(400));
    assert_eq!((limits.estimate, limits.n, limits.provisional), (Estimate::Within, 400, false));
    near(limits.centre, 10.0, 1e-12);
    // 199 moving ranges of 2 and 200 of 0.
    let range = 398.0 / 399.0;
    near(limits.sigma, range / FRAC_2_SQRT_PI, 1e-9);
    near(limits.three_sigma().1, 10.0 + 2.658_7 * range, 1e-4);
    near(limits.spread.upper, 3.266_5 * range, 1e-4);
    near(limits.spread.lower, 0.0, 0.0);
    near(limits.overall, 1.0, 0.002);
}

#[test]
fn too_little_history_is_refused_with_what_it_is_worth() {
    let limits = |readings: &[f64]| {
        let widened = Autocorrelation::Widened;
        Limits::estimate(&history(Kind::Individuals, readings), widened, 1, minute(0))
    };
    assert!(matches!(limits(&even(99)), Err(LimitsError::TooFew { n: 99, .. })));
    assert!(limits(&even(120)).unwrap().provisional);
    assert!(matches!(limits(&[]), Err(LimitsError::TooFew { n: 0, .. })));
    // Nearly an hour of seconds, each like the one before.
    let error = limits(&Noise::new(1).correlated(0.98, 3000)).unwrap_err();
    let LimitsError::TooFew { n: 3000, effective, needed: 100.0 } = error else {
        panic!("{error}")
    };
    assert!((15.0..60.0).contains(&effective), "{effective}");
    assert!(
        error.to_string().starts_with("limits need 100 independent points; these 3000 are worth ")
    );
    assert_eq!(limits(&[0.1; 500]), Err(LimitsError::Constant));
    let subgroup = Kind::MeanAndRange(1);
    let of_one = history(subgroup, &even(400));
    let error = Limits::estimate(&of_one, Autocorrelation::Widened, 1, minute(0));
    assert_eq!(error, Err(LimitsError::Subgroup(1)));
}

/// E[MR] / d₂ = σ √(1 − φ); n (1 − φ) / (1 + φ).
#[test]
fn correlated_readings_make_moving_ranges_too_small_and_are_not_judged_by_them() {
    for (phi, worth) in [(0.25, 0.6), (0.5, 0.333), (0.7, 0.176), (0.9, 0.053)] {
        let readings = Noise::new(2).correlated(phi, 20_000);
        let limits = widened(&readings);
        near(limits.phi, phi, 0.02);
        near(limits.effective / 20_000.0, worth, 0.012);
        near(limits.within / limits.overall, (1.0_f64 - phi).sqrt(), 0.015);
        assert_eq!(limits.estimate, Estimate::Overall);
        near(limits.sigma, limits.overall, 1e-9);
        let residual = estimate(Kind::Individuals, Autocorrelation::Residual, &readings);
        assert_eq!(residual.estimate, Estimate::Residual);
        near(residual.sigma, limits.sigma * (1.0_f64 - phi * phi).sqrt(), 0.02);
    }
}

#[test]
fn readings_that_turn_about_are_not_judged_by_their_moving_ranges_either() {
    let limits = widened(&Noise::new(6).correlated(-0.5, 4000));
    assert_eq!((limits.estimate, limits.n), (Estimate::Overall, 4000));
    near(limits.sigma, 1.0, 0.05);
    near(limits.effective, 4000.0, 0.0);
}

#[test]
fn estimated_limits_have_the_false_alarms_of_the_table() {
    let mut noise = Noise::new(3);
    let runs = 120_u32;
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..runs {
        let readings: Vec<f64> = (0..300).map(|_| noise.normal()).collect();
        let (lower, upper) = widened(&readings).three_sigma();
        // Of a reading with the mean in the middle: what limits that lie askew add.
        let rate = 1.0 / arl::shewhart(0.5 * (upper - lower), 0.5 * (upper + lower));
        sum += rate;
        squares += rate * rate;
    }
    let mean = sum / f64::from(runs);
    let error = ((squares / f64::from(runs) - mean * mean) / f64::from(runs)).sqrt();
    near(mean, 0.0031, 3.0 * error);
    assert!(error < 0.0003, "{error}");
}

#[test]
fn a_hole_parts_neighbours() {
    // Between 11 and the next 9 a reading is missing: of three pairs one differs, by 2.
    let readings = [9.0, 9.0, 11.0, 11.0, f64::NAN].repeat(300);
    let limits = widened(&readings);
    assert_eq!(limits.n, 1200);
    near(limits.spread.centre, 2.0 / 3.0, 1e-12);
    near(limits.phi, 0.5, 1e-12);
    let subgroups = estimate(
        Kind::MeanAndRange(5),
        Autocorrelation::Widened,
        &[&even(2000)[..], &readings].concat(),
    );
    assert_eq!(subgroups.n, 400, "a subgroup that lacks a reading is no point");
}

#[test]
fn subgroups_have_limits_by_their_ranges_or_deviations() {
    let mut noise = Noise::new(4);
    let readings: Vec<f64> = (0..2500).map(|_| 50.0 + 2.0 * noise.normal()).collect();
    for kind in [Kind::MeanAndRange(5), Kind::MeanAndDeviation(5)] {
        let limits = estimate(kind, Autocorrelation::Widened, &readings);
        assert_eq!((limits.n, limits.estimate), (500, Estimate::Within));
        near(limits.within, 2.0, 0.1);
        near(limits.sigma, limits.within / 5.0_f64.sqrt(), 1e-12);
        near(limits.overall, 2.0, 0.1);
        // x̿ ± A₂ R̄, x̿ ± A₃ s̄; D₄ R̄, B₄ s̄.
        let (mean, spread) =
            if kind == Kind::MeanAndRange(5) { (0.5768, 2.1145) } else { (1.4273, 2.0890) };
        near(limits.three_sigma().1 - limits.centre, mean * limits.spread.centre, 1e-3);
        near(limits.spread.upper, spread * limits.spread.centre, 1e-3);
    }
}

#[test]
fn subgroups_of_neighbours_that_are_alike_are_judged_by_how_far_their_means_are_apart() {
    // Five readings within seconds, every ten minutes: means do not depend on each other.
    let mut noise = Noise::new(5);
    let mut readings = Vec::new();
    for _ in 0..400 {
        readings.extend(noise.correlated(0.98, 5));
        noise.correlated(0.98, 1);
    }
    let limits = estimate(Kind::MeanAndRange(5), Autocorrelation::Residual, &readings);
    assert!(limits.within < 0.3, "{limits:?}");
    assert_eq!(limits.estimate, Estimate::Overall);
    near(limits.sigma, 1.0, 0.1);
}

#[test]
fn the_version_that_holds_is_the_newest_that_has_begun() {
    let base = widened(&even(400));
    let limits = |version, from| Limits { version, valid_from: minute(from), ..base.clone() };
    let mut versions = Versions::default();
    assert_eq!(versions.at(minute(10)), None);
    versions.add(limits(1, 10)).unwrap();
    versions.add(limits(2, 20)).unwrap();
    let at = |versions: &Versions, t| versions.at(minute(t)).map(|limits| limits.version);
    assert_eq!(
        [9, 10, 19, 20, 99].map(|t| at(&versions, t)),
        [None, Some(1), Some(1), Some(2), Some(2)]
    );
    assert!(versions.add(limits(3, 20)).is_err(), "it would change marks of the past");
    assert!(versions.add(limits(2, 30)).is_err(), "a version has one meaning");
    for version in 3..200 {
        versions.add(limits(version, i64::from(version) * 10)).unwrap();
    }
    assert_eq!(versions.all().len(), 20);
}
