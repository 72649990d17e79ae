//! What wanders is known from what does not, and its changes are the same at a fit and live.

use super::super::calibrate::count;
use super::super::fixtures::{COLUMNS, FRAMES, Plant, TIES, generator, model_of, table_of};
use super::super::{FitSpec, Model, Online, Peers, Word, fit};
use super::*;
use crate::plant::Budget;
use crate::reading::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

const FRAME: Duration = Duration::from_secs(10);

/// Rows of a batch, and batches, of a table of one column.
const ROWS: u32 = 60;
const BATCHES: u32 = 40;

fn spec() -> FitSpec {
    FitSpec {
        frame: FRAME,
        budget: Budget::PerBatches { flags: 1, batches: 20 },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        ties: BTreeMap::new(),
        wanders: BTreeMap::new(),
    }
}

/// Numbers about 0 of variance 1/3, others for each seed.
fn noise(seed: u32) -> impl FnMut() -> f64 {
    let mut noise = generator();
    for _ in 0..seed * 977 {
        noise();
    }
    noise
}

/// A table of one column, in batches that follow each other; `next` is told the batch and the row in it.
fn table(mut next: impl FnMut(u32, u32) -> f64) -> Table {
    let mut table = Table { columns: vec!["x".into()], ..Table::default() };
    for batch in 0..BATCHES {
        table.begin_block(batch > 0);
        table.values.extend((0..ROWS).map(|row| next(batch, row)));
    }
    table
}

/// In how many of so many tables, one for each seed, the column is taken for one without a level.
fn found(of: u32, spec: &FitSpec, make: impl Fn(u32) -> Table) -> usize {
    (1..=of).filter(|seed| !choose(&make(*seed), spec, true).0.is_empty()).count()
}

/// A series that keeps a share of what it was.
fn keeps(seed: u32, share: f64) -> impl FnMut() -> f64 {
    let (mut noise, mut value) = (noise(seed), 0.0);
    move || {
        value = share * value + noise();
        value
    }
}

#[test]
fn what_has_a_level_keeps_it() {
    let spec = spec();
    let check_within = |most: usize, what: &str, make: &dyn Fn(u32) -> Table| {
        let found = found(30, &spec, make);
        assert!(found <= most, "{what}: {found} of 30");
    };
    let check = |what: &str, make: &dyn Fn(u32) -> Table| check_within(1, what, make);
    check("a loop", &|seed| {
        let mut next = keeps(seed, 0.95);
        table(|_, _| next())
    });
    // Its time constant is three batches of forty: it is hardly to be told from a walk.
    check_within(5, "a slow loop", &|seed| {
        let mut next = keeps(seed, 0.995);
        table(|_, _| next())
    });
    check("lots", &|seed| {
        let (mut lots, mut next) = (noise(seed), keeps(seed + 40, 0.9));
        let mut lot = 0.0;
        table(|batch, row| {
            if batch % 3 == 0 && row == 0 {
                lot = 10.0 * lots();
            }
            lot + next()
        })
    });
    check("a set point for each batch", &|seed| {
        let (mut set, mut next) = (keeps(seed, 1.0), noise(seed + 40));
        let mut point = 0.0;
        table(|_, row| {
            if row == 0 {
                point = 20.0 * set();
            }
            point + next()
        })
    });
    check("a set point that was raised once", &|seed| {
        let mut next = noise(seed);
        table(|batch, row| f64::from(u8::from(batch * ROWS + row > 1100)) * 9.0 + next())
    });
    check("a recipe", &|seed| {
        let mut next = noise(seed);
        table(|_, row| libm::sin(f64::from(row) / 20.0) + 0.1 * next())
    });
    check("metres of a batch", &|seed| {
        let (mut next, mut metres) = (noise(seed), 0.0);
        table(|_, row| {
            metres = if row == 0 { 0.0 } else { metres + 30.0 + next() };
            metres
        })
    });
}

