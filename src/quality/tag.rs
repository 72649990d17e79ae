//! The state of one tag: a reading becomes an assessed one, and a sensor falls sick or recovers.

use super::habit::Habit;
use super::jump::{self, Jumps, Look};
use super::minute::Minute;
use super::silence::Intervals;
use super::skew::TagClock;
use super::still::Stillness;
use super::{Checks, FUTURE_GUARD, SensorChange, SensorFault, SensorState, Silence};
use crate::reading::{Flags, Reading, SourceQuality, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So many bad readings in a row make a sensor sick, so many good ones make it well.
const STREAK: u32 = 3;

/// A sensor that falls sick again within this time is called well the later the oftener it did: at once, then
/// after so many seconds of being well.
const RELAPSE: Duration = Duration::from_secs(3600);
const WELL_FOR_S: [u64; 6] = [0, 120, 300, 600, 1200, 1800];

/// After a jump a tag is doubted for so long; after a long one, or where it never was before, for longer.
const DOUBT: Duration = Duration::from_secs(60);
const DOUBT_LONG: Duration = Duration::from_secs(600);

/// After it was excused a tag is not held against its habits for so long.
const GRACE: Duration = Duration::from_secs(10);

/// Of the instrument's range, the share at its ends that is no measurement.
const RAIL: f64 = 0.0025;
/// Where so large a share of the readings lies there by habit, nothing is wrong.
const BY_HABIT: f64 = 0.01;
const HABIT_MEMORY: f64 = 2000.0;
/// What is odd becomes a habit all the same, in hours: a valve that stays open was meant to.
const HABIT_MEMORY_WHEN_ODD: f64 = 1e6;

/// The state of one tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TagQuality {
    /// The newest value by event time, and its time.
    last: Option<(Timestamp, f64)>,
    /// The newest one that could be used, for its rate of change.
    good: Option<(Timestamp, f64)>,
    still: Stillness,
    intervals: Intervals,
    /// What the tag is by itself; only of those that are held against it.
    own: Option<Box<Own>>,
    /// Up to when it need not have said anything.
    excused: Option<Timestamp>,
    bad_streak: u32,
    good_streak: u32,
    state: SensorState,
    /// Until when it is not judged by: a jump has to prove true, and the other tags to say what they make of it.
    doubted: Option<Timestamp>,
    /// Since when what made it sick is over.
    better: Option<Timestamp>,
    /// How often it fell sick again, and when it was last called well.
    relapses: u8,
    recovered: Option<Timestamp>,
    minute: Minute,
}

/// The habits of a tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Own {
    habit: Habit,
    jumps: Jumps,
    /// Since when it is in another unit.
    other_unit: Option<Timestamp>,
    /// The share of readings at an end of the range, usually.
    at_rail: f64,
}

impl TagQuality {
    /// Judges a reading's value: the flags, and true if a frame may use it.
    ///
    /// Whether it is late or repeated is for the frame to say: [`TagQuality::count`] is told.
    pub fn assess(
        &mut self,
        checks: &Checks,
        reading: &Reading,
    ) -> (Flags, bool, Option<SensorChange>) {
        let mut flags = Self::of_source(reading.quality);
        if reading.at > reading.received.plus(FUTURE_GUARD) {
            // Nothing about the sensor can be learned from a clock that is wrong.
            return (flags | Flags::FUTURE, false, None);
        }
        let Some(value) = reading.value.number() else {
            return self.assess_text(checks, flags, reading.at);
        };
        if checks.range.is_some_and(|(low, high)| value < low || value > high) {
            flags |= Flags::RANGE;
        }
        if self.last.is_some_and(|(at, _)| reading.at <= at) {
            // Out of order or repeated: it says nothing new about how the sensor is now.
            let usable = !flags.intersects(Flags::SOURCE_BAD | Flags::RANGE) && !self.spoils_all();
            return (flags | self.stuck_flag(), usable, None);
        }
        if self.is_too_fast(checks, reading.at, value) {
            flags |= Flags::RANGE;
        }
        if checks.habits {
            flags |= self.look_at_rail(checks, value);
        }
        let bad = flags.intersects(Flags::SOURCE_BAD | Flags::RANGE | Flags::RAIL);
        if bad {
            self.bad_streak = self.bad_streak.saturating_add(1);
            self.good_streak = 0;
        } else {
            self.good_streak = self.good_streak.saturating_add(1);
            self.bad_streak = 0;
        }
        let stuck = self.is(SensorFault::Stuck);
        self.still.follow(self.last, reading.at, value, stuck);
        let before = self.last.replace((reading.at, value)).map(|(at, _)| at);
        self.follow_interval(before, reading.at);
        if checks.habits && !bad {
            flags |= self.follow_habits(checks, before, reading.at, value);
        }
        let change = self.next_state(checks, flags, reading.at, before);
        flags |= self.stuck_flag();
        let usable = !bad && !flags.contains(Flags::SPIKE) && !self.spoils_all();
        if usable {
            self.good = Some((reading.at, value));
        }
        (flags, usable, change)
    }

