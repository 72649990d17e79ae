//! The book: what is told of an alarm, and what is not.

use super::*;
use crate::plant::{AlarmRule, Consequence};
use proptest::prelude::*;
use std::time::Duration;

mod escalation;

const ALARM: &str = "tm3/sensor/bw";

fn at(s: i64) -> Timestamp {
    Timestamp::from_nanos(s * 1_000_000_000)
}

fn news(sets: Sets, severity: Severity, s: i64) -> News {
    let at = at(s);
    let raises = sets == Sets::Raise;
    News {
        kind: if raises { EventKind::SensorUnhealthy } else { EventKind::SensorRecovered },
        at,
        line: "tm3".into(),
        alarm: ALARM.into(),
        sets,
        severity,
        revision: 0,
        subject: Subject::Sensor {
            tag: "bw".into(),
            fault: "stuck".into(),
            since: at,
            behind_ms: None,
        },
    }
}

fn raise(s: i64) -> News {
    news(Sets::Raise, Severity::Warning, s)
}

fn clear(s: i64) -> News {
    news(Sets::Clear, Severity::Info, s)
}

fn blind(is: bool, s: i64) -> News {
    News {
        kind: if is { EventKind::LineBlind } else { EventKind::LineRestored },
        alarm: "tm3/blind".into(),
        sets: if is { Sets::Raise } else { Sets::Clear },
        subject: Subject::Line { since: at(s) },
        ..raise(s)
    }
}

fn order(action: Action, s: i64) -> Order {
    let (by, note) = (Some("shift-a".into()), Some("why".into()));
    Order { alarm: ALARM.into(), action, by, note, at: at(s), occurrence: None }
}

/// Something that happens to a book.
#[derive(Debug, Clone)]
enum Step {
    News(News),
    Order(Action, i64),
    Design(Design, bool, i64),
    Pass(i64),
}

fn happens(book: &mut Book, settings: &AlarmSettings, step: Step) -> Vec<Said> {
    let mut said = Vec::new();
    match step {
        Step::News(news) => book.tell(news, settings, &mut said),
        Step::Order(action, s) => {
            let unmet = book.act(&order(action, s), settings, &mut said).is_err();
            assert!(!unmet || said.is_empty(), "what cannot be says nothing");
        }
        Step::Design(design, holds, s) => {
            book.design(&"tm3".into(), (design, holds, at(s)), settings, &mut said);
        }
        Step::Pass(s) => {
            book.unshelve(at(s), settings, &mut said);
            book.pass("tm3", at(s), settings, &mut said);
        }
    }
    said
}

/// What is said of each step: events as `type#occurrence@s`, records as `change:state@s`.
fn story(settings: &AlarmSettings, steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    let mut book = Book::new("mill".into());
    let words = |said: Said| match said {
        Said::Event(event) => {
            format!("{}#{}@{}", event.kind.as_str(), event.occurrence, event.at.as_millis() / 1000)
        }
        Said::Record(record) => {
            format!("{}:{}@{}", record.change, record.isa.as_str(), record.at.as_millis() / 1000)
        }
    };
    let mut stories = Vec::new();
    for step in steps {
        // As if the daemon ended and began after each.
        let kept = serde_json::to_string(&book).unwrap();
        book = serde_json::from_str(&kept).unwrap();
        let said: Vec<String> = happens(&mut book, settings, step).into_iter().map(words).collect();
        stories.push(said.join(" "));
    }
    stories
}

fn sensors(rule: AlarmRule) -> AlarmSettings {
    AlarmSettings { sensor: rule, ..AlarmSettings::default() }
}

#[test]
fn every_kind_of_news() {
    use Severity::{Critical, Info, Warning};
    let steps = [
        (Sets::Clear, Info, 1),
        (Sets::Keep, Info, 2),
        (Sets::Raise, Warning, 3),
        (Sets::Raise, Warning, 4),
        (Sets::Raise, Critical, 5),
        (Sets::Keep, Critical, 5),
        (Sets::Clear, Info, 5),
        (Sets::Raise, Warning, 6),
        (Sets::Passed, Info, 7),
    ];
    let steps = steps.map(|(sets, severity, s)| Step::News(news(sets, severity, s)));
    assert_eq!(
        story(&AlarmSettings::default(), steps),
        [
            "sensor.recovered#1@1",
            "sensor.recovered#1@2",
            "raised:unacknowledged@3 sensor.unhealthy#1@3",
            "",
            "changed:unacknowledged@5",
            "sensor.recovered#1@5",
            "returned:normal@5 sensor.recovered#1@5",
            "raised:unacknowledged@6 sensor.unhealthy#2@6",
            "passed:unacknowledged@7 sensor.recovered#3@7",
        ]
    );
}