#[test]
fn what_has_none_is_found() {
    let spec = spec();
    let check = |what: &str, least: usize, make: &dyn Fn(u32) -> Table| {
        let found = found(30, &spec, make);
        assert!(found >= least, "{what}: {found} of 30");
    };
    // Of a walk some are not to be told from a level: these keep it.
    check("a walk", 12, &|seed| {
        let mut next = keeps(seed, 1.0);
        table(|_, _| next())
    });
    check("a pressure drop that ages", 28, &|seed| {
        let mut next = keeps(seed, 0.5);
        table(|batch, row| 0.01 * f64::from(batch * ROWS + row) + next())
    });
    check("a counter that begins anew each day and counts coarsely", 30, &|seed| {
        let (mut next, mut sum) = (noise(seed), 0.0);
        table(|_, _| {
            sum = (sum + 0.3 + 0.1 * next()) % 500.0;
            sum.floor()
        })
    });
    check("a silo that is filled", 30, &|seed| {
        let (mut next, mut left) = (noise(seed), 9000.0);
        table(|_, _| {
            left = if left < 40.0 { 9000.0 } else { left - 8.0 - next() };
            left
        })
    });
}

#[test]
fn what_the_plant_declares_or_operators_set_is_not_estimated() {
    let mut next = keeps(3, 0.95);
    let level = table(|_, _| next());
    let mut energy = 0.0;
    let counter = table(|_, _| {
        energy += 1.0;
        energy
    });
    let chosen = |table: &Table, spec: &FitSpec| !choose(table, spec, true).0.is_empty();
    let declared = |wanders| FitSpec { wanders: [("x".into(), wanders)].into(), ..spec() };
    let set = FitSpec { least_sd: [("x".into(), 1.0)].into(), ..spec() };
    assert!(!chosen(&level, &spec()) && chosen(&level, &declared(true)));
    assert!(chosen(&counter, &spec()) && !chosen(&counter, &declared(false)));
    assert!(!chosen(&counter, &set));
    // Of another grade's batches only what is certain is told.
    let mut walk = 0.0;
    let ageing = table(|_, _| {
        walk += 0.01 + 0.001 * next();
        walk + 0.1 * next()
    });
    assert!(chosen(&ageing, &spec()) && choose(&ageing, &spec(), false).0.is_empty());
    assert!(!choose(&counter, &spec(), false).0.is_empty());
}

#[test]
fn a_change_is_taken_over_minutes_and_over_more_of_what_counts_coarsely() {
    let over = |each: f64, joined: bool| {
        let mut sum = 0.0;
        let mut table = table(|_, _| {
            sum += each;
            sum.floor()
        });
        if !joined {
            table.joined.clear();
        }
        let (_, differences) = choose(&table, &spec(), true);
        differences[0].over_s
    };
    let whole = [over(3.7, true), over(0.31, true), over(0.31, false)];
    // Of batches of ten minutes that do not follow each other a tenth is lost, and no more.
    assert_eq!(whole.map(|over_s| over_s.to_string()), ["300", "650", "60"]);
}

/// A lag of three rows of the second of two columns.
fn lags(counts: Option<Counts>) -> Lags {
    Lags(vec![Lag { column: 1, frames: 3, counts, back: 0.0 }])
}

/// What becomes of the second column.
fn taken(lags: &Lags, recent: &mut Recent, values: &[f64]) -> Vec<Option<f64>> {
    let take = |value: &f64| {
        let mut row = [7.0, *value];
        lags.take(recent, &mut row);
        assert_eq!(row[0].to_bits(), 7.0_f64.to_bits(), "the other column is as it was");
        assert!(recent.fits(lags), "no more is kept than is needed");
        Some(row[1]).filter(|value| value.is_finite())
    };
    values.iter().map(take).collect()
}

#[test]
fn what_is_missing_is_missing_and_nothing_is_told_across_a_gap() {
    let (wanders, mut recent) = (lags(None), Recent::default());
    let values = [1.0, 2.0, 4.0, 8.0, f64::NAN, 16.0, 32.0, 64.0, 63.0];
    let changes = [None, None, None, Some(7.0), None, Some(12.0), Some(24.0), None, Some(47.0)];
    assert_eq!(taken(&wanders, &mut recent, &values), changes);
    recent.forget();
    assert_eq!(taken(&wanders, &mut recent, &[9.0, 9.0, 9.0, 10.0]), [None, None, None, Some(1.0)]);
    // A row of another width has no value.
    wanders.take(&mut recent, &mut [7.0]);
    assert_eq!(taken(&wanders, &mut recent, &[11.0, 12.0, 13.0]), [Some(2.0), Some(2.0), None]);
}

