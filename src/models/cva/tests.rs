//! Statistics agree with numpy (`tests/oracles/cva.py`), and what is held out is taken away exactly.

use super::*;

/// Three columns: a slow one, one that follows it a row later, and one by itself.
fn rows(n: usize) -> Array2<f64> {
    let mut state: u32 = 1;
    let mut noise = || -> f64 {
        let mut total = 0.0;
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            total += f64::from(state) / 4_294_967_296.0;
        }
        total - 2.0
    };
    let (mut slow, mut own) = (0.0, 0.0);
    let mut values = Vec::new();
    for _ in 0..n {
        let before = slow;
        slow = 0.9 * slow + noise();
        own = -0.5 * own + noise();
        values.extend([slow + 0.2 * noise(), before + 0.2 * noise(), own + 0.2 * noise()]);
    }
    Array2::from_shape_vec((n, 3), values).unwrap()
}

fn moments(rows: &Array2<f64>, run: Range<usize>) -> Moments {
    let mut moments = Moments::new(rows.ncols());
    moments.add(rows.view(), Moments::centres(run));
    moments
}

#[track_caller]
fn near(value: f64, expected: f64) {
    let off = (value - expected).abs() / expected.abs().max(1.0);
    assert!(off < 1e-9, "{value} is not {expected}");
}

#[test]
fn statistics_and_contributions_agree_with_numpy() {
    let all = rows(412);
    let cva = Canonical::fit(&moments(&all, 0..400), &Array1::zeros(3)).unwrap().cut(2).unwrap();
    assert_eq!(cva.states(), (2, 1), "22 and 1365 independent values");
    let mut past = Past::default();
    let mut seen = Vec::new();
    for row in 400..412 {
        let row = &all.row(row) + &ndarray::arr1(&[0.0, 2.0, 0.0]);
        seen.push(cva.take(&mut past, row.view()));
    }
    assert!(seen[..3].iter().all(Option::is_none), "the past is not whole, or foretold nothing");
    let measured = |ix: usize| seen[ix].as_ref().unwrap();
    for (ix, expected) in [
        (3, [4.668_293_552_902_27, 375.045_287_454_639_5, 215.274_189_012_593_98]),
        (7, [13.171_193_198_580_912, 276.758_920_137_609_4, 166.965_241_182_630_73]),
        (11, [19.740_522_193_700_624, 500.920_136_895_830_4, 293.333_932_076_715_14]),
    ] {
        for (value, expected) in measured(ix).values.iter().zip(expected) {
            near(*value, expected);
        }
    }
    let innovation = &measured(3).parts[2] * &cva.means[2];
    let expected = [0.273_026_605_986_431_7, 211.999_555_000_588, 3.001_607_406_019_543];
    for (value, expected) in innovation.iter().zip(expected) {
        near(*value, expected);
    }
    for ix in 3..12 {
        for (which, value) in measured(ix).values.into_iter().enumerate() {
            near((&measured(ix).parts[which] * &cva.means[which]).sum(), value);
        }
    }
}

#[test]
fn errors_of_held_out_rows_agree_with_numpy() {
    let all = rows(700);
    let canonical = Canonical::fit(&moments(&all, 0..400), &Array1::zeros(3)).unwrap();
    let errors = canonical.one_step_errors(&moments(&all, 400..700));
    assert_eq!(errors.len(), canonical.states() + 1);
    for (value, expected) in errors.iter().zip([
        5.871_968_330_095_538,
        0.891_463_400_293_178_4,
        0.752_981_336_704_573_7,
        0.752_779_681_489_088,
    ]) {
        near(*value, expected);
    }
}

#[test]
fn what_is_taken_away_was_never_there() {
    let all = rows(700);
    let whole = moments(&all, 0..700);
    // The windows that touch rows 300 to 349.
    let mut touched = Moments::new(3);
    touched.add(all.view(), 300 - FUTURE..350 + PAST - 1);
    let without = whole.without(&touched);
    let mut apart = moments(&all, 0..300);
    apart.add(all.view(), Moments::centres(350..700));
    near(without.windows(), apart.windows());
    let (centre, expected) = (without.mean(), apart.mean());
    for (value, expected) in centre.iter().zip(&expected) {
        near(*value, *expected);
    }
    for (value, expected) in without.covariance(&centre).iter().zip(&apart.covariance(&centre)) {
        near(*value, *expected);
    }
}

