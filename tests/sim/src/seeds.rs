//! Many seeds on all processors.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The number that a variable of the environment has.
///
/// # Panics
/// When it is set to no number: which seeds are meant would be guessed.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, want a number")))
}

/// Runs seeds on all processors, until `stop` says so; what came of each, in their order.
///
/// # Panics
/// When one of them does.
pub fn run_all<T: Send>(
    seeds: Range<u64>,
    one: impl Fn(u64) -> T + Sync,
    stop: impl Fn(&T) -> bool + Sync,
) -> Vec<(u64, T)> {
    let next = AtomicU64::new(seeds.start);
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let outcome = one(seed);
            if stop(&outcome) {
                next.store(seeds.end, Ordering::Relaxed);
            }
            outcomes.lock().unwrap().push((seed, outcome));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|(seed, _)| *seed);
    outcomes
}
