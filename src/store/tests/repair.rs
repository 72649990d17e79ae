//! A damaged file, and what is left of it.

use super::*;
use crate::store::repair;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};

/// A store with something in every table: 40 events, a state after the 20th.
fn filled(dir: &TempDir) -> Settings {
    let settings = large(dir);
    let mut store = open(&settings);
    let artifact = noise(99, 3000);
    let header = r#"{"kind":"pca"}"#;
    let model = ModelRow {
        id: 7,
        line: "tm3",
        grade: "facial",
        kind: "pca",
        version: 1,
        at: Timestamp::from_nanos(5),
        header,
        artifact: &artifact,
        active: true,
    };
    let sheet =
        SheetRow { line: "tm3", batch: "R0", part: SheetPart::Found, body: br#"{"batch":"R0"}"# };
    let told =
        NotificationRow { kind: "line.blind", line: "tm3", body: br#"{"type":"line.blind"}"# };
    let commit = Commit { models: &[model], sheets: &[sheet], ..Commit::default() };
    store.commit(&Commit { notifications: &[told, told], ..commit }).unwrap();
    for n in 0..40 {
        let (body, frames) = (noise(n, 9000), noise(n + 500, 5000));
        let batch = format!("R{n}");
        let blocks = [block(0, Some(&batch), i64::try_from(n).unwrap(), &frames)];
        let puts = [put(READINGS, "", false, &body), put("webhook/a", "", false, b"event")];
        let (journal, state) = (noise(n + 900, 6000), noise(n + 700, 20_000));
        let commit = Commit { events: 1, hash: n + 1, puts: &puts, ..Commit::default() };
        let checkpoint = Some(&state[..]).filter(|_| n == 19);
        store.commit(&Commit { journal: &journal, frames: &blocks, checkpoint, ..commit }).unwrap();
    }
    settings
}

fn path(settings: &Settings) -> &Path {
    settings.path.as_deref().unwrap()
}

/// Overwrites a page of the file that holds the bytes.
fn tear(settings: &Settings, holds: &[u8]) {
    let all = fs::read(path(settings)).unwrap();
    let at = all.windows(holds.len()).position(|window| window == holds);
    let page = at.expect("it is in the file") / 4096 * 4096;
    let mut file = fs::OpenOptions::new().write(true).open(path(settings)).unwrap();
    file.seek(SeekFrom::Start(page as u64)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
}

/// The packed journal of an event begins so: noise does not compress.
fn of_event(n: u64) -> Vec<u8> {
    noise(n - 1 + 900, 6000)[100..160].to_vec()
}

#[test]
fn of_a_whole_file_everything_stays() {
    let dir = TempDir::new().unwrap();
    let settings = filled(&dir);
    let (before, pending) = {
        let store = open(&settings);
        (store.recover().unwrap(), store.reader().unwrap().pending().unwrap())
    };
    let repaired = repair(path(&settings)).unwrap();
    assert_eq!((repaired.events, repaired.torn.len()), ((40, 40), 0));
    assert!(repaired.tables.iter().all(|(_, _, damaged)| *damaged == 0), "{repaired:?}");
    assert!(repaired.damaged.exists());
    let mut store = open(&settings);
    assert_eq!(store.recover().unwrap(), before);
    let reader = store.reader().unwrap();
    assert_eq!(reader.pending().unwrap(), pending);
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    assert_eq!(journal(&store, 0).unwrap().len(), 40);
    assert_eq!(reader.frames(0, "R39").unwrap()[0].bytes, noise(539, 5000));
    assert_eq!(reader.model_artifact(7).unwrap().unwrap(), noise(99, 3000));
    // It goes on as it was: no id is used twice, also when the outbox is empty.
    let readings = store.outbox(READINGS).unwrap();
    let ids: Vec<_> = readings.oldest(0, 99, usize::MAX).unwrap().iter().map(|i| i.id).collect();
    readings.done(&ids);
    store.settle().unwrap();
    drop((readings, reader, store));
    repair(path(&settings)).unwrap();
    let mut store = open(&settings);
    put_all(&mut store, &[put(READINGS, "", false, b"next")]);
    let next = store.outbox(READINGS).unwrap().oldest(0, 1, 99).unwrap()[0].id;
    assert!(next > *ids.last().unwrap(), "{next}");
}

#[test]
fn a_torn_journal_is_kept_up_to_the_hole_and_the_rest_stays() {
    let dir = TempDir::new().unwrap();
    let settings = filled(&dir);
    tear(&settings, &of_event(31));
    let reader = Reader::open(path(&settings)).unwrap();
    assert!(!reader.check().unwrap().is_empty());
    drop(reader);
    let repaired = repair(path(&settings)).unwrap();
    assert_eq!(repaired.events, (30, 40));
    let store = open(&settings);
    let recovery = store.recover().unwrap();
    assert_eq!((recovery.last_seq, recovery.last_hash), (30, 30));
    assert_eq!(recovery.checkpoint.unwrap().seq, 20);
    assert_eq!(journal(&store, 20).unwrap().len(), 10);
    let reader = store.reader().unwrap();
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    // What was to be sent is all there.
    assert!(reader.pending().unwrap().iter().all(|(_, pending)| pending.items == 40));
}

#[test]
fn without_a_state_the_journal_begins_at_the_beginning_or_there_is_none() {
    let state = noise(19 + 700, 20_000)[9000..9060].to_vec();
    for (also, expected) in [(None, (40, 40)), (Some(of_event(1)), (0, 40))] {
        let dir = TempDir::new().unwrap();
        let settings = filled(&dir);
        tear(&settings, &state);
        if let Some(also) = also {
            tear(&settings, &also);
        }
        let repaired = repair(path(&settings)).unwrap();
        assert_eq!(repaired.events, expected, "{repaired:?}");
        let mut store = open(&settings);
        let recovery = store.recover().unwrap();
        assert_eq!((recovery.last_seq, recovery.checkpoint), (expected.0, None));
        assert_eq!(journal(&store, 0).unwrap().len() as u64, expected.0);
        assert_eq!(store.reader().unwrap().check().unwrap(), Vec::<String>::new());
        event(&mut store, b"it goes on", Some(b"state")).unwrap();
    }
}

#[test]
fn pages_torn_anywhere_leave_a_store_that_fits_together() {
    let dir = TempDir::new().unwrap();
    let whole = {
        let settings = filled(&dir);
        let mut bytes = Vec::new();
        fs::File::open(path(&settings)).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let pages = u32::try_from(whole.len() / 4096).unwrap();
    let mut mended = 0;
    for round in 0..30 {
        let dir = TempDir::new().unwrap();
        let settings = large(&dir);
        let mut torn = whole.clone();
        for _ in 0..=round % 4 {
            // The first page says what kind of file it is: without it nothing can be told.
            let page = 1 + random.next_u32() % (pages - 1);
            let at = page as usize * 4096;
            torn[at..at + 4096].fill(0xa5);
        }
        fs::write(path(&settings), torn).unwrap();
        // The tables' list itself may be torn; then it is said, and the file is left alone.
        let Ok(repaired) = repair(path(&settings)) else {
            assert!(path(&settings).exists());
            continue;
        };
        mended += 1;
        let mut store = open(&settings);
        let damage = store.reader().unwrap().check().unwrap();
        assert_eq!(damage, Vec::<String>::new(), "round {round}: {repaired:?}");
        event(&mut store, b"it goes on", Some(b"state")).unwrap();
        put_all(&mut store, &[put(READINGS, "", false, b"next")]);
    }
    assert!(mended > 20, "{mended}");
}

#[test]
fn a_store_in_use_and_what_is_none_are_left_alone() {
    let dir = TempDir::new().unwrap();
    let settings = filled(&dir);
    let store = open(&settings);
    assert!(matches!(repair(path(&settings)), Err(StoreError::Locked { .. })));
    drop(store);
    fs::write(path(&settings), b"no store").unwrap();
    assert!(matches!(repair(path(&settings)), Err(StoreError::Unusable { .. })));
    assert_eq!(fs::read(path(&settings)).unwrap(), b"no store");
}
