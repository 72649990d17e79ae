//! What a batch is measured by agrees with another way to it; recipes are told from lines; faults from good batches.

use super::*;

// What `tests/oracles/multiway.py` printed.
const EXPLAINED: f64 = 0.612_066_682;
const LAMBDA: [f64; 2] = [17.044_093_771, 11.715_685_536];
const INFLATION: f64 = 2.694_300_535;
const STATISTICS_AT: [(usize, [f64; STATISTICS]); 4] = [
    (0, [1.414_949_077, 1.038_934_184, 0.013_893_418, 1.389_341_835]),
    (4, [4.218_261_846, 0.995_037_049, 0.106_124_202, 3.527_087_664]),
    (12, [4.987_649_813, 4.664_980_731, 1.010_269_227, 10.683_528_906]),
    (20, [6.255_056_899, 4.275_593_194, 2.178_788_054, 31.842_364_606]),
];

/// The batches of `tests/oracles/multiway.py`.
struct Made {
    state: u64,
    batch: usize,
}

impl Made {
    fn new() -> Self {
        Self { state: 1, batch: 0 }
    }

    fn noise(&mut self) -> f64 {
        let mut total = 0.0;
        for _ in 0..4 {
            self.state = (1_664_525 * self.state + 1_013_904_223) % (1 << 32);
            total += f64::from(u32::try_from(self.state).unwrap()) / 4_294_967_296.0;
        }
        total - 2.0
    }

    /// A column rises to a level of its own, one follows its slope, one wanders by itself.
    fn batch(&mut self) -> Array2<f64> {
        let (level, speed) = (10.0 + self.noise(), 1.0 + 0.1 * self.noise());
        let mut own = 0.0;
        let rows = 18 + (5 * self.batch) % 7;
        self.batch += 1;
        let mut batch = Array2::zeros((rows, 3));
        for (k, mut row) in batch.rows_mut().into_iter().enumerate() {
            own = 0.8 * own + self.noise();
            let share = (count(k) * speed / 15.0).min(1.0);
            let slope = if share < 1.0 { level } else { 0.0 };
            row[0] = level * share + 0.2 * self.noise();
            row[1] = slope + 0.3 * self.noise();
            row[2] = own;
        }
        batch
    }

    fn batches(&mut self, n: usize) -> Vec<Array2<f64>> {
        (0..n).map(|_| self.batch()).collect()
    }

    /// Batches of a line that only goes on, cut anywhere.
    fn line(&mut self, n: usize) -> Vec<Array2<f64>> {
        let mut at = [0.0; 3];
        let mut row = |_| {
            for value in &mut at {
                *value = 0.98 * *value + self.noise();
            }
            at
        };
        let batch = |ix: usize| {
            let rows: Vec<[f64; 3]> = (0..40 + ix % 5).map(&mut row).collect();
            Array2::from(rows)
        };
        (0..n).map(batch).collect()
    }
}

/// Printed values have all digits; sums in another order differ in the last ones.
#[track_caller]
fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 2e-9 * expected.abs().max(1.0), "{value} is not {expected}");
}

/// The greatest ratio of a batch, and the first position that was over its limit.
fn run(model: &Multiway, batch: &Array2<f64>) -> (f64, Option<usize>) {
    let mut state = model.start();
    let ratios = batch.rows().into_iter().map(|row| model.take(&mut state, row).unwrap_or(0.0));
    let ratios: Vec<f64> = ratios.collect();
    let greatest = ratios.iter().copied().fold(0.0, f64::max);
    (greatest, ratios.iter().position(|ratio| *ratio > 1.0))
}

/// The figures of `tests/oracles/multiway.py`.
#[test]
fn statistics_are_those_of_the_normal_distribution_given_the_rows_so_far() {
    let mut made = Made::new();
    let batches = made.batches(12);
    let all: Vec<&Array2<f64>> = batches.iter().collect();
    near(explained(&all), EXPLAINED);
    let model = Unfolded::fit(&all).unwrap().cut(2);
    assert_eq!(model.mean.dim(), (21, 3));
    near(model.lambda[0], LAMBDA[0]);
    near(model.lambda[1], LAMBDA[1]);
    near(model.inflation, INFLATION);
    let mut new = made.batch();
    new[[4, 1]] = f64::NAN;
    new.slice_axis_mut(Axis(0), Slice::from(10..)).column_mut(2).mapv_inplace(|v| v + 3.0);
    let mut filter = model.start();
    let taken: Vec<_> =
        new.rows().into_iter().map_while(|row| model.take(&mut filter, row)).collect();
    assert_eq!(taken.len(), 21, "there is no position after the last one");
    for (position, expected) in STATISTICS_AT {
        for (value, expected) in taken[position].into_iter().zip(expected) {
            near(value, expected);
        }
    }
}

