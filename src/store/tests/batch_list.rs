//! Batches in pieces, by what people look for.

use super::*;

/// A batch: line, id, begin, grade, verdict, disposition.
type Made<'a> = (&'a str, &'a str, i64, &'a str, Option<&'a str>, Option<&'a str>);

fn write(store: &mut Store, batches: &[Made<'_>]) {
    for (line, batch, started, grade, verdict, disposition) in batches {
        let record =
            serde_json::json!({"grade": grade, "verdict": verdict, "disposition": disposition});
        let (record, started) = (record.to_string(), Timestamp::from_nanos(*started));
        let row = BatchRow { line, batch, started, ended: None, record: &record, edges: &[] };
        store.commit(&Commit { batches: &[row], ..Commit::default() }).unwrap();
    }
}

fn filled() -> Store {
    let settings = Settings { path: None, max_size_bytes: 64 * MIB, when_full: WhenFull::Block };
    let mut store = open(&settings);
    write(
        &mut store,
        &[
            ("tm3", "A", 10, "facial", Some("on-spec"), Some("release")),
            ("tm4", "A", 10, "towel", Some("off-spec"), None),
            ("tm3", "B", 10, "facial", Some("off-spec"), Some("rework")),
            ("tm3", "C", 20, "towel", None, None),
            ("tm3", "D", 30, "facial", Some("off-spec"), None),
        ],
    );
    store
}

fn ids(batches: &[StoredBatch]) -> Vec<String> {
    batches.iter().map(|batch| format!("{}/{}", batch.line, batch.batch)).collect()
}

#[test]
fn batches_are_found_by_what_people_look_for() {
    let reader = filled().reader().unwrap();
    let found = |wanted: BatchFilter| ids(&reader.batch_list(&wanted, 99).unwrap());
    let all = BatchFilter::default;
    assert_eq!(found(all()), ["tm3/D", "tm3/C", "tm3/B", "tm3/A", "tm4/A"]);
    assert_eq!(found(BatchFilter { line: Some("tm4".to_owned()), ..all() }), ["tm4/A"]);
    assert_eq!(found(BatchFilter { grade: Some("towel".to_owned()), ..all() }), ["tm3/C", "tm4/A"]);
    let off = BatchFilter { verdict: Some("off-spec".to_owned()), ..all() };
    assert_eq!(found(off.clone()), ["tm3/D", "tm3/B", "tm4/A"]);
    assert_eq!(found(BatchFilter { verdict: Some("void".to_owned()), ..all() }), ["tm3/C"]);
    assert_eq!(found(BatchFilter { disposition: Some("rework".to_owned()), ..all() }), ["tm3/B"]);
    assert_eq!(
        found(BatchFilter { disposition: Some("none".to_owned()), ..off }),
        ["tm3/D", "tm4/A"]
    );
    let at = |nanos| Some(Timestamp::from_nanos(nanos));
    assert_eq!(found(BatchFilter { from: at(20), to: at(30), ..all() }), ["tm3/C"]);
}

#[test]
fn a_list_goes_on_where_it_ended_whatever_begins_meanwhile() {
    let mut store = filled();
    let reader = store.reader().unwrap();
    let (mut wanted, mut seen) = (BatchFilter::default(), Vec::new());
    for n in 0_i64.. {
        let piece = reader.batch_list(&wanted, 2).unwrap();
        let Some(last) = piece.last() else { break };
        wanted.after = Some(last.place());
        seen.extend(ids(&piece));
        let id = format!("N{n}");
        write(&mut store, &[("tm3", &id, 100 + n, "facial", None, None)]);
    }
    assert_eq!(seen, ["tm3/D", "tm3/C", "tm3/B", "tm3/A", "tm4/A"]);
}

#[test]
fn no_question_reads_the_whole_table_or_sorts_it() {
    let reader = filled().reader().unwrap();
    let place =
        BatchPlace { started: Timestamp::from_nanos(20), line: "tm3".into(), batch: "C".into() };
    for bits in 0_u8..64 {
        let of = |bit: u8, value: &str| (bits & (1 << bit) != 0).then(|| value.to_owned());
        let wanted = BatchFilter {
            line: of(0, "tm3"),
            grade: of(1, "facial"),
            verdict: of(2, "off-spec"),
            disposition: of(3, "none"),
            from: of(4, "").map(|_| Timestamp::from_nanos(5)),
            to: None,
            after: of(5, "").map(|_| place.clone()),
        };
        let plan = reader.batch_list_plan(&wanted).join("; ");
        assert!(plan.contains("SEARCH batches USING INDEX"), "{wanted:?}: {plan}");
        assert!(!plan.contains("SCAN"), "{wanted:?}: {plan}");
        // A few of one instant may be put in order, but not all.
        assert!(!plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{wanted:?}: {plan}");
    }
}

#[test]
fn a_record_that_is_no_json_is_kept_and_found_by_nothing() {
    let mut store = filled();
    let started = Timestamp::from_nanos(40);
    let row =
        BatchRow { line: "tm3", batch: "X", started, ended: None, record: "{torn", edges: &[] };
    store.commit(&Commit { batches: &[row], ..Commit::default() }).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(ids(&reader.batch_list(&BatchFilter::default(), 1).unwrap()), ["tm3/X"]);
    let void = BatchFilter { verdict: Some("void".to_owned()), ..BatchFilter::default() };
    assert_eq!(ids(&reader.batch_list(&void, 9).unwrap()), ["tm3/C"]);
}
