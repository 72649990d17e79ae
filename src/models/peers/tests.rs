//! A sick sensor is accused, a sick process is not.

use super::super::fixtures::{COLUMNS, Plant, TIES, model, model_of, table, table_of};
use super::super::{FitSpec, Model, Table, fit};
use super::{Disagreement, Peers, Word};
use crate::reading::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Six hours, of which the third and the fourth are spoiled. Gives what is said: tag, minutes since then, word.
fn watch(model: &Model, spoil: impl Fn(f64, &mut [f64; 5])) -> Vec<(&'static str, i64, Word)> {
    watch_of(Plant::new(2), model, spoil)
}

fn watch_of(
    mut plant: Plant,
    model: &Model,
    spoil: impl Fn(f64, &mut [f64; 5]),
) -> Vec<(&'static str, i64, Word)> {
    let mut peers = Peers::default();
    let mut sick = [false; 5];
    let mut said = Vec::new();
    for frame in 0..6 * 360_i64 {
        let at = Timestamp::from_nanos(frame * 10_000_000_000);
        let mut row = plant.row();
        if (720..1440).contains(&frame) {
            #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
            spoil((frame - 720) as f64 / 720.0, &mut row);
        }
        for (column, word) in model.watch(&mut peers, (at, 10.0), &row, &|column| sick[column]) {
            sick[column] = word != Word::Acquitted;
            said.push((COLUMNS[column], (frame - 720) / 6, word));
        }
    }
    said
}

/// One sensor is accused of this within so many minutes, since about then, and acquitted when it is well.
#[track_caller]
fn check(tag: &str, how: Disagreement, within: i64, spoil: impl Fn(f64, &mut [f64; 5])) {
    let said = watch(&model(&TIES), spoil);
    let [(accused, after, Word::Accused(kind, since)), (acquitted, later, Word::Acquitted)] =
        said[..]
    else {
        panic!("{tag}: {said:?}");
    };
    assert_eq!((accused, acquitted, kind), (tag, tag, how));
    assert!((0..=within).contains(&after), "{tag} after {after} min");
    assert!((120..=180).contains(&later), "{tag} acquitted after {later} min");
    let begun = since.seconds_since(Timestamp::from_nanos(7_200_000_000_000)) / 60.0;
    #[expect(clippy::cast_precision_loss, reason = "some minutes")]
    let latest = after as f64;
    assert!(begun > -20.0 && begun <= latest, "since {begun} min");
}

#[test]
fn one_sensor_that_disagrees_is_accused_and_acquitted() {
    check("yankee", Disagreement::Offset, 10, |_, row| row[1] += 2.0);
    check("wire", Disagreement::Offset, 10, |_, row| row[0] -= 2.0);
    check("reel", Disagreement::Offset, 10, |_, row| row[2] += 2.0);
    check("draw", Disagreement::Drift, 110, |share, row| row[3] += 1.2 * share);
}

#[test]
fn a_sensor_that_stopped_following_is_accused_once_the_others_have_moved() {
    let held = std::cell::Cell::new(None);
    let said = watch(&model(&TIES), |_, row| {
        row[1] = held.get().unwrap_or(row[1]);
        held.set(Some(row[1]));
    });
    // How it disagrees shows only after it has disagreed for long.
    assert!(
        matches!(
            said[..],
            [("yankee", 0..120, Word::Accused(..)), ("yankee", 120..180, Word::Acquitted)]
        ),
        "{said:?}"
    );
}

#[test]
fn a_process_that_moves_breaks_no_tie() {
    let model = model(&TIES);
    assert_eq!(watch(&model, |_, _| {}), []);
    // Faster by far more than ever, and drawn further: all agree.
    let faster = |share: f64, row: &mut [f64; 5]| {
        for value in &mut row[..3] {
            *value += 20.0 * share;
        }
    };
    assert_eq!(watch(&model, faster), []);
    // What nobody else knows may be anything.
    assert_eq!(watch(&model, |_, row| row[4] += 50.0), []);
}

