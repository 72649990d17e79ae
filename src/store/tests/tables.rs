//! Batches, frames, models.

use super::*;

#[test]
fn batches_are_found_by_line_and_id_newest_first() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let row = |line, batch, started, record| BatchRow {
        line,
        batch,
        started: Timestamp::from_nanos(started),
        ended: None,
        record,
        edges: &[],
    };
    let rows = [row("tm3", "R1", 5, "{}"), row("tm3", "R2", 9, "{}"), row("tm4", "R1", 7, "{}")];
    store.commit(&Commit { batches: &rows, ..Commit::default() }).unwrap();
    let ended = Some(Timestamp::from_nanos(8));
    let rows = [BatchRow { ended, ..row("tm3", "R1", 4, "{\"revision\":2}") }];
    store.commit(&Commit { batches: &rows, ..Commit::default() }).unwrap();
    let reader = store.reader().unwrap();
    let names = |line, limit| -> Vec<String> {
        let batches = reader.batches(line, limit).unwrap();
        batches.iter().map(|row| format!("{}/{}", row.line, row.batch)).collect()
    };
    assert_eq!(names(None, 9), ["tm3/R2", "tm4/R1", "tm3/R1"]);
    assert_eq!(names(Some("tm3"), 9), ["tm3/R2", "tm3/R1"]);
    assert_eq!(names(None, 1), ["tm3/R2"]);
    let batch = reader.batch("tm3", "R1").unwrap().unwrap();
    assert_eq!((batch.started.as_nanos(), batch.ended), (4, ended));
    assert_eq!(batch.record, "{\"revision\":2}");
    assert_eq!(reader.batch("tm4", "R2").unwrap(), None);
}

#[test]
fn genealogy_is_found_both_ways_and_follows_what_a_batch_says() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let edge = |source: &str, batch: &str| EdgeRow {
        source: source.into(),
        batch: batch.into(),
        consumed: "{}".into(),
    };
    let mut say = |line: &str, batch: &str, edges: &[EdgeRow]| {
        let started = Timestamp::from_nanos(1);
        let row = BatchRow { line, batch, started, ended: None, record: "{}", edges };
        store.commit(&Commit { batches: &[row], ..Commit::default() }).unwrap();
    };
    say("tm3", "R1", &[edge("L1", "R1")]);
    say("rw1", "A", &[edge("R1", "A"), edge("R2", "A")]);
    say("rw1", "B", &[edge("R1", "B")]);
    // It says more, and the other one that it was no such thing.
    say("tm3", "R1", &[edge("L1", "R1"), edge("L2", "R1"), edge("R1", "R3")]);
    say("rw1", "B", &[]);
    let reader = store.reader().unwrap();
    let found = |name: &str, products: bool, limit: usize| -> Vec<String> {
        let edges = reader.edges(name, products, limit).unwrap();
        edges.iter().map(|edge| format!("{}/{}", edge.line, edge.batch)).collect()
    };
    assert_eq!(found("R1", true, 9), ["rw1/A", "tm3/R3"]);
    assert_eq!(found("R1", true, 1), ["rw1/A"]);
    assert_eq!(found("R1", false, 9), ["tm3/R1", "tm3/R1"]);
    assert_eq!(found("A", false, 9), ["rw1/A", "rw1/A"]);
    assert_eq!(found("B", false, 9), [""; 0]);
}

#[test]
fn one_model_judges_for_a_line_and_grade() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let model = |id, grade, active| ModelRow {
        id,
        line: "tm3",
        grade,
        kind: "pca",
        version: 1,
        at: Timestamp::from_nanos(3),
        header: "{\"n\":1}",
        artifact: b"numbers",
        active,
    };
    let reader = store.reader().unwrap();
    let active =
        || -> Vec<u64> { reader.active_models().unwrap().iter().map(|model| model.id).collect() };
    let large_id = u64::MAX - 1;
    let models = [model(1, "a", true), model(2, "b", true), model(large_id, "a", false)];
    store.commit(&Commit { models: &models, ..Commit::default() }).unwrap();
    assert_eq!(active(), [1, 2]);
    let models = [model(3, "a", true)];
    store.commit(&Commit { models: &models, ..Commit::default() }).unwrap();
    assert_eq!(active(), [3, 2], "by line and grade");
    assert!(store.activate_model(large_id).unwrap());
    assert!(!store.activate_model(99).unwrap());
    assert_eq!(active(), [large_id, 2]);
    assert_eq!(reader.models(None, None).unwrap().len(), 4);
    assert_eq!(reader.models(Some("tm3"), Some("b")).unwrap()[0].header, "{\"n\":1}");
    assert_eq!(reader.models(Some("tm4"), None).unwrap(), []);
    assert_eq!(reader.model_artifact(large_id).unwrap().unwrap(), b"numbers");
    assert_eq!(reader.model_artifact(99).unwrap(), None);
}

