//! The book by scripts: events in, changes and batches out.

mod phases;

use super::*;
use crate::decode::Disposition;
use crate::plant::SpecLimit;

/// The grades `facial`, with a limit on `tensile` in N/m, and `towel`.
fn grades() -> Grades {
    let limit = SpecLimit { low: Some(100.0), unit: "N/m".into(), ..SpecLimit::default() };
    let facial = Grade { lab: [(Arc::from("tensile"), limit)].into(), ..Grade::default() };
    [(Arc::from("facial"), facial), (Arc::from("towel"), Grade::default())].into()
}

fn at(s: i64) -> Timestamp {
    Timestamp::from_nanos(s * 1_000_000_000)
}

fn event(kind: &str, batch: &str, value: &str) -> BatchEvent {
    let (batch, text): (Arc<str>, Arc<str>) = (batch.into(), value.into());
    match kind {
        "start" => BatchEvent::Start { batch, grade: Some(text).filter(|t| !t.is_empty()) },
        "end" => BatchEvent::End { batch, length_m: value.parse().ok(), mass_kg: None },
        "lab" => {
            let (value, unit) = value.split_once('_').unwrap_or((value, "N/m"));
            BatchEvent::Lab {
                batch,
                property: "tensile".into(),
                value: value.parse().unwrap(),
                unit: Some(unit.into()),
                position: None,
            }
        }
        "stretch" | "brightness" => BatchEvent::Lab {
            batch,
            property: if kind == "stretch" { "tensil" } else { "brightness" }.into(),
            value: value.parse().unwrap(),
            unit: None,
            position: None,
        },
        "release" => BatchEvent::Disposition {
            batch,
            disposition: Disposition::Release,
            by: None,
            note: None,
        },
        "void" => BatchEvent::Void { batch },
        "merge" => BatchEvent::Merge { batch, into: text },
        "grade" => BatchEvent::GradeChange { grade: batch },
        "phase" => BatchEvent::Phase { batch: Some(batch), phase: text },
        "step" => BatchEvent::Phase { batch: None, phase: text },
        "pause" => BatchEvent::Pause { reason: None },
        "resume" => BatchEvent::Resume,
        other => panic!("unknown word {other}"),
    }
}

/// Plays words `kind:batch@seconds[=value]`; `|seconds` moves the frontier, `#seconds` is a frame
/// of one second.
fn play(script: &str) -> (Book, Vec<Change>) {
    let mut book = Book::new(Some("facial".into()));
    let grades = grades();
    let mut frontier = Some(at(0));
    let mut changes = Vec::new();
    for word in script.split_whitespace() {
        if let Some(s) = word.strip_prefix(['|', '#']) {
            let start = at(s.parse().unwrap());
            frontier = Some(start);
            while book.advance(start, &grades, &mut changes) {}
            if word.starts_with('#') {
                let end = start.plus(std::time::Duration::from_secs(1));
                book.count(&Made { start, end, metres: None, kg: None }, &[]);
                frontier = Some(end);
            }
            continue;
        }
        let (kind, rest) = word.split_once(':').unwrap();
        let (batch, rest) = rest.split_once('@').unwrap();
        let (s, value) = rest.split_once('=').unwrap_or((rest, ""));
        let message = BatchMessage {
            line: "tm3".into(),
            station: batch.starts_with('U').then(|| "unwind".into()),
            at: at(s.parse().unwrap()),
            event: event(kind, batch, value),
        };
        book.take(message, frontier, &grades, &mut changes);
    }
    (book, changes)
}

