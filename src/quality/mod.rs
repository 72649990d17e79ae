//! Per-tag state: range, stuck, stale, duplicates; a reading becomes an assessed one.
//!
//! A sick sensor is reported as a sick sensor. It never makes a batch look bad, because its values
//! do not reach the frames, and it never hides a bad batch in silence, because a frame without it
//! has a hole that the verdict sees. All times are event times.

mod skew;

pub use skew::{
    AHEAD, Beyond, PAST_GUARD, Reference, Report, SourceClock, Stamp, TagClock, Trouble, beyond,
    words,
};

use crate::plant::{Role, Tag};
use crate::reading::{Flags, Reading, SourceQuality, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Readings this far ahead of their arrival are not believed: a source's clock is wrong.
pub const FUTURE_GUARD: Duration = Duration::from_secs(60);

/// How many changes a value must have shown before standing still means anything: a set point or a
/// switch may rest for days.
const CHANGES_BEFORE_STUCK: u32 = 10;

/// So many bad readings in a row make a sensor sick, so many good ones make it well.
const STREAK: u32 = 3;

/// So many readings in a row must show the same value before it stands still: a tag that speaks every
/// five minutes may say the same twice (domain.md 11.2).
const READINGS_BEFORE_STUCK: u32 = 10;

/// A tag whose own interval tells when it is silent is silent after so many of them.
const INTERVALS_OF_SILENCE: f64 = 3.0;

/// So many intervals make one known.
const INTERVALS_BEFORE_KNOWN: u32 = 3;

/// How long a tag may be silent whose interval is not known yet.
const SILENCE_AT_FIRST: Duration = Duration::from_secs(900);

/// How long a tag may be silent at least and at most, whatever its interval.
const SILENCE_MIN: Duration = Duration::from_secs(60);
const SILENCE_MAX: Duration = Duration::from_secs(3600);

/// When a tag without a reading is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Silence {
    /// Never: set points and states speak when they change.
    Allowed,
    /// After so long.
    After(Duration),
    /// After three times as long as it usually waits, at least a minute and at most an hour.
    ByInterval,
}

/// What a tag's readings are held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    /// The instrument's range.
    pub range: Option<(f64, f64)>,
    /// A value that stands still for so long is stuck; `None` turns the check off.
    pub stuck: Option<Duration>,
    /// When a tag without a reading is stale.
    pub silence: Silence,
    /// True if only numbers say something about the tag.
    pub numeric: bool,
}

impl Checks {
    /// The checks of a declared tag. Set points, counters and states may rest, and may be silent.
    #[must_use]
    pub fn of(tag: &Tag) -> Self {
        let watched = tag.role != Role::Context;
        let silence = tag.silence.map_or(Silence::ByInterval, Silence::After);
        Self {
            range: tag.range,
            stuck: tag.stuck.filter(|_| watched),
            silence: if watched { silence } else { Silence::Allowed },
            numeric: watched,
        }
    }

    /// The checks of a tag that the configuration does not name: what cannot be known is not checked.
    #[must_use]
    pub fn undeclared() -> Self {
        Self { range: None, stuck: Some(Tag::STUCK), silence: Silence::Allowed, numeric: false }
    }
}

/// What is wrong with a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SensorFault {
    /// The value does not move.
    Stuck,
    /// No readings come.
    Stale,
    /// Readings lie outside the instrument's range.
    Range,
    /// The source calls its readings bad.
    SourceBad,
    /// Texts come where numbers are expected.
    NoNumber,
    /// Its stamps are off while those of its source are not.
    Skew,
    /// Its stamp stands still while its value changes.
    FrozenClock,
}

impl SensorFault {
    /// The word of the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Stale => "stale",
            Self::Range => "range",
            Self::SourceBad => "source-bad",
            Self::NoNumber => "no-number",
            Self::Skew => "skew",
            Self::FrozenClock => "frozen-clock",
        }
    }
}

/// How a sensor is.
///
/// | state | input | next |
/// | --- | --- | --- |
/// | well | still for longer than it may be | sick: stuck |
/// | well | no reading for longer than it may be | sick: stale |
/// | well | the third bad reading in a row | sick: range, source-bad, or no-number |
/// | well, sick: stale | its stamps are off, or stand still | sick: skew, frozen-clock |
/// | sick: skew, frozen-clock | its stamps are right again | well |
/// | sick: stuck | the value moves | well |
/// | sick: other | the third good reading in a row | well |
/// | sick | anything else | as before |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SensorState {
    /// Can be trusted.
    #[default]
    Well,
    /// Cannot be trusted.
    Sick {
        /// Why not.
        fault: SensorFault,
        /// Since when: the last reading that could be trusted, or the first that could not.
        since: Timestamp,
    },
}

