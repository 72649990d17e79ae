//! Components, statistics, limits and contributions agree with scikit-learn and scipy (`tests/oracles/pca.py`).

use super::super::fixtures::{generator, near};
use super::super::limits::{
    jackson_mudholkar, spe_limit_box, t2_limit_phase_one, t2_limit_phase_two,
};
use super::*;
use ndarray::arr1;

/// Two ways to the same number part by rounding alone, which is some 1e-12 here; the oracle prints 13 digits.
const ROUNDING: f64 = 1e-10;

/// Quantiles are searched for until the steps are small: with some 1e-10 still to go.
const SEARCHED: f64 = 1e-9;

#[track_caller]
fn all_near<'a>(values: impl IntoIterator<Item = &'a f64>, expected: &[f64]) {
    let values: Vec<f64> = values.into_iter().copied().collect();
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.into_iter().zip(expected) {
        near(value, *expected, ROUNDING);
    }
}

/// Three columns follow a slow course, two a fast one, and one is by itself.
fn rows(n: usize) -> Array2<f64> {
    let mut noise = generator();
    let (mut slow, mut fast) = (0.0, 0.0);
    let mut values = Vec::new();
    for _ in 0..n {
        slow = 0.9 * slow + noise();
        fast = 0.3 * fast + noise();
        let own: [f64; 6] = std::array::from_fn(|_| noise());
        values.extend([
            1000.0 + 5.0 * (slow + 0.3 * own[0]),
            990.0 + 4.0 * (slow - 0.2 * fast + 0.4 * own[1]),
            20.0 - 0.5 * (slow + own[2]),
            3.0 + 0.1 * (fast + 0.5 * own[3]),
            70.0 - 2.0 * (fast + 0.7 * own[4]),
            0.02 * own[5],
        ]);
    }
    Array2::from_shape_vec((n, 6), values).unwrap()
}

/// What is fitted on, and six rows behind it: one with a column off, one far out, one with a reading beyond belief.
fn fitted_and_new() -> (Array2<f64>, Array2<f64>) {
    let all = rows(606);
    let (rows, new) = all.view().split_at(Axis(0), 600);
    let (rows, mut new) = (rows.to_owned(), new.to_owned());
    new[[1, 3]] += 0.4;
    shift(&mut new, 2, [15.0, 12.0, -1.5]);
    new[[3, 5]] = 1e6;
    (rows, new)
}

fn shift(rows: &mut Array2<f64>, row: usize, by: [f64; 3]) {
    for (column, by) in by.into_iter().enumerate() {
        rows[[row, column]] += by;
    }
}

fn fit(rows: &Array2<f64>, components: Components) -> Pca {
    Pca::fit_all(rows.view(), components, Array1::zeros(rows.ncols()).view()).unwrap()
}

fn all_statistics(pca: &Pca, rows: &Array2<f64>) -> Vec<Statistics> {
    rows.rows().into_iter().map(|row| pca.statistics(row)).collect()
}

#[track_caller]
fn measure(pca: &Pca, rows: &Array2<f64>, t2: [f64; 6], spe: [f64; 6]) {
    let found = all_statistics(pca, rows);
    all_near(found.iter().map(|found| &found.t2), &t2);
    all_near(found.iter().map(|found| &found.spe), &spe);
}

