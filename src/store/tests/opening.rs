//! Opening: locks, versions, files of others, stores in memory, elsewhere.

use super::*;
use std::fs::File;
use std::time::{Duration, SystemTime};

#[test]
fn a_store_is_owned_by_one_thread_and_its_handles_by_any() {
    fn send<T: Send>() {}
    fn shared<T: Send + Sync + Clone>() {}
    send::<Store>();
    shared::<Reader>();
    shared::<Arc<dyn Outbox>>();
}

#[test]
fn a_second_process_is_locked_out_until_the_first_ends() {
    let dir = TempDir::new().unwrap();
    let first = open(&large(&dir));
    let second = Store::open(&large(&dir)).unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    assert!(second.to_string().ends_with("onspec.db` is used by another process"));
    drop(first);
    open(&large(&dir));
}

#[test]
fn every_commit_waits_for_the_disk() {
    let dir = TempDir::new().unwrap();
    let store = open(&large(&dir));
    let conn = store.db().lock();
    let pragma = |name: &str| -> i64 { conn.pragma_query_value(None, name, |r| r.get(0)).unwrap() };
    assert_eq!(pragma("synchronous"), 2);
    assert_eq!(pragma("auto_vacuum"), 2);
    let mode: String = conn.pragma_query_value(None, "journal_mode", |r| r.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

/// What is in a file before, and why it is refused.
#[track_caller]
fn check_refused(prepare: impl FnOnce(&Path), reason: &str) {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let path = settings.path.clone().unwrap();
    prepare(&path);
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&settings).unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains(reason), "{error}");
    assert_eq!(before, std::fs::read(&path).unwrap(), "the file was changed");
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let sql = |path: &Path, sql: &str| stranger(path).execute_batch(sql).unwrap();
    check_refused(|path| std::fs::write(path, noise(1, 5000)).unwrap(), "not an SQLite file");
    check_refused(|path| sql(path, "CREATE TABLE t (a)"), "of another program");
    check_refused(|path| sql(path, "PRAGMA application_id = 7"), "of another program");
    check_refused(|path| sql(path, "PRAGMA user_version = 7"), "of another program");
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    check_refused(
        |path| {
            let dir = path.parent().unwrap();
            drop(open(&Settings {
                path: Some(dir.join("onspec.db")),
                max_size_bytes: MIB,
                when_full: WhenFull::Block,
            }));
            stranger(path).execute_batch("PRAGMA user_version = 99").unwrap();
        },
        "it has version 99, this release knows versions 1 to 6",
    );
}

#[test]
fn a_file_of_an_older_release_is_brought_up() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let mut store = open(&settings);
    let outbox = store.outbox("webhook/a").unwrap();
    outbox.park(1, 1, b"refused", "no", Timestamp::from_nanos(5));
    let record = r#"{"grade":"facial","verdict":"off-spec","disposition":null}"#;
    let (started, edges) = (Timestamp::from_nanos(7), &[][..]);
    let row = BatchRow { line: "tm3", batch: "R1", started, ended: None, record, edges };
    store.commit(&Commit { batches: &[row], ..Commit::default() }).unwrap();
    drop((outbox, store));
    let path = settings.path.as_deref().unwrap();
    // As the first release left it.
    let newer = "
        DROP TABLE genealogy; DROP TABLE sheets; DROP TABLE audit; DROP INDEX parked_by_outbox;
        ALTER TABLE parked DROP COLUMN key; ALTER TABLE parked DROP COLUMN at;
        DROP INDEX batches_by_grade; DROP INDEX batches_by_verdict; DROP INDEX batches_by_disposition;
        ALTER TABLE batches DROP COLUMN grade; ALTER TABLE batches DROP COLUMN verdict;
        ALTER TABLE batches DROP COLUMN disposition;
        DROP TABLE notifications; ALTER TABLE position DROP COLUMN notification_bytes;
        PRAGMA user_version = 1";
    stranger(path).execute_batch(newer).unwrap();
    let error = Reader::open(path).unwrap_err().to_string();
    assert!(error.contains("it has the older version 1; `onspec run` brings it up"), "{error}");
    let store = open(&settings);
    assert_eq!(store.reader().unwrap().edges("R1", true, 9).unwrap(), []);
    let reader = Reader::open(path).unwrap();
    let parked = reader.parked_of("webhook/a", None, 9).unwrap();
    assert_eq!((&*parked[0].body, &parked[0].key, parked[0].at), (&b"refused"[..], &None, None));
    assert_eq!(store.parked().get("webhook/a"), Some(&1));
    let verdict = Some("off-spec".to_owned());
    let off_spec = BatchFilter { verdict, ..BatchFilter::default() };
    assert_eq!(reader.batch_list(&off_spec, 9).unwrap().len(), 1, "also of before");
    let told = reader.notifications(0, &NotificationFilter::default(), 9).unwrap();
    assert_eq!((told.first, told.last, *store.notified().borrow()), (1, 0, 0));
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
}