/// A sensor fell sick, or recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorChange {
    /// The fault that came or went.
    pub fault: SensorFault,
    /// Since when it stands or stood.
    pub since: Timestamp,
    /// True if it came.
    pub sick: bool,
}

/// The counts of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Minute {
    /// Readings, repeated ones included.
    pub count: u32,
    /// Those that reached, or may reach, a frame.
    pub good: u32,
    /// Those whose frame was closed.
    pub late: u32,
    /// Repeated ones.
    pub duplicate: u32,
    /// Bad by source or range.
    pub bad: u32,
}

/// The state of one tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TagQuality {
    /// The newest value by event time, and its time.
    last: Option<(Timestamp, f64)>,
    /// When the value last changed.
    moved: Option<Timestamp>,
    /// Changes seen, up to [`CHANGES_BEFORE_STUCK`].
    changes: u32,
    /// Readings in a row that show the newest value, up to [`READINGS_BEFORE_STUCK`].
    same: u32,
    /// How long it usually waits between two readings at most, s, and from how many this is known.
    interval_s: f64,
    intervals: u32,
    /// The longest the value has stood still without being stuck, ns.
    longest_still_nanos: i64,
    /// Up to when it need not have said anything.
    excused: Option<Timestamp>,
    bad_streak: u32,
    good_streak: u32,
    state: SensorState,
    minute: Minute,
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
        let mut flags = Flags::GOOD;
        match reading.quality {
            SourceQuality::Good => {}
            SourceQuality::Uncertain => flags |= Flags::SOURCE_UNCERTAIN,
            SourceQuality::Bad => flags |= Flags::SOURCE_BAD,
        }
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
            let usable = !flags.intersects(Flags::SOURCE_BAD | Flags::RANGE) && !self.is_stuck();
            if self.is_stuck() {
                flags |= Flags::STUCK;
            }
            return (flags, usable, None);
        }
        let bad = flags.intersects(Flags::SOURCE_BAD | Flags::RANGE);
        if bad {
            self.bad_streak = self.bad_streak.saturating_add(1);
            self.good_streak = 0;
        } else {
            self.good_streak = self.good_streak.saturating_add(1);
            self.bad_streak = 0;
        }
        self.follow_movement(reading.at, value);
        let before = self.last.replace((reading.at, value));
        let change = self.next_state(checks, flags, reading.at, before.map(|(at, _)| at));
        if self.is_stuck() {
            flags |= Flags::STUCK;
        }
        (flags, !bad && !self.is_stuck(), change)
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
        let falls = self.state == SensorState::Well && self.bad_streak >= STREAK;
        let change = falls.then(|| self.fall_sick(SensorFault::NoNumber, last.unwrap_or(at)));
        (flags, false, change)
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
        let silence = match checks.silence {
            Silence::Allowed => return None,
            Silence::After(silence) => silence,
            Silence::ByInterval => self.silence_by_interval(),
        };
        let last = self.last.map_or(since, |(at, _)| at).max(self.excused.unwrap_or(since));
        if self.state != SensorState::Well || clock <= last.plus(silence) {
            return None;
        }
        self.good_streak = 0;
        Some(self.fall_sick(SensorFault::Stale, last))
    }

    fn silence_by_interval(&self) -> Duration {
        if self.intervals < INTERVALS_BEFORE_KNOWN {
            return SILENCE_AT_FIRST;
        }
        let silence = INTERVALS_OF_SILENCE * self.interval_s.min(SILENCE_MAX.as_secs_f64());
        Duration::from_secs_f64(silence).clamp(SILENCE_MIN, SILENCE_MAX)
    }

    /// Learns from the time between two readings; one in which it was excused, or sick, tells nothing
    /// of how long it usually waits.
    fn follow_interval(&mut self, before: Timestamp, at: Timestamp) {
        let excused = self.excused.is_some_and(|excused| excused > before);
        let known = self.intervals >= INTERVALS_BEFORE_KNOWN;
        if excused || (known && self.state != SensorState::Well) {
            return;
        }
        let interval = at.seconds_since(before);
        // The longest lately: a tenth of the way down with each shorter one.
        self.interval_s = interval.max(self.interval_s + 0.1 * (interval - self.interval_s));
        self.intervals = (self.intervals + 1).min(INTERVALS_BEFORE_KNOWN);
    }

    /// Silence and stillness up to `clock` say nothing about the sensor: what it watches was away.
    pub fn excuse(&mut self, clock: Timestamp) {
        self.excused = Some(clock);
        self.moved = self.moved.map(|moved| moved.max(clock));
    }

    /// Counts a reading for the minute's figures.
    pub fn count(&mut self, flags: Flags, duplicate: bool) {
        let minute = &mut self.minute;
        minute.count += 1;
        minute.duplicate += u32::from(duplicate);
        minute.late += u32::from(flags.contains(Flags::LATE));
        let bad = flags.intersects(
            Flags::SOURCE_BAD | Flags::RANGE | Flags::FUTURE | Flags::PAST | Flags::NO_NUMBER,
        );
        minute.bad += u32::from(bad);
        minute.good +=
            u32::from(!bad && !duplicate && !flags.intersects(Flags::LATE | Flags::STUCK));
    }

    /// The counts since the last call.
    pub fn take_minute(&mut self) -> Minute {
        std::mem::take(&mut self.minute)
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

    fn is_stuck(&self) -> bool {
        matches!(self.state, SensorState::Sick { fault: SensorFault::Stuck, .. })
    }

    #[expect(clippy::float_cmp, reason = "a still value has the same bits")]
    fn follow_movement(&mut self, at: Timestamp, value: f64) {
        let Some((last_at, last_value)) = self.last else {
            self.moved = Some(at);
            self.same = 1;
            return;
        };
        self.follow_interval(last_at, at);
        if value == last_value {
            self.same = (self.same + 1).min(READINGS_BEFORE_STUCK);
            return;
        }
        self.same = 1;
        if let (Some(moved), false) = (self.moved, self.is_stuck()) {
            self.longest_still_nanos = self.longest_still_nanos.max(last_at.since(moved));
        }
        self.moved = Some(at);
        self.changes = (self.changes + 1).min(CHANGES_BEFORE_STUCK);
    }

    fn next_state(
        &mut self,
        checks: &Checks,
        flags: Flags,
        at: Timestamp,
        before: Option<Timestamp>,
    ) -> Option<SensorChange> {
        match self.state {
            SensorState::Well if self.bad_streak >= STREAK => {
                let fault = if flags.contains(Flags::SOURCE_BAD) {
                    SensorFault::SourceBad
                } else {
                    SensorFault::Range
                };
                Some(self.fall_sick(fault, before.unwrap_or(at)))
            }
            SensorState::Well => {
                let moved = self.moved?;
                let still = at.since(moved);
                let limit = i64::try_from(checks.stuck?.as_nanos()).unwrap_or(i64::MAX);
                let limit = limit.max(self.longest_still_nanos.saturating_mul(3));
                let often =
                    self.changes >= CHANGES_BEFORE_STUCK && self.same >= READINGS_BEFORE_STUCK;
                (often && still >= limit).then(|| self.fall_sick(SensorFault::Stuck, moved))
            }
            SensorState::Sick { fault: SensorFault::Stuck, since } => {
                (self.moved == Some(at)).then(|| self.recover(SensorFault::Stuck, since))
            }
            // Good values say nothing about stamps: its clock ends it.
            SensorState::Sick { fault, .. } if fault.is_of_time() => None,
            SensorState::Sick { fault, since } => {
                (self.good_streak >= STREAK).then(|| self.recover(fault, since))
            }
        }
    }

    fn fall_sick(&mut self, fault: SensorFault, since: Timestamp) -> SensorChange {
        self.state = SensorState::Sick { fault, since };
        SensorChange { fault, since, sick: true }
    }

    fn recover(&mut self, fault: SensorFault, since: Timestamp) -> SensorChange {
        self.state = SensorState::Well;
        SensorChange { fault, since, sick: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Finite, Value};

    fn seconds(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn checks() -> Checks {
        Checks {
            range: Some((0.0, 60.0)),
            stuck: Some(Duration::from_secs(300)),
            silence: Silence::After(Duration::from_secs(60)),
            numeric: true,
        }
    }

    /// Feeds one value a second from second 0; returns the changes as text.
    fn feed(quality: &mut TagQuality, values: impl Iterator<Item = f64>, from: i64) -> Vec<String> {
        let mut changes = Vec::new();
        for (ix, value) in values.enumerate() {
            let at = seconds(from + i64::try_from(ix).unwrap());
            let reading = Reading {
                at,
                received: at,
                value: Value::Number(Finite::try_from(value).unwrap()),
                quality: SourceQuality::Good,
            };
            let (_, _, change) = quality.assess(&checks(), &reading);
            if let Some(change) = change {
                changes.push(format!(
                    "{}s {} {} since {}s",
                    at.as_millis() / 1000,
                    if change.sick { "sick" } else { "well" },
                    change.fault.as_str(),
                    change.since.as_millis() / 1000
                ));
            }
        }
        changes
    }

    fn moving(n: u32) -> impl Iterator<Item = f64> {
        (0..n).map(|ix| 15.0 + f64::from(ix % 7) * 0.01)
    }

    #[test]
    fn still_value_is_stuck_and_recovers_when_it_moves() {
        let mut quality = TagQuality::default();
        let values = moving(20).chain(std::iter::repeat_n(15.0, 400)).chain(moving(3).skip(1));
        assert_eq!(
            feed(&mut quality, values, 0),
            ["320s sick stuck since 20s", "420s well stuck since 20s"]
        );
    }

    #[test]
    fn value_that_never_moved_is_not_stuck() {
        let mut quality = TagQuality::default();
        assert!(feed(&mut quality, std::iter::repeat_n(7.2, 5000), 0).is_empty());
    }

    #[test]
    fn value_that_rests_by_nature_is_given_three_times_as_long() {
        let mut quality = TagQuality::default();
        // Moves every 200 s: resting for 500 s is not yet odd.
        let slow = (0..3000).map(|ix| f64::from(ix / 200));
        assert!(feed(&mut quality, slow, 0).is_empty());
        assert!(feed(&mut quality, std::iter::repeat_n(14.0, 350), 3000).is_empty());
        assert_eq!(feed(&mut quality, std::iter::repeat_n(14.0, 200), 3350).len(), 1);
    }

    #[test]
    fn three_readings_out_of_range_make_a_sensor_sick() {
        let mut quality = TagQuality::default();
        let values = [15.0, 99.0, 99.0, 15.0, 99.0, 98.0, 97.0, 15.0, 15.1, 15.2];
        assert_eq!(
            feed(&mut quality, values.into_iter(), 0),
            ["6s sick range since 5s", "9s well range since 5s"]
        );
    }

    #[test]
    fn silent_tag_is_stale_even_if_it_never_spoke() {
        let mut quality = TagQuality::default();
        assert_eq!(quality.pass(&checks(), seconds(60), seconds(0)), None);
        let change = quality.pass(&checks(), seconds(61), seconds(0)).unwrap();
        assert_eq!((change.fault, change.sick), (SensorFault::Stale, true));
        assert_eq!(quality.pass(&checks(), seconds(99), seconds(0)), None);
    }

    /// A value that moves each `interval` seconds for two hours, then silence: when it is called stale.
    #[track_caller]
    fn check_silence(interval: i64, expected_after: i64) {
        let mut quality = TagQuality::default();
        let checks = Checks { silence: Silence::ByInterval, ..checks() };
        let mut last = 0;
        for s in 0..20_000 {
            if s % interval == 0 && s < 7200 {
                // Once it says the same twice.
                let step = s / interval - i64::from(s / interval >= 20);
                #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
                let value = Value::Number(Finite::try_from((step % 9) as f64).unwrap());
                let reading = Reading {
                    at: seconds(s),
                    received: seconds(s),
                    value,
                    quality: SourceQuality::Good,
                };
                let (_, _, change) = quality.assess(&checks, &reading);
                assert_eq!(change, None, "at {s} s");
                last = s;
            }
            if quality.pass(&checks, seconds(s), seconds(0)).is_some() {
                assert_eq!((s - last, s > 7000), (expected_after + 1, true));
                return;
            }
        }
        panic!("never stale");
    }

    #[test]
    fn silence_is_held_against_the_tags_own_interval() {
        check_silence(1, 60);
        check_silence(45, 135);
        check_silence(300, 900);
        check_silence(840, 2520);
    }

    #[test]
    fn text_of_a_tag_of_numbers_makes_it_sick() {
        let mut quality = TagQuality::default();
        feed(&mut quality, moving(20), 0);
        let text = |s| Reading {
            at: seconds(s),
            received: seconds(s),
            value: Value::Text("bad".into()),
            quality: SourceQuality::Good,
        };
        let changes: Vec<_> = (20..24).map(|s| quality.assess(&checks(), &text(s))).collect();
        assert!(changes.iter().all(|(flags, usable, _)| *flags == Flags::NO_NUMBER && !usable));
        let fault = changes[2].2.unwrap();
        assert_eq!(
            (fault.fault, fault.sick, fault.since),
            (SensorFault::NoNumber, true, seconds(19))
        );
        assert_eq!(feed(&mut quality, moving(5), 24), ["26s well no-number since 19s"]);
        let context = Checks { numeric: false, ..checks() };
        assert_eq!(quality.assess(&context, &text(40)), (Flags::GOOD, false, None));
    }

    #[test]
    fn reading_from_the_future_teaches_nothing() {
        let mut quality = TagQuality::default();
        let reading = Reading {
            at: seconds(100),
            received: seconds(10),
            value: Value::Number(Finite::try_from(1.0).unwrap()),
            quality: SourceQuality::Good,
        };
        let (flags, usable, change) = quality.assess(&checks(), &reading);
        assert_eq!((flags, usable, change), (Flags::FUTURE, false, None));
        assert_eq!(quality.last(), None);
    }
}