#[test]
fn a_counter_begins_anew() {
    let up = [5.0, 6.0, 7.0, 8.0, 0.0, 1.0, 2.0, 3.0];
    let changes = [None, None, None, Some(3.0), None, None, None, Some(3.0)];
    assert_eq!(taken(&lags(Some(Counts::Up)), &mut Recent::default(), &up), changes);
    let down = up.map(|value| -value);
    let of_down = taken(&lags(Some(Counts::Down)), &mut Recent::default(), &down);
    assert_eq!(of_down, changes.map(|change| change.map(|change: f64| -change)));
    // Also behind a hole.
    let hole = [5.0, 6.0, 7.0, f64::NAN, 1.0, 2.0, 3.0, 4.0];
    let found = taken(&lags(Some(Counts::Up)), &mut Recent::default(), &hole);
    assert_eq!(found, [None, None, None, None, None, None, None, Some(3.0)]);
}

/// What is chosen of a table of joined batches of these columns, and which share of its rows has no change of some of them.
fn chosen(
    columns: &[&str],
    spec: &FitSpec,
    value: impl Fn(usize, usize) -> f64,
) -> (Vec<(String, f64, String)>, f64) {
    let mut table =
        Table { columns: columns.iter().map(|name| (*name).into()).collect(), ..Table::default() };
    let batch = usize::try_from(ROWS).unwrap();
    for row in 0..batch * usize::try_from(BATCHES).unwrap() {
        if row % batch == 0 {
            table.begin_block(row > 0);
        }
        table.values.extend((0..columns.len()).map(|column| value(column, row)));
    }
    let (lags, differences) = choose(&table, spec, true);
    let changes = lags.changes(&table);
    let is_lost = |row: &usize| changes.row(*row).iter().any(|value| value.is_nan());
    let lost = (0..table.rows()).filter(is_lost).count();
    let told = differences.into_iter().map(|one| (one.column.to_string(), one.over_s, one.reason));
    (told.collect(), count(lost) / count(table.rows()))
}

#[test]
fn what_begins_anew_often_costs_one_row_in_ten_at_most() {
    /// Rows from one new beginning to the next.
    const PERIODS: [usize; 3] = [57, 180, 240];
    let names = ["often", "slower", "slowest"];
    let sawtooth = |column: usize, row: usize| count(row % PERIODS[column]);
    // About every ten minutes: it keeps its level. The others share what may be lost.
    let (told, lost) = chosen(&names, &spec(), sawtooth);
    let told: Vec<(&str, f64)> = told.iter().map(|(name, over_s, _)| (&**name, *over_s)).collect();
    assert_eq!(told, [("slower", 100.0), ("slowest", 100.0)]);
    assert!(lost > 0.05 && lost <= 0.1, "{lost}");
    // Where it is declared it is by its change, over as long as that allows.
    let wanders = [("often".into(), true)].into();
    let (told, lost) = chosen(&names[..1], &FitSpec { wanders, ..spec() }, sawtooth);
    assert_eq!(told, [("often".to_owned(), 50.0, "it is declared to wander".to_owned())]);
    assert!(lost > 0.05 && lost <= 0.1, "{lost}");
}

#[test]
fn what_only_went_up_in_some_weeks_is_not_known_to_count() {
    // It warms up, without noise, and ever slower.
    let warms_up = |_: usize, row: usize| 20.0 - 15.0 * libm::exp(-count(row) / 900.0);
    let (told, _) = chosen(&["x"], &spec(), warms_up);
    assert!(told.iter().all(|(.., reason)| !reason.contains("counts")), "{told:?}");
    // In every tenth batch nothing is used: only having begun anew shows that it counts.
    let idles = |row: usize| count(row - row / 600 * 60 - (row % 600).saturating_sub(540));
    let reasons = |from: f64| {
        let (told, _) = chosen(&["x"], &spec(), |_, row| (from + idles(row)) % 3000.0);
        told.into_iter().map(|(.., reason)| reason).collect::<Vec<String>>()
    };
    assert!(reasons(0.0).iter().all(|reason| !reason.contains("counts")));
    assert_eq!(reasons(2000.0), ["it counts up, and began anew once"]);
    let (told, _) = chosen(&["x"], &spec(), |_, row| count(row));
    assert_eq!(told[0].2, "it counts up");
}