#[test]
fn ids_tell_occurrences_apart_and_name_one_event_each() {
    let mut book = Book::new("mill".into());
    let mut id = |news: News| {
        let said = happens(&mut book, &AlarmSettings::default(), Step::News(news));
        let id = |said: &Said| match said {
            Said::Event(event) => Some(Arc::clone(&event.id)),
            Said::Record(_) => None,
        };
        said.iter().find_map(id)
    };
    let first = id(raise(1)).unwrap();
    assert_eq!(id(raise(2)), None, "more of the same is no event of its own");
    assert!(id(clear(2)).is_some());
    let second = id(raise(3)).unwrap();
    assert_ne!(first, second);
    assert!(first.starts_with("evt_") && first.len() == 36);
}

#[test]
fn delays_are_of_the_line_s_time() {
    let (on_delay, off_delay) = (Duration::from_secs(60), Duration::from_secs(30));
    let rule = AlarmRule { on_delay, off_delay, ..AlarmRule::default() };
    let steps = [
        // Too short to be one.
        Step::News(raise(0)),
        Step::News(clear(59)),
        Step::Pass(200),
        // Long enough, by the time at which it ended, though nobody looked before.
        Step::News(raise(300)),
        Step::News(clear(360)),
        Step::News(raise(380)),
        Step::Pass(500),
        // Gone for long enough.
        Step::News(clear(510)),
        Step::Pass(539),
        Step::Pass(540),
    ];
    assert_eq!(
        story(&sensors(rule), steps),
        [
            "",
            "",
            "",
            "",
            "raised:unacknowledged@360 sensor.unhealthy#1@360",
            "",
            "",
            "",
            "",
            "returned:normal@540 sensor.recovered#1@540",
        ]
    );
}

#[test]
fn what_comes_and_goes_stays_until_it_is_calm() {
    let on_and_off =
        (0..6).flat_map(|ix| [Step::News(raise(ix * 100)), Step::News(clear(ix * 100 + 50))]);
    let told =
        story(&AlarmSettings::default(), on_and_off.chain([Step::Pass(1149), Step::Pass(1150)]));
    assert_eq!(told[4], "raised:unacknowledged@200 sensor.unhealthy#3@200");
    assert!(told[5].is_empty(), "{told:?}");
    assert!(told[6..12].iter().all(String::is_empty), "{told:?}");
    assert_eq!(told[12..], ["", "returned:normal@1150 sensor.recovered#3@1150"]);
}

#[test]
fn who_was_told_is_told_the_end_and_who_was_not_is_not() {
    let until = at(3600);
    let steps = [
        Step::News(raise(1)),
        Step::Order(Action::Acknowledge, 2),
        Step::Order(Action::Shelve { until }, 3),
        Step::News(clear(4)),
        Step::News(raise(5)),
        Step::News(clear(6)),
        Step::News(raise(7)),
        Step::Pass(3599),
        Step::Pass(3600),
        Step::News(clear(3700)),
    ];
    assert_eq!(
        story(&AlarmSettings::default(), steps),
        [
            "raised:unacknowledged@1 sensor.unhealthy#1@1",
            "acknowledged:acknowledged@2 alarm.acknowledged#1@2",
            "shelved:shelved@3",
            "returned:shelved@4 sensor.recovered#1@4",
            "raised:shelved@5",
            "returned:shelved@6",
            "raised:shelved@7",
            "",
            "unshelved:unacknowledged@3600 raised:unacknowledged@3600 sensor.unhealthy#4@3600",
            // It came three times in ten minutes while nobody heard: its end waits.
            "",
        ]
    );
}

