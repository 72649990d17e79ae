//! `cargo bench --bench judge`: from payload to verdict on one core, without store and network.
//!
//! The mill makes a few reels to learn from; then the engine, with its models, takes the messages of the
//! next reels as they would come from a broker. Printed is the processor's time, of user and system, for
//! a million readings, beside that of a reference in the same run: `serde_json` reading the same payloads
//! into values, and nothing else.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench measures and prints")]

use onspec::app::{FitMode, Outputs, Pipeline, demo};
use onspec::engine::{Engine, Event};
use onspec::simulate::Form;
use onspec::store::Store;
use std::hint::black_box;

#[path = "cpu.rs"]
mod cpu;

/// Reels of each grade to learn from, and reels to judge.
const LEARNING: u32 = 4;
const BATCHES: u32 = 20;
const SEED: u64 = 7;
/// Runs, of which the best is told: the others were disturbed.
const RUNS: usize = 3;

fn main() {
    let checked = demo::tissue(Some(LEARNING)).expect("the model case can be used");
    let broker = checked.brokers[0].settings.name.as_str().into();
    let mut machine = demo::machine(&checked, SEED, BATCHES, Form::Wide);
    let store = Store::open(&checked.store).expect("a store in memory");
    let (mut pipeline, _) = Pipeline::open(
        store,
        checked.plant.clone(),
        checked.rules(),
        Outputs::default(),
        FitMode::Inline,
    )
    .expect("a pipeline");
    let mut out = Vec::new();
    while machine.is_learning() {
        machine.step(&mut out);
        let events = out.drain(..).map(|message| Event::Arrival(message.from_broker(&broker)));
        pipeline.commit(events, &mut |_| {}).expect("a commit in memory");
    }
    let state = pipeline.engine().checkpoint();
    while machine.step(&mut out) {}
    let arrivals: Vec<_> = out.into_iter().map(|message| message.from_broker(&broker)).collect();

    let mut best: Option<(f64, f64, u64, u64)> = None;
    for _ in 0..RUNS {
        let mut engine = Engine::restore(&state).expect("the state was just written");
        let before = engine.view().readings;
        let events: Vec<Event> = arrivals.iter().cloned().map(Event::Arrival).collect();
        let mut effects = Vec::new();
        let mut verdicts = 0_u64;
        let begun = cpu::seconds();
        for event in events {
            engine.apply(event, &mut effects);
            for effect in effects.drain(..) {
                verdicts += u64::from(matches!(effect, onspec::engine::Effect::Score(_)));
                black_box(&effect);
            }
        }
        let judged = cpu::seconds() - begun;
        let readings = engine.view().readings - before;

        let begun = cpu::seconds();
        for arrival in &arrivals {
            let value: serde_json::Value =
                serde_json::from_slice(&arrival.payload).expect("the mill writes JSON");
            black_box(value);
        }
        let parsed = cpu::seconds() - begun;
        if best.is_none_or(|(least, ..)| judged < least) {
            best = Some((judged, parsed, readings, verdicts));
        }
    }
    let (judged, parsed, readings, scored) = best.expect("there were runs");
    #[expect(clippy::cast_precision_loss, reason = "a count of readings")]
    let millions = readings as f64 / 1e6;
    println!("messages {}, readings {readings}, frames scored {scored}", arrivals.len());
    println!(
        "decode to verdict: {:.2} CPU s per million readings ({:.0} readings/s of CPU)",
        judged / millions,
        1e6 * millions / judged
    );
    println!(
        "reference, serde_json alone: {:.2} CPU s per million readings; ratio {:.1}",
        parsed / millions,
        judged / parsed
    );
}
