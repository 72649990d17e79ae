//! The phases that batches go through.

use super::*;
use std::fmt::Write as _;

/// The phases of each batch, as `R1: fill@0 heat@10`.
#[track_caller]
fn check_phases(script: &str, expected: &[&str]) {
    let (book, _) = play(script);
    let current = book.stations.values().filter_map(|station| station.current.as_ref());
    let told = book.finished.iter().chain(current).map(|batch| {
        let phases = batch.phases().into_iter();
        let phases = phases.map(|(at, phase)| format!(" {phase}@{}", at.as_millis() / 1000));
        format!("{}:{}", batch.id, phases.collect::<String>())
    });
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn phases_belong_to_the_batch_that_was_made_then() {
    // Told of a batch: early, late, repeated, of one not yet known.
    check_phases("phase:R1@9=fill start:R1@5 |5", &["R1: fill@9"]);
    check_phases(
        "start:R1@0 |0 phase:R1@20=heat phase:R1@5=fill phase:R1@20=heat",
        &["R1: fill@5 heat@20"],
    );
    check_phases("start:R1@0 start:R2@30 |30 phase:R1@20=heat", &["R1: heat@20", "R2:"]);
    // Told without one: of the batch in progress, once the line is there.
    check_phases("start:R1@0 |0 step:@20=heat start:R2@20 |30", &["R1:", "R2: heat@20"]);
    check_phases("start:R1@0 |0 start:R2@20 step:@20=heat |30", &["R1:", "R2: heat@20"]);
    check_phases("start:R1@0 |0 start:R2@20 |30 step:@9=heat", &["R1: heat@9", "R2:"]);
    // Shortly before a batch is shortly before it whichever comes first.
    for script in ["step:@10=heat start:R2@20 |30", "start:R2@20 |30 step:@10=heat"] {
        check_phases(&format!("start:R1@0 |0 {script}"), &["R1: heat@10", "R2: heat@20"]);
    }
    // What is told shortly before a batch, or between two, is its first phase.
    check_phases("start:R1@0 |0 step:@18=fill start:R2@20 |30", &["R1: fill@18", "R2: fill@20"]);
    check_phases("start:R1@0 |0 step:@18=dump start:R2@99 |99", &["R1: dump@18", "R2:"]);
    check_phases("start:R1@0 |0 end:R1@10 step:@18=fill start:R2@99 |99", &["R1:", "R2: fill@99"]);
    check_phases("start:R1@0 |0 step:@5=dump end:R1@10 start:R2@99 |99", &["R1: dump@5", "R2:"]);
    check_phases("start:R1@0 |0 step:@5=dump end:R1@10 start:R2@10 |99", &["R1: dump@5", "R2:"]);
    let (book, _) = play("start:R1@0 |0 phase:R1@20=heat phase:R1@5=fill");
    let batch = book.find("R1").unwrap();
    let phase = |s| batch.phase_at(at(s)).map(|phase| &**phase);
    assert_eq!(
        [4, 5, 19, 20, 99].map(phase),
        [None, Some("fill"), Some("fill"), Some("heat"), Some("heat")]
    );
    check("start:R1@0 |0 phase:R1@5=a phase:R1@5=a", "+R1 ~R1 ; R1[0,..]r1");
}

#[test]
fn a_batch_has_phases_without_end_of_no_more_than_a_fixed_number() {
    let mut script = "start:R1@0 |0".to_owned();
    for s in 1..=70 {
        write!(script, " phase:R1@{s}=p{s}").unwrap();
    }
    let (book, changes) = play(&script);
    let batch = book.find("R1").unwrap();
    assert_eq!(batch.phases().len(), 65);
    let phase = |s| batch.phase_at(at(s)).map(|phase| &**phase);
    assert_eq!((phase(64), phase(65), phase(99)), (Some("p64"), None, None), "nobody knows");
    let refused: Vec<_> =
        changes.iter().filter(|change| matches!(change, Change::Refused(_))).collect();
    let [Change::Refused(why)] = refused[..] else { panic!("said once: {refused:?}") };
    assert!(why.contains("batch `R1` has 64 phases") && why.contains("from `p65` on"), "{why}");
}

#[test]
fn a_phase_is_its_batchs_whenever_begins_and_ends_come() {
    // The begin comes after the phases, and so does the end of the batch before.
    check_phases("|0 step:@10=heat step:@20=hold |30 start:R1@5", &["R1: heat@10 hold@20"]);
    check_phases("|0 step:@3=fill step:@20=heat |30 start:R1@5", &["R1: fill@5 heat@20"]);
    check_phases(
        "start:R1@0 |0 step:@5=dump step:@18=fill start:R2@50 |60 end:R1@10",
        &["R1: dump@5", "R2: fill@50"],
    );
    // A batch that comes late takes its phases from the one that it has ended.
    check_phases(
        "start:R1@0 |0 step:@5=heat step:@25=cool |30 start:R2@20",
        &["R1: heat@5", "R2: cool@25"],
    );
    check_phases(
        "start:R1@0 |0 step:@5=heat step:@25=cool start:R3@40 |50 start:R2@20",
        &["R1: heat@5", "R2: cool@25", "R3:"],
    );
    check_phases("step:@5=heat |9 end:R1@8 start:R1@2", &["R1: heat@5"]);
}

#[test]
fn phases_lie_between_begin_and_end() {
    check_phases("start:R1@5 |5 phase:R1@3=fill phase:R1@9=heat", &["R1: fill@5 heat@9"]);
    check_phases("start:R1@5 |5 phase:R1@3=fill phase:R1@5=heat", &["R1: heat@5"]);
    check_phases(
        "start:R1@0 |0 phase:R1@5=heat phase:R1@20=drain phase:R1@25=off end:R1@20 |30",
        &["R1: heat@5"],
    );
    check("start:R1@0 end:R1@9 |9 phase:R1@9=a", "+R1 -R1 ; R1[0,9]r1");
    // The begin is in the phase that was told last before it, of whichever it was told.
    check_phases("|0 step:@2=fill phase:R1@4=heat start:R1@5 |9", &["R1: heat@5"]);
    check_phases("|0 step:@4=fill phase:R1@2=heat start:R1@5 |9", &["R1: fill@5"]);
    // A batch that lasted no time was in none.
    check_phases("start:R1@5 end:R1@5 |5 phase:R1@3=fill", &["R1:"]);
    // Nobody knows when it began, only what was told of it.
    check_phases("end:R1@20 |30 phase:R1@9=heat phase:R1@25=off", &["R1: heat@9"]);
}

#[test]
fn a_phase_that_is_told_again_is_the_same_one() {
    check_phases(
        "start:R1@0 |0 phase:R1@5=heat phase:R1@9=heat phase:R1@7=hold",
        &["R1: heat@5 hold@7 heat@9"],
    );
    check_phases("start:R1@0 |0 step:@5=heat step:@9=heat |20", &["R1: heat@5"]);
    check("start:R1@0 |0 phase:R1@5=a phase:R1@7=a", "+R1 ~R1 ; R1[0,..]r1");
    check("start:R1@0 |0 step:@0=a |1 step:@0=a step:@0=a", "+R1 ~R1 ; R1[0,..]r1");
}

#[test]
fn of_too_many_phases_the_first_are_kept_in_whatever_order_they_come() {
    for kind in ["phase:R1", "step:"] {
        let tell = |s: &usize| format!(" {kind}@{s}=p{s}");
        let shuffled: Vec<usize> = (0..100).map(|n| n * 37 % 100 + 1).collect();
        let script = format!("start:R1@0 |200 {}", shuffled.iter().map(tell).collect::<String>());
        let (book, changes) = play(&script);
        let phases = book.find("R1").unwrap().phases();
        let expected: Vec<_> = (1..=64).map(|s| (at(s), format!("p{s}").into())).collect();
        assert_eq!(phases[..64], expected);
        assert_eq!(phases[64..], [(at(65), "".into())], "nobody knows");
        let refused = changes.iter().filter(|change| matches!(change, Change::Refused(_)));
        assert_eq!(refused.count(), 1);
        // That nobody knows is told as well.
        let noted = changes.iter().filter(|change| matches!(change, Change::Noted(_)));
        assert_eq!(noted.count(), book.find("R1").unwrap().revision as usize);
    }
    // The phase at the begin was known until one too many was told before it.
    for (n, phases) in [(64, vec![(at(99), "p64".into())]), (65, vec![(at(99), "".into())])] {
        let tell = |s: usize| format!(" phase:R1@{s}=p{s}");
        let script = format!("start:R1@99 |99 {}", (1..=n).map(tell).collect::<String>());
        let (book, changes) = play(&script);
        assert_eq!(book.find("R1").unwrap().phases(), phases);
        let noted = changes.iter().filter(|change| matches!(change, Change::Noted(_)));
        assert_eq!(noted.count(), n);
    }
}

#[test]
fn a_station_that_was_told_of_many_phases_forgets_none_of_a_batch() {
    let mut script =
        "start:R1@0 |0 step:@2=fill step:@6=heat end:R1@8 step:@15=fill start:R2@20 |20".to_owned();
    for s in 21..600 {
        write!(script, " step:@{s}=p{} |{s}", s % 2).unwrap();
        if s % 50 == 0 {
            write!(script, " start:R{s}@{s}").unwrap();
        }
    }
    let (mut book, _) = play(&script);
    let of = |book: &Book, id: &str| book.find(id).unwrap().phases();
    assert_eq!(of(&book, "R1"), [(at(2), "fill".into()), (at(6), "heat".into())]);
    assert_eq!(of(&book, "R2")[..2], [(at(20), "fill".into()), (at(21), "p1".into())]);
    for id in [50, 100, 300, 500] {
        assert_eq!(of(&book, &format!("R{id}"))[0], (at(id), "p0".into()));
    }
    // Nor does one whose phases another tag tells from now on.
    let before = of(&book, "R550");
    book.forget_phases();
    let event = event("step", "", "other");
    let message = BatchMessage { line: "tm3".into(), station: None, at: at(700), event };
    book.take(message, None, &grades(), &mut Vec::new());
    let after = of(&book, "R550");
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()..], [(at(700), "other".into())]);
}

#[test]
fn of_one_instant_the_phase_that_is_told_later_counts_if_the_line_was_there_in_between() {
    let mut book = Book::new(None);
    let take = |book: &mut Book, kind: &str, (s, frontier): (i64, i64), value: &str| {
        let event = event(kind, if kind == "start" { "R1" } else { "" }, value);
        let message = BatchMessage { line: "tm3".into(), station: None, at: at(s), event };
        book.take(message, Some(at(frontier)), &grades(), &mut Vec::new());
    };
    take(&mut book, "start", (0, 0), "");
    take(&mut book, "step", (13, 10), "heat");
    take(&mut book, "step", (13, 20), "hold");
    while book.advance(at(20), &grades(), &mut Vec::new()) {}
    assert_eq!(book.find("R1").unwrap().phases(), [(at(13), "hold".into())]);
}
