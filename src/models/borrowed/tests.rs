use super::super::fixtures::{COLUMNS, FRAMES, Plant};
use super::*;
use crate::plant::Budget;
use std::collections::BTreeMap;
use std::time::Duration;

/// Batches of each other grade, and of the new one.
const EACH: usize = 8;
const OWN: usize = 4;

/// Where the draw of the grades is, against the first one's: the new one is the last.
const DRAWS: [f64; 3] = [0.0, 30.0, 90.0];

/// What is told the grade and block of a row, and changes it.
type Change = fn(usize, usize, &mut [f64; 5]);

fn spec() -> FitSpec {
    FitSpec {
        frame: Duration::from_secs(10),
        budget: Budget::PerBatches { flags: 1, batches: 20 },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        wanders: BTreeMap::new(),
        ties: BTreeMap::new(),
    }
}

fn ids(what: &str, n: usize) -> Vec<Arc<str>> {
    (0..n).map(|ix| format!("{what}{ix}").as_str().into()).collect()
}

/// A row of a grade: its speed behind the draw goes with the draw.
fn row(plant: &mut Plant, grade: usize) -> [f64; 5] {
    let mut row = plant.row();
    row[2] -= DRAWS[grade];
    row[3] += DRAWS[grade];
    row
}

/// Two other grades and the new one; `change` is told the grade and block of a row.
fn table(change: impl Fn(usize, usize, &mut [f64; 5])) -> Table {
    let mut plant = Plant::new(3);
    let mut table = Table { columns: COLUMNS.map(Arc::from).to_vec(), ..Table::default() };
    for (grade, batches) in [EACH, EACH, OWN].into_iter().enumerate() {
        for _ in 0..batches {
            let block = table.blocks.len();
            table.blocks.push(table.rows());
            for _ in 0..FRAMES {
                let mut row = row(&mut plant, grade);
                change(grade, block, &mut row);
                table.values.extend(row);
            }
        }
    }
    let lent = |grade: &str| Lent { grade: grade.into(), batches: ids(grade, EACH) };
    table.source.borrowed = vec![lent("facial"), lent("towel")];
    table.source.batches = ids("own", OWN);
    table
}

fn model(change: impl Fn(usize, usize, &mut [f64; 5])) -> Model {
    fit(table(change))
}

fn fit(table: Table) -> Model {
    fit_borrowed(table, &spec(), &mut |_| ()).unwrap()
}

/// The greatest score of batches of a grade with this added to each row.
fn peak(model: &Model, grade: usize, off: [f64; 5]) -> f64 {
    let (mut plant, mut online) = (Plant::new(5), model.start(1.0));
    let scores = (0..FRAMES).filter_map(|_| {
        let mut row = row(&mut plant, grade);
        row.iter_mut().zip(off).for_each(|(value, off)| *value += off);
        model.score(&mut online, &row).score
    });
    scores.fold(0.0, f64::max)
}

#[test]
fn a_new_grade_is_judged_where_it_runs_by_the_relations_of_the_others() {
    let model = model(|_, _, _| {});
    assert!(peak(&model, 2, [0.0; 5]) < 1.0, "{}", peak(&model, 2, [0.0; 5]));
    // A draw of another grade, and a wire speed that is not that of the yankee.
    assert!(peak(&model, 1, [0.0; 5]) > 1.0);
    assert!(peak(&model, 2, [2.0, 0.0, 0.0, 0.0, 0.0]) > 1.0);

    let header = model.header();
    assert_eq!((header.blocks, header.source.batches.len()), (2 * EACH + OWN, OWN));
    let calibration = &header.calibration;
    assert!(
        calibration.provisional,
        "also where there were batches enough: they are of other grades"
    );
    assert_eq!(calibration.rate_range.0.to_bits(), 0.0_f64.to_bits());
    let summary = model.summary();
    let words =
        "borrowed from facial and towel (16 batches), 4 of its own; limits × 1.5, provisional";
    assert!(summary.contains(words), "{summary}");
    assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
}

#[test]
fn limits_of_a_borrowed_model_are_wider_and_stay_so_until_its_own_batches_say_otherwise() {
    let model = model(|_, _, _| {});
    let calibration = &model.header().calibration;
    let none = super::super::TrackRecord::default();
    assert!((none.scale(calibration) - 1.0).abs() < 1e-9, "{}", none.scale(calibration));
}

#[test]
fn a_grade_whose_relations_are_others_is_not_flagged_in_each_batch() {
    // The two speeds agree less in the new grade.
    let change = |grade, block: usize, row: &mut [f64; 5]| {
        let sign = if block.is_multiple_of(2) { 1.0 } else { -1.0 };
        row[0] += if grade == 2 { 3.0 * sign } else { 0.0 };
    };
    let model = model(change);
    let off = |by: f64| peak(&model, 2, [by, 0.0, 0.0, 0.0, 0.0]);
    assert!(off(3.0) < 1.0 && off(-3.0) < 1.0, "{} and {}", off(3.0), off(-3.0));
}

#[test]
fn columns_that_tell_nothing_of_the_new_grade_are_left_out_and_the_others_stay() {
    let reasons = |change: Change| {
        let model = model(change);
        let dropped = model.header().dropped.iter();
        let words: Vec<String> =
            dropped.map(|dropped| format!("{} {}", dropped.column, dropped.reason)).collect();
        assert!(peak(&model, 2, [0.0; 5]) < 1.0);
        words.join("; ")
    };
    let leaves_alone: Change = |grade, _, row| row[4] = if grade == 0 { 50.0 } else { row[4] };
    let stands_still: Change = |grade, _, row| row[4] = if grade == 2 { 50.0 } else { row[4] };
    let lacks: Change = |grade, block, row| {
        row[4] = if grade == 1 && block != EACH { f64::NAN } else { row[4] };
    };
    let has_none: Change = |grade, _, row| row[4] = if grade == 2 { f64::NAN } else { row[4] };
    for (change, expected) in [
        (leaves_alone, ""),
        (stands_still, "load does not vary in its own batches"),
        (lacks, "load has a value in 12 % of the rows in `towel`"),
        (has_none, "load has a value in 0 % of the rows in its own batches"),
    ] {
        assert_eq!(reasons(change), expected);
    }
}

