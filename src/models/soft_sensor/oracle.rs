//! PLS agrees with scikit-learn (`tests/oracles/pls.py`) and with the worked example of eight rows.

use super::super::fixtures::{generator, near};
use super::pls::Pls;
use ndarray::{Array1, Array2, Axis, arr1, arr2};

/// Two ways to the same number part by rounding alone; the oracle prints 13 digits.
const ROUNDING: f64 = 1e-10;

#[track_caller]
fn all_near(values: &Array1<f64>, expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        near(*value, *expected, tolerance);
    }
}

/// Five columns of three courses, and a property of two of these; each less its mean, which stands behind them.
fn rows(rows: usize) -> (Array2<f64>, Array1<f64>, Array1<f64>, f64) {
    let (mut noise, mut x, mut y) = (generator(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let [first, second, third]: [f64; 3] = std::array::from_fn(|_| noise());
        let own: [f64; 6] = std::array::from_fn(|_| noise());
        x.extend([
            first + 0.1 * own[0],
            first - second + 0.2 * own[1],
            2.0 * second + 0.3 * own[2],
        ]);
        x.extend([third + 0.1 * own[3], own[4]]);
        y.push(3.0 * first - 2.0 * second + 0.5 * own[5]);
    }
    let (x, y) = (Array2::from_shape_vec((rows, 5), x).unwrap(), Array1::from(y));
    let (x_mean, y_mean) = (x.mean_axis(Axis(0)).unwrap(), y.mean().unwrap());
    (x - &x_mean, y - y_mean, x_mean, y_mean)
}

#[test]
fn components_agree_with_scikit_learn() {
    let (x, y, x_mean, y_mean) = rows(40);
    let pls = Pls::fit(x.view(), y.view(), 5);
    let new = arr1(&[1.0, -0.5, 0.3, 0.8, -0.2]) - x_mean;
    let expected = [
        (
            1,
            [
                0.865_158_460_019_2,
                1.176_607_562_688,
                -0.803_953_102_759_8,
                -0.088_025_098_236_63,
                -0.074_652_826_201_93,
            ],
            [
                1.157_654_311_61,
                1.574_399_235_475,
                1.075_756_429_316,
                0.117_784_936_763_3,
                0.099_891_719_402_07,
            ],
            [0.001_602_213_416_987, 2.355_519_164_775, -0.024_585_663_540_17],
        ),
        (
            2,
            [
                1.552_524_177_687,
                1.502_548_039_258,
                -0.208_144_943_937_1,
                -0.132_875_821_638_7,
                0.060_708_352_482_16,
            ],
            [
                1.177_459_340_415,
                1.455_635_660_089,
                1.206_069_625_727,
                0.111_959_571_650_3,
                0.166_058_540_766,
            ],
            [0.015_269_326_207_61, 2.036_260_834_961, 0.587_943_662_327_1],
        ),
        (
            3,
            [
                1.601_671_889_325,
                1.489_269_890_036,
                -0.205_796_733_827_3,
                0.082_332_002_145_6,
                0.026_887_544_104_51,
            ],
            [
                1.176_076_947_463,
                1.453_768_782_34,
                1.204_503_006_278,
                0.157_243_012_786_4,
                0.166_872_657_848_3,
            ],
            [0.167_605_289_642_6, 0.771_788_712_674_2, 0.857_884_444_120_1],
        ),
        (
            5,
            [
                2.176_347_973_97,
                0.852_728_253_247_3,
                -0.525_258_146_514_5,
                0.037_605_409_196_66,
                0.091_929_697_120_07,
            ],
            [
                1.175_923_117_803,
                1.453_471_206_324,
                1.203_962_882_061,
                0.157_686_026_793_5,
                0.173_881_479_686_5,
            ],
            [2.602_647_616_618, 0.0, 1.604_048_616_269],
        ),
    ];
    for (components, coefficients, importance, [leverage, spe, predicted]) in expected {
        let pls = pls.first(components);
        all_near(&pls.coefficients(), &coefficients, ROUNDING);
        all_near(&pls.importance(), &importance, ROUNDING);
        let scores = pls.scores(new.view());
        near(pls.leverage(&scores), leverage, ROUNDING);
        near(pls.spe(new.view(), &scores), spe, ROUNDING);
        near(y_mean + pls.predict(&scores), predicted, ROUNDING);
    }
}

/// domain.md 14.3.
#[test]
fn eight_rows_agree_with_the_worked_example() {
    let x = arr2(&[
        [2.0, 1.9, 3.1],
        [2.2, 2.1, 2.9],
        [1.8, 1.7, 3.2],
        [2.5, 2.4, 2.7],
        [2.1, 2.2, 3.0],
        [1.9, 1.8, 3.3],
        [2.4, 2.3, 2.6],
        [2.3, 2.2, 2.8],
    ]);
    let y = arr1(&[10.1, 10.9, 9.2, 12.1, 10.6, 9.4, 11.8, 11.2]);
    let (mean, sd) = (x.mean_axis(Axis(0)).unwrap(), x.std_axis(Axis(0), 1.0));
    let (y_mean, y_sd) = (y.mean().unwrap(), y.std(1.0));
    let z = (&x - &mean) / &sd;
    let pls = Pls::fit(z.view(), ((&y - y_mean) / y_sd).view(), 2);
    let new = (arr1(&[2.6, 2.0, 3.0]) - &mean) / &sd;
    let told = [
        (
            1,
            [0.344_935, 0.336_576, -0.335_327],
            [1.017_590, 0.992_928, 0.989_245],
            [11.150_975, 9.975_174],
        ),
        (
            2,
            [0.580_476, 0.235_398, -0.197_290],
            [1.018_763, 0.992_114, 0.988_853],
            [11.668_252, 9.987_092],
        ),
    ];
    for (components, coefficients, importance, [of_new, of_first]) in told {
        let pls = pls.first(components);
        all_near(&pls.coefficients(), &coefficients, 2e-6);
        all_near(&pls.importance(), &importance, 2e-6);
        let predict = |row| y_mean + y_sd * pls.predict(&pls.scores(row));
        near(predict(new.view()), of_new, 1e-7);
        near(predict(z.row(0)), of_first, 1e-7);
    }
}

#[test]
fn components_end_where_nothing_goes_with_the_property() {
    let (x, y, ..) = rows(40);
    // A column that is the sum of two others, and one without variation.
    let sum = (&x.column(0) + &x.column(1)).insert_axis(Axis(1));
    let x = ndarray::concatenate![Axis(1), x, sum, Array2::zeros((40, 1))];
    let pls = Pls::fit(x.view(), y.view(), 7);
    assert_eq!(pls.components(), 5);
    assert!(pls.coefficients().iter().all(|value| value.is_finite()));
    assert_eq!(Pls::fit(x.view(), Array1::zeros(40).view(), 3).components(), 0);
}