#[test]
fn components_and_statistics_are_those_of_scikit_learn() {
    let (rows, new) = fitted_and_new();
    let pca = fit(&rows, Components::Parallel(1));
    assert_eq!(pca.components(), 2);
    all_near(
        &pca.mean,
        &[
            998.167_138_306_4,
            988.584_096_019_6,
            20.171_573_173_99,
            2.995_207_155_116,
            70.053_033_267_48,
            -0.000_579_097_098_236_3,
        ],
    );
    all_near(
        &pca.sd,
        &[
            6.078_817_465_083,
            4.976_426_935_765,
            0.659_013_004_321_7,
            0.069_872_155_719_48,
            1.535_462_519_426,
            0.012_054_428_819_94,
        ],
    );
    all_near(
        &pca.eigenvalues,
        &[
            2.874_423_232_945,
            1.740_747_457_911,
            0.992_512_815_498_1,
            0.241_820_946_966_5,
            0.122_289_803_464_6,
            0.028_205_743_214_83,
        ],
    );
    all_near(
        &pca.loadings,
        &[
            0.573_092_237_159_2,
            -0.113_224_990_168_3,
            0.578_352_542_252,
            -0.039_019_813_794_21,
            -0.559_060_170_873,
            0.098_810_389_330_3,
            -0.116_217_611_936_2,
            -0.694_185_880_917_5,
            0.093_246_228_462_41,
            0.699_667_410_075_5,
            0.048_207_442_115_88,
            -0.066_824_701_318_52,
        ],
    );
    near(pca.explained(), 0.769_195_115_142_7, ROUNDING);
    measure(
        &pca,
        &new,
        [
            0.731_414_258_589,
            28.547_211_992_17,
            21.230_784_496_14,
            3_658.723_166_164,
            1.852_785_544_948,
            0.856_926_554_721_9,
        ],
        [
            1.210_660_351_32,
            20.328_688_427_42,
            3.045_535_780_774,
            992_631.462_036_2,
            0.916_355_645_138_3,
            0.245_017_084_515_4,
        ],
    );
    all_near(
        &pca.statistics(new.row(1)).e,
        &[
            -0.219_951_556_769_9,
            0.375_296_612_079,
            -0.099_473_614_434_16,
            3.114_449_894_379,
            2.967_797_343_081,
            -1.273_557_214_614,
        ],
    );
}

#[test]
fn contributions_to_spe_are_what_another_value_of_the_column_would_save() {
    let (rows, new) = fitted_and_new();
    let pca = fit(&rows, Components::Fixed(2));
    let found = all_statistics(&pca, &new);
    all_near(
        &pca.spe_parts(&found[1]),
        &[
            1.438_838_682_944,
            3.925_623_656_113,
            0.116_950_835_838_9,
            79.298_100_958_44,
            71.694_926_866_25,
            1.645_734_463_712,
        ],
    );
    all_near(
        &pca.spe_parts(&found[2]),
        &[
            1.379_265_730_082,
            0.134_900_222_143_5,
            0.189_129_177_319_4,
            5.888_943_099_591,
            4.432_432_210_127,
            1.738_576_543_411,
        ],
    );
}

#[test]
fn contributions_to_t2_are_of_the_root_of_what_the_model_makes_of_the_rows() {
    let (rows, new) = fitted_and_new();
    let pca = fit(&rows, Components::Fixed(2));
    let found = all_statistics(&pca, &new);
    all_near(
        &pca.t2_parts(&found[1]),
        &[
            2.260_823_199_937,
            0.703_019_052_875_9,
            1.960_429_169_307,
            26.715_568_158_78,
            27.154_580_111_88,
            21.133_451_168_97,
        ],
    );
    all_near(
        &pca.t2_parts(&found[2]),
        &[
            15.645_225_518_4,
            13.120_608_012_27,
            15.265_098_004_78,
            6.139_352_191_5,
            6.791_565_625_801,
            20.288_958_046_31,
        ],
    );
    let one = fit(&rows, Components::Fixed(1));
    all_near(
        &one.t2_parts(&one.statistics(new.row(2))),
        &[
            14.094_170_581_8,
            12.509_465_558_26,
            12.707_797_718_89,
            -52.108_871_761_21,
            -33.966_807_925_39,
            -31.708_697_252_55,
        ],
    );
}

/// What a row with holes comes to.
struct Holed {
    holes: &'static [usize],
    /// T², SPE and coverage.
    of_row: [f64; 3],
    scores: [f64; 2],
    residual: [f64; 6],
    t2_parts: [f64; 6],
    spe_parts: [f64; 6],
    /// What the model takes the holes for.
    filled: &'static [f64],
}

