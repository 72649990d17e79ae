//! Escalation: who waits for what nobody acknowledges is told once, and what becomes of it.

use super::*;
use crate::alarm::{Escalated, Response};
use crate::words::{Language, Locale};

const FIVE: Duration = Duration::from_secs(300);
const THIRTY: Duration = Duration::from_secs(1800);

fn levels() -> AlarmSettings {
    AlarmSettings { escalations: vec![FIVE, THIRTY], ..AlarmSettings::default() }
}

fn worse(s: i64) -> News {
    News { revision: 1, ..news(Sets::Raise, Severity::Critical, s) }
}

/// What is told in each step, as `type#occurrence@s`, with how far it was escalated in minutes behind it.
fn told(settings: &AlarmSettings, steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    let mut book = Book::new("mill".into());
    let words = |said: &Said| {
        let Said::Event(event) = said else { return None };
        let (kind, s) = (event.kind.as_str(), event.at.as_millis() / 1000);
        let far = event.response.escalated.map(|escalated| escalated.after.as_secs() / 60);
        let far = far.map(|far| format!("!{far}")).unwrap_or_default();
        Some(format!("{kind}#{}@{s}{far}", event.occurrence))
    };
    let mut stories = Vec::new();
    for step in steps {
        let kept = serde_json::to_string(&book).unwrap();
        book = serde_json::from_str(&kept).unwrap();
        let said = happens(&mut book, settings, step);
        stories.push(said.iter().filter_map(words).collect::<Vec<_>>().join(" "));
    }
    stories
}

fn events(said: Vec<Said>) -> Vec<Notification> {
    let event = |said| if let Said::Event(event) = said { Some(*event) } else { None };
    said.into_iter().filter_map(event).collect()
}

#[test]
fn each_level_is_told_once_and_what_comes_after_it_says_so() {
    let steps = [
        Step::News(raise(0)),
        Step::Pass(299),
        Step::Pass(300),
        Step::Pass(400),
        Step::News(worse(500)),
        Step::Pass(3000),
        Step::Pass(4000),
        Step::Order(Action::Acknowledge, 4100),
        Step::Pass(9000),
        Step::News(clear(9100)),
        // The next occurrence begins anew.
        Step::News(raise(9200)),
        Step::News(clear(9300)),
        Step::News(raise(9400)),
        Step::Pass(9700),
    ];
    assert_eq!(
        told(&levels(), steps),
        [
            "sensor.unhealthy#1@0",
            "",
            "alarm.unacknowledged#1@300!5",
            "",
            "sensor.unhealthy#1@500!5",
            "alarm.unacknowledged#1@1800!30",
            "",
            "alarm.acknowledged#1@4100!30",
            "",
            "sensor.recovered#1@9100!30",
            "sensor.unhealthy#2@9200",
            "sensor.recovered#2@9300",
            "sensor.unhealthy#3@9400",
            "alarm.unacknowledged#3@9700!5",
        ]
    );
}

#[test]
fn what_is_acknowledged_hidden_or_over_is_not_told() {
    let until = at(5000);
    let steps = [
        Step::News(raise(0)),
        Step::Order(Action::Acknowledge, 299),
        Step::Pass(2000),
        // Worse than what somebody knows of: time counts from then on.
        Step::News(worse(2000)),
        Step::Pass(2299),
        Step::Pass(2300),
        Step::Order(Action::Shelve { until }, 2301),
        Step::Pass(4999),
        // Told again, and time begins anew.
        Step::Pass(5000),
        Step::Pass(5299),
        // The end is told to who was told of the occurrence before.
        Step::News(clear(5299)),
        Step::Pass(9000),
        // By its own time it stood for so long before anybody looked; its end comes behind it.
        Step::News(raise(20_000)),
        Step::News(clear(20_300)),
        Step::Design(Design::Maintenance, true, 21_000),
        Step::News(raise(21_000)),
        Step::Pass(29_000),
    ];
    assert_eq!(
        told(&levels(), steps),
        [
            "sensor.unhealthy#1@0",
            "alarm.acknowledged#1@299",
            "",
            "sensor.unhealthy#1@2000",
            "",
            "alarm.unacknowledged#1@2300!5",
            "",
            "",
            "sensor.unhealthy#2@5000",
            "",
            "sensor.recovered#2@5299!5",
            "",
            "sensor.unhealthy#3@20000",
            "alarm.unacknowledged#3@20300!5 sensor.recovered#3@20300!5",
            "",
            "",
            "",
        ]
    );
}

