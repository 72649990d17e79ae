//! What makes a model the better one, and what does not.

use super::*;
use crate::models::fixtures::{COLUMNS, FRAMES, Plant, model, model_of, table_of};

/// Batches of a plant of frames of ten seconds; `spoil` is told which frame of a batch a row is.
fn batches(mut plant: Plant, n: usize, spoil: impl Fn(usize, &mut [f64; 5])) -> Vec<PastBatch> {
    let mut batch = || {
        let row = |frame: usize| {
            let mut row = plant.row();
            spoil(frame, &mut row);
            row
        };
        let at = |ix: usize| Timestamp::from_nanos(i64::try_from(ix).unwrap() * 10_000_000_000);
        PastBatch {
            made: Made::default(),
            columns: COLUMNS.map(Arc::from).to_vec(),
            frames: (0..FRAMES).map(|ix| (at(ix), at(ix + 1))).collect(),
            values: (0..FRAMES).flat_map(row).collect(),
        }
    };
    (0..n).map(|_| batch()).collect()
}

fn calm(_: usize, _: &mut [f64; 5]) {}

/// The plant after its load was set anew.
fn moved(_: usize, row: &mut [f64; 5]) {
    row[4] += 12.0;
}

fn trial(present: &Model, new: &Model, good: &[PastBatch], bad: &[PastBatch]) -> Trial {
    guarded(present, new, (good, bad), &BTreeMap::new())
}

fn guarded(
    present: &Model,
    new: &Model,
    (good, bad): (&[PastBatch], &[PastBatch]),
    guards: &BTreeMap<Arc<str>, Guard>,
) -> Trial {
    let mut trying = Trying::new((3, present, 1.0), new, good.len(), guards);
    for batch in good {
        trying.good(batch);
    }
    for batch in bad {
        trying.bad(batch);
    }
    trying.done()
}

#[test]
fn a_model_is_no_better_than_itself() {
    let model = model(&[]);
    let off = |frame: usize, row: &mut [f64; 5]| row[3] += if frame > 90 { 8.0 } else { 0.0 };
    let bad = batches(Plant::new(9), 3, off);
    let trial = trial(&model, &model, &batches(Plant::new(5), 8, calm), &bad);
    assert!(!trial.better);
    assert_eq!((trial.against, trial.good.of, trial.bad.of), (3, 8, 3));
    assert_eq!((trial.bad.both, trial.altered.only_present, trial.altered.only_new), (3, 0, 0));
    let (found, of) = (trial.altered.both, trial.altered.of);
    assert!(
        (of / 3..of).contains(&found),
        "small ones are missed and great ones found: {found} of {of}"
    );
    assert_eq!((trial.good.by_new(), &trial.reason), (trial.good.both, &TrialReason::Neither));
}

#[test]
fn a_model_of_how_the_plant_is_now_is_better_than_one_of_how_it_was() {
    let present = model(&[]);
    let new = model_of(&table_of(Plant::new(2), |(_, frame), row| moved(frame, row)), &[]);
    let good = batches(Plant::new(5), 8, moved);
    let forth = trial(&present, &new, &good, &[]);
    assert_eq!((forth.better, forth.good.by_present()), (true, 8), "{forth:?}");
    assert_eq!((&forth.reason, forth.good.of), (&TrialReason::Good, 8));
    // The old one flags all bad batches as well, as it flags everything.
    let bad = batches(Plant::new(9), 5, |frame, row| {
        moved(frame, row);
        row[3] += if frame > 150 { 0.3 } else { 0.0 };
    });
    let noisy = trial(&present, &new, &good, &bad);
    assert!(noisy.better && noisy.bad.by_present() == 5 && noisy.bad.by_new() < 3, "{noisy:?}");
    let back = trial(&new, &present, &good, &[]);
    assert!(!back.better && back.reason == TrialReason::Good, "{back:?}");
    assert_eq!((back.good.of, back.good.by_new()), (8, 8));
    // With limits that followed what the plant does now the old one flags none, and finds less.
    let mut trying = Trying::new((3, &present, 60.0), &new, good.len(), &BTreeMap::new());
    for batch in &good {
        trying.good(batch);
    }
    let wide = trying.done();
    assert!(wide.better && wide.good.by_present() == 0, "{wide:?}");
    assert_eq!(wide.reason, TrialReason::Altered);
}