#[test]
fn noise_of_a_counter_is_no_new_beginning() {
    // A silo that is filled twice; what is dropped into it hides from the sensor now and then how far it went down.
    let (told, lost) = chosen(&["x"], &spec(), |_, row| {
        9000.0 - 8.0 * count(row % 1000) + if row % 120 == 50 { 12.0 } else { 0.0 }
    });
    assert_eq!(told[0].2, "it counts down, and began anew 2 times");
    assert!(lost < 0.05, "{lost}");
    let noisy = Lags(vec![Lag { back: 1.5, ..lags(Some(Counts::Up)).0.remove(0) }]);
    let values = [5.0, 6.0, 5.0, 8.0, 9.0, 7.5, 7.0, 8.0, 6.0];
    let changes = [None, None, None, Some(3.0), Some(3.0), Some(2.5), Some(-1.0), Some(-1.0), None];
    assert_eq!(taken(&noisy, &mut Recent::default(), &values), changes);
}

#[test]
fn a_recording_that_lacks_its_first_hours_is_tested_all_the_same() {
    let spec = FitSpec { batches: false, ..spec() };
    let mut next = keeps(1, 0.5);
    let mut ageing = table(|batch, row| 0.01 * f64::from(batch * ROWS + row) + next());
    (ageing.blocks, ageing.joined) = (vec![0], Vec::new());
    assert!(!choose(&ageing, &spec, true).0.is_empty());
    ageing.values[..240].fill(f64::NAN);
    assert!(!choose(&ageing, &spec, true).0.is_empty());
}

/// The fixture's plant, whose load wanders beside its own course, in batches that follow each other.
fn wandering_table(seed: u64) -> Table {
    let mut walk = keeps(11, 1.0);
    let walk: Vec<f64> = (0..20 * FRAMES).map(|_| walk()).collect();
    let mut table = table_of(Plant::new(seed), |(batch, frame), row| {
        row[4] += walk[batch * FRAMES + frame];
    });
    table.joined = table.blocks[1..].to_vec();
    table
}

fn wandering_model() -> Model {
    let wanders = [("load".into(), true)].into();
    fit(&wandering_table(1), &FitSpec { wanders, ..spec() }).unwrap()
}

fn at(frame: usize) -> Timestamp {
    Timestamp::from_nanos(0).plus(FRAME * u32::try_from(frame).unwrap())
}

/// The score of a frame that ends the last one's.
fn follow(
    model: &Model,
    online: &mut Online,
    (frame, before): (usize, Option<usize>),
    row: &[f64],
) -> f64 {
    let until = before.map(|before| at(before + 1));
    model.follow(online, (at(frame), at(frame + 1)), (until, None));
    let score = model.score(online, row);
    score.coverage
}

#[test]
fn live_frames_and_rows_of_a_fit_have_the_same_changes() {
    let model = wandering_model();
    assert_eq!(model.change_over(4), Some(300.0));
    let mut table = wandering_table(2);
    // The fourth batch does not follow the third.
    table.joined.retain(|row| *row != 3 * FRAMES);
    let lags = Lags(vec![Lag { column: 4, frames: 30, counts: None, back: 0.0 }]);
    let changes = lags.changes(&table);
    let mut online = model.start(1.0);
    let mut late = 0;
    for row in 0..table.rows() {
        if row % FRAMES == 0 {
            model.next_batch(&mut online, 1.0);
        }
        late += usize::from(row == 3 * FRAMES);
        let before = (row > 0).then(|| row + late - 1 - usize::from(row == 3 * FRAMES));
        let coverage = follow(&model, &mut online, (row + late, before), table.row(row));
        let is_there = changes.row(row)[4].is_finite();
        assert_eq!(coverage >= 1.0, is_there, "row {row}: {coverage}");
        // A checkpoint in the middle changes nothing.
        if row == 5 * FRAMES / 2 {
            let bytes = rmp_serde::to_vec_named(&online).unwrap();
            let read: Online = rmp_serde::from_slice(&bytes).unwrap();
            assert!(read == online && model.fits(&read));
            online = read;
        }
    }
    let mut recent = Recent::default();
    let live: Vec<u64> = (0..2 * FRAMES)
        .map(|ix| {
            let mut row = table.row(ix).to_vec();
            lags.take(&mut recent, &mut row);
            row[4].to_bits()
        })
        .collect();
    let fitted: Vec<u64> = (0..2 * FRAMES).map(|ix| changes.row(ix)[4].to_bits()).collect();
    assert_eq!(live, fitted);
}

