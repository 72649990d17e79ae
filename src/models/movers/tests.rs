//! The first to move is named, and where it should be; what is missing is not named; what stays calm is not.

use super::super::fixtures::{COLUMNS, FRAMES, Plant, TIES, model, model_of, table_of};
use super::super::{Model, Moved, Online};
use super::*;
use ndarray::{arr1, arr2};

const LOAD: usize = 4;
const WIRE: usize = 0;

/// A batch of a plant that the model has not seen, after which `told` is asked.
fn run(model: &Model, spoil: impl Fn(usize, &mut [f64; 5])) -> (Online, Vec<Moved>) {
    let mut plant = Plant::new(77);
    let mut online = model.start(1.0);
    for frame in 0..FRAMES {
        let mut row = plant.row();
        spoil(frame, &mut row);
        model.score(&mut online, &row);
    }
    let told = model.moved(&online);
    (online, told)
}

/// Those that moved by themselves.
fn names(told: &[Moved]) -> Vec<&'static str> {
    let alone = told.iter().filter(|moved| moved.by_itself);
    alone.map(|moved| COLUMNS[moved.column]).collect()
}

#[test]
fn a_column_that_leaves_the_others_is_named_with_what_they_expect_of_it() {
    let model = model(&TIES);
    let (_, told) = run(&model, |_, _| {});
    assert_eq!(names(&told), [""; 0]);
    // From frame 120 on the wire's speed reads 1 too high: the yankee's, and reel and draw, say so.
    let (_, told) = run(&model, |frame, row| row[WIRE] += if frame < 120 { 0.0 } else { 1.0 });
    assert_eq!(names(&told), ["wire"]);
    let Moved { ratio, frames, value, expected, .. } = told[0];
    assert!(ratio > 2.0, "{told:?}");
    assert!((57..=60).contains(&frames), "{told:?}");
    assert!((value - expected - 1.0).abs() < 0.5, "{told:?}");
}

/// The figures of `tests/oracles/movers.py`, which regresses columns on others instead of inverting.
#[test]
fn residuals_are_those_of_regressions_on_the_others() {
    let mut covariance = arr2(&[
        [1.0, 0.8, 0.6, 0.1],
        [0.8, 1.0, 0.7, 0.0],
        [0.6, 0.7, 1.0, -0.2],
        [0.1, 0.0, -0.2, 1.0],
    ]);
    covariance.diag_mut().mapv_inplace(|variance| variance + RIDGE);
    let movers = Movers {
        spread: Array1::ones(4),
        precision: covariance.invc().unwrap(),
        limits: vec![[1.0; TAU_S.len()]; 4],
        weights: [0.5; TAU_S.len()],
        lately: 0.1,
        every: 1,
    };
    let row = arr1(&[2.5, -0.5, 0.3, 1.0]);
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-8, "{found} for {expected}");
    };
    let expected = [4.486_919_433, -3.796_586_775, 0.502_424_817, 0.371_042_354];
    for (residual, expected) in movers.surprises(&row).iter().zip(expected) {
        near(*residual, expected);
    }
    let off = movers.off(&row, &[0, 3]);
    near(off[0], 2.839_935_861);
    near(off[1], 1.246_368_610);
    let unit = |place: usize| Array1::from_shape_fn(2, |ix| f64::from(u8::from(ix == place)));
    near(movers.solve(&[0, 3], unit(0))[0], 0.372_384_456);
    near(movers.solve(&[0, 3], unit(1))[1], 0.933_787_965);
    // 2.84 is 4.7 deviations, 1.25 is 1.3.
    assert!(movers.is_off_by_itself(&row, &[3, 0]) && !movers.is_off_by_itself(&row, &[0, 3]));
}

