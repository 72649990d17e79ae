//! Readings that come late: the batch becomes what it would be had they come in time.

use super::*;

/// A reading of a second that arrives later.
fn late(tag: &str, s: i64, value: f64, arrives: i64) -> (i64, Event) {
    let Event::Message(_, message) = reading(tag, s, value) else { unreachable!() };
    (arrives, Event::Message(at(arrives), message))
}

/// The plant, with no tag held against its habits: how much one moves from reading to reading is not known of
/// what comes late.
fn sober() -> Plant {
    let mut plant = plant();
    for tag in &mut plant.lines[0].tags {
        let habits = ["spike", "noise", "attenuated", "intermittent", "unit", "rail"];
        tag.unchecked = habits.map(Into::into).into();
    }
    plant
}

/// In order of arrival.
fn arrived(mut events: Vec<(i64, Event)>) -> Vec<Event> {
    events.sort_by_key(|(arrives, _)| *arrives);
    events.into_iter().map(|(_, event)| event).collect()
}

fn records<'e>(effects: &'e [Effect], id: &str) -> Vec<&'e BatchRecord> {
    let record = |effect: &'e Effect| match effect {
        Effect::Batch(record) => Some(&**record),
        _ => None,
    };
    effects.iter().filter_map(record).filter(|record| *record.batch == *id).collect()
}

/// Reels of five minutes; the speed always comes in time, `bw` when `arrives` says.
fn reels(seconds: i64, bw: impl Fn(i64) -> f64, arrives: impl Fn(i64) -> i64) -> Vec<Event> {
    let mut events = Vec::new();
    for s in 0..seconds {
        if s % 300 == 0 {
            events.push((s, start(s, &format!("R{}", s / 300))));
        }
        #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
        let wobble = (s % 7) as f64 * 0.01;
        events.push(late("speed", s, 600.0, s));
        events.push(late("steam", s, 7.0 + wobble, s));
        events.push(late("bw", s, bw(s) + wobble, arrives(s)));
    }
    arrived(events)
}

/// Outside its limits in the middle of the second reel.
fn off_in_r1(s: i64) -> f64 {
    if (400..480).contains(&s) { 17.0 } else { 15.0 }
}

#[test]
fn what_comes_after_the_end_revises_the_batch_once_and_says_so_if_the_call_is_another() {
    let in_time = apply(&mut Engine::new(plant(), Vec::new()), reels(1500, off_in_r1, |s| s));
    let expected = records(&in_time, "R1").last().copied().unwrap().clone();
    assert!(expected.off_spec_share.unwrap() > 0.2 && expected.verdict == Some(CALL_OFF));
    // A gateway keeps two minutes and sends them when the reel is long over.
    let held = |s: i64| if (390..510).contains(&s) { 900 + s / 60 } else { s };
    let mut engine = Engine::new(plant(), Vec::new());
    let effects = apply(&mut engine, reels(1500, off_in_r1, held));
    let of_r1 = records(&effects, "R1");
    let [.., ended, revised] = of_r1[..] else { panic!("{of_r1:?}") };
    assert_eq!((ended.off_spec_share, ended.verdict), (Some(0.0), Some(CALL_UNKNOWN)));
    assert_eq!(revised.revision, ended.revision + 1, "120 late readings are one revision");
    assert_eq!(
        (revised.off_spec_share, revised.verdict),
        (expected.off_spec_share, expected.verdict)
    );
    let told: Vec<String> =
        said(&effects).into_iter().filter(|text| text.contains("batch.revised")).collect();
    assert_eq!(told.len(), 1, "{:?}", said(&effects));
    let late = |effect: &Effect| matches!(effect, Effect::Reading(r) if r.flags == Flags::LATE);
    assert_eq!(effects.iter().filter(|effect| late(effect)).count(), 120);
    // No score and no frame is said a second time.
    let frames =
        |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Frame(_))).count();
    assert_eq!(frames(&effects), frames(&in_time));
    assert_eq!(engine.view().lines[0].last_batches[2].verdict, Some(CALL_OFF));
}

const CALL_OFF: crate::verdict::Call = crate::verdict::Call::OffSpec;
const CALL_UNKNOWN: crate::verdict::Call = crate::verdict::Call::Unknown;

#[test]
fn what_comes_late_in_a_batch_in_progress_flags_it_before_its_end() {
    // `bw` is two minutes behind all the time: each reading is late for its frame.
    let effects = apply(&mut Engine::new(plant(), Vec::new()), reels(1500, off_in_r1, |s| s + 120));
    let flagged = effects.iter().find_map(|effect| match effect {
        Effect::Verdict(document) if document.verdict == CALL_OFF => Some(document),
        _ => None,
    });
    let flagged = flagged.expect("it is flagged");
    assert_eq!(flagged.batch.as_deref(), Some("R1"));
    assert!((520..600).contains(&(flagged.ts / 1000)), "{}", flagged.ts);
    let revisions = records(&effects, "R1").last().unwrap().revision;
    assert!(revisions <= 8, "{revisions}");
}

