//! What a fit and a frame cost, in the processor's time.

use crate::cpu;
use onspec::models::{FitSpec, Model, Peers, Table, fit};
use onspec::plant::Budget;
use onspec::reading::Timestamp;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Tags, and the causes that move them.
const TAGS: usize = 60;
const CAUSES: usize = 6;

/// Batches to fit.
const BATCHES: usize = 20;

/// Frames to judge, and runs of which the best is told: the others were disturbed.
const FRAMES: usize = 20_000;
const RUNS: usize = 3;

/// So many rows that follow each other as batches of `rows`.
fn table(rows: usize, chance: &mut Xoshiro256PlusPlus) -> Table {
    let mut uniform = || f64::from(chance.next_u32()) / 4_294_967_296.0 - 0.5;
    let loads: Vec<f64> = (0..TAGS * CAUSES).map(|_| uniform()).collect();
    let mut causes = [0.0; CAUSES];
    let mut values = Vec::with_capacity(BATCHES * rows * TAGS);
    for _ in 0..BATCHES * rows {
        for cause in &mut causes {
            *cause = 0.9 * *cause + uniform();
        }
        for tag in loads.chunks(CAUSES) {
            let moved: f64 = tag.iter().zip(&causes).map(|(load, cause)| load * cause).sum();
            values.push(moved + 0.2 * uniform());
        }
    }
    Table {
        columns: (0..TAGS).map(|ix| Arc::from(format!("tag_{ix:02}"))).collect(),
        values,
        blocks: (0..BATCHES).map(|ix| ix * rows).collect(),
        ..Table::default()
    }
}

/// Fits a model; gives the seconds that took as well.
fn fitted(table: &Table, watched: bool, frame_s: u64) -> (Model, f64) {
    let ties: BTreeMap<Arc<str>, Vec<Arc<str>>> = (table.columns.chunks(3).filter(|_| watched))
        .map(|three| (Arc::clone(&three[0]), three[1..].to_vec()))
        .collect();
    let spec = FitSpec {
        frame: Duration::from_secs(frame_s),
        budget: Budget::PerBatches { flags: 1, batches: 100 },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        wanders: BTreeMap::new(),
        ties,
    };
    let begun = cpu::seconds();
    let model = fit(table, &spec).expect("enough rows");
    (model, cpu::seconds() - begun)
}

/// The microseconds of a frame, the best of some runs.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn per_frame(mut judge: impl FnMut(usize)) -> f64 {
    let run = |_| {
        let begun = cpu::seconds();
        (0..FRAMES).for_each(&mut judge);
        (cpu::seconds() - begun) * 1e6 / FRAMES as f64
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}

/// Prints the table.
pub(crate) fn run() {
    println!("\nCost for {TAGS} tags, processor's time, frames of 10 s, {BATCHES} batches to fit");
    println!("{:<44} {:>9} {:>14}", "", "fit, s", "a frame, µs");
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(7);
    let few = table(20, &mut chance);
    let many = table(180, &mut chance);
    let matrix = ndarray::Array2::from_elem((TAGS, TAGS), 0.5);
    let reference = per_frame(|ix| {
        let row = ndarray::ArrayView1::from(many.row(ix % many.rows()));
        black_box(matrix.dot(&row));
    });
    let name = format!("a {TAGS} × {TAGS} matrix by a row (the reference)");
    println!("{name:<44} {:>9} {reference:>14.2}", "");
    for (name, table, watched, frame_s) in [
        ("PCA, frames of 1 s (too few rows for CVA)", &few, false, 1),
        ("PCA, and what moves", &few, false, 10),
        ("PCA, CVA, and what moves", &many, false, 10),
        ("all that, and 20 sensors looked at by others", &many, true, 10),
    ] {
        let (model, fit_s) = fitted(table, watched, frame_s);
        let mut online = model.start(1.0);
        let mut peers = Peers::default();
        let cost = per_frame(|ix| {
            let row = many.row(ix % many.rows());
            if watched {
                let at = Timestamp::from_nanos(i64::try_from(ix).unwrap_or(0) * 10_000_000_000);
                black_box(model.watch(&mut peers, (at, 10.0), row, &|_| false));
            }
            black_box(model.score(&mut online, row));
        });
        println!("{name:<44} {fit_s:>9.2} {cost:>14.2}");
    }
}