/// The changes, and at the end every batch: begin, end and revision.
#[track_caller]
fn check(script: &str, expected: &str) {
    let (book, changes) = play(script);
    let mut said: Vec<String> = changes
        .iter()
        .map(|change| match change {
            Change::Started(id) => format!("+{id}"),
            Change::Ended(id) => format!("-{id}"),
            Change::Added(id) => format!("±{id}"),
            Change::Revised(id) | Change::Noted(id) => format!("~{id}"),
            Change::Regraded(id, _) => format!("≈{id}"),
            Change::Refused(_) => "!".into(),
        })
        .collect();
    said.push(";".into());
    let current = book.stations.values().filter_map(|station| station.current.as_ref());
    said.extend(book.finished.iter().chain(current).map(|batch| {
        let end = batch.ended.map_or("..".into(), |ended| (ended.as_millis() / 1000).to_string());
        let begin = if batch.begin_known { "" } else { "?" };
        let void = if batch.void { "×" } else { "" };
        format!(
            "{}{begin}{void}[{},{end}]r{}",
            batch.id,
            batch.started.as_millis() / 1000,
            batch.revision
        )
    }));
    assert_eq!(said.join(" "), expected, "{changes:?}");
}

/// The words of what was refused.
#[track_caller]
fn check_refused(script: &str, expected: &[&str]) {
    let (_, changes) = play(script);
    let refused: Vec<&str> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Refused(why) => Some(why.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(refused, expected);
}

/// The seconds made of a batch, seen or not.
#[track_caller]
fn check_made(script: &str, id: &str, expected: f64) {
    let (book, _) = play(script);
    let made = book.find(id).unwrap().product.made_s;
    assert!((made - expected).abs() < 1e-9, "{made}");
}

#[test]
fn start_ends_the_batch_before_it() {
    check("start:A@10 |10 start:B@20 |20", "+A -A +B ; A[10,20]r1 B[20,..]r0");
}

#[test]
fn event_waits_until_the_line_has_reached_it() {
    check("start:A@10 |9", ";");
    check("start:B@20 start:A@10 |30", "+A -A +B ; A[10,20]r1 B[20,..]r0");
}

#[test]
fn late_event_takes_effect_at_once() {
    check("|100 start:A@10 end:A@50=7", "+A -A ; A[10,50]r1");
}

#[test]
fn end_without_a_start_makes_a_batch_of_unknown_beginning() {
    check("|100 end:X@50=700", "±X ; X?[50,50]r1");
    check("|10 start:A@10 end:X@10=700", "+A ±X ; X?[10,10]r1 A[10,..]r0");
    check("|100 end:X@50=700 end:X@60", "±X ~X ; X?[60,60]r2");
}

#[test]
fn repeated_events_change_nothing() {
    check(
        "|10 start:A@10 start:A@10 |20 end:A@20=7 end:A@20=7 start:A@10 lab:A@30=1 lab:A@30=1 release:A@40 release:A@40",
        "+A -A ~A ~A ; A[10,20]r3",
    );
}

#[test]
fn what_was_corrected_and_comes_again_corrects_nothing_back() {
    let (book, changes) =
        play("|10 start:A@10 lab:A@5=1 lab:A@5=2 lab:A@5=1 lab:A@5=0.001_kN/m lab:A@5=2");
    let batch = book.current().unwrap();
    assert!(
        (batch.lab_counting()["tensile"] - 1.0).abs() < 1e-12,
        "in another unit it is another word"
    );
    assert_eq!((batch.revision, changes.len()), (3, 4), "{changes:?}");
    check(
        "|10 start:A@10 |30 end:A@20=7 end:A@20=8 end:A@21=8 end:A@20=7 end:A@20=8",
        "+A -A ~A ~A ; A[10,21]r3",
    );
}

#[test]
fn end_that_comes_after_the_next_start_corrects_it() {
    check("|10 start:A@10 |20 start:B@20 end:A@19=700", "+A -A +B ~A ; A[10,19]r2 B[20,..]r0");
}

#[test]
fn laboratory_result_waits_for_its_batch_and_may_be_corrected() {
    check("lab:A@5=1 |10 start:A@10 lab:A@5=2 lab:A@6=2", "+A ~A ~A ~A ; A[10,..]r3");
}

#[test]
fn void_is_for_ever() {
    check("|10 start:A@10 void:A@11 void:A@12 end:A@10", "+A ~A -A ; A×[10,10]r2");
}

#[test]
fn start_that_comes_late_makes_a_finished_batch() {
    check("|20 start:B@20 start:A@10", "+B ±A ; A[10,20]r1 B[20,..]r0");
    // It also ends what was thought to go on until the next start.
    check(
        "|0 start:P@0 |20 start:B@20 start:A@10",
        "+P -P +B ~P ±A ; P[0,10]r2 A[10,20]r1 B[20,..]r0",
    );
    // An end that was told knows better.
    check("|0 start:P@0 |15 end:P@15 start:A@10", "+P -P +A ; P[0,15]r1 A[10,..]r0");
    check("|20 start:UB@20 start:A@10", "+UB +A ; A[10,..]r0 UB[20,..]r0");
}

#[test]
fn finished_batches_stand_in_the_order_of_their_ends() {
    check(
        "|0 start:A@0 |10 start:B@10 |20 start:C@20 |40 end:A@30",
        "+A -A +B -B +C ~A ; B[10,20]r1 A[0,30]r2 C[20,..]r0",
    );
}

#[test]
fn start_after_its_end_makes_the_beginning_known() {
    check("|100 end:X@50=700 start:X@20", "±X ~X ; X[20,50]r2");
    check("|10 start:A@10 |100 end:X@50 start:X@20", "+A ±X -A ~X ; A[10,20]r1 X[20,50]r2");
    check("|100 end:X@50 start:X@60", "±X ! ; X?[50,50]r1");
}

#[test]
fn end_before_its_start_is_refused() {
    check("|20 start:A@20 end:A@10", "+A ! ; A[20,..]r0");
    check_refused(
        "|20 start:A@20 end:A@10",
        &[
            "batch `A` cannot end at 1970-01-01T00:00:10Z, before it started at 1970-01-01T00:00:20Z",
        ],
    );
}

#[test]
fn pauses_that_come_again_or_late_change_nothing() {
    let paused = |script: &str| play(script).0.pause().is_some();
    assert!(paused("|10 start:A@10 |20 pause:@20"));
    assert!(!paused("|10 start:A@10 |20 pause:@20 |30 resume:@30"));
    assert!(!paused("|10 start:A@10 |20 pause:@20 |30 resume:@30 pause:@20 pause:@25"));
    assert!(paused("|10 start:A@10 |20 pause:@20 |30 resume:@30 |40 pause:@40 resume:@30"));
    assert!(!paused("|10 start:A@10 |20 pause:@20 resume:@20 pause:@20"));
    assert!(!paused("|10 start:A@10 |20 pause:@20 |30 start:B@30"));
    assert!(paused("|20 pause:@20 |30 start:A@10"));
    // The next batch has ended it; one that begins at its instant is paused.
    assert!(!paused("|10 start:A@10 |30 start:B@30 pause:@20"));
    assert!(paused("|10 start:A@10 |30 start:B@30 pause:@30"));
}

#[test]
fn older_change_of_grade_changes_nothing() {
    let (book, _) = play("|10 grade:facial@10 |20 grade:towel@20 grade:facial@10 start:A@20");
    assert_eq!(book.current().unwrap().grade.as_deref(), Some("towel"));
    let (book, _) = play("|20 start:B@20=towel start:A@10=facial |30 start:C@30");
    assert_eq!(book.find("A").unwrap().grade.as_deref(), Some("facial"));
    assert_eq!(book.current().unwrap().grade.as_deref(), Some("towel"));
}

#[test]
fn batches_that_name_no_grade_are_of_the_one_made_when_they_began_however_late_that_is_told() {
    let grade = |script: &str, id: &str| play(script).0.find(id).unwrap().grade.clone().unwrap();
    // The start comes late; the change of grade does; the start of another batch does, which names it.
    assert_eq!(&*grade("|30 grade:towel@20 start:A@10", "A"), "facial");
    let late = "|30 start:A@10 start:B@25 lab:B@26=1_kN/m grade:towel@20";
    assert_eq!(&*grade(late, "A"), "facial");
    assert_eq!(&*grade(late, "B"), "towel");
    check(late, "+A -A +B ~B ≈B ; A[10,25]r1 B[25,..]r2");
    let (book, _) = play(late);
    let value = book.find("B").unwrap().lab_counting()["tensile"];
    assert!((value - 1.0).abs() < 1e-12, "`towel` wants no unit: {value}");
    assert_eq!(&*grade("|30 start:B@20 start:A@10=towel", "B"), "towel");
    let (mut book, mut out) = (Book::new(None), Vec::new());
    for (kind, batch, s) in [("grade", "towel", 20), ("start", "A", 10)] {
        let (line, event) = ("tm3".into(), event(kind, batch, ""));
        let message = BatchMessage { line, station: None, at: at(s), event };
        book.take(message, Some(at(30)), &grades(), &mut out);
    }
    assert_eq!(book.find("A").unwrap().grade, None, "nobody said what the line made before");
    // One that was told does not change, nor does what came again.
    assert_eq!(&*grade("|30 start:B@20=facial start:A@10=towel", "B"), "facial");
    assert_eq!(
        &*grade("|30 grade:towel@20 grade:facial@20 grade:towel@20 start:A@21", "A"),
        "facial"
    );
    // A station's batches are of the line's grade, and do not change it.
    assert_eq!(&*grade("|30 start:UB@20=towel start:A@25", "A"), "facial");
    // Of one of which only the end was told it is what was made before.
    assert_eq!(&*grade("|30 start:B@20=towel end:A@20", "A"), "facial");
    assert_eq!(&*grade("|30 end:B@25 start:C@26 start:B@20=towel", "C"), "towel");
}

#[test]
fn grades_and_properties_that_are_not_declared_are_said_with_the_nearest_name() {
    check_refused(
        "|10 start:A@10=facail",
        &[
            "batch `A` has grade `facail`, which is not declared: it has no limits, so nothing of it \
           is called on spec; did you mean `facial`?",
        ],
    );
    check_refused(
        "|10 start:A@10 stretch:A@11=7 stretch:A@12=8",
        &["grade `facial` has no limits for property `tensil`: its results are kept and decide \
           nothing; did you mean `tensile`?"],
    );
    check_refused("|10 start:A@10 brightness:A@11=7", &[]);
}

#[test]
fn laboratory_results_come_into_the_unit_of_their_limits() {
    let (book, _) = play("lab:A@5=0.131_kN/m |10 start:A@10");
    assert!((book.find("A").unwrap().lab_counting()["tensile"] - 131.0).abs() < 1e-9);
    check("|10 start:A@10 lab:A@11=131_banana", "+A ! ; A[10,..]r0");
    check_refused(
        "|10 start:A@10 lab:A@11=131_banana",
        &["the result 131 `banana` of `tensile` for batch `A` cannot be compared with its limits \
           in `N/m`: give it in that unit"],
    );
}

#[test]
fn merge_waits_for_its_target_and_never_goes_in_circles() {
    check("|10 start:A@10 merge:A@11=B", "+A ; A[10,..]r0");
    check("|10 start:A@10 merge:A@11=B |20 start:B@20", "+A -A +B ~A ; A×[10,20]r2 B[20,..]r0");
    check(
        "|10 start:A@10 |20 start:B@20 merge:A@21=B merge:A@21=B merge:B@22=A",
        "+A -A +B ~A ! ; A×[10,20]r2 B[20,..]r0",
    );
    check(
        "|10 start:A@10 |20 start:B@20 void:B@21 merge:A@22=B",
        "+A -A +B ~B ! ; A[10,20]r1 B×[20,..]r1",
    );
    // Nor is a part of one batch, or one that is void, part of another one.
    check_refused(
        "|10 start:A@10 |20 start:B@20 |30 start:C@30 merge:A@31=B merge:A@31=C void:B@32 merge:B@33=C",
        &[
            "batch `A` cannot merge into batch `C`, it is part of batch `B`",
            "batch `B` cannot merge into batch `C`, it is void",
        ],
    );
}

#[test]
fn what_nobody_saw_was_made_all_the_same() {
    // No frame at all; a hole within; one at the end; a start that was heard of late.
    check_made("start:A@10 |50 end:A@50", "A", 40.0);
    check_made("start:A@10 #10 #11 #40 #41 end:A@42", "A", 32.0);
    check_made("start:A@10 #10 #11 end:A@42 |90", "A", 32.0);
    check_made("#10 #11 #12 start:A@10 #13 #14", "A", 5.0);
    check_made("start:A@10 #10 #11 start:B@12 #12 #40", "B", 29.0);
    // A frame belongs to the batch in which it begins.
    check_made("start:A@10 #10 #19 end:A@20 start:B@20 #20", "A", 10.0);
    // What is paused is no product, seen or not.
    check_made("start:A@10 #10 #11 pause:@12 #12 #40 resume:@41 #41", "A", 3.0);
}

#[test]
fn paused_product_does_not_count() {
    let made = |s| Made { start: at(s), end: at(s + 1), metres: Some(30.0), kg: None };
    let (mut book, _) = play("start:A@0 |0");
    assert!(book.count(&made(0), &[]).unwrap().product);
    let pause = BatchMessage {
        line: "tm3".into(),
        station: None,
        at: at(1),
        event: BatchEvent::Pause { reason: None },
    };
    book.take(pause, None, &grades(), &mut Vec::new());
    assert!(!book.count(&made(1), &[]).unwrap().product);
    assert_eq!(book.current().unwrap().product.made_m, Some(30.0));
}

#[test]
fn what_finds_no_room_among_those_that_wait_is_refused_and_those_stay() {
    let mut book = Book::new(None);
    let (grades, mut out) = (grades(), Vec::new());
    let line: Arc<str> = "tm3".into();
    let take = |book: &mut Book, event: BatchEvent, s: i64, out: &mut Vec<Change>| {
        let message = BatchMessage { line: Arc::clone(&line), station: None, at: at(s), event };
        book.take(message, Some(at(0)), &grades, out);
    };
    for n in 0..1000 {
        take(&mut book, event("lab", &format!("R{n}"), "120"), n, &mut out);
        take(&mut book, event("resume", "", ""), n + 1, &mut out);
    }
    assert_eq!(out, []);
    take(&mut book, event("lab", "R1000", "120"), 1000, &mut out);
    take(&mut book, event("start", "R2", ""), 2000, &mut out);
    let why: Vec<&str> = out
        .iter()
        .map(|change| if let Change::Refused(why) = change { why.as_str() } else { "?" })
        .collect();
    assert_eq!(
        why,
        [
            "1000 events wait for batches that are not known, which is as many as may; the one of batch `R1000` at \
             1970-01-01T00:16:40Z is not taken",
            "1000 events wait for their instant, which is as many as may; the one of batch `R2` at 1970-01-01T00:33:20Z \
             is not taken",
        ]
    );
    // The first one that waits is there still.
    out.clear();
    take(&mut book, event("start", "R0", ""), -5, &mut out);
    assert_eq!(book.find("R0").unwrap().lab_counting().len(), 1);
}

#[test]
fn a_beginning_is_of_the_station_that_its_end_was_of() {
    let (mut book, mut out) = (Book::new(None), Vec::new());
    let mut take = |station: Option<&str>, s: i64, event: BatchEvent| {
        let station = station.map(Into::into);
        let message = BatchMessage { line: "tm3".into(), station, at: at(s), event };
        book.take(message, Some(at(100)), &grades(), &mut out);
    };
    take(None, 10, event("start", "A", ""));
    take(None, 50, event("end", "B", ""));
    take(Some("unwind"), 30, event("start", "B", ""));
    assert_eq!(book.find("A").unwrap().ended, Some(at(30)), "what was made before it has ended");
}