#[test]
fn what_was_told_and_stands_can_be_told_again_after_a_start() {
    let settings = sensors(AlarmRule::default());
    let mut book = Book::new("mill".into());
    let again = |book: &Book| {
        let kept = serde_json::to_string(book).unwrap();
        let book: Book = serde_json::from_str(&kept).unwrap();
        book.told(&Speech::default()).collect::<Vec<Notification>>()
    };
    let told = |said: Vec<Said>| {
        let event = |said| if let Said::Event(event) = said { Some(*event) } else { None };
        said.into_iter().filter_map(event).collect::<Vec<Notification>>()
    };
    let until = at(100);
    // Shelved: nobody is told, so there is nothing to tell again.
    happens(&mut book, &settings, Step::News(raise(1)));
    happens(&mut book, &settings, Step::News(clear(2)));
    happens(&mut book, &settings, Step::Order(Action::Shelve { until }, 3));
    assert_eq!(told(happens(&mut book, &settings, Step::News(raise(4)))), []);
    assert_eq!(again(&book), []);
    // Told when it is shown again: the same event, to the id.
    let shown = told(happens(&mut book, &settings, Step::Order(Action::Unshelve, 5)));
    assert_eq!((shown.len(), &again(&book)), (1, &shown));
    // Worse is another event; somebody who acknowledges changes nothing.
    let worse = news(Sets::Raise, Severity::Critical, 6);
    happens(&mut book, &settings, Step::News(worse));
    happens(&mut book, &settings, Step::Order(Action::Acknowledge, 7));
    let standing = again(&book);
    assert_eq!((standing.len(), standing[0].severity), (1, Severity::Critical));
    assert_eq!(standing[0].occurrence, shown[0].occurrence);
    happens(&mut book, &settings, Step::News(clear(8)));
    assert_eq!(again(&book), []);
}

#[test]
fn of_a_line_that_is_blind_its_instruments_are_not_told() {
    let steps = [
        Step::News(raise(1)),
        Step::Design(Design::Blind, true, 2),
        Step::News(clear(3)),
        Step::News(raise(4)),
        Step::Design(Design::Blind, false, 5),
        Step::News(clear(6)),
    ];
    assert_eq!(
        story(&AlarmSettings::default(), steps),
        [
            "raised:unacknowledged@1 sensor.unhealthy#1@1",
            "",
            "returned:normal@3 sensor.recovered#1@3",
            "raised:suppressed@4",
            "unsuppressed:unacknowledged@5 raised:unacknowledged@5 sensor.unhealthy#3@5",
            "returned:normal@6 sensor.recovered#3@6",
        ]
    );
}

#[test]
fn a_latched_alarm_is_there_until_it_is_reset() {
    let latch = AlarmRule { latch: true, ..AlarmRule::default() };
    let steps = [
        Step::News(raise(1)),
        Step::News(clear(2)),
        Step::Order(Action::Reset, 3),
        Step::Order(Action::Acknowledge, 4),
        Step::Order(Action::Reset, 5),
    ];
    assert_eq!(
        story(&sensors(latch), steps),
        [
            "raised:unacknowledged@1 sensor.unhealthy#1@1",
            "returned:latched-unacknowledged@2 sensor.recovered#1@2",
            "",
            "acknowledged:latched-acknowledged@4 alarm.acknowledged#1@4",
            "reset:normal@5",
        ]
    );
}

#[test]
fn orders_that_cannot_be_say_why() {
    let mut book = Book::new("mill".into());
    let settings = AlarmSettings::default();
    let refused = |book: &Book, action, s| {
        book.check(&order(action, s), &settings).expect_err("it cannot be").to_string()
    };
    assert_eq!(refused(&book, Action::Acknowledge, 1), "there never was such an alarm");
    happens(&mut book, &settings, Step::News(raise(1)));
    assert_eq!(book.check(&order(Action::Acknowledge, 1), &settings), Ok(IsaState::Acknowledged));
    let shelve = |until| Action::Shelve { until: at(until) };
    assert_eq!(refused(&book, shelve(5), 5), "the time until which it is shelved is over");
    assert_eq!(
        refused(&book, shelve(5 + 28_801), 5),
        "it can be shelved for 8 h at most (`[alarms] shelve_max`)"
    );
    assert_eq!(book.check(&order(shelve(5 + 28_800), 5), &settings), Ok(IsaState::Shelved));
    assert_eq!(
        refused(&book, Action::Reset, 5),
        "it is unacknowledged: only a latched alarm is reset"
    );
    assert_eq!(refused(&book, Action::Unshelve, 5), "it is not shelved");
    assert_eq!(refused(&book, Action::Restore, 5), "it is in service");
}