#[test]
fn what_is_told_says_who_and_for_how_long() {
    let (mut book, settings) = (Book::new("mill".into()), levels());
    let mut step = |step| events(happens(&mut book, &settings, step));
    let raised = step(Step::News(raise(0))).remove(0);
    assert!(raised.response.open, "somebody may acknowledge it");
    let both = step(Step::Pass(1800));
    let [five, thirty] = both.as_slice() else { panic!("two levels: {both:?}") };
    assert_ne!(five.id, thirty.id);
    let spaced = |text: &str| text.replace('\u{a0}', " ");
    let chinese = Locale { language: Language::Chinese, ..Locale::default() };
    assert_eq!(
        [spaced(&five.title), spaced(&five.title_in(&chinese))],
        [
            "tm3: sensor bw cannot be trusted: does not move; nobody has acknowledged it for 5 min",
            "tm3：传感器 bw 不可信：数值不变；已有 5 分钟无人确认",
        ]
    );
    assert_eq!((five.severity, &five.subject), (Severity::Warning, &raised.subject));
    let raised_by = Some(EventKind::SensorUnhealthy);
    let escalated = |after| {
        let raised_by = EventKind::SensorUnhealthy;
        Some(Escalated { after, severity: Severity::Warning, raised_by })
    };
    let both_levels = vec![(FIVE, at(300)), (THIRTY, at(1800))];
    let expected = Response {
        open: true,
        raised_by,
        escalated: escalated(THIRTY),
        reached: both_levels.clone(),
        unacknowledged: Some(THIRTY),
        ..Response::default()
    };
    assert_eq!(thirty.response, expected);
    let known = step(Step::Order(Action::Acknowledge, 2000)).remove(0);
    assert_eq!((known.severity, &*known.text), (Severity::Info, "why"));
    let (by, note) = (Some("shift-a".into()), Some("why".into()));
    let expected = Response {
        raised_by,
        escalated: escalated(THIRTY),
        reached: both_levels.clone(),
        by,
        note,
        ..Response::default()
    };
    assert_eq!(known.response, expected);
    // Worse after that is acknowledged again, by an event of its own.
    assert!(step(Step::News(worse(2100)))[0].response.open);
    let again = step(Step::Order(Action::Acknowledge, 2200)).remove(0);
    assert_ne!(again.id, known.id);
    // Less than that opens nothing.
    assert!(!step(Step::News(raise(2300)))[0].response.open);
}

#[test]
fn of_a_batch_what_is_found_later_is_for_who_was_told_of_it() {
    use EventKind::{BatchAtRisk, BatchFinished, BatchRevised};
    let batch = |batch: &str, kind, sets, s| {
        let line: serde_json::Value = serde_json::json!({
            "line": "tm3", "batch": batch, "grade": null, "verdict": "at-risk", "since": 0,
            "probability_off_spec": null, "progress": null, "reasons": [], "first_mover": null,
            "spans": [], "revision": 0, "ts": 0, "valid_until": 0
        });
        let verdict = serde_json::from_value(line).unwrap();
        Step::News(News {
            kind,
            alarm: ALARM.into(),
            subject: Subject::Batch {
                batch: batch.into(),
                grade: None,
                verdict,
                besides: Box::default(),
            },
            revision: u32::try_from(s).unwrap(),
            ..news(sets, Severity::Warning, s)
        })
    };
    let steps = [
        batch("R1", BatchAtRisk, Sets::Raise, 0),
        Step::Pass(400),
        batch("R1", BatchFinished, Sets::Clear, 500),
        batch("R2", BatchAtRisk, Sets::Raise, 600),
        batch("R2", BatchFinished, Sets::Clear, 700),
        batch("R2", BatchRevised, Sets::Keep, 800),
        batch("R1", BatchRevised, Sets::Keep, 900),
    ];
    assert_eq!(
        told(&levels(), steps),
        [
            "batch.at_risk#1@0",
            "alarm.unacknowledged#1@300!5",
            "batch.finished#1@500!5",
            "batch.at_risk#2@600",
            "batch.finished#2@700",
            "batch.revised#2@800",
            "batch.revised#2@900!5",
        ]
    );
}

