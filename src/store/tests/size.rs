//! What goes when the size is reached, and what never does.

use super::*;

#[test]
fn at_the_size_journal_goes_first_then_old_frames_then_readings() {
    let dir = TempDir::new().unwrap();
    let max = 4 * MIB;
    let mut store = open(&settings(&dir, max, WhenFull::DropOldestReadings));
    let reader = store.reader().unwrap();
    let readings = store.outbox(READINGS).unwrap();
    let batch = noise(1, 2000);
    let names: Vec<_> = (0..260).map(|n| format!("R{n}")).collect();
    let runs = names.iter().zip(0..);
    let mut frames: Vec<_> = runs.map(|(name, n)| block(0, Some(name), n, &batch)).collect();
    frames.push(block(0, None, 999, &batch));
    store.commit(&Commit { frames: &frames, ..Commit::default() }).unwrap();
    let has = |batch: &str| !reader.frames(0, batch).unwrap().is_empty();
    let loose = || {
        let (from, to) = (Timestamp::from_nanos(999), Timestamp::MAX);
        !reader.frames_between(0, from, to).unwrap().is_empty()
    };
    let fill_before = store.fill();

    // Journal beyond the size: it goes, oldest first, and nothing else does.
    for n in 0..150 {
        event(&mut store, &noise(n, 40_000), Some(b"state")).unwrap();
        assert!(store.size_bytes().unwrap() <= max);
    }
    assert!(has("R0") && loose());
    assert!(reader.journal_start().unwrap().unwrap() > 50);
    assert!(journal(&store, 0).unwrap().last().unwrap().1 == 150);
    assert!(store.fill() < fill_before + 0.05, "old journal does not fill: {}", store.fill());

    // Readings push the journal out, then the frames of no batch and of the 60 oldest batches.
    let fill = |store: &mut Store, n: u64, body: usize| {
        let (reading, result) = (noise(n, body), noise(n, 100));
        let puts = [
            put(READINGS, "", false, &reading),
            put("influx/results", "", false, &result),
            put("webhook/a", "", false, &result),
        ];
        put_all(store, &puts);
    };
    let mut n = 0;
    while store.take_dropped() == Dropped::default() {
        fill(&mut store, n, 40_000);
        n += 1;
        if has("R59") {
            assert_eq!(readings.pending().unwrap().items, n, "readings went before frames");
        }
        if !loose() {
            assert_eq!(reader.journal_start().unwrap(), None, "frames went before the journal");
        }
        assert!(has("R60") && has("R259"), "the newest 200 stay");
        assert!(store.size_bytes().unwrap() <= max);
    }
    assert!(!has("R0") && !has("R59") && !loose());
    assert!(store.fill() > 0.9, "{}", store.fill());

    // Then the oldest readings, counted, and never results or webhooks.
    let before = readings.pending().unwrap().items;
    let mut dropped = Dropped::default();
    for _ in 0..50 {
        fill(&mut store, n, 40_000);
        n += 1;
        let more = store.take_dropped();
        dropped = Dropped {
            items: dropped.items + more.items,
            count: dropped.count + more.count,
            ..more
        };
        assert!(store.size_bytes().unwrap() <= max);
    }
    assert_eq!(readings.pending().unwrap().items, before + 50 - dropped.items);
    assert_eq!(dropped.count, dropped.items * 10);
    let newest = readings.newest(1, 1).unwrap().remove(0);
    assert_eq!(newest.body, noise(n - 1, 40_000));
    for outbox in ["influx/results", "webhook/a"] {
        assert_eq!(store.outbox(outbox).unwrap().pending().unwrap().items, n);
    }
    assert!(has("R60"));
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
}

#[test]
fn journal_that_no_checkpoint_covers_stays() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&settings(&dir, MIB, WhenFull::DropOldestReadings));
    for n in 0..100 {
        event(&mut store, &noise(n, 20_000), (n == 9).then_some(b"state")).unwrap();
    }
    assert_eq!(journal(&store, 10).unwrap().len(), 90);
    assert_eq!(store.reader().unwrap().journal_start().unwrap(), Some(11));
    assert!(store.fill() > 1.0);
}

