//! Trial limits: what they are wider by, what they may be worth, and what waits for better ones.

use crate::chart::fixtures::{MONTGOMERY, Noise, history, minute, near};
use crate::chart::{
    Autocorrelation, Chart, CusumSettings, Detector, Estimate, History, Kind, Limits, LimitsError,
    Rule, Settings, arl,
};

fn on_trial() -> Settings {
    Settings { trial: true, ..Settings::default() }
}

fn limits(settings: &Settings, readings: &[f64]) -> Result<Limits, LimitsError> {
    settings.limits(&history(Kind::Individuals, readings), 1, minute(0))
}

/// About 10, without correlation: each pair of signs is as frequent.
fn even(n: usize) -> Vec<f64> {
    [9.0, 9.0, 11.0, 11.0].into_iter().cycle().take(n).collect()
}

/// About 10, up and down in turns: they are worth as many as they are, for only what is alike is worth less.
fn in_turns(n: usize) -> Vec<f64> {
    [9.0, 11.0].into_iter().cycle().take(n).collect()
}

#[test]
fn few_points_make_limits_where_they_are_asked_for_and_wider_ones() {
    let found = limits(&on_trial(), &in_turns(40)).unwrap();
    let trial = found.trial.unwrap();
    assert_eq!((found.n, found.provisional, found.estimate), (40, true, Estimate::Overall));
    near(found.centre, 10.0, 1e-12);
    near(found.overall, 1.0, 0.03);
    // s is √(40 / 39).
    near(found.sigma, trial.widened * (40.0_f64 / 39.0).sqrt(), 1e-9);

    let few = limits(&on_trial(), &in_turns(24)).unwrap_err();
    assert_eq!(few.to_string(), "limits need 25 independent points; these 24 are worth 24");
    let not_asked = limits(&Settings::default(), &in_turns(40)).unwrap_err();
    assert!(not_asked.to_string().starts_with("limits need 100 "), "{not_asked}");
    assert_eq!(limits(&on_trial(), &[0.1; 40]), Err(LimitsError::Constant));
    assert_eq!(limits(&on_trial(), &in_turns(120)).unwrap().trial, None, "enough are enough");
}

/// Points, how much wider limits are, and the rate with its bounds: of points and average, and of points alone.
const ORACLE: [(usize, f64, [f64; 3], [f64; 3]); 3] = [
    (25, 1.136_997, [0.007_917, 1.969e-5, 0.058_34], [0.002_698, 1.628e-5, 0.016_43]),
    (40, 1.081_327, [0.008_461, 1.445e-4, 0.050_2], [0.002_699, 8.718e-5, 0.012_7]),
    (99, 1.031_289, [0.009_103, 1.265e-3, 0.032_69], [0.002_699, 4.464e-4, 8.134e-3]),
];

/// By `tests/oracles/charts.py`: the quantile of Student's t, and rates on a grid of equally likely errors.
#[test]
fn what_trial_limits_may_be_worth_is_that_of_the_oracle() {
    let alone = Settings { ewma: None, ..on_trial() };
    for (n, widened, [rate, low, high], [alone_rate, alone_low, alone_high]) in ORACLE {
        let trial = limits(&on_trial(), &in_turns(n)).unwrap().trial.unwrap();
        let rates = trial.rates.unwrap();
        near(trial.widened, widened, 2e-6);
        near(rates.mean, rate, 0.003 * rate);
        near(rates.low, low, 0.01 * low);
        near(rates.high, high, 0.01 * high);
        let trial = limits(&alone, &in_turns(n)).unwrap().trial.unwrap();
        let rates = trial.rates.unwrap();
        near(rates.mean, alone_rate, 0.003 * alone_rate);
        near(rates.low, alone_low, 0.01 * alone_low);
        near(rates.high, alone_high, 0.01 * alone_high);
        // In the mean as often as beyond three known σ.
        near(rates.mean, 1.0 / arl::shewhart(3.0, 0.0), 1e-5);
    }
}

