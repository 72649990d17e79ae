//! Which events a receiver hears of beside severity and line: by grade, by kind, and by the calendar of shifts. Whoever was told of an
//! alarm hears its end as well, also after hours.

use super::format::ends;
use crate::alarm::{EventKind, Notification, Subject};
use crate::reading::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use std::time::Duration;

/// A route; empty parts leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The grades whose batches and models it hears of. What belongs to no grade concerns all of them.
    pub grades: Vec<String>,
    /// The types of events, whole (`batch.at_risk`) or by what stands before the dot (`batch`).
    pub kinds: Vec<String>,
    /// From when until when in a day, local time of the site; the second may be the lesser one: over midnight.
    pub hours: Vec<(Time, Time)>,
    /// The days of the week, by the local date of the event; with shifts, by that on which its shift began.
    pub days: Vec<Weekday>,
    /// The shifts of the calendar in which it hears, by their names.
    pub shifts: Vec<String>,
    /// The shifts of the site, by their begins; each ends where the next one begins, the last one where the first does.
    pub calendar: Vec<Shift>,
    /// Only of alarms that have stood unacknowledged for so long, and what becomes of them afterwards: whole seconds.
    pub unacknowledged: Option<Duration>,
}

/// A shift of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Its name.
    pub name: String,
    /// When it begins, local time of the site.
    pub begins: Time,
}

impl Shift {
    /// The begin of a text such as `06:00`; `None` if it is none.
    #[must_use]
    pub fn begin_of(text: &str) -> Option<Time> {
        let (hour, minute) = text.trim().split_once(':')?;
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let both = digits(hour) && digits(minute);
        // A day ends with 24:00, which is when the next one begins.
        let hour: i8 = hour.parse().ok().filter(|_| both)?;
        let minute = minute.parse().ok()?;
        let hour = if (hour, minute) == (24, 0) { 0 } else { hour };
        Time::new(hour, minute, 0, 0).ok()
    }
}

impl Route {
    /// The words for the days of the week.
    pub const DAYS: [(&str, Weekday); 7] = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];

    /// The hours of a text such as `22:00-06:00`; `None` if it is none.
    #[must_use]
    pub fn hours_of(text: &str) -> Option<(Time, Time)> {
        let (from, to) = text.split_once('-')?;
        Some((Shift::begin_of(from)?, Shift::begin_of(to)?))
    }

    /// True for a type of event, or for what stands before the dot of one.
    #[must_use]
    pub fn is_kind(word: &str) -> bool {
        EventKind::ALL.iter().any(|kind| is_of(*kind, word))
    }

    /// True if this type of event is among those that are named.
    #[must_use]
    pub fn names(&self, kind: EventKind) -> bool {
        self.kinds.iter().any(|word| is_of(kind, word))
    }

    /// True if an event goes this way.
    #[must_use]
    pub fn takes(&self, event: &Notification, zone: &TimeZone) -> bool {
        self.takes_of(event, event.kind, zone)
    }

    /// The same where it goes also if an event of another type, to which it belongs, does.
    #[must_use]
    pub fn takes_of(&self, event: &Notification, raised_by: EventKind, zone: &TimeZone) -> bool {
        let grade = match event.subject.declared() {
            Subject::Batch { grade, .. } => grade.as_deref(),
            Subject::Model { grade, .. } => Some(&**grade),
            _ => None,
        };
        let of_grade = |grade: &str| self.grades.iter().any(|wanted| wanted == grade);
        let of_kind = || self.names(event.kind) || self.names(raised_by);
        (self.grades.is_empty() || grade.is_none_or(of_grade))
            && (self.kinds.is_empty() || of_kind())
            && self.hears(event, zone)
    }

    /// True if somebody is there to hear it, or heard before what it is the end of.
    fn hears(&self, event: &Notification, zone: &TimeZone) -> bool {
        let on_duty = |at: &Timestamp| self.is_on_duty(*at, zone);
        let heard_before = || match self.unacknowledged {
            None => event.told.iter().any(on_duty),
            // Who waits was first told when the wait was over.
            Some(after) => {
                let first = event.response.reached.iter().find(|(of, _)| *of == after);
                first.is_some_and(|(_, first)| {
                    on_duty(first) || event.told.iter().any(|at| at > first && on_duty(at))
                })
            }
        };
        self.is_on_duty(event.at, zone) || ends(event.kind) && heard_before()
    }

    /// True if somebody is there to hear it. What has no time that a calendar knows is heard.
    fn is_on_duty(&self, at: Timestamp, zone: &TimeZone) -> bool {
        if self.hours.is_empty() && self.days.is_empty() && self.shifts.is_empty() {
            return true;
        }
        let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return true };
        let local = at.to_zoned_datetime(zone.clone());
        let time = local.time();
        let within = |(from, to): &(Time, Time)| {
            if from < to { *from <= time && time < *to } else { *from <= time || time < *to }
        };
        let shift = self.shift(local.datetime()).filter(|_| !self.shifts.is_empty());
        let day = shift.map_or(local.date(), |(_, began)| began);
        let in_shift = || shift.is_some_and(|(shift, _)| self.shifts.contains(&shift.name));
        (self.days.is_empty() || self.days.contains(&day.weekday()))
            && (self.hours.is_empty() || self.hours.iter().any(within))
            && (self.shifts.is_empty() || in_shift())
    }

    /// The shift of a local time, and the day on which it began.
    fn shift(&self, local: DateTime) -> Option<(&Shift, Date)> {
        let begun = |shift: &&Shift| shift.begins <= local.time();
        match self.calendar.iter().rev().find(begun) {
            Some(shift) => Some((shift, local.date())),
            // The last shift of the day before goes on over midnight.
            None => Some((self.calendar.last()?, local.date().yesterday().ok()?)),
        }
    }
}