    /// Judges a text: of a tag of numbers it is a bad reading.
    fn assess_text(
        &mut self,
        checks: &Checks,
        mut flags: Flags,
        at: Timestamp,
    ) -> (Flags, bool, Option<SensorChange>) {
        if !checks.numeric {
            return (flags, false, None);
        }
        flags |= Flags::NO_NUMBER;
        let last = self.last.map(|(at, _)| at);
        if last.is_some_and(|last| at <= last) {
            return (flags, false, None);
        }
        self.bad_streak = self.bad_streak.saturating_add(1);
        self.good_streak = 0;
        let falls = self.state == SensorState::Well
            && self.bad_streak >= STREAK
            && checks.looks_for(SensorFault::NoNumber);
        let change = falls.then(|| self.fall_sick(SensorFault::NoNumber, last.unwrap_or(at), at));
        (flags, false, change)
    }

    /// True if a value cannot have come so far since the last good one.
    fn is_too_fast(&self, checks: &Checks, at: Timestamp, value: f64) -> bool {
        let (Some(rate), Some((since, good))) = (checks.rate, self.good) else { return false };
        (value - good).abs() > rate * at.seconds_since(since).max(f64::MIN_POSITIVE)
    }

    /// Looks whether the instrument says no more than an end of its range. Zero at the low end is a value: a
    /// pump stands.
    fn look_at_rail(&mut self, checks: &Checks, value: f64) -> Flags {
        let Some((low, high)) = checks.range else { return Flags::GOOD };
        let margin = RAIL * (high - low);
        let railed =
            (low != 0.0 && value <= low + margin) || (high != 0.0 && value >= high - margin);
        let own = self.own.get_or_insert_default();
        let usual = own.at_rail >= BY_HABIT || !own.habit.is_known();
        let odd = railed && !usual && checks.looks_for(SensorFault::Rail);
        let memory = if odd { HABIT_MEMORY_WHEN_ODD } else { HABIT_MEMORY };
        own.at_rail += (f64::from(u8::from(railed)) - own.at_rail) / memory;
        if odd { Flags::RAIL } else { Flags::GOOD }
    }

    fn follow_interval(&mut self, before: Option<Timestamp>, at: Timestamp) {
        let Some(before) = before else { return };
        let excused = self.excused.is_some_and(|excused| excused > before);
        self.intervals.follow(before, at, excused, self.state == SensorState::Well);
    }