#[test]
fn what_is_more_than_an_hour_behind_is_stored_and_changes_no_batch() {
    let bw = |effects: &[Effect], flag: Flags| {
        let is = |effect: &&Effect| matches!(effect, Effect::Reading(r) if r.flags == flag);
        effects.iter().filter(is).count()
    };
    let share = |effects: &[Effect], id: &str| records(effects, id).last().unwrap().off_spec_share;
    // What comes out of order is guarded against the far past as well.
    for (arrives, changes, flag) in [(3900, true, Flags::LATE), (4500, false, Flags::PAST)] {
        let held = move |s: i64| if (390..510).contains(&s) { arrives } else { s };
        let effects = apply(&mut Engine::new(plant(), Vec::new()), reels(4600, off_in_r1, held));
        assert_eq!(share(&effects, "R1").unwrap() > 0.0, changes, "{arrives}");
        assert_eq!(bw(&effects, flag), 120, "{arrives}");
    }
    // A tag that goes on from where it stopped is late, however long ago that is.
    let off = |s: i64| if s % 300 < 100 { 17.0 } else { 15.0 };
    let silent = |s: i64| if s < 390 { s } else { s.max(4600 + s / 100) };
    let effects = apply(&mut Engine::new(plant(), Vec::new()), reels(4800, off, silent));
    assert!(bw(&effects, Flags::LATE) > 4000 && bw(&effects, Flags::PAST) == 0);
    assert!(share(&effects, "R2").is_none_or(|share| share == 0.0), "{:?}", share(&effects, "R2"));
    assert!(share(&effects, "R5").unwrap() > 0.2, "{:?}", share(&effects, "R5"));
}

#[test]
fn what_is_kept_for_late_readings_has_a_bound() {
    let mut engine = Engine::new(plant(), Vec::new());
    apply(&mut engine, reels(3600, off_in_r1, |s| s));
    let an_hour = engine.checkpoint().len();
    let more = reels(3600 * 3, off_in_r1, |s| s).split_off(3600 * 3 + 12);
    apply(&mut engine, more);
    // Batches and their figures are remembered; readings and frames are those of an hour.
    assert!(
        engine.checkpoint().len() < an_hour + an_hour / 4,
        "{an_hour} {}",
        engine.checkpoint().len()
    );
}

/// What a batch is in the end: without when it was said, and how often.
fn outcome(effects: &[Effect], id: &str) -> Option<BatchRecord> {
    let last = (*records(effects, id).last()?).clone();
    Some(BatchRecord {
        revision: 0,
        first_flag: None,
        flagged_since: None,
        first_flag_lead_s: None,
        ..last
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_of_arrival_within_the_lateness_changes_no_verdict(
        delays in prop::collection::vec(0_i64..2000, 97),
        off in 100_i64..800,
    ) {
        let bw = |s: i64| if (off..off + 90).contains(&s) { 17.0 } else { 15.0 };
        let verdicts = |delays: &[i64]| {
            let mut events = Vec::new();
            for s in 0..900_i64 {
                if s % 300 == 0 {
                    events.push((s * 1000, start(s, &format!("R{}", s / 300))));
                }
                for (n, tag) in ["bw", "steam", "speed"].into_iter().enumerate() {
                    let ix = (usize::try_from(s).unwrap() * 3 + n) % delays.len();
                    #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
                    let wobble = (s % 7) as f64 * 0.01;
                    let value = [bw(s) + wobble, 7.0 + wobble, 600.0][n];
                    let arrives = s * 1000 + delays[ix];
                    let Event::Message(_, message) = reading(tag, s, value) else { unreachable!() };
                    let received = Timestamp::from_millis(arrives).unwrap();
                    events.push((arrives, Event::Message(received, message)));
                }
            }
            let mut engine = Engine::new(plant(), Vec::new());
            let effects = apply(&mut engine, arrived(events).into_iter().chain([Event::Command(Command::Finish)]));
            let said = effects.iter().filter_map(|effect| match effect {
                Effect::Verdict(document) => Some((**document).clone()),
                _ => None,
            });
            said.collect::<Vec<_>>()
        };
        let in_order = verdicts(&[0]);
        prop_assert!(in_order.iter().any(|document| document.verdict == CALL_OFF));
        prop_assert_eq!(verdicts(&delays), in_order);
    }

    #[test]
    fn late_readings_give_the_batch_that_they_would_have_given_in_time(
        delays in prop::collection::vec(prop_oneof![3 => Just(0_i64), 1 => 0_i64..900], 89),
        off in 0_i64..1100,
        lasts in 20_i64..200,
    ) {
        let bw = |s: i64| if (off..off + lasts).contains(&s) { 17.0 } else { 15.0 };
        let delay = |s: i64| s + delays[usize::try_from(s).unwrap() % delays.len()];
        let whole = |arrives: &dyn Fn(i64) -> i64| {
            let mut events = reels(1200, bw, arrives);
            events.extend(run(2200..2205, 15.0));
            let mut engine = Engine::new(sober(), Vec::new());
            let effects = apply(&mut engine, events.into_iter().chain([Event::Command(Command::Finish)]));
            prop_assert_eq!(engine.state.lines[0].miscounted(&plant().lines[0], &plant()), Vec::<String>::new());
            Ok(["R0", "R1", "R2"].map(|id| outcome(&effects, id)))
        };
        let in_time = whole(&|s| s)?;
        prop_assert!(in_time.iter().all(Option::is_some));
        prop_assert_eq!(whole(&delay)?, in_time);
    }

    #[test]
    fn counting_again_what_is_counted_changes_nothing(events in story()) {
        let mut engine = Engine::new(plant(), Vec::new());
        apply(&mut engine, events.into_iter().chain([Event::Command(Command::Finish)]));
        prop_assert_eq!(engine.state.lines[0].miscounted(&plant().lines[0], &plant()), Vec::<String>::new());
    }
}
