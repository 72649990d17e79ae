//! What ties learn, and what they make of a row.

use super::super::fixtures::{FRAMES, Plant, TIES, model_of, table_of};
use super::super::screen::screen;
use super::super::{Model, Table};
use super::{Tie, Ties};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The ties of a table of frames of ten seconds.
fn ties(table: &Table, declared: &[(&str, &[&str])]) -> Ties {
    let names = |others: &&[&str]| others.iter().map(|name| Arc::from(*name)).collect();
    let declared: BTreeMap<_, _> =
        declared.iter().map(|(tag, others)| (Arc::from(*tag), names(others))).collect();
    Ties::fit(&screen(table).unwrap(), &table.columns, 10.0, &declared, &BTreeSet::new())
}

#[test]
fn the_draw_is_the_difference_of_two_speeds_that_move_forty_times_as_far() {
    let ties = ties(&table_of(Plant::wide(1), |_, _| {}), &TIES);
    let draw = ties.all.iter().find(|tie| tie.column == 3).unwrap();
    // In units of the draw for a unit of speed: yankee less reel.
    let weights: Vec<f64> = draw
        .terms
        .iter()
        .map(|term| term.weight * ties.sd[draw.column] / ties.sd[term.column])
        .collect();
    assert!((weights[0] - 1.0).abs() < 0.05 && (weights[1] + 1.0).abs() < 0.05, "{weights:?}");
    assert!(draw.unexplained < 0.05, "{}", draw.unexplained);
}

#[test]
fn a_tag_that_moves_in_no_batch_that_agrees_has_no_tie_and_the_model_can_be_read() {
    let table = table_of(Plant::new(1), |(batch, frame), row| {
        row[4] = 50.0;
        if [5, 13].contains(&batch) {
            row[4] += if frame < FRAMES / 2 { 5.0 } else { -5.0 };
        }
    });
    let model = model_of(&table, &[("load", &["draw"]), ("wire", &["yankee"])]);
    assert!(model.is_tied(0) && !model.is_tied(4));
    assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
}

#[test]
fn the_limits_of_a_tie_are_wider_where_nobody_was() {
    let ties = ties(&table_of(Plant::new(1), |_, _| {}), &TIES);
    let reel = ties.all.iter().find(|tie| tie.column == 2).unwrap();
    let at = |yankee: f64, draw: f64| {
        let z = |column| match column {
            1 => reel.terms[0].mean + yankee,
            3 => reel.terms[1].mean + draw,
            _ => reel.mean,
        };
        reel.predict(z).error
    };
    assert!((at(0.0, 0.0) - 1.0).abs() < 1e-12);
    assert!(at(1.0, 0.0) > 1.0 && at(1.0, 0.0) < 1.1, "{}", at(1.0, 0.0));
    // Far away the deviation counts, and not the middle.
    let (far, twice) = (at(1000.0, 300.0), at(2000.0, 600.0));
    assert!((twice / far - 2.0).abs() < 1e-3, "{far} {twice}");
    // The tag itself further than ever: by the share that the tie leaves of it.
    let [quick, slow] = reel.reached;
    let beyond = reel.beyond_reached([quick + 2.0, slow]);
    assert!((beyond[0] - 2.0 * reel.unexplained).abs() < 1e-12 && beyond[1].abs() < 1e-12);
}

#[test]
fn numbers_that_are_no_tie_are_refused() {
    let ties = ties(&table_of(Plant::new(1), |_, _| {}), &TIES);
    assert!(ties.all.len() >= 4 && ties.are_sound(5) && !ties.are_sound(4));
    let spoilt: [fn(&mut Tie); 6] = [
        |tie| tie.column = 5,
        |tie| tie.terms[0].column = 5,
        |tie| tie.limits[1] = 0.0,
        |tie| tie.unexplained = f64::NAN,
        |tie| tie.reached[0] = -1.0,
        |tie| tie.terms.clear(),
    ];
    for spoil in spoilt {
        let mut bad = ties.clone();
        spoil(&mut bad.all[0]);
        assert!(!bad.are_sound(5), "{:?}", bad.all[0]);
    }
}