    /// Holds a reading against the tag's habits: a jump is flagged until the next reading bears it out.
    fn follow_habits(
        &mut self,
        checks: &Checks,
        before: Option<Timestamp>,
        at: Timestamp,
        value: f64,
    ) -> Flags {
        // The line's clock is behind what comes, and settles for a while after it was excused.
        let excused = self.excused.is_some_and(|excused| excused.plus(GRACE) > at);
        let gap = before.is_some_and(|before| self.intervals.is_gap(at.seconds_since(before)));
        let own = self.own.get_or_insert_default();
        if excused {
            own.habit.forget_window();
        }
        if excused || gap {
            own.jumps.forget();
            own.habit.skip();
        }
        let look = own.jumps.look(at, value, &own.habit);
        let units = checks.looks_for(SensorFault::Unit);
        if let Look::Step(from) = look {
            own.habit.step();
            if units && jump::is_of_units(from, value, own.habit.span) {
                own.other_unit.get_or_insert(at);
            }
        }
        let usual = own.habit.span.is_none_or(|span| jump::is_usual(value, span));
        if look != Look::Far && usual {
            own.other_unit = None;
        }
        if look != Look::Near {
            let far = match look {
                Look::Step(from) => !usual || Jumps::is_long(value - from, &own.habit),
                _ => false,
            };
            let doubt = if far { DOUBT_LONG } else { DOUBT };
            self.doubted = self.doubted.max(Some(at.plus(doubt)));
        }
        let how = (self.intervals.usual_s(), checks.phased);
        own.habit.take(at, value, look == Look::Far, how);
        let spike = look == Look::Far && checks.looks_for(SensorFault::Spike);
        if spike { Flags::SPIKE } else { Flags::GOOD }
    }

    /// How long it may keep silent; `None` if as long as it likes.
    #[must_use]
    pub fn silence(&self, checks: &Checks) -> Option<std::time::Duration> {
        checks
            .looks_for(SensorFault::Stale)
            .then(|| self.intervals.silence(checks.silence))
            .flatten()
    }

    /// Time has passed on the line: tells if the tag has fallen silent.
    ///
    /// `since` stands in for the last reading of a tag that never had one.
    pub fn pass(
        &mut self,
        checks: &Checks,
        clock: Timestamp,
        since: Timestamp,
    ) -> Option<SensorChange> {
        let silence = self.intervals.silence(checks.silence)?;
        let last = self.last.map_or(since, |(at, _)| at).max(self.excused.unwrap_or(since));
        if self.state != SensorState::Well
            || clock <= last.plus(silence)
            || !checks.looks_for(SensorFault::Stale)
        {
            return None;
        }
        self.good_streak = 0;
        Some(self.fall_sick(SensorFault::Stale, last, clock))
    }

    /// Silence and stillness up to `clock` say nothing about the sensor: what it watches was away.
    pub fn excuse(&mut self, clock: Timestamp) {
        self.excused = Some(clock);
        self.bad_streak = 0;
        self.still.excuse(clock);
    }

    /// True if it jumped just now: what it says is stored and framed, and not judged by.
    #[must_use]
    pub fn is_doubted(&self, at: Timestamp) -> bool {
        self.doubted.is_some_and(|until| at < until)
    }

    /// True if the other tags say that it is sick.
    #[must_use]
    pub fn is_accused(&self) -> bool {
        matches!(self.state, SensorState::Sick { fault, .. } if fault.is_of_others())
    }

    /// Its source says that nothing will come of it: it is stale at once.
    pub fn absent(&mut self, checks: &Checks, at: Timestamp) -> Option<SensorChange> {
        let watched = !matches!(checks.silence, Silence::Allowed);
        if self.state != SensorState::Well || !watched || !checks.looks_for(SensorFault::Stale) {
            return None;
        }
        self.good_streak = 0;
        let since = self.last.map_or(at, |(last, _)| last);
        Some(self.fall_sick(SensorFault::Stale, since, at))
    }

    /// The other tags say that this sensor is sick; `None` if it is known to be.
    pub fn accuse(
        &mut self,
        fault: SensorFault,
        since: Timestamp,
        at: Timestamp,
    ) -> Option<SensorChange> {
        (self.state == SensorState::Well).then(|| self.fall_sick(fault, since, at))
    }

