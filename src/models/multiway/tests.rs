//! What a batch is measured by agrees with another way to it; recipes are told from lines; faults from good batches.

use super::*;
use crate::models::calibrate;

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

/// Batches, and the phase of each row of each; none where nobody tells.
struct Given<'g>(&'g [Array2<f64>], &'g [Vec<Arc<str>>]);

impl<'g> Courses<'g> for Given<'g> {
    fn rows(&self, batch: usize, _: bool) -> Array2<f64> {
        self.0[batch].clone()
    }

    fn phases(&self, batch: usize, _: bool) -> Vec<Option<&'g Arc<str>>> {
        self.1.get(batch).into_iter().flatten().map(Some).collect()
    }
}

fn fitted(batches: &[Array2<f64>]) -> Option<Fitted> {
    fitted_by(batches, &[])
}

fn fitted_by(batches: &[Array2<f64>], phases: &[Vec<Arc<str>>]) -> Option<Fitted> {
    let lengths: Vec<usize> = batches.iter().map(Array2::nrows).collect();
    Multiway::fit(&lengths, &Given(batches, phases)).unwrap()
}

fn model(batches: &[Array2<f64>]) -> Multiway {
    fitted(batches).unwrap().0
}

/// How far a batch is by now, over the levels of the held-out ones.
fn ratio(model: &Multiway, progress: &Progress) -> f64 {
    let over = progress.distances().into_iter().flatten().zip(model.levels());
    over.map(|(distance, level)| distance / level).fold(0.0, f64::max)
}

/// The first row of a batch after which it was over the limit.
fn first_over(model: &Multiway, limit: f64, batch: &Array2<f64>) -> Option<usize> {
    let mut progress = model.start();
    batch.rows().into_iter().position(|row| {
        assert!(model.take(&mut progress, row, None));
        ratio(model, &progress) > limit
    })
}

/// The figures of `tests/oracles/multiway.py`.
#[test]
fn statistics_are_those_of_the_normal_distribution_given_the_rows_so_far() {
    let mut made = Made::new();
    let batches = made.batches(12);
    let all: Vec<&Array2<f64>> = batches.iter().collect();
    near(explained(&batches, None), EXPLAINED);
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
    assert!(fitted(&made.line(20)).is_none(), "no recipe");
    let model = model(&made.batches(20));
    assert!(model.explained() > 0.5, "{}", model.explained());
    assert_eq!((model.positions(), model.indicator()), (21, None));
    assert!(fitted(&made.batches(19)).is_none(), "too few");
    let every = Clock::Rows(3);
    let short: Vec<_> =
        made.batches(20).iter().map(|batch| positions(batch.view(), &[], &every)).collect();
    assert!(fitted(&short).is_none(), "too short");
}

#[test]
fn a_fault_is_flagged_where_it_is_and_good_batches_are_left_alone() {
    let mut made = Made::new();
    let (model, ratios) = fitted(&made.batches(40)).unwrap();
    assert_eq!(ratios.len(), 40);
    let limit = calibrate::by_batches(&ratios, 0.05).factor;
    let good = made.batches(100);
    let flagged = good.iter().filter(|batch| first_over(&model, limit, batch).is_some()).count();
    assert!(flagged <= 10, "{flagged} of 100 good ones");
    // The second column no longer follows the slope of the first one, by less than the levels of batches differ.
    let (mut found, mut named) = (0, 0);
    for mut bad in made.batches(20) {
        bad.slice_axis_mut(Axis(0), Slice::from(6..)).column_mut(1).mapv_inplace(|v| v - 1.5);
        found += usize::from(first_over(&model, limit, &bad).is_some_and(|first| first >= 6));
        let mut progress = model.start();
        bad.rows()
            .into_iter()
            .take(16)
            .for_each(|row| assert!(model.take(&mut progress, row, None)));
        let distances = progress.distances().unwrap().iter().zip(model.levels());
        let over: Vec<f64> = distances.map(|(distance, level)| distance / level).collect();
        let leads = (0..STATISTICS).max_by(|a, b| over[*a].total_cmp(&over[*b])).unwrap();
        let parts = model.parts(&progress, leads);
        named += usize::from(parts[1] > parts[0].max(parts[2]));
    }
    assert!(found >= 18 && named >= 15, "{found} found, {named} named of 20");
}