#[test]
fn a_break_forgets_what_was_before_and_a_batch_does_not() {
    let model = wandering_model();
    let mut plant = Plant::new(4);
    let mut online = model.start(1.0);
    let mut frame = 0;
    let mut run = |online: &mut Online, n: usize| -> Vec<bool> {
        let mut is_there = Vec::new();
        for _ in 0..n {
            let coverage = follow(&model, online, (frame, frame.checked_sub(1)), &plant.row());
            is_there.push(coverage >= 1.0);
            frame += 1;
        }
        is_there
    };
    let first = run(&mut online, 40);
    assert_eq!(first.iter().position(|is_there| *is_there), Some(30));
    model.next_batch(&mut online, 1.0);
    assert!(run(&mut online, 40).iter().all(|is_there| *is_there));
    model.interrupt(&mut online);
    assert_eq!(run(&mut online, 40), first);
}

#[test]
fn a_shift_of_what_wanders_is_told_as_a_change_and_ends_with_it() {
    let model = wandering_model();
    let table = wandering_table(1);
    let mut online = model.start(1.0);
    let mut moved = Vec::new();
    for row in 0..9 * FRAMES {
        let mut values = table.row(row).to_vec();
        if row >= 3 * FRAMES {
            values[4] += 60.0;
        }
        model.score(&mut online, &values);
        let load = model.moved(&online).into_iter().find(|moved| moved.column == 4);
        moved.push(load.filter(|load| load.by_itself));
    }
    let told = moved[3 * FRAMES + 10].as_ref().unwrap();
    let off = told.value - told.expected;
    assert!((off - 60.0).abs() < 15.0 && told.value.abs() < 90.0, "{told:?}");
    // What is smoothed for long, and where the plant has been lately, remember it for a while.
    assert_eq!(moved[9 * FRAMES - 1], None, "a shift that lasts is not seen for ever");
}

#[test]
fn a_model_says_of_what_it_takes_the_change_and_reads_it_back() {
    let model = wandering_model();
    let sentences: Vec<String> =
        model.header().differences.iter().map(Difference::sentence).collect();
    assert_eq!(sentences, ["load (change over 5 min: it is declared to wander)"]);
    assert!(
        model.summary().starts_with("pca of 5 tags (1 by its change), "),
        "{}",
        model.summary()
    );
    assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
    // What a model without such a tag writes is what earlier releases read and wrote.
    let plain = String::from_utf8(model_of(&table_of(Plant::new(1), |_, _| {}), &[]).to_bytes());
    let plain = plain.unwrap();
    for key in ["lags", "differences", "wanders"] {
        assert!(!plain.contains(&format!("\"{key}\":")), "{key}");
    }
    let text = String::from_utf8(model.to_bytes()).unwrap();
    let other = text.replace("\"frames\":30", "\"frames\":0");
    assert!(other != text && Model::from_bytes(other.as_bytes()).is_err());
    // Another model's recent values are none of this one.
    let mut online = model.start(1.0);
    model.score(&mut online, &[0.0; 5]);
    let levels = fit(&wandering_table(1), &spec()).unwrap();
    assert!(model.fits(&online) && (levels.change_over(4).is_some() || !levels.fits(&online)));
}