#[test]
fn a_model_that_misses_what_the_present_one_finds_is_not_better() {
    let present = model(&[]);
    // It learned from batches in which the draw was read with much noise.
    let blunt = table_of(Plant::new(2), |(batch, frame), row| {
        let part = u32::try_from((batch * FRAMES + frame) * 7_919 % 1_009).unwrap();
        row[3] += f64::from(part) / 50.0 - 10.0;
    });
    let blunt = model_of(&blunt, &[]);
    let good = batches(Plant::new(5), 8, calm);
    let off = |frame: usize, row: &mut [f64; 5]| row[3] += if frame > 90 { 3.0 } else { 0.0 };
    let missed = trial(&present, &blunt, &good, &batches(Plant::new(9), 6, off));
    assert!(!missed.better && missed.reason == TrialReason::Bad, "{missed:?}");
    assert_eq!((missed.bad.of, missed.bad.by_new(), missed.bad.by_present()), (6, 0, 6));
    // A batch or two are no proof.
    let few = trial(&present, &blunt, &good[..1], &batches(Plant::new(9), 2, off));
    assert!(few.bad.by_new() == 0 && few.reason != TrialReason::Bad, "{few:?}");
    let dull = trial(&present, &blunt, &good, &[]);
    assert!(!dull.better && dull.altered.only_present > 5, "{dull:?}");
    assert_eq!(dull.reason, TrialReason::Altered);
    assert!(trial(&blunt, &present, &good, &[]).better);
}

#[test]
fn nothing_is_better_without_a_batch_to_show_it() {
    let model = model(&[]);
    let trial = trial(&model, &model, &[], &[]);
    assert!(!trial.better);
    assert_eq!(trial.reason, TrialReason::NoGood);
}

#[test]
fn holes_and_columns_that_a_model_does_not_know_are_missing_values() {
    let model = model(&[]);
    let mut good = batches(Plant::new(5), 2, calm);
    for batch in &mut good {
        batch.columns[4] = "other".into();
        batch.frames.remove(30);
        batch.values.drain(30 * COLUMNS.len()..31 * COLUMNS.len());
    }
    let trial = trial(&model, &model, &good, &[]);
    assert_eq!((trial.good.of, trial.altered.of), (2, 24));
}

#[test]
fn each_tag_meets_each_size_up_and_down() {
    let turns = 2 * SIZES.len();
    for tags in 1..=13 {
        let all: std::collections::BTreeSet<(usize, u64, bool)> = (0..turns * tags)
            .map(|number| deviation_of(number, tags))
            .map(|(tag, size, up)| (tag, size.to_bits(), up))
            .collect();
        assert_eq!(all.len(), turns * tags, "{tags} tags");
    }
}

#[test]
fn a_budget_of_frames_does_not_count_each_frame_as_a_flag() {
    let mut spec = model(&[]).header().spec.clone();
    spec.budget = crate::plant::Budget::PerFrames { flags: 1, frames: 50 };
    let model = crate::models::fit(&table_of(Plant::new(1), |_, _| {}), &spec).unwrap();
    assert!(!model.header().calibration.is_of_batches());
    let trial = trial(&model, &model, &batches(Plant::new(5), 8, calm), &[]);
    assert!(trial.good.both < 4 && trial.altered.of > 20, "{trial:?}");
}

#[test]
fn what_is_within_its_guard_band_counts_for_no_model() {
    let present = model(&[]);
    let new = model_of(&table_of(Plant::new(2), |(_, frame), row| moved(frame, row)), &[]);
    let good = batches(Plant::new(5), 8, moved);
    let band = |band: f64| {
        let guard = Guard { band, way: crate::plant::Way::Both };
        let guards = COLUMNS.map(|name| (Arc::from(name), guard)).into();
        guarded(&present, &new, (&good, &[]), &guards)
    };
    // The load is twelve above where the present model knows it.
    let (narrow, wide) = (band(6.0), band(40.0));
    assert_eq!((narrow.good.by_present(), wide.good.by_present()), (8, 0), "{narrow:?} {wide:?}");
    assert_eq!((wide.altered.by_present(), wide.altered.by_new()), (0, 0), "{wide:?}");
}