#[test]
fn what_columns_give_sums_up_to_the_squared_distance() {
    let mut made = Made::new();
    let model = model(&made.batches(20));
    let (mut progress, batch) = (model.start(), made.batch());
    batch.rows().into_iter().for_each(|row| assert!(model.take(&mut progress, row, None)));
    for (statistic, distance) in progress.distances().unwrap().iter().enumerate() {
        let squares = model.parts(&progress, statistic).sum();
        let expected = distance * distance;
        match statistic {
            // Where no column goes against it.
            0 => assert!(squares > expected * (1.0 - 1e-9), "{squares} is not {expected}"),
            1 | 2 => near(squares / 3.0, expected),
            _ => near(squares / 3.0 / count(batch.nrows()), expected),
        }
    }
}

#[test]
fn a_batch_goes_on_after_it_was_written_and_read() {
    let mut made = Made::new();
    let model = model(&made.batches(20));
    let text = serde_json::to_string(&model).unwrap();
    let read: Multiway = serde_json::from_str(&text).unwrap();
    assert_eq!(read, model);
    let rows = made.batch();
    let mut progress = model.start();
    for (ix, row) in rows.rows().into_iter().enumerate() {
        let text = serde_json::to_string(&progress).unwrap();
        let mut other: Progress = serde_json::from_str(&text).unwrap();
        assert!(model.take(&mut progress, row, None));
        assert!(read.take(&mut other, row, None));
        assert_eq!(other, progress, "{ix}");
        assert!(model.fits(&other));
    }
    let other = super::tests::model(&made.batches(20).iter().map(with_another).collect::<Vec<_>>());
    assert!(!other.fits(&progress) && !other.is_sound(3) && other.is_sound(4));
}

/// The batch with one column more.
fn with_another(batch: &Array2<f64>) -> Array2<f64> {
    let first = batch.column(0).insert_axis(Axis(1)).mapv(|v| v * v);
    ndarray::concatenate(Axis(1), &[batch.view(), first.view()]).unwrap()
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
    let taken = positions(rows.view(), &[], &Clock::Rows(2));
    assert_eq!(taken.dim(), (2, 2));
    near(taken[[0, 0]], 2.0);
    near(taken[[0, 1]], 5.0);
    near(taken[[1, 0]], 7.0);
    assert!(taken[[1, 1]].is_nan());

    let mut made = Made::new();
    let long = |batch: &Array2<f64>| {
        let often: Vec<usize> = (0..batch.nrows()).flat_map(|ix| [ix; 24]).collect();
        batch.select(Axis(0), &often)
    };
    let batches: Vec<_> = made.batches(20).iter().map(long).collect();
    let model = model(&batches);
    assert_eq!(model.clock, Clock::Rows(3));
    let mut progress = model.start();
    let given = long(&made.batch());
    let mut before = None;
    let moved = given.rows().into_iter().map(|row| {
        assert!(model.take(&mut progress, row, None));
        let now = progress.distances().copied();
        std::mem::replace(&mut before, now) != now
    });
    assert_eq!(moved.take(6).collect::<Vec<_>>(), [false, false, true, false, false, true]);
}

#[test]
fn nothing_known_at_all_says_nothing_and_after_the_end_what_was_reached_stands() {
    let mut made = Made::new();
    let model = model(&made.batches(20));
    let mut progress = model.start();
    let nothing = Array1::from_elem(3, f64::NAN);
    for _ in 0..21 {
        assert!(model.take(&mut progress, nothing.view(), None));
        assert!(ratio(&model, &progress) < 1.0, "{:?}", progress.distances());
    }
    let reached = progress.distances().copied();
    assert!(model.take(&mut progress, Array1::from_elem(3, 100.0).view(), None));
    assert_eq!(progress.distances().copied(), reached);
}

/// Batches that take their time, each its own, with a last column that says how much of it is done; in one of them the
/// sensor of that slips once.
fn paced(made: &mut Made, n: usize) -> Vec<Array2<f64>> {
    let paced = |ix: usize| {
        let rows = 30 + (7 * ix) % 41;
        let mut batch = Array2::zeros((rows, 3));
        for (k, mut row) in batch.rows_mut().into_iter().enumerate() {
            let done = count(k) / count(rows - 1);
            row[0] = 3.0 * libm::sin(9.0 * done) + 0.3 * made.noise();
            row[1] = 2.0 * libm::sin(5.0 * done) + 0.3 * made.noise();
            row[2] = 80.0 - 60.0 * done;
        }
        batch
    };
    (0..n).map(paced).collect()
}

