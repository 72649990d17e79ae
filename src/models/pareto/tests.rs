//! Agreement with scipy (`tests/oracles/pareto.py`), and what follows for limits.

use super::*;

fn near(value: f64, expected: f64, share: f64) {
    assert!((value - expected).abs() <= share * expected.abs(), "{value} is not {expected}");
}

/// Numbers of (0, 1) from a linear congruential generator.
fn chances(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (f64::from(u32::try_from(state >> 32).expect("32 bits")) + 0.5) / 4_294_967_296.0
    };
    (0..n).map(next).collect()
}

/// Excesses of a generalised Pareto distribution of scale 1.
fn excesses(shape: f64, seed: u64, n: usize) -> Vec<f64> {
    let quantile = |chance: f64| {
        let ln = -(1.0 - chance).ln();
        if shape == 0.0 { ln } else { (ln * shape).exp_m1() / shape }
    };
    chances(seed, n).into_iter().map(quantile).collect()
}

fn mean_shape(pareto: &Pareto) -> f64 {
    pareto.likely.iter().map(|one| one.weight * one.shape).sum()
}

/// What `tests/oracles/pareto.py` printed: true shape, seed, number, mean shape, and what a new excess is above in one
/// case of five and of fifty.
const FORESEEN: [(f64, u64, usize, f64, [f64; 2]); 12] = [
    (-0.3, 1, 5, -0.0542, [1.38165, 4.42080]),
    (-0.3, 1, 20, -0.2184, [1.06987, 2.31037]),
    (-0.3, 1, 50, -0.1625, [1.21494, 2.53488]),
    (-0.3, 1, 400, -0.2933, [1.26132, 2.29035]),
    (0.0, 2, 5, -0.0174, [2.22008, 7.11867]),
    (0.0, 2, 20, 0.0874, [1.96113, 5.58921]),
    (0.0, 2, 50, 0.0988, [1.69144, 4.73550]),
    (0.0, 2, 400, -0.0726, [1.65718, 3.72320]),
    (0.25, 3, 5, -0.0131, [1.39599, 4.48154]),
    (0.25, 3, 20, 0.0025, [2.47785, 6.41104]),
    (0.25, 3, 50, 0.0287, [2.19113, 5.63207]),
    (0.25, 3, 400, 0.1771, [2.02018, 6.14293]),
];

#[test]
fn what_is_foreseen_agrees_with_scipy() {
    for (shape, seed, n, mean, at) in FORESEEN {
        let pareto = Pareto::of(&excesses(shape, seed, n)).expect("some above nought");
        assert!((mean_shape(&pareto) - mean).abs() < 2e-3, "{shape} {n}: {}", mean_shape(&pareto));
        for (probability, expected) in [0.2, 0.02].into_iter().zip(at) {
            let x = pareto.passed_with(probability);
            near(x, expected, 2e-3);
            near(pareto.beyond(x), probability, 1e-8);
        }
    }
}

/// The check of the literature on SPOT: four hundred excesses of 20,000 of Student's t of five degrees, one in ten
/// thousand. Of so many excesses the shape before them counts for little: the likeliest distribution says nearly the same.
#[test]
fn many_excesses_say_what_the_likeliest_distribution_does() {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let student = StudentsT::new(0.0, 1.0, 5.0).expect("five degrees");
    let mut chances = chances(7, 20_000);
    chances.sort_by(f64::total_cmp);
    let values: Vec<f64> =
        chances[20_000 - 401..].iter().map(|chance| student.inverse_cdf(*chance)).collect();
    let excesses: Vec<f64> = values[1..].iter().map(|value| value - values[0]).collect();
    let pareto = Pareto::of(&excesses).expect("some above nought");
    let limit = values[0] + pareto.passed_with(1e-4 * 20_000.0 / 400.0);
    near(values[0], 2.735_93, 1e-4);
    assert!((mean_shape(&pareto) - 0.1501).abs() < 2e-3, "{}", mean_shape(&pareto));
    near(limit, 10.3352, 2e-3);
    // Of shape 0.150 and scale 0.922, which are the likeliest; the shape of all values is 0.2.
    near(limit, 10.1909, 0.03);
    let beyond = 1.0 - student.cdf(limit);
    assert!(beyond > 0.5e-4 && beyond < 2e-4, "{beyond}");
}

#[test]
fn of_shape_nought_alone_it_is_a_lomax_distribution() {
    let mut pareto = Pareto::of(&[0.1, 0.2, 0.3, 0.5]).expect("some above nought");
    pareto.likely.retain(|one| one.shape == 0.0);
    let sum: f64 = pareto.likely.iter().map(|one| one.weight).sum();
    for one in &mut pareto.likely {
        one.weight /= sum;
    }
    near(pareto.passed_with(0.02), 1.1 * (50.0_f64.powf(0.25) - 1.0), 1e-3);
    // x = S·g, and S over the true scale is a gamma variable: P(exp(−g·G) < p) of shape 4 and g = 1.
    let (low, high) = pareto.range_beyond(1.1, (0.1, 0.9));
    near(low, (-6.680_783_f64).exp(), 0.3);
    near(high, (-1.744_770_f64).exp(), 0.1);
}

#[test]
fn scale_is_that_of_the_excesses_and_nothing_else() {
    let (some, thousand) = (excesses(0.1, 4, 9), 1000.0);
    let small = Pareto::of(&some).expect("some above nought");
    let large =
        Pareto::of(&some.iter().map(|y| thousand * y).collect::<Vec<f64>>()).expect("the same");
    for probability in [0.9, 0.1, 1e-3, 1e-8] {
        near(large.passed_with(probability), thousand * small.passed_with(probability), 1e-6);
    }
    assert!(small.passed_with(1.0).abs() < 1e-12 && small.passed_with(7.0).abs() < 1e-12);
}

#[test]
fn few_and_odd_excesses_are_borne() {
    for none in [&[][..], &[0.0; 20], &[f64::NAN], &[f64::INFINITY, 1.0]] {
        assert!(Pareto::of(none).is_none(), "{none:?}");
    }
    for some in [&[0.3][..], &[0.0, 0.0, 1e-300], &[1e-9, 1e9], &[2.0; 100]] {
        let pareto = Pareto::of(some).expect("one above nought");
        let far = [0.5, 1e-2, 1e-4, 1e-9, 0.0].map(|probability| pareto.passed_with(probability));
        assert!(far.windows(2).all(|pair| pair[0] < pair[1]), "{some:?}: {far:?}");
        assert!(far.iter().all(|x| *x > 0.0 && x.is_finite()), "{some:?}: {far:?}");
        let (low, high) = pareto.range_beyond(far[1], (0.01, 0.99));
        assert!(low <= 1e-2 && high >= 1e-2, "{some:?}: {low} {high}");
    }
}