const HOLED: [Holed; 3] = [
    Holed {
        holes: &[1],
        of_row: [21.198_969_297_18, 3.061_913_890_317, 0.831_992_895_501_1],
        scores: [5.794_936_583_482, -4.070_044_309_144],
        residual: [
            0.219_596_171_592,
            0.0,
            0.122_362_140_685_5,
            0.848_222_455_126_9,
            0.738_258_137_822_7,
            -1.308_601_893_878,
        ],
        t2_parts: [
            15.611_200_721_37,
            13.089_273_521_23,
            15.231_422_719_78,
            6.141_045_464_965,
            6.792_594_741_354,
            20.263_493_801_39,
        ],
        spe_parts: [
            1.434_192_852_287,
            0.0,
            0.176_962_671_231_4,
            5.881_926_877_415,
            4.436_458_552_361,
            1.737_552_485_544,
        ],
        filled: &[3.510_328_676_323],
    },
    Holed {
        holes: &[0, 4],
        of_row: [22.929_956_548_9, 2.165_528_320_953, 0.580_258_022_732_5],
        scores: [5.622_080_719_807, -4.557_808_763_725],
        residual: [
            0.0,
            0.154_757_716_272_1,
            0.073_921_507_661_76,
            0.489_534_361_858_1,
            0.0,
            -1.332_863_668_827,
        ],
        t2_parts: [
            15.387_844_801_52,
            12.539_190_421_36,
            14.951_294_534_4,
            8.177_125_073_092,
            8.917_290_081_813,
            22.483_432_905_45,
        ],
        spe_parts: [
            0.0,
            0.667_519_564_149_3,
            0.064_584_628_340_2,
            1.959_144_429_006,
            0.0,
            1.802_578_983_587,
        ],
        filled: &[3.738_028_669_665, -2.664_712_430_102],
    },
    Holed {
        holes: &[1, 2, 3, 4, 5],
        of_row: [15.473_284_096_75, 0.362_056_112_996_3, 0.170_627_305_345_4],
        scores: [6.591_637_159_045, -0.788_671_440_543_3],
        residual: [0.134_546_667_182_1, 0.0, 0.0, 0.0, 0.0, 0.0],
        t2_parts: [
            15.445_348_633_28,
            15.361_264_244_84,
            15.465_533_040_1,
            0.002_746_648_516_004,
            0.006_227_060_616_873,
            7.614_424_220_213,
        ],
        spe_parts: [0.538_398_589_931, 0.0, 0.0, 0.0, 0.0, 0.0],
        filled: &[
            3.843_063_921_292,
            -3.763_050_728_562,
            -0.218_579_750_666_3,
            0.062_837_600_268_16,
            0.370_468_700_246_3,
        ],
    },
];

#[test]
fn a_row_with_holes_has_the_scores_of_a_ridge_regression() {
    let (rows, new) = fitted_and_new();
    let pca = fit(&rows, Components::Fixed(2));
    for expected in HOLED {
        let mut row = new.row(2).to_owned();
        for hole in expected.holes {
            row[*hole] = f64::NAN;
        }
        let known = (0..6).filter(|ix| !expected.holes.contains(ix)).collect();
        let gain = pca.gain(known).unwrap();
        let found = pca.statistics_with_holes(row.view(), &gain);
        all_near(&[found.t2, found.spe, gain.coverage], &expected.of_row);
        all_near(&found.t, &expected.scores);
        all_near(&found.e, &expected.residual);
        all_near(&pca.t2_parts(&found), &expected.t2_parts);
        all_near(&pca.spe_parts(&found), &expected.spe_parts);
        let filled = pca.filled(row.view(), &found);
        all_near(expected.holes.iter().map(|hole| &filled[*hole]), expected.filled);
    }
}

