//! Known delays are found, none are found where there are none, and what follows the quality is not taken for a cause.

use super::*;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A frame of ten seconds is a row.
const FRAME_S: f64 = 10.0;

/// About normal, of variance 1.
fn normal(chance: &mut Xoshiro256PlusPlus) -> f64 {
    let uniform = |_| f64::from(chance.next_u32()) / f64::from(u32::MAX);
    (0..12).map(uniform).sum::<f64>() - 6.0
}

/// A series of an AR(1), of variance 1.
fn wander(chance: &mut Xoshiro256PlusPlus, phi: f64, rows: usize) -> Vec<f64> {
    let mut value = normal(chance);
    let mut next = || {
        value = phi * value + (1.0 - phi * phi).sqrt() * normal(chance);
        value
    };
    (0..rows).map(|_| next()).collect()
}

/// A table of columns, all of one grade's batches of 150 rows that follow each other, of a quality tag.
fn table(columns: &[Vec<f64>], quality: Vec<f64>) -> Table {
    let rows = quality.len();
    let blocks: Vec<usize> = (0..rows).step_by(150).collect();
    Table {
        columns: (0..columns.len()).map(|ix| Arc::from(format!("c{ix}"))).collect(),
        values: (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect(),
        joined: blocks[1..].to_vec(),
        blocks,
        quality: vec!["q".into()],
        measured: quality,
        ..Table::default()
    }
}

fn found(table: &Table) -> Vec<DelayEstimate> {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    estimate(table, &all, FRAME_S)
}

/// A plant in which four tags of AR(1) reach the quality after so many rows each; the second one lowers it.
fn plant(seed: u64, delays: [usize; 4]) -> Table {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    let rows = 2400;
    let inputs: Vec<Vec<f64>> =
        [0.5, 0.9, 0.97, 0.99].iter().map(|phi| wander(&mut chance, *phi, rows)).collect();
    let noise = wander(&mut chance, 0.9, rows);
    let gains = [0.4, -0.6, 0.9, 1.2];
    let quality = (0..rows).map(|row| {
        let of = |(ix, input): (usize, &Vec<f64>)| {
            gains[ix] * row.checked_sub(delays[ix]).map_or(0.0, |before| input[before])
        };
        0.5 * noise[row] + inputs.iter().enumerate().map(of).sum::<f64>()
    });
    let quality = quality.collect();
    table(&inputs, quality)
}

#[test]
fn delays_of_a_plant_are_found_within_a_row() {
    for (seed, delays) in [(1, [1, 6, 40, 200]), (2, [3, 30, 90, 600]), (3, [2, 2, 500, 60])] {
        let found = found(&plant(seed, delays));
        assert_eq!(found.len(), 4, "{found:?}");
        for (ix, (one, delay)) in found.iter().zip(delays).enumerate() {
            let expected = FRAME_S * f64::from(u32::try_from(delay).unwrap());
            assert!((one.lag_s - expected).abs() <= FRAME_S, "{one:?} for {expected}");
            let (earliest, latest) = one.range_s;
            assert!(earliest <= expected && expected <= latest, "{one:?} for {expected}");
            assert!(latest - earliest <= 20.0 * FRAME_S, "{one:?}");
            assert_eq!(one.correlation < 0.0, ix == 1, "{one:?}");
            assert!((one.error - 1.0 / 2400_f64.sqrt()).abs() < 0.005, "{one:?}");
        }
    }
}

#[test]
fn tags_that_have_nothing_in_common_have_no_delay() {
    // Of 60 fits of four tags about one may find something that is not there.
    let mut wrong = 0;
    for seed in 0..60 {
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(1000 + seed);
        let mut series = |phi: f64| wander(&mut chance, phi, 900);
        let mut columns = [0.0, 0.9, 0.98, 0.9].map(&mut series);
        // The last one walks at random, and so does the quality, every other time.
        let walk = |series: &mut [f64]| {
            let mut sum = 0.0;
            for value in series {
                sum += *value;
                *value = sum;
            }
        };
        walk(&mut columns[3]);
        let mut quality = series(0.95);
        if seed % 2 == 0 {
            walk(&mut quality);
        }
        wrong += usize::from(!found(&table(&columns, quality)).is_empty());
    }
    assert!(wrong <= 2, "{wrong} of 60");
}

#[test]
fn what_follows_the_quality_is_no_cause() {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(5);
    let quality = wander(&mut chance, 0.9, 2400);
    let noise = wander(&mut chance, 0.5, 2400);
    let after = |rows: usize| -> Vec<f64> {
        let before = |row: usize| row.checked_sub(rows).map_or(0.0, |before| quality[before]);
        (0..2400).map(|row| before(row) + 0.3 * noise[row]).collect()
    };
    let loops = [after(0), after(1), after(30)];
    assert_eq!(found(&table(&loops, quality.clone())), []);
    // That it can be found the other way round says that the sample is long enough.
    let [_, _, late] = loops;
    let found = found(&table(&[quality], late));
    assert!(found.len() == 1 && (found[0].lag_s - 300.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn rows_are_paired_across_batches_that_follow_each_other_and_never_across_a_gap() {
    let whole = plant(2, [3, 30, 90, 600]);
    let one =
        |every: usize| <[_; 1]>::try_from(stretches(&whole, every, ROWS_MAX)).unwrap()[0].clone();
    assert_eq!((one(1), one(7)), (0..2400, 6..2400));
    let apart = Table { joined: Vec::new(), ..whole.clone() };
    assert_eq!(stretches(&apart, 1, ROWS_MAX).len(), 16);
    // A lag of 600 rows is longer than a batch.
    let lags = |table: &Table| found(table).iter().map(|one| one.lag_s).collect::<Vec<f64>>();
    assert_eq!(lags(&whole), [30.0, 300.0, 900.0, 6000.0]);
    assert!(!lags(&apart).contains(&6000.0));
    let gaps = Table { gaps: vec![500, 1000], ..whole.clone() };
    assert_eq!(stretches(&gaps, 1, ROWS_MAX), [0..500, 501..1000, 1001..2400]);
    let short = Table { gaps: vec![20, 1000], ..whole };
    assert_eq!(stretches(&short, 1, ROWS_MAX), [21..1000, 1001..2400]);
}

#[test]
fn holes_and_moves_of_set_points_do_not_blind() {
    let mut table = plant(3, [2, 2, 500, 60]);
    for row in (0..table.rows()).step_by(17) {
        table.values[row * 4] = f64::NAN;
        table.measured[row] = f64::NAN;
    }
    for row in [300, 700, 900, 1300, 1500] {
        table.values[row * 4 + 1] += 15.0;
        table.measured[row + 700] += 15.0;
    }
    let lags: Vec<f64> = found(&table).iter().map(|one| one.lag_s).collect();
    assert_eq!(lags[..2], [20.0, 20.0], "{lags:?}");
    table.quality.clear();
    assert_eq!(found(&table), []);
}

/// About normal, from the generator of the oracle; filtered.
fn of_oracle(mut state: u64, phi: f64) -> Vec<f64> {
    let mut value = 0.0;
    let mut next = || {
        let mut total = 0.0;
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            total += f64::from(u32::try_from(state >> 32).unwrap()) / 4_294_967_296.0;
        }
        value = phi * value + total - 6.0;
        value
    };
    (0..901).map(|_| next()).collect()
}

/// The figures of `tests/oracles/delays.py`, which fits by other people's recursion and correlates by the Fourier transform.
#[test]
fn correlations_are_those_of_other_peoples_code() {
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 2e-9, "{found} for {expected}");
    };
    let (tag, mut quality) = (of_oracle(1, 0.8), of_oracle(2, 0.9));
    quality.iter_mut().skip(7).zip(&tag).for_each(|(value, tag)| *value += 0.8 * tag);
    let stretches = [0..500, 501..901];
    let check = |series: &[f64], weight: f64, left: f64| {
        let centred = |stretch: &Range<usize>| {
            let part = &series[stretch.clone()];
            let mean = part.iter().sum::<f64>() / f64::from(u32::try_from(part.len()).unwrap());
            part.iter().map(|value| value - mean).collect::<Vec<f64>>()
        };
        let parts: Vec<Vec<f64>> = stretches.iter().map(centred).collect();
        let weights = autoregression(&covariances(&parts, ORDER_MAX), 900).unwrap();
        assert_eq!(weights.len(), 1, "{weights:?}");
        near(weights[0], weight);
        let white = white(&stretches, 1, |row| series[row]).unwrap();
        near(white.left[0], left);
        white
    };
    let tag = check(&tag, 0.818_490_204, 0.023_016_055);
    let quality = check(&quality, 0.871_554_043, 0.011_830_021);
    let crossed = Crossed::new(&tag, &quality, 200);
    for (lag, correlation, error) in [
        (-40, 0.000_042_193, 0.035_364_191),
        (0, 0.015_735_781, 0.033_755_878),
        (7, 0.608_301_739, 0.034_021_527),
        (8, 0.005_283_917, 0.034_059_991),
        (150, 0.020_082_313, 0.041_342_338),
    ] {
        let found = crossed.correlations[usize::try_from(200 + lag).unwrap()];
        near(found.0, correlation);
        near(found.1, error);
    }
    let peak = crossed.peak(beyond(401), beyond(401)).unwrap();
    assert_eq!((peak.lag, peak.first, peak.last), (7.0, 7.0, 7.0));
    for (tries, deviations) in
        [(401, 4.215_363_167), (1441, 4.495_531_901), (185_889, 5.438_286_092)]
    {
        near(beyond(tries), deviations);
    }
}

#[test]
fn lags_of_analysers_are_no_part_of_the_way() {
    let one = DelayEstimate {
        tag: "freeness".into(),
        quality: "moisture".into(),
        lag_s: 60.0,
        range_s: (40.0, 90.0),
        correlation: -0.214,
        error: 0.02,
    };
    // It is read 300 s after its sample; the scanner averages over 30 s.
    let transit = one.transit(300.0, 30.0);
    assert_eq!((transit.earliest_s, transit.likeliest_s, transit.latest_s), (310.0, 330.0, 360.0));
    assert!(one.transit(0.0, 80.0).earliest_s.abs() < 1e-9);
    assert_eq!(one.sentence(), "freeness 60 s (40 to 90) by moisture, r -0.21 ± 0.02");
}