#[test]
fn an_alarm_that_an_earlier_version_kept_stands() {
    let kept = r#"{"site":"mill","alarms":{"tm3/sensor/bw":{"standing":{"since":1000000000,
        "severity":"warning","title":"bw is stuck"},"occurrence":4,"recorded":1000000000},
        "tm3/batch":{"standing":null,"occurrence":2,"recorded":null}}}"#;
    let mut book: Book = serde_json::from_str(kept).unwrap();
    assert!(book.stands(ALARM) && !book.stands("tm3/batch"));
    assert_eq!(book.find(ALARM), Some(IsaState::Unacknowledged));
    let said = happens(&mut book, &AlarmSettings::default(), Step::News(clear(9)));
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn maintenance_mutes_what_stands_and_what_comes_and_tells_what_is_left_of_it() {
    use Design::Maintenance;
    let other = |s| News { alarm: "tm3/sensor/x".into(), ..raise(s) };
    let steps = [
        Step::News(raise(1)),
        Step::Design(Maintenance, true, 2),
        Step::Design(Maintenance, true, 2),
        Step::News(blind(true, 3)),
        Step::News(clear(4)),
        Step::News(other(5)),
        Step::News(blind(false, 6)),
        Step::Design(Maintenance, false, 7),
        Step::Design(Maintenance, false, 7),
    ];
    assert_eq!(
        story(&AlarmSettings::default(), steps),
        [
            "raised:unacknowledged@1 sensor.unhealthy#1@1",
            "suppressed:suppressed@2",
            "",
            "raised:suppressed@3",
            "returned:suppressed@4 sensor.recovered#1@4",
            "raised:suppressed@5",
            "returned:suppressed@6",
            "unsuppressed:normal@7 unsuppressed:normal@7 unsuppressed:unacknowledged@7 \
             raised:unacknowledged@7 sensor.unhealthy#2@7",
            "",
        ]
    );
}

#[test]
fn what_makes_an_alarm_meaningless_is_shown() {
    let settings = AlarmSettings::default();
    let mut book = Book::new("mill".into());
    let shown = |book: &Book| book.shown().next().map(|shown| (shown.isa, shown.design));
    happens(&mut book, &settings, Step::Design(Design::Blind, true, 1));
    happens(&mut book, &settings, Step::News(raise(2)));
    assert_eq!(shown(&book), Some((IsaState::SuppressedByDesign, Some(Design::Blind))));
    happens(&mut book, &settings, Step::Design(Design::Maintenance, true, 3));
    assert_eq!(shown(&book), Some((IsaState::SuppressedByDesign, Some(Design::Maintenance))));
    for design in [Design::Maintenance, Design::Blind] {
        happens(&mut book, &settings, Step::Design(design, false, 4));
    }
    assert_eq!(shown(&book), Some((IsaState::Unacknowledged, None)));
}

#[test]
fn a_line_that_is_not_steady_hides_what_comes_and_leaves_what_stands() {
    use Design::{Maintenance, Unsteady};
    let other = |s| News { alarm: "tm3/sensor/x".into(), ..raise(s) };
    let steps = [
        Step::News(raise(1)),
        Step::Design(Unsteady, true, 2),
        Step::News(other(3)),
        Step::News(raise(4)),
        // Maintenance hides both, and its end shows what the state of the line does not hide.
        Step::Design(Maintenance, true, 5),
        Step::Design(Maintenance, false, 6),
        Step::News(clear(7)),
        Step::Design(Unsteady, false, 8),
    ];
    assert_eq!(
        story(&AlarmSettings::default(), steps),
        [
            "raised:unacknowledged@1 sensor.unhealthy#1@1",
            "",
            "raised:suppressed@3",
            "",
            "suppressed:suppressed@5",
            "",
            "returned:suppressed@7 sensor.recovered#1@7",
            "unsuppressed:normal@8 unsuppressed:unacknowledged@8 raised:unacknowledged@8 \
             sensor.unhealthy#2@8",
        ]
    );
}