#[test]
fn frames_are_found_by_batch_and_by_time() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let frames = [
        block(0, Some("R1"), 10, b"b"),
        block(0, Some("R1"), 0, b"a"),
        block(0, None, 20, b"c"),
        block(1, Some("R1"), 0, b"other line"),
        block(0, Some("R2"), 30, b"d"),
    ];
    store.commit(&Commit { frames: &frames, ..Commit::default() }).unwrap();
    let reader = store.reader().unwrap();
    let text = |rows: Vec<FrameRows>| -> Vec<u8> { rows.iter().map(|row| row.bytes[0]).collect() };
    assert_eq!(text(reader.frames(0, "R1").unwrap()), b"ab");
    assert_eq!(text(reader.frames(1, "R1").unwrap()), b"o");
    assert_eq!(text(reader.frames(0, "R9").unwrap()), b"");
    let between = |from, to| {
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        text(reader.frames_between(0, from, to).unwrap())
    };
    assert_eq!(between(9, 20), b"abc");
    assert_eq!(between(10, 19), b"b");
    assert_eq!(between(40, 99), b"");
    let row = &reader.frames(0, "R2").unwrap()[0];
    assert_eq!((row.first.as_nanos(), row.last.as_nanos(), row.count, row.width), (30, 39, 10, 2));
}

fn sheet<'a>(batch: &'a str, part: SheetPart, body: &'a [u8]) -> SheetRow<'a> {
    SheetRow { line: "tm3", batch, part, body }
}

#[test]
fn a_part_of_a_sheet_replaces_what_was_there_and_its_damage_is_noticed() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let mut store = open(&settings);
    let mut say = |sheets: &[SheetRow<'_>]| {
        store.commit(&Commit { sheets, ..Commit::default() }).unwrap();
    };
    say(&[sheet("R1", SheetPart::Sections, b"seen"), sheet("R1", SheetPart::Found, b"open")]);
    say(&[sheet("R1", SheetPart::Found, b"good"), sheet("R2", SheetPart::Found, b"bad")]);
    let reader = store.reader().unwrap();
    let part = |batch, part| reader.sheet("tm3", batch, part).unwrap();
    assert_eq!(part("R1", SheetPart::Sections).as_deref(), Some(&b"seen"[..]));
    assert_eq!(part("R1", SheetPart::Found).as_deref(), Some(&b"good"[..]));
    assert_eq!(part("R2", SheetPart::Sections), None);
    assert_eq!(reader.sheet("tm4", "R1", SheetPart::Found).unwrap(), None);
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    drop(store);
    let path = settings.path.as_deref().unwrap();
    let conn = Connection::open(path).unwrap();
    conn.execute("UPDATE sheets SET batch = 'R3' WHERE batch = 'R2'", ()).unwrap();
    let reader = Reader::open(path).unwrap();
    assert!(reader.sheet("tm3", "R3", SheetPart::Found).is_err(), "it is another batch's");
    assert_eq!(reader.check().unwrap().len(), 1);
}

#[test]
fn what_was_seen_along_old_batches_goes_before_readings_and_what_was_found_stays() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&settings(&dir, 4 * MIB, WhenFull::DropOldestReadings));
    let readings = store.outbox(READINGS).unwrap();
    for n in 0..260_i64 {
        let batch = format!("R{n}");
        let started = Timestamp::from_nanos(n + 1);
        let row =
            BatchRow { line: "tm3", batch: &batch, started, ended: None, record: "{}", edges: &[] };
        let (seen, reading) = (noise(n.cast_unsigned(), 14_000), noise(n.cast_unsigned(), 500));
        let sheets =
            [sheet(&batch, SheetPart::Sections, &seen), sheet(&batch, SheetPart::Found, b"{}")];
        let puts = [put(READINGS, "", false, &reading)];
        store
            .commit(&Commit { batches: &[row], sheets: &sheets, puts: &puts, ..Commit::default() })
            .unwrap();
    }
    let reader = store.reader().unwrap();
    let has = |n: i64, part| reader.sheet("tm3", &format!("R{n}"), part).unwrap().is_some();
    assert!(
        !has(0, SheetPart::Sections)
            && has(60, SheetPart::Sections)
            && has(259, SheetPart::Sections)
    );
    assert!((0..260).all(|n| has(n, SheetPart::Found)));
    assert_eq!(readings.pending().unwrap().items, 260);
    assert_eq!(store.take_dropped(), Dropped::default());
}
