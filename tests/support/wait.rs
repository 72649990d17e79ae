//! Waiting for something that happens elsewhere, in another process.

use std::time::{Duration, Instant};

/// How long anything that ought to happen at once may take before a test gives up: long, because a machine may be busy
/// with other builds, and a test that passes never waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long to leave the other side alone between two questions. Short beside what is waited for (the start of a
/// process, a round trip), long beside the cost of asking.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks `happened` again and again until it says yes.
///
/// This is the one place of the tests where a thread pauses. It is no guess at how long something takes: the answer
/// decides when to go on, and the pause only keeps the question from taking a processor that the asked one needs.
///
/// # Panics
///
/// When `deadline` has gone by, naming `what` did not happen.
#[track_caller]
pub(crate) fn wait_until(what: &str, deadline: Duration, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        std::thread::park_timeout(PAUSE);
    }
}