#[test]
fn what_is_about_the_centre_waits_for_better_limits() {
    let settings = Settings {
        rules: [Rule::Nelson1, Rule::Nelson2, Rule::Western4].into(),
        spread: true,
        cusum: Some(CusumSettings { k: 0.5, run_length: 370.4, fast: false }),
        ..on_trial()
    };
    let holds: Vec<Detector> = settings.detectors().filter(|by| by.holds_on_trial()).collect();
    assert_eq!(holds, [Detector::Rule(Rule::Nelson1), Detector::Ewma]);
    let marks = |history: &[f64]| {
        let mut chart = Chart::new(settings.clone()).unwrap();
        chart.adopt(limits(&settings, history).unwrap()).unwrap();
        // 1.2 σ above it, and at the end far beyond.
        let after = [11.2; 12].into_iter().chain([16.0]).zip(0..);
        let points: Vec<_> =
            after.map(|(reading, t)| chart.take(minute(t), &[reading]).unwrap()).collect();
        assert_eq!(points[0].cusum.is_some(), history.len() > 99);
        let marks = points.into_iter().flat_map(|point| point.marks);
        marks.map(|mark| mark.by).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(marks(&even(40)), holds.into_iter().collect());
    assert_eq!(marks(&even(400)), settings.detectors().collect(), "all of them, in the end");
}

/// Montgomery's series shifts by 1 σ after its twentieth point; known limits of the EWMA are passed at the twenty-ninth.
#[test]
fn an_average_on_trial_allows_for_a_centre_that_nobody_knows() {
    let mut chart = Chart::new(on_trial()).unwrap();
    let limits = limits(&on_trial(), &in_turns(40)).unwrap();
    let sigma = limits.sigma;
    chart.adopt(limits).unwrap();
    let points: Vec<_> =
        MONTGOMERY.iter().zip(0..).map(|(x, t)| chart.take(minute(t), &[*x]).unwrap()).collect();
    let width = arl::ewma_limit(0.1, arl::USUAL).unwrap();
    let first = points[0].ewma.unwrap();
    near(first.upper, 10.0 + sigma * width * (0.01 + 1.0 / 40.0_f64).sqrt(), 1e-9);
    let last = points[29].ewma.unwrap();
    near(last.upper, 10.0 + sigma * width * (0.1 / 1.9 + 1.0 / 40.0_f64).sqrt(), 2e-3);
    assert!(points.iter().all(|point| point.marks.is_empty()));
    assert!(points.iter().all(|point| point.provisional));
}

#[test]
fn what_only_widens_is_believed_of_a_correlation_of_few_points() {
    let mut noise = Noise::new(4);
    let readings = noise.correlated(0.5, 80);
    let alike = limits(&on_trial(), &readings).unwrap();
    assert!(alike.trial.is_some() && alike.effective < 50.0, "{alike:?}");
    let shuffled: Vec<f64> = (0..80).map(|ix| readings[ix * 37 % 80]).collect();
    let apart = limits(&on_trial(), &shuffled).unwrap();
    near(apart.overall, alike.overall, 1e-9);
    assert!(alike.sigma > 1.01 * apart.sigma, "{} {}", alike.sigma, apart.sigma);
    let autocorrelation = Autocorrelation::Residual;
    assert_eq!((on_trial().autocorrelation, alike.estimate), (autocorrelation, Estimate::Overall));
}

#[test]
fn a_correlation_of_a_few_pairs_is_chance() {
    let of = |pairs: usize| {
        let mut history = History::new(Kind::Individuals);
        for (ix, reading) in even(40).into_iter().enumerate() {
            // Two alike and no others are neighbours.
            if ix % 2 == 0 || ix / 2 >= pairs {
                history.miss();
            }
            history.take(&[reading]);
        }
        on_trial().limits(&history, 1, minute(0))
    };
    let few = of(2).unwrap();
    near(few.phi, 0.0, 0.0);
    near(few.effective, 40.0, 0.0);
    let many = of(20).unwrap_err();
    assert_eq!(many.to_string(), "limits need 25 independent points; these 40 are worth 0");
}

#[test]
fn where_nothing_signals_on_trial_no_rate_is_told() {
    let cusum = CusumSettings { k: 0.5, run_length: 370.4, fast: false };
    let rules = [Rule::Nelson2].into();
    let settings = Settings { rules, ewma: None, cusum: Some(cusum), ..on_trial() };
    let trial = limits(&settings, &in_turns(40)).unwrap().trial.unwrap();
    assert!(trial.widened > 1.05 && trial.rates.is_none(), "{trial:?}");
}