#[test]
fn what_several_disagree_about_is_no_sensor() {
    // The wire slips, and the web is drawn by less than it is said to be: two ties break in two ways.
    let said = watch(&model(&TIES), |_, row| {
        row[0] += 4.0;
        row[2] -= 4.0;
    });
    assert_eq!(said, []);
}

#[test]
fn unmistakable_ties_are_found_but_not_among_what_operators_set() {
    let found = model(&[]);
    assert!((0..3).all(|column| found.is_tied(column)) && !found.is_tied(4));
    let set = COLUMNS.map(|name| (Arc::from(name), 1e-3)).into();
    let spec = FitSpec { least_sd: set, ..found.header().spec.clone() };
    let none = fit(&table(), &spec).unwrap();
    assert!((0..5).all(|column| !none.is_tied(column)));
}

#[test]
fn batches_in_which_a_sensor_was_sick_teach_nothing() {
    let table = table_of(Plant::new(1), |(batch, _), row| {
        if [2, 3, 11, 17].contains(&batch) {
            row[0] += 3.0;
        }
    });
    let model = model_of(&table, &TIES);
    assert_eq!(watch(&model, |_, _| {}), []);
    let said = watch(&model, |_, row| row[0] -= 1.0);
    assert!(matches!(said[..], [("wire", 0..10, Word::Accused(..)), ("wire", ..)]), "{said:?}");
}

#[test]
fn a_draw_is_known_by_two_speeds_that_move_far_more_than_it() {
    let model = model_of(&table_of(Plant::wide(1), |_, _| {}), &TIES);
    assert_eq!(watch_of(Plant::wide(2), &model, |_, _| {}), []);
    let said = watch_of(Plant::wide(2), &model, |_, row| row[3] += 1.0);
    assert!(matches!(said[..], [("draw", 0..10, Word::Accused(..)), ("draw", ..)]), "{said:?}");
}

/// A model with no ties but these.
fn model_by(table: &Table, declared: &[(&str, &[&str])]) -> Model {
    let spec = model_of(table, declared).header().spec.clone();
    let least_sd = COLUMNS.map(|name| (Arc::from(name), 1e-3)).into();
    fit(table, &FitSpec { least_sd, ..spec }).unwrap()
}

#[test]
fn who_has_no_tie_may_be_it_and_nobody_is_accused_instead() {
    let one_sided = model_by(&table(), &TIES[..1]);
    assert_eq!(watch(&one_sided, |_, row| row[1] += 2.0), []);
    let said = watch(&one_sided, |_, row| row[0] += 2.0);
    assert!(matches!(said[..], [("wire", 0..10, Word::Accused(..)), ("wire", ..)]), "{said:?}");
    let without_draw = model_by(&table(), &TIES[..3]);
    assert_eq!(watch(&without_draw, |_, row| row[3] += 2.0), []);
}

#[test]
fn who_is_accused_acquits_nobody() {
    let said = watch(&model(&TIES), |share, row| {
        row[2] += 3.0;
        if share > 0.5 {
            row[1] -= 2.0;
        }
    });
    let acquitted = |(tag, after, word): &(&str, i64, Word)| {
        (*tag == "reel" && *word == Word::Acquitted).then_some(*after)
    };
    let acquitted: Vec<i64> = said.iter().filter_map(acquitted).collect();
    assert!(matches!(acquitted[..], [120..180]), "{said:?}");
}

#[test]
fn what_stands_for_no_number_is_forgotten_within_the_hour() {
    for value in [3.4e38, 1e300] {
        let said = watch(&model(&TIES), |share, row| {
            if share < 0.02 {
                row[1] = value;
            }
        });
        let [("yankee", 0..5, Word::Accused(..)), ("yankee", 0..60, Word::Acquitted)] = said[..]
        else {
            panic!("{value}: {said:?}");
        };
    }
}

