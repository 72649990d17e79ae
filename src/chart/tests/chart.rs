//! Whole charts: what a point says, what marks it, and that nothing but the points decides.

use crate::chart::fixtures::{MONTGOMERY, Noise, history, minute, near};
use crate::chart::{
    Autocorrelation, Band, Chart, CusumSettings, Detector, Estimate, EwmaSettings, Kind, Limits,
    Mark, Point, Rule, Settings, SettingsError, Side, SpreadLimits, arl,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::f64::consts::FRAC_2_SQRT_PI;
use std::time::Duration;

/// Everything at once.
fn all() -> Settings {
    Settings {
        rules: BTreeSet::from(Rule::ALL),
        spread: true,
        cusum: Some(CusumSettings { k: 0.5, run_length: 370.4, fast: true }),
        ..Settings::default()
    }
}

/// Limits that are known: of the mean, σ and correlation of points that are judged as said.
fn known(estimate: Estimate, centre: f64, overall: f64, phi: f64) -> Limits {
    let sigma =
        if estimate == Estimate::Residual { overall * (1.0 - phi * phi).sqrt() } else { overall };
    let range = FRAC_2_SQRT_PI * overall * (1.0 - phi).sqrt();
    Limits {
        version: 1,
        valid_from: minute(0),
        kind: Kind::Individuals,
        centre,
        sigma,
        estimate,
        phi,
        n: 1000,
        effective: 1000.0,
        provisional: false,
        within: overall * (1.0 - phi).sqrt(),
        overall,
        spread: SpreadLimits { centre: range, lower: 0.0, upper: 3.2665 * range },
        trial: None,
    }
}

fn chart(settings: Settings, limits: Limits) -> Chart {
    let mut chart = Chart::new(settings).unwrap();
    chart.adopt(limits).unwrap();
    chart
}

/// The points of values that come a minute after each other.
fn points(chart: &mut Chart, values: &[f64]) -> Vec<Point> {
    (1..).zip(values).filter_map(|(t, value)| chart.take(minute(t), &[*value])).collect()
}

#[test]
fn a_point_says_all_that_is_drawn() {
    let cusum = Some(CusumSettings { k: 0.5, run_length: 465.4435, fast: false });
    let ewma = Some(EwmaSettings { lambda: 0.1, run_length: 369.0 });
    let settings = Settings { ewma, cusum, ..Settings::default() };
    let mut chart = chart(settings, known(Estimate::Within, 10.0, 1.0, 0.0));
    let found = points(&mut chart, &MONTGOMERY);
    let first = &found[0];
    assert_eq!((first.at, first.version, first.provisional), (minute(1), 1, false));
    assert_eq!((first.value, first.centre, first.sigma), (9.45, 10.0, 1.0));
    assert_eq!((first.lower, first.upper, first.zone, first.spread), (7.0, 13.0, -1, None));
    let band = first.ewma.unwrap();
    near(band.value, 9.945, 1e-12);
    near(band.lower, 9.73, 1e-3);
    near(band.upper, 10.27, 1e-3);
    assert_eq!((found[1].zone, found[4].zone), (-3, 3));
    near(found[1].spread.unwrap().value, 1.46, 1e-9);
    let marks: Vec<_> = found.iter().map(|point| &point.marks[..]).collect();
    assert!(marks[..28].iter().all(|marks| marks.is_empty()));
    let high = |by| Mark { by, side: Side::High };
    assert_eq!(marks[28], [high(Detector::Ewma), high(Detector::Cusum)]);
    let sums = found[28].cusum.unwrap();
    near(sums.high, 5.28, 1e-9);
    near(sums.limit, 5.0, 1e-4);
    let shift = sums.shift.unwrap();
    assert_eq!((shift.points, shift.began_after), (7, Some(minute(22))));
    near(shift.mean, 11.25, 0.005);
    let json = serde_json::to_string(&found[28].marks).unwrap();
    assert_eq!(json, r#"[{"by":"ewma","side":"high"},{"by":"cusum","side":"high"}]"#);
}

#[test]
fn a_subgroup_is_judged_by_its_mean_and_its_range() {
    let kind = Kind::MeanAndRange(4);
    let settings = Settings { kind, spread: true, ..Settings::default() };
    let mut chart = Chart::new(settings).unwrap();
    let mut noise = Noise::new(31);
    let readings: Vec<f64> = (0..2000).map(|_| 20.0 + noise.normal()).collect();
    let history = history(kind, &readings);
    let limits = Limits::estimate(&history, Autocorrelation::Residual, 1, minute(0)).unwrap();
    chart.adopt(limits).unwrap();
    let point = chart.take(minute(1), &[19.0, 20.0, 21.0, 22.0]).unwrap();
    near(point.value, 20.5, 1e-12);
    near(point.upper, 21.5, 0.1);
    let range = point.spread.unwrap();
    assert_eq!((range.value, range.beyond()), (3.0, None));
    near(range.upper, 2.282 * 2.0588, 0.2);
    let point = chart.take(minute(2), &[15.0, 25.0, 20.0, 20.0]).unwrap();
    assert_eq!(point.marks, [Mark { by: Detector::Spread, side: Side::High }]);
    assert_eq!(chart.take(minute(3), &[15.0, 25.0, 20.0]), None, "a reading is missing");
    assert_eq!(chart.take(minute(3), &[15.0, 25.0, 20.0, f64::NAN]), None);
}

#[test]
fn gaps_part_neighbours_whether_told_or_seen() {
    let gap = Some(Duration::from_secs(90));
    let settings = Settings { gap, rules: BTreeSet::from(Rule::ALL), ..shewhart() };
    let run = |skip: i64, miss: bool| {
        let mut chart = chart(settings.clone(), known(Estimate::Within, 0.0, 1.0, 0.0));
        let mut marked = false;
        for t in 1..=9 {
            if t == 6 && miss {
                chart.miss();
            }
            let at = minute(if t >= 6 { t + skip } else { t });
            let point = chart.take(at, &[0.4]).unwrap();
            assert_eq!(point.spread.is_none(), t == 1 || (t == 6 && (miss || skip > 0)));
            marked |= point.marks.iter().any(|mark| mark.by == Detector::Rule(Rule::Nelson2));
        }
        marked
    };
    assert!(run(0, false), "nine on one side");
    assert!(!run(1, false), "with a point missing between");
    assert!(!run(0, true));
}

#[test]
fn limits_that_begin_later_change_no_mark_of_the_past() {
    let values: Vec<f64> = (0..60).map(|n| f64::from(n % 7) - 2.0).collect();
    let mut one = template();
    one.adopt(known(Estimate::Within, 0.0, 1.0, 0.0)).unwrap();
    let mut other = one.clone();
    let later =
        Limits { version: 2, valid_from: minute(31), ..known(Estimate::Within, 5.0, 2.0, 0.0) };
    other.adopt(later.clone()).unwrap();
    let (before, with) = (points(&mut one, &values), points(&mut other, &values));
    assert_eq!(before[..30], with[..30]);
    assert!(with[30..].iter().all(|point| point.version == 2 && point.centre > 4.9));
    // Everything is counted anew.
    let mut new = template();
    new.adopt(later.clone()).unwrap();
    let anew = new.take(minute(31), &[values[30]]).unwrap();
    assert_eq!((&anew.marks, anew.ewma), (&with[30].marks, with[30].ewma));
    assert!(one.adopt(later).is_err(), "points after its begin have been judged");
}

#[test]
fn nothing_is_said_without_limits_or_out_of_order() {
    let mut chart = template();
    assert_eq!(chart.take(minute(1), &[1.0]), None);
    chart.adopt(known(Estimate::Within, 0.0, 1.0, 0.0)).unwrap();
    assert_eq!(chart.take(minute(-1), &[1.0]), None, "before the first limits");
    chart.take(minute(5), &[1.0]).unwrap();
    let state = chart.clone();
    assert_eq!(chart.take(minute(5), &[9.0]), None);
    assert_eq!(chart.take(minute(4), &[f64::NAN]), None);
    assert_eq!(chart, state);
}

/// The mean number of points until a chart marks one of an AR(1) with standard deviation 1; its standard error.
fn run_length(template: &Chart, phi: f64, runs: u32, noise: &mut Noise) -> (f64, f64) {
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..runs {
        let mut chart = template.clone();
        let mut value = noise.normal();
        let mut t = 1;
        while chart.take(minute(t), &[value]).is_some_and(|point| point.marks.is_empty()) {
            value = phi * value + (1.0 - phi * phi).sqrt() * noise.normal();
            t += 1;
        }
        let length = minute(t).seconds_since(minute(0)) / 60.0;
        sum += length;
        squares += length * length;
    }
    let mean = sum / f64::from(runs);
    (mean, ((squares / f64::from(runs) - mean * mean) / f64::from(runs - 1)).sqrt())
}

#[track_caller]
fn runs_for(template: &Chart, phi: f64, runs: u32, noise: &mut Noise, expected: f64) {
    let (found, error) = run_length(template, phi, runs, noise);
    assert!((found - expected).abs() < 3.0 * error, "{found} ± {error} is not {expected}");
}

/// Points beyond three σ and nothing else.
fn shewhart() -> Settings {
    Settings { ewma: None, ..Settings::default() }
}

#[test]
fn limits_by_moving_ranges_would_mark_correlated_points_as_often_as_is_known() {
    let noise = &mut Noise::new(32);
    for (phi, expected) in [(0.25, 108.0), (0.5, 35.0), (0.7, 15.0), (0.9, 6.3), (0.95, 4.6)] {
        let naive = known(Estimate::Within, 0.0, (1.0_f64 - phi).sqrt(), 0.0);
        runs_for(&chart(shewhart(), naive), phi, 500, noise, expected);
    }
}

#[test]
fn residuals_of_correlated_points_run_as_long_as_independent_points() {
    let noise = &mut Noise::new(33);
    for phi in [0.5, 0.9] {
        let template = chart(shewhart(), known(Estimate::Residual, 0.0, 1.0, phi));
        runs_for(&template, phi, 300, noise, arl::shewhart(3.0, 0.0));
    }
    let cusum = Some(CusumSettings { k: 0.5, run_length: 100.0, fast: false });
    let template = chart(
        Settings { cusum, rules: BTreeSet::new(), ..shewhart() },
        known(Estimate::Residual, 0.0, 1.0, 0.7),
    );
    runs_for(&template, 0.7, 300, noise, 100.0);
}

#[test]
fn widened_limits_keep_at_least_the_run_length_that_was_wanted() {
    let noise = &mut Noise::new(34);
    let none = Settings { rules: BTreeSet::new(), ewma: None, ..Settings::default() };
    let ewma = Some(EwmaSettings { lambda: 0.2, run_length: 100.0 });
    let cusum = Some(CusumSettings { k: 0.5, run_length: 100.0, fast: false });
    for settings in [shewhart(), Settings { ewma, ..none.clone() }, Settings { cusum, ..none }] {
        let wanted = if settings.rules.is_empty() { 100.0 } else { 370.4 };
        let template = chart(settings, known(Estimate::Overall, 0.0, 1.0, 0.6));
        let (found, error) = run_length(&template, 0.6, 150, noise);
        assert!(found > wanted - 3.0 * error, "{found} ± {error} is less than {wanted}");
    }
}

#[test]
fn online_sums_and_averages_run_as_long_as_the_integral_equations_say() {
    let noise = &mut Noise::new(35);
    let none = Settings { rules: BTreeSet::new(), ewma: None, ..Settings::default() };
    let cusum = Some(CusumSettings { k: 0.5, run_length: 100.0, fast: false });
    let template =
        chart(Settings { cusum, ..none.clone() }, known(Estimate::Within, 0.0, 1.0, 0.0));
    runs_for(&template, 0.0, 400, noise, 100.0);
    // With much weight the limits of the first points are nearly those of all.
    let ewma = Some(EwmaSettings { lambda: 0.5, run_length: 100.0 });
    let template = chart(Settings { ewma, ..none }, known(Estimate::Within, 0.0, 1.0, 0.0));
    runs_for(&template, 0.0, 400, noise, 100.0);
}

#[test]
fn a_step_shows_as_itself_in_the_first_residual_and_then_as_what_is_left() {
    let mut chart = chart(shewhart(), known(Estimate::Residual, 0.0, 1.0, 0.8));
    let found = points(&mut chart, &[0.0, 0.0, 1.0, 1.0, 1.0]);
    let away: Vec<f64> = found.iter().map(|point| point.value - point.centre).collect();
    for (found, expected) in away.iter().zip([0.0, 0.0, 1.0, 0.2, 0.2]) {
        near(*found, expected, 1e-12);
    }
    near(found[2].upper, 1.8, 1e-12);
    // After a gap a point varies as all points do.
    chart.miss();
    let point = chart.take(minute(9), &[1.0]).unwrap();
    near(point.centre, 0.0, 0.0);
    near(point.sigma, 1.0, 1e-12);
}

#[test]
fn points_further_apart_depend_less_on_each_other() {
    let interval = Some(Duration::from_secs(60));
    let mut chart =
        chart(Settings { interval, ..shewhart() }, known(Estimate::Residual, 0.0, 1.0, 0.8));
    chart.take(minute(1), &[1.0]).unwrap();
    let point = chart.take(minute(3), &[1.0]).unwrap();
    near(point.centre, 0.64, 1e-12);
    near(point.sigma, (1.0_f64 - 0.64 * 0.64).sqrt(), 1e-12);
}

#[test]
fn settings_that_make_no_chart_are_refused() {
    let none = Chart::new(Settings { kind: Kind::MeanAndRange(1), ..Settings::default() });
    assert!(matches!(none, Err(SettingsError::Subgroup(_))));
    let ewma = Some(EwmaSettings { lambda: 1.5, run_length: 370.0 });
    assert_eq!(Chart::new(Settings { ewma, ..all() }), Err(SettingsError::Ewma));
    let cusum = Some(CusumSettings { k: 0.5, run_length: 3.0, fast: false });
    assert_eq!(Chart::new(Settings { cusum, ..all() }), Err(SettingsError::Cusum));
    let gap = Some(Duration::ZERO);
    assert_eq!(Chart::new(Settings { gap, ..all() }), Err(SettingsError::Interval));
}

/// A chart of everything is made once: its limits are a search.
fn template() -> Chart {
    static ALL: std::sync::OnceLock<Chart> = std::sync::OnceLock::new();
    ALL.get_or_init(|| Chart::new(all()).unwrap()).clone()
}

fn marks(points: &[Point]) -> Vec<Vec<Mark>> {
    points.iter().map(|point| point.marks.clone()).collect()
}

/// Values with stretches that are off, so that all that can signal does.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let stretch = (-2.0..2.0_f64, 0.05..2.0_f64, 1..25_usize, any::<u64>()).prop_map(
        |(level, width, n, seed)| {
            let mut noise = Noise::new(seed);
            (0..n).map(|_| level + width * noise.normal()).collect::<Vec<f64>>()
        },
    );
    prop::collection::vec(stretch, 1..8).prop_map(|stretches| stretches.concat())
}