#[test]
fn a_blocking_store_is_full_before_it_writes_anything() {
    let dir = TempDir::new().unwrap();
    let max = MIB;
    let mut store = open(&settings(&dir, max, WhenFull::Block));
    let readings = store.outbox(READINGS).unwrap();
    let mut n = 0;
    let error = loop {
        let body = noise(n, 20_000);
        let puts = [put(READINGS, "", false, &body)];
        let commit = Commit { events: 1, hash: n, puts: &puts, ..Commit::default() };
        match store.commit(&commit) {
            Ok(()) => n += 1,
            Err(error) => break error,
        }
        assert!(store.size_bytes().unwrap() <= max);
    };
    assert!(error.is_full(), "{error}");
    assert!(matches!(error, StoreError::Full { max_size_bytes: MIB, .. }));
    assert!(n > 20);
    assert_eq!(store.recover().unwrap().last_seq, n);
    assert_eq!(readings.pending().unwrap().items, n);
    assert_eq!(store.take_dropped(), Dropped::default());
    assert!(store.fill() > 0.9);

    let ids: Vec<_> = readings.oldest(0, 9, 1 << 20).unwrap().iter().map(|item| item.id).collect();
    readings.done(&ids);
    let body = noise(n, 20_000);
    let puts = [put(READINGS, "", false, &body)];
    let commit = Commit { events: 1, hash: n, puts: &puts, ..Commit::default() };
    store.commit(&commit).unwrap();
    assert_eq!(store.recover().unwrap().last_seq, n + 1);
    assert_eq!(readings.pending().unwrap().items, n + 1 - 9);
}

#[test]
fn freed_pages_go_back_to_the_file_system() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let outbox = store.outbox(READINGS).unwrap();
    for n in 0..20 {
        let body = noise(n, 1 << 20);
        put_all(&mut store, &[put(READINGS, "", false, &body)]);
    }
    let ids: Vec<_> = outbox.oldest(0, 99, usize::MAX).unwrap().iter().map(|i| i.id).collect();
    outbox.done(&ids);
    for _ in 0..20 {
        store.settle().unwrap();
    }
    drop((outbox, store));
    let store = open(&large(&dir));
    assert!(store.size_bytes().unwrap() < 6 * MIB, "{}", store.size_bytes().unwrap());
}

#[test]
fn the_log_stays_small() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    for n in 0..40 {
        event(&mut store, &noise(n, 1 << 20), Some(b"state")).unwrap();
    }
    let log = std::fs::metadata(store.db().log_file().unwrap()).unwrap().len();
    assert!(log < 8 * MIB, "{log}");
}

#[test]
fn churn_at_the_size_stays_within_it() {
    // Small, so that a commit is large beside the part that is reserved for the log.
    let max = 768 << 10;
    for seed in 0..4 {
        let dir = TempDir::new().unwrap();
        let mut store = open(&settings(&dir, max, WhenFull::DropOldestReadings));
        let results = store.outbox("influx/results").unwrap();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut below = |n: usize| random.next_u32() as usize % n;
        for n in 0..300 {
            let bodies: Vec<_> = (0..below(6)).map(|k| noise(k as u64, below(9000))).collect();
            let puts = bodies.iter().map(|body| put("influx/results", "", false, body));
            let puts: Vec<_> = puts.collect();
            let journal = noise(n, below(9000));
            let checkpoint = Some(&b"state"[..]).filter(|_| below(2) == 0);
            let commit = Commit { events: 1, hash: n, puts: &puts, ..Commit::default() };
            store.commit(&Commit { journal: &journal, checkpoint, ..commit }).unwrap();
            if below(3) == 0 {
                let arrived = results.oldest(0, 40, usize::MAX).unwrap();
                results.done(&arrived.iter().map(|item| item.id).collect::<Vec<_>>());
            }
            if below(10) == 0 {
                store.settle().unwrap();
            }
            let size = store.size_bytes().unwrap();
            // What may never go could make it larger, and is never that much here.
            assert!(store.fill() < 0.9, "seed {seed}: {}", store.fill());
            assert!(size <= max, "seed {seed}, commit {n}: {size} bytes");
        }
    }
}