    /// The other tags agree with this sensor again.
    pub fn acquit(&mut self, at: Timestamp) -> Option<SensorChange> {
        let SensorState::Sick { fault, since } = self.state else { return None };
        fault.is_of_others().then(|| self.recover(fault, since, at))
    }

    /// A batch of the line is over that began then: its habits have gone through another one if it spoke.
    pub fn end_batch(&mut self, began: Timestamp) {
        let spoke = self.last.is_some_and(|(at, _)| at >= began);
        if let Some(own) = self.own.as_mut().filter(|_| spoke) {
            own.habit.end_batch(began);
            // From the end of one recipe to the start of the next it steps, by more than it bends.
            own.habit.skip();
        }
    }

    /// A reading came whose stamp is not of now: the tag is not silent, whatever its stamps say.
    pub fn spoke(&mut self, clock: Timestamp) {
        self.excused = self.excused.max(Some(clock));
    }

    /// The flags of what the source says.
    #[must_use]
    pub fn of_source(quality: SourceQuality) -> Flags {
        match quality {
            SourceQuality::Good => Flags::GOOD,
            SourceQuality::Uncertain => Flags::SOURCE_UNCERTAIN,
            SourceQuality::Bad => Flags::SOURCE_BAD,
        }
    }

    /// What its clock says of the sensor at an instant of the line. A fault of time is told also of one that
    /// was silent by its stamps; another fault stands until it is over.
    pub fn follow_clock(&mut self, clock: &TagClock, at: Timestamp) -> Option<SensorChange> {
        match (self.state, clock.off()) {
            (
                SensorState::Well | SensorState::Sick { fault: SensorFault::Stale, .. },
                Some((fault, since)),
            ) => Some(self.fall_sick(fault, since, at)),
            (SensorState::Sick { fault, since }, None) if fault.is_of_time() => {
                Some(self.recover(fault, since, at))
            }
            _ => None,
        }
    }

    /// True while its stamps are known to be wrong: its values are of another time than they say.
    #[must_use]
    pub fn is_off_in_time(&self) -> bool {
        matches!(self.state, SensorState::Sick { fault, .. } if fault.is_of_time())
    }

    /// Counts a reading for the minute's figures.
    pub fn count(&mut self, flags: Flags, duplicate: bool) {
        self.minute.count(flags, duplicate);
    }

    /// The counts of the minute so far.
    #[must_use]
    pub fn minute(&self) -> Minute {
        self.minute
    }

    /// The counts since the last call.
    pub fn take_minute(&mut self) -> Minute {
        std::mem::take(&mut self.minute)
    }

    /// How long the tag usually waits between two readings, s.
    #[must_use]
    pub fn interval_s(&self) -> f64 {
        self.intervals.usual_s()
    }

    /// The newest value and its time.
    #[must_use]
    pub fn last(&self) -> Option<(Timestamp, f64)> {
        self.last
    }

    /// How the sensor is.
    #[must_use]
    pub fn state(&self) -> SensorState {
        self.state
    }

    fn is(&self, fault: SensorFault) -> bool {
        matches!(self.state, SensorState::Sick { fault: sick, .. } if sick == fault)
    }

    /// True if no reading is to be used. What the other tags say of a sensor is for them to say: its
    /// readings go on to be compared.
    fn spoils_all(&self) -> bool {
        matches!(self.state, SensorState::Sick { fault, .. } if fault.spoils_all() && !fault.is_of_others())
    }

    fn stuck_flag(&self) -> Flags {
        if self.is(SensorFault::Stuck) { Flags::STUCK } else { Flags::GOOD }
    }

    fn next_state(
        &mut self,
        checks: &Checks,
        flags: Flags,
        at: Timestamp,
        before: Option<Timestamp>,
    ) -> Option<SensorChange> {
        match self.state {
            SensorState::Well => {
                let (fault, since) = self.symptom(checks, flags, at, before)?;
                checks.looks_for(fault).then(|| self.fall_sick(fault, since, at))
            }
            SensorState::Sick { fault, since } => {
                if !self.is_over(fault, at) {
                    self.better = None;
                    return None;
                }
                let better = *self.better.get_or_insert(at);
                let wait = WELL_FOR_S[usize::from(self.relapses).min(WELL_FOR_S.len() - 1)];
                (at >= better.plus(Duration::from_secs(wait)))
                    .then(|| self.recover(fault, since, at))
            }
        }
    }