#[test]
fn a_suspicion_lapses_when_nobody_can_tell_any_more() {
    let (model, mut peers, mut plant) = (model(&TIES), Peers::default(), Plant::new(2));
    let mut suspected = Vec::new();
    for frame in 0..1440_i64 {
        let mut row = plant.row();
        match frame {
            720..726 => row[0] += 3.0,
            726.. => row[1] = f64::NAN,
            _ => {}
        }
        let at = Timestamp::from_nanos(frame * 10_000_000_000);
        assert_eq!(model.watch(&mut peers, (at, 10.0), &row, &|_| false), []);
        if model.distrusted(&peers).any(|column| column == 0) {
            suspected.push(frame);
        }
    }
    assert!(suspected.contains(&725) && !suspected.contains(&740), "{suspected:?}");
}

#[test]
fn frames_of_five_minutes_are_looked_at() {
    let spec = FitSpec { frame: Duration::from_secs(300), ..model(&TIES).header().spec.clone() };
    let (model, mut peers) = (fit(&table(), &spec).unwrap(), Peers::default());
    let (mut plant, mut said) = (Plant::new(2), Vec::new());
    for frame in 0..100_i64 {
        let mut row = plant.row();
        if frame >= 50 {
            row[1] += 2.0;
        }
        let at = Timestamp::from_nanos(frame * 300_000_000_000);
        let sick = !said.is_empty();
        said.extend(model.watch(&mut peers, (at, 300.0), &row, &|column| sick && column == 1));
    }
    assert!(matches!(said[..], [(1, Word::Accused(..))]), "{said:?}");
}

#[test]
fn a_tag_that_stands_still_where_batches_agree_is_not_tied() {
    // The mean of many such numbers is not quite the number.
    let still = |(batch, _), row: &mut [f64; 5]| row[4] = if batch == 7 { 124.0 } else { 123.456 };
    let model = model_of(&table_of(Plant::new(1), still), &[("load", &["wire"])]);
    assert!(!model.is_tied(4));
}

#[test]
fn two_that_have_nothing_in_common_are_accused_at_once() {
    // A second pair: the load says what the draw does.
    let twin = |row: &mut [f64; 5]| row[4] = row[3] + 0.1 * (row[4] - 50.0);
    let pairs: [(&str, &[&str]); 4] =
        [("wire", &["yankee"]), ("yankee", &["wire"]), ("draw", &["load"]), ("load", &["draw"])];
    let model = model_by(&table_of(Plant::new(1), |_, row| twin(row)), &pairs);
    let (mut peers, mut plant, mut said) = (Peers::default(), Plant::new(2), Vec::new());
    for frame in 0..1080_i64 {
        let mut row = plant.row();
        twin(&mut row);
        if frame >= 720 {
            row[1] += 3.0;
            row[4] -= 2.0;
        }
        let at = Timestamp::from_nanos(frame * 10_000_000_000);
        let sick = |column| said.iter().any(|(of, _)| *of == column);
        let words = model.watch(&mut peers, (at, 10.0), &row, &sick);
        said.extend(words);
    }
    assert!(
        matches!(said[..], [(1 | 4, Word::Accused(..)), (1 | 4, Word::Accused(..))]),
        "{said:?}"
    );
}

#[test]
fn nobody_is_accused_where_a_relation_bends_far_from_what_was_learned() {
    // The draw follows a speed that goes far beyond where it ever was, with a bend.
    let said = watch(&model(&TIES), |share, row| {
        let far = 60.0 * (10.0 * share).min(1.0);
        row[..3].iter_mut().for_each(|speed| *speed += far);
        row[2] += 0.002 * far * far;
    });
    assert_eq!(said, []);
}

#[test]
fn an_accused_sensor_that_reads_far_off_hides_no_other() {
    let said = watch(&model(&TIES), |share, row| {
        row[2] += 12.0;
        if share > 0.5 {
            row[1] += 3.0;
        }
    });
    let accused: Vec<&str> =
        said.iter().filter(|(_, _, word)| *word != Word::Acquitted).map(|(tag, ..)| *tag).collect();
    assert_eq!(accused, ["reel", "yankee"], "{said:?}");
}