#[test]
fn a_creation_that_was_cut_short_is_done_again() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let conn = stranger(settings.path.as_deref().unwrap());
    conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL").unwrap();
    drop(conn);
    let mut store = open(&settings);
    event(&mut store, b"a", None).unwrap();
}

#[test]
fn a_missing_directory_is_named() {
    let path = Some("/nowhere/at/all.db".into());
    let error = Store::open(&Settings { path, ..large(&TempDir::new().unwrap()) }).unwrap_err();
    assert_eq!(error.to_string(), "cannot create the lock file `/nowhere/at/all.db.lock`");
}

#[test]
fn in_memory_everything_works_but_the_end() {
    let settings =
        Settings { path: None, max_size_bytes: 2 * MIB, when_full: WhenFull::DropOldestReadings };
    let (mut store, other) = (open(&settings), open(&settings));
    let outbox = store.outbox(READINGS).unwrap();
    let reader = store.reader().unwrap();
    for n in 0..100 {
        let body = noise(n, 40_000);
        put_all(&mut store, &[put(READINGS, "", false, &body)]);
    }
    assert!(store.take_dropped().items > 50);
    assert!(store.size_bytes().unwrap() <= 2 * MIB);
    let ids: Vec<_> = outbox.oldest(0, 9, 1 << 20).unwrap().iter().map(|item| item.id).collect();
    outbox.done(&ids);
    store.settle().unwrap();
    assert_eq!(outbox.pending().unwrap(), reader.pending().unwrap()[0].1);
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    assert_eq!(bodies(&other.outbox(READINGS).unwrap()), [""; 0], "stores are apart");
}

#[test]
fn another_process_may_read_and_copy_a_store_in_use() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    event(&mut store, b"a", Some(b"state")).unwrap();
    let reader = Reader::open(store.db().file().unwrap()).unwrap();
    event(&mut store, b"b", None).unwrap();
    assert_eq!(reader.journal_after(0).count(), 2);
    assert_eq!(reader.checkpoint_before(1).unwrap().unwrap().state, b"state");
    assert_eq!(reader.checkpoint_before(0).unwrap(), None);

    let elsewhere = TempDir::new().unwrap();
    let copy = large(&elsewhere);
    reader.backup(copy.path.as_deref().unwrap()).unwrap();
    assert!(reader.backup(copy.path.as_deref().unwrap()).is_err(), "never over a file");
    let mut second = open(&copy);
    assert_eq!(second.recover().unwrap(), store.recover().unwrap());
    event(&mut second, b"c", None).unwrap();
    assert_eq!(second.reader().unwrap().check().unwrap(), Vec::<String>::new());

    let missing = elsewhere.path().join("missing.db");
    assert!(Reader::open(&missing).is_err());
    assert!(!missing.exists());
    let empty = elsewhere.path().join("empty.db");
    std::fs::write(&empty, b"").unwrap();
    assert!(matches!(Reader::open(&empty), Err(StoreError::Unusable { .. })));
}

#[test]
fn the_log_of_another_program_is_left_alone_while_that_writes_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("onspec.db");
    let other = stranger(&path);
    other.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").unwrap();
    let log = dir.path().join("onspec.db-wal");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let before = std::fs::read(&log).unwrap();
    assert!(!before.is_empty());
    File::options().write(true).open(&log).unwrap().set_modified(long_ago).unwrap();
    let error = Store::open(&large(&dir)).unwrap_err();
    assert!(error.to_string().contains("of another program"), "{error}");
    assert_eq!(std::fs::read(&log).unwrap(), before);
    assert_eq!(std::fs::metadata(&log).unwrap().modified().unwrap(), long_ago);
    other.execute_batch("INSERT INTO t VALUES (1)").unwrap();
}

#[test]
fn the_log_is_on_the_disk_before_a_start_goes_on_from_it() {
    let dir = TempDir::new().unwrap();
    let settings = large(&dir);
    let mut store = open(&settings);
    // More than is in memory at a time.
    event(&mut store, &noise(1, 3 << 20), None).unwrap();
    // As a killed process leaves it.
    let other = TempDir::new().unwrap();
    for name in ["onspec.db", "onspec.db-wal"] {
        std::fs::copy(dir.path().join(name), other.path().join(name)).unwrap();
    }
    let log = other.path().join("onspec.db-wal");
    let before = std::fs::read(&log).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    File::options().write(true).open(&log).unwrap().set_modified(long_ago).unwrap();
    let store = open(&large(&other));
    assert_eq!(store.recover().unwrap().last_seq, 1);
    assert_eq!(std::fs::read(&log).unwrap(), before);
    assert!(std::fs::metadata(&log).unwrap().modified().unwrap() > long_ago);
}

#[test]
fn a_store_is_locked_by_whatever_name_it_is_opened() {
    let dir = TempDir::new().unwrap();
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(dir.path().join("onspec.db"), &link).unwrap();
    let _store = open(&large(&dir));
    let by_link = Settings { path: Some(link), ..large(&dir) };
    assert!(matches!(Store::open(&by_link), Err(StoreError::Locked { .. })));
}
