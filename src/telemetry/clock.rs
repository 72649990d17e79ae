//! The wall clock of the shells. The core never sees one.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where shells get the time from: the machine's in a plant, a simulated one in demos and tests.
pub trait Clock: Debug + Send + Sync {
    /// Nanoseconds since 1970, UTC.
    fn now_nanos(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now_nanos(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
        }
    }
}

/// A clock that nobody can set: it began with the machine's and has only gone on since. For
/// intervals, such as when the next checkpoint is due.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    began: Instant,
    wall_nanos: i64,
}

impl SteadyClock {
    /// A clock that begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn start() -> Self {
        Self { began: Instant::now(), wall_nanos: SystemClock.now_nanos() }
    }
}

impl Clock for SteadyClock {
    fn now_nanos(&self) -> i64 {
        let elapsed = i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.wall_nanos.saturating_add(elapsed)
    }
}

/// A clock that is set by hand.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `nanos`.
    #[must_use]
    pub fn at(nanos: i64) -> Self {
        Self(AtomicI64::new(nanos))
    }

    /// Sets the clock.
    pub fn set(&self, nanos: i64) {
        self.0.store(nanos, Ordering::Release);
    }
}

impl Clock for ManualClock {
    fn now_nanos(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}