#[test]
fn state_that_hardly_moves_foretells_and_is_not_judged() {
    // A ramp: 400 rows are one value of it.
    let ramp = |ix: usize| f64::from(u32::try_from(ix).unwrap()) / 100.0;
    let mut all = rows(400);
    for (ix, mut row) in all.rows_mut().into_iter().enumerate() {
        row[2] = ramp(ix) + 0.1 * row[2];
    }
    let cva = Canonical::fit(&moments(&all, 0..400), &Array1::zeros(3)).unwrap().cut(3).unwrap();
    assert_eq!(cva.states(), (3, 1), "the ramp, and the slow one");
}

#[test]
fn runs_shorter_than_a_window_have_none() {
    for (run, expected) in [(0..0, 0), (3..7, 0), (3..8, 1), (0..10, 6)] {
        assert_eq!(Moments::centres(run.clone()).len(), expected, "{run:?}");
    }
}

/// The greatest of each statistic over twelve rows, the last of which are moved.
fn greatest(cva: &Cva, rows: &Array2<f64>, moved: impl Fn(usize) -> [f64; 3]) -> [f64; 3] {
    let (mut past, mut greatest) = (Past::default(), [0.0_f64; 3]);
    for ix in 0..12 {
        let row = &rows.row(400 + ix) + &ndarray::arr1(&moved(ix));
        if let Some(measured) = cva.take(&mut past, row.view()) {
            for (greatest, value) in greatest.iter_mut().zip(measured.values) {
                *greatest = greatest.max(value);
            }
        }
    }
    greatest
}

#[test]
fn state_that_hardly_moved_counts_once_it_is_far_out() {
    let ramp = |ix: usize| f64::from(u32::try_from(ix).unwrap()) / 200.0;
    let mut all = rows(412);
    for (ix, mut row) in all.rows_mut().into_iter().enumerate() {
        row[2] = ramp(ix.min(400)) + 0.05 * row[2];
    }
    let cva = Canonical::fit(&moments(&all, 0..400), &Array1::zeros(3)).unwrap().cut(1).unwrap();
    assert_eq!(cva.states(), (1, 0));
    // 0.58 is its standard deviation.
    let near = greatest(&cva, &all, |_| [0.0, 0.0, 1.5]);
    let far = greatest(&cva, &all, |_| [0.0, 0.0, 5.5]);
    assert!(near[0] < 1e-9 && far[0] > 1.0, "{near:?} {far:?}");
}

#[test]
fn step_of_what_operators_may_move_is_foretold_or_expected() {
    let mut all = rows(412);
    all.column_mut(2).mapv_inplace(|v| 0.02 * v);
    let step = |ix: usize| if ix < 6 { [0.0; 3] } else { [0.0, 0.0, 1.0] };
    let measured = |may: [f64; 3]| {
        let cva = Canonical::fit(&moments(&all, 0..400), &ndarray::arr1(&may)).unwrap();
        greatest(&cva.cut(2).unwrap(), &all, step)
    };
    let (still, may) = (measured([0.0; 3]), measured([0.0, 0.0, 1.0]));
    assert!(still[1].max(still[2]) > 100.0, "{still:?}");
    assert!(may.iter().all(|value| *value < 40.0), "{may:?}");
}

#[test]
fn one_reading_that_is_far_off_is_one_of_eight_deviations() {
    let all = rows(412);
    let cva = Canonical::fit(&moments(&all, 0..400), &Array1::zeros(3)).unwrap().cut(2).unwrap();
    let off = |by: f64| greatest(&cva, &all, |ix| if ix == 6 { [0.0, by, 0.0] } else { [0.0; 3] });
    for (far, endless) in off(1e3).iter().zip(off(f64::INFINITY)) {
        near(*far, endless);
    }
}