    /// What is wrong with a sensor that is well so far, and since when.
    fn symptom(
        &self,
        checks: &Checks,
        flags: Flags,
        at: Timestamp,
        before: Option<Timestamp>,
    ) -> Option<(SensorFault, Timestamp)> {
        if self.bad_streak >= STREAK {
            let fault = if flags.contains(Flags::SOURCE_BAD) {
                SensorFault::SourceBad
            } else if flags.contains(Flags::RANGE) {
                SensorFault::Range
            } else {
                SensorFault::Rail
            };
            return Some((fault, before.unwrap_or(at)));
        }
        let stuck = || Some((SensorFault::Stuck, self.still.stuck_since(at, checks.stuck)?));
        let own = self.own.as_ref().filter(|_| checks.habits);
        let gaps = || {
            own?;
            Some((SensorFault::Intermittent, self.intervals.too_many_gaps(at)?))
        };
        let unit = || Some((SensorFault::Unit, own?.other_unit?));
        let habit = || own?.habit.verdict();
        let spikes = || own?.jumps.too_many();
        let found = stuck().or_else(gaps).or_else(unit).or_else(habit).or_else(spikes);
        found.filter(|(fault, _)| checks.looks_for(*fault))
    }

    /// True if what made the sensor sick is over.
    fn is_over(&self, fault: SensorFault, at: Timestamp) -> bool {
        let own = self.own.as_ref();
        match fault {
            SensorFault::Stuck if self.better.is_some() => self.still.moves(),
            SensorFault::Stuck => self.still.moved_at(at),
            // While it is excused no gap is seen.
            SensorFault::Intermittent => self.intervals.gaps_are_over(at, self.excused),
            SensorFault::Unit => own.is_none_or(|own| own.other_unit.is_none()),
            SensorFault::Noise | SensorFault::Attenuated => {
                own.is_none_or(|own| own.habit.verdict().is_none() && own.jumps.are_over())
            }
            SensorFault::Spike => own.is_none_or(|own| own.jumps.are_over()),
            // The other tags say so; or its clock, for good values say nothing about stamps.
            SensorFault::Offset
            | SensorFault::Drift
            | SensorFault::Frozen
            | SensorFault::Skew
            | SensorFault::FrozenClock => false,
            SensorFault::Stale
            | SensorFault::Range
            | SensorFault::SourceBad
            | SensorFault::NoNumber
            | SensorFault::Rail => self.good_streak >= STREAK,
        }
    }

    fn fall_sick(&mut self, fault: SensorFault, since: Timestamp, at: Timestamp) -> SensorChange {
        let again = self.recovered.is_some_and(|recovered| at <= recovered.plus(RELAPSE));
        self.relapses = if again { self.relapses.saturating_add(1) } else { 0 };
        self.state = SensorState::Sick { fault, since };
        self.better = None;
        self.forget_window(fault);
        SensorChange { fault, since, sick: true }
    }

    fn recover(&mut self, fault: SensorFault, since: Timestamp, at: Timestamp) -> SensorChange {
        self.state = SensorState::Well;
        self.recovered = Some(at);
        self.better = None;
        self.forget_window(fault);
        SensorChange { fault, since, sick: false }
    }

    /// A window in which the sensor was sick in another way tells nothing of its habits.
    fn forget_window(&mut self, fault: SensorFault) {
        if let Some(own) = &mut self.own
            && !matches!(fault, SensorFault::Noise | SensorFault::Attenuated | SensorFault::Spike)
        {
            own.habit.forget_window();
            own.jumps.forget();
        }
    }
}
