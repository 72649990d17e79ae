//! The journal and its checkpoints, read back.

use super::*;

#[test]
fn a_start_finds_state_and_journal() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    assert_eq!(store.recover().unwrap(), Recovery::default());
    assert_eq!(journal(&store, 0).unwrap(), []);
    for (events, checkpoint) in [(3, None), (1, Some(&b"state"[..])), (2, None), (4, None)] {
        let hash = 100 + events;
        let text = format!("{events} events");
        let journal = text.as_bytes();
        store.commit(&Commit { events, journal, hash, checkpoint, ..Commit::default() }).unwrap();
    }
    drop(store);
    let store = open(&large(&dir));
    let state = b"state".to_vec();
    assert_eq!(
        store.recover().unwrap(),
        Recovery {
            checkpoint: Some(Checkpoint { seq: 4, hash: 101, state }),
            last_seq: 10,
            last_hash: 104
        }
    );
    assert_eq!(journal(&store, 4).unwrap(), [(5, 6, 102), (7, 10, 104)]);
    assert_eq!(journal(&store, 7).unwrap(), [(7, 10, 104)], "the entry that has event 8");
    assert_eq!(journal(&store, 10).unwrap(), []);
    let bytes: Vec<_> = store.journal_after(0).map(|chunk| chunk.unwrap().bytes).collect();
    assert_eq!(bytes, [b"3 events", b"1 events", b"2 events", b"4 events"]);
}

#[test]
fn a_commit_without_events_moves_neither_journal_nor_hash() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    event(&mut store, b"a", None).unwrap();
    let body = b"x";
    store
        .commit(&Commit {
            hash: 77,
            puts: &[put("webhook/a", "", false, body)],
            checkpoint: Some(b"state"),
            ..Commit::default()
        })
        .unwrap();
    let recovery = store.recover().unwrap();
    assert_eq!((recovery.last_seq, recovery.last_hash), (1, 1));
    let checkpoint = recovery.checkpoint.unwrap();
    assert_eq!((checkpoint.seq, checkpoint.hash), (1, 1));
}

#[test]
fn a_long_journal_is_read_in_parts() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    for n in 0..200 {
        event(&mut store, &noise(n, 10), None).unwrap();
    }
    let read: Vec<_> = store.reader().unwrap().journal_after(20).map(Result::unwrap).collect();
    assert_eq!(read.len(), 180);
    for (chunk, n) in read.iter().zip(20..) {
        assert_eq!((chunk.first_seq, &chunk.bytes), (n + 1, &noise(n, 10)));
    }
}

#[test]
fn checkpoints_for_replays_stay_as_long_as_the_journal_after_them() {
    let dir = TempDir::new().unwrap();
    // In memory: it is about numbers, and 100 MB are much for a disk.
    let mut store = open(&Settings { path: None, ..settings(&dir, 80 * MIB, WhenFull::Block) });
    let reader = store.reader().unwrap();
    for n in 0..60 {
        event(&mut store, &noise(n, 1_000_000), Some(b"state")).unwrap();
    }
    let kept = reader.checkpoints().unwrap();
    assert_eq!(kept, [17, 34, 51, 60], "one in 16 MiB, and the newest");
    assert_eq!(reader.checkpoint_before(40).unwrap().unwrap().hash, 34);
    for n in 0..40 {
        event(&mut store, &noise(n, 1_000_000), Some(b"state")).unwrap();
    }
    let start = reader.journal_start().unwrap().unwrap();
    let kept = reader.checkpoints().unwrap();
    assert!(start > 20);
    assert!(kept.first().is_some_and(|seq| seq + 1 >= start), "{kept:?}, journal from {start}");
    assert_eq!(kept.last(), Some(&100));
}

#[test]
fn journal_pruned_while_it_is_read_is_said_so() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&Settings { path: None, ..settings(&dir, 2 * MIB, WhenFull::Block) });
    for n in 0..70 {
        event(&mut store, &noise(n, 10_000), Some(b"state")).unwrap();
    }
    let mut reading = store.journal_after(0);
    let first = reading.next().unwrap().unwrap();
    assert_eq!(first.first_seq, 1);
    for n in 0..300 {
        event(&mut store, &noise(n, 10_000), Some(b"state")).unwrap();
    }
    let error = reading.find_map(Result::err).unwrap();
    assert!(matches!(error, StoreError::Pruned { from: 65, .. }), "{error}");
    assert!(reading.next().is_none());
}