fn estimates() -> impl Strategy<Value = Estimate> {
    prop_oneof![Just(Estimate::Within), Just(Estimate::Overall), Just(Estimate::Residual)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn another_unit_changes_no_mark(
        values in values(), estimate in estimates(), scale in 0.01..100.0_f64, offset in -50.0..50.0_f64
    ) {
        let (mut one, mut other) = (template(), template());
        one.adopt(known(estimate, 0.1, 1.0, 0.3)).unwrap();
        other.adopt(known(estimate, offset + scale * 0.1, scale, 0.3)).unwrap();
        let converted: Vec<f64> = values.iter().map(|value| offset + scale * value).collect();
        prop_assert_eq!(marks(&points(&mut one, &values)), marks(&points(&mut other, &converted)));
    }

    #[test]
    fn the_mirror_image_has_the_marks_of_the_other_side(values in values(), estimate in estimates()) {
        let (mut one, mut other) = (template(), template());
        one.adopt(known(estimate, 0.1, 1.0, 0.3)).unwrap();
        other.adopt(known(estimate, -0.1, 1.0, 0.3)).unwrap();
        let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
        let turned = |mark: &Mark| match (mark.by, mark.side) {
            // A spread has no sides that are turned.
            (Detector::Spread, _) | (_, Side::Both) => *mark,
            (by, Side::High) => Mark { by, side: Side::Low },
            (by, Side::Low) => Mark { by, side: Side::High },
        };
        let expected: Vec<Vec<Mark>> = points(&mut one, &values)
            .iter()
            .map(|point| point.marks.iter().map(turned).collect())
            .collect();
        prop_assert_eq!(expected, marks(&points(&mut other, &mirrored)));
    }

    #[test]
    fn a_chart_that_was_written_down_and_read_goes_on_as_it_would_have(
        values in values(), estimate in estimates(), cut in 0..100_usize
    ) {
        let mut whole = template();
        whole.adopt(known(estimate, 0.1, 1.0, 0.3)).unwrap();
        let mut parted = whole.clone();
        let expected = points(&mut whole, &values);
        let mut found = Vec::new();
        for (ix, value) in values.iter().enumerate() {
            if ix == cut % values.len() {
                let json = serde_json::to_string(&parted).unwrap();
                parted = serde_json::from_str(&json).unwrap();
            }
            let at = minute(i64::try_from(ix).unwrap() + 1);
            found.extend(parted.take(at, &[*value]));
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(parted, whole);
    }
}

#[test]
fn a_band_knows_on_which_side_its_value_is() {
    let band = |value| Band { value, centre: 1.0, lower: 0.0, upper: 2.0 };
    assert_eq!(
        [-0.1, 0.0, 2.0, 2.1].map(|value| band(value).beyond()),
        [Some(Side::Low), None, None, Some(Side::High)]
    );
}