#[test]
fn a_recipe_is_told_from_a_line() {
    let mut made = Made::new();
    assert!(Multiway::fit(&made.line(20), 0.05).unwrap().is_none(), "no recipe");
    let model = Multiway::fit(&made.batches(20), 0.05).unwrap().unwrap();
    assert!(model.explained() > 0.5, "{}", model.explained());
    assert!(Multiway::fit(&made.batches(9), 0.05).unwrap().is_none(), "too few");
    let short: Vec<_> = made.batches(20).iter().map(|batch| positions(batch.view(), 3)).collect();
    assert!(Multiway::fit(&short, 0.05).unwrap().is_none(), "too short");
}

#[test]
fn a_fault_is_flagged_where_it_is_and_good_batches_are_left_alone() {
    let mut made = Made::new();
    let model = Multiway::fit(&made.batches(40), 0.05).unwrap().unwrap();
    assert!(model.calibration().is_of_batches() && !model.calibration().provisional);
    let flagged = made.batches(100).iter().filter(|batch| run(&model, batch).1.is_some()).count();
    assert!(flagged <= 12, "{flagged} of 100 good ones");
    // The second column no longer follows the slope of the first one, by less than the levels of batches differ.
    let mut found = 0;
    for mut bad in made.batches(20) {
        bad.slice_axis_mut(Axis(0), Slice::from(6..)).column_mut(1).mapv_inplace(|v| v - 1.5);
        let (_, first) = run(&model, &bad);
        found += usize::from(first.is_some_and(|first| first >= 6));
    }
    assert!(found >= 18, "{found} of 20");
}

#[test]
fn a_batch_goes_on_after_it_was_written_and_read() {
    let mut made = Made::new();
    let model = Multiway::fit(&made.batches(20), 0.05).unwrap().unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let read: Multiway = serde_json::from_str(&text).unwrap();
    assert_eq!(read, model);
    let rows = made.batch();
    let mut batch = model.start();
    for (ix, row) in rows.rows().into_iter().enumerate() {
        let text = serde_json::to_string(&batch).unwrap();
        let mut other: Batch = serde_json::from_str(&text).unwrap();
        let ratio = model.take(&mut batch, row);
        assert_eq!(read.take(&mut other, row), ratio, "{ix}");
    }
}

#[test]
fn rows_of_a_long_batch_are_taken_together_and_holes_are_no_values() {
    let rows = Array2::from(vec![
        [1.0, f64::NAN],
        [3.0, 5.0],
        [f64::NAN, f64::NAN],
        [7.0, f64::NAN],
        [9.0, 1.0],
    ]);
    let taken = positions(rows.view(), 2);
    assert_eq!(taken.dim(), (2, 2));
    near(taken[[0, 0]], 2.0);
    near(taken[[0, 1]], 5.0);
    near(taken[[1, 0]], 7.0);
    assert!(taken[[1, 1]].is_nan());

    let mut made = Made::new();
    let long = |batch: &Array2<f64>| {
        let often: Vec<usize> = (0..batch.nrows()).flat_map(|ix| [ix; 60]).collect();
        batch.select(Axis(0), &often)
    };
    let batches: Vec<_> = made.batches(20).iter().map(long).collect();
    let model = Multiway::fit(&batches, 0.05).unwrap().unwrap();
    assert_eq!(model.every, 3);
    let mut batch = model.start();
    let given = long(&made.batch());
    let ratios = given.rows().into_iter().map(|row| model.take(&mut batch, row).is_some());
    let ratios: Vec<bool> = ratios.collect();
    assert_eq!(&ratios[..6], [false, false, true, false, false, true]);
}

#[test]
fn nothing_known_at_all_says_nothing() {
    let mut made = Made::new();
    let model = Multiway::fit(&made.batches(20), 0.05).unwrap().unwrap();
    let mut batch = model.start();
    for _ in 0..18 {
        let ratio = model.take(&mut batch, Array1::from_elem(3, f64::NAN).view());
        assert!(ratio.is_some_and(|ratio| ratio < 1.0), "{ratio:?}");
    }
}