#[test]
fn a_grade_that_lends_a_single_batch_is_named_and_changes_nothing() {
    // One batch more, between those of the other grades, with a hole in it.
    let mut more = table(|_, _, _| {});
    // What a quality tag measured stands beside, and batches follow each other.
    more.quality = vec!["strength".into()];
    more.measured = (0_u32..).take(more.rows()).map(f64::from).collect();
    more.joined = vec![more.blocks[1], more.blocks[EACH + 1]];
    let without = more.clone();
    let (at, width) = (more.blocks[EACH], COLUMNS.len());
    let rows: Vec<f64> = more.values[..FRAMES * width].to_vec();
    more.values.splice(at * width..at * width, rows);
    more.measured.splice(at..at, std::iter::repeat_n(-1.0, FRAMES));
    more.blocks[EACH..].iter_mut().for_each(|row| *row += FRAMES);
    // It follows the one before it, and the next one follows it.
    more.joined = vec![more.blocks[1], at, at + FRAMES, more.blocks[EACH + 1]];
    more.blocks.insert(EACH, at);
    more.gaps = vec![at + 3, at + FRAMES + 7];
    let napkin = Lent { grade: "napkin".into(), batches: ids("napkin", 1) };
    more.source.borrowed.insert(1, napkin);
    let mut left = more.clone();
    leave_out_single(&mut left);
    assert_eq!((&left.values, &left.blocks), (&without.values, &without.blocks));
    assert_eq!((&left.measured, &left.joined), (&without.measured, &without.joined));
    assert_eq!((left.gaps, left.source.alone), (vec![at + 7], vec!["napkin".into()]));

    more.gaps.clear();
    let (model, other) = (fit(more), fit(without));
    assert_eq!(peak(&model, 2, [0.0; 5]).to_bits(), peak(&other, 2, [0.0; 5]).to_bits());
    let words =
        "borrowed from facial and towel (16 batches, not the single one of napkin), 4 of its own";
    assert!(model.summary().contains(words), "{}", model.summary());
}

#[test]
fn too_little_to_borrow_from_says_how_much_is_needed() {
    let mut table = table(|_, _, _| {});
    table.values.truncate(table.blocks[EACH + OWN] * COLUMNS.len());
    table.blocks.truncate(EACH + OWN);
    table.source.borrowed.truncate(1);
    let error = fit_borrowed(table, &spec(), &mut |_| ()).unwrap_err();
    assert_eq!(error, FitError::TooFewLent { lent: EACH, own: OWN, need: LENT_AT_LEAST });
}

#[test]
fn few_batches_are_drawn_towards_the_other_grades_by_no_more_than_their_error() {
    let near = |value: f64, expected: f64| {
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    };
    // χ² of two degrees of freedom is below −2 ln 0.9 in one case of ten.
    let (middle, variance) = prior(&[1.0, 2.0, 3.0]).unwrap();
    near(middle, 2.0);
    near(variance, 2.0 / (-2.0 * libm::log(0.9)) * 4.0 / 3.0);
    assert!(prior(&[1.0]).is_none() && prior(&[]).is_none());

    // Batches of four grades, the new one last; s² = 1 between them, so 1/4 is the squared error of four.
    let grades = [0..2, 2..4, 4..6, 6..10];
    let s = libm::sqrt(0.5);
    let own = [s, -s, s, -s].map(|by| libm::sqrt(1.5) * by);
    let told = |at: f64, without, far: f64| {
        let others = [-1.0, 1.0].map(|sign| sign * s);
        let mut means: Vec<f64> =
            [10.0 - far, 10.0, 10.0 + far].iter().flat_map(|at| others.map(|by| at + by)).collect();
        means.extend(own.map(|by| at + by));
        Means::of(&grades, means).told(3, without, 4)
    };
    // Others that agree: half an error away it comes a long way; far away it moves by its error alone.
    let (near_by, far_away) = (told(10.25, None, 0.0), told(20.0, None, 0.0));
    near(near_by, 10.0);
    near(far_away, 19.5);
    // Others that do not agree say nothing.
    assert!((told(10.25, None, 1e6) - 10.25).abs() < 1e-6);
    // The three before it tell what one batch would have been taken for: of the last one, and of the first.
    let mean_of_three = |left_out: f64| 20.0 - left_out / 3.0;
    near(told(20.0, Some(9), 1e6), mean_of_three(own[3]));
    near(told(20.0, Some(6), 1e6), mean_of_three(own[0]));
}

#[test]
fn of_batches_of_other_grades_what_is_declared_to_wander_is_judged_by_its_changes() {
    let borrowed = |wanders: BTreeMap<Arc<str>, bool>| {
        let spec = FitSpec { wanders, ..spec() };
        fit_borrowed(table(|_, _, _| {}), &spec, &mut |_| ()).unwrap()
    };
    // Batches of half an hour that do not follow each other: a tenth of their rows is lost, and no more.
    let model = borrowed([("load".into(), true)].into());
    assert_eq!((model.change_over(4), model.header().differences.len()), (Some(180.0), 1));
    assert_eq!(borrowed(BTreeMap::new()).header().differences, []);
}