#[test]
fn batches_of_unequal_length_are_aligned_by_what_tells_how_far_they_are() {
    let mut made = Made::new();
    let batches = paced(&mut made, 24);
    let (model, ratios) = fitted(&batches).unwrap();
    assert_eq!(model.indicator(), Some(2));
    assert!(model.explained() > 0.9, "{}", model.explained());
    let limit = calibrate::by_batches(&ratios, 0.05).factor;
    let good = paced(&mut made, 60);
    let flagged = good.iter().filter(|batch| first_over(&model, limit, batch).is_some()).count();
    assert!(flagged <= 6, "{flagged} of 60 good ones");

    let mut slip = good[1].clone();
    slip[[3, 2]] = 20.0;
    let mut progress = model.start();
    slip.rows().into_iter().take(5).for_each(|row| assert!(model.take(&mut progress, row, None)));
    assert!(progress.gathered.position < 6, "{}", progress.gathered.position);
    // Two rows of it are no slip that could be passed over: nobody knows where the batch is.
    slip[[4, 2]] = 20.0;
    let mut progress = model.start();
    let lost = slip.rows().into_iter().position(|row| !model.take(&mut progress, row, None));
    assert_eq!(lost, Some(4));

    // Without it, the time tells less.
    let without: Vec<Array2<f64>> = batches
        .iter()
        .map(|batch| batch.slice_axis(Axis(1), Slice::from(..2)).to_owned())
        .collect();
    assert!(fitted(&without).is_none_or(|(other, _)| other.explained() < 0.7));
}

/// Batches of three phases, of which the first and the second take their time, with the phase of each row.
fn phased(made: &mut Made, n: usize) -> (Vec<Array2<f64>>, Vec<Vec<Arc<str>>>) {
    let batch = |ix: usize| {
        let rows = [10 + (7 * ix) % 23, 12 + (11 * ix) % 17, 15];
        let mut batch = Array2::zeros((rows.iter().sum(), 2));
        let (mut phases, mut row) = (Vec::new(), 0);
        for (phase, rows) in rows.into_iter().enumerate() {
            for k in 0..rows {
                let within = count(k.min(10)) / 10.0;
                batch[[row, 0]] = [5.0, -5.0, 0.0][phase] + within + 0.3 * made.noise();
                batch[[row, 1]] = [0.0, 4.0, -4.0][phase] - within + 0.3 * made.noise();
                phases.push(Arc::from(["fill", "react", "settle"][phase]));
                row += 1;
            }
        }
        (batch, phases)
    };
    (0..n).map(batch).unzip()
}

#[test]
fn batches_whose_phases_are_told_are_aligned_by_these() {
    let mut made = Made::new();
    let (batches, phases) = phased(&mut made, 24);
    let (model, ratios) = fitted_by(&batches, &phases).unwrap();
    assert!(model.phases() == 3 && !model.goes_by_time());
    assert!(model.explained() > 0.9, "{}", model.explained());
    assert!(fitted(&batches).is_none_or(|(by_time, _)| by_time.explained() < 0.8));
    let limit = calibrate::by_batches(&ratios, 0.05).factor;
    let first_over = |batch: &Array2<f64>, phases: &[Arc<str>]| {
        let mut progress = model.start();
        batch.rows().into_iter().zip(phases).position(|(row, phase)| {
            assert!(model.take(&mut progress, row, Some(phase)));
            ratio(&model, &progress) > limit
        })
    };
    let (good, phases) = phased(&mut made, 60);
    let of_good = good.iter().zip(&phases);
    let flagged = of_good.filter(|(batch, phases)| first_over(batch, phases).is_some()).count();
    assert!(flagged <= 6, "{flagged} of 60 good ones");
    // What is on its way in the first phase comes in the second.
    let mut bad = good[3].clone();
    let second = phases[3].iter().position(|phase| &**phase == "react").unwrap();
    bad.slice_axis_mut(Axis(0), Slice::from(second + 3..)).column_mut(0).mapv_inplace(|v| v + 4.0);
    let found = first_over(&bad, &phases[3]);
    assert!(found.is_some_and(|row| (second + 3..second + 9).contains(&row)), "{found:?} {second}");
    // A place that was read back has to be one of the model's.
    let mut progress = model.start();
    assert!(model.take(&mut progress, good[0].row(0), Some(&phases[0][0])));
    let read: Progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
    assert!(model.fits(&read));
}