#[test]
fn of_a_batch_in_maintenance_only_what_became_of_it_is_told() {
    let batch = |kind, sets, s| News {
        kind,
        alarm: "tm3/batch".into(),
        subject: Subject::Model {
            model: "".into(),
            grade: "".into(),
            version: 0,
            reason: "".into(),
        },
        ..news(sets, Severity::Warning, s)
    };
    // Models are told of: they are no alarm of what somebody works on.
    let steps = [
        Step::Design(Design::Maintenance, true, 1),
        Step::News(batch(EventKind::ModelPromoted, Sets::Passed, 2)),
    ];
    let told = story(&AlarmSettings::default(), steps);
    assert_eq!(told[1], "passed:normal@2 model.promoted#1@2");
    for class in AlarmClass::ALL {
        let hidden: Vec<Design> = Design::ALL.into_iter().filter(|d| d.hides(class)).collect();
        let expected: &[Design] = match class {
            AlarmClass::Sensor | AlarmClass::Profile => &Design::ALL,
            AlarmClass::Monitor => &[Design::Blind, Design::Silent, Design::Maintenance],
            AlarmClass::Batch | AlarmClass::Line | AlarmClass::Tags => &[Design::Maintenance],
            AlarmClass::Model | AlarmClass::System => &[],
        };
        assert_eq!(hidden, expected, "{class:?}");
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..17_u8, 0..400_i64).prop_map(|(what, later)| (what, later));
    prop::collection::vec(step, 1..80).prop_map(|steps| {
        let mut now = 1;
        let step = |(what, later): (u8, i64)| {
            now += later;
            match what {
                0..=2 => Step::News(raise(now)),
                3..=5 => Step::News(clear(now)),
                6 => Step::Design(Design::Blind, true, now),
                7 => Step::Design(Design::Blind, false, now),
                8 => Step::Order(Action::Acknowledge, now),
                9 => Step::Order(Action::Shelve { until: at(now + 600) }, now),
                10 => Step::Order(Action::Remove, now),
                12 => Step::Design(Design::Maintenance, true, now),
                13 => Step::Design(Design::Maintenance, false, now),
                14 => Step::Design(Design::Unsteady, true, now),
                15 => Step::Design(Design::Unsteady, false, now),
                16 => Step::News(news(Sets::Raise, Severity::Critical, now)),
                _ => Step::Order(Action::Restore, now),
            }
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    /// Whatever happens: who hears that it stands hears its end before he hears of the next one, nobody hears of an end
    /// without its begin, nothing is told of what is hidden, and a restart at any moment changes nothing.
    #[test]
    fn no_return_is_lost_and_none_is_repeated(steps in steps(), delays in (0..90_u64, 0..90_u64)) {
        let rule = AlarmRule {
            on_delay: Duration::from_secs(delays.0),
            off_delay: Duration::from_secs(delays.1),
            ..AlarmRule::default()
        };
        let settings = sensors(rule);
        let mut book = Book::new("mill".into());
        let (mut told, mut ended, mut last) = (None, 0, BTreeMap::new());
        // As time goes on by itself: all delays and shelves end.
        let designs = Design::ALL.map(|design| Step::Design(design, false, 89_000));
        let end = [Step::Order(Action::Restore, 90_001), Step::Pass(99_000)];
        let end = designs.into_iter().chain(end);
        let end = end.chain([Step::News(clear(100_000)), Step::Pass(110_000)]);
        for step in steps.into_iter().chain(end) {
            let (time, hidden) = match &step {
                Step::News(news) => (news.at, book.find(ALARM)),
                Step::Order(_, s) | Step::Pass(s) | Step::Design(_, _, s) => (at(*s), None),
            };
            let hidden = hidden.is_some_and(|isa| isa >= IsaState::Shelved);
            let raises = matches!(&step, Step::News(news) if *news.alarm == *ALARM && news.sets == Sets::Raise);
            let mut said = Vec::new();
            book.pass("tm3", time, &settings, &mut said);
            book = serde_json::from_str(&serde_json::to_string(&book).unwrap()).unwrap();
            let passed = said.len();
            said.extend(happens(&mut book, &settings, step));
            prop_assert!(!(hidden && raises) || said[passed..].iter().all(|said| matches!(said, Said::Record(_))));
            for said in said {
                match said {
                    Said::Record(record) => {
                        let before = last.insert(Arc::clone(&record.alarm), record.at);
                        prop_assert!(before.is_none_or(|before| before < record.at));
                    }
                    Said::Event(event) if event.kind == EventKind::SensorUnhealthy => {
                        // More of the same has one id; what comes again has another, and came while it was hidden.
                        prop_assert!(told.is_none_or(|known| event.occurrence >= known));
                        prop_assert!(event.occurrence > ended);
                        told = Some(event.occurrence);
                    }
                    Said::Event(event) if event.kind == EventKind::SensorRecovered => {
                        if told.take().is_some() {
                            ended = event.occurrence;
                        }
                    }
                    Said::Event(_) => {}
                }
            }
        }
        prop_assert!(told.is_none(), "told and never ended: {:?}", book);
        prop_assert!(!book.stands(ALARM));
    }
}

/// What a plant calls severe is critical, whoever raised it as a warning; its end is for the record.
#[test]
fn what_follows_if_nobody_answers_makes_an_alarm_critical() {
    let rule = AlarmRule { consequence: Some(Consequence::Severe), ..AlarmRule::default() };
    let delayed = AlarmRule { on_delay: Duration::from_secs(60), ..rule };
    for (rule, at_s) in [(rule, 0), (delayed, 60)] {
        let settings = AlarmSettings { sensor: rule, ..AlarmSettings::default() };
        let (mut book, mut said) = (Book::new("mill".into()), Vec::new());
        book.tell(raise(0), &settings, &mut said);
        book.pass("tm3", at(100), &settings, &mut said);
        book.tell(clear(200), &settings, &mut said);
        let told = |said: &Said| match said {
            Said::Event(event) => (event.at, event.severity, event.priority),
            Said::Record(record) => (record.at, record.severity, record.priority),
        };
        let (begin, end) = (at(at_s), at(200));
        let raised = (begin, Severity::Critical, Some(Priority::High));
        let over = (end, Severity::Info, None);
        assert_eq!(said.iter().map(told).collect::<Vec<_>>(), [raised, raised, over, over]);
    }
    let (mut book, mut said) = (Book::new("mill".into()), Vec::new());
    book.tell(raise(0), &AlarmSettings::default(), &mut said);
    let shown = book.shown().next().unwrap();
    assert_eq!(shown.priority, Some(Priority::Low));
    assert_eq!(shown.standing.unwrap().severity, Severity::Warning);
}

#[test]
fn an_end_knows_when_people_were_told_of_it() {
    let mut book = Book::new("mill".into());
    let settings = AlarmSettings::default();
    let worse = |s: i64| News { revision: u32::try_from(s).unwrap(), ..raise(s) };
    let steps = [
        Step::News(raise(1)),
        // The same again is no event.
        Step::News(raise(2)),
        Step::News(worse(5)),
        Step::Order(Action::Shelve { until: at(600) }, 6),
        // Nobody hears that.
        Step::News(worse(7)),
        Step::News(clear(9)),
        Step::Order(Action::Unshelve, 10),
        Step::News(raise(20)),
        Step::News(clear(25)),
        Step::News(clear(30)),
    ];
    let mut told = Vec::new();
    for step in steps {
        let kept = serde_json::to_string(&book).unwrap();
        book = serde_json::from_str(&kept).unwrap();
        for said in happens(&mut book, &settings, step) {
            if let Said::Event(event) = said {
                let before: Vec<i64> = event.told.iter().map(|at| at.as_millis() / 1000).collect();
                told.push((event.at.as_millis() / 1000, before));
            }
        }
    }
    let expected =
        [(1, vec![]), (5, vec![1]), (9, vec![1, 5]), (20, vec![]), (25, vec![20]), (30, vec![])];
    assert_eq!(told, expected);

    // Of very many the first and the last ones are known.
    let mut book = Book::new("mill".into());
    for s in 100..200 {
        happens(&mut book, &settings, Step::News(worse(s)));
    }
    let said = happens(&mut book, &settings, Step::News(clear(300)));
    let before = said.iter().find_map(|said| match said {
        Said::Event(event) => Some(event.told.clone()),
        Said::Record(_) => None,
    });
    let before = before.unwrap();
    assert_eq!((before.len(), before[0], before[1], before[15]), (16, at(100), at(185), at(199)));
}