#[test]
fn other_delays_hold_from_then_on_and_nothing_is_told_twice() {
    let mut book = Book::new("mill".into());
    let none = AlarmSettings::default();
    happens(&mut book, &none, Step::News(raise(0)));
    assert!(!book.is_overdue("tm3", Clocks::agreeing(at(9000)), &none));
    // As an earlier version kept it.
    let mut kept = serde_json::to_value(&book).unwrap();
    kept["alarms"][ALARM].as_object_mut().unwrap().remove("attention").unwrap();
    book = serde_json::from_value(kept).unwrap();
    let mut told = Vec::new();
    for (delays, s) in [(vec![900], 600), (vec![300], 700), (vec![300, 900], 800), (vec![60], 2000)]
    {
        let escalations = delays.into_iter().map(Duration::from_secs).collect();
        let settings = AlarmSettings { escalations, ..AlarmSettings::default() };
        book.reconsider(&settings);
        let clocks = Clocks::agreeing(at(s));
        assert!(!book.is_overdue("tm4", clocks, &settings), "it is of another line");
        let due = book.is_overdue("tm3", clocks, &settings);
        let said = events(happens(&mut book, &settings, Step::Pass(s)));
        assert_eq!(due, !said.is_empty());
        told.extend(said.iter().map(|event| (event.at.as_millis() / 1000, event.revision)));
    }
    assert_eq!(told, [(300, 300)]);
    // Nothing is heard of the line: the daemon's clock counts, for this and not for delays.
    let settings = levels();
    book.reconsider(&settings);
    let mut said = Vec::new();
    book.escalate("tm3", Clocks::agreeing(at(2000)), &settings, &mut said);
    assert_eq!(events(said)[0].revision, 1800);
}

/// Two alarms of one line are two, also for who hears only that nobody answers.
#[test]
fn each_alarm_has_events_of_its_own() {
    let (mut book, settings) = (Book::new("mill".into()), levels());
    for alarm in ["tm3/missing", "tm3/unjudged"] {
        let news =
            News { alarm: alarm.into(), subject: Subject::Line { since: at(0) }, ..raise(0) };
        happens(&mut book, &settings, Step::News(news));
    }
    let told = events(happens(&mut book, &settings, Step::Pass(400)));
    let ids: BTreeSet<_> = told.iter().map(|event| (&*event.alarm, &*event.id)).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(ids.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), 2, "{ids:?}");
}

#[test]
fn who_acknowledges_what_is_over_is_told_of() {
    let rule = AlarmRule { acknowledge: true, ..AlarmRule::default() };
    let settings = AlarmSettings { escalations: vec![FIVE], ..sensors(rule) };
    let steps = [Step::News(raise(0)), Step::News(clear(10)), Step::Order(Action::Acknowledge, 20)];
    assert_eq!(
        told(&settings, steps),
        ["sensor.unhealthy#1@0", "sensor.recovered#1@10", "alarm.acknowledged#1@20"]
    );
}

#[test]
fn a_shelf_ends_also_if_something_came_and_went_on_it() {
    let rule = AlarmRule { on_delay: Duration::from_secs(60), ..AlarmRule::default() };
    let (mut book, settings) = (Book::new("mill".into()), sensors(rule));
    for step in [
        Step::News(raise(0)),
        Step::Pass(61),
        Step::News(clear(70)),
        Step::Order(Action::Shelve { until: at(600) }, 80),
        Step::News(raise(100)),
        Step::News(clear(120)),
        Step::Pass(700),
    ] {
        happens(&mut book, &settings, step);
    }
    assert_eq!(book.find(ALARM), Some(IsaState::Normal));
}