#[test]
fn a_change_is_not_held_against_a_level() {
    let levels = |wanders| {
        let spec = FitSpec { wanders: [("load".into(), wanders)].into(), ..spec() };
        fit(&wandering_table(1), &spec).unwrap()
    };
    let (level, change) = (levels(false), levels(true));
    let names = |from: &Model, to: &Model| -> Vec<String> {
        let wander = from.footing().wander(to).unwrap();
        assert_eq!(wander.beyond(), None);
        let mut names: Vec<String> =
            wander.means.iter().map(|(name, _)| name.to_string()).collect();
        names.sort();
        names
    };
    let mut common: Vec<String> = COLUMNS[..4].iter().map(|&name| name.to_owned()).collect();
    common.sort();
    assert_eq!(names(&level, &change), common);
    let mut all = [&common[..], &["load (change over 5 min)".to_owned()]].concat();
    all.sort();
    assert_eq!(names(&change, &change), all);
}

#[test]
fn ties_are_asked_of_levels() {
    let names = |others: &&[&str]| others.iter().map(|name| Arc::from(*name)).collect();
    let ties: BTreeMap<Arc<str>, Vec<Arc<str>>> =
        TIES.iter().map(|(tag, others)| (Arc::from(*tag), names(others))).collect();
    let words = |wanders: bool| {
        let wanders = COLUMNS[..3].iter().map(|name| (Arc::from(*name), wanders)).collect();
        let table = wandering_table(1);
        let model = fit(&table, &FitSpec { wanders, ties: ties.clone(), ..spec() }).unwrap();
        let mut peers = Peers::default();
        let rows = 0..8 * FRAMES;
        let said = rows.map(|row| {
            let mut values = table.row(row).to_vec();
            values[1] += if row >= 4 * FRAMES { 2.0 } else { 0.0 };
            model.watch(&mut peers, (at(row + 1), 10.0), &values, &|_| false)
        });
        said.flatten().collect::<Vec<(usize, Word)>>()
    };
    let (levels, changes) = (words(false), words(true));
    assert!(matches!(levels.first(), Some((1, Word::Accused(..)))), "{levels:?}");
    assert_eq!(levels, changes);
}

#[test]
fn over_minutes_a_shift_stands_out_for_longer_and_a_counter_tells_more() {
    /// The shift over how far changes go without it, and how many rows it is seen; and how far the changes of a
    /// counter are from what is counted, over how far they go.
    fn told(frames: usize) -> (f64, usize, f64) {
        let (mut walk, mut errors, mut power) = (keeps(5, 1.0), noise(6), noise(7));
        let of = |counts: Option<Counts>| Lags(vec![Lag { column: 0, frames, counts, back: 0.0 }]);
        let mut sum = 0.0;
        let (mut plain, mut shifted, mut counted) = <(Vec<f64>, Vec<f64>, Vec<f64>)>::default();
        let (mut a, mut b, mut c) = <(Recent, Recent, Recent)>::default();
        for row in 0..4000 {
            let value = 0.03 * walk() + 0.3 * errors();
            sum += 0.4 + 0.1 * power();
            let shift = if row >= 2000 { 1.0 } else { 0.0 };
            let change = |recent: &mut Recent, value: f64, counts| {
                let mut row = [value];
                of(counts).take(recent, &mut row);
                row[0]
            };
            plain.push(change(&mut a, value, None));
            shifted.push(change(&mut b, value + shift, None));
            counted.push(change(&mut c, f64::floor(sum), Some(Counts::Up)));
        }
        let sd = |values: &[f64]| {
            let values: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
            let mean = values.iter().sum::<f64>() / count(values.len());
            let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            ((squares / count(values.len())).sqrt(), mean)
        };
        let seen = plain.iter().zip(&shifted).filter(|(a, b)| (*a - *b).abs() > 0.5).count();
        let (spread, mean) = sd(&counted);
        (1.0 / sd(&plain).0, seen, spread / mean)
    }
    let (row, minutes, hour) = (told(1), told(30), told(360));
    // Rows: the shift is seen for one, and a counter tells 0 or 1. An hour: what wanders hides the shift.
    assert_eq!((row.1, minutes.1, hour.1), (1, 30, 360));
    assert!(minutes.2 < 0.2 * row.2, "{} {}", minutes.2, row.2);
    assert!(minutes.0 > 0.75 * row.0 && hour.0 < 0.75 * minutes.0, "{row:?} {minutes:?} {hour:?}");
}
