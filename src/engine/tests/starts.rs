//! What a start says of the time in which nobody watched.

use super::*;

fn command(command: Command) -> Event {
    Event::Command(command)
}

fn started(s: i64) -> Event {
    command(Command::Started { at: at(s) })
}

fn caught_up(s: i64) -> Event {
    command(Command::CaughtUp { at: at(s) })
}

fn alive(s: i64) -> Event {
    command(Command::Alive { at: at(s) })
}

fn session(present: bool, s: i64) -> Event {
    let (component, client_id) = ("mqtt/plant".into(), "onspec-1".into());
    let filters = vec!["mill/#".into()];
    command(Command::Session { component, client_id, present, filters, at: at(s) })
}

/// Applies the events; what the starts found, and the events told of them.
#[track_caller]
fn check(events: impl IntoIterator<Item = Event>, expected: &[&str]) {
    let mut engine = Engine::new(plant(), Vec::new());
    let effects = apply(&mut engine, events);
    let said: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Recovered(recovery) => Some(recovery.summary()),
            Effect::Notification(n) if &*n.alarm == "system/onspec" => {
                Some(format!("event {} {}", n.occurrence, n.severity.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn the_first_start_of_all_finds_nothing() {
    check([started(0), caught_up(1), alive(2)], &[]);
}

#[test]
fn a_short_absence_that_missed_nothing_is_no_event() {
    let events = [started(0), alive(9), started(19), caught_up(21), caught_up(22)];
    check(events, &["down 10 s, 0 batches judged late, 0 messages known lost, 0 possible gaps"]);
}

#[test]
fn each_long_absence_is_an_event_of_its_own() {
    let long = "down 42 min, 0 batches judged late, 0 messages known lost, 0 possible gaps";
    let events = [started(0), started(2520), caught_up(2521), started(5041), caught_up(5042)];
    check(events, &["event 1 info", long, "event 2 info", long]);
}

#[test]
fn batches_that_ended_unwatched_are_judged_late() {
    let mut events = vec![started(0), start(0, "R1")];
    events.extend(run(0..300, 15.0));
    events.extend([alive(300), started(900)]);
    // Held by the broker: R1 ended meanwhile, R2 goes on.
    events.push(start(600, "R2"));
    events.extend(run(300..910, 15.0));
    events.push(caught_up(901));
    // Watched again: no longer late.
    events.push(start(950, "R3"));
    events.extend(run(910..960, 15.0));
    let found = "down 10 min, 1 batch judged late, 0 messages known lost, 0 possible gaps";
    check(events, &["event 1 info", found]);
}

#[test]
fn a_session_lost_meanwhile_is_a_possible_gap_and_one_lost_later_is_not_of_the_start() {
    let events = [started(0), session(false, 1), alive(2), started(3), session(false, 4)];
    let found = "down 1 s, 0 batches judged late, 0 messages known lost, 1 possible gap";
    let later = [caught_up(5), session(false, 6), alive(7), started(8), caught_up(9)];
    let quiet = "down 1 s, 0 batches judged late, 0 messages known lost, 0 possible gaps";
    check(events.into_iter().chain(later), &["event 1 warning", found, quiet]);
}

#[test]
fn starts_that_never_caught_up_count_as_one() {
    let events = [started(0), started(600), session(true, 601), started(1201), caught_up(1202)];
    let found = "down 20 min, 0 batches judged late, 0 messages known lost, 0 possible gaps";
    check(events, &["event 1 info", found]);
}

#[test]
fn a_clock_that_was_set_back_tells_no_length() {
    check(
        [started(1000), started(400), caught_up(401)],
        &["down 0 s, 0 batches judged late, 0 messages known lost, 0 possible gaps"],
    );
}

#[test]
fn a_leap_of_the_clock_is_no_absence() {
    let leap = command(Command::ClockLeap { by_nanos: 7_200_000_000_000 });
    check(
        [started(0), alive(10), leap, started(7220), caught_up(7221)],
        &["down 10 s, 0 batches judged late, 0 messages known lost, 0 possible gaps"],
    );
}

const DROPPED: &str = "$SYS/broker/publish/messages/dropped";

fn dropped_rule() -> crate::decode::Rule {
    let template = crate::decode::Template::parse(DROPPED).unwrap();
    crate::decode::Rule::new("plant", template, crate::decode::Format::DroppedCount)
}

/// What the broker says it has dropped.
fn count(s: i64, count: &str) -> Event {
    Event::Arrival(Arrival {
        broker: "plant".into(),
        received: at(s),
        topic: DROPPED.into(),
        payload: count.to_owned().into_bytes().into(),
        retained: true,
        properties: None,
    })
}

#[test]
fn a_leap_of_the_clock_makes_no_broker_calm() {
    let mut engine = Engine::new(plant(), vec![dropped_rule()]);
    apply(&mut engine, [count(1, "40"), count(2, "41")]);
    let leap = command(Command::ClockLeap { by_nanos: 7_200_000_000_000 });
    assert_eq!(said(&apply(&mut engine, [leap, alive(7801)])), [""; 0]);
    assert_eq!(said(&apply(&mut engine, [alive(7802)])), ["7802 system.recovered"]);
}

#[test]
fn a_count_that_comes_again_is_no_broker_started_anew() {
    let dropped = |effects: Vec<Effect>| -> Vec<u64> {
        let dropped = |effect: &Effect| match effect {
            Effect::Dropped { dropped, .. } => Some(*dropped),
            _ => None,
        };
        effects.iter().filter_map(dropped).collect()
    };
    let mut engine = Engine::new(plant(), vec![dropped_rule()]);
    let counts = [count(1, "0"), count(2, "40000"), count(3, "40050")];
    assert_eq!(dropped(apply(&mut engine, counts)), [40_000, 50]);
    let again = [count(5, "40000"), count(5, "40050"), count(6, "40051")];
    assert_eq!(dropped(apply(&mut engine, again)), [1]);
    // Started anew, its count begins where it began before.
    let anew = [count(7, "0"), count(8, "40060")];
    assert_eq!(dropped(apply(&mut engine, anew)), [40_060]);
}

#[test]
fn what_a_broker_says_it_dropped_is_told_until_it_is_calm() {
    let mut engine = Engine::new(plant(), vec![dropped_rule()]);
    let mut said = Vec::new();
    for event in [
        started(0),
        // What it had dropped before is nobody's news.
        count(1, "40"),
        count(2, "40"),
        started(600),
        count(601, "352"),
        caught_up(602),
        count(603, "353"),
        count(604, "many"),
        alive(1202),
        alive(1203),
        // Started again.
        count(1300, "0"),
        count(1310, "5"),
    ] {
        for effect in apply(&mut engine, [event]) {
            said.extend(match effect {
                Effect::Notification(n) => Some(format!("{} {}", n.at.as_millis() / 1000, n.title)),
                Effect::Dropped { broker, dropped } => Some(format!("{broker} -{dropped}")),
                Effect::Fault(record) => Some(record.fault.detail),
                _ => None,
            });
        }
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    601 mqtt/plant/queue does not work: the broker dropped 312 messages of its clients since 1970-01-01 00:00 +00:00
    plant -312
    602 onspec works again: down 9 min; batches judged late: 0; messages known lost: 312; possible gaps: 0
    plant -1
    a whole number of dropped messages is wanted, not `many`
    1203 mqtt/plant/queue works again
    1310 mqtt/plant/queue does not work: the broker dropped 5 messages of its clients since 1970-01-01 00:21 +00:00
    plant -5
    ");
}

#[test]
fn what_shows_after_the_start_has_caught_up_is_added_to_it_once() {
    let mut engine = Engine::new(plant(), vec![dropped_rule()]);
    let end = BatchEvent::End { batch: "R1".into(), length_m: None, mass_kg: None };
    let lab = BatchEvent::Lab {
        batch: "R1".into(),
        property: "tensile".into(),
        value: 90.0,
        unit: None,
        position: None,
    };
    let mut events = vec![started(0), count(1, "40"), start(0, "R1")];
    events.extend(run(0..300, 15.0));
    events.extend([alive(300), started(900)]);
    events.extend(run(300..880, 15.0));
    events.extend([batch(880, end), caught_up(901)]);
    // The broker says its count each ten seconds, and the line is quiet for so long that R1 is judged.
    events.extend([count(905, "45"), count(915, "50")]);
    events.extend((1000..2000).step_by(100).map(|s| Event::Tick(at(s))));
    events.push(batch(2001, lab));
    let found = |effect: &Effect| match effect {
        Effect::Recovered(recovery) => Some(recovery.summary()),
        _ => None,
    };
    let said: Vec<String> = apply(&mut engine, events).iter().filter_map(found).collect();
    assert_eq!(
        said,
        [
            "down 10 min, 0 batches judged late, 0 messages known lost, 0 possible gaps",
            "down 10 min, 0 batches judged late, 5 messages known lost, 0 possible gaps",
            "down 10 min, 1 batch judged late, 5 messages known lost, 0 possible gaps",
        ]
    );
}