fn is_of(kind: EventKind, word: &str) -> bool {
    let name = kind.as_str();
    name == word || name.split_once('.').is_some_and(|(before, _)| before == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Response, Severity};

    fn event(kind: EventKind, at: &str, subject: Subject) -> Notification {
        let at: jiff::Timestamp = at.parse().unwrap();
        Notification {
            kind,
            id: "evt_1".into(),
            at: Timestamp::from_millis(at.as_millisecond()).unwrap(),
            site: "mill".into(),
            line: "tm3".into(),
            severity: Severity::Warning,
            priority: None,
            occurrence: 1,
            revision: 1,
            alarm: "tm3/x".into(),
            title: "".into(),
            text: "".into(),
            subject,
            told: vec![],
            response: Response::default(),
        }
    }

    fn line(at: &str) -> Notification {
        let subject = Subject::Line { since: Timestamp::default() };
        event(EventKind::LineSilent, at, subject)
    }

    fn model(grade: &str) -> Notification {
        let (model, grade, reason) = ("pca".into(), grade.into(), "".into());
        let subject = Subject::Model { model, grade, version: 1, reason };
        event(EventKind::ModelDrifted, "2026-01-23T06:00:00Z", subject)
    }

    #[test]
    fn grades_and_kinds_leave_out_the_others() {
        let route = Route { grades: vec!["facial".into()], ..Route::default() };
        let takes = |route: &Route, event: &Notification| route.takes(event, &TimeZone::UTC);
        assert!(takes(&route, &model("facial")) && !takes(&route, &model("towel")));
        assert!(takes(&route, &line("2026-01-23T06:00:00Z")), "it belongs to no grade");
        for (words, taken) in
            [(&["line"][..], true), (&["line.silent"], true), (&["line.heard", "batch"], false)]
        {
            let kinds = words.iter().map(|word| (*word).to_owned()).collect();
            let route = Route { kinds, ..Route::default() };
            assert_eq!(takes(&route, &line("2026-01-23T06:00:00Z")), taken, "{words:?}");
        }
        assert!(Route::is_kind("tags") && Route::is_kind("model.drifted"));
        assert!(!Route::is_kind("tag") && !Route::is_kind("") && !Route::is_kind("line."));
    }

    #[test]
    fn a_shift_is_by_the_clock_on_the_wall() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let night = Route::hours_of("22:00-06:00").unwrap();
        let route = Route { hours: vec![night], ..Route::default() };
        // 22:00 there is 14:00 UTC.
        for (at, taken) in [
            ("2026-01-23T13:59:59Z", false),
            ("2026-01-23T14:00:00Z", true),
            ("2026-01-23T21:59:59Z", true),
            ("2026-01-23T22:00:00Z", false),
        ] {
            assert_eq!(route.takes(&line(at), &zone), taken, "{at}");
        }
        // A Friday there from 16:00 UTC on Thursday on.
        let friday = Route { days: vec![Weekday::Friday], ..Route::default() };
        assert!(!friday.takes(&line("2026-01-22T15:59:59Z"), &zone));
        assert!(friday.takes(&line("2026-01-22T16:00:00Z"), &zone));
        let all_day = Route { hours: vec![Route::hours_of("00:00-24:00").unwrap()], ..friday };
        assert!(all_day.takes(&line("2026-01-22T23:00:00Z"), &zone));
        for none in ["22-06", "22:00", "22:00-25:00", "6:00-14:00", "22:00-06:60", "+1:00-02:00"] {
            assert_eq!(Route::hours_of(none), None, "{none}");
        }
    }

    /// A Shanghai mill of three shifts; the night shift goes over midnight.
    fn shifts(wanted: &[&str], days: &[Weekday]) -> (Route, TimeZone) {
        let of = |name: &str, begins| Shift {
            name: name.into(),
            begins: Shift::begin_of(begins).unwrap(),
        };
        let calendar = vec![of("early", "06:00"), of("late", "14:00"), of("night", "22:00")];
        let shifts = wanted.iter().map(|name| (*name).to_owned()).collect();
        let route = Route { calendar, shifts, days: days.to_vec(), ..Route::default() };
        (route, TimeZone::get("Asia/Shanghai").unwrap())
    }

    /// An event at a local time of Shanghai.
    fn at(local: &str) -> Notification {
        line(&format!("{local}+08:00"))
    }

    #[test]
    fn a_shift_over_midnight_is_of_the_day_on_which_it_began() {
        let friday_night = shifts(&["night"], &[Weekday::Friday]);
        for ((route, zone), local, taken) in [
            (shifts(&["early"], &[]), "2026-01-23T05:59:59", false),
            (shifts(&["early"], &[]), "2026-01-23T06:00:00", true),
            (shifts(&["early"], &[]), "2026-01-23T14:00:00", false),
            (shifts(&["early", "late"], &[]), "2026-01-23T14:00:00", true),
            (shifts(&["night"], &[]), "2026-01-23T03:00:00", true),
            // The 23rd is a Friday.
            (friday_night.clone(), "2026-01-23T02:00:00", false),
            (friday_night.clone(), "2026-01-23T21:59:59", false),
            (friday_night.clone(), "2026-01-23T22:00:00", true),
            (friday_night.clone(), "2026-01-24T02:00:00", true),
            (friday_night, "2026-01-24T06:00:00", false),
        ] {
            assert_eq!(route.takes(&at(local), &zone), taken, "{local} {:?}", route.shifts);
        }
        // When clocks are set back, the hour that comes twice is of the shift on the wall.
        let (route, _) = shifts(&["night"], &[Weekday::Saturday]);
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (utc, taken) in [
            ("2026-10-24T20:00:00Z", true),
            ("2026-10-25T00:30:00Z", true),
            ("2026-10-25T04:59:59Z", true),
            ("2026-10-25T05:00:00Z", false),
        ] {
            assert_eq!(route.takes(&line(utc), &berlin), taken, "{utc}");
        }
    }

    #[test]
    fn who_was_told_of_an_alarm_hears_its_end_whenever_that_is_and_nobody_else_does() {
        let hours =
            Route { hours: vec![Route::hours_of("06:00-14:00").unwrap()], ..Route::default() };
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let told = |kind, end: &str, told: &[&str]| {
            let told = told.iter().map(|local| at(local).at).collect();
            Notification { kind, told, ..at(end) }
        };
        for (route, kind, earlier, taken) in [
            (&hours, EventKind::LineHeard, &["2026-01-23T13:50:00"][..], true),
            (&hours, EventKind::LineHeard, &["2026-01-23T14:10:00"], false),
            (&hours, EventKind::LineHeard, &["2026-01-23T05:10:00", "2026-01-23T06:10:00"], true),
            (&hours, EventKind::LineHeard, &[], false),
            // It got worse when they were at home: that is for who is there.
            (&hours, EventKind::LineSilent, &["2026-01-23T13:50:00"], false),
            (&shifts(&["early"], &[]).0, EventKind::LineHeard, &["2026-01-23T13:50:00"], true),
            (
                &shifts(&[], &[Weekday::Thursday]).0,
                EventKind::LineHeard,
                &["2026-01-22T23:50:00"],
                true,
            ),
            (&shifts(&["night"], &[]).0, EventKind::LineHeard, &["2026-01-23T13:50:00"], false),
        ] {
            let end = told(kind, "2026-01-23T15:00:00", earlier);
            assert_eq!(route.takes(&end, &zone), taken, "{kind:?} {earlier:?}");
        }
    }

    /// Who waits until nobody has acknowledged it was told when that was over, and not when the others were.
    #[test]
    fn who_waits_hears_the_end_of_what_was_told_in_the_shift_of_theirs() {
        let waited = Duration::from_secs(900);
        let (route, zone) = shifts(&["late"], &[]);
        let late = Route { unacknowledged: Some(waited), ..route };
        let (route, _) = shifts(&["early"], &[]);
        let early = Route { unacknowledged: Some(waited), ..route };
        let mut end = Notification {
            kind: EventKind::LineHeard,
            told: vec![at("2026-01-23T13:50:00").at],
            ..at("2026-01-23T22:30:00")
        };
        assert!(!late.takes(&end, &zone) && !early.takes(&end, &zone), "neither was told");
        end.response.reached = vec![(waited, at("2026-01-23T14:05:00").at)];
        assert!(late.takes(&end, &zone));
        assert!(!early.takes(&end, &zone), "they had gone home when the wait was over");
        end.told.push(at("2026-01-24T06:10:00").at);
        end.at = at("2026-01-24T15:00:00").at;
        assert!(early.takes(&end, &zone), "it got worse in their shift");
    }
}
