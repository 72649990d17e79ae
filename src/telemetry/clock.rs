//! The wall clock of the shells. The core never sees one.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where shells get the time from: the machine's in a plant, a simulated one in demos and tests.
pub trait Clock: Debug + Send + Sync {
    /// Nanoseconds since 1970, UTC.
    fn now_nanos(&self) -> i64;

    /// Sees to it that the clock is not before this instant, where it can be told that.
    fn not_before(&self, _nanos: i64) {}

    /// The time, and by how much the clock has leapt since this was last asked, ns, less than 0 if back: so
    /// much has not passed, though a difference of two of its times says so. No time of after a leap is told
    /// before it.
    fn now_and_leap(&self) -> (i64, i64) {
        (self.now_nanos(), 0)
    }

    /// What the machine's own clock says, ns since 1970: for those outside, who compare it with theirs.
    fn machine_nanos(&self) -> i64 {
        self.now_nanos()
    }

    /// By how much it is ahead of the machine's, ns.
    fn lead_nanos(&self) -> i64 {
        0
    }
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

/// The machine's clock as a plant needs it: it does not go back for a mistake.
///
/// Readings of now must not become readings of the future, which nobody judges, because somebody set
/// the machine's clock back; so this one goes on by a clock that nobody can set. Where the machine's is
/// ahead it follows at once, for that is how a wrong clock is set right after a start. Where it stays
/// behind for three minutes it was ahead before, and is right now: this one follows, too. Both are leaps,
/// and counted.
#[derive(Debug)]
pub struct OnwardClock {
    machine: Arc<dyn Clock>,
    steady: Arc<dyn Clock>,
    lead: Mutex<Lead>,
}

/// Where an [`OnwardClock`] is: one lock for all, so that a leap is known as soon as its time is.
#[derive(Debug, Default)]
struct Lead {
    /// What is added to the steady clock, ns.
    ahead: i64,
    /// How much of it came by leaps that nobody has asked for yet, ns.
    leapt: i64,
    /// Since when (by the steady clock) the machine's is behind, and what was to be added then to be there.
    behind: Option<(i64, i64)>,
}

/// The machine's clock is believed when it is behind for so long without being set again, ns.
const BELIEVED: i64 = 180_000_000_000;

/// A clock that goes slower, so as to come back without a leap, is not one that is set again, ns.
const SLEWED: i64 = 60_000_000_000;

/// More than that at once is a leap, and no drift, ns.
const LEAP: i64 = 1_000_000_000;

impl OnwardClock {
    /// A clock that begins with the machine's.
    #[must_use]
    pub fn start() -> Self {
        Self::of(Arc::new(SystemClock), Arc::new(SteadyClock::start()))
    }

    fn of(machine: Arc<dyn Clock>, steady: Arc<dyn Clock>) -> Self {
        Self { machine, steady, lead: Mutex::default() }
    }

    fn lead(&self) -> MutexGuard<'_, Lead> {
        self.lead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, lead: &mut Lead) -> i64 {
        let (machine, steady) = (self.machine.now_nanos(), self.steady.now_nanos());
        lead.follow(machine.saturating_sub(steady), steady);
        steady.saturating_add(lead.ahead)
    }
}

impl Lead {
    /// `wanted` is to be added for the machine's clock, `steady` is the steady one.
    fn follow(&mut self, wanted: i64, steady: i64) {
        let before = self.ahead;
        if wanted >= before.saturating_sub(LEAP) {
            (self.ahead, self.behind) = (before.max(wanted), None);
        } else {
            let (since, was) = *self.behind.get_or_insert((steady, wanted));
            if wanted.abs_diff(was) > SLEWED.unsigned_abs() {
                self.behind = Some((steady, wanted));
            } else if steady.saturating_sub(since) >= BELIEVED {
                (self.ahead, self.behind) = (wanted, None);
            }
        }
        let by = self.ahead.saturating_sub(before);
        if by.unsigned_abs() > LEAP.unsigned_abs() {
            self.leapt = self.leapt.saturating_add(by);
        }
    }
}

impl Clock for OnwardClock {
    fn now_nanos(&self) -> i64 {
        self.follow(&mut self.lead())
    }

    fn not_before(&self, nanos: i64) {
        let mut lead = self.lead();
        lead.ahead = lead.ahead.max(nanos.saturating_sub(self.steady.now_nanos()));
    }

    fn now_and_leap(&self) -> (i64, i64) {
        let mut lead = self.lead();
        (self.follow(&mut lead), std::mem::take(&mut lead.leapt))
    }

    fn machine_nanos(&self) -> i64 {
        self.machine.now_nanos()
    }

    fn lead_nanos(&self) -> i64 {
        self.now_nanos().saturating_sub(self.machine.now_nanos()).max(0)
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_clock_of_a_plant_goes_on_whatever_is_done_to_the_machine_s() {
        let (machine, steady) =
            (Arc::new(ManualClock::at(100 * SECOND)), Arc::new(ManualClock::at(100 * SECOND)));
        let clock = OnwardClock::of(Arc::clone(&machine) as _, Arc::clone(&steady) as _);
        let seconds = |machine_at: i64, steady_at: i64| {
            machine.set(machine_at * SECOND);
            steady.set(steady_at * SECOND);
            let now = clock.now_nanos() / SECOND;
            (now, clock.lead_nanos() / SECOND, clock.now_and_leap().1 / SECOND)
        };
        assert_eq!(seconds(100, 100), (100, 0, 0));
        assert_eq!(seconds(110, 110), (110, 0, 0));
        // Set back by an hour: it goes on, and says how far it is ahead.
        assert_eq!(seconds(-3480, 120), (120, 3600, 0));
        assert_eq!(seconds(130, 130), (130, 0, 0));
        // A drift of a second is none; an hour is a leap, told once.
        assert_eq!(seconds(141, 140), (141, 0, 0));
        assert_eq!(seconds(3751, 150), (3751, 0, 3600));
        assert_eq!(seconds(3761, 160), (3761, 0, 0));
        clock.not_before(5000 * SECOND);
        assert_eq!(seconds(3771, 170), (5010, 1239, 0));
    }

    #[test]
    fn the_machine_s_clock_is_believed_when_it_stays_behind() {
        let (machine, steady) = (Arc::new(ManualClock::at(0)), Arc::new(ManualClock::at(0)));
        let clock = OnwardClock::of(Arc::clone(&machine) as _, Arc::clone(&steady) as _);
        let seconds = |behind: i64, steady_at: i64| {
            machine.set((steady_at - behind) * SECOND);
            steady.set(steady_at * SECOND);
            let (now, leapt) = clock.now_and_leap();
            (now / SECOND, leapt / SECOND)
        };
        assert_eq!(seconds(0, 1000), (1000, 0));
        assert_eq!(seconds(600, 1010), (1010, 0));
        assert_eq!(clock.machine_nanos() / SECOND, 410);
        assert_eq!(seconds(610, 1189), (1189, 0));
        // Set again, and right for a moment: it begins anew each time.
        assert_eq!(seconds(900, 1190), (1190, 0));
        assert_eq!(seconds(900, 1369), (1369, 0));
        assert_eq!(seconds(0, 1370), (1370, 0));
        assert_eq!(seconds(900, 1371), (1371, 0));
        assert_eq!(seconds(900, 1550), (1550, 0));
        assert_eq!(seconds(901, 1551), (650, -901));
        assert_eq!(seconds(901, 1552), (651, 0));
        assert_eq!(seconds(902, 2000), (1099, 0));
        assert_eq!(seconds(0, 2001), (2001, 901));
    }
}