#[test]
fn columns_that_may_vary_more_are_scaled_as_scikit_learn_scales_them() {
    let (rows, new) = fitted_and_new();
    let least = arr1(&[3.039_41, 0.0, 0.0, 0.0, 0.0, 0.036_163_3]);
    let pca = Pca::fit_all(rows.view(), Components::Parallel(1), least.view()).unwrap();
    assert_eq!(pca.components(), 2);
    near(pca.explained(), 0.901_556_465_335_2, ROUNDING);
    all_near(
        &pca.eigenvalues,
        &[
            2.870_391_083_78,
            1.737_564_108_476,
            0.241_893_347_119_6,
            0.123_765_037_891_2,
            0.109_294_078_347_5,
            0.028_203_372_293_03,
        ],
    );
    measure(
        &pca,
        &new,
        [
            0.772_778_047_503_2,
            29.157_603_061_74,
            21.803_070_751_88,
            157.148_383_520_3,
            1.976_951_954_275,
            0.835_623_567_103_6,
        ],
        [
            0.205_159_689_673_8,
            18.825_028_121_97,
            1.453_873_203_844,
            999_669.150_343_4,
            0.256_229_631_762_4,
            0.213_686_947_485_1,
        ],
    );
    let found = pca.statistics(new.row(1));
    all_near(
        &pca.spe_parts(&found),
        &[
            2.093_955_455_963,
            3.283_737_764_655,
            0.038_177_595_298_76,
            77.664_701_407_24,
            75.567_976_252_99,
            0.113_544_097_058_7,
        ],
    );
    all_near(
        &pca.t2_parts(&found),
        &[
            2.410_398_289_776,
            0.773_872_434_840_2,
            2.109_788_468_299,
            27.237_957_501_17,
            27.695_478_596_97,
            16.342_073_399_93,
        ],
    );
}

#[test]
fn rows_beyond_the_limits_of_scipy_are_left_out_in_three_passes() {
    let (mut rows, new) = fitted_and_new();
    let fit = |rows: &Array2<f64>| {
        Pca::fit(rows.view(), Components::Parallel(1), Array1::zeros(6).view()).unwrap()
    };
    // Each hides the next, so that a fourth pass would find the last.
    for (row, by) in [(50, 100.0), (150, 5.0), (250, 1.0), (350, 0.4)] {
        rows[[row, 3]] += by;
        rows[[row + 1, 3]] += by;
    }
    // Far out by T² alone.
    for row in 410..413 {
        shift(&mut rows, row, [-30.0, -25.0, 3.0]);
    }
    let pca = fit(&rows);
    assert_eq!((pca.rows, pca.components()), (589, 2));
    all_near(
        &pca.eigenvalues,
        &[
            2.884_550_660_369,
            1.720_271_461_412,
            0.988_788_259_204_8,
            0.257_577_001_007_6,
            0.120_573_195_333_3,
            0.028_239_422_674_11,
        ],
    );
    measure(
        &pca,
        &new,
        [
            0.712_617_621_242_2,
            27.636_985_296_21,
            20.886_352_122_27,
            6_594.411_839_162,
            1.791_166_002_059,
            0.852_267_471_528_4,
        ],
        [
            1.254_518_787_622,
            19.950_385_759_52,
            3.400_810_009_719,
            987_545.981_467_2,
            1.031_843_927_607,
            0.236_596_914_854_9,
        ],
    );
    // A second pass would leave 568, which are less than 95 % of the rows.
    for row in 420..450 {
        rows[[row, 3]] += 4.0;
    }
    assert_eq!(fit(&rows).rows, 595);
}