#[test]
fn an_order_for_another_occurrence_is_refused() {
    let mut book = Book::new("mill".into());
    let settings = AlarmSettings::default();
    let only =
        |occurrence, s| Order { occurrence: Some(occurrence), ..order(Action::Acknowledge, s) };
    for s in [1, 3] {
        happens(&mut book, &settings, Step::News(raise(s)));
        assert_eq!(book.check(&only(1, s), &settings).is_ok(), s == 1);
        happens(&mut book, &settings, Step::News(clear(s + 1)));
    }
    assert_eq!(book.check(&only(1, 9), &settings), Err(Unmet::AnotherOccurrence));
}

proptest! {
    /// Whatever happens: an escalation is of an alarm that has stood unacknowledged and shown for exactly that long, each is
    /// told once in an occurrence, none that is due is lost, and a restart after each step changes nothing.
    #[test]
    fn escalations_are_told_when_they_are_due_and_never_else(
        steps in steps(), delays in (0..90_u64, 0..90_u64), first in 1..600_u64, more in 1..600_u64,
    ) {
        let rule = AlarmRule {
            on_delay: Duration::from_secs(delays.0),
            off_delay: Duration::from_secs(delays.1),
            ..AlarmRule::default()
        };
        let delays = [first, first + more];
        let escalations = delays.map(Duration::from_secs).to_vec();
        let settings = AlarmSettings { escalations, ..sensors(rule) };
        let mut book = Book::new("mill".into());
        // Since when it has stood unacknowledged, by the records; what was told.
        let mut since: Option<i64> = None;
        let mut told = BTreeSet::new();
        // How often it was raised: the step that tells may raise it anew.
        let mut occurrence = 0;
        let seconds = |at: Timestamp| at.as_nanos().div_euclid(1_000_000_000);
        for step in steps.into_iter().chain([Step::Order(Action::Restore, 90_001), Step::Pass(99_000)]) {
            let time = match &step {
                Step::News(news) => news.at,
                Step::Order(_, s) | Step::Pass(s) | Step::Design(_, _, s) => at(*s),
            };
            let mut said = Vec::new();
            // A record is never earlier than the one before it, so shelves end after what came before them.
            book.pass("tm3", time, &settings, &mut said);
            book.unshelve(time, &settings, &mut said);
            book.pass("tm3", time, &settings, &mut said);
            said.extend(happens(&mut book, &settings, step));
            book = serde_json::from_str(&serde_json::to_string(&book).unwrap()).unwrap();
            for said in said {
                match said {
                    Said::Record(record) if *record.alarm == *ALARM => {
                        let s = seconds(record.at);
                        let begins = record.change == "raised";
                        if let Some(since) = since.filter(|_| begins || record.isa != IsaState::Unacknowledged) {
                            for delay in delays {
                                let due = since + i64::try_from(delay).unwrap();
                                let known = told.contains(&(occurrence, delay));
                                prop_assert!(due > s || known, "lost: {delay} s after {since}, over at {s}");
                            }
                        }
                        occurrence += u32::from(begins);
                        since = match record.isa {
                            IsaState::Unacknowledged => since.filter(|_| !begins).or(Some(s)),
                            _ => None,
                        };
                    }
                    Said::Event(event) if event.kind == EventKind::AlarmUnacknowledged => {
                        let delay = u64::from(event.revision);
                        prop_assert!(delays.contains(&delay));
                        let since = since.expect("it stands, shown and unacknowledged");
                        prop_assert_eq!(seconds(event.at), since + i64::try_from(delay).unwrap());
                        prop_assert!(told.insert((event.occurrence, delay)), "told twice");
                        prop_assert_eq!(event.occurrence, occurrence);
                    }
                    _ => {}
                }
            }
        }
        if let Some(since) = since {
            let occurrence = book.alarms[ALARM].occurrence;
            for delay in delays.iter().filter(|delay| since + i64::try_from(**delay).unwrap() <= 99_000) {
                prop_assert!(told.contains(&(occurrence, *delay)), "lost at the end");
            }
        }
    }
}
