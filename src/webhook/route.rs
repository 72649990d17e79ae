//! Which events a receiver hears of beside severity and line: by grade, by kind, and by the calendar of a shift.

use crate::alarm::{EventKind, Notification, Subject};
use crate::reading::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// A route; empty parts leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The grades whose batches and models it hears of. What belongs to no grade concerns all of them.
    pub grades: Vec<String>,
    /// The types of events, whole (`batch.at_risk`) or by what stands before the dot (`batch`).
    pub kinds: Vec<String>,
    /// From when until when in a day, local time of the site; the second may be the lesser one: over midnight.
    pub hours: Vec<(Time, Time)>,
    /// The days of the week, by the local date of the event.
    pub days: Vec<Weekday>,
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
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            let both = digits(hour) && digits(minute);
            // A day ends with 24:00, which is when the next one begins.
            let hour: i8 = hour.parse().ok().filter(|_| both)?;
            let minute = minute.parse().ok()?;
            let hour = if (hour, minute) == (24, 0) { 0 } else { hour };
            Time::new(hour, minute, 0, 0).ok()
        };
        let (from, to) = text.split_once('-')?;
        Some((time(from)?, time(to)?))
    }

    /// True for a type of event, or for what stands before the dot of one.
    #[must_use]
    pub fn is_kind(word: &str) -> bool {
        EventKind::ALL.iter().any(|kind| is_of(*kind, word))
    }

    /// True if an event goes this way.
    #[must_use]
    pub fn takes(&self, event: &Notification, zone: &TimeZone) -> bool {
        let grade = match &event.subject {
            Subject::Batch { grade, .. } => grade.as_deref(),
            Subject::Model { grade, .. } => Some(&**grade),
            _ => None,
        };
        let of_grade = |grade: &str| self.grades.iter().any(|wanted| wanted == grade);
        let of_kind = || self.kinds.iter().any(|word| is_of(event.kind, word));
        (self.grades.is_empty() || grade.is_none_or(of_grade))
            && (self.kinds.is_empty() || of_kind())
            && self.is_on_duty(event.at, zone)
    }

    /// True if somebody is there to hear it. What has no time that a calendar knows is heard.
    fn is_on_duty(&self, at: Timestamp, zone: &TimeZone) -> bool {
        if self.hours.is_empty() && self.days.is_empty() {
            return true;
        }
        let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return true };
        let local = at.to_zoned_datetime(zone.clone());
        let time = local.time();
        let within = |(from, to): &(Time, Time)| {
            if from < to { *from <= time && time < *to } else { *from <= time || time < *to }
        };
        (self.days.is_empty() || self.days.contains(&local.date().weekday()))
            && (self.hours.is_empty() || self.hours.iter().any(within))
    }
}

fn is_of(kind: EventKind, word: &str) -> bool {
    let name = kind.as_str();
    name == word || name.split_once('.').is_some_and(|(before, _)| before == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Severity;

    fn event(kind: EventKind, at: &str, subject: Subject) -> Notification {
        let at: jiff::Timestamp = at.parse().unwrap();
        Notification {
            kind,
            id: "evt_1".into(),
            at: Timestamp::from_millis(at.as_millisecond()).unwrap(),
            site: "mill".into(),
            line: "tm3".into(),
            severity: Severity::Warning,
            occurrence: 1,
            revision: 1,
            alarm: "tm3/x".into(),
            title: "".into(),
            text: "".into(),
            subject,
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
}