#[test]
fn two_that_moved_are_expected_where_the_rest_has_them() {
    let model = model(&TIES);
    let (_, told) = run(&model, |frame, row| {
        if frame >= 120 {
            row[WIRE] += 1.0;
            row[LOAD] += 20.0;
        }
    });
    assert_eq!(names(&told), ["load", "wire"]);
    for moved in told.iter().filter(|moved| moved.by_itself) {
        let by = if moved.column == WIRE { 1.0 } else { 20.0 };
        let off = moved.value - moved.expected;
        assert!((off / by - 1.0).abs() < 0.3, "{moved:?}");
    }
}

#[test]
fn a_column_without_a_value_is_not_named() {
    let model = model(&TIES);
    let (_, told) = run(&model, |frame, row| {
        if frame >= 120 {
            row[LOAD] += 20.0;
        }
        if frame >= 170 {
            row[LOAD] = f64::NAN;
        }
    });
    assert!(told.iter().all(|moved| moved.column != LOAD), "{told:?}");
    // Nor when it comes back as it was before, though it was off when it was last seen.
    let (_, told) = run(&model, |frame, row| match frame {
        120..170 => row[LOAD] += 20.0,
        170..175 => row[LOAD] = f64::NAN,
        _ => {}
    });
    assert_eq!(told, []);
}

#[test]
fn one_spoiled_batch_does_not_say_how_far_a_column_goes() {
    let spoil = |(batch, frame): (usize, usize), row: &mut [f64; 5]| {
        if batch == 7 && frame >= 60 {
            row[LOAD] += 40.0;
        }
    };
    let model = model_of(&table_of(Plant::new(1), spoil), &TIES);
    let (_, told) = run(&model, |frame, row| row[LOAD] += if frame < 120 { 0.0 } else { 30.0 });
    assert_eq!(names(&told), ["load"]);
}

#[test]
fn what_moves_goes_on_into_the_next_batch_and_ends_where_the_line_was_interrupted() {
    let model = model(&TIES);
    let (mut online, told) = run(&model, |frame, row| {
        row[LOAD] += if frame < 120 { 0.0 } else { 20.0 };
    });
    model.next_batch(&mut online, 1.0);
    assert_eq!(model.moved(&online), told);
    crate::models::Model::lose_track(&mut online);
    assert_eq!(model.moved(&online), []);
}

#[test]
fn what_operators_set_within_their_window_may_be_what_moved() {
    let table = table_of(Plant::new(1), |_, _| {});
    let mut spec = model_of(&table, &TIES).header().spec.clone();
    spec.least_sd.insert("load".into(), 20.0);
    let may = super::super::fit(&table, &spec).unwrap();
    let (_, told) = run(&may, |frame, row| row[LOAD] += if frame < 120 { 0.0 } else { 20.0 });
    assert_eq!(names(&told), ["load"]);
    assert!((told[0].value - told[0].expected - 20.0).abs() < 4.0, "{told:?}");
}

#[test]
fn an_artifact_that_cannot_be_is_refused() {
    let model = model(&TIES);
    let text = String::from_utf8(model.to_bytes()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let spoils: [fn(&mut serde_json::Value); 4] = [
        |movers| movers["limits"] = serde_json::json!([[1.0, 1.0, 1.0]]),
        |movers| movers["limits"][0][1] = 0.0.into(),
        |movers| movers["weights"][2] = 2.0.into(),
        |movers| movers["every"] = 0.into(),
    ];
    for spoil in spoils {
        let mut value = value.clone();
        spoil(&mut value["model"]["movers"]);
        let refused = Model::from_bytes(value.to_string().as_bytes());
        assert!(refused.is_err(), "{}", value["model"]["movers"]["weights"]);
    }
    assert_eq!(Model::from_bytes(text.as_bytes()).unwrap(), model);
    // A model of before knows no movers, and names none.
    let mut before = value.clone();
    before["model"].as_object_mut().unwrap().remove("movers");
    let before = Model::from_bytes(before.to_string().as_bytes()).unwrap();
    let (_, told) = run(&before, |_, row| row[LOAD] += 20.0);
    assert_eq!(told, []);
}
