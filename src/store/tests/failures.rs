//! Damage, full disks, failed writes.

use super::*;

/// Damages a store from outside and says what reading it back says.
#[track_caller]
fn check_damage(sql: &str, expected: &str) {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let mut store = open(&settings);
    let puts = [put("webhook/a", "k", false, b"body one"), put("webhook/a", "", false, b"two")];
    put_all(&mut store, &puts);
    for n in 0..4 {
        event(&mut store, &noise(n, 99), (n == 1).then_some(b"state")).unwrap();
    }
    drop(store);
    stranger(settings.path.as_deref().unwrap()).execute_batch(sql).unwrap();
    let store = open(&settings);
    let read = || {
        let after = store.recover()?.checkpoint.unwrap().seq;
        journal(&store, after)?;
        store.outbox("webhook/a")?.oldest(0, 9, 9999)
    };
    let error = read().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains(expected), "{error}");
    let damage = store.reader().unwrap().check().unwrap();
    assert_eq!(damage.iter().filter(|line| line.contains(expected)).count(), 1, "{damage:?}");
}

#[test]
fn damage_is_reported_with_table_and_row() {
    let body = "body = CAST(substr(body, 1, length(body) - 1) || x'77' AS BLOB)";
    check_damage(
        &format!("UPDATE journal SET {body} WHERE first_seq = 3"),
        "row 3 of table `journal`: its checksum is",
    );
    check_damage("UPDATE journal SET hash = 9 WHERE first_seq = 4", "row 4 of table `journal`");
    check_damage("UPDATE checkpoints SET hash = 5", "row 2 of table `checkpoints`");
    check_damage(&format!("UPDATE checkpoints SET {body}"), "row 2 of table `checkpoints`");
    check_damage(&format!("UPDATE outbox SET {body} WHERE id = 2"), "row 2 of table `outbox`");
    check_damage("UPDATE outbox SET key = 'l' WHERE id = 1", "row 1 of table `outbox`");
    check_damage("UPDATE outbox SET count = 3 WHERE id = 1", "row 1 of table `outbox`");
    check_damage(
        "DELETE FROM journal WHERE first_seq = 3",
        "events 3 to 3 are missing in table `journal`",
    );
    check_damage(
        "DELETE FROM journal WHERE first_seq = 4",
        "events 4 to 4 are missing in table `journal`",
    );
}

#[test]
fn wrong_counters_are_found_by_the_check() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    put_all(&mut store, &[put("webhook/a", "", false, b"body")]);
    assert_eq!(store.reader().unwrap().check().unwrap(), Vec::<String>::new());
    stranger(store.db().file().unwrap()).execute_batch("UPDATE outboxes SET items = 7").unwrap();
    let damage = store.reader().unwrap().check().unwrap();
    assert_eq!(damage.len(), 1);
    assert!(damage[0].contains("`webhook/a`"), "{damage:?}");
}

#[test]
fn a_full_disk_is_passing() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let limit = |store: &Store, pages: i64| {
        let conn = store.db().lock();
        conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    };
    limit(&store, 60);
    let outbox = store.outbox("webhook/a").unwrap();
    put_all(&mut store, &[put("webhook/a", "", false, b"small")]);
    outbox.done(&[1]);
    let body = noise(1, 400_000);
    let puts = [put("webhook/a", "", false, &body)];
    let commit = Commit { puts: &puts, ..Commit::default() };
    let error = store.commit(&commit).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(error.is_full());
    assert_eq!(outbox.oldest(0, 9, 9).unwrap(), [], "what is done stays done");
    limit(&store, 100_000);
    store.commit(&commit).unwrap();
    assert_eq!(outbox.pending().unwrap().items, 1);
}

#[test]
fn after_another_failure_nothing_is_taken() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    event(&mut store, b"safe", None).unwrap();
    let outbox = store.outbox("webhook/a").unwrap();
    let reader = store.reader().unwrap();
    stranger(store.db().file().unwrap()).execute_batch("DROP TABLE checkpoints").unwrap();
    let body = b"x";
    let commit = Commit {
        events: 1,
        journal: b"lost",
        puts: &[put("webhook/a", "", false, body)],
        checkpoint: Some(b"state"),
        ..Commit::default()
    };
    let error = store.commit(&commit).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite { .. }) && !error.is_full(), "{error}");
    let refused = store.commit(&Commit::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    assert!(refused.to_string().contains("cannot replace the checkpoint"), "{refused}");
    assert!(refused.to_string().contains("no such table: checkpoints"), "{refused}");
    assert!(matches!(store.settle(), Err(StoreError::Refused { .. })));
    assert_eq!(bodies(&outbox), [""; 0], "all of the commit or nothing");
    assert_eq!(reader.journal_start().unwrap(), Some(1));
}
