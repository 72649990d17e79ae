//! Run lengths, constants, intervals and a correlated series agree with numpy, scipy and statsmodels
//! (`tests/oracles/charts.py`).

use crate::chart::fixtures::{history, minute, near};
use crate::chart::{
    Autocorrelation, Chart, Constants, Estimate, Ewma, Kind, Limits, Settings, Side, Specification,
    Step, arl, capability, of_nearer, of_ratio,
};

#[test]
#[expect(clippy::approx_constant, reason = "as a table prints it")]
fn constants_are_the_moments_of_the_range() {
    for (n, c4, d2, d3) in [
        (2, 0.797_884_56, 1.128_379_17, 0.852_502_47),
        (3, 0.886_226_93, 1.692_568_75, 0.888_368),
        (5, 0.939_985_6, 2.325_928_95, 0.864_081_94),
        (10, 0.972_659_27, 3.077_505_46, 0.797_050_67),
        (25, 0.989_640_38, 3.930_629_22, 0.708_440_77),
    ] {
        let of = Constants::of(n).unwrap();
        near(of.c4, c4, 1e-8);
        near(of.d2, d2, 2e-8);
        near(of.d3, d3, 5e-8);
    }
}

#[test]
fn run_lengths_are_those_of_a_markov_chain() {
    for (lambda, limit, delta, expected) in [
        (0.1, 2.814, 0.0, 499.5795),
        (0.1, 2.814, 1.0, 10.3307),
        (0.05, 2.615, 0.5, 28.7637),
        (0.2, 2.962, 0.0, 499.7351),
        (0.4, 3.054, 2.0, 3.5215),
        (0.02, 2.3, 0.0, 524.2944),
    ] {
        near(arl::ewma(lambda, limit, delta), expected, 1e-5 * expected + 1e-4);
    }
    for (k, h, delta, expected) in [
        (0.5, 5.0, 0.0, 465.4435),
        (0.5, 5.0, 1.0, 10.376),
        (0.5, 4.0, 0.0, 167.6838),
        (0.25, 8.0103, 0.0, 370.3908),
        (1.0, 2.5168, 2.0, 3.2637),
        (0.5, 4.774, 0.5, 35.2558),
    ] {
        near(arl::cusum(k, h, delta), expected, 1e-5 * expected + 1e-4);
    }
}

#[test]
fn an_ewma_of_correlated_points_varies_as_a_process_of_second_order() {
    for (phi, lambda, variance) in
        [(0.5, 0.2, 0.259_259_26), (0.9, 0.1, 0.501_385_04), (-0.4, 0.3, 0.099_264_71)]
    {
        let mut ewma = Ewma::new(lambda, 1.0);
        let last = (0..400).map(|_| ewma.take(0.0, Step::Usual, phi).limit).last().unwrap();
        near(last * last, variance, 1e-8);
    }
}

#[test]
fn intervals_are_those_of_another_library() {
    for (n, cp, cpk) in [
        (10.0, (0.547_762, 1.453_837), (0.681_778, 1.978_222)),
        (25.0, (0.718_829, 1.280_691), (0.931_705, 1.728_295)),
        (50.0, (0.802_482, 1.197_126), (1.050_939, 1.609_061)),
        (100.0, (0.860_826, 1.138_943), (1.133_564, 1.526_436)),
        (200.0, (0.901_774, 1.098_102), (1.191_409, 1.468_591)),
        (46.25, (0.794_517, 1.205_072), (1.039_632, 1.620_368)),
    ] {
        let (both, nearer) = (of_ratio(1.0, n - 1.0, 0.95), of_nearer(1.33, n, n - 1.0, 0.95));
        near(both.lower, cp.0, 1e-6);
        near(both.upper, cp.1, 1e-6);
        near(nearer.lower, cpk.0, 1e-6);
        near(nearer.upper, cpk.1, 1e-6);
    }
}

/// An AR(1) about 16, with the noise of a congruential generator.
fn series(n: usize, phi: f64) -> Vec<f64> {
    let (mut state, mut value) = (1_u32, 0.0);
    let mut next = || {
        let mut noise = -6.0;
        for _ in 0..12 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise += f64::from(state) / 4_294_967_296.0;
        }
        value = phi * value + noise;
        16.0 + 0.1 * value
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn a_correlated_series_has_the_fit_of_statsmodels() {
    let readings = series(1000, 0.6);
    let history = history(Kind::Individuals, &readings);
    let fit = |autocorrelation| Limits::estimate(&history, autocorrelation, 1, minute(0)).unwrap();
    let residual = fit(Autocorrelation::Residual);
    assert_eq!((residual.estimate, residual.provisional), (Estimate::Residual, true));
    near(residual.centre, 15.993_961_271_9, 1e-9);
    near(residual.phi, 0.598_817_885_703, 1e-9);
    near(residual.sigma, 0.100_741_772_498, 1e-9);
    near(residual.overall, 0.125_754_496_956, 1e-9);
    near(residual.within, 0.079_850_253_832, 1e-9);
    near(residual.effective, 250.924_209_621, 1e-6);
    near(residual.spread.upper, 0.294_318_977_921, 1e-9);
    near(fit(Autocorrelation::Widened).sigma, 0.125_754_496_956, 1e-9);

    let asked = Specification { lower: Some(15.5), upper: Some(16.4), target: Some(16.0) };
    let found = capability(&residual, asked, 0.95).unwrap();
    let pp = found.pp.unwrap();
    near(pp.value, 1.192_800_286_519, 1e-9);
    near(pp.lower, 1.088_241_171_299, 1e-6);
    near(pp.upper, 1.297_240_002_645, 1e-6);
    near(found.ppk.value, 1.076_273_580_476, 1e-9);
    near(found.ppk.lower, 0.973_301_026_061, 1e-6);
    near(found.ppk.upper, 1.179_246_134_890, 1e-6);
    near(found.cpm.unwrap(), 1.191_427_410_406, 1e-9);
    near(found.ppm, 664.339_908_297, 1e-4);
    assert_eq!((found.cp, found.cpk), (None, None));
}

#[test]
fn a_jump_in_a_correlated_series_shows_in_its_residuals() {
    let readings = series(1200, 0.6);
    let mut chart = Chart::new(Settings { ewma: None, ..Settings::default() }).unwrap();
    let before = history(Kind::Individuals, &readings[..1000]);
    let limits = Limits::estimate(&before, Autocorrelation::Residual, 1, minute(0)).unwrap();
    chart.adopt(limits).unwrap();
    let mut away = Vec::new();
    let mut marked = Vec::new();
    for (ix, reading) in readings[1000..].iter().enumerate() {
        let reading = if ix == 50 { reading + 0.6 } else { *reading };
        let point = chart.take(minute(i64::try_from(ix).unwrap()), &[reading]).unwrap();
        away.push((point.value - point.centre) / point.sigma);
        marked.extend(point.marks.iter().map(|mark| (ix, mark.by.name(), mark.side)));
    }
    let expected = [-0.951_801_7, -1.551_283_694, -0.078_944_14, 0.898_528_986, -0.784_675_441];
    for (found, expected) in away[1..].iter().zip(expected) {
        near(*found, expected, 1e-7);
    }
    near(away[50], 5.622_864, 1e-6);
    near(away[51], -3.746_944, 1e-6);
    assert_eq!(marked, [(50, "nelson-1", Side::High), (51, "nelson-1", Side::Low)]);
}