#[test]
fn parked_entries_take_a_share_and_go_before_readings() {
    let dir = TempDir::new().unwrap();
    let max = 4 * MIB;
    for when_full in [WhenFull::DropOldestReadings, WhenFull::Block] {
        let mut store = open(&settings(&dir, max, when_full));
        let (readings, reader) = (store.outbox(READINGS).unwrap(), store.reader().unwrap());
        let before = reader.parked(99).unwrap().len();
        for n in 0..20_i64 {
            let body = noise(n.cast_unsigned(), 50_000);
            readings.park(n, 7, &body, "beyond the retention", Timestamp::default());
        }
        store.settle().unwrap();
        let kept = reader.parked(99).unwrap();
        assert_eq!((kept.len(), kept[0].entry), (4, 19), "a sixteenth is 256 KiB");
        assert_eq!(store.take_dropped().parked, 7 * (before as u64 + 20 - 4));

        // Readings are taken until all that was parked is gone, and the store is still not full.
        let mut n = 0;
        while !reader.parked(1).unwrap().is_empty() {
            // Less than a parked entry gives back.
            let body = noise(n, 10_000);
            put_all(&mut store, &[put(READINGS, "", false, &body)]);
            n += 1;
        }
        let dropped = store.take_dropped();
        assert_eq!((dropped.parked, dropped.count), (7 * 4, 0));
        let all = readings.oldest(0, usize::MAX, usize::MAX).unwrap();
        assert_eq!(all.len() as u64, n);
        // Room for the second round.
        readings.done(&all.iter().map(|item| item.id).collect::<Vec<_>>());
        readings.park(1, 7, b"x", "again", Timestamp::default());
        store.settle().unwrap();
    }
}

#[test]
fn what_waits_for_nobody_goes_after_a_week_or_before_readings() {
    const DAY: i64 = 86_400_000_000_000;
    let dir = TempDir::new().unwrap();
    let mut store = open(&settings(&dir, MIB, WhenFull::DropOldestReadings));
    let body = noise(1, 100_000);
    put_all(&mut store, &[put("webhook/old", "", false, &body), put("webhook/a", "", false, b"a")]);
    let at = |days: i64| Timestamp::from_nanos(days * DAY);
    let names = |orphans: Vec<Orphan>| -> Vec<(String, u64, bool)> {
        orphans.into_iter().map(|o| (o.outbox, o.pending.items, o.dropped)).collect()
    };
    let receivers = ["webhook/a", READINGS];
    let all = ["webhook/a", "webhook/old", READINGS];
    assert_eq!(names(store.name_receivers(&all, at(0)).unwrap()), []);
    let waits = [("webhook/old".to_owned(), 1, false)];
    assert_eq!(names(store.name_receivers(&receivers, at(3)).unwrap()), waits);
    drop(store);

    // The first time counts, until somebody comes back.
    let mut store = open(&settings(&dir, MIB, WhenFull::DropOldestReadings));
    assert_eq!(names(store.name_receivers(&receivers, at(9)).unwrap()), waits);
    assert_eq!(names(store.name_receivers(&all, at(9)).unwrap()), []);
    assert_eq!(names(store.name_receivers(&receivers, at(10)).unwrap()), waits);

    // Room is needed: it goes before any reading.
    let old = store.outbox("webhook/old").unwrap();
    let mut n = 0;
    while old.pending().unwrap().items > 0 {
        let body = noise(n, 40_000);
        put_all(&mut store, &[put(READINGS, "", false, &body)]);
        n += 1;
    }
    let dropped = store.take_dropped();
    assert_eq!((dropped.orphaned, dropped.count), (10, 0));
    assert_eq!(store.outbox(READINGS).unwrap().pending().unwrap().items, n);
    assert_eq!(store.outbox("webhook/a").unwrap().pending().unwrap().items, 1);

    put_all(&mut store, &[put("webhook/old", "", false, b"b")]);
    let gone = [("webhook/old".to_owned(), 1, true)];
    assert_eq!(names(store.name_receivers(&receivers, at(17)).unwrap()), gone);
    assert_eq!(store.take_dropped().orphaned, 10);
    assert_eq!(names(store.name_receivers(&receivers, at(17)).unwrap()), []);
}