/// Columns that wander, and follow one of two courses: three the first, three the second as much as told.
fn wander(n: usize, by: f64, persistence: f64) -> Array2<f64> {
    let mut noise = generator();
    let (mut courses, mut own) = ([0.0_f64; 2], [0.0_f64; 6]);
    let mut values = Vec::new();
    for _ in 0..n {
        for course in &mut courses {
            *course = 0.9 * *course + noise();
        }
        for (ix, own) in own.iter_mut().enumerate() {
            *own = persistence * *own + noise();
            values.push(*own + if ix < 3 { 4.0 * courses[0] } else { by * courses[1] });
        }
    }
    Array2::from_shape_vec((n, 6), values).unwrap()
}

/// The second set has more rows than are looked at. Both have eigenvalues so near to chance that the draws decide:
/// none by less than 4e-4, far beyond rounding.
#[test]
fn components_are_as_many_as_beat_columns_shifted_by_the_same_generator() {
    let few = [2, 2, 2, 1, 2, 1, 2, 2, 1, 1, 1, 2, 2, 2, 2, 1, 2, 2, 1, 2, 1, 2, 2, 2];
    let many = [1, 2, 2, 2, 1, 2, 3, 2, 2, 1, 3, 1, 2, 1, 2, 3, 2, 1, 3, 1, 1, 1, 1, 3];
    for (n, by, persistence, expected) in [(300, 0.8, 0.95, few), (4500, 1.0, 0.99, many)] {
        let rows = wander(n, by, persistence);
        let found: Vec<usize> =
            (0..24).map(|seed| fit(&rows, Components::Parallel(seed)).components()).collect();
        assert_eq!(found, expected, "{n} rows");
    }
}

#[test]
fn limits_are_quantiles_of_scipy() {
    for (n, a, alpha, one, two) in [
        (20.0, 1.0, 0.05, 3.554_513_480_382, 4.599_787_176_948),
        (20.0, 6.0, 0.001, 14.147_905_352_91, 63.575_819_482_87),
        (600.0, 2.0, 0.001, 13.679_794_312_69, 14.023_040_226_51),
        (5000.0, 12.0, 0.01, 26.179_691_361_77, 26.322_785_794_23),
        (200_000.0, 30.0, 0.0001, 67.626_267_361_72, 67.649_480_046_69),
    ] {
        near(t2_limit_phase_one(n, a, alpha), one, SEARCHED);
        near(t2_limit_phase_two(n, a, alpha), two, SEARCHED);
    }
    let own = [0.992_512_815_498_1, 0.241_820_946_966_5, 0.122_289_803_464_6, 0.028_205_743_214_83];
    let one_great = [vec![0.9], vec![0.01; 40]].concat();
    // No power of it is normal: the limit is Box's.
    let of_many = [vec![0.9], vec![0.01; 200]].concat();
    for (residual, alpha, by_box, jm) in [
        (&own[..], 0.05, 4.297_936_923_962, 4.365_462_892_662),
        (&own, 0.01, 6.707_861_568_326, 7.582_737_905_5),
        (&own, 0.0001, 13.662_841_504_45, 20.208_892_776_75),
        (&one_great, 0.05, 3.843_432_132_544, 4.005_069_972_085),
        (&one_great, 0.01, 5.875_484_739_354, 7.487_379_015_792),
        (&one_great, 0.0001, 11.671_364_702_45, 25.480_337_222_42),
        (&of_many, 0.05, 5.291_802_942_701, 5.291_802_942_701),
        (&of_many, 0.01, 6.700_567_076_179, 6.700_567_076_179),
        (&of_many, 0.0001, 10.247_692_344_4, 10.247_692_344_4),
        (&[0.6, 0.6], 0.05, 3.594_878_728_265, 3.562_121_967_439),
        (&[0.6, 0.6], 0.01, 5.526_204_223_186, 5.532_303_207_192),
        (&[0.6, 0.6], 0.0001, 11.052_408_446_37, 11.572_830_145_03),
    ] {
        near(spe_limit_box(residual, alpha), by_box, SEARCHED);
        near(jackson_mudholkar(residual, alpha), jm, SEARCHED);
    }
}
