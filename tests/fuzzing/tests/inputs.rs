//! Every target against inputs that are the same for the same seed.
//!
//! `ONSPEC_FUZZ` says how many inputs each (20,000), `ONSPEC_SEED` from which seed (1), `ONSPEC_TARGET` which
//! targets, by a part of the name.

use onspec_fuzz::{run, targets};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    let text = variable(name)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, want a number")))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the rate is for people to read")]
fn nothing_out_of_thin_air_and_no_panic_in_bounded_memory() {
    let (count, seed) =
        (number("ONSPEC_FUZZ").unwrap_or(20_000), number("ONSPEC_SEED").unwrap_or(1));
    let wanted = variable("ONSPEC_TARGET").unwrap_or_default();
    let mut all = targets::all();
    all.retain(|target| target.name().contains(&wanted));
    assert!(!all.is_empty(), "there is no target `{wanted}`");
    all.reverse();
    let left = Mutex::new(all);
    println!(
        "{:<20} {:>10} {:>10} {:>10} {:>10} {:>12} {:>12}",
        "", "inputs", "inputs/s", "taken", "faults", "most bytes", "remembered"
    );
    let work = || {
        loop {
            let Some(mut target) = left.lock().unwrap().pop() else { return };
            let begun = Instant::now();
            let tally = run(target.as_mut(), seed, count);
            #[expect(clippy::cast_precision_loss, reason = "a count of inputs")]
            let rate = tally.inputs as f64 / begun.elapsed().as_secs_f64();
            println!(
                "{:<20} {:>10} {rate:>10.0} {:>10} {:>10} {:>12} {:>12}",
                target.name(),
                tally.inputs,
                tally.taken,
                tally.faults,
                tally.most,
                tally.remembered
            );
            assert!(tally.taken > 0 && tally.faults > 0, "inputs that are all alike say nothing");
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) {
            scope.spawn(work);
        }
    });
}
